/* What outlives a restart besides the jobs themselves: pauses, priorities, the order of claims,
 * keys of clients that ask again, checkpoints and the curves that belong to them.
 */
#include <pthread.h>

#include "check_store.h"

/* ---- steps ---- */

static int64_t submit_at(int64_t priority)
{
    struct store_job_new job = {.kind = "train", .priority = priority, .disk_bytes = 100};
    int64_t id = 0, model_id = 0;

    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
    return id;
}

static enum job_state pause_job(int64_t id)
{
    enum job_state state = JOB_FAILED;

    OK(OPS->job_pause(help_store, id, &state, err));
    ck_assert_int_eq(help_state(id), state);
    return state;
}

static enum job_state resume_job(int64_t id)
{
    enum job_state state = JOB_FAILED;

    OK(OPS->job_resume(help_store, id, &state, err));
    ck_assert_int_eq(help_state(id), state);
    return state;
}

static void expect_position(int64_t id, int64_t want)
{
    int64_t position = -1;

    OK(OPS->job_position(help_store, id, &position, err));
    ck_assert_int_eq(position, want);
}

/* Nothing to claim, and nothing that comes by itself. */
static void expect_idle(void)
{
    struct store_job job;
    int64_t wait_ms = -1;

    NOTHING(OPS->job_claim_wait(help_store, OWNER, &job, &wait_ms, err));
    ck_assert_int_eq(wait_ms, 0);
}

/* ---- priority and order ---- */

START_TEST(claims_go_by_priority_then_age)
{
    static const int64_t priorities[] = {0, 5, -3, 5, 0, INT64_MAX, INT64_MIN, 5};
    static const int64_t order[] = {6, 2, 4, 8, 1, 5, 3, 7};
    struct store_job job;

    for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
        ck_assert_int_eq(submit_at(priorities[i]), (int64_t)i + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        expect_position(order[i], (int64_t)i + 1);
    }
    help_reopen(OWNER);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        expect_position(order[i], 1);
        OK(OPS->job_claim(help_store, OWNER, &job, err));
        ck_assert_int_eq(job.id, order[i]);
        ck_assert_int_eq(job.priority, priorities[order[i] - 1]);
        store_job_fini(&job);
        expect_position(order[i], 0);
    }
    expect_idle();
}
END_TEST

START_TEST(a_job_comes_back_to_its_place)
{
    int64_t low = submit_at(-1), first = submit_at(3), second = submit_at(3);

    help_claim(first, OWNER);
    OK(OPS->job_release(help_store, first, OWNER, err));
    expect_position(first, 1);
    ck_assert_int_eq(pause_job(first), JOB_PAUSED);
    expect_position(first, 0);
    expect_position(second, 1);
    expect_position(low, 2);
    ck_assert_int_eq(resume_job(first), JOB_QUEUED);
    expect_position(first, 1);
    expect_position(low, 3);
    help_claim(first, OWNER);
    help_claim(second, OWNER);
    help_claim(low, OWNER);
}
END_TEST

/* One that must wait lets others pass, says how long it is, and comes by itself. */
START_TEST(a_waiting_job_is_passed_over)
{
    int64_t waits = submit_at(9), other = submit_at(0), wait_ms = 0, from;
    struct store_job job;
    char sql[128];
    sqlite3 *db;

    help_close();
    db = help_raw_open();
    from = clock_now_ms();
    (void)snprintf(sql, sizeof sql, "UPDATE job SET not_before = %lld WHERE id = %lld",
                   (long long)from + 400, (long long)waits);
    help_raw_exec(db, sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    expect_position(waits, 1);
    help_claim(other, OWNER);
    for (;;) {
        int rc;

        wait_ms = 0;
        rc = OPS->job_claim_wait(help_store, OWNER, &job, &wait_ms, &(struct err)ERR_INIT);
        if (rc == 0) {
            break;
        }
        ck_assert_int_eq(rc, 1);
        ck_assert_int_gt(wait_ms, 0);
        ck_assert_int_le(wait_ms, 400);
        ck_assert_int_eq(usleep((unsigned)wait_ms * 1000), 0);
    }
    ck_assert_int_eq(job.id, waits);
    ck_assert_int_ge(clock_now_ms(), from + 400);
    store_job_fini(&job);
    expect_idle();
}
END_TEST

/* A time that no pause reaches: the clock was set back, and nobody waits for it. */
START_TEST(a_clock_set_back_holds_nobody)
{
    int64_t id = submit_at(0);
    char sql[96];
    sqlite3 *db;

    help_close();
    db = help_raw_open();
    (void)snprintf(sql, sizeof sql, "UPDATE job SET not_before = %lld",
                   (long long)clock_now_ms() + 3600000);
    help_raw_exec(db, sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    help_claim(id, OWNER);
}
END_TEST

START_TEST(room_is_held_until_the_end)
{
    int64_t ids[4], total = -1;
    enum job_state state;

    OK(OPS->job_disk(help_store, &total, err));
    ck_assert_int_eq(total, 0);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = submit_at(0);
    }
    help_claim(ids[0], OWNER);
    (void)pause_job(ids[1]);
    OK(OPS->job_disk(help_store, &total, err));
    ck_assert_int_eq(total, 400);
    help_finish(ids[0], OWNER, JOB_SUCCEEDED, true);
    OK(OPS->job_cancel(help_store, ids[1], &state, err));
    OK(OPS->job_disk(help_store, &total, err));
    ck_assert_int_eq(total, 200);
    help_reopen("boot-2");
    OK(OPS->job_disk(help_store, &total, err));
    ck_assert_int_eq(total, 200);
}
END_TEST

/* ---- pause ---- */

START_TEST(a_paused_queue_gives_nothing)
{
    int64_t running = submit_at(0), waiting = submit_at(0);
    bool paused = true;

    OK(OPS->queue_paused(help_store, &paused, err));
    ck_assert(!paused);
    help_claim(running, OWNER);
    for (int i = 0; i < 2; i++) {
        OK(OPS->queue_pause(help_store, true, err));
        OK(OPS->queue_paused(help_store, &paused, err));
        ck_assert(paused);
        expect_idle();
    }
    help_finish(running, OWNER, JOB_SUCCEEDED, true); /* running ones go on */
    help_reopen("boot-2");
    OK(OPS->queue_paused(help_store, &paused, err));
    ck_assert(paused);
    expect_idle();
    ck_assert_int_gt(submit_at(0), waiting); /* and new ones are taken */
    OK(OPS->queue_pause(help_store, false, err));
    OK(OPS->queue_paused(help_store, &paused, err));
    ck_assert(!paused);
    help_claim(waiting, "boot-2");
    help_reopen("boot-2");
    OK(OPS->queue_paused(help_store, &paused, err));
    ck_assert(!paused);
}
END_TEST

START_TEST(a_queued_job_is_paused_and_resumed)
{
    int64_t id = help_train(), model = help_model_of(id);

    ck_assert_int_eq(resume_job(id), JOB_QUEUED); /* nothing to do */
    ck_assert_int_eq(pause_job(id), JOB_PAUSED);
    ck_assert_int_eq(pause_job(id), JOB_PAUSED);
    expect_idle();
    help_model_state(model, "pending");
    REFUSED(ERR_CONFLICT, OPS->model_delete(help_store, model, err));
    help_reopen("boot-2");
    ck_assert_int_eq(help_state(id), JOB_PAUSED);
    expect_idle();
    help_close();
    help_verify();
    help_open("boot-2", 0);
    ck_assert_int_eq(resume_job(id), JOB_QUEUED);
    help_claim(id, "boot-2");
    help_events(id, "queued | paused | queued:resumed | running:attempt 1");
}
END_TEST

START_TEST(a_running_job_is_paused_by_its_worker)
{
    int64_t id = help_train();
    struct store_job job;
    enum job_state state;

    help_claim(id, OWNER);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pause_job(id), JOB_RUNNING);
    }
    job = help_get(id);
    ck_assert(job.pause_requested);
    store_job_fini(&job);
    for (int i = 0; i < 2; i++) { /* taken back */
        ck_assert_int_eq(resume_job(id), JOB_RUNNING);
    }
    job = help_get(id);
    ck_assert(!job.pause_requested);
    store_job_fini(&job);
    ck_assert_int_eq(pause_job(id), JOB_RUNNING);
    OK(OPS->job_release(help_store, id, OWNER, err));
    job = help_get(id);
    ck_assert_int_eq(job.state, JOB_PAUSED);
    ck_assert(!job.pause_requested);
    ck_assert_int_eq(job.started_at, 0);
    ck_assert_int_eq(job.attempt, 1);
    store_job_fini(&job);
    help_events(id, "queued | running:attempt 1 | pause_requested | resume_requested"
                    " | pause_requested | paused");
    OK(OPS->job_cancel(help_store, id, &state, err));
    ck_assert_int_eq(state, JOB_CANCELLED);
    help_model_state(help_model_of(id), "failed");
    REFUSED(ERR_CONFLICT, OPS->job_pause(help_store, id, &state, err));
    REFUSED(ERR_CONFLICT, OPS->job_resume(help_store, id, &state, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_pause(help_store, 99, &state, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_resume(help_store, 99, &state, err));
}
END_TEST

START_TEST(cancelling_is_the_stronger_word)
{
    int64_t id = help_train(), done = help_train();
    struct store_job job;
    enum job_state state;

    help_claim(id, OWNER);
    (void)pause_job(id);
    OK(OPS->job_cancel(help_store, id, &state, err));
    job = help_get(id);
    ck_assert(job.cancel_requested && !job.pause_requested);
    store_job_fini(&job);
    REFUSED(ERR_CONFLICT, OPS->job_pause(help_store, id, &state, err));
    ck_assert_int_eq(resume_job(id), JOB_RUNNING); /* no pause to take back */
    OK(OPS->job_release(help_store, id, OWNER, err));
    ck_assert_int_eq(help_state(id), JOB_CANCELLED);

    help_claim(done, OWNER); /* it came to its end before its worker saw the wish */
    (void)pause_job(done);
    help_finish(done, OWNER, JOB_SUCCEEDED, true);
    job = help_get(done);
    ck_assert(!job.pause_requested);
    store_job_fini(&job);
}
END_TEST

START_TEST(paused_jobs_hold_what_they_need)
{
    const char *hash = help_hash('d');
    struct store_job_new job = {.kind = "train", .datasets = &hash, .n_datasets = 1};
    int64_t dataset = 0, id = 0, model = 0, parent;
    enum job_state state;
    bool created, orphan = false;

    parent = help_train();
    help_claim(parent, OWNER);
    help_finish(parent, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->dataset_add(help_store, NULL, hash, 1, 1, 1, false, &dataset, &created, err));
    job.parent_id = help_model_of(parent);
    OK(OPS->job_submit(help_store, &job, &id, &model, err));
    (void)pause_job(id);
    REFUSED(ERR_CONFLICT, OPS->dataset_delete(help_store, dataset, &orphan, err));
    REFUSED(ERR_CONFLICT, OPS->model_delete(help_store, job.parent_id, err));
    REFUSED(ERR_CONFLICT, OPS->job_delete(help_store, id, err));
    OK(OPS->job_cancel(help_store, id, &state, err));
    OK(OPS->dataset_delete(help_store, dataset, &orphan, err));
    ck_assert(orphan);
    OK(OPS->model_delete(help_store, job.parent_id, err));
    OK(OPS->job_delete(help_store, id, err));
}
END_TEST

/* ---- keys ---- */

static int submit_with(const char *key, const char *body, int64_t *id, int64_t *model,
                       struct err *err)
{
    struct store_job_new job = {.kind = "train", .key = key, .body_sha256 = body, .max_queued = 2};

    return OPS->job_submit(help_store, &job, id, model, err);
}

START_TEST(a_key_makes_one_job)
{
    int64_t id = 0, model = 0, again = 0, again_model = 0;
    char body[HASH_HEX_LEN];
    struct err why = ERR_INIT;

    NOTHING(OPS->job_by_key(help_store, "k1", &id, &model, body, err));
    OK(submit_with("k1", help_hash('b'), &id, &model, err));
    for (int i = 0; i < 3; i++) {
        again = again_model = 0;
        NOTHING(submit_with("k1", help_hash('b'), &again, &again_model, err));
        ck_assert_int_eq(again, id);
        ck_assert_int_eq(again_model, model);
        OK(OPS->job_by_key(help_store, "k1", &again, &again_model, body, err));
        ck_assert_int_eq(again, id);
        ck_assert_int_eq(again_model, model);
        ck_assert_str_eq(body, help_hash('b'));
        if (i == 0) {
            help_reopen("boot-2");
        }
        if (i == 1) { /* whatever became of it, and however full the queue is */
            help_claim(id, "boot-2");
            help_finish(id, "boot-2", JOB_SUCCEEDED, true);
            (void)help_train();
            (void)help_train();
            REFUSED(ERR_BUSY, submit_with("k2", help_hash('b'), &again, &again_model, err));
        }
    }
    ck_assert_int_eq(submit_with("k1", help_hash('c'), &again, &again_model, &why), -1);
    ck_assert_str_eq(err_code_name(why.code), "invalid");
    ck_assert_ptr_nonnull(strstr(why.detail, "Idempotency-Key"));
    err_fini(&why);
    /* The refused one is not known. */
    NOTHING(OPS->job_by_key(help_store, "k2", &again, &again_model, body, err));
    help_close();
    help_verify();
}
END_TEST

START_TEST(a_key_goes_with_its_job)
{
    int64_t id = 0, model = 0, next = 0;
    enum job_state state;

    OK(submit_with("k", help_hash('b'), &id, &model, err));
    OK(OPS->job_cancel(help_store, id, &state, err));
    NOTHING(submit_with("k", help_hash('b'), &next, &model, err));
    OK(OPS->job_delete(help_store, id, err));
    OK(submit_with("k", help_hash('c'), &next, &model, err));
    ck_assert_int_ne(next, id);
}
END_TEST

/* Let every key be so much older. */
static void age_keys(int64_t ms)
{
    char sql[96];
    sqlite3 *db;

    help_close();
    db = help_raw_open();
    (void)snprintf(sql, sizeof sql, "UPDATE job_key SET created_at = created_at - %lld",
                   (long long)ms);
    help_raw_exec(db, sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
}

START_TEST(a_key_is_forgotten_after_a_day)
{
    enum { DAY = 24 * 60 * 60 * 1000 };
    int64_t id = 0, model = 0, next = 0;
    char body[HASH_HEX_LEN];
    sqlite3 *db;

    OK(submit_with("old", help_hash('b'), &id, &model, err));
    age_keys(DAY - 60000);
    NOTHING(submit_with("old", help_hash('b'), &next, &model, err));
    ck_assert_int_eq(next, id);
    age_keys(60000);
    NOTHING(OPS->job_by_key(help_store, "old", &next, &model, body, err));
    OK(submit_with("old", help_hash('c'), &next, &model, err)); /* another body, another job */
    ck_assert_int_ne(next, id);
    help_claim(id, OWNER);
    age_keys(DAY);
    OK(submit_with("new", help_hash('b'), &next, &model, err));
    help_close();
    db = help_raw_open(); /* and they do not pile up */
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM job_key"), 1);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_verify();
}
END_TEST

struct asker {
    pthread_t thread;
    int rc;
    int64_t id;
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    struct store_job_new job = {.kind = "train", .key = "k", .body_sha256 = help_hash('b')};
    int64_t model = 0;
    struct err err = ERR_INIT;

    a->rc = OPS->job_submit(help_store, &job, &a->id, &model, &err);
    err_fini(&err);
    return NULL;
}

START_TEST(of_many_askers_one_makes_the_job)
{
    struct asker askers[8];
    int made = 0;

    (void)help_hash('b');
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        askers[i] = (struct asker){.rc = -1};
        ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        ck_assert_int_eq(pthread_join(askers[i].thread, NULL), 0);
        ck_assert_int_ge(askers[i].rc, 0);
        ck_assert_int_eq(askers[i].id, 1);
        made += askers[i].rc == 0;
    }
    ck_assert_int_eq(made, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_survive");
    TCase *cases = tcase_create("survive");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, claims_go_by_priority_then_age);
    tcase_add_test(cases, a_job_comes_back_to_its_place);
    tcase_add_test(cases, a_waiting_job_is_passed_over);
    tcase_add_test(cases, a_clock_set_back_holds_nobody);
    tcase_add_test(cases, room_is_held_until_the_end);
    tcase_add_test(cases, a_paused_queue_gives_nothing);
    tcase_add_test(cases, a_queued_job_is_paused_and_resumed);
    tcase_add_test(cases, a_running_job_is_paused_by_its_worker);
    tcase_add_test(cases, cancelling_is_the_stronger_word);
    tcase_add_test(cases, paused_jobs_hold_what_they_need);
    tcase_add_test(cases, a_key_makes_one_job);
    tcase_add_test(cases, a_key_goes_with_its_job);
    tcase_add_test(cases, a_key_is_forgotten_after_a_day);
    tcase_add_test(cases, of_many_askers_one_makes_the_job);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

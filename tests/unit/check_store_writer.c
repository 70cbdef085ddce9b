/* Many threads at once: the writer's batches, its queue, the pool of readers, the end. */
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "check_store.h"

static void nap(long ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&wait, NULL);
}

/* Another program takes the database's write lock: the writer stands still at its next
 * BEGIN, for up to 5 s. */
static sqlite3 *lock_writer(void)
{
    sqlite3 *db = help_raw_open();

    ck_assert_int_eq(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
    help_raw_exec(db, "BEGIN IMMEDIATE");
    return db;
}

static void unlock_writer(sqlite3 *db)
{
    help_raw_exec(db, "ROLLBACK");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* ---- everything at once ---- */

enum { SUBMITTERS = 3, WORKERS = 3, READERS = 2, JOBS_EACH = 40 };

static atomic_int submitters_left;
static atomic_long cancel_asked, points_written, ends[JOB_STATES];

/* check's assertions are for the main thread: threads count what went wrong. */
static atomic_int thread_errors;

static void expect(bool ok)
{
    if (!ok) {
        atomic_fetch_add(&thread_errors, 1);
    }
}

static void *submit_and_cancel(void *arg)
{
    (void)arg;
    for (int i = 0; i < JOBS_EACH; i++) {
        struct store_job_new new = {.kind = "train", .name = "iris", .config_json = "{}"};
        struct err err = ERR_INIT;
        int64_t id = 0, model = 0;
        enum job_state state;

        expect(OPS->job_submit(help_store, &new, &id, &model, &err) == 0);
        if (i % 4 == 0) {
            expect(OPS->job_cancel(help_store, id, &state, &err) == 0);
            if (state == JOB_RUNNING) {
                atomic_fetch_add(&cancel_asked, 1);
            }
        }
        if (i % 7 == 0) {
            int rc = OPS->job_delete(help_store, 1000000 + i, &err);

            expect(rc == -1 && err.code == ERR_NOT_FOUND);
        }
        err_fini(&err);
    }
    atomic_fetch_sub(&submitters_left, 1);
    return NULL;
}

static void *claim_and_finish(void *arg)
{
    const char *owner = arg;

    for (;;) {
        struct err err = ERR_INIT;
        struct store_job job;
        struct store_point points[5];
        bool last = atomic_load(&submitters_left) == 0;
        int rc = OPS->job_claim(help_store, owner, &job, &err);
        struct store_outcome outcome;

        if (rc != 0) {
            expect(rc == 1);
            err_fini(&err);
            if (last) {
                return NULL;
            }
            continue;
        }
        for (int i = 0; i < 5; i++) {
            points[i] = (struct store_point){.epoch = i + 1, .training_loss = (double)job.id};
        }
        expect(OPS->curve_append(help_store, job.id, owner, points, 5, &err) == 0);
        atomic_fetch_add(&points_written, 5);
        /* Another boot's hands are off it. */
        expect(OPS->curve_append(help_store, job.id, "stranger", points, 5, &err) == -1);
        outcome = help_outcome(job.id % 2 == 0 ? JOB_SUCCEEDED : JOB_FAILED, job.id % 3 != 0);
        expect(OPS->job_finish(help_store, job.id, owner, &outcome, &err) == 0);
        atomic_fetch_add(&ends[outcome.state], 1);
        store_job_fini(&job);
        err_fini(&err);
    }
}

static void *read_all(void *arg)
{
    (void)arg;
    while (atomic_load(&submitters_left) > 0) {
        struct store_job_filter filter = {.state = -1, .name = "iris", .limit = 20};
        struct err err = ERR_INIT;
        struct store_job *jobs = NULL;
        struct store_model model;
        int64_t counts[JOB_STATES];
        size_t n = 0;
        bool more;

        expect(OPS->job_list(help_store, &filter, &jobs, &n, &more, &err) == 0);
        for (size_t i = 0; i < n; i++) {
            struct store_point *points = NULL;
            size_t n_points = 0;

            expect(OPS->curve_read(help_store, jobs[i].id, 0, 0, &points, &n_points, &err) == 0);
            expect(n_points == 0 || n_points == 5); /* an append is seen whole or not */
            store_points_free(&points, n_points);
        }
        store_jobs_free(&jobs, n);
        expect(OPS->job_counts(help_store, counts, &err) == 0);
        if (OPS->model_by_name(help_store, "iris", &model, &err) == 0) {
            void *bytes = NULL;
            size_t len = 0;

            expect(OPS->model_weights(help_store, model.id, &bytes, &len, &err) == 0);
            expect(len == sizeof help_weights);
            free(bytes);
            store_model_fini(&model);
        }
        expect(OPS->health(help_store, &err) == 0);
        err_fini(&err);
    }
    return NULL;
}

START_TEST(threads_add_up)
{
    static char owner[] = OWNER;
    pthread_t threads[SUBMITTERS + WORKERS + READERS];
    int64_t counts[JOB_STATES];
    size_t n = 0;
    sqlite3 *db;

    atomic_store(&submitters_left, SUBMITTERS);
    for (int i = 0; i < SUBMITTERS; i++) {
        PTOK(pthread_create(&threads[n++], NULL, submit_and_cancel, NULL));
    }
    for (int i = 0; i < WORKERS; i++) {
        PTOK(pthread_create(&threads[n++], NULL, claim_and_finish, owner));
    }
    for (int i = 0; i < READERS; i++) {
        PTOK(pthread_create(&threads[n++], NULL, read_all, NULL));
    }
    for (size_t i = 0; i < n; i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    ck_assert_int_eq(atomic_load(&thread_errors), 0);
    OK(OPS->job_counts(help_store, counts, err));
    ck_assert_int_eq(counts[JOB_QUEUED], 0);
    ck_assert_int_eq(counts[JOB_RUNNING], 0);
    ck_assert_int_eq(counts[JOB_SUCCEEDED], atomic_load(&ends[JOB_SUCCEEDED]));
    ck_assert_int_eq(counts[JOB_FAILED], atomic_load(&ends[JOB_FAILED]));
    ck_assert_int_eq(counts[JOB_SUCCEEDED] + counts[JOB_FAILED] + counts[JOB_CANCELLED],
                     SUBMITTERS * JOBS_EACH);
    help_close();
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM curve_point"),
                     atomic_load(&points_written));
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM job WHERE attempt > 1"), 0);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM job_event WHERE kind = 'running'"),
                     counts[JOB_SUCCEEDED] + counts[JOB_FAILED]);
    ck_assert_int_eq(
        help_raw_int(db, "SELECT count(*) FROM job_event WHERE kind = 'cancel_requested'"),
        atomic_load(&cancel_asked));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_verify();
}
END_TEST

/* ---- one call on a thread of its own ---- */

enum call_kind { CALL_EVENT, CALL_CANCEL, CALL_BAD_EVENT };

struct call {
    enum call_kind kind;
    int64_t job;
    int rc;
    enum err_code code;
    double seconds;
    pthread_t thread;
};

static void *call_main(void *arg)
{
    struct call *call = arg;
    struct err err = ERR_INIT;
    enum job_state state;
    double start = clock_monotonic();

    if (call->kind == CALL_CANCEL) {
        call->rc = OPS->job_cancel(help_store, call->job, &state, &err);
    } else {
        call->rc = OPS->event_add(help_store, call->job,
                                  call->kind == CALL_BAD_EVENT ? "" : "note", NULL, &err);
    }
    call->code = err.code;
    call->seconds = clock_monotonic() - start;
    err_fini(&err);
    return NULL;
}

static void call_start(struct call *call, enum call_kind kind, int64_t job)
{
    *call = (struct call){.kind = kind, .job = job};
    PTOK(pthread_create(&call->thread, NULL, call_main, call));
    nap(100); /* long enough to be in the queue, or with the writer */
}

static int call_end(struct call *call)
{
    PTOK(pthread_join(call->thread, NULL));
    return call->rc;
}

START_TEST(a_full_queue_is_busy_for_http_only)
{
    struct call taken, queued, hasty, patient;
    int64_t id;
    sqlite3 *lock;

    help_close();
    help_open(OWNER, 1);
    id = help_train();
    lock = lock_writer();
    call_start(&taken, CALL_EVENT, id);   /* the writer has it */
    call_start(&queued, CALL_EVENT, id);  /* fills the queue */
    call_start(&patient, CALL_EVENT, id); /* a worker: waits for room */
    call_start(&hasty, CALL_CANCEL, id);  /* HTTP: waits 2 s */
    ck_assert_int_eq(call_end(&hasty), -1);
    ck_assert_int_eq(hasty.code, ERR_BUSY);
    ck_assert(hasty.seconds > 1.9 && hasty.seconds < 4);
    unlock_writer(lock);
    ck_assert_int_eq(call_end(&taken), 0);
    ck_assert_int_eq(call_end(&queued), 0);
    ck_assert_int_eq(call_end(&patient), 0);
    ck_assert(patient.seconds > 1.9);
    help_events(id, "queued | note | note | note");
    OK(OPS->health(help_store, err));
}
END_TEST

/* In the queue, but not begun within 2 s: taken out again, and provably not done. */
START_TEST(a_withdrawn_call_is_not_done)
{
    struct call taken, hasty, patient;
    int64_t id = help_train();
    sqlite3 *lock = lock_writer();

    call_start(&taken, CALL_EVENT, id);
    call_start(&hasty, CALL_CANCEL, id);
    call_start(&patient, CALL_EVENT, id);
    ck_assert_int_eq(call_end(&hasty), -1);
    ck_assert_int_eq(hasty.code, ERR_BUSY);
    ck_assert(hasty.seconds > 1.9 && hasty.seconds < 4);
    unlock_writer(lock);
    ck_assert_int_eq(call_end(&taken), 0);
    ck_assert_int_eq(call_end(&patient), 0);
    ck_assert_int_eq(help_state(id), JOB_QUEUED);
    help_events(id, "queued | note | note");
}
END_TEST

START_TEST(reads_go_on_while_the_writer_waits)
{
    struct call taken;
    int64_t id = help_train();
    sqlite3 *lock = lock_writer();
    double start;

    call_start(&taken, CALL_EVENT, id);
    start = clock_monotonic();
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(help_state(id), JOB_QUEUED);
    }
    ck_assert(clock_monotonic() - start < 1);
    help_events(id, "queued"); /* nothing of what is not committed */
    unlock_writer(lock);
    ck_assert_int_eq(call_end(&taken), 0);
    help_events(id, "queued | note");
}
END_TEST

/* Good and bad commands in one batch: each stands or falls alone. */
START_TEST(a_batch_is_not_undone_by_one)
{
    struct call first, mixed[6];
    int64_t id = help_train();
    sqlite3 *lock = lock_writer();

    call_start(&first, CALL_EVENT, id); /* alone in its batch */
    for (int i = 0; i < 6; i++) {       /* these make the next one together */
        call_start(&mixed[i], i % 2 == 0 ? CALL_EVENT : CALL_BAD_EVENT, i == 4 ? 999 : id);
    }
    unlock_writer(lock);
    ck_assert_int_eq(call_end(&first), 0);
    for (int i = 0; i < 6; i++) {
        bool good = i % 2 == 0 && i != 4;

        ck_assert_int_eq(call_end(&mixed[i]), good ? 0 : -1);
        if (!good) {
            ck_assert_int_eq(mixed[i].code, i == 4 ? ERR_NOT_FOUND : ERR_INTERNAL);
        }
    }
    help_events(id, "queued | note | note | note");
    OK(OPS->health(help_store, err));
}
END_TEST

/* Another program that holds the lock too long: everyone is told, nothing is lost for ever. */
START_TEST(a_held_lock_ends_in_busy)
{
    struct call taken;
    int64_t id = help_train();
    sqlite3 *lock = lock_writer();

    call_start(&taken, CALL_EVENT, id);
    ck_assert_int_eq(call_end(&taken), -1); /* after 5 s */
    ck_assert_int_eq(taken.code, ERR_BUSY);
    unlock_writer(lock);
    OK(OPS->health(help_store, err));
    OK(OPS->event_add(help_store, id, "note", NULL, err));
    help_events(id, "queued | note");
}
END_TEST

static void *close_main(void *arg)
{
    (void)arg;
    OPS->close(&help_store);
    return NULL;
}

START_TEST(close_drains_the_queue)
{
    struct call calls[3];
    int64_t id = help_train();
    sqlite3 *lock = lock_writer();
    pthread_t closer;

    for (int i = 0; i < 3; i++) {
        call_start(&calls[i], CALL_EVENT, id);
    }
    PTOK(pthread_create(&closer, NULL, close_main, NULL));
    nap(100);
    unlock_writer(lock);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(call_end(&calls[i]), 0);
    }
    PTOK(pthread_join(closer, NULL));
    ck_assert_ptr_null(help_store);
    help_open(OWNER, 0);
    help_events(id, "queued | note | note | note");
}
END_TEST

/* More readers than connections. */
static void *read_often(void *arg)
{
    const int64_t *id = arg;

    for (int i = 0; i < 200; i++) {
        struct err err = ERR_INIT;
        struct store_job job;

        expect(OPS->job_get(help_store, *id, &job, &err) == 0);
        expect(job.id == *id);
        store_job_fini(&job);
        err_fini(&err);
    }
    return NULL;
}

START_TEST(readers_share_the_pool)
{
    pthread_t threads[16];
    int64_t id = help_train();

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_create(&threads[i], NULL, read_often, &id));
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    ck_assert_int_eq(atomic_load(&thread_errors), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_writer");
    TCase *cases = tcase_create("writer");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, threads_add_up);
    tcase_add_test(cases, a_full_queue_is_busy_for_http_only);
    tcase_add_test(cases, a_withdrawn_call_is_not_done);
    tcase_add_test(cases, reads_go_on_while_the_writer_waits);
    tcase_add_test(cases, a_batch_is_not_undone_by_one);
    tcase_add_test(cases, a_held_lock_ends_in_busy);
    tcase_add_test(cases, close_drains_the_queue);
    tcase_add_test(cases, readers_share_the_pool);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

/* Checkpoints' rows and the curves cut to them; and what a restart does with running jobs: every
 * combination of wishes, marks and counts, and the rules against poison, step by step.
 */
#include "check_store.h"

/* ---- checkpoints ---- */

static struct store_checkpoint checkpoint_of(int64_t job, int64_t generation, int64_t epoch)
{
    struct store_checkpoint c = {
        .job_id = job, .generation = generation, .epoch = epoch, .bytes = 4096, .at = 7};

    memcpy(c.sha256, help_hash('c'), HASH_HEX_LEN);
    return c;
}

static void add(int64_t job, const char *owner, int64_t generation, int64_t epoch)
{
    struct store_checkpoint c = checkpoint_of(job, generation, epoch);

    OK(OPS->checkpoint_add(help_store, owner, &c, err));
}

/* "generation@epoch ...", newest first. */
static void expect_checkpoints(int64_t job, const char *want)
{
    struct store_checkpoint list[STORE_CHECKPOINTS];
    size_t n = 99;
    char got[64] = "";

    OK(OPS->checkpoint_list(help_store, job, list, &n, err));
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(got);

        ck_assert_int_eq(list[i].job_id, job);
        (void)snprintf(got + used, sizeof got - used, "%s%lld@%lld", i > 0 ? " " : "",
                       (long long)list[i].generation, (long long)list[i].epoch);
    }
    ck_assert_str_eq(got, want);
}

static void append(int64_t job, const char *owner, int64_t from, int64_t to)
{
    for (int64_t epoch = from; epoch <= to; epoch++) {
        struct store_point point = {.epoch = epoch};

        OK(OPS->curve_append(help_store, job, owner, &point, 1, err));
    }
}

static void expect_curve(int64_t job, size_t want)
{
    struct store_point *points = NULL;
    size_t n = 0;

    OK(OPS->curve_read(help_store, job, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, want);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(points[i].epoch, (int64_t)i + 1);
    }
    store_points_free(&points, n);
}

START_TEST(the_newest_checkpoints_are_kept)
{
    int64_t id = help_train(), other = help_train();
    struct store_checkpoint c, list[STORE_CHECKPOINTS], *all = NULL;
    size_t n = 0;

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    expect_checkpoints(id, "");
    OK(OPS->checkpoint_all(help_store, &all, &n, err));
    ck_assert_uint_eq(n, 0);
    free(all);
    add(id, OWNER, 1, 10);
    expect_checkpoints(id, "1@10");
    add(other, OWNER, 3, 5);
    add(id, OWNER, 2, 20);
    expect_checkpoints(id, "2@20 1@10");
    add(id, OWNER, 3, 20); /* twice in one epoch */
    expect_checkpoints(id, "3@20 2@20");
    expect_checkpoints(other, "3@5");
    c = checkpoint_of(id, 3, 21);
    REFUSED(ERR_CONFLICT, OPS->checkpoint_add(help_store, OWNER, &c, err));
    c.generation = 1;
    REFUSED(ERR_CONFLICT, OPS->checkpoint_add(help_store, OWNER, &c, err));
    c.generation = 4;
    REFUSED(ERR_CONFLICT, OPS->checkpoint_add(help_store, "boot-2", &c, err));
    c.job_id = 99;
    REFUSED(ERR_NOT_FOUND, OPS->checkpoint_add(help_store, OWNER, &c, err));
    expect_checkpoints(id, "3@20 2@20");
    OK(OPS->checkpoint_list(help_store, id, list, &n, err));
    ck_assert_int_eq(list[0].bytes, 4096);
    ck_assert_int_eq(list[0].at, 7);
    ck_assert_str_eq(list[0].sha256, help_hash('c'));
    OK(OPS->checkpoint_all(help_store, &all, &n, err));
    ck_assert_uint_eq(n, 3);
    free(all);
    help_reopen("boot-2");
    expect_checkpoints(id, "3@20 2@20");
    help_close();
    help_verify();
}
END_TEST

START_TEST(checkpoints_go_with_the_end)
{
    enum { SUCCESS, FAILURE, CANCELLED, RELEASED, DIRECT, PAUSED, CRASHED, WAYS };
    struct store_crash crash = {.owner = OWNER};
    struct store_sqlite_options options = {
        .dir = help_dir, .owner = "boot-2", .crashes = &crash, .n_crashes = 1};
    struct store_checkpoint *all = NULL;
    int64_t ids[WAYS];
    enum job_state state;
    size_t n = 0;
    sqlite3 *db;

    for (int i = 0; i < WAYS; i++) {
        ids[i] = help_train();
        help_claim(ids[i], OWNER);
        add(ids[i], OWNER, 1, 1);
    }
    help_finish(ids[SUCCESS], OWNER, JOB_SUCCEEDED, true);
    help_finish(ids[FAILURE], OWNER, JOB_FAILED, false);
    help_finish(ids[CANCELLED], OWNER, JOB_CANCELLED, false);
    OK(OPS->job_cancel(help_store, ids[RELEASED], &state, err));
    OK(OPS->job_release(help_store, ids[RELEASED], OWNER, err));
    OK(OPS->job_release(help_store, ids[DIRECT], OWNER, err));
    expect_checkpoints(ids[DIRECT], "1@1");
    OK(OPS->job_cancel(help_store, ids[DIRECT], &state, err));
    OK(OPS->job_pause(help_store, ids[PAUSED], &state, err));
    OK(OPS->job_release(help_store, ids[PAUSED], OWNER, err));
    expect_checkpoints(ids[PAUSED], "1@1");
    OK(OPS->job_cancel(help_store, ids[PAUSED], &state, err));
    help_close();
    db = help_raw_open();
    help_raw_exec(db, "UPDATE job SET crashes = 2 WHERE state = 'running'");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    crash.job_id = ids[CRASHED];
    OK(store_sqlite_open(&options, &help_store, err));
    ck_assert_int_eq(help_state(ids[CRASHED]), JOB_FAILED);
    OK(OPS->checkpoint_all(help_store, &all, &n, err));
    ck_assert_uint_eq(n, 0);
    free(all);
    help_close();
    help_verify();
}
END_TEST

/* The attempt goes on where its newest checkpoint is: points past it go with the claim. */
START_TEST(a_claim_cuts_the_curve_to_the_checkpoint)
{
    int64_t id = help_train(), other = help_train();

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    append(other, OWNER, 1, 3);
    append(id, OWNER, 1, 10);
    add(id, OWNER, 1, 4);
    add(id, OWNER, 2, 7);
    help_reopen("boot-2");
    expect_curve(id, 10); /* to look at meanwhile */
    help_claim(id, "boot-2");
    expect_curve(id, 7);
    expect_curve(other, 3);
    help_claim(other, "boot-2");
    expect_curve(other, 0);
    expect_curve(id, 7);
    append(id, "boot-2", 8, 9);
    expect_curve(id, 9);
    OK(OPS->job_release(help_store, id, "boot-2", err));
    help_claim(id, "boot-2");
    expect_curve(id, 7);
}
END_TEST

START_TEST(a_cut_goes_to_where_it_really_goes_on)
{
    int64_t id = help_train(), other = help_train();

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    append(other, OWNER, 1, 9);
    add(other, OWNER, 1, 9);
    append(id, OWNER, 1, 9);
    add(id, OWNER, 1, 4);
    add(id, OWNER, 2, 7);
    REFUSED(ERR_CONFLICT, OPS->curve_cut(help_store, id, "boot-2", 0, err));
    REFUSED(ERR_NOT_FOUND, OPS->curve_cut(help_store, 99, OWNER, 0, err));
    expect_curve(id, 9);
    OK(OPS->curve_cut(help_store, id, OWNER, 7, err));
    expect_curve(id, 7);
    expect_checkpoints(id, "2@7 1@4");
    OK(OPS->curve_cut(help_store, id, OWNER, 4, err)); /* the newest one did not verify */
    expect_curve(id, 4);
    expect_checkpoints(id, "1@4");
    add(id, OWNER, 2, 8); /* its number is free again */
    OK(OPS->curve_cut(help_store, id, OWNER, 0, err)); /* none did */
    expect_curve(id, 0);
    expect_checkpoints(id, "");
    expect_curve(other, 9);
    expect_checkpoints(other, "1@9");
}
END_TEST

/* ---- recovery, all at once ---- */

/* What the marker file told, about a row's own attempt or not. */
enum told { UNTOLD, TOLD, TOLD_TWICE, OTHER_OWNER, OTHER_JOB, TOLDS };

struct lost {
    int crashes, told, wish, barren, light, reached, lasted;
};

/* All of them, numbered; false past the last. */
static bool lost_at(int i, struct lost *out)
{
    static const int barrens[] = {0, 1, 4, 5, 6, 19, 20, 21};
    const int sizes[] = {3, TOLDS, 3, ARRAY_LEN(barrens), 2, 2, 2};
    int digits[ARRAY_LEN(sizes)];

    for (size_t d = 0; d < ARRAY_LEN(sizes); d++) {
        digits[d] = i % sizes[d];
        i /= sizes[d];
    }
    *out = (struct lost){digits[0],          digits[1], digits[2], barrens[digits[3]],
                         digits[4],          digits[5], digits[6]};
    if (out->light > 0 && out->barren < 2) {
        out->light = 0; /* no row can be so: only ended ones are light */
    }
    return i == 0;
}

enum { WISH_NONE, WISH_PAUSE, WISH_CANCEL };

static void make_lost(sqlite3 *db, int64_t id, const struct lost *l)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO job (id, kind, state, owner, attempt, model_id, created_at,"
                   " started_at, crashes, pause_requested, cancel_requested, barren, light,"
                   " reached, lasted) VALUES (%lld, 'train', 'running', 'boot-1', 30, %lld, 1, 2,"
                   " %d, %d, %d, %d, %d, %d, %d);"
                   "INSERT INTO model (id, job_id, state, created_at)"
                   " VALUES (%lld, %lld, 'pending', 1)",
                   (long long)id, (long long)id, l->crashes, l->wish == WISH_PAUSE,
                   l->wish == WISH_CANCEL, l->barren, l->light, l->reached, l->lasted,
                   (long long)id, (long long)id);
    help_raw_exec(db, sql);
}

/* The rule once more, in other words. */
static void expect_recovered(sqlite3 *db, int64_t id, const struct lost *l)
{
    bool mark = l->told == TOLD || l->told == TOLD_TWICE;
    int crashes = l->crashes + mark;
    bool light = l->light > 0 || (l->barren > 0 && l->reached && !l->lasted);
    const char *state = crashes == 3              ? "failed crashed"
                        : l->wish == WISH_PAUSE   ? "paused "
                        : l->wish == WISH_CANCEL  ? "cancelled "
                        : l->barren < 20 || light ? "queued "
                                                  : "failed no_progress";
    const char *columns = "SELECT state || ' ' || coalesce(error_code, ''), crashes,"
                          " not_before, (SELECT state FROM model WHERE job_id = j.id),"
                          " (SELECT kind FROM job_event WHERE job_id = j.id), attempt,"
                          " cancel_requested, light > 0 FROM job AS j WHERE id = ?";
    int64_t now = clock_now_ms(), not_before;
    sqlite3_stmt *stmt = NULL;
    const char *got;

    ck_assert_int_eq(sqlite3_prepare_v2(db, columns, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_int64(stmt, 1, id), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    got = (const char *)sqlite3_column_text(stmt, 0);
    ck_assert_msg(strcmp(got, state) == 0,
                  "crashes %d told %d wish %d barren %d light %d reached %d lasted %d: %s",
                  l->crashes, l->told, l->wish, l->barren, l->light, l->reached, l->lasted, got);
    ck_assert_int_eq(sqlite3_column_int64(stmt, 1), crashes);
    not_before = sqlite3_column_int64(stmt, 2);
    if (strcmp(state, "queued ") == 0) {
        ck_assert(l->barren >= 5 ? not_before > now - 30000 && not_before <= now + 1000
                                 : not_before == 0);
    } else if (strcmp(state, "paused ") == 0) {
        ck_assert_int_eq(not_before, 0); /* a person resumes it, and need not wait */
    }
    got = (const char *)sqlite3_column_text(stmt, 3);
    ck_assert_str_eq(got, state[0] == 'f' || state[0] == 'c' ? "failed" : "pending");
    got = (const char *)sqlite3_column_text(stmt, 4);
    ck_assert_int_eq(strncmp(got, state, strlen(got)), 0);
    ck_assert_int_eq(sqlite3_column_int64(stmt, 5), 30);
    ck_assert_int_eq(sqlite3_column_int64(stmt, 6), l->wish == WISH_CANCEL);
    ck_assert_int_eq(sqlite3_column_int64(stmt, 7), light);
    (void)sqlite3_finalize(stmt);
}

START_TEST(every_combination_is_settled)
{
    struct store_crash *crashes;
    struct store_sqlite_options options = {.dir = help_dir, .owner = "boot-2"};
    struct lost lost;
    size_t n = 0;
    sqlite3 *db;
    int last = 0;

    while (lost_at(last, &lost)) {
        last++;
    }
    ck_assert_int_eq(last, 3 * TOLDS * 3 * 8 * 2 * 2 * 2);
    crashes = xcalloc((size_t)last * 2, sizeof *crashes);
    help_close();
    db = help_raw_open();
    help_raw_exec(db, "BEGIN");
    for (int i = 0; i < last; i++) {
        (void)lost_at(i, &lost);
        make_lost(db, i + 1, &lost);
        for (int told = lost.told == TOLD_TWICE ? 2 : lost.told != UNTOLD; told > 0; told--) {
            crashes[n].job_id = i + 1 + (lost.told == OTHER_JOB ? last : 0);
            (void)snprintf(crashes[n++].owner, sizeof crashes[0].owner, "%s",
                           lost.told == OTHER_OWNER ? "boot-0" : "boot-1");
        }
    }
    help_raw_exec(db, "COMMIT");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    options.crashes = crashes;
    options.n_crashes = n;
    for (int round = 0; round < 3; round++) { /* told again, nothing more happens */
        OK(store_sqlite_open(&options, &help_store, err));
        help_close();
        options.owner = round == 0 ? "boot-2" : "boot-1";
        db = help_raw_open();
        for (int i = 0; i < last; i++) {
            (void)lost_at(i, &lost);
            expect_recovered(db, i + 1, &lost);
        }
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    }
    help_verify();
    free(crashes);
}
END_TEST

/* ---- the rules, attempt by attempt ---- */

static char boot[32] = OWNER;
static int n_boots;

/* The daemon is killed and started again, with marks if `crashed` is a job. */
static void restart(int64_t crashed)
{
    struct store_crash crash = {.job_id = crashed};
    struct store_sqlite_options options = {
        .dir = help_dir, .owner = boot, .crashes = &crash, .n_crashes = crashed != 0};

    (void)snprintf(crash.owner, sizeof crash.owner, "%.31s", boot);
    help_close();
    (void)snprintf(boot, sizeof boot, "again-%d", ++n_boots);
    OK(store_sqlite_open(&options, &help_store, err));
}

/* Claim it; whether it had to be waited for. The second is not spent here. */
static bool claim_waiting(int64_t id)
{
    struct store_job job;
    int64_t wait_ms = 0;
    int rc = OPS->job_claim_wait(help_store, boot, &job, &wait_ms, &(struct err)ERR_INIT);
    sqlite3 *db;

    if (rc == 0) {
        ck_assert_int_eq(job.id, id);
        store_job_fini(&job);
        return false;
    }
    ck_assert_int_eq(rc, 1);
    ck_assert_int_gt(wait_ms, 0);
    ck_assert_int_le(wait_ms, 1000);
    help_close();
    db = help_raw_open();
    help_raw_exec(db, "UPDATE job SET not_before = not_before - 1000");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(boot, 0);
    help_claim(id, boot);
    return true;
}

static void note(int64_t id, enum store_note what)
{
    OK(OPS->job_note(help_store, id, boot, what, err));
    REFUSED(ERR_CONFLICT, OPS->job_note(help_store, id, "a ghost", what, err));
}

enum attempt { DEAF, REACHED, LASTED, REACHED_LASTED };

/* One attempt, killed. Whether it was waited for. */
static bool attempt(int64_t id, enum attempt what)
{
    bool waited = claim_waiting(id);

    if (what == REACHED || what == REACHED_LASTED) {
        note(id, NOTE_BATCH);
        note(id, NOTE_BATCH);
    }
    if (what == LASTED || what == REACHED_LASTED) {
        note(id, NOTE_LASTED);
    }
    if (what == REACHED_LASTED) {
        note(id, NOTE_BATCH); /* told again, it takes nothing back */
    }
    restart(0);
    return waited;
}

static void expect_no_progress(int64_t id)
{
    struct store_job job = help_get(id);

    ck_assert_int_eq(job.state, JOB_FAILED);
    ck_assert_str_eq(job.error_code, "no_progress");
    ck_assert_ptr_nonnull(strstr(job.error_detail, "20 attempts"));
    ck_assert_int_eq(job.attempt, 20);
    store_job_fini(&job);
    help_model_state(help_model_of(id), "failed");
    help_close();
    help_verify();
    help_open(boot, 0);
}

START_TEST(twenty_heavy_attempts_fail_a_job)
{
    static const enum attempt kinds[] = {DEAF, LASTED, REACHED_LASTED};

    for (size_t k = 0; k <= ARRAY_LEN(kinds); k++) {
        int64_t id = help_train();

        for (int i = 1; i <= 20; i++) {
            ck_assert_int_eq(help_state(id), JOB_QUEUED);
            /* Five at once, then a second before each. */
            ck_assert_int_eq(attempt(id, kinds[k < ARRAY_LEN(kinds) ? k : (size_t)i % 3]), i > 5);
        }
        expect_no_progress(id);
    }
}
END_TEST

START_TEST(light_attempts_never_fail_a_job)
{
    /* Only one of them, the first, the last, or amid others whose marks are not its own. */
    static const struct {
        int at;
        enum attempt others;
    } cases[] = {{1, DEAF}, {20, DEAF}, {9, REACHED_LASTED}, {9, LASTED}};

    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        int64_t id = help_train();
        enum job_state state;

        for (int i = 1; i <= 24; i++) {
            ck_assert_int_eq(attempt(id, i == cases[k].at ? REACHED : cases[k].others), i > 5);
            ck_assert_int_eq(help_state(id), JOB_QUEUED);
        }
        OK(OPS->job_cancel(help_store, id, &state, err));
    }
}
END_TEST

/* Fifty kills with progress between them cost nothing, not even time. */
START_TEST(a_checkpoint_clears_the_count)
{
    int64_t id = help_train();
    struct store_job job;

    for (int i = 1; i <= 50; i++) {
        ck_assert(!claim_waiting(id));
        note(id, NOTE_BATCH);
        note(id, NOTE_LASTED);
        add(id, boot, i, i);
        if (i % 2 == 0) {
            restart(0);
            ck_assert(!attempt(id, DEAF)); /* and one in vain now and then */
        } else {
            restart(0);
        }
    }
    for (int i = 1; i < 20; i++) { /* 1: the last one of above counts already */
        ck_assert_int_eq(help_state(id), JOB_QUEUED);
        ck_assert_int_eq(attempt(id, REACHED_LASTED), i > 4);
    }
    job = help_get(id);
    ck_assert_str_eq(job.error_code, "no_progress");
    store_job_fini(&job);
}
END_TEST

START_TEST(stopping_gracefully_never_counts)
{
    int64_t id = help_train();
    enum job_state state;

    for (int i = 0; i < 4; i++) {
        ck_assert(!attempt(id, DEAF));
    }
    for (int i = 0; i < 30; i++) {
        ck_assert(!claim_waiting(id));
        if (i % 3 == 1) {
            OK(OPS->job_pause(help_store, id, &state, err));
        } else if (i % 3 == 2) {
            note(id, NOTE_BATCH);
        }
        OK(OPS->job_release(help_store, id, boot, err));
        restart(0);
        if (i % 3 == 1) {
            OK(OPS->job_resume(help_store, id, &state, err));
        }
    }
    ck_assert(!attempt(id, DEAF)); /* the fifth */
    ck_assert(attempt(id, DEAF));  /* the sixth */
    /* After a checkpoint there is nothing to take back. */
    ck_assert(claim_waiting(id));
    add(id, boot, 1, 1);
    OK(OPS->job_release(help_store, id, boot, err));
    for (int i = 1; i <= 20; i++) {
        ck_assert_int_eq(attempt(id, DEAF), i > 5);
    }
    ck_assert_int_eq(help_state(id), JOB_FAILED);
}
END_TEST

START_TEST(the_third_crash_fails_the_job_alone)
{
    int64_t poison = help_train(), good = help_train();
    struct store_job job;

    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(help_state(poison), JOB_QUEUED);
        help_claim(poison, boot);
        help_claim(good, boot);
        add(poison, boot, i, i); /* progress is no excuse */
        restart(poison);
        job = help_get(poison);
        ck_assert_int_eq(job.crashes, i);
        store_job_fini(&job);
    }
    job = help_get(poison);
    ck_assert_int_eq(job.state, JOB_FAILED);
    ck_assert_str_eq(job.error_code, "crashed");
    ck_assert_ptr_nonnull(strstr(job.error_detail, "3 times"));
    store_job_fini(&job);
    help_model_state(help_model_of(poison), "failed");
    job = help_get(good);
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.crashes, 0);
    store_job_fini(&job);
    help_claim(good, boot);
    help_finish(good, boot, JOB_SUCCEEDED, true);
    help_close();
    help_verify();
}
END_TEST

static void setup(void)
{
    (void)snprintf(boot, sizeof boot, OWNER);
    help_setup();
}

int main(void)
{
    Suite *suite = suite_create("store_recover");
    TCase *cases = tcase_create("recover");

    tcase_add_checked_fixture(cases, setup, help_teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, the_newest_checkpoints_are_kept);
    tcase_add_test(cases, checkpoints_go_with_the_end);
    tcase_add_test(cases, a_claim_cuts_the_curve_to_the_checkpoint);
    tcase_add_test(cases, a_cut_goes_to_where_it_really_goes_on);
    tcase_add_test(cases, every_combination_is_settled);
    tcase_add_test(cases, twenty_heavy_attempts_fail_a_job);
    tcase_add_test(cases, light_attempts_never_fail_a_job);
    tcase_add_test(cases, a_checkpoint_clears_the_count);
    tcase_add_test(cases, stopping_gracefully_never_counts);
    tcase_add_test(cases, the_third_crash_fails_the_job_alone);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

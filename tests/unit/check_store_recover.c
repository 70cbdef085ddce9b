/* What a restart does with running jobs: every combination of wishes, marks and counts, and the
 * rules against poison, step by step.
 */
#include "check_store.h"

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
        help_checkpoint(id, boot, i, i);
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
    help_checkpoint(id, boot, 1, 1);
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
        help_checkpoint(poison, boot, i, i); /* progress is no excuse */
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
    tcase_add_test(cases, every_combination_is_settled);
    tcase_add_test(cases, twenty_heavy_attempts_fail_a_job);
    tcase_add_test(cases, light_attempts_never_fail_a_job);
    tcase_add_test(cases, a_checkpoint_clears_the_count);
    tcase_add_test(cases, stopping_gracefully_never_counts);
    tcase_add_test(cases, the_third_crash_fails_the_job_alone);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

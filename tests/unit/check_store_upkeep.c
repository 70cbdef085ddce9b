/* What is old and unneeded goes, and nothing else. */
#include "check_store.h"

#define DAY 86400000

/* A finished job that needs this data (NULL: none). */
static int64_t add_finished(const char *hash)
{
    struct store_job_new job = {.kind = "train",
                                .config_json = "{}",
                                .resolved_json = "{}",
                                .datasets = &hash,
                                .n_datasets = hash != NULL};
    enum job_state state;
    int64_t id, model;

    OK(OPS->job_submit(help_store, &job, &id, &model, err));
    OK(OPS->job_cancel(help_store, id, &state, err));
    return id;
}

static void add_data(const char *name, char fill_with)
{
    int64_t id;
    bool created;

    OK(OPS->dataset_add(help_store, name, help_hash(fill_with), 1, 1, 100, false, &id, &created,
                        err));
}

/* Past the store, between two lives of it. */
static void rewrite(const char *sql)
{
    sqlite3 *db;

    help_close();
    db = help_raw_open();
    help_raw_exec(db, sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
}

/* All pieces; the dry run before must have said the same. */
static struct store_gc collect(const struct store_gc_rule *rule)
{
    struct store_gc said = {.jobs = -1}, all = {.jobs = 0}, piece = {.more = true};

    OK(OPS->gc(help_store, rule, true, &said, err));
    ck_assert(!said.more);
    ck_assert_ptr_null(said.orphans);
    while (piece.more) {
        OK(OPS->gc(help_store, rule, false, &piece, err));
        ck_assert_int_le(piece.jobs, 200);
        all.jobs += piece.jobs;
        all.datasets += piece.datasets;
        all.dataset_bytes += piece.dataset_bytes;
        all.n_orphans += piece.n_orphans;
        free(piece.orphans);
    }
    ck_assert_int_eq(said.jobs, all.jobs);
    ck_assert_int_eq(said.datasets, all.datasets);
    ck_assert_int_eq(said.dataset_bytes, all.dataset_bytes);
    return all;
}

/* "1 2 5": the jobs that are left. */
static const char *left(void)
{
    static char text[256];
    struct store_job_filter filter = {.state = -1, .limit = 100};
    struct store_job *jobs = NULL;
    size_t n = 0, used = 0;
    bool more;

    OK(OPS->job_list(help_store, &filter, &jobs, &n, &more, err));
    text[0] = '\0';
    for (size_t i = n; i-- > 0;) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", used > 0 ? " " : "",
                                 (long long)jobs[i].id);
    }
    store_jobs_free(&jobs, n);
    return text;
}

/* Jobs 1 to 6 ended on days 10, 20, 30, 40, 50, 50; 7 is queued, 8 paused, 9 running. */
static void add_jobs(void)
{
    enum job_state state;

    for (int i = 1; i <= 6; i++) {
        ck_assert_int_eq(add_finished(NULL), i);
    }
    rewrite("UPDATE job SET finished_at = min(id, 5) * 10 * 86400000");
    ck_assert_int_eq(help_train(), 7);
    ck_assert_int_eq(help_train(), 8);
    OK(OPS->job_pause(help_store, 8, &state, err));
    OK(OPS->job_pause(help_store, 7, &state, err));
    ck_assert_int_eq(help_train(), 9);
    help_claim(9, OWNER);
    OK(OPS->job_resume(help_store, 7, &state, err));
}

static const struct {
    int64_t before_day, keep;
    const char *left;
} rules[] = {
    {0, -1, "1 2 3 4 5 6 7 8 9"},  {0, 0, "7 8 9"},
    {0, 1, "6 7 8 9"},             {0, 2, "5 6 7 8 9"},
    {0, 5, "2 3 4 5 6 7 8 9"},     {0, 6, "1 2 3 4 5 6 7 8 9"},
    {0, 7, "1 2 3 4 5 6 7 8 9"},   {0, 1000000000, "1 2 3 4 5 6 7 8 9"},
    {30, 0, "3 4 5 6 7 8 9"},      {31, 0, "4 5 6 7 8 9"},
    {10, 0, "1 2 3 4 5 6 7 8 9"},  {1000, 0, "7 8 9"},
    {31, 5, "2 3 4 5 6 7 8 9"},    {21, 1, "3 4 5 6 7 8 9"},
    {1000, 2, "5 6 7 8 9"},        {1000, -1, "1 2 3 4 5 6 7 8 9"},
};

START_TEST(jobs_go_by_age_and_number)
{
    struct store_gc_rule rule = {.finished_before = rules[_i].before_day * DAY,
                                 .keep_jobs = rules[_i].keep};

    add_jobs();
    (void)collect(&rule);
    ck_assert_str_eq(left(), rules[_i].left);
    ck_assert_int_eq(collect(&rule).jobs, 0); /* once is enough */
    help_close();
    help_verify();
}
END_TEST

START_TEST(a_key_that_counts_keeps_its_job)
{
    struct store_job_new job = {.kind = "train",
                                .config_json = "{}",
                                .resolved_json = "{}",
                                .key = "young",
                                .body_sha256 = help_hash('a')};
    struct store_gc_rule rule = {.keep_jobs = 0};
    enum job_state state;
    int64_t id, model, now = clock_now_ms();
    char sql[128];

    for (int i = 0; i < 3; i++) {
        OK(OPS->job_submit(help_store, &job, &id, &model, err));
        OK(OPS->job_cancel(help_store, id, &state, err));
        job.key = i == 0 ? "old" : "another";
    }
    (void)snprintf(sql, sizeof sql, "UPDATE job_key SET created_at = %lld WHERE key = 'old'",
                   (long long)(now - DAY - 60000));
    rewrite(sql);
    ck_assert_int_eq(collect(&rule).jobs, 1);
    ck_assert_str_eq(left(), "1 3");
}
END_TEST

/* a: named. b: queued's. c: paused's. d: running's. e: a kept finished job's. f: an old finished
 * job's. g: nobody's. h: nobody's, and under a name too. i: nobody's, young. j: of an old and a
 * kept job. k: nobody's, an old and a young row of it. */
static void add_datasets(void)
{
    static const char need[] = {'b', 'c', 'd'};
    char *sql;
    enum job_state state;

    add_data("named", 'a');
    for (char c = 'b'; c <= 'j'; c++) {
        add_data(NULL, c);
    }
    add_data("again", 'h');
    (void)add_finished(help_hash('f'));
    (void)add_finished(help_hash('j'));
    (void)add_finished(help_hash('e'));
    (void)add_finished(help_hash('j'));
    for (size_t i = 0; i < ARRAY_LEN(need); i++) {
        const char *hash = help_hash(need[i]);
        struct store_job_new job = {.kind = "train",
                                    .config_json = "{}",
                                    .resolved_json = "{}",
                                    .datasets = &hash,
                                    .n_datasets = 1};
        int64_t id, model;

        OK(OPS->job_submit(help_store, &job, &id, &model, err));
    }
    OK(OPS->job_pause(help_store, 5, &state, err));
    OK(OPS->job_pause(help_store, 6, &state, err));
    help_claim(7, OWNER);
    OK(OPS->job_resume(help_store, 5, &state, err));
    sql = xasprintf("UPDATE job SET finished_at = id WHERE finished_at IS NOT NULL;"
                    "UPDATE dataset SET created_at = CASE WHEN sha256 = '%s' THEN 1000 ELSE 10 END;"
                    "INSERT INTO dataset (sha256, rows, columns, bytes, created_at) VALUES"
                    " ('%s', 1, 1, 100, 10), ('%s', 1, 1, 100, 1000)",
                    help_hash('i'), help_hash('k'), help_hash('k'));
    rewrite(sql);
    free(sql);
    OK(OPS->queue_pause(help_store, true, err));
}

/* "aabc": the content of the rows that are left. */
static const char *data_left(void)
{
    static char text[64];
    struct store_dataset *list = NULL;
    size_t n = 0;
    bool more;

    OK(OPS->dataset_list(help_store, 0, 50, &list, &n, &more, err));
    for (size_t i = 0; i < n; i++) {
        text[n - 1 - i] = list[i].sha256[0];
    }
    text[n] = '\0';
    store_datasets_free(&list, n);
    return text;
}

START_TEST(data_goes_when_nobody_needs_it)
{
    struct store_gc_rule rule = {.keep_jobs = -1, .datasets_before = 0};
    struct store_gc gone;

    add_datasets();
    ck_assert_str_eq(data_left(), "abcdefghijhkk");
    gone = collect(&rule); /* not asked for */
    ck_assert_int_eq(gone.datasets, 0);
    rule.datasets_before = 500;
    gone = collect(&rule);
    ck_assert_str_eq(data_left(), "abcdefijhk");
    ck_assert_int_eq(gone.datasets, 3); /* g, a row of h, a row of k */
    ck_assert_int_eq(gone.dataset_bytes, 100);
    ck_assert_uint_eq(gone.n_orphans, 1);
    rule.keep_jobs = 2; /* jobs 3 and 4 */
    gone = collect(&rule);
    ck_assert_int_eq(gone.jobs, 2);
    ck_assert_str_eq(data_left(), "abcdeijhk");
    ck_assert_uint_eq(gone.n_orphans, 1);
    rule.keep_jobs = 0;
    rule.datasets_before = INT64_MAX;
    gone = collect(&rule);
    ck_assert_int_eq(gone.jobs, 2);
    ck_assert_str_eq(data_left(), "abcdh"); /* what has a name, and what is needed */
    ck_assert_int_eq(gone.dataset_bytes, 400);
}
END_TEST

START_TEST(orphans_are_named)
{
    struct store_gc_rule rule = {.keep_jobs = -1, .datasets_before = INT64_MAX};
    struct store_gc gone;

    add_data(NULL, 'x');
    OK(OPS->gc(help_store, &rule, false, &gone, err));
    ck_assert_uint_eq(gone.n_orphans, 1);
    ck_assert_str_eq(gone.orphans[0], help_hash('x'));
    free(gone.orphans);
}
END_TEST

/* Any jobs and any rule: the dry run says what goes, what stays is what the rule wants. */
START_TEST(any_rule_does_what_it_says)
{
    uint64_t random = (uint64_t)_i * 77 + 5;
    char sql[256];

    for (int round = 0; round < 5; round++) {
        int64_t want, now = 100, finished;
        struct store_gc_rule rule;
        sqlite3 *db;

        for (int i = 0; i < 20; i++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            if (random >> 62 == 0) {
                (void)help_train();
            } else {
                (void)add_finished(NULL);
            }
        }
        (void)snprintf(sql, sizeof sql,
                       "UPDATE job SET finished_at = 1 + (id * %d) %% 37 WHERE finished_at IS NOT"
                       " NULL", 7 + _i);
        rewrite(sql);
        random = random * 6364136223846793005U + 1442695040888963407U;
        rule = (struct store_gc_rule){.finished_before = (int64_t)(random >> 40) % 3 == 0
                                                             ? 0
                                                             : (int64_t)(random >> 33) % 40 + 1,
                                      .keep_jobs = (int64_t)(random >> 50) % 30 - 1};
        help_close();
        db = help_raw_open();
        finished = help_raw_int(db, "SELECT count(*) FROM job WHERE finished_at IS NOT NULL");
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM (SELECT finished_at, row_number() OVER"
                       " (ORDER BY finished_at DESC, id DESC) AS place FROM job WHERE finished_at"
                       " IS NOT NULL) WHERE finished_at >= %lld OR place <= %lld",
                       (long long)(rule.finished_before > 0 ? rule.finished_before : now),
                       (long long)(rule.keep_jobs < 0 ? finished : rule.keep_jobs));
        want = help_raw_int(db, sql);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        help_open(OWNER, 0);
        ck_assert_int_eq(collect(&rule).jobs, finished - want);
    }
}
END_TEST

/* Many jobs go in pieces, and others get at the writer between two. */
START_TEST(many_jobs_go_in_pieces)
{
    static const char many[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO job (kind, state, created_at, finished_at)"
        " SELECT 'train', 'succeeded', 1, 2000 - i FROM n;"
        "INSERT INTO job_event (job_id, at, kind) SELECT id, 1, state FROM job;"
        "INSERT INTO curve_point (job_id, epoch, samples) SELECT j.id, e.value, 1 FROM job AS j,"
        " json_each('[1,2,3,4,5,6,7,8,9,10]') AS e";
    struct store_gc_rule rule = {.keep_jobs = 10};
    struct store_gc piece = {.more = true};
    struct store_job job;
    int64_t gone = 0;
    int pieces = 0;

    rewrite(many);
    while (piece.more) {
        OK(OPS->gc(help_store, &rule, false, &piece, err));
        gone += piece.jobs;
        pieces++;
        /* those that ended first go first */
        REFUSED(ERR_NOT_FOUND, OPS->job_get(help_store, 1000, &job, err));
        ck_assert_int_eq(help_state(1000 - gone), JOB_SUCCEEDED);
    }
    ck_assert_int_eq(gone, 990);
    ck_assert_int_ge(pieces, 5);
    ck_assert_str_eq(left(), "1 2 3 4 5 6 7 8 9 10");
    help_close();
    help_verify();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_upkeep");
    TCase *garbage = tcase_create("garbage");

    tcase_add_checked_fixture(garbage, help_setup, help_teardown);
    tcase_set_timeout(garbage, 60);
    tcase_add_loop_test(garbage, jobs_go_by_age_and_number, 0, (int)ARRAY_LEN(rules));
    tcase_add_test(garbage, a_key_that_counts_keeps_its_job);
    tcase_add_test(garbage, data_goes_when_nobody_needs_it);
    tcase_add_test(garbage, orphans_are_named);
    tcase_add_loop_test(garbage, any_rule_does_what_it_says, 0, 5);
    tcase_add_test(garbage, many_jobs_go_in_pieces);
    suite_add_tcase(suite, garbage);
    return help_run(suite);
}

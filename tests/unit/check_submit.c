/* Submitting: what is committed, what a dry run leaves behind (nothing), and what is refused
 * before anything is kept. The pool is a counter here. */
#include "data/encoder.h"
#include "jobs/config.h"
#include "submit_help.h"

/* ---- what is committed ------------------------------------------------------------- */

START_TEST(a_job_is_committed)
{
    struct submitted s;
    struct store_job job;
    struct config *config = NULL;
    struct err err = ERR_INIT;

    upload_flowers("flowers");
    ck_assert_msg(submit(JOB("kind", "", ",\"name\":\"family\""), false, &s, &err) == 0, "%s",
                  help_show(&err));
    ck_assert_int_gt(s.job_id, 0);
    ck_assert_int_gt(s.model_id, 0);
    ck_assert_int_eq(woken, 1);
    ck_assert_int_eq(queued(), 1);
    ck_assert_int_eq(store->ops->job_get(store, s.job_id, &job, &err), 0);
    ck_assert_str_eq(job.kind, "train");
    ck_assert_str_eq(job.name, "family");
    ck_assert_int_eq(job.model_id, s.model_id);
    ck_assert_str_eq(job.config_json, JOB("kind", "", ",\"name\":\"family\""));
    ck_assert_str_eq(job.resolved_json, s.resolved_json);
    ck_assert_str_eq(job.warnings_json, "[]");
    ck_assert_int_eq(config_parse(job.resolved_json, strlen(job.resolved_json), &config, &err), 0);
    ck_assert_int_eq(strncmp(config_dataset_key(config), "sha256:", 7), 0);
    ck_assert_uint_gt(s.estimate.parameters, 0);
    ck_assert_uint_gt(s.estimate.bytes, 0);
    config_free(&config);
    store_job_fini(&job);
    submitted_fini(&s);
}
END_TEST

START_TEST(rows_in_the_job_are_kept_once)
{
    struct submitted s;
    struct store_job job;
    struct err err = ERR_INIT;
    int i;

    for (i = 0; i < 2; i++) {
        ck_assert_msg(submit(XOR "}", false, &s, &err) == 0, "%s", help_show(&err));
        ck_assert_int_eq(store->ops->job_get(store, s.job_id, &job, &err), 0);
        ck_assert_ptr_nonnull(strstr(job.config_json, "{\"dataset\":\"sha256:"));
        ck_assert_ptr_null(strstr(job.config_json, "\"x\""));
        ck_assert_ptr_nonnull(strstr(job.resolved_json, "\"target\":\"y\""));
        store_job_fini(&job);
        submitted_fini(&s);
        ck_assert_uint_eq(files(), 1);
    }
    ck_assert_int_eq(queued(), 2);
}
END_TEST

START_TEST(a_dry_run_leaves_nothing)
{
    struct submitted s;
    struct err err = ERR_INIT;

    ck_assert_msg(submit(XOR "}", true, &s, &err) == 0, "%s", help_show(&err));
    ck_assert_int_eq(s.job_id, 0);
    ck_assert_int_eq(s.model_id, 0);
    ck_assert_uint_eq(s.estimate.parameters, 2 * 128 + 128 + 128 * 64 + 64 + 64 + 1);
    ck_assert_ptr_nonnull(strstr(s.resolved_json, "\"seed\":1"));
    submitted_fini(&s);
    ck_assert_uint_eq(files(), 0);
    ck_assert_int_eq(queued(), 0);
    ck_assert_int_eq(woken, 0);
}
END_TEST

START_TEST(resolved_posted_again_is_the_same)
{
    struct submitted first, second;
    struct err err = ERR_INIT;

    upload_flowers("flowers");
    ck_assert_int_eq(submit(JOB("kind", "", ""), false, &first, &err), 0);
    ck_assert_msg(submit(first.resolved_json, false, &second, &err) == 0, "%s", help_show(&err));
    ck_assert_str_eq(first.resolved_json, second.resolved_json);
    submitted_fini(&first);
    submitted_fini(&second);
}
END_TEST

START_TEST(a_lone_class_is_a_warning)
{
    struct submitted s;
    struct err err = ERR_INIT;

    upload_flowers("flowers");
    ck_assert_msg(submit(JOB("lone", "", ""), false, &s, &err) == 0, "%s", help_show(&err));
    ck_assert_ptr_nonnull(strstr(s.warnings_json, "class \\\"r\\\" has one row only"));
    submitted_fini(&s);
}
END_TEST

START_TEST(the_estimate_counts_the_split)
{
    struct submitted s;
    struct err err = ERR_INIT;

    upload_flowers("flowers");
    /* kind (2), lone (3), bad (2), half (2), fold (2; not when it splits), a, b, digit */
    ck_assert_msg(submit(JOB("y", ",\"split\":{\"column\":\"fold\"}", ""), true, &s, &err) == 0,
                  "%s", help_show(&err));
    ck_assert_uint_eq(s.estimate.n_inputs, 2 + 3 + 2 + 2 + 3);
    ck_assert_uint_eq(s.estimate.data_bytes, 60 * (4 * (12 + 1) + 8));
    submitted_fini(&s);
    ck_assert_int_eq(
        submit(JOB("y", ",\"split\":{\"test_dataset\":\"flowers\"}", ""), true, &s, &err), 0);
    ck_assert_uint_eq(s.estimate.data_bytes, 120 * 4 * (14 + 1) + 60 * 8);
    submitted_fini(&s);
}
END_TEST

START_TEST(priority_and_room_go_with_the_job)
{
    struct submitted s;
    struct store_job job;
    struct err err = ERR_INIT;
    int64_t held = -1;

    upload_flowers("flowers");
    ck_assert_int_eq(submit(JOB("kind", "", ",\"priority\":-7"), false, &s, &err), 0);
    ck_assert_int_eq(store->ops->job_get(store, s.job_id, &job, &err), 0);
    ck_assert_int_eq(job.priority, -7);
    ck_assert_ptr_nonnull(strstr(job.resolved_json, "\"priority\":-7"));
    ck_assert_int_eq(store->ops->job_disk(store, &held, &err), 0);
    ck_assert_uint_eq(held, s.estimate.disk_bytes);
    ck_assert_uint_gt(s.estimate.disk_bytes, 0);
    store_job_fini(&job);
    submitted_fini(&s);
}
END_TEST

/* The rows are in the estimate, and not held any more once they are written. */
START_TEST(rows_in_the_job_take_room)
{
    struct submitted s, dry;
    struct store_dataset *list = NULL;
    struct err err = ERR_INIT;
    int64_t held = -1;
    size_t n;
    bool more;

    ck_assert_int_eq(submit(XOR "}", true, &dry, &err), 0);
    ck_assert_int_eq(submit(XOR "}", false, &s, &err), 0);
    ck_assert_uint_eq(dry.estimate.disk_bytes, s.estimate.disk_bytes);
    ck_assert_int_eq(store->ops->job_disk(store, &held, &err), 0);
    ck_assert_int_eq(store->ops->dataset_list(store, 0, 10, &list, &n, &more, &err), 0);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(held + list[0].bytes, s.estimate.disk_bytes);
    store_datasets_free(&list, n);
    submitted_fini(&dry);
    ck_assert_int_eq(submit(s.resolved_json, true, &dry, &err), 0); /* the rows by their name */
    ck_assert_uint_eq(dry.estimate.disk_bytes, held);
    submitted_fini(&dry);
    submitted_fini(&s);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------- */

static const struct {
    const char *json;
    enum err_code code;
    const char *pointer, *fragment;
} wrong[] = {
    {"nonsense", ERR_SYNTAX, NULL, "not JSON"},
    {"{}", ERR_INVALID, "/data", "is required"},
    {"{\"data\":{\"dataset\":\"flwers\",\"target\":\"kind\"}}", ERR_INVALID, "/data/dataset",
     "there is no dataset \"flwers\", did you mean \"flowers\"?"},
    {"{\"data\":{\"dataset\":77,\"target\":\"kind\"}}", ERR_INVALID, "/data/dataset",
     "there is no dataset \"77\""},
    {"{\"data\":{\"dataset\":\"zzzzzzzzzz\",\"target\":\"kind\",\"split\":{\"test_dataset\":\"e\"}}"
     "}",
     ERR_INVALID, "/data/split/test_dataset", "there is no dataset \"e\""},
    {JOB("knd", "", ""), ERR_INVALID, "/data/target", "did you mean \"kind\"?"},
    {JOB("lone", ",\"split\":{\"stratify\":true}", ""), ERR_INVALID, "/data/split/stratify",
     "class \"r\" has one row only"},
    {JOB("digit", ",\"split\":{\"stratify\":true}", ""), ERR_INVALID, "/data/split/stratify",
     "class \"2\" has one row only"},
    {JOB("kind", ",\"split\":{\"column\":\"bad\"}", ""), ERR_INVALID, "/data/split/column",
     "holds \"tset\""},
    {JOB("kind", ",\"split\":{\"column\":\"half\"}", ""), ERR_INVALID, "/data/split/column",
     "class \"p\" has no training row"},
    {JOB("kind", "", ",\"architecture\":{\"hidden\":[30000,30000]}"), ERR_INVALID,
     "/architecture/hidden", "GB, the limit is 1.1 GB"},
    {"{\"data\":{\"x\":[[1],[1]],\"y\":[1,2]}}", ERR_INVALID, "/data", "constant"},
    {"{\"data\":{\"x\":[[1],[2]],\"y\":[\"a\",\"a\"]}}", ERR_INVALID, "/data/target", "same class"},
    {XOR ",\"architecture\":{\"hidden\":[60000,60000]}}", ERR_INVALID, "/architecture/hidden",
     "the limit is"},
};

START_TEST(nothing_of_a_refused_job_is_kept)
{
    struct submitted s = {.job_id = -1};
    struct err err = ERR_INIT;

    upload_flowers("flowers");
    ck_assert_int_eq(submit(wrong[_i].json, false, &s, &err), -1);
    ck_assert_msg(err.code == wrong[_i].code, "%s\n%s", wrong[_i].json, help_show(&err));
    if (wrong[_i].pointer != NULL) {
        ck_assert_msg(help_has(&err, wrong[_i].pointer, wrong[_i].fragment), "%s\n%s",
                      wrong[_i].json, help_show(&err));
    } else {
        ck_assert_ptr_nonnull(strstr(err.detail, wrong[_i].fragment));
    }
    err_fini(&err);
    ck_assert_int_eq(s.job_id, -1);
    ck_assert_uint_eq(files(), 1);
    ck_assert_int_eq(queued(), 0);
    ck_assert_int_eq(woken, 0);
}
END_TEST

START_TEST(all_unknown_datasets_are_told)
{
    struct submitted s;
    struct err err = ERR_INIT;

    ck_assert_int_eq(submit("{\"data\":{\"dataset\":\"a\",\"target\":\"t\",\"split\":"
                            "{\"test_dataset\":\"b\",\"validation_dataset\":\"c\"}}}",
                            false, &s, &err),
                     -1);
    ck_assert_uint_eq(err.n_items, 3);
    err_fini(&err);
}
END_TEST

START_TEST(a_full_queue_is_busy)
{
    struct submitted s;
    struct err err = ERR_INIT;

    limits.max_queued = 1;
    ck_assert_int_eq(submit(XOR "}", false, &s, &err), 0);
    submitted_fini(&s);
    ck_assert_int_eq(submit("{\"data\":{\"x\":[[1],[2],[4]],\"y\":[1.5,2,3]}}", false, &s, &err),
                     -1);
    ck_assert_int_eq(err.code, ERR_BUSY);
    err_fini(&err);
    ck_assert_uint_eq(files(), 1);
    ck_assert_int_eq(submit(XOR "}", true, &s, &err), 0); /* a dry run does not queue */
    submitted_fini(&s);
}
END_TEST

/* ---- evaluate ------------------------------------------------------------------------ */

/* A model of `flowers` with an encoder, as a worker would bring it home. */
static int64_t make_model(void)
{
    static const uint64_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const size_t features[] = {0, 1}, targets[] = {2};
    struct encoder_options options = {
        .classes = true, .n_features = 2, .features = features, .n_targets = 1, .targets = targets};
    struct store_dataset row;
    const struct dataset *ds;
    struct encoder *encoder = NULL;
    struct submitted s;
    struct store_job job;
    struct err err = ERR_INIT;
    struct store_outcome outcome = {.state = JOB_SUCCEEDED,
                                    .has_model = true,
                                    .spec_json = "{}",
                                    .info_json = "{}",
                                    .metrics_json = "{}",
                                    .weights = "abcd",
                                    .weights_bytes = 4,
                                    .parameters = 1};
    char *json;
    int64_t model_id;

    ck_assert_int_eq(submit(JOB("kind", "", ",\"name\":\"family\""), false, &s, &err), 0);
    model_id = s.model_id;
    submitted_fini(&s);
    ck_assert_int_eq(store->ops->dataset_get(store, "flowers", &row, &err), 0);
    ck_assert_int_eq(datasets_open(datasets, row.sha256, &ds, &err), 0);
    ck_assert_int_eq(encoder_fit(ds, &options, rows, 8, &encoder, NULL, &err), 0);
    json = encoder_to_json(encoder);
    outcome.encoder_json = json;
    ck_assert_int_eq(store->ops->job_claim(store, "test", &job, &err), 0);
    ck_assert_msg(store->ops->job_finish(store, job.id, "test", &outcome, &err) == 0, "%s",
                  err.detail);
    free(json);
    encoder_free(&encoder);
    datasets_put(datasets, &ds);
    store_dataset_fini(&row);
    store_job_fini(&job);
    return model_id;
}

static int evaluate(int64_t model, const char *key, struct submitted *out, struct err *err)
{
    return submit_evaluate(datasets, NULL, &limits, model, key, NULL, out, err);
}

START_TEST(an_evaluation_is_committed)
{
    struct submitted s;
    struct store_job job;
    struct err err = ERR_INIT;
    int64_t model;
    char *wanted;

    upload_flowers("flowers");
    model = make_model();
    woken = 0;
    ck_assert_msg(evaluate(model, "flowers", &s, &err) == 0, "%s", help_show(&err));
    ck_assert_int_eq(woken, 1);
    ck_assert_int_eq(store->ops->job_get(store, s.job_id, &job, &err), 0);
    ck_assert_str_eq(job.kind, "evaluate");
    ck_assert_str_eq(job.name, "family");
    ck_assert_int_eq(job.model_id, model);
    wanted = xasprintf("{\"model_id\":%lld,\"dataset\":\"flowers\"}", (long long)model);
    ck_assert_str_eq(job.config_json, wanted);
    free(wanted);
    wanted = xasprintf("{\"model_id\":%lld,\"dataset\":\"sha256:", (long long)model);
    ck_assert_int_eq(strncmp(job.resolved_json, wanted, strlen(wanted)), 0);
    free(wanted);
    store_job_fini(&job);
    submitted_fini(&s);
}
END_TEST

START_TEST(an_evaluation_is_refused)
{
    struct submitted s;
    struct err err = ERR_INIT;
    int64_t model;

    upload_flowers("flowers");
    upload("others", "a,kind\n1,p\n2,q\n");
    model = make_model();
    ck_assert_int_eq(evaluate(model + 1, "flowers", &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    err_fini(&err);
    ck_assert_int_eq(evaluate(model, "flower", &s, &err), -1);
    ck_assert(help_has(&err, "/dataset", "did you mean \"flowers\"?"));
    err_fini(&err);
    ck_assert_int_eq(evaluate(model, "others", &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_msg(help_has(&err, "/b", ""), "%s", help_show(&err));
    err_fini(&err);
    limits.memory_limit = 100;
    ck_assert_int_eq(evaluate(model, "flowers", &s, &err), -1);
    ck_assert(help_has(&err, "/dataset", "the limit is"));
    err_fini(&err);
    limits.memory_limit = 1 << 30;
    ck_assert_int_eq(submit(JOB("kind", "", ""), false, &s, &err), 0);
    model = s.model_id;
    submitted_fini(&s);
    ck_assert_int_eq(evaluate(model, "flowers", &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    err_fini(&err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("submit");
    TCase *tc = tcase_create("submit");

    hash_start();
    log_set_level(LOG_WARN);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, submit_setup, submit_teardown);
    tcase_add_test(tc, a_job_is_committed);
    tcase_add_test(tc, rows_in_the_job_are_kept_once);
    tcase_add_test(tc, a_dry_run_leaves_nothing);
    tcase_add_test(tc, resolved_posted_again_is_the_same);
    tcase_add_test(tc, a_lone_class_is_a_warning);
    tcase_add_test(tc, the_estimate_counts_the_split);
    tcase_add_loop_test(tc, nothing_of_a_refused_job_is_kept, 0, ARRAY_LEN(wrong));
    tcase_add_test(tc, all_unknown_datasets_are_told);
    tcase_add_test(tc, a_full_queue_is_busy);
    tcase_add_test(tc, priority_and_room_go_with_the_job);
    tcase_add_test(tc, rows_in_the_job_take_room);
    tcase_add_test(tc, an_evaluation_is_committed);
    tcase_add_test(tc, an_evaluation_is_refused);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

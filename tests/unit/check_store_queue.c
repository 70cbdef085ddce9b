/* Jobs as records: what submit keeps and refuses, the queue's order, lists and counts. */
#include "check_store.h"

/* ---- records ---- */

START_TEST(states_have_names)
{
    enum job_state state;

    for (int i = 0; i < JOB_STATES; i++) {
        ck_assert(job_state_parse(job_state_name((enum job_state)i), &state));
        ck_assert_int_eq(state, i);
    }
    ck_assert(!job_state_parse("asleep", &state));
    ck_assert(!job_state_parse("", &state));
}
END_TEST

START_TEST(submit_keeps_everything)
{
    struct store_job_new new = {.kind = "train",
                                .name = "iris",
                                .config_json = "{\"a\":\"\xc3\xa9\"}",
                                .resolved_json = "{}",
                                .warnings_json = "[\"one\"]"};
    struct store_job job;
    struct store_model model;
    int64_t id = 0, model_id = 0;

    OK(OPS->job_submit(help_store, &new, &id, &model_id, err));
    job = help_get(id);
    ck_assert_str_eq(job.kind, "train");
    ck_assert_str_eq(job.name, "iris");
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.model_id, model_id);
    ck_assert_int_eq(job.attempt, 0);
    ck_assert(!job.cancel_requested);
    ck_assert_int_gt(job.created_at, 1600000000000);
    ck_assert_int_eq(job.started_at, 0);
    ck_assert_int_eq(job.finished_at, 0);
    ck_assert_str_eq(job.config_json, "{\"a\":\"\xc3\xa9\"}");
    ck_assert_str_eq(job.resolved_json, "{}");
    ck_assert_str_eq(job.warnings_json, "[\"one\"]");
    ck_assert_ptr_null(job.result_json);
    ck_assert_ptr_null(job.error_code);
    ck_assert_ptr_null(job.error_detail);
    store_job_fini(&job);
    OK(OPS->model_get(help_store, model_id, &model, err));
    ck_assert_str_eq(model.state, "pending");
    ck_assert_str_eq(model.name, "iris");
    ck_assert_int_eq(model.job_id, id);
    ck_assert_str_eq(model.weights_sha256, "");
    ck_assert_str_eq(model.dataset_sha256, "");
    ck_assert_ptr_null(model.spec_json);
    store_model_fini(&model);
    help_events(id, "queued");
}
END_TEST

START_TEST(submit_defaults)
{
    struct store_job_new new = {.kind = "train"};
    struct store_job job;
    int64_t id = 0, model_id = 0;

    OK(OPS->job_submit(help_store, &new, &id, &model_id, err));
    job = help_get(id);
    ck_assert_ptr_null(job.name);
    ck_assert_str_eq(job.warnings_json, "[]");
    ck_assert_ptr_null(job.config_json);
    store_job_fini(&job);
}
END_TEST

START_TEST(submit_is_refused)
{
    const char *hash = help_hash('d');
    struct store_job_new job = {.kind = "evaluate", .model_id = 99};
    int64_t id = 0, model_id = 0, made, failed;
    bool created;

    REFUSED(ERR_NOT_FOUND, OPS->job_submit(help_store, &job, &id, &model_id, err));
    made = help_train();
    job.model_id = failed = help_model_of(made);
    OK(OPS->job_submit(help_store, &job, &id, &model_id, err)); /* pending: may come */
    ck_assert_int_eq(model_id, failed);
    help_claim(made, OWNER);
    help_finish(made, OWNER, JOB_FAILED, false);
    REFUSED(ERR_CONFLICT, OPS->job_submit(help_store, &job, &id, &model_id, err));

    /* Its data is not there. */
    job = (struct store_job_new){.kind = "train", .datasets = &hash, .n_datasets = 1};
    REFUSED(ERR_CONFLICT, OPS->job_submit(help_store, &job, &id, &model_id, err));
    OK(OPS->dataset_add(help_store, NULL, hash, 1, 1, 1, false, &id, &created, err));
    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
    /* What a refused one had begun to write is gone: the next ids follow on. */
    ck_assert_int_eq(id, made + 2);
    ck_assert_int_eq(model_id, failed + 1);
}
END_TEST

START_TEST(submit_stops_at_max_queued)
{
    struct store_job_new job = {.kind = "train", .max_queued = 3};
    int64_t id = 0, model_id = 0, first;

    first = help_train();
    (void)help_train();
    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
    REFUSED(ERR_BUSY, OPS->job_submit(help_store, &job, &id, &model_id, err));
    help_claim(first, OWNER);
    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
    REFUSED(ERR_BUSY, OPS->job_submit(help_store, &job, &id, &model_id, err));
    job.max_queued = 0; /* no limit */
    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
}
END_TEST

START_TEST(unknown_ids_are_named)
{
    struct store_outcome outcome = help_outcome(JOB_SUCCEEDED, false);
    struct store_point point = {.epoch = 1};
    struct store_job job;
    enum job_state state;
    struct err named = ERR_INIT;
    int64_t position;

    ck_assert_int_eq(OPS->job_get(help_store, 7, &job, &named), -1);
    ck_assert_str_eq(named.detail, "there is no job 7");
    REFUSED(ERR_NOT_FOUND, OPS->job_get(help_store, -1, &job, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_position(help_store, 7, &position, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_finish(help_store, 7, OWNER, &outcome, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_release(help_store, 7, OWNER, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_cancel(help_store, 7, &state, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_delete(help_store, 7, err));
    REFUSED(ERR_NOT_FOUND, OPS->curve_append(help_store, 7, OWNER, &point, 1, err));
    REFUSED(ERR_NOT_FOUND, OPS->event_add(help_store, 7, "warning", NULL, err));
}
END_TEST

/* ---- the queue ---- */

START_TEST(claims_come_in_order)
{
    int64_t a = help_train(), b = help_train(), c = help_train();
    struct store_job job;
    int64_t position = -1;

    OK(OPS->job_position(help_store, a, &position, err));
    ck_assert_int_eq(position, 1);
    OK(OPS->job_position(help_store, c, &position, err));
    ck_assert_int_eq(position, 3);

    OK(OPS->job_claim(help_store, OWNER, &job, err));
    ck_assert_int_eq(job.id, a);
    ck_assert_int_eq(job.state, JOB_RUNNING);
    ck_assert_int_eq(job.attempt, 1);
    ck_assert_int_gt(job.started_at, 0);
    ck_assert_str_eq(job.config_json, "{\"config\":1}");
    ck_assert_str_eq(job.resolved_json, "{\"resolved\":1}");
    store_job_fini(&job);
    OK(OPS->job_position(help_store, a, &position, err));
    ck_assert_int_eq(position, 0);
    OK(OPS->job_position(help_store, c, &position, err));
    ck_assert_int_eq(position, 2);
    help_claim(b, OWNER);
    help_claim(c, OWNER);
    NOTHING(OPS->job_claim(help_store, OWNER, &job, err));
    help_events(a, "queued | running:attempt 1");
}
END_TEST

START_TEST(claim_clears_the_old_curve)
{
    int64_t id = help_train(), other = help_train();
    struct store_point point = {.epoch = 1, .training_loss = 1}, *points = NULL;
    size_t n = 9;

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    OK(OPS->curve_append(help_store, id, OWNER, &point, 1, err));
    OK(OPS->curve_append(help_store, other, OWNER, &point, 1, err));
    OK(OPS->job_release(help_store, id, OWNER, err));
    OK(OPS->curve_read(help_store, id, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, 1); /* kept to look at until the next attempt */
    store_points_free(&points, n);
    help_claim(id, OWNER);
    OK(OPS->curve_read(help_store, id, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, 0);
    store_points_free(&points, n);
    OK(OPS->curve_read(help_store, other, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, 1);
    store_points_free(&points, n);
}
END_TEST

/* ---- lists ---- */

static size_t list(const struct store_job_filter *filter, int64_t *ids, bool *more)
{
    struct store_job *jobs = NULL;
    size_t n = 0;

    OK(OPS->job_list(help_store, filter, &jobs, &n, more, err));
    for (size_t i = 0; i < n; i++) {
        ids[i] = jobs[i].id;
        ck_assert_ptr_null(jobs[i].config_json);
        ck_assert_ptr_null(jobs[i].resolved_json);
        ck_assert_str_eq(jobs[i].warnings_json, "[\"careful\"]");
    }
    store_jobs_free(&jobs, n);
    ck_assert_ptr_null(jobs);
    return n;
}

START_TEST(lists_page_newest_first)
{
    struct store_job_filter filter = {.state = -1, .limit = 3};
    int64_t ids[8], want = 7;
    size_t pages = 0, n;
    bool more = true;

    ck_assert_uint_eq(list(&filter, ids, &more), 0);
    ck_assert(!more);
    for (int i = 0; i < 7; i++) {
        (void)help_train();
    }
    do {
        n = list(&filter, ids, &more);
        for (size_t i = 0; i < n; i++) {
            ck_assert_int_eq(ids[i], want--);
        }
        filter.before_id = ids[n - 1];
        pages++;
    } while (more);
    ck_assert_int_eq(want, 0);
    ck_assert_uint_eq(pages, 3);
    /* Exactly as many as there are: no older ones are promised. */
    filter = (struct store_job_filter){.state = -1, .limit = 7};
    ck_assert_uint_eq(list(&filter, ids, &more), 7);
    ck_assert(!more);
    filter.limit = 6;
    ck_assert_uint_eq(list(&filter, ids, &more), 6);
    ck_assert(more);
}
END_TEST

START_TEST(lists_filter)
{
    /* 1 iris done, 2 wine queued, 3 evaluate of iris's model, 4 iris queued, 5 nameless */
    int64_t ids[8], iris = help_submit("train", "iris", 0), counts[JOB_STATES];
    bool more;

    help_claim(iris, OWNER);
    help_finish(iris, OWNER, JOB_SUCCEEDED, true);
    (void)help_submit("train", "wine", 0);
    (void)help_submit("evaluate", "iris", help_model_of(iris));
    (void)help_submit("train", "iris", 0);
    (void)help_submit("train", NULL, 0);

    static const struct {
        struct store_job_filter filter;
        size_t n;
        int64_t ids[5];
    } cases[] = {
        {{.state = -1}, 5, {5, 4, 3, 2, 1}},
        {{.state = -1, .name = "iris"}, 3, {4, 3, 1}},
        {{.state = -1, .name = "no such"}, 0, {0}},
        {{.state = -1, .kind = "train"}, 4, {5, 4, 2, 1}},
        {{.state = -1, .kind = "evaluate"}, 1, {3}},
        {{.state = JOB_QUEUED}, 4, {5, 4, 3, 2}},
        {{.state = JOB_SUCCEEDED}, 1, {1}},
        {{.state = JOB_RUNNING}, 0, {0}},
        {{.state = JOB_QUEUED, .name = "iris"}, 2, {4, 3}},
        {{.state = JOB_QUEUED, .name = "iris", .kind = "train"}, 1, {4}},
        {{.state = JOB_QUEUED, .kind = "train"}, 3, {5, 4, 2}},
        {{.state = JOB_QUEUED, .kind = "train", .before_id = 5}, 2, {4, 2}},
        {{.state = -1, .name = "iris", .before_id = 4}, 2, {3, 1}},
        {{.state = -1, .before_id = 2}, 1, {1}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_job_filter filter = cases[i].filter;

        filter.limit = 10;
        ck_assert_uint_eq(list(&filter, ids, &more), cases[i].n);
        ck_assert(!more);
        for (size_t j = 0; j < cases[i].n; j++) {
            ck_assert_int_eq(ids[j], cases[i].ids[j]);
        }
    }
    OK(OPS->job_counts(help_store, counts, err));
    ck_assert_int_eq(counts[JOB_QUEUED], 4);
    ck_assert_int_eq(counts[JOB_SUCCEEDED], 1);
    ck_assert_int_eq(counts[JOB_RUNNING] + counts[JOB_FAILED] + counts[JOB_CANCELLED], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_queue");
    TCase *cases = tcase_create("queue");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, states_have_names);
    tcase_add_test(cases, submit_keeps_everything);
    tcase_add_test(cases, submit_defaults);
    tcase_add_test(cases, submit_is_refused);
    tcase_add_test(cases, submit_stops_at_max_queued);
    tcase_add_test(cases, unknown_ids_are_named);
    tcase_add_test(cases, claims_come_in_order);
    tcase_add_test(cases, claim_clears_the_old_curve);
    tcase_add_test(cases, lists_page_newest_first);
    tcase_add_test(cases, lists_filter);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

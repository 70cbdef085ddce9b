/* Models: their rows, families, weights and states, and what damage does to one of them. */
#include "check_store.h"

/* ---- models ---- */

static int64_t ready_model(const char *name)
{
    int64_t id = help_submit("train", name, 0);

    help_claim(id, OWNER);
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    return help_model_of(id);
}

START_TEST(models_round_trip)
{
    int64_t id = ready_model("iris");
    struct store_model model;
    char hash[HASH_HEX_LEN];
    char *json = NULL;
    void *bytes = NULL;
    size_t len = 0;

    OK(OPS->model_get(help_store, id, &model, err));
    ck_assert_str_eq(model.state, "ready");
    ck_assert_str_eq(model.spec_json, "{\"spec\":1}");
    ck_assert_str_eq(model.encoder_json, "{\"encoder\":1}");
    ck_assert_str_eq(model.info_json, "{\"info\":1}");
    ck_assert_str_eq(model.metrics_json, "{\"metrics\":1}");
    ck_assert_int_eq(model.parameters, 3);
    ck_assert_int_ge(model.finished_at, model.created_at);
    hash_hex(help_weights, sizeof help_weights, hash);
    ck_assert_str_eq(model.weights_sha256, hash);
    store_model_fini(&model);
    OK(OPS->model_weights(help_store, id, &bytes, &len, err));
    ck_assert_uint_eq(len, sizeof help_weights);
    ck_assert_mem_eq(bytes, help_weights, len);
    free(bytes);
    OK(OPS->model_evaluation(help_store, id, "test", &json, err));
    ck_assert_str_eq(json, "{\"t\":2}");
    free(json);
    REFUSED(ERR_NOT_FOUND, OPS->model_evaluation(help_store, id, "validation", &json, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_evaluation(help_store, 99, "test", &json, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_weights(help_store, 99, &bytes, &len, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_get(help_store, 99, &model, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_delete(help_store, 99, err));
}
END_TEST

START_TEST(the_family_is_its_newest_success)
{
    int64_t first = ready_model("iris"), second = ready_model("iris"), failed, pending;
    struct store_model model;

    failed = help_submit("train", "iris", 0);
    help_claim(failed, OWNER);
    help_finish(failed, OWNER, JOB_FAILED, true);
    pending = help_submit("train", "iris", 0);
    OK(OPS->model_by_name(help_store, "iris", &model, err));
    ck_assert_int_eq(model.id, second);
    ck_assert_str_eq(model.spec_json, "{\"spec\":1}");
    store_model_fini(&model);
    OK(OPS->job_delete(help_store, 2, err)); /* success outlives its job */
    OK(OPS->model_by_name(help_store, "iris", &model, err));
    ck_assert_int_eq(model.id, second);
    store_model_fini(&model);
    OK(OPS->model_delete(help_store, second, err));
    OK(OPS->model_by_name(help_store, "iris", &model, err));
    ck_assert_int_eq(model.id, first);
    store_model_fini(&model);
    REFUSED(ERR_NOT_FOUND, OPS->model_by_name(help_store, "wine", &model, err));
    ck_assert_int_gt(pending, failed);
}
END_TEST

START_TEST(models_list_by_family)
{
    struct store_model *list = NULL;
    size_t n = 0;
    bool more = false;

    for (int i = 0; i < 3; i++) {
        (void)ready_model("iris");
        (void)ready_model("wine");
    }
    (void)help_submit("train", "iris", 0);
    OK(OPS->model_list(help_store, NULL, 0, 4, &list, &n, &more, err));
    ck_assert_uint_eq(n, 4);
    ck_assert(more);
    ck_assert_int_eq(list[0].id, 7);
    ck_assert_str_eq(list[0].state, "pending");
    ck_assert_str_eq(list[1].name, "wine");
    ck_assert_str_eq(list[1].metrics_json, "{\"metrics\":1}");
    ck_assert_int_eq((int)strlen(list[1].weights_sha256), HASH_HEX_LEN - 1);
    ck_assert_ptr_nonnull(list[1].spec_json); /* its shape is shown in lists */
    ck_assert_ptr_null(list[1].encoder_json);
    store_models_free(&list, n);
    OK(OPS->model_list(help_store, "iris", 7, 3, &list, &n, &more, err));
    ck_assert_uint_eq(n, 3);
    ck_assert(!more);
    ck_assert_int_eq(list[0].id, 5);
    ck_assert_int_eq(list[2].id, 1);
    store_models_free(&list, n);
    OK(OPS->model_list(help_store, "digits", 0, 3, &list, &n, &more, err));
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_model_at_work_stays)
{
    int64_t job = help_train(), model = help_model_of(job), judge;
    enum job_state state;
    void *bytes = NULL;
    char *json = NULL;
    size_t len;

    REFUSED(ERR_CONFLICT, OPS->model_delete(help_store, model, err));
    help_claim(job, OWNER);
    REFUSED(ERR_CONFLICT, OPS->model_delete(help_store, model, err));
    help_finish(job, OWNER, JOB_SUCCEEDED, true);
    judge = help_submit("evaluate", NULL, model);
    REFUSED(ERR_CONFLICT, OPS->model_delete(help_store, model, err));
    OK(OPS->job_cancel(help_store, judge, &state, err));
    OK(OPS->model_delete(help_store, model, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_weights(help_store, model, &bytes, &len, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_evaluation(help_store, model, "test", &json, err));
    ck_assert_int_eq(help_state(job), JOB_SUCCEEDED); /* its job stays */
    help_close();
    sqlite3 *db = help_raw_open();

    ck_assert_int_eq(help_raw_int(db, "SELECT (SELECT count(*) FROM weight)"
                                      " + (SELECT count(*) FROM weight_chunk)"
                                      " + (SELECT count(*) FROM model_part)"
                                      " + (SELECT count(*) FROM evaluation)"), 0);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_verify();
}
END_TEST

/* ---- weights ---- */

static unsigned char *big_weights(size_t len)
{
    unsigned char *bytes = xmalloc(len);
    uint32_t x = 12345;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525U + 1013904223U;
        bytes[i] = (unsigned char)(x >> 24);
    }
    return bytes;
}

static int64_t model_with(const void *weights, size_t len)
{
    int64_t id = help_train();
    struct store_outcome outcome = help_outcome(JOB_SUCCEEDED, true);

    outcome.weights = weights;
    outcome.weights_bytes = len;
    help_claim(id, OWNER);
    OK(OPS->job_finish(help_store, id, OWNER, &outcome, err));
    return help_model_of(id);
}

/* The state of a training goes with its model, and a model that a job goes on from stays. */
START_TEST(a_state_lives_with_its_model)
{
    static const size_t len = 5 * 1024 * 1024 + 3; /* two chunks */
    unsigned char *bytes = big_weights(len);
    int64_t id = help_train(), parent = help_model_of(id), child = 0, child_model = 0;
    struct store_outcome outcome = help_outcome(JOB_SUCCEEDED, true);
    struct store_job_new job = {.kind = "train", .config_json = "{}", .resolved_json = "{}"};
    enum job_state state;
    struct store_model model;
    void *out = NULL;
    size_t n = 0;

    outcome.trainer_state = bytes;
    outcome.state_bytes = len;
    help_claim(id, OWNER);
    REFUSED(ERR_NOT_FOUND, OPS->model_state(help_store, parent, &out, &n, err));
    OK(OPS->job_finish(help_store, id, OWNER, &outcome, err));
    OK(OPS->model_get(help_store, parent, &model, err));
    ck_assert_int_eq(model.state_bytes, (int64_t)len);
    store_model_fini(&model);
    OK(OPS->model_state(help_store, parent, &out, &n, err));
    ck_assert_uint_eq(n, len);
    ck_assert_int_eq(memcmp(out, bytes, len), 0);
    free(out);
    job.parent_id = parent;
    OK(OPS->job_submit(help_store, &job, &child, &child_model, err));
    ck_assert_int_ne(child_model, parent);
    REFUSED(ERR_CONFLICT, OPS->model_delete(help_store, parent, err));
    OK(OPS->job_cancel(help_store, child, &state, err));
    OK(OPS->model_delete(help_store, parent, err));
    REFUSED(ERR_NOT_FOUND, OPS->model_state(help_store, parent, &out, &n, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_submit(help_store, &job, &child, &child_model, err));
    free(bytes);
    help_close();
    sqlite3 *db = help_raw_open();

    ck_assert_int_eq(help_raw_int(db, "SELECT (SELECT count(*) FROM weight)"
                                      " + (SELECT count(*) FROM weight_chunk)"
                                      " + (SELECT count(*) FROM model_state)"), 0);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_verify();
}
END_TEST

START_TEST(weights_of_every_length)
{
    static const size_t chunk = 4 * 1024 * 1024;
    static const size_t lengths[] = {0, 4, 4194300, 4194304, 4194308, 9 * 1024 * 1024};
    unsigned char *bytes = big_weights(9 * 1024 * 1024);

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        int64_t id = model_with(bytes, lengths[i]);
        void *out = NULL;
        size_t len = 1;

        OK(OPS->model_weights(help_store, id, &out, &len, err));
        ck_assert_uint_eq(len, lengths[i]);
        ck_assert(len == 0 || memcmp(out, bytes, len) == 0);
        free(out);
    }
    free(bytes);
    help_close();
    sqlite3 *db = help_raw_open();

    ck_assert_int_eq(help_raw_int(db, "SELECT max(length(bytes)) FROM weight_chunk"),
                     (int64_t)chunk);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM weight_chunk"), 0 + 1 + 1 + 1 + 2 + 3);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

/* Each kind of damage to the second of three models hurts that one alone. */
START_TEST(damaged_weights_are_named)
{
    static const char *const damages[] = {
        /* one bit of the second chunk */
        ("UPDATE weight_chunk SET bytes = CAST(substr(bytes, 1, 99) || x'00'"
         " || substr(bytes, 101) AS BLOB) WHERE weight_id = 2 AND seq = 1"),
        "DELETE FROM weight_chunk WHERE weight_id = 2 AND seq = 1",
        "UPDATE weight_chunk SET seq = 1 - seq + 10 WHERE weight_id = 2", /* another order */
        "UPDATE weight SET bytes = 1000000000000 WHERE id = 2",
        "UPDATE weight SET bytes = bytes + 1 WHERE id = 2",
        "UPDATE weight SET sha256 = (SELECT sha256 FROM weight WHERE id = 1) WHERE id = 2",
    };
    unsigned char *bytes = big_weights(9 * 1024 * 1024);
    void *out = NULL;
    size_t len = 0;

    bytes[4194304 + 99] = 0x40;
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        if (i > 0) {
            help_close();
            help_remove_dir();
            help_setup();
        }
        (void)model_with(bytes, 8);
        (void)model_with(bytes, i == 0 ? 9 * 1024 * 1024 : 2 * 4194304);
        (void)model_with(bytes, 12);
        OK(OPS->model_weights(help_store, 2, &out, &len, err));
        free(out);
        help_close();
        sqlite3 *db = help_raw_open();

        help_raw_exec(db, damages[i]);
        ck_assert_int_ge(sqlite3_changes(db), 1);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        help_open(OWNER, 0);
        REFUSED(ERR_CORRUPT, OPS->model_weights(help_store, 2, &out, &len, err));
        struct err err = ERR_INIT;

        ck_assert_int_eq(OPS->model_weights(help_store, 2, &out, &len, &err), -1);
        ck_assert_ptr_nonnull(strstr(err.detail, "model 2"));
        for (int64_t id = 1; id <= 3; id += 2) {
            ck_assert_int_eq(OPS->model_weights(help_store, id, &out, &len, &err), 0);
            free(out);
        }
        ck_assert_int_eq(OPS->health(help_store, &err), 0); /* writes go on */
    }
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_models");
    TCase *cases = tcase_create("models");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, models_round_trip);
    tcase_add_test(cases, the_family_is_its_newest_success);
    tcase_add_test(cases, models_list_by_family);
    tcase_add_test(cases, a_model_at_work_stays);
    tcase_add_test(cases, a_state_lives_with_its_model);
    tcase_add_test(cases, weights_of_every_length);
    tcase_add_test(cases, damaged_weights_are_named);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

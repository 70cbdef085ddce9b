/* Models that answer: from the store, live, replaced, evicted, deleted, damaged. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs_house.h"

static struct house h;
static struct store_ops ops; /* the real ones, some replaced */

static void setup(void)
{
    house_open(&h, 1);
    house_clouds(&h, "clouds", 30);
    ops = *h.store->ops;
}

static void teardown(void)
{
    house_close(&h);
}

/* ---- models without training ------------------------------------------------- */

static const struct mlp_layer_spec layers[] = {
    {.units = 5, .activation = MLP_TANH, .init = MLP_GLOROT_UNIFORM}};
static const struct mlp_spec shape = {
    .n_inputs = 2,
    .n_outputs = 3,
    .n_hidden = 1,
    .hidden = layers,
    .output_init = MLP_HE_NORMAL,
    .output = MLP_OUT_SOFTMAX,
    .loss = MLP_CROSS_ENTROPY,
};

static struct encoder *make_encoder(void)
{
    const size_t features[] = {0, 1}, targets[] = {2};
    struct encoder_options options = {.classes = true, .n_features = 2, .features = features,
                                      .n_targets = 1, .targets = targets};
    const struct dataset *ds = NULL;
    struct store_dataset row = {.id = 0};
    struct encoder *encoder = NULL;
    struct err err = ERR_INIT;
    uint64_t rows[30];
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i] = i;
    }
    ck_assert_int_eq(h.store->ops->dataset_get(h.store, "clouds", &row, &err), 0);
    ck_assert_int_eq(datasets_open(h.datasets, row.sha256, &ds, &err), 0);
    ck_assert_int_eq(
        encoder_fit(ds, &options, rows, ARRAY_LEN(rows), &encoder, NULL, &err), 0);
    datasets_put(h.datasets, &ds);
    store_dataset_fini(&row);
    return encoder;
}

static struct mlp_net *make_net(uint64_t seed)
{
    struct mlp_net *net = NULL;

    ck_assert_int_eq(mlp_net_new(&shape, &net), MLP_OK);
    ck_assert_int_eq(mlp_net_init(net, seed), MLP_OK);
    return net;
}

static int64_t submit(int64_t *job_id)
{
    struct store_job_new new_job = {.kind = "train", .config_json = "{}", .resolved_json = "{}",
                                    .warnings_json = "[]", .max_queued = 10};
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    int64_t model_id;

    ck_assert_int_eq(h.store->ops->job_submit(h.store, &new_job, job_id, &model_id, &err), 0);
    ck_assert_int_eq(h.store->ops->job_claim(h.store, h.owner, &job, &err), 0);
    store_job_fini(&job);
    return model_id;
}

/* What a stored model is made of, each part replaceable by a wrong one. */
struct parts {
    const char *spec, *encoder;
    size_t cut; /* bytes of weights to leave out */
    int64_t parameters;
};

static int64_t store_model(uint64_t seed, const struct parts *wrong)
{
    struct encoder *encoder = make_encoder();
    struct mlp_net *net = make_net(seed);
    char *spec = predictor_spec_to_json(&shape), *text = encoder_to_json(encoder);
    size_t n = mlp_net_parameters(net);
    struct store_outcome outcome = {
        .state = JOB_SUCCEEDED,
        .has_model = true,
        .spec_json = wrong->spec != NULL ? wrong->spec : spec,
        .encoder_json = wrong->encoder != NULL ? wrong->encoder : text,
        .info_json = "{}",
        .metrics_json = "{}",
        .weights = mlp_net_params(net),
        .weights_bytes = n * sizeof(float) - wrong->cut,
        .parameters = wrong->parameters != 0 ? wrong->parameters : (int64_t)n,
    };
    struct err err = ERR_INIT;
    int64_t job_id, model_id = submit(&job_id);

    ck_assert_msg(h.store->ops->job_finish(h.store, job_id, h.owner, &outcome, &err) == 0, "%s",
                  err.detail);
    mlp_net_free(&net);
    encoder_free(&encoder);
    free(spec);
    free(text);
    return model_id;
}

static int64_t store_good(uint64_t seed)
{
    return store_model(seed, &(struct parts){.cut = 0});
}

static const float x[] = {0.25f, -1, 2, 0.5f};

static void check_answer(struct servable *s, uint64_t seed)
{
    struct mlp_workspace *ws = NULL;
    struct mlp_net *net = make_net(seed);
    struct err err = ERR_INIT;
    float want[6], got[6];

    ck_assert_int_eq(mlp_workspace_new(net, 2, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, x, 2, want), MLP_OK);
    ck_assert_int_eq(servable_run(s, x, 2, got, &err), 0);
    ck_assert_mem_eq(got, want, sizeof want);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}

static void check_refused(int64_t model_id, enum err_code code, const char *fragment)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(predictor_get(h.predictor, model_id, &s, &err), -1);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(err.code, code);
    ck_assert_msg(strstr(err.detail, fragment) != NULL, "%s", err.detail);
    err_fini(&err);
}

static struct servable *get(int64_t model_id)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(predictor_get(h.predictor, model_id, &s, &err) == 0, "%s", err.detail);
    ck_assert_int_eq(servable_model_id(s), model_id);
    return s;
}

/* ---- stored ------------------------------------------------------------------ */

START_TEST(a_stored_model_answers)
{
    struct servable *s = get(store_good(1)), *same = get(servable_model_id(s));

    ck_assert_ptr_eq(s, same);
    ck_assert(!servable_training(s));
    ck_assert_uint_eq(encoder_n_classes(servable_encoder(s)), 3);
    ck_assert_uint_eq(mlp_net_spec(servable_net(s))->n_hidden, 1);
    check_answer(s, 1);
    servable_put(&s);
    ck_assert_ptr_null(s);
    servable_put(&s); /* nothing is fine */
    check_answer(same, 1);
    servable_put(&same);
}
END_TEST

START_TEST(no_model_no_answer)
{
    struct store_outcome failed = {.state = JOB_FAILED, .error_code = "x", .error_detail = "y"};
    struct err err = ERR_INIT;
    int64_t job_id, model_id;

    check_refused(999, ERR_NOT_FOUND, "999");
    model_id = submit(&job_id);
    check_refused(model_id, ERR_CONFLICT, "no weights yet");
    ck_assert_int_eq(h.store->ops->job_finish(h.store, job_id, h.owner, &failed, &err), 0);
    check_refused(model_id, ERR_CONFLICT, "without any");
}
END_TEST

START_TEST(parts_that_do_not_fit_are_damage)
{
    static const char narrow[] =
        "{\"n_inputs\":3,\"n_outputs\":3,\"hidden\":[],\"output_init\":\"he_normal\","
        "\"output\":\"softmax\",\"loss\":\"cross_entropy\"}";
    static const char fewer[] =
        "{\"n_inputs\":2,\"n_outputs\":2,\"hidden\":[],\"output_init\":\"he_normal\","
        "\"output\":\"softmax\",\"loss\":\"cross_entropy\"}";

    check_refused(store_model(1, &(struct parts){.cut = 4}), ERR_CORRUPT, "bytes of weights");
    check_refused(store_model(1, &(struct parts){.parameters = 7}), ERR_CORRUPT, "bytes");
    check_refused(store_model(1, &(struct parts){.spec = narrow}), ERR_CORRUPT, "width");
    check_refused(store_model(1, &(struct parts){.spec = fewer}), ERR_CORRUPT, "width");
    check_refused(store_model(1, &(struct parts){.spec = "{}"}), ERR_CORRUPT, "architecture");
    check_refused(store_model(1, &(struct parts){.encoder = "{}"}), ERR_CORRUPT, "");
}
END_TEST

/* ---- the cache --------------------------------------------------------------- */

static size_t loads;
static int (*real_weights)(struct store *, int64_t, void **, size_t *, struct err *);

static int counting_weights(struct store *store, int64_t id, void **bytes, size_t *len,
                            struct err *err)
{
    loads++;
    return real_weights(store, id, bytes, len, err);
}

static int deleting_weights(struct store *store, int64_t id, void **bytes, size_t *len,
                            struct err *err)
{
    int rc = real_weights(store, id, bytes, len, err);

    loads++;
    predictor_forget(h.predictor, id); /* as if it were deleted right now */
    return rc;
}

static void count_loads(int (*weights)(struct store *, int64_t, void **, size_t *, struct err *))
{
    real_weights = ops.model_weights;
    ops.model_weights = weights;
    h.store->ops = &ops;
    loads = 0;
}

static void ask(int64_t model_id, uint64_t seed, size_t want_loads)
{
    struct servable *s = get(model_id);

    check_answer(s, seed);
    servable_put(&s);
    ck_assert_uint_eq(loads, want_loads);
}

START_TEST(the_least_recently_used_goes)
{
    int64_t a = store_good(1), b = store_good(2), c = store_good(3);

    count_loads(counting_weights);
    predictor_free(&h.predictor);
    h.predictor = predictor_new(h.store, 140 << 10); /* two of about 66 kB */
    ask(a, 1, 1);
    ask(b, 2, 2);
    ask(a, 1, 2);
    ask(c, 3, 3); /* b goes */
    ask(a, 1, 3);
    ask(c, 3, 3);
    ask(b, 2, 4); /* a goes */
    ask(c, 3, 4);
    ask(a, 1, 5);
}
END_TEST

START_TEST(one_stays_however_small_the_cache)
{
    int64_t a = store_good(1), b = store_good(2);

    count_loads(counting_weights);
    predictor_free(&h.predictor);
    h.predictor = predictor_new(h.store, 0);
    ask(a, 1, 1);
    ask(a, 1, 1);
    ask(b, 2, 2);
    ask(b, 2, 2);
    ask(a, 1, 3);
}
END_TEST

START_TEST(a_forgotten_model_is_gone_but_for_who_holds_it)
{
    int64_t id = store_good(1);
    struct servable *held = get(id);
    struct err err = ERR_INIT;

    ck_assert_int_eq(h.store->ops->model_delete(h.store, id, &err), 0);
    predictor_forget(h.predictor, id);
    check_refused(id, ERR_NOT_FOUND, "");
    check_answer(held, 1);
    servable_put(&held);
    predictor_forget(h.predictor, id); /* again is fine */
}
END_TEST

START_TEST(a_model_deleted_while_it_loads_is_not_kept)
{
    int64_t id = store_good(1);

    count_loads(deleting_weights);
    ask(id, 1, 1);
    ask(id, 1, 2); /* it was not kept */
}
END_TEST

/* ---- live -------------------------------------------------------------------- */

START_TEST(live_weights_come_and_go)
{
    struct mlp_net *first = make_net(7), *second = make_net(8);
    struct store_outcome cancelled = {.state = JOB_CANCELLED};
    struct err err = ERR_INIT;
    struct servable *old, *now;
    int64_t job_id, id = submit(&job_id);

    predictor_live_begin(h.predictor, id, make_encoder());
    check_refused(id, ERR_CONFLICT, "no weights yet");
    predictor_live_publish(h.predictor, id, &shape, mlp_net_params(first), 3);
    old = get(id);
    ck_assert(servable_training(old));
    ck_assert_uint_eq(servable_epoch(old), 3);
    check_answer(old, 7);
    predictor_live_publish(h.predictor, id, &shape, mlp_net_params(second), 9);
    memset(mlp_net_params(second), 0, mlp_net_parameters(second) * sizeof(float)); /* copied */
    now = get(id);
    ck_assert_uint_eq(servable_epoch(now), 9);
    check_answer(now, 8);
    check_answer(old, 7);
    ck_assert_int_eq(h.store->ops->job_finish(h.store, job_id, h.owner, &cancelled, &err), 0);
    predictor_live_end(h.predictor, id);
    check_refused(id, ERR_CONFLICT, "without any");
    check_answer(now, 8);
    ck_assert_uint_eq(encoder_n_inputs(servable_encoder(old)), 2);
    servable_put(&old);
    servable_put(&now);
    mlp_net_free(&first);
    mlp_net_free(&second);
}
END_TEST

/* From the commit of the job's end on, nobody gets the weights of half a second ago. */
START_TEST(a_closing_job_gives_way_to_the_store)
{
    struct encoder *encoder = make_encoder();
    struct mlp_net *before = make_net(7), *after = make_net(8);
    char *spec = predictor_spec_to_json(&shape), *text = encoder_to_json(encoder);
    struct store_outcome outcome = {
        .state = JOB_SUCCEEDED,
        .has_model = true,
        .spec_json = spec,
        .encoder_json = text,
        .info_json = "{}",
        .metrics_json = "{}",
        .weights = mlp_net_params(after),
        .weights_bytes = mlp_net_parameters(after) * sizeof(float),
        .parameters = (int64_t)mlp_net_parameters(after),
    };
    struct err err = ERR_INIT;
    struct servable *s;
    int64_t job_id, id = submit(&job_id);

    predictor_live_begin(h.predictor, id, encoder);
    predictor_live_closing(h.predictor, id);
    check_refused(id, ERR_CONFLICT, "no weights yet");
    predictor_live_publish(h.predictor, id, &shape, mlp_net_params(before), 3);
    s = get(id); /* not committed yet */
    ck_assert(servable_training(s));
    check_answer(s, 7);
    servable_put(&s);
    ck_assert_int_eq(h.store->ops->job_finish(h.store, job_id, h.owner, &outcome, &err), 0);
    s = get(id); /* committed, and the job has not yet ended here */
    ck_assert(!servable_training(s));
    check_answer(s, 8);
    servable_put(&s);
    predictor_live_end(h.predictor, id);
    s = get(id);
    check_answer(s, 8);
    servable_put(&s);
    mlp_net_free(&before);
    mlp_net_free(&after);
    free(spec);
    free(text);
}
END_TEST

/* ---- threads ----------------------------------------------------------------- */

#define ASKERS 4

struct asker {
    pthread_t thread;
    int64_t stored, live;
    float want[6];
    bool same;
};

static void *ask_often(void *arg)
{
    struct asker *a = arg;
    struct err err = ERR_INIT;
    float got[6];
    int i;

    a->same = true;
    for (i = 0; i < 200; i++) {
        struct servable *s = NULL;

        if (predictor_get(h.predictor, i % 2 == 0 ? a->stored : a->live, &s, &err) != 0 ||
            servable_run(s, x, 2, got, &err) != 0) {
            a->same = false;
        }
        a->same = a->same && (servable_training(s) || memcmp(got, a->want, sizeof got) == 0);
        servable_put(&s);
        if (i % 50 == 49) {
            predictor_forget(h.predictor, a->stored);
        }
    }
    err_fini(&err);
    return NULL;
}

START_TEST(many_threads_ask_while_weights_change)
{
    struct mlp_workspace *ws = NULL;
    struct mlp_net *net = make_net(1);
    struct asker askers[ASKERS];
    struct servable *s;
    int64_t job_id, stored = store_good(1), live = submit(&job_id);
    size_t i;

    predictor_live_begin(h.predictor, live, make_encoder());
    predictor_live_publish(h.predictor, live, &shape, mlp_net_params(net), 1);
    ck_assert_int_eq(mlp_workspace_new(net, 2, &ws), MLP_OK);
    for (i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.stored = stored, .live = live};
        ck_assert_int_eq(mlp_predict(net, ws, x, 2, askers[i].want), MLP_OK);
        PTOK(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]));
    }
    for (i = 2; i < 300; i++) {
        predictor_live_publish(h.predictor, live, &shape, mlp_net_params(net), i);
    }
    for (i = 0; i < ASKERS; i++) {
        PTOK(pthread_join(askers[i].thread, NULL));
        ck_assert(askers[i].same);
    }
    s = get(live);
    ck_assert_uint_eq(servable_epoch(s), 299);
    servable_put(&s);
    predictor_live_end(h.predictor, live);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

/* ---- the stored form of a shape ---------------------------------------------- */

START_TEST(a_shape_reads_back)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS], many[MLP_MAX_LAYERS];
    struct mlp_spec deep = {.n_inputs = 7, .n_outputs = 1, .n_hidden = MLP_MAX_LAYERS,
                            .hidden = many, .output = MLP_OUT_SIGMOID, .loss = MLP_BINARY_FOCAL,
                            .loss_parameter = 1.5, .input_scale = true, .input_dropout = 0.125,
                            .input_noise = 0.1, .output_init_scale = 0.3};
    struct mlp_spec back;
    struct err err = ERR_INIT;
    char *json;
    size_t i;

    for (i = 0; i < MLP_MAX_LAYERS; i++) {
        many[i] = (struct mlp_layer_spec){.units = i / 2 + 1, .residual = i % 2 == 1,
                                          .activation = (enum mlp_activation)(i % 14),
                                          .pieces = i % 14 == MLP_MAXOUT ? 3 : 0,
                                          .norm = (enum mlp_norm)(i % 3),
                                          .init = (enum mlp_init)(i % 11), .init_scale = 0.7 * (double)i,
                                          .dropout = 0.01 * (double)i, .noise = 0.1 * (double)i};
    }
    json = predictor_spec_to_json(&deep);
    ck_assert_int_eq(predictor_spec_from_json(json, strlen(json), &back, hidden, &err), 0);
    free(json);
    ck_assert_uint_eq(back.n_inputs, 7);
    ck_assert_uint_eq(back.n_outputs, 1);
    ck_assert_uint_eq(back.n_hidden, MLP_MAX_LAYERS);
    ck_assert_int_eq(back.output, MLP_OUT_SIGMOID);
    ck_assert_int_eq(back.loss, MLP_BINARY_FOCAL);
    ck_assert(back.loss_parameter == 1.5 && back.input_scale && back.input_dropout == 0.125 &&
              back.input_noise == 0.1 && back.output_init_scale == 0.3);
    for (i = 0; i < MLP_MAX_LAYERS; i++) {
        ck_assert_uint_eq(back.hidden[i].units, many[i].units);
        ck_assert_int_eq(back.hidden[i].activation, many[i].activation);
        ck_assert_int_eq(back.hidden[i].init, many[i].init);
        ck_assert(hidden[i].residual == many[i].residual && hidden[i].norm == many[i].norm &&
                  hidden[i].pieces == many[i].pieces && hidden[i].noise == many[i].noise &&
                  hidden[i].dropout == many[i].dropout &&
                  hidden[i].init_scale == many[i].init_scale);
    }
}
END_TEST

#define TAIL ",\"output_init\":\"he_normal\",\"output\":\"softmax\",\"loss\":\"cross_entropy\"}"
#define LAYER(units) "{\"units\":" units ",\"activation\":\"relu\",\"init\":\"he_normal\"}"

START_TEST(a_damaged_shape_is_named)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[]}",
        "{\"n_inputs\":0,\"n_outputs\":3,\"hidden\":[]" TAIL,
        "{\"n_inputs\":-1,\"n_outputs\":3,\"hidden\":[]" TAIL,
        "{\"n_inputs\":2.5,\"n_outputs\":3,\"hidden\":[]" TAIL,
        "{\"n_inputs\":99999999999,\"n_outputs\":3,\"hidden\":[]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":0,\"hidden\":[]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":99999999,\"hidden\":[]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":{}" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[7]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[" LAYER("0") "]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[" LAYER("65537") "]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[" LAYER("\"5\"") "]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[{\"units\":5}]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"extra\":1,\"hidden\":[]" TAIL,
        "{\"n_inputs\":2,\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[]" TAIL,
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[],\"output_init\":\"zero\","
        "\"output\":\"softmax\",\"loss\":\"cross_entropy\"}",
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[],\"output_init\":\"he_normal\","
        "\"output\":\"softmax\",\"loss\":\"mse\"}", /* a loss its output does not fit */
        "{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":[],\"output_init\":\"he_normal\","
        "\"output\":\"softmax\",\"loss\":\"hinge\"}",
    };
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];
    struct mlp_spec back;
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(predictor_spec_from_json(texts[i], strlen(texts[i]), &back, hidden, &err) ==
                          -1,
                      "%s", texts[i]);
        ck_assert_int_eq(err.code, ERR_CORRUPT);
        err_fini(&err);
    }
}
END_TEST

START_TEST(too_many_layers_are_damage)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];
    char *json = xstrdup("{\"n_inputs\":2,\"n_outputs\":3,\"hidden\":["), *longer;
    struct mlp_spec back;
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i <= MLP_MAX_LAYERS; i++) {
        longer = xasprintf("%s%s" LAYER("1"), json, i > 0 ? "," : "");
        free(json);
        json = longer;
    }
    longer = xasprintf("%s]" TAIL, json);
    ck_assert_int_eq(predictor_spec_from_json(longer, strlen(longer), &back, hidden, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    err_fini(&err);
    free(longer);
    free(json);
}
END_TEST

int main(void)
{
    TCase *stored = tcase_create("stored"), *cache = tcase_create("cache");
    TCase *live = tcase_create("live"), *spec = tcase_create("spec");
    TCase *cases[] = {stored, cache, live, spec};
    size_t i;

    for (i = 0; i < 3; i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(stored, a_stored_model_answers);
    tcase_add_test(stored, no_model_no_answer);
    tcase_add_test(stored, parts_that_do_not_fit_are_damage);
    tcase_add_test(cache, the_least_recently_used_goes);
    tcase_add_test(cache, one_stays_however_small_the_cache);
    tcase_add_test(cache, a_forgotten_model_is_gone_but_for_who_holds_it);
    tcase_add_test(cache, a_model_deleted_while_it_loads_is_not_kept);
    tcase_add_test(live, live_weights_come_and_go);
    tcase_add_test(live, a_closing_job_gives_way_to_the_store);
    tcase_add_test(live, many_threads_ask_while_weights_change);
    tcase_add_test(spec, a_shape_reads_back);
    tcase_add_test(spec, a_damaged_shape_is_named);
    tcase_add_test(spec, too_many_layers_are_damage);
    return house_run("predictor", cases, ARRAY_LEN(cases));
}

/* Embeddings on their way through a job, apart from the encoder: the stored shape, weights that
 * came with the job, and what admission says of them. */
#include <math.h>

#include "base/buf.h"
#include "base/hash.h"
#include "jobs/admit.h"
#include "jobs/config_weights.h"
#include "jobs/predictor.h"
#include "jobs_in_help.h"

#define TAIL ",\"output_init\":\"he_normal\",\"output\":\"softmax\",\"loss\":\"cross_entropy\"}"
#define HEAD "{\"n_inputs\":3,\"n_outputs\":3,\"hidden\":[],\"embeddings\":"

static bool shows(const struct err *err, const char *words)
{
    size_t i;

    for (i = 0; i < err->n_items; i++) {
        if (strstr(err->items[i].detail, words) != NULL ||
            strcmp(err->items[i].pointer, words) == 0) {
            return true;
        }
    }
    return false;
}

static struct mlp_embedding two[] = {{.levels = 301, .width = 16}, {.levels = 4, .width = 2}};
static struct mlp_layer_spec hidden[] = {{.units = 5, .activation = MLP_TANH}};

static struct mlp_spec network(void)
{
    return (struct mlp_spec){.n_inputs = 3,
                             .n_outputs = 2,
                             .n_hidden = 1,
                             .hidden = hidden,
                             .n_embeddings = 2,
                             .embeddings = two,
                             .output = MLP_OUT_SOFTMAX};
}

/* ---- the stored shape ------------------------------------------------------------------------ */

START_TEST(a_shape_reads_back)
{
    struct mlp_layer_spec layers[MLP_MAX_LAYERS];
    struct mlp_spec spec = network(), back;
    struct err err = ERR_INIT;
    char *json = predictor_spec_to_json(&spec);

    ck_assert_ptr_nonnull(strstr(json, "\"embeddings\":[{\"levels\":301,\"width\":16},{"));
    ck_assert_int_eq(predictor_spec_from_json(json, strlen(json), &back, layers, &err), 0);
    free(json);
    ck_assert_uint_eq(back.n_embeddings, 2);
    ck_assert_mem_eq(back.embeddings, two, sizeof two);
    predictor_spec_fini(&back);
    ck_assert(back.embeddings == NULL && back.n_embeddings == 0);
    spec.n_embeddings = 0; /* then it is as it always was */
    json = predictor_spec_to_json(&spec);
    ck_assert_ptr_null(strstr(json, "embed"));
    ck_assert_int_eq(predictor_spec_from_json(json, strlen(json), &back, layers, &err), 0);
    ck_assert_ptr_null(back.embeddings);
    free(json);
}
END_TEST

START_TEST(a_damaged_shape_is_named)
{
    static const char *const texts[] = {
        HEAD "7" TAIL,
        HEAD "[]" TAIL,
        HEAD "{}" TAIL,
        HEAD "null" TAIL,
        HEAD "[{\"levels\":0,\"width\":1}]" TAIL,
        HEAD "[{\"levels\":1,\"width\":0}]" TAIL,
        HEAD "[{\"levels\":-1,\"width\":1}]" TAIL,
        HEAD "[{\"levels\":16777217,\"width\":1}]" TAIL,
        HEAD "[{\"levels\":9223372036854775807,\"width\":1}]" TAIL,
        HEAD "[{\"levels\":2,\"width\":65537}]" TAIL,
        HEAD "[{\"levels\":2.5,\"width\":1}]" TAIL,
        HEAD "[{\"levels\":2}]" TAIL,
        HEAD "[{\"levels\":2,\"width\":1,\"more\":1}]" TAIL,
        HEAD "[{\"levels\":2,\"width\":1},{\"levels\":2,\"width\":1},{\"levels\":2,\"width\":1},"
             "{\"levels\":2,\"width\":1}]" TAIL, /* of three inputs */
    };
    struct mlp_layer_spec layers[MLP_MAX_LAYERS];
    struct err err = ERR_INIT;
    struct mlp_spec back;
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(predictor_spec_from_json(texts[i], strlen(texts[i]), &back, layers, &err) ==
                          -1,
                      "%s", texts[i]);
        ck_assert_int_eq(err.code, ERR_CORRUPT);
        predictor_spec_fini(&back); /* never harmful */
        err_fini(&err);
    }
}
END_TEST

/* ---- weights that came with the job --------------------------------------------------------- */

static struct config_weights *read_weights(const char *text, struct err *err)
{
    json_t *json = json_loads(text, 0, NULL);
    struct config_weights *w;

    ck_assert_msg(json != NULL, "%s", text);
    w = config_weights_read(json, err);
    json_decref(json);
    return w;
}

#define TABLE_OF_2 "[[0,0],[0.5,-1],[1,2],[3,4]]"

START_TEST(given_tables_are_taken)
{
    static const struct mlp_embedding small[] = {{4, 2}, {1, 1}};
    static const float wanted[] = {0, 0, 0.5F, -1, 1, 2, 3, 4, 7};
    struct mlp_spec spec = network();
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT;
    struct mlp_net *net = NULL;
    struct config_weights *w = read_weights(
        "{\"layers\":[{},{\"bias\":[1,2]}],\"embeddings\":[" TABLE_OF_2 ",[[7]]]}", &err);

    ck_assert_msg(w != NULL, "%s", help_show(&err));
    spec.embeddings = small;
    ck_assert_int_eq(config_weights_check(w, &spec, true, &err), 0);
    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
    config_weights_apply(w, net);
    ck_assert_mem_eq(mlp_net_params(net), wanted, sizeof wanted);
    config_weights_print(w, &out);
    ck_assert_ptr_nonnull(strstr(out.data, ",\"embeddings\":[" TABLE_OF_2 ",[[7]]]"));
    buf_fini(&out);
    spec.n_embeddings = 1;
    ck_assert_int_eq(config_weights_check(w, &spec, false, &err), 0); /* not known yet */
    ck_assert_int_eq(config_weights_check(w, &spec, true, &err), -1);
    ck_assert(shows(&err, "/initial_weights/embeddings"));
    err_fini(&err);
    spec.n_embeddings = 2;
    spec.embeddings = two;
    ck_assert_int_eq(config_weights_check(w, &spec, true, &err), -1);
    ck_assert(shows(&err, "must be 301 rows of 16 numbers, got 4 of 2"));
    ck_assert(shows(&err, "must be 4 rows of 2 numbers, got 1 of 1"));
    err_fini(&err);
    config_weights_free(&w);
    mlp_net_free(&net);
}
END_TEST

START_TEST(bad_tables_are_named)
{
    static const struct {
        const char *tables, *pointer, *text;
    } bad[] = {
        {"3", "/initial_weights/embeddings", "must be an array of 1 to 4096 tables"},
        {"[]", "/initial_weights/embeddings", "must be an array of 1 to 4096 tables"},
        {"[[]]", "/initial_weights/embeddings/0", "must be an array of rows"},
        {"[[[1,2],[3]]]", "/initial_weights/embeddings/0/1", "must have 2 numbers"},
        {"[[[1]],[[\"x\"]]]", "/initial_weights/embeddings/1/0/0", "must be a number"},
        {"[[[1e39]]]", "/initial_weights/embeddings/0/0/0", "must be a number"},
    };
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        char *text = xasprintf("{\"layers\":[{}],\"embeddings\":%s}", bad[i].tables);

        ck_assert_ptr_null(read_weights(text, &err));
        ck_assert_uint_eq(err.n_items, 1);
        ck_assert_str_eq(err.items[0].pointer, bad[i].pointer);
        ck_assert_msg(strstr(err.items[0].detail, bad[i].text) != NULL, "%s", err.items[0].detail);
        err_fini(&err);
        free(text);
    }
    struct config_weights *w = read_weights("{\"layers\":[{}],\"embeddings\":null}", &err);

    ck_assert_ptr_nonnull(w);
    config_weights_free(&w);
    ck_assert_ptr_null(read_weights("{\"layers\":[{}],\"tables\":null}", &err));
    ck_assert(shows(&err, "known are layers, embeddings and input_scale"));
    err_fini(&err);
}
END_TEST

/* ---- admission ---------------------------------------------------------------------------------
 */

/* A job that starts from a model with tables. */
static struct job_spec job(struct mlp_embedding *tables, size_t n)
{
    return (struct job_spec){
        .classes = true,
        .n_targets = 1,
        .n_hidden = 1,
        .hidden = hidden,
        .output = MLP_OUT_SOFTMAX,
        .loss = MLP_CROSS_ENTROPY,
        .start_model = 1,
        .start_inputs = 3,
        .start_classes = 3,
        .n_start_tables = n,
        .start_tables = tables,
        .train = {.optimizer = MLP_SGD, .learning_rate = 0.1, .epochs = 1, .batch_size = 4}};
}

START_TEST(tables_are_counted)
{
    static const size_t rows[SPLIT_PARTS] = {3, 0, 0};
    struct dataset_summary summary;
    struct dataset *ds = help_dataset("a,b,c,t\n1,2,3,x\n2,3,4,y\n3,4,5,z\n", &summary);
    struct job_spec spec = job(two, 2);
    struct admission a, without;
    struct err err = ERR_INIT;

    ck_assert_msg(admit(&spec, ds, rows, (size_t)1 << 40, &a, &err) == 0, "%s", help_show(&err));
    ck_assert_uint_eq(a.n_inputs, 3);
    ck_assert_uint_eq(a.parameters, 301 * 16 + 4 * 2 + (1 + 16 + 2) * 5 + 5 + 5 * 3 + 3);
    spec.n_start_tables = 0;
    ck_assert_int_eq(admit(&spec, ds, rows, (size_t)1 << 40, &without, &err), 0);
    ck_assert_uint_eq(without.parameters, 3 * 5 + 5 + 5 * 3 + 3);
    ck_assert_uint_eq(a.data_bytes, without.data_bytes); /* an index is a number */
    ck_assert_uint_gt(a.live_bytes, without.live_bytes + 301 * 16 * sizeof(float));
    ck_assert_uint_gt(a.training_bytes, without.training_bytes + 3 * 301 * 16 * sizeof(float));
    ck_assert_uint_gt(a.disk_bytes, without.disk_bytes + 305 * 512); /* the levels' names too */
    dataset_free(&ds);
}
END_TEST

static const char *refusal(struct job_spec spec, const char *pointer)
{
    static const size_t rows[SPLIT_PARTS] = {3, 0, 0};
    static char text[1000];
    struct dataset_summary summary;
    struct dataset *ds = help_dataset("a,b,c,t\n1,2,3,x\n2,3,4,y\n3,4,5,z\n", &summary);
    struct admission a;
    struct err err = ERR_INIT;

    ck_assert_int_eq(admit(&spec, ds, rows, (size_t)1 << 30, &a, &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, pointer);
    (void)snprintf(text, sizeof text, "%s", err.items[0].detail);
    err_fini(&err);
    dataset_free(&ds);
    return text;
}

START_TEST(too_much_is_refused_with_numbers)
{
    struct mlp_embedding huge[] = {{.levels = 10000000, .width = 100}};
    struct mlp_layer_spec residual = {.units = 7, .activation = MLP_RELU, .residual = true};
    struct job_spec spec = job(huge, 1);
    const char *text = refusal(spec, "/preprocess/categorical");

    ck_assert_msg(strstr(text, "1000000000 of them are embeddings") != NULL, "%s", text);
    huge[0] = (struct mlp_embedding){.levels = (size_t)MLP_MAX_LEVELS + 1, .width = 1};
    text = refusal(spec, "/data");
    ck_assert_msg(strstr(text, "an embedding of 16777217 levels, the limit is 16777216") != NULL,
                  "%s", text);
    spec = job(two, 2);
    spec.hidden = &residual;
    text = refusal(spec, "/architecture/hidden/0/residual");
    ck_assert_msg(strstr(text, "they are 19 and 7 wide") != NULL, "%s", text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("job_tables");
    TCase *c = tcase_create("tables");

    hash_start();
    tcase_add_checked_fixture(c, help_setup, help_teardown);
    tcase_add_test(c, a_shape_reads_back);
    tcase_add_test(c, a_damaged_shape_is_named);
    tcase_add_test(c, given_tables_are_taken);
    tcase_add_test(c, bad_tables_are_named);
    tcase_add_test(c, tables_are_counted);
    tcase_add_test(c, too_much_is_refused_with_numbers);
    suite_add_tcase(s, c);
    return help_run(s);
}

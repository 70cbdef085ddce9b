/* Admission: exact rows, parameters and bytes; refusals that name the numbers, cost nothing
 * and never overflow. */
#include "jobs/admit.h"

#include <math.h>
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "jobs/config.h"
#include "jobs_in_help.h"

static struct dataset *table(size_t rows, struct dataset_summary *summary)
{
    static const char *const folds[] = {"train", "train", "TRAINING", "Valid", "test"};
    struct buf csv = BUF_INIT;
    struct dataset *ds;
    size_t i;

    buf_puts(&csv, "a,b,color,species,yn,r,fold,tt\n");
    for (i = 0; i < rows; i++) {
        buf_printf(&csv, "%zu,%g,%s,s%zu,%s,%g,%s,%s\n", i % 7, 0.1 * (double)(i % 11),
                   i % 4 == 3 ? "" : (const char *[]){"red", "blue", "green"}[i % 3], i % 3,
                   i % 2 ? "yes" : "no", 1.0 + 0.37 * (double)i, folds[i % 5],
                   i % 5 == 4 ? "test" : "train");
    }
    ds = help_dataset(csv.data, summary);
    buf_fini(&csv);
    return ds;
}

static void resolve(const char *text, const struct dataset *ds, const char *sha256,
                    struct job_spec *spec)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(config_parse(text, strlen(text), &config, &err) == 0 &&
                      config_resolve(config, &(struct config_sources){.ds = ds, .sha256 = sha256},
                                     spec, NULL, &err) == 0,
                  "%s\n%s", text, help_show(&err));
    config_free(&config);
}

#define JOB(target, data, more)                                                                    \
    "{\"preset\":\"simple\",\"data\":{\"dataset\":\"d\",\"target\":\"" target "\"" data "}" more "}"

/* ---- rows ----------------------------------------------------------------------- */

/* What is said before a row is read is what the split does, for every size and fraction. */
START_TEST(rows_are_those_of_the_split)
{
    static const double fractions[][2] = {{0, 0},     {0.15, 0.15}, {0.2, 0.1},   {0.25, 0.25},
                                          {0.1, 0.0}, {0, 0.25},    {0.333, 0.5}, {0.01, 0.01}};
    size_t rows, k;

    for (rows = 1; rows < 60; rows++) {
        struct dataset_summary summary;
        struct dataset *ds = table(rows, &summary);

        for (k = 0; k < ARRAY_LEN(fractions); k++) {
            struct job_spec spec = {.validation = fractions[k][0], .test = fractions[k][1]};
            struct split_options options = {.validation = spec.validation,
                                            .test = spec.test,
                                            .seed = rows,
                                            .target = -1};
            struct split split = {.n = {0}};
            struct err err = ERR_INIT;
            size_t n[SPLIT_PARTS];

            ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
            ck_assert_int_eq(split_make(ds, &options, &split, NULL, &err), 0);
            ck_assert_uint_eq(n[SPLIT_TRAINING], split.n[SPLIT_TRAINING]);
            ck_assert_uint_eq(n[SPLIT_VALIDATION], split.n[SPLIT_VALIDATION]);
            ck_assert_uint_eq(n[SPLIT_TEST], split.n[SPLIT_TEST]);
            split_fini(&split);
        }
        dataset_free(&ds);
    }
}
END_TEST

START_TEST(rows_of_a_split_column)
{
    char columns[][5] = {"fold", "tt"};
    struct dataset_summary summary;
    struct dataset *ds = table(103, &summary);
    size_t k;

    for (k = 0; k < ARRAY_LEN(columns); k++) {
        struct job_spec spec = {.split_way = SPLIT_COLUMN, .split_column = columns[k]};
        struct split_options options = {.way = SPLIT_COLUMN, .column = (size_t)dataset_find(ds, columns[k]), .target = -1};
        struct split split = {.n = {0}};
        struct err err = ERR_INIT;
        size_t n[SPLIT_PARTS];

        ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
        ck_assert_int_eq(split_make(ds, &options, &split, NULL, &err), 0);
        ck_assert_uint_eq(n[SPLIT_TRAINING], split.n[SPLIT_TRAINING]);
        ck_assert_uint_eq(n[SPLIT_VALIDATION], split.n[SPLIT_VALIDATION]);
        ck_assert_uint_eq(n[SPLIT_TEST], split.n[SPLIT_TEST]);
        ck_assert_uint_gt(n[SPLIT_VALIDATION], 0);
        split_fini(&split);
    }
    dataset_free(&ds);
}
END_TEST

START_TEST(rows_of_other_datasets)
{
    struct dataset_summary summary;
    struct dataset *ds = table(100, &summary), *other = table(33, &summary);
    struct job_spec spec = {.validation = 0.2};
    struct err err = ERR_INIT;
    size_t n[SPLIT_PARTS];

    ck_assert_int_eq(admit_rows(&spec, ds, NULL, other, n, &err), 0);
    ck_assert_uint_eq(n[SPLIT_TRAINING], 80);
    ck_assert_uint_eq(n[SPLIT_VALIDATION], 20);
    ck_assert_uint_eq(n[SPLIT_TEST], 33);
    dataset_free(&ds);
    dataset_free(&other);
}
END_TEST

START_TEST(a_column_without_training_rows_is_refused)
{
    struct dataset_summary summary;
    struct dataset *ds = help_dataset("a,f\n1,test\n2,val\n", &summary);
    char column[] = "f";
    struct job_spec spec = {.split_way = SPLIT_COLUMN, .split_column = column};
    struct err err = ERR_INIT;
    size_t n[SPLIT_PARTS];

    ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), -1);
    ck_assert(help_has(&err, "/data/split/column", "no rows are left to train on: the column"));
    err_fini(&err);
    dataset_free(&ds);
}
END_TEST

/* ---- bytes ----------------------------------------------------------------------- */

static const struct {
    const char *json;
    size_t inputs, outputs, truth; /* truth: 4-byte values a row */
} sizes[] = {
    /* a, b, r, tt (2 texts), fold (4), color with a level for missing (4), yn (1) */
    {JOB("species", "", ""), 2 + 1 + 2 + 4 + 4 + 1, 3, 1},
    {JOB("yn", "", ""), 2 + 1 + 2 + 4 + 4 + 3, 1, 1},
    {JOB("yn", "", ",\"architecture\":{\"output\":\"softmax\"}"), 2 + 1 + 2 + 4 + 4 + 3, 2, 1},
    {JOB("r", ",\"exclude\":[\"tt\"]", ""), 2 + 4 + 4 + 3 + 1, 1, 1},
    {"{\"preset\":\"simple\",\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"b\"]}}",
     1 + 2 + 4 + 4 + 3 + 1, 2, 2},
};

START_TEST(sizes_are_exact)
{
    struct dataset_summary summary;
    struct dataset *ds = table(200, &summary);
    struct job_spec spec;
    struct admission a;
    struct mlp_estimate estimate;
    struct mlp_spec net;
    struct err err = ERR_INIT;
    size_t n[SPLIT_PARTS], in = sizes[_i].inputs, out = sizes[_i].outputs, parameters;

    resolve(sizes[_i].json, ds, summary.sha256, &spec);
    ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
    ck_assert_msg(admit(&spec, ds, n, SIZE_MAX, &a, &err) == 0, "%s", help_show(&err));
    parameters = in * 128 + 128 + 128 * 64 + 64 + 64 * out + out;
    ck_assert_uint_eq(a.n_inputs, in);
    ck_assert_uint_eq(a.n_outputs, out);
    ck_assert_uint_eq(a.parameters, parameters);
    ck_assert_uint_eq(a.data_bytes, 200 * (4 * in + 4 * sizes[_i].truth + 8));
    net = (struct mlp_spec){.n_inputs = in,
                            .n_outputs = out,
                            .n_hidden = 2,
                            .hidden = spec.hidden,
                            .output = spec.output,
                            .loss = spec.loss};
    ck_assert_int_eq(mlp_estimate(&net, &spec.train, 140, &estimate), MLP_OK);
    ck_assert_uint_eq(a.training_bytes, estimate.net_bytes + estimate.arena_bytes);
    ck_assert_uint_eq(a.state_bytes, estimate.state_bytes);
    ck_assert_uint_eq(a.live_bytes, estimate.net_bytes);
    ck_assert_uint_eq(a.bytes, a.training_bytes + a.data_bytes + a.state_bytes + a.live_bytes);
    ck_assert_double_eq(a.flops, estimate.flops);
    ck_assert(a.seconds > 0 && isfinite(a.seconds));
    /* One byte less is too little. */
    ck_assert_int_eq(admit(&spec, ds, n, a.bytes, &a, &err), 0);
    ck_assert_int_eq(admit(&spec, ds, n, a.bytes - 1, &a, &err), -1);
    ck_assert(help_has(&err, "/architecture/hidden", "the limit is"));
    err_fini(&err);
    job_spec_fini(&spec);
    dataset_free(&ds);
}
END_TEST

/* ---- the disk --------------------------------------------------------------------- */

/* How the runner thins a curve: every stride-th epoch, and before it the best of the others. */
static size_t kept_at_most(size_t epochs)
{
    size_t epoch, stride, kept = 0;

    for (epoch = 1; epoch <= epochs; epoch++) {
        for (stride = 1; epoch / stride > 2000;) {
            stride *= 2;
        }
        if (epoch == 1 || epoch % stride == 0) {
            kept += stride == 1 ? 1 : 2;
        }
    }
    return kept + 2;
}

START_TEST(curves_are_bounded)
{
    static const size_t epochs[] = {1, 2, 1999, 2000, 2001, 4000, 4001, 8001, 100000, 1000000};
    size_t i;

    for (i = 0; i < ARRAY_LEN(epochs); i++) {
        size_t most = admit_curve_points(epochs[i]), kept = kept_at_most(epochs[i]);

        ck_assert_uint_ge(most, kept);
        ck_assert_uint_le(most, kept + 2002); /* at most one doubling more */
    }
    ck_assert_uint_eq(admit_curve_points(1), 3);
    ck_assert_uint_eq(admit_curve_points(2000), 2002);
    ck_assert_uint_gt(admit_curve_points(SIZE_MAX), 0); /* ends */
}
END_TEST

static size_t disk_of(const struct dataset *ds, const char *sha256, const char *json,
                      struct admission *a)
{
    struct err err = ERR_INIT;
    struct job_spec spec;
    size_t n[SPLIT_PARTS];

    resolve(json, ds, sha256, &spec);
    ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
    ck_assert_msg(admit(&spec, ds, n, SIZE_MAX, a, &err) == 0, "%s", help_show(&err));
    job_spec_fini(&spec);
    return a->disk_bytes;
}

/* Two checkpoints, and the model twice: with its weights and its trainer's state. */
START_TEST(the_disk_is_counted)
{
    struct dataset_summary summary;
    struct dataset *ds = table(200, &summary);
    struct admission a, b;
    size_t small, large, longer, thorough;

    small = disk_of(ds, summary.sha256, JOB("r", "", ",\"training\":{\"epochs\":10}"), &a);
    ck_assert_uint_ge(small, 2 * a.state_bytes + 2 * (a.state_bytes + 4 * a.parameters));
    large = disk_of(ds, summary.sha256,
                    JOB("r", "",
                        ",\"training\":{\"epochs\":10},"
                        "\"architecture\":{\"hidden\":[1000,1000]}"),
                    &b);
    /* what grows is state (four times) and weights (twice), each rounded to 64 bytes */
    ck_assert_uint_ge(large - small + 2 * 64,
                      4 * (b.state_bytes - a.state_bytes) + 8 * (b.parameters - a.parameters));
    ck_assert_uint_le(large - small,
                      5 * (b.state_bytes - a.state_bytes) + 10 * (b.parameters - a.parameters));
    /* a curve of 2,000 points more, and what each of them has more */
    longer = disk_of(ds, summary.sha256, JOB("r", "", ",\"training\":{\"epochs\":2010}"), &a);
    ck_assert_uint_ge(longer - small, 1990 * 100);
    ck_assert_uint_le(longer - small, 4100 * 300);
    thorough = disk_of(ds, summary.sha256,
                       JOB("r", "",
                           ",\"training\":{\"epochs\":2010,\"record_gradient_norms\":true}"),
                       &b);
    ck_assert_uint_eq(thorough - longer, admit_curve_points(2010) * 24 * 3);
    dataset_free(&ds);
}
END_TEST

/* Weights and offsets are four bytes a row, weights by class four a training row, and what early
 * stopping measures is its meter's. */
START_TEST(extras_are_counted)
{
    static const struct {
        const char *json;
        size_t bytes; /* more than without */
        bool more;    /* at least so many */
    } cases[] = {
        {JOB("species", "", ""), 0, false},
        {JOB("species", "", ",\"training\":{\"class_weight\":\"balanced\"}"), 4 * 140, false},
        {JOB("species", ",\"sample_weight\":\"r\"", ""), 4 * 200 - 4 * 200, false}, /* no input */
        {JOB("yn", ",\"offset\":\"r\"", ""), 0, false},
        {JOB("species", "",
             ",\"training\":{\"early_stopping\":{\"monitor\":"
             "\"training_roc_auc\"}}"),
         140 * 16, true},
    };
    struct dataset_summary summary;
    struct dataset *ds = table(200, &summary);
    size_t n[SPLIT_PARTS], i, plain = 0;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        struct job_spec spec;
        struct admission a;

        resolve(cases[i].json, ds, summary.sha256, &spec);
        ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
        ck_assert_msg(admit(&spec, ds, n, SIZE_MAX, &a, &err) == 0, "%s", help_show(&err));
        plain = i == 0 ? a.data_bytes : plain;
        if (cases[i].more) {
            ck_assert_uint_ge(a.data_bytes, plain + cases[i].bytes);
        } else if (i != 3) {
            ck_assert_uint_eq(a.data_bytes, plain + cases[i].bytes);
        } else { /* one column fewer, one offset more */
            ck_assert_uint_eq(a.data_bytes, 200 * (4 * a.n_inputs + 4 + 4 + 8));
        }
        job_spec_fini(&spec);
    }
    dataset_free(&ds);
}
END_TEST

/* What is admitted for the state is what the trainer writes, within a page of counters. */
START_TEST(states_are_as_large_as_estimated)
{
    static const struct mlp_layer_spec hidden[] = {
        {.units = 300, .activation = MLP_TANH, .norm = MLP_NORM_BATCH}};
    static const float x[12], y[3];
    const struct mlp_data data = {.rows = 3, .x = x, .targets = y};
    struct mlp_spec spec = {
        .n_inputs = 4, .n_outputs = 1, .n_hidden = 1, .hidden = hidden, .loss = MLP_MSE};
    enum mlp_optimizer optimizer;
    int average;

    for (optimizer = MLP_SGD; optimizer < MLP_LBFGS; optimizer++) {
        for (average = MLP_AVERAGE_NONE; average <= MLP_AVERAGE_SWA; average++) {
            struct mlp_train_spec train = {.optimizer = optimizer,
                                           .learning_rate = 0.1,
                                           .momentum = optimizer % 2 ? 0.5 : 0,
                                           .epsilon = 1e-8,
                                           .beta1 = .9,
                                           .beta2 = .9,
                                           .rho = .9,
                                           .epochs = 1,
                                           .batch_size = 2,
                                           .amsgrad = true,
                                           .average = (enum mlp_average)average,
                                           .average_decay = 0.5,
                                           .gradient_norms = true};
            struct mlp_estimate estimate;
            struct mlp_trainer *trainer;
            struct mlp_net *net;
            size_t size;

            spec.hidden = hidden;
            if (optimizer == MLP_RPROP) {
                continue; /* not with batch norm */
            }
            ck_assert_int_eq(mlp_estimate(&spec, &train, 3, &estimate), MLP_OK);
            ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
            ck_assert_int_eq(mlp_net_init(net, 1), MLP_OK);
            ck_assert_int_eq(mlp_trainer_new(net, &train, &data, NULL, NULL, &trainer), MLP_OK);
            size = mlp_trainer_state_size(trainer);
            ck_assert_uint_le(size, estimate.state_bytes);
            ck_assert_uint_ge(size + 8192, estimate.state_bytes);
            mlp_trainer_free(&trainer);
            mlp_net_free(&net);
        }
    }
}
END_TEST

START_TEST(a_first_residual_needs_the_inputs_width)
{
    struct dataset_summary summary;
    struct dataset *ds = table(200, &summary);
    struct err err = ERR_INIT;
    struct job_spec spec;
    struct admission a;
    size_t n[SPLIT_PARTS];

    resolve(JOB("species", "",
                ",\"architecture\":{\"hidden\":[{\"units\":14,"
                "\"residual\":true}]}"),
            ds, summary.sha256, &spec);
    ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
    ck_assert_int_eq(admit(&spec, ds, n, SIZE_MAX, &a, &err), 0);
    spec.hidden[0].units = 15;
    ck_assert_int_eq(admit(&spec, ds, n, SIZE_MAX, &a, &err), -1);
    ck_assert(help_has(&err, "/architecture/hidden/0/residual", "14 and 15 wide"));
    err_fini(&err);
    job_spec_fini(&spec);
    dataset_free(&ds);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void refuse(const char *json, const size_t *rows, size_t limit, const char *pointer,
                   const char *fragment)
{
    struct dataset_summary summary;
    struct dataset *ds = table(100, &summary);
    struct job_spec spec;
    struct admission a = {.bytes = 12345};
    struct err err = ERR_INIT;
    size_t n[SPLIT_PARTS];
    double start;

    resolve(json, ds, summary.sha256, &spec);
    ck_assert_int_eq(admit_rows(&spec, ds, NULL, NULL, n, &err), 0);
    start = now();
    ck_assert_int_eq(admit(&spec, ds, rows != NULL ? rows : n, limit, &a, &err), -1);
    ck_assert_double_lt(now() - start, 0.05); /* microseconds; slow machines exist */
    ck_assert_msg(help_has(&err, pointer, fragment), "wanted %s: %s\n%s", pointer, fragment,
                  help_show(&err));
    ck_assert_uint_eq(a.bytes, 12345);
    err_fini(&err);
    job_spec_fini(&spec);
    dataset_free(&ds);
}

#define WIDE "65536,65536,65536,65536,65536,65536,65536,65536"

START_TEST(a_huge_network_is_refused_with_numbers)
{
    refuse(JOB("r", "", ",\"architecture\":{\"hidden\":[20000,20000]}"), NULL, 2000000000,
           "/architecture/hidden", "GB, the limit is 2.0 GB: training 400");
    refuse(JOB("r", "",
               ",\"architecture\":{\"hidden\":[" WIDE "," WIDE "," WIDE "," WIDE "," WIDE "," WIDE
               "," WIDE "," WIDE "]}"),
           NULL, (size_t)1 << 40, "/architecture/hidden", "TB, the limit is 1.1 TB");
}
END_TEST

START_TEST(many_rows_are_refused_with_numbers)
{
    static const size_t rows[SPLIT_PARTS] = {1000000000, 0, 0};

    refuse(JOB("r", "", ",\"architecture\":{\"hidden\":[]}"), rows, 2000000000, "/data",
           "GB, the limit is 2.0 GB: its rows, 16 values wide, take");
}
END_TEST

/* What memory does not hold is encoded when it is needed, unless the job says otherwise. */
START_TEST(many_rows_get_a_window)
{
    static const size_t rows[SPLIT_PARTS] = {8000000, 1000000, 1000000}; /* 16 values: 640 MB */
    static const char *const jobs[] = {
        JOB("r", "", ""), JOB("r", ",\"window\":\"auto\"", ""), JOB("r", ",\"window\":5000", ""),
        JOB("r", ",\"window\":null", "")};
    static const size_t windows[] = {1 << 20, 1 << 20, 5000, 0};
    struct dataset_summary summary;
    struct dataset *ds = table(200, &summary);
    size_t i;

    for (i = 0; i < ARRAY_LEN(jobs); i++) {
        struct job_spec spec;
        struct admission a = {.window = 1}, all;
        struct err err = ERR_INIT;

        resolve(jobs[i], ds, summary.sha256, &spec);
        ck_assert_int_eq(admit(&spec, ds, rows, 2000000000, &all, &err), 0);
        ck_assert_uint_eq(all.window, i == 2 ? 5000 : 0); /* there is room for all */
        if (windows[i] == 0) {
            ck_assert_int_eq(admit(&spec, ds, rows, 500000000, &a, &err), -1);
            ck_assert(help_has(&err, "/data", "the limit is 500"));
        } else {
            ck_assert_msg(admit(&spec, ds, rows, 500000000, &a, &err) == 0, "%s", help_show(&err));
            ck_assert_uint_eq(a.window, windows[i]);
            ck_assert_uint_gt(a.bytes, 10000000 * 8 + windows[i] * 64);
            ck_assert_uint_lt(a.bytes, 10000000 * 8 + windows[i] * 64 + (16u << 20));
        }
        err_fini(&err);
        job_spec_fini(&spec);
    }
    dataset_free(&ds);
}
END_TEST

START_TEST(overflow_is_a_refusal)
{
    static const size_t validation[SPLIT_PARTS] = {100, SIZE_MAX / 8, SIZE_MAX / 8};
    static const size_t wraps[SPLIT_PARTS] = {100, SIZE_MAX, SIZE_MAX};
    static const size_t training[SPLIT_PARTS] = {SIZE_MAX / 2, 0, 0};

    refuse(JOB("r", "", ""), validation, SIZE_MAX, "/data", "more memory than there are addresses");
    refuse(JOB("r", "", ""), wraps, SIZE_MAX, "/data", "more memory than there are addresses");
    refuse(JOB("r", "", ""), training, SIZE_MAX, "/architecture/hidden", "too large");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admit");
    TCase *tc = tcase_create("admit");

    hash_start();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_test(tc, rows_are_those_of_the_split);
    tcase_add_test(tc, rows_of_a_split_column);
    tcase_add_test(tc, rows_of_other_datasets);
    tcase_add_test(tc, a_column_without_training_rows_is_refused);
    tcase_add_test(tc, curves_are_bounded);
    tcase_add_test(tc, the_disk_is_counted);
    tcase_add_test(tc, extras_are_counted);
    tcase_add_test(tc, states_are_as_large_as_estimated);
    tcase_add_test(tc, a_first_residual_needs_the_inputs_width);
    tcase_add_loop_test(tc, sizes_are_exact, 0, ARRAY_LEN(sizes));
    tcase_add_test(tc, a_huge_network_is_refused_with_numbers);
    tcase_add_test(tc, many_rows_are_refused_with_numbers);
    tcase_add_test(tc, many_rows_get_a_window);
    tcase_add_test(tc, overflow_is_a_refusal);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

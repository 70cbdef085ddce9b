/* What the tests of the judge share: encoders over little tables, networks without a hidden
 * layer whose weights are set here, so that every prediction is known. */
#ifndef JUDGE_HELP_H
#define JUDGE_HELP_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/judge.h"
#include "jobs_house.h"

static struct house h;

static void setup(void)
{
    house_open(&h, 1);
}

static void teardown(void)
{
    house_close(&h);
}

/* An encoder over a table of one feature "x" and `n_targets` targets named t0, t1, ...; classes
 * by the integers in the one target. Everything as it is, nothing standardised, unless
 * `scaled`. */
static inline struct encoder *make_encoder(const double *values, size_t rows, size_t n_targets,
                                    bool classes, bool scaled)
{
    static const char *const names[] = {"x", "t0", "t1", "t2"};
    const size_t features[] = {0}, targets[] = {1, 2, 3};
    struct encoder_options options = {
        .plan = {.numeric = ENCODER_NONE},
        .target = scaled ? ENCODER_STANDARDIZE : ENCODER_NONE,
        .classes = classes,
        .n_features = 1,
        .features = features,
        .n_targets = n_targets,
        .targets = targets,
    };
    struct store_dataset row = {.id = 0};
    const struct dataset *ds = NULL;
    struct encoder *encoder = NULL;
    struct err err = ERR_INIT;
    uint64_t *all = xcalloc(rows, sizeof *all);
    size_t i;

    for (i = 0; i < rows; i++) {
        all[i] = i;
    }
    house_dataset(&h, "table", 1 + n_targets, names, rows, values, NULL);
    ck_assert_int_eq(h.store->ops->dataset_get(h.store, "table", &row, &err), 0);
    ck_assert_int_eq(datasets_open(h.datasets, row.sha256, &ds, &err), 0);
    ck_assert_msg(encoder_fit(ds, &options, all, rows, &encoder, NULL, &err) == 0, "%s",
                  err.detail);
    datasets_put(h.datasets, &ds);
    store_dataset_fini(&row);
    free(all);
    return encoder;
}

/* One input; output k is weights[k] x + bias[k], then the output function. */
static inline struct mlp_net *make_net(size_t n_outputs, enum mlp_output output, enum mlp_loss loss,
                                const float *weights, const float *bias)
{
    struct mlp_spec spec = {.n_inputs = 1, .n_outputs = n_outputs, .output = output, .loss = loss};
    struct mlp_net *net = NULL;

    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
    memcpy(mlp_net_params(net), weights, n_outputs * sizeof *weights);
    memcpy(mlp_net_params(net) + n_outputs, bias, n_outputs * sizeof *bias);
    return net;
}

static inline struct judged judge_it(const struct mlp_net *net, const struct encoder *encoder,
                              const struct mlp_data *data)
{
    struct judged judged = {.metrics_json = NULL};
    struct err err = ERR_INIT;

    ck_assert_msg(judge(net, encoder, data, "test", &judged, &err) == 0, "%s", err.detail);
    return judged;
}

/* With metrics asked for. */
static inline struct judged judge_more(const struct mlp_net *net, const struct encoder *encoder,
                                const struct mlp_data *data, const char *const *names, size_t n)
{
    struct judged judged = {.metrics_json = NULL};
    struct err err = ERR_INIT;
    char *metrics[MLP_METRICS] = {NULL};
    size_t i;

    for (i = 0; i < n; i++) {
        metrics[i] = xstrdup(names[i]);
    }
    ck_assert_msg(
        judge_asked(net, encoder, data, metrics, n, "test", NULL, &judged, &err) == 0, "%s",
        err.detail);
    for (i = 0; i < n; i++) {
        free(metrics[i]);
    }
    return judged;
}

static inline void check_number(const char *json, const char *path, double want)
{
    double got = house_number(json, path);

    ck_assert_msg(fabs(got - want) <= 1e-6 * fmax(1, fabs(want)), "%s is %.9g, not %.9g in %s",
                  path, got, want, json);
}

static inline void check_text(const char *json, const char *path, const char *want)
{
    char *got = house_text(json, path);

    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, want);
    free(got);
}

static inline size_t count_points(const char *json, const char *curve)
{
    const char *member = strstr(curve, "roc") != NULL ? "tpr" : "recall";
    char *path;
    size_t n = 0;

    for (;; n++) {
        path = xasprintf("%s.points.%zu.%s", curve, n, member);
        if (isnan(house_number(json, path))) {
            free(path);
            return n;
        }
        free(path);
    }
}

#endif

/* What a training takes, before and after: checks, memory, the estimate; see train.h.
 *
 * A trainer is one block of memory; the estimate is a walk over the same pieces, which is
 * why it is exact. Nothing here depends on the data but its number of rows.
 */
#include <math.h>
#include <string.h>

#include "mlp/augment.h"
#include "mlp/embedding.h"
#include "mlp/train.h"

/* Of a saved training: what it has besides arrays, by far. */
#define STATE_COUNTERS ((size_t)4096)

struct mlp_trainer *train_layout(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                                 size_t rows, struct arena *arena)
{
    struct mlp_trainer *t = arena_take(arena, 1, sizeof(*t)), measured;
    size_t n_params = 0, n_values = 0;

    if (net_spec_sizes(spec, &n_params, &n_values) != MLP_OK) {
        arena->overflow = true;
    }
    struct mlp_trainer *into = t != NULL ? t : &measured;

    *into = (struct mlp_trainer){.spec = train};
    batches_layout(&into->batches, spec, train, rows, arena);
    size_t most = into->batches.most;

    into->gradient = arena_take(arena, n_params, sizeof(mlp_real));
    if (train->accumulate > 1 || batches_full(train->optimizer)) {
        into->part = arena_take(arena, n_params, sizeof(mlp_real));
    }
    into->best = arena_take(arena, n_values, sizeof(mlp_real));
    if (train->gradient_norms) {
        into->squares = arena_take(arena, spec->n_hidden + 1, sizeof(double));
        into->norms = arena_take(arena, spec->n_hidden + 1, sizeof(double));
    }
    optimizer_layout(&into->optimizer, train, n_params, arena);
    average_layout(&into->average, train, n_values, arena);
    pass_layout_team(&into->pass, spec,
                     &(struct pass_size){
                         .max_rows = most > TRAIN_MIN_PASS_ROWS ? most : TRAIN_MIN_PASS_ROWS,
                         .training = true,
                         .threads = train->threads,
                         .precision = train->precision},
                     arena);
    return t;
}

/* ---- checks ------------------------------------------------------------------------- */

static bool finite_from(double x, double low)
{
    return isfinite(x) && x >= low;
}

static bool stopping_makes_sense(const struct mlp_train_spec *s)
{
    return finite_from(s->min_delta, 0) && finite_from(s->max_seconds, 0) &&
           (!s->has_target || isfinite(s->target));
}

static bool average_makes_sense(const struct mlp_train_spec *s)
{
    switch (s->average) {
    case MLP_AVERAGE_NONE:
        return true;
    case MLP_AVERAGE_EMA:
        return s->average_decay > 0 && s->average_decay < 1;
    case MLP_AVERAGE_SWA:
        return finite_from(s->average_start, 0);
    }
    return false;
}

/* Optimizers that judge a step by the loss of all rows cannot have it change under them. */
static bool full_batch_makes_sense(const struct mlp_spec *net, const struct mlp_train_spec *s)
{
    bool still = net->input_dropout == 0 && net->input_noise == 0 && !augment_on(&s->augment);

    if (!batches_full(s->optimizer)) {
        return true;
    }
    for (size_t i = 0; i < net->n_hidden; i++) {
        const struct mlp_layer_spec *h = &net->hidden[i];

        still = still && h->dropout == 0 && h->noise == 0 && h->norm != MLP_NORM_BATCH;
    }
    return still && s->accumulate <= 1;
}

static bool makes_sense(const struct mlp_spec *net, const struct mlp_train_spec *s)
{
    bool classes = loss_of_classes(net->loss);
    const char *why = NULL;

    if (s->precision != MLP_FLOAT32 && !mlp_bfloat16_available(&why)) {
        return false;
    }
    return s->epochs > 0 && s->batch_size > 0 && stopping_makes_sense(s) &&
           average_makes_sense(s) && augment_makes_sense(&s->augment, net) &&
           full_batch_makes_sense(net, s) && s->label_smoothing >= 0 && s->label_smoothing < 1 &&
           (classes || s->label_smoothing == 0) && optimizer_spec_makes_sense(s, net->n_hidden + 1);
}

/* Check everything, and measure the arena. */
static enum mlp_status measure(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                               size_t rows, size_t *arena_bytes)
{
    struct arena arena = {0};
    size_t n_params = 0;
    enum mlp_status status = mlp_spec_parameters(spec, &n_params);

    if (status != MLP_OK) {
        return status;
    }
    if (rows == 0 || !makes_sense(spec, train)) {
        return MLP_E_ARGUMENT;
    }
    if (rows > UINT32_MAX || train->epochs > UINT32_MAX) { /* counters of the generator */
        return MLP_E_TOO_LARGE;
    }
    (void)train_layout(spec, train, rows, &arena);
    *arena_bytes = arena.used;
    return arena.overflow ? MLP_E_TOO_LARGE : MLP_OK;
}

/* Of mlp_trainer_save: weights, the best ones, their mean, the optimizer's arrays, and some
 * counters. */
static size_t state_at_most(const struct mlp_train_spec *train, size_t n_params, size_t n_values)
{
    struct arena arrays = {0};
    struct optimizer optimizer;
    size_t copies = train->average != MLP_AVERAGE_NONE ? 3 : 2;

    optimizer_layout(&optimizer, train, n_params, &arrays);
    return arrays.used + copies * n_values * sizeof(mlp_real) + STATE_COUNTERS;
}

enum mlp_status mlp_estimate(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                             size_t rows, struct mlp_estimate *out)
{
    struct arena net = {0};
    struct batches plan;
    size_t n_params = 0, n_values = 0, arena_bytes = 0;
    enum mlp_status status = measure(spec, train, rows, &arena_bytes);

    if (status != MLP_OK) {
        return status;
    }
    (void)net_layout(spec, &net);
    if (net.overflow || net_spec_sizes(spec, &n_params, &n_values) != MLP_OK) {
        return MLP_E_TOO_LARGE;
    }
    double products = 0; /* multiply-adds of one row: three a weight, but mostly no dL/dx */
    size_t numbers = spec->input_scale ? 0 : spec->n_inputs - spec->n_embeddings;

    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        products += (3.0 * (double)l.n_in - (k == 0 ? (double)numbers : 0)) * (double)l.n_z;
    }
    batches_plan(&plan, spec, train, rows);
    *out = (struct mlp_estimate){
        .parameters = n_params,
        .net_bytes = net.used,
        .arena_bytes = arena_bytes,
        .state_bytes = state_at_most(train, n_params, n_values),
        .flops = 2.0 * products * (double)batches_total(&plan) * (double)train->epochs,
    };
    return MLP_OK;
}

/* ---- new, free -------------------------------------------------------------------------- */

static bool data_fits(const struct mlp_spec *spec, const struct mlp_data *data)
{
    return loss_data_fits(spec, data) && /* of a source's rows, when they come */
           (data->source != NULL || embedding_fits(spec, data->x, data->rows));
}

enum mlp_status mlp_trainer_new(struct mlp_net *net, const struct mlp_train_spec *spec,
                                const struct mlp_data *training, const struct mlp_data *validation,
                                const struct mlp_callbacks *callbacks, struct mlp_trainer **out)
{
    static const struct mlp_callbacks none = {0};
    struct arena arena = {0};
    enum mlp_status status = measure(&net->spec, spec, training->rows, &arena.used);

    if (status != MLP_OK) {
        return status;
    }
    if (validation != NULL && validation->rows == 0) {
        validation = NULL;
    }
    if ((spec->window > 0) != (training->source != NULL) || !data_fits(&net->spec, training) ||
        (validation != NULL && !data_fits(&net->spec, validation))) {
        return MLP_E_ARGUMENT;
    }
    status = arena_begin(&arena);
    if (status != MLP_OK) {
        return status;
    }
    struct mlp_trainer *t = train_layout(&net->spec, spec, training->rows, &arena);

    t->net = net;
    t->data = t->batches.data = training;
    t->validation = validation;
    t->callbacks = callbacks != NULL ? callbacks : &none;
    t->progress.result.best_loss = NAN;
    t->progress.result.last_loss = NAN;
    schedule_start(&t->progress.schedule);
    optimizer_start(&t->optimizer, net->n_params);
    for (size_t k = 0; t->squares != NULL && k < net->n_layers; k++) {
        t->squares[k] = 0;
    }
    t->pass.team = (struct pass_team){t->callbacks->parallel_for, t->callbacks->arg};
    status = pass_init(&t->pass, net);
    if (status != MLP_OK) {
        mlp_trainer_free(&t);
        return status;
    }
    *out = t;
    return MLP_OK;
}

void mlp_trainer_free(struct mlp_trainer **t)
{
    if (t != NULL && *t != NULL) {
        pass_fini(&(*t)->pass);
        free(*t);
        *t = NULL;
    }
}

enum mlp_status mlp_train(struct mlp_net *net, const struct mlp_train_spec *spec,
                          const struct mlp_data *training, const struct mlp_data *validation,
                          const struct mlp_callbacks *callbacks, struct mlp_result *result)
{
    struct mlp_trainer *t = NULL;
    enum mlp_status status = mlp_trainer_new(net, spec, training, validation, callbacks, &t);

    if (status == MLP_OK) {
        status = mlp_trainer_run(t, result);
    }
    if (status == MLP_OK) {
        mlp_trainer_publish(t);
    }
    mlp_trainer_free(&t);
    return status;
}

/* Training: epochs of shuffled batches, early stopping, and what happens when the numbers
 * run away. One call, one thread (the caller's), one block of memory, taken at the start.
 *
 * What always holds: `best` has the parameters of best_epoch, and they are finite; the net's
 * parameters were finite when the last finished epoch was reported; the stop callback
 * was asked before every batch.
 *
 * Subnormal numbers count as zero while training (x86): saturated sigmoids make them in
 * masses, and they cost a hundred times as much. The caller's setting is put back before
 * its epoch callback runs and at the end.
 */
#include "mlp/train.h"

#include <math.h>
#include <string.h>

#ifdef __SSE2__
#include <xmmintrin.h>
#define FLUSH_SUBNORMALS 0x8040U /* results (FTZ) and operands (DAZ) */
#endif

static unsigned flush_on(void)
{
#ifdef __SSE2__
    unsigned before = _mm_getcsr();

    _mm_setcsr(before | FLUSH_SUBNORMALS);
    return before;
#else
    return 0;
#endif
}

static void flush_restore(unsigned before)
{
#ifdef __SSE2__
    _mm_setcsr((_mm_getcsr() & ~FLUSH_SUBNORMALS) | (before & FLUSH_SUBNORMALS));
#else
    (void)before;
#endif
}

/* ---- sizes ------------------------------------------------------------------- */

static size_t batch_rows(const struct mlp_train_spec *train, size_t rows)
{
    return train->batch_size < rows ? train->batch_size : rows;
}

void train_layout(struct trainer *t, const struct mlp_spec *spec,
                  const struct mlp_train_spec *train, size_t rows, struct arena *arena)
{
    size_t n_params = 0, n_values = 0;

    if (net_spec_sizes(spec, &n_params, &n_values) != MLP_OK) {
        arena->overflow = true;
    }
    size_t batch = batch_rows(train, rows);
    size_t pass_rows = batch > TRAIN_MIN_PASS_ROWS ? batch : TRAIN_MIN_PASS_ROWS;

    t->batch_rows = batch;
    t->gradient = arena_take(arena, n_params, sizeof(mlp_real));
    t->best = arena_take(arena, n_values, sizeof(mlp_real));
    optimizer_layout(&t->optimizer, train, n_params, arena);
    pass_layout(&t->pass, spec, pass_rows, true, arena);
    if (train->shuffle) {
        t->order = arena_take(arena, rows, sizeof(uint32_t));
        t->x = arena_take(arena, batch, spec->n_inputs * sizeof(mlp_real));
        t->labels = arena_take(arena, batch, sizeof(uint32_t));
        t->targets = arena_take(arena, batch, spec->n_outputs * sizeof(mlp_real));
        t->weights = arena_take(arena, batch, sizeof(mlp_real));
        t->offset = arena_take(arena, batch, sizeof(mlp_real));
    }
}

static bool fraction(double x)
{
    return x >= 0 && x < 1;
}

static bool train_spec_makes_sense(const struct mlp_train_spec *s)
{
    bool adam = s->optimizer == MLP_ADAM && fraction(s->beta1) && fraction(s->beta2) &&
                s->epsilon > 0 && isfinite(s->epsilon);
    bool sgd = s->optimizer == MLP_SGD && fraction(s->momentum);

    return (adam || sgd) && s->learning_rate > 0 && isfinite(s->learning_rate) && s->l2 >= 0 &&
           isfinite(s->l2) && s->epochs > 0 && s->batch_size > 0 && s->min_delta >= 0 &&
           isfinite(s->min_delta);
}

/* Check everything, and measure the arena. */
static enum mlp_status measure(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                               size_t rows, size_t *n_params, size_t *arena_bytes)
{
    struct trainer t = {0};
    struct arena arena = {0};
    enum mlp_status status = mlp_spec_parameters(spec, n_params);

    if (status != MLP_OK) {
        return status;
    }
    if (rows == 0 || !train_spec_makes_sense(train)) {
        return MLP_E_ARGUMENT;
    }
    if (rows > UINT32_MAX || train->epochs > UINT32_MAX) { /* counters of the generator */
        return MLP_E_TOO_LARGE;
    }
    train_layout(&t, spec, train, rows, &arena);
    *arena_bytes = arena.used;
    return arena.overflow ? MLP_E_TOO_LARGE : MLP_OK;
}

enum mlp_status mlp_estimate(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                             size_t rows, struct mlp_estimate *out)
{
    struct arena net = {0};
    size_t n_params = 0, arena_bytes = 0;
    enum mlp_status status = measure(spec, train, rows, &n_params, &arena_bytes);

    if (status != MLP_OK) {
        return status;
    }
    (void)net_layout(spec, &net);
    if (net.overflow) {
        return MLP_E_TOO_LARGE;
    }
    double products = 0; /* multiply-adds of one row: three a weight, but no dL/dx */
    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        products += (k > 0 ? 3.0 : 2.0) * (double)l.n_in * (double)l.n_z;
    }
    *out = (struct mlp_estimate){
        .parameters = n_params,
        .net_bytes = net.used,
        .arena_bytes = arena_bytes,
        .flops = 2.0 * products * (double)rows * (double)train->epochs,
    };
    return MLP_OK;
}

/* ---- one epoch ---------------------------------------------------------------- */

/* The rows of a batch: as they lie, or gathered in the epoch's order. */
static struct mlp_data batch_at(const struct trainer *t, size_t first, size_t rows)
{
    const struct mlp_spec *spec = &t->net->spec;
    const struct mlp_data *d = t->data;
    size_t n_in = spec->n_inputs, n_out = spec->n_outputs;

    if (t->order == NULL) {
        return loss_slice(spec, d, first, rows);
    }
    for (size_t i = 0; i < rows; i++) {
        size_t row = t->order[first + i];

        memcpy(t->x + i * n_in, d->x + row * n_in, n_in * sizeof(*t->x));
        if (d->labels != NULL) {
            t->labels[i] = d->labels[row];
        }
        if (d->targets != NULL) {
            memcpy(t->targets + i * n_out, d->targets + row * n_out, n_out * sizeof(*t->targets));
        }
        if (d->weights != NULL) {
            t->weights[i] = d->weights[row];
        }
        if (d->offset != NULL) {
            t->offset[i] = d->offset[row];
        }
    }
    return (struct mlp_data){.rows = rows,
                             .x = t->x,
                             .targets = d->targets != NULL ? t->targets : NULL,
                             .labels = d->labels != NULL ? t->labels : NULL,
                             .weights = d->weights != NULL ? t->weights : NULL,
                             .offset = d->offset != NULL ? t->offset : NULL};
}

enum outcome { GO_ON, STOPPED, DIVERGED, FAILED };

/* Gradient and step, batch after batch; the sum of all rows' losses goes to *sum. */
static enum outcome train_batches(struct trainer *t, double *sum, enum mlp_status *status)
{
    for (size_t first = 0; first < t->data->rows; first += t->batch_rows) {
        size_t left = t->data->rows - first;
        size_t rows = left < t->batch_rows ? left : t->batch_rows;

        if (t->callbacks->stop != NULL && t->callbacks->stop(t->callbacks->arg)) {
            return STOPPED;
        }
        const struct mlp_data batch = batch_at(t, first, rows);

        const struct pass_moment moment = {.seed = t->spec->seed,
                                           .epoch = (uint32_t)t->result.epochs + 1,
                                           .step = (uint32_t)(first / t->batch_rows)};

        *status = pass_gradient(&t->pass, t->net, &batch, &moment, t->spec->label_smoothing,
                                t->gradient, &t->result.last_loss);
        if (*status != MLP_OK) {
            return FAILED;
        }
        if (!isfinite(t->result.last_loss)) {
            return DIVERGED;
        }
        optimizer_step(&t->optimizer, t->net, t->gradient, t->spec->learning_rate);
        t->result.steps++;
        *sum += t->result.last_loss * (double)rows;
    }
    return GO_ON;
}

static bool params_finite(const struct trainer *t)
{
    return t->net->kernel->finite(t->net->params, t->net->n_values);
}

/* Is this epoch's loss better than the best one by more than min_delta? */
static bool is_gain(const struct trainer *t, double loss)
{
    return isfinite(loss) &&
           (t->result.best_epoch == 0 || t->result.best_loss - loss > t->spec->min_delta);
}

static double now(const struct trainer *t)
{
    return t->callbacks->clock != NULL ? t->callbacks->clock() : 0;
}

static enum outcome train_epoch(struct trainer *t, const struct rng *rng, enum mlp_status *status,
                                unsigned caller_mode)
{
    struct mlp_epoch e = {.epoch = t->result.epochs + 1,
                          .validation = {NAN, NAN},
                          .learning_rate = t->spec->learning_rate,
                          .samples = t->data->rows};
    double start = now(t), sum = 0;

    if (t->order != NULL) {
        rng_permutation(rng, (uint32_t)e.epoch, t->order, t->data->rows);
    }
    enum outcome outcome = train_batches(t, &sum, status);

    if (outcome != GO_ON) {
        return outcome;
    }
    e.seconds = now(t) - start;
    e.training_loss = sum / (double)t->data->rows;
    if (t->validation != NULL) {
        *status = pass_score(&t->pass, t->net, t->validation, &e.validation);
        if (*status != MLP_OK) {
            return FAILED;
        }
    }
    double monitored = t->validation != NULL ? e.validation.loss : e.training_loss;
    bool gain = is_gain(t, monitored);
    bool last = e.epoch == t->spec->epochs ||
                (!gain && t->spec->patience > 0 && t->waited + 1 >= t->spec->patience);

    /* the last step may have overflowed although its batch's loss was finite */
    if ((gain || last || !isfinite(monitored)) && !params_finite(t)) {
        return DIVERGED;
    }
    t->result.epochs = e.epoch;
    t->waited = gain ? 0 : t->waited + 1;
    if (gain) {
        memcpy(t->best, t->net->params, t->net->n_values * sizeof(*t->best));
        t->result.best_epoch = e.epoch;
        t->result.best_loss = monitored;
    }
    if (t->callbacks->epoch != NULL) {
        e.monitored = monitored;
        e.improved = gain;
        e.best_epoch = t->result.best_epoch;
        e.best_params = e.best_epoch > 0 ? t->best : NULL;
        flush_restore(caller_mode);
        t->callbacks->epoch(t->callbacks->arg, &e);
        (void)flush_on(); /* the caller's mode is known already */
    }
    return GO_ON;
}

/* ---- all epochs ----------------------------------------------------------------- */

static enum mlp_status train_epochs(struct trainer *t, unsigned caller_mode)
{
    struct rng rng = rng_stream(t->spec->seed, RNG_SHUFFLE);
    enum mlp_status status = MLP_OK;
    enum outcome outcome = GO_ON;
    bool patient = true;

    while (outcome == GO_ON && patient && t->result.epochs < t->spec->epochs) {
        outcome = train_epoch(t, &rng, &status, caller_mode);
        patient = t->spec->patience == 0 || t->waited < t->spec->patience;
    }
    if (outcome == FAILED) {
        return status;
    }
    bool finite = params_finite(t);

    if (outcome == STOPPED) {
        t->result.stopped_by = MLP_BY_CALLER;
    } else if (outcome == DIVERGED || !finite) {
        t->result.stopped_by = MLP_BY_DIVERGENCE;
    } else {
        t->result.stopped_by = patient ? MLP_BY_EPOCHS : MLP_BY_PATIENCE;
    }
    if (t->result.best_epoch > 0 &&
        (t->spec->restore_best || !finite || t->result.stopped_by == MLP_BY_DIVERGENCE)) {
        memcpy(t->net->params, t->best, t->net->n_values * sizeof(*t->best));
    }
    return MLP_OK;
}

enum mlp_status mlp_train(struct mlp_net *net, const struct mlp_train_spec *spec,
                          const struct mlp_data *training, const struct mlp_data *validation,
                          const struct mlp_callbacks *callbacks, struct mlp_result *result)
{
    static const struct mlp_callbacks none = {0};
    struct trainer t = {0};
    struct arena arena = {0};
    size_t n_params = 0, bytes = 0;
    enum mlp_status status = measure(&net->spec, spec, training->rows, &n_params, &bytes);

    if (status != MLP_OK) {
        return status;
    }
    if (validation != NULL && validation->rows == 0) {
        validation = NULL;
    }
    if (!loss_data_fits(&net->spec, training) ||
        (validation != NULL && !loss_data_fits(&net->spec, validation))) {
        return MLP_E_ARGUMENT;
    }
    arena.used = bytes;
    arena.base = arena_alloc(&arena);
    if (arena.base == NULL) {
        return MLP_E_MEMORY;
    }
    void *memory = arena.base;

    arena.used = 0;
    train_layout(&t, &net->spec, spec, training->rows, &arena);
    t.net = net;
    t.spec = spec;
    t.data = training;
    t.validation = validation;
    t.callbacks = callbacks != NULL ? callbacks : &none;
    optimizer_start(&t.optimizer, n_params);
    t.result.best_loss = NAN;
    t.result.last_loss = NAN;

    unsigned caller_mode = flush_on();

    status = pass_init(&t.pass, net);
    if (status == MLP_OK) {
        status = train_epochs(&t, caller_mode);
    }
    pass_fini(&t.pass);
    flush_restore(caller_mode);
    free(memory);
    if (status == MLP_OK) {
        *result = t.result;
    }
    return status;
}

/* Training: steps, epochs, early stopping, and what happens when the numbers run away.
 *
 * One thread, the caller's, unless it gives a parallel_for; the stop callback is asked before
 * every step.
 *
 * Subnormal numbers count as zero while training (x86): saturated sigmoids make them in
 * masses, and they cost a hundred times as much. The caller's setting is put back before
 * its callbacks run and at the end.
 */
#include "mlp/train.h"

#include <math.h>
#include <string.h>

#include "mlp/fpmode.h"

static unsigned flush_on(void)
{
    unsigned before = fpmode_get();

    fpmode_set(before | FPMODE_FLUSH);
    return before;
}

static void flush_restore(unsigned before)
{
    fpmode_set((fpmode_get() & ~FPMODE_FLUSH) | (before & FPMODE_FLUSH));
}

enum outcome { GO_ON, STOPPED, DIVERGED, CONVERGED, OUT_OF_TIME, FAILED };

static double now(const struct mlp_trainer *t)
{
    return t->callbacks->clock != NULL ? t->callbacks->clock() : 0;
}

/* ---- one step ------------------------------------------------------------------- */

/* The epoch under way, counted over all trainings that this one goes on with. */
static uint32_t epoch_number(const struct mlp_trainer *t)
{
    return (uint32_t)(t->progress.before + t->progress.result.epochs + 1);
}

static size_t batches_of_step(const struct mlp_trainer *t)
{
    if (batches_full(t->spec->optimizer)) {
        return t->batches.n;
    }
    return t->spec->accumulate > 1 ? t->spec->accumulate : 1;
}

size_t train_steps(const struct mlp_trainer *t)
{
    return (t->batches.n - 1) / batches_of_step(t) + 1;
}

struct filling {
    const struct batches *batches;
    size_t i;
};

static void fill_rows(void *arg, size_t first, size_t rows, bool inputs)
{
    const struct filling *f = arg;

    batches_fill(f->batches, f->i, first, rows, inputs);
}

static void look_ahead(void *arg, size_t part, size_t parts)
{
    const struct filling *f = arg;

    batches_ahead(f->batches, f->i, part, parts);
}

/* The gradient [n_params] of batches [first, first + n) as if they were one, and the sum of
 * their rows' losses. An update, which only one batch can have, uses the gradient up. */
static enum mlp_status step_gradient(struct mlp_trainer *t, size_t first, size_t n,
                                     mlp_real *gradient, size_t *rows, double *sum,
                                     const struct pass_update *update)
{
    enum mlp_status status = MLP_OK;

    *rows = 0;
    *sum = 0;
    for (size_t i = first; i < first + n; i++) {
        *rows += batches_rows(&t->batches, i);
    }
    for (size_t i = first; i < first + n && status == MLP_OK; i++) {
        status = batches_hold(&t->batches, &t->net->spec, i);
        if (status != MLP_OK) {
            return status;
        }
        const struct mlp_data batch = batches_view(&t->batches, i);
        struct filling filling = {&t->batches, i};
        const struct pass_fill fill = {.rows = fill_rows,
                                       .ahead = look_ahead,
                                       .x = batches_x(&t->batches),
                                       .at = batches_places(&t->batches, i),
                                       .arg = &filling};
        const struct pass_moment moment = {.seed = t->spec->seed,
                                           .epoch = epoch_number(t),
                                           .step = (uint32_t)i,
                                           .rows = *rows};
        double loss = 0;

        status = pass_step(&t->pass, t->net, &batch, &fill, &moment, t->spec->label_smoothing,
                           i == first ? gradient : t->part, &loss, update);
        *sum += loss * (double)batch.rows;
        if (i > first) {
            t->net->kernel->add(t->part, gradient, t->net->n_params);
        }
    }
    return status;
}

static void add_norms(struct mlp_trainer *t, const mlp_real *gradient)
{
    if (t->squares != NULL) {
        optimizer_layer_norms(t->net, gradient, t->squares);
        t->progress.norm_steps++;
    }
}

static double step_rate(const struct mlp_trainer *t)
{
    double steps = (double)train_steps(t);
    double done = (double)t->progress.result.epochs +
                  (double)(t->progress.batch / batches_of_step(t)) / steps;

    double epochs =
        (double)(t->spec->schedule_epochs > 0 ? t->spec->schedule_epochs : t->spec->epochs);

    return t->spec->learning_rate *
           schedule_rate(&t->spec->schedule, &t->progress.schedule, epochs, done, steps);
}

/* Between the two phases of a step: go on? */
static bool begin_update(void *arg, double loss)
{
    struct mlp_trainer *t = arg;

    if (!isfinite(loss)) {
        return false;
    }
    t->progress.rate = step_rate(t);
    optimizer_begin(&t->optimizer, t->progress.rate);
    return true;
}

static void update_range(void *arg, const mlp_real *gradient, size_t offset, size_t length)
{
    struct mlp_trainer *t = arg;

    optimizer_piece(&t->optimizer, t->net, gradient, offset, length);
}

/* Where nobody asks for the gradient as a whole, its pieces are used up as they are made. */
static enum outcome gradient_step(struct mlp_trainer *t, size_t n, size_t *rows, double *sum,
                                  enum mlp_status *status)
{
    struct train_progress *p = &t->progress;
    const struct pass_update update = {begin_update, update_range, t};
    bool at_once = n == 1 && t->squares == NULL && !optimizer_needs_clip(&t->optimizer);

    *status = step_gradient(t, p->batch, n, t->gradient, rows, sum, at_once ? &update : NULL);
    if (*status != MLP_OK) {
        return FAILED;
    }
    p->result.last_loss = *sum / (double)*rows;
    if (!isfinite(p->result.last_loss)) {
        return DIVERGED;
    }
    if (at_once) {
        optimizer_end(&t->optimizer, t->net);
    } else {
        add_norms(t, t->gradient);
        p->rate = step_rate(t);
        optimizer_step(&t->optimizer, t->net, t->gradient, p->rate);
    }
    return GO_ON;
}

/* What the line search asks for: loss and gradient of all rows where the net is now. */
static enum mlp_status evaluate_all(void *arg, struct mlp_net *net, mlp_real *gradient,
                                    double *loss)
{
    struct mlp_trainer *t = arg;
    size_t rows = 0;
    double sum = 0;

    (void)net; /* the trainer's */
    if (t->callbacks->stop != NULL && t->callbacks->stop(t->callbacks->arg)) {
        t->told_to_stop = true;
        return MLP_E_ARGUMENT; /* anything but MLP_OK: the search is given up */
    }
    enum mlp_status status = step_gradient(t, 0, t->batches.n, gradient, &rows, &sum, NULL);

    *loss = sum / (double)rows;
    return status;
}

/* An epoch of lbfgs is one iteration. */
static enum outcome lbfgs_step(struct mlp_trainer *t, size_t *rows, double *sum,
                               enum mlp_status *status)
{
    struct train_progress *p = &t->progress;
    struct lbfgs *l = &t->optimizer.lbfgs;
    const struct lbfgs_function f = {.arg = t, .evaluate = evaluate_all};
    enum lbfgs_outcome outcome = lbfgs_iterate(l, t->net, &f);

    *rows = batches_total(&t->batches);
    *sum = l->data_loss * (double)*rows;
    p->result.last_loss = l->data_loss;
    p->rate = t->spec->learning_rate;
    if (outcome == LBFGS_STOPPED && t->told_to_stop) {
        t->told_to_stop = false;
        return STOPPED; /* the net is where the iteration began */
    }
    if (outcome == LBFGS_STOPPED) {
        *status = l->status;
        return FAILED;
    }
    if (outcome == LBFGS_FAILED) {
        return DIVERGED;
    }
    add_norms(t, l->g);
    return outcome == LBFGS_IMPROVED ? GO_ON : CONVERGED;
}

/* The next step of the epoch under way. */
static enum outcome one_step(struct mlp_trainer *t, enum mlp_status *status)
{
    struct train_progress *p = &t->progress;
    size_t left = t->batches.n - p->batch, n = batches_of_step(t), rows = 0;
    double sum = 0;
    enum outcome outcome;

    n = n < left ? n : left;
    if (t->spec->optimizer == MLP_LBFGS) {
        outcome = lbfgs_step(t, &rows, &sum, status);
    } else {
        outcome = gradient_step(t, n, &rows, &sum, status);
    }
    if (outcome == GO_ON || outcome == CONVERGED) {
        average_step(&t->average, t->net);
        p->result.steps++;
        p->batch += n;
        p->samples += rows;
        p->loss += sum;
    }
    return outcome;
}

/* ---- one epoch ------------------------------------------------------------------ */

/* Forget what was counted of an epoch. */
static void next_epoch(struct mlp_trainer *t)
{
    struct train_progress *p = &t->progress;

    p->batch = p->samples = p->norm_steps = 0;
    p->loss = p->seconds = 0;
    for (size_t k = 0; t->squares != NULL && k < t->net->n_layers; k++) {
        t->squares[k] = 0;
    }
}

static bool has_limit(const struct mlp_trainer *t)
{
    return t->spec->max_seconds > 0 && t->callbacks->clock != NULL;
}

/* Asked between steps; one step is always done, so that there is something to judge. */
static bool time_is_up(const struct mlp_trainer *t, double start)
{
    return has_limit(t) && t->progress.batch > 0 &&
           t->progress.all_seconds + now(t) - start >= t->spec->max_seconds;
}

/* Asked between epochs. */
static bool time_was_up(const struct mlp_trainer *t)
{
    return has_limit(t) && t->progress.result.epochs > 0 && t->progress.batch == 0 &&
           t->progress.all_seconds >= t->spec->max_seconds;
}

/* Steps to the end of the epoch; what is not GO_ON ends it early. */
static enum outcome train_steps_of_epoch(struct mlp_trainer *t, enum mlp_status *status)
{
    struct train_progress *p = &t->progress;
    enum outcome outcome = GO_ON;
    double start = now(t);

    while (outcome == GO_ON && p->batch < t->batches.n) {
        if (t->callbacks->stop != NULL && t->callbacks->stop(t->callbacks->arg)) {
            outcome = STOPPED;
        } else if (time_is_up(t, start)) {
            outcome = OUT_OF_TIME;
        } else {
            outcome = one_step(t, status);
        }
    }
    double seconds = now(t) - start;

    p->seconds += seconds;
    p->all_seconds += seconds;
    return outcome;
}

static bool params_finite(const struct mlp_trainer *t)
{
    return t->net->kernel->finite(t->net->params, t->net->n_values);
}

static bool maximizes(const struct mlp_trainer *t)
{
    return t->callbacks->monitor != NULL && t->spec->maximize;
}

/* Is this epoch's value better than the best one by more than min_delta? */
static bool is_gain(const struct mlp_trainer *t, double value)
{
    const struct mlp_result *r = &t->progress.result;
    double gain = maximizes(t) ? value - r->best_loss : r->best_loss - value;

    return isfinite(value) && (r->best_epoch == 0 || gain > t->spec->min_delta);
}

static bool target_reached(const struct mlp_trainer *t, double value)
{
    return t->spec->has_target && isfinite(value) &&
           (maximizes(t) ? value >= t->spec->target : value <= t->spec->target);
}

static bool patience_is_over(const struct mlp_trainer *t)
{
    return t->spec->patience > 0 && t->progress.waited >= t->spec->patience;
}

/* Everything the callback is told but for the best so far. */
static enum mlp_status measure_epoch(struct mlp_trainer *t, struct mlp_epoch *e,
                                     unsigned caller_mode)
{
    const struct train_progress *p = &t->progress;
    enum mlp_status status = MLP_OK;

    *e = (struct mlp_epoch){.epoch = p->result.epochs + 1,
                            .training_loss = p->loss / (double)p->samples,
                            .validation = {NAN, NAN},
                            .learning_rate = p->rate,
                            .seconds = p->seconds,
                            .samples = p->samples};
    for (size_t k = 0; t->squares != NULL && k < t->net->n_layers; k++) {
        t->norms[k] = sqrt(t->squares[k] / (double)p->norm_steps);
        e->gradient_norms = t->norms;
    }
    if (t->validation != NULL) {
        status = pass_score(&t->pass, t->net, t->validation, &e->validation);
    }
    e->monitored = t->validation != NULL ? e->validation.loss : e->training_loss;
    if (status == MLP_OK && t->callbacks->monitor != NULL) {
        flush_restore(caller_mode);
        e->monitored = t->callbacks->monitor(t->callbacks->arg, t->net, e);
        (void)flush_on(); /* the caller's mode is known already */
    }
    return status;
}

/* The weights of this epoch, shown in the net, are judged, kept if they are the best, and
 * reported. */
static enum outcome judge_epoch(struct mlp_trainer *t, bool last, unsigned caller_mode,
                                enum mlp_status *status)
{
    struct mlp_result *r = &t->progress.result;
    struct mlp_epoch e;

    *status = measure_epoch(t, &e, caller_mode);
    if (*status != MLP_OK) {
        return FAILED;
    }
    bool gain = is_gain(t, e.monitored);
    uint64_t waited = gain ? 0 : t->progress.waited + 1;

    last = last || (t->spec->patience > 0 && waited >= t->spec->patience) ||
           target_reached(t, e.monitored);
    /* the last step may have overflowed although its batch's loss was finite */
    if ((gain || last || !isfinite(e.monitored)) && !params_finite(t)) {
        return DIVERGED;
    }
    r->epochs = e.epoch;
    t->progress.waited = waited;
    if (gain) {
        memcpy(t->best, t->net->params, t->net->n_values * sizeof(*t->best));
        r->best_epoch = e.epoch;
        r->best_loss = e.monitored;
    }
    schedule_epoch(&t->progress.schedule, &t->spec->schedule, e.monitored, maximizes(t));
    next_epoch(t);
    if (t->callbacks->epoch != NULL) {
        e.improved = gain;
        e.best_epoch = r->best_epoch;
        e.best_params = r->best_epoch > 0 ? t->best : NULL;
        flush_restore(caller_mode);
        t->callbacks->epoch(t->callbacks->arg, &e);
        (void)flush_on();
    }
    if (target_reached(t, e.monitored)) {
        r->stopped_by = MLP_BY_TARGET;
        return CONVERGED;
    }
    return GO_ON;
}

/* The mean of many weights has seen no batch: measure the running statistics for it. */
static enum mlp_status measure_mean(struct mlp_trainer *t)
{
    struct mlp_net *net = t->net;
    size_t state = net->n_values - net->n_params;
    enum mlp_status status = MLP_OK;

    if (!average_show(&t->average, net) || state == 0 || t->spec->average != MLP_AVERAGE_SWA) {
        return MLP_OK;
    }
    for (size_t i = 0; i < t->batches.n && status == MLP_OK; i++) {
        status = batches_hold(&t->batches, &net->spec, i);
        if (status != MLP_OK) {
            return status;
        }
        const struct mlp_data batch = batches_at(&t->batches, i);
        const struct pass_moment moment = {
            .seed = t->spec->seed, .epoch = epoch_number(t), .step = (uint32_t)i};

        status = pass_statistics(&t->pass, net, &batch, &moment, 1.0 / (double)(i + 1));
    }
    memcpy(t->average.mean + net->n_params, net->params + net->n_params, state * sizeof(mlp_real));
    return status;
}

static enum outcome train_epoch(struct mlp_trainer *t, enum mlp_status *status,
                                unsigned caller_mode)
{
    if (t->batches.epoch != epoch_number(t)) {
        batches_epoch(&t->batches, epoch_number(t));
    }
    enum outcome outcome = train_steps_of_epoch(t, status);

    if (outcome == STOPPED || outcome == DIVERGED || outcome == FAILED) {
        return outcome;
    }
    bool last = outcome != GO_ON || t->progress.result.epochs + 1 == t->spec->epochs;

    average_epoch(&t->average, t->net, t->progress.result.epochs + 1);
    *status = measure_mean(t);
    enum outcome judged =
        *status == MLP_OK ? judge_epoch(t, last, caller_mode, status) : FAILED;

    average_hide(&t->average, t->net);
    if (judged != GO_ON) {
        return judged;
    }
    if (outcome != GO_ON) {
        t->progress.result.stopped_by =
            outcome == CONVERGED ? MLP_BY_CONVERGENCE : MLP_BY_MAX_SECONDS;
    }
    return outcome;
}

/* ---- all epochs ----------------------------------------------------------------- */

enum mlp_status mlp_trainer_run(struct mlp_trainer *t, struct mlp_result *result)
{
    struct mlp_result *r = &t->progress.result;
    unsigned caller_mode = flush_on();
    enum mlp_status status = MLP_OK;
    enum outcome outcome = GO_ON;

    while (outcome == GO_ON && !patience_is_over(t) && r->epochs < t->spec->epochs &&
           !time_was_up(t)) {
        outcome = train_epoch(t, &status, caller_mode);
    }
    if (outcome == STOPPED) {
        r->stopped_by = MLP_BY_CALLER;
    } else if (outcome == DIVERGED || !params_finite(t)) {
        r->stopped_by = MLP_BY_DIVERGENCE;
    } else if (outcome == GO_ON) {
        r->stopped_by = patience_is_over(t)             ? MLP_BY_PATIENCE
                        : r->epochs == t->spec->epochs ? MLP_BY_EPOCHS
                                                       : MLP_BY_MAX_SECONDS;
    } /* else train_epoch has said why */
    flush_restore(caller_mode);
    *result = *r;
    return status;
}

void mlp_trainer_publish(struct mlp_trainer *t)
{
    const struct mlp_result *r = &t->progress.result;

    (void)average_show(&t->average, t->net); /* for good */
    if (r->best_epoch > 0 && (t->spec->restore_best || r->stopped_by == MLP_BY_DIVERGENCE ||
                              !params_finite(t))) {
        memcpy(t->net->params, t->best, t->net->n_values * sizeof(*t->best));
    }
}

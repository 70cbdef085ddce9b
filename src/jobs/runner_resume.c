/* A training's checkpoints, and going on from one.
 *
 * A checkpoint is the trainer's state as the core saves it, and the runner's own notes; all that is
 * besides (dataset, split, encoder, encoded rows, network) the resolved config determines, so an
 * attempt that goes on makes it anew and then loads. What always holds: every point of the curve up
 * to a checkpoint's epoch that is kept for good is in the store before the checkpoint is, and what
 * is pending is in its notes; so cutting the curve at that epoch leaves what an uninterrupted
 * training would have stored by then.
 *
 * They are made between two runs of the trainer, first after a second (or checkpoint_seconds, if
 * that is less) of training, then every checkpoint_seconds, and never for more than one part in
 * SHARE of the time. A checkpoint that fails costs its try and nothing else. Weights that are not
 * finite are none: such a training is about to end.
 *
 * One buffer has the state that was read, those that are written, and at the end the one that stays
 * with the model. Runs on a worker thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/runner_training.h"

#define FIRST_SECONDS 1.0
#define AGAIN_SECONDS 1.0 /* at least so long after a failure */
#define SHARE         20

#define READ_PAUSE_MS     200 /* doubling */
#define READ_PAUSE_MAX_MS 2000
#define READ_TRIES        5 /* without memory; a full disk is waited for */

/* Of the first training's weights, which lie behind the state of a second one. */
static size_t first_bytes(const struct training *t)
{
    return t->first_weights != NULL ? mlp_net_values(t->net) * sizeof(mlp_real) : 0;
}

/* ---- going on ----------------------------------------------------------------------------- */

int runner_resume_read(struct training *t, struct err *err)
{
    static atomic_bool never;
    struct checkpoints *checkpoints = t->slot->checkpoints;
    long pause = READ_PAUSE_MS;
    size_t tries;

    t->preparing = *t->slot;
    if (checkpoints == NULL || t->anew) {
        return 0;
    }
    for (tries = 1; checkpoint_read(checkpoints, t->job, t->slot->owner, &t->from, err) < 0;
         tries++) {
        if (runner_interrupted(t->slot)) {
            return RUNNER_INTERRUPTED;
        }
        if (!runner_may_heal(err->code) || (err->code == ERR_NO_MEMORY && tries == READ_TRIES)) {
            return -1;
        }
        log_warn("no checkpoint of job %lld could be read, it is tried again: %s",
                 (long long)t->job->id, err->detail);
        err_fini(err);
        runner_pause(t->slot, pause);
        pause = 2 * pause < READ_PAUSE_MAX_MS ? 2 * pause : READ_PAUSE_MAX_MS;
    }
    if (t->from.state != NULL) {
        struct runner_notes notes = {.steps = 0};
        struct err ignored = ERR_INIT; /* runner_resume_load looks again, and says it */

        t->preparing.cancel = &never; /* first to the weights that a cancelled job keeps */
        if (runner_notes_read(t->from.notes, &notes, &ignored) == 0) {
            t->first = notes.first;
            runner_notes_fini(&notes);
        }
        err_fini(&ignored);
    }
    return 0;
}

/* What the trainer does not know of where it is. */
static void restore(struct training *t, struct runner_watch *w, const struct runner_notes *notes)
{
    struct runner_point best = notes->best, last = notes->last; /* their norms are the notes' */
    struct pool_progress *p = &w->progress;
    double now = clock_monotonic();

    best.monitor = last.monitor = runner_watch_metric(w);
    runner_curve_restore(w->curve, &best, &last);
    p->epoch = notes->progress.epoch;
    p->best_epoch = notes->progress.best_epoch;
    p->best_value = notes->progress.best_value;
    p->samples_per_second = notes->progress.samples_per_second;
    p->training_loss = notes->progress.training_loss;
    p->validation_loss = notes->progress.validation_loss;
    p->validation_accuracy = notes->progress.validation_accuracy;
    p->validation_rmse = notes->progress.validation_rmse;
    p->learning_rate = notes->progress.learning_rate;
    p->spark = notes->progress.spark;
    w->batches = w->at_epochs ? 0 : notes->batches;
    w->epoch_seconds = notes->epoch_seconds;
    w->last_epoch_at = now - notes->epoch_so_far;
    w->job_started = t->started - notes->elapsed_seconds;
    t->seconds_before = notes->seconds;
    t->saved_steps = notes->steps;
    runner_watch_phase(w, "training");
}

/* The state is another build's, or damaged in a way that no hash can see. */
static int begin_anew(struct training *t, struct err *err)
{
    struct store *store = datasets_store(t->slot->datasets);

    runner_event(t->slot, t->job, "checkpoint_unusable",
                 "checkpoint %lld is not one that this version can go on from: the job begins anew",
                 (long long)t->from.generation);
    while (store->ops->curve_cut(store, t->job->id, t->slot->owner, 0, err) != 0) {
        if (runner_interrupted(t->slot)) {
            return RUNNER_INTERRUPTED;
        }
        if (!runner_may_heal(err->code)) {
            return -1;
        }
        log_warn("the curve of job %lld could not be cut, it is tried again: %s",
                 (long long)t->job->id, err->detail);
        err_fini(err);
        runner_pause(t->slot, READ_PAUSE_MS);
    }
    return 0;
}

int runner_resume_load(struct training *t, struct runner_watch *w, struct mlp_trainer *trainer,
                       bool *resumed, struct err *err)
{
    struct runner_notes notes = {.steps = 0};
    struct err unusable = ERR_INIT;
    size_t best_epoch = 0;
    const mlp_real *best;
    int rc = 0;

    *resumed = false;
    if (t->from.state == NULL) {
        return 0;
    }
    if (runner_notes_read(t->from.notes, &notes, &unusable) == 0 &&
        mlp_trainer_load(trainer, t->from.state, t->from.state_bytes) == MLP_OK) {
        *resumed = true;
        restore(t, w, &notes);
        best = mlp_trainer_best(trainer, &best_epoch);
        if (t->first_weights != NULL) {
            runner_watch_publish(w, t->first_weights, t->first.best_epoch);
        } else if (best != NULL) {
            runner_watch_publish(w, best, best_epoch);
        }
        log_info("job %lld goes on from epoch %lld", (long long)t->job->id,
                 (long long)t->from.epoch + 1);
        runner_event(t->slot, t->job, "resumed", "goes on from epoch %lld (checkpoint %lld)",
                     (long long)t->from.epoch + 1, (long long)t->from.generation);
        t->image = t->from.state;
        t->image_bytes = t->from.state_bytes + first_bytes(t);
        t->from.state = NULL;
    } else {
        rc = begin_anew(t, err);
        rc = rc == 0 && t->first_weights != NULL ? RUNNER_AGAIN : rc;
    }
    checkpoint_fini(&t->from);
    runner_notes_fini(&notes);
    err_fini(&unusable);
    return rc;
}

/* ---- leaving one -------------------------------------------------------------------------- */

static double interval(const struct training *t)
{
    return t->slot->checkpoints != NULL && !t->no_memory ? t->slot->checkpoint_seconds : INFINITY;
}

void runner_checkpoint_start(const struct training *t, struct runner_watch *w)
{
    double first = interval(t);

    w->due = false;
    if (isfinite(first) && first > FIRST_SECONDS) {
        first = FIRST_SECONDS;
    }
    w->checkpoint_at = clock_monotonic() + first;
}

static bool weights_are_finite(const struct mlp_net *net)
{
    const mlp_real *w = mlp_net_params_const(net);
    size_t n = mlp_net_values(net), i;
    bool ok = true;

    for (i = 0; i < n; i++) {
        ok &= isfinite(w[i]) != 0;
    }
    return ok;
}

static bool has_room(struct training *t, const struct mlp_trainer *trainer)
{
    size_t size = mlp_trainer_state_size(trainer) + first_bytes(t);

    if (t->image != NULL && t->image_bytes == size) {
        return true;
    }
    free(t->image);
    t->image = mem_try_alloc(size, 1);
    t->image_bytes = size;
    if (t->image == NULL) {
        t->no_memory = true;
        log_warn("job %lld has no checkpoints: no memory for %zu bytes", (long long)t->job->id,
                 size);
    }
    return t->image != NULL;
}

static char *write_notes(const struct training *t, const struct runner_watch *w)
{
    double now = clock_monotonic();

    return runner_notes_write(&(struct runner_notes){
        .elapsed_seconds = now - w->job_started,
        .seconds = t->seconds_before + now - t->fit_started,
        .steps = t->result.steps,
        .batches = w->batches,
        .epoch_seconds = w->epoch_seconds,
        .epoch_so_far = now - w->last_epoch_at,
        .progress = w->progress,
        .first = t->first_weights != NULL ? t->first : (struct mlp_result){.epochs = 0},
        .best = *runner_curve_best(w->curve),
        .last = *runner_curve_last(w->curve),
    });
}

/* Why none could be written: told once, because the next may be. */
static void tell(struct training *t, const struct err *why)
{
    counter_add(COUNTER_CHECKPOINTS, SAVE_FAILED, 1);
    log_warn("no checkpoint of job %lld could be written: %s", (long long)t->job->id, why->detail);
    if (!t->told && why->code != ERR_CONFLICT) {
        t->told = true;
        runner_event(t->slot, t->job, "checkpoint_failed",
                     "no checkpoint could be written, it is tried again: %s", why->detail);
    }
}

/* Everything but the question when; false: it failed. */
static bool make(struct training *t, struct runner_watch *w, const struct mlp_trainer *trainer)
{
    struct checkpoint c = {
        .epoch = (int64_t)(w->epochs_before > 0 ? w->epochs_before : t->result.epochs)};
    size_t first = first_bytes(t);
    struct err err = ERR_INIT;
    bool ok;

    if (!runner_curve_flush(w->curve)) {
        return false;
    }
    CRASH_POINT("runner-after-flush");
    mlp_trainer_save(trainer, t->image);
    if (first > 0) {
        memcpy((unsigned char *)t->image + t->image_bytes - first, t->first_weights, first);
    }
    c.state = t->image;
    c.state_bytes = t->image_bytes;
    c.notes = write_notes(t, w);
    ok = checkpoint_write(t->slot->checkpoints, t->job, t->slot->owner, &c, &err) == 0;
    if (ok) {
        t->saved_steps = t->result.steps;
        runner_curve_saved(w->curve);
        log_debug("job %lld has checkpoint %lld, after epoch %zu", (long long)t->job->id,
                  (long long)c.generation, t->result.epochs);
    } else {
        tell(t, &err);
    }
    free(c.notes);
    err_fini(&err);
    return ok;
}

void runner_checkpoint(struct training *t, struct runner_watch *w,
                       const struct mlp_trainer *trainer)
{
    double start = clock_monotonic(), end, pause = interval(t);
    bool ok = true;

    w->due = false;
    w->saved_after = w->begun; /* not again before there is something new */
    if (isfinite(pause) && t->result.steps > t->saved_steps && weights_are_finite(t->net)) {
        runner_watch_phase(w, "saving");
        ok = has_room(t, trainer) && make(t, w, trainer);
        runner_watch_phase(w, "training");
    }
    end = clock_monotonic();
    pause = pause > SHARE * (end - start) ? pause : SHARE * (end - start);
    if (!ok && pause < AGAIN_SECONDS) {
        pause = AGAIN_SECONDS;
    }
    w->checkpoint_at = t->no_memory ? INFINITY : end + pause;
}

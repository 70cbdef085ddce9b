/* What a training tells while it runs: points for the curve, the best weights to the
 * predictor, progress to the pool.
 *
 * Runs inside mlp_train, on the worker's thread, between batches. An epoch of a small
 * network lasts 50 microseconds, so each of the three has its pace: a point is a copy into
 * memory, progress goes out every PROGRESS_SECONDS, weights at most every PUBLISH_SECONDS
 * and never for more than a twentieth of the time. The first of each goes out at once.
 *
 * It also says when the trainer has to stop for a checkpoint, which is made between two runs of the
 * trainer (runner_resume.c).
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "jobs/runner_priv.h"
#include "jobs/team.h"

#define PROGRESS_SECONDS 0.02
#define PUBLISH_SECONDS  0.5
#define PUBLISH_SHARE    20  /* copying takes at most one part in so many */
#define LOOK_STEPS       16  /* short batches between looks at the clock */
#define SHORT_SECONDS    1e-4
#define EWMA             0.2 /* weight of the newest epoch, at least */

void runner_watch_start(struct runner_watch *w)
{
    char *of = job_monitor_name(w->what);

    if (w->epochs_before == 0) {
        w->progress = (struct pool_progress)POOL_PROGRESS_INIT;
    }
    w->progress.phase = "training";
    w->progress.epochs = w->epochs;
    w->progress.parameters = mlp_net_parameters(w->net);
    (void)snprintf(w->progress.best_of, sizeof w->progress.best_of, "%s", of);
    free(of);
    w->epoch_seconds = NAN;
    w->last_epoch_at = w->last_progress_at = w->last_look_at = clock_monotonic();
    w->slot->progress(w->slot->arg, &w->progress);
}

const char *runner_watch_metric(const struct runner_watch *w)
{
    return w->monitor != NULL && w->what->of_metric ? w->monitor_name : NULL;
}

/* Of epochs' paces. The first one warms up caches and pools of memory: the second takes its place,
 * and the next few count alike, so that one slow epoch is not multiplied by all that are to come. */
static double averaged(double average, double newest, size_t epoch)
{
    double share = epoch > 2 ? fmax(EWMA, 1 / ((double)epoch - 1)) : 1;

    return isnan(average) ? newest : average + share * (newest - average);
}

static void send_progress(struct runner_watch *w, double now)
{
    double epoch = (double)w->batches / (double)w->steps_per_epoch; /* a line search takes more */

    w->progress.fraction =
        ((double)w->progress.epoch + (epoch < 1 ? epoch : 1)) / (double)w->epochs;
    w->progress.fraction = w->progress.fraction < 1 ? w->progress.fraction : 1;
    w->progress.batch = w->batches;
    w->progress.eta_seconds = w->epoch_seconds * (double)w->epochs * (1 - w->progress.fraction);
    w->last_progress_at = now;
    w->slot->progress(w->slot->arg, &w->progress);
}

void runner_watch_phase(struct runner_watch *w, const char *phase)
{
    w->progress.phase = phase;
    send_progress(w, clock_monotonic());
}

/* In builds for crash tests a job of the name in MLPD_CRASH_JOB kills the daemon at its third
 * batch, as a fault of this thread would. */
static void crash_for_tests(const struct runner_watch *w)
{
#ifdef MLPD_CRASH_POINTS
    const char *name = getenv("MLPD_CRASH_JOB");

    if (w->begun == 2 && name != NULL && w->job->name != NULL && strcmp(name, w->job->name) == 0) {
        (void)raise(SIGSEGV);
    }
#else
    (void)w;
#endif
}

/* At the clock: is it time for anything? Batches that take long are looked at one by one. */
static void look(struct runner_watch *w)
{
    double now = clock_monotonic();
    bool is_short = now - w->last_look_at < SHORT_SECONDS * (double)w->looked_after;

    w->last_look_at = now;
    w->look_in = w->looked_after = is_short ? LOOK_STEPS : 1;
    w->due = w->due || now >= w->checkpoint_at;
    if (now - w->last_progress_at >= PROGRESS_SECONDS) {
        send_progress(w, now);
    }
}

bool runner_watch_stop(void *arg)
{
    struct runner_watch *w = arg;

    runner_pulse(w->slot);
    crash_for_tests(w);
    if (w->begun == 1) { /* and that one is done */
        runner_curve_began(w->curve);
    }
    if (w->slot->batch != NULL && w->slot->batch(w->slot->arg)) {
        w->due = true;
    }
    if (runner_interrupted(w->slot) || runner_curve_failed(w->curve)) {
        return true;
    }
    if (w->look_in == 0 || w->batches == 0) {
        look(w);
    }
    if (w->due && w->begun > w->saved_after && (w->batches == 0 || !w->at_epochs)) {
        return true;
    }
    w->look_in--;
    w->begun++;
    w->batches++; /* the one that starts now */
    return false;
}

void runner_watch_share(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx)
{
    struct runner_watch *w = arg;

    runner_pulse(w->slot);
    team_run(w->team, n, body, ctx);
}

double runner_watch_monitor(void *arg, const struct mlp_net *net, const struct mlp_epoch *epoch)
{
    struct runner_watch *w = arg;

    return w->monitor != NULL ? runner_monitor_measure(w->monitor, net) : epoch->training_loss;
}

void runner_watch_publish(struct runner_watch *w, const mlp_real *params, size_t epoch)
{
    double start = clock_monotonic();

    predictor_live_publish(w->slot->predictor, w->job->model_id, mlp_net_spec(w->net), params,
                           epoch);
    w->published_epoch = epoch;
    w->last_publish_at = clock_monotonic();
    w->publish_seconds = w->last_publish_at - start;
}

static void publish(struct runner_watch *w, const struct mlp_epoch *epoch, double now)
{
    double pause = w->publish_seconds * PUBLISH_SHARE;

    if (epoch->best_params == NULL || epoch->best_epoch == w->published_epoch) {
        return;
    }
    pause = pause > PUBLISH_SECONDS ? pause : PUBLISH_SECONDS;
    if (w->published_epoch == 0 || now - w->last_publish_at >= pause) {
        runner_watch_publish(w, epoch->best_params, epoch->best_epoch);
    }
}

void runner_watch_epoch(void *arg, const struct mlp_epoch *epoch)
{
    struct runner_watch *w = arg;
    struct pool_progress *p = &w->progress;
    struct mlp_score validation = epoch->validation;
    double now = clock_monotonic();

    runner_pulse(w->slot);
    counter_add(COUNTER_EPOCHS, 0, 1);
    counter_add(COUNTER_SAMPLES, 0, epoch->samples);
    w->batches = 0;
    w->epoch_seconds = averaged(w->epoch_seconds, now - w->last_epoch_at, epoch->epoch);
    w->last_epoch_at = now;
    if (epoch->seconds > 0) {
        p->samples_per_second =
            averaged(p->samples_per_second, (double)epoch->samples / epoch->seconds,
                     epoch->epoch);
    }
    p->epoch = w->epochs_before + epoch->epoch;
    p->learning_rate = epoch->learning_rate;
    if (w->epochs_before > 0) {
        if (now - w->last_progress_at >= PROGRESS_SECONDS) {
            send_progress(w, now);
        }
        return;
    }
    p->training_loss = epoch->training_loss;
    p->validation_loss = validation.loss;
    p->validation_accuracy = validation.accuracy;
    p->validation_rmse = sqrt(validation.loss) * w->target_scale;
    spark_add(&p->spark, isnan(validation.loss) ? epoch->training_loss : validation.loss);
    if (epoch->improved) {
        p->best_epoch = epoch->epoch;
        p->best_value = epoch->monitored;
    }
    runner_curve_add(w->curve, &(struct runner_point){
                                   .epoch = epoch->epoch,
                                   .samples = epoch->samples,
                                   .training_loss = epoch->training_loss,
                                   .validation_loss = validation.loss,
                                   .validation_accuracy = validation.accuracy,
                                   .validation_rmse = p->validation_rmse,
                                   .learning_rate = epoch->learning_rate,
                                   .seconds = epoch->seconds,
                                   .elapsed_seconds = now - w->job_started,
                                   .monitor = runner_watch_metric(w),
                                   .monitored = epoch->monitored,
                                   .gradient_norms = epoch->gradient_norms,
                                   .n_norms = mlp_net_spec(w->net)->n_hidden + 1,
                                   .improved = epoch->improved,
                               });
    publish(w, epoch, now);
    if (epoch->epoch == 1 || epoch->epoch == w->epochs ||
        now - w->last_progress_at >= PROGRESS_SECONDS) {
        send_progress(w, now);
    }
}

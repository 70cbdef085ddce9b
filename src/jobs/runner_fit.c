/* The middle of a job of kind train: a network for the encoded rows, its first weights (drawn,
 * given, or a parent's), and the training itself, watched.
 *
 * What decides which epoch is best is the trainer's own validation loss, or a monitor's value;
 * both see the weights that would be published. The state the training ends with is kept for a
 * job that goes on from here. The trainer runs in pieces, with a checkpoint between two of them
 * (runner_resume.c).
 *
 * Runs on a worker thread; all randomness is the seed's.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/config_weights.h"
#include "jobs/model_json.h"
#include "jobs/runner_training.h"
#include "jobs/team.h"

/* ---- the network --------------------------------------------------------------------------- */

/* The weights of the model it starts from, which was opened with the job. */
static int copy_parents_weights(struct training *t, struct err *err)
{
    struct store *store = datasets_store(t->slot->datasets);
    void *bytes = NULL;
    size_t len = 0;
    int rc;

    if (store->ops->model_weights(store, t->spec.start_model, &bytes, &len, err) != 0) {
        return -1;
    }
    rc = len == mlp_net_values(t->net) * sizeof(mlp_real)
             ? 0
             : err_set(err, ERR_CORRUPT, "the weights of model %lld do not fit its architecture",
                       (long long)t->spec.start_model);
    if (rc == 0) {
        memcpy(mlp_net_params(t->net), bytes, len);
    }
    free(bytes);
    return rc;
}

static int check_net(const struct training *t, const struct mlp_spec *net, struct err *err)
{
    const struct job_spec *spec = &t->spec;
    size_t n_classes = encoder_n_classes(t->encoder);
    const struct mlp_augment *a = &spec->train.augment;

    if (spec->classes && net->output == MLP_OUT_SIGMOID && n_classes != 2) {
        return err_set(err, ERR_INVALID,
                       "a sigmoid output tells two classes apart; the training rows have %zu",
                       n_classes);
    }
    if (net->n_hidden > 0 && net->hidden[0].residual &&
        net->hidden[0].units != mlp_spec_width(net)) {
        return err_set(err, ERR_INVALID,
                       "the first layer adds its input to its output, and they are %zu and %zu "
                       "wide: some columns are constant in the training rows",
                       mlp_spec_width(net), net->hidden[0].units);
    }
    if (a->height > 0 && a->height * a->width * a->channels != net->n_inputs) {
        return err_set(err, ERR_INVALID,
                       "the inputs are no picture of %zu x %zu pixels: some columns are empty in "
                       "the training rows",
                       a->height, a->width);
    }
    return spec->initial_weights != NULL
               ? config_weights_check(spec->initial_weights, net, true, err)
               : 0;
}

int runner_make_net(struct training *t, struct err *err)
{
    const struct job_spec *spec = &t->spec;
    struct mlp_spec net =
        job_spec_network(spec, encoder_n_inputs(t->encoder), encoder_n_classes(t->encoder),
                         encoder_target_scale(t->encoder, 0));
    struct mlp_embedding *tables = job_spec_tables(t->encoder, &net.n_embeddings);
    enum mlp_status status;

    net.embeddings = tables;
    if (check_net(t, &net, err) != 0) {
        free(tables);
        return -1;
    }
    status = mlp_net_new(&net, &t->net);
    free(tables);
    if (status == MLP_OK) {
        status = mlp_net_init(t->net, spec->train.seed);
    }
    if (status == MLP_OK) {
        status = mlp_net_start_bias(t->net, t->all.rows > 0 ? &t->all
                                                            : &t->parts[SPLIT_TRAINING].data);
    }
    if (status != MLP_OK) {
        return model_json_status(err, status, "the network could not be made");
    }
    if (spec->initial_weights != NULL) {
        config_weights_apply(spec->initial_weights, t->net);
    }
    return spec->start_model != 0 ? copy_parents_weights(t, err) : 0;
}

/* ---- training ------------------------------------------------------------------------------- */

/* What decides, if the trainer does not know it by itself. */
static int make_monitor(struct training *t, struct runner_watch *watch,
                        struct mlp_callbacks *callbacks, struct err *err)
{
    struct job_monitor *what = &t->spec.monitor;
    const struct mlp_data *data;

    if (what->part == SPLIT_VALIDATION && t->parts[SPLIT_VALIDATION].data.rows == 0) {
        what->part = SPLIT_TRAINING;
    }
    data = &t->parts[what->part].data;
    watch->what = what;
    if (data->rows == 0) {
        return err_set(err, ERR_INVALID, "there are no %s rows for early stopping to watch",
                       runner_part_name(what->part));
    }
    if (!what->of_metric &&
        (what->part == SPLIT_VALIDATION || t->parts[SPLIT_VALIDATION].data.rows == 0)) {
        if (what->part != SPLIT_TEST) {
            return 0; /* the trainer's own */
        }
    }
    callbacks->monitor = runner_watch_monitor;
    if (t->monitor_name == NULL) { /* points of the curve have it */
        t->monitor_name = job_monitor_name(what);
    }
    watch->monitor_name =
        what->part == SPLIT_VALIDATION ? t->monitor_name + strlen("validation_") : t->monitor_name;
    if (!what->of_metric && what->part == SPLIT_TRAINING) {
        return 0;
    }
    return runner_monitor_new(what, t->net, t->encoder, data, &watch->monitor, err);
}

/* Take up the state that the parent's training ended with. */
static enum mlp_status extend(struct training *t, struct mlp_trainer *trainer, struct err *err)
{
    struct store *store = datasets_store(t->slot->datasets);
    enum mlp_status status = MLP_OK;
    void *state = NULL;
    size_t len = 0;

    if (!t->spec.start_continue) {
        return MLP_OK;
    }
    if (store->ops->model_state(store, t->spec.start_model, &state, &len, err) != 0) {
        return MLP_E_ARGUMENT;
    }
    status = mlp_trainer_extend(trainer, state, len);
    if (status == MLP_E_ARGUMENT) {
        (void)err_set(err, ERR_INVALID,
                      "the optimizer state of model %lld is of another network or optimizer, or of "
                      "another build",
                      (long long)t->spec.start_model);
    }
    free(state);
    return status;
}

/* For a later job to go on from; without memory, without it. */
static void save_state(struct training *t, const struct mlp_trainer *trainer)
{
    size_t size = mlp_trainer_state_size(trainer);

    free(t->state); /* a first training's */
    t->state = NULL;
    t->state_bytes = 0;
    if (t->result.stopped_by == MLP_BY_DIVERGENCE || t->result.best_epoch == 0) {
        return;
    }
    if (t->image != NULL && t->image_bytes == size) { /* the checkpoints' room; no more of them */
        t->state = t->image;
        t->image = NULL;
    } else {
        t->state = mem_try_alloc(size, 1);
    }
    if (t->state == NULL) {
        log_warn("the optimizer state of job %lld is not kept: no memory for %zu bytes",
                 (long long)t->job->id, size);
        return;
    }
    mlp_trainer_save(trainer, t->state);
    t->state_bytes = size;
}

/* Until it ends, or somebody wants the worker back; with a checkpoint whenever one is due. */
static enum mlp_status run_on(struct training *t, struct runner_watch *watch,
                              struct mlp_trainer *trainer)
{
    enum mlp_status status;

    for (;;) {
        status = mlp_trainer_run(trainer, &t->result);
        if (status != MLP_OK || t->result.stopped_by != MLP_BY_CALLER ||
            runner_curve_failed(watch->curve) || atomic_load(t->slot->cancel)) {
            return status;
        }
        if (runner_interrupted(t->slot)) {
            runner_checkpoint(t, watch, trainer);
            t->leaving = !atomic_load(t->slot->cancel); /* or it is over after all */
            return MLP_OK;
        }
        if (watch->due) {
            runner_checkpoint(t, watch, trainer);
        } /* else a pause was asked for and taken back */
    }
}

/* From a checkpoint, from where a parent ended, or from the beginning. */
static int begin(struct training *t, struct runner_watch *watch, struct mlp_trainer *trainer,
                 struct err *err)
{
    bool resumed = false;
    int rc = runner_resume_load(t, watch, trainer, &resumed, err);
    enum mlp_status status;

    if (rc != 0 || resumed) {
        return rc;
    }
    status = extend(t, trainer, err);
    if (status == MLP_OK) {
        return 0;
    }
    return err_is(err) ? -1 : model_json_status(err, status, "the training failed");
}

static int run_trainer(struct training *t, struct runner_watch *watch,
                       const struct mlp_callbacks *callbacks, struct err *err)
{
    struct runner_part *part = &t->parts[SPLIT_TRAINING];
    bool again = t->first_weights != NULL;
    struct mlp_data training = again ? t->all : part->data;
    struct mlp_trainer *trainer = NULL;
    enum mlp_status status;
    int rc = 0;

    training.weights = part->by_class != NULL ? part->by_class : training.weights;
    t->spec.train.augment.fill = (mlp_real)encoder_zero(t->encoder);
    status = mlp_trainer_new(t->net, &t->spec.train, &training,
                             again ? NULL : &t->parts[SPLIT_VALIDATION].data, callbacks, &trainer);
    if (status == MLP_OK) {
        rc = begin(t, watch, trainer, err);
    }
    if (status == MLP_OK && rc == 0) {
        runner_checkpoint_start(t, watch);
        status = run_on(t, watch, trainer);
    }
    if (status != MLP_OK) {
        rc = model_json_status(err, status, "the training failed");
    }
    if (rc == 0 && !t->leaving) {
        save_state(t, trainer);
        mlp_trainer_publish(trainer);
    }
    mlp_trainer_free(&trainer);
    return rc;
}

int runner_fit(struct training *t, struct err *err)
{
    const struct job_spec *spec = &t->spec;
    bool again = t->first_weights != NULL;
    size_t rows = again ? t->all.rows : t->parts[SPLIT_TRAINING].data.rows;
    size_t before = again ? t->first.epochs : 0;
    bool is_number = spec->loss == MLP_MSE && spec->n_targets == 1;
    struct runner_watch watch = {
        .slot = t->slot,
        .job = t->job,
        .net = t->net,
        .epochs = before + spec->train.epochs,
        .epochs_before = before,
        .steps_per_epoch = (rows - 1) / spec->train.batch_size + 1,
        .target_scale = is_number && t->spec.target_scale != ENCODER_LOG1P
                            ? encoder_target_scale(t->encoder, 0)
                            : NAN,
        .job_started = t->started,
        .curve = t->curve,
        .at_epochs = spec->train.optimizer == MLP_LBFGS, /* or a line search would begin anew */
    };
    struct mlp_callbacks callbacks = {
        .arg = &watch,
        .stop = runner_watch_stop,
        .epoch = runner_watch_epoch,
        .clock = clock_monotonic,
        .parallel_for = spec->train.threads > 1 ? runner_watch_share : NULL,
    };
    int rc = make_monitor(t, &watch, &callbacks, err);

    if (again) { /* the monitor has given the curve's points their name; it decides nothing now */
        callbacks.monitor = NULL;
        watch.progress = t->progress;
    }
    t->fit_started = clock_monotonic();
    watch.team = team_new(spec->train.threads);
    if (rc == 0) {
        runner_watch_start(&watch);
        rc = run_trainer(t, &watch, &callbacks, err);
        t->progress = watch.progress;
    }
    team_free(&watch.team);
    runner_monitor_free(&watch.monitor);
    t->seconds = t->seconds_before + clock_monotonic() - t->fit_started;
    return rc;
}

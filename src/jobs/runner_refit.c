/* The second training of a job with refit: the same network from the same seed, on training and
 * validation rows together, for as many epochs as were best in the first.
 *
 * Encoder, schedule (which still runs over all epochs) and seed are the first training's. Whatever
 * is chosen or told of the validation part (best epoch, temperature, threshold, metrics) is of the
 * first training's weights, which never saw these rows; so they are kept until the end, in
 * checkpoints too. They are also what the job keeps when the second training is cancelled, or runs
 * away. The curve ends with the first training, and its weights answer until the job is over.
 *
 * Runs on a worker thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/runner_training.h"

bool runner_refit_is_due(const struct training *t)
{
    return t->spec.refit && t->result.best_epoch > 0 && t->result.stopped_by != MLP_BY_CALLER &&
           t->result.stopped_by != MLP_BY_DIVERGENCE;
}

static size_t weight_bytes(const struct training *t)
{
    return mlp_net_values(t->net) * sizeof(mlp_real);
}

/* The first training's weights: the net's, or those behind the state in a checkpoint. */
static int keep_first(struct training *t, struct err *err)
{
    size_t bytes = weight_bytes(t);
    const void *from = mlp_net_params(t->net);

    if (t->from.state != NULL) {
        t->progress = (struct pool_progress)POOL_PROGRESS_INIT;
    }
    t->first_weights = mem_try_alloc(bytes, 1);
    if (t->first_weights == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory for a second training");
    }
    if (t->from.state == NULL) {
        t->first = t->result;
        t->saved_steps = 0;
        t->seconds_before = t->seconds;
    } else if (t->from.state_bytes < bytes) {
        return RUNNER_AGAIN;
    } else {
        t->from.state_bytes -= bytes;
        from = (const unsigned char *)t->from.state + t->from.state_bytes;
    }
    memcpy(t->first_weights, from, bytes);
    return 0;
}

static int join_rows(struct training *t, struct err *err)
{
    struct runner_part *training = &t->parts[SPLIT_TRAINING];
    const size_t widths[2] = {encoder_n_inputs(t->encoder),
                              encoder_is_classes(t->encoder) ? 1 : encoder_n_targets(t->encoder)};

    if (t->spec.sampling != SAMPLE_NONE) {
        struct sampled some;
        int rc = runner_sample_validation(t, &some, err);

        if (rc == 0) {
            rc = runner_part_append_some(training, &t->parts[SPLIT_VALIDATION], some.picks, some.n,
                                         widths, &t->all, err);
            sampled_fini(&some);
        }
        if (rc != 0) {
            return rc;
        }
    } else {
        runner_part_append(training, &t->parts[SPLIT_VALIDATION], widths, &t->all);
    }
    runner_weigh_again(training->weights, t->all.rows);
    return runner_weigh_classes(&t->spec, t->encoder, training, t->all.rows, err);
}

/* So many epochs, whatever they come to. */
static void plan(struct training *t)
{
    struct mlp_train_spec *train = &t->spec.train;

    train->schedule_epochs = train->epochs;
    train->epochs = t->spec.early_stopping ? t->first.best_epoch : t->first.epochs;
    train->patience = 0;
    train->has_target = false;
    train->restore_best = false;
    train->maximize = false;
}

/* What becomes of the job's result: that of the first training, from which all was chosen. */
static void settle(struct training *t)
{
    struct mlp_result second = t->result;
    bool cancelled = second.stopped_by == MLP_BY_CALLER;
    bool failed = second.stopped_by == MLP_BY_DIVERGENCE || second.best_epoch == 0;

    t->result = t->first;
    t->result.steps += second.steps;
    if (!cancelled && !failed) {
        t->refit_epochs = second.epochs;
        return;
    }
    if (cancelled) {
        t->result.stopped_by = MLP_BY_CALLER;
    } else {
        err_add(&t->warnings, NULL,
                "the second training, on all rows, ran away: the weights of the first are kept");
        free(t->warnings_json);
        t->warnings_json = runner_report_warnings(t->job->warnings_json, &t->warnings);
    }
    memcpy(mlp_net_params(t->net), t->first_weights, weight_bytes(t));
    free(t->first_weights);
    t->first_weights = NULL;
    free(t->state); /* of weights that are not kept */
    t->state = NULL;
    t->state_bytes = 0;
}

int runner_refit(struct training *t, struct err *err)
{
    int rc = keep_first(t, err);

    if (rc == 0) {
        rc = join_rows(t, err);
    }
    if (rc != 0) {
        return rc;
    }
    plan(t);
    mlp_net_free(&t->net);
    rc = runner_make_net(t, err);
    if (rc == 0) {
        rc = runner_fit(t, err);
    }
    if (rc == 0 && !t->leaving) {
        settle(t);
    }
    return rc;
}

void runner_refit_swap(struct training *t)
{
    mlp_real *net = mlp_net_params(t->net);
    size_t n = mlp_net_values(t->net), i;

    for (i = 0; t->first_weights != NULL && i < n; i++) {
        mlp_real kept = net[i];

        net[i] = t->first_weights[i];
        t->first_weights[i] = kept;
    }
}

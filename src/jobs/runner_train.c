/* A job of kind train, start to end, on a worker thread:
 *
 *   resolved config -> datasets -> split -> encoder, fitted on the training rows alone ->
 *   encoded parts -> network, drawn from the job's seed -> the training, watched ->
 *   every part judged with the weights that are kept -> one commit
 *
 * The network and its training are in runner_fit.c. A job that has a checkpoint comes the same way
 * to the same network and goes on from there (runner_resume.c).
 *
 * The encoder is the job's until predictor_live_begin takes it over; from then on the live
 * entry keeps it alive until predictor_live_end, which comes after the commit, so that the
 * model never stops answering: first live, then from the store.
 *
 * Same resolved config, same datasets: same weights, bit for bit. All randomness is the
 * seed's, nothing here depends on time or on threads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/leak.h"
#include "jobs/config.h"
#include "jobs/importance.h"
#include "jobs/model_json.h"
#include "jobs/runner_training.h"

#define LEAK_TARGETS 4 /* the first so many are looked at */

/* ---- the way to encoded rows ---------------------------------------------------------- */

/* A key of a resolved config is "sha256:..."; NULL is none. 0, -1, or 1 when interrupted. */
static int open_dataset(struct training *t, const char *key, const struct dataset **out,
                        const char **sha256, struct err *err)
{
    static const char prefix[] = "sha256:";

    *sha256 = NULL;
    if (key == NULL) {
        return 0;
    }
    if (strncmp(key, prefix, sizeof prefix - 1) != 0) {
        return err_set(err, ERR_CORRUPT, "the stored config does not name its data by content");
    }
    *sha256 = key + sizeof prefix - 1;
    return runner_open_dataset(t->slot, *sha256, out, err);
}

static int open_all(struct training *t, const struct config *config, struct err *err)
{
    struct config_sources from = {.ds = NULL};
    const char *model = config_model_key(config);
    int rc = open_dataset(t, config_dataset_key(config), &t->ds, &from.sha256, err);

    if (rc == 0) {
        rc = open_dataset(t, config_validation_key(config), &t->validation,
                          &from.validation_sha256, err);
    }
    if (rc == 0) {
        rc = open_dataset(t, config_test_key(config), &t->test, &from.test_sha256, err);
    }
    if (rc == 0 && model != NULL) {
        rc = parent_load(datasets_store(t->slot->datasets), model, &t->parent, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (t->ds == NULL) {
        return err_set(err, ERR_CORRUPT, "the stored config names no data");
    }
    from.parent = model != NULL ? &t->parent.as : NULL;
    if (config_view(config, model != NULL ? t->parent.encoder : NULL, &t->ds, &t->validation,
                    &t->test, err) != 0) {
        return -1;
    }
    from.ds = t->ds;
    from.validation = t->validation;
    from.test = t->test;
    return config_resolve(config, &from, &t->spec, &t->warnings, err);
}

static int open_job(struct training *t, struct err *err)
{
    const char *text = t->job->resolved_json;
    struct config *config = NULL;
    int rc;

    if (text == NULL || config_parse(text, strlen(text), &config, err) != 0) {
        return text != NULL ? -1 : err_set(err, ERR_CORRUPT, "the job has no stored config");
    }
    rc = open_all(t, config, err);
    config_free(&config);
    return rc;
}

static bool streams(const struct training *t)
{
    return t->spec.train.window > 0;
}

static void close_datasets(struct training *t)
{
    datasets_put(t->slot->datasets, &t->ds);
    datasets_put(t->slot->datasets, &t->validation);
    datasets_put(t->slot->datasets, &t->test);
}

static int make_split(struct training *t, struct split *split, struct err *err)
{
    struct split_options options = job_spec_split(&t->spec, t->ds);
    int rc = split_make(t->ds, &options, split, &t->warnings, err);

    free(t->spec.keep); /* the lists say it all */
    t->spec.keep = NULL;
    return rc;
}

/* The encoder: fitted on the training rows, or the parent's. */
static int make_encoder(struct training *t, const struct encoder_options *options,
                        const struct split *split, struct err *err)
{
    if (t->spec.start_model == 0) {
        return encoder_fit(t->ds, options, split->rows[SPLIT_TRAINING], split->n[SPLIT_TRAINING],
                           &t->encoder, &t->warnings, err);
    }
    if (encoder_check_dataset(t->parent.encoder, t->ds, true, err) != 0) {
        return -1;
    }
    t->encoder = t->parent.encoder;
    t->parent.encoder = NULL;
    t->parent.as.encoder = NULL;
    encoder_set_weight(t->encoder, options->weight);
    return 0;
}

static int encode_split(struct training *t, const struct encoder_options *options,
                        struct split *split, struct err *err)
{
    struct sampled again = {.n = 0};
    int rc = make_encoder(t, options, split, err);
    size_t i;

    for (i = 0; i < SPLIT_PARTS && streams(t); i++) {
        t->parts[i].streams = &t->unread;
    }
    if (rc == 0) {
        rc = runner_sample_training(t, split, err);
    }
    if (rc == 0) {
        rc = runner_encode_part(t, SPLIT_VALIDATION, options, split, t->validation, err);
    }
    if (rc == 0 && t->spec.refit && t->spec.sampling != SAMPLE_NONE) {
        rc = runner_sample_validation(t, &again, err);
    }
    if (rc == 0) {
        if (t->spec.refit) { /* the second training has all rows side by side */
            t->parts[SPLIT_TRAINING].room =
                split->n[SPLIT_TRAINING] + (t->spec.sampling != SAMPLE_NONE
                                                ? again.n
                                                : t->parts[SPLIT_VALIDATION].data.rows);
        }
        sampled_fini(&again);
        rc = runner_encode_part(t, SPLIT_TRAINING, options, split, NULL, err);
    }
    if (rc == 0) {
        rc = runner_encode_part(t, SPLIT_TEST, options, split, t->test, err);
    }
    if (rc == 0) {
        rc = runner_weigh(t->parts, err);
    }
    if (rc == 0) {
        rc = runner_weigh_classes(&t->spec, t->encoder, &t->parts[SPLIT_TRAINING],
                                  t->parts[SPLIT_TRAINING].data.rows, err);
    }
    return rc;
}

static int encode_all(struct training *t, struct err *err)
{
    struct split split = {.n = {0}};
    struct job_encoder encoder;
    size_t i;
    int rc = job_encoder_init(&encoder, &t->spec, t->ds, err);

    if (rc != 0) {
        return rc;
    }
    rc = make_split(t, &split, err);
    if (rc == 0) {
        rc = runner_drop_rows(t, &encoder.options, &split, err);
    }
    for (i = 0; rc == 0 && i < encoder.options.n_targets && i < LEAK_TARGETS; i++) {
        rc = leak_check(t->ds, encoder.features, encoder.options.n_features, encoder.targets[i],
                        t->spec.classes, split.rows[SPLIT_TRAINING], split.n[SPLIT_TRAINING],
                        &t->warnings, err);
    }
    if (rc == 0) {
        rc = encode_split(t, &encoder.options, &split, err);
    }
    split_fini(&split);
    job_encoder_fini(&encoder);
    return rc;
}

/* The training with its curve; the curve of a job that is left has nothing more to say. */
static int train(struct training *t, struct err *err)
{
    const struct runner_curve_job of = {
        .store = datasets_store(t->slot->datasets),
        .job_id = t->job->id,
        .owner = t->slot->owner,
        .attempt = t->job->attempt,
        .started = t->started,
        .stop = t->slot->stop,
        .pulse = t->slot->pulse,
    };
    struct err curve_err = ERR_INIT;
    int rc;

    t->curve = runner_curve_new(&of);
    rc = t->first.epochs > 0 ? 0 : runner_fit(t, err);
    if (rc == 0 && !t->leaving && (t->first.epochs > 0 || runner_refit_is_due(t))) {
        rc = runner_refit(t, err);
    }
    if (t->leaving || rc == RUNNER_INTERRUPTED || rc == RUNNER_AGAIN) {
        runner_curve_leave(&t->curve);
    } else if (runner_curve_close(&t->curve, &curve_err) != 0) {
        bool later = rc == 0 && runner_may_heal(curve_err.code); /* the daemon stops meanwhile */

        if (rc == 0) {
            err_move(err, &curve_err);
        }
        rc = later ? RUNNER_INTERRUPTED : -1;
    }
    err_fini(&curve_err);
    return rc;
}

/* Everything up to trained weights whose curve is stored. */
static int prepare_and_train(struct training *t, struct err *err)
{
    int rc = open_job(t, err);

    if (rc == 0) {
        rc = runner_resume_read(t, err);
    }
    if (rc == 0) {
        rc = encode_all(t, err);
    }
    if (rc != 0 || !streams(t)) {
        close_datasets(t);
    }
    t->warnings_json = runner_report_warnings(t->job->warnings_json, &t->warnings);
    if (rc != 0) {
        return rc;
    }
    if (runner_interrupted(&t->preparing)) {
        return RUNNER_INTERRUPTED;
    }
    if (runner_make_net(t, err) != 0) {
        return -1;
    }
    predictor_live_begin(t->slot->predictor, t->job->model_id, t->encoder);
    t->live = true;
    return train(t, err);
}

/* ---- the end ------------------------------------------------------------------------------- */

static int judge_part(struct training *t, enum split_part part, struct err *err)
{
    const struct mlp_data *data = &t->parts[part].data;

    runner_pulse(t->slot);
    return data->rows == 0 ? 0
                           : judge_asked(t->net, t->encoder, data, t->spec.metrics,
                                         t->spec.n_metrics, runner_part_name(part), t->slot->pulse,
                                         &t->judged[part], err);
}

/* What features are worth, on this part. Nothing of the job depends on it, so what goes wrong here
 * is told in the log. */
static void weigh_features(struct training *t, enum split_part part)
{
    const struct mlp_data *data = &t->parts[part].data;
    double work = (double)mlp_net_parameters(t->net) * (double)t->progress.epoch * 3 *
                  (double)t->parts[SPLIT_TRAINING].data.rows * IMPORTANCE_SHARE;
    struct importance_wish wish = {.split = runner_part_name(part),
                                   .seed = t->spec.train.seed,
                                   .work = work < IMPORTANCE_LEAST  ? IMPORTANCE_LEAST
                                           : work > IMPORTANCE_MOST ? IMPORTANCE_MOST
                                                                    : work,
                                   .pulse = t->slot->pulse};
    struct err err = ERR_INIT;

    if (data->rows > 0 && importance_measure(t->net, t->encoder, data, &wish, &t->importance_json,
                                             &err) != 0) {
        log_warn("the features of job %lld's model were not weighed: %s", (long long)t->job->id,
                 err.detail);
    }
    err_fini(&err);
}

/* The validation part first, from which temperature and threshold come; with weights that have not
 * seen it. */
static int judge_parts(struct training *t, struct err *err)
{
    const struct mlp_data *validation = &t->parts[SPLIT_VALIDATION].data;
    int rc = 0;

    t->progress.phase = "judging";
    t->slot->progress(t->slot->arg, &t->progress);
    runner_refit_swap(t);
    if (validation->rows > 0) {
        rc = decide(&t->spec, t->net, validation, t->slot->pulse, &t->decision, err);
    }
    if (rc == 0) {
        rc = judge_part(t, SPLIT_VALIDATION, err);
    }
    if (rc == 0) {
        weigh_features(t, SPLIT_VALIDATION);
    }
    runner_refit_swap(t);
    if (rc == 0) {
        rc = judge_part(t, SPLIT_TRAINING, err);
    }
    if (rc == 0) {
        rc = judge_part(t, SPLIT_TEST, err);
    }
    if (rc == 0 && validation->rows == 0) {
        weigh_features(t, t->parts[SPLIT_TEST].data.rows > 0 ? SPLIT_TEST : SPLIT_TRAINING);
    }
    return rc;
}

static char *divergence(const struct training *t)
{
    const struct mlp_result *r = &t->result;
    double rate = t->spec.train.learning_rate;
    double usual = config_usual_rate(t->spec.train.optimizer);
    struct buf out = BUF_INIT;

    buf_printf(&out,
               "the numbers ran away in epoch %zu, after %zu step%s, at learning rate %g: try a "
               "smaller one, such as %g",
               r->epochs + 1, r->steps, r->steps == 1 ? "" : "s", rate,
               rate > usual ? usual : rate / 10);
    if (t->spec.plan.numeric == ENCODER_NONE ||
        (t->spec.output == MLP_OUT_IDENTITY && t->spec.target_scale == ENCODER_NONE)) {
        buf_puts(&out, ", or standardize features and target");
    }
    if (r->best_epoch != 0) {
        buf_printf(&out, "; the weights of epoch %zu are kept", r->best_epoch);
    } else {
        buf_puts(&out, "; no epoch left finite weights");
    }
    return buf_take(&out);
}

/* Weights as they are stored: little-endian float32, which is what they are in memory on
 * every machine we build for. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(mlp_real) == 4,
               "weights are stored as they lie in memory");

static void fill_model(struct training *t, const struct runner_facts *facts,
                       struct store_outcome *outcome, char *texts[4],
                       struct store_evaluation evaluations[SPLIT_PARTS + 1])
{
    enum split_part part;

    texts[0] = predictor_spec_to_json(mlp_net_spec(t->net));
    texts[1] = encoder_to_json(t->encoder);
    texts[2] = runner_report_info(facts);
    texts[3] = runner_report_metrics(t->judged);
    outcome->has_model = true;
    outcome->spec_json = texts[0];
    outcome->encoder_json = texts[1];
    outcome->info_json = texts[2];
    outcome->metrics_json = texts[3];
    outcome->parameters = (int64_t)mlp_net_parameters(t->net);
    outcome->weights = mlp_net_params_const(t->net);
    outcome->weights_bytes = mlp_net_values(t->net) * sizeof(mlp_real);
    outcome->trainer_state = t->state;
    outcome->state_bytes = t->state_bytes;
    outcome->evaluations = evaluations;
    for (part = 0; part < SPLIT_PARTS; part++) {
        if (t->judged[part].evaluation_json != NULL) {
            evaluations[outcome->n_evaluations++] = (struct store_evaluation){
                .split = runner_part_name(part), .json = t->judged[part].evaluation_json};
        }
    }
    if (t->importance_json != NULL) {
        evaluations[outcome->n_evaluations++] =
            (struct store_evaluation){.split = MODEL_IMPORTANCE, .json = t->importance_json};
    }
}

/* What failed because rows could not be read: say why they could not. */
static void fail(struct training *t, struct err *why)
{
    runner_fail(t->slot, t->job, err_is(&t->unread) ? &t->unread : why, t->warnings_json);
}

/* The training ended by itself, was cancelled, or ran away: tell the store. */
static void finish(struct training *t)
{
    size_t rows[SPLIT_PARTS] = {t->parts[SPLIT_TRAINING].data.rows,
                                t->parts[SPLIT_VALIDATION].data.rows,
                                t->parts[SPLIT_TEST].data.rows};
    struct runner_facts facts = {.spec = &t->spec, .encoder = t->encoder, .result = &t->result,
                                 .rows = rows, .seconds = t->seconds, .sampled = &t->sampled,
                                 .decision = &t->decision, .refit_epochs = t->refit_epochs,
                                 .refit_rows = t->refit_epochs > 0 ? t->all.rows : 0,
                                 .spark = &t->progress.spark};
    struct store_evaluation evaluations[SPLIT_PARTS + 1];
    struct store_outcome outcome = {.state = JOB_SUCCEEDED, .warnings_json = t->warnings_json};
    char *texts[4] = {NULL}, *result, *detail = NULL;
    struct err err = ERR_INIT;
    bool has_weights = t->result.best_epoch != 0;
    size_t i;

    if (t->result.stopped_by == MLP_BY_CALLER) {
        outcome.state = JOB_CANCELLED;
    } else if (t->result.stopped_by == MLP_BY_DIVERGENCE || !has_weights) {
        /* Without a finite loss in any epoch it ran away too, if quietly. */
        t->result.stopped_by = MLP_BY_DIVERGENCE;
        detail = divergence(t);
        outcome.state = JOB_FAILED;
        outcome.error_code = "diverged";
        outcome.error_detail = detail;
    }
    if (has_weights && judge_parts(t, &err) != 0) {
        fail(t, &err);
        err_fini(&err);
        free(detail);
        return;
    }
    result = runner_report_result(&facts);
    outcome.result_json = result;
    if (has_weights) {
        fill_model(t, &facts, &outcome, texts, evaluations);
    }
    predictor_live_closing(t->slot->predictor, t->job->model_id);
    runner_finish(t->slot, t->job, &outcome);
    for (i = 0; i < ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
    free(result);
    free(detail);
}

/* The daemon stops, or the job pauses: what there is is in its checkpoint. Live weights end first,
 * because whoever claims the job next begins them again. */
static void give_up(struct training *t)
{
    if (t->live) {
        predictor_live_end(t->slot->predictor, t->job->model_id);
        t->live = false;
        t->encoder = NULL;
    }
    runner_give_up(t->slot, t->job, t->warnings_json);
}

static void training_fini(struct training *t)
{
    enum split_part part;

    sampled_fini(&t->sampled);
    for (part = 0; part < SPLIT_PARTS; part++) {
        runner_part_fini(&t->parts[part]);
        judged_fini(&t->judged[part]);
    }
    close_datasets(t);
    if (t->live) {
        predictor_live_end(t->slot->predictor, t->job->model_id);
    } else {
        encoder_free(&t->encoder);
    }
    mlp_net_free(&t->net);
    job_spec_fini(&t->spec);
    parent_fini(&t->parent);
    free(t->monitor_name);
    free(t->first_weights);
    free(t->importance_json);
    free(t->state);
    free(t->image);
    checkpoint_fini(&t->from);
    err_fini(&t->warnings);
    err_fini(&t->unread);
    free(t->warnings_json);
}

void runner_train(const struct runner_slot *slot, const struct store_job *job)
{
    struct training t = {
        .slot = slot, .job = job, .started = clock_monotonic(), .warnings = ERR_INIT,
        .unread = ERR_INIT};
    struct pool_progress preparing = POOL_PROGRESS_INIT;
    struct err err = ERR_INIT;
    int rc;

    preparing.phase = "preparing";
    slot->progress(slot->arg, &preparing);
    rc = prepare_and_train(&t, &err);
    if (rc == RUNNER_AGAIN) {
        training_fini(&t);
        t = (struct training){.slot = slot,
                              .job = job,
                              .anew = true,
                              .started = clock_monotonic(),
                              .warnings = ERR_INIT,
                              .unread = ERR_INIT};
        rc = prepare_and_train(&t, &err);
    }
    if (rc == RUNNER_INTERRUPTED || (rc == 0 && t.leaving)) {
        give_up(&t);
    } else if (rc != 0) {
        fail(&t, &err);
    } else {
        finish(&t);
    }
    training_fini(&t);
    err_fini(&err);
}

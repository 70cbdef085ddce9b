/* What a checkpoint has of the runner's own, beside the trainer's state: JSON, all of it numbers.
 *
 *   {"version": 1, "elapsed_seconds", "seconds", "steps", "batches", "epoch_seconds",
 *    "epoch_so_far", "progress": {..}, "best": {point} | null, "last": {point} | null,
 *    "first": {..}, how the first training ended: in a second one alone}
 *
 * progress has "spark", see spark.h. A point is what runner_points.c makes a row of; its metric's name is not in it, because the
 * job's config says it. Doubles are written so that they read back equal, what is not finite as
 * null, which reads back as NaN.
 *
 * The notes come from a file whose hash was verified; what they say is still checked for its
 * types, so that another version's are refused and not misread. Threads: any.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/json_util.h"
#include "jobs/model_json.h"
#include "jobs/runner_priv.h"

#define VERSION   1
#define MAX_NORMS (MLP_MAX_LAYERS + 1)

/* A member of a struct each, by its own name. */
#define NOTES_COUNTS(X)    X(steps) X(batches)
#define NOTES_NUMBERS(X)   X(elapsed_seconds) X(seconds) X(epoch_seconds) X(epoch_so_far)
#define PROGRESS_COUNTS(X) X(epoch) X(best_epoch)
#define PROGRESS_NUMBERS(X)                                                                        \
    X(samples_per_second)                                                                          \
    X(training_loss) X(validation_loss) X(validation_accuracy) X(validation_rmse) X(learning_rate) \
        X(best_value)
#define FIRST_COUNTS(X)  X(epochs) X(best_epoch) X(steps)
#define FIRST_NUMBERS(X) X(best_loss) X(last_loss)
#define POINT_COUNTS(X) X(epoch) X(samples)
#define POINT_NUMBERS(X)                                                                           \
    X(training_loss)                                                                               \
    X(validation_loss) X(validation_accuracy) X(validation_rmse) X(learning_rate) X(seconds)       \
        X(elapsed_seconds) X(monitored)

/* ---- writing ---------------------------------------------------------------------------- */

#define PUT_COUNT(name)  model_json_put(out, #name, model_json_count(from->name));
#define PUT_NUMBER(name) model_json_put(out, #name, model_json_number(from->name));

static json_t *point_json(const struct runner_point *from)
{
    json_t *out, *norms;
    size_t i;

    if (from->epoch == 0) {
        return model_json_string(NULL);
    }
    out = model_json_object();
    POINT_COUNTS(PUT_COUNT)
    POINT_NUMBERS(PUT_NUMBER)
    if (from->gradient_norms != NULL) {
        norms = model_json_array();
        for (i = 0; i < from->n_norms; i++) {
            model_json_push(norms, model_json_number(from->gradient_norms[i]));
        }
        model_json_put(out, "gradient_norms", norms);
    }
    return out;
}

static json_t *progress_json(const struct pool_progress *from)
{
    json_t *out = model_json_object();

    PROGRESS_COUNTS(PUT_COUNT)
    PROGRESS_NUMBERS(PUT_NUMBER)
    model_json_put(out, "spark", spark_to_json(&from->spark));
    return out;
}

static json_t *first_json(const struct mlp_result *from)
{
    json_t *out = model_json_object();

    FIRST_COUNTS(PUT_COUNT)
    FIRST_NUMBERS(PUT_NUMBER)
    model_json_put(out, "stopped_by", model_json_count((uint64_t)from->stopped_by));
    return out;
}

char *runner_notes_write(const struct runner_notes *from)
{
    json_t *out = model_json_object();

    model_json_put(out, "version", model_json_count(VERSION));
    NOTES_COUNTS(PUT_COUNT)
    NOTES_NUMBERS(PUT_NUMBER)
    model_json_put(out, "progress", progress_json(&from->progress));
    model_json_put(out, "best", point_json(&from->best));
    model_json_put(out, "last", point_json(&from->last));
    if (from->first.epochs > 0) {
        model_json_put(out, "first", first_json(&from->first));
    }
    return model_json_take(out);
}

/* ---- reading ------------------------------------------------------------------------- */

static bool get_count(const json_t *object, const char *name, size_t *out)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (size_t)json_integer_value(value);
    return true;
}

static bool to_number(const json_t *value, double *out)
{
    if (!json_is_number(value) && !json_is_null(value)) {
        return false;
    }
    *out = json_is_null(value) ? NAN : json_number_value(value);
    return true;
}

static bool get_number(const json_t *object, const char *name, double *out)
{
    return to_number(json_object_get(object, name), out);
}

#define GET_COUNT(name)  ok = ok && get_count(json, #name, &out->name);
#define GET_NUMBER(name) ok = ok && get_number(json, #name, &out->name);

static bool get_norms(const json_t *norms, struct runner_point *out)
{
    double *values;
    bool ok = true;
    size_t i;

    if (norms == NULL) {
        return true;
    }
    if (!json_is_array(norms) || json_array_size(norms) > MAX_NORMS) {
        return false;
    }
    out->n_norms = json_array_size(norms);
    values = xcalloc(out->n_norms, sizeof *values);
    for (i = 0; i < out->n_norms; i++) {
        ok = ok && to_number(json_array_get(norms, i), &values[i]);
    }
    out->gradient_norms = values;
    return ok;
}

static bool get_point(const json_t *json, struct runner_point *out)
{
    bool ok = true;

    if (json_is_null(json)) {
        return true;
    }
    POINT_COUNTS(GET_COUNT)
    POINT_NUMBERS(GET_NUMBER)
    return ok && out->epoch > 0 && get_norms(json_object_get(json, "gradient_norms"), out);
}

static bool get_progress(const json_t *json, struct pool_progress *out)
{
    bool ok = true;

    PROGRESS_COUNTS(GET_COUNT)
    PROGRESS_NUMBERS(GET_NUMBER)
    if (json_object_get(json, "spark") != NULL) { /* an older checkpoint has none */
        ok = ok && spark_from_json(json_object_get(json, "spark"), &out->spark);
    }
    return ok;
}

static bool get_first(const json_t *json, struct mlp_result *out)
{
    size_t stopped_by = 0;
    bool ok = true;

    if (json == NULL) {
        return true;
    }
    FIRST_COUNTS(GET_COUNT)
    FIRST_NUMBERS(GET_NUMBER)
    ok = ok && get_count(json, "stopped_by", &stopped_by) && stopped_by <= MLP_BY_CONVERGENCE;
    out->stopped_by = (enum mlp_stop)stopped_by;
    return ok && out->epochs > 0 && out->best_epoch > 0;
}

static bool get_notes(const json_t *json, struct runner_notes *out)
{
    size_t version = 0;
    bool ok = get_count(json, "version", &version) && version == VERSION;

    NOTES_COUNTS(GET_COUNT)
    NOTES_NUMBERS(GET_NUMBER)
    return ok && isfinite(out->elapsed_seconds) && isfinite(out->seconds) &&
           get_progress(json_object_get(json, "progress"), &out->progress) &&
           get_point(json_object_get(json, "best"), &out->best) &&
           get_point(json_object_get(json, "last"), &out->last) &&
           get_first(json_object_get(json, "first"), &out->first);
}

int runner_notes_read(const char *text, struct runner_notes *out, struct err *err)
{
    struct runner_notes notes = {.progress = POOL_PROGRESS_INIT};
    json_t *root = NULL;
    bool ok;

    if (json_util_parse(text, strlen(text), JSON_UTIL_FEW, &root, err) != 0) {
        return -1;
    }
    ok = get_notes(root, &notes);
    json_decref(root);
    if (!ok) {
        runner_notes_fini(&notes);
        return err_set(err, ERR_CORRUPT, "these notes are another version's");
    }
    *out = notes;
    return 0;
}

void runner_notes_fini(struct runner_notes *notes)
{
    runner_point_fini(&notes->best);
    runner_point_fini(&notes->last);
}

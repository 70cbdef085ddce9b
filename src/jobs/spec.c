/* A training job's description: its memory, and which columns it names; see spec.h.
 *
 * Any thread; a spec belongs to one at a time.
 */
#include "jobs/spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "jobs/json_util.h"

static void free_texts(char **texts, size_t n)
{
    size_t i;

    for (i = 0; texts != NULL && i < n; i++) {
        free(texts[i]);
    }
    free(texts);
}

void job_spec_fini(struct job_spec *spec)
{
    free(spec->name);
    free_texts(spec->targets, spec->n_targets);
    free(spec->target_rule);
    free_texts(spec->exclude, spec->n_exclude);
    free(spec->split_column);
    free(spec->hidden);
    free_texts(spec->metrics, spec->n_metrics);
    *spec = (struct job_spec){.name = NULL};
}

/* Mark the column called `name`; what is missing goes to `err` with the nearest name. */
static ptrdiff_t find(const struct dataset *ds, const char *name, const char *pointer,
                      struct err *err)
{
    ptrdiff_t column = dataset_find(ds, name);
    char shown[JSON_UTIL_SHOWN], near[JSON_UTIL_SHOWN];
    const char *nearest;

    if (column >= 0) {
        return column;
    }
    nearest = text_nearest(name, dataset_names(ds), dataset_n_columns(ds));
    json_util_shown(name, shown);
    if (nearest != NULL) {
        err_add(err, pointer, "the dataset has no column \"%s\", did you mean \"%s\"?", shown,
                json_util_shown(nearest, near));
    } else {
        err_add(err, pointer, "the dataset has no column \"%s\"", shown);
    }
    return -1;
}

int job_spec_columns(const struct job_spec *spec, const struct dataset *ds, size_t **features,
                     size_t *n_features, size_t **targets, struct err *err)
{
    size_t n = dataset_n_columns(ds), i, kept = 0;
    bool *out = xcalloc(n > 0 ? n : 1, sizeof *out); /* columns that are not features */
    size_t *f = xcalloc(n > 0 ? n : 1, sizeof *f);
    size_t *t = xcalloc(spec->n_targets > 0 ? spec->n_targets : 1, sizeof *t);
    struct err problems = ERR_INIT;
    ptrdiff_t at;

    for (i = 0; i < spec->n_targets; i++) {
        char *pointer =
            spec->n_targets == 1 ? xstrdup("/data/target") : xasprintf("/data/target/%zu", i);

        at = find(ds, spec->targets[i], pointer, &problems);
        if (at >= 0) {
            t[i] = (size_t)at;
            out[at] = true;
        }
        free(pointer);
    }
    for (i = 0; i < spec->n_exclude; i++) {
        char *pointer = xasprintf("/data/exclude/%zu", i);

        at = find(ds, spec->exclude[i], pointer, &problems);
        if (at >= 0) {
            out[at] = true;
        }
        free(pointer);
    }
    if (spec->split_column != NULL) {
        at = find(ds, spec->split_column, "/data/split/column", &problems);
        if (at >= 0) {
            out[at] = true;
        }
    }
    for (i = 0; i < n; i++) {
        if (!out[i]) {
            f[kept++] = i;
        }
    }
    free(out);
    if (!err_is(&problems) && kept == 0) {
        err_add(&problems, "/data", "no column is left to learn from");
    }
    if (err_is(&problems)) {
        err_move(err, &problems);
        free(f);
        free(t);
        return -1;
    }
    *features = f;
    *n_features = kept;
    *targets = t;
    return 0;
}

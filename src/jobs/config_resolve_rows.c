/* Which rows of its dataset a job uses, and which part they go to: filter, split and sampling.
 *
 * A filter changes what the columns look like: a class may be gone, a missing cell, a negative
 * number. So whatever else is resolved asks for a column with resolver_column, which looks at the
 * rows that are left.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_resolve.h"
#include "jobs/json_util.h"

#define SPLIT_ROWS     50 /* fewer rows all train, unless a split is asked for */
#define SPLIT_FRACTION 0.15

/* ---- filter --------------------------------------------------------------------------- */

const struct dataset_column *resolver_column(const struct resolver *r, size_t column)
{
    struct err err = ERR_INIT;

    if (r->spec->keep == NULL) {
        return dataset_column(r->ds, column);
    }
    if (r->left[column] == NULL &&
        filter_column(r->ds, column, r->spec->keep, &r->left[column], &err) != 0) {
        if (!err_is(r->err)) {
            err_move(r->err, &err);
        }
        err_fini(&err);
        return dataset_column(r->ds, column);
    }
    return r->left[column];
}

/* Too few rows are left: which condition is to blame? */
static void refuse_rows(const struct resolver *r, const uint64_t *alone, uint64_t dropped)
{
    const struct job_spec *spec = r->spec;
    struct buf why = BUF_INIT;
    size_t i;

    for (i = 0; i < spec->filter.n; i++) {
        buf_printf(&why, "%s%llu", i == 0 ? "; alone the conditions keep " : ", ",
                   (unsigned long long)alone[i]);
    }
    if (dropped > 0) {
        buf_printf(&why, "; %llu have no target", (unsigned long long)dropped);
    }
    err_add(r->err, spec->filter.n > 0 ? "/data/filter" : "/data/missing_target",
            "%zu of %llu rows %s left, and a job needs 2 at least%s", spec->n_kept,
            (unsigned long long)dataset_rows(r->ds), spec->n_kept == 1 ? "is" : "are",
            why.len > 0 ? why.data : "");
    buf_fini(&why);
}

static int drop_without_target(struct resolver *r, uint64_t *dropped)
{
    uint64_t n;
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        if (filter_missing(r->ds, r->targets[i], r->spec->keep, &n, r->err) != 0) {
            return -1;
        }
        *dropped += n;
    }
    return 0;
}

static int apply_filter(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    size_t rows = (size_t)dataset_rows(r->ds), i;
    uint64_t *alone = xcalloc(spec->filter.n + 1, sizeof *alone), dropped = 0;
    int rc = 0;

    spec->keep = mem_try_alloc(rows, 1);
    if (spec->keep == NULL) {
        free(alone);
        return err_set(r->err, ERR_NO_MEMORY, "not enough memory to filter the rows");
    }
    memset(spec->keep, 1, rows);
    if (filter_rows(&spec->filter, r->ds, spec->keep, alone, r->err) != 0 ||
        (spec->drop_without_target && drop_without_target(r, &dropped) != 0)) {
        rc = -1;
    }
    for (i = 0, spec->n_kept = 0; i < rows; i++) {
        spec->n_kept += spec->keep[i];
    }
    if (rc == 0 && spec->n_kept < 2) {
        refuse_rows(r, alone, dropped);
        rc = -1;
    } else if (rc == 0 && spec->filter.n > 0) {
        preset_why(r, "data.filter", "%zu of %zu rows meet all conditions%s",
                   spec->n_kept + (size_t)dropped, rows,
                   dropped > 0 ? ", before data.missing_target" : "");
    }
    if (rc == 0 && dropped > 0) {
        preset_why(r, "data.missing_target", "%llu of %zu rows have no target and are left out",
                   (unsigned long long)dropped, spec->n_kept + (size_t)dropped);
    }
    free(alone);
    return rc;
}

int resolve_filter(struct resolver *r)
{
    struct job_spec *spec = r->spec;

    spec->n_kept = (size_t)dataset_rows(r->ds);
    spec->drop_without_target =
        config_choice(r->config, KEY_MISSING_TARGET, CONFIG_TARGET_ERROR) == CONFIG_TARGET_DROP;
    if (config_read_filter(r->config, &spec->filter, r->err) != 0 ||
        filter_check(&spec->filter, r->ds, "/data/filter", r->err) != 0) {
        return -1;
    }
    r->left = xcalloc(dataset_n_columns(r->ds) + 1, sizeof *r->left);
    return spec->filter.n > 0 || spec->drop_without_target ? apply_filter(r) : 0;
}

void resolve_filter_end(struct resolver *r)
{
    size_t i;

    for (i = 0; r->left != NULL && i < dataset_n_columns(r->ds); i++) {
        filter_column_free(&r->left[i]);
    }
    free(r->left);
}

/* ---- split ----------------------------------------------------------------------------- */

/* Who says which row goes where: one key at most. */
void resolve_split_way(struct resolver *r)
{
    static const enum config_id keys[] = {
        [SPLIT_COLUMN] = KEY_COLUMN, [SPLIT_GROUP] = KEY_GROUP, [SPLIT_TIME] = KEY_TIME};
    const struct config *c = r->config;
    enum split_way way;
    size_t p;

    for (way = SPLIT_COLUMN; way <= SPLIT_TIME; way++) {
        if (config_has(c, keys[way])) {
            r->spec->split_way = way;
            r->spec->split_column = xstrdup(config_text_at(c, keys[way], 0));
        }
    }
    if (!config_has(c, KEY_RANGES)) {
        return;
    }
    r->spec->split_way = SPLIT_RANGES;
    config_check_ranges(c, dataset_rows(r->ds), r->err);
    for (p = 0; p < SPLIT_PARTS; p++) {
        size_t n = c->n_ranges[p];

        r->spec->n_ranges[p] = n;
        r->spec->ranges[p] = n > 0 ? xcalloc(n, sizeof *r->spec->ranges[p]) : NULL;
        if (n > 0) {
            memcpy(r->spec->ranges[p], c->ranges[p], n * sizeof *c->ranges[p]);
        }
    }
}

void resolve_split(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    const json_t *stratify = c->values[KEY_STRATIFY].json;
    bool off = c->values[KEY_SPLIT].given && !config_has(c, KEY_SPLIT);
    double usual = off || r->spec->n_kept < SPLIT_ROWS ? 0 : SPLIT_FRACTION;
    bool together = spec->split_way == SPLIT_GROUP || spec->split_way == SPLIT_TIME, fractions;

    if (spec->split_way == SPLIT_COLUMN || spec->split_way == SPLIT_RANGES) {
        return; /* that says it all */
    }
    usual = together ? SPLIT_FRACTION : usual;
    spec->validation = config_number(c, KEY_VALIDATION, r->validation != NULL ? 0 : usual);
    spec->test = config_number(c, KEY_TEST, r->test != NULL ? 0 : usual);
    if (spec->validation + spec->test >= 1) {
        err_add(r->err, "/data/split",
                "validation %g and test %g leave no rows to train on (the default of each is %g)",
                spec->validation, spec->test, SPLIT_FRACTION);
    }
    fractions = spec->validation + spec->test > 0;
    spec->stratify_asked = json_is_true(stratify);
    spec->stratify = spec->classes && fractions && !json_is_false(stratify) && !together;
    if (spec->stratify_asked && !spec->classes) {
        err_add(r->err, "/data/split/stratify", "is for classes, and the target is numbers");
    }
}

/* ---- sampling ------------------------------------------------------------------------------ */

void resolve_sampling(struct resolver *r)
{
    struct job_spec *spec = r->spec;

    spec->sampling =
        (enum sample_kind)config_choice(r->config, KEY_SAMPLING_TYPE, SAMPLE_NONE);
    spec->sampling_ratio = config_number(r->config, KEY_SAMPLING_RATIO, 1);
    if (spec->sampling != SAMPLE_NONE && !spec->classes) {
        err_add(r->err, "/data/sampling", "is for classes, and the target is numbers");
        spec->sampling = SAMPLE_NONE;
    }
}

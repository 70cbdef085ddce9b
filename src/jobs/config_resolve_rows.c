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

/* As it is in the rows that are kept; looked at once. */
static const struct dataset_column *look(const struct resolver *r, const struct dataset *ds,
                                         size_t column, const uint8_t *keep,
                                         struct dataset_column **left)
{
    struct err err = ERR_INIT;

    if (keep == NULL) {
        return dataset_column(ds, column);
    }
    if (left[column] == NULL && filter_column(ds, column, keep, &left[column], &err) != 0) {
        if (!err_is(r->err)) {
            err_move(r->err, &err);
        }
        err_fini(&err);
        return dataset_column(ds, column);
    }
    return left[column];
}

const struct dataset_column *resolver_column(const struct resolver *r, size_t column)
{
    return look(r, r->ds, column, r->spec->keep, r->left);
}

const struct dataset_column *resolver_column_in(const struct resolver *r, const struct dataset *ds,
                                                size_t column)
{
    enum split_part part = ds == r->validation ? SPLIT_VALIDATION : SPLIT_TEST;

    return ds == r->ds ? resolver_column(r, column)
                       : look(r, ds, column, r->spec->keep_of[part], r->left_of[part]);
}

/* Too few rows are left: which condition is to blame? */
static void refuse_rows(const struct resolver *r, const struct dataset *ds, const char *pointer,
                        size_t kept, const uint64_t *alone, uint64_t dropped)
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
    err_add(r->err, pointer, "%zu of %llu rows %s left%s, and a job needs %s%s", kept,
            (unsigned long long)dataset_rows(ds), kept == 1 ? "is" : "are",
            ds == r->ds ? "" : " by data.filter and data.missing_target",
            ds == r->ds ? "2 at least" : "one at least", why.len > 0 ? why.data : "");
    buf_fini(&why);
}

static int drop_without_target(const struct resolver *r, const struct dataset *ds, uint8_t *keep,
                               uint64_t *dropped)
{
    uint64_t n;
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        ptrdiff_t column = dataset_find(ds, r->spec->targets[i]);

        if (column >= 0 && filter_missing(ds, (size_t)column, keep, &n, r->err) != 0) {
            return -1;
        }
        *dropped += column >= 0 ? n : 0;
    }
    return 0;
}

/* Which rows of the dataset are left: *keep is the spec's. `key`: its key below "data". */
static int apply_filter(struct resolver *r, const struct dataset *ds, const char *key,
                        uint8_t **keep, size_t *n_kept)
{
    const struct job_spec *spec = r->spec;
    size_t rows = (size_t)dataset_rows(ds), i;
    uint64_t *alone = xcalloc(spec->filter.n + 1, sizeof *alone), dropped = 0;
    char *pointer = xasprintf("/data/%s", key);
    int rc = 0;

    *keep = mem_try_alloc(rows, 1);
    if (*keep == NULL) {
        free(alone);
        free(pointer);
        return err_set(r->err, ERR_NO_MEMORY, "not enough memory to filter the rows");
    }
    memset(*keep, 1, rows);
    if (filter_rows(&spec->filter, ds, *keep, alone, r->err) != 0 ||
        (spec->drop_without_target && drop_without_target(r, ds, *keep, &dropped) != 0)) {
        rc = -1;
    }
    for (i = 0, *n_kept = 0; i < rows; i++) {
        *n_kept += (*keep)[i];
    }
    if (rc == 0 && *n_kept < (ds == r->ds ? 2 : 1)) {
        refuse_rows(r, ds, pointer, *n_kept, alone, dropped);
        rc = -1;
    }
    free(alone);
    free(pointer);
    if (rc == 0 && ds != r->ds && *n_kept < rows) {
        char *path = xasprintf("data.split.%s", strrchr(key, '/') + 1);

        preset_why(r, path, "%zu of %zu rows are left by data.filter and data.missing_target",
                   *n_kept, rows);
        free(path);
    } else if (rc == 0 && ds == r->ds && spec->filter.n > 0) {
        preset_why(r, "data.filter", "%zu of %zu rows meet all conditions%s",
                   *n_kept + (size_t)dropped, rows,
                   dropped > 0 ? ", before data.missing_target" : "");
    }
    if (rc == 0 && ds == r->ds && dropped > 0) {
        preset_why(r, "data.missing_target", "%llu of %zu rows have no target and are left out",
                   (unsigned long long)dropped, *n_kept + (size_t)dropped);
    }
    return rc;
}

/* Another dataset that validates or tests: the conditions must fit it as well. */
static int filter_other(struct resolver *r, const struct dataset *other, enum split_part part)
{
    const char *key =
        part == SPLIT_VALIDATION ? "split/validation_dataset" : "split/test_dataset";
    char *pointer = xasprintf("/data/%s", key);
    struct err problems = ERR_INIT;
    size_t i;
    int rc = filter_check(&r->spec->filter, other, "", &problems);

    for (i = 0; i < problems.n_items; i++) {
        err_add(r->err, pointer, "data.filter does not fit it: %s", problems.items[i].detail);
    }
    err_fini(&problems);
    free(pointer);
    r->left_of[part] = xcalloc(dataset_n_columns(other) + 1, sizeof *r->left_of[part]);
    return rc == 0 ? apply_filter(r, other, key, &r->spec->keep_of[part],
                                  &r->spec->n_kept_of[part])
                   : -1;
}

int resolve_filter(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    int rc;

    spec->n_kept = (size_t)dataset_rows(r->ds);
    spec->drop_without_target =
        config_choice(r->config, KEY_MISSING_TARGET, CONFIG_TARGET_ERROR) == CONFIG_TARGET_DROP;
    if (config_read_filter(r->config, &spec->filter, r->err) != 0 ||
        filter_check(&spec->filter, r->ds, "/data/filter", r->err) != 0) {
        return -1;
    }
    r->left = xcalloc(dataset_n_columns(r->ds) + 1, sizeof *r->left);
    if (spec->filter.n == 0 && !spec->drop_without_target) {
        return 0;
    }
    rc = apply_filter(r, r->ds, spec->filter.n > 0 ? "filter" : "missing_target", &spec->keep,
                      &spec->n_kept);
    if (r->validation != NULL) {
        rc |= filter_other(r, r->validation, SPLIT_VALIDATION);
    }
    if (r->test != NULL) {
        rc |= filter_other(r, r->test, SPLIT_TEST);
    }
    return rc;
}

static void free_left(struct dataset_column **left, const struct dataset *ds)
{
    size_t i;

    for (i = 0; left != NULL && i < dataset_n_columns(ds); i++) {
        filter_column_free(&left[i]);
    }
    free(left);
}

void resolve_filter_end(struct resolver *r)
{
    free_left(r->left, r->ds);
    free_left(r->left_of[SPLIT_VALIDATION], r->validation);
    free_left(r->left_of[SPLIT_TEST], r->test);
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

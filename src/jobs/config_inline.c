/* Rows that came inside the job: x, y and features, checked cell by cell and written as a
 * dataset file.
 *
 * A column of x is numeric or categorical by its first cell that is not null; a null is a
 * missing cell. y is a number, a text or a boolean a row (booleans are the classes "true"
 * and "false"), or an array of numbers a row. The checks stop after ERR_MAX_ITEMS problems:
 * four million wrong cells are not worth four million sentences.
 *
 * Borrowed: x and y live in the config's tree.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

#define DESCRIBED (JSON_UTIL_SHOWN + 8)

struct inline_rows {
    const json_t *x, *y;
    size_t rows, n_features, n_targets;
    bool y_arrays;
    char **names;            /* [n_features + n_targets], owned */
    enum column_type *types; /* [n_features + n_targets] */
    bool *seen;              /* [n_features + n_targets]: a cell has decided the type */
};

void config_inline_free(struct inline_rows **rows)
{
    struct inline_rows *r = *rows;
    size_t i;

    if (r == NULL) {
        return;
    }
    for (i = 0; r->names != NULL && i < r->n_features + r->n_targets; i++) {
        free(r->names[i]);
    }
    free(r->names);
    free(r->types);
    free(r->seen);
    free(r);
    *rows = NULL;
}

size_t config_inline_n_targets(const struct inline_rows *rows)
{
    return rows->n_targets;
}

const char *config_inline_target(const struct inline_rows *rows, size_t target)
{
    return rows->names[rows->n_features + target];
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

PRINTF(4, 5)
static void refuse_cell(struct err *err, const char *array, const size_t place[2], const char *fmt,
                        ...)
{
    struct buf pointer = BUF_INIT;
    char *detail;
    va_list ap;

    buf_printf(&pointer, "/data/%s", array);
    if (place != NULL && place[0] != SIZE_MAX) {
        json_util_pointer_index(&pointer, place[0]);
    }
    if (place != NULL && place[1] != SIZE_MAX) {
        json_util_pointer_index(&pointer, place[1]);
    }
    va_start(ap, fmt);
    detail = xvasprintf(fmt, ap);
    va_end(ap);
    err_add(err, pointer.data, "%s", detail);
    free(detail);
    buf_fini(&pointer);
}

/* ---- shapes ------------------------------------------------------------------ */

/* The two arrays and how wide their rows are. */
static bool read_shape(struct inline_rows *r, struct err *err)
{
    const json_t *first_x, *first_y;
    char got[DESCRIBED];

    if (json_array_size(r->x) == 0) {
        refuse_cell(err, "x", NULL, "must be an array of rows, one at least, got %s",
                    json_util_describe(r->x, got));
    }
    if (json_array_size(r->y) == 0) {
        refuse_cell(err, "y", NULL, "must be an array of targets, one for each row of x, got %s",
                    json_util_describe(r->y, got));
    }
    if (err_is(err)) {
        return false;
    }
    r->rows = json_array_size(r->x);
    first_x = json_array_get(r->x, 0);
    first_y = json_array_get(r->y, 0);
    r->n_features = json_array_size(first_x);
    r->y_arrays = json_is_array(first_y);
    r->n_targets = r->y_arrays ? json_array_size(first_y) : 1;
    if (r->n_features == 0) {
        refuse_cell(err, "x", (size_t[]){0, SIZE_MAX},
                    "must be a row: an array of values, one at least, got %s",
                    json_util_describe(first_x, got));
    }
    if (r->n_targets == 0 || r->n_targets > CONFIG_MAX_TARGETS) {
        refuse_cell(err, "y", (size_t[]){0, SIZE_MAX}, "must have 1 to %d targets, has %zu",
                    CONFIG_MAX_TARGETS, r->n_targets);
    }
    if (r->n_features + r->n_targets > DATASET_MAX_COLUMNS) {
        refuse_cell(err, "x", (size_t[]){0, SIZE_MAX}, "has %zu values, the limit is %d",
                    r->n_features, DATASET_MAX_COLUMNS - (int)r->n_targets);
    }
    if (json_array_size(r->y) != r->rows) {
        refuse_cell(err, "y", NULL, "has %zu value%s, and x has %zu row%s", json_array_size(r->y),
                    plural(json_array_size(r->y)), r->rows, plural(r->rows));
    }
    return !err_is(err);
}

/* ---- cells ------------------------------------------------------------------- */

static bool is_text(const json_t *cell)
{
    return json_is_string(cell) || json_is_boolean(cell);
}

/* One cell of `column` (targets behind the features). `wants` says what it may be. */
static void read_cell(struct inline_rows *r, const json_t *cell, size_t column, const char *array,
                      const size_t place[2], struct err *err)
{
    char got[DESCRIBED];
    bool target = column >= r->n_features;
    bool numbers_only = target && r->y_arrays;
    bool known = json_is_number(cell) || json_is_string(cell) || (target && json_is_boolean(cell));

    if (json_is_null(cell) && !target) {
        return;
    }
    if (json_is_null(cell)) {
        refuse_cell(err, array, place, "is missing: every row needs its target, or must be left out");
    } else if (!known || (numbers_only && !json_is_number(cell))) {
        refuse_cell(err, array, place, "must be a number%s, got %s",
                    numbers_only ? ""
                    : target     ? ", a text, true or false"
                                 : ", a text or null",
                    json_util_describe(cell, got));
    } else if (!r->seen[column]) {
        r->seen[column] = true;
        r->types[column] = is_text(cell) ? COLUMN_CATEGORICAL : COLUMN_NUMERIC;
    } else if (is_text(cell) != (r->types[column] == COLUMN_CATEGORICAL)) {
        refuse_cell(err, array, place, "must be a %s as in the rows before, got %s",
                    is_text(cell) ? "number" : "text", json_util_describe(cell, got));
    }
}

static void read_x(struct inline_rows *r, struct err *err)
{
    size_t i, k;

    for (i = 0; i < r->rows && !err_full(err); i++) {
        const json_t *row = json_array_get(r->x, i);
        char got[DESCRIBED];

        if (!json_is_array(row)) {
            refuse_cell(err, "x", (size_t[]){i, SIZE_MAX}, "must be an array of values, got %s",
                        json_util_describe(row, got));
        } else if (json_array_size(row) != r->n_features) {
            refuse_cell(err, "x", (size_t[]){i, SIZE_MAX}, "has %zu value%s, the first row has %zu",
                        json_array_size(row), plural(json_array_size(row)), r->n_features);
        } else {
            for (k = 0; k < r->n_features && !err_full(err); k++) {
                read_cell(r, json_array_get(row, k), k, "x", (size_t[]){i, k}, err);
            }
        }
    }
}

static void read_y(struct inline_rows *r, struct err *err)
{
    size_t i, k;

    for (i = 0; i < r->rows && !err_full(err); i++) {
        const json_t *item = json_array_get(r->y, i);
        char got[DESCRIBED];

        if (!r->y_arrays) {
            read_cell(r, item, r->n_features, "y", (size_t[]){i, SIZE_MAX}, err);
        } else if (!json_is_array(item)) {
            refuse_cell(err, "y", (size_t[]){i, SIZE_MAX},
                        "must be an array of numbers as in the first row, got %s",
                        json_util_describe(item, got));
        } else if (json_array_size(item) != r->n_targets) {
            refuse_cell(err, "y", (size_t[]){i, SIZE_MAX},
                        "has %zu target%s, the first row has %zu", json_array_size(item),
                        plural(json_array_size(item)), r->n_targets);
        } else {
            for (k = 0; k < r->n_targets && !err_full(err); k++) {
                read_cell(r, json_array_get(item, k), r->n_features + k, "y", (size_t[]){i, k},
                          err);
            }
        }
    }
}

/* ---- names ------------------------------------------------------------------- */

static void check_name(const char *name, const char *array, const size_t place[2], struct err *err)
{
    if (name[0] == '\0' || strlen(name) > DATASET_MAX_NAME) {
        refuse_cell(err, array, place, "must be a name of 1 to %d bytes", DATASET_MAX_NAME);
    }
}

static void read_names(struct inline_rows *r, const struct config *config, struct err *err)
{
    bool features = config_has(config, KEY_FEATURES), targets = config_has(config, KEY_TARGET);
    size_t given = config_n_texts(config, KEY_TARGET), i;
    json_t *taken = json_object();

    CHK(taken != NULL);
    if (features && config_n_texts(config, KEY_FEATURES) != r->n_features) {
        refuse_cell(err, "features", NULL, "has %zu name%s, and the rows of x have %zu value%s",
                    config_n_texts(config, KEY_FEATURES),
                    plural(config_n_texts(config, KEY_FEATURES)), r->n_features,
                    plural(r->n_features));
        features = false;
    }
    if (targets && given != r->n_targets) {
        refuse_cell(err, "target", NULL, "has %zu name%s, and y has %zu target%s a row", given,
                    plural(given), r->n_targets, plural(r->n_targets));
        targets = false;
    }
    for (i = 0; i < r->n_targets; i++) {
        char *name = targets             ? xstrdup(config_text_at(config, KEY_TARGET, i))
                     : r->n_targets == 1 ? xstrdup("y")
                                         : xasprintf("y%zu", i + 1);

        check_name(name, "target", NULL, err);
        CHK(json_object_set_new(taken, name, json_true()) == 0);
        r->names[r->n_features + i] = name;
    }
    for (i = 0; i < r->n_features; i++) {
        size_t place[2] = {i, SIZE_MAX};

        r->names[i] =
            features ? xstrdup(config_text_at(config, KEY_FEATURES, i)) : xasprintf("x%zu", i + 1);
        check_name(r->names[i], "features", place, err);
        if (json_object_get(taken, r->names[i]) != NULL) {
            char shown[JSON_UTIL_SHOWN];

            refuse_cell(err, features ? "features" : "target", features ? place : NULL,
                        "\"%s\" names a feature and a target%s",
                        json_util_shown(r->names[i], shown),
                        targets ? "" : "; give the target another name with \"target\"");
        }
    }
    json_decref(taken);
}

struct inline_rows *config_inline_read(const struct config *config, struct err *err)
{
    struct inline_rows *r = xcalloc(1, sizeof *r);
    struct err problems = ERR_INIT;
    size_t n, i;

    r->x = config->values[KEY_X].json;
    r->y = config->values[KEY_Y].json;
    if (read_shape(r, &problems)) {
        n = r->n_features + r->n_targets;
        r->names = xcalloc(n, sizeof *r->names);
        r->types = xcalloc(n, sizeof *r->types);
        r->seen = xcalloc(n, sizeof *r->seen);
        read_names(r, config, &problems);
        read_x(r, &problems);
        read_y(r, &problems);
    }
    if (!err_is(&problems)) {
        return r;
    }
    for (i = 0; i < problems.n_items; i++) {
        err_add(err, problems.items[i].pointer, "%s", problems.items[i].detail);
    }
    err_fini(&problems);
    config_inline_free(&r);
    return NULL;
}

/* ---- the dataset -------------------------------------------------------------- */

static int write_cell(struct dataset_writer *w, const json_t *cell, enum column_type type,
                      struct err *err)
{
    const char *text = json_is_true(cell)    ? "true"
                       : json_is_false(cell) ? "false"
                                             : json_string_value(cell);

    if (type == COLUMN_NUMERIC) {
        return dataset_writer_number(w, json_is_null(cell) ? (double)NAN : json_number_value(cell),
                                     err);
    }
    return dataset_writer_text(w, text, text != NULL ? strlen(text) : 0, err);
}

static int write_row(const struct inline_rows *r, struct dataset_writer *w, size_t row,
                     struct err *err)
{
    const json_t *x = json_array_get(r->x, row), *y = json_array_get(r->y, row);
    size_t k;

    for (k = 0; k < r->n_features; k++) {
        if (write_cell(w, json_array_get(x, k), r->types[k], err) != 0) {
            return -1;
        }
    }
    for (k = 0; k < r->n_targets; k++) {
        if (write_cell(w, r->y_arrays ? json_array_get(y, k) : y, r->types[r->n_features + k],
                       err) != 0) {
            return -1;
        }
    }
    return 0;
}

int config_write_inline(const struct config *config, const char *dir, struct dataset_summary *out,
                        struct err *err)
{
    const struct inline_rows *r = config->rows;
    struct dataset_writer *w = NULL;
    size_t i;

    CHK_OBJ(config, CONFIG_MAGIC);
    CHK(r != NULL);
    if (dataset_writer_new(dir, r->n_features + r->n_targets, (const char *const *)r->names,
                           r->types, &w, err) != 0) {
        return -1;
    }
    for (i = 0; i < r->rows; i++) {
        if (write_row(r, w, i, err) != 0) {
            dataset_writer_abort(&w);
            return -1;
        }
    }
    return dataset_writer_finish(&w, out, err);
}

/* Rows from a client for a model; see rows.h. Any thread, all local. */
#include "http/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "jobs/judge.h"
#include "jobs/json_util.h"

size_t rows_limit(size_t n_inputs)
{
    size_t by_bytes = ROWS_MOST_BYTES / (n_inputs * sizeof(float));

    return by_bytes == 0 ? 1 : by_bytes < ROWS_MOST ? by_bytes : ROWS_MOST;
}

void rows_init(struct rows *rows, const struct encoder *encoder, const struct mlp_spec *spec,
               bool labelled)
{
    size_t n_features = encoder_n_features(encoder), n_targets = encoder_n_targets(encoder), i;

    *rows = (struct rows){.encoder = encoder, .spec = spec, .labelled = labelled};
    rows->limit = rows_limit(encoder_n_inputs(encoder));
    rows->n_inputs = n_features + (encoder_offset(encoder) != NULL);
    rows->n_columns = rows->n_inputs + (labelled ? n_targets : 0);
    rows->names = xcalloc(rows->n_columns, sizeof *rows->names);
    rows->cells = xcalloc(rows->n_columns, sizeof *rows->cells);
    for (i = 0; i < rows->n_columns; i++) {
        rows->names[i] = i < n_features       ? encoder_feature_name(encoder, i)
                         : i < rows->n_inputs ? encoder_offset(encoder)
                                              : encoder_target_name(encoder, i - rows->n_inputs);
    }
}

void rows_fini(struct rows *rows)
{
    free(rows->x);
    free(rows->labels);
    free(rows->targets);
    free(rows->offset);
    free(rows->names);
    free(rows->cells);
    *rows = (struct rows){.n = 0};
}

/* floats or labels: both have four bytes. */
_Static_assert(sizeof(float) == sizeof(uint32_t), "resize resized is for both");

/* NULL, and the old one stays, without memory. */
static void *resized(void *array, size_t rows, size_t width)
{
    size_t bytes;

    return mem_mul(rows, width, &bytes) && mem_mul(bytes, sizeof(float), &bytes)
               ? realloc(array, bytes)
               : NULL;
}

/* Room for one row more, doubling. */
static int grow(struct rows *rows, struct err *err)
{
    size_t n_inputs = encoder_n_inputs(rows->encoder), room;
    void *x, *labels = NULL, *targets = NULL, *offset = NULL;
    bool has_offset = encoder_offset(rows->encoder) != NULL;

    if (rows->n == rows->limit) {
        return err_set(err, ERR_TOO_LARGE, "at most %zu rows of this model in one request",
                       rows->limit);
    }
    if (rows->n < rows->room) {
        return 0;
    }
    room = rows->room == 0 ? 16 : rows->room * 2;
    room = room < rows->limit ? room : rows->limit;
    x = resized(rows->x, room, n_inputs);
    rows->x = x != NULL ? x : rows->x;
    if (has_offset) {
        offset = resized(rows->offset, room, 1);
        rows->offset = offset != NULL ? offset : rows->offset;
    }
    if (rows->labelled) {
        labels = resized(rows->labels, room, 1);
        rows->labels = labels != NULL ? labels : rows->labels;
        targets = resized(rows->targets, room, rows->spec->n_outputs);
        rows->targets = targets != NULL ? targets : rows->targets;
    }
    if (x == NULL || (has_offset && offset == NULL) ||
        (rows->labelled && (labels == NULL || targets == NULL))) {
        return err_set(err, ERR_NO_MEMORY, "no memory for these rows");
    }
    rows->room = room;
    return 0;
}

/* ---- the truth of a labelled row ---- */

/* "<pointer>/<name>"; caller frees. */
static char *place(const char *pointer, const char *name)
{
    struct buf buf = BUF_INIT;

    buf_puts(&buf, pointer);
    json_util_pointer(&buf, name);
    return buf_take(&buf);
}

static int problem(struct err *err, const char *pointer, const char *name, const char *detail)
{
    char *where = place(pointer, name);

    (void)err_add(err, where, "%s", detail);
    free(where);
    return -1;
}

static int take_class(struct rows *rows, const struct encoder_cell *cell, const char *pointer,
                      struct err *err)
{
    const char *name = encoder_target_name(rows->encoder, 0);
    struct buf number = BUF_INIT;
    ptrdiff_t class_index;
    char *detail;

    if (cell->told) {
        return -1;
    }
    if (encoder_is_missing(rows->encoder, cell, false)) {
        return problem(err, pointer, name, "is missing, and it is the target");
    }
    if (cell->text == NULL) {
        json_util_number(&number, cell->number);
    }
    class_index = encoder_class_find(rows->encoder, cell->text != NULL ? cell->text : number.data);
    if (class_index < 0) {
        detail = xasprintf("\"%.64s\" is no class of this model",
                           cell->text != NULL ? cell->text : number.data);
        (void)problem(err, pointer, name, detail);
        free(detail);
    } else {
        rows->labels[rows->n] = (uint32_t)class_index;
        if (rows->spec->output != MLP_OUT_SOFTMAX) {
            rows->targets[rows->n] = (float)class_index; /* one sigmoid column: 0 or 1 */
        }
    }
    buf_fini(&number);
    return class_index < 0 ? -1 : 0;
}

static int take_number(struct rows *rows, size_t target, const struct encoder_cell *cell,
                       const char *pointer, struct err *err)
{
    bool missing = encoder_is_missing(rows->encoder, cell, true);
    double value = cell->number;
    float y;

    if (cell->told) {
        return -1;
    }
    if (missing || !encoder_target_number(rows->encoder, target, cell, &value)) {
        return problem(err, pointer, encoder_target_name(rows->encoder, target),
                       missing ? "is missing, and it is a target" : "must be a number");
    }
    if (!encoder_encode_target(rows->encoder, target, value, &y)) {
        return problem(err, pointer, encoder_target_name(rows->encoder, target),
                       "is too large for this model");
    }
    if (judge_kind(rows->spec->loss, false) != MLP_OF_NUMBERS && (y < 0 || y > 1)) {
        return problem(err, pointer, encoder_target_name(rows->encoder, target),
                       "must be from 0 to 1");
    }
    rows->targets[rows->n * rows->spec->n_outputs + target] = y;
    return 0;
}

static int take_truth(struct rows *rows, const char *pointer, struct err *err)
{
    const struct encoder_cell *cells = rows->cells + rows->n_inputs;
    size_t i;
    int rc = 0;

    if (encoder_is_classes(rows->encoder)) {
        return take_class(rows, cells, pointer, err);
    }
    for (i = 0; i < encoder_n_targets(rows->encoder); i++) {
        if (take_number(rows, i, &cells[i], pointer, err) != 0) {
            rc = -1;
        }
    }
    return rc;
}

/* The offset is in the target's units, as in training; it has no usual value. */
static int take_offset(struct rows *rows, const char *pointer, struct err *err)
{
    const char *name = encoder_offset(rows->encoder);
    const struct encoder_cell *cell = &rows->cells[encoder_n_features(rows->encoder)];
    bool missing = encoder_is_missing(rows->encoder, cell, true);
    double value = cell->number;
    float o;

    if (cell->told) {
        return -1;
    }
    if (missing ||
        (cell->text != NULL && !text_to_double(cell->text, strlen(cell->text), &value))) {
        return problem(err, pointer, name,
                       missing ? "is missing, and the model adds it" : "must be a number");
    }
    o = (float)(value / encoder_target_scale(rows->encoder, 0));
    if (!isfinite(o)) {
        return problem(err, pointer, name, "is too large for this model");
    }
    rows->offset[rows->n] = o;
    return 0;
}

int rows_add(struct rows *rows, const char *pointer, struct err *err)
{
    int rc;

    if (grow(rows, err) != 0) {
        return -1;
    }
    rc = encoder_encode_cells(rows->encoder, rows->cells, pointer,
                              rows->x + rows->n * encoder_n_inputs(rows->encoder), err);
    if (rows->offset != NULL && take_offset(rows, pointer, err) != 0) {
        rc = -1;
    }
    if (rows->labelled && take_truth(rows, pointer, err) != 0) {
        rc = -1;
    }
    if (rc == 0) {
        rows->n++;
    }
    return rc;
}

int rows_add_line(struct rows *rows, int64_t row, int64_t line, struct err *err)
{
    struct err here = ERR_INIT;
    int rc = rows_add(rows, "", &here);
    size_t i;

    for (i = 0; i < here.n_items; i++) {
        const char *pointer = here.items[i].pointer; /* "/petal_width"; its escapes may be seen */

        (void)err_add_cell(err, row, line, pointer != NULL ? pointer + 1 : NULL, "%s",
                           here.items[i].detail);
    }
    if (here.n_items == 0 && err_is(&here)) {
        (void)err_set(err, here.code, "%s", here.detail);
    }
    rc = (err_is(&here) && here.code != ERR_INVALID) || err->n_dropped > 0 ? -1 : 0;
    err_fini(&here);
    return rc;
}

/* ---- names ---- */

ptrdiff_t rows_find(const struct rows *rows, const char *name)
{
    size_t i;

    for (i = 0; i < rows->n_columns; i++) {
        if (strcmp(rows->names[i], name) == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

bool rows_is_target(const struct rows *rows, const char *name)
{
    size_t i;

    for (i = 0; i < encoder_n_targets(rows->encoder); i++) {
        if (strcmp(encoder_target_name(rows->encoder, i), name) == 0) {
            return true;
        }
    }
    return false;
}

char *rows_why_not(const struct rows *rows, const char *name)
{
    const char *near = text_nearest(name, rows->names, rows->n_columns);

    if (rows_is_target(rows, name)) {
        return xstrdup("is what the model predicts, not a feature of it");
    }
    return near != NULL ? xasprintf("is no feature of this model; did you mean \"%s\"?", near)
                        : xstrdup("is no feature of this model");
}

void rows_without(struct rows *rows, size_t column, int64_t line, struct err *err)
{
    (void)err_add_cell(err, 0, line, rows->names[column], "column \"%s\" is missing",
                       rows->names[column]);
    rows->cells[column] = (struct encoder_cell){.told = true};
}

static void refuse_name(const struct rows *rows, const char *name, const char *pointer,
                        struct err *err)
{
    char *why = rows_why_not(rows, name);

    (void)problem(err, pointer, name, why);
    free(why);
}

/* ---- JSON ---- */

static void take_value(struct rows *rows, size_t column, const json_t *value, const char *pointer,
                       struct err *err)
{
    struct encoder_cell *cell = &rows->cells[column];
    char shown[JSON_UTIL_SHOWN + 8];
    char *detail;

    *cell = (struct encoder_cell){.missing = false};
    if (json_is_null(value)) {
        cell->missing = true;
    } else if (json_is_number(value)) {
        cell->number = json_number_value(value);
    } else if (json_is_string(value)) {
        cell->text = json_string_value(value);
    } else if (json_is_boolean(value)) {
        cell->text = json_is_true(value) ? "true" : "false";
    } else {
        detail =
            xasprintf("must be a number, a text or null, got %s", json_util_describe(value, shown));
        (void)problem(err, pointer, rows->names[column], detail);
        free(detail);
        cell->told = true;
    }
}

/* -1: what its cells are cannot be told. */
static int take_array(struct rows *rows, const json_t *row, const char *pointer, struct err *err)
{
    size_t i;

    if (json_array_size(row) != rows->n_columns) {
        return err_add(err, pointer,
                       "must have %zu values (the features in their order%s%s), has %zu",
                       rows->n_columns,
                       rows->n_inputs > encoder_n_features(rows->encoder) ? ", the offset" : "",
                       rows->labelled ? ", then the target" : "", json_array_size(row));
    }
    for (i = 0; i < rows->n_columns; i++) {
        take_value(rows, i, json_array_get(row, i), pointer, err);
    }
    return 0;
}

static void take_object(struct rows *rows, const json_t *row, const char *pointer, struct err *err)
{
    size_t found = 0, i;
    const char *key;
    json_t *value;

    for (i = 0; i < rows->n_columns; i++) {
        value = json_object_get(row, rows->names[i]);
        if (value == NULL) {
            (void)problem(err, pointer, rows->names[i], "is missing");
            rows->cells[i] = (struct encoder_cell){.told = true};
            continue;
        }
        found++;
        take_value(rows, i, value, pointer, err);
    }
    if (found == json_object_size(row)) {
        return;
    }
    /* the macro wants a pointer that is not const, and only reads */
    json_object_foreach((json_t *)(uintptr_t)row, key, value)
    {
        if (err_full(err)) {
            break;
        }
        if (rows_find(rows, key) < 0) {
            refuse_name(rows, key, pointer, err);
        }
    }
}

int rows_read_json(struct rows *rows, const json_t *instances, struct err *err)
{
    char pointer[48];
    size_t n = json_array_size(instances), i;

    if (n > rows->limit) {
        return err_set(err, ERR_TOO_LARGE,
                       "the body has %zu rows, and at most %zu of this model go in one request", n,
                       rows->limit);
    }
    for (i = 0; i < n && err->n_dropped == 0; i++) {
        const json_t *row = json_array_get(instances, i);
        int rc = 0;

        (void)snprintf(pointer, sizeof pointer, "/instances/%zu", i);
        if (json_is_array(row)) {
            rc = take_array(rows, row, pointer, err);
        } else if (json_is_object(row)) {
            take_object(rows, row, pointer, err);
        } else {
            rc = err_add(err, pointer,
                         "must be an object by feature name or an array in feature order");
        }
        if (rc == 0) {
            rc = rows_add(rows, pointer, err);
        }
        if (rc != 0 && err->code != ERR_INVALID) {
            return -1;
        }
    }
    return err_is(err) ? -1 : 0;
}

/* ---- a query ---- */

static struct encoder_cell text_cell(const char *text)
{
    return (struct encoder_cell){.missing = text[0] == '\0', .text = text};
}

/* "1,2,3" cut up in place. */
static int take_positional(struct rows *rows, char *text, struct err *err)
{
    size_t n = 0;

    while (text != NULL) {
        char *comma = strchr(text, ',');

        if (comma != NULL) {
            *comma++ = '\0';
        }
        if (n < rows->n_columns) {
            rows->cells[n] = text_cell(text);
        }
        n++;
        text = comma;
    }
    if (n != rows->n_columns) {
        return err_add(err, "/x", "must have %zu values (the features in their order), has %zu",
                       rows->n_columns, n);
    }
    return 0;
}

static void take_named(struct rows *rows, const struct query *query, struct err *err)
{
    size_t i, bad = 0;

    for (i = 0; i < rows->n_columns; i++) {
        const char *text = query_get(query, rows->names[i]);

        if (text == NULL) {
            (void)problem(err, "", rows->names[i], "is missing");
            rows->cells[i] = (struct encoder_cell){.told = true};
            bad++;
        } else {
            rows->cells[i] = text_cell(text);
        }
    }
    for (i = 0; i < query->n && query->n > rows->n_columns - bad; i++) {
        if (rows_find(rows, query->params[i].name) < 0) {
            refuse_name(rows, query->params[i].name, "", err);
        }
    }
}

int rows_read_query(struct rows *rows, const struct query *query, struct err *err)
{
    char *text = NULL;
    int rc = 0;

    if (query->n == 1 && strcmp(query->params[0].name, "x") == 0 && rows_find(rows, "x") < 0) {
        text = xstrdup(query->params[0].value);
        rc = take_positional(rows, text, err);
    } else {
        take_named(rows, query, err);
    }
    if (rc == 0) {
        rc = rows_add(rows, "", err);
    }
    free(text);
    return rc != 0 || err_is(err) ? -1 : 0;
}

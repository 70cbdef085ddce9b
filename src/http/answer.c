/* What a model says about rows; see answer.h.
 *
 * Runs on a server thread, inside a handler or a content reader. A slice is as many rows as the
 * network does in well under a millisecond or two, so that a bulk answer shares its thread with
 * other connections. The servable is immutable: one answer comes from one set of weights.
 */
#include "http/answer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/jw.h"
#include "jobs/judge.h"
#include "jobs/json_util.h"

#define SLICE_VALUES 4096 /* outputs of one slice, at least one row */

enum answer_kind { ANSWER_CLASSES, ANSWER_LABELS, ANSWER_NUMBERS };

struct answer {
    struct servable *servable;
    struct rows rows;
    bool csv;
    enum answer_kind kind;
    size_t n_names; /* classes or targets */
    char **names;   /* as they stand in the answer: JSON strings with a colon, CSV cells */
    size_t done;    /* rows */
    size_t slice;   /* rows */
    float *out;     /* (slice, n_outputs) */
    bool begun;
};

/* A text cell of a table that a spreadsheet may open: a formula is disarmed, but a number is
 * left a number. */
static char *csv_cell(const char *text)
{
    struct buf buf = BUF_INIT;
    double number;
    const char *p;
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL &&
                   !text_to_double(text, strlen(text), &number);

    if (!formula && text[strcspn(text, ",\"\r\n")] == '\0') {
        return xstrdup(text);
    }
    buf_puts(&buf, formula ? "\"'" : "\"");
    for (p = text; *p != '\0'; p++) {
        CHK(buf_append(&buf, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1) == 0);
    }
    buf_puts(&buf, "\"");
    return buf_take(&buf);
}

static char *json_name(const char *text, bool colon)
{
    struct buf buf = BUF_INIT;

    json_util_text(&buf, text);
    buf_puts(&buf, colon ? ":" : "");
    return buf_take(&buf);
}

static const char *name_of(const struct answer *a, size_t i)
{
    const struct encoder *e = servable_encoder(a->servable);

    return a->kind == ANSWER_CLASSES ? encoder_class_name(e, i) : encoder_target_name(e, i);
}

/* The kind of answer and its names. */
static void name_all(struct answer *a)
{
    const struct encoder *e = servable_encoder(a->servable);
    const struct mlp_spec *spec = mlp_net_spec(servable_net(a->servable));
    size_t i;

    a->kind = encoder_is_classes(e)                               ? ANSWER_CLASSES
              : judge_kind(spec->loss, false) != MLP_OF_NUMBERS ? ANSWER_LABELS /* shares too */
                                                                  : ANSWER_NUMBERS;
    a->n_names = a->kind == ANSWER_CLASSES ? encoder_n_classes(e) : encoder_n_targets(e);
    a->names = xcalloc(a->n_names, sizeof *a->names);
    for (i = 0; i < a->n_names; i++) {
        a->names[i] = a->csv ? csv_cell(name_of(a, i)) : json_name(name_of(a, i), true);
    }
}

struct answer *answer_new(struct servable **servable, struct rows *rows, bool csv)
{
    struct answer *a = xcalloc(1, sizeof *a);
    const struct mlp_spec *spec = mlp_net_spec(servable_net(*servable));

    a->servable = *servable;
    a->rows = *rows;
    a->csv = csv;
    *servable = NULL;
    *rows = (struct rows){.n = 0};
    name_all(a);
    a->slice = SLICE_VALUES / spec->n_outputs + 1;
    a->out = xcalloc(a->slice * spec->n_outputs, sizeof *a->out);
    return a;
}

static void free_names(struct answer *a)
{
    size_t i;

    for (i = 0; i < a->n_names; i++) {
        free(a->names[i]);
    }
    free(a->names);
}

void answer_free(struct answer **answer)
{
    struct answer *a = *answer;

    if (a == NULL) {
        return;
    }
    free_names(a);
    free(a->out);
    rows_fini(&a->rows);
    servable_put(&a->servable);
    free(a);
    *answer = NULL;
}

/* The probability of name i. One sigmoid output stands for two classes. */
static double probability(const struct answer *a, const float *row, size_t i)
{
    bool single = a->kind == ANSWER_CLASSES && a->rows.spec->n_outputs == 1;

    return !single ? (double)row[i] : i == 1 ? (double)row[0] : 1 - (double)row[0];
}

static size_t chosen(const struct answer *a, const float *row)
{
    const struct mlp_spec *spec = a->rows.spec;
    size_t best = 0, i;

    if (spec->threshold > 0 && spec->n_outputs <= 2) {
        return (double)row[spec->n_outputs - 1] >= spec->threshold;
    }
    if (spec->n_outputs == 1) {
        return row[0] >= .5f;
    }
    for (i = 1; i < a->n_names; i++) {
        best = row[i] > row[best] ? i : best;
    }
    return best;
}

static void json_members(const struct answer *a, struct buf *out, const char *key, const float *row,
                         bool values)
{
    size_t i;

    buf_printf(out, "\"%s\":{", key);
    for (i = 0; i < a->n_names; i++) {
        buf_puts(out, i == 0 ? "" : ",");
        buf_puts(out, a->names[i]);
        jw_single(out, values
                           ? encoder_decode_target(servable_encoder(a->servable), i, (double)row[i])
                           : probability(a, row, i));
    }
    buf_puts(out, "}");
}

static void json_row(const struct answer *a, struct buf *out, const float *row)
{
    const struct encoder *e = servable_encoder(a->servable);
    size_t i;

    buf_puts(out, a->done == 0 ? "{" : ",{");
    switch (a->kind) {
    case ANSWER_CLASSES:
        buf_puts(out, "\"label\":");
        json_util_text(out, encoder_class_name(e, chosen(a, row)));
        buf_puts(out, ",");
        json_members(a, out, "probabilities", row, false);
        break;
    case ANSWER_LABELS:
        buf_puts(out, "\"labels\":{");
        for (i = 0; i < a->n_names; i++) {
            buf_puts(out, i == 0 ? "" : ",");
            buf_puts(out, a->names[i]);
            buf_puts(out, row[i] >= .5f ? "true" : "false");
        }
        buf_puts(out, "},");
        json_members(a, out, "probabilities", row, false);
        break;
    case ANSWER_NUMBERS:
        if (a->n_names == 1) {
            buf_puts(out, "\"value\":");
            jw_single(out, encoder_decode_target(e, 0, (double)row[0]));
        } else {
            json_members(a, out, "values", row, true);
        }
        break;
    }
    buf_puts(out, "}");
}

void answer_row(const struct servable *servable, const float *row, struct buf *out)
{
    /* only read, and given back by the caller */
    struct answer a = {.servable = (struct servable *)(uintptr_t)servable,
                       .rows.spec = mlp_net_spec(servable_net(servable))};

    name_all(&a);
    json_row(&a, out, row);
    free_names(&a);
}

static void csv_row(const struct answer *a, struct buf *out, const float *row)
{
    const struct encoder *e = servable_encoder(a->servable);
    size_t i;

    if (a->kind == ANSWER_CLASSES) {
        buf_puts(out, a->names[chosen(a, row)]);
    }
    for (i = 0; i < a->n_names; i++) {
        buf_puts(out, i != 0 || a->kind == ANSWER_CLASSES ? "," : "");
        jw_single(out, a->kind == ANSWER_NUMBERS ? encoder_decode_target(e, i, (double)row[i])
                                                 : probability(a, row, i));
    }
    buf_puts(out, "\n");
}

/* "label,probability_setosa,...", "probability_y1,..." or the targets' names. */
static void csv_head(const struct answer *a, struct buf *out)
{
    size_t i;

    buf_puts(out, a->kind == ANSWER_CLASSES ? "label" : "");
    for (i = 0; i < a->n_names; i++) {
        char *name = a->kind == ANSWER_NUMBERS ? xstrdup(name_of(a, i))
                                               : xasprintf("probability_%s", name_of(a, i));
        char *cell = csv_cell(name);

        buf_puts(out, i != 0 || a->kind == ANSWER_CLASSES ? "," : "");
        buf_puts(out, cell);
        free(cell);
        free(name);
    }
    buf_puts(out, "\n");
}

static void head(const struct answer *a, struct buf *out)
{
    if (a->csv) {
        csv_head(a, out);
        return;
    }
    buf_printf(out, "{\"model_id\":%" PRId64, servable_model_id(a->servable));
    if (servable_training(a->servable)) {
        buf_printf(out, ",\"state\":\"training\",\"epoch\":%zu", servable_epoch(a->servable));
    }
    buf_puts(out, ",\"predictions\":[");
}

int answer_next(struct answer *a, struct buf *out, struct err *err)
{
    size_t n = a->rows.n - a->done, width = a->rows.spec->n_outputs, i;

    n = n < a->slice ? n : a->slice;
    if (servable_run_offset(a->servable,
                            a->rows.x + a->done * encoder_n_inputs(servable_encoder(a->servable)),
                            a->rows.offset != NULL ? a->rows.offset + a->done : NULL, n, a->out,
                            err) != 0) {
        return -1;
    }
    if (!a->begun) {
        head(a, out);
        a->begun = true;
    }
    for (i = 0; i < n; i++) {
        if (a->csv) {
            csv_row(a, out, a->out + i * width);
        } else {
            json_row(a, out, a->out + i * width);
        }
        a->done++;
    }
    if (a->done < a->rows.n) {
        return 1;
    }
    if (!a->csv) {
        buf_puts(out, "]}");
    }
    return 0;
}

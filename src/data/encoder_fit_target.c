/* Fitting the target: its classes, or the mean and scale of its numbers; see encoder.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/encoder_fit.h"

static int fit_number_target(struct fit *fit, struct encoder_target *t, size_t column,
                             struct err *warnings, struct err *err)
{
    struct stats stats;
    struct scan scan = {
        .stats = fit->options->target == ENCODER_LOG1P ? NULL : &stats,
        .logs = fit->options->target == ENCODER_LOG1P ? &stats : NULL,
    };

    if (!column_holds_numbers(dataset_column(fit->ds, column)->type)) {
        fit->bad = true;
        err_add_cell(err, 0, 0, t->name, "the target \"%s\" is text, and numbers are asked for",
                     t->name);
        return 0;
    }
    t->stored = dataset_column(fit->ds, column)->stored;
    t->log = fit->options->target == ENCODER_LOG1P;
    stats_init(&stats);
    if (encoder_scan_numbers(fit, column, &scan, err) != 0) {
        return -1;
    }
    if (scan.missing_row != NO_ROW) {
        encoder_missing_cell(fit, scan.missing_row, "the target", t->name, err);
        return 0;
    }
    if (t->log && scan.log_row != NO_ROW) {
        encoder_no_log(fit, scan.log_row, "the target", t->name, err);
        return 0;
    }
    if (fit->options->target != ENCODER_NONE) {
        t->mean = stats_mean(&stats);
        t->scale = stats_std(&stats);
        if (!(t->scale > ENCODER_ROUNDING * fabs(t->mean))) {
            t->scale = 1.0;
            if (warnings != NULL) {
                err_add(warnings, NULL, "the target \"%s\" is constant in the training rows",
                        t->name);
            }
        }
    }
    return 0;
}

static int fit_number_classes(struct fit *fit, size_t column, uint64_t *missing_row,
                              struct err *err)
{
    struct distinct distinct;
    struct scan scan = {.distinct = &distinct};
    char text[CELL_NUMBER_LEN];
    size_t i;

    distinct_init(&distinct, ENCODER_MAX_CLASSES);
    if (encoder_scan_numbers(fit, column, &scan, err) != 0) {
        distinct_fini(&distinct);
        return -1;
    }
    *missing_row = scan.missing_row;
    fit->e->classes = xcalloc(distinct.n, sizeof *fit->e->classes);
    for (i = 0; i < distinct.n; i++) {
        cell_format(distinct.values[i], text);
        fit->e->classes[i] = xstrdup(text);
    }
    fit->e->n_classes = distinct.n;
    fit->e->class_values = distinct.values; /* taken over */
    return 0;
}

static int fit_classes(struct fit *fit, size_t column, struct err *err)
{
    const char *name = fit->e->targets[0].name;
    uint64_t missing_row;

    if (column_holds_numbers(dataset_column(fit->ds, column)->type)) {
        if (fit_number_classes(fit, column, &missing_row, err) != 0) {
            return -1;
        }
    } else if (encoder_scan_texts(fit, column, &fit->e->n_classes, &fit->e->classes, &missing_row,
                                  err) != 0) {
        return -1;
    }
    if (missing_row != NO_ROW) {
        encoder_missing_cell(fit, missing_row, "the target", name, err);
    } else if (fit->e->n_classes > ENCODER_MAX_CLASSES) {
        fit->bad = true;
        err_add_cell(err, 0, 0, name, "the target \"%s\" has %s%zu classes, the limit is %d", name,
                     fit->e->class_values != NULL ? "at least " : "", fit->e->n_classes,
                     ENCODER_MAX_CLASSES);
    } else if (fit->e->n_classes == 1) {
        fit->bad = true;
        err_add_cell(err, 0, 0, name,
                     "the target \"%s\" has only one class in the training rows, \"%s\"", name,
                     fit->e->classes[0]);
    }
    return 0;
}

int encoder_fit_target(struct fit *fit, size_t target, struct err *warnings, struct err *err)
{
    struct encoder_target *t = &fit->e->targets[target];
    size_t column = fit->options->targets[target];

    t->name = xstrdup(dataset_column(fit->ds, column)->name);
    t->mean = 0.0;
    t->scale = 1.0;
    return fit->e->is_classes ? fit_classes(fit, column, err)
                              : fit_number_target(fit, t, column, warnings, err);
}

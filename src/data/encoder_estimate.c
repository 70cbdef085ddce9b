/* How wide an encoder can become, from what is known of a table before its rows are read; see
 * encoder.h. Bounds that fitting never passes, and that are reached by common tables.
 */
#include "base/mem.h"
#include "data/encoder_fit.h"

#define ROWS_PER_BIN 400 /* training rows of a bin of a piecewise-linear code */
#define MIN_BINS     2
#define MAX_BINS     48

/* How many classes a column can have at most. */
static size_t class_bound(const struct dataset *ds, const struct dataset_column *c)
{
    uint64_t present = dataset_rows(ds) - c->missing;

    if (!column_holds_numbers(c->type) || c->distinct <= DATASET_MAX_DISTINCT) {
        return (size_t)c->distinct;
    }
    if (c->integers && c->max - c->min < (double)present) {
        present = (uint64_t)(c->max - c->min) + 1;
    }
    return present < ENCODER_MAX_CLASSES ? (size_t)present : ENCODER_MAX_CLASSES;
}

bool encoder_gives_codes(const struct dataset *ds, const struct encoder_options *options)
{
    size_t n = 0, i;

    for (i = 0; i < options->n_features; i++) {
        const struct dataset_column *c = dataset_column(ds, options->features[i]);

        n += c->type == COLUMN_NUMERIC && c->distinct > 2 &&
             encoder_plan_for(options, i)->numeric == ENCODER_AUTO;
    }
    return n <= ENCODER_MAX_CODED;
}

size_t encoder_n_bins(size_t n_rows)
{
    size_t bins = n_rows / ROWS_PER_BIN;

    return bins < MIN_BINS ? MIN_BINS : bins > MAX_BINS ? MAX_BINS : bins;
}

/* Value, code and indicator. */
static size_t width_of_numbers(const struct dataset_column *c, const struct encoder_plan *plan,
                               bool codes, size_t n_rows)
{
    size_t width = 1 + (c->missing > 0 && encoder_plan_indicates(plan));
    size_t bins = encoder_n_bins(n_rows);

    if (c->distinct > 2 && (plan->numeric == ENCODER_PIECEWISE ||
                            (plan->numeric == ENCODER_AUTO && codes))) {
        /* Quantiles are values, or between two that are neighbours. */
        width += c->distinct <= DATASET_MAX_DISTINCT && 2 * c->distinct - 2 < bins
                     ? (size_t)(2 * c->distinct - 2)
                     : bins;
    }
    return width;
}

int encoder_estimate(const struct dataset *ds, const struct encoder_options *options, size_t n_rows,
                     size_t *n_inputs, size_t *n_outputs, struct err *err)
{
    bool codes = encoder_gives_codes(ds, options);
    size_t inputs = 0, outputs = options->n_targets, i;
    int result = 0;

    /* Rows of classes are rounded one class at a time. */
    n_rows += options->classes ? ENCODER_MAX_CLASSES : 0;
    n_rows = n_rows < dataset_rows(ds) ? n_rows : (size_t)dataset_rows(ds);
    for (i = 0; i < options->n_features; i++) {
        const struct dataset_column *c = dataset_column(ds, options->features[i]);
        size_t width = column_holds_numbers(c->type)
                           ? width_of_numbers(c, encoder_plan_for(options, i), codes, n_rows)
                           : (size_t)c->n_categories + (c->missing != 0);

        if (!mem_add(inputs, width, &inputs)) {
            return encoder_fit_no_memory(err);
        }
    }
    for (i = 0; i < options->n_targets; i++) {
        const struct dataset_column *c = dataset_column(ds, options->targets[i]);

        if (options->classes) {
            outputs = class_bound(ds, c);
            if (outputs > ENCODER_MAX_CLASSES) {
                result = err_add_cell(err, 0, 0, c->name,
                                      "the target \"%s\" has %zu classes, the limit is %d", c->name,
                                      outputs, ENCODER_MAX_CLASSES);
            } else if (outputs <= 1) {
                result = err_add_cell(err, 0, 0, c->name, "the target \"%s\" has %s", c->name,
                                      outputs == 1 ? "only one class" : "no value");
            }
        } else if (!column_holds_numbers(c->type)) {
            result = err_add_cell(err, 0, 0, c->name,
                                  "the target \"%s\" is text, and numbers are asked for", c->name);
        }
    }
    if (result == 0) {
        *n_inputs = inputs;
        *n_outputs = outputs;
    }
    return result;
}

/* How wide an encoder can become, from what is known of a table before its rows are read; see
 * encoder.h. Bounds that fitting never passes, and that are reached by common tables.
 */
#include "base/mem.h"
#include "data/encoder_fit.h"
#include "data/encoder_parts.h"

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

    if (plan->numeric == ENCODER_LEVELS) {
        return width - 1 +
               (c->distinct <= DATASET_MAX_DISTINCT ? (size_t)c->distinct : ENCODER_MAX_ONE_HOT);
    }
    if (c->distinct > 2 &&
        (plan->numeric == ENCODER_PIECEWISE || (plan->numeric == ENCODER_AUTO && codes))) {
        /* Quantiles are values, or between two that are neighbours. */
        width += c->distinct <= DATASET_MAX_DISTINCT && 2 * c->distinct - 2 < bins
                     ? (size_t)(2 * c->distinct - 2)
                     : bins;
    }
    return width;
}

bool encoder_takes_texts(const struct dataset_column *c, const struct encoder_plan *plan,
                         enum encoder_levels *out)
{
    uint64_t least = plan->min_count > 1 ? plan->min_count : 1;
    size_t kept = 0, i;

    if (c->type == COLUMN_BOOLEAN) {
        *out = LEVELS_TRUTH;
        return true;
    }
    if (c->type == COLUMN_TEXT) {
        *out = LEVELS_WORDS;
        return plan->categorical == ENCODER_HASHING;
    }
    switch (plan->categorical) {
    case ENCODER_ORDINAL:
        *out = LEVELS_RANK;
        break;
    case ENCODER_EMBEDDING:
        *out = LEVELS_INDEX;
        break;
    case ENCODER_HASHING:
        *out = LEVELS_HASH;
        break;
    case ENCODER_CATEGORICAL_AUTO: /* by the table, so that it is known before a row is read */
        for (i = 0; i < c->n_categories; i++) {
            kept += c->counts[i] >= least;
        }
        *out = kept > ENCODER_MAX_ONE_HOT ? LEVELS_INDEX : LEVELS_ONE_HOT;
        break;
    default:
        *out = LEVELS_ONE_HOT;
        break;
    }
    return true;
}

/* Texts that are frequent enough, the level of the others, and a text that stands in for none. */
static size_t most_levels(const struct dataset_column *c, const struct encoder_plan *plan)
{
    size_t n = (plan->min_count > 1) + (c->missing > 0 && plan->missing == ENCODER_CONSTANT), i;
    uint64_t least = plan->min_count > 1 ? plan->min_count : 1;

    for (i = 0; i < c->n_categories; i++) {
        n += c->counts[i] >= least;
    }
    return n;
}

static size_t width_of_texts(const struct dataset_column *c, const struct encoder_plan *plan)
{
    size_t missing = c->missing > 0,
           buckets = plan->buckets > 0 ? plan->buckets : ENCODER_USUAL_HASH;
    enum encoder_levels levels;

    if (!encoder_takes_texts(c, plan, &levels)) {
        return 0;
    }
    switch (levels) {
    case LEVELS_INDEX:
        return 1;
    case LEVELS_RANK:
    case LEVELS_TRUTH:
        return 1 + missing;
    case LEVELS_HASH:
    case LEVELS_WORDS:
        return buckets + missing;
    default:
        return most_levels(c, plan) + missing;
    }
}

static size_t width_of_times(const struct dataset_column *c, const struct encoder_plan *plan)
{
    unsigned times = plan->times != 0 ? plan->times : ENCODER_USUAL_TIMES;
    size_t width = c->missing > 0;
    enum encoder_time part;

    for (part = 0; part < ENCODER_TIMES; part++) {
        width += (times & ENCODER_TIME_BIT(part)) != 0 ? 1 + encoder_is_cycle(part) : 0;
    }
    return width;
}

size_t encoder_estimate_embeddings(const struct dataset *ds, const struct encoder_options *options,
                                   size_t most, size_t *levels, size_t *width)
{
    size_t n = 0, i;

    for (i = 0; i < options->n_features; i++) {
        const struct dataset_column *c = dataset_column(ds, options->features[i]);
        const struct encoder_plan *plan = encoder_plan_for(options, i);
        enum encoder_levels form;

        if (column_holds_numbers(c->type) || !encoder_takes_texts(c, plan, &form) ||
            form != LEVELS_INDEX) {
            continue;
        }
        if (n < most) {
            levels[n] = 1 + most_levels(c, plan);
            width[n] = plan->width > 0 ? plan->width : encoder_usual_width(levels[n]);
        }
        n++;
    }
    return n;
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
        const struct encoder_plan *plan = encoder_plan_for(options, i);
        size_t width = c->type == COLUMN_NUMERIC    ? width_of_numbers(c, plan, codes, n_rows)
                       : c->type == COLUMN_DATETIME ? width_of_times(c, plan)
                                                    : width_of_texts(c, plan);

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
                                      "the target \"%s\" has %zu classes, the limit is %d; is it an "
                                      "identifier?",
                                      c->name, outputs, ENCODER_MAX_CLASSES);
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

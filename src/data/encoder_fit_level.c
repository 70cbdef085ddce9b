/* Fitting a feature of texts: categorical, boolean, free text; see encoder.h.
 *
 * The training rows are counted by code, one counter a text of the column's dictionary. What
 * is missing counts as the text that stands in for it, where the plan has one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/encoder_fit.h"
#include "data/encoder_level.h"

struct counts {
    uint64_t *of; /* [n_categories] rows with the text */
    uint64_t present, missing;
    size_t n_seen; /* texts */
};

/* The rows of each text; missing cells of strict plans are the caller's to complain about. */
static int count_texts(struct fit *fit, size_t column, struct counts *counts, uint64_t *missing_row,
                       struct err *err)
{
    const struct dataset_column *c = dataset_column(fit->ds, column);
    size_t at, k, i, span;
    uint64_t first;

    *missing_row = NO_ROW;
    counts->of = calloc(c->n_categories != 0 ? c->n_categories : 1, sizeof *counts->of);
    if (counts->of == NULL) {
        return encoder_fit_no_memory(err);
    }
    for (at = 0; at < fit->n_rows; at += k) {
        k = encoder_block(fit->rows + at, fit->n_rows - at, &first, &span);
        if (dataset_read_codes(fit->ds, column, first, span, fit->texts, err) != 0) {
            return -1;
        }
        for (i = 0; i < k; i++) {
            uint32_t code = fit->texts[fit->rows[at + i] - first];

            if (code == DATASET_MISSING) {
                *missing_row = *missing_row == NO_ROW ? fit->rows[at + i] : *missing_row;
                counts->missing++;
            } else {
                counts->n_seen += counts->of[code]++ == 0;
                counts->present++;
            }
        }
    }
    return 0;
}

/* What stands in for no value, if anything does. */
static void fit_fill(struct encoder_feature *f, const struct dataset_column *c,
                     const struct counts *counts)
{
    const char *best = NULL;
    uint64_t most = 0;
    size_t i;

    if (f->plan.missing == ENCODER_CONSTANT) {
        f->fill_text = xstrdup(f->plan.constant);
    }
    if (f->plan.missing != ENCODER_MOST_FREQUENT) {
        return;
    }
    for (i = 0; i < c->n_categories; i++) { /* of equally frequent ones the first by bytes */
        if (counts->of[i] > most ||
            (counts->of[i] == most && most > 0 && strcmp(c->categories[i], best) < 0)) {
            most = counts->of[i];
            best = c->categories[i];
        }
    }
    f->fill_text = best != NULL ? xstrdup(best) : NULL;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Texts that are frequent enough, and those that are not. */
static int fit_texts(struct encoder_feature *f, const struct dataset_column *c,
                     const struct counts *counts, struct err *err)
{
    uint64_t least = f->plan.min_count > 1 ? f->plan.min_count : 1;
    bool filled = f->fill_text == NULL || counts->missing == 0, keeps;
    size_t i;

    f->texts = calloc(counts->n_seen + 1, sizeof *f->texts);
    f->pooled = calloc(counts->n_seen + 1, sizeof *f->pooled);
    if (f->texts == NULL || f->pooled == NULL) {
        return encoder_fit_no_memory(err);
    }
    for (i = 0; i < c->n_categories; i++) {
        uint64_t n = counts->of[i];

        if (n > 0 && f->fill_text != NULL && strcmp(c->categories[i], f->fill_text) == 0) {
            n += counts->missing;
            filled = true;
        }
        if (n > 0) {
            keeps = n >= least;
            f->other = f->other || !keeps;
            *(keeps ? &f->texts[f->n_texts++] : &f->pooled[f->n_pooled++]) =
                xstrdup(c->categories[i]);
        }
    }
    if (!filled) { /* a text that no row has */
        keeps = counts->missing >= least;
        f->other = f->other || !keeps;
        *(keeps ? &f->texts[f->n_texts++] : &f->pooled[f->n_pooled++]) = xstrdup(f->fill_text);
    }
    qsort(f->texts, f->n_texts, sizeof *f->texts, compare_texts);
    qsort(f->pooled, f->n_pooled, sizeof *f->pooled, compare_texts);
    if (f->plan.unseen == ENCODER_OTHER) { /* then they are what is not known */
        for (i = 0; i < f->n_pooled; i++) {
            free(f->pooled[i]);
        }
        f->n_pooled = 0;
    }
    return 0;
}

/* Mean and deviation of the training rows' levels, by text: `value` of the i-th text. */
static void standardize(struct encoder_feature *f, const struct dataset_column *c,
                        const struct counts *counts)
{
    double n = 0.0, mean = 0.0, square = 0.0;
    size_t i;

    f->center = 0.0;
    f->spread = 1.0;
    encoder_derive_levels(f);
    for (i = 0; i < c->n_categories; i++) {
        uint32_t level;

        if (counts->of[i] > 0 && encoder_find_level(f, c->categories[i], &level) &&
            level < f->n_texts) {
            double away = (double)f->ranks[level] - mean;

            n += (double)counts->of[i];
            mean += away * (double)counts->of[i] / n;
            square += away * ((double)f->ranks[level] - mean) * (double)counts->of[i];
        }
    }
    free(f->ranks);
    f->ranks = NULL;
    f->center = mean;
    f->spread = n > 0.0 && square > 0.0 ? sqrt(square / n) : 1.0;
}

static void fit_truth(struct encoder_feature *f, const struct dataset_column *c,
                      const struct counts *counts)
{
    double sum = 0.0;
    size_t i;

    for (i = 0; i < c->n_categories; i++) {
        int truth = cell_boolean(c->categories[i], strlen(c->categories[i]), NULL);

        sum += truth > 0 ? (double)counts->of[i] : truth == 0 ? -(double)counts->of[i] : 0.0;
    }
    f->center = counts->present > 0 ? sum / (double)counts->present : 0.0;
    f->spread = 1.0;
}

/* An input that says that there is no value, where nothing else does. */
static bool wants_indicator(const struct encoder_feature *f)
{
    switch (f->levels) {
    case LEVELS_INDEX: /* index 0 says it */
        return false;
    case LEVELS_RANK:
    case LEVELS_TRUTH:
    case LEVELS_WORDS:
        return f->plan.indicator != ENCODER_INDICATOR_OFF;
    default:
        return f->fill_text != NULL && f->plan.indicator == ENCODER_INDICATOR_ON;
    }
}

static void fit_levels(struct fit *fit, struct encoder_feature *f, const struct dataset_column *c,
                       const struct counts *counts)
{
    bool several = counts->n_seen > 1;

    f->buckets = f->levels == LEVELS_HASH || f->levels == LEVELS_WORDS
                     ? (f->plan.buckets > 0 ? f->plan.buckets : ENCODER_USUAL_HASH)
                     : 0;
    f->indicator = counts->missing > 0 && wants_indicator(f);
    f->missing_level = counts->missing > 0 && f->fill_text == NULL &&
                       (f->levels == LEVELS_ONE_HOT || f->levels == LEVELS_HASH);
    switch (f->levels) {
    case LEVELS_ONE_HOT:
        several = encoder_n_levels(f) > 1;
        break;
    case LEVELS_RANK:
        several = f->n_texts > 1;
        standardize(f, c, counts);
        break;
    case LEVELS_INDEX:
        several = f->n_texts + f->other + (counts->missing > 0) > 1;
        f->embedding =
            f->plan.width > 0 ? f->plan.width : encoder_usual_width(1 + f->n_texts + f->other);
        break;
    case LEVELS_TRUTH:
        fit_truth(f, c, counts);
        break;
    default:
        break;
    }
    f->used = counts->present > 0 && (several || f->missing_level || f->indicator);
    if (counts->present == 0) {
        encoder_fit_name(&fit->empty, &fit->n_empty, f->name);
    } else if (!f->used) {
        encoder_fit_name(&fit->constant, &fit->n_constant, f->name);
    }
}

int encoder_fit_text(struct fit *fit, struct encoder_feature *f, size_t column,
                     uint64_t *missing_row, struct err *err)
{
    const struct dataset_column *c = dataset_column(fit->ds, column);
    struct counts counts = {.of = NULL};
    int rc = 0;

    f->mean = f->std = f->min = f->max = f->fill = NAN;
    f->center = 0.0;
    f->spread = 1.0;
    if (!encoder_takes_texts(c, &f->plan, &f->levels)) {
        encoder_fit_name(&fit->free_text, &fit->n_free_text, f->name);
        *missing_row = NO_ROW;
        return 0;
    }
    rc = count_texts(fit, column, &counts, missing_row, err);
    if (rc == 0) {
        fit_fill(f, c, &counts);
        if (f->levels != LEVELS_HASH && f->levels != LEVELS_WORDS && f->levels != LEVELS_TRUTH) {
            rc = fit_texts(f, c, &counts, err);
        }
    }
    if (rc == 0) {
        fit_levels(fit, f, c, &counts);
    }
    free(counts.of);
    return rc;
}

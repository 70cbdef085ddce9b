/* Rows taken more often, or less, so that small classes count as much as large ones.
 *
 * oversample: every class gets at least `ratio` times as many rows as the largest one: each of its
 * rows the same number of times, and what is missing then by chance, each row once at most.
 * undersample: no class keeps more than 1 / `ratio` times as many rows as the smallest one; which
 * ones is chance. The seed and a row's place decide, nothing else. Any thread; no state.
 */
#ifndef MLPD_DATA_SAMPLE_H
#define MLPD_DATA_SAMPLE_H

#include "base/base.h"
#include "base/err.h"

enum sample_kind { SAMPLE_NONE, SAMPLE_OVER, SAMPLE_UNDER };

struct sample_options {
    enum sample_kind kind;
    double ratio; /* > 0, at most 1 */
    uint64_t seed;
};

/* How many rows each of n classes will have; one without rows stays so. Returns their sum. */
uint64_t sample_counts(const struct sample_options *options, const uint64_t *before, size_t n,
                       uint64_t *after);

struct sampled {
    uint64_t *picks; /* [n] places in the list of labels, rising or equal; owned */
    size_t n;
    size_t n_classes;
    uint64_t *before, *after; /* [n_classes] rows; owned */
};
/* labels [n], each below n_classes. ERR_NO_MEMORY. Free with sampled_fini. */
int sample_rows(const struct sample_options *options, const uint32_t *labels, size_t n,
                size_t n_classes, struct sampled *out, struct err *err) MUST_CHECK;
void sampled_fini(struct sampled *s);

#endif

/* The text of GET /metrics, read as strictly as its format is written: names, labels, HELP and TYPE
 * before each family, whole histograms, no series twice. What it cannot read fails the test. All it
 * returns belongs to the test. */
#ifndef MLPD_TESTS_API_METRICS_TEXT_H
#define MLPD_TESTS_API_METRICS_TEXT_H

#include "harness.h"

struct sample {
    const char *series; /* name{labels}, as sent */
    const char *family, *type;
    double value;
};

struct metrics {
    struct sample *samples;
    size_t n;
    const char **families; /* "name type" */
    size_t n_families;
};

struct metrics metrics_read(const char *body);
/* A series by its name and labels as sent, or NULL. */
const struct sample *metrics_find(const struct metrics *m, const char *series);
/* What was never counted may be absent: 0. */
double metrics_value(const struct metrics *m, const char *series);
/* What only grows has not become less, and is still there. */
void metrics_must_not_fall(const struct metrics *before, const struct metrics *after);

#endif

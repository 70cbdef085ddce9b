/* What the encoder tests share: options by name, fitting and encoding that must work. */
#ifndef MLPD_TESTS_ENCODER_HELP_H
#define MLPD_TESTS_ENCODER_HELP_H

#include "data/encoder.h"
#include "data_help.h"

#define ALL_ROWS 64

HELPER const uint64_t all_rows[ALL_ROWS] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

struct setup {
    struct encoder_options options;
    size_t features[16], targets[4];
};

/* The columns of a list of names with '+' between them. */
HELPER size_t columns_named(const struct dataset *ds, const char *names, size_t *out)
{
    size_t n = 0;

    while (*names != '\0') {
        size_t len = strcspn(names, "+");
        char *name = xstrndup(names, len);

        out[n++] = column_named(ds, name);
        free(name);
        names += len + (names[len] == '+');
    }
    return n;
}

HELPER struct encoder_options *choose(struct setup *s, const struct dataset *ds,
                                      const char *features, const char *targets, bool classes)
{
    s->options.n_features = columns_named(ds, features, s->features);
    s->options.n_targets = columns_named(ds, targets, s->targets);
    s->options.features = s->features;
    s->options.targets = s->targets;
    s->options.classes = classes;
    return &s->options;
}

HELPER struct encoder *fit(const struct dataset *ds, const struct encoder_options *options,
                           const uint64_t *rows, size_t n, struct err *warnings)
{
    struct encoder *e = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(encoder_fit(ds, options, rows, n, &e, warnings, &err) == 0, "%s", err.detail);
    return e;
}

HELPER void encode(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                   size_t n, float *x)
{
    struct err err = ERR_INIT;

    memset(x, 0x5a, n * encoder_n_inputs(e) * sizeof *x); /* every input must be written */
    ck_assert_msg(encoder_encode_rows(e, ds, rows, n, x, &err) == 0, "%s", err.detail);
}

HELPER void expect(const float *x, const float *want, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        ck_assert_msg(x[i] == want[i], "input %zu is %.9g, not %.9g", i, x[i], want[i]);
    }
}

#endif

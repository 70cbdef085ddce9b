/* The encoder's inside, shared by encoder*.c only. */
#ifndef MLPD_DATA_ENCODER_PRIV_H
#define MLPD_DATA_ENCODER_PRIV_H

#include "data/encoder.h"

#define ENCODER_MAGIC 0x656e6364u

struct encoder_feature {
    char *name;
    enum column_type type;
    size_t offset, width; /* its inputs; width 0 = dropped */
    /* numeric: of the training rows; NaN without a value */
    double mean, std, min, max;
    double center, spread; /* numeric: x = (value - center) / spread; by encoder_place_features */
    /* categorical */
    size_t n_texts;
    char **texts;       /* sorted by bytes */
    bool missing_level; /* the input after the texts' */
};

struct encoder_target {
    char *name;
    double mean, scale; /* numbers: y = (value - mean) / scale; else 0 and 1 */
};

struct encoder {
    uint32_t magic;
    enum encoder_numeric numeric;
    enum encoder_missing missing;
    enum encoder_numeric target;
    double together_mean, together_std; /* ENCODER_TOGETHER: of all numeric columns */
    char *offset, *weight;              /* columns, or NULL */
    size_t n_inputs;
    size_t n_features;
    struct encoder_feature *features;
    const char **feature_names; /* the features' own */
    size_t n_targets;
    struct encoder_target *targets;
    bool is_classes;
    size_t n_classes;
    char **classes;       /* sorted */
    double *class_values; /* sorted; NULL when the classes are texts */
};

/* An encoder with room for features and targets; abort-free sizes (columns are bounded). */
struct encoder *encoder_alloc(size_t n_features, size_t n_targets);
/* Give every feature its place in the input, and its center and spread; -1 when the widths do not
 * add up in size_t. */
int encoder_place_features(struct encoder *e) MUST_CHECK;

/* The rows at the front of rows (n > 0) that one read of DATASET_GROUP rows covers: their
 * number; *first and *span are the dataset rows to read. */
size_t encoder_block(const uint64_t *rows, size_t n, uint64_t *first, size_t *span);

/* The text's place among sorted texts, or -1. */
ptrdiff_t encoder_text_find(char *const *texts, size_t n, const char *text);
/* "<pointer>/<name>" with the name escaped as RFC 6901 says; the caller frees. */
char *encoder_pointer(const char *pointer, const char *name);

#endif

/* The encoder's inside, shared by encoder*.c only. */
#ifndef MLPD_DATA_ENCODER_PRIV_H
#define MLPD_DATA_ENCODER_PRIV_H

#include "data/encoder.h"
#include "data/missing.h"

#define ENCODER_MAGIC 0x656e6364u

enum encoder_form { /* encoder_number.h */
    FORM_LINEAR,
    FORM_SOFT,
    FORM_SIGN,
    FORM_NORMAL,
    FORM_LEVELS
};
/* encoder_level.h */
enum encoder_levels {
    LEVELS_ONE_HOT,
    LEVELS_RANK,
    LEVELS_INDEX,
    LEVELS_HASH,
    LEVELS_WORDS,
    LEVELS_TRUTH
};

struct encoder_part {
    enum encoder_time part;
    double mean, std; /* of the training rows; of a cycle 0 and 1 */
};

/* Inputs: a number's are value, code, indicator; a datetime's its parts, then the indicator; a
 * text's its levels or one value, then the indicator. */
struct encoder_feature {
    char *name;
    enum column_type type, stored; /* stored: what the table had it as, before a job's view */
    struct encoder_plan plan; /* as asked */
    size_t offset, width;     /* its inputs; derived */
    bool used;                /* else dropped: no input */
    bool indicator;           /* the last input: 1 where the cell has no value, else 0 */
    /* numeric, datetime: of the training rows; NaN without a value */
    double mean, std, min, max;
    double fill; /* numeric, datetime: in place of no value */
    /* numeric */
    bool value; /* there is an input of the value itself */
    bool log;   /* log1p comes first */
    enum encoder_form form;
    double center, spread;   /* of ranks and truths, too */
    size_t n_table, n_edges; /* quantiles of FORM_NORMAL, values of FORM_LEVELS; 0 or >= 2 */
    double *table, *edges;   /* sorted; edges each above the one before */
    double *bin_means;       /* [n_edges - 1] of the training rows' codes */
    float *full, *empty;     /* [n_edges - 1] codes of whole and of empty bins, centred; derived */
    /* datetime */
    char *format; /* how its texts are written (datetime.h), or NULL */
    size_t n_parts;
    struct encoder_part *parts;
    /* categorical, boolean, text */
    enum encoder_levels levels;
    size_t n_texts;
    char **texts; /* sorted by bytes; of LEVELS_HASH and LEVELS_WORDS none */
    size_t n_pooled;
    char **pooled;      /* sorted: too rare in training */
    bool other;         /* a level for those, after the texts' */
    bool missing_level; /* a level for no value, the last one */
    char *fill_text;    /* in place of no value, or NULL */
    size_t buckets, embedding; /* of LEVELS_HASH and LEVELS_WORDS; the width of LEVELS_INDEX */
    float *ranks;              /* LEVELS_RANK: [n_texts] what each text becomes; derived */
};

struct encoder_target {
    char *name;
    enum column_type stored; /* numbers: what the table had it as, before a job's view */
    bool log;           /* numbers: log1p comes first */
    double mean, scale; /* numbers: y = (value - mean) / scale; else 0 and 1 */
};

struct encoder {
    uint32_t magic;
    struct encoder_plan plan; /* of features that have no other; as asked */
    enum encoder_numeric target;
    struct missing missing; /* the table's words for no value */
    char *offset, *weight;              /* columns, or NULL */
    size_t n_inputs, n_slots; /* the last n_slots inputs are indexes */
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
/* Give every feature its width and its place in the input, and what is derived; -1 when the widths
 * do not add up in size_t. */
int encoder_place_features(struct encoder *e) MUST_CHECK;

/* Whether its input is an index. */
static inline bool encoder_is_slot(const struct encoder_feature *f)
{
    return !column_holds_numbers(f->type) && f->levels == LEVELS_INDEX;
}

/* Inputs of a number that has one for each value. */
static inline size_t encoder_n_values(const struct encoder_feature *f)
{
    return f->form == FORM_LEVELS ? f->n_table : 0;
}

/* Inputs of a feature's piecewise-linear code. */
static inline size_t encoder_n_codes(const struct encoder_feature *f)
{
    return f->n_edges > 0 ? f->n_edges - 1 : 0;
}

/* The rows at the front of rows (n > 0; rising or equal) that one read of DATASET_GROUP rows covers:
 * their number, so many at most; *first and *span are the dataset rows to read. */
size_t encoder_block(const uint64_t *rows, size_t n, uint64_t *first, size_t *span);

int encoder_rows_no_memory(struct err *err);
/* What is wrong with a number of a row: none, without logarithm where it needs one, too large. */
int encoder_bad_number(const char *what, const char *name, uint64_t row, double value, bool log,
                       struct err *err);

/* The text's place among sorted texts, or -1. */
ptrdiff_t encoder_text_find(char *const *texts, size_t n, const char *text);
/* "<pointer>/<name>" with the name escaped as RFC 6901 says; the caller frees. */
char *encoder_pointer(const char *pointer, const char *name);

#endif

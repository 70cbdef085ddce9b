/* Inside the config: one table of keys, what a reader makes of it, and the steps after.
 * For config*.c only.
 *
 *   config_table.h      the table of keys
 *   config_keys.c       the choices, and what else the table needs
 *   config_read.c       a JSON object against the table: types, ranges, unknown keys
 *   config_relations.c  keys that need or exclude each other
 *   config_relations_data.c  those of "data"
 *   config.c            config_parse, getters
 *   config_preprocess.c  what becomes of columns, one by one
 *   config_inline.c     rows that came inside the job
 *   config_ranges.c     ranges of rows
 *   config_filter.c     conditions on rows
 *   config_notify.c     whom it tells
 *   config_types.c      columns as another type
 *   config_resolve*.c   defaults that depend on the data; see config_resolve.h
 *   config_preset.c     what a preset says where the job says nothing
 *   config_print.c      the resolved form
 */
#ifndef MLPD_JOBS_CONFIG_PRIV_H
#define MLPD_JOBS_CONFIG_PRIV_H

#include <jansson.h>

#include "base/buf.h"
#include "jobs/config.h"
#include "jobs/config_table.h"

enum config_type {
    TYPE_OBJECT,  /* its members are keys of their own */
    TYPE_SHORT,   /* an object, or in place of it the value of its one `member` */
    TYPE_NUMBER,
    TYPE_INTEGER, /* written without point and exponent */
    TYPE_NUMBERS, /* an array, rising */
    TYPE_INTEGERS, /* an array, rising */
    TYPE_BOOL,
    TYPE_TEXT,
    TYPE_TEXTS,   /* an array of distinct texts */
    TYPE_TEXT_OR_TEXTS,
    TYPE_KEY,     /* a dataset: its name, id (text or integer) or "sha256:..." */
    TYPE_MODEL,   /* a model: its name or id */
    TYPE_CHOICE,  /* one of choices() */
    TYPE_CHOICES, /* an array of them */
    TYPE_OWN,     /* read by code of its own: rows, layers, "stratify" */
    TYPE_ABSENT,  /* in the contract, not in this version: only its neutral values pass */
};

enum config_id {
#define K(id, ...) KEY_##id,
    CONFIG_KEYS(K)
#undef K
        KEY_COUNT,
};

struct config_key {
    const char *path;
    enum config_type type;
    double low, high;         /* numbers: low <= v <= high, or < where open */
    bool open_low, open_high;
    bool single;              /* must be a float32 too */
    bool null_ok;             /* null is "not there" (for early_stopping and split: "off") */
    size_t most;              /* items of an array; 0: DATASET_MAX_COLUMNS */
    const char *const *(*choices)(void); /* NULL-terminated; what is chosen is its index */
    const char *member;       /* of TYPE_SHORT: the last part of its path */
    const char *neutral;      /* JSON array of the values that pass */
    const char *help;
};

/* Indexed by enum config_id. */
extern const struct config_key config_keys[KEY_COUNT];

/* NULL-terminated, in the order of the enums in data/encoder.h, jobs/spec.h and below. */
const char *const *config_presets(void);
const char *const *config_calibrations(void);
const char *const *config_scalings(void);
const char *const *config_target_scalings(void);
const char *const *config_missings(void);
const char *const *config_categoricals(void);
const char *const *config_unseens(void);
const char *const *config_booleans(void);
const char *const *config_times(void);
const char *const *config_outputs(void); /* mlp_output_names, then "auto" */
const char *const *config_losses(void);
const char *const *config_target_types(void);
const char *const *config_missing_targets(void);
const char *const *config_filter_ops(void);
const char *const *config_samplings(void); /* in the order of enum sample_kind */
const char *const *config_schedules(void); /* the core's, but "reduce_on_plateau" */
const char *const *config_averages(void);  /* from MLP_AVERAGE_EMA on */
const char *const *config_precisions(void);
const char *const *config_states(void);
const char *const *config_metrics(void);
const char *const *config_events(void); /* in the order of enum store_notify_event's bits */

#define CONFIG_OUTPUT_AUTO ((size_t)MLP_OUT_EXP + 1)
enum config_loss {
    CONFIG_CROSS_ENTROPY,
    CONFIG_FOCAL,
    CONFIG_MSE,
    CONFIG_MAE,
    CONFIG_HUBER,
    CONFIG_QUANTILE,
    CONFIG_LOG_COSH,
    CONFIG_POISSON,
    CONFIG_GAMMA,
    CONFIG_TWEEDIE,
};
enum config_target_type { CONFIG_CLASSES, CONFIG_NUMERIC };
enum config_missing_target { CONFIG_TARGET_ERROR, CONFIG_TARGET_DROP };
enum config_calibration { CONFIG_NO_CALIBRATION, CONFIG_TEMPERATURE };
enum config_state { CONFIG_CONTINUE, CONFIG_RESET };

#define CONFIG_PRESET JOB_TABULAR /* where none is given; pictures get JOB_IMAGES */

/* What the reader found for one key. */
struct config_value {
    bool given;         /* the key is there, be it null */
    const json_t *json; /* borrowed from the tree; NULL when not given, null or wrong */
    double number;      /* numbers and integers; booleans 0 or 1 */
    size_t choice;
};

/* Read the members of `object`, whose path in the table is `path` ("" is the whole config),
 * into values[KEY_COUNT]; its objects too. `pointer` is the place of `object` and is left as
 * it was. Every problem goes to `err`. */
void config_read_object(const json_t *object, const char *path, struct buf *pointer,
                        struct config_value *values, struct err *err);
/* One value against its key. */
void config_read_value(const json_t *json, enum config_id id, struct buf *pointer,
                       struct config_value *value, struct err *err);
/* Add a problem at pointer/key (key may be NULL). */
void config_refuse(struct err *err, const struct buf *pointer, const char *key, const char *fmt,
                   ...) PRINTF(4, 5);

/* One hidden layer as given; the table's keys of a layer follow each other. */
#define CONFIG_LAYER_FIRST KEY_UNITS
#define CONFIG_LAYER_KEYS  (KEY_FROZEN - KEY_UNITS + 1)
struct config_layer {
    struct config_value values[CONFIG_LAYER_KEYS];
};
static inline const struct config_value *config_layer_value(const struct config_layer *layer,
                                                            enum config_id id)
{
    return &layer->values[id - CONFIG_LAYER_FIRST];
}

/* What preprocess.columns says of one; the table's keys of a column follow each other. */
#define CONFIG_COLUMN_FIRST KEY_COLUMN_NUMERIC
#define CONFIG_COLUMN_KEYS  (KEY_COLUMN_WIDTH - KEY_COLUMN_NUMERIC + 1)
struct config_column {
    const char *name; /* in the tree */
    struct config_value values[CONFIG_COLUMN_KEYS];
};

/* What data.types says of one. */
struct config_type_wish {
    const char *name; /* in the tree */
    enum column_type type;
};

struct config {
    unsigned magic;
#define CONFIG_MAGIC 0x3f0c1a77
    json_t *root;                          /* owned */
    struct config_value values[KEY_COUNT]; /* pointing into root */
    size_t n_layers;                       /* of "hidden", when given */
    struct config_layer *layers;           /* owned */
    size_t n_columns;                      /* of "preprocess/columns" */
    struct config_column *columns;         /* owned */
    size_t n_types;                        /* of "data/types" */
    struct config_type_wish *types;        /* owned */
    char *keys[3];                         /* owned: dataset, validation, test; or NULL */
    char *model_key;                       /* owned: of start_from; or NULL */
    struct split_range *ranges[SPLIT_PARTS]; /* owned: of "rows"; as they came */
    size_t n_ranges[SPLIT_PARTS];
    enum reader_format url_format;         /* of "url" */
    char url_sha256[HASH_HEX_LEN];         /* "": any */
    bool has_monitor;                      /* of early_stopping */
    struct job_monitor monitor;
    struct inline_rows *rows;              /* owned; NULL: no x and y */
};

/* ---- config_inline.c: x, y and features, checked ---- */
/* NULL when something is wrong; every problem goes to `err`. */
struct inline_rows *config_inline_read(const struct config *config, struct err *err);
void config_inline_free(struct inline_rows **rows);
/* The target columns' names. */
size_t config_inline_n_targets(const struct inline_rows *rows);
const char *config_inline_target(const struct inline_rows *rows, size_t target);

/* ---- config_ranges.c: "data/split/rows" ---- */
void config_read_ranges(struct config *config, struct err *err);
/* None may end behind the last of so many rows. */
void config_check_ranges(const struct config *config, uint64_t rows, struct err *err);
void config_print_ranges(struct buf *b, const struct job_spec *spec);

/* ---- config_filter.c: "data/filter" ---- */
/* Filter_fini what was read. */
int config_read_filter(const struct config *config, struct filter *out,
                       struct err *err) MUST_CHECK;
void config_print_filter(struct buf *b, const struct filter *filter);

/* ---- config_types.c: "data/types" ---- */
void config_read_types(struct config *config, struct err *err);
/* What it says of a column: false where that is nothing. */
bool config_type_of(const struct config *config, const char *column, enum column_type *out);
void config_print_types(struct buf *b, const struct job_spec *spec);

/* ---- config_notify.c: whom the job tells ---- */
void config_notify_check(const struct config_value *values, struct err *err);

/* ---- config_preprocess.c: what becomes of columns ---- */
void config_read_preprocess(struct config *config, struct err *err);

/* ---- config_relations.c: what the table cannot say of keys ---- */
void config_check_relations(struct config *config, struct err *err);
/* ---- config_relations_data.c: the same of "data", a step of the above ---- */
void config_check_data(struct config *config, struct err *err);
/* A problem at a key of the table. */
void config_refuse_key(struct err *err, enum config_id id, const char *fmt, ...) PRINTF(3, 4);
/* Whether a loss, an optimizer or a schedule of that number has the key. */
bool config_belongs(enum config_id key, size_t type);
/* "a, b and c" of the names whose bit is set, appended. */
void config_list_names(struct buf *out, const char *const *names, unsigned mask);

/* ---- small readers of values ---- */
static inline bool config_has(const struct config *config, enum config_id id)
{
    return config->values[id].json != NULL;
}

static inline double config_number(const struct config *config, enum config_id id,
                                   double otherwise)
{
    return config_has(config, id) ? config->values[id].number : otherwise;
}

static inline size_t config_choice(const struct config *config, enum config_id id,
                                   size_t otherwise)
{
    return config_has(config, id) ? config->values[id].choice : otherwise;
}

/* An array of texts, or one text as an array of one. */
size_t config_n_texts(const struct config *config, enum config_id id);
const char *config_text_at(const struct config *config, enum config_id id, size_t i);

#endif

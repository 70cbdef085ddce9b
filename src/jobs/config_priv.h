/* Inside the config: one table of keys, what a reader makes of it, and the steps after.
 * For config*.c only.
 *
 *   config_keys.c     the table's lookups, and it as a JSON Schema
 *   config_read.c     a JSON object against the table: types, ranges, unknown keys
 *   config.c          config_parse: reading, keys that contradict each other, getters
 *   config_inline.c   rows that came inside the job
 *   config_resolve.c  defaults that depend on the data
 *   config_print.c    the resolved form
 */
#ifndef MLPD_JOBS_CONFIG_PRIV_H
#define MLPD_JOBS_CONFIG_PRIV_H

#include <float.h>
#include <jansson.h>

#include "base/buf.h"
#include "jobs/config.h"

#define CONFIG_MAX_TARGETS 1000
#define CONFIG_MAX_PATIENCE 1000000
#define CONFIG_MAX_EPOCHS   1000000
#define CONFIG_MAX_BATCH    65536
#define CONFIG_MAX_SEED     9007199254740992.0 /* 2^53: exact as a JSON number anywhere */

enum config_type {
    TYPE_OBJECT,  /* its members are keys of their own */
    TYPE_NUMBER,
    TYPE_INTEGER, /* written without point and exponent */
    TYPE_BOOL,
    TYPE_TEXT,
    TYPE_TEXTS,   /* an array of distinct texts */
    TYPE_TEXT_OR_TEXTS,
    TYPE_KEY,     /* a dataset: its name, id (text or integer) or "sha256:..." */
    TYPE_CHOICE,  /* one of choices() */
    TYPE_CHOICES, /* an array of them */
    TYPE_OWN,     /* read by code of its own: rows, layers, "stratify" */
    TYPE_ABSENT,  /* in the contract, not in this version: only its neutral values pass */
};

/* id, path, type, then designated initialisers of struct config_key. One line a key; the
 * paths are the JSON's, "[]" stands for the items of an array. */
#define CONFIG_KEYS(K)                                                                             \
    K(NAME, "name", TYPE_TEXT, .null_ok = true, .help = "family the model joins")                  \
    K(DATA, "data", TYPE_OBJECT, .help = "what to learn from; the only key that must be there")    \
    K(DATASET, "data/dataset", TYPE_KEY, .help = "a dataset's name, id or sha256:...")             \
    K(X, "data/x", TYPE_OWN, .help = "rows inside the job: an array of arrays")                    \
    K(Y, "data/y", TYPE_OWN, .help = "the targets of x: values, or arrays of numbers")             \
    K(FEATURES, "data/features", TYPE_TEXTS, .null_ok = true, .help = "names of x's columns")      \
    K(TARGET, "data/target", TYPE_TEXT_OR_TEXTS, .most = CONFIG_MAX_TARGETS,                       \
      .help = "the column to predict, or several columns of numbers")                              \
    K(EXCLUDE, "data/exclude", TYPE_TEXTS, .null_ok = true, .help = "columns to leave out")        \
    K(TARGET_TYPE, "data/target_type", TYPE_CHOICE, .choices = config_target_types,                \
      .null_ok = true, .help = "default: by the target's values and the loss")                     \
    K(TARGET_RULE, "data/target_rule", TYPE_TEXT, .null_ok = true,                                 \
      .help = "written by the daemon: why the target has its type")                                \
    K(SAMPLE_WEIGHT, "data/sample_weight", TYPE_ABSENT, .neutral = "[null]")                       \
    K(URL, "data/url", TYPE_ABSENT, .neutral = "[null]")                                           \
    K(FORMAT, "data/format", TYPE_ABSENT, .neutral = "[null]")                                     \
    K(SPLIT, "data/split", TYPE_OBJECT, .null_ok = true,                                           \
      .help = "default: 0.15 and 0.15 from 50 rows on, else all rows train; null: all train")      \
    K(VALIDATION, "data/split/validation", TYPE_NUMBER, .high = 1, .open_high = true,              \
      .help = "fraction of the rows; 0: no such part")                                             \
    K(TEST, "data/split/test", TYPE_NUMBER, .high = 1, .open_high = true,                          \
      .help = "fraction of the rows; 0: no such part")                                             \
    K(STRATIFY, "data/split/stratify", TYPE_OWN,                                                   \
      .help = "true, false, or \"auto\": classes are, and too small ones only give a warning")     \
    K(COLUMN, "data/split/column", TYPE_TEXT, .null_ok = true,                                     \
      .help = "a column that says training, validation or test")                                   \
    K(VALIDATION_SET, "data/split/validation_dataset", TYPE_KEY, .null_ok = true,                  \
      .help = "another dataset validates")                                                         \
    K(TEST_SET, "data/split/test_dataset", TYPE_KEY, .null_ok = true,                              \
      .help = "another dataset tests")                                                             \
    K(PREPROCESS, "preprocess", TYPE_OBJECT, .help = "from cells to numbers")                      \
    K(NUMERIC, "preprocess/numeric", TYPE_CHOICE, .choices = config_scalings,                      \
      .help = "default: standardize")                                                              \
    K(MISSING, "preprocess/missing", TYPE_CHOICE, .choices = config_missings,                      \
      .help = "default: mean")                                                                     \
    K(CATEGORICAL, "preprocess/categorical", TYPE_CHOICE, .choices = config_categoricals,          \
      .help = "default: one_hot")                                                                  \
    K(TARGET_SCALE, "preprocess/target", TYPE_CHOICE, .choices = config_scalings,                  \
      .help = "default: standardize for numbers")                                                  \
    K(ARCHITECTURE, "architecture", TYPE_OBJECT, .help = "the network")                            \
    K(HIDDEN, "architecture/hidden", TYPE_OWN,                                                     \
      .help = "layers: numbers of units, or objects; default [128, 64]; []: linear")               \
    K(UNITS, "architecture/hidden[]/units", TYPE_INTEGER, .low = 1, .high = MLP_MAX_UNITS,         \
      .help = "width of the layer")                                                                \
    K(LAYER_ACTIVATION, "architecture/hidden[]/activation", TYPE_CHOICE,                           \
      .choices = mlp_activation_names, .help = "default: architecture.activation")                 \
    K(LAYER_INIT, "architecture/hidden[]/init", TYPE_CHOICE, .choices = mlp_init_names,            \
      .help = "default: architecture.init")                                                        \
    K(DROPOUT, "architecture/hidden[]/dropout", TYPE_ABSENT, .neutral = "[null, 0]")               \
    K(BATCH_NORM, "architecture/hidden[]/batch_norm", TYPE_ABSENT, .neutral = "[null, false]")     \
    K(ACTIVATION, "architecture/activation", TYPE_CHOICE, .choices = mlp_activation_names,         \
      .help = "of the hidden layers; default: relu")                                               \
    K(INIT, "architecture/init", TYPE_CHOICE, .choices = mlp_init_names,                           \
      .help = "default: glorot_uniform")                                                           \
    K(OUTPUT, "architecture/output", TYPE_CHOICE, .choices = config_outputs,                       \
      .help = "default: auto, by the loss")                                                        \
    K(LOSS, "loss", TYPE_CHOICE, .choices = config_losses, .null_ok = true,                        \
      .help = "default: by the target")                                                            \
    K(OPTIMIZER, "optimizer", TYPE_OBJECT, .help = "how weights move")                             \
    K(OPTIMIZER_TYPE, "optimizer/type", TYPE_CHOICE, .choices = mlp_optimizer_names,               \
      .help = "default: adam")                                                                     \
    K(LEARNING_RATE, "optimizer/learning_rate", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,    \
      .single = true, .help = "default: 0.001 for adam, 0.01 for sgd")                             \
    K(MOMENTUM, "optimizer/momentum", TYPE_NUMBER, .high = 1, .open_high = true,                   \
      .help = "sgd; default: 0")                                                                   \
    K(NESTEROV, "optimizer/nesterov", TYPE_BOOL, .help = "sgd; default: false")                    \
    K(BETA1, "optimizer/beta1", TYPE_NUMBER, .high = 1, .open_high = true,                         \
      .help = "adam; default: 0.9")                                                                \
    K(BETA2, "optimizer/beta2", TYPE_NUMBER, .high = 1, .open_high = true,                         \
      .help = "adam; default: 0.999")                                                              \
    K(EPSILON, "optimizer/epsilon", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,                \
      .single = true, .help = "adam; default: 1e-8")                                               \
    K(L2, "optimizer/l2", TYPE_NUMBER, .high = FLT_MAX, .help = "default: 0")                      \
    K(L1, "optimizer/l1", TYPE_ABSENT, .neutral = "[null, 0]")                                     \
    K(WEIGHT_DECAY, "optimizer/weight_decay", TYPE_ABSENT, .neutral = "[null, 0]")                 \
    K(SCHEDULE, "schedule", TYPE_ABSENT, .neutral = "[null, {\"type\": \"constant\"}]")            \
    K(TRAINING, "training", TYPE_OBJECT, .help = "how long, in what steps")                        \
    K(EPOCHS, "training/epochs", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_EPOCHS,                \
      .help = "default: 20 to 100, more for few rows")                                             \
    K(BATCH_SIZE, "training/batch_size", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_BATCH,         \
      .help = "default: 16 to 256, by the rows")                                                   \
    K(SHUFFLE, "training/shuffle", TYPE_BOOL, .help = "default: true")                             \
    K(SEED, "training/seed", TYPE_INTEGER, .high = CONFIG_MAX_SEED, .null_ok = true,               \
      .help = "default: a random one")                                                             \
    K(THREADS, "training/threads", TYPE_ABSENT, .neutral = "[null, 1]")                            \
    K(CLIP_NORM, "training/clip_norm", TYPE_ABSENT, .neutral = "[null]")                           \
    K(CLASS_WEIGHT, "training/class_weight", TYPE_ABSENT, .neutral = "[null]")                     \
    K(MAX_SECONDS, "training/max_seconds", TYPE_ABSENT, .neutral = "[null]")                       \
    K(LABEL_SMOOTHING, "training/label_smoothing", TYPE_ABSENT, .neutral = "[null, 0]")            \
    K(AUGMENT, "training/augment", TYPE_ABSENT, .neutral = "[null]")                               \
    K(PRECISION, "training/precision", TYPE_ABSENT, .neutral = "[null, \"float32\"]")              \
    K(EARLY_STOPPING, "training/early_stopping", TYPE_OBJECT, .null_ok = true,                     \
      .help = "null: off; default: on when there is a validation part")                            \
    K(MONITOR, "training/early_stopping/monitor", TYPE_CHOICE, .choices = config_monitors,         \
      .help = "default: validation_loss")                                                          \
    K(PATIENCE, "training/early_stopping/patience", TYPE_INTEGER, .low = 1,                        \
      .high = CONFIG_MAX_PATIENCE, .help = "epochs without gain before the end; default: 16")      \
    K(MIN_DELTA, "training/early_stopping/min_delta", TYPE_NUMBER, .high = DBL_MAX,                \
      .help = "what counts as a gain; default: 0")                                                 \
    K(RESTORE_BEST, "training/early_stopping/restore_best", TYPE_BOOL, .help = "default: true")    \
    K(METRICS, "metrics", TYPE_CHOICES, .choices = config_metrics, .null_ok = true,                \
      .help = "besides those that are always there")                                               \
    K(START_FROM, "start_from", TYPE_ABSENT, .neutral = "[null]")                                  \
    K(PRIORITY, "priority", TYPE_ABSENT, .neutral = "[null, 0]")                                   \
    K(NOTIFY, "notify", TYPE_ABSENT, .neutral = "[null]")

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
    const char *neutral;      /* JSON array of the values that pass */
    const char *help;
};

/* Indexed by enum config_id. */
extern const struct config_key config_keys[KEY_COUNT];

/* NULL-terminated, in the order of the enums in data/encoder.h and below. */
const char *const *config_scalings(void);
const char *const *config_missings(void);
const char *const *config_categoricals(void);
const char *const *config_outputs(void); /* mlp_output_names, then "auto" */
const char *const *config_losses(void);
const char *const *config_target_types(void);
const char *const *config_monitors(void);
const char *const *config_metrics(void);

#define CONFIG_OUTPUT_AUTO ((size_t)MLP_OUT_SOFTMAX + 1)
enum config_loss { CONFIG_CROSS_ENTROPY, CONFIG_MSE };
enum config_target_type { CONFIG_CLASSES, CONFIG_NUMERIC };
enum config_monitor { CONFIG_VALIDATION_LOSS, CONFIG_TRAINING_LOSS };

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

/* One hidden layer as given. */
struct config_layer {
    size_t units;
    bool has_activation, has_init;
    enum mlp_activation activation;
    enum mlp_init init;
};

struct config {
    unsigned magic;
#define CONFIG_MAGIC 0x3f0c1a77
    json_t *root;                          /* owned */
    struct config_value values[KEY_COUNT]; /* pointing into root */
    size_t n_layers;                       /* of "hidden", when given */
    struct config_layer *layers;           /* owned */
    char *keys[3];                         /* owned: dataset, validation, test; or NULL */
    struct inline_rows *rows;              /* owned; NULL: no x and y */
};

/* ---- config_inline.c: x, y and features, checked ---- */
/* NULL when something is wrong; every problem goes to `err`. */
struct inline_rows *config_inline_read(const struct config *config, struct err *err);
void config_inline_free(struct inline_rows **rows);
/* The target columns' names. */
size_t config_inline_n_targets(const struct inline_rows *rows);
const char *config_inline_target(const struct inline_rows *rows, size_t target);

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

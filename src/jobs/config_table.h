/* The keys of the job config, once. The reader, its "did you mean", the printed form's checks,
 * docs/JOB-CONFIG.md and the tests all walk this table; config_priv.h says what its columns
 * mean.
 *
 * id, path, type, then designated initialisers of struct config_key. One line a key; the
 * paths are the JSON's, "[]" stands for the items of an array.
 */
#ifndef MLPD_JOBS_CONFIG_TABLE_H
#define MLPD_JOBS_CONFIG_TABLE_H

#include <float.h>

#include "mlp/mlp.h"

#define CONFIG_MAX_TARGETS    1000
#define CONFIG_MAX_PATIENCE   1000000
#define CONFIG_MAX_EPOCHS     1000000
#define CONFIG_MAX_BATCH      65536
#define CONFIG_MAX_SEED       9007199254740992.0 /* 2^53: exact as a JSON number anywhere */
#define CONFIG_MAX_THREADS    64
#define CONFIG_MAX_MILESTONES 1000
#define CONFIG_MAX_SIDE       4096 /* pixels of a picture's side */
#define CONFIG_MAX_MIN_COUNT  1000000
#define CONFIG_MAX_RANGES     10000
#define CONFIG_MIN_WINDOW     16
#define CONFIG_MAX_WINDOW     4294967295.0
#define CONFIG_MAX_PRIORITY   1000 /* and its negative */

#define CONFIG_KEYS(K)                                                                             \
    K(NAME, "name", TYPE_TEXT, .null_ok = true, .help = "family the model joins")                  \
    K(PRESET, "preset", TYPE_CHOICE, .choices = config_presets, .null_ok = true,                   \
      .help = "what the keys mean that are not given; default: tabular, of pictures images; see "  \
              "DATA.md")                                                                           \
    K(WHY, "why", TYPE_OWN, .null_ok = true,                                                       \
      .help = "written by the daemon: why keys that nobody gave have their values")                \
    /* ---- data ---- */                                                                           \
    K(DATA, "data", TYPE_OBJECT, .help = "what to learn from; the only key that must be there")    \
    K(DATASET, "data/dataset", TYPE_KEY, .help = "a dataset's name, id or sha256:...")             \
    K(X, "data/x", TYPE_OWN, .help = "rows inside the job: an array of arrays")                    \
    K(Y, "data/y", TYPE_OWN, .help = "the targets of x: values, or arrays of numbers")             \
    K(FEATURES, "data/features", TYPE_TEXTS, .null_ok = true,                                      \
      .help = "the only columns to learn from; default: all but those that exclude or another key " \
              "names. With x: the names of its columns")                                           \
    K(TARGET, "data/target", TYPE_TEXT_OR_TEXTS, .most = CONFIG_MAX_TARGETS,                       \
      .help = "the column to predict, or several columns of numbers or booleans")                              \
    K(EXCLUDE, "data/exclude", TYPE_TEXTS, .null_ok = true, .help = "columns to leave out, where features names none")        \
    K(TYPES, "data/types", TYPE_OWN, .null_ok = true,                                              \
      .help = "columns that this job takes as another type than the dataset has them: an object "  \
              "of column to numeric, categorical, boolean, datetime or text")                      \
    K(TARGET_TYPE, "data/target_type", TYPE_CHOICE, .choices = config_target_types,                \
      .null_ok = true, .help = "default: by the target's values and the loss")                     \
    K(TARGET_RULE, "data/target_rule", TYPE_TEXT, .null_ok = true,                                 \
      .help = "written by the daemon: why the target has its type")                                \
    K(MISSING_TARGET, "data/missing_target", TYPE_CHOICE, .choices = config_missing_targets,        \
      .null_ok = true,                                                                             \
      .help = "rows without a target are an error, or left out; default: error")        \
    K(FILTER, "data/filter", TYPE_OWN, .null_ok = true,                                            \
      .help = "array of conditions; only rows that meet all of them take part, of "              \
              "validation_dataset and test_dataset too")         \
    K(FILTER_COLUMN, "data/filter[]/column", TYPE_TEXT, .help = "the column to look at")           \
    K(FILTER_OP, "data/filter[]/op", TYPE_CHOICE, .choices = config_filter_ops,                    \
      .help = "a missing cell meets missing and nothing else")                                     \
    K(FILTER_VALUE, "data/filter[]/value", TYPE_OWN, .null_ok = true,                              \
      .help = "what to compare with; of in and not_in an array; of missing and not_missing none")  \
    K(SAMPLING, "data/sampling", TYPE_SHORT, .member = "type", .null_ok = true,                    \
      .help = "of classes: which training rows there are, and how often; validation and test "     \
              "stay as they are")                                                                  \
    K(SAMPLING_TYPE, "data/sampling/type", TYPE_CHOICE, .choices = config_samplings,               \
      .help = "oversample: small classes get their rows more than once; undersample: large "       \
              "ones lose some; default: none")                                                     \
    K(SAMPLING_RATIO, "data/sampling/ratio", TYPE_NUMBER, .open_low = true, .high = 1,             \
      .null_ok = true,                                                                             \
      .help = "rows of the smallest class to those of the largest that are to come out; default: " \
              "1")                                                                                 \
    K(SAMPLE_WEIGHT, "data/sample_weight", TYPE_TEXT, .null_ok = true,                             \
      .help = "a column of numbers >= 0: how much a row counts, in training (where the mean is "   \
              "made 1) and in every metric; never a feature")                                      \
    K(OFFSET, "data/offset", TYPE_TEXT, .null_ok = true,                                           \
      .help = "a column of numbers added to the last layer's sum, such as the logarithm of an "    \
              "exposure; never a feature, and needed again in every prediction")                   \
    K(URL, "data/url", TYPE_TEXT, .null_ok = true,                                                 \
      .help = "in place of dataset: where the daemon fetches the table when the job begins, from " \
              "a host that its operator allows")                                                   \
    K(FORMAT, "data/format", TYPE_TEXT, .null_ok = true,                                           \
      .help = "of what url leads to, as at an upload; default: by its first bytes")                \
    K(URL_SHA256, "data/sha256", TYPE_TEXT, .null_ok = true,                                       \
      .help = "of the file that url leads to, in hexadecimal; default: any will do")               \
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
    K(GROUP, "data/split/group", TYPE_TEXT, .null_ok = true,                                       \
      .help = "a column, never a feature: rows with the same value stay in one part; the "         \
              "fractions are held as well as that allows")                                         \
    K(TIME, "data/split/time", TYPE_TEXT, .null_ok = true,                                         \
      .help = "a column of datetimes or numbers: the oldest rows train, then validation, the "     \
              "newest test; rows of the same time stay in one part")                               \
    K(RANGES, "data/split/rows", TYPE_OBJECT, .null_ok = true,                                     \
      .help = "ranges of rows; what is in none of them is left out")                               \
    K(TRAINING_ROWS, "data/split/rows/training", TYPE_OWN,                                         \
      .help = "array of [first, last], both in it; 0 is the first row")                            \
    K(VALIDATION_ROWS, "data/split/rows/validation", TYPE_OWN, .null_ok = true,                    \
      .help = "the same")                                                                          \
    K(TEST_ROWS, "data/split/rows/test", TYPE_OWN, .null_ok = true, .help = "the same")            \
    K(WINDOW, "data/window", TYPE_OWN, .null_ok = true,                                            \
      .help = "rows that are in memory at a time, encoded when they are needed, out of all; null: " \
              "all are; default: \"auto\": all, unless they would take more than half of what a "  \
              "job may have, see DATA.md")                                                         \
    K(VALIDATION_SET, "data/split/validation_dataset", TYPE_KEY, .null_ok = true,                  \
      .help = "another dataset validates")                                                         \
    K(TEST_SET, "data/split/test_dataset", TYPE_KEY, .null_ok = true,                              \
      .help = "another dataset tests")                                                             \
    /* ---- preprocess ---- */                                                                     \
    K(PREPROCESS, "preprocess", TYPE_OBJECT, .help = "from cells to numbers")                      \
    K(NUMERIC, "preprocess/numeric", TYPE_CHOICE, .choices = config_scalings,                      \
      .help = "default: auto (preset images: standardize_together, simple: standardize). auto: "   \
              "two values as -1 and 1, else standardize with a soft limit of 3, and "              \
              "piecewise-linear codes of at most 32 columns; standardize_together: one mean and "  \
              "deviation over all, for pictures; one_hot: an input for each number; see DATA.md")  \
    K(MISSING, "preprocess/missing", TYPE_OWN,                                                     \
      .help = "what stands in for a missing cell: mean, median, most_frequent, {constant: "        \
              "value}; or drop_row: training rows without it are dropped; or error; "              \
              "default: mean (of texts a level of its own)")                                       \
    K(INDICATOR, "preprocess/missing_indicator", TYPE_OWN,                                         \
      .help = "an input that says whether a cell is missing: true, false, or \"auto\": of "        \
              "numbers where numeric is auto, piecewise or one_hot, of the others where nothing "  \
              "else says it; default: auto")                                                       \
    K(CATEGORICAL, "preprocess/categorical", TYPE_CHOICE, .choices = config_categoricals,          \
      .help = "default: auto, an embedding from 257 levels on, else one_hot (preset simple: "      \
              "one_hot)")                                                                          \
    K(MIN_COUNT, "preprocess/min_count", TYPE_INTEGER, .low = 1, .high =                           \
      CONFIG_MAX_MIN_COUNT,                                                                        \
      .help = "texts that fewer training rows have share one level; default: 1")                   \
    K(UNSEEN, "preprocess/unseen", TYPE_CHOICE, .choices = config_unseens,                         \
      .help = "a text that training never saw: zeros, the level of the rare texts (other), "       \
              "or an error; default: zeros")                                                       \
    K(HASH_BUCKETS, "preprocess/hash_buckets", TYPE_INTEGER, .low = 2, .high =                     \
      ENCODER_MAX_HASH,                                                                            \
      .help = "inputs of a hashed column; default: 32")                                            \
    K(BOOLEAN, "preprocess/boolean", TYPE_CHOICE, .choices = config_booleans,                      \
      .help = "auto: false is -1 and true is 1")                                                   \
    K(TIMES, "preprocess/datetime", TYPE_CHOICES, .choices = config_times,                         \
      .help = "the parts of a datetime; default: year, month, day, weekday, hour, "                \
              "month_cycle, weekday_cycle and hour_cycle, of which those are kept that vary")      \
    K(TARGET_SCALE, "preprocess/target", TYPE_CHOICE, .choices = config_target_scalings,           \
      .help = "default: standardize for numbers, none for poisson, gamma and tweedie; log1p: "     \
              "and standardize")                                                                   \
    K(COLUMNS, "preprocess/columns", TYPE_OWN,                                                     \
      .help = "other choices for columns: an object of column to object")                          \
    K(COLUMN_NUMERIC, "preprocess/columns/*/numeric", TYPE_CHOICE, .choices =                      \
      config_scalings,                                                                             \
      .help = "in place of preprocess.numeric")                                                    \
    K(COLUMN_MISSING, "preprocess/columns/*/missing", TYPE_OWN,                                    \
      .help = "in place of preprocess.missing")                                                    \
    K(COLUMN_INDICATOR, "preprocess/columns/*/missing_indicator", TYPE_OWN,                        \
      .help = "in place of preprocess.missing_indicator")                                          \
    K(COLUMN_CATEGORICAL, "preprocess/columns/*/categorical", TYPE_CHOICE, .choices =              \
      config_categoricals,                                                                         \
      .help = "in place of preprocess.categorical")                                                \
    K(COLUMN_MIN_COUNT, "preprocess/columns/*/min_count", TYPE_INTEGER, .low = 1, .high =          \
      CONFIG_MAX_MIN_COUNT,                                                                        \
      .help = "in place of preprocess.min_count")                                                  \
    K(COLUMN_UNSEEN, "preprocess/columns/*/unseen", TYPE_CHOICE, .choices = config_unseens,        \
      .help = "in place of preprocess.unseen")                                                     \
    K(COLUMN_HASH_BUCKETS, "preprocess/columns/*/hash_buckets", TYPE_INTEGER, .low = 2,            \
      .high = ENCODER_MAX_HASH,                                                                    \
      .help = "in place of preprocess.hash_buckets")                                               \
    K(COLUMN_BOOLEAN, "preprocess/columns/*/boolean", TYPE_CHOICE, .choices =                      \
      config_booleans,                                                                             \
      .help = "in place of preprocess.boolean")                                                    \
    K(COLUMN_TIMES, "preprocess/columns/*/datetime", TYPE_CHOICES, .choices = config_times,        \
      .help = "in place of preprocess.datetime")                                                   \
    K(COLUMN_WIDTH, "preprocess/columns/*/width", TYPE_INTEGER, .low = 1, .high =                  \
      ENCODER_MAX_WIDTH,                                                                           \
      .help = "of an embedding; default: 1.6 levels^0.56, at most 16")                             \
    /* ---- architecture ---- */                                                                   \
    K(ARCHITECTURE, "architecture", TYPE_OBJECT, .help = "the network")                            \
    K(HIDDEN, "architecture/hidden", TYPE_OWN,                                                     \
      .help = "layers: numbers of units, or objects; default: [256, 256] (preset simple: [128, "   \
              "64]); []: linear")                                                                  \
    K(UNITS, "architecture/hidden[]/units", TYPE_INTEGER, .low = 1, .high = MLP_MAX_UNITS,         \
      .help = "width of the layer")                                                                \
    K(LAYER_ACTIVATION, "architecture/hidden[]/activation", TYPE_CHOICE,                           \
      .choices = mlp_activation_names, .help = "default: architecture.activation")                 \
    K(LAYER_PIECES, "architecture/hidden[]/pieces", TYPE_INTEGER, .low = 2,                        \
      .high = MLP_MAX_PIECES, .null_ok = true,                                                     \
      .help = "maxout: linear pieces a unit; default: architecture.pieces")                        \
    K(LAYER_INIT, "architecture/hidden[]/init", TYPE_CHOICE, .choices = mlp_init_names,            \
      .help = "default: architecture.init; for selu lecun_normal")                                 \
    K(LAYER_INIT_SCALE, "architecture/hidden[]/init_scale", TYPE_NUMBER, .open_low = true,         \
      .high = FLT_MAX, .single = true, .null_ok = true,                                            \
      .help = "uniform: the bound; normal: the deviation (both default to 0.05); orthogonal: a "   \
              "factor (1)")                                                                        \
    K(LAYER_BATCH_NORM, "architecture/hidden[]/batch_norm", TYPE_BOOL, .null_ok = true,            \
      .help = "normalise each unit's sum over the batch; default: architecture.batch_norm")        \
    K(LAYER_LAYER_NORM, "architecture/hidden[]/layer_norm", TYPE_BOOL, .null_ok = true,            \
      .help = "normalise each row's sums over the units; default: architecture.layer_norm")        \
    K(LAYER_RESIDUAL, "architecture/hidden[]/residual", TYPE_BOOL, .null_ok = true,                \
      .help = "add the layer's input to its output; both must be as wide")                         \
    K(LAYER_DROPOUT, "architecture/hidden[]/dropout", TYPE_NUMBER, .high = 1, .open_high = true,   \
      .null_ok = true,                                                                             \
      .help = "share of units dropped while training; default: architecture.dropout")              \
    K(LAYER_NOISE, "architecture/hidden[]/gaussian_noise", TYPE_NUMBER, .high = FLT_MAX,           \
      .single = true, .null_ok = true,                                                             \
      .help = "deviation of normal noise added to the outputs while training; default: 0")         \
    K(LAYER_L1, "architecture/hidden[]/l1", TYPE_NUMBER, .high = FLT_MAX, .null_ok = true,         \
      .help = "in place of optimizer.l1")                                                          \
    K(LAYER_L2, "architecture/hidden[]/l2", TYPE_NUMBER, .high = FLT_MAX, .null_ok = true,         \
      .help = "in place of optimizer.l2")                                                          \
    K(LAYER_RATE, "architecture/hidden[]/learning_rate_multiplier", TYPE_NUMBER,                   \
      .open_low = true, .high = FLT_MAX, .single = true, .null_ok = true,                          \
      .help = "times the learning rate; default: 1")                                               \
    K(FROZEN, "architecture/hidden[]/frozen", TYPE_BOOL, .null_ok = true,                          \
      .help = "the layer's parameters stay as they are; default: false")                           \
    K(ACTIVATION, "architecture/activation", TYPE_CHOICE, .choices = mlp_activation_names,         \
      .help = "of the hidden layers; default: relu")                                               \
    K(PIECES, "architecture/pieces", TYPE_INTEGER, .low = 2, .high = MLP_MAX_PIECES,               \
      .null_ok = true, .help = "of hidden layers with maxout")                                     \
    K(INIT, "architecture/init", TYPE_CHOICE, .choices = mlp_init_names,                           \
      .help = "of weights; default: glorot_uniform")                                               \
    K(INIT_SCALE, "architecture/init_scale", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,       \
      .single = true, .null_ok = true,                                                             \
      .help = "of layers with init uniform, normal or orthogonal; default: 0.05, 0.05 and 1")      \
    K(OUTPUT, "architecture/output", TYPE_CHOICE, .choices = config_outputs,                       \
      .help = "default: auto, by the loss")                                                        \
    K(OUTPUT_INIT, "architecture/output_init", TYPE_CHOICE, .choices = mlp_init_names,             \
      .null_ok = true,                                                                             \
      .help = "of the last layer's weights; default: zeros (preset simple: architecture.init)")    \
    K(DROPOUT, "architecture/dropout", TYPE_NUMBER, .high = 1, .open_high = true,                  \
      .null_ok = true,                                                                             \
      .help = "of every hidden layer; default: 0.3 where hidden is not given either (preset "      \
              "simple: 0)")                                                                        \
    K(BATCH_NORM, "architecture/batch_norm", TYPE_BOOL, .null_ok = true,                           \
      .help = "of every hidden layer; default: false")                                             \
    K(LAYER_NORM, "architecture/layer_norm", TYPE_BOOL, .null_ok = true,                           \
      .help = "of every hidden layer; default: false")                                             \
    K(RESIDUAL, "architecture/residual", TYPE_BOOL, .null_ok = true,                               \
      .help = "of every hidden layer but the first that is as wide as the one before it; "         \
              "default: false")                                                                    \
    K(INPUT_DROPOUT, "architecture/input_dropout", TYPE_NUMBER, .high = 1, .open_high = true,      \
      .null_ok = true, .help = "share of inputs dropped while training; default: 0")               \
    K(INPUT_NOISE, "architecture/input_noise", TYPE_NUMBER, .high = FLT_MAX, .single = true,       \
      .null_ok = true,                                                                             \
      .help = "deviation of normal noise added to the inputs while training; default: 0")          \
    K(INPUT_SCALE, "architecture/input_scale", TYPE_BOOL, .null_ok = true,                         \
      .help = "learn a factor for each input; default: false")                                     \
    /* ---- loss ---- */                                                                           \
    K(LOSS, "loss", TYPE_SHORT, .member = "type", .null_ok = true,                                 \
      .help = "what is minimised: the loss's name, or an object with its parameter; default: by "  \
              "the target")                                                                        \
    K(LOSS_TYPE, "loss/type", TYPE_CHOICE, .choices = config_losses,                               \
      .help = "cross_entropy and focal are for classes, the others for numbers")                   \
    K(DELTA, "loss/delta", TYPE_NUMBER, .open_low = true, .high = FLT_MAX, .single = true,         \
      .null_ok = true,                                                                             \
      .help = "huber: where the square ends, in the target's units; default: one standard "        \
              "deviation of a standardised target, else 1")                                        \
    K(TAU, "loss/tau", TYPE_NUMBER, .open_low = true, .high = 1, .open_high = true,                \
      .null_ok = true, .help = "quantile: which one; default: 0.5")                                \
    K(GAMMA, "loss/gamma", TYPE_NUMBER, .high = 100, .null_ok = true,                              \
      .help = "focal: how little easy rows count; default: 2")                                     \
    K(POWER, "loss/power", TYPE_NUMBER, .low = 1, .open_low = true, .high = 2, .open_high = true,  \
      .null_ok = true, .help = "tweedie: variance = mean ^ power; default: 1.5")                   \
    /* ---- optimizer ---- */                                                                      \
    K(OPTIMIZER, "optimizer", TYPE_SHORT, .member = "type",                                        \
      .help = "how weights move: the optimizer's name, or an object")                              \
    K(OPTIMIZER_TYPE, "optimizer/type", TYPE_CHOICE, .choices = mlp_optimizer_names,               \
      .help = "default: adamw (preset simple: adam); rprop and lbfgs take all rows in a step")     \
    K(LEARNING_RATE, "optimizer/learning_rate", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,    \
      .single = true,                                                                              \
      .help = "default: 0.001 for adam, adamw and radam, 0.002 for nadam, 0.0001 for lion, 0.01 "  \
              "for sgd, rmsprop, adagrad and rprop, 1 for adadelta and lbfgs")                     \
    K(MOMENTUM, "optimizer/momentum", TYPE_NUMBER, .high = 1, .open_high = true,                   \
      .help = "sgd, rmsprop; default: 0")                                                          \
    K(NESTEROV, "optimizer/nesterov", TYPE_BOOL, .help = "sgd; default: false")                    \
    K(BETA1, "optimizer/beta1", TYPE_NUMBER, .high = 1, .open_high = true,                         \
      .help = "adam and its kin, lion; default: 0.9")                                              \
    K(BETA2, "optimizer/beta2", TYPE_NUMBER, .high = 1, .open_high = true,                         \
      .help = "adam and its kin, lion; default: 0.999, for lion 0.99")                             \
    K(EPSILON, "optimizer/epsilon", TYPE_NUMBER, .low = FLT_MIN, .high = FLT_MAX,                  \
      .help = "adam and its kin, rmsprop, adagrad, adadelta; default: 1e-8, for adagrad 1e-10, "   \
              "for adadelta 1e-6")                                                                 \
    K(RHO, "optimizer/rho", TYPE_NUMBER, .high = 1, .open_high = true,                             \
      .help = "rmsprop, adadelta: what is kept of the mean square; default: 0.99 and 0.9")         \
    K(AMSGRAD, "optimizer/amsgrad", TYPE_BOOL,                                                     \
      .help = "adam, adamw: divide by the largest mean square so far; default: false")             \
    K(MOMENTUM_DECAY, "optimizer/momentum_decay", TYPE_NUMBER, .high = 1,                          \
      .help = "nadam; default: 0.004")                                                             \
    K(L1, "optimizer/l1", TYPE_NUMBER, .high = FLT_MAX, .null_ok = true,                           \
      .help = "adds l1 times the sum of absolute weights to the loss; default: 0")                 \
    K(L2, "optimizer/l2", TYPE_NUMBER, .high = FLT_MAX,                                            \
      .help = "adds l2 / 2 times the sum of squared weights to the loss; default: 0")              \
    K(WEIGHT_DECAY, "optimizer/weight_decay", TYPE_NUMBER, .high = FLT_MAX, .null_ok = true,       \
      .help = "before each step weights shrink by the rate times this; default: 0, for adamw "     \
              "0.02 (preset simple: 0.01)")                                                        \
    K(BIAS_RATE, "optimizer/bias_multiplier", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,      \
      .single = true, .null_ok = true, .help = "times the learning rate of biases; default: 1")    \
    K(SCALE_RATE, "optimizer/input_scale_multiplier", TYPE_NUMBER, .open_low = true,               \
      .high = FLT_MAX, .single = true, .null_ok = true,                                            \
      .help = "times the learning rate of the learnt input scale; default: 1")                     \
    /* ---- schedule ---- */                                                                       \
    K(SCHEDULE, "schedule", TYPE_SHORT, .member = "type", .null_ok = true,                         \
      .help = "the learning rate over time: the schedule's name, or an object; null: constant; "   \
              "default: cosine (preset simple: constant)")                                         \
    K(SCHEDULE_TYPE, "schedule/type", TYPE_CHOICE, .choices = config_schedules,                    \
      .help = "how the rate goes")                                                                 \
    K(WARMUP, "schedule/warmup_epochs", TYPE_NUMBER, .high = CONFIG_MAX_EPOCHS,                    \
      .null_ok = true,                                                                             \
      .help = "any type: the rate first rises linearly over so many epochs; default: 0, where no " \
              "schedule is given a tenth of all, 10 at most (presets simple and images: 0)")       \
    K(FACTOR, "schedule/factor", TYPE_NUMBER, .open_low = true, .high = FLT_MAX, .null_ok = true,  \
      .help = "step, multistep, reduce_on_plateau: times the rate; default: 0.1. exponential: "    \
              "each epoch; default: down to a hundredth at the end. inverse_time: 1 / (1 + "       \
              "factor epoch); default: down to a tenth at the end")                                \
    K(EVERY, "schedule/every", TYPE_NUMBER, .open_low = true, .high = CONFIG_MAX_EPOCHS,           \
      .null_ok = true, .help = "step: epochs between steps; default: a third of all")              \
    K(MILESTONES, "schedule/milestones", TYPE_NUMBERS, .open_low = true,                           \
      .high = CONFIG_MAX_EPOCHS, .most = CONFIG_MAX_MILESTONES, .null_ok = true,                   \
      .help = "multistep: epochs, rising; default: at half and three quarters")                    \
    K(SCHEDULE_POWER, "schedule/power", TYPE_NUMBER, .open_low = true, .high = 100,                \
      .null_ok = true, .help = "polynomial; default: 1")                                           \
    K(FINAL, "schedule/final", TYPE_NUMBER, .high = 1, .null_ok = true,                            \
      .help = "polynomial, cosine: share of the rate at the end; reduce_on_plateau: not under "    \
              "it; default: 0")                                                                    \
    K(CYCLE_EPOCHS, "schedule/cycle_epochs", TYPE_NUMBER, .open_low = true,                        \
      .high = CONFIG_MAX_EPOCHS, .null_ok = true,                                                  \
      .help = "cosine: length of the first cycle, then it starts again; default: one cycle")       \
    K(CYCLE_GROWTH, "schedule/cycle_growth", TYPE_NUMBER, .low = 1, .high = 100,                   \
      .null_ok = true, .help = "cosine: each cycle is so many times the one before; default: 1")   \
    K(PEAK, "schedule/peak", TYPE_NUMBER, .open_low = true, .high = 1, .open_high = true,          \
      .null_ok = true, .help = "one_cycle: share of the epochs before the peak; default: 0.3")     \
    K(START_DIVISOR, "schedule/start_divisor", TYPE_NUMBER, .low = 1, .high = FLT_MAX,             \
      .null_ok = true, .help = "one_cycle: it starts at rate / this; default: 25")                 \
    K(FINAL_DIVISOR, "schedule/final_divisor", TYPE_NUMBER, .low = 1, .high = FLT_MAX,             \
      .null_ok = true, .help = "one_cycle: it ends at the start / this; default: 10000")           \
    K(PLATEAU_PATIENCE, "schedule/patience", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_PATIENCE,  \
      .null_ok = true, .help = "reduce_on_plateau: epochs without gain; default: 10")              \
    K(COOLDOWN, "schedule/cooldown", TYPE_INTEGER, .high = CONFIG_MAX_PATIENCE, .null_ok = true,   \
      .help = "reduce_on_plateau: epochs after a reduction that do not count; default: 0")         \
    K(PLATEAU_DELTA, "schedule/min_delta", TYPE_NUMBER, .high = DBL_MAX, .null_ok = true,          \
      .help = "reduce_on_plateau: what counts as a gain; default: 0")                              \
    /* ---- training ---- */                                                                       \
    K(TRAINING, "training", TYPE_OBJECT, .help = "how long, in what steps")                        \
    K(EPOCHS, "training/epochs", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_EPOCHS,                \
      .help = "default: 20 to 100, more for few rows")                                             \
    K(BATCH_SIZE, "training/batch_size", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_BATCH,         \
      .help = "default: 16 to 256, by the rows")                                                   \
    K(ACCUMULATE, "training/accumulate", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_BATCH,         \
      .null_ok = true, .help = "batches whose gradients make one step; default: 1")                \
    K(DROP_LAST, "training/drop_last", TYPE_BOOL, .null_ok = true,                                 \
      .help = "leave out an epoch's last batch when it is not full; default: false")               \
    K(SHUFFLE, "training/shuffle", TYPE_BOOL, .help = "a new order every epoch; default: true")    \
    K(SEED, "training/seed", TYPE_INTEGER, .high = CONFIG_MAX_SEED, .null_ok = true,               \
      .help = "default: a random one")                                                             \
    K(THREADS, "training/threads", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_THREADS,             \
      .null_ok = true, .help = "at most so many; they never change a bit; default: 1")             \
    K(PRECISION, "training/precision", TYPE_CHOICE, .choices = config_precisions,                  \
      .null_ok = true, .help = "of the products, where the processor has it; default: float32")    \
    K(CLIP_NORM, "training/clip_norm", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,             \
      .single = true, .null_ok = true,                                                             \
      .help = "the gradient's length is cut to this; null: off; default: 5 (preset simple: off)")  \
    K(CLIP_VALUE, "training/clip_value", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,           \
      .single = true, .null_ok = true,                                                             \
      .help = "each element of the gradient is cut to +- this; null: off")                         \
    K(MAX_NORM, "training/max_norm", TYPE_NUMBER, .open_low = true, .high = FLT_MAX,               \
      .single = true, .null_ok = true,                                                             \
      .help = "each unit's incoming weights are cut to this length after a step; null: off")       \
    K(CLASS_WEIGHT, "training/class_weight", TYPE_OWN, .null_ok = true,                            \
      .help = "\"balanced\", or an object of class to number > 0 (1 where none is given): how "    \
              "much its rows count in training")                                                   \
    K(LABEL_SMOOTHING, "training/label_smoothing", TYPE_NUMBER, .high = 1, .open_high = true,      \
      .null_ok = true,                                                                             \
      .help = "of classes and columns of 0 and 1: what all share; default: 0.05 of three classes " \
              "or more (preset simple: 0)")                                                        \
    K(AVERAGE, "training/average", TYPE_SHORT, .member = "type", .null_ok = true,                  \
      .help = "average the weights over steps (ema) or epochs (swa); these are judged and kept")   \
    K(AVERAGE_TYPE, "training/average/type", TYPE_CHOICE, .choices = config_averages,              \
      .help = "which average")                                                                     \
    K(DECAY, "training/average/decay", TYPE_NUMBER, .open_low = true, .high = 1,                   \
      .open_high = true, .null_ok = true, .help = "ema: what is kept a step; default: 0.999")      \
    K(AVERAGE_START, "training/average/start", TYPE_NUMBER, .high = CONFIG_MAX_EPOCHS,             \
      .null_ok = true,                                                                             \
      .help = "swa: the epoch after which it begins; default: three quarters of all")              \
    K(AUGMENT, "training/augment", TYPE_OBJECT, .null_ok = true,                                   \
      .help = "inputs that are pictures, row by row: change each training row a little, anew in "  \
              "every epoch; DATA.md")                                                              \
    K(SHIFT, "training/augment/shift", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_SIDE,            \
      .null_ok = true, .help = "move it by at most so many whole pixels each way; default: off")   \
    K(MIRROR, "training/augment/mirror", TYPE_BOOL, .null_ok = true,                               \
      .help = "left and right change sides in every other row; default: false")                    \
    K(ROTATE, "training/augment/rotate", TYPE_NUMBER, .open_low = true, .high = 180,               \
      .null_ok = true, .help = "turn it by at most so many degrees each way; default: off")        \
    K(ZOOM, "training/augment/zoom", TYPE_NUMBER, .open_low = true, .high = 1,                     \
      .open_high = true, .null_ok = true,                                                          \
      .help = "make it larger or smaller by at most this share; default: off")                     \
    K(HEIGHT, "training/augment/height", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_SIDE,          \
      .null_ok = true, .help = "default: by the other two, or of a square")                        \
    K(WIDTH, "training/augment/width", TYPE_INTEGER, .low = 1, .high = CONFIG_MAX_SIDE,            \
      .null_ok = true, .help = "default: by the other two, or of a square")                        \
    K(CHANNELS, "training/augment/channels", TYPE_INTEGER, .low = 1, .high = 16,                   \
      .null_ok = true, .help = "numbers a pixel, side by side; default: 1")                        \
    K(GRADIENT_NORMS, "training/record_gradient_norms", TYPE_BOOL, .null_ok = true,                \
      .help = "each layer's gradient in the curve; default: false")                                \
    K(REFIT, "training/refit", TYPE_BOOL, .null_ok = true,                                         \
      .help = "train once more, on training and validation rows together, for as many epochs as "  \
              "were best; default: false")                                                         \
    K(MAX_SECONDS, "training/max_seconds", TYPE_NUMBER, .open_low = true, .high = 1e9,             \
      .null_ok = true, .help = "training ends after so long, at a batch; null: no limit")          \
    K(EARLY_STOPPING, "training/early_stopping", TYPE_OBJECT, .null_ok = true,                     \
      .help = "null: off; default: on when there is a validation part")                            \
    K(MONITOR, "training/early_stopping/monitor", TYPE_OWN,                                        \
      .help = "what decides: training_, validation_ or test_, then loss or a metric's name; "      \
              "default: validation_loss")                                                          \
    K(PATIENCE, "training/early_stopping/patience", TYPE_INTEGER, .low = 1,                        \
      .high = CONFIG_MAX_PATIENCE, .help = "epochs without gain before the end; default: 16")      \
    K(MIN_DELTA, "training/early_stopping/min_delta", TYPE_NUMBER, .high = DBL_MAX,                \
      .help = "what counts as a gain; default: 0")                                                 \
    K(STOP_TARGET, "training/early_stopping/target", TYPE_NUMBER, .low = -DBL_MAX,                 \
      .high = DBL_MAX, .null_ok = true,                                                            \
      .help = "training ends when the monitored value is there or beyond; null: never")            \
    K(RESTORE_BEST, "training/early_stopping/restore_best", TYPE_BOOL, .help = "default: true")    \
    /* ---- the rest ---- */                                                                       \
    K(CALIBRATION, "calibration", TYPE_CHOICE, .choices = config_calibrations, .null_ok = true,    \
      .help = "temperature: divide what goes into softmax or sigmoid by a number, fitted on the "  \
              "validation part; default: temperature where there are both (preset simple: none)")  \
    K(THRESHOLD, "threshold", TYPE_OWN, .null_ok = true,                                           \
      .help = "two classes: the second is the answer from this probability on; or a metric, and "  \
              "the best one for it on the validation part: accuracy, balanced_accuracy, f1, "      \
              "f1_macro, mcc; default: 0.5")                                                       \
    K(METRICS, "metrics", TYPE_CHOICES, .choices = config_metrics, .null_ok = true,                \
      .help = "besides those always there (accuracy, log_loss; or rmse, mae, r2); precision, "     \
              "recall and f1 alone: of the second of two classes, else macro")                     \
    K(INITIAL_WEIGHTS, "initial_weights", TYPE_OWN, .null_ok = true,                               \
      .help = "the layers to start with, as GET /models/{id}/weights shows them; what a layer "    \
              "leaves out is drawn as usual")                                                      \
    K(START_FROM, "start_from", TYPE_SHORT, .member = "model", .null_ok = true,                    \
      .help = "a model to go on from: its id or name, or an object; encoder, classes and shape "   \
              "are its")                                                                           \
    K(START_MODEL, "start_from/model", TYPE_MODEL, .help = "a model's id or name")                 \
    K(START_WEIGHTS, "start_from/weights_sha256", TYPE_TEXT, .null_ok = true,                      \
      .help = "written by the daemon: the weights it starts with")                                 \
    K(START_STATE, "start_from/optimizer_state", TYPE_CHOICE, .choices = config_states,            \
      .null_ok = true,                                                                             \
      .help = "continue: go on with the parent's last weights, moments and epochs; reset: from "   \
              "its kept weights with a fresh optimizer; default: reset")                           \
    K(FREEZE, "start_from/freeze", TYPE_INTEGERS, .high = MLP_MAX_LAYERS, .null_ok = true,         \
      .most = MLP_MAX_LAYERS + 1,                                                                  \
      .help = "layers that stay as they are: 0 is the first hidden one, the last the output's")    \
    K(PRIORITY, "priority", TYPE_INTEGER, .low = -CONFIG_MAX_PRIORITY,                             \
      .high = CONFIG_MAX_PRIORITY, .null_ok = true,                                                \
      .help = "of waiting jobs the highest is next, of equals the oldest; it never changes the "   \
              "model; default: 0")                                                                 \
    K(NOTIFY, "notify", TYPE_OBJECT, .null_ok = true,                                              \
      .help = "tell a server of the job's states, by signed messages (docs/WEBHOOKS.md); it "      \
              "never changes the model")                                                           \
    K(NOTIFY_URL, "notify/url", TYPE_TEXT,                                                         \
      .help = "where they are posted to: https://..., at a public address or in a network that "   \
              "the operator allowed")                                                              \
    K(NOTIFY_EVENTS, "notify/events", TYPE_CHOICES, .choices = config_events, .null_ok = true,     \
      .help = "the states to tell of; default: succeeded, failed, cancelled")

#endif

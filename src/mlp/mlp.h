/* libmlp: fully connected feed-forward networks, trained by gradient descent.
 *
 * A network is a chain of layers. Layer k computes, for a batch of rows,
 *
 *     z_k = a_{k-1} W_k + b_k        a_{k-1} (rows, in), W_k [in][out], b_k (out)
 *     a_k = f_k(z_k)                 f: sigmoid, tanh, relu, ...
 *
 * with a_0 the input, in which indexes may have been replaced by rows of learnt tables
 * (embeddings). A loss compares the last layer with the truth. The forward
 * pass keeps each layer's input a_{k-1}, because that *is* dz/dW; the backward
 * pass runs the same chain in reverse with delta = dL/dz:
 *
 *     dL/dW_k = a_{k-1}^T delta_k    dL/db_k = sum over rows of delta_k
 *     delta_{k-1} = (delta_k W_k^T) * f'(z_{k-1})
 *
 * Everything is row-major float32; sums for losses are double. The library keeps no
 * state of its own between calls, logs nothing, opens no file, starts no thread. The
 * same spec, data and seed give the same bits on the same machine.
 *
 * Threads: a net may be read by many threads at once (each with a workspace of
 * its own) while nobody writes its parameters.
 */
#ifndef MLP_H
#define MLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MLP_API __attribute__((visibility("default")))
#define MLP_CHECK __attribute__((warn_unused_result))

/* float, except in the test build of the same sources that checks gradients in double. */
#ifndef MLP_REAL
#define MLP_REAL float
#endif
typedef MLP_REAL mlp_real;

enum mlp_status {
    MLP_OK = 0,
    MLP_E_ARGUMENT,  /* a spec or a size that makes no sense */
    MLP_E_TOO_LARGE, /* sizes overflow, or pass MLP_MAX_* */
    MLP_E_MEMORY,    /* the allocation failed */
    MLP_E_BACKEND,   /* the matrix product library refused */
    MLP_E_SOURCE,    /* a source had no rows */
};
MLP_API const char *mlp_status_text(enum mlp_status status);

#define MLP_MAX_LAYERS 64     /* hidden layers */
#define MLP_MAX_UNITS  65536  /* width of a hidden or of the output layer */
#define MLP_MAX_INPUTS 1000000
#define MLP_MAX_EMBEDDINGS 4096
#define MLP_MAX_LEVELS     (1 << 24) /* of a table: as far as a float counts exactly */

/* ---- what a network is ------------------------------------------------------ */

enum mlp_activation {
    MLP_IDENTITY,
    MLP_SIGMOID,
    MLP_TANH,
    MLP_RELU,       /* f'(0) = 0 */
    MLP_LEAKY_RELU, /* slope .01 below 0 */
    MLP_PRELU,      /* a learnt slope below 0 for each unit, .25 at first */
    MLP_ELU,        /* e^z - 1 below 0 */
    MLP_SELU,       /* scaled elu (Klambauer 2017); its dropout is alpha dropout */
    MLP_GELU,       /* z Phi(z), exact */
    MLP_SILU,       /* z sigmoid(z) */
    MLP_SOFTPLUS,   /* log(1 + e^z) */
    MLP_SOFTSIGN,   /* z / (1 + |z|) */
    MLP_MISH,       /* z tanh(softplus(z)) */
    MLP_MAXOUT,     /* the largest of `pieces` linear pieces (Goodfellow 2013); ties: the first */
};

/* Deviations: glorot sqrt(2 / (in + out)), he sqrt(2 / in), lecun sqrt(1 / in); the uniform ones
 * have the same deviation. The others: see init_scale. Biases are 0 but for UNIFORM_FAN_IN. */
enum mlp_init {
    MLP_GLOROT_UNIFORM,
    MLP_GLOROT_NORMAL,
    MLP_HE_UNIFORM,
    MLP_HE_NORMAL,
    MLP_LECUN_UNIFORM,
    MLP_LECUN_NORMAL,
    MLP_UNIFORM_FAN_IN, /* weights and biases in +-1 / sqrt(in) */
    MLP_ORTHOGONAL,     /* orthonormal rows or columns, times init_scale (0: 1) */
    MLP_UNIFORM,        /* in +-init_scale (0: .05) */
    MLP_NORMAL,         /* of deviation init_scale (0: .05) */
    MLP_ZEROS,
};

enum mlp_norm { MLP_NORM_NONE, MLP_NORM_BATCH, MLP_NORM_LAYER };

/* What the last layer's z becomes in a prediction. EXP is the log link: e^z, z clamped to +-30
 * (no gradient outside). */
enum mlp_output { MLP_OUT_IDENTITY, MLP_OUT_SIGMOID, MLP_OUT_SOFTMAX, MLP_OUT_EXP };

/* Which loss trains it. z is the last layer's linear output, p the prediction, r = y - p.
 *   CROSS_ENTROPY         softmax: -sum_k y_k log p_k, y one-hot of a label, or a row of targets
 *   BINARY_CROSS_ENTROPY  sigmoid a column, targets in [0,1]: softplus(z) - y z
 *   FOCAL, BINARY_FOCAL   -sum_k y_k (1 - p_k)^g log p_k, g = loss_parameter; softmax, or sigmoid
 *                         (there also for the other side: -(1-y) p^g log(1-p))
 *   MSE                   r^2, no one half
 *   MAE                   |r|, derivative 0 at 0
 *   HUBER                 r^2/2 within d, d(|r| - d/2) beyond, d = loss_parameter
 *   QUANTILE              max(t r, (t-1) r), t = loss_parameter in (0,1); derivative 0 at 0
 *   LOG_COSH              log cosh r
 *   POISSON               the unit deviance, here and below: 2 (y log(y/p) - y + p); y >= 0
 *   GAMMA                 2 (y/p - 1 - log(y/p)); y > 0
 *   TWEEDIE               2 (y^(2-q)/((1-q)(2-q)) - y p^(1-q)/(1-q) + p^(2-q)/(2-q)),
 *                         q = loss_parameter in (1,2); y >= 0
 * Losses of columns are averaged: a row's loss is l_i. The batch loss is sum(w_i l_i) / rows. A z
 * that is not finite makes the loss of its row NaN. */
enum mlp_loss {
    MLP_CROSS_ENTROPY,
    MLP_BINARY_CROSS_ENTROPY,
    MLP_FOCAL,
    MLP_BINARY_FOCAL,
    MLP_MSE,
    MLP_MAE,
    MLP_HUBER,
    MLP_QUANTILE,
    MLP_LOG_COSH,
    MLP_POISSON,
    MLP_GAMMA,
    MLP_TWEEDIE,
};
#define MLP_MAX_PIECES 16

/* linear -> norm -> activation -> noise -> dropout -> + the layer's input if residual */
struct mlp_layer_spec {
    size_t units;
    enum mlp_activation activation;
    size_t pieces;     /* of maxout, 2 to MLP_MAX_PIECES; else 0 */
    enum mlp_norm norm; /* a layer with batch norm has no bias */
    bool residual;     /* the layer must be as wide as its input */
    enum mlp_init init;
    double init_scale; /* see enum mlp_init */
    double dropout;    /* share of units dropped while training, [0, 1) */
    double noise;      /* deviation of normal noise added while training */
};

/* A learnt table (levels, width): a row for each category. */
struct mlp_embedding {
    size_t levels; /* 1 to MLP_MAX_LEVELS; a category is an index below it, */
    size_t width;  /* and becomes so many numbers, 1 to MLP_MAX_UNITS */
};

/* The last n_embeddings of the n_inputs columns of x are indexes, whole numbers from 0. Before
 * anything else is done to a row each becomes the row of its table that it names, so that
 *
 *     a_0 = (numbers, table_0[i_0], table_1[i_1], ..)
 *
 * has mlp_spec_width numbers: it is they that the input scale, input dropout and noise, the first
 * layer's weights and its residual see. What is not such an index (NaN, 1.5, -1, `levels`) is
 * MLP_E_ARGUMENT wherever data is given. */
struct mlp_spec {
    size_t n_inputs;
    size_t n_outputs;
    size_t n_hidden;                     /* 0 = linear or logistic regression */
    const struct mlp_layer_spec *hidden; /* [n_hidden]; copied by mlp_net_new */
    size_t n_embeddings;                 /* <= n_inputs; 0: all of x are numbers */
    const struct mlp_embedding *embeddings; /* [n_embeddings]; copied by mlp_net_new */
    bool input_scale;                    /* a learnt factor for each number of a_0, 1 at first */
    double input_dropout, input_noise;   /* as a layer's */
    enum mlp_init output_init;
    double output_init_scale;
    enum mlp_output output;
    enum mlp_loss loss;
    double loss_parameter;               /* of those losses that have one, else 0 */
    double temperature; /* softmax and sigmoid: a prediction is of z / temperature; 0: 1. A
                         * training knows nothing of it */
    double threshold;   /* of two classes the second is the answer from this probability on;
                         * 0: .5. For metrics and those who answer: probabilities do not change */
};

/* The names used in JSON, SQL and messages: "relu", "glorot_uniform", ... ; the
 * parse functions return false when the name is not one of them. The tables of all
 * names are NULL-terminated, in enum order. */
MLP_API const char *const *mlp_activation_names(void);
MLP_API const char *const *mlp_init_names(void);
MLP_API const char *const *mlp_output_names(void);
MLP_API const char *const *mlp_loss_names(void);
MLP_API bool mlp_activation_parse(const char *name, enum mlp_activation *out);
MLP_API bool mlp_init_parse(const char *name, enum mlp_init *out);
MLP_API bool mlp_output_parse(const char *name, enum mlp_output *out);
MLP_API bool mlp_loss_parse(const char *name, enum mlp_loss *out);

/* Whether sizes are in range and all fits together: output and loss (softmax with
 * CROSS_ENTROPY and FOCAL, sigmoid with the BINARY ones, exp with POISSON, GAMMA and TWEEDIE,
 * identity or sigmoid with the rest), pieces and maxout, residual and widths. Takes no memory,
 * and no time however absurd the numbers; so do mlp_spec_parameters and mlp_estimate. */
MLP_API MLP_CHECK enum mlp_status mlp_spec_check(const struct mlp_spec *spec);

/* Numbers of a_0: n_inputs - n_embeddings and the widths of all tables. Of a spec that
 * mlp_spec_check accepts. */
MLP_API size_t mlp_spec_width(const struct mlp_spec *spec);

/* Trained numbers: weights, biases, slopes, scales, tables. MLP_E_TOO_LARGE on overflow. */
MLP_API MLP_CHECK enum mlp_status mlp_spec_parameters(const struct mlp_spec *spec, size_t *out);

/* ---- a network -------------------------------------------------------------- */

struct mlp_net;

/* All parameters zero. Free with mlp_net_free. */
MLP_API MLP_CHECK enum mlp_status mlp_net_new(const struct mlp_spec *spec, struct mlp_net **out);
MLP_API void mlp_net_free(struct mlp_net **net);

/* Draw the weights from stream "init" of the seed (see rng.h); the rest to its first values. Tables
 * are normal of deviation .05, their row 0 ("missing, or never seen") is all zeros.
 * ORTHOGONAL takes scratch of one layer's weights: hence a status. */
MLP_API MLP_CHECK enum mlp_status mlp_net_init(struct mlp_net *net, uint64_t seed);

MLP_API const struct mlp_spec *mlp_net_spec(const struct mlp_net *net);
MLP_API size_t mlp_net_parameters(const struct mlp_net *net);
/* Parameters, and behind them the state that is not trained (batch norm's running
 * statistics): together what a prediction needs, and what is stored. */
MLP_API size_t mlp_net_values(const struct mlp_net *net);
/* The one flat array of mlp_net_values numbers, owned by the net: [input scale], [tables (levels,
 * width), one after the other], then layer after layer weights [in][out x pieces], bias, [norm's
 * gain, shift], [slopes]; then the state, layer after layer running mean, running variance. */
MLP_API mlp_real *mlp_net_params(struct mlp_net *net);
MLP_API const mlp_real *mlp_net_params_const(const struct mlp_net *net);

/* Layer k of n_hidden + 1: pointers into the flat array, NULL where the layer has no such thing. */
struct mlp_layer_view {
    size_t n_in, n_out;      /* n_out: columns of z, units x pieces */
    size_t units;
    const mlp_real *weights; /* [n_in][n_out] */
    const mlp_real *bias;    /* [n_out] */
    const mlp_real *gain, *shift;    /* [n_out], of a norm */
    const mlp_real *slope;           /* [units], of prelu */
    const mlp_real *mean, *variance; /* [n_out], batch norm's running statistics */
};
MLP_API void mlp_net_layer(const struct mlp_net *net, size_t k, struct mlp_layer_view *out);
/* [mlp_spec_width], or NULL */
MLP_API const mlp_real *mlp_net_input_scale(const struct mlp_net *net);
/* Table i < n_embeddings: (levels, width) */
MLP_API const mlp_real *mlp_net_embedding(const struct mlp_net *net, size_t i);

/* ---- a thread's room for passes ---------------------------------------------- */

struct mlp_workspace;

/* Room for forward passes of up to max_rows rows (more rows go in slices). One thread at
 * a time. The net must outlive it; any net of the same spec may be used with it. */
MLP_API MLP_CHECK enum mlp_status mlp_workspace_new(const struct mlp_net *net, size_t max_rows,
                                                    struct mlp_workspace **out);
MLP_API void mlp_workspace_free(struct mlp_workspace **ws);

/* x (rows, n_inputs) -> out (rows, n_outputs): probabilities or values, the output
 * function applied. A row's result does not depend on the rows around it, to the last bit.
 * MLP_E_ARGUMENT: an index that its table does not have; `out` is not to be used then. */
MLP_API MLP_CHECK enum mlp_status mlp_predict(const struct mlp_net *net, struct mlp_workspace *ws,
                                              const mlp_real *x, size_t rows, mlp_real *out);

/* The same where rows have an offset (rows) of their own, added to each z of the last layer. */
MLP_API MLP_CHECK enum mlp_status mlp_predict_offset(const struct mlp_net *net,
                                                     struct mlp_workspace *ws, const mlp_real *x,
                                                     const mlp_real *offset, size_t rows,
                                                     mlp_real *out);

/* z of the last layer instead, offset included, before temperature and output function. */
MLP_API MLP_CHECK enum mlp_status mlp_predict_linear(const struct mlp_net *net,
                                                     struct mlp_workspace *ws, const mlp_real *x,
                                                     const mlp_real *offset, size_t rows,
                                                     mlp_real *out);

/* Set what stands in the spec; nobody else may use the net meanwhile. MLP_E_ARGUMENT: no finite
 * number > 0 (0: as if it were not there), no softmax or sigmoid; no threshold in [0, 1). */
MLP_API MLP_CHECK enum mlp_status mlp_net_set_answers(struct mlp_net *net, double temperature,
                                                      double threshold);

/* Rows with their truth: `labels` (they go first) or rows of probabilities in `targets` for a
 * softmax, else `targets`. Borrowed. What evaluates or trains refuses (MLP_E_ARGUMENT) truth that
 * the loss cannot mean (labels out of range; probabilities below 0, or that do not add up to
 * 1 within 1e-6; targets outside [0, 1] of a binary loss, below 0 of POISSON and TWEEDIE, 0 or
 * less or subnormal of GAMMA), numbers that are not finite in anything but x, indexes that their
 * table does not have, and weights that are negative or all 0. */
struct mlp_data {
    size_t rows;
    const mlp_real *x;       /* (rows, n_inputs), or NULL with a source */
    const mlp_real *targets; /* (rows, n_outputs), or NULL */
    const uint32_t *labels;  /* (rows), each < n_outputs, or NULL */
    const mlp_real *weights; /* (rows), >= 0, mean 1 over the training rows; NULL: all 1 */
    const mlp_real *offset;  /* (rows), added to each z of the last layer; NULL: all 0 */
    const struct mlp_source *source; /* of x, where that is too large for memory; or NULL */
};

/* Rows [first, first + n) of x as (n, n_inputs), until the next call; NULL: they cannot be had, and
 * what wanted them is MLP_E_SOURCE. One thread at a time, the caller's. */
#define MLP_SOURCE_ROWS 1024 /* n at most */
struct mlp_source {
    const mlp_real *(*rows)(void *arg, size_t first, size_t n);
    void *arg;
};
static inline const mlp_real *mlp_data_x(const struct mlp_data *d, size_t n_inputs, size_t first,
                                         size_t n)
{
    return d->source != NULL ? d->source->rows(d->source->arg, first, n) : d->x + first * n_inputs;
}

/* Let the first prediction be right on average: of POISSON, GAMMA and TWEEDIE the last bias
 * becomes log(sum w y / sum w e^offset), column by column, within +-30. Of other losses
 * nothing changes. To be called after mlp_net_init, with the training rows. MLP_E_ARGUMENT:
 * data that training would refuse. */
MLP_API MLP_CHECK enum mlp_status mlp_net_start_bias(struct mlp_net *net,
                                                     const struct mlp_data *data);

struct mlp_score {
    double loss;     /* weighted mean over rows, training units, no penalty */
    double accuracy; /* weighted share of rows whose every output is on the right side; NaN for
                      * losses of numbers */
};
MLP_API MLP_CHECK enum mlp_status mlp_evaluate(const struct mlp_net *net, struct mlp_workspace *ws,
                                               const struct mlp_data *data, struct mlp_score *out);

/* ---- training ---------------------------------------------------------------- */

/* Definitions as PyTorch's; learning rates and parameters of each: see struct mlp_train_spec. */
enum mlp_optimizer {
    MLP_SGD,
    MLP_ADAM,
    MLP_ADAMW, /* adam; what differs is the usual weight_decay */
    MLP_NADAM,
    MLP_RADAM,
    MLP_LION,
    MLP_RMSPROP,
    MLP_ADAGRAD,
    MLP_ADADELTA,
    MLP_RPROP, /* full batch */
    MLP_LBFGS, /* full batch: history 10, strong Wolfe line search; an epoch is an iteration */
};
MLP_API const char *const *mlp_optimizer_names(void);
MLP_API bool mlp_optimizer_parse(const char *name, enum mlp_optimizer *out);

/* The learning rate at fractional epoch e = step / steps_per_epoch, as a factor of
 * learning_rate; E = epochs. Computed in double. */
enum mlp_schedule_type {
    MLP_CONSTANT,
    MLP_STEP,         /* factor ^ floor(e / every) */
    MLP_MULTISTEP,    /* factor ^ (milestones <= e) */
    MLP_EXPONENTIAL,  /* factor ^ e */
    MLP_INVERSE_TIME, /* 1 / (1 + factor e) */
    MLP_POLYNOMIAL,   /* final + (1 - final) (1 - e/E) ^ power */
    MLP_COSINE,       /* final + (1 - final) (1 + cos(pi c)) / 2, c from 0 at the cycle's first step
                       * to 1 at its last */
    MLP_ONE_CYCLE,    /* up from 1/start_divisor by a cosine over peak E, then down to
                       * 1/(start_divisor final_divisor) */
    MLP_PLATEAU,      /* times factor after `patience` epochs without gain, not under final */
};
MLP_API const char *const *mlp_schedule_names(void);
MLP_API bool mlp_schedule_parse(const char *name, enum mlp_schedule_type *out);

struct mlp_schedule {
    enum mlp_schedule_type type;
    double warmup_epochs;     /* any type: first the rate rises linearly, from rate / steps of it;
                               * the schedule runs on the epochs after it */
    double factor;
    double every;             /* step: epochs */
    size_t n_milestones;
    const double *milestones; /* epochs, rising; borrowed */
    double power;             /* polynomial */
    double final;             /* share of learning_rate */
    double cycle_epochs;      /* cosine: length of the first cycle; 0: one cycle, E */
    double cycle_growth;      /* each cycle is so many times the one before, >= 1 */
    double peak;              /* one_cycle: share of E, (0, 1) */
    double start_divisor, final_divisor; /* one_cycle */
    size_t patience, cooldown; /* plateau, in evaluated epochs */
    double min_delta;          /* plateau */
};

/* Averages of the weights; what is evaluated, kept as best and published, while the
 * training itself goes on with the raw ones. */
enum mlp_average { MLP_AVERAGE_NONE, MLP_AVERAGE_EMA, MLP_AVERAGE_SWA };

/* Settings of one layer's parameters. The first layer's are those of the tables in front of it. */
struct mlp_layer_train {
    double l1, l2;  /* in place of the spec's */
    double rate;    /* times the learning rate; 0: 1 */
    bool frozen;    /* keep the parameters as they are */
};

enum mlp_precision { MLP_FLOAT32, MLP_BFLOAT16 };
/* Whether products in bfloat16 are possible here; *why says what is missing. */
MLP_API bool mlp_bfloat16_available(const char **why);

/* Rows that are pictures: each training row is changed as drawn per (epoch, row), what comes in
 * from outside takes `fill`. */
struct mlp_augment {
    size_t shift;  /* at most so many whole pixels each way; 0: off */
    bool mirror;   /* left and right change sides, every other time */
    double rotate; /* at most so many degrees each way, 180 at most; 0: off */
    double zoom;   /* larger and smaller by at most this share, under 1; 0: off */
    size_t height, width, channels; /* row-major, channels innermost */
    mlp_real fill;
};

/* One step: the gradient of `accumulate` batches as if they were one; clip_value;
 * clip_norm; add l1 and l2; update; weight_decay comes before the update; max_norm; average. */
struct mlp_train_spec {
    enum mlp_optimizer optimizer;
    double learning_rate;
    double momentum; /* sgd: buf = momentum buf + g; rmsprop too */
    bool nesterov;   /* sgd: step along g + momentum buf */
    double beta1, beta2, epsilon; /* adam and its kin; lion has no epsilon */
    double rho;      /* rmsprop's alpha, adadelta's rho */
    bool amsgrad;    /* adam, adamw: the largest v so far */
    double momentum_decay;         /* nadam: psi */
    double l1, l2;   /* add l1 sum |W| + l2/2 sum W^2 to the batch-mean loss; weights and tables */
    double weight_decay; /* W *= 1 - rate weight_decay before the update; weights and tables */
    double clip_value;   /* each gradient element to +-clip_value; 0: off */
    double clip_norm;    /* the whole gradient to this length; 0: off */
    double max_norm;     /* each unit's incoming weights to this length after the step; not tables;
                          * 0: off */
    double bias_rate, input_scale_rate;    /* times the learning rate; 0: 1 */
    const struct mlp_layer_train *layers;  /* [n_hidden + 1], borrowed; NULL: none has its own */
    struct mlp_schedule schedule;
    enum mlp_average average;
    double average_decay;   /* ema */
    double average_start;   /* swa: the epoch after which averaging begins */
    size_t epochs;
    size_t schedule_epochs; /* what the schedule takes for all epochs, >= `epochs`; 0: these */
    size_t batch_size;
    size_t accumulate; /* batches in a step; 0 and 1: one */
    bool shuffle;    /* a fresh permutation every epoch, from (seed, epoch) */
    size_t window;   /* training rows with a source: so many are held at a time (whole batches). An
                      * epoch shuffles blocks of at most 1024 rows, and then the rows of each
                      * window; one window, or no shuffle, gives the bits of rows in memory. Else
                      * 0 */
    bool drop_last;  /* leave out an epoch's last batch when it is not full */
    uint64_t seed;
    double label_smoothing; /* while training: truth (1 - e) y + e / K; a sigmoid column's K is 2 */
    struct mlp_augment augment;
    enum mlp_precision precision;
    size_t threads;  /* at most so many; 0 and 1: the caller's alone. Never changes a bit */
    bool gradient_norms; /* measure each layer's, see struct mlp_epoch */

    bool maximize;   /* a larger monitored value is better (only with callbacks.monitor) */
    size_t patience; /* evaluated epochs without gain before stopping; 0 = never */
    double min_delta;
    bool has_target;
    double target;   /* stop when the monitored value is there or beyond */
    double max_seconds; /* of training, by callbacks.clock; 0: no limit */
    bool restore_best;
};

/* What training takes: bytes of the one arena (parameters are the net's own and not in
 * it), and multiply-adds times two of all epochs. `rows` is the number of training rows, at
 * most 2^32 - 1. Not in it: what the matrix product library keeps for itself, some megabytes
 * (compiled code, packing buffers of the order of one layer's weights). */
struct mlp_estimate {
    size_t parameters;
    size_t net_bytes;   /* the net itself */
    size_t arena_bytes; /* gradients, moments, best copy, activations, permutation */
    size_t state_bytes; /* of mlp_trainer_save, at most; for those who save */
    double flops;
};
MLP_API MLP_CHECK enum mlp_status mlp_estimate(const struct mlp_spec *spec,
                                               const struct mlp_train_spec *train, size_t rows,
                                               struct mlp_estimate *out);

/* One finished epoch; pointers are valid during the callback only. */
struct mlp_epoch {
    size_t epoch;          /* from 1 */
    double training_loss;  /* running mean while the weights moved, no penalty */
    struct mlp_score validation; /* NaNs without validation rows */
    double monitored;      /* what decides: validation.loss, or training_loss without
                            * validation rows, or what callbacks.monitor said */
    double learning_rate;  /* of its last step */
    double seconds;        /* training alone, evaluation left out */
    size_t samples;        /* rows trained in it; fewer where max_seconds cut it short */
    const double *gradient_norms; /* [n_hidden + 1]: root of the mean over steps of |dL/dW_k|^2;
                                   * NULL unless asked for */
    bool improved;         /* it is the best so far */
    size_t best_epoch;     /* 0 = none yet */
    const mlp_real *best_params; /* [mlp_net_values], NULL while best_epoch is 0; always finite */
};

struct mlp_callbacks {
    void *arg;
    bool (*stop)(void *arg);                                /* before every step; may be NULL */
    void (*epoch)(void *arg, const struct mlp_epoch *epoch); /* may be NULL */
    double (*clock)(void);                                  /* monotonic seconds; NULL: none */
    /* What is to decide instead of the loss: called after each epoch with the weights
     * that would be published. May be NULL. */
    double (*monitor)(void *arg, const struct mlp_net *net, const struct mlp_epoch *epoch);
    /* Call body(ctx, i) for every i < n, on up to n threads at once, and return when all are
     * done. NULL: one thread. */
    void (*parallel_for)(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx);
};

enum mlp_stop {
    MLP_BY_EPOCHS,
    MLP_BY_PATIENCE,
    MLP_BY_CALLER,
    MLP_BY_DIVERGENCE,
    MLP_BY_TARGET,
    MLP_BY_MAX_SECONDS,
    MLP_BY_CONVERGENCE, /* lbfgs: no step makes the loss smaller */
};

struct mlp_result {
    enum mlp_stop stopped_by;
    size_t epochs;       /* finished */
    size_t best_epoch;   /* 0 = none: no epoch ended with finite weights */
    double best_loss;    /* of the monitored split */
    size_t steps;        /* optimizer steps done */
    double last_loss;    /* of the last batch; not finite after a divergence */
};

/* Train the net from the parameters it has. `validation` may be NULL, or have no rows: then
 * the running training loss decides what is best. Better means lower by more than min_delta;
 * a loss that is not finite is never better. A divergence is a batch loss that is not
 * finite, or parameters that are not when an epoch would be the best or the last one; that
 * epoch does not count and is not reported. Afterwards the net holds the best epoch's parameters
 * (restore_best, or a divergence) or the last ones. With a divergence before any finite
 * epoch the parameters are not finite and best_epoch is 0. */
MLP_API MLP_CHECK enum mlp_status mlp_train(struct mlp_net *net, const struct mlp_train_spec *spec,
                                            const struct mlp_data *training,
                                            const struct mlp_data *validation,
                                            const struct mlp_callbacks *callbacks,
                                            struct mlp_result *result);

/* The same in pieces, for those who stop and go on. A trainer borrows all it is given; the net is
 * its own until it is freed. mlp_trainer_run goes on until the training ends or the stop
 * callback says so; then it may be called again. The net then has the latest weights;
 * mlp_trainer_publish puts those into it that mlp_train would leave there, and ends the
 * training. */
struct mlp_trainer;
MLP_API MLP_CHECK enum mlp_status mlp_trainer_new(struct mlp_net *net,
                                                  const struct mlp_train_spec *spec,
                                                  const struct mlp_data *training,
                                                  const struct mlp_data *validation,
                                                  const struct mlp_callbacks *callbacks,
                                                  struct mlp_trainer **out);
MLP_API MLP_CHECK enum mlp_status mlp_trainer_run(struct mlp_trainer *t,
                                                  struct mlp_result *result);
MLP_API void mlp_trainer_publish(struct mlp_trainer *t);
MLP_API void mlp_trainer_free(struct mlp_trainer **t);

/* All that another trainer of the same spec and data needs to go on from here and come to the
 * same bits: weights, moments, counters, the best so far. For the same build and machine.
 * mlp_trainer_save may be called between runs, before mlp_trainer_publish, and in the epoch
 * callback; `out` has room for mlp_trainer_state_size bytes. */
MLP_API size_t mlp_trainer_state_size(const struct mlp_trainer *t);
MLP_API void mlp_trainer_save(const struct mlp_trainer *t, void *out);
/* Right after mlp_trainer_new. MLP_E_ARGUMENT when the state is of another network or training;
 * then nothing has changed. */
MLP_API MLP_CHECK enum mlp_status mlp_trainer_load(struct mlp_trainer *t, const void *state,
                                                   size_t size);
/* The best weights so far, [mlp_net_values] and finite, and their epoch; NULL while there are none.
 * Valid until the next run. */
MLP_API const mlp_real *mlp_trainer_best(const struct mlp_trainer *t, size_t *epoch);
/* Go on where another training of the same network ended, with its last weights, moments, step
 * count and epochs (the orders of rows and the dropped units go on from there); the epochs
 * reported, the schedule, the best so far and patience begin anew. 10 epochs and 10 more are so
 * the 20 of one training with a constant rate. MLP_E_ARGUMENT when network or optimizer differ. */
MLP_API MLP_CHECK enum mlp_status mlp_trainer_extend(struct mlp_trainer *t, const void *state,
                                                     size_t size);

/* ---- metrics ------------------------------------------------------------------ */

#include "mlp_metrics.h"
#include "mlp_trace.h"

MLP_API const char *mlp_version(void);
/* "onednn 2.6.0", "cblas", "reference" and the vector instruction set in use. */
MLP_API const char *mlp_backend(void);

#ifdef __cplusplus
}
#endif
#endif

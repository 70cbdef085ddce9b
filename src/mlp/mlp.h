/* libmlp: fully connected feed-forward networks, trained by gradient descent.
 *
 * A network is a chain of layers. Layer k computes, for a batch of rows,
 *
 *     z_k = a_{k-1} W_k + b_k        a_{k-1} (rows, in), W_k [in][out], b_k (out)
 *     a_k = f_k(z_k)                 f: sigmoid, tanh, relu, ...
 *
 * with a_0 the input. A loss compares the last layer with the truth. The forward
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
};
MLP_API const char *mlp_status_text(enum mlp_status status);

#define MLP_MAX_LAYERS 64     /* hidden layers */
#define MLP_MAX_UNITS  65536  /* width of a hidden or of the output layer */
#define MLP_MAX_INPUTS 1000000

/* ---- what a network is ------------------------------------------------------ */

enum mlp_activation { MLP_IDENTITY, MLP_SIGMOID, MLP_TANH, MLP_RELU, MLP_LEAKY_RELU };
enum mlp_init { MLP_GLOROT_UNIFORM, MLP_GLOROT_NORMAL, MLP_HE_UNIFORM, MLP_HE_NORMAL };

/* What the last layer's z becomes in a prediction. */
enum mlp_output { MLP_OUT_IDENTITY, MLP_OUT_SIGMOID, MLP_OUT_SOFTMAX };

/* Which loss trains it. The two cross-entropies work on logits (the last z):
 *   CROSS_ENTROPY         softmax, one label a row: log-sum-exp(z) - z[label]
 *   BINARY_CROSS_ENTROPY  sigmoid a column, targets in [0,1]: softplus(z) - y z,
 *                         averaged over columns (binary and multi-label)
 *   MSE                   (y - f(z))^2 averaged over columns, no one half; f = output
 * A row's loss l_i, the batch loss is their mean (learning rate times its gradient). */
enum mlp_loss { MLP_CROSS_ENTROPY, MLP_BINARY_CROSS_ENTROPY, MLP_MSE };

struct mlp_layer_spec {
    size_t units;
    enum mlp_activation activation;
    enum mlp_init init;
};

struct mlp_spec {
    size_t n_inputs;
    size_t n_outputs;
    size_t n_hidden;                     /* 0 = linear or logistic regression */
    const struct mlp_layer_spec *hidden; /* [n_hidden]; copied by mlp_net_new */
    enum mlp_init output_init;
    enum mlp_output output;
    enum mlp_loss loss;
};

/* The names used in JSON, SQL and messages: "relu", "glorot_uniform", ... ; the
 * parse functions return false when the name is not one of them. The tables of all
 * names are NULL-terminated, in enum order. */
MLP_API const char *const *mlp_activation_names(void);
MLP_API const char *const *mlp_init_names(void);
MLP_API const char *const *mlp_output_names(void);
MLP_API bool mlp_activation_parse(const char *name, enum mlp_activation *out);
MLP_API bool mlp_init_parse(const char *name, enum mlp_init *out);
MLP_API bool mlp_output_parse(const char *name, enum mlp_output *out);

/* Whether sizes are in range and output fits loss (softmax with CROSS_ENTROPY, sigmoid
 * with BINARY_CROSS_ENTROPY, identity or sigmoid with MSE). Takes no memory, and no time
 * however absurd the numbers; so do mlp_spec_parameters and mlp_estimate. */
MLP_API MLP_CHECK enum mlp_status mlp_spec_check(const struct mlp_spec *spec);

/* sum over layers of in * out + out; MLP_E_TOO_LARGE on overflow. */
MLP_API MLP_CHECK enum mlp_status mlp_spec_parameters(const struct mlp_spec *spec, size_t *out);

/* ---- a network -------------------------------------------------------------- */

struct mlp_net;

/* Parameters zero. Free with mlp_net_free. */
MLP_API MLP_CHECK enum mlp_status mlp_net_new(const struct mlp_spec *spec, struct mlp_net **out);
MLP_API void mlp_net_free(struct mlp_net **net);

/* Draw the weights from stream "init" of the seed (see rng.h); biases 0. */
MLP_API void mlp_net_init(struct mlp_net *net, uint64_t seed);

MLP_API const struct mlp_spec *mlp_net_spec(const struct mlp_net *net);
MLP_API size_t mlp_net_parameters(const struct mlp_net *net);
/* The one flat parameter array: layer after layer, weights [in][out], then bias [out].
 * Owned by the net. */
MLP_API mlp_real *mlp_net_params(struct mlp_net *net);
MLP_API const mlp_real *mlp_net_params_const(const struct mlp_net *net);

/* Layer k of n_hidden + 1: pointers into the flat array. */
struct mlp_layer_view {
    size_t n_in, n_out;
    const mlp_real *weights; /* [n_in][n_out] */
    const mlp_real *bias;    /* [n_out] */
};
MLP_API void mlp_net_layer(const struct mlp_net *net, size_t k, struct mlp_layer_view *out);

/* ---- a thread's room for passes ---------------------------------------------- */

struct mlp_workspace;

/* Room for forward passes of up to max_rows rows (more rows go in slices). One thread at
 * a time. The net must outlive it; any net of the same spec may be used with it. */
MLP_API MLP_CHECK enum mlp_status mlp_workspace_new(const struct mlp_net *net, size_t max_rows,
                                                    struct mlp_workspace **out);
MLP_API void mlp_workspace_free(struct mlp_workspace **ws);

/* x (rows, n_inputs) -> out (rows, n_outputs): probabilities or values, the output
 * function applied. A row's result does not depend on the rows around it, to the last bit. */
MLP_API MLP_CHECK enum mlp_status mlp_predict(const struct mlp_net *net, struct mlp_workspace *ws,
                                              const mlp_real *x, size_t rows, mlp_real *out);

/* Rows with their truth: `labels` for CROSS_ENTROPY, else `targets`. Borrowed. */
struct mlp_data {
    size_t rows;
    const mlp_real *x;       /* (rows, n_inputs) */
    const mlp_real *targets; /* (rows, n_outputs), or NULL */
    const uint32_t *labels;  /* (rows), each < n_outputs, or NULL */
};

struct mlp_score {
    double loss;     /* mean over rows, training units, no penalty */
    double accuracy; /* share of rows whose every output is on the right side; NaN for MSE */
};
MLP_API MLP_CHECK enum mlp_status mlp_evaluate(const struct mlp_net *net, struct mlp_workspace *ws,
                                               const struct mlp_data *data, struct mlp_score *out);

/* ---- training ---------------------------------------------------------------- */

enum mlp_optimizer { MLP_SGD, MLP_ADAM };
MLP_API const char *const *mlp_optimizer_names(void);
MLP_API bool mlp_optimizer_parse(const char *name, enum mlp_optimizer *out);

struct mlp_train_spec {
    enum mlp_optimizer optimizer;
    double learning_rate;
    double momentum; /* sgd: buf = momentum buf + g */
    bool nesterov;   /* sgd: step along g + momentum buf */
    double beta1, beta2, epsilon; /* adam: w -= lr mhat / (sqrt(vhat) + epsilon) */
    double l2;       /* adds l2/2 sum W^2 to the batch-mean loss; weights only, no biases */
    size_t epochs;
    size_t batch_size;
    bool shuffle;    /* a fresh permutation every epoch, from (seed, epoch) */
    uint64_t seed;
    size_t patience; /* evaluated epochs without gain before stopping; 0 = never */
    double min_delta;
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
    double learning_rate;
    double seconds;        /* training alone, evaluation left out */
    size_t samples;        /* rows trained in it */
    bool improved;         /* it is the best so far */
    size_t best_epoch;     /* 0 = none yet */
    const mlp_real *best_params; /* [parameters], NULL while best_epoch is 0; always finite */
};

struct mlp_callbacks {
    void *arg;
    bool (*stop)(void *arg);                                /* polled before every batch; may be NULL */
    void (*epoch)(void *arg, const struct mlp_epoch *epoch); /* may be NULL */
    double (*clock)(void);                                  /* monotonic seconds; NULL = no timing */
};

enum mlp_stop { MLP_BY_EPOCHS, MLP_BY_PATIENCE, MLP_BY_CALLER, MLP_BY_DIVERGENCE };

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

/* ---- metrics ------------------------------------------------------------------ */

#include "mlp_metrics.h"

MLP_API const char *mlp_version(void);
/* "onednn 2.6.0", "cblas", "reference" and the vector instruction set in use. */
MLP_API const char *mlp_backend(void);

#ifdef __cplusplus
}
#endif
#endif

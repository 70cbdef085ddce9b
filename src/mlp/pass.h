/* The forward and the backward pass over a net's layers.
 *
 * A struct pass is the room they need: for training every layer's buffers, for prediction two
 * that take turns. One caller at a time, whose team may help.
 *
 * A step of training has two phases. The first takes rows from x to the loss and back to
 * delta_k = dL/dz_k of every layer; the second makes the gradients, dL/dW_k = a_{k-1}^T
 * delta_k and dL/db_k, of which no row needs to know. Slices of rows, then pieces of layers, are so
 * worked at side by side, and a piece of the gradient may be used up while it is in the cache.
 * How rows and layers are divided never changes a bit: a row's numbers do not depend on the rows
 * beside it, and each number of a gradient is one sum in one order.
 */
#ifndef MLP_PASS_H
#define MLP_PASS_H

#include "mlp/gemm.h"
#include "mlp/loss.h"
#include "mlp/net.h"
#include "mlp/rng.h"

/* What one layer keeps between the passes, each (max_rows, n_z or n_out). Stages that a layer does
 * not have, or that work in place, share the buffer of the stage before. */
struct pass_layer {
    mlp_real *z;     /* n_z: linear output; behind a norm, normalised but not yet scaled */
    mlp_real *y;     /* n_z: what the activation gets; is z without a norm */
    mlp_real *h;     /* n_out: f(y); is y unless activation_keeps_z */
    mlp_real *a;     /* n_out: the layer's output; is h without noise, dropout and residual */
    mlp_real *mask;  /* n_out: factors of dropout, or NULL */
    mlp_real *delta; /* n_z: dL/dz */
    mlp_real *mean;  /* batch norm's, of the columns; or NULL */
    mlp_real *scale; /* 1 / deviation: of rows (layer norm) or of columns (batch norm), or NULL */
};

/* Where in a training we are: what random numbers are drawn from. */
struct pass_moment {
    uint64_t seed;
    uint32_t epoch, step; /* step: which batch of the epoch, also when several make a step */
    size_t rows; /* of the whole step, that the gradient is divided by; 0: the batch's */
};

#define PASS_MAX_THREADS 64
#define PASS_PIECE       ((size_t)64 * 1024) /* numbers of a gradient that is used up at once */

/* One thread's own things. */
struct pass_helper {
    struct gemm_ctx gemm;
    mlp_real *piece; /* [PASS_PIECE]; NULL: no training */
};

/* Who helps; see mlp.h's callbacks. Without a parallel_for nobody does. */
struct pass_team {
    void (*parallel_for)(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx);
    void *arg;
};

struct pass {
    struct pass_helper helper[PASS_MAX_THREADS];
    size_t threads;        /* helpers, the caller's thread being the first */
    struct pass_team team; /* the caller's to set, after the layout */
    size_t max_rows;
    size_t n_layers, widest;
    bool training;
    struct pass_layer layer[MLP_MAX_LAYERS + 1];
    /* of a_0, wide = mlp_spec_width numbers a row */
    mlp_real *embedded;    /* (max_rows, wide): x with its rows of tables; NULL: x as it is */
    uint32_t *index;       /* (n_embeddings, max_rows): which those are, while training; or NULL */
    mlp_real *input;       /* (max_rows, wide): embedded, scaled, dropped, noisy; NULL: x as it
                            * is */
    mlp_real *input_mask;  /* likewise, or NULL */
    mlp_real *input_delta; /* (max_rows, wide - delta_from): dL/da_0, with an input scale or tables;
                            * or NULL */
    size_t delta_from;     /* the first column of a_0 that it has */
    mlp_real *turn[2];     /* (max_rows, widest): predictions; training uses them for what
                            * maxout must set aside */
    mlp_real *skip;        /* (max_rows, n_out): what residual adds to dL/da_{k-1}; or NULL */
    mlp_real *partial;     /* what rows are summed in, chunk by chunk: see norm.h; or NULL */
    double share;          /* of a batch in the running statistics */
    double *row_loss;      /* (max_rows) */
    unsigned char *row_hit;
};

struct pass_size {
    size_t max_rows;
    bool training; /* both passes, or prediction only */
    size_t threads;
    enum mlp_precision precision; /* of training */
};

/* Reserve room for passes of max_rows rows. */
void pass_layout_team(struct pass *p, const struct mlp_spec *spec, const struct pass_size *size,
                      struct arena *arena);
/* The same for one thread, in float32. */
void pass_layout(struct pass *p, const struct mlp_spec *spec, size_t max_rows, bool training,
                 struct arena *arena);
/* After a layout with memory; pass_fini also after a failure. */
MLP_CHECK enum mlp_status pass_init(struct pass *p, const struct mlp_net *net);
void pass_fini(struct pass *p);

/* x (rows, n_inputs), rows <= max_rows, to the last layer's linear output, as a prediction does
 * it: no dropout, running statistics. `out` (rows, n_outputs) takes it, or is NULL: then it
 * is where *z points. offset (rows) or NULL. */
MLP_CHECK enum mlp_status pass_predict(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                                       const mlp_real *offset, size_t rows, mlp_real *out,
                                       mlp_real **z);

/* Forward, loss and backward of one batch: gradient [n_params] is written, not added to. The
 * net's running statistics move. `smoothing` is of labels. loss: sum w_i l_i / rows. */
MLP_CHECK enum mlp_status pass_gradient(struct pass *p, struct mlp_net *net,
                                        const struct mlp_data *batch,
                                        const struct pass_moment *moment, double smoothing,
                                        mlp_real *gradient, double *loss);

/* What becomes of a gradient that nobody needs as a whole: as soon as a range of it is there, and
 * no earlier than all deltas, the parameters of that range may be changed. */
struct pass_update {
    /* once, before the first range, on the caller's thread; false: leave it at the loss */
    bool (*begin)(void *arg, double loss);
    /* gradient [length] of the parameters from offset on; ranges come in any order, from several
     * threads at a time, and cover all parameters once */
    void (*range)(void *arg, const mlp_real *gradient, size_t offset, size_t length);
    void *arg;
};

/* Who brings a batch's rows to where it says they are: asked for each row once, from several
 * threads at a time; without the inputs where the pass can use them where they are. */
struct pass_fill {
    void (*rows)(void *arg, size_t first, size_t rows, bool inputs);
    /* now and then during the pass, from one thread: a good moment to think of the next batch */
    void (*ahead)(void *arg, size_t part, size_t parts);
    const mlp_real *x;  /* input i of the batch is x's row at[i] as it is, */
    const uint32_t *at; /* or NULL: bring them */
    void *arg;
};

/* As pass_gradient, but `gradient` is left half done if update is not NULL. fill may be NULL: all
 * is there. */
MLP_CHECK enum mlp_status pass_step(struct pass *p, struct mlp_net *net,
                                    const struct mlp_data *batch, const struct pass_fill *fill,
                                    const struct pass_moment *moment, double smoothing,
                                    mlp_real *gradient, double *loss,
                                    const struct pass_update *update);

/* The forward pass alone: running statistics go by `share` of the way to the batch's own. */
MLP_CHECK enum mlp_status pass_statistics(struct pass *p, struct mlp_net *net,
                                          const struct mlp_data *batch,
                                          const struct pass_moment *moment, double share);

/* Mean loss and accuracy over data of any number of rows, which must fit the spec. */
MLP_CHECK enum mlp_status pass_score(struct pass *p, const struct mlp_net *net,
                                     const struct mlp_data *data, struct mlp_score *out);

#endif

/* The one seam for matrix products. A layer has three:
 *
 *     forward         z (rows, out)       = a (rows, in) W (in, out) + b (out)
 *     back_delta      delta_prev (rows, in) = delta (rows, out) W^T (out, in)
 *     back_weights    dW (in, out)        = a^T (in, rows) delta (rows, out)
 *
 * Who multiplies: the processor's bfloat16 units where training has them (gemm_tiles.c), else
 * our own kernel for small and narrow layers, and for the rest the backend chosen at configure
 * time. The choice depends on the layer's shape alone, and all sides give a row the same bits
 * whatever rows are beside it. Predictions never go to the units: theirs are the bits of
 * gemm_predict, on a training's ctx too.
 *
 * A struct gemm_ctx belongs to one thread at a time (not always the same one); a training has one
 * for each thread. Its memory comes from the caller's arena; what a backend library keeps
 * for itself (compiled code, packing buffers) is its own.
 */
#ifndef MLP_GEMM_H
#define MLP_GEMM_H

#include "mlp/arena.h"
#include "mlp/kernel.h"
#include "mlp/kernel_tiles.h"

/* What a ctx must be fit for. */
struct gemm_size {
    size_t n_layers;
    size_t max_in, max_out; /* of any layer */
    size_t max_rows;        /* of a call while training */
    bool training;          /* all three products, or gemm_predict only */
    enum mlp_precision precision;
};

/* The room of gemm_tiles.c; parts is 0 where the units are not used. */
struct gemm_tiles {
    const struct kernel_units *units;
    size_t parts;
    size_t lines, terms; /* of a block of the left operand, at most */
    size_t columns;      /* of the right one, at most, with `terms` terms */
    uint32_t *left, *right;
    const mlp_real *kept; /* what `right` holds all of, or NULL: see gemm_new_batch */
};

struct gemm_ctx {
    const struct kernel *kernel;
    struct gemm_size size;
    mlp_real *panel; /* KERNEL_PANEL elements */
    void *backend;   /* the backend's own, in the arena; NULL if it needs none */
    struct gemm_tiles tiles;
};

void gemm_layout(struct gemm_ctx *ctx, const struct gemm_size *size, struct arena *arena);

/* After a layout with memory. gemm_fini is also right after a failed init. */
MLP_CHECK enum mlp_status gemm_init(struct gemm_ctx *ctx, const struct kernel *kernel);
void gemm_fini(struct gemm_ctx *ctx);

struct gemm_shape {
    size_t layer; /* which layer's: a key for caches */
    size_t rows, in, out;
    const uint32_t *at; /* row i of a is its row at[i], where gemm_gathers; or NULL */
};
/* Whether forward and back_weights of such a layer take rows of a from anywhere. */
bool gemm_gathers(const struct gemm_ctx *ctx, size_t in, size_t out);

MLP_CHECK enum mlp_status gemm_predict(struct gemm_ctx *ctx, struct gemm_shape s,
                                       const mlp_real *a, const mlp_real *w, const mlp_real *b,
                                       mlp_real *z);
MLP_CHECK enum mlp_status gemm_forward(struct gemm_ctx *ctx, struct gemm_shape s,
                                       const mlp_real *a, const mlp_real *w, const mlp_real *b,
                                       mlp_real *z);
MLP_CHECK enum mlp_status gemm_back_delta(struct gemm_ctx *ctx, struct gemm_shape s,
                                          const mlp_real *delta, const mlp_real *w,
                                          mlp_real *delta_prev);

/* dW goes by pieces of its rows, that is of the layer's inputs: [first, first + count) to dw
 * (count, out). Any pieces come to the same bits; those as large as gemm_piece says, made by so
 * many threads, come fastest. */
size_t gemm_piece(const struct gemm_ctx *ctx, struct gemm_shape s, size_t threads);
MLP_CHECK enum mlp_status gemm_back_weights(struct gemm_ctx *ctx, struct gemm_shape s,
                                            size_t first, size_t count, const mlp_real *a,
                                            const mlp_real *delta, mlp_real *dw);

/* Pieces of one layer's dW share what was made of delta; to be called when delta changes. */
void gemm_new_batch(struct gemm_ctx *ctx);

/* ---- gemm_tiles.c ---------------------------------------------------------------- */

void gemm_tiles_layout(struct gemm_ctx *ctx, struct arena *arena);
bool gemm_tiles_wants(const struct gemm_ctx *ctx, size_t in, size_t out);
void gemm_tiles_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                        const mlp_real *w, const mlp_real *b, mlp_real *z);
void gemm_tiles_back_delta(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *delta,
                           const mlp_real *w, mlp_real *delta_prev);
size_t gemm_tiles_piece(const struct gemm_ctx *ctx, struct gemm_shape s);
void gemm_tiles_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first, size_t count,
                             const mlp_real *a, const mlp_real *delta, mlp_real *dw);

/* ---- what a backend gives: gemm_onednn.c, gemm_cblas.c or gemm_reference.c ---- */

/* Name and version, and the instructions in use with the given kernel table. */
const char *gemm_backend_text(const struct kernel *kernel);

/* For that: the table's set, or 3 where float32 goes to the units. */
static inline size_t gemm_set(const struct kernel *kernel)
{
    const struct kernel_units *units = kernel_units(kernel);

    return units != NULL && units->float32 ? 3 : (size_t)kernel->isa;
}

/* Whether it wants layers of this shape. */
bool gemm_backend_wants(size_t in, size_t out);

/* Like gemm_layout, _init and _fini, for ctx->backend. */
void gemm_backend_layout(struct gemm_ctx *ctx, struct arena *arena);
MLP_CHECK enum mlp_status gemm_backend_init(struct gemm_ctx *ctx);
void gemm_backend_fini(struct gemm_ctx *ctx);

enum mlp_status gemm_backend_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                                     const mlp_real *w, const mlp_real *b, mlp_real *z);
enum mlp_status gemm_backend_back_delta(struct gemm_ctx *ctx, struct gemm_shape s,
                                        const mlp_real *delta, const mlp_real *w,
                                        mlp_real *delta_prev);
enum mlp_status gemm_backend_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first,
                                          size_t count, const mlp_real *a, const mlp_real *delta,
                                          mlp_real *dw);

#endif

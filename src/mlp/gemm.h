/* The one seam for matrix products. A layer has three:
 *
 *     forward         z (rows, out)       = a (rows, in) W (in, out) + b (out)
 *     back_delta      delta_prev (rows, in) = delta (rows, out) W^T (out, in)
 *     back_weights    dW (in, out)        = a^T (in, rows) delta (rows, out)
 *
 * Small and narrow layers go to our own kernel, the rest to the backend chosen at
 * configure time. The choice depends on the layer's shape alone, and both sides give
 * a row the same bits whatever rows are beside it.
 *
 * A struct gemm_ctx belongs to one workspace or training: one thread at a time (not
 * always the same one). Its memory comes from the caller's arena; what a backend
 * library keeps for itself (compiled code, packing buffers) is its own.
 */
#ifndef MLP_GEMM_H
#define MLP_GEMM_H

#include "mlp/arena.h"
#include "mlp/kernel.h"

struct gemm_ctx {
    const struct kernel *kernel;
    size_t n_layers;
    bool backward;      /* all three products, or forward only */
    mlp_real *panel;    /* KERNEL_PANEL elements */
    void *backend;      /* the backend's own, in the arena; NULL if it needs none */
    size_t max_in, max_out;
};

/* Reserve a ctx's memory for layers no wider than max_in x max_out. */
void gemm_layout(struct gemm_ctx *ctx, size_t n_layers, size_t max_in, size_t max_out,
                 bool backward, struct arena *arena);

/* After a layout with memory. gemm_fini is also right after a failed init. */
MLP_CHECK enum mlp_status gemm_init(struct gemm_ctx *ctx, const struct kernel *kernel);
void gemm_fini(struct gemm_ctx *ctx);

struct gemm_shape {
    size_t layer; /* which layer's: a key for caches */
    size_t rows, in, out;
};
MLP_CHECK enum mlp_status gemm_forward(struct gemm_ctx *ctx, struct gemm_shape s,
                                       const mlp_real *a, const mlp_real *w, const mlp_real *b,
                                       mlp_real *z);
MLP_CHECK enum mlp_status gemm_back_delta(struct gemm_ctx *ctx, struct gemm_shape s,
                                          const mlp_real *delta, const mlp_real *w,
                                          mlp_real *delta_prev);
MLP_CHECK enum mlp_status gemm_back_weights(struct gemm_ctx *ctx, struct gemm_shape s,
                                            const mlp_real *a, const mlp_real *delta,
                                            mlp_real *dw);

/* ---- what a backend gives: gemm_onednn.c, gemm_cblas.c or gemm_reference.c ---- */

/* NAME and version, and what it runs on the given kernel table. */
const char *gemm_backend_text(const struct kernel *kernel);

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
enum mlp_status gemm_backend_back_weights(struct gemm_ctx *ctx, struct gemm_shape s,
                                          const mlp_real *a, const mlp_real *delta, mlp_real *dw);

#endif

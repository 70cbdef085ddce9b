/* Which side multiplies: our own kernel or the backend. See gemm.h.
 *
 * The ctx is the caller's and holds no state between calls besides caches, so a
 * product is a function of its arguments.
 */
#include "mlp/gemm.h"

void gemm_layout(struct gemm_ctx *ctx, size_t n_layers, size_t max_in, size_t max_out,
                 bool backward, struct arena *arena)
{
    *ctx = (struct gemm_ctx){
        .n_layers = n_layers, .max_in = max_in, .max_out = max_out, .backward = backward};
    ctx->panel = arena_take(arena, KERNEL_PANEL, sizeof(mlp_real));
    gemm_backend_layout(ctx, arena);
}

enum mlp_status gemm_init(struct gemm_ctx *ctx, const struct kernel *kernel)
{
    ctx->kernel = kernel;
    return gemm_backend_init(ctx);
}

void gemm_fini(struct gemm_ctx *ctx)
{
    gemm_backend_fini(ctx);
}

enum mlp_status gemm_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                             const mlp_real *w, const mlp_real *b, mlp_real *z)
{
    if (gemm_backend_wants(s.in, s.out)) {
        return gemm_backend_forward(ctx, s, a, w, b, z);
    }
    ctx->kernel->product(&(struct product){.m = s.rows, .n = s.out, .k = s.in,
                                           .a = a, .a_row = s.in, .a_col = 1,
                                           .b = w, .b_row = s.out, .b_col = 1,
                                           .bias = b, .c = z, .panel = ctx->panel});
    return MLP_OK;
}

enum mlp_status gemm_back_delta(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *delta,
                                const mlp_real *w, mlp_real *delta_prev)
{
    if (gemm_backend_wants(s.in, s.out)) {
        return gemm_backend_back_delta(ctx, s, delta, w, delta_prev);
    }
    ctx->kernel->product(&(struct product){.m = s.rows, .n = s.in, .k = s.out,
                                           .a = delta, .a_row = s.out, .a_col = 1,
                                           .b = w, .b_row = 1, .b_col = s.out,
                                           .c = delta_prev, .panel = ctx->panel});
    return MLP_OK;
}

enum mlp_status gemm_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                                  const mlp_real *delta, mlp_real *dw)
{
    if (gemm_backend_wants(s.in, s.out)) {
        return gemm_backend_back_weights(ctx, s, a, delta, dw);
    }
    ctx->kernel->product(&(struct product){.m = s.in, .n = s.out, .k = s.rows,
                                           .a = a, .a_row = 1, .a_col = s.in,
                                           .b = delta, .b_row = s.out, .b_col = 1,
                                           .c = dw, .panel = ctx->panel});
    return MLP_OK;
}

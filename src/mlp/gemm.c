/* Which side multiplies: the bfloat16 units, our own kernel or the backend. See gemm.h.
 *
 * The ctx is the caller's and holds no state between calls besides caches, so a
 * product is a function of its arguments.
 */
#include "mlp/gemm.h"

#define LEAST ((size_t)32) /* rows of dW; two tiles */
#define PIECE ((size_t)64) /* rows of dW; a cache holds their gradient, weights and moments */

void gemm_layout(struct gemm_ctx *ctx, const struct gemm_size *size, struct arena *arena)
{
    *ctx = (struct gemm_ctx){.size = *size};
    ctx->panel = arena_take(arena, KERNEL_PANEL, sizeof(mlp_real));
    gemm_tiles_layout(ctx, arena);
    gemm_backend_layout(ctx, arena);
}

enum mlp_status gemm_init(struct gemm_ctx *ctx, const struct kernel *kernel)
{
    ctx->kernel = kernel;
    if (kernel_units(kernel) != ctx->tiles.units) {
        ctx->tiles.parts = 0; /* a lesser table, for tests: without the units too */
    }
    return gemm_backend_init(ctx);
}

void gemm_fini(struct gemm_ctx *ctx)
{
    gemm_backend_fini(ctx);
}

bool gemm_gathers(const struct gemm_ctx *ctx, size_t in, size_t out)
{
    return gemm_tiles_wants(ctx, in, out);
}

enum mlp_status gemm_predict(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
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

enum mlp_status gemm_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                             const mlp_real *w, const mlp_real *b, mlp_real *z)
{
    if (gemm_tiles_wants(ctx, s.in, s.out)) {
        gemm_tiles_forward(ctx, s, a, w, b, z);
        return MLP_OK;
    }
    return gemm_predict(ctx, s, a, w, b, z);
}

enum mlp_status gemm_back_delta(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *delta,
                                const mlp_real *w, mlp_real *delta_prev)
{
    if (gemm_tiles_wants(ctx, s.in, s.out)) {
        gemm_tiles_back_delta(ctx, s, delta, w, delta_prev);
        return MLP_OK;
    }
    if (gemm_backend_wants(s.in, s.out)) {
        return gemm_backend_back_delta(ctx, s, delta, w, delta_prev);
    }
    ctx->kernel->product(&(struct product){.m = s.rows, .n = s.in, .k = s.out,
                                           .a = delta, .a_row = s.out, .a_col = 1,
                                           .b = w, .b_row = 1, .b_col = s.out,
                                           .c = delta_prev, .panel = ctx->panel});
    return MLP_OK;
}

size_t gemm_piece(const struct gemm_ctx *ctx, struct gemm_shape s, size_t threads)
{
    size_t most = gemm_tiles_wants(ctx, s.in, s.out) ? gemm_tiles_piece(ctx, s) : PIECE;
    size_t share = s.in / (2 * threads) / LEAST * LEAST; /* two or more for each thread */

    return threads == 1 || share >= most ? most : share > LEAST ? share : LEAST;
}

enum mlp_status gemm_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first,
                                  size_t count, const mlp_real *a, const mlp_real *delta,
                                  mlp_real *dw)
{
    if (gemm_tiles_wants(ctx, s.in, s.out)) {
        gemm_tiles_back_weights(ctx, s, first, count, a, delta, dw);
        return MLP_OK;
    }
    if (gemm_backend_wants(s.in, s.out)) {
        return gemm_backend_back_weights(ctx, s, first, count, a, delta, dw);
    }
    ctx->kernel->product(&(struct product){.m = count, .n = s.out, .k = s.rows,
                                           .a = a + first, .a_row = 1, .a_col = s.in,
                                           .b = delta, .b_row = s.out, .b_col = 1,
                                           .c = dw, .panel = ctx->panel});
    return MLP_OK;
}

void gemm_new_batch(struct gemm_ctx *ctx)
{
    ctx->tiles.kept = NULL;
}

bool mlp_bfloat16_available(const char **why)
{
    bool available = kernel_units(kernel_best()) != NULL;

    *why = available ? NULL : "this processor has no bfloat16 units (AVX-512 BF16 or AMX)";
    return available;
}

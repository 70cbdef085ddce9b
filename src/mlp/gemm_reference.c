/* The backend that is none: all products are our own kernel's (kernel_product.c).
 *
 * Chosen by ./configure --with-gemm=reference, and always by the double build that
 * checks gradients. Needs nothing installed.
 */
#include "mlp/gemm.h"

const char *gemm_backend_text(const struct kernel *kernel)
{
    static const char *const text[] = {"reference, baseline", "reference, avx2",
                                       "reference, avx512",
                                       "reference, avx512, amx"};

    return text[gemm_set(kernel)];
}

bool gemm_backend_wants(size_t in, size_t out)
{
    (void)in, (void)out;
    return false;
}

void gemm_backend_layout(struct gemm_ctx *ctx, struct arena *arena)
{
    (void)ctx, (void)arena;
}

enum mlp_status gemm_backend_init(struct gemm_ctx *ctx)
{
    (void)ctx;
    return MLP_OK;
}

void gemm_backend_fini(struct gemm_ctx *ctx)
{
    (void)ctx;
}

enum mlp_status gemm_backend_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                                     const mlp_real *w, const mlp_real *b, mlp_real *z)
{
    (void)ctx, (void)s, (void)a, (void)w, (void)b, (void)z;
    return MLP_E_BACKEND;
}

enum mlp_status gemm_backend_back_delta(struct gemm_ctx *ctx, struct gemm_shape s,
                                        const mlp_real *delta, const mlp_real *w,
                                        mlp_real *delta_prev)
{
    (void)ctx, (void)s, (void)delta, (void)w, (void)delta_prev;
    return MLP_E_BACKEND;
}

enum mlp_status gemm_backend_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first,
                                          size_t count, const mlp_real *a, const mlp_real *delta,
                                          mlp_real *dw)
{
    (void)ctx, (void)s, (void)first, (void)count, (void)a, (void)delta, (void)dw;
    return MLP_E_BACKEND;
}

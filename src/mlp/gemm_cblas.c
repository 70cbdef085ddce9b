/* Products by a CBLAS (OpenBLAS, as Debian has it).
 *
 * A BLAS gives a row other bits when the number of rows changes, so every call has
 * exactly 64 rows of output: the last tile of fewer is copied into a tile of
 * its own, padded with zeros. (a^T delta has no such promise to keep: its rows are units.
 * It sums chunks of at most 512 data rows in order.)
 *
 * OpenBLAS keeps one number of threads for the whole process; it is set to one when a
 * ctx is made, as a training is one thread.
 */
#include "mlp/gemm.h"

#include <string.h>

#include <cblas.h>

#define TILE_ROWS  ((size_t)64)
#define CHUNK_ROWS ((size_t)512)

struct backend {
    mlp_real *in, *out; /* one tile of the widest matrices */
};

const char *gemm_backend_text(const struct kernel *kernel)
{
    static const char *const text[] = {"cblas, baseline", "cblas, avx2", "cblas, avx512",
                                       "cblas, avx512, amx"};

    return text[gemm_set(kernel)];
}

bool gemm_backend_wants(size_t in, size_t out)
{
    return in >= 64 && out >= 64;
}

void gemm_backend_layout(struct gemm_ctx *ctx, struct arena *arena)
{
    const struct gemm_size *size = &ctx->size;
    size_t widest = size->max_in > size->max_out ? size->max_in : size->max_out;
    struct backend *b = arena_take(arena, 1, sizeof(*b));
    mlp_real *in = arena_take(arena, widest, TILE_ROWS * sizeof(mlp_real));
    mlp_real *out = arena_take(arena, widest, TILE_ROWS * sizeof(mlp_real));

    if (b != NULL) {
        *b = (struct backend){.in = in, .out = out};
    }
    ctx->backend = b;
}

enum mlp_status gemm_backend_init(struct gemm_ctx *ctx)
{
    (void)ctx;
    openblas_set_num_threads(1);
    return MLP_OK;
}

void gemm_backend_fini(struct gemm_ctx *ctx)
{
    (void)ctx;
}

/* c (rows, n) = a (rows, k) B + bias, B being (k, n) or the transpose of an (n, k). */
static void row_tiles(struct gemm_ctx *ctx, size_t rows, size_t n, size_t k, const mlp_real *a,
                      const mlp_real *b, bool transposed, const mlp_real *bias, mlp_real *c)
{
    struct backend *own = ctx->backend;

    for (size_t i = 0; i < rows; i += TILE_ROWS) {
        size_t count = rows - i < TILE_ROWS ? rows - i : TILE_ROWS;
        const mlp_real *from = a + i * k;
        mlp_real *to = c + i * n;

        if (count < TILE_ROWS) {
            memcpy(own->in, from, count * k * sizeof(mlp_real));
            memset(own->in + count * k, 0, (TILE_ROWS - count) * k * sizeof(mlp_real));
            from = own->in;
            to = own->out;
        }
        for (size_t r = 0; bias != NULL && r < TILE_ROWS; r++) {
            memcpy(to + r * n, bias, n * sizeof(mlp_real));
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans,
                    (int)TILE_ROWS, (int)n, (int)k, 1.0F, from, (int)k, b,
                    (int)(transposed ? k : n), bias != NULL ? 1.0F : 0.0F, to, (int)n);
        if (count < TILE_ROWS) {
            memcpy(c + i * n, own->out, count * n * sizeof(mlp_real));
        }
    }
}

enum mlp_status gemm_backend_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                                     const mlp_real *w, const mlp_real *b, mlp_real *z)
{
    row_tiles(ctx, s.rows, s.out, s.in, a, w, false, b, z);
    return MLP_OK;
}

enum mlp_status gemm_backend_back_delta(struct gemm_ctx *ctx, struct gemm_shape s,
                                        const mlp_real *delta, const mlp_real *w,
                                        mlp_real *delta_prev)
{
    row_tiles(ctx, s.rows, s.in, s.out, delta, w, true, NULL, delta_prev);
    return MLP_OK;
}

enum mlp_status gemm_backend_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first,
                                          size_t count, const mlp_real *a, const mlp_real *delta,
                                          mlp_real *dw)
{
    (void)ctx;
    for (size_t i = 0; i < s.rows; i += CHUNK_ROWS) {
        size_t rows = s.rows - i < CHUNK_ROWS ? s.rows - i : CHUNK_ROWS;

        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)count, (int)s.out, (int)rows,
                    1.0F, a + i * s.in + first, (int)s.in, delta + i * s.out, (int)s.out,
                    i == 0 ? 0.0F : 1.0F, dw, (int)s.out);
    }
    return MLP_OK;
}

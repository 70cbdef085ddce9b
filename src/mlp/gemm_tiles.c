/* Products of a training by way of kernel_tiles.h: who packs what, and how much at a time.
 *
 * Terms go by blocks of TERMS, rows of the left operand by as many as its room holds. The right
 * operand is packed in strips that stay in the cache while all of the left one passes by; for dW it
 * is delta, packed once and kept for all pieces, if it fits. Blocks are a function of the shapes
 * alone and a block's sums do not depend on its neighbours: any slicing of rows, any piece of dW
 * comes to the same bits.
 */
#include "mlp/gemm.h"

#define DEPTH         ((size_t)512)       /* terms of a block at most, */
#define TERMS         ((size_t)256)       /* or of one of several: all fits the second cache */
#define LINES         ((size_t)256)       /* rows of the left operand, with DEPTH terms */
#define STRIP         ((size_t)128)       /* columns of the right operand */
#define KEPT          ((size_t)512 * 1024) /* numbers of a delta that is packed as a whole */
#define PIECE         ((size_t)64)        /* rows of dW at least, */
#define PIECE_MOST    ((size_t)256)       /* and at most: as many as */
#define PIECE_NUMBERS ((size_t)32 * 1024) /* fit a cache with weights and moments */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t whole(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Whether a delta (rows, out) is packed as a whole. */
static bool keeps(size_t rows, size_t out)
{
    return rows <= DEPTH && whole(out, TILE_LINES) <= KEPT / whole(rows, TILE_TERMS);
}

void gemm_tiles_layout(struct gemm_ctx *ctx, struct arena *arena)
{
    const struct gemm_size *s = &ctx->size;
    const struct kernel_units *units = s->training ? kernel_units(kernel_best()) : NULL;
    struct gemm_tiles *t = &ctx->tiles;

    *t = (struct gemm_tiles){.units = units};
    if (units == NULL || (s->precision == MLP_FLOAT32 && !units->float32)) {
        return;
    }
    size_t widest = most(most(s->max_in, s->max_out), s->max_rows);

    t->parts = s->precision == MLP_BFLOAT16 ? 1 : 3;
    t->terms = whole(least(widest, DEPTH), TILE_TERMS);
    t->lines = whole(least(widest, LINES), 2 * TILE_LINES);
    /* A whole delta may take the place of a strip: the last one of an epoch may be that short, when
     * the others are not. */
    size_t depth = whole(least(s->max_rows, DEPTH), TILE_TERMS);
    size_t out = least(whole(s->max_out, TILE_LINES), KEPT / depth);

    t->columns = most(STRIP, whole((out * depth + t->terms - 1) / t->terms, TILE_LINES));
    t->left = arena_take(arena, t->lines / TILE_LINES,
                         tiles_panel(t->terms, t->parts) * sizeof(*t->left));
    t->right = arena_take(arena, t->columns / TILE_LINES,
                          tiles_panel(t->terms, t->parts) * sizeof(*t->right));
}

bool gemm_tiles_wants(const struct gemm_ctx *ctx, size_t in, size_t out)
{
    /* measured: below this our own kernel is faster, or as fast */
    return ctx->tiles.parts > 0 && in >= 32 && out >= 8 && in * out >= (out < 32 ? 1024 : 8192);
}

/* C = A B: strides as in kernel.h's struct product. */
struct factors {
    size_t m, n, k;
    const mlp_real *a;
    size_t a_row, a_col;
    const uint32_t *a_at; /* rows of A in memory are these, see kernel_tiles.h; or NULL */
    const mlp_real *b;
    size_t b_row, b_col;
    const mlp_real *bias;
    mlp_real *c; /* (m, n) */
};

static void pack_left(const struct gemm_tiles *t, const struct factors *f, size_t i, size_t rows,
                      size_t k, size_t terms)
{
    const mlp_real *from = f->a + i * f->a_row + k * f->a_col;
    const uint32_t *at = NULL;

    if (f->a_at != NULL) {
        at = f->a_at + (f->a_col == 1 ? i : k);
        from = f->a + (f->a_col == 1 ? k : i);
    }
    t->units->pack(&(struct kernel_pack){.lines = rows,
                                         .terms = terms,
                                         .from = from,
                                         .line_step = f->a_row,
                                         .term_step = f->a_col,
                                         .at = at,
                                         .parts = t->parts,
                                         .to = t->left});
}

static void pack_right(const struct gemm_tiles *t, const struct factors *f, size_t j, size_t cols,
                       size_t k, size_t terms)
{
    t->units->pack(&(struct kernel_pack){.lines = cols,
                                         .terms = terms,
                                         .from = f->b + k * f->b_row + j * f->b_col,
                                         .line_step = f->b_col,
                                         .term_step = f->b_row,
                                         .right = true,
                                         .parts = t->parts,
                                         .to = t->right});
}

/* Rows [i, i + rows), columns [j, j + cols), one block of terms, both sides packed; the right one
 * from its column j on. */
static void block(const struct gemm_tiles *t, const struct factors *f, size_t i, size_t rows,
                  size_t j, size_t cols, size_t k, size_t terms, const uint32_t *right)
{
    t->units->multiply(&(struct kernel_tiles){.m = rows,
                                              .n = cols,
                                              .k = terms,
                                              .parts = t->parts,
                                              .a = t->left,
                                              .b = right,
                                              .bias = k == 0 && f->bias != NULL ? f->bias + j
                                                                                  : NULL,
                                              .add = k > 0,
                                              .c = f->c + i * f->n + j,
                                              .c_row = f->n});
}

static void multiply(const struct gemm_tiles *t, const struct factors *f)
{
    for (size_t k = 0; k < f->k; k += TERMS) {
        size_t terms = least(f->k - k, TERMS);

        for (size_t i = 0; i < f->m; i += t->lines) {
            size_t rows = least(f->m - i, t->lines);

            pack_left(t, f, i, rows, k, terms);
            for (size_t j = 0; j < f->n; j += STRIP) {
                size_t cols = least(f->n - j, STRIP);

                pack_right(t, f, j, cols, k, terms);
                block(t, f, i, rows, j, cols, k, terms, t->right);
            }
        }
    }
}

void gemm_tiles_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                        const mlp_real *w, const mlp_real *b, mlp_real *z)
{
    ctx->tiles.kept = NULL;
    multiply(&ctx->tiles, &(struct factors){.m = s.rows, .n = s.out, .k = s.in,
                                            .a = a, .a_row = s.in, .a_col = 1, .a_at = s.at,
                                            .b = w, .b_row = s.out, .b_col = 1,
                                            .bias = b, .c = z});
}

void gemm_tiles_back_delta(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *delta,
                           const mlp_real *w, mlp_real *delta_prev)
{
    ctx->tiles.kept = NULL;
    multiply(&ctx->tiles, &(struct factors){.m = s.rows, .n = s.in, .k = s.out,
                                            .a = delta, .a_row = s.out, .a_col = 1,
                                            .b = w, .b_row = 1, .b_col = s.out,
                                            .c = delta_prev});
}

size_t gemm_tiles_piece(const struct gemm_ctx *ctx, struct gemm_shape s)
{
    size_t rows = PIECE_NUMBERS / s.out / (2 * TILE_LINES) * (2 * TILE_LINES);

    rows = most(least(rows, PIECE_MOST), keeps(s.rows, s.out) ? PIECE : PIECE_MOST);
    return least(rows, ctx->tiles.lines);
}

void gemm_tiles_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first, size_t count,
                             const mlp_real *a, const mlp_real *delta, mlp_real *dw)
{
    struct gemm_tiles *t = &ctx->tiles;
    const struct factors f = {.m = count, .n = s.out, .k = s.rows,
                              .a = a + first, .a_row = 1, .a_col = s.in, .a_at = s.at,
                              .b = delta, .b_row = s.out, .b_col = 1,
                              .c = dw};

    if (!keeps(s.rows, s.out)) {
        t->kept = NULL;
        multiply(t, &f);
        return;
    }
    if (t->kept != delta) {
        pack_right(t, &f, 0, s.out, 0, s.rows);
        t->kept = delta;
    }
    for (size_t i = 0; i < count; i += t->lines) {
        size_t rows = least(count - i, t->lines);

        pack_left(t, &f, i, rows, 0, s.rows);
        for (size_t j = 0; j < s.out; j += STRIP) {
            block(t, &f, i, rows, j, least(s.out - j, STRIP), 0, s.rows,
                  t->right + j / TILE_LINES * tiles_panel(s.rows, t->parts));
        }
    }
}

/* Matrix products of our own: for layers too small or too narrow to be worth a library,
 * and for everything in the "reference" build.
 *
 * Compiled once per instruction set, see kernel_isa.h. C is cut into strips of two
 * vectors' columns, K into blocks of 256; the strip's part of B is copied together
 * (and padded with zeros), then tiles of VEC_ROWS rows stay in registers while K
 * runs. Every element of C is the bias plus its terms in the order of K, one
 * multiply-add after the other, whatever the tile: that is why a row's bits do not
 * depend on how rows are sliced.
 */
#include "mlp/kernel_isa.h"

#define WIDE    (2 * VEC_LENGTH)
#define K_BLOCK ((size_t)256)
#define NARROW  ((size_t)8) /* columns that are not worth a vector */
#define NEAR    ((size_t)1024) /* rows of B closer than this are read where they are */

_Static_assert(K_BLOCK *WIDE <= KERNEL_PANEL, "a strip of B fits the panel");

/* One strip: `width` columns of C, `vectors` (1 or 2) wide, for one block of K. */
struct strip {
    size_t k, width;
    const mlp_real *a;
    size_t a_row, a_col;
    const mlp_real *b; /* (k, vectors * VEC_LENGTH) at a distance of b_row */
    size_t b_row;
    const mlp_real *start; /* [WIDE]: the bias, for the first block; NULL: go on from c */
    mlp_real *c;
    size_t c_row;
};

/* `rows` and `vectors` are constants wherever this is called, so the accumulators live in
 * registers and all small loops vanish. */
static inline __attribute__((always_inline)) void tile(const struct strip *s, size_t first,
                                                       size_t rows, size_t vectors)
{
    const mlp_real *a = s->a + first * s->a_row;
    mlp_real *c = s->c + first * s->c_row;
    const size_t full = vectors * VEC_LENGTH;
    const size_t a_row = s->a_row, a_col = s->a_col, b_row = s->b_row;
    mlp_real edge[WIDE];
    vec sum[VEC_ROWS][2];

    UNROLL
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *from = s->start;

        if (from == NULL && s->width == full) {
            from = c + i * s->c_row;
        } else if (from == NULL) {
            for (size_t j = 0; j < full; j++) {
                edge[j] = j < s->width ? c[i * s->c_row + j] : 0;
            }
            from = edge;
        }
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            sum[i][v] = vec_load(from + v * VEC_LENGTH);
        }
    }

    const mlp_real *b = s->b;
    for (size_t p = 0; p < s->k; p++, b += b_row, a += a_col) {
        vec bv[2];

        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            bv[v] = vec_load(b + v * VEC_LENGTH);
        }
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec x = vec_all(a[i * a_row]);

            UNROLL
            for (size_t v = 0; v < vectors; v++) {
                sum[i][v] = vec_fma(x, bv[v], sum[i][v]);
            }
        }
    }

    UNROLL
    for (size_t i = 0; i < rows; i++) {
        mlp_real *to = s->width == full ? c + i * s->c_row : edge;

        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            vec_store(to + v * VEC_LENGTH, sum[i][v]);
        }
        if (to == edge) {
            for (size_t j = 0; j < s->width; j++) {
                c[i * s->c_row + j] = edge[j];
            }
        }
    }
}

static inline __attribute__((always_inline)) void tiles(const struct strip *s, size_t m,
                                                        size_t vectors)
{
    size_t i = 0;

    for (; i + VEC_ROWS <= m; i += VEC_ROWS) {
        tile(s, i, VEC_ROWS, vectors);
    }
    for (; i + 2 <= m; i += 2) {
        tile(s, i, 2, vectors);
    }
    if (i < m) {
        tile(s, i, 1, vectors);
    }
}

#ifndef MLP_DOUBLE
typedef float quad __attribute__((vector_size(16)));

static inline quad quad_load(const float *p)
{
    quad q;

    __builtin_memcpy(&q, p, sizeof(q));
    return q;
}

/* The transpose of four by four numbers. */
static inline void turn4(const float *from, size_t from_row, float *to, size_t to_row)
{
    quad a = quad_load(from), b = quad_load(from + from_row);
    quad c = quad_load(from + 2 * from_row), d = quad_load(from + 3 * from_row);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const quad out[4] = {
        __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
        __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
        __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7),
    };

    for (size_t i = 0; i < 4; i++) {
        __builtin_memcpy(to + i * to_row, &out[i], sizeof(out[i]));
    }
}
#endif

/* Rows k0.. of B, columns j0.., padded with zeros to `full` columns. */
static void pack(const struct product *p, size_t k0, size_t k, size_t j0, size_t width, size_t full)
{
    const mlp_real *b = p->b + k0 * p->b_row + j0 * p->b_col;

    if (p->b_col == 1) {
        for (size_t i = 0; i < k; i++) {
            mlp_real *to = p->panel + i * full;

            for (size_t j = 0; j < width; j++) {
                to[j] = b[i * p->b_row + j];
            }
            for (size_t j = width; j < full; j++) {
                to[j] = 0;
            }
        }
        return;
    }
    size_t j = 0;

#ifndef MLP_DOUBLE
    for (; j + 4 <= width; j += 4) {
        size_t i = 0;

        for (; i + 4 <= k; i += 4) {
            turn4(b + i + j * p->b_col, p->b_col, p->panel + i * full + j, full);
        }
        for (; i < k; i++) {
            for (size_t q = j; q < j + 4; q++) {
                p->panel[i * full + q] = b[i + q * p->b_col];
            }
        }
    }
#endif
    for (; j < full; j++) {
        for (size_t i = 0; i < k; i++) {
            p->panel[i * full + j] = j < width ? b[i + j * p->b_col] : 0;
        }
    }
}

/* Few columns, and rows of A in one piece: a dot product for each element, in lanes whose order
 * depends on k alone. Four rows at a time, only to keep the multipliers busy. */
static inline __attribute__((always_inline)) void dots(const struct product *p, const mlp_real *b,
                                                       size_t j, size_t first, size_t rows)
{
    const mlp_real *a = p->a + first * p->a_row;
    vec sum[4];
    size_t i = 0;

    UNROLL
    for (size_t r = 0; r < rows; r++) {
        sum[r] = vec_all((mlp_real)0);
    }
    for (; i + VEC_LENGTH <= p->k; i += VEC_LENGTH) {
        vec bv = vec_load(b + i);

        UNROLL
        for (size_t r = 0; r < rows; r++) {
            sum[r] = vec_fma(vec_load(a + r * p->a_row + i), bv, sum[r]);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        mlp_real lane[VEC_LENGTH], tail = p->bias != NULL ? p->bias[j] : 0;

        vec_store(lane, sum[r]);
        for (size_t q = i; q < p->k; q++) {
            tail = FMA(a[r * p->a_row + q], b[q], tail);
        }
        for (size_t half = VEC_LENGTH / 2; half > 0; half /= 2) {
            for (size_t l = 0; l < half; l++) {
                lane[l] += lane[l + half];
            }
        }
        p->c[(first + r) * p->n + j] = lane[0] + tail;
    }
}

/* The columns of B lie k apart. */
static void columns(const struct product *p, const mlp_real *b)
{
    size_t i = 0;

    for (; i + 4 <= p->m; i += 4) {
        for (size_t j = 0; j < p->n; j++) {
            dots(p, b + j * p->k, j, i, 4);
        }
    }
    for (; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            dots(p, b + j * p->k, j, i, 1);
        }
    }
}

static bool few_columns(const struct product *p)
{
    /* measured: adding up the lanes costs as much as some vectors of terms */
    return p->a_col == 1 && p->n <= NARROW && p->k >= 4 * VEC_LENGTH * p->n &&
           p->n * p->k <= KERNEL_PANEL;
}

/* noinline, as those below: their room on the stack is not to be paid by every product */
static __attribute__((noinline)) void columns_of(const struct product *p)
{
    if (p->b_row == 1) {
        columns(p, p->b);
        return;
    }
    for (size_t i = 0; i < p->k; i++) {
        for (size_t j = 0; j < p->n; j++) {
            p->panel[j * p->k + i] = p->b[i * p->b_row + j];
        }
    }
    columns(p, p->panel);
}

static void strips(const struct product *p);

/* Few columns, and columns of A in one piece: C^T = B^T A^T fills the vectors. */
static __attribute__((noinline)) void turned(const struct product *p)
{
    enum { SOME = 256 };
    mlp_real part[NARROW * SOME];

    for (size_t i = 0; i < p->m; i += SOME) {
        size_t count = p->m - i < SOME ? p->m - i : SOME;
        mlp_real *to = p->n == 1 ? p->c + i : part;

        strips(&(struct product){.m = p->n, .n = count, .k = p->k,
                                 .a = p->b, .a_row = p->b_col, .a_col = p->b_row,
                                 .b = p->a + i, .b_row = p->a_col, .b_col = 1,
                                 .c = to, .panel = p->panel});
        for (size_t q = 0; to == part && q < count; q++) {
            for (size_t j = 0; j < p->n; j++) {
                p->c[(i + q) * p->n + j] = part[j * count + q];
            }
        }
    }
}

void ISA(kernel_product)(const struct product *p)
{
    if (p->n == 1 && p->b_row == 1 && p->a_col == 1) {
        columns(p, p->b);
    } else if (few_columns(p)) {
        columns_of(p);
    } else if (p->n <= NARROW && p->m >= VEC_LENGTH && p->a_row == 1 && p->bias == NULL) {
        turned(p);
    } else {
        strips(p);
    }
}

static __attribute__((noinline)) void strips(const struct product *p)
{
    for (size_t j = 0; j < p->n; j += WIDE) {
        size_t width = p->n - j < WIDE ? p->n - j : WIDE;
        size_t vectors = width > VEC_LENGTH ? 2 : 1;
        size_t full = vectors * VEC_LENGTH;
        mlp_real start[WIDE] = {0};

        for (size_t i = 0; p->bias != NULL && i < width; i++) {
            start[i] = p->bias[j + i];
        }
        for (size_t k = 0; k < p->k; k += K_BLOCK) {
            struct strip s = {
                .k = p->k - k < K_BLOCK ? p->k - k : K_BLOCK,
                .width = width,
                .a = p->a + k * p->a_col,
                .a_row = p->a_row,
                .a_col = p->a_col,
                .b = p->panel,
                .b_row = full,
                .start = k == 0 ? start : NULL,
                .c = p->c + j,
                .c_row = p->n,
            };

            if (p->b_col == 1 && width == full && (p->m < 64 || p->b_row <= NEAR)) {
                s.b = p->b + k * p->b_row + j;
                s.b_row = p->b_row;
            } else {
                pack(p, k, s.k, j, width, full);
            }
            if (vectors == 2) {
                tiles(&s, p->m, 2);
            } else {
                tiles(&s, p->m, 1);
            }
        }
    }
}

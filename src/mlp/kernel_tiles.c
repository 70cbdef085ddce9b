/* Products on the processor's bfloat16 units: AMX's tiles, or AVX-512's pairs. See kernel_tiles.h.
 *
 * Compiled once per instruction set, see kernel_isa.h, but only the AVX-512 table has it.
 *
 * A bfloat16 is the upper half of a float32. Three of them hold a float32 exactly: x = h + m + l,
 * each the nearest to what the ones before it leave over. Of the nine products of two
 * such numbers six are summed; the others (ml, lm, ll) are below 2^-25 of the whole, less than a
 * float32's own rounding. The units multiply exactly and add up in float32.
 *
 * A tile has 16 lines of 16 pairs; the terms p and p + 16 make a pair, which costs less than
 * neighbours would. Every element of C adds up blocks of 32 terms in the order of K.
 */
#include "mlp/kernel_isa.h"
#include "mlp/kernel_tiles.h"

#if defined __AVX512BW__ && !defined MLP_DOUBLE

#define LINES TILE_LINES
#define TERMS TILE_TERMS
#define TILE  TILE_PAIRS

#define UPPER _mm512_set1_epi32((int)0xffff0000U)

/* To the nearest bfloat16, ties to even; still in the upper half of a float's place. */
static inline __m512i nearest(__m512i x)
{
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(x, 16), _mm512_set1_epi32(1));

    return _mm512_and_si512(
        _mm512_add_epi32(x, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), UPPER);
}

/* The next part of *x, which keeps what is left over. */
static inline __m512i part(__m512 *x)
{
    __m512i p = _mm512_and_si512(
        _mm512_add_epi32(_mm512_castps_si512(*x), _mm512_set1_epi32(0x8000)), UPPER);

    *x = _mm512_sub_ps(*x, _mm512_castsi512_ps(p));
    return p;
}

static inline __m512i pair(__m512i low, __m512i high)
{
    return _mm512_or_si512(_mm512_srli_epi32(low, 16), high);
}

/* A line of pairs, of each part: to, to + TILE, to + 2 TILE. */
static inline void split(__m512 low, __m512 high, size_t parts, uint32_t *to)
{
    if (parts == 1) {
        _mm512_store_si512(to, pair(nearest(_mm512_castps_si512(low)),
                                    nearest(_mm512_castps_si512(high))));
        return;
    }
    __m512i h0 = part(&low), h1 = part(&high);

    _mm512_store_si512(to, pair(h0, h1));
    __m512i m0 = part(&low), m1 = part(&high);

    _mm512_store_si512(to + TILE, pair(m0, m1));
    _mm512_store_si512(to + 2 * TILE,
                       pair(_mm512_castps_si512(low),
                            _mm512_and_si512(_mm512_castps_si512(high), UPPER)));
}

/* The transpose of 16 by 16 pairs, in place. */
static inline void turn(uint32_t *t)
{
    __m512i r[16], q[16];

    UNROLL
    for (size_t i = 0; i < 4; i++) { /* four pieces of lines i, i+4, i+8, i+12 a register */
        UNROLL
        for (size_t c = 0; c < 4; c++) {
            const uint32_t *from = t + i * LINES + 4 * c;
            __m512i x = _mm512_castsi128_si512(_mm_load_si128((const __m128i *)(const void *)from));

            x = _mm512_inserti32x4(
                x, _mm_load_si128((const __m128i *)(const void *)(from + 4 * LINES)), 1);
            x = _mm512_inserti32x4(
                x, _mm_load_si128((const __m128i *)(const void *)(from + 8 * LINES)), 2);
            x = _mm512_inserti32x4(
                x, _mm_load_si128((const __m128i *)(const void *)(from + 12 * LINES)), 3);
            r[4 * c + i] = x;
        }
    }
    UNROLL
    for (size_t c = 0; c < 4; c++) {
        __m512i a = _mm512_unpacklo_epi32(r[4 * c], r[4 * c + 1]);
        __m512i b = _mm512_unpackhi_epi32(r[4 * c], r[4 * c + 1]);
        __m512i d = _mm512_unpacklo_epi32(r[4 * c + 2], r[4 * c + 3]);
        __m512i e = _mm512_unpackhi_epi32(r[4 * c + 2], r[4 * c + 3]);

        q[4 * c] = _mm512_unpacklo_epi64(a, d);
        q[4 * c + 1] = _mm512_unpackhi_epi64(a, d);
        q[4 * c + 2] = _mm512_unpacklo_epi64(b, e);
        q[4 * c + 3] = _mm512_unpackhi_epi64(b, e);
    }
    UNROLL
    for (size_t i = 0; i < 16; i++) {
        _mm512_store_si512(t + i * LINES, q[i]);
    }
}

static inline __mmask16 mask_of(size_t n)
{
    return n >= LINES ? (__mmask16)0xffff : (__mmask16)((1U << n) - 1);
}

static inline size_t above(size_t n, size_t less)
{
    return n > less ? n - less : 0;
}

/* Where line or term i begins, whichever has its numbers side by side. */
static inline const mlp_real *row_of(const struct kernel_pack *p, size_t i, size_t step)
{
    return p->from + (p->at != NULL ? p->at[i] : i) * step;
}

/* The empty instruction: else gcc 12 takes this for a function without effects. */
static inline void prefetch(const mlp_real *at)
{
    _mm_prefetch((const char *)at, _MM_HINT_T1);
    __asm__ volatile("" : : "r"(at));
}

/* Lines from anywhere come from far away: while some are packed, those after them are on their way,
 * and after the last ones the next terms of the first, which a caller will want next. */
static inline void prefetch_line(const struct kernel_pack *p, size_t i, size_t k)
{
    if (i >= p->lines) {
        i -= p->lines;
        k += p->terms;
    }
    if (i < p->lines) {
        const mlp_real *at = row_of(p, i, p->line_step) + k;

        prefetch(at);
        prefetch(at + LINES);
    }
}

/* One tile of each part, from line i0 and term k0: `lines` by `terms` numbers, the rest zeros. */
static inline __attribute__((always_inline)) void pack_tile(const struct kernel_pack *p,
                                                            size_t parts, size_t i0, size_t lines,
                                                            size_t k0, size_t terms, uint32_t *to)
{
    if (p->term_step == 1) { /* terms lie side by side: a vector is a line */
        __mmask16 low = mask_of(terms), high = mask_of(above(terms, LINES));

        for (size_t i = 0; i < lines; i++) {
            const mlp_real *from = row_of(p, i0 + i, p->line_step) + k0;

            if (p->at != NULL) {
                prefetch_line(p, i0 + i + LINES, k0);
            }
            split(_mm512_maskz_loadu_ps(low, from),
                  _mm512_maskz_loadu_ps(high, from + LINES), parts, to + i * LINES);
        }
        for (size_t i = lines; i < LINES; i++) {
            split(_mm512_setzero_ps(), _mm512_setzero_ps(), parts, to + i * LINES);
        }
    } else { /* lines lie side by side: a vector is a term of all of them */
        __mmask16 all = mask_of(lines);

        for (size_t r = 0; r < LINES; r++) {
            size_t q = r < terms ? r : 0, q1 = r + LINES < terms ? r + LINES : 0;
            const mlp_real *low = row_of(p, k0 + q, p->term_step) + i0;
            const mlp_real *high = row_of(p, k0 + q1, p->term_step) + i0;

            if (p->at != NULL) {
                prefetch(low + LINES);
                prefetch(high + LINES);
            }
            split(_mm512_maskz_loadu_ps(r < terms ? all : 0, low),
                  _mm512_maskz_loadu_ps(r + LINES < terms ? all : 0, high), parts, to + r * LINES);
        }
    }
    if ((p->term_step == 1) == p->right) {
        for (size_t part = 0; part < parts; part++) {
            turn(to + part * TILE);
        }
    }
}

/* Tiles in the order in which their numbers lie side by side; but by lines where rows are from
 * anywhere, for none of them leads to the next. */
static inline __attribute__((always_inline)) void pack_parts(const struct kernel_pack *p,
                                                             size_t parts)
{
    const size_t panel = tiles_panel(p->terms, parts);
    const size_t lines = (p->lines + LINES - 1) / LINES, terms = (p->terms + TERMS - 1) / TERMS;
    const bool by_lines = p->term_step == 1 || p->at != NULL;

    for (size_t n = 0; n < lines * terms; n++) {
        size_t i = by_lines ? n / terms : n % lines, k = by_lines ? n % terms : n / lines;
        size_t i0 = i * LINES, k0 = k * TERMS;

        pack_tile(p, parts, i0, p->lines - i0 < LINES ? p->lines - i0 : LINES, k0,
                  p->terms - k0 < TERMS ? p->terms - k0 : TERMS,
                  p->to + i * panel + k * parts * TILE);
    }
}

static void pack(const struct kernel_pack *p)
{
    if (p->parts == 1) {
        pack_parts(p, 1);
    } else {
        pack_parts(p, 3);
    }
}

/* ---- AMX ------------------------------------------------------------------------- */

#define AMX __attribute__((target("amx-tile,amx-bf16")))

struct tile_config {
    uint8_t palette, start_row, zero[14];
    uint16_t bytes[16];
    uint8_t rows[16];
};

#define LOAD_A(p)                                                                                  \
    do {                                                                                           \
        _tile_loadd(4, a0 + (p)*TILE, 64);                                                         \
        if (two_rows) {                                                                            \
            _tile_loadd(5, a1 + (p)*TILE, 64);                                                     \
        }                                                                                          \
    } while (0)
#define LOAD_B(p)                                                                                  \
    do {                                                                                           \
        _tile_loadd(6, b0 + (p)*TILE, 64);                                                         \
        if (two_cols) {                                                                            \
            _tile_loadd(7, b1 + (p)*TILE, 64);                                                     \
        }                                                                                          \
    } while (0)
#define MULTIPLY()                                                                                 \
    do {                                                                                           \
        _tile_dpbf16ps(0, 4, 6);                                                                   \
        if (two_cols) {                                                                            \
            _tile_dpbf16ps(1, 4, 7);                                                               \
        }                                                                                          \
        if (two_rows) {                                                                            \
            _tile_dpbf16ps(2, 5, 6);                                                               \
        }                                                                                          \
        if (two_rows && two_cols) {                                                                \
            _tile_dpbf16ps(3, 5, 7);                                                               \
        }                                                                                          \
    } while (0)

/* Tiles 0 to 3 += A B, over all blocks of terms.
 *
 * Storing a tile after a microsecond without any vector instruction takes a quarter of a
 * microsecond longer, as if something had to wake up first: so one a block, of no consequence. */
static inline AMX __attribute__((always_inline)) void
run_tiles(const uint32_t *a0, const uint32_t *a1, const uint32_t *b0, const uint32_t *b1,
          size_t blocks, size_t parts, bool two_rows, bool two_cols)
{
    __m512 awake = _mm512_setzero_ps();

    for (size_t k = 0; k < blocks; k++) {
        awake = _mm512_add_ps(awake, awake);
        __asm__ volatile("" : "+v"(awake));
        if (parts == 1) {
            LOAD_A(0);
            LOAD_B(0);
            MULTIPLY();
        } else {
            LOAD_A(0);
            LOAD_B(2);
            MULTIPLY();
            LOAD_B(1);
            MULTIPLY();
            LOAD_A(1);
            MULTIPLY();
            LOAD_B(0);
            MULTIPLY();
            LOAD_A(2);
            MULTIPLY();
            LOAD_A(0); /* the largest last: what comes before is rounded as the little it is */
            MULTIPLY();
        }
        a0 += parts * TILE;
        a1 += parts * TILE;
        b0 += parts * TILE;
        b1 += parts * TILE;
    }
}

static inline AMX __attribute__((always_inline)) void
run_four(const uint32_t *a0, const uint32_t *a1, const uint32_t *b0, const uint32_t *b1,
         size_t blocks, size_t parts, bool two_rows, bool two_cols)
{
    if (two_rows && two_cols) {
        run_tiles(a0, a1, b0, b1, blocks, parts, true, true);
    } else if (two_rows) {
        run_tiles(a0, a1, b0, b1, blocks, parts, true, false);
    } else if (two_cols) {
        run_tiles(a0, a1, b0, b1, blocks, parts, false, true);
    } else {
        run_tiles(a0, a1, b0, b1, blocks, parts, false, false);
    }
}

/* Copy rows x cols numbers between C and a tile beside it. */
static void beside_in(const mlp_real *c, size_t c_row, size_t rows, size_t cols, mlp_real *beside)
{
    __mmask16 m = mask_of(cols);

    for (size_t i = 0; i < rows; i++) {
        _mm512_store_ps(beside + i * LINES, _mm512_maskz_loadu_ps(m, c + i * c_row));
    }
}

static void beside_out(const mlp_real *beside, size_t rows, size_t cols, mlp_real *c, size_t c_row)
{
    __mmask16 m = mask_of(cols);

    for (size_t i = 0; i < rows; i++) {
        _mm512_mask_storeu_ps(c + i * c_row, m, _mm512_load_ps(beside + i * LINES));
    }
}

/* What tile T starts with; its numbers are the rows i.. and columns j.. of C. */
#define BEGIN(T, i, j)                                                                             \
    do {                                                                                           \
        size_t rows_ = above(p->m, i), cols_ = above(p->n, j);                                     \
                                                                                                   \
        if (!p->add && p->bias == NULL) {                                                          \
            _tile_zero(T);                                                                         \
        } else if (!p->add) {                                                                      \
            _mm512_store_ps(beside, _mm512_maskz_loadu_ps(mask_of(cols_), p->bias + (j)));         \
            _tile_loadd(T, beside, 0);                                                             \
        } else if (rows_ >= LINES && cols_ >= LINES) {                                             \
            _tile_loadd(T, p->c + (i)*p->c_row + (j), c_bytes);                                    \
        } else {                                                                                   \
            beside_in(p->c + (i)*p->c_row + (j), p->c_row, rows_ < LINES ? rows_ : LINES, cols_,   \
                      beside);                                                                     \
            _tile_loadd(T, beside, 64);                                                            \
        }                                                                                          \
    } while (0)

#define FINISH(T, i, j)                                                                            \
    do {                                                                                           \
        size_t rows_ = above(p->m, i), cols_ = above(p->n, j);                                     \
                                                                                                   \
        if (rows_ >= LINES && cols_ >= LINES) {                                                    \
            _tile_stored(T, p->c + (i)*p->c_row + (j), c_bytes);                                   \
        } else {                                                                                   \
            _tile_stored(T, beside, 64);                                                           \
            beside_out(beside, rows_ < LINES ? rows_ : LINES, cols_, p->c + (i)*p->c_row + (j),    \
                       p->c_row);                                                                  \
        }                                                                                          \
    } while (0)

/* Rows i.. and columns j.. of C, two tiles each way where there are so many. */
static inline AMX __attribute__((always_inline)) void four_tiles(const struct kernel_tiles *p,
                                                                 size_t i, size_t j)
{
    mlp_real beside[TILE] __attribute__((aligned(64)));
    const size_t blocks = (p->k + TERMS - 1) / TERMS, panel = tiles_panel(p->k, p->parts);
    const size_t c_bytes = p->c_row * sizeof(mlp_real);
    const uint32_t *a = p->a + i / LINES * panel, *b = p->b + j / LINES * panel;
    const bool two_rows = p->m - i > LINES, two_cols = p->n - j > LINES;

    BEGIN(0, i, j);
    if (two_cols) {
        BEGIN(1, i, j + LINES);
    }
    if (two_rows) {
        BEGIN(2, i + LINES, j);
    }
    if (two_rows && two_cols) {
        BEGIN(3, i + LINES, j + LINES);
    }
    if (p->parts == 1) {
        run_four(a, a + panel, b, b + panel, blocks, 1, two_rows, two_cols);
    } else {
        run_four(a, a + panel, b, b + panel, blocks, 3, two_rows, two_cols);
    }
    FINISH(0, i, j);
    if (two_cols) {
        FINISH(1, i, j + LINES);
    }
    if (two_rows) {
        FINISH(2, i + LINES, j);
    }
    if (two_rows && two_cols) {
        FINISH(3, i + LINES, j + LINES);
    }
}

static AMX void multiply_amx(const struct kernel_tiles *p)
{
    static const struct tile_config config = {
        .palette = 1,
        .bytes = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {LINES, LINES, LINES, LINES, LINES, LINES, LINES, LINES},
    };

    _tile_loadconfig(&config);
    for (size_t j = 0; j < p->n; j += 2 * LINES) {
        for (size_t i = 0; i < p->m; i += 2 * LINES) {
            four_tiles(p, i, j);
        }
    }
    _tile_release();
}

/* ---- AVX-512 BF16 ------------------------------------------------------------------ */

#define PAIRS __attribute__((target("avx512bf16")))
#define HALF  ((size_t)8) /* rows of a tile at a time: with two tiles' columns 16 sums */

static inline __m512bh pairs_of(__m512i x)
{
    return (__m512bh)x;
}

static inline PAIRS __attribute__((always_inline)) void
half_tile(const struct kernel_tiles *p, size_t i, size_t j, const uint32_t *a, const uint32_t *b,
          const uint32_t *b1)
{
    const size_t blocks = (p->k + TERMS - 1) / TERMS;
    const size_t rows = p->m - i < HALF ? p->m - i : HALF;
    const __mmask16 cols[2] = {mask_of(p->n - j), mask_of(above(p->n, j + LINES))};
    mlp_real *c = p->c + i * p->c_row + j;
    __m512 sum[HALF][2];

    UNROLL
    for (size_t r = 0; r < HALF; r++) {
        UNROLL
        for (size_t v = 0; v < 2; v++) {
            const __mmask16 mask = r < rows || !p->add ? cols[v] : 0;
            const mlp_real *from = p->add ? c + r * p->c_row : p->bias + j;

            sum[r][v] = p->add || p->bias != NULL ? _mm512_maskz_loadu_ps(mask, from + v * LINES)
                                                  : _mm512_setzero_ps();
        }
    }
    for (size_t k = 0; k < blocks * LINES; k++, b += LINES, b1 += LINES) {
        const uint32_t *at = a + k / LINES * TILE + k % LINES;
        const __m512bh right[2] = {pairs_of(_mm512_load_si512(b)), pairs_of(_mm512_load_si512(b1))};

        UNROLL
        for (size_t r = 0; r < HALF; r++) {
            __m512bh left = pairs_of(_mm512_set1_epi32((int)at[r * LINES]));

            UNROLL
            for (size_t v = 0; v < 2; v++) {
                sum[r][v] = _mm512_dpbf16_ps(sum[r][v], left, right[v]);
            }
        }
    }
    UNROLL
    for (size_t r = 0; r < HALF; r++) {
        UNROLL
        for (size_t v = 0; v < 2; v++) {
            _mm512_mask_storeu_ps(c + r * p->c_row + v * LINES, r < rows ? cols[v] : 0, sum[r][v]);
        }
    }
}

static PAIRS void multiply_pairs(const struct kernel_tiles *p)
{
    const size_t panel = tiles_panel(p->k, 1);

    for (size_t j = 0; j < p->n; j += 2 * LINES) {
        const uint32_t *b = p->b + j / LINES * panel, *b1 = p->n - j > LINES ? b + panel : b;

        for (size_t i = 0; i < p->m; i += HALF) {
            half_tile(p, i, j, p->a + i / LINES * panel + i % LINES * LINES, b, b1);
        }
    }
}

extern const struct kernel_units kernel_units_amx, kernel_units_pairs;
const struct kernel_units kernel_units_amx = {"amx", true, pack, multiply_amx};
const struct kernel_units kernel_units_pairs = {"avx512_bf16", false, pack, multiply_pairs};

#endif

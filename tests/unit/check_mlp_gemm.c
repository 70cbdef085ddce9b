/* The seam for matrix products: the three products against their definition, and the
 * promise that a row's bits do not depend on the rows around it, nor a gradient's on how it
 * was divided. Shapes are small, narrow and large, so that our own kernel, the backend and the
 * bfloat16 units are all on stage. */
#include "mlp_help.h"

#include "mlp/gemm.h"

static const size_t shapes[][2] = {{8, 5},     {1, 40},    {40, 1},    {33, 47},    {64, 64},
                                   {200, 20},  {128, 128}, {784, 128}, {300, 100},  {97, 257},
                                   {1200, 32}, {32, 1200}, {256, 256}, {1025, 130}, {128, 9},
                                   {90, 1100}};
#define SHAPES ((int)(sizeof(shapes) / sizeof(*shapes)))

/* Not a multiple of any slice below. */
#define ROWS ((size_t)149)

static const size_t slices[] = {1, 2, 3, 7, 13, 16, 31, 64};
#define SLICES (sizeof(slices) / sizeof(*slices))

struct room {
    struct gemm_ctx ctx;
    void *memory;
    size_t in, out;
    float *a, *w, *b, *delta;
};

static void ctx_init(struct gemm_ctx *ctx, void **memory, const struct gemm_size *size)
{
    struct arena arena = {0};

    gemm_layout(ctx, size, &arena);
    *memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(arena.base);
    arena.used = 0;
    gemm_layout(ctx, size, &arena);
    ck_assert_int_eq(gemm_init(ctx, kernel_best()), MLP_OK);
}

static void room_init(struct room *r, size_t in, size_t out, size_t rows,
                      enum mlp_precision precision, uint64_t seed)
{
    const struct gemm_size size = {.n_layers = 2,
                                   .max_in = in,
                                   .max_out = out,
                                   .max_rows = rows,
                                   .training = true,
                                   .precision = precision};

    ctx_init(&r->ctx, &r->memory, &size);
    r->in = in;
    r->out = out;
    r->a = help_floats(&seed, rows * in, 1);
    r->w = help_floats(&seed, in * out, 1);
    r->b = help_floats(&seed, out, 1);
    r->delta = help_floats(&seed, rows * out, 1);
}

static void room_fini(struct room *r)
{
    gemm_fini(&r->ctx);
    free(r->memory);
    free(r->a);
    free(r->w);
    free(r->b);
    free(r->delta);
}

static struct gemm_shape shape(const struct room *r, size_t rows)
{
    return (struct gemm_shape){.layer = 1, .rows = rows, .in = r->in, .out = r->out};
}

static float *blank(size_t n)
{
    float *x = malloc(n * sizeof(*x) + 1);

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++) {
        x[i] = NAN;
    }
    return x;
}

/* All pieces of dW, from the last to the first. */
static void back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t threads,
                         const float *a, const float *delta, float *dw)
{
    size_t piece = gemm_piece(ctx, s, threads), pieces = (s.in + piece - 1) / piece;

    ck_assert_uint_gt(piece, 0);
    gemm_new_batch(ctx);
    for (size_t i = pieces; i-- > 0;) {
        size_t first = i * piece, count = s.in - first < piece ? s.in - first : piece;

        ck_assert_int_eq(gemm_back_weights(ctx, s, first, count, a, delta, dw + first * s.out),
                         MLP_OK);
    }
}

/* The nearest bfloat16, ties to even. */
static double rounded(float x)
{
    uint32_t u = 0;

    memcpy(&u, &x, sizeof(u));
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000U;
    memcpy(&x, &u, sizeof(u));
    return (double)x;
}

static double exact(float x)
{
    return (double)x;
}

/* c (m, n) against sum over k of a[i a_row + k a_col] b[k b_row + j b_col], every 1 + n/40 th. */
static void compare(const float *c, size_t m, size_t n, size_t inner, const float *a, size_t a_row,
                    size_t a_col, const float *b, size_t b_row, size_t b_col, const float *bias,
                    double (*seen)(float))
{
    for (size_t i = 0; i < m; i += 1 + m / 40) {
        for (size_t j = 0; j < n; j += 1 + n / 40) {
            double sum = bias != NULL ? (double)bias[j] : 0, size = fabs(sum);

            for (size_t k = 0; k < inner; k++) {
                double term = seen(a[i * a_row + k * a_col]) * seen(b[k * b_row + j * b_col]);

                sum += term;
                size += fabs(term);
            }
            ck_assert_double_eq_tol((double)c[i * n + j], sum, 1e-6 * size + 1e-12);
        }
    }
}

static void check_products(size_t in, size_t out, size_t rows, enum mlp_precision precision)
{
    struct room r;
    float *z = blank(rows * out), *before = blank(rows * in), *dw = blank(in * out);

    room_init(&r, in, out, rows, precision, in + out);
    double (*seen)(float) =
        precision == MLP_BFLOAT16 && gemm_tiles_wants(&r.ctx, in, out) ? rounded : exact;
    struct gemm_shape s = shape(&r, rows);

    ck_assert_int_eq(gemm_predict(&r.ctx, s, r.a, r.w, NULL, z), MLP_OK);
    compare(z, rows, out, in, r.a, in, 1, r.w, out, 1, NULL, exact);
    ck_assert_int_eq(gemm_predict(&r.ctx, s, r.a, r.w, r.b, z), MLP_OK);
    compare(z, rows, out, in, r.a, in, 1, r.w, out, 1, r.b, exact);
    ck_assert_int_eq(gemm_forward(&r.ctx, s, r.a, r.w, r.b, z), MLP_OK);
    compare(z, rows, out, in, r.a, in, 1, r.w, out, 1, r.b, seen);
    ck_assert_int_eq(gemm_forward(&r.ctx, s, r.a, r.w, NULL, z), MLP_OK);
    compare(z, rows, out, in, r.a, in, 1, r.w, out, 1, NULL, seen);
    ck_assert_int_eq(gemm_back_delta(&r.ctx, s, r.delta, r.w, before), MLP_OK);
    compare(before, rows, in, out, r.delta, out, 1, r.w, 1, out, NULL, seen);
    back_weights(&r.ctx, s, 1, r.a, r.delta, dw);
    compare(dw, in, out, rows, r.a, 1, in, r.delta, out, 1, NULL, seen);
    room_fini(&r);
    free(z);
    free(before);
    free(dw);
}

START_TEST(products_by_definition)
{
    check_products(shapes[_i][0], shapes[_i][1], 1, MLP_FLOAT32);
    check_products(shapes[_i][0], shapes[_i][1], 37, MLP_FLOAT32);
    check_products(shapes[_i][0], shapes[_i][1], 128, MLP_FLOAT32);
}
END_TEST

START_TEST(products_of_rounded_numbers)
{
    const char *why = NULL;

    if (mlp_bfloat16_available(&why)) {
        check_products(shapes[_i][0], shapes[_i][1], 37, MLP_BFLOAT16);
        check_products(shapes[_i][0], shapes[_i][1], 128, MLP_BFLOAT16);
    } else {
        ck_assert_ptr_nonnull(why);
    }
}
END_TEST

START_TEST(many_rows_are_summed_in_chunks)
{
    check_products(64, 160, 512, MLP_FLOAT32);
    check_products(64, 160, 513, MLP_FLOAT32);
    check_products(160, 64, 1100, MLP_FLOAT32);
    check_products(300, 1100, 512, MLP_FLOAT32); /* a delta too large to be kept whole */
    check_products(300, 700, 1030, MLP_FLOAT32);
}
END_TEST

static void same_in_slices(size_t in, size_t out, enum mlp_precision precision)
{
    float *z = blank(ROWS * out), *shown = blank(ROWS * out), *before = blank(ROWS * in);
    float *part_z = blank(ROWS * out), *part_shown = blank(ROWS * out), *part = blank(ROWS * in);
    struct room r;

    room_init(&r, in, out, ROWS, precision, 3);
    ck_assert_int_eq(gemm_forward(&r.ctx, shape(&r, ROWS), r.a, r.w, r.b, z), MLP_OK);
    ck_assert_int_eq(gemm_predict(&r.ctx, shape(&r, ROWS), r.a, r.w, r.b, shown), MLP_OK);
    ck_assert_int_eq(gemm_back_delta(&r.ctx, shape(&r, ROWS), r.delta, r.w, before), MLP_OK);
    for (size_t s = 0; s < SLICES; s++) {
        for (size_t i = 0; i < ROWS; i += slices[s]) {
            size_t n = ROWS - i < slices[s] ? ROWS - i : slices[s];
            struct gemm_shape some = shape(&r, n);
            const float *a = r.a + i * in;

            ck_assert_int_eq(gemm_forward(&r.ctx, some, a, r.w, r.b, part_z + i * out), MLP_OK);
            ck_assert_int_eq(gemm_predict(&r.ctx, some, a, r.w, r.b, part_shown + i * out),
                             MLP_OK);
            ck_assert_int_eq(
                gemm_back_delta(&r.ctx, some, r.delta + i * out, r.w, part + i * in), MLP_OK);
        }
        ck_assert_msg(memcmp(z, part_z, ROWS * out * sizeof(*z)) == 0,
                      "forward %zu x %zu differs in slices of %zu", in, out, slices[s]);
        ck_assert_msg(memcmp(shown, part_shown, ROWS * out * sizeof(*z)) == 0,
                      "prediction %zu x %zu differs in slices of %zu", in, out, slices[s]);
        ck_assert_msg(memcmp(before, part, ROWS * in * sizeof(*part)) == 0,
                      "delta %zu x %zu differs in slices of %zu", in, out, slices[s]);
    }
    room_fini(&r);
    free(z);
    free(shown);
    free(before);
    free(part_z);
    free(part_shown);
    free(part);
}

START_TEST(slices_of_rows_give_the_same_bits)
{
    same_in_slices(shapes[_i][0], shapes[_i][1], MLP_FLOAT32);
}
END_TEST

START_TEST(slices_give_the_same_bits_at_every_depth)
{
    static const size_t depths[] = {8,   15,  16,  31,  32,  33,   48,   64,   65,  100,
                                    127, 200, 257, 384, 512, 600, 784, 1000, 1024, 1200};
    static const size_t others[] = {10, 47, 160};

    for (size_t d = 0; d < sizeof(depths) / sizeof(*depths); d++) {
        for (size_t o = 0; o < sizeof(others) / sizeof(*others); o++) {
            same_in_slices(depths[d], others[o], MLP_FLOAT32);
            same_in_slices(others[o], depths[d], MLP_FLOAT32);
        }
    }
}
END_TEST

START_TEST(rounded_slices_give_the_same_bits)
{
    if (mlp_bfloat16_available(&(const char *){NULL})) {
        same_in_slices(shapes[_i][0], shapes[_i][1], MLP_BFLOAT16);
    }
}
END_TEST

/* Rows from anywhere, and the same rows side by side. */
static void same_from_anywhere(size_t in, size_t out, size_t rows, enum mlp_precision precision)
{
    float *gathered = blank(rows * in), *z = blank(rows * out), *dw = blank(in * out);
    float *other_z = blank(rows * out), *other_dw = blank(in * out);
    uint32_t *at = malloc(rows * sizeof(*at) + 1);
    uint64_t seed = 31;
    struct room r;

    room_init(&r, in, out, rows, precision, 4);
    for (size_t i = 0; i < rows; i++) {
        at[i] = (uint32_t)(help_unit(&seed) * (double)rows);
        memcpy(gathered + i * in, r.a + at[i] * in, in * sizeof(*gathered));
    }
    struct gemm_shape s = shape(&r, rows), far = s;

    far.at = at;
    if (gemm_gathers(&r.ctx, in, out)) {
        ck_assert_int_eq(gemm_forward(&r.ctx, s, gathered, r.w, r.b, z), MLP_OK);
        ck_assert_int_eq(gemm_forward(&r.ctx, far, r.a, r.w, r.b, other_z), MLP_OK);
        ck_assert_mem_eq(z, other_z, rows * out * sizeof(*z));
        back_weights(&r.ctx, s, 1, gathered, r.delta, dw);
        for (size_t threads = 1; threads < 4; threads++) {
            back_weights(&r.ctx, far, threads, r.a, r.delta, other_dw);
            ck_assert_mem_eq(dw, other_dw, in * out * sizeof(*dw));
        }
    }
    room_fini(&r);
    free(gathered);
    free(z);
    free(dw);
    free(other_z);
    free(other_dw);
    free(at);
}

START_TEST(rows_may_come_from_anywhere)
{
    static const size_t rows[] = {1, 5, 15, 16, 17, 33, 100, 300, 530};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        same_from_anywhere(shapes[_i][0], shapes[_i][1], rows[i], MLP_FLOAT32);
        if (mlp_bfloat16_available(&(const char *){NULL})) {
            same_from_anywhere(shapes[_i][0], shapes[_i][1], rows[i], MLP_BFLOAT16);
        }
    }
}
END_TEST

/* The same call twice, with other calls between, and from another ctx: the same bits. */
START_TEST(products_repeat)
{
    struct room r, other;
    float *first = blank(300 * 128), *again = blank(300 * 128);

    room_init(&r, 300, 128, 128, MLP_FLOAT32, 9);
    room_init(&other, 300, 128, 128, MLP_FLOAT32, 9);
    back_weights(&r.ctx, shape(&r, 128), 1, r.a, r.delta, first);
    for (size_t rows = 1; rows <= 20; rows++) { /* more than a cache of primitives holds */
        back_weights(&r.ctx, shape(&r, rows), 1, r.a, r.delta, again);
    }
    back_weights(&r.ctx, shape(&r, 128), 1, r.a, r.delta, again);
    ck_assert_mem_eq(first, again, 300 * 128 * sizeof(float));
    back_weights(&other.ctx, shape(&other, 128), 1, other.a, other.delta, again);
    ck_assert_mem_eq(first, again, 300 * 128 * sizeof(float));
    for (size_t threads = 2; threads <= 8; threads++) {
        back_weights(&other.ctx, shape(&other, 128), threads, other.a, other.delta, again);
        ck_assert_mem_eq(first, again, 300 * 128 * sizeof(float));
    }
    room_fini(&r);
    room_fini(&other);
    free(first);
    free(again);
}
END_TEST

/* A delta that changes where it lies is packed anew. */
START_TEST(a_new_batch_is_seen)
{
    struct room r;
    float *first = blank(200 * 128), *other = blank(200 * 128);

    room_init(&r, 200, 128, 64, MLP_FLOAT32, 5);
    back_weights(&r.ctx, shape(&r, 64), 1, r.a, r.delta, first);
    for (size_t i = 0; i < (size_t)64 * 128; i++) {
        r.delta[i] = -r.delta[i];
    }
    back_weights(&r.ctx, shape(&r, 64), 1, r.a, r.delta, other);
    for (size_t i = 0; i < (size_t)200 * 128; i++) {
        ck_assert_float_eq(first[i], -other[i]);
    }
    room_fini(&r);
    free(first);
    free(other);
}
END_TEST

/* The last batch of an epoch is short: it may take another way than the full ones, and must have the
 * room for it. */
START_TEST(a_short_batch_after_long_ones)
{
    static const size_t shorts[] = {1, 30, 88, 200, 511, 512, 513, 599};
    const size_t in = 64, out = 2600, rows = 600;
    float *dw = blank(in * out), *z = blank(rows * out);
    struct room r;

    room_init(&r, in, out, rows, MLP_FLOAT32, 21);
    for (size_t i = 0; i < sizeof(shorts) / sizeof(*shorts); i++) {
        back_weights(&r.ctx, shape(&r, rows), 1, r.a, r.delta, dw);
        compare(dw, in, out, rows, r.a, 1, in, r.delta, out, 1, NULL, exact);
        back_weights(&r.ctx, shape(&r, shorts[i]), 1, r.a, r.delta, dw);
        compare(dw, in, out, shorts[i], r.a, 1, in, r.delta, out, 1, NULL, exact);
        ck_assert_int_eq(gemm_predict(&r.ctx, shape(&r, rows), r.a, r.w, r.b, z), MLP_OK);
        compare(z, rows, out, in, r.a, in, 1, r.w, out, 1, r.b, exact);
    }
    room_fini(&r);
    free(dw);
    free(z);
}
END_TEST

/* Sums of many terms of one sign, where rounding has the most to spoil: no worse than
 * multiply-adds one after the other. */
START_TEST(float32_products_are_as_exact_as_multiply_adds)
{
    const size_t in = 1000, out = 64, rows = 32;
    float *z = blank(rows * out);
    double ours = 0, plain = 0;
    struct room r;

    room_init(&r, in, out, rows, MLP_FLOAT32, 12);
    for (size_t i = 0; i < rows * in; i++) {
        r.a[i] = fabsf(r.a[i]);
    }
    for (size_t i = 0; i < in * out; i++) {
        r.w[i] = fabsf(r.w[i]);
    }
    ck_assert_int_eq(gemm_forward(&r.ctx, shape(&r, rows), r.a, r.w, NULL, z), MLP_OK);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < out; j++) {
            double sum = 0;
            float chain = 0;

            for (size_t k = 0; k < in; k++) {
                sum += (double)r.a[i * in + k] * (double)r.w[k * out + j];
                chain = fmaf(r.a[i * in + k], r.w[k * out + j], chain);
            }
            ours += ((double)z[i * out + j] - sum) * ((double)z[i * out + j] - sum);
            plain += ((double)chain - sum) * ((double)chain - sum);
        }
    }
    ck_assert_double_le(ours, 1.1 * plain);
    room_fini(&r);
    free(z);
}
END_TEST

START_TEST(backend_is_named)
{
    ck_assert(strncmp(mlp_backend(), "onednn 2.", 9) == 0 ||
              strncmp(mlp_backend(), "cblas", 5) == 0 ||
              strncmp(mlp_backend(), "reference", 9) == 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_gemm");
    TCase *c = tcase_create("gemm");

    tcase_set_timeout(c, 120);
    tcase_add_test(c, backend_is_named);
    tcase_add_loop_test(c, products_by_definition, 0, SHAPES);
    tcase_add_loop_test(c, products_of_rounded_numbers, 0, SHAPES);
    tcase_add_test(c, many_rows_are_summed_in_chunks);
    tcase_add_loop_test(c, slices_of_rows_give_the_same_bits, 0, SHAPES);
    tcase_add_loop_test(c, rounded_slices_give_the_same_bits, 0, SHAPES);
    tcase_add_test(c, slices_give_the_same_bits_at_every_depth);
    tcase_add_loop_test(c, rows_may_come_from_anywhere, 0, SHAPES);
    tcase_add_test(c, products_repeat);
    tcase_add_test(c, a_new_batch_is_seen);
    tcase_add_test(c, a_short_batch_after_long_ones);
    tcase_add_test(c, float32_products_are_as_exact_as_multiply_adds);
    suite_add_tcase(s, c);
    return help_run(s);
}

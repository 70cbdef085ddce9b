/* The seam for matrix products: the three products against their definition, and the
 * promise that a row's bits do not depend on the rows around it. Shapes are small,
 * narrow and large, so that both our own kernel and the backend are on stage. */
#include "mlp_help.h"

#include "mlp/gemm.h"

static const size_t shapes[][2] = {{8, 5},    {1, 40},    {40, 1},    {33, 47},   {64, 64},
                                   {200, 20}, {128, 128}, {784, 128}, {300, 100}, {97, 257},
                                   {1200, 32}, {32, 1200}, {256, 256}};
#define SHAPES ((int)(sizeof(shapes) / sizeof(*shapes)))

/* Not a multiple of any slice below. */
#define ROWS ((size_t)149)

struct room {
    struct gemm_ctx ctx;
    void *memory;
    size_t in, out;
    float *a, *w, *b, *delta;
};

static void room_init(struct room *r, size_t in, size_t out, size_t rows, uint64_t seed)
{
    struct arena arena = {0};

    gemm_layout(&r->ctx, 2, in, out, true, &arena);
    r->memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(r->memory);
    arena.used = 0;
    gemm_layout(&r->ctx, 2, in, out, true, &arena);
    ck_assert_int_eq(gemm_init(&r->ctx, kernel_best()), MLP_OK);
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

/* c (m, n) against sum over k of a[i a_row + k a_col] b[k b_row + j b_col], every 1 + n/40 th. */
static void compare(const float *c, size_t m, size_t n, size_t inner, const float *a, size_t a_row,
                    size_t a_col, const float *b, size_t b_row, size_t b_col, const float *bias)
{
    for (size_t i = 0; i < m; i += 1 + m / 40) {
        for (size_t j = 0; j < n; j += 1 + n / 40) {
            double sum = bias != NULL ? (double)bias[j] : 0, size = fabs(sum);

            for (size_t k = 0; k < inner; k++) {
                double term = (double)a[i * a_row + k * a_col] * (double)b[k * b_row + j * b_col];

                sum += term;
                size += fabs(term);
            }
            ck_assert_double_eq_tol((double)c[i * n + j], sum, 1e-6 * size + 1e-12);
        }
    }
}

static void check_products(size_t in, size_t out, size_t rows)
{
    struct room r;
    float *z = blank(rows * out), *before = blank(rows * in), *dw = blank(in * out);

    room_init(&r, in, out, rows, in + out);
    ck_assert_int_eq(gemm_forward(&r.ctx, shape(&r, rows), r.a, r.w, r.b, z), MLP_OK);
    compare(z, rows, out, in, r.a, in, 1, r.w, out, 1, r.b);
    ck_assert_int_eq(gemm_back_delta(&r.ctx, shape(&r, rows), r.delta, r.w, before), MLP_OK);
    compare(before, rows, in, out, r.delta, out, 1, r.w, 1, out, NULL);
    ck_assert_int_eq(gemm_back_weights(&r.ctx, shape(&r, rows), r.a, r.delta, dw), MLP_OK);
    compare(dw, in, out, rows, r.a, 1, in, r.delta, out, 1, NULL);
    room_fini(&r);
    free(z);
    free(before);
    free(dw);
}

START_TEST(products_by_definition)
{
    check_products(shapes[_i][0], shapes[_i][1], 1);
    check_products(shapes[_i][0], shapes[_i][1], 37);
    check_products(shapes[_i][0], shapes[_i][1], 128);
}
END_TEST

START_TEST(many_rows_are_summed_in_chunks)
{
    check_products(64, 160, 512);
    check_products(64, 160, 513);
    check_products(160, 64, 1100);
}
END_TEST

START_TEST(slices_of_rows_give_the_same_bits)
{
    static const size_t slices[] = {1, 2, 3, 7, 13, 16, 31, 64};
    size_t in = shapes[_i][0], out = shapes[_i][1];
    float *z = blank(ROWS * out), *before = blank(ROWS * in);
    float *part_z = blank(ROWS * out), *part = blank(ROWS * in);
    struct room r;

    room_init(&r, in, out, ROWS, 3);
    ck_assert_int_eq(gemm_forward(&r.ctx, shape(&r, ROWS), r.a, r.w, r.b, z), MLP_OK);
    ck_assert_int_eq(gemm_back_delta(&r.ctx, shape(&r, ROWS), r.delta, r.w, before), MLP_OK);
    for (size_t s = 0; s < sizeof(slices) / sizeof(*slices); s++) {
        for (size_t i = 0; i < ROWS; i += slices[s]) {
            size_t n = ROWS - i < slices[s] ? ROWS - i : slices[s];

            ck_assert_int_eq(
                gemm_forward(&r.ctx, shape(&r, n), r.a + i * in, r.w, r.b, part_z + i * out),
                MLP_OK);
            ck_assert_int_eq(
                gemm_back_delta(&r.ctx, shape(&r, n), r.delta + i * out, r.w, part + i * in),
                MLP_OK);
        }
        ck_assert_msg(memcmp(z, part_z, ROWS * out * sizeof(*z)) == 0,
                      "forward %zu x %zu differs in slices of %zu", in, out, slices[s]);
        ck_assert_msg(memcmp(before, part, ROWS * in * sizeof(*part)) == 0,
                      "delta %zu x %zu differs in slices of %zu", in, out, slices[s]);
    }
    room_fini(&r);
    free(z);
    free(before);
    free(part_z);
    free(part);
}
END_TEST

/* The same call twice, with other calls between, and from another ctx: the same bits. */
START_TEST(products_repeat)
{
    struct room r, other;
    float *first = blank(300 * 128), *again = blank(300 * 128);

    room_init(&r, 300, 128, 128, 9);
    room_init(&other, 300, 128, 128, 9);
    ck_assert_int_eq(gemm_back_weights(&r.ctx, shape(&r, 128), r.a, r.delta, first), MLP_OK);
    for (size_t rows = 1; rows <= 20; rows++) { /* more than a cache of primitives holds */
        ck_assert_int_eq(gemm_back_weights(&r.ctx, shape(&r, rows), r.a, r.delta, again), MLP_OK);
    }
    ck_assert_int_eq(gemm_back_weights(&r.ctx, shape(&r, 128), r.a, r.delta, again), MLP_OK);
    ck_assert_mem_eq(first, again, 300 * 128 * sizeof(float));
    ck_assert_int_eq(
        gemm_back_weights(&other.ctx, shape(&other, 128), other.a, other.delta, again), MLP_OK);
    ck_assert_mem_eq(first, again, 300 * 128 * sizeof(float));
    room_fini(&r);
    room_fini(&other);
    free(first);
    free(again);
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

    tcase_set_timeout(c, 60);
    tcase_add_test(c, backend_is_named);
    tcase_add_loop_test(c, products_by_definition, 0, SHAPES);
    tcase_add_test(c, many_rows_are_summed_in_chunks);
    tcase_add_loop_test(c, slices_of_rows_give_the_same_bits, 0, SHAPES);
    tcase_add_test(c, products_repeat);
    suite_add_tcase(s, c);
    return help_run(s);
}

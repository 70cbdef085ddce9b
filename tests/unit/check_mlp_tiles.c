/* Products on bfloat16 units, each kind that this processor has: against their definition
 * with numbers rounded as they round, at every edge of a tile; and the bits of rows. */
#include "mlp_help.h"

#include "mlp/arena.h"
#include "mlp/kernel_tiles.h"

static size_t units_of(const struct kernel_units *list[KERNEL_UNITS_MAX])
{
    return kernel_units_list(kernel_best(), list);
}

static void *aligned(size_t bytes)
{
    void *p = aligned_alloc(ARENA_ALIGN, (bytes + ARENA_ALIGN) / ARENA_ALIGN * ARENA_ALIGN);

    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, bytes); /* NaN where nothing is packed */
    return p;
}

static uint32_t *packed(const struct kernel_units *u, const float *from, size_t lines, size_t terms,
                        size_t line_step, size_t term_step, bool right, size_t parts)
{
    uint32_t *to = aligned((lines + 15) / 16 * tiles_panel(terms, parts) * sizeof(*to));

    u->pack(&(struct kernel_pack){lines, terms, from, line_step, term_step, NULL, right,
                                  parts, to});
    return to;
}

static double nearest(float x)
{
    uint32_t u = 0;

    memcpy(&u, &x, sizeof(u));
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000U;
    memcpy(&x, &u, sizeof(u));
    return (double)x;
}

/* c = A B [+ bias], or added to what is there, with A and B as they lie or transposed. */
static void check(const struct kernel_units *u, size_t m, size_t n, size_t k, size_t parts, int how)
{
    uint64_t seed = m * 10007 + n * 101 + k;
    float *a = help_floats(&seed, m * k, 1), *b = help_floats(&seed, k * n, 1);
    float *bias = help_floats(&seed, n, 1), *c = help_floats(&seed, m * (n + 3), 1);
    bool a_turned = (how & 1) != 0, b_turned = (how & 2) != 0, add = (how & 4) != 0;
    size_t ai = a_turned ? 1 : k, ak = a_turned ? m : 1;
    size_t bj = b_turned ? k : 1, bk = b_turned ? 1 : n;
    uint32_t *pa = packed(u, a, m, k, ai, ak, false, parts);
    uint32_t *pb = packed(u, b, n, k, bj, bk, true, parts);
    double *want = malloc(m * n * sizeof(*want) + 1), *size = malloc(m * n * sizeof(*size) + 1);

    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = (double)(add ? c[i * (n + 3) + j] : bias[j]), all = fabs(sum);

            for (size_t q = 0; q < k; q++) {
                float x = a[i * ai + q * ak], y = b[j * bj + q * bk];
                double term = parts == 1 ? nearest(x) * nearest(y) : (double)x * (double)y;

                sum += term;
                all += fabs(term);
            }
            want[i * n + j] = sum;
            size[i * n + j] = all;
        }
    }
    float beyond = c[n]; /* behind the first row's columns */

    u->multiply(&(struct kernel_tiles){.m = m, .n = n, .k = k, .parts = parts, .a = pa, .b = pb,
                                       .bias = add ? NULL : bias, .add = add, .c = c,
                                       .c_row = n + 3});
    ck_assert_float_eq(c[n], beyond);
    for (size_t i = 0; i < m * n; i++) {
        float got = c[i / n * (n + 3) + i % n];

        ck_assert_msg(fabs((double)got - want[i]) <= 4e-7 * size[i],
                      "%s: %zu x %zu x %zu, %zu parts, %d: element %zu is %g, not %g", u->name, m,
                      n, k, parts, how, i, (double)got, want[i]);
    }
    free(a);
    free(b);
    free(bias);
    free(c);
    free(pa);
    free(pb);
    free(want);
    free(size);
}

START_TEST(products_at_every_edge)
{
    static const size_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50};
    static const size_t depths[] = {1, 15, 16, 17, 31, 32, 33, 70};
    const struct kernel_units *list[KERNEL_UNITS_MAX];
    size_t n = units_of(list), count = 0;

    for (size_t u = 0; u < n; u++) {
        for (size_t parts = list[u]->float32 ? 3 : 1; parts > 0; parts -= parts == 3 ? 2 : 1) {
            for (size_t i = 0; i < 11; i++) {
                for (size_t j = 0; j < 11; j++) {
                    for (size_t q = 0; q < 8; q++) {
                        check(list[u], sizes[i], sizes[j], depths[q], parts, (int)(count++ % 8));
                    }
                }
            }
        }
    }
}
END_TEST

/* Three parts lose nothing of a float32: products of powers of two with it are exact. */
START_TEST(three_parts_hold_a_float)
{
    const struct kernel_units *list[KERNEL_UNITS_MAX];
    static const float numbers[] = {1.0F,        0x1.fffffep0F, 0x1.000002p0F, -0x1.555556p-3F,
                                    0x1.80ff7fp5F, 0x1.7f80fep20F, -0x1.010101p-60F, 3e38F};

    if (units_of(list) == 0 || !list[0]->float32) {
        return;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        float c = 0, one = 1;
        uint32_t *a = packed(list[0], &numbers[i], 1, 1, 1, 1, false, 3);
        uint32_t *b = packed(list[0], &one, 1, 1, 1, 1, true, 3);

        list[0]->multiply(&(struct kernel_tiles){
            .m = 1, .n = 1, .k = 1, .parts = 3, .a = a, .b = b, .c = &c, .c_row = 1});
        ck_assert_float_eq(c, numbers[i]);
        free(a);
        free(b);
    }
}
END_TEST

/* One product of two numbers whose every bit counts: what three parts leave out must be less than
 * what a float32 rounds off. */
START_TEST(what_is_left_out_is_small)
{
    const struct kernel_units *list[KERNEL_UNITS_MAX];
    uint64_t seed = 21;
    double worst = 0;

    if (units_of(list) == 0 || !list[0]->float32) {
        return;
    }
    float *x = help_floats(&seed, 400, 1), *y = help_floats(&seed, 400, 1);
    uint32_t *a = packed(list[0], x, 400, 1, 1, 1, false, 3);
    uint32_t *b = packed(list[0], y, 400, 1, 1, 1, true, 3);
    float *c = aligned((size_t)400 * 400 * sizeof(*c));

    list[0]->multiply(&(struct kernel_tiles){
        .m = 400, .n = 400, .k = 1, .parts = 3, .a = a, .b = b, .c = c, .c_row = 400});
    for (size_t i = 0; i < (size_t)400 * 400; i++) {
        double exact = (double)x[i / 400] * (double)y[i % 400];

        worst = fmax(worst, fabs((double)c[i] - exact) / fabs(exact));
    }
    ck_assert_double_le(worst, 1.75 * 0x1p-24);
    free(x);
    free(y);
    free(a);
    free(b);
    free(c);
}
END_TEST

/* What is not a number does not vanish. */
START_TEST(nan_and_infinity_are_seen)
{
    const struct kernel_units *list[KERNEL_UNITS_MAX];
    size_t n = units_of(list);

    for (size_t u = 0; u < n; u++) {
        for (size_t parts = list[u]->float32 ? 3 : 1; parts > 0; parts -= parts == 3 ? 2 : 1) {
            float a[2 * 40] = {0}, b[40] = {0}, c[2] = {7, 7};

            for (size_t q = 0; q < 40; q++) {
                a[q] = b[q] = 1;
            }
            a[33] = _i == 0 ? NAN : INFINITY;
            uint32_t *pa = packed(list[u], a, 2, 40, 40, 1, false, parts);
            uint32_t *pb = packed(list[u], b, 1, 40, 40, 1, true, parts);

            list[u]->multiply(&(struct kernel_tiles){
                .m = 2, .n = 1, .k = 40, .parts = parts, .a = pa, .b = pb, .c = c, .c_row = 1});
            ck_assert(!isfinite(c[0]));
            ck_assert_float_eq(c[1], 0); /* and stays in its row */
            free(pa);
            free(pb);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_tiles");
    TCase *c = tcase_create("tiles");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, products_at_every_edge);
    tcase_add_test(c, three_parts_hold_a_float);
    tcase_add_test(c, what_is_left_out_is_small);
    tcase_add_loop_test(c, nan_and_infinity_are_seen, 0, 2);
    suite_add_tcase(s, c);
    return help_run(s);
}

/* The fast loops against slow ones that nobody could get wrong, in every table that this processor
 * can run: shapes and numbers come from the input, all bits of them (NaN, infinities, subnormal).
 *
 * What must hold is kernel.h's: the value within what rounding may do, NaN and infinity as the
 * definition has them, an element's bits the same wherever it lies, nothing written past the end.
 * Where sums may overflow on the way their order decides, and nothing is asked.
 *
 * Input: the loop, three bytes of shape, one of orientation; then float32 bits, used again and
 * again until all arguments are full.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "../unit/mlp_activation_help.h"
#include "fuzz.h"
#include "mlp/arena.h"
#include "mlp/kernel.h"

#define GUARD 123456.0F /* behind every result */

static const uint8_t *bits;
static size_t n_bits, at;

static float next(void)
{
    uint8_t bytes[4];
    float f;
    size_t i;

    for (i = 0; i < 4; i++) {
        bytes[i] = n_bits > 0 ? bits[at++ % n_bits] : 0;
    }
    memcpy(&f, bytes, sizeof f);
    return f;
}

static float *numbers(size_t n)
{
    float *x = xcalloc(n + 1, sizeof *x);
    size_t i;

    for (i = 0; i < n; i++) {
        x[i] = next();
    }
    x[n] = GUARD;
    return x;
}

static bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void same(const float *a, const float *b, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        FUZZ_TRUE(same_bits(a[i], b[i]));
    }
    FUZZ_TRUE(a[n] == GUARD);
}

/* A sum by the definition: its terms, and the absolute values of those that are finite. */
struct sum {
    double value, size;
};

static void add(struct sum *s, double term)
{
    s->value += term;
    s->size += isfinite(term) ? fabs(term) : 0;
}

/* `got` is that sum, to so many roundings of each term. */
static void near(float got, struct sum s, double roundings)
{
    if (s.size > (double)FLT_MAX / 4) {
        return;
    }
    if (!isfinite(s.value)) {
        FUZZ_TRUE(isnan(s.value) ? isnan(got) : (double)got == s.value);
        return;
    }
    FUZZ_TRUE(fabs((double)got - s.value) <=
              roundings * ((double)FLT_EPSILON * s.size + (double)FLT_MIN));
}

/* ---- products ---- */

static void product(const struct kernel *k, const uint8_t shape[4])
{
    size_t m = shape[0] % 37, n = shape[1] % 71, inner = shape[2], i, j, p;
    bool a_turned = (shape[3] & 3) == 2, b_turned = (shape[3] & 3) == 1;
    float *a = numbers(m * inner), *b = numbers(inner * n), *bias = numbers(n);
    float *c = xcalloc(m * n + 1, sizeof *c), *row = xcalloc(n + 1, sizeof *row);
    float *panel = aligned_alloc(ARENA_ALIGN, KERNEL_PANEL * sizeof *panel);
    struct product whole = {.m = m,
                            .n = n,
                            .k = inner,
                            .a = a,
                            .a_row = a_turned ? 1 : inner,
                            .a_col = a_turned ? m : 1,
                            .b = b,
                            .b_row = b_turned ? 1 : n,
                            .b_col = b_turned ? inner : 1,
                            .bias = shape[3] & 4 ? bias : NULL,
                            .c = c,
                            .panel = panel};

    FUZZ_TRUE(panel != NULL);
    c[m * n] = row[n] = GUARD;
    if (m > 0 && n > 0 && inner > 0) {
        k->product(&whole);
    }
    for (i = 0; i < m && n > 0 && inner > 0; i++) {
        struct product one = whole;

        for (j = 0; j < n; j++) {
            struct sum sum = {0, 0};

            add(&sum, whole.bias != NULL ? (double)bias[j] : 0);
            for (p = 0; p < inner; p++) {
                add(&sum, (double)a[i * whole.a_row + p * whole.a_col] *
                              (double)b[p * whole.b_row + j * whole.b_col]);
            }
            near(c[i * n + j], sum, (double)inner + 2);
        }
        one.m = 1;
        one.a += i * one.a_row;
        one.c = row;
        k->product(&one);
        same(row, c + i * n, n);
    }
    FUZZ_TRUE(c[m * n] == GUARD);
    free(a);
    free(b);
    free(bias);
    free(c);
    free(row);
    free(panel);
}

/* ---- element by element ---- */

/* In one piece and in two: the same bits. `truth` is exact to `ulps`. */
static void mapped(void (*f)(const float *x, float *out, size_t n), double (*truth)(double x),
                   const float *x, size_t n, size_t cut, double ulps)
{
    float *whole = numbers(n), *parts = numbers(n);
    size_t i;

    f(x, whole, n);
    f(x, parts, cut);
    f(x + cut, parts + cut, n - cut);
    same(parts, whole, n);
    FUZZ_TRUE(whole[n] == GUARD);
    for (i = 0; i < n; i++) {
        struct sum t = {0, 0};

        /* the nearest float of what a float cannot hold is infinity */
        add(&t, (double)(float)truth((double)x[i]));
        near(whole[i], t, ulps);
    }
    free(whole);
    free(parts);
}

static void functions(const struct kernel *k, const uint8_t shape[4])
{
    size_t n = shape[0], cut = n > 0 ? shape[1] % n : 0, i;
    float *x = numbers(n);

    mapped(k->exp, exp, x, n, cut, 4);
    mapped(k->tanh, tanh, x, n, cut, 4);
    mapped(k->log, log, x, n, cut, 4);
    for (i = 0; i < n; i++) {
        x[i] = x[i] >= 0 && x[i] <= 1 ? x[i] : 0;
    }
    mapped(k->log1p, log1p, x, n, cut, 4);
    free(x);
}

static void activations(const struct kernel *k, const uint8_t shape[4])
{
    enum mlp_activation f = (enum mlp_activation)(shape[2] % MLP_MAXOUT);
    size_t n = shape[0], cut = n > 0 ? shape[1] % n : 0, i;
    float *z = numbers(n), *whole = numbers(n), *parts = numbers(n), *there = numbers(n);

    f = f == MLP_PRELU ? MLP_IDENTITY : f; /* it has slopes; see below */
    k->activate(f, z, whole, n);
    k->activate(f, z, parts, cut);
    k->activate(f, z + cut, parts + cut, n - cut);
    memcpy(there, z, n * sizeof *z);
    k->activate(f, there, there, n);
    same(parts, whole, n);
    same(there, whole, n);
    FUZZ_TRUE(whole[n] == GUARD);
    for (i = 0; i < n; i++) {
        if (isnan(z[i])) {
            FUZZ_TRUE(isnan(whole[i]));
        } else if (isfinite(z[i])) {
            near(whole[i], (struct sum){help_activation(f, (double)z[i]), fabs((double)z[i]) + 1},
                 16);
        }
    }
    free(z);
    free(whole);
    free(parts);
    free(there);
}

static void simple(const struct kernel *k, const uint8_t shape[4])
{
    size_t n = shape[0], i;
    float *x = numbers(n), *y = numbers(n), *sum = numbers(n), *times = numbers(n);
    float *plus = numbers(n), *cut = numbers(n), factor = next(), bound = fabsf(next());
    struct sum dot = {0, 0};
    bool finite = true;

    bound = isnan(bound) ? 1 : bound;
    memcpy(sum, y, n * sizeof *y);
    memcpy(times, y, n * sizeof *y);
    memcpy(plus, y, n * sizeof *y);
    memcpy(cut, y, n * sizeof *y);
    k->add(x, sum, n);
    k->multiply(x, times, n);
    k->add_scaled(plus, factor, x, n);
    k->clip(cut, n, bound);
    for (i = 0; i < n; i++) {
        struct sum scaled = {0, 0};

        FUZZ_TRUE(same_bits(sum[i], x[i] + y[i]));
        FUZZ_TRUE(same_bits(times[i], x[i] * y[i]));
        add(&scaled, (double)y[i]);
        add(&scaled, (double)factor * (double)x[i]);
        near(plus[i], scaled, 2);
        FUZZ_TRUE(same_bits(cut[i], y[i] > bound ? bound : y[i] < -bound ? -bound : y[i]));
        add(&dot, (double)x[i] * (double)y[i]);
        finite = finite && isfinite(x[i]);
    }
    FUZZ_TRUE(sum[n] == GUARD && times[n] == GUARD && plus[n] == GUARD && cut[n] == GUARD);
    FUZZ_TRUE(k->finite(x, n) == finite);
    if (!isfinite(dot.value)) {
        FUZZ_TRUE(isnan(dot.value) ? isnan(k->dot(x, y, n)) : k->dot(x, y, n) == dot.value);
    } else {
        FUZZ_TRUE(fabs(k->dot(x, y, n) - dot.value) <= 256 * DBL_EPSILON * dot.size);
    }
    free(x);
    free(y);
    free(sum);
    free(times);
    free(plus);
    free(cut);
}

/* ---- by rows and columns ---- */

static void columns(const struct kernel *k, const uint8_t shape[4])
{
    size_t rows = shape[0] % 65, cols = 1 + shape[1] % 67, i, j;
    float *x = numbers(rows * cols), *d = numbers(rows * cols), *sums = numbers(cols);
    float *products = numbers(cols), *again = numbers(cols);

    k->column_sums(x, rows, cols, again);
    k->column_products(d, x, rows, cols, sums, products);
    for (j = 0; j < cols; j++) {
        struct sum x_sum = {0, 0}, d_sum = {0, 0}, both = {0, 0};

        for (i = 0; i < rows; i++) {
            double one = (double)x[i * cols + j], other = (double)d[i * cols + j];

            add(&x_sum, one);
            add(&d_sum, other);
            add(&both, one * other);
        }
        near(again[j], x_sum, (double)rows + 1);
        near(sums[j], d_sum, (double)rows + 1);
        near(products[j], both, (double)rows + 1);
    }
    FUZZ_TRUE(again[cols] == GUARD && sums[cols] == GUARD && products[cols] == GUARD);
    free(x);
    free(d);
    free(sums);
    free(products);
    free(again);
}

static void softmax(const struct kernel *k, const uint8_t shape[4])
{
    size_t rows = 1 + shape[0] % 9, cols = 1 + shape[1] % 67, i, j;
    float *z = numbers(rows * cols), *p = numbers(rows * cols), *one = numbers(cols);

    memcpy(p, z, rows * cols * sizeof *z);
    k->softmax(p, rows, cols);
    for (i = 0; i < rows; i++) {
        const float *row = z + i * cols;
        double sum = 0, most = -INFINITY;
        bool finite = k->finite(row, cols);

        for (j = 0; j < cols; j++) {
            most = fmax(most, (double)row[j]);
        }
        for (j = 0; j < cols; j++) {
            sum += exp((double)row[j] - most);
        }
        for (j = 0; j < cols && finite; j++) {
            near(p[i * cols + j], (struct sum){exp((double)row[j] - most) / sum, 1}, 8);
        }
        memcpy(one, row, cols * sizeof *one);
        k->softmax(one, 1, cols);
        one[cols] = GUARD;
        same(one, p + i * cols, cols);
    }
    FUZZ_TRUE(p[rows * cols] == GUARD);
    free(z);
    free(p);
    free(one);
}

/* The largest piece; what comes after a NaN is not said. */
static void pieces(const struct kernel *k, const uint8_t shape[4])
{
    size_t rows = shape[0] % 17, units = 1 + shape[1] % 37, n = 2 + shape[2] % 6, i, j, q;
    size_t wide = units * n;
    float *z = numbers(rows * wide), *a = numbers(rows * units), *da = numbers(rows * units);
    float *dz = numbers(rows * wide), *slope = numbers(wide), *bent = numbers(rows * wide);

    k->maxout(z, rows, units, n, a);
    k->maxout_derive(z, a, da, rows, units, n, dz);
    k->prelu(z, slope, rows, wide, bent);
    for (i = 0; i < rows; i++) {
        for (j = 0; j < units; j++) {
            const float *first = z + i * wide + j;
            size_t best = 0;
            bool nan = isnan(first[0]);

            for (q = 1; q < n; q++) {
                nan = nan || isnan(first[q * units]);
                best = first[q * units] > first[best * units] ? q : best;
            }
            if (nan) {
                FUZZ_TRUE(isnan(a[i * units + j]));
                continue;
            }
            FUZZ_TRUE(a[i * units + j] == first[best * units]);
            for (q = 0; q < n; q++) {
                FUZZ_TRUE(
                    same_bits(dz[i * wide + q * units + j], q == best ? da[i * units + j] : 0));
            }
        }
        for (j = 0; j < wide; j++) {
            float x = z[i * wide + j];

            FUZZ_TRUE(same_bits(bent[i * wide + j], x > 0 ? x : slope[j] * x));
        }
    }
    FUZZ_TRUE(a[rows * units] == GUARD && dz[rows * wide] == GUARD && bent[rows * wide] == GUARD);
    free(z);
    free(a);
    free(da);
    free(dz);
    free(slope);
    free(bent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const loops[])(const struct kernel *k, const uint8_t shape[4]) = {
        product, functions, activations, simple, columns, softmax, pieces};
    const struct kernel *tables[KERNEL_MAX];
    size_t n = kernel_tables(tables), i;

    fuzz_start();
    if (size < 5) {
        return 0;
    }
    bits = data + 5;
    n_bits = (size - 5) / 4 * 4;
    for (i = 0; i < n; i++) {
        at = 0;
        loops[data[0] % ARRAY_LEN(loops)](tables[i], data + 1);
    }
    return 0;
}

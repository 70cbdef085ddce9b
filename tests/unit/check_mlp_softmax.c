/* Softmax and the losses of its rows (cross-entropy and focal; labels, rows of shares,
 * smoothing), in every table of kernels this processor can run, against their definitions in
 * long double. _i is the table.
 */
#include "mlp_help.h"

#include "mlp/kernel.h"

#define DIFFERENCE 1e-6L
#define MOST_COLS  700

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

struct kind {
    const char *name;
    enum mlp_loss loss;
    double parameter, smoothing;
    bool soft;
};

static const struct kind kinds[] = {
    {"cross-entropy", MLP_CROSS_ENTROPY, 0, 0, false},
    {"cross-entropy, smoothed", MLP_CROSS_ENTROPY, 0, 0.0625, false},
    {"cross-entropy, soft", MLP_CROSS_ENTROPY, 0, 0, true},
    {"cross-entropy, soft and smoothed", MLP_CROSS_ENTROPY, 0, 0.25, true},
    {"focal 0", MLP_FOCAL, 0, 0, false},
    {"focal .5", MLP_FOCAL, 0.5, 0, false},
    {"focal 2", MLP_FOCAL, 2, 0, false},
    {"focal 2, smoothed", MLP_FOCAL, 2, 0.0625, false},
    {"focal 0, soft", MLP_FOCAL, 0, 0, true},
    {"focal .5, soft", MLP_FOCAL, 0.5, 0, true},
    {"focal 2, soft", MLP_FOCAL, 2, 0, true},
    {"focal 12.5, soft and smoothed", MLP_FOCAL, 12.5, 0.25, true},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const size_t shapes[][2] = {{1, 1},  {1, 2},   {100, 3}, {7, 10},  {33, 2},       {5, 16},
                                   {9, 17}, {2, 255}, {3, 256}, {2, 257}, {1, MOST_COLS}};
#define SHAPES (sizeof(shapes) / sizeof(*shapes))

struct batch {
    size_t rows, cols;
    float *z, *g, *y;
    uint32_t *labels;
    double *loss;
    unsigned char *hit;
};

static struct batch batch_new(size_t rows, size_t cols, double size)
{
    uint64_t seed = 100 * rows + cols;
    struct batch b = {.rows = rows, .cols = cols};

    b.z = help_floats(&seed, rows * cols, size);
    b.g = help_floats(&seed, rows * cols, 0);
    b.y = help_floats(&seed, rows * cols, 1);
    b.labels = help_labels(&seed, rows, cols);
    b.loss = malloc(rows * sizeof(*b.loss));
    b.hit = malloc(rows);
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;

        for (size_t j = 0; j < cols; j++) { /* some shares are 0 */
            float *y = &b.y[r * cols + j];

            *y = j % 3 == 1 ? 0 : *y * *y;
            sum += (double)*y;
        }
        for (size_t j = 0; j < cols; j++) { /* of one row in two they do not add up to 1 */
            b.y[r * cols + j] = (float)((double)b.y[r * cols + j] / sum * (r % 2 == 0 ? 1 : 0.75));
        }
    }
    return b;
}

static void batch_free(struct batch *b)
{
    free(b->z);
    free(b->g);
    free(b->y);
    free(b->labels);
    free(b->loss);
    free(b->hit);
}

static void run(const struct kernel *kernel, const struct kind *k, struct batch *b, float scale)
{
    memcpy(b->g, b->z, b->rows * b->cols * sizeof(*b->g));
    kernel->loss(&(struct kernel_loss){.loss = k->loss,
                                       .output = MLP_OUT_SOFTMAX,
                                       .parameter = (float)k->parameter,
                                       .smoothing = (float)k->smoothing,
                                       .rows = b->rows,
                                       .cols = b->cols,
                                       .z = b->g,
                                       .labels = k->soft ? NULL : b->labels,
                                       .targets = k->soft ? b->y : NULL,
                                       .scale = scale,
                                       .row_loss = b->loss,
                                       .row_hit = b->hit});
}

/* ---- the definitions ------------------------------------------------------------------ */

/* log of the sum of the exponentials, that of `without` left out */
static long double log_sum(const long double *exps, size_t n, size_t without)
{
    long double sum = 0;

    for (size_t j = 0; j < n; j++) {
        sum += j != without ? exps[j] : 0;
    }
    return logl(sum);
}

/* -sum y' (1-p)^g log p of row r, with z as given. */
static long double define(const struct kind *k, const struct batch *b, size_t r,
                          const long double *z)
{
    long double e = (long double)k->smoothing, loss = 0, largest = -INFINITY, all;
    long double exps[MOST_COLS];

    for (size_t j = 0; j < b->cols; j++) {
        largest = z[j] > largest ? z[j] : largest;
    }
    for (size_t j = 0; j < b->cols; j++) {
        exps[j] = expl(z[j] - largest);
    }
    all = log_sum(exps, b->cols, SIZE_MAX);
    for (size_t j = 0; j < b->cols; j++) {
        long double y = k->soft ? (long double)b->y[r * b->cols + j] : j == b->labels[r];
        long double power = 1;

        y = (1 - e) * y + e / (long double)b->cols;
        if (y > 0 && k->loss == MLP_FOCAL && k->parameter > 0) { /* the others' share */
            power = expl((long double)k->parameter * (log_sum(exps, b->cols, j) - all));
        }
        loss += y * power * (all - (z[j] - largest));
    }
    return loss;
}

static void check_row(const struct kernel *kernel, const struct kind *k, const struct batch *b,
                      size_t r)
{
    long double z[MOST_COLS];
    size_t step = b->cols > 40 ? b->cols / 9 : 1; /* of a wide row some columns */

    for (size_t j = 0; j < b->cols; j++) {
        z[j] = (long double)b->z[r * b->cols + j];
    }
    double loss = (double)define(k, b, r, z);

    /* log s, or a row's mass, has a last bit */
    ck_assert_msg(fabs(b->loss[r] - loss) <= 3e-6 * fabs(loss) + 1e-15,
                  "%s, %s, %zu x %zu: loss of row %zu: %.12g, not %.12g", kernel->name, k->name,
                  b->rows, b->cols, r, b->loss[r], loss);
    for (size_t j = 0; j < b->cols; j += step) {
        z[j] += DIFFERENCE;
        long double above = define(k, b, r, z);
        z[j] -= 2 * DIFFERENCE;
        double slope = (double)((above - define(k, b, r, z)) / (2 * DIFFERENCE));
        double got = (double)b->g[r * b->cols + j] * 4;

        z[j] += DIFFERENCE;
        ck_assert_msg(fabs(got - slope) <= 2e-6 * fabs(slope) + 5e-7,
                      "%s, %s, %zu x %zu: slope in row %zu, column %zu: %.9g, not %.9g",
                      kernel->name, k->name, b->rows, b->cols, r, j, got, slope);
    }
}

static void check_all(int i, size_t max_cols, size_t rows_of_wide)
{
    const double sizes[] = {0.25, 6, 40};

    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SHAPES; s++) {
            for (size_t z = 0; z < 3 && shapes[s][1] <= max_cols; z++) {
                size_t cols = shapes[s][1], rows = cols > 40 ? rows_of_wide : shapes[s][0];
                struct batch b = batch_new(rows, cols, sizes[z]);

                run(table(i), &kinds[k], &b, 0.25F);
                for (size_t r = 0; r < rows; r++) {
                    check_row(table(i), &kinds[k], &b, r);
                }
                batch_free(&b);
            }
        }
    }
}

START_TEST(losses_and_slopes)
{
    check_all(_i, MOST_COLS, 1);
}
END_TEST

START_TEST(probabilities)
{
    for (size_t s = 0; s < SHAPES; s++) {
        struct batch b = batch_new(shapes[s][0], shapes[s][1], 8);

        memcpy(b.g, b.z, b.rows * b.cols * sizeof(*b.g));
        table(_i)->softmax(b.g, b.rows, b.cols);
        for (size_t i = 0; i < b.rows * b.cols; i++) {
            const float *row = b.z + i / b.cols * b.cols;
            double sum = 0, p;

            for (size_t j = 0; j < b.cols; j++) {
                sum += exp((double)row[j]);
            }
            p = exp((double)b.z[i]) / sum;
            ck_assert_double_eq_tol((double)b.g[i], p, 1e-6 * p);
        }
        batch_free(&b);
    }
}
END_TEST

static size_t argmax(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t j = 1; j < n; j++) {
        best = x[j] > x[best] ? j : best;
    }
    return best;
}

/* The largest z is what is predicted; the label, or the largest share, is the truth. */
START_TEST(hits)
{
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SHAPES; s++) {
            struct batch b = batch_new(shapes[s][0], shapes[s][1], 6);

            run(table(_i), &kinds[k], &b, 0);
            for (size_t r = 0; r < b.rows; r++) {
                size_t truth = kinds[k].soft ? argmax(b.y + r * b.cols, b.cols) : b.labels[r];

                ck_assert_uint_eq(b.hit[r], argmax(b.z + r * b.cols, b.cols) == truth);
            }
            batch_free(&b);
        }
    }
}
END_TEST

/* Of equal z, and of equal shares, the lowest index wins. */
START_TEST(ties)
{
    const float z[3] = {2, 2, 1}, shares[3] = {0.25F, 0.375F, 0.375F};

    for (size_t k = 0; k < KINDS; k++) {
        struct batch b = batch_new(1, 3, 0);

        for (uint32_t label = 0; label < 3; label++) {
            memcpy(b.z, z, sizeof(z));
            b.labels[0] = label;
            memset(b.y, 0, sizeof(z));
            b.y[label] = 1;
            run(table(_i), &kinds[k], &b, 0);
            ck_assert_uint_eq(b.hit[0], label == 0);
        }
        if (kinds[k].soft) {
            b.z[1] = 3;
            memcpy(b.y, shares, sizeof(shares));
            run(table(_i), &kinds[k], &b, 0);
            ck_assert_uint_eq(b.hit[0], 1);
            b.z[2] = 4;
            run(table(_i), &kinds[k], &b, 0);
            ck_assert_uint_eq(b.hit[0], 0);
        }
        batch_free(&b);
    }
}
END_TEST

#define NEAR(x, truth, tol)                                                                        \
    ck_assert_msg(fabs((x) - (truth)) <= (tol)*fabs(truth), "%.9g, not %.9g", (double)(x),         \
                  (double)(truth))

/* An answer that is right and sure has a loss and a slope near 0, still with their digits; one
 * that is wrong and sure a large, finite loss. */
START_TEST(sure_answers)
{
    const float z[3] = {20, 0, -20};

    for (size_t k = 0; k < KINDS; k++) {
        double g = kinds[k].parameter, rest = exp(-20), truth = pow(rest, g) * rest;
        struct batch b = batch_new(1, 3, 0);

        if (kinds[k].smoothing == 0) {
            memcpy(b.z, z, sizeof(z));
            b.labels[0] = 0;
            b.y[0] = 1, b.y[1] = b.y[2] = 0;
            run(table(_i), &kinds[k], &b, 1);
            NEAR(b.loss[0], truth, 1e-6);
            if (!kinds[k].soft || kinds[k].loss == MLP_FOCAL) {
                NEAR((double)b.g[0], -(1 + g) * truth, 1e-6);
            }
            NEAR((double)b.g[1], (1 + g) * truth, 1e-6);
            b.labels[0] = 2;
            b.y[2] = 1, b.y[0] = 0;
            run(table(_i), &kinds[k], &b, 1);
            NEAR(b.loss[0], 40.0, 1e-6);
            NEAR((double)b.g[2], -1.0, 1e-6);
            b.z[2] = -1e30F;
            run(table(_i), &kinds[k], &b, 1);
            NEAR(b.loss[0], 1e30, 1e-6);
        }
        batch_free(&b);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_softmax");
    TCase *c = tcase_create("rows");
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, losses_and_slopes, 0, n);
    tcase_add_loop_test(c, probabilities, 0, n);
    tcase_add_loop_test(c, hits, 0, n);
    tcase_add_loop_test(c, ties, 0, n);
    tcase_add_loop_test(c, sure_answers, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}

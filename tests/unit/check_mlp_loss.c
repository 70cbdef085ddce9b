/* The loss kernels of every table this processor can run, against their definitions in
 * double. _i is the table. */
#include "mlp_help.h"

#include "mlp/kernel.h"

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

struct sum {
    double loss;
    size_t hits;
};

/* Run the kernel and add up what it says of the rows. */
static void run_kernel(const struct kernel *k, const struct kernel_loss *l, struct sum *sum)
{
    double loss[512];
    unsigned char hit[512] = {0};
    struct kernel_loss all = *l;

    ck_assert_uint_le(l->rows, 512);
    all.row_loss = loss;
    all.row_hit = hit;
    k->loss(&all);
    for (size_t i = 0; i < l->rows; i++) {
        sum->loss += loss[i];
        sum->hits += hit[i];
    }
}

static void softmax_loss(const struct kernel *k, float *z, const uint32_t *labels, size_t rows,
                         size_t cols, float scale, struct sum *sum)
{
    run_kernel(k,
               &(struct kernel_loss){.loss = MLP_CROSS_ENTROPY,
                                     .output = MLP_OUT_SOFTMAX,
                                     .rows = rows,
                                     .cols = cols,
                                     .z = z,
                                     .labels = labels,
                                     .scale = scale},
               sum);
}

static void columns_loss(const struct kernel *k, enum mlp_loss loss, enum mlp_output output,
                         float *z, const float *y, size_t rows, size_t cols, float scale,
                         struct sum *sum)
{
    run_kernel(k,
               &(struct kernel_loss){.loss = loss,
                                     .output = output,
                                     .parameter = (float)help_loss_parameter(loss),
                                     .rows = rows,
                                     .cols = cols,
                                     .z = z,
                                     .targets = y,
                                     .scale = scale},
               sum);
}

/* rows x cols logits, with labels, targets and gradients to compare */
struct losses {
    size_t rows, cols;
    float *z, *y;
    uint32_t *labels;
};

static const size_t loss_shapes[][2] = {{1, 2},   {3, 3},   {7, 10},  {33, 1},  {5, 16},  {65, 17},
                                        {2, 255}, {3, 256}, {2, 257}, {1, 700}, {300, 1}, {100, 3}};
#define LOSS_SHAPES (sizeof(loss_shapes) / sizeof(*loss_shapes))

static struct losses losses_new(size_t i, double size)
{
    uint64_t seed = 100 + i;
    struct losses l = {.rows = loss_shapes[i][0], .cols = loss_shapes[i][1]};

    l.z = help_floats(&seed, l.rows * l.cols, size);
    l.y = help_floats(&seed, l.rows * l.cols, 1);
    l.labels = help_labels(&seed, l.rows, l.cols);
    return l;
}

static void losses_free(struct losses *l)
{
    free(l->z);
    free(l->y);
    free(l->labels);
}

/* The naive softmax loss of row r; p gets the probabilities. */
static double softmax_row(const struct losses *l, size_t r, double *p)
{
    const float *z = l->z + r * l->cols;
    double largest = (double)z[0], sum = 0;

    for (size_t j = 0; j < l->cols; j++) {
        largest = fmax(largest, (double)z[j]);
    }
    for (size_t j = 0; j < l->cols; j++) {
        sum += p[j] = exp((double)z[j] - largest);
    }
    for (size_t j = 0; j < l->cols; j++) {
        p[j] /= sum;
    }
    return log(sum) + largest - (double)z[l->labels[r]];
}

static size_t argmax(const float *z, size_t n)
{
    size_t best = 0;

    for (size_t j = 1; j < n; j++) {
        best = z[j] > z[best] ? j : best;
    }
    return best;
}

START_TEST(softmax_and_its_loss)
{
    const struct kernel *k = table(_i);

    for (size_t s = 0; s < LOSS_SHAPES; s++) {
        struct losses l = losses_new(s, 6);
        size_t n = l.rows * l.cols, hits = 0;
        float *p = malloc(n * sizeof(*p)), *g = malloc(n * sizeof(*g)), *m = malloc(n * sizeof(*m));
        struct sum sum = {0}, measured = {0};
        double truth[1024], total = 0;

        memcpy(p, l.z, n * sizeof(*p));
        memcpy(g, l.z, n * sizeof(*g));
        memcpy(m, l.z, n * sizeof(*m));
        k->softmax(p, l.rows, l.cols);
        softmax_loss(k, g, l.labels, l.rows, l.cols, 0.25F, &sum);
        softmax_loss(k, m, l.labels, l.rows, l.cols, 0, &measured);
        for (size_t r = 0; r < l.rows; r++) {
            total += softmax_row(&l, r, truth);
            hits += argmax(l.z + r * l.cols, l.cols) == l.labels[r];
            for (size_t j = 0; j < l.cols; j++) {
                double delta = 0.25 * (truth[j] - (j == l.labels[r]));

                ck_assert_double_eq_tol((double)p[r * l.cols + j], truth[j], 1e-6 * truth[j]);
                ck_assert_double_eq_tol((double)g[r * l.cols + j], delta, 1e-7);
            }
        }
        ck_assert_double_eq_tol(sum.loss, total, 1e-6 * total + 1e-9);
        ck_assert_double_eq(sum.loss, measured.loss);
        ck_assert_uint_eq(measured.hits, hits);
        free(p);
        free(g);
        free(m);
        losses_free(&l);
    }
}
END_TEST

/* One of the losses; kind 0 softmax, 1 sigmoid, 2 squared, 3 squared behind a sigmoid. */
static void run_loss(const struct kernel *k, int kind, const struct losses *l, size_t first,
                     size_t rows, float *z, struct sum *sum)
{
    const float *y = l->y + first * l->cols;

    if (kind == 0) {
        softmax_loss(k, z, l->labels + first, rows, l->cols, 1, sum);
    } else if (kind == 1) {
        columns_loss(k, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, z, y, rows, l->cols, 1, sum);
    } else {
        columns_loss(k, MLP_MSE, kind == 3 ? MLP_OUT_SIGMOID : MLP_OUT_IDENTITY, z, y, rows,
                     l->cols, 1, sum);
    }
}

/* A row's gradient must not depend on the rows around it, and losses add up row by row: in
 * one block or row after row, the bits are the same. */
START_TEST(losses_do_not_see_other_rows)
{
    const struct kernel *k = table(_i);

    for (size_t s = 0; s < LOSS_SHAPES; s++) {
        struct losses l = losses_new(s, 6);
        size_t n = l.rows * l.cols;
        float *whole = malloc(n * sizeof(*whole)), *rows = malloc(n * sizeof(*rows));

        for (int kind = 0; kind < 4; kind++) {
            struct sum all = {0}, single = {0};

            memcpy(whole, l.z, n * sizeof(*whole));
            memcpy(rows, l.z, n * sizeof(*rows));
            run_loss(k, kind, &l, 0, l.rows, whole, &all);
            for (size_t r = 0; r < l.rows; r++) {
                run_loss(k, kind, &l, r, 1, rows + r * l.cols, &single);
            }
            ck_assert_double_eq(all.loss, single.loss);
            ck_assert_mem_eq(whole, rows, n * sizeof(*rows));
        }
        free(whole);
        free(rows);
        losses_free(&l);
    }
}
END_TEST

START_TEST(sigmoid_loss)
{
    const struct kernel *k = table(_i);

    for (size_t s = 0; s < LOSS_SHAPES; s++) {
        struct losses l = losses_new(s, 20);
        size_t n = l.rows * l.cols, hits = 0;
        float *g = malloc(n * sizeof(*g)), *m = malloc(n * sizeof(*m));
        struct sum sum = {0}, measured = {0};
        double total = 0;

        for (size_t i = 0; i < n; i++) { /* 0, 1 or a share */
            l.y[i] = i % 3 == 0 ? fabsf(l.y[i]) : l.y[i] > 0;
        }
        memcpy(g, l.z, n * sizeof(*g));
        memcpy(m, l.z, n * sizeof(*m));
        columns_loss(k, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, g, l.y, l.rows, l.cols, 0.5F,
                     &sum);
        columns_loss(k, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, m, l.y, l.rows, l.cols, 0,
                     &measured);
        for (size_t r = 0; r < l.rows; r++) {
            bool hit = true;

            for (size_t j = 0; j < l.cols; j++) {
                double z = (double)l.z[r * l.cols + j], y = (double)l.y[r * l.cols + j];
                double softplus = z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));

                total += (softplus - y * z) / (double)l.cols;
                hit &= (z >= 0) == (y >= 0.5);
                ck_assert_double_eq_tol((double)g[r * l.cols + j],
                                        0.5 / (double)l.cols * (1 / (1 + exp(-z)) - y), 1e-7);
            }
            hits += hit;
        }
        ck_assert_double_eq_tol(sum.loss, total, 1e-6 * total + 1e-9);
        ck_assert_double_eq(sum.loss, measured.loss);
        ck_assert_uint_eq(measured.hits, hits);
        free(g);
        free(m);
        losses_free(&l);
    }
}
END_TEST

START_TEST(square_loss)
{
    const struct kernel *k = table(_i);

    for (size_t s = 0; s < 2 * LOSS_SHAPES; s++) {
        bool squash = s >= LOSS_SHAPES;
        struct losses l = losses_new(s % LOSS_SHAPES, 3);
        size_t n = l.rows * l.cols;
        float *g = malloc(n * sizeof(*g));
        struct sum sum = {0};
        double total = 0;

        memcpy(g, l.z, n * sizeof(*g));
        columns_loss(k, MLP_MSE, squash ? MLP_OUT_SIGMOID : MLP_OUT_IDENTITY, g, l.y, l.rows,
                     l.cols, 0.5F, &sum);
        for (size_t i = 0; i < n; i++) {
            double z = (double)l.z[i], f = squash ? 1 / (1 + exp(-z)) : z;
            double d = f - (double)l.y[i], slope = squash ? f * (1 - f) : 1;

            total += d * d / (double)l.cols;
            ck_assert_double_eq_tol((double)g[i], d * slope / (double)l.cols, 1e-6);
        }
        ck_assert_double_eq_tol(sum.loss, total, 1e-6 * total);
        free(g);
        losses_free(&l);
    }
}
END_TEST

/* An answer that is right and sure has a loss near 0, still with its digits; one that is
 * wrong and sure has a large, finite one. */
START_TEST(losses_of_sure_answers)
{
    const struct kernel *k = table(_i);
    float z[3] = {30, 0, -30}, y[1] = {1}, b[1] = {25}, wrong[1] = {-500};
    uint32_t label[1] = {0};
    struct sum sum = {0};

    softmax_loss(k, z, label, 1, 3, 0, &sum);
    ck_assert_double_eq_tol(sum.loss, exp(-30.0), 1e-16);
    sum.loss = 0;
    columns_loss(k, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, b, y, 1, 1, 0, &sum);
    ck_assert_double_eq_tol(sum.loss / exp(-25.0), 1, 1e-6);
    sum.loss = 0;
    columns_loss(k, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, wrong, y, 1, 1, 0, &sum);
    ck_assert_double_eq(sum.loss, 500);
}
END_TEST

START_TEST(ties_and_nan_in_hits)
{
    const struct kernel *k = table(_i);
    const float tie[3] = {2, 2, 1};
    float z[3], nan_first[3] = {NAN, 2, 1}, nan_last[3] = {2, 1, NAN}, one[1] = {NAN}, y[1] = {0};
    struct sum sum = {0};

    for (uint32_t label = 0; label < 3; label++) {
        struct sum hits = {0};

        memcpy(z, tie, sizeof(z));
        softmax_loss(k, z, &label, 1, 3, 0, &hits);
        ck_assert_uint_eq(hits.hits, label == 0); /* the lowest index wins */
    }
    softmax_loss(k, nan_first, &(uint32_t){1}, 1, 3, 0, &sum);
    ck_assert(isnan(sum.loss));
    ck_assert_uint_eq(sum.hits, 0);
    sum = (struct sum){0};
    softmax_loss(k, nan_last, &(uint32_t){0}, 1, 3, 0, &sum);
    ck_assert(isnan(sum.loss));
    sum = (struct sum){0};
    columns_loss(k, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, one, y, 1, 1, 0, &sum);
    ck_assert(isnan(sum.loss));
    ck_assert_uint_eq(sum.hits, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_loss");
    TCase *c = tcase_create("losses");
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);

    tcase_add_loop_test(c, softmax_and_its_loss, 0, n);
    tcase_add_loop_test(c, losses_do_not_see_other_rows, 0, n);
    tcase_add_loop_test(c, sigmoid_loss, 0, n);
    tcase_add_loop_test(c, square_loss, 0, n);
    tcase_add_loop_test(c, losses_of_sure_answers, 0, n);
    tcase_add_loop_test(c, ties_and_nan_in_hits, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}

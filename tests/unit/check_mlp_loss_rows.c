/* What holds for every loss, in every table of kernels this processor can run: a row does not
 * see the rows around it, weights multiply gradients and nothing else, what is only measured is
 * what is trained, and numbers that ran away show. _i is the table.
 */
#include "mlp_help.h"

#include <float.h>

#include "mlp/kernel.h"

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

/* A loss, its output and the form of its truth. */
struct kind {
    enum mlp_loss loss;
    enum mlp_output output;
    bool labels;
    double smoothing;
};

static const struct kind kinds[] = {
    {MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, true, 0},
    {MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, true, 0.1},
    {MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, false, 0},
    {MLP_FOCAL, MLP_OUT_SOFTMAX, true, 0},
    {MLP_FOCAL, MLP_OUT_SOFTMAX, false, 0.1},
    {MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, false, 0},
    {MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, false, 0.1},
    {MLP_MSE, MLP_OUT_IDENTITY, false, 0},
    {MLP_MAE, MLP_OUT_IDENTITY, false, 0},
    {MLP_HUBER, MLP_OUT_IDENTITY, false, 0},
    {MLP_QUANTILE, MLP_OUT_IDENTITY, false, 0},
    {MLP_LOG_COSH, MLP_OUT_IDENTITY, false, 0},
    {MLP_MSE, MLP_OUT_SIGMOID, false, 0},
    {MLP_MAE, MLP_OUT_SIGMOID, false, 0},
    {MLP_HUBER, MLP_OUT_SIGMOID, false, 0},
    {MLP_QUANTILE, MLP_OUT_SIGMOID, false, 0},
    {MLP_LOG_COSH, MLP_OUT_SIGMOID, false, 0},
    {MLP_POISSON, MLP_OUT_EXP, false, 0},
    {MLP_GAMMA, MLP_OUT_EXP, false, 0},
    {MLP_TWEEDIE, MLP_OUT_EXP, false, 0},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const size_t shapes[][2] = {{300, 1}, {1, 2},   {100, 3}, {7, 10},  {5, 16},
                                   {65, 17}, {2, 255}, {3, 256}, {3, 257}, {2, 700}};
#define SHAPES (sizeof(shapes) / sizeof(*shapes))

struct batch {
    size_t rows, cols;
    float *z, *g, *y, *weights;
    uint32_t *labels;
    double *loss;
    unsigned char *hit;
};

static struct batch batch_new(size_t rows, size_t cols)
{
    uint64_t seed = 100 * rows + cols;
    struct batch b = {.rows = rows, .cols = cols};

    b.z = help_floats(&seed, rows * cols, 4);
    b.g = help_floats(&seed, rows * cols, 0);
    b.y = help_floats(&seed, rows * cols, 1);
    b.weights = help_floats(&seed, rows, 1);
    b.labels = help_labels(&seed, rows, cols);
    b.loss = malloc(rows * sizeof(*b.loss));
    b.hit = malloc(rows);
    for (size_t i = 0; i < rows * cols; i++) { /* fit for every loss */
        b.y[i] = fabsf(b.y[i]) + FLT_MIN;
    }
    for (size_t i = 0; i < rows; i++) {
        b.weights[i] = i % 4 == 0 ? 0 : 1 + b.weights[i];
    }
    return b;
}

static void batch_free(struct batch *b)
{
    free(b->z);
    free(b->g);
    free(b->y);
    free(b->weights);
    free(b->labels);
    free(b->loss);
    free(b->hit);
}

/* Rows [first, first + n) of the batch; the gradient goes to b->g. */
static void run(int i, const struct kind *k, struct batch *b, size_t first, size_t n,
                const float *weights, float scale)
{
    size_t at = first * b->cols;

    memcpy(b->g + at, b->z + at, n * b->cols * sizeof(*b->g));
    table(i)->loss(&(struct kernel_loss){.loss = k->loss,
                                         .output = k->output,
                                         .parameter = (float)help_loss_parameter(k->loss),
                                         .smoothing = (float)k->smoothing,
                                         .rows = n,
                                         .cols = b->cols,
                                         .z = b->g + at,
                                         .labels = k->labels ? b->labels + first : NULL,
                                         .targets = k->labels ? NULL : b->y + at,
                                         .weights = weights != NULL ? weights + first : NULL,
                                         .scale = scale,
                                         .row_loss = b->loss + first,
                                         .row_hit = b->hit + first});
}

/* In one call or in calls of any number of rows the bits are the same. */
START_TEST(rows_do_not_see_other_rows)
{
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SHAPES; s++) {
            struct batch all = batch_new(shapes[s][0], shapes[s][1]);
            struct batch some = batch_new(shapes[s][0], shapes[s][1]);
            size_t step = 1 + (k + s) % 5;

            run(_i, &kinds[k], &all, 0, all.rows, all.weights, 0.3F);
            for (size_t r = 0; r < all.rows; r += step) {
                size_t n = all.rows - r < step ? all.rows - r : step;

                run(_i, &kinds[k], &some, r, n, some.weights, 0.3F);
            }
            ck_assert_mem_eq(all.loss, some.loss, all.rows * sizeof(*all.loss));
            ck_assert_mem_eq(all.hit, some.hit, all.rows);
            ck_assert_mem_eq(all.g, some.g, all.rows * all.cols * sizeof(*all.g));
            batch_free(&all);
            batch_free(&some);
        }
    }
}
END_TEST

START_TEST(weights_multiply_gradients_only)
{
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SHAPES; s++) {
            struct batch plain = batch_new(shapes[s][0], shapes[s][1]);
            struct batch heavy = batch_new(shapes[s][0], shapes[s][1]);

            run(_i, &kinds[k], &plain, 0, plain.rows, NULL, 0.3F);
            run(_i, &kinds[k], &heavy, 0, heavy.rows, heavy.weights, 0.3F);
            ck_assert_mem_eq(plain.loss, heavy.loss, plain.rows * sizeof(*plain.loss));
            for (size_t i = 0; i < plain.rows * plain.cols; i++) {
                double w = (double)heavy.weights[i / plain.cols];
                double g = w * (double)plain.g[i];

                ck_assert_double_eq_tol((double)heavy.g[i], g, 1e-6 * fabs(g) + 1e-7 * w + 1e-30);
            }
            batch_free(&plain);
            batch_free(&heavy);
        }
    }
}
END_TEST

START_TEST(measuring_is_training_without_gradients)
{
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SHAPES; s++) {
            struct batch trained = batch_new(shapes[s][0], shapes[s][1]);
            struct batch measured = batch_new(shapes[s][0], shapes[s][1]);

            run(_i, &kinds[k], &trained, 0, trained.rows, NULL, 0.3F);
            run(_i, &kinds[k], &measured, 0, measured.rows, NULL, 0);
            ck_assert_mem_eq(trained.loss, measured.loss, trained.rows * sizeof(double));
            ck_assert_mem_eq(trained.hit, measured.hit, trained.rows);
            batch_free(&trained);
            batch_free(&measured);
        }
    }
}
END_TEST

/* One z that is no number: its row's loss is none either, and no hit; the other rows stay as they
 * are, to the last bit. */
START_TEST(what_ran_away_shows)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};

    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < SHAPES; s++) {
            for (size_t i = 0; i < 3; i++) {
                struct batch good = batch_new(shapes[s][0], shapes[s][1]);
                struct batch b = batch_new(shapes[s][0], shapes[s][1]);
                size_t row = b.rows / 2, n = b.cols;

                run(_i, &kinds[k], &good, 0, b.rows, b.weights, 0.3F);
                b.z[row * n + (i * 7) % n] = bad[i];
                run(_i, &kinds[k], &b, 0, b.rows, b.weights, 0.3F);
                ck_assert_msg(isnan(b.loss[row]), "loss %d, output %d: %g of %g",
                              (int)kinds[k].loss, (int)kinds[k].output, b.loss[row],
                              (double)bad[i]);
                ck_assert_uint_eq(b.hit[row], 0);
                b.loss[row] = good.loss[row];
                b.hit[row] = good.hit[row];
                memcpy(b.g + row * n, good.g + row * n, n * sizeof(*b.g));
                ck_assert_mem_eq(b.loss, good.loss, b.rows * sizeof(*b.loss));
                ck_assert_mem_eq(b.hit, good.hit, b.rows);
                ck_assert_mem_eq(b.g, good.g, b.rows * n * sizeof(*b.g));
                batch_free(&good);
                batch_free(&b);
            }
        }
    }
}
END_TEST

/* The largest z there are: a loss may be infinite, but it is not a small one, and nobody falls. */
START_TEST(largest_numbers)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct batch b = batch_new(4, 3);

        for (size_t i = 0; i < 12; i++) {
            b.z[i] = i % 3 == 0 ? FLT_MAX : -FLT_MAX;
            b.y[i] = i % 3 == 0 ? 0.25F : 0.375F;
        }
        for (size_t i = 0; i < 4; i++) {
            b.labels[i] = 1;
        }
        run(_i, &kinds[k], &b, 0, 4, NULL, 1);
        for (size_t i = 0; i < 4; i++) {
            ck_assert_msg(isnan(b.loss[i]) || b.loss[i] > 0.01, "loss %d, output %d: %g",
                          (int)kinds[k].loss, (int)kinds[k].output, b.loss[i]);
        }
        batch_free(&b);
    }
}
END_TEST

/* A sigmoid's side is right when z >= 0 goes with y >= 1/2, in every column; losses of numbers
 * have no hits. */
START_TEST(hits_of_columns)
{
    for (size_t k = 5; k < KINDS; k++) {
        struct batch b = batch_new(100, 3);
        bool binary =
            kinds[k].loss == MLP_BINARY_CROSS_ENTROPY || kinds[k].loss == MLP_BINARY_FOCAL;

        b.z[0] = 0, b.y[0] = 0.5F;
        b.z[1] = -0.0F, b.y[1] = 1;
        b.z[2] = -1, b.y[2] = 0.49F;
        memset(b.hit, 7, b.rows);
        run(_i, &kinds[k], &b, 0, b.rows, NULL, 0);
        ck_assert_uint_eq(b.hit[0], binary);
        for (size_t r = 0; r < b.rows; r++) {
            bool right = binary;

            for (size_t j = 3 * r; j < 3 * r + 3; j++) {
                right = right && (b.z[j] >= 0) == (b.y[j] >= 0.5F);
            }
            ck_assert_uint_eq(b.hit[r], right);
        }
        batch_free(&b);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_loss_rows");
    TCase *c = tcase_create("rows");
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, rows_do_not_see_other_rows, 0, n);
    tcase_add_loop_test(c, weights_multiply_gradients_only, 0, n);
    tcase_add_loop_test(c, measuring_is_training_without_gradients, 0, n);
    tcase_add_loop_test(c, what_ran_away_shows, 0, n);
    tcase_add_loop_test(c, largest_numbers, 0, n);
    tcase_add_loop_test(c, hits_of_columns, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}

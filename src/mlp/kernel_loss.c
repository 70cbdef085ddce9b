/* Losses fused with their gradients, and softmax.
 *
 * Compiled once per instruction set, see kernel_isa.h. Rows are taken in small blocks
 * that stay in the nearest cache: a pass along the rows, then one long element-wise
 * pass over the whole block (so that three classes fill a vector as well as a thousand),
 * then a pass along the rows again. Sums are double, and in an order that depends on the
 * number of columns only; a row's loss never depends on the rows around it.
 */
#include <math.h>

#include "mlp/kernel_math.h"

#define BLOCK 256 /* elements, unless one row is longer */
#define LANES 8

/* The sum of x[0..n) in double, in eight lanes. */
static double total(const mlp_real *x, size_t n)
{
    double lane[LANES] = {0};
    size_t i = 0;

    if (n == 1) {
        return (double)x[0];
    }
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            lane[l] += (double)x[i + l];
        }
    }
    for (size_t l = 0; i < n; i++, l++) {
        lane[l] += (double)x[i];
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* How many rows make a block. */
static size_t block_rows(size_t cols)
{
    return cols >= BLOCK ? 1 : BLOCK / cols;
}

static mlp_real row_max(const mlp_real *z, size_t n)
{
    mlp_real m = z[0];
    size_t j = 1;

    if (n >= 2 * LANES) { /* a maximum is the same in any order */
        mlp_real lane[LANES];

        for (size_t l = 0; l < LANES; l++) {
            lane[l] = z[l];
        }
        for (j = LANES; j + LANES <= n; j += LANES) {
            for (size_t l = 0; l < LANES; l++) {
                lane[l] = z[j + l] > lane[l] ? z[j + l] : lane[l];
            }
        }
        for (size_t l = 0; l < LANES; l++) {
            m = lane[l] > m ? lane[l] : m;
        }
    }
    for (; j < n; j++) {
        m = z[j] > m ? z[j] : m;
    }
    return m;
}

/* exp(z - largest of its row) for a block of rows, in place. With an infinity in a row, or a
 * NaN, the row's sum is NaN or its probabilities are. */
static void exp_rows(mlp_real *z, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++) {
        mlp_real *row = z + i * cols;
        mlp_real m = row_max(row, cols);

        SIMD
        for (size_t j = 0; j < cols; j++) {
            row[j] -= m;
        }
    }
    SIMD
    for (size_t j = 0; j < rows * cols; j++) {
        z[j] = math_exp(z[j]);
    }
}

static void scale_row(mlp_real *x, size_t n, mlp_real factor)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        x[j] *= factor;
    }
}

void ISA(kernel_softmax)(mlp_real *z, size_t rows, size_t cols)
{
    size_t step = block_rows(cols);

    for (size_t i = 0; i < rows; i += step) {
        size_t n = rows - i < step ? rows - i : step;
        mlp_real *block = z + i * cols;

        exp_rows(block, n, cols);
        for (size_t k = 0; k < n; k++) {
            scale_row(block + k * cols, cols, (mlp_real)(1.0 / total(block + k * cols, cols)));
        }
    }
}

/* Whether the label has the largest z, the lowest index winning a tie. */
static bool is_hit(const mlp_real *z, size_t n, size_t label)
{
    for (size_t j = 0; j < n; j++) {
        if (j < label ? !(z[j] < z[label]) : !(z[j] <= z[label])) {
            return false;
        }
    }
    return true;
}

static inline mlp_real row_scale(const struct kernel_loss *l, size_t row)
{
    return l->weights != NULL ? l->scale * l->weights[row] : l->scale;
}

/* l = log sum_j exp(z_j) - z_label, dl/dz = softmax(z) - onehot(label). */
static void softmax_loss(const struct kernel_loss *l)
{
    size_t cols = l->cols, step = block_rows(cols);
    double behind[BLOCK]; /* the label's z minus the largest */

    for (size_t i = 0; i < l->rows; i += step) {
        size_t n = l->rows - i < step ? l->rows - i : step;
        mlp_real *block = l->z + i * cols;

        for (size_t k = 0; k < n; k++) {
            const mlp_real *row = block + k * cols;
            uint32_t label = l->labels[i + k];

            behind[k] = (double)row[label] - (double)row_max(row, cols);
            if (l->row_hit != NULL) {
                l->row_hit[i + k] = is_hit(row, cols, label);
            }
        }
        exp_rows(block, n, cols);
        for (size_t k = 0; k < n; k++) {
            mlp_real *row = block + k * cols;
            double s = total(row, cols); /* at least 1 */
            mlp_real scale = row_scale(l, i + k);

            l->row_loss[i + k] = log(s) - behind[k];
            if (l->scale != 0) {
                scale_row(row, cols, (mlp_real)((double)scale / s));
                row[l->labels[i + k]] -= scale;
            }
        }
    }
}

/* From a block's element losses to rows' losses, each the average of its columns. A row longer
 * than a block comes in pieces: `part` carries it. */
struct averager {
    size_t cols, filled, row;
    double part;
    double *row_loss;
};

static void averager_add(struct averager *a, const mlp_real *l, size_t n)
{
    if (a->cols <= BLOCK) {
        for (size_t i = 0; i < n; i += a->cols) {
            a->row_loss[a->row++] = total(l + i, a->cols) / (double)a->cols;
        }
        return;
    }
    a->part += total(l, n);
    a->filled += n;
    if (a->filled == a->cols) {
        a->row_loss[a->row++] = a->part / (double)a->cols;
        a->filled = 0;
        a->part = 0;
    }
}

/* The next block of (rows, cols) from element `at`: whole rows, or a piece of a long one. */
static size_t next_block(size_t at, size_t rows, size_t cols)
{
    size_t left = cols > BLOCK ? cols - at % cols : rows * cols - at;
    size_t most = cols > BLOCK ? BLOCK : block_rows(cols) * cols;

    return left < most ? left : most;
}

/* l_j = softplus(z_j) - y_j z_j, written so that a sure and right answer costs nothing:
 * max(z, 0) - y z + log(1 + exp(-|z|)); dl/dz = sigmoid(z) - y. */
static void sigmoid_block(mlp_real *restrict z, const mlp_real *restrict y, size_t n,
                          mlp_real factor, mlp_real *restrict l)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real v = z[j];
        mlp_real e = math_exp(-math_abs(v)); /* <= 1 */
        mlp_real s = 1 / (1 + e);
        mlp_real positive = v < 0 ? 0 : v;

        l[j] = positive - y[j] * v + math_log1p(e);
        z[j] = factor * ((v < 0 ? e * s : s) - y[j]);
    }
}

/* l_j = (y_j - z_j)^2, dl/dz = 2 (z_j - y_j). */
static void square_block(mlp_real *restrict z, const mlp_real *restrict y, size_t n,
                         mlp_real factor, mlp_real *restrict l)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real d = z[j] - y[j];

        l[j] = d * d;
        z[j] = 2 * factor * d;
    }
}

/* l_j = (y_j - f_j)^2 with f = sigmoid(z), dl/dz = 2 (f_j - y_j) f'. */
static void square_sigmoid_block(mlp_real *restrict z, const mlp_real *restrict y, size_t n,
                                 mlp_real factor, mlp_real *restrict l)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real v = z[j];
        mlp_real e = math_exp(-math_abs(v)); /* f' keeps its digits where f is near 1 */
        mlp_real s = 1 / (1 + e);
        mlp_real d = (v < 0 ? e * s : s) - y[j];

        l[j] = d * d;
        z[j] = 2 * factor * d * (e * s * s);
    }
}

/* Columns that each have a loss of their own: blocks of elements, whatever the columns. */
static void columns_loss(const struct kernel_loss *l)
{
    struct averager average = {.cols = l->cols, .row_loss = l->row_loss};
    mlp_real factor = l->scale / (mlp_real)l->cols;
    mlp_real element[BLOCK];

    for (size_t at = 0, n; at < l->rows * l->cols; at += n) {
        mlp_real *z = l->z + at;
        const mlp_real *y = l->targets + at;

        n = next_block(at, l->rows, l->cols);
        if (l->loss == MLP_BINARY_CROSS_ENTROPY) {
            sigmoid_block(z, y, n, factor, element);
        } else if (l->output == MLP_OUT_SIGMOID) {
            square_sigmoid_block(z, y, n, factor, element);
        } else {
            square_block(z, y, n, factor, element);
        }
        averager_add(&average, element, n);
    }
    if (l->weights != NULL && l->scale != 0) {
        for (size_t i = 0; i < l->rows; i++) {
            scale_row(l->z + i * l->cols, l->cols, l->weights[i]);
        }
    }
}

/* A sigmoid's side is right when z >= 0 goes with y >= 1/2. */
static void sigmoid_hits(const struct kernel_loss *l)
{
    for (size_t i = 0; i < l->rows; i++) {
        bool hit = true;

        for (size_t j = 0; j < l->cols; j++) {
            mlp_real v = l->z[i * l->cols + j];

            hit &= v == v && (v >= 0) == (l->targets[i * l->cols + j] >= (mlp_real)0.5);
        }
        l->row_hit[i] = hit;
    }
}

void ISA(kernel_loss)(const struct kernel_loss *l)
{
    if (l->loss == MLP_CROSS_ENTROPY) {
        softmax_loss(l);
        return;
    }
    if (l->row_hit != NULL && l->loss == MLP_BINARY_CROSS_ENTROPY) {
        sigmoid_hits(l);
    }
    columns_loss(l);
}

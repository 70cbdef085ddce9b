/* Kernels of batch norm and layer norm: statistics, and what is made of them.
 *
 * Compiled once per instruction set, see kernel_isa.h. Along the columns each column is summed by
 * itself, its rows in order; along a row sums run in LANES lanes, so their order depends on the
 * row's length only. A row of row_norm knows nothing of other rows.
 */
#include "mlp/kernel_math.h"
#include "mlp/norm.h"

#define BLOCK ((size_t)64) /* columns at once: their sums stay in the nearest cache */
#define LANES 16

static size_t block_of(size_t j, size_t cols)
{
    return cols - j < BLOCK ? cols - j : BLOCK;
}

void ISA(kernel_column_moments)(const mlp_real *x, size_t rows, size_t cols,
                                mlp_real *restrict mean, mlp_real *restrict squares)
{
    for (size_t first = 0; first < cols; first += BLOCK) {
        size_t n = block_of(first, cols);
        mlp_real sum[BLOCK] = {0}, square[BLOCK] = {0};

        for (size_t i = 0; i < rows; i++) {
            SIMD
            for (size_t j = 0; j < n; j++) {
                sum[j] += x[i * cols + first + j];
            }
        }
        SIMD
        for (size_t j = 0; j < n; j++) {
            sum[j] /= (mlp_real)rows;
        }
        for (size_t i = 0; i < rows; i++) {
            SIMD
            for (size_t j = 0; j < n; j++) {
                mlp_real d = x[i * cols + first + j] - sum[j];

                square[j] = FMA(d, d, square[j]);
            }
        }
        SIMD
        for (size_t j = 0; j < n; j++) {
            mean[first + j] = sum[j];
            squares[first + j] = square[j];
        }
    }
}

void ISA(kernel_column_products)(const mlp_real *d, const mlp_real *x, size_t rows, size_t cols,
                                 mlp_real *restrict sums, mlp_real *restrict products)
{
    for (size_t first = 0; first < cols; first += BLOCK) {
        size_t n = block_of(first, cols);
        mlp_real sum[BLOCK] = {0}, product[BLOCK] = {0};

        for (size_t i = 0; i < rows; i++) {
            const mlp_real *dr = d + i * cols + first, *xr = x + i * cols + first;

            SIMD
            for (size_t j = 0; j < n; j++) {
                sum[j] += dr[j];
                product[j] = FMA(dr[j], xr[j], product[j]);
            }
        }
        SIMD
        for (size_t j = 0; j < n; j++) {
            sums[first + j] = sum[j];
            products[first + j] = product[j];
        }
    }
}

void ISA(kernel_column_norm)(const struct kernel_norm *n)
{
    const mlp_real *mean = n->mean, *scale = n->scale, *gain = n->gain, *shift = n->shift;

    for (size_t i = 0; i < n->rows; i++) {
        mlp_real *z = n->z + i * n->stride, *y = n->y + i * n->stride;

        SIMD
        for (size_t j = 0; j < n->cols; j++) {
            mlp_real t = (z[j] - mean[j]) * scale[j];

            z[j] = t;
            y[j] = FMA(t, gain[j], shift[j]);
        }
    }
}

/* dL/dz = gain scale (d - mean(d) - z^ mean(d z^)), d = dL/dy */
void ISA(kernel_column_norm_back)(const struct kernel_norm *n)
{
    const mlp_real *scale = n->scale, *gain = n->gain;
    const mlp_real *md = n->mean_delta, *mp = n->mean_product;

    for (size_t i = 0; i < n->rows; i++) {
        const mlp_real *z = n->z + i * n->stride;
        mlp_real *d = n->delta + i * n->stride;

        SIMD
        for (size_t j = 0; j < n->cols; j++) {
            d[j] = gain[j] * scale[j] * FMA(-z[j], mp[j], d[j] - md[j]);
        }
    }
}

static mlp_real join(const mlp_real lane[LANES])
{
    mlp_real four[4];

    for (size_t l = 0; l < 4; l++) {
        four[l] = (lane[l] + lane[l + 8]) + (lane[l + 4] + lane[l + 12]);
    }
    return (four[0] + four[2]) + (four[1] + four[3]);
}

static mlp_real row_sum(const mlp_real *x, size_t n)
{
    mlp_real lane[LANES] = {0};
    size_t j = 0;

    for (; j + LANES <= n; j += LANES) {
        SIMD
        for (size_t l = 0; l < LANES; l++) {
            lane[l] += x[j + l];
        }
    }
    for (size_t l = 0; j < n; j++, l++) {
        lane[l] += x[j];
    }
    return join(lane);
}

static mlp_real row_squares(const mlp_real *x, size_t n, mlp_real mean)
{
    mlp_real lane[LANES] = {0};
    size_t j = 0;

    for (; j + LANES <= n; j += LANES) {
        SIMD
        for (size_t l = 0; l < LANES; l++) {
            mlp_real d = x[j + l] - mean;

            lane[l] = FMA(d, d, lane[l]);
        }
    }
    for (size_t l = 0; j < n; j++, l++) {
        mlp_real d = x[j] - mean;

        lane[l] = FMA(d, d, lane[l]);
    }
    return join(lane);
}

static mlp_real row_product(const mlp_real *x, const mlp_real *y, size_t n)
{
    mlp_real lane[LANES] = {0};
    size_t j = 0;

    for (; j + LANES <= n; j += LANES) {
        SIMD
        for (size_t l = 0; l < LANES; l++) {
            lane[l] = FMA(x[j + l], y[j + l], lane[l]);
        }
    }
    for (size_t l = 0; j < n; j++, l++) {
        lane[l] = FMA(x[j], y[j], lane[l]);
    }
    return join(lane);
}

void ISA(kernel_row_norm)(const struct kernel_norm *n)
{
    const mlp_real *gain = n->gain, *shift = n->shift;
    mlp_real cols = (mlp_real)n->cols;

    for (size_t i = 0; i < n->rows; i++) {
        mlp_real *z = n->z + i * n->stride, *y = n->y + i * n->stride;
        mlp_real mean = row_sum(z, n->cols) / cols;
        mlp_real variance = row_squares(z, n->cols, mean) / cols;
        mlp_real scale = 1 / math_sqrt(variance + (mlp_real)NORM_EPSILON);

        if (n->scale != NULL) {
            n->scale[i] = scale;
        }
        SIMD
        for (size_t j = 0; j < n->cols; j++) {
            mlp_real t = (z[j] - mean) * scale;

            z[j] = t;
            y[j] = FMA(t, gain[j], shift[j]);
        }
    }
}

/* dL/dz = scale (g - mean(g) - z^ mean(g z^)), g = dL/dy gain, means over the row */
void ISA(kernel_row_norm_back)(const struct kernel_norm *n)
{
    const mlp_real *gain = n->gain;
    mlp_real cols = (mlp_real)n->cols;

    for (size_t i = 0; i < n->rows; i++) {
        const mlp_real *z = n->z + i * n->stride;
        mlp_real *d = n->delta + i * n->stride;

        SIMD
        for (size_t j = 0; j < n->cols; j++) {
            d[j] *= gain[j];
        }
        mlp_real mean = row_sum(d, n->cols) / cols;
        mlp_real product = row_product(d, z, n->cols) / cols;
        mlp_real scale = n->scale[i];

        SIMD
        for (size_t j = 0; j < n->cols; j++) {
            d[j] = scale * FMA(-z[j], product, d[j] - mean);
        }
    }
}

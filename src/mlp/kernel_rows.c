/* Sums of columns, and the functions of kernel_math.h as loops, for tests.
 *
 * Compiled once per instruction set, see kernel_isa.h. A column's sum takes the rows in order,
 * so its bits depend on nothing but them.
 */
#include "mlp/kernel_math.h"

void ISA(kernel_column_sums)(const mlp_real *restrict x, size_t rows, size_t cols,
                             mlp_real *restrict out)
{
    if (cols == 1) { /* no columns to run along: lanes of rows, an order fixed by `rows` */
        mlp_real lane[8] = {0};
        size_t i = 0;

        for (; i + 8 <= rows; i += 8) {
            for (size_t l = 0; l < 8; l++) {
                lane[l] += x[i + l];
            }
        }
        for (size_t l = 0; i < rows; i++, l++) {
            lane[l] += x[i];
        }
        out[0] = ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
                 ((lane[1] + lane[5]) + (lane[3] + lane[7]));
        return;
    }
    SIMD
    for (size_t j = 0; j < cols; j++) {
        out[j] = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *row = x + i * cols;

        SIMD
        for (size_t j = 0; j < cols; j++) {
            out[j] += row[j];
        }
    }
}

void ISA(kernel_exp)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_exp(x[i]);
    }
}

void ISA(kernel_log)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_log(x[i]);
    }
}

void ISA(kernel_tanh)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_tanh(x[i]);
    }
}

void ISA(kernel_log1p)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_log1p(x[i]);
    }
}

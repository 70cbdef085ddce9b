/* Batch norm and layer norm. See norm.h.
 *
 * Works on the caller's thread in the pass's room; measure and apply touch their own rows (and
 * chunks) only. The net's running statistics are written by norm_settle alone: predictions,
 * also those made with a training's room, read them and nothing else.
 *
 * A chunk's statistics of a column are its mean and its sum of squared deviations from that, so
 * that a column far from 0 loses nothing; two chunks are joined by
 * M2 = M2_a + M2_b + n_a (mean_a - mean)^2 + n_b (mean_b - mean)^2.
 */
#include "mlp/norm.h"

#include <math.h>

#define AT_ONCE ((size_t)256)

/* What all parts share: the rows [first, first + rows) of a layer. */
static struct kernel_norm rows_of(struct pass *p, const struct mlp_net *net, size_t k, size_t first,
                                  size_t rows)
{
    const struct layer *l = &net->layers[k];
    struct pass_layer *at = &p->layer[k];

    return (struct kernel_norm){.rows = rows,
                                .cols = l->n_z,
                                .stride = l->n_z,
                                .gain = net->params + l->gain,
                                .shift = net->params + l->shift,
                                .mean = at->mean,
                                .scale = l->norm == MLP_NORM_LAYER ? at->scale + first : at->scale,
                                .z = at->z + first * l->n_z,
                                .y = at->y + first * l->n_z};
}

/* The two rows of `cols` numbers that chunk c is summed in. */
static mlp_real *chunk(const struct pass *p, size_t c, size_t cols)
{
    return p->partial + 2 * c * cols;
}

static size_t chunk_rows(size_t c, size_t rows)
{
    return rows - c * NORM_CHUNK < NORM_CHUNK ? rows - c * NORM_CHUNK : NORM_CHUNK;
}

static double reciprocal(double variance)
{
    return 1 / sqrt(variance + NORM_EPSILON);
}

/* ---- forward -------------------------------------------------------------------- */

void norm_measure(struct pass *p, const struct mlp_net *net, size_t k, size_t first, size_t rows)
{
    const struct layer *l = &net->layers[k];

    if (l->norm != MLP_NORM_BATCH) {
        return;
    }
    for (size_t i = 0; i < rows; i += NORM_CHUNK) {
        mlp_real *sums = chunk(p, (first + i) / NORM_CHUNK, l->n_z);

        net->kernel->column_moments(p->layer[k].z + (first + i) * l->n_z,
                                    rows - i < NORM_CHUNK ? rows - i : NORM_CHUNK, l->n_z, sums,
                                    sums + l->n_z);
    }
}

static void move(mlp_real *running, double share, double value)
{
    *running = (mlp_real)((1 - share) * (double)*running + share * value);
}

void norm_settle(struct pass *p, struct mlp_net *net, size_t k, size_t rows)
{
    const struct layer *l = &net->layers[k];
    struct pass_layer *at = &p->layer[k];
    size_t chunks = norm_chunks(rows);

    if (l->norm != MLP_NORM_BATCH) {
        return;
    }
    for (size_t j = 0; j < l->n_z; j++) {
        double sum = 0, squares = 0;

        for (size_t c = 0; c < chunks; c++) {
            sum += (double)chunk_rows(c, rows) * (double)chunk(p, c, l->n_z)[j];
        }
        double mean = sum / (double)rows;

        for (size_t c = 0; c < chunks; c++) {
            const mlp_real *sums = chunk(p, c, l->n_z);
            double away = (double)sums[j] - mean;

            squares += (double)sums[l->n_z + j] + (double)chunk_rows(c, rows) * away * away;
        }
        at->mean[j] = (mlp_real)mean;
        at->scale[j] = (mlp_real)reciprocal(squares / (double)rows);
        move(&net->params[l->mean + j], p->share, mean);
        if (rows > 1) {
            move(&net->params[l->variance + j], p->share, squares / (double)(rows - 1));
        }
    }
}

void norm_apply(struct pass *p, const struct mlp_net *net, size_t k, size_t first, size_t rows)
{
    enum mlp_norm norm = net->layers[k].norm;

    if (norm != MLP_NORM_NONE) {
        const struct kernel_norm n = rows_of(p, net, k, first, rows);

        (norm == MLP_NORM_BATCH ? net->kernel->column_norm : net->kernel->row_norm)(&n);
    }
}

/* Columns in blocks, whose factors fit the stack: a prediction needs no room for them. */
static void predict_columns(const struct mlp_net *net, const struct layer *l, mlp_real *z,
                            size_t rows)
{
    const mlp_real *w = net->params;
    mlp_real mean[AT_ONCE], scale[AT_ONCE];

    for (size_t j = 0; j < l->n_z; j += AT_ONCE) {
        size_t cols = l->n_z - j < AT_ONCE ? l->n_z - j : AT_ONCE;

        for (size_t i = 0; i < cols; i++) {
            mean[i] = w[l->mean + j + i];
            scale[i] = (mlp_real)reciprocal((double)w[l->variance + j + i]);
        }
        net->kernel->column_norm(&(struct kernel_norm){.rows = rows,
                                                       .cols = cols,
                                                       .stride = l->n_z,
                                                       .gain = w + l->gain + j,
                                                       .shift = w + l->shift + j,
                                                       .mean = mean,
                                                       .scale = scale,
                                                       .z = z + j,
                                                       .y = z + j});
    }
}

void norm_predict(const struct mlp_net *net, const struct layer *l, mlp_real *z, size_t rows)
{
    if (l->norm == MLP_NORM_BATCH) {
        predict_columns(net, l, z, rows);
    } else if (l->norm == MLP_NORM_LAYER) {
        net->kernel->row_norm(&(struct kernel_norm){.rows = rows,
                                                    .cols = l->n_z,
                                                    .stride = l->n_z,
                                                    .gain = net->params + l->gain,
                                                    .shift = net->params + l->shift,
                                                    .z = z,
                                                    .y = z});
    }
}

/* ---- backward ------------------------------------------------------------------- */

void norm_back_measure(struct pass *p, const struct mlp_net *net, size_t k, size_t first,
                       size_t rows)
{
    const struct layer *l = &net->layers[k];
    const struct pass_layer *at = &p->layer[k];

    for (size_t i = 0; l->norm != MLP_NORM_NONE && i < rows; i += NORM_CHUNK) {
        mlp_real *sums = chunk(p, (first + i) / NORM_CHUNK, l->n_z);
        size_t from = (first + i) * l->n_z;

        net->kernel->column_products(at->delta + from, at->z + from,
                                     rows - i < NORM_CHUNK ? rows - i : NORM_CHUNK, l->n_z, sums,
                                     sums + l->n_z);
    }
}

/* dL/dshift = sum over rows of dL/dy    dL/dgain = sum over rows of dL/dy z^
 * They stay in chunk 0 as means over the rows, for batch norm's backward pass. */
void norm_back_settle(struct pass *p, const struct mlp_net *net, size_t k, size_t rows,
                      mlp_real *gradient)
{
    const struct layer *l = &net->layers[k];

    for (size_t j = 0; l->norm != MLP_NORM_NONE && j < l->n_z; j++) {
        double sum = 0, product = 0;

        for (size_t c = 0; c < norm_chunks(rows); c++) {
            sum += (double)chunk(p, c, l->n_z)[j];
            product += (double)chunk(p, c, l->n_z)[l->n_z + j];
        }
        gradient[l->shift + j] = (mlp_real)sum;
        gradient[l->gain + j] = (mlp_real)product;
        p->partial[j] = (mlp_real)(sum / (double)rows);
        p->partial[l->n_z + j] = (mlp_real)(product / (double)rows);
    }
}

void norm_back_apply(struct pass *p, const struct mlp_net *net, size_t k, size_t first, size_t rows)
{
    const struct layer *l = &net->layers[k];

    if (l->norm != MLP_NORM_NONE) {
        struct kernel_norm n = rows_of(p, net, k, first, rows);

        n.delta = p->layer[k].delta + first * l->n_z;
        n.mean_delta = p->partial;
        n.mean_product = p->partial + l->n_z;
        (l->norm == MLP_NORM_BATCH ? net->kernel->column_norm_back
                                   : net->kernel->row_norm_back)(&n);
    }
}

void norm_sum_products(struct pass *p, const struct mlp_net *net, const mlp_real *d,
                       const mlp_real *x, size_t rows, size_t cols, mlp_real *sums)
{
    size_t chunks = norm_chunks(rows);

    for (size_t c = 0; c < chunks; c++) {
        size_t from = c * NORM_CHUNK * cols;
        mlp_real *at = chunk(p, c, cols);

        net->kernel->column_products(d + from, x + from, chunk_rows(c, rows), cols, at, at + cols);
    }
    for (size_t j = 0; j < cols; j++) {
        double sum = 0;

        for (size_t c = 0; c < chunks; c++) {
            sum += (double)chunk(p, c, cols)[cols + j];
        }
        sums[j] = (mlp_real)sum;
    }
}

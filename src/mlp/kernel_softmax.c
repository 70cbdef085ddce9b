/* Softmax, and the losses of its rows fused with their gradients: cross-entropy and focal.
 *
 * Compiled once per instruction set, see kernel_isa.h. Rows by blocks, see kernel_sums.h; a
 * row's loss never depends on the rows around it. With d = z - (largest z of the row),
 * e = exp(d) and s = sum of e: p = e / s, log p = d - log s and 1 - p = (s - e) / s, each with
 * its digits however sure the network is.
 *
 * The truth of a row is y' = (1 - smoothing) y + smoothing / cols, y one-hot or given. The path
 * that matters for speed, labels without smoothing, never makes it.
 */
#include <math.h>

#include "mlp/kernel_sums.h"

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

/* z - (largest of its row). With an infinity in a row, or a NaN, the row gets a NaN, or exp
 * makes its sum one. */
static void subtract_max(mlp_real *z, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++) {
        mlp_real *row = z + i * cols;
        mlp_real m = row_max(row, cols);

        SIMD
        for (size_t j = 0; j < cols; j++) {
            row[j] -= m;
        }
    }
}

static void exp_all(mlp_real *z, size_t n)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        z[j] = math_exp(z[j]);
    }
}

static void sum_rows(const mlp_real *x, size_t rows, size_t cols, double *sum)
{
    for (size_t k = 0; k < rows; k++) {
        sum[k] = total(x + k * cols, cols);
    }
}

void ISA(kernel_softmax)(mlp_real *z, size_t rows, size_t cols)
{
    size_t step = block_rows(cols);

    for (size_t i = 0; i < rows; i += step) {
        size_t n = rows - i < step ? rows - i : step;
        mlp_real *block = z + i * cols;

        subtract_max(block, n, cols);
        exp_all(block, n * cols);
        for (size_t k = 0; k < n; k++) {
            scale_row(block + k * cols, cols, (mlp_real)(1.0 / total(block + k * cols, cols)));
        }
    }
}

/* log s of n sums s >= 1: the float next to s, and what it leaves over, so that a sum of 1 and
 * next to nothing keeps the nothing. */
static void log_sums(const double *s, size_t n, double *log_s)
{
    SIMD
    for (size_t k = 0; k < n; k++) {
        mlp_real near = (mlp_real)s[k];

        log_s[k] = (double)math_log(near) + (s[k] - (double)near) / (double)near;
    }
}

/* ---- what is right --------------------------------------------------------------- */

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

/* The first of the largest. */
static size_t argmax(const mlp_real *y, size_t n)
{
    size_t best = 0;

    for (size_t j = 1; j < n; j++) {
        best = y[j] > y[best] ? j : best;
    }
    return best;
}

static mlp_real row_scale(const struct kernel_loss *l, size_t row)
{
    return l->weights != NULL ? l->scale * l->weights[row] : l->scale;
}

/* ---- labels ------------------------------------------------------------------------ */

/* Focal's loss of a row whose truth is one label: e is its exponential, s the sum of all. *slope
 * becomes -dl/dlog p, so that dl/dz = slope (p - onehot); cross-entropy's is 1.
 *   l = -(1-p)^g log p, slope = (1-p)^g (1 + g p (-log p) / (1-p)) */
static double focal_label(const struct kernel_loss *l, double minus_log, double e, double s,
                          double *slope)
{
    double rest = (s - e) / s, power = pow(rest, (double)l->parameter); /* 1 - p */

    /* the quotient goes to 1 where p does */
    *slope = power * (1 + (double)l->parameter * (e / s) * (rest > 0 ? minus_log / rest : 1));
    return power * minus_log;
}

static void labels_loss(const struct kernel_loss *l)
{
    size_t cols = l->cols, step = block_rows(cols);
    double behind[BLOCK], s[BLOCK], log_s[BLOCK]; /* behind: the label's z minus the largest */

    for (size_t i = 0; i < l->rows; i += step) {
        size_t n = l->rows - i < step ? l->rows - i : step;
        mlp_real *block = l->z + i * cols;

        for (size_t k = 0; k < n && l->row_hit != NULL; k++) {
            l->row_hit[i + k] = is_hit(block + k * cols, cols, l->labels[i + k]);
        }
        subtract_max(block, n, cols);
        for (size_t k = 0; k < n; k++) {
            behind[k] = (double)block[k * cols + l->labels[i + k]];
        }
        exp_all(block, n * cols);
        sum_rows(block, n, cols, s); /* at least 1 */
        log_sums(s, n, log_s);
        for (size_t k = 0; k < n; k++) {
            mlp_real *row = block + k * cols, *at = row + l->labels[i + k];
            double e = (double)*at, slope = 1;

            l->row_loss[i + k] = log_s[k] - behind[k];
            if (l->loss == MLP_FOCAL) {
                l->row_loss[i + k] = focal_label(l, l->row_loss[i + k], e, s[k], &slope);
            }
            if (l->scale != 0) {
                double factor = slope * (double)row_scale(l, i + k) / s[k];

                scale_row(row, cols, (mlp_real)factor);
                *at = (mlp_real)(-factor * (s[k] - e)); /* p - 1 with its digits */
            }
        }
    }
}

/* ---- rows of shares ------------------------------------------------------------------ */

/* A row's truth: y' of one element is keep y + share. */
struct truth {
    const mlp_real *y; /* or NULL: */
    size_t label;
    double keep, share;
};

static struct truth row_truth(const struct kernel_loss *l, size_t row)
{
    double smoothing = (double)l->smoothing;
    struct truth t = {.keep = 1 - smoothing, .share = smoothing / (double)l->cols};

    if (l->labels != NULL) {
        t.label = l->labels[row];
    } else {
        t.y = l->targets + row * l->cols;
    }
    return t;
}

/* y' of elements [first, first + n). */
static void fill_truth(const struct truth *t, size_t first, size_t n, mlp_real *y)
{
    mlp_real keep = (mlp_real)t->keep, share = (mlp_real)t->share;

    if (t->y != NULL) {
        SIMD
        for (size_t j = 0; j < n; j++) {
            y[j] = FMA(keep, t->y[first + j], share);
        }
        return;
    }
    for (size_t j = 0; j < n; j++) {
        y[j] = share + (first + j == t->label ? keep : 0);
    }
}

static bool shares_hit(const struct kernel_loss *l, size_t row)
{
    const mlp_real *y = l->labels == NULL ? l->targets + row * l->cols : NULL;

    return is_hit(l->z + row * l->cols, l->cols, y != NULL ? argmax(y, l->cols) : l->labels[row]);
}

/* dl/dz of a row of exponentials: factor e - scale y'. */
static void shares_gradient(const struct truth *t, mlp_real factor, mlp_real scale, size_t cols,
                            mlp_real *e)
{
    mlp_real keep = (mlp_real)t->keep, share = (mlp_real)t->share;

    if (t->y != NULL) {
        SIMD
        for (size_t j = 0; j < cols; j++) {
            e[j] = FMA(factor, e[j], -scale * FMA(keep, t->y[j], share));
        }
        return;
    }
    mlp_real shift = -scale * share;

    SIMD
    for (size_t j = 0; j < cols; j++) {
        e[j] = FMA(factor, e[j], shift);
    }
    e[t->label] -= scale * keep;
}

/* l = sum y' (log s - d), dl/dz = p sum y' - y'. */
static void shares_cross_entropy(const struct kernel_loss *l)
{
    size_t cols = l->cols, step = block_rows(cols);
    double behind[BLOCK], s[BLOCK], log_s[BLOCK]; /* behind: sum y' d */

    for (size_t i = 0; i < l->rows; i += step) {
        size_t n = l->rows - i < step ? l->rows - i : step;
        mlp_real *block = l->z + i * cols;

        subtract_max(block, n, cols);
        for (size_t k = 0; k < n; k++) {
            const mlp_real *d = block + k * cols;
            struct truth t = row_truth(l, i + k);

            behind[k] = t.keep * (t.y != NULL ? dot(t.y, d, cols) : (double)d[t.label]);
            if (t.share > 0) {
                behind[k] += t.share * total(d, cols);
            }
        }
        exp_all(block, n * cols);
        sum_rows(block, n, cols, s);
        log_sums(s, n, log_s);
        for (size_t k = 0; k < n; k++) {
            mlp_real *row = block + k * cols, scale = row_scale(l, i + k);
            struct truth t = row_truth(l, i + k);
            double mass = t.y != NULL ? t.keep * total(t.y, cols) + (double)l->smoothing : 1;

            l->row_loss[i + k] = mass * log_s[k] - behind[k];
            if (l->scale != 0) {
                shares_gradient(&t, (mlp_real)((double)scale * mass / s[k]), scale, cols, row);
            }
        }
    }
}

#define FOCAL_WHOLE 8

/* power = q^g, q in [0, 1]: so many whole factors, then the rest by exp and log. */
static void power_all(mlp_real g, const mlp_real *restrict q, size_t n, mlp_real *restrict power)
{
    const mlp_real least = (mlp_real)1e-37;
    int whole = g < FOCAL_WHOLE ? (int)g : FOCAL_WHOLE;
    mlp_real part = g - (mlp_real)whole;

    SIMD
    for (size_t j = 0; j < n; j++) {
        power[j] = math_exp(part * math_log(q[j] > least ? q[j] : least));
    }
    for (int i = 0; i < whole; i++) {
        SIMD
        for (size_t j = 0; j < n; j++) {
            power[j] *= q[j];
        }
    }
}

/* Focal's columns: of some whole rows, or of a piece of a row that is longer. */
struct focal {
    mlp_real p[BLOCK], rest[BLOCK]; /* 1 - p */
    mlp_real minus_log[BLOCK];      /* -log p */
    mlp_real y[BLOCK];              /* y' */
    mlp_real loss[BLOCK];           /* y' (1-p)^g (-log p) */
    mlp_real slope[BLOCK];          /* y' times what focal_label says */
};

/* p becomes exp(d). */
static void focal_exp(struct focal *f, const mlp_real *d, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        f->p[j] = d[j];
    }
    exp_all(f->p, n);
}

/* Elements [first, first + n) of a row with sum s, which lie at `at`: from exp(d) to y'. */
static void focal_fill(struct focal *f, size_t at, const struct truth *t, size_t first, size_t n,
                       const mlp_real *d, double s)
{
    mlp_real log_s = (mlp_real)log(s);

    fill_truth(t, first, n, f->y + at);
    for (size_t j = 0; j < n; j++) { /* in double: s - e keeps its digits */
        double e = (double)f->p[at + j];

        f->rest[at + j] = (mlp_real)((s - e) / s);
        f->p[at + j] = (mlp_real)(e / s);
        f->minus_log[at + j] = log_s - d[j];
    }
}

static void focal_finish(struct focal *f, mlp_real g, size_t n)
{
    power_all(g, f->rest, n, f->loss);
    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real rest = f->rest[j], power = f->y[j] * f->loss[j];
        mlp_real quotient = rest > 0 ? f->minus_log[j] / rest : 1;

        f->loss[j] = power * f->minus_log[j];
        f->slope[j] = power * (1 + g * f->p[j] * quotient);
    }
}

/* dl/dz_j = p_j sum_k slope_k - slope_j = p_j (sum of the others' slopes) - slope_j (1 - p_j) */
static void focal_gradient(const struct focal *f, size_t at, double slopes, mlp_real scale,
                           size_t n, mlp_real *z)
{
    for (size_t j = 0; j < n; j++) {
        mlp_real slope = f->slope[at + j], others = (mlp_real)(slopes - (double)slope);

        z[j] = scale * (f->p[at + j] * others - slope * f->rest[at + j]);
    }
}

static void focal_rows(const struct kernel_loss *l)
{
    size_t cols = l->cols, step = block_rows(cols);
    struct focal f;

    for (size_t i = 0; i < l->rows; i += step) {
        size_t n = l->rows - i < step ? l->rows - i : step;
        mlp_real *block = l->z + i * cols;

        subtract_max(block, n, cols);
        focal_exp(&f, block, n * cols);
        for (size_t k = 0; k < n; k++) {
            struct truth t = row_truth(l, i + k);

            focal_fill(&f, k * cols, &t, 0, cols, block + k * cols, total(f.p + k * cols, cols));
        }
        focal_finish(&f, l->parameter, n * cols);
        for (size_t k = 0; k < n; k++) {
            l->row_loss[i + k] = total(f.loss + k * cols, cols);
            if (l->scale != 0) {
                focal_gradient(&f, k * cols, total(f.slope + k * cols, cols), row_scale(l, i + k),
                               cols, block + k * cols);
            }
        }
    }
}

/* A row longer than a block: three walks, as the first sum and then that of the slopes must be
 * known before what follows from them. */
static void focal_long_row(const struct kernel_loss *l, size_t row)
{
    size_t cols = l->cols;
    mlp_real *z = l->z + row * cols;
    struct truth t = row_truth(l, row);
    double s = 0, slopes = 0;
    struct focal f;

    subtract_max(z, 1, cols);
    l->row_loss[row] = 0;
    for (int walk = 0; walk < (l->scale != 0 ? 3 : 2); walk++) {
        for (size_t first = 0, n; first < cols; first += n) {
            n = cols - first < BLOCK ? cols - first : BLOCK;
            focal_exp(&f, z + first, n);
            if (walk == 0) {
                s += total(f.p, n);
                continue;
            }
            focal_fill(&f, 0, &t, first, n, z + first, s);
            focal_finish(&f, l->parameter, n);
            if (walk == 1) {
                l->row_loss[row] += total(f.loss, n);
                slopes += total(f.slope, n);
            } else {
                focal_gradient(&f, 0, slopes, row_scale(l, row), n, z + first);
            }
        }
    }
}

void ISA(kernel_loss_softmax)(const struct kernel_loss *l)
{
    if (l->labels != NULL && l->smoothing == 0) {
        labels_loss(l);
        return;
    }
    for (size_t row = 0; row < l->rows && l->row_hit != NULL; row++) {
        l->row_hit[row] = shares_hit(l, row);
    }
    if (l->loss == MLP_CROSS_ENTROPY) {
        shares_cross_entropy(l);
        return;
    }
    if (l->cols <= BLOCK) {
        focal_rows(l);
        return;
    }
    for (size_t row = 0; row < l->rows; row++) {
        focal_long_row(l, row);
    }
}

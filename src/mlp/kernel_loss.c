/* Losses fused with their gradients: the entry, and the losses that each column has by itself.
 *
 * Compiled once per instruction set, see kernel_isa.h. Elements go by blocks, whatever the
 * columns; a row's loss is the average of its columns, summed in double in an order that
 * depends on their number only. Numbers behind a sigmoid are the same losses of the
 * residual, with the sigmoid's derivative multiplied in afterwards.
 *
 * The losses behind a log link are deviances, written with t = eta - log y so that
 * nothing is lost where prediction and truth are near each other; see link_near.
 */
#include <math.h>
#include <string.h>

#include "mlp/kernel_sums.h"
#include "mlp/loss.h"

/* What the blocks of one call share. */
struct columns {
    mlp_real factor;      /* of the gradient: scale / columns */
    mlp_real parameter;   /* the loss's own */
    mlp_real keep, share; /* a sigmoid's truth is keep y + share: smoothed with K = 2 */
};

/* ---- yes or no: a sigmoid a column ---------------------------------------------------- */

/* l = softplus(z) - y z, written as sums of what is never negative, so that it keeps its digits:
 * -y z or (1-y) z, and log(1 + exp(-|z|)); dl/dz = sigmoid(z) - y, likewise. */
static void binary_block(const struct columns *c, mlp_real *restrict z, const mlp_real *restrict y,
                         size_t n, mlp_real *restrict l)
{
    mlp_real factor = c->factor, keep = c->keep, share = c->share;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real v = z[j], yes = FMA(keep, y[j], share), no = 1 - yes;
        mlp_real e = math_exp(-math_abs(v)); /* <= 1 */
        mlp_real rest = e / (1 + e);

        l[j] = (v < 0 ? -yes : no) * v + math_log1p(e);
        z[j] = factor * (v < 0 ? rest - yes : no - rest);
    }
}

/* l = y q^g softplus(-z) + (1-y) p^g softplus(z), p = sigmoid(z), q = 1 - p;
 * dl/dz = -y q^g (q + g p softplus(-z)) + (1-y) p^g (p + g q softplus(z)).
 * As log q = -softplus(z), a power is exp(-g softplus). */
static void binary_focal_block(const struct columns *c, mlp_real *restrict z,
                               const mlp_real *restrict y, size_t n, mlp_real *restrict l)
{
    mlp_real factor = c->factor, g = c->parameter, keep = c->keep, share = c->share;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real v = z[j], yes = FMA(keep, y[j], share), no = 1 - yes;
        mlp_real e = math_exp(-math_abs(v));
        mlp_real s = 1 / (1 + e), rest = e * s, tail = math_log1p(e);
        mlp_real p = v < 0 ? rest : s, q = v < 0 ? s : rest;
        mlp_real minus_log_q = (v < 0 ? 0 : v) + tail, minus_log_p = (v < 0 ? -v : 0) + tail;

        yes *= math_exp(-g * minus_log_q);
        no *= math_exp(-g * minus_log_p);
        l[j] = yes * minus_log_p + no * minus_log_q;
        z[j] = factor * (no * (p + g * q * minus_log_q) - yes * (q + g * p * minus_log_p));
    }
}

/* ---- numbers: d = z - y ------------------------------------------------------------------ */

static void square_block(const struct columns *c, mlp_real *restrict z, const mlp_real *restrict y,
                         size_t n, mlp_real *restrict l)
{
    mlp_real factor = 2 * c->factor;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real d = z[j] - y[j];

        l[j] = d * d;
        z[j] = factor * d;
    }
}

static void absolute_block(const struct columns *c, mlp_real *restrict z,
                           const mlp_real *restrict y, size_t n, mlp_real *restrict l)
{
    mlp_real factor = c->factor;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real d = z[j] - y[j];
        mlp_real below = d < 0 ? -factor : 0;

        l[j] = math_abs(d);
        z[j] = d > 0 ? factor : below;
    }
}

/* With d cut to +-delta: l = cut (d - cut/2), which is d^2/2 inside. */
static void huber_block(const struct columns *c, mlp_real *restrict z, const mlp_real *restrict y,
                        size_t n, mlp_real *restrict l)
{
    mlp_real factor = c->factor, delta = c->parameter;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real d = z[j] - y[j];
        mlp_real cut = d < -delta ? -delta : d;

        cut = cut > delta ? delta : cut;
        l[j] = cut * (d - cut / 2);
        z[j] = factor * cut;
    }
}

static void quantile_block(const struct columns *c, mlp_real *restrict z,
                           const mlp_real *restrict y, size_t n, mlp_real *restrict l)
{
    mlp_real factor = c->factor, tau = c->parameter;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real d = z[j] - y[j];
        mlp_real below = d < 0 ? -tau : 0;
        mlp_real slope = d > 0 ? 1 - tau : below;

        l[j] = slope * d;
        z[j] = factor * slope;
    }
}

/* |d| + log(1 + exp(-2|d|)) - log 2; where that would cancel, 1/2 log(1 + u / (1 - u)) with
 * u = tanh(d)^2. dl/dd = tanh(d). */
static void log_cosh_block(const struct columns *c, mlp_real *restrict z,
                           const mlp_real *restrict y, size_t n, mlp_real *restrict l)
{
    const mlp_real ln2 = (mlp_real)0.69314718055994530942;
    mlp_real factor = c->factor;

    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real d = z[j] - y[j], a = math_abs(d);
        mlp_real slope = math_tanh(d), u = slope * slope;
        bool small = a < (mlp_real)0.8; /* u < 1/2 */
        mlp_real odds = u / (1 - u);
        mlp_real tail = math_log1p(small ? odds : math_exp(-2 * a));

        l[j] = small ? tail / 2 : a + (tail - ln2);
        z[j] = factor * slope;
    }
}

/* ---- numbers above 0 behind a log link ------------------------------------------------------ */

struct link {
    mlp_real eta;   /* z cut to +-LOSS_LINK_MOST */
    mlp_real log_y; /* 0 where y is 0 */
    mlp_real t;     /* eta - log y; without use where y is 0 */
    mlp_real slope; /* d eta / dz */
};

static inline struct link link_of(mlp_real z, mlp_real y)
{
    struct link k = {.eta = z < -LOSS_LINK_MOST ? -LOSS_LINK_MOST : z};

    k.eta = k.eta > LOSS_LINK_MOST ? LOSS_LINK_MOST : k.eta;
    k.slope = k.eta == z ? 1 : 0;
    k.log_y = math_log(y > 0 ? y : 1);
    k.t = k.eta - k.log_y;
    return k;
}

/* e^x - 1 - x for |x| <= 1; what it gives beyond is not used. */
static inline mlp_real link_near(mlp_real x)
{
#ifdef MLP_DOUBLE
    return expm1(x) - x;
#else
    float p = 2.80628024e-06F; /* over x^2: a least-maximum fit on [-1, 1] */

    p = FMA(p, x, 2.53585131e-05F);
    p = FMA(p, x, 0.000198381022F);
    p = FMA(p, x, 0.00138853968F);
    p = FMA(p, x, 0.00833333936F);
    p = FMA(p, x, 0.041666735F);
    p = FMA(p, x, 0.166666672F);
    p = FMA(p, x, 0.5F);
    return x * x * p;
#endif
}

static inline bool link_is_near(mlp_real x, mlp_real y)
{
    return y > 0 && math_abs(x) < 1;
}

/* 2 (y log(y/p) - y + p) = 2 y (e^t - 1 - t); d/deta = 2 (p - y) */
static void poisson_block(const struct columns *c, mlp_real *restrict z, const mlp_real *restrict y,
                          size_t n, mlp_real *restrict l)
{
    mlp_real factor = 2 * c->factor;

    SIMD
    for (size_t j = 0; j < n; j++) {
        struct link k = link_of(z[j], y[j]);
        mlp_real p = math_exp(k.eta);
        mlp_real far = p - y[j] * (1 + k.t), near = y[j] * link_near(k.t);

        l[j] = 2 * (link_is_near(k.t, y[j]) ? near : far);
        z[j] = factor * k.slope * (p - y[j]);
    }
}

/* 2 (y/p - 1 - log(y/p)) = 2 (e^-t - 1 + t); d/deta = 2 (1 - y/p) */
static void gamma_block(const struct columns *c, mlp_real *restrict z, const mlp_real *restrict y,
                        size_t n, mlp_real *restrict l)
{
    mlp_real factor = 2 * c->factor;

    SIMD
    for (size_t j = 0; j < n; j++) {
        struct link k = link_of(z[j], y[j]);
        mlp_real ratio = y[j] * math_exp(-k.eta);
        mlp_real far = ratio - (1 - k.t), near = link_near(-k.t);

        l[j] = 2 * (link_is_near(k.t, y[j]) ? near : far);
        z[j] = factor * k.slope * (1 - ratio);
    }
}

/* With a = 2 - q and b = q - 1: 2 (p^a / a + y p^-b / b - y^a / (a b))
 * = 2 y^a ((e^at - 1 - at) / a + (e^-bt - 1 + bt) / b); d/deta = 2 (p^a - y p^-b) */
static void tweedie_block(const struct columns *c, mlp_real *restrict z, const mlp_real *restrict y,
                          size_t n, mlp_real *restrict l)
{
    mlp_real factor = 2 * c->factor, a = 2 - c->parameter, b = c->parameter - 1;

    SIMD
    for (size_t j = 0; j < n; j++) {
        struct link k = link_of(z[j], y[j]);
        mlp_real at = a * k.t, bt = b * k.t;
        mlp_real above = math_exp(a * k.eta), below = y[j] * math_exp(-b * k.eta);
        mlp_real power = y[j] > 0 ? math_exp(a * k.log_y) : 0; /* y^a */
        mlp_real first = above - power * (1 + at), second = below - power * (1 - bt);

        first = link_is_near(at, y[j]) ? power * link_near(at) : first;
        second = link_is_near(bt, y[j]) ? power * link_near(-bt) : second;
        l[j] = 2 * (first / a + second / b);
        z[j] = factor * k.slope * (above - below);
    }
}

/* ---- blocks to rows ---------------------------------------------------------------------------
 */

static const mlp_real zeros[BLOCK];

/* z becomes sigmoid(z) - y, with its digits where both are near 1, and slope the sigmoid's
 * derivative, with its digits where it is near 0. */
static void squash_block(mlp_real *restrict z, const mlp_real *restrict y, size_t n,
                         mlp_real *restrict slope)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        mlp_real e = math_exp(-math_abs(z[j]));
        mlp_real s = 1 / (1 + e), rest = e * s;

        slope[j] = rest * s;
        z[j] = z[j] < 0 ? rest - y[j] : (1 - y[j]) - rest;
    }
}

/* From a block's element losses to rows' losses. A row longer than a block comes in pieces:
 * `part` carries it. */
struct averager {
    size_t cols, filled, row;
    double part;
    double *row_loss;
};

static void averager_add(struct averager *a, const mlp_real *l, size_t n)
{
    if (a->cols == 1) {
        for (size_t i = 0; i < n; i++) {
            a->row_loss[a->row + i] = (double)l[i];
        }
        a->row += n;
        return;
    }
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

/* l takes the losses of n elements, z becomes their gradient. */
static void element_losses(const struct columns *c, enum mlp_loss loss, mlp_real *z,
                           const mlp_real *y, size_t n, mlp_real *l)
{
    switch (loss) {
    case MLP_BINARY_CROSS_ENTROPY:
        binary_block(c, z, y, n, l);
        break;
    case MLP_BINARY_FOCAL:
        binary_focal_block(c, z, y, n, l);
        break;
    case MLP_MAE:
        absolute_block(c, z, y, n, l);
        break;
    case MLP_HUBER:
        huber_block(c, z, y, n, l);
        break;
    case MLP_QUANTILE:
        quantile_block(c, z, y, n, l);
        break;
    case MLP_LOG_COSH:
        log_cosh_block(c, z, y, n, l);
        break;
    case MLP_POISSON:
        poisson_block(c, z, y, n, l);
        break;
    case MLP_GAMMA:
        gamma_block(c, z, y, n, l);
        break;
    case MLP_TWEEDIE:
        tweedie_block(c, z, y, n, l);
        break;
    default:
        square_block(c, z, y, n, l);
        break;
    }
}

static bool is_binary(enum mlp_loss loss)
{
    return loss == MLP_BINARY_CROSS_ENTROPY || loss == MLP_BINARY_FOCAL;
}

void ISA(kernel_loss_columns)(const struct kernel_loss *l)
{
    struct averager average = {.cols = l->cols, .row_loss = l->row_loss};
    const struct columns c = {.factor = l->scale / (mlp_real)l->cols,
                              .parameter = l->parameter,
                              .keep = 1 - l->smoothing,
                              .share = l->smoothing / 2};
    bool squash = l->output == MLP_OUT_SIGMOID && !is_binary(l->loss);
    mlp_real element[BLOCK], slope[BLOCK];

    for (size_t at = 0, n; at < l->rows * l->cols; at += n) {
        mlp_real *z = l->z + at;

        n = next_block(at, l->rows, l->cols);
        if (squash) {
            squash_block(z, l->targets + at, n, slope);
        }
        element_losses(&c, l->loss, z, squash ? zeros : l->targets + at, n, element);
        for (size_t j = 0; j < n && squash; j++) {
            z[j] *= slope[j];
        }
        averager_add(&average, element, n);
    }
    if (l->weights != NULL && l->scale != 0) {
        for (size_t i = 0; i < l->rows; i++) {
            scale_row(l->z + i * l->cols, l->cols, l->weights[i]);
        }
    }
}

/* ---- the entry ----------------------------------------------------------------------------------
 */

/* A sigmoid's side is right when z >= 0 goes with y >= 1/2. */
static void binary_hits(const struct kernel_loss *l)
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

static void rows_loss(const struct kernel_loss *l)
{
    if (l->loss == MLP_CROSS_ENTROPY || l->loss == MLP_FOCAL) {
        ISA(kernel_loss_softmax)(l);
        return;
    }
    if (l->row_hit != NULL && is_binary(l->loss)) {
        binary_hits(l);
    } else if (l->row_hit != NULL) {
        memset(l->row_hit, 0, l->rows);
    }
    ISA(kernel_loss_columns)(l);
}

/* A z that is not finite makes its row's loss NaN, and no hit, also where the loss of an infinity
 * would be finite: something has run away, and training must see it. */
void ISA(kernel_loss)(const struct kernel_loss *l)
{
    if (ISA(kernel_finite)(l->z, l->rows * l->cols)) {
        rows_loss(l);
        return;
    }
    for (size_t i = 0; i < l->rows; i++) {
        struct kernel_loss row = *l;

        row.rows = 1;
        row.z += i * l->cols;
        row.labels = l->labels != NULL ? l->labels + i : NULL;
        row.targets = l->targets != NULL ? l->targets + i * l->cols : NULL;
        row.weights = l->weights != NULL ? l->weights + i : NULL;
        row.row_loss += i;
        row.row_hit = l->row_hit != NULL ? l->row_hit + i : NULL;
        bool finite = ISA(kernel_finite)(row.z, l->cols);

        rows_loss(&row);
        if (!finite) {
            l->row_loss[i] = NAN;
        }
        if (!finite && l->row_hit != NULL) {
            l->row_hit[i] = 0;
        }
    }
}

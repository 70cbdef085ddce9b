/* The loops that do the arithmetic, one table of them per vector instruction set.
 *
 * kernel_*.c are compiled once per set (baseline, AVX2, AVX-512); a net keeps the
 * best table this processor can run. Matrices are dense and row-major. Every
 * function is pure: it touches its arguments only, so any number of threads may
 * use a table at once.
 *
 * What is promised: an element's bits never depend on where in an array it lies,
 * nor a row's on the rows around it; NaN and infinity pass through; sums have an
 * order fixed by their length. Between tables the last bits may differ.
 */
#ifndef MLP_KERNEL_H
#define MLP_KERNEL_H

#include "mlp/mlp.h"
#include "mlp/rng.h"

/* c (m, n) = A (m, k) B (k, n) + bias (n) on every row.
 * A and B are read through strides, so a transpose costs no copy by the caller:
 * A[i][p] is a[i * a_row + p * a_col], B[p][j] is b[p * b_row + j * b_col]; one of each
 * pair is 1. Every element of c is summed over p in order, starting from the bias; where c is
 * narrow and rows of A are in one piece, in lanes whose order depends on k alone. */
struct product {
    size_t m, n, k;
    const mlp_real *a;
    size_t a_row, a_col;
    const mlp_real *b;
    size_t b_row, b_col;
    const mlp_real *bias; /* NULL = 0 */
    mlp_real *c;
    mlp_real *panel; /* scratch, KERNEL_PANEL elements, aligned as the arena is */
};
#define KERNEL_PANEL ((size_t)256 * 32)

/* Losses of a block of rows, and what z becomes: the gradient. */
struct kernel_loss {
    enum mlp_loss loss;
    enum mlp_output output;
    mlp_real parameter;         /* the loss's own, see enum mlp_loss */
    mlp_real smoothing;         /* see mlp_train_spec.label_smoothing; of classes only */
    size_t rows, cols;
    mlp_real *z;                /* (rows, cols), the last layer's linear output; with scale != 0 it
                                 * becomes scale w_i dl_i/dz, else it is left undefined */
    const uint32_t *labels;     /* (rows), or */
    const mlp_real *targets;    /* (rows, cols) */
    const mlp_real *weights;    /* (rows), or NULL: all 1 */
    mlp_real scale;
    double *row_loss;           /* (rows): l_i, without its weight; NaN if a z is not finite */
    unsigned char *row_hit;     /* (rows): 1 where every output is on the right side; NULL: not
                                 * asked */
};

/* The coefficients of one optimizer step, the same for a run of parameters. */
struct kernel_step {
    enum mlp_optimizer kind;
    bool nesterov;
    bool plain;             /* radam: too early to divide by v */
    mlp_real scale, l1, l2; /* the gradient becomes scale g + l1 sign(w) + l2 w, */
    mlp_real decay;         /* then w is multiplied by this */
    mlp_real rate;          /* the step's length: what multiplies the direction, or m */
    mlp_real rate_g;        /* nadam: what multiplies g */
    mlp_real momentum;
    mlp_real beta1, rest1;  /* decay of m; 1 - beta1 */
    mlp_real beta2, rest2;  /* of v: rho of rmsprop and adadelta too */
    mlp_real root;          /* sqrt(v) is multiplied by this: 1 / sqrt(1 - beta2^t) */
    mlp_real epsilon;
};

/* A norm of (rows, cols), rows `stride` apart: z^ = (z - mean) scale, y = z^ gain + shift. */
struct kernel_norm {
    size_t rows, cols, stride;
    const mlp_real *gain, *shift; /* (cols) */
    mlp_real *z;                  /* becomes z^; may be y, which then wins */
    mlp_real *y;
    mlp_real *mean;               /* (cols), given; by rows: not used */
    mlp_real *scale;              /* (cols), given; by rows: (rows), written unless NULL */
    mlp_real *delta;              /* backward: dL/dy becomes dL/dz, z is z^ */
    const mlp_real *mean_delta, *mean_product; /* by columns, (cols): over all rows of the batch,
                                                * the means of dL/dy and of dL/dy z^ */
};

/* Dropout: an element whose word is below `below` becomes `dropped`, others factor h + kept. */
struct kernel_drop {
    uint32_t below;
    mlp_real factor, kept, dropped;
};

enum kernel_isa { KERNEL_BASELINE, KERNEL_AVX2, KERNEL_AVX512 };

struct kernel {
    const char *name;
    enum kernel_isa isa;

    void (*product)(const struct product *p);

    /* a = f(z), all but prelu and maxout; a may be z. delta becomes delta f'(z), with f' in terms
     * of `from`: z where activation_keeps_z says so, else f(z). */
    void (*activate)(enum mlp_activation f, const mlp_real *z, mlp_real *a, size_t n);
    void (*derive)(enum mlp_activation f, const mlp_real *from, mlp_real *delta, size_t n);

    /* z (rows, cols), a slope for each column: a = z > 0 ? z : slope z; a may be z. delta becomes
     * delta f'(z), and z what the slopes' gradient sums over the rows: delta z where z <= 0. */
    void (*prelu)(const mlp_real *z, const mlp_real *slope, size_t rows, size_t cols, mlp_real *a);
    void (*prelu_derive)(mlp_real *z, const mlp_real *slope, size_t rows, size_t cols,
                         mlp_real *delta);

    /* a[i][j] = max over q of z[i][q units + j]; a may be z. dz takes da at the first piece that
     * is the largest, else 0. */
    void (*maxout)(const mlp_real *z, size_t rows, size_t units, size_t pieces, mlp_real *a);
    void (*maxout_derive)(const mlp_real *z, const mlp_real *a, const mlp_real *da, size_t rows,
                          size_t units, size_t pieces, mlp_real *dz);

    /* out[j] = sum over rows of x[i][j], rows in order */
    void (*column_sums)(const mlp_real *x, size_t rows, size_t cols, mlp_real *out);

    /* z (rows, cols) becomes the probabilities */
    void (*softmax)(mlp_real *z, size_t rows, size_t cols);

    void (*loss)(const struct kernel_loss *l);

    /* One optimizer step of n parameters w with gradient g; m, v, u as the kind has them (see
     * optimizer.h), else NULL. u is of amsgrad. */
    void (*step)(const struct kernel_step *s, mlp_real *w, const mlp_real *g, mlp_real *m,
                 mlp_real *v, mlp_real *u, size_t n);
    void (*clip)(mlp_real *x, size_t n, mlp_real bound); /* to +-bound */
    double (*dot)(const mlp_real *a, const mlp_real *b, size_t n);
    /* y += factor x */
    void (*add_scaled)(mlp_real *y, mlp_real factor, const mlp_real *x, size_t n);
    /* Columns of w (rows, cols) longer than `limit` are scaled to that length. */
    void (*limit_columns)(mlp_real *w, size_t rows, size_t cols, double limit);


    /* y += x; y *= x */
    void (*add)(const mlp_real *x, mlp_real *y, size_t n);
    void (*multiply)(const mlp_real *x, mlp_real *y, size_t n);

    /* Statistics by columns (batch norm) or by rows (layer norm): see norm.h. A chunk of x (rows,
     * cols): each column's mean, and its sum of squared deviations from it. */
    void (*column_moments)(const mlp_real *x, size_t rows, size_t cols, mlp_real *mean,
                           mlp_real *squares);
    /* sums[j] = sum of d[i][j], products[j] = sum of d[i][j] x[i][j], rows in order */
    void (*column_products)(const mlp_real *d, const mlp_real *x, size_t rows, size_t cols,
                            mlp_real *sums, mlp_real *products);
    void (*column_norm)(const struct kernel_norm *n);
    void (*column_norm_back)(const struct kernel_norm *n);
    void (*row_norm)(const struct kernel_norm *n);
    void (*row_norm_back)(const struct kernel_norm *n);

    /* rng_block of n blocks from `block` on, out [4 n]: the same bits in every table. */
    void (*words)(const struct rng *rng, struct rng_at at, uint64_t block, size_t n,
                  uint32_t *out);
    /* n words, n even, to as many normal numbers: see noise.h */
    void (*normals)(const uint32_t *words, size_t n, mlp_real *out);
    /* a = h + deviation g; a may be h */
    void (*perturb)(const mlp_real *h, const mlp_real *g, mlp_real deviation, size_t n,
                    mlp_real *a);
    /* a as struct kernel_drop says, mask its derivative: factor or 0; a may be h */
    void (*drop)(const struct kernel_drop *d, const uint32_t *words, const mlp_real *h, size_t n,
                 mlp_real *mask, mlp_real *a);

    bool (*finite)(const mlp_real *x, size_t n);

    /* out = exp, log, tanh (x); log1p for x in [0, 1]: for tests */
    void (*exp)(const mlp_real *x, mlp_real *out, size_t n);
    void (*log)(const mlp_real *x, mlp_real *out, size_t n);
    void (*tanh)(const mlp_real *x, mlp_real *out, size_t n);
    void (*log1p)(const mlp_real *x, mlp_real *out, size_t n);
};

/* The tables this processor can run, slowest first; returns how many. */
#define KERNEL_MAX 3
size_t kernel_tables(const struct kernel *out[KERNEL_MAX]);
const struct kernel *kernel_best(void);

#endif

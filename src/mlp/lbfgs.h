/* Limited-memory BFGS over all rows: a direction from the last ten steps, then a line search.
 *
 * One iteration finds a step length a along a direction d where the loss f, penalties included,
 * meets the strong Wolfe conditions
 *
 *     f(x + a d) <= f(x) + 1e-4 a f'(x) d        enough less
 *     |f'(x + a d) d| <= .9 |f'(x) d|            and flat enough
 *
 * by bracketing and cubic interpolation. Where f differs by no more than single precision's noise
 * the slope alone decides (Hager and Zhang 2005). Loss and inner products are double.
 *
 * It is told f by a function that must give the same bits for the same parameters. l2 is added
 * here; frozen layers stay. A struct lbfgs is one thread's.
 */
#ifndef MLP_LBFGS_H
#define MLP_LBFGS_H

#include "mlp/net.h"

#define LBFGS_HISTORY ((size_t)10)

/* The data's mean loss at the net's parameters, without penalties, and its gradient [n_params].
 * Anything but MLP_OK ends the iteration. */
struct lbfgs_function {
    void *arg;
    enum mlp_status (*evaluate)(void *arg, struct mlp_net *net, mlp_real *gradient, double *loss);
};

enum lbfgs_outcome {
    LBFGS_IMPROVED,
    LBFGS_CONVERGED, /* a minimum, as far as single precision can tell; nothing more to gain */
    LBFGS_FAILED,    /* the loss is not finite where it stands, or anywhere on the way */
    LBFGS_STOPPED,   /* evaluate did not say MLP_OK: see status */
};

struct lbfgs {
    const struct mlp_train_spec *spec;
    size_t n_params;
    mlp_real *x, *g;        /* where it stands, and the gradient there */
    mlp_real *trial;        /* gradient at the last point asked for */
    mlp_real *d;
    mlp_real *s[LBFGS_HISTORY], *y[LBFGS_HISTORY]; /* steps, and what the gradient did in them */
    double rho[LBFGS_HISTORY];                     /* 1 / s y */
    uint64_t count, next;   /* pairs kept; where the next one goes */
    uint64_t stalled;       /* iterations in a row that gained next to nothing */
    bool known;             /* g and loss are of the net's parameters */
    double loss;            /* with penalties */
    double data_loss;       /* without: what a training reports */
    double trial_loss, trial_data_loss;
    size_t evaluations;     /* calls of evaluate in the last iteration */
    enum mlp_status status; /* of the last call */
};

/* 24 arrays of n_params. */
void lbfgs_layout(struct lbfgs *l, const struct mlp_train_spec *spec, size_t n_params,
                  struct arena *arena);
void lbfgs_start(struct lbfgs *l);

/* One iteration, at most LBFGS_EVALUATIONS calls of evaluate (one more the first time). The net's
 * parameters move with LBFGS_IMPROVED, else they are those from before. Afterwards loss and
 * data_loss are those of the net's parameters. */
#define LBFGS_EVALUATIONS ((size_t)62)
enum lbfgs_outcome lbfgs_iterate(struct lbfgs *l, struct mlp_net *net,
                                 const struct lbfgs_function *f);

/* The history. After a load the next iteration begins by asking for f where the net stands. */
size_t lbfgs_state_bytes(const struct lbfgs *l);
void lbfgs_save(const struct lbfgs *l, void *out);
bool lbfgs_load(struct lbfgs *l, const void *in);

#endif

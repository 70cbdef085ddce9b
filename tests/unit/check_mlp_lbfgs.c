/* L-BFGS on hard and on hopeless functions: the Wolfe conditions after every iteration, as few of
 * them as others need, an end to each, saved states, penalties. Fits are in
 * check_mlp_lbfgs_fit.c. */
#include "mlp_lbfgs_help.h"

/* ---- functions that are none of a network ------------------------------------------------ */

#define DIM ((size_t)12) /* a net of 11 inputs and 1 output has so many parameters */

enum landscape { ROSENBROCK, STRETCHED, BARRIER, CORNER, N_SMOOTH, SHELF = N_SMOOTH, KINK, STEEP };

struct terrain {
    enum landscape kind;
    size_t calls;
    size_t refuse; /* the call that fails; 0: none */
    bool cliff;    /* nothing finite after the first call */
};

static enum mlp_status height(void *arg, struct mlp_net *net, mlp_real *gradient, double *loss)
{
    struct terrain *t = arg;
    double f = 0, g[DIM] = {0};
    const float *w = net->params;

    if (++t->calls == t->refuse) {
        return MLP_E_BACKEND;
    }
    if (t->cliff && t->calls > 1) {
        *loss = (double)NAN;
        memset(gradient, 0, DIM * sizeof(*gradient));
        return MLP_OK;
    }
    for (size_t i = 0; i < DIM; i++) {
        double x = (double)w[i];

        switch (t->kind) {
        case ROSENBROCK: /* pairs in a bent valley, minimum 0 at all 1 */
            if (i % 2 == 0) {
                double b = (double)w[i + 1] - x * x;

                f += 100 * b * b + (1 - x) * (1 - x);
                g[i] += -400 * x * b - 2 * (1 - x);
                g[i + 1] += 200 * b;
            }
            break;
        case STRETCHED: { /* curvatures from 1 to 200 */
            double c = pow(200, (double)i / (double)(DIM - 1));

            f += c * (x - 1) * (x - 1) / 2;
            g[i] += c * (x - 1);
            break;
        }
        case BARRIER: /* x - log x: infinite from 0 down */
            f += x > 0 ? x - log(x) - 1 : (x < -5 ? (double)NAN : (double)INFINITY);
            g[i] += 1 - 1 / x;
            break;
        case CORNER: /* log cosh of something steep: flat, then a sharp bend */
            f += log(cosh(20 * (x - 1)));
            g[i] += 20 * tanh(20 * (x - 1));
            break;
        case SHELF: /* one dimension: from 0 the first step comes to 1, hardly lower but flat */
            if (i == 0) {
                double a = -1 + 1e-4, b = 2 - 1.5e-4;

                f += x < 1 ? x * (x * (a * x + b) - 1) : -5e-5 + (x - 1) * (x - 1);
                g[0] = x < 1 ? 3 * a * x * x + 2 * b * x - 1 : 2 * (x - 1);
            }
            break;
        case KINK: /* nowhere flat on the way down */
            if (i % 2 == 1) {
                f += fabs(x - 1.0 / 3);
                g[i] += x > 1.0 / 3 ? 1 : -1;
            }
            break;
        case STEEP: /* floats are too coarse to stand where it is flat */
            f += 1 + 5e6 * (x - 1.0 / 3) * (x - 1.0 / 3);
            g[i] += 1e7 * (x - 1.0 / 3);
            break;
        }
    }
    for (size_t i = 0; i < DIM; i++) {
        gradient[i] = (float)g[i];
    }
    *loss = f;
    return MLP_OK;
}

static double along(const float *g, const float *from, const float *to)
{
    double sum = 0;

    for (size_t i = 0; i < DIM; i++) {
        sum += (double)g[i] * ((double)to[i] - (double)from[i]);
    }
    return sum;
}

static void terrain_open(struct rig *r, struct terrain *t)
{
    *r = (struct rig){.spec = help_spec(DIM - 1, 0, NULL, 1, MLP_MSE)};
    rig_open(r, 1);
    r->f = (struct lbfgs_function){.arg = t, .evaluate = height};
    for (size_t i = 0; i < DIM; i++) {
        mlp_net_params(r->net)[i] = i % 2 == 0 ? 0.3F : 2.0F;
    }
}

static const struct {
    size_t iterations, evaluations;
} most[N_SMOOTH] = {
    {14, 22}, {80, 95}, {12, 14}, {10, 18}}; /* PyTorch's: 15, 74, 9, 7 iterations */

/* _i is the landscape: down to the minimum, and both Wolfe conditions on the way */
START_TEST(landscapes)
{
    struct terrain t = {.kind = (enum landscape)_i}, other = t;
    struct rig r;
    struct lbfgs *l = &r.optimizer.lbfgs;
    float before[DIM], g0[DIM], g1[DIM];
    size_t n = 0, evaluations = 0;

    terrain_open(&r, &t);
    for (;; n++) {
        double f0 = 0, f1 = 0;

        memcpy(before, r.net->params, sizeof(before));
        ck_assert_int_eq(height(&other, r.net, g0, &f0), MLP_OK);
        enum lbfgs_outcome outcome = iterate(&r);

        ck_assert_int_eq(height(&other, r.net, g1, &f1), MLP_OK);
        ck_assert(l->loss == f1 && l->data_loss == f1);
        evaluations += l->evaluations;
        if (outcome == LBFGS_CONVERGED) {
            ck_assert_mem_eq(before, r.net->params, sizeof(before));
            break;
        }
        ck_assert_int_eq(outcome, LBFGS_IMPROVED);
        double s0 = along(g0, before, r.net->params), s1 = along(g1, before, r.net->params);

        ck_assert(s0 < 0);
        if (f0 > 1e-6) { /* before rounding has a word in it */
            ck_assert_msg(f1 <= f0 + 0.99e-4 * s0, "iteration %zu: %g, then %g", n, f0, f1);
            ck_assert_msg(fabs(s1) <= -0.901 * s0, "iteration %zu: slopes %g, %g", n, s0, s1);
        }
        ck_assert_uint_lt(n, 200);
    }
    ck_assert_msg(l->loss < 1e-8, "%g after %zu iterations", l->loss, n);
    /* not only there, but soon */
    ck_assert_msg(n <= most[_i].iterations && evaluations <= most[_i].evaluations,
                  "%zu iterations, %zu evaluations", n, evaluations);
    for (size_t i = 0; i < DIM; i++) {
        ck_assert_double_eq_tol((double)r.net->params[i], 1, 1e-3);
    }
    rig_close(&r);
}
END_TEST

/* Enough less, not only flat. */
START_TEST(a_shelf)
{
    struct terrain t = {.kind = SHELF};
    struct rig r;

    terrain_open(&r, &t);
    memset(r.net->params, 0, DIM * sizeof(float));
    ck_assert_int_eq(iterate(&r), LBFGS_IMPROVED);
    ck_assert(r.optimizer.lbfgs.loss < -0.1);
    rig_close(&r);
}
END_TEST

/* Where no point is good an iteration still goes down, says where it is, and comes to an end. */
START_TEST(rough_ground)
{
    for (int i = 0; i < 40; i++) {
        enum landscape kind = i % 2 == 0 ? KINK : STEEP;
        struct terrain t = {.kind = kind}, other = t;
        struct rig r;
        double loss = (double)INFINITY, f = 0;
        float g[DIM];
        size_t n = 0;

        terrain_open(&r, &t);
        for (size_t j = 0; j < DIM; j++) {
            r.net->params[j] += 0.1F * (float)i;
        }
        for (; iterate(&r) == LBFGS_IMPROVED; n++) {
            ck_assert_int_eq(height(&other, r.net, g, &f), MLP_OK);
            ck_assert(r.optimizer.lbfgs.loss == f);
            ck_assert(f <= loss * (1 + 1e-7));
            loss = f;
            ck_assert_uint_lt(n, 100);
        }
        ck_assert_uint_gt(n, 0);
        ck_assert(kind != STEEP || loss < (double)DIM + 1e-6);
        rig_close(&r);
    }
}
END_TEST

/* Each call a little less, less than counts, with a gradient that goes to and fro. */
static enum mlp_status next_to_nothing(void *arg, struct mlp_net *net, mlp_real *gradient,
                                       double *loss)
{
    size_t *calls = arg;

    (void)net;
    *loss = 1 - 1e-9 * (double)++*calls;
    for (size_t i = 0; i < DIM; i++) {
        gradient[i] = (float)pow(-0.7, (double)*calls);
    }
    return MLP_OK;
}

/* Five times next to nothing is the end, and a saved state counts on. */
START_TEST(stalled)
{
    struct terrain t = {.kind = ROSENBROCK};

    for (size_t saved = 0; saved < 6; saved++) {
        struct rig r;
        size_t calls = 0;

        terrain_open(&r, &t);
        r.f = (struct lbfgs_function){.arg = &calls, .evaluate = next_to_nothing};
        size_t n = run(&r, saved);
        unsigned char *state = malloc(optimizer_state_bytes(&r.optimizer));

        ck_assert_ptr_nonnull(state);
        optimizer_save(&r.optimizer, state);
        optimizer_start(&r.optimizer, DIM);
        ck_assert(optimizer_load(&r.optimizer, state));
        n += run(&r, 40);
        ck_assert_uint_eq(n, 5);
        free(state);
        rig_close(&r);
    }
}
END_TEST

static enum mlp_status plane(void *arg, struct mlp_net *net, mlp_real *gradient, double *loss)
{
    (void)arg;
    *loss = 0;
    for (size_t i = 0; i < DIM; i++) {
        *loss -= (double)net->params[i];
        gradient[i] = -1;
    }
    return MLP_OK;
}

/* A step without curvature is not remembered; nor is the one whose place it took. */
START_TEST(no_curvature)
{
    struct terrain t = {.kind = STRETCHED};
    struct rig r;

    terrain_open(&r, &t);
    ck_assert_uint_eq(run(&r, 15), 15);
    ck_assert_uint_eq(r.optimizer.lbfgs.count, LBFGS_HISTORY);
    r.optimizer.lbfgs.known = false;
    r.f = (struct lbfgs_function){.evaluate = plane};
    ck_assert_int_eq(iterate(&r), LBFGS_IMPROVED);
    ck_assert_uint_eq(r.optimizer.lbfgs.count, LBFGS_HISTORY - 1);
    rig_close(&r);
}
END_TEST

/* A history of another function does no lasting harm. */
START_TEST(a_strange_history)
{
    for (int from = 0; from < N_SMOOTH; from++) {
        for (int to = 0; to < N_SMOOTH; to++) {
            struct terrain t = {.kind = (enum landscape)from};
            struct rig r;

            terrain_open(&r, &t);
            (void)run(&r, 6);
            t.kind = (enum landscape)to;
            r.optimizer.lbfgs.known = false;
            for (size_t i = 0; i < DIM; i++) {
                r.net->params[i] = i % 2 == 0 ? 2.5F : 0.2F;
            }
            ck_assert_uint_lt(run(&r, 200), 200);
            ck_assert(r.optimizer.lbfgs.loss < 1e-8);
            rig_close(&r);
        }
    }
}
END_TEST

/* A function that cannot be asked: back to where it stood, and no harm done. */
START_TEST(a_refusal)
{
    for (size_t refuse = 1; refuse < 15; refuse++) {
        struct terrain t = {.kind = ROSENBROCK, .refuse = refuse};
        struct rig r;
        float before[DIM];
        enum lbfgs_outcome outcome = LBFGS_IMPROVED;

        terrain_open(&r, &t);
        while (outcome == LBFGS_IMPROVED) {
            memcpy(before, r.net->params, sizeof(before));
            outcome = iterate(&r);
        }
        ck_assert_int_eq(outcome, LBFGS_STOPPED);
        ck_assert_int_eq(r.optimizer.lbfgs.status, MLP_E_BACKEND);
        ck_assert_mem_eq(before, r.net->params, sizeof(before));
        ck_assert_uint_lt(run(&r, 200), 200);
        ck_assert(r.optimizer.lbfgs.loss < 1e-8);
        rig_close(&r);
    }
}
END_TEST

START_TEST(nothing_finite)
{
    struct terrain t = {.kind = BARRIER};
    struct rig r;

    terrain_open(&r, &t);
    r.net->params[3] = -1; /* infinite here */
    ck_assert_int_eq(iterate(&r), LBFGS_FAILED);
    ck_assert(!isfinite(r.optimizer.lbfgs.loss));
    r.net->params[3] = -9; /* NaN */
    r.optimizer.lbfgs.known = false;
    ck_assert_int_eq(iterate(&r), LBFGS_FAILED);
    rig_close(&r);

    struct terrain cliff = {.kind = ROSENBROCK, .cliff = true}; /* nor anywhere on the way */
    float before[DIM];

    terrain_open(&r, &cliff);
    memcpy(before, r.net->params, sizeof(before));
    ck_assert_int_eq(iterate(&r), LBFGS_FAILED);
    ck_assert_mem_eq(before, r.net->params, sizeof(before));
    rig_close(&r);
}
END_TEST

/* ---- state, penalties, frozen layers ------------------------------------------------------- */

static void small_open(struct rig *r, float **x, float **y)
{
    static const struct mlp_layer_spec hidden[] = {{.units = 7, .activation = MLP_TANH},
                                                   {.units = 5, .activation = MLP_SIGMOID}};
    static const struct mlp_layer_train layers[] = {{.l2 = 0.01}, {.frozen = true}, {.l2 = 0.1}};
    uint64_t seed = 9;

    *r = (struct rig){
        .spec = help_spec(4, 2, hidden, 2, MLP_MSE),
        .train = {.layers = layers, .l2 = 5 /* the layers' own stand in its place */},
    };
    *x = help_floats(&seed, 40 * 4, 1);
    *y = help_floats(&seed, 40 * 2, 1);
    r->data = (struct mlp_data){.rows = 40, .x = *x, .targets = *y};
    rig_open(r, 3);
}

START_TEST(saved_and_loaded)
{
    float *x = NULL, *y = NULL, *x2 = NULL, *y2 = NULL;
    struct rig whole, first;

    small_open(&whole, &x, &y);
    for (size_t stop = 0; stop < 25; stop += 4) {
        small_open(&first, &x2, &y2);
        size_t bytes = optimizer_state_bytes(&first.optimizer);
        void *state = malloc(bytes);

        ck_assert_ptr_nonnull(state);
        memcpy(whole.net->params, first.net->params, first.net->n_params * sizeof(float));
        optimizer_start(&whole.optimizer, whole.net->n_params);
        ck_assert_uint_eq(run(&whole, 30), 30);
        ck_assert_uint_eq(run(&first, stop), stop);
        optimizer_save(&first.optimizer, state);
        optimizer_start(&first.optimizer, first.net->n_params); /* all forgotten */
        ck_assert(optimizer_load(&first.optimizer, state));
        ck_assert_uint_eq(run(&first, 30 - stop), 30 - stop);
        ck_assert_mem_eq(first.net->params, whole.net->params, first.net->n_params * sizeof(float));
        free(state);
        rig_close(&first);
        free(x2);
        free(y2);
    }
    rig_close(&whole);
    free(x);
    free(y);
}
END_TEST

/* To the very end: as many iterations, the same bits. */
START_TEST(saved_to_the_end)
{
    for (int kind = 0; kind < STEEP + 1; kind++) {
        struct terrain t = {.kind = (enum landscape)kind}, again = t;
        struct rig whole, parts;
        size_t n = 0;

        terrain_open(&whole, &t);
        terrain_open(&parts, &again);
        size_t all = run(&whole, 200);
        unsigned char *state = malloc(optimizer_state_bytes(&parts.optimizer));

        ck_assert_ptr_nonnull(state);
        for (; iterate(&parts) == LBFGS_IMPROVED; n++) {
            optimizer_save(&parts.optimizer, state);
            optimizer_start(&parts.optimizer, DIM);
            ck_assert(optimizer_load(&parts.optimizer, state));
        }
        ck_assert_uint_eq(n, all);
        ck_assert_mem_eq(whole.net->params, parts.net->params, DIM * sizeof(float));
        free(state);
        rig_close(&whole);
        rig_close(&parts);
    }
}
END_TEST

/* Counts that no optimizer could have written. */
START_TEST(damaged_states)
{
    struct terrain t = {.kind = ROSENBROCK};
    struct rig r;

    terrain_open(&r, &t);
    (void)run(&r, 12);
    size_t bytes = lbfgs_state_bytes(&r.optimizer.lbfgs);
    unsigned char *state = malloc(bytes);
    const uint64_t bad[3] = {DIM + 1, LBFGS_HISTORY + 1, LBFGS_HISTORY};

    ck_assert_ptr_nonnull(state);
    for (size_t i = 0; i < 3; i++) { /* parameters, pairs, where the next goes */
        lbfgs_save(&r.optimizer.lbfgs, state);
        ck_assert(lbfgs_load(&r.optimizer.lbfgs, state));
        memcpy(state + 8 * i, &bad[i], sizeof(bad[i]));
        ck_assert(!lbfgs_load(&r.optimizer.lbfgs, state));
    }
    free(state);
    rig_close(&r);
}
END_TEST

START_TEST(penalties_and_frozen_layers)
{
    float *x = NULL, *y = NULL;
    struct rig r;

    small_open(&r, &x, &y);
    const struct layer *l = r.net->layers;
    float before[200];
    double squares[3] = {0}, first = 0;

    ck_assert_uint_le(r.net->n_params, 200);
    memcpy(before, r.net->params, r.net->n_params * sizeof(float));
    ck_assert_uint_eq(run(&r, 1), 1);
    first = r.optimizer.lbfgs.loss;
    ck_assert_uint_gt(run(&r, 40), 5);
    for (size_t k = 0; k < 3; k++) {
        const float *w = r.net->params + l[k].weights, *b = r.net->params + l[k].bias;
        bool same = memcmp(w, before + l[k].weights, l[k].n_in * l[k].n_z * sizeof(float)) == 0 &&
                    memcmp(b, before + l[k].bias, l[k].n_z * sizeof(float)) == 0;

        ck_assert_int_eq(same, k == 1);
        for (size_t i = 0; i < l[k].n_in * l[k].n_z; i++) {
            squares[k] += (double)w[i] * (double)w[i];
        }
    }
    double penalty = 0.005 * squares[0] + 0.05 * squares[2];

    ck_assert(r.optimizer.lbfgs.loss < first);
    ck_assert(penalty > 0.001);
    ck_assert_double_eq_tol(r.optimizer.lbfgs.loss - r.optimizer.lbfgs.data_loss, penalty, 1e-9);
    rig_close(&r);
    free(x);
    free(y);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_lbfgs");
    TCase *c = tcase_create("lbfgs");

    tcase_add_loop_test(c, landscapes, 0, N_SMOOTH);
    tcase_add_test(c, a_shelf);
    tcase_add_test(c, rough_ground);
    tcase_add_test(c, stalled);
    tcase_add_test(c, no_curvature);
    tcase_add_test(c, a_strange_history);
    tcase_add_test(c, a_refusal);
    tcase_add_test(c, nothing_finite);
    tcase_add_test(c, saved_and_loaded);
    tcase_add_test(c, saved_to_the_end);
    tcase_add_test(c, damaged_states);
    tcase_add_test(c, penalties_and_frozen_layers);
    suite_add_tcase(s, c);
    return help_run(s);
}

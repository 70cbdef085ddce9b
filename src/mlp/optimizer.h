/* From a gradient to a step: struct mlp_train_spec's "one step", all of it.
 *
 * A step is, in this order: clip_value; clip_norm; the penalties' gradients added; weight decay;
 * the update; max_norm. Frozen layers take part in none of it, nor in the gradient's length.
 *
 *     sgd       m = momentum m + g;  w -= rate m  (nesterov: rate (g + momentum m))
 *     adam(w)   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
 *               w -= rate m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps);  amsgrad: the largest v so far
 *     nadam     mu_t = b1 (1 - .96^(t psi)/2), M_t = mu_1 .. mu_t;
 *               w -= rate ((1-mu_t)/(1-M_t) g + mu_{t+1}/(1-M_{t+1}) m) / (as adam)
 *     radam     r_t = r - 2 t b2^t/(1-b2^t), r = 2/(1-b2) - 1;  w -= rate m/(1-b1^t) c, where c is
 *               1 while r_t <= 5, then
 *               sqrt((r_t-4)(r_t-2) r / ((r-4)(r-2) r_t)) sqrt(1-b2^t)/(sqrt(v)+eps)
 *     lion      w -= rate sign(b1 m + (1-b1) g);  m = b2 m + (1-b2) g
 *     rmsprop   v = rho v + (1-rho) g^2;  m = momentum m + g/(sqrt(v)+eps);  w -= rate m
 *     adagrad   v += g^2;  w -= rate g/(sqrt(v)+eps)
 *     adadelta  v = rho v + (1-rho) g^2;  d = sqrt(m+eps)/sqrt(v+eps) g;  m = rho m + (1-rho) d^2;
 *               w -= rate d
 *     rprop     v: a step of each parameter's own, `rate` at first; times 1.2 where g keeps its
 *               sign, times .5 where it turns (and then w stays), within 1e-6 to 50;
 *               w -= sign(g) v
 *
 * t counts steps; what depends on t is computed in double. Threads: begin, clip and end belong to
 * one; ranges that do not overlap may go to several, in pieces of any size and in any order, and
 * come to the same bits.
 */
#ifndef MLP_OPTIMIZER_H
#define MLP_OPTIMIZER_H

#include "mlp/lbfgs.h"
#include "mlp/net.h"

struct optimizer {
    const struct mlp_train_spec *spec;
    size_t n_params;
    mlp_real *m, *v, *u; /* [n_params] each, or NULL where the kind needs none */
    uint64_t steps;      /* t, of the last begin */
    double power1, power2; /* beta1^t, beta2^t */
    double product;      /* nadam's M_t */
    struct lbfgs lbfgs;  /* of that kind alone, which takes its steps by lbfgs_iterate */

    /* Of the step at hand, for a rate of 1; from begin and clip. */
    struct kernel_step now;
    double rate, unit, unit_g;
    bool uniform; /* all parameters are treated alike */
};

/* Whether numbers are in range, and the optimizer can do what is asked of it; n_layers is
 * n_hidden + 1. The schedule included; what belongs to no optimizer (batches, averages,
 * stopping) not. */
bool optimizer_spec_makes_sense(const struct mlp_train_spec *spec, size_t n_layers);

/* What applies to a segment's parameters. */
struct optimizer_rule {
    double rate; /* times the step's */
    double l1, l2, weight_decay;
    bool frozen;
};
struct optimizer_rule optimizer_rule(const struct mlp_train_spec *spec, const struct segment *s);

void optimizer_layout(struct optimizer *o, const struct mlp_train_spec *spec, size_t n_params,
                      struct arena *arena);
/* Moments zero, t = 0. */
void optimizer_start(struct optimizer *o, size_t n_params);

/* One step of the net's parameters along -gradient, which is clipped in place. Not for lbfgs. */
void optimizer_step(struct optimizer *o, struct mlp_net *net, mlp_real *gradient, double rate);

/* The same in pieces: begin; clip (needs the whole gradient; nothing to do where
 * optimizer_needs_clip is false); range, until all parameters were covered once; end. */
void optimizer_begin(struct optimizer *o, double rate);
bool optimizer_needs_clip(const struct optimizer *o);
void optimizer_clip(struct optimizer *o, const struct mlp_net *net, mlp_real *gradient);
void optimizer_range(const struct optimizer *o, struct mlp_net *net, const mlp_real *gradient,
                     size_t offset, size_t length);
/* The same with the gradient of the range alone. */
void optimizer_piece(const struct optimizer *o, struct mlp_net *net, const mlp_real *gradient,
                     size_t offset, size_t length);
void optimizer_end(const struct optimizer *o, struct mlp_net *net);

/* Add |dL/dW_k|^2 of every layer's weights to squares [n_layers]. */
void optimizer_layer_norms(const struct mlp_net *net, const mlp_real *gradient, double *squares);

/* Moments and counters, for another optimizer of the same spec and parameters to go on with the
 * same bits. Load says no to the state of another kind of optimizer, and then changes nothing. */
size_t optimizer_state_bytes(const struct optimizer *o);
void optimizer_save(const struct optimizer *o, void *out);
bool optimizer_load(struct optimizer *o, const void *in);

#endif

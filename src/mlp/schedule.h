/* The learning rate's course: a factor of learning_rate for each step, in double.
 *
 * A training of E epochs has n steps in each. Step i = 0, 1, .. is at e = i / n, in epochs since
 * the training began. With a warm-up of W epochs
 *
 *     e < W:   min(1, (i + 1) / (n W)) f(0)     from 1 / (steps of the warm-up) up to f(0)
 *     else:    f(t), t = e - W, T = E - W
 *
 * where f is by type
 *
 *     constant      1
 *     step          factor ^ floor(k / every)             k = max(0, floor(e) - W): the rate
 *     multistep     factor ^ (number of milestones <= k)  changes where an epoch begins
 *     exponential   factor ^ t
 *     inverse_time  1 / (1 + factor t)
 *     polynomial    final + (1 - final) (1 - t/T) ^ power
 *     cosine        final + (1 - final) (1 + cos(pi c)) / 2, c = p / (L - 1/n): p epochs into a
 *                   cycle of L epochs, so that a cycle's first step has 1 and its last one `final`.
 *                   One cycle has L = T; else cycle j = 0, 1, .. has
 *                   L = cycle_epochs cycle_growth ^ j
 *     one_cycle     from a = 1/start_divisor over 1 to z = a/final_divisor, each by half a cosine:
 *                   up while t <= U = peak T - 1/n, 1 at U, then down, z at the last step, T - 1/n
 *     plateau       1 at first; times factor, but not under final, whenever `patience` epochs went
 *                   by without a gain of more than min_delta; then `cooldown` epochs do not count,
 *                   nor do those of the warm-up
 *
 * A training that has no room for a cycle (one step) stays at the cycle's first value. Pure
 * functions; a state is its owner's, has no pointers and may be saved as its bytes.
 */
#ifndef MLP_SCHEDULE_H
#define MLP_SCHEDULE_H

#include "mlp/mlp.h"

/* What reduce_on_plateau has seen. 8-byte fields throughout. */
struct schedule_state {
    double factor;
    double best;     /* meaningful once epochs > 0; NaN: none was finite */
    uint64_t epochs; /* told of so far */
    uint64_t waited; /* without gain */
    uint64_t rest;   /* of the cooldown */
};

/* Numbers in range, milestones rising, warm-up within the `epochs`. */
bool schedule_makes_sense(const struct mlp_schedule *s, double epochs);

/* f at e; for plateau the warm-up alone. 0 <= e; beyond `epochs` it stays at the last value. */
double schedule_factor(const struct mlp_schedule *s, double epochs, double e,
                       double steps_per_epoch);

void schedule_start(struct schedule_state *state);
/* After each evaluated epoch, its monitored value; one that is not finite is no gain. */
void schedule_epoch(struct schedule_state *state, const struct mlp_schedule *s, double value,
                    bool maximize);
/* schedule_factor with the plateau's part: what a step's learning_rate is multiplied by. */
double schedule_rate(const struct mlp_schedule *s, const struct schedule_state *state,
                     double epochs, double e, double steps_per_epoch);

#endif

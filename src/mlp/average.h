/* Averages of the weights over a training: what is shown to validation, kept as the best and
 * published, while the training itself goes on with the raw ones.
 *
 *   ema   after each step mean = decay mean + (1 - decay) w; the first step sets it to w
 *   swa   after each epoch beyond average_start mean += (w - mean) / count (Izmailov et al. 2018)
 *
 * The state behind the parameters (running statistics) is averaged along with them by ema; under
 * swa the trainer measures it anew for the mean.
 */
#ifndef MLP_AVERAGE_H
#define MLP_AVERAGE_H

#include "mlp/net.h"

struct average {
    const struct mlp_train_spec *spec;
    mlp_real *mean; /* [n_values], or NULL: no averaging */
    mlp_real *raw;  /* [n_values], set aside while the mean is shown */
    uint64_t count; /* of what is averaged */
    bool shown;
};

void average_layout(struct average *a, const struct mlp_train_spec *spec, size_t n_values,
                    struct arena *arena);

void average_step(struct average *a, const struct mlp_net *net);
void average_epoch(struct average *a, const struct mlp_net *net, size_t epoch);

/* Put the mean into the net, and the raw weights back. Nothing happens while there is no mean.
 * average_show says whether the net now has one. */
bool average_show(struct average *a, struct mlp_net *net);
void average_hide(struct average *a, struct mlp_net *net);

#endif

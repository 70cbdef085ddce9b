/* Which settings an optimizer can work with: ranges, and what excludes what.
 *
 * Numbers must survive the way to mlp_real: an epsilon that is 0 there would divide 0 by 0. A
 * setting that an optimizer has no use for is passed over. Pure function, any thread.
 */
#include <float.h>
#include <math.h>

#include "mlp/optimizer.h"
#include "mlp/schedule.h"

static bool fraction(double x)
{
    return x >= 0 && x < 1;
}

/* 0 means off */
static bool at_least_0(double x)
{
    return x >= 0 && x <= (double)FLT_MAX;
}

static bool positive(double x)
{
    return x >= (double)FLT_MIN && x <= (double)FLT_MAX;
}

/* The optimizer's own numbers. */
static bool parameters_make_sense(const struct mlp_train_spec *s)
{
    switch (s->optimizer) {
    case MLP_SGD:
        return fraction(s->momentum);
    case MLP_ADAM:
    case MLP_ADAMW:
    case MLP_RADAM:
        return fraction(s->beta1) && fraction(s->beta2) && positive(s->epsilon);
    case MLP_NADAM:
        return fraction(s->beta1) && fraction(s->beta2) && positive(s->epsilon) &&
               at_least_0(s->momentum_decay);
    case MLP_LION:
        return fraction(s->beta1) && fraction(s->beta2);
    case MLP_RMSPROP:
        return fraction(s->rho) && fraction(s->momentum) && positive(s->epsilon);
    case MLP_ADAGRAD:
        return positive(s->epsilon);
    case MLP_ADADELTA:
        return fraction(s->rho) && positive(s->epsilon);
    case MLP_RPROP:
    case MLP_LBFGS:
        return true;
    }
    return false;
}

static bool layers_make_sense(const struct mlp_train_spec *s, size_t n_layers)
{
    for (size_t k = 0; s->layers != NULL && k < n_layers; k++) {
        const struct mlp_layer_train *own = &s->layers[k];

        if (!at_least_0(own->l1) || !at_least_0(own->l2) || !at_least_0(own->rate)) {
            return false;
        }
    }
    return true;
}

/* Steps of its own making leave no room for a rate that follows a schedule. */
static bool steps_by_itself(const struct mlp_train_spec *s)
{
    return s->optimizer == MLP_RPROP || s->optimizer == MLP_LBFGS;
}

/* A line search needs the one smooth function that its gradient belongs to, and the step that it
 * chose. */
static bool lbfgs_can(const struct mlp_train_spec *s, size_t n_layers)
{
    for (size_t k = 0; s->layers != NULL && k < n_layers; k++) {
        const struct mlp_layer_train *own = &s->layers[k];

        if (own->l1 > 0 || (own->rate > 0 && own->rate != 1)) {
            return false;
        }
    }
    return s->l1 == 0 && s->weight_decay == 0 && s->clip_value == 0 && s->clip_norm == 0 &&
           s->max_norm == 0 && (s->bias_rate == 0 || s->bias_rate == 1) &&
           (s->input_scale_rate == 0 || s->input_scale_rate == 1);
}

bool optimizer_spec_makes_sense(const struct mlp_train_spec *s, size_t n_layers)
{
    if (!parameters_make_sense(s) || !layers_make_sense(s, n_layers) ||
        (s->schedule_epochs > 0 && s->schedule_epochs < s->epochs) ||
        !schedule_makes_sense(&s->schedule, (double)(s->schedule_epochs > 0 ? s->schedule_epochs
                                                                            : s->epochs))) {
        return false;
    }
    /* lbfgs has no use for a learning rate */
    if (s->optimizer != MLP_LBFGS &&
        !(s->learning_rate > 0 && s->learning_rate <= (double)FLT_MAX)) {
        return false;
    }
    if (!at_least_0(s->l1) || !at_least_0(s->l2) || !at_least_0(s->weight_decay) ||
        !at_least_0(s->clip_value) || !at_least_0(s->clip_norm) || !at_least_0(s->max_norm) ||
        !at_least_0(s->bias_rate) || !at_least_0(s->input_scale_rate)) {
        return false;
    }
    if (steps_by_itself(s) && (s->schedule.type != MLP_CONSTANT || s->schedule.warmup_epochs > 0)) {
        return false;
    }
    return s->optimizer != MLP_LBFGS || lbfgs_can(s, n_layers);
}

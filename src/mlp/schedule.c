/* Learning rate schedules in closed form; the formulas are in schedule.h.
 *
 * Nothing is carried from step to step but plateau's state, so a training that goes on from
 * a checkpoint comes to the same rates. Times are in epochs, in double: step / steps_per_epoch is
 * exact where an epoch begins, and cycles that begin within a millionth of a step count as begun.
 * Pure functions, any thread.
 */
#include "mlp/schedule.h"

#include <math.h>

#define PI 3.14159265358979323846

static bool within(double x, double low, double high)
{
    return x >= low && x <= high; /* no for NaN */
}

static bool positive(double x)
{
    return x > 0 && isfinite(x);
}

static bool milestones_rise(const struct mlp_schedule *s)
{
    for (size_t i = 0; i < s->n_milestones; i++) {
        if (!positive(s->milestones[i]) || (i > 0 && s->milestones[i] <= s->milestones[i - 1])) {
            return false;
        }
    }
    return s->n_milestones > 0;
}

static bool cycles_make_sense(const struct mlp_schedule *s)
{
    return s->cycle_epochs == 0 ||
           (positive(s->cycle_epochs) && s->cycle_growth >= 1 && isfinite(s->cycle_growth));
}

bool schedule_makes_sense(const struct mlp_schedule *s, double epochs)
{
    if (!within(s->warmup_epochs, 0, epochs)) {
        return false;
    }
    switch (s->type) {
    case MLP_CONSTANT:
        return true;
    case MLP_STEP:
        return positive(s->factor) && positive(s->every);
    case MLP_MULTISTEP:
        return positive(s->factor) && milestones_rise(s);
    case MLP_EXPONENTIAL:
        return positive(s->factor);
    case MLP_INVERSE_TIME:
        return s->factor >= 0 && isfinite(s->factor);
    case MLP_POLYNOMIAL:
        return positive(s->power) && within(s->final, 0, 1);
    case MLP_COSINE:
        return within(s->final, 0, 1) && cycles_make_sense(s);
    case MLP_ONE_CYCLE:
        return s->peak > 0 && s->peak < 1 && within(s->start_divisor, 1, HUGE_VAL) &&
               within(s->final_divisor, 1, HUGE_VAL);
    case MLP_PLATEAU:
        return s->factor > 0 && s->factor < 1 && s->patience > 0 && within(s->final, 0, 1) &&
               s->min_delta >= 0 && isfinite(s->min_delta);
    }
    return false;
}

/* Half a cosine from a to b, `share` of the way done. */
static double ease(double a, double b, double share)
{
    double c = share < 1 ? share : 1;

    return b + (a - b) * (1 + cos(PI * (c > 0 ? c : 0))) / 2;
}

/* How far into a cycle t is, and that cycle's length. */
static double cycle_place(const struct mlp_schedule *s, double t, double step, double *length)
{
    double first = s->cycle_epochs, growth = s->cycle_growth, begin = 0;
    double slack = t + 1e-6 * step;

    if (growth - 1 < 1e-6) { /* none, for all that anyone could see */
        begin = first * floor(slack / first);
        *length = first;
        return t - begin;
    }
    /* cycle j begins at first (growth^j - 1) / (growth - 1) */
    double j = floor(log1p(slack * (growth - 1) / first) / log(growth));

    j = j > 0 ? j - 1 : 0; /* the logarithms may have rounded up */
    begin = first * (pow(growth, j) - 1) / (growth - 1);
    *length = first * pow(growth, j);
    while (begin + *length <= slack) {
        begin += *length;
        *length *= growth;
    }
    return t - begin;
}

static double cosine(const struct mlp_schedule *s, double t, double span, double step)
{
    double length = span, place = t;

    if (s->cycle_epochs > 0) {
        place = cycle_place(s, t, step, &length);
    }
    /* a cycle of a single step has no way to go */
    return ease(1, s->final, length - step > step / 2 ? place / (length - step) : 0);
}

static double one_cycle(const struct mlp_schedule *s, double t, double span, double step)
{
    double low = 1 / s->start_divisor, end = low / s->final_divisor;
    double top = s->peak * span - step, last = span - step;

    if (last < step / 2) { /* a single step */
        return low;
    }
    if (t <= top) {
        return ease(low, 1, top > 0 ? t / top : 1);
    }
    return ease(1, end, (t - top) / (last - top));
}

/* f(t); `edge` is the same in whole epochs. */
static double value_at(const struct mlp_schedule *s, double t, double edge, double span,
                       double step)
{
    switch (s->type) {
    case MLP_STEP:
        return pow(s->factor, floor(edge / s->every));
    case MLP_MULTISTEP: {
        size_t passed = 0;

        while (passed < s->n_milestones && s->milestones[passed] <= edge) {
            passed++;
        }
        return pow(s->factor, (double)passed);
    }
    case MLP_EXPONENTIAL:
        return pow(s->factor, t);
    case MLP_INVERSE_TIME:
        return 1 / (1 + s->factor * t);
    case MLP_POLYNOMIAL: {
        double left = t < span ? 1 - t / span : 0;

        return s->final + (1 - s->final) * pow(left, s->power);
    }
    case MLP_COSINE:
        return cosine(s, t, span, step);
    case MLP_ONE_CYCLE:
        return one_cycle(s, t, span, step);
    case MLP_CONSTANT:
    case MLP_PLATEAU:
        break;
    }
    return 1;
}

double schedule_factor(const struct mlp_schedule *s, double epochs, double e,
                       double steps_per_epoch)
{
    double warm = s->warmup_epochs, span = epochs - warm, step = 1 / steps_per_epoch;

    if (e < warm) {
        double share = (e * steps_per_epoch + 1) / (warm * steps_per_epoch);

        return (share < 1 ? share : 1) * value_at(s, 0, 0, span, step);
    }
    double edge = floor(e) - warm;

    return value_at(s, e - warm, edge > 0 ? edge : 0, span, step);
}

void schedule_start(struct schedule_state *state)
{
    *state = (struct schedule_state){.factor = 1, .best = NAN};
}

void schedule_epoch(struct schedule_state *state, const struct mlp_schedule *s, double value,
                    bool maximize)
{
    if (s->type != MLP_PLATEAU) {
        return;
    }
    double gain = maximize ? value - state->best : state->best - value;

    state->epochs++;
    if (isfinite(value) && (isnan(state->best) || gain > s->min_delta)) {
        state->best = value;
        state->waited = 0;
    } else {
        state->waited++;
    }
    if ((double)state->epochs <= s->warmup_epochs) {
        state->waited = 0;
    }
    if (state->rest > 0) {
        state->rest--;
        state->waited = 0;
    }
    if (state->waited >= s->patience) {
        double lower = state->factor * s->factor;

        state->factor = lower > s->final ? lower : s->final;
        state->rest = s->cooldown;
        state->waited = 0;
    }
}

double schedule_rate(const struct mlp_schedule *s, const struct schedule_state *state,
                     double epochs, double e, double steps_per_epoch)
{
    double factor = schedule_factor(s, epochs, e, steps_per_epoch);

    return s->type == MLP_PLATEAU ? factor * state->factor : factor;
}

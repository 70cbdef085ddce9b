/* Thinning a learning curve; see curve.h. */
#include "http/curve.h"

#include <math.h>

static double loss_of(const struct store_point *p, bool validation)
{
    return validation ? p->validation_loss : p->training_loss;
}

/* The point of [from, to) whose loss is the lowest (sign 1) or highest (-1); to when none has a
 * finite one. */
static size_t extreme(const struct store_point *points, size_t from, size_t to, bool validation,
                      double sign)
{
    size_t best = to, i;

    for (i = from; i < to; i++) {
        double loss = loss_of(&points[i], validation);

        if (isfinite(loss) &&
            (best == to || sign * loss < sign * loss_of(&points[best], validation))) {
            best = i;
        }
    }
    return best;
}

static void mark(bool *keep, size_t i, size_t *left)
{
    if (!keep[i] && *left > 0) {
        keep[i] = true;
        (*left)--;
    }
}

void curve_thin(const struct store_point *points, size_t n, size_t most, int64_t best_epoch,
                bool *keep)
{
    size_t left = most, stretches, s, i;

    if (n <= most) {
        for (i = 0; i < n; i++) {
            keep[i] = true;
        }
        return;
    }
    for (i = 0; i < n; i++) {
        keep[i] = false;
    }
    mark(keep, 0, &left);
    mark(keep, n - 1, &left);
    for (i = 0; i < n; i++) {
        if (points[i].epoch == best_epoch) {
            mark(keep, i, &left);
        }
    }
    stretches = left / 4 > 0 ? left / 4 : 1;
    for (s = 0; s < stretches; s++) {
        size_t from = 1 + (n - 2) * s / stretches, to = 1 + (n - 2) * (s + 1) / stretches;
        /* in order of worth, for when there is no room for all four */
        const size_t chosen[] = {
            extreme(points, from, to, true, 1), extreme(points, from, to, false, 1),
            extreme(points, from, to, true, -1), extreme(points, from, to, false, -1)};

        for (i = 0; i < ARRAY_LEN(chosen); i++) {
            if (chosen[i] != to) {
                mark(keep, chosen[i], &left);
            }
        }
    }
}

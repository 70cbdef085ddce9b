/* Limited-memory BFGS with a strong Wolfe line search, see lbfgs.h. Nocedal and Wright's Numerical
 * Optimization has the parts: algorithms 7.4 (direction), 3.5 and 3.6 (search).
 *
 * What always holds between iterations: with `known`, g and loss belong to the net's
 * parameters to the bit, because evaluate is a function; so nothing of that kind is saved.
 * No allocation, one thread.
 */
#include "mlp/lbfgs.h"

#include <math.h>
#include <string.h>

#include "mlp/optimizer.h"

#define LESS          1e-4 /* the Wolfe conditions' constants */
#define FLAT          0.9
#define NOISE         1e-7 /* of a loss in single precision, as a share of it */
#define SMALL_SLOPE   1e-7 /* a gradient whose every element is this small is 0 */
#define SMALL_GAIN    1e-8 /* a share of the loss that is next to nothing; */
#define STALLED       5    /* so many times in a row is the end */
#define SEARCH_POINTS 15

void lbfgs_layout(struct lbfgs *l, const struct mlp_train_spec *spec, size_t n_params,
                  struct arena *arena)
{
    *l = (struct lbfgs){.spec = spec, .n_params = n_params};
    l->x = arena_take(arena, n_params, sizeof(mlp_real));
    l->g = arena_take(arena, n_params, sizeof(mlp_real));
    l->trial = arena_take(arena, n_params, sizeof(mlp_real));
    l->d = arena_take(arena, n_params, sizeof(mlp_real));
    for (size_t i = 0; i < LBFGS_HISTORY; i++) {
        l->s[i] = arena_take(arena, n_params, sizeof(mlp_real));
        l->y[i] = arena_take(arena, n_params, sizeof(mlp_real));
    }
}

void lbfgs_start(struct lbfgs *l)
{
    l->count = l->next = l->stalled = 0;
    l->known = false;
    l->loss = l->data_loss = NAN;
    for (size_t i = 0; i < LBFGS_HISTORY; i++) { /* a saved state has no chance bytes */
        memset(l->s[i], 0, l->n_params * sizeof(mlp_real));
        memset(l->y[i], 0, l->n_params * sizeof(mlp_real));
        l->rho[i] = 0;
    }
}

/* ---- state ----------------------------------------------------------------------- */

struct head {
    uint64_t n_params, count, next, stalled;
    double rho[LBFGS_HISTORY];
};

size_t lbfgs_state_bytes(const struct lbfgs *l)
{
    return sizeof(struct head) + 2 * LBFGS_HISTORY * l->n_params * sizeof(mlp_real);
}

void lbfgs_save(const struct lbfgs *l, void *out)
{
    size_t bytes = l->n_params * sizeof(mlp_real);
    unsigned char *at = (unsigned char *)out + sizeof(struct head);
    struct head head = {
        .n_params = l->n_params, .count = l->count, .next = l->next, .stalled = l->stalled};

    memcpy(head.rho, l->rho, sizeof(head.rho));
    memcpy(out, &head, sizeof(head));
    for (size_t i = 0; i < LBFGS_HISTORY; i++, at += 2 * bytes) {
        memcpy(at, l->s[i], bytes);
        memcpy(at + bytes, l->y[i], bytes);
    }
}

bool lbfgs_load(struct lbfgs *l, const void *in)
{
    size_t bytes = l->n_params * sizeof(mlp_real);
    const unsigned char *at = (const unsigned char *)in + sizeof(struct head);
    struct head head;

    memcpy(&head, in, sizeof(head));
    if (head.n_params != l->n_params || head.count > LBFGS_HISTORY ||
        head.next >= LBFGS_HISTORY) {
        return false;
    }
    l->count = head.count;
    l->next = head.next;
    l->stalled = head.stalled;
    l->known = false;
    memcpy(l->rho, head.rho, sizeof(head.rho));
    for (size_t i = 0; i < LBFGS_HISTORY; i++, at += 2 * bytes) {
        memcpy(l->s[i], at, bytes);
        memcpy(l->y[i], at + bytes, bytes);
    }
    return true;
}

/* ---- the function ----------------------------------------------------------------- */

/* f at the net's parameters, penalties and all, to trial and trial_loss. */
static bool ask(struct lbfgs *l, struct mlp_net *net, const struct lbfgs_function *f)
{
    const struct kernel *k = net->kernel;

    l->evaluations++;
    l->status = f->evaluate(f->arg, net, l->trial, &l->trial_data_loss);
    if (l->status != MLP_OK) {
        return false;
    }
    l->trial_loss = l->trial_data_loss;
    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];
        const struct optimizer_rule rule = optimizer_rule(l->spec, s);
        const mlp_real *w = net->params + s->offset;

        if (rule.frozen) {
            memset(l->trial + s->offset, 0, s->length * sizeof(mlp_real));
        } else if (rule.l2 > 0) {
            l->trial_loss += rule.l2 / 2 * k->dot(w, w, s->length);
            k->add_scaled(l->trial + s->offset, (mlp_real)rule.l2, w, s->length);
        }
    }
    return true;
}

/* The point last asked for is where it stands now. */
static void settle(struct lbfgs *l)
{
    mlp_real *before = l->g;

    l->g = l->trial;
    l->trial = before;
    l->loss = l->trial_loss;
    l->data_loss = l->trial_data_loss;
    l->known = true;
}

/* ---- the direction ------------------------------------------------------------------ */

static void scale(mlp_real *x, size_t n, double factor)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (mlp_real)(factor * (double)x[i]);
    }
}

/* d = -H g; returns the slope g d, < 0 unless g or the history is worth nothing. */
static double aim(struct lbfgs *l, const struct kernel *k)
{
    double alpha[LBFGS_HISTORY];
    size_t n = l->n_params;

    memcpy(l->d, l->g, n * sizeof(mlp_real));
    for (size_t back = 1; back <= l->count; back++) { /* from the newest */
        size_t i = (l->next + LBFGS_HISTORY - back) % LBFGS_HISTORY;

        alpha[i] = l->rho[i] * k->dot(l->s[i], l->d, n);
        k->add_scaled(l->d, (mlp_real)-alpha[i], l->y[i], n);
    }
    double size = -1;

    if (l->count > 0) {
        size_t i = (l->next + LBFGS_HISTORY - 1) % LBFGS_HISTORY;

        size = -1 / (l->rho[i] * k->dot(l->y[i], l->y[i], n));
    }
    scale(l->d, n, size);
    for (size_t back = l->count; back >= 1; back--) {
        size_t i = (l->next + LBFGS_HISTORY - back) % LBFGS_HISTORY;
        double beta = l->rho[i] * k->dot(l->y[i], l->d, n);

        k->add_scaled(l->d, (mlp_real)(-alpha[i] - beta), l->s[i], n);
    }
    return k->dot(l->g, l->d, n);
}

/* Remember the step from x to the net's parameters and from g to trial. */
static void remember(struct lbfgs *l, const struct mlp_net *net)
{
    const struct kernel *k = net->kernel;
    size_t i = l->next, n = l->n_params;
    mlp_real *s = l->s[i], *y = l->y[i];

    for (size_t j = 0; j < n; j++) {
        s[j] = net->params[j] - l->x[j];
        y[j] = l->trial[j] - l->g[j];
    }
    double sy = k->dot(s, y, n);

    /* without curvature the pair says nothing; its place is simply used again */
    if (sy > 1e-10 * sqrt(k->dot(s, s, n) * k->dot(y, y, n))) {
        l->rho[i] = 1 / sy;
        l->next = (i + 1) % LBFGS_HISTORY;
        l->count += l->count < LBFGS_HISTORY;
    } else if (l->count == LBFGS_HISTORY) {
        l->count--; /* the oldest pair was there */
    }
}

/* ---- the line search ------------------------------------------------------------------ */

struct point {
    double step, loss, slope;
};

struct search {
    struct lbfgs *l;
    struct mlp_net *net;
    const struct lbfgs_function *f;
    struct point origin;
    struct point last; /* asked for: the net is there */
    bool stopped;      /* evaluate said so */
};

static bool look(struct search *q, double step)
{
    struct lbfgs *l = q->l;
    const struct kernel *k = q->net->kernel;

    memcpy(q->net->params, l->x, l->n_params * sizeof(mlp_real));
    k->add_scaled(q->net->params, (mlp_real)step, l->d, l->n_params);
    if (!ask(l, q->net, q->f)) {
        q->stopped = true;
        return false;
    }
    q->last = (struct point){step, l->trial_loss, k->dot(l->trial, l->d, l->n_params)};
    if (!isfinite(q->last.loss) || !isfinite(q->last.slope)) {
        q->last.loss = HUGE_VAL; /* much too far */
    }
    return true;
}

static bool low_enough(const struct search *q)
{
    const struct point *o = &q->origin, *p = &q->last;

    return p->loss <= o->loss + LESS * p->step * o->slope;
}

/* Both conditions, or what stands for them where the losses' difference is noise. */
static bool good(const struct search *q)
{
    const struct point *o = &q->origin, *p = &q->last;

    if (low_enough(q) && fabs(p->slope) <= -FLAT * o->slope) {
        return true;
    }
    return fabs(p->loss - o->loss) <= NOISE * fabs(o->loss) && p->slope >= FLAT * o->slope &&
           p->slope <= -0.8 * o->slope;
}

/* Where the cubic through both points has its minimum, kept within [from, to]. */
static double cubic(const struct point *a, const struct point *b, double from, double to)
{
    double middle = (from + to) / 2;

    if (a->loss == HUGE_VAL || b->loss == HUGE_VAL) {
        return middle;
    }
    double d1 = a->slope + b->slope - 3 * (a->loss - b->loss) / (a->step - b->step);
    double square = d1 * d1 - a->slope * b->slope;

    if (!(square >= 0)) {
        return middle;
    }
    double d2 = b->step > a->step ? sqrt(square) : -sqrt(square);
    double step = b->step - (b->step - a->step) * (b->slope + d2 - d1) /
                                (b->slope - a->slope + 2 * d2);

    if (!isfinite(step)) {
        return middle;
    }
    step = step < from ? from : step;
    return step > to ? to : step;
}

/* Between low, the best so far, and high there is a good point. */
static bool zoom(struct search *q, struct point low, struct point high)
{
    for (int i = 0; i < SEARCH_POINTS; i++) {
        double left = low.step < high.step ? low.step : high.step;
        double width = fabs(high.step - low.step);
        double edge = i % 3 == 2 ? width / 2 : width / 10; /* every third time the middle */
        double step = cubic(&low, &high, left + edge, left + width - edge);

        if (step == low.step || step == high.step) {
            break; /* as narrow as numbers get */
        }
        if (!look(q, step)) {
            return false;
        }
        if (good(q)) {
            return true;
        }
        if (!low_enough(q) || q->last.loss >= low.loss) {
            high = q->last;
        } else {
            if (q->last.slope * (high.step - low.step) >= 0) {
                high = low;
            }
            low = q->last;
        }
    }
    /* less than at the origin, if not as flat as wished */
    return low.step > 0 && look(q, low.step);
}

/* Leaves the net at a better point. */
static bool find_step(struct search *q, double step)
{
    struct point before = q->origin;

    for (int i = 0; i < SEARCH_POINTS; i++) {
        if (!look(q, step)) {
            return false;
        }
        if (good(q)) {
            return true;
        }
        if (!low_enough(q) || (i > 0 && q->last.loss >= before.loss)) {
            return zoom(q, before, q->last);
        }
        if (q->last.slope >= 0) {
            return zoom(q, q->last, before);
        }
        double next = cubic(&before, &q->last, step + (step - before.step) / 100, 10 * step);

        before = q->last;
        step = next;
    }
    return true; /* still going down: good enough for now */
}

/* ---- one iteration ---------------------------------------------------------------------- */

static bool at_rest(const struct lbfgs *l)
{
    double most = 0;

    for (size_t i = 0; i < l->n_params; i++) {
        double size = fabs((double)l->g[i]);

        most = size > most ? size : most;
    }
    return most <= SMALL_SLOPE * (l->loss > 1 ? l->loss : 1);
}

static enum lbfgs_outcome advance(struct lbfgs *l, struct mlp_net *net,
                                  const struct lbfgs_function *f)
{
    const struct kernel *k = net->kernel;
    struct search q = {.l = l, .net = net, .f = f};
    double slope = aim(l, k);

    if (!(slope < 0) || !isfinite(slope)) {
        l->count = 0;
        slope = aim(l, k);
    }
    for (;;) {
        double length = sqrt(-slope); /* |g| while there is no history */

        q.origin = (struct point){0, l->loss, slope};
        if (find_step(&q, l->count > 0 || length < 1 ? 1 : 1 / length)) {
            return LBFGS_IMPROVED;
        }
        if (q.stopped) {
            return LBFGS_STOPPED;
        }
        if (l->count == 0) {
            return q.last.loss == HUGE_VAL ? LBFGS_FAILED : LBFGS_CONVERGED;
        }
        l->count = 0; /* once more, straight down */
        slope = aim(l, k);
    }
}

enum lbfgs_outcome lbfgs_iterate(struct lbfgs *l, struct mlp_net *net,
                                 const struct lbfgs_function *f)
{
    l->evaluations = 0;
    if (!l->known) {
        if (!ask(l, net, f)) {
            return LBFGS_STOPPED;
        }
        settle(l);
    }
    if (!isfinite(l->loss)) {
        return LBFGS_FAILED;
    }
    if (at_rest(l) || l->stalled >= STALLED) {
        return LBFGS_CONVERGED;
    }
    memcpy(l->x, net->params, l->n_params * sizeof(mlp_real));

    enum lbfgs_outcome outcome = advance(l, net, f);
    double before = l->loss;

    if (outcome != LBFGS_IMPROVED) {
        memcpy(net->params, l->x, l->n_params * sizeof(mlp_real));
        return outcome;
    }
    remember(l, net);
    settle(l);
    l->stalled = before - l->loss > SMALL_GAIN * fabs(before) ? 0 : l->stalled + 1;
    return LBFGS_IMPROVED;
}

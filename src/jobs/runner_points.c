/* One epoch of a curve: a copy that owns its norms, whether it is one of those that are kept, and
 * how the store wants it.
 *
 * What is not finite has no place in the store's numbers and is absent there; its metrics leave it
 * out, and of gradient norms it becomes null. So a point that went through a checkpoint's notes,
 * where it is null too, makes the same row.
 *
 * Threads: any, each with points of its own.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "jobs/json_util.h"
#include "jobs/runner_priv.h"

#define ALL_EPOCHS 2000 /* up to here no epoch is skipped */

void runner_point_fini(struct runner_point *p)
{
    free((double *)(uintptr_t)p->gradient_norms);
    *p = (struct runner_point){.epoch = 0};
}

void runner_point_set(struct runner_point *to, const struct runner_point *from)
{
    double *norms = NULL;

    if (from->gradient_norms != NULL) {
        norms = xcalloc(from->n_norms, sizeof *norms);
        memcpy(norms, from->gradient_norms, from->n_norms * sizeof *norms);
    }
    runner_point_fini(to);
    *to = *from;
    to->gradient_norms = norms;
}

/* 1 up to ALL_EPOCHS, 2 up to twice that, 4 up to four times, ... */
static size_t stride_at(size_t epoch)
{
    size_t stride = 1;

    while (epoch / stride > ALL_EPOCHS) {
        stride *= 2;
    }
    return stride;
}

bool runner_point_is_kept(size_t epoch)
{
    return epoch == 1 || epoch % stride_at(epoch) == 0;
}

/* ---- as a row ----------------------------------------------------------------------- */

static void put_metric(struct buf *out, const char *name, double value)
{
    if (isfinite(value)) {
        buf_printf(out, "%s\"%s\":", out->len > 0 ? "," : "{", name);
        json_util_number(out, value);
    }
}

static char *norms_json(const struct runner_point *p)
{
    struct buf out = BUF_INIT;
    size_t i;

    if (p->gradient_norms == NULL) {
        return NULL;
    }
    for (i = 0; i < p->n_norms; i++) {
        buf_puts(&out, i > 0 ? "," : "[");
        json_util_number(&out, p->gradient_norms[i]);
    }
    buf_puts(&out, "]");
    return buf_take(&out);
}

static char *metrics_json(const struct runner_point *p)
{
    struct buf out = BUF_INIT;

    put_metric(&out, "accuracy", p->validation_accuracy);
    put_metric(&out, "rmse", p->validation_rmse);
    if (p->monitor != NULL && strcmp(p->monitor, "accuracy") != 0 &&
        strcmp(p->monitor, "rmse") != 0) {
        put_metric(&out, p->monitor, p->monitored);
    }
    if (out.len == 0) {
        return NULL;
    }
    buf_puts(&out, "}");
    return buf_take(&out);
}

static double finite_or_absent(double x)
{
    return isfinite(x) ? x : NAN;
}

struct store_point runner_point_row(const struct runner_point *p)
{
    return (struct store_point){
        .epoch = (int64_t)p->epoch,
        .training_loss = finite_or_absent(p->training_loss),
        .validation_loss = finite_or_absent(p->validation_loss),
        .learning_rate = p->learning_rate,
        .seconds = p->seconds,
        .elapsed_seconds = p->elapsed_seconds,
        .samples = (int64_t)p->samples,
        .metrics_json = metrics_json(p),
        .gradient_norms_json = norms_json(p),
    };
}

/* Between predictor.c, which has the tables, and servable.c, which has what is in them. */
#ifndef MLPD_JOBS_PREDICTOR_PRIV_H
#define MLPD_JOBS_PREDICTOR_PRIV_H

#include <stdatomic.h>

#include "jobs/predictor.h"

#define SERVABLE_IDLE 4 /* workspaces kept for the next caller */

/* An encoder shared by all servables that one job publishes. */
struct encoder_box {
    atomic_size_t refs;
    struct encoder *encoder;
};

struct encoder_box *encoder_box_new(struct encoder *encoder); /* takes it over */
struct encoder_box *encoder_box_ref(struct encoder_box *box);
void encoder_box_unref(struct encoder_box *box); /* NULL is fine */

struct servable {
    unsigned magic;
    atomic_size_t refs;

    /* set once */
    int64_t model_id;
    bool training;
    size_t epoch;
    struct encoder_box *box;
    struct mlp_net *net;
    size_t bytes; /* what it counts in the cache */
    size_t slice; /* rows of a workspace */

    pthread_mutex_t mtx;
    struct mlp_workspace *idle[SERVABLE_IDLE]; /* guarded by mtx */
    size_t n_idle;                             /* guarded by mtx */
};

/* A network of this shape with parameters zero, not shared yet; takes one reference on
 * `box`. NULL and err without memory. */
struct servable *servable_new(int64_t model_id, struct encoder_box *box,
                              const struct mlp_spec *spec, struct err *err);
struct servable *servable_ref(struct servable *s);
/* The store's model. ERR_CONFLICT: it has no weights; ERR_NOT_FOUND; ERR_CORRUPT. */
int servable_load(struct store *store, int64_t model_id, struct servable **out,
                  struct err *err) MUST_CHECK;

#endif

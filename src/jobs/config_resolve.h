/* Between the files that fill in a job's defaults; for config_resolve*.c only.
 *
 *   config_resolve.c           columns, metrics, and the order of it all
 *   config_resolve_rows.c      filter, split, sampling
 *   config_resolve_target.c    what the target is, loss, output
 *   config_resolve_preprocess.c  how cells become numbers
 *   config_resolve_network.c   layers
 *   config_resolve_training.c  optimizer, schedule, steps, stopping
 *
 * Each step needs the ones before and goes on after a problem where what follows still means
 * something. Resolving what config_print made gives the same spec again: that is the invariant
 * to keep when a default is added.
 */
#ifndef MLPD_JOBS_CONFIG_RESOLVE_H
#define MLPD_JOBS_CONFIG_RESOLVE_H

#include "jobs/config_priv.h"

struct resolver {
    const struct config *config; /* with a parent's optimizer filled in where it goes on */
    const struct dataset *ds, *validation, *test;
    const struct config_parent *parent; /* or NULL */
    struct job_spec *spec;
    size_t *features, n_features, *targets; /* columns of ds */
    struct dataset_column **left;           /* [columns of ds] as filtered; NULL: not looked at */
    struct dataset_column **left_of[SPLIT_PARTS]; /* likewise of validation and test */
    size_t n_classes;                       /* 0: numbers; counted to DATASET_MAX_DISTINCT + 1 */
    struct err *warnings, *err;
};

/* ---- config_resolve_rows.c ---- */
void resolve_split_way(struct resolver *r); /* with the columns */
int resolve_filter(struct resolver *r);     /* after them */
void resolve_split(struct resolver *r);     /* after the target */
void resolve_sampling(struct resolver *r);  /* the same */
void resolve_filter_end(struct resolver *r);
/* A column of ds as it is in the rows that the filter keeps, until resolve_filter_end. */
const struct dataset_column *resolver_column(const struct resolver *r, size_t column);

/* The same of any of the three datasets. */
const struct dataset_column *resolver_column_in(const struct resolver *r, const struct dataset *ds,
                                                size_t column);

static inline const struct dataset_column *resolver_target(const struct resolver *r, size_t target)
{
    return resolver_column(r, r->targets[target]);
}

/* ---- config_preset.c ---- */
void resolve_preset(struct resolver *r); /* after the columns */
/* What the job says of a key, else its preset, else `plain`. */
double preset_number(struct resolver *r, enum config_id id, double plain);
size_t preset_choice(struct resolver *r, enum config_id id, size_t plain);
/* The reason why "training.epochs", say, has its value; the last one counts. */
void preset_why(struct resolver *r, const char *path, const char *fmt, ...) PRINTF(3, 4);

/* ---- config_resolve_target.c ---- */
void resolve_target(struct resolver *r);

/* ---- config_resolve_preprocess.c ---- */
void resolve_preprocess(struct resolver *r);

/* ---- config_resolve_network.c ---- */
void resolve_network(struct resolver *r); /* after the optimizer: its l1 and l2 are defaults */

/* ---- config_resolve_training.c ---- */
void resolve_optimizer(struct resolver *r);
void resolve_training(struct resolver *r, double n_train);
void resolve_stopping(struct resolver *r);
void resolve_decision(struct resolver *r); /* after all that is above */
/* A copy of `config` whose optimizer keys, where not given, are the parent's; what is read of
 * it stays in *tree (json_decref). For a job that goes on with the parent's state. */
void resolve_inherit(struct config *config, const struct config_parent *parent, json_t **tree,
                     struct err *err);

#endif

/* The model that a job starts from, as its config sees it: encoder, shape, optimizer; and, for
 * the worker, its weights and the state its training ended with.
 *
 * One thread at a time; owns all it points to.
 */
#ifndef MLPD_JOBS_PARENT_H
#define MLPD_JOBS_PARENT_H

#include "jobs/config.h"
#include "store/store.h"

struct parent {
    struct config_parent as; /* borrows the rest */
    struct store_model model;
    struct encoder *encoder;
    struct mlp_spec spec;
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];
};

/* key: an id, or a family's name (its newest succeeded model). ERR_INVALID at /start_from: no
 * such model, or one without weights; ERR_CORRUPT and the store's. Set even on failure: free
 * with parent_fini. */
int parent_load(struct store *store, const char *key, struct parent *out,
                struct err *err) MUST_CHECK;
void parent_fini(struct parent *parent);

#endif

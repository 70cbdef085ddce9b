/* Which rows make a batch, and its rows side by side.
 *
 * An epoch goes through the training rows once, in the order of a permutation that (seed,
 * epoch) alone decides, or as they lie. Batch i of an epoch can be had at any time, so a
 * training may stop and go on between any two of them.
 *
 * Of rows with a source a window is held: the rows of as many batches of the epoch as fit. The
 * epoch is then an order of blocks of rows, so that windows are read in long pieces, and an order of the
 * rows of each window.
 */
#ifndef MLP_BATCHES_H
#define MLP_BATCHES_H

#include "mlp/net.h"
#include "mlp/rng.h"

struct batches {
    const struct mlp_train_spec *spec;
    const struct mlp_data *data; /* NULL until training begins */
    size_t n_inputs, n_outputs;
    size_t rows;                 /* of the data */
    size_t batch;                /* rows of a batch, but for the last one */
    size_t most;                 /* rows of the largest */
    size_t n;                    /* batches of an epoch */

    uint32_t *order;             /* [rows], or of the window, with shuffle; else NULL */
    struct rng shuffle, augment;
    /* rows with a source; NULL and 0 without */
    size_t window;               /* rows, a multiple of `batch` */
    size_t block, n_blocks;      /* rows of a block but for the last one, which stays the last */
    uint32_t *blocks;            /* [n_blocks] the epoch's order */
    mlp_real *held;              /* (window + 1, n_inputs) */
    uint32_t *held_rows;         /* [window + 1] which of the data's rows they are */
    size_t held_first, n_held;   /* the places of the epoch that are held */
    uint32_t epoch;
    /* one gathered batch; NULL when rows are used as they lie */
    mlp_real *x, *targets, *weights, *offset;
    uint32_t *labels;
};

/* How an epoch is cut. A last batch that is not full is left out with drop_last (unless it is
 * the only one); one of a single row joins the one before where batch norm would have nothing to
 * measure it by. Optimizers that want the full batch get pieces of it. */
void batches_plan(struct batches *b, const struct mlp_spec *net, const struct mlp_train_spec *spec,
                  size_t rows);
/* A plan, and room for it. */
void batches_layout(struct batches *b, const struct mlp_spec *net,
                    const struct mlp_train_spec *spec, size_t rows, struct arena *arena);

/* Whether the optimizer takes all rows for each of its steps. */
bool batches_full(enum mlp_optimizer optimizer);

/* ---- batches_window.c; for batches.c alone ---- */
void batches_layout_window(struct batches *b, bool shuffles, struct arena *arena);
void batches_epoch_window(struct batches *b);

/* Rows of batch i < n. */
size_t batches_rows(const struct batches *b, size_t i);
/* All rows of an epoch: less than `rows` with drop_last. */
size_t batches_total(const struct batches *b);

/* Begin epoch `epoch`, from 1. */
void batches_epoch(struct batches *b, uint32_t epoch);
/* Have the rows of batch i at hand; the next three want that. The caller's thread alone. */
enum mlp_status batches_hold(struct batches *b, const struct mlp_spec *net, size_t i);
/* Batch i, valid until the next call. */
struct mlp_data batches_at(const struct batches *b, size_t i);
/* The same in two: where its rows will be, and the work of bringing some of them there. Pieces of
 * one batch may be filled by several threads. */
struct mlp_data batches_view(const struct batches *b, size_t i);
void batches_fill(const struct batches *b, size_t i, size_t from, size_t rows, bool inputs);
/* Which rows of batches_x batch i's are, where it is as well to use their inputs there; or NULL:
 * they lie in order, are changed on the way, or too short for that. */
const uint32_t *batches_places(const struct batches *b, size_t i);
/* Where rows lie: the data's x, or the window. */
const mlp_real *batches_x(const struct batches *b);
/* While batch i is worked at: fetch part of parts of the next one's rows towards the caches. */
void batches_ahead(const struct batches *b, size_t i, size_t part, size_t parts);

#endif

/* The part of an epoch's rows that is held while their source has all; see batches.h.
 *
 * Place p of the epoch is in block blocks[p / block]; window k has places from k * window on, and
 * the last window also what one row more in the last batch may need. Everything is a function of
 * (spec, rows, epoch, k), so it does not matter from where an epoch goes on.
 *
 * One thread, the trainer's.
 */
#include "mlp/batches.h"

#include <string.h>

#include "mlp/embedding.h"

#define BLOCKS 16 /* of a window, at least: so many different places of the data meet in it */

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

void batches_layout_window(struct batches *b, bool shuffles, struct arena *arena)
{
    size_t wanted = b->spec->window, most;

    wanted = wanted < b->rows ? wanted : b->rows + b->batch - 1; /* all of them: one window */
    b->window = wanted > b->batch ? wanted / b->batch * b->batch : b->batch;
    b->block = at_most((b->window - 1) / BLOCKS + 1, MLP_SOURCE_ROWS);
    b->n_blocks = (b->rows - 1) / b->block + 1;
    b->n_held = 0;
    most = b->window + 1;
    b->held = arena_take(arena, most, b->n_inputs * sizeof(*b->held));
    b->held_rows = arena_take(arena, most, sizeof(*b->held_rows));
    if (shuffles) {
        b->order = arena_take(arena, most, sizeof(*b->order));
        b->blocks = arena_take(arena, b->n_blocks, sizeof(*b->blocks));
    }
}

/* How many there are. */
static size_t windows(const struct batches *b)
{
    size_t rows = b->rows - (b->most - b->batch); /* that one row is the last window's */

    return (rows - 1) / b->window + 1;
}

void batches_epoch_window(struct batches *b)
{
    const struct rng rng = rng_stream(b->spec->seed, RNG_BLOCKS);

    b->n_held = 0;
    if (b->blocks == NULL) {
        return;
    }
    for (size_t i = 0; i < b->n_blocks; i++) {
        b->blocks[i] = (uint32_t)i;
    }
    if (windows(b) > 1) {
        rng_permutation(&rng, b->epoch, b->blocks, b->n_blocks - 1);
    }
}

/* Places [first, first + n) of the epoch, in the order of blocks. */
static enum mlp_status read_places(struct batches *b, const struct mlp_spec *net, size_t first,
                                   size_t n)
{
    for (size_t done = 0, take; done < n; done += take) {
        size_t at = first + done, block = at / b->block, skip = at % b->block;
        size_t row = (b->blocks != NULL ? b->blocks[block] : block) * b->block + skip;

        take = at_most(b->block - skip, n - done);
        const mlp_real *x = mlp_data_x(b->data, b->n_inputs, row, take);

        if (x == NULL) {
            return MLP_E_SOURCE;
        }
        if (!embedding_fits(net, x, take)) {
            return MLP_E_ARGUMENT;
        }
        memcpy(b->held + done * b->n_inputs, x, take * b->n_inputs * sizeof(*x));
        for (size_t i = 0; i < take; i++) {
            b->held_rows[done + i] = (uint32_t)(row + i);
        }
    }
    return MLP_OK;
}

enum mlp_status batches_hold(struct batches *b, const struct mlp_spec *net, size_t i)
{
    size_t first = i * b->batch;

    if (b->window == 0 || (b->n_held > 0 && first >= b->held_first &&
                           first + batches_rows(b, i) <= b->held_first + b->n_held)) {
        return MLP_OK;
    }
    size_t k = at_most(first / b->window, windows(b) - 1), start = k * b->window;
    size_t n = k + 1 < windows(b) ? b->window : b->rows - start;

    b->n_held = 0;
    enum mlp_status status = read_places(b, net, start, n);

    if (status != MLP_OK) {
        return status;
    }
    b->held_first = start;
    b->n_held = n;
    if (b->order != NULL) {
        rng_permutation_at(&b->shuffle, (struct rng_at){.epoch = b->epoch, .layer = (uint32_t)k},
                           b->order, n);
    }
    return MLP_OK;
}

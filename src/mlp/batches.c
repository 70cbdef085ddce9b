/* Batches: the plan of an epoch, and gathering. See batches.h.
 *
 * Pure functions of (spec, data, epoch, batch) but for the buffers, which several threads may fill.
 */
#include "mlp/batches.h"

#include <string.h>

#include "mlp/augment.h"
#include "mlp/loss.h"

#define FULL_PIECE ((size_t)512)  /* rows at once where the optimizer wants all */
#define AHEAD      16             /* rows */
#define NARROW     ((size_t)256)  /* bytes of a row */
#define WIDE       ((size_t)1024)

bool batches_full(enum mlp_optimizer optimizer)
{
    return optimizer == MLP_RPROP || optimizer == MLP_LBFGS;
}

static bool has_batch_norm(const struct mlp_spec *net)
{
    for (size_t i = 0; i < net->n_hidden; i++) {
        if (net->hidden[i].norm == MLP_NORM_BATCH) {
            return true;
        }
    }
    return false;
}

void batches_plan(struct batches *b, const struct mlp_spec *net, const struct mlp_train_spec *spec,
                  size_t rows)
{
    bool full = batches_full(spec->optimizer);
    size_t wanted = full ? FULL_PIECE : spec->batch_size;
    size_t batch = wanted < rows ? wanted : rows, rest = rows % batch;
    size_t n = rows / batch;

    *b = (struct batches){.spec = spec,
                          .n_inputs = net->n_inputs,
                          .n_outputs = net->n_outputs,
                          .rows = rows,
                          .batch = batch,
                          .most = batch,
                          .n_held = rows,
                          .shuffle = rng_stream(spec->seed, RNG_SHUFFLE),
                          .augment = rng_stream(spec->seed, RNG_AUGMENT)};
    if (rest == 1 && !spec->drop_last && has_batch_norm(net)) {
        b->most = batch + 1;
    } else if (rest > 0 && (full || !spec->drop_last)) {
        n++;
    }
    b->n = n;
}

void batches_layout(struct batches *b, const struct mlp_spec *net,
                    const struct mlp_train_spec *spec, size_t rows, struct arena *arena)
{
    batches_plan(b, net, spec, rows);
    bool shuffles = spec->shuffle && !batches_full(spec->optimizer), windows = spec->window > 0;

    if (windows) {
        batches_layout_window(b, shuffles, arena);
    } else if (shuffles) {
        b->order = arena_take(arena, rows, sizeof(*b->order));
    }
    if (shuffles || windows || augment_on(&spec->augment)) {
        b->x = arena_take(arena, b->most, net->n_inputs * sizeof(mlp_real));
        b->labels = arena_take(arena, b->most, sizeof(*b->labels));
        b->targets = arena_take(arena, b->most, net->n_outputs * sizeof(mlp_real));
        b->weights = arena_take(arena, b->most, sizeof(mlp_real));
        b->offset = arena_take(arena, b->most, sizeof(mlp_real));
    }
}

/* Where batch i begins. */
static size_t first_of(const struct batches *b, size_t i)
{
    return i * b->batch;
}

size_t batches_rows(const struct batches *b, size_t i)
{
    size_t left = b->rows - first_of(b, i);

    if (i + 1 == b->n && left <= b->most) {
        return left;
    }
    return b->batch;
}

size_t batches_total(const struct batches *b)
{
    return first_of(b, b->n - 1) + batches_rows(b, b->n - 1);
}

void batches_epoch(struct batches *b, uint32_t epoch)
{
    b->epoch = epoch;
    if (b->window > 0) {
        batches_epoch_window(b);
    } else if (b->order != NULL) {
        rng_permutation(&b->shuffle, epoch, b->order, b->rows);
    }
}

const mlp_real *batches_x(const struct batches *b)
{
    return b->window > 0 ? b->held : b->data->x;
}

/* Where in batches_x the row at place `at` of the epoch lies. */
static size_t place_of(const struct batches *b, size_t at)
{
    return b->order != NULL ? b->order[at - b->held_first] : at - b->held_first;
}

/* Which of the data's rows that is. */
static size_t row_of(const struct batches *b, size_t place)
{
    return b->window > 0 ? b->held_rows[place] : place;
}

static void gather_input(const struct batches *b, size_t place, mlp_real *to)
{
    const mlp_real *from = batches_x(b) + place * b->n_inputs;

    if (augment_on(&b->spec->augment)) {
        augment_row(&b->spec->augment, &b->augment, b->epoch, row_of(b, place), from, to);
    } else {
        memcpy(to, from, b->n_inputs * sizeof(*to));
    }
}

/* A function that does no more than this counts as one without effects, and calls of it are left
 * out (gcc 12): hence the empty instruction. */
static inline void prefetch(const void *at)
{
    __builtin_prefetch(at);
    __asm__ volatile("" : : "r"(at));
}

/* Shuffled rows lie anywhere in memory: ask for one some time before it is copied. What lies
 * behind its first lines comes by itself. */
static void fetch(const struct batches *b, size_t at)
{
    if (b->order != NULL && at < b->held_first + b->n_held) {
        const struct mlp_data *d = b->data;
        size_t place = place_of(b, at), row = row_of(b, place);

        prefetch(batches_x(b) + place * b->n_inputs);
        prefetch(batches_x(b) + (place + 1) * b->n_inputs - 1);
        if (d->labels != NULL) {
            prefetch(d->labels + row);
        }
        if (d->targets != NULL) {
            prefetch(d->targets + row * b->n_outputs);
        }
    }
}

/* Narrow rows come from memory as fast while something else is done: see batches_ahead. */
static bool narrow(const struct batches *b)
{
    return b->n_inputs * sizeof(*b->x) <= NARROW;
}

void batches_ahead(const struct batches *b, size_t i, size_t part, size_t parts)
{
    size_t next = first_of(b, i) + batches_rows(b, i), rows = b->batch;

    if (b->x == NULL || !narrow(b)) {
        return;
    }
    for (size_t r = rows * part / parts; r < rows * (part + 1) / parts; r++) {
        fetch(b, next + r);
    }
}

struct mlp_data batches_view(const struct batches *b, size_t i)
{
    const struct mlp_data *d = b->data;
    size_t rows = batches_rows(b, i);

    if (b->x == NULL) {
        const struct mlp_spec shape = {.n_inputs = b->n_inputs, .n_outputs = b->n_outputs};

        return loss_slice(&shape, d, first_of(b, i), rows);
    }
    return (struct mlp_data){.rows = rows,
                             .x = b->x,
                             .targets = d->targets != NULL ? b->targets : NULL,
                             .labels = d->labels != NULL ? b->labels : NULL,
                             .weights = d->weights != NULL ? b->weights : NULL,
                             .offset = d->offset != NULL ? b->offset : NULL};
}

const uint32_t *batches_places(const struct batches *b, size_t i)
{
    bool wide = b->n_inputs * sizeof(*b->x) >= WIDE;

    return b->order != NULL && wide && !augment_on(&b->spec->augment)
               ? b->order + (first_of(b, i) - b->held_first)
               : NULL;
}

void batches_fill(const struct batches *b, size_t i, size_t from, size_t rows, bool inputs)
{
    const struct mlp_data *d = b->data;
    size_t first = first_of(b, i), n_out = b->n_outputs;

    for (size_t r = from; b->x != NULL && r < from + rows; r++) {
        size_t place = place_of(b, first + r), row = row_of(b, place);

        if (inputs) {
            if (!narrow(b)) {
                fetch(b, first + r + AHEAD);
            }
            gather_input(b, place, b->x + r * b->n_inputs);
        }
        if (d->labels != NULL) {
            b->labels[r] = d->labels[row];
        }
        if (d->targets != NULL) {
            memcpy(b->targets + r * n_out, d->targets + row * n_out, n_out * sizeof(*b->targets));
        }
        if (d->weights != NULL) {
            b->weights[r] = d->weights[row];
        }
        if (d->offset != NULL) {
            b->offset[r] = d->offset[row];
        }
    }
}

struct mlp_data batches_at(const struct batches *b, size_t i)
{
    batches_fill(b, i, 0, batches_rows(b, i), true);
    return batches_view(b, i);
}

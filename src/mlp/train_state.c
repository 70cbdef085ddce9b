/* Saving a training and going on with it.
 *
 * A state is a header, the plain numbers of struct train_progress, and the arrays one behind
 * the other. It is for the same build on the same machine, so it is memory as it lies; what is
 * checked is that it is of the same network and the same training, by length and by a
 * fingerprint of both, and that no counter points beyond its end.
 */
#include <string.h>

#include "mlp/train.h"

#define STATE_MAGIC UINT64_C(0x6d6c702d74723031) /* "mlp-tr01" */

struct state_header {
    uint64_t magic, size;
    uint64_t network;  /* fingerprints */
    uint64_t training;
    uint64_t core;      /* bytes of weights and optimizer, which come first */
    struct train_progress progress;
    uint64_t average_count;
};

/* ---- fingerprints ------------------------------------------------------------------ */

/* FNV-1a over eight-byte words. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    for (int i = 0; i < 8; i++) {
        hash = (hash ^ (word >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t mix_real(uint64_t hash, double x)
{
    uint64_t word;

    memcpy(&word, &x, sizeof(word));
    return mix(hash, word);
}

#define FNV_START UINT64_C(0xcbf29ce484222325)

/* What the parameters mean. */
static uint64_t network_print(const struct mlp_spec *s)
{
    uint64_t h = mix(mix(mix(FNV_START, s->n_inputs), s->n_outputs), s->n_hidden);

    h = mix(mix(mix(h, s->input_scale), s->output), s->loss);
    for (size_t i = 0; i < s->n_hidden; i++) {
        const struct mlp_layer_spec *l = &s->hidden[i];

        h = mix(mix(mix(h, l->units), l->activation), l->pieces);
        h = mix(mix(h, l->norm), l->residual);
    }
    for (size_t i = 0; i < s->n_embeddings; i++) { /* none: the print that states always had */
        h = mix(mix(h, s->embeddings[i].levels), s->embeddings[i].width);
    }
    return h;
}

/* What decides the next step, beside the network, where it can differ without other lengths. */
static uint64_t training_print(const struct mlp_trainer *t)
{
    const struct mlp_train_spec *s = t->spec;
    uint64_t h = mix(mix(mix(FNV_START, s->optimizer), t->data->rows), s->batch_size);

    h = mix(mix(mix(h, s->seed), s->shuffle), s->drop_last);
    h = mix(mix(mix(h, s->epochs), s->accumulate), s->average);
    h = mix(mix_real(h, s->learning_rate), s->schedule.type);
    if (s->schedule_epochs > 0) { /* else the print that states always had */
        h = mix(h, s->schedule_epochs);
    }
    if (s->window > 0) {
        h = mix(h, t->batches.window);
    }
    return mix(h, t->validation != NULL ? t->validation->rows : 0);
}

/* ---- the pieces ----------------------------------------------------------------------- */

/* What an extension takes over: weights, and the optimizer's memory. */
static size_t core_bytes(const struct mlp_trainer *t)
{
    return t->net->n_values * sizeof(mlp_real) + optimizer_state_bytes(&t->optimizer);
}

static size_t mean_bytes(const struct mlp_trainer *t)
{
    return t->average.mean != NULL ? t->net->n_values * sizeof(mlp_real) : 0;
}

static size_t squares_bytes(const struct mlp_trainer *t)
{
    return t->squares != NULL ? t->net->n_layers * sizeof(double) : 0;
}

size_t mlp_trainer_state_size(const struct mlp_trainer *t)
{
    return sizeof(struct state_header) + core_bytes(t) + mean_bytes(t) + squares_bytes(t) +
           t->net->n_values * sizeof(mlp_real);
}

static unsigned char *put(unsigned char *to, const void *from, size_t bytes)
{
    if (bytes > 0) {
        memcpy(to, from, bytes);
    }
    return to + bytes;
}

static const unsigned char *get(void *to, const unsigned char *from, size_t bytes)
{
    if (bytes > 0) {
        memcpy(to, from, bytes);
    }
    return from + bytes;
}

/* ---- saving ------------------------------------------------------------------------------ */

void mlp_trainer_save(const struct mlp_trainer *t, void *out)
{
    unsigned char *to = out;
    struct state_header head;

    memset(&head, 0, sizeof(head)); /* what lies between its members is stored too */
    head.magic = STATE_MAGIC;
    head.size = mlp_trainer_state_size(t);
    head.network = network_print(&t->net->spec);
    head.training = training_print(t);
    head.core = core_bytes(t);
    head.progress = t->progress;
    head.average_count = t->average.count;
    to = put(to, &head, sizeof(head));
    /* in the epoch callback the net may show the average */
    to = put(to, t->average.shown ? t->average.raw : t->net->params,
             t->net->n_values * sizeof(mlp_real));
    optimizer_save(&t->optimizer, to);
    to += optimizer_state_bytes(&t->optimizer);
    to = put(to, t->average.mean, t->average.count > 0 ? mean_bytes(t) : 0);
    if (t->average.count == 0 && mean_bytes(t) > 0) { /* no mean yet */
        memset(to, 0, mean_bytes(t));
        to += mean_bytes(t);
    }
    to = put(to, t->squares, squares_bytes(t));
    if (t->progress.result.best_epoch > 0) {
        (void)put(to, t->best, t->net->n_values * sizeof(mlp_real));
    } else {
        memset(to, 0, t->net->n_values * sizeof(mlp_real));
    }
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool read_header(const void *state, size_t size, struct state_header *head)
{
    if (size < sizeof(*head)) {
        return false;
    }
    memcpy(head, state, sizeof(*head));
    return head->magic == STATE_MAGIC && head->size == size;
}

/* Weights and optimizer; returns what follows them, or NULL when nothing was loaded. */
static const unsigned char *get_core(struct mlp_trainer *t, const unsigned char *from)
{
    const unsigned char *optimizer = from + t->net->n_values * sizeof(mlp_real);

    if (!optimizer_load(&t->optimizer, optimizer)) {
        return NULL;
    }
    from = get(t->net->params, from, t->net->n_values * sizeof(mlp_real));
    from += optimizer_state_bytes(&t->optimizer);
    return from;
}

enum mlp_status mlp_trainer_load(struct mlp_trainer *t, const void *state, size_t size)
{
    struct state_header head;

    if (!read_header(state, size, &head) || size != mlp_trainer_state_size(t) ||
        head.network != network_print(&t->net->spec) || head.training != training_print(t) ||
        head.progress.batch >= t->batches.n ||
        head.progress.result.epochs > t->spec->epochs ||
        head.progress.result.best_epoch > head.progress.result.epochs ||
        head.progress.before > UINT32_MAX - t->spec->epochs ||
        (head.average_count > 0 && mean_bytes(t) == 0)) {
        return MLP_E_ARGUMENT;
    }
    const unsigned char *from = get_core(t, (const unsigned char *)state + sizeof(head));

    if (from == NULL) {
        return MLP_E_ARGUMENT;
    }
    t->progress = head.progress;
    t->average.count = head.average_count;
    from = get(t->average.mean, from, mean_bytes(t));
    from = get(t->squares, from, squares_bytes(t));
    (void)get(t->best, from, t->net->n_values * sizeof(mlp_real));
    return MLP_OK;
}

const mlp_real *mlp_trainer_best(const struct mlp_trainer *t, size_t *epoch)
{
    *epoch = t->progress.result.best_epoch;
    return *epoch > 0 ? t->best : NULL;
}

enum mlp_status mlp_trainer_extend(struct mlp_trainer *t, const void *state, size_t size)
{
    struct state_header head;

    if (!read_header(state, size, &head) || size < sizeof(head) + core_bytes(t) ||
        head.network != network_print(&t->net->spec) || head.core != core_bytes(t)) {
        return MLP_E_ARGUMENT;
    }
    uint64_t epochs = head.progress.before + head.progress.result.epochs;

    epochs += head.progress.batch > 0 ? 1 : 0; /* one that was begun is not begun again */
    if (epochs > UINT32_MAX - t->spec->epochs) {
        return MLP_E_TOO_LARGE;
    }
    if (get_core(t, (const unsigned char *)state + sizeof(head)) == NULL) {
        return MLP_E_ARGUMENT;
    }
    t->progress.before = epochs;
    return MLP_OK;
}

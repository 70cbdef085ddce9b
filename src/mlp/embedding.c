/* Embeddings: rows of tables in place of indexes, and the way back. See embedding.h.
 *
 * Indexes are checked wherever they are read, so that no caller's x can lead outside a table.
 * Gradients may be made by several threads, each at a piece of its own; the rest is one thread's.
 */
#include "mlp/embedding.h"

#include <string.h>

static bool index_of(mlp_real x, size_t levels, uint32_t *out)
{
    if (!(x >= 0 && x < (mlp_real)levels)) { /* a NaN is neither */
        return false;
    }
    *out = (uint32_t)x;
    return (mlp_real)*out == x;
}

bool embedding_fits(const struct mlp_spec *spec, const mlp_real *x, size_t rows)
{
    size_t n = spec->n_embeddings, numbers = spec->n_inputs - n;
    uint32_t index;

    for (size_t r = 0; r < rows && n > 0; r++) {
        const mlp_real *at = x + r * spec->n_inputs + numbers;

        for (size_t i = 0; i < n; i++) {
            if (!index_of(at[i], spec->embeddings[i].levels, &index)) {
                return false;
            }
        }
    }
    return true;
}

enum mlp_status embedding_rows(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                               size_t rows, const mlp_real **a)
{
    size_t n = net->spec.n_embeddings, numbers = net->spec.n_inputs - n;
    size_t wide = net->layers[0].n_in;

    *a = n > 0 ? p->embedded : x;
    for (size_t r = 0; r < rows && n > 0; r++, x += net->spec.n_inputs) {
        mlp_real *to = p->embedded + r * wide;

        memcpy(to, x, numbers * sizeof(*to));
        for (size_t i = 0; i < n; i++) {
            const struct table *t = &net->tables[i];
            uint32_t index = 0;

            if (!index_of(x[numbers + i], t->levels, &index)) {
                return MLP_E_ARGUMENT;
            }
            memcpy(to + t->column, net->params + t->offset + index * t->width,
                   t->width * sizeof(*to));
            if (p->index != NULL) {
                p->index[i * p->max_rows + r] = index;
            }
        }
    }
    return MLP_OK;
}

/* ---- the gradient, piece by piece ------------------------------------------------------- */

static size_t levels_of_piece(const struct table *t)
{
    return PASS_PIECE / t->width; /* MLP_MAX_UNITS fits */
}

static size_t pieces_of(const struct table *t)
{
    return (t->levels - 1) / levels_of_piece(t) + 1;
}

size_t embedding_pieces(const struct mlp_net *net)
{
    size_t pieces = 0;

    for (size_t i = 0; i < net->spec.n_embeddings; i++) {
        pieces += pieces_of(&net->tables[i]);
    }
    return pieces;
}

struct embedding_piece embedding_piece(const struct mlp_net *net, size_t i)
{
    const struct table *t = net->tables;

    for (; i >= pieces_of(t); t++) {
        i -= pieces_of(t);
    }
    size_t most = levels_of_piece(t), first = i * most, left = t->levels - first;

    return (struct embedding_piece){t, first, left < most ? left : most};
}

void embedding_gradient(const struct pass *p, const struct mlp_net *net,
                        const struct embedding_piece *piece, size_t rows, mlp_real *dw)
{
    const struct table *t = piece->table;
    const uint32_t *index = p->index + (size_t)(t - net->tables) * p->max_rows;
    const mlp_real *delta = p->input_delta + (t->column - p->delta_from);
    size_t stride = net->layers[0].n_in - p->delta_from;

    memset(dw, 0, piece->count * t->width * sizeof(*dw));
    for (size_t r = 0; r < rows; r++) {
        if (index[r] >= piece->first && index[r] - piece->first < piece->count) {
            net->kernel->add(delta + r * stride, dw + (index[r] - piece->first) * t->width,
                             t->width);
        }
    }
}

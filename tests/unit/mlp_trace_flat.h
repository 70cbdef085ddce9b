/* What a trace shows of derivatives, as one array like the net's parameters: for either build of
 * the learning core, so that both can be asked the same. */
#ifndef MLP_TRACE_FLAT_H
#define MLP_TRACE_FLAT_H

#include <string.h>

#include "mlp/net.h"

static inline void trace_flat_layer(const struct layer *l, const struct mlp_trace_layer *t,
                                    mlp_real *gradient)
{
    for (size_t i = 0; i < l->n_in; i++) {
        for (size_t c = 0; c < l->n_z; c++) {
            gradient[l->weights + i * l->n_z + c] = t->in[i] * t->delta[c];
        }
    }
    for (size_t c = 0; c < l->n_z; c++) {
        if (l->bias != NET_NONE) {
            gradient[l->bias + c] = t->delta[c];
        }
        if (l->gain != NET_NONE) {
            gradient[l->gain + c] = t->delta_y[c] * t->normal[c];
            gradient[l->shift + c] = t->delta_y[c];
        }
    }
    for (size_t j = 0; l->slope != NET_NONE && j < l->n_out; j++) {
        gradient[l->slope + j] = t->dslope[j];
    }
}

/* gradient [n_params] */
static inline void trace_flat(const struct mlp_net *net, const struct mlp_data *row,
                              const struct mlp_trace *trace, mlp_real *gradient)
{
    size_t numbers = net->spec.n_inputs - net->spec.n_embeddings;
    struct mlp_trace_layer t;
    struct mlp_trace_ends ends;

    memset(gradient, 0, net->n_params * sizeof(*gradient));
    for (size_t k = 0; k < net->n_layers; k++) {
        mlp_trace_layer(trace, k, &t);
        trace_flat_layer(&net->layers[k], &t, gradient);
    }
    mlp_trace_ends(trace, &ends);
    for (size_t i = 0; net->input_scale != NET_NONE && i < net->layers[0].n_in; i++) {
        gradient[net->input_scale + i] = ends.x[i] * ends.delta[i];
    }
    for (size_t e = 0; e < net->spec.n_embeddings; e++) {
        const struct table *table = &net->tables[e];
        size_t level = (size_t)row->x[numbers + e];

        for (size_t j = 0; j < table->width; j++) {
            mlp_real scale = net->input_scale != NET_NONE
                                 ? net->params[net->input_scale + table->column + j]
                                 : 1;

            gradient[table->offset + level * table->width + j] =
                ends.delta[table->column + j] * scale;
        }
    }
}

#endif

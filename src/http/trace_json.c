/* A trace's numbers as JSON; see trace_json.h. Pure functions over what the caller holds, on any
 * thread. Shapes are the core's: a maxout layer has units x pieces columns of z, and a page is
 * shown the first TRACE_MOST_UNITS units, of each piece the same ones.
 */
#include "http/trace_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/answer.h"
#include "http/input_names.h"

struct part { /* of one layer */
    const struct mlp_spec *spec;
    const struct mlp_layer_spec *hidden; /* NULL: the output layer */
    struct mlp_layer_view view;
    struct mlp_trace_layer at;
    size_t k, pieces, shown;
};

static struct part part_of(const struct mlp_net *net, const struct mlp_trace *trace, size_t k)
{
    const struct mlp_spec *spec = mlp_net_spec(net);
    struct part p = {.spec = spec, .k = k, .hidden = k < spec->n_hidden ? &spec->hidden[k] : NULL};

    mlp_net_layer(net, k, &p.view);
    mlp_trace_layer(trace, k, &p.at);
    p.pieces = p.view.n_out / p.view.units;
    p.shown = p.view.units < TRACE_MOST_UNITS ? p.view.units : TRACE_MOST_UNITS;
    return p;
}

/* The shown columns of all pieces, one piece after the other. */
static void put_columns(struct jw *w, const char *key, const struct part *p, const float *values)
{
    size_t q, j;

    if (values == NULL || p->pieces == 1) {
        jw_singles(w, key, values, p->shown);
        return;
    }
    jw_array(w, key);
    for (q = 0; q < p->pieces; q++) {
        for (j = 0; j < p->shown; j++) {
            jw_float(w, values[q * p->view.units + j]);
        }
    }
    jw_end(w);
}

/* ---- inputs ------------------------------------------------------------------------- */

static void put_inputs(struct jw *w, const struct servable *servable, const struct mlp_trace *trace)
{
    const struct mlp_net *net = servable_net(servable);
    const float *scale = mlp_net_input_scale(net);
    size_t size = mlp_spec_width(mlp_net_spec(net)), i;
    size_t shown = size < TRACE_MOST_UNITS ? size : TRACE_MOST_UNITS;
    struct mlp_trace_layer first;
    struct mlp_trace_ends ends;

    mlp_trace_layer(trace, 0, &first);
    mlp_trace_ends(trace, &ends);
    jw_object(w, "inputs");
    jw_int(w, "size", (int64_t)size);
    jw_int(w, "shown", (int64_t)shown);
    input_names_write(w, "names", servable_encoder(servable), shown, false);
    input_names_write(w, "features", servable_encoder(servable), shown, true);
    jw_singles(w, "x", ends.x, shown);
    jw_singles(w, "a", first.in, shown);
    jw_singles(w, "delta", ends.delta, shown);
    if (scale != NULL) {
        jw_singles(w, "scale", scale, shown);
        if (ends.delta == NULL) {
            jw_null(w, "dscale");
        } else {
            jw_array(w, "dscale");
            for (i = 0; i < shown; i++) {
                jw_float(w, ends.x[i] * ends.delta[i]);
            }
            jw_end(w);
        }
    }
    jw_end(w);
}

/* ---- a layer -------------------------------------------------------------------------- */

static void put_stages(struct jw *w, const struct part *p)
{
    const struct mlp_layer_spec *h = p->hidden;

    jw_array(w, "stages");
    jw_string(w, NULL, "linear");
    if (h != NULL && h->norm != MLP_NORM_NONE) {
        jw_string(w, NULL, h->norm == MLP_NORM_BATCH ? "batch_norm" : "layer_norm");
    }
    if (h != NULL) {
        jw_string(w, NULL, mlp_activation_names()[h->activation]);
    }
    if (h != NULL && h->residual) {
        jw_string(w, NULL, "residual");
    }
    jw_end(w);
    jw_array(w, "left_out");
    if (h != NULL && h->noise > 0) {
        jw_string(w, NULL, "gaussian_noise");
    }
    if (h != NULL && h->dropout > 0) {
        jw_string(w, NULL, "dropout");
    }
    jw_end(w);
}

/* dW[i][c] = in[i] delta[c] */
static void put_matrix(struct jw *w, const char *key, const struct part *p, const float *weights)
{
    size_t i, c;

    jw_array(w, key);
    for (i = 0; i < p->view.n_in; i++) {
        if (weights != NULL) {
            jw_singles(w, NULL, weights + i * p->view.n_out, p->view.n_out);
            continue;
        }
        jw_array(w, NULL);
        for (c = 0; c < p->view.n_out; c++) {
            jw_float(w, p->at.in[i] * p->at.delta[c]);
        }
        jw_end(w);
    }
    jw_end(w);
}

static void put_weights(struct jw *w, const struct part *p)
{
    bool shown = p->view.n_in <= TRACE_MOST_WEIGHTS / p->view.n_out;

    jw_bool(w, "weights_shown", shown);
    if (shown) {
        put_matrix(w, "W", p, p->view.weights);
    } else {
        jw_null(w, "W");
    }
    if (shown && p->at.delta != NULL) {
        put_matrix(w, "dW", p, NULL);
    } else {
        jw_null(w, "dW");
    }
}

/* Mean and variance of a row, as layer norm takes them. */
static void put_moments(struct jw *w, const struct part *p)
{
    double mean = 0, variance = 0, n = (double)p->view.n_out;
    size_t c;

    for (c = 0; c < p->view.n_out; c++) {
        mean += (double)p->at.z[c] / n;
    }
    for (c = 0; c < p->view.n_out; c++) {
        variance += ((double)p->at.z[c] - mean) * ((double)p->at.z[c] - mean) / n;
    }
    jw_singles(w, "mean", &(float){(float)mean}, 1);
    jw_singles(w, "variance", &(float){(float)variance}, 1);
}

static void put_norm(struct jw *w, const struct part *p)
{
    size_t q, j;

    put_columns(w, "normal", p, p->at.normal);
    put_columns(w, "gain", p, p->view.gain);
    put_columns(w, "shift", p, p->view.shift);
    if (p->at.delta_y == NULL) {
        jw_null(w, "dgain");
    } else {
        jw_array(w, "dgain");
        for (q = 0; q < p->pieces; q++) {
            for (j = 0; j < p->shown; j++) {
                size_t c = q * p->view.units + j;

                jw_float(w, p->at.delta_y[c] * p->at.normal[c]);
            }
        }
        jw_end(w);
    }
    put_columns(w, "dshift", p, p->at.delta_y);
    if (p->view.mean == NULL) {
        put_moments(w, p);
        return;
    }
    put_columns(w, "mean", p, p->view.mean);
    put_columns(w, "variance", p, p->view.variance);
}

static void put_layer(struct jw *w, const struct part *p)
{
    bool norm = p->at.normal != NULL, after = p->hidden != NULL && p->at.a != p->at.h;
    char name[32];

    (void)snprintf(name, sizeof name, "hidden %zu", p->k + 1);
    jw_object(w, NULL);
    jw_int(w, "index", (int64_t)p->k);
    jw_string(w, "name", p->hidden != NULL ? name : "output");
    put_stages(w, p);
    jw_string(w, "activation",
              mlp_activation_names()[p->hidden != NULL ? p->hidden->activation : MLP_IDENTITY]);
    jw_int(w, "inputs", (int64_t)p->view.n_in);
    jw_int(w, "units", (int64_t)p->view.units);
    if (p->pieces > 1) {
        jw_int(w, "pieces", (int64_t)p->pieces);
    }
    jw_int(w, "shown", (int64_t)p->shown);
    put_columns(w, "z", p, p->at.z);
    put_columns(w, "y", p, norm ? p->at.y : NULL);
    jw_singles(w, "h", after ? p->at.h : NULL, p->shown);
    jw_singles(w, "a", p->at.a, p->shown);
    put_columns(w, "derivative", p, p->at.derivative);
    jw_singles(w, "delta_a", p->at.delta_a, p->shown);
    put_columns(w, "delta_y", p, norm ? p->at.delta_y : NULL);
    put_columns(w, "delta", p, p->at.delta);
    put_columns(w, "b", p, p->view.bias);
    put_columns(w, "db", p, p->view.bias != NULL ? p->at.delta : NULL);
    put_weights(w, p);
    if (norm) {
        put_norm(w, p);
    }
    if (p->view.slope != NULL) {
        jw_singles(w, "slope", p->view.slope, p->shown);
        jw_singles(w, "dslope", p->at.dslope, p->shown);
    }
    jw_end(w);
}

/* ---- one unit --------------------------------------------------------------------------- */

/* Its column of W, or of dW, of each piece. */
static void put_incoming(struct jw *w, const char *key, const struct part *p, size_t unit,
                         size_t from, size_t n, bool gradient)
{
    size_t q, i;

    if (gradient && p->at.delta == NULL) {
        jw_null(w, key);
        return;
    }
    jw_array(w, key);
    for (q = 0; q < p->pieces; q++) {
        size_t c = q * p->view.units + unit;

        jw_array(w, NULL);
        for (i = from; i < from + n; i++) {
            jw_float(w, gradient ? p->at.in[i] * p->at.delta[c]
                                 : p->view.weights[i * p->view.n_out + c]);
        }
        jw_end(w);
    }
    jw_end(w);
}

static void put_unit(struct jw *w, const struct mlp_net *net, const struct mlp_trace *trace,
                     const struct trace_wish *wish)
{
    size_t k = (size_t)wish->layer, unit = (size_t)wish->unit, from = (size_t)wish->from, n;
    struct part p = part_of(net, trace, k), next;

    from = from < p.view.n_in ? from : p.view.n_in;
    n = p.view.n_in - from < TRACE_MOST_UNITS ? p.view.n_in - from : TRACE_MOST_UNITS;
    jw_object(w, "unit");
    jw_int(w, "layer", wish->layer);
    jw_int(w, "unit", wish->unit);
    jw_int(w, "from", (int64_t)from);
    jw_int(w, "shown", (int64_t)n);
    jw_int(w, "inputs", (int64_t)p.view.n_in);
    jw_singles(w, "a_prev", p.at.in + from, n);
    put_incoming(w, "W", &p, unit, from, n, false);
    put_incoming(w, "dW", &p, unit, from, n, true);
    if (p.hidden == NULL) {
        jw_null(w, "next");
    } else {
        next = part_of(net, trace, k + 1);
        jw_object(w, "next");
        jw_int(w, "layer", wish->layer + 1);
        put_columns(w, "W", &next, next.view.weights + unit * next.view.n_out);
        put_columns(w, "delta", &next, next.at.delta);
        jw_end(w);
    }
    jw_end(w);
}

/* ---- the end of the way ------------------------------------------------------------------ */

/* A single sigmoid of two classes is the probability of the second. */
static const char *output_name(const struct encoder *e, size_t outputs, size_t i)
{
    return encoder_is_classes(e) ? encoder_class_name(e, outputs == 1 ? 1 : i)
                                 : encoder_target_name(e, i);
}

static void put_output(struct jw *w, const struct servable *servable, const struct rows *rows,
                       const struct mlp_trace *trace)
{
    const struct encoder *e = servable_encoder(servable);
    const struct mlp_spec *spec = mlp_net_spec(servable_net(servable));
    size_t n = spec->n_outputs < TRACE_MOST_UNITS ? spec->n_outputs : TRACE_MOST_UNITS, i;
    struct part last = part_of(servable_net(servable), trace, spec->n_hidden);
    struct mlp_trace_ends ends;
    struct buf text = BUF_INIT;

    mlp_trace_ends(trace, &ends);
    jw_object(w, "output");
    jw_string(w, "function", mlp_output_names()[spec->output]);
    jw_double(w, "temperature", spec->temperature > 0 ? spec->temperature : 1);
    jw_double(w, "offset", rows->offset != NULL ? (double)rows->offset[0] : 0);
    jw_singles(w, "z", last.at.a, n);
    jw_singles(w, "p", ends.output, n);
    jw_array(w, "names");
    for (i = 0; i < n; i++) {
        jw_string(w, NULL, output_name(e, spec->n_outputs, i));
    }
    jw_end(w);
    jw_end(w);
    answer_row(servable, ends.output, &text);
    jw_raw(w, "prediction", text.data);
    buf_fini(&text);
}

static void put_truth(struct jw *w, const struct encoder *e, const struct rows *rows)
{
    size_t i;

    jw_object(w, "truth");
    if (encoder_is_classes(e)) {
        jw_string(w, "label", encoder_class_name(e, rows->labels[0]));
    } else {
        jw_object(w, "values");
        for (i = 0; i < encoder_n_targets(e); i++) {
            jw_double(w, encoder_target_name(e, i),
                      encoder_decode_target(e, i, (double)rows->targets[i]));
        }
        jw_end(w);
    }
    jw_end(w);
}

static void put_loss(struct jw *w, const struct servable *servable, const struct rows *rows,
                     const struct mlp_trace *trace)
{
    const struct mlp_spec *spec = mlp_net_spec(servable_net(servable));
    size_t n = spec->n_outputs < TRACE_MOST_UNITS ? spec->n_outputs : TRACE_MOST_UNITS, i;
    bool one_hot =
        encoder_is_classes(servable_encoder(servable)) && spec->output == MLP_OUT_SOFTMAX;
    struct mlp_trace_ends ends;

    if (!rows->labelled) {
        jw_null(w, "loss");
        return;
    }
    mlp_trace_ends(trace, &ends);
    jw_object(w, "loss");
    jw_string(w, "name", mlp_loss_names()[spec->loss]);
    jw_double(w, "value", ends.loss);
    put_truth(w, servable_encoder(servable), rows);
    jw_array(w, "target");
    for (i = 0; i < n; i++) {
        jw_float(w, !one_hot ? rows->targets[i] : (float)(rows->labels[0] == i));
    }
    jw_end(w);
    jw_end(w);
}

void trace_json_write(struct jw *w, const struct servable *servable, const struct rows *rows,
                      const struct mlp_trace *trace, const struct trace_wish *wish)
{
    const struct mlp_net *net = servable_net(servable);
    size_t k;

    put_inputs(w, servable, trace);
    jw_array(w, "layers");
    for (k = 0; k <= mlp_net_spec(net)->n_hidden; k++) {
        struct part p = part_of(net, trace, k);

        put_layer(w, &p);
    }
    jw_end(w);
    if (wish->layer < 0) {
        jw_null(w, "unit");
    } else {
        put_unit(w, net, trace, wish);
    }
    put_output(w, servable, rows, trace);
    put_loss(w, servable, rows, trace);
}

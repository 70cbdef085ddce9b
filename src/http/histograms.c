/* Histograms of a network's numbers; see histograms.h.
 *
 * Two walks over each array: extremes and sums, then the bins between the extremes. The work is
 * bounded by looking at every n-th number of networks that are too large for a request's time. Any
 * thread; the network is only read.
 */
#include "http/histograms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct look {
    struct jw *w;
    size_t bins, stride;
    int64_t *counts; /* [bins] */
};

struct moments {
    size_t count, zeros, strange; /* strange: NaN or infinite */
    double low, high, mean, std;
};

static struct moments measure(const float *values, size_t n, size_t stride)
{
    struct moments m = {.low = NAN, .high = NAN, .mean = NAN, .std = NAN};
    double sum = 0, squares = 0, first = 0;
    size_t finite = 0, i;

    for (i = 0; i < n; i += stride) {
        double v = (double)values[i];

        m.count++;
        if (!isfinite(v)) {
            m.strange++;
            continue;
        }
        first = finite++ == 0 ? v : first; /* sums of differences from it keep their digits */
        m.zeros += !(v < 0) && !(v > 0);
        m.low = v > m.low ? m.low : v; /* also the first: NaN is not below */
        m.high = v < m.high ? m.high : v;
        sum += v - first;
        squares += (v - first) * (v - first);
    }
    if (finite > 0) {
        double mean = sum / (double)finite, variance = squares / (double)finite - mean * mean;

        m.mean = first + mean;
        m.std = sqrt(variance > 0 ? variance : 0);
    }
    return m;
}

static void put_bins(const struct look *l, const struct moments *m, const float *values, size_t n)
{
    double low = m->low, high = m->high, width;
    size_t i;

    if (!(high > low)) { /* all alike: one bin in the middle */
        double room = low < 0 || low > 0 ? fabs(low) * 1e-3 : 1;

        high = low + room;
        low -= room;
    }
    width = (high - low) / (double)l->bins;
    for (i = 0; i < l->bins; i++) {
        l->counts[i] = 0;
    }
    for (i = 0; i < n; i += l->stride) {
        double at = ((double)values[i] - low) / width;

        if (isfinite((double)values[i])) { /* rounded over the edge: the last bin */
            l->counts[at < (double)l->bins ? (size_t)at : l->bins - 1]++;
        }
    }
    jw_array(l->w, "edges");
    for (i = 0; i <= l->bins; i++) {
        jw_float(l->w, (float)(i < l->bins ? low + (double)i * width : high));
    }
    jw_end(l->w);
    jw_array(l->w, "counts");
    for (i = 0; i < l->bins; i++) {
        jw_int(l->w, NULL, l->counts[i]);
    }
    jw_end(l->w);
}

/* rows 0: a list; else a matrix. */
static void put_part(const struct look *l, const char *key, const char *name, const float *values,
                     size_t rows, size_t columns)
{
    size_t n = rows > 0 ? rows * columns : columns;
    struct moments m;
    struct jw *w = l->w;

    if (values == NULL) {
        return;
    }
    m = measure(values, n, l->stride);
    jw_object(w, key);
    jw_string(w, "name", name);
    jw_array(w, "shape");
    if (rows > 0) {
        jw_int(w, NULL, (int64_t)rows);
    }
    jw_int(w, NULL, (int64_t)columns);
    jw_end(w);
    jw_int(w, "count", (int64_t)m.count);
    jw_int(w, "zeros", (int64_t)m.zeros);
    jw_int(w, "not_finite", (int64_t)m.strange);
    jw_double(w, "min", m.low);
    jw_double(w, "max", m.high);
    jw_double(w, "mean", m.mean);
    jw_double(w, "std", m.std);
    put_bins(l, &m, values, m.strange < m.count ? n : 0);
    jw_end(w);
}

static void put_layer(const struct look *l, const struct mlp_net *net, size_t k)
{
    bool last = k == mlp_net_spec(net)->n_hidden;
    struct mlp_layer_view view;
    char name[32];

    mlp_net_layer(net, k, &view);
    (void)snprintf(name, sizeof name, "hidden %zu", k + 1);
    jw_object(l->w, NULL);
    jw_int(l->w, "index", (int64_t)k);
    jw_string(l->w, "name", last ? "output" : name);
    jw_array(l->w, "parts");
    put_part(l, NULL, "weights", view.weights, view.n_in, view.n_out);
    put_part(l, NULL, "bias", view.bias, 0, view.n_out);
    put_part(l, NULL, "gain", view.gain, 0, view.n_out);
    put_part(l, NULL, "shift", view.shift, 0, view.n_out);
    put_part(l, NULL, "slopes", view.slope, 0, view.units);
    put_part(l, NULL, "mean", view.mean, 0, view.n_out);
    put_part(l, NULL, "variance", view.variance, 0, view.n_out);
    jw_end(l->w);
    jw_end(l->w);
}

static void put_tables(const struct look *l, const struct mlp_net *net, const struct encoder *e)
{
    const struct mlp_spec *spec = mlp_net_spec(net);
    size_t i, input, levels, width;

    jw_array(l->w, "embeddings");
    for (i = 0; i < spec->n_embeddings; i++) {
        size_t feature = encoder_embedding(e, i, &input, &levels, &width);

        jw_object(l->w, NULL);
        jw_string(l->w, "feature", encoder_feature_name(e, feature));
        jw_array(l->w, "parts");
        put_part(l, NULL, "table", mlp_net_embedding(net, i), spec->embeddings[i].levels,
                 spec->embeddings[i].width);
        jw_end(l->w);
        jw_end(l->w);
    }
    jw_end(l->w);
}

void histograms_write(struct jw *w, const struct servable *servable, size_t bins)
{
    const struct mlp_net *net = servable_net(servable);
    size_t values = mlp_net_values(net), k;
    struct look l = {.w = w, .bins = bins, .stride = 1 + (values - 1) / HISTOGRAMS_MOST_VALUES};

    l.counts = xcalloc(bins, sizeof *l.counts);
    jw_int(w, "values", (int64_t)values);
    jw_int(w, "stride", (int64_t)l.stride);
    jw_array(w, "layers");
    for (k = 0; k <= mlp_net_spec(net)->n_hidden; k++) {
        put_layer(&l, net, k);
    }
    jw_end(w);
    put_tables(&l, net, servable_encoder(servable));
    if (mlp_net_input_scale(net) != NULL) {
        put_part(&l, "input_scale", "input_scale", mlp_net_input_scale(net), 0,
                 mlp_spec_width(mlp_net_spec(net)));
    } else {
        jw_null(w, "input_scale");
    }
    free(l.counts);
}

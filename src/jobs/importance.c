/* Permutation importance; see importance.h.
 *
 * The rows are copied once, as the network gets them. Dealing a feature anew is writing its inputs
 * from other rows of that copy into a second one, and putting them back afterwards. What is
 * measured is what the judge measures, by the core's meter and in the target's own units.
 *
 * Any thread; everything is local, and the memory bounded whatever the data.
 */
#include "jobs/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/judge.h"
#include "jobs/model_json.h"

#define SLICE_ROWS   256
#define SLICE_VALUES ((size_t)1 << 20)
#define LEAST_ROWS   50
#define ROW_COST     500 /* multiply-adds that a row costs beside the network's own */

/* What the model is worth on some rows. */
struct worth {
    double loss, score;
};

struct feature {
    size_t index;
    struct worth mean, std; /* of the changes: what the loss gains, what the score loses */
};

struct measuring {
    const struct mlp_net *net;
    const struct encoder *encoder;
    const struct importance_wish *wish;
    size_t n_inputs, n_outputs, n_features;
    size_t rows, repeats;
    float *kept, *dealt;  /* (rows, n_inputs) */
    struct mlp_data data; /* of these rows; x is `dealt` */
    float *targets, *weights, *offset;
    uint32_t *labels;
    size_t *order;            /* [rows] */
    enum mlp_metric which[2]; /* loss, score */
    struct mlp_meter *meter;
    struct mlp_workspace *ws;
    size_t slice;
    float *p; /* (slice, n_outputs) */
    struct worth baseline;
    struct feature *features; /* [n_features] */
};

/* ---- how much ------------------------------------------------------------------------ */

/* Features that have inputs. */
static size_t count_used(const struct measuring *m)
{
    size_t n = 0, f;

    for (f = 0; f < m->n_features; f++) {
        n += encoder_feature_shape(m->encoder, f).inputs > 0;
    }
    return n;
}

static size_t at_most(size_t n, double most)
{
    return (double)n <= most ? n : (size_t)most;
}

/* Rows and repeats within memory and work; false: not even the least of both. */
static bool plan(struct measuring *m, size_t of_rows)
{
    size_t row_values = 2 * m->n_inputs + m->n_outputs + 4, used = count_used(m);
    size_t fit = IMPORTANCE_BYTES / sizeof(float) / row_values, least;
    double row = (double)mlp_net_parameters(m->net) + (double)m->n_inputs + ROW_COST;
    double rows = m->wish->work / (row * (double)(used > 0 ? used : 1)); /* of one repeat */

    m->rows = of_rows < IMPORTANCE_ROWS ? of_rows : IMPORTANCE_ROWS;
    m->rows = m->rows < fit ? m->rows : fit;
    least = m->rows < LEAST_ROWS ? m->rows : LEAST_ROWS;
    m->repeats = IMPORTANCE_REPEATS;
    while (m->repeats > 1 && (double)(m->repeats * least) > rows) {
        m->repeats--;
    }
    m->rows = at_most(m->rows, rows / (double)m->repeats);
    return m->rows >= least && m->rows > 0;
}

/* ---- the rows ------------------------------------------------------------------------- */

static size_t row_of(size_t i, size_t rows, size_t of_rows)
{
    return (size_t)((unsigned __int128)i * of_rows / rows);
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "no memory to measure what features are worth");
}

/* Rows that are chosen, block after block as they come. */
static enum mlp_status take_inputs(struct measuring *m, const struct mlp_data *data)
{
    size_t first, i = 0;

    for (first = 0; first < data->rows && i < m->rows; first += MLP_SOURCE_ROWS) {
        size_t left = data->rows - first, n = left < MLP_SOURCE_ROWS ? left : MLP_SOURCE_ROWS;
        const mlp_real *x = mlp_data_x(data, m->n_inputs, first, n);

        if (x == NULL) {
            return MLP_E_SOURCE;
        }
        for (; i < m->rows && row_of(i, m->rows, data->rows) < first + n; i++) {
            memcpy(m->kept + i * m->n_inputs,
                   x + (row_of(i, m->rows, data->rows) - first) * m->n_inputs,
                   m->n_inputs * sizeof *x);
        }
    }
    return MLP_OK;
}

static void take_truth(struct measuring *m, const struct mlp_data *data)
{
    size_t i;

    for (i = 0; i < m->rows; i++) {
        size_t row = row_of(i, m->rows, data->rows);

        m->order[i] = i;
        if (data->labels != NULL) {
            m->labels[i] = data->labels[row];
        }
        if (data->targets != NULL) {
            memcpy(m->targets + i * m->n_outputs, data->targets + row * m->n_outputs,
                   m->n_outputs * sizeof *m->targets);
        }
        if (data->weights != NULL) {
            m->weights[i] = data->weights[row];
        }
        if (data->offset != NULL) {
            m->offset[i] = data->offset[row];
        }
    }
    m->data = (struct mlp_data){.rows = m->rows,
                                .x = m->dealt,
                                .labels = data->labels != NULL ? m->labels : NULL,
                                .targets = data->targets != NULL ? m->targets : NULL,
                                .weights = data->weights != NULL ? m->weights : NULL,
                                .offset = data->offset != NULL ? m->offset : NULL};
}

static int take_rows(struct measuring *m, const struct mlp_data *data, struct err *err)
{
    size_t values = m->rows * m->n_inputs;
    enum mlp_status status;

    m->kept = mem_try_alloc(values, sizeof *m->kept);
    m->dealt = mem_try_alloc(values, sizeof *m->dealt);
    m->targets = mem_try_alloc(m->rows * m->n_outputs, sizeof *m->targets);
    m->labels = mem_try_alloc(m->rows, sizeof *m->labels);
    m->weights = mem_try_alloc(m->rows, sizeof *m->weights);
    m->offset = mem_try_alloc(m->rows, sizeof *m->offset);
    m->order = mem_try_alloc(m->rows, sizeof *m->order);
    m->features = mem_try_alloc(m->n_features, sizeof *m->features);
    if (m->kept == NULL || m->dealt == NULL || m->targets == NULL || m->labels == NULL ||
        m->weights == NULL || m->offset == NULL || m->order == NULL || m->features == NULL) {
        return no_memory(err);
    }
    status = take_inputs(m, data);
    if (status != MLP_OK) {
        return model_json_status(err, status, "what features are worth could not be measured");
    }
    memcpy(m->dealt, m->kept, values * sizeof *m->kept);
    take_truth(m, data);
    return 0;
}

static int take_room(struct measuring *m, struct err *err)
{
    const struct mlp_spec *spec = mlp_net_spec(m->net);
    struct mlp_metric_input in = judge_input(m->net, m->encoder, &m->data);
    size_t width = mlp_spec_width(spec) + spec->n_outputs, i;
    bool numbers = in.kind == MLP_OF_NUMBERS;
    enum mlp_status status;

    for (i = 0; i < spec->n_hidden; i++) {
        width += spec->hidden[i].units;
    }
    m->slice = SLICE_VALUES / width;
    m->slice = m->slice < 1 ? 1 : m->slice < SLICE_ROWS ? m->slice : SLICE_ROWS;
    m->which[0] = numbers ? MLP_METRIC_RMSE : MLP_METRIC_LOG_LOSS;
    m->which[1] = numbers ? MLP_METRIC_R2 : MLP_METRIC_ACCURACY;
    m->p = mem_try_alloc(m->slice * m->n_outputs, sizeof *m->p);
    if (m->p == NULL) {
        return no_memory(err);
    }
    status = mlp_meter_new(&in, m->which, ARRAY_LEN(m->which), 0, &m->meter);
    if (status == MLP_OK) {
        status = mlp_workspace_new(m->net, m->slice, &m->ws);
    }
    return status == MLP_OK
               ? 0
               : model_json_status(err, status, "what features are worth could not be measured");
}

/* ---- measuring ------------------------------------------------------------------------- */

static int worth_now(struct measuring *m, struct worth *out, struct err *err)
{
    size_t first, n;

    mlp_meter_reset(m->meter);
    for (first = 0; first < m->rows; first += n) {
        size_t left = m->rows - first;
        enum mlp_status status;

        n = left < m->slice ? left : m->slice;
        status =
            mlp_predict_offset(m->net, m->ws, m->dealt + first * m->n_inputs,
                               m->data.offset != NULL ? m->data.offset + first : NULL, n, m->p);
        if (status == MLP_OK) {
            status = mlp_meter_add(m->meter, m->p, n);
        }
        if (status != MLP_OK) {
            return model_json_status(err, status, "what features are worth could not be measured");
        }
    }
    out->loss = mlp_meter_read(m->meter, m->which[0]).value;
    out->score = mlp_meter_read(m->meter, m->which[1]).value;
    if (m->wish->pulse != NULL) {
        (void)atomic_fetch_add_explicit(m->wish->pulse, 1, memory_order_relaxed);
    }
    return 0;
}

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Another order of the rows: a function of seed, feature and repeat. */
static void shuffle(struct measuring *m, size_t feature, size_t repeat)
{
    uint64_t state = m->wish->seed;
    size_t i;

    state = next_random(&state) ^ feature;
    state = next_random(&state) ^ repeat;
    for (i = 0; i < m->rows; i++) {
        m->order[i] = i;
    }
    for (i = m->rows - 1; i > 0; i--) {
        size_t other = (size_t)((unsigned __int128)next_random(&state) * (i + 1) >> 64);
        size_t swapped = m->order[i];

        m->order[i] = m->order[other];
        m->order[other] = swapped;
    }
}

/* The inputs of a feature, each row's from the row that `order` names; NULL: its own. */
static void deal(struct measuring *m, size_t first, size_t n, const size_t *order)
{
    size_t i;

    for (i = 0; i < m->rows; i++) {
        size_t from = order != NULL ? order[i] : i;

        memcpy(m->dealt + i * m->n_inputs + first, m->kept + from * m->n_inputs + first,
               n * sizeof *m->dealt);
    }
}

/* From sums of changes and of their squares. */
static void settle(double *mean, double *std, size_t repeats)
{
    double square = *std / (double)repeats;

    *mean /= (double)repeats;
    square -= *mean * *mean;
    *std = isnan(*mean) ? NAN : sqrt(square > 0 ? square : 0);
}

static int measure_feature(struct measuring *m, size_t f, struct err *err)
{
    struct encoder_shape shape = encoder_feature_shape(m->encoder, f);
    size_t first = shape.inputs > 0 ? encoder_feature_offset(m->encoder, f) : 0, repeat;
    struct feature *out = &m->features[f];

    *out = (struct feature){.index = f};
    for (repeat = 0; repeat < m->repeats && shape.inputs > 0; repeat++) {
        struct worth now, change;

        shuffle(m, f, repeat);
        deal(m, first, shape.inputs, m->order);
        if (worth_now(m, &now, err) != 0) {
            return -1;
        }
        change = (struct worth){now.loss - m->baseline.loss, m->baseline.score - now.score};
        out->mean.loss += change.loss;
        out->mean.score += change.score;
        out->std.loss += change.loss * change.loss;
        out->std.score += change.score * change.score;
    }
    deal(m, first, shape.inputs, NULL);
    settle(&out->mean.loss, &out->std.loss, m->repeats);
    settle(&out->mean.score, &out->std.score, m->repeats);
    return 0;
}

static int measure_all(struct measuring *m, struct err *err)
{
    size_t f;

    if (worth_now(m, &m->baseline, err) != 0) {
        return -1;
    }
    for (f = 0; f < m->n_features; f++) {
        if (measure_feature(m, f, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- the answer -------------------------------------------------------------------------- */

static int by_importance(const void *a, const void *b)
{
    const struct feature *x = a, *y = b;
    bool x_none = isnan(x->mean.loss), y_none = isnan(y->mean.loss);

    if (x_none != y_none) {
        return x_none ? 1 : -1;
    }
    if (!x_none && (x->mean.loss > y->mean.loss || x->mean.loss < y->mean.loss)) {
        return x->mean.loss > y->mean.loss ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static json_t *measure_json(enum mlp_metric which, double baseline)
{
    json_t *out = model_json_object();

    model_json_put(out, "name", model_json_string(mlp_metric_names()[which]));
    model_json_put(out, "baseline", model_json_number(baseline));
    return out;
}

static json_t *features_json(const struct measuring *m)
{
    json_t *list = model_json_array();
    size_t i;

    for (i = 0; i < m->n_features && i < IMPORTANCE_FEATURES; i++) {
        const struct feature *f = &m->features[i];
        json_t *item = model_json_object();

        model_json_put(item, "name", model_json_string(encoder_feature_name(m->encoder, f->index)));
        model_json_put(item, "loss_increase", model_json_number(f->mean.loss));
        model_json_put(item, "loss_std", model_json_number(f->std.loss));
        model_json_put(item, "score_drop", model_json_number(f->mean.score));
        model_json_put(item, "score_std", model_json_number(f->std.score));
        model_json_push(list, item);
    }
    return list;
}

static json_t *note_json(const struct measuring *m, size_t of_rows, bool measured)
{
    size_t usual = of_rows < IMPORTANCE_ROWS ? of_rows : IMPORTANCE_ROWS;

    if (!measured) {
        return model_json_string("the features are too many for a network of this size: measuring "
                                 "what each is worth would take too long");
    }
    if (m->rows < usual || m->repeats < IMPORTANCE_REPEATS) {
        return model_json_string("fewer rows or repeats than usual were taken, so that measuring "
                                 "does not take much longer than the training");
    }
    return model_json_string(m->n_features > IMPORTANCE_FEATURES
                                 ? "of so many features the most important ones are told"
                                 : NULL);
}

static char *report(const struct measuring *m, size_t of_rows, bool measured)
{
    json_t *out = model_json_object();

    model_json_put(out, "split", model_json_string(m->wish->split));
    model_json_put(out, "rows", model_json_count(measured ? m->rows : 0));
    model_json_put(out, "of_rows", model_json_count(of_rows));
    model_json_put(out, "repeats", model_json_count(measured ? m->repeats : 0));
    model_json_put(out, "seed", model_json_count(m->wish->seed));
    model_json_put(out, "loss",
                   measured ? measure_json(m->which[0], m->baseline.loss)
                            : model_json_string(NULL));
    model_json_put(out, "score",
                   measured ? measure_json(m->which[1], m->baseline.score)
                            : model_json_string(NULL));
    model_json_put(out, "features", measured ? features_json(m) : model_json_array());
    model_json_put(out, "note", note_json(m, of_rows, measured));
    return model_json_take(out);
}

int importance_measure(const struct mlp_net *net, const struct encoder *encoder,
                       const struct mlp_data *data, const struct importance_wish *wish, char **json,
                       struct err *err)
{
    const struct mlp_spec *spec = mlp_net_spec(net);
    struct measuring m = {.net = net,
                          .encoder = encoder,
                          .wish = wish,
                          .n_inputs = spec->n_inputs,
                          .n_outputs = spec->n_outputs,
                          .n_features = encoder_n_features(encoder)};
    bool measured = plan(&m, data->rows);
    int rc = 0;

    if (measured &&
        (take_rows(&m, data, err) != 0 || take_room(&m, err) != 0 || measure_all(&m, err) != 0)) {
        rc = -1;
    }
    if (rc == 0) {
        if (measured) {
            qsort(m.features, m.n_features, sizeof *m.features, by_importance);
        }
        *json = report(&m, data->rows, measured);
    }
    mlp_meter_free(&m.meter);
    mlp_workspace_free(&m.ws);
    free(m.kept);
    free(m.dealt);
    free(m.targets);
    free(m.labels);
    free(m.weights);
    free(m.offset);
    free(m.order);
    free(m.features);
    free(m.p);
    return rc;
}

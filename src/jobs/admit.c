/* Admission: what a job will take, in numbers, before it takes anything; see admit.h.
 *
 * Everything comes from the dataset's statistics and the spec, so a refusal costs
 * microseconds and no memory, however large the job. Every product and sum is checked.
 * The bytes are those the runner allocates: rows encoded as float32 with their truth, the
 * lists of row numbers, the network and its one arena.
 *
 * Any thread; no state.
 */
#include "jobs/admit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "jobs/json_util.h"
#include "jobs/judge.h"
#include "jobs/room.h"

/* What a step of the smallest network costs besides its products; for `seconds`. */
#define SECONDS_PER_STEP 3e-6
/* What split_make lets validate when a split column has no such rows. */
#define COLUMN_VALIDATION 0.15

/* ---- rows ----------------------------------------------------------------------- */

/* The part a split column's value names, or SPLIT_PARTS. */
static enum split_part part_of(const char *text)
{
    static const struct {
        const char *word;
        enum split_part part;
    } words[] = {
        {"train", SPLIT_TRAINING},   {"training", SPLIT_TRAINING},     {"val", SPLIT_VALIDATION},
        {"valid", SPLIT_VALIDATION}, {"validation", SPLIT_VALIDATION}, {"test", SPLIT_TEST},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(words[i].word, text) == 0) {
            return words[i].part;
        }
    }
    return SPLIT_PARTS;
}

static int rows_by_column(const struct job_spec *spec, const struct dataset *ds,
                          size_t rows[SPLIT_PARTS], struct err *err)
{
    static const char pointer[] = "/data/split/column";
    ptrdiff_t at = dataset_find(ds, spec->split_column);
    const struct dataset_column *col;
    char shown[JSON_UTIL_SHOWN];
    uint32_t i;

    CHK(at >= 0); /* job_spec_columns looked */
    col = dataset_column(ds, (size_t)at);
    if (column_holds_numbers(col->type)) {
        return err_add(err, pointer, "must hold train, validation and test, not numbers");
    }
    if (col->missing > 0) {
        return err_add(err, pointer, "%llu row%s no value", (unsigned long long)col->missing,
                       col->missing == 1 ? " has" : "s have");
    }
    for (i = 0; i < col->n_categories; i++) {
        enum split_part part = part_of(col->categories[i]);

        if (part == SPLIT_PARTS) {
            return err_add(err, pointer, "holds \"%s\"; it must be train, validation or test",
                           json_util_shown(col->categories[i], shown));
        }
        rows[part] += (size_t)col->counts[i];
    }
    return 0;
}

/* Shares of n rows by largest remainder, as split_make does for one class. */
static void share(size_t n, const double fraction[SPLIT_PARTS], size_t rows[SPLIT_PARTS])
{
    double rest[SPLIT_PARTS];
    size_t left = n;
    int p, best;

    for (p = 0; p < SPLIT_PARTS; p++) {
        double exact = (double)n * fraction[p];
        size_t whole = (size_t)(exact + 1e-9);

        rows[p] = whole < left ? whole : left;
        rest[p] = exact - (double)rows[p];
        left -= rows[p];
    }
    for (; left > 0; left--) {
        for (p = 1, best = 0; p < SPLIT_PARTS; p++) {
            best = rest[p] > rest[best] + 1e-9 ? p : best;
        }
        rows[best]++;
        rest[best] -= 1;
    }
    if (rows[SPLIT_TRAINING] == 0 && n > 0) { /* the last row trains */
        rows[rows[SPLIT_TEST] > rows[SPLIT_VALIDATION] ? SPLIT_TEST : SPLIT_VALIDATION]--;
        rows[SPLIT_TRAINING] = 1;
    }
}

static void rows_by_ranges(const struct job_spec *spec, size_t rows[SPLIT_PARTS])
{
    size_t p, i;

    for (p = 0; p < SPLIT_PARTS; p++) {
        for (i = 0; i < spec->n_ranges[p]; i++) {
            rows[p] += (size_t)(spec->ranges[p][i].last - spec->ranges[p][i].first) + 1;
        }
    }
}

/* Problems of the rows are told at the key that decides where they go. */
static int point_at_split(const struct job_spec *spec, struct err *problems, int rc,
                          struct err *err)
{
    size_t i;

    for (i = 0; i < problems->n_items; i++) {
        err_add(err, job_spec_split_pointer(spec), "%s", problems->items[i].detail);
    }
    if (rc != 0 && problems->n_items == 0) {
        err_move(err, problems);
    }
    err_fini(problems);
    return rc;
}

/* Of rows that a filter keeps the statistics know nothing. */
static int count_rows(const struct job_spec *spec, const struct dataset *ds,
                      size_t rows[SPLIT_PARTS], struct err *err)
{
    struct split_options options = job_spec_split(spec, ds);
    struct err problems = ERR_INIT;
    int rc = split_count(ds, &options, rows, &problems);

    return point_at_split(spec, &problems, rc, err);
}

/* How many training rows there are after sampling: the split is tried for it. */
static int sampled_rows(const struct job_spec *spec, const struct dataset *ds, size_t *n,
                        struct err *err)
{
    struct sample_options sample = {.kind = spec->sampling, .ratio = spec->sampling_ratio};
    struct split_options options = job_spec_split(spec, ds);
    struct split split = {.n = {0}};
    struct err problems = ERR_INIT;
    uint64_t *before = NULL;
    size_t n_classes;
    int rc = split_make(ds, &options, &split, NULL, &problems);

    rc = point_at_split(spec, &problems, rc, err);
    if (rc == 0) {
        rc = split_classes(ds, &options, &split, SPLIT_TRAINING, &before, &n_classes, err);
    }
    if (rc == 0) {
        *n = (size_t)sample_counts(&sample, before, n_classes, before);
    }
    free(before);
    split_fini(&split);
    return rc;
}

static size_t rows_of_other(const struct job_spec *spec, enum split_part part,
                            const struct dataset *other)
{
    return spec->keep_of[part] != NULL ? spec->n_kept_of[part] : (size_t)dataset_rows(other);
}

int admit_rows(const struct job_spec *spec, const struct dataset *ds,
               const struct dataset *validation, const struct dataset *test,
               size_t rows[SPLIT_PARTS], struct err *err)
{
    double fraction[SPLIT_PARTS] = {1 - spec->validation - spec->test, spec->validation,
                                    spec->test};
    size_t n[SPLIT_PARTS] = {0};

    if (spec->split_way == SPLIT_RANGES && spec->keep == NULL) {
        rows_by_ranges(spec, n);
    } else if (spec->split_way == SPLIT_RANGES ||
               (spec->split_way == SPLIT_COLUMN && spec->keep != NULL)) {
        if (count_rows(spec, ds, n, err) != 0) {
            return -1;
        }
    } else if (spec->split_way != SPLIT_COLUMN) {
        share(spec->keep != NULL ? spec->n_kept : (size_t)dataset_rows(ds), fraction, n);
    } else if (rows_by_column(spec, ds, n, err) != 0) {
        return -1;
    } else if (n[SPLIT_VALIDATION] == 0) { /* then some training rows validate */
        size_t parts[SPLIT_PARTS];

        fraction[SPLIT_TRAINING] = 1 - COLUMN_VALIDATION;
        fraction[SPLIT_VALIDATION] = COLUMN_VALIDATION;
        fraction[SPLIT_TEST] = 0;
        share(n[SPLIT_TRAINING], fraction, parts);
        n[SPLIT_TRAINING] = parts[SPLIT_TRAINING];
        n[SPLIT_VALIDATION] = parts[SPLIT_VALIDATION];
    }
    if (n[SPLIT_TRAINING] == 0) {
        return err_add(err, job_spec_split_pointer(spec), "no rows are left to train on%s",
                       spec->split_way == SPLIT_COLUMN ? ": the column says train in none" : "");
    }
    if (spec->sampling != SAMPLE_NONE &&
        sampled_rows(spec, ds, &n[SPLIT_TRAINING], err) != 0) {
        return -1;
    }
    rows[SPLIT_TRAINING] = n[SPLIT_TRAINING];
    rows[SPLIT_VALIDATION] =
        validation != NULL ? rows_of_other(spec, SPLIT_VALIDATION, validation) : n[SPLIT_VALIDATION];
    rows[SPLIT_TEST] = test != NULL ? rows_of_other(spec, SPLIT_TEST, test) : n[SPLIT_TEST];
    return 0;
}

/* ---- bytes ----------------------------------------------------------------------- */

/* Rows that a window has room for. */
static size_t usual_window(const struct job_spec *spec, size_t n_inputs)
{
    size_t rows = ADMIT_WINDOW_BYTES / sizeof(float) / (n_inputs > 0 ? n_inputs : 1);

    rows = rows > MLP_SOURCE_ROWS ? rows : MLP_SOURCE_ROWS;
    return rows > spec->train.batch_size ? rows : spec->train.batch_size;
}

/* As the spec says, else by what all rows would take. */
static size_t window_of(const struct job_spec *spec, const struct admission *a, size_t all,
                        size_t memory_limit)
{
    size_t bytes;
    bool fits = mem_mul(all, a->n_inputs, &bytes) && mem_mul(bytes, sizeof(float), &bytes) &&
                bytes <= memory_limit / 2;

    return !spec->window_auto ? spec->train.window : fits ? 0 : usual_window(spec, a->n_inputs);
}

/* x of `all` rows in `parts` parts: of a window, which the training has, pieces and row numbers. */
static bool x_bytes(const struct admission *a, size_t all, size_t parts, size_t *out)
{
    size_t rows = a->window > 0 ? parts * MLP_SOURCE_ROWS : all;

    return mem_mul(rows, a->n_inputs, out) && mem_mul(*out, sizeof(float), out) &&
           (a->window == 0 || mem_add(*out, all * sizeof(uint32_t), out));
}

/* Validation rows that a second training has beside those of training. Sampled they are as many
 * times more as the training rows became: as long as their classes are alike. */
static bool rows_again(const struct job_spec *spec, const size_t rows[SPLIT_PARTS], size_t *out)
{
    size_t others = rows[SPLIT_VALIDATION] + rows[SPLIT_TEST];
    size_t own = spec->n_kept > others ? spec->n_kept - others : 1, times = 1;

    if (spec->sampling == SAMPLE_OVER && rows[SPLIT_TRAINING] > own) {
        times = (rows[SPLIT_TRAINING] + own - 1) / own;
    }
    return mem_mul(spec->refit ? times : 0, rows[SPLIT_VALIDATION], out);
}

/* Rows of all parts: x as float32, the truth (labels or float32 targets), weights and offsets;
 * weights of the training rows by class; and the split's lists of row numbers, which name the
 * rows of `ds`. */
static bool data_bytes(const struct job_spec *spec, const struct admission *a,
                       const struct dataset *ds, const size_t rows[SPLIT_PARTS], size_t *out)
{
    size_t truth = spec->classes ? 1 : a->n_outputs;
    size_t extra = (spec->sample_weight != NULL) + (spec->offset != NULL);
    bool by_class = spec->balanced || spec->n_class_weights > 0;
    size_t width, all = 0, lists, x, part, again;

    for (part = 0; part < SPLIT_PARTS; part++) {
        if (!mem_add(all, rows[part], &all)) {
            return false;
        }
    }
    if (!rows_again(spec, rows, &again) || !mem_add(all, again, &all)) {
        return false;
    }
    return mem_mul((size_t)dataset_rows(ds) +
                       (spec->sampling != SAMPLE_NONE ? rows[SPLIT_TRAINING] : 0),
                   sizeof(uint64_t), &lists) &&
           x_bytes(a, all, SPLIT_PARTS + 1, &x) &&
           mem_mul(truth + extra, sizeof(float), &width) && mem_mul(all, width, &all) &&
           mem_add(all, lists, &all) && mem_add(all, x, &all) &&
           mem_add(all,
                   by_class ? (rows[SPLIT_TRAINING] + again) * sizeof(float) : 0, out);
}

/* What measures the value that early stopping looks at. */
static size_t monitor_bytes(const struct job_spec *spec, size_t n_classes, size_t n_outputs,
                            const size_t rows[SPLIT_PARTS])
{
    static const mlp_real there; /* a meter is only measured, but wants a truth */
    struct mlp_metric_input in = {
        .kind = job_spec_kind(spec),
        .targets = &there,
        .rows = rows[spec->monitor.part],
        .columns = n_outputs,
        .n_classes = spec->classes ? n_classes : n_outputs,
    };
    size_t bytes = 0;

    if (!spec->early_stopping || !spec->monitor.of_metric || in.rows == 0 ||
        mlp_meter_bytes(&in, &spec->monitor.metric, 1, 0, &bytes) != MLP_OK) {
        return 0;
    }
    return bytes;
}

/* Numbers in tables, which mlp_estimate has counted. */
static size_t in_tables(const struct mlp_spec *net)
{
    size_t n = 0, i;

    for (i = 0; i < net->n_embeddings; i++) {
        n += net->embeddings[i].levels * net->embeddings[i].width;
    }
    return n;
}

static int refuse_size(const struct mlp_spec *net, const struct admission *a, size_t memory_limit,
                       struct err *err)
{
    char need[ROOM_TEXT_LEN], limit[ROOM_TEXT_LEN], part[ROOM_TEXT_LEN];
    bool network = a->training_bytes >= a->data_bytes;

    room_text((double)a->bytes, need);
    room_text((double)memory_limit, limit);
    if (network && in_tables(net) > a->parameters / 2) {
        return err_add(err, "/preprocess/categorical",
                       "the job needs %s, the limit is %s: training %zu parameters takes %s, and "
                       "%zu of them are embeddings",
                       need, limit, a->parameters, room_text((double)a->training_bytes, part),
                       in_tables(net));
    }
    if (network) {
        return err_add(err, "/architecture/hidden",
                       "the job needs %s, the limit is %s: training %zu parameters takes %s", need,
                       limit, a->parameters, room_text((double)a->training_bytes, part));
    }
    return err_add(err, "/data",
                   "the job needs %s, the limit is %s: its rows, %zu values wide, "
                   "take %s",
                   need, limit, a->n_inputs, room_text((double)a->data_bytes, part));
}

/* ---- the disk --------------------------------------------------------------------- */

#define CHECKPOINT_HEAD (16u << 10) /* of a file, beside the trainer's state */
#define MODEL_TEXTS     (16u << 10) /* JSON of a small model */
#define FEATURE_TEXTS   512         /* and of each input or level of an embedding */
#define COUNT_TEXT      4           /* a cell of a confusion matrix: digits and a comma */
#define PAIR_TEXT       48          /* two numbers, such as a point of a curve */
#define COUNTS_TEXT     64          /* right and wrong from one threshold on */
#define POINT_BYTES     192         /* a point's row with three metrics */
#define NORM_BYTES      24          /* and the gradient of a layer in it */
#define CURVE_ALL       2000        /* epochs that are all kept; see runner_curve.c */

size_t admit_curve_points(size_t epochs)
{
    size_t points = epochs < CURVE_ALL ? epochs : CURVE_ALL, to = CURVE_ALL;

    while (to < epochs) { /* each time twice as many epochs, and the best one beside each point */
        points += CURVE_ALL;
        to = to > SIZE_MAX / 2 ? SIZE_MAX : to * 2;
    }
    return points + 2; /* the last one, and its best */
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* The evaluation of one part as text: what judge.h keeps of it. */
static size_t evaluation_bytes(const struct job_spec *spec, size_t n_classes, size_t n_outputs)
{
    size_t matrix = at_most(n_classes, JUDGE_MAX_MATRIX), points;

    if (!spec->classes) {
        return at_most(n_outputs, JUDGE_MAX_TARGETS) * (JUDGE_MAX_SAMPLE + JUDGE_BINS) * PAIR_TEXT;
    }
    points = n_classes == 2 ? JUDGE_MAX_POINTS
                            : at_most(n_classes, JUDGE_MAX_CURVES) * JUDGE_REST_POINTS;
    return matrix * matrix * COUNT_TEXT + points * (2 * PAIR_TEXT + COUNTS_TEXT);
}

/* What is there at the worst moment: the curve, and either two checkpoints and a third being
 * written, or two and the model, which lies in the database's log and then in the database. */
static bool disk_bytes(const struct job_spec *spec, const struct mlp_estimate *e,
                       const struct admission *a, size_t n_classes, size_t n_levels,
                       const size_t rows[SPLIT_PARTS], size_t *out)
{
    size_t points = admit_curve_points(spec->train.epochs), point = POINT_BYTES;
    size_t texts = MODEL_TEXTS, features, checkpoint, model, curve, most, part;

    if (spec->train.gradient_norms) {
        point += NORM_BYTES * (spec->n_hidden + 1);
    }
    for (part = 0; part < SPLIT_PARTS; part++) {
        texts += rows[part] > 0 ? evaluation_bytes(spec, n_classes, a->n_outputs) : 0;
    }
    if (!mem_add(e->state_bytes, CHECKPOINT_HEAD, &checkpoint) ||
        !mem_add(a->n_inputs, n_levels, &features) ||
        !mem_mul(features, FEATURE_TEXTS, &features) || !mem_add(features, texts, &texts) ||
        !mem_add(e->net_bytes, e->state_bytes, &model) || !mem_add(model, texts, &model) ||
        !mem_mul(points, point, &curve) || !mem_mul(model, 2, &most)) {
        return false;
    }
    most = most > checkpoint ? most : checkpoint;
    return mem_add(curve, most, &most) && mem_add(most, checkpoint, &most) &&
           mem_add(most, checkpoint, out) && *out <= INT64_MAX / 2;
}

/* ---- the whole -------------------------------------------------------------------- */

/* Levels and width of every table, for the encoder's options. */
static struct mlp_embedding *estimated_tables(const struct dataset *ds,
                                              const struct encoder_options *options, size_t *n)
{
    size_t most = options->n_features, i;
    size_t *sizes = xcalloc(2 * most, sizeof *sizes);
    struct mlp_embedding *tables = xcalloc(most, sizeof *tables);

    *n = encoder_estimate_embeddings(ds, options, most, sizes, sizes + most);
    CHK(*n <= most); /* a feature has one at most */
    for (i = 0; i < *n; i++) {
        tables[i] = (struct mlp_embedding){sizes[i], sizes[most + i]};
    }
    free(sizes);
    return tables;
}

/* n_inputs and n_outputs, at most, and the tables, which the caller frees. */
static int encoded_width(const struct job_spec *spec, const struct dataset *ds, size_t n_train,
                         struct admission *a, struct mlp_embedding **tables, size_t *n_tables,
                         struct err *err)
{
    struct err problems = ERR_INIT;
    struct job_encoder encoder;
    size_t i;
    int rc;

    if (spec->start_model != 0) { /* its encoder is there already */
        a->n_inputs = spec->start_inputs;
        a->n_outputs = spec->classes ? spec->start_classes : spec->n_targets;
        *n_tables = spec->n_start_tables;
        *tables = xcalloc(*n_tables + 1, sizeof **tables);
        if (*n_tables > 0) {
            memcpy(*tables, spec->start_tables, *n_tables * sizeof **tables);
        }
        return 0;
    }
    if (job_encoder_init(&encoder, spec, ds, err) != 0) {
        return -1;
    }
    rc = encoder_estimate(ds, &encoder.options, n_train, &a->n_inputs, &a->n_outputs, &problems);
    if (rc == 0) {
        *tables = estimated_tables(ds, &encoder.options, n_tables);
    }
    job_encoder_fini(&encoder);
    for (i = 0; i < problems.n_items; i++) { /* the encoder knows columns, not the job's keys */
        err_add(err, "/data/target", "%s", problems.items[i].detail);
    }
    if (rc != 0 && problems.n_items == 0) {
        err_move(err, &problems);
    }
    err_fini(&problems);
    return rc;
}

static int refuse_status(enum mlp_status status, const struct mlp_spec *net,
                         const struct admission *a, struct err *err)
{
    size_t i;

    for (i = 0; i < net->n_embeddings; i++) {
        if (net->embeddings[i].levels > MLP_MAX_LEVELS) {
            return err_add(err, "/data", "an embedding of %zu levels, the limit is %d",
                           net->embeddings[i].levels, MLP_MAX_LEVELS);
        }
    }
    if (net->n_embeddings > MLP_MAX_EMBEDDINGS) {
        return err_add(err, "/data", "%zu columns are embedded, the limit is %d",
                       net->n_embeddings, MLP_MAX_EMBEDDINGS);
    }
    if (mlp_spec_width(net) > MLP_MAX_INPUTS) {
        return err_add(err, "/data", "an encoded row has %zu values, the limit is %d",
                       mlp_spec_width(net), MLP_MAX_INPUTS);
    }
    if (a->n_outputs > MLP_MAX_UNITS) {
        return err_add(err, "/data/target", "%zu classes, the limit is %d", a->n_outputs,
                       MLP_MAX_UNITS);
    }
    return err_add(err, "/architecture/hidden", "%s", mlp_status_text(status));
}

static size_t all_levels(const struct mlp_spec *net)
{
    size_t levels = 0, i;

    for (i = 0; i < net->n_embeddings; i++) {
        levels += net->embeddings[i].levels; /* texts of a dataset: they are in memory */
    }
    return levels;
}

/* The network and `a`'s widths are there. */
static int weigh(const struct job_spec *spec, const struct dataset *ds,
                 const size_t rows[SPLIT_PARTS], size_t memory_limit, struct mlp_spec net,
                 struct admission a, struct admission *out, struct err *err)
{
    struct mlp_train_spec train = spec->train;
    struct mlp_estimate estimate;
    size_t n_classes = a.n_outputs;
    enum mlp_status status;
    double steps;

    a.n_outputs = net.n_outputs; /* two classes may share one */
    if (spec->n_hidden > 0 && spec->hidden[0].residual &&
        spec->hidden[0].units != mlp_spec_width(&net)) {
        return err_add(err, "/architecture/hidden/0/residual",
                       "adds the layer's input to its output, and they are %zu and %zu wide",
                       mlp_spec_width(&net), spec->hidden[0].units);
    }
    a.window = window_of(spec, &a, rows[SPLIT_TRAINING] + rows[SPLIT_VALIDATION] + rows[SPLIT_TEST],
                         memory_limit);
    train.window = a.window;
    status = mlp_estimate(&net, &train,
                          rows[SPLIT_TRAINING] + (spec->refit ? rows[SPLIT_VALIDATION] : 0),
                          &estimate);
    if (status != MLP_OK) {
        return refuse_status(status, &net, &a, err);
    }
    if (spec->refit && !mem_add(estimate.state_bytes, estimate.net_bytes, &estimate.state_bytes)) {
        return refuse_status(MLP_E_TOO_LARGE, &net, &a, err); /* the first training's weights */
    }
    a.parameters = estimate.parameters;
    a.flops = spec->refit ? 2 * estimate.flops : estimate.flops;
    a.state_bytes = estimate.state_bytes;
    a.live_bytes = estimate.net_bytes;
    if (!mem_add(estimate.net_bytes, estimate.arena_bytes, &a.training_bytes) ||
        !data_bytes(spec, &a, ds, rows, &a.data_bytes) ||
        !mem_add(a.data_bytes, monitor_bytes(spec, n_classes, a.n_outputs, rows), &a.data_bytes) ||
        !mem_add(a.training_bytes, a.data_bytes, &a.bytes) ||
        !mem_add(a.bytes, estimate.state_bytes, &a.bytes) ||
        !mem_add(a.bytes, estimate.net_bytes, &a.bytes)) {
        return err_add(err, "/data", "the job needs more memory than there are addresses");
    }
    if (a.bytes > memory_limit) {
        return refuse_size(&net, &a, memory_limit, err);
    }
    if (!disk_bytes(spec, &estimate, &a, n_classes, all_levels(&net), rows, &a.disk_bytes)) {
        return err_add(err, "/architecture/hidden", "the job needs more disk than there is");
    }
    steps = ceil((double)rows[SPLIT_TRAINING] / (double)spec->train.batch_size) *
            (double)spec->train.epochs;
    steps = spec->refit ? 2 * steps : steps;
    a.seconds = a.flops / ADMIT_FLOPS_PER_SECOND + steps * SECONDS_PER_STEP;
    *out = a;
    return 0;
}

int admit(const struct job_spec *spec, const struct dataset *ds, const size_t rows[SPLIT_PARTS],
          size_t memory_limit, struct admission *out, struct err *err)
{
    struct admission a = {.n_inputs = 0};
    struct mlp_embedding *tables = NULL;
    struct mlp_spec net;
    size_t n_tables = 0;
    int rc;

    if (encoded_width(spec, ds, rows[SPLIT_TRAINING], &a, &tables, &n_tables, err) != 0) {
        return -1;
    }
    net = job_spec_network(spec, a.n_inputs, a.n_outputs, 1);
    net.n_embeddings = n_tables;
    net.embeddings = tables;
    rc = weigh(spec, ds, rows, memory_limit, net, a, out, err);
    free(tables);
    return rc;
}

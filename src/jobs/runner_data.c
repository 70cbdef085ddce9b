/* Rows of a dataset -> what the learning core eats: x in row-major float32; the truth as labels
 * (classes on a softmax) or as float targets (everything else; of two classes on one sigmoid
 * 0 and 1); and, where the model has them, each row's weight and offset.
 *
 * Encoded in slices, so that an interrupted job ends soon and the encoder's own buffers stay
 * small. The sizes were admitted when the job was submitted; they are checked again here
 * because the arithmetic costs nothing.
 *
 * Runs on a worker thread; a part belongs to its job.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/runner_priv.h"

#define SHARES_TOLERANCE 1e-6 /* of rows of shares, which sum to 1 */

/* Not for a cancel: whether there are weights to keep is not known yet. */
static bool stops(void *ctx)
{
    const struct runner_slot *slot = ctx;

    runner_pulse(slot);
    return atomic_load_explicit(slot->stop, memory_order_relaxed) ||
           atomic_load_explicit(slot->pause, memory_order_relaxed);
}

int runner_open_dataset(const struct runner_slot *slot, const char *sha256,
                        const struct dataset **out, struct err *err)
{
    struct runner_slot copy = *slot; /* what it points to is shared */

    return datasets_open_verified(slot->datasets, sha256, stops, &copy, out, err);
}

static int no_memory(struct err *err, size_t n)
{
    return err_set(err, ERR_NO_MEMORY, "no memory for %zu encoded rows", n);
}

/* Shares of classes sum to 1, as the core will want them. */
static int check_shares(const struct encoder *e, const uint64_t *rows, size_t n, const float *y,
                        struct err *err)
{
    size_t width = encoder_n_targets(e), i, k;

    for (i = 0; i < n; i++, y += width) {
        double sum = 0;

        for (k = 0; k < width; k++) {
            sum += (double)y[k];
        }
        if (!(fabs(sum - 1) <= SHARES_TOLERANCE)) {
            return err_add_cell(err, (int64_t)rows[i] + 1, 0, NULL,
                                "row %llu: the targets are shares of classes and sum to %.9g, "
                                "not to 1",
                                (unsigned long long)rows[i] + 1, sum);
        }
    }
    return 0;
}

/* Truth of `n` rows into place `first` of the part. */
static int encode_truth(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                        size_t first, size_t n, enum mlp_output output, uint32_t *slice,
                        struct runner_part *part, struct err *err)
{
    size_t i;

    if (!encoder_is_classes(e)) {
        float *y = part->targets + first * encoder_n_targets(e);

        if (encoder_encode_targets(e, ds, rows, n, y, err) != 0) {
            return -1;
        }
        return output == MLP_OUT_SOFTMAX ? check_shares(e, rows, n, y, err) : 0;
    }
    if (part->labels != NULL) {
        return encoder_encode_labels(e, ds, rows, n, part->labels + first, err);
    }
    if (encoder_encode_labels(e, ds, rows, n, slice, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        part->targets[first + i] = (float)slice[i];
    }
    return 0;
}

/* Weights and offsets of `n` rows into place `first`. */
static int encode_extras(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                         size_t first, size_t n, struct runner_part *part, struct err *err)
{
    size_t i;

    if (part->offset != NULL && /* added before the output is brought to the target's units */
        encoder_read_column(ds, encoder_offset(e), rows, n, encoder_target_scale(e, 0),
                            part->offset + first, err) != 0) {
        return -1;
    }
    if (part->weights == NULL) {
        return 0;
    }
    if (encoder_read_column(ds, encoder_weight(e), rows, n, 1, part->weights + first, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (part->weights[first + i] < 0) {
            return err_add_cell(err, (int64_t)rows[i] + 1, 0, encoder_weight(e),
                                "row %llu: the weight %g is negative",
                                (unsigned long long)rows[i] + 1, (double)part->weights[first + i]);
        }
    }
    return 0;
}

static int allocate(const struct encoder *e, const struct dataset *ds, enum mlp_output output,
                    struct runner_part *part, struct err *err)
{
    bool classes = encoder_is_classes(e), labels = classes && output == MLP_OUT_SOFTMAX;
    size_t n = part->room, width = classes ? 1 : encoder_n_targets(e), values, truths;
    bool weighs = encoder_weight(e) != NULL && dataset_find(ds, encoder_weight(e)) >= 0;
    bool offset = encoder_offset(e) != NULL;

    if (!mem_mul(n, encoder_n_inputs(e), &values) || !mem_mul(n, width, &truths)) {
        return no_memory(err, n);
    }
    part->x = part->streams == NULL ? mem_try_alloc(values, sizeof *part->x) : NULL;
    if (labels) {
        part->labels = mem_try_alloc(truths, sizeof *part->labels);
    } else {
        part->targets = mem_try_alloc(truths, sizeof *part->targets);
    }
    part->weights = weighs ? mem_try_alloc(n, sizeof *part->weights) : NULL;
    part->offset = offset ? mem_try_alloc(n, sizeof *part->offset) : NULL;
    if ((part->x == NULL && part->streams == NULL) ||
        (part->labels == NULL && part->targets == NULL) ||
        (weighs && part->weights == NULL) || (offset && part->offset == NULL)) {
        return no_memory(err, n);
    }
    return 0;
}

int runner_part_encode(const struct runner_slot *slot, const struct encoder *encoder,
                       const struct dataset *ds, const uint64_t *rows, size_t n,
                       enum mlp_output output, struct runner_part *out, struct err *err)
{
    struct runner_part part = {.room = out->room > n ? out->room : n,
                               .streams = out->streams,
                               .data = {.rows = n}};
    size_t width = encoder_n_inputs(encoder), first, i, take;
    uint64_t *numbers = xcalloc(DATASET_GROUP, sizeof *numbers);
    uint32_t *labels = xcalloc(DATASET_GROUP, sizeof *labels);
    int rc = allocate(encoder, ds, output, &part, err);

    for (first = 0; rc == 0 && first < n; first += take) {
        take = n - first < DATASET_GROUP ? n - first : DATASET_GROUP;
        if (runner_interrupted(slot)) {
            rc = 1;
            break;
        }
        runner_pulse(slot);
        for (i = 0; i < take; i++) {
            numbers[i] = rows != NULL ? rows[first + i] : first + i;
        }
        rc = part.x != NULL ? encoder_encode_rows(encoder, ds, numbers, take,
                                                  part.x + first * width, err)
                            : 0;
        if (rc == 0) {
            rc = encode_truth(encoder, ds, numbers, first, take, output, labels, &part, err);
        }
        if (rc == 0) {
            rc = encode_extras(encoder, ds, numbers, first, take, &part, err);
        }
    }
    free(numbers);
    free(labels);
    if (rc == 0 && part.streams != NULL) {
        rc = runner_stream_new(slot, encoder, ds, rows, n, part.streams, &part.stream, err);
    }
    if (rc != 0) {
        runner_part_fini(&part);
        return rc;
    }
    part.data.x = part.x;
    part.data.targets = part.targets;
    part.data.labels = part.labels;
    part.data.weights = part.weights;
    part.data.offset = part.offset;
    part.data.source = part.stream != NULL ? runner_stream_source(part.stream) : NULL;
    *out = part;
    return 0;
}

/* Of `more` the rows at `picks` ([m]; NULL: the first m), all but x of streams. */
static void append_rows(struct runner_part *part, const struct runner_part *more,
                        const uint64_t *picks, size_t m, const size_t widths[2])
{
    size_t n = part->data.rows, i;

    CHK(part->room >= n + m);
    for (i = 0; i < m; i++) {
        size_t from = picks != NULL ? (size_t)picks[i] : i, to = n + i;

        if (part->x != NULL) {
            memcpy(part->x + to * widths[0], more->x + from * widths[0],
                   widths[0] * sizeof *part->x);
        }
        if (part->labels != NULL) {
            part->labels[to] = more->labels[from];
        } else {
            memcpy(part->targets + to * widths[1], more->targets + from * widths[1],
                   widths[1] * sizeof *part->targets);
        }
        if (part->weights != NULL) { /* a dataset that validates may have none */
            part->weights[to] = more->weights != NULL ? more->weights[from] : 1;
        }
        if (part->offset != NULL) {
            part->offset[to] = more->offset[from];
        }
    }
}

void runner_part_append(struct runner_part *part, struct runner_part *more, const size_t widths[2],
                        struct mlp_data *all)
{
    size_t n = part->data.rows, m = more->data.rows;
    struct runner_stream *stream = more->stream;
    struct mlp_data view = {.rows = m};

    append_rows(part, more, NULL, m, widths);
    if (stream != NULL) {
        runner_stream_join(part->stream, stream);
        view.source = more->data.source;
        more->stream = NULL; /* it stays */
    } else {
        view.x = part->x + n * widths[0];
    }
    view.labels = part->labels != NULL ? part->labels + n : NULL;
    view.targets = part->targets != NULL ? part->targets + n * widths[1] : NULL;
    view.weights = more->weights != NULL ? part->weights + n : NULL;
    view.offset = part->offset != NULL ? part->offset + n : NULL;
    *all = part->data;
    all->rows = n + m;
    runner_part_fini(more);
    more->data = view;
    more->stream = stream;
}

int runner_part_append_some(struct runner_part *part, const struct runner_part *more,
                            const uint64_t *picks, size_t m, const size_t widths[2],
                            struct mlp_data *all, struct err *err)
{
    if (more->stream != NULL &&
        runner_stream_join_some(part->stream, more->stream, picks, m, err) != 0) {
        return -1;
    }
    append_rows(part, more, picks, m, widths);
    *all = part->data;
    all->rows += m;
    return 0;
}

void runner_part_fini(struct runner_part *part)
{
    free(part->x);
    free(part->targets);
    free(part->labels);
    free(part->weights);
    free(part->offset);
    free(part->by_class);
    runner_stream_free(&part->stream);
    *part = (struct runner_part){.x = NULL};
}

/* ---- what rows count ---------------------------------------------------------------- */

/* A mean of 0 cannot become 1. */
static double mean_of(const float *values, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        sum += (double)values[i];
    }
    return sum / (double)n;
}

static void scale(float *values, size_t n, double factor)
{
    size_t i;

    for (i = 0; i < n; i++) {
        values[i] = (float)((double)values[i] * factor);
    }
}

int runner_weigh(struct runner_part parts[SPLIT_PARTS], struct err *err)
{
    static const char *const names[SPLIT_PARTS] = {"training", "validation", "test"};
    double mean = 0;
    int part;

    for (part = 0; part < SPLIT_PARTS; part++) {
        struct runner_part *p = &parts[part];

        if (p->weights == NULL || p->data.rows == 0) {
            continue;
        }
        mean = part == SPLIT_TRAINING ? mean_of(p->weights, p->data.rows) : mean;
        if (!(mean_of(p->weights, p->data.rows) > 0)) {
            return err_add(err, "/data/sample_weight", "every %s row has weight 0", names[part]);
        }
        scale(p->weights, p->data.rows, 1 / mean);
    }
    return 0;
}

/* The weight of each class in class_weight[n_classes]. */
static int weights_of_classes(const struct job_spec *spec, const struct encoder *e,
                              const struct runner_part *part, size_t rows, double *class_weight,
                              struct err *err)
{
    size_t n = encoder_n_classes(e), seen = 0, i;
    size_t *count = xcalloc(n, sizeof *count);
    int rc = 0;

    for (i = 0; i < rows; i++) {
        count[part->labels != NULL ? part->labels[i] : (size_t)part->targets[i]]++;
    }
    for (i = 0; i < n; i++) {
        seen += count[i] > 0;
        class_weight[i] = 1;
    }
    for (i = 0; i < n && spec->balanced; i++) {
        if (count[i] > 0) {
            class_weight[i] = (double)rows / ((double)seen * (double)count[i]);
        }
    }
    for (i = 0; i < spec->n_class_weights; i++) {
        ptrdiff_t k = encoder_class_find(e, spec->class_weights[i].label);

        if (k < 0) {
            rc = err_add(err, "/training/class_weight", "the training rows have no class \"%.60s\"",
                         spec->class_weights[i].label);
        } else {
            class_weight[k] = spec->class_weights[i].weight;
        }
    }
    free(count);
    return rc;
}

void runner_weigh_again(float *weights, size_t n)
{
    if (weights != NULL) {
        scale(weights, n, 1 / mean_of(weights, n));
    }
}

int runner_weigh_classes(const struct job_spec *spec, const struct encoder *e,
                         struct runner_part *part, size_t n, struct err *err)
{
    size_t i;
    double *class_weight, mean;
    int rc;

    if (!spec->balanced && spec->n_class_weights == 0) {
        return 0;
    }
    free(part->by_class);
    part->by_class = mem_try_alloc(n, sizeof *part->by_class);
    if (part->by_class == NULL) {
        return no_memory(err, n);
    }
    class_weight = xcalloc(encoder_n_classes(e), sizeof *class_weight);
    rc = weights_of_classes(spec, e, part, n, class_weight, err);
    for (i = 0; i < n; i++) {
        size_t k = part->labels != NULL ? part->labels[i] : (size_t)part->targets[i];

        part->by_class[i] =
            (float)(class_weight[k] * (part->weights != NULL ? (double)part->weights[i] : 1));
    }
    free(class_weight);
    mean = mean_of(part->by_class, n);
    if (rc == 0 && !(mean > 0 && isfinite(mean))) {
        rc = err_add(err, "/training/class_weight", "the training rows weigh nothing, or too much");
    }
    if (rc == 0) {
        scale(part->by_class, n, 1 / mean);
    }
    return rc;
}

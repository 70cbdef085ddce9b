/* Rows of a dataset -> what the learning core eats: x in row-major float32, and the truth as
 * labels (cross-entropy over classes) or as float targets (everything else; of two classes
 * on one sigmoid output 0 and 1).
 *
 * Encoded in slices, so that an interrupted job ends soon and the encoder's own buffers stay
 * small. The sizes were admitted when the job was submitted; they are checked again here
 * because the arithmetic costs nothing.
 *
 * Runs on a worker thread; a part belongs to its job.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/runner_priv.h"

static int no_memory(struct err *err, size_t n)
{
    return err_set(err, ERR_NO_MEMORY, "no memory for %zu encoded rows", n);
}

/* Truth of `n` rows into place `first` of the part. */
static int encode_truth(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                        size_t first, size_t n, uint32_t *slice, struct runner_part *part,
                        struct err *err)
{
    size_t i;

    if (!encoder_is_classes(e)) {
        return encoder_encode_targets(e, ds, rows, n,
                                      part->targets + first * encoder_n_targets(e), err);
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

static int allocate(const struct encoder *e, size_t n, enum mlp_loss loss,
                    struct runner_part *part, struct err *err)
{
    size_t width = encoder_is_classes(e) ? 1 : encoder_n_targets(e), values, truths;

    if (!mem_mul(n, encoder_n_inputs(e), &values) || !mem_mul(n, width, &truths)) {
        return no_memory(err, n);
    }
    part->x = mem_try_alloc(values, sizeof *part->x);
    if (loss == MLP_CROSS_ENTROPY) {
        part->labels = mem_try_alloc(truths, sizeof *part->labels);
    } else {
        part->targets = mem_try_alloc(truths, sizeof *part->targets);
    }
    if (part->x == NULL || (part->labels == NULL && part->targets == NULL)) {
        return no_memory(err, n);
    }
    return 0;
}

int runner_part_encode(const struct runner_slot *slot, const struct encoder *encoder,
                       const struct dataset *ds, const uint64_t *rows, size_t n,
                       enum mlp_loss loss, struct runner_part *out, struct err *err)
{
    struct runner_part part = {.data = {.rows = n}};
    size_t width = encoder_n_inputs(encoder), first, i, take;
    uint64_t *numbers = xcalloc(DATASET_GROUP, sizeof *numbers);
    uint32_t *labels = xcalloc(DATASET_GROUP, sizeof *labels);
    int rc = allocate(encoder, n, loss, &part, err);

    for (first = 0; rc == 0 && first < n; first += take) {
        take = n - first < DATASET_GROUP ? n - first : DATASET_GROUP;
        if (runner_interrupted(slot)) {
            rc = 1;
            break;
        }
        for (i = 0; i < take; i++) {
            numbers[i] = rows != NULL ? rows[first + i] : first + i;
        }
        rc = encoder_encode_rows(encoder, ds, numbers, take, part.x + first * width, err);
        if (rc == 0) {
            rc = encode_truth(encoder, ds, numbers, first, take, labels, &part, err);
        }
    }
    free(numbers);
    free(labels);
    if (rc != 0) {
        runner_part_fini(&part);
        return rc;
    }
    part.data.x = part.x;
    part.data.targets = part.targets;
    part.data.labels = part.labels;
    *out = part;
    return 0;
}

void runner_part_fini(struct runner_part *part)
{
    free(part->x);
    free(part->targets);
    free(part->labels);
    *part = (struct runner_part){.x = NULL};
}

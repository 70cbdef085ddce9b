/* The training rows of a job with data.sampling: which of them, and how often.
 *
 * The preparation is fitted before, on every training row; weights of classes and of rows count
 * what is there afterwards. Validation and test stay as they are, so that they measure what the
 * model is for. Only in a second training (refit), where validation rows train too, these are
 * sampled in the same way, by themselves.
 *
 * Runs on a worker thread.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/runner_training.h"

static struct sample_options options_of(const struct job_spec *spec)
{
    return (struct sample_options){spec->sampling, spec->sampling_ratio, spec->train.seed};
}

int runner_sample_training(struct training *t, struct split *split, struct err *err)
{
    struct sample_options options = options_of(&t->spec);
    size_t n = split->n[SPLIT_TRAINING], i;
    uint64_t *rows = split->rows[SPLIT_TRAINING];
    uint32_t *labels;
    int rc;

    if (options.kind == SAMPLE_NONE) {
        return 0;
    }
    labels = mem_try_alloc(n, sizeof *labels);
    if (labels == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to sample %zu rows", n);
    }
    rc = encoder_encode_labels(t->encoder, t->ds, rows, n, labels, err);
    if (rc == 0) {
        rc = sample_rows(&options, labels, n, encoder_n_classes(t->encoder), &t->sampled, err);
    }
    free(labels);
    if (rc != 0) {
        return rc;
    }
    for (i = 0; i < t->sampled.n; i++) { /* the list of places becomes one of rows */
        t->sampled.picks[i] = rows[t->sampled.picks[i]];
    }
    split->rows[SPLIT_TRAINING] = t->sampled.picks;
    split->n[SPLIT_TRAINING] = t->sampled.n;
    t->sampled.picks = NULL;
    free(rows);
    return 0;
}

int runner_sample_validation(const struct training *t, struct sampled *out, struct err *err)
{
    const struct runner_part *part = &t->parts[SPLIT_VALIDATION];
    struct sample_options options = options_of(&t->spec);
    size_t n = part->data.rows, i;
    uint32_t *labels = mem_try_alloc(n > 0 ? n : 1, sizeof *labels);
    int rc;

    if (labels == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to sample %zu rows", n);
    }
    for (i = 0; i < n; i++) {
        labels[i] = part->labels != NULL ? part->labels[i] : (uint32_t)part->targets[i];
    }
    rc = sample_rows(&options, labels, n, encoder_n_classes(t->encoder), out, err);
    free(labels);
    return rc;
}

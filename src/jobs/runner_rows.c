/* Which rows of which dataset make up a part of a job, and those that are left out of it again:
 * rows of another dataset that data.filter and data.missing_target do not leave, and rows without
 * a value that preprocess.missing = drop_row asks for; runner_train.c has the order of it all.
 *
 * On the job's worker thread; same config and datasets, same rows.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/runner_training.h"

static void warn_of_dropped(struct training *t, enum split_part part, size_t before, size_t after)
{
    if (after < before) {
        err_add(&t->warnings, NULL,
                "%zu of the %zu %s rows lack a value that preprocess.missing = drop_row asks for, "
                "and are dropped",
                before - after, before, runner_part_name(part));
    }
}

/* The rows of another dataset that data.filter and data.missing_target leave, but those that are
 * dropped. */
static int encode_other(struct training *t, enum split_part part,
                        const struct encoder_options *options, const struct dataset *other,
                        struct err *err)
{
    const uint8_t *keep = t->spec.keep_of[part];
    size_t all = (size_t)dataset_rows(other), n = 0, before, i;
    uint64_t *rows = mem_try_alloc(all, sizeof *rows);
    int rc;

    if (rows == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory for the numbers of %zu rows", all);
    }
    for (i = 0; i < all; i++) {
        if (keep == NULL || keep[i] != 0) {
            rows[n++] = i;
        }
    }
    before = n;
    rc = encoder_drop_rows(options, t->ds, other, rows, &n, err);
    if (rc == 0) {
        warn_of_dropped(t, part, before, n);
        rc = runner_part_encode(&t->preparing, t->encoder, other, rows, n, t->spec.output,
                                &t->parts[part], err);
    }
    free(rows);
    return rc;
}

int runner_encode_part(struct training *t, enum split_part part,
                       const struct encoder_options *options, const struct split *split,
                       const struct dataset *other, struct err *err)
{
    if (other != NULL) {
        if (encoder_check_dataset(t->encoder, other, true, err) != 0) {
            return -1;
        }
        if (encoder_drops_rows(options) || t->spec.keep_of[part] != NULL) {
            return encode_other(t, part, options, other, err);
        }
        return runner_part_encode(&t->preparing, t->encoder, other, NULL,
                                  (size_t)dataset_rows(other), t->spec.output, &t->parts[part],
                                  err);
    }
    if (split->n[part] == 0) {
        return 0;
    }
    return runner_part_encode(&t->preparing, t->encoder, t->ds, split->rows[part], split->n[part],
                              t->spec.output, &t->parts[part], err);
}

int runner_drop_rows(struct training *t, const struct encoder_options *options, struct split *split,
                     struct err *err)
{
    enum split_part part;

    for (part = 0; part < SPLIT_PARTS; part++) {
        size_t before = split->n[part];

        if (encoder_drop_rows(options, t->ds, t->ds, split->rows[part], &split->n[part], err) !=
            0) {
            return -1;
        }
        warn_of_dropped(t, part, before, split->n[part]);
    }
    return 0;
}

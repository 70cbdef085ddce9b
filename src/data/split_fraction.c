/* Rows to parts by fractions and by chance; see split.h.
 *
 * How many rows of each class go where is decided first, by largest remainder. Then rows are
 * visited in order, and a row goes to a part with the chance of the seats that its class has
 * left there: so the counts come out exactly, every choice is equally likely, the lists are
 * ascending without sorting, and nothing is shuffled.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "data/split_priv.h"

#define FEW_LONE 3 /* classes of one row, named one by one */

void split_share(struct split_seats *s, const double fraction[SPLIT_PARTS],
                 double owed[SPLIT_PARTS])
{
    double rest[SPLIT_PARTS];
    uint64_t left = s->rows;
    int p, best;

    for (p = 0; p < SPLIT_PARTS; p++) {
        double share = (double)s->rows * fraction[p];

        s->seats[p] = (uint64_t)(share + 1e-9); /* 0.7 * 10 is a whole number here */
        s->seats[p] = s->seats[p] < left ? s->seats[p] : left;
        rest[p] = share - (double)s->seats[p];
        owed[p] += rest[p];
        left -= s->seats[p];
    }
    for (; left > 0; left--) {
        for (p = 1, best = 0; p < SPLIT_PARTS; p++) {
            if (rest[p] > rest[best] + 1e-9 ||
                (rest[p] > rest[best] - 1e-9 && owed[p] > owed[best] + 1e-9)) {
                best = p;
            }
        }
        s->seats[best]++;
        rest[best] -= 1.0;
        owed[best] -= 1.0;
    }
    if (s->seats[SPLIT_TRAINING] == 0 && s->rows > 0) {
        best = s->seats[SPLIT_TEST] > s->seats[SPLIT_VALIDATION] ? SPLIT_TEST : SPLIT_VALIDATION;
        s->seats[best]--;
        owed[best] += 1.0;
        s->seats[SPLIT_TRAINING]++;
        owed[SPLIT_TRAINING] -= 1.0;
    }
}

/* Each by its name while they are few; of many their number, and the first. */
static int lone_classes(struct split_job *job, const struct split_seats *seats, struct err *err)
{
    size_t lone = 0, k;
    int result = 0;

    for (k = 0; k + 1 < job->n_classes; k++) {
        lone += seats[k].rows == 1;
    }
    for (k = 0; k + 1 < job->n_classes && lone > 0; k++) {
        char *name;

        if (seats[k].rows != 1) {
            continue;
        }
        name = split_class_name(job, k);
        if (job->options->stratify_asked) {
            result = err_add(err, NULL, "class \"%s\" has one row only, too few to stratify", name);
        } else if (job->warnings != NULL && lone > FEW_LONE) {
            err_add(job->warnings, NULL,
                    "%zu classes have one row only, \"%s\" and others; they are used for training "
                    "and measured nowhere",
                    lone, name);
            lone = 0;
        } else if (job->warnings != NULL) {
            err_add(job->warnings, NULL,
                    "class \"%s\" has one row only; it is used for training and measured nowhere",
                    name);
        }
        free(name);
    }
    return result;
}

/* A part that was asked for, and is too small a share of few rows to have one. */
static void warn_of_empty(const struct split_job *job, const struct split_seats *seats, size_t n,
                          const double fraction[SPLIT_PARTS])
{
    static const char *const names[SPLIT_PARTS] = {"training", "validation", "test"};
    uint64_t rows = 0, seated[SPLIT_PARTS] = {0};
    size_t k, p;

    for (k = 0; k < n; k++) {
        rows += seats[k].rows;
        for (p = 0; p < SPLIT_PARTS; p++) {
            seated[p] += seats[k].seats[p];
        }
    }
    for (p = 1; p < SPLIT_PARTS; p++) {
        if (fraction[p] > 0 && seated[p] == 0) {
            err_add(job->warnings, NULL, "the %s part is empty: %g of %llu row%s is none", names[p],
                    fraction[p], (unsigned long long)rows, rows == 1 ? "" : "s");
        }
    }
}

int split_by_fraction(struct split_job *job, uint8_t from, double validation, double test,
                      struct err *err)
{
    const double fraction[SPLIT_PARTS] = {[SPLIT_TRAINING] = 1.0 - validation - test,
                                          [SPLIT_VALIDATION] = validation,
                                          [SPLIT_TEST] = test};
    bool stratify = job->options->stratify && job->class_of_row != NULL;
    size_t n = stratify ? job->n_classes : 1, row, k;
    struct split_seats *seats = calloc(n, sizeof *seats);
    double owed[SPLIT_PARTS] = {0.0};
    uint64_t key = split_key(job->options->seed);

    if (seats == NULL) {
        return split_no_memory(err);
    }
    for (row = 0; row < job->n_rows; row++) {
        if (job->part[row] == from) {
            seats[stratify ? split_class_of(job, row) : 0].rows++;
        }
    }
    if (stratify && lone_classes(job, seats, err) != 0) {
        free(seats);
        return -1;
    }
    for (k = 0; k < n; k++) {
        split_share(&seats[k], fraction, owed);
    }
    if (job->warnings != NULL) {
        warn_of_empty(job, seats, n, fraction);
    }
    for (row = 0; row < job->n_rows; row++) {
        struct split_seats *s = &seats[stratify ? split_class_of(job, row) : 0];
        uint64_t at;
        uint8_t p = SPLIT_TRAINING;

        if (job->part[row] != from) {
            continue;
        }
        at = split_pick(key, row, s->rows--);
        while (at >= s->seats[p]) {
            at -= s->seats[p++];
        }
        s->seats[p]--;
        job->part[row] = p;
    }
    free(seats);
    return 0;
}

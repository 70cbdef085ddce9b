/* Over- and undersampling; see sample.h. As in a split, a row is taken with the chance of the
 * places that its class has left, so counts come out exactly and the list is in order without
 * sorting.
 */
#include "data/sample.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/split_priv.h"

#define STREAM UINT64_C(0x73616d706c65) /* other numbers than the split's */

uint64_t sample_counts(const struct sample_options *options, const uint64_t *before, size_t n,
                       uint64_t *after)
{
    uint64_t most = 0, least = UINT64_MAX, sum = 0, wanted;
    size_t k;

    for (k = 0; k < n; k++) {
        most = before[k] > most ? before[k] : most;
        least = before[k] > 0 && before[k] < least ? before[k] : least;
    }
    wanted = options->kind == SAMPLE_OVER ? (uint64_t)ceil(options->ratio * (double)most - 1e-9)
                                          : (uint64_t)((double)least / options->ratio + 1e-9);
    for (k = 0; k < n; k++) {
        bool changes = options->kind == SAMPLE_OVER    ? before[k] < wanted
                       : options->kind == SAMPLE_UNDER ? before[k] > wanted
                                                       : false;

        after[k] = before[k] > 0 && changes ? wanted : before[k];
        sum += after[k];
    }
    return sum;
}

static void pick_rows(const struct sample_options *options, const uint32_t *labels, size_t n,
                      struct sampled *s, uint64_t *rows_left, uint64_t *extra_left)
{
    uint64_t key = split_key(options->seed ^ STREAM), times, at = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        size_t k = labels[i];

        times = s->after[k] / s->before[k];
        if (split_pick(key, i, rows_left[k]--) < extra_left[k]) {
            extra_left[k]--;
            times++;
        }
        while (times-- > 0) {
            s->picks[at++] = i;
        }
    }
    CHK(at == s->n);
}

int sample_rows(const struct sample_options *options, const uint32_t *labels, size_t n,
                size_t n_classes, struct sampled *out, struct err *err)
{
    struct sampled s = {.n_classes = n_classes};
    uint64_t *left = calloc(2 * n_classes + 1, sizeof *left);
    size_t i;

    s.before = calloc(n_classes + 1, sizeof *s.before);
    s.after = calloc(n_classes + 1, sizeof *s.after);
    if (left == NULL || s.before == NULL || s.after == NULL) {
        goto no_memory;
    }
    for (i = 0; i < n; i++) {
        CHK(labels[i] < n_classes);
        s.before[labels[i]]++;
    }
    s.n = (size_t)sample_counts(options, s.before, n_classes, s.after);
    s.picks = mem_try_alloc(s.n > 0 ? s.n : 1, sizeof *s.picks);
    if (s.picks == NULL) {
        goto no_memory;
    }
    for (i = 0; i < n_classes; i++) {
        left[i] = s.before[i];
        left[n_classes + i] = s.before[i] > 0 ? s.after[i] % s.before[i] : 0;
    }
    pick_rows(options, labels, n, &s, left, left + n_classes);
    free(left);
    *out = s;
    return 0;
no_memory:
    free(left);
    sampled_fini(&s);
    return err_set(err, ERR_NO_MEMORY, "not enough memory to sample %zu rows", n);
}

void sampled_fini(struct sampled *s)
{
    free(s->picks);
    free(s->before);
    free(s->after);
    *s = (struct sampled){.n = 0};
}

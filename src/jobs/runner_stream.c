/* Rows of a part that are too many for memory: x is encoded from the dataset whenever it is asked
 * for, a piece at a time. The dataset stays open meanwhile. A row comes out the same whatever piece
 * it is in, so it does not matter who asks for which.
 *
 * Who reads on from where the last piece ended gets MLP_SOURCE_ROWS encoded at once; who jumps
 * about gets what was asked for.
 *
 * Runs on a worker thread; a stream belongs to its part.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/runner_priv.h"

struct runner_stream {
    struct mlp_source source; /* its arg is the stream */
    const struct runner_slot *slot;
    const struct encoder *encoder; /* borrowed, like what follows */
    const struct dataset *ds;
    struct err *why;
    uint32_t *rows; /* [n], rising or equal; NULL: 0 to n - 1 */
    size_t n, width;
    struct runner_stream *next; /* whose rows come behind; borrowed, or NULL */
    struct runner_stream *own;  /* the same, where it is the stream's own */
    float *x;                   /* (MLP_SOURCE_ROWS, width); none where it is a stream's own */
    size_t first, n_held;       /* which rows are in it */
    uint64_t numbers[MLP_SOURCE_ROWS];
};

/* Rows [first, first + n), all of them the stream's own, into x. */
static int encode(struct runner_stream *s, size_t first, size_t n, float *x)
{
    size_t i;

    for (i = 0; i < n; i++) {
        s->numbers[i] = s->rows != NULL ? s->rows[first + i] : first + i;
    }
    runner_pulse(s->slot);
    return encoder_encode_rows(s->encoder, s->ds, s->numbers, n, x, s->why);
}

static int fill(struct runner_stream *s, size_t first, size_t n, float *x)
{
    size_t own = first < s->n ? s->n - first : 0;

    own = own < n ? own : n;
    if (own > 0 && encode(s, first, own, x) != 0) {
        return -1;
    }
    return own == n ? 0 : fill(s->next, first + own - s->n, n - own, x + own * s->width);
}

static size_t rows_of(const struct runner_stream *s)
{
    return s->n + (s->next != NULL ? rows_of(s->next) : 0);
}

static const mlp_real *rows(void *arg, size_t first, size_t n)
{
    struct runner_stream *s = arg;
    bool goes_on = first >= s->first && first <= s->first + s->n_held;
    size_t left = rows_of(s) - first, take = n;

    CHK(n <= MLP_SOURCE_ROWS && n <= left);
    if (!goes_on || first + n > s->first + s->n_held) {
        if (goes_on) {
            take = left < MLP_SOURCE_ROWS ? left : MLP_SOURCE_ROWS;
        }
        s->n_held = 0;
        if (fill(s, first, take, s->x) != 0) {
            return NULL;
        }
        s->first = first;
        s->n_held = take;
    }
    return s->x + (first - s->first) * s->width;
}

int runner_stream_new(const struct runner_slot *slot, const struct encoder *encoder,
                      const struct dataset *ds, const uint64_t *numbers, size_t n, struct err *why,
                      struct runner_stream **out, struct err *err)
{
    struct runner_stream *s = xcalloc(1, sizeof *s);
    size_t values, i;

    s->source = (struct mlp_source){.rows = rows, .arg = s};
    s->slot = slot;
    s->encoder = encoder;
    s->ds = ds;
    s->why = why;
    s->n = n;
    s->width = encoder_n_inputs(encoder);
    s->x = mem_mul(s->width, MLP_SOURCE_ROWS, &values) ? mem_try_alloc(values, sizeof *s->x) : NULL;
    s->rows = numbers != NULL ? mem_try_alloc(n, sizeof *s->rows) : NULL;
    if (s->x == NULL || (numbers != NULL && s->rows == NULL) || dataset_rows(ds) > UINT32_MAX) {
        runner_stream_free(&s);
        return err_set(err, ERR_NO_MEMORY, "no memory for the numbers of %zu rows", n);
    }
    for (i = 0; numbers != NULL && i < n; i++) {
        s->rows[i] = (uint32_t)numbers[i];
    }
    *out = s;
    return 0;
}

void runner_stream_join(struct runner_stream *s, struct runner_stream *next)
{
    s->next = next;
    s->n_held = 0;
}

int runner_stream_join_some(struct runner_stream *s, const struct runner_stream *from,
                            const uint64_t *picks, size_t m, struct err *err)
{
    struct runner_stream *own = xmalloc(sizeof *own);
    size_t i;

    *own = *from;
    own->next = own->own = NULL;
    own->x = NULL; /* it fills what s has */
    own->n = m;
    own->rows = mem_try_alloc(m > 0 ? m : 1, sizeof *own->rows);
    if (own->rows == NULL) {
        free(own);
        return err_set(err, ERR_NO_MEMORY, "no memory for the numbers of %zu rows", m);
    }
    for (i = 0; i < m; i++) {
        own->rows[i] = from->rows != NULL ? from->rows[picks[i]] : (uint32_t)picks[i];
    }
    s->own = own;
    runner_stream_join(s, own);
    return 0;
}

const struct mlp_source *runner_stream_source(const struct runner_stream *s)
{
    return &s->source;
}

void runner_stream_free(struct runner_stream **stream)
{
    struct runner_stream *s = *stream;

    if (s != NULL) {
        runner_stream_free(&s->own);
        free(s->x);
        free(s->rows);
        free(s);
        *stream = NULL;
    }
}

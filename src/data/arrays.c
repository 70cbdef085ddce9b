/* Arrays (.npy, IDX) as the columns of one table; see docs/DATA.md for the names.
 *
 * One array alone in C order goes to the sink row by row as it comes. Several must wait for each
 * other, and one in Fortran order for its last column: they lie in a temporary file until all are
 * in. What has two dimensions or more comes before what has one, so that the target is last in
 * whatever order they were sent. Runs on the reader's thread.
 *
 * Invariant: sizes are checked against overflow and the limits before anything depends on them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/reader_priv.h"
#include "data/turns.h"

#define BLOCK_BYTES (16u << 20)

struct array {
    char *name;
    bool skip;     /* not asked for */
    bool has_head; /* all below is known */
    struct array_head head;
    uint64_t rows, bytes, got; /* bytes of the elements: all of them, and those that came */
    size_t width, row_bytes;   /* elements and bytes of a row */
    uint64_t at;               /* in the temporary file */
    unsigned char *block;      /* while rows are given: some rows */
    size_t *places;            /* Fortran: where a column of a row stands among all columns */
};

struct arrays {
    struct reader_env env;
    bool alone;
    struct array *list;
    size_t n;
    struct array *open; /* the one whose bytes come */
    struct buf in;      /* its head, or alone a row that is not whole yet */
    struct buf text;
    bool given_columns;
    uint64_t row; /* rows given */
    struct reader_spool spool;
};

struct arrays *arrays_new(const struct reader_env *env, bool alone)
{
    struct arrays *a = xcalloc(1, sizeof *a);

    a->env = *env;
    a->alone = alone;
    a->list = xcalloc(alone ? 1 : READER_MAX_ARRAYS, sizeof *a->list);
    a->spool = (struct reader_spool)READER_SPOOL_INIT;
    return a;
}

void arrays_free(struct arrays *a)
{
    size_t i;

    if (a == NULL) {
        return;
    }
    for (i = 0; i < a->n; i++) {
        free(a->list[i].name);
        free(a->list[i].block);
        free(a->list[i].places);
    }
    free(a->list);
    buf_fini(&a->in);
    buf_fini(&a->text);
    reader_spool_fini(&a->spool);
    free(a);
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to read the arrays");
}

/* ---- columns ------------------------------------------------------------------------- */

static int type_of(const struct array *x)
{
    return x->head.kind == ARRAY_BOOL                                     ? READER_UNTYPED
           : x->head.kind == ARRAY_BYTES || x->head.kind == ARRAY_UNICODE ? READER_STRINGS
                                                                          : COLUMN_NUMERIC;
}

/* Those that are asked for, features first. */
static size_t wanted(struct arrays *a, struct array **out)
{
    size_t n = 0, i;
    int flat;

    for (flat = 0; flat < 2; flat++) {
        for (i = 0; i < a->n; i++) {
            if (!a->list[i].skip && (a->list[i].head.n_dims == 1) == (flat == 1)) {
                out[n++] = &a->list[i];
            }
        }
    }
    return n;
}

static int give_columns(struct arrays *a, struct array **list, size_t n, struct err *err)
{
    struct reader_sink *sink = a->env.sink;
    char **names = NULL;
    int *types = NULL;
    size_t total = 0, at = 0, i, k;
    int rc = -1;

    for (i = 0; i < n; i++) {
        total += list[i]->width; /* each at most DATASET_MAX_COLUMNS, and n is small */
    }
    if (total > DATASET_MAX_COLUMNS) {
        return err_add(err, NULL, "the arrays have %zu columns, and the limit is %d", total,
                       DATASET_MAX_COLUMNS);
    }
    names = mem_try_alloc(total, sizeof *names);
    types = mem_try_alloc(total, sizeof *types);
    if (names == NULL || types == NULL) {
        no_memory(err);
        goto out;
    }
    for (i = 0; i < n; i++) {
        for (k = 0; k < list[i]->width; k++, at++) {
            names[at] = array_column(&list[i]->head, list[i]->name, list[i]->width, k);
            types[at] = type_of(list[i]);
        }
    }
    rc = sink->columns(sink->ctx, total, (const char *const *)names, types, err);
    a->given_columns = true;
out:
    for (i = 0; names != NULL && i < at; i++) {
        free(names[i]);
    }
    free(names);
    free(types);
    return rc;
}

/* ---- cells --------------------------------------------------------------------------- */

static int bad_cell(const struct arrays *a, const struct array *x, size_t k, const char *what,
                    struct err *err)
{
    char *name = array_column(&x->head, x->name, x->width, k);

    err_add_cell(err, (int64_t)a->row + 1, 0, name, "row %" PRIu64 ", column \"%s\": %s",
                 a->row + 1, name, what);
    free(name);
    return -1;
}

static int give_cell(struct arrays *a, const struct array *x, size_t k, const unsigned char *item,
                     struct err *err)
{
    struct reader_sink *sink = a->env.sink;
    double value;

    switch (x->head.kind) {
    case ARRAY_BOOL:
        return *item != 0 ? sink->text(sink->ctx, "true", 4, err)
                          : sink->text(sink->ctx, "false", 5, err);
    case ARRAY_BYTES:
    case ARRAY_UNICODE:
        if (!array_text(&x->head, item, &a->text) ||
            (a->text.len > 0 && (memchr(a->text.data, '\0', a->text.len) != NULL ||
                                 !text_is_utf8(a->text.data, a->text.len)))) {
            return bad_cell(a, x, k, "the text is no UTF-8; decode it first: np.char.decode(a)",
                            err);
        }
        return sink->text(sink->ctx, a->text.len > 0 ? a->text.data : "", a->text.len, err);
    default:
        return array_number(&x->head, item, &value)
                   ? sink->number(sink->ctx, value, err)
                   : bad_cell(a, x, k, "the value is infinite; a missing one is nan", err);
    }
}

static int give_row(struct arrays *a, const struct array *x, const unsigned char *row,
                    struct err *err)
{
    size_t k;

    for (k = 0; k < x->width; k++) {
        if (give_cell(a, x, k, row + k * x->head.item, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int end_row(struct arrays *a, struct err *err)
{
    if (a->env.sink->end_row(a->env.sink->ctx, err) != 0) {
        return -1;
    }
    a->row++;
    return 0;
}

/* ---- what comes in -------------------------------------------------------------------- */

static bool is_wanted(const char *list, const char *name)
{
    size_t len = strlen(name), n;

    for (; list != NULL; list = list[n] == ',' ? list + n + 1 : NULL) {
        n = strcspn(list, ",");
        if (n == len && memcmp(list, name, len) == 0) {
            return true;
        }
    }
    return false;
}

int arrays_begin(struct arrays *a, const char *name, struct err *err)
{
    struct array *x;

    CHK(a->open == NULL);
    if (a->n == (a->alone ? 1 : READER_MAX_ARRAYS)) {
        return err_add(err, NULL, "there are more than %d arrays", READER_MAX_ARRAYS);
    }
    x = &a->list[a->n++];
    x->skip = a->env.options->arrays != NULL && !is_wanted(a->env.options->arrays, name);
    /* numpy.savez(file, x, y) names them so */
    x->name = xstrdup(a->env.options->arrays != NULL ? name
                      : strcmp(name, "arr_0") == 0   ? "x"
                      : strcmp(name, "arr_1") == 0   ? "y"
                                                     : name);
    a->open = x;
    buf_clear(&a->in);
    return 0;
}

/* The head is read: what it promises must be something that we take. */
static int check_head(struct array *x, struct err *err)
{
    const struct array_head *h = &x->head;
    size_t width = 1, i, bytes;

    if (h->n_dims == 0) {
        return err_add(err, NULL, "the array \"%s\" is a single value, not rows", x->name);
    }
    for (i = 1; i < h->n_dims; i++) {
        if (h->dims[i] > DATASET_MAX_COLUMNS || !mem_mul(width, (size_t)h->dims[i], &width) ||
            width > DATASET_MAX_COLUMNS) {
            return err_add(err, NULL, "the array \"%s\" has more than %d columns", x->name,
                           DATASET_MAX_COLUMNS);
        }
    }
    if (width == 0 || h->dims[0] == 0) {
        return err_add(err, NULL, "the array \"%s\" has no %s", x->name,
                       width == 0 ? "columns" : "rows");
    }
    x->width = width;
    x->rows = h->dims[0];
    if (!mem_mul(width, h->item, &x->row_bytes) || x->row_bytes > READER_MAX_ROW) {
        return err_add(err, NULL, "a row of the array \"%s\" has more than %u MiB", x->name,
                       READER_MAX_ROW >> 20);
    }
    if (!mem_mul(x->row_bytes, (size_t)x->rows, &bytes) || bytes > INT64_MAX) {
        return err_add(err, NULL,
                       "the array \"%s\" says that it has %" PRIu64 " rows, which is impossible",
                       x->name, x->rows);
    }
    x->bytes = bytes;
    x->has_head = true;
    return 0;
}

static bool is_direct(const struct arrays *a, const struct array *x)
{
    return a->alone && (!x->head.fortran || x->width == 1);
}

/* Bytes of the head; *used of these are not elements'. */
static int feed_head(struct arrays *a, struct array *x, const char *bytes, size_t len, size_t *used,
                     struct err *err)
{
    size_t before = a->in.len, more = len, n = 0;
    int rc;

    more = more < ARRAY_MAX_HEAD - before ? more : ARRAY_MAX_HEAD - before;
    if (buf_append(&a->in, bytes, more) != 0) {
        return no_memory(err);
    }
    *used = more;
    if (a->in.data[0] == '\x93') {
        rc = npy_head(a->in.data, a->in.len, &x->head, &n, err);
    } else if (a->in.data[0] == '\0') {
        rc = idx_head(a->in.data, a->in.len, &x->head, &n, err);
    } else {
        const char *gzip = a->in.data[0] == '\x1f' ? "; it is gzip: put it in unpacked" : "";

        return a->alone ? err_add(err, NULL, "this is neither .npy nor IDX%s", gzip)
                        : err_add(err, NULL, "\"%s\" is neither .npy nor IDX%s", x->name, gzip);
    }
    if (rc != 0) {
        return rc == 1 ? 0 : -1; /* a head is complete before the buffer is full */
    }
    *used = n - before;
    buf_clear(&a->in);
    if (check_head(x, err) != 0) {
        return -1;
    }
    x->at = a->spool.size;
    return 0;
}

/* Elements of an array whose rows need not wait. Columns come with the first row: a head alone may
 * promise 100,000 of them. */
static int feed_rows(struct arrays *a, struct array *x, const char *bytes, size_t len,
                     struct err *err)
{
    while (len > 0) {
        size_t more = x->row_bytes - a->in.len;
        const void *row = bytes;

        more = more < len ? more : len;
        if (more < x->row_bytes) {
            if (buf_append(&a->in, bytes, more) != 0) {
                return no_memory(err);
            }
            row = a->in.data;
        }
        bytes += more;
        len -= more;
        if (more == x->row_bytes || a->in.len == x->row_bytes) {
            if ((!a->given_columns && give_columns(a, &x, 1, err) != 0) ||
                give_row(a, x, row, err) != 0 || end_row(a, err) != 0) {
                return -1;
            }
            buf_clear(&a->in);
        }
    }
    return 0;
}

int arrays_feed(struct arrays *a, const char *bytes, size_t len, struct err *err)
{
    struct array *x = a->open;

    CHK(x != NULL);
    while (!x->skip && !x->has_head && len > 0) {
        size_t used = 0;

        if (feed_head(a, x, bytes, len, &used, err) != 0) {
            return -1;
        }
        bytes += used;
        len -= used;
    }
    if (x->skip || len == 0) {
        return 0;
    }
    if (len > x->bytes - x->got) {
        return err_add(err, NULL,
                       "the array \"%s\" has more bytes than its head says (%" PRIu64 ")", x->name,
                       x->bytes);
    }
    x->got += len;
    return is_direct(a, x) ? feed_rows(a, x, bytes, len, err)
                           : reader_spool_put(&a->spool, a->env.dir, bytes, len, err);
}

int arrays_end(struct arrays *a, struct err *err)
{
    const struct array *x = a->open;

    CHK(x != NULL);
    a->open = NULL;
    if (x->skip) {
        return 0;
    }
    if (!x->has_head) {
        return err_add(err, NULL, "the array \"%s\" ends within its head", x->name);
    }
    return x->got == x->bytes
               ? 0
               : err_add(err, NULL,
                         "the array \"%s\" (%s) ends early: %" PRIu64 " of %" PRIu64 " bytes",
                         x->name, x->head.idx ? "IDX" : ".npy", x->got, x->bytes);
}

void arrays_name_only(struct arrays *a, const char *name)
{
    if (a->n == 1) {
        free(a->list[0].name);
        a->list[0].name = xstrdup(name);
    }
}

/* ---- several, from the temporary file -------------------------------------------------- */

/* Where column k of a row (C order) stands among the columns of a Fortran array. */
static int find_places(struct array *x, struct err *err)
{
    size_t k, i;

    x->places = mem_try_alloc(x->width, sizeof *x->places);
    if (x->places == NULL) {
        return no_memory(err);
    }
    for (k = 0; k < x->width; k++) {
        size_t rest = x->width, left = k, step = 1, place = 0;

        for (i = 1; i < x->head.n_dims; i++) {
            size_t dim = (size_t)x->head.dims[i];

            rest /= dim;
            place += left / rest * step;
            left %= rest;
            step *= dim;
        }
        x->places[k] = place;
    }
    return 0;
}

/* Rows [first, first + n) into its block: row-major, or for Fortran column after column. */
static int load_block(struct arrays *a, const struct array *x, uint64_t first, size_t n,
                      struct err *err)
{
    size_t k;

    if (!x->head.fortran) {
        return reader_spool_get(&a->spool, x->at + first * x->row_bytes, x->block, n * x->row_bytes,
                                err);
    }
    for (k = 0; k < x->width; k++) {
        uint64_t at = x->at + (x->places[k] * x->rows + first) * x->head.item;

        if (reader_spool_get(&a->spool, at, x->block + k * n * x->head.item, n * x->head.item,
                             err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int give_block_row(struct arrays *a, const struct array *x, size_t i, size_t n,
                          struct err *err)
{
    size_t k;

    if (!x->head.fortran) {
        return give_row(a, x, x->block + i * x->row_bytes, err);
    }
    for (k = 0; k < x->width; k++) {
        if (give_cell(a, x, k, x->block + (k * n + i) * x->head.item, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int give_all(struct arrays *a, struct array **list, size_t n, struct err *err)
{
    uint64_t rows = list[0]->rows, first;
    size_t row_bytes = 0, block, i, k;

    for (i = 0; i < n; i++) {
        row_bytes += list[i]->row_bytes;
    }
    block = row_bytes < BLOCK_BYTES ? BLOCK_BYTES / row_bytes : 1;
    for (i = 0; i < n; i++) {
        list[i]->block = mem_try_alloc(block, list[i]->row_bytes);
        if (list[i]->block == NULL) {
            return no_memory(err);
        }
        if (list[i]->head.fortran && find_places(list[i], err) != 0) {
            return -1;
        }
    }
    for (first = 0; first < rows; first += block) {
        size_t some = rows - first < block ? (size_t)(rows - first) : block;

        for (i = 0; i < n; i++) {
            if (load_block(a, list[i], first, some, err) != 0) {
                return -1;
            }
        }
        for (k = 0; k < some; k++) {
            for (i = 0; i < n; i++) {
                if (give_block_row(a, list[i], k, some, err) != 0) {
                    return -1;
                }
            }
            if (end_row(a, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* Whether everything that was asked for came. */
static int check_wanted(const struct arrays *a, struct err *err)
{
    const char *list = a->env.options->arrays;
    size_t n, i;

    for (; list != NULL; list = list[n] == ',' ? list + n + 1 : NULL) {
        bool found = false;

        n = strcspn(list, ",");
        for (i = 0; i < a->n; i++) {
            found = found || (!a->list[i].skip && strlen(a->list[i].name) == n &&
                              memcmp(a->list[i].name, list, n) == 0);
        }
        if (!found) {
            err_add(err, "/arrays", "there is no array \"%.*s\"", (int)(n < 64 ? n : 64), list);
        }
    }
    return err_is(err) ? -1 : 0;
}

int arrays_finish(struct arrays *a, struct err *err)
{
    struct array *list[READER_MAX_ARRAYS];
    uint64_t width = 0;
    bool turn = false;
    size_t n, i;
    int rc;

    CHK(a->open == NULL);
    if (check_wanted(a, err) != 0) {
        return -1;
    }
    if (a->given_columns) {
        return 0;
    }
    n = wanted(a, list);
    if (n == 0) {
        return err_add(err, NULL, "there is no array in it");
    }
    for (i = 0; i < n; i++) {
        width += list[i]->width;
        if (list[i]->rows != list[0]->rows) {
            return err_add(err, NULL,
                           "the arrays \"%s\" and \"%s\" have %" PRIu64 " and %" PRIu64
                           " rows; the arrays of one table have equally many (of an .npz, choose "
                           "with arrays=NAME,NAME)",
                           list[0]->name, list[i]->name, list[0]->rows, list[i]->rows);
        }
    }
    if (turns_take(a->env.options->csv.in_turns, list[0]->rows * width, &turn, err) != 0) {
        return -1;
    }
    rc = give_columns(a, list, n, err) != 0 ? -1 : give_all(a, list, n, err);
    turns_give(turn);
    return rc;
}

/* ---- one array as a format ------------------------------------------------------------- */

static void *one_make(const struct reader_env *env)
{
    struct arrays *a = arrays_new(env, true);
    struct err err = ERR_INIT;

    CHK(arrays_begin(a, "x", &err) == 0); /* the first always has room */
    a->list[0].skip = false;
    return a;
}

static int one_feed(void *state, const char *bytes, size_t len, struct err *err)
{
    return arrays_feed(state, bytes, len, err);
}

static int one_finish(void *state, struct err *err)
{
    return arrays_end(state, err) != 0 ? -1 : arrays_finish(state, err);
}

static void one_free(void *state)
{
    arrays_free(state);
}

const struct reader_impl reader_npy = {one_make, one_feed, one_finish, one_free};
const struct reader_impl reader_idx = {one_make, one_feed, one_finish, one_free};

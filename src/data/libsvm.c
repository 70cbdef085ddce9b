/* libsvm's sparse text, "label index:value index:value ... # comment"; see docs/DATA.md.
 *
 * Tokens are taken as they come, so that a line of any length needs memory for its values only.
 * How many columns there are is known at the end: the rows lie in a temporary file until then
 * (count, label, then index and value of each), unless the caller knows the width. Runs on the
 * reader's thread.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/reader_priv.h"
#include "data/turns.h"

#define MAX_TOKEN 64

struct entry {
    uint32_t index;
    double value;
};

struct libsvm {
    struct reader_env env;
    char token[MAX_TOKEN + 1];
    size_t len;
    bool comment, after_cr, has_label;
    int64_t line;
    uint64_t row; /* rows so far */
    double label;
    struct entry *entries; /* of the row under way */
    size_t n, room;
    uint32_t least, most; /* indices so far */
    bool given_columns;
    double *dense; /* a row as it is given: label, then features */
    struct reader_spool spool;
};

static void *libsvm_make(const struct reader_env *env)
{
    struct libsvm *l = xcalloc(1, sizeof *l);

    l->env = *env;
    l->line = 1;
    l->least = UINT32_MAX;
    l->spool = (struct reader_spool)READER_SPOOL_INIT;
    return l;
}

static void libsvm_free(void *state)
{
    struct libsvm *l = state;

    if (l != NULL) {
        reader_spool_fini(&l->spool);
        free(l->entries);
        free(l->dense);
        free(l);
    }
}

static int bad(const struct libsvm *l, const char *what, struct err *err)
{
    char *shown = cell_show(l->token, l->len);

    err_add_cell(err, (int64_t)l->row + 1, l->line, NULL, "row %" PRIu64 " (line %lld): \"%s\" %s",
                 l->row + 1, (long long)l->line, shown, what);
    free(shown);
    return -1;
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to read the table");
}

/* ---- rows going out -------------------------------------------------------------------- */

static int give_columns(struct libsvm *l, size_t width, size_t base, struct err *err)
{
    struct reader_sink *sink = l->env.sink;
    size_t n = width + 1, i;
    char **names = mem_try_alloc(n, sizeof *names);
    int *types = mem_try_alloc(n, sizeof *types), rc = -1;

    l->dense = mem_try_alloc(n, sizeof *l->dense);
    if (names == NULL || types == NULL || l->dense == NULL) {
        no_memory(err);
        n = 0;
    }
    for (i = 0; i < n; i++) {
        names[i] = i == 0 ? xstrdup("y") : xasprintf("x%zu", base + i - 1);
        types[i] = COLUMN_NUMERIC;
    }
    if (n != 0) {
        rc = sink->columns(sink->ctx, n, (const char *const *)names, types, err);
    }
    for (i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
    free(types);
    l->given_columns = true;
    return rc;
}

static int give_row(struct libsvm *l, double label, const struct entry *entries, size_t n,
                    size_t width, size_t base, struct err *err)
{
    struct reader_sink *sink = l->env.sink;
    size_t i;

    memset(l->dense, 0, (width + 1) * sizeof *l->dense);
    l->dense[0] = label;
    for (i = 0; i < n; i++) {
        l->dense[entries[i].index - base + 1] = entries[i].value;
    }
    for (i = 0; i <= width; i++) {
        if (sink->number(sink->ctx, l->dense[i], err) != 0) {
            return -1;
        }
    }
    return sink->end_row(sink->ctx, err);
}

static int keep_row(struct libsvm *l, struct err *err)
{
    uint32_t n = (uint32_t)l->n; /* at most DATASET_MAX_COLUMNS */

    return reader_spool_put(&l->spool, l->env.dir, &n, sizeof n, err) != 0 ||
                   reader_spool_put(&l->spool, l->env.dir, &l->label, sizeof l->label, err) != 0 ||
                   reader_spool_put(&l->spool, l->env.dir, l->entries, n * sizeof *l->entries,
                                    err) != 0
               ? -1
               : 0;
}

static int give_kept(struct libsvm *l, size_t width, size_t base, struct err *err)
{
    uint64_t at = 0, row;

    for (row = 0; row < l->row; row++) {
        double label;
        uint32_t n;

        if (reader_spool_get(&l->spool, at, &n, sizeof n, err) != 0 ||
            reader_spool_get(&l->spool, at + sizeof n, &label, sizeof label, err) != 0) {
            return -1;
        }
        CHK(n <= l->room);
        at += sizeof n + sizeof label;
        if (reader_spool_get(&l->spool, at, l->entries, n * sizeof *l->entries, err) != 0 ||
            give_row(l, label, l->entries, n, width, base, err) != 0) {
            return -1;
        }
        at += n * sizeof *l->entries;
    }
    return 0;
}

static int end_row(struct libsvm *l, struct err *err)
{
    size_t width = l->env.width, base = l->env.base;
    int rc;

    l->env.sink->line = l->line;
    rc = width == 0 ? keep_row(l, err) : 0;
    if (width != 0) {
        if (l->n > 0 &&
            (l->entries[0].index < base || l->entries[l->n - 1].index - base >= width)) {
            return err_add_cell(err, (int64_t)l->row + 1, l->line, NULL,
                                "row %" PRIu64 " (line %lld) has an index outside %zu to %zu",
                                l->row + 1, (long long)l->line, base, base + width - 1);
        }
        if (!l->given_columns && give_columns(l, width, base, err) != 0) {
            return -1;
        }
        rc = give_row(l, l->label, l->entries, l->n, width, base, err);
    }
    l->row++;
    l->n = 0;
    l->has_label = false;
    return rc;
}

/* ---- tokens coming in -------------------------------------------------------------------- */

static int add_entry(struct libsvm *l, uint32_t index, double value, struct err *err)
{
    if (l->n > 0 && index <= l->entries[l->n - 1].index) {
        return bad(l,
                   index == l->entries[l->n - 1].index
                       ? "has the index of the value before it"
                       : "has a smaller index than the value before it; indexes ascend",
                   err);
    }
    if (l->n == l->room) {
        size_t room = l->room == 0 ? 64 : l->room * 2;
        struct entry *entries = realloc(l->entries, room * sizeof *entries);

        if (entries == NULL) {
            return no_memory(err);
        }
        memset(entries + l->room, 0, (room - l->room) * sizeof *entries); /* and what pads them */
        l->entries = entries;
        l->room = room;
    }
    l->entries[l->n].index = index;
    l->entries[l->n++].value = value;
    l->least = index < l->least ? index : l->least;
    l->most = index > l->most ? index : l->most;
    return 0;
}

static int take_token(struct libsvm *l, struct err *err)
{
    const char *s = l->token, *colon = memchr(s, ':', l->len), *p;
    uint64_t index = 0;
    double value;

    if (!l->has_label) {
        if (memchr(s, ',', l->len) != NULL) {
            return bad(l, "names several labels; one number is taken", err);
        }
        if (colon != NULL || !cell_number(s, l->len, &l->label)) {
            return bad(l, "is no number, and a row begins with its label", err);
        }
        l->has_label = true;
        return 0;
    }
    if (colon == NULL || colon == s) {
        return bad(l, "is no index:value", err);
    }
    if (colon - s == 3 && memcmp(s, "qid", 3) == 0) {
        return bad(l, "is a query id; ranking is not what this daemon learns, leave them out", err);
    }
    for (p = s; p < colon && *p >= '0' && *p <= '9' && index <= DATASET_MAX_COLUMNS; p++) {
        index = index * 10 + (uint64_t)(*p - '0');
    }
    if (index > DATASET_MAX_COLUMNS) {
        char most[80];

        (void)snprintf(most, sizeof most, "has an index over %d, and a table has no more columns",
                       DATASET_MAX_COLUMNS); /* fits by its size */
        return bad(l, most, err);
    }
    if (p < colon) {
        return bad(l, "has an index that is no whole number", err);
    }
    if (!cell_number(colon + 1, (size_t)(s + l->len - colon - 1), &value)) {
        return bad(l, "has a value that is no finite number", err);
    }
    return add_entry(l, (uint32_t)index, value, err);
}

static int end_token(struct libsvm *l, struct err *err)
{
    int rc = l->len > 0 ? take_token(l, err) : 0;

    l->len = 0;
    return rc;
}

static int libsvm_feed(void *state, const char *bytes, size_t len, struct err *err)
{
    struct libsvm *l = state;
    size_t i;

    for (i = 0; i < len; i++) {
        char c = bytes[i];

        if (l->after_cr && c == '\n') {
            l->after_cr = false;
            continue;
        }
        l->after_cr = c == '\r';
        if (c == '\n' || c == '\r') {
            if (end_token(l, err) != 0 || (l->has_label && end_row(l, err) != 0)) {
                return -1;
            }
            l->comment = false;
            l->line++;
        } else if (l->comment) {
            continue;
        } else if (c == ' ' || c == '\t' || c == '#') {
            l->comment = c == '#';
            if (end_token(l, err) != 0) {
                return -1;
            }
        } else if (l->len == MAX_TOKEN || (unsigned char)c < 0x20 || (unsigned char)c >= 0x7f) {
            return bad(l,
                       l->len == MAX_TOKEN ? "... is too long for an index:value"
                                           : "is followed by a byte that no number has",
                       err);
        } else {
            l->token[l->len++] = c;
        }
    }
    return 0;
}

static int libsvm_finish(void *state, struct err *err)
{
    struct libsvm *l = state;
    size_t base, width;
    bool turn = false;
    int rc;

    if (end_token(l, err) != 0 || (l->has_label && end_row(l, err) != 0)) {
        return -1;
    }
    if (l->row == 0) {
        return err_add(err, NULL, "there are no rows");
    }
    if (l->env.width != 0) {
        return 0;
    }
    if (l->least == UINT32_MAX) {
        return err_add(err, NULL, "no row has a value: there are only labels");
    }
    base = l->least == 0 ? 0 : 1;
    width = l->most - base + 1;
    if (width + 1 > DATASET_MAX_COLUMNS || l->row > READER_MAX_SPARSE / (width + 1)) {
        return err_add(err, NULL,
                       "%" PRIu64 " rows of %zu columns are more than a table may have (%d "
                       "columns, "
                       "%" PRIu64 " cells, zeros too)",
                       l->row, width + 1, DATASET_MAX_COLUMNS, READER_MAX_SPARSE);
    }
    l->env.sink->line = 0;
    if (turns_take(l->env.options->csv.in_turns, l->row * (width + 1), &turn, err) != 0) {
        return -1;
    }
    rc = give_columns(l, width, base, err) != 0 ? -1 : give_kept(l, width, base, err);
    turns_give(turn);
    return rc;
}

const struct reader_impl reader_libsvm = {libsvm_make, libsvm_feed, libsvm_finish, libsvm_free};

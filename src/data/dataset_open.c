/* Opening dataset files; see dataset.h for the promise, dataset_priv.h for the layout.
 *
 * Nothing in a file is believed: the footer must match its own hash, and every count is
 * compared with the bytes that are really there before anything of its size is allocated.
 */
#include "data/dataset_read_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/datetime.h"

/* What is left of the footer while it is read; `bad` sticks. */
struct cursor {
    const unsigned char *p;
    size_t left;
    bool bad;
};

/* ---- the footer -------------------------------------------------------------- */

/* The next n bytes, or NULL when there are fewer. */
static const void *take(struct cursor *c, size_t n)
{
    const unsigned char *p = c->p;

    if (c->bad || n > c->left) {
        c->bad = true;
        return NULL;
    }
    c->p += n;
    c->left -= n;
    return p;
}

static void take_into(struct cursor *c, void *out, size_t n)
{
    const void *p = take(c, n);

    if (p != NULL && n > 0) {
        memcpy(out, p, n);
    }
}

#define TAKE(type, name)                                                                           \
    static type name(struct cursor *c)                                                             \
    {                                                                                              \
        type value = 0;                                                                            \
        take_into(c, &value, sizeof value);                                                        \
        return value;                                                                              \
    }
TAKE(uint8_t, take_u8)
TAKE(uint32_t, take_u32)
TAKE(uint64_t, take_u64)
TAKE(double, take_f64)

/* A text as a string of its own; NULL (and bad) unless it is UTF-8 without NUL. */
static bool good_text(const char *s, size_t len)
{
    return memchr(s, '\0', len) == NULL && text_is_utf8(s, len);
}

/* A text with its length before it, at most `most` bytes; NULL when it is empty or bad. */
static char *take_text(struct cursor *c, size_t most)
{
    uint32_t len = take_u32(c);
    const char *s = take(c, len);

    if (c->bad || len > most || !good_text(s, len)) {
        c->bad = true;
        return NULL;
    }
    return len > 0 ? xstrndup(s, len) : NULL;
}

static bool good_moments(const struct dataset_column *c, uint64_t rows)
{
    if (c->missing == rows) {
        return isnan(c->min) && isnan(c->max) && isnan(c->mean) && isnan(c->std);
    }
    return isfinite(c->min) && isfinite(c->max) && isfinite(c->mean) && isfinite(c->std) &&
           c->min <= c->mean && c->mean <= c->max && c->std >= 0.0;
}

static bool good_quantiles(const struct dataset_column *c, uint64_t rows)
{
    const double *q = c->quantiles;
    size_t i;

    for (i = 0; i < DATASET_QUANTILES; i++) {
        if (c->missing == rows ? !isnan(q[i]) : !isfinite(q[i]) || (i > 0 && q[i] < q[i - 1])) {
            return false;
        }
    }
    return c->missing == rows || (q[0] == c->min && q[DATASET_QUANTILES - 1] == c->max);
}

/* The bins hold every value there is. */
static bool good_histogram(const struct histogram *h, uint64_t values)
{
    uint64_t left = values;
    size_t i;

    if (values == 0) {
        return h->n == 0 && h->below == 0 && h->above == 0 && isnan(h->low) && isnan(h->high);
    }
    if (h->n == 0 || !isfinite(h->low) || !isfinite(h->high) || h->low > h->high ||
        h->below > left || h->above > left - h->below) {
        return false;
    }
    left -= h->below + h->above;
    for (i = 0; i < h->n; i++) {
        if (h->counts[i] > left) {
            return false;
        }
        left -= h->counts[i];
    }
    return left == 0;
}

static void read_distribution(struct cursor *cur, struct dataset_column *c, uint64_t rows)
{
    struct histogram *h = &c->histogram;

    take_into(cur, c->quantiles, sizeof c->quantiles);
    h->n = take_u32(cur);
    h->low = take_f64(cur);
    h->high = take_f64(cur);
    h->below = take_u64(cur);
    h->above = take_u64(cur);
    if (cur->bad || h->n > SKETCH_BINS) {
        cur->bad = true;
        h->n = 0;
        return;
    }
    take_into(cur, h->counts, h->n * sizeof *h->counts);
    cur->bad = cur->bad || !good_quantiles(c, rows) || !good_histogram(h, rows - c->missing);
}

static void read_numeric(struct cursor *cur, struct dataset_column *c, uint64_t rows)
{
    uint32_t n, i;

    c->min = take_f64(cur);
    c->max = take_f64(cur);
    c->mean = take_f64(cur);
    c->std = take_f64(cur);
    c->integers = take_u8(cur) != 0;
    c->distinct = take_u64(cur);
    n = take_u32(cur);
    if (cur->bad || !good_moments(c, rows) || c->distinct > DATASET_MAX_DISTINCT + 1 ||
        n != (c->distinct <= DATASET_MAX_DISTINCT ? c->distinct : 0)) {
        cur->bad = true;
        return;
    }
    if (c->distinct <= DATASET_MAX_DISTINCT) {
        c->values = xcalloc(n, sizeof *c->values);
        take_into(cur, c->values, n * sizeof *c->values);
        for (i = 0; i < n; i++) {
            cur->bad =
                cur->bad || !isfinite(c->values[i]) || (i > 0 && c->values[i] <= c->values[i - 1]);
        }
    }
}

/* The texts share one block; categories[0] owns it. */
static void read_categorical(struct cursor *cur, struct dataset_column *c, struct err *err)
{
    uint32_t n = take_u32(cur), i;
    const unsigned char *lengths = take(cur, (size_t)n * sizeof(uint32_t));
    const unsigned char *counts = take(cur, (size_t)n * sizeof(uint64_t));
    size_t total = 0;
    char *text;

    if (cur->bad || n == DATASET_MISSING) {
        cur->bad = true;
        return;
    }
    for (i = 0; i < n; i++) {
        uint32_t len;

        memcpy(&len, lengths + i * sizeof len, sizeof len);
        total += len; /* at most 2^32 times 2^32: no overflow */
    }
    if (total > cur->left) {
        cur->bad = true;
        return;
    }
    c->distinct = n;
    c->n_categories = n;
    c->categories = mem_try_alloc(n, sizeof *c->categories);
    c->counts = mem_try_alloc(n, sizeof *c->counts);
    text = mem_try_alloc(total + n, 1);
    if (c->categories == NULL || c->counts == NULL || text == NULL) {
        free(text);
        c->n_categories = 0;
        cur->bad = true;
        err_set(err, ERR_NO_MEMORY, "not enough memory for the texts of the dataset");
        return;
    }
    if (n == 0) {
        free(text);
        return;
    }
    memcpy(c->counts, counts, n * sizeof *c->counts);
    for (i = 0; i < n; i++) {
        uint32_t len;

        memcpy(&len, lengths + i * sizeof len, sizeof len);
        c->categories[i] = text;
        take_into(cur, text, len);
        text[len] = '\0';
        cur->bad = cur->bad || !good_text(text, len);
        text += len + 1;
    }
}

/* At most one text that is true and one that is false. */
static bool good_boolean(const struct dataset_column *c)
{
    int truth[2] = {-1, -1};
    uint32_t i;

    for (i = 0; i < c->n_categories && i < 2; i++) {
        truth[i] = cell_boolean(c->categories[i], strlen(c->categories[i]), NULL);
    }
    return c->n_categories <= 2 && (c->n_categories < 1 || truth[0] >= 0) &&
           (c->n_categories < 2 || truth[1] == !truth[0]);
}

static void read_about(struct cursor *cur, struct dataset_column *c)
{
    uint8_t flags = take_u8(cur);

    c->declared = flags & FLAG_DECLARED;
    c->constant = flags & FLAG_CONSTANT;
    c->identifier = flags & FLAG_IDENTIFIER;
    c->exact = flags & FLAG_EXACT;
    c->why = take_text(cur, DATASET_MAX_WHY);
    c->remark = take_text(cur, DATASET_MAX_WHY);
    c->format = take_text(cur, DATETIME_MAX_FORMAT);
    cur->bad = cur->bad || flags > FLAG_ALL || c->why == NULL ||
               (c->format != NULL &&
                (c->type != COLUMN_DATETIME || datetime_format_problem(c->format) != NULL));
}

static void read_column(struct cursor *cur, struct dataset_column *c, uint32_t version,
                        uint64_t rows, struct err *err)
{
    uint8_t type = take_u8(cur);
    uint32_t len = take_u32(cur);
    const char *name = take(cur, len);
    enum column_type last = version == DATASET_VERSION_1 ? COLUMN_CATEGORICAL : COLUMN_TEXT;
    size_t i;

    c->missing = take_u64(cur);
    if (cur->bad || type > last || len > DATASET_MAX_NAME || c->missing > rows ||
        memchr(name, '\0', len) != NULL) {
        cur->bad = true;
        return;
    }
    c->name = xstrndup(name, len);
    c->type = c->stored = (enum column_type)type;
    for (i = 0; i < DATASET_QUANTILES; i++) {
        c->quantiles[i] = NAN;
    }
    if (version != DATASET_VERSION_1) {
        read_about(cur, c);
    }
    if (cur->bad) {
        return;
    }
    if (column_holds_numbers(c->type)) {
        read_numeric(cur, c, rows);
        if (version != DATASET_VERSION_1 && !cur->bad) {
            read_distribution(cur, c, rows);
        }
    } else {
        read_categorical(cur, c, err);
        cur->bad = cur->bad || (c->type == COLUMN_BOOLEAN && !good_boolean(c));
    }
}

static void read_words(struct cursor *cur, struct missing *words)
{
    uint8_t defaults = take_u8(cur);
    uint32_t n = take_u32(cur), i;

    words->defaults = defaults != 0;
    cur->bad = cur->bad || n > MISSING_MAX_WORDS;
    for (i = 0; i < n && !cur->bad; i++) {
        char *word = take_text(cur, MISSING_MAX_BYTES);

        cur->bad = word == NULL || !missing_add(words, word, strlen(word));
        free(word);
    }
}

static int compare_columns(const void *a, const void *b, void *ctx)
{
    const struct dataset *ds = ctx;

    return strcmp(ds->names[*(const uint32_t *)a], ds->names[*(const uint32_t *)b]);
}

static int read_footer(struct dataset *ds, uint32_t version, struct cursor *cur, uint64_t footer_at,
                       struct err *err)
{
    struct err names = ERR_INIT;
    uint64_t n_groups, before = DATASET_HEAD_LEN;
    uint32_t n_columns, group_rows;
    size_t i;

    ds->rows = take_u64(cur);
    n_columns = take_u32(cur);
    group_rows = take_u32(cur);
    n_groups = take_u64(cur);
    if (cur->bad || n_columns == 0 || n_columns > DATASET_MAX_COLUMNS || n_columns > cur->left ||
        group_rows != dataset_group_rows(n_columns) || ds->rows == 0 ||
        n_groups != (ds->rows - 1) / group_rows + 1 || n_groups > cur->left / sizeof *ds->groups) {
        return dataset_read_corrupt(err);
    }
    ds->group_rows = group_rows;
    ds->n_groups = (size_t)n_groups;
    ds->groups = mem_try_alloc(ds->n_groups, sizeof *ds->groups);
    ds->columns = calloc(n_columns, sizeof *ds->columns);
    ds->names = mem_try_alloc(n_columns, sizeof *ds->names);
    ds->by_name = mem_try_alloc(n_columns, sizeof *ds->by_name);
    if (ds->groups == NULL || ds->columns == NULL || ds->names == NULL || ds->by_name == NULL) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to open the dataset");
    }
    ds->n_columns = n_columns;
    take_into(cur, ds->groups, ds->n_groups * sizeof *ds->groups);
    for (i = 0; i < ds->n_groups; i++) {
        /* Ascending, inside the file, and apart by at least the shortest chunks: one byte a cell,
         * or the head of a sparse one. */
        uint64_t n = i + 1 < ds->n_groups ? group_rows : ds->rows - i * group_rows;
        uint64_t room = (uint64_t)n_columns * DATASET_DIR_ENTRY;

        if (ds->groups[i] < before || ds->groups[i] - before < (n < 8 ? n : 8) * n_columns ||
            ds->groups[i] > footer_at || footer_at - ds->groups[i] < room) {
            return dataset_read_corrupt(err);
        }
        before = ds->groups[i] + room;
    }
    if (version != DATASET_VERSION_1) {
        read_words(cur, &ds->words);
    }
    for (i = 0; i < n_columns; i++) {
        read_column(cur, &ds->columns[i], version, ds->rows, err);
        if (cur->bad) {
            return err_is(err) ? -1 : dataset_read_corrupt(err);
        }
        ds->names[i] = ds->columns[i].name;
        ds->by_name[i] = (uint32_t)i;
    }
    if (cur->left != 0 || before != footer_at) {
        return dataset_read_corrupt(err);
    }
    if (dataset_check_names(n_columns, ds->names, 0, &names) != 0) {
        bool no_memory = names.code == ERR_NO_MEMORY;

        err_fini(&names);
        return no_memory ? err_set(err, ERR_NO_MEMORY, "not enough memory to open the dataset")
                         : dataset_read_corrupt(err);
    }
    qsort_r(ds->by_name, n_columns, sizeof *ds->by_name, compare_columns, ds);
    return 0;
}

int dataset_open(const char *path, struct dataset **out, struct err *err)
{
    struct dataset *ds = xcalloc(1, sizeof *ds);
    unsigned char head[DATASET_HEAD_LEN], tail[DATASET_TAIL_LEN];
    unsigned char *footer = NULL;
    struct cursor cur;
    struct stat st;
    uint64_t size, len;
    uint32_t version;
    char hex[HASH_HEX_LEN];

    ds->magic = DATASET_OBJ;
    ds->words = (struct missing)MISSING_INIT;
    ds->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (ds->fd < 0 || fstat(ds->fd, &st) != 0) {
        err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open the dataset file: %s",
                strerrordesc_np(errno));
        goto fail;
    }
    size = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (size < DATASET_HEAD_LEN + DATASET_TAIL_LEN) {
        dataset_read_corrupt(err);
        goto fail;
    }
    if (dataset_read_at(ds->fd, head, sizeof head, 0, err) != 0 ||
        dataset_read_at(ds->fd, tail, sizeof tail, size - sizeof tail, err) != 0) {
        goto fail;
    }
    memcpy(&version, head + DATASET_MAGIC_LEN, sizeof version);
    memcpy(&len, tail, sizeof len);
    if (memcmp(head, DATASET_MAGIC, DATASET_MAGIC_LEN) != 0 ||
        (version != DATASET_VERSION && version != DATASET_VERSION_1) ||
        memcmp(tail + sizeof tail - DATASET_MAGIC_LEN, DATASET_MAGIC, DATASET_MAGIC_LEN) != 0 ||
        len > size - DATASET_HEAD_LEN - DATASET_TAIL_LEN) {
        dataset_read_corrupt(err);
        goto fail;
    }
    footer = mem_try_alloc((size_t)len, 1);
    if (footer == NULL) {
        err_set(err, ERR_NO_MEMORY, "not enough memory to open the dataset");
        goto fail;
    }
    if (dataset_read_at(ds->fd, footer, (size_t)len, size - sizeof tail - len, err) != 0) {
        goto fail;
    }
    hash_hex(footer, (size_t)len, hex);
    if (memcmp(hex, tail + sizeof len, HASH_HEX_LEN - 1) != 0) {
        dataset_read_corrupt(err);
        goto fail;
    }
    cur = (struct cursor){.p = footer, .left = (size_t)len};
    if (read_footer(ds, version, &cur, size - sizeof tail - len, err) != 0) {
        goto fail;
    }
    free(footer);
    *out = ds;
    return 0;
fail:
    free(footer);
    dataset_free(&ds);
    return -1;
}

int dataset_verify_open(const struct dataset *ds, const char *sha256, bool (*stop)(void *ctx),
                        void *ctx, struct err *err)
{
    CHK_OBJ(ds, DATASET_OBJ);
    return dataset_verify_fd(ds->fd, sha256, stop, ctx, err);
}

void dataset_free(struct dataset **dataset)
{
    struct dataset *ds = *dataset;
    size_t i;

    if (ds == NULL) {
        return;
    }
    CHK_OBJ(ds, DATASET_OBJ);
    CHK(ds->base == NULL); /* dataset_view_end is for views */
    for (i = 0; i < ds->n_columns; i++) {
        struct dataset_column *c = &ds->columns[i];

        free(c->name);
        free(c->values);
        if (c->n_categories > 0) {
            free(c->categories[0]);
        }
        free(c->categories);
        free(c->counts);
        free(c->why);
        free(c->remark);
        free(c->format);
    }
    missing_fini(&ds->words);
    free(ds->columns);
    free(ds->names);
    free(ds->by_name);
    free(ds->groups);
    if (ds->fd >= 0) {
        (void)close(ds->fd); /* only read from */
    }
    ds->magic = 0;
    free(ds);
    *dataset = NULL;
}

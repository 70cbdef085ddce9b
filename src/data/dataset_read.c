/* Opening and reading dataset files; see dataset.h for the promise, dataset_priv.h for the
 * layout.
 *
 * Nothing in a file is believed: the footer must match its own hash, every count is
 * compared with the bytes that are really there before anything of its size is allocated,
 * every chunk must lie inside its group, and decoded cells are checked (finite, code in the
 * dictionary). Reads are pread into a small block on the stack, so threads share an open
 * dataset without locks.
 */
#include "data/dataset_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define DATASET_OBJ 0x74736474u
#define BLOCK_BYTES (32u << 10)

struct dataset {
    uint32_t magic;
    int fd;
    uint64_t rows;
    size_t group_rows;
    size_t n_columns;
    struct dataset_column *columns;
    const char **names; /* the columns' own */
    uint32_t *by_name;  /* columns sorted by name, for dataset_find */
    size_t n_groups;
    uint64_t *groups; /* position of each group's directory */
};

/* What is left of the footer while it is read; `bad` sticks. */
struct cursor {
    const unsigned char *p;
    size_t left;
    bool bad;
};

static int corrupt(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the dataset file is damaged");
}

static int read_at(int fd, void *out, size_t len, uint64_t position, struct err *err)
{
    char *p = out;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)position);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set(err, ERR_IO, "cannot read the dataset file: %s", strerrordesc_np(errno));
        }
        if (n == 0) {
            return corrupt(err); /* shorter than it says */
        }
        p += n;
        len -= (size_t)n;
        position += (uint64_t)n;
    }
    return 0;
}

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

static bool good_moments(const struct dataset_column *c, uint64_t rows)
{
    if (c->missing == rows) {
        return isnan(c->min) && isnan(c->max) && isnan(c->mean) && isnan(c->std);
    }
    return isfinite(c->min) && isfinite(c->max) && isfinite(c->mean) && isfinite(c->std) &&
           c->min <= c->mean && c->mean <= c->max && c->std >= 0.0;
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

static void read_column(struct cursor *cur, struct dataset_column *c, uint32_t version,
                        uint64_t rows, struct err *err)
{
    uint8_t type = take_u8(cur);
    uint32_t len = take_u32(cur);
    const char *name = take(cur, len);
    enum column_type last = version == DATASET_VERSION_1 ? COLUMN_CATEGORICAL : COLUMN_TEXT;

    c->missing = take_u64(cur);
    if (cur->bad || type > last || len > DATASET_MAX_NAME || c->missing > rows ||
        memchr(name, '\0', len) != NULL) {
        cur->bad = true;
        return;
    }
    c->name = xstrndup(name, len);
    c->type = (enum column_type)type;
    if (column_holds_numbers(c->type)) {
        read_numeric(cur, c, rows);
    } else {
        read_categorical(cur, c, err);
        cur->bad = cur->bad || (c->type == COLUMN_BOOLEAN && c->n_categories > 2);
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
        return corrupt(err);
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
        /* Ascending, inside the file, and at least one byte a cell apart. */
        uint64_t n = i + 1 < ds->n_groups ? group_rows : ds->rows - i * group_rows;
        uint64_t room = (uint64_t)n_columns * DATASET_DIR_ENTRY;

        if (ds->groups[i] < before || ds->groups[i] - before < n * n_columns ||
            ds->groups[i] > footer_at || footer_at - ds->groups[i] < room) {
            return corrupt(err);
        }
        before = ds->groups[i] + room;
    }
    for (i = 0; i < n_columns; i++) {
        read_column(cur, &ds->columns[i], version, ds->rows, err);
        if (cur->bad) {
            return err_is(err) ? -1 : corrupt(err);
        }
        ds->names[i] = ds->columns[i].name;
        ds->by_name[i] = (uint32_t)i;
    }
    if (cur->left != 0 || before != footer_at) {
        return corrupt(err);
    }
    if (dataset_check_names(n_columns, ds->names, 0, &names) != 0) {
        bool no_memory = names.code == ERR_NO_MEMORY;

        err_fini(&names);
        return no_memory ? err_set(err, ERR_NO_MEMORY, "not enough memory to open the dataset")
                         : corrupt(err);
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
    ds->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (ds->fd < 0 || fstat(ds->fd, &st) != 0) {
        err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open the dataset file: %s",
                strerrordesc_np(errno));
        goto fail;
    }
    size = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (size < DATASET_HEAD_LEN + DATASET_TAIL_LEN) {
        corrupt(err);
        goto fail;
    }
    if (read_at(ds->fd, head, sizeof head, 0, err) != 0 ||
        read_at(ds->fd, tail, sizeof tail, size - sizeof tail, err) != 0) {
        goto fail;
    }
    memcpy(&version, head + DATASET_MAGIC_LEN, sizeof version);
    memcpy(&len, tail, sizeof len);
    if (memcmp(head, DATASET_MAGIC, DATASET_MAGIC_LEN) != 0 ||
        (version != DATASET_VERSION && version != DATASET_VERSION_1) ||
        memcmp(tail + sizeof tail - DATASET_MAGIC_LEN, DATASET_MAGIC, DATASET_MAGIC_LEN) != 0 ||
        len > size - DATASET_HEAD_LEN - DATASET_TAIL_LEN) {
        corrupt(err);
        goto fail;
    }
    footer = mem_try_alloc((size_t)len, 1);
    if (footer == NULL) {
        err_set(err, ERR_NO_MEMORY, "not enough memory to open the dataset");
        goto fail;
    }
    if (read_at(ds->fd, footer, (size_t)len, size - sizeof tail - len, err) != 0) {
        goto fail;
    }
    hash_hex(footer, (size_t)len, hex);
    if (memcmp(hex, tail + sizeof len, HASH_HEX_LEN - 1) != 0) {
        corrupt(err);
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
    for (i = 0; i < ds->n_columns; i++) {
        struct dataset_column *c = &ds->columns[i];

        free(c->name);
        free(c->values);
        if (c->n_categories > 0) {
            free(c->categories[0]);
        }
        free(c->categories);
        free(c->counts);
    }
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

/* ---- questions --------------------------------------------------------------- */

uint64_t dataset_rows(const struct dataset *ds)
{
    return ds->rows;
}

size_t dataset_n_columns(const struct dataset *ds)
{
    return ds->n_columns;
}

const struct dataset_column *dataset_column(const struct dataset *ds, size_t column)
{
    CHK(column < ds->n_columns);
    return &ds->columns[column];
}

ptrdiff_t dataset_find(const struct dataset *ds, const char *name)
{
    size_t low = 0, high = ds->n_columns;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, ds->names[ds->by_name[middle]]);

        if (order == 0) {
            return (ptrdiff_t)ds->by_name[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return -1;
}

const char *const *dataset_names(const struct dataset *ds)
{
    return ds->names;
}

/* ---- cells ------------------------------------------------------------------- */

/* Where the chunk of a column in a group lies, and of which kind it is. */
static int find_chunk(const struct dataset *ds, size_t column, size_t group, uint32_t *kind,
                      uint64_t *position, struct err *err)
{
    uint64_t directory = ds->groups[group];
    uint64_t start =
        group == 0 ? DATASET_HEAD_LEN : ds->groups[group - 1] + ds->n_columns * DATASET_DIR_ENTRY;
    uint64_t rows =
        group + 1 < ds->n_groups ? ds->group_rows : ds->rows - (uint64_t)group * ds->group_rows;
    bool numeric = column_holds_numbers(ds->columns[column].type);
    uint32_t entry[2];
    size_t width;

    if (read_at(ds->fd, entry, sizeof entry, directory + column * DATASET_DIR_ENTRY, err) != 0) {
        return -1;
    }
    width = chunk_width(entry[0]);
    if (width == 0 || numeric != (entry[0] < CHUNK_CODE8) || entry[1] > directory - start ||
        rows * width > entry[1]) {
        return corrupt(err);
    }
    *kind = entry[0];
    *position = directory - entry[1];
    return 0;
}

#define UNPACK(type, is_missing)                                                                   \
    for (i = 0; i < n; i++) {                                                                      \
        type cell;                                                                                 \
        memcpy(&cell, bytes + i * sizeof cell, sizeof cell);                                       \
        out[i] = (is_missing) ? (double)NAN : (double)cell;                                        \
    }

/* False when a cell is infinite, which no writer writes. */
static bool unpack_numbers(const unsigned char *bytes, size_t n, uint32_t kind, double *out)
{
    bool finite = true;
    size_t i;

    switch (kind) {
    case CHUNK_INT8:
        UNPACK(int8_t, cell == INT8_MIN)
        break;
    case CHUNK_UINT8:
        UNPACK(uint8_t, false)
        break;
    case CHUNK_INT16:
        UNPACK(int16_t, cell == INT16_MIN)
        break;
    case CHUNK_INT32:
        UNPACK(int32_t, cell == INT32_MIN)
        break;
    case CHUNK_FLOAT32:
        UNPACK(float, isnan(cell))
        break;
    default:
        UNPACK(double, isnan(cell))
        break;
    }
    if (kind == CHUNK_FLOAT32 || kind == CHUNK_FLOAT64) {
        for (i = 0; i < n; i++) {
            finite = finite && !isinf(out[i]);
        }
    }
    return finite;
}

static bool unpack_codes(const unsigned char *bytes, size_t n, uint32_t kind, uint32_t n_categories,
                         uint32_t *out)
{
    size_t width = chunk_width(kind), i;
    uint32_t missing = width == 4 ? UINT32_MAX : (UINT32_C(1) << (8 * width)) - 1;
    bool known = true;

    for (i = 0; i < n; i++) {
        uint32_t code = 0;

        memcpy(&code, bytes + i * width, width);
        out[i] = code == missing ? DATASET_MISSING : code;
        known = known && (code == missing || code < n_categories);
    }
    return known;
}

/* Either `numbers` or `codes` is given. */
static int read_cells(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                      double *numbers, uint32_t *codes, struct err *err)
{
    unsigned char block[BLOCK_BYTES];

    CHK_OBJ(ds, DATASET_OBJ);
    CHK(column < ds->n_columns && first <= ds->rows && n <= ds->rows - first);
    CHK(column_holds_numbers(ds->columns[column].type) == (numbers != NULL));
    while (n > 0) {
        size_t group = (size_t)(first / ds->group_rows), at = (size_t)(first % ds->group_rows);
        size_t rows = ds->group_rows - at < n ? ds->group_rows - at : n;
        uint64_t position = 0;
        uint32_t kind = 0;

        if (find_chunk(ds, column, group, &kind, &position, err) != 0) {
            return -1;
        }
        position += (uint64_t)at * chunk_width(kind);
        first += rows;
        n -= rows;
        while (rows > 0) {
            size_t fit = BLOCK_BYTES / chunk_width(kind), k = rows < fit ? rows : fit;
            bool good;

            if (read_at(ds->fd, block, k * chunk_width(kind), position, err) != 0) {
                return -1;
            }
            good = numbers != NULL
                       ? unpack_numbers(block, k, kind, numbers)
                       : unpack_codes(block, k, kind, ds->columns[column].n_categories, codes);
            if (!good) {
                return corrupt(err);
            }
            position += k * chunk_width(kind);
            rows -= k;
            numbers = numbers != NULL ? numbers + k : NULL;
            codes = codes != NULL ? codes + k : NULL;
        }
    }
    return 0;
}

int dataset_read_numbers(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                         double *out, struct err *err)
{
    return read_cells(ds, column, first, n, out, NULL, err);
}

int dataset_read_codes(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                       uint32_t *out, struct err *err)
{
    return read_cells(ds, column, first, n, NULL, out, err);
}

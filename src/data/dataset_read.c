/* Reading open dataset files; see dataset.h for the promise, dataset_priv.h for the layout.
 *
 * Every chunk must lie inside its group, and decoded cells are checked (finite, code in the
 * dictionary). Reads are pread into a small block on the stack, so threads share an open
 * dataset without locks.
 */
#include "data/dataset_read_priv.h"
#include "data/dataset_sparse.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES (32u << 10)

int dataset_read_corrupt(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the dataset file is damaged");
}

int dataset_read_at(int fd, void *out, size_t len, uint64_t position, struct err *err)
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
            return dataset_read_corrupt(err); /* shorter than it says */
        }
        p += n;
        len -= (size_t)n;
        position += (uint64_t)n;
    }
    return 0;
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
    return ds->base != NULL ? dataset_view_column(ds, column) : &ds->columns[column];
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

const struct missing *dataset_missing(const struct dataset *ds)
{
    return &ds->words;
}

const char *const *dataset_names(const struct dataset *ds)
{
    return ds->names;
}

/* ---- cells ------------------------------------------------------------------- */

/* Where the chunk of a column in a group lies, and of which kind it is. */
static int find_chunk(const struct dataset *ds, size_t column, size_t group, uint32_t *kind,
                      uint64_t *position, uint64_t *room, struct err *err)
{
    uint64_t directory = ds->groups[group];
    uint64_t start =
        group == 0 ? DATASET_HEAD_LEN : ds->groups[group - 1] + ds->n_columns * DATASET_DIR_ENTRY;
    uint64_t rows =
        group + 1 < ds->n_groups ? ds->group_rows : ds->rows - (uint64_t)group * ds->group_rows;
    bool numeric = column_holds_numbers(ds->columns[column].type);
    uint32_t entry[2];
    size_t width;

    if (dataset_read_at(ds->fd, entry, sizeof entry, directory + column * DATASET_DIR_ENTRY, err) !=
        0) {
        return -1;
    }
    width = chunk_width(entry[0]);
    if ((width == 0 && entry[0] != CHUNK_SPARSE) ||
        numeric != (entry[0] < CHUNK_CODE8 || entry[0] == CHUNK_SPARSE) ||
        entry[1] > directory - start || rows * width > entry[1]) {
        return dataset_read_corrupt(err);
    }
    *kind = entry[0];
    *position = directory - entry[1];
    *room = entry[1];
    return 0;
}

#define UNPACK(type, is_missing)                                                                   \
    for (i = 0; i < n; i++) {                                                                      \
        type cell;                                                                                 \
        memcpy(&cell, bytes + i * sizeof cell, sizeof cell);                                       \
        out[i] = (is_missing) ? (double)NAN : (double)cell;                                        \
    }

/* False when a cell is infinite, which no writer writes. */
bool dataset_read_unpack(const unsigned char *bytes, size_t n, uint32_t kind, double *out)
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

int dataset_read_raw(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                     double *numbers, uint32_t *codes, struct err *err)
{
    unsigned char block[BLOCK_BYTES];

    CHK_OBJ(ds, DATASET_OBJ);
    CHK(column < ds->n_columns && first <= ds->rows && n <= ds->rows - first);
    CHK(column_holds_numbers(ds->columns[column].type) == (numbers != NULL));
    while (n > 0) {
        size_t group = (size_t)(first / ds->group_rows), at = (size_t)(first % ds->group_rows);
        size_t rows = ds->group_rows - at < n ? ds->group_rows - at : n;
        size_t all = group + 1 < ds->n_groups
                         ? ds->group_rows
                         : (size_t)(ds->rows - (uint64_t)group * ds->group_rows);
        uint64_t position = 0, room = 0;
        uint32_t kind = 0;

        if (find_chunk(ds, column, group, &kind, &position, &room, err) != 0) {
            return -1;
        }
        position += (uint64_t)at * chunk_width(kind);
        first += rows;
        n -= rows;
        if (kind == CHUNK_SPARSE) {
            if (dataset_sparse_read(ds->fd, position, room, all, at, rows, numbers, err) != 0) {
                return -1;
            }
            numbers += rows;
            continue;
        }
        while (rows > 0) {
            size_t fit = BLOCK_BYTES / chunk_width(kind), k = rows < fit ? rows : fit;
            bool good;

            if (dataset_read_at(ds->fd, block, k * chunk_width(kind), position, err) != 0) {
                return -1;
            }
            good = numbers != NULL
                       ? dataset_read_unpack(block, k, kind, numbers)
                       : unpack_codes(block, k, kind, ds->columns[column].n_categories, codes);
            if (!good) {
                return dataset_read_corrupt(err);
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
    return ds->base != NULL ? dataset_view_numbers(ds, column, first, n, out, err)
                            : dataset_read_raw(ds, column, first, n, out, NULL, err);
}

int dataset_read_codes(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                       uint32_t *out, struct err *err)
{
    return ds->base != NULL ? dataset_view_codes(ds, column, first, n, out, err)
                            : dataset_read_raw(ds, column, first, n, NULL, out, err);
}

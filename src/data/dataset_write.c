/* Writing a dataset file; see dataset.h for the promise and dataset_priv.h for the layout.
 *
 * Cells arrive row by row and are kept row-major for one group; a full group is turned
 * into chunks a few columns at a time (TILE columns share cache lines), each in the
 * narrowest kind that keeps its values exact. Memory: one group (at most 16 MiB), the
 * dictionaries and sketches (bounded), 8 bytes a group. One thread at a time per writer.
 *
 * Invariant: every byte that goes to the file goes through dataset_write_put(), in order, into the
 * hash.
 */
#include "data/dataset_sparse.h"
#include "data/dataset_write_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crashpoint.h"
#include "base/mem.h"
#include "data/cell.h"

#define TILE        8
#define FLUSH_BYTES (1u << 20)

int dataset_write_no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory for a table this wide");
}

int dataset_write_flush(struct dataset_writer *w, struct err *err)
{
    hash_update(&w->hash, w->out.data, w->out.len);
    if (file_write(&w->file, w->out.data, w->out.len, err) != 0) {
        return -1;
    }
    buf_clear(&w->out);
    return 0;
}

int dataset_write_put(struct dataset_writer *w, const void *bytes, size_t len, struct err *err)
{
    if (buf_append(&w->out, bytes, len) != 0) {
        return dataset_write_no_memory(err);
    }
    w->position += len;
    if (w->in_footer) {
        hash_update(&w->footer_hash, bytes, len);
    }
    return w->out.len >= FLUSH_BYTES ? dataset_write_flush(w, err) : 0;
}

/* ---- beginning and end of life ----------------------------------------------- */

int dataset_writer_new(const char *dir, size_t n_columns, const char *const *names,
                       const enum column_type *types, struct dataset_writer **out, struct err *err)
{
    static const char head[DATASET_HEAD_LEN] = DATASET_MAGIC "\2\0\0\0\0\0\0";
    char name[sizeof DATASET_TMP + 16] = DATASET_TMP;
    struct dataset_writer *w = NULL;
    size_t i;

    _Static_assert(DATASET_VERSION == 2, "the head says 2");
    if (n_columns == 0 || n_columns > DATASET_MAX_COLUMNS) {
        return err_add(err, NULL, "a table has 1 to %d columns, not %zu", DATASET_MAX_COLUMNS,
                       n_columns);
    }
    if (dataset_check_names(n_columns, names, 0, err) != 0) {
        return -1;
    }
    w = xcalloc(1, sizeof *w);
    w->magic = WRITER_MAGIC;
    w->folder = -1;
    w->file = (struct file)FILE_INIT;
    w->words = (struct missing)MISSING_INIT;
    w->n_columns = n_columns;
    w->columns = xcalloc(n_columns, sizeof *w->columns);
    for (i = 0; i < n_columns; i++) {
        w->columns[i].name = xstrdup(names[i]);
        w->columns[i].type = types[i];
        w->columns[i].integers = w->columns[i].rising = w->columns[i].falling = true;
        sketch_init(&w->columns[i].sketch, sketch_capacity(n_columns));
        stats_init(&w->columns[i].stats);
        distinct_init(&w->columns[i].distinct, DATASET_MAX_DISTINCT);
        w->columns[i].dict = column_holds_numbers(types[i]) ? NULL : dict_new();
    }
    w->group_rows = dataset_group_rows(n_columns);
    w->cells = mem_try_alloc(n_columns * w->group_rows, sizeof *w->cells);
    w->tile = mem_try_alloc(TILE * w->group_rows, sizeof *w->tile);
    w->directory = mem_try_alloc(2 * n_columns, sizeof *w->directory);
    w->present = mem_try_alloc(w->group_rows, sizeof *w->present);
    w->packed = mem_try_alloc(w->group_rows, 8);
    if (w->cells == NULL || w->tile == NULL || w->directory == NULL || w->present == NULL ||
        w->packed == NULL) {
        dataset_write_no_memory(err);
        goto fail;
    }
    hash_random_hex(8, name + sizeof DATASET_TMP - 1);
    if (file_folder_open(dir, WHAT, &w->folder, err) != 0 ||
        file_create(&w->file, w->folder, name, WHAT, err) != 0) {
        goto fail;
    }
    hash_init(&w->hash);
    if (dataset_write_put(w, head, sizeof head, err) != 0) {
        goto fail;
    }
    *out = w;
    return 0;
fail:
    dataset_writer_abort(&w);
    return -1;
}

void dataset_writer_missing(struct dataset_writer *w, const struct missing *missing)
{
    CHK_OBJ(w, WRITER_MAGIC);
    missing_fini(&w->words);
    missing_copy(&w->words, missing);
}

void dataset_writer_about(struct dataset_writer *w, size_t column, bool declared,
                          const char *format)
{
    CHK_OBJ(w, WRITER_MAGIC);
    CHK(column < w->n_columns);
    w->columns[column].declared = declared;
    free(w->columns[column].format);
    w->columns[column].format = format != NULL ? xstrdup(format) : NULL;
}

static void writer_free(struct dataset_writer *w)
{
    size_t i;

    for (i = 0; i < w->n_columns; i++) {
        struct writer_column *c = &w->columns[i];

        free(c->name);
        free(c->format);
        distinct_fini(&c->distinct);
        sketch_fini(&c->sketch);
        dict_free(&c->dict);
        free(c->spelling[0]);
        free(c->spelling[1]);
    }
    missing_fini(&w->words);
    free(w->columns);
    free(w->cells);
    free(w->tile);
    free(w->directory);
    free(w->present);
    free(w->packed);
    free(w->groups);
    buf_fini(&w->out);
    file_folder_close(&w->folder);
    w->magic = 0;
    free(w);
}

void dataset_writer_abort(struct dataset_writer **writer)
{
    struct dataset_writer *w = *writer;

    if (w == NULL) {
        return;
    }
    CHK_OBJ(w, WRITER_MAGIC);
    file_discard(&w->file); /* what is left all the same, dataset_clean_folder takes */
    writer_free(w);
    *writer = NULL;
}

/* ---- groups ------------------------------------------------------------------ */

static enum chunk_kind number_kind(const union cell *v, size_t n, bool *integers)
{
    double min = 0.0, max = 0.0;
    bool whole = true, single = true, missing = false, minus_zero = false;
    size_t i;

    for (i = 0; i < n; i++) {
        double x = v[i].number;

        if (isnan(x)) {
            missing = true;
            continue;
        }
        min = x < min ? x : min;
        max = x > max ? x : max;
        whole = whole && x == trunc(x);
        minus_zero = minus_zero || (x == 0.0 && signbit(x));
        single = single && fabs(x) <= 3.4028234663852886e38 && (double)(float)x == x;
    }
    *integers = *integers && whole;
    if (whole && !minus_zero) {
        if (min >= -127.0 && max <= 127.0) {
            return CHUNK_INT8;
        }
        if (min >= 0.0 && max <= 255.0 && !missing) {
            return CHUNK_UINT8;
        }
        if (min >= -32767.0 && max <= 32767.0) {
            return CHUNK_INT16;
        }
        if (min >= -2147483647.0 && max <= 2147483647.0) {
            return CHUNK_INT32;
        }
    }
    return single ? CHUNK_FLOAT32 : CHUNK_FLOAT64;
}

#define PACK(type, gone)                                                                           \
    for (i = 0; i < n; i++) {                                                                      \
        type cell = isnan(v[i].number) ? (gone) : (type)v[i].number;                               \
        memcpy(out + i * sizeof cell, &cell, sizeof cell);                                         \
    }

/* v (n) as the bytes of a chunk; every NaN becomes the same NaN, so that equal tables have
 * equal bytes. */
static void pack_numbers(const union cell *v, size_t n, enum chunk_kind kind, unsigned char *out)
{
    size_t i;

    switch (kind) {
    case CHUNK_INT8:
        PACK(int8_t, INT8_MIN)
        break;
    case CHUNK_UINT8:
        PACK(uint8_t, 0) /* never gone: number_kind saw to it */
        break;
    case CHUNK_INT16:
        PACK(int16_t, INT16_MIN)
        break;
    case CHUNK_INT32:
        PACK(int32_t, INT32_MIN)
        break;
    case CHUNK_FLOAT32:
        PACK(float, NAN)
        break;
    default:
        PACK(double, (double)NAN)
        break;
    }
}

static int number_chunk(struct dataset_writer *w, struct writer_column *c, const union cell *v,
                        size_t n, uint32_t *kind, struct err *err)
{
    size_t i, present = 0, sparse;

    for (i = 0; i < n; i++) {
        w->present[present] = v[i].number;
        present += !isnan(v[i].number);
    }
    c->missing += n - present;
    for (i = 0; i < present && (c->rising || c->falling); i++) {
        bool first = c->stats.n == 0 && i == 0;
        double before = i == 0 ? c->last : w->present[i - 1];

        c->rising = c->rising && (first || w->present[i] > before);
        c->falling = c->falling && (first || w->present[i] < before);
    }
    c->last = present > 0 ? w->present[present - 1] : c->last;
    stats_add(&c->stats, w->present, present);
    if (distinct_add(&c->distinct, w->present, present) != 0 ||
        sketch_add(&c->sketch, w->present, present) != 0) {
        return dataset_write_no_memory(err);
    }
    *kind = number_kind(v, n, &c->integers);
    pack_numbers(v, n, (enum chunk_kind) * kind, w->packed);
    sparse = dataset_sparse_pack(w->packed, n, *kind, (unsigned char *)w->present);
    if (sparse != 0) {
        *kind = CHUNK_SPARSE;
        return dataset_write_put(w, w->present, sparse, err);
    }
    return dataset_write_put(w, w->packed, n * chunk_width(*kind), err);
}

/* Codes use the width that the dictionary needs so far; "missing" is all ones in each. */
static int code_chunk(struct dataset_writer *w, struct writer_column *c, const union cell *v,
                      size_t n, uint32_t *kind, struct err *err)
{
    size_t known = dict_size(c->dict), width, i;

    *kind = known <= UINT8_MAX ? CHUNK_CODE8 : known <= UINT16_MAX ? CHUNK_CODE16 : CHUNK_CODE32;
    width = chunk_width(*kind);
    for (i = 0; i < n; i++) {
        c->missing += v[i].code == DATASET_MISSING;
        memcpy(w->packed + i * width, &v[i].code, width); /* the low bytes */
    }
    return dataset_write_put(w, w->packed, n * width, err);
}

static int write_group(struct dataset_writer *w, struct err *err)
{
    size_t n = w->row, first, i, k;
    uint64_t start = w->position;

    if (w->n_groups == w->groups_capacity) {
        size_t capacity = w->groups_capacity != 0 ? 2 * w->groups_capacity : 16;
        uint64_t *grown = realloc(w->groups, capacity * sizeof *grown);

        if (grown == NULL) {
            return dataset_write_no_memory(err);
        }
        w->groups = grown;
        w->groups_capacity = capacity;
    }
    for (first = 0; first < w->n_columns; first += TILE) {
        size_t width = w->n_columns - first < TILE ? w->n_columns - first : TILE;

        for (i = 0; i < n; i++) {
            for (k = 0; k < width; k++) {
                w->tile[k * w->group_rows + i] = w->cells[i * w->n_columns + first + k];
            }
        }
        for (k = 0; k < width; k++) {
            struct writer_column *c = &w->columns[first + k];
            const union cell *v = w->tile + k * w->group_rows;
            uint32_t *entry = w->directory + 2 * (first + k);
            int bad;

            entry[1] = (uint32_t)(w->position - start);
            bad = column_holds_numbers(c->type) ? number_chunk(w, c, v, n, entry, err)
                                                : code_chunk(w, c, v, n, entry, err);
            if (bad) {
                return -1;
            }
        }
    }
    for (k = 0; k < w->n_columns; k++) {
        /* A group is at most 2 Mi cells of 8 bytes: 32 bits are enough. */
        w->directory[2 * k + 1] = (uint32_t)(w->position - start) - w->directory[2 * k + 1];
    }
    w->groups[w->n_groups++] = w->position;
    w->rows += n;
    w->row = 0;
    return dataset_write_put(w, w->directory, w->n_columns * DATASET_DIR_ENTRY, err);
}

static inline int end_cell(struct dataset_writer *w, struct err *err)
{
    if (++w->column < w->n_columns) {
        return 0;
    }
    w->column = 0;
    return ++w->row < w->group_rows ? 0 : write_group(w, err);
}

int dataset_writer_number(struct dataset_writer *w, double value, struct err *err)
{
    CHK_OBJ(w, WRITER_MAGIC);
    CHK(column_holds_numbers(w->columns[w->column].type) && !isinf(value));
    w->cells[w->row * w->n_columns + w->column].number = value;
    return end_cell(w, err);
}

/* The bytes a new text takes are counted over all columns, so that many columns of many
 * texts cannot fill the memory either. */
static int too_many_texts(struct dataset_writer *w, enum dict_result result, struct err *err)
{
    const char *name = w->columns[w->column].name;
    int64_t row = (int64_t)(w->rows + w->row + 1);

    switch (result) {
    case DICT_TOO_MANY:
        return err_add_cell(err, row, 0, name,
                            "column \"%s\" has more than %d different texts; leave it out", name,
                            DICT_MAX_TEXTS);
    case DICT_TOO_LONG:
        return err_add_cell(
            err, row, 0, name,
            "the different texts of column \"%s\" are more than %u MiB; leave it out", name,
            DICT_MAX_BYTES >> 20);
    case DICT_OK:
        return err_add_cell(err, row, 0, name,
                            "the different texts of all columns take more than %u MiB at column "
                            "\"%s\"; leave columns of free text out",
                            DATASET_MAX_TEXT_BYTES >> 20, name);
    default:
        return dataset_write_no_memory(err);
    }
}

int dataset_writer_text(struct dataset_writer *w, const char *text, size_t len, struct err *err)
{
    struct writer_column *c = &w->columns[w->column];
    uint32_t code = DATASET_MISSING;

    CHK_OBJ(w, WRITER_MAGIC);
    CHK(!column_holds_numbers(c->type));
    if (text != NULL && c->type == COLUMN_BOOLEAN) {
        int truth = cell_boolean(text, len, NULL);

        CHK(truth >= 0);
        if (c->spelling[truth] == NULL) {
            c->spelling[truth] = xstrndup(text, len);
        }
        text = c->spelling[truth];
        len = strlen(text);
    }
    if (text != NULL) {
        size_t known = dict_size(c->dict);
        enum dict_result result = dict_add(c->dict, text, len, &code);

        if (result != DICT_OK) {
            return too_many_texts(w, result, err);
        }
        if (dict_size(c->dict) != known) {
            w->dict_bytes += len + DICT_TEXT_OVERHEAD;
            if (w->dict_bytes > DATASET_MAX_TEXT_BYTES) {
                return too_many_texts(w, DICT_OK, err);
            }
        }
    }
    w->cells[w->row * w->n_columns + w->column].code = code;
    return end_cell(w, err);
}

/* ---- the end ----------------------------------------------------------------- */

static int writer_publish(struct dataset_writer *w, struct dataset_summary *out, struct err *err)
{
    CHK(w->column == 0); /* whole rows only */
    if (w->row > 0 && write_group(w, err) != 0) {
        return -1;
    }
    if (w->rows == 0) {
        return err_add(err, NULL, "there are no rows");
    }
    if (dataset_write_footer(w, err) != 0) {
        return -1;
    }
    hash_final_hex(&w->hash, out->sha256);
    out->rows = w->rows;
    out->bytes = w->position;
    CRASH_POINT("dataset-before-sync");
    if (file_sync(&w->file, err) != 0 || file_close(&w->file, err) != 0) {
        return -1;
    }
    CRASH_POINT("dataset-before-rename");
    if (file_rename(&w->file, out->sha256, err) != 0) {
        return -1;
    }
    CRASH_POINT("dataset-after-rename");
    return file_folder_sync(w->folder, WHAT, err);
}

int dataset_writer_finish(struct dataset_writer **writer, struct dataset_summary *out,
                          struct err *err)
{
    struct dataset_summary summary = {.rows = 0};
    int result;

    CHK_OBJ(*writer, WRITER_MAGIC);
    result = writer_publish(*writer, &summary, err);
    if (result == 0) {
        *out = summary;
    }
    dataset_writer_abort(writer); /* what is published has no temporary file any more */
    return result;
}

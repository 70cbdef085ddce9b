/* A group of rows into the file: cells that lie row by row become a chunk a column, a few columns
 * at a time (TILE columns share cache lines), each in the narrowest kind that keeps its values
 * exact; on the way each column's statistics see them.
 *
 * On one thread at a time, the writer's own or its helper's (dataset_write_behind.c): what is
 * touched here is touched by nobody else until the last group is in. So a dictionary, which grows
 * meanwhile, is not asked for its size; the group knows it.
 */
#include "data/dataset_sparse.h"
#include "data/dataset_write_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Codes use the width that the `known` texts need; "missing" is all ones in each. */
static int code_chunk(struct dataset_writer *w, struct writer_column *c, const union cell *v,
                      size_t n, size_t known, uint32_t *kind, struct err *err)
{
    size_t width, i;

    *kind = known <= UINT8_MAX ? CHUNK_CODE8 : known <= UINT16_MAX ? CHUNK_CODE16 : CHUNK_CODE32;
    width = chunk_width(*kind);
    for (i = 0; i < n; i++) {
        c->missing += v[i].code == DATASET_MISSING;
        memcpy(w->packed + i * width, &v[i].code, width); /* the low bytes */
    }
    return dataset_write_put(w, w->packed, n * width, err);
}

/* Room for one place more in `groups`. */
static int grow_groups(struct dataset_writer *w, struct err *err)
{
    size_t capacity = w->groups_capacity != 0 ? 2 * w->groups_capacity : 16;
    uint64_t *grown;

    if (w->n_groups < w->groups_capacity) {
        return 0;
    }
    grown = realloc(w->groups, capacity * sizeof *grown);
    if (grown == NULL) {
        return dataset_write_no_memory(err);
    }
    w->groups = grown;
    w->groups_capacity = capacity;
    return 0;
}

int dataset_write_group(struct dataset_writer *w, const struct writer_group *g, struct err *err)
{
    size_t n = g->rows, first, i, k;
    uint64_t start = w->position;

    if (grow_groups(w, err) != 0) {
        return -1;
    }
    for (first = 0; first < w->n_columns; first += TILE) {
        size_t width = w->n_columns - first < TILE ? w->n_columns - first : TILE;

        for (i = 0; i < n; i++) {
            for (k = 0; k < width; k++) {
                w->tile[k * w->group_rows + i] = g->cells[i * w->n_columns + first + k];
            }
        }
        for (k = 0; k < width; k++) {
            struct writer_column *c = &w->columns[first + k];
            const union cell *v = w->tile + k * w->group_rows;
            uint32_t *entry = w->directory + 2 * (first + k);
            int bad;

            entry[1] = (uint32_t)(w->position - start);
            bad = column_holds_numbers(c->type)
                      ? number_chunk(w, c, v, n, entry, err)
                      : code_chunk(w, c, v, n, g->known[first + k], entry, err);
            if (bad) {
                return -1;
            }
        }
    }
    for (k = 0; k < w->n_columns; k++) {
        /* A group is at most 1 Mi cells of 8 bytes: 32 bits are enough. */
        w->directory[2 * k + 1] = (uint32_t)(w->position - start) - w->directory[2 * k + 1];
    }
    w->groups[w->n_groups++] = w->position;
    w->rows += n;
    return dataset_write_put(w, w->directory, w->n_columns * DATASET_DIR_ENTRY, err);
}

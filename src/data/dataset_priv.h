/* The layout of a dataset file, for the writer and the reader only.
 *
 *   head      magic (8), version u32, zero u32
 *   groups    for every row group, for every column one chunk, then the group's directory:
 *             for every column {kind u32, back u32}; the chunk starts `back` bytes before
 *             the directory
 *   footer    rows u64, columns u32, rows of a group u32, groups u64,
 *             position of each directory u64[groups],
 *             words for no value: the usual ones too u8, n u32, texts; then for each column:
 *               type u8, name (a text), missing u64, flags u8 (FLAG_), and the texts why, remark,
 *               format (empty: none), then
 *               numeric, datetime: min max mean std f64, integers u8, distinct u64, n u32,
 *                 values f64[n], quantiles f64[DATASET_QUANTILES], bins u32, low high f64,
 *                 below above u64, counts u64[bins]
 *               else (at most 2 in a boolean): n u32, lengths u32[n], counts u64[n], the bytes
 *   tail      length of the footer u64, its SHA-256 in hex (64), magic (8)
 *
 * A text is its length u32 and its bytes. Version 1, which is still read, knew numeric and
 * categorical columns only, no words for no value, and of a column neither flags, the texts after
 * them, nor anything after `values`.
 *
 * Little-endian. Chunks hold one cell a row: integers with their lowest value as "missing"
 * (CHUNK_UINT8 has none), floats with NaN, codes with their highest value. Numbers that are mostly
 * zero are CHUNK_SPARSE instead (dataset_sparse.h).
 */
#ifndef MLPD_DATA_DATASET_PRIV_H
#define MLPD_DATA_DATASET_PRIV_H

#include "data/dataset.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "dataset files are little-endian");

#define DATASET_MAGIC     "MLPDATA\n"
#define DATASET_MAGIC_LEN 8
#define DATASET_VERSION   2
#define DATASET_VERSION_1 1
#define DATASET_HEAD_LEN  16
#define DATASET_TAIL_LEN  80
#define DATASET_DIR_ENTRY 8
#define DATASET_TMP       ".tmp-"

#define FLAG_DECLARED   1u
#define FLAG_CONSTANT   2u
#define FLAG_IDENTIFIER 4u
#define FLAG_EXACT      8u
#define FLAG_ALL        15u
#define DATASET_MAX_WHY 1024 /* bytes of each of the texts of a column but its name */

enum chunk_kind {
    CHUNK_INT8 = 1,
    CHUNK_UINT8,
    CHUNK_INT16,
    CHUNK_INT32,
    CHUNK_FLOAT32,
    CHUNK_FLOAT64,
    CHUNK_CODE8,
    CHUNK_CODE16,
    CHUNK_CODE32,
    CHUNK_SPARSE, /* of numbers; see dataset_sparse.h */
};

/* Bytes of a cell; 0 for what is no kind, and for CHUNK_SPARSE. */
static inline size_t chunk_width(uint32_t kind)
{
    switch (kind) {
    case CHUNK_INT8:
    case CHUNK_UINT8:
    case CHUNK_CODE8:
        return 1;
    case CHUNK_INT16:
    case CHUNK_CODE16:
        return 2;
    case CHUNK_INT32:
    case CHUNK_FLOAT32:
    case CHUNK_CODE32:
        return 4;
    case CHUNK_FLOAT64:
        return 8;
    default:
        return 0;
    }
}

/* Rows of a full group: DATASET_GROUP, or less in wide tables, so that the writer's group
 * stays under DATASET_GROUP_CELLS cells. A power of two, at least 16. */
#define DATASET_GROUP_CELLS (1u << 20)
size_t dataset_group_rows(size_t n_columns);

/* dataset_verify_open for a descriptor. */
int dataset_verify_fd(int fd, const char *sha256, bool (*stop)(void *ctx), void *ctx,
                      struct err *err) MUST_CHECK;

/* The names a table may have: not empty, at most DATASET_MAX_NAME bytes of UTF-8 without a
 * NUL, no two equal. Adds every problem (column numbers from 1; `line` as in err_add_cell). */
int dataset_check_names(size_t n, const char *const *names, int64_t line,
                        struct err *err) MUST_CHECK;

#endif

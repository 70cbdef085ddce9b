/* Chunks of numbers that are mostly zero: CHUNK_SPARSE of a dataset file. For the writer and the
 * reader only.
 *
 *   kind u32 of the cells as they would stand in a whole chunk (numbers only), count u32,
 *   place of each cell that is not zero u16[count], ascending, then these cells
 *
 * Zero is the cell whose bytes are; -0.0 and a missing one are not.
 */
#ifndef MLPD_DATA_DATASET_SPARSE_H
#define MLPD_DATA_DATASET_SPARSE_H

#include "data/dataset_priv.h"

/* `dense`: n cells of `kind`. Into `out` (n * chunk_width(kind) bytes) when that takes a quarter of
 * the bytes or less (of no cell but zero: a half): how many; else 0. */
size_t dataset_sparse_pack(const unsigned char *dense, size_t n, uint32_t kind, unsigned char *out);

/* Cells [first, first + n) of a chunk of `rows` cells, whose at most `room` bytes are at
 * `position`. */
int dataset_sparse_read(int fd, uint64_t position, uint64_t room, size_t rows, size_t first,
                        size_t n, double *out, struct err *err) MUST_CHECK;

#endif

/* The inside of an open dataset, shared by dataset_open.c, dataset_read.c and dataset_view.c only.
 */
#ifndef MLPD_DATA_DATASET_READ_PRIV_H
#define MLPD_DATA_DATASET_READ_PRIV_H

#include "data/dataset_priv.h"

#define DATASET_OBJ 0x74736474u

struct dataset {
    uint32_t magic;
    int fd;
    uint64_t rows;
    size_t group_rows;
    size_t n_columns;
    struct dataset_column *columns;
    const char **names;   /* the columns' own */
    uint32_t *by_name;    /* columns sorted by name, for dataset_find */
    struct missing words; /* for no value */
    size_t n_groups;
    uint64_t *groups; /* position of each group's directory */
    /* of a view, where all that is above is borrowed: */
    const struct dataset *base;
    size_t n_retyped;
    struct dataset_retyped *retyped; /* columns that are seen as another type, ascending; owned */
};

int dataset_read_corrupt(struct err *err);
int dataset_read_at(int fd, void *out, size_t len, uint64_t position, struct err *err) MUST_CHECK;

/* Cells as the file has them: either `numbers` or `codes` is given. */
int dataset_read_raw(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                     double *numbers, uint32_t *codes, struct err *err) MUST_CHECK;

/* ---- dataset_view.c: the same as the view has them ---- */
const struct dataset_column *dataset_view_column(const struct dataset *ds, size_t column);
int dataset_view_numbers(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                         double *out, struct err *err) MUST_CHECK;
int dataset_view_codes(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                       uint32_t *out, struct err *err) MUST_CHECK;

/* n cells of a chunk of numbers as doubles; false when one is infinite, which no writer writes. */
bool dataset_read_unpack(const unsigned char *bytes, size_t n, uint32_t kind,
                         double *out) MUST_CHECK;

#endif

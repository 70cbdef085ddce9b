/* The inside of an open dataset, shared by dataset_open.c and dataset_read.c only. */
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
};

int dataset_read_corrupt(struct err *err);
int dataset_read_at(int fd, void *out, size_t len, uint64_t position, struct err *err) MUST_CHECK;

/* n cells of a chunk of numbers as doubles; false when one is infinite, which no writer writes. */
bool dataset_read_unpack(const unsigned char *bytes, size_t n, uint32_t kind,
                         double *out) MUST_CHECK;

#endif

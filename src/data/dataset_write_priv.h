/* The inside of a dataset writer, shared by dataset_write*.c only. */
#ifndef MLPD_DATA_DATASET_WRITE_PRIV_H
#define MLPD_DATA_DATASET_WRITE_PRIV_H

#include "base/buf.h"
#include "base/file.h"
#include "data/dataset_priv.h"
#include "data/dict.h"
#include "data/sketch.h"
#include "data/stats.h"

#define WRITER_MAGIC 0x77747364u
#define WHAT         "dataset"

struct writer_column {
    char *name;
    enum column_type type;
    bool declared;
    char *format;
    uint64_t missing;
    /* numbers */
    bool integers, rising, falling; /* rising: each value above the one before */
    double last;
    struct stats stats;
    struct distinct distinct;
    struct sketch sketch;
    /* texts */
    struct dict *dict;
    char *spelling[2]; /* boolean: how false and true were written first */
};

union cell {
    double number;
    uint32_t code;
};

struct dataset_writer {
    uint32_t magic;
    int folder;
    struct file file;
    struct hash hash;
    uint64_t position; /* bytes hashed and given to the file or waiting in `out` */
    struct buf out;
    size_t n_columns;
    struct writer_column *columns;
    struct missing words; /* for no value */
    size_t group_rows;
    union cell *cells;  /* (group_rows, n_columns) */
    size_t row, column; /* the next cell's place in the group */
    uint64_t rows;      /* in groups already written */
    uint64_t *groups;   /* positions of directories; owned */
    size_t n_groups, groups_capacity;
    size_t dict_bytes; /* of all dictionaries */
    struct hash footer_hash;
    bool in_footer; /* put() feeds footer_hash too */
    /* scratch for one group */
    uint32_t *directory;   /* [2 * n_columns] */
    union cell *tile;      /* (TILE, group_rows) */
    double *present;       /* [group_rows] */
    unsigned char *packed; /* [8 * group_rows] */
};

int dataset_write_no_memory(struct err *err);
/* The next bytes of the file. */
int dataset_write_put(struct dataset_writer *w, const void *bytes, size_t len,
                      struct err *err) MUST_CHECK;
int dataset_write_flush(struct dataset_writer *w, struct err *err) MUST_CHECK;

/* ---- dataset_write_footer.c ---- */

/* All groups are in: statistics come to their end, and the footer and the tail are written. */
int dataset_write_footer(struct dataset_writer *w, struct err *err) MUST_CHECK;

/* ---- dataset_write_why.c ---- */

/* What is said of a column; the texts are the caller's, `remark` may be NULL. */
struct column_words {
    char *why, *remark;
    bool constant, identifier;
};
/* Of a column of `rows` rows whose sketch is sorted. */
void dataset_write_why(const struct writer_column *c, uint64_t rows, struct column_words *out);

#endif

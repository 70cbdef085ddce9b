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

/* Whole rows on their way to the file. */
struct writer_group {
    union cell *cells; /* (group_rows, n_columns) */
    size_t rows;
    uint32_t *known; /* [n_columns] texts in each dictionary when these rows were in it */
};

struct behind; /* the thread that writes groups */

/* Two threads: the caller's, which fills groups and dictionaries, and from the first full group on
 * the helper's, which owns all that is marked so until dataset_write_settle. */
struct dataset_writer {
    uint32_t magic;
    int folder;
    size_t n_columns;
    struct writer_column *columns; /* the helper's but name, type, declared, format, dict, spelling */
    struct missing words;          /* for no value */
    bool *numbers; /* [n_columns] what column_holds_numbers says, side by side */
    size_t group_rows;
    struct writer_group filling;
    union cell *next; /* in it */
    size_t column;    /* of that cell */
    uint64_t filled;  /* rows in groups before */
    size_t dict_bytes; /* of all dictionaries */
    struct behind *behind; /* NULL: the caller writes groups himself */
    bool alone;            /* there is no thread for this one */

    /* the helper's */
    struct file file;
    struct hash hash;
    uint64_t position; /* bytes hashed and given to the file or waiting in `out` */
    struct buf out;
    uint64_t rows;    /* in groups already written */
    uint64_t *groups; /* positions of directories; owned */
    size_t n_groups, groups_capacity;
    uint32_t *directory;   /* [2 * n_columns] */
    union cell *tile;      /* (TILE, group_rows) */
    double *present;       /* [group_rows] */
    unsigned char *packed; /* [8 * group_rows] */

    struct hash footer_hash;
    bool in_footer; /* put() feeds footer_hash too */
};
#define TILE 8 /* columns that are turned at once */

int dataset_write_no_memory(struct err *err);
/* The next bytes of the file. */
int dataset_write_put(struct dataset_writer *w, const void *bytes, size_t len,
                      struct err *err) MUST_CHECK;
int dataset_write_flush(struct dataset_writer *w, struct err *err) MUST_CHECK;

int dataset_write_group_alloc(const struct dataset_writer *w, struct writer_group *out) MUST_CHECK;
void dataset_write_group_free(struct writer_group *g);

/* ---- dataset_write_group.c ---- */

int dataset_write_group(struct dataset_writer *w, const struct writer_group *g,
                        struct err *err) MUST_CHECK;

/* ---- dataset_write_behind.c ---- */

/* The group that is being filled goes to the file, sooner or later, and an empty one is there
 * instead. What went wrong with groups before is told here, too. */
int dataset_write_hand_over(struct dataset_writer *w, struct err *err) MUST_CHECK;
/* All groups handed over are in the file, or what went wrong is told, and the helper is gone. */
int dataset_write_settle(struct dataset_writer *w, struct err *err) MUST_CHECK;

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

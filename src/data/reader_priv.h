/* What the readers of the formats share: their interface, lines, arrays, a temporary file. */
#ifndef MLPD_DATA_READER_PRIV_H
#define MLPD_DATA_READER_PRIV_H

#include "base/buf.h"
#include "base/file.h"
#include "data/reader.h"

#define READER_HEAD    (64u << 10) /* bytes that are looked at before the format is chosen */

/* What a format's reader is given. */
struct reader_env {
    const char *dir; /* for temporary files */
    const struct reader_options *options;
    struct reader_sink *sink;
    size_t width, base; /* see reader_new_into */
};

/* A format. `state` is its own; free takes NULL. */
struct reader_impl {
    void *(*make)(const struct reader_env *env);
    int (*feed)(void *state, const char *bytes, size_t len, struct err *err);
    int (*finish)(void *state, struct err *err);
    void (*free)(void *state);
};
extern const struct reader_impl reader_ndjson, reader_npy, reader_npz, reader_idx, reader_libsvm,
    reader_arff;

/* ---- lines (reader_lines.c) ---- */

/* Texts cut into lines at LF, CRLF and CR. */
struct reader_lines {
    struct buf line;
    int64_t number; /* of the line under way, from 1 */
    bool after_cr;
};
/* clang-format off */
#define READER_LINES_INIT { .number = 1 }
/* clang-format on */
/* `take` gets each line without its end, UTF-8 without NUL. A line over READER_MAX_ROW bytes, NUL
 * bytes and what is not UTF-8 are errors. */
int reader_lines_feed(struct reader_lines *l, const char *bytes, size_t len,
                      int (*take)(void *ctx, char *line, size_t len, struct err *err), void *ctx,
                      struct err *err) MUST_CHECK;
/* The last line, if it has no end. */
int reader_lines_finish(struct reader_lines *l,
                        int (*take)(void *ctx, char *line, size_t len, struct err *err), void *ctx,
                        struct err *err) MUST_CHECK;

/* The character in UTF-8 into out (4 bytes); its length, 0: there is no such character, or NUL. */
size_t reader_utf8(uint32_t c, char *out);

/* cell_show for bytes that may be no text: what is none becomes "?". The caller frees. */
char *reader_show(const char *s, size_t len);

/* ---- a temporary file (reader_spool.c) ---- */

struct reader_spool {
    struct file file;
    int folder;
    struct buf out;
    uint64_t size; /* bytes put so far */
};
/* clang-format off */
#define READER_SPOOL_INIT { .file = FILE_INIT, .folder = -1 }
/* clang-format on */
/* Opens it at the first call. */
int reader_spool_put(struct reader_spool *s, const char *dir, const void *bytes, size_t len,
                     struct err *err) MUST_CHECK;
/* Bytes that were put. */
int reader_spool_get(struct reader_spool *s, uint64_t at, void *bytes, size_t len,
                     struct err *err) MUST_CHECK;
void reader_spool_fini(struct reader_spool *s);

/* ---- arrays (arrays.c; their heads: npy.c, idx.c) ---- */

#define ARRAY_MAX_DIMS 32
#define ARRAY_MAX_HEAD (64u << 10)

enum array_kind { ARRAY_BOOL, ARRAY_INT, ARRAY_UINT, ARRAY_FLOAT, ARRAY_BYTES, ARRAY_UNICODE };

struct array_head {
    bool idx; /* else .npy */
    enum array_kind kind;
    size_t item; /* bytes of one element, > 0 */
    bool big_endian, fortran;
    size_t n_dims;
    uint64_t dims[ARRAY_MAX_DIMS];
};
/* The head that `bytes` start with. 1: it needs more bytes; else *used are its own. */
int npy_head(const char *bytes, size_t len, struct array_head *out, size_t *used,
             struct err *err) MUST_CHECK;
int idx_head(const char *bytes, size_t len, struct array_head *out, size_t *used,
             struct err *err) MUST_CHECK;

struct arrays;
/* `alone`: there will be one array, so its rows need not wait for another's. */
struct arrays *arrays_new(const struct reader_env *env, bool alone);
/* The bytes that follow are the array of that name. */
int arrays_begin(struct arrays *a, const char *name, struct err *err) MUST_CHECK;
int arrays_feed(struct arrays *a, const char *bytes, size_t len, struct err *err) MUST_CHECK;
/* Its end: it must be whole. */
int arrays_end(struct arrays *a, struct err *err) MUST_CHECK;
/* If there is only one, call it that; before arrays_finish. */
void arrays_name_only(struct arrays *a, const char *name);
/* All arrays are in: their rows go to the sink, those of `alone` did. */
int arrays_finish(struct arrays *a, struct err *err) MUST_CHECK;
void arrays_free(struct arrays *a);

/* One element as a number; false: it is infinite. */
bool array_number(const struct array_head *h, const unsigned char *item, double *out);
/* One element of ARRAY_BYTES or ARRAY_UNICODE as UTF-8 without the zeros at its end; false: it is
 * none. */
bool array_text(const struct array_head *h, const unsigned char *item, struct buf *out);
/* What the column of element k of a row of `width` is called; the caller frees. */
char *array_column(const struct array_head *h, const char *array, size_t width, size_t k);

#endif

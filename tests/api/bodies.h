/* Bodies of bytes for the tests of formats: sending them, packing them, and a model that takes
 * them. */
#ifndef MLPD_TESTS_API_BODIES_H
#define MLPD_TESTS_API_BODIES_H

#include "work.h"

/* POST bytes, NULs and all. */
struct reply *body_post(const char *path, const char *type, const void *bytes, size_t len);
/* Where rows for a model go. */
char *body_predict(int64_t model);
/* The bytes in a gzip of their own. */
char *body_gzip(const void *bytes, size_t len, size_t *out_len);
/* A gzip of a few KiB that grows to some 64 MiB: the head, and then the row again and again. */
char *body_bomb(const void *head, size_t head_len, const void *row, size_t row_len, size_t *len);
/* Uploads "plane", 40 rows whose y is 2 x1 - x2, and trains on it; the model's id. */
int64_t body_model(void);

/* What a table that is refused must leave as it was: files, the list, what is being uploaded. */
struct body_state {
    size_t files;
    char *datasets;
};
struct body_state body_look(const struct daemon *d);
void body_unchanged(const struct daemon *d, const struct body_state *before, const char *what);

#endif

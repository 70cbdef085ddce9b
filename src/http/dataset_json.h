/* A dataset as its JSON object. */
#ifndef MLPD_HTTP_DATASET_JSON_H
#define MLPD_HTTP_DATASET_JSON_H

#include "data/dataset.h"
#include "http/jw.h"
#include "store/store.h"

/* `opened` adds the columns with their statistics; NULL leaves them out (lists). `only` is a
 * column, or -1 for all. */
void dataset_json_write(struct jw *w, const char *key, const struct store_dataset *row,
                        const struct dataset *opened, ptrdiff_t only);

/* The cells of rows [first, first + n) as arrays, in slices, so that memory stays small. */
int dataset_json_rows(struct jw *w, const char *key, const struct dataset *ds, uint64_t first,
                      size_t n, struct err *err) MUST_CHECK;

#endif

/* A dataset as its JSON object. */
#ifndef MLPD_HTTP_DATASET_JSON_H
#define MLPD_HTTP_DATASET_JSON_H

#include "data/dataset.h"
#include "http/jw.h"
#include "store/store.h"

/* Its row only, as lists show it. */
void dataset_json_row(struct jw *w, const char *key, const struct store_dataset *row);
/* And its columns with their statistics (`only`: one of them, or -1 for all) and its versions. */
int dataset_json_whole(struct jw *w, struct store *store, const struct store_dataset *row,
                       const struct dataset *opened, ptrdiff_t only, struct err *err) MUST_CHECK;

/* The cells of rows [first, first + n) as arrays, in slices, so that memory stays small. */
int dataset_json_rows(struct jw *w, const char *key, const struct dataset *ds, uint64_t first,
                      size_t n, struct err *err) MUST_CHECK;

#endif

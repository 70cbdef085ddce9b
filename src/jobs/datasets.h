/* The daemon's datasets: files in DIR/datasets named by their hash, rows in the store, and
 * a small cache of opened ones. Thread-safe.
 */
#ifndef MLPD_JOBS_DATASETS_H
#define MLPD_JOBS_DATASETS_H

#include "data/csv.h"
#include "data/dataset.h"
#include "store/store.h"

struct datasets;

/* dir: the folder of the files; made if absent. Leftovers of killed uploads and jobs are
 * removed: temporary files and folders, and files that no row names (unless the store names
 * none at all: then it may be the store that was lost). */
int datasets_new(const char *dir, struct store *store, struct datasets **out,
                 struct err *err) MUST_CHECK;
void datasets_free(struct datasets **d);
const char *datasets_dir(const struct datasets *d);
struct store *datasets_store(const struct datasets *d);

/* An opened dataset by its hash, shared: give it back with datasets_put. */
int datasets_open(struct datasets *d, const char *sha256, const struct dataset **out,
                  struct err *err) MUST_CHECK;
/* The same for who computes with the cells: before the first such use since it was opened the whole
 * file is read and compared with its hash, so that a damaged one is ERR_CORRUPT and never a wrong
 * number. `stop` (or NULL) is asked often meanwhile: when it says true, 1. */
int datasets_open_verified(struct datasets *d, const char *sha256, bool (*stop)(void *ctx),
                           void *ctx, const struct dataset **out, struct err *err) MUST_CHECK;
/* Or a view of it (data/dataset_view.h), which ends here too. */
void datasets_put(struct datasets *d, const struct dataset **ds);

/* Record a finished file under `name` (NULL: nameless). See store dataset_add. When the
 * store refuses, a file that no row names is removed again. ERR_BUSY: the same content was
 * deleted at the same moment, and the file with it. */
int datasets_add(struct datasets *d, const char *name, const struct dataset_summary *summary,
                 size_t n_columns, bool replace, int64_t *id, bool *created,
                 struct err *err) MUST_CHECK;

/* Record a finished file as the version of `parent` that has more rows; see store dataset_append.
 * Otherwise as datasets_add. */
int datasets_append(struct datasets *d, const struct store_dataset *parent,
                    const struct dataset_summary *summary, int64_t *id, struct err *err) MUST_CHECK;

/* Delete the row, and the file when no row names it any more. A file being used by an open
 * reader stays readable until put back. */
int datasets_delete(struct datasets *d, int64_t id, struct err *err) MUST_CHECK;

/* A piece of what the rule lets go (store gc), the files of datasets with it; `more`: call
 * again. */
int datasets_gc(struct datasets *d, const struct store_gc_rule *rule, bool dry_run,
                struct store_gc *out, struct err *err) MUST_CHECK;

/* A folder beside the files for one caller's, on the same file system, so that a finished file
 * can be moved in. *out is the caller's. */
int datasets_scratch_new(struct datasets *d, char **out, struct err *err) MUST_CHECK;
/* Move DIR/<sha256> from a scratch folder to its place; then it wants datasets_add. */
int datasets_scratch_keep(struct datasets *d, const char *scratch, const char *sha256,
                          struct err *err) MUST_CHECK;
/* Remove the folder with what is in it. NULL is fine. */
void datasets_scratch_free(char **scratch);

/* ---- uploads in progress, so that GET can show them ---- */
struct datasets_upload {
    char name[65];
    uint64_t rows, bytes;
    int64_t started_at;
};
/* Register an upload; the ticket must be ended with datasets_upload_end. Another upload of
 * the same name at the same time: ERR_CONFLICT. */
int datasets_upload_begin(struct datasets *d, const char *name, int64_t *ticket,
                          struct err *err) MUST_CHECK;
void datasets_upload_progress(struct datasets *d, int64_t ticket, uint64_t rows, uint64_t bytes);
void datasets_upload_end(struct datasets *d, int64_t ticket);
/* Copies of the running ones; caller frees. */
struct datasets_upload *datasets_uploads(struct datasets *d, size_t *n);

#endif

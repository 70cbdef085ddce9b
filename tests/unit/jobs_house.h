/* For the tests of the jobs' work: a whole daemon without its HTTP, in a folder that goes
 * away. Jobs are submitted as a client would, as config text. */
#ifndef MLPD_TESTS_JOBS_HOUSE_H
#define MLPD_TESTS_JOBS_HOUSE_H

#include <check.h>
#include <jansson.h>

#include "jobs/pool.h"
#include "jobs/submit.h"
#include "store/store.h"

struct house {
    char dir[64];
    char owner[33];
    struct store *store;
    struct datasets *datasets;
    struct checkpoints *checkpoints; /* in DIR/checkpoints */
    struct predictor *predictor;
    struct pool *pool;
    size_t workers;
    size_t cache_bytes;
    double checkpoint_seconds, stall_seconds; /* from the next house_again on; 10 and never */
};

/* A fresh folder, everything opened, the pool made but not started. */
void house_open(struct house *h, size_t workers);
/* The daemon ends; the folder stays. */
void house_stop(struct house *h);
/* The daemon starts again on the folder, as another boot. */
void house_again(struct house *h);
/* house_stop, and the folder goes. */
void house_close(struct house *h);

/* Jobs on house_clouds' "clouds": one that would train for hours, and one of three epochs. */
#define HOUSE_ENDLESS                                                                              \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"             \
    " \"training\": {\"epochs\": 1000000, \"seed\": 1, \"early_stopping\": null}}"
#define HOUSE_SHORT                                                                                \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"             \
    " \"training\": {\"epochs\": 3, \"seed\": 1}}"

/* Jobs on "clouds" and on house_plane's "plane" that end well. */
#define HOUSE_CLOUDS                                                                               \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"             \
    " \"architecture\": {\"hidden\": [8]}, \"optimizer\": {\"learning_rate\": 0.02},"              \
    " \"training\": {\"epochs\": 40, \"seed\": 7, \"early_stopping\": null}}"

#define HOUSE_PLANE(extra)                                                                         \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": \"plane\", \"target\": \"y\", "              \
    "\"target_type\": \"numeric\"},"                                                               \
    " \"architecture\": {\"hidden\": [8]}, " extra "}"

/* Returns the job's id; *model_id may be NULL. Fails the test when it is refused. */
int64_t house_submit(struct house *h, const char *config, int64_t *model_id);
int64_t house_evaluate(struct house *h, int64_t model_id, const char *dataset);

/* As a client does: in the store, and the worker is told. */
void house_cancel(struct house *h, int64_t job_id);

/* A named dataset. Rows of n_columns numbers; the last column is the text labels[y] of its
 * value y, unless labels is NULL. */
void house_dataset(struct house *h, const char *name, size_t n_columns, const char *const *names,
                   size_t rows, const double *values, const char *const *labels);
/* Three clouds in the plane with labels "a", "b", "c" by turns; columns x1, x2, y. */
void house_clouds(struct house *h, const char *name, size_t rows);
/* y = 3 x1 - 2 x2 + 1, and some noise; columns x1, x2, y. */
void house_plane(struct house *h, const char *name, size_t rows);

/* Ask again and again until `holds`; the test fails after a minute. */
void house_until(bool (*holds)(struct house *h, int64_t id), struct house *h, int64_t id);
bool house_is_running(struct house *h, int64_t job_id);
bool house_has_weights(struct house *h, int64_t model_id);
/* The job at its end, the caller's (store_job_fini). Fails unless it ended in `state`. */
struct store_job house_end(struct house *h, int64_t job_id, enum job_state state);
struct store_job house_job(struct house *h, int64_t job_id);
struct store_model house_model(struct house *h, int64_t model_id);

/* A model's answers for (rows, n_inputs) encoded rows; the caller frees. */
float *house_predict(struct house *h, int64_t model_id, const float *x, size_t rows);

/* A member of a JSON text by a path such as "test.accuracy" or "rows.0"; NaN when it is not
 * there or not a number. */
double house_number(const char *json, const char *path);
/* The text of it, the caller's; NULL when it is not there. */
char *house_text(const char *json, const char *path);

/* main of a test program. */
int house_run(const char *name, TCase *const *cases, size_t n);

#endif

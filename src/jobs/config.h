/* The job config: JSON in, struct job_spec out, every problem at once with its pointer.
 *
 * Two steps, because most defaults depend on the data:
 *   config_parse   text -> struct config: keys, types, ranges; unknown keys with the
 *                  nearest known one; contract keys not built yet only at their neutral value
 *   config_resolve struct config + the opened dataset(s) -> struct job_spec
 * and back: config_print makes the "resolved" JSON, which parses and resolves to itself.
 */
#ifndef MLPD_JOBS_CONFIG_H
#define MLPD_JOBS_CONFIG_H

#include <jansson.h>

#include "base/buf.h"
#include "data/dataset.h"
#include "data/reader.h"
#include "jobs/spec.h"

struct config; /* parsed, not yet resolved; holds the JSON tree */

/* ERR_SYNTAX for what is not JSON (with line and column), ERR_INVALID with items else. */
int config_parse(const char *text, size_t len, struct config **out, struct err *err) MUST_CHECK;
void config_free(struct config **config);

/* What data it names: a dataset key (name, id or "sha256:..."), a URL, or inline rows. Exactly one.
 */
const char *config_dataset_key(const struct config *config); /* NULL: one of the others */
const char *config_url(const struct config *config);         /* NULL: one of the others */
enum reader_format config_url_format(const struct config *config);
const char *config_url_sha256(const struct config *config); /* NULL: not said */
const char *config_validation_key(const struct config *config); /* NULL: none */
const char *config_test_key(const struct config *config);       /* NULL: none */
const char *config_model_key(const struct config *config);      /* of start_from; NULL: none */
const char *config_name(const struct config *config);           /* family, or NULL */
int64_t config_priority(const struct config *config);
struct job_notify config_notify(const struct config *config);   /* job_notify_fini */

/* Inline x/y: write them as a dataset file into folder `dir` (columns x1..xn or the given
 * feature names, then the target "y", or y1..yk). Errors point at /data/x/17. */
int config_write_inline(const struct config *config, const char *dir, struct dataset_summary *out,
                        struct err *err) MUST_CHECK;
/* From here on the config refers to that dataset instead of the rows. */
void config_replace_inline(struct config *config, const char *sha256);

/* The same for what its URL led to. */
void config_replace_url(struct config *config, const char *sha256);

/* The config as JSON text, as posted (after config_replace_inline: with the reference). */
char *config_text(const struct config *config);

/* The model that start_from names. */
struct config_parent {
    int64_t id;
    const char *weights_sha256;
    const struct encoder *encoder;
    const struct mlp_spec *spec;
    const char *info_json; /* its optimizer is in it */
    bool has_state;        /* the optimizer's state was kept */
};

/* Columns as the job wants them, before it is resolved: each of the datasets (validation and test
 * may be NULL) becomes a view where data.types, or the model it starts from (its encoder, or NULL),
 * has another type than it, and where a boolean is one of several targets. Dataset_view_end them.
 * Problems go to /data/types/COLUMN. */
int config_view(const struct config *config, const struct encoder *parent,
                const struct dataset **ds, const struct dataset **validation,
                const struct dataset **test, struct err *err) MUST_CHECK;

/* What a config is resolved against. sha256 names each dataset; all but `ds` may be NULL. */
struct config_sources {
    const struct dataset *ds, *validation, *test;
    const char *sha256, *validation_sha256, *test_sha256;
    const struct config_parent *parent; /* of config_model_key */
};

/* Fill in every default. Seed: the config's, else a fresh random one. Warnings through err_add
 * with pointer NULL. */
int config_resolve(const struct config *config, const struct config_sources *sources,
                   struct job_spec *out, struct err *warnings, struct err *err) MUST_CHECK;

/* The learning rate where none is given. */
double config_usual_rate(enum mlp_optimizer optimizer);

/* The resolved config as JSON text; caller frees. */
char *config_print(const struct job_spec *spec);
/* A few words of it for lists, likewise: {"target", "hidden", "activation", "loss", "optimizer",
 * "learning_rate", "batch_size", "epochs", "seed", "preset"}; the most target columns are left out. */
char *config_summary(const struct job_spec *spec);

/* "notify" by itself, as POST /models/{id}/evaluate has it: an object or null, its pointers below
 * /notify. */
int config_notify_read(const json_t *json, struct job_notify *out, struct err *err) MUST_CHECK;
/* Parts of the resolved config, appended: "mse" or {"type": "huber", ..}; {"type": "adam", ..}. */
void config_print_loss(struct buf *b, const struct job_spec *spec);
void config_print_optimizer(struct buf *b, const struct mlp_train_spec *train);
void config_print_notify(struct buf *b, const struct job_notify *notify); /* or "null" */

#endif

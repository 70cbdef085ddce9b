/* Models that answer: a ref-counted cache of stored models, and the live weights of models
 * still in training (copied in by the runner at most once in 500 ms). Thread-safe.
 */
#ifndef MLPD_JOBS_PREDICTOR_H
#define MLPD_JOBS_PREDICTOR_H

#include "data/encoder.h"
#include "mlp/mlp.h"
#include "store/store.h"

struct predictor;
struct servable; /* a model at one moment: encoder + weights, immutable, shared */

/* cache_bytes: parameters kept in memory for stored models; the least recently used go. */
struct predictor *predictor_new(struct store *store, size_t cache_bytes);
void predictor_free(struct predictor **p);

/* The model to answer with: live if it is in training, else loaded from the store (hash
 * verified). Give back with servable_put. ERR_CONFLICT: it has no weights yet (or its job
 * ended without any); ERR_NOT_FOUND; ERR_CORRUPT. */
int predictor_get(struct predictor *p, int64_t model_id, struct servable **out,
                  struct err *err) MUST_CHECK;
void servable_put(struct servable **s);

int64_t servable_model_id(const struct servable *s);
const struct encoder *servable_encoder(const struct servable *s);
const struct mlp_net *servable_net(const struct servable *s);
bool servable_training(const struct servable *s);  /* the weights of a running job */
size_t servable_epoch(const struct servable *s);   /* of live weights; 0 for stored ones */

/* x (rows, n_inputs) -> out (rows, n_outputs). Any thread; borrows a workspace. */
int servable_run(struct servable *s, const float *x, size_t rows, float *out,
                 struct err *err) MUST_CHECK;
/* The same with each row's offset (rows); NULL: none. */
int servable_run_offset(struct servable *s, const float *x, const float *offset, size_t rows,
                        float *out, struct err *err) MUST_CHECK;

/* ---- the runner's side ---- */
/* A job starts: its live encoder (taken over, freed with the last servable). */
void predictor_live_begin(struct predictor *p, int64_t model_id, struct encoder *encoder);
/* Copy these parameters in as the current best. Without memory the old ones stay. */
void predictor_live_publish(struct predictor *p, int64_t model_id, const struct mlp_spec *spec,
                            const float *params, size_t epoch);
/* The job's end is about to be committed: from now on the store is asked first, and the live
 * weights (the best of up to 500 ms ago) answer only while it has none. So whoever sees the
 * job's end gets the model that was stored with it. */
void predictor_live_closing(struct predictor *p, int64_t model_id);
/* The job is over; from now on the store answers for the model. */
void predictor_live_end(struct predictor *p, int64_t model_id);
/* A model was deleted: forget it. */
void predictor_forget(struct predictor *p, int64_t model_id);

/* The stored form of a network's shape: JSON text, caller frees; and back, to be freed with
 * predictor_spec_fini. */
char *predictor_spec_to_json(const struct mlp_spec *spec);
int predictor_spec_from_json(const char *json, size_t len, struct mlp_spec *out,
                             struct mlp_layer_spec *hidden /* [MLP_MAX_LAYERS] */,
                             struct err *err) MUST_CHECK;
void predictor_spec_fini(struct mlp_spec *spec); /* also of one that is all 0 */

#endif

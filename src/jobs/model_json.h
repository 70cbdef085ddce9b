/* JSON as the work half of the job engine writes it (judge, runner, predictor): doubles
 * with 17 digits so that they read back equal, numbers that are not finite as null, compact.
 *
 * The helpers never fail for lack of memory (they abort: these texts are small) and never
 * for bad UTF-8 (such a text is written as "?"; the readers refuse it long before).
 */
#ifndef MLPD_JOBS_MODEL_JSON_H
#define MLPD_JOBS_MODEL_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "mlp/mlp.h"

json_t *model_json_object(void);
json_t *model_json_array(void);
/* A number, or null when it is NaN or infinite. */
json_t *model_json_number(double value);
/* A count. */
json_t *model_json_count(uint64_t n);
json_t *model_json_string(const char *text);
/* Take `value` over into `object` or `array`. */
void model_json_put(json_t *object, const char *key, json_t *value);
void model_json_push(json_t *array, json_t *value);
/* The text of `root`, which is freed; the caller frees the text. */
char *model_json_take(json_t *root);

/* "cross_entropy", "binary_cross_entropy", "mse": the loss to the last bit, as stored. */
const char *model_json_loss(enum mlp_loss loss);

/* What the learning core refused, as a daemon error; returns -1. */
int model_json_status(struct err *err, enum mlp_status status, const char *doing);

#endif

/* How much a model needs each feature: permutation importance (Breiman 2001). A feature's values
 * are dealt anew among the rows, all else left as it is, and what the model loses by that is
 * measured; some times over, so that there is a deviation. Of columns, whatever the network sees of
 * them: all inputs of a feature move together.
 *
 *   {"split", "rows", "of_rows", "repeats", "seed",
 *    "loss":  {"name": "log_loss" | "rmse", "baseline"},
 *    "score": {"name": "accuracy" | "r2", "baseline"},
 *    "features": [{"name", "loss_increase", "loss_std", "score_drop", "score_std"}],
 *    "note": a sentence where something was left out, or null}
 *
 * The feature whose loss grows most is the first; one that has no input changes nothing and has
 * zeros. The same model, rows and seed give the same numbers.
 */
#ifndef MLPD_JOBS_IMPORTANCE_H
#define MLPD_JOBS_IMPORTANCE_H

#include <stdatomic.h>

#include "data/encoder.h"
#include "mlp/mlp.h"

/* Under what name it is kept among a model's evaluations. */
#define MODEL_IMPORTANCE    "importance"

#define IMPORTANCE_ROWS     1000 /* evenly spaced ones, of more */
#define IMPORTANCE_REPEATS  5
#define IMPORTANCE_FEATURES 1000               /* of more the most important ones are told */
#define IMPORTANCE_BYTES    ((size_t)16 << 20) /* for rows, dealt and not */
/* Multiply-adds that may be spent: a share of the training's, within two bounds that are about a
 * twentieth of a second and half of one. Fewer rows, then fewer repeats keep to it. */
#define IMPORTANCE_SHARE 0.05
#define IMPORTANCE_LEAST 5e8
#define IMPORTANCE_MOST  5e9

struct importance_wish {
    const char *split; /* what `data` is called */
    uint64_t seed;
    double work;         /* multiply-adds that may be spent */
    atomic_ulong *pulse; /* counts signs of life; may be NULL */
};

/* data: encoded rows with their truth, at least one. *json: the caller's. ERR_NO_MEMORY, ERR_IO. */
int importance_measure(const struct mlp_net *net, const struct encoder *encoder,
                       const struct mlp_data *data, const struct importance_wish *wish, char **json,
                       struct err *err) MUST_CHECK;

#endif

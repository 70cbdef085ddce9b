/* What a training job is, with every default filled in.
 *
 * config.h makes it from JSON and prints it back ("resolved"); admit.h weighs it; the
 * runner carries it out. Posting the printed form again gives the same model, bit for bit.
 */
#ifndef MLPD_JOBS_SPEC_H
#define MLPD_JOBS_SPEC_H

#include "base/hash.h"
#include "data/encoder.h"
#include "mlp/mlp.h"

struct job_spec {
    char *name;                        /* family, or NULL */

    /* data */
    char dataset[HASH_HEX_LEN];        /* sha256 of the dataset */
    size_t n_targets;
    char **targets;                    /* column names */
    bool classes;                      /* the target is classes, else numbers */
    char *target_rule;                 /* why: "2 distinct texts", "asked for", ... */
    size_t n_exclude;
    char **exclude;                    /* columns that are not features */

    /* split: fractions, or a column, or other datasets */
    double validation, test;           /* fractions of `dataset`; 0 = absent */
    bool stratify, stratify_asked;
    char *split_column;                /* or NULL */
    char validation_dataset[HASH_HEX_LEN], test_dataset[HASH_HEX_LEN]; /* "" = none */

    /* preprocess */
    enum encoder_numeric numeric;
    enum encoder_missing missing;
    enum encoder_numeric target_scale;

    /* architecture and loss; n_inputs and n_outputs are known once the encoder is fitted
     * and stand at encoder_estimate's upper bound before */
    size_t n_hidden;
    struct mlp_layer_spec *hidden;     /* [n_hidden] */
    enum mlp_activation activation;    /* default for the hidden layers */
    enum mlp_init output_init;
    enum mlp_output output;
    enum mlp_loss loss;

    struct mlp_train_spec train;
    bool early_stopping;               /* with train.patience, min_delta, restore_best */
    bool monitor_training;             /* early stopping looks at training_loss */

    size_t n_metrics;
    char **metrics;                    /* asked for beside the ones always there */
};

void job_spec_fini(struct job_spec *spec);

/* The columns of `ds` that are features, in order, and those that are targets; arrays of
 * the caller, freed by the caller. Errors name missing columns with a suggestion. */
int job_spec_columns(const struct job_spec *spec, const struct dataset *ds, size_t **features,
                     size_t *n_features, size_t **targets, struct err *err) MUST_CHECK;

#endif

/* What a training job is, with every default filled in.
 *
 * config.h makes it from JSON and prints it back ("resolved"); admit.h weighs it; the
 * runner carries it out. Posting the printed form again gives the same model, bit for bit.
 */
#ifndef MLPD_JOBS_SPEC_H
#define MLPD_JOBS_SPEC_H

#include "base/hash.h"
#include "data/encoder.h"
#include "data/filter.h"
#include "data/sample.h"
#include "data/split.h"
#include "mlp/mlp.h"

struct config_weights; /* config_weights.h */

/* What a job means where it says nothing; config_preset.c. */
enum job_preset { JOB_SIMPLE, JOB_TABULAR, JOB_IMAGES };

/* Why a key that nobody gave has its value. */
struct job_why {
    char *key; /* "training.batch_size" */
    char *text;
};

/* Whom a job tells of its states. */
struct job_notify {
    char *url;                         /* owned; NULL: nobody */
    unsigned events;                   /* bits of enum store_notify_event */
};
void job_notify_fini(struct job_notify *notify);

/* What early stopping looks at: the loss of a part, or a metric of it. */
struct job_monitor {
    enum split_part part;
    bool of_metric;
    enum mlp_metric metric;
};

struct job_class_weight {
    char *label;
    double weight;
};

/* A column that is prepared otherwise than the rest. */
struct job_column {
    char *name;
    struct encoder_plan plan;
};

/* A column as another type. */
struct job_type {
    char *name;
    enum column_type type;
};

struct job_spec {
    char *name;                        /* family, or NULL */
    int64_t priority;                  /* of waiting jobs the highest is next; 0 is usual */
    enum job_preset preset;
    size_t n_why;
    struct job_why *why;               /* in the order they were found */
    struct job_notify notify;

    /* data */
    char dataset[HASH_HEX_LEN];        /* sha256 of the dataset */
    size_t n_targets;
    char **targets;                    /* column names */
    bool classes;                      /* the target is classes, else numbers */
    char *target_rule;                 /* why: "2 distinct texts", "asked for", ... */
    size_t n_features;
    char **features;                   /* the only ones; n_features 0: all but: */
    size_t n_exclude;
    char **exclude;                    /* columns that are not features */
    size_t n_types;
    struct job_type *types;            /* columns as another type than the dataset's */
    char *sample_weight, *offset;      /* columns, or NULL; no features either */
    struct filter filter;              /* rows that take part, of each dataset */
    bool drop_without_target;          /* and have a target */
    uint8_t *keep;                     /* [rows of the dataset] 1: takes part; NULL: all do */
    size_t n_kept;                     /* how many do */
    uint8_t *keep_of[SPLIT_PARTS];     /* the same of validation_dataset and test_dataset */
    size_t n_kept_of[SPLIT_PARTS];
    enum sample_kind sampling;         /* of the training rows, by class */
    double sampling_ratio;

    /* split: fractions, or a column, or ranges, or other datasets; see data/split.h */
    double validation, test;           /* fractions of `dataset`; 0 = absent */
    bool stratify, stratify_asked;
    enum split_way split_way;
    char *split_column;                /* of the ways that have one, or NULL */
    struct split_range *ranges[SPLIT_PARTS];
    size_t n_ranges[SPLIT_PARTS];
    bool window_auto;                  /* train.window is not decided: 0 */
    char validation_dataset[HASH_HEX_LEN], test_dataset[HASH_HEX_LEN]; /* "" = none */

    /* preprocess */
    struct encoder_plan plan;          /* of every feature that is not among these: */
    size_t n_columns;
    struct job_column *columns;        /* in the dataset's order */
    enum encoder_numeric target_scale;

    /* architecture and loss; n_inputs and n_outputs are known once the encoder is fitted
     * and stand at encoder_estimate's upper bound before */
    size_t n_hidden;
    struct mlp_layer_spec *hidden;     /* [n_hidden] */
    enum mlp_activation activation;    /* default for the hidden layers */
    enum mlp_init init;                /* likewise */
    bool input_scale;
    double input_dropout, input_noise;
    enum mlp_init output_init;
    double output_init_scale;
    enum mlp_output output;
    enum mlp_loss loss;
    double loss_parameter;             /* huber's delta: in the target's units, see has_delta */
    bool has_delta;                    /* huber: else 1 in training units */

    struct mlp_train_spec train;       /* borrows layers and milestones; augment.fill is open */
    struct mlp_layer_train *layers;    /* [n_hidden + 1], or NULL */
    double *milestones;
    bool balanced;                     /* class weights n / (K n_k) */
    size_t n_class_weights;
    struct job_class_weight *class_weights;
    bool early_stopping;               /* with train.patience, min_delta, restore_best */
    struct job_monitor monitor;        /* what decides; without early_stopping the usual loss */
    bool refit;                        /* once more on training and validation rows together */

    /* from probabilities to answers */
    bool calibrate;                    /* a temperature, fitted on the validation part */
    double threshold;                  /* of the second of two classes */
    bool chooses_threshold;            /* by a metric of the validation part, in its place */
    enum mlp_metric threshold_metric;

    /* where the weights come from, if not from the seed */
    struct config_weights *initial_weights;  /* owned, or NULL */
    int64_t start_model;               /* 0: none */
    char start_weights[HASH_HEX_LEN];  /* its weights' hash */
    bool start_continue;               /* with its optimizer's state */
    size_t start_inputs, start_classes; /* of its encoder: admission needs no guess */
    size_t n_start_tables;
    struct mlp_embedding *start_tables; /* likewise */
    size_t n_freeze;
    size_t *freeze;

    size_t n_metrics;
    char **metrics;                    /* asked for beside the ones always there */
};

void job_spec_fini(struct job_spec *spec);

/* The network as libmlp wants it, for so many inputs and classes (0: the target is numbers), its
 * embeddings left to the caller. target_scale: what a target was divided by. Borrows `hidden`. */
struct mlp_spec job_spec_network(const struct job_spec *spec, size_t n_inputs, size_t n_classes,
                                 double target_scale);
/* The tables of a network behind that encoder, *n of them: its `embeddings`. Caller frees. */
struct mlp_embedding *job_spec_tables(const struct encoder *encoder, size_t *n);
/* Several columns that sum to 1: shares of classes. */
bool job_spec_is_soft(const struct job_spec *spec);
/* What metrics there can be. */
enum mlp_metric_kind job_spec_kind(const struct job_spec *spec);
/* How its rows are to be split; borrows from the spec. */
struct split_options job_spec_split(const struct job_spec *spec, const struct dataset *ds);
/* The key that decides which row goes where: "/data/split/group", .. */
const char *job_spec_split_pointer(const struct job_spec *spec);
/* Whether it has a validation part. */
bool job_spec_validates(const struct job_spec *spec);
/* Whether its optimizer takes all rows in a step. */
bool job_spec_full_batch(const struct job_spec *spec);
/* "validation_loss", "test_f1", ...; caller frees. */
char *job_monitor_name(const struct job_monitor *monitor);

/* What becomes of a feature; *at (0 at first) goes along when features are asked for in their
 * order. */
const struct encoder_plan *job_spec_plan(const struct job_spec *spec, const char *column,
                                         size_t *at);

/* The columns of `ds` that are features, in order, and those that are targets; arrays of
 * the caller, freed by the caller. Errors name missing columns with a suggestion. */
int job_spec_columns(const struct job_spec *spec, const struct dataset *ds, size_t **features,
                     size_t *n_features, size_t **targets, struct err *err) MUST_CHECK;

/* What the encoder wants to know, from a spec and its dataset. Borrows from the spec. */
struct job_encoder {
    struct encoder_options options;
    size_t *features, *targets;
    struct encoder_plan *plans;
};
int job_encoder_init(struct job_encoder *out, const struct job_spec *spec, const struct dataset *ds,
                     struct err *err) MUST_CHECK;
void job_encoder_fini(struct job_encoder *encoder);

#endif

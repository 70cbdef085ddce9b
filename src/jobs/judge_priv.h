/* What the judge's files share: a walk over the rows in slices, and the JSON under way. */
#ifndef MLPD_JOBS_JUDGE_PRIV_H
#define MLPD_JOBS_JUDGE_PRIV_H

#include "jobs/judge.h"
#include "jobs/model_json.h"

struct judging {
    const struct mlp_net *net;
    const struct encoder *encoder;
    const struct mlp_data *data;
    atomic_ulong *pulse;      /* or NULL */
    size_t width;             /* columns of a prediction */
    size_t n_classes;         /* 0: labels or numbers */
    struct mlp_score score;   /* of all rows, as the core measures it */
    struct mlp_meter *meter;
    size_t n_listed;          /* metrics, in the order of the answer */
    enum mlp_metric listed[MLP_METRICS];
    json_t *metrics;          /* objects the judges of each kind add to */
    json_t *evaluation;

    struct mlp_workspace *ws;
    size_t slice;             /* rows predicted at once */
    mlp_real *p;              /* (slice, width) */
};

/* ---- judge_classes.c: the evaluation of classes and of 0/1 columns ---- */

/* What the meter must keep for it. */
unsigned judge_classes_flags(const struct judging *j);
void judge_classes_report(const struct judging *j);
void judge_labels_report(const struct judging *j);

/* ---- judge_numbers.c: samples and residuals ---- */

struct judge_numbers;
int judge_numbers_new(const struct judging *j, struct judge_numbers **out,
                      struct err *err) MUST_CHECK;
/* Rows [first, first + n), whose predictions are in j->p. */
void judge_numbers_add(struct judge_numbers *numbers, const struct judging *j, size_t first,
                       size_t n);
void judge_numbers_report(const struct judge_numbers *numbers, const struct judging *j);
void judge_numbers_free(struct judge_numbers **numbers);

#endif

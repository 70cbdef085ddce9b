/* What the judge's files share: a walk over the rows in slices, and the JSON under way. */
#ifndef MLPD_JOBS_JUDGE_PRIV_H
#define MLPD_JOBS_JUDGE_PRIV_H

#include "jobs/judge.h"
#include "jobs/model_json.h"

struct judging {
    const struct mlp_net *net;
    const struct encoder *encoder;
    const struct mlp_data *data;
    struct mlp_score score;   /* of all rows, as the core measures it */
    json_t *metrics;          /* objects the judges of each kind add to */
    json_t *evaluation;

    struct mlp_workspace *ws;
    size_t slice;             /* rows predicted at once */
    mlp_real *p;              /* (slice, n_outputs) */
};

/* Predict rows [first, first + *n) into j->p; *n = 0 when there are none left. */
int judging_slice(struct judging *j, size_t first, size_t *n, struct err *err) MUST_CHECK;

int judge_classes(struct judging *j, struct err *err) MUST_CHECK;
int judge_labels(struct judging *j, struct err *err) MUST_CHECK;
int judge_numbers(struct judging *j, struct err *err) MUST_CHECK;

/* One entry of "per_class" from its counts; zero divisions are 0. */
json_t *judge_class_json(const char *label, uint64_t hits, uint64_t chosen, uint64_t support);

/* A row's score for the positive class, and whether it is of it. */
struct judge_scored {
    float p;
    bool positive;
};
/* "roc" and "precision_recall" of a two-class problem; sorts `scored`. */
void judge_curves(struct judge_scored *scored, size_t n, json_t *evaluation);

#endif

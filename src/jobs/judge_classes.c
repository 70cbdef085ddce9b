/* Judging classes: accuracy, log loss, confusion matrix, precision and recall per class,
 * and for two classes the ROC and precision-recall curves.
 *
 * Truth comes as labels, or for one sigmoid output as 0/1 targets. The answer is the class
 * of the largest probability, the lowest index when two are equal; of one output the second
 * class from .5 on. The same rule is in mlp_metrics_classes, which measures accuracy and
 * log loss here; a test holds the two together.
 *
 * A curve has one point per distinct score, from the highest down. It is thinned by index
 * to JUDGE_MAX_POINTS with both ends kept; the areas are of the whole curve.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/judge_priv.h"

struct class_counts {
    uint64_t hits, chosen, support;
};

struct tally {
    size_t n_classes, n_columns;
    struct class_counts *counts; /* [n_classes] */
    uint64_t *matrix;            /* [n_classes][n_classes], or NULL when too large */
    struct judge_scored *scored; /* [rows], or NULL when not two classes */
    uint32_t *labels;            /* of one slice */
    double accurate, log_loss;   /* sums over rows */
};

static size_t chosen_class(const mlp_real *p, size_t n_columns)
{
    size_t best = 0, k;

    if (n_columns == 1) {
        return p[0] >= .5f;
    }
    for (k = 1; k < n_columns; k++) {
        if (p[k] > p[best]) {
            best = k;
        }
    }
    return best;
}

static void slice_labels(const struct mlp_data *data, size_t first, size_t n, uint32_t *labels)
{
    size_t i;

    if (data->labels != NULL) {
        memcpy(labels, data->labels + first, n * sizeof *labels);
        return;
    }
    for (i = 0; i < n; i++) {
        labels[i] = data->targets[first + i] >= .5f;
    }
}

static void count_slice(struct tally *t, const mlp_real *p, size_t first, size_t n)
{
    struct mlp_class_metrics m;
    size_t i;

    mlp_metrics_classes(p, t->n_columns, t->labels, n, t->n_classes, &m, NULL);
    t->accurate += m.accuracy * (double)n;
    t->log_loss += m.log_loss * (double)n;
    for (i = 0; i < n; i++) {
        const mlp_real *row = p + i * t->n_columns;
        size_t truth = t->labels[i], answer = chosen_class(row, t->n_columns);

        t->counts[truth].support++;
        t->counts[answer].chosen++;
        t->counts[truth].hits += truth == answer;
        if (t->matrix != NULL) {
            t->matrix[truth * t->n_classes + answer]++;
        }
        if (t->scored != NULL) {
            t->scored[first + i].p = row[t->n_columns - 1];
            t->scored[first + i].positive = truth == 1;
        }
    }
}

static int tally_init(struct tally *t, const struct judging *j, struct err *err)
{
    size_t k = encoder_n_classes(j->encoder);

    t->n_classes = k;
    t->n_columns = mlp_net_spec(j->net)->n_outputs;
    CHK(t->n_columns == k || (t->n_columns == 1 && k == 2));
    t->counts = xcalloc(k, sizeof *t->counts);
    t->labels = xcalloc(j->slice, sizeof *t->labels);
    if (k <= JUDGE_MAX_MATRIX) {
        t->matrix = xcalloc(k * k, sizeof *t->matrix);
    }
    if (k == 2) {
        t->scored = mem_try_alloc(j->data->rows, sizeof *t->scored);
        if (t->scored == NULL) {
            return err_set(err, ERR_NO_MEMORY, "no memory to evaluate the model");
        }
    }
    return 0;
}

static void tally_fini(struct tally *t)
{
    free(t->counts);
    free(t->labels);
    free(t->matrix);
    free(t->scored);
}

static json_t *matrix_json(const struct tally *t)
{
    json_t *rows, *row;
    size_t i, k;

    if (t->matrix == NULL) {
        return model_json_number(NAN);
    }
    rows = model_json_array();
    for (i = 0; i < t->n_classes; i++) {
        row = model_json_array();
        for (k = 0; k < t->n_classes; k++) {
            model_json_push(row, model_json_count(t->matrix[i * t->n_classes + k]));
        }
        model_json_push(rows, row);
    }
    return rows;
}

static void report(const struct judging *j, const struct tally *t)
{
    json_t *labels = model_json_array(), *per_class = model_json_array();
    double rows = (double)j->data->rows;
    size_t k;

    model_json_put(j->metrics, "accuracy", model_json_number(t->accurate / rows));
    model_json_put(j->metrics, "log_loss", model_json_number(t->log_loss / rows));
    for (k = 0; k < t->n_classes; k++) {
        const char *name = encoder_class_name(j->encoder, k);
        const struct class_counts *c = &t->counts[k];

        model_json_push(labels, model_json_string(name));
        model_json_push(per_class, judge_class_json(name, c->hits, c->chosen, c->support));
    }
    model_json_put(j->evaluation, "labels", labels);
    model_json_put(j->evaluation, "confusion_matrix", matrix_json(t));
    model_json_put(j->evaluation, "per_class", per_class);
    if (t->scored != NULL) {
        model_json_put(j->evaluation, "positive",
                       model_json_string(encoder_class_name(j->encoder, 1)));
        judge_curves(t->scored, j->data->rows, j->evaluation);
    }
}

int judge_classes(struct judging *j, struct err *err)
{
    struct tally t = {.n_classes = 0};
    size_t first, n;
    int rc = tally_init(&t, j, err);

    for (first = 0; rc == 0; first += n) {
        rc = judging_slice(j, first, &n, err);
        if (rc == 0 && n == 0) {
            break;
        }
        if (rc == 0) {
            slice_labels(j->data, first, n, t.labels);
            count_slice(&t, j->p, first, n);
        }
    }
    if (rc == 0) {
        report(j, &t);
    }
    tally_fini(&t);
    return rc;
}

/* ---- two classes: the curves ------------------------------------------------------------ */

static int by_score_down(const void *a, const void *b)
{
    const struct judge_scored *x = a, *y = b;

    return (x->p < y->p) - (x->p > y->p);
}

static json_t *point(double threshold, const char *x_name, double x, const char *y_name, double y)
{
    json_t *item = model_json_object();

    model_json_put(item, "threshold", model_json_number(threshold));
    model_json_put(item, x_name, model_json_number(x));
    model_json_put(item, y_name, model_json_number(y));
    return item;
}

/* One distinct score: how many rows score it or more. */
struct step {
    double threshold;
    uint64_t hits, alarms; /* positives and negatives so far */
};

/* Gather the rows of the next distinct score; returns the index behind them. */
static size_t next_step(const struct judge_scored *scored, size_t n, size_t i, struct step *s)
{
    s->threshold = scored[i].p;
    do {
        s->hits += scored[i].positive;
        s->alarms += !scored[i].positive;
        i++;
    } while (i < n && scored[i].p == scored[i - 1].p);
    return i;
}

/* Is point i of n one of at most JUDGE_MAX_POINTS evenly spread ones, ends included? */
static bool is_kept(size_t i, size_t n)
{
    const size_t max = JUDGE_MAX_POINTS - 1;

    return n <= JUDGE_MAX_POINTS || i == 0 || i == n - 1 ||
           i * max / (n - 1) != (i - 1) * max / (n - 1);
}

static void put_curve(json_t *evaluation, const char *name, const char *area_name, double area,
                      json_t *points)
{
    json_t *curve = model_json_object();

    model_json_put(curve, area_name, model_json_number(area));
    model_json_put(curve, "points", points);
    model_json_put(evaluation, name, curve);
}

void judge_curves(struct judge_scored *scored, size_t n, json_t *evaluation)
{
    struct step all = {.threshold = NAN}, now = all, before = all;
    size_t n_points = 1, at = 0, i; /* one point more: where nothing is chosen */
    double auc = 0, average = 0, positives, negatives;
    json_t *roc, *pr;

    qsort(scored, n, sizeof *scored, by_score_down);
    for (i = 0; i < n; i = next_step(scored, n, i, &all)) {
        n_points++;
    }
    if (all.hits == 0 || all.alarms == 0) {
        model_json_put(evaluation, "roc", model_json_number(NAN));
        model_json_put(evaluation, "precision_recall", model_json_number(NAN));
        return;
    }
    positives = (double)all.hits;
    negatives = (double)all.alarms;
    roc = model_json_array();
    pr = model_json_array();
    model_json_push(roc, point(NAN, "fpr", 0, "tpr", 0));
    model_json_push(pr, point(NAN, "recall", 0, "precision", 1));
    for (i = 0; i < n; before = now) {
        double precision, tpr, fpr;

        i = next_step(scored, n, i, &now);
        precision = (double)now.hits / (double)(now.hits + now.alarms);
        tpr = (double)now.hits / positives;
        fpr = (double)now.alarms / negatives;
        auc += (double)(now.alarms - before.alarms) * (double)(now.hits + before.hits) / 2;
        average += (double)(now.hits - before.hits) * precision;
        if (is_kept(++at, n_points)) {
            model_json_push(roc, point(now.threshold, "fpr", fpr, "tpr", tpr));
            model_json_push(pr, point(now.threshold, "recall", tpr, "precision", precision));
        }
    }
    put_curve(evaluation, "roc", "auc", auc / positives / negatives, roc);
    put_curve(evaluation, "precision_recall", "average_precision", average / positives, pr);
}

/* The evaluation of classes and of 0/1 columns: confusion matrix, precision and recall of
 * each, and the ROC and precision-recall curves of two classes, or of each against the rest.
 *
 * All numbers come from the core's meter; here they become JSON. Without sample weights
 * counts are whole numbers and shown as such.
 */
#include <math.h>

#include "base/mem.h"
#include "jobs/judge_priv.h"

bool judge_has_curves(size_t n_classes, size_t columns, size_t rows)
{
    return n_classes == 2 || (columns <= JUDGE_MAX_CURVES && rows <= JUDGE_MAX_SCORES / columns);
}

static bool has_curves(const struct judging *j)
{
    return judge_has_curves(j->n_classes, j->width, j->data->rows);
}

unsigned judge_classes_flags(const struct judging *j)
{
    unsigned flags = j->n_classes > 0 && j->n_classes <= JUDGE_MAX_MATRIX ? MLP_METER_CONFUSION : 0;

    CHK(!encoder_is_classes(j->encoder) || encoder_n_classes(j->encoder) == j->n_classes);
    return has_curves(j) ? flags | MLP_METER_CURVES : flags;
}

/* Classes are values of one column, or (in shares, and as labels) columns. */
static const char *name_of(const struct judging *j, size_t k)
{
    return encoder_is_classes(j->encoder) ? encoder_class_name(j->encoder, k)
                                          : encoder_target_name(j->encoder, k);
}

static json_t *count_json(double count)
{
    bool whole = count == floor(count) && count < 0x1p53;

    return whole ? model_json_count((uint64_t)count) : model_json_number(count);
}

static json_t *matrix_json(const struct judging *j)
{
    const double *matrix = mlp_meter_confusion(j->meter);
    size_t n = j->n_classes, i, k;
    json_t *rows, *row;

    if (matrix == NULL) {
        return model_json_number(NAN);
    }
    rows = model_json_array();
    for (i = 0; i < n; i++) {
        row = model_json_array();
        for (k = 0; k < n; k++) {
            model_json_push(row, count_json(matrix[i * n + k]));
        }
        model_json_push(rows, row);
    }
    return rows;
}

/* ---- curves ------------------------------------------------------------------------- */

static json_t *point(double threshold, const char *x_name, double x, const char *y_name, double y)
{
    json_t *item = model_json_object();

    model_json_put(item, "threshold", model_json_number(threshold));
    model_json_put(item, x_name, model_json_number(x));
    model_json_put(item, y_name, model_json_number(y));
    return item;
}

static void put_curve(json_t *object, const char *name, const char *area_name, double area,
                      json_t *points)
{
    json_t *curve = model_json_object();

    model_json_put(curve, area_name, model_json_number(area));
    model_json_put(curve, "points", points);
    model_json_put(object, name, curve);
}

/* A count out of a share of it: whole again where rows have no weights. */
static json_t *rows_json(const struct judging *j, double rows)
{
    return count_json(j->data->weights == NULL ? round(rows) : rows);
}

/* What is right and wrong from each threshold on. */
static json_t *thresholds_json(const struct judging *j, const struct mlp_curve *curve,
                               const struct mlp_curve_point *points)
{
    json_t *out = model_json_object(), *list = model_json_array();
    size_t i;

    for (i = 0; i < curve->n_points; i++) {
        double hits = points[i].tpr * curve->positives, alarms = points[i].fpr * curve->negatives;
        json_t *item = model_json_object();

        model_json_put(item, "threshold", model_json_number(points[i].threshold));
        model_json_put(item, "tp", rows_json(j, hits));
        model_json_put(item, "fp", rows_json(j, alarms));
        model_json_put(item, "tn", rows_json(j, curve->negatives - alarms));
        model_json_put(item, "fn", rows_json(j, curve->positives - hits));
        model_json_push(list, item);
    }
    model_json_put(out, "positives", count_json(curve->positives));
    model_json_put(out, "negatives", count_json(curve->negatives));
    model_json_put(out, "points", list);
    return out;
}

/* "roc", "precision_recall" and "thresholds" of class or column k against the rest. */
static void put_curves(const struct judging *j, size_t k, json_t *object)
{
    struct mlp_curve_point points[JUDGE_MAX_POINTS];
    size_t most = j->n_classes == 2 ? JUDGE_MAX_POINTS : JUDGE_REST_POINTS;
    struct mlp_curve curve;
    json_t *roc, *pr;
    size_t i;

    mlp_meter_curve(j->meter, k, most, points, &curve);
    if (curve.n_points == 0) {
        model_json_put(object, "roc", model_json_number(NAN));
        model_json_put(object, "precision_recall", model_json_number(NAN));
        model_json_put(object, "thresholds", model_json_number(NAN));
        return;
    }
    roc = model_json_array();
    pr = model_json_array();
    for (i = 0; i < curve.n_points; i++) {
        const struct mlp_curve_point *at = &points[i];

        model_json_push(roc, point(at->threshold, "fpr", at->fpr, "tpr", at->tpr));
        model_json_push(pr, point(at->threshold, "recall", at->tpr, "precision", at->precision));
    }
    put_curve(object, "roc", "auc", curve.roc_auc, roc);
    put_curve(object, "precision_recall", "average_precision", curve.average_precision, pr);
    model_json_put(object, "thresholds", thresholds_json(j, &curve, points));
}

/* ---- each class ----------------------------------------------------------------------- */

static json_t *class_json(const struct judging *j, size_t k, bool curves)
{
    struct mlp_class_score score;
    json_t *item = model_json_object();

    mlp_meter_class(j->meter, k, &score);
    model_json_put(item, "label", model_json_string(name_of(j, k)));
    model_json_put(item, "precision", model_json_number(score.precision));
    model_json_put(item, "recall", model_json_number(score.recall));
    model_json_put(item, "f1", model_json_number(score.f1));
    model_json_put(item, "support", count_json(score.support));
    model_json_put(item, "predicted", count_json(score.predicted));
    if (curves) {
        put_curves(j, k, item);
    }
    return item;
}

/* "labels" and "per_class" of n classes or columns; two classes are one curve, and not here. */
static void put_each(const struct judging *j, size_t n)
{
    json_t *labels = model_json_array(), *per_class = model_json_array();
    bool curves = j->n_classes != 2 && has_curves(j);
    size_t k;

    for (k = 0; k < n; k++) {
        model_json_push(labels, model_json_string(name_of(j, k)));
        model_json_push(per_class, class_json(j, k, curves));
    }
    model_json_put(j->evaluation, "labels", labels);
    model_json_put(j->evaluation, "per_class", per_class);
}

void judge_classes_report(const struct judging *j)
{
    put_each(j, j->n_classes);
    model_json_put(j->evaluation, "confusion_matrix", matrix_json(j));
    if (j->n_classes == 2) {
        double in_use = mlp_net_spec(j->net)->threshold > 0 ? mlp_net_spec(j->net)->threshold : .5;

        model_json_put(j->evaluation, "positive", model_json_string(name_of(j, 1)));
        model_json_put(j->evaluation, "threshold", model_json_number(in_use));
        put_curves(j, 1, j->evaluation);
    }
}

void judge_labels_report(const struct judging *j)
{
    put_each(j, j->width);
}

/* A curve in a few numbers; see spark.h. */
#include "jobs/spark.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "jobs/model_json.h"

void spark_add(struct spark *s, double value)
{
    size_t i;

    s->stride = s->stride > 0 ? s->stride : 1;
    if (s->n == ARRAY_LEN(s->values) && s->epochs % s->stride == 0) { /* every second one goes */
        s->n = (s->n + 1) / 2;
        s->stride *= 2;
        for (i = 1; i < s->n; i++) {
            s->values[i] = s->values[2 * i];
        }
    }
    if (s->epochs % s->stride == 0) {
        s->values[s->n++] = value;
    }
    s->last = value;
    s->epochs++;
}

/* Six digits: nobody sees more of a drawing, and lists of hundreds of jobs are made of them. */
static double rounded(double value)
{
    char text[32];

    if (!isfinite(value)) {
        return NAN;
    }
    (void)snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

size_t spark_values(const struct spark *s, double *out)
{
    size_t n;

    for (n = 0; n < s->n; n++) {
        out[n] = rounded(s->values[n]);
    }
    if (s->epochs > 0 && (s->epochs - 1) % s->stride != 0) {
        out[n++] = rounded(s->last);
    }
    return n;
}

json_t *spark_to_json(const struct spark *s)
{
    json_t *out = model_json_object(), *values = model_json_array();
    size_t i;

    for (i = 0; i < s->n; i++) {
        model_json_push(values, model_json_number(s->values[i]));
    }
    model_json_put(out, "stride", model_json_count(s->stride));
    model_json_put(out, "epochs", model_json_count(s->epochs));
    model_json_put(out, "last", model_json_number(s->last));
    model_json_put(out, "values", values);
    return out;
}

static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

bool spark_from_json(const json_t *json, struct spark *out)
{
    const json_t *values = json_object_get(json, "values");
    json_int_t stride = json_integer_value(json_object_get(json, "stride"));
    json_int_t epochs = json_integer_value(json_object_get(json, "epochs"));
    struct spark s = {.n = json_array_size(values)};
    size_t i;

    if (s.n > ARRAY_LEN(s.values) || stride < (s.n > 0) || epochs < (json_int_t)s.n) {
        return false;
    }
    s.stride = (size_t)stride;
    s.epochs = (size_t)epochs;
    s.last = number_of(json_object_get(json, "last"));
    for (i = 0; i < s.n; i++) {
        s.values[i] = number_of(json_array_get(values, i));
    }
    *out = s;
    return true;
}

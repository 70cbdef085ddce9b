/* A made-up row; see model_example.h. Any thread. */
#include "http/model_example.h"

#include <math.h>
#include <string.h>

#include "data/datetime.h"

/* The mean with as many digits as tell a hundredth of the range, within the range. */
static double about(double mean, double min, double max)
{
    double step = max > min ? pow(10, floor(log10((max - min) / 100))) : 0;
    double value = step > 0 && isfinite(step) ? round(mean / step) * step : mean;

    if (step > 0 && step < 1) { /* 0.3 and not 3 times 0.1 */
        value = round(mean * round(1 / step)) / round(1 / step);
    }
    return value < min ? min : value > max ? max : value;
}

void model_example_value(struct jw *w, const char *key, const struct encoder *e, size_t feature)
{
    enum column_type type = encoder_feature_type(e, feature);
    const char *const *texts = NULL;
    double mean, std, min, max;
    char text[DATETIME_LEN];

    if (!column_holds_numbers(type)) {
        jw_string(w, key, encoder_feature_categories(e, feature, &texts) > 0 ? texts[0] : NULL);
        return;
    }
    encoder_feature_stats(e, feature, &mean, &std, &min, &max);
    if (type == COLUMN_DATETIME && isfinite(mean)) {
        datetime_show(round(mean), text);
        jw_string(w, key, text);
    } else if (strcmp(encoder_feature_encoding(e, feature), "two_values") == 0) {
        jw_double(w, key, mean < (min + max) / 2 ? min : max);
    } else {
        jw_double(w, key, isfinite(mean) ? about(mean, min, max) : NAN);
    }
}

void model_example_row(struct jw *w, const char *key, const struct encoder *e)
{
    size_t i;

    jw_object(w, key);
    for (i = 0; i < encoder_n_features(e); i++) {
        model_example_value(w, encoder_feature_name(e, i), e, i);
    }
    if (encoder_offset(e) != NULL) {
        jw_int(w, encoder_offset(e), 0);
    }
    jw_end(w);
}

/* From a datetime to inputs; see encoder_parts.h. Pure functions, any thread. */
#include "data/encoder_parts.h"

#include <math.h>

#include "data/datetime.h"

#define TURN 6.283185307179586

bool encoder_time_part(double seconds, enum encoder_time part, double *out)
{
    struct datetime_parts t;

    if (!datetime_split(seconds, &t)) {
        return false;
    }
    switch (part) {
    case ENCODER_YEAR:
        *out = t.year;
        break;
    case ENCODER_MONTH:
        *out = t.month;
        break;
    case ENCODER_DAY:
        *out = t.day;
        break;
    case ENCODER_WEEKDAY:
        *out = t.weekday;
        break;
    case ENCODER_HOUR:
        *out = t.hour;
        break;
    case ENCODER_MINUTE:
        *out = t.minute;
        break;
    case ENCODER_YEAR_DAY:
        *out = t.year_day;
        break;
    case ENCODER_MONTH_CYCLE:
        *out = TURN * ((t.month - 1) / 12.0);
        break;
    case ENCODER_WEEKDAY_CYCLE:
        *out = TURN * (t.weekday / 7.0);
        break;
    case ENCODER_HOUR_CYCLE:
        *out = TURN * ((t.hour * 3600 + t.minute * 60 + t.second) / 86400.0);
        break;
    case ENCODER_YEAR_CYCLE:
        *out = TURN * ((t.year_day - 1) / 365.25);
        break;
    default:
        *out = seconds;
        break;
    }
    return true;
}

size_t encoder_n_part_inputs(const struct encoder_feature *f)
{
    size_t n = f->n_parts, i;

    for (i = 0; i < f->n_parts; i++) {
        n += encoder_is_cycle(f->parts[i].part);
    }
    return n;
}

bool encoder_put_time(const struct encoder_feature *f, double seconds, float *out)
{
    bool missing = isnan(seconds);
    double v = 0.0;
    size_t i;

    if (f->indicator) {
        out[f->width - 1] = (float)missing;
    }
    seconds = missing ? f->fill : seconds;
    for (i = 0; i < f->n_parts; i++) {
        const struct encoder_part *p = &f->parts[i];
        bool none = isnan(seconds); /* every part is its mean */

        if (!none && !encoder_time_part(seconds, p->part, &v)) {
            return false;
        }
        if (encoder_is_cycle(p->part)) {
            *out++ = none ? 0.0f : (float)sin(v);
            *out++ = none ? 0.0f : (float)cos(v);
        } else {
            *out++ = none ? 0.0f : (float)((v - p->mean) / p->std);
        }
    }
    return true;
}

/* What each input of a network is called: by its column, and what of it. See encoder.h. Any
 * thread. */
#include "base/mem.h"
#include "data/encoder_parts.h"

size_t encoder_feature_offset(const struct encoder *e, size_t feature)
{
    CHK(feature < e->n_features);
    return e->features[feature].offset;
}

static char *name_of_number(const struct encoder_feature *f, size_t i)
{
    if (i == 0 && f->value) {
        return xstrdup(f->name);
    }
    return xasprintf("%s (bin %zu)", f->name, i + !f->value);
}

static char *name_of_time(const struct encoder_feature *f, size_t i)
{
    size_t k;

    for (k = 0; k < f->n_parts; k++) {
        const char *part = encoder_time_names[f->parts[k].part];

        if (!encoder_is_cycle(f->parts[k].part)) {
            if (i-- == 0) {
                return xasprintf("%s (%s)", f->name, part);
            }
        } else if (i < 2) {
            return xasprintf("%s (%s, %s)", f->name, part, i == 0 ? "sine" : "cosine");
        } else {
            i -= 2;
        }
    }
    return xstrdup(f->name); /* not reached: widths are those of the parts */
}

static char *name_of_level(const struct encoder_feature *f, size_t i)
{
    switch (f->levels) {
    case LEVELS_ONE_HOT:
        return i < f->n_texts                ? xasprintf("%s=%s", f->name, f->texts[i])
               : i == f->n_texts && f->other ? xasprintf("%s (other)", f->name)
                                             : xasprintf("%s (missing)", f->name);
    case LEVELS_HASH:
    case LEVELS_WORDS:
        return i < f->buckets ? xasprintf("%s (bucket %zu)", f->name, i + 1)
                              : xasprintf("%s (missing)", f->name);
    case LEVELS_INDEX:
        return xasprintf("%s (embedded %zu)", f->name, i + 1);
    default:
        return xstrdup(f->name);
    }
}

char *encoder_input_name(const struct encoder *e, size_t feature, size_t i)
{
    const struct encoder_feature *f = &e->features[feature];

    CHK(feature < e->n_features);
    if (f->used && f->indicator && i + 1 == f->width) {
        return xasprintf("%s (missing)", f->name);
    }
    return f->type == COLUMN_NUMERIC    ? name_of_number(f, i)
           : f->type == COLUMN_DATETIME ? name_of_time(f, i)
                                        : name_of_level(f, i);
}

/* "data/split/rows" of the job config: ranges of rows for each part, [first, last], both in it,
 * counted from 0 as the rows of GET /datasets/{id}/rows are.
 *
 * Ranges keep the order they came in, so that the resolved form shows what was asked for. None may
 * meet another, be it of the same part: one of the two is then a slip. Whether the dataset has so
 * many rows is seen when it is there.
 *
 * Any thread; no state.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

static const struct {
    enum config_id id;
    const char *name;
} parts[SPLIT_PARTS] = {
    {KEY_TRAINING_ROWS, "training"}, {KEY_VALIDATION_ROWS, "validation"}, {KEY_TEST_ROWS, "test"}};

static bool read_range(const json_t *json, struct split_range *out)
{
    const json_t *first = json_array_get(json, 0), *last = json_array_get(json, 1);
    json_int_t a = json_integer_value(first), b = json_integer_value(last);

    if (json_array_size(json) != 2 || !json_is_integer(first) || !json_is_integer(last) || a < 0 ||
        b < a) {
        return false;
    }
    *out = (struct split_range){(uint64_t)a, (uint64_t)b};
    return true;
}

static void read_part(struct config *config, int part, size_t *total, struct err *err)
{
    enum config_id id = parts[part].id;
    const json_t *json = config->values[id].json;
    size_t n = json_array_size(json), i;
    char got[JSON_UTIL_SHOWN + 8];

    if (!config_has(config, id)) {
        return;
    }
    if (!json_is_array(json)) {
        config_refuse_key(err, id, "must be an array of ranges [first, last], got %s",
                          json_util_describe(json, got));
        return;
    }
    *total += n;
    if (*total > CONFIG_MAX_RANGES) {
        config_refuse_key(err, id, "there are more than %d ranges", CONFIG_MAX_RANGES);
        return;
    }
    config->ranges[part] = xcalloc(n > 0 ? n : 1, sizeof *config->ranges[part]);
    for (i = 0; i < n; i++) {
        const json_t *item = json_array_get(json, i);

        if (!read_range(item, &config->ranges[part][config->n_ranges[part]++])) {
            char *pointer = xasprintf("/%s/%zu", config_keys[id].path, i);

            err_add(err, pointer,
                    "must be [first, last]: two whole numbers, 0 <= first <= last, got %s",
                    json_util_describe(item, got));
            free(pointer);
            config->n_ranges[part]--;
        }
    }
}

struct place {
    struct split_range range;
    int part;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->range.first != y->range.first) {
        return x->range.first < y->range.first ? -1 : 1;
    }
    return x->part != y->part ? x->part - y->part : x->index < y->index ? -1 : 1;
}

/* Only of lists without a problem: else an index would not be the item's. */
static void check_overlaps(const struct config *config, size_t n, struct err *err)
{
    struct place *places = xcalloc(n > 0 ? n : 1, sizeof *places);
    size_t at = 0, i, last = 0;
    int p;

    for (p = 0; p < SPLIT_PARTS; p++) {
        for (i = 0; i < config->n_ranges[p]; i++) {
            places[at++] = (struct place){config->ranges[p][i], p, i};
        }
    }
    qsort(places, n, sizeof *places, compare_places);
    for (i = 1; i < n && !err_full(err); i++) { /* `last` reaches furthest of those before */
        if (places[i].range.first <= places[last].range.last) {
            char *pointer =
                xasprintf("/%s/%zu", config_keys[parts[places[i].part].id].path, places[i].index);

            err_add(err, pointer,
                    "[%" PRIu64 ", %" PRIu64 "] overlaps with [%" PRIu64 ", %" PRIu64 "] of %s",
                    places[i].range.first, places[i].range.last, places[last].range.first,
                    places[last].range.last, parts[places[last].part].name);
            free(pointer);
        }
        last = places[i].range.last > places[last].range.last ? i : last;
    }
    free(places);
}

void config_read_ranges(struct config *config, struct err *err)
{
    size_t before = err->n_items + err->n_dropped, total = 0;
    int p;

    if (!config_has(config, KEY_RANGES)) {
        return;
    }
    for (p = 0; p < SPLIT_PARTS; p++) {
        read_part(config, p, &total, err);
    }
    if (err->n_items + err->n_dropped > before) {
        return;
    }
    if (config->n_ranges[SPLIT_TRAINING] == 0) {
        config_refuse_key(err, KEY_TRAINING_ROWS,
                          "is required: ranges [first, last] of rows that "
                          "train");
        return;
    }
    check_overlaps(config, total, err);
}

void config_check_ranges(const struct config *config, uint64_t rows, struct err *err)
{
    size_t i;
    int p;

    for (p = 0; p < SPLIT_PARTS; p++) {
        for (i = 0; i < config->n_ranges[p] && !err_full(err); i++) {
            const struct split_range *range = &config->ranges[p][i];
            char *pointer;

            if (range->last < rows) {
                continue;
            }
            pointer = xasprintf("/%s/%zu", config_keys[parts[p].id].path, i);
            err_add(err, pointer,
                    "[%" PRIu64 ", %" PRIu64 "] goes beyond the last row, which is %" PRIu64,
                    range->first, range->last, rows - 1);
            free(pointer);
        }
    }
}

void config_print_ranges(struct buf *b, const struct job_spec *spec)
{
    size_t p, i;

    for (p = 0; p < SPLIT_PARTS; p++) {
        buf_printf(b, "%s\"%s\":[", p > 0 ? "," : "{", parts[p].name);
        for (i = 0; i < spec->n_ranges[p]; i++) {
            buf_printf(b, "%s[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "", spec->ranges[p][i].first,
                       spec->ranges[p][i].last);
        }
        buf_puts(b, "]");
    }
    buf_puts(b, "}");
}

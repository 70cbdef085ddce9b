/* Counters and histograms, and how Prometheus reads them; see counters.h.
 *
 * Any thread. A family's series lie side by side in one array whose size is known when the daemon
 * is built; its place there is a constant. All numbers only grow (relaxed additions: nothing is
 * ordered by them). What must hold: every number is within the family it was counted for, which
 * is checked at each addition, and no text of a client gets into a name or a label.
 */
#include "base/counters.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

enum unit { ONES, BYTES, SECONDS };

#define NANO        1000000000u
#define MOST        1e9 /* seconds of one observation: more is no duration */
#define MOST_BOUNDS 16

/* ---- sets of labels: their sizes, names and values ---- */

enum {
    SIZE_NONE = 1,
    SIZE_ROUTE = COUNTER_ROUTES,
    SIZE_ROUTE_CODE = COUNTER_ROUTES * COUNTER_CODE_N,
    SIZE_REASON = COUNTER_REASON_N,
    SIZE_KIND = COUNTER_KIND_N,
    SIZE_END = COUNTER_END_N,
    SIZE_SAVE = COUNTER_SAVE_N,
    SIZE_DELIVERY = COUNTER_DELIVERY_N
};

#define V(name, text) text,
static const char *const values_REASON[] = {COUNTER_REASONS(V) NULL};
static const char *const values_KIND[] = {COUNTER_KINDS(V) NULL};
static const char *const values_END[] = {COUNTER_ENDS(V) NULL};
static const char *const values_SAVE[] = {COUNTER_SAVES(V) NULL};
static const char *const values_DELIVERY[] = {COUNTER_DELIVERIES(V) NULL};
static const unsigned codes[] = {COUNTER_CODES(V)};
#undef V
static const char *const *const values_NONE = NULL;
static const char *const *const values_ROUTE = NULL;
static const char *const *const values_ROUTE_CODE = NULL;

/* The labels of the routes. */
struct routes {
    const char *const *labels;
    size_t n;
};

#define LABEL_NONE       ""
#define LABEL_ROUTE      "method, route"
#define LABEL_ROUTE_CODE "method, route, code"
#define LABEL_REASON     "reason"
#define LABEL_KIND       "kind"
#define LABEL_END        "status"
#define LABEL_SAVE       "outcome"
#define LABEL_DELIVERY   "outcome"

/* ---- the families ---- */

#define BOUNDS_REQUEST                                                                             \
    {                                                                                              \
        .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30                   \
    }
#define BOUNDS_ROWS                                                                                \
    {                                                                                              \
        1, 2, 5, 10, 20, 50, 100, 1000, 10000, 100000                                              \
    }
#define BOUNDS_JOB                                                                                 \
    {                                                                                              \
        .01, .1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400, 604800                     \
    }
#define BOUNDS_STORE                                                                               \
    {                                                                                              \
        .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5                 \
    }

enum {
#define COUNTER(id, name, labels, unit, help) AT_##id, LAST_##id = AT_##id + SIZE_##labels - 1,
#include "base/counters.def"
    SLOTS
};
enum {
#define HISTOGRAM(id, name, labels, unit, bounds, help)                                            \
    HIST_##id, HIST_LAST_##id = HIST_##id + SIZE_##labels - 1,
#include "base/counters.def"
    HIST_SLOTS
};

static atomic_uint_fast64_t slots[SLOTS];
static struct {
    atomic_uint_fast64_t n[MOST_BOUNDS + 1]; /* the last: past every bound */
    atomic_uint_fast64_t sum;
} hists[HIST_SLOTS];

struct place {
    size_t first, size;
    enum unit unit;
};
static const struct place counter_places[] = {
#define COUNTER(id, name, labels, unit, help) {AT_##id, SIZE_##labels, unit},
#include "base/counters.def"
};
static const struct hist_place {
    size_t first, size;
    enum unit unit;
    double bounds[MOST_BOUNDS]; /* rising; 0 after the last */
} hist_places[] = {
#define HISTOGRAM(id, name, labels, unit, bounds, help)                                            \
    {HIST_##id, SIZE_##labels, unit, BOUNDS_##bounds},
#include "base/counters.def"
};

/* In the order of the three enums. */
static const struct counters_family families[] = {
#define COUNTER(id, name, labels, unit, help)                                                      \
    {name, "counter", LABEL_##labels, values_##labels, help},
#include "base/counters.def"
#define HISTOGRAM(id, name, labels, unit, bounds, help)                                            \
    {name, "histogram", LABEL_##labels, values_##labels, help},
#include "base/counters.def"
#define READING(id, name, type, labels, help) {name, type, labels, NULL, help},
#include "base/counters.def"
};
_Static_assert(ARRAY_LEN(families) == COUNTERS + HISTOGRAMS + READINGS, "one each");

const struct counters_family *counters_families(size_t *n)
{
    *n = ARRAY_LEN(families);
    return families;
}

/* ---- counting ---- */

static void add(atomic_uint_fast64_t *slot, uint64_t by)
{
    (void)atomic_fetch_add_explicit(slot, by, memory_order_relaxed);
}

static uint64_t get(atomic_uint_fast64_t *slot)
{
    return atomic_load_explicit(slot, memory_order_relaxed);
}

void counter_add(enum counter id, size_t label, uint64_t by)
{
    CHK((size_t)id < COUNTERS && label < counter_places[id].size);
    add(&slots[counter_places[id].first + label], by);
}

uint64_t counter_get(enum counter id, size_t label)
{
    CHK((size_t)id < COUNTERS && label < counter_places[id].size);
    return get(&slots[counter_places[id].first + label]);
}

void histogram_add(enum histogram_id id, size_t label, double value)
{
    const struct hist_place *place = &hist_places[id];
    size_t at, i;

    CHK((size_t)id < HISTOGRAMS && label < place->size);
    at = place->first + label;
    value = value > 0 ? value : 0; /* not a number neither */
    value = value < MOST ? value : MOST;
    for (i = 0; i < MOST_BOUNDS && place->bounds[i] > 0 && value > place->bounds[i]; i++) {
    }
    i = i < MOST_BOUNDS && place->bounds[i] > 0 ? i : MOST_BOUNDS;
    add(&hists[at].sum, (uint64_t)llround(place->unit == SECONDS ? value * NANO : value));
    add(&hists[at].n[i], 1);
}

uint64_t histogram_count(enum histogram_id id, size_t label)
{
    uint64_t n = 0;
    size_t i;

    CHK((size_t)id < HISTOGRAMS && label < hist_places[id].size);
    for (i = 0; i <= MOST_BOUNDS; i++) {
        n += get(&hists[hist_places[id].first + label].n[i]);
    }
    return n;
}

void counters_request(size_t route, unsigned status, double seconds)
{
    size_t code;

    for (code = 0; code < CODE_OTHER && codes[code] != status; code++) {
    }
    counter_add(COUNTER_REQUESTS, route * COUNTER_CODE_N + code, 1);
    histogram_add(HISTOGRAM_REQUEST_SECONDS, route, seconds);
}

/* ---- saying it ---- */

static void put_head(struct buf *out, const struct counters_family *f)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
}

static void put_code(struct buf *out, size_t code)
{
    if (code == CODE_NONE || code == CODE_OTHER) {
        buf_printf(out, ",code=\"%s\"", code == CODE_NONE ? "none" : "other");
    } else {
        buf_printf(out, ",code=\"%u\"", codes[code]);
    }
}

/* The labels of one series, without braces. */
static void put_labels(struct buf *out, const struct counters_family *f, size_t size, size_t label,
                       const struct routes *routes)
{
    if (size == SIZE_ROUTE || size == SIZE_ROUTE_CODE) {
        size_t route = size == SIZE_ROUTE ? label : label / COUNTER_CODE_N;

        CHK(route < routes->n);
        buf_puts(out, routes->labels[route]);
        if (size == SIZE_ROUTE_CODE) {
            put_code(out, label % COUNTER_CODE_N);
        }
    } else if (f->values != NULL) {
        buf_printf(out, "%s=\"%s\"", f->labels, f->values[label]);
    }
}

static void put_amount(struct buf *out, enum unit unit, uint64_t n)
{
    if (unit == SECONDS) {
        buf_printf(out, " %" PRIu64 ".%09" PRIu64 "\n", n / NANO, n % NANO);
    } else {
        buf_printf(out, " %" PRIu64 "\n", n);
    }
}

static void write_counter(struct buf *out, enum counter id, const struct routes *routes)
{
    const struct place *place = &counter_places[id];
    const struct counters_family *f = &families[id];
    bool with_route = place->size >= SIZE_ROUTE;
    size_t i;

    put_head(out, f);
    for (i = 0; i < place->size; i++) {
        uint64_t n = get(&slots[place->first + i]);

        if (n == 0 && with_route) {
            continue;
        }
        buf_puts(out, f->name);
        if (place->size > 1) {
            buf_puts(out, "{");
            put_labels(out, f, place->size, i, routes);
            buf_puts(out, "}");
        }
        put_amount(out, place->unit, n);
    }
}

/* One series; `labels` "" or those before le. */
static void put_series(struct buf *out, const struct counters_family *f,
                       const struct hist_place *place, size_t at, const char *labels)
{
    const char *comma = labels[0] != '\0' ? "," : "", *open = labels[0] != '\0' ? "{" : "",
               *close = labels[0] != '\0' ? "}" : "";
    uint64_t sum = get(&hists[at].sum), n = 0;
    size_t i;

    for (i = 0; i < MOST_BOUNDS && place->bounds[i] > 0; i++) {
        n += get(&hists[at].n[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"%.12g\"} %" PRIu64 "\n", f->name, labels, comma,
                   place->bounds[i], n);
    }
    n += get(&hists[at].n[MOST_BOUNDS]);
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", f->name, labels, comma, n);
    buf_printf(out, "%s_sum%s%s%s", f->name, open, labels, close);
    put_amount(out, place->unit, sum);
    buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", f->name, open, labels, close, n);
}

static void write_histogram(struct buf *out, enum histogram_id id, const struct routes *routes)
{
    const struct hist_place *place = &hist_places[id];
    const struct counters_family *f = &families[COUNTERS + (size_t)id];
    struct buf labels = BUF_INIT;
    size_t i;

    put_head(out, f);
    for (i = 0; i < place->size; i++) {
        if (place->size >= SIZE_ROUTE && histogram_count(id, i) == 0) {
            continue;
        }
        buf_clear(&labels);
        put_labels(&labels, f, place->size, i, routes);
        put_series(out, f, place, place->first + i, labels.data != NULL ? labels.data : "");
    }
    buf_fini(&labels);
}

void counters_write(struct buf *out, const char *const *labels, size_t n)
{
    const struct routes routes = {labels, n};
    size_t i;

    for (i = 0; i < COUNTERS; i++) {
        write_counter(out, (enum counter)i, &routes);
    }
    for (i = 0; i < HISTOGRAMS; i++) {
        write_histogram(out, (enum histogram_id)i, &routes);
    }
}

static const struct counters_family *reading(enum reading id)
{
    CHK((size_t)id < READINGS);
    return &families[COUNTERS + HISTOGRAMS + (size_t)id];
}

void counters_head(struct buf *out, enum reading id)
{
    put_head(out, reading(id));
}

void counters_value(struct buf *out, enum reading id, const char *labels, double value)
{
    buf_puts(out, reading(id)->name);
    if (labels != NULL) {
        buf_printf(out, "{%s}", labels);
    }
    if (isnan(value)) {
        buf_puts(out, " NaN\n");
    } else if (isinf(value)) {
        buf_puts(out, value > 0 ? " +Inf\n" : " -Inf\n");
    } else {
        buf_printf(out, " %.16g\n", value);
    }
}

void counters_label(struct buf *out, const char *name, const char *value)
{
    const char *p;

    buf_printf(out, "%s%s=\"", out->len > 0 ? "," : "", name);
    for (p = value; *p != '\0'; p++) {
        if (*p == '\n') {
            buf_puts(out, "\\n");
        } else {
            buf_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
        }
    }
    buf_puts(out, "\"");
}

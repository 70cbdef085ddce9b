/* Quantiles in bounded memory; see sketch.h for how.
 *
 * Pure arithmetic on the caller's thread. What must hold: the weights of what is kept add up to
 * `count` at every moment, so histograms lose no row.
 */
#include "data/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_VALUES (4u << 20) /* of all columns */
#define MOST         65536u
#define LEAST        64u

size_t sketch_capacity(size_t n_columns)
{
    size_t capacity = MOST;

    while (capacity > LEAST && capacity * n_columns > TOTAL_VALUES) {
        capacity /= 2;
    }
    return capacity;
}

void sketch_init(struct sketch *s, size_t capacity)
{
    *s = (struct sketch){.capacity = capacity};
}

void sketch_fini(struct sketch *s)
{
    free(s->kept);
    *s = (struct sketch){.kept = NULL};
}

/* ---- sorting ----------------------------------------------------------------- */

/* Doubles as whole numbers of the same order, and back. */
static uint64_t to_key(double value)
{
    uint64_t bits;

    value += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double from_key(uint64_t key)
{
    double value;

    key = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    memcpy(&value, &key, sizeof value);
    return value;
}

/* a (n) and what stands behind it (m), both sorted, become one; `room` for n. */
static void merge(double *a, size_t n, size_t m, double *room)
{
    const double *left = room, *left_end = room + n, *right = a + n, *right_end = right + m;

    memcpy(room, a, n * sizeof *a);
    while (left < left_end && right < right_end) {
        bool first = *left <= *right;

        *a++ = first ? *left : *right;
        left += first;
        right += !first;
    }
    memcpy(a, left, (size_t)(left_end - left) * sizeof *a);
}

/* The first `done` are sorted already. By bytes, the lowest first; bytes that all values share take
 * no pass. */
static int sort(double *all, size_t done, size_t n_all)
{
    double *values = all + done;
    size_t n = n_all - done;
    uint64_t *a = malloc(2 * (n_all != 0 ? n_all : 1) * sizeof *a), *b, *from, *to;
    size_t count[8][256] = {{0}};
    size_t i;
    int byte;

    if (a == NULL) {
        return -1;
    }
    b = a + n;
    for (i = 0; i < n; i++) {
        a[i] = to_key(values[i]);
        for (byte = 0; byte < 8; byte++) {
            count[byte][a[i] >> (8 * byte) & 255]++;
        }
    }
    from = a;
    to = b;
    for (byte = 0; byte < 8 && n > 0; byte++) {
        size_t *place = count[byte], at = 0, k;
        uint64_t *other = from;

        if (place[from[0] >> (8 * byte) & 255] == n) {
            continue;
        }
        for (k = 0; k < 256; k++) {
            size_t here = place[k];

            place[k] = at;
            at += here;
        }
        for (i = 0; i < n; i++) {
            to[place[from[i] >> (8 * byte) & 255]++] = from[i];
        }
        from = to;
        to = other;
    }
    for (i = 0; i < n; i++) {
        values[i] = from_key(from[i]);
    }
    if (done > 0) {
        merge(all, done, n, (double *)a);
    }
    free(a);
    return 0;
}

/* ---- adding ------------------------------------------------------------------ */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The room is full: half of it stays. Every block that begins now is twice as long. */
static int halve(struct sketch *s)
{
    size_t i, odd = mix(s->block) & 1;

    if (sort(s->kept, s->sorted, s->n) != 0) {
        return -1;
    }
    for (i = 0; i < s->n / 2; i++) {
        s->kept[i] = s->kept[2 * i + odd];
    }
    s->n /= 2;
    s->sorted = s->n;
    s->shift++;
    return 0;
}

/* Room for one more value. */
static int make_room(struct sketch *s)
{
    if (s->n == s->room) {
        size_t room = s->room != 0 ? 2 * s->room : 64;
        double *grown;

        room = room < s->capacity ? room : s->capacity;
        grown = realloc(s->kept, room * sizeof *grown);
        if (grown == NULL) {
            return -1;
        }
        s->kept = grown;
        s->room = room;
    }
    return 0;
}

/* A full room is halved when the next value comes, not before: `capacity` values are exact. */
int sketch_add(struct sketch *s, const double *values, size_t n)
{
    size_t i = 0;

    s->count += n;
    while (i < n) {
        uint64_t length, chosen, left = n - i;

        if (s->taken == 0) {
            if (s->n == s->capacity && halve(s) != 0) {
                return -1;
            }
            s->block++;
        }
        length = UINT64_C(1) << s->shift;
        chosen = mix(s->block) & (length - 1);
        left = left < length - s->taken ? left : length - s->taken;
        if (s->taken == 0) {
            s->pending = values[i];
        }
        if (chosen >= s->taken && chosen - s->taken < left) {
            s->pending = values[i + (chosen - s->taken)];
        }
        s->taken += left;
        i += left;
        if (s->taken == length) {
            if (make_room(s) != 0) {
                return -1;
            }
            s->kept[s->n++] = s->pending;
            s->taken = 0;
        }
    }
    return 0;
}

/* ---- afterwards -------------------------------------------------------------- */

int sketch_sort(struct sketch *s)
{
    return s->n > s->sorted ? sort(s->kept, s->sorted, s->n) : 0; /* none: there is no array */
}

/* The value of a rank, from 0. */
static double value_at(const struct sketch *s, uint64_t rank)
{
    uint64_t each = UINT64_C(1) << s->shift, before;
    size_t low = 0, high = s->n;

    if (s->taken == 0) {
        return s->kept[rank >> s->shift];
    }
    /* The pending value stands behind those that are not above it, for `taken` values. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->kept[middle] <= s->pending) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    before = low * each;
    if (rank < before) {
        return s->kept[rank >> s->shift];
    }
    return rank < before + s->taken ? s->pending : s->kept[(rank - s->taken) >> s->shift];
}

/* Between a <= b, from the nearer end: never outside of them, and never less for a larger part,
 * however close they are. */
static double between(double a, double b, double part)
{
    double whole = b - a, v;

    if (!isfinite(whole)) {
        v = a * (1.0 - part) + b * part;
    } else {
        v = part < 0.5 ? a + whole * part : b - whole * (1.0 - part);
    }
    return v < a ? a : v > b ? b : v;
}

double sketch_quantile(const struct sketch *s, double p)
{
    double place, part, a, b;
    uint64_t rank;

    if (s->count == 0) {
        return NAN;
    }
    place = p * (double)(s->count - 1);
    rank = (uint64_t)place;
    rank = rank < s->count - 1 ? rank : s->count - 1;
    part = place - (double)rank;
    a = value_at(s, rank);
    b = rank + 1 < s->count ? value_at(s, rank + 1) : a;
    return between(a, b, part);
}

bool sketch_all_differ(const struct sketch *s)
{
    size_t i;

    for (i = 1; i < s->n; i++) {
        if (s->kept[i] == s->kept[i - 1]) {
            return false;
        }
    }
    return true;
}

/* Twice the cube root of how many there are (Rice), so that small tables get few. */
static size_t bins_for(uint64_t count)
{
    size_t n = (size_t)ceil(2.0 * cbrt((double)count) - 1e-9);

    return n < 1 ? 1 : n > SKETCH_BINS ? SKETCH_BINS : n;
}

static void count_value(struct histogram *h, double value, uint64_t weight)
{
    double place = (value / 2 - h->low / 2) / (h->high / 2 - h->low / 2) * (double)h->n;

    if (value < h->low) {
        h->below += weight;
    } else if (value > h->high) {
        h->above += weight;
    } else {
        h->counts[place >= (double)h->n ? h->n - 1 : place > 0 ? (size_t)place : 0] += weight;
    }
}

void sketch_histogram(const struct sketch *s, double min, double max, bool integers,
                      struct histogram *out)
{
    struct histogram h = {.low = min, .high = max};
    size_t i;

    if (s->count == 0) {
        *out = (struct histogram){.low = NAN, .high = NAN};
        return;
    }
    if (integers && max - min < SKETCH_BINS) {
        h.n = (size_t)(max - min) + 1;
        h.low = min - 0.5;
        h.high = max + 0.5;
    } else if (min == max) {
        h.n = 1;
    } else {
        double first = sketch_quantile(s, 0.01), last = sketch_quantile(s, 0.99);
        double reach = last / 2 - first / 2;

        h.n = bins_for(s->count);
        h.low = reach > 0 && min < first - reach ? first - reach : min;
        h.high = reach > 0 && max > last + reach ? last + reach : max;
    }
    if (h.low == h.high) { /* one value, or so large that half a unit is nothing */
        h.n = 1;
        h.counts[0] = s->count;
        *out = h;
        return;
    }
    for (i = 0; i < s->n; i++) {
        count_value(&h, s->kept[i], UINT64_C(1) << s->shift);
    }
    if (s->taken > 0) {
        count_value(&h, s->pending, s->taken);
    }
    *out = h;
}

/* The footer of a dataset file: what is known of the columns when all rows are in; see
 * dataset_priv.h for the layout. On the writer's thread.
 *
 * What must hold: equal tables give equal bytes, so every NaN is the same NaN, and nothing goes in
 * that is not made from the cells and what was said of them.
 */
#include "data/dataset_write_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What goes to the file; after the first failure nothing more does. */
struct footer {
    struct dataset_writer *w;
    struct err *err;
    bool bad;
};

static void put(struct footer *f, const void *bytes, size_t len)
{
    f->bad = f->bad || dataset_write_put(f->w, bytes, len, f->err) != 0;
}

static void put_u8(struct footer *f, uint8_t value)
{
    put(f, &value, sizeof value);
}

static void put_u32(struct footer *f, size_t value)
{
    uint32_t value32 = (uint32_t)value;

    put(f, &value32, sizeof value32);
}

static void put_u64(struct footer *f, uint64_t value)
{
    put(f, &value, sizeof value);
}

static void put_f64(struct footer *f, double value)
{
    value = isnan(value) ? (double)NAN : value;
    put(f, &value, sizeof value);
}

/* NULL is the empty text. */
static void put_text(struct footer *f, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    put_u32(f, len);
    put(f, text != NULL ? text : "", len);
}

/* What of each text a walk over a dictionary writes. */
struct walk {
    struct footer *f;
    enum { WALK_LENGTHS, WALK_COUNTS, WALK_BYTES } what;
};

static int visit_text(void *ctx, const char *text, size_t len, uint64_t count)
{
    const struct walk *walk = ctx;

    switch (walk->what) {
    case WALK_LENGTHS:
        put_u32(walk->f, len);
        break;
    case WALK_COUNTS:
        put_u64(walk->f, count);
        break;
    default:
        put(walk->f, text, len);
        break;
    }
    return walk->f->bad ? -1 : 0;
}

static void put_dictionary(struct footer *f, const struct dict *dict)
{
    struct walk walk = {.f = f, .what = WALK_LENGTHS};

    put_u32(f, dict_size(dict));
    for (; walk.what <= WALK_BYTES && !f->bad; walk.what++) {
        (void)dict_each(dict, visit_text, &walk); /* f->bad says it too */
    }
}

static void put_numbers(struct footer *f, const struct writer_column *c)
{
    bool integers = c->integers && c->stats.n > 0;
    struct histogram h;
    size_t n = c->distinct.over ? 0 : c->distinct.n, i;

    put_f64(f, c->stats.min);
    put_f64(f, c->stats.max);
    put_f64(f, stats_mean(&c->stats));
    put_f64(f, stats_std(&c->stats));
    put_u8(f, integers);
    put_u64(f, c->distinct.n);
    put_u32(f, n);
    put(f, c->distinct.values, n * sizeof *c->distinct.values);
    for (i = 0; i < DATASET_QUANTILES; i++) {
        double p = dataset_quantiles[i];

        put_f64(f, p == 0 ? c->stats.min : p == 1 ? c->stats.max : sketch_quantile(&c->sketch, p));
    }
    sketch_histogram(&c->sketch, c->stats.min, c->stats.max, integers, &h);
    put_u32(f, h.n);
    put_f64(f, h.low);
    put_f64(f, h.high);
    put_u64(f, h.below);
    put_u64(f, h.above);
    put(f, h.counts, h.n * sizeof *h.counts);
}

static void put_column(struct footer *f, struct writer_column *c)
{
    bool numbers = column_holds_numbers(c->type);
    struct column_words words;

    if (numbers && sketch_sort(&c->sketch) != 0) {
        f->bad = true;
        dataset_write_no_memory(f->err);
        return;
    }
    dataset_write_why(c, f->w->rows, &words);
    put_u8(f, (uint8_t)c->type);
    put_text(f, c->name);
    put_u64(f, c->missing);
    put_u8(f, (uint8_t)((c->declared ? FLAG_DECLARED : 0) | (words.constant ? FLAG_CONSTANT : 0) |
                        (words.identifier ? FLAG_IDENTIFIER : 0) |
                        (!numbers || sketch_is_exact(&c->sketch) ? FLAG_EXACT : 0)));
    put_text(f, words.why);
    put_text(f, words.remark);
    put_text(f, c->format);
    free(words.why);
    free(words.remark);
    if (numbers) {
        put_numbers(f, c);
    } else {
        put_dictionary(f, c->dict);
    }
}

/* The footer has a hash of its own, so that opening a file need not read all of it. */
int dataset_write_footer(struct dataset_writer *w, struct err *err)
{
    struct footer f = {.w = w, .err = err};
    uint64_t start = w->position, len;
    char hex[HASH_HEX_LEN];
    size_t i;

    hash_init(&w->footer_hash);
    w->in_footer = true;
    put_u64(&f, w->rows);
    put_u32(&f, w->n_columns);
    put_u32(&f, w->group_rows);
    put_u64(&f, w->n_groups);
    put(&f, w->groups, w->n_groups * sizeof *w->groups);
    put_u8(&f, w->words.defaults);
    put_u32(&f, w->words.n);
    for (i = 0; i < w->words.n; i++) {
        put_text(&f, w->words.words[i]);
    }
    for (i = 0; i < w->n_columns && !f.bad; i++) {
        put_column(&f, &w->columns[i]);
    }
    len = w->position - start;
    w->in_footer = false;
    hash_final_hex(&w->footer_hash, hex);
    put_u64(&f, len);
    put(&f, hex, HASH_HEX_LEN - 1);
    put(&f, DATASET_MAGIC, DATASET_MAGIC_LEN);
    return f.bad ? -1 : dataset_write_flush(w, err);
}

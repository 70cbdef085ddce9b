/* "data/types" of the job config: columns that a job takes as another type than its dataset has
 * them. JSON -> what is wished for -> views of the datasets, and back.
 *
 * A target of numbers stays one in the table: taking it as classes is what data.target_type does,
 * and keeps the classes in the order of their values; config_resolve_target.c looks here for that.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/dataset_view.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

static const char *const type_names[] = {"numeric",  "categorical", "boolean",
                                         "datetime", "text",        NULL};

/* ---- reading and printing ------------------------------------------------------------- */

static void read_type(const char *name, const json_t *json, struct buf *pointer,
                      struct config *config, struct err *err)
{
    const char *text = json_string_value(json);
    const char *nearest =
        text != NULL ? text_nearest(text, type_names, ARRAY_LEN(type_names) - 1) : NULL;
    struct config_type_wish *t = &config->types[config->n_types];
    char got[JSON_UTIL_SHOWN + 8];

    if (text == NULL || !column_type_parse(text, &t->type)) {
        config_refuse(err, pointer, NULL,
                      "must be one of \"numeric\", \"categorical\", \"boolean\", \"datetime\", "
                      "\"text\"; got %s%s%s%s",
                      json_util_describe(json, got), nearest != NULL ? ", did you mean \"" : "",
                      nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
        return;
    }
    t->name = name;
    config->n_types++;
}

void config_read_types(struct config *config, struct err *err)
{
    const json_t *json = config->values[KEY_TYPES].json;
    struct buf pointer = BUF_INIT;
    char got[JSON_UTIL_SHOWN + 8];
    const char *name;
    json_t *member;
    size_t keep;

    if (json == NULL) {
        return;
    }
    if (!json_is_object(json) || json_object_size(json) > DATASET_MAX_COLUMNS) {
        config_refuse_key(err, KEY_TYPES,
                          "must be an object such as {\"zip\": \"categorical\"}, got %s",
                          json_util_describe(json, got));
        return;
    }
    config->types = xcalloc(json_object_size(json) + 1, sizeof *config->types);
    buf_puts(&pointer, "/data/types");
    keep = pointer.len;
    /* The macro wants a pointer that is not const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)json, name, member)
    {
        json_util_pointer(&pointer, name);
        read_type(name, member, &pointer, config, err);
        pointer.len = keep;
        pointer.data[keep] = '\0';
    }
    buf_fini(&pointer);
}

bool config_type_of(const struct config *config, const char *column, enum column_type *out)
{
    size_t i;

    for (i = 0; i < config->n_types; i++) {
        if (strcmp(config->types[i].name, column) == 0) {
            *out = config->types[i].type;
            return true;
        }
    }
    return false;
}

void config_print_types(struct buf *b, const struct job_spec *spec)
{
    size_t i;

    buf_puts(b, "{");
    for (i = 0; i < spec->n_types; i++) {
        buf_puts(b, i > 0 ? "," : "");
        json_util_text(b, spec->types[i].name);
        buf_printf(b, ":\"%s\"", column_type_name(spec->types[i].type));
    }
    buf_puts(b, "}");
}

/* ---- views ------------------------------------------------------------------------------ */

/* What one of the datasets is to look like: at most one wish a column. */
struct wishes {
    const struct dataset *ds;
    struct dataset_wish *list; /* [columns of ds]; what is not wished for has no pointer */
};

/* The first wish counts. `name`: none of ours to free. */
static void wish(struct wishes *w, const char *name, enum column_type type)
{
    ptrdiff_t at = dataset_find(w->ds, name);
    struct buf pointer = BUF_INIT;

    if (at < 0 || w->list[at].pointer != NULL) {
        return;
    }
    buf_puts(&pointer, "/data/types");
    json_util_pointer(&pointer, name);
    w->list[at] = (struct dataset_wish){(size_t)at, type, buf_take(&pointer)};
}

static bool is_target(const struct config *config, const char *name)
{
    size_t n = config_n_texts(config, KEY_TARGET), i;

    for (i = 0; i < n && strcmp(config_text_at(config, KEY_TARGET, i), name) != 0; i++) {
    }
    return i < n;
}

static enum column_type type_in(const struct dataset *ds, const char *name,
                                enum column_type otherwise)
{
    ptrdiff_t at = dataset_find(ds, name);

    return at >= 0 ? dataset_column(ds, (size_t)at)->type : otherwise;
}

static int make_view(const struct config *config, const struct encoder *parent,
                     const struct dataset **ds, struct err *err)
{
    struct wishes w = {.ds = *ds};
    size_t n = dataset_n_columns(*ds), targets = config_n_texts(config, KEY_TARGET), kept = 0, i;
    int rc;

    w.list = xcalloc(n + 1, sizeof *w.list);
    for (i = 0; i < config->n_types; i++) {
        const struct config_type_wish *t = &config->types[i];
        enum column_type has = type_in(*ds, t->name, t->type);
        bool numbers = is_target(config, t->name) && !column_holds_numbers(t->type) &&
                       (has == COLUMN_NUMERIC ||
                        (targets > 1 && has == COLUMN_BOOLEAN && t->type == COLUMN_BOOLEAN));

        wish(&w, t->name, numbers ? COLUMN_NUMERIC : t->type);
    }
    for (i = 0; parent != NULL && i < encoder_n_features(parent); i++) {
        if (encoder_feature_stored(parent, i) != encoder_feature_type(parent, i)) {
            wish(&w, encoder_feature_name(parent, i), encoder_feature_type(parent, i));
        }
    }
    for (i = 0; targets > 1 && i < targets; i++) {
        const char *name = config_text_at(config, KEY_TARGET, i);

        if (type_in(*ds, name, COLUMN_NUMERIC) == COLUMN_BOOLEAN) {
            wish(&w, name, COLUMN_NUMERIC);
        }
    }
    for (i = 0; i < n; i++) {
        if (w.list[i].pointer != NULL) {
            w.list[kept++] = w.list[i];
        }
    }
    rc = dataset_view(ds, w.list, kept, err);
    for (i = 0; i < kept; i++) {
        free((char *)(uintptr_t)w.list[i].pointer); /* ours: wish() made it */
    }
    free(w.list);
    return rc;
}

/* Columns that are not there, and two that must be numbers in the table. */
static void check_names(const struct config *config, const struct dataset *ds, struct err *err)
{
    static const enum config_id beside[] = {KEY_SAMPLE_WEIGHT, KEY_OFFSET};
    char shown[JSON_UTIL_SHOWN], near[JSON_UTIL_SHOWN];
    struct buf pointer = BUF_INIT;
    size_t i, k;

    for (i = 0; i < config->n_types; i++) {
        const char *name = config->types[i].name, *nearest;

        buf_clear(&pointer);
        buf_puts(&pointer, "/data/types");
        json_util_pointer(&pointer, name);
        for (k = 0; k < ARRAY_LEN(beside); k++) {
            if (config_has(config, beside[k]) &&
                strcmp(config_text_at(config, beside[k], 0), name) == 0) {
                config_refuse(err, &pointer, NULL,
                              "is the %s, which must be numbers in the dataset itself: upload it "
                              "with types=NAME:numeric",
                              beside[k] == KEY_OFFSET ? "offset" : "sample weight");
            }
        }
        if (dataset_find(ds, name) >= 0) {
            continue;
        }
        nearest =
            err_full(err) ? NULL : text_nearest(name, dataset_names(ds), dataset_n_columns(ds));
        config_refuse(err, &pointer, NULL, "the dataset has no column \"%s\"%s%s%s",
                      json_util_shown(name, shown), nearest != NULL ? ", did you mean \"" : "",
                      nearest != NULL ? json_util_shown(nearest, near) : "",
                      nearest != NULL ? "\"?" : "");
    }
    buf_fini(&pointer);
}

int config_view(const struct config *config, const struct encoder *parent,
                const struct dataset **ds, const struct dataset **validation,
                const struct dataset **test, struct err *err)
{
    const struct dataset **all[] = {ds, validation, test};
    size_t i;
    int rc = 0;

    CHK_OBJ(config, CONFIG_MAGIC);
    check_names(config, *ds, err);
    for (i = 0; i < ARRAY_LEN(all); i++) {
        if (*all[i] != NULL) {
            rc |= make_view(config, parent, all[i], err);
        }
    }
    return rc != 0 || err_is(err) ? -1 : 0;
}

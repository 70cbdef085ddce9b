/* Keys below "data" that need, exclude or belong to each other, as far as no data is needed to see
 * it: where rows come from, which part they go to, and what part a column plays.
 *
 * Like config_relations.c: every check looks at what was given, never at defaults, and goes on
 * after a problem; a value that the reader refused counts as not given. Pairs of keys that
 * contradict each other are refused at the one that is left out more easily, naming both.
 *
 * Any thread; no state.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/fetch_wish.h"
#include "jobs/json_util.h"

#define SHA256_PREFIX "sha256:"

/* ---- data --------------------------------------------------------------------- */

static char *read_dataset_key(const struct config *config, enum config_id id, struct err *err)
{
    const json_t *json = config->values[id].json;
    const char *text = json_string_value(json);

    if (json == NULL) {
        return NULL;
    }
    if (json_is_integer(json)) {
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(json));
    }
    if (id != KEY_START_MODEL && strncmp(text, SHA256_PREFIX, strlen(SHA256_PREFIX)) == 0) {
        const char *hex = text + strlen(SHA256_PREFIX);

        if (strlen(hex) != HASH_HEX_LEN - 1 ||
            strspn(hex, "0123456789abcdef") != HASH_HEX_LEN - 1) {
            config_refuse_key(err, id,
                              "must have 64 hexadecimal digits (0-9, a-f) after \"sha256:\"");
        }
    }
    return xstrdup(text);
}

/* What belongs to a URL; its host is looked at by who knows which are allowed. */
static void check_url(struct config *config, struct err *err)
{
    const char *format = json_string_value(config->values[KEY_FORMAT].json);
    const char *sha256 = json_string_value(config->values[KEY_URL_SHA256].json);

    if (!config_has(config, KEY_URL)) {
        if (format != NULL) {
            config_refuse_key(err, KEY_FORMAT, "belongs to data.url");
        }
        if (sha256 != NULL) {
            config_refuse_key(err, KEY_URL_SHA256, "belongs to data.url");
        }
        return;
    }
    if (format != NULL && !reader_format_parse(format, &config->url_format)) {
        config_refuse_key(err, KEY_FORMAT, "must be " READER_NAMES);
    }
    if (sha256 != NULL && !fetch_wish_sha256(sha256, config->url_sha256)) {
        config_refuse_key(err, KEY_URL_SHA256, "must be 64 hexadecimal digits");
    }
}

/* The only columns of a dataset to learn from: not those that have another part. */
static void check_features(const struct config *config, struct err *err)
{
    static const struct {
        enum config_id id;
        const char *what;
    } parts[] = {{KEY_TARGET, "the target"},
                 {KEY_COLUMN, "what says which row goes where"},
                 {KEY_GROUP, "what keeps rows together"},
                 {KEY_SAMPLE_WEIGHT, "the sample weight"},
                 {KEY_OFFSET, "the offset"}};
    size_t n = config_n_texts(config, KEY_FEATURES), i, k, m;
    char shown[JSON_UTIL_SHOWN];

    if (!config_has(config, KEY_FEATURES)) {
        return;
    }
    if (n == 0) {
        config_refuse_key(err, KEY_FEATURES, "names no column to learn from; without it all are");
    }
    if (n > 0 && config_n_texts(config, KEY_EXCLUDE) > 0) {
        config_refuse_key(err, KEY_EXCLUDE,
                          "features names the columns that are kept, all others are left out: give "
                          "one of the two");
    }
    for (i = 0; i < n; i++) {
        const char *name = config_text_at(config, KEY_FEATURES, i);

        for (k = 0; k < ARRAY_LEN(parts); k++) {
            for (m = 0; m < config_n_texts(config, parts[k].id); m++) {
                if (strcmp(config_text_at(config, parts[k].id, m), name) == 0) {
                    char *pointer = xasprintf("/data/features/%zu", i);

                    err_add(err, pointer, "\"%s\" is %s, it cannot be a feature",
                            json_util_shown(name, shown), parts[k].what);
                    free(pointer);
                }
            }
        }
    }
}


static void check_data(struct config *config, struct err *err)
{
    const struct config_value *v = config->values;
    bool inline_rows = v[KEY_X].given || v[KEY_Y].given, url = config_has(config, KEY_URL);

    config->keys[0] = read_dataset_key(config, KEY_DATASET, err);
    config->keys[1] = read_dataset_key(config, KEY_VALIDATION_SET, err);
    config->keys[2] = read_dataset_key(config, KEY_TEST_SET, err);
    config->model_key = read_dataset_key(config, KEY_START_MODEL, err);
    if (!v[KEY_DATA].given) {
        config_refuse_key(err, KEY_DATA,
                          "is required: {\"dataset\": ..., \"target\": ...}, or x and y");
        return;
    }
    if (!config_has(config, KEY_DATA)) {
        return; /* its type is wrong, which was said */
    }
    check_url(config, err);
    if (inline_rows && (v[KEY_DATASET].given || url)) {
        config_refuse_key(err, KEY_X, "give either a dataset or x and y, not both");
        return;
    }
    if (url && v[KEY_DATASET].given) {
        config_refuse_key(err, KEY_URL, "give either a dataset or a url, not both");
        return;
    }
    if (!inline_rows && !url && !v[KEY_DATASET].given) {
        config_refuse_key(err, KEY_DATA, "needs \"dataset\", or \"x\" and \"y\", or \"url\"");
        return;
    }
    if (inline_rows) {
        if (!v[KEY_X].given || !v[KEY_Y].given) {
            config_refuse_key(err, v[KEY_X].given ? KEY_Y : KEY_X,
                              "is required: x and y go together");
        }
        return;
    }
    check_features(config, err);
    if (!v[KEY_TARGET].given) {
        config_refuse_key(err, KEY_TARGET, "is required: the column to predict");
    }
}

static void check_stratify(const struct config *config, struct err *err)
{
    const json_t *stratify = config->values[KEY_STRATIFY].json;
    char got[JSON_UTIL_SHOWN + 8];

    if (stratify != NULL && !json_is_boolean(stratify) &&
        !(json_is_string(stratify) && strcmp(json_string_value(stratify), "auto") == 0)) {
        config_refuse_key(err, KEY_STRATIFY, "must be true, false or \"auto\", got %s",
                          json_util_describe(stratify, got));
    }
}

static void check_window(const struct config *config, struct err *err)
{
    const json_t *window = config->values[KEY_WINDOW].json;
    char got[JSON_UTIL_SHOWN + 8];
    double rows = json_is_integer(window) ? (double)json_integer_value(window) : 0;

    if (window != NULL && !json_is_null(window) &&
        !(rows >= CONFIG_MIN_WINDOW && rows <= CONFIG_MAX_WINDOW) &&
        !(json_is_string(window) && strcmp(json_string_value(window), "auto") == 0)) {
        config_refuse_key(err, KEY_WINDOW,
                          "must be a number of rows from %d on, null or \"auto\", got %s",
                          CONFIG_MIN_WINDOW, json_util_describe(window, got));
    }
}

/* What says itself which row goes where, wholly or with fractions. */
static const struct way {
    enum config_id id;
    bool fractions;
    const char *what;
} ways[] = {{KEY_COLUMN, false, "the split column"},
            {KEY_GROUP, true, "the group"},
            {KEY_TIME, true, "the time"},
            {KEY_RANGES, false, "the ranges of rows"}};

static void check_way(const struct config *config, const struct way *way, struct err *err)
{
    static const struct {
        enum config_id fraction, dataset;
        const char *verb;
    } others[] = {{KEY_VALIDATION, KEY_VALIDATION_SET, "validate"},
                  {KEY_TEST, KEY_TEST_SET, "test"}};
    size_t i;

    for (i = 0; i < ARRAY_LEN(others) && !way->fractions; i++) {
        if (config_number(config, others[i].fraction, 0) > 0) {
            config_refuse_key(err, others[i].fraction,
                              "%s (data.split.%s) say%s which rows %s: leave it out", way->what,
                              strrchr(config_keys[way->id].path, '/') + 1,
                              way->id == KEY_RANGES ? "" : "s", others[i].verb);
        }
        if (config_has(config, others[i].dataset)) {
            config_refuse_key(err, others[i].dataset,
                              "give either %s (data.split.%s) or a dataset, not both", way->what,
                              strrchr(config_keys[way->id].path, '/') + 1);
        }
    }
    if (json_is_true(config->values[KEY_STRATIFY].json)) {
        config_refuse_key(err, KEY_STRATIFY,
                          "%s (data.split.%s) say%s which row goes where: leave it out", way->what,
                          strrchr(config_keys[way->id].path, '/') + 1,
                          way->id == KEY_RANGES ? "" : "s");
    }
}

static void check_ways(const struct config *config, struct err *err)
{
    const struct way *first = NULL;
    size_t i;

    for (i = 0; i < ARRAY_LEN(ways); i++) {
        if (!config_has(config, ways[i].id)) {
            continue;
        }
        if (first == NULL) {
            first = &ways[i];
            check_way(config, first, err);
        } else {
            config_refuse_key(
                err, ways[i].id,
                "%s (data.split.%s) says already which row goes where: give one of the two",
                first->what, strrchr(config_keys[first->id].path, '/') + 1);
        }
    }
}

static void check_split(const struct config *config, struct err *err)
{
    double validation = config_number(config, KEY_VALIDATION, 0);
    double test = config_number(config, KEY_TEST, 0);

    check_stratify(config, err);
    check_window(config, err);
    check_ways(config, err);
    if (config_has(config, KEY_VALIDATION_SET) && validation > 0) {
        config_refuse_key(err, KEY_VALIDATION,
                          "validation_dataset validates: leave the fraction out");
    }
    if (config_has(config, KEY_TEST_SET) && test > 0) {
        config_refuse_key(err, KEY_TEST, "test_dataset tests: leave the fraction out");
    }
    if (validation + test >= 1) {
        config_refuse_key(err, KEY_SPLIT, "validation %g and test %g leave no rows to train on",
                          validation, test);
    }
}

/* No column may play two parts. */
static void check_columns(const struct config *config, struct err *err)
{
    static const struct {
        enum config_id id;
        const char *what;
    } parts[] = {{KEY_COLUMN, "say which row goes where"},
                 {KEY_GROUP, "keep rows together"},
                 {KEY_TIME, "be the time"},
                 {KEY_SAMPLE_WEIGHT, "weigh the rows"},
                 {KEY_OFFSET, "be the offset"}};
    json_t *taken = json_object();
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    CHK(taken != NULL);
    for (i = 0; i < config_n_texts(config, KEY_TARGET); i++) {
        CHK(json_object_set_new(taken, config_text_at(config, KEY_TARGET, i),
                                json_string("the target")) == 0);
    }
    for (i = 0; i < config_n_texts(config, KEY_EXCLUDE); i++) {
        const char *name = config_text_at(config, KEY_EXCLUDE, i);

        if (json_object_get(taken, name) != NULL) {
            char *pointer = xasprintf("/data/exclude/%zu", i);

            err_add(err, pointer, "\"%s\" is the target, it cannot be left out",
                    json_util_shown(name, shown));
            free(pointer);
        }
    }
    for (i = 0; i < ARRAY_LEN(parts); i++) {
        const char *name, *other;

        if (!config_has(config, parts[i].id)) {
            continue;
        }
        name = config_text_at(config, parts[i].id, 0);
        other = json_string_value(json_object_get(taken, name));
        if (other != NULL) {
            config_refuse_key(err, parts[i].id, "is %s, it cannot %s", other, parts[i].what);
        } else {
            CHK(json_object_set_new(taken, name,
                                    json_string(strrchr(config_keys[parts[i].id].path, '/') + 1)) ==
                0);
        }
    }
    json_decref(taken);
}

static void check_sampling(const struct config *config, struct err *err)
{
    bool some = config_choice(config, KEY_SAMPLING_TYPE, SAMPLE_NONE) != SAMPLE_NONE;

    if (config_has(config, KEY_SAMPLING) && !config->values[KEY_SAMPLING_TYPE].given) {
        config_refuse_key(err, KEY_SAMPLING_TYPE, "is required: %s",
                          config_keys[KEY_SAMPLING_TYPE].help);
    } else if (config_has(config, KEY_SAMPLING_RATIO) && !some) {
        config_refuse_key(err, KEY_SAMPLING_RATIO, "belongs to oversample and undersample");
    }
}

void config_check_data(struct config *config, struct err *err)
{
    check_sampling(config, err);
    check_data(config, err);
    check_split(config, err);
    check_columns(config, err);
}

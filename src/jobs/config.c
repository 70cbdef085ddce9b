/* The job config's way in: JSON text -> struct config; see config.h.
 *
 * config_parse reads everything the table knows, then looks at what the table cannot say:
 * layers, keys that need or exclude each other (config_relations.c), rows that came inside the
 * job. It goes on
 * after a problem, so that a client sees all of them at once. What depends on the data
 * (defaults, columns, classes) waits for config_resolve.
 *
 * A struct config belongs to one thread at a time. Its values point into its own tree.
 */
#include "jobs/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

#define SHA256_PREFIX "sha256:"

size_t config_n_texts(const struct config *config, enum config_id id)
{
    const json_t *json = config->values[id].json;

    return json == NULL ? 0 : json_is_array(json) ? json_array_size(json) : 1;
}

const char *config_text_at(const struct config *config, enum config_id id, size_t i)
{
    const json_t *json = config->values[id].json;

    return json_string_value(json_is_array(json) ? json_array_get(json, i) : json);
}

/* ---- architecture.hidden ---------------------------------------------------- */

static void read_layer(const json_t *json, struct buf *pointer, struct config_layer *layer,
                       struct err *err)
{
    struct config_value values[KEY_COUNT] = {{.given = false}};

    if (json_is_object(json)) {
        config_read_object(json, "architecture/hidden[]", pointer, values, err);
        if (!values[KEY_UNITS].given) {
            config_refuse(err, pointer, "units", "is required: the width of the layer");
        }
    } else if (json_is_number(json)) {
        config_read_value(json, KEY_UNITS, pointer, &values[KEY_UNITS], err);
    } else {
        char got[JSON_UTIL_SHOWN + 8];

        config_refuse(err, pointer, NULL, "must be a number of units or an object, got %s",
                      json_util_describe(json, got));
    }
    memcpy(layer->values, values + CONFIG_LAYER_FIRST, sizeof layer->values);
}

static void read_hidden(struct config *config, struct err *err)
{
    const json_t *hidden = config->values[KEY_HIDDEN].json;
    struct buf pointer = BUF_INIT;
    size_t n = json_array_size(hidden), i;

    if (!config_has(config, KEY_HIDDEN)) {
        return;
    }
    if (!json_is_array(hidden)) {
        char got[JSON_UTIL_SHOWN + 8];

        config_refuse_key(err, KEY_HIDDEN, "must be an array of layers, got %s",
               json_util_describe(hidden, got));
        return;
    }
    if (n > MLP_MAX_LAYERS) {
        config_refuse_key(err, KEY_HIDDEN, "has %zu layers, the limit is %d", n, MLP_MAX_LAYERS);
        return;
    }
    config->n_layers = n;
    config->layers = xcalloc(n > 0 ? n : 1, sizeof *config->layers);
    for (i = 0; i < n; i++) {
        buf_clear(&pointer);
        buf_puts(&pointer, "/architecture/hidden");
        json_util_pointer_index(&pointer, i);
        read_layer(json_array_get(hidden, i), &pointer, &config->layers[i], err);
    }
    buf_fini(&pointer);
}

/* ---- the whole ------------------------------------------------------------------ */

int config_parse(const char *text, size_t len, struct config **out, struct err *err)
{
    struct config *config;
    struct filter filter;
    struct buf pointer = BUF_INIT;
    json_t *root;

    if (json_util_parse(text, len, JSON_UTIL_MANY, &root, err) != 0) {
        return -1;
    }
    config = xcalloc(1, sizeof *config);
    config->magic = CONFIG_MAGIC;
    config->root = root;
    if (json_is_object(root)) {
        config_read_object(root, "", &pointer, config->values, err);
        read_hidden(config, err);
        config_read_preprocess(config, err);
        config_read_types(config, err);
        config_read_ranges(config, err);
        if (config_read_filter(config, &filter, err) == 0) {
            filter_fini(&filter); /* it is read again where the dataset is there */
        }
        config_check_relations(config, err);
        if (config->values[KEY_X].given && config->values[KEY_Y].given) {
            config->rows = config_inline_read(config, err);
        }
    } else {
        err_add(err, "", "the job must be an object, got an array");
    }
    buf_fini(&pointer);
    if (err_is(err)) {
        config_free(&config);
        return -1;
    }
    *out = config;
    return 0;
}

void config_free(struct config **config)
{
    struct config *c = *config;
    size_t i;

    if (c == NULL) {
        return;
    }
    CHK_OBJ(c, CONFIG_MAGIC);
    config_inline_free(&c->rows);
    for (i = 0; i < ARRAY_LEN(c->keys); i++) {
        free(c->keys[i]);
    }
    for (i = 0; i < SPLIT_PARTS; i++) {
        free(c->ranges[i]);
    }
    free(c->model_key);
    free(c->layers);
    free(c->columns);
    free(c->types);
    json_decref(c->root);
    c->magic = 0;
    free(c);
    *config = NULL;
}

const char *config_dataset_key(const struct config *config)
{
    return config->keys[0];
}

const char *config_validation_key(const struct config *config)
{
    return config->keys[1];
}

const char *config_test_key(const struct config *config)
{
    return config->keys[2];
}

const char *config_model_key(const struct config *config)
{
    return config->model_key;
}

const char *config_name(const struct config *config)
{
    return config_has(config, KEY_NAME) ? config_text_at(config, KEY_NAME, 0) : NULL;
}

int64_t config_priority(const struct config *config)
{
    return (int64_t)config_number(config, KEY_PRIORITY, 0);
}

const char *config_url(const struct config *config)
{
    return json_string_value(config->values[KEY_URL].json);
}

enum reader_format config_url_format(const struct config *config)
{
    return config->url_format;
}

const char *config_url_sha256(const struct config *config)
{
    return config->url_sha256[0] != '\0' ? config->url_sha256 : NULL;
}

void config_replace_url(struct config *config, const char *sha256)
{
    static const char *const gone[] = {"url", "format", "sha256"};
    json_t *data = json_object_get(config->root, "data");
    size_t i;

    CHK_OBJ(config, CONFIG_MAGIC);
    CHK(config_url(config) != NULL);
    config->values[KEY_URL] = config->values[KEY_FORMAT] = config->values[KEY_URL_SHA256] =
        (struct config_value){.given = false};
    for (i = 0; i < ARRAY_LEN(gone); i++) {
        (void)json_object_del(data, gone[i]); /* most often not all are there */
    }
    config->keys[0] = xasprintf(SHA256_PREFIX "%s", sha256);
    CHK(json_object_set_new(data, "dataset", json_string(config->keys[0])) == 0);
    config->values[KEY_DATASET] =
        (struct config_value){.given = true, .json = json_object_get(data, "dataset")};
}

/* "data" anew, the reference first: what people see in the job is in a sensible order. */
void config_replace_inline(struct config *config, const char *sha256)
{
    json_t *old = json_object_get(config->root, "data"), *data = json_object(), *target, *member;
    const char *key;
    size_t n, i;

    CHK_OBJ(config, CONFIG_MAGIC);
    CHK(config->rows != NULL && data != NULL);
    n = config_inline_n_targets(config->rows);
    if (n == 1) {
        target = json_string(config_inline_target(config->rows, 0));
    } else {
        target = json_array();
        for (i = 0; i < n; i++) {
            const char *name = config_inline_target(config->rows, i);

            CHK(json_array_append_new(target, json_string(name)) == 0);
        }
    }
    config->keys[0] = xasprintf(SHA256_PREFIX "%s", sha256);
    CHK(json_object_set_new(data, "dataset", json_string(config->keys[0])) == 0);
    CHK(json_object_set_new(data, "target", target) == 0);
    json_object_foreach(old, key, member)
    {
        if (strcmp(key, "x") != 0 && strcmp(key, "y") != 0 && strcmp(key, "features") != 0 &&
            strcmp(key, "target") != 0) {
            CHK(json_object_set(data, key, member) == 0);
        }
    }
    config->values[KEY_DATA].json = data;
    config->values[KEY_X] = config->values[KEY_Y] = config->values[KEY_FEATURES] =
        (struct config_value){.given = false};
    config->values[KEY_DATASET] =
        (struct config_value){.given = true, .json = json_object_get(data, "dataset")};
    config->values[KEY_TARGET] = (struct config_value){.given = true, .json = target};
    config_inline_free(&config->rows);
    CHK(json_object_set_new(config->root, "data", data) == 0); /* the old one goes with its rows */
}

char *config_text(const struct config *config)
{
    struct buf text = BUF_INIT;

    json_util_dump(&text, config->root);
    return buf_take(&text);
}

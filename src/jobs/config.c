/* The job config's way in: JSON text -> struct config; see config.h.
 *
 * config_parse reads everything the table knows, then looks at what the table cannot say:
 * layers, keys that need or exclude each other, rows that came inside the job. It goes on
 * after a problem, so that a client sees all of them at once. What depends on the data
 * (defaults, columns, classes) waits for config_resolve.
 *
 * A struct config belongs to one thread at a time. Its values point into its own tree.
 */
#include "jobs/config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
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

/* A problem at a key of the table. */
PRINTF(3, 4)
static void refuse(struct err *err, enum config_id id, const char *fmt, ...)
{
    char *pointer = xasprintf("/%s", config_keys[id].path), *detail;
    va_list ap;

    va_start(ap, fmt);
    detail = xvasprintf(fmt, ap);
    va_end(ap);
    err_add(err, pointer, "%s", detail);
    free(detail);
    free(pointer);
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
    *layer = (struct config_layer){
        .units = (size_t)values[KEY_UNITS].number,
        .has_activation = values[KEY_LAYER_ACTIVATION].json != NULL,
        .activation = (enum mlp_activation)values[KEY_LAYER_ACTIVATION].choice,
        .has_init = values[KEY_LAYER_INIT].json != NULL,
        .init = (enum mlp_init)values[KEY_LAYER_INIT].choice,
    };
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

        refuse(err, KEY_HIDDEN, "must be an array of layers, got %s",
               json_util_describe(hidden, got));
        return;
    }
    if (n > MLP_MAX_LAYERS) {
        refuse(err, KEY_HIDDEN, "has %zu layers, the limit is %d", n, MLP_MAX_LAYERS);
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

/* ---- keys that need or exclude each other ------------------------------------- */

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
    if (strncmp(text, SHA256_PREFIX, strlen(SHA256_PREFIX)) == 0) {
        const char *hex = text + strlen(SHA256_PREFIX);

        if (strlen(hex) != HASH_HEX_LEN - 1 ||
            strspn(hex, "0123456789abcdef") != HASH_HEX_LEN - 1) {
            refuse(err, id, "must have 64 hexadecimal digits (0-9, a-f) after \"sha256:\"");
        }
    }
    return xstrdup(text);
}

static void check_data(struct config *config, struct err *err)
{
    const struct config_value *v = config->values;
    bool inline_rows = v[KEY_X].given || v[KEY_Y].given;

    config->keys[0] = read_dataset_key(config, KEY_DATASET, err);
    config->keys[1] = read_dataset_key(config, KEY_VALIDATION_SET, err);
    config->keys[2] = read_dataset_key(config, KEY_TEST_SET, err);
    if (!v[KEY_DATA].given) {
        refuse(err, KEY_DATA, "is required: {\"dataset\": ..., \"target\": ...}, or x and y");
        return;
    }
    if (!config_has(config, KEY_DATA)) {
        return; /* its type is wrong, which was said */
    }
    if (inline_rows && v[KEY_DATASET].given) {
        refuse(err, KEY_X, "give either a dataset or x and y, not both");
        return;
    }
    if (!inline_rows && !v[KEY_DATASET].given) {
        refuse(err, KEY_DATA, "needs \"dataset\", or \"x\" and \"y\"");
        return;
    }
    if (inline_rows) {
        if (!v[KEY_X].given || !v[KEY_Y].given) {
            refuse(err, v[KEY_X].given ? KEY_Y : KEY_X, "is required: x and y go together");
        }
        return;
    }
    if (config_has(config, KEY_FEATURES)) {
        refuse(err, KEY_FEATURES,
               "names the columns of x; a dataset's columns are left out with \"exclude\"");
    }
    if (!v[KEY_TARGET].given) {
        refuse(err, KEY_TARGET, "is required: the column to predict");
    }
}

static void check_split(const struct config *config, struct err *err)
{
    const json_t *stratify = config->values[KEY_STRATIFY].json;
    bool column = config_has(config, KEY_COLUMN);
    double validation = config_number(config, KEY_VALIDATION, 0);
    double test = config_number(config, KEY_TEST, 0);

    if (stratify != NULL && !json_is_boolean(stratify) &&
        !(json_is_string(stratify) && strcmp(json_string_value(stratify), "auto") == 0)) {
        char got[JSON_UTIL_SHOWN + 8];

        refuse(err, KEY_STRATIFY, "must be true, false or \"auto\", got %s",
               json_util_describe(stratify, got));
    }
    if (column && validation > 0) {
        refuse(err, KEY_VALIDATION, "the split column says which rows validate: leave it out");
    }
    if (column && test > 0) {
        refuse(err, KEY_TEST, "the split column says which rows test: leave it out");
    }
    if (column && json_is_true(stratify)) {
        refuse(err, KEY_STRATIFY, "the split column says which row goes where: leave it out");
    }
    if (column && config_has(config, KEY_VALIDATION_SET)) {
        refuse(err, KEY_VALIDATION_SET, "give either a split column or a dataset, not both");
    }
    if (column && config_has(config, KEY_TEST_SET)) {
        refuse(err, KEY_TEST_SET, "give either a split column or a dataset, not both");
    }
    if (config_has(config, KEY_VALIDATION_SET) && validation > 0) {
        refuse(err, KEY_VALIDATION, "validation_dataset validates: leave the fraction out");
    }
    if (config_has(config, KEY_TEST_SET) && test > 0) {
        refuse(err, KEY_TEST, "test_dataset tests: leave the fraction out");
    }
    if (validation + test >= 1) {
        refuse(err, KEY_SPLIT, "validation %g and test %g leave no rows to train on", validation,
               test);
    }
}

/* No column may play two parts. */
static void check_columns(const struct config *config, struct err *err)
{
    size_t n = config_n_texts(config, KEY_TARGET), i;
    json_t *targets = json_object();

    CHK(targets != NULL);
    for (i = 0; i < n; i++) {
        CHK(json_object_set_new(targets, config_text_at(config, KEY_TARGET, i), json_true()) == 0);
    }
    for (i = 0; i < config_n_texts(config, KEY_EXCLUDE); i++) {
        const char *name = config_text_at(config, KEY_EXCLUDE, i);

        if (json_object_get(targets, name) != NULL) {
            char *pointer = xasprintf("/data/exclude/%zu", i), shown[JSON_UTIL_SHOWN];

            err_add(err, pointer, "\"%s\" is the target, it cannot be left out",
                    json_util_shown(name, shown));
            free(pointer);
        }
    }
    if (config_has(config, KEY_COLUMN) &&
        json_object_get(targets, config_text_at(config, KEY_COLUMN, 0)) != NULL) {
        refuse(err, KEY_COLUMN, "is the target, it cannot say which row goes where");
    }
    json_decref(targets);
}

static void check_optimizer(const struct config *config, struct err *err)
{
    static const enum config_id of_sgd[] = {KEY_MOMENTUM, KEY_NESTEROV};
    static const enum config_id of_adam[] = {KEY_BETA1, KEY_BETA2, KEY_EPSILON};
    bool adam = config_choice(config, KEY_OPTIMIZER_TYPE, MLP_ADAM) == MLP_ADAM;
    const enum config_id *others = adam ? of_sgd : of_adam;
    size_t n = adam ? ARRAY_LEN(of_sgd) : ARRAY_LEN(of_adam), i;

    if (config->values[KEY_OPTIMIZER_TYPE].given && !config_has(config, KEY_OPTIMIZER_TYPE)) {
        return; /* an unknown optimizer, which was said */
    }
    for (i = 0; i < n; i++) {
        if (config->values[others[i]].given) {
            refuse(err, others[i], "belongs to %s, and the optimizer is %s", adam ? "sgd" : "adam",
                   adam ? "adam" : "sgd");
        }
    }
    if (!adam && config_number(config, KEY_NESTEROV, 0) > 0 &&
        config_number(config, KEY_MOMENTUM, 0) <= 0) {
        refuse(err, KEY_NESTEROV, "needs a momentum > 0");
    }
}

static void check_relations(struct config *config, struct err *err)
{
    if (config_has(config, KEY_NAME) && !text_is_name(config_text_at(config, KEY_NAME, 0))) {
        refuse(err, KEY_NAME,
               "must be 1 to 64 letters, digits, '.', '_' or '-', begin with a letter or '_', and "
               "not be \"latest\"");
    }
    check_data(config, err);
    check_split(config, err);
    check_columns(config, err);
    check_optimizer(config, err);
}

/* ---- the whole ------------------------------------------------------------------ */

int config_parse(const char *text, size_t len, struct config **out, struct err *err)
{
    struct config *config;
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
        check_relations(config, err);
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
    free(c->layers);
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

const char *config_name(const struct config *config)
{
    return config_has(config, KEY_NAME) ? config_text_at(config, KEY_NAME, 0) : NULL;
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

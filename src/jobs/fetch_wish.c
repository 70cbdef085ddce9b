/* What a client wants fetched; see fetch_wish.h.
 *
 * The keys are those of an upload's query, with the same words and meanings, so that a table is
 * taken the same way whichever way it came. Every problem is told at its key, all at once.
 *
 * Any thread; no state.
 */
#include "jobs/fetch_wish.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "jobs/json_util.h"

static const char *const keys[] = {"url",    "name",      "replace", "format",  "sha256",
                                   "header", "delimiter", "types",   "missing", "missing_defaults",
                                   "arrays"};

bool fetch_wish_sha256(const char *text, char out[HASH_HEX_LEN])
{
    size_t i;

    if (strlen(text) != HASH_HEX_LEN - 1 ||
        strspn(text, "0123456789abcdefABCDEF") != HASH_HEX_LEN - 1) {
        return false;
    }
    for (i = 0; i < HASH_HEX_LEN; i++) {
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
    }
    return true;
}

/* The text at a key; NULL when it is absent, null or (which is told) no text. */
static const char *read_text(const json_t *root, const char *key, struct err *err)
{
    const json_t *value = json_object_get(root, key);
    char pointer[32] = "/", got[JSON_UTIL_SHOWN + 8];

    if (value == NULL || json_is_null(value)) {
        return NULL;
    }
    if (!json_is_string(value)) {
        (void)strncat(pointer, key, sizeof pointer - 2); /* the keys are short */
        (void)err_add(err, pointer, "must be a text, got %s", json_util_describe(value, got));
    }
    return json_string_value(value);
}

static bool read_bool(const json_t *root, const char *key, bool otherwise, struct err *err)
{
    const json_t *value = json_object_get(root, key);
    char pointer[32] = "/", got[JSON_UTIL_SHOWN + 8];

    if (value == NULL || json_is_null(value)) {
        return otherwise;
    }
    if (!json_is_boolean(value)) {
        (void)strncat(pointer, key, sizeof pointer - 2);
        (void)err_add(err, pointer, "must be true or false, got %s",
                      json_util_describe(value, got));
    }
    return json_is_true(value);
}

static void refuse_unknown(const json_t *root, struct err *err)
{
    const char *key, *nearest;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        struct buf pointer = BUF_INIT;

        (void)value;
        for (i = 0; i < ARRAY_LEN(keys) && strcmp(keys[i], key) != 0; i++) {
        }
        if (i < ARRAY_LEN(keys)) {
            continue;
        }
        json_util_pointer(&pointer, key);
        nearest = text_nearest(key, keys, ARRAY_LEN(keys));
        (void)err_add(err, pointer.data,
                      nearest != NULL ? "is unknown, did you mean \"%s\"?" : "is unknown%s",
                      nearest != NULL ? nearest : "");
        buf_fini(&pointer);
    }
}

static bool lacks(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);

    return value == NULL || json_is_null(value);
}

/* What the dataset is called, and where it comes from. */
static void read_names(const json_t *root, struct fetch_wish *out, struct err *err)
{
    const char *url = read_text(root, "url", err), *name = read_text(root, "name", err);
    const char *sha256 = read_text(root, "sha256", err);

    if (lacks(root, "url")) {
        (void)err_add(err, "/url", "is required: where the table is");
    }
    if (lacks(root, "name")) {
        (void)err_add(err, "/name", "is required: what the dataset is to be called");
    } else if (name != NULL && !text_is_name(name)) {
        (void)err_add(err, "/name",
                      "must start with a letter or _, have letters, digits, '.', '_', '-', at most "
                      "64, and not be \"latest\"");
    }
    if (sha256 != NULL && !fetch_wish_sha256(sha256, out->sha256)) {
        (void)err_add(err, "/sha256", "must be 64 hexadecimal digits");
    }
    out->replace = read_bool(root, "replace", false, err);
    out->url = url != NULL ? xstrdup(url) : NULL;
    out->name = name != NULL ? xstrdup(name) : NULL;
}

/* A parser of data/, whose problems are items already. */
static void keep(int rc, struct err *one, struct err *err)
{
    size_t i;

    for (i = 0; rc != 0 && i < one->n_items; i++) {
        (void)err_add(err, one->items[i].pointer, "%s", one->items[i].detail);
    }
    err_fini(one);
}

/* How its bytes are read. */
static void read_options(const json_t *root, struct fetch_wish *out, struct err *err)
{
    struct reader_options *options = &out->options;
    const char *format = read_text(root, "format", err), *types = read_text(root, "types", err);
    const char *delimiter = read_text(root, "delimiter", err);
    const char *missing = read_text(root, "missing", err), *arrays = read_text(root, "arrays", err);
    struct err one = ERR_INIT;

    if (format != NULL && !reader_format_parse(format, &options->format)) {
        (void)err_add(err, "/format", "must be " READER_NAMES);
    }
    if (delimiter != NULL) {
        if (strlen(delimiter) != 1 || strchr("\"\r\n", delimiter[0]) != NULL ||
            (unsigned char)delimiter[0] >= 0x80) {
            (void)err_add(err, "/delimiter",
                          "must be one ASCII character, not a quote or a line end");
        } else {
            options->csv.delimiter = delimiter[0];
            options->sniff_delimiter = false;
        }
    }
    options->csv.header = read_bool(root, "header", true, err);
    options->sniff_header = !json_is_boolean(json_object_get(root, "header"));
    options->csv.missing.defaults = read_bool(root, "missing_defaults", true, err);
    if (missing != NULL) {
        keep(missing_parse(&options->csv.missing, missing, &one), &one, err);
    }
    if (types != NULL) {
        keep(csv_types_parse(types, &options->csv, &one), &one, err);
    }
    out->arrays = arrays != NULL ? xstrdup(arrays) : NULL;
    options->arrays = out->arrays;
}

int fetch_wish_parse(const char *text, size_t len, struct fetch_wish *out, struct err *err)
{
    struct fetch_wish wish = FETCH_WISH_INIT;
    json_t *root = NULL;

    if (json_util_parse(text, len, JSON_UTIL_FEW, &root, err) != 0) {
        return -1;
    }
    if (json_is_object(root)) {
        refuse_unknown(root, err);
        read_names(root, &wish, err);
        read_options(root, &wish, err);
    } else {
        (void)err_add(err, "", "send {\"url\": ..., \"name\": ...}");
    }
    json_decref(root);
    if (err_is(err)) {
        fetch_wish_fini(&wish);
        return -1;
    }
    *out = wish;
    return 0;
}

void fetch_wish_fini(struct fetch_wish *wish)
{
    csv_options_fini(&wish->options.csv);
    free(wish->url);
    free(wish->name);
    free(wish->arrays);
    *wish = (struct fetch_wish)FETCH_WISH_INIT;
}

/* A small reader of JSON Schema for the contract test; see schema.h.
 *
 * Which properties were met is kept as a set of texts "address of the schema / name": schemas
 * live as long as the contract, so their addresses name them.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema.h"

static json_t *root;
static json_t *met;

__attribute__((destructor)) static void forget(void)
{
    json_decref(root);
    json_decref(met);
}

json_t *contract(void)
{
    if (root == NULL) {
        json_error_t err;

        root = json_load_file(source_path("docs/openapi.json"), JSON_REJECT_DUPLICATES, &err);
        ck_assert_msg(root != NULL, "docs/openapi.json:%d: %s", err.line, err.text);
        met = json_object();
    }
    return root;
}

json_t *schema_resolve(json_t *schema)
{
    const char *ref;

    while ((ref = json_string_value(json_object_get(schema, "$ref"))) != NULL) {
        ck_assert_msg(strncmp(ref, "#/", 2) == 0, "a reference outside: %s", ref);
        schema = json_find(contract(), ref + 1);
        ck_assert_msg(schema != NULL, "nothing at %s", ref);
    }
    return schema;
}

json_t *contract_operation(const char *path, const char *method)
{
    return json_object_get(json_object_get(json_object_get(contract(), "paths"), path), method);
}

json_t *contract_answer(json_t *operation, long status, const char *type)
{
    json_t *answer = schema_resolve(
        json_object_get(json_object_get(operation, "responses"), text("%ld", status)));

    return json_object_get(json_object_get(json_object_get(answer, "content"), type), "schema");
}

/* Of the connection and the body. */
static bool is_transport(const char *name)
{
    static const char *const names[] = {"Date",       "Connection",        "Content-Type",
                                        "Keep-Alive", "Transfer-Encoding", "Content-Length",
                                        "Content-Encoding"};

    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The headers of every answer are those with one value. */
static bool is_everywhere(json_t *header)
{
    return json_is_true(json_object_get(header, "required")) &&
           json_object_get(json_object_get(header, "schema"), "const") != NULL;
}

static char *header_misfit(json_t *named, json_t *all, const char *name, const char *value)
{
    json_t *header = schema_resolve(json_object_get(named, name)), *schema, *is;
    char *wrong;

    if (header == NULL && is_everywhere(json_object_get(all, name))) {
        header = json_object_get(all, name);
    }
    if (header == NULL) {
        return text("%s is not in the contract", name);
    }
    schema = json_object_get(header, "schema");
    is = json_is_string(json_object_get(schema, "type")) &&
                 strcmp(json_string_value(json_object_get(schema, "type")), "integer") == 0 &&
                 value[0] != '\0' && strspn(value, "0123456789") == strlen(value)
             ? json_integer(atoll(value))
             : json_string(value);
    wrong = schema_misfit(schema, is, name);
    json_decref(is);
    return wrong;
}

char *contract_headers_misfit(json_t *response, const struct reply *r)
{
    json_t *all = json_object_get(json_object_get(contract(), "components"), "headers"), *header;
    json_t *named = json_object_get(schema_resolve(response), "headers");
    const char *name;
    char *wrong;

    for (const char *line = strchr(r->headers, '\n'); line != NULL; line = strchr(line, '\n')) {
        size_t len = strcspn(++line, ":\r\n");

        name = text("%.*s", (int)len, line);
        if (line[len] == ':' && !is_transport(name) &&
            (wrong = header_misfit(named, all, name, reply_header(r, name))) != NULL) {
            return wrong;
        }
    }
    json_object_foreach(all, name, header)
    {
        bool wanted = json_object_get(named, name) != NULL
                          ? json_is_true(json_object_get(header, "required"))
                          : is_everywhere(header);

        if (wanted && reply_header(r, name) == NULL) {
            return text("%s is not there", name);
        }
    }
    return NULL;
}

json_t *contract_job(void)
{
    json_t *body =
        schema_resolve(json_object_get(contract_operation("/train", "post"), "requestBody"));
    json_t *schema = json_object_get(
        json_object_get(json_object_get(body, "content"), "application/json"), "schema");

    ck_assert_msg(schema != NULL, "the contract has no body for POST /train");
    return schema;
}

/* ---- one value ----------------------------------------------------------------------- */

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    default:
        return "null";
    }
}

static bool is_type(const char *wanted, const json_t *value)
{
    const char *is = type_name(value);

    return strcmp(wanted, is) == 0 || (strcmp(wanted, "number") == 0 && strcmp(is, "integer") == 0);
}

static bool fits_type(const json_t *type, const json_t *value)
{
    json_t *one;
    size_t i;

    if (json_is_string(type)) {
        return is_type(json_string_value(type), value);
    }
    json_array_foreach(type, i, one)
    {
        if (is_type(json_string_value(one), value)) {
            return true;
        }
    }
    return type == NULL;
}

static char *object_misfit(json_t *schema, const json_t *value, const char *where)
{
    json_t *properties = json_object_get(schema, "properties"), *key_json, *member;
    json_t *others = json_object_get(schema, "additionalProperties");
    const char *key;
    size_t i;

    json_array_foreach(json_object_get(schema, "required"), i, key_json)
    {
        if (json_object_get(value, json_string_value(key_json)) == NULL) {
            return text("%s: no \"%s\", which is required", where, json_string_value(key_json));
        }
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        json_t *property = json_object_get(properties, key);
        char *place = text("%s/%s", where, key), *wrong;

        if (property != NULL) {
            json_object_set_new(met, text("%p/%s", (void *)schema, key), json_true());
        } else if (json_is_object(others)) {
            property = others;
        } else if (properties != NULL && !json_is_true(others)) {
            return text("%s: not in the contract", place);
        }
        wrong = property != NULL ? schema_misfit(property, member, place) : NULL;
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

/* One of the alternatives must fit (all of them for allOf). */
static char *combined_misfit(json_t *alternatives, bool all, const json_t *value, const char *where)
{
    char *wrong = NULL, *why = text("%s", "");
    bool one_fits = false;
    json_t *schema;
    size_t i;

    json_array_foreach(alternatives, i, schema)
    {
        wrong = schema_misfit(schema, value, where);
        if (all && wrong != NULL) {
            return wrong;
        }
        one_fits = one_fits || wrong == NULL;
        why = wrong != NULL ? text("%s; %s", why, wrong) : why;
    }
    return one_fits || all ? NULL : text("%s: fits no alternative%s", where, why);
}

char *schema_misfit(json_t *schema, const json_t *value, const char *where)
{
    json_t *list, *item;
    char *wrong = NULL;
    size_t i;

    schema = schema_resolve(schema);
    if (json_is_boolean(schema)) {
        return json_is_true(schema) ? NULL : text("%s: must not be", where);
    }
    if (!fits_type(json_object_get(schema, "type"), value)) {
        return text("%s: is %s %s, the contract says %s", where, type_name(value), canonical(value),
                    canonical(json_object_get(schema, "type")));
    }
    list = json_object_get(schema, "enum");
    if (list != NULL) {
        bool found = false;

        json_array_foreach(list, i, item)
        {
            found = found || json_equal(item, value);
        }
        if (!found) {
            return text("%s: %s is none of %s", where, canonical(value), canonical(list));
        }
    }
    item = json_object_get(schema, "const");
    if (item != NULL && !json_equal(item, value)) {
        return text("%s: %s is not %s", where, canonical(value), canonical(item));
    }
    if ((list = json_object_get(schema, "allOf")) != NULL) {
        wrong = combined_misfit(list, true, value, where);
    }
    if (wrong == NULL && (list = json_object_get(schema, "oneOf")) != NULL) {
        wrong = combined_misfit(list, false, value, where);
    }
    if (wrong == NULL && (list = json_object_get(schema, "anyOf")) != NULL) {
        wrong = combined_misfit(list, false, value, where);
    }
    if (wrong == NULL && json_is_object(value)) {
        wrong = object_misfit(schema, value, where);
    }
    if (wrong == NULL && json_is_array(value) && json_object_get(schema, "items") != NULL) {
        json_array_foreach(value, i, item)
        {
            wrong = schema_misfit(json_object_get(schema, "items"), item,
                                  i < 3 ? text("%s/%zu", where, i) : where);
            if (wrong != NULL) {
                break;
            }
        }
    }
    return wrong;
}

/* ---- all properties ------------------------------------------------------------------- */

static const char *const nests[] = {"oneOf", "anyOf", "allOf"};

static void unseen(json_t *schema, const char *where, int depth,
                   void (*visit)(const char *where, void *arg), void *arg)
{
    json_t *property, *one;
    const char *key;
    size_t i;

    schema = schema_resolve(schema);
    if (schema == NULL || depth > 12) {
        return;
    }
    json_object_foreach(json_object_get(schema, "properties"), key, property)
    {
        char *place = text("%s/%s", where, key);

        if (json_object_get(met, text("%p/%s", (void *)schema, key)) == NULL) {
            visit(place, arg);
        } else {
            unseen(property, place, depth + 1, visit, arg);
        }
    }
    for (i = 0; i < COUNT(nests); i++) {
        size_t k;

        json_array_foreach(json_object_get(schema, nests[i]), k, one)
        {
            unseen(one, where, depth + 1, visit, arg);
        }
    }
    unseen(json_object_get(schema, "items"), text("%s/0", where), depth + 1, visit, arg);
    unseen(json_object_get(schema, "additionalProperties"), text("%s/*", where), depth + 1, visit,
           arg);
}

void schema_unseen(json_t *schema, const char *where, void (*visit)(const char *where, void *arg),
                   void *arg)
{
    contract();
    unseen(schema, where, 0, visit, arg);
}

void schema_walk(json_t *schema, const char *pointer,
                 void (*visit)(const char *pointer, json_t *property, void *arg), void *arg)
{
    json_t *property, *one;
    const char *key;
    size_t i;

    schema = schema_resolve(schema);
    json_object_foreach(json_object_get(schema, "properties"), key, property)
    {
        char *place = text("%s/%s", pointer, key);

        visit(place, schema_resolve(property), arg);
        schema_walk(property, place, visit, arg);
    }
    for (i = 0; i < COUNT(nests); i++) {
        size_t k;

        json_array_foreach(json_object_get(schema, nests[i]), k, one)
        {
            schema_walk(one, pointer, visit, arg);
        }
    }
    if (json_is_object(json_object_get(schema, "items"))) {
        schema_walk(json_object_get(schema, "items"), text("%s/0", pointer), visit, arg);
    }
}

/* Rows for two models of one small table, in every form that a client may send. */
#ifndef MLPD_TESTS_HTTP_ROWS_HELP_H
#define MLPD_TESTS_HTTP_ROWS_HELP_H

#include <jansson.h>

#include "data_help.h"
#include "http/rows.h"

static struct encoder *amounts, *kinds; /* a, kind -> y; a, kind -> label */
static const struct mlp_spec number_spec = {.n_outputs = 1, .loss = MLP_MSE};
static const struct mlp_spec class_spec = {.n_outputs = 3, .loss = MLP_CROSS_ENTROPY};

HELPER struct encoder *fitted(const struct dataset *ds, size_t target, bool is_classes)
{
    static const size_t features[] = {0, 1};
    static const uint64_t rows[] = {0, 1, 2, 3};
    struct encoder_options options = {.classes = is_classes,
                                      .n_features = 2,
                                      .features = features,
                                      .n_targets = 1,
                                      .targets = &target};
    struct encoder *e = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(encoder_fit(ds, &options, rows, 4, &e, NULL, &err) == 0, "%s", err.detail);
    return e;
}

HELPER void setup(void)
{
    struct dataset *ds;

    folder_make();
    ds = table("a,kind,y,label\n1,red,10,cat\n2,blue,20,dog\n3,red,30,eel\n4,blue,40,cat\n");
    amounts = fitted(ds, 2, false);
    kinds = fitted(ds, 3, true);
    dataset_free(&ds);
}

HELPER void teardown(void)
{
    encoder_free(&amounts);
    encoder_free(&kinds);
    folder_remove();
}

HELPER int from_json(struct rows *rows, const char *text, struct err *err)
{
    json_t *json = json_loads(text, 0, NULL);
    int rc;

    ck_assert_msg(json != NULL, "%s", text);
    rc = rows_read_json(rows, json, err);
    json_decref(json);
    return rc;
}

HELPER int from_csv(struct rows *rows, const char *text, struct err *err)
{
    char *copy = xstrdup(text);
    int rc = rows_read_csv(rows, copy, strlen(copy), err);

    free(copy);
    return rc;
}

HELPER int from_query(struct rows *rows, const char *text, struct err *err)
{
    struct query query;
    int rc;

    ck_assert_int_eq(query_parse(text, &query, err), 0);
    rc = rows_read_query(rows, &query, err);
    query_fini(&query);
    return rc;
}

HELPER int from_ndjson(struct rows *rows, const char *text, struct err *err)
{
    return rows_read_table(rows, READER_NDJSON, text, strlen(text), folder, 0, err);
}

HELPER int from_libsvm(struct rows *rows, const char *text, struct err *err)
{
    return rows_read_table(rows, READER_LIBSVM, text, strlen(text), folder, 0, err);
}

/* Whether some problem has that pointer (or column) and text. */
HELPER bool told(const struct err *err, const char *place, const char *detail)
{
    size_t i;

    for (i = 0; i < err->n_items; i++) {
        const struct err_item *item = &err->items[i];
        const char *at = item->pointer != NULL  ? item->pointer
                         : item->column != NULL ? item->column
                                                : "";

        if (strcmp(at, place) == 0 && strstr(item->detail, detail) != NULL) {
            return true;
        }
    }
    return false;
}

#endif

/* /datasets: list, one, rows, delete. Uploads are in api_datasets_post.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/api.h"
#include "http/dataset_json.h"
#include "http/respond.h"

#define ROWS_DEFAULT 50
#define CELLS_MOST   1000000 /* of one look at the rows */

static void write_upload(struct jw *w, const struct datasets_upload *upload)
{
    jw_object(w, NULL);
    jw_null(w, "id");
    jw_string(w, "name", upload->name);
    jw_string(w, "state", "uploading");
    jw_int(w, "rows", (int64_t)upload->rows);
    jw_int(w, "bytes", (int64_t)upload->bytes);
    jw_time(w, "started_at", upload->started_at);
    jw_end(w);
}

void api_datasets_list(struct request *req)
{
    static const char *const known[] = {"limit", "page_token", NULL};
    const struct server_context *c = req->context;
    struct datasets_upload *uploads = NULL;
    struct store_dataset *list = NULL;
    struct err err = ERR_INIT;
    struct api_page page;
    struct jw w = JW_INIT;
    size_t n = 0, n_uploads = 0, i;
    bool more = false;

    if (query_only(&req->query, known, &err) != 0 || api_page_read(req, &page, &err) != 0 ||
        c->store->ops->dataset_list(c->store, page.before_id, (size_t)page.limit, &list, &n, &more,
                                    &err) != 0) {
        respond_err(req, &err);
        goto out;
    }
    jw_object(&w, NULL);
    jw_array(&w, "datasets");
    for (i = 0; i < n; i++) {
        dataset_json_row(&w, NULL, &list[i]);
    }
    jw_end(&w);
    uploads = datasets_uploads(c->datasets, &n_uploads);
    jw_array(&w, "uploads");
    for (i = 0; i < n_uploads; i++) {
        write_upload(&w, &uploads[i]);
    }
    jw_end(&w);
    api_page_next(&w, more, n != 0 ? list[n - 1].id : 0);
    jw_end(&w);
    respond_json(req, MHD_HTTP_OK, &w);
out:
    free(uploads);
    jw_fini(&w);
    store_datasets_free(&list, n);
    err_fini(&err);
}

/* A name that is only being uploaded. */
static bool answer_upload(struct request *req)
{
    size_t n = 0, i;
    struct datasets_upload *uploads = datasets_uploads(req->context->datasets, &n);
    struct jw w = JW_INIT;
    bool found = false;

    for (i = 0; i < n && !found; i++) {
        found = strcmp(uploads[i].name, req->arg) == 0;
        if (found) {
            write_upload(&w, &uploads[i]);
            respond_json(req, MHD_HTTP_OK, &w);
        }
    }
    free(uploads);
    jw_fini(&w);
    return found;
}

/* The row and the opened file of {key}; both to be given back. */
static int open_key(struct request *req, struct store_dataset *row, const struct dataset **opened,
                    struct err *err)
{
    const struct server_context *c = req->context;

    if (c->store->ops->dataset_get(c->store, req->arg, row, err) != 0) {
        return -1;
    }
    return datasets_open(c->datasets, row->sha256, opened, err);
}

/* The column that `column` asks for; -1 for all. */
static int read_column(const struct request *req, const struct dataset *ds, ptrdiff_t *out,
                       struct err *err)
{
    const char *name = query_get(&req->query, "column");

    *out = name != NULL ? dataset_find(ds, name) : -1;
    return name == NULL || *out >= 0
               ? 0
               : err_set(err, ERR_NOT_FOUND, "the dataset has no column \"%.80s\"", name);
}

void api_datasets_get(struct request *req)
{
    static const char *const known[] = {"column", NULL};
    ptrdiff_t column = -1;
    struct store_dataset row = {.id = 0};
    const struct dataset *opened = NULL;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;

    if (query_only(&req->query, known, &err) == 0 && open_key(req, &row, &opened, &err) == 0 &&
        read_column(req, opened, &column, &err) == 0 &&
        dataset_json_whole(&w, req->context->store, &row, opened, column, &err) == 0) {
        respond_json(req, MHD_HTTP_OK, &w);
    } else if (err.code != ERR_NOT_FOUND || opened != NULL || !answer_upload(req)) {
        respond_err(req, &err);
    }
    if (opened != NULL) {
        datasets_put(req->context->datasets, &opened);
    }
    jw_fini(&w);
    store_dataset_fini(&row);
    err_fini(&err);
}

static void write_rows(struct request *req, const struct store_dataset *row,
                       const struct dataset *ds, int64_t offset, int64_t limit, struct err *err)
{
    uint64_t total = dataset_rows(ds), left, most = CELLS_MOST / dataset_n_columns(ds) + 1;
    struct jw w = JW_INIT;
    size_t i;

    left = (uint64_t)offset < total ? total - (uint64_t)offset : 0;
    left = left < (uint64_t)limit ? left : (uint64_t)limit;
    left = left < most ? left : most;
    jw_object(&w, NULL);
    jw_int(&w, "dataset_id", row->id);
    jw_int(&w, "offset", offset);
    jw_int(&w, "total", (int64_t)total);
    jw_array(&w, "columns");
    for (i = 0; i < dataset_n_columns(ds); i++) {
        jw_string(&w, NULL, dataset_column(ds, i)->name);
    }
    jw_end(&w);
    if (dataset_json_rows(&w, "rows", ds, (uint64_t)offset, (size_t)left, err) != 0) {
        respond_err(req, err);
    } else {
        jw_end(&w);
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
}

void api_datasets_rows(struct request *req)
{
    static const char *const known[] = {"offset", "limit", NULL};
    struct store_dataset row = {.id = 0};
    const struct dataset *opened = NULL;
    struct err err = ERR_INIT;
    int64_t offset = 0, limit = 0;

    if (query_only(&req->query, known, &err) != 0 ||
        query_int(&req->query, "offset", 0, INT64_MAX, 0, &offset, &err) != 0 ||
        query_int(&req->query, "limit", 1, API_PAGE_MOST, ROWS_DEFAULT, &limit, &err) != 0 ||
        open_key(req, &row, &opened, &err) != 0) {
        respond_err(req, &err);
    } else {
        write_rows(req, &row, opened, offset, limit, &err);
    }
    if (opened != NULL) {
        datasets_put(req->context->datasets, &opened);
    }
    store_dataset_fini(&row);
    err_fini(&err);
}

void api_datasets_delete(struct request *req)
{
    const struct server_context *c = req->context;
    struct store_dataset row = {.id = 0};
    struct err err = ERR_INIT;

    if (query_only(&req->query, NULL, &err) != 0 ||
        c->store->ops->dataset_get(c->store, req->arg, &row, &err) != 0 ||
        datasets_delete(c->datasets, row.id, &err) != 0) {
        respond_err(req, &err);
    } else {
        respond_empty(req, MHD_HTTP_NO_CONTENT);
    }
    store_dataset_fini(&row);
    err_fini(&err);
}

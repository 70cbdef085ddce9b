/* The body of a request that brings rows; see rows_body.h. On the request's own thread. */
#include "http/rows_body.h"

#include <string.h>

#include "data/unpack.h"
#include "http/media.h"
#include "http/respond.h"
#include "jobs/json_util.h"

void rows_request_end(struct request *req, struct rows_request *r)
{
    if (err_is(&r->err)) {
        respond_err(req, &r->err);
    }
    json_decref(r->root);
    rows_fini(&r->rows);
    if (r->servable != NULL) {
        servable_put(&r->servable);
    }
    err_fini(&r->err);
}

/* The array of "instances", which must be the body's only key. */
static int find_instances(const json_t *root, const char *other, const json_t **out,
                          struct err *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(root)) {
        return err_add(err, "", "must be an object: {\"instances\": [...]}");
    }
    /* the macro wants a pointer that is not const, and only reads */
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        if (err_full(err)) {
            break;
        }
        if (strcmp(key, "instances") != 0) {
            struct buf pointer = BUF_INIT;

            json_util_pointer(&pointer, key);
            (void)err_add(err, pointer.data, "is not known here; send {\"instances\": [...]}%s",
                          other);
            buf_fini(&pointer);
        }
    }
    *out = json_object_get(root, "instances");
    if (*out == NULL) {
        return err_is(err) ? -1 : err_add(err, "/instances", "is missing");
    }
    if (!json_is_array(*out) || json_array_size(*out) == 0) {
        return err_add(err, "/instances", "must be an array of at least one row");
    }
    return err_is(err) ? -1 : 0;
}

static int read_json_rows(struct rows *rows, const json_t *root, const char *other, struct err *err)
{
    const json_t *instances = NULL;

    return find_instances(root, other, &instances, err) != 0 ? -1
                                                             : rows_read_json(rows, instances, err);
}

/* The format of a body that is a table; READER_FORMATS: it is JSON. */
static enum reader_format body_format(const struct request *req)
{
    enum reader_format format = READER_FORMATS;

    (void)media_format(request_header(req, "Content-Type"), &format);
    return format != READER_LOOK || req->body.data == NULL
               ? format
               : reader_look(req->body.data, req->body.len, true);
}

/* The body is not needed any more; bulk answers are long. */
static void drop_body(struct request *req)
{
    buf_fini(&req->body);
}

/* ---- packed rows ---- */

struct plain {
    struct request *req;
    struct buf bytes;
};

static int take_plain(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct plain *plain = arg;

    if (request_reserve(plain->req, len, err) != 0) {
        return -1;
    }
    return buf_append(&plain->bytes, bytes, len) == 0
               ? 0
               : err_set(err, ERR_NO_MEMORY, "no memory for these rows");
}

/* A table may come packed, as it may to POST /datasets; plain it is no longer than a body may be,
 * and comes out of the same budget. */
static int unpack_body(struct request *req, struct err *err)
{
    struct plain plain = {.req = req};
    struct unpack *u;
    int rc;

    if (req->body.len < 2 || memcmp(req->body.data, "\x1f\x8b", 2) != 0) {
        return 0;
    }
    u = unpack_new(req->context->max_body, take_plain, &plain);
    rc = unpack_feed(u, req->body.data, req->body.len, err) != 0 ? -1 : unpack_finish(u, err);
    unpack_free(&u);
    if (rc == 0) {
        drop_body(req);
        req->body = plain.bytes;
    } else {
        buf_fini(&plain.bytes);
    }
    return rc;
}

int rows_body_parse(struct request *req, json_t **root, struct err *err)
{
    *root = NULL;
    return body_format(req) != READER_FORMATS
               ? unpack_body(req, err)
               : json_util_parse(req->body.data != NULL ? req->body.data : "", req->body.len,
                                 JSON_UTIL_MANY, root, err);
}

/* How many rows the body may hold at most. */
static size_t most_rows(const struct request *req, const struct rows *rows, const json_t *root)
{
    const char *p = req->body.data, *end = p + req->body.len;
    size_t n = 0;

    if (root != NULL) {
        return json_array_size(json_object_get(root, "instances"));
    }
    switch (body_format(req)) {
    case READER_NPZ: /* packed */
        return rows->limit;
    case READER_NPY:
    case READER_IDX: /* a byte a cell, or more */
        return req->body.len / rows->n_inputs + 1;
    default: /* a line a row */
        for (; p != NULL && p < end; n++) {
            p = memchr(p, '\n', (size_t)(end - p));
            p = p != NULL ? p + 1 : end;
        }
        return n;
    }
}

/* Room for the encoded rows comes out of the budget before it is taken. */
static int reserve_rows(struct request *req, const struct rows *rows, const json_t *root,
                        struct err *err)
{
    size_t n = most_rows(req, rows, root);

    n = n < rows->limit ? n : rows->limit;
    return request_reserve(req, n * encoder_n_inputs(rows->encoder) * sizeof(float), err);
}

static int read_table_rows(struct request *req, struct rows *rows, struct err *err)
{
    enum reader_format format = body_format(req);
    char nothing[1] = "", *text = req->body.data != NULL ? req->body.data : nothing;

    return format == READER_CSV || format == READER_TSV
               ? rows_read_csv(rows, text, req->body.len, err)
               : rows_read_table(rows, format, text, req->body.len,
                                 datasets_dir(req->context->datasets), req->context->max_body, err);
}

int rows_body_read(struct request *req, struct rows *rows, json_t **root, const char *other,
                   struct err *err)
{
    int rc = reserve_rows(req, rows, *root, err);

    if (rc == 0) {
        rc = *root != NULL ? read_json_rows(rows, *root, other, err)
                           : read_table_rows(req, rows, err);
    }
    json_decref(*root);
    *root = NULL;
    drop_body(req);
    return rc;
}

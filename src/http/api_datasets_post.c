/* POST /datasets: a table streamed into a dataset file.
 *
 * The body never lies in memory: pieces go from the connection through gunzip (when the first
 * two bytes say so) into the CSV reader, which writes a temporary file. All on one server thread,
 * the connection's. Room on the disk is asked for at the start and again as the bytes come, so
 * that one upload cannot take what jobs were promised. What must hold: an upload that ends early,
 * however, leaves no file, no row and no ticket; api_datasets_free sees to that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/csv.h"
#include "http/api.h"
#include "http/dataset_json.h"
#include "http/gunzip.h"
#include "http/respond.h"
#include "jobs/room.h"

#define LOOK_BYTES (4u << 20) /* of plain text between two looks at the disk */

struct upload {
    char name[65];
    bool replace;
    bool registered; /* `ticket` is to be ended */
    int64_t ticket;
    struct csv_reader *reader;
    struct gunzip *gunzip; /* NULL: plain text, or not known yet */
    unsigned char magic[2];
    size_t n_magic; /* how many of the first two bytes are in */
    uint64_t bytes; /* plain ones */
    uint64_t limit;
    const char *state; /* the folder whose disk it goes to; NULL: not looked at */
    struct room room;
    uint64_t looked_at; /* bytes at the last look at the room */
};

static int read_name(const struct request *req, struct upload *upload, struct err *err)
{
    const char *name = query_get(&req->query, "name");

    if (name == NULL || !text_is_name(name)) {
        (void)err_set(err, ERR_SYNTAX, "query parameter name is %s",
                      name == NULL ? "missing" : "no name for a dataset");
        return err_add(err, "/name",
                       name == NULL
                           ? "is needed: POST /datasets?name=..."
                           : "must start with a letter or _, have letters, digits, '.', '_', '-', "
                             "at most 64, and not be \"latest\"");
    }
    memcpy(upload->name, name, strlen(name) + 1); /* a name has at most 64 bytes */
    return 0;
}

static int read_options(const struct request *req, struct upload *upload,
                        struct csv_options *options, struct err *err)
{
    const char *delimiter = query_get(&req->query, "delimiter");
    const char *types = query_get(&req->query, "types");
    const char *missing = query_get(&req->query, "missing");

    if (query_bool(&req->query, "replace", false, &upload->replace, err) != 0 ||
        query_bool(&req->query, "header", true, &options->header, err) != 0 ||
        query_bool(&req->query, "missing_defaults", true, &options->missing.defaults, err) != 0) {
        return -1;
    }
    if (delimiter != NULL) {
        if (strlen(delimiter) != 1 || strchr("\"\r\n", delimiter[0]) != NULL ||
            (unsigned char)delimiter[0] >= 0x80) {
            (void)err_set(err, ERR_SYNTAX, "query parameter delimiter must be one character");
            return err_add(err, "/delimiter",
                           "must be one ASCII character, not a quote or a line end (a tab is "
                           "%%09, a semicolon %%3B)");
        }
        options->delimiter = delimiter[0];
    }
    if (read_name(req, upload, err) != 0 ||
        (missing != NULL && missing_parse(&options->missing, missing, err) != 0)) {
        return -1;
    }
    return types != NULL ? csv_types_parse(types, options, err) : 0;
}

static int look_at_room(struct upload *upload, const struct server_context *c, struct err *err)
{
    upload->state = c->limits.state;
    if (upload->state == NULL) {
        return 0;
    }
    return room_look(c->store, upload->state, c->limits.disk_reserve, &upload->room, err) != 0
               ? -1
               : room_for(&upload->room, 0, "a dataset", err);
}

static int look_again(struct upload *upload, struct err *err)
{
    if (upload->state == NULL || upload->bytes - upload->looked_at < LOOK_BYTES) {
        return 0;
    }
    upload->looked_at = upload->bytes;
    return room_look_again(upload->state, &upload->room, err) != 0
               ? -1
               : room_for(&upload->room, 0, "the rest of the dataset", err);
}

int api_datasets_begin(struct request *req, struct err *err)
{
    static const char *const known[] = {"name",    "header",  "delimiter",        "types",
                                        "replace", "missing", "missing_defaults", NULL};
    struct csv_options options = CSV_OPTIONS_INIT;
    struct datasets *datasets = req->context->datasets;
    struct upload *upload = xcalloc(1, sizeof *upload);
    int rc = -1;

    req->upload = upload;
    upload->limit = req->context->max_dataset;
    if (query_only(&req->query, known, err) == 0 && read_options(req, upload, &options, err) == 0 &&
        look_at_room(upload, req->context, err) == 0 &&
        datasets_upload_begin(datasets, upload->name, &upload->ticket, err) == 0) {
        upload->registered = true;
        rc = csv_reader_new(datasets_dir(datasets), &options, &upload->reader, err);
    }
    csv_options_fini(&options);
    return rc;
}

static int take_plain(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct upload *upload = arg;

    upload->bytes += len;
    if (upload->bytes > upload->limit) {
        return err_set(err, ERR_TOO_LARGE,
                       "the table has more than %" PRIu64 " bytes, which is the limit",
                       upload->limit);
    }
    return look_again(upload, err) != 0 ? -1 : csv_reader_feed(upload->reader, bytes, len, err);
}

static int take(struct upload *upload, const void *bytes, size_t len, struct err *err)
{
    return upload->gunzip != NULL ? gunzip_feed(upload->gunzip, bytes, len, take_plain, upload, err)
                                  : take_plain(upload, bytes, len, err);
}

/* The first two bytes are held back until both are there: they tell gzip from text. */
static int take_first(struct upload *upload, struct err *err)
{
    if (upload->n_magic == 2 && upload->magic[0] == 0x1f && upload->magic[1] == 0x8b) {
        upload->gunzip = gunzip_new();
    }
    return upload->n_magic != 0 ? take(upload, upload->magic, upload->n_magic, err) : 0;
}

int api_datasets_feed(struct request *req, const void *bytes, size_t len, struct err *err)
{
    struct upload *upload = req->upload;
    const unsigned char *p = bytes;
    int rc = 0;

    if (upload->n_magic < 2) {
        while (len != 0 && upload->n_magic < 2) {
            upload->magic[upload->n_magic++] = *p++;
            len--;
        }
        rc = upload->n_magic == 2 ? take_first(upload, err) : 0;
    }
    if (rc == 0 && len != 0) {
        rc = take(upload, p, len, err);
    }
    datasets_upload_progress(req->context->datasets, upload->ticket,
                             csv_reader_rows(upload->reader), upload->bytes);
    return rc;
}

void api_datasets_free(struct request *req)
{
    struct upload *upload = req->upload;

    if (upload == NULL) {
        return;
    }
    csv_reader_free(&upload->reader);
    gunzip_free(&upload->gunzip);
    if (upload->registered) {
        datasets_upload_end(req->context->datasets, upload->ticket);
    }
    free(upload);
    req->upload = NULL;
}

static int finish(struct upload *upload, struct dataset_summary *summary, struct err *err)
{
    if (upload->n_magic < 2 && take_first(upload, err) != 0) {
        return -1;
    }
    if (upload->gunzip != NULL && gunzip_finish(upload->gunzip, err) != 0) {
        return -1;
    }
    return csv_reader_finish(upload->reader, summary, err);
}

void api_datasets_post(struct request *req)
{
    const struct server_context *c = req->context;
    struct upload *upload = req->upload;
    struct store_dataset row = {.id = 0};
    const struct dataset *opened = NULL;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    bool created = false;
    char key[24];
    int64_t id = 0;

    if (finish(upload, &summary, &err) != 0 ||
        datasets_open(c->datasets, summary.sha256, &opened, &err) != 0 ||
        datasets_add(c->datasets, upload->name, &summary, dataset_n_columns(opened),
                     upload->replace, &id, &created, &err) != 0) {
        respond_err(req, &err);
        goto out;
    }
    (void)snprintf(key, sizeof key, "%" PRId64, id);
    if (c->store->ops->dataset_get(c->store, key, &row, &err) != 0) {
        respond_err(req, &err);
        goto out;
    }
    dataset_json_write(&w, NULL, &row, opened, -1);
    if (created) {
        respond_header(req, "Location", "/datasets/%" PRId64, id);
    }
    respond_json(req, created ? MHD_HTTP_CREATED : MHD_HTTP_OK, &w);
out:
    if (opened != NULL) {
        datasets_put(c->datasets, &opened);
    }
    api_datasets_free(req);
    jw_fini(&w);
    store_dataset_fini(&row);
    err_fini(&err);
}

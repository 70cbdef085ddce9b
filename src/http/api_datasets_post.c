/* POST /datasets: a table streamed into a dataset file; and POST /datasets/{key}/rows: the same
 * behind the rows of one that is there, into a new version of it.
 *
 * The body never lies in memory: pieces go from the connection through the form around them, if
 * there is one, into jobs/intake. All on one server thread, the connection's. What must hold: an
 * upload that ends early, however, leaves no file, no row and no ticket; api_datasets_free sees to
 * that.
 *
 * A body of JSON asks for a fetch instead: api_fetch.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/api.h"
#include "http/dataset_json.h"
#include "http/media.h"
#include "http/multipart.h"
#include "http/respond.h"
#include "jobs/intake.h"

struct upload {
    char name[65];
    bool replace;
    bool registered; /* `ticket` is to be ended */
    int64_t ticket;
    /* appending: what is appended to */
    struct store_dataset parent;
    const struct dataset *base; /* NULL: nothing, it is a table of its own */
    struct intake *intake;
    struct multipart *form; /* NULL: the body is the table */
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

/* The format: what ?format= says, else the media type; else the first bytes will tell. */
static int read_format(const struct request *req, struct reader_options *options, struct err *err)
{
    const char *format = query_get(&req->query, "format");

    options->arrays = query_get(&req->query, "arrays");
    if (format == NULL) {
        (void)media_format(request_header(req, "Content-Type"), &options->format);
        return 0;
    }
    if (!reader_format_parse(format, &options->format)) {
        (void)err_set(err, ERR_SYNTAX, "query parameter format must be " READER_NAMES);
        return err_add(err, "/format", "must be " READER_NAMES);
    }
    return 0;
}

static int read_options(const struct request *req, struct reader_options *reader, struct err *err)
{
    const char *delimiter = query_get(&req->query, "delimiter");
    struct csv_options *options = &reader->csv;

    if (query_bool(&req->query, "header", true, &options->header, err) != 0) {
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
    reader->sniff_delimiter = delimiter == NULL;
    reader->sniff_header = query_get(&req->query, "header") == NULL;
    return read_format(req, reader, err);
}

/* What says how a new table is to be taken. */
static int read_schema(const struct request *req, struct upload *upload,
                       struct csv_options *options, struct err *err)
{
    const char *types = query_get(&req->query, "types");
    const char *missing = query_get(&req->query, "missing");

    if (query_bool(&req->query, "replace", false, &upload->replace, err) != 0 ||
        query_bool(&req->query, "missing_defaults", true, &options->missing.defaults, err) != 0 ||
        read_name(req, upload, err) != 0 ||
        (missing != NULL && missing_parse(&options->missing, missing, err) != 0)) {
        return -1;
    }
    return types != NULL ? csv_types_parse(types, options, err) : 0;
}

/* What is there already says it: its columns, their types, its words for no value. */
static int open_base(const struct request *req, struct upload *upload, struct csv_options *options,
                     struct err *err)
{
    const struct server_context *c = req->context;

    if (c->store->ops->dataset_get(c->store, req->arg, &upload->parent, err) != 0 ||
        datasets_open(c->datasets, upload->parent.sha256, &upload->base, err) != 0) {
        return -1;
    }
    if (upload->parent.name != NULL) {
        (void)snprintf(upload->name, sizeof upload->name, "%s", upload->parent.name);
    }
    missing_copy(&options->missing, dataset_missing(upload->base));
    options->base = upload->base;
    return 0;
}

int api_datasets_begin(struct request *req, struct err *err)
{
    static const char *const known[] = {"name",    "header",  "delimiter",        "types",
                                        "replace", "missing", "missing_defaults", "format",
                                        "arrays",  NULL};
    static const char *const of_rows[] = {"header", "delimiter", "format", "arrays", NULL};
    bool appends = req->route->id == ROUTE_datasets_append;
    const char *type = request_header(req, "Content-Type");
    struct reader_options options = READER_OPTIONS_INIT;
    struct datasets *datasets = req->context->datasets;
    struct upload *upload = xcalloc(1, sizeof *upload);
    struct intake_limits limits = {.most_bytes = req->context->max_dataset,
                                   .state = req->context->limits.state,
                                   .reserve = req->context->limits.disk_reserve};
    int rc = -1;

    options.csv.in_turns = true; /* this thread has other clients too */
    req->upload = upload;
    if (query_only(&req->query, appends ? of_rows : known, err) == 0 &&
        read_options(req, &options, err) == 0 &&
        (appends ? open_base(req, upload, &options.csv, err)
                 : read_schema(req, upload, &options.csv, err)) == 0 &&
        datasets_upload_begin(datasets, upload->name, &upload->ticket, err) == 0) {
        upload->registered = true;
        limits.before = (uint64_t)upload->parent.bytes;
        rc = intake_new(datasets, &options, &limits, &upload->intake, err);
    }
    if (rc == 0 && media_is(type, "multipart/form-data")) {
        rc = multipart_new(type, &upload->form, err);
    }
    csv_options_fini(&options.csv);
    return rc;
}

static int take_bytes(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct upload *upload = arg;

    return intake_feed(upload->intake, bytes, len, err);
}

static int begin_part(void *arg, const char *name, struct err *err)
{
    struct upload *upload = arg;

    return intake_part(upload->intake, name, err);
}

int api_datasets_feed(struct request *req, const void *bytes, size_t len, struct err *err)
{
    struct upload *upload = req->upload;
    const struct multipart_sink parts = {.part = begin_part, .bytes = take_bytes, .arg = upload};
    int rc = upload->form != NULL ? multipart_feed(upload->form, bytes, len, &parts, err)
                                  : take_bytes(upload, bytes, len, err);

    datasets_upload_progress(req->context->datasets, upload->ticket,
                             reader_rows(intake_reader(upload->intake)),
                             intake_bytes(upload->intake));
    return rc;
}

void api_datasets_free(struct request *req)
{
    struct upload *upload = req->upload;

    if (upload == NULL) {
        return;
    }
    intake_free(&upload->intake);
    multipart_free(&upload->form);
    if (upload->base != NULL) {
        datasets_put(req->context->datasets, &upload->base);
    }
    store_dataset_fini(&upload->parent);
    if (upload->registered) {
        datasets_upload_end(req->context->datasets, upload->ticket);
    }
    free(upload);
    req->upload = NULL;
}

static int finish(struct upload *upload, struct dataset_summary *summary, struct err *err)
{
    if (upload->form != NULL && multipart_finish(upload->form, err) != 0) {
        return -1;
    }
    return intake_finish(upload->intake, summary, err);
}

/* How the bytes were taken, where the client left it to us. */
static void tell_how(struct request *req, const struct reader *reader)
{
    const struct csv_options *csv = reader_csv(reader);

    if (reader_format(reader) != READER_CSV && reader_format(reader) != READER_TSV) {
        respond_header(req, "Mlpd-Read-As", "%s", reader_format_name(reader_format(reader)));
    } else if (csv->delimiter > ' ' && csv->delimiter < 0x7f) {
        respond_header(req, "Mlpd-Read-As", "csv; delimiter=\"%c\"; header=%s", csv->delimiter,
                       csv->header ? "true" : "false");
    } else {
        respond_header(req, "Mlpd-Read-As", "csv; delimiter=%%%02X; header=%s", csv->delimiter,
                       csv->header ? "true" : "false");
    }
}

static void answer_upload(struct request *req, struct upload *upload)
{
    const struct server_context *c = req->context;
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
        (upload->base != NULL
             ? datasets_append(c->datasets, &upload->parent, &summary, &id, &err)
             : datasets_add(c->datasets, upload->name, &summary, dataset_n_columns(opened),
                            upload->replace, &id, &created, &err)) != 0) {
        respond_err(req, &err);
        goto out;
    }
    (void)snprintf(key, sizeof key, "%" PRId64, id);
    if (c->store->ops->dataset_get(c->store, key, &row, &err) != 0 ||
        dataset_json_whole(&w, c->store, &row, opened, -1, &err) != 0) {
        respond_err(req, &err);
        goto out;
    }
    created = created || upload->base != NULL;
    if (created) {
        respond_header(req, "Location", "/datasets/%" PRId64, id);
    }
    tell_how(req, intake_reader(upload->intake));
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

void api_datasets_post(struct request *req)
{
    if (req->upload != NULL) {
        answer_upload(req, req->upload);
    } else {
        api_fetch(req);
    }
}

void api_datasets_append(struct request *req)
{
    answer_upload(req, req->upload);
}

/* Runs the cases of table.h, and writes down what the daemon said.
 *
 * The baseline is taken in the setup of a program, before check forks; each test compares.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"

static size_t base_files, base_datasets;
static int64_t base_newest_job;

static int64_t newest_job(void)
{
    struct reply *r = want(http_get("/jobs?limit=1"), 200);

    return length(r, "/jobs") == 0 ? 0 : integer(r, "/jobs/0/id");
}

static size_t files(void)
{
    return folder_entries(text("%s/datasets", target->state));
}

static size_t datasets(void)
{
    return length(want(http_get("/datasets?limit=500"), 200), "/datasets");
}

void bad_baseline(void)
{
    base_files = files();
    base_datasets = datasets();
    base_newest_job = newest_job();
}

void bad_check_unchanged(const char *name)
{
    daemon_must_live(target);
    want(http_get("/healthz"), 200);
    ck_assert_msg(newest_job() == base_newest_job, "%s: made a job", name);
    ck_assert_msg(datasets() == base_datasets, "%s: made a dataset", name);
    ck_assert_msg(files() == base_files, "%s: left %zu files in datasets/, %zu before", name,
                  files(), base_files);
}

/* One cell: no bars, no line ends, no control characters, at most `most` bytes. */
static char *cell(const char *s, size_t most)
{
    struct {
        char *data;
        size_t n;
    } out = {keep(calloc(1, 2 * most + 8)), 0};

    for (size_t i = 0; s[i] != '\0' && i < most; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '|') {
            out.data[out.n++] = '\\';
        }
        out.data[out.n++] = c < 32 || c == 127 ? ' ' : (char)c;
    }
    if (strlen(s) > most) {
        strncat(out.data, "...", 4);
    }
    return out.data;
}

/* One error with its place. */
static char *one_error(const json_t *e)
{
    const char *pointer = json_string_value(json_object_get(e, "pointer"));
    const char *detail = json_string_value(json_object_get(e, "detail"));

    return pointer != NULL && pointer[0] != '\0' ? text("%s: %s", pointer, detail)
                                                 : text("%s", detail);
}

/* What the daemon said: the errors with their places, or else the detail. */
static char *said(const struct reply *r)
{
    const char *detail = json_string_value(json_object_get(r->json, "detail"));
    json_t *errors = json_object_get(r->json, "errors"), *e;
    size_t n = json_array_size(errors), i;
    char *all = text("%s", "");

    json_array_foreach(errors, i, e)
    {
        all = text("%s%s%s", all, i > 0 ? "; " : "", one_error(e));
    }
    if (n > 0) {
        return all;
    }
    return text("%s", detail != NULL ? detail : "");
}

static void write_row(const char *name, const char *shown, const struct reply *r)
{
    const char *path = getenv("BAD_INPUT_TABLE");
    const char *code;
    struct stat st;
    char *row;
    int fd;

    if (path == NULL || path[0] == '\0') {
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    ck_assert_msg(fd >= 0, "cannot write %s", path);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    /* a job that failed has no status of HTTP, but a code of its own */
    code = json_string_value(json_object_get(r->json, "code"));
    row =
        text("%s| %s | `%s` | %s | %s |\n",
             st.st_size == 0 ? "| case | request | status | what the daemon said |\n"
                               "| --- | --- | --- | --- |\n"
                             : "",
             cell(name, 80), cell(shown, 110),
             code != NULL ? text("failed: %s", code) : text("%ld", r->status), cell(said(r), 500));
    ck_assert_int_eq(write(fd, row, strlen(row)), (ssize_t)strlen(row));
    close(fd);
}

void bad_record(const char *name, const char *shown, const struct reply *r)
{
    write_row(name, shown, r);
    bad_check_unchanged(name);
}

/* Whether one of the errors has the wanted place in a table. */
static void check_place(const struct bad_case *c, const struct reply *r)
{
    json_t *e;
    size_t i;

    json_array_foreach(json_object_get(r->json, "errors"), i, e)
    {
        const char *column = json_string_value(json_object_get(e, "column"));

        if ((c->row == 0 || json_integer_value(json_object_get(e, "row")) == c->row) &&
            (c->line == 0 || json_integer_value(json_object_get(e, "line")) == c->line) &&
            (c->column == NULL || (column != NULL && strcmp(column, c->column) == 0))) {
            return;
        }
    }
    if (c->row != 0 || c->line != 0 || c->column != NULL) {
        ck_abort_msg("%s: no error with row %lld, line %lld, column %s: %.1000s", c->name,
                     (long long)c->row, (long long)c->line, c->column != NULL ? c->column : "(any)",
                     r->body);
    }
}

void bad_case_run(const struct bad_case *c)
{
    const char *body = c->make != NULL                      ? c->make()
                       : c->type == NULL && c->body != NULL ? q("%s", c->body)
                                                            : c->body;
    struct request request = {.method = c->method,
                              .path = c->path,
                              .type = c->type,
                              .body = body,
                              .len = c->len,
                              .chunked = c->chunked};
    struct reply *r;
    const char *shown = c->shown;

    if (shown == NULL) {
        shown = text("%s %s %s", c->method, c->path, body != NULL ? body : "");
    }
    r = http_send(&request);
    if (r->status != c->status) {
        ck_abort_msg("%s: wanted %ld, got %ld: %.1500s", c->name, c->status, r->status, r->body);
    }
    want_problem_at(r, c->status, c->pointer, c->fragment, c->name, 0);
    check_place(c, r);
    if (c->status == 405) {
        ck_assert_msg(reply_header(r, "Allow") != NULL, "%s: no Allow", c->name);
    }
    bad_record(c->name, shown, r);
}

/* What the log says of requests: ids that answers carry too, a line for each request, an audit line
 * for whatever may change something, and no secret.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

static struct daemon d;
static char token[128], token_id[16]; /* of the scope admin */

/* The token is made before the daemon starts, in its state folder. */
static void start(void)
{
    char *state = scratch_path("logs-state");
    const char *out = NULL;

    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "admin",
                                                      "--state", state, NULL},
                                &out, NULL),
                     0);
    ck_assert_int_eq(sscanf(out, "%127s", token), 1);
    ck_assert_int_eq(sscanf(token, "mlpd_%12[^_]_", token_id), 1);
    daemon_start(&d, state, (const char *const[]){"--workers", "1", "--log-level", "debug", NULL});
    upload_example("iris");
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- lines of the log ---------------------------------------------------------------- */

/* The line that holds both, or NULL; the test's. */
static char *find_line(const char *a, const char *b)
{
    char *log = file_read(d.log, NULL), *line;

    while ((line = strsep(&log, "\n")) != NULL) {
        if (strstr(line, a) != NULL && strstr(line, b) != NULL) {
            return line;
        }
    }
    return NULL;
}

/* The same, and it may still be on its way. */
static char *wait_for_line(const char *a, const char *b)
{
    double deadline = now_seconds() + 10 * PATIENCE;
    char *line;

    while ((line = find_line(a, b)) == NULL) {
        ck_assert_msg(now_seconds() < deadline, "no line with %s and %s in the log", a, b);
        pause_briefly();
    }
    return line;
}

static void says(const char *line, const char *part)
{
    ck_assert_msg(strstr(line, part) != NULL, "no %s in: %s", part, line);
}

static struct reply *ask(const char *method, const char *path, const char *id, const char *body,
                         const char *type)
{
    return http_send(
        &(struct request){.method = method,
                          .path = path,
                          .body = body,
                          .type = type,
                          .headers = (const char *const[]){text("X-Request-Id: %s", id), NULL}});
}

/* ---- ids --------------------------------------------------------------------------------- */

static bool is_ours(const char *id)
{
    return id != NULL && strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16;
}

START_TEST(every_answer_has_an_id)
{
    static const struct request requests[] = {
        {.path = "/healthz"},
        {.path = "/datasets"},
        {.path = "/openapi.json"},
        {.path = "/datasets/iris/rows"},
        {.path = "/datasets", .method = "HEAD"},
        {.path = "/datasets", .method = "OPTIONS"},
        {.path = "/datasets", .method = "PUT"},
        {.path = "/nothing"},
        {.path = "/%ff%00"},
        {.path = "/jobs/77"},
        {.path = "/jobs?limit=x"},
        {.path = "/train", .method = "POST", .body = "{"},
        {.path = "/train", .method = "POST", .body = "x", .type = "text/plain"},
        {.path = "/jobs/77", .method = "DELETE"},
    };
    char *seen = text("%s", " ");

    for (size_t i = 0; i < COUNT(requests); i++) {
        struct reply *r = http_send(&requests[i]);
        const char *id = reply_header(r, "X-Request-Id");

        ck_assert_msg(is_ours(id), "%s: %s", requests[i].path, r->headers);
        ck_assert_msg(strstr(seen, id) == NULL, "%s came twice", id);
        seen = text("%s%s ", seen, id);
        (void)wait_for_line(text(" req=%s ", id), "msg=\"request\"");
    }
}
END_TEST

START_TEST(a_clients_id_is_taken)
{
    static const char longest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._";
    static const char *const good[] = {"a", "0", "-", "A.b_c-9", longest};

    ck_assert_uint_eq(strlen(longest), 64);
    for (size_t i = 0; i < COUNT(good); i++) {
        struct reply *r = ask("GET", "/jobs", good[i], NULL, NULL);

        ck_assert_str_eq(reply_header(r, "X-Request-Id"), good[i]);
        (void)wait_for_line(text(" req=%s ", good[i]), "route=\"/jobs\"");
    }
}
END_TEST

START_TEST(what_is_no_id_is_replaced)
{
    static const char *const bad[] = {
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", /* 65 */
        "a b",
        "a\"b",
        "a=b",
        "a,b",
        "caf\xc3\xa9",
        "a/b",
        "<script>",
        "a\tb"};
    char *request;
    struct reply *r;

    for (size_t i = 0; i < COUNT(bad); i++) {
        r = want(ask("GET", "/jobs", bad[i], NULL, NULL), 200);
        ck_assert_msg(is_ours(reply_header(r, "X-Request-Id")), "%s", bad[i]);
        ck_assert_ptr_null(find_line(text("req=%s", bad[i]), ""));
    }
    request = text("GET /jobs HTTP/1.1\r\nHost: %s:%s\r\nX-Request-Id: one\r\nX-Request-Id: "
                   "two\r\n\r\n",
                   d.host, d.port);
    r = want(raw_exchange(request, strlen(request)), 200);
    ck_assert(is_ours(reply_header(r, "X-Request-Id")));
    request = text("GET /jobs HTTP/1.1\r\nHost: %s:%s\r\nX-Request-Id: \r\n\r\n", d.host, d.port);
    r = want(raw_exchange(request, strlen(request)), 200);
    ck_assert(is_ours(reply_header(r, "X-Request-Id")));
}
END_TEST

/* ---- a line a request -------------------------------------------------------------------- */

START_TEST(a_request_leaves_a_line)
{
    struct reply *r = want(ask("GET", "/datasets/iris?x=secret", "line-1", NULL, NULL), 400);
    char *line = wait_for_line(" req=line-1 ", "msg=\"request\"");

    says(line, " level=debug ");
    says(line, "method=\"GET\" route=\"/datasets/{key}\" status=400 ms=");
    says(line, text(" bytes=%zu", r->len));
    ck_assert_ptr_null(strstr(line, "secret"));
    ck_assert_ptr_null(strstr(line, "early"));
    /* what is streamed, nothing at all, and what is nowhere */
    r = want(ask("GET", text("/models/%lld/weights", (long long)trained(train(XOR_JOB("")))),
                 "line-2", NULL, NULL),
             200);
    says(wait_for_line(" req=line-2 ", "msg=\"request\""), text(" bytes=%zu", r->len));
    want(ask("HEAD", "/datasets/iris", "line-3", NULL, NULL), 200);
    says(wait_for_line(" req=line-3 ", "msg=\"request\""), " bytes=0");
    want(ask("GET", "/such/is/life", "line-4", NULL, NULL), 404);
    line = wait_for_line(" req=line-4 ", "msg=\"request\"");
    says(line, "route=\"none\" status=404");
    ck_assert_ptr_null(strstr(line, "life"));
}
END_TEST

/* A client that goes away in its body. */
START_TEST(an_early_end_is_said)
{
    char *request = text("POST /train HTTP/1.1\r\nHost: %s:%s\r\nX-Request-Id: gone\r\n"
                         "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
                         d.host, d.port);
    int fd = raw_open();

    raw_write(fd, request, strlen(request));
    close(fd);
    says(wait_for_line(" req=gone ", "msg=\"request\""), " status=0 ");
    says(wait_for_line(" req=gone ", "msg=\"request\""), " ended=early");
}
END_TEST

/* ---- audit ------------------------------------------------------------------------------- */

/* For each route of the table that is not safe: its audit line is there when its answer is, with
 * what the answer says; for each that is: there is none. */
START_TEST(each_change_of_state_leaves_an_audit_line)
{
    char *def = file_read(source_path("src/http/routes.def"), NULL);
    size_t unsafe = 0, safe = 0;

    for (char *p = def; (p = strstr(p, "\nROUTE(")) != NULL; p++) {
        char name[64], method[16], pattern[128], *path, *line, *brace;
        bool changes;
        struct reply *r;

        ck_assert_int_eq(
            sscanf(p, "\nROUTE(%63[a-z_], \"%15[A-Z]\", \"%127[^\"]\"", name, method, pattern), 3);
        changes = strcmp(method, "GET") != 0 && strcmp(name, "models_predict_rows") != 0 &&
                  strcmp(name, "models_trace") != 0;
        brace = strchr(pattern, '{');
        path = brace == NULL ? pattern
                             : text("%.*s%s%s", (int)(brace - pattern), pattern, "424242",
                                    strchr(brace, '}') + 1);
        /* no body is good for all: each is refused or done in its own way */
        r = ask(method, path, text("audit-%s", name), strcmp(method, "POST") == 0 ? "{}" : NULL,
                NULL);
        line = find_line(text(" req=audit-%s ", name), " audit=true ");
        if (!changes) {
            ck_assert_msg(line == NULL, "%s", line);
            safe++;
            continue;
        }
        unsafe++;
        ck_assert_msg(line != NULL, "no audit line of %s", name);
        says(line, " level=info ");
        says(line, text(" audit=true token=- route=%s ", name));
        says(line, text(" status=%ld result=%s", r->status,
                        r->status < 400   ? "done"
                        : r->status < 500 ? "refused"
                                          : "failed"));
        if (brace != NULL) {
            says(line, " object=\"424242\" ");
        }
    }
    ck_assert_uint_ge(unsafe, 12);
    ck_assert_uint_ge(safe, 15);
    want(http_poke("/queue/resume"), 200);
}
END_TEST

START_TEST(an_audit_line_names_what_was_made)
{
    struct reply *r = want(ask("POST", "/train", "made-1", q(XOR_JOB("")), NULL), 202);
    char *id = text(" object=\"%lld\" ", (long long)integer(r, "/id"));

    says(find_line(" req=made-1 ", " audit=true "), id);
    says(find_line(" req=made-1 ", " audit=true "), " status=202 result=done");
    (void)wait_for_job(integer(r, "/id"), "succeeded");
    r = want(ask("POST", "/datasets?name=made", "made-2", "a,b\n1,2\n3,4\n", "text/csv"), 201);
    says(find_line(" req=made-2 ", " audit=true "),
         text(" object=\"%lld\" ", (long long)integer(r, "/id")));
    want(ask("DELETE", "/datasets/made", "made-3", NULL, NULL), 204);
    says(find_line(" req=made-3 ", " audit=true "), " object=\"made\" status=204 result=done");
}
END_TEST

/* Who did it stands there, and what only they may know does not: anywhere in the log. */
START_TEST(an_audit_line_names_the_token)
{
    struct request request = {
        .method = "DELETE",
        .path = "/jobs/424242",
        .headers = (const char *const[]){"X-Request-Id: who",
                                         text("Authorization: Bearer %s", token), NULL}};

    want(http_send(&request), 404);
    says(find_line(" req=who ", " audit=true "), text(" token=%s route=jobs_delete ", token_id));
    request.headers = (const char *const[]){"Authorization: Bearer mlpd_aaaaaaaaaaaa_not-so-secret",
                                            "X-Request-Id: nobody", NULL};
    want(http_send(&request), 401);
    request.headers =
        (const char *const[]){"Authorization: Basic not-so-secret", "X-Request-Id: nobody", NULL};
    want(http_send(&request), 401);
    says(find_line(" req=nobody ", " audit=true "), " level=debug "); /* nothing was changed */
    says(find_line(" req=nobody ", "a token was refused"), " level=warn ");
    ck_assert_ptr_null(find_line(strchr(token, '_') + 1 + strlen(token_id), ""));
    ck_assert_ptr_null(find_line("not-so-secret", ""));
    ck_assert_ptr_null(find_line("Bearer", ""));
}
END_TEST

/* ---- levels ------------------------------------------------------------------------------ */

/* At the level that a service has: what failed, and what may have changed something. */
START_TEST(at_info_only_what_matters)
{
    struct daemon quiet = {.pid = 0}, *before = target;
    char *was = d.log;
    struct reply *r;

    daemon_start(&quiet, NULL, (const char *const[]){"--workers", "1", "--max-queued", "1", NULL});
    d.log = quiet.log;
    want(ask("GET", "/jobs", "quiet-1", NULL, NULL), 200);
    want(ask("POST", "/train", "quiet-2", slow_job(FOREVER, 1, ""), NULL), 202);
    do { /* one runs, one waits, and there is no room for a third */
        r = ask("POST", "/train", "quiet-3", slow_job(FOREVER, 1, ""), NULL);
    } while (r->status == 202);
    want(r, 503);
    says(wait_for_line(" req=quiet-3 ", "msg=\"request\""), " level=info ");
    says(wait_for_line(" req=quiet-3 ", "msg=\"request\""), " route=\"/train\" status=503 ");
    says(find_line(" req=quiet-3 ", " status=503 result=failed"), " level=info ");
    ck_assert_ptr_null(find_line("req=quiet-1", ""));
    ck_assert_ptr_null(find_line("req=quiet-2", "msg=\"request\""));
    daemon_stop(&quiet);
    d.log = was;
    target = before;
}
END_TEST

/* Each line begins with its priority where that is asked for, or where the journal reads. */
START_TEST(priorities_for_a_journal)
{
    struct daemon other = {.pid = 0}, *before = target;
    char *log, *line;
    size_t n = 0;

    daemon_start(&other, NULL, (const char *const[]){"--log-prefix", "--log-level=debug", NULL});
    daemon_stop(&other);
    log = file_read(other.log, NULL);
    while ((line = strsep(&log, "\n")) != NULL && *line != '\0') {
        ck_assert_msg(strncmp(line, "<6>time=", 8) == 0 || strncmp(line, "<7>time=", 8) == 0 ||
                          strncmp(line, "<4>time=", 8) == 0,
                      "%s", line);
        ck_assert_int_eq(line[1] == '7', strstr(line, " level=debug ") != NULL);
        n++;
    }
    ck_assert_uint_ge(n, 3);
    target = before;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_logs");
    TCase *tc = case_with("logs", start, stop);

    tcase_add_test(tc, every_answer_has_an_id);
    tcase_add_test(tc, a_clients_id_is_taken);
    tcase_add_test(tc, what_is_no_id_is_replaced);
    tcase_add_test(tc, a_request_leaves_a_line);
    tcase_add_test(tc, an_early_end_is_said);
    tcase_add_test(tc, each_change_of_state_leaves_an_audit_line);
    tcase_add_test(tc, an_audit_line_names_what_was_made);
    tcase_add_test(tc, an_audit_line_names_the_token);
    tcase_add_test(tc, at_info_only_what_matters);
    tcase_add_test(tc, priorities_for_a_journal);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

/* Every route, by every method, with every kind of token and every kind of sender: what the daemon
 * answers is computed here from its own table of routes, and what it refused must have changed
 * nothing.
 *
 * A request that should be refused is one that would do something: it names real things and has a
 * good body. One that should be let in names things that are not there, so that the store is the
 * same afterwards too. Refused tokens are counted by address, so each request of those comes from a
 * loopback address of its own.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/route.h"
#include "access.h"
#include "schema.h"

static struct daemon open_daemon, closed_daemon; /* without and with --require-token */
static bool needed;                              /* whether the one asked needs tokens */

/* ---- the axes -------------------------------------------------------------------------- */

static const char *const methods[] = {"GET",   "HEAD",    "POST",  "PUT", "DELETE",
                                      "PATCH", "OPTIONS", "TRACE", "BREW"};

/* The scope that a credential has; SCOPE_OPEN: none. */
static enum route_scope scope_of(enum credential c)
{
    switch (c) {
    case READ:
        return SCOPE_READ;
    case PREDICT:
        return SCOPE_PREDICT;
    case TRAIN:
        return SCOPE_TRAIN;
    case ADMIN:
        return SCOPE_ADMIN;
    default:
        return SCOPE_OPEN;
    }
}

/* In the lines, @ is host:port, and # the port. */
static const struct sender {
    const char *name, *lines;
    bool host_is_ours, same_site;
} senders[] = {
    {"our host", "Host: @\r\n", true, true},
    {"localhost", "Host: localhost:#\r\n", true, true},
    {"another host", "Host: evil.example\r\n", false, true},
    {"our host with another port", "Host: 127.0.0.1:1\r\n", false, true},
    {"a name that begins like ours", "Host: localhost.evil.example:#\r\n", false, true},
    {"our origin", "Host: @\r\nOrigin: http://@\r\n", true, true},
    {"another origin", "Host: @\r\nOrigin: http://evil.example\r\n", true, false},
    {"no origin of a sandbox", "Host: @\r\nOrigin: null\r\n", true, false},
    {"the origin of another port", "Host: @\r\nOrigin: http://127.0.0.1:1\r\n", true, false},
    {"same-origin", "Host: @\r\nSec-Fetch-Site: same-origin\r\n", true, true},
    {"none", "Host: @\r\nSec-Fetch-Site: none\r\n", true, true},
    {"same-site", "Host: @\r\nSec-Fetch-Site: same-site\r\n", true, false},
    {"cross-site", "Host: @\r\nSec-Fetch-Site: cross-site\r\n", true, false},
    {"cross-site with our origin", "Host: @\r\nOrigin: http://@\r\nSec-Fetch-Site: cross-site\r\n",
     true, false},
    {"a word for the site", "Host: @\r\nSec-Fetch-Site: \r\n", true, false},
};

struct point {
    const char *pattern, *method;
    enum credential credential;
    const struct sender *sender;
};

/* ---- what must be answered -------------------------------------------------------------- */

enum { LET_IN = 0 };

static bool is_safe(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

static const struct route *route_of(const char *pattern, const char *method)
{
    size_t n;
    const struct route *table = route_table(&n);
    const char *as = strcmp(method, "HEAD") == 0 ? "GET" : method;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].pattern, pattern) == 0 && strcmp(table[i].method, as) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static long expected(const struct point *p)
{
    const struct route *route = route_of(p->pattern, p->method);
    bool probe = strcmp(p->pattern, "/healthz") == 0 || strcmp(p->pattern, "/readyz") == 0;

    if (p->credential == TWICE) {
        return 400;
    }
    if ((!p->sender->host_is_ours && !probe) || (!is_safe(p->method) && !p->sender->same_site)) {
        return 403;
    }
    if (route == NULL) {
        return strcmp(p->method, "OPTIONS") == 0 ? 204 : 405;
    }
    if (route->scope == SCOPE_OPEN || (p->credential == NONE && !needed)) {
        return LET_IN;
    }
    if (scope_of(p->credential) == SCOPE_OPEN) {
        return 401;
    }
    return scope_of(p->credential) < route->scope ? 403 : LET_IN;
}

/* ---- asking ------------------------------------------------------------------------------- */

/* A connection from another loopback address each time. */
static int connect_anew(void)
{
    static uint32_t serial = 0x7f000100;
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    from.sin_addr.s_addr = htonl(serial++);
    to.sin_port = htons((uint16_t)strtoul(target->port, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* All of the answer until the daemon closes: the part up to 64 KiB. */
static char *ask(const char *request)
{
    static char answer[65536];
    double deadline = now_seconds() + 30 * PATIENCE;
    int fd = connect_anew();
    size_t len = 0;
    ssize_t n = 1;

    raw_write(fd, request, strlen(request));
    while (n > 0 && len < sizeof(answer) - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        ck_assert_msg(now_seconds() < deadline, "no answer to:\n%s", request);
        if (poll(&p, 1, 100) > 0) {
            n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    close(fd);
    answer[len] = '\0';
    return answer;
}

/* A pattern with a real thing in it, or one that is not there. */
static char *filled(const char *pattern, bool real)
{
    const char *open = strchr(pattern, '{');
    const char *id = !real                                   ? "999999"
                     : strncmp(pattern, "/jobs", 5) == 0     ? ids[ID_JOB]
                     : strncmp(pattern, "/models", 7) == 0   ? ids[ID_MODEL]
                     : strncmp(pattern, "/datasets", 9) == 0 ? ids[ID_DATASET]
                                                             : "1";

    return open == NULL
               ? text("%s", pattern)
               : text("%.*s%s%s", (int)(open - pattern), pattern, id, strchr(open, '}') + 1);
}

/* A body that would do something, if `real`; else one that does nothing. */
static const char *body_of(const char *pattern, bool real, const char **type)
{
    *type = strcmp(pattern, "/datasets") == 0 ? "text/csv" : "application/json";
    if (!real) {
        return "{}";
    }
    return strcmp(pattern, "/train") == 0 ? q("%s", XOR_JOB(""))
           : strcmp(pattern, "/datasets") == 0
               ? "a,b\n1,2\n3,4\n"
               : (strstr(pattern, "/evaluate") != NULL ? "{\"dataset\": \"iris\"}" : "{}");
}

static char *with_host(const char *lines)
{
    char *out = text("%s", "");

    for (const char *p = lines; *p != '\0';) {
        size_t len = strcspn(p, "@#");

        out = text("%s%.*s%s%s%s", out, (int)len, p, p[len] == '@' ? target->host : "",
                   p[len] == '@' ? ":" : "", p[len] != '\0' ? target->port : "");
        p += len + (p[len] != '\0');
    }
    return out;
}

static char *request_of(const struct point *p, bool real)
{
    const char *type, *body = body_of(p->pattern, real, &type);
    char *sender = with_host(p->sender->lines);
    char *head = text(
        "%s %s%s HTTP/1.1\r\n%s%sConnection: close\r\n", p->method, filled(p->pattern, real),
        strcmp(p->pattern, "/datasets") == 0 && strcmp(p->method, "POST") == 0 ? "?name=sneaked"
                                                                               : "",
        sender, credentials[p->credential]);

    return strcmp(p->method, "GET") == 0 || strcmp(p->method, "HEAD") == 0
               ? text("%s\r\n", head)
               : text("%sContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", head, type,
                      strlen(body), body);
}

/* Refusals say what would help, and nothing more. */
static void check_words(const struct point *p, long status, const char *answer)
{
    const struct route *route = route_of(p->pattern, p->method);
    const char *challenge = strstr(answer, "\r\nWWW-Authenticate: ");
    const char *wanted = NULL;

    if (status == 401) {
        wanted = p->credential == NONE ? "Bearer\r\n" : "Bearer error=\"invalid_token\"\r\n";
    } else if (status == 403 && p->sender->host_is_ours &&
               (is_safe(p->method) || p->sender->same_site)) {
        wanted = text("Bearer error=\"insufficient_scope\", scope=\"%s\"\r\n",
                      route_scope_name(route->scope));
    }
    ck_assert_msg((challenge != NULL) == (wanted != NULL) &&
                      (wanted == NULL || strncmp(challenge + strlen("\r\nWWW-Authenticate: "),
                                                 wanted, strlen(wanted)) == 0),
                  "%s %s, %s: %.400s", p->method, p->pattern, p->sender->name, answer);
    ck_assert_ptr_null(strstr(answer, "Access-Control-"));
    ck_assert_ptr_null(strstr(answer, "Set-Cookie"));
}

/* Whether it is let in or not, and in what words. */
static void try_one(const struct point *p)
{
    long wanted = expected(p), status = 0;
    char *request = request_of(p, wanted != LET_IN), *answer = ask(request);
    bool good;

    ck_assert_msg(sscanf(answer, "HTTP/1.1 %ld", &status) == 1, "no answer to:\n%s", request);
    good = wanted != LET_IN
               ? status == wanted
               : status != 401 && status != 403 && status != 405 && status != 429 && status < 500;
    ck_assert_msg(good, "wanted %ld with %s, got:\n%.600s\nfor:\n%s", wanted, p->sender->name,
                  answer, request);
    if (wanted != LET_IN) {
        check_words(p, status, answer);
    }
}

/* ---- the store, as one text ---------------------------------------------------------------- */

static char *looked(const char *path)
{
    char *answer = ask(text("GET %s HTTP/1.1\r\nHost: %s:%s\r\n%sConnection: close\r\n\r\n", path,
                            target->host, target->port, credentials[ADMIN]));

    ck_assert_msg(strncmp(answer, "HTTP/1.1 200", 12) == 0, "%s: %.300s", path, answer);
    return text("%s", strstr(answer, "\r\n\r\n") + 4);
}

static char *queue_now(void)
{
    char *service = looked("/service"), *queue = strstr(service, "\"queue\"");

    ck_assert_ptr_nonnull(queue);
    return text("%.*s", (int)strcspn(queue, "}"), queue);
}

static char *store_now(void)
{
    return text("%s%s%s%s%s", looked("/jobs"), looked("/models"), looked("/datasets"),
                looked(text("/models/%s", ids[ID_MODEL])), queue_now());
}

static void start_open(void)
{
    access_start(&open_daemon, false);
    needed = false;
    target = &open_daemon;
}

static void start_closed(void)
{
    access_start(&closed_daemon, true);
    needed = true;
    target = &closed_daemon;
}

static void stop_open(void)
{
    daemon_retire(&open_daemon);
    access_forget();
}

static void stop_closed(void)
{
    daemon_retire(&closed_daemon);
    access_forget();
}

/* Each path once: the table has it for each of its methods. */
static bool is_first(const struct route *table, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(table[k].pattern, table[i].pattern) == 0) {
            return false;
        }
    }
    return true;
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Each method of a path, by some of the senders with some of the credentials; and nothing is
 * another after it. */
static void try_path(const char *pattern, size_t first_sender, size_t end_sender,
                     const enum credential *some, size_t n_some)
{
    char *before = store_now();

    for (size_t m = 0; m < COUNT(methods); m++) {
        for (size_t s = first_sender; s < end_sender; s++) {
            for (size_t c = 0; c < n_some; c++) {
                try_one(&(struct point){pattern, methods[m], some[c], &senders[s]});
            }
        }
    }
    (void)ask(text("POST /queue/resume HTTP/1.1\r\nHost: %s:%s\r\n%sConnection: close\r\n\r\n",
                   target->host, target->port, credentials[ADMIN]));
    want_same(before, store_now());
    test_end();
}

static void try_paths(size_t first_sender, size_t end_sender, const enum credential *some,
                      size_t n_some)
{
    size_t n;
    const struct route *table = route_table(&n);

    for (size_t i = 0; i < n; i++) {
        if (is_first(table, i)) {
            try_path(table[i].pattern, first_sender, end_sender, some, n_some);
        }
    }
}

/* What each token may do. */
static void try_tokens(void)
{
    enum credential all[CREDENTIALS];

    for (size_t c = 0; c < CREDENTIALS; c++) {
        all[c] = (enum credential)c;
    }
    try_paths(0, 1, all, COUNT(all));
}

/* Who may ask at all: the best token does not help another site. */
static void try_senders(void)
{
    static const enum credential some[] = {NONE, ADMIN, WRONG};

    try_paths(1, COUNT(senders), some, COUNT(some));
}

START_TEST(tokens_on_loopback)
{
    try_tokens();
}
END_TEST

START_TEST(senders_on_loopback)
{
    try_senders();
}
END_TEST

START_TEST(tokens_where_one_is_needed)
{
    try_tokens();
}
END_TEST

START_TEST(senders_where_a_token_is_needed)
{
    try_senders();
}
END_TEST

/* HTTP/1.1 without Host, and HTTP/1.0, which needs none. */
START_TEST(without_a_host)
{
    size_t n;
    const struct route *table = route_table(&n);
    char *before = store_now();

    for (size_t i = 0; i < n; i++) {
        for (int version = 0; version < 2; version++) {
            bool probe = strcmp(table[i].pattern, "/healthz") == 0 ||
                         strcmp(table[i].pattern, "/readyz") == 0;
            char *answer = ask(text("%s %s HTTP/1.%d\r\n%sConnection: close\r\nContent-Length: "
                                    "0\r\n\r\n",
                                    table[i].method, filled(table[i].pattern, true), version,
                                    credentials[ADMIN]));
            long status = 0;

            ck_assert_int_eq(sscanf(answer, "HTTP/1.%*d %ld", &status), 1);
            ck_assert_msg(status == 400 || status == 403 || (probe && status == 200),
                          "%s %s: %.300s", table[i].method, table[i].pattern, answer);
        }
    }
    want_same(before, store_now());
}
END_TEST

/* GET and HEAD of real things, with a token that may do everything. */
START_TEST(reading_changes_nothing)
{
    size_t n;
    const struct route *table = route_table(&n);
    char *before = store_now();

    for (size_t i = 0; i < n; i++) {
        for (int head = 0; strcmp(table[i].method, "GET") == 0 && head < 2; head++) {
            struct point p = {table[i].pattern, head ? "HEAD" : "GET", ADMIN, &senders[0]};
            char *answer = ask(request_of(&p, true));

            ck_assert_msg(strncmp(answer, "HTTP/1.1 2", 10) == 0 ||
                              strncmp(answer, "HTTP/1.1 4", 10) == 0,
                          "%s: %.300s", p.pattern, answer);
            ck_assert_ptr_null(strstr(answer, "HTTP/1.1 401"));
            ck_assert_ptr_null(strstr(answer, "HTTP/1.1 403"));
        }
    }
    want_same(before, store_now());
}
END_TEST

/* The page and its files must load before anybody can give a token. */
START_TEST(the_page_needs_none)
{
    static const char *const paths[] = {"/", "/nothing-here.js", "/assets/x.css"};

    for (size_t i = 0; i < COUNT(paths); i++) {
        for (enum credential c = NONE; c < TWICE; c++) {
            char *answer = ask(text("GET %s HTTP/1.1\r\nHost: %s:%s\r\n%sConnection: close\r\n\r\n",
                                    paths[i], target->host, target->port, credentials[c]));

            ck_assert_msg(strncmp(answer, "HTTP/1.1 200", 12) == 0 ||
                              strncmp(answer, "HTTP/1.1 404", 12) == 0,
                          "%s: %.300s", paths[i], answer);
        }
    }
}
END_TEST

/* What the contract says of scopes is what the table says. */
START_TEST(the_contract_names_the_scopes)
{
    size_t n;
    const struct route *table = route_table(&n);

    for (size_t i = 0; i < n; i++) {
        const char *path = table[i].pattern, *key = strstr(path, "{key}");
        char *said =
            key == NULL ? text("%s", path) : text("%.*s{id}%s", (int)(key - path), path, key + 5);
        char method[8] = "";
        json_t *operation, *security, *scope;

        for (size_t k = 0; k < sizeof(method) - 1 && table[i].method[k] != '\0'; k++) {
            method[k] = (char)(table[i].method[k] | 0x20);
        }
        operation = contract_operation(said, method);
        security = json_object_get(operation, "security");
        ck_assert_msg(json_is_array(security), "%s %s says nothing of tokens", method, said);
        if (table[i].scope == SCOPE_OPEN) {
            ck_assert_uint_eq(json_array_size(security), 0);
            continue;
        }
        scope = json_array_get(json_object_get(json_array_get(security, 1), "bearer"), 0);
        ck_assert_msg(scope != NULL &&
                          strcmp(json_string_value(scope), route_scope_name(table[i].scope)) == 0,
                      "%s %s: another scope than in routes.def", method, said);
        ck_assert(json_object_get(json_object_get(operation, "responses"), "401") != NULL);
        ck_assert(json_object_get(json_object_get(operation, "responses"), "403") != NULL);
    }
}
END_TEST

/* None of the secrets that were sent above, good ones and others, is in the log or the state. */
START_TEST(no_secret_is_told)
{
    char *log = file_read(closed_daemon.log, NULL);
    char *file = file_read(text("%s/tokens", closed_daemon.state), NULL);

    ck_assert_ptr_nonnull(strstr(log, "a token was refused"));
    for (enum credential c = READ; c < TWICE; c++) {
        for (const char *p = credentials[c]; (p = strstr(p, "mlpd_")) != NULL; p++) {
            char *secret = text("%.63s", p + strlen("mlpd_") + 13);

            ck_assert_uint_eq(strlen(secret), 63);
            ck_assert_ptr_null(strstr(log, secret));
            ck_assert_ptr_null(strstr(file, secret));
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("access");
    TCase *loose = case_with("loopback", start_open, stop_open);
    TCase *tight = case_with("a token is needed", start_closed, stop_closed);

    tcase_set_timeout(loose, 600);
    tcase_set_timeout(tight, 600);
    tcase_add_test(loose, tokens_on_loopback);
    tcase_add_test(loose, senders_on_loopback);
    tcase_add_test(loose, without_a_host);
    tcase_add_test(loose, reading_changes_nothing);
    tcase_add_test(tight, tokens_where_one_is_needed);
    tcase_add_test(tight, senders_where_a_token_is_needed);
    tcase_add_test(tight, without_a_host);
    tcase_add_test(tight, reading_changes_nothing);
    tcase_add_test(tight, the_page_needs_none);
    tcase_add_test(tight, the_contract_names_the_scopes);
    tcase_add_test(tight, no_secret_is_told); /* after the others */
    suite_add_tcase(suite, loose);
    suite_add_tcase(suite, tight);
    return harness_main(suite);
}

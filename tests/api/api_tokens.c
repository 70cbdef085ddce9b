/* The life of a token beside a daemon that runs: made, listed, used, revoked; what a state's file
 * with the wrong mode opens; what those get who try many; and whose an Idempotency-Key is.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work.h"

static struct daemon d;

static void start(void)
{
    daemon_start(
        &d, NULL,
        (const char *const[]){"--workers", "1", "--require-token", "--log-level", "debug", NULL});
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- tokens and asking with them ---------------------------------------------------------- */

static char *make(const char *scope, const char *note)
{
    const char *out = NULL, *said = NULL;
    int rc = daemon_run((const char *const[]){"token", "create", "--scope", scope, "--note", note,
                                              "--state", d.state, NULL},
                        &out, &said);

    ck_assert_msg(rc == 0, "%s", said);
    /* the token is alone on stdout, and nowhere else */
    ck_assert_uint_eq(strlen(out), 5 + 12 + 1 + 64 + 1);
    ck_assert_int_eq(out[strlen(out) - 1], '\n');
    ck_assert_ptr_null(strstr(said, text("%.64s", out + 18)));
    ck_assert_ptr_nonnull(strstr(said, text("%.12s", out + 5)));
    ck_assert_ptr_nonnull(strstr(said, scope));
    return text("%.82s", out);
}

static char *id_of(const char *token)
{
    return text("%.12s", token + 5);
}

static int end_of(const char *id)
{
    return daemon_run((const char *const[]){"token", "revoke", id, "--state", d.state, NULL}, NULL,
                      NULL);
}

static const char *listed(void)
{
    const char *out = NULL;

    ck_assert_int_eq(
        daemon_run((const char *const[]){"token", "list", "--state", d.state, NULL}, &out, NULL),
        0);
    return out;
}

static struct reply *with_key(const char *token, const char *method, const char *path,
                              const char *body, const char *key)
{
    const char *const headers[] = {text("Authorization: Bearer %s", token),
                                   text("Idempotency-Key: %s", key != NULL ? key : ""), NULL};
    const char *const alone[] = {headers[0], NULL};

    return http_send(&(struct request){
        .method = method, .path = path, .headers = key != NULL ? headers : alone, .body = body});
}

static struct reply *with(const char *token, const char *path)
{
    return with_key(token, "GET", path, NULL, NULL);
}

/* Until a token is answered like that: the daemon looks at the file by itself. */
static void becomes(const char *token, long status)
{
    double deadline = now_seconds() + 20 * PATIENCE;
    long now;

    while ((now = with(token, "/jobs")->status) != status) {
        ck_assert_msg(now_seconds() < deadline, "it is %ld and not %ld", now, status);
        pause_briefly();
        if (now == 401 || now == 429) { /* such tries are counted: not too many */
            usleep(300000);
        }
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(made_used_and_revoked)
{
    char *reader = make("read", "a reader"), *trainer = make("train", ""), *other;
    struct stat st;

    ck_assert_int_eq(stat(text("%s/tokens", d.state), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(access(text("%s/tokens.new", d.state), F_OK), -1);
    becomes(reader, 200);
    becomes(trainer, 200);
    ck_assert_ptr_nonnull(strstr(listed(), id_of(reader)));
    ck_assert_ptr_nonnull(strstr(listed(), "  a reader\n"));
    ck_assert_ptr_null(strstr(listed(), text("%.64s", reader + 18)));
    want(with_key(reader, "POST", "/train", q("%s", XOR_JOB("")), NULL), 403);
    want(with_key(trainer, "POST", "/train", q("%s", XOR_JOB("")), NULL), 202);

    ck_assert_int_eq(end_of(id_of(reader)), 0);
    ck_assert_int_eq(end_of(id_of(reader)), 1);
    becomes(reader, 401);
    want(with(trainer, "/jobs"), 200);
    ck_assert_ptr_null(strstr(listed(), id_of(reader)));

    /* without any token left, none is needed by nobody */
    ck_assert_int_eq(end_of(id_of(trainer)), 0);
    becomes(trainer, 401);
    want(http_get("/jobs"), 401);
    want(http_get("/healthz"), 200);
    other = make("admin", "");
    becomes(other, 200);
    ck_assert_int_eq(end_of(id_of(other)), 0);
}
END_TEST

START_TEST(the_mode_of_the_file)
{
    char *token = make("read", ""), *path = text("%s/tokens", d.state);
    const char *said = NULL;

    becomes(token, 200);
    ck_assert_int_eq(chmod(path, 0640), 0);
    becomes(token, 401);
    ck_assert_int_eq(
        daemon_run((const char *const[]){"token", "list", "--state", d.state, NULL}, NULL, &said),
        1);
    ck_assert_ptr_nonnull(strstr(said, "0600"));
    ck_assert_int_eq(chmod(path, 0600), 0);
    becomes(token, 200);
    ck_assert_int_eq(end_of(id_of(token)), 0);
}
END_TEST

/* A daemon does not start on a file that others may read, wherever it listens. */
START_TEST(no_start_with_a_wrong_mode)
{
    struct daemon other = {.pid = 0};
    char *path, *state = scratch_path("state");
    int status = 0;

    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "read",
                                                      "--state", state, NULL},
                                NULL, NULL),
                     0);
    path = text("%s/tokens", state);
    ck_assert_int_eq(chmod(path, 0604), 0);
    ck_assert(!daemon_try_start(&other, state, NULL, &status));
    ck_assert_ptr_nonnull(strstr(file_read(other.log, NULL), "token file"));
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert(daemon_try_start(&other, state, NULL, &status));
    daemon_stop(&other);
    target = &d;
    free(other.state);
    free(other.log);
}
END_TEST

/* One that other machines can reach asks for a token without being told to. */
START_TEST(off_loopback_one_is_needed)
{
    struct daemon wide = {.pid = 0};
    char *state = scratch_path("state");
    const char *out = NULL;
    const char *token[2] = {NULL, NULL};

    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "read",
                                                      "--state", state, NULL},
                                &out, NULL),
                     0);
    token[0] = text("Authorization: Bearer %.82s", out);
    daemon_start(&wide, state,
                 (const char *const[]){"--listen", "0.0.0.0:0", "--behind-proxy", NULL});
    want(http_get("/jobs"), 401);
    want(http_get("/healthz"), 200);
    want(http_get("/openapi.json"), 200);
    want(http_send(&(struct request){.path = "/jobs", .headers = token}), 200);
    want(http_send(&(struct request){.method = "POST", .path = "/queue/pause", .headers = token}),
         403);
    daemon_stop(&wide);
    target = &d;
    free(wide.state);
    free(wide.log);
}
END_TEST

/* ---- many tries ---- */

/* GET /jobs with a token, from a loopback address of our choice. */
static struct reply *from(const char *address, const char *token)
{
    struct sockaddr_in us = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *request = text("GET /jobs HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n\r\n",
                         d.host, d.port, token);
    struct reply *r;

    ck_assert_int_ge(fd, 0);
    to.sin_port = htons((uint16_t)strtoul(d.port, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(inet_pton(AF_INET, address, &us.sin_addr), 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&us, sizeof(us)), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    raw_write(fd, request, strlen(request));
    r = raw_read(fd, 30 * PATIENCE);
    close(fd);
    ck_assert_ptr_nonnull(r);
    return r;
}

START_TEST(many_tries)
{
    char *token = make("read", ""), *wrong = text("%s", token), *log;
    size_t lines = 0, answered = 0;

    becomes(token, 200);
    wrong[40] = wrong[40] == '0' ? '1' : '0';
    for (int i = 0; i < 30; i++) {
        struct reply *r = from("127.9.9.9", wrong);

        ck_assert_msg(r->status == 429 || (r->status == 401 && i < 25), "try %d: %ld", i,
                      r->status);
        ck_assert(i >= 10 || r->status == 401);
        answered += r->status == 401;
        if (r->status == 429) {
            const char *after = reply_header(r, "Retry-After");

            ck_assert_ptr_nonnull(after);
            ck_assert_int_ge(strtol(after, NULL, 10), 1);
            ck_assert_int_le(strtol(after, NULL, 10), 6);
        }
    }
    /* who has a good one is not kept out by others behind the same address */
    ck_assert_int_eq(from("127.9.9.9", token)->status, 200);
    ck_assert_int_eq(from("127.9.9.8", wrong)->status, 401);
    /* each 401 is one line, a 429 is none */
    log = file_read(d.log, NULL);
    for (const char *p = log; (p = strstr(p, "from 127.9.9.9")) != NULL; p++) {
        lines++;
    }
    ck_assert_uint_eq(lines, answered);
    ck_assert_int_eq(end_of(id_of(token)), 0);
}
END_TEST

/* ---- Idempotency-Key ---- */

START_TEST(each_token_has_its_own_keys)
{
    char *one = make("train", ""), *two = make("admin", "");
    const char *body = q("%s", XOR_JOB("")), *else_ = q("%s", XOR_JOB(", 'name': 'else'"));
    struct reply *first, *again, *other;

    becomes(one, 200);
    becomes(two, 200);
    first = want(with_key(one, "POST", "/train", body, "k-1"), 202);
    again = want(with_key(one, "POST", "/train", body, "k-1"), 202);
    ck_assert_int_eq(integer(first, "/id"), integer(again, "/id"));
    ck_assert_str_eq(reply_header(again, "Idempotency-Replayed"), "true");
    want(with_key(one, "POST", "/train", else_, "k-1"), 422);

    other = want(with_key(two, "POST", "/train", else_, "k-1"), 202);
    ck_assert_int_ne(integer(first, "/id"), integer(other, "/id"));
    ck_assert_ptr_null(reply_header(other, "Idempotency-Replayed"));
    /* nor by naming the other one */
    other = want(with_key(two, "POST", "/train", else_, text("%s:k-1", id_of(one))), 202);
    ck_assert_ptr_null(reply_header(other, "Idempotency-Replayed"));
    ck_assert_int_eq(end_of(id_of(one)), 0);
    ck_assert_int_eq(end_of(id_of(two)), 0);
}
END_TEST

/* ---- the line ---- */

START_TEST(wrong_lines)
{
    static const struct {
        const char *arguments[8];
        int status;
        const char *says;
    } cases[] = {
        {{"token"}, 2, "create, list or revoke"},
        {{"token", "creat", "--scope", "read"}, 2, "did you mean create"},
        {{"token", "create"}, 2, "--scope"},
        {{"token", "create", "--scope"}, 2, "--scope needs a value"},
        {{"token", "create", "--scope", "root"}, 1, "read, predict, train or admin"},
        {{"token", "create", "--scope=open"}, 1, "read, predict, train or admin"},
        {{"token", "create", "--scope", "read", "word"}, 2, "word"},
        {{"token", "create", "--scope", "read", "--note", "a\nb"}, 1, "note"},
        {{"token", "revoke"}, 2, "needs a token id"},
        {{"token", "revoke", "nobody"}, 1, "no token nobody"},
        {{"token", "list", "--scope", "read"}, 2, "--scope"},
        {{"token", "list", "--workers", "1"}, 2, "--workers"},
        {{"tokens", "list"}, 2, "did you mean token"},
    };
    const char *before = file_read(text("%s/tokens", d.state), NULL);

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *arguments[12] = {NULL}, *out = NULL, *said = NULL;
        size_t n = 0;
        int rc;

        while (n < 8 && cases[i].arguments[n] != NULL) {
            arguments[n] = cases[i].arguments[n];
            n++;
        }
        arguments[n++] = "--state";
        arguments[n++] = d.state;
        if (strcmp(arguments[n - 3], "--scope") == 0 && cases[i].status == 2 &&
            strstr(cases[i].says, "needs") != NULL) {
            arguments[n - 2] = NULL; /* the value that is not there must be the end */
        }
        rc = daemon_run(arguments, &out, &said);
        ck_assert_msg(rc == cases[i].status && strstr(said, cases[i].says) != NULL,
                      "case %zu: %d, %s", i, rc, said);
        ck_assert_str_eq(out, "");
    }
    want_same(before, file_read(text("%s/tokens", d.state), NULL));
    ck_assert_int_eq(
        daemon_run((const char *const[]){"token", "create", "--help", NULL}, NULL, NULL), 0);
    ck_assert_int_eq(daemon_run((const char *const[]){"token", "--help", NULL}, NULL, NULL), 0);
}
END_TEST

/* ---- logs ---- */

/* At every level, and wherever a client puts it. */
START_TEST(no_log_has_a_secret)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < COUNT(levels); i++) {
        struct daemon one = {.pid = 0};
        char *state = scratch_path("state"), *secret, *log;
        const char *out = NULL, *headers[2] = {NULL, NULL};

        ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "read",
                                                          "--state", state, NULL},
                                    &out, NULL),
                         0);
        secret = text("%.64s", out + 18);
        headers[0] = text("Authorization: Bearer %.82s", out);
        daemon_start(&one, state, (const char *const[]){"--log-level", levels[i], NULL});
        want(http_send(&(struct request){.path = "/jobs", .headers = headers}), 200);
        want(http_send(&(struct request){
                 .method = "POST", .path = "/train", .headers = headers, .body = "{}"}),
             403);
        headers[0] = text("Authorization: Bearer %.81s", out);
        want(http_send(&(struct request){.path = "/jobs", .headers = headers}), 401);
        want(http_get("/jobs?token=%.82s", out), 400);
        want(http_get("/jobs?limit=%.82s", out), 400);
        headers[0] = text("Cookie: token=%.82s", out);
        want(http_send(&(struct request){.path = "/jobs", .headers = headers}), 200);
        daemon_stop(&one);
        log = file_read(one.log, NULL);
        ck_assert_ptr_null(strstr(log, text("%.63s", secret)));
        ck_assert_int_eq(strstr(log, "a token was refused") != NULL,
                         strcmp(levels[i], "error") != 0);
        target = &d;
        free(one.state);
        free(one.log);
    }
}
END_TEST

/* What comes by URL or cookie is no token. */
START_TEST(only_the_header_counts)
{
    char *token = make("admin", "");
    const char *const cookie[] = {text("Cookie: token=%s; Authorization=Bearer %s", token, token),
                                  text("X-Authorization: Bearer %s", token),
                                  text("Proxy-Authorization: Bearer %s", token), NULL};

    becomes(token, 200);
    want(http_send(&(struct request){.path = "/jobs", .headers = cookie}), 401);
    want(http_get("/jobs?access_token=%s", token), 401);
    want(http_get("/jobs?token=%s", token), 401);
    ck_assert_int_eq(end_of(id_of(token)), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokens");
    TCase *tc = case_with("tokens", start, stop);

    tcase_add_test(tc, made_used_and_revoked);
    tcase_add_test(tc, the_mode_of_the_file);
    tcase_add_test(tc, no_start_with_a_wrong_mode);
    tcase_add_test(tc, off_loopback_one_is_needed);
    tcase_add_test(tc, many_tries);
    tcase_add_test(tc, each_token_has_its_own_keys);
    tcase_add_test(tc, wrong_lines);
    tcase_add_test(tc, no_log_has_a_secret);
    tcase_add_test(tc, only_the_header_counts);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

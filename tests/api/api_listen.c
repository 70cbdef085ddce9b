/* Where and how the daemon listens: TLS, unix sockets, sockets it is started with, wide addresses,
 * the names it answers to.
 */
#include "config.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "certificate.h"
#include "client.h"

#define DAY 86400

static struct daemon d;

static void stop(void)
{
    if (d.pid > 0) {
        daemon_stop(&d);
    }
}

/* ---- asking in ways that client.h does not know ---- */

struct ask {
    const char *url, *path;
    const char *ca;     /* certificates to trust */
    const char *socket; /* a unix socket */
    const char *header; /* one more, or NULL */
    long version;       /* CURL_SSLVERSION_..., 0: any */
};

struct heard {
    CURLcode code;
    long status;
    char body[4096];
    size_t len;
};

static size_t hear(char *bytes, size_t size, size_t n, void *arg)
{
    struct heard *heard = arg;
    size_t len = size * n, room = sizeof heard->body - 1 - heard->len;

    len = len < room ? len : room;
    memcpy(heard->body + heard->len, bytes, len);
    heard->len += len;
    heard->body[heard->len] = '\0';
    return size * n;
}

static struct heard ask(const struct ask *ask)
{
    struct heard heard = {.code = CURLE_OK};
    struct curl_slist *headers = ask->header != NULL ? curl_slist_append(NULL, ask->header) : NULL;
    CURL *curl = curl_easy_init();

    ck_assert_ptr_nonnull(curl);
    curl_easy_setopt(curl, CURLOPT_URL, text("%s%s", ask->url, ask->path));
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L * PATIENCE);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hear);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &heard);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (ask->ca != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ask->ca);
    }
    if (ask->socket != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ask->socket);
    }
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, ask->version);
    heard.code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &heard.status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return heard;
}

static void want_status(const struct ask *what, long status)
{
    struct heard heard = ask(what);

    ck_assert_msg(heard.code == CURLE_OK && heard.status == status, "%s: %ld: %s",
                  curl_easy_strerror(heard.code), heard.status, heard.body);
}

/* ---- TLS ---- */

static char *cert, *key;

static void make_pair(const char *name, time_t ends)
{
    if (cert == NULL) {
        cert = scratch_path("cert.pem");
        key = scratch_path("key.pem");
    }
    ck_assert(certificate_make(cert, key, name, ends));
}

static void start_tls(void)
{
    cert = key = NULL;
    make_pair("one", time(NULL) + 90 * DAY);
    daemon_start(&d, NULL, (const char *const[]){"--tls-cert", cert, "--tls-key", key, NULL});
}

START_TEST(tls_serves)
{
    struct heard heard;

    start_tls();
    ck_assert_int_eq(strncmp(d.url, "https://127.0.0.1:", 18), 0);
    want_status(&(struct ask){.url = d.url, .path = "/service", .ca = cert}, 200);
    want_status(&(struct ask){.url = d.url,
                              .path = "/service",
                              .ca = cert,
                              .version = CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2},
                200);
    want_status(
        &(struct ask){
            .url = d.url, .path = "/service", .ca = cert, .version = CURL_SSLVERSION_TLSv1_3},
        200);
    heard = ask(&(struct ask){.url = d.url, .path = "/service"}); /* nobody vouches for it */
    ck_assert_int_eq(heard.code, CURLE_PEER_FAILED_VERIFICATION);
    /* the Host check holds there too */
    want_status(
        &(struct ask){.url = d.url, .path = "/service", .ca = cert, .header = "Host: evil.example"},
        403);
    stop();
}
END_TEST

/* How a handshake with these priorities ends: 0, or GnuTLS's error. */
static int handshake(const char *priorities)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    int fd = raw_open(), rc;

    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&credentials), 0);
    ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT), 0);
    ck_assert_int_eq(gnutls_priority_set_direct(session, priorities, NULL), 0);
    ck_assert_int_eq(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
    gnutls_transport_set_int(session, fd);
    gnutls_handshake_set_timeout(session, 30000);
    do {
        rc = gnutls_handshake(session);
    } while (rc < 0 && gnutls_error_is_fatal(rc) == 0);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(fd);
    return rc;
}

/* The server's end of the handshake: an alert, or the end of the connection. */
static bool is_refusal(int rc)
{
    return rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_PREMATURE_TERMINATION;
}

START_TEST(old_tls_is_refused)
{
    start_tls();
    ck_assert_int_eq(handshake("NORMAL:-VERS-ALL:+VERS-TLS1.3"), 0);
    ck_assert_int_eq(handshake("NORMAL:-VERS-ALL:+VERS-TLS1.2"), 0);
    ck_assert(is_refusal(handshake("NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT:+SIGN-ALL:+SHA1")));
    ck_assert(is_refusal(handshake("NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT:+SIGN-ALL:+SHA1")));
    stop();
}
END_TEST

START_TEST(plain_http_on_the_tls_port)
{
    static const char ask_plainly[] = "GET /service HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct reply *r;

    start_tls();
    r = raw_exchange(ask_plainly, sizeof ask_plainly - 1);
    ck_assert(r == NULL || r->status != 200);
    daemon_must_live(&d);
    want_status(&(struct ask){.url = d.url, .path = "/service", .ca = cert}, 200);
    stop();
}
END_TEST

static void want_refusal(const char *const *more, const char *sentence)
{
    const char *arguments[16] = {"--listen", "127.0.0.1:0", "--state", scratch_path("state")};
    const char *said;
    size_t n = 4;

    for (; *more != NULL; more++) {
        ck_assert_uint_lt(n, COUNT(arguments) - 1);
        arguments[n++] = *more;
    }
    ck_assert_int_ne(daemon_run(arguments, NULL, &said), 0);
    ck_assert_msg(strstr(said, sentence) != NULL, "it said: %s", said);
}

START_TEST(bad_keys_are_refused)
{
    char *other_cert = scratch_path("other.pem"), *other_key = scratch_path("other.key");

    cert = key = NULL;
    make_pair("one", time(NULL) + 90 * DAY);
    ck_assert(certificate_make(other_cert, other_key, "two", time(NULL) + 90 * DAY));
    want_refusal((const char *const[]){"--tls-cert", cert, "--tls-key", other_key, NULL},
                 "is not that of the certificate");
    want_refusal((const char *const[]){"--tls-cert", cert, NULL}, "--tls-key");
    want_refusal((const char *const[]){"--tls-key", key, NULL}, "--tls-cert");
    want_refusal((const char *const[]){"--tls-cert", key, "--tls-key", key, NULL}, "certificate");
    ck_assert_int_eq(chmod(key, 0640), 0);
    want_refusal((const char *const[]){"--tls-cert", cert, "--tls-key", key, NULL}, "chmod 600");
    ck_assert_int_eq(chmod(key, 0604), 0);
    want_refusal((const char *const[]){"--tls-cert", cert, "--tls-key", key, NULL}, "chmod 600");
}
END_TEST

START_TEST(certificates_are_reread)
{
    char *old = scratch_path("old.pem");
    double until = now_seconds() + 20 * PATIENCE;
    struct heard heard;

    start_tls();
    ck_assert_int_eq(link(cert, old), 0);
    ck_assert_int_eq(unlink(cert), 0);
    make_pair("two", time(NULL) + 90 * DAY);
    want_status(&(struct ask){.url = d.url, .path = "/service", .ca = old}, 200);
    ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
    do {
        pause_briefly();
        heard = ask(&(struct ask){.url = d.url, .path = "/service", .ca = cert});
        ck_assert_msg(now_seconds() < until, "the new certificate is not served");
    } while (heard.code == CURLE_PEER_FAILED_VERIFICATION);
    ck_assert(heard.code == CURLE_OK && heard.status == 200);
    heard = ask(&(struct ask){.url = d.url, .path = "/service", .ca = old});
    ck_assert_int_eq(heard.code, CURLE_PEER_FAILED_VERIFICATION);
    /* one that is no good changes nothing */
    ck_assert_int_eq(chmod(key, 0640), 0);
    ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
    while (strstr(file_read(d.log, NULL), "chmod 600") == NULL) {
        pause_briefly();
        ck_assert_msg(now_seconds() < until, "the log does not say what is wrong");
    }
    want_status(&(struct ask){.url = d.url, .path = "/service", .ca = cert}, 200);
    stop();
}
END_TEST

/* ---- unix sockets ---- */

START_TEST(unix_socket)
{
    char *path = scratch_path("socket");
    const char *listen_at = text("unix:%s", path);
    static struct daemon second;
    struct stat st;
    int status = 0;

    daemon_start(&d, NULL, (const char *const[]){"--listen", listen_at, NULL});
    ck_assert_str_eq(d.url, listen_at);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode));
    ck_assert_uint_eq(st.st_mode & 07777, 0660);
    want_status(&(struct ask){.url = "http://localhost", .path = "/service", .socket = path}, 200);
    want_status(&(struct ask){.url = "http://localhost:99", .path = "/jobs", .socket = path}, 200);
    want_status(&(struct ask){.url = "http://evil.example", .path = "/jobs", .socket = path}, 403);
    /* another daemon on the same path */
    ck_assert(!daemon_try_start(&second, NULL, (const char *const[]){"--listen", listen_at, NULL},
                                &status));
    ck_assert_ptr_nonnull(strstr(file_read(second.log, NULL), "another process listens"));
    want_status(&(struct ask){.url = "http://localhost", .path = "/service", .socket = path}, 200);
    /* one that died leaves its file, which is replaced; one that stops takes it along */
    target = &d;
    daemon_kill(&d);
    ck_assert_int_eq(stat(path, &st), 0);
    daemon_start(&d, NULL, (const char *const[]){"--listen", listen_at, NULL});
    want_status(&(struct ask){.url = "http://localhost", .path = "/service", .socket = path}, 200);
    stop();
    ck_assert_int_ne(stat(path, &st), 0);
    ck_assert_int_eq(errno, ENOENT);
    /* what is no socket is left alone */
    ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    want_refusal((const char *const[]){"--listen", listen_at, NULL}, "something else");
    ck_assert_int_eq(stat(path, &st), 0);
}
END_TEST

START_TEST(requests_without_a_host_on_a_unix_socket)
{
    static const char plain[] = "GET /service HTTP/1.0\r\n\r\n";
    char *path = scratch_path("socket");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct reply *r;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    daemon_start(&d, NULL, (const char *const[]){"--listen", text("unix:%s", path), NULL});
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    ck_assert(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    raw_write(fd, plain, sizeof plain - 1);
    r = raw_read(fd, 20 * PATIENCE);
    ck_assert(r != NULL && r->status == 200);
    close(fd);
    stop();
}
END_TEST

/* ---- sockets from a service manager ---- */

#define HANDED 9 /* one digit, for the shell */

/* Starts the daemon through a shell that gives it the descriptor HANDED as its third. */
static void start_with(int fd, int n, const char *const *more)
{
    char *script = scratch_path("activate"), *state = scratch_path("state");
    const char *given = getenv("MLPD"), *build = getenv("top_builddir");
    FILE *f = fopen(script, "w");

    ck_assert_ptr_nonnull(f);
    fprintf(f,
            "#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=%d\nexport LISTEN_PID LISTEN_FDS\nexec %s "
            "\"$@\" 3<&%d 4<&%d\n",
            n, given != NULL ? given : text("%s/mlpd", build != NULL ? build : "."), HANDED,
            HANDED);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(script, 0700), 0);
    ck_assert_int_eq(dup2(fd, HANDED), HANDED); /* open across exec */
    if (given != NULL) {
        given = text("%s", given);
    }
    setenv("MLPD", script, 1);
    daemon_start(&d, state, more);
    if (given != NULL) {
        setenv("MLPD", given, 1);
    } else {
        unsetenv("MLPD");
    }
    close(HANDED);
}

START_TEST(socket_activation)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 16) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    for (n = 1; n <= 2; n++) {
        start_with(fd, n, NULL);
        ck_assert_str_eq(d.url, text("http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port)));
        want(http_get("/service"), 200);
        ck_assert_int_eq(strstr(file_read(d.log, NULL), "the others are closed") != NULL, n == 2);
        /* it goes to no program that the daemon might start */
        ck_assert_ptr_null(
            strstr(file_read(text("/proc/%d/fdinfo/3", (int)d.pid), NULL), "flags:\t02\n"));
        stop();
    }
    close(fd);
}
END_TEST

START_TEST(activated_unix_socket_stays)
{
    char *path = scratch_path("socket");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 16) == 0);
    start_with(fd, 1, NULL);
    ck_assert_str_eq(d.url, text("unix:%s", path));
    want_status(&(struct ask){.url = "http://localhost", .path = "/service", .socket = path}, 200);
    stop();
    ck_assert_int_eq(stat(path, &st), 0); /* the service manager's */
    close(fd);
}
END_TEST

/* ---- wide addresses ---- */

static const char *make_token(const char *state)
{
    const char *out;

    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "read",
                                                      "--state", state, NULL},
                                &out, NULL),
                     0);
    return text("Authorization: Bearer %.*s", (int)strcspn(out, "\n"), out);
}

START_TEST(wide_only_with_token_and_tls)
{
    char *state = scratch_path("state"), *url;
    const char *token;
    int status;

    cert = key = NULL;
    make_pair("one", time(NULL) + 90 * DAY);
    ck_assert_int_eq(mkdir(state, 0700), 0);
    want_refusal((const char *const[]){"--listen", "0.0.0.0:0", NULL}, "token");
    want_refusal((const char *const[]){"--listen", "[::]:0", NULL}, "token");
    want_refusal(
        (const char *const[]){"--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key, NULL},
        "token");
    want_refusal((const char *const[]){"--listen", "0.0.0.0:0", "--behind-proxy", NULL}, "token");
    want_refusal((const char *const[]){"--behind-proxy", NULL}, "--behind-proxy");
    token = make_token(state);
    want_refusal((const char *const[]){"--state", state, "--listen", "0.0.0.0:0", NULL},
                 "--tls-cert");
    /* both */
    daemon_start(
        &d, state,
        (const char *const[]){"--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key, NULL});
    url = text("https://127.0.0.1:%s", d.port);
    want_status(&(struct ask){.url = url, .path = "/service", .ca = cert}, 401);
    want_status(&(struct ask){.url = url, .path = "/service", .ca = cert, .header = token}, 200);
    stop();
    /* and behind a proxy, on loopback too */
    for (status = 0; status < 2; status++) {
        daemon_start(&d, state,
                     (const char *const[]){"--listen", status == 0 ? "0.0.0.0:0" : "127.0.0.1:0",
                                           "--behind-proxy", NULL});
        url = text("http://127.0.0.1:%s", d.port);
        want_status(&(struct ask){.url = url, .path = "/service"}, 401);
        want_status(&(struct ask){.url = url, .path = "/service", .header = token}, 200);
        stop();
    }
}
END_TEST

/* ---- names ---- */

START_TEST(host_names)
{
    static const struct {
        const char *host;
        long status;
    } cases[] = {{"Host: mlpd.example", 200},     {"Host: MLPD.Example", 200},
                 {"Host: mlpd.example:1", 403},   {"Host: two.example:8443", 200},
                 {"Host: two.example", 403},      {"Host: 192.0.2.7", 200},
                 {"Host: sub.mlpd.example", 403}, {"Host: mlpd.example.evil", 403}};

    daemon_start(&d, NULL,
                 (const char *const[]){"--host-name", "mlpd.example", "--host-name",
                                       "two.example:8443,192.0.2.7", NULL});
    want(http_get("/service"), 200);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct heard heard =
            ask(&(struct ask){.url = d.url, .path = "/service", .header = cases[i].host});

        ck_assert_msg(heard.status == cases[i].status, "%s: %ld", cases[i].host, heard.status);
    }
    want_status(&(struct ask){.url = d.url,
                              .path = "/service",
                              .header = text("Host: mlpd.example:%s", d.port)},
                200);
    want_status(&(struct ask){.url = d.url, .path = "/healthz", .header = "Host: any.example"},
                200);
    stop();
}
END_TEST

START_TEST(bad_options_are_named)
{
    want_refusal((const char *const[]){"--host-name", "http://x", NULL}, "--host-name");
    want_refusal((const char *const[]){"--listen", "unix:relative", NULL}, "--listen");
    want_refusal((const char *const[]){"--rate", "0", NULL}, "--rate");
    want_refusal((const char *const[]){"--rate", "5:0", NULL}, "--rate");
    want_refusal((const char *const[]){"--max-connections", "0", NULL}, "--max-connections");
    want_refusal((const char *const[]){"--behind-proxy=perhaps", NULL}, "--behind-proxy");
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tc = case_with("all", nothing, nothing);

    tcase_add_test(tc, tls_serves);
    tcase_add_test(tc, old_tls_is_refused);
    tcase_add_test(tc, plain_http_on_the_tls_port);
    tcase_add_test(tc, bad_keys_are_refused);
    tcase_add_test(tc, certificates_are_reread);
    tcase_add_test(tc, unix_socket);
    tcase_add_test(tc, requests_without_a_host_on_a_unix_socket);
    tcase_add_test(tc, socket_activation);
    tcase_add_test(tc, activated_unix_socket_stays);
    tcase_add_test(tc, wide_only_with_token_and_tls);
    tcase_add_test(tc, host_names);
    tcase_add_test(tc, bad_options_are_named);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

/* Where the daemon may listen, which names it answers to, and its certificate. */
#include <check.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/certificate.h"
#include "base/hash.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/listen.h"
#include "http/tls.h"

static char folder[64];

static void folder_make(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/check_listen-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void folder_remove(void)
{
    static const char *const names[] = {"cert", "key", "cert2", "key2", "socket"};
    char path[128];
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The caller frees. */
static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

/* ---- names ---- */

START_TEST(added_names)
{
    static const char *const names[] = {"mlpd.example", "secure.example:443", "[2001:db8::7]",
                                        "odd.example:8443", NULL};
    static const char *const good[] = {
        "mlpd.example",       "MLPD.example",       "mlpd.example:6573",
        "secure.example",     "secure.example:443", "[2001:db8::7]",
        "[2001:DB8::7]:6573", "odd.example:8443",   "127.0.0.1:6573"};
    static const char *const bad[] = {"mlpd.example:80",  "mlpd.example.",      "example",
                                      "xmlpd.example",    "secure.example:80",  "odd.example",
                                      "odd.example:6573", "[2001:db8::8]",      "127.0.0.1",
                                      "mlpd.example:",    "mlpd.example:6573 ", ""};
    struct guard guard = {.bound = "127.0.0.1", .port = 6573, .names = names};
    char *longest = xmalloc(GUARD_NAME_LEN + 8);
    size_t i;

    for (i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(guard_host(&guard, good[i]), "%s is refused", good[i]);
    }
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!guard_host(&guard, bad[i]), "%s is let in", bad[i]);
    }
    ck_assert(!guard_host(&guard, NULL));
    memset(longest, 'a', GUARD_NAME_LEN + 7);
    longest[GUARD_NAME_LEN + 7] = '\0';
    ck_assert(!guard_host(&guard, longest));
    free(longest);
}
END_TEST

START_TEST(names_under_tls_and_on_a_unix_socket)
{
    struct guard guard = {.bound = "10.0.0.1", .port = 443, .tls = true};

    ck_assert(guard_host(&guard, "10.0.0.1") && guard_host(&guard, "10.0.0.1:443"));
    guard.tls = false;
    ck_assert(!guard_host(&guard, "10.0.0.1") && guard_host(&guard, "10.0.0.1:443"));
    guard = (struct guard){.bound = "", .local = true};
    ck_assert(guard_host(&guard, NULL) && guard_host(&guard, "") &&
              guard_host(&guard, "localhost") && guard_host(&guard, "localhost:8080") &&
              guard_host(&guard, "127.0.0.1") && guard_host(&guard, "[::1]:1"));
    ck_assert(!guard_host(&guard, "evil.example") && !guard_host(&guard, "10.0.0.1") &&
              !guard_host(&guard, "[]") && !guard_host(&guard, "["));
}
END_TEST

/* ---- the one rule ---- */

static bool may(const struct server_options *o, size_t n_tokens, const char *sentence)
{
    struct err err = ERR_INIT;
    bool yes = server_may_listen(o, n_tokens, &err) == 0;

    ck_assert_int_eq(yes, err.detail[0] == '\0');
    if (!yes) {
        ck_assert_msg(strstr(err.detail, sentence) != NULL, "%s", err.detail);
    }
    err_fini(&err);
    return yes;
}

START_TEST(who_may_listen_where)
{
    static const char *const wide[] = {"0.0.0.0", "::", "192.0.2.1", "2001:db8::1",
                                       "::ffff:127.0.0.1"};
    struct server_options o = {.host = "127.0.0.1"};
    size_t i;

    ck_assert(may(&o, 0, ""));
    o.behind_proxy = true;
    ck_assert(!may(&o, 0, "--behind-proxy"));
    ck_assert(may(&o, 1, ""));
    o.behind_proxy = false;
    o.host = "::1";
    ck_assert(may(&o, 0, ""));
    o.host = NULL;
    o.path = "/run/mlpd/socket";
    ck_assert(may(&o, 0, ""));
    o.path = NULL;
    for (i = 0; i < ARRAY_LEN(wide); i++) {
        o = (struct server_options){.host = wide[i]};
        ck_assert(!may(&o, 0, "token"));
        ck_assert(!may(&o, 1, "--tls-cert"));
        o.behind_proxy = true;
        ck_assert(!may(&o, 0, "token"));
        ck_assert(may(&o, 1, ""));
        o.behind_proxy = false;
        o.tls_cert = o.tls_key = "x";
        ck_assert(!may(&o, 0, "token"));
        ck_assert(may(&o, 1, ""));
    }
}
END_TEST

/* ---- sockets ---- */

static int open_at(struct server_options *o, struct listener *l, const char *sentence)
{
    struct err err = ERR_INIT;
    int rc = listen_open(o, l, &err);

    ck_assert_msg((rc == 0) == (sentence == NULL), "%s", err.detail);
    if (rc != 0) {
        ck_assert_msg(strstr(err.detail, sentence) != NULL, "%s", err.detail);
    }
    err_fini(&err);
    return rc;
}

START_TEST(addresses)
{
    struct server_options o = {.host = "127.0.0.1"};
    struct listener l, again;
    char name[64];

    ck_assert_int_eq(open_at(&o, &l, NULL), 0);
    ck_assert(l.port != 0 && l.loopback && !l.local && l.path == NULL);
    ck_assert_str_eq(l.bound, "127.0.0.1");
    (void)snprintf(name, sizeof name, "127.0.0.1:%u", (unsigned)l.port);
    ck_assert_str_eq(l.name, name);
    o.port = l.port;
    ck_assert_int_ne(open_at(&o, &again, "cannot listen on 127.0.0.1 port"), 0);
    ck_assert(!listen_is_wide(&(struct server_options){.inherited = l.fd}));
    ck_assert_int_eq(close(l.fd), 0);
    o = (struct server_options){.host = "0.0.0.0"};
    ck_assert_int_eq(open_at(&o, &l, NULL), 0);
    ck_assert(!l.loopback && listen_is_wide(&(struct server_options){.inherited = l.fd}));
    ck_assert(!may(&(struct server_options){.inherited = l.fd}, 0, "the inherited socket"));
    ck_assert_int_eq(close(l.fd), 0);
    o = (struct server_options){.host = "example.org"};
    ck_assert_int_ne(open_at(&o, &l, "is not an address"), 0);
}
END_TEST

START_TEST(unix_sockets)
{
    char *path = in_folder("socket");
    struct server_options o = {.path = path};
    struct listener l, other;
    struct stat st;
    int fd;

    ck_assert_int_eq(open_at(&o, &l, NULL), 0);
    ck_assert(l.local && l.loopback && l.port == 0 && strncmp(l.name, "unix:/", 6) == 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0660);
    ck_assert(!listen_is_wide(&(struct server_options){.inherited = l.fd}));
    /* a live one */
    ck_assert_int_ne(open_at(&o, &other, "another process listens"), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    /* a stale one: closed, and its file still there */
    ck_assert_int_eq(close(l.fd), 0);
    ck_assert_int_eq(open_at(&o, &other, NULL), 0);
    /* the first one's end does not take the second one's file */
    listen_remove_file(&l);
    ck_assert_int_eq(stat(path, &st), 0);
    listen_remove_file(&other);
    ck_assert_int_ne(stat(path, &st), 0);
    ck_assert_int_eq(close(other.fd), 0);
    /* something else */
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_ne(open_at(&o, &other, "something else"), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    o.path = "/nonexistent/socket";
    ck_assert_int_ne(open_at(&o, &other, "cannot listen on unix:"), 0);
    free(path);
}
END_TEST

/* In a child, whose descriptors from 3 on are ours to arrange: exit 0 when `fds` are said to be
 * there and what comes of it is `wanted` (-1: refused). */
static int inherit_in_child(int socket_fd, const char *pid, const char *fds, int wanted)
{
    char self[16];
    struct err err = ERR_INIT;
    int fd = -7, rc;
    pid_t child = fork();

    if (child == 0) {
        (void)snprintf(self, sizeof self, "%d", (int)getpid());
        if ((socket_fd >= 0 && (dup2(socket_fd, 3) != 3 || dup2(socket_fd, 4) != 4)) ||
            setenv("LISTEN_PID", pid != NULL ? pid : self, 1) != 0 ||
            setenv("LISTEN_FDS", fds, 1) != 0) {
            _exit(90);
        }
        rc = server_take_inherited(&fd, &err);
        if (getenv("LISTEN_FDS") != NULL || getenv("LISTEN_PID") != NULL) {
            _exit(91);
        }
        if (rc != 0) {
            _exit(wanted == -1 && err.detail[0] != '\0' ? 0 : 92);
        }
        if (fd != wanted) {
            _exit(93);
        }
        if (fd != 0 && (fcntl(fd, F_GETFD) != FD_CLOEXEC || !(fcntl(fd, F_GETFL) & O_NONBLOCK))) {
            _exit(94);
        }
        _exit(atoi(fds) == 2 && wanted == 3 && fcntl(4, F_GETFD) != -1 ? 95 : 0);
    }
    ck_assert_int_eq(waitpid(child, &rc, 0), child);
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : 99;
}

START_TEST(inherited_sockets)
{
    struct server_options o = {.host = "127.0.0.1"};
    struct sockaddr_un none = {.sun_family = AF_UNIX};
    struct listener l;
    int pair[2];

    ck_assert_int_eq(open_at(&o, &l, NULL), 0);
    ck_assert_int_eq(fcntl(l.fd, F_SETFL, 0), 0); /* it comes as it likes */
    ck_assert_int_eq(inherit_in_child(l.fd, NULL, "1", 3), 0);
    ck_assert_int_eq(fcntl(l.fd, F_SETFL, 0), 0);
    ck_assert_int_eq(inherit_in_child(l.fd, NULL, "2", 3), 0);
    ck_assert_int_eq(inherit_in_child(l.fd, NULL, "0", 0), 0);
    ck_assert_int_eq(inherit_in_child(l.fd, NULL, "x", 0), 0);
    ck_assert_int_eq(inherit_in_child(l.fd, "1", "1", 0), 0); /* not for us */
    ck_assert_int_eq(inherit_in_child(l.fd, NULL, "900", -1), 0);
    ck_assert_int_eq(close(l.fd), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(inherit_in_child(pair[0], NULL, "1", -1), 0); /* listens to nobody */
    ck_assert_int_eq(close(pair[0]) + close(pair[1]), 0);
    /* listens, but not to streams */
    pair[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ck_assert(pair[0] >= 0 &&
              bind(pair[0], (struct sockaddr *)&none, sizeof none.sun_family) == 0 &&
              listen(pair[0], 1) == 0);
    ck_assert_int_eq(inherit_in_child(pair[0], NULL, "1", -1), 0);
    ck_assert_int_eq(close(pair[0]), 0);
}
END_TEST

/* ---- certificates ---- */

static void want_tls(const char *cert, const char *key, const char *sentence)
{
    struct err err = ERR_INIT;
    struct tls *tls = NULL;
    int rc = tls_new(cert, key, &tls, &err);

    ck_assert_msg((rc == 0) == (sentence == NULL), "%s", err.detail);
    if (rc != 0) {
        ck_assert_msg(strstr(err.detail, sentence) != NULL, "%s", err.detail);
    }
    tls_free(&tls);
    err_fini(&err);
}

START_TEST(certificate_files)
{
    char *cert = in_folder("cert"), *key = in_folder("key"), *cert2 = in_folder("cert2"),
         *key2 = in_folder("key2");
    time_t ends = time(NULL) + 90 * 86400;
    static const mode_t wide[] = {0640, 0604, 0660, 0620, 0601, 0610};
    size_t i;

    ck_assert(certificate_make(cert, key, "one", ends) &&
              certificate_make(cert2, key2, "two", ends));
    want_tls(cert, key, NULL);
    want_tls(cert, key2, "is not that of the certificate");
    want_tls(key, key, "certificate");
    want_tls(cert, cert, "is no good");
    want_tls("/nonexistent", key, "cannot be read");
    want_tls(cert, "/nonexistent", "cannot be read");
    want_tls(cert, folder, "not a regular file");
    want_tls(cert, "/dev/null", "not a regular file");
    want_tls("/dev/null", key, "empty");
    want_tls("/dev/zero", key, "1 MiB");
    for (i = 0; i < ARRAY_LEN(wide); i++) {
        ck_assert_int_eq(chmod(key, wide[i]), 0);
        want_tls(cert, key, "chmod 600");
    }
    ck_assert_int_eq(chmod(key, 0400), 0);
    want_tls(cert, key, NULL);
    ck_assert(certificate_make(cert2, key2, "old", time(NULL) - 10)); /* served, with a warning */
    want_tls(cert2, key2, NULL);
    free(cert);
    free(key);
    free(cert2);
    free(key2);
}
END_TEST

/* A handshake with the identity that the server's session takes; the common name the client saw. */
struct hands {
    struct tls *tls;
    struct tls_identity *identity;
    gnutls_certificate_credentials_t server_side, client_side;
    gnutls_session_t server, client;
};

static void hands_begin(struct hands *h, struct tls *tls, const int pair[2])
{
    h->tls = tls;
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&h->server_side), 0);
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&h->client_side), 0);
    gnutls_certificate_set_retrieve_function3(h->server_side, tls_retrieve);
    ck_assert_int_eq(gnutls_init(&h->server, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
    ck_assert_int_eq(gnutls_init(&h->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
    ck_assert_int_eq(gnutls_priority_set_direct(h->server, TLS_PRIORITIES, NULL), 0);
    ck_assert_int_eq(gnutls_set_default_priority(h->client), 0);
    ck_assert_int_eq(gnutls_credentials_set(h->server, GNUTLS_CRD_CERTIFICATE, h->server_side), 0);
    ck_assert_int_eq(gnutls_credentials_set(h->client, GNUTLS_CRD_CERTIFICATE, h->client_side), 0);
    gnutls_transport_set_int(h->server, pair[0]);
    gnutls_transport_set_int(h->client, pair[1]);
    h->identity = tls_take(tls, h->server);
}

static void hands_shake(struct hands *h, char *name, size_t size)
{
    const gnutls_datum_t *certs;
    gnutls_x509_crt_t cert;
    unsigned n;
    int a, b;

    do {
        a = gnutls_handshake(h->client);
        b = gnutls_handshake(h->server);
        ck_assert_msg((a == 0 || gnutls_error_is_fatal(a) == 0) &&
                          (b == 0 || gnutls_error_is_fatal(b) == 0),
                      "%s, %s", gnutls_strerror(a), gnutls_strerror(b));
    } while (a != 0 || b != 0);
    certs = gnutls_certificate_get_peers(h->client, &n);
    ck_assert(certs != NULL && n == 1);
    ck_assert_int_eq(gnutls_x509_crt_init(&cert), 0);
    ck_assert_int_eq(gnutls_x509_crt_import(cert, &certs[0], GNUTLS_X509_FMT_DER), 0);
    ck_assert_int_eq(
        gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size), 0);
    gnutls_x509_crt_deinit(cert);
}

static void hands_end(struct hands *h, const int pair[2])
{
    gnutls_deinit(h->client);
    gnutls_deinit(h->server);
    gnutls_certificate_free_credentials(h->client_side);
    gnutls_certificate_free_credentials(h->server_side);
    tls_drop(h->tls, h->identity);
    ck_assert_int_eq(close(pair[0]) + close(pair[1]), 0);
}

START_TEST(certificates_change_while_running)
{
    char *cert = in_folder("cert"), *key = in_folder("key"), name[32];
    time_t ends = time(NULL) + 90 * 86400;
    struct err err = ERR_INIT;
    struct tls *tls = NULL;
    struct hands before, after;
    int one[2], two[2];

    ck_assert(certificate_make(cert, key, "one", ends));
    ck_assert_int_eq(tls_new(cert, key, &tls, &err), 0);
    ck_assert_int_eq(tls_expires(tls), ends);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, one), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two), 0);
    hands_begin(&before, tls, one);
    /* what is no good changes nothing */
    ck_assert_int_eq(chmod(key, 0640), 0);
    ck_assert_int_ne(tls_reload(tls, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.detail, "chmod 600"));
    ck_assert_int_eq(tls_expires(tls), ends);
    ck_assert(certificate_make(cert, key, "two", ends + 86400));
    ck_assert_int_eq(chmod(key, 0600), 0);
    ck_assert_int_eq(tls_reload(tls, &err), 0);
    ck_assert_int_eq(tls_expires(tls), ends + 86400);
    hands_begin(&after, tls, two);
    /* who began before ends with what he began with */
    hands_shake(&before, name, sizeof name);
    ck_assert_str_eq(name, "one");
    hands_shake(&after, name, sizeof name);
    ck_assert_str_eq(name, "two");
    ck_assert_int_eq(gnutls_protocol_get_version(after.client), GNUTLS_TLS1_3);
    hands_end(&before, one);
    hands_end(&after, two);
    tls_free(&tls);
    err_fini(&err);
    free(cert);
    free(key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    hash_start();
    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, added_names);
    tcase_add_test(tc, names_under_tls_and_on_a_unix_socket);
    tcase_add_test(tc, who_may_listen_where);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, unix_sockets);
    tcase_add_test(tc, inherited_sockets);
    tcase_add_test(tc, certificate_files);
    tcase_add_test(tc, certificates_change_while_running);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

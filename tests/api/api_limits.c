/* What a client can cost: connections, requests a second, slow headers, slow reading, memory for
 * JSON within the limits of depth and number.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "work.h"

#define PLAIN "GET /service HTTP/1.1\r\nHost: localhost:%s\r\n\r\n"

static struct daemon d;

static void stop(void)
{
    daemon_stop(&d);
}

/* An answer on a connection that stays open. */
static struct reply *ask_on(int fd)
{
    char *bytes = text(PLAIN, d.port);

    raw_write(fd, bytes, strlen(bytes));
    return raw_read(fd, 30 * PATIENCE);
}

/* Whether the daemon ends the connection, at most `seconds` from now; what it sends is read. */
static bool ends_within(int fd, double seconds)
{
    double until = now_seconds() + seconds;
    char bytes[4096];

    while (now_seconds() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (poll(&p, 1, 50) == 1) {
            n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                return true;
            }
        }
    }
    return false;
}

/* A connection that was let in, once there is room. */
static int open_with_room(void)
{
    double until = now_seconds() + 30 * PATIENCE;
    struct reply *r;
    int fd;

    for (;;) {
        fd = raw_open();
        r = ask_on(fd);
        if (r != NULL && r->status == 200) {
            return fd;
        }
        close(fd);
        ck_assert_msg(now_seconds() < until, "there is still no room");
        pause_briefly();
    }
}

/* ---- connections ---- */

START_TEST(more_connections_than_there_may_be)
{
    int fds[40];
    struct reply *r;
    size_t i;

    daemon_start(&d, NULL, (const char *const[]){"--max-connections", "3", NULL});
    for (i = 0; i < 3; i++) {
        fds[i] = raw_open();
        r = ask_on(fds[i]);
        ck_assert(r != NULL && r->status == 200);
    }
    r = want_problem(http_get("/service"), 503, NULL, "all connections");
    ck_assert_str_eq(reply_header(r, "Retry-After"), "1");
    ck_assert_str_eq(reply_header(r, "Connection"), "close");
    /* those inside go on */
    r = ask_on(fds[0]);
    ck_assert(r != NULL && r->status == 200);
    close(fds[1]);
    fds[1] = open_with_room();
    /* a crowd that says nothing: all of it is shut, soon, and hurts nobody inside */
    for (i = 3; i < COUNT(fds); i++) {
        fds[i] = raw_open();
    }
    for (i = 3; i < COUNT(fds); i++) {
        ck_assert_msg(ends_within(fds[i], 20 * PATIENCE), "connection %zu stays", i);
    }
    for (i = 0; i < 3; i++) {
        r = ask_on(fds[i]);
        ck_assert(r != NULL && r->status == 200);
    }
    for (i = 0; i < COUNT(fds); i++) {
        close(fds[i]);
    }
    close(open_with_room());
    stop();
}
END_TEST

START_TEST(connections_of_one_address)
{
    int fds[2];
    struct reply *r;
    size_t i;

    daemon_start(&d, NULL, (const char *const[]){"--max-connections-per-client", "2", NULL});
    for (i = 0; i < 2; i++) {
        fds[i] = raw_open();
        r = ask_on(fds[i]);
        ck_assert(r != NULL && r->status == 200);
    }
    r = want_problem(http_get("/service"), 429, NULL, "this address");
    ck_assert_ptr_nonnull(reply_header(r, "Retry-After"));
    close(fds[0]);
    close(fds[1]);
    close(open_with_room());
    stop();
}
END_TEST

/* ---- requests ---- */

START_TEST(requests_a_second)
{
    struct reply *r = NULL;
    size_t good = 0;
    double until;

    daemon_start(&d, NULL, (const char *const[]){"--rate", "0.5:3", NULL});
    do {
        r = http_get("/service");
        good += r->status == 200;
    } while (r->status == 200 && good < 50);
    ck_assert_uint_ge(good, 3);
    ck_assert_uint_lt(good, 50);
    want_problem(r, 429, NULL, "too many requests");
    ck_assert_int_ge(atoi(reply_header(r, "Retry-After")), 1);
    ck_assert_int_le(atoi(reply_header(r, "Retry-After")), 2);
    until = now_seconds() + 30 * PATIENCE;
    while (http_get("/healthz")->status != 200) { /* the rate holds there too */
        ck_assert_msg(now_seconds() < until, "no request is let in again");
        pause_briefly();
    }
    stop();
}
END_TEST

START_TEST(any_number_of_requests_without_a_rate)
{
    daemon_start(&d, NULL, NULL);
    for (size_t i = 0; i < 200; i++) {
        want(http_get("/healthz"), 200);
    }
    stop();
}
END_TEST

/* A body that is refused for the rate is drained like any other. */
START_TEST(a_body_beyond_the_rate)
{
    size_t len = 400000;
    char *body = keep(malloc(len + 1));
    double began;
    struct reply *r;

    daemon_start(&d, NULL, (const char *const[]){"--rate", "0.01:1", NULL});
    began = now_seconds();
    want(http_get("/service"), 200);
    memset(body, ' ', len);
    body[len] = '\0';
    r = want_problem(http_post(body, "/train"), 429, NULL, "too many requests");
    /* who comes back when told is let in: never a second too early */
    ck_assert_double_ge(atof(reply_header(r, "Retry-After")), 100 - (now_seconds() - began));
    stop();
}
END_TEST

/* ---- slow ones ---- */

START_TEST(headers_that_drip)
{
    static const char head[] = "GET /service HTTP/1.1\r\nHost: localhost\r\nX-Drip: ";
    double until = now_seconds() + 30 * PATIENCE;
    int fd, idle;

    daemon_start(&d, NULL, (const char *const[]){"--slow-client-seconds", "0.5", NULL});
    fd = raw_open();
    idle = raw_open();
    raw_write(fd, head, sizeof head - 1);
    while (!ends_within(fd, 0.05)) {
        ck_assert_msg(now_seconds() < until, "it may drip for ever");
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
    }
    ck_assert(ends_within(idle, 30 * PATIENCE));
    close(fd);
    close(idle);
    want(http_get("/service"), 200);
    stop();
}
END_TEST

/* What the connection took before does not count for the headers that come after it. */
START_TEST(headers_that_drip_after_an_answer)
{
    double until = now_seconds() + 30 * PATIENCE;
    struct reply *r;
    char *ask;
    int fd;

    daemon_start(&d, NULL, (const char *const[]){"--slow-client-seconds", "0.5", NULL});
    ask = text("GET /openapi.json HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", d.port);
    fd = raw_open();
    raw_write(fd, ask, strlen(ask));
    r = raw_read(fd, 30 * PATIENCE);
    ck_assert(r != NULL && r->status == 200 && r->len > 60000);
    raw_write(fd, "GET ", 4);
    while (!ends_within(fd, 0.05)) {
        ck_assert_msg(now_seconds() < until, "it may drip for ever");
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
    }
    close(fd);
    stop();
}
END_TEST

/* A table in pieces, for three times as long as slow clients are borne, and fast enough. */
struct steady {
    double until;
    bool head;
};

static size_t make_steadily(void *arg, char *out, size_t room)
{
    struct steady *steady = arg;
    size_t n = 0;

    if (!steady->head) {
        steady->head = true;
        return (size_t)snprintf(out, room, "a,b\n");
    }
    if (now_seconds() > steady->until) {
        return 0;
    }
    pause_briefly();
    while (n < 400) {
        n += (size_t)snprintf(out + n, room - n, "1,2\n");
    }
    return n;
}

START_TEST(bodies_that_come_steadily)
{
    struct steady steady;

    daemon_start(&d, NULL, (const char *const[]){"--slow-client-seconds", "0.5", NULL});
    steady = (struct steady){.until = now_seconds() + 2};
    want(http_send(&(struct request){.method = "POST",
                                     .path = "/datasets?name=steady",
                                     .type = "text/csv",
                                     .make = make_steadily,
                                     .arg = &steady}),
         201);
    stop();
}
END_TEST

START_TEST(bodies_that_drip)
{
    char *head;
    double until = now_seconds() + 30 * PATIENCE;
    int fd;

    daemon_start(&d, NULL, (const char *const[]){"--slow-client-seconds", "0.5", NULL});
    head = text("POST /train HTTP/1.1\r\nHost: localhost:%s\r\nContent-Type: application/json\r\n"
                "Content-Length: 100000\r\n\r\n{",
                d.port);
    fd = raw_open();
    raw_write(fd, head, strlen(head));
    while (!ends_within(fd, 0.05)) {
        ck_assert_msg(now_seconds() < until, "it may drip for ever");
        (void)send(fd, " ", 1, MSG_NOSIGNAL);
    }
    close(fd);
    want(http_get("/service"), 200);
    stop();
}
END_TEST

/* A model whose weights are tens of megabytes of JSON, more than sockets hold. */
static int64_t wide_model(void)
{
    return trained(train("{" XOR_DATA ", 'architecture': {'hidden': [1600, 1600]}, 'training': "
                         "{'epochs': 1, 'batch_size': 4, 'seed': 3}}"));
}

/* A connection that takes little before it is read. */
static int open_narrow(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

    to.sin_port = htons((uint16_t)strtoul(d.port, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void want_slow_reader_cut(int fd, const char *request)
{
    double until = now_seconds() + 60 * PATIENCE;
    char byte;
    size_t n = 0;
    ssize_t got = 1;

    raw_write(fd, request, strlen(request));
    /* a byte now and then keeps the library's own watch content */
    while (got > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        ck_assert_msg(now_seconds() < until, "it may read for ever, %zu bytes so far", n);
        got = poll(&p, 1, 1000) == 1 ? recv(fd, &byte, 1, 0) : 1;
        n += got > 0;
        pause_briefly();
        if (strstr(file_read(d.log, NULL), "read too slowly") != NULL) {
            return;
        }
        test_end();
    }
    ck_abort_msg("it ended without a word");
}

/* Who reads for long, and fast enough, has all of it. */
static void want_steady_reader_served(int fd, const char *request)
{
    double until = now_seconds() + 3;
    static char bytes[32768];
    size_t n = 0;
    ssize_t got;

    raw_write(fd, request, strlen(request));
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        n += (size_t)got;
        if (got >= 5 && memcmp(bytes + got - 5, "0\r\n\r\n", 5) == 0) {
            break;
        }
        if (now_seconds() < until) {
            pause_briefly();
        }
    }
    ck_assert_uint_gt(n, 20u << 20);
}

START_TEST(answers_read_too_slowly)
{
    char *path = scratch_path("socket"), *request;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct reply *r;
    int64_t model;
    int fd;

    daemon_start(&d, NULL, (const char *const[]){"--slow-client-seconds", "1", NULL});
    model = wide_model();
    r = want(http_get("/models/%lld/weights", (long long)model), 200);
    ck_assert_uint_gt(r->len, 20u << 20); /* who reads has all of it */
    request = strdup(text("GET /models/%lld/weights HTTP/1.1\r\nHost: localhost:%s\r\n\r\n",
                          (long long)model, d.port));
    path = strdup(path);
    fd = raw_open();
    want_steady_reader_served(fd, request);
    close(fd);
    fd = open_narrow();
    want_slow_reader_cut(fd, request);
    close(fd);
    want(http_get("/service"), 200);
    stop();
    /* the same by a unix socket, where the kernel does not count */
    d.log = NULL; /* another one from here on */
    daemon_start(&d, d.state,
                 (const char *const[]){"--slow-client-seconds", "1", "--listen",
                                       text("unix:%s", path), NULL});
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    want_steady_reader_served(fd, request);
    want_slow_reader_cut(fd, request); /* the next answer on the same connection */
    close(fd);
    stop();
    free(request);
    free(path);
}
END_TEST

/* ---- JSON ---- */

/* `unit` n times in an array. */
static char *bomb(const char *unit, size_t n, size_t *len)
{
    size_t one = strlen(unit) + 1;
    char *out = keep(malloc(n * one + 16));

    for (size_t i = 0; i < n; i++) {
        memcpy(out + 1 + i * one, unit, one - 1);
        out[(i + 1) * one] = ',';
    }
    out[0] = '[';
    out[n * one] = ']';
    out[n * one + 1] = '\0';
    *len = n * one + 1;
    return out;
}

#ifndef MLPD_SANITIZERS
/* It comes back when the exchange is over, which is a moment after its answer. */
static void want_memory_below(size_t bytes)
{
    double until = now_seconds() + 20;

    while (daemon_memory(&d) >= bytes) {
        ck_assert_msg(now_seconds() < until, "%zu MiB, and should be below %zu",
                      daemon_memory(&d) >> 20, bytes >> 20);
        pause_briefly();
    }
}
#endif

START_TEST(json_bombs_within_the_limits)
{
    static const char *const units[] = {
        "{}", "[]", "{\"a\":{}}", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "\"\"", "1"};
    size_t before, len, round;

    daemon_start(&d, NULL, NULL);
    want(http_get("/service"), 200);
    before = daemon_memory(&d);
    for (round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(units); i++) {
            char *json = bomb(units[i], 200000, &len);

            want_problem(http_send(&(struct request){
                             .method = "POST", .path = "/train", .body = json, .len = len}),
                         422, NULL, NULL);
        }
    }
#ifndef MLPD_SANITIZERS /* they keep what was freed */
    want_memory_below(before + (64u << 20));
    ck_assert_uint_lt(daemon_memory_peak(&d), before + ((size_t)640 << 20));
#endif
    ck_assert_uint_gt(before, 0);
    stop();
}
END_TEST

/* What a tree would take beyond the daemon's whole budget is refused before it is made. */
START_TEST(json_beyond_its_share)
{
    size_t before = 0, len;
    char *json = bomb("{\"a\":{}}", 1800000, &len);

    daemon_start(&d, NULL, (const char *const[]){"--max-body", "16M", NULL});
    want(http_get("/service"), 200);
    before = daemon_memory(&d);
    want_problem(
        http_send(&(struct request){.method = "POST", .path = "/train", .body = json, .len = len}),
        413, NULL, "bytes of memory");
    ck_assert_uint_gt(before, 0);
#ifndef MLPD_SANITIZERS
    ck_assert_uint_lt(daemon_memory_peak(&d), before + ((size_t)96 << 20));
    want_memory_below(before + (64u << 20));
#endif
    stop();
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = case_with("all", nothing, nothing);

    tcase_add_test(tc, more_connections_than_there_may_be);
    tcase_add_test(tc, connections_of_one_address);
    tcase_add_test(tc, requests_a_second);
    tcase_add_test(tc, any_number_of_requests_without_a_rate);
    tcase_add_test(tc, a_body_beyond_the_rate);
    tcase_add_test(tc, headers_that_drip);
    tcase_add_test(tc, headers_that_drip_after_an_answer);
    tcase_add_test(tc, bodies_that_come_steadily);
    tcase_add_test(tc, bodies_that_drip);
    tcase_add_test(tc, answers_read_too_slowly);
    tcase_add_test(tc, json_bombs_within_the_limits);
    tcase_add_test(tc, json_beyond_its_share);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

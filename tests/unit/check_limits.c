/* What clients may cost: requests by address, connections, time, and memory for JSON. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "http/clients.h"
#include "http/rates.h"
#include "http/request.h"
#include "jobs/json_util.h"
#include "jobs/json_util_budget.h"

/* ---- whom a request counts for ---- */

static struct rates_key key_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return rates_key_of((const struct sockaddr *)&v4);
    }
    ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return rates_key_of((const struct sockaddr *)&v6);
}

static bool same(const char *a, const char *b)
{
    struct rates_key x = key_of(a), y = key_of(b);

    return rates_key_equal(&x, &y);
}

START_TEST(one_client_is_one_address)
{
    struct rates_key local = rates_key_of(NULL), zero = key_of("0.0.0.0"), v6 = key_of("::");

    ck_assert(same("10.0.0.1", "10.0.0.1") && !same("10.0.0.1", "10.0.0.2"));
    ck_assert(same("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"));
    ck_assert(!same("2001:db8::1", "2001:db8:0:1::1"));
    ck_assert(same("::ffff:10.0.0.1", "10.0.0.1"));
    ck_assert(!same("::ffff:10.0.0.1", "::ffff:10.0.0.2"));
    ck_assert(!rates_key_equal(&local, &zero) && !rates_key_equal(&local, &v6) &&
              !rates_key_equal(&zero, &v6));
}
END_TEST

/* ---- buckets ---- */

START_TEST(a_bucket_empties_and_fills)
{
    struct rates *r = rates_new(2, 3, 10);
    struct rates_key a = key_of("10.0.0.1"), b = key_of("10.0.0.2");

    ck_assert(rates_take(r, &a, 100) == 0 && rates_take(r, &a, 100) == 0 &&
              rates_take(r, &a, 100) == 0);
    ck_assert_double_eq_tol(rates_take(r, &a, 100), 0.5, 1e-9);
    ck_assert(rates_take(r, &b, 100) == 0); /* of its own */
    ck_assert_double_eq_tol(rates_take(r, &a, 100.25), 0.25, 1e-9);
    ck_assert(rates_take(r, &a, 100.5) == 0);
    ck_assert(rates_take(r, &a, 100.5) > 0);
    /* time does not go back */
    ck_assert_double_eq_tol(rates_take(r, &a, 99), 0.5, 1e-9);
    ck_assert_double_eq_tol(rates_take(r, &a, 100.75), 0.25, 1e-9);
    ck_assert(rates_take(r, &a, 1000) == 0 && /* no more than the burst comes together */
              rates_take(r, &a, 1000) == 0 && rates_take(r, &a, 1000) == 0);
    ck_assert(rates_take(r, &a, 1000) > 0);
    rates_free(&r);
    r = rates_new(0.01, 1, 1);
    ck_assert(rates_take(r, &a, 0) == 0);
    ck_assert_double_eq_tol(rates_take(r, &a, 0), 100, 1e-9);
    rates_free(&r);
    rates_free(&r); /* nothing */
}
END_TEST

START_TEST(the_oldest_is_forgotten)
{
    enum { MOST = 64 };
    struct rates *r = rates_new(0.001, 1, MOST);
    struct rates_key keys[3 * MOST];
    char text[32];
    size_t i;

    for (i = 0; i < 3 * MOST; i++) {
        (void)snprintf(text, sizeof text, "10.1.%zu.%zu", i / 200, i % 200);
        keys[i] = key_of(text);
    }
    for (i = 0; i < MOST; i++) {
        ck_assert(rates_take(r, &keys[i], 0) == 0);
    }
    for (i = 0; i < MOST; i++) {
        ck_assert(rates_take(r, &keys[i], 0) > 0); /* all are remembered */
    }
    ck_assert(rates_take(r, &keys[0], 0) > 0);     /* the newest now */
    ck_assert(rates_take(r, &keys[MOST], 0) == 0); /* in the place of keys[1] */
    ck_assert(rates_take(r, &keys[0], 0) > 0);
    ck_assert(rates_take(r, &keys[2], 0) > 0);
    ck_assert(rates_take(r, &keys[1], 0) == 0);
    for (i = 0; i < 100000; i++) { /* chains and ring hold through any number of changes */
        (void)rates_take(r, &keys[(i * 7919 + i / 3) % (3 * MOST)], 0);
    }
    for (i = MOST; i < 2 * MOST; i++) {
        (void)rates_take(r, &keys[i], 0);
    }
    for (i = MOST; i < 2 * MOST; i++) {
        ck_assert(rates_take(r, &keys[i], 0) > 0);
    }
    rates_free(&r);
}
END_TEST

struct crowd {
    struct rates *rates;
    size_t taken;
};

static void *take_many(void *arg)
{
    struct crowd *crowd = arg;
    struct rates_key key = key_of("10.0.0.1");
    size_t i;

    for (i = 0; i < 2000; i++) {
        crowd->taken += rates_take(crowd->rates, &key, 5) == 0;
    }
    return NULL;
}

START_TEST(threads_share_a_bucket)
{
    struct crowd crowds[4];
    struct rates *r = rates_new(1, 1000, 4);
    pthread_t threads[4];
    size_t i, taken = 0;

    for (i = 0; i < 4; i++) {
        crowds[i] = (struct crowd){.rates = r};
        PTOK(pthread_create(&threads[i], NULL, take_many, &crowds[i]));
    }
    for (i = 0; i < 4; i++) {
        PTOK(pthread_join(threads[i], NULL));
        taken += crowds[i].taken;
    }
    ck_assert_uint_eq(taken, 1000);
    rates_free(&r);
}
END_TEST

/* ---- connections ---- */

/* Both ends of a TCP connection here; the peer's takes so much unread, 0: the usual. */
static void connect_with(int pair[2], int room)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert(listener >= 0 && bind(listener, (struct sockaddr *)&at, len) == 0 &&
              listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(room == 0 ||
              setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &room, sizeof room) == 0);
    ck_assert_int_eq(connect(pair[1], (struct sockaddr *)&at, len), 0);
    pair[0] = accept(listener, NULL, NULL);
    ck_assert_int_ge(pair[0], 0);
    ck_assert_int_eq(close(listener), 0);
}

static void connect_pair(int pair[2])
{
    connect_with(pair, 0);
}

/* Whether the peer's end was shut, at most so long later. */
static bool ends_within(int fd, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&p, 1, milliseconds) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static struct client *enter(struct clients *clients, int fd, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    ck_assert_int_eq(inet_pton(AF_INET, address, &v4.sin_addr), 1);
    return clients_enter(clients, fd, (const struct sockaddr *)&v4);
}

START_TEST(connections_are_counted)
{
    struct clients_options o = {.most = 4, .most_each = 2, .slow_seconds = 60};
    struct clients *clients = clients_new(&o);
    struct client *in[24];
    int pairs[24][2];
    size_t i, spare = clients_spare(&o);

    ck_assert_uint_eq(spare, 16);
    for (i = 0; i < ARRAY_LEN(in); i++) {
        connect_pair(pairs[i]);
    }
    in[0] = enter(clients, pairs[0][0], "10.0.0.1");
    in[1] = enter(clients, pairs[1][0], "10.0.0.1");
    in[2] = enter(clients, pairs[2][0], "10.0.0.1");
    ck_assert(in[0]->excess == CLIENT_WITHIN && in[1]->excess == CLIENT_WITHIN);
    ck_assert_int_eq(in[2]->excess, CLIENT_TOO_MANY_EACH);
    in[3] = enter(clients, pairs[3][0], "10.0.0.2");
    in[4] = enter(clients, pairs[4][0], "10.0.0.3");
    ck_assert(in[3]->excess == CLIENT_WITHIN && in[4]->excess == CLIENT_WITHIN);
    in[5] = enter(clients, pairs[5][0], "10.0.0.4");
    ck_assert_int_eq(in[5]->excess, CLIENT_TOO_MANY);
    clients_leave(clients, in[0]); /* room for one, and for one of 10.0.0.1 */
    in[0] = enter(clients, pairs[0][0], "10.0.0.1");
    ck_assert_int_eq(in[0]->excess, CLIENT_WITHIN);
    /* two too many are in; those beyond the spare ones are shut at once */
    for (i = 6; i < 6 + spare - 2; i++) {
        in[i] = enter(clients, pairs[i][0], "10.0.0.5");
        ck_assert(!ends_within(pairs[i][1], 0));
    }
    for (; i < ARRAY_LEN(in); i++) {
        in[i] = enter(clients, pairs[i][0], "10.0.0.5");
        ck_assert(ends_within(pairs[i][1], 1000));
    }
    ck_assert_uint_eq(clients_open(clients), ARRAY_LEN(in));
    /* the others who are too many have two seconds; who is within stays */
    ck_assert(ends_within(pairs[5][1], 20000) && ends_within(pairs[2][1], 20000));
    ck_assert(!ends_within(pairs[0][1], 0) && !ends_within(pairs[4][1], 0));
    for (i = 0; i < ARRAY_LEN(in); i++) {
        clients_leave(clients, in[i]);
        ck_assert_int_eq(close(pairs[i][0]) + close(pairs[i][1]), 0);
    }
    ck_assert_uint_eq(clients_open(clients), 0);
    clients_free(&clients);
}
END_TEST

START_TEST(slow_ones_are_shut)
{
    struct clients_options o = {.most = 10, .slow_seconds = 0.3};
    struct clients *clients = clients_new(&o);
    struct client *in[6];
    int pairs[6][2];
    char bytes[4096] = "";
    size_t i;

    for (i = 0; i < 5; i++) {
        connect_pair(pairs[i]);
        in[i] = enter(clients, pairs[i][0], "10.0.0.1");
    }
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[5]), 0);
    in[5] = clients_enter(clients, pairs[5][0], NULL);
    /* 0 waits; 1 reads; 2 answers to a peer that takes enough for long; 3 answers, and all it
     * took was of the answer before; 4 and 5 answer to peers that take nothing */
    clients_phase(clients, in[1], CLIENT_READING);
    clients_phase(clients, in[2], CLIENT_ANSWERING);
    for (i = 0; i < 25; i++) { /* good for 100 s */
        ck_assert_int_eq(send(pairs[2][0], bytes, sizeof bytes, 0), sizeof bytes);
        ck_assert_int_eq(recv(pairs[2][1], bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
        ck_assert_int_eq(send(pairs[3][0], bytes, sizeof bytes, 0), sizeof bytes);
        ck_assert_int_eq(recv(pairs[3][1], bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
    }
    clients_phase(clients, in[3], CLIENT_ANSWERING);
    ck_assert_uint_ge(in[3]->base, 24 * sizeof bytes);
    clients_phase(clients, in[4], CLIENT_ANSWERING);
    clients_phase(clients, in[5], CLIENT_ANSWERING);
    ck_assert(ends_within(pairs[0][1], 20000));
    ck_assert(ends_within(pairs[3][1], 20000));
    ck_assert(ends_within(pairs[4][1], 20000));
    ck_assert(ends_within(pairs[5][1], 20000));
    ck_assert(!ends_within(pairs[1][1], 0) && !ends_within(pairs[2][1], 0));
    for (i = 0; i < 6; i++) {
        clients_leave(clients, in[i]);
        ck_assert_int_eq(close(pairs[i][0]) + close(pairs[i][1]), 0);
    }
    clients_free(&clients);
}
END_TEST

/* The kernel would keep an answer that was written and never read, and offer it on and on, though
 * the connection is closed: it goes at once instead. */
START_TEST(what_nobody_reads_is_thrown_away)
{
    struct clients_options o = {.most = 10, .slow_seconds = 0.3};
    struct clients *clients = clients_new(&o);
    static char bytes[1 << 20];
    struct client *in;
    size_t sent = 0, got = 0;
    ssize_t n;
    int pair[2];

    connect_with(pair, 1); /* as little as there can be */
    in = enter(clients, pair[0], "10.0.0.1");
    clients_phase(clients, in, CLIENT_ANSWERING);
    while ((n = send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        sent += (size_t)n;
    }
    ck_assert(n < 0 && errno == EAGAIN);
    while (send(pair[0], bytes, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != -1 || errno != EPIPE) {
        (void)usleep(1000); /* the sweeper has not come yet; the case has a limit */
    }
    clients_leave(clients, in);
    ck_assert_int_eq(close(pair[0]), 0);
    while ((n = recv(pair[1], bytes, sizeof bytes, 0)) > 0) {
        got += (size_t)n;
    }
    ck_assert(n < 0 && errno == ECONNRESET);
    ck_assert_uint_lt(got, sent);
    ck_assert_int_eq(close(pair[1]), 0);
    clients_free(&clients);
}
END_TEST

START_TEST(how_slow_is_too_slow)
{
    ck_assert(!clients_too_slow(60, 60, 0) && clients_too_slow(60.1, 60, 0));
    ck_assert(!clients_too_slow(70, 60, 10 * 1024) && clients_too_slow(70, 60, 10 * 1024 - 1));
    ck_assert(!clients_too_slow(1e6, 60, UINT64_MAX));
}
END_TEST

/* ---- JSON ---- */

/* `unit` again and again between the brackets, about `bytes` long. */
static void repeat(struct buf *out, const char *unit, size_t bytes)
{
    buf_puts(out, "[");
    while (out->len < bytes) {
        buf_puts(out, unit);
        buf_puts(out, ",");
    }
    buf_puts(out, unit);
    buf_puts(out, "]");
}

static int parse_within(const struct buf *text, size_t room, struct err *err)
{
    json_t *json = NULL;
    int rc;

    json_util_budget_set(room);
    rc = json_util_parse(text->data, text->len, JSON_UTIL_MANY, &json, err);
    json_util_budget_set(0);
    if (rc == 0) {
        json_decref(json);
    }
    return rc;
}

/* A request's room is enough for whatever its body is, and half of what it takes is not. */
START_TEST(json_has_its_room)
{
    static const char *const units[] = {
        "[]",
        "{}",
        "1",
        "1.5",
        "\"\"",
        "\"abcdefghijklmnopqrstuvwxyz\"",
        "{\"a\":1}",
        "{\"a\":{},\"b\":[]}",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}",
        "[1,2,3,4,5,6,7,8,9]",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "\"\\u00e4\\u00e4\\u00e4\""};
    size_t i;

    for (i = 0; i < ARRAY_LEN(units); i++) {
        struct buf text = BUF_INIT;
        struct err err = ERR_INIT;
        size_t tree;

        repeat(&text, units[i], 2u << 20);
        tree = request_tree_bytes(text.data, text.len);
        ck_assert_msg(parse_within(&text, request_json_room(text.len, tree) - (8u << 20), &err) ==
                          0,
                      "%s: %s", units[i], err.detail);
        ck_assert_int_ne(parse_within(&text, text.len, &err), 0);
        ck_assert_int_eq(err.code, ERR_TOO_LARGE);
        ck_assert_ptr_nonnull(strstr(err.detail, "bytes of memory"));
        err_fini(&err);
        buf_fini(&text);
    }
}
END_TEST

START_TEST(one_long_text_has_its_room)
{
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    size_t i;

    buf_puts(&text, "[\"");
    for (i = 0; i < (4u << 20); i++) {
        buf_puts(&text, "x");
    }
    buf_puts(&text, "\"]");
    ck_assert_int_eq(parse_within(&text, request_json_room(text.len, 0), &err), 0);
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

/* Many readings one after another: what is given back counts no more. */
START_TEST(json_room_comes_back)
{
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    json_t *json = NULL;
    size_t i;

    repeat(&text, "{\"a\":[1,2,3]}", 10000);
    json_util_budget_set(100000);
    json_util_budget_begin();
    for (i = 0; i < 100; i++) { /* within one reading too */
        json = json_pack("[i, s, {s: f}]", 1, "text", "key", 1.5);
        ck_assert_ptr_nonnull(json);
        json_decref(json);
    }
    for (i = 0; i < 1000 && (json = json_stringn(text.data, 5000)) != NULL; i++) {
        json_decref(json);
    }
    ck_assert_uint_eq(i, 1000);
    ck_assert(!json_util_budget_end());
    for (i = 0; i < 50; i++) {
        ck_assert_int_eq(parse_within(&text, 600000, &err), 0);
    }
    ck_assert_int_ne(parse_within(&text, 100000, &err), 0);
    err_fini(&err);
    ck_assert_int_eq(json_util_parse(text.data, text.len, JSON_UTIL_FEW, &json, &err), 0);
    json_decref(json);
    buf_puts(&text, "x"); /* bad JSON within the room is called bad JSON */
    ck_assert_int_ne(parse_within(&text, 600000, &err), 0);
    ck_assert_int_eq(err.code, ERR_SYNTAX);
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    hash_start();
    json_util_budget_install();
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, one_client_is_one_address);
    tcase_add_test(tc, a_bucket_empties_and_fills);
    tcase_add_test(tc, the_oldest_is_forgotten);
    tcase_add_test(tc, threads_share_a_bucket);
    tcase_add_test(tc, connections_are_counted);
    tcase_add_test(tc, slow_ones_are_shut);
    tcase_add_test(tc, what_nobody_reads_is_thrown_away);
    tcase_add_test(tc, how_slow_is_too_slow);
    tcase_add_test(tc, json_has_its_room);
    tcase_add_test(tc, one_long_text_has_its_room);
    tcase_add_test(tc, json_room_comes_back);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

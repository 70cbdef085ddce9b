/* What the tests of where a call may go share: three sets of rules, and a GET that is refused
 * without a connection tried (net_help.h writes each down). A program defines serve().
 */
#ifndef TESTS_UNIT_WHERE_HELP_H
#define TESTS_UNIT_WHERE_HELP_H

#include "net/outgoing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_help.h"

#define PUBLIC   "93.184.216.34"
#define PUBLIC_6 "2606:2800:220:1:248:1893:25c8:1946"

static struct net_server server;
static struct err err;
static struct outgoing_reply reply;
/* They allow: nothing, 127.0.0.1/32, http to the public. */
static struct outgoing *nobody, *loop, *plain;

static void serve(struct net_server *s, int fd, const char *request);

static struct outgoing *rules(const char *network, bool http)
{
    const char *const networks[] = {network};
    struct outgoing_options options = {
        .allow_private = networks, .n_allow_private = network != NULL, .allow_http = http};
    struct outgoing *o = NULL;

    ck_assert_int_eq(outgoing_new(&options, &o, &err), 0);
    return o;
}

static void setup(void)
{
    net_reset();
    net_server_start(&server, serve);
    err = (struct err)ERR_INIT;
    reply = (struct outgoing_reply){.status = -7};
    nobody = rules(NULL, false);
    loop = rules("127.0.0.1/32", false);
    plain = rules(NULL, true);
}

static void teardown(void)
{
    outgoing_free(&nobody);
    outgoing_free(&loop);
    outgoing_free(&plain);
    buf_fini(&reply.body);
    err_fini(&err);
    net_server_stop(&server);
    net_reset();
}

/* A GET of the text, with %u for the server's port, and so many redirects. */
static int get(const struct outgoing *o, const char *format, unsigned redirects)
{
    static char url[4200];
    struct outgoing_request request = {
        .method = "GET", .url = url, .seconds = 10, .most_bytes = 1000, .redirects = redirects};
    const char *hole = strstr(format, "%u");

    (void)snprintf(url, sizeof url, "%.*s", hole != NULL ? (int)(hole - format) : 4000, format);
    if (hole != NULL) {
        size_t n = strlen(url);

        (void)snprintf(url + n, sizeof url - n, "%u%s", server.port, hole + 2);
    }
    err_fini(&err);
    buf_fini(&reply.body);
    reply = (struct outgoing_reply){.status = -7};
    return outgoing_send(o, &request, &reply, &err);
}

static void answers(const struct outgoing *o, const char *format, unsigned redirects,
                    const char *body)
{
    ck_assert_msg(get(o, format, redirects) == 0, "%s: %s", format, err.detail);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.body.data, body);
}

/* Refused, and nothing was tried since `tries`. */
static void refused(const struct outgoing *o, const char *format, unsigned redirects,
                    unsigned tries)
{
    ck_assert_msg(get(o, format, redirects) == -1, "%s", format);
    ck_assert_msg(err.code == ERR_INVALID, "%s: %s: %s", format, err_code_name(err.code),
                  err.detail);
    ck_assert_msg(net_tried(NULL) == tries, "%s: %u tries", format, net_tried(NULL));
    ck_assert_int_eq(reply.status, -7);
    ck_assert_ptr_null(reply.body.data);
}

#endif

/* What the tests of a call share: rules that allow 127.0.0.1, and a server there. A program defines
 * serve(), which answers by path.
 */
#ifndef TESTS_UNIT_OUTGOING_HELP_H
#define TESTS_UNIT_OUTGOING_HELP_H

#include "net/outgoing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_help.h"

static struct outgoing *rules;
static struct net_server server;
static struct err err;
static struct outgoing_reply reply;
static char url[128];

static void serve(struct net_server *s, int fd, const char *request);

static void setup(void)
{
    const char *const allowed[] = {"127.0.0.1/32"};
    struct outgoing_options options = {.allow_private = allowed, .n_allow_private = 1};

    net_reset();
    net_server_start(&server, serve);
    err = (struct err)ERR_INIT;
    reply = (struct outgoing_reply){.status = -7};
    ck_assert_int_eq(outgoing_new(&options, &rules, &err), 0);
}

static void teardown(void)
{
    outgoing_free(&rules);
    ck_assert_ptr_null(rules);
    buf_fini(&reply.body);
    err_fini(&err);
    net_server_stop(&server);
    net_reset();
}

static const char *at(const char *path)
{
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server.port, path);
    return url;
}

static struct outgoing_request get(const char *path)
{
    return (struct outgoing_request){
        .method = "GET", .url = at(path), .seconds = 10, .most_bytes = 1000};
}

static void answers(const struct outgoing_request *request, long status, const char *body)
{
    ck_assert_msg(outgoing_send(rules, request, &reply, &err) == 0, "%s", err.detail);
    ck_assert_int_eq(reply.status, status);
    ck_assert_uint_eq(reply.body.len, strlen(body));
    ck_assert_str_eq(reply.body.data != NULL ? reply.body.data : "", body);
}

static void fails(const struct outgoing_request *request, enum err_code code, const char *word)
{
    ck_assert_int_eq(outgoing_send(rules, request, &reply, &err), -1);
    ck_assert_msg(err.code == code, "%s: %s", err_code_name(err.code), err.detail);
    ck_assert_msg(strstr(err.detail, word) != NULL, "%s", err.detail);
    ck_assert_msg(strstr(err.detail, "127.") == NULL, "an address in: %s", err.detail);
    ck_assert_int_eq(reply.status, -7); /* untouched */
    ck_assert_ptr_null(reply.body.data);
}

#endif

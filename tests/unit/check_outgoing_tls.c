/* TLS of a call: who is trusted, and that nothing is said to who is not. The server is
 * libmicrohttpd's. Its key and certificates are made for these tests and mean nothing elsewhere.
 */
#include "net/outgoing.h"

#include <check.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net_help.h"

/* clang-format off */
static const char key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgczd5/0dI+/4GmkGa\n"
    "vB3aggO48K2NvtDx0quTL3XslvGhRANCAATAzr7JE4zt0D4gzsr7BCc/vWkSCJvE\n"
    "GnixEYnOhhy1NMXlmPJx5VC6JSO/zj3xvS7vpSnCgCFqLC+moHS9Zt8w\n"
    "-----END PRIVATE KEY-----\n";

/* Signed by itself, for hook.example and 127.0.0.1: from 2020 to 2120, and to 2021. */
static const char good[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbTCCARKgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDAptbHBkIHRl\n"
    "c3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAVMRMwEQYDVQQD\n"
    "DAptbHBkIHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwM6+yROM7dA+\n"
    "IM7K+wQnP71pEgibxBp4sRGJzoYctTTF5ZjyceVQuiUjv8498b0u76UpwoAhaiwv\n"
    "pqB0vWbfMKNRME8wHQYDVR0RBBYwFIIMaG9vay5leGFtcGxlhwR/AAABMA8GA1Ud\n"
    "EwEB/wQFMAMBAf8wHQYDVR0OBBYEFAFBUxDz7OThafIsv2Vg6IrfPUTGMAoGCCqG\n"
    "SM49BAMCA0kAMEYCIQDrMmVsB6vwj5Zhw9NdEq8l7dfd8P8Ijs+FLulV/OrpdQIh\n"
    "AK0Ju4JYOcfPJbAu01clUw3HTFdA2e9AZeLQd+rmcdbB\n"
    "-----END CERTIFICATE-----\n";

static const char old[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBajCCARCgAwIBAgIBAjAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDAptbHBkIHRl\n"
    "c3RzMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowFTETMBEGA1UEAwwK\n"
    "bWxwZCB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMDOvskTjO3QPiDO\n"
    "yvsEJz+9aRIIm8QaeLERic6GHLU0xeWY8nHlULolI7/OPfG9Lu+lKcKAIWosL6ag\n"
    "dL1m3zCjUTBPMB0GA1UdEQQWMBSCDGhvb2suZXhhbXBsZYcEfwAAATAPBgNVHRMB\n"
    "Af8EBTADAQH/MB0GA1UdDgQWBBQBQVMQ8+zk4WnyLL9lYOiK3z1ExjAKBggqhkjO\n"
    "PQQDAgNIADBFAiEAviY4LUdt+62yhHPG56Cu1xhNTqrmo8uwJQoH0RxQyHUCIHbQ\n"
    "6l601wLdf1/VY22DtuiRyHAjBx/Y7P29kPdgWxoQ\n"
    "-----END CERTIFICATE-----\n";
/* clang-format on */

static struct MHD_Daemon *server;
static unsigned requests; /* the server's thread, and the test's when it has stopped */
static struct err err;
static struct outgoing_reply reply;
static char ca[32], ca_path[64];

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *bytes,
                              size_t *len, void **state)
{
    struct MHD_Response *response;
    bool down = strcmp(path, "/down") == 0;
    enum MHD_Result rc;

    (void)arg, (void)method, (void)version, (void)bytes, (void)len;
    if (*state == NULL) {
        *state = &requests;
        return MHD_YES;
    }
    requests++;
    response = MHD_create_response_from_buffer(4, (char[]){"here"}, MHD_RESPMEM_MUST_COPY);
    if (down) {
        CHK(MHD_add_response_header(response, "Location", "http://hook.example:8080/") == MHD_YES);
    }
    rc = MHD_queue_response(connection, down ? 302 : 200, response);
    MHD_destroy_response(response);
    return rc;
}

static void serve(const char *certificate)
{
    server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer,
                              NULL, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT,
                              certificate, MHD_OPTION_END);
    ck_assert_ptr_nonnull(server);
}

static void put_ca(const char *first, const char *second)
{
    FILE *f = fopen(ca_path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fprintf(f, "%s%s", first, second), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void setup(void)
{
    const char *const here[] = {"127.0.0.1"};

    net_reset();
    net_name("hook.example", here, 1);
    net_name("other.example", here, 1);
    requests = 0;
    err = (struct err)ERR_INIT;
    reply = (struct outgoing_reply){.status = -7};
    (void)snprintf(ca, sizeof ca, "/tmp/mlpd-ca-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(ca));
    (void)snprintf(ca_path, sizeof ca_path, "%s/ca.pem", ca);
    put_ca(good, old);
}

static void teardown(void)
{
    buf_fini(&reply.body);
    err_fini(&err);
    ck_assert_int_eq(unlink(ca_path), 0);
    ck_assert_int_eq(rmdir(ca), 0);
    net_reset();
}

/* One call to the name; then the server has gone. */
static int get(const char *host, const char *path, const char *ca_file, unsigned redirects)
{
    const char *const networks[] = {"127.0.0.1"};
    struct outgoing_options options = {
        .allow_private = networks, .n_allow_private = 1, .ca_file = ca_file};
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT);
    struct outgoing_request request = {.method = "GET", .most_bytes = 100, .redirects = redirects};
    struct outgoing *o = NULL;
    char *url;
    int rc;

    ck_assert_ptr_nonnull(info);
    ck_assert_int_eq(outgoing_new(&options, &o, &err), 0);
    url = xasprintf("https://%s:%u%s", host, (unsigned)info->port, path);
    request.url = url;
    rc = outgoing_send(o, &request, &reply, &err);
    free(url);
    outgoing_free(&o);
    MHD_stop_daemon(server);
    return rc;
}

START_TEST(a_trusted_one)
{
    serve(good);
    ck_assert_msg(get("hook.example", "/", ca_path, 0) == 0, "%s", err.detail);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.body.data, "here");
}
END_TEST

START_TEST(a_trusted_address)
{
    serve(good);
    ck_assert_msg(get("127.0.0.1", "/", ca_path, 0) == 0, "%s", err.detail);
}
END_TEST

static void is_refused(void)
{
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_str_eq(err.detail, "could not connect, or the connection broke");
    ck_assert_uint_eq(requests, 0);
}

START_TEST(nobody_knows_it)
{
    serve(good);
    ck_assert_int_eq(get("hook.example", "/", NULL, 0), -1);
    is_refused();
    ck_assert_uint_eq(net_tried(NULL), 1);
}
END_TEST

START_TEST(another_name)
{
    serve(good);
    ck_assert_int_eq(get("other.example", "/", ca_path, 0), -1);
    is_refused();
    ck_assert_uint_eq(net_tried(NULL), 1);
}
END_TEST

START_TEST(out_of_date)
{
    serve(old);
    ck_assert_int_eq(get("hook.example", "/", ca_path, 0), -1);
    is_refused();
    ck_assert_uint_eq(net_tried(NULL), 1);
}
END_TEST

/* A file without a certificate trusts nobody. */
START_TEST(an_empty_file)
{
    put_ca("", "");
    serve(good);
    ck_assert_int_eq(get("hook.example", "/", ca_path, 0), -1);
    is_refused();
}
END_TEST

/* What was asked under TLS is not asked again in the clear. */
START_TEST(not_down_to_http)
{
    serve(good);
    ck_assert_int_eq(get("hook.example", "/down", ca_path, 3), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.detail, "plain http"));
    ck_assert_uint_eq(net_tried(NULL), 1);
    ck_assert_uint_eq(requests, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outgoing_tls");
    TCase *tc = tcase_create("outgoing_tls");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_trusted_one);
    tcase_add_test(tc, a_trusted_address);
    tcase_add_test(tc, nobody_knows_it);
    tcase_add_test(tc, another_name);
    tcase_add_test(tc, out_of_date);
    tcase_add_test(tc, an_empty_file);
    tcase_add_test(tc, not_down_to_http);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

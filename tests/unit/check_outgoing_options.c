/* What libcurl is told, option by option: most of these are what it would do anyway, and must stay
 * so whatever version is linked. The linker puts us in front of curl_easy_setopt (--wrap).
 */
#include "net/outgoing.h"

#include <check.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

static struct {
    CURLoption option;
    long number;
    bool null;
    char text[100];
} seen[100];
static size_t n_seen;

CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    size_t i = n_seen++;
    CURLcode rc;
    va_list ap;

    CHK(i < ARRAY_LEN(seen));
    seen[i].option = option;
    va_start(ap, option);
    if (option < CURLOPTTYPE_OBJECTPOINT) {
        seen[i].number = va_arg(ap, long);
        rc = __real_curl_easy_setopt(easy, option, seen[i].number);
    } else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB) {
        curl_off_t number = va_arg(ap, curl_off_t);

        seen[i].number = (long)number;
        rc = __real_curl_easy_setopt(easy, option, number);
    } else {
        void *p = va_arg(ap, void *);

        seen[i].null = p == NULL;
        switch ((int)option) { /* those that are texts */
        case CURLOPT_PROXY:
        case CURLOPT_PROTOCOLS_STR:
        case CURLOPT_REDIR_PROTOCOLS_STR:
        case CURLOPT_USERAGENT:
        case CURLOPT_CAINFO:
            (void)snprintf(seen[i].text, sizeof seen[i].text, "%s", (const char *)p);
            break;
        default:
            break;
        }
        rc = __real_curl_easy_setopt(easy, option, p);
    }
    va_end(ap);
    return rc;
}

/* Where it was set last; it must have been. */
static size_t of(CURLoption option)
{
    size_t i = n_seen;

    while (i > 0 && seen[i - 1].option != option) {
        i--;
    }
    ck_assert_msg(i > 0, "option %d is not set", (int)option);
    return i - 1;
}

static bool is_set(CURLoption option)
{
    size_t i;

    for (i = 0; i < n_seen; i++) {
        if (seen[i].option == option) {
            return true;
        }
    }
    return false;
}

/* A call to a port of this machine where nobody listens. */
static void call(struct outgoing_request *request, const char *ca_file)
{
    const char *const networks[] = {"127.0.0.1"};
    struct outgoing_options options = {
        .allow_private = networks, .n_allow_private = 1, .ca_file = ca_file};
    struct outgoing *o = NULL;
    struct outgoing_reply reply;
    struct err err = ERR_INIT;

    n_seen = 0;
    ck_assert_int_eq(outgoing_new(&options, &o, &err), 0);
    ck_assert_int_eq(outgoing_send(o, request, &reply, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    outgoing_free(&o);
    err_fini(&err);
}

START_TEST(what_nobody_changes)
{
    static const struct {
        CURLoption option;
        long number;
    } numbers[] = {
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_UNRESTRICTED_AUTH, 0},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_FRESH_CONNECT, 1},
        {CURLOPT_FORBID_REUSE, 1},
        {CURLOPT_NOPROGRESS, 0},
        {CURLOPT_CONNECTTIMEOUT_MS, 5000},
        {CURLOPT_LOW_SPEED_LIMIT, 100},
        {CURLOPT_LOW_SPEED_TIME, 30},
        {CURLOPT_MAXFILESIZE_LARGE, 1234},
        {CURLOPT_HTTPGET, 1},
    };
    struct outgoing_request request = {
        .method = "GET", .url = "https://127.0.0.1:1/", .most_bytes = 1234};
    size_t i;

    call(&request, NULL);
    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        ck_assert_msg(seen[of(numbers[i].option)].number == numbers[i].number, "option %d is %ld",
                      (int)numbers[i].option, seen[of(numbers[i].option)].number);
    }
    ck_assert_int_gt(seen[of(CURLOPT_TIMEOUT_MS)].number, 15000);
    ck_assert_int_le(seen[of(CURLOPT_TIMEOUT_MS)].number, 20000);
    ck_assert_str_eq(seen[of(CURLOPT_PROTOCOLS_STR)].text, "https");
    ck_assert_str_eq(seen[of(CURLOPT_REDIR_PROTOCOLS_STR)].text, "https");
    ck_assert_str_eq(seen[of(CURLOPT_PROXY)].text, "");
    ck_assert(!seen[of(CURLOPT_PROXY)].null);
    ck_assert(strncmp(seen[of(CURLOPT_USERAGENT)].text, "mlpd/", 5) == 0);
    ck_assert(seen[of(CURLOPT_COOKIEFILE)].null);
    ck_assert(seen[of(CURLOPT_ACCEPT_ENCODING)].null);
    ck_assert(!seen[of(CURLOPT_OPENSOCKETFUNCTION)].null);
    ck_assert(!is_set(CURLOPT_CAINFO)); /* the system's */
    ck_assert(!is_set(CURLOPT_CAPATH));
    ck_assert(!is_set(CURLOPT_POST));
    ck_assert(!is_set(CURLOPT_USERPWD));
    ck_assert(!is_set(CURLOPT_RESOLVE));
    ck_assert(!is_set(CURLOPT_UNIX_SOCKET_PATH));
#if LIBCURL_VERSION_NUM >= 0x075700
    ck_assert_int_eq(seen[of(CURLOPT_QUICK_EXIT)].number, 1);
#endif
}
END_TEST

START_TEST(limits_of_a_call)
{
    struct outgoing_request request = {.method = "POST",
                                       .url = "http://127.0.0.1:1/",
                                       .body = "abc",
                                       .len = 3,
                                       .connect_seconds = 0.25,
                                       .seconds = 1e9,
                                       .slow_seconds = 7.5};

    call(&request, NULL);
    ck_assert_int_eq(seen[of(CURLOPT_CONNECTTIMEOUT_MS)].number, 250);
    ck_assert_int_gt(seen[of(CURLOPT_TIMEOUT_MS)].number, 86390000); /* a day at most */
    ck_assert_int_le(seen[of(CURLOPT_TIMEOUT_MS)].number, 86400000);
    ck_assert_int_eq(seen[of(CURLOPT_LOW_SPEED_TIME)].number, 8);
    ck_assert_int_eq(seen[of(CURLOPT_POSTFIELDSIZE_LARGE)].number, 3);
    ck_assert_str_eq(seen[of(CURLOPT_PROTOCOLS_STR)].text, "http");
    ck_assert(!is_set(CURLOPT_HTTPGET));
}
END_TEST

/* Given certificates are the only ones: the system's folder does not count beside them. */
START_TEST(certificates_given)
{
    struct outgoing_request request = {.method = "GET", .url = "https://127.0.0.1:1/"};
    char path[] = "/tmp/mlpd-ca-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    call(&request, path);
    ck_assert_str_eq(seen[of(CURLOPT_CAINFO)].text, path);
    ck_assert(seen[of(CURLOPT_CAPATH)].null);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outgoing_options");
    TCase *tc = tcase_create("outgoing_options");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_nobody_changes);
    tcase_add_test(tc, limits_of_a_call);
    tcase_add_test(tc, certificates_given);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

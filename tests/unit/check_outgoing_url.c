/* The URLs that are refused and those that are not, by their text alone: schemes, users, ports, and
 * addresses in digits of every form. Names and redirects are check_outgoing_where.c's.
 */
#include "where_help.h"

static void serve(struct net_server *s, int fd, const char *request)
{
    (void)s;
    (void)request;
    net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere");
}

/* Refused by everyone but the operator of the network named, who is asked nothing here. */
static const char *const bad_urls[] = {
    /* an address in digits, in any form */
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://0x7f.1/",
    "https://0x7f.0x0.0x0.0x1/", "https://0177.0.0.1/", "https://017700000001/",
    "https://2130706433/", "https://0x7f000001/", "https://127.0.0.1:8443/", "https://0/",
    "https://0.0.0.0/", "https://10.1.2.3/", "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/", "https://0xa9fea9fe/", "https://192.168.1.1/", "https://172.16.0.1/",
    "https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://4294967295/",
    "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/", "https://[fe80::1]/",
    "https://[fc00::1]/", "https://[fd00::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
    /* encoded */
    "https://127%2e0%2e0%2e1/", "https://%31%32%37.0.0.1/", "https://127.0.0.1%2f.good.example/",
    "https://127.0.0.1%00.good.example/", "https://127.0.0.1%23.good.example/",
    "https://good.example%40127.0.0.1/",
    /* a user, or what looks like one */
    "https://good@127.0.0.1/", "https://good.example@127.0.0.1/",
    "https://good.example:443@127.0.0.1/", "https://user@" PUBLIC "/", "https://u:p@" PUBLIC "/",
    "https://:p@" PUBLIC "/", "https://@" PUBLIC "/", "https://:@" PUBLIC "/",
    "https://a@b@" PUBLIC "/", "https://a%40b@" PUBLIC "/", "https://good.example\\@127.0.0.1/",
    "https://127.0.0.1\\@good.example/", "https://127.0.0.1#@good.example/",
    "https://127.0.0.1?@good.example/", "https://127.0.0.1;@good.example/",
    /* a zone */
    "https://[fe80::1%25eth0]/", "https://[2606:2800::1%25eth0]/", "https://[fe80::1%eth0]/",
    /* no URL of the kind */
    "", " ", "https", "https:", "https:/", "https://", "https:///", "https://?", "https://#",
    "https://:443/", "//93.184.216.34/", "/etc/passwd", "93.184.216.34", "93.184.216.34:443",
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "file://93.184.216.34/x", "FILE:///x",
    "gopher://93.184.216.34/", "ftp://93.184.216.34/", "ftps://93.184.216.34/",
    "dict://93.184.216.34/", "ldap://93.184.216.34/", "smb://93.184.216.34/x",
    "tftp://93.184.216.34/x", "telnet://93.184.216.34/", "ws://93.184.216.34/",
    "javascript:alert(1)", "data:text/plain,x", "blob:https://93.184.216.34/", "unix:///run/x",
    "httpss://93.184.216.34/", "http+unix://93.184.216.34/", "jar:https://93.184.216.34/!/",
    /* characters */
    " https://93.184.216.34/", "https://93.184.216.34/ ", "https://93.184.216.34/a b",
    "https://93.184.216.34/\r\nX: y", "https://93.184.216.34/\n", "https://93.184.216.34/\x7f",
    "https://93.184.216.34/\t", "https://93.184.216.34/\\", "https://93.184.216.34/\xc3\xa4",
    "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", /* 127 in wide digits */
    "https://127.0\xe3\x80\x82\x30.1/",                    /* an ideographic full stop */
    /* ports */
    "https://93.184.216.34:0/", "https://93.184.216.34:1/", "https://93.184.216.34:22/",
    "https://93.184.216.34:25/", "https://93.184.216.34:79/", "https://93.184.216.34:81/",
    "https://93.184.216.34:442/", "https://93.184.216.34:444/", "https://93.184.216.34:7999/",
    "https://93.184.216.34:9000/", "https://93.184.216.34:6379/", "https://93.184.216.34:65536/",
    "https://93.184.216.34:65979/", /* 443 in 16 bits */
    "https://93.184.216.34:-1/", "https://93.184.216.34:x/", "https://93.184.216.34:443:443/",
    "https://good.example:22/", "https://good.example:9000/",
    /* not in the clear */
    "http://93.184.216.34/", "http://good.example/", "http://127.0.0.1/", "HTTP://93.184.216.34/"};

START_TEST(a_bad_url)
{
    const char *text = bad_urls[_i];

    ck_assert_msg(outgoing_check_url(nobody, text, &err) == -1, "%s", text);
    ck_assert_msg(err.code == ERR_INVALID, "%s", text);
    ck_assert_msg(strstr(err.detail, "refused: ") != NULL, "%s: %s", text, err.detail);
    refused(nobody, text, 3, 0);
    ck_assert_uint_eq(net_lookups(), 0);
}
END_TEST

static const char *const good_urls[] = {
    "https://93.184.216.34/",
    "https://93.184.216.34",
    "https://93.184.216.34?a=b",
    "https://93.184.216.34/#part",
    "HTTPS://93.184.216.34/",
    "https://93.184.216.34:80/",
    "https://93.184.216.34:443/",
    "https://93.184.216.34:8000/",
    "https://93.184.216.34:8999/",
    "https://93.184.216.34:/",
    "https://good.example/a/b?c=%20&d=@",
    "https://good.example:8080/",
    "https://[" PUBLIC_6 "]/",
    "https://[" PUBLIC_6 "]:8443/",
    "https://[::ffff:93.184.216.34]/",
    "https://[64:ff9b::93.184.216.34]/",
    "https://localhost/", /* for its lookup to say */
    "https://xn--mnchen-3ya.example/",
    "https://1572395042/" /* 93.184.216.34 */
};

START_TEST(a_good_url)
{
    ck_assert_msg(outgoing_check_url(nobody, good_urls[_i], &err) == 0, "%s: %s", good_urls[_i],
                  err.detail);
    ck_assert(!err_is(&err));
    ck_assert_uint_eq(net_lookups() + net_tried(NULL), 0);
}
END_TEST

static const struct {
    const char *url, *word;
} reasons[] = {{"https://u@good.example/", "user or password"},
               {"ftp://good.example/", "begin with https://"},
               {"nonsense://good.example/", "begin with https://"},
               {"http://good.example/", "plain http"},
               {"http://93.184.216.34/", "plain http"},
               {"https://[fe80::1%25eth0]/", "zone"},
               {"https:///", "absolute"},
               {"good.example", "absolute"},
               {"https://good.example/ä", "ASCII"},
               {"https://10.0.0.1/", "--allow-private"},
               {"https://good.example:22/", "port"},
               {"https://93.184.216.34:22/", "port"}};

START_TEST(the_reason)
{
    ck_assert_int_eq(outgoing_check_url(nobody, reasons[_i].url, &err), -1);
    ck_assert_msg(strstr(err.detail, reasons[_i].word) != NULL, "%s: %s", reasons[_i].url,
                  err.detail);
}
END_TEST

START_TEST(as_long_as_a_url_may_be)
{
    char text[2100];

    memset(text, 'a', sizeof text);
    memcpy(text, "https://good.example/", 21);
    text[2048] = '\0';
    ck_assert_int_eq(outgoing_check_url(nobody, text, &err), 0);
    text[2048] = 'a';
    text[2049] = '\0';
    ck_assert_int_eq(outgoing_check_url(nobody, text, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.detail, "2048"));
}
END_TEST

/* In the clear: to the public only when it was allowed, to allowed networks always. */
START_TEST(in_the_clear)
{
    ck_assert_int_eq(outgoing_check_url(plain, "http://93.184.216.34/", &err), 0);
    ck_assert_int_eq(outgoing_check_url(plain, "http://good.example:8080/", &err), 0);
    ck_assert_int_eq(outgoing_check_url(loop, "http://127.0.0.1:9/", &err), 0);
    ck_assert_int_eq(outgoing_check_url(loop, "http://good.example/", &err), 0); /* for now */
    ck_assert_int_eq(outgoing_check_url(loop, "http://93.184.216.34/", &err), -1);
    ck_assert_int_eq(outgoing_check_url(plain, "http://127.0.0.1/", &err), -1);
    ck_assert_int_eq(outgoing_check_url(plain, "http://good.example:9000/", &err), -1);
    ck_assert_int_eq(outgoing_check_url(plain, "http://[::1]/", &err), -1);
}
END_TEST

/* An allowed network opens itself and nothing beside it. */
START_TEST(an_allowed_network)
{
    static const char *const good[] = {
        "http://127.0.0.1:22/",    "https://127.0.0.1/", "http://127.1/",
        "http://2130706433:1/",    "http://0x7f.1/",     "http://[::ffff:127.0.0.1]:6379/",
        "https://good.example:22/" /* its lookup says */
    };
    static const char *const bad[] = {
        "http://127.0.0.2/",       "https://127.0.0.0/",        "http://127.2/",
        "http://[::1]/",           "http://[::127.0.0.1]/",     "https://[64:ff9b::127.0.0.1]/",
        "http://user@127.0.0.1/",  "http://169.254.169.254/",   "http://10.0.0.1/",
        "https://" PUBLIC ":22/",  "http://" PUBLIC ":80/",     "file://127.0.0.1/x",
        "gopher://127.0.0.1:70/x", "http://[::ffff:127.0.0.2]/"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(outgoing_check_url(loop, good[i], &err) == 0, "%s: %s", good[i], err.detail);
    }
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(outgoing_check_url(loop, bad[i], &err) == -1, "%s", bad[i]);
        refused(loop, bad[i], 0, 0);
    }
}
END_TEST

/* Forms of 127.0.0.1 reach it where that is allowed: the parser that checks is the one that
 * connects. */
START_TEST(forms_that_arrive)
{
    char here[64];

    (void)snprintf(here, sizeof here, "127.0.0.1:%u", server.port);
    answers(loop, "http://127.0.0.1:%u/", 0, "here");
    answers(loop, "http://127.1:%u/", 0, "here");
    answers(loop, "http://0x7f.1:%u/", 0, "here");
    answers(loop, "http://017700000001:%u/", 0, "here");
    answers(loop, "http://2130706433:%u/", 0, "here");
    answers(loop, "http://%31%32%37.0.0.1:%u/", 0, "here");
    ck_assert_uint_eq(net_tried(here), 6);
    ck_assert_uint_eq(net_tried(NULL), 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outgoing_url");
    TCase *tc = tcase_create("outgoing_url");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_bad_url, 0, (int)ARRAY_LEN(bad_urls));
    tcase_add_loop_test(tc, a_good_url, 0, (int)ARRAY_LEN(good_urls));
    tcase_add_loop_test(tc, the_reason, 0, (int)ARRAY_LEN(reasons));
    tcase_add_test(tc, as_long_as_a_url_may_be);
    tcase_add_test(tc, in_the_clear);
    tcase_add_test(tc, an_allowed_network);
    tcase_add_test(tc, forms_that_arrive);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* Which addresses are public, line by line of the table, at both edges of each network; and what is
 * taken for a network.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const struct sockaddr *at(const char *text)
{
    static struct sockaddr_storage out;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};

    if (strchr(text, ':') == NULL) {
        ck_assert_msg(inet_pton(AF_INET, text, &in.sin_addr) == 1, "%s", text);
        memcpy(&out, &in, sizeof in);
    } else {
        ck_assert_msg(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1, "%s", text);
        memcpy(&out, &in6, sizeof in6);
    }
    return (const struct sockaddr *)&out;
}

/* A network that is refused: its first and last address, and the neighbours that are public. NULL:
 * the neighbour is not public either, or there is none. */
struct line {
    const char *before, *first, *last, *after;
};

static const struct line lines_4[] = {
    {NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
    {"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
    {"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
    {"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
    {"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
    {"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
    {"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
    {"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
    {"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
    {"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
    {"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
    {"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
    {"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
    {"223.255.255.255", "224.0.0.0", "239.255.255.255", NULL},
    {NULL, "240.0.0.0", "255.255.255.254", NULL},
    {NULL, "255.255.255.255", "255.255.255.255", NULL},
    {NULL, "169.254.169.254", "169.254.169.254", NULL},
    {NULL, "127.0.0.1", "127.0.0.1", NULL},
};

static const struct line lines_6[] = {
    {NULL, "::", "::", NULL},
    {NULL, "::1", "::1", NULL},
    {NULL, "::1:0", "::ffff:ffff", NULL}, /* compatible */
    {NULL, "::127.0.0.1", "::8.8.8.8", NULL},
    {NULL, "::fffe:0:0", "::fffe:808:808", NULL}, /* beside the mapped */
    {NULL, "::1:0:0:0", "::ffff:ffff:0:0", NULL},
    {NULL, "64:ff9a:ffff:ffff:ffff:ffff:808:808", "64:ff9b:0:0:0:1:808:808", NULL},
    {NULL, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL},
    {NULL, "64:ff9b:1::8.8.8.8", "64:ff9b:2::", NULL},
    {NULL, "100::", "100::ffff:ffff:ffff:ffff", NULL},
    {NULL, "200::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"},
    {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:200::"},
    {NULL, "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::", NULL}, /* Teredo, benchmarks */
    {NULL, "2001:10::", "2001:20::1", NULL},                          /* ORCHID */
    {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
    {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "2003::"},
    {NULL, "2002:7f00:1::", "2002:808:808::1", NULL}, /* 6to4, whatever it holds */
    {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
     "3fff:1000::"},
    {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "5eff::", NULL},
    {NULL, "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {NULL, "8000::", "fbff::", NULL},
    {NULL, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {NULL, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {NULL, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {NULL, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {NULL, "ff02::1", "ff0e::1", NULL},
};

static void holds(const struct line *line)
{
    ck_assert_msg(!address_is_global(at(line->first)), "%s", line->first);
    ck_assert_msg(!address_is_global(at(line->last)), "%s", line->last);
    if (line->before != NULL) {
        ck_assert_msg(address_is_global(at(line->before)), "%s", line->before);
    }
    if (line->after != NULL) {
        ck_assert_msg(address_is_global(at(line->after)), "%s", line->after);
    }
}

START_TEST(each_line_of_ipv4)
{
    holds(&lines_4[_i]);
}
END_TEST

START_TEST(each_line_of_ipv6)
{
    holds(&lines_6[_i]);
}
END_TEST

/* The forms whose packets go to an IPv4 address are judged by it. */
START_TEST(ipv4_inside_ipv6)
{
    static const char *const forms[] = {"::ffff:", "64:ff9b::"};
    const struct line *line = &lines_4[_i];
    const char *const texts[] = {line->before, line->first, line->last, line->after};
    char text[64];
    size_t f, t;

    for (f = 0; f < ARRAY_LEN(forms); f++) {
        for (t = 0; t < ARRAY_LEN(texts); t++) {
            if (texts[t] == NULL) {
                continue;
            }
            (void)snprintf(text, sizeof text, "%s%s", forms[f], texts[t]);
            ck_assert_msg(address_is_global(at(text)) == (t == 0 || t == 3), "%s", text);
        }
    }
}
END_TEST

START_TEST(public_ones)
{
    static const char *const texts[] = {
        "1.1.1.1",          "8.8.8.8",     "93.184.216.34",        "100.0.0.1",
        "192.1.1.1",        "223.1.1.1",   "2606:4700:4700::1111", "2001:4860:4860::8888",
        "2a00:1450:4001::", "2620:fe::fe", "::ffff:8.8.8.8",       "64:ff9b::8.8.8.8",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(address_is_global(at(texts[i])), "%s", texts[i]);
    }
}
END_TEST

START_TEST(other_families)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct address_network all;

    ck_assert(address_network_parse("::/0", &all));
    ck_assert(!address_is_global((const struct sockaddr *)&un));
    ck_assert(!address_is_in((const struct sockaddr *)&un, &all, 1));
    ck_assert(!address_is_global(&none));
    ck_assert(!address_is_in(&none, &all, 1));
}
END_TEST

static bool in(const char *network, const char *address)
{
    struct address_network parsed;

    ck_assert_msg(address_network_parse(network, &parsed), "%s", network);
    return address_is_in(at(address), &parsed, 1);
}

START_TEST(inside_a_network)
{
    ck_assert(in("10.0.0.0/8", "10.0.0.0"));
    ck_assert(in("10.0.0.0/8", "10.255.255.255"));
    ck_assert(!in("10.0.0.0/8", "11.0.0.0"));
    ck_assert(!in("10.0.0.0/8", "9.255.255.255"));
    ck_assert(in("127.0.0.1/32", "127.0.0.1"));
    ck_assert(in("127.0.0.1", "127.0.0.1"));
    ck_assert(!in("127.0.0.1/32", "127.0.0.2"));
    ck_assert(!in("127.0.0.1", "127.0.0.0"));
    ck_assert(in("192.168.4.0/22", "192.168.7.255"));
    ck_assert(!in("192.168.4.0/22", "192.168.8.0"));
    ck_assert(!in("192.168.4.0/22", "192.168.3.255"));
    ck_assert(in("0.0.0.0/0", "255.255.255.255"));
    ck_assert(in("fd00::/8", "fdff::1"));
    ck_assert(!in("fd00::/8", "fc00::1"));
    ck_assert(in("2001:db8::/33", "2001:db8:7fff::"));
    ck_assert(!in("2001:db8::/33", "2001:db8:8000::"));
    ck_assert(in("::1", "::1"));
    ck_assert(in("::1/128", "::1"));
    ck_assert(!in("::1", "::"));
    ck_assert(in("::/0", "ff02::1"));
}
END_TEST

/* A mapped address is the IPv4 one, in both directions; no other form is. */
START_TEST(mapped_is_the_same)
{
    ck_assert(in("10.0.0.0/8", "::ffff:10.1.2.3"));
    ck_assert(!in("10.0.0.0/8", "::ffff:11.1.2.3"));
    ck_assert(in("::ffff:10.0.0.0/104", "10.1.2.3"));
    ck_assert(!in("10.0.0.0/8", "::10.1.2.3"));
    ck_assert(!in("10.0.0.0/8", "64:ff9b::10.1.2.3"));
    ck_assert(!in("10.0.0.0/8", "2002:a01:203::"));
    ck_assert(!in("0.0.0.0/0", "::1"));
    ck_assert(!in("0.0.0.0/0", "2001:db8::1"));
    ck_assert(in("::/0", "10.1.2.3"));
    ck_assert(!in("::/8", "2000::"));
}
END_TEST

START_TEST(any_of_several)
{
    struct address_network networks[3];

    ck_assert(address_network_parse("10.0.0.0/8", &networks[0]));
    ck_assert(address_network_parse("fd00::/8", &networks[1]));
    ck_assert(address_network_parse("192.168.1.0/24", &networks[2]));
    ck_assert(address_is_in(at("192.168.1.9"), networks, 3));
    ck_assert(!address_is_in(at("192.168.1.9"), networks, 2));
    ck_assert(address_is_in(at("10.1.1.1"), networks, 3));
    ck_assert(!address_is_in(at("10.1.1.1"), networks, 0));
    ck_assert(!address_is_in(at("10.1.1.1"), NULL, 0));
}
END_TEST

static const char *const no_networks[] = {
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "0.0.0.0/",
    "::/",
    "0.0.0.0/1/",
    "0.0.0.0/:",
    "::/1a",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/+8",
    "10.0.0.0/08",
    "10.0.0.0/8 ",
    " 10.0.0.0/8",
    "10.0.0.0 /8",
    "10.0.0.0/ 8",
    "10.0.0.0/8x",
    "10.0.0.0/8/8",
    "10.0.0.0/0x8",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/4294967304", /* 8 in 32 bits */
    "10.0.0.0/1000",
    "10.0.0.1/8", /* bits behind the mask */
    "10.0.0.128/24",
    "127.0.0.1/31",
    "128.0.0.0/0",
    "127.1",
    "127.1/32",
    "127.0.1",
    "0x7f.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "2130706433",
    "127.0.0.01",
    "127.0.0.1.",
    ".127.0.0.1",
    "127.0.0.1.1",
    "127..0.1",
    "256.0.0.0",
    "127.0.0.1x",
    "127.0.0.1\n",
    "localhost",
    "fd00::/129",
    "fd00::1/8",
    "fd00::/9x",
    "fe80::1%lo",
    "fe80::%1/10",
    "[::1]",
    "[::1]/128",
    ":::/0",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::ffff:127.1",
    "::ffff:10.0.0.1/104",
    "::g",
    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
};

START_TEST(what_is_no_network)
{
    struct address_network network, before;

    memset(&network, 0x5a, sizeof network);
    before = network;
    ck_assert_msg(!address_network_parse(no_networks[_i], &network), "\"%s\"", no_networks[_i]);
    ck_assert(memcmp(&network, &before, sizeof network) == 0);
}
END_TEST

START_TEST(what_a_network_becomes)
{
    static const unsigned char ten[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
    struct address_network network;

    ck_assert(address_network_parse("10.0.0.0/8", &network));
    ck_assert(memcmp(network.bytes, ten, 16) == 0);
    ck_assert_uint_eq(network.bits, 104);
    ck_assert(address_network_parse("0.0.0.0/0", &network));
    ck_assert_uint_eq(network.bits, 96);
    ck_assert(address_network_parse("fd00::/8", &network));
    ck_assert_uint_eq(network.bytes[0], 0xfd);
    ck_assert_uint_eq(network.bits, 8);
    ck_assert(address_network_parse("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128", &network));
    ck_assert_uint_eq(network.bits, 128);
    ck_assert(address_network_parse("255.255.255.254/31", &network));
    ck_assert_uint_eq(network.bits, 127);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tc = tcase_create("address");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, each_line_of_ipv4, 0, (int)ARRAY_LEN(lines_4));
    tcase_add_loop_test(tc, each_line_of_ipv6, 0, (int)ARRAY_LEN(lines_6));
    tcase_add_loop_test(tc, ipv4_inside_ipv6, 0, (int)ARRAY_LEN(lines_4));
    tcase_add_test(tc, public_ones);
    tcase_add_test(tc, other_families);
    tcase_add_test(tc, inside_a_network);
    tcase_add_test(tc, mapped_is_the_same);
    tcase_add_test(tc, any_of_several);
    tcase_add_loop_test(tc, what_is_no_network, 0, (int)ARRAY_LEN(no_networks));
    tcase_add_test(tc, what_a_network_becomes);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

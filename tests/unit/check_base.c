/* The base layer: text, errors, buffers, memory, hashes, time. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/hash_blocks.h"
#include "base/mem.h"
#include "base/text.h"

/* ---- text -------------------------------------------------------------------- */

START_TEST(utf8)
{
    static const char *const good[] = {
        "",
        "plain",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "caf\xc3\xa9",
    };
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2 ",
        "\xe0\x9f\xbf",
        "\xe0\xa0",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
        "ok\xe2\x82",
        "\xe2\x28\xa1",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(text_is_utf8(good[i], strlen(good[i])), "refused %zu", i);
    }
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!text_is_utf8(bad[i], strlen(bad[i])), "took %zu", i);
    }
    ck_assert(text_is_utf8("a\0b", 3));
    ck_assert(!text_is_utf8("\xc3\xa9", 1)); /* the length counts, not the NUL */
}
END_TEST

START_TEST(to_double)
{
    static const char *const bad[] = {
        "",
        " ",
        "nan",
        "inf",
        "-inf",
        "NaN",
        "0x10",
        "1,5",
        "1 2",
        "1e",
        "e1",
        ".",
        "-",
        "+",
        "--1",
        "1.2.3",
        "1e400",
        "-1e400",
        "1_000",
        "1f",
        "infinity",
        ("\xc2\xa0"
         "1"),
    };
    double value = 99.0;
    char digits[500];
    size_t i;

    ck_assert(text_to_double("-1.5e3", 6, &value));
    ck_assert_double_eq(value, -1500.0);
    ck_assert(text_to_double(" \t7 ", 4, &value));
    ck_assert_double_eq(value, 7.0);
    ck_assert(text_to_double("123456", 3, &value)); /* not NUL-terminated */
    ck_assert_double_eq(value, 123.0);
    ck_assert(text_to_double("1e-400", 6, &value));
    ck_assert_double_eq(value, 0.0);
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        value = 99.0;
        ck_assert_msg(!text_to_double(bad[i], strlen(bad[i]), &value), "took %s", bad[i]);
        ck_assert_double_eq(value, 99.0);
    }
    memset(digits, '1', sizeof digits);
    ck_assert(text_to_double(digits, 300, &value));
    ck_assert(!text_to_double(digits, 500, &value));
}
END_TEST

START_TEST(names)
{
    char longest[66];

    memset(longest, 'n', sizeof longest);
    longest[64] = '\0';
    ck_assert(text_is_name(longest));
    longest[64] = 'n';
    longest[65] = '\0';
    ck_assert(!text_is_name(longest));
    ck_assert(text_is_name("_a1.b-c"));
    ck_assert(text_is_name("latest1"));
    ck_assert(!text_is_name("latest"));
    ck_assert(!text_is_name(""));
    ck_assert(!text_is_name("1a"));
    ck_assert(!text_is_name(".."));
    ck_assert(!text_is_name("a/b"));
    ck_assert(!text_is_name("a b"));
    ck_assert(!text_is_name("caf\xc3\xa9"));
}
END_TEST

START_TEST(nearest)
{
    static const char *const words[] = {"learning_rate", "epochs", "batch_size", "beta1", "beta2"};

    ck_assert_str_eq(text_nearest("learning_rat", words, 5), "learning_rate");
    ck_assert_str_eq(text_nearest("learningrate", words, 5), "learning_rate");
    ck_assert_str_eq(text_nearest("epoch", words, 5), "epochs");
    ck_assert_str_eq(text_nearest("beta2", words, 5), "beta2"); /* not the first near one */
    ck_assert_str_eq(text_nearest("beta3", words, 5), "beta1"); /* a tie: the first */
    ck_assert_ptr_null(text_nearest("momentum", words, 5));
    ck_assert_ptr_null(text_nearest("x", words, 0));
    ck_assert_ptr_null(text_nearest("x", (const char *const[]){"a"}, 1)); /* nothing in common */
}
END_TEST

/* ---- errors ------------------------------------------------------------------ */

START_TEST(errors)
{
    struct err err = ERR_INIT, to = ERR_INIT;

    ck_assert(!err_is(&err));
    ck_assert_int_eq(err_set(&err, ERR_NOT_FOUND, "no %s", "job"), -1);
    ck_assert(err_is(&err));
    ck_assert_str_eq(err.detail, "no job");
    ck_assert_str_eq(err_code_name(err.code), "not_found");
    err_fini(&err);
    ck_assert(!err_is(&err));

    ck_assert_int_eq(err_add(&err, "/a", "must be > %d", 0), -1);
    ck_assert_int_eq(err_add(&err, NULL, "second"), -1);
    ck_assert_int_eq(err_add_cell(&err, 7, 9, "age", "third"), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_str_eq(err.detail, "must be > 0"); /* the first problem's */
    ck_assert_uint_eq(err.n_items, 3);
    ck_assert_str_eq(err.items[0].pointer, "/a");
    ck_assert_ptr_null(err.items[1].pointer);
    ck_assert_int_eq(err.items[2].row, 7);
    ck_assert_int_eq(err.items[2].line, 9);
    ck_assert_str_eq(err.items[2].column, "age");
    err_set(&to, ERR_IO, "gone");
    err_add(&to, "/x", "gone too");
    err_move(&to, &err);
    ck_assert(!err_is(&err));
    ck_assert_uint_eq(err.n_items, 0);
    ck_assert_uint_eq(to.n_items, 3);
    err_fini(&to);
}
END_TEST

START_TEST(many_and_long_errors)
{
    struct err err = ERR_INIT;
    struct buf text = BUF_INIT;
    int i;

    for (i = 0; i < ERR_MAX_ITEMS + 5; i++) {
        err_add(&err, "/p", "problem %d", i);
    }
    ck_assert_uint_eq(err.n_items, ERR_MAX_ITEMS);
    ck_assert_uint_eq(err.n_dropped, 5);
    err_fini(&err);
    /* A sentence that is cut ends after a whole character. */
    for (i = 0; i < 4; i++) {
        int k;

        buf_clear(&text);
        buf_printf(&text, "%.*s", i, "xxxx");
        for (k = 0; k < 400; k++) {
            buf_puts(&text, "\xe2\x82\xac");
        }
        err_set(&err, ERR_IO, "%s", text.data);
        ck_assert(text_is_utf8(err.detail, strlen(err.detail)));
        ck_assert_uint_gt(strlen(err.detail), sizeof err.detail - 5);
        err_fini(&err);
        err_add(&err, NULL, "%s", text.data);
        ck_assert(text_is_utf8(err.detail, strlen(err.detail)));
        ck_assert_str_eq(err.items[0].detail, text.data); /* items are whole */
        err_fini(&err);
    }
    /* What is quoted and cut, or was no text, becomes some. */
    err_set(&err, ERR_IO, "\"%.4s\" is none", "x\xe2\x82\xac\xc3\xa9");
    ck_assert_str_eq(err.detail, "\"x\xe2\x82\xac\" is none");
    err_set(&err, ERR_IO, "\"%.3s\" is none", "x\xe2\x82\xac\xc3\xa9");
    ck_assert_str_eq(err.detail, "\"x??\" is none");
    err_add(&err, "/x", "\"%s\" is none, \xc3\xa9", "\xff\xed\xa0\x80");
    ck_assert_str_eq(err.items[0].detail, "\"????\" is none, \xc3\xa9");
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

/* ---- memory ------------------------------------------------------------------ */

START_TEST(buffers)
{
    struct buf buf = BUF_INIT;
    char *taken;
    size_t i;

    ck_assert_int_eq(buf_append(&buf, "a\0b", 3), 0);
    ck_assert_uint_eq(buf.len, 3);
    ck_assert_int_eq(buf.data[3], '\0');
    for (i = 0; i < 1000; i++) {
        buf_printf(&buf, "%zu,", i);
    }
    ck_assert_uint_eq(buf.len, 3 + 10 * 2 + 90 * 3 + 900 * 4);
    ck_assert_str_eq(buf.data + buf.len - 4, "999,");
    ck_assert_int_eq(buf_append(&buf, NULL, 0), 0);
    ck_assert_int_eq(buf_reserve(&buf, SIZE_MAX), -1);
    ck_assert_int_eq(buf_reserve(&buf, SIZE_MAX - buf.len), -1);
    buf_clear(&buf);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_str_eq(buf.data, "");
    buf_puts(&buf, "kept");
    taken = buf_take(&buf);
    ck_assert_str_eq(taken, "kept");
    ck_assert_ptr_null(buf.data);
    free(taken);
    taken = buf_take(&buf); /* never NULL */
    ck_assert_str_eq(taken, "");
    free(taken);
    buf_fini(&buf);
}
END_TEST

START_TEST(sizes)
{
    size_t out = 7;
    void *p;

    ck_assert(mem_mul(SIZE_MAX / 2, 2, &out));
    ck_assert_uint_eq(out, SIZE_MAX - 1);
    out = 7;
    ck_assert(!mem_mul(SIZE_MAX / 2 + 1, 2, &out));
    ck_assert(!mem_add(SIZE_MAX, 1, &out));
    ck_assert_uint_eq(out, 7);
    ck_assert_ptr_null(mem_try_alloc(SIZE_MAX / 4, 8));
    ck_assert_ptr_null(mem_try_alloc(SIZE_MAX, 1));
    p = mem_try_alloc(0, 8);
    ck_assert_ptr_nonnull(p);
    free(p);
    p = mem_try_alloc(3, 7);
    ck_assert_uint_eq((uintptr_t)p % 64, 0);
    free(p);
    ck_assert_uint_gt(mem_resident(), 100000);
}
END_TEST

START_TEST(a_bug_aborts)
{
    CHK(1 + 1 == 2);
    CHK(1 + 1 == 3);
}
END_TEST

/* ---- the rest ---------------------------------------------------------------- */

START_TEST(hashes)
{
    /* FIPS 180-2: "abc" and the empty message. */
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char hex[HASH_HEX_LEN], a[33], b[33];
    struct hash hash;

    hash_start();
    hash_hex("abc", 3, hex);
    ck_assert_str_eq(hex, abc);
    hash_hex("", 0, hex);
    ck_assert_str_eq(hex, none);
    hash_init(&hash);
    hash_update(&hash, "a", 1);
    hash_update(&hash, "bc", 2);
    hash_final_hex(&hash, hex);
    ck_assert_str_eq(hex, abc);
    hash_random_hex(16, a);
    hash_random_hex(16, b);
    ck_assert_uint_eq(strspn(a, "0123456789abcdef"), 32);
    ck_assert_str_ne(a, b);
    ck_assert_uint_lt(hash_random_seed(), UINT64_C(1) << 53);
}
END_TEST

/* FIPS 180-2's message of two blocks, straight into the processor's way: hash.c would only go
 * around one that is wrong. */
START_TEST(hash_blocks_are_right)
{
    static const char message[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const uint32_t want[8] = {0x248d6a61, 0xd20638b8, 0xe5c02693, 0x0c3e6039,
                                     0xa33ce459, 0x64ff2167, 0xf6ecedd4, 0x19db06c1};
    uint32_t words[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char blocks[128] = {0};

    if (!hash_blocks_usable()) {
        (void)puts("THIS PROCESSOR HAS NO INSTRUCTIONS FOR SHA-256: THEY ARE NOT TRIED HERE");
        return;
    }
    memcpy(blocks, message, 56);
    blocks[56] = 0x80;
    blocks[126] = 448 >> 8;
    blocks[127] = 448 & 0xff;
    hash_blocks(words, blocks, 0);
    ck_assert_uint_eq(words[0], 0x6a09e667);
    hash_blocks(words, blocks, 2);
    ck_assert_mem_eq(words, want, sizeof want);
}
END_TEST

/* However the bytes come in, and whatever the processor does for it: libsodium's digest. */
START_TEST(hashes_in_pieces)
{
    unsigned char bytes[1000], digest[HASH_BYTES];
    char want[HASH_HEX_LEN], got[HASH_HEX_LEN];
    struct hash hash, copy;
    size_t len, at, take, i;

    hash_start();
    for (i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * i + 3 * i);
    }
    for (len = 0; len <= sizeof bytes; len += len < 300 ? 1 : 37) {
        ck_assert_int_eq(crypto_hash_sha256(digest, bytes, len), 0);
        (void)sodium_bin2hex(want, sizeof want, digest, sizeof digest);
        hash_hex(bytes, len, got);
        ck_assert_str_eq(got, want);
        hash_init(&hash);
        for (at = 0, i = len; at < len; at += take, i = i * 31 + 7) {
            take = i % 290 + 1 < len - at ? i % 290 + 1 : len - at;
            hash_update(&hash, bytes + at, take);
        }
        copy = hash;
        hash_final_hex(&hash, got);
        ck_assert_str_eq(got, want);
        hash_final_hex(&copy, got);
        ck_assert_str_eq(got, want);
    }
    hash_init(&hash);
    memset(bytes, 'a', sizeof bytes);
    for (i = 0; i < 1000; i++) {
        hash_update(&hash, bytes, sizeof bytes);
    }
    hash_final_hex(&hash, got);
    ck_assert_str_eq(got, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(times)
{
    char text[CLOCK_TEXT_LEN];
    double before = clock_monotonic();

    clock_format(0, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
    clock_format(INT64_C(1767323045678), text);
    ck_assert_str_eq(text, "2026-01-02T03:04:05.678Z");
    clock_format(INT64_C(951782400007), text); /* 29 February 2000 */
    ck_assert_str_eq(text, "2000-02-29T00:00:00.007Z");
    ck_assert(clock_monotonic() >= before);
    ck_assert(clock_now_ms() > INT64_C(1700000000000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *all = tcase_create("all");
    const char *fork_mode = getenv("CK_FORK");
    SRunner *runner;
    int failed;

    tcase_add_test(all, utf8);
    tcase_add_test(all, to_double);
    tcase_add_test(all, names);
    tcase_add_test(all, nearest);
    tcase_add_test(all, errors);
    tcase_add_test(all, many_and_long_errors);
    tcase_add_test(all, buffers);
    tcase_add_test(all, sizes);
    tcase_add_test(all, hashes);
    tcase_add_test(all, hash_blocks_are_right);
    tcase_add_test(all, hashes_in_pieces);
    tcase_add_test(all, times);
    suite_add_tcase(suite, all);
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0) { /* it ends its process */
        TCase *bugs = tcase_create("bugs");

        tcase_add_test_raise_signal(bugs, a_bug_aborts, SIGABRT);
        suite_add_tcase(suite, bugs);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

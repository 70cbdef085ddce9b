/* The embedded page: every asset is one whole gzip member of the right kind, its tag is a tag,
 * and only the exact paths find one. Built with --disable-web, there is none.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/hash.h"
#include "http/page.h"

#ifdef MLPD_WEB

/* The asset inflated, with a NUL behind; the caller frees. */
static char *inflate_all(const struct page_asset *asset, size_t *len)
{
    size_t room = 4u << 20;
    char *text = malloc(room);
    ck_assert_ptr_nonnull(text);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)asset->gz, .avail_in = (uInt)asset->gz_len};
    ck_assert_int_eq(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    z.next_out = (Bytef *)text;
    z.avail_out = (uInt)(room - 1);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(z.avail_in, 0);
    *len = z.total_out;
    text[*len] = '\0';
    inflateEnd(&z);
    return text;
}

static char *text_of(const char *path, const char *type)
{
    const struct page_asset *asset = page_find(path);
    ck_assert_ptr_nonnull(asset);
    ck_assert_str_eq(asset->content_type, type);
    size_t len;
    char *text = inflate_all(asset, &len);
    ck_assert_uint_eq(strlen(text), len);
    return text;
}

START_TEST(assets_are_whole)
{
    char *html = text_of("/", "text/html; charset=utf-8");
    ck_assert_int_eq(strncmp(html, "<!doctype html>", 15), 0);
    ck_assert_ptr_nonnull(strstr(html, "<script src=\"/app.js\" defer></script>"));
    ck_assert_ptr_nonnull(strstr(html, "href=\"/app.css\""));
    free(html);
    char *js = text_of("/app.js", "text/javascript; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(js, "/service"));
    free(js);
    char *css = text_of("/app.css", "text/css; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(css, "prefers-color-scheme"));
    free(css);
    char *examples = text_of("/examples.json", "application/json");
    ck_assert_int_eq(strncmp(examples, "{\"jobs\":{", 9), 0);
    ck_assert_ptr_nonnull(strstr(examples, "\"tables\":{"));
    free(examples);
}
END_TEST

/* The content security policy lets neither inline scripts nor inline styles run. */
START_TEST(page_has_nothing_inline)
{
    char *html = text_of("/", "text/html; charset=utf-8");
    ck_assert_ptr_null(strstr(html, "<style"));
    ck_assert_ptr_null(strstr(html, "style="));
    ck_assert_ptr_null(strstr(html, "<script>"));
    ck_assert_ptr_null(strstr(html, " on"));
    free(html);
}
END_TEST

/* What a browser gets to show the page; the examples come when one is chosen. */
START_TEST(small_enough)
{
    static const char *const page[] = {"/", "/app.js", "/app.css"};
    size_t total = 0;
    for (size_t i = 0; i < sizeof page / sizeof page[0]; i++)
        total += page_find(page[i])->gz_len;
    ck_assert_uint_gt(total, 1000);
    ck_assert_uint_le(total, 120u << 10);
}
END_TEST

START_TEST(tags_are_of_the_content)
{
    size_t n;
    const struct page_asset *all = page_all(&n);
    for (size_t i = 0; i < n; i++) {
        char hex[HASH_HEX_LEN], tag[PAGE_ETAG_LEN];
        hash_hex(all[i].gz, all[i].gz_len, hex);
        snprintf(tag, sizeof tag, "\"%.32s\"", hex);
        ck_assert_str_eq(all[i].etag, tag);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(all[i].etag, all[j].etag);
    }
}
END_TEST

#else

START_TEST(nothing_is_embedded)
{
    size_t n = 1;
    page_all(&n);
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_null(page_find("/"));
}
END_TEST

#endif

START_TEST(other_paths_find_nothing)
{
    const char *paths[] = {"",         "/index.html", "/app.js.gz",       "/App.js", "app.js",
                           "/app.js/", "//",          "/../web/index.html", "/app.js\n"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_ptr_null(page_find(paths[i]));
}
END_TEST

int main(void)
{
    hash_start();
    Suite *suite = suite_create("page");
    TCase *tc = tcase_create("page");
#ifdef MLPD_WEB
    tcase_add_test(tc, assets_are_whole);
    tcase_add_test(tc, page_has_nothing_inline);
    tcase_add_test(tc, small_enough);
    tcase_add_test(tc, tags_are_of_the_content);
#else
    tcase_add_test(tc, nothing_is_embedded);
#endif
    tcase_add_test(tc, other_paths_find_nothing);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Tables that are none, in every format, where they are sent: to become a dataset, as more rows of
 * one, and as rows to predict. Cut at every byte, packed to burst, one line of a gigabyte. Whatever
 * the answer is, nothing half-done stays: no file, no row, no upload in progress, no name.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "work.h"

#include "../golden/npy_golden.h"

static struct daemon d;
static int64_t plane; /* a model of x1 and x2 */

static void start(void)
{
    char *csv = keep(malloc(4000)), *p = csv;

    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    p += snprintf(p, 100, "x1,x2,y\n");
    for (int i = 0; i < 40; i++) {
        p += snprintf(p, 100, "%d,%d,%d\n", i % 7, i % 5, 2 * (i % 7) - i % 5);
    }
    ck_assert_int_lt(http_csv(csv, "/datasets?name=plane")->status, 300);
    plane = trained(
        integer(want(http_post(q("{'data':{'dataset':'plane','target':'y','split':{'validation':0,"
                                 "'test':0}},'architecture':{'hidden':[2]},"
                                 "'training':{'epochs':1,'seed':1}}"),
                               "/train"),
                     202),
                "/id"));
}

static void stop(void)
{
    daemon_retire(&d);
}

static struct reply *post(const char *path, const char *type, const void *bytes, size_t len)
{
    return http_send(
        &(struct request){.method = "POST", .path = path, .type = type, .body = bytes, .len = len});
}

/* ---- what must be as it was ------------------------------------------------------------ */

struct state {
    size_t files;
    char *datasets; /* the list, with what is being uploaded */
};

static struct state look(void)
{
    struct state s = {.files = folder_entries(text("%s/datasets", d.state))};
    struct reply *r = want(http_get("/datasets"), 200);

    ck_assert_uint_eq(length(r, "/uploads"), 0);
    s.datasets = canonical(at(r, "/datasets"));
    return s;
}

static void unchanged(const struct state *before, const char *what)
{
    struct state now = look();

    ck_assert_msg(now.files == before->files, "%s: %zu files, %zu before", what, now.files,
                  before->files);
    ck_assert_msg(strcmp(now.datasets, before->datasets) == 0, "%s: %s", what, now.datasets);
    daemon_must_live(&d);
}

/* ---- cut at every byte ------------------------------------------------------------------ */

#define IMAGES "\0\0\x08\x02\0\0\0\x03\0\0\0\x02\x01\x02\x03\x04\x05\x06"

struct format {
    const char *name, *type;
    const void *bytes;
    size_t len;
    bool text; /* a piece may be a table, too */
};
#define TEXT(name, type, bytes, is_text)                                                           \
    {                                                                                              \
        name, type, bytes, sizeof bytes - 1, is_text                                               \
    }
/* Each is rows for the model, and more rows for its table's first two columns. */
static const struct format formats[] = {
    TEXT("csv", "text/csv", "\xef\xbb\xbfx1,x2\r\n1,2\r3,\"4\"\n5,6\n", true),
    TEXT("tsv", "text/tab-separated-values", "x1\tx2\n1\t2\n3\t4\n", true),
    TEXT("ndjson", "application/x-ndjson", "{\"x1\":1,\"x2\":2}\n\r\n{\"x1\":3,\"x2\":null}\n",
         true),
    TEXT("libsvm", "text/x-libsvm", "1 1:0.5 2:1\r\n-1 2:3 # y\n", true),
    TEXT("arff", "text/x-arff",
         "@relation r\n@attribute x1 real\n@attribute x2 real\n@data\n1,2\n{1 3}\n", true),
    TEXT("idx", "application/x-idx", IMAGES, false),
    {"npy", "application/x-npy", npy_le_f4, sizeof npy_le_f4, false},
    {"fortran", "application/x-npy", npy_fortran, sizeof npy_fortran, false},
    {"npz", "application/x-npz", npy_npz_deflated, sizeof npy_npz_deflated, false},
};

/* `bytes` in a gzip of its own. */
static char *zipped(const void *bytes, size_t len, size_t *out_len)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (unsigned)len};
    char *out = keep(malloc(len + 200));

    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)len + 200;
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_len = z.total_out;
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
    return out;
}

/* An answer to a table that may be none: refused with words, or, of texts, taken. */
static void fair(const struct reply *r, bool may_be, const char *what, size_t at)
{
    bool taken = r->status >= 200 && r->status < 300;

    ck_assert_msg(taken ? may_be : r->status == 422 || r->status == 400 || r->status == 413,
                  "%s of %zu bytes: %ld %s", what, at, r->status, r->body);
    ck_assert_msg(taken || strlen(str(r, "/detail")) > 8, "%s of %zu bytes: %s", what, at, r->body);
}

START_TEST(cut_at_every_byte)
{
    const struct format *f = &formats[_i];
    const char *predict = text("/models/%lld/predict", (long long)plane);
    struct state before = look();
    size_t at, zipped_len, kept = 0;
    char *packed = zipped(f->bytes, f->len, &zipped_len);

    /* whole, it is rows for the model and a table */
    want(post(predict, f->type, f->bytes, f->len), 200);
    want(post("/datasets?name=whole", f->type, f->bytes, f->len), 201);
    want(http_delete("/datasets/whole"), 204);
    unchanged(&before, f->name);
    for (at = 0; at < f->len; at++) {
        struct reply *r = post("/datasets?name=cut", f->type, at > 0 ? f->bytes : "", at);

        fair(r, f->text, f->name, at);
        if (r->status == 201) {
            want(http_delete("/datasets/cut"), 204);
            kept++;
        }
        fair(post(predict, f->type, at > 0 ? f->bytes : "", at), f->text, f->name, at);
        fair(post("/datasets/plane/rows", f->type, at > 0 ? f->bytes : "", at), false, f->name, at);
    }
    for (at = 1; at < zipped_len; at++) {
        want_problem(post("/datasets?name=cut", f->type, packed, at), 422, NULL, NULL);
        want_problem(post(predict, f->type, packed, at), 422, NULL, NULL);
    }
    want(post(predict, f->type, packed, zipped_len), 200);
    want(post(predict, "application/gzip", packed, zipped_len), 200);
    ck_assert(f->text || kept == 0);
    want_problem(http_get("/datasets/cut"), 404, NULL, NULL);
    unchanged(&before, f->name);
}
END_TEST

/* Bytes of another format than the one that is said, and of none. */
START_TEST(each_as_each_other)
{
    static const char garbage[] = "\x07\xf3 \0\x1b[31m\xff\xfe\xfd,,\n{]\"";
    struct state before = look();

    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format *f = &formats[i];
        struct reply *r = post("/datasets?name=other", f->type, garbage, sizeof garbage - 1);

        fair(r, false, f->name, sizeof garbage);
        fair(post(text("/models/%lld/predict", (long long)plane), f->type, garbage,
                  sizeof garbage - 1),
             false, f->name, sizeof garbage);
        for (size_t k = 0; k < COUNT(formats); k++) {
            const struct format *g = &formats[k];

            r = post("/datasets?name=other", f->type, g->bytes, g->len);
            fair(r, true, g->name, i);
            /* an array is never read as a text, nor a text as an array */
            ck_assert_msg(r->status >= 400 || f->text == g->text, "%s as %s: %s", g->name, f->name,
                          r->body);
            if (r->status == 201) {
                want(http_delete("/datasets/other"), 204);
            }
        }
    }
    unchanged(&before, "each as each other");
}
END_TEST

/* ---- what is larger than it looks --------------------------------------------------------- */

/* 64 MiB of one short row in a few KiB. */
static char *bomb(const char *head, const char *row, size_t *len)
{
    const size_t n = strlen(row), block = 1 << 16;
    char *rows = keep(malloc(block)), *out = keep(malloc(1 << 20));
    z_stream z = {.next_out = (unsigned char *)out, .avail_out = 1 << 20};

    for (size_t i = 0; i < block; i++) {
        rows[i] = row[i % n];
    }
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)head;
    z.avail_in = (unsigned)strlen(head);
    ck_assert_int_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
    for (int i = 0; i < 1024; i++) {
        z.next_in = (unsigned char *)rows;
        z.avail_in = (unsigned)(block - block % n);
        ck_assert_int_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *len = z.total_out;
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
    return out;
}

START_TEST(bombs)
{
    static const struct {
        const char *type, *head, *row;
    } cases[] = {
        {"text/csv", "x1,x2,y\n", "1,2,3\n"},
        {"application/x-ndjson", "", "{\"x1\":1,\"x2\":2,\"y\":3}\n"},
        {"text/x-libsvm", "", "1 1:2\n"},
        {"application/octet-stream", "@relation r\n@attribute a real\n@data\n", "1\n"},
    };
    struct state before = look();

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len;
        char *bytes = bomb(cases[i].head, cases[i].row, &len);

        want_problem(post("/datasets?name=bomb", cases[i].type, bytes, len), 413, NULL,
                     "250 times");
        fair(post("/datasets/plane/rows", cases[i].type, bytes, len), false, cases[i].type, len);
        want_problem(
            post(text("/models/%lld/predict", (long long)plane), cases[i].type, bytes, len), 413,
            NULL, "the limit");
    }
    unchanged(&before, "a bomb");
}
END_TEST

/* A line of so many MiB, made while it is sent. */
struct endless {
    const char *begin;
    char unit;
    size_t left;
};

static size_t make_line(void *arg, char *out, size_t room)
{
    struct endless *e = arg;
    size_t n = strlen(e->begin), more;

    if (n > 0) {
        ck_assert_uint_le(n, room);
        memcpy(out, e->begin, n);
        e->begin = "";
        return n;
    }
    more = e->left < room ? e->left : room;
    memset(out, e->unit, more);
    e->left -= more;
    return more;
}

#ifdef MLPD_SANITIZERS
#define LINE_MIB 64
#else
#define LINE_MIB 1024
#endif

START_TEST(one_line_of_a_gigabyte)
{
    static const struct {
        const char *type, *begin, *words;
        char unit;
    } cases[] = {
        {"text/csv", "a", "64 KiB", 'x'},
        {"text/csv", "a,b\n1,", "16 MiB", ' '},
        {"application/x-ndjson", "{\"a\":\"", "16 MiB", 'x'},
        {"text/x-libsvm", "1 1:2 #", "16 MiB", 'x'},
    };
    struct state before = look();
    size_t memory = daemon_memory(&d);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct endless line = {cases[i].begin, cases[i].unit, (size_t)LINE_MIB << 20};

        want_problem(http_send(&(struct request){.method = "POST",
                                                 .path = "/datasets?name=line",
                                                 .type = cases[i].type,
                                                 .make = make_line,
                                                 .arg = &line}),
                     422, NULL, cases[i].words);
    }
    printf("lines of %d MiB: memory %zu -> at most %zu MiB\n", LINE_MIB, memory >> 20,
           daemon_memory_peak(&d) >> 20);
#ifndef MLPD_SANITIZERS /* their shadow and quarantine are not the daemon's memory */
    ck_assert_uint_lt(daemon_memory_peak(&d), memory + ((size_t)80 << 20));
#endif
    unchanged(&before, "one line");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_bad_tables");
    TCase *tc = case_with("bad tables", start, stop);

    tcase_set_timeout(tc, 60 * PATIENCE);
    tcase_add_test(tc, one_line_of_a_gigabyte); /* first: it measures the most so far */
    tcase_add_loop_test(tc, cut_at_every_byte, 0, (int)COUNT(formats));
    tcase_add_test(tc, each_as_each_other);
    tcase_add_test(tc, bombs);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

/* Tables that are none, in every format, where they are sent: to become a dataset, as more rows of
 * one, and as rows to predict. Cut at every byte, packed to burst, one line of a gigabyte. Whatever
 * the answer is, nothing half-done stays: no file, no row, no upload in progress, no name.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"

#include "../golden/npy_golden.h"

static struct daemon d;
static int64_t plane; /* a model of x1 and x2 */

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    plane = body_model();
}

static void stop(void)
{
    daemon_retire(&d);
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
    const char *predict = body_predict(plane);
    struct body_state before = body_look(&d);
    size_t at, zipped_len, kept = 0;
    char *packed = body_gzip(f->bytes, f->len, &zipped_len);

    /* whole, it is rows for the model and a table */
    want(body_post(predict, f->type, f->bytes, f->len), 200);
    want(body_post("/datasets?name=whole", f->type, f->bytes, f->len), 201);
    want(http_delete("/datasets/whole"), 204);
    body_unchanged(&d, &before, f->name);
    for (at = 0; at < f->len; at++) {
        struct reply *r = body_post("/datasets?name=cut", f->type, at > 0 ? f->bytes : "", at);

        fair(r, f->text, f->name, at);
        if (r->status == 201) {
            want(http_delete("/datasets/cut"), 204);
            kept++;
        }
        fair(body_post(predict, f->type, at > 0 ? f->bytes : "", at), f->text, f->name, at);
        fair(body_post("/datasets/plane/rows", f->type, at > 0 ? f->bytes : "", at), false, f->name,
             at);
    }
    for (at = 1; at < zipped_len; at++) {
        want_problem(body_post("/datasets?name=cut", f->type, packed, at), 422, NULL, NULL);
        want_problem(body_post(predict, f->type, packed, at), 422, NULL, NULL);
    }
    want(body_post(predict, f->type, packed, zipped_len), 200);
    want(body_post(predict, "application/gzip", packed, zipped_len), 200);
    ck_assert(f->text || kept == 0);
    want_problem(http_get("/datasets/cut"), 404, NULL, NULL);
    body_unchanged(&d, &before, f->name);
}
END_TEST

/* Bytes of another format than the one that is said, and of none. */
START_TEST(each_as_each_other)
{
    static const char garbage[] = "\x07\xf3 \0\x1b[31m\xff\xfe\xfd,,\n{]\"";
    struct body_state before = body_look(&d);

    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format *f = &formats[i];
        struct reply *r = body_post("/datasets?name=other", f->type, garbage, sizeof garbage - 1);

        fair(r, false, f->name, sizeof garbage);
        fair(body_post(body_predict(plane), f->type, garbage, sizeof garbage - 1), false, f->name,
             sizeof garbage);
        for (size_t k = 0; k < COUNT(formats); k++) {
            const struct format *g = &formats[k];

            r = body_post("/datasets?name=other", f->type, g->bytes, g->len);
            fair(r, true, g->name, i);
            /* an array is never read as a text, nor a text as an array */
            ck_assert_msg(r->status >= 400 || f->text == g->text, "%s as %s: %s", g->name, f->name,
                          r->body);
            if (r->status == 201) {
                want(http_delete("/datasets/other"), 204);
            }
        }
    }
    body_unchanged(&d, &before, "each as each other");
}
END_TEST

/* ---- what is larger than it looks --------------------------------------------------------- */

#define BYTES(text) text, sizeof text - 1

START_TEST(bombs)
{
    static const struct {
        const char *type, *head;
        size_t head_len;
        const char *row;
        size_t row_len;
    } cases[] = {
        {"text/csv", BYTES("x1,x2,y\n"), BYTES("1,2,3\n")},
        {"text/tab-separated-values", BYTES("x1\tx2\ty\n"), BYTES("1\t2\t3\n")},
        {"application/x-ndjson", BYTES(""), BYTES("{\"x1\":1,\"x2\":2,\"y\":3}\n")},
        {"text/x-libsvm", BYTES(""), BYTES("1 1:2\n")},
        {"text/x-arff", BYTES("@relation r\n@attribute a real\n@data\n"), BYTES("1\n")},
        {"application/octet-stream", BYTES("@relation r\n@attribute a real\n@data\n"),
         BYTES("1\n")},
        {"application/x-npy",
         BYTES("\x93NUMPY\1\0\x3e\0"
               "{'descr':'|u1','fortran_order':False,'shape':(33554432,2)}   \n"),
         BYTES("\1\2")},
        {"application/x-idx", BYTES("\0\0\x08\x02\2\0\0\0\0\0\0\2"), BYTES("\1\2")},
    };
    struct body_state before = body_look(&d);

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len;
        char *bytes =
            body_bomb(cases[i].head, cases[i].head_len, cases[i].row, cases[i].row_len, &len);

        want_problem(body_post("/datasets?name=bomb", cases[i].type, bytes, len), 413, NULL,
                     "250 times");
        fair(body_post("/datasets/plane/rows", cases[i].type, bytes, len), false, cases[i].type,
             len);
        want_problem(body_post(body_predict(plane), cases[i].type, bytes, len), 413, NULL,
                     "the limit");
    }
    body_unchanged(&d, &before, "a bomb");
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
    struct body_state before = body_look(&d);
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
    body_unchanged(&d, &before, "one line");
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

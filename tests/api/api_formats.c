/* Tables in every format over HTTP: as the body and as a form, gzipped too, told or seen; a model
 * trained on one answers rows in all of them alike; what is refused leaves nothing.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"

#include "../golden/npy_golden.h"

static struct daemon d;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
}

static void stop(void)
{
    daemon_retire(&d);
}

/* A form of these parts; *len is its length. */
struct part {
    const char *name;
    const void *bytes;
    size_t len;
};
#define FORM "multipart/form-data; boundary=\"--=_b\""

static char *form(const struct part *parts, size_t n, size_t *len)
{
    size_t room = 100, i;
    char *out, *p;

    for (i = 0; i < n; i++) {
        room += parts[i].len + 200;
    }
    out = p = keep(malloc(room));
    for (i = 0; i < n; i++) {
        p += snprintf(p, 200,
                      "----=_b\r\nContent-Disposition: form-data; name=\"%s\"; "
                      "filename=\"f\"\r\nContent-Type: application/octet-stream\r\n\r\n",
                      parts[i].name);
        memcpy(p, parts[i].bytes, parts[i].len);
        p += parts[i].len;
        p += snprintf(p, 3, "\r\n");
    }
    p += snprintf(p, 20, "----=_b--\r\n");
    *len = (size_t)(p - out);
    return out;
}

#define IMAGES "\0\0\x08\x03\0\0\0\x03\0\0\0\x01\0\0\0\x02\x01\x02\x03\x04\x05\x06"
#define LABELS "\0\0\x08\x01\0\0\0\x03\x07\x00\x09"

struct format {
    const char *name, *type, *read_as;
    const void *bytes;
    size_t len;
    int rows, columns;
};
#define TEXT(name, type, read_as, bytes, rows, columns)                                            \
    {                                                                                              \
        name, type, read_as, bytes, sizeof bytes - 1, rows, columns                                \
    }
static const struct format formats[] = {
    TEXT("csv", "text/csv", "csv; delimiter=\",\"; header=true", "a,b\n1,x\n2,y\n", 2, 2),
    TEXT("semicolons", "text/csv", "csv; delimiter=\";\"; header=false", "1.5;x\n2.5;y\n", 2, 2),
    TEXT("tsv", "text/tab-separated-values", "csv; delimiter=%09; header=true",
         "a\tb\n1\tx\n2\ty\n", 2, 2),
    TEXT("ndjson", "application/x-ndjson", "ndjson", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n", 2, 2),
    {"npy", "application/x-npy", "npy", npy_be_f8, sizeof npy_be_f8, 3, 2},
    {"fortran", "application/x-npy", "npy", npy_fortran, sizeof npy_fortran, 3, 2},
    {"npz", "application/x-npz", "npz", npy_npz_deflated, sizeof npy_npz_deflated, 3, 3},
    TEXT("idx", "application/x-idx", "idx", IMAGES, 3, 2),
    TEXT("libsvm", "text/x-libsvm", "libsvm", "1 1:0.5 2:1\n-1 2:3\n", 2, 3),
    TEXT("arff", "text/x-arff", "arff", "@relation r\n@attribute a real\n@data\n1\n2\n", 2, 1),
};

/* The body with its type, a form, a form of gzip, and a format that is said: one table. */
START_TEST(every_format)
{
    const struct format *f = &formats[_i];
    struct reply *r, *again;
    struct part part = {"file", f->bytes, f->len};
    size_t len;
    char *body;

    r = want(body_post(text("/datasets?name=%s", f->name), f->type, f->bytes, f->len), 201);
    ck_assert_int_eq(integer(r, "/rows"), f->rows);
    ck_assert_uint_eq(length(r, "/columns"), (size_t)f->columns);
    ck_assert_str_eq(reply_header(r, "Mlpd-Read-As"), f->read_as);
    body = form(&part, 1, &len);
    again = want(body_post(text("/datasets?name=%s", f->name), FORM, body, len), 200);
    ck_assert_str_eq(str(again, "/sha256"), str(r, "/sha256"));
    part.bytes = body_gzip(f->bytes, f->len, &part.len);
    body = form(&part, 1, &len);
    again = want(body_post(text("/datasets?name=%s", f->name), FORM, body, len), 200);
    ck_assert_str_eq(str(again, "/sha256"), str(r, "/sha256"));
    again = want(body_post(text("/datasets?name=%s&format=%.*s", f->name,
                                (int)strcspn(f->read_as, ";"), f->read_as),
                           "application/octet-stream", f->bytes, f->len),
                 200);
    ck_assert_str_eq(str(again, "/sha256"), str(r, "/sha256"));
}
END_TEST

START_TEST(images_and_labels)
{
    size_t len, packed_len;
    char *packed = body_gzip(IMAGES, sizeof IMAGES - 1, &packed_len);
    const struct part parts[] = {{"images", packed, packed_len},
                                 {"labels", LABELS, sizeof LABELS - 1}},
                      swapped[] = {parts[1], parts[0]},
                      arrays[] = {{"x", npy_le_f4, sizeof npy_le_f4},
                                  {"y", npy_flat, sizeof npy_flat}};
    char *body = form(parts, 2, &len);
    struct reply *r = want(body_post("/datasets?name=digits", FORM, body, len), 201), *again;

    ck_assert_str_eq(str(r, "/columns/0/name"), "pixel_0_0");
    ck_assert_str_eq(str(r, "/columns/2/name"), "label");
    body = form(swapped, 2, &len);
    again = want(body_post("/datasets?name=digits", FORM, body, len), 200);
    ck_assert_str_eq(str(again, "/sha256"), str(r, "/sha256"));
    body = form(arrays, 2, &len);
    r = want(body_post("/datasets?name=arrays", FORM, body, len), 201);
    again =
        want(body_post("/datasets?name=arrays", "application/x-npz", npy_npz, sizeof npy_npz), 200);
    ck_assert_str_eq(str(again, "/sha256"), str(r, "/sha256"));
    r = want(body_post("/datasets?name=one&arrays=y", "application/x-npz", npy_npz, sizeof npy_npz),
             201);
    ck_assert_uint_eq(length(r, "/columns"), 1);
}
END_TEST

/* A table is what it says, however it is said: sparse or dense, as text or in four or eight bytes a
 * number, it makes the same network to the last bit. */
START_TEST(one_table_makes_one_model)
{
    enum { ROWS = 80, INPUTS = 5 };
    static const char *const types[] = {"text/csv", "application/x-ndjson", "text/x-libsvm"};
    static float single[ROWS][INPUTS + 1];
    static double wide[ROWS][INPUTS + 1];
    const char *said[3] = {"a,b,c,d,e,y\n", "", ""}, *sha = NULL;
    size_t i, k;

    for (i = 0; i < ROWS; i++) {
        const char *cells = "", *pairs = "";
        double y = 0;

        for (k = 0; k < INPUTS; k++) { /* half of them are 0; all are multiples of 1/8 */
            size_t mixed = (i * 7 + k * 13 + i * k) % 17;
            double value = mixed % 2 == 0 ? 0 : (double)mixed / 8 - 1;

            wide[i][k] = value;
            cells = text("%s%g,", cells, value);
            pairs = mixed % 2 == 0 ? pairs : text("%s %zu:%g", pairs, k + 1, value);
            y += value * (double)(k + 1);
        }
        wide[i][INPUTS] = y;
        said[0] = text("%s%s%g\n", said[0], cells, y);
        said[1] = text("%s{\"a\":%g,\"b\":%g,\"c\":%g,\"d\":%g,\"e\":%g,\"y\":%g}\n", said[1],
                       wide[i][0], wide[i][1], wide[i][2], wide[i][3], wide[i][4], y);
        said[2] = text("%s%g%s\n", said[2], y, pairs);
        for (k = 0; k <= INPUTS; k++) {
            single[i][k] = (float)wide[i][k];
        }
    }
    for (i = 0; i < 5; i++) {
        char head[128] = "\x93NUMPY\x01";
        size_t bytes = i == 3 ? sizeof single : sizeof wide, len;
        struct reply *r;
        int64_t job;
        char *body;

        if (i < 3) {
            r = body_post(text("/datasets?name=same_%zu", i), types[i], said[i], strlen(said[i]));
        } else {
            head[8] = sizeof head - 10; /* the length of what follows */
            (void)snprintf(head + 10, sizeof head - 10,
                           "{'descr': '<f%d', 'fortran_order': False, 'shape': (%d, %d)}%*s",
                           i == 3 ? 4 : 8, ROWS, INPUTS + 1, 55, "\n");
            len = 10 + strlen(head + 10);
            memset(head + len, ' ', sizeof head - len);
            head[sizeof head - 1] = '\n';
            body = keep(malloc(sizeof head + bytes));
            memcpy(body, head, sizeof head);
            memcpy(body + sizeof head, i == 3 ? (void *)single : (void *)wide, bytes);
            r = body_post(text("/datasets?name=same_%zu", i), "application/x-npy", body,
                          sizeof head + bytes);
        }
        ck_assert_int_eq(integer(want(r, 201), "/rows"), ROWS);
        k = i == 2 ? 0 : INPUTS; /* libsvm has the target in front */
        job = integer(want(http_post(text("{\"data\": {\"dataset\": \"same_%zu\", \"target\": "
                                          "\"%s\", \"target_type\": \"numeric\"}, \"preset\": "
                                          "\"simple\", \"training\": {\"seed\": 3, \"epochs\": 5}}",
                                          i, str(r, text("/columns/%zu/name", k))),
                                     "/train"),
                           202),
                      "/id");
        (void)trained(job);
        r = want(http_get("/models/%lld", (long long)job), 200);
        sha = sha == NULL ? str(r, "/weights_sha256") : sha;
        ck_assert_msg(strcmp(str(r, "/weights_sha256"), sha) == 0, "form %zu", i);
    }
}
END_TEST

/* What is refused: the status, the words, no file and no name. */
START_TEST(refused_leaves_nothing)
{
    const struct part two[] = {{"a", "a,b\n1,2\n", 8}, {"b", "a,b\n1,2\n", 8}};
    const struct part images[] = {{"images", IMAGES, sizeof IMAGES - 1},
                                  {"labels", LABELS, sizeof LABELS - 2}};
    size_t before = folder_entries(text("%s/datasets", d.state)), len, at;
    char *body;

    want_problem(
        body_post("/datasets?name=bad", "application/x-npy", npy_objects, sizeof npy_objects), 422,
        NULL, "Python objects");
    want_problem(body_post("/datasets?name=bad", "application/octet-stream",
                           "\xff\xfe"
                           "a\0",
                           4),
                 422, NULL, "UTF-16");
    want_problem(body_post("/datasets?name=bad", "text/csv", npy_npz, sizeof npy_npz), 422, NULL,
                 "not csv");
    want_problem(body_post("/datasets?name=bad&format=xml", "text/csv", "a\n1\n", 4), 400,
                 "/format", "ndjson");
    want_problem(body_post("/datasets?name=bad", "application/xml", "<a/>", 4), 415, NULL,
                 "text/csv");
    want_problem(body_post("/datasets?name=bad", "multipart/form-data", "x", 1), 400, NULL,
                 "boundary");
    want_problem(
        body_post("/datasets?name=bad&arrays=z", "application/zip", npy_npz, sizeof npy_npz), 422,
        "/arrays", "\"z\"");
    body = form(two, 2, &len);
    want_problem(body_post("/datasets?name=bad", FORM, body, len), 422, NULL, "only arrays");
    body = form(images, 2, &len);
    want_problem(body_post("/datasets?name=bad", FORM, body, len), 422, NULL, "ends early");
    body = form(images, 1, &len);
    for (at = 1; at < len; at += at < len - 20 ? 7 : 1) { /* all but the last line end is needed */
        struct reply *r = body_post("/datasets?name=bad", FORM, body, at);

        ck_assert_msg(r->status == 400 || r->status == 422 || at >= len - 2, "%zu of %zu: %ld", at,
                      len, r->status);
        if (r->status < 300) {
            want(http_delete("/datasets/bad"), 204);
        }
    }
    want_problem(http_get("/datasets/bad"), 404, NULL, NULL);
    ck_assert_uint_eq(folder_entries(text("%s/datasets", d.state)), before);
}
END_TEST

/* ---- rows to predict ---- */

START_TEST(rows_of_every_format)
{
    static const struct format bodies[] = {
        TEXT("csv", "text/csv", "", "x2,x1\n0.5,0\n1.5,1\n2.5,2\n", 3, 2),
        TEXT("semicolons", "text/csv", "", "x2;x1\n0.5;0\n1.5;1\n2.5;2\n", 3, 2),
        TEXT("tsv", "text/tab-separated-values", "", "x1\tx2\n0\t0.5\n1\t1.5\n2\t2.5\n", 3, 2),
        TEXT("ndjson", "application/x-ndjson", "",
             "{\"x2\":0.5,\"x1\":0}\n{\"x1\":1,\"x2\":1.5}\n{\"x1\":2,\"x2\":2.5}", 3, 2),
        {"npy", "application/x-npy", "", npy_le_f4, sizeof npy_le_f4, 3, 2},
        {"fortran", "application/x-npy", "", npy_fortran, sizeof npy_fortran, 3, 2},
        {"npz", "application/x-npz", "", npy_npz, sizeof npy_npz, 3, 2}, /* y is passed over */
        {"seen", "application/octet-stream", "", npy_be_f4, sizeof npy_be_f4, 3, 2},
        TEXT("libsvm", "text/x-libsvm", "", "0 2:0.5\n0 1:1 2:1.5\n9 1:2 2:2.5 # x\n", 3, 2),
        TEXT("arff", "text/x-arff", "",
             "@relation r\n@attribute x1 real\n@attribute x2 real\n@data\n0,0.5\n1,1.5\n{0 2,1 "
             "2.5}\n",
             3, 2),
    };
    int64_t id = body_model();
    const char *path = body_predict(id);
    char *wanted = NULL;

    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct reply *r =
            want(body_post(path, bodies[i].type, bodies[i].bytes, bodies[i].len), 200);

        ck_assert_uint_eq(length(r, "/predictions"), 3);
        if (i == 0) {
            /* the golden rows are these: 0 0.5, 1 1.5, 2 2.5 */
            wanted = canonical(r->json);
        } else {
            want_same(canonical(r->json), wanted);
        }
    }
    /* labelled: the target by its name, or last */
    want(body_post(text("/models/%lld/evaluate", (long long)id), "application/x-npz", npy_npz,
                   sizeof npy_npz),
         200);
    want(body_post(text("/models/%lld/evaluate", (long long)id), "text/x-libsvm",
                   "1 1:1 2:2\n2 1:1\n", 16),
         200);
}
END_TEST

START_TEST(rows_refused)
{
    static const struct {
        const char *type, *body;
        size_t len;
        const char *words;
    } cases[] = {
        {"application/x-ndjson", "{\"x1\":1}", 8, "column \"x2\" is missing"},
        {"application/x-ndjson", "{\"x1\":1,\"x2\":2,\"x3\":3}", 22, "did you mean"},
        {"application/x-ndjson", "{\"x1\":1,\"x2\":[2]}", 17, "nested"},
        {"application/x-ndjson", "{\"x1\":\"q\",\"x2\":2}", 17, "number"},
        {"application/x-npy", (const char *)npy_cube, sizeof npy_cube, "6 columns"},
        {"application/x-npy", (const char *)npy_objects, sizeof npy_objects, "Python objects"},
        {"application/x-npy", (const char *)npy_le_f4, sizeof npy_le_f4 - 1, "ends early"},
        {"application/zip", "PK\3\4", 4, "ends early"},
        {"text/x-libsvm", "0 3:1\n", 6, "index outside"},
        {"text/x-libsvm", "0 1:x\n", 6, "no finite number"},
        {"text/x-arff", "@relation r\n@attribute x1 real\n@data\n1\n", 39, "missing"},
    };
    int64_t id = body_model();
    size_t before = folder_entries(text("%s/datasets", d.state));

    for (size_t i = 0; i < COUNT(cases); i++) {
        want_problem(body_post(body_predict(id), cases[i].type, cases[i].body, cases[i].len), 422,
                     NULL, cases[i].words);
    }
    want_problem(body_post(body_predict(id), "application/xml", "<a/>", 4), 415, NULL, NULL);
    ck_assert_uint_eq(folder_entries(text("%s/datasets", d.state)), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_formats");
    TCase *tc = case_with("formats", start, stop);

    tcase_set_timeout(tc, 60 * PATIENCE);
    tcase_add_loop_test(tc, every_format, 0, (int)COUNT(formats));
    tcase_add_test(tc, images_and_labels);
    tcase_add_test(tc, one_table_makes_one_model);
    tcase_add_test(tc, refused_leaves_nothing);
    tcase_add_test(tc, rows_of_every_format);
    tcase_add_test(tc, rows_refused);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

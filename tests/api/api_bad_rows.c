/* Rows to predict and to trace that are wrong, in every form that is taken: all that is wrong with
 * them is told at once, other encodings are called by their names, days that there are not are
 * told as such. And the JSON of a job, cut and garbled. Nothing stays of any of it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"

static struct daemon d;
static int64_t plane, days; /* models of x1 and x2; of a day, a number and a color */
static char *wanted;        /* what plane answers to (1, 2), (3, 4) */

#define ROWS "{'instances': [[1,2],[3,4]]}"

static void start(void)
{
    char *csv = text("day,size,color,y\n");
    struct reply *r;

    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    plane = body_model();
    r = want(http_post(q(ROWS), "%s", body_predict(plane)), 200);
    wanted = strdup(canonical(at(r, "/predictions")));
    for (int i = 0; i < 28; i++) {
        csv = text("%s2026-02-%02d,%d.5,%s,%s\n", csv, i + 1, i % 9, i % 3 ? "red" : "blue",
                   i % 2 ? "yes" : "no");
    }
    want(http_csv(csv, "/datasets?name=days"), 201);
    days = trained(train("{'preset': 'simple', 'data': {'dataset': 'days', 'target': 'y'}, "
                         "'architecture': {'hidden': [2]}, 'training': {'epochs': 1, 'seed': 1}}"));
}

static void stop(void)
{
    free(wanted);
    daemon_retire(&d);
}

/* ---- everything at once ------------------------------------------------------------------ */

struct told {
    const char *place, *words; /* a pointer, or a column */
    int64_t row, line;
};

/* Exactly these problems, in any order. */
static void tells(const struct reply *r, const struct told *told, size_t n)
{
    ck_assert_int_eq(r->status, 422);
    for (size_t i = 0; i < n; i++) {
        const json_t *e;
        size_t k;

        json_array_foreach(at(r, "/errors"), k, e)
        {
            const char *place =
                json_string_value(json_object_get(e, told[i].line == 0 ? "pointer" : "column"));

            if (strcmp(place != NULL ? place : "", told[i].place) == 0 &&
                json_integer_value(json_object_get(e, "row")) == told[i].row &&
                json_integer_value(json_object_get(e, "line")) == told[i].line &&
                strstr(json_string_value(json_object_get(e, "detail")), told[i].words) != NULL) {
                break;
            }
        }
        ck_assert_msg(k < length(r, "/errors"), "nothing of %s (%s): %s", told[i].place,
                      told[i].words, r->body);
    }
    ck_assert_msg(length(r, "/errors") == n, "not %zu problems: %s", n, r->body);
}

START_TEST(all_is_told_at_once)
{
    static const char objects[] =
        "{'instances': [{'day': '2026-02-30', 'size': 'big'}, {'color': 'red', 'size': [1], "
        "'sze': 2, 'day': 0}, {'day': 'soon', 'size': null, 'color': 'red'}]}";
    static const struct told of_objects[] = {
        {"/instances/0/color", "is missing", 0, 0},
        {"/instances/0/day", "must be a datetime", 0, 0},
        {"/instances/0/size", "must be a number, got \"big\"", 0, 0},
        {"/instances/1/size", "must be a number, a text or null", 0, 0},
        {"/instances/1/sze", "did you mean \"size\"?", 0, 0},
        {"/instances/2/day", "got \"soon\"", 0, 0},
    };
    static const char arrays[] =
        "{'instances': [['2026-13-01', {}, 'red'], [0, 'big'], ['', 'big', 'red']]}";
    static const struct told of_arrays[] = {
        {"/instances/0/day", "got \"2026-13-01\"", 0, 0},
        {"/instances/0/size", "must be a number, a text or null", 0, 0},
        {"/instances/1", "must have 3 values", 0, 0},
        {"/instances/2/size", "got \"big\"", 0, 0},
    };
    static const char csv[] = "sze,size,day\n1,big,2026-02-01\n1,2\n1,2,2026-02-29\n";
    static const struct told of_csv[] = {
        {"sze", "did you mean \"size\"?", 0, 1}, {"color", "is missing", 0, 1},
        {"size", "got \"big\"", 1, 2},           {"", "2 cells, and the header 3", 2, 3},
        {"day", "got \"2026-02-29\"", 3, 4},
    };
    static const char one[] = "{'instances': [{'day': 'never', 'size': 'big', 'y': 'maybe'}]}";
    static const struct told of_one[] = {
        {"/instances/0/color", "is missing", 0, 0},
        {"/instances/0/day", "got \"never\"", 0, 0},
        {"/instances/0/size", "got \"big\"", 0, 0},
        {"/instances/0/y", "\"maybe\" is no class", 0, 0},
    };
    const char *path = body_predict(days);

    tells(http_post(q(objects), "%s", path), of_objects, COUNT(of_objects));
    tells(http_post(q(arrays), "%s", path), of_arrays, COUNT(of_arrays));
    tells(http_csv(csv, "%s", path), of_csv, COUNT(of_csv));
    tells(http_post(q(objects), "/models/%lld/trace", (long long)days), of_objects,
          COUNT(of_objects));
    tells(http_post(q(one), "/models/%lld/trace", (long long)days), of_one, COUNT(of_one));
    tells(http_post(q(one), "/models/%lld/evaluate", (long long)days), of_one, COUNT(of_one));
    tells(http_csv(csv, "/models/%lld/trace", (long long)days), of_csv, COUNT(of_csv));
    tells(http_get("%s?day=never&size=big", path),
          (const struct told[]){{"/color", "is missing", 0, 0},
                                {"/day", "got \"never\"", 0, 0},
                                {"/size", "got \"big\"", 0, 0}},
          3);
}
END_TEST

/* Of very many problems a hundred are told, and that there are more. */
START_TEST(only_so_much_is_told)
{
    char *csv = text("x1,x2\n"), *json = text("%s", "");
    struct reply *r;

    for (int i = 0; i < 150; i++) {
        csv = text("%sa,b\n", csv);
        json = text("%s%s{'x3': 1}", json, i > 0 ? "," : "");
    }
    r = want_problem(http_csv(csv, "%s", body_predict(plane)), 422, NULL, "must be a number");
    ck_assert_uint_eq(length(r, "/errors"), 100);
    ck_assert_int_ge(integer(r, "/errors_left_out"), 1);
    r = want_problem(http_post(q("{'instances': [%s]}", json), "%s", body_predict(plane)), 422,
                     "/instances/0/x1", "is missing");
    ck_assert_uint_eq(length(r, "/errors"), 100);
    ck_assert_int_ge(integer(r, "/errors_left_out"), 1);
}
END_TEST

/* ---- texts ----------------------------------------------------------------------------------- */

struct sample {
    const char *type, *text;
};
/* Each holds (1, 2), (3, 4). */
static const struct sample samples[] = {
    {"text/csv", "x1,x2\n1,2\n3,4\n"},
    {"text/tab-separated-values", "x1\tx2\n1\t2\n3\t4\n"},
    {"application/x-ndjson", "{\"x1\":1,\"x2\":2}\n{\"x1\":3,\"x2\":4}\n"},
    {"text/x-libsvm", "0 1:1 2:2\n0 1:3 2:4\n"},
    {"text/x-arff", "@relation r\n@attribute x1 real\n@attribute x2 real\n@data\n1,2\n3,4\n"},
};

/* ASCII in other clothes: so many bytes a character, after a mark. */
static char *encoded(const char *ascii, const char *mark, size_t mark_len, size_t width, bool big,
                     size_t *len)
{
    size_t n = strlen(ascii);
    char *out = keep(calloc(1, mark_len + n * width + 1));

    memcpy(out, mark, mark_len);
    for (size_t i = 0; i < n; i++) {
        out[mark_len + i * width + (big ? width - 1 : 0)] = ascii[i];
    }
    *len = mark_len + n * width;
    return out;
}

/* Send as rows, as a table and as more rows of one; plain and packed, with its type and without. */
static void send_everywhere(const char *type, const char *bytes, size_t len,
                            void (*look)(struct reply *r, int where, const char *what),
                            const char *what)
{
    size_t packed_len;
    char *packed = body_gzip(bytes, len, &packed_len);

    for (int way = 0; way < 4; way++) {
        const char *as = way < 2 ? type : "application/octet-stream";
        const char *body = way % 2 ? packed : bytes;
        size_t n = way % 2 ? packed_len : len;

        look(body_post(body_predict(plane), as, body, n), 0, text("%s, %s", type, what));
        look(body_post("/datasets?name=sent", as, body, n), 1, text("%s, %s", type, what));
        look(body_post("/datasets/plane/rows", as, body, n), 2, text("%s, %s", type, what));
    }
}

/* Read as if nothing was the matter; as more rows they lack y. */
static void taken(struct reply *r, int where, const char *what)
{
    ck_assert_msg(r->status == (where == 0   ? 200
                                : where == 1 ? 201
                                             : 422),
                  "%s: %ld %s", what, r->status, r->body);
    if (where == 0) {
        ck_assert_msg(strcmp(canonical(at(r, "/predictions")), wanted) == 0, "%s: %s", what,
                      r->body);
    } else if (where == 1) {
        ck_assert_int_eq(integer(r, "/rows"), 2);
        want(http_delete("/datasets/sent"), 204);
    }
}

static void called_utf_16(struct reply *r, int where, const char *what)
{
    (void)where;
    want_problem_at(r, 422, NULL, "this is text in UTF-16", what, 0);
    ck_assert_msg(strstr(str(r, "/detail"), "; save it as UTF-8") != NULL &&
                      strstr(r->body, ", not ") == NULL, /* it is CSV, but in UTF-16 */
                  "%s: %s", what, r->body);
}

static void called_utf_32(struct reply *r, int where, const char *what)
{
    (void)where;
    want_problem_at(r, 422, NULL, "UTF-32; save it as UTF-8", what, 0);
}

/* Each line with another end than the one before. */
static char *mixed_ends(const char *lines)
{
    static const char *const ends[] = {"\r", "\n", "\r\n"};
    char *out = text("%s", "");
    size_t n;

    for (int i = 0; *lines != '\0'; lines += n + 1, i++) {
        n = strcspn(lines, "\n");
        out = text("%s%.*s%s", out, (int)n, lines, ends[i % 3]);
    }
    return out;
}

START_TEST(encodings_and_line_ends)
{
    const struct sample *s = &samples[_i];
    struct body_state before = body_look(&d);
    char *bytes = mixed_ends(s->text);
    size_t len;

    send_everywhere(s->type, bytes, strlen(bytes), taken, "mixed line ends");
    bytes = encoded(s->text, "\xef\xbb\xbf", 3, 1, false, &len);
    send_everywhere(s->type, bytes, len, taken, "a mark of UTF-8");
    bytes = encoded(s->text, "\xff\xfe", 2, 2, false, &len);
    send_everywhere(s->type, bytes, len, called_utf_16, "UTF-16LE");
    bytes = encoded(s->text, "\xfe\xff", 2, 2, true, &len);
    send_everywhere(s->type, bytes, len, called_utf_16, "UTF-16BE");
    bytes = encoded(s->text, "", 0, 2, false, &len);
    send_everywhere(s->type, bytes, len, called_utf_16, "UTF-16 without a mark");
    bytes = encoded(s->text, "\xff\xfe\0\0", 4, 4, false, &len);
    send_everywhere(s->type, bytes, len, called_utf_32, "UTF-32");
    body_unchanged(&d, &before, s->type);
}
END_TEST

/* JSON: a mark is passed over, and what else it is called by its name. */
START_TEST(encodings_of_json)
{
    static const char job[] = "{'preset': 'simple', 'data': {'x': [[1],[2],[4]], 'y': [1,2,3]}}";
    const char *const bodies[] = {q(ROWS), q(job)};
    const char *const paths[] = {body_predict(plane), "/train?dry_run=true"};
    struct body_state before = body_look(&d);

    for (int i = 0; i < 2; i++) {
        size_t len;
        char *bytes = encoded(bodies[i], "\xef\xbb\xbf", 3, 1, false, &len);

        want(body_post(paths[i], "application/json", bytes, len), 200);
        bytes = encoded(bodies[i], "\xff\xfe", 2, 2, false, &len);
        want_problem(body_post(paths[i], "application/json", bytes, len), 400, NULL,
                     "not JSON: this is text in UTF-16; save it as UTF-8");
        bytes = encoded(bodies[i], "", 0, 2, true, &len);
        want_problem(body_post(paths[i], "application/json", bytes, len), 400, NULL, "UTF-16");
        bytes = body_gzip(bodies[i], strlen(bodies[i]), &len);
        want_problem(body_post(paths[i], "application/json", bytes, len), 400, NULL,
                     "not JSON: this is gzip; send it unpacked");
        for (len = 0; len < strlen(bodies[i]); len++) { /* cut anywhere */
            struct reply *r =
                body_post(paths[i], "application/json", len > 0 ? bodies[i] : "", len);

            ck_assert_msg(r->status == 400, "%zu bytes: %ld %s", len, r->status, r->body);
            ck_assert_uint_gt(strlen(str(r, "/detail")), 8);
        }
        for (len = 0; len < strlen(bodies[i]); len += 3) { /* and garbled */
            char *garbled = text("%s", bodies[i]);

            garbled[len] = (char)0xff;
            want_problem(body_post(paths[i], "application/json", garbled, strlen(bodies[i])), 400,
                         NULL, "the text is not UTF-8");
            garbled[len] = '\0';
            want_problem(body_post(paths[i], "application/json", garbled, strlen(bodies[i])), 400,
                         NULL, "not JSON");
        }
    }
    body_unchanged(&d, &before, "JSON");
}
END_TEST

/* ---- days ---- */

/* Days that there are not, in each form that has days. */
START_TEST(days_that_are_not)
{
    static const struct {
        const char *type, *body;
    } cases[] = {
        {"application/json", "{\"instances\":[[\"2026-02-30\",1,\"red\"]]}"},
        {"text/csv", "day,size,color\n2026-02-30,1,red\n"},
        {"text/tab-separated-values", "day\tsize\tcolor\n2026-02-30\t1\tred\n"},
        {"application/x-ndjson", "{\"day\":\"2026-02-30\",\"size\":1,\"color\":\"red\"}\n"},
        {"text/x-arff",
         "@relation r\n@attribute day string\n@attribute size real\n@attribute color "
         "string\n@data\n2026-02-30,1,red\n"},
        {"text/x-arff", "@relation r\n@attribute day date yyyy-MM-dd\n@attribute size real\n"
                        "@attribute color string\n@data\n2026-02-30,1,red\n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = want_problem_at(
            body_post(body_predict(days), cases[i].type, cases[i].body, strlen(cases[i].body)), 422,
            NULL, "2026-02-30", cases[i].type, (int)i);

        ck_assert_msg(i == 0 ? strcmp(str(r, "/errors/0/pointer"), "/instances/0/day") == 0
                             : strcmp(str(r, "/errors/0/column"), "day") == 0,
                      "%s", r->body);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_bad_rows");
    TCase *tc = case_with("bad rows", start, stop);

    tcase_set_timeout(tc, 60 * PATIENCE);
    tcase_add_test(tc, all_is_told_at_once);
    tcase_add_test(tc, only_so_much_is_told);
    tcase_add_loop_test(tc, encodings_and_line_ends, 0, (int)COUNT(samples));
    tcase_add_test(tc, encodings_of_json);
    tcase_add_test(tc, days_that_are_not);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

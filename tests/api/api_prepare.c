/* Preparation over HTTP: every job of examples/prepare/ trains; models say what became of their
 * columns; rows in any form get the same predictions; what was asked for at predict is kept; and
 * wrong choices are refused, all at once.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct daemon d;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    upload_example("rides");
    upload_example("diabetes");
    upload_example("weather");
}

static void stop(void)
{
    daemon_retire(&d);
}

static int64_t example(const char *name)
{
    char *job = file_read(source_path(text("examples/prepare/%s", name)), NULL);

    return integer(want(http_post(job, "/train"), 202), "/id");
}

static struct reply *model_of_example(const char *name)
{
    return want(http_get("/models/%lld", (long long)trained(example(name))), 200);
}

/* The place of a feature, such as "/features/3". */
static const char *feature(const struct reply *model, const char *name, const char *key)
{
    size_t i;

    for (i = 0; i < length(model, "/features"); i++) {
        if (strcmp(str(model, text("/features/%zu/name", i)), name) == 0) {
            return text("/features/%zu/%s", i, key);
        }
    }
    ck_abort_msg("no feature %s", name);
}

static bool warns(int64_t job, const char *words)
{
    return strstr(canonical(at(want(http_get("/jobs/%lld", (long long)job), 200), "/warnings")),
                  words) != NULL;
}

START_TEST(every_example_trains)
{
    DIR *dir = opendir(source_path("examples/prepare"));
    int64_t jobs[32];
    size_t n = 0, i;

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strstr(e->d_name, ".json") != NULL) {
            ck_assert_uint_lt(n, COUNT(jobs));
            jobs[n++] = example(e->d_name);
        }
    }
    closedir(dir);
    ck_assert_uint_ge(n, 9);
    for (i = 0; i < n; i++) {
        struct reply *r = wait_for_job(jobs[i], "succeeded"), *again;
        char *resolved = canonical(at(r, "/resolved"));

        /* What it resolved to, posted again, is the same model. */
        again = want(http_post(resolved, "/train"), 202);
        ck_assert_str_eq(weights_of(model_of(jobs[i])), weights_of(trained(integer(again, "/id"))));
    }
}
END_TEST

START_TEST(models_say_what_became_of_columns)
{
    struct reply *m = model_of_example("rides.json");

    ck_assert_str_eq(str(m, feature(m, "distance_km", "encoding")), "soft");
    ck_assert(truth(m, feature(m, "distance_km", "missing_indicator")));
    ck_assert_int_eq(integer(m, feature(m, "distance_km", "bins")), 2);
    ck_assert_int_eq(integer(m, feature(m, "distance_km", "inputs")), 4);
    ck_assert_str_eq(str(m, feature(m, "city", "encoding")), "one_hot");
    ck_assert_str_eq(str(m, feature(m, "member", "encoding")), "boolean");
    ck_assert_str_eq(str(m, feature(m, "started", "encoding")), "datetime");
    ck_assert_str_eq(str(m, feature(m, "note", "encoding")), "dropped");
    ck_assert_double_ge(num(m, "/metrics/test/r2"), 0.6);
    m = model_of_example("embedding.json");
    ck_assert_str_eq(str(m, feature(m, "city", "encoding")), "embedding");
    ck_assert_int_eq(integer(m, feature(m, "city", "embedding")), 3);
    ck_assert_int_eq(integer(m, feature(m, "city", "inputs")), 1);
    m = model_of_example("number_levels.json");
    ck_assert_str_eq(str(m, feature(m, "passengers", "type")), "numeric");
    ck_assert_str_eq(str(m, feature(m, "passengers", "encoding")), "one_hot");
    ck_assert_int_ge(integer(m, feature(m, "passengers", "inputs")), 3);
}
END_TEST

#define RIDE(city, member, km, passengers)                                                         \
    "{\"started\": \"2025-05-05T08:30:00Z\", \"city\": " city ", \"member\": " member              \
    ", \"distance_km\": " km ", \"passengers\": " passengers ", \"note\": \"in a hurry\"}"

#define LITTLE_RIDE(passengers)                                                                    \
    "{\"started\": \"2025-05-05T08:30:00Z\", \"city\": null, \"member\": null, "                   \
    "\"distance_km\": 2, \"passengers\": " passengers "}"

static struct reply *predict(const struct reply *model, const char *ride)
{
    return http_post(text("{\"instances\": [%s]}", ride), "/models/%lld/predict",
                     (long long)integer(model, "/id"));
}

START_TEST(rows_are_prepared_alike)
{
    struct reply *m = model_of_example("rides.json"), *json, *csv;

    json = want(predict(m, RIDE("\"Rome\"", "\"yes\"", "3.25", "null")), 200);
    csv = want(http_csv("started,city,member,distance_km,passengers,note\n"
                        "2025-05-05T08:30:00Z,Rome,yes,3.25,,in a hurry\n",
                        "/models/%lld/predict", (long long)integer(m, "/id")),
               200);
    ck_assert_str_eq(canonical(at(json, "/predictions")), canonical(at(csv, "/predictions")));
    csv = want(predict(m, RIDE("\"Rome\"", "true", "3.25", "null")), 200); /* yes is true */
    ck_assert_str_eq(canonical(at(json, "/predictions")), canonical(at(csv, "/predictions")));
    want_problem(predict(m, "{\"started\": \"soon\", \"city\": null, \"member\": null, "
                            "\"distance_km\": 1, \"passengers\": 1, \"note\": null}"),
                 422, "/instances/0/started", "must be a datetime");
}
END_TEST

START_TEST(choices_hold_at_predict)
{
    int64_t job = example("missing.json");
    struct reply *m = want(http_get("/models/%lld", (long long)trained(job)), 200);

    ck_assert(warns(job, "training rows lack a value"));
    want(predict(m, RIDE("null", "null", "2", "null")), 200);
    want_problem(predict(m, RIDE("null", "null", "null", "null")), 422, "/instances/0/distance_km",
                 "a value is needed");
    m = model_of_example("number_levels.json"); /* a number that training never saw, and none */
    want(predict(m, LITTLE_RIDE("99")), 200);
    want(predict(m, LITTLE_RIDE("null")), 200);
    m = model_of_example("ordinal.json");
    want_problem(
        http_post("{\"instances\": [{\"started\": \"2025-05-05\", \"city\": \"Ulm\", "
                  "\"distance_km\": 1, \"passengers\": 1, \"note\": \"x\", \"minutes\": 9}]}",
                  "/models/%lld/predict", (long long)integer(m, "/id")),
        422, "/instances/0/city", "was never seen in training");
    m = model_of_example("log_target.json");
    ck_assert_double_gt(
        num(want(predict(m, RIDE("\"Oslo\"", "\"no\"", "0", "1")), 200), "/predictions/0/value"),
        -1);
    want_problem(predict(m, RIDE("\"Oslo\"", "\"no\"", "-1", "1")), 422, "/instances/0/distance_km",
                 "must be above -1");
    job = example("hashing.json");
    (void)trained(job);
    ck_assert(warns(job, "\\\"ride\\\" looks like an identifier"));
}
END_TEST

/* What the upload said of its words for no value and of its days is the model's, too. */
START_TEST(a_table_s_words_hold_at_predict)
{
    static const struct {
        const char *type, *rows;
    } same[] = {
        {"text/csv", "day,km,city\n13/02/2026,-999.0,unknown\n"},
        {"text/csv", "city;km;day\n \"unknown\" ; ; 2026-02-13 \n"},
        {"application/x-ndjson", "{\"day\":\"13/2/2026\",\"km\":-999,\"city\":null}\n"},
        {"application/json",
         "{\"instances\":[{\"day\":\"2026-02-13T00:00:00Z\",\"km\":null,\"city\":\"unknown\"}]}"},
    };
    char *csv = text("day,km,city,y\n"), *first = NULL;
    const char *path;
    struct reply *r;

    for (int i = 0; i < 40; i++) {
        csv =
            text("%s%02d/%02d/2026,%d,%s,%d\n", csv, i % 28 + 1, i % 12 + 1, i % 9 == 0 ? -999 : i,
                 i % 7 == 0   ? "unknown"
                 : i % 2 == 0 ? "NA"
                              : "DE",
                 i % 9 == 0 ? 50 : i);
    }
    want(http_csv(csv, "/datasets?name=words&missing=-999,unknown&missing_defaults=false"
                       "&types=day:datetime:%%25d/%%25m/%%25Y"),
         201);
    path = text("/models/%lld/predict",
                (long long)trained(train("{'preset': 'simple', 'data': {'dataset': 'words', "
                                         "'target': 'y'}, 'training': {'epochs': 3}}")));
    for (size_t i = 0; i < COUNT(same); i++) {
        r = want(http_send(&(struct request){
                     .method = "POST", .path = path, .type = same[i].type, .body = same[i].rows}),
                 200);
        if (i == 0) {
            first = canonical(at(r, "/predictions"));
        } else {
            want_same(canonical(at(r, "/predictions")), first);
        }
    }
    r = want(http_csv("day,km,city\n13/02/2026,-999,NA\n", "%s", path), 200); /* Namibia */
    ck_assert_str_ne(canonical(at(r, "/predictions")), first);
    want_problem(http_csv("day,km,city\n30/02/2026,1,NA\n", "%s", path), 422, NULL,
                 "written as %d/%m/%Y");
}
END_TEST

START_TEST(what_is_chosen_on_the_validation_part)
{
    struct reply *m = model_of_example("decide.json");

    ck_assert_double_gt(num(m, "/calibration/temperature"), 0);
    ck_assert(num(m, "/threshold/value") > 0 && num(m, "/threshold/value") < 1);
    m = model_of_example("refit.json");
    ck_assert_int_gt(integer(m, "/refit/rows"), 210); /* 300 rows: 70 % train, 15 % validate */
}
END_TEST

START_TEST(small_classes_are_sampled)
{
    int64_t job = example("sampling.json");
    struct reply *r;

    (void)trained(job);
    r = want(http_get("/jobs/%lld", (long long)job), 200);
    ck_assert_str_eq(str(r, "/result/sampling/type"), "oversample");
    ck_assert_int_lt(integer(r, "/result/sampling/rows/before/yes"),
                     integer(r, "/result/sampling/rows/before/no"));
    ck_assert_int_eq(integer(r, "/result/sampling/rows/after/yes"),
                     integer(r, "/result/sampling/rows/before/no"));
    ck_assert_int_eq(integer(r, "/result/rows/training"),
                     2 * integer(r, "/result/sampling/rows/after/no"));
    ck_assert_int_gt(integer(r, "/result/refit/rows"), integer(r, "/result/rows/training"));
    ck_assert_int_eq(integer(r, "/result/refit/rows") % 2, 0); /* its rows are balanced too */
}
END_TEST

/* Only rows of the training part: in the others classes are the other way round. */
START_TEST(sampling_takes_training_rows)
{
    static char csv[8192] = "x,z,y\n";
    size_t i, n = strlen(csv);
    struct reply *r;

    for (i = 0; i < 200; i++) {
        bool p = i % 5 < 1;

        n += (size_t)snprintf(csv + n, sizeof(csv) - n, "%s,%zu,%s\n",
                              p == (i >= 100) ? "1" : "-1", i * i % 7, p ? "p" : "q");
    }
    want(http_csv(csv, "/datasets?name=turned"), 201);
    r = wait_for_job(
        integer(want(http_post("{\"data\": {\"dataset\": \"turned\", \"target\": \"y\", "
                               "\"sampling\": {\"type\": \"undersample\", \"ratio\": 0.5}, "
                               "\"split\": {\"rows\": {\"training\": [[100, 199]], "
                               "\"test\": [[0, 99]]}}}, \"preset\": \"simple\", "
                               "\"architecture\": {\"hidden\": []}, \"optimizer\": {\"type\": "
                               "\"adam\", \"learning_rate\": 0.1}, "
                               "\"training\": {\"seed\": 1, \"epochs\": 60}}",
                               "/train"),
                     202),
                "/id"),
        "succeeded");
    ck_assert_int_eq(integer(r, "/result/sampling/rows/before/q"), 80);
    ck_assert_int_eq(integer(r, "/result/sampling/rows/after/q"), 40);
    ck_assert_int_eq(integer(r, "/result/rows/training"), 60);
    r = want(http_get("/models/%lld", (long long)integer(r, "/model_id")), 200);
    ck_assert_double_eq(num(r, "/metrics/training/accuracy"), 1);
    ck_assert_double_eq(num(r, "/metrics/test/accuracy"), 0);
}
END_TEST

/* The class in other words is told of in the job, its text in the events. */
START_TEST(leaks_are_warned_of)
{
    static char csv[16384] = "size,verdict,outcome\n";
    size_t i, n = strlen(csv);
    int64_t job;

    for (i = 0; i < 400; i++) {
        n += (size_t)snprintf(csv + n, sizeof(csv) - n, "%zu,%s,%s\n", i * 37 % 101,
                              i % 3 ? "passed" : "failed", i % 3 ? "good" : "bad");
    }
    want(http_csv(csv, "/datasets?name=leaky"), 201);
    job = integer(want(http_post("{\"data\": {\"dataset\": \"leaky\", \"target\": \"outcome\"}, "
                                 "\"preset\": \"simple\", \"training\": {\"epochs\": 2}}",
                                 "/train"),
                       202),
                  "/id");
    (void)trained(job);
    ck_assert(warns(job, "\\\"verdict\\\" alone tells the target \\\"outcome\\\""));
    ck_assert(warns(job, "rows wrong, ")); /* as classes, not as numbers */
    ck_assert(!warns(job, "\\\"size\\\" alone"));
    /* Of the rows that train, and of the first four targets. */
    n = (size_t)snprintf(csv, sizeof csv, "f,x,a,b,c,d,e,part\n");
    for (i = 0; i < 200; i++) {
        int v = i < 100 ? (int)(i * 13 % 20) : 7;

        n += (size_t)snprintf(csv + n, sizeof(csv) - n, "%zu,%zu,%d,%d,%d,%d,%d,%s\n", i * 13 % 20,
                              i * i % 11, v, v + 1, v + 2, v + 3, v + 4,
                              i < 100 ? "train" : "test");
    }
    want(http_csv(csv, "/datasets?name=five"), 201);
    job = integer(want(http_post("{\"data\": {\"dataset\": \"five\", \"target\": [\"a\", \"b\", "
                                 "\"c\", \"d\", \"e\"], \"split\": {\"column\": \"part\"}}, "
                                 "\"preset\": \"simple\", \"training\": {\"epochs\": 2}}",
                                 "/train"),
                       202),
                  "/id");
    (void)trained(job);
    ck_assert(warns(job, "the target \\\"a\\\" almost"));
    ck_assert(warns(job, "the target \\\"d\\\" almost"));
    ck_assert(!warns(job, "the target \\\"e\\\" almost"));
}
END_TEST

START_TEST(wrong_choices_are_all_told)
{
    struct reply *r = want_problem(
        http_post("{\"data\": {\"dataset\": \"rides\", \"target\": \"minutes\"}, \"preprocess\": "
                  "{\"missing\": {\"constant\": \"Ulm\"}, \"columns\": {\"town\": {}, "
                  "\"city\": {\"numeric\": \"robust\"}, \"minutes\": {\"numeric\": \"none\"}}}}",
                  "/train"),
        422, "/preprocess/columns/town", "the dataset has no column");
    const char *all = canonical(at(r, "/errors"));

    ck_assert_ptr_nonnull(strstr(all, "/preprocess/columns/city/numeric"));
    ck_assert_ptr_nonnull(strstr(all, "/preprocess/columns/minutes"));
    ck_assert_ptr_nonnull(strstr(all, "cannot stand in for it"));
}
END_TEST

/* Booleans among several targets are labels; a job's types of columns are the model's. */
START_TEST(labels_and_types_of_a_job)
{
    struct reply *m = model_of_example("multi_label.json"), *r;
    long long id = integer(m, "/id");
    int64_t job;
    bool frost;

    ck_assert_str_eq(str(m, feature(m, "station", "type")), "categorical");
    ck_assert_str_eq(canonical(at(m, feature(m, "station", "categories"))),
                     "[\"33\",\"47\",\"101\",\"205\",\"1208\"]");
    ck_assert_double_ge(num(m, "/metrics/test/accuracy"), 0.5);
    r = want(http_post("{\"instances\": ["
                       "{\"station\": 47, \"month\": 1, \"pressure\": 990, \"humidity\": 90, "
                       "\"wind\": 1.5},"
                       "{\"station\": \"47.0\", \"month\": 1, \"pressure\": 990, "
                       "\"humidity\": 90, \"wind\": 1.5},"
                       "{\"station\": 1208, \"month\": 7, \"pressure\": 1035, "
                       "\"humidity\": 30, \"wind\": 9}]}",
                       "/models/%lld/predict", id),
             200);
    ck_assert_str_eq(canonical(at(r, "/predictions/0")), canonical(at(r, "/predictions/1")));
    ck_assert(truth(r, "/predictions/0/labels/rain") && truth(r, "/predictions/0/labels/fog"));
    frost = truth(r, "/predictions/0/labels/frost");
    ck_assert_str_eq(canonical(at(r, "/predictions/2/labels")),
                     "{\"fog\":false,\"frost\":false,\"rain\":false}");
    r = want(http_post(text("{\"instances\": [{\"station\": 47, \"month\": 1, \"pressure\": 990, "
                            "\"humidity\": 90, \"wind\": 1.5, \"rain\": true, \"fog\": \"yes\", "
                       "\"frost\": %d}]}",
                            frost),
                       "/models/%lld/evaluate", id),
             200);
    ck_assert_double_eq(num(r, "/metrics/accuracy"), 1);
    job = integer(want(http_post("{\"dataset\": \"weather\"}", "/models/%lld/evaluate", id), 202),
                  "/id");
    wait_for_job(job, "succeeded");
    m = model_of_example("types.json");
    ck_assert_str_eq(str(m, feature(m, "frost", "type")), "categorical");
    ck_assert_str_eq(str(m, feature(m, "rain", "type")), "numeric");
    r = want(http_post("{\"instances\": [{\"station\": 5, \"pressure\": 990, \"humidity\": 90, "
                       "\"wind\": 1.5, \"rain\": \"perhaps\", \"fog\": false, "
                       "\"frost\": true}]}",
                       "/models/%lld/predict", (long long)integer(m, "/id")),
             422);
    ck_assert_str_eq(str(r, "/errors/0/pointer"), "/instances/0/rain");
    job = integer(want(http_post("{\"dataset\": \"weather\"}", "/models/%lld/evaluate",
                                 (long long)integer(m, "/id")),
                       202),
                  "/id");
    wait_for_job(job, "succeeded");
}
END_TEST

/* n rows of x, g (every third is b), y (every fifth is missing), w (negative where g is b). */
static void upload_groups(const char *name, int n, const char *columns)
{
    char *csv = text("%s\n", columns);

    for (int i = 0; i < n; i++) {
        csv = text("%s%d,%s,%s,%d\n", csv, i * 7 % 31, i % 3 == 2 ? "b" : "a",
                   i % 5 == 4   ? ""
                   : i * 7 % 31 > 15 ? "p"
                                     : "q",
                   i % 3 == 2 ? -1 : 1);
    }
    want(http_csv(csv, "/datasets?name=%s", name), 201);
}

#define GROUPS(validation, test, more)                                                             \
    "{\"data\": {\"dataset\": \"groups\", \"target\": \"y\", \"exclude\": [\"g\"], "              \
    "\"filter\": [{\"column\": \"g\", \"op\": \"==\", \"value\": \"a\"}], "                            \
    "\"split\": {\"validation_dataset\": \"" validation "\", \"test_dataset\": \"" test "\"}" more       \
    "}, \"preset\": \"simple\", \"training\": {\"epochs\": 3, \"seed\": 1}}"

START_TEST(filters_are_for_all_of_a_jobs_datasets)
{
    struct reply *r;

    upload_groups("groups", 60, "x,g,y,w");
    upload_groups("valid", 30, "x,g,y,w");
    upload_groups("other", 15, "x,h,y,w");
    want(http_csv("x,g,y,w\n1,b,p,1\n2,a,,1\n3,b,q,1\n", "/datasets?name=none"), 201);
    for (int window = 0; window < 2; window++) {
        r = wait_for_job(
            integer(want(http_post(window == 0
                                       ? GROUPS("valid", "valid",
                                                ", \"missing_target\": \"drop_row\", "
                                                "\"sample_weight\": \"w\"")
                                       : GROUPS("valid", "valid",
                                                ", \"missing_target\": \"drop_row\", "
                                                "\"sample_weight\": \"w\", \"window\": 16"),
                                   "/train"),
                         202),
                    "/id"),
            "succeeded");
        ck_assert_int_eq(integer(r, "/result/rows/training"), 32);
        ck_assert_int_eq(integer(r, "/result/rows/validation"), 16);
        ck_assert_int_eq(integer(r, "/result/rows/test"), 16);
        ck_assert_str_eq(str(r, "/resolved/why/data.split.test_dataset"),
                         "16 of 30 rows are left by data.filter and data.missing_target");
    }
    r = want(http_post(GROUPS("valid", "valid", ""), "/train"), 422);
    ck_assert_str_eq(str(r, "/errors/0/pointer"), "/data/split/validation_dataset");
    ck_assert_ptr_nonnull(strstr(str(r, "/errors/0/detail"), "data.missing_target"));
    r = want(http_post(GROUPS("none", "other", ", \"missing_target\": \"drop_row\""), "/train"),
             422);
    ck_assert_str_eq(str(r, "/errors/0/pointer"), "/data/split/validation_dataset");
    ck_assert_ptr_nonnull(strstr(str(r, "/errors/0/detail"), "0 of 3 rows are left"));
    ck_assert_str_eq(str(r, "/errors/1/pointer"), "/data/split/test_dataset");
    ck_assert_ptr_nonnull(strstr(str(r, "/errors/1/detail"), "no column \"g\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_prepare");
    TCase *tc = case_with("prepare", start, stop);

    tcase_set_timeout(tc, 120 * PATIENCE);
    tcase_add_test(tc, every_example_trains);
    tcase_add_test(tc, models_say_what_became_of_columns);
    tcase_add_test(tc, labels_and_types_of_a_job);
    tcase_add_test(tc, filters_are_for_all_of_a_jobs_datasets);
    tcase_add_test(tc, rows_are_prepared_alike);
    tcase_add_test(tc, choices_hold_at_predict);
    tcase_add_test(tc, a_table_s_words_hold_at_predict);
    tcase_add_test(tc, what_is_chosen_on_the_validation_part);
    tcase_add_test(tc, small_classes_are_sampled);
    tcase_add_test(tc, sampling_takes_training_rows);
    tcase_add_test(tc, leaks_are_warned_of);
    tcase_add_test(tc, wrong_choices_are_all_told);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

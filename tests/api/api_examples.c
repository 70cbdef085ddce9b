/* The examples are real: every job file of examples/ runs and succeeds through HTTP, and the
 * three of the quickstart reach their mark as the mean of 5 seeds on a quarter of the rows.
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
    static const char *const tables[] = {"iris", "digits", "breast_cancer", "diabetes"};

    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    for (size_t i = 0; i < COUNT(tables); i++) {
        upload_example(tables[i]);
    }
}

static void stop(void)
{
    daemon_retire(&d);
}

START_TEST(every_example_trains)
{
    DIR *dir = opendir(source_path("examples"));
    int64_t jobs[64];
    char *names[64];
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t len = strlen(e->d_name);
        char *job;

        if (len < 5 || strcmp(e->d_name + len - 5, ".json") != 0) {
            continue;
        }
        ck_assert_uint_lt(n, COUNT(jobs));
        job = file_read(source_path(text("examples/%s", e->d_name)), NULL);
        names[n] = text("%s", e->d_name);
        jobs[n++] = integer(want(http_post(job, "/train"), 202), "/id");
    }
    closedir(dir);
    ck_assert_uint_ge(n, 5);
    for (size_t i = 0; i < n; i++) {
        struct reply *r = wait_for_job(jobs[i], "succeeded");

        printf("%-24s %s\n", names[i],
               canonical(
                   at(http_get("/models/%lld", (long long)integer(r, "/model_id")), "/metrics")));
    }
}
END_TEST

/* The mean of a test metric over seeds 1 to 5. */
static double mean_of_5(const char *example, const char *metric)
{
    json_t *job =
        json_loads(file_read(source_path(text("examples/%s.json", example)), NULL), 0, NULL);
    json_t *training;
    int64_t ids[5];
    double sum = 0;

    ck_assert_msg(job != NULL, "examples/%s.json is not JSON", example);
    training = json_object_get(job, "training");
    ck_assert_msg(json_object_get(training, "seed") != NULL, "%s pins no seed", example);
    ck_assert_double_eq(json_number_value(json_find(job, "/data/split/test")), 0.25);
    for (int seed = 1; seed <= 5; seed++) {
        json_object_set_new(training, "seed", json_integer(seed));
        ids[seed - 1] = integer(want(http_post(canonical(job), "/train"), 202), "/id");
    }
    json_decref(job);
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct reply *m = want(http_get("/models/%lld", (long long)trained(ids[i])), 200);

        sum += num(m, text("/metrics/test/%s", metric));
    }
    printf("%s: mean test %s of 5 seeds %.4f\n", example, metric, sum / 5);
    return sum / 5;
}

START_TEST(iris_reaches_its_mark)
{
    ck_assert_double_ge(mean_of_5("iris", "accuracy"), 0.93);
}
END_TEST

START_TEST(digits_reach_their_mark)
{
    ck_assert_double_ge(mean_of_5("digits", "accuracy"), 0.965);
}
END_TEST

START_TEST(diabetes_reaches_its_mark)
{
    ck_assert_double_ge(mean_of_5("diabetes", "r2"), 0.38);
}
END_TEST

/* XOR with its 4 rows inline trains without a split and is learnt. */
START_TEST(xor_is_learnt)
{
    char *job = file_read(source_path("examples/xor.json"), NULL);
    int64_t id = integer(want(http_post(job, "/train"), 202), "/id");
    struct reply *m = want(http_get("/models/%lld", (long long)trained(id)), 200);

    ck_assert_double_eq(num(m, "/metrics/training/accuracy"), 1);
    ck_assert(!has(m, "/metrics/test") && !has(m, "/metrics/validation"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_examples");
    TCase *tc = case_with("examples", start, stop);

    tcase_set_timeout(tc, 300 * PATIENCE);
    tcase_add_test(tc, every_example_trains);
    tcase_add_test(tc, iris_reaches_its_mark);
    tcase_add_test(tc, digits_reach_their_mark);
    tcase_add_test(tc, diabetes_reaches_its_mark);
    tcase_add_test(tc, xor_is_learnt);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

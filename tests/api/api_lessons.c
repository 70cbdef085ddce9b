/* The lessons are true: every job of examples/lessons runs and succeeds through HTTP, and what
 * docs/LESSONS.md says of them holds with fixed seeds.
 *
 * The bounds stand far from what was measured (see that page), so that another processor's last
 * bits move nothing across them: they are about factors, not about digits.
 */
#include "config.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

#define SEEDS (PATIENCE > 1 ? 1 : 3) /* sanitizers take their time */
#define DEEP  8 /* hidden layers of the vanishing lesson */

static struct daemon d;

static void start(void)
{
    static const char *const tables[] = {"digits", "breast_cancer", "diabetes"};

    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    for (size_t i = 0; i < COUNT(tables); i++) {
        upload_example(tables[i]);
    }
}

static void stop(void)
{
    daemon_retire(&d);
}

/* The job of examples/lessons/<name>.json; the caller's. */
static json_t *lesson(const char *name)
{
    json_t *job = json_loads(
        file_read(source_path(text("examples/lessons/%s.json", name)), NULL), 0, NULL);

    ck_assert_msg(json_is_object(job), "examples/lessons/%s.json is no JSON object", name);
    return job;
}

/* One job a seed, 1 to SEEDS. */
static void train_seeds(const char *name, int64_t ids[SEEDS])
{
    json_t *job = lesson(name);

    for (int seed = 1; seed <= SEEDS; seed++) {
        json_object_set_new(json_object_get(job, "training"), "seed", json_integer(seed));
        ids[seed - 1] = integer(want(http_post(canonical(job), "/train"), 202), "/id");
    }
    json_decref(job);
}

static struct reply *model(int64_t job)
{
    return want(http_get("/models/%lld", (long long)trained(job)), 200);
}

/* The mean over the seeds of a member of the model. */
static double mean_of(const char *name, const int64_t ids[SEEDS], const char *pointer)
{
    double sum = 0;

    for (size_t i = 0; i < SEEDS; i++) {
        sum += num(model(ids[i]), pointer);
    }
    printf("%s: mean %s of %d seeds %.4f\n", name, pointer, SEEDS, sum / SEEDS);
    return sum / SEEDS;
}

/* That they also train is for the tests below. */
START_TEST(every_lesson_is_a_job)
{
    DIR *dir = opendir(source_path("examples/lessons"));
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t len = strlen(e->d_name);
        char *name, *job;
        json_t *parsed;

        if (len < 5 || strcmp(e->d_name + len - 5, ".json") != 0) {
            continue;
        }
        name = text("%.*s", (int)(len - 5), e->d_name);
        parsed = lesson(name);
        ck_assert_str_eq(json_string_value(json_object_get(parsed, "name")), name);
        ck_assert_msg(json_is_integer(json_find(parsed, "/training/seed")), "%s pins no seed",
                      name);
        json_decref(parsed);
        job = file_read(source_path(text("examples/lessons/%s", e->d_name)), NULL);
        want(http_post(job, "/train?dry_run=1"), 200);
        n++;
    }
    closedir(dir);
    ck_assert_uint_eq(n, 20);
}
END_TEST

static const struct {
    const char *data, *metric;
    int64_t parameters;
    double least; /* on the test rows */
} pairs[] = {
    {"digits", "accuracy", 8860, 0.93},
    {"breast_cancer", "accuracy", 1057, 0.93},
    {"diabetes", "r2", 457, 0.35},
};

/* A pair differs in the hidden layers alone, has equally many parameters, and is equally good. */
START_TEST(shape_at_equal_parameters)
{
    const char *data = pairs[_i].data;
    char *wide = text("depth_%s_wide", data), *deep = text("depth_%s_deep", data);
    json_t *a = lesson(wide), *b = lesson(deep);
    char *metric = text("/metrics/test/%s", pairs[_i].metric);
    int64_t wide_ids[SEEDS], deep_ids[SEEDS];
    double wide_score, deep_score;

    ck_assert_uint_eq(json_array_size(json_find(a, "/architecture/hidden")), 1);
    ck_assert_uint_ge(json_array_size(json_find(b, "/architecture/hidden")), 3);
    json_object_del(a, "name");
    json_object_del(b, "name");
    json_object_del(json_object_get(a, "architecture"), "hidden");
    json_object_del(json_object_get(b, "architecture"), "hidden");
    want_same(canonical(a), canonical(b));
    json_decref(a);
    json_decref(b);

    train_seeds(wide, wide_ids);
    train_seeds(deep, deep_ids);
    for (size_t i = 0; i < SEEDS; i++) {
        ck_assert_int_eq(integer(model(wide_ids[i]), "/parameters"), pairs[_i].parameters);
        ck_assert_int_eq(integer(model(deep_ids[i]), "/parameters"), pairs[_i].parameters);
    }
    wide_score = mean_of(wide, wide_ids, metric);
    deep_score = mean_of(deep, deep_ids, metric);
    ck_assert_double_ge(wide_score, pairs[_i].least);
    ck_assert_double_ge(deep_score, pairs[_i].least);
    ck_assert_double_le(fabs(wide_score - deep_score), _i == 2 ? 0.1 : 0.025);
}
END_TEST

/* The gradient's length in each layer over the first epoch, first hidden layer first. */
static void first_norms(int64_t job, double norms[DEEP + 1])
{
    struct reply *r;

    trained(job);
    r = want(http_get("/jobs/%lld/curve", (long long)job), 200);
    ck_assert_int_eq(integer(r, "/points/0/epoch"), 1);
    ck_assert_uint_eq(length(r, "/points/0/gradient_norms"), DEEP + 1);
    for (size_t k = 0; k <= DEEP; k++) {
        norms[k] = num(r, text("/points/0/gradient_norms/%zu", k));
        ck_assert_double_gt(norms[k], 0);
    }
}

/* Sigmoid: a factor of about four a layer, at least 1000 from the last to the first, and nothing
 * is learnt: a guess is right once in ten. */
START_TEST(sigmoid_gradients_vanish)
{
    int64_t ids[SEEDS];

    train_seeds("vanishing_sigmoid", ids);
    for (size_t i = 0; i < SEEDS; i++) {
        double norms[DEEP + 1];

        first_norms(ids[i], norms);
        printf("sigmoid, last over first: %.0f\n", norms[DEEP] / norms[0]);
        ck_assert_double_ge(norms[DEEP], 1000 * norms[0]);
        for (size_t k = 3; k < DEEP; k++) { /* between hidden layers, both behind equal ones */
            ck_assert_msg(norms[k] > 2.5 * norms[k - 1] && norms[k] < 8 * norms[k - 1],
                          "seed %zu: %g in hidden layer %zu, %g in the one before", i + 1, norms[k],
                          k + 1, norms[k - 1]);
        }
    }
    ck_assert_double_le(mean_of("sigmoid", ids, "/metrics/test/accuracy"), 0.2);
}
END_TEST

/* The gradient comes through to the first layer, and the digits are learnt. Batch norm and
 * residual connections make that of the same sigmoid. */
static const char *const cures[] = {"tanh", "relu", "sigmoid_batch_norm", "sigmoid_residual",
                                    "relu_batch_norm"};

START_TEST(cures_let_it_through)
{
    int64_t ids[SEEDS];

    train_seeds(text("vanishing_%s", cures[_i]), ids);
    for (size_t i = 0; i < SEEDS; i++) {
        double norms[DEEP + 1];
        size_t k;

        first_norms(ids[i], norms);
        for (k = 0; k < DEEP; k++) {
            ck_assert_msg(norms[0] < 10 * norms[k] && norms[k] < 10 * norms[0],
                          "%s, seed %zu: %g in hidden layer %zu, %g in the first", cures[_i], i + 1,
                          norms[k], k + 1, norms[0]);
        }
        /* 12 with residual connections: what all layers add up to meets the output at once */
        ck_assert_double_le(norms[DEEP], 30 * norms[0]);
        if (strcmp(cures[_i], "relu") == 0) {
            ck_assert_double_le(norms[DEEP], 10 * norms[0]);
        }
    }
    ck_assert_double_ge(mean_of(cures[_i], ids, "/metrics/test/accuracy"), 0.9);
}
END_TEST

/* One sigmoid layer learns where eight do not; Adam gets eight off the ground and no more. */
START_TEST(depth_is_to_blame)
{
    int64_t shallow[SEEDS], adam[SEEDS];

    train_seeds("vanishing_sigmoid_shallow", shallow);
    train_seeds("vanishing_sigmoid_adam", adam);
    ck_assert_double_ge(mean_of("one layer", shallow, "/metrics/test/accuracy"), 0.9);
    ck_assert_double_ge(mean_of("Adam", adam, "/metrics/test/accuracy"), 0.15);
    ck_assert_double_le(mean_of("Adam", adam, "/metrics/test/accuracy"), 0.7);
}
END_TEST

/* What the third lesson chooses: the network on digits, the line on diabetes. */
START_TEST(measuring_chooses)
{
    int64_t linear[SEEDS], two[SEEDS], four[SEEDS];

    train_seeds("choose_digits_linear", linear);
    train_seeds("choose_digits_two", two);
    train_seeds("choose_digits_four", four);
    ck_assert_double_le(mean_of("two", two, "/metrics/validation/loss"),
                        0.75 * mean_of("linear", linear, "/metrics/validation/loss"));
    ck_assert_double_ge(mean_of("two", two, "/metrics/test/accuracy"),
                        mean_of("linear", linear, "/metrics/test/accuracy") + 0.01);
    ck_assert_double_le(mean_of("four", four, "/metrics/test/accuracy"),
                        mean_of("two", two, "/metrics/test/accuracy") + 0.01);

    train_seeds("choose_diabetes_linear", linear);
    train_seeds("choose_diabetes_two", two);
    train_seeds("choose_diabetes_four", four);
    (void)mean_of("four", four, "/metrics/test/r2");
    ck_assert_double_le(fabs(mean_of("linear", linear, "/metrics/test/r2") -
                             mean_of("two", two, "/metrics/test/r2")),
                        0.05);
    ck_assert_int_eq(integer(model(linear[0]), "/parameters"), 11);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_lessons");
    TCase *tc = case_with("lessons", start, stop);

    tcase_set_timeout(tc, 300 * PATIENCE);
    tcase_add_test(tc, every_lesson_is_a_job);
    tcase_add_loop_test(tc, shape_at_equal_parameters, 0, COUNT(pairs));
    tcase_add_test(tc, sigmoid_gradients_vanish);
    tcase_add_loop_test(tc, cures_let_it_through, 0, COUNT(cures));
    tcase_add_test(tc, depth_is_to_blame);
    tcase_add_test(tc, measuring_chooses);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

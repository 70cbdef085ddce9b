/* A column of 300 texts end to end: it becomes an embedding, is learnt, survives kill -9 with the
 * same bits, answers rows it has never seen, and can be looked at and taken along. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

enum { CITIES = 300, ROWS = 3000 };

static struct daemon d;

static void start_on(const char *state)
{
    daemon_start(&d, state,
                 (const char *const[]){"--workers", "1", "--checkpoint-seconds", "1", NULL});
}

/* Which class a city's rows are of: nothing but the city tells. */
static const char *class_of(size_t city)
{
    return (city * 2654435761U >> 7 & 1) != 0 ? "yes" : "no";
}

static void upload(void)
{
    size_t room = ROWS * 32, len = 0;
    char *csv = malloc(room);

    ck_assert_ptr_nonnull(csv);
    len += (size_t)snprintf(csv, room, "x,city,y\n");
    for (size_t i = 0; i < ROWS; i++) {
        size_t city = i * 7 % CITIES;

        len += (size_t)snprintf(csv + len, room - len, "%g,town %zu,%s\n", (double)(i % 13) / 13,
                                city, class_of(city));
    }
    want(http_csv(csv, "/datasets?name=cities"), 201);
    free(csv);
}

/* Steps of a few rows, so that a training can be cut. */
static int64_t post(int epochs)
{
    return train("{'preset': 'simple', "
                 "'data': {'dataset': 'cities', 'target': 'y'}, 'preprocess': {'categorical':"
                 " 'embedding'}, 'architecture': {'hidden': [16]}, 'optimizer': {'learning_rate':"
                 " 0.01}, 'training': {'epochs': %d, 'batch_size': 8, 'seed': 3, 'early_stopping':"
                 " null}}",
                 epochs);
}

START_TEST(a_column_of_many_texts_is_embedded)
{
    int64_t model, levels, width;
    struct reply *r;

    start_on(NULL);
    upload();
    model = trained(post(20));
    r = want(http_get("/models/%lld", (long long)model), 200);
    ck_assert_uint_eq(length(r, "/architecture/embeddings"), 1);
    ck_assert_str_eq(str(r, "/architecture/embeddings/0/feature"), "city");
    levels = integer(r, "/architecture/embeddings/0/levels");
    width = integer(r, "/architecture/embeddings/0/width");
    ck_assert_int_gt(levels, 280); /* what the training part has, and one more */
    ck_assert_int_le(levels, CITIES + 1);
    ck_assert_int_eq(width, 16);
    ck_assert_int_eq(integer(r, "/parameters"),
                     levels * width + (integer(r, "/architecture/inputs") - 1 + width) * 16 + 16 +
                         16 + 1);
    ck_assert_double_gt(num(r, "/metrics/test/accuracy"), 0.9);

    r = want(http_get("/models/%lld/weights", (long long)model), 200);
    ck_assert_uint_eq(length(r, "/inputs"), length(r, "/layers/0/weights"));
    ck_assert_str_eq(str(r, "/inputs/0"), "x");
    ck_assert_str_eq(str(r, text("/inputs/%zu", length(r, "/inputs") - 1)), "city (embedded 16)");
    ck_assert_uint_eq(length(r, "/embeddings"), 1);
    ck_assert_int_eq((int64_t)length(r, "/embeddings/0"), levels);
    ck_assert_int_eq((int64_t)length(r, "/embeddings/0/7"), width);

    r = want(
        http_post(q("{'instances': [{'x': 0.5, 'city': 'town 7'}, {'x': 0.5, 'city': 'Atlantis'},"
                    " {'x': 0.5, 'city': null}]}"),
                  "/models/%lld/predict", (long long)model),
        200);
    ck_assert_uint_eq(length(r, "/predictions"), 3);
    daemon_stop(&d);
}
END_TEST

START_TEST(a_kill_changes_no_bit)
{
    char *state = scratch_path("embedding");
    int64_t whole, cut;
    char *expected;

    start_on(state);
    upload();
    whole = post(400);
    expected = weights_of(trained(whole));
    cut = post(400);
    for (int i = 1; i <= 2; i++) {
        wait_for_epoch(cut, 20 * i);
        daemon_kill(&d);
        start_on(state);
    }
    want_same(weights_of(trained(cut)), expected);
    ck_assert_int_ge(integer(want(http_get("/jobs/%lld", (long long)cut), 200), "/attempt"), 2);
    daemon_stop(&d);
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("api_embedding");
    TCase *tc = case_with("embedding", nothing, nothing);

    tcase_add_test(tc, a_column_of_many_texts_is_embedded);
    tcase_add_test(tc, a_kill_changes_no_bit);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

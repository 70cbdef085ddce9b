/* What features are worth, of a network that answers with its only input: what dealing that anew
 * costs is known, and so is when there is no time for it. */
#include "judge_help.h"

#include "jobs/importance.h"

#define ROWS 3000
#define COST 503 /* multiply-adds of a row here: two parameters, an input, and what a row costs */

static float x[ROWS];

/* As far apart as rows are: a mean of 0 and a known deviation. */
static void fill_rows(void)
{
    size_t i;

    for (i = 0; i < ROWS; i++) {
        x[i] = (float)(i * 7 % 31) - 15;
    }
}

static char *measure(const struct mlp_data *data, uint64_t seed, double work)
{
    const double table[] = {0, 0, 1, 1};
    const float weight = 1, bias = 0;
    struct encoder *encoder = make_encoder(table, 2, 1, false, false);
    struct mlp_net *net = make_net(1, MLP_OUT_IDENTITY, MLP_MSE, &weight, &bias);
    atomic_ulong pulse = 0;
    const struct importance_wish wish = {
        .split = "validation", .seed = seed, .work = work, .pulse = &pulse};
    struct err err = ERR_INIT;
    char *json = NULL;

    ck_assert_msg(importance_measure(net, encoder, data, &wish, &json, &err) == 0, "%s",
                  err.detail);
    if (work > 1) {
        ck_assert_uint_ge(atomic_load(&pulse), 2);
    }
    mlp_net_free(&net);
    encoder_free(&encoder);
    return json;
}

START_TEST(an_input_that_is_the_answer)
{
    struct mlp_data data = {.rows = ROWS, .x = x, .targets = x};
    char *json, *again, *other;
    double deviation;

    fill_rows();
    deviation = sqrt((31.0 * 31 - 1) / 12); /* of 31 whole numbers in a row */
    json = measure(&data, 7, 1e9);
    check_text(json, "split", "validation");
    check_text(json, "loss.name", "rmse");
    check_text(json, "score.name", "r2");
    check_number(json, "rows", 1000);
    check_number(json, "of_rows", ROWS);
    check_number(json, "repeats", IMPORTANCE_REPEATS);
    check_number(json, "loss.baseline", 0);
    check_number(json, "score.baseline", 1);
    /* of two rows apart from each other: the root of twice the variance, and 1 - (-1) */
    ck_assert_double_eq_tol(house_number(json, "features.0.loss_increase") / deviation, sqrt(2),
                            .1);
    ck_assert_double_eq_tol(house_number(json, "features.0.score_drop"), 2, .2);
    ck_assert_double_gt(house_number(json, "features.0.loss_std"), 0);
    ck_assert_double_lt(house_number(json, "features.0.loss_std") / deviation, .1);
    ck_assert_ptr_nonnull(strstr(json, "\"note\":null"));
    again = measure(&data, 7, 1e9);
    other = measure(&data, 8, 1e9);
    ck_assert_str_eq(json, again);
    ck_assert_double_ne(house_number(json, "features.0.loss_increase"),
                        house_number(other, "features.0.loss_increase"));
    free(json);
    free(again);
    free(other);
}
END_TEST

static const mlp_real *rows_of(void *arg, size_t first, size_t n)
{
    static mlp_real copy[MLP_SOURCE_ROWS];
    size_t *calls = arg;

    ck_assert_uint_le(n, MLP_SOURCE_ROWS);
    if (++*calls > 100) {
        return NULL;
    }
    memset(copy, 0xff, sizeof copy);
    memcpy(copy, x + first, n * sizeof *copy);
    return copy;
}

/* Rows that come block by block are the rows in memory. */
START_TEST(rows_of_a_source)
{
    size_t calls = 0;
    struct mlp_source source = {.rows = rows_of, .arg = &calls};
    struct mlp_data held = {.rows = ROWS, .x = x, .targets = x};
    struct mlp_data coming = {.rows = ROWS, .source = &source, .targets = x};
    char *json, *other;

    fill_rows();
    json = measure(&held, 3, 1e9);
    other = measure(&coming, 3, 1e9);
    ck_assert_str_eq(json, other);
    ck_assert_uint_eq(calls, 3);
    free(json);
    free(other);
}
END_TEST

START_TEST(work_is_bounded)
{
    struct mlp_data data = {.rows = ROWS, .x = x, .targets = x};
    char *json;

    fill_rows();
    json = measure(&data, 7, COST * 3 * 50.0);
    check_number(json, "rows", 50);
    check_number(json, "repeats", 3);
    ck_assert_ptr_nonnull(strstr(json, "fewer rows or repeats"));
    free(json);
    json = measure(&data, 7, COST * 5 * 400.0);
    check_number(json, "rows", 400);
    check_number(json, "repeats", 5);
    free(json);
    json = measure(&data, 7, 1); /* not even fifty rows once */
    check_number(json, "rows", 0);
    ck_assert_ptr_nonnull(strstr(json, "\"features\":[]"));
    ck_assert_ptr_nonnull(strstr(json, "\"loss\":null"));
    ck_assert_ptr_nonnull(strstr(json, "would take too long"));
    free(json);
    data.rows = 1; /* there is nothing to deal, and nothing that is lost */
    json = measure(&data, 7, 1e9);
    check_number(json, "rows", 1);
    check_number(json, "features.0.loss_increase", 0);
    free(json);
}
END_TEST

int main(void)
{
    TCase *cases[] = {tcase_create("importance")};

    tcase_add_checked_fixture(cases[0], setup, teardown);
    tcase_add_test(cases[0], an_input_that_is_the_answer);
    tcase_add_test(cases[0], rows_of_a_source);
    tcase_add_test(cases[0], work_is_bounded);
    return house_run("importance", cases, ARRAY_LEN(cases));
}

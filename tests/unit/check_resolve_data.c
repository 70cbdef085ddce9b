/* Columns as a job wants to see them: data.types of features and targets, booleans among several
 * targets, contradictions; and that what is resolved resolves to itself. */
#include "resolve_help.h"

struct good {
    const char *job, *rule;
    bool classes;
    enum mlp_loss loss;
};

static const struct good goods[] = {
    {JOBD("k", "\"types\":{\"k\":\"numeric\"}"), "by data.types", false, MLP_MSE},
    {JOBD("id", "\"types\":{\"id\":\"categorical\"}"), "by data.types", true, MLP_CROSS_ENTROPY},
    {JOBD("l1", "\"types\":{\"l1\":\"boolean\"}"), "by data.types", true, MLP_BINARY_CROSS_ENTROPY},
    {JOBD("yn", "\"types\":{\"yn\":\"numeric\"}"), "by data.types", false, MLP_MSE},
    {JOBD("yn", "\"types\":{\"yn\":\"text\"}"), "by data.types", true, MLP_BINARY_CROSS_ENTROPY},
    {JOBD("half", "\"types\":{\"half\":\"categorical\"}"), "by data.types", true,
     MLP_BINARY_CROSS_ENTROPY},
    {JOBD("yn", "\"target_type\":\"numeric\",\"types\":{\"yn\":\"numeric\"}"), "asked for", false,
     MLP_MSE},
    {JOBD("r", "\"types\":{\"k\":\"categorical\",\"yn\":\"numeric\",\"color\":\"text\"}"),
     "numbers with fractions", false, MLP_MSE},
    {JOBD("r", "\"features\":[\"u\",\"color\"],\"types\":{\"k\":\"text\"}"),
     "numbers with fractions", false, MLP_MSE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"yn\",\"r\"]}}", "several targets", false, MLP_MSE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"l2\"]}}", "several targets", false,
     MLP_MSE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"yn\",\"l1\"],"
     "\"types\":{\"l1\":\"boolean\"}}}",
     "by data.types", false, MLP_BINARY_CROSS_ENTROPY},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"yn\",\"l1\"],"
     "\"types\":{\"l1\":\"boolean\",\"yn\":\"boolean\"}}}",
     "by data.types", false, MLP_BINARY_CROSS_ENTROPY},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"yn\",\"l1\"]},\"loss\":\"cross_entropy\"}",
     "several targets", false, MLP_BINARY_CROSS_ENTROPY},
};

START_TEST(types_decide)
{
    const struct good *c = &goods[_i];
    struct fixture f;
    char *printed, *again;

    fixture_open(&f, ROWS);
    resolve_ok(&f, c->job);
    ck_assert_msg(f.spec.classes == c->classes, "%s", c->job);
    ck_assert_str_eq(f.spec.target_rule, c->rule);
    ck_assert_int_eq(f.spec.loss, c->loss);
    printed = config_print(&f.spec);
    resolve_ok(&f, printed);
    again = config_print(&f.spec);
    ck_assert_str_eq(again, printed);
    free(printed);
    free(again);
    fixture_close(&f);
}
END_TEST

struct bad {
    const char *job, *pointer, *detail;
};

static const struct bad bads[] = {
    {JOBD("k", "\"types\":{\"kk\":\"numeric\"}"), "/data/types/kk", "did you mean \"k\"?"},
    {JOBD("k", "\"types\":{\"color\":\"numeric\"}"), "/data/types/color",
     "row 1: \"blue\" is no number"},
    {JOBD("k", "\"target_type\":\"classes\",\"types\":{\"k\":\"numeric\"}"), "/data/types/k",
     "says numeric, and data.target_type says classes"},
    {JOBD("k", "\"target_type\":\"numeric\",\"types\":{\"k\":\"text\"}"), "/data/types/k",
     "says text, and data.target_type says numeric"},
    {JOBD("k", "\"types\":{\"k\":\"boolean\"}"), "/data/types/k", "go from 0 to 9"},
    {JOBD("r", "\"types\":{\"r\":\"categorical\"}"), "/data/types/r", "more than 64 distinct"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"k\",\"types\":{\"k\":\"categorical\"}},"
     "\"loss\":\"mse\"}",
     "/loss", "mse needs numbers, and data.types says classes"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"k\",\"types\":{\"k\":\"numeric\"}},"
     "\"loss\":\"cross_entropy\"}",
     "/loss", "columns of 0 and 1"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"k\",\"r\"],\"types\":{\"k\":\"categorical\"}}}",
     "/data/target_type", "classes need one target"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"k\",\"l1\"],\"types\":{\"k\":\"boolean\","
     "\"l1\":\"boolean\"}}}",
     "/data/types/k", "go from 0 to 9"},
    {JOBD("k", "\"sample_weight\":\"u\",\"types\":{\"u\":\"numeric\"}"), "/data/types/u",
     "is the sample weight"},
    {JOBD("k", "\"offset\":\"u\",\"types\":{\"u\":\"numeric\"}"), "/data/types/u", "is the offset"},
};

START_TEST(contradictions_are_told)
{
    const struct bad *c = &bads[_i];
    struct fixture f;

    fixture_open(&f, ROWS);
    ck_assert_msg(resolve(&f, c->job) != 0, "%s", c->job);
    ck_assert_msg(help_has(&f.err, c->pointer, c->detail), "%s\n%s", c->job, help_show(&f.err));
    fixture_close(&f);
}
END_TEST

START_TEST(features_are_the_only_ones)
{
    struct fixture f;
    size_t *features, *targets, n;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOBD("species", "\"features\":[\"u\",\"a\"],\"exclude\":[]"));
    ck_assert_int_eq(job_spec_columns(&f.spec, f.ds, &features, &n, &targets, &f.err), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(dataset_column(f.ds, features[0])->name, "a"); /* the dataset's order */
    ck_assert_str_eq(dataset_column(f.ds, features[1])->name, "u");
    free(features);
    free(targets);
    /* the column of a split by time is one only where it is named */
    resolve_ok(&f, JOBD("species", "\"features\":[\"u\"],\"split\":{\"time\":\"id\"}"));
    ck_assert_int_eq(job_spec_columns(&f.spec, f.ds, &features, &n, &targets, &f.err), 0);
    ck_assert_uint_eq(n, 1);
    free(features);
    free(targets);
    resolve_ok(&f, JOBD("species", "\"features\":[\"u\",\"id\"],\"split\":{\"time\":\"id\"}"));
    ck_assert_int_eq(job_spec_columns(&f.spec, f.ds, &features, &n, &targets, &f.err), 0);
    ck_assert_uint_eq(n, 2);
    free(features);
    free(targets);
    ck_assert(resolve(&f, JOBD("species", "\"features\":[\"uu\",\"a\",\"colour\"]")) != 0);
    ck_assert(help_has(&f.err, "/data/features/0", "no column \"uu\", did you mean"));
    ck_assert(help_has(&f.err, "/data/features/2", "did you mean \"color\""));
    fixture_close(&f);
}
END_TEST

static const struct bad unread[] = {
    {JOBD("k", "\"types\":[1]"), "/data/types", "must be an object such as"},
    {JOBD("k", "\"types\":{\"a/b\":\"categorial\"}"), "/data/types/a~1b",
     "did you mean \"categorical\"?"},
    {JOBD("k", "\"features\":[\"a\"],\"exclude\":[\"b\"]"), "/data/exclude", "one of the two"},
    {JOBD("k", "\"features\":[\"a\",\"k\"]"), "/data/features/1", "\"k\" is the target"},
    {JOBD("k", "\"features\":[\"u\"],\"offset\":\"u\""), "/data/features/0", "is the offset"},
    {JOBD("k", "\"features\":[\"u\"],\"sample_weight\":\"u\""), "/data/features/0", "the sample"},
    {JOBD("k", "\"features\":[\"u\"],\"split\":{\"group\":\"u\"}"), "/data/features/0",
     "keeps rows together"},
    {JOBD("k", "\"features\":[\"u\"],\"split\":{\"column\":\"u\"}"), "/data/features/0",
     "which row goes where"},
    {JOBD("k", "\"types\":{\"a\":3}"), "/data/types/a", "must be one of \"numeric\""},
};

START_TEST(what_cannot_be_read_is_told)
{
    const struct bad *c = &unread[_i];
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_ne(config_parse(c->job, strlen(c->job), &config, &err), 0);
    ck_assert_msg(help_has(&err, c->pointer, c->detail), "%s\n%s", c->job, help_show(&err));
    err_fini(&err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolve data");
    TCase *tc = tcase_create("types");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_loop_test(tc, types_decide, 0, ARRAY_LEN(goods));
    tcase_add_loop_test(tc, contradictions_are_told, 0, ARRAY_LEN(bads));
    tcase_add_test(tc, features_are_the_only_ones);
    tcase_add_loop_test(tc, what_cannot_be_read_is_told, 0, ARRAY_LEN(unread));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

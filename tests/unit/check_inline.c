/* Rows that came inside the job, as the dataset they become. What is refused in them is in
 * check_config.c. */
#include "jobs/config.h"

#include <math.h>

#include "base/hash.h"
#include "jobs_in_help.h"

static const struct {
    const char *json, *text; /* as posted, as kept; # is the hash */
    size_t columns;
    const char *names[4];
} inlines[] = {
    {"{\"name\":\"xor\",\"data\":{\"split\":null,\"x\":[[0,0],[0,1],[1,0],[1,1]],"
     "\"y\":[0,1,1,0]},\"optimizer\":{\"learning_rate\":0.1}}",
     "{\"name\":\"xor\",\"data\":{\"dataset\":\"sha256:#\",\"target\":\"y\",\"split\":null},"
     "\"optimizer\":{\"learning_rate\":0.1}}",
     3,
     {"x1", "x2", "y"}},
    {"{\"data\":{\"x\":[[1,\"a\"],[null,null]],\"y\":[true,false],\"features\":[\"n\",\"t\"],"
     "\"target\":\"truth\"}}",
     "{\"data\":{\"dataset\":\"sha256:#\",\"target\":\"truth\"}}",
     3,
     {"n", "t", "truth"}},
    {"{\"data\":{\"x\":[[1],[2]],\"y\":[[1,2.5],[3,4.5]]}}",
     "{\"data\":{\"dataset\":\"sha256:#\",\"target\":[\"y1\",\"y2\"]}}",
     3,
     {"x1", "y1", "y2"}},
};

START_TEST(inline_rows_become_a_dataset)
{
    struct config *config = NULL;
    struct dataset_summary summary;
    struct dataset *ds = NULL;
    struct job_spec spec = {.name = NULL};
    struct err err = ERR_INIT;
    char *path, *text, *wanted;
    const char *hole;
    size_t i;

    ck_assert_int_eq(config_parse(inlines[_i].json, strlen(inlines[_i].json), &config, &err), 0);
    ck_assert_ptr_null(config_dataset_key(config));
    ck_assert_msg(config_write_inline(config, help_dir, &summary, &err) == 0, "%s",
                  help_show(&err));
    config_replace_inline(config, summary.sha256);
    path = xasprintf("%s/%s", help_dir, summary.sha256);
    ck_assert_int_eq(dataset_open(path, &ds, &err), 0);
    ck_assert_uint_eq(dataset_n_columns(ds), inlines[_i].columns);
    for (i = 0; i < inlines[_i].columns; i++) {
        ck_assert_str_eq(dataset_names(ds)[i], inlines[_i].names[i]);
    }
    text = config_text(config);
    hole = strchr(inlines[_i].text, '#');
    wanted = xasprintf("%.*s%s%s", (int)(hole - inlines[_i].text), inlines[_i].text, summary.sha256,
                       hole + 1);
    ck_assert_str_eq(text, wanted);
    ck_assert_ptr_nonnull(strstr(config_dataset_key(config), summary.sha256));
    if (_i != 1) {
        ck_assert_msg(config_resolve(config,
                                     &(struct config_sources){.ds = ds, .sha256 = summary.sha256},
                                     &spec, NULL, &err) == 0,
                      "%s", help_show(&err));
        job_spec_fini(&spec);
    }
    free(text);
    free(wanted);
    free(path);
    dataset_free(&ds);
    config_free(&config);
}
END_TEST

START_TEST(inline_cells_keep_their_values)
{
    const char *json = inlines[1].json;
    struct config *config = NULL;
    struct dataset_summary summary;
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;
    double numbers[2];
    uint32_t codes[2];
    char *path;

    ck_assert_int_eq(config_parse(json, strlen(json), &config, &err), 0);
    ck_assert_int_eq(config_write_inline(config, help_dir, &summary, &err), 0);
    path = xasprintf("%s/%s", help_dir, summary.sha256);
    ck_assert_int_eq(dataset_open(path, &ds, &err), 0);
    ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, 2, numbers, &err), 0);
    ck_assert(numbers[0] == 1 && isnan(numbers[1]));
    ck_assert_int_eq(dataset_read_codes(ds, 1, 0, 2, codes, &err), 0);
    ck_assert_uint_eq(codes[1], DATASET_MISSING);
    ck_assert_str_eq(dataset_column(ds, 2)->categories[0], "true");
    ck_assert_str_eq(dataset_column(ds, 2)->categories[1], "false");
    free(path);
    dataset_free(&ds);
    config_free(&config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inline");
    TCase *tc = tcase_create("inline");

    hash_start();
    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_loop_test(tc, inline_rows_become_a_dataset, 0, ARRAY_LEN(inlines));
    tcase_add_test(tc, inline_cells_keep_their_values);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

/* Checkpoints' rows: which are kept, who may add them, when they go, and the curves that are cut
 * to them.
 */
#include "check_store.h"

/* "generation@epoch ...", newest first. */
static void expect_checkpoints(int64_t job, const char *want)
{
    struct store_checkpoint list[STORE_CHECKPOINTS];
    size_t n = 99;
    char got[64] = "";

    OK(OPS->checkpoint_list(help_store, job, list, &n, err));
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(got);

        ck_assert_int_eq(list[i].job_id, job);
        (void)snprintf(got + used, sizeof got - used, "%s%lld@%lld", i > 0 ? " " : "",
                       (long long)list[i].generation, (long long)list[i].epoch);
    }
    ck_assert_str_eq(got, want);
}

static void append(int64_t job, const char *owner, int64_t from, int64_t to)
{
    for (int64_t epoch = from; epoch <= to; epoch++) {
        struct store_point point = {.epoch = epoch};

        OK(OPS->curve_append(help_store, job, owner, &point, 1, err));
    }
}

static void expect_curve(int64_t job, size_t want)
{
    struct store_point *points = NULL;
    size_t n = 0;

    OK(OPS->curve_read(help_store, job, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, want);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(points[i].epoch, (int64_t)i + 1);
    }
    store_points_free(&points, n);
}

START_TEST(the_newest_checkpoints_are_kept)
{
    int64_t id = help_train(), other = help_train();
    struct store_checkpoint c, list[STORE_CHECKPOINTS], *all = NULL;
    size_t n = 0;

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    expect_checkpoints(id, "");
    OK(OPS->checkpoint_all(help_store, &all, &n, err));
    ck_assert_uint_eq(n, 0);
    free(all);
    help_checkpoint(id, OWNER, 1, 10);
    expect_checkpoints(id, "1@10");
    help_checkpoint(other, OWNER, 3, 5);
    help_checkpoint(id, OWNER, 2, 20);
    expect_checkpoints(id, "2@20 1@10");
    help_checkpoint(id, OWNER, 3, 20); /* twice in one epoch */
    expect_checkpoints(id, "3@20 2@20");
    expect_checkpoints(other, "3@5");
    c = help_checkpoint_of(id, 3, 21);
    REFUSED(ERR_CONFLICT, OPS->checkpoint_add(help_store, OWNER, &c, err));
    c.generation = 1;
    REFUSED(ERR_CONFLICT, OPS->checkpoint_add(help_store, OWNER, &c, err));
    c.generation = 4;
    REFUSED(ERR_CONFLICT, OPS->checkpoint_add(help_store, "boot-2", &c, err));
    c.job_id = 99;
    REFUSED(ERR_NOT_FOUND, OPS->checkpoint_add(help_store, OWNER, &c, err));
    expect_checkpoints(id, "3@20 2@20");
    OK(OPS->checkpoint_list(help_store, id, list, &n, err));
    ck_assert_int_eq(list[0].bytes, 4096);
    ck_assert_int_eq(list[0].at, 7);
    ck_assert_str_eq(list[0].sha256, help_hash('c'));
    OK(OPS->checkpoint_all(help_store, &all, &n, err));
    ck_assert_uint_eq(n, 3);
    free(all);
    help_reopen("boot-2");
    expect_checkpoints(id, "3@20 2@20");
    help_close();
    help_verify();
}
END_TEST

START_TEST(checkpoints_go_with_the_end)
{
    enum { SUCCESS, FAILURE, CANCELLED, RELEASED, DIRECT, PAUSED, CRASHED, WAYS };
    struct store_crash crash = {.owner = OWNER};
    struct store_sqlite_options options = {
        .dir = help_dir, .owner = "boot-2", .crashes = &crash, .n_crashes = 1};
    struct store_checkpoint *all = NULL;
    int64_t ids[WAYS];
    enum job_state state;
    size_t n = 0;
    sqlite3 *db;

    for (int i = 0; i < WAYS; i++) {
        ids[i] = help_train();
        help_claim(ids[i], OWNER);
        help_checkpoint(ids[i], OWNER, 1, 1);
    }
    help_finish(ids[SUCCESS], OWNER, JOB_SUCCEEDED, true);
    help_finish(ids[FAILURE], OWNER, JOB_FAILED, false);
    help_finish(ids[CANCELLED], OWNER, JOB_CANCELLED, false);
    OK(OPS->job_cancel(help_store, ids[RELEASED], &state, err));
    OK(OPS->job_release(help_store, ids[RELEASED], OWNER, err));
    OK(OPS->job_release(help_store, ids[DIRECT], OWNER, err));
    expect_checkpoints(ids[DIRECT], "1@1");
    OK(OPS->job_cancel(help_store, ids[DIRECT], &state, err));
    OK(OPS->job_pause(help_store, ids[PAUSED], &state, err));
    OK(OPS->job_release(help_store, ids[PAUSED], OWNER, err));
    expect_checkpoints(ids[PAUSED], "1@1");
    OK(OPS->job_cancel(help_store, ids[PAUSED], &state, err));
    help_close();
    db = help_raw_open();
    help_raw_exec(db, "UPDATE job SET crashes = 2 WHERE state = 'running'");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    crash.job_id = ids[CRASHED];
    OK(store_sqlite_open(&options, &help_store, err));
    ck_assert_int_eq(help_state(ids[CRASHED]), JOB_FAILED);
    OK(OPS->checkpoint_all(help_store, &all, &n, err));
    ck_assert_uint_eq(n, 0);
    free(all);
    help_close();
    help_verify();
}
END_TEST

/* The attempt goes on where its newest checkpoint is: points past it go with the claim. */
START_TEST(a_claim_cuts_the_curve_to_the_checkpoint)
{
    int64_t id = help_train(), other = help_train();

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    append(other, OWNER, 1, 3);
    append(id, OWNER, 1, 10);
    help_checkpoint(id, OWNER, 1, 4);
    help_checkpoint(id, OWNER, 2, 7);
    help_reopen("boot-2");
    expect_curve(id, 10); /* to look at meanwhile */
    help_claim(id, "boot-2");
    expect_curve(id, 7);
    expect_curve(other, 3);
    help_claim(other, "boot-2");
    expect_curve(other, 0);
    expect_curve(id, 7);
    append(id, "boot-2", 8, 9);
    expect_curve(id, 9);
    OK(OPS->job_release(help_store, id, "boot-2", err));
    help_claim(id, "boot-2");
    expect_curve(id, 7);
}
END_TEST

START_TEST(a_cut_goes_to_where_it_really_goes_on)
{
    int64_t id = help_train(), other = help_train();

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    append(other, OWNER, 1, 9);
    help_checkpoint(other, OWNER, 1, 9);
    append(id, OWNER, 1, 9);
    help_checkpoint(id, OWNER, 1, 4);
    help_checkpoint(id, OWNER, 2, 7);
    REFUSED(ERR_CONFLICT, OPS->curve_cut(help_store, id, "boot-2", 0, err));
    REFUSED(ERR_NOT_FOUND, OPS->curve_cut(help_store, 99, OWNER, 0, err));
    expect_curve(id, 9);
    OK(OPS->curve_cut(help_store, id, OWNER, 7, err));
    expect_curve(id, 7);
    expect_checkpoints(id, "2@7 1@4");
    OK(OPS->curve_cut(help_store, id, OWNER, 4, err)); /* the newest one did not verify */
    expect_curve(id, 4);
    expect_checkpoints(id, "1@4");
    help_checkpoint(id, OWNER, 2, 8); /* its number is free again */
    OK(OPS->curve_cut(help_store, id, OWNER, 0, err)); /* none did */
    expect_curve(id, 0);
    expect_checkpoints(id, "");
    expect_curve(other, 9);
    expect_checkpoints(other, "1@9");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_checkpoints");
    TCase *cases = tcase_create("checkpoints");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, the_newest_checkpoints_are_kept);
    tcase_add_test(cases, checkpoints_go_with_the_end);
    tcase_add_test(cases, a_claim_cuts_the_curve_to_the_checkpoint);
    tcase_add_test(cases, a_cut_goes_to_where_it_really_goes_on);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

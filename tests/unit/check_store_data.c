/* What hangs on jobs: curves, events, datasets. */
#include <math.h>

#include "check_store.h"

/* ---- curves ---- */

static int64_t running_job(void)
{
    int64_t id = help_train();

    help_claim(id, OWNER);
    return id;
}

START_TEST(points_round_trip)
{
    int64_t id = running_job();
    static char metrics[] = "{\"accuracy\":0.5}", norms[] = "[0.5,2]";
    const struct store_point in[] = {
        {.epoch = 1, .training_loss = 0.1, .validation_loss = NAN, .learning_rate = 1e-3,
         .seconds = 5e-5, .elapsed_seconds = 0.25, .samples = INT64_C(1) << 40,
         .metrics_json = metrics, .gradient_norms_json = norms},
        {.epoch = 2, .training_loss = INFINITY, .validation_loss = -INFINITY,
         .learning_rate = 5e-324, .seconds = 0, .elapsed_seconds = 1.7976931348623157e308},
        {.epoch = 3, .training_loss = NAN, .validation_loss = -0.0},
    };
    struct store_point *out = NULL, last;
    size_t n = 0;

    NOTHING(OPS->curve_last(help_store, id, &last, err));
    OK(OPS->curve_append(help_store, id, OWNER, in, 2, err));
    OK(OPS->curve_append(help_store, id, OWNER, &in[2], 1, err));
    OK(OPS->curve_append(help_store, id, OWNER, NULL, 0, err));
    OK(OPS->curve_read(help_store, id, 0, 0, &out, &n, err));
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(out[0].epoch, 1);
    ck_assert(out[0].training_loss == 0.1);
    ck_assert(isnan(out[0].validation_loss));
    ck_assert(out[0].learning_rate == 1e-3);
    ck_assert(out[0].seconds == 5e-5);
    ck_assert(out[0].elapsed_seconds == 0.25);
    ck_assert_int_eq(out[0].samples, INT64_C(1) << 40);
    ck_assert_str_eq(out[0].metrics_json, "{\"accuracy\":0.5}");
    ck_assert_str_eq(out[0].gradient_norms_json, "[0.5,2]");
    ck_assert_ptr_null(out[1].gradient_norms_json);
    /* No number that is not finite reaches the database. */
    ck_assert(isnan(out[1].training_loss));
    ck_assert(isnan(out[1].validation_loss));
    ck_assert(out[1].learning_rate == 5e-324);
    ck_assert(out[1].elapsed_seconds == 1.7976931348623157e308);
    ck_assert_ptr_null(out[1].metrics_json);
    ck_assert(isnan(out[2].training_loss));
    ck_assert(out[2].validation_loss == 0);
    store_points_free(&out, n);
    ck_assert_ptr_null(out);

    OK(OPS->curve_last(help_store, id, &last, err));
    ck_assert_int_eq(last.epoch, 3);
    free(last.metrics_json);
    help_close();
    sqlite3 *db = help_raw_open();

    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM curve_point"
                                      " WHERE training_loss IS NULL"), 2);
    ck_assert_int_ne(sqlite3_exec(db, "UPDATE curve_point SET seconds = 9e999", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(points_are_read_in_slices)
{
    int64_t id = running_job(), other = running_job();
    struct store_point in[300], *out = NULL;
    size_t n = 0;

    for (int i = 0; i < 300; i++) {
        in[i] = (struct store_point){.epoch = 300 - i, .training_loss = i}; /* any order */
    }
    OK(OPS->curve_append(help_store, id, OWNER, in, 300, err));
    OK(OPS->curve_append(help_store, other, OWNER, in, 2, err));
    OK(OPS->curve_read(help_store, id, 0, 0, &out, &n, err));
    ck_assert_uint_eq(n, 300);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(out[i].epoch, (int64_t)i + 1);
    }
    store_points_free(&out, n);
    OK(OPS->curve_read(help_store, id, 290, 5, &out, &n, err));
    ck_assert_uint_eq(n, 5);
    ck_assert_int_eq(out[0].epoch, 291);
    store_points_free(&out, n);
    OK(OPS->curve_read(help_store, id, 300, 0, &out, &n, err));
    ck_assert_uint_eq(n, 0);
    store_points_free(&out, n);
    OK(OPS->curve_read(help_store, 999, 0, 0, &out, &n, err));
    ck_assert_uint_eq(n, 0);
    store_points_free(&out, n);
}
END_TEST

START_TEST(an_append_may_be_repeated)
{
    int64_t id = running_job();
    struct store_point in[] = {{.epoch = 1, .training_loss = 1}, {.epoch = 2, .training_loss = 2}};
    struct store_point *out = NULL;
    size_t n = 0;

    OK(OPS->curve_append(help_store, id, OWNER, in, 2, err));
    in[1].training_loss = 5;
    OK(OPS->curve_append(help_store, id, OWNER, in, 2, err));
    OK(OPS->curve_read(help_store, id, 0, 0, &out, &n, err));
    ck_assert_uint_eq(n, 2);
    ck_assert(out[1].training_loss == 5);
    store_points_free(&out, n);
}
END_TEST

START_TEST(a_bad_point_undoes_its_append)
{
    int64_t id = running_job();
    struct store_point in[] = {{.epoch = 1}, {.epoch = -1}}, last;

    REFUSED(ERR_INTERNAL, OPS->curve_append(help_store, id, OWNER, in, 2, err));
    NOTHING(OPS->curve_last(help_store, id, &last, err));
    OK(OPS->curve_append(help_store, id, OWNER, in, 1, err)); /* and the store goes on */
    OK(OPS->health(help_store, err));
}
END_TEST

START_TEST(events_are_kept_in_order)
{
    int64_t id = help_train(), other = help_train();

    OK(OPS->event_add(help_store, id, "warning", "one class has one member", err));
    OK(OPS->event_add(help_store, other, "note", NULL, err));
    help_events(id, "queued | warning:one class has one member");
    help_events(other, "queued | note");
    help_events(999, "");
}
END_TEST

/* ---- datasets ---- */

static int64_t add(const char *name, char hash, bool replace, bool want_created)
{
    int64_t id = 0;
    bool created = !want_created;

    OK(OPS->dataset_add(help_store, name, help_hash(hash), 150, 5, 4096, replace, &id, &created,
                        err));
    ck_assert_int_eq(created, want_created);
    return id;
}

static void expect_dataset(const char *key, int64_t id, const char *name)
{
    struct store_dataset ds;

    OK(OPS->dataset_get(help_store, key, &ds, err));
    ck_assert_int_eq(ds.id, id);
    if (name == NULL) {
        ck_assert_ptr_null(ds.name);
    } else {
        ck_assert_str_eq(ds.name, name);
    }
    store_dataset_fini(&ds);
}

START_TEST(datasets_are_found_by_each_key)
{
    int64_t iris = add("iris", 'a', false, true), wine = add("wine", 'b', false, true), twin;
    char key[80];
    struct store_dataset ds;

    OK(OPS->dataset_get(help_store, "iris", &ds, err));
    ck_assert_int_eq(ds.id, iris);
    ck_assert_str_eq(ds.sha256, help_hash('a'));
    ck_assert_int_eq(ds.rows, 150);
    ck_assert_int_eq(ds.columns, 5);
    ck_assert_int_eq(ds.bytes, 4096);
    ck_assert_int_gt(ds.created_at, 1600000000000);
    store_dataset_fini(&ds);
    (void)snprintf(key, sizeof key, "%lld", (long long)wine);
    expect_dataset(key, wine, "wine");
    (void)snprintf(key, sizeof key, "sha256:%.64s", help_hash('b'));
    expect_dataset(key, wine, "wine");
    twin = add("wine2", 'b', false, true); /* another name for the same content */
    ck_assert_int_ne(twin, wine);
    expect_dataset(key, twin, "wine2");
    static const char *const unknown[] = {
        "",    "Iris",   "99",  "0",      "-1",       "1x",   "9999999999999999999999", "01a",
        "sha256:", "sha256:aaaa", "a", "' OR 1=1 --", "iris ",
    };

    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        REFUSED(ERR_NOT_FOUND, OPS->dataset_get(help_store, unknown[i], &ds, err));
    }
}
END_TEST

START_TEST(a_dataset_again_is_the_same)
{
    int64_t iris = add("iris", 'a', false, true), inline_data;

    ck_assert_int_eq(add("iris", 'a', false, false), iris);
    ck_assert_int_eq(add("iris", 'a', true, false), iris);
    ck_assert_int_eq(add(NULL, 'a', false, false), iris); /* nameless: any row will do */
    inline_data = add(NULL, 'c', false, true);
    ck_assert_int_eq(add(NULL, 'c', false, false), inline_data);
    ck_assert_int_ne(add("late", 'c', false, true), inline_data);
}
END_TEST

START_TEST(a_name_moves_only_when_asked)
{
    int64_t old = add("iris", 'a', false, true), new;
    char key[80];
    int64_t id;
    bool created;

    REFUSED(ERR_CONFLICT, OPS->dataset_add(help_store, "iris", help_hash('b'), 1, 1, 1, false,
                                           &id, &created, err));
    expect_dataset("iris", old, "iris");
    new = add("iris", 'b', true, true);
    expect_dataset("iris", new, "iris");
    (void)snprintf(key, sizeof key, "sha256:%.64s", help_hash('a'));
    expect_dataset(key, old, NULL);
    /* And back: never two rows of one name. */
    ck_assert_int_gt(add("iris", 'a', true, true), new);
}
END_TEST

/* The ids of the versions of `id`, the newest first: "4<3 3<1 1<0", each with its parent. */
static void expect_versions(int64_t id, size_t limit, const char *want)
{
    struct store_dataset *list = NULL;
    char got[200] = "";
    size_t n = 0, used = 0;

    OK(OPS->dataset_versions(help_store, id, limit, &list, &n, err));
    for (size_t i = 0; i < n; i++) {
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%lld<%lld", i == 0 ? "" : " ",
                                 (long long)list[i].id, (long long)list[i].parent_id);
    }
    store_datasets_free(&list, n);
    ck_assert_str_eq(got, want);
}

START_TEST(versions_know_their_parents)
{
    int64_t first = add("iris", 'a', false, true), other = add("wine", 'z', false, true), id = 0;
    bool orphan = false;

    OK(OPS->dataset_append(help_store, first, "iris", help_hash('b'), 200, 5, 1, &id, err));
    ck_assert_int_eq(id, 3);
    expect_dataset("iris", 3, "iris");
    expect_dataset("1", first, NULL);
    /* Who read the first version's name comes too late, and changes nothing. */
    REFUSED(ERR_CONFLICT,
            OPS->dataset_append(help_store, first, "iris", help_hash('c'), 1, 1, 1, &id, err));
    REFUSED(ERR_NOT_FOUND,
            OPS->dataset_append(help_store, 99, "iris", help_hash('c'), 1, 1, 1, &id, err));
    expect_dataset("iris", 3, "iris");
    OK(OPS->dataset_append(help_store, 3, "iris", help_hash('c'), 250, 5, 1, &id, err));
    OK(OPS->dataset_append(help_store, first, NULL, help_hash('d'), 210, 5, 1, &id, err));
    ck_assert_int_eq(id, 5); /* a nameless branch of the first one */
    expect_dataset("5", 5, NULL);
    for (int64_t i = 3; i <= 5; i++) {
        expect_versions(i, 100, "5<1 4<3 3<1 1<0");
    }
    expect_versions(first, 2, "5<1 4<3");
    expect_versions(other, 100, "2<0");
    /* A version that goes takes no other with it, the first one neither. */
    OK(OPS->dataset_delete(help_store, 3, &orphan, err));
    expect_versions(4, 100, "5<1 4<3 1<0");
    OK(OPS->dataset_delete(help_store, 1, &orphan, err));
    expect_versions(4, 100, "5<1 4<3");
    expect_versions(99, 100, "");
}
END_TEST

START_TEST(datasets_list_newest_first)
{
    struct store_dataset *list = NULL;
    size_t n = 9;
    bool more = true;

    OK(OPS->dataset_list(help_store, 0, 2, &list, &n, &more, err));
    ck_assert_uint_eq(n, 0);
    ck_assert(!more);
    for (char c = 'a'; c <= 'e'; c++) {
        (void)add(NULL, c, false, true);
    }
    OK(OPS->dataset_list(help_store, 0, 3, &list, &n, &more, err));
    ck_assert_uint_eq(n, 3);
    ck_assert(more);
    ck_assert_int_eq(list[0].id, 5);
    ck_assert_int_eq(list[2].id, 3);
    store_datasets_free(&list, n);
    OK(OPS->dataset_list(help_store, 3, 2, &list, &n, &more, err));
    ck_assert_uint_eq(n, 2);
    ck_assert(!more);
    ck_assert_int_eq(list[1].id, 1);
    store_datasets_free(&list, n);
}
END_TEST

START_TEST(a_dataset_in_use_stays)
{
    const char *needs[] = {help_hash('a'), help_hash('b')};
    struct store_job_new job = {.kind = "train", .datasets = needs, .n_datasets = 2};
    int64_t a = add("a", 'a', false, true), b = add("b", 'b', false, true), id = 0, model = 0;
    int64_t twin;
    struct store_model made;
    bool orphan = true;

    OK(OPS->job_submit(help_store, &job, &id, &model, err));
    OK(OPS->model_get(help_store, model, &made, err));
    ck_assert_str_eq(made.dataset_sha256, help_hash('a'));
    store_model_fini(&made);
    REFUSED(ERR_CONFLICT, OPS->dataset_delete(help_store, a, &orphan, err));
    REFUSED(ERR_CONFLICT, OPS->dataset_delete(help_store, b, &orphan, err));
    twin = add("a2", 'a', false, true);
    OK(OPS->dataset_delete(help_store, a, &orphan, err)); /* the content has another row */
    ck_assert(!orphan);
    help_claim(id, OWNER);
    REFUSED(ERR_CONFLICT, OPS->dataset_delete(help_store, twin, &orphan, err));
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->dataset_delete(help_store, twin, &orphan, err));
    ck_assert(orphan);
    OK(OPS->dataset_delete(help_store, b, &orphan, err));
    ck_assert(orphan);
    REFUSED(ERR_NOT_FOUND, OPS->dataset_delete(help_store, b, &orphan, err));
    ck_assert_int_eq(add("a", 'a', false, true), twin + 1); /* ids are never used twice */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_data");
    TCase *cases = tcase_create("data");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, points_round_trip);
    tcase_add_test(cases, points_are_read_in_slices);
    tcase_add_test(cases, an_append_may_be_repeated);
    tcase_add_test(cases, a_bad_point_undoes_its_append);
    tcase_add_test(cases, events_are_kept_in_order);
    tcase_add_test(cases, datasets_are_found_by_each_key);
    tcase_add_test(cases, a_dataset_again_is_the_same);
    tcase_add_test(cases, a_name_moves_only_when_asked);
    tcase_add_test(cases, versions_know_their_parents);
    tcase_add_test(cases, datasets_list_newest_first);
    tcase_add_test(cases, a_dataset_in_use_stays);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

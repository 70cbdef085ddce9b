/* No memory for SQLite, at every allocation in turn.
 *
 * Each step of a store's life (store_life.h) is tried with the n-th allocation failing, once or
 * from then on, for n = 1, 2, ...: it is refused with ERR_NO_MEMORY and has changed nothing, and
 * in the same process, with memory again, the store works; until it succeeds. So the whole life is
 * lived in spite of some thousand refusals. Where SQLite does without the memory and the step
 * succeeds early, it is taken again from its beginning for the places behind that one.
 */
#include "config.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "store_life.h"

/* A sanitizer makes everything slower: fewer places. */
#ifdef MLPD_SANITIZERS
#define STRIDE 29
#else
#define STRIDE 1
#endif

/* ---- an allocator that fails ---- */

static sqlite3_mem_methods real_memory;
static atomic_long fail_in; /* allocations until the fault; 0 = none is planned, < 0 = met */
static atomic_bool fail_forever;

static bool fail_now(void)
{
    if (atomic_load(&fail_in) == 0) {
        return false;
    }
    if (atomic_fetch_sub(&fail_in, 1) > 1) {
        return false;
    }
    /* Beyond zero it only tells that the fault was met. */
    return atomic_exchange(&fail_in, -1) == 0 || atomic_load(&fail_forever);
}

static void *failing_malloc(int bytes)
{
    return fail_now() ? NULL : real_memory.xMalloc(bytes);
}

static void *failing_realloc(void *old, int bytes)
{
    return fail_now() ? NULL : real_memory.xRealloc(old, bytes);
}

static void fail_nth(long n, bool forever)
{
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_in, n);
}

/* Memory is there again; was the fault met? */
static bool met(void)
{
    return atomic_exchange(&fail_in, 0) < 0;
}

/* ---- a life ---- */

static char home[64], work[80], image[80];
static struct store *store;

static void setup(void)
{
    sqlite3_mem_methods failing;

    hash_start();
    log_set_level((enum log_level)(LOG_ERROR + 1));
    ck_assert_int_eq(sqlite3_shutdown(), SQLITE_OK);
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    failing = real_memory;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    life_frugal(true);
    life_make_dir(home);
    (void)snprintf(work, sizeof work, "%s/work", home);
    (void)snprintf(image, sizeof image, "%s/image", home);
    ck_assert_int_eq(mkdir(work, 0700), 0);
}

static void teardown(void)
{
    (void)met();
    if (store != NULL) {
        store->ops->close(&store);
    }
    life_frugal(false);
    ck_assert_int_eq(sqlite3_shutdown(), SQLITE_OK);
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &real_memory), SQLITE_OK);
    life_remove_dir(home);
}

static bool refused(int rc, struct err *err)
{
    if (rc != 0) {
        ck_assert_str_eq(err_code_name(err->code), err_code_name(ERR_NO_MEMORY));
    }
    err_fini(err);
    return rc != 0;
}

static void expect_well(void)
{
    struct err err = ERR_INIT;

    ck_assert_msg(life_read(store, &err) == 0, "reading: %s", err.detail);
    ck_assert_msg(store->ops->health(store, &err) == 0, "health: %s", err.detail);
}

/* Back to the state before the step that succeeded though an allocation failed. */
static void again(void)
{
    store->ops->close(&store);
    life_copy(image, work);
    store = life_open(work);
    expect_well(); /* and its statements are prepared, as they were */
}

static long live(size_t k, bool forever, const char *want)
{
    struct err err = ERR_INIT;
    long places = 0;

    for (long n = 1;; n += STRIDE) {
        bool was_refused, was_met;

        fail_nth(n, forever);
        was_refused = refused(life_step(store, k, &err), &err);
        was_met = met();
        life_settle(store);
        if (!was_met) {
            ck_assert(!was_refused);
            return places;
        }
        places++;
        if (!was_refused) {
            again();
        } else if (n % 16 == 1) {
            char *got = life_whole(work);

            life_same(got, want, life_name(k));
            free(got);
            expect_well();
        }
    }
}

START_TEST(no_memory_is_an_error)
{
    long places = 0;

    store = life_open(work);
    for (size_t k = 0; k < life_steps(); k++) {
        char *want = life_verified(work);

        life_copy(work, image);
        places += live(k, _i != 0, want);
        free(want);
    }
    expect_well();
    ck_assert_int_gt(places, (long)life_steps() * 20 / STRIDE);
}
END_TEST

START_TEST(reading_without_memory_is_an_error)
{
    struct err err = ERR_INIT;
    bool was_met = true;
    long n;

    store = life_open(work);
    for (size_t k = 0; k < 24; k++) { /* A has a model */
        ck_assert_int_eq(life_run(store, k, &err), 0);
    }
    for (n = 1; was_met; n += STRIDE) {
        fail_nth(n, _i != 0);
        (void)refused(life_read(store, &err), &err);
        was_met = met();
        if (n % 16 == 0) {
            expect_well();
        }
    }
    expect_well();
    ck_assert_int_gt(n, 20);
}
END_TEST

/* There are thousands of allocations: every one at first, then ever wider steps. */
START_TEST(opening_without_memory_is_an_error)
{
    struct store_sqlite_options options = {.dir = work, .owner = LIFE_OWNER};
    bool was_met = true;
    char *want;
    long n;

    life_copy(work, image); /* an empty folder, or a database of before */
    store = life_open(work);
    want = life_verified(work);
    store->ops->close(&store);
    for (n = 1; was_met; n += (1 + n / 12) * STRIDE) {
        struct err err = ERR_INIT;
        bool was_refused;
        char *got;

        life_copy(image, work);
        fail_nth(n, _i != 0);
        was_refused = refused(store_sqlite_open(&options, &store, &err), &err);
        was_met = met();
        ck_assert(was_met || !was_refused);
        if (was_refused) {
            store = life_open(work);
        }
        got = life_whole(work);
        life_same(got, want, "after a start without memory");
        free(got);
        store->ops->close(&store);
    }
    free(want);
    ck_assert_int_gt(n, 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_memory");
    SRunner *runner;
    TCase *memory = tcase_create("memory");
    int failed;

    tcase_add_checked_fixture(memory, setup, teardown);
    tcase_set_timeout(memory, 300);
    tcase_add_loop_test(memory, no_memory_is_an_error, 0, 2);
    tcase_add_loop_test(memory, reading_without_memory_is_an_error, 0, 2);
    tcase_add_loop_test(memory, opening_without_memory_is_an_error, 0, 2);
    suite_add_tcase(suite, memory);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

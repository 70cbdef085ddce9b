/* The power goes, at every call that changes a file.
 *
 * A store's life (store_life.h) is lived once and recorded. For every moment of it, and for every
 * way in which the disk may have lost what was not synced, the files are made as the next start
 * finds them: the database must be whole, and hold what it had after the last acknowledged step or
 * after the one that was under way then; nothing between, nothing less. Then the store opens and
 * its life goes on.
 *
 * And the judge is judged: where the disk lies about its syncs, and where SQLite is told to do
 * without some of them, it must find an acknowledged step that was lost.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "power_vfs.h"
#include "shim_vfs.h"
#include "store_life.h"

/* A sanitizer makes everything slower: fewer patterns, not fewer moments. */
#ifdef MLPD_SANITIZERS
#define SEEDS  1
#define STRIDE 9
#else
#define SEEDS  2
#define STRIDE 1
#endif

#define STEPS_MAX 48

static char home[64], work[80], found[80];
static char *dumps[STEPS_MAX + 1]; /* what there is after k steps */
static sqlite3 *writer;            /* the connection opened first */

/* Called by SQLite for each new connection, after life_frugal's. */
static int note_writer(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    if (writer == NULL) {
        writer = db;
    }
    return SQLITE_OK;
}

static void setup(void)
{
    hash_start();
    log_set_level((enum log_level)(LOG_ERROR + 1));
    power_install();
    life_frugal(true);
    ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))note_writer), SQLITE_OK);
    life_make_dir(home);
    (void)snprintf(work, sizeof work, "%s/work", home);
    (void)snprintf(found, sizeof found, "%s/found", home);
    ck_assert_int_eq(mkdir(work, 0700), 0);
    writer = NULL;
}

static void teardown(void)
{
    life_frugal(false);
    power_remove();
    for (size_t k = 0; k <= STEPS_MAX; k++) {
        free(dumps[k]);
        dumps[k] = NULL;
    }
    life_remove_dir(home);
}

/* ---- the run ----------------------------------------------------------------- */

/* Recorded from the store's opening to its closing, with a mark after each step. Without syncs
 * that `pragma` leaves out, if any. */
static void live(const char *pragma)
{
    struct store *store;
    struct err err = ERR_INIT;

    ck_assert_uint_le(life_steps(), STEPS_MAX);
    power_record(work);
    store = life_open(work);
    if (pragma != NULL) {
        /* Nobody uses the connection now; the first command comes after this. */
        ck_assert_int_eq(sqlite3_exec(writer, pragma, NULL, NULL, NULL), SQLITE_OK);
    }
    power_mark(); /* it is open */
    for (size_t k = 0; k < life_steps(); k++) {
        dumps[k] = life_verified(work);
        ck_assert_msg(life_run(store, k, &err) == 0, "%s: %s", life_name(k), err.detail);
        power_mark();
    }
    dumps[life_steps()] = life_verified(work);
    store->ops->close(&store);
    power_stop();
}

/* ---- the judge --------------------------------------------------------------- */

static bool may_lose; /* a disk that lies: what is lost is counted, not mourned */
static size_t n_looked, n_lost;

/* Images that were judged already: most moments differ from the one before in nothing. */
static struct {
    uint64_t hashes[1 << 16];
} seen;

static bool is_new(uint64_t hash)
{
    size_t i;

    hash += power_marks() * 0x9e3779b97f4a7c15u; /* another mark asks for more */
    hash += hash == 0;
    for (i = hash % ARRAY_LEN(seen.hashes); seen.hashes[i] != 0;
         i = (i + 1) % ARRAY_LEN(seen.hashes)) {
        if (seen.hashes[i] == hash) {
            return false;
        }
    }
    ck_assert_uint_lt(++n_looked, ARRAY_LEN(seen.hashes) / 2);
    seen.hashes[i] = hash;
    return true;
}

/* The life goes on from here by some steps. */
static void go_on(size_t k, size_t more)
{
    struct store *store = life_open(found);
    struct err err = ERR_INIT;

    for (size_t end = k + more; k < end && k < life_steps(); k++) {
        ck_assert_msg(life_run(store, k, &err) == 0, "%s: %s", life_name(k), err.detail);
    }
    ck_assert_int_eq(store->ops->health(store, &err), 0);
    store->ops->close(&store);
}

/* How many steps the image holds: `done` or one more. */
static size_t steps_of(size_t done, const char *what)
{
    char *got = life_whole(found);
    size_t k = done < life_steps() && strcmp(got, dumps[done + 1]) == 0 ? done + 1 : done;

    if (may_lose) {
        n_lost += strcmp(got, dumps[k]) != 0;
    } else {
        life_same(got, dumps[k], what);
    }
    free(got);
    return k;
}

static void look(enum power_fate fate, uint64_t seed)
{
    size_t marks = power_marks(), k;
    char what[96];

    if (!is_new(power_image(fate, seed))) {
        return;
    }
    ck_assert_int_eq(mkdir(found, 0700), 0);
    power_image_write(found);
    if (marks > 0) {
        (void)snprintf(what, sizeof what, "%s, call %zu, fate %d, seed %zu", life_name(marks - 1),
                       power_moment(), (int)fate, (size_t)seed);
        k = steps_of(marks - 1, what);
        if (n_looked % 16 == 0 && !may_lose) {
            go_on(k, 2);
        }
    } else {
        go_on(0, 1); /* it may be empty, or half made: it opens */
    }
    life_remove_dir(found);
}

static void judge(void)
{
    n_looked = n_lost = 0;
    memset(&seen, 0, sizeof seen);
    for (power_play(); power_next();) {
        if (power_moment() % STRIDE != 0) {
            continue;
        }
        look(POWER_DROPPED, 0);
        if (may_lose) {
            continue;
        }
        look(POWER_KEPT, 0);
        look(POWER_GARBLED, 1);
        look(POWER_EARLY, 1);
        look(POWER_LATE, 1);
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            look(POWER_MIXED, seed);
        }
    }
}

START_TEST(a_store_survives)
{
    live(NULL);
    judge();
    ck_assert_uint_gt(n_looked, 1000 / STRIDE);
    if (getenv("P"))
        fprintf(stderr, "moments %zu looked %zu\n", power_moment(), n_looked);
}
END_TEST

/* ---- the judge, judged ------------------------------------------------------- */

START_TEST(a_lost_step_is_seen)
{
    live("PRAGMA synchronous = NORMAL"); /* whole, but older than what was acknowledged */
    may_lose = true;
    judge();
    may_lose = false;
    ck_assert_uint_gt(n_lost, 0);
}
END_TEST

/* Moments after which nothing is left of an acknowledged submit. What there is then need not be
 * a database at all. */
static size_t count_lost(void)
{
    size_t lost = 0;

    for (power_play(); power_next();) {
        sqlite3 *db = NULL;
        sqlite3_stmt *stmt = NULL;
        char path[96];
        int64_t jobs = -1;

        if (power_marks() < 4 || power_marks() > 7) { /* from the first submit to the fourth */
            continue;
        }
        (void)power_image(POWER_DROPPED, 0);
        ck_assert_int_eq(mkdir(found, 0700), 0);
        power_image_write(found);
        (void)snprintf(path, sizeof path, "%s/mlpd.db", found);
        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_prepare_v2(db, "SELECT count(*) FROM job", -1, &stmt, NULL) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW) {
            jobs = sqlite3_column_int64(stmt, 0);
        }
        (void)sqlite3_finalize(stmt);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        lost += jobs < (int64_t)power_marks() - 3;
        life_remove_dir(found);
    }
    return lost;
}

START_TEST(a_disk_that_lies_is_seen)
{
    live(NULL);
    ck_assert_uint_eq(count_lost(), 0);
    power_lie(true);
    ck_assert_uint_gt(count_lost(), 0);
    power_lie(false);
    life_remove_dir(work);
    ck_assert_int_eq(mkdir(work, 0700), 0);
    for (size_t k = 0; k <= life_steps(); k++) {
        free(dumps[k]);
    }
    writer = NULL;
    live("PRAGMA synchronous = OFF");
    ck_assert_uint_gt(count_lost(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_power");
    SRunner *runner;
    TCase *power = tcase_create("power");
    int failed;

    tcase_add_checked_fixture(power, setup, teardown);
    tcase_set_timeout(power, 300);
    tcase_add_test(power, a_store_survives);
    tcase_add_test(power, a_lost_step_is_seen);
    tcase_add_test(power, a_disk_that_lies_is_seen);
    suite_add_tcase(suite, power);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

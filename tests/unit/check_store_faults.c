/* A failing disk, at every call in turn.
 *
 * The life of a store (store_life.h) is lived once on a good disk; its database is kept as it was
 * before each step. Then each step is taken again from there on a disk that fails its n-th call,
 * once or from then on, for n = 1, 2, ... until a run meets no fault. A step must succeed or say
 * what is wrong, reading goes on meanwhile, and on a good disk again the database is whole and
 * has exactly what it had before the step or what it has after it.
 */
#include "config.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/log.h"
#include "base/mem.h"
#include "faulty_vfs.h"
#include "store_life.h"

EMBED(fault_sql_1, "sqlite/0001_first.sql");
EMBED(fault_sql_2, "sqlite/0002_start_from.sql");

/* A sanitizer makes everything slower, and finds its faults in any run: fewer of them. */
#ifdef MLPD_SANITIZERS
#define STRIDE 17
#else
#define STRIDE 1
#endif

#define STEPS_MAX 48

static char home[64];              /* the folders of a test */
static char work[80];              /* the one that a store is opened in */
static char *dumps[STEPS_MAX + 1]; /* what there is after k steps */
static struct store *store;
static atomic_long reads_failed, reads_done;

static const char *before(size_t k)
{
    static char path[96];

    (void)snprintf(path, sizeof path, "%s/before-%zu", home, k);
    return path;
}

static void open_work(void)
{
    store = life_open(work);
}

static void close_work(void)
{
    struct store *closing = store;

    store = NULL; /* nothing is read meanwhile */
    closing->ops->close(&closing);
    ck_assert_ptr_null(closing);
}

/* A state of the world in `work`, as a kill would have left it. */
static void restore(size_t k)
{
    life_copy(before(k), work);
}

static void live_once(void)
{
    struct err err = ERR_INIT;

    ck_assert_uint_le(life_steps(), STEPS_MAX);
    ck_assert_int_eq(mkdir(work, 0700), 0);
    open_work();
    for (size_t k = 0; k <= life_steps(); k++) {
        life_copy(work, before(k));
        dumps[k] = life_verified(work);
        if (k < life_steps()) {
            ck_assert_msg(life_run(store, k, &err) == 0, "%s: %s", life_name(k), err.detail);
        }
    }
    close_work();
}

/* In the middle of a call that fails, on SQLite's thread. */
static void read_meanwhile(void)
{
    struct err err = ERR_INIT;

    if (store != NULL) {
        atomic_fetch_add(&reads_done, 1);
        if (life_read(store, &err) != 0) {
            atomic_fetch_add(&reads_failed, 1);
        }
        err_fini(&err);
    }
}

static void setup(void)
{
    hash_start();
    log_set_level((enum log_level)(LOG_ERROR + 1));
    faulty_install();
    life_frugal(true);
    life_make_dir(home);
    (void)snprintf(work, sizeof work, "%s/work", home);
    atomic_store(&reads_failed, 0);
    atomic_store(&reads_done, 0);
    live_once();
}

static void teardown(void)
{
    faulty_clear();
    if (store != NULL) {
        close_work();
    }
    for (size_t k = 0; k <= STEPS_MAX; k++) {
        free(dumps[k]);
        dumps[k] = NULL;
    }
    life_frugal(false);
    faulty_remove();
    life_remove_dir(home);
}

/* ---- one fault --------------------------------------------------------------- */

static bool refused(int rc, enum err_code want, struct err *err)
{
    bool is = rc != 0;

    if (is) {
        ck_assert_str_eq(err_code_name(err->code), err_code_name(want));
    }
    err_fini(err);
    return is;
}

static void expect_reads(void)
{
    struct err err = ERR_INIT;

    ck_assert_msg(life_read(store, &err) == 0, "reading: %s", err.detail);
}

static void expect_health(enum err_code want)
{
    struct err err = ERR_INIT;
    int rc = store->ops->health(store, &err);

    ck_assert_str_eq(err_code_name(rc == 0 ? ERR_NONE : err.code), err_code_name(want));
    err_fini(&err);
}

/* What there is, is what there was after `low` steps, or `high` if that is another number. */
static size_t expect_dump(size_t low, size_t high)
{
    char *got = life_whole(work);
    size_t k = high != low && strcmp(got, dumps[high]) == 0 ? high : low;

    life_same(got, dumps[k], life_name(low));
    free(got);
    return k;
}

/* On a good disk this much is there; and if there shall be more, the store opens and lives on. */
static void expect_future(size_t low, size_t high, size_t more)
{
    size_t k = expect_dump(low, high);

    if (more == 0) {
        return;
    }
    open_work();
    for (size_t end = k + more; k < end && k < life_steps(); k++) {
        struct err err = ERR_INIT;

        ck_assert_msg(life_run(store, k, &err) == 0, "%s: %s", life_name(k), err.detail);
    }
    expect_health(ERR_NONE);
    (void)expect_dump(k, k);
    close_work();
}

/* A fault that passes is tried at every place; one that stays differs less from place to place. */
static long next_place(long n, bool forever)
{
    return forever ? 2 * n : n + STRIDE;
}

/* ---- tests ------------------------------------------------------------------- */

/* A kill cannot show it, only a power cut could: what is acknowledged was synced. */
START_TEST(every_change_is_synced)
{
    struct err err = ERR_INIT;
    struct store_job job;

    restore(0);
    open_work();
    for (size_t k = 0; k < life_steps(); k++) {
        faulty_clear();
        ck_assert_int_eq(life_run(store, k, &err), 0);
        ck_assert_msg(faulty_count(SHIM_SYNC) > 0, "%s was not synced", life_name(k));
    }
    faulty_clear();
    ck_assert_int_eq(store->ops->job_claim(store, LIFE_OWNER, &job, &err), 1);
    expect_reads();
    ck_assert_int_eq(faulty_count(SHIM_SYNC), 0); /* nothing changed: nothing to sync */
    ck_assert_int_eq(faulty_count(SHIM_WRITE), 0);
}
END_TEST

/* True when the fault was met. */
static bool break_step(size_t k, long n, bool forever)
{
    struct err err = ERR_INIT;
    bool was_refused, met, stuck;

    restore(k);
    open_work();
    faulty_set((struct faulty_plan){
        .ops = FAULTY_CHANGES, .nth = n, .forever = forever, .kind = FAULTY_BROKEN});
    was_refused = refused(life_run(store, k, &err), ERR_IO, &err);
    met = faulty_met();
    ck_assert(met || !was_refused);
    /* One that succeeded may have met it afterwards, when the log went into the database. */
    stuck = was_refused || (met && (faulty_met_at() == SHIM_WRITE || faulty_met_at() == SHIM_SYNC));
    if (stuck) {
        expect_reads();
        expect_health(ERR_IO);
    }
    if (stuck && n % 2 == 0) {
        /* No write is tried on a disk that failed, though it would work now. */
        faulty_set((struct faulty_plan){.ops = 0});
        ck_assert(refused(store->ops->event_add(store, 1, "note", NULL, &err), ERR_IO, &err));
        ck_assert_int_eq(faulty_count(SHIM_WRITE), 0);
        expect_health(ERR_IO);
    }
    close_work(); /* of those with an odd n on the broken disk */
    faulty_clear();
    expect_future(was_refused ? k : k + 1, k + 1, n % 4 == 1);
    return met;
}

START_TEST(a_failing_disk_ends_writes)
{
    long places = 0;

    faulty_meanwhile(read_meanwhile);
    for (int forever = 0; forever < 2; forever++) {
        for (size_t k = 0; k < life_steps(); k++) {
            bool met = true;

            for (long n = 1; met; n = next_place(n, forever)) {
                met = break_step(k, n, forever);
                places += met;
            }
        }
    }
    ck_assert_int_gt(places, (long)life_steps() * 4 / STRIDE);
    ck_assert_int_gt(atomic_load(&reads_done), places / 2);
    ck_assert_int_eq(atomic_load(&reads_failed), 0);
}
END_TEST

/* Each step at every place, until it succeeds; the store is never opened again. A disk may also
 * be full by a quota. */
START_TEST(a_full_disk_is_forgiven)
{
    const struct faulty_plan plan = {.ops = FAULTY(SHIM_WRITE) | FAULTY(SHIM_TRUNCATE),
                                     .forever = _i % 2,
                                     .kind = _i / 2 ? FAULTY_QUOTA : FAULTY_FULL};
    struct err err = ERR_INIT;
    long places = 0;

    faulty_meanwhile(read_meanwhile);
    restore(0);
    open_work();
    for (size_t k = 0; k < life_steps(); k++) {
        for (long n = 1;; n = next_place(n, false)) {
            struct faulty_plan nth = plan;

            nth.nth = n;
            faulty_set(nth);
            if (!refused(life_run(store, k, &err), ERR_NO_SPACE, &err)) {
                break;
            }
            places++;
            expect_reads();
            expect_health(plan.forever ? ERR_NO_SPACE : ERR_NONE);
            faulty_clear();
            expect_health(ERR_NONE); /* there is room again */
            (void)expect_dump(k, k);
        }
    }
    faulty_clear();
    close_work();
    expect_future(life_steps(), life_steps(), 0);
    ck_assert_int_gt(places, (long)life_steps() * 3 / STRIDE);
    ck_assert_int_eq(atomic_load(&reads_failed), 0);
}
END_TEST

START_TEST(a_failed_sync_never_passes)
{
    struct err err = ERR_INIT;

    for (enum faulty_kind kind = FAULTY_BROKEN; kind < FAULTY_KINDS; kind++) {
        restore(3);
        open_work();
        faulty_set((struct faulty_plan){.ops = FAULTY(SHIM_SYNC), .nth = 1, .kind = kind});
        ck_assert(refused(life_run(store, 3, &err), ERR_IO, &err));
        faulty_clear();
        expect_health(ERR_IO);
        ck_assert(refused(life_run(store, 3, &err), ERR_IO, &err));
        ck_assert_int_eq(faulty_count(SHIM_WRITE), 0);
        close_work();
        expect_future(3, 4, 1);
    }
}
END_TEST

/* ---- opening ----------------------------------------------------------------- */

static void make_schema(int version)
{
    char path[96];
    sqlite3 *db = NULL;

    (void)snprintf(path, sizeof path, "%s/mlpd.db", work);
    ck_assert_int_eq(mkdir(work, 0700), 0);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, (const char *)fault_sql_1, NULL, NULL, NULL), SQLITE_OK);
    if (version > 1) {
        ck_assert_int_eq(sqlite3_exec(db, (const char *)fault_sql_2, NULL, NULL, NULL), SQLITE_OK);
    }
    ck_assert_int_eq(
        sqlite3_exec(db,
                     "INSERT INTO dataset VALUES (1, 'iris', replace(hex(zeroblob(32)), '0', 'a'),"
                     " 150, 5, 4000, 1);"
                     "INSERT INTO job (id, kind, state, model_id, owner, attempt, created_at,"
                     " started_at, finished_at) VALUES"
                     " (1, 'train', 'running', 1, 'earlier', 1, 1, 2, NULL),"
                     " (2, 'train', 'queued', 2, NULL, 0, 1, NULL, NULL),"
                     " (3, 'train', 'failed', 3, NULL, 1, 1, 2, 3);"
                     "INSERT INTO job_event (job_id, at, kind) VALUES (1, 1, 'queued'),"
                     " (1, 2, 'running'), (2, 1, 'queued'), (3, 1, 'queued'), (3, 3, 'failed');"
                     "INSERT INTO job_dataset SELECT id, 0, (SELECT sha256 FROM dataset) FROM job;"
                     "INSERT INTO model (id, job_id, state, created_at, finished_at) VALUES"
                     " (1, 1, 'pending', 1, NULL), (2, 2, 'pending', 1, NULL),"
                     " (3, 3, 'failed', 1, 3);"
                     "INSERT INTO curve_point (job_id, epoch, samples) VALUES (1, 1, 10),"
                     " (1, 2, 10)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA application_id = 1835823204", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db, version > 1 ? "PRAGMA user_version = 2" : "PRAGMA user_version = 1", NULL,
                     NULL, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* A daemon was killed while it ran a job; its log holds the last commits. */
static void make_killed(void)
{
    struct store_sqlite_options options = {.dir = work, .owner = "another boot"};
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    char copy[96];

    (void)snprintf(copy, sizeof copy, "%s/killed", home);
    restore(10); /* four jobs in the queue */
    ck_assert_int_eq(store_sqlite_open(&options, &store, &err), 0);
    ck_assert_int_eq(store->ops->job_claim(store, "another boot", &job, &err), 0);
    store_job_fini(&job);
    life_copy(work, copy);
    close_work();
    life_copy(copy, work);
}

enum world { WORLD_NEW, WORLD_SCHEMA_1, WORLD_SCHEMA_2, WORLD_KILLED, WORLDS };

static void make_world(enum world world)
{
    life_remove_dir(work);
    switch (world) {
    case WORLD_NEW:
        ck_assert_int_eq(mkdir(work, 0700), 0);
        break;
    case WORLD_SCHEMA_1:
    case WORLD_SCHEMA_2:
        make_schema(world == WORLD_SCHEMA_1 ? 1 : 2);
        break;
    default:
        make_killed();
    }
}

/* One open on a disk that fails; true when the fault was met. */
static bool open_broken(enum world world, struct faulty_plan plan, const char *want)
{
    struct store_sqlite_options options = {.dir = work, .owner = LIFE_OWNER};
    struct err err = ERR_INIT;
    char *got;
    bool met;

    faulty_set(plan);
    if (store_sqlite_open(&options, &store, &err) == 0) {
        close_work();
    } else {
        ck_assert_ptr_null(store);
        ck_assert_int_gt(strlen(err.detail), 0);
        /* A page that cannot be read is damage to who checks the database before migrating it. */
        ck_assert_msg(err.code == ERR_IO || err.code == ERR_NO_SPACE ||
                          (err.code == ERR_CORRUPT && faulty_met_at() == SHIM_READ),
                      "world %d, call %ld: %s: %s", world, plan.nth, err_code_name(err.code),
                      err.detail);
        ck_assert(plan.kind == FAULTY_FULL || err.code != ERR_NO_SPACE);
    }
    err_fini(&err);
    met = faulty_met();
    faulty_clear();
    open_work(); /* whatever the first try has left */
    close_work();
    got = life_whole(work);
    life_same(got, want, "after a broken start");
    free(got);
    return met;
}

START_TEST(opening_fails_cleanly)
{
    static const unsigned ops[] = {FAULTY_CHANGES,
                                   FAULTY(SHIM_OPEN) | FAULTY(SHIM_SHM_MAP) | FAULTY(SHIM_READ)};
    long places = 0;

    for (enum world world = WORLD_NEW; world < WORLDS; world++) {
        char image[96], *want;

        (void)snprintf(image, sizeof image, "%s/world", home);
        make_world(world);
        life_copy(work, image);
        open_work();
        close_work();
        want = life_verified(work);
        for (size_t i = 0; i < ARRAY_LEN(ops) * 4; i++) {
            struct faulty_plan plan = {.ops = ops[i / 4],
                                       .forever = i % 2,
                                       .kind = i / 2 % 2 ? FAULTY_FULL : FAULTY_BROKEN};
            long skip = (i >= 4 ? 8 : 0) + (world == WORLD_SCHEMA_1 ? 2 : 0);
            bool met = true;

            /* What only reads differs less from place to place; so do two old schemas. */
            for (plan.nth = 1; met; plan.nth = next_place(plan.nth, i % 4 != 0) + skip) {
                life_copy(image, work);
                met = open_broken(world, plan, want);
                places += met;
            }
        }
        free(want);
    }
    ck_assert_int_gt(places, 100 / STRIDE);
}
END_TEST

/* The end of a life: the log goes into the database and is removed. */
START_TEST(closing_loses_nothing)
{
    for (int i = 0; i < 4; i++) {
        size_t k = i / 2 == 0 ? 5 : 22; /* 22: A has a model */
        struct faulty_plan plan = {
            .ops = FAULTY_CHANGES, .forever = i % 2, .kind = i % 2 ? FAULTY_FULL : FAULTY_BROKEN};
        bool met = true;

        for (plan.nth = 1; met; plan.nth = next_place(plan.nth, i % 2)) {
            restore(k);
            open_work();
            faulty_set(plan);
            close_work();
            met = faulty_met();
            faulty_clear();
            expect_future(k, k, plan.nth % 4 == 1);
        }
        ck_assert_int_gt(plan.nth, 2);
    }
}
END_TEST

/* A copy of a store at work: whole, or not there; and the store does not mind. */
START_TEST(a_backup_is_whole_or_none)
{
    const size_t k = 24; /* A has a model */
    struct faulty_plan plan = {.ops = FAULTY_CHANGES | FAULTY(SHIM_OPEN) | FAULTY(SHIM_READ),
                               .kind = _i ? FAULTY_FULL : FAULTY_BROKEN};
    char dir[96], path[112];
    struct err err = ERR_INIT;
    bool met = true;

    (void)snprintf(dir, sizeof dir, "%s/copy", home);
    (void)snprintf(path, sizeof path, "%s/mlpd.db", dir);
    restore(k);
    open_work();
    for (plan.nth = 1; met; plan.nth = next_place(plan.nth, false)) {
        int rc;

        ck_assert_int_eq(mkdir(dir, 0700), 0);
        faulty_set(plan);
        rc = store_sqlite_backup(work, path, &err);
        met = faulty_met();
        faulty_clear();
        ck_assert(met || rc == 0);
        if (rc == 0) {
            char *got = life_whole(dir);

            life_same(got, dumps[k], "the copy");
            free(got);
        } else {
            ck_assert_int_ne(access(path, F_OK), 0);
            ck_assert_int_gt(strlen(err.detail), 0);
        }
        err_fini(&err);
        expect_health(ERR_NONE);
        life_remove_dir(dir);
    }
    ck_assert_int_eq(life_run(store, k, &err), 0);
    close_work();
    expect_future(k + 1, k + 1, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_faults");
    SRunner *runner;
    TCase *disk = tcase_create("disk");
    int failed;

    tcase_add_checked_fixture(disk, setup, teardown);
    tcase_set_timeout(disk, 300);
    tcase_add_test(disk, every_change_is_synced);
    tcase_add_test(disk, a_failing_disk_ends_writes);
    tcase_add_loop_test(disk, a_full_disk_is_forgiven, 0, 4);
    tcase_add_test(disk, a_failed_sync_never_passes);
    tcase_add_test(disk, opening_fails_cleanly);
    tcase_add_loop_test(disk, a_backup_is_whole_or_none, 0, 2);
    tcase_add_test(disk, closing_loses_nothing);
    suite_add_tcase(suite, disk);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A failing disk and failing memory, at every place in turn.
 *
 * A layer between SQLite and the system fails the n-th write or sync (once, or from then
 * on), for n = 1, 2, ... until a run meets no fault. Each step of a run must succeed or say
 * what is wrong; then, on a good disk again, the database must be whole and every step that
 * was acknowledged must still be true. The same with SQLite's allocations.
 */
#include <errno.h>
#include <stdatomic.h>

#include "check_store.h"

/* ---- the layer under SQLite ---- */

static atomic_long fault_in;      /* calls until the fault; 0 = none is planned */
static atomic_bool fault_forever;
static atomic_int fault_code;
static atomic_bool fault_met;
static atomic_long n_syncs;

static bool fault_now(void)
{
    long left = atomic_load(&fault_in);

    if (left == 0) {
        return false;
    }
    if (left > 1) {
        atomic_store(&fault_in, left - 1); /* one writer: no race to lose a count to */
        return false;
    }
    atomic_store(&fault_met, true);
    if (!atomic_load(&fault_forever)) {
        atomic_store(&fault_in, 0);
    }
    return true;
}

static void plan(long n, int code, bool forever)
{
    atomic_store(&fault_code, code);
    atomic_store(&fault_forever, forever);
    atomic_store(&fault_met, false);
    atomic_store(&fault_in, n);
}

static sqlite3_vfs *real_vfs, faulty_vfs;
/* The database's methods and the log's differ in locking alone. */
static const sqlite3_io_methods *real_methods, *real_log_methods;
static sqlite3_io_methods faulty_methods, faulty_log_methods;

static int faulty_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (fault_now()) {
        errno = EIO;
        return atomic_load(&fault_code) == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    return real_methods->xWrite(file, bytes, len, at);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    atomic_fetch_add(&n_syncs, 1);
    if (fault_now()) {
        errno = EIO;
        return atomic_load(&fault_code) == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
    }
    return real_methods->xSync(file, flags);
}

static void replace_methods(sqlite3_file *file, const sqlite3_io_methods **real,
                            sqlite3_io_methods *faulty)
{
    if (*real == NULL) {
        *real = file->pMethods;
        *faulty = **real;
        faulty->xWrite = faulty_write;
        faulty->xSync = faulty_sync;
    }
    ck_assert_ptr_eq(file->pMethods, *real);
    ck_assert((*real)->xWrite == real_methods->xWrite && (*real)->xSync == real_methods->xSync);
    file->pMethods = faulty;
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                       int *flags_out)
{
    int rc = real_vfs->xOpen(real_vfs, name, file, flags, flags_out);

    (void)vfs;
    if (rc == SQLITE_OK && file->pMethods != NULL) {
        if (flags & SQLITE_OPEN_MAIN_DB) {
            replace_methods(file, &real_methods, &faulty_methods);
        } else {
            replace_methods(file, &real_log_methods, &faulty_log_methods);
        }
    }
    return rc;
}

/* Hundreds of databases are made and thrown away: in memory, where there is such a folder. */
static void make_dir(void)
{
    if (access("/dev/shm", W_OK | X_OK) == 0) {
        help_make_dir_in("/dev/shm");
    } else {
        help_make_dir();
    }
    log_set_level(LOG_ERROR);
}

static void setup(void)
{
    real_vfs = sqlite3_vfs_find("unix");
    ck_assert_ptr_nonnull(real_vfs);
    faulty_vfs = *real_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.xOpen = faulty_open;
    ck_assert_int_eq(sqlite3_vfs_register(&faulty_vfs, 1), SQLITE_OK);
    make_dir();
}

static void teardown(void)
{
    plan(0, 0, false);
    help_teardown();
    ck_assert_int_eq(sqlite3_vfs_register(real_vfs, 1), SQLITE_OK);
    ck_assert_int_eq(sqlite3_vfs_unregister(&faulty_vfs), SQLITE_OK);
}

/* ---- a run ---- */

/* What was acknowledged. */
struct run {
    int64_t a, b, c, model_a; /* submitted; 0 = refused */
    bool claimed, appended, finished, cancelled, deleted, dataset;
    size_t refused;
    enum err_code code;       /* of the last refusal */
};

static bool acknowledged(struct run *run, int rc, struct err *err)
{
    bool ok = rc == 0;

    if (!ok) {
        ck_assert_int_eq(rc, -1);
        ck_assert_int_gt(strlen(err->detail), 0);
        run->refused++;
        run->code = err->code;
    }
    err_fini(err);
    *err = (struct err)ERR_INIT;
    return ok;
}

static const unsigned char weights[30000] = {1, 2, 3};

static void steps(struct run *run)
{
    struct store_job_new new = {.kind = "train", .name = "iris", .config_json = "{}"};
    struct store_outcome outcome = help_outcome(JOB_SUCCEEDED, true);
    struct store_point points[100];
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    enum job_state state;
    int64_t model;
    bool created;

    outcome.weights = weights;
    outcome.weights_bytes = sizeof weights;
    for (int i = 0; i < 100; i++) {
        points[i] = (struct store_point){.epoch = i + 1, .training_loss = 1.0 / (i + 1)};
    }
    if (!acknowledged(run, OPS->job_submit(help_store, &new, &run->a, &run->model_a, &err), &err)) {
        run->a = 0;
    }
    (void)acknowledged(run, OPS->job_submit(help_store, &new, &run->b, &model, &err), &err);
    (void)acknowledged(run, OPS->job_submit(help_store, &new, &run->c, &model, &err), &err);
    if (run->a != 0) {
        run->claimed = acknowledged(run, OPS->job_claim(help_store, OWNER, &job, &err), &err);
        if (run->claimed) {
            ck_assert_int_eq(job.id, run->a);
        }
        store_job_fini(&job);
    }
    if (run->claimed) {
        run->appended = acknowledged(
            run, OPS->curve_append(help_store, run->a, OWNER, points, 100, &err), &err);
        run->finished =
            acknowledged(run, OPS->job_finish(help_store, run->a, OWNER, &outcome, &err), &err);
    }
    if (run->b != 0) {
        run->cancelled =
            acknowledged(run, OPS->job_cancel(help_store, run->b, &state, &err), &err);
    }
    if (run->cancelled) {
        run->deleted = acknowledged(run, OPS->job_delete(help_store, run->b, &err), &err);
    }
    run->dataset = acknowledged(run,
                                OPS->dataset_add(help_store, "iris", help_hash('a'), 1, 1, 1,
                                                 false, &model, &created, &err),
                                &err);
}

/* On a good disk, with the same owner: nothing but what the run did has changed a thing. */
static void expect_kept(const struct run *run)
{
    struct store_job job;
    struct store_dataset ds;
    struct store_point *points = NULL;
    void *bytes = NULL;
    size_t n = 0;

    if (run->a != 0) {
        enum job_state state = help_state(run->a);

        ck_assert(!run->claimed || state != JOB_QUEUED);
        ck_assert(!run->finished || state == JOB_SUCCEEDED);
    }
    if (run->appended) {
        OK(OPS->curve_read(help_store, run->a, 0, 0, &points, &n, err));
        ck_assert_uint_eq(n, 100);
        store_points_free(&points, n);
    }
    if (run->finished) {
        OK(OPS->model_weights(help_store, run->model_a, &bytes, &n, err));
        ck_assert_uint_eq(n, sizeof weights);
        ck_assert_mem_eq(bytes, weights, n);
        free(bytes);
    }
    if (run->deleted) {
        REFUSED(ERR_NOT_FOUND, OPS->job_get(help_store, run->b, &job, err));
    } else if (run->cancelled) {
        /* A delete that was refused may have happened all the same. */
        struct err err = ERR_INIT;

        if (OPS->job_get(help_store, run->b, &job, &err) == 0) {
            ck_assert_int_eq(job.state, JOB_CANCELLED);
            store_job_fini(&job);
        }
        err_fini(&err);
    }
    if (run->c != 0) {
        ck_assert_int_eq(help_state(run->c), JOB_QUEUED);
    }
    if (run->dataset) {
        OK(OPS->dataset_get(help_store, "iris", &ds, err));
        store_dataset_fini(&ds);
    }
}

/* A fault that passes is tried at every place; one that stays differs less from place to place. */
static long next_step(long n, bool forever)
{
    return forever ? 1 + n / 8 : 1;
}

static void run_is_kept(const struct run *run)
{
    help_close();
    help_verify();
    help_open(OWNER, 0);
    expect_kept(run);
    OK(OPS->health(help_store, err));
    (void)help_train();
    help_close();
    help_remove_dir();
    make_dir();
}

/* ---- the disk ---- */

/* A kill cannot show it, only a power cut could: what is acknowledged was synced. */
START_TEST(every_change_is_synced)
{
    long before;
    int64_t id;
    enum job_state state;

    help_open(OWNER, 0);
    for (int i = 0; i < 5; i++) {
        before = atomic_load(&n_syncs);
        id = help_train();
        ck_assert_int_gt(atomic_load(&n_syncs), before);
        before = atomic_load(&n_syncs);
        OK(OPS->job_cancel(help_store, id, &state, err));
        ck_assert_int_gt(atomic_load(&n_syncs), before);
    }
    before = atomic_load(&n_syncs);
    for (int i = 0; i < 5; i++) { /* nothing changed: nothing to sync */
        struct store_job job;

        NOTHING(OPS->job_claim(help_store, OWNER, &job, err));
    }
    ck_assert_int_eq(atomic_load(&n_syncs), before);
}
END_TEST

START_TEST(a_failing_disk_ends_writes)
{
    for (int forever = 0; forever < 2; forever++) {
        bool met = true;
        long n;

        for (n = 1; met; n += next_step(n, forever)) {
            struct run run = {.a = 0};

            help_open(OWNER, 0);
            plan(n, SQLITE_IOERR, forever);
            steps(&run);
            met = atomic_load(&fault_met);
            plan(0, 0, false);
            if (run.refused > 0) {
                ck_assert_int_eq(run.code, ERR_IO);
                /* No write is tried on a disk that failed, though it would work now. */
                REFUSED(ERR_IO, OPS->event_add(help_store, 1, "note", NULL, err));
                REFUSED(ERR_IO, OPS->health(help_store, err));
            }
            ck_assert(met || run.refused == 0);
            run_is_kept(&run);
        }
        ck_assert_int_gt(n, 10);
    }
}
END_TEST

START_TEST(a_full_disk_is_forgiven)
{
    for (int forever = 0; forever < 2; forever++) {
        bool met = true;
        long n;

        for (n = 1; met; n += next_step(n, forever)) {
            struct run run = {.a = 0};

            help_open(OWNER, 0);
            plan(n, SQLITE_FULL, forever);
            steps(&run);
            met = atomic_load(&fault_met);
            if (run.refused > 0) {
                ck_assert_int_eq(run.code, ERR_NO_SPACE);
            }
            if (forever && run.refused > 0) {
                REFUSED(ERR_NO_SPACE, OPS->health(help_store, err));
            } else if (!forever) {
                ck_assert_uint_le(run.refused, 1);
                OK(OPS->health(help_store, err));
            }
            plan(0, 0, false);
            OK(OPS->health(help_store, err)); /* there is room again */
            (void)help_train();
            ck_assert(met || run.refused == 0);
            run_is_kept(&run);
        }
        ck_assert_int_gt(n, 10);
    }
}
END_TEST

START_TEST(opening_fails_cleanly)
{
    static const int codes[] = {SQLITE_IOERR, SQLITE_FULL};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        bool met = true;

        for (long n = 1; met; n++) {
            struct store_sqlite_options options = {.dir = help_dir, .owner = OWNER};
            struct err err = ERR_INIT;

            plan(n, codes[i], true);
            if (store_sqlite_open(&options, &help_store, &err) == 0) {
                help_close();
            } else {
                ck_assert_int_eq(err.code, codes[i] == SQLITE_FULL ? ERR_NO_SPACE : ERR_IO);
            }
            err_fini(&err);
            met = atomic_load(&fault_met);
            plan(0, 0, false);
            help_open(OWNER, 0); /* whatever was left of the first try */
            (void)help_train();
            help_close();
            help_verify();
            help_remove_dir();
            make_dir();
        }
    }
}
END_TEST

/* ---- memory ---- */

static sqlite3_mem_methods real_memory;

static void *faulty_malloc(int bytes)
{
    return fault_now() ? NULL : real_memory.xMalloc(bytes);
}

static void *faulty_realloc(void *old, int bytes)
{
    return fault_now() ? NULL : real_memory.xRealloc(old, bytes);
}

static void memory_setup(void)
{
    sqlite3_mem_methods faulty;

    ck_assert_int_eq(sqlite3_shutdown(), SQLITE_OK);
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    faulty = real_memory;
    faulty.xMalloc = faulty_malloc;
    faulty.xRealloc = faulty_realloc;
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty), SQLITE_OK);
    make_dir();
}

static void memory_teardown(void)
{
    plan(0, 0, false);
    help_teardown();
    ck_assert_int_eq(sqlite3_shutdown(), SQLITE_OK);
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &real_memory), SQLITE_OK);
}

START_TEST(no_memory_is_an_error)
{
    for (int forever = 0; forever < 2; forever++) {
        bool met = true;
        size_t refused = 0;

        /* Every place at first, then ever wider steps: there are thousands. */
        for (long n = 1; met; n += 1 + n / 6) {
            struct run run = {.a = 0};

            help_open(OWNER, 0);
            plan(n, SQLITE_NOMEM, forever);
            steps(&run);
            met = atomic_load(&fault_met);
            plan(0, 0, false);
            if (run.refused > 0) {
                ck_assert_str_eq(err_code_name(run.code), err_code_name(ERR_NO_MEMORY));
            }
            refused += run.refused;
            OK(OPS->health(help_store, err));
            (void)help_train(); /* there is memory again, and the store works */
            run_is_kept(&run);
        }
        ck_assert_uint_gt(refused, 10);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_faults");
    TCase *disk = tcase_create("disk"), *memory = tcase_create("memory");

    tcase_add_checked_fixture(disk, setup, teardown);
    tcase_set_timeout(disk, 300);
    tcase_add_test(disk, every_change_is_synced);
    tcase_add_test(disk, a_failing_disk_ends_writes);
    tcase_add_test(disk, a_full_disk_is_forgiven);
    tcase_add_test(disk, opening_fails_cleanly);
    suite_add_tcase(suite, disk);
    tcase_add_checked_fixture(memory, memory_setup, memory_teardown);
    tcase_set_timeout(memory, 300);
    tcase_add_test(memory, no_memory_is_an_error);
    suite_add_tcase(suite, memory);
    return help_run(suite);
}

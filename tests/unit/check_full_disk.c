/* A real disk that is full: a file system of one or a few MiB in memory, and a file beside ours
 * that takes all the room and gives it back piece by piece.
 *
 * The disk is mounted in a mount namespace of the test's own and goes with it. Where that is not
 * allowed, one loud line says that nothing was proved.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "data/csv.h"
#include "jobs/checkpoint.h"
#include "jobs/predictor.h"
#include "jobs_house.h"
#include "store_life.h"

#define PAGE 4096

/* ---- a small disk ------------------------------------------------------------ */

static char disk[64];
static int ballast = -1;
static off_t taken;

static bool mount_disk(const char *dir, unsigned kib)
{
    static bool tried, ours;
    char options[48];

    if (!tried) { /* before any thread is started */
        tried = true;
        ours =
            unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    }
    (void)snprintf(options, sizeof options, "size=%uk,mode=0700", kib);
    if (!ours || mount("tmpfs", dir, "tmpfs", 0, options) != 0) {
        fprintf(stderr, "\n*** NOT TESTED: a full disk (mounting is not allowed here: %s) ***\n\n",
                strerror(errno));
        return false;
    }
    (void)snprintf(disk, sizeof disk, "%s", dir);
    return true;
}

static void unmount_disk(void)
{
    if (ballast >= 0) {
        (void)close(ballast);
        ballast = -1;
    }
    ck_assert_int_eq(umount(disk), 0);
}

/* No page is left. */
static void fill(void)
{
    static const char page[PAGE];

    if (ballast < 0) {
        char *path = xasprintf("%s/ballast", disk);

        ballast = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_ge(ballast, 0);
        free(path);
        taken = 0;
    }
    while (pwrite(ballast, page, PAGE, taken) == PAGE) {
        taken += PAGE;
    }
    ck_assert_int_eq(errno, ENOSPC);
}

static void give_back(off_t pages)
{
    taken -= pages * PAGE;
    ck_assert_msg(taken >= 0, "all room was not enough");
    ck_assert_int_eq(ftruncate(ballast, taken), 0);
}

static void give_all_back(void)
{
    give_back(taken / PAGE);
}

/* ---- a store's life ---------------------------------------------------------- */

static bool no_space(int rc, struct err *err)
{
    if (rc != 0) {
        ck_assert_msg(err->code == ERR_NO_SPACE, "%s: %s", err_code_name(err->code), err->detail);
    }
    err_fini(err);
    return rc != 0;
}

/* Each step on a disk without a page, then with one, two, ... until it succeeds. */
static void live(struct store *store, const char *dir)
{
    struct err err = ERR_INIT;
    long refused = 0;

    for (size_t k = 0; k < life_steps(); k++) {
        char *before = life_whole(dir), *now;

        if (k % 4 == 3) { /* else the log could never go into the database, and would take all */
            give_all_back();
        } else {
            fill();
        }
        while (no_space(life_run(store, k, &err), &err)) {
            refused++;
            ck_assert_msg(life_read(store, &err) == 0, "%s: %s", life_name(k), err.detail);
            now = life_whole(dir);
            life_same(now, before, life_name(k));
            free(now);
            give_back(1);
        }
        free(before);
    }
    ck_assert_int_gt(refused, 20);
}

START_TEST(a_life_on_a_full_disk)
{
    char dir[64];
    struct store *store;
    struct err err = ERR_INIT;

    hash_start();
    log_set_level((enum log_level)(LOG_ERROR + 1));
    life_make_dir(dir);
    if (mount_disk(dir, 1024)) {
        life_frugal(true);
        store = life_open(dir);
        live(store, dir);
        do { /* the log had room left: for an event, or for the one page of the look */
            fill();
        } while (!no_space(store->ops->event_add(store, 1, "note", NULL, &err), &err) ||
                 !no_space(store->ops->health(store, &err), &err));
        give_all_back();
        ck_assert_int_eq(store->ops->health(store, &err), 0);
        store->ops->close(&store);
        free(life_verified(dir));
        life_frugal(false);
        unmount_disk();
    }
    life_remove_dir(dir);
}
END_TEST

/* ---- what lies beside the store ---------------------------------------------- */

#define CLOUDS                                                                                     \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"             \
    " \"architecture\": {\"hidden\": [8]},"                                                        \
    " \"training\": {\"epochs\": 3, \"seed\": 7, \"early_stopping\": null}}"

static struct house h;

static size_t n_files(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    }
    (void)closedir(d);
    return n;
}

static int upload(struct err *err)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct csv_reader *reader = NULL;
    struct dataset_summary summary;
    int rc = csv_reader_new(datasets_dir(h.datasets), &options, &reader, err);

    for (int i = 0; i < 3000 && rc == 0; i++) {
        char row[64];
        int n = snprintf(row, sizeof row, i == 0 ? "a,b\n" : "%d.125,%d\n", i, i * 3001);

        rc = csv_reader_feed(reader, row, (size_t)n, err);
    }
    if (rc == 0) {
        rc = csv_reader_finish(reader, &summary, err);
    }
    csv_reader_free(&reader);
    return rc;
}

static void predict(int64_t model)
{
    static const float x[] = {0.5f, -0.5f};
    float *p = house_predict(&h, model, x, 1);

    ck_assert_float_eq_tol(p[0] + p[1] + p[2], 1.0f, 1e-5f);
    free(p);
}

static void work_on_a_full_disk(int64_t model)
{
    static unsigned char state[200000];
    struct checkpoint c = {
        .epoch = 1, .notes = (char[]){"{}"}, .state = state, .state_bytes = sizeof state};
    const struct store_outcome outcome = {.state = JOB_SUCCEEDED,
                                          .has_model = true,
                                          .spec_json = "{}",
                                          .encoder_json = "{}",
                                          .info_json = "{}",
                                          .metrics_json = "{}",
                                          .weights = state,
                                          .weights_bytes = sizeof state,
                                          .parameters = sizeof state / 4};
    char *checkpoints = xasprintf("%s/checkpoints", h.dir);
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    size_t files = n_files(datasets_dir(h.datasets)), n = 9;
    int64_t id = house_submit(&h, CLOUDS, NULL);

    ck_assert_int_eq(h.store->ops->job_claim(h.store, h.owner, &job, &err), 0);
    ck_assert_int_eq(job.id, id);
    fill();
    ck_assert(no_space(upload(&err), &err));
    ck_assert(no_space(checkpoint_write(h.checkpoints, &job, h.owner, &c, &err), &err));
    ck_assert(no_space(h.store->ops->job_finish(h.store, id, h.owner, &outcome, &err), &err));
    predict(model);
    ck_assert_uint_eq(n_files(datasets_dir(h.datasets)), files);
    ck_assert_uint_eq(n_files(checkpoints), 0);
    ck_assert_int_eq(h.store->ops->checkpoint_list(h.store, id, rows, &n, &err), 0);
    ck_assert_uint_eq(n, 0);

    give_all_back();
    ck_assert_int_eq(h.store->ops->health(h.store, &err), 0);
    ck_assert_msg(upload(&err) == 0, "%s", err.detail);
    ck_assert_msg(checkpoint_write(h.checkpoints, &job, h.owner, &c, &err) == 0, "%s", err.detail);
    ck_assert_uint_eq(n_files(checkpoints), 1);
    fill(); /* the second does not hurt the first */
    ck_assert(no_space(checkpoint_write(h.checkpoints, &job, h.owner, &c, &err), &err));
    ck_assert_uint_eq(n_files(checkpoints), 1);
    give_all_back();
    ck_assert_int_eq(h.store->ops->job_finish(h.store, id, h.owner, &outcome, &err), 0);
    store_job_fini(&job);
    free(checkpoints);
}

START_TEST(files_on_a_full_disk)
{
    struct store_job job;
    int64_t model;

    house_open(&h, 1);
    log_set_level((enum log_level)(LOG_ERROR + 1));
    house_stop(&h);
    if (mount_disk(h.dir, 4096)) {
        house_again(&h);
        house_clouds(&h, "clouds", 120);
        pool_start(h.pool);
        job = house_end(&h, house_submit(&h, CLOUDS, &model), JOB_SUCCEEDED);
        store_job_fini(&job);
        house_stop(&h);
        house_again(&h); /* with a pool that is not started: we are the worker */
        work_on_a_full_disk(model);
        house_stop(&h);
        house_again(&h);
        predict(model);
        house_stop(&h);
        free(life_verified(h.dir));
        unmount_disk();
    }
    house_close(&h);
}
END_TEST

/* ---- read-only --------------------------------------------------------------- */

START_TEST(a_read_only_disk)
{
    char dir[64];
    struct store_sqlite_options options = {.dir = dir, .owner = LIFE_OWNER};
    struct store *store;
    struct err err = ERR_INIT;

    hash_start();
    log_set_level((enum log_level)(LOG_ERROR + 1));
    life_make_dir(dir);
    if (mount_disk(dir, 1024)) {
        store = life_open(dir);
        ck_assert_int_eq(life_run(store, 0, &err), 0);
        /* Not under an open database: the system itself refuses. */
        ck_assert_int_eq(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), -1);
        ck_assert_int_eq(errno, EBUSY);
        ck_assert_int_eq(life_run(store, 1, &err), 0);
        store->ops->close(&store);

        ck_assert_int_eq(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
        ck_assert_int_eq(store_sqlite_open(&options, &store, &err), -1);
        ck_assert_str_eq(err_code_name(err.code), "io");
        err_fini(&err);
        ck_assert_int_eq(mount(NULL, dir, NULL, MS_REMOUNT, NULL), 0);
        store = life_open(dir);
        ck_assert_int_eq(life_run(store, 2, &err), 0);
        store->ops->close(&store);
        unmount_disk();
    }
    life_remove_dir(dir);
}
END_TEST

int main(void)
{
    TCase *full = tcase_create("full");

    tcase_add_test(full, a_life_on_a_full_disk);
    tcase_add_test(full, files_on_a_full_disk);
    tcase_add_test(full, a_read_only_disk);
    return house_run("full_disk", (TCase *[]){full}, 1);
}

/* A disk that is full, for real: the state folder is on a small file system in memory, filled by a
 * file beside it. Jobs and datasets are refused with the numbers, what is stored is read, models
 * answer, a running job loses nothing, and all goes on by itself once there is room.
 *
 * The file system is mounted in a mount namespace of this process's own (and of its daemons), so it
 * goes with it. Where that is not allowed the tests say so loudly and prove nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "work.h"

#define MIB (1u << 20)

static struct daemon d;

/* ---- a small disk ---------------------------------------------------------------------------- */

static void write_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, line, strlen(line)); /* the mount will tell */
        (void)close(fd);
    }
}

/* A namespace of our own; as somebody else than root with the help of a user namespace. */
static int own_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (uid == 0 && unshare(CLONE_NEWNS) == 0) {
        return 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return -1;
    }
    write_line("/proc/self/setgroups", "deny");
    write_line("/proc/self/uid_map", text("0 %u 1", (unsigned)uid));
    write_line("/proc/self/gid_map", text("0 %u 1", (unsigned)gid));
    return 0;
}

/* The folder of a fresh file system of so many MiB, or NULL. */
static char *small_disk(unsigned mib)
{
    char *path = scratch_path("disk");

    ck_assert_int_eq(mkdir(path, 0700), 0);
    if (own_namespace() != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, text("size=%um,mode=0700", mib)) != 0) {
        fprintf(stderr,
                "********************************************************************\n"
                "* NOT TESTED: a real full disk. No file system may be mounted here *\n"
                "* (%s). Run it as root.\n"
                "********************************************************************\n",
                strerror(errno));
        return NULL;
    }
    return path;
}

static void small_disk_end(const char *path)
{
    ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
}

static size_t free_bytes(const char *path)
{
    struct statvfs st;

    ck_assert_int_eq(statvfs(path, &st), 0);
    return st.f_bavail * st.f_frsize;
}

/* Fill it until only so many bytes are free; the daemon may write meanwhile. */
static void fill(const char *path, size_t leave)
{
    char *ballast = text("%s/ballast", path);
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;
    size_t now = free_bytes(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_gt(now, leave);
    for (; now > leave; now = free_bytes(path)) {
        int rc;

        ck_assert_int_eq(fstat(fd, &st), 0);
        rc = posix_fallocate(fd, 0, st.st_blocks * 512 + (off_t)(now - leave));
        ck_assert_msg(rc == 0 || rc == ENOSPC, "fill the disk: %s", strerror(rc));
    }
    ck_assert_int_eq(close(fd), 0);
    ck_assert_uint_le(free_bytes(path), leave);
}

static void make_room(const char *path)
{
    ck_assert_int_eq(unlink(text("%s/ballast", path)), 0);
}

static void start_on(const char *disk, const char *reserve)
{
    daemon_start(&d, text("%s/state", disk),
                 (const char *const[]){"--workers", "1", "--disk-reserve", reserve, NULL});
}

/* ---- what must hold ----------------------------------------------------------------------------
 */

/* What is stored is read, and models answer. */
static void reads_go_on(int64_t job, int64_t model)
{
    want(http_get("/healthz"), 200);
    want(http_get("/jobs"), 200);
    want(http_get("/jobs/%lld", (long long)job), 200);
    want(http_get("/jobs/%lld/curve", (long long)job), 200);
    want(http_get("/datasets/iris/rows"), 200);
    want(http_get("/models/%lld/weights", (long long)model), 200);
    want(http_get("/models/%lld/predict?x=1,2,3,4", (long long)model), 200);
    want(http_post(q("{'instances': [[1,2,3,4]]}"), "/models/%lld/predict", (long long)model), 200);
    want(http_post(q("{'instances': [[1,2,3,4,'setosa']]}"), "/models/%lld/evaluate",
                   (long long)model),
         200);
    want(http_post(q("{'data': {'dataset': 'iris', 'target': 'species'}}"), "/train?dry_run=1"),
         200);
}

/* Everyone is told, with the reason. */
static void is_not_ready(const char *reason)
{
    struct reply *r = want_problem(http_get("/readyz"), 503, NULL, reason);

    ck_assert_ptr_nonnull(reply_header(r, "Retry-After"));
    r = want(http_get("/service"), 200);
    ck_assert(!truth(r, "/store/writable"));
    ck_assert_msg(strstr(str(r, "/store/reason"), reason) != NULL, "%s", r->body);
}

static void is_ready(void)
{
    struct reply *r = want(http_get("/service"), 200);

    ck_assert_msg(truth(r, "/store/writable") && is_null(r, "/store/reason"), "%s", r->body);
    want(http_get("/readyz"), 200);
}

/* A job that may take some tens of megabytes: the database's log comes and goes by a few. */
#define LARGE_JOB                                                                                  \
    "{" XOR_DATA ", 'architecture': {'hidden': [500, 500]}, 'training': {'epochs': 3, 'seed': 3}}"

static int64_t iris_job(void)
{
    upload_example("iris");
    return train("{'preset': 'simple', "
                 "'data': {'dataset': 'iris', 'target': 'species'}, 'training': {'epochs': 5}}");
}

START_TEST(without_the_reserve_nothing_is_taken)
{
    char *disk = small_disk(128);
    int64_t job, model, held;
    struct reply *r;

    if (disk == NULL) {
        return;
    }
    start_on(disk, "8M");
    job = iris_job();
    model = trained(job);
    is_ready();
    r = want(http_get("/service"), 200);
    ck_assert_int_eq(integer(r, "/store/reserve_bytes"), 8 * MIB);
    ck_assert_int_le(integer(r, "/store/free_bytes"), (int64_t)free_bytes(disk));
    ck_assert_int_eq(integer(r, "/store/held_bytes"), 0);

    /* room for the reserve, and not for a job */
    r = want(http_post(q(LARGE_JOB), "/train?dry_run=1"), 200);
    held = integer(r, "/estimate/disk_bytes");
    ck_assert_int_gt(held, 0);
    fill(disk, 8 * MIB + (size_t)held / 2);
    want_problem(http_post(q(LARGE_JOB), "/train"), 507, NULL, "the job, which may take ");
    is_ready();
    trained(train(XOR_JOB(""))); /* a smaller one fits */
    reads_go_on(job, model);
    ck_assert_uint_eq(length(want(http_get("/jobs"), 200), "/jobs"), 2);

    /* not even for the reserve */
    fill(disk, 4 * MIB);
    want_problem(http_post(q(XOR_JOB("")), "/train"), 507, NULL, "8.4 MB stay in reserve");
    want_problem(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=none"), 507, NULL,
                 "no room on the disk for a dataset");
    want_problem(http_post(q("{'dataset': 'iris'}"), "/models/%lld/evaluate", (long long)model),
                 507, NULL, "no room on the disk");
    is_not_ready("no room on the disk for any job or dataset");
    reads_go_on(job, model);
    want(http_get("/datasets/none"), 404);

    make_room(disk);
    is_ready();
    trained(train(XOR_JOB("")));
    want(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=some"), 201);
    daemon_stop(&d);
    small_disk_end(disk);
}
END_TEST

/* What jobs were promised is not given to others. */
START_TEST(promised_room_is_kept)
{
    char *disk = small_disk(256);
    int64_t job, need;
    struct reply *r;

    if (disk == NULL) {
        return;
    }
    start_on(disk, "8M");
    want(http_poke("/queue/pause"), 200);
    r = want(http_post(q(LARGE_JOB), "/train?dry_run=1"), 200);
    need = integer(r, "/estimate/disk_bytes");
    fill(disk, 8 * MIB + (size_t)need * 3 / 2);
    job = train(LARGE_JOB);
    r = want(http_get("/service"), 200);
    ck_assert_int_gt(integer(r, "/store/held_bytes"), 0);
    ck_assert_int_le(integer(r, "/store/held_bytes"), need);
    want_problem(http_post(q(LARGE_JOB), "/train"), 507, NULL, "no room on the disk for the job");
    want(http_poke("/jobs/%lld/pause", (long long)job), 200); /* a paused one holds it too */
    want_problem(http_post(q(LARGE_JOB), "/train"), 507, NULL, "no room on the disk for the job");
    fill(disk, 8 * MIB + (size_t)need / 2);
    is_ready(); /* what is held comes back, and the reserve is there */
    cancel_job(job);
    ck_assert_int_eq(integer(want(http_get("/service"), 200), "/store/held_bytes"), 0);
    make_room(disk);
    want(http_post(q(LARGE_JOB), "/train"), 202);
    daemon_stop(&d);
    small_disk_end(disk);
}
END_TEST

/* A table of random numbers, which no column's type makes small. */
struct table {
    size_t left; /* rows */
    unsigned seed;
    bool begun;
};

static size_t make_rows(void *arg, char *out, size_t room)
{
    struct table *t = arg;
    size_t n = 0;

    if (!t->begun) {
        n = (size_t)snprintf(out, room, "a,b,c,d\n");
        t->begun = true;
    }
    while (t->left > 0 && room - n > 96) {
        for (int i = 0; i < 4; i++) {
            t->seed = t->seed * 1664525 + 1013904223;
            n += (size_t)snprintf(out + n, room - n, "%u.%04u%c", t->seed >> 16, t->seed & 0xfff,
                                  i < 3 ? ',' : '\n');
        }
        t->left--;
    }
    return n;
}

START_TEST(an_upload_stops_before_the_reserve)
{
    char *disk = small_disk(128);
    struct table t = {.left = 1500000, .seed = 1}; /* about 60 MB of text, 48 MB of numbers */
    struct reply *r;
    size_t before;

    if (disk == NULL) {
        return;
    }
    start_on(disk, "32M");
    fill(disk, 64 * MIB);
    before = free_bytes(disk);
    r = http_send(&(struct request){.method = "POST",
                                    .path = "/datasets?name=large",
                                    .type = "text/csv",
                                    .make = make_rows,
                                    .arg = &t});
    want_problem(r, 507, NULL, "the rest of the dataset");
    want(http_get("/datasets/large"), 404);
    ck_assert_uint_ge(free_bytes(disk) + MIB, before); /* nothing is left of it */
    is_ready();
    make_room(disk);
    t = (struct table){.left = 300000, .seed = 1};
    r = http_send(&(struct request){.method = "POST",
                                    .path = "/datasets?name=large",
                                    .type = "text/csv",
                                    .make = make_rows,
                                    .arg = &t});
    ck_assert_int_eq(integer(want(r, 201), "/rows"), 300000);
    daemon_stop(&d);
    small_disk_end(disk);
}
END_TEST

/* Writes until one finds the disk full; each is small, and the log is used again and again. */
static struct reply *write_until_full(void)
{
    double deadline = now_seconds() + 60 * PATIENCE;

    for (;;) {
        struct reply *r = http_poke("/queue/pause");

        if (r->status == 200) {
            r = http_poke("/queue/resume");
        }
        if (r->status != 200) {
            return r;
        }
        ck_assert_double_lt(now_seconds(), deadline);
    }
}

/* No reserve, and not a byte left: the store itself is refused. */
START_TEST(not_a_byte_left)
{
    char *disk = small_disk(64);
    int64_t job, model, running, queued, epoch;
    const char *key[] = {"Idempotency-Key: full", NULL};
    struct request again = {.method = "POST", .path = "/train", .headers = key};

    if (disk == NULL) {
        return;
    }
    start_on(disk, "0");
    job = iris_job();
    model = trained(job);
    running = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    wait_for_epoch(running, 2);
    again.body = q(XOR_JOB(""));
    queued = integer(want(http_send(&again), 202), "/id");
    fill(disk, 0);
    want_problem(http_post(q(XOR_JOB("")), "/train"), 507, NULL, "0 bytes are free");
    want_problem(write_until_full(), 507, NULL, "disk");
    is_not_ready("disk");
    reads_go_on(job, model);
    want_problem(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=none"), 507, NULL, NULL);
    want_problem(http_post(q(XOR_JOB("")), "/train"), 507, NULL, NULL);
    want_problem(http_post(q("{'dataset': 'iris'}"), "/models/%lld/evaluate", (long long)model),
                 507, NULL, NULL);
    want(http_delete("/datasets/iris"), 507);
    want(http_poke("/jobs/%lld/pause", (long long)queued), 507);
    want(http_poke("/jobs/%lld/cancel", (long long)queued), 507);
    ck_assert_int_eq(integer(want(http_send(&again), 202), "/id"), queued); /* that is a read */
    wait_for_job(running, "running");
    epoch = integer(http_get("/jobs/%lld", (long long)running), "/progress/epoch");

    make_room(disk);
    is_ready();
    want(http_poke("/queue/resume"), 200);
    wait_for_epoch(running, epoch + 3); /* it was there all the time */
    cancel_job(running);
    trained(queued);
    trained(train(XOR_JOB("")));
    want(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=some"), 201);
    reads_go_on(job, model);
    /* and what is on the disk is whole */
    daemon_kill(&d);
    start_on(disk, "0");
    reads_go_on(job, model);
    wait_for_job(running, "cancelled");
    daemon_stop(&d);
    small_disk_end(disk);
}
END_TEST

/* The folder becomes read-only under the daemon: by a mount over it, for files that are open for
 * writing would forbid anything else. */
START_TEST(read_only)
{
    char *disk = small_disk(64), *state;
    int64_t job, model;

    if (disk == NULL) {
        return;
    }
    state = text("%s/state", disk);
    start_on(disk, "8M");
    job = iris_job();
    model = trained(job);
    ck_assert_int_eq(mount(state, state, NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(mount(NULL, state, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    want_problem(http_post(q(XOR_JOB("")), "/train"), 503, NULL, "may not be written");
    want_problem(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=none"), 503, NULL,
                 "may not be written");
    is_not_ready("may not be written");
    reads_go_on(job, model);
    ck_assert_int_eq(umount2(state, MNT_DETACH), 0);
    is_ready();
    trained(train(XOR_JOB("")));

    /* only where datasets are */
    state = text("%s/datasets", state);
    ck_assert_int_eq(mount(state, state, NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(mount(NULL, state, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    want_problem(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=none"), 503, NULL, "dataset");
    want_problem(http_post(q(XOR_JOB("")), "/train"), 503, NULL, "rows");
    reads_go_on(job, model);
    ck_assert_int_eq(umount2(state, MNT_DETACH), 0);
    want(http_csv("a,b\n1,2\n3,5\n", "/datasets?name=some"), 201);
    daemon_stop(&d);
    small_disk_end(disk);
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("api_full_disk");
    TCase *tc = case_with("full disk", nothing, nothing);

    tcase_add_test(tc, without_the_reserve_nothing_is_taken);
    tcase_add_test(tc, promised_room_is_kept);
    tcase_add_test(tc, an_upload_stops_before_the_reserve);
    tcase_add_test(tc, not_a_byte_left);
    tcase_add_test(tc, read_only);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

/* Keeping a state folder: backup while it is worked in, restore, check; what is damaged is named.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

static struct daemon d;

#define EPOCHS 30

static void start_on(const char *state, const char *const *more)
{
    daemon_start(&d, state, more);
}

static const char *const often[] = {"--workers", "1", "--checkpoint-seconds", "0.05", NULL};

/* ---- backup and restore ---- */

static const char *body_of(const char *path)
{
    return text("%s", want(http_get("%s", path), 200)->body);
}

/* What a finished job and its model answer with. */
struct seen {
    const char *job, *curve, *model, *weights, *evaluation, *rows, *predictions;
};

static struct seen look(int64_t job, int64_t model)
{
    return (struct seen){
        .job = body_of(text("/jobs/%lld", (long long)job)),
        .curve = body_of(text("/jobs/%lld/curve", (long long)job)),
        .model = body_of(text("/models/%lld", (long long)model)),
        .weights = body_of(text("/models/%lld/weights", (long long)model)),
        .evaluation = body_of(text("/models/%lld/evaluation?split=test", (long long)model)),
        .rows = body_of("/datasets/iris/rows?offset=10&limit=5"),
        .predictions = text("%s", want(http_csv(features_of("iris"), "/models/%lld/predict",
                                                (long long)model),
                                       200)
                                      ->body),
    };
}

static void same(const struct seen *a, const struct seen *b)
{
    want_same(a->job, b->job);
    want_same(a->curve, b->curve);
    want_same(a->model, b->model);
    want_same(a->weights, b->weights);
    want_same(a->evaluation, b->evaluation);
    want_same(a->rows, b->rows);
    want_same(a->predictions, b->predictions);
}

/* In a process of its own: small jobs and tables, as fast as they are taken, until it is killed.
 * Datasets are deleted, too: a backup meets files that have gone. */
static pid_t begin_load(void)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        for (long i = 0;; i++) {
            const char *job = q(XOR_JOB("")), *request;

            request = text("POST /train HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json"
                           "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                           d.host, d.port, strlen(job), job);
            raw_exchange(request, strlen(request));
            request = text("POST /datasets?name=load%ld HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: "
                           "text/csv\r\nContent-Length: 13\r\nConnection: close\r\n\r\na,b\n"
                           "1,%06ld\n",
                           i, d.host, d.port, i % 1000000);
            raw_exchange(request, strlen(request));
            request = text("DELETE /datasets/load%ld HTTP/1.1\r\nHost: %s:%s\r\nConnection: close"
                           "\r\n\r\n",
                           i - 1, d.host, d.port);
            raw_exchange(request, strlen(request));
            test_end(); /* frees what this round kept */
        }
    }
    return child;
}

static void end_load(pid_t child)
{
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* While it trains, takes jobs, and tables come and go; then everything is in the copy, and what was
 * running goes on there to the same bits. */
START_TEST(a_backup_under_load_is_a_state)
{
    char *state = scratch_path("state"), *copies[3], *fresh = scratch_path("fresh");
    int64_t done, model, running, last_before;
    struct seen was, is;
    struct reply *r;
    char *weights;
    pid_t load;

    start_on(state, (const char *const[]){"--workers", "2", "--checkpoint-seconds", "0.05", NULL});
    upload_example("iris");
    done = train("{'name': 'iris', 'preset': 'simple', "
                 "'data': {'dataset': 'iris', 'target': 'species', 'split': "
                 "{'test': 0.25}}, 'training': {'epochs': 20}}");
    model = trained(done);
    was = look(done, model);
    r = want(http_post(slow_job(EPOCHS, 7, ", 'name': 'long'"), "/train"), 202);
    running = integer(r, "/id");
    wait_for_epoch(running, 3);
    load = begin_load();
    for (size_t i = 0; i < COUNT(copies); i++) {
        last_before = integer(want(http_get("/jobs?limit=1"), 200), "/jobs/0/id");
        copies[i] = scratch_path(text("copy%zu", i));
        says(COMMAND(0, state, "backup", copies[i]), "backed up to");
        says(COMMAND(0, copies[i], "check"), "are whole");
        says(COMMAND(0, state, "check"), "are whole"); /* of the running one */
    }
    end_load(load);
    wait_for_job(running, "succeeded");
    weights = weights_of(model_of(running));
    daemon_stop(&d);

    says(COMMAND(0, fresh, "restore", copies[COUNT(copies) - 1]), "restored to");
    says(COMMAND(0, fresh, "check"), "are whole");
    start_on(fresh, often);
    want(http_get("/readyz"), 200);
    is = look(done, model);
    same(&is, &was);
    ck_assert_int_ge(integer(want(http_get("/jobs?limit=1"), 200), "/jobs/0/id"), last_before);
    want(http_get("/jobs/%lld", (long long)last_before), 200);
    wait_for_job(running, "succeeded");
    want_same(weights_of(model_of(running)), weights);
    r = want(http_get("/jobs/%lld/curve", (long long)running), 200);
    ck_assert_uint_eq(length(r, "/points"), EPOCHS);
    daemon_stop(&d);
}
END_TEST

/* Of a stopped daemon, with a job in the middle; it goes on from its checkpoint. */
START_TEST(a_backup_of_a_stopped_daemon)
{
    char *state = scratch_path("state"), *copy = scratch_path("copy"), *fresh = scratch_path("f");
    int64_t running;
    struct stat st;
    struct reply *r;

    start_on(state, often);
    running = integer(want(http_post(slow_job(EPOCHS, 7, ""), "/train"), 202), "/id");
    wait_for_epoch(running, 5);
    daemon_stop(&d);
    ck_assert_int_eq(mkdir(copy, 0700), 0); /* empty is fine, and a slash at the end too */
    says(COMMAND(0, state, "backup", text("%s/", copy)), "1 datasets");
    ck_assert_uint_ge(folder_entries(text("%s/checkpoints", copy)), 1);
    ck_assert_int_eq(stat(copy, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    says(COMMAND(0, fresh, "restore", copy), "restored to");
    start_on(fresh, often);
    r = wait_for_job(running, "succeeded");
    ck_assert_int_eq(integer(r, "/attempt"), 2);
    r = want(http_get("/jobs/%lld/events", (long long)running), 200);
    ck_assert_msg(strstr(r->body, "epoch") != NULL || strstr(r->body, "resum") != NULL, "%s",
                  r->body);
    daemon_stop(&d);
}
END_TEST

static void touch(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(what_cannot_be_copied_says_why)
{
    char *state = scratch_path("state"), *copy = scratch_path("copy"), *none = scratch_path("none");
    char *full = scratch_path("full"), *part = text("%s.part", copy);
    const char *out;

    start_on(state, NULL);
    ck_assert_int_eq(mkdir(full, 0700), 0);
    touch(text("%s/mine", full), "mine");
    says(COMMAND(1, state, "backup", full), "is there already, and not empty");
    says(COMMAND(1, none, "backup", copy), "there is no mlpd.db");
    ck_assert_uint_eq(folder_entries(none), 0); /* nothing was made */
    ck_assert_int_ne(access(copy, F_OK), 0);
    ck_assert_int_ne(access(part, F_OK), 0);
    says(COMMAND(1, state, "backup", text("%s/no/such", none)), "cannot make");
    ck_assert_int_eq(mkdir(part, 0700), 0);
    says(COMMAND(1, state, "backup", copy), "another backup");
    ck_assert_int_eq(rmdir(part), 0);
    says(COMMAND(0, state, "backup", copy), "backed up to");
    says(COMMAND(1, state, "backup", copy), "not empty"); /* never over one */

    says(COMMAND(1, state, "restore", copy), "held by process");
    says(COMMAND(1, full, "restore", copy), "not empty");
    says(COMMAND(1, scratch_path("x"), "restore", none), "no backup");
    says(COMMAND(1, none, "check"), "there is no mlpd.db");
    says(COMMAND(1, none, "gc"), "no database");
    says(COMMAND(1, state, "gc"), "POST /gc");
    says(COMMAND(0, state, "check", "--quick"), "whole");
    says(COMMAND(2, state, "backup"), "needs a folder");
    says(COMMAND(2, state, "backup", "a", "b"), "takes one folder");
    says(COMMAND(2, state, "check", "x"), "takes no word");
    says(COMMAND(2, state, "check", "--dry-run"), "unknown option");
    says(COMMAND(2, state, "gc", "--keep-jobs", "-1"), "--keep-jobs must be");
    says(COMMAND(2, state, "bakup", "a"), "did you mean backup?");
    says(COMMAND(0, state, "backup", "--help"), "Usage: mlpd backup DIR");
    ck_assert_int_eq(daemon_run((const char *const[]){"--help", NULL}, &out, NULL), 0);
    says(out, "mlpd restore DIR");
    daemon_stop(&d);
    says(COMMAND(1, state, "restore", copy), "not empty");
    ck_assert_uint_eq(folder_entries(full), 2); /* what was there, and the lock */
}
END_TEST

/* Before the last file is in: no daemon starts there, and the next restore begins again. */
START_TEST(a_restore_cut_short_is_begun_again)
{
    char *state = scratch_path("state"), *copy = scratch_path("copy"), *fresh = scratch_path("f");
    const char *err;
    int64_t id;

    start_on(state, NULL);
    id = train(XOR_JOB(""));
    trained(id);
    daemon_stop(&d);
    COMMAND(0, state, "backup", copy);
    ck_assert_int_eq(mkdir(fresh, 0700), 0);
    ck_assert_int_eq(mkdir(text("%s/restore.part", fresh), 0700), 0);
    ck_assert_int_eq(mkdir(text("%s/datasets", fresh), 0700), 0);
    touch(text("%s/restore.part/mlpd.db", fresh), "half");
    touch(text("%s/datasets/abc", fresh), "half");
    touch(text("%s/mlpd.db", fresh), "half");
    ck_assert_int_eq(daemon_run((const char *const[]){"--listen", "127.0.0.1:0", "--state", fresh,
                                                      NULL},
                                NULL, &err),
                     1);
    says(err, "run it again");
    COMMAND(0, fresh, "restore", copy);
    ck_assert_int_ne(access(text("%s/restore.part", fresh), F_OK), 0);
    ck_assert_int_ne(access(text("%s/datasets/abc", fresh), F_OK), 0);
    start_on(fresh, NULL);
    wait_for_job(id, "succeeded");
    daemon_stop(&d);
}
END_TEST

/* ---- damage ---- */

/* The one file of a folder whose name begins so. */
static char *file_in(const char *folder, const char *begins)
{
    char *list = text("%s", ""), *found;
    FILE *ls = popen(text("ls '%s'", folder), "r");
    char name[256];

    ck_assert_ptr_nonnull(ls);
    while (fgets(name, sizeof name, ls) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        if (strncmp(name, begins, strlen(begins)) == 0) {
            list = text("%s/%s", folder, name);
        }
    }
    ck_assert_int_eq(pclose(ls), 0);
    found = list;
    ck_assert_msg(found[0] != '\0', "no %s in %s", begins, folder);
    return found;
}

static void flip_byte(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    unsigned char byte;

    ck_assert_msg(fd >= 0, "%s", path);
    if (at < 0) {
        at = lseek(fd, 0, SEEK_END) / 2;
    }
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    ck_assert_int_eq(close(fd), 0);
}

static off_t page_of(const char *state, const char *table)
{
    const char *query = text("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);

    return (off_t)(state_sql(state, query) - 1) * 4096;
}

/* A state with a model, named data, inline data, and a job that was stopped in its middle. */
static char *damaged_state(const char *copy, const char *name)
{
    char *state = scratch_path(name);

    COMMAND(0, state, "restore", copy);
    return state;
}

START_TEST(every_damage_is_found_and_named)
{
    char *state = scratch_path("state"), *copy = scratch_path("copy"), *hurt, *file;
    char *less = scratch_path("less"), *never = scratch_path("never");
    const char *found;
    int64_t running;

    start_on(state, often);
    upload_example("iris");
    trained(train("{'name': 'iris', 'preset': 'simple', "
                  "'data': {'dataset': 'iris', 'target': 'species'}, "
                  "'training': {'epochs': 3}}"));
    running = integer(want(http_post(slow_job(FOREVER, 7, ""), "/train"), 202), "/id");
    wait_for_epoch(running, 2);
    daemon_stop(&d);
    COMMAND(0, state, "backup", copy);

    hurt = damaged_state(copy, "dataset");
    file = file_in(text("%s/datasets", hurt), "");
    flip_byte(file, -1);
    found = COMMAND(1, hurt, "check");
    says(found, text("dataset sha256:%s", strrchr(file, '/') + 1));
    says(found, "1 problem\n");
    says(COMMAND(1, hurt, "backup", never), "is damaged");
    ck_assert_int_eq(unlink(file), 0);
    says(COMMAND(1, hurt, "check"), "missing");
    says(COMMAND(1, hurt, "backup", never), "missing");

    hurt = damaged_state(copy, "checkpoint");
    file = file_in(text("%s/checkpoints", hurt), text("%lld.", (long long)running));
    flip_byte(file, -1);
    found = COMMAND(1, hurt, "check");
    says(found, text("of job %lld", (long long)running));
    says(found, "1 problem\n");
    /* the job has an older one, or begins again: that does not stop a backup */
    says(COMMAND(0, hurt, "backup", less), "left out");
    says(COMMAND(0, less, "check"), "are whole");
    ck_assert_int_eq(truncate(file, 100), 0);
    says(COMMAND(1, hurt, "check"), text("of job %lld", (long long)running));
    ck_assert_int_eq(unlink(file), 0);
    says(COMMAND(1, hurt, "check"), text("of job %lld", (long long)running));

    hurt = damaged_state(copy, "weights");
    state_sql(hurt, "UPDATE weight_chunk SET bytes = zeroblob(length(bytes)) WHERE weight_id ="
              " (SELECT weight_id FROM model_part LIMIT 1)");
    says(COMMAND(1, hurt, "check"), "the weights of model 1 are damaged");
    says(COMMAND(1, hurt, "backup", never), "the weights of model 1 are damaged");
    says(COMMAND(0, hurt, "check", "--quick"), "whole"); /* which does not look there */

    hurt = damaged_state(copy, "page");
    file = text("%s/mlpd.db", hurt);
    flip_byte(file, page_of(hurt, "job_event") + 3); /* how many cells it has */
    says(COMMAND(1, hurt, "check"), "mlpd.db: ");
    says(COMMAND(1, hurt, "check", "--quick"), "mlpd.db: ");
    says(COMMAND(1, hurt, "backup", never), "damaged");
    ck_assert_int_ne(access(never, F_OK), 0);

    /* a damaged backup is not restored, and leaves the place free for a whole one */
    flip_byte(file_in(text("%s/datasets", less), ""), -1);
    hurt = scratch_path("restored");
    says(COMMAND(1, hurt, "restore", less), "damaged");
    ck_assert_uint_eq(folder_entries(hurt), 1); /* the lock */
    COMMAND(0, hurt, "restore", copy);
    says(COMMAND(0, hurt, "check"), "are whole");
}
END_TEST

/* A daemon that finds its database damaged after a kill says so, and takes nothing. */
START_TEST(damage_after_a_kill_is_not_ready)
{
    char *state = scratch_path("state");
    double deadline = now_seconds() + 30 * PATIENCE;
    int64_t id, fd;
    off_t page;
    char junk[4096];

    start_on(state, NULL);
    id = train(XOR_JOB(""));
    trained(id);
    daemon_stop(&d);
    page = page_of(state, "job_key");
    memset(junk, 0xff, sizeof junk);
    fd = open(text("%s/mlpd.db", state), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite((int)fd, junk, sizeof junk, page), (ssize_t)sizeof junk);
    ck_assert_int_eq(close((int)fd), 0);
    start_on(state, NULL); /* it was stopped cleanly: nobody looks */
    want(http_get("/readyz"), 200);
    train(XOR_JOB(""));
    daemon_kill(&d);
    start_on(state, NULL);
    while (http_get("/readyz")->status == 200) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
    says(want(http_get("/readyz"), 503)->body, "mlpd check");
    want(http_post(q(XOR_JOB("")), "/train"), 503);
    want(http_get("/jobs/%lld", (long long)id), 200); /* what can be read is */
    want(http_get("/models/1/predict?x=0,1"), 200);
    daemon_stop(&d);
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("api_upkeep");
    TCase *tc = case_with("upkeep", nothing, nothing);

    tcase_add_test(tc, a_backup_under_load_is_a_state);
    tcase_add_test(tc, a_backup_of_a_stopped_daemon);
    tcase_add_test(tc, what_cannot_be_copied_says_why);
    tcase_add_test(tc, a_restore_cut_short_is_begun_again);
    tcase_add_test(tc, every_damage_is_found_and_named);
    tcase_add_test(tc, damage_after_a_kill_is_not_ready);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

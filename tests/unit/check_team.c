/* A team of threads: every index once, whatever their number, and no thread left behind. */
#include "jobs/team.h"

#include <dirent.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/crash.h"
#include "jobs_in_help.h"

#define MOST 1000

struct loop {
    atomic_uint done[MOST];
    atomic_uint all;
};

static void note(void *ctx, size_t i)
{
    struct loop *l = ctx;

    atomic_fetch_add(&l->done[i], 1);
    atomic_fetch_add(&l->all, 1);
}

static size_t threads_now(void)
{
    DIR *dir = opendir("/proc/self/task");
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    (void)closedir(dir);
    return n - 2;
}

START_TEST(every_index_once)
{
    static const size_t sizes[] = {0, 1, 2, 3, 7, 64, MOST};
    static struct loop l;
    const struct timespec moment = {.tv_nsec = 1000000};
    struct team *first = team_new(2); /* a sanitizer begins a thread of its own with the first */
    size_t threads, k, i, round, before;

    team_free(&first);
    before = threads_now();
    for (threads = 0; threads <= 4; threads++) {
        struct team *team = team_new(threads);

        for (round = 0; round < 200; round++) {
            size_t n = sizes[round % ARRAY_LEN(sizes)];

            memset(&l, 0, sizeof l);
            team_run(team, n, note, &l);
            ck_assert_uint_eq(atomic_load(&l.all), n); /* all done on return */
            for (i = 0; i < n; i++) {
                ck_assert_uint_eq(atomic_load(&l.done[i]), 1);
            }
        }
        for (k = 0; k < 20000; k++) { /* one right after the other */
            team_run(team, 3, note, &l);
        }
        team_free(&team);
        ck_assert_ptr_null(team);
    }
    for (i = 0; i < 1000 && threads_now() > before; i++) { /* joined, but not yet out of /proc */
        (void)nanosleep(&moment, NULL);
    }
    ck_assert_uint_le(threads_now(), before);
}
END_TEST

/* Helpers that went to sleep come back; a team that never worked ends. */
START_TEST(sleepers_wake)
{
    static struct loop l;
    const struct timespec pause = {.tv_nsec = 20000000};
    struct team *team = team_new(2), *idle = team_new(2);
    int i;

    for (i = 0; i < 5; i++) {
        (void)nanosleep(&pause, NULL);
        memset(&l, 0, sizeof l);
        team_run(team, 8, note, &l);
        ck_assert_uint_eq(atomic_load(&l.all), 8);
    }
    team_free(&idle);
    team_free(&team);
}
END_TEST

static atomic_uint of_job, of_others;

static void look_whose(void *ctx, size_t i)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    (void)ctx;
    (void)i;
    atomic_fetch_add(crash_job() == 12 ? &of_job : &of_others, 1);
    (void)nanosleep(&moment, NULL); /* so that each thread comes for some */
}

/* Helpers work for the job of the thread that made them. */
START_TEST(helpers_say_whose_work_they_do)
{
    struct team *team;

    crash_job_set(12);
    team = team_new(2);
    crash_job_set(0); /* the caller's own share counts as the others' */
    team_run(team, 64, look_whose, NULL);
    team_free(&team);
    ck_assert_uint_eq(atomic_load(&of_job) + atomic_load(&of_others), 64);
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        ck_assert_uint_gt(atomic_load(&of_job), 0);
    }
    ck_assert_uint_gt(atomic_load(&of_others), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("team");
    TCase *tc = tcase_create("team");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_index_once);
    tcase_add_test(tc, sleepers_wake);
    tcase_add_test(tc, helpers_say_whose_work_they_do);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

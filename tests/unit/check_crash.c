/* Marks of crashes: a child process faults in every way there is, and the file says whose job it
 * was, or nothing. What the reader makes of other files is in check_crash_marks.c.
 *
 * Children are forked by the tests themselves, so that both of check's modes work. With sanitizers
 * nothing is installed: their handlers report instead.
 */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash.h"

#define OWNER "0123456789abcdef0123456789abcdef"

static char folder[64], path[96];

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");

    ck_assert_int_lt(
        snprintf(folder, sizeof folder, "%s/mlpd-crash-XXXXXX", tmp != NULL ? tmp : "/tmp"),
        (int)sizeof folder);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/crashes", folder);
}

static void teardown(void)
{
    (void)unlink(path); /* some tests make none */
    ck_assert_int_eq(rmdir(folder), 0);
}

/* ---- crashing -------------------------------------------------------------------------- */

#ifndef MLPD_SANITIZERS

static size_t marks(struct crash_mark **out)
{
    struct err err = ERR_INIT;
    size_t n = 99;

    *out = NULL;
    ck_assert_msg(crash_read(path, out, &n, &err) == 0, "%s", err.detail);
    return n;
}

static void by_segv(void)
{
    volatile char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *none = 1;
}

static void by_bus(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC); /* nothing in it yet: no byte behind the page */
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    (void)page[0];
}

static void by_fpe(void)
{
#ifdef __x86_64__
    volatile int zero = 0, one = 1;

    one = one / zero;
#else
    (void)raise(SIGFPE);
#endif
}

static void by_ill(void)
{
#ifdef __x86_64__
    __builtin_trap();
#else
    (void)raise(SIGILL);
#endif
}

static void by_abort(void)
{
    abort();
}

static void by_chk(void)
{
    CHK(path[0] == '\0');
}

static void by_raise(void)
{
    (void)raise(SIGSEGV);
}

/* No end, no loop instead, and a frame that is used. */
static int deeper(volatile char *above)
{
    volatile char here[512];

    here[0] = above != NULL ? above[0] : 1;
    return here[0] == 0 ? 0 : deeper(here) + here[0];
}

static void by_overflow(void)
{
    exit(deeper(NULL));
}

static const struct fault {
    void (*commit)(void);
    int sig;
} faults[] = {{by_segv, SIGSEGV},  {by_bus, SIGBUS},  {by_fpe, SIGFPE},    {by_ill, SIGILL},
              {by_abort, SIGABRT}, {by_chk, SIGABRT}, {by_raise, SIGSEGV}, {by_overflow, SIGSEGV}};

/* What a thread of the child does. */
struct plan {
    void (*commit)(void); /* NULL: says where it is, and waits to be hit */
    int64_t job, job_before;
    bool no_stack;
    int tell;
    pthread_barrier_t *together;
};

static void *carry_out(void *arg)
{
    const struct plan *plan = arg;
    void *stack = plan->no_stack ? NULL : crash_stack_new();
    pid_t tid = (pid_t)syscall(SYS_gettid);

    if (plan->job_before != 0) {
        crash_job_set(plan->job_before);
    }
    crash_job_set(plan->job);
    if (plan->together != NULL) { /* those that do no harm say their job last */
        (void)pthread_barrier_wait(plan->together);
        if (plan->commit == NULL) {
            crash_job_set(plan->job);
        }
        (void)pthread_barrier_wait(plan->together);
    }
    if (plan->commit != NULL) {
        plan->commit();
    } else if (write(plan->tell, &tid, sizeof tid) == (ssize_t)sizeof tid) {
        (void)pause();
    }
    crash_stack_free(&stack);
    return NULL;
}

static void thread_for(struct plan *plan, pthread_t *thread)
{
    pthread_attr_t attr;

    PTOK(pthread_attr_init(&attr));
    PTOK(pthread_attr_setstacksize(&attr, 256u << 10));
    PTOK(pthread_create(thread, &attr, carry_out, plan));
}

/* A child that installs the handlers and runs these plans, each on a thread. */
static pid_t child_of(struct plan *plans, size_t n)
{
    const struct rlimit no_core = {.rlim_cur = 0};
    struct err err = ERR_INIT;
    pthread_t threads[4];
    pid_t pid = fork();
    size_t i;

    ck_assert_int_ge(pid, 0);
    if (pid != 0) {
        return pid;
    }
    for (i = 1; i < NSIG; i++) {
        (void)signal((int)i, SIG_DFL); /* check's, in some modes */
    }
    (void)dup2(open("/dev/null", O_WRONLY), 2); /* CHK speaks */
    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || crash_install(path, OWNER, &err) != 0) {
        _exit(3);
    }
    for (i = 0; i < n; i++) {
        thread_for(&plans[i], &threads[i]);
    }
    for (i = 0; i < n; i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    _exit(0);
}

static void dies_by(pid_t pid, int sig)
{
    int status = 0;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "ended with exit %d, not signal %d", WEXITSTATUS(status),
                  sig);
    ck_assert_int_eq(WTERMSIG(status), sig);
}

static off_t size_of(void)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_size;
}

/* The one mark that is in the file. */
static void one_mark(int64_t job)
{
    struct crash_mark *found;

    ck_assert_uint_eq(marks(&found), 1);
    ck_assert_str_eq(found[0].owner, OWNER);
    ck_assert_int_eq(found[0].job_id, job);
    free(found);
}

START_TEST(a_fault_marks_its_job)
{
    struct plan plan = {.commit = faults[_i].commit, .job = 71 + _i};

    dies_by(child_of(&plan, 1), faults[_i].sig);
    one_mark(71 + _i);
}
END_TEST

START_TEST(a_fault_without_a_job_leaves_none)
{
    struct plan plan = {.commit = faults[_i].commit, .job_before = 5};

    dies_by(child_of(&plan, 1), faults[_i].sig);
    ck_assert_int_eq(size_of(), 0);
}
END_TEST

START_TEST(job_numbers)
{
    static const int64_t jobs[] = {1, 9, 10, 1000000, INT64_MAX};
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(jobs); i++) {
        struct plan plan = {.commit = by_abort, .job = jobs[i]};

        dies_by(child_of(&plan, 1), SIGABRT);
        one_mark(jobs[i]);
        ck_assert_int_eq(crash_clear(path, &err), 0);
    }
}
END_TEST

/* Only the thread that faulted is to blame. */
START_TEST(the_job_beside_it_is_innocent)
{
    pthread_barrier_t together;
    int ends[2];
    struct plan plans[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    PTOK(pthread_barrier_init(&together, NULL, 2));
    plans[0] = (struct plan){.job = 1, .tell = ends[1], .together = &together};
    plans[1] = (struct plan){.commit = by_segv, .together = &together};
    dies_by(child_of(plans, 2), SIGSEGV);
    ck_assert_int_eq(size_of(), 0);
    plans[1].job = 2;
    dies_by(child_of(plans, 2), SIGSEGV);
    one_mark(2);
    PTOK(pthread_barrier_destroy(&together));
    ck_assert_int_eq(close(ends[0]) | close(ends[1]), 0);
}
END_TEST

/* Somebody sends the signal to the very thread that has the job: not the job's fault. */
START_TEST(a_kill_from_outside_leaves_none)
{
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    int ends[2];
    struct plan plan = {.job = 8};
    pid_t pid, tid;
    size_t i;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    plan.tell = ends[1];
    for (i = 0; i < ARRAY_LEN(sigs); i++) {
        pid = child_of(&plan, 1);
        ck_assert_int_eq(read(ends[0], &tid, sizeof tid), (ssize_t)sizeof tid);
        ck_assert_int_eq(syscall(SYS_tgkill, pid, tid, sigs[i]), 0);
        dies_by(pid, sigs[i]);
        ck_assert_int_eq(size_of(), 0);
        /* and to the process as a whole */
        pid = child_of(&plan, 1);
        ck_assert_int_eq(read(ends[0], &tid, sizeof tid), (ssize_t)sizeof tid);
        ck_assert_int_eq(kill(pid, sigs[i]), 0);
        dies_by(pid, sigs[i]);
        ck_assert_int_eq(size_of(), 0);
    }
    ck_assert_int_eq(close(ends[0]) | close(ends[1]), 0);
}
END_TEST

/* At least one of them is marked, each line is whole, and nothing hangs. */
START_TEST(two_at_once)
{
    pthread_barrier_t together;
    struct crash_mark *found;
    struct err err = ERR_INIT;
    struct plan plans[3] = {{.commit = by_segv, .job = 1, .together = &together},
                            {.commit = by_segv, .job = 2, .together = &together},
                            {.commit = by_segv, .job = 3, .together = &together}};
    size_t n, i;
    int round;

    PTOK(pthread_barrier_init(&together, NULL, 3));
    for (round = 0; round < 30; round++) {
        dies_by(child_of(plans, 3), SIGSEGV);
        n = marks(&found);
        ck_assert_uint_ge(n, 1);
        ck_assert_uint_le(n, 3);
        for (i = 0; i < n; i++) {
            ck_assert_str_eq(found[i].owner, OWNER);
            ck_assert(found[i].job_id >= 1 && found[i].job_id <= 3);
        }
        ck_assert_int_eq(size_of(), (off_t)(n * (strlen(OWNER) + 3)));
        free(found);
        ck_assert_int_eq(crash_clear(path, &err), 0);
    }
    PTOK(pthread_barrier_destroy(&together));
}
END_TEST

/* How many threads of a process wait in a write. */
static int writing(pid_t pid)
{
    char folder_name[64], file[400], line[64];
    struct dirent *entry;
    int n = 0;
    DIR *tasks;

    (void)snprintf(folder_name, sizeof folder_name, "/proc/%d/task", (int)pid);
    tasks = opendir(folder_name);
    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        FILE *f;

        (void)snprintf(file, sizeof file, "%s/%s/syscall", folder_name, entry->d_name);
        f = fopen(file, "re");
        if (f != NULL && fgets(line, sizeof line, f) != NULL) {
            n += line[0] >= '0' && line[0] <= '9' && atol(line) == SYS_write;
        }
        if (f != NULL) {
            (void)fclose(f); /* only read */
        }
    }
    ck_assert_int_eq(closedir(tasks), 0);
    return n;
}

/* A second crash does not end the process while the first one's mark is still on its way. Here the
 * file is a pipe that is full, so that both must wait. */
START_TEST(the_second_lets_the_first_finish)
{
    pthread_barrier_t together;
    struct plan plans[2] = {{.commit = by_segv, .job = 1, .together = &together},
                            {.commit = by_segv, .job = 2, .together = &together}};
    char bytes[65536], *mark;
    ssize_t n;
    pid_t pid;
    int fd, i;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    memset(bytes, 'x', sizeof bytes);
    while ((n = write(fd, bytes, sizeof bytes)) > 0) {
    }
    PTOK(pthread_barrier_init(&together, NULL, 2));
    pid = child_of(plans, 2);
    for (i = 0; writing(pid) < 2; i++) {
        ck_assert_int_lt(i, 10000);
        ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
        (void)usleep(1000);
    }
    do { /* make room, and read on to the mark */
        n = read(fd, bytes, sizeof bytes - 1);
        ck_assert(n > 0 || errno == EAGAIN);
        bytes[n > 0 ? n : 0] = '\0';
        mark = strstr(bytes, OWNER);
    } while (mark == NULL);
    ck_assert(mark[strlen(OWNER) + 1] == '1' || mark[strlen(OWNER) + 1] == '2');
    dies_by(pid, SIGSEGV);
    ck_assert_int_eq(close(fd), 0);
    PTOK(pthread_barrier_destroy(&together));
}
END_TEST

/* Why threads get a stack for the handler: without it there is no room to leave a mark. */
START_TEST(an_overflow_needs_the_other_stack)
{
    struct plan plan = {.commit = by_overflow, .job = 4, .no_stack = true};

    dies_by(child_of(&plan, 1), SIGSEGV);
    ck_assert_int_eq(size_of(), 0);
}
END_TEST

/* Marks of several boots stand one below the other. */
START_TEST(marks_add_up)
{
    struct plan plan = {.commit = by_segv, .job = 1};
    struct crash_mark *found;
    size_t n;

    dies_by(child_of(&plan, 1), SIGSEGV);
    plan.job = 2;
    dies_by(child_of(&plan, 1), SIGSEGV);
    n = marks(&found);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(found[0].job_id, 1);
    ck_assert_int_eq(found[1].job_id, 2);
    free(found);
}
END_TEST

#else

static void nothing(int sig)
{
    (void)sig;
}

START_TEST(sanitizers_keep_their_handlers)
{
    struct sigaction mine = {.sa_handler = nothing}, old, now;
    struct err err = ERR_INIT;
    void *stack = crash_stack_new();

    ck_assert_ptr_null(stack);
    crash_stack_free(&stack);
    ck_assert_int_eq(sigaction(SIGUSR1, &mine, NULL), 0);
    ck_assert_int_eq(sigaction(SIGSEGV, NULL, &old), 0);
    ck_assert_int_eq(crash_install(path, OWNER, &err), 0);
    ck_assert_int_eq(sigaction(SIGSEGV, NULL, &now), 0);
    ck_assert(old.sa_sigaction == now.sa_sigaction);
}
END_TEST

#endif

START_TEST(the_job_of_a_thread)
{
    ck_assert_int_eq(crash_job(), 0);
    crash_job_set(6);
    ck_assert_int_eq(crash_job(), 6);
    crash_job_set(0);
    ck_assert_int_eq(crash_job(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_set_timeout(all, 60);
#ifndef MLPD_SANITIZERS
    tcase_add_loop_test(all, a_fault_marks_its_job, 0, ARRAY_LEN(faults));
    tcase_add_loop_test(all, a_fault_without_a_job_leaves_none, 0, ARRAY_LEN(faults));
    tcase_add_test(all, job_numbers);
    tcase_add_test(all, the_job_beside_it_is_innocent);
    tcase_add_test(all, a_kill_from_outside_leaves_none);
    tcase_add_test(all, two_at_once);
    tcase_add_test(all, the_second_lets_the_first_finish);
    tcase_add_test(all, an_overflow_needs_the_other_stack);
    tcase_add_test(all, marks_add_up);
#else
    tcase_add_test(all, sanitizers_keep_their_handlers);
#endif
    tcase_add_test(all, the_job_of_a_thread);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What every end-to-end test stands on: a real mlpd on a free port with a state folder of
 * its own, and the life of a test program around it.
 *
 * A program has one folder under TMPDIR; states, logs and scratch files live in it and go
 * with it at the end, whatever happened. Daemons die with the process that started them.
 * When a test fails, the daemons' logs are printed; a sanitizer report in any log fails the
 * program even if every test passed.
 *
 * Single-threaded. Works with and without check's forking: a daemon started by an unchecked
 * fixture serves the forked tests, one started by a test ends with it.
 */
#ifndef MLPD_TESTS_API_HARNESS_H
#define MLPD_TESTS_API_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT(array)           (sizeof(array) / sizeof((array)[0]))

/* Sanitized builds are up to 20 times slower: patience grows, promises do not change. So it is under
 * valgrind (TEST_PATIENCE, scripts/test). */
#if defined(TEST_PATIENCE)
#define PATIENCE TEST_PATIENCE
#elif defined(MLPD_SANITIZERS)
#define PATIENCE 8
#else
#define PATIENCE 1
#endif

struct daemon {
    pid_t pid;     /* 0 = not running */
    char url[160]; /* "http://127.0.0.1:41234", or "https://..." or "unix:/path" */
    char host[48]; /* "127.0.0.1"; empty on a unix socket */
    char port[8];
    char version[16]; /* as the ready line says */
    char *state;      /* its folder; owned by the harness */
    char *log;        /* its stderr; owned by the harness */
};

/* The daemon that requests go to: the one started last, or set by hand. */
extern struct daemon *target;

/* Start on 127.0.0.1:0 and wait for the ready line. state NULL: a fresh folder. `arguments`
 * (NULL-terminated, may be NULL) come after ours. */
void daemon_start(struct daemon *d, const char *state, const char *const *arguments);
/* The same, but it may end instead: false, and *status is waitpid's. */
bool daemon_try_start(struct daemon *d, const char *state, const char *const *arguments,
                      int *status);
/* Wait, at most so long, for an end that comes by itself; the status as of waitpid, or -1 when it
 * did not come (it is killed then). */
int daemon_wait(struct daemon *d, double seconds);
/* SIGTERM, and it must exit with 0 (leaks and reports of sanitizers make that fail). */
void daemon_stop(struct daemon *d);
/* The same with another signal. */
void daemon_stop_by(struct daemon *d, int signal_number);
/* The same at the end of a case, outside of any test, where check cannot take an assertion: says
 * what is wrong and fails the program. */
void daemon_retire(struct daemon *d);
/* kill -9. */
void daemon_kill(struct daemon *d);
/* Whether it still runs; fails the test if it died. */
void daemon_must_live(const struct daemon *d);
/* Run mlpd with these arguments to its end (at most 30 s). Returns the exit status;
 * *out and *err_out (either may be NULL) get what it printed. */
int daemon_run(const char *const *arguments, const char **out, const char **err_out);
/* The same, but it may end by a signal: the status as of waitpid. */
int daemon_run_wait(const char *const *arguments, const char **out, const char **err_out);
/* Its memory in bytes, from /proc: now, and the most so far. */
size_t daemon_memory(const struct daemon *d);
size_t daemon_memory_peak(const struct daemon *d);

/* ---- a test's own things: freed when the test ends ---- */
void *keep(void *allocated);
/* printf into a kept string. */
char *text(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same, with every ' made a ": JSON that can be read in C. */
char *q(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The whole file, NUL-terminated; fails the test when it cannot be read. */
char *file_read(const char *path, size_t *len);
/* A path under the source tree. */
char *source_path(const char *relative);
/* A path that is free in the program's folder. */
char *scratch_path(const char *name);
/* How many entries a folder has; 0 when it is not there. */
size_t folder_entries(const char *path);
/* Waits until it has so many: what a job leaves is taken away just after its end is told. */
void wait_for_entries(const char *path, size_t n);

double now_seconds(void);
/* 4 ms, between two looks at a condition that has a deadline. */
void pause_briefly(void);

/* For tcase_add_checked_fixture: frees what the test kept. */
void test_end(void);
/* A test case whose tests talk to one daemon: setup starts it, teardown stops it. */
TCase *case_with(const char *name, void (*start)(void), void (*stop)(void));

/* main of every program: runs the suite, reports, cleans up. */
int harness_main(Suite *suite);

#endif

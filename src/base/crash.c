/* Whose fault a fatal signal was; see crash.h.
 *
 * The handler runs on the thread that faulted, on the alternate stack that thread was given, and
 * does nothing that is not async-signal-safe: the line is put together by hand and goes out with
 * one write. All other signals are blocked meanwhile, so that a fault of the handler itself ends
 * the process at once. The action becomes the default one only after the line is out: two threads
 * may crash at the same moment, and the second must not end the process before the first has left
 * its mark. A signal that somebody outside has sent says nothing about the job and leaves none.
 *
 * Invariant: the file only grows by whole lines while a daemon runs (O_APPEND, one write each). It
 * is emptied, never removed, because a handler may hold it open.
 */
#include "config.h"

#include "base/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define STACK_BYTES (64u << 10) /* the wide registers alone may take 11 KiB of it */
#define OWNER_MAX   32
#define FILE_MAX    (1u << 20) /* of a file that nobody of us has written */

static _Thread_local volatile int64_t job;

static volatile sig_atomic_t mark_fd = -1; /* set once, by crash_install, like the next two */
static char mark_owner[OWNER_MAX + 1];
static size_t mark_owner_len;

void crash_job_set(int64_t job_id)
{
    job = job_id;
}

int64_t crash_job(void)
{
    return job;
}

/* ---- the handler ------------------------------------------------------------------ */

#ifndef MLPD_SANITIZERS

static void leave_mark(int64_t id)
{
    char line[OWNER_MAX + 24], digits[20];
    size_t len = mark_owner_len, n = 0;
    uint64_t rest = (uint64_t)id;
    ssize_t out;

    memcpy(line, mark_owner, len);
    line[len++] = ' ';
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    while (n > 0) {
        line[len++] = digits[--n];
    }
    line[len++] = '\n';
    do {
        out = write(mark_fd, line, len);
    } while (out < 0 && errno == EINTR);
    (void)fsync(mark_fd); /* there is nobody to tell */
}

static void on_fatal(int sig, siginfo_t *info, void *context)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    int64_t id = job;

    (void)context;
    /* si_code is positive for a fault of this thread; abort() and raise() name this process */
    if (id > 0 && (info->si_code > 0 || info->si_pid == getpid())) {
        leave_mark(id);
    }
    (void)sigaction(sig, &usual, NULL);
    (void)raise(sig); /* blocked here: it comes when the handler returns */
}

static size_t stack_bytes(void)
{
    long wanted = sysconf(_SC_SIGSTKSZ); /* grows with the registers this processor has */

    return wanted > (long)STACK_BYTES ? (size_t)wanted : STACK_BYTES;
}

void *crash_stack_new(void)
{
    size_t bytes = stack_bytes();
    void *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t use = {.ss_sp = stack, .ss_size = bytes};

    CHK(stack != MAP_FAILED && sigaltstack(&use, NULL) == 0);
    return stack;
}

void crash_stack_free(void **stack)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (*stack == NULL) {
        return;
    }
    CHK(sigaltstack(&none, NULL) == 0 && munmap(*stack, stack_bytes()) == 0);
    *stack = NULL;
}

static void install_handlers(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    size_t i;

    CHK(sigfillset(&action.sa_mask) == 0);
    for (i = 0; i < ARRAY_LEN(fatal); i++) {
        CHK(sigaction(fatal[i], &action, NULL) == 0);
    }
}

#else /* sanitizers have handlers and alternate stacks of their own, and report what happened */

void *crash_stack_new(void)
{
    return NULL;
}

void crash_stack_free(void **stack)
{
    *stack = NULL;
}

static void install_handlers(void)
{
}

#endif

int crash_install(const char *path, const char *owner, struct err *err)
{
    size_t len = strlen(owner);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    CHK(len > 0 && len <= OWNER_MAX);
    if (fd < 0) {
        return err_set(err, ERR_IO, "cannot open the file for marks of crashes: %s",
                       strerror(errno));
    }
    if (mark_fd >= 0) {
        (void)close(mark_fd); /* nothing was written that is not synced */
    }
    memcpy(mark_owner, owner, len + 1);
    mark_owner_len = len;
    mark_fd = fd;
    install_handlers();
    return 0;
}

/* ---- what earlier boots left -------------------------------------------------------- */

/* "<owner> <job>", without the newline. */
static bool parse_line(const char *line, size_t len, struct crash_mark *out)
{
    const char *space = memchr(line, ' ', len);
    size_t owner = space != NULL ? (size_t)(space - line) : 0, i;
    int64_t id = 0;

    if (owner == 0 || owner > OWNER_MAX || owner + 1 == len) {
        return false;
    }
    for (i = 0; i < owner; i++) {
        if (line[i] <= ' ' || line[i] > '~') {
            return false;
        }
    }
    for (i = owner + 1; i < len; i++) {
        if (line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(id, 10, &id) ||
            __builtin_add_overflow(id, line[i] - '0', &id)) {
            return false;
        }
    }
    if (id == 0) {
        return false;
    }
    *out = (struct crash_mark){.job_id = id};
    memcpy(out->owner, line, owner);
    return true;
}

static int read_all(const char *path, struct buf *text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
    char piece[4096];
    ssize_t n = 1;

    if (fd < 0) {
        return errno == ENOENT
                   ? 0
                   : err_set(err, ERR_IO, "cannot read the marks of crashes: %s", strerror(errno));
    }
    while (rc == 0 && n != 0 && text->len < FILE_MAX) {
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno != EINTR) {
            rc = err_set(err, ERR_IO, "cannot read the marks of crashes: %s", strerror(errno));
        } else if (n > 0 && buf_append(text, piece, (size_t)n) != 0) {
            rc = err_set(err, ERR_NO_MEMORY, "no memory for the marks of crashes");
        }
    }
    (void)close(fd); /* only read */
    return rc;
}

int crash_read(const char *path, struct crash_mark **out, size_t *n, struct err *err)
{
    struct buf text = BUF_INIT;
    struct crash_mark *marks = NULL, mark;
    size_t count = 0, start = 0, end;
    const char *newline;

    if (read_all(path, &text, err) != 0) {
        buf_fini(&text);
        return -1;
    }
    /* a line without its newline is one that was not finished */
    while (start < text.len &&
           (newline = memchr(text.data + start, '\n', text.len - start)) != NULL) {
        end = (size_t)(newline - text.data);
        if (parse_line(text.data + start, end - start, &mark)) {
            marks = xrealloc(marks, (count + 1) * sizeof *marks);
            marks[count++] = mark;
        }
        start = end + 1;
    }
    buf_fini(&text);
    *out = marks;
    *n = count;
    return 0;
}

int crash_clear(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;

    if (fd < 0 && errno == ENOENT) {
        return 0;
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || fsync(fd) != 0) {
        rc =
            err_set(err, ERR_IO, "cannot empty the file for marks of crashes: %s", strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd); /* synced, or told */
    }
    return rc;
}

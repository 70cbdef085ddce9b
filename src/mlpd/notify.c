/* Messages to the service manager; see notify.h.
 *
 * A path is a socket in the file system, a leading @ stands for the NUL of an abstract one. The
 * socket is opened once, non-inheritable, and each message is one datagram with the address, so
 * that a manager that was restarted meanwhile is found again. What must hold: neither a missing nor
 * a full manager's socket holds main up for longer than SEND_SECONDS.
 */
#include "mlpd/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define SEND_SECONDS 2

static int fd = -1; /* these four: set once, before threads */
static struct sockaddr_un address;
static socklen_t address_len;
static double watchdog;

static bool set_address(const char *name)
{
    size_t len = strlen(name);

    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, name, len);
    address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (name[0] == '@') {
        address.sun_path[0] = '\0'; /* abstract: the name has no end but its length */
    }
    return true;
}

/* Microseconds as systemd writes them; 0 when it is none, or another process's. */
static double read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    unsigned long long n;
    char *end;

    if (usec == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return 0;
    }
    errno = 0;
    n = strtoull(usec, &end, 10);
    if (usec[0] < '0' || usec[0] > '9' || *end != '\0' || errno != 0) {
        log_warn("WATCHDOG_USEC is no number: no watchdog");
        return 0;
    }
    return (double)n / 1e6 / 2;
}

void notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct timeval most = {.tv_sec = SEND_SECONDS};

    if (name != NULL && name[0] != '\0') {
        if (!set_address(name)) {
            log_warn("NOTIFY_SOCKET is neither a path nor an abstract name: nobody is told");
        } else {
            fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) != 0) {
                log_warn("no socket to tell the service manager by: %s", strerror(errno));
                notify_close();
            }
        }
    }
    watchdog = notify_is_on() ? read_watchdog() : 0;
    CHK(unsetenv("NOTIFY_SOCKET") == 0 && unsetenv("WATCHDOG_USEC") == 0 &&
        unsetenv("WATCHDOG_PID") == 0);
}

void notify_close(void)
{
    if (fd >= 0) {
        (void)close(fd); /* every message was sent, or was not */
    }
    fd = -1;
}

bool notify_is_on(void)
{
    return fd >= 0;
}

double notify_watchdog(void)
{
    return watchdog;
}

void notify_send(const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int len;

    if (fd < 0) {
        return;
    }
    va_start(ap, fmt);
    len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    CHK(len > 0 && (size_t)len < sizeof text);
    if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&address,
               address_len) != len) {
        log_debug("the service manager was not told: %s", strerror(errno));
    }
}

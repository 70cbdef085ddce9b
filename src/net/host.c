/* Which hosts somebody allows; see host.h.
 *
 * The name compared must look like one: whatever else a URL can make of its host (digits in percent
 * signs, zones, other alphabets) matches nothing, so that what libcurl makes of it is no question.
 *
 * Pure, any thread.
 */
#include "net/host.h"

#include <string.h>
#include <strings.h>

#define HOST_MOST 253

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

/* A name, or an address in digits, of n bytes. */
static bool is_host(const char *host, size_t n)
{
    size_t i;

    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        return strspn(host + 1, "0123456789abcdefABCDEF:.") == n - 2;
    }
    for (i = 0; i < n; i++) {
        if (strchr(name_letters, host[i]) == NULL ||
            (host[i] == '.' && (i == 0 || host[i - 1] == '.'))) {
            return false;
        }
    }
    return n >= 1 && n <= HOST_MOST && host[n - 1] != '.';
}

bool host_is_pattern(const char *pattern)
{
    const char *host = strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;

    return is_host(host, strlen(host)) && (host == pattern || host[0] != '[');
}

bool host_matches(const char *pattern, const char *host)
{
    size_t n = strlen(host), tail;

    n -= n > 1 && host[n - 1] == '.';
    if (!is_host(host, n)) {
        return false;
    }
    if (strncmp(pattern, "*.", 2) != 0) {
        return strlen(pattern) == n && strncasecmp(pattern, host, n) == 0;
    }
    tail = strlen(pattern + 1); /* with its dot */
    return n > tail && strncasecmp(pattern + 1, host + n - tail, tail) == 0;
}

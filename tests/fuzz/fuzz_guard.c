/* The headers that guard requests: lines of
 *   Host | Origin | Sec-Fetch-Site | an added host name | Accept | If-None-Match
 * each absent when it is "-". Whatever they say, a name that is not ours is no Host, a site that is
 * not ours does not post, and what goes through is what was meant by the rule, said another way.
 */
#include "fuzz.h"

#include <strings.h>

#include "http/guard.h"
#include "http/media.h"

enum { HOST, ORIGIN, SITE, NAME, ACCEPT, NONE_MATCH, LINES };

/* Where the name of an authority ends: before its port. */
static size_t name_length(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;

    return end != NULL ? (size_t)(end - host) + 1 : strcspn(host, ":");
}

/* The shapes of what may be ours, without the added one. */
static bool may_be_ours(const char *host)
{
    size_t len = name_length(host);

    return (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
           strncmp(host, "127.", 4) == 0 || strncasecmp(host, "[::1]", 5) == 0 || host[0] == '[' ||
           (len == 10 && strncmp(host, "192.0.2.10", len) == 0);
}

static bool same_name(const char *added, const char *host)
{
    size_t len = name_length(added);

    return len == name_length(host) && strncasecmp(added, host, len) == 0;
}

static void look_at_host(const char *host, const char *added)
{
    const char *const names[] = {added, NULL};
    struct guard guard = {.bound = "192.0.2.10", .port = 6573};
    bool ours, more;

    ours = guard_host(&guard, host);
    FUZZ_TRUE(!ours || (host != NULL && may_be_ours(host)));
    FUZZ_TRUE(!ours || strtol(host + name_length(host) + 1, NULL, 10) == 6573);
    guard.names = names;
    more = guard_host(&guard, host);
    FUZZ_TRUE(more || !ours); /* a name more never shuts another out */
    FUZZ_TRUE(!more || ours || (added != NULL && same_name(added, host)));
    guard.tls = true;
    FUZZ_TRUE(guard_host(&guard, host) == more); /* of a port that is said, or of no use */
    guard = (struct guard){.local = true, .names = names};
    ours = guard_host(&guard, host);
    FUZZ_TRUE(host == NULL || host[0] == '\0'
                  ? ours
                  : !ours || may_be_ours(host) || (added != NULL && same_name(added, host)));
}

static void look_at_site(const char *site, const char *origin, const char *host)
{
    bool passes = guard_site(site, origin, host);
    size_t len;

    if (site != NULL) {
        FUZZ_TRUE(passes == (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0));
    } else if (origin == NULL) {
        FUZZ_TRUE(passes);
    } else if (passes) { /* it ends in "://" and our Host, and has nothing else of a URL in it */
        FUZZ_TRUE(host != NULL && strlen(origin) >= strlen(host) + 3);
        len = strlen(origin) - strlen(host);
        FUZZ_TRUE(strcasecmp(origin + len, host) == 0 && strncmp(origin + len - 3, "://", 3) == 0);
    }
}

static void look_at_media(const char *accept, const char *none_match)
{
    char etag[MEDIA_ETAG_LEN];

    (void)media_is(accept, "application/json");
    (void)media_prefers_csv(accept);
    (void)media_takes_gzip(accept);
    media_etag("x", 1, etag);
    FUZZ_TRUE(strlen(etag) == MEDIA_ETAG_LEN - 1);
    FUZZ_TRUE(media_etag_matches(etag, etag));
    FUZZ_TRUE(!media_etag_matches(none_match, etag) || strchr(none_match, '*') != NULL ||
              strstr(none_match, etag) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[LINES], *text[LINES];
    size_t i;

    fuzz_start();
    for (i = 0; i < LINES; i++) {
        lines[i] = fuzz_line(&data, &size);
        text[i] = strcmp(lines[i], "-") == 0 ? NULL : lines[i];
    }
    look_at_host(text[HOST], text[NAME]);
    look_at_site(text[SITE], text[ORIGIN], text[HOST]);
    look_at_media(text[ACCEPT], text[NONE_MATCH]);
    FUZZ_TRUE(!guard_method_is_safe(lines[SITE]) || strlen(lines[SITE]) <= 7);
    (void)guard_is_loopback(lines[HOST]);
    for (i = 0; i < LINES; i++) {
        free(lines[i]);
    }
    return 0;
}

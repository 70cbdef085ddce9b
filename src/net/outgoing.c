/* Outgoing connections; see outgoing.h for what they promise.
 *
 * Any thread. The rules (struct outgoing) are only read; everything else of a call lives on its
 * stack and in handles of its own, so nothing is shared, cached or kept alive between calls. What
 * must hold: a socket exists only after outgoing_may_connect said yes to its very address
 * (open_socket is the only place that makes one); a redirect is followed here and not by libcurl,
 * so that each step passes all the rules of a first URL, with a new handle and without the caller's
 * headers; bytes are counted as they come.
 */
#include "config.h"

#include "net/outgoing.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/outgoing_priv.h"

#define CONNECT_SECONDS  5.0
#define SECONDS          20.0
#define SLOW_SECONDS     30.0
#define SLOW_BYTES       100L        /* a second */
#define MOST_SECONDS     86400.0     /* of one call */
#define MOST_HEADERS     (64u << 10) /* bytes of an answer's headers, redirects included */
#define RETRY_AFTER_MOST 31536000.0  /* a year: nobody means more */

/* One call, over all its redirects. */
struct call {
    const struct outgoing *rules;
    const struct outgoing_request *request;
    struct err *err;
    struct buf body;
    size_t body_bytes, header_bytes;
    double until;       /* clock_monotonic */
    unsigned redirects; /* left */
    /* of this step */
    CURL *easy;
    bool https;
    bool location;           /* its header was seen */
    bool headed;             /* request->head was told */
    unsigned asked, refused; /* addresses */
    bool long_headers, long_body, no_memory, stopped, unwanted;
};

/* Before the first call, and not before: a daemon that sends nothing need not pay for it. */
static void prepare(void)
{
    CHK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

const char *outgoing_library(void)
{
    return curl_version();
}

int outgoing_new(const struct outgoing_options *options, struct outgoing **out, struct err *err)
{
    struct outgoing *o = xcalloc(1, sizeof *o);
    size_t i;

    o->magic = OUTGOING_MAGIC;
    o->allow_http = options->allow_http;
    if (options->n_allow_private > 0) {
        o->allowed = xcalloc(options->n_allow_private, sizeof *o->allowed);
    }
    for (i = 0; i < options->n_allow_private; i++) {
        if (!address_network_parse(options->allow_private[i], &o->allowed[i])) {
            (void)err_set(err, ERR_INVALID,
                          "\"%.60s\" is not a network like 10.0.0.0/8 or fd00::/8 (bits behind the "
                          "mask must be 0)",
                          options->allow_private[i]);
            outgoing_free(&o);
            return -1;
        }
        o->n_allowed++;
    }
    if (options->ca_file != NULL) {
        o->ca_file = xstrdup(options->ca_file);
        if (access(o->ca_file, R_OK) != 0) {
            (void)err_set(err, ERR_INVALID, "the file of certificates cannot be read: %s",
                          strerror(errno));
            outgoing_free(&o);
            return -1;
        }
    }
    *out = o;
    return 0;
}

void outgoing_free(struct outgoing **out)
{
    struct outgoing *o = *out;

    *out = NULL;
    if (o == NULL) {
        return;
    }
    CHK_OBJ(o, OUTGOING_MAGIC);
    o->magic = 0;
    free(o->allowed);
    free(o->ca_file);
    free(o);
}

int outgoing_check_host(const struct outgoing *o, const char *url, const char *const *hosts,
                        struct err *err)
{
    struct outgoing_url parsed;
    int rc = 0;

    CHK_OBJ(o, OUTGOING_MAGIC);
    if (outgoing_url_parse(o, url, &parsed, err) != 0) {
        return -1;
    }
    if (hosts != NULL && !outgoing_host_allowed(&parsed, hosts)) {
        rc = err_set(err, ERR_INVALID, "the URL is refused: its host is not one that is allowed");
    }
    outgoing_url_fini(&parsed);
    return rc;
}

int outgoing_check_url(const struct outgoing *o, const char *url, struct err *err)
{
    return outgoing_check_host(o, url, NULL, err);
}

/* The one place where a socket is made, once for each address that libcurl would try. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct call *call = arg;

    call->asked++;
    if (purpose != CURLSOCKTYPE_IPCXN ||
        !outgoing_may_connect(call->rules, &address->addr, call->https)) {
        call->refused++;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct call *call = arg;

    (void)down_total, (void)down, (void)up_total, (void)up; /* only a moment to look up */
    if ((call->request->stop != NULL && atomic_load(call->request->stop)) ||
        (call->request->ends != NULL && call->request->ends(call->request->arg))) {
        call->stopped = true;
        return 1;
    }
    return 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    static const char location[] = "location:";
    struct call *call = arg;

    n *= size;
    call->header_bytes += n;
    if (call->header_bytes > MOST_HEADERS) {
        call->long_headers = true;
        return 0;
    }
    if (n >= sizeof location && strncasecmp(bytes, location, sizeof location - 1) == 0) {
        call->location = true;
    }
    return n;
}

static long status_of(const struct call *call)
{
    long status = 0;

    CHK(curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
    return status;
}

/* Whether this answer only says where to go. */
static bool is_step(const struct call *call)
{
    long status = status_of(call);

    return call->location && call->redirects > 0 &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

/* Tell the caller what its 2xx answer is, once. False: it does not want it. */
static bool tell_head(struct call *call)
{
    const struct outgoing_request *request = call->request;
    struct outgoing_head head;

    if (call->headed || request->head == NULL || status_of(call) / 100 != 2) {
        return true;
    }
    call->headed = true;
    outgoing_head_read(call->easy, status_of(call), &head);
    call->unwanted = !request->head(request->arg, &head);
    return !call->unwanted;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct call *call = arg;
    const struct outgoing_request *request = call->request;

    n *= size;
    if (n > request->most_bytes - call->body_bytes) {
        call->long_body = true;
        return n + 1; /* any other number than n ends the transfer */
    }
    call->body_bytes += n;
    if (is_step(call)) {
        return n;
    }
    if (!tell_head(call)) {
        return n + 1;
    }
    if (request->take == NULL) {
        call->no_memory = buf_append(&call->body, bytes, n) != 0;
        return call->no_memory ? n + 1 : n;
    }
    if (status_of(call) / 100 == 2 && !request->take(request->arg, bytes, n)) {
        call->unwanted = true;
        return n + 1;
    }
    return n;
}

/* Every option is one that this libcurl must know: a failure is a bug of ours, or no memory. */
#define SET(easy, option, value)                                                                   \
    do {                                                                                           \
        CURLcode set = curl_easy_setopt(easy, option, value);                                      \
        if (set == CURLE_OUT_OF_MEMORY) {                                                          \
            return -1;                                                                             \
        }                                                                                          \
        CHK(set == CURLE_OK);                                                                      \
    } while (0)

/* What no request can change. -1: no memory. */
static int set_rules(struct call *call, const struct outgoing_url *url)
{
    CURL *easy = call->easy;
    const char *protocols = url->https ? "https" : "http";

    SET(easy, CURLOPT_CURLU, url->parsed);
    SET(easy, CURLOPT_PROTOCOLS_STR, protocols);
    SET(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(easy, CURLOPT_OPENSOCKETDATA, call);
    SET(easy, CURLOPT_PROXY, "");
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_COOKIEFILE, NULL);
    SET(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (call->rules->ca_file != NULL) {
        SET(easy, CURLOPT_CAINFO, call->rules->ca_file);
        SET(easy, CURLOPT_CAPATH, NULL);
    }
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_ACCEPT_ENCODING, NULL); /* no bombs */
    SET(easy, CURLOPT_USERAGENT, "mlpd/" PACKAGE_VERSION);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_FRESH_CONNECT, 1L);
    SET(easy, CURLOPT_FORBID_REUSE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name server that is silent does not hold up the deadline or a stop: the thread that asks
     * it is left to itself, and ends when libc gives up. */
    SET(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    SET(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(easy, CURLOPT_XFERINFODATA, call);
    SET(easy, CURLOPT_NOPROGRESS, 0L);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, call);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, call);
    return 0;
}

static double or_else(double value, double otherwise)
{
    return value > 0 ? fmin(value, MOST_SECONDS) : otherwise;
}

/* A limit in the unit that libcurl wants; 0 would be no limit. */
static long whole(double value)
{
    return value < 1 ? 1 : (long)ceil(value);
}

static int set_request(struct call *call, struct curl_slist *headers)
{
    const struct outgoing_request *request = call->request;
    CURL *easy = call->easy;
    double left = call->until - clock_monotonic();

    SET(easy, CURLOPT_CONNECTTIMEOUT_MS,
        whole(1e3 * or_else(request->connect_seconds, CONNECT_SECONDS)));
    SET(easy, CURLOPT_TIMEOUT_MS, whole(1e3 * left));
    SET(easy, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    SET(easy, CURLOPT_LOW_SPEED_TIME, whole(or_else(request->slow_seconds, SLOW_SECONDS)));
    SET(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->most_bytes);
    SET(easy, CURLOPT_HTTPHEADER, headers);
    if (strcmp(request->method, "POST") == 0) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
        SET(easy, CURLOPT_POSTFIELDS, request->len > 0 ? request->body : "");
    } else {
        SET(easy, CURLOPT_HTTPGET, 1L);
    }
    return 0;
}

/* A header is one line, and has a name and a value. */
static bool is_header(const char *text)
{
    size_t name = strcspn(text, ": "), i;

    for (i = 0; text[i] != '\0'; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            return false;
        }
    }
    return name > 0 && text[name] == ':' && text[name + 1] == ' ' && text[name + 2] != '\0';
}

static bool add_header(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);

    if (longer != NULL) {
        *list = longer;
    }
    return longer != NULL;
}

/* Which part of the body is wanted: that is no secret, and asked wherever a redirect leads. */
static int add_range(const struct outgoing_request *request, struct curl_slist **out)
{
    char text[sizeof "If-Range: " + sizeof((struct outgoing_head *)0)->validator];
    bool ok;

    if (request->first == 0) {
        return 0;
    }
    (void)snprintf(text, sizeof text, "Range: bytes=%llu-", (unsigned long long)request->first);
    ok = add_header(out, text);
    if (ok && request->validator != NULL) {
        CHK(strlen(request->validator) < sizeof((struct outgoing_head *)0)->validator);
        (void)snprintf(text, sizeof text, "If-Range: %s", request->validator);
        ok = is_header(text) && add_header(out, text);
    }
    return ok ? 0 : -1;
}

/* The caller's, on the first step only: where a redirect leads, no secret of theirs follows. */
static int make_headers(const struct call *call, bool first, struct curl_slist **out)
{
    const char *const *header = first ? call->request->headers : NULL;
    bool ok = add_header(out, "Expect:"); /* no waiting for a 100 */

    for (; ok && header != NULL && *header != NULL; header++) {
        if (!is_header(*header)) {
            return err_set(call->err, ERR_INVALID, "a header to send is not \"Name: value\"");
        }
        ok = add_header(out, *header);
    }
    ok = ok && add_range(call->request, out) == 0;
    return ok ? 0 : err_set(call->err, ERR_NO_MEMORY, "no memory for a request");
}

/* What the caller learns of a failure. */
static int tell(struct call *call, CURLcode rc)
{
    struct err *err = call->err;

    log_debug("outgoing: %s", curl_easy_strerror(rc)); /* a class too: no address, no URL */
    if (call->unwanted) {
        return err_is(err) ? -1 : err_set(err, ERR_IO, "the answer was not wanted");
    }
    if (call->stopped) {
        return err_set(err, ERR_BUSY, "the call was ended by a stop");
    }
    if (call->long_headers) {
        return err_set(err, ERR_TOO_LARGE, "the answer's headers are longer than %u bytes",
                       MOST_HEADERS);
    }
    if (call->long_body || rc == CURLE_FILESIZE_EXCEEDED) {
        return err_set(err, ERR_TOO_LARGE, "the answer is longer than %zu bytes",
                       call->request->most_bytes);
    }
    if (call->no_memory || rc == CURLE_OUT_OF_MEMORY) {
        return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
    }
    if (rc == CURLE_OPERATION_TIMEDOUT) {
        return err_set(err, ERR_BUSY, "there was no whole answer in time");
    }
    if (call->refused > 0 && call->refused == call->asked) {
        return err_set(err, ERR_INVALID,
                       "the address is refused: it is not a public one on a usual port, and in no "
                       "network that was allowed with --allow-private");
    }
    return err_set(err, ERR_IO, "could not connect, or the connection broke");
}

/* Of the Retry-After header: seconds, or a date. NaN: none that can be understood. */
static double retry_after(CURL *easy)
{
    struct curl_header *header;
    const char *value;
    double seconds;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return NAN;
    }
    value = header->value;
    if (value[0] != '\0' && strspn(value, "0123456789") == strlen(value)) {
        seconds = strtod(value, NULL);
    } else {
        time_t at = curl_getdate(value, NULL);

        if (at == (time_t)-1) {
            return NAN;
        }
        seconds = (double)at - 1e-3 * (double)clock_now_ms();
    }
    return fmin(fmax(seconds, 0), RETRY_AFTER_MOST);
}

/* One request to one place. 0: answered. */
static int step(struct call *call, const struct outgoing_url *url, bool first)
{
    struct curl_slist *headers = NULL;
    CURLcode rc;
    int status = -1;

    call->https = url->https;
    call->location = call->headed = false;
    call->asked = call->refused = 0;
    call->easy = curl_easy_init();
    if (make_headers(call, first, &headers) != 0) {
        goto out;
    }
    if (call->easy == NULL || set_rules(call, url) != 0 || set_request(call, headers) != 0) {
        (void)err_set(call->err, ERR_NO_MEMORY, "no memory for a request");
        goto out;
    }
    rc = curl_easy_perform(call->easy);
    status = rc == CURLE_OK && (is_step(call) || tell_head(call)) ? 0 : tell(call, rc);
out:
    curl_slist_free_all(headers);
    return status;
}

/* To where the answer points; the URL takes the place of the one before. */
static int next(struct call *call, struct outgoing_url *url)
{
    struct outgoing_url to;
    char *text = NULL;

    CHK(curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK);
    if (text == NULL || outgoing_url_parse(call->rules, text, &to, call->err) != 0) {
        return err_set(call->err, ERR_INVALID, "the answer redirects to a place that is refused");
    }
    if (url->https && !to.https) {
        outgoing_url_fini(&to);
        return err_set(call->err, ERR_INVALID, "the answer redirects from https to plain http");
    }
    if (call->request->hosts != NULL && !outgoing_host_allowed(&to, call->request->hosts)) {
        outgoing_url_fini(&to);
        return err_set(call->err, ERR_INVALID,
                       "the answer redirects to a host that is not allowed");
    }
    curl_easy_cleanup(call->easy); /* before the URL it was given */
    call->easy = NULL;
    outgoing_url_fini(url);
    *url = to;
    call->redirects--;
    return 0;
}

static int run(struct call *call, struct outgoing_url *url)
{
    bool first = true;

    for (;;) {
        if (!(call->until > clock_monotonic())) {
            return err_set(call->err, ERR_BUSY, "there was no whole answer in time");
        }
        if (step(call, url, first) != 0) {
            return -1;
        }
        if (!is_step(call)) {
            return 0;
        }
        if (next(call, url) != 0) {
            return -1;
        }
        first = false;
    }
}

int outgoing_send(const struct outgoing *o, const struct outgoing_request *request,
                  struct outgoing_reply *out, struct err *err)
{
    bool post = strcmp(request->method, "POST") == 0;
    struct call call = {.rules = o,
                        .request = request,
                        .err = err,
                        .body = BUF_INIT,
                        .until = clock_monotonic() + or_else(request->seconds, SECONDS),
                        .redirects = post ? 0 : request->redirects};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct outgoing_url url;
    int rc;

    CHK_OBJ(o, OUTGOING_MAGIC);
    PTOK(pthread_once(&once, prepare));
    CHK(post || (strcmp(request->method, "GET") == 0 && request->len == 0));
    if (outgoing_url_parse(o, request->url, &url, err) != 0) {
        return -1;
    }
    if (request->hosts != NULL && !outgoing_host_allowed(&url, request->hosts)) {
        outgoing_url_fini(&url);
        return err_set(err, ERR_INVALID, "the URL is refused: its host is not one that is allowed");
    }
    rc = run(&call, &url);
    if (rc == 0) {
        *out = (struct outgoing_reply){
            .status = status_of(&call), .body = call.body, .retry_after = retry_after(call.easy)};
    } else {
        buf_fini(&call.body);
    }
    curl_easy_cleanup(call.easy);
    outgoing_url_fini(&url);
    return rc;
}

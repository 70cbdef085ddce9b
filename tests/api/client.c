/* The client half of the end-to-end tests: requests, answers, JSON by pointer, jobs.
 *
 * One libcurl handle a request: no connection is shared between forked tests, and every
 * request also proves that the daemon still accepts. Proxies of the environment are off.
 */
#include "config.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

#define REQUEST_SECONDS (60L * PATIENCE)

struct bytes {
    char *data;
    size_t len, room;
};

static void bytes_add(struct bytes *b, const void *data, size_t n)
{
    if (b->room - b->len < n + 1) {
        b->room = 2 * b->room + n + 4096;
        b->data = realloc(b->data, b->room);
        ck_assert_ptr_nonnull(b->data);
    }
    if (n > 0) {
        memcpy(b->data + b->len, data, n);
    }
    b->len += n;
    b->data[b->len] = '\0';
}

static size_t on_bytes(char *data, size_t size, size_t n, void *arg)
{
    bytes_add(arg, data, size * n);
    return size * n;
}

/* Parsed JSON is freed with the reply: both hang on a kept block, JSON in a list of its own. */
static json_t **parsed;
static size_t n_parsed;

static json_t *keep_json(json_t *json)
{
    if (json != NULL) {
        parsed = realloc(parsed, (n_parsed + 1) * sizeof(json_t *));
        ck_assert_ptr_nonnull(parsed);
        parsed[n_parsed++] = json;
    }
    return json;
}

__attribute__((destructor)) void forget_json(void)
{
    while (n_parsed > 0) {
        json_decref(parsed[--n_parsed]);
    }
    free(parsed);
    parsed = NULL;
}

static struct reply *reply_new(long status, struct bytes *headers, struct bytes *body,
                               double seconds)
{
    struct reply *r = keep(calloc(1, sizeof(*r)));

    bytes_add(headers, "", 0);
    bytes_add(body, "", 0);
    r->status = status;
    r->headers = keep(headers->data);
    r->body = keep(body->data);
    r->len = body->len;
    r->seconds = seconds;
    r->json = keep_json(json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL));
    return r;
}

/* libcurl asks for more of a chunked body. */
struct upload {
    const struct request *request;
    size_t sent, len;
};

static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
    struct upload *u = arg;
    size_t room = size * n, left = u->len - u->sent;

    if (u->request->make != NULL) {
        return u->request->make(u->request->arg, out, room);
    }
    if (left > room) {
        left = room;
    }
    memcpy(out, u->request->body + u->sent, left);
    u->sent += left;
    return left;
}

static void add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    ck_assert_ptr_nonnull(longer);
    *list = longer;
}

/* NULL without an answer, and then `message` (of CURL_ERROR_SIZE) says why. */
static struct reply *exchange(const struct request *request, char *message)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    struct bytes head = {NULL, 0, 0}, body = {NULL, 0, 0};
    struct upload upload = {request, 0, request->len};
    const char *method = request->method != NULL ? request->method : "GET";
    double begin = now_seconds();
    long status = 0;
    CURLcode code;

    message[0] = '\0';
    ck_assert_ptr_nonnull(curl);
    ck_assert_msg(target != NULL, "no daemon runs");
    if (request->body != NULL && upload.len == 0) {
        upload.len = strlen(request->body);
    }
    curl_easy_setopt(curl, CURLOPT_URL, text("%s%s", target->url, request->path));
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, REQUEST_SECONDS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    add_header(&headers, "Expect:");
    if (request->chunked || request->make != NULL) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
        add_header(&headers, "Transfer-Encoding: chunked");
    } else if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)upload.len);
    }
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
    if (request->body != NULL || request->make != NULL) {
        add_header(&headers, text("Content-Type: %s",
                                  request->type != NULL ? request->type : "application/json"));
    }
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        add_header(&headers, request->headers[i]);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK) {
        free(head.data);
        free(body.data);
        if (message[0] == '\0') {
            snprintf(message, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
        }
        return NULL;
    }
    return reply_new(status, &head, &body, now_seconds() - begin);
}

struct reply *http_try(const struct request *request)
{
    char message[CURL_ERROR_SIZE];

    return exchange(request, message);
}

struct reply *http_send(const struct request *request)
{
    char message[CURL_ERROR_SIZE];
    struct reply *r = exchange(request, message);

    ck_assert_msg(r != NULL, "%s %s: %s", request->method != NULL ? request->method : "GET",
                  request->path, message);
    return r;
}

/* The path of a variadic helper. */
#define PATH_OF(fmt, out)                                                                          \
    do {                                                                                           \
        va_list ap_;                                                                               \
        char *path_;                                                                               \
        va_start(ap_, fmt);                                                                        \
        ck_assert_int_ge(vasprintf(&path_, fmt, ap_), 0);                                          \
        va_end(ap_);                                                                               \
        out = keep(path_);                                                                         \
    } while (0)

struct reply *http_get(const char *path_fmt, ...)
{
    const char *path;

    PATH_OF(path_fmt, path);
    return http_send(&(struct request){.path = path});
}

struct reply *http_delete(const char *path_fmt, ...)
{
    const char *path;

    PATH_OF(path_fmt, path);
    return http_send(&(struct request){.method = "DELETE", .path = path});
}

struct reply *http_post(const char *json, const char *path_fmt, ...)
{
    const char *path;

    PATH_OF(path_fmt, path);
    return http_send(&(struct request){.method = "POST", .path = path, .body = json});
}

struct reply *http_poke(const char *path_fmt, ...)
{
    const char *path;

    PATH_OF(path_fmt, path);
    return http_send(&(struct request){.method = "POST", .path = path});
}

struct reply *http_csv(const char *csv, const char *path_fmt, ...)
{
    const char *path;

    PATH_OF(path_fmt, path);
    return http_send(
        &(struct request){.method = "POST", .path = path, .type = "text/csv", .body = csv});
}

const char *reply_header(const struct reply *r, const char *name)
{
    size_t n = strlen(name);

    for (const char *line = strchr(r->headers, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            const char *from = line + n + 1 + strspn(line + n + 1, " \t");

            return keep(strndup(from, strcspn(from, "\r\n")));
        }
    }
    return NULL;
}

struct reply *want_at(struct reply *r, long status, const char *file, int line)
{
    ck_assert_msg(r->status == status, "%s:%d: wanted %ld, got %ld: %.2000s", file, line, status,
                  r->status, r->body);
    return r;
}

struct reply *want_problem_at(struct reply *r, long status, const char *pointer,
                              const char *fragment, const char *file, int line)
{
    const char *type = reply_header(r, "Content-Type");
    const char *detail, *title;
    json_t *errors, *e;
    bool met = pointer == NULL;
    size_t i;

    want_at(r, status, file, line);
    ck_assert_msg(type != NULL && strncmp(type, "application/problem+json", 24) == 0,
                  "%s:%d: the type is %s: %.500s", file, line, type, r->body);
    ck_assert_msg(r->json != NULL, "%s:%d: not JSON: %.500s", file, line, r->body);
    ck_assert_msg(json_integer_value(json_object_get(r->json, "status")) == status,
                  "%s:%d: the status inside differs: %.500s", file, line, r->body);
    detail = json_string_value(json_object_get(r->json, "detail"));
    title = json_string_value(json_object_get(r->json, "title"));
    ck_assert_msg(detail != NULL && title != NULL && detail[0] != '\0' &&
                      json_is_string(json_object_get(r->json, "type")),
                  "%s:%d: no type, title and detail: %.500s", file, line, r->body);
    errors = json_object_get(r->json, "errors");
    if (pointer == NULL && fragment != NULL) {
        met = strstr(detail, fragment) != NULL;
    }
    json_array_foreach(errors, i, e)
    {
        const char *p = json_string_value(json_object_get(e, "pointer"));
        const char *d = json_string_value(json_object_get(e, "detail"));

        ck_assert_msg(d != NULL, "%s:%d: an error without detail: %.500s", file, line, r->body);
        if (pointer == NULL || (p != NULL && strcmp(p, pointer) == 0)) {
            met = met || fragment == NULL || strstr(d, fragment) != NULL;
        }
    }
    ck_assert_msg(met, "%s:%d: no error at %s that says \"%s\": %.2000s", file, line,
                  pointer != NULL ? pointer : "(anywhere)", fragment != NULL ? fragment : "",
                  r->body);
    return r;
}

/* ---- raw connections --------------------------------------------------------------- */

int raw_open(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_msg(target != NULL, "no daemon runs");
    ck_assert_int_ge(fd, 0);
    to.sin_port = htons((uint16_t)strtoul(target->port, NULL, 10));
    ck_assert_int_eq(inet_pton(AF_INET, target->host, &to.sin_addr), 1);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

void raw_write(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return; /* the peer has closed: what it said can still be read */
        }
        bytes += n;
        len -= (size_t)n;
    }
}

/* The answer's end: headers, then Content-Length bytes if given. */
static bool is_whole(const struct bytes *all, size_t *head_len)
{
    char *end = all->data == NULL ? NULL : strstr(all->data, "\r\n\r\n");
    const char *length_line;

    if (end == NULL) {
        return false;
    }
    *head_len = (size_t)(end - all->data) + 4;
    length_line = strcasestr(all->data, "\r\nContent-Length:");
    if (length_line == NULL || length_line > end) {
        return false; /* until the peer closes */
    }
    return all->len - *head_len >= strtoul(length_line + 17, NULL, 10);
}

struct reply *raw_read(int fd, double seconds)
{
    double begin = now_seconds();
    struct bytes all = {NULL, 0, 0}, head = {NULL, 0, 0}, body = {NULL, 0, 0};
    size_t head_len = 0;
    long status = 0;

    while (!is_whole(&all, &head_len)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char piece[4096];
        ssize_t n;

        if (now_seconds() - begin > seconds) {
            free(all.data);
            ck_abort_msg("no whole answer in %g s", seconds);
        }
        if (poll(&p, 1, 50) <= 0) {
            continue;
        }
        n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0) {
            break;
        }
        bytes_add(&all, piece, (size_t)n);
    }
    if (head_len == 0 || sscanf(all.data, "HTTP/1.1 %ld", &status) != 1) {
        free(all.data);
        return NULL;
    }
    bytes_add(&head, all.data, head_len);
    bytes_add(&body, all.data + head_len, all.len - head_len);
    free(all.data);
    return reply_new(status, &head, &body, now_seconds() - begin);
}

struct reply *raw_exchange(const char *bytes, size_t len)
{
    int fd = raw_open();
    struct reply *r;

    raw_write(fd, bytes, len);
    r = raw_read(fd, 30 * PATIENCE);
    close(fd);
    return r;
}

/* ---- JSON --------------------------------------------------------------------------- */

json_t *json_find(json_t *root, const char *pointer)
{
    while (root != NULL && *pointer == '/') {
        size_t n = strcspn(pointer + 1, "/"), out = 0;
        char key[256];

        ck_assert_uint_lt(n, sizeof(key));
        for (size_t i = 0; i < n; i++) {
            char c = pointer[1 + i];

            if (c == '~' && i + 1 < n) {
                c = pointer[1 + ++i] == '1' ? '/' : '~';
            }
            key[out++] = c;
        }
        key[out] = '\0';
        root = json_is_array(root) ? json_array_get(root, strtoul(key, NULL, 10))
                                   : json_object_get(root, key);
        pointer += 1 + n;
    }
    return root;
}

json_t *at(const struct reply *r, const char *pointer)
{
    json_t *value;

    ck_assert_msg(r->json != NULL, "not JSON: %.500s", r->body);
    value = json_find(r->json, pointer);
    ck_assert_msg(value != NULL, "no %s in %.2000s", pointer, r->body);
    return value;
}

#define TYPED(test, word)                                                                          \
    json_t *value = at(r, pointer);                                                                \
    ck_assert_msg(test(value), "%s is no " word " in %.2000s", pointer, r->body)

double num(const struct reply *r, const char *pointer)
{
    TYPED(json_is_number, "number");
    return json_number_value(value);
}

int64_t integer(const struct reply *r, const char *pointer)
{
    TYPED(json_is_integer, "integer");
    return json_integer_value(value);
}

const char *str(const struct reply *r, const char *pointer)
{
    TYPED(json_is_string, "string");
    return json_string_value(value);
}

bool truth(const struct reply *r, const char *pointer)
{
    TYPED(json_is_boolean, "boolean");
    return json_is_true(value);
}

bool is_null(const struct reply *r, const char *pointer)
{
    return json_is_null(at(r, pointer));
}

size_t length(const struct reply *r, const char *pointer)
{
    json_t *value = at(r, pointer);

    ck_assert_msg(json_is_array(value) || json_is_object(value), "%s has no length in %.2000s",
                  pointer, r->body);
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

bool has(const struct reply *r, const char *pointer)
{
    return r->json != NULL && json_find(r->json, pointer) != NULL;
}

void want_same_at(const char *a, const char *b, const char *file, int line)
{
    size_t i = 0, from;

    while (a[i] != '\0' && a[i] == b[i]) {
        i++;
    }
    from = i > 40 ? i - 40 : 0;
    ck_assert_msg(a[i] == b[i], "%s:%d: differ at byte %zu: \"%.120s\" and \"%.120s\"", file, line,
                  i, a + from, b + from);
}

char *canonical(const json_t *value)
{
    return keep(json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY |
                                      JSON_REAL_PRECISION(17)));
}

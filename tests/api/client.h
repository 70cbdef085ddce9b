/* Asking the daemon: HTTP by libcurl, raw bytes by a socket, and looking into the answers.
 *
 * Every function talks to `target` (harness.h) and fails the test when there is no answer.
 * What they return belongs to the test and is freed when it ends.
 */
#ifndef MLPD_TESTS_API_CLIENT_H
#define MLPD_TESTS_API_CLIENT_H

#include <jansson.h>

#include "harness.h"

struct reply {
    long status;
    char *headers; /* as they came, status line first */
    char *body;    /* NUL-terminated */
    size_t len;
    json_t *json;   /* the parsed body, or NULL when it is not JSON */
    double seconds; /* from request to the last byte */
};

struct request {
    const char *method;         /* NULL: GET */
    const char *path;           /* with its query */
    const char *type;           /* Content-Type; NULL: application/json with a body */
    const char *const *headers; /* further "Name: value", NULL-terminated, or NULL */
    const char *body;           /* NULL: none */
    size_t len;                 /* 0: strlen(body) */
    bool chunked;               /* send the body chunked */
    /* Or a body made piece by piece, always chunked: fills at most `room` bytes, 0 = end. */
    size_t (*make)(void *arg, char *out, size_t room);
    void *arg;
};

struct reply *http_send(const struct request *request);
/* The same, but NULL when there is no whole answer: for daemons that are killed meanwhile. */
struct reply *http_try(const struct request *request);
struct reply *http_get(const char *path_fmt, ...) PRINTF_LIKE(1, 2);
struct reply *http_delete(const char *path_fmt, ...) PRINTF_LIKE(1, 2);
/* POST a JSON text. */
struct reply *http_post(const char *json, const char *path_fmt, ...) PRINTF_LIKE(2, 3);
/* POST without body or length. */
struct reply *http_poke(const char *path_fmt, ...) PRINTF_LIKE(1, 2);
/* POST a CSV. */
struct reply *http_csv(const char *csv, const char *path_fmt, ...) PRINTF_LIKE(2, 3);

/* A header's value, or NULL. */
const char *reply_header(const struct reply *r, const char *name);

/* The answer must have this status. */
#define want(reply, wanted) want_at(reply, wanted, __FILE__, __LINE__)
struct reply *want_at(struct reply *r, long status, const char *file, int line);
/* The answer must be a problem+json with this status in which some error has this pointer
 * (NULL: any) and the detail of it, or the answer's own, holds `fragment`. */
#define want_problem(reply, status, pointer, fragment)                                             \
    want_problem_at(reply, status, pointer, fragment, __FILE__, __LINE__)
struct reply *want_problem_at(struct reply *r, long status, const char *pointer,
                              const char *fragment, const char *file, int line);

/* Parsed answers stay to the end of the program, unless a long test forgets them (with test_end,
 * which frees the rest of each). */
void forget_json(void);

/* ---- raw connections ---- */
int raw_open(void);
/* All bytes go out, or the peer has closed. */
void raw_write(int fd, const char *bytes, size_t len);
/* One answer, at most `seconds`; NULL when the peer closes without one. Leaves fd open. */
struct reply *raw_read(int fd, double seconds);
/* Connect, send, half-close if asked, read, close. */
struct reply *raw_exchange(const char *bytes, size_t len);

/* ---- JSON by pointer: "/latest/metrics/accuracy"; each fails the test when it is absent
 * or of another type ---- */
json_t *json_find(json_t *root, const char *pointer); /* NULL when absent */
json_t *at(const struct reply *r, const char *pointer);
double num(const struct reply *r, const char *pointer);
int64_t integer(const struct reply *r, const char *pointer);
const char *str(const struct reply *r, const char *pointer);
bool truth(const struct reply *r, const char *pointer);
bool is_null(const struct reply *r, const char *pointer);
size_t length(const struct reply *r, const char *pointer); /* of an array or object */
bool has(const struct reply *r, const char *pointer);
/* Two texts of any length must be equal; tells where they part. */
#define want_same(a, b) want_same_at(a, b, __FILE__, __LINE__)
void want_same_at(const char *a, const char *b, const char *file, int line);
/* Compact text with sorted keys, to compare values. */
char *canonical(const json_t *value);

#endif

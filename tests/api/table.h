/* Bad input as a table: one case a line, each must get its problem+json, and the daemon and
 * everything in it must be as before.
 *
 * With BAD_INPUT_TABLE=FILE in the environment each case also appends a row of a Markdown
 * table to that file: case, request in short, status, what the daemon said.
 */
#ifndef MLPD_TESTS_API_TABLE_H
#define MLPD_TESTS_API_TABLE_H

#include "work.h"

struct bad_case {
    const char *name; /* what is wrong, in words */
    const char *method, *path;
    const char *body; /* with ' for " when type is NULL (JSON); NULL: none */
    long status;
    const char *pointer;  /* of one of the errors; NULL: any or none */
    const char *fragment; /* of that error's detail */
    const char *type;     /* NULL: application/json */
    size_t len;           /* of a body with NUL bytes */
    bool chunked;
    char *(*make)(void); /* the body, made; `shown` then says what it is */
    const char *shown;   /* request in short; NULL: method, path and body cut */
    int64_t row, line;   /* of a CSV error; 0 = not asked */
    const char *column;
};

#define BAD(what, how, where, sent, answer, place, says, ...)                                      \
    {                                                                                              \
        .name = what, .method = how, .path = where, .body = sent, .status = answer,                \
        .pointer = place, .fragment = says, __VA_ARGS__                                            \
    }

/* Send it, check the answer, check that nothing has changed: healthz, jobs, files. */
void bad_case_run(const struct bad_case *c);
/* For cases with a request of their own: add the row, check that nothing has changed. */
void bad_record(const char *name, const char *shown, const struct reply *r);
/* What "nothing has changed" is compared with: now. Call in setup and after own changes. */
void bad_baseline(void);
/* Jobs, datasets' files and health are as at the baseline. */
void bad_check_unchanged(const char *name);

#endif

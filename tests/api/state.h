/* A state folder from outside: the commands beside the daemon, and its database past the daemon.
 */
#ifndef MLPD_TESTS_API_STATE_H
#define MLPD_TESTS_API_STATE_H

#include "work.h"

/* Runs `mlpd WORDS... --state STATE`, which must end with this status; what it printed, the
 * test's. */
#define COMMAND(status, state, ...)                                                                \
    state_command(status, state, (const char *const[]){__VA_ARGS__, NULL})
const char *state_command(int status, const char *state, const char *const *words);

/* The text must have this part. */
#define says(text, part) state_says_at(text, part, __FILE__, __LINE__)
void state_says_at(const char *text, const char *part, const char *file, int line);

/* A statement on a database that no daemon has open; an integer comes back. */
int64_t state_sql(const char *state, const char *statement);

#endif

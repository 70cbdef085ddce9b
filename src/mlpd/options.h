/* What mlpd is told to do: flags, else MLPD_* in the environment, else defaults. */
#ifndef MLPD_MLPD_OPTIONS_H
#define MLPD_MLPD_OPTIONS_H

#include "base/err.h"
#include "base/log.h"

struct options {
    bool help, version; /* print it and exit 0; nothing else is set */
    char *host;         /* address literal, without brackets; owned */
    uint16_t port;
    char *state; /* folder; owned */
    size_t workers;
    enum log_level log_level;
    size_t memory_limit; /* bytes of all jobs together */
    size_t max_body;
    uint64_t max_dataset;
    int64_t max_queued;
};

/* All problems are one sentence naming the flag or the variable (ERR_INVALID). */
int options_parse(int argc, char *const *argv, struct options *out, struct err *err) MUST_CHECK;
void options_fini(struct options *options);
void options_help(void); /* to stdout */

/* "64M", "2G", "1048576"; units of 1024. */
bool options_size(const char *text, uint64_t *out);

#endif

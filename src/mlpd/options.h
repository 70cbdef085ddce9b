/* What mlpd is told to do: flags, else MLPD_* in the environment, else a file (--config), else what
 * is built in (options.def). */
#ifndef MLPD_MLPD_OPTIONS_H
#define MLPD_MLPD_OPTIONS_H

#include "base/err.h"
#include "base/log.h"

struct options_said;

struct options {
    bool help, version; /* print it and exit 0; nothing else is set */
    bool check_config;  /* set when the parse failed, too */
    bool print_config;
    bool log_prefix;
    struct options_said *said; /* each value and its source, as they came; owned */
    char *host;         /* address literal, without brackets; owned; NULL: listen_path */
    uint16_t port;
    char *listen_path;        /* of a unix socket; owned; NULL: host */
    char *tls_cert, *tls_key; /* files; owned; both NULL: plain HTTP */
    char **host_names;        /* "NAME[:PORT]", NULL-terminated; owned; NULL: none */
    char **allow_private;     /* networks, NULL-terminated; owned; NULL: none */
    char **fetch_allow;       /* hosts, NULL-terminated; owned; NULL: none */
    double fetch_seconds;
    bool behind_proxy;
    bool require_token;
    size_t max_connections;
    size_t max_per_client; /* SIZE_MAX: not said */
    double rate, burst;    /* requests a second of one client address, and at once; 0: any */
    double slow_seconds;   /* how long a slow client is borne */
    char *state;  /* folder; owned */
    char *ui_dir; /* folder; owned; NULL: the page that is built in */
    size_t workers;
    enum log_level log_level;
    size_t memory_limit; /* bytes of all jobs together */
    size_t max_body;
    uint64_t max_dataset;
    int64_t max_queued;
    uint64_t disk_reserve;
    double checkpoint_seconds, stall_seconds, stop_seconds;
    int64_t keep_jobs, keep_days; /* -1: not said */
};

/* A wrong line is one sentence (ERR_INVALID). Wrong values are all told: each is an item that names
 * the flag, the variable, or the file and its line. */
int options_parse(int argc, char *const *argv, struct options *out, struct err *err) MUST_CHECK;

/* What a command takes besides --help. */
struct options_command {
    const char *const *flags; /* of options.def, NULL-terminated */
    const char *switch_flag;  /* one without a value, or NULL */
    const char *word;         /* what its one word is ("DIR"), or NULL: it takes none */
};
struct options_line {
    struct options options;
    const char *word; /* borrowed from argv; NULL: none */
    bool switched;
};
/* argv[0] is the command's name. The environment counts as for the daemon. */
int options_parse_command(int argc, char *const *argv, const struct options_command *command,
                          struct options_line *out, struct err *err) MUST_CHECK;
void options_fini(struct options *options);
/* What went wrong, to stderr: a line each. */
void options_complain(const struct err *err);
void options_help(void); /* to stdout */
/* The values that count, with their sources, to stdout: lines that --config takes. */
void options_print(const struct options *options);
/* The keys whose values differ, "workers, keep-jobs", without log-level; owned, NULL: none. */
char *options_difference(const struct options *before, const struct options *now);

/* "64M", "2G", "1048576"; units of 1024. */
bool options_size(const char *text, uint64_t *out);

#endif

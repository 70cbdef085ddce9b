/* What the files of options share; see options.h. */
#ifndef MLPD_MLPD_OPTIONS_PRIV_H
#define MLPD_MLPD_OPTIONS_PRIV_H

#include "mlpd/options.h"

enum { /* places in options_known and in every struct given[OPTIONS] */
#define OPTION(field, flag, variable, argument, otherwise, help) OPT_##field,
#include "mlpd/options.def"
#undef OPTION
       OPTIONS
};

struct option_known {
    const char *flag, *variable, *argument, *otherwise, *help;
};
extern const struct option_known options_known[OPTIONS];

/* Switches take no value on the command line. */
bool options_is_switch(size_t k);
/* Options whose argument ends in "..." may come several times; their values add up. */
bool options_is_repeatable(size_t k);

enum given_from { GIVEN_NOWHERE, GIVEN_FILE, GIVEN_ENVIRONMENT, GIVEN_FLAG };

/* A value and where it came from, for messages. */
struct given {
    const char *value; /* NULL: nowhere said, and there is no default */
    const char *source;
    char *joined; /* of an option given several times; owned, value points to it */
    enum given_from from;
};

/* "SOURCE must be WANT, not "VALUE"". */
int options_refuse(struct err *err, const struct given *g, const char *want);
int options_read_count(const struct given *g, uint64_t min, uint64_t max, uint64_t *out,
                       struct err *err) MUST_CHECK;
/* yes, true, on, 1 or their opposites; what is not given is false. */
int options_read_switch(const struct given *g, bool *out, struct err *err) MUST_CHECK;
/* A list parted by commas or spaces: *out is NULL-terminated, owned, and NULL when empty. */
int options_read_list(const struct given *g, size_t most, char ***out, struct err *err) MUST_CHECK;
void options_free_list(char ***list);

/* ---- options_values.c ---- */
/* What they mean. Every problem becomes an item of err; *out is then only good for options_fini. */
void options_interpret(const struct given given[OPTIONS], struct options *out, struct err *err);

/* ---- options_print.c ---- */
/* Keep what was said, for options_print and options_difference. */
void options_note(struct options *options, const struct given given[OPTIONS]);
void options_forget(struct options *options);

/* ---- options_listen.c ---- */
/* "127.0.0.1:6573", "[::1]:6573" or "unix:/path". */
int options_read_listen(const struct given *g, struct options *out, struct err *err) MUST_CHECK;
/* Both files or none. */
int options_read_tls(const struct given *cert, const struct given *key, struct options *out,
                     struct err *err) MUST_CHECK;
int options_read_networks(const struct given *g, struct options *out, struct err *err) MUST_CHECK;
int options_read_names(const struct given *g, struct options *out, struct err *err) MUST_CHECK;
/* "20" or "20:100" or "0.5:1". */
int options_read_hosts(const struct given *g, struct options *out, struct err *err);
int options_read_rate(const struct given *g, struct options *out, struct err *err) MUST_CHECK;

#endif

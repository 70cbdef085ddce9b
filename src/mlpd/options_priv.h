/* What the files of options share; see options.h. */
#ifndef MLPD_MLPD_OPTIONS_PRIV_H
#define MLPD_MLPD_OPTIONS_PRIV_H

#include "mlpd/options.h"

/* A value and where it came from, for messages. */
struct given {
    const char *value; /* NULL: nowhere said, and there is no default */
    const char *source;
    char *joined; /* of an option given several times; owned, value points to it */
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

/* ---- options_listen.c ---- */
/* "127.0.0.1:6573", "[::1]:6573" or "unix:/path". */
int options_read_listen(const struct given *g, struct options *out, struct err *err) MUST_CHECK;
/* Both files or none. */
int options_read_tls(const struct given *cert, const struct given *key, struct options *out,
                     struct err *err) MUST_CHECK;
int options_read_names(const struct given *g, struct options *out, struct err *err) MUST_CHECK;
/* "20" or "20:100" or "0.5:1". */
int options_read_rate(const struct given *g, struct options *out, struct err *err) MUST_CHECK;

#endif

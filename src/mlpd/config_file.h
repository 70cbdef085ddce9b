/* The configuration file: lines of "key = value".
 *
 *     # a comment; one after a value needs a blank before its #
 *     listen = 127.0.0.1:6573
 *     host-name = mlpd.example.org
 *     host-name = mlpd.example.net    # keys that may be repeated add up
 *     behind-proxy = true
 *
 * Keys are the long options without their dashes. Values go to the end of the line, without
 * quotes. Nothing is included, expanded or run. What a value means is options.h's to judge.
 */
#ifndef MLPD_MLPD_CONFIG_FILE_H
#define MLPD_MLPD_CONFIG_FILE_H

#include "base/err.h"

#define CONFIG_FILE_MOST (1u << 20) /* bytes */

struct config_key {
    const char *name;
    bool repeatable;
};

struct config_entry {
    size_t key;   /* its place among the keys */
    char *value;  /* owned */
    char *source; /* "/etc/mlpd/mlpd.conf:12: workers", for messages; owned */
    size_t line;
};
struct config_file {
    struct config_entry *entries; /* in the file's order */
    size_t n;
};
#define CONFIG_FILE_INIT                                                                           \
    {                                                                                              \
        .entries = NULL                                                                            \
    }

/* Every problem is an item of err: "FILE:LINE: what is wrong". What could be read is in *out then
 * too, so that its values can be judged beside; config_file_fini in either case. */
int config_file_read(const char *path, const struct config_key *keys, size_t n_keys,
                     struct config_file *out, struct err *err) MUST_CHECK;
void config_file_fini(struct config_file *file);

#endif

/* The token file, DIR/tokens: its lines, and how they are read and replaced. Both the daemon
 * (tokens.c) and `mlpd token` go through here.
 *
 * No locks and no state: `mlpd token` and its like keep out of each other's way by a lock on the
 * folder (flock), which reading does not need, for the file is replaced whole.
 */
#ifndef MLPD_HTTP_TOKEN_FILE_H
#define MLPD_HTTP_TOKEN_FILE_H

#include <sys/stat.h>

#include "base/hash.h"
#include "http/tokens.h"

#define TOKEN_PREFIX     "mlpd_"
#define TOKEN_PREFIX_LEN 5
#define TOKEN_SECRET_LEN 64 /* 32 bytes in hex */
#define TOKENS_MOST      1000

struct token_entry {
    struct token token;
    char sha256[HASH_HEX_LEN]; /* of the secret's 64 digits */
};

struct token_table {
    struct token_entry *entries; /* owned */
    size_t n;
};
void token_table_fini(struct token_table *table);
/* NULL: no such id. */
const struct token_entry *token_table_find(const struct token_table *table, const char *id);

/* What tells one state of the file from another; a change of its mode counts. */
struct token_stamp {
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed;
};
struct token_stamp token_file_stamp(const char *path);
bool token_stamp_equal(const struct token_stamp *a, const struct token_stamp *b);

/* A file that is not there is an empty table. One that is another user's, or that others may
 * read, is ERR_CONFLICT. A line that is no token is logged by its number and left out. *stamp is
 * set in any case. */
int token_file_read(const char *path, struct token_table *table, struct token_stamp *stamp,
                    struct err *err) MUST_CHECK;

#endif

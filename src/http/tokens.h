/* Tokens: who may do what, when a name and a password would be too much.
 *
 * DIR/tokens (0600) has one line a token: "<id> <scope> <sha256 of the secret, hex> <created, RFC
 * 3339> <note>". A token as its holder sees it is "mlpd_<id>_<secret>": the id (12 hex digits)
 * finds the line, the secret is 32 random bytes in hex and is nowhere but with its holder; hashes
 * are compared in constant time. `mlpd token` writes the file (a new file, renamed over it); the
 * daemon reads it at start, on SIGHUP, and when it has changed, which it looks for once a second,
 * and at once for a token that it does not know: a revoked token ends within a second, a new one is
 * good from its first use.
 *
 * Reading side: thread-safe. A file that cannot be read, that is another user's, or that others may
 * use, grants nothing; at the start it is an error.
 */
#ifndef MLPD_HTTP_TOKENS_H
#define MLPD_HTTP_TOKENS_H

#include "base/err.h"
#include "http/route.h"

#define TOKEN_ID_LEN   13  /* with the NUL */
#define TOKEN_TEXT_LEN 96

struct tokens;

/* No file is no tokens, which is no error. */
int tokens_new(const char *path, struct tokens **out, struct err *err) MUST_CHECK;
void tokens_free(struct tokens **tokens);
int tokens_reload(struct tokens *tokens, struct err *err) MUST_CHECK;
/* How many there are now. */
size_t tokens_count(struct tokens *tokens);

/* The value of an Authorization header -> the scope it grants and the token's id. False: no such
 * token, or not "Bearer <token>". A scope includes those before it: read < predict < train <
 * admin. */
bool tokens_check(struct tokens *tokens, const char *authorization, enum route_scope *scope,
                  char id[TOKEN_ID_LEN]);

/* ---- for `mlpd token`; each works on the file alone ---- */
struct token {
    char id[TOKEN_ID_LEN];
    enum route_scope scope;
    char created[32], note[65];
};
/* The new token's text goes to out[TOKEN_TEXT_LEN], for its one showing. */
int tokens_create(const char *path, enum route_scope scope, const char *note, char *out,
                  struct err *err) MUST_CHECK;
int tokens_list(const char *path, struct token **out, size_t *n, struct err *err) MUST_CHECK;
int tokens_revoke(const char *path, const char *id, struct err *err) MUST_CHECK;

#endif

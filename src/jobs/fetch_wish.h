/* What a client wants fetched into a dataset: the body of POST /datasets as JSON, and the config
 * of a job of kind fetch, which is the same.
 */
#ifndef MLPD_JOBS_FETCH_WISH_H
#define MLPD_JOBS_FETCH_WISH_H

#include "base/hash.h"
#include "data/reader.h"

struct fetch_wish {
    char *url;
    char *name;                /* of the dataset; NULL: none */
    char sha256[HASH_HEX_LEN]; /* of the file as it comes; "": any */
    bool replace;
    struct reader_options options; /* its arrays are `arrays` */
    char *arrays;
};
/* clang-format off */
#define FETCH_WISH_INIT { .options = READER_OPTIONS_INIT }
/* clang-format on */

/* ERR_SYNTAX: no JSON; ERR_INVALID with an item for every problem, at its key. The URL's host is
 * not looked at. *out wants its fini after a 0. */
int fetch_wish_parse(const char *text, size_t len, struct fetch_wish *out,
                     struct err *err) MUST_CHECK;
void fetch_wish_fini(struct fetch_wish *wish);

/* Into out if it is 64 hexadecimal digits of any case; else false. */
bool fetch_wish_sha256(const char *text, char out[HASH_HEX_LEN]);

#endif

/* What headers say about representations: media types, Accept, ETag. Pure functions; a NULL
 * header is an absent one.
 */
#ifndef MLPD_HTTP_MEDIA_H
#define MLPD_HTTP_MEDIA_H

#include "data/reader.h"

/* Whether a Content-Type is `type`, whatever its parameters and case. */
bool media_is(const char *content_type, const char *type);
/* Whether a Content-Type is one of a table, and of which format: READER_LOOK for those that only
 * say "bytes". */
bool media_format(const char *content_type, enum reader_format *out);
/* Whether Accept prefers text/csv to application/json (a tie goes to JSON). */
bool media_prefers_csv(const char *accept);
/* Whether Accept-Encoding takes gzip (not with q=0). */
bool media_takes_gzip(const char *accept_encoding);

#define MEDIA_ETAG_LEN 35 /* 32 digits in quotes, and the NUL */
/* The strong ETag of these bytes. */
void media_etag(const void *bytes, size_t len, char *out);
/* Whether If-None-Match names that ETag (weak comparison; "*" names all). */
bool media_etag_matches(const char *if_none_match, const char *etag);

#endif

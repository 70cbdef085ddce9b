/* Media types, Accept and ETag; see media.h.
 *
 * Header values come from strangers: they are only compared, never copied, and an item that
 * does not parse counts as not there.
 */
#include "http/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"

bool media_is(const char *content_type, const char *type)
{
    size_t len = strlen(type);

    if (content_type == NULL) {
        return false;
    }
    content_type += strspn(content_type, " \t");
    if (strncasecmp(content_type, type, len) != 0) {
        return false;
    }
    content_type += len;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}

bool media_format(const char *content_type, enum reader_format *out)
{
    static const struct {
        const char *type;
        enum reader_format format;
    } types[] = {
        {"text/csv", READER_CSV},
        {"application/csv", READER_CSV},
        {"text/tab-separated-values", READER_TSV},
        {"application/x-ndjson", READER_NDJSON},
        {"application/ndjson", READER_NDJSON},
        {"application/jsonl", READER_NDJSON},
        {"application/x-jsonlines", READER_NDJSON},
        {"application/x-npy", READER_NPY},
        {"application/x-npz", READER_NPZ},
        {"application/zip", READER_NPZ},
        {"application/x-idx", READER_IDX},
        {"text/x-libsvm", READER_LIBSVM},
        {"application/x-libsvm", READER_LIBSVM},
        {"text/x-arff", READER_ARFF},
        {"application/x-arff", READER_ARFF},
        {"text/plain", READER_LOOK},
        {"application/octet-stream", READER_LOOK},
        {"application/gzip", READER_LOOK},
        {"application/x-gzip", READER_LOOK},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(types); i++) {
        if (media_is(content_type, types[i].type)) {
            *out = types[i].format;
            return true;
        }
    }
    return false;
}

/* The quality of the item that names `want` (or, by wildcard, `any` or all) in a list like
 * "text/csv;q=0.5, *"; -1 when none does. The most exact name counts. */
static double quality(const char *list, const char *want, const char *any, const char *all)
{
    const char *const names[] = {all, any, want};
    double q[3] = {-1, -1, -1};
    size_t i;

    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ","), name_len;
        const char *item = list + strspn(list, " \t"), *param;

        name_len = strcspn(item, " \t;,");
        for (i = 0; i < ARRAY_LEN(names); i++) {
            if (names[i] != NULL && strlen(names[i]) == name_len &&
                strncasecmp(item, names[i], name_len) == 0) {
                q[i] = 1;
                for (param = item + name_len; param < list + len; param++) {
                    if (strncasecmp(param, "q=", 2) == 0) {
                        q[i] = strtod(param + 2, NULL);
                        break;
                    }
                }
            }
        }
        list += len;
        list += *list == ',';
    }
    for (i = ARRAY_LEN(names); i-- > 0;) {
        if (q[i] >= 0) {
            return q[i];
        }
    }
    return -1;
}

bool media_prefers_csv(const char *accept)
{
    double csv = quality(accept, "text/csv", "text/*", "*/*");

    return csv > 0 && csv > quality(accept, "application/json", "application/*", "*/*");
}

bool media_takes_gzip(const char *accept_encoding)
{
    return quality(accept_encoding, "gzip", "x-gzip", "*") > 0;
}

void media_etag(const void *bytes, size_t len, char *out)
{
    char hex[HASH_HEX_LEN];

    hash_hex(bytes, len, hex);
    (void)snprintf(out, MEDIA_ETAG_LEN, "\"%.32s\"", hex);
}

bool media_etag_matches(const char *if_none_match, const char *etag)
{
    size_t len = strlen(etag);

    while (if_none_match != NULL && *if_none_match != '\0') {
        if_none_match += strspn(if_none_match, " \t,");
        if (*if_none_match == '*') {
            return true;
        }
        if (strncmp(if_none_match, "W/", 2) == 0) {
            if_none_match += 2;
        }
        if (strncmp(if_none_match, etag, len) == 0 && strchr(" \t,", if_none_match[len]) != NULL) {
            return true;
        }
        if_none_match += strcspn(if_none_match, ",");
    }
    return false;
}

/* JSON from strangers and JSON for people; shared by jobs/ and http/.
 *
 * Everything a client sends as JSON goes through json_util_parse: the bytes are scanned
 * before jansson builds anything from them, because jansson has no limit on size and one
 * of 2048 on depth, and "[]," costs it 45 times its bytes.
 *
 * Everything written is text appended to a struct buf. Numbers read back equal.
 */
#ifndef MLPD_JOBS_JSON_UTIL_H
#define MLPD_JOBS_JSON_UTIL_H

#include <jansson.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define JSON_UTIL_MAX_DEPTH 32
#define JSON_UTIL_MANY      4000000 /* max_values where rows may come: train, predict, evaluate */
#define JSON_UTIL_FEW       100000  /* max_values elsewhere */

/* An object or an array, strictly. *out is the caller's (json_decref). ERR_SYNTAX with
 * line and column: not JSON, not UTF-8, a duplicate key, deeper than JSON_UTIL_MAX_DEPTH, a
 * number no double holds; ERR_TOO_LARGE: more than max_values values (keys not counted), or more
 * memory than the thread has for it (json_util_budget.h). */
int json_util_parse(const char *text, size_t len, size_t max_values, json_t **out,
                    struct err *err) MUST_CHECK;

/* ---- writing ---- */
/* The shortest form that reads back equal; integers below 2^53 as integers; "null" for what
 * is not finite. */
void json_util_number(struct buf *buf, double value);
/* A JSON string with its quotes. */
void json_util_text(struct buf *buf, const char *text);
/* A whole tree, compact, members in their order, numbers as above. */
void json_util_dump(struct buf *buf, const json_t *json);

/* ---- messages ---- */
/* Append "/key" to a JSON pointer, ~ and / escaped; keys over 128 bytes are cut. */
void json_util_pointer(struct buf *pointer, const char *key);
/* Append "/index". */
void json_util_pointer_index(struct buf *pointer, size_t index);

#define JSON_UTIL_SHOWN 64
/* A text cut for a message, never inside a character. Into out[JSON_UTIL_SHOWN]. */
const char *json_util_shown(const char *text, char *out);
/* What a value is, for "..., got %s": "-1", "\"abc\"", "null", "an array", ... Into
 * out[JSON_UTIL_SHOWN + 8]. */
const char *json_util_describe(const json_t *json, char *out);

#endif

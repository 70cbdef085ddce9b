/* The published contract (docs/openapi.json) against what the daemon says: as much of JSON Schema
 * as the contract uses, and what it names that was never seen.
 */
#ifndef MLPD_TESTS_API_SCHEMA_H
#define MLPD_TESTS_API_SCHEMA_H

#include "client.h"

/* docs/openapi.json of the source tree; parsed once, owned here. */
json_t *contract(void);
/* Follow "$ref" as far as it goes. */
json_t *schema_resolve(json_t *schema);
/* The operation object of a path template ("/jobs/{id}") and method ("get"), or NULL. */
json_t *contract_operation(const char *path, const char *method);
/* The schema of an operation's answer with that status, or NULL; type e.g. "application/json". */
json_t *contract_answer(json_t *operation, long status, const char *type);
/* Of a response object of the contract, what is wrong with an answer's headers, or NULL: each must
 * be named there, or in components/headers with one value (then every answer has it), and fit; what
 * is required must be there. Those of libmicrohttpd's own and of the body are not looked at. */
char *contract_headers_misfit(json_t *response, const struct reply *r);
/* The schema of POST /train's body. */
json_t *contract_job(void);

/* Whether value fits: types, required, enum, const, items, oneOf, anyOf, allOf; a key that no
 * "properties" names is a misfit unless additionalProperties allows it. NULL when it fits, else
 * what is wrong, with the place. Remembers every property it met. */
char *schema_misfit(json_t *schema, const json_t *value, const char *where);
/* Calls `visit` for every property the contract names that schema_misfit has never met. */
void schema_unseen(json_t *schema, const char *where, void (*visit)(const char *where, void *arg),
                   void *arg);

/* Calls `visit` for every property of a schema, depth first, with its pointer; items of arrays are
 * "/0". */
void schema_walk(json_t *schema, const char *pointer,
                 void (*visit)(const char *pointer, json_t *property, void *arg), void *arg);

#endif

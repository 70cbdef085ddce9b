/* Rows out of a request's body: JSON {"instances": [...]} or a table in any format that is read. */
#ifndef MLPD_HTTP_ROWS_BODY_H
#define MLPD_HTTP_ROWS_BODY_H

#include "http/request.h"
#include "http/rows.h"
#include "jobs/predictor.h"

/* What a request with rows for a model holds while it is answered; begins as {.err = ERR_INIT}. */
struct rows_request {
    struct servable *servable; /* NULL: none yet, or given away */
    struct rows rows;
    json_t *root; /* of a JSON body */
    struct err err;
};
/* Answers with what is in err, if anything, and lets go of all. */
void rows_request_end(struct request *req, struct rows_request *r);

/* *root: the tree of a JSON body; NULL where the body is a table, which is plain from then on. */
int rows_body_parse(struct request *req, json_t **root, struct err *err) MUST_CHECK;
/* The rows into `rows`, their room out of the request's budget. Takes root over; the body is gone
 * afterwards. `other` says what else might be sent. */
int rows_body_read(struct request *req, struct rows *rows, json_t **root, const char *other,
                   struct err *err) MUST_CHECK;

#endif

/* What a model says about rows, as JSON or CSV, made slice by slice. */
#ifndef MLPD_HTTP_ANSWER_H
#define MLPD_HTTP_ANSWER_H

#include "base/buf.h"
#include "http/rows.h"
#include "jobs/predictor.h"

struct answer;

/* Takes servable and rows over (both end empty). */
struct answer *answer_new(struct servable **servable, struct rows *rows, bool csv);
void answer_free(struct answer **answer);
/* Append the next slice: 1 = there is more, 0 = that was the end, -1 = it failed. */
int answer_next(struct answer *answer, struct buf *out, struct err *err) MUST_CHECK;

/* What a prediction says of one row whose outputs these are, as JSON. */
void answer_row(const struct servable *servable, const float *row, struct buf *out);

#endif

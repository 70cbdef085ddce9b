/* The trace of a row as JSON: every number of the pass there and back, as far as a page can use
 * them. What is wide is cut, and says so. */
#ifndef MLPD_HTTP_TRACE_JSON_H
#define MLPD_HTTP_TRACE_JSON_H

#include "http/jw.h"
#include "http/rows.h"
#include "jobs/predictor.h"

#define TRACE_MOST_UNITS   1024 /* numbers of a layer's vectors, and of one unit's weights */
#define TRACE_MOST_WEIGHTS 4096 /* of a layer that shows its matrix */

struct trace_wish {
    int64_t layer, unit; /* whose weights are asked for; layer -1: nobody's */
    int64_t from;        /* the first input of those */
};

/* The members of the answer, but model_id. rows: the one row, labelled or not. */
void trace_json_write(struct jw *w, const struct servable *servable, const struct rows *rows,
                      const struct mlp_trace *trace, const struct trace_wish *wish);

#endif

/* A job as its JSON object. */
#ifndef MLPD_HTTP_JOB_JSON_H
#define MLPD_HTTP_JOB_JSON_H

#include "http/jw.h"
#include "http/server.h"

/* `full`: with config, resolved and result. position: from 1, or 0 when it
 * is not queued. */
int job_json_write(struct jw *w, const char *key, const struct server_context *context,
                   const struct store_job *job, int64_t position, bool full,
                   struct err *err) MUST_CHECK;

/* "links": where to look and what to do, by its state. */
void job_json_links(struct jw *w, const struct store_job *job);

/* "model_id", null for a job that has none (0). */
void job_json_model(struct jw *w, int64_t model_id);

#endif

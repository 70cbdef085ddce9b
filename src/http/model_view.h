/* A model as its JSON objects: what GET /models/{id} shows, and a row of the list. */
#ifndef MLPD_HTTP_MODEL_VIEW_H
#define MLPD_HTTP_MODEL_VIEW_H

#include "http/jw.h"
#include "http/server.h"

/* "training, test" of a store_model's splits. */
void model_view_splits(struct buf *out, const char *splits);

/* live: the servable of a model in training, or NULL. */
int model_view_write(struct jw *w, const struct server_context *context,
                     const struct store_model *model, const struct servable *live,
                     struct err *err) MUST_CHECK;
/* live: whether it is in training. */
void model_view_row(struct jw *w, const struct store_model *model, bool live);

#endif

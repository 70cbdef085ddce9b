/* A row that a model takes, made up from what its encoder remembers of the training rows: to fill
 * a form with, and of no row in particular. */
#ifndef MLPD_HTTP_MODEL_EXAMPLE_H
#define MLPD_HTTP_MODEL_EXAMPLE_H

#include "data/encoder.h"
#include "http/jw.h"

/* A usual value of one feature: about its mean, its first category, null where none is known. */
void model_example_value(struct jw *w, const char *key, const struct encoder *e, size_t feature);
/* All of them by name, with the offset if there is one. */
void model_example_row(struct jw *w, const char *key, const struct encoder *e);

#endif

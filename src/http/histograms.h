/* What a network's numbers are like: of each layer's weights, biases and what else it has, a
 * histogram with its extremes, mean and deviation. */
#ifndef MLPD_HTTP_HISTOGRAMS_H
#define MLPD_HTTP_HISTOGRAMS_H

#include "http/jw.h"
#include "jobs/predictor.h"

#define HISTOGRAMS_MOST_VALUES 4000000 /* looked at; of more every n-th: a few milliseconds */

#define HISTOGRAMS_MOST_BINS 100

/* The members of the answer, but model_id. bins >= 1. */
void histograms_write(struct jw *w, const struct servable *servable, size_t bins);

#endif

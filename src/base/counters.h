/* What the daemon counts about itself, for GET /metrics: counters and histograms in memory, from any
 * thread, without a lock.
 *
 * Families are a fixed table (counters.def): a counter per family and label value, where label values are known when
 * the daemon is built (routes, states, outcomes), so nothing a client sends can make a new one.
 */
#ifndef MLPD_BASE_COUNTERS_H
#define MLPD_BASE_COUNTERS_H

#include "base/base.h"

enum counter {
#define COUNTER(id, family, labels, help) COUNTER_##id,
#include "base/counters.def"
#undef COUNTER
    COUNTERS
};
enum histogram {
#define HISTOGRAM(id, family, labels, help, first, factor, n) HISTOGRAM_##id,
#include "base/counters.def"
#undef HISTOGRAM
    HISTOGRAMS
};

void counter_add(enum counter id, double by);
double counter_get(enum counter id);
void histogram_add(enum histogram id, double value);

#endif

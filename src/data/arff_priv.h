/* Dates of ARFF: the letters of Java's SimpleDateFormat that are numbers. */
#ifndef MLPD_DATA_ARFF_PRIV_H
#define MLPD_DATA_ARFF_PRIV_H

#include "base/base.h"

/* Whether arff_date can read by that pattern. */
bool arff_date_known(const char *pattern);
/* Seconds since 1970 in UTC; a date without a zone is taken as UTC. False: the text does not
 * follow the pattern, or there is no such date. */
bool arff_date(const char *pattern, const char *s, size_t len, double *out);

#endif

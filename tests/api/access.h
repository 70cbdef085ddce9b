/* Daemons with something in their state and tokens of every kind, for the tests of who may do what.
 */
#ifndef MLPD_TESTS_API_ACCESS_H
#define MLPD_TESTS_API_ACCESS_H

#include "work.h"

enum credential {
    NONE,
    READ,
    PREDICT,
    TRAIN,
    ADMIN,
    REVOKED,
    WRONG,
    GARBLED,
    BASIC,
    BARE,
    EMPTY,
    TWICE,
    CREDENTIALS
};
extern char *credentials[CREDENTIALS]; /* header lines, each with its end; "" for none */

enum { ID_JOB, ID_MODEL, ID_DATASET, IDS };
extern char *ids[IDS]; /* real things */

/* One with a job, its model, a dataset, and all of the tokens; `asks`: with --require-token and a
 * log that tells everything. */
void access_start(struct daemon *d, bool asks);
void access_forget(void);

#endif

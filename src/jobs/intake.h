/* A table on its way into a dataset file, wherever its bytes come from: unpacked if they are gzip,
 * counted, the disk looked at as they come, read as they are. One thread at a time.
 */
#ifndef MLPD_JOBS_INTAKE_H
#define MLPD_JOBS_INTAKE_H

#include "data/reader.h"
#include "jobs/datasets.h"

struct intake;

struct intake_limits {
    uint64_t most_bytes; /* plain ones */
    const char *state;   /* the folder whose disk it goes to; NULL: not looked at */
    uint64_t reserve;    /* bytes of it that stay free; see room.h */
    uint64_t before;     /* bytes that are written besides those that come */
};

/* ERR_NO_SPACE: there is no room now. Limits and options are copied, but not `state`. */
int intake_new(struct datasets *datasets, const struct reader_options *options,
               const struct intake_limits *limits, struct intake **out, struct err *err) MUST_CHECK;
/* What comes from now on is another part, packed or not by itself; see reader_part. */
int intake_part(struct intake *in, const char *name, struct err *err) MUST_CHECK;
/* ERR_TOO_LARGE, ERR_NO_SPACE, ERR_INVALID with the place in the table. Then only intake_free. */
int intake_feed(struct intake *in, const void *bytes, size_t len, struct err *err) MUST_CHECK;
/* The end: publish the file, which then wants datasets_add. */
int intake_finish(struct intake *in, struct dataset_summary *out, struct err *err) MUST_CHECK;
/* An unfinished one leaves nothing. NULL is fine. */
void intake_free(struct intake **in);

const struct reader *intake_reader(const struct intake *in);
uint64_t intake_bytes(const struct intake *in); /* plain ones so far */

#endif

/* A whole state folder, copied: the database as of one moment, and every file it names. Also of a
 * running daemon's. Main thread of a command.
 */
#ifndef MLPD_MLPD_COPY_H
#define MLPD_MLPD_COPY_H

#include "base/err.h"

struct copied {
    int64_t models;  /* with weights */
    size_t datasets, checkpoints;
    size_t forgotten; /* checkpoints that went while the copy was made; their jobs have older ones,
                       * or start again */
    uint64_t bytes;   /* of files, the database among them */
};

/* From folder `from` to the empty folder `to`. All of it is verified and synced; on failure `to`
 * holds a part. ERR_CORRUPT names what is damaged, as items when there is more than one. */
int copy_state(const char *from, const char *to, struct copied *out, struct err *err) MUST_CHECK;

/* Remove a folder that copy_state wrote to, as well as it goes. */
void copy_remove(const char *dir);

#endif

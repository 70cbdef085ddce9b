/* What a power cut leaves of a folder of SQLite's files, at any moment of a run.
 *
 * The run goes undisturbed and is recorded: writes, truncations, syncs, files made and deleted,
 * and the test's own marks (what was acknowledged). Afterwards the record is played again, one
 * event after the other, and at each moment the files can be had as the power might have left
 * them: what was synced is there, and everything since then was kept, dropped or garbled, in
 * pieces of 512 bytes; a file made or deleted may not be until its folder was synced. One run is
 * so worth a power cut at every call.
 *
 * As SQLite assumes of a disk, a write harms no byte but its own.
 *
 * Recording: any thread. Playing: the test's.
 */
#ifndef MLPD_TESTS_POWER_VFS_H
#define MLPD_TESTS_POWER_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum power_fate { /* of what was not synced */
    POWER_KEPT, POWER_DROPPED, POWER_GARBLED,
    POWER_EARLY,    /* kept up to some call, dropped from then on */
    POWER_LATE,     /* dropped up to some call, kept from then on */
    POWER_MIXED,    /* each piece for itself */
    POWER_FATES
};

void power_install(void);
/* The record goes, too. */
void power_remove(void);

/* From now on, of the files in `dir`; what is in them now is safe. */
void power_record(const char *dir);
void power_mark(void);
void power_stop(void);

/* A disk that says it synced: syncs are as if they had not been. For the next power_play. */
void power_lie(bool on);

/* To the first moment; then power_next until it is false: after the last. */
void power_play(void);
bool power_next(void);
/* The moment: how many events and how many marks were before it. */
size_t power_moment(void);
size_t power_marks(void);

/* The files as this fate leaves them; equal seeds, equal files. Returns a hash of them. */
uint64_t power_image(enum power_fate fate, uint64_t seed);
/* The last image into an empty folder. */
void power_image_write(const char *dir);

#endif

/* Faults and power cuts for what goes through base/file.h.
 *
 * A fault: the n-th operation fails, once or from then on. A power cut: the process ends before
 * the n-th operation, and what was not synced is gone, there, garbled, or a mixture of these. Of
 * every folder that the test names, the model knows which entries a sync of the folder has made
 * durable and which content a sync of the file has.
 *
 * On the test's thread; file_hook is theirs while they are on.
 */
#ifndef MLPD_TESTS_FILE_FAULTS_H
#define MLPD_TESTS_FILE_FAULTS_H

#include "base/file.h"

/* ---- faults ---- */
/* nth: from 1; 0: none fails, operations are only counted. */
void faults_set(long nth, bool forever, int code);
/* The disk is good again. True: a fault was met since faults_set. */
bool faults_end(void);

/* ---- power cuts ---- */
enum power_loss {
    POWER_DROPS,   /* nothing that was not synced is there */
    POWER_KEEPS,   /* all of it is: a kill */
    POWER_GARBLES, /* entries are there, contents that were not synced are rubbish */
    POWER_UNMAKES, /* only removals happened */
    POWER_MIXES,   /* of entries and contents some, by `seed` */
    POWER_LOSSES
};

/* Run `life` in a process of its own, which the cut ends before operation `nth` (from 1), or after
 * all of them; then the folders are as the power cut left them. power_point() in `life` counts as
 * an operation. 1: it was cut; 0: it came to its end first, and the cut was there. The test fails
 * when it ended in another way. `life` may leave what the test is to know in memory that it shares
 * with it (power_share). */
int power_run(void (*life)(void), const char *const *folders, size_t n_folders, long nth,
              enum power_loss loss, unsigned seed);
void power_point(void);
void *power_share(size_t bytes);
void power_unshare(void *memory, size_t bytes);

#endif

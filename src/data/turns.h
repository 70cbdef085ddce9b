/* Long work on threads that others wait for.
 *
 * Some uploads are made into a table at one go, when all of their bytes are there: arrays in
 * Fortran's order or of several parts, libsvm, and the rows of a table that is appended to. That
 * holds the calling thread for as long as it takes. A caller whose threads serve others too says so
 * (csv_options.in_turns), and then at most TURNS of these go on at a time in the process: who comes
 * when all are taken is refused, so that threads are left. Short work needs none.
 *
 * Any thread.
 */
#ifndef MLPD_DATA_TURNS_H
#define MLPD_DATA_TURNS_H

#include "base/err.h"

#define TURNS       2
#define TURNS_CELLS (2u << 20) /* up to so many are short work: a tenth of a second */

/* *taken (which goes to turns_give when the work is done): whether it needed one. ERR_BUSY when
 * there is none. */
int turns_take(bool in_turns, uint64_t cells, bool *taken, struct err *err) MUST_CHECK;
void turns_give(bool taken);

#endif

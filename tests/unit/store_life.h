/* The life of a store, step by step, for the tests that break the world under it.
 *
 * Every operation that writes is a step, in an order in which each one works. Ids, owner and the
 * clock are fixed, so that the database's whole content after k steps is one text, the same in
 * every run: what was acknowledged must be there, and what was not, wholly or not at all. A
 * program with this links with --wrap=clock_now_ms, and with chunks of LIFE_CHUNK bytes.
 *
 * On the test's thread; every helper fails the test when something does not hold.
 */
#ifndef MLPD_TESTS_STORE_LIFE_H
#define MLPD_TESTS_STORE_LIFE_H

#include <sqlite3.h>

#include "store/store_sqlite.h"

#define LIFE_OWNER "boot-1"
#define LIFE_CHUNK 8192

size_t life_steps(void);
const char *life_name(size_t k);
/* The k-th step, from 0, after those before it: 0, or -1 and why. */
int life_step(struct store *store, size_t k, struct err *err);
/* What the writer does after an answer (the log into the database) is over, too. */
void life_settle(struct store *store);
/* Both. */
int life_run(struct store *store, size_t k, struct err *err);
/* Whatever reads: 0 when all of it works. Any thread, also in the middle of a write. */
int life_read(struct store *store, struct err *err);

/* All rows of all tables as text, the caller's; SQLite finds the database whole. */
char *life_whole(const char *dir);
/* The same, and it holds together: every job has its model, its events and its data, a finished
 * model its chunks, states agree. */
char *life_verified(const char *dir);
/* Two such texts are the same, or the test fails and shows the first line that is not. */
void life_same(const char *got, const char *want, const char *what);

/* A fresh folder; and away with one and all that is in it. */
void life_make_dir(char out[64]);
void life_remove_dir(const char *dir);
/* The database and its log as a killed process leaves them, into a folder that becomes new. */
void life_copy(const char *from, const char *to);
struct store *life_open(const char *dir);

/* Small pages of work everywhere: a log checkpointed every few pages, a cache that spills. For
 * every connection opened from here on, until life_frugal(false). */
void life_frugal(bool on);

#endif

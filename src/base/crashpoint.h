/* Places where a test may kill the daemon.
 *
 * With `configure --enable-crash-points`, MLPD_CRASH_AT=name:n in the environment makes the process
 * kill itself with SIGKILL when it comes to CRASH_POINT("name") for the n-th time: as hard as a
 * power cut, right before or after a commit, a rename, a sync. Without that switch (and in every
 * release) it is nothing. Names are <module>-<before|after>-<what>.
 */
#ifndef MLPD_BASE_CRASHPOINT_H
#define MLPD_BASE_CRASHPOINT_H

#ifdef MLPD_CRASH_POINTS
void crashpoint_hit(const char *name);
#define CRASH_POINT(name) crashpoint_hit(name)
#else
#define CRASH_POINT(name) ((void)0)
#endif

#endif

/* A small file of secrets beside the database: its owner's alone, replaced as a whole, changed by
 * one process at a time.
 *
 * Errors as in file.h, and ERR_CONFLICT for a file that others may use. `what` names it: "the
 * token file ...". Any thread.
 */
#ifndef MLPD_BASE_PRIVATE_FILE_H
#define MLPD_BASE_PRIVATE_FILE_H

#include <sys/stat.h>

#include "base/base.h"
#include "base/err.h"

/* DIR and name of a path; *dir is the caller's. */
const char *private_file_split(const char *path, char **dir);

/* All of it, at most `max` bytes (ERR_TOO_LARGE), with a NUL after them; the caller's, who wipes
 * what is secret. *st: the file that was read; may be NULL. ERR_NOT_FOUND: there is none. */
int private_file_read(int folder, const char *name, const char *what, size_t max, char **text,
                      size_t *len, struct stat *st, struct err *err) MUST_CHECK;

/* The folder, locked against other writers; ended with file_folder_close. */
int private_file_lock(const char *dir, const char *what, int *folder, struct err *err) MUST_CHECK;

/* The file is this from now on: on the disk before it has the name. NAME.new of a writer that was
 * killed is removed. */
int private_file_replace(int folder, const char *name, const char *what, const void *bytes,
                         size_t len, struct err *err) MUST_CHECK;

#endif

/* Documents that are made from the code's own tables: compared with what the code prints now, or,
 * with MLPD_WRITE_DOCS in the environment, written. Paths are those under the source tree
 * (TOP_SRCDIR); `program` is the test that writes the document, for the sentence. */
#ifndef MLPD_TESTS_DOC_COMPARE_H
#define MLPD_TESTS_DOC_COMPARE_H

#include "base/buf.h"

/* The whole file. */
void doc_compare(const char *path, const char *program, const struct buf *page);
/* Of a file that is otherwise written by hand, the lines between "<!-- NAME" and "<!-- end of
 * NAME". */
void doc_compare_section(const char *path, const char *program, const char *name,
                         const struct buf *section);

/* A file of the source tree, NUL-terminated; the caller frees it. */
char *doc_read(const char *path);

#endif

/* What the fuzz targets share.
 *
 * A target is one program with LLVMFuzzerTestOneInput: it gives the bytes to the code that
 * strangers' bytes reach and checks what must hold whatever they are. Configured with
 * --enable-fuzzing a fuzzing engine finds the bytes; else replay.c takes those that
 * tests/fuzz/corpus/<target> keeps, and `make check` runs it. scripts/fuzz does the first.
 *
 * A target leaves nothing behind: no memory (the leak check sees to that), no file outside
 * fuzz_folder(). One thread.
 */
#ifndef MLPD_TESTS_FUZZ_H
#define MLPD_TESTS_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/err.h"
#include "base/mem.h"
#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; else the input is a finding. */
#define FUZZ_TRUE(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_fail(__FILE__, __LINE__, #condition);                                             \
        }                                                                                          \
    } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* A function failed with `rc`: exactly then there is an error, and a sentence that is text. */
void fuzz_err(int rc, const struct err *err);

/* Once, before anything: quiet log, no MLPD_* in the environment, hashes. Cheap to call again. */
void fuzz_start(void);

/* The bytes as a text of their own (cut at a NUL), so that the address sanitizer knows its end. */
char *fuzz_text(const uint8_t *data, size_t size);
/* The same of the bytes up to the next line end, which are taken away. */
char *fuzz_line(const uint8_t **data, size_t *size);

/* A folder of this process, in memory if that can be had; it goes at exit. */
const char *fuzz_folder(void);
void fuzz_folder_empty(void);
/* A file without a name with these bytes; *path is how to open it again. Close the descriptor. */
int fuzz_file(const void *bytes, size_t size, char path[32]);

/* A dataset from CSV text, opened; its hash in sha256 if that is not NULL. Aborts when the text is
 * no table: it is the target's own. */
struct dataset *fuzz_dataset(const char *csv, char *sha256);
/* Every cell through the public calls, and everything the header says of them. 0, or -1 with err
 * when the file is found to be damaged. */
int fuzz_dataset_read(const struct dataset *ds, struct err *err);

#endif

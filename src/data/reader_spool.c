/* A temporary file for what must wait for the end of an upload; see reader_priv.h.
 *
 * It lies in the datasets' folder under a name that dataset_clean_folder knows, so that one a
 * killed daemon left goes at the next start. Nothing is synced. Runs on the reader's thread.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "data/dataset_priv.h"
#include "data/reader_priv.h"

#define WHAT        "upload"
#define FLUSH_BYTES (256u << 10)

static int open_spool(struct reader_spool *s, const char *dir, struct err *err)
{
    char name[sizeof DATASET_TMP + 16] = DATASET_TMP;

    hash_random_hex(8, name + sizeof DATASET_TMP - 1);
    return file_folder_open(dir, WHAT, &s->folder, err) != 0 ||
                   file_create(&s->file, s->folder, name, WHAT, err) != 0
               ? -1
               : 0;
}

static int flush_out(struct reader_spool *s, struct err *err)
{
    if (s->out.len != 0 && file_write(&s->file, s->out.data, s->out.len, err) != 0) {
        return -1;
    }
    buf_clear(&s->out);
    return 0;
}

int reader_spool_put(struct reader_spool *s, const char *dir, const void *bytes, size_t len,
                     struct err *err)
{
    if (s->folder < 0 && open_spool(s, dir, err) != 0) {
        return -1;
    }
    if (buf_append(&s->out, bytes, len) != 0) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to read the table");
    }
    s->size += len;
    return s->out.len < FLUSH_BYTES ? 0 : flush_out(s, err);
}

int reader_spool_get(struct reader_spool *s, uint64_t at, void *bytes, size_t len, struct err *err)
{
    char *p = bytes;

    CHK(at <= s->size && len <= s->size - at);
    if (flush_out(s, err) != 0) {
        return -1;
    }
    while (len > 0) {
        ssize_t n = pread(s->file.fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set(err, ERR_IO, "cannot read the upload again: %s",
                           n < 0 ? strerrordesc_np(errno) : "the file is shorter");
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

void reader_spool_fini(struct reader_spool *s)
{
    file_discard(&s->file); /* what is left all the same, dataset_clean_folder takes */
    file_folder_close(&s->folder);
    buf_fini(&s->out);
}

/* One checkpoint file, written and read; see checkpoint_priv.h.
 *
 * The order that survives a power cut: temporary name, write, sync, rename, sync of the folder.
 * Both ways the bytes are hashed piece by piece, so that the state is in memory once. Nothing in a
 * file is believed before its hash is: the lengths of the head must add up to the file's size
 * before anything of theirs is allocated.
 *
 * No state; any thread, one at a time for one job.
 */
#include "jobs/checkpoint_priv.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "base/log.h"
#include "base/mem.h"

#define MAGIC      "mlpdckp1"
#define MAGIC_LEN  8
#define TEMPORARY  ".tmp"
#define MAX_NUMBER (INT64_C(1) << 53)
#define PIECE      ((size_t)1 << 20)

/* The head as it lies in the file; the integers are little-endian. */
struct head {
    char magic[MAGIC_LEN];
    uint64_t job_id, generation, epoch;
    uint64_t notes_bytes, state_bytes;
    char config[HASH_HEX_LEN - 1];
};
#define TAIL_LEN ((size_t)HASH_HEX_LEN - 1)
_Static_assert(sizeof(struct head) == MAGIC_LEN + 5 * 8 + 64, "the head has no holes");

/* ---- names --------------------------------------------------------------------------- */

static void name_print(char out[FILE_NAME_LEN], const struct checkpoint_name *name)
{
    (void)snprintf(out, FILE_NAME_LEN, "%lld.%lld%s", (long long)name->job_id,
                   (long long)name->generation, name->temporary ? TEMPORARY : ""); /* fits */
}

/* A number as checkpoint_name_print writes it: from 1, without a leading zero, and with room for
 * more. */
static bool parse_number(const char **at, int64_t *out)
{
    const char *p = *at;
    int64_t v = 0;

    if (*p < '1' || *p > '9') {
        return false;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        v = 10 * v + (*p - '0');
        if (v > MAX_NUMBER) {
            return false;
        }
    }
    *at = p;
    *out = v;
    return true;
}

/* False for what is no checkpoint's name: that is somebody else's. */
static bool name_parse(const char *text, struct checkpoint_name *out)
{
    if (!parse_number(&text, &out->job_id) || *text++ != '.' ||
        !parse_number(&text, &out->generation)) {
        return false;
    }
    out->temporary = strcmp(text, TEMPORARY) == 0;
    return *text == '\0' || out->temporary;
}

/* ---- what is in the folder ------------------------------------------------------------- */

int checkpoint_scan(int folder, int64_t job_id, struct checkpoint_name **out, size_t *n,
                    struct err *err)
{
    size_t capacity = 0, len = 0;
    const struct dirent *entry;
    struct checkpoint_name *list = NULL;
    DIR *dir = NULL;
    int fd;

    /* A descriptor of its own: where reading a folder has come to belongs to the opening. */
    fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
        if (fd >= 0) {
            (void)close(fd); /* only read from */
        }
        return err_set(err, ERR_IO, "cannot look into the checkpoints' folder: %s",
                       strerrordesc_np(errno));
    }
    for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
        struct checkpoint_name name;

        if (!name_parse(entry->d_name, &name) || (job_id != 0 && name.job_id != job_id)) {
            continue;
        }
        if (len == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 8;
            list = xrealloc(list, capacity * sizeof *list);
        }
        list[len++] = name;
    }
    if (errno != 0) {
        int e = errno;

        (void)closedir(dir); /* only read from */
        free(list);
        return err_set(err, ERR_IO, "cannot look into the checkpoints' folder: %s",
                       strerrordesc_np(e));
    }
    (void)closedir(dir); /* only read from */
    *out = list;
    *n = len;
    return 0;
}

void checkpoint_file_remove(int folder, const struct checkpoint_name *name)
{
    char text[FILE_NAME_LEN];
    struct err err = ERR_INIT;

    name_print(text, name);
    if (file_remove(folder, text, CHECKPOINT_WHAT, &err) != 0) {
        log_warn("checkpoint %s: %s", text, err.detail);
        err_fini(&err);
    }
}

/* ---- writing ---------------------------------------------------------------------------- */

/* In pieces, each hashed while it is warm. */
static int put(struct file *f, struct hash *hash, const void *bytes, size_t len, struct err *err)
{
    const char *p = bytes;

    while (len > 0) {
        size_t n = len < PIECE ? len : PIECE;

        hash_update(hash, p, n);
        if (file_write(f, p, n, err) != 0) {
            return -1;
        }
        p += n;
        len -= n;
    }
    return 0;
}

int checkpoint_file_write(int folder, const struct store_job *job, const struct checkpoint *c,
                          struct store_checkpoint *row, struct err *err)
{
    struct checkpoint_name name = {
        .job_id = row->job_id, .generation = row->generation, .temporary = true};
    char from[FILE_NAME_LEN], to[FILE_NAME_LEN], hex[HASH_HEX_LEN];
    size_t notes_bytes = strlen(c->notes);
    struct head head = {
        .magic = MAGIC,
        .job_id = htole64((uint64_t)row->job_id),
        .generation = htole64((uint64_t)row->generation),
        .epoch = htole64((uint64_t)row->epoch),
        .notes_bytes = htole64((uint64_t)notes_bytes),
        .state_bytes = htole64((uint64_t)c->state_bytes),
    };
    struct file f = FILE_INIT;
    struct hash hash, whole;

    name_print(from, &name);
    name.temporary = false;
    name_print(to, &name);
    hash_hex(job->resolved_json, strlen(job->resolved_json), hex);
    memcpy(head.config, hex, sizeof head.config);
    hash_init(&hash);
    if (file_create(&f, folder, from, CHECKPOINT_WHAT, err) != 0 ||
        put(&f, &hash, &head, sizeof head, err) != 0 ||
        put(&f, &hash, c->notes, notes_bytes, err) != 0 ||
        put(&f, &hash, c->state, c->state_bytes, err) != 0) {
        goto fail;
    }
    whole = hash;
    hash_final_hex(&hash, hex);
    hash_update(&whole, hex, TAIL_LEN);
    hash_final_hex(&whole, row->sha256);
    row->bytes = (int64_t)(sizeof head + notes_bytes + c->state_bytes + TAIL_LEN);
    if (file_write(&f, hex, TAIL_LEN, err) != 0) {
        goto fail;
    }
    CRASH_POINT("checkpoint-before-sync");
    if (file_sync(&f, err) != 0 || file_close(&f, err) != 0) {
        goto fail;
    }
    CRASH_POINT("checkpoint-before-rename");
    if (file_rename(&f, to, err) != 0) {
        goto fail;
    }
    if (file_folder_sync(folder, CHECKPOINT_WHAT, err) != 0) {
        checkpoint_file_remove(folder, &name); /* no row names it */
        return -1;
    }
    return 0;
fail:
    file_discard(&f);
    return -1;
}

/* ---- reading ---------------------------------------------------------------------------- */

static int damaged(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "its file is damaged");
}

/* The next bytes into `out`, or, when that is NULL, only through the hash. */
static int take(struct file *f, struct hash *hash, void *out, uint64_t len, struct err *err)
{
    unsigned char *piece = out == NULL ? xmalloc(PIECE) : NULL;
    char *p = out;
    int rc = 0;

    while (len > 0 && rc == 0) {
        size_t n = len < PIECE ? (size_t)len : PIECE;

        rc = file_read(f, p != NULL ? (void *)p : piece, n, err);
        if (rc == 0) {
            hash_update(hash, p != NULL ? (const void *)p : piece, n);
        }
        p = p != NULL ? p + n : NULL;
        len -= n;
    }
    free(piece);
    return rc;
}

/* Whether the head fits the row, the config and the file's size. */
static int check_head(const struct head *head, uint64_t size, const struct store_checkpoint *row,
                      const char *config, struct err *err)
{
    uint64_t total = sizeof *head + TAIL_LEN;

    if (memcmp(head->magic, MAGIC, MAGIC_LEN) != 0 ||
        __builtin_add_overflow(total, le64toh(head->notes_bytes), &total) ||
        __builtin_add_overflow(total, le64toh(head->state_bytes), &total) || total != size ||
        size != (uint64_t)row->bytes || le64toh(head->job_id) != (uint64_t)row->job_id ||
        le64toh(head->generation) != (uint64_t)row->generation ||
        le64toh(head->epoch) != (uint64_t)row->epoch) {
        return damaged(err);
    }
    if (memcmp(head->config, config, sizeof head->config) != 0) {
        return err_set(err, ERR_CORRUPT, "it belongs to another config");
    }
    return 0;
}

int checkpoint_file_read(int folder, const struct store_checkpoint *row, const char *config,
                         struct checkpoint *out, struct err *err)
{
    struct checkpoint_name name = {.job_id = row->job_id, .generation = row->generation};
    char text[FILE_NAME_LEN], want[TAIL_LEN], hex[HASH_HEX_LEN];
    struct checkpoint c = {.generation = row->generation, .epoch = row->epoch};
    struct file f = FILE_INIT;
    uint64_t size = 0, notes_bytes, state_bytes;
    struct hash hash, whole;
    struct head head;

    name_print(text, &name);
    if (file_open(&f, folder, text, CHECKPOINT_WHAT, &size, err) != 0) {
        return -1;
    }
    hash_init(&hash);
    if (size < sizeof head + TAIL_LEN) {
        damaged(err);
        goto fail;
    }
    if (take(&f, &hash, &head, sizeof head, err) != 0 ||
        check_head(&head, size, row, config, err) != 0) {
        goto fail;
    }
    notes_bytes = le64toh(head.notes_bytes);
    state_bytes = le64toh(head.state_bytes);
    if (out != NULL) {
        c.state_bytes = (size_t)state_bytes;
        c.notes = mem_try_alloc((size_t)notes_bytes + 1, 1);
        c.state = mem_try_alloc(c.state_bytes > 0 ? c.state_bytes : 1, 1);
        if (c.notes == NULL || c.state == NULL) {
            err_set(err, ERR_NO_MEMORY, "not enough memory for the checkpoint");
            goto fail;
        }
        c.notes[notes_bytes] = '\0';
    }
    if (take(&f, &hash, c.notes, notes_bytes, err) != 0 ||
        take(&f, &hash, c.state, state_bytes, err) != 0 ||
        file_read(&f, want, sizeof want, err) != 0) {
        goto fail;
    }
    whole = hash;
    hash_final_hex(&hash, hex);
    if (memcmp(hex, want, sizeof want) != 0) {
        damaged(err);
        goto fail;
    }
    hash_update(&whole, want, sizeof want);
    hash_final_hex(&whole, hex);
    if (strcmp(hex, row->sha256) != 0) {
        damaged(err);
        goto fail;
    }
    file_done(&f);
    if (out != NULL) {
        *out = c;
    }
    return 0;
fail:
    file_done(&f);
    checkpoint_fini(&c);
    return -1;
}

/* Checkpoint files and the rows that name them; see checkpoint.h for the promise.
 *
 * Writing: the file under a temporary name, synced, renamed, its folder synced, then the row, then
 * away with what is neither it nor the one before. A kill between any two of these leaves the rows
 * naming whole files; what it leaves besides is swept by the next write of the job or the next
 * start. When the row's fate is unknown the file stays, so that a row never loses its file.
 *
 * A generation is one more than all the rows and files of its job that can be seen, so that a file
 * never takes the place of another. Reading and writing hash piece by piece: the state is in memory
 * once.
 *
 * Threads: any; the folder's descriptor and the store are set once. One call at a time for a job.
 */
#include "jobs/checkpoint.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crashpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define MAGIC      "mlpdckp1"
#define MAGIC_LEN  8
#define TEMPORARY  ".tmp"
#define MAX_NUMBER (INT64_C(1) << 53)
#define WHAT       "checkpoint"
#define PIECE      ((size_t)1 << 20)

struct checkpoints {
    unsigned magic;
#define CHECKPOINTS_MAGIC 0x7d0c4ec9
    int folder;
    struct store *store; /* not ours */
};

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

struct name {
    int64_t job_id, generation;
    bool temporary;
};

static void name_print(char out[FILE_NAME_LEN], const struct name *name)
{
    (void)snprintf(out, FILE_NAME_LEN, "%lld.%lld%s", (long long)name->job_id,
                   (long long)name->generation, name->temporary ? TEMPORARY : ""); /* fits */
}

/* A number as name_print writes it: from 1, without a leading zero, and with room for more. */
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
static bool name_parse(const char *text, struct name *out)
{
    if (!parse_number(&text, &out->job_id) || *text++ != '.' ||
        !parse_number(&text, &out->generation)) {
        return false;
    }
    out->temporary = strcmp(text, TEMPORARY) == 0;
    return *text == '\0' || out->temporary;
}

/* ---- what is in the folder ------------------------------------------------------------- */

/* Every checkpoint's name there, of one job (0: of all), to the caller's free. */
static int scan(int folder, int64_t job_id, struct name **out, size_t *n, struct err *err)
{
    size_t capacity = 0, len = 0;
    const struct dirent *entry;
    struct name *list = NULL;
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
        struct name name;

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

static void remove_file(int folder, const struct name *name)
{
    char text[FILE_NAME_LEN];
    struct err err = ERR_INIT;

    name_print(text, name);
    if (file_remove(folder, text, WHAT, &err) != 0) {
        log_warn("checkpoint %s: %s", text, err.detail);
        err_fini(&err);
    }
}

/* ---- beginning and end -------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const struct store_checkpoint *x = a, *y = b;

    if (x->job_id != y->job_id) {
        return x->job_id < y->job_id ? -1 : 1;
    }
    return x->generation < y->generation ? -1 : x->generation > y->generation;
}

/* Away with temporary files and those that no row names. */
static int sweep(int folder, struct store *store, struct err *err)
{
    struct store_checkpoint *rows = NULL;
    struct name *names = NULL;
    size_t n_rows = 0, n = 0, i;

    if (store->ops->checkpoint_all(store, &rows, &n_rows, err) != 0) {
        return -1;
    }
    if (scan(folder, 0, &names, &n, err) != 0) {
        free(rows);
        return -1;
    }
    if (n_rows > 0) {
        qsort(rows, n_rows, sizeof *rows, compare_rows);
    }
    for (i = 0; i < n; i++) {
        struct store_checkpoint key = {.job_id = names[i].job_id,
                                       .generation = names[i].generation};

        if (names[i].temporary || n_rows == 0 ||
            bsearch(&key, rows, n_rows, sizeof *rows, compare_rows) == NULL) {
            log_info("removing checkpoint %lld of job %lld, which was never finished or is not "
                     "needed any more",
                     (long long)names[i].generation, (long long)names[i].job_id);
            remove_file(folder, &names[i]);
        }
    }
    free(names);
    free(rows);
    return 0;
}

int checkpoints_new(const char *dir, struct store *store, struct checkpoints **out, struct err *err)
{
    struct checkpoints *cs;
    int folder = -1;

    if (file_folder_make(dir, WHAT, err) != 0 || file_folder_open(dir, WHAT, &folder, err) != 0) {
        return -1;
    }
    if (sweep(folder, store, err) != 0) {
        file_folder_close(&folder);
        return -1;
    }
    cs = xcalloc(1, sizeof *cs);
    cs->magic = CHECKPOINTS_MAGIC;
    cs->folder = folder;
    cs->store = store;
    *out = cs;
    return 0;
}

void checkpoints_free(struct checkpoints **checkpoints)
{
    struct checkpoints *cs = *checkpoints;

    if (cs == NULL) {
        return;
    }
    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    file_folder_close(&cs->folder);
    cs->magic = 0;
    free(cs);
    *checkpoints = NULL;
}

void checkpoint_fini(struct checkpoint *c)
{
    free(c->notes);
    free(c->state);
    *c = (struct checkpoint){.state = NULL};
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

/* The file in its place and durable; row->bytes and row->sha256 are set. */
static int write_file(const struct checkpoints *cs, const struct store_job *job,
                      const struct checkpoint *c, struct store_checkpoint *row, struct err *err)
{
    struct name name = {.job_id = row->job_id, .generation = row->generation, .temporary = true};
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
    if (file_create(&f, cs->folder, from, WHAT, err) != 0 ||
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
    if (file_folder_sync(cs->folder, WHAT, err) != 0) {
        remove_file(cs->folder, &name); /* no row names it */
        return -1;
    }
    return 0;
fail:
    file_discard(&f);
    return -1;
}

/* After checkpoint_add failed: when the row is certainly not there, nor need the file be. */
static void take_back(const struct checkpoints *cs, const struct store_checkpoint *row)
{
    struct name name = {.job_id = row->job_id, .generation = row->generation};
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct err err = ERR_INIT;
    bool there = false;
    size_t n = 0, i;

    if (cs->store->ops->checkpoint_list(cs->store, row->job_id, rows, &n, &err) != 0) {
        err_fini(&err);
        return; /* the next write or start finds out */
    }
    for (i = 0; i < n; i++) {
        there = there || rows[i].generation >= row->generation;
    }
    if (!there) {
        remove_file(cs->folder, &name);
    }
}

int checkpoint_write(struct checkpoints *cs, const struct store_job *job, const char *owner,
                     struct checkpoint *c, struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS], row = {.job_id = job->id, .epoch = c->epoch};
    int64_t before, newest = 0;
    struct name *names = NULL;
    size_t n_rows = 0, n = 0, i;
    int rc = -1;

    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    CHK(job->id > 0 && job->resolved_json != NULL && c->notes != NULL && c->epoch >= 0);
    if (cs->store->ops->checkpoint_list(cs->store, job->id, rows, &n_rows, err) != 0 ||
        scan(cs->folder, job->id, &names, &n, err) != 0) {
        return -1;
    }
    before = n_rows > 0 ? rows[0].generation : 0;
    newest = before;
    for (i = 0; i < n; i++) {
        newest = names[i].generation > newest ? names[i].generation : newest;
    }
    row.generation = newest + 1;
    row.at = clock_now_ms();
    if (write_file(cs, job, c, &row, err) != 0) {
        goto out;
    }
    CRASH_POINT("checkpoint-before-row");
    if (cs->store->ops->checkpoint_add(cs->store, owner, &row, err) != 0) {
        take_back(cs, &row);
        goto out;
    }
    CRASH_POINT("checkpoint-after-row");
    c->generation = row.generation;
    rc = 0;
    CRASH_POINT("checkpoint-before-remove");
    for (i = 0; i < n; i++) {
        if (names[i].temporary || names[i].generation != before) {
            remove_file(cs->folder, &names[i]);
        }
    }
out:
    free(names);
    return rc;
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

/* Read and verify the file that `row` names. `out` NULL: verify only. */
static int read_file(int folder, const struct store_checkpoint *row, const char *config,
                     struct checkpoint *out, struct err *err)
{
    struct name name = {.job_id = row->job_id, .generation = row->generation};
    char text[FILE_NAME_LEN], want[TAIL_LEN], hex[HASH_HEX_LEN];
    struct checkpoint c = {.generation = row->generation, .epoch = row->epoch};
    struct file f = FILE_INIT;
    uint64_t size = 0, notes_bytes, state_bytes;
    struct hash hash, whole;
    struct head head;

    name_print(text, &name);
    if (file_open(&f, folder, text, WHAT, &size, err) != 0) {
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

static int tell_unusable(struct checkpoints *cs, const struct store_checkpoint *row,
                         const char *why, struct err *err)
{
    char *sentence =
        xasprintf("checkpoint %lld cannot be used: %s", (long long)row->generation, why);
    int rc;

    log_warn("job %lld: %s", (long long)row->job_id, sentence);
    rc = cs->store->ops->event_add(cs->store, row->job_id, "checkpoint_unusable", sentence, err);
    free(sentence);
    return rc;
}

int checkpoint_read(struct checkpoints *cs, const struct store_job *job, const char *owner,
                    struct checkpoint *out, struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct checkpoint found = {.state = NULL};
    char config[HASH_HEX_LEN];
    size_t n = 0, i;
    int rc = 0;

    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    CHK(job->resolved_json != NULL);
    if (cs->store->ops->checkpoint_list(cs->store, job->id, rows, &n, err) != 0) {
        return -1;
    }
    hash_hex(job->resolved_json, strlen(job->resolved_json), config);
    for (i = 0; i < n; i++) {
        struct err why = ERR_INIT;

        if (read_file(cs->folder, &rows[i], config, &found, &why) == 0) {
            break;
        }
        if (why.code == ERR_NO_MEMORY) { /* which is not the file's fault */
            err_move(err, &why);
            return -1;
        }
        rc = tell_unusable(cs, &rows[i], why.detail, err);
        err_fini(&why);
        if (rc != 0) {
            return -1;
        }
    }
    if (i > 0) {
        rc = cs->store->ops->curve_cut(cs->store, job->id, owner, i < n ? found.epoch : 0, err);
    }
    if (rc != 0) {
        checkpoint_fini(&found);
        return -1;
    }
    if (i == n) {
        return 1;
    }
    *out = found;
    return 0;
}

void checkpoint_remove(struct checkpoints *cs, int64_t job_id)
{
    struct err err = ERR_INIT;
    struct name *names = NULL;
    size_t n = 0, i;

    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    CHK(job_id > 0);
    if (scan(cs->folder, job_id, &names, &n, &err) != 0) {
        log_warn("job %lld: its checkpoints stay until the next start: %s", (long long)job_id,
                 err.detail);
        err_fini(&err);
        return;
    }
    for (i = 0; i < n; i++) {
        remove_file(cs->folder, &names[i]);
    }
    free(names);
}

/* ---- checking --------------------------------------------------------------------------- */

/* Whether the row is still there: 1, 0, or -1. */
static int still_named(struct store *store, const struct store_checkpoint *row, struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    size_t n = 0, i;

    if (store->ops->checkpoint_list(store, row->job_id, rows, &n, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (rows[i].generation == row->generation) {
            return 1;
        }
    }
    return 0;
}

/* folder: -1 when it cannot be opened. */
static int check_one(int folder, struct store *store, const struct store_checkpoint *row,
                     struct err *problems, struct err *err)
{
    struct store_job job = {.id = 0};
    char config[HASH_HEX_LEN] = "";
    struct err why = ERR_INIT;
    int named = 0, rc = -1;

    if (store->ops->job_get(store, row->job_id, &job, &why) == 0) {
        hash_hex(job.resolved_json, strlen(job.resolved_json), config);
        rc = folder < 0 ? err_set(&why, ERR_NOT_FOUND, "the checkpoints' folder cannot be opened")
                        : read_file(folder, row, config, NULL, &why);
    }
    store_job_fini(&job);
    if (rc != 0) {
        named = still_named(store, row, err);
    }
    if (named == 1) {
        err_add(problems, NULL, "checkpoint %lld of job %lld: %s", (long long)row->generation,
                (long long)row->job_id, why.detail);
    }
    err_fini(&why);
    return named < 0 ? -1 : 0;
}

int checkpoints_check(const char *dir, struct store *store, size_t *n, struct err *problems,
                      struct err *err)
{
    struct store_checkpoint *rows = NULL;
    struct err none = ERR_INIT;
    size_t n_rows = 0, i;
    int folder = -1, rc = 0;

    if (store->ops->checkpoint_all(store, &rows, &n_rows, err) != 0) {
        return -1;
    }
    if (file_folder_open(dir, WHAT, &folder, &none) != 0) {
        err_fini(&none); /* each row tells */
    }
    for (i = 0; i < n_rows && rc == 0; i++) {
        rc = check_one(folder, store, &rows[i], problems, err);
    }
    file_folder_close(&folder);
    free(rows);
    if (rc == 0) {
        *n = n_rows;
    }
    return rc;
}

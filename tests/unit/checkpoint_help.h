/* For the tests of checkpoints: a store in memory that keeps checkpoints' rows by the rules of
 * store.h, and can be told to fail; a folder; checkpoints told apart by one number. */
#ifndef MLPD_TESTS_CHECKPOINT_HELP_H
#define MLPD_TESTS_CHECKPOINT_HELP_H

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "jobs/checkpoint.h"
#include "jobs_in_help.h"

#define OWNER "boot-1"

struct fake {
    struct store store; /* first: ops get it back */
    struct store_checkpoint rows[64];
    size_t n;
    int64_t points;           /* epochs of the curve */
    unsigned events;          /* "checkpoint_unusable" so far */
    char event[512];          /* the last one's sentence */
    enum err_code refuse;     /* checkpoint_add fails with this */
    bool refuse_committed;    /* though it has committed */
    enum err_code unlisted;   /* checkpoint_list fails with this */
    void (*meanwhile)(void);  /* called once, within job_get */
    void (*around_add)(void); /* called before and after a row is kept */
};

static struct fake fake;
static struct checkpoints *checkpoints;
static char ckpt_dir[96];
static struct store_job job;

/* Rows of a job, newest first. */
static size_t fake_rows(int64_t job_id, struct store_checkpoint *out, size_t max)
{
    int64_t below = INT64_MAX;
    size_t n = 0, i;

    while (n < max) {
        const struct store_checkpoint *best = NULL;

        for (i = 0; i < fake.n; i++) {
            const struct store_checkpoint *r = &fake.rows[i];

            if (r->job_id == job_id && r->generation < below &&
                (best == NULL || r->generation > best->generation)) {
                best = r;
            }
        }
        if (best == NULL) {
            break;
        }
        out[n++] = *best;
        below = best->generation;
    }
    return n;
}

static void fake_drop(int64_t job_id, int64_t below, int64_t past_epoch)
{
    size_t i, k = 0;

    for (i = 0; i < fake.n; i++) {
        const struct store_checkpoint *r = &fake.rows[i];

        if (r->job_id != job_id || (r->generation >= below && r->epoch <= past_epoch)) {
            fake.rows[k++] = *r;
        }
    }
    fake.n = k;
}

static int fake_add(struct store *store, const char *owner,
                    const struct store_checkpoint *checkpoint, struct err *err)
{
    struct store_checkpoint kept[STORE_CHECKPOINTS];
    size_t n;

    ck_assert_ptr_eq(store, &fake.store);
    ck_assert_str_eq(owner, OWNER);
    if (fake.refuse != ERR_NONE && !fake.refuse_committed) {
        return err_set(err, fake.refuse, "refused");
    }
    if (fake.around_add != NULL) {
        fake.around_add();
    }
    n = fake_rows(checkpoint->job_id, kept, STORE_CHECKPOINTS);
    ck_assert(n == 0 || checkpoint->generation > kept[0].generation);
    ck_assert_uint_lt(fake.n, ARRAY_LEN(fake.rows));
    fake.rows[fake.n++] = *checkpoint;
    n = fake_rows(checkpoint->job_id, kept, STORE_CHECKPOINTS);
    fake_drop(checkpoint->job_id, kept[n - 1].generation, INT64_MAX);
    if (fake.around_add != NULL) {
        fake.around_add();
    }
    return fake.refuse != ERR_NONE ? err_set(err, fake.refuse, "refused, too late") : 0;
}

static int fake_list(struct store *store, int64_t job_id,
                     struct store_checkpoint out[STORE_CHECKPOINTS], size_t *n, struct err *err)
{
    (void)store;
    if (fake.unlisted != ERR_NONE) {
        return err_set(err, fake.unlisted, "not now");
    }
    *n = fake_rows(job_id, out, STORE_CHECKPOINTS);
    return 0;
}

static int fake_all(struct store *store, struct store_checkpoint **out, size_t *n, struct err *err)
{
    (void)store;
    if (fake.unlisted != ERR_NONE) {
        return err_set(err, fake.unlisted, "not now");
    }
    *n = fake.n;
    *out = NULL;
    if (fake.n > 0) {
        *out = xmalloc(fake.n * sizeof **out);
        memcpy(*out, fake.rows, fake.n * sizeof **out);
    }
    return 0;
}

static int fake_cut(struct store *store, int64_t job_id, const char *owner, int64_t epoch,
                    struct err *err)
{
    (void)store;
    (void)err;
    ck_assert_str_eq(owner, OWNER);
    fake_drop(job_id, 0, epoch);
    fake.points = fake.points > epoch ? epoch : fake.points;
    return 0;
}

static int fake_event(struct store *store, int64_t job_id, const char *kind, const char *detail,
                      struct err *err)
{
    (void)store;
    (void)err;
    ck_assert_int_eq(job_id, job.id);
    ck_assert_str_eq(kind, "checkpoint_unusable");
    (void)snprintf(fake.event, sizeof fake.event, "%s", detail);
    fake.events++;
    return 0;
}

static int fake_job(struct store *store, int64_t id, struct store_job *out, struct err *err)
{
    void (*meanwhile)(void) = fake.meanwhile;

    (void)store;
    (void)err;
    fake.meanwhile = NULL;
    if (meanwhile != NULL) {
        meanwhile();
    }
    *out = (struct store_job){.id = id, .resolved_json = xstrdup(job.resolved_json)};
    return 0;
}

static const struct store_ops fake_ops = {
    .checkpoint_add = fake_add,
    .checkpoint_list = fake_list,
    .checkpoint_all = fake_all,
    .curve_cut = fake_cut,
    .event_add = fake_event,
    .job_get = fake_job,
};

static inline void ckpt_open(void)
{
    struct err err = ERR_INIT;

    ck_assert_msg(checkpoints_new(ckpt_dir, &fake.store, &checkpoints, &err) == 0, "%s",
                  err.detail);
}

static inline void ckpt_setup(void)
{
    static char resolved[] = "{\"epochs\": 100}";
    bool in_memory = access("/dev/shm", W_OK) == 0; /* where a sync takes no time */

    (void)snprintf(help_dir, sizeof help_dir, "%s/mlpd-check-XXXXXX",
                   in_memory ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(help_dir));
    hash_start();
    log_set_level(LOG_ERROR);
    fake = (struct fake){.store.ops = &fake_ops, .points = 1000};
    job = (struct store_job){.id = 7, .resolved_json = resolved};
    (void)snprintf(ckpt_dir, sizeof ckpt_dir, "%s/checkpoints", help_dir);
    ckpt_open();
}

static inline void ckpt_teardown(void)
{
    file_hook = NULL;
    checkpoints_free(&checkpoints);
    ck_assert_ptr_null(checkpoints);
    help_teardown();
}

/* The checkpoint of epoch `epoch`: all its bytes follow from that number. */
static inline struct checkpoint ckpt_make(int64_t epoch, size_t state_bytes)
{
    struct checkpoint c = {.epoch = epoch, .state_bytes = state_bytes};
    unsigned char *bytes = xmalloc(state_bytes + 1);
    size_t i;

    c.notes = xasprintf("{\"epoch\": %lld}", (long long)epoch);
    for (i = 0; i < state_bytes; i++) {
        bytes[i] = (unsigned char)((uint64_t)epoch * 31 + i * 7 + (i >> 8));
    }
    c.state = bytes;
    return c;
}

static inline int ckpt_try(int64_t epoch, size_t state_bytes, struct err *err)
{
    struct checkpoint c = ckpt_make(epoch, state_bytes);
    int rc = checkpoint_write(checkpoints, &job, OWNER, &c, err);

    checkpoint_fini(&c);
    return rc;
}

static inline void ckpt_write(int64_t epoch, size_t state_bytes)
{
    struct err err = ERR_INIT;

    ck_assert_msg(ckpt_try(epoch, state_bytes, &err) == 0, "%s", err.detail);
}

/* The epoch of what is read, every byte of it looked at; -1: there is none. */
static inline int64_t ckpt_read(size_t state_bytes)
{
    struct checkpoint c = {.state = NULL}, want;
    struct err err = ERR_INIT;
    int rc = checkpoint_read(checkpoints, &job, OWNER, &c, &err);
    int64_t epoch;

    ck_assert_msg(rc >= 0, "%s", err.detail);
    if (rc == 1) {
        ck_assert_ptr_null(c.state);
        return -1;
    }
    epoch = c.epoch;
    want = ckpt_make(epoch, state_bytes);
    ck_assert_str_eq(c.notes, want.notes);
    ck_assert_uint_eq(c.state_bytes, want.state_bytes);
    ck_assert_mem_eq(c.state, want.state, state_bytes);
    checkpoint_fini(&want);
    checkpoint_fini(&c);
    return epoch;
}

/* Files of the folder. */
static inline size_t ckpt_files(void)
{
    DIR *d = opendir(ckpt_dir);
    const struct dirent *entry;
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    while ((entry = readdir(d)) != NULL) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    ck_assert_int_eq(closedir(d), 0);
    return n;
}

static inline char *ckpt_path(int64_t job_id, int64_t generation)
{
    return xasprintf("%s/%lld.%lld", ckpt_dir, (long long)job_id, (long long)generation);
}

static inline void help_spill(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static inline unsigned char *help_slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    unsigned char *bytes;
    struct stat st;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fstat(fileno(f), &st), 0);
    bytes = xmalloc((size_t)st.st_size + 1);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)st.st_size, f), (size_t)st.st_size);
    ck_assert_int_eq(fclose(f), 0);
    *len = (size_t)st.st_size;
    return bytes;
}

#endif

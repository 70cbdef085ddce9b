/* The helper of a dataset writer: it turns one group into chunks and writes them while the caller
 * reads the next one from his text. Half of an upload's time is on either side.
 *
 * It begins with the first full group, so that a small table has none. At most HELPERS are at work
 * in the process, however many tables come in at a time; a writer that gets none, or no memory for
 * a second group, writes its groups itself, and the file is the same.
 *
 * Two groups go back and forth: `filling`, the caller's, and `writing`, the helper's while `busy`.
 * Under the lock are only `busy`, `over` and who has what; a group is written without it. After a
 * failure nothing is written any more, and the caller hears of it when he comes with the next group
 * or with the end.
 */
#include "data/dataset_write_priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"

#define HELPERS 16

static atomic_int helpers; /* at work */

struct behind {
    struct dataset_writer *w;
    pthread_t thread;
    int64_t job; /* whose thread the caller is; see crash.h */
    pthread_mutex_t mtx;
    pthread_cond_t changed;
    bool busy, over;
    struct writer_group writing;
    int rc; /* of all groups so far; the caller's while not `busy`, as are these: */
    struct err err;
};

static void *behind_main(void *arg)
{
    struct behind *b = arg;
    void *stack = crash_stack_new();

    crash_job_set(b->job);
    PTOK(pthread_mutex_lock(&b->mtx));
    for (;;) {
        while (!b->busy && !b->over) {
            PTOK(pthread_cond_wait(&b->changed, &b->mtx));
        }
        if (!b->busy) {
            break;
        }
        PTOK(pthread_mutex_unlock(&b->mtx));
        b->rc = dataset_write_group(b->w, &b->writing, &b->err);
        PTOK(pthread_mutex_lock(&b->mtx));
        b->busy = false;
        PTOK(pthread_cond_signal(&b->changed));
    }
    PTOK(pthread_mutex_unlock(&b->mtx));
    crash_stack_free(&stack);
    return NULL;
}

static void behind_free(struct behind *b)
{
    dataset_write_group_free(&b->writing);
    err_fini(&b->err);
    PTOK(pthread_cond_destroy(&b->changed));
    PTOK(pthread_mutex_destroy(&b->mtx));
    free(b);
    atomic_fetch_sub(&helpers, 1);
}

/* NULL: there is none for this writer. */
static struct behind *behind_new(struct dataset_writer *w)
{
    struct behind *b;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        return NULL;
    }
    if (atomic_fetch_add(&helpers, 1) >= HELPERS) {
        atomic_fetch_sub(&helpers, 1);
        return NULL;
    }
    b = xcalloc(1, sizeof *b);
    b->w = w;
    b->job = crash_job();
    b->err = (struct err)ERR_INIT;
    PTOK(pthread_mutex_init(&b->mtx, NULL));
    PTOK(pthread_cond_init(&b->changed, NULL));
    if (dataset_write_group_alloc(w, &b->writing) != 0 ||
        pthread_create(&b->thread, NULL, behind_main, b) != 0) {
        behind_free(b);
        return NULL;
    }
    PTOK(pthread_setname_np(b->thread, "mlpd-dataset"));
    return b;
}

/* The helper has nothing to do: what came of the groups so far. */
static int wait_for(struct behind *b, struct err *err)
{
    PTOK(pthread_mutex_lock(&b->mtx));
    while (b->busy) {
        PTOK(pthread_cond_wait(&b->changed, &b->mtx));
    }
    PTOK(pthread_mutex_unlock(&b->mtx));
    if (b->rc != 0 && err_is(&b->err)) {
        err_move(err, &b->err);
    }
    return b->rc;
}

static void give(struct behind *b, struct writer_group *filled)
{
    struct writer_group empty = b->writing;

    PTOK(pthread_mutex_lock(&b->mtx));
    b->writing = *filled;
    b->busy = true;
    PTOK(pthread_cond_signal(&b->changed));
    PTOK(pthread_mutex_unlock(&b->mtx));
    *filled = empty;
}

int dataset_write_hand_over(struct dataset_writer *w, struct err *err)
{
    int rc = 0;
    size_t i;

    for (i = 0; i < w->n_columns; i++) {
        w->filling.known[i] =
            w->columns[i].dict != NULL ? (uint32_t)dict_size(w->columns[i].dict) : 0;
    }
    w->filled += w->filling.rows;
    if (w->behind == NULL && !w->alone) {
        w->behind = behind_new(w);
        w->alone = w->behind == NULL;
    }
    if (w->behind != NULL) {
        rc = wait_for(w->behind, err);
        if (rc == 0) {
            give(w->behind, &w->filling);
        }
    } else {
        rc = dataset_write_group(w, &w->filling, err);
    }
    w->filling.rows = 0;
    w->next = w->filling.cells;
    return rc;
}

int dataset_write_settle(struct dataset_writer *w, struct err *err)
{
    struct behind *b = w->behind;
    int rc;

    w->alone = true;
    w->behind = NULL;
    if (b == NULL) {
        return 0;
    }
    rc = wait_for(b, err);
    PTOK(pthread_mutex_lock(&b->mtx));
    b->over = true;
    PTOK(pthread_cond_signal(&b->changed));
    PTOK(pthread_mutex_unlock(&b->mtx));
    PTOK(pthread_join(b->thread, NULL));
    behind_free(b);
    return rc;
}

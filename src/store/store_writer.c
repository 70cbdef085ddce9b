/* The writer: one thread, the only read-write connection, many callers.
 *
 * A caller describes its change as a command on its own stack, queues it and sleeps. The
 * writer takes everything that waits, runs it in one transaction with a savepoint for each
 * command, commits once (one fsync for all), and only then wakes the callers. So a command
 * that fails undoes itself alone, and a caller that returns with success has its change on
 * the disk.
 *
 * Invariant of the stack memory: a caller leaves store_writer_call only when its command is
 * DONE, or was taken out of the queue under the lock before the writer took it.
 *
 * When the disk fails or the database is damaged, the batch is rolled back, all its callers
 * get the error, and no write is tried again in this process: after a failed fsync nobody
 * knows what is on the disk until recovery has read it. Reads go on. A full disk is
 * forgiven, unless it was a sync that failed: the next write tries again.
 *
 * The log goes into the database (a checkpoint) when it has grown long, after the callers were
 * woken. SQLite would do that by itself, but tell nobody that it failed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "store/store_sqlite_priv.h"

#define HASTY_SECONDS 2
#ifndef STORE_CHECKPOINT_PAGES /* a test takes fewer */
#define STORE_CHECKPOINT_PAGES 1000
#endif

enum command_state { COMMAND_QUEUED, COMMAND_TAKEN, COMMAND_DONE };

struct command {
    TAILQ_ENTRY(command) link;
    writer_run_f *run;
    void *arg;
    struct err *err;          /* the caller's */
    int rc;
    enum command_state state; /* guarded by writer->lock */
    pthread_cond_t done;
};

/* ---- on the writer's thread ---- */

static void note_sick(struct writer *w, const struct err *why)
{
    counter_add(COUNTER_STORE_FAILURES, 0, 1);
    PTOK(pthread_mutex_lock(&w->lock));
    w->stuck = why->code == ERR_IO || why->code == ERR_CORRUPT;
    (void)err_set(&w->sick, why->code, "%s", why->detail);
    PTOK(pthread_mutex_unlock(&w->lock));
    if (w->stuck) {
        log_error("writes have ended until the daemon is started again");
    }
}

static void note_well(struct writer *w)
{
    if (w->sick.code != ERR_NONE) { /* written by this thread alone */
        PTOK(pthread_mutex_lock(&w->lock));
        err_fini(&w->sick);
        w->sick = (struct err)ERR_INIT;
        PTOK(pthread_mutex_unlock(&w->lock));
    }
}

static void fail_all(struct command_list *batch, const struct err *why)
{
    struct command *cmd;

    TAILQ_FOREACH(cmd, batch, link) {
        cmd->rc = err_set(cmd->err, why->code, "%s", why->detail);
    }
}

static bool ends_batch(struct writer *w, const struct err *err)
{
    /* SQLite itself rolls back on some errors; then the commands before are gone too. */
    return err->code == ERR_IO || err->code == ERR_CORRUPT
           || sqlite3_get_autocommit(w->db.handle);
}

/* 0, or -1 with the whole batch undone and the reason in *why. */
static int run_commands(struct writer *w, struct command_list *batch, struct err *why)
{
    struct command *cmd;
    struct sql q;

    q = sql_open(&w->db, "BEGIN IMMEDIATE");
    if (sql_run(&q, why) != 0) {
        return -1;
    }
    TAILQ_FOREACH(cmd, batch, link) {
        bool full;

        q = sql_open(&w->db, "SAVEPOINT command");
        if (sql_run(&q, why) != 0) {
            return -1;
        }
        cmd->rc = cmd->run(&w->db, cmd->arg, cmd->err);
        full = cmd->rc < 0 && cmd->err->code == ERR_NO_SPACE;
        if (cmd->rc < 0 && ends_batch(w, cmd->err)) {
            return err_set(why, cmd->err->code, "%s", cmd->err->detail);
        }
        if (full) {
            note_sick(w, cmd->err);
        }
        if (cmd->rc < 0) {
            q = sql_open(&w->db, "ROLLBACK TO command");
            if (sql_run(&q, why) != 0) {
                return -1;
            }
        }
        q = sql_open(&w->db, "RELEASE command");
        if (sql_run(&q, why) != 0) {
            return -1;
        }
    }
    CRASH_POINT("writer-before-commit");
    q = sql_open(&w->db, "COMMIT");
    if (sql_run(&q, why) != 0) {
        return -1;
    }
    CRASH_POINT("writer-after-commit"); /* durable, and nobody was told */
    return 0;
}

static void run_batch(struct writer *w, struct command_list *batch)
{
    struct err why = ERR_INIT;
    struct command *cmd;
    bool any_full = false;
    double start = clock_monotonic();

    w->db.wrote = w->db.deliveries = false;
    if (w->stuck) {
        fail_all(batch, &w->sick);
        return;
    }
    db_rollback(&w->db); /* does nothing, unless the last rollback failed for want of memory */
    if (run_commands(w, batch, &why) != 0) {
        db_rollback(&w->db);
        fail_all(batch, &why);
        if (why.code != ERR_BUSY && why.code != ERR_NO_MEMORY) {
            note_sick(w, &why);
        }
        err_fini(&why);
        return;
    }
    if (w->db.wrote) {
        histogram_add(HISTOGRAM_STORE_SECONDS, 0, clock_monotonic() - start);
    }
    TAILQ_FOREACH(cmd, batch, link) {
        any_full |= cmd->rc < 0 && cmd->err->code == ERR_NO_SPACE;
    }
    if (w->db.wrote && !any_full) { /* a commit of nothing proves nothing */
        note_well(w);
    }
}

static int note_pages(void *arg, sqlite3 *handle, const char *schema, int pages)
{
    struct db *db = arg;

    (void)handle; /* it has one database */
    (void)schema;
    db->log_pages = pages;
    db->wrote = true;
    return SQLITE_OK;
}

static void shorten_log(struct writer *w)
{
    struct err err = ERR_INIT;
    int rc;

    if (w->stuck || w->db.log_pages < STORE_CHECKPOINT_PAGES) {
        return;
    }
    w->db.log_pages = 0; /* the next commit tells */
    errno = 0;
    rc = sqlite3_wal_checkpoint_v2(w->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    /* All is in the log still: what may pass puts it off until the next commit. */
    if (rc != SQLITE_OK && db_error(&w->db, rc, &err) != 0
        && (err.code == ERR_IO || err.code == ERR_CORRUPT)) {
        note_sick(w, &err);
    }
    err_fini(&err);
}

/* Whoever waits for deliveries looks for itself: one call too many does no harm. */
static void wake_watcher(struct writer *w, void (*wake)(void *arg), void *arg)
{
    if (w->db.deliveries && wake != NULL) {
        wake(arg);
    }
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    void (*wake)(void *arg);
    void *wake_arg;

    PTOK(pthread_mutex_lock(&w->lock));
    for (;;) {
        struct command_list batch = TAILQ_HEAD_INITIALIZER(batch);
        struct command *cmd;

        while (TAILQ_EMPTY(&w->queue) && !w->stop) {
            PTOK(pthread_cond_wait(&w->work, &w->lock));
        }
        if (TAILQ_EMPTY(&w->queue)) {
            break;
        }
        TAILQ_CONCAT(&batch, &w->queue, link);
        w->n_queued = 0;
        TAILQ_FOREACH(cmd, &batch, link) {
            cmd->state = COMMAND_TAKEN;
        }
        PTOK(pthread_cond_broadcast(&w->space));
        PTOK(pthread_mutex_unlock(&w->lock));

        run_batch(w, &batch);

        PTOK(pthread_mutex_lock(&w->lock));
        while ((cmd = TAILQ_FIRST(&batch)) != NULL) {
            TAILQ_REMOVE(&batch, cmd, link);
            cmd->state = COMMAND_DONE;
            /* Under the lock: the caller destroys the condition once it has the lock. */
            PTOK(pthread_cond_signal(&cmd->done));
        }
        wake = w->wake;
        wake_arg = w->wake_arg;
        PTOK(pthread_mutex_unlock(&w->lock));
        wake_watcher(w, wake, wake_arg);
        shorten_log(w);
        PTOK(pthread_mutex_lock(&w->lock));
    }
    PTOK(pthread_mutex_unlock(&w->lock));
    return NULL;
}

/* ---- on the callers' threads ---- */

void store_writer_start(struct writer *w, size_t queue_limit)
{
    sigset_t all, old;

    w->queue_limit = queue_limit;
    TAILQ_INIT(&w->queue);
    PTOK(pthread_mutex_init(&w->lock, NULL));
    PTOK(pthread_cond_init(&w->work, NULL));
    PTOK(pthread_cond_init(&w->idle, NULL));
    clock_cond_init(&w->space);

    (void)sqlite3_wal_hook(w->db.handle, note_pages, &w->db); /* instead of SQLite's own */

    /* Signals are for main. */
    CHK(sigfillset(&all) == 0);
    PTOK(pthread_sigmask(SIG_SETMASK, &all, &old));
    PTOK(pthread_create(&w->thread, NULL, writer_main, w));
    PTOK(pthread_sigmask(SIG_SETMASK, &old, NULL));
    w->running = true;
}

void store_writer_stop(struct writer *w)
{
    if (!w->running) {
        return;
    }
    PTOK(pthread_mutex_lock(&w->lock));
    w->stop = true;
    PTOK(pthread_cond_broadcast(&w->work));
    PTOK(pthread_cond_broadcast(&w->space));
    while (w->n_callers > 0) {
        PTOK(pthread_cond_wait(&w->idle, &w->lock));
    }
    PTOK(pthread_mutex_unlock(&w->lock));
    PTOK(pthread_join(w->thread, NULL));
    PTOK(pthread_cond_destroy(&w->work));
    PTOK(pthread_cond_destroy(&w->space));
    PTOK(pthread_cond_destroy(&w->idle));
    PTOK(pthread_mutex_destroy(&w->lock));
    err_fini(&w->sick);
    w->running = false;
}

void store_writer_watch(struct writer *w, void (*wake)(void *arg), void *arg)
{
    PTOK(pthread_mutex_lock(&w->lock));
    w->wake = wake;
    w->wake_arg = arg;
    PTOK(pthread_mutex_unlock(&w->lock));
}

static int wait_locked(struct writer *w, pthread_cond_t *cond, const struct timespec *until)
{
    int rc = until == NULL ? pthread_cond_wait(cond, &w->lock)
                           : pthread_cond_timedwait(cond, &w->lock, until);

    CHK(rc == 0 || rc == ETIMEDOUT);
    return rc;
}

/* False when the command did not get in; `until` NULL = no limit. */
static bool enqueue_locked(struct writer *w, struct command *cmd, const struct timespec *until)
{
    while (w->n_queued >= w->queue_limit && !w->stop) {
        if (wait_locked(w, &w->space, until) == ETIMEDOUT && w->n_queued >= w->queue_limit) {
            return false;
        }
    }
    if (w->stop) {
        return false;
    }
    TAILQ_INSERT_TAIL(&w->queue, cmd, link);
    w->n_queued++;
    PTOK(pthread_cond_signal(&w->work));
    return true;
}

/* False when the command was taken out again. */
static bool await_locked(struct writer *w, struct command *cmd, const struct timespec *until)
{
    while (cmd->state != COMMAND_DONE) {
        if (wait_locked(w, &cmd->done, until) == ETIMEDOUT) {
            if (cmd->state == COMMAND_QUEUED) {
                TAILQ_REMOVE(&w->queue, cmd, link);
                w->n_queued--;
                PTOK(pthread_cond_signal(&w->space));
                return false;
            }
            until = NULL; /* the writer has it: its end is the only way out */
        }
    }
    return true;
}

int store_writer_call(struct writer *w, enum writer_manner manner, writer_run_f *run, void *arg,
                      struct err *err)
{
    struct command cmd = {.run = run, .arg = arg, .err = err, .state = COMMAND_QUEUED};
    struct timespec deadline;
    const struct timespec *until = NULL;

    if (!w->running) {
        return err_set(err, ERR_CONFLICT, "the store is open for reading only");
    }
    if (manner == WRITER_HASTY) {
        CHK(clock_gettime(CLOCK_MONOTONIC, &deadline) == 0);
        deadline.tv_sec += HASTY_SECONDS;
        until = &deadline;
    }
    clock_cond_init(&cmd.done);
    PTOK(pthread_mutex_lock(&w->lock));
    w->n_callers++;
    if (!enqueue_locked(w, &cmd, until) || !await_locked(w, &cmd, until)) {
        cmd.rc = err_set(err, ERR_BUSY, "the store is busy; try again in a moment");
    }
    w->n_callers--;
    if (w->stop && w->n_callers == 0) {
        PTOK(pthread_cond_signal(&w->idle));
    }
    PTOK(pthread_mutex_unlock(&w->lock));
    PTOK(pthread_cond_destroy(&cmd.done));
    return cmd.rc;
}

/* A write that changes nothing: the same application id again dirties one page. */
static int run_probe(struct db *db, void *arg, struct err *err)
{
    struct sql q = sql_open(db, "PRAGMA application_id = " STORE_APPLICATION_ID);

    (void)arg; /* it needs none */
    return sql_run(&q, err);
}

int store_writer_health(struct writer *w, struct err *err)
{
    enum err_code code;

    if (!w->running) {
        return 0; /* there is none to be ill */
    }
    PTOK(pthread_mutex_lock(&w->lock));
    code = w->sick.code;
    if (code != ERR_NONE) {
        (void)err_set(err, code, "%s", w->sick.detail);
    }
    PTOK(pthread_mutex_unlock(&w->lock));
    if (code == ERR_NO_SPACE) {
        err_fini(err);
        *err = (struct err)ERR_INIT;
        return store_writer_call(w, WRITER_HASTY, run_probe, NULL, err);
    }
    return code == ERR_NONE ? 0 : -1;
}

/* The runner: one claimed job from its row to its outcome; see runner.h.
 *
 * Runs on a worker thread. Whatever goes wrong inside a job is that job's error: `failed`
 * with a stable code and a sentence. What can go wrong besides is the store, at the very
 * end. A job is told finished in one commit; until that commit it is still `running`, and
 * if the daemon dies (or gives up on a damaged store) the next start puts it back into the
 * queue. So the end waits as long as waiting can help: a full disk is tried again until it
 * has room, and only a cancel ends a job without its model; a store that will not write again
 * before a restart is not.
 */
#include "jobs/runner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/runner_priv.h"

#define FINISH_PAUSE_MS     100   /* doubling */
#define FINISH_PAUSE_MAX_MS 2000
#define FINISH_TRIES        5     /* then it is said, and a cancel ends the job without its model */
#define SENTENCE_ITEMS      5

bool runner_interrupted(const struct runner_slot *slot)
{
    return atomic_load_explicit(slot->stop, memory_order_relaxed) ||
           atomic_load_explicit(slot->cancel, memory_order_relaxed) ||
           atomic_load_explicit(slot->pause, memory_order_relaxed);
}

void runner_pulse(const struct runner_slot *slot)
{
    (void)atomic_fetch_add_explicit(slot->pulse, 1, memory_order_relaxed);
}

bool runner_may_heal(enum err_code code)
{
    return code == ERR_NO_SPACE || code == ERR_BUSY || code == ERR_NO_MEMORY;
}

void runner_pause(const struct runner_slot *slot, long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    while (nanosleep(&left, &left) != 0) {
        CHK(errno == EINTR);
    }
    runner_pulse(slot);
}

void runner_event(const struct runner_slot *slot, const struct store_job *job, const char *kind,
                  const char *fmt, ...)
{
    struct store *store = datasets_store(slot->datasets);
    struct err err = ERR_INIT;
    char *detail;
    va_list ap;

    va_start(ap, fmt);
    detail = xvasprintf(fmt, ap);
    va_end(ap);
    if (store->ops->event_add(store, job->id, kind, detail, &err) != 0) {
        log_warn("an event of job %lld could not be stored (%s: %s): %s", (long long)job->id, kind,
                 detail, err.detail);
    }
    free(detail);
    err_fini(&err);
}

/* Where an item of a list of problems is. */
static void add_place(struct buf *out, const struct err_item *item)
{
    if (item->pointer != NULL) {
        buf_printf(out, "%s: ", item->pointer);
    }
    if (item->row != 0 && strncmp(item->detail, "row ", 4) == 0) {
        return; /* the words tell */
    }
    if (item->row != 0) {
        buf_printf(out, "row %lld", (long long)item->row);
        if (item->column != NULL) {
            buf_printf(out, ", column \"%s\"", item->column);
        }
        buf_puts(out, ": ");
    } else if (item->column != NULL) {
        buf_printf(out, "column \"%s\": ", item->column);
    }
}

char *runner_sentence(const struct err *err)
{
    struct buf out = BUF_INIT;
    size_t i, shown = err->n_items < SENTENCE_ITEMS ? err->n_items : SENTENCE_ITEMS;

    /* The detail of a list is often its first item's. */
    if (err->n_items == 0 || strcmp(err->detail, err->items[0].detail) != 0) {
        buf_puts(&out, err->detail);
    }
    for (i = 0; i < shown; i++) {
        buf_puts(&out, out.len > 0 ? "; " : "");
        add_place(&out, &err->items[i]);
        buf_puts(&out, err->items[i].detail);
    }
    if (err->n_items + err->n_dropped > shown) {
        buf_printf(&out, "; and %zu more", err->n_items + err->n_dropped - shown);
    }
    return buf_take(&out);
}

/* The job has ended, so nothing needs its checkpoints. */
static void forget_checkpoints(const struct runner_slot *slot, const struct store_job *job)
{
    if (slot->checkpoints != NULL) {
        checkpoint_remove(slot->checkpoints, job->id);
    }
}

/* A job that is not ours any more: say what became of it. */
static void released(const struct runner_slot *slot, const struct store_job *job)
{
    struct store *store = datasets_store(slot->datasets);
    struct store_job now = {.id = 0};
    struct err err = ERR_INIT;

    if (store->ops->job_get(store, job->id, &now, &err) == 0) {
        log_info("job %lld is %s", (long long)job->id, job_state_name(now.state));
        if (now.state == JOB_CANCELLED) {
            forget_checkpoints(slot, job);
        }
        store_job_fini(&now);
    }
    err_fini(&err);
}

static void release(const struct runner_slot *slot, const struct store_job *job)
{
    struct store *store = datasets_store(slot->datasets);
    struct err err = ERR_INIT;

    if (store->ops->job_release(store, job->id, slot->owner, &err) != 0) {
        log_warn("job %lld could not go back to the queue now, the next start puts it there: %s",
                 (long long)job->id, err.detail);
    } else {
        released(slot, job);
    }
    err_fini(&err);
}

void runner_give_up(const struct runner_slot *slot, const struct store_job *job,
                    const char *warnings_json)
{
    if (atomic_load(slot->cancel)) {
        struct store_outcome outcome = {.state = JOB_CANCELLED, .warnings_json = warnings_json};

        runner_finish(slot, job, &outcome);
    } else {
        release(slot, job);
    }
}

void runner_finish(const struct runner_slot *slot, const struct store_job *job,
                   const struct store_outcome *outcome)
{
    struct store *store = datasets_store(slot->datasets);
    const struct store_outcome none = {.state = JOB_CANCELLED,
                                       .warnings_json = outcome->warnings_json};
    const struct store_outcome *end = outcome;
    long pause = FINISH_PAUSE_MS;
    struct err err = ERR_INIT;
    size_t tries = 0;

    CRASH_POINT("runner-before-finish");
    while (store->ops->job_finish(store, job->id, slot->owner, end, &err) != 0) {
        log_error("the end of job %lld could not be stored: %s", (long long)job->id, err.detail);
        if (!runner_may_heal(err.code) || atomic_load(slot->stop)) {
            log_error("job %lld will run again after the next start", (long long)job->id);
            err_fini(&err);
            return;
        }
        if (err.code == ERR_NO_SPACE && outcome->has_model) {
            if (++tries == FINISH_TRIES) {
                runner_event(slot, job, "waits_for_room",
                             "the disk has no room for the model: free some, or cancel the job");
            }
            end = tries >= FINISH_TRIES && atomic_load(slot->cancel) ? &none : outcome;
        }
        err_fini(&err);
        runner_pause(slot, pause);
        pause = pause * 2 > FINISH_PAUSE_MAX_MS ? FINISH_PAUSE_MAX_MS : pause * 2;
    }
    CRASH_POINT("runner-after-finish");
    histogram_add(HISTOGRAM_JOB_SECONDS, 0, (double)(clock_now_ms() - job->started_at) / 1e3);
    forget_checkpoints(slot, job);
    if (end->error_code != NULL) {
        log_warn("job %lld %s: %s: %s", (long long)job->id, job_state_name(end->state),
                 end->error_code, end->error_detail);
    } else {
        log_info("job %lld %s", (long long)job->id, job_state_name(end->state));
    }
}

void runner_fail(const struct runner_slot *slot, const struct store_job *job,
                 const struct err *why, const char *warnings_json)
{
    char *sentence = runner_sentence(why);
    struct store_outcome outcome = {
        .state = JOB_FAILED,
        .warnings_json = warnings_json,
        .error_code = err_code_name(why->code),
        .error_detail = sentence,
    };

    runner_finish(slot, job, &outcome);
    free(sentence);
}

void runner_run(const struct runner_slot *slot, const struct store_job *job)
{
    struct err err = ERR_INIT;

    log_info("job %lld runs: %s, attempt %lld", (long long)job->id, job->kind,
             (long long)job->attempt);
    CRASH_POINT("runner-before-work");
    if (job->attempt == 1) {
        histogram_add(HISTOGRAM_QUEUE_SECONDS, 0,
                      (double)(job->started_at - job->created_at) / 1e3);
    }
    if (strcmp(job->kind, "fetch") == 0) {
        runner_fetch(slot, job);
    } else if (strcmp(job->kind, "train") == 0 && job->resolved_json == NULL) {
        runner_fetch_train(slot, job);
    } else if (strcmp(job->kind, "train") == 0) {
        runner_train(slot, job);
    } else if (strcmp(job->kind, "evaluate") == 0) {
        runner_evaluate(slot, job);
    } else {
        (void)err_set(&err, ERR_INVALID, "this version cannot run jobs of kind \"%s\"", job->kind);
        runner_fail(slot, job, &err, NULL);
    }
    err_fini(&err);
}

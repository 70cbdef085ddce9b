/* POST /datasets with JSON: a URL -> a committed job of kind fetch; see submit.h.
 *
 * The job's row has the body as it came, and that is all there is until its end: a daemon that is
 * killed meanwhile begins the fetch anew.
 *
 * Any thread; the one that asks waits for the commit.
 */
#include <stdlib.h>

#include "base/counters.h"
#include "base/mem.h"
#include "jobs/fetch.h"
#include "jobs/fetch_wish.h"
#include "jobs/pool.h"
#include "jobs/submit_priv.h"

/* The body, which ends with its length, as a text of its own. */
static char *copy_text(const struct submit_body *body)
{
    struct buf b = BUF_INIT;

    buf_printf(&b, "%.*s", (int)body->len, body->text);
    return buf_take(&b);
}

int submit_fetch(struct datasets *datasets, struct pool *pool, const struct submit_limits *limits,
                 const struct submit_body *body, struct submitted *out, struct err *err)
{
    struct store *store = datasets_store(datasets);
    struct fetch_wish wish = FETCH_WISH_INIT;
    struct submitted done = {.state = JOB_QUEUED};
    struct store_job_new job = {
        .kind = "fetch", .no_model = true, .max_queued = limits->max_queued};
    char *text;
    int rc;

    if (submit_check_queue(store, limits, err) != 0 ||
        submit_check_room(store, limits, 0, err) != 0 ||
        fetch_wish_parse(body->text, body->len, &wish, err) != 0) {
        return -1;
    }
    rc = fetch_check(limits->fetch, wish.url, "/url", err);
    if (rc == 0) {
        text = copy_text(body);
        job.config_json = text;
        job.name = wish.name;
        rc = store->ops->job_submit(store, &job, &done.job_id, &done.model_id, err);
        free(text);
    }
    fetch_wish_fini(&wish);
    if (rc != 0) {
        return -1;
    }
    counter_add(COUNTER_JOBS_SUBMITTED, KIND_FETCH, 1);
    *out = done;
    pool_wake(pool);
    return 0;
}

/* A job of kind fetch: a URL -> a dataset with a name. And a job of kind train with a data.url,
 * which begins the same way: its data becomes a nameless dataset, its row gets the config resolved
 * against that, and then it is a training like any other.
 *
 * Bytes go from the connection into jobs/intake and so into a temporary file; until the store's row
 * there is nothing that a cancel, a stop, a kill or an error would leave. What is interrupted
 * begins anew when the job is claimed again. Neither log nor events have the URL: it may hold a
 * secret.
 *
 * Runs on a worker thread.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/config.h"
#include "jobs/fetch.h"
#include "jobs/fetch_wish.h"
#include "jobs/intake.h"
#include "jobs/json_util.h"
#include "jobs/runner_priv.h"
#include "jobs/submit.h"

#define TELL_SECONDS 0.25 /* between two words of the progress */

struct fetching {
    const struct runner_slot *slot;
    const struct fetch_wish *wish;
    struct intake *intake;
    int64_t ticket; /* 0: none */
    double told_at;
    struct pool_progress progress;
};

/* What came of it. */
struct result {
    struct fetched fetched;
    struct dataset_summary summary;
    enum reader_format format;
    size_t columns;
    int64_t dataset_id;
    bool created;
    double seconds;
};

static void tell(struct fetching *f)
{
    struct pool_progress *p = &f->progress;

    p->fraction = p->fetch_bytes != UINT64_MAX && p->fetch_bytes > 0
                      ? (double)p->fetched_bytes / (double)p->fetch_bytes
                      : 0;
    f->slot->progress(f->slot->arg, p);
    if (f->ticket != 0) {
        datasets_upload_progress(f->slot->datasets, f->ticket, p->fetched_rows,
                                 f->intake != NULL ? intake_bytes(f->intake) : 0);
    }
    f->told_at = clock_monotonic();
}

static void tell_at_times(struct fetching *f)
{
    if (clock_monotonic() - f->told_at >= TELL_SECONDS) {
        tell(f);
    }
}

static int begin(void *arg, uint64_t total, struct err *err)
{
    struct fetching *f = arg;
    const struct submit_limits *limits = f->slot->limits;
    const struct intake_limits to = {.most_bytes = limits->fetch->most_bytes,
                                     .state = limits->state,
                                     .reserve = limits->disk_reserve};

    intake_free(&f->intake);
    f->progress.fetched_bytes = f->progress.fetched_rows = 0;
    f->progress.fetch_bytes = total;
    tell(f);
    return intake_new(f->slot->datasets, &f->wish->options, &to, &f->intake, err);
}

static int take(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct fetching *f = arg;
    int rc = intake_feed(f->intake, bytes, len, err);

    f->progress.fetched_bytes += len;
    f->progress.fetched_rows = reader_rows(intake_reader(f->intake));
    tell_at_times(f);
    return rc;
}

static bool ends(void *arg)
{
    struct fetching *f = arg;

    tell_at_times(f); /* no byte may come for long */
    runner_pulse(f->slot);
    return runner_interrupted(f->slot);
}

static int publish(struct fetching *f, struct result *out, struct err *err)
{
    struct datasets *datasets = f->slot->datasets;
    const struct dataset *ds = NULL;

    if (intake_finish(f->intake, &out->summary, err) != 0 ||
        datasets_open(datasets, out->summary.sha256, &ds, err) != 0) {
        return -1;
    }
    out->format = reader_format(intake_reader(f->intake));
    out->columns = dataset_n_columns(ds);
    datasets_put(datasets, &ds);
    return datasets_add(datasets, f->wish->name, &out->summary, out->columns, f->wish->replace,
                        &out->dataset_id, &out->created, err);
}

/* From the first request to the store's row. 0, -1, or 1 when interrupted. */
static int fetch(const struct runner_slot *slot, const struct store_job *job,
                 const struct fetch_wish *wish, const char *pointer, struct result *out,
                 struct err *err)
{
    struct fetching f = {.slot = slot, .wish = wish, .progress = POOL_PROGRESS_INIT};
    const struct fetch_taker taker = {.begin = begin, .bytes = take, .ends = ends, .arg = &f};
    double began = clock_monotonic();
    int rc;

    /* The daemon may have been told otherwise since the job was taken. */
    if (fetch_check(slot->limits != NULL ? slot->limits->fetch : NULL, wish->url, pointer, err) !=
            0 ||
        (wish->name != NULL &&
         datasets_upload_begin(slot->datasets, wish->name, &f.ticket, err) != 0)) {
        return -1;
    }
    f.progress.phase = "fetching";
    f.progress.fetching = true;
    f.progress.fetch_bytes = UINT64_MAX;
    tell(&f);
    rc = fetch_run(slot->limits->fetch, wish->url, wish->sha256[0] != '\0' ? wish->sha256 : NULL,
                   &taker, &out->fetched, err);
    rc = rc == 0 ? publish(&f, out, err) : rc;
    out->seconds = clock_monotonic() - began;
    intake_free(&f.intake);
    if (f.ticket != 0) {
        datasets_upload_end(slot->datasets, f.ticket);
    }
    if (rc == 0) {
        runner_event(slot, job, "fetched", "%" PRIu64 " bytes in %u %s, sha256 %s",
                     out->fetched.bytes, out->fetched.tries,
                     out->fetched.tries == 1 ? "try" : "tries", out->fetched.sha256);
    }
    return rc;
}

/* ---- a job of kind fetch ---- */

static char *result_text(const struct result *r)
{
    struct buf b = BUF_INIT;

    buf_printf(&b,
               "{\"dataset_id\":%" PRId64 ",\"sha256\":\"%s\",\"created\":%s,\"format\":\"%s\","
               "\"rows\":%" PRIu64 ",\"columns\":%zu,\"bytes\":%" PRIu64
               ",\"fetched\":{\"bytes\":%" PRIu64 ",\"sha256\":\"%s\",\"tries\":%u,\"seconds\":",
               r->dataset_id, r->summary.sha256, r->created ? "true" : "false",
               reader_format_name(r->format), r->summary.rows, r->columns, r->summary.bytes,
               r->fetched.bytes, r->fetched.sha256, r->fetched.tries);
    json_util_number(&b, r->seconds);
    buf_puts(&b, "}}");
    return buf_take(&b);
}

static int no_config(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the job has no stored config");
}

void runner_fetch(const struct runner_slot *slot, const struct store_job *job)
{
    struct fetch_wish wish = FETCH_WISH_INIT;
    struct result result = {.dataset_id = 0};
    struct err err = ERR_INIT;
    int rc = job->config_json == NULL
                 ? no_config(&err)
                 : fetch_wish_parse(job->config_json, strlen(job->config_json), &wish, &err);

    if (rc == 0) {
        rc = fetch(slot, job, &wish, "/url", &result, &err);
    }
    if (rc == 1) {
        runner_give_up(slot, job, NULL);
    } else if (rc != 0) {
        runner_fail(slot, job, &err, NULL);
    } else {
        char *text = result_text(&result);
        struct store_outcome outcome = {.state = JOB_SUCCEEDED, .result_json = text};

        runner_finish(slot, job, &outcome);
        free(text);
    }
    fetch_wish_fini(&wish);
    err_fini(&err);
}

/* ---- the data.url of a training ---- */

static int read_wish(const struct store_job *job, struct fetch_wish *out, struct err *err)
{
    struct config *config = NULL;

    if (job->config_json == NULL) {
        return no_config(err);
    }
    if (config_parse(job->config_json, strlen(job->config_json), &config, err) != 0) {
        return -1;
    }
    if (config_url(config) == NULL) {
        config_free(&config);
        return no_config(err);
    }
    out->url = xstrdup(config_url(config));
    out->options.format = config_url_format(config);
    if (config_url_sha256(config) != NULL) {
        memcpy(out->sha256, config_url_sha256(config), sizeof out->sha256);
    }
    config_free(&config);
    return 0;
}

void runner_fetch_train(const struct runner_slot *slot, const struct store_job *job)
{
    struct store *store = datasets_store(slot->datasets);
    struct fetch_wish wish = FETCH_WISH_INIT;
    struct result result = {.dataset_id = 0};
    struct store_job settled = {.id = 0};
    struct err err = ERR_INIT;
    int rc = read_wish(job, &wish, &err);

    if (rc == 0) {
        rc = fetch(slot, job, &wish, "/data/url", &result, &err);
    }
    if (rc == 0) {
        rc = submit_settle(slot->datasets, slot->limits, job, slot->owner, result.summary.sha256,
                           &err);
    }
    if (rc != 0 && result.created) {
        struct err ignored = ERR_INIT; /* the rows stay, nameless and harmless */

        (void)!datasets_delete(slot->datasets, result.dataset_id, &ignored);
        err_fini(&ignored);
    }
    if (rc == 0) {
        rc = store->ops->job_get(store, job->id, &settled, &err);
    }
    if (rc == 1) {
        runner_give_up(slot, job, NULL);
    } else if (rc != 0) {
        runner_fail(slot, job, &err, NULL);
    } else {
        runner_train(slot, &settled);
    }
    store_job_fini(&settled);
    fetch_wish_fini(&wish);
    err_fini(&err);
}

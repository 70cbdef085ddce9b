/* GET /metrics: its text is the format, to the letter; and what is done shows up in the series it
 * belongs to, by exactly as much.
 *
 * A request is counted when it is over, which may be a moment after its answer was read, so that
 * tests look until the count is right; and once more, for it must not be more.
 */
#include "config.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "certificate.h"
#include "metrics_text.h"
#include "work.h"

static struct daemon d;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- looking --------------------------------------------------------------------------------- */

static struct metrics look_with(const char *token)
{
    const char *const headers[] = {text("Authorization: Bearer %s", token), NULL};
    struct reply *r = http_send(
        &(struct request){.path = "/metrics", .headers = token[0] != '\0' ? headers : NULL});

    want(r, 200);
    ck_assert_str_eq(reply_header(r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return metrics_read(r->body);
}

static struct metrics look(void)
{
    return look_with("");
}

static const char *asker = ""; /* a token, where there must be one */

/* Look until the series has grown by `by` since `before`, and not by more. */
static struct metrics grown(const struct metrics *before, const char *series, double by)
{
    double until = now_seconds() + 30 * PATIENCE, first = metrics_value(before, series);

    for (;;) {
        struct metrics now = look_with(asker);

        metrics_must_not_fall(before, &now);
        ck_assert_msg(metrics_value(&now, series) <= first + by,
                      "%s: %.17g, and then %.17g, not %g more", series, first,
                      metrics_value(&now, series), by);
        if (metrics_value(&now, series) == first + by) {
            return now;
        }
        ck_assert_msg(now_seconds() < until, "%s: %.17g, and then %.17g, not %g more", series,
                      first, metrics_value(&now, series), by);
        pause_briefly();
    }
}

static void reads(const char *series, double wanted)
{
    struct metrics m = look_with(asker);

    ck_assert_msg(metrics_find(&m, series) != NULL, "%s is not there", series);
    ck_assert_msg(metrics_value(&m, series) == wanted, "%s is %g", series,
                  metrics_value(&m, series));
}

#define REQUESTS(method, route, code)                                                              \
    "mlpd_http_requests_total{method=\"" method "\",route=\"" route "\",code=\"" code "\"}"
#define REFUSALS(reason) "mlpd_refusals_total{reason=\"" reason "\"}"
#define FINISHED(status) "mlpd_jobs_finished_total{status=\"" status "\"}"
#define JOBS(status)     "mlpd_jobs{status=\"" status "\"}"

/* ---- what it says of itself ---------------------------------------------------------------- */

/* docs/METRICS.md is made from the daemon's table: what is sent is what it lists. */
START_TEST(families_are_those_of_the_page)
{
    char *page = file_read(source_path("docs/METRICS.md"), NULL);
    struct metrics m = look();
    size_t listed = 0;

    for (char *p = page; (p = strstr(p, "\n| `")) != NULL; p++) {
        char name[96], type[16];
        size_t i;

        if (sscanf(p, "\n| `%95[a-z_]` | %15[a-z] |", name, type) != 2 ||
            strcmp(name, "mlpd_tls_certificate_expiry_timestamp_seconds") == 0) {
            continue;
        }
        for (i = 0; i < m.n_families && strcmp(m.families[i], text("%s %s", name, type)) != 0;
             i++) {
        }
        ck_assert_msg(i < m.n_families, "there is no %s %s", type, name);
        listed++;
    }
    ck_assert_uint_eq(listed, m.n_families);
}
END_TEST

START_TEST(it_says_what_it_is)
{
    struct metrics m = look();
    double started = metrics_value(&m, "process_start_time_seconds"), now = (double)time(NULL);
    double cpu = metrics_value(&m, "process_cpu_seconds_total");
    size_t builds = 0;

    for (size_t i = 0; i < m.n; i++) {
        if (strncmp(m.samples[i].series, "mlpd_build_info{", 16) == 0) {
            ck_assert_ptr_nonnull(strstr(m.samples[i].series, text("version=\"%s\"", d.version)));
            ck_assert_double_eq(m.samples[i].value, 1);
            builds++;
        }
    }
    ck_assert_uint_eq(builds, 1);
    ck_assert_double_le(started, now + 2);
    ck_assert_double_ge(started, now - 3600);
    ck_assert_double_gt(metrics_value(&m, "process_open_fds"), 3);
    ck_assert_double_lt(metrics_value(&m, "process_open_fds"),
                        metrics_value(&m, "process_max_fds"));
    ck_assert_double_ge(metrics_value(&m, "process_threads"), 4);
    ck_assert_double_gt(metrics_value(&m, "process_resident_memory_bytes"), 1e6);
    ck_assert_double_eq(metrics_value(&m, "mlpd_store_writable"), 1);
    ck_assert_double_eq(metrics_value(&m, "mlpd_queue_paused"), 0);
    ck_assert_double_eq(metrics_value(&m, "mlpd_disk_reserve_bytes"), 64 << 20);
    ck_assert_double_gt(metrics_value(&m, "mlpd_disk_free_bytes"), 0);
    ck_assert_double_ge(metrics_value(&m, "mlpd_http_connections"), 1);
    ck_assert_ptr_null(metrics_find(&m, "mlpd_tls_certificate_expiry_timestamp_seconds"));
    m = look();
    ck_assert_double_eq(metrics_value(&m, "process_start_time_seconds"), started);
    ck_assert_double_ge(metrics_value(&m, "process_cpu_seconds_total"), cpu);
    want_problem(http_get("/metrics?format=json"), 400, NULL, "format");
}
END_TEST

START_TEST(requests_have_route_and_code)
{
    struct metrics before = look();

    want(http_get("/jobs"), 200);
    want(http_get("/jobs?limit=3"), 200);
    want(http_get("/jobs/999999"), 404);
    want(http_get("/nothing/of/the/kind"), 404);
    want(http_delete("/service"), 405);
    want(http_send(&(struct request){.method = "PATCH", .path = "/jobs"}), 405);
    want(http_poke("/gc?what=1"), 400);
    grown(&before, REQUESTS("GET", "/jobs", "200"), 2);
    grown(&before, REQUESTS("GET", "/jobs/{id}", "404"), 1);
    grown(&before, REQUESTS("other", "none", "404"), 1);
    grown(&before, REQUESTS("other", "none", "405"), 2);
    grown(&before, REQUESTS("POST", "/gc", "400"), 1);
    grown(&before, "mlpd_http_request_duration_seconds_count{method=\"GET\",route=\"/jobs/{id}\"}",
          1);
}
END_TEST

/* A client that goes before its body is whole gets no answer. */
START_TEST(a_request_without_an_answer)
{
    struct metrics before = look();
    char *head = text("POST /train HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
                      "Content-Length: 1000\r\n\r\n{\"data\": ",
                      d.host, d.port);
    int fd = raw_open();

    raw_write(fd, head, strlen(head));
    grown(&before, "mlpd_request_memory_bytes", 1000); /* its headers were read */
    close(fd);
    grown(&before, REQUESTS("POST", "/train", "none"), 1);
    reads("mlpd_request_memory_bytes", 0);
}
END_TEST

/* ---- work --------------------------------------------------------------------------------------
 */

START_TEST(a_job)
{
    struct metrics before = look(), after;
    int64_t job = train(XOR_JOB("")), model = trained(job);

    after = grown(&before, FINISHED("succeeded"), 1);
    after = grown(&before, "mlpd_job_duration_seconds_count", 1);
    grown(&before, "mlpd_job_queue_seconds_count", 1);
    grown(&before, "mlpd_jobs_submitted_total{kind=\"train\"}", 1);
    grown(&before, "mlpd_training_epochs_total", 400);
    grown(&before, "mlpd_training_samples_total", 1600);
    grown(&before, JOBS("succeeded"), 1);
    grown(&before, "mlpd_models", 1);
    ck_assert_double_ge(metrics_value(&after, "mlpd_datasets"), 1);
    ck_assert_double_gt(metrics_value(&after, "mlpd_store_write_duration_seconds_count"),
                        metrics_value(&before, "mlpd_store_write_duration_seconds_count") + 2);
    ck_assert_double_eq(metrics_value(&after, "mlpd_store_write_failures_total"), 0);

    /* and judged, as a job */
    before = look();
    upload_example("iris");
    job = train("{'preset': 'simple', "
                "'data': {'dataset': 'iris', 'target': 'species'}, 'training': {'epochs': 1}}");
    model = trained(job);
    job = integer(
        want(http_post("{\"dataset\": \"iris\"}", "/models/%lld/evaluate", (long long)model), 202),
        "/id");
    wait_for_job(job, "succeeded");
    grown(&before, "mlpd_jobs_submitted_total{kind=\"evaluate\"}", 1);
    grown(&before, FINISHED("succeeded"), 2);
    grown(&before, "mlpd_training_epochs_total", 1);
    /* a dry run is none */
    before = look();
    want(http_post(q(XOR_JOB("")), "/train?dry_run=true"), 200);
    grown(&before, "mlpd_jobs_submitted_total{kind=\"train\"}", 0);
}
END_TEST

START_TEST(other_ends_of_jobs)
{
    struct metrics before = look();
    int64_t job = train("{" XOR_DATA ", 'optimizer': {'type': 'sgd', 'learning_rate': 1e30}, "
                        "'training': {'epochs': 50}}");

    wait_for_job(job, "failed");
    grown(&before, FINISHED("failed"), 1);

    before = look();
    job = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    wait_for_epoch(job, 2);
    reads("mlpd_workers{state=\"busy\"}", 1);
    reads("mlpd_workers{state=\"idle\"}", 0);
    reads("mlpd_workers{state=\"stalled\"}", 0);
    reads(JOBS("running"), 1);
    cancel_job(job);
    grown(&before, FINISHED("cancelled"), 1);
    grown(&before, "mlpd_job_duration_seconds_count", 1);

    want(http_poke("/queue/pause"), 200);
    reads("mlpd_queue_paused", 1);
    before = look();
    job = train(XOR_JOB(""));
    reads(JOBS("queued"), 1);
    want(http_poke("/jobs/%lld/cancel", (long long)job), 200);
    want(http_poke("/jobs/%lld/cancel", (long long)job), 200); /* it has ended already */
    grown(&before, REQUESTS("POST", "/jobs/{id}/cancel", "200"), 2);
    grown(&before, FINISHED("cancelled"), 1);
    grown(&before, "mlpd_job_queue_seconds_count", 0);
    reads(JOBS("queued"), 0);
    want(http_poke("/queue/resume"), 200);
}
END_TEST

START_TEST(predictions)
{
    int64_t model = trained(train(XOR_JOB("")));
    struct metrics before = look();

    want(http_get("/models/%lld/predict?x=0,1", (long long)model), 200);
    want(http_post(q("{'instances': [[0,0],[0,1],[1,1]]}"), "/models/%lld/predict",
                   (long long)model),
         200);
    want(http_get("/models/%lld/predict?x=0,1,2", (long long)model), 422);
    grown(&before, "mlpd_predict_rows_total", 4);
    grown(&before, "mlpd_predict_batch_rows_count", 2);
    grown(&before, "mlpd_predict_batch_rows_sum", 4);
    grown(&before, "mlpd_predict_batch_rows_bucket{le=\"2\"}", 1);
    grown(&before, REQUESTS("GET", "/models/{key}/predict", "200"), 1);
    grown(&before, REQUESTS("POST", "/models/{key}/predict", "200"), 1);
    grown(&before, REQUESTS("GET", "/models/{key}/predict", "422"), 1);
}
END_TEST

START_TEST(uploads)
{
    static const char good[] = "a,b\n1,2\n3,4\n", bad[] = "a,b\n1,2\n3\n";
    struct metrics before = look();

    want(http_csv(good, "/datasets?name=counted"), 201);
    grown(&before, "mlpd_upload_bytes_total", sizeof good - 1);
    grown(&before, "mlpd_datasets", 1);
    grown(&before, "mlpd_models", 0);
    want(http_csv(bad, "/datasets?name=ragged"), 422);
    grown(&before, "mlpd_upload_bytes_total", sizeof good + sizeof bad - 2);
    grown(&before, "mlpd_datasets", 1);
    grown(&before, REQUESTS("POST", "/datasets", "422"), 1);
}
END_TEST

/* ---- refusals -------------------------------------------------------------------------------- */

START_TEST(strangers)
{
    struct metrics before = look();
    const char *const host[] = {"Host: evil.example", NULL};
    const char *const origin[] = {"Origin: http://evil.example", NULL};

    want(http_send(&(struct request){.path = "/jobs", .headers = host}), 403);
    want(http_send(&(struct request){.method = "POST", .path = "/queue/resume", .headers = origin}),
         403);
    grown(&before, REFUSALS("host"), 1);
    grown(&before, REFUSALS("origin"), 1);
    grown(&before, REQUESTS("other", "none", "403"), 2); /* before a route was looked for */
}
END_TEST

static void start_with(const char *name, const char *option)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", name, option, NULL});
}

static char *token_of(const char *state, const char *scope)
{
    const char *out = NULL;

    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", scope, "--note",
                                                      "t", "--state", state, NULL},
                                &out, NULL),
                     0);
    return text("%.82s", out);
}

START_TEST(tokens)
{
    char *state = scratch_path("guarded"), *reader;
    const char *headers[] = {NULL, NULL};
    struct metrics before;

    ck_assert_int_eq(mkdir(state, 0700), 0);
    asker = reader = token_of(state, "read");
    daemon_start(&d, state, (const char *const[]){"--workers", "1", "--require-token", NULL});
    before = look_with(asker);
    want(http_get("/jobs"), 401);
    want(http_get("/metrics"), 401);
    headers[0] = "Authorization: Bearer mlpd_nonsense";
    want(http_send(&(struct request){.path = "/jobs", .headers = headers}), 401);
    headers[0] = text("Authorization: Bearer %s", reader);
    want(http_send(&(struct request){.method = "POST", .path = "/gc", .headers = headers}), 403);
    grown(&before, REFUSALS("token"), 3);
    grown(&before, REFUSALS("scope"), 1);
    grown(&before, REQUESTS("GET", "/metrics", "401"), 1);
    asker = "";
    daemon_stop(&d);
}
END_TEST

/* Two that stay, and a third; once they are gone the count tells. */
static void too_many_connections(void)
{
    const char *ask;
    struct reply *r;
    int fds[2];

    start_with("--max-connections-per-client", "2");
    ask = text("GET /service HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", d.port);
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = raw_open();
        raw_write(fds[i], ask, strlen(ask));
        r = raw_read(fds[i], 30 * PATIENCE);
        ck_assert(r != NULL && r->status == 200);
    }
    want(http_get("/service"), 429);
    close(fds[0]);
    close(fds[1]);
    for (double refused = 1;; refused++) {
        r = http_get("/metrics");
        if (r->status == 200) {
            struct metrics now = metrics_read(r->body);

            ck_assert_double_eq(metrics_value(&now, REFUSALS("connections")), refused);
            break;
        }
        pause_briefly();
    }
    daemon_stop(&d);
}

START_TEST(too_many)
{
    struct metrics before;
    struct reply *r;
    double refused = 0;

    start_with("--max-queued", "1");
    want(http_poke("/queue/pause"), 200);
    before = look();
    ck_assert_int_gt(train(XOR_JOB("")), 0);
    want(http_post(q(XOR_JOB("")), "/train"), 503);
    grown(&before, REFUSALS("queue"), 1);
    reads("mlpd_queue_limit_jobs", 1);
    daemon_stop(&d);

    start_with("--rate", "50:1");
    before = look();
    while (refused == 0) {
        r = http_get("/jobs");
        refused += r->status == 429;
    }
    for (;;) {
        r = http_get("/metrics");
        refused += r->status == 429;
        if (r->status == 200) {
            struct metrics now = metrics_read(r->body);

            ck_assert_double_eq(metrics_value(&now, REFUSALS("rate")) -
                                    metrics_value(&before, REFUSALS("rate")),
                                refused);
            break;
        }
        pause_briefly();
    }
    daemon_stop(&d);

    too_many_connections();
}
END_TEST

/* Bodies are promised memory at their headers: so many that one cannot be. */
START_TEST(bodies)
{
    struct metrics before;
    double limit, each = 256.0 * (1 << 20);
    struct reply *r;
    size_t n, i;
    char *head;
    int *fds;

    start_with("--max-body", "256M");
    before = look();
    limit = metrics_value(&before, "mlpd_request_memory_limit_bytes");
    n = (size_t)(limit / each);
    ck_assert_uint_ge(n, 16);
    ck_assert_uint_le(n, 64);
    fds = keep(calloc(n, sizeof *fds));
    head = text("POST /train HTTP/1.1\r\nHost: localhost:%s\r\nContent-Type: application/json\r\n"
                "Content-Length: %.0f\r\n\r\n",
                d.port, each);
    for (i = 0; i < n; i++) {
        fds[i] = raw_open();
        raw_write(fds[i], head, strlen(head));
    }
    grown(&before, "mlpd_request_memory_bytes", (double)n * each);
    r = raw_exchange(head, strlen(head));
    ck_assert(r != NULL && r->status == 503);
    grown(&before, REFUSALS("budget"), 1);
    for (i = 0; i < n; i++) {
        close(fds[i]);
    }
    for (double until = now_seconds() + 30 * PATIENCE;;) { /* it is given back as they are let go */
        struct metrics now = look();

        if (metrics_value(&now, "mlpd_request_memory_bytes") == 0) {
            break;
        }
        ck_assert_msg(now_seconds() < until, "the memory of requests is not given back");
        pause_briefly();
    }
    daemon_stop(&d);
}
END_TEST

START_TEST(a_full_disk)
{
    struct metrics before;

    start_with("--disk-reserve", "900000G");
    before = look();
    ck_assert_double_eq(metrics_value(&before, "mlpd_store_writable"), 0);
    want(http_post(q(XOR_JOB("")), "/train"), 507);
    want(http_csv("a,b\n1,2\n", "/datasets?name=x"), 507);
    want(http_get("/readyz"), 503); /* which is told, not refused */
    grown(&before, REFUSALS("disk"), 2);
    daemon_stop(&d);
}
END_TEST

/* ---- the rest ----------------------------------------------------------------------------------
 */

START_TEST(checkpoints)
{
    double until = now_seconds() + 60 * PATIENCE;
    struct metrics m;
    int64_t job;

    start_with("--checkpoint-seconds", "0.05");
    job = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    do {
        m = look();
        ck_assert_double_lt(now_seconds(), until);
        pause_briefly();
    } while (metrics_value(&m, "mlpd_checkpoints_total{outcome=\"written\"}") < 2);
    ck_assert_double_gt(metrics_value(&m, "mlpd_checkpoint_bytes_total"), 1000);
    ck_assert_double_eq(metrics_value(&m, "mlpd_checkpoints_total{outcome=\"failed\"}"), 0);
    ck_assert_double_gt(metrics_value(&m, "mlpd_disk_held_bytes"), 0);
    cancel_job(job);
    reads("mlpd_disk_held_bytes", 0);
    daemon_stop(&d);
}
END_TEST

/* What a kill left to be cancelled is counted by the daemon that finds it; and counts begin anew.
 */
START_TEST(after_a_kill)
{
    struct metrics m;
    int64_t job;
    char *state;

    start_with("--checkpoint-seconds", "10");
    job = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    wait_for_epoch(job, 2);
    state = text("%s", d.state);
    daemon_kill(&d);
    daemon_start(&d, state, (const char *const[]){"--workers", "1", NULL});
    m = look();
    ck_assert_double_eq(metrics_value(&m, "mlpd_jobs_submitted_total{kind=\"train\"}"), 0);
    wait_for_epoch(job, 2);
    m = look();
    ck_assert_double_gt(metrics_value(&m, "mlpd_training_epochs_total"), 1);
    ck_assert_double_eq(metrics_value(&m, "mlpd_job_queue_seconds_count"),
                        0); /* its second start */
    cancel_job(job);
    grown(&m, FINISHED("cancelled"), 1);
    daemon_stop(&d);
}
END_TEST

static size_t take(char *bytes, size_t size, size_t n, void *file)
{
    return fwrite(bytes, size, n, file);
}

START_TEST(a_certificate)
{
    char *cert = scratch_path("cert.pem"), *key = scratch_path("key.pem"), *body = NULL;
    time_t ends = time(NULL) + 30 * 86400;
    FILE *file;
    struct metrics m;
    size_t len = 0;
    CURL *curl;

    ck_assert(certificate_make(cert, key, "one", ends));
    daemon_start(&d, NULL, (const char *const[]){"--tls-cert", cert, "--tls-key", key, NULL});
    curl = curl_easy_init();
    file = open_memstream(&body, &len);
    ck_assert(curl != NULL && file != NULL);
    ck_assert_int_eq(curl_easy_setopt(curl, CURLOPT_URL, text("%s/metrics", d.url)), CURLE_OK);
    ck_assert_int_eq(curl_easy_setopt(curl, CURLOPT_CAINFO, cert), CURLE_OK);
    ck_assert_int_eq(curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take), CURLE_OK);
    ck_assert_int_eq(curl_easy_setopt(curl, CURLOPT_WRITEDATA, file), CURLE_OK);
    ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
    curl_easy_cleanup(curl);
    ck_assert_int_eq(fclose(file), 0);
    m = metrics_read(body);
    free(body);
    ck_assert_double_eq(metrics_value(&m, "mlpd_tls_certificate_expiry_timestamp_seconds"),
                        (double)ends);
    daemon_stop(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *plain = case_with("plain", start, stop), *own = tcase_create("own");

    tcase_add_test(plain, families_are_those_of_the_page);
    tcase_add_test(plain, it_says_what_it_is);
    tcase_add_test(plain, requests_have_route_and_code);
    tcase_add_test(plain, a_request_without_an_answer);
    tcase_add_test(plain, a_job);
    tcase_add_test(plain, other_ends_of_jobs);
    tcase_add_test(plain, predictions);
    tcase_add_test(plain, uploads);
    tcase_add_test(plain, strangers);
    suite_add_tcase(suite, plain);
    tcase_add_checked_fixture(own, NULL, test_end);
    tcase_set_timeout(own, 120 * PATIENCE);
    tcase_add_test(own, tokens);
    tcase_add_test(own, too_many);
    tcase_add_test(own, bodies);
    tcase_add_test(own, a_full_disk);
    tcase_add_test(own, checkpoints);
    tcase_add_test(own, after_a_kill);
    tcase_add_test(own, a_certificate);
    suite_add_tcase(suite, own);
    return harness_main(suite);
}

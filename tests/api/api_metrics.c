/* GET /metrics: its text is the format, to the letter; and what is done shows up in the series it
 * belongs to, by exactly as much.
 *
 * A request is counted when it is over, which may be a moment after its answer was read, so that
 * tests look until the count is right; and once more, for it must not be more.
 */
#include "config.h"

#include <ctype.h>
#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "certificate.h"
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

/* ---- the format, read strictly ------------------------------------------------------------- */

struct sample {
    const char *series; /* name{labels}, as sent */
    const char *family, *type;
    double value;
};

struct metrics {
    struct sample *samples;
    size_t n;
    const char **families; /* "name type" */
    size_t n_families;
};

static bool is_name(const char *s, size_t len)
{
    size_t i;

    for (i = 0; i < len && (isalnum((unsigned char)s[i]) || s[i] == '_'); i++) {
    }
    return len > 0 && i == len && !isdigit((unsigned char)s[0]);
}

/* Past one `name="value"`; `line` for the message. */
static const char *skip_label(const char *p, const char *line)
{
    size_t len = strcspn(p, "=");

    ck_assert_msg(is_name(p, len) && p[len] == '=' && p[len + 1] == '"', "labels: %s", line);
    for (p += len + 2; *p != '"'; p++) {
        ck_assert_msg(*p != '\0', "an open label: %s", line);
        if (*p == '\\') {
            p++;
            ck_assert_msg(*p == '\\' || *p == '"' || *p == 'n', "an unknown escape: %s", line);
        }
    }
    return p + 1;
}

/* Where the value begins. */
static const char *skip_series(const char *line)
{
    size_t len = strcspn(line, "{ ");
    const char *p = line + len;

    ck_assert_msg(is_name(line, len), "a name: %s", line);
    if (*p == '{') {
        do {
            p = skip_label(p + 1, line);
        } while (*p == ',');
        ck_assert_msg(*p == '}', "labels: %s", line);
        p++;
    }
    ck_assert_msg(*p == ' ', "no value: %s", line);
    return p;
}

static double read_value(const char *p, const char *line)
{
    char *end;
    double value;

    ck_assert_msg(*p == '-' || *p == '+' || *p == 'N' || isdigit((unsigned char)*p), "%s", line);
    value = strtod(p, &end);
    ck_assert_msg(*end == '\0', "more than a value: %s", line);
    return value;
}

static bool belongs(const char *series, const char *family, const char *type)
{
    static const char *const ends[] = {"_bucket", "_sum", "_count"};
    size_t len = strlen(family);

    if (strncmp(series, family, len) != 0) {
        return false;
    }
    if (strcmp(type, "histogram") != 0) {
        return series[len] == '{' || series[len] == '\0';
    }
    for (size_t i = 0; i < COUNT(ends); i++) {
        size_t n = strlen(ends[i]);

        if (strncmp(series + len, ends[i], n) == 0 &&
            (series[len + n] == '{' || series[len + n] == '\0')) {
            return true;
        }
    }
    return false;
}

static int by_series(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

/* HELP, and TYPE right after it; *p is moved to what follows. */
static const char *read_head(char **p, const char **type)
{
    char *help = strsep(p, "\n"), *kind = *p != NULL ? strsep(p, "\n") : NULL, *name;

    ck_assert_msg(strncmp(help, "# HELP ", 7) == 0 && kind != NULL, "%s", help);
    ck_assert_msg(strncmp(kind, "# TYPE ", 7) == 0, "%s", kind);
    name = help + 7;
    name[strcspn(name, " ")] = '\0';
    ck_assert_msg(name[strlen(name) + 1] != '\0', "no words of help for %s", name);
    ck_assert_msg(strncmp(kind + 7, name, strlen(name)) == 0 && kind[7 + strlen(name)] == ' ', "%s",
                  kind);
    *type = kind + 8 + strlen(name);
    ck_assert_msg(strcmp(*type, "counter") == 0 || strcmp(*type, "gauge") == 0 ||
                      strcmp(*type, "histogram") == 0,
                  "%s", kind);
    return name;
}

static struct metrics parse(const char *body)
{
    size_t lines = 2, i;
    char *copy = keep(strdup(body)), *p = copy;
    const char *family = NULL, *type = NULL;
    struct metrics m = {.n = 0};

    ck_assert(strlen(body) > 0 && body[strlen(body) - 1] == '\n');
    for (const char *c = body; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    m.samples = keep(calloc(lines, sizeof *m.samples));
    m.families = keep(calloc(lines, sizeof *m.families));
    while (p != NULL && *p != '\0') {
        if (*p == '#') {
            family = read_head(&p, &type);
            for (i = 0; i < m.n_families; i++) {
                ck_assert_msg(strncmp(m.families[i], family, strlen(family)) != 0 ||
                                  m.families[i][strlen(family)] != ' ',
                              "%s comes twice", family);
            }
            m.families[m.n_families++] = text("%s %s", family, type);
        } else {
            char *line = strsep(&p, "\n");
            size_t len = (size_t)(skip_series(line) - line);

            m.samples[m.n] = (struct sample){.value = read_value(line + len + 1, line)};
            line[len] = '\0';
            m.samples[m.n].series = line;
            m.samples[m.n].family = family;
            m.samples[m.n].type = type;
            ck_assert_msg(family != NULL && belongs(line, family, type), "%s after %s", line,
                          family != NULL ? family : "nothing");
            m.n++;
        }
    }
    return m;
}

/* The bucket that begins at samples[i] and what follows; returns the index after. */
static size_t check_histogram(const struct metrics *m, size_t i)
{
    const char *family = m->samples[i].family, *le;
    double last_bound = -INFINITY, last = 0, bound = 0;
    char *labels; /* before le, with its comma, or "" */
    size_t len;

    le = strstr(m->samples[i].series, "le=\"");
    ck_assert_ptr_nonnull(le);
    len = strlen(family) + strlen("_bucket{");
    labels = text("%.*s", (int)(le - m->samples[i].series - (long)len), m->samples[i].series + len);
    for (; i < m->n && m->samples[i].family == family && bound < INFINITY; i++) {
        const char *head = text("%s_bucket{%sle=\"", family, labels);

        ck_assert_msg(strncmp(m->samples[i].series, head, strlen(head)) == 0, "%s, not %s",
                      m->samples[i].series, head);
        bound = strtod(m->samples[i].series + strlen(head), NULL);
        ck_assert_msg(bound > last_bound && m->samples[i].value >= last, "%s falls",
                      m->samples[i].series);
        last_bound = bound;
        last = m->samples[i].value;
    }
    ck_assert_msg(isinf(bound), "%s has no bucket +Inf", family);
    if (labels[0] != '\0') {
        labels[strlen(labels) - 1] = '\0';
        labels = text("{%s}", labels);
    }
    ck_assert_uint_lt(i + 1, m->n);
    ck_assert_str_eq(m->samples[i].series, text("%s_sum%s", family, labels));
    ck_assert_double_ge(m->samples[i].value, 0);
    ck_assert_str_eq(m->samples[i + 1].series, text("%s_count%s", family, labels));
    ck_assert_double_eq(m->samples[i + 1].value, last);
    return i + 2;
}

static void check_samples(struct metrics *m)
{
    size_t i = 0;

    while (i < m->n) {
        if (strcmp(m->samples[i].type, "histogram") == 0) {
            i = check_histogram(m, i);
            continue;
        }
        ck_assert_msg(strcmp(m->samples[i].type, "counter") != 0 || m->samples[i].value >= 0, "%s",
                      m->samples[i].series);
        i++;
    }
    qsort(m->samples, m->n, sizeof *m->samples, by_series);
    for (i = 1; i < m->n; i++) {
        ck_assert_str_ne(m->samples[i - 1].series, m->samples[i].series);
    }
}

static struct metrics check_text(const char *body)
{
    struct metrics m = parse(body);

    check_samples(&m);
    return m;
}

static struct metrics look_with(const char *token)
{
    const char *const headers[] = {text("Authorization: Bearer %s", token), NULL};
    struct reply *r = http_send(
        &(struct request){.path = "/metrics", .headers = token[0] != '\0' ? headers : NULL});

    want(r, 200);
    ck_assert_str_eq(reply_header(r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return check_text(r->body);
}

static struct metrics look(void)
{
    return look_with("");
}

static const struct sample *find(const struct metrics *m, const char *series)
{
    const struct sample key = {.series = series};

    return bsearch(&key, m->samples, m->n, sizeof key, by_series);
}

/* What was never counted may be absent: 0. */
static double value(const struct metrics *m, const char *series)
{
    const struct sample *s = find(m, series);

    return s != NULL ? s->value : 0;
}

/* What only grows has not become less, and is still there. */
static void nothing_fell(const struct metrics *before, const struct metrics *after)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct sample *s = &before->samples[i], *now = find(after, s->series);

        if (strcmp(s->type, "gauge") != 0) {
            ck_assert_msg(now != NULL && now->value >= s->value, "%s fell", s->series);
        }
    }
}

static const char *asker = ""; /* a token, where there must be one */

/* Look until the series has grown by `by` since `before`, and not by more. */
static struct metrics grown(const struct metrics *before, const char *series, double by)
{
    double until = now_seconds() + 30 * PATIENCE, first = value(before, series);

    for (;;) {
        struct metrics now = look_with(asker);

        nothing_fell(before, &now);
        ck_assert_msg(value(&now, series) <= first + by, "%s: %.17g, and then %.17g, not %g more",
                      series, first, value(&now, series), by);
        if (value(&now, series) == first + by) {
            return now;
        }
        ck_assert_msg(now_seconds() < until, "%s: %.17g, and then %.17g, not %g more", series,
                      first, value(&now, series), by);
        pause_briefly();
    }
}

static void reads(const char *series, double wanted)
{
    struct metrics m = look_with(asker);

    ck_assert_msg(find(&m, series) != NULL, "%s is not there", series);
    ck_assert_msg(value(&m, series) == wanted, "%s is %g", series, value(&m, series));
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
    double started = value(&m, "process_start_time_seconds"), now = (double)time(NULL);
    double cpu = value(&m, "process_cpu_seconds_total");
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
    ck_assert_double_gt(value(&m, "process_open_fds"), 3);
    ck_assert_double_lt(value(&m, "process_open_fds"), value(&m, "process_max_fds"));
    ck_assert_double_ge(value(&m, "process_threads"), 4);
    ck_assert_double_gt(value(&m, "process_resident_memory_bytes"), 1e6);
    ck_assert_double_eq(value(&m, "mlpd_store_writable"), 1);
    ck_assert_double_eq(value(&m, "mlpd_queue_paused"), 0);
    ck_assert_double_eq(value(&m, "mlpd_disk_reserve_bytes"), 64 << 20);
    ck_assert_double_gt(value(&m, "mlpd_disk_free_bytes"), 0);
    ck_assert_double_ge(value(&m, "mlpd_http_connections"), 1);
    ck_assert_ptr_null(find(&m, "mlpd_tls_certificate_expiry_timestamp_seconds"));
    m = look();
    ck_assert_double_eq(value(&m, "process_start_time_seconds"), started);
    ck_assert_double_ge(value(&m, "process_cpu_seconds_total"), cpu);
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
    ck_assert_double_ge(value(&after, "mlpd_datasets"), 1);
    ck_assert_double_gt(value(&after, "mlpd_store_write_duration_seconds_count"),
                        value(&before, "mlpd_store_write_duration_seconds_count") + 2);
    ck_assert_double_eq(value(&after, "mlpd_store_write_failures_total"), 0);

    /* and judged, as a job */
    before = look();
    upload_example("iris");
    job = train("{'data': {'dataset': 'iris', 'target': 'species'}, 'training': {'epochs': 1}}");
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
            struct metrics now = check_text(r->body);

            ck_assert_double_eq(value(&now, REFUSALS("connections")), refused);
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
            struct metrics now = check_text(r->body);

            ck_assert_double_eq(value(&now, REFUSALS("rate")) - value(&before, REFUSALS("rate")),
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
    limit = value(&before, "mlpd_request_memory_limit_bytes");
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

        if (value(&now, "mlpd_request_memory_bytes") == 0) {
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
    ck_assert_double_eq(value(&before, "mlpd_store_writable"), 0);
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
    } while (value(&m, "mlpd_checkpoints_total{outcome=\"written\"}") < 2);
    ck_assert_double_gt(value(&m, "mlpd_checkpoint_bytes_total"), 1000);
    ck_assert_double_eq(value(&m, "mlpd_checkpoints_total{outcome=\"failed\"}"), 0);
    ck_assert_double_gt(value(&m, "mlpd_disk_held_bytes"), 0);
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
    ck_assert_double_eq(value(&m, "mlpd_jobs_submitted_total{kind=\"train\"}"), 0);
    wait_for_epoch(job, 2);
    m = look();
    ck_assert_double_gt(value(&m, "mlpd_training_epochs_total"), 1);
    ck_assert_double_eq(value(&m, "mlpd_job_queue_seconds_count"), 0); /* its second start */
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
    m = check_text(body);
    free(body);
    ck_assert_double_eq(value(&m, "mlpd_tls_certificate_expiry_timestamp_seconds"), (double)ends);
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

/* Counters, histograms and their text; and docs/METRICS.md, which is what the table of families
 * says. With MLPD_WRITE_DOCS set in the environment the page is written instead of compared.
 *
 * Counts are the process's, so that tests look at differences: they run without check's forking
 * too.
 */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/mem.h"
#include "base/process.h"
#include "doc_compare.h"

static const char *const routes[] = {"method=\"GET\",route=\"/a\"", "method=\"PUT\",route=\"/b\""};

static char *page(void)
{
    struct buf out = BUF_INIT;

    counters_write(&out, routes, ARRAY_LEN(routes));
    return buf_take(&out);
}

/* The number after this series' name and labels, or -1 when it is not there. */
static double said(const char *series)
{
    char *text = page(), *line = xasprintf("\n%s ", series), *at = strstr(text, line);
    double value = at != NULL ? strtod(at + strlen(line), NULL) : -1;

    free(line);
    free(text);
    return value;
}

/* ---- counting ---------------------------------------------------------------------------- */

START_TEST(adds_are_counted_where_they_belong)
{
    uint64_t host = counter_get(COUNTER_REFUSALS, REFUSED_HOST);
    uint64_t origin = counter_get(COUNTER_REFUSALS, REFUSED_ORIGIN);
    uint64_t disk = counter_get(COUNTER_REFUSALS, REFUSED_DISK);
    uint64_t bytes = counter_get(COUNTER_UPLOAD_BYTES, 0); /* whose place is the next */

    counter_add(COUNTER_REFUSALS, REFUSED_ORIGIN, 1);
    counter_add(COUNTER_REFUSALS, REFUSED_ORIGIN, 41);
    counter_add(COUNTER_REFUSALS, REFUSED_DISK, 3);
    counter_add(COUNTER_REFUSALS, REFUSED_DISK, 0);
    ck_assert_uint_eq(counter_get(COUNTER_REFUSALS, REFUSED_HOST), host);
    ck_assert_uint_eq(counter_get(COUNTER_REFUSALS, REFUSED_ORIGIN), origin + 42);
    ck_assert_uint_eq(counter_get(COUNTER_REFUSALS, REFUSED_DISK), disk + 3);
    ck_assert_uint_eq(counter_get(COUNTER_UPLOAD_BYTES, 0), bytes);
    ck_assert_double_eq(said("mlpd_refusals_total{reason=\"origin\"}"), (double)origin + 42);
    ck_assert_double_eq(said("mlpd_refusals_total{reason=\"disk\"}"), (double)disk + 3);
}
END_TEST

START_TEST(every_series_without_a_route_is_there_at_once)
{
    static const char *const series[] = {
        "mlpd_jobs_finished_total{status=\"cancelled\"}",
        "mlpd_jobs_submitted_total{kind=\"evaluate\"}",
        "mlpd_webhook_deliveries_total{outcome=\"given_up\"}",
        "mlpd_checkpoints_total{outcome=\"failed\"}",
        "mlpd_training_samples_total",
        "mlpd_job_queue_seconds_bucket{le=\"+Inf\"}",
        "mlpd_job_duration_seconds_sum",
        "mlpd_store_write_duration_seconds_count",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(series); i++) {
        ck_assert_msg(said(series[i]) >= 0, "%s is not there", series[i]);
    }
}
END_TEST

START_TEST(large_counts_are_exact)
{
    uint64_t before = counter_get(COUNTER_CHECKPOINT_BYTES, 0);
    char *text, *want;

    counter_add(COUNTER_CHECKPOINT_BYTES, 0, (UINT64_C(1) << 60) + 1);
    want = xasprintf("\nmlpd_checkpoint_bytes_total %llu\n",
                     (unsigned long long)(before + (UINT64_C(1) << 60) + 1));
    text = page();
    ck_assert_ptr_nonnull(strstr(text, want));
    free(text);
    free(want);
}
END_TEST

START_TEST(requests_have_their_code)
{
    static const struct {
        unsigned status;
        const char *code;
    } codes[] = {{200, "200"}, {0, "none"},    {304, "304"},   {405, "405"}, {507, "507"},
                 {429, "429"}, {418, "other"}, {999, "other"}, {1, "other"}};
    size_t i;

    ck_assert_double_eq(said("mlpd_http_requests_total{method=\"GET\",route=\"/a\",code=\"503\"}"),
                        -1); /* not counted yet: not there */
    for (i = 0; i < ARRAY_LEN(codes); i++) {
        char *series = xasprintf(
            "mlpd_http_requests_total{method=\"PUT\",route=\"/b\",code=\"%s\"}", codes[i].code);
        double before = said(series);

        before = before < 0 ? 0 : before;
        counters_request(1, codes[i].status, 0.003);
        ck_assert_msg(said(series) == before + 1, "%u", codes[i].status);
        free(series);
    }
    ck_assert_double_eq(
        said(
            "mlpd_http_request_duration_seconds_bucket{method=\"PUT\",route=\"/b\",le=\"0.0025\"}"),
        0);
    ck_assert_double_eq(
        said("mlpd_http_request_duration_seconds_bucket{method=\"PUT\",route=\"/b\",le=\"0.005\"}"),
        ARRAY_LEN(codes));
    ck_assert_double_eq(
        said("mlpd_http_request_duration_seconds_count{method=\"PUT\",route=\"/b\"}"),
        ARRAY_LEN(codes));
    ck_assert_double_eq(
        said("mlpd_http_request_duration_seconds_count{method=\"GET\",route=\"/a\"}"), -1);
}
END_TEST

/* ---- buckets ------------------------------------------------------------------------------ */

#define BUCKET(le) said("mlpd_store_write_duration_seconds_bucket{le=\"" le "\"}")

START_TEST(a_value_is_in_the_first_bucket_that_holds_it)
{
    double tenth = BUCKET("0.0001"), half = BUCKET("0.0005"), last = BUCKET("5"),
           all = BUCKET("+Inf");

    histogram_add(HISTOGRAM_STORE_SECONDS, 0, 0.0001); /* a bound belongs to its bucket */
    ck_assert_double_eq(BUCKET("0.0001"), tenth + 1);
    histogram_add(HISTOGRAM_STORE_SECONDS, 0, nextafter(0.0001, 1));
    ck_assert_double_eq(BUCKET("0.0001"), tenth + 1);
    ck_assert_double_eq(BUCKET("0.0005"), half + 2);
    histogram_add(HISTOGRAM_STORE_SECONDS, 0, 5);
    ck_assert_double_eq(BUCKET("5"), last + 3);
    histogram_add(HISTOGRAM_STORE_SECONDS, 0, nextafter(5, 6));
    histogram_add(HISTOGRAM_STORE_SECONDS, 0, 1e7);
    ck_assert_double_eq(BUCKET("5"), last + 3);
    ck_assert_double_eq(BUCKET("+Inf"), all + 5);
    ck_assert_double_eq(said("mlpd_store_write_duration_seconds_count"), all + 5);
}
END_TEST

START_TEST(what_is_no_duration_counts_as_none)
{
    static const double odd[] = {0, -0.0, -1, -INFINITY, NAN};
    double first = BUCKET("0.0001"), sum = said("mlpd_store_write_duration_seconds_sum");
    double all = BUCKET("+Inf");
    size_t i;

    for (i = 0; i < ARRAY_LEN(odd); i++) {
        histogram_add(HISTOGRAM_STORE_SECONDS, 0, odd[i]);
    }
    ck_assert_double_eq(BUCKET("0.0001"), first + ARRAY_LEN(odd));
    ck_assert_double_eq(said("mlpd_store_write_duration_seconds_sum"), sum);
    histogram_add(HISTOGRAM_STORE_SECONDS, 0, INFINITY);
    histogram_add(HISTOGRAM_STORE_SECONDS, 0, 1e300);
    ck_assert_double_eq(BUCKET("0.0001"), first + ARRAY_LEN(odd));
    ck_assert_double_eq(BUCKET("+Inf"), all + ARRAY_LEN(odd) + 2);
    ck_assert_double_eq(said("mlpd_store_write_duration_seconds_sum"), sum + 2e9);
}
END_TEST

START_TEST(sums_lose_nothing)
{
    char *text = page(), *at = strstr(text, "\nmlpd_job_queue_seconds_sum "), *end;
    uint64_t nanos;
    int i;

    ck_assert_ptr_nonnull(at);
    nanos = strtoull(at + 28, &end, 10) * 1000000000; /* the tests before may have added */
    nanos += strtoull(end + 1, NULL, 10);
    free(text);
    for (i = 0; i < 1000; i++) {
        histogram_add(HISTOGRAM_QUEUE_SECONDS, 0, 0.1);      /* which has no double */
        histogram_add(HISTOGRAM_QUEUE_SECONDS, 0, 0.000065); /* nor this, whose nearest is less */
    }
    nanos += 100065000000 + 7;
    histogram_add(HISTOGRAM_QUEUE_SECONDS, 0, 7e-9);
    text = page();
    at = xasprintf("\nmlpd_job_queue_seconds_sum %llu.%09llu\n",
                   (unsigned long long)nanos / 1000000000, (unsigned long long)nanos % 1000000000);
    ck_assert_ptr_nonnull(strstr(text, at));
    free(text);
    free(at);
}
END_TEST

START_TEST(rows_are_counted_in_ones)
{
    double sum = said("mlpd_predict_batch_rows_sum"),
           ten = said("mlpd_predict_batch_rows_bucket{le=\"10\"}"),
           most = said("mlpd_predict_batch_rows_bucket{le=\"100000\"}");

    histogram_add(HISTOGRAM_PREDICT_BATCH, 0, 10);
    histogram_add(HISTOGRAM_PREDICT_BATCH, 0, 11);
    histogram_add(HISTOGRAM_PREDICT_BATCH, 0, 100000);
    histogram_add(HISTOGRAM_PREDICT_BATCH, 0, 100001);
    ck_assert_double_eq(said("mlpd_predict_batch_rows_sum"), sum + 200022);
    ck_assert_double_eq(said("mlpd_predict_batch_rows_bucket{le=\"10\"}"), ten + 1);
    ck_assert_double_eq(said("mlpd_predict_batch_rows_bucket{le=\"100000\"}"), most + 3);
}
END_TEST

/* ---- from many threads --------------------------------------------------------------------- */

#define THREADS 4
#define ADDS    200000

static atomic_bool over;
static pthread_barrier_t ready; /* or the first would be done before the last begins */

static void *add_many(void *arg)
{
    size_t i;
    int rc = pthread_barrier_wait(&ready);

    CHK(rc == 0 || rc == PTHREAD_BARRIER_SERIAL_THREAD);
    for (i = 0; i < ADDS; i++) {
        counter_add(COUNTER_EPOCHS, 0, 1);
        counter_add(COUNTER_SAMPLES, 0, 3);
        histogram_add(HISTOGRAM_JOB_SECONDS, 0, i % 2 == 0 ? 0.02 : 20);
    }
    return arg;
}

/* While they add: what is read never falls, and a histogram agrees with itself. */
static void *read_many(void *arg)
{
    double epochs = 0, all = 0;

    while (!atomic_load(&over)) {
        char *text = page();
        double now = strtod(strstr(text, "\nmlpd_training_epochs_total ") + 28, NULL), n, inf;

        ck_assert_double_ge(now, epochs);
        epochs = now;
        inf = strtod(strstr(text, "\nmlpd_job_duration_seconds_bucket{le=\"+Inf\"} ") + 45, NULL);
        n = strtod(strstr(text, "\nmlpd_job_duration_seconds_count ") + 33, NULL);
        ck_assert_double_eq(n, inf);
        ck_assert_double_ge(n, all);
        all = n;
        free(text);
    }
    return arg;
}

START_TEST(no_add_is_lost)
{
    uint64_t epochs = counter_get(COUNTER_EPOCHS, 0), samples = counter_get(COUNTER_SAMPLES, 0),
             n = histogram_count(HISTOGRAM_JOB_SECONDS, 0);
    double half = said("mlpd_job_duration_seconds_bucket{le=\"0.1\"}"),
           sum = said("mlpd_job_duration_seconds_sum");
    pthread_t threads[THREADS], reader;
    size_t i;

    atomic_store(&over, false);
    PTOK(pthread_barrier_init(&ready, NULL, THREADS));
    PTOK(pthread_create(&reader, NULL, read_many, NULL));
    for (i = 0; i < THREADS; i++) {
        PTOK(pthread_create(&threads[i], NULL, add_many, NULL));
    }
    for (i = 0; i < THREADS; i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    atomic_store(&over, true);
    PTOK(pthread_join(reader, NULL));
    PTOK(pthread_barrier_destroy(&ready));
    ck_assert_uint_eq(counter_get(COUNTER_EPOCHS, 0), epochs + THREADS * ADDS);
    ck_assert_uint_eq(counter_get(COUNTER_SAMPLES, 0), samples + 3 * THREADS * ADDS);
    ck_assert_uint_eq(histogram_count(HISTOGRAM_JOB_SECONDS, 0), n + THREADS * ADDS);
    ck_assert_double_eq(said("mlpd_job_duration_seconds_bucket{le=\"0.1\"}"),
                        half + THREADS * ADDS / 2);
    ck_assert_double_eq(said("mlpd_job_duration_seconds_sum"), sum + THREADS * ADDS / 2 * 20.02);
}
END_TEST

/* ---- the text ---------------------------------------------------------------------------------
 */

static char *value_of(double value, const char *labels)
{
    struct buf out = BUF_INIT;

    counters_value(&out, READING_MODELS, labels, value);
    return buf_take(&out);
}

START_TEST(readings_are_exact)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "mlpd_models 0\n"},
        {1e15, "mlpd_models 1000000000000000\n"},
        {9007199254740991, "mlpd_models 9007199254740991\n"},
        {1785000000.25, "mlpd_models 1785000000.25\n"},
        {NAN, "mlpd_models NaN\n"},
        {INFINITY, "mlpd_models +Inf\n"},
        {-INFINITY, "mlpd_models -Inf\n"},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = value_of(cases[i].value, NULL);

        ck_assert_str_eq(text, cases[i].text);
        free(text);
    }
}
END_TEST

START_TEST(labels_are_escaped)
{
    struct buf labels = BUF_INIT;
    char *text;

    counters_label(&labels, "a", "plain");
    counters_label(&labels, "b", "say \"no\"\\\nand go");
    counters_label(&labels, "c", "");
    text = value_of(1, labels.data);
    ck_assert_str_eq(text, "mlpd_models{a=\"plain\",b=\"say \\\"no\\\"\\\\\\nand go\",c=\"\"} 1\n");
    free(text);
    buf_fini(&labels);
}
END_TEST

START_TEST(a_head_is_two_lines)
{
    struct buf out = BUF_INIT;

    counters_head(&out, READING_CPU);
    ck_assert_str_eq(out.data,
                     "# HELP process_cpu_seconds_total Processor time used, in user and system "
                     "mode.\n# TYPE process_cpu_seconds_total counter\n");
    buf_fini(&out);
}
END_TEST

static bool ends_in(const char *s, const char *end)
{
    return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

START_TEST(names_keep_the_conventions)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    const struct counters_family *f;
    size_t n = 0, i, j;

    f = counters_families(&n);
    ck_assert_uint_eq(n, COUNTERS + HISTOGRAMS + READINGS);
    for (i = 0; i < n; i++) {
        bool counter = strcmp(f[i].type, "counter") == 0, gauge = strcmp(f[i].type, "gauge") == 0;

        ck_assert_msg(strncmp(f[i].name, "mlpd_", 5) == 0 || strncmp(f[i].name, "process_", 8) == 0,
                      "%s", f[i].name);
        ck_assert_msg(strspn(f[i].name, letters) == strlen(f[i].name), "%s", f[i].name);
        ck_assert_msg(counter || gauge || strcmp(f[i].type, "histogram") == 0, "%s", f[i].name);
        ck_assert_msg(ends_in(f[i].name, "_total") == counter, "%s", f[i].name);
        ck_assert_msg(strpbrk(f[i].help, "\n\\|") == NULL && ends_in(f[i].help, "."), "%s",
                      f[i].name);
        ck_assert_msg(strspn(f[i].labels, "abcdefghijklmnopqrstuvwxyz, ") == strlen(f[i].labels),
                      "%s", f[i].name);
        ck_assert_msg(strstr(f[i].name, "millis") == NULL && strstr(f[i].name, "_ms") == NULL, "%s",
                      f[i].name);
        for (j = 0; j < i; j++) {
            ck_assert_str_ne(f[i].name, f[j].name);
        }
    }
}
END_TEST

/* A bug of ours: a label that the family has not, which would be another family's number. */
START_TEST(a_wrong_label_aborts)
{
    counter_add(COUNTER_REFUSALS, COUNTER_REASON_N, 1);
}
END_TEST

START_TEST(a_wrong_route_aborts)
{
    counters_request(COUNTER_ROUTES, 200, 0);
}
END_TEST

/* ---- the process ----------------------------------------------------------------------------- */

static void *wait_for_end(void *arg)
{
    const int *fd = arg;
    char byte;

    ck_assert_int_eq(read(*fd, &byte, 1), 0);
    return NULL;
}

START_TEST(the_process_is_what_it_is)
{
    struct process before, now;
    double today = (double)time(NULL);
    pthread_t thread;
    size_t open_fds;
    int ends[2], fd;

    process_look(&before);
    ck_assert_int_eq(pipe(ends), 0);
    PTOK(pthread_create(&thread, NULL, wait_for_end, &ends[0]));
    process_look(&now);
    ck_assert_uint_eq(now.open_fds, before.open_fds + 2);
    for (fd = 0, open_fds = 0; fd < 1024; fd++) {
        open_fds += fcntl(fd, F_GETFD) != -1;
    }
    ck_assert_uint_eq(now.open_fds, open_fds);
    ck_assert_uint_eq(now.threads, before.threads + 1);
    ck_assert_int_eq(close(ends[1]), 0);
    PTOK(pthread_join(thread, NULL));
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_double_eq(now.started_at, before.started_at);
    ck_assert_double_le(now.started_at, today + 2);
    ck_assert_double_ge(now.started_at, today - 600);
    ck_assert_double_ge(now.cpu_seconds, before.cpu_seconds);
    ck_assert_uint_gt(now.resident_bytes, 500000);
    ck_assert_uint_gt(now.virtual_bytes, now.resident_bytes);
    ck_assert_uint_eq(now.max_fds, (size_t)sysconf(_SC_OPEN_MAX));
}
END_TEST

/* ---- docs/METRICS.md ------------------------------------------------------------------------- */

static const char top[] =
    "# What GET /metrics tells\n\n"
    "The text format of Prometheus, version 0.0.4, for a token of the scope read where tokens are\n"
    "needed. Counters and histograms begin at 0 when the daemon starts and only grow. Series with\n"
    "a `route` appear when they are first counted: `route` is a pattern as in `docs/openapi.json`\n"
    "(`none`: no route was meant), and `method` is the route's own (HEAD counts as GET). No label\n"
    "holds the name or id of a job, a model or a dataset: what clients choose makes no new "
    "series.\n\n"
    "This page is made from the table in `src/base/counters.def` (`MLPD_WRITE_DOCS=1\n"
    "tests/unit/check_counters` writes it anew), and `make check` compares the two.\n\n"
    "| family | type | labels | meaning |\n| --- | --- | --- | --- |\n";

static const char bottom[] =
    "\n## Scraping it\n\n"
    "Into `prometheus.yml`; without tokens the daemon needs no `authorization`.\n\n"
    "```yaml\n"
    "scrape_configs:\n"
    "  - job_name: mlpd\n"
    "    authorization:\n"
    "      credentials_file: /etc/prometheus/mlpd.token # mlpd token create --scope read\n"
    "    static_configs:\n"
    "      - targets: [\"127.0.0.1:6573\"]\n"
    "```\n\n"
    "## When to wake somebody\n\n"
    "```yaml\n"
    "groups:\n"
    "  - name: mlpd\n"
    "    rules:\n"
    "      - alert: MlpdTakesNoJobs\n"
    "        expr: mlpd_store_writable == 0\n"
    "        for: 5m\n"
    "        annotations: {summary: \"the disk is full, or the store does not write\"}\n"
    "      - alert: MlpdJobStalled\n"
    "        expr: mlpd_workers{state=\"stalled\"} > 0\n"
    "        for: 10m\n"
    "        annotations: {summary: \"a job's batches do not end\"}\n"
    "      - alert: MlpdCertificateEnds\n"
    "        expr: mlpd_tls_certificate_expiry_timestamp_seconds - time() < 7 * 86400\n"
    "        annotations: {summary: \"the TLS certificate ends within a week\"}\n"
    "```\n";

static void put_page(struct buf *out)
{
    const struct counters_family *f;
    size_t n = 0, i, j;

    f = counters_families(&n);
    buf_puts(out, top);
    for (i = 0; i < n; i++) {
        buf_printf(out, "| `%s` | %s | %s", f[i].name, f[i].type, f[i].labels);
        for (j = 0; f[i].values != NULL && f[i].values[j] != NULL; j++) {
            buf_printf(out, "%s`%s`", j == 0 ? ": " : ", ", f[i].values[j]);
        }
        buf_printf(out, " | %s |\n", f[i].help);
    }
    buf_puts(out, bottom);
}

START_TEST(docs_are_what_the_table_says)
{
    struct buf out = BUF_INIT;

    put_page(&out);
    doc_compare("docs/METRICS.md", "tests/unit/check_counters", &out);
    buf_fini(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("counters");
    TCase *all = tcase_create("all");
    const char *fork_mode = getenv("CK_FORK");
    SRunner *runner;
    int failed;

    tcase_set_timeout(all, 60);
    tcase_add_test(all, adds_are_counted_where_they_belong);
    tcase_add_test(all, every_series_without_a_route_is_there_at_once);
    tcase_add_test(all, large_counts_are_exact);
    tcase_add_test(all, requests_have_their_code);
    tcase_add_test(all, a_value_is_in_the_first_bucket_that_holds_it);
    tcase_add_test(all, what_is_no_duration_counts_as_none);
    tcase_add_test(all, sums_lose_nothing);
    tcase_add_test(all, rows_are_counted_in_ones);
    tcase_add_test(all, no_add_is_lost);
    tcase_add_test(all, readings_are_exact);
    tcase_add_test(all, labels_are_escaped);
    tcase_add_test(all, a_head_is_two_lines);
    tcase_add_test(all, names_keep_the_conventions);
    tcase_add_test(all, the_process_is_what_it_is);
    tcase_add_test(all, docs_are_what_the_table_says);
    suite_add_tcase(suite, all);
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0) { /* they end their process */
        TCase *bugs = tcase_create("bugs");

        tcase_add_test_raise_signal(bugs, a_wrong_label_aborts, SIGABRT);
        tcase_add_test_raise_signal(bugs, a_wrong_route_aborts, SIGABRT);
        suite_add_tcase(suite, bugs);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

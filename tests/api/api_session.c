/* A working day of a daemon, from start to stop: tables, jobs of many kinds, predictions, what
 * goes wrong, what is thrown away, a backup, then the same state behind TLS with tokens.
 *
 * It asks little of each answer, which other programs do; what it is for is that a daemon that has
 * done all this ends with 0. Under a checker that makes another end of any error or leak
 * (sanitizers, `scripts/test valgrind`), that is the test.
 */
#include "config.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "certificate.h"
#include "state.h"

static struct daemon d;

static void nothing(void)
{
}

/* ---- the parts of the day ---- */

static void tables(void)
{
    struct reply *r;

    upload_example("iris");
    upload_example("iris"); /* is there already */
    upload_example("diabetes");
    want(http_csv("a,b\n1,x\n2,y\n3,\n", "/datasets?name=small&types=a:numeric"), 201);
    r = http_csv("a,b\n1,2\n3\n", "/datasets?name=ragged");
    ck_assert_int_eq(r->status, 422);
    want(http_csv("\"a\nb\",c\n1,2\n", "/datasets?name=quoted&replace=1"), 201);
    want(http_get("/datasets"), 200);
    want(http_get("/datasets/iris"), 200);
    want(http_get("/datasets/iris/rows?offset=3&limit=5"), 200);
}

static void use(int64_t job, int64_t model, const char *query)
{
    want(http_get("/jobs/%lld", (long long)job), 200);
    want(http_get("/jobs/%lld/curve?max_points=5", (long long)job), 200);
    want(http_get("/jobs/%lld/events", (long long)job), 200);
    want(http_send(&(struct request){.path = text("/jobs/%lld/curve", (long long)job),
                                     .headers = (const char *const[]){"Accept: text/csv", NULL}}),
         200);
    want(http_get("/models/%lld", (long long)model), 200);
    want(http_get("/models/%lld/weights", (long long)model), 200);
    want(http_get("/models/%lld/predict?%s", (long long)model, query), 200);
    want(http_get("/models/%lld/evaluation?split=test", (long long)model), 200);
}

#define FLOWER "sepal_length=5.1&sepal_width=3.5&petal_length=1.4&petal_width=0.2"

static void trainings(void)
{
    int64_t job = train("{'name': 'iris', 'preset': 'simple', "
                        "'data': {'dataset': 'iris', 'target': 'species'}, "
                        "'training': {'epochs': 8, 'seed': 1}}"),
            model = trained(job), other;
    struct reply *r;

    use(job, model, FLOWER);
    want(http_csv(features_of("iris"), "/models/iris/predict"), 200);
    want(http_post(q("{'instances': [[5,3,1,0.2], {'sepal_length': 5, 'sepal_width': 3, "
                     "'petal_length': 1, 'petal_width': 1}]}"),
                   "/models/iris/predict"),
         200);
    want(http_post(q("{'instances': [{'sepal_length': 5, 'sepal_width': 3, 'petal_length': 1, "
                     "'petal_width': 1, 'species': 'setosa'}]}"),
                   "/models/iris/evaluate"),
         200);
    other = integer(want(http_post(q("{'dataset': 'iris'}"), "/models/iris/evaluate"), 202), "/id");
    wait_for_job(other, "succeeded");

    /* norms, noise, every kind of stage; two threads; clipping; a schedule */
    job = train("{'preset': 'simple', "
                "'data': {'dataset': 'diabetes', 'target': 'progression'}, 'architecture': "
                "{'hidden': [{'units': 40, 'batch_norm': true, 'dropout': 0.2}, {'units': 40, "
                "'layer_norm': true, 'activation': 'gelu', 'residual': true}]}, 'optimizer': "
                "{'type': 'adamw', 'learning_rate': 0.01}, 'schedule': 'cosine', 'training': "
                "{'epochs': 3, 'threads': 2, 'clip_norm': 1}}");
    want(http_get("/models/%lld/predict?x=1", (long long)trained(job)), 422);
    job = train("{" XOR_DATA ", 'optimizer': 'lbfgs', 'training': {'epochs': 5}}");
    (void)trained(job);
    r = http_post(q("{" XOR_DATA ", 'training': {'epochs': 50, 'precision': 'bfloat16'}}"),
                  "/train");
    if (r->status != 422) { /* not on every processor */
        (void)trained(integer(want(r, 202), "/id"));
    }
    /* wide enough for the library's products */
    job = train("{'preset': 'simple', "
                "'data': {'dataset': 'diabetes', 'target': 'progression'}, 'architecture': "
                "{'hidden': [256, 256]}, 'training': {'epochs': 2, 'batch_size': 64}}");
    (void)trained(job);
    job = train("{'start_from': 'iris', 'preset': 'simple', "
                "'data': {'dataset': 'iris', 'target': 'species'}, "
                "'training': {'epochs': 2}}");
    (void)trained(job);
}

static void stops_and_goes(void)
{
    int64_t slow = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id"), next;

    wait_for_epoch(slow, 1);
    want(http_get("/models/%lld/predict?x=1,2,3", (long long)model_of(slow)), 200);
    want(http_poke("/jobs/%lld/pause", (long long)slow), 200);
    wait_for_job(slow, "paused");
    next = train("{" XOR_DATA ", 'training': {'epochs': 3}}");
    (void)trained(next);
    want(http_poke("/jobs/%lld/resume", (long long)slow), 200);
    wait_for_job(slow, "running");
    want(http_poke("/queue/pause"), 200);
    next = train("{" XOR_DATA ", 'training': {'epochs': 3}}");
    want(http_poke("/jobs/%lld/cancel", (long long)next), 200);
    want(http_poke("/queue/resume"), 200);
    cancel_job(slow);
    next = train("{" XOR_DATA ", 'optimizer': {'type': 'sgd', 'learning_rate': 1e30}, 'loss': "
                 "'mse', 'architecture': {'hidden': [8], 'activation': 'relu'}}");
    wait_for_job(next, "failed"); /* it diverges */
}

static void wrongs(void)
{
    char *deep = keep(malloc(100001)), *head;
    int fd;

    memset(deep, '[', 100000);
    deep[100000] = '\0';
    want_problem(http_post(deep, "/train"), 400, NULL, "deep");
    want_problem(http_post(q("{'dta': 1, 'training': {'epochs': -1}}"), "/train"), 422, NULL, NULL);
    want_problem(http_get("/models/iris/predict?x=1"), 422, NULL, NULL);
    want(http_get("/nothing"), 404);
    want(http_send(&(struct request){.method = "PUT", .path = "/jobs"}), 405);
    want(http_send(&(struct request){.path = "/jobs",
                                     .headers = (const char *const[]){"Host: evil.example", NULL}}),
         403);
    for (int i = 0; i < 4; i++) {
        head = text("POST %s HTTP/1.1\r\nHost: localhost:%s\r\nContent-Type: %s\r\n"
                    "Content-Length: 100000\r\n\r\na,b\n1,",
                    i % 2 == 0 ? "/datasets?name=half" : "/train", d.port,
                    i % 2 == 0 ? "text/csv" : "application/json");
        fd = raw_open();
        raw_write(fd, head, strlen(head));
        close(fd);
    }
    fd = raw_open(); /* a large answer that nobody reads */
    head = text("GET /openapi.json HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", d.port);
    raw_write(fd, head, strlen(head));
    close(fd);
}

static void upkeep(void)
{
    char *copy = scratch_path("copy");

    want(http_get("/jobs?limit=3"), 200);
    want(http_get("/models?limit=3"), 200);
    want(http_get("/service"), 200);
    want(http_get("/metrics"), 200);
    want(http_get("/openapi.json"), 200);
    want(http_get("/healthz"), 200);
    want(http_get("/readyz"), 200);
    want(http_get("/"), 200);
    want(http_delete("/datasets/small"), 204);
    want(http_delete("/models/%lld", (long long)trained(train("{" XOR_DATA ", 'training': "
                                                              "{'epochs': 2}}"))),
         204);
    want(http_delete("/jobs/1"), 204);
    want(http_post("{}", "/gc"), 200);
    says(COMMAND(0, d.state, "backup", copy), "backed up to");
    says(COMMAND(0, copy, "check"), "");
}

/* ---- the same behind TLS ---- */

static size_t drop(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

/* 0: no answer that can be trusted. */
static long status_of(const char *path, const char *ca, const char *token)
{
    struct curl_slist *headers = curl_slist_append(
        NULL, text("Authorization: Bearer %s", token != NULL ? token : "mlpd_nobody"));
    CURL *curl = curl_easy_init();
    long status = 0;

    ck_assert_ptr_nonnull(curl);
    curl_easy_setopt(curl, CURLOPT_URL, text("%s%s", d.url, path));
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L * PATIENCE);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static void behind_tls(const char *state)
{
    char *cert = scratch_path("cert.pem"), *key = scratch_path("key.pem"), *token;
    double until;
    int fd;

    ck_assert(certificate_make(cert, key, "one", time(NULL) + 86400));
    token = text("%s", COMMAND(0, state, "token", "create", "--scope", "admin"));
    token = text("%.*s", (int)strcspn(token, "\n"), token);
    d.log = NULL;
    daemon_start(
        &d, state,
        (const char *const[]){"--tls-cert", cert, "--tls-key", key, "--require-token", NULL});
    ck_assert_int_eq(status_of("/jobs", cert, token), 200);
    ck_assert_int_eq(status_of("/models/iris/predict?" FLOWER, cert, token), 200);
    ck_assert_int_eq(status_of("/jobs", cert, NULL), 401);
    ck_assert(certificate_make(cert, key, "two", time(NULL) + 86400));
    kill(d.pid, SIGHUP);
    fd = raw_open(); /* no handshake */
    raw_write(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    close(fd);
    until = now_seconds() + 30 * PATIENCE;
    while (status_of("/healthz", cert, token) != 200) { /* it has the other certificate still */
        ck_assert_msg(now_seconds() < until, "the certificate is not read again");
        pause_briefly();
    }
    daemon_stop(&d);
}

START_TEST(a_day)
{
    int64_t last;
    char *state;

    daemon_start(&d, NULL,
                 (const char *const[]){"--workers", "2", "--checkpoint-seconds", "0.2", NULL});
    state = strdup(d.state);
    tables();
    trainings();
    stops_and_goes();
    wrongs();
    upkeep();
    /* stopped in the middle of one job, with another behind it, and gone on with */
    last = integer(want(http_post(slow_job(FOREVER, 2, ""), "/train"), 202), "/id");
    wait_for_epoch(last, 1);
    (void)train("{" XOR_DATA ", 'training': {'epochs': 3}}");
    daemon_stop(&d);
    says(COMMAND(0, state, "gc", "--dry-run"), "");
    says(COMMAND(0, state, "check"), "");
    behind_tls(state);
    free(state);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *tc = case_with("all", nothing, nothing);

    tcase_set_timeout(tc, 300 * PATIENCE);
    tcase_add_test(tc, a_day);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

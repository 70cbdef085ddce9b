/* Webhooks of the real daemon, to servers of this program: what arrives, what is tried again, what a
 * kill, a stop and a slow receiver come to, and where the secret is not.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "net_help.h"
#include "state.h"

static struct daemon d;
static struct net_server server, other;

static const char *const allowed[] = {"--workers",     "1",           "--log-level", "debug",
                                      "--allow-private", "127.0.0.1/32", NULL};

static void start(void)
{
    hash_start();
    net_reset();
    daemon_start(&d, NULL, allowed);
}

static void again(void)
{
    daemon_start(&d, text("%s", d.state), allowed);
}

static void stop(void)
{
    if (d.pid > 0) {
        daemon_retire(&d);
    }
}

/* ---- what servers say ---- */

static void no_content(struct net_server *s, int fd, const char *request)
{
    (void)s, (void)request;
    net_say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void error_once(struct net_server *s, int fd, const char *request)
{
    if (net_server_requests(s) == 1) {
        net_say(fd, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    } else {
        no_content(s, fd, request);
    }
}

static void silent(struct net_server *s, int fd, const char *request)
{
    (void)request;
    (void)net_wait_gone(s, fd, 120000);
}

static atomic_bool speaks;

static void silent_until_told(struct net_server *s, int fd, const char *request)
{
    (atomic_load(&speaks) ? no_content : silent)(s, fd, request);
}

/* ---- what came ---- */

static char *notify(const struct net_server *s, const char *events)
{
    return text(", 'notify': {'url': 'http://127.0.0.1:%u/hook'%s}", s->port, events);
}

static char *last(struct net_server *s)
{
    char *copy;

    pthread_mutex_lock(&s->mtx);
    copy = text("%s", s->last);
    pthread_mutex_unlock(&s->mtx);
    return copy;
}

static const char *header(const char *request, const char *name)
{
    const char *at = strstr(request, text("\r\n%s: ", name));

    ck_assert_msg(at != NULL, "no %s in %s", name, request);
    at += strlen(name) + 4;
    return text("%.*s", (int)strcspn(at, "\r"), at);
}

static const char *body(const char *request)
{
    return strstr(request, "\r\n\r\n") + 4;
}

static void wait_for_requests(struct net_server *s, unsigned n)
{
    double until = now_seconds() + 40 * PATIENCE;

    while (net_server_requests(s) < n) {
        ck_assert_msg(now_seconds() < until, "%u requests came, not %u", net_server_requests(s), n);
        pause_briefly();
    }
}

/* The job's n-th delivery, once it is in this state. */
static struct reply *wait_for_delivery(int64_t job, size_t i, const char *state)
{
    double until = now_seconds() + 40 * PATIENCE;

    for (;;) {
        struct reply *r = want(http_get("/jobs/%lld/deliveries", (long long)job), 200);

        if (length(r, "/deliveries") > i &&
            strcmp(str(r, text("/deliveries/%zu/state", i)), state) == 0) {
            return r;
        }
        ck_assert_msg(now_seconds() < until, "not %s: %s", state, r->body);
        pause_briefly();
    }
}

static char *secret(const char *verb)
{
    const char *out = NULL;

    ck_assert_int_eq(
        daemon_run((const char *const[]){"webhook-secret", verb, "--state", d.state, NULL}, &out,
                   NULL),
        0);
    ck_assert_int_eq(strncmp(out, "whsec_", 6), 0);
    ck_assert_ptr_eq(strchr(out, '\n') + 1, out + strlen(out)); /* alone on its line */
    return text("%.*s", (int)strcspn(out, "\n"), out);
}

/* What the receiver would compute. */
static char *signature(const char *whsec, const char *request)
{
    unsigned char key[64], mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char base64[64], *signed_text = text("%s.%s.%s", header(request, "webhook-id"),
                                         header(request, "webhook-timestamp"), body(request));
    size_t len = 0;

    ck_assert_int_eq(sodium_base642bin(key, sizeof key, whsec + 6, strlen(whsec + 6), NULL, &len,
                                       NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    crypto_auth_hmacsha256_init(&state, key, len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)signed_text, strlen(signed_text));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2base64(base64, sizeof base64, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    return text("v1,%s", base64);
}

/* ---- cases ---- */

START_TEST(it_arrives)
{
    struct reply *r;
    const char *request;
    json_t *message;
    int64_t job;

    net_server_start(&server, no_content);
    job = train(XOR_JOB(", 'name': 'xor'%s"), notify(&server, ""));
    wait_for_requests(&server, 1);
    request = last(&server);
    ck_assert_int_eq(strncmp(request, "POST /hook HTTP/1.1\r\n", 21), 0);
    ck_assert_str_eq(header(request, "Content-Type"), "application/json");
    ck_assert_str_eq(header(request, "webhook-signature"), signature(secret("show"), request));
    message = json_loads(body(request), 0, NULL);
    r = want(http_get("/jobs/%lld", (long long)job), 200);
    ck_assert_ptr_nonnull(message);
    ck_assert_str_eq(json_string_value(json_find(message, "/type")), "job.succeeded");
    ck_assert_str_eq(json_string_value(json_find(message, "/timestamp")), str(r, "/finished_at"));
    ck_assert_str_eq(json_string_value(json_find(message, "/data/created_at")),
                     str(r, "/created_at"));
    ck_assert_str_eq(json_string_value(json_find(message, "/data/state")), "succeeded");
    ck_assert_str_eq(json_string_value(json_find(message, "/data/name")), "xor");
    ck_assert_int_eq(json_integer_value(json_find(message, "/data/id")), job);
    ck_assert_int_eq(json_integer_value(json_find(message, "/data/model_id")), model_of(job));
    json_decref(message);
    r = wait_for_delivery(job, 0, "delivered");
    ck_assert_uint_eq(length(r, "/deliveries"), 1);
    ck_assert_str_eq(str(r, "/deliveries/0/message_id"), header(request, "webhook-id"));
    ck_assert_str_eq(str(r, "/deliveries/0/event"), "job.succeeded");
    ck_assert_int_eq(integer(r, "/deliveries/0/last_status"), 204);
    ck_assert_int_eq(integer(r, "/deliveries/0/sends"), 1);
    ck_assert(is_null(r, "/deliveries/0/next_at") && is_null(r, "/deliveries/0/last_error"));
    ck_assert(is_time(str(r, "/deliveries/0/last_at")));
    r = want(http_get("/jobs/%lld", (long long)job), 200); /* as the defaults have it */
    ck_assert_str_eq(canonical(at(r, "/resolved/notify/events")),
                     q("['succeeded','failed','cancelled']"));
    net_server_stop(&server);
}
END_TEST

START_TEST(every_state_and_an_evaluation)
{
    int64_t job, judged;
    struct reply *r;

    net_server_start(&server, no_content);
    job = train("%s", slow_job(FOREVER, 1,
                               notify(&server, ", 'events': ['running', 'paused', 'cancelled']")));
    wait_for_job(job, "running");
    wait_for_delivery(job, 0, "delivered");
    want(http_poke("/jobs/%lld/pause", (long long)job), 200);
    wait_for_delivery(job, 1, "delivered");
    cancel_job(job);
    r = wait_for_delivery(job, 2, "delivered");
    ck_assert_str_eq(str(r, "/deliveries/0/event"), "job.running");
    ck_assert_str_eq(str(r, "/deliveries/1/event"), "job.paused");
    ck_assert_str_eq(str(r, "/deliveries/2/event"), "job.cancelled");
    upload_example("iris");
    job = train("{'preset': 'simple', "
                "'data': {'dataset': 'iris', 'target': 'species'}, 'training': {'epochs': 2}}");
    r = want(http_post(q("{'dataset': 'iris', 'notify': {'url': 'http://127.0.0.1:%u/'}}",
                         server.port),
                       "/models/%lld/evaluate", (long long)trained(job)),
             202);
    judged = integer(r, "/id");
    wait_for_delivery(judged, 0, "delivered");
    ck_assert_ptr_nonnull(strstr(last(&server), "\"kind\":\"evaluate\""));
    r = want(http_get("/jobs/%lld/deliveries", (long long)job), 200); /* told nobody */
    ck_assert_uint_eq(length(r, "/deliveries"), 0);
    net_server_stop(&server);
}
END_TEST

START_TEST(it_is_tried_again)
{
    const char *first;
    struct reply *r;
    int64_t job;

    net_server_start(&server, error_once);
    job = train(XOR_JOB("%s"), notify(&server, ""));
    wait_for_requests(&server, 1);
    first = last(&server);
    do {
        pause_briefly();
        r = wait_for_delivery(job, 0, "pending");
    } while (integer(r, "/deliveries/0/sends") == 0);
    ck_assert_int_eq(integer(r, "/deliveries/0/last_status"), 500);
    ck_assert_str_eq(str(r, "/deliveries/0/last_error"), "the receiver answered 500");
    r = wait_for_delivery(job, 0, "delivered"); /* after five seconds */
    ck_assert_int_eq(integer(r, "/deliveries/0/sends"), 2);
    ck_assert_str_eq(header(last(&server), "webhook-id"), header(first, "webhook-id"));
    ck_assert_str_eq(body(last(&server)), body(first));
    ck_assert_str_ne(header(last(&server), "webhook-timestamp"),
                     header(first, "webhook-timestamp"));
    /* and when somebody asks */
    r = want(http_poke("/deliveries/%lld/retry", (long long)integer(r, "/deliveries/0/id")), 202);
    ck_assert_str_eq(str(r, "/links/deliveries"), text("/jobs/%lld/deliveries", (long long)job));
    wait_for_requests(&server, 3);
    want_problem(http_poke("/deliveries/999/retry"), 404, NULL, "there is no delivery 999");
    r = want(http_get("/metrics"), 200);
    ck_assert_ptr_nonnull(
        strstr(r->body, "mlpd_webhook_deliveries_total{outcome=\"failed\"} 1\n"));
    net_server_stop(&server);
}
END_TEST

/* Killed before the answer could be noted: the next daemon sends it, with the same id. */
START_TEST(a_kill_loses_nothing)
{
    const char *first;
    struct reply *r;
    int64_t job;

    atomic_store(&speaks, false);
    net_server_start(&server, silent_until_told);
    job = train(XOR_JOB("%s"), notify(&server, ""));
    wait_for_requests(&server, 1);
    first = last(&server);
    daemon_kill(&d);
    atomic_store(&speaks, true);
    again();
    wait_for_requests(&server, 2);
    ck_assert_str_eq(header(last(&server), "webhook-id"), header(first, "webhook-id"));
    r = wait_for_delivery(job, 0, "delivered");
    ck_assert_int_eq(integer(r, "/deliveries/0/sends"), 1); /* that it knows of */
    /* and what was delivered is not sent again */
    daemon_kill(&d);
    again();
    job = train(XOR_JOB("%s"), notify(&server, ""));
    wait_for_delivery(job, 0, "delivered");
    ck_assert_uint_eq(net_server_requests(&server), 3);
    net_server_stop(&server);
}
END_TEST

START_TEST(a_slow_receiver)
{
    int64_t slow[6], quick;
    double began;

    net_server_start(&server, silent);
    net_server_start(&other, no_content);
    for (size_t i = 0; i < COUNT(slow); i++) {
        slow[i] = train(XOR_JOB("%s"), notify(&server, ""));
    }
    wait_for_requests(&server, 1);
    quick = train(XOR_JOB("%s"), notify(&other, ""));
    wait_for_delivery(quick, 0, "delivered"); /* long before the slow one's 20 seconds */
    for (size_t i = 1; i < COUNT(slow); i++) {
        struct reply *r = wait_for_delivery(slow[i], 0, "pending");

        ck_assert_int_eq(integer(r, "/deliveries/0/sends"), 0);
    }
    ck_assert_uint_eq(net_server_requests(&server), 1);
    began = now_seconds();
    daemon_stop(&d);
    ck_assert_msg(now_seconds() - began < 6 * PATIENCE, "%.1f s", now_seconds() - began);
    net_server_stop(&other);
    net_server_stop(&server);
    again();
    wait_for_delivery(slow[COUNT(slow) - 1], 0, "pending");
}
END_TEST

/* Two secrets while it is changed, one before and after; the daemon knows at once. */
START_TEST(the_secret_is_changed)
{
    char *before, *now;
    const char *request;
    int64_t job;

    net_server_start(&server, no_content);
    before = secret("show");
    ck_assert_str_eq(secret("show"), before);
    now = secret("rotate");
    ck_assert_str_ne(now, before);
    job = train(XOR_JOB("%s"), notify(&server, ""));
    wait_for_requests(&server, 1);
    request = last(&server);
    ck_assert_str_eq(header(request, "webhook-signature"),
                     text("%s %s", signature(now, request), signature(before, request)));
    ck_assert_str_eq(secret("retire"), now);
    wait_for_delivery(job, 0, "delivered");
    want(http_poke("/deliveries/1/retry"), 202);
    wait_for_requests(&server, 2);
    request = last(&server);
    ck_assert_str_eq(header(request, "webhook-signature"), signature(now, request));
    says(COMMAND(1, d.state, "webhook-secret", "turn"), "show, rotate or retire");
    says(COMMAND(2, d.state, "webhook-secret"), "show, rotate or retire");
    net_server_stop(&server);
}
END_TEST

static void want_hidden(const char *what, const char *said, const char *whsec)
{
    ck_assert_msg(strstr(said, whsec + 6) == NULL, "the secret is in %s", what);
}

/* Whatever a client or an operator sees: the key of signatures is not in it. */
START_TEST(the_secret_is_nowhere)
{
    static const char *const paths[] = {"/jobs", "/jobs/1", "/jobs/1/events",
                                        "/jobs/1/deliveries", "/models/1", "/service", "/metrics"};
    char *whsec, *copy = scratch_path("backup");

    net_server_start(&server, error_once);
    train(XOR_JOB("%s"), notify(&server, ""));
    wait_for_requests(&server, 1);
    whsec = secret("show");
    for (size_t i = 0; i < COUNT(paths); i++) {
        want_hidden(paths[i], want(http_get("%s", paths[i]), 200)->body, whsec);
    }
    want_hidden("a message", last(&server), whsec);
    COMMAND(0, d.state, "backup", copy);
    ck_assert_int_ne(access(text("%s/webhook-secret", copy), F_OK), 0);
    want_hidden("a backup", file_read(text("%s/mlpd.db", copy), NULL), whsec);
    daemon_stop(&d);
    want_hidden("the log", file_read(d.log, NULL), whsec);
    ck_assert_ptr_null(strstr(file_read(d.log, NULL), "/hook")); /* nor where they go */
    net_server_stop(&server);
}
END_TEST

/* ---- what is refused ---- */

#define TO(url) q("{'preset': 'simple', "                                                          \
                  "'data': {'dataset': 'iris', 'target': 'species'}, 'notify': {'url': '%s'}}", url)

START_TEST(where_none_may_go)
{
    static const char *const urls[] = {"http://127.0.0.1:8080/", "https://10.0.0.1/",
                                       "https://169.254.169.254/latest", "https://[::1]/",
                                       "https://127.1/",         "http://example.org/",
                                       "https://example.org:25/", "ftp://example.org/",
                                       "https://a:b@example.org/", "example.org", "https://"};
    struct reply *r;

    daemon_stop(&d);
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL}); /* nothing allowed */
    upload_example("iris");
    for (size_t i = 0; i < COUNT(urls); i++) {
        want_problem(http_post(TO(urls[i]), "/train"), 422, "/notify/url", "the URL is refused");
    }
    want(http_post(TO("https://example.org/hook"), "/train?dry_run=1"), 200);
    /* with all else that is wrong */
    r = http_post(q("{'data': {'dataset': 'none', 'target': 't'}, 'notify': {'url': 'x'}}"),
                  "/train");
    want_problem(r, 422, "/notify/url", "refused");
    want_problem(r, 422, "/data/dataset", "there is no dataset");
    want_problem(http_post(q("{'data': {'dataset': 'iris', 'target': 'species'}, 'notify':"
                             " {'url': 'https://a.example', 'events': ['queued']}}"),
                           "/train"),
                 422, "/notify/events/0", "must be one of");
    trained(train("{'preset': 'simple', "
                  "'data': {'dataset': 'iris', 'target': 'species'}, 'training': {'epochs': 1}}"));
    want_problem(http_post(q("{'dataset': 'iris', 'notify': {'url': 'http://10.1.1.1/'}}"),
                           "/models/1/evaluate"),
                 422, "/notify/url", "refused");
    want_problem(http_post(q("{'dataset': 'iris', 'notify': {'uri': 'x'}}"), "/models/1/evaluate"),
                 422, "/notify/uri", "did you mean \"url\"?");
    want_problem(http_post(q("{'dataset': 'iris', 'other': 1}"), "/models/1/evaluate"), 422, "",
                 "nothing else");
    r = want(http_get("/jobs"), 200);
    ck_assert_uint_eq(length(r, "/jobs"), 1);
    ck_assert_int_ne(access(text("%s/webhook-secret", d.state), F_OK), 0); /* never needed */
}
END_TEST

START_TEST(a_network_that_is_none)
{
    const char *err = NULL;

    ck_assert_int_eq(daemon_run((const char *const[]){"--allow-private", "10.0.0.1/8",
                                                      "--check-config", NULL},
                                NULL, &err),
                     2);
    says(err, "--allow-private must be a network like 10.0.0.0/8");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webhooks");
    TCase *tc = tcase_create("webhooks");

    tcase_set_timeout(tc, 120 * PATIENCE);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_checked_fixture(tc, NULL, test_end);
    tcase_add_test(tc, it_arrives);
    tcase_add_test(tc, every_state_and_an_evaluation);
    tcase_add_test(tc, it_is_tried_again);
    tcase_add_test(tc, a_kill_loses_nothing);
    tcase_add_test(tc, a_slow_receiver);
    tcase_add_test(tc, the_secret_is_changed);
    tcase_add_test(tc, the_secret_is_nowhere);
    tcase_add_test(tc, where_none_may_go);
    tcase_add_test(tc, a_network_that_is_none);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

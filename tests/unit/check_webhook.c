/* The senders of webhooks, between a real store and small servers of the test's own. */
#include <check.h>
#include <ftw.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/webhook.h"
#include "jobs/webhook_message.h"
#include "net_help.h"
#include "store/store_sqlite.h"

#define QUICK 1e-6 /* pace: all ten sends in a third of a second */

static char dir[64], secret_path[96];
static struct store *store;
static struct outgoing *rules;
static struct webhooks *hooks;
static struct net_server server, other;

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err ok_err = ERR_INIT;                                                              \
        struct err *err = &ok_err;                                                                 \
        ck_assert_msg((call) == 0, "%s: %s", #call, ok_err.detail);                                \
    } while (0)

/* ---- the world ---- */

static void open_store(void)
{
    OK(store_sqlite_open(&(struct store_sqlite_options){.dir = dir, .owner = "boot"}, &store, err));
}

static void setup(void)
{
    const char *const networks[] = {"127.0.0.1/32"};

    hash_start();
    log_set_level(LOG_ERROR);
    net_reset();
    (void)snprintf(dir, sizeof dir, "/tmp/mlpd-webhook-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(secret_path, sizeof secret_path, "%s/webhook-secret", dir);
    open_store();
    OK(outgoing_new(&(struct outgoing_options){.allow_private = networks, .n_allow_private = 1},
                    &rules, err));
}

static void start(double pace)
{
    hooks = webhooks_start(&(struct webhook_options){
        .store = store, .outgoing = rules, .secret_path = secret_path, .pace = pace});
}

static void stop(void)
{
    webhooks_stop(hooks);
    store->ops->close(&store);
    webhooks_free(&hooks);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    if (hooks != NULL) {
        stop();
    }
    if (store != NULL) {
        store->ops->close(&store);
    }
    outgoing_free(&rules);
    ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- jobs ---- */

/* A job that tells that port, under its address or a name, of these states. */
static int64_t submit_to(const char *host, unsigned port, unsigned events)
{
    char *url = xasprintf("http://%s:%u/hook", host, port), *receiver;
    struct store_notify notify = {.url = url, .key = "k", .events = events};
    struct store_job_new job = {.kind = "train", .config_json = "{}", .notify = &notify};
    int64_t id = 0, model_id = 0;

    notify.receiver = receiver = webhook_message_receiver(url);
    OK(store->ops->job_submit(store, &job, &id, &model_id, err));
    free(receiver);
    free(url);
    return id;
}

static int64_t submit(unsigned port)
{
    return submit_to("127.0.0.1", port, NOTIFY_ENDS);
}

static void cancel(int64_t id)
{
    enum job_state state;

    OK(store->ops->job_cancel(store, id, &state, err));
}

/* A message to that port that is due now. */
static int64_t told(unsigned port)
{
    int64_t id = submit(port);

    cancel(id);
    return id;
}

/* The n-th delivery of a job; the caller's. */
static struct store_delivery delivery(int64_t job, size_t i)
{
    struct store_delivery *list = NULL, one;
    size_t n = 0;

    OK(store->ops->delivery_list(store, job, &list, &n, err));
    ck_assert_uint_lt(i, n);
    one = list[i];
    list[i] = (struct store_delivery){.id = 0};
    store_deliveries_free(&list, n);
    return one;
}

static struct store_delivery wait_for_sends(int64_t job, int64_t sends)
{
    double until = clock_monotonic() + 30;

    for (;;) {
        struct store_delivery d = delivery(job, 0);

        if (d.sends >= sends) {
            return d;
        }
        store_delivery_fini(&d);
        ck_assert_msg(clock_monotonic() < until, "job %lld: not sent %lld times", (long long)job,
                      (long long)sends);
        (void)usleep(2000);
    }
}

static void want_state(struct store_delivery d, enum store_delivery_state state, int64_t sends,
                       int64_t status, const char *why)
{
    ck_assert_int_eq(d.state, state);
    ck_assert_int_eq(d.sends, sends);
    ck_assert_int_eq(d.last_status, status);
    if (why == NULL) {
        ck_assert_ptr_null(d.last_error);
    } else {
        ck_assert_msg(d.last_error != NULL && strstr(d.last_error, why) != NULL, "%s",
                      d.last_error);
    }
    store_delivery_fini(&d);
}

/* ---- what servers say ---- */

typedef void serve_f(struct net_server *s, int fd, const char *request);

/* Of one whose manner changes while it runs. */
static _Atomic(serve_f *) manner;

static void as_told(struct net_server *s, int fd, const char *request)
{
    atomic_load(&manner)(s, fd, request);
}

static void start_server(serve_f *first)
{
    atomic_store(&manner, first);
    net_server_start(&server, as_told);
}

static void no_content(struct net_server *s, int fd, const char *request)
{
    (void)s, (void)request;
    net_say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void error(struct net_server *s, int fd, const char *request)
{
    (void)s, (void)request;
    net_say(fd, "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nno!");
}

static void error_once(struct net_server *s, int fd, const char *request)
{
    (net_server_requests(s) == 1 ? error : no_content)(s, fd, request);
}

static void gone(struct net_server *s, int fd, const char *request)
{
    (void)s, (void)request;
    net_say(fd, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
}

static void later(struct net_server *s, int fd, const char *request)
{
    (void)s, (void)request;
    net_say(fd, "HTTP/1.1 503 Later\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n");
}

static void elsewhere(struct net_server *s, int fd, const char *request)
{
    char *text = xasprintf("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\n"
                           "Content-Length: 0\r\n\r\n",
                           other.port);

    (void)s, (void)request;
    net_say(fd, text);
    free(text);
}

static void silent(struct net_server *s, int fd, const char *request)
{
    (void)request;
    (void)net_wait_gone(s, fd, 60000);
}

static void a_long_answer(struct net_server *s, int fd, const char *request)
{
    (void)s, (void)request;
    net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n");
    for (int i = 0; i < 7000; i++) {
        net_say(fd, "0123456789");
    }
}

/* The ids of messages in the order they came, and whether two were there at once. */
static char came[4096];
static void note_id(struct net_server *s, int fd, const char *request)
{
    const char *id = strstr(request, "webhook-id: ");
    size_t used = strlen(came);

    ck_assert_ptr_nonnull(id);
    (void)snprintf(came + used, sizeof came - used, "%.*s ", (int)strcspn(id + 12, "\r"), id + 12);
    no_content(s, fd, request);
}

/* ---- cases ---- */

/* A header of the server's last request. */
static char *header(struct net_server *s, const char *name)
{
    char *text, *at;

    PTOK(pthread_mutex_lock(&s->mtx));
    at = strstr(s->last, name);
    ck_assert_msg(at != NULL, "%s: %s", name, s->last);
    at += strlen(name) + 2;
    text = xstrndup(at, strcspn(at, "\r"));
    PTOK(pthread_mutex_unlock(&s->mtx));
    return text;
}

static void want_signed(struct net_server *s, const struct webhook_secrets *secrets)
{
    char *id = header(s, "webhook-id"), *stamp = header(s, "webhook-timestamp"),
         *got = header(s, "webhook-signature"), want[WEBHOOK_SIGNATURE_LEN];
    const char *body = strstr(s->last, "\r\n\r\n") + 4;

    webhook_message_sign(secrets, id, strtoll(stamp, NULL, 10), body, strlen(body), want);
    ck_assert_str_eq(got, want);
    ck_assert_int_lt(llabs(strtoll(stamp, NULL, 10) - clock_now_ms() / 1000), 60);
    free(id);
    free(stamp);
    free(got);
}

START_TEST(it_arrives_signed)
{
    uint64_t before = counter_get(COUNTER_DELIVERIES, DELIVERY_DELIVERED);
    struct webhook_secrets secrets;
    struct store_delivery d;
    int64_t id;

    net_server_start(&server, no_content);
    start(1); /* nothing waits, and the commit wakes it */
    id = told(server.port);
    d = wait_for_sends(id, 1);
    ck_assert(net_server_saw(&server, "POST /hook HTTP/1.1\r\n"));
    ck_assert(net_server_saw(&server, "Content-Type: application/json\r\n"));
    ck_assert(net_server_saw(&server, "{\"type\":\"job.cancelled\",\"timestamp\":\""));
    ck_assert(net_server_saw(&server, d.message_id));
    want_state(d, DELIVERY_IS_DELIVERED, 1, 204, NULL);
    OK(webhook_secrets_read(secret_path, &secrets, err));
    want_signed(&server, &secrets);
    ck_assert_uint_eq(counter_get(COUNTER_DELIVERIES, DELIVERY_DELIVERED) - before, 1);
    /* while the secret is changed, both sign */
    OK(webhook_secrets_rotate(secret_path, &secrets, err));
    id = told(server.port);
    want_state(wait_for_sends(id, 1), DELIVERY_IS_DELIVERED, 1, 204, NULL);
    want_signed(&server, &secrets);
    net_server_stop(&server);
}
END_TEST

START_TEST(it_is_tried_again)
{
    int64_t id;

    net_server_start(&server, error_once);
    start(0.002);
    id = told(server.port);
    want_state(wait_for_sends(id, 2), DELIVERY_IS_DELIVERED, 2, 204, NULL);
    ck_assert_uint_eq(net_server_requests(&server), 2);
    net_server_stop(&server);
}
END_TEST

START_TEST(it_is_given_up)
{
    uint64_t failed = counter_get(COUNTER_DELIVERIES, DELIVERY_FAILED),
             given_up = counter_get(COUNTER_DELIVERIES, DELIVERY_GIVEN_UP);
    int64_t id, job;

    net_server_start(&server, error);
    start(QUICK);
    id = told(server.port);
    want_state(wait_for_sends(id, 10), DELIVERY_IS_GIVEN_UP, 10, 500, "answered 500");
    ck_assert_uint_eq(net_server_requests(&server), 10);
    ck_assert_uint_eq(counter_get(COUNTER_DELIVERIES, DELIVERY_FAILED) - failed, 9);
    ck_assert_uint_eq(counter_get(COUNTER_DELIVERIES, DELIVERY_GIVEN_UP) - given_up, 1);
    OK(store->ops->delivery_retry(store, 1, &job, err)); /* with all its tries before it */
    want_state(wait_for_sends(id, 20), DELIVERY_IS_GIVEN_UP, 20, 500, "answered 500");
    net_server_stop(&server);
}
END_TEST

START_TEST(a_receiver_says_how_it_is)
{
    double wait;
    struct store_delivery d;

    start_server(gone);
    start(1);
    want_state(wait_for_sends(told(server.port), 1), DELIVERY_IS_GIVEN_UP, 1, 410, "no more");
    atomic_store(&manner, later);
    d = wait_for_sends(told(server.port), 1);
    wait = (double)(d.next_at - d.last_at) / 1e3;
    ck_assert_msg(wait > 3590 && wait < 3970, "%g s", wait);
    want_state(d, DELIVERY_IS_PENDING, 1, 503, "answered 503");
    atomic_store(&manner, a_long_answer);
    want_state(wait_for_sends(told(server.port), 1), DELIVERY_IS_DELIVERED, 1, 200, NULL);
    net_server_start(&other, no_content);
    atomic_store(&manner, elsewhere);
    want_state(wait_for_sends(told(server.port), 1), DELIVERY_IS_PENDING, 1, 302,
               "redirects are not followed");
    ck_assert_uint_eq(net_server_requests(&other), 0);
    net_server_stop(&other);
    net_server_stop(&server);
}
END_TEST

/* Nobody there; and an address that was not allowed, by itself or behind a name. */
START_TEST(where_nobody_may_go)
{
    static const char *const inside[] = {"127.0.0.1"};
    unsigned port;

    net_server_start(&server, no_content);
    port = server.port;
    start(1);
    want_state(wait_for_sends(told(1), 1), DELIVERY_IS_PENDING, 1, 0, "could not connect");
    stop();
    outgoing_free(&rules);
    OK(outgoing_new(&(struct outgoing_options){.allow_http = true}, &rules, err));
    open_store();
    net_name("inside.example", inside, 1);
    start(1);
    want_state(wait_for_sends(told(port), 1), DELIVERY_IS_PENDING, 1, 0, "refused");
    {
        int64_t id = submit_to("inside.example", 8080, NOTIFY_ENDS);

        cancel(id);
        want_state(wait_for_sends(id, 1), DELIVERY_IS_PENDING, 1, 0, "the address is refused");
    }
    ck_assert_uint_eq(net_server_requests(&server), 0);
    ck_assert_uint_eq(net_tried("127.0.0.1:8080"), 0);
    net_server_stop(&server);
}
END_TEST

START_TEST(without_a_secret_nothing_is_sent)
{
    struct webhook_secrets secrets;

    net_server_start(&server, no_content);
    OK(webhook_secrets_read(secret_path, &secrets, err));
    ck_assert_int_eq(chmod(secret_path, 0644), 0);
    log_set_level(LOG_ERROR + 1);
    start(1);
    want_state(wait_for_sends(told(server.port), 1), DELIVERY_IS_PENDING, 1, 0,
               "could not be signed");
    ck_assert_uint_eq(net_server_requests(&server), 0);
    net_server_stop(&server);
}
END_TEST

START_TEST(a_slow_one_holds_up_nobody_else)
{
    int64_t slow[8], quick;
    size_t i;

    net_server_start(&server, silent);
    net_server_start(&other, no_content);
    start(1);
    for (i = 0; i < ARRAY_LEN(slow); i++) { /* more than there are senders */
        slow[i] = told(server.port);
    }
    while (net_server_requests(&server) == 0) {
        (void)usleep(1000);
    }
    quick = told(other.port);
    want_state(wait_for_sends(quick, 1), DELIVERY_IS_DELIVERED, 1, 204, NULL);
    for (i = 0; i < ARRAY_LEN(slow); i++) {
        want_state(delivery(slow[i], 0), DELIVERY_IS_PENDING, 0, 0, NULL);
    }
    ck_assert_uint_eq(net_server_requests(&server), 1);
    net_server_stop(&other);
    net_server_stop(&server);
}
END_TEST

/* The same when both waited before there were senders, and no commit wakes anybody. */
START_TEST(nor_at_the_start)
{
    int64_t slow, quick;

    net_server_start(&server, silent);
    net_server_start(&other, no_content);
    slow = told(server.port);
    quick = told(other.port);
    start(1);
    want_state(wait_for_sends(quick, 1), DELIVERY_IS_DELIVERED, 1, 204, NULL);
    want_state(delivery(slow, 0), DELIVERY_IS_PENDING, 0, 0, NULL);
    net_server_stop(&other);
    net_server_stop(&server);
}
END_TEST

/* A stop ends a send as if it had not begun; the next daemon sends it. */
START_TEST(a_stop_does_not_wait)
{
    double began;
    int64_t id;

    start_server(silent);
    start(1);
    id = told(server.port);
    while (net_server_requests(&server) == 0) {
        (void)usleep(1000);
    }
    began = clock_monotonic();
    stop();
    ck_assert_msg(clock_monotonic() - began < 5, "%.1f s", clock_monotonic() - began);
    open_store();
    want_state(delivery(id, 0), DELIVERY_IS_PENDING, 0, 0, NULL);
    atomic_store(&manner, no_content);
    start(1); /* finds it by itself */
    want_state(wait_for_sends(id, 1), DELIVERY_IS_DELIVERED, 1, 204, NULL);
    net_server_stop(&server);
}
END_TEST

START_TEST(one_after_the_other)
{
    struct store_job job;
    int64_t id, ids[20];
    size_t i, n = 0;

    came[0] = '\0';
    net_server_start(&server, note_id);
    id = submit_to("127.0.0.1", server.port, NOTIFY_RUNNING | NOTIFY_ENDS);
    OK(store->ops->job_claim(store, "boot", &job, err));
    store_job_fini(&job);
    OK(store->ops->job_finish(store, id, "boot",
                              &(struct store_outcome){.state = JOB_FAILED, .error_code = "x"},
                              err));
    for (i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = told(server.port);
    }
    start(1);
    for (i = 0; i < ARRAY_LEN(ids); i++) {
        want_state(wait_for_sends(ids[i], 1), DELIVERY_IS_DELIVERED, 1, 204, NULL);
    }
    for (i = 1; i <= ARRAY_LEN(ids) + 2; i++) {
        char want[32];
        int len = snprintf(want, sizeof want, "msg_k_%zu ", i);

        ck_assert_msg(strncmp(came + n, want, (size_t)len) == 0, "%s", came);
        n += (size_t)len;
    }
    net_server_stop(&server);
}
END_TEST

/* Its job is deleted while it is on its way. */
START_TEST(a_job_that_goes_meanwhile)
{
    int64_t id, next;

    start_server(silent);
    start(1);
    id = told(server.port);
    while (net_server_requests(&server) == 0) {
        (void)usleep(1000);
    }
    OK(store->ops->job_delete(store, id, err));
    atomic_store(&manner, no_content); /* from the next connection on */
    next = told(server.port);
    net_server_stop(&server); /* the first one's answer never comes */
    net_server_start(&server, no_content);
    want_state(wait_for_sends(next, 1), DELIVERY_IS_PENDING, 1, 0, "could not connect");
    net_server_stop(&server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webhook");
    TCase *tc = tcase_create("senders");
    SRunner *runner;
    int failed;

    hash_start();
    tcase_set_timeout(tc, 90);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, it_arrives_signed);
    tcase_add_test(tc, it_is_tried_again);
    tcase_add_test(tc, it_is_given_up);
    tcase_add_test(tc, a_receiver_says_how_it_is);
    tcase_add_test(tc, where_nobody_may_go);
    tcase_add_test(tc, without_a_secret_nothing_is_sent);
    tcase_add_test(tc, a_slow_one_holds_up_nobody_else);
    tcase_add_test(tc, nor_at_the_start);
    tcase_add_test(tc, a_stop_does_not_wait);
    tcase_add_test(tc, one_after_the_other);
    tcase_add_test(tc, a_job_that_goes_meanwhile);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

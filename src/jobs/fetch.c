/* One file from another server; see fetch.h.
 *
 * A try is one call of outgoing_send. Between tries this keeps how many bytes the taker has, their
 * running hash, and the validator that came with the first of them. What must hold: the taker sees
 * the bytes of one version of the file, each once and in order; so bytes are added to those before
 * only when the server says that they begin where these end, of a whole that is as long as it was.
 *
 * The calling thread alone.
 */
#include "jobs/fetch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define WAIT_FIRST 1.0  /* seconds, doubling */
#define WAIT_MOST  60.0 /* that a server can ask for */
#define WAIT_PIECE 0.1
#define SOON       0.05 /* libcurl's clock is not ours */

struct transfer {
    const struct fetch_rules *rules;
    const struct fetch_taker *taker;
    struct err *err;
    double until;
    bool begun;     /* the taker has what came */
    uint64_t have;  /* bytes that it has */
    uint64_t total; /* UINT64_MAX: not known */
    char validator[sizeof((struct outgoing_head *)0)->validator];
    struct hash hash;
    bool refused; /* the taker's error, or one of ours, stands in err: no more tries */
    bool ended;
};

int fetch_check(const struct fetch_rules *rules, const char *url, const char *pointer,
                struct err *err)
{
    struct err why = ERR_INIT;

    if (rules == NULL || rules->hosts == NULL || rules->hosts[0] == NULL) {
        return err_add(err, pointer,
                       "this server fetches nothing: its operator has allowed no host "
                       "(--fetch-allow)");
    }
    if (outgoing_check_host(rules->outgoing, url, rules->hosts, &why) != 0) {
        (void)err_add(err, pointer, "%s", why.detail);
        err_fini(&why);
        return -1;
    }
    return 0;
}

static bool asks(void *arg)
{
    struct transfer *t = arg;

    t->ended = t->ended || t->taker->ends(t->taker->arg);
    return t->ended;
}

/* Whether these bytes go on where those before end. */
static bool goes_on(const struct transfer *t, const struct outgoing_head *head)
{
    return head->status == 206 && head->first == t->have &&
           (t->total == UINT64_MAX || head->total == UINT64_MAX || head->total == t->total);
}

static void forget(struct transfer *t)
{
    t->begun = false;
    t->have = 0;
    t->total = UINT64_MAX;
    t->validator[0] = '\0';
}

static bool on_head(void *arg, const struct outgoing_head *head)
{
    struct transfer *t = arg;

    if (t->have > 0 && goes_on(t, head)) {
        return true;
    }
    forget(t);
    if (head->status == 206) { /* the next try asks for all of it */
        (void)err_set(t->err, ERR_IO, "the server sent a part of the file that nobody asked for");
        return false;
    }
    if (head->status != 200) {
        t->refused = true;
        (void)err_set(t->err, ERR_IO, "the server answered %ld", head->status);
        return false;
    }
    t->total = head->total;
    memcpy(t->validator, head->validator, sizeof t->validator);
    hash_init(&t->hash);
    t->refused = t->taker->begin(t->taker->arg, head->total, t->err) != 0;
    t->begun = !t->refused;
    return t->begun;
}

static bool on_bytes(void *arg, const void *bytes, size_t len)
{
    struct transfer *t = arg;

    if (asks(t)) {
        return false;
    }
    hash_update(&t->hash, bytes, len);
    t->have += len;
    t->refused = t->taker->bytes(t->taker->arg, bytes, len, t->err) != 0;
    return !t->refused;
}

/* One request. 0: there was an answer, its status in *status. */
static int send_one(struct transfer *t, const char *url, long *status, double *wait)
{
    bool part = t->have > 0 && t->validator[0] != '\0';
    struct outgoing_request request = {.method = "GET",
                                       .url = url,
                                       .seconds = fmax(t->until - clock_monotonic(), 1e-3),
                                       .redirects = FETCH_REDIRECTS,
                                       .hosts = t->rules->hosts,
                                       .ends = asks,
                                       .head = on_head,
                                       .take = on_bytes,
                                       .arg = t};
    struct outgoing_reply reply = {.body = BUF_INIT};
    int rc;

    if (part) {
        request.first = t->have;
        request.validator = t->validator;
    }
    request.most_bytes = (size_t)(t->rules->most_bytes - request.first);
    rc = outgoing_send(t->rules->outgoing, &request, &reply, t->err);
    if (rc == 0) {
        *status = reply.status;
        *wait = reply.retry_after;
    }
    buf_fini(&reply.body);
    return rc;
}

static bool may_pass(long status)
{
    return status == 408 || status == 416 || status == 429 || status / 100 == 5;
}

/* What a status means that is not the file; it stands in err. False: the last word. */
static bool judge(struct transfer *t, long status)
{
    if (status / 100 == 3) {
        (void)err_set(t->err, ERR_IO, "the server redirects more than %d times, or nowhere",
                      FETCH_REDIRECTS);
    } else {
        (void)err_set(t->err, status == 404 || status == 410 ? ERR_NOT_FOUND : ERR_IO,
                      "the server answered %ld", status);
    }
    if (status == 416) {
        forget(t);
    }
    return may_pass(status);
}

/* 0: the file is in. 1: worth another try, after *wait seconds if that is a number; -1: not. */
static int try_once(struct transfer *t, const char *url, double *wait)
{
    long status = 0;

    *wait = NAN;
    if (send_one(t, url, &status, wait) == 0) {
        if ((status == 200 || status == 206) && t->begun) {
            return 0;
        }
        return judge(t, status) ? 1 : -1;
    }
    if (t->ended || t->refused) {
        return -1;
    }
    if (clock_monotonic() >= t->until - SOON) {
        return err_set(t->err, ERR_IO, "the fetch took longer than %g s, which is the limit",
                       t->rules->seconds);
    }
    if (t->err->code == ERR_BUSY) {
        (void)err_set(t->err, ERR_IO, "the server is too slow");
    }
    return t->err->code == ERR_IO ? 1 : -1;
}

/* False: `ends`, or there is no time left. */
static bool wait_for(struct transfer *t, double seconds)
{
    double until = clock_monotonic() + seconds;

    while (!asks(t) && clock_monotonic() < until) {
        double piece = fmin(fmax(until - clock_monotonic(), 0), WAIT_PIECE);
        struct timespec left = {.tv_nsec = (long)(piece * 1e9)};

        (void)nanosleep(&left, NULL); /* a shorter one is fine */
    }
    return !t->ended && clock_monotonic() < t->until;
}

static double wait_of(const struct transfer *t, unsigned tries, double asked)
{
    double wait = WAIT_FIRST * (double)(1u << (tries - 1));

    wait = isnan(asked) ? wait : fmin(fmax(asked, wait), WAIT_MOST);
    return wait * (t->rules->pace > 0 ? t->rules->pace : 1);
}

int fetch_run(const struct fetch_rules *rules, const char *url, const char *sha256,
              const struct fetch_taker *taker, struct fetched *out, struct err *err)
{
    struct transfer t = {.rules = rules,
                         .taker = taker,
                         .err = err,
                         .until = clock_monotonic() + rules->seconds,
                         .total = UINT64_MAX};
    struct fetched done = {.tries = 0};
    double wait;
    int rc = 1;

    for (done.tries = 1; rc == 1; done.tries++) {
        rc = asks(&t) ? -1 : try_once(&t, url, &wait);
        if (rc == 0) {
            break;
        }
        if (t.ended) {
            err_fini(err);
            return 1;
        }
        if (rc == 1 &&
            (done.tries == FETCH_TRIES || !wait_for(&t, wait_of(&t, done.tries, wait)))) {
            rc = -1;
        }
        if (t.ended) {
            err_fini(err);
            return 1;
        }
        if (rc == 1) {
            log_info("a fetch goes on after %llu bytes: %s", (unsigned long long)t.have,
                     err->detail);
            err_fini(err);
        }
    }
    if (rc != 0) {
        return -1;
    }
    done.bytes = t.have;
    hash_final_hex(&t.hash, done.sha256);
    if (sha256 != NULL && !hash_equal(sha256, done.sha256)) {
        return err_set(err, ERR_INVALID,
                       "what came is not what was asked for: its sha256 is %s, not %s", done.sha256,
                       sha256);
    }
    *out = done;
    return 0;
}

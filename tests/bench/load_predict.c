/* Predictions at a fixed rate, whatever becomes of them.
 *
 * Request k is due at from + k / rate. A latency counts from when a request was due and not from
 * when a connection was free for it, so that a daemon that stands still for a second is charged
 * with every request of that second. Half of them are GETs, half are POSTs of one row as JSON; each
 * answer must be, byte for byte, what the daemon said when it had nothing else to do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "load.h"

#define GRACE 5 /* seconds for the last answers */

struct caller {
    struct conn conn;
    bool busy;
    size_t row;
    double due;
};

struct calling {
    struct predict *p;
    int epoll;
    struct caller callers[PREDICT_CONNECTIONS];
    struct caller *idle[PREDICT_CONNECTIONS];
    size_t n_idle;
    uint64_t n_due; /* requests whose time has come; those beyond `sent` wait for a connection */
};

void predict_prepare(struct predict *p, long model, size_t columns)
{
    char *list = text("%s", ""), *query = text("%s", ""), *path, *body;

    for (size_t i = 0; i < PREDICT_ROWS; i++) {
        free(list);
        free(query);
        list = text("%s", "");
        query = text("/models/%ld/predict", model);
        for (size_t k = 0; k < columns; k++) {
            double value = (double)((i * 7 + k * 13) % 41) / 10 - 2;
            char *longer = text("%s%s%.1f", list, k != 0 ? "," : "", value);

            free(list);
            list = longer;
            longer = text("%s%cc%zu=%.1f", query, k != 0 ? '&' : '?', k + 1, value);
            free(query);
            query = longer;
        }
        if (i % 2 == 0) {
            p->requests[i] = text("GET %s HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", query, p->port);
            p->expected[i] = ask(p->port, 200, "GET", query, NULL, NULL);
        } else {
            path = text("/models/%ld/predict", model);
            body = text("{\"instances\": [[%s]]}", list);
            p->requests[i] = text("POST %s HTTP/1.1\r\nHost: localhost:%u\r\nContent-Type: "
                                  "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                  path, p->port, strlen(body), body);
            p->expected[i] = ask(p->port, 200, "POST", path, "application/json", body);
            free(path);
            free(body);
        }
        p->expected_len[i] = strlen(p->expected[i]);
    }
    free(list);
    free(query);
}

void predict_free(struct predict *p)
{
    for (size_t i = 0; i < PREDICT_ROWS; i++) {
        free(p->requests[i]);
        free(p->expected[i]);
    }
    free(p->latency.v);
    free(p->due.v);
    free(p->late.v);
}

static void count_error(struct predict *p, uint64_t n, const char *what)
{
    size_t i = 0;

    while (i < PREDICT_ERRORS - 1 && p->errors[i].n != 0 && strcmp(p->errors[i].what, what) != 0) {
        i++;
    }
    if (n != 0) {
        (void)snprintf(p->errors[i].what, sizeof p->errors[i].what, "%s", what);
        p->errors[i].n += n;
    }
}

uint64_t predict_errors(const struct predict *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < PREDICT_ERRORS; i++) {
        n += p->errors[i].n;
    }
    return n;
}

static void rest(struct calling *c, struct caller *caller)
{
    caller->busy = false;
    c->idle[c->n_idle++] = caller;
}

/* Its connection broke: a request that was on it has failed, the next gets a new one. */
static void broken(struct calling *c, struct caller *caller)
{
    conn_close(&caller->conn);
    if (caller->busy) {
        count_error(c->p, 1, "connection ended");
        rest(c, caller);
    }
}

static void send_one(struct calling *c, struct caller *caller, double now)
{
    struct predict *p = c->p;

    caller->due = p->from + (double)p->sent / p->rate;
    caller->row = p->sent % PREDICT_ROWS;
    caller->busy = true;
    p->sent++;
    samples_add(&p->late, now - caller->due);
    if ((caller->conn.fd < 0 && !conn_open(&caller->conn, p->port, c->epoll, caller, false)) ||
        !conn_write(&caller->conn, p->requests[caller->row], strlen(p->requests[caller->row]))) {
        broken(c, caller);
    }
}

static void send_due(struct calling *c)
{
    struct predict *p = c->p;
    double now = clock_seconds(), up_to = now < p->until ? now : p->until;

    c->n_due = up_to < p->from ? 0 : (uint64_t)((up_to - p->from) * p->rate) + 1;
    while (p->sent < c->n_due && c->n_idle != 0) {
        send_one(c, c->idle[--c->n_idle], now);
    }
}

static void take(struct calling *c, struct caller *caller)
{
    struct predict *p = c->p;
    struct answer answer;
    enum conn_event event;
    double now;
    char what[32];

    if (!conn_flush(&caller->conn)) {
        broken(c, caller);
        return;
    }
    event = conn_read(&caller->conn, &answer);
    if (event == CONN_ENDED || (event == CONN_ANSWER && !caller->busy)) {
        broken(c, caller);
    } else if (event == CONN_ANSWER) {
        now = clock_seconds();
        p->answered++;
        if (answer.status != 200) {
            (void)snprintf(what, sizeof what, "status %d", answer.status);
            count_error(p, 1, what);
        } else if (answer.len != p->expected_len[caller->row] ||
                   memcmp(answer.body, p->expected[caller->row], answer.len) != 0) {
            count_error(p, 1, "another answer");
        }
        samples_add(&p->latency, now - caller->due);
        samples_add(&p->due, caller->due);
        rest(c, caller);
    }
}

/* Until something comes, or the next request is due. */
static int wait_for(struct calling *c, struct epoll_event *events, int most)
{
    double next = c->p->from + (double)c->n_due / c->p->rate - clock_seconds();
    struct timespec timeout = {.tv_sec = 0, .tv_nsec = 10000000};

    if (c->p->sent == c->n_due && next < 0.01) {
        timeout.tv_nsec = next > 0 ? (long)(next * 1e9) : 0;
    }
    return epoll_pwait2(c->epoll, events, most, &timeout, NULL);
}

void *predict_main(void *arg)
{
    struct epoll_event events[PREDICT_CONNECTIONS];
    struct calling *c = need(calloc(1, sizeof *c));
    struct predict *p = arg;

    c->p = p;
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < PREDICT_CONNECTIONS; i++) {
        c->callers[i].conn.fd = -1;
        rest(c, &c->callers[i]);
    }
    while (clock_seconds() < p->until + GRACE &&
           (clock_seconds() < p->until || c->n_idle < PREDICT_CONNECTIONS || p->sent < c->n_due)) {
        int n = wait_for(c, events, (int)COUNT(events));

        for (int i = 0; i < n; i++) {
            take(c, events[i].data.ptr);
        }
        send_due(c);
    }
    count_error(p, PREDICT_CONNECTIONS - c->n_idle, "no answer");
    count_error(p, c->n_due - p->sent, "never sent");
    for (size_t i = 0; i < PREDICT_CONNECTIONS; i++) {
        conn_free(&c->callers[i].conn);
    }
    free(c);
    return NULL;
}

size_t predict_bad_seconds(const struct predict *p, double limit, size_t *seconds, double *worst)
{
    size_t n = (size_t)(p->until - p->from), bad = 0;

    *seconds = n;
    *worst = 0;
    for (size_t second = 0; second < n; second++) {
        struct samples of = {.n = 0};
        double share;

        for (size_t i = 0; i < p->latency.n; i++) {
            if ((size_t)(p->due.v[i] - p->from) == second) {
                samples_add(&of, p->latency.v[i]);
            }
        }
        share = samples_share(&of, 0.99);
        bad += share > limit;
        *worst = share > *worst ? share : *worst;
        free(of.v);
    }
    return bad;
}

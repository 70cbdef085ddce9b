/* Everybody who is not a prediction: idle connections, slow readers and writers, bodies that stop
 * half way, and pages that poll as the dashboard does (one turn a second: If-None-Match where there
 * is a tag, and of a running job's curve what is new).
 *
 * One thread. What the daemon ends is opened again at once, so that the crowd stays as large as it
 * is. A look every 20 ms at what is due by time; answers come by epoll.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "load.h"

#define TICK_MS   20
#define HALF_BODY 500000 /* bytes, of twice as many */

/* What a poller asks for in a turn, one after the other. */
struct page {
    char path[64];
    char etag[80];
    long after; /* -1: not a growing curve; else its last epoch */
};

struct member {
    enum crowd_kind kind;
    size_t number;
    struct conn conn;
    double next; /* when it has something to do */
    /* pollers */
    struct page pages[3];
    size_t n_pages, page;
    double asked; /* 0: nothing */
};

struct place {
    struct crowd *crowd;
    int epoll;
    struct member *members;
    size_t n;
};

const char *crowd_name(enum crowd_kind kind)
{
    static const char *const names[] = {"idle", "slow readers", "slow writers", "half bodies",
                                        "pollers"};

    return names[kind];
}

/* ---- those who are in nobody's way, or want to be in everybody's ---- */

/* What a member sends when it has a connection; empty for one that says nothing. */
static char *opening(const struct crowd *crowd, const struct member *m)
{
    unsigned port = crowd->port;

    switch (m->kind) {
    case CROWD_IDLE: /* nothing at all, one request, half a request */
        return m->number % 3 == 0 ? text("%s", "")
               : m->number % 3 == 1
                   ? text("GET /healthz HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", port)
                   : text("%s", "GET /jobs HT");
    case CROWD_READER:
        return text("GET /models/%ld/weights HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
                    crowd->big_model, port);
    case CROWD_WRITER:
        return m->number % 2 == 0
                   ? text("POST /train HTTP/1.1\r\nHost: localhost:%u\r\nContent-Type: "
                          "application/json\r\nContent-Length: 100000\r\n\r\n{",
                          port)
                   : text("POST /datasets?name=slow%zu HTTP/1.1\r\nHost: localhost:%u\r\n"
                          "Content-Type: text/csv\r\nContent-Length: 100000\r\n\r\na,b\n",
                          m->number, port);
    case CROWD_HALF:
        return m->number % 2 == 0
                   ? text("POST /train HTTP/1.1\r\nHost: localhost:%u\r\nContent-Type: "
                          "application/json\r\nContent-Length: %d\r\n\r\n%*s",
                          port, 2 * HALF_BODY, HALF_BODY, "{")
                   : text("POST /datasets?name=half%zu HTTP/1.1\r\nHost: localhost:%u\r\n"
                          "Content-Type: text/csv\r\nContent-Length: %d\r\n\r\na,b\n%0*d",
                          m->number, port, 2 * HALF_BODY, HALF_BODY, 1);
    default:
        return text("%s", "");
    }
}

static void join(struct place *place, struct member *m, double now)
{
    struct crowd_count *count = &place->crowd->count[m->kind];
    char *bytes = opening(place->crowd, m);

    count->opened++;
    m->next = now + (m->kind == CROWD_POLLER ? 0 : 1) + (double)(m->number % 50) / 50;
    m->asked = 0;
    if (conn_open(&m->conn, place->crowd->port, m->kind == CROWD_READER ? -1 : place->epoll, m,
                  m->kind == CROWD_READER) &&
        bytes[0] != '\0' && !conn_write(&m->conn, bytes, strlen(bytes))) {
        conn_close(&m->conn);
    }
    free(bytes);
}

static void left(struct place *place, struct member *m)
{
    place->crowd->count[m->kind].ended++;
    conn_close(&m->conn);
    m->next = 0;
}

/* A little of what has come: half of the readers more than the least that is borne, half less. */
static void read_little(struct place *place, struct member *m)
{
    static char bytes[4096];
    size_t wanted = m->number % 2 == 0 ? sizeof bytes : 100;
    ssize_t n = recv(m->conn.fd, bytes, wanted, MSG_DONTWAIT);

    if (n > 0) {
        place->crowd->count[m->kind].bytes += (uint64_t)n;
    } else if (n == 0 || errno != EAGAIN) {
        left(place, m);
    }
}

/* ---- pollers ---- */

/* Takes the path over. */
static void add_page(struct member *m, bool grows, char *path)
{
    struct page *page = &m->pages[m->n_pages++];

    (void)snprintf(page->path, sizeof page->path, "%s", path);
    page->after = grows ? 0 : -1;
    free(path);
}

static void choose_pages(const struct crowd *crowd, struct member *m)
{
    long running = crowd->running[m->number % 2];

    switch (m->number / 2 % 4) {
    case 0:
    case 1: /* a running job's page */
        add_page(m, false, text("/jobs/%ld", running));
        add_page(m, true, text("/jobs/%ld/curve", running));
        add_page(m, false, text("/service"));
        break;
    case 2: /* the list */
        add_page(m, false, text("/jobs"));
        add_page(m, false, text("/service"));
        break;
    default: /* a job that waits, and what there is */
        add_page(m, false, text("/jobs/%ld", crowd->queued));
        add_page(m, false, text("/models"));
        add_page(m, false, text("/datasets"));
        break;
    }
}

static void ask_page(struct place *place, struct member *m, double now)
{
    struct page *page = &m->pages[m->page];
    char after[32] = "", *bytes;

    if (page->after > 0) {
        (void)snprintf(after, sizeof after, "?after=%ld", page->after);
    }
    bytes = text("GET %s%s HTTP/1.1\r\nHost: localhost:%u\r\n%s%s%s\r\n", page->path, after,
                 place->crowd->port, page->etag[0] != '\0' ? "If-None-Match: " : "", page->etag,
                 page->etag[0] != '\0' ? "\r\n" : "");
    m->asked = now;
    if (!conn_write(&m->conn, bytes, strlen(bytes))) {
        left(place, m);
    }
    free(bytes);
}

/* The epochs of a curve must rise, from beyond `after`; the last of them, or `after` when there is
 * none, or -1 when they do not. */
static long last_epoch(const struct answer *answer, long after)
{
    static const char key[] = "\"epoch\":";
    const char *at = answer->body, *end = answer->body + answer->len;

    while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1)) != NULL) {
        long epoch = strtol(at += sizeof key - 1, NULL, 10);

        if (epoch <= after) {
            return -1;
        }
        after = epoch;
    }
    return after;
}

/* Whether a page is what was asked for; of a curve, goes on to its end. */
static bool right(struct page *page, const struct answer *answer)
{
    char id[32];
    long last;

    if (answer->status == 304) {
        return page->etag[0] != '\0';
    }
    if (answer->status != 200 || answer->len < 2 || answer->body[0] != '{' ||
        answer->body[answer->len - 1] != '}' || answer->etag[0] == '\0') {
        return false;
    }
    (void)snprintf(page->etag, sizeof page->etag, "%s", answer->etag);
    if (page->after >= 0) {
        last = last_epoch(answer, page->after);
        if (last > page->after) { /* a tag belongs to its address, which is another one now */
            page->after = last;
            page->etag[0] = '\0';
        }
        return last >= 0;
    }
    if (strncmp(page->path, "/jobs/", 6) != 0) {
        return true;
    }
    (void)snprintf(id, sizeof id, "{\"id\":%s,", page->path + 6);
    return strncmp(answer->body, id, strlen(id)) == 0;
}

static void answered(struct place *place, struct member *m, const struct answer *answer)
{
    struct crowd_count *count = &place->crowd->count[m->kind];
    bool polls = m->kind == CROWD_POLLER && m->asked != 0;
    double now = clock_seconds();

    count->bytes += answer->len;
    count->ok += answer->status == 200;
    count->unchanged += answer->status == 304;
    count->refused += answer->status == 503;
    if (answer->status != 503 &&
        (polls ? !right(&m->pages[m->page], answer)
               : m->kind != CROWD_IDLE || answer->status != 200) &&
        count->bad++ == 0) {
        (void)snprintf(count->first_bad, sizeof count->first_bad, "%s: %d %.*s",
                       polls ? m->pages[m->page].path : "-", answer->status,
                       (int)(answer->len < 160 ? answer->len : 160), answer->body);
    }
    if (!polls) {
        return;
    }
    samples_add(&count->latency, now - m->asked);
    m->asked = 0;
    if (++m->page < m->n_pages) {
        ask_page(place, m, now);
    } else {
        m->page = 0;
    }
}

/* ---- the loop ---- */

static void act(struct place *place, struct member *m, double now)
{
    if (m->conn.fd < 0) {
        join(place, m, now);
        return;
    }
    m->next += 1;
    if (m->kind == CROWD_READER) {
        read_little(place, m);
    } else if (m->kind == CROWD_WRITER) {
        if (!conn_write(&m->conn, m->number % 2 == 0 ? " " : "1", 1)) {
            left(place, m);
        }
    } else if (m->kind == CROWD_POLLER && m->asked == 0) {
        ask_page(place, m, now);
    } else {
        m->next = now + 1; /* nothing to do but to be there */
    }
}

static void take(struct place *place, struct member *m)
{
    struct answer answer;
    enum conn_event event;

    if (m->conn.fd < 0) {
        return; /* ended in this same round */
    }
    if (!conn_flush(&m->conn)) {
        left(place, m);
        return;
    }
    while ((event = conn_read(&m->conn, &answer)) == CONN_ANSWER) {
        answered(place, m, &answer);
        if (m->conn.fd < 0) {
            return;
        }
    }
    if (event == CONN_ENDED) {
        left(place, m);
    }
}

static void gather(struct place *place)
{
    struct crowd *crowd = place->crowd;
    double now = clock_seconds();
    size_t i = 0;

    for (size_t kind = 0; kind < CROWD_KINDS; kind++) {
        place->n += crowd->wanted[kind];
    }
    place->members = need(calloc(place->n, sizeof *place->members));
    for (size_t kind = 0; kind < CROWD_KINDS; kind++) {
        for (size_t number = 0; number < crowd->wanted[kind]; number++, i++) {
            place->members[i] = (struct member){.kind = (enum crowd_kind)kind,
                                                .number = number,
                                                .conn.fd = -1,
                                                .next = now + (double)(i % 100) / 100};
            if (kind == CROWD_POLLER) {
                choose_pages(crowd, &place->members[i]);
            }
        }
    }
}

void *crowd_main(void *arg)
{
    struct place place = {.crowd = arg, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event events[256];
    double looked = 0;

    gather(&place);
    while (!atomic_load(&place.crowd->stop)) {
        int n = epoll_wait(place.epoll, events, (int)COUNT(events), TICK_MS);
        double now;

        for (int i = 0; i < n; i++) {
            take(&place, events[i].data.ptr);
        }
        now = clock_seconds();
        if (now - looked < TICK_MS / 1e3) {
            continue;
        }
        looked = now;
        for (size_t i = 0; i < place.n; i++) {
            if (place.members[i].next <= now) {
                act(&place, &place.members[i], now);
            }
        }
    }
    for (size_t i = 0; i < place.n; i++) {
        conn_free(&place.members[i].conn);
    }
    free(place.members);
    return NULL;
}

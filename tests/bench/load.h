/* What the files of the load measurement share; load.c says what it is about.
 *
 * Three threads: main looks at the daemon from outside (load_daemon.c), one makes predictions at a
 * fixed rate (load_predict.c), one is all the other clients (load_crowd.c). Each owns its
 * connections and its counts until it is joined; they share nothing but `stop` and what is
 * constant. All times are of clock_seconds().
 */
#ifndef MLPD_TESTS_BENCH_LOAD_H
#define MLPD_TESTS_BENCH_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT(array)           (sizeof(array) / sizeof((array)[0]))

/* ---- load.c ---- */

_Noreturn void fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
void *need(void *allocated); /* never NULL */
char *text(const char *fmt, ...) PRINTF_LIKE(1, 2);
double clock_seconds(void);

/* A list of numbers that grows. */
struct samples {
    double *v;
    size_t n, room;
};
void samples_add(struct samples *s, double value);
/* Sorts; of no samples: 0. */
double samples_share(struct samples *s, double share);

/* ---- connections: load_http.c ---- */

struct answer {
    int status;
    char etag[80];    /* empty: none */
    const char *body; /* the connection's, until its next use */
    size_t len;
};

enum conn_event {
    CONN_NOTHING, /* not a whole answer yet */
    CONN_ANSWER,
    CONN_ENDED, /* by the daemon, or broken */
};

struct conn {
    int fd;      /* -1: closed */
    int epoll;   /* where it is watched; -1: nowhere */
    void *owner; /* what epoll tells */
    char *out, *in;
    size_t out_len, out_sent, out_room, in_len, in_room, in_used;
    bool watched_out;
};

/* Connects without waiting. `narrow`: takes few bytes before it is read. epoll -1: blocking. */
bool conn_open(struct conn *c, uint16_t port, int epoll, void *owner, bool narrow);
void conn_close(struct conn *c);
void conn_free(struct conn *c);
/* Sends what can be sent and keeps the rest for conn_flush. False: it is broken. */
bool conn_write(struct conn *c, const char *bytes, size_t len);
bool conn_flush(struct conn *c);
/* Reads what is there, until an answer with its length is whole. */
enum conn_event conn_read(struct conn *c, struct answer *out);

/* One request on a connection of its own, waiting for the answer; ends the program when there is
 * none with this status. The body is the caller's. */
char *ask(uint16_t port, int wanted, const char *method, const char *path, const char *type,
          const char *body);

/* ---- the daemon: load_daemon.c ---- */

struct seen { /* at one moment */
    double at;
    size_t rss, hwm; /* bytes */
    size_t descriptors;
    double cpu, workers, others; /* seconds of processor: the daemon, its workers, the machine
                                    without the daemon and without us */
    double ours, stolen; /* by what this machine itself runs on */
};

struct daemon {
    pid_t pid;
    uint16_t port;
    char url[64], version[32];
};

void daemon_start(struct daemon *d, const char *program, const char *state, const char *log,
                  char *const *more);
struct seen daemon_look(const struct daemon *d);
/* SIGTERM; the seconds it takes. Ends the program when it is not exit 0. */
double daemon_stop(struct daemon *d);

/* ---- predictions: load_predict.c ---- */

#define PREDICT_ROWS        32
#define PREDICT_CONNECTIONS 64
#define PREDICT_ERRORS      8

struct predict {
    uint16_t port; /* these: set before the thread begins */
    double rate, from, until;
    char *requests[PREDICT_ROWS], *expected[PREDICT_ROWS];
    size_t expected_len[PREDICT_ROWS];
    /* the thread's, until it is joined */
    struct samples latency; /* seconds from when it was due to the last byte */
    struct samples due;     /* when, beside each latency */
    struct samples late;    /* how long after that it was sent */
    uint64_t sent, answered;
    struct {
        char what[32];
        uint64_t n;
    } errors[PREDICT_ERRORS];
};

/* Fills requests and expected, from the daemon while nothing else asks it. */
void predict_prepare(struct predict *p, long model, size_t columns);
void *predict_main(void *arg);
void predict_free(struct predict *p); /* what it holds */
uint64_t predict_errors(const struct predict *p);
/* In how many seconds of the run the 99th percentile was above this; their number in *seconds. */
size_t predict_bad_seconds(const struct predict *p, double limit, size_t *seconds, double *worst);

/* ---- the others: load_crowd.c ---- */

enum crowd_kind {
    CROWD_IDLE,
    CROWD_READER,
    CROWD_WRITER,
    CROWD_HALF,
    CROWD_POLLER,
    CROWD_KINDS,
};

struct crowd {
    uint16_t port; /* these: set before the thread begins */
    size_t wanted[CROWD_KINDS];
    long running[2], queued, big_model;
    atomic_bool stop;
    /* the thread's, until it is joined */
    struct crowd_count {
        uint64_t opened, ended, ok, unchanged, refused, bad;
        uint64_t bytes;
        struct samples latency;
        char first_bad[256]; /* the first answer that should not be */
    } count[CROWD_KINDS];
};

const char *crowd_name(enum crowd_kind kind);
void *crowd_main(void *arg);

/* ---- the table: load_report.c ---- */

struct run {
    const struct daemon *daemon;
    struct predict *predict;
    struct crowd *crowd;
    struct seen *seen; /* every few seconds; the first when the clients had come */
    size_t n_seen;
    struct seen before, after; /* any client came; all had gone */
    size_t queued_jobs;
    double stop_seconds;
    long epochs[2]; /* trained meanwhile */
};

/* Markdown. False: there were errors (slowness is none). */
bool report(FILE *out, const struct run *run);

#endif

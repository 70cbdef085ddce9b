/* What a client knows of the daemon that is killed under it: the jobs and tables it was promised,
 * what it asked to happen to them, and what it has seen.
 *
 * A request that got no answer leaves a MAYBE: the daemon may have done it or not, and both are
 * right until a look after the next start says which. Everything else is held against the daemon.
 *
 * Every number that decides what happens next comes from one seeded generator; times of kills do
 * too, but what they hit depends on the machine.
 */
#ifndef MLPD_TESTS_CRASH_WORLD_H
#define MLPD_TESTS_CRASH_WORLD_H

#include <stdio.h>

#include "client.h"

enum sure { NO, MAYBE, YES };

struct job_known {
    unsigned serial;
    char name[24]; /* its own family, by which it is found again */
    char key[24];  /* Idempotency-Key, or "" */
    size_t recipe;
    int64_t parent; /* model it goes on from, or 0 */
    int priority;
    int64_t id, model_id; /* 0: no 202 came */
    enum sure sent, cancelled, held, deleted, model_deleted;
    char final[16]; /* the final state once seen, or "" */
    char finished_at[40];
    bool compared;   /* its product was compared with its recipe's */
    int64_t attempt; /* the highest seen */
    int64_t reached; /* epochs of its newest checkpoint at the last kill; -1: none */
    size_t points;   /* of its curve, at the last kill */
};

struct table_known {
    char name[24];
    char sha256[65];  /* "" until a 201 came */
    unsigned content; /* the number in it */
    enum sure there;
};

struct world {
    struct daemon d;
    char state[256];
    uint64_t random;
    FILE *trail;            /* what was done, for a failure */
    struct job_known *jobs; /* in the order they were sent */
    size_t n_jobs;
    struct table_known *tables;
    size_t n_tables;
    enum sure queue_held;
    unsigned serial;
    size_t starts, acts, answers, cut_off, finished, compared, resumed;
    double start_seconds, slowest_start;
    size_t most_wal, most_checkpoints, most_bytes;
};

void world_begin(struct world *w, uint64_t seed);
void world_end(struct world *w);

/* A number from 0 to n - 1. */
size_t chance(struct world *w, size_t n);
/* A line of what was done. */
void say(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

bool is_final(const char *state);
struct job_known *job_add(struct world *w);
struct table_known *table_add(struct world *w);
/* It is not there, and known not to be: forget it. */
void job_drop(struct world *w, struct job_known *job);
/* Jobs that a 202 promised and that are surely not deleted. */
bool is_promised(const struct job_known *job);
size_t jobs_open(const struct world *w); /* promised and without a final state */

#endif

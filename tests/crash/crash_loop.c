/* The crash loop: clients work with a daemon that is killed again and again, at random moments and
 * at every crash point the sources have; after each start all that was promised must be there, and
 * in the end every job must have come to what it comes to undisturbed, to the last bit.
 *
 *   CRASH_KILLS=N   how often (default 40; fewer without crash points, or under sanitizers)
 *   CRASH_SEED=N    the run that has failed before (default: by the time); printed
 *   CRASH_POINTS=S  only the points whose names hold S
 *   CRASH_VERBOSE=1 say everything that is done
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
#include "errands.h"
#include "fate.h"
#include "peek.h"
#include "recipes.h"
#include "verify.h"

#if defined(MLPD_SANITIZERS)
#define KILLS 6
#elif defined(MLPD_CRASH_POINTS)
#define KILLS 40
#else
#define KILLS 12
#endif
#define ROUND_SECONDS 0.8 /* until a random kill, at most */
#define POINT_SECONDS 2.0 /* for a point to be reached; longer when it was missed */
#define TRIES         4

static const char *const options[] = {"--workers", "2", "--checkpoint-seconds", "0.05", NULL};

static uint64_t given(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? strtoull(value, NULL, 10) : otherwise;
}

/* Act until there is no answer; true when the daemon has killed itself. */
static bool live_and_die(struct world *w, double seconds)
{
    bool by_itself;

    fate_arm(w, seconds);
    while (act(w)) {
    }
    by_itself = fate_await(w);
    say(w, "dead%s", by_itself ? ", at its point" : "");
    peek(w);
    test_end();
    return by_itself;
}

static void live_on(struct world *w)
{
    ck_assert(fate_start(w, options, NULL, 0));
    verify(w);
    /* a third of the kills comes while what was recovered is being claimed again */
    live_and_die(w, chance(w, 3) == 0 ? 0.0001 * (double)chance(w, 400)
                                      : ROUND_SECONDS * PATIENCE * 0.001 * (double)chance(w, 1000));
}

static bool die_at(struct world *w, const char *point, unsigned n, double seconds)
{
    say(w, "to die at %s:%u", point, n);
    if (!fate_start(w, options, point, n)) {
        say(w, "dead at the start");
        peek(w);
        test_end();
        return true;
    }
    return live_and_die(w, seconds * PATIENCE);
}

/* Kills at points, each followed by one at random: once each, then any. */
struct tour {
    const char **points;
    size_t n, turn;
    unsigned *hits;
};

static void tour_begin(struct tour *t)
{
    const char *only = getenv("CRASH_POINTS");
    size_t n;
    const char *const *all = fate_points(&n);

    *t = (struct tour){.points = calloc(n + 1, sizeof *t->points),
                       .hits = calloc(n + 1, sizeof *t->hits)};
    ck_assert(t->points != NULL && t->hits != NULL);
    for (size_t i = 0; i < n; i++) {
        if (only == NULL || strstr(all[i], only) != NULL) {
            t->points[t->n++] = all[i];
        }
    }
}

static void tour_visit(struct tour *t, struct world *w)
{
    bool first = t->turn < t->n;
    size_t i = first ? t->turn : chance(w, t->n);

    t->turn++;
    if (first && errand_is_likely(t->points[i])) {
        t->hits[i] += errand_run(w, t->points[i]);
    } else {
        t->hits[i] +=
            die_at(w, t->points[i], first ? 1 : 1 + (unsigned)chance(w, 12), POINT_SECONDS);
    }
}

/* Those that were missed get more time, and all the ways there are. */
static void tour_return(struct tour *t, struct world *w)
{
    for (size_t i = 0; i < t->n; i++) {
        for (unsigned k = 1; t->hits[i] == 0 && k <= TRIES; k++) {
            t->hits[i] += die_at(w, t->points[i], 1, POINT_SECONDS * k);
            t->hits[i] += t->hits[i] == 0 && k == 1 && errand_run(w, t->points[i]);
        }
    }
}

static void tour_end(struct tour *t)
{
    size_t missed = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->hits[i] == 0) {
            printf("# crash point %s was never reached\n", t->points[i]);
            missed++;
        }
    }
    if (t->n > 0) {
        printf("# %zu of %zu crash points reached\n", t->n - missed, t->n);
    }
    ck_assert_uint_eq(missed, 0);
    free(t->points);
    free(t->hits);
}

START_TEST(killed_again_and_again)
{
    uint64_t seed = given("CRASH_SEED", (uint64_t)time(NULL) * 7919 % 1000000);
    size_t kills = (size_t)given("CRASH_KILLS", KILLS);
    struct tour tour;
    struct world w;

    world_begin(&w, seed);
    printf("# seed %llu, %zu kills\n", (unsigned long long)seed, kills);
    tour_begin(&tour);
    ck_assert(fate_start(&w, options, NULL, 0));
    recipe_table();
    fate_strike(&w);
    while (w.starts <= kills || tour.turn < tour.n) {
        if (tour.n > 0) {
            tour_visit(&tour, &w);
        }
        live_on(&w);
    }
    tour_return(&tour, &w);
    ck_assert(fate_start(&w, options, NULL, 0));
    verify(&w);
    verify_end(&w);
    daemon_stop(&w.d);
    peek(&w);
    verify_check(&w);
    printf("# %zu starts, %.0f ms in the mean, %.0f ms the slowest; %zu requests, %zu cut off\n",
           w.starts, 1e3 * w.start_seconds / (double)w.starts, 1e3 * w.slowest_start, w.acts,
           w.cut_off);
    printf("# %u jobs and tables sent, %zu jobs ended, %zu compared bit for bit, %zu of them "
           "after more than one attempt\n",
           w.serial, w.finished, w.compared, w.resumed);
    printf("# at most: log %zu KiB, database %zu KiB, %zu checkpoint files\n", w.most_wal >> 10,
           w.most_bytes >> 10, w.most_checkpoints);
    tour_end(&tour);
    world_end(&w);
    fate_forget();
}
END_TEST

#if defined(MLPD_CRASH_POINTS) && !defined(MLPD_SANITIZERS)

/* Wait until the curve of job 1 has more points than that; how many it has. */
static size_t until_points(size_t more_than)
{
    double deadline = now_seconds() + 60 * PATIENCE;
    size_t n = 0;

    while (n <= more_than) {
        ck_assert_double_lt(now_seconds(), deadline);
        (void)recipe_curve(want(http_get("/jobs/1/curve"), 200), &n);
        pause_briefly();
    }
    return n;
}

static void until_checkpoint(const struct world *w)
{
    double deadline = now_seconds() + 60 * PATIENCE;

    while (access(text("%s/checkpoints/1.1", w->state), F_OK) != 0) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
}

/* Kill it now; the curve has got past where the next claim goes on from, and is cut by that. */
static void kill_and_claim(struct world *w, const char *const *slow)
{
    const struct job_known *job = &w->jobs[0];
    size_t goes_on;

    fate_strike(w);
    peek(w);
    goes_on = job->reached > 0 ? (size_t)job->reached : 0;
    ck_assert_uint_gt(job->points, goes_on);
    if (fate_start(w, slow, "runner-before-work", 1)) {
        fate_await(w);
    }
    peek(w);
    ck_assert_msg(job->points == goes_on, "%zu points, and the claim goes on from epoch %zu",
                  job->points, goes_on);
    ck_assert(fate_start(w, slow, NULL, 0));
}

/* A curve that has got past the newest checkpoint is cut by the commit of the claim, not later:
 * killed right after it, the database has no point that the next attempt has not made. */
START_TEST(a_claim_cuts_the_curve)
{
    static const char *const slow[] = {"--workers", "1", "--checkpoint-seconds", "60", NULL};
    struct job_known *job;
    char *body, *at;
    struct world w;

    world_begin(&w, 1);
    ck_assert(fate_start(&w, slow, NULL, 0));
    recipe_table();
    body = recipe_body(5, "long", 0, 0);
    at = strstr(body, "\"epochs\": 400");
    ck_assert_ptr_nonnull(at);
    memcpy(at, "\"epochs\":2000", 13);
    job = job_add(&w);
    job->id = integer(want(http_post(body, "/train"), 202), "/id");
    ck_assert_int_eq(job->id, 1);
    job->sent = YES;
    until_points(0); /* they come after half a second, the first checkpoint after one */
    kill_and_claim(&w, slow);
    until_checkpoint(&w);
    until_points(until_points(0)); /* those up to the checkpoint were there before its file */
    kill_and_claim(&w, slow);
    daemon_stop(&w.d);
    world_end(&w);
}
END_TEST

static void nothing(void)
{
}

#endif

int main(void)
{
    Suite *suite = suite_create("crash_loop");
    TCase *tc = case_with("crash", recipes_cook, recipes_forget);

    setvbuf(stdout, NULL, _IOLBF, 0);
    tcase_set_timeout(tc, 300 + 10 * PATIENCE * (double)given("CRASH_KILLS", KILLS));
    tcase_add_test(tc, killed_again_and_again);
    suite_add_tcase(suite, tc);
#if defined(MLPD_CRASH_POINTS) && !defined(MLPD_SANITIZERS)
    tc = case_with("claim", nothing, nothing);
    tcase_add_test(tc, a_claim_cuts_the_curve);
    suite_add_tcase(suite, tc);
#endif
    return harness_main(suite);
}

/* What a client sees of jobs that survive: pausing and resuming a job and the whole queue,
 * priority, and keys that make one job however often they are sent, also across restarts and kills.
 *
 * One daemon with one worker for most; tests that end it start their own on a folder of theirs.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

static struct daemon d;

static void start_on(const char *state)
{
    daemon_start(&d, state, (const char *const[]){"--workers", "1", NULL});
}

static void start(void)
{
    start_on(NULL);
}

static void stop(void)
{
    daemon_retire(&d);
}

static void nothing(void)
{
}

static struct reply *job_of(int64_t id)
{
    return want(http_get("/jobs/%lld", (long long)id), 200);
}

static struct reply *poke(int64_t id, const char *what, long status)
{
    return want(http_poke("/jobs/%lld/%s", (long long)id, what), status);
}

static int64_t train_slowly(int epochs, int seed, const char *more)
{
    return integer(want(http_post(slow_job(epochs, seed, more), "/train"), 202), "/id");
}

static void is_queue(bool paused)
{
    struct reply *r = want(http_get("/service"), 200);

    ck_assert_int_eq(truth(r, "/queue/is_paused"), paused);
}

/* ---- pausing a job ---------------------------------------------------------------------- */

/* Every epoch of a curve is there once. */
static void curve_is_whole(int64_t id)
{
    struct reply *r = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    size_t n = length(r, "/points");

    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(integer(r, text("/points/%zu/epoch", i)), (int64_t)i + 1);
    }
    ck_assert_uint_gt(n, 0);
}

START_TEST(a_paused_job_gives_its_worker_back)
{
    int64_t id = train_slowly(FOREVER, 1, ", 'name': 'held'"), epoch;
    struct reply *r;

    wait_for_epoch(id, 2);
    r = poke(id, "pause", 200);
    ck_assert(has(r, "/links/resume") && !has(r, "/links/pause"));
    ck_assert(truth(r, "/pause_requested") == (strcmp(str(r, "/state"), "running") == 0));
    r = wait_for_job(id, "paused");
    ck_assert(!truth(r, "/pause_requested") && is_null(r, "/queue_position"));
    ck_assert(has(r, "/links/resume") && !has(r, "/links/pause"));
    ck_assert(is_null(r, "/finished_at") && is_null(r, "/progress/eta_seconds"));
    epoch = integer(r, "/progress/epoch"); /* where it goes on from */
    ck_assert_int_ge(epoch, 2);
    ck_assert_int_eq(integer(r, "/progress/epochs"), FOREVER);
    ck_assert(num(r, "/progress/fraction") > 0);
    ck_assert_int_le(integer(r, "/latest/epoch"), epoch);
    ck_assert_int_eq(integer(want(http_get("/service"), 200), "/queue/paused"), 1);
    r = want(http_get("/jobs?state=paused"), 200);
    ck_assert_uint_eq(length(r, "/jobs"), 1);
    ck_assert_int_eq(integer(r, "/jobs/0/id"), id);
    ck_assert_int_eq(integer(r, "/jobs/0/progress/epoch"), epoch);
    trained(train(XOR_JOB("")));                                       /* the one worker is free */
    ck_assert_str_eq(str(poke(id, "pause", 200), "/state"), "paused"); /* again: nothing */
    want_problem(http_delete("/jobs/%lld", (long long)id), 409, NULL, NULL);

    r = poke(id, "resume", 200);
    ck_assert_str_ne(str(r, "/state"), "paused");
    wait_for_epoch(id, epoch + 2);
    r = job_of(id);
    ck_assert_int_eq(integer(r, "/attempt"), 2);
    ck_assert(has(r, "/links/pause") && !has(r, "/links/resume"));
    cancel_job(id);
    curve_is_whole(id);
    wait_for_entries(text("%s/checkpoints", d.state), 0);
}
END_TEST

/* Long enough that no pause comes too late. */
#define EPOCHS (PATIENCE > 1 ? 100 : 400)

/* Interrupted or not, the same bits. */
START_TEST(a_paused_job_learns_the_same)
{
    int64_t cut = train_slowly(EPOCHS, 5, ""), whole;
    int resumed = 0;

    for (int i = 1; i <= 2; i++) {
        wait_for_epoch(cut, 2 * i);
        poke(cut, "pause", 200);
        wait_for_job(cut, "paused");
        poke(cut, "resume", 200);
        resumed++;
    }
    trained(cut);
    whole = train_slowly(EPOCHS, 5, "");
    trained(whole);
    want_same(weights_of(model_of(cut)), weights_of(model_of(whole)));
    curve_is_whole(cut);
    ck_assert_int_eq(integer(job_of(cut), "/attempt"), 1 + resumed);
    ck_assert_int_eq(integer(job_of(whole), "/attempt"), 1);
}
END_TEST

START_TEST(a_queued_job_keeps_its_place)
{
    int64_t blocker = train_slowly(FOREVER, 1, ""), a = train(XOR_JOB("")), b = train(XOR_JOB(""));
    struct reply *r;

    ck_assert_int_eq(integer(job_of(a), "/queue_position"), 1);
    ck_assert_int_eq(integer(job_of(b), "/queue_position"), 2);
    ck_assert_str_eq(str(poke(a, "resume", 200), "/state"), "queued"); /* nothing to resume */
    r = poke(a, "pause", 200);
    ck_assert_str_eq(str(r, "/state"), "paused"); /* at once */
    ck_assert(is_null(r, "/queue_position") && is_null(r, "/started_at"));
    ck_assert_int_eq(integer(r, "/progress/epoch"), 0);
    ck_assert_int_eq(integer(job_of(b), "/queue_position"), 1);
    cancel_job(blocker);
    trained(b); /* and not a, which is older */
    ck_assert_str_eq(str(job_of(a), "/state"), "paused");
    blocker = train_slowly(FOREVER, 1, "");
    wait_for_epoch(blocker, 1);
    b = train(XOR_JOB(""));
    r = poke(a, "resume", 200);
    ck_assert_str_eq(str(r, "/state"), "queued");
    ck_assert_int_eq(integer(r, "/queue_position"), 1); /* its old place */
    ck_assert_int_eq(integer(job_of(b), "/queue_position"), 2);
    cancel_job(blocker);
    trained(a);
    trained(b);
}
END_TEST

START_TEST(a_paused_job_can_be_cancelled)
{
    int64_t id = train_slowly(FOREVER, 2, "");

    wait_for_epoch(id, 2);
    poke(id, "pause", 200);
    wait_for_job(id, "paused");
    ck_assert_uint_ge(folder_entries(text("%s/checkpoints", d.state)), 1);
    ck_assert_str_eq(str(poke(id, "cancel", 200), "/state"), "cancelled"); /* at once */
    ck_assert_uint_eq(folder_entries(text("%s/checkpoints", d.state)), 0);
    ck_assert_int_lt(http_delete("/jobs/%lld", (long long)id)->status, 300);
}
END_TEST

START_TEST(what_has_ended_is_neither_paused_nor_resumed)
{
    static const char *const what[] = {"pause", "resume"};
    int64_t id = train(XOR_JOB(""));
    struct reply *r = wait_for_job(id, "succeeded");

    ck_assert(!has(r, "/links/pause") && !has(r, "/links/resume"));
    for (size_t i = 0; i < COUNT(what); i++) {
        want_problem(http_poke("/jobs/%lld/%s", (long long)id, what[i]), 409, NULL, what[i]);
        want_problem(http_poke("/jobs/999999/%s", what[i]), 404, NULL, "no job");
        want_problem(http_poke("/jobs/%lld/%s?now=1", (long long)id, what[i]), 400, "/now", NULL);
        want_problem(http_poke("/queue/%s?now=1", what[i]), 400, "/now", NULL);
        want(http_get("/jobs/%lld/%s", (long long)id, what[i]), 405);
    }
    is_queue(false);
    want_problem(http_get("/jobs?state=sleeping"), 400, "/state", "paused");
}
END_TEST

/* A pause that was taken back before the worker saw it, or right after. */
START_TEST(a_pause_taken_back)
{
    int64_t id = train_slowly(FOREVER, 3, "");

    wait_for_epoch(id, 1);
    for (int i = 0; i < 20; i++) {
        poke(id, "pause", 200);
        poke(id, "resume", 200);
    }
    wait_for_epoch(id, integer(job_of(id), "/progress/epoch") + 2); /* it goes on */
    ck_assert(!truth(job_of(id), "/pause_requested"));
    cancel_job(id);
    curve_is_whole(id);
}
END_TEST

/* ---- the whole queue --------------------------------------------------------------------------
 */

START_TEST(a_paused_queue_outlives_a_restart)
{
    char *state = scratch_path("queue");
    int64_t running, id;
    struct reply *r;

    start_on(state);
    running = train_slowly(FOREVER, 1, "");
    wait_for_epoch(running, 1);
    r = want(http_poke("/queue/pause"), 200);
    ck_assert(truth(r, "/is_paused"));
    want(http_poke("/queue/pause"), 200); /* again: nothing */
    id = train(XOR_JOB(""));
    wait_for_epoch(running, integer(job_of(running), "/progress/epoch") + 1); /* it goes on */
    cancel_job(running); /* now a worker is idle */
    is_queue(true);
    daemon_stop(&d);
    start_on(state);
    is_queue(true);
    r = job_of(id);
    ck_assert_str_eq(str(r, "/state"), "queued");
    ck_assert_int_eq(integer(r, "/attempt"), 0); /* nobody began it */
    ck_assert_int_eq(integer(r, "/queue_position"), 1);
    daemon_kill(&d);
    start_on(state);
    is_queue(true);
    ck_assert_int_eq(integer(job_of(id), "/attempt"), 0);
    r = want(http_poke("/queue/resume"), 200);
    ck_assert(!truth(r, "/is_paused"));
    trained(id);
    is_queue(false);
    daemon_stop(&d);
}
END_TEST

START_TEST(a_paused_job_outlives_a_kill)
{
    char *state = scratch_path("paused");
    int64_t id, epoch;
    struct reply *r;

    start_on(state);
    id = train_slowly(FOREVER, 1, "");
    wait_for_epoch(id, 2);
    poke(id, "pause", 200);
    epoch = integer(wait_for_job(id, "paused"), "/progress/epoch");
    daemon_kill(&d);
    start_on(state);
    r = job_of(id);
    ck_assert_str_eq(str(r, "/state"), "paused");
    ck_assert_int_eq(integer(r, "/progress/epoch"), epoch);
    poke(id, "resume", 200);
    wait_for_epoch(id, epoch + 1);
    cancel_job(id);
    curve_is_whole(id);
    daemon_stop(&d);
}
END_TEST

static int64_t last_point(int64_t id)
{
    struct reply *r = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    size_t n = length(r, "/points");

    return n > 0 ? integer(r, text("/points/%zu/epoch", n - 1)) : 0;
}

/* A job that a kill put back in the queue shows where it will go on from, not where it was. */
START_TEST(a_killed_job_shows_its_checkpoint)
{
    char *state = scratch_path("killed"), *checkpoints = text("%s/checkpoints", state);
    const char *const options[] = {"--workers", "1", "--checkpoint-seconds", "3600", NULL};
    double deadline = now_seconds() + 60 * PATIENCE;
    int64_t id, seen, epoch;
    struct reply *r;

    daemon_start(&d, state, options);
    id = train_slowly(FOREVER, 1, "");
    while (folder_entries(checkpoints) == 0) { /* after a second; the next is an hour away */
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
    seen = integer(job_of(id), "/progress/epoch");
    while (last_point(id) < seen + 5) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
    want(http_poke("/queue/pause"), 200);
    daemon_kill(&d);
    daemon_start(&d, state, options);
    r = job_of(id);
    ck_assert_str_eq(str(r, "/state"), "queued");
    ck_assert_int_eq(integer(r, "/attempt"), 1);
    epoch = integer(r, "/progress/epoch");
    ck_assert_int_gt(epoch, 0);
    ck_assert_int_le(epoch, seen);
    ck_assert_int_gt(last_point(id), epoch);
    ck_assert_int_eq(integer(r, "/latest/epoch"), epoch);
    ck_assert(num(r, "/latest/training_loss") > 0);
    ck_assert(num(r, "/progress/fraction") > 0);
    want(http_poke("/queue/resume"), 200);
    wait_for_epoch(id, epoch + 1);
    cancel_job(id);
    curve_is_whole(id);
    daemon_stop(&d);
}
END_TEST

/* ---- priority ------------------------------------------------------------------------------ */

/* The events' ids tell which job was begun first. */
static int64_t begun(int64_t id)
{
    struct reply *r = want(http_get("/jobs/%lld/events", (long long)id), 200);

    for (size_t i = 0; i < length(r, "/events"); i++) {
        if (strcmp(str(r, text("/events/%zu/kind", i)), "running") == 0) {
            return integer(r, text("/events/%zu/id", i));
        }
    }
    ck_abort_msg("job %lld never ran", (long long)id);
}

START_TEST(the_most_urgent_is_next)
{
    static const struct {
        int priority, place;
    } jobs[] = {{0, 4}, {5, 2}, {-3, 6}, {5, 3}, {1000, 1}, {0, 5}, {-1000, 7}};
    int64_t blocker = train_slowly(FOREVER, 1, ""), ids[COUNT(jobs)], order[COUNT(jobs) + 1] = {0};
    struct reply *r;

    wait_for_epoch(blocker, 1);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        ids[i] = train(XOR_JOB(", 'name': 'urgent', 'priority': %d"), jobs[i].priority);
    }
    for (size_t i = 0; i < COUNT(jobs); i++) {
        r = job_of(ids[i]);
        ck_assert_int_eq(integer(r, "/priority"), jobs[i].priority);
        ck_assert_int_eq(integer(r, "/resolved/priority"), jobs[i].priority);
        ck_assert_int_eq(integer(r, "/queue_position"), jobs[i].place);
    }
    /* a list tells the same, whatever it leaves out */
    for (int filtered = 0; filtered < 3; filtered++) {
        static const char *const filters[] = {"limit=7", "name=urgent&state=queued", "limit=3"};
        size_t n;

        r = want(http_get("/jobs?%s", filters[filtered]), 200);
        n = length(r, "/jobs");
        ck_assert_uint_eq(n, filtered == 2 ? 3 : COUNT(jobs));
        for (size_t i = 0; i < n; i++) { /* newest first */
            size_t k = COUNT(jobs) - 1 - i;

            ck_assert_int_eq(integer(r, text("/jobs/%zu/id", i)), ids[k]);
            ck_assert_int_eq(integer(r, text("/jobs/%zu/priority", i)), jobs[k].priority);
            ck_assert_int_eq(integer(r, text("/jobs/%zu/queue_position", i)), jobs[k].place);
        }
    }
    cancel_job(blocker);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        trained(ids[i]);
        order[jobs[i].place] = begun(ids[i]);
    }
    for (size_t i = 2; i <= COUNT(jobs); i++) {
        ck_assert_int_gt(order[i], order[i - 1]);
    }
}
END_TEST

/* ---- keys ----------------------------------------------------------------------------------- */

static struct reply *post_with(const char *key, const char *path, const char *body)
{
    return http_send(
        &(struct request){.method = "POST",
                          .path = path,
                          .headers = (const char *const[]){text("Idempotency-Key: %s", key), NULL},
                          .body = body});
}

static size_t jobs_named(const char *name)
{
    return length(want(http_get("/jobs?name=%s", name), 200), "/jobs");
}

START_TEST(a_key_makes_one_job)
{
    const char *body = q(XOR_JOB(", 'name': 'once'"));
    struct reply *first = want(post_with("k-1", "/train", body), 202), *r;
    int64_t id = integer(first, "/id");

    ck_assert_ptr_null(reply_header(first, "Idempotency-Replayed"));
    r = want(post_with("k-1", "/train", body), 202);
    ck_assert_str_eq(reply_header(r, "Idempotency-Replayed"), "true");
    ck_assert_str_eq(reply_header(r, "Location"), reply_header(first, "Location"));
    ck_assert_ptr_nonnull(reply_header(r, "Retry-After"));
    ck_assert_int_eq(integer(r, "/id"), id);
    ck_assert_int_eq(integer(r, "/model_id"), integer(first, "/model_id"));
    want_same(canonical(at(r, "/resolved")), canonical(at(first, "/resolved")));
    ck_assert(is_null(r, "/estimate"));
    trained(id);
    r = want(post_with("k-1", "/train", body), 202);
    ck_assert_str_eq(str(r, "/state"), "succeeded");
    ck_assert_uint_eq(jobs_named("once"), 1);
    /* another body; another key; a dry run */
    want_problem(post_with("k-1", "/train", text("%s ", body)), 422, NULL, "another body");
    want_problem(post_with("k-1", "/train", "not even JSON"), 422, NULL, "another body");
    ck_assert_int_ne(integer(want(post_with("K-1", "/train", body), 202), "/id"), id);
    r = want(post_with("k-1", "/train?dry_run=1", body), 200);
    ck_assert_ptr_null(reply_header(r, "Idempotency-Replayed"));
    want(post_with("k-1", "/train?dry_run=1", text("%s ", body)), 200);
    ck_assert_uint_eq(jobs_named("once"), 2);
    /* a refused job leaves its key free */
    want(post_with("k-2", "/train", "{}"), 422);
    want(post_with("k-2", "/train", body), 202);
    ck_assert_uint_eq(jobs_named("once"), 3);
}
END_TEST

START_TEST(a_deleted_job_frees_its_key)
{
    const char *body = q(XOR_JOB(", 'name': 'again'"));
    int64_t id = integer(want(post_with("again", "/train", body), 202), "/id"), other;
    struct reply *r;

    trained(id);
    want(http_delete("/jobs/%lld", (long long)id), 204);
    r = want(post_with("again", "/train", body), 202);
    other = integer(r, "/id");
    ck_assert_int_gt(other, id);
    ck_assert_ptr_null(reply_header(r, "Idempotency-Replayed"));
    trained(other);
}
END_TEST

START_TEST(keys_that_are_none)
{
    const char *body = q(XOR_JOB(", 'name': 'none'"));
    char *longest = text("%0255d", 7), *too_long = text("%0256d", 7);
    struct reply *r;
    const char *const bad[] = {"", "a b", "a\tb", "\xc3\xbc", "a\x7f", too_long};

    for (size_t i = 0; i < COUNT(bad); i++) {
        /* curl sends a header without value for "Name;" */
        r = bad[i][0] != '\0' ? post_with(bad[i], "/train", body)
                              : http_send(&(struct request){
                                    .method = "POST",
                                    .path = "/train",
                                    .headers = (const char *const[]){"Idempotency-Key;", NULL},
                                    .body = body});
        want_problem(r, 400, NULL, "1 to 255 visible ASCII");
    }
    r = http_send(&(struct request){
        .method = "POST",
        .path = "/train",
        .headers = (const char *const[]){"Idempotency-Key: a", "Idempotency-Key: a", NULL},
        .body = body});
    want_problem(r, 400, NULL, "once only");
    ck_assert_uint_eq(jobs_named("none"), 0);
    want(post_with(longest, "/train", body), 202);
    r = want(post_with(longest, "/train", body), 202);
    ck_assert_ptr_nonnull(reply_header(r, "Idempotency-Replayed"));
    trained(integer(want(post_with("!~\"(),/:;<=>?@[\\]{}", "/train", body), 202), "/id"));
    ck_assert_uint_eq(jobs_named("none"), 2);
}
END_TEST

static char *raw_post(const char *key, const char *body)
{
    return text("POST /train HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
                "Idempotency-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
                d.host, d.port, key, strlen(body), body);
}

#define CLIENTS 8

START_TEST(eight_clients_make_one_job)
{
    for (int round = 0; round < 5; round++) {
        const char *body = q(XOR_JOB(", 'name': 'race%d'"), round);
        char *post = raw_post(text("race-%d", round), body);
        size_t len = strlen(post), replayed = 0;
        int fds[CLIENTS];
        int64_t id = 0;

        for (size_t i = 0; i < CLIENTS; i++) { /* all but the last byte */
            fds[i] = raw_open();
            raw_write(fds[i], post, len - 1);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            raw_write(fds[i], post + len - 1, 1);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            struct reply *r = want(raw_read(fds[i], 30 * PATIENCE), 202);

            id = i == 0 ? integer(r, "/id") : id;
            ck_assert_int_eq(integer(r, "/id"), id);
            replayed += reply_header(r, "Idempotency-Replayed") != NULL;
            close(fds[i]);
        }
        ck_assert_uint_eq(replayed, CLIENTS - 1);
        ck_assert_uint_eq(jobs_named(text("race%d", round)), 1);
        trained(id);
    }
}
END_TEST

/* The client heard nothing; the daemon was killed before or after the commit, nobody knows. */
START_TEST(a_key_outlives_kills)
{
    char *state = scratch_path("keys");
    const char *body = q(XOR_JOB(", 'name': 'survivor'"));
    char *lost = q(XOR_JOB(", 'name': 'lost%d'"), 0);
    int64_t id;
    struct reply *r;
    int fd;

    start_on(state);
    id = integer(want(post_with("kept", "/train", body), 202), "/id");
    daemon_kill(&d);
    start_on(state);
    r = want(post_with("kept", "/train", body), 202);
    ck_assert_int_eq(integer(r, "/id"), id);
    ck_assert_str_eq(reply_header(r, "Idempotency-Replayed"), "true");
    want_problem(post_with("kept", "/train", "{}"), 422, NULL, "another body");
    trained(id);
    for (int i = 0; i < 5; i++) {
        char *post;

        lost = q(XOR_JOB(", 'name': 'lost%d'"), i);
        post = raw_post(text("lost-%d", i), lost);
        fd = raw_open();
        raw_write(fd, post, strlen(post));
        usleep((unsigned)i * 700); /* a kill at another moment each time */
        daemon_kill(&d);
        close(fd);
        start_on(state);
        r = want(post_with(text("lost-%d", i), "/train", lost), 202);
        ck_assert_uint_eq(jobs_named(text("lost%d", i)), 1);
        trained(integer(r, "/id"));
    }
    daemon_stop(&d);
    start_on(state);
    r = want(post_with("kept", "/train", body), 202);
    ck_assert_int_eq(integer(r, "/id"), id);
    daemon_stop(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_survive");
    TCase *tc = case_with("pause", start, stop);

    tcase_add_test(tc, a_paused_job_gives_its_worker_back);
    tcase_add_test(tc, a_paused_job_learns_the_same);
    tcase_add_test(tc, a_queued_job_keeps_its_place);
    tcase_add_test(tc, a_paused_job_can_be_cancelled);
    tcase_add_test(tc, what_has_ended_is_neither_paused_nor_resumed);
    tcase_add_test(tc, a_pause_taken_back);
    suite_add_tcase(suite, tc);
    tc = case_with("priority and keys", start, stop);
    tcase_add_test(tc, the_most_urgent_is_next);
    tcase_add_test(tc, a_key_makes_one_job);
    tcase_add_test(tc, a_deleted_job_frees_its_key);
    tcase_add_test(tc, keys_that_are_none);
    tcase_add_test(tc, eight_clients_make_one_job);
    suite_add_tcase(suite, tc);
    tc = case_with("restarts", nothing, nothing);
    tcase_add_test(tc, a_paused_queue_outlives_a_restart);
    tcase_add_test(tc, a_paused_job_outlives_a_kill);
    tcase_add_test(tc, a_killed_job_shows_its_checkpoint);
    tcase_add_test(tc, a_key_outlives_kills);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}

/* Deliveries in the store: written with the state they tell of, in order, bounded, gone with
 * their job. */
#include "check_store.h"

#define EVENTS_ALL 31u

static int64_t submit(const char *receiver, unsigned events)
{
    struct store_notify notify = {
        .url = "https://r.example/hook", .receiver = receiver, .key = "key", .events = events};
    struct store_job_new job = {.kind = "train",
                                .name = "iris",
                                .config_json = "{}",
                                .resolved_json = "{}",
                                .notify = events != 0 ? &notify : NULL};
    int64_t id = 0, model_id = 0;

    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
    return id;
}

/* "running:pending succeeded:delivered" */
static void want_deliveries(int64_t job, const char *want)
{
    struct store_delivery *list = NULL;
    char got[512] = "";
    size_t n = 0;

    OK(OPS->delivery_list(help_store, job, &list, &n, err));
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(got);

        ck_assert_int_eq(list[i].job_id, job);
        ck_assert_int_eq(list[i].next_at != 0, list[i].state == DELIVERY_IS_PENDING);
        (void)snprintf(got + used, sizeof got - used, "%s%s:%s", i > 0 ? " " : "",
                       job_state_name(list[i].event), store_delivery_state_name(list[i].state));
    }
    store_deliveries_free(&list, n);
    ck_assert_str_eq(got, want);
}

/* The next one's id; 0: none. */
static int64_t next_at(int64_t now, const char *busy, int64_t *wait_ms)
{
    struct store_delivery d = {.id = 0};
    struct err err = ERR_INIT;
    int64_t unused, id;
    int rc = OPS->delivery_next(help_store, now, &busy, busy != NULL, &d,
                                wait_ms != NULL ? wait_ms : &unused, &err);

    ck_assert_msg(rc >= 0, "%s", err.detail);
    ck_assert_int_eq(rc == 1, d.id == 0);
    id = d.id;
    store_delivery_fini(&d);
    return id;
}

static int64_t next_now(void)
{
    return next_at(clock_now_ms(), NULL, NULL);
}

static void done(int64_t id, enum store_delivery_state state, int64_t at)
{
    struct store_delivery_result result = {.id = id, .state = state, .next_at = at, .status = 200};

    OK(OPS->delivery_done(help_store, &result, err));
}

static void deliver(int64_t id)
{
    done(id, DELIVERY_IS_DELIVERED, 0);
}

/* ---- what is told ---- */

START_TEST(each_state_is_told_once)
{
    int64_t id = submit("r", EVENTS_ALL);
    enum job_state state;

    want_deliveries(id, ""); /* queued is not told */
    help_claim(id, OWNER);
    want_deliveries(id, "running:pending");
    OK(OPS->job_pause(help_store, id, &state, err));
    want_deliveries(id, "running:pending"); /* asked for, not so yet */
    OK(OPS->job_release(help_store, id, OWNER, err));
    want_deliveries(id, "running:pending paused:pending");
    OK(OPS->job_resume(help_store, id, &state, err));
    help_claim(id, OWNER);
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    want_deliveries(id, "running:pending paused:pending running:pending succeeded:pending");
    /* what is refused tells nothing */
    REFUSED(ERR_CONFLICT, OPS->job_release(help_store, id, OWNER, err));
    want_deliveries(id, "running:pending paused:pending running:pending succeeded:pending");
}
END_TEST

START_TEST(only_what_is_wanted)
{
    int64_t ends = submit("r", NOTIFY_ENDS), fails = submit("r", NOTIFY_FAILED),
            none = submit("r", 0), cancelled = submit("r", NOTIFY_CANCELLED);
    enum job_state state;

    help_claim(ends, OWNER);
    help_finish(ends, OWNER, JOB_SUCCEEDED, true);
    want_deliveries(ends, "succeeded:pending");
    help_claim(fails, OWNER);
    help_finish(fails, OWNER, JOB_SUCCEEDED, true);
    want_deliveries(fails, "");
    help_claim(none, OWNER);
    help_finish(none, OWNER, JOB_FAILED, false);
    want_deliveries(none, "");
    OK(OPS->job_cancel(help_store, cancelled, &state, err));
    want_deliveries(cancelled, "cancelled:pending");
    want_deliveries(999, "");
}
END_TEST

/* What a restart settles is told, too. */
START_TEST(recovery_tells)
{
    int64_t id = submit("r", EVENTS_ALL), other = submit("r", EVENTS_ALL);
    enum job_state state;

    help_claim(id, OWNER);
    help_claim(other, OWNER);
    OK(OPS->job_cancel(help_store, other, &state, err));
    help_reopen("boot-2");
    want_deliveries(id, "running:pending");
    want_deliveries(other, "running:pending cancelled:pending");
    help_claim(id, "boot-2");
    want_deliveries(id, "running:pending running:pending");
}
END_TEST

START_TEST(all_of_one)
{
    int64_t id = submit("https://r.example", NOTIFY_FAILED);
    struct store_delivery d;
    int64_t wait_ms;

    help_claim(id, OWNER);
    help_finish(id, OWNER, JOB_FAILED, false);
    OK(OPS->delivery_next(help_store, clock_now_ms(), NULL, 0, &d, &wait_ms, err));
    ck_assert_str_eq(d.message_id, "msg_key_1");
    ck_assert_str_eq(d.url, "https://r.example/hook");
    ck_assert_str_eq(d.receiver, "https://r.example");
    ck_assert_int_eq(d.event, JOB_FAILED);
    ck_assert_int_eq(d.attempt, 1);
    ck_assert_int_eq(d.job_id, id);
    ck_assert_int_eq(d.model_id, help_model_of(id));
    ck_assert_str_eq(d.kind, "train");
    ck_assert_str_eq(d.name, "iris");
    ck_assert_ptr_nonnull(d.error_code);
    ck_assert_int_gt(d.created_at, 0);
    ck_assert_int_ge(d.at, d.created_at);
    ck_assert_int_eq(d.sends + d.step + d.last_at + d.last_status, 0);
    store_delivery_fini(&d);
}
END_TEST

/* ---- which is next ---- */

START_TEST(the_longest_waiting_is_next)
{
    int64_t a = submit("ra", EVENTS_ALL), b = submit("rb", EVENTS_ALL), now, wait_ms = -1;

    ck_assert_int_eq(next_at(clock_now_ms(), NULL, &wait_ms), 0);
    ck_assert_int_eq(wait_ms, 0); /* nothing waits */
    help_claim(a, OWNER);
    help_claim(b, OWNER);
    now = clock_now_ms();
    ck_assert_int_eq(next_now(), 1);
    ck_assert_int_eq(next_at(now, "ra", NULL), 2);
    done(1, DELIVERY_IS_PENDING, now + 5000);
    ck_assert_int_eq(next_now(), 2);
    ck_assert_int_eq(next_at(now, "rb", &wait_ms), 0);
    ck_assert_int_eq(wait_ms, 5000);
    deliver(2);
    ck_assert_int_eq(next_at(now, NULL, &wait_ms), 0);
    ck_assert_int_eq(wait_ms, 5000);
    ck_assert_int_eq(next_at(now, "ra", &wait_ms), 0);
    ck_assert_int_eq(wait_ms, 0); /* who is busy is not waited for */
    ck_assert_int_eq(next_at(now + 4999, NULL, NULL), 0);
    ck_assert_int_eq(next_at(now + 5000, NULL, NULL), 1);
    /* a clock that was set back a week */
    ck_assert_int_eq(next_at(now - (int64_t)7 * 24 * 3600 * 1000, NULL, NULL), 1);
}
END_TEST

START_TEST(a_result_is_kept)
{
    int64_t id = submit("r", NOTIFY_ENDS), job = 0, now = clock_now_ms();
    struct store_delivery_result result = {.id = 1,
                                           .state = DELIVERY_IS_PENDING,
                                           .next_at = now + 3600000,
                                           .status = 503,
                                           .error = "the receiver answered 503"};
    struct store_delivery *list = NULL;
    size_t n = 0;

    help_claim(id, OWNER);
    help_finish(id, OWNER, JOB_CANCELLED, true);
    OK(OPS->delivery_done(help_store, &result, err));
    help_reopen("boot-2"); /* and outlives a restart */
    OK(OPS->delivery_list(help_store, id, &list, &n, err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(list[0].sends, 1);
    ck_assert_int_eq(list[0].step, 1);
    ck_assert_int_eq(list[0].next_at, now + 3600000);
    ck_assert_int_ge(list[0].last_at, now);
    ck_assert_int_eq(list[0].last_status, 503);
    ck_assert_str_eq(list[0].last_error, "the receiver answered 503");
    store_deliveries_free(&list, n);
    /* asked for: due at once, with all its tries before it */
    ck_assert_int_eq(next_now(), 0);
    OK(OPS->delivery_retry(help_store, 1, &job, err));
    ck_assert_int_eq(job, id);
    ck_assert_int_eq(next_now(), 1);
    deliver(1);
    want_deliveries(id, "cancelled:delivered");
    REFUSED(ERR_NOT_FOUND, OPS->delivery_done(help_store, &result, err)); /* it waits no more */
    want_deliveries(id, "cancelled:delivered");
    OK(OPS->delivery_retry(help_store, 1, &job, err));
    OK(OPS->delivery_list(help_store, id, &list, &n, err));
    ck_assert_int_eq(list[0].sends, 2);
    ck_assert_int_eq(list[0].step, 0);
    store_deliveries_free(&list, n);
    REFUSED(ERR_NOT_FOUND, OPS->delivery_retry(help_store, 2, &job, err));
}
END_TEST

START_TEST(a_receiver_that_is_gone)
{
    int64_t id = submit("r", EVENTS_ALL), other = submit("r", EVENTS_ALL);
    struct store_delivery_result gone = {
        .id = 1, .state = DELIVERY_IS_GIVEN_UP, .gone = true, .status = 410, .error = "410"};

    help_claim(id, OWNER);
    OK(OPS->job_release(help_store, id, OWNER, err));
    help_claim(id, OWNER);
    help_claim(other, OWNER);
    OK(OPS->delivery_done(help_store, &gone, err));
    want_deliveries(id, "running:given_up running:given_up");
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    want_deliveries(id, "running:given_up running:given_up"); /* and no more */
    want_deliveries(other, "running:pending");                /* it said so of that job */
}
END_TEST

/* ---- bounds ---- */

START_TEST(a_job_that_begins_again_and_again)
{
    int64_t id = submit("r", EVENTS_ALL);
    struct store_delivery *list = NULL;
    size_t n = 0;

    for (int i = 0; i < STORE_DELIVERIES_JOB + 5; i++) {
        help_claim(id, OWNER);
        OK(OPS->job_release(help_store, id, OWNER, err));
    }
    help_claim(id, OWNER);
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->delivery_list(help_store, id, &list, &n, err));
    ck_assert_uint_eq(n, STORE_DELIVERIES_JOB + 1);
    ck_assert_int_eq(list[n - 1].event, JOB_SUCCEEDED); /* the end is always told */
    store_deliveries_free(&list, n);
}
END_TEST

START_TEST(too_many_for_one_receiver)
{
    int64_t id = submit("r", EVENTS_ALL), other = submit("s", EVENTS_ALL);
    sqlite3 *db;

    help_close();
    db = help_raw_open();
    help_raw_exec(db, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c"
                      " WHERE i < 10000) INSERT INTO delivery (job_id, event, at, attempt,"
                      " receiver, state, next_at) SELECT 1, 'running', 1, 1, 'r', 'pending', 1"
                      " FROM c");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    help_claim(id, OWNER);
    help_claim(other, OWNER);
    help_finish(id, OWNER, JOB_FAILED, false);
    help_close();
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM delivery WHERE receiver = 'r'"
                                      " AND state = 'pending'"),
                     STORE_DELIVERIES_RECEIVER);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM delivery WHERE receiver = 'r' AND"
                                      " state = 'given_up' AND last_error IS NOT NULL"),
                     1); /* the end; of the states before it there were too many already */
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM delivery WHERE receiver = 's'"
                                      " AND state = 'pending'"),
                     1);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(they_go_with_their_job)
{
    const struct store_gc_rule rule = {.keep_jobs = 0};
    struct store_gc gone = {.jobs = 0};
    int64_t a = submit("r", EVENTS_ALL), b = submit("r", EVENTS_ALL);
    sqlite3 *db;

    help_claim(a, OWNER);
    help_finish(a, OWNER, JOB_SUCCEEDED, true);
    help_claim(b, OWNER);
    help_finish(b, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->job_delete(help_store, a, err));
    want_deliveries(a, "");
    ck_assert_int_eq(next_now(), 3);
    OK(OPS->gc(help_store, &rule, false, &gone, err));
    ck_assert_int_eq(gone.jobs, 1);
    free(gone.orphans);
    ck_assert_int_eq(next_now(), 0);
    /* sent meanwhile: nobody wants to know */
    REFUSED(ERR_NOT_FOUND,
            OPS->delivery_done(help_store, &(struct store_delivery_result){.id = 3}, err));
    help_close();
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "SELECT (SELECT count(*) FROM delivery)"
                                      " + (SELECT count(*) FROM job_notify)"),
                     0);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

/* ---- being woken ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int woken;

static void wake(void *arg)
{
    PTOK(pthread_mutex_lock(&lock));
    ck_assert_ptr_eq(arg, &woken);
    woken++;
    PTOK(pthread_cond_signal(&changed));
    PTOK(pthread_mutex_unlock(&lock));
}

static void want_woken(int n)
{
    PTOK(pthread_mutex_lock(&lock));
    while (woken < n) {
        PTOK(pthread_cond_wait(&changed, &lock));
    }
    ck_assert_int_eq(woken, n);
    PTOK(pthread_mutex_unlock(&lock));
}

START_TEST(commits_wake_the_watcher)
{
    int64_t id, silent, job;

    woken = 0;
    OPS->delivery_watch(help_store, wake, &woken);
    id = submit("r", NOTIFY_RUNNING);
    silent = submit("r", 0);
    help_claim(id, OWNER);
    want_woken(1);
    help_claim(silent, OWNER);
    help_finish(silent, OWNER, JOB_FAILED, false);
    help_finish(id, OWNER, JOB_FAILED, false);
    OK(OPS->delivery_retry(help_store, 1, &job, err));
    want_woken(2); /* not for what tells nothing */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store deliveries");
    TCase *tc = tcase_create("deliveries");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_test(tc, each_state_is_told_once);
    tcase_add_test(tc, only_what_is_wanted);
    tcase_add_test(tc, recovery_tells);
    tcase_add_test(tc, all_of_one);
    tcase_add_test(tc, the_longest_waiting_is_next);
    tcase_add_test(tc, a_result_is_kept);
    tcase_add_test(tc, a_receiver_that_is_gone);
    tcase_add_test(tc, a_job_that_begins_again_and_again);
    tcase_add_test(tc, too_many_for_one_receiver);
    tcase_add_test(tc, they_go_with_their_job);
    tcase_add_test(tc, commits_wake_the_watcher);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

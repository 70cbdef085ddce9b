/* Jobs as a state machine: every transition allowed or refused, the fences between owners,
 * what becomes of the model, recovery after a kill.
 */
#include "check_store.h"

/* ---- transitions ---- */

/* A new train job brought into a state. */
static int64_t job_in(enum job_state state)
{
    int64_t id = help_train();

    enum job_state after;

    if (state == JOB_PAUSED) {
        OK(OPS->job_pause(help_store, id, &after, err));
    } else if (state != JOB_QUEUED) {
        help_claim(id, OWNER);
    }
    if (state >= JOB_SUCCEEDED) {
        help_finish(id, OWNER, state, false);
    }
    ck_assert_int_eq(help_state(id), state);
    return id;
}

enum move {
    FINISH_OK, FINISH_FAILED, FINISH_CANCELLED, RELEASE, CANCEL, DELETE, APPEND, PAUSE, RESUME,
    NOTE, CHECKPOINT, CUT, MOVES
};

static int make_move(enum move move, int64_t id, const char *owner, struct err *err)
{
    static const enum job_state ends[] = {JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED};
    struct store_point point = {.epoch = 1};
    struct store_checkpoint checkpoint = {.job_id = id, .generation = 1};
    struct store_outcome outcome;
    enum job_state state;

    memcpy(checkpoint.sha256, help_hash('c'), HASH_HEX_LEN);
    switch (move) {
    case FINISH_OK:
    case FINISH_FAILED:
    case FINISH_CANCELLED:
        outcome = help_outcome(ends[move], false);
        return OPS->job_finish(help_store, id, owner, &outcome, err);
    case RELEASE:
        return OPS->job_release(help_store, id, owner, err);
    case CANCEL:
        return OPS->job_cancel(help_store, id, &state, err);
    case DELETE:
        return OPS->job_delete(help_store, id, err);
    case PAUSE:
        return OPS->job_pause(help_store, id, &state, err);
    case RESUME:
        return OPS->job_resume(help_store, id, &state, err);
    case NOTE:
        return OPS->job_note(help_store, id, owner, NOTE_BATCH, err);
    case CHECKPOINT:
        return OPS->checkpoint_add(help_store, owner, &checkpoint, err);
    case CUT:
        return OPS->curve_cut(help_store, id, owner, 0, err);
    default:
        return OPS->curve_append(help_store, id, owner, &point, 1, err);
    }
}

START_TEST(state_machine)
{
    enum { REF = -1, GONE = -2 }; /* refused and nothing changed; deleted */
    static const int after[JOB_STATES][MOVES] = {
        /* finish as succeeded, failed, cancelled; release; cancel; delete; append; pause; resume;
         * note; checkpoint; cut */
        [JOB_QUEUED] = {REF, REF, REF, REF, JOB_CANCELLED, REF, REF, JOB_PAUSED, JOB_QUEUED, REF,
                        REF, REF},
        [JOB_RUNNING] = {JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_QUEUED, JOB_RUNNING, REF,
                         JOB_RUNNING, JOB_RUNNING, JOB_RUNNING, JOB_RUNNING, JOB_RUNNING,
                         JOB_RUNNING},
        [JOB_PAUSED] = {REF, REF, REF, REF, JOB_CANCELLED, REF, REF, JOB_PAUSED, JOB_QUEUED, REF,
                        REF, REF},
        [JOB_SUCCEEDED] = {REF, REF, REF, REF, JOB_SUCCEEDED, GONE, REF, REF, REF, REF, REF, REF},
        [JOB_FAILED] = {REF, REF, REF, REF, JOB_FAILED, GONE, REF, REF, REF, REF, REF, REF},
        [JOB_CANCELLED] = {REF, REF, REF, REF, JOB_CANCELLED, GONE, REF, REF, REF, REF, REF, REF},
    };

    for (int from = 0; from < JOB_STATES; from++) {
        for (int move = 0; move < MOVES; move++) {
            int64_t id = job_in((enum job_state)from);
            int want = after[from][move];
            struct store_job job, before = help_get(id);

            if (want == REF) {
                REFUSED(ERR_CONFLICT, make_move((enum move)move, id, OWNER, err));
            } else {
                OK(make_move((enum move)move, id, OWNER, err));
            }
            if (want == GONE) {
                REFUSED(ERR_NOT_FOUND, OPS->job_get(help_store, id, &job, err));
            } else {
                job = help_get(id);
                ck_assert_msg((int)job.state == (want == REF ? from : want),
                              "move %d on a %s job: %s", move,
                              job_state_name((enum job_state)from), job_state_name(job.state));
                ck_assert_int_eq(job.finished_at > 0, job.state >= JOB_SUCCEEDED);
                ck_assert_int_eq(job.attempt, before.attempt);
                /* A cancel that the worker has yet to notice. */
                ck_assert_int_eq(job.cancel_requested && !before.cancel_requested,
                                 move == CANCEL && from < JOB_SUCCEEDED);
                ck_assert_int_eq(job.pause_requested, move == PAUSE && from == JOB_RUNNING);
                store_job_fini(&job);
            }
            store_job_fini(&before);
            /* Leave nothing in the queue for the next claim. */
            if (want != GONE && help_state(id) == JOB_QUEUED) {
                OK(make_move(CANCEL, id, OWNER, err));
            }
        }
    }
    help_close();
    help_verify();
    help_open(OWNER, 0);
}
END_TEST

START_TEST(only_the_owner_may)
{
    static const enum move fenced[] = {FINISH_OK, FINISH_FAILED, FINISH_CANCELLED, RELEASE,
                                       APPEND,    NOTE,          CHECKPOINT,       CUT};
    int64_t id = job_in(JOB_RUNNING);
    struct store_point last;

    for (size_t i = 0; i < ARRAY_LEN(fenced); i++) {
        REFUSED(ERR_CONFLICT, make_move(fenced[i], id, "boot-2", err));
        REFUSED(ERR_CONFLICT, make_move(fenced[i], id, "", err));
    }
    ck_assert_int_eq(help_state(id), JOB_RUNNING);
    NOTHING(OPS->curve_last(help_store, id, &last, err));
    help_model_state(help_model_of(id), "pending");
    help_events(id, "queued | running:attempt 1");
    OK(make_move(FINISH_OK, id, OWNER, err));
}
END_TEST

START_TEST(finish_keeps_the_outcome)
{
    int64_t id = job_in(JOB_RUNNING);
    struct store_outcome outcome = help_outcome(JOB_FAILED, false);
    struct store_job job;

    outcome.warnings_json = "[\"two\"]";
    OK(OPS->job_finish(help_store, id, OWNER, &outcome, err));
    job = help_get(id);
    ck_assert_str_eq(job.result_json, "{\"epochs\":7}");
    ck_assert_str_eq(job.warnings_json, "[\"two\"]");
    ck_assert_str_eq(job.error_code, "diverged");
    ck_assert_str_eq(job.error_detail, "the loss is not a number");
    ck_assert_int_ge(job.finished_at, job.started_at);
    store_job_fini(&job);
    help_events(id, "queued | running:attempt 1 | failed:diverged: the loss is not a number");

    id = job_in(JOB_SUCCEEDED); /* warnings NULL: those of the submit stay */
    job = help_get(id);
    ck_assert_str_eq(job.warnings_json, "[\"careful\"]");
    store_job_fini(&job);
    help_events(id, "queued | running:attempt 1 | succeeded");
}
END_TEST

START_TEST(the_model_follows_its_job)
{
    /* How the job ends, with weights or not, and what its model then is. */
    static const struct {
        enum job_state end;
        bool weights;
        const char *model;
        bool by_name;
    } cases[] = {
        {JOB_SUCCEEDED, true, "ready", true},  {JOB_FAILED, true, "ready", false},
        {JOB_CANCELLED, true, "ready", false}, {JOB_SUCCEEDED, false, "failed", false},
        {JOB_FAILED, false, "failed", false},  {JOB_CANCELLED, false, "failed", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[16];
        int64_t id;
        struct store_model model;

        (void)snprintf(name, sizeof name, "family%zu", i);
        id = help_submit("train", name, 0);
        help_claim(id, OWNER);
        REFUSED(ERR_NOT_FOUND, OPS->model_by_name(help_store, name, &model, err));
        help_finish(id, OWNER, cases[i].end, cases[i].weights);
        help_model_state(help_model_of(id), cases[i].model);
        if (cases[i].by_name) {
            OK(OPS->model_by_name(help_store, name, &model, err));
            ck_assert_int_eq(model.job_id, id);
            store_model_fini(&model);
        } else {
            REFUSED(ERR_NOT_FOUND, OPS->model_by_name(help_store, name, &model, err));
        }
    }
}
END_TEST

START_TEST(evaluate_jobs_leave_the_model_alone)
{
    int64_t id = job_in(JOB_RUNNING), judge, model;
    struct store_outcome with_model = help_outcome(JOB_SUCCEEDED, true);
    enum job_state state;

    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    model = help_model_of(id);
    for (int i = 0; i < 3; i++) {
        judge = help_submit("evaluate", NULL, model);
        if (i == 0) {
            OK(OPS->job_cancel(help_store, judge, &state, err));
        } else {
            help_claim(judge, OWNER);
            /* It makes no model; the refusal undoes the job's end as well. */
            REFUSED(ERR_INTERNAL, OPS->job_finish(help_store, judge, OWNER, &with_model, err));
            ck_assert_int_eq(help_state(judge), JOB_RUNNING);
            help_finish(judge, OWNER, i == 1 ? JOB_FAILED : JOB_SUCCEEDED, false);
        }
        help_model_state(model, "ready");
    }
}
END_TEST

/* What a job turned out to be takes the place of what it had, all or nothing. */
START_TEST(settled_when_its_data_is_there)
{
    const char *hashes[] = {help_hash('5'), NULL};
    struct store_job_new now = {.resolved_json = "{\"r\":1}",
                                .warnings_json = "[\"w\"]",
                                .datasets = hashes,
                                .n_datasets = 1,
                                .disk_bytes = 5000};
    int64_t id = job_in(JOB_RUNNING), dataset = 0, disk = 0;
    struct store_job job = help_get(id);
    struct store_model model;
    bool created, orphan;

    REFUSED(ERR_CONFLICT, OPS->job_settle(help_store, id, OWNER, &now, err)); /* no such dataset */
    OK(OPS->dataset_add(help_store, NULL, hashes[0], 1, 1, 1, false, &dataset, &created, err));
    REFUSED(ERR_CONFLICT, OPS->job_settle(help_store, id, "boot-2", &now, err));
    REFUSED(ERR_CONFLICT,
            OPS->job_settle(help_store, help_submit("train", NULL, 0), OWNER, &now, err));
    ck_assert_str_ne(job.resolved_json != NULL ? job.resolved_json : "", now.resolved_json);
    store_job_fini(&job);
    OK(OPS->job_settle(help_store, id, OWNER, &now, err));
    job = help_get(id);
    ck_assert_str_eq(job.resolved_json, "{\"r\":1}");
    ck_assert_str_eq(job.warnings_json, "[\"w\"]");
    ck_assert_int_eq(job.state, JOB_RUNNING);
    store_job_fini(&job);
    OK(OPS->job_disk(help_store, &disk, err));
    ck_assert_int_ge(disk, 5000);
    OK(OPS->model_get(help_store, help_model_of(id), &model, err));
    ck_assert_str_eq(model.dataset_sha256, hashes[0]);
    store_model_fini(&model);
    REFUSED(ERR_CONFLICT, OPS->dataset_delete(help_store, dataset, &orphan, err)); /* it needs it */
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->dataset_delete(help_store, dataset, &orphan, err));
    ck_assert(orphan);
}
END_TEST

START_TEST(a_job_may_have_no_model)
{
    const struct store_job_new new = {.kind = "fetch", .no_model = true, .config_json = "{}"};
    int64_t id = 0, model = 7, datasets = 0, before = 0, after = 0;
    struct store_outcome outcome = {.state = JOB_SUCCEEDED, .result_json = "{\"a\":1}"};
    struct store_job job;

    OK(OPS->counts(help_store, &datasets, &before, err));
    OK(OPS->job_submit(help_store, &new, &id, &model, err));
    ck_assert_int_eq(model, 0);
    OK(OPS->counts(help_store, &datasets, &after, err));
    ck_assert_int_eq(after, before);
    help_claim(id, OWNER);
    OK(OPS->job_finish(help_store, id, OWNER, &outcome, err));
    job = help_get(id);
    ck_assert_int_eq(job.model_id, 0);
    ck_assert_int_eq(job.state, JOB_SUCCEEDED);
    ck_assert_str_eq(job.result_json, "{\"a\":1}");
    store_job_fini(&job);
}
END_TEST

START_TEST(cancel_says_what_follows)
{
    int64_t queued = help_train(), running;
    enum job_state state = JOB_FAILED;

    OK(OPS->job_cancel(help_store, queued, &state, err));
    ck_assert_int_eq(state, JOB_CANCELLED);
    help_model_state(help_model_of(queued), "failed");
    help_events(queued, "queued | cancelled");

    running = job_in(JOB_RUNNING);
    for (int i = 0; i < 2; i++) { /* the second time changes nothing */
        OK(OPS->job_cancel(help_store, running, &state, err));
        ck_assert_int_eq(state, JOB_RUNNING);
    }
    help_events(running, "queued | running:attempt 1 | cancel_requested");
    help_finish(running, OWNER, JOB_CANCELLED, true);
    help_model_state(help_model_of(running), "ready");
    OK(OPS->job_cancel(help_store, running, &state, err));
    ck_assert_int_eq(state, JOB_CANCELLED);
    help_events(running, "queued | running:attempt 1 | cancel_requested | cancelled");
}
END_TEST

START_TEST(release_goes_back_to_the_front)
{
    int64_t first = job_in(JOB_RUNNING), second = help_train();
    struct store_job job;
    enum job_state state;

    OK(OPS->job_release(help_store, first, OWNER, err));
    job = help_get(first);
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.started_at, 0);
    ck_assert_int_eq(job.attempt, 1);
    store_job_fini(&job);
    help_model_state(help_model_of(first), "pending");
    help_claim(first, OWNER);
    help_events(first, "queued | running:attempt 1 | queued:the daemon was stopped"
                       " | running:attempt 2");
    /* One whose end was asked for does not run again. */
    OK(OPS->job_cancel(help_store, first, &state, err));
    OK(OPS->job_release(help_store, first, OWNER, err));
    ck_assert_int_eq(help_state(first), JOB_CANCELLED);
    help_model_state(help_model_of(first), "failed");
    help_claim(second, OWNER);
}
END_TEST

START_TEST(delete_takes_curve_and_events_not_the_model)
{
    int64_t id = job_in(JOB_RUNNING), model = help_model_of(id);
    struct store_point point = {.epoch = 1}, *points = NULL;
    struct store_event *events = NULL;
    size_t n = 9;
    void *bytes = NULL;

    OK(OPS->curve_append(help_store, id, OWNER, &point, 1, err));
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->job_delete(help_store, id, err));
    REFUSED(ERR_NOT_FOUND, OPS->job_delete(help_store, id, err));
    OK(OPS->curve_read(help_store, id, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, 0);
    OK(OPS->event_list(help_store, id, &events, &n, err));
    ck_assert_uint_eq(n, 0);
    help_model_state(model, "ready");
    OK(OPS->model_weights(help_store, model, &bytes, &n, err));
    free(bytes);
}
END_TEST

START_TEST(ids_are_never_used_twice)
{
    int64_t id = job_in(JOB_SUCCEEDED), model = help_model_of(id), again;

    OK(OPS->job_delete(help_store, id, err));
    OK(OPS->model_delete(help_store, model, err));
    again = help_train();
    ck_assert_int_eq(again, id + 1);
    ck_assert_int_eq(help_model_of(again), model + 1);
    OK(make_move(CANCEL, again, OWNER, err));
    OK(OPS->job_delete(help_store, again, err));
    help_reopen(OWNER);
    ck_assert_int_eq(help_train(), id + 2);
}
END_TEST

/* ---- recovery ---- */

START_TEST(recovery)
{
    int64_t done = job_in(JOB_SUCCEEDED), lost = job_in(JOB_RUNNING),
            doomed = job_in(JOB_RUNNING), judge, waiting = help_train();
    struct store_job job;
    enum job_state state;

    OK(OPS->job_cancel(help_store, doomed, &state, err));
    help_claim(waiting, OWNER);
    OK(OPS->job_release(help_store, waiting, OWNER, err));
    judge = help_submit("evaluate", NULL, help_model_of(lost));

    help_reopen(OWNER); /* the same boot: its jobs are its own */
    ck_assert_int_eq(help_state(lost), JOB_RUNNING);
    help_reopen("boot-2");
    job = help_get(lost);
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.attempt, 1);
    ck_assert_int_eq(job.started_at, 0);
    store_job_fini(&job);
    help_model_state(help_model_of(lost), "pending");
    ck_assert_int_eq(help_state(doomed), JOB_CANCELLED);
    help_model_state(help_model_of(doomed), "failed");
    ck_assert_int_eq(help_state(done), JOB_SUCCEEDED);
    ck_assert_int_eq(help_state(waiting), JOB_QUEUED);
    ck_assert_int_eq(help_state(judge), JOB_QUEUED);
    help_events(doomed, "queued | running:attempt 1 | cancel_requested"
                        " | cancelled:the daemon was started again");

    help_claim(lost, "boot-2"); /* the oldest again */
    help_events(lost, "queued | running:attempt 1 | queued:the daemon was started again"
                      " | running:attempt 2");
    REFUSED(ERR_CONFLICT, make_move(FINISH_OK, lost, OWNER, err)); /* the ghost of boot 1 */
    help_finish(lost, "boot-2", JOB_SUCCEEDED, true);
    help_close();
    help_verify();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_jobs");
    TCase *cases = tcase_create("jobs");

    tcase_add_checked_fixture(cases, help_setup, help_teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, state_machine);
    tcase_add_test(cases, only_the_owner_may);
    tcase_add_test(cases, finish_keeps_the_outcome);
    tcase_add_test(cases, the_model_follows_its_job);
    tcase_add_test(cases, evaluate_jobs_leave_the_model_alone);
    tcase_add_test(cases, settled_when_its_data_is_there);
    tcase_add_test(cases, a_job_may_have_no_model);
    tcase_add_test(cases, cancel_says_what_follows);
    tcase_add_test(cases, release_goes_back_to_the_front);
    tcase_add_test(cases, delete_takes_curve_and_events_not_the_model);
    tcase_add_test(cases, ids_are_never_used_twice);
    tcase_add_test(cases, recovery);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}

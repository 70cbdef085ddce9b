/* Submissions that come again with their key, and the room on the disk that each is asked for. */
#include <errno.h>

#include "base/file.h"
#include "jobs/room.h"
#include "submit_help.h"

/* ---- keys ---------------------------------------------------------------------------- */

static int submit_with(const char *key, const char *body, struct submitted *out, struct err *err)
{
    const struct submit_body b = {.text = body, .len = strlen(body), .key = key};

    return submit_train(datasets, NULL, &limits, &b, out, err);
}

START_TEST(a_key_makes_one_job)
{
    struct submitted s, again;
    struct err err = ERR_INIT;

    ck_assert_int_eq(submit_with("k", XOR "}", &s, &err), 0);
    ck_assert(!s.replayed);
    ck_assert_int_eq(s.state, JOB_QUEUED);
    limits.max_queued = 1; /* nothing of a submission is done again */
    limits.state = "/nowhere";
    ck_assert_msg(submit_with("k", XOR "}", &again, &err) == 0, "%s", help_show(&err));
    ck_assert(again.replayed);
    ck_assert_int_eq(again.job_id, s.job_id);
    ck_assert_int_eq(again.model_id, s.model_id);
    ck_assert_str_eq(again.resolved_json, s.resolved_json);
    ck_assert_str_eq(again.warnings_json, s.warnings_json);
    ck_assert_int_eq(queued(), 1);
    ck_assert_int_eq(woken, 1);
    submitted_fini(&again);
    submitted_fini(&s);
}
END_TEST

START_TEST(a_replayed_job_is_shown_as_it_is)
{
    struct submitted s, again;
    struct err err = ERR_INIT;
    enum job_state state;

    ck_assert_int_eq(submit_with("k", XOR "}", &s, &err), 0);
    ck_assert_int_eq(store->ops->job_cancel(store, s.job_id, &state, &err), 0);
    ck_assert_int_eq(submit_with("k", XOR "}", &again, &err), 0);
    ck_assert_int_eq(again.state, JOB_CANCELLED);
    submitted_fini(&again);
    /* without the job the key is free again */
    ck_assert_int_eq(store->ops->job_delete(store, s.job_id, &err), 0);
    ck_assert_int_eq(submit_with("k", XOR "}", &again, &err), 0);
    ck_assert(!again.replayed);
    ck_assert_int_gt(again.job_id, s.job_id);
    submitted_fini(&again);
    submitted_fini(&s);
}
END_TEST

START_TEST(a_key_with_another_body_is_refused)
{
    struct submitted s, other;
    struct err err = ERR_INIT;

    ck_assert_int_eq(submit_with("k", XOR "}", &s, &err), 0);
    ck_assert_int_eq(submit_with("k", XOR " }", &other, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.detail, "another body"));
    err_fini(&err);
    err = (struct err)ERR_INIT;
    ck_assert_int_eq(submit_with("other", XOR " }", &other, &err), 0);
    ck_assert_int_ne(other.job_id, s.job_id);
    submitted_fini(&other);
    ck_assert_int_eq(submit_with(NULL, XOR "}", &other, &err), 0);
    ck_assert_int_eq(queued(), 3);
    submitted_fini(&other);
    submitted_fini(&s);
}
END_TEST

START_TEST(a_dry_run_has_no_key)
{
    const struct submit_body b = {
        .text = XOR "}", .len = strlen(XOR "}"), .key = "k", .dry_run = true};
    struct submitted s;
    struct err err = ERR_INIT;

    ck_assert_int_eq(submit_train(datasets, NULL, &limits, &b, &s, &err), 0);
    submitted_fini(&s);
    ck_assert_int_eq(submit_with("k", XOR " }", &s, &err), 0);
    ck_assert(!s.replayed);
    submitted_fini(&s);
    ck_assert_int_eq(submit_train(datasets, NULL, &limits, &b, &s, &err), 0);
    ck_assert_int_eq(s.job_id, 0);
    submitted_fini(&s);
}
END_TEST

/* Another request with the same key is faster: it comes between the look at the key and the
 * commit. */
static const struct store_ops *real_ops;
static int64_t faster_id;

static int job_counts_between(struct store *st, int64_t counts[JOB_STATES], struct err *err)
{
    struct submitted s;

    if (faster_id == 0) {
        faster_id = -1;
        ck_assert_int_eq(submit_with("k", XOR "}", &s, err), 0);
        faster_id = s.job_id;
        submitted_fini(&s);
    }
    return real_ops->job_counts(st, counts, err);
}

START_TEST(of_two_at_once_one_makes_the_job)
{
    struct store_ops ops = *store->ops;
    struct submitted s;
    struct err err = ERR_INIT;

    real_ops = store->ops;
    faster_id = 0;
    ops.job_counts = job_counts_between;
    store->ops = &ops;
    ck_assert_msg(submit_with("k", XOR "}", &s, &err) == 0, "%s", help_show(&err));
    store->ops = real_ops;
    ck_assert(s.replayed);
    ck_assert_int_eq(s.job_id, faster_id);
    ck_assert_ptr_nonnull(strstr(s.resolved_json, "\"seed\":1"));
    ck_assert_int_eq(queued(), 1);
    ck_assert_uint_eq(files(), 1); /* the rows of the job that is there */
    ck_assert_int_eq(woken, 1);
    submitted_fini(&s);
}
END_TEST

/* ---- room ------------------------------------------------------------------------------ */

static uint64_t free_bytes(void)
{
    uint64_t bytes = 0;
    struct err err = ERR_INIT;

    ck_assert_int_eq(file_free_space(help_dir, &bytes, &err), 0);
    return bytes;
}

START_TEST(a_job_without_room_is_refused)
{
    struct submitted s;
    struct err err = ERR_INIT;

    limits.state = help_dir;
    limits.disk_reserve = free_bytes() * 2;
    ck_assert_int_eq(submit(XOR "}", false, &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_NO_SPACE);
    ck_assert_msg(strstr(err.detail, "no room on the disk for the job:") != NULL &&
                      strstr(err.detail, "stay in reserve; delete jobs") != NULL,
                  "%s", err.detail);
    err_fini(&err);
    err = (struct err)ERR_INIT;
    ck_assert_uint_eq(files(), 0);
    ck_assert_int_eq(queued(), 0);
    ck_assert_int_eq(submit(XOR "}", true, &s, &err), 0); /* a dry run keeps nothing */
    submitted_fini(&s);
    limits.disk_reserve = 0;
    ck_assert_msg(submit(XOR "}", false, &s, &err) == 0, "%s", help_show(&err));
    submitted_fini(&s);
}
END_TEST

/* What a job may take, not only what it takes at once. */
START_TEST(a_job_larger_than_the_disk_is_refused)
{
    struct submitted s;
    struct err err = ERR_INIT;

    limits.state = help_dir;
    limits.memory_limit = SIZE_MAX; /* nothing is allocated here */
    ck_assert_int_eq(submit(XOR
                            ",\"architecture\":{\"hidden\":[65536,65536,65536,65536,65536,65536,"
                            "65536,65536,65536,65536,65536,65536,65536,65536,65536]}}",
                            false, &s, &err),
                     -1);
    ck_assert_int_eq(err.code, ERR_NO_SPACE);
    ck_assert_msg(strstr(err.detail, "the job, which may take ") != NULL &&
                      strstr(err.detail, "hold 0 bytes") != NULL,
                  "%s", err.detail);
    err_fini(&err);
    ck_assert_uint_eq(files(), 0);
    ck_assert_int_eq(queued(), 0);
}
END_TEST

static int job_disk_huge(struct store *st, int64_t *out, struct err *err)
{
    (void)st;
    (void)err;
    *out = INT64_MAX / 2;
    return 0;
}

/* What others were promised is not promised again. */
START_TEST(held_room_is_not_given_away)
{
    struct store_ops ops = *store->ops;
    struct submitted s;
    struct err err = ERR_INIT;

    real_ops = store->ops;
    limits.state = help_dir;
    ops.job_disk = job_disk_huge;
    store->ops = &ops;
    ck_assert_int_eq(submit(XOR "}", false, &s, &err), -1);
    store->ops = real_ops;
    ck_assert_int_eq(err.code, ERR_NO_SPACE);
    err_fini(&err);
    err = (struct err)ERR_INIT;
    ck_assert_msg(submit(XOR "}", false, &s, &err) == 0, "%s", help_show(&err));
    submitted_fini(&s);
}
END_TEST

/* The last byte that may be taken, and one more. */
START_TEST(room_is_counted_to_the_byte)
{
    static const struct {
        struct room room;
        uint64_t bytes;
        bool fits;
    } cases[] = {
        {{.free = 1000, .held = 300, .reserve = 200}, 500, true},
        {{.free = 1000, .held = 300, .reserve = 200}, 501, false},
        {{.free = 501, .held = 300, .reserve = 200}, 0, true},
        {{.free = 500, .held = 300, .reserve = 200}, 0, false}, /* not a byte is left */
        {{.free = 100, .held = 300, .reserve = 200}, 0, false},
        {{.free = 1, .held = 0, .reserve = 0}, 1, true},
        {{.free = 0, .held = 0, .reserve = 0}, 0, false},
        {{.free = 1000, .held = INT64_MAX, .reserve = UINT64_MAX}, 0, false}, /* no wrapping */
        {{.free = UINT64_MAX, .held = 1, .reserve = 1}, UINT64_MAX - 2, true},
        {{.free = UINT64_MAX, .held = 1, .reserve = 1}, UINT64_MAX, false},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        int rc = room_for(&cases[i].room, cases[i].bytes, "it", &err);

        ck_assert_msg((rc == 0) == cases[i].fits, "case %zu", i);
        ck_assert_int_eq(err.code, cases[i].fits ? ERR_NONE : ERR_NO_SPACE);
        err_fini(&err);
    }
}
END_TEST

static int no_space(const struct file_event *event)
{
    return event->op == FILE_OP_SPACE ? EIO : 0;
}

START_TEST(a_disk_that_cannot_be_asked)
{
    struct submitted s;
    struct err err = ERR_INIT;

    limits.state = help_dir;
    file_hook = no_space;
    ck_assert_int_eq(submit(XOR "}", false, &s, &err), -1);
    file_hook = NULL;
    ck_assert_int_eq(err.code, ERR_IO);
    err_fini(&err);
    err = (struct err)ERR_INIT;
    limits.state = "/nowhere/at/all";
    ck_assert_int_eq(submit(XOR "}", false, &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.detail, "may not be written"));
    err_fini(&err);
    ck_assert_int_eq(queued(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("submit again");
    TCase *tc = tcase_create("keys and room");

    hash_start();
    log_set_level(LOG_WARN);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, submit_setup, submit_teardown);
    tcase_add_test(tc, a_key_makes_one_job);
    tcase_add_test(tc, a_replayed_job_is_shown_as_it_is);
    tcase_add_test(tc, a_key_with_another_body_is_refused);
    tcase_add_test(tc, a_dry_run_has_no_key);
    tcase_add_test(tc, of_two_at_once_one_makes_the_job);
    tcase_add_test(tc, a_job_without_room_is_refused);
    tcase_add_test(tc, a_job_larger_than_the_disk_is_refused);
    tcase_add_test(tc, held_room_is_not_given_away);
    tcase_add_test(tc, room_is_counted_to_the_byte);
    tcase_add_test(tc, a_disk_that_cannot_be_asked);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

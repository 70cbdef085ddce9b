/* Checkpoints on a disk that fails and a power that fails: whatever happens in the middle of a
 * write, what was acknowledged is read afterwards, or the newer one whose row is there; never
 * rubbish, never nothing; and nothing piles up. */
#include "checkpoint_help.h"

#include <errno.h>

#include "file_faults.h"

#define STATE 5000

static int64_t newest_epoch(void)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];

    return fake_rows(job.id, rows, STORE_CHECKPOINTS) > 0 ? rows[0].epoch : -1;
}

static const struct {
    int code;
    enum err_code means;
} codes[] = {
    {EIO, ERR_IO},   {ENOSPC, ERR_NO_SPACE},  {EDQUOT, ERR_NO_SPACE},
    {EROFS, ERR_IO}, {EMFILE, ERR_NO_MEMORY},
};

/* ---- faults ------------------------------------------------------------------------------ */

START_TEST(a_write_meets_a_fault)
{
    bool forever = _i % 2 == 1, met = true;
    int code = codes[_i / 2].code;
    long n;

    for (n = 1; met; n++) {
        struct err err = ERR_INIT;
        int64_t acknowledged;
        int rc;

        ckpt_write(1, STATE);
        ckpt_write(2, STATE);
        faults_set(n, forever, code);
        rc = ckpt_try(3, STATE, &err);
        met = faults_end();
        acknowledged = rc == 0 ? 3 : 2;
        ck_assert(met || rc == 0);
        ck_assert(rc == 0 || err.code == codes[_i / 2].means);
        ck_assert_int_eq(newest_epoch(), acknowledged);
        ck_assert_int_eq(ckpt_read(STATE), acknowledged);
        ck_assert_uint_eq(fake.events, 0);
        ck_assert_uint_le(ckpt_files(), rc != 0 && !forever ? 2 : 3);
        if (n % 2 == 0) { /* the next write cleans up, or the next start does */
            ckpt_write(4, STATE);
            ck_assert_int_eq(ckpt_read(STATE), 4);
        } else {
            checkpoints_free(&checkpoints);
            ckpt_open();
            ck_assert_int_eq(ckpt_read(STATE), acknowledged);
        }
        ck_assert_uint_eq(ckpt_files(), 2);
        ck_assert_uint_eq(fake.events, 0);
        err_fini(&err);
        ckpt_teardown();
        ckpt_setup();
    }
    ck_assert_int_gt(n, 8); /* it went through all of a write */
}
END_TEST

/* On a full disk again and again: no files pile up, the old ones stay. */
START_TEST(many_writes_on_a_full_disk)
{
    int64_t epoch;
    long n;

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    for (epoch = 3; epoch < 60; epoch++) {
        struct err err = ERR_INIT;

        n = 1 + epoch % 9; /* somewhere up to the rename and the folder's sync */
        faults_set(n, epoch % 2 == 0, ENOSPC);
        if (ckpt_try(epoch, STATE, &err) != 0) {
            ck_assert_int_eq(err.code, ERR_NO_SPACE);
        }
        (void)faults_end();
        ck_assert_int_eq(ckpt_read(STATE), newest_epoch());
        ck_assert_uint_le(ckpt_files(), 30);
        err_fini(&err);
    }
    ckpt_write(100, STATE);
    ck_assert_uint_eq(ckpt_files(), 2);
    ck_assert_int_eq(ckpt_read(STATE), 100);
}
END_TEST

START_TEST(a_read_meets_a_fault)
{
    bool met = true;
    long n;

    for (n = 1; met; n++) {
        struct checkpoint c = {.state = NULL};
        struct err err = ERR_INIT;
        int rc;

        ckpt_write(1, STATE);
        ckpt_write(2, STATE);
        faults_set(n, _i % 2 == 1, codes[_i / 2].code);
        rc = checkpoint_read(checkpoints, &job, OWNER, &c, &err);
        met = faults_end();
        if (rc == 0) {
            struct checkpoint want = ckpt_make(c.epoch, STATE);

            ck_assert(c.epoch == 2 || (met && c.epoch == 1));
            ck_assert_mem_eq(c.state, want.state, STATE);
            ck_assert_str_eq(c.notes, want.notes);
            checkpoint_fini(&want);
        } else {
            ck_assert(met);
            ck_assert_ptr_null(c.state);
        }
        /* What has nothing to do with the file is no reason to give it up. */
        if (codes[_i / 2].means == ERR_NO_MEMORY) {
            ck_assert(!met || rc == -1);
            ck_assert_int_eq(ckpt_read(STATE), 2);
        }
        checkpoint_fini(&c);
        err_fini(&err);
        ckpt_teardown();
        ckpt_setup();
    }
    ck_assert_int_gt(n, 4);
}
END_TEST

START_TEST(a_start_meets_a_fault)
{
    bool met = true;
    long n;

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    for (n = 1; met; n++) {
        struct err err = ERR_INIT;
        char *path = ckpt_path(3, 3);
        int rc;

        help_spill(path, "x", 1); /* to be swept */
        checkpoints_free(&checkpoints);
        faults_set(n, _i % 2 == 1, codes[_i / 2].code);
        rc = checkpoints_new(ckpt_dir, &fake.store, &checkpoints, &err);
        met = faults_end();
        ck_assert(met || rc == 0);
        if (rc != 0) {
            ck_assert_ptr_null(checkpoints);
            ckpt_open();
        }
        ck_assert_int_eq(ckpt_read(STATE), 2);
        err_fini(&err);
        free(path);
    }
    ck_assert_int_gt(n, 4);
    ck_assert_uint_eq(ckpt_files(), 2);
}
END_TEST

/* ---- power --------------------------------------------------------------------------------- */

/* What the process before the cut tells the test. */
static struct world {
    struct fake fake; /* with the rows that were committed */
    int64_t acknowledged;
} * world;

static void row_point(void)
{
    power_point();
    world->fake = fake;
}

static void two_writes(void)
{
    fake = world->fake;
    fake.around_add = row_point;
    ckpt_open();
    power_point();
    ckpt_write(3, STATE);
    world->acknowledged = 3;
    power_point();
    ckpt_write(4, STATE);
    world->acknowledged = 4;
    power_point();
}

START_TEST(power_fails)
{
    const char *const folders[] = {ckpt_dir};
    enum power_loss loss = (enum power_loss)_i;
    unsigned seed, seeds = loss == POWER_MIXES ? 8 : 1;
    bool was_cut = true;
    int64_t read = 0;
    long n;

    for (seed = 0; seed < seeds; seed++) {
        for (n = 1, was_cut = true; was_cut; n++) {
            world = power_share(sizeof *world);
            ckpt_write(1, STATE);
            ckpt_write(2, STATE);
            world->acknowledged = 2;
            world->fake = fake;
            checkpoints_free(&checkpoints);
            was_cut = power_run(two_writes, folders, 1, n, loss, seed) == 1;
            fake = world->fake;
            fake.around_add = NULL;
            ckpt_open();
            read = ckpt_read(STATE);
            ck_assert_int_ge(read, world->acknowledged);
            ck_assert_int_eq(read, newest_epoch());
            ck_assert_uint_eq(fake.events, 0);
            ck_assert_uint_eq(fake.n, 2);
            ck_assert_uint_eq(ckpt_files(), 2);
            /* The one before is whole, too. */
            fake.n = 1;
            fake.rows[0] = fake.rows[fake.rows[0].generation > fake.rows[1].generation];
            ck_assert_int_eq(ckpt_read(STATE), read - 1);
            power_unshare(world, sizeof *world);
            ckpt_teardown();
            ckpt_setup();
        }
        ck_assert_int_gt(n, 20);
        ck_assert_int_eq(read, 4);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint_faults");
    TCase *tc = tcase_create("checkpoint_faults");
    int kinds = 2 * (int)ARRAY_LEN(codes);

    tcase_add_checked_fixture(tc, ckpt_setup, ckpt_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_write_meets_a_fault, 0, kinds);
    tcase_add_test(tc, many_writes_on_a_full_disk);
    tcase_add_loop_test(tc, a_read_meets_a_fault, 0, kinds);
    tcase_add_loop_test(tc, a_start_meets_a_fault, 0, kinds);
    tcase_add_loop_test(tc, power_fails, 0, POWER_LOSSES);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

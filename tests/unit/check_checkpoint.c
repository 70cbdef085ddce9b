/* Checkpoints: what was written comes back; what was damaged, cut, forged, exchanged or belongs
 * elsewhere is not used, and the one before is; strangers' files stay. */
#include "checkpoint_help.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define STATE 300

START_TEST(comes_back)
{
    static const size_t sizes[] = {0, 1, STATE, (1 << 20) - 1, (1 << 20), (3 << 20) + 5};
    size_t i;

    ck_assert_int_eq(ckpt_read(STATE), -1);
    for (i = 0; i < ARRAY_LEN(sizes); i++) {
        ckpt_write((int64_t)i, sizes[i]);
        ck_assert_int_eq(ckpt_read(sizes[i]), (int64_t)i);
        ck_assert_int_eq(fake.rows[fake.n - 1].generation, (int64_t)i + 1);
        ck_assert_uint_le(ckpt_files(), 2);
    }
    ck_assert_uint_eq(ckpt_files(), 2);
    ck_assert_uint_eq(fake.events, 0);
    ck_assert_int_eq(fake.points, 1000); /* nothing was cut */
}
END_TEST

START_TEST(outlives_a_restart_but_not_its_job)
{
    struct store_job other = job;
    struct checkpoint c = ckpt_make(4, STATE);
    struct err err = ERR_INIT;

    other.id = 77;
    ck_assert_int_eq(checkpoint_write(checkpoints, &other, OWNER, &c, &err), 0);
    ck_assert_int_eq(c.generation, 1);
    checkpoint_fini(&c);
    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    checkpoints_free(&checkpoints);
    ckpt_open();
    ck_assert_int_eq(ckpt_read(STATE), 2);
    ck_assert_uint_eq(ckpt_files(), 3);
    fake_drop(job.id, INT64_MAX, 0);
    checkpoint_remove(checkpoints, job.id);
    ck_assert_uint_eq(ckpt_files(), 1);
    ck_assert_int_eq(ckpt_read(STATE), -1);
    checkpoint_remove(checkpoints, 8); /* which has none */
    ck_assert_int_eq(checkpoint_read(checkpoints, &other, OWNER, &c, &err), 0);
    ck_assert_int_eq(c.epoch, 4);
    checkpoint_fini(&c);
}
END_TEST

/* The second generation's file is made `bytes`: never used, the first one is. */
static void passes_over(const char *path, const unsigned char *bytes, size_t len,
                        const struct fake *before)
{
    help_spill(path, bytes, len);
    fake = *before;
    ck_assert_int_eq(ckpt_read(STATE), 1);
    ck_assert_uint_eq(fake.events, 1);
    ck_assert_ptr_nonnull(strstr(fake.event, "checkpoint 2 cannot be used"));
    ck_assert_int_eq(fake.points, 1);
    ck_assert_uint_eq(fake.n, 1); /* the row went with the points */
}

START_TEST(flipped_anywhere)
{
    struct fake before;
    unsigned char *bytes;
    size_t len, i;
    char *path = ckpt_path(job.id, 2);

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    before = fake;
    bytes = help_slurp(path, &len);
    ck_assert_int_eq(fake.rows[1].bytes, (int64_t)len);
    for (i = 0; i < len; i++) {
        bytes[i] ^= 0x41;
        passes_over(path, bytes, len, &before);
        bytes[i] ^= 0x41;
    }
    help_spill(path, bytes, len);
    fake = before;
    ck_assert_int_eq(ckpt_read(STATE), 2);
    free(bytes);
    free(path);
}
END_TEST

START_TEST(cut_anywhere_or_longer)
{
    struct fake before;
    unsigned char *bytes;
    size_t len, i;
    char *path = ckpt_path(job.id, 2);

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    before = fake;
    bytes = help_slurp(path, &len);
    for (i = 0; i < len; i++) {
        passes_over(path, bytes, i, &before);
    }
    bytes = xrealloc(bytes, len + 1);
    bytes[len] = 0;
    passes_over(path, bytes, len + 1, &before);
    free(bytes);
    free(path);
}
END_TEST

/* Replace the file by one with another head, its own seal and the row's hash made to fit: only
 * what the head says can still give it away. */
static void forge(unsigned char *bytes, size_t len, const char *path, size_t at, uint64_t value)
{
    unsigned char *forged = xmalloc(len);
    char hex[HASH_HEX_LEN];

    memcpy(forged, bytes, len);
    memcpy(forged + at, &value, sizeof value);
    hash_hex(forged, len - 64, hex);
    memcpy(forged + len - 64, hex, 64);
    hash_hex(forged, len, fake.rows[fake.n - 1].sha256);
    help_spill(path, forged, len);
    free(forged);
}

/* job, generation, epoch, notes, state: in this order after the magic. */
START_TEST(forged_heads)
{
    static const uint64_t giants[] = {
        1, UINT64_C(1) << 40, INT64_MAX, UINT64_MAX - 300, UINT64_MAX - 64, UINT64_MAX};
    struct fake before;
    unsigned char *bytes;
    size_t len, at, k;
    char *path = ckpt_path(job.id, 2);

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    before = fake;
    bytes = help_slurp(path, &len);
    for (at = 8; at < 48; at += 8) {
        for (k = 0; k < ARRAY_LEN(giants); k++) {
            fake = before;
            forge(bytes, len, path, at, giants[k]);
            ck_assert_int_eq(ckpt_read(STATE), 1);
            ck_assert_uint_eq(fake.events, 1);
        }
    }
    free(bytes);
    free(path);
}
END_TEST

/* With 64 MiB of memory to get, a head that says a terabyte is only a damaged file. */
START_TEST(giants_are_not_allocated)
{
    struct err err = ERR_INIT;
    unsigned char *bytes;
    struct rlimit limit;
    size_t len;
    char *path = ckpt_path(job.id, 1);
    pid_t child;
    int status;

    ckpt_write(1, STATE);
    bytes = help_slurp(path, &len);
    forge(bytes, len, path, 40, UINT64_C(1) << 40);
    ck_assert_int_eq(truncate(path, INT64_C(1) << 33), 0); /* with holes: no room is taken */
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct checkpoint c = {.state = NULL};
        int rc;

        limit = (struct rlimit){.rlim_cur = 64 << 20, .rlim_max = 64 << 20};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        (void)setrlimit(RLIMIT_DATA, &limit); /* best effort: the answer is the same without */
#else
        (void)limit;
#endif
        rc = checkpoint_read(checkpoints, &job, OWNER, &c, &err);
        _exit(rc == 1 && fake.events == 1 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(bytes);
    free(path);
}
END_TEST

START_TEST(another_config_or_another_job)
{
    static char changed[] = "{\"epochs\": 101}";
    char *mine, *theirs, *from, *to;
    char *was = job.resolved_json;

    ckpt_write(1, STATE);
    job.resolved_json = changed;
    ck_assert_int_eq(ckpt_read(STATE), -1);
    ck_assert_uint_eq(fake.events, 1);
    ck_assert_ptr_nonnull(strstr(fake.event, "another config"));
    ck_assert_int_eq(fake.points, 0);
    ck_assert_uint_eq(fake.n, 0);
    job.resolved_json = was;
    /* The file of one job and the row of another. */
    ckpt_write(1, STATE);
    mine = ckpt_path(job.id, 2);
    theirs = ckpt_path(8, 2);
    ck_assert_int_eq(rename(mine, theirs), 0);
    fake.rows[0].job_id = 8;
    job.id = 8;
    ck_assert_int_eq(ckpt_read(STATE), -1);
    job.id = 7;
    free(mine);
    free(theirs);
    /* An older generation's file in the place of a newer one, row and all but its name. */
    fake.n = 0;
    fake.events = 0;
    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    from = ckpt_path(job.id, fake.rows[0].generation);
    to = ckpt_path(job.id, fake.rows[1].generation);
    ck_assert_int_eq(rename(from, to), 0);
    memcpy(fake.rows[1].sha256, fake.rows[0].sha256, sizeof fake.rows[1].sha256);
    ck_assert_int_eq(ckpt_read(STATE), -1);
    ck_assert_uint_eq(fake.events, 2);
    free(from);
    free(to);
}
END_TEST

/* A file that verifies but is not the one its row names. */
START_TEST(another_file_of_the_same_generation)
{
    char *path = ckpt_path(job.id, 2), *aside = xasprintf("%s/aside", help_dir);
    struct fake first;

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    ck_assert_int_eq(rename(path, aside), 0);
    first = fake;
    fake.n = 1;
    fake.rows[0].generation = 1;
    {
        struct checkpoint c = ckpt_make(2, STATE);
        struct err err = ERR_INIT;

        ((unsigned char *)c.state)[0] ^= 1; /* the same lengths, another content */
        ck_assert_int_eq(checkpoint_write(checkpoints, &job, OWNER, &c, &err), 0);
        ck_assert_int_eq(c.generation, 2);
        checkpoint_fini(&c);
    }
    fake = first;
    ck_assert_int_eq(ckpt_read(STATE), 1);
    free(path);
    free(aside);
}
END_TEST

START_TEST(something_else_in_its_place)
{
    char *path = ckpt_path(job.id, 2), *aside = xasprintf("%s/aside", help_dir);
    struct fake before;

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    before = fake;
    ck_assert_int_eq(rename(path, aside), 0);
    ck_assert_int_eq(ckpt_read(STATE), 1); /* nothing */
    fake = before;
    ck_assert_int_eq(symlink(aside, path), 0); /* a link to the very file */
    ck_assert_int_eq(ckpt_read(STATE), 1);
    ck_assert_int_eq(unlink(path), 0);
    fake = before;
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* which must not hold us up */
    ck_assert_int_eq(ckpt_read(STATE), 1);
    ck_assert_int_eq(unlink(path), 0);
    fake = before;
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(ckpt_read(STATE), 1);
    /* The next ones go past it. */
    ckpt_write(3, STATE);
    ck_assert_int_eq(fake.rows[fake.n - 1].generation, 3);
    ck_assert_int_eq(ckpt_read(STATE), 3);
    ck_assert_int_eq(rmdir(path), 0);
    free(path);
    free(aside);
}
END_TEST

START_TEST(the_sweep_keeps_strangers)
{
    static const char *const strangers[] = {
        "notes.txt",
        "7",
        "7.",
        "7.1.bak",
        ".7.1",
        "7.01",
        "07.1",
        "0.1",
        "7.0",
        "-7.1",
        "7.1.tmpx",
        "7.1tmp",
        "7. 1",
        "7.1.1",
        "a.1",
        "7.1 ",
        "7.99999999999999999999",
        "99999999999999999999.1",
        "7.9223372036854775807",
    };
    static const char *const ours[] = {"7.5", "7.3.tmp", "7.1.tmp", "12345.1",
                                       "8.9007199254740992"};
    char *path;
    size_t i;

    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    for (i = 0; i < ARRAY_LEN(strangers); i++) {
        path = xasprintf("%s/%s", ckpt_dir, strangers[i]);
        help_spill(path, "x", 1);
        free(path);
    }
    for (i = 0; i < ARRAY_LEN(ours); i++) {
        path = xasprintf("%s/%s", ckpt_dir, ours[i]);
        help_spill(path, "x", 1);
        free(path);
    }
    path = xasprintf("%s/9.9", ckpt_dir);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* cannot be unlinked: it stays */
    checkpoints_free(&checkpoints);
    ckpt_open();
    ck_assert_uint_eq(ckpt_files(), ARRAY_LEN(strangers) + 2 + 1);
    ck_assert_int_eq(ckpt_read(STATE), 2);
    ck_assert_uint_eq(fake.events, 0);
    checkpoint_remove(checkpoints, job.id);
    ck_assert_uint_eq(ckpt_files(), ARRAY_LEN(strangers) + 1);
    free(path);
}
END_TEST

START_TEST(no_sweep_without_the_rows)
{
    struct err err = ERR_INIT;

    ckpt_write(1, STATE);
    checkpoints_free(&checkpoints);
    fake.unlisted = ERR_IO;
    ck_assert_int_eq(checkpoints_new(ckpt_dir, &fake.store, &checkpoints, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_uint_eq(ckpt_files(), 1);
    fake.unlisted = ERR_NONE;
    ckpt_open();
    ck_assert_int_eq(ckpt_read(STATE), 1);
}
END_TEST

/* What a failed or broken-off write left is passed in number, and goes with the next. */
START_TEST(generations_are_not_used_twice)
{
    struct err err = ERR_INIT;
    char *path = ckpt_path(job.id, 9), *tmp;

    ckpt_write(1, STATE);
    help_spill(path, "x", 1);
    tmp = xasprintf("%s.tmp", path);
    ck_assert_int_eq(rename(path, tmp), 0);
    ckpt_write(2, STATE);
    ck_assert_int_eq(fake.rows[1].generation, 10);
    ck_assert_uint_eq(ckpt_files(), 2);
    free(path);
    free(tmp);
    /* Refused for sure: the file goes. */
    fake.refuse = ERR_CONFLICT;
    ck_assert_int_eq(ckpt_try(3, STATE, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert_uint_eq(ckpt_files(), 2);
    ck_assert_int_eq(ckpt_read(STATE), 2);
    /* Nobody knows: the file stays, and is used when the row is there. */
    fake.refuse = ERR_IO;
    fake.refuse_committed = true;
    ck_assert_int_eq(ckpt_try(4, STATE, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_int_eq(ckpt_read(STATE), 4);
    fake.refuse = ERR_NONE;
    ckpt_write(5, STATE);
    ck_assert_int_eq(ckpt_read(STATE), 5);
    ck_assert_uint_eq(ckpt_files(), 2);
    err_fini(&err);
}
END_TEST

/* ---- checking ---------------------------------------------------------------------------- */

static size_t problems_of(size_t files)
{
    struct err problems = ERR_INIT, err = ERR_INIT;
    size_t n = 99, found;

    ck_assert_int_eq(checkpoints_check(ckpt_dir, &fake.store, &n, &problems, &err), 0);
    ck_assert_uint_eq(n, files);
    found = problems.n_items;
    err_fini(&problems);
    return found;
}

static void replace_meanwhile(void)
{
    ckpt_write(8, STATE);
    ckpt_write(9, STATE);
}

START_TEST(check_names_each_problem)
{
    struct err problems = ERR_INIT, err = ERR_INIT;
    char *path;
    size_t n;

    ck_assert_uint_eq(problems_of(0), 0);
    ckpt_write(1, STATE);
    ckpt_write(2, STATE);
    ck_assert_uint_eq(problems_of(2), 0);
    /* Replaced by newer ones while we look: no problem. */
    fake.meanwhile = replace_meanwhile;
    ck_assert_uint_eq(problems_of(2), 0);
    ck_assert_uint_eq(problems_of(2), 0);
    path = ckpt_path(job.id, fake.rows[0].generation);
    ck_assert_int_eq(truncate(path, 100), 0);
    ck_assert_int_eq(checkpoints_check(ckpt_dir, &fake.store, &n, &problems, &err), 0);
    ck_assert_uint_eq(problems.n_items, 1);
    ck_assert_str_eq(problems.items[0].detail, "checkpoint 3 of job 7: its file is damaged");
    err_fini(&problems);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_uint_eq(problems_of(2), 1);
    free(path);
    fake.unlisted = ERR_IO;
    ck_assert_int_eq(checkpoints_check(ckpt_dir, &fake.store, &n, &problems, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    fake.unlisted = ERR_NONE;
    path = xstrdup(ckpt_dir);
    ckpt_dir[strlen(ckpt_dir) - 1] = '\0'; /* a folder that is not there */
    ck_assert_uint_eq(problems_of(2), 2);
    memcpy(ckpt_dir, path, strlen(path) + 1);
    free(path);
    err_fini(&err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tc = tcase_create("checkpoint");

    tcase_add_checked_fixture(tc, ckpt_setup, ckpt_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, comes_back);
    tcase_add_test(tc, outlives_a_restart_but_not_its_job);
    tcase_add_test(tc, flipped_anywhere);
    tcase_add_test(tc, cut_anywhere_or_longer);
    tcase_add_test(tc, forged_heads);
    tcase_add_test(tc, giants_are_not_allocated);
    tcase_add_test(tc, another_config_or_another_job);
    tcase_add_test(tc, another_file_of_the_same_generation);
    tcase_add_test(tc, something_else_in_its_place);
    tcase_add_test(tc, the_sweep_keeps_strangers);
    tcase_add_test(tc, no_sweep_without_the_rows);
    tcase_add_test(tc, generations_are_not_used_twice);
    tcase_add_test(tc, check_names_each_problem);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

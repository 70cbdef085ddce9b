/* The file seam: what it promises of names, bytes, errors and what it leaves; and that the hook
 * stands before every call. */
#include "base/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "file_faults.h"

static char help_dir[64];
static int folder = -1;

static int help_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void setup(void)
{
    struct err err = ERR_INIT;

    (void)snprintf(help_dir, sizeof help_dir, "/tmp/mlpd-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(help_dir));
    ck_assert_int_eq(file_folder_open(help_dir, "thing", &folder, &err), 0);
}

static void teardown(void)
{
    file_hook = NULL;
    file_folder_close(&folder);
    ck_assert_int_eq(folder, -1);
    ck_assert_int_eq(nftw(help_dir, help_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A whole file, "<text>" under `name`. */
static int put(const char *name, const char *text, struct err *err)
{
    struct file f = FILE_INIT;

    if (file_create(&f, folder, "new.tmp", "thing", err) != 0 ||
        file_write(&f, text, strlen(text), err) != 0 || file_sync(&f, err) != 0 ||
        file_close(&f, err) != 0 || file_rename(&f, name, err) != 0 ||
        file_folder_sync(folder, "thing", err) != 0) {
        file_discard(&f);
        return -1;
    }
    file_discard(&f); /* nothing: it has its name */
    return 0;
}

static bool is_there(const char *name)
{
    return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void holds(const char *name, const char *want)
{
    struct err err = ERR_INIT;
    void *bytes = NULL;
    size_t len = 0;

    ck_assert_msg(file_load(folder, name, "thing", 100, &bytes, &len, &err) == 0, "%s", err.detail);
    ck_assert_uint_eq(len, strlen(want));
    ck_assert_str_eq(bytes, want);
    free(bytes);
}

START_TEST(written_and_read)
{
    struct err err = ERR_INIT;
    struct stat st;
    int flags;
    struct file f = FILE_INIT;

    ck_assert_int_eq(put("a", "hello", &err), 0);
    holds("a", "hello");
    ck_assert(!is_there("new.tmp"));
    ck_assert_int_eq(put("a", "again", &err), 0); /* in its place */
    holds("a", "again");
    ck_assert_int_eq(put("empty", "", &err), 0);
    holds("empty", "");
    ck_assert_int_eq(fstatat(folder, "a", &st, 0), 0);
    ck_assert_int_eq((int)(st.st_mode & 07777), 0600);
    ck_assert_int_eq(file_create(&f, folder, "b", "thing", &err), 0);
    flags = fcntl(f.fd, F_GETFD);
    ck_assert_int_eq(flags & FD_CLOEXEC, FD_CLOEXEC);
    file_discard(&f);
    ck_assert(!is_there("b"));
    file_discard(&f); /* nothing to do */
    ck_assert_int_eq(file_remove(folder, "a", "thing", &err), 0);
    ck_assert(!is_there("a"));
    ck_assert_int_eq(file_remove(folder, "a", "thing", &err), 0); /* gone already */
}
END_TEST

START_TEST(nothing_is_written_over)
{
    struct err err = ERR_INIT;
    struct file f = FILE_INIT;
    char *outside = xasprintf("%s/outside", help_dir);

    ck_assert_int_eq(put("a", "mine", &err), 0);
    ck_assert_int_eq(file_create(&f, folder, "a", "thing", &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    file_discard(&f); /* it was not made here: it stays */
    holds("a", "mine");
    ck_assert_int_eq(symlinkat(outside, folder, "link"), 0);
    ck_assert_int_eq(file_create(&f, folder, "link", "thing", &err), -1);
    ck_assert(!is_there("outside"));
    free(outside);
}
END_TEST

START_TEST(only_files_are_read)
{
    struct err err = ERR_INIT;
    void *bytes = NULL;
    size_t len = 0;

    ck_assert_int_eq(put("a", "hello", &err), 0);
    ck_assert_int_eq(symlinkat("a", folder, "link"), 0);
    ck_assert_int_eq(mkdirat(folder, "folder", 0700), 0);
    ck_assert_int_eq(mkfifoat(folder, "pipe", 0600), 0);
    ck_assert_int_eq(file_load(folder, "link", "thing", 100, &bytes, &len, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    ck_assert_int_eq(file_load(folder, "folder", "thing", 100, &bytes, &len, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    ck_assert_int_eq(file_load(folder, "pipe", "thing", 100, &bytes, &len, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    ck_assert_int_eq(file_load(folder, "none", "thing", 100, &bytes, &len, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_str_eq(err.detail, "the thing file is not there");
    ck_assert_int_eq(file_load(folder, "a", "thing", 4, &bytes, &len, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_int_eq(file_load(folder, "a", "thing", 5, &bytes, &len, &err), 0);
    free(bytes);
}
END_TEST

START_TEST(shorter_than_it_was)
{
    struct err err = ERR_INIT;
    struct file f = FILE_INIT;
    uint64_t size = 0;
    char bytes[8];

    ck_assert_int_eq(put("a", "hello", &err), 0);
    ck_assert_int_eq(file_open(&f, folder, "a", "thing", &size, &err), 0);
    ck_assert_uint_eq(size, 5);
    ck_assert_int_eq(file_read(&f, bytes, 2, &err), 0);
    ck_assert_mem_eq(bytes, "he", 2);
    ck_assert_int_eq(file_read(&f, bytes, 4, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    file_done(&f);
    file_done(&f); /* nothing to do */
}
END_TEST

START_TEST(between_folders)
{
    struct err err = ERR_INIT;
    char *path = xasprintf("%s/other", help_dir);
    int other = -1;

    ck_assert_int_eq(file_folder_make(path, "thing", &err), 0);
    ck_assert_int_eq(file_folder_make(path, "thing", &err), 0); /* there already */
    ck_assert_int_eq(file_folder_open(path, "thing", &other, &err), 0);
    ck_assert_int_eq(put("a", "hello", &err), 0);
    ck_assert_int_eq(file_move(folder, "a", other, "b", "thing", &err), 0);
    ck_assert(!is_there("a"));
    ck_assert_int_eq(faccessat(other, "b", F_OK, 0), 0);
    file_folder_close(&other);
    file_folder_close(&other); /* nothing to do */
    free(path);
    ck_assert_int_eq(file_folder_open("/nowhere/at/all", "thing", &other, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_ptr_null(strstr(err.detail, "nowhere"));
    ck_assert_int_eq(file_folder_make("/nowhere/at/all", "thing", &err), -1);
}
END_TEST

static enum file_op seen[8];
static size_t n_seen;

static int remember(const struct file_event *event)
{
    ck_assert_uint_lt(n_seen, ARRAY_LEN(seen));
    seen[n_seen++] = event->op;
    return event->op == FILE_OP_FOLDER_SYNC ? EIO : 0;
}

/* A new folder is durable, or it is not told to be there; also one that was left by a start that
 * ended before the sync. */
START_TEST(a_folder_is_durable)
{
    char *path = xasprintf("%s/other", help_dir);
    struct err err = ERR_INIT;
    int i;

    for (i = 0; i < 2; i++) {
        n_seen = 0;
        file_hook = remember;
        ck_assert_int_eq(file_folder_make(path, "thing", &err), -1);
        file_hook = NULL;
        ck_assert_int_eq(err.code, ERR_IO);
        ck_assert_uint_eq(n_seen, 3);
        ck_assert_int_eq(seen[0], FILE_OP_FOLDER_MAKE);
        ck_assert_int_eq(seen[1], FILE_OP_FOLDER_OPEN);
        ck_assert_int_eq(seen[2], FILE_OP_FOLDER_SYNC);
    }
    ck_assert_int_eq(file_folder_make(path, "thing", &err), 0);
    free(path);
}
END_TEST

/* The system's own refusal, in the middle of a write: part of it fits. */
START_TEST(a_write_that_does_not_fit)
{
    struct err err = ERR_INIT;
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};
    static const char bytes[5000];
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct file f = FILE_INIT;
        bool good = signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                    file_create(&f, folder, "a", "thing", &err) == 0 &&
                    file_write(&f, bytes, 900, &err) == 0 &&
                    file_write(&f, bytes, sizeof bytes, &err) == -1 && err.code == ERR_NO_SPACE;

        file_discard(&f);
        _exit(good ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert(!is_there("a"));
}
END_TEST

START_TEST(space_is_told)
{
    struct err err = ERR_INIT;
    uint64_t bytes = 0;

    ck_assert_int_eq(file_free_space(help_dir, &bytes, &err), 0);
    ck_assert_uint_gt(bytes, 0);
    ck_assert_uint_lt(bytes, UINT64_C(1) << 60);
    ck_assert_int_eq(file_free_space("/nowhere/at/all", &bytes, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_ptr_null(strstr(err.detail, "nowhere"));
}
END_TEST

/* ---- faults ------------------------------------------------------------------------------ */

START_TEST(every_call_can_fail)
{
    static const struct {
        int code;
        enum err_code means;
    } codes[] = {{ENOSPC, ERR_NO_SPACE},  {EDQUOT, ERR_NO_SPACE},  {EFBIG, ERR_NO_SPACE},
                 {EIO, ERR_IO},           {EROFS, ERR_IO},         {EACCES, ERR_IO},
                 {ENOMEM, ERR_NO_MEMORY}, {EMFILE, ERR_NO_MEMORY}, {ENFILE, ERR_NO_MEMORY}};
    size_t k;
    long n;

    for (k = 0; k < ARRAY_LEN(codes); k++) {
        bool met = true;

        for (n = 1; met; n++) {
            struct err err = ERR_INIT;
            int rc;

            faults_set(n, false, codes[k].code);
            rc = put("a", "hello", &err);
            met = faults_end();
            ck_assert_int_eq(rc, met ? -1 : 0);
            ck_assert(!met || err.code == codes[k].means);
            ck_assert(!met || strstr(err.detail, "thing") != NULL);
            ck_assert(!met || strstr(err.detail, "new.tmp") == NULL);
            ck_assert(!is_there("new.tmp"));
            if (is_there("a")) { /* all of it, or none */
                holds("a", "hello");
                ck_assert_int_eq(unlinkat(folder, "a", 0), 0);
            }
        }
        ck_assert_int_eq(n, 6 + 2); /* create, write, sync, close, rename, sync of the folder */
    }
}
END_TEST

START_TEST(nothing_is_left_open)
{
    struct err err = ERR_INIT;
    bool met = true;
    int before = dup(0), after;
    long n;

    ck_assert_int_eq(close(before), 0);
    for (n = 1; met; n++) {
        void *bytes = NULL;
        size_t len;

        ck_assert_int_eq(put("a", "hello", &err), 0);
        faults_set(n, true, EIO);
        if (put("b", "hello", &err) != 0) {
            (void)faults_end();
            (void)unlinkat(folder, "new.tmp", 0);
            faults_set(n, true, EIO);
        }
        if (file_load(folder, "a", "thing", 100, &bytes, &len, &err) == 0) {
            free(bytes);
        }
        met = faults_end();
        after = dup(0);
        ck_assert_int_eq(after, before);
        ck_assert_int_eq(close(after), 0);
    }
}
END_TEST

/* ---- power ------------------------------------------------------------------------------- */

static void one_file(void)
{
    struct err err = ERR_INIT;

    if (put("a", "hello", &err) != 0) {
        _exit(4);
    }
}

/* The order of create to the folder's sync leaves all of it or nothing. */
START_TEST(power_fails)
{
    const char *const folders[] = {help_dir};
    int loss, all = 0;
    unsigned seed;
    long n;

    for (loss = 0; loss < POWER_LOSSES; loss++) {
        for (seed = 0; seed < 4; seed++) {
            bool was_cut = true;

            for (n = 1; was_cut; n++) {
                was_cut = power_run(one_file, folders, 1, n, (enum power_loss)loss, seed) == 1;
                if (is_there("a")) {
                    holds("a", "hello");
                    all++;
                } else {
                    ck_assert(was_cut);
                }
                (void)unlinkat(folder, "a", 0);
                (void)unlinkat(folder, "new.tmp", 0);
            }
        }
    }
    ck_assert_int_ge(all, POWER_LOSSES * 4);
}
END_TEST

static void a_hasty_file(void)
{
    struct err err = ERR_INIT;
    struct file f = FILE_INIT;

    if (file_create(&f, folder, "new.tmp", "thing", &err) != 0 ||
        file_write(&f, "hello", 5, &err) != 0 || file_close(&f, &err) != 0 ||
        file_rename(&f, "a", &err) != 0 || file_folder_sync(folder, "thing", &err) != 0) {
        _exit(4);
    }
}

/* The model sees what is missing when a file is not synced. */
START_TEST(the_model_is_not_blind)
{
    const char *const folders[] = {help_dir};
    struct err err = ERR_INIT;
    void *bytes = NULL;
    size_t len = 0;

    ck_assert_int_eq(power_run(a_hasty_file, folders, 1, 1000, POWER_DROPS, 0), 0);
    ck_assert_int_eq(file_load(folder, "a", "thing", 100, &bytes, &len, &err), 0);
    ck_assert_uint_eq(len, 0);
    free(bytes);
    ck_assert_int_eq(unlinkat(folder, "a", 0), 0);
    ck_assert_int_eq(power_run(a_hasty_file, folders, 1, 1000, POWER_GARBLES, 0), 0);
    ck_assert_int_eq(file_load(folder, "a", "thing", 100, &bytes, &len, &err), 0);
    ck_assert_uint_eq(len, 5);
    ck_assert_str_ne(bytes, "hello");
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = tcase_create("file");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, written_and_read);
    tcase_add_test(tc, nothing_is_written_over);
    tcase_add_test(tc, only_files_are_read);
    tcase_add_test(tc, shorter_than_it_was);
    tcase_add_test(tc, between_folders);
    tcase_add_test(tc, a_folder_is_durable);
    tcase_add_test(tc, a_write_that_does_not_fit);
    tcase_add_test(tc, space_is_told);
    tcase_add_test(tc, every_call_can_fail);
    tcase_add_test(tc, nothing_is_left_open);
    tcase_add_test(tc, power_fails);
    tcase_add_test(tc, the_model_is_not_blind);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* What webhooks say, how they are signed, what answers mean; and the file of secrets. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "jobs/webhook_message.h"

static struct webhook_secret secret_of(const char *text)
{
    struct webhook_secret secret;

    ck_assert_msg(webhook_secret_parse(text, strlen(text), &secret), "%s", text);
    return secret;
}

/* ---- signatures ---- */

/* Standard Webhooks' own; the second computed with Python's hmac. */
START_TEST(the_published_signature)
{
    static const char body[] = "{\"test\": 2432232314}", id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    struct webhook_secrets secrets = {
        .n = 1, .of = {secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}};
    char signature[WEBHOOK_SIGNATURE_LEN];

    webhook_message_sign(&secrets, id, 1614265330, body, strlen(body), signature);
    ck_assert_str_eq(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    /* while a secret is changed: both, the newest's first */
    secrets.of[1] = secrets.of[0];
    secrets.of[0] = secret_of("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    secrets.n = 2;
    webhook_message_sign(&secrets, id, 1614265330, body, strlen(body), signature);
    ck_assert_str_eq(signature, "v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI= "
                                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    webhook_message_sign(&secrets, id, 1614265331, body, strlen(body), signature);
    ck_assert_ptr_null(strstr(signature, "g0hM9SsE"));
}
END_TEST

START_TEST(a_secret_and_its_text)
{
    static const char *const bad[] = {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      "whsec_MfKQ9r8GKYqTwUPD8ILPZIo2LaLw", /* 21 bytes */
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ 9r8GKYqr",
                                      "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r"};
    struct webhook_secret secret;
    char text[WEBHOOK_SECRET_TEXT], long_text[WEBHOOK_SECRET_TEXT + 8];
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!webhook_secret_parse(bad[i], strlen(bad[i]), &secret), "%s", bad[i]);
    }
    for (i = 23; i <= 65; i++) {
        unsigned char bytes[65];

        randombytes_buf(bytes, i);
        (void)snprintf(long_text, sizeof long_text, "whsec_");
        (void)sodium_bin2base64(long_text + 6, sizeof long_text - 6, bytes, i,
                                sodium_base64_VARIANT_ORIGINAL);
        if (i < WEBHOOK_SECRET_LEAST || i > WEBHOOK_SECRET_MOST) {
            ck_assert(!webhook_secret_parse(long_text, strlen(long_text), &secret));
            continue;
        }
        secret = secret_of(long_text);
        ck_assert_uint_eq(secret.len, i);
        ck_assert_mem_eq(secret.key, bytes, i);
        webhook_secret_text(&secret, text);
        ck_assert_str_eq(text, long_text);
    }
}
END_TEST

/* ---- the body ---- */

START_TEST(what_it_says)
{
    char kind[] = "train", name[] = "iris", code[] = "diverged";
    struct store_delivery d = {.id = 7,
                               .event = JOB_FAILED,
                               .at = 1700000000123,
                               .attempt = 2,
                               .job_id = 12,
                               .model_id = 11,
                               .created_at = 1700000000000,
                               .kind = kind,
                               .name = name,
                               .error_code = code};
    char *body = webhook_message_body(&d);

    ck_assert_str_eq(body,
                     "{\"type\":\"job.failed\",\"timestamp\":\"2023-11-14T22:13:20.123Z\","
                     "\"data\":{\"id\":12,\"kind\":\"train\",\"name\":\"iris\",\"model_id\":11,"
                     "\"state\":\"failed\",\"attempt\":2,"
                     "\"created_at\":\"2023-11-14T22:13:20.000Z\",\"error_code\":\"diverged\"}}");
    free(body);
    /* sent late: it says what was then, not what is */
    d.event = JOB_RUNNING;
    d.name = NULL;
    body = webhook_message_body(&d);
    ck_assert_ptr_nonnull(strstr(body, "\"type\":\"job.running\""));
    ck_assert_ptr_nonnull(strstr(body, "\"name\":null"));
    ck_assert_ptr_nonnull(strstr(body, "\"error_code\":null"));
    free(body);
}
END_TEST

START_TEST(where_it_goes)
{
    static const char *const urls[][2] = {
        {"https://a.example/x", "https://a.example"},
        {"https://A.Example", "https://a.example"},
        {"HTTPS://a.example:8443?x=/", "https://a.example:8443"},
        {"http://[::1]:80#f", "http://[::1]:80"},
    };

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        char *receiver = webhook_message_receiver(urls[i][0]);

        ck_assert_str_eq(receiver, urls[i][1]);
        free(receiver);
    }
}
END_TEST

/* ---- what the answer means ---- */

#define HOURS(n) ((n)*3600.0)

START_TEST(the_waits)
{
    static const double waits[] = {5,        300,      1800,      HOURS(2),  HOURS(5),
                                   HOURS(10), HOURS(14), HOURS(20), HOURS(24)};
    struct webhook_verdict v;
    int64_t step;

    for (step = 0; step < 9; step++) {
        v = webhook_message_judge(step, 500, NAN, 0);
        ck_assert_int_eq(v.state, DELIVERY_IS_PENDING);
        ck_assert_double_eq(v.wait_seconds, waits[step]);
        ck_assert_str_eq(v.why, "the receiver answered 500");
        ck_assert_double_eq_tol(webhook_message_judge(step, 500, NAN, 1).wait_seconds,
                                1.1 * waits[step], 1e-6);
        v = webhook_message_unanswered(step, "could not connect", 0.5);
        ck_assert_double_eq_tol(v.wait_seconds, 1.05 * waits[step], 1e-6);
        ck_assert_str_eq(v.why, "could not connect");
    }
    v = webhook_message_judge(9, 500, NAN, 0);
    ck_assert_int_eq(v.state, DELIVERY_IS_GIVEN_UP);
    ck_assert(!v.gone);
    ck_assert_int_eq(webhook_message_unanswered(9, "x", 0).state, DELIVERY_IS_GIVEN_UP);
    ck_assert_int_eq(webhook_message_unanswered(1000, "x", 0).state, DELIVERY_IS_GIVEN_UP);
}
END_TEST

START_TEST(the_answers)
{
    struct webhook_verdict v;
    long status;

    for (status = 100; status <= 599; status++) {
        v = webhook_message_judge(0, status, NAN, 0);
        ck_assert_int_eq(v.state == DELIVERY_IS_DELIVERED, status >= 200 && status <= 299);
        ck_assert_int_eq(v.state == DELIVERY_IS_GIVEN_UP, status == 410);
        ck_assert_int_eq(v.gone, status == 410);
        ck_assert_int_eq(v.why[0] == '\0', v.state == DELIVERY_IS_DELIVERED);
        ck_assert_int_eq(strstr(v.why, "redirects are not followed") != NULL, status / 100 == 3);
    }
    /* who is asked to wait waits, a day at most; only of those two is it taken */
    for (status = 400; status <= 599; status++) {
        bool may = status == 429 || status == 503;

        if (status != 410) {
            v = webhook_message_judge(0, status, 60, 0);
            ck_assert_double_eq(v.wait_seconds, may ? 60 : 5);
        }
    }
    ck_assert_double_eq(webhook_message_judge(0, 429, 1, 0).wait_seconds, 5);
    ck_assert_double_eq(webhook_message_judge(0, 503, 1e9, 0).wait_seconds, HOURS(24));
    ck_assert_double_eq(webhook_message_judge(8, 503, 60, 0).wait_seconds, HOURS(24));
    ck_assert_int_eq(webhook_message_judge(9, 503, 60, 0).state, DELIVERY_IS_GIVEN_UP);
}
END_TEST

/* ---- the file of secrets ---- */

static char dir[64], path[96];

static void setup(void)
{
    hash_start();
    (void)snprintf(dir, sizeof dir, "/tmp/mlpd-webhook-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/webhook-secret", dir);
}

static void teardown(void)
{
    (void)unlink(path);
    ck_assert_int_eq(rmdir(dir), 0); /* and nothing else was left */
}

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err ok_err = ERR_INIT;                                                              \
        struct err *err = &ok_err;                                                                 \
        ck_assert_msg((call) == 0, "%s", ok_err.detail);                                           \
    } while (0)

static void write_file(const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void refused(enum err_code code, const char *part)
{
    struct webhook_secrets secrets;
    struct err err = ERR_INIT;

    ck_assert_int_eq(webhook_secrets_read(path, &secrets, &err), -1);
    ck_assert_str_eq(err_code_name(err.code), err_code_name(code));
    ck_assert_msg(strstr(err.detail, part) != NULL, "%s", err.detail);
    ck_assert_ptr_null(strstr(err.detail, dir));
    err_fini(&err);
    ck_assert_int_eq(webhook_secrets_rotate(path, &secrets, &err), -1);
    err_fini(&err);
}

START_TEST(secrets_come_and_go)
{
    struct webhook_secrets first, now;
    struct stat st;

    OK(webhook_secrets_read(path, &first, err)); /* made */
    ck_assert_uint_eq(first.n, 1);
    ck_assert_uint_eq(first.of[0].len, 32);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    OK(webhook_secrets_read(path, &now, err)); /* and stays */
    ck_assert_mem_eq(&now.of[0], &first.of[0], sizeof now.of[0]);
    OK(webhook_secrets_retire(path, &now, err)); /* the only one stays, too */
    ck_assert_mem_eq(&now.of[0], &first.of[0], sizeof now.of[0]);
    OK(webhook_secrets_rotate(path, &now, err));
    ck_assert_uint_eq(now.n, 2);
    ck_assert_mem_ne(now.of[0].key, first.of[0].key, 32);
    ck_assert_mem_eq(&now.of[1], &first.of[0], sizeof now.of[0]);
    first = now;
    OK(webhook_secrets_read(path, &now, err));
    ck_assert_uint_eq(now.n, 2);
    ck_assert_mem_eq(now.of, first.of, sizeof now.of);
    OK(webhook_secrets_rotate(path, &now, err)); /* a third pushes the oldest out */
    ck_assert_uint_eq(now.n, 2);
    ck_assert_mem_eq(&now.of[1], &first.of[0], sizeof now.of[0]);
    first = now;
    OK(webhook_secrets_retire(path, &now, err));
    ck_assert_uint_eq(now.n, 1);
    ck_assert_mem_eq(&now.of[0], &first.of[0], sizeof now.of[0]);
    OK(webhook_secrets_read(path, &now, err));
    ck_assert_uint_eq(now.n, 1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(a_file_that_is_not_ours)
{
    static const char one[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
    struct webhook_secrets secrets;
    char three[256];

    write_file(one, 0640);
    refused(ERR_CONFLICT, "others than its owner may use the webhook secret file (mode 0640)");
    write_file("secret\n", 0600);
    refused(ERR_CORRUPT, "one or two lines");
    write_file("", 0600);
    refused(ERR_CORRUPT, "is empty");
    (void)snprintf(three, sizeof three, "%s%s%s", one, one, one);
    write_file(three, 0600);
    refused(ERR_CORRUPT, "one or two lines");
    write_file("\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0600); /* as a person may write it */
    OK(webhook_secrets_read(path, &secrets, err));
    ck_assert_uint_eq(secrets.n, 1);
}
END_TEST

/* Whatever operation fails, the secrets are those before or those after. */
static enum file_op failing_op;
static long failing_nth;

static int fail_nth(const struct file_event *event)
{
    return event->op == failing_op && --failing_nth == 0 ? EIO : 0;
}

START_TEST(a_failing_disk_loses_no_secret)
{
    struct webhook_secrets before, now, told;
    enum file_op op;

    OK(webhook_secrets_read(path, &before, err));
    for (op = 0; op < FILE_OPS; op++) {
        struct err why = ERR_INIT;
        int rc;

        failing_op = op;
        failing_nth = 1;
        file_hook = fail_nth;
        rc = webhook_secrets_rotate(path, &told, &why);
        file_hook = NULL;
        ck_assert(rc == 0 || failing_nth == 0); /* there is no other reason */
        OK(webhook_secrets_read(path, &now, err));
        if (rc == 0) {
            ck_assert_mem_eq(&now.of[0], &told.of[0], sizeof now.of[0]);
        } else {
            ck_assert(memcmp(&now.of[0], &before.of[0], sizeof now.of[0]) == 0 ||
                      op == FILE_OP_FOLDER_SYNC); /* then nobody knows, until the next start */
        }
        before = now;
        err_fini(&why);
    }
    OK(webhook_secrets_rotate(path, &now, err)); /* and what was left over is gone */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webhook message");
    TCase *words = tcase_create("words"), *file = tcase_create("file");
    SRunner *runner;
    int failed;

    hash_start();
    tcase_add_test(words, the_published_signature);
    tcase_add_test(words, a_secret_and_its_text);
    tcase_add_test(words, what_it_says);
    tcase_add_test(words, where_it_goes);
    tcase_add_test(words, the_waits);
    tcase_add_test(words, the_answers);
    suite_add_tcase(suite, words);
    tcase_add_checked_fixture(file, setup, teardown);
    tcase_add_test(file, secrets_come_and_go);
    tcase_add_test(file, a_file_that_is_not_ours);
    tcase_add_test(file, a_failing_disk_loses_no_secret);
    suite_add_tcase(suite, file);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

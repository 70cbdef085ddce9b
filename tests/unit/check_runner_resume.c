/* Jobs that are stopped, killed and damaged in the middle, and leave to the last bit what they
 * would have left: weights, trainer's state, metrics, evaluations, curve; for all that a training
 * carries from one batch to the next. */
#include <dirent.h>
#include <stdio.h>

#include "runner_drive.h"

static struct house h;

static void setup(void)
{
    house_open(&h, 1);
    h.checkpoint_seconds = 1e6; /* only when the test says so */
    house_clouds(&h, "clouds", 120);
    house_plane(&h, "plane", 120);
}

static void teardown(void)
{
    house_close(&h);
}

#define FULL(data, hidden, optimizer, training, more)                                              \
    "{\"data\": {\"dataset\": " data "}, \"architecture\": {\"hidden\": [" hidden "]},"            \
    " \"optimizer\": " optimizer ", \"training\": {\"epochs\": 12, \"seed\": 7" training "}" more  \
    "}"
/* 84 training rows: 6 batches of 16, 72 in all. */
#define JOB(data, hidden, optimizer, training, more)                                               \
    FULL(data, hidden, optimizer, ", \"batch_size\": 16" training, more)
#define CLOUDS "\"clouds\", \"target\": \"y\""
#define PLANE  "\"plane\", \"target\": \"y\", \"target_type\": \"numeric\""
#define HALF_B ", \"filter\": [{\"column\": \"x1\", \"op\": \">\", \"value\": -3}]"
#define PLAIN  "9, {\"units\": 6, \"activation\": \"tanh\"}"
#define ADAM   "{\"type\": \"adam\", \"learning_rate\": 0.02}"
#define LATER  ", \"early_stopping\": {\"patience\": 100}"

static const char *const jobs[] = {
    /* every optimizer */
    JOB(CLOUDS, PLAIN, "{\"type\": \"sgd\", \"momentum\": 0.9, \"nesterov\": true}", LATER, ""),
    JOB(CLOUDS, PLAIN, "{\"type\": \"adam\", \"amsgrad\": true}", LATER, ""),
    JOB(CLOUDS, PLAIN, "\"adamw\"", LATER, ""),
    JOB(CLOUDS, PLAIN, "\"nadam\"", LATER, ""),
    JOB(CLOUDS, PLAIN, "\"radam\"", LATER, ""),
    JOB(CLOUDS, PLAIN, "\"lion\"", LATER, ""),
    JOB(CLOUDS, PLAIN, "{\"type\": \"rmsprop\", \"momentum\": 0.5}", LATER, ""),
    JOB(CLOUDS, PLAIN, "\"adagrad\"", LATER, ""),
    JOB(CLOUDS, PLAIN, "\"adadelta\"", LATER, ""),
    FULL(CLOUDS, PLAIN, "\"rprop\"", LATER, ""),
    FULL(PLANE, PLAIN, "\"lbfgs\"", LATER, ""),
    /* what draws random numbers */
    JOB(CLOUDS, "{\"units\": 12, \"dropout\": 0.3}, {\"units\": 8, \"gaussian_noise\": 0.1}", ADAM,
        LATER ", \"threads\": 3", ""),
    /* running statistics, alone and under averages */
    JOB(CLOUDS, "{\"units\": 9, \"batch_norm\": true}, 6", ADAM, LATER, ""),
    JOB(CLOUDS, "{\"units\": 9, \"batch_norm\": true}, 6", ADAM,
        LATER ", \"average\": {\"type\": \"ema\", \"decay\": 0.9}", ""),
    JOB(CLOUDS, "{\"units\": 9, \"batch_norm\": true}, 6", ADAM,
        LATER ", \"average\": {\"type\": \"swa\", \"start\": 3}, \"threads\": 3", ""),
    /* schedules, with and without memory */
    JOB(PLANE, PLAIN, "{\"type\": \"adam\", \"learning_rate\": 0.3}", LATER,
        ", \"schedule\": {\"type\": \"reduce_on_plateau\", \"patience\": 1, \"factor\": 0.5}"),
    JOB(CLOUDS, PLAIN, ADAM, LATER, ", \"schedule\": \"one_cycle\""),
    JOB(CLOUDS, PLAIN, ADAM, LATER,
        ", \"schedule\": {\"type\": \"cosine\", \"cycle_epochs\": 2.5, \"warmup_epochs\": 1.5}"),
    /* what ends it, and what is best */
    JOB(PLANE, PLAIN, "{\"type\": \"adam\", \"learning_rate\": 0.2}",
        ", \"early_stopping\": {\"patience\": 2}", ""),
    JOB(CLOUDS, PLAIN, ADAM,
        ", \"early_stopping\": {\"monitor\": \"validation_f1_macro\", \"patience\": 4,"
        " \"restore_best\": false}",
        ""),
    JOB(CLOUDS, PLAIN, ADAM,
        ", \"early_stopping\": {\"monitor\": \"test_log_loss\", \"patience\": 100,"
        " \"target\": 0.05}",
        ""),
    JOB(CLOUDS, PLAIN, ADAM, ", \"early_stopping\": {\"monitor\": \"training_loss\"}",
        ", \"metrics\": [\"f1_macro\"]"),
    /* sums over batches */
    JOB(CLOUDS, PLAIN, ADAM, LATER ", \"accumulate\": 3, \"clip_norm\": 0.5", ""),
    JOB(CLOUDS, PLAIN, ADAM,
        LATER ", \"record_gradient_norms\": true, \"drop_last\": true, \"max_norm\": 2", ""),
    /* rows that weigh; threads */
    JOB(CLOUDS, PLAIN, ADAM,
        LATER ", \"class_weight\": {\"a\": 3, \"b\": 0.5}, \"label_smoothing\": 0.1,"
              " \"threads\": 3",
        ""),
    JOB(CLOUDS, "40, 30", ADAM, ", \"early_stopping\": null, \"threads\": 3", ""),
    /* a second training, on training and validation rows */
    JOB(CLOUDS, "{\"units\": 12, \"dropout\": 0.3}", ADAM,
        ", \"early_stopping\": {\"patience\": 3}, \"refit\": true",
        ", \"calibration\": \"temperature\", \"schedule\": \"cosine\""),
    JOB(CLOUDS, "{\"units\": 9, \"batch_norm\": true}", ADAM,
        ", \"early_stopping\": {\"monitor\": \"validation_f1_macro\", \"patience\": 4},"
        " \"refit\": true, \"class_weight\": \"balanced\", \"threads\": 3,"
        " \"average\": {\"type\": \"ema\", \"decay\": 0.9}",
        ""),
    FULL(PLANE, PLAIN, "\"lbfgs\"", ", \"early_stopping\": null, \"refit\": true", ""),
    /* rows that are encoded when they are needed: three windows of the training rows */
    JOB(CLOUDS ", \"window\": 32", "{\"units\": 9, \"batch_norm\": true, \"dropout\": 0.3}", ADAM,
        ", \"early_stopping\": {\"monitor\": \"validation_f1_macro\", \"patience\": 4},"
        " \"refit\": true, \"class_weight\": \"balanced\", \"threads\": 3",
        ", \"calibration\": \"temperature\""),
    /* rows more than once: of half a class, streamed or not */
    JOB(CLOUDS HALF_B ", \"sampling\": \"oversample\"", PLAIN, ADAM,
        LATER ", \"refit\": true, \"class_weight\": \"balanced\"", ""),
    JOB(CLOUDS HALF_B ", \"sampling\": \"oversample\", \"window\": 32", PLAIN, ADAM,
        LATER ", \"refit\": true", ""),
    JOB(PLANE ", \"window\": 40", PLAIN, ADAM,
        LATER ", \"accumulate\": 3, \"average\": {\"type\": \"swa\", \"start\": 3}", ""),
    FULL(PLANE ", \"window\": 600", PLAIN, "\"lbfgs\"", LATER, ""),
    /* numbers that run away */
    JOB(PLANE, "", "{\"type\": \"sgd\", \"learning_rate\": 8}", ", \"early_stopping\": null", ""),
    /* with a model before it; %lld is its id */
    "{\"data\": {\"dataset\": " CLOUDS "}, \"start_from\": {\"model\": %lld, \"optimizer_state\":"
    " \"continue\"}, \"training\": {\"epochs\": 12, \"batch_size\": 16, \"seed\": 7" LATER "}}",
    "{\"data\": {\"dataset\": " CLOUDS "}, \"start_from\": {\"model\": %lld, \"freeze\": [0]},"
    " \"training\": {\"epochs\": 12, \"batch_size\": 16, \"seed\": 7" LATER "}}",
};

/* The job's text; the caller's. */
static char *config_of(int job)
{
    char *config = xstrdup(jobs[job]), *at = strstr(config, "%lld"), *whole;
    struct drive parent = {.h = &h};
    int64_t model;

    if (at == NULL) {
        return config;
    }
    (void)house_submit(&h, JOB(CLOUDS, PLAIN, ADAM, LATER, ""), &model);
    ck_assert_int_eq(drive_attempt(&parent), JOB_SUCCEEDED);
    *at = '\0';
    whole = xasprintf("%s%lld%s", config, (long long)model, at + strlen("%lld"));
    free(config);
    return whole;
}

/* What it leaves when nothing happens, and no checkpoint is made; *id is the same job again, which
 * has not run yet. */
static struct leavings undisturbed(const char *config, int64_t *id)
{
    struct drive d = {.h = &h};
    int64_t first = house_submit(&h, config, NULL);

    ck_assert_int_ne(drive_attempt(&d), JOB_QUEUED);
    ck_assert_int_eq(d.job_id, first);
    ck_assert_int_eq(drive_generation(&h, first, NULL), 0);
    *id = house_submit(&h, config, NULL);
    return drive_leavings(&h, first);
}

static void no_files_are_left(int64_t job_id)
{
    char *path = xasprintf("%s/checkpoints", h.dir);
    struct dirent *entry;
    DIR *dir = opendir(path);

    ck_assert_ptr_nonnull(dir);
    ck_assert_int_eq(drive_generation(&h, job_id, NULL), 0);
    while ((entry = readdir(dir)) != NULL) {
        ck_assert_msg(entry->d_name[0] == '.', "%s is left", entry->d_name);
    }
    ck_assert_int_eq(closedir(dir), 0);
    free(path);
}

static void compare(int64_t id, const struct leavings *whole)
{
    struct leavings pieces = drive_leavings(&h, id);

    same_leavings(whole, &pieces);
    leavings_fini(&pieces);
    no_files_are_left(id);
}

/* _i is the job. Stops after 1 batch, 2 more, ...: in the middle of an epoch, at its edge, epochs
 * on. */
START_TEST(stopped_again_and_again)
{
    static const size_t stops[] = {2, 3, 7, 2, 14, 23, 1, 9};
    int64_t id, generation = 0, before;
    char *config = config_of(_i);
    struct leavings whole = undisturbed(config, &id);
    struct drive d = {.h = &h};
    size_t i, resumed = 0;
    enum job_state state = JOB_QUEUED;

    for (i = 0; state == JOB_QUEUED; i++) {
        before = generation;
        d.stop_at = i < ARRAY_LEN(stops) ? stops[i] : 0;
        state = drive_attempt(&d);
        ck_assert_int_eq(d.job_id, id);
        generation = drive_generation(&h, id, NULL);
        resumed += before > 0;
        if (d.stop_at == 1) { /* without a batch there is no new checkpoint */
            ck_assert_int_eq(generation, before);
        }
        house_stop(&h);
        house_again(&h);
    }
    ck_assert_uint_ge(i, 3);
    ck_assert_uint_eq(drive_events(&h, id, "resumed"), resumed);
    compare(id, &whole);
    leavings_fini(&whole);
    free(config);
}
END_TEST

/* Killed some batches after the last checkpoint: those, and the points of the curve that came
 * after it, are done again. */
START_TEST(killed_again_and_again)
{
    static const size_t kills[] = {3, 11, 26, 1, 8, 30};
    int64_t id;
    char *config = config_of(_i);
    struct leavings whole = undisturbed(config, &id);
    struct drive d = {.h = &h, .every = 4};
    bool killed = true;
    size_t i;

    house_stop(&h);
    for (i = 0; i < ARRAY_LEN(kills) && killed; i++) {
        d.kill_at = kills[i];
        killed = drive_killed(&d);
    }
    house_again(&h);
    d.kill_at = 0;
    if (killed) {
        ck_assert_int_eq(drive_attempt(&d), whole.job.state);
    }
    ck_assert_uint_ge(i, 3);
    compare(id, &whole);
    leavings_fini(&whole);
    free(config);
}
END_TEST

/* A checkpoint before every third batch, and nothing else. */
START_TEST(saved_often)
{
    int64_t id;
    char *config = config_of(_i);
    struct leavings whole = undisturbed(config, &id);
    struct drive d = {.h = &h, .every = 3};

    ck_assert_int_eq(drive_attempt(&d), whole.job.state);
    compare(id, &whole);
    leavings_fini(&whole);
    free(config);
}
END_TEST

/* A line search that is broken off begins anew, and one of many evaluations would never end if
 * every checkpoint did that; so lbfgs has them between its iterations only. */
START_TEST(a_checkpoint_breaks_no_line_search_off)
{
    static const char job[] = FULL(PLANE, PLAIN, "\"lbfgs\"", LATER, "");
    struct drive whole = {.h = &h}, often = {.h = &h, .every = 1};

    (void)house_submit(&h, job, NULL);
    ck_assert_int_eq(drive_attempt(&whole), JOB_SUCCEEDED);
    ck_assert_uint_gt(whole.calls, 20); /* twelve iterations, and their evaluations */
    (void)house_submit(&h, job, NULL);
    ck_assert_int_eq(drive_attempt(&often), JOB_SUCCEEDED);
    ck_assert_uint_gt(often.calls, whole.calls);
    ck_assert_uint_le(often.calls, whole.calls + 12);
}
END_TEST

/* Weights that are not finite are no checkpoint. */
START_TEST(no_checkpoint_of_what_ran_away)
{
    struct drive d = {.h = &h, .stop_at = 2};
    int64_t id = house_submit(
        &h,
        JOB(PLANE, PLAIN, "{\"type\": \"sgd\", \"learning_rate\": 3e38}", LATER,
            ", \"schedule\": \"constant\", \"preprocess\": {\"target\": \"none\"}"),
        NULL);

    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_int_eq(drive_generation(&h, id, NULL), 0);
    d.stop_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_FAILED);
}
END_TEST

/* ---- damage ------------------------------------------------------------------------------ */

static void damage(int64_t job_id, int64_t generation)
{
    char *path =
        xasprintf("%s/checkpoints/%lld.%lld", h.dir, (long long)job_id, (long long)generation);
    FILE *f = fopen(path, "r+b");
    int c;

    ck_assert_msg(f != NULL, "no %s", path);
    ck_assert_int_eq(fseek(f, 700, SEEK_SET), 0);
    c = fgetc(f);
    ck_assert_int_eq(fseek(f, 700, SEEK_SET), 0);
    ck_assert_int_eq(fputc(c ^ 1, f), c ^ 1);
    ck_assert_int_eq(fclose(f), 0);
    free(path);
}

/* _i of the two newest are damaged. */
START_TEST(damaged_checkpoints_are_passed_over)
{
    int64_t id, generation, epoch = 0, epoch_then = 0, i;
    struct leavings whole = undisturbed(jobs[12], &id);
    struct drive d = {.h = &h, .every = 10, .stop_at = 43};

    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    generation = drive_generation(&h, id, &epoch);
    ck_assert_int_eq(generation, 5); /* 10, 20, 30, 40 and the stop's */
    for (i = 0; i < _i; i++) {
        damage(id, generation - i);
    }
    d.every = 0;
    d.stop_at = 2; /* to look at where it went on: 42, 39 or 0 batches are done */
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_int_eq(drive_generation(&h, id, &epoch_then) > generation, true);
    ck_assert_int_eq(epoch_then, _i == 0 ? 7 : _i == 1 ? 6 : 0);
    d.stop_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(drive_events(&h, id, "checkpoint_unusable"), (size_t)_i);
    compare(id, &whole);
    leavings_fini(&whole);
}
END_TEST

/* ---- a long curve -------------------------------------------------------------------------- */

/* One batch an epoch, 4,300 of them; noise, so that the best comes now and then among epochs that
 * are skipped. */
#define LONG_JOB                                                                                   \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": " PLANE                                      \
    "}, \"architecture\": {\"hidden\": [3],"                                                       \
    " \"input_noise\": 0.5}, \"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 0.002},"        \
    " \"training\": {\"epochs\": 4300, \"batch_size\": 1000, \"seed\": 7,"                         \
    " \"early_stopping\": {\"patience\": 100000}, \"record_gradient_norms\": true}}"

static size_t odd_points(const struct leavings *l)
{
    size_t n = 0, i;

    for (i = 0; i < l->n; i++) {
        n += l->curve[i].epoch > 2000 && l->curve[i].epoch % 2 == 1;
    }
    return n;
}

START_TEST(a_long_curve_is_thinned_the_same)
{
    static const size_t stops[] = {2001, 2, 2, 2, 3,  4,  5,  6,  7,
                                   8,    9, 10, 11, 13, 15, 17, 19, 1700};
    int64_t id;
    struct leavings whole = undisturbed(LONG_JOB, &id);
    struct drive d = {.h = &h};
    size_t i;

    ck_assert_uint_ge(odd_points(&whole), 30);
    for (i = 0; i < 3 * ARRAY_LEN(stops); i++) {
        d.stop_at = i < ARRAY_LEN(stops) ? stops[i] : 2 + i % 5;
        ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    }
    d.stop_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    compare(id, &whole);
    leavings_fini(&whole);
}
END_TEST

START_TEST(a_long_curve_is_thinned_the_same_after_kills)
{
    static const size_t kills[] = {2100, 950, 1000};
    int64_t id;
    struct leavings whole = undisturbed(LONG_JOB, &id);
    struct drive d = {.h = &h, .every = 333};
    size_t i;

    house_stop(&h);
    for (i = 0; i < ARRAY_LEN(kills); i++) {
        d.kill_at = kills[i];
        ck_assert(drive_killed(&d));
    }
    house_again(&h);
    d.kill_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    compare(id, &whole);
    leavings_fini(&whole);
}
END_TEST

int main(void)
{
    TCase *stopped = tcase_create("stop"), *killed = tcase_create("kill");
    TCase *often = tcase_create("often"), *curve = tcase_create("curve");
    TCase *cases[] = {stopped, killed, often, curve};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_loop_test(stopped, stopped_again_and_again, 0, ARRAY_LEN(jobs));
    tcase_add_loop_test(killed, killed_again_and_again, 0, ARRAY_LEN(jobs));
    tcase_add_loop_test(often, saved_often, 0, ARRAY_LEN(jobs));
    tcase_add_loop_test(stopped, damaged_checkpoints_are_passed_over, 0, 3);
    tcase_add_test(often, a_checkpoint_breaks_no_line_search_off);
    tcase_add_test(often, no_checkpoint_of_what_ran_away);
    tcase_add_test(curve, a_long_curve_is_thinned_the_same);
    tcase_add_test(curve, a_long_curve_is_thinned_the_same_after_kills);
    return house_run("runner resume", cases, ARRAY_LEN(cases));
}

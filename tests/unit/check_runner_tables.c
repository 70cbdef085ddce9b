/* Jobs whose network has an embedding, whatever the encoder makes of a column: here one of numbers
 * passes as it is and is said to be an index (see -Wl,--wrap in jobs_run.mk). They learn it,
 * survive stops and kills with the same bits, are served as they were stored, and go on from each
 * other. */
#include "jobs/predictor.h"
#include "runner_drive.h"

#include "data/encoder.h"

enum { LEVELS = 301, WIDTH = 8, ROWS = 1500 };

size_t __wrap_encoder_n_embeddings(const struct encoder *e);
size_t __wrap_encoder_embedding(const struct encoder *e, size_t i, size_t *input, size_t *levels,
                                size_t *width);
size_t __wrap_encoder_estimate_embeddings(const struct dataset *ds,
                                          const struct encoder_options *options, size_t most,
                                          size_t *levels, size_t *width);

static size_t width_now = WIDTH; /* of the one table there is */

size_t __wrap_encoder_n_embeddings(const struct encoder *e)
{
    (void)e;
    return 1;
}

size_t __wrap_encoder_embedding(const struct encoder *e, size_t i, size_t *input, size_t *levels,
                                size_t *width)
{
    ck_assert_uint_eq(i, 0);
    *input = encoder_n_inputs(e) - 1;
    *levels = LEVELS;
    *width = width_now;
    return *input;
}

size_t __wrap_encoder_estimate_embeddings(const struct dataset *ds,
                                          const struct encoder_options *options, size_t most,
                                          size_t *levels, size_t *width)
{
    (void)ds;
    (void)options;
    ck_assert_uint_ge(most, 1);
    levels[0] = LEVELS;
    width[0] = width_now;
    return 1;
}

static struct house h;

/* The code tells the class, each its own: nothing that a line through the codes could tell. */
static double class_of(size_t code)
{
    return (double)(code * 2654435761U >> 7 & 1);
}

static void setup(void)
{
    static const char *const names[] = {"x", "code", "y"}, *const labels[] = {"no", "yes"};
    static double values[ROWS * 3];
    size_t i;

    width_now = WIDTH;
    house_open(&h, 1);
    h.checkpoint_seconds = 1e6;
    for (i = 0; i < ROWS; i++) {
        values[3 * i] = (double)(i % 17) / 17;
        values[3 * i + 1] = (double)(1 + i * 7 % 300);
        values[3 * i + 2] = class_of(1 + i * 7 % 300);
    }
    house_dataset(&h, "coded", 3, names, ROWS, values, labels);
}

static void teardown(void)
{
    house_close(&h);
}

#define JOB(more)                                                                                  \
    "{\"data\": {\"dataset\": \"coded\", \"target\": \"y\"}, \"preprocess\": {\"numeric\": "       \
    "\"none\"}, \"architecture\": {\"hidden\": [16]}, \"optimizer\": {\"learning_rate\": 0.02},"   \
    " \"training\": {\"epochs\": 12, \"batch_size\": 64, \"seed\": 7, \"early_stopping\": "        \
    "null" more "}}"

START_TEST(it_learns_and_answers)
{
    struct drive d = {.h = &h};
    int64_t model = 0, id = house_submit(&h, JOB(""), &model);
    struct store_model stored;
    float x[2 * 300], *p, *alone;
    size_t i, right = 0;

    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_int_eq(d.job_id, id);
    stored = house_model(&h, model);
    ck_assert_int_eq(stored.parameters, LEVELS * WIDTH + (1 + WIDTH) * 16 + 16 + 16 + 1);
    ck_assert_ptr_nonnull(
        strstr(stored.spec_json, "\"embeddings\":[{\"levels\":301,\"width\":8}]"));
    store_model_fini(&stored);
    house_stop(&h); /* it is served from what was stored */
    house_again(&h);
    for (i = 0; i < 300; i++) {
        x[2 * i] = 0.5F;
        x[2 * i + 1] = (float)(i + 1);
    }
    x[1] = 0; /* never seen: an answer like any other */
    p = house_predict(&h, model, x, 300);
    for (i = 0; i < 300; i++) {
        alone = house_predict(&h, model, x + 2 * i, 1);
        ck_assert_mem_eq(alone, p + i, sizeof *p);
        free(alone);
        right += i > 0 && (p[i] > 0.5F) == (class_of(i + 1) > 0.5);
    }
    ck_assert(p[0] > 0 && p[0] < 1);
    ck_assert_msg(right >= 290, "%zu of 299 codes are known",
                  right); /* nearly all are in training */
    free(p);
}
END_TEST

/* _i: how. */
START_TEST(stops_and_kills_change_no_bit)
{
    static const size_t at[] = {3, 20, 41, 1, 60};
    const char *config = _i == 2 ? JOB(", \"threads\": 3, \"average\": {\"type\": \"ema\", "
                                       "\"decay\": 0.9}")
                                 : JOB("");
    struct leavings whole = drive_whole(&h, config);
    int64_t id = house_submit(&h, config, NULL);
    struct drive d = {.h = &h, .every = _i == 0 ? 0 : 4};
    enum job_state state = JOB_QUEUED;
    size_t i;

    for (i = 0; i < ARRAY_LEN(at) && state == JOB_QUEUED; i++) {
        if (_i == 0) {
            d.stop_at = at[i];
            state = drive_attempt(&d);
            house_stop(&h);
        } else {
            house_stop(&h);
            d.kill_at = at[i];
            (void)drive_killed(&d);
        }
        house_again(&h);
    }
    d.stop_at = d.kill_at = 0;
    if (state == JOB_QUEUED) {
        state = drive_attempt(&d);
    }
    ck_assert_int_eq(state, JOB_SUCCEEDED);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

/* With all of its tables and the optimizer's memory of them. */
START_TEST(a_job_goes_on_from_another)
{
    struct drive d = {.h = &h};
    int64_t first = 0, second = 0;
    float x[2] = {0.5F, 17}, *a, *b;
    char *config;

    (void)house_submit(&h, JOB(""), &first);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    config = xasprintf(
        "{\"data\": {\"dataset\": \"coded\", \"target\": \"y\"}, \"start_from\": {\"model\": %lld,"
        " \"optimizer_state\": \"continue\", \"freeze\": [0]}, \"training\":"
        " {\"epochs\": 2, \"batch_size\": 64, \"seed\": 7}}",
        (long long)first);
    (void)house_submit(&h, config, &second);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    a = house_predict(&h, first, x, 1);
    b = house_predict(&h, second, x, 1);
    ck_assert(fabsf(a[0] - b[0]) < 0.2F && fabsf(a[0] - b[0]) > 0);
    free(a);
    free(b);
    free(config);
}
END_TEST

/* Weights for tables of another shape are damage, not a reading outside. */
START_TEST(tables_that_the_encoder_does_not_mean)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;
    struct drive d = {.h = &h};
    int64_t model = 0;

    (void)house_submit(&h, JOB(""), &model);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    house_stop(&h);
    house_again(&h);
    width_now = WIDTH + 1;
    ck_assert_int_eq(predictor_get(h.predictor, model, &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    err_fini(&err);
    width_now = WIDTH;
    ck_assert_int_eq(predictor_get(h.predictor, model, &s, &err), 0);
    servable_put(&s);
}
END_TEST

int main(void)
{
    TCase *tables = tcase_create("tables");
    TCase *cases[] = {tables};

    tcase_add_checked_fixture(tables, setup, teardown);
    tcase_add_test(tables, it_learns_and_answers);
    tcase_add_loop_test(tables, stops_and_kills_change_no_bit, 0, 3);
    tcase_add_test(tables, a_job_goes_on_from_another);
    tcase_add_test(tables, tables_that_the_encoder_does_not_mean);
    return house_run("runner_tables", cases, ARRAY_LEN(cases));
}

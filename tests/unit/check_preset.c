/* Presets: what fills a job's silence, that a key of the job always wins, and that each choice
 * tells its reason. */
#include "jobs/config_priv.h"
#include "resolve_help.h"

static const char *why(const struct fixture *f, const char *key)
{
    size_t i;

    for (i = 0; i < f->spec.n_why; i++) {
        if (strcmp(f->spec.why[i].key, key) == 0) {
            return f->spec.why[i].text;
        }
    }
    return NULL;
}

#define TABULAR ",\"preset\":\"tabular\""

START_TEST(tabular_fills_the_silence)
{
    static const char *const reasons[] = {
        "architecture.hidden",    "architecture.dropout",     "architecture.output_init",
        "optimizer.type",         "optimizer.weight_decay",   "schedule.type",
        "schedule.warmup_epochs", "training.batch_size",      "training.epochs",
        "training.clip_norm",     "training.label_smoothing", "calibration"};
    struct fixture f;
    const struct mlp_train_spec *t = &f.spec.train;
    size_t i;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("species", TABULAR));
    ck_assert_uint_eq(f.spec.preset, JOB_TABULAR);
    ck_assert_uint_eq(f.spec.n_hidden, 2);
    ck_assert_uint_eq(f.spec.hidden[1].units, 256);
    ck_assert_double_eq(f.spec.hidden[0].dropout, 0.3);
    ck_assert_uint_eq(f.spec.output_init, MLP_ZEROS);
    ck_assert_uint_eq(f.spec.hidden[0].init, MLP_GLOROT_UNIFORM);
    ck_assert_uint_eq(t->optimizer, MLP_ADAMW);
    ck_assert_double_eq(t->weight_decay, 0.02);
    ck_assert_double_eq(t->clip_norm, 5);
    ck_assert_uint_eq(t->schedule.type, MLP_COSINE);
    ck_assert_double_eq(t->schedule.final, 0);
    ck_assert_double_eq(t->schedule.warmup_epochs, 10);
    ck_assert_double_eq(t->label_smoothing, 0.05);
    ck_assert_uint_eq(t->patience, 16);
    ck_assert(f.spec.calibrate);
    for (i = 0; i < ARRAY_LEN(reasons); i++) {
        ck_assert_msg(why(&f, reasons[i]) != NULL, "%s", reasons[i]);
    }
    ck_assert_ptr_null(why(&f, "preset")); /* somebody asked for it */
    fixture_close(&f);
}
END_TEST

/* A null is no wish either. */
START_TEST(tabular_is_what_nobody_asked_for)
{
    static const char *const silent[] = {JOB("species", ""), JOB("species", ",\"preset\":null")};
    struct fixture f;
    size_t i;

    fixture_open(&f, ROWS);
    for (i = 0; i < ARRAY_LEN(silent); i++) {
        resolve_ok(&f, silent[i]);
        ck_assert_uint_eq(f.spec.preset, JOB_TABULAR);
        ck_assert_uint_eq(f.spec.hidden[0].units, 256);
        ck_assert_uint_eq(f.spec.plan.numeric, ENCODER_AUTO);
        ck_assert_ptr_nonnull(strstr(why(&f, "preset"), "nothing else was asked for"));
    }
    fixture_close(&f);
}
END_TEST

START_TEST(rules_know_where_they_belong)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("yn", TABULAR));
    ck_assert_double_eq(f.spec.train.label_smoothing, 0); /* two classes */
    ck_assert(f.spec.calibrate);
    ck_assert_uint_eq(f.spec.plan.categorical, ENCODER_CATEGORICAL_AUTO);
    ck_assert_ptr_nonnull(why(&f, "preprocess.categorical"));
    resolve_ok(&f, JOB("yn", TABULAR ",\"preprocess\":{\"categorical\":\"one_hot\"}"));
    ck_assert_uint_eq(f.spec.plan.categorical, ENCODER_ONE_HOT);
    ck_assert_ptr_null(why(&f, "preprocess.categorical"));
    resolve_ok(&f, JOB("yn", ",\"preset\":\"simple\""));
    ck_assert_uint_eq(f.spec.plan.categorical, ENCODER_ONE_HOT);
    resolve_ok(&f, JOB("yn", TABULAR ",\"architecture\":{\"output\":\"softmax\"}"));
    ck_assert_double_eq(f.spec.train.label_smoothing, 0);
    resolve_ok(&f, JOB("r", TABULAR));
    ck_assert_double_eq(f.spec.train.label_smoothing, 0); /* numbers */
    ck_assert(!f.spec.calibrate);
    resolve_ok(&f, JOBD("species", "\"split\":null},\"preset\":\"tabular\",\"training\":{"));
    ck_assert(!f.spec.calibrate); /* on what? */
    resolve_ok(&f, JOB("species", TABULAR ",\"optimizer\":\"lbfgs\""));
    ck_assert_double_eq(f.spec.hidden[0].dropout, 0);
    ck_assert_double_eq(f.spec.train.clip_norm, 0);
    ck_assert_uint_eq(f.spec.train.schedule.type, MLP_CONSTANT);
    resolve_ok(&f, JOB("species", TABULAR ",\"optimizer\":\"sgd\""));
    ck_assert_double_eq(f.spec.train.weight_decay, 0);
    ck_assert_double_eq(f.spec.train.learning_rate, 0.01);
    resolve_ok(&f, JOB("species", TABULAR ",\"architecture\":{\"hidden\":[8]}"));
    ck_assert_double_eq(f.spec.hidden[0].dropout, 0);
    ck_assert_ptr_null(why(&f, "architecture.hidden"));
    fixture_close(&f);
}
END_TEST

START_TEST(a_tenth_warms_up)
{
    static const struct {
        const char *epochs;
        double warm;
    } cases[] = {{"9", 0}, {"10", 1}, {"59", 5}, {"100", 10}, {"500", 10}};
    struct fixture f;
    size_t i;

    fixture_open(&f, ROWS);
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        char *job = xasprintf(JOB("species", ",\"training\":{\"epochs\":%s}"), cases[i].epochs);

        resolve_ok(&f, job);
        ck_assert_double_eq(f.spec.train.schedule.warmup_epochs, cases[i].warm);
        free(job);
    }
    resolve_ok(&f, JOB("species", ",\"schedule\":\"cosine\"")); /* somebody's own */
    ck_assert_double_eq(f.spec.train.schedule.warmup_epochs, 0);
    resolve_ok(&f, JOB("species", ",\"preset\":\"images\""));
    ck_assert_uint_eq(f.spec.train.schedule.type, MLP_COSINE);
    ck_assert_double_eq(f.spec.train.schedule.warmup_epochs, 0);
    resolve_ok(&f, JOB("species", ",\"optimizer\":\"lbfgs\""));
    ck_assert_double_eq(f.spec.train.schedule.warmup_epochs, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(a_key_wins_be_it_null)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f,
               JOB("species", TABULAR ",\"architecture\":{\"dropout\":0.1,\"init\":\"he_normal\"},"
                                      "\"optimizer\":{\"weight_decay\":0.5},\"schedule\":\"step\","
                                      "\"training\":{\"clip_norm\":1,\"label_smoothing\":0.2},"
                                      "\"calibration\":\"none\""));
    ck_assert_double_eq(f.spec.hidden[0].dropout, 0.1);
    ck_assert_uint_eq(f.spec.output_init, MLP_HE_NORMAL);
    ck_assert_double_eq(f.spec.train.weight_decay, 0.5);
    ck_assert_uint_eq(f.spec.train.schedule.type, MLP_STEP);
    ck_assert_double_eq(f.spec.train.clip_norm, 1);
    ck_assert_double_eq(f.spec.train.label_smoothing, 0.2);
    ck_assert(!f.spec.calibrate);
    ck_assert_ptr_null(why(&f, "training.clip_norm"));
    resolve_ok(&f,
               JOB("species", TABULAR ",\"architecture\":{\"dropout\":null,\"output_init\":null},"
                                      "\"optimizer\":{\"weight_decay\":null},\"schedule\":null,"
                                      "\"training\":{\"clip_norm\":null,\"label_smoothing\":null},"
                                      "\"calibration\":null"));
    ck_assert_double_eq(f.spec.hidden[0].dropout, 0);
    ck_assert_uint_eq(f.spec.output_init, MLP_GLOROT_UNIFORM);
    ck_assert_double_eq(f.spec.train.weight_decay, 0.01);
    ck_assert_uint_eq(f.spec.train.schedule.type, MLP_CONSTANT);
    ck_assert_double_eq(f.spec.train.clip_norm, 0);
    ck_assert_double_eq(f.spec.train.label_smoothing, 0);
    ck_assert(!f.spec.calibrate);
    fixture_close(&f);
}
END_TEST

static const char *const jobs[] = {
    JOB("species", TABULAR),
    JOB("yn", TABULAR ",\"threshold\":\"f1\",\"training\":{\"refit\":true}"),
    JOB("yn", ",\"threshold\":0.25,\"calibration\":\"temperature\""),
    JOB("r", TABULAR ",\"optimizer\":\"lbfgs\""),
    JOB("r", TABULAR ",\"training\":{\"clip_norm\":null}"),
    JOB("species", TABULAR ",\"architecture\":{\"hidden\":[]},\"schedule\":null"),
    JOB("k", ",\"preset\":\"images\""),
    JOB("k", ",\"preset\":\"simple\""),
};

START_TEST(printed_form_is_a_fixed_point)
{
    struct fixture f;
    char *first, *second;

    fixture_open(&f, ROWS);
    resolve_ok(&f, jobs[_i]);
    first = config_print(&f.spec);
    resolve_ok(&f, first);
    second = config_print(&f.spec);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
    fixture_close(&f);
}
END_TEST

static const struct {
    const char *job, *pointer, *fragment;
} wrong[] = {
    {JOB("r", ",\"calibration\":\"temperature\""), "/calibration", "is for probabilities"},
    {JOBD("yn", "\"split\":null},\"calibration\":\"temperature\",\"training\":{"), "/calibration",
     "needs a validation part"},
    {JOBD("yn", "\"split\":null},\"threshold\":\"f1\",\"training\":{"), "/threshold",
     "needs a validation part"},
    {JOBD("yn", "\"split\":null},\"training\":{\"refit\":true"), "/training/refit",
     "needs a validation part"},
    {JOB("species", ",\"threshold\":0.4"), "/threshold",
     "is for two classes, and the target has more"},
    {JOB("r", ",\"threshold\":\"f1\""), "/threshold", "the target has numbers"},
};

START_TEST(data_forbids)
{
    struct fixture f;
    bool found = false;
    size_t i;

    fixture_open(&f, ROWS);
    ck_assert_int_eq(resolve(&f, wrong[_i].job), -1);
    for (i = 0; i < f.err.n_items; i++) {
        found = found || (strcmp(f.err.items[i].pointer, wrong[_i].pointer) == 0 &&
                          strstr(f.err.items[i].detail, wrong[_i].fragment) != NULL);
    }
    ck_assert_msg(found, "%s\n%s", wrong[_i].job, help_show(&f.err));
    fixture_close(&f);
}
END_TEST

static const char *const bad[][2] = {
    {JOB("yn", ",\"threshold\":0"), "/threshold"},
    {JOB("yn", ",\"threshold\":1"), "/threshold"},
    {JOB("yn", ",\"threshold\":\"roc_auc\""), "/threshold"},
    {JOB("yn", ",\"threshold\":[0.5]"), "/threshold"},
    {JOB("yn", ",\"why\":3"), "/why"},
    {JOB("yn", ",\"why\":{\"a\":3}"), "/why"},
};

START_TEST(parser_refuses)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(config_parse(bad[_i][0], strlen(bad[_i][0]), &config, &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, bad[_i][1]);
    err_fini(&err);
}
END_TEST

/* `columns` of whole numbers from 0 to `most`, and a class. */
static struct dataset *pixels(size_t columns, unsigned most, struct dataset_summary *summary)
{
    struct buf csv = BUF_INIT;
    struct dataset *ds;
    size_t row, i;

    for (i = 0; i < columns; i++) {
        buf_printf(&csv, "p%zu,", i);
    }
    buf_puts(&csv, "y\n");
    for (row = 0; row < 60; row++) {
        for (i = 0; i < columns; i++) {
            buf_printf(&csv, "%u,", (unsigned)(row * 7 + i * 3) % (most + 1));
        }
        buf_printf(&csv, "%c\n", 'a' + (int)(row % 3));
    }
    ds = help_dataset(csv.data, summary);
    buf_fini(&csv);
    return ds;
}

START_TEST(pictures_have_one_scale)
{
    static const struct {
        size_t columns;
        unsigned most;
        bool pictures;
    } tables[] = {{256, 255, true}, {255, 255, false}, {256, 256, false}, {300, 100, false}};
    struct fixture f = {.ds = NULL};
    size_t i;

    for (i = 0; i < ARRAY_LEN(tables); i++) {
        f.ds = pixels(tables[i].columns, tables[i].most, &f.summary);
        resolve_ok(&f, JOB("y", ""));
        ck_assert_uint_eq(f.spec.preset, tables[i].pictures ? JOB_IMAGES : JOB_TABULAR);
        resolve_ok(&f, JOB("y", ",\"preset\":\"images\""));
        ck_assert_uint_eq(f.spec.plan.numeric, ENCODER_TOGETHER);
        ck_assert_double_eq(f.spec.train.label_smoothing, 0.05);
        ck_assert_uint_eq(f.spec.train.optimizer, MLP_ADAMW);
        fixture_close(&f);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preset");
    TCase *tc = tcase_create("preset");

    hash_start();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_test(tc, tabular_fills_the_silence);
    tcase_add_test(tc, tabular_is_what_nobody_asked_for);
    tcase_add_test(tc, rules_know_where_they_belong);
    tcase_add_test(tc, a_key_wins_be_it_null);
    tcase_add_test(tc, a_tenth_warms_up);
    tcase_add_loop_test(tc, printed_form_is_a_fixed_point, 0, ARRAY_LEN(jobs));
    tcase_add_loop_test(tc, data_forbids, 0, ARRAY_LEN(wrong));
    tcase_add_loop_test(tc, parser_refuses, 0, ARRAY_LEN(bad));
    tcase_add_test(tc, pictures_have_one_scale);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

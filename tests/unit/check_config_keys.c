/* The table of the job config, key by key: each refuses what it is not and what is out of its
 * range, takes what is just in it, and stands beside the keys it goes with. The messages of single
 * keys are in check_config.c. */
#include "jobs/config.h"

#include <float.h>

#include "jobs/config_priv.h"
#include "jobs/json_util.h"
#include "jobs_in_help.h"

/* {"data": {..}, <path>: value}; *pointer is the value's. "[]" becomes the first item of an array
 * of one object, a layer. */
static char *job_with(enum config_id id, const char *value, char pointer[160])
{
    const char *path = config_keys[id].path, *p;
    struct buf text = BUF_INIT, close = BUF_INIT, at = BUF_INIT;
    bool in_data = strncmp(path, "data", 4) == 0;
    char *whole;

    buf_puts(&text, in_data ? "{" : "{\"data\":{\"dataset\":\"d\",\"target\":\"t\"},");
    for (p = path; *p != '\0';) {
        size_t len = strcspn(p, "/");
        bool array = len > 2 && p[len - 1] == ']';
        size_t name = array ? len - 2 : len;
        char *ends = xstrdup(close.len > 0 ? close.data : "");

        buf_printf(&at, "/%.*s%s", (int)name, p, array ? "/0" : "");
        buf_printf(&text, "\"%.*s\":", (int)name, p);
        p += len;
        p += *p == '/';
        if (*p != '\0') {
            buf_puts(&text, !array ? "{" : id == KEY_UNITS ? "[{" : "[{\"units\":3,");
            buf_clear(&close);
            buf_printf(&close, "%s%s", array ? "}]" : "}", ends);
        }
        free(ends);
    }
    whole = xasprintf("%s%s%s}", text.data, value, close.len > 0 ? close.data : "");
    (void)snprintf(pointer, 160, "%s", at.data);
    buf_fini(&text);
    buf_fini(&close);
    buf_fini(&at);
    return whole;
}

/* What the parser says at the key's place about this value; "" when nothing. Caller frees. */
static char *said_of(enum config_id id, const char *value)
{
    char pointer[160], *text = job_with(id, value, pointer), *said = NULL;
    struct config *config = NULL;
    struct err err = ERR_INIT;
    size_t i;

    if (config_parse(text, strlen(text), &config, &err) == 0) {
        config_free(&config);
    } else {
        ck_assert_msg(err.code == ERR_INVALID, "%s: %s", text, help_show(&err));
    }
    for (i = 0; i < err.n_items && said == NULL; i++) {
        if (strncmp(err.items[i].pointer, pointer, strlen(pointer)) == 0) {
            said = xstrdup(err.items[i].detail);
        }
    }
    err_fini(&err);
    free(text);
    return said != NULL ? said : xstrdup("");
}

static void refuses(enum config_id id, const char *value, const char *fragment)
{
    char *said = said_of(id, value);

    ck_assert_msg(strstr(said, fragment) != NULL, "%s: %s said \"%s\", not \"%s\"",
                  config_keys[id].path, value, said, fragment);
    free(said);
}

/* It may still not fit other keys, but it is in range. */
static void takes(enum config_id id, const char *value)
{
    char *said = said_of(id, value);

    ck_assert_msg(strstr(said, "must be >") == NULL && strstr(said, "must be <") == NULL &&
                      strstr(said, "must be at") == NULL && strstr(said, "must be a") == NULL &&
                      strstr(said, "got ") == NULL,
                  "%s: %s said \"%s\"", config_keys[id].path, value, said);
    free(said);
}

static char *number(double v)
{
    struct buf text = BUF_INIT;

    json_util_number(&text, v);
    return buf_take(&text);
}

static void numbers(enum config_id id)
{
    const struct config_key *key = &config_keys[id];
    bool integer = key->type == TYPE_INTEGER;
    char *low = number(key->low), *high = number(key->high);
    char *below = number(key->open_low ? key->low : key->low - 1);
    char *above = number(key->open_high ? key->high : integer ? key->high + 1 : key->high * 2);

    refuses(id, "\"x\"", integer ? "must be a whole number" : "must be a number");
    refuses(id, "[1]", integer ? "must be a whole number" : "must be a number");
    if (key->low > -DBL_MAX && (key->low <= 0 || key->low >= 1)) { /* FLT_MIN - 1 is below too */
        refuses(id, below, "must be");
    }
    if (!key->open_low && key->low > -DBL_MAX) {
        takes(id, low);
    }
    if (key->high < DBL_MAX / 2 && key->high < CONFIG_MAX_SEED) {
        refuses(id, above, "must be");
    }
    if (!key->open_high && !(integer && key->high > 1e15) && key->high < DBL_MAX / 2 &&
        (integer || key->high < 1e15)) {
        takes(id, high);
    }
    if (integer) {
        refuses(id, "1.5", "without point or exponent");
    }
    free(low);
    free(high);
    free(below);
    free(above);
}

START_TEST(a_key_refuses_what_it_is_not)
{
    enum config_id id = (enum config_id)_i;
    const struct config_key *key = &config_keys[id];

    switch (key->type) {
    case TYPE_NUMBER:
    case TYPE_INTEGER:
        numbers(id);
        break;
    case TYPE_OBJECT:
        refuses(id, "[]", "must be an object");
        refuses(id, "\"x\"", "must be an object");
        break;
    case TYPE_SHORT:
        refuses(id, "[]", "must be an object, or");
        refuses(id, "true", "must be an object, or");
        refuses(id, "1.5", "must be an object, or");
        refuses(id, "{\"zzz\":1}", "unknown key \"zzz\"");
        break;
    case TYPE_NUMBERS:
    case TYPE_INTEGERS:
        refuses(id, "3", "must be an array of numbers");
        refuses(id, "[\"x\"]", "number");
        refuses(id, "[-1]", "must be");
        refuses(id, "[2,1]", "larger than the one before");
        refuses(id, "[2,2]", "larger than the one before");
        break;
    case TYPE_BOOL:
        refuses(id, "1", "must be true or false");
        takes(id, "true");
        takes(id, "false");
        break;
    case TYPE_TEXT:
        refuses(id, "3", "must be a text");
        refuses(id, "\"\"", "must be a text");
        break;
    case TYPE_TEXTS:
    case TYPE_CHOICES:
        refuses(id, "3", "must be an array of texts");
        refuses(id, "[3]", "must be");
        break;
    case TYPE_TEXT_OR_TEXTS:
        refuses(id, "3", "must be a text or an array");
        break;
    case TYPE_KEY:
    case TYPE_MODEL:
        refuses(id, "true", "name");
        refuses(id, "0", "name");
        break;
    case TYPE_CHOICE:
        refuses(id, "\"zzzzzz\"", "must be");
        refuses(id, "3", "must be");
        break;
    case TYPE_ABSENT:
        refuses(id, "12345", "not available");
        break;
    case TYPE_OWN:
        refuses(id, "{\"zzz\":[{}]}", "");
        break;
    }
    if (key->type != TYPE_ABSENT && key->type != TYPE_OWN) {
        char *said = said_of(id, "null");

        ck_assert_msg(key->null_ok == (strstr(said, "null") == NULL), "%s: null said \"%s\"",
                      key->path, said);
        free(said);
    }
}
END_TEST

/* Every choice is taken, and every key has its words for people. */
START_TEST(a_choice_is_taken)
{
    const struct config_key *key = &config_keys[_i];
    size_t i;

    if (key->type == TYPE_CHOICE) {
        for (i = 0; key->choices()[i] != NULL; i++) {
            char *value = xasprintf("\"%s\"", key->choices()[i]);

            takes((enum config_id)_i, value);
            free(value);
        }
    }
    ck_assert(key->type == TYPE_ABSENT || strlen(key->help) > 5);
}
END_TEST

#define TOP(more)   "{\"data\":{\"dataset\":\"d\",\"target\":\"t\"}," more "}"
#define DATA(more)  "{\"data\":{\"dataset\":\"d\",\"target\":\"t\"," more "}}"
#define OPT(more)   TOP("\"optimizer\":{" more "}")
#define SCHED(more) TOP("\"schedule\":{" more "}")
#define TRAIN(more) TOP("\"training\":{" more "}")
#define LBFGS(more) TOP("\"optimizer\":\"lbfgs\"," more)

static const struct {
    const char *json, *pointer, *fragment;
} wrong[] = {
    /* no column plays two parts */
    {DATA("\"sample_weight\":\"t\""), "/data/sample_weight", "is the target, it cannot weigh"},
    {DATA("\"offset\":\"t\""), "/data/offset", "is the target, it cannot be the offset"},
    {DATA("\"sample_weight\":\"w\",\"offset\":\"w\""), "/data/offset", "is sample_weight"},
    {DATA("\"split\":{\"column\":\"w\"},\"sample_weight\":\"w\""), "/data/sample_weight",
     "is column, it cannot weigh"},
    /* sampling */
    {DATA("\"sampling\":\"over\""), "/data/sampling", "must be one of"},
    {DATA("\"sampling\":{}"), "/data/sampling/type", "is required"},
    {DATA("\"sampling\":{\"type\":\"oversample\",\"ratio\":0}"), "/data/sampling/ratio",
     "must be > 0"},
    {DATA("\"sampling\":{\"type\":\"oversample\",\"ratio\":1.1}"), "/data/sampling/ratio",
     "at most 1"},
    {DATA("\"sampling\":{\"type\":\"none\",\"ratio\":1}"), "/data/sampling/ratio",
     "belongs to oversample"},
    /* loss */
    {TOP("\"loss\":{\"delta\":2}"), "/loss/type", "is required"},
    {TOP("\"loss\":{\"type\":\"mse\",\"delta\":2}"), "/loss/delta",
     "belongs to huber, and the loss is mse"},
    {TOP("\"loss\":{\"type\":\"mse\",\"tau\":0.3}"), "/loss/tau", "belongs to quantile"},
    {TOP("\"loss\":{\"type\":\"huber\",\"gamma\":1}"), "/loss/gamma", "belongs to focal"},
    {TOP("\"loss\":{\"type\":\"gamma\",\"power\":1.2}"), "/loss/power", "belongs to tweedie"},
    /* optimizer */
    {OPT("\"type\":\"adam\",\"rho\":0.9"), "/optimizer/rho",
     "belongs to rmsprop and adadelta, and the optimizer is adam"},
    {OPT("\"type\":\"sgd\",\"amsgrad\":true"), "/optimizer/amsgrad", "belongs to adam and adamw"},
    {OPT("\"momentum_decay\":0.1"), "/optimizer/momentum_decay", "belongs to nadam"},
    {OPT("\"type\":\"lion\",\"epsilon\":1e-8"), "/optimizer/epsilon", "the optimizer is lion"},
    {OPT("\"type\":\"lbfgs\",\"bias_multiplier\":2"), "/optimizer/bias_multiplier",
     "the optimizer is lbfgs"},
    {OPT("\"type\":\"rmsprop\",\"nesterov\":true"), "/optimizer/nesterov", "belongs to sgd"},
    /* schedule */
    {SCHED("\"warmup_epochs\":2"), "/schedule/type", "is required"},
    {SCHED("\"type\":\"cosine\",\"factor\":0.5"), "/schedule/factor", "and the schedule is cosine"},
    {SCHED("\"type\":\"cosine\",\"every\":3"), "/schedule/every", "belongs to step"},
    {SCHED("\"type\":\"step\",\"milestones\":[3]"), "/schedule/milestones", "belongs to multistep"},
    {SCHED("\"type\":\"multistep\",\"milestones\":[]"), "/schedule/milestones", "has no epoch"},
    {SCHED("\"type\":\"step\",\"power\":2"), "/schedule/power", "belongs to polynomial"},
    {SCHED("\"type\":\"step\",\"final\":0.2"), "/schedule/final",
     "belongs to polynomial, cosine and reduce_on_plateau"},
    {SCHED("\"type\":\"step\",\"cycle_epochs\":2"), "/schedule/cycle_epochs", "belongs to cosine"},
    {SCHED("\"type\":\"cosine\",\"cycle_growth\":2"), "/schedule/cycle_growth",
     "needs cycle_epochs"},
    {SCHED("\"type\":\"cosine\",\"peak\":0.5"), "/schedule/peak", "belongs to one_cycle"},
    {SCHED("\"type\":\"one_cycle\",\"peak\":1"), "/schedule/peak", "must be < 1"},
    {SCHED("\"type\":\"one_cycle\",\"peak\":0"), "/schedule/peak", "must be > 0"},
    {SCHED("\"type\":\"constant\",\"start_divisor\":5"), "/schedule/start_divisor", "one_cycle"},
    {SCHED("\"type\":\"constant\",\"final_divisor\":5"), "/schedule/final_divisor", "one_cycle"},
    {SCHED("\"type\":\"step\",\"patience\":5"), "/schedule/patience",
     "belongs to reduce_on_plateau"},
    {SCHED("\"type\":\"step\",\"cooldown\":5"), "/schedule/cooldown", "reduce_on_plateau"},
    {SCHED("\"type\":\"step\",\"min_delta\":0.5"), "/schedule/min_delta", "reduce_on_plateau"},
    {SCHED("\"type\":\"step\",\"factor\":1.5"), "/schedule/factor", "would not fall"},
    {SCHED("\"type\":\"reduce_on_plateau\",\"factor\":1"), "/schedule/factor", "must be < 1"},
    {TOP("\"schedule\":\"plateau\""), "/schedule", "\"reduce_on_plateau\""},
    /* training */
    {TRAIN("\"average\":{\"decay\":0.9}"), "/training/average/type", "is required"},
    {TRAIN("\"average\":{\"type\":\"swa\",\"decay\":0.9}"), "/training/average/decay",
     "belongs to ema, and the average is swa"},
    {TRAIN("\"average\":{\"type\":\"ema\",\"start\":3}"), "/training/average/start",
     "belongs to swa"},
    {TRAIN("\"class_weight\":\"balance\""), "/training/class_weight", "got \"balance\""},
    {TRAIN("\"class_weight\":[1,2]"), "/training/class_weight", "got an array"},
    {TRAIN("\"class_weight\":{\"a/b\":0}"), "/training/class_weight/a~1b", "> 0, got 0"},
    {TRAIN("\"class_weight\":{\"a\":-1}"), "/training/class_weight/a", "> 0, got -1"},
    {TRAIN("\"class_weight\":{\"a\":1e39}"), "/training/class_weight/a", "> 0, got 1e"},
    {TRAIN("\"class_weight\":{\"a\":\"1\"}"), "/training/class_weight/a", "got \"1\""},
    {TRAIN("\"augment\":{}"), "/training/augment", "shift, mirror, rotate or zoom"},
    {TRAIN("\"augment\":{\"mirror\":false,\"shift\":null}"), "/training/augment", "what to do"},
    {TRAIN("\"early_stopping\":{\"monitor\":3}"), "/training/early_stopping/monitor", "got 3"},
    {TRAIN("\"early_stopping\":{\"monitor\":null}"), "/training/early_stopping/monitor",
     "got null"},
    {TRAIN("\"early_stopping\":{\"monitor\":\"validation_\"}"), "/training/early_stopping/monitor",
     "got \"validation_\""},
    {TRAIN("\"early_stopping\":{\"monitor\":\"train_loss\"}"), "/training/early_stopping/monitor",
     "got \"train_loss\""},
    {TRAIN("\"early_stopping\":{\"monitor\":\"test_f9\"}"), "/training/early_stopping/monitor",
     "name of a metric"},
    /* all rows in a step */
    {LBFGS("\"training\":{\"batch_size\":32}"), "/training/batch_size",
     "lbfgs takes all training rows in a step"},
    {LBFGS("\"training\":{\"accumulate\":2}"), "/training/accumulate", "takes all training rows"},
    {LBFGS("\"training\":{\"drop_last\":true}"), "/training/drop_last", "takes all training rows"},
    {LBFGS("\"schedule\":\"cosine\""), "/schedule", "lbfgs finds the length of its steps itself"},
    {LBFGS("\"schedule\":{\"type\":\"constant\",\"warmup_epochs\":2}"), "/schedule", "itself"},
    {LBFGS("\"training\":{\"clip_norm\":1}"), "/training/clip_norm", "searches along a line"},
    {LBFGS("\"training\":{\"clip_value\":1}"), "/training/clip_value", "searches along a line"},
    {LBFGS("\"training\":{\"max_norm\":1}"), "/training/max_norm", "searches along a line"},
    {LBFGS("\"training\":{\"average\":\"ema\"}"), "/training/average", "searches along a line"},
    {LBFGS("\"training\":{\"augment\":{\"shift\":1}}"), "/training/augment", "chance"},
    {LBFGS("\"architecture\":{\"input_dropout\":0.5}"), "/architecture/input_dropout", "chance"},
    {LBFGS("\"architecture\":{\"input_noise\":0.5}"), "/architecture/input_noise", "chance"},
    {OPT("\"type\":\"lbfgs\",\"l1\":0.1"), "/optimizer/l1", "searches along a line"},
    {OPT("\"type\":\"lbfgs\",\"weight_decay\":0.1"), "/optimizer/weight_decay",
     "searches along a line"},
    {TOP("\"optimizer\":\"rprop\",\"training\":{\"batch_size\":32}"), "/training/batch_size",
     "rprop takes all training rows"},
    {TOP("\"optimizer\":\"rprop\",\"schedule\":\"step\""), "/schedule", "rprop finds"},
    {TOP("\"optimizer\":\"rprop\",\"architecture\":{\"input_noise\":0.5}"),
     "/architecture/input_noise", "rprop compares"},
    /* where weights come from */
    {TOP("\"start_from\":{}"), "/start_from/model", "is required"},
    {TOP("\"start_from\":{\"freeze\":[0]}"), "/start_from/model", "is required"},
    {TOP("\"start_from\":0"), "/start_from", "must be a model's id or name, got 0"},
    {TOP("\"start_from\":3,\"initial_weights\":[{}]"), "/initial_weights", "give one of the two"},
};

START_TEST(wrong_together_is_refused)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(config_parse(wrong[_i].json, strlen(wrong[_i].json), &config, &err) == -1, "%s",
                  wrong[_i].json);
    ck_assert_msg(help_has(&err, wrong[_i].pointer, wrong[_i].fragment),
                  "%s\nwanted %s: %s\ngot %s", wrong[_i].json, wrong[_i].pointer,
                  wrong[_i].fragment, help_show(&err));
    err_fini(&err);
}
END_TEST

static const char *const right[] = {
    TOP("\"loss\":\"huber\",\"optimizer\":\"lion\",\"schedule\":\"one_cycle\""),
    TOP("\"loss\":{\"type\":\"huber\",\"delta\":null}"),
    TOP("\"schedule\":{\"type\":\"inverse_time\",\"factor\":3}"),
    TOP("\"schedule\":{\"type\":\"cosine\",\"cycle_epochs\":5,\"cycle_growth\":1.5}"),
    TRAIN("\"average\":\"swa\",\"class_weight\":\"balanced\""),
    TRAIN("\"class_weight\":{},\"average\":null,\"clip_norm\":null,\"threads\":64"),
    TRAIN("\"early_stopping\":{\"monitor\":\"test_loss\",\"target\":-5}"),
    LBFGS("\"training\":{\"accumulate\":1,\"drop_last\":false,\"average\":null,\"augment\":null},"
          "\"schedule\":\"constant\",\"architecture\":{\"input_dropout\":0}"),
    OPT("\"type\":\"lbfgs\",\"l1\":0,\"weight_decay\":0,\"l2\":0.1"),
    TOP("\"start_from\":\"iris\""),
    TOP("\"start_from\":{\"model\":12,\"optimizer_state\":\"continue\",\"freeze\":[0,2]}"),
    TOP("\"start_from\":null,\"initial_weights\":null"),
};

START_TEST(right_together_passes)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(config_parse(right[_i], strlen(right[_i]), &config, &err) == 0, "%s\n%s",
                  right[_i], help_show(&err));
    config_free(&config);
}
END_TEST

/* Our words are the core's, with the few differences that are meant. */
START_TEST(names_are_the_cores)
{
    size_t i;

    for (i = 0; mlp_schedule_names()[i] != NULL; i++) {
        ck_assert_str_eq(config_schedules()[i],
                         i == MLP_PLATEAU ? "reduce_on_plateau" : mlp_schedule_names()[i]);
    }
    ck_assert_ptr_null(config_schedules()[i]);
    for (i = 0; config_losses()[i] != NULL; i++) {
        enum mlp_loss loss;

        ck_assert(mlp_loss_parse(config_losses()[i], &loss));
    }
    ck_assert_uint_eq(i, CONFIG_TWEEDIE + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config keys");
    TCase *tc = tcase_create("config keys");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_key_refuses_what_it_is_not, 0, KEY_COUNT);
    tcase_add_loop_test(tc, a_choice_is_taken, 0, KEY_COUNT);
    tcase_add_loop_test(tc, wrong_together_is_refused, 0, ARRAY_LEN(wrong));
    tcase_add_loop_test(tc, right_together_passes, 0, ARRAY_LEN(right));
    tcase_add_test(tc, names_are_the_cores);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}

/* Schedules: values that a reader can work out, where they begin, turn and end, warm-up, and
 * what plateau does with what it is told. Whole courses beside PyTorch's are in
 * check_mlp_trajectories.c. */
#include "mlp_help.h"

#include "mlp/optimizer.h"
#include "mlp/schedule.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* relative, and absolute near 0 */
static void check_near(double value, double truth, const char *what, size_t step)
{
    ck_assert_msg(fabs(value - truth) <= 1e-12 * (fabs(truth) + 1e-3),
                  "%s, step %zu: %.17g, not %.17g", what, step, value, truth);
}

static double at_step(const struct mlp_schedule *s, size_t epochs, size_t step, size_t per)
{
    return schedule_factor(s, (double)epochs, (double)step / (double)per, (double)per);
}

/* Values at whole epochs of a training of 8 epochs of 5 steps. */
START_TEST(known_values)
{
    const double stones[] = {2, 3.5, 7};
    const struct {
        struct mlp_schedule s;
        double at[8];
    } known[] = {
        {{.type = MLP_CONSTANT}, {1, 1, 1, 1, 1, 1, 1, 1}},
        {{.type = MLP_STEP, .factor = 0.5, .every = 3}, {1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25}},
        {{.type = MLP_STEP, .factor = 0.5, .every = 2.5}, {1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25}},
        {{.type = MLP_MULTISTEP, .factor = 0.1, .n_milestones = 3, .milestones = stones},
         {1, 1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001}},
        {{.type = MLP_EXPONENTIAL, .factor = 0.5},
         {1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125}},
        {{.type = MLP_INVERSE_TIME, .factor = 0.5},
         {1, 1 / 1.5, 0.5, 0.4, 1 / 3.0, 1 / 3.5, 0.25, 1 / 4.5}},
        {{.type = MLP_POLYNOMIAL, .power = 2, .final = 0.2},
         {1, 0.8125, 0.65, 0.5125, 0.4, 0.3125, 0.25, 0.2125}},
    };

    for (size_t i = 0; i < COUNT(known); i++) {
        const struct mlp_schedule *s = &known[i].s;

        ck_assert(schedule_makes_sense(s, 8));
        for (size_t e = 0; e < 8; e++) {
            check_near(at_step(s, 8, 5 * e, 5), known[i].at[e], mlp_schedule_names()[s->type],
                       5 * e);
        }
        for (size_t step = 0; step < 40; step++) { /* in between */
            double f = at_step(s, 8, step, 5), epoch = known[i].at[step / 5];
            bool stairs = s->type <= MLP_MULTISTEP;

            check_near(stairs ? f : epoch, epoch, mlp_schedule_names()[s->type], step);
            ck_assert(step == 0 || f <= at_step(s, 8, step - 1, 5));
            ck_assert(stairs || step == 0 || f < at_step(s, 8, step - 1, 5));
        }
    }
    /* half a step of an exponential */
    const struct mlp_schedule half = {.type = MLP_EXPONENTIAL, .factor = 0.25};

    check_near(at_step(&half, 8, 5, 10), 0.5, "exponential", 5);

    /* a polynomial stays where it ended */
    const struct mlp_schedule root = {.type = MLP_POLYNOMIAL, .power = 0.5, .final = 0.25};

    check_near(at_step(&root, 8, 40, 5), 0.25, "polynomial", 40);
    check_near(at_step(&root, 8, 60, 5), 0.25, "polynomial", 60);
}
END_TEST

/* A cosine's first step has 1, its last one `final`, the middle their mean; thirds by 60 degrees.
 */
START_TEST(cosines)
{
    const struct mlp_schedule plain = {.type = MLP_COSINE},
                              high = {.type = MLP_COSINE, .final = 0.5};

    /* 13 epochs of 7 steps: 90 ways from the first to the last */
    check_near(at_step(&plain, 13, 0, 7), 1, "cosine", 0);
    check_near(at_step(&plain, 13, 30, 7), 0.75, "cosine", 30);
    check_near(at_step(&plain, 13, 45, 7), 0.5, "cosine", 45);
    check_near(at_step(&plain, 13, 60, 7), 0.25, "cosine", 60);
    ck_assert(at_step(&plain, 13, 90, 7) == 0);
    ck_assert(at_step(&plain, 13, 95, 7) == 0); /* beyond */
    check_near(at_step(&high, 13, 45, 7), 0.75, "cosine", 45);
    ck_assert(at_step(&high, 13, 90, 7) == 0.5);
    for (size_t per = 1; per < 30; per++) {
        for (size_t epochs = 1; epochs < 30; epochs++) {
            size_t last = per * epochs - 1;

            ck_assert(at_step(&plain, epochs, 0, per) == 1);
            ck_assert(last == 0 || at_step(&plain, epochs, last, per) == 0);
            ck_assert(last == 0 || at_step(&high, epochs, last, per) == 0.5);
        }
    }
}
END_TEST

/* Every cycle is a cosine of its own: where it begins the rate is 1, one step before 0. */
START_TEST(restarts)
{
    const struct {
        double first, growth;
        size_t begins[5]; /* in epochs */
    } cases[] = {
        {3, 1, {0, 3, 6, 9, 12}},  {1, 1, {0, 1, 2, 3, 4}},      {2, 2, {0, 2, 6, 14, 30}},
        {1, 3, {0, 1, 4, 13, 40}}, {4, 1.5, {0, 4, 10, 19, 19}}, /* 4, 6, 9, .. */
    };

    for (size_t per = 2; per < 40; per += 3) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            const struct mlp_schedule s = {.type = MLP_COSINE,
                                           .final = 0,
                                           .cycle_epochs = cases[i].first,
                                           .cycle_growth = cases[i].growth};

            ck_assert(schedule_makes_sense(&s, 100));
            for (size_t j = 0; j < 4 && cases[i].begins[j + 1] > cases[i].begins[j]; j++) {
                size_t from = cases[i].begins[j] * per, to = cases[i].begins[j + 1] * per;

                ck_assert(at_step(&s, 100, from, per) == 1);
                check_near(at_step(&s, 100, to - 1, per), 0, "restarts", to - 1);
                for (size_t step = from + 1; step < to; step++) {
                    ck_assert(at_step(&s, 100, step, per) < at_step(&s, 100, step - 1, per));
                    check_near(
                        at_step(&s, 100, step, per),
                        (1 + cos(acos(-1) * (double)(step - from) / (double)(to - 1 - from))) / 2,
                        "restarts", step);
                }
            }
        }
    }
    /* cycles that are no binary fractions: the 3rd tenth begins at the 3rd tenth */
    const struct mlp_schedule tenths = {.type = MLP_COSINE, .cycle_epochs = 0.1, .cycle_growth = 1};

    for (size_t step = 0; step < 1000; step += 5) {
        check_near(at_step(&tenths, 100, step, 50), 1, "tenths", step);
    }
    /* hardly a growth */
    const struct mlp_schedule hardly = {
        .type = MLP_COSINE, .cycle_epochs = 3, .cycle_growth = 1 + 1e-15};

    for (size_t step = 0; step < 3000; step += 6) {
        ck_assert(at_step(&hardly, 10000, step, 2) == 1);
    }
}
END_TEST

/* Up to 1 and down again, ends at 1 / (start_divisor final_divisor). */
START_TEST(one_cycle)
{
    const struct mlp_schedule s = {
        .type = MLP_ONE_CYCLE, .peak = 0.25, .start_divisor = 10, .final_divisor = 100};
    size_t per = 4, epochs = 10, top = 9, last = 39;

    check_near(at_step(&s, epochs, 0, per), 0.1, "one_cycle", 0);
    check_near(at_step(&s, epochs, top, per), 1, "one_cycle", top);
    check_near(at_step(&s, epochs, 24, per), (1 + 0.001) / 2, "one_cycle", 24); /* half-way */
    check_near(at_step(&s, epochs, 3, per), 0.1 + 0.9 / 4, "one_cycle", 3);     /* 60 degrees */
    check_near(at_step(&s, epochs, last, per), 0.001, "one_cycle", last);
    for (size_t step = 1; step <= last; step++) {
        double before = at_step(&s, epochs, step - 1, per), now = at_step(&s, epochs, step, per);

        ck_assert(step <= top ? now > before : now < before);
    }
}
END_TEST

/* A training of a single step has no way to go. */
START_TEST(single_steps)
{
    const struct mlp_schedule cosine = {.type = MLP_COSINE},
                              linear = {.type = MLP_POLYNOMIAL, .power = 1};
    const struct mlp_schedule once = {
        .type = MLP_ONE_CYCLE, .peak = 0.3, .start_divisor = 4, .final_divisor = 10};

    ck_assert(at_step(&cosine, 1, 0, 1) == 1);
    ck_assert(at_step(&linear, 1, 0, 1) == 1);
    ck_assert(at_step(&once, 1, 0, 1) == 0.25);
    check_near(at_step(&once, 2, 1, 1), 0.025, "one_cycle", 1);
}
END_TEST

/* Any type behind a warm-up: up in equal steps to the first value, then as if it began there. */
START_TEST(warm_up)
{
    const double stones[] = {2, 5};
    const struct mlp_schedule types[] = {
        {.type = MLP_CONSTANT},
        {.type = MLP_STEP, .factor = 0.5, .every = 2},
        {.type = MLP_MULTISTEP, .factor = 0.5, .n_milestones = 2, .milestones = stones},
        {.type = MLP_EXPONENTIAL, .factor = 0.9},
        {.type = MLP_INVERSE_TIME, .factor = 2},
        {.type = MLP_POLYNOMIAL, .power = 2},
        {.type = MLP_COSINE, .final = 0.1},
        {.type = MLP_COSINE, .cycle_epochs = 2, .cycle_growth = 2},
        {.type = MLP_ONE_CYCLE, .peak = 0.3, .start_divisor = 5, .final_divisor = 10},
        {.type = MLP_PLATEAU, .factor = 0.5, .patience = 1},
    };
    const size_t per = 6;

    for (size_t i = 0; i < COUNT(types); i++) {
        const char *name = mlp_schedule_names()[types[i].type];
        double first = at_step(&types[i], 9, 0, per);

        for (size_t epochs = 0; epochs <= 3; epochs++) {
            struct mlp_schedule warm = types[i];
            size_t steps = epochs * per;

            warm.warmup_epochs = (double)epochs;
            ck_assert(schedule_makes_sense(&warm, 12));
            for (size_t step = 0; step < steps; step++) {
                check_near(at_step(&warm, 9 + epochs, step, per),
                           first * (double)(step + 1) / (double)steps, name, step);
            }
            for (size_t step = 0; step < 9 * per; step++) {
                check_near(at_step(&warm, 9 + epochs, steps + step, per),
                           at_step(&types[i], 9, step, per), name, steps + step);
            }
        }
    }
    /* parts of an epoch, and of a step: never over 1 */
    struct mlp_schedule part = {.type = MLP_CONSTANT, .warmup_epochs = 0.5};

    check_near(at_step(&part, 9, 0, 6), 1 / 3.0, "half an epoch", 0);
    check_near(at_step(&part, 9, 2, 6), 1, "half an epoch", 2);
    check_near(at_step(&part, 9, 3, 6), 1, "half an epoch", 3);
    part.warmup_epochs = 2.5 / 6;
    check_near(at_step(&part, 9, 0, 6), 0.4, "two steps and a half", 0);
    check_near(at_step(&part, 9, 1, 6), 0.8, "two steps and a half", 1);
    check_near(at_step(&part, 9, 2, 6), 1, "two steps and a half", 2);
    part.warmup_epochs = 0.01;
    ck_assert(at_step(&part, 9, 0, 6) == 1);
}
END_TEST

/* ---- plateau ----------------------------------------------------------------------- */

/* Tell it the values; compare the factor after each. */
static void tell(const struct mlp_schedule *s, bool maximize, const double *values,
                 const double *factors, size_t n)
{
    struct schedule_state state;

    schedule_start(&state);
    ck_assert(schedule_rate(s, &state, 100, 50, 1) == 1);
    for (size_t i = 0; i < n; i++) {
        struct schedule_state copy; /* its bytes are all there is */

        memcpy(&copy, &state, sizeof(copy));
        memset(&state, 0xA5, sizeof(state));
        schedule_epoch(&copy, s, values[i], maximize);
        memcpy(&state, &copy, sizeof(state));
        check_near(schedule_rate(s, &state, 100, 50, 1), factors[i], "plateau", i);
    }
}

START_TEST(plateau)
{
    const struct mlp_schedule
        two = {.type = MLP_PLATEAU, .factor = 0.5, .patience = 2},
        gain = {.type = MLP_PLATEAU, .factor = 0.5, .patience = 1, .min_delta = 0.1},
        rest = {.type = MLP_PLATEAU, .factor = 0.5, .patience = 1, .cooldown = 2},
        floor_ = {.type = MLP_PLATEAU, .factor = 0.1, .patience = 1, .final = 0.05},
        late = {.type = MLP_PLATEAU, .factor = 0.5, .patience = 1, .warmup_epochs = 3};

    /* patience; an equal value is no gain; the count begins anew */
    tell(&two, false, (double[]){5, 5, 4, 4, 4, 4, 4, 3, 3, 3},
         (double[]){1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125}, 10);
    /* the other way */
    tell(&two, true, (double[]){5, 4, 6, 6, 6, 7}, (double[]){1, 1, 1, 1, 0.5, 0.5}, 6);
    /* more than min_delta than the best, which only a gain replaces */
    tell(&gain, false, (double[]){1, 0.95, 0.88, 0.85, 0.77}, (double[]){1, 0.5, 0.5, 0.25, 0.25},
         5);
    /* what is not finite is no gain, whatever came before */
    tell(&gain, false, (double[]){(double)NAN, 3, (double)NAN, (double)-INFINITY, 2},
         (double[]){0.5, 0.5, 0.25, 0.125, 0.125}, 5);
    /* cooldown */
    tell(&rest, false, (double[]){1, 2, 2, 2, 2, 2, 2, 2},
         (double[]){1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125}, 8);
    /* a cooldown's gain counts */
    tell(&rest, false, (double[]){1, 2, 0.5, 0.7, 0.7}, (double[]){1, 0.5, 0.5, 0.5, 0.25}, 5);
    /* not under final */
    tell(&floor_, false, (double[]){1, 1, 1, 1}, (double[]){1, 0.1, 0.05, 0.05}, 4);
    /* nothing is counted in the warm-up, but the best is remembered */
    tell(&late, false, (double[]){1, 2, 2, 2, 0.9}, (double[]){1, 1, 1, 0.5, 0.5}, 5);
}
END_TEST

/* Other types pass over what they are told. */
START_TEST(no_plateau)
{
    const struct mlp_schedule s = {.type = MLP_EXPONENTIAL, .factor = 0.5, .patience = 1};
    struct schedule_state state, before;

    schedule_start(&state);
    before = state;
    for (int i = 0; i < 5; i++) {
        schedule_epoch(&state, &s, 1, false);
    }
    ck_assert_mem_eq(&state, &before, sizeof(state));
    check_near(schedule_rate(&s, &state, 9, 2, 1), 0.25, "exponential", 2);
}
END_TEST

/* ---- what makes sense ------------------------------------------------------------------ */

START_TEST(schedules_refused)
{
    static const double falling[] = {3, 2}, twice[] = {2, 2}, zero[] = {0, 1}, endless[] = {1, NAN};
    const struct mlp_schedule bad[] = {
        {.type = (enum mlp_schedule_type)9},
        {.warmup_epochs = -1},
        {.warmup_epochs = (double)NAN},
        {.warmup_epochs = 10.5},
        {.type = MLP_STEP, .factor = 0.5},
        {.type = MLP_STEP, .every = 1},
        {.type = MLP_STEP, .factor = -1, .every = 1},
        {.type = MLP_STEP, .factor = 0.5, .every = (double)INFINITY},
        {.type = MLP_MULTISTEP, .factor = 0.5},
        {.type = MLP_MULTISTEP, .n_milestones = 1, .milestones = twice},
        {.type = MLP_MULTISTEP, .factor = 0.5, .n_milestones = 2, .milestones = falling},
        {.type = MLP_MULTISTEP, .factor = 0.5, .n_milestones = 2, .milestones = twice},
        {.type = MLP_MULTISTEP, .factor = 0.5, .n_milestones = 2, .milestones = zero},
        {.type = MLP_MULTISTEP, .factor = 0.5, .n_milestones = 2, .milestones = endless},
        {.type = MLP_EXPONENTIAL},
        {.type = MLP_EXPONENTIAL, .factor = (double)INFINITY},
        {.type = MLP_INVERSE_TIME, .factor = -0.1},
        {.type = MLP_INVERSE_TIME, .factor = (double)NAN},
        {.type = MLP_POLYNOMIAL},
        {.type = MLP_POLYNOMIAL, .power = 1, .final = 1.1},
        {.type = MLP_COSINE, .final = -0.1},
        {.type = MLP_COSINE, .cycle_epochs = 3},
        {.type = MLP_COSINE, .cycle_epochs = 3, .cycle_growth = 0.9},
        {.type = MLP_COSINE, .cycle_epochs = -3, .cycle_growth = 1},
        {.type = MLP_ONE_CYCLE, .peak = 0.3, .start_divisor = 10},
        {.type = MLP_ONE_CYCLE, .peak = 0, .start_divisor = 10, .final_divisor = 10},
        {.type = MLP_ONE_CYCLE, .peak = 1, .start_divisor = 10, .final_divisor = 10},
        {.type = MLP_ONE_CYCLE, .peak = 0.3, .start_divisor = 0.5, .final_divisor = 10},
        {.type = MLP_PLATEAU, .factor = 0.5},
        {.type = MLP_PLATEAU, .factor = 1, .patience = 1},
        {.type = MLP_PLATEAU, .factor = 0, .patience = 1},
        {.type = MLP_PLATEAU, .factor = 0.5, .patience = 1, .min_delta = -1},
        {.type = MLP_PLATEAU, .factor = 0.5, .patience = 1, .final = 2},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_msg(!schedule_makes_sense(&bad[i], 10), "schedule %zu", i);
    }
}
END_TEST

#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        struct mlp_train_spec bad = good;                                                          \
                                                                                                   \
        bad.field = (value);                                                                       \
        ck_assert_msg(!optimizer_spec_makes_sense(&bad, 3), "%s with " #field " of " #value,       \
                      mlp_optimizer_names()[kind]);                                                \
    } while (0)

/* _i is the optimizer */
START_TEST(optimizers_refused)
{
    const struct mlp_layer_train fine[] = {{.frozen = true}, {.l2 = 1}, {.rate = 1}},
                                 l1[] = {{.rate = 1}, {.rate = 1}, {.l1 = -1}},
                                 l2[] = {{.l2 = (double)NAN}, {.rate = 1}, {.rate = 1}},
                                 rate[] = {{.rate = 1}, {.rate = -1}, {.rate = 1}},
                                 some_l1[] = {{.rate = 1}, {.l1 = 1}, {.rate = 1}},
                                 some_rate[] = {{.rate = 1}, {.rate = 2}, {.rate = 1}};
    enum mlp_optimizer kind = (enum mlp_optimizer)_i;
    struct mlp_train_spec good = {.optimizer = kind,
                                  .learning_rate = 0.1,
                                  .momentum = 0.5,
                                  .beta1 = 0,
                                  .beta2 = 0.999,
                                  .epsilon = 1e-8,
                                  .rho = 0.9,
                                  .momentum_decay = 0.004,
                                  .l2 = 0.1,
                                  .layers = fine,
                                  .epochs = 10,
                                  .batch_size = 1};
    bool by_itself = kind == MLP_RPROP || kind == MLP_LBFGS;
    bool adam = kind == MLP_ADAM || kind == MLP_ADAMW || kind == MLP_NADAM || kind == MLP_RADAM;

    ck_assert(optimizer_spec_makes_sense(&good, 3));
    if (kind != MLP_LBFGS) {
        REFUSED(learning_rate, 0);
        REFUSED(learning_rate, -1);
        REFUSED(learning_rate, (double)NAN);
        REFUSED(learning_rate, 1e39);
    }
    if (kind == MLP_SGD || kind == MLP_RMSPROP) {
        REFUSED(momentum, 1);
        REFUSED(momentum, -0.1);
    }
    if (adam || kind == MLP_LION) {
        REFUSED(beta1, 1);
        REFUSED(beta1, -0.1);
        REFUSED(beta2, 1);
        REFUSED(beta2, (double)NAN);
    }
    if (kind == MLP_RMSPROP || kind == MLP_ADADELTA) {
        REFUSED(rho, 1);
        REFUSED(rho, -0.1);
    }
    if (adam || kind == MLP_RMSPROP || kind == MLP_ADAGRAD || kind == MLP_ADADELTA) {
        REFUSED(epsilon, 0);
        REFUSED(epsilon, 1e-46); /* 0 as a float */
        REFUSED(epsilon, 1e-40); /* as good as 0 where subnormal numbers are flushed */
        REFUSED(epsilon, (double)INFINITY);
    }
    if (kind == MLP_NADAM) {
        REFUSED(momentum_decay, -1);
    }
    REFUSED(l1, -1);
    REFUSED(l2, -1);
    REFUSED(l2, (double)INFINITY);
    REFUSED(weight_decay, -1);
    REFUSED(clip_value, -1);
    REFUSED(clip_norm, (double)NAN);
    REFUSED(max_norm, -1);
    REFUSED(bias_rate, -1);
    REFUSED(input_scale_rate, (double)NAN);
    REFUSED(layers, l1);
    REFUSED(layers, l2);
    REFUSED(layers, rate);
    REFUSED(schedule.warmup_epochs, 11);
    REFUSED(optimizer, (enum mlp_optimizer)(MLP_LBFGS + 1));
    if (by_itself) { /* steps of its own making */
        REFUSED(schedule.warmup_epochs, 1);
        REFUSED(schedule.type, MLP_COSINE);
    } else {
        good.schedule.warmup_epochs = 10;
        good.schedule.type = MLP_COSINE;
        ck_assert(optimizer_spec_makes_sense(&good, 3));
    }
    if (kind == MLP_LBFGS) {
        REFUSED(l1, 1);
        REFUSED(weight_decay, 1);
        REFUSED(clip_value, 1);
        REFUSED(clip_norm, 1);
        REFUSED(max_norm, 1);
        REFUSED(bias_rate, 2);
        REFUSED(input_scale_rate, 2);
        REFUSED(layers, some_l1);
        REFUSED(layers, some_rate);
    } else {
        good.l1 = good.weight_decay = good.clip_value = good.clip_norm = good.max_norm = 1;
        good.bias_rate = good.input_scale_rate = 2;
        ck_assert(optimizer_spec_makes_sense(&good, 3));
        good.layers = some_l1;
        ck_assert(optimizer_spec_makes_sense(&good, 3));
        good.layers = some_rate;
        ck_assert(optimizer_spec_makes_sense(&good, 3));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_schedule");
    TCase *c = tcase_create("schedule");

    tcase_add_test(c, known_values);
    tcase_add_test(c, cosines);
    tcase_add_test(c, restarts);
    tcase_add_test(c, one_cycle);
    tcase_add_test(c, single_steps);
    tcase_add_test(c, warm_up);
    tcase_add_test(c, plateau);
    tcase_add_test(c, no_plateau);
    tcase_add_test(c, schedules_refused);
    tcase_add_loop_test(c, optimizers_refused, 0, MLP_LBFGS + 1);
    suite_add_tcase(s, c);
    return help_run(s);
}

/* What holds for every optimizer alike: pieces, saved states and order change no bit, and no state
 * is taken for another's. What steps do is in check_mlp_step.c; that each is the method it is
 * called, in check_mlp_trajectories.c. */
#include "mlp_step_help.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- pieces -------------------------------------------------------------------- */

/* Ranges of all sizes, the last one first. */
static void step_in_pieces(struct rig *r, size_t t, size_t piece)
{
    size_t n = r->net->n_params;
    float *g = step_gradient(n, t);

    optimizer_begin(&r->optimizer, 0.01 + 0.001 * (double)t);
    if (optimizer_needs_clip(&r->optimizer)) {
        optimizer_clip(&r->optimizer, r->net, g);
    }
    for (size_t end = n; end > 0;) {
        size_t length = end < piece ? end : piece;

        end -= length;
        optimizer_range(&r->optimizer, r->net, g, end, length);
    }
    optimizer_end(&r->optimizer, r->net);
    free(g);
}

/* _i is the optimizer; with everything else at work, and with nothing */
START_TEST(pieces_are_the_whole)
{
    const struct mlp_train_spec specs[] = {full_spec((enum mlp_optimizer)_i),
                                           step_spec((enum mlp_optimizer)_i)};
    const struct kernel *tables[KERNEL_MAX];

    for (size_t k = kernel_tables(tables); k-- > 0;) {
        for (size_t i = 0; i < COUNT(specs); i++) {
            for (size_t piece = 1; piece < 2000; piece = piece * 3 + 1) {
                struct rig whole, parts;

                rig_open(&whole, &specs[i]);
                rig_open(&parts, &specs[i]);
                whole.net->kernel = parts.net->kernel = tables[k];
                take_steps(&whole, 0, 4);
                for (size_t t = 0; t < 4; t++) {
                    step_in_pieces(&parts, t, piece);
                }
                check_same(&whole, &parts);
                rig_close(&whole);
                rig_close(&parts);
            }
        }
    }
}
END_TEST

/* ---- saved states ----------------------------------------------------------------- */

/* _i is the optimizer */
START_TEST(saved_and_loaded)
{
    const struct mlp_train_spec specs[] = {full_spec((enum mlp_optimizer)_i),
                                           step_spec((enum mlp_optimizer)_i)};

    for (size_t i = 0; i < COUNT(specs); i++) {
        struct rig whole, first, second;

        rig_open(&whole, &specs[i]);
        rig_open(&first, &specs[i]);
        rig_open(&second, &specs[i]);
        size_t bytes = optimizer_state_bytes(&first.optimizer);
        unsigned char *state = malloc(bytes + 1);

        ck_assert_ptr_nonnull(state);
        state[bytes] = 0x5A;
        take_steps(&whole, 0, 9);
        take_steps(&first, 0, 5);
        optimizer_save(&first.optimizer, state);
        ck_assert_int_eq(state[bytes], 0x5A);
        take_steps(&second, 7, 9); /* a state to forget */
        memcpy(second.net->params, first.net->params, first.net->n_params * sizeof(float));
        ck_assert(optimizer_load(&second.optimizer, state));
        take_steps(&second, 5, 9);
        check_same(&whole, &second);
        free(state);
        rig_close(&whole);
        rig_close(&first);
        rig_close(&second);
    }
}
END_TEST

/* Every optimizer takes its own state and none of another's. */
START_TEST(strange_states)
{
    struct mlp_train_spec specs[MLP_LBFGS + 5];
    size_t n = 0;

    for (enum mlp_optimizer kind = MLP_SGD; kind <= MLP_LBFGS; kind++) {
        specs[n++] = step_spec(kind);
    }
    specs[n] = step_spec(MLP_SGD);
    specs[n++].momentum = 0;
    specs[n] = step_spec(MLP_ADAM);
    specs[n++].amsgrad = true;
    specs[n] = step_spec(MLP_RMSPROP);
    specs[n++].momentum = 0;
    for (size_t i = 0; i < n; i++) {
        struct rig from;

        rig_open(&from, &specs[i]);
        void *state = calloc(1, 1 << 20); /* room for the longest: a reader may look at its head */

        ck_assert_ptr_nonnull(state);
        ck_assert_uint_le(optimizer_state_bytes(&from.optimizer), 1 << 20);
        optimizer_save(&from.optimizer, state);
        for (size_t j = 0; j < n; j++) {
            struct rig to;

            rig_open(&to, &specs[j]);
            ck_assert_int_eq(optimizer_load(&to.optimizer, state), i == j);
            to.optimizer.n_params--;
            to.optimizer.lbfgs.n_params--;
            ck_assert(!optimizer_load(&to.optimizer, state));
            rig_close(&to);
        }
        free(state);
        rig_close(&from);
    }
}
END_TEST

START_TEST(damaged_states)
{
    const struct mlp_train_spec spec = step_spec(MLP_ADAM);
    const double bad[] = {-0.5, 1.5, (double)NAN, (double)INFINITY};
    struct rig r;

    rig_open(&r, &spec);
    unsigned char *state = malloc(optimizer_state_bytes(&r.optimizer));

    ck_assert_ptr_nonnull(state);
    for (size_t field = 0; field < 3; field++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            optimizer_save(&r.optimizer, state);
            ck_assert(optimizer_load(&r.optimizer, state));
            memcpy(state + 32 + 8 * field, &bad[i], sizeof(double)); /* behind four counters */
            ck_assert(!optimizer_load(&r.optimizer, state));
        }
    }
    free(state);
    rig_close(&r);
}
END_TEST

/* Arrays as long as the parameters, in 64s, and no more than the kind needs. */
START_TEST(room)
{
    static const size_t arrays[] = {1, 2, 2, 2, 2, 1, 2, 1, 2, 2, 24};

    ck_assert_uint_eq(COUNT(arrays), MLP_LBFGS + 1);
    for (enum mlp_optimizer kind = MLP_SGD; kind <= MLP_LBFGS; kind++) {
        struct mlp_train_spec spec = step_spec(kind);
        struct rig r;

        rig_open(&r, &spec);
        size_t one = (r.net->n_params * sizeof(float) + 63) / 64 * 64;

        ck_assert_uint_eq(r.bytes, arrays[kind] * one);
        rig_close(&r);
        spec.amsgrad = true;
        spec.momentum = 0;
        rig_open(&r, &spec);
        size_t more = kind == MLP_ADAM || kind == MLP_ADAMW;
        size_t less = kind == MLP_SGD || kind == MLP_RMSPROP;

        ck_assert_uint_eq(r.bytes, (arrays[kind] + more - less) * one);
        rig_close(&r);
    }
}
END_TEST

/* A second start is as good as the first. _i is the optimizer */
START_TEST(started_again)
{
    const struct mlp_train_spec spec = full_spec((enum mlp_optimizer)_i);
    struct rig fresh, used;

    rig_open(&fresh, &spec);
    rig_open(&used, &spec);
    take_steps(&used, 3, 7);
    memcpy(used.net->params, fresh.net->params, fresh.net->n_params * sizeof(float));
    optimizer_start(&used.optimizer, used.net->n_params);
    take_steps(&fresh, 0, 7);
    take_steps(&used, 0, 7);
    check_same(&fresh, &used);
    rig_close(&fresh);
    rig_close(&used);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_optimizer");
    TCase *c = tcase_create("optimizer");

    tcase_add_loop_test(c, pieces_are_the_whole, 0, MLP_LBFGS);
    tcase_add_loop_test(c, saved_and_loaded, 0, MLP_LBFGS);
    tcase_add_test(c, strange_states);
    tcase_add_test(c, damaged_states);
    tcase_add_test(c, room);
    tcase_add_loop_test(c, started_again, 0, MLP_LBFGS);
    suite_add_tcase(s, c);
    return help_run(s);
}

/* Trainings that stop and go on: saved in the middle and loaded elsewhere they come to the same
 * bits as if nothing had been, for every optimizer, average and schedule; extended, ten
 * epochs and ten more are twenty. What is not a state of theirs is refused. */
#include "mlp_train_help.h"

#include "mlp/rng.h"

static const struct mlp_layer_spec hidden[2] = {
    {.units = 9, .activation = MLP_RELU, .norm = MLP_NORM_BATCH, .dropout = 0.2},
    {.units = 6, .activation = MLP_TANH}};
static const struct mlp_layer_spec still[2] = {{.units = 9, .activation = MLP_RELU},
                                               {.units = 6, .activation = MLP_TANH}};

/* A training of each kind: every optimizer plain, then the rest of what a state has to carry. */
enum { KINDS = MLP_LBFGS + 1, EMA = KINDS, SWA, PLATEAU, NORMS, PATIENT, ACCUMULATED, ALL };

static struct mlp_train_spec training(int kind, size_t epochs)
{
    struct mlp_train_spec s = help_optimizer(kind < KINDS ? (enum mlp_optimizer)kind : MLP_ADAM);

    s.epochs = epochs;
    s.batch_size = 8;
    if (kind == EMA) {
        s.average = MLP_AVERAGE_EMA;
        s.average_decay = 0.9;
    } else if (kind == SWA) {
        s.average = MLP_AVERAGE_SWA;
        s.average_start = 2;
    } else if (kind == PLATEAU) {
        s.learning_rate = 0.3; /* so large that it does not get better for long */
        s.schedule = (struct mlp_schedule){
            .type = MLP_PLATEAU, .factor = 0.5, .patience = 1, .final = 1e-3};
    } else if (kind == NORMS) {
        s.gradient_norms = true;
    } else if (kind == PATIENT) {
        s.patience = 9;
        s.restore_best = true;
        s.learning_rate = 0.15;
    } else if (kind == ACCUMULATED) {
        s.accumulate = 3;
    }
    return s;
}

static struct mlp_spec network(int kind)
{
    bool full = kind == MLP_RPROP || kind == MLP_LBFGS;

    return help_spec(4, 2, full ? still : hidden, 2, MLP_MSE);
}

/* The steps after which the caller says stop, one after the other; then never again. */
struct stopper {
    size_t asked, next, n;
    const size_t *at;
    double norm, loss; /* sums over epochs */
};

static bool stop_at(void *arg)
{
    struct stopper *s = arg;
    bool now = s->next < s->n && s->asked >= s->at[s->next];

    s->asked++;
    if (now) {
        s->next++;
    }
    return now;
}

static void look(void *arg, const struct mlp_epoch *e)
{
    struct stopper *s = arg;

    s->norm += e->gradient_norms != NULL ? e->gradient_norms[0] : 0;
    s->loss += e->validation.loss + e->training_loss;
}

/* Run to the end, with a new trainer and net for each piece. */
static struct mlp_net *run_in_pieces(int kind, const struct mlp_spec *spec,
                                     const struct mlp_train_spec *train,
                                     const struct mlp_data *data, const struct mlp_data *validation,
                                     struct stopper *stopper, struct mlp_result *result)
{
    const struct mlp_callbacks callbacks = {.arg = stopper, .stop = stop_at, .epoch = look};
    struct mlp_net *net = help_net(spec, 5);
    struct mlp_trainer *t = NULL;

    ck_assert_int_eq(mlp_trainer_new(net, train, data, validation, &callbacks, &t), MLP_OK);
    for (;;) {
        ck_assert_int_eq(mlp_trainer_run(t, result), MLP_OK);
        if (result->stopped_by != MLP_BY_CALLER) {
            break;
        }
        size_t size = mlp_trainer_state_size(t);
        void *state = malloc(size);

        ck_assert_ptr_nonnull(state);
        mlp_trainer_save(t, state);
        mlp_trainer_free(&t);
        mlp_net_free(&net);
        net = help_net(spec, 1000 + stopper->next); /* whatever is in it must not matter */
        ck_assert_int_eq(mlp_trainer_new(net, train, data, validation, &callbacks, &t), MLP_OK);
        ck_assert_uint_eq(mlp_trainer_state_size(t), size);
        ck_assert_msg(mlp_trainer_load(t, state, size) == MLP_OK, "kind %d: not loaded", kind);
        free(state);
    }
    mlp_trainer_publish(t);
    mlp_trainer_free(&t);
    return net;
}

static void check_same(int kind, const struct mlp_net *a, const struct mlp_net *b,
                       const struct mlp_result *ra, const struct mlp_result *rb)
{
    ck_assert_msg(memcmp(mlp_net_params_const(a), mlp_net_params_const(b),
                         mlp_net_values(a) * sizeof(float)) == 0,
                  "kind %d: other weights", kind);
    ck_assert_int_eq(ra->stopped_by, rb->stopped_by);
    ck_assert_uint_eq(ra->epochs, rb->epochs);
    ck_assert_uint_eq(ra->best_epoch, rb->best_epoch);
    ck_assert_uint_eq(ra->steps, rb->steps);
    ck_assert_double_eq(ra->best_loss, rb->best_loss);
}

/* _i is the kind */
START_TEST(pieces_are_the_whole)
{
    /* at once; in the middle of an epoch, twice; at its edge; many epochs on */
    static const size_t at[] = {0, 3, 4, 6, 13, 31, 47, 58, 66};
    struct plane p = plane_new(8, 45, 1), v = plane_new(9, 20, 1);
    struct mlp_spec spec = network(_i);
    struct mlp_train_spec train = training(_i, 12);
    struct stopper never = {0}, often = {.at = at, .n = 9};
    struct mlp_result whole, pieces;
    struct mlp_net *a = run_in_pieces(_i, &spec, &train, &p.data, &v.data, &never, &whole);
    struct mlp_net *b = run_in_pieces(_i, &spec, &train, &p.data, &v.data, &often, &pieces);

    ck_assert_uint_ge(often.next, 3);
    check_same(_i, a, b, &whole, &pieces);
    ck_assert_double_eq(never.norm, often.norm);
    ck_assert_double_eq(never.loss, often.loss);
    mlp_net_free(&a);
    mlp_net_free(&b);
    plane_free(&p);
    plane_free(&v);
}
END_TEST

/* A training's epoch callback may save, too. */
struct saver {
    struct mlp_trainer *t;
    void *state;
};

static void save_third(void *arg, const struct mlp_epoch *e)
{
    struct saver *s = arg;

    if (e->epoch == 3) {
        mlp_trainer_save(s->t, s->state);
    }
}

START_TEST(saving_at_an_epochs_end)
{
    struct plane p = plane_new(8, 45, 1);
    struct mlp_spec spec = network(_i);
    struct mlp_train_spec train = training(_i, 9);
    struct mlp_net *a = help_net(&spec, 5), *b = help_net(&spec, 6);
    struct saver s = {0};
    const struct mlp_callbacks callbacks = {.arg = &s, .epoch = save_third};
    struct mlp_trainer *t = NULL;
    struct mlp_result ra, rb;

    ck_assert_int_eq(mlp_trainer_new(a, &train, &p.data, NULL, &callbacks, &s.t), MLP_OK);
    size_t size = mlp_trainer_state_size(s.t);
    s.state = malloc(size);
    ck_assert_ptr_nonnull(s.state);
    ck_assert_int_eq(mlp_trainer_run(s.t, &ra), MLP_OK);
    mlp_trainer_publish(s.t);
    mlp_trainer_free(&s.t);
    ck_assert_uint_gt(ra.epochs, 3);

    ck_assert_int_eq(mlp_trainer_new(b, &train, &p.data, NULL, NULL, &t), MLP_OK);
    ck_assert_int_eq(mlp_trainer_load(t, s.state, size), MLP_OK);
    ck_assert_int_eq(mlp_trainer_run(t, &rb), MLP_OK);
    mlp_trainer_publish(t);
    mlp_trainer_free(&t);
    check_same(_i, a, b, &ra, &rb);
    free(s.state);
    mlp_net_free(&a);
    mlp_net_free(&b);
    plane_free(&p);
}
END_TEST

/* Train for some epochs, going on from a state if there is one; the new state is the caller's. */
static struct mlp_net *train_on(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                                const struct mlp_data *data, void **state, size_t *size)
{
    struct mlp_net *net = help_net(spec, 5);
    struct mlp_trainer *t = NULL;
    struct mlp_result r;

    ck_assert_int_eq(mlp_trainer_new(net, train, data, NULL, NULL, &t), MLP_OK);
    if (*state != NULL) {
        ck_assert_int_eq(mlp_trainer_extend(t, *state, *size), MLP_OK);
        free(*state);
    }
    ck_assert_int_eq(mlp_trainer_run(t, &r), MLP_OK);
    ck_assert_uint_eq(r.epochs, train->epochs);
    *size = mlp_trainer_state_size(t);
    *state = malloc(*size);
    ck_assert_ptr_nonnull(*state);
    mlp_trainer_save(t, *state);
    mlp_trainer_publish(t);
    mlp_trainer_free(&t);
    return net;
}

START_TEST(ten_and_ten_are_twenty)
{
    struct plane p = plane_new(8, 45, 1);
    struct mlp_spec spec = network(_i);
    struct mlp_train_spec ten = training(_i, 10), twenty = training(_i, 20);
    void *state = NULL, *other = NULL;
    size_t size = 0;
    struct mlp_net *first = train_on(&spec, &ten, &p.data, &state, &size);
    struct mlp_net *second = train_on(&spec, &ten, &p.data, &state, &size);
    struct mlp_net *whole = train_on(&spec, &twenty, &p.data, &other, &size);
    size_t bytes = mlp_net_values(whole) * sizeof(float);

    ck_assert_mem_ne(mlp_net_params(first), mlp_net_params(second), bytes);
    ck_assert_msg(memcmp(mlp_net_params(whole), mlp_net_params(second), bytes) == 0, "kind %d", _i);
    free(state);
    free(other);
    mlp_net_free(&first);
    mlp_net_free(&second);
    mlp_net_free(&whole);
    plane_free(&p);
}
END_TEST

/* States that are of something else, or of nothing. Each must leave the trainer as it was. */
START_TEST(foreign_states_are_refused)
{
    struct plane p = plane_new(8, 45, 1);
    struct mlp_spec spec = network(MLP_ADAM), wider = spec;
    struct mlp_layer_spec layers[2] = {hidden[0], hidden[1]};
    struct mlp_train_spec train = training(MLP_ADAM, 5), other = train, sgd = training(MLP_SGD, 5);
    struct mlp_net *net = help_net(&spec, 5), *plain = help_net(&spec, 5);
    struct mlp_trainer *t = NULL, *o = NULL;
    void *state = NULL;
    size_t size = 0;
    struct mlp_net *trained = train_on(&spec, &train, &p.data, &state, &size);

    layers[0].activation = MLP_SIGMOID; /* same lengths, another meaning */
    wider.hidden = layers;
    other.seed++;
    struct mlp_net *w = help_net(&wider, 5);
    ck_assert_int_eq(mlp_trainer_new(w, &train, &p.data, NULL, NULL, &o), MLP_OK);
    ck_assert_int_eq(mlp_trainer_load(o, state, size), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_trainer_extend(o, state, size), MLP_E_ARGUMENT);
    mlp_trainer_free(&o);
    mlp_net_free(&w);
    ck_assert_int_eq(mlp_trainer_new(net, &other, &p.data, NULL, NULL, &o), MLP_OK);
    ck_assert_int_eq(mlp_trainer_load(o, state, size), MLP_E_ARGUMENT);
    mlp_trainer_free(&o);
    ck_assert_int_eq(mlp_trainer_new(net, &sgd, &p.data, NULL, NULL, &o), MLP_OK);
    ck_assert_int_eq(mlp_trainer_load(o, state, size), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_trainer_extend(o, state, size), MLP_E_ARGUMENT);
    mlp_trainer_free(&o);
    ck_assert_int_eq(mlp_trainer_new(net, &train, &p.data, NULL, NULL, &t), MLP_OK);
    ck_assert_int_eq(mlp_trainer_load(t, state, size - 1), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_trainer_load(t, state, 0), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_trainer_extend(t, state, 7), MLP_E_ARGUMENT);
    memset(state, 0, 8);
    ck_assert_int_eq(mlp_trainer_load(t, state, size), MLP_E_ARGUMENT);
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(plain),
                     mlp_net_values(net) * sizeof(float));
    mlp_trainer_free(&t);
    free(state);
    mlp_net_free(&trained);
    mlp_net_free(&net);
    mlp_net_free(&plain);
    plane_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_resume");
    TCase *c = tcase_create("resume");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, pieces_are_the_whole, 0, ALL);
    tcase_add_loop_test(c, saving_at_an_epochs_end, 0, ALL);
    tcase_add_loop_test(c, ten_and_ten_are_twenty, 0, KINDS);
    tcase_add_test(c, foreign_states_are_refused);
    suite_add_tcase(s, c);
    return help_run(s);
}

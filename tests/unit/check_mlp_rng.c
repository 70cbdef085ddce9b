/* The generator: known answers, streams, and what is drawn. */
#include "mlp_help.h"

#include "mlp/net.h"
#include "mlp/rng.h"
#include "../golden/mlp_golden.h"

/* From the known-answer tests published with Random123. */
START_TEST(philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        uint32_t out[4];

        rng_philox(known[i].counter, known[i].key, out);
        ck_assert_mem_eq(out, known[i].out, sizeof(out));
    }
}
END_TEST

/* The counter is (epoch, step, layer, block), and the stream's key is philox of the seed. */
START_TEST(blocks_are_counters)
{
    const uint32_t seed[2] = {0x89abcdef, 0x01234567}, first[4] = {RNG_DROPOUT, 0, 0, 0};
    const uint32_t counter[4] = {11, 13, 17, 19}, beyond[4] = {11, 14, 17, 19};
    struct rng rng = rng_stream(0x0123456789abcdefU, RNG_DROPOUT);
    struct rng_at at = {.epoch = 11, .step = 13, .layer = 17};
    uint32_t expected[4], out[4];

    rng_philox(first, seed, expected);
    ck_assert_mem_eq(rng.key, expected, sizeof(rng.key));
    rng_philox(counter, rng.key, expected);
    rng_block(&rng, at, 19, out);
    ck_assert_mem_eq(out, expected, sizeof(out));
    rng_philox(beyond, rng.key, expected);
    rng_block(&rng, at, (UINT64_C(1) << 32) + 19, out);
    ck_assert_mem_eq(out, expected, sizeof(out));
}
END_TEST

/* What a seed means must never change: numbers of a Python version of rng.h's words
 * (tests/golden/make_golden.py prints them). */
START_TEST(streams_known_answers)
{
    static const uint32_t order[8] = GOLDEN_PERMUTATION;
    static const double uniform[4] = GOLDEN_UNIFORM, normal[4] = GOLDEN_NORMAL;
    struct rng shuffle = rng_stream(42, RNG_SHUFFLE), init = rng_stream(42, RNG_INIT);
    uint32_t got[8];
    double draw[4];

    rng_permutation(&shuffle, 3, got, 8);
    ck_assert_mem_eq(got, order, sizeof(got));
    rng_uniform4(&init, (struct rng_at){.layer = 1}, 5, draw);
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq(draw[i], uniform[i]);
    }
    rng_normal4(&init, (struct rng_at){.layer = 1}, 5, draw);
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq_tol(draw[i], normal[i], 1e-14);
    }
}
END_TEST

START_TEST(permutations_are_permutations)
{
    static const size_t sizes[] = {0, 1, 2, 3, 31, 1000};
    struct rng rng = rng_stream(5, RNG_SHUFFLE);
    uint32_t a[1000], b[1000];
    bool seen[1000];

    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        size_t n = sizes[s];

        memset(seen, 0, sizeof(seen));
        rng_permutation(&rng, 1, a, n);
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_lt(a[i], n);
            ck_assert(!seen[a[i]]);
            seen[a[i]] = true;
        }
    }
    rng_permutation(&rng, 2, b, 1000);
    ck_assert_mem_ne(a, b, sizeof(a)); /* another epoch, another order */
    rng_permutation(&rng, 1, b, 1000);
    ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

/* All 24 orders of four, 24,000 draws: chi squared with 23 degrees of freedom, and under 50
 * but once in a thousand seeds. */
START_TEST(permutations_are_fair)
{
    struct rng rng = rng_stream(1, RNG_SHUFFLE);
    unsigned count[256] = {0};
    double chi = 0;

    for (uint32_t epoch = 0; epoch < 24000; epoch++) {
        uint32_t p[4];

        rng_permutation(&rng, epoch, p, 4);
        count[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        chi += count[i] > 0 ? pow((double)count[i] - 1000, 2) / 1000 : 0;
    }
    ck_assert_double_lt(chi, 50);
}
END_TEST

START_TEST(draws_have_their_moments)
{
    struct rng rng = rng_stream(9, RNG_INIT);
    double sum[2] = {0}, squares[2] = {0}, low = 1, high = 0;
    size_t n = 100000;

    for (size_t b = 0; b < n / 4; b++) {
        double u[4], z[4];

        rng_uniform4(&rng, (struct rng_at){0}, b, u);
        rng_normal4(&rng, (struct rng_at){0}, b, z);
        for (int i = 0; i < 4; i++) {
            low = fmin(low, u[i]);
            high = fmax(high, u[i]);
            sum[0] += u[i];
            squares[0] += pow(u[i] - 0.5, 2);
            sum[1] += z[i];
            squares[1] += z[i] * z[i];
        }
    }
    ck_assert(low > 0 && low < 1e-3 && high < 1 && high > 1 - 1e-3);
    ck_assert_double_eq_tol(sum[0] / (double)n, 0.5, 0.004);
    ck_assert_double_eq_tol(squares[0] / (double)n, 1.0 / 12, 0.001);
    ck_assert_double_eq_tol(sum[1] / (double)n, 0, 0.015);
    ck_assert_double_eq_tol(squares[1] / (double)n, 1, 0.02);
}
END_TEST

static struct mlp_net *linear(enum mlp_init init, double scale, size_t n_in, size_t n_out,
                              uint64_t seed)
{
    struct mlp_spec spec = help_spec(n_in, 0, NULL, n_out, MLP_MSE);

    spec.output_init = init;
    spec.output_init_scale = scale;
    return help_net(&spec, seed);
}

/* 30,000 weights by a rule: their deviation (1.3 % is three deviations of it), a mean of 0, and the
 * largest one just within the limit, or beyond three deviations. Biases are 0. */
static void check_rule(enum mlp_init init, double scale, double expected, double limit)
{
    enum { IN = 300, OUT = 100, N = IN * OUT };
    struct mlp_net *net = linear(init, scale, IN, OUT, 3);
    const float *w = mlp_net_params_const(net);
    const char *name = mlp_init_names()[init];
    double sum = 0, squares = 0, largest = 0;

    for (size_t i = 0; i < N; i++) {
        sum += (double)w[i];
        squares += (double)w[i] * (double)w[i];
        largest = fmax(largest, fabs((double)w[i]));
    }
    double deviation = sqrt(squares / N);

    ck_assert_msg(fabs(deviation - expected) <= 0.013 * expected, "%s: deviation %g, not %g", name,
                  deviation, expected);
    ck_assert_msg(fabs(sum / N) <= 0.018 * expected, "%s: mean %g", name, sum / N);
    ck_assert_msg(limit > 0 ? largest > 0.999 * limit && largest <= limit * (1 + 1e-7)
                            : largest > 3.5 * expected,
                  "%s: largest %g", name, largest);
    for (size_t i = 0; i < OUT && init != MLP_UNIFORM_FAN_IN; i++) {
        ck_assert_float_eq(w[N + i], 0);
    }
    mlp_net_free(&net);
}

START_TEST(initial_weights_follow_their_rule)
{
    double glorot = sqrt(2.0 / 400), he = sqrt(2.0 / 300), lecun = sqrt(1.0 / 300);

    check_rule(MLP_GLOROT_UNIFORM, 0, glorot, sqrt(6.0 / 400));
    check_rule(MLP_GLOROT_NORMAL, 0, glorot, 0);
    check_rule(MLP_HE_UNIFORM, 0, he, sqrt(6.0 / 300));
    check_rule(MLP_HE_NORMAL, 0, he, 0);
    check_rule(MLP_LECUN_UNIFORM, 0, lecun, sqrt(3.0 / 300));
    check_rule(MLP_LECUN_NORMAL, 0, lecun, 0);
    check_rule(MLP_UNIFORM_FAN_IN, 0, lecun / sqrt(3), lecun);
    check_rule(MLP_UNIFORM, 0, 0.05 / sqrt(3), 0.05);
    check_rule(MLP_UNIFORM, 0.7, 0.7 / sqrt(3), 0.7);
    check_rule(MLP_NORMAL, 0, 0.05, 0);
    check_rule(MLP_NORMAL, 0.3, 0.3, 0);
    check_rule(MLP_GLOROT_NORMAL, 9, glorot, 0); /* has no scale */
}
END_TEST

START_TEST(biases_follow_fan_in)
{
    struct mlp_net *net = linear(MLP_UNIFORM_FAN_IN, 0, 25, 4000, 8);
    const float *b = mlp_net_params_const(net) + (size_t)25 * 4000;
    double sum = 0, squares = 0, largest = 0;

    for (size_t i = 0; i < 4000; i++) {
        sum += (double)b[i];
        squares += (double)b[i] * (double)b[i];
        largest = fmax(largest, fabs((double)b[i]));
    }
    ck_assert_double_eq_tol(sqrt(squares / 4000), 0.2 / sqrt(3), 0.003);
    ck_assert_double_eq_tol(sum / 4000, 0, 0.006);
    ck_assert(largest > 0.199 && largest <= 0.2 * (1 + 1e-7));
    ck_assert_mem_ne(b, mlp_net_params_const(net), 4000 * sizeof(*b)); /* numbers of their own */
    mlp_net_free(&net);
}
END_TEST

START_TEST(zeros_are_zeros)
{
    struct mlp_net *zero = linear(MLP_ZEROS, 0.5, 9, 5, 1);

    for (size_t i = 0; i < 50; i++) {
        ck_assert(mlp_net_params_const(zero)[i] == 0 && !signbit(mlp_net_params_const(zero)[i]));
    }
    mlp_net_free(&zero);
}
END_TEST

/* What a layer of maxout has for each unit is drawn for a layer of `units`, not of all pieces. */
START_TEST(pieces_are_drawn_as_layers)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 100, .activation = MLP_MAXOUT, .pieces = 4}};
    struct mlp_spec spec = help_spec(300, 1, hidden, 1, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 3);
    double squares = 0;

    for (size_t i = 0; i < 300 * 400; i++) {
        squares += pow((double)mlp_net_params_const(net)[i], 2);
    }
    ck_assert_double_eq_tol(sqrt(squares / (300 * 400)), sqrt(2.0 / 400), 0.0005);
    mlp_net_free(&net);
}
END_TEST

/* Rows or columns, whichever are fewer, of each piece: length `scale`, at right angles. */
static void check_orthogonal(size_t n_in, size_t units, size_t pieces, double scale)
{
    const struct mlp_layer_spec hidden[1] = {{.units = units,
                                              .activation = pieces > 1 ? MLP_MAXOUT : MLP_RELU,
                                              .pieces = pieces > 1 ? pieces : 0,
                                              .init = MLP_ORTHOGONAL,
                                              .init_scale = scale}};
    struct mlp_spec spec = help_spec(n_in, 1, hidden, 1, MLP_MSE);
    struct mlp_net *net = help_net(&spec, n_in + units);
    const float *w = mlp_net_params_const(net);
    size_t wide = units * pieces, m = n_in < units ? n_in : units, n = n_in < units ? units : n_in;
    size_t step = n_in < units ? wide : 1, along = n_in < units ? 1 : wide;
    double length = scale > 0 ? scale * scale : 1;

    for (size_t p = 0; p < pieces; p++) {
        for (size_t a = 0; a < m; a++) {
            for (size_t b = 0; b <= a; b++) {
                const float *u = w + p * units + a * step, *v = w + p * units + b * step;
                double sum = 0;

                for (size_t i = 0; i < n; i++) {
                    sum += (double)u[i * along] * (double)v[i * along];
                }
                ck_assert_msg(fabs(sum - (a == b ? length : 0)) <= 1e-6 * length,
                              "%zu x %zu, piece %zu: %zu times %zu is %g", n_in, units, p, a, b,
                              sum);
            }
        }
    }
    for (size_t j = 0; j < wide; j++) {
        ck_assert_float_eq(w[n_in * wide + j], 0); /* biases */
    }
    mlp_net_free(&net);
}

START_TEST(orthogonal_weights_are)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 33, 100};

    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            check_orthogonal(sizes[i], sizes[j], 1, 0);
        }
    }
    check_orthogonal(40, 25, 3, 0);
    check_orthogonal(25, 40, 2, 1.7);
    check_orthogonal(200, 200, 1, 1.5);
}
END_TEST

/* Every rotation and reflection is as likely as any other: the trace is 0 on average, of
 * variance 1, and half the matrices mirror. (A QR whose signs are left as they come fails.) */
START_TEST(orthogonal_weights_are_uniform)
{
    enum { MATRICES = 2000 };
    double sum = 0, squares = 0, first = 0;
    size_t mirrors = 0;

    for (uint64_t seed = 0; seed < MATRICES; seed++) {
        struct mlp_net *net = linear(MLP_ORTHOGONAL, 0, 3, 3, seed);
        const float *w = mlp_net_params_const(net);
        double trace = (double)w[0] + (double)w[4] + (double)w[8];

        sum += trace;
        squares += trace * trace;
        first += (double)w[0];
        mirrors += w[0] * (w[4] * w[8] - w[5] * w[7]) - w[1] * (w[3] * w[8] - w[5] * w[6]) +
                           w[2] * (w[3] * w[7] - w[4] * w[6]) <
                   0;
        mlp_net_free(&net);
    }
    ck_assert_double_eq_tol(sum / MATRICES, 0, 0.08);
    ck_assert_double_eq_tol(squares / MATRICES, 1, 0.12);
    ck_assert_double_eq_tol(first / MATRICES, 0, 0.05);
    ck_assert_double_eq_tol((double)mirrors / MATRICES, 0.5, 0.04);
}
END_TEST

/* The first vector is the first one drawn, made as long as 1. */
START_TEST(orthogonal_weights_begin_as_drawn)
{
    struct mlp_net *net = linear(MLP_ORTHOGONAL, 0, 20, 4, 6);
    struct mlp_net *drawn = linear(MLP_NORMAL, 1, 20, 4, 6);
    const float *q = mlp_net_params_const(net), *w = mlp_net_params_const(drawn);
    double squares = 0;

    for (size_t i = 0; i < 20; i++) {
        squares += (double)w[4 * i] * (double)w[4 * i];
    }
    for (size_t i = 0; i < 20; i++) {
        ck_assert_double_eq_tol((double)q[4 * i], (double)w[4 * i] / sqrt(squares), 1e-6);
    }
    mlp_net_free(&net);
    mlp_net_free(&drawn);
}
END_TEST

/* Fails the library's next malloc. */
static bool no_memory;
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    return no_memory ? NULL : __real_malloc(n);
}

START_TEST(without_memory_nothing_changes)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 30, .init = MLP_ORTHOGONAL}};
    struct mlp_spec spec = help_spec(20, 1, hidden, 4, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 1), *same = help_net(&spec, 1);

    no_memory = true;
    enum mlp_status status = mlp_net_init(net, 2);
    no_memory = false;
    ck_assert_int_eq(status, MLP_E_MEMORY);
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(same),
                     mlp_net_parameters(net) * sizeof(float));
    mlp_net_free(&net);
    mlp_net_free(&same);
}
END_TEST

/* _i is the init. A layer's weights are the seed's and its place's, whatever else there is. */
START_TEST(layers_do_not_disturb_each_other)
{
    const struct mlp_layer_spec small[1] = {{.units = 12, .init = (enum mlp_init)_i}};
    const struct mlp_layer_spec large[3] = {small[0],
                                            {.units = 7, .init = MLP_ORTHOGONAL},
                                            {.units = 9, .activation = MLP_PRELU,
                                             .norm = MLP_NORM_BATCH, .init = MLP_NORMAL}};
    struct mlp_spec a = help_spec(5, 1, small, 2, MLP_MSE), b = help_spec(5, 3, large, 4, MLP_MSE);
    struct mlp_net *one = help_net(&a, 11), *two = help_net(&b, 11), *other = help_net(&a, 12);
    size_t bytes = 6 * 12 * sizeof(float);

    ck_assert_mem_eq(mlp_net_params(one), mlp_net_params(two), bytes);
    ck_assert_int_eq(memcmp(mlp_net_params(one), mlp_net_params(other), bytes) == 0,
                     _i == MLP_ZEROS);
    ck_assert_int_eq(mlp_net_init(other, 11), MLP_OK); /* nothing of the old values stays */
    ck_assert_mem_eq(mlp_net_params(one), mlp_net_params(other),
                     mlp_net_parameters(one) * sizeof(float));
    mlp_net_free(&one);
    mlp_net_free(&two);
    mlp_net_free(&other);
}
END_TEST

START_TEST(initial_weights_depend_on_seed_and_layer)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 16}};
    struct mlp_spec spec = help_spec(16, 1, hidden, 16, MLP_MSE);
    struct mlp_net *a = help_net(&spec, 1), *b = help_net(&spec, 1), *c = help_net(&spec, 2);
    size_t bytes = mlp_net_parameters(a) * sizeof(float);

    ck_assert_mem_eq(mlp_net_params(a), mlp_net_params(b), bytes);
    ck_assert_mem_ne(mlp_net_params(a), mlp_net_params(c), bytes);
    ck_assert_mem_ne(mlp_net_params(a), mlp_net_params(a) + 16 * 17, 16 * sizeof(float));
    ck_assert_int_eq(mlp_net_init(c, 1), MLP_OK); /* again: nothing of the old values stays */
    ck_assert_mem_eq(mlp_net_params(a), mlp_net_params(c), bytes);
    mlp_net_free(&a);
    mlp_net_free(&b);
    mlp_net_free(&c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_rng");
    TCase *c = tcase_create("rng");

    tcase_add_test(c, philox_known_answers);
    tcase_add_test(c, blocks_are_counters);
    tcase_add_test(c, streams_known_answers);
    tcase_add_test(c, permutations_are_permutations);
    tcase_add_test(c, permutations_are_fair);
    tcase_add_test(c, draws_have_their_moments);
    tcase_add_test(c, initial_weights_follow_their_rule);
    tcase_add_test(c, initial_weights_depend_on_seed_and_layer);
    tcase_add_test(c, biases_follow_fan_in);
    tcase_add_test(c, zeros_are_zeros);
    tcase_add_test(c, pieces_are_drawn_as_layers);
    tcase_add_test(c, orthogonal_weights_are);
    tcase_add_test(c, orthogonal_weights_are_uniform);
    tcase_add_test(c, orthogonal_weights_begin_as_drawn);
    tcase_add_test(c, without_memory_nothing_changes);
    tcase_add_loop_test(c, layers_do_not_disturb_each_other, 0, MLP_ZEROS + 1);
    suite_add_tcase(s, c);
    return help_run(s);
}

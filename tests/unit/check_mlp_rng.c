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

static double deviation(enum mlp_init init, size_t n_in, size_t n_out, double *largest)
{
    struct mlp_spec spec = help_spec(n_in, 0, NULL, n_out, MLP_MSE);

    spec.output_init = init;
    struct mlp_net *net = help_net(&spec, 3);
    const float *w = mlp_net_params_const(net);
    double sum = 0;

    *largest = 0;
    for (size_t i = 0; i < n_in * n_out; i++) {
        sum += (double)w[i] * (double)w[i];
        *largest = fmax(*largest, fabs((double)w[i]));
    }
    for (size_t i = 0; i < n_out; i++) {
        ck_assert_float_eq(w[n_in * n_out + i], 0); /* biases */
    }
    mlp_net_free(&net);
    return sqrt(sum / (double)(n_in * n_out));
}

START_TEST(initial_weights_follow_their_rule)
{
    size_t in = 300, out = 100; /* 30,000 weights: 1.3 % is three deviations */
    double glorot = sqrt(2.0 / 400), he = sqrt(2.0 / 300), largest = 0;

    ck_assert_double_eq_tol(deviation(MLP_GLOROT_UNIFORM, in, out, &largest), glorot,
                            glorot * 0.013);
    ck_assert_double_le(largest, sqrt(6.0 / 400));
    ck_assert_double_gt(largest, sqrt(6.0 / 400) * 0.999);
    ck_assert_double_eq_tol(deviation(MLP_HE_UNIFORM, in, out, &largest), he, he * 0.013);
    ck_assert_double_le(largest, sqrt(6.0 / 300));
    ck_assert_double_eq_tol(deviation(MLP_GLOROT_NORMAL, in, out, &largest), glorot,
                            glorot * 0.013);
    ck_assert_double_gt(largest, 3 * glorot);
    ck_assert_double_eq_tol(deviation(MLP_HE_NORMAL, in, out, &largest), he, he * 0.013);
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
    suite_add_tcase(s, c);
    return help_run(s);
}

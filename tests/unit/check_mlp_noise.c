/* What is random in training: words, masks, normal numbers, each a function of its position; and
 * that a prediction has none of it. _i is the table of kernels. */
#include "mlp_rig.h"

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

/* ---- words ------------------------------------------------------------------------------ */

/* Any number of blocks from any block on, over the edge of 32 bits too, and not one word more. */
START_TEST(words_are_the_generators)
{
    static const uint64_t starts[] = {0, 5, 4294967295, (UINT64_C(1) << 32) - 17,
                                      (UINT64_C(3) << 32) - 2};
    const struct rng rng = rng_stream(UINT64_C(0x123456789abcdef0), RNG_DROPOUT);
    const struct rng_at at = {.epoch = 0xfffffff0, .step = 0x80000001, .layer = RNG_INPUT};
    uint32_t got[4 * 70 + 1], truth[4];

    for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
        for (size_t n = 0; n <= 70; n++) {
            got[4 * n] = 77;
            table(_i)->words(&rng, at, starts[s], n, got);
            for (size_t b = 0; b < n; b++) {
                rng_block(&rng, at, starts[s] + b, truth);
                ck_assert_mem_eq(got + 4 * b, truth, sizeof(truth));
            }
            ck_assert_uint_eq(got[4 * n], 77);
        }
    }
}
END_TEST

/* Against libm, for words that matter: the smallest, the largest, the eighths of the circle, and
 * many others. Every number has the bits it would have anywhere else. */
START_TEST(normals_by_the_formula)
{
    static const uint32_t edge[] = {0,          511,        512,        0xffffffff, 0xfffffe00,
                                    0x80000000, 0x7fffffff, 0x20000000, 0x1fffffff, 0x60000000,
                                    0xa0000000, 0xe0000000, 0xdfffffff, 0x40000000, 0xc0000000};
    enum { EDGES = sizeof(edge) / sizeof(*edge), N = 2 * EDGES * EDGES + 20000 };
    uint32_t *word = malloc(N * sizeof(*word));
    float *got = malloc(N * sizeof(*got)), one[2];
    uint64_t seed = 1;
    double worst = 0;
    bool same = true;

    ck_assert(word != NULL && got != NULL);
    for (size_t i = 0; i < N / 2; i++) {
        bool crafted = i < EDGES * EDGES;

        word[2 * i] = crafted ? edge[i / EDGES] : (uint32_t)(help_unit(&seed) * 0x1p32);
        word[2 * i + 1] = crafted ? edge[i % EDGES] : (uint32_t)(help_unit(&seed) * 0x1p32);
    }
    table(_i)->normals(word, N, got);
    for (size_t i = 0; i < N; i += 2) {
        double u = ((double)(word[i] >> 9) + 0.5) / 8388608;
        double turns = ((double)(word[i + 1] >> 9) + 0.5) / 8388608;
        double radius = sqrt(-2 * log(u)), angle = 2 * acos(-1) * turns;

        worst = fmax(worst, fabs((double)got[i] / radius - cos(angle)));
        worst = fmax(worst, fabs((double)got[i + 1] / radius - sin(angle)));
        ck_assert(isfinite(got[i]) && isfinite(got[i + 1]));
        table(_i)->normals(word + i, 2, one);
        same &= memcmp(one, got + i, sizeof(one)) == 0;
    }
    ck_assert_double_le(worst, 3e-7);
    ck_assert(same);
    free(word);
    free(got);
}
END_TEST

/* ---- a layer of noise and dropout -------------------------------------------------------- */

enum { WIDE = 7, ROWS = 1201 }; /* rows never begin at a block's first word but now and then */

static struct mlp_spec spec_of(struct mlp_layer_spec *hidden, double dropout, double noise,
                               enum mlp_activation f)
{
    *hidden =
        (struct mlp_layer_spec){.units = WIDE, .activation = f, .dropout = dropout, .noise = noise};
    return help_spec(WIDE, 1, hidden, 1, MLP_MSE);
}

static void fill_bell(float *h, size_t n)
{
    uint64_t seed = 99;

    for (size_t i = 0; i < n; i++) {
        h[i] = (float)help_bell(&seed);
    }
}

/* An element by the book: the generator's own blocks, libm's logarithm and cosine. */
static bool element_right(const struct pass_moment *moment, uint32_t layer, double dropout,
                          double noise, size_t e, float h, float a, float mask)
{
    const struct rng_at at = {moment->epoch, moment->step, layer};
    const struct rng drop = rng_stream(moment->seed, RNG_DROPOUT);
    const struct rng noisy = rng_stream(moment->seed, RNG_NOISE);
    uint32_t word[4];
    double truth = (double)h, size = 1e-6 * (fabs(truth) + 6 * noise);

    if (noise > 0) {
        rng_block(&noisy, at, e / 4, word);
        double u = ((double)(word[e % 4 & 2] >> 9) + 0.5) / 8388608;
        double turns = ((double)(word[(e % 4 & 2) + 1] >> 9) + 0.5) / 8388608;
        double radius = sqrt(-2 * log(u)), angle = 2 * acos(-1) * turns;

        truth += noise * radius * (e % 2 == 0 ? cos(angle) : sin(angle));
    }
    if (dropout > 0) {
        rng_block(&drop, at, e / 4, word);
        float factor = (double)word[e % 4] < dropout * 0x1p32 ? 0 : (float)(1 / (1 - dropout));

        if (mask != factor) {
            return false;
        }
        truth *= (double)factor;
        size *= (double)factor;
    }
    return fabs((double)a - truth) <= size;
}

/* Dropout, noise, both, in the first layer and in the third. */
START_TEST(layers_by_the_book)
{
    static const double settings[][2] = {{0.3, 0}, {0, 0.5}, {0.9, 2}};
    const struct pass_moment moment = {.seed = 5, .epoch = 2, .step = 9};

    for (size_t s = 0; s < 6; s++) {
        struct mlp_layer_spec hidden[3];
        double dropout = settings[s % 3][0], noise = settings[s % 3][1];
        struct mlp_spec spec = spec_of(hidden, dropout, noise, MLP_RELU);
        size_t k = s < 3 ? 0 : 2;

        hidden[1] = hidden[2] = hidden[0];
        spec.n_hidden = 3;
        struct rig r = rig_new(&spec, ROWS, (size_t)_i, 4);
        struct pass_layer *at = &r.pass.layer[k];

        fill_bell(at->h, WIDE * ROWS);
        noise_apply(&r.pass, r.net, k, &moment, NULL, 0, ROWS);
        for (size_t e = 0; e < WIDE * ROWS; e++) {
            bool right = element_right(&moment, (uint32_t)k, dropout, noise, e, at->h[e], at->a[e],
                                       at->mask != NULL ? at->mask[e] : 0);

            if (!right) {
                ck_abort_msg("setting %zu, element %zu: %.9g from %.9g", s, e, (double)at->a[e],
                             (double)at->h[e]);
            }
        }
        rig_free(&r);
    }
}
END_TEST

/* The input: scaled, then noisy, then dropped, at a "layer" of its own. */
START_TEST(inputs_by_the_book)
{
    const struct pass_moment moment = {.seed = 6, .epoch = 1, .step = 0};
    struct mlp_layer_spec hidden;
    struct mlp_spec spec = spec_of(&hidden, 0, 0, MLP_RELU);
    uint64_t seed = 4;
    float *x = help_floats(&seed, WIDE * ROWS, 1);

    spec.input_dropout = 0.2;
    spec.input_noise = 0.1;
    for (int scaled = 0; scaled < 2; scaled++) {
        spec.input_scale = scaled == 1;
        struct rig r = rig_new(&spec, ROWS, (size_t)_i, 4);
        const float *scale = mlp_net_input_scale(r.net);
        const float *a = noise_input(&r.pass, r.net, &moment, x, ROWS);

        ck_assert_int_eq(scale != NULL, scaled);
        for (size_t e = 0; e < WIDE * ROWS; e++) {
            float from = scale != NULL ? x[e] * scale[e % WIDE] : x[e];

            if (!element_right(&moment, 0xffffffff, 0.2, 0.1, e, from, a[e],
                               r.pass.input_mask[e])) {
                ck_abort_msg("element %zu: %.9g from %.9g", e, (double)a[e], (double)from);
            }
        }
        rig_free(&r);
    }
    free(x);
}
END_TEST

/* Rows in slices, or fewer rows, give every element the bits it had. */
START_TEST(position_alone_matters)
{
    const struct pass_moment moment = {.seed = 5, .epoch = 2, .step = 9};
    static const size_t cuts[] = {0, 1, 2, 40, 333, 1200, ROWS};
    struct mlp_layer_spec hidden;
    struct mlp_spec spec = spec_of(&hidden, 0.4, 0.3, MLP_SELU);

    hidden.residual = true;
    struct rig whole = rig_new(&spec, ROWS, (size_t)_i, 4);
    struct rig parts = rig_new(&spec, ROWS, (size_t)_i, 4);
    size_t bytes = WIDE * ROWS * sizeof(float);
    uint64_t seed = 2;
    float *before = help_floats(&seed, WIDE * ROWS, 1);

    fill_bell(whole.pass.layer[0].h, WIDE * ROWS);
    fill_bell(parts.pass.layer[0].h, WIDE * ROWS);
    noise_apply(&whole.pass, whole.net, 0, &moment, before, 0, ROWS);
    for (size_t c = sizeof(cuts) / sizeof(*cuts) - 1; c-- > 0;) {
        noise_apply(&parts.pass, parts.net, 0, &moment, before, cuts[c], cuts[c + 1] - cuts[c]);
    }
    ck_assert_mem_eq(whole.pass.layer[0].a, parts.pass.layer[0].a, bytes);
    ck_assert_mem_eq(whole.pass.layer[0].mask, parts.pass.layer[0].mask, bytes);
    rig_free(&whole);
    rig_free(&parts);
    free(before);
}
END_TEST

static void mask_of(struct rig *r, const struct pass_moment *moment, float *out)
{
    fill_bell(r->pass.layer[0].h, WIDE * ROWS);
    noise_apply(&r->pass, r->net, 0, moment, NULL, 0, ROWS);
    memcpy(out, r->pass.layer[0].mask, WIDE * ROWS * sizeof(*out));
}

/* Seed, epoch, step: another of any gives another mask, and all drop their share. */
START_TEST(moments_have_masks_of_their_own)
{
    static const struct pass_moment moments[] = {
        {.seed = 1}, {.seed = 2}, {.seed = 1, .epoch = 1}, {.seed = 1, .step = 1}};
    static const double shares[] = {0.01, 0.3, 0.5, 0.97};
    float *mask[4];

    for (size_t s = 0; s < 4; s++) {
        struct mlp_layer_spec hidden;
        struct mlp_spec spec = spec_of(&hidden, shares[s], 0, MLP_RELU);
        struct rig r = rig_new(&spec, ROWS, (size_t)_i, 4);
        double n = WIDE * ROWS, off = 4 * sqrt(n * shares[s] * (1 - shares[s]));

        for (size_t m = 0; m < 4; m++) {
            double dropped = 0;

            mask[m] = malloc(WIDE * ROWS * sizeof(float));
            ck_assert_ptr_nonnull(mask[m]);
            mask_of(&r, &moments[m], mask[m]);
            for (size_t e = 0; e < WIDE * ROWS; e++) {
                dropped += mask[m][e] == 0 ? 1 : 0;
            }
            ck_assert_double_eq_tol(dropped, n * shares[s], off);
            for (size_t other = 0; other < m; other++) {
                double same = 0;

                for (size_t e = 0; e < WIDE * ROWS; e++) {
                    same += (mask[m][e] == 0 && mask[other][e] == 0) ? 1 : 0;
                }
                /* independent: p^2 of them drop in both */
                ck_assert_double_eq_tol(same, n * shares[s] * shares[s],
                                        4 * shares[s] * sqrt(n * (1 - shares[s] * shares[s])));
            }
        }
        for (size_t m = 0; m < 4; m++) {
            free(mask[m]);
        }
        rig_free(&r);
    }
}
END_TEST

/* Of standard normal numbers alpha dropout keeps mean and variance; what is dropped all becomes
 * one number, and the derivative is the factor or 0. */
START_TEST(alpha_dropout_keeps_mean_and_variance)
{
    enum { N = 64, MANY = 4000 };

    for (int p = 1; p < 8; p += 2) {
        const struct mlp_layer_spec hidden[1] = {
            {.units = N, .activation = MLP_SELU, .dropout = 0.1 * p}};
        struct mlp_spec spec = help_spec(N, 1, hidden, 1, MLP_MSE);
        struct rig r = rig_new(&spec, MANY, (size_t)_i, 4);
        struct pass_layer *at = &r.pass.layer[0];
        double sum = 0, squares = 0, n = N * MANY, q = 1 - 0.1 * p, L = -1.7580993408473766;
        double factor = 1 / sqrt(q + L * L * q * (1 - q)), shift = -factor * (1 - q) * L;
        double worst = 0, worst_mask = 0;

        fill_bell(at->h, N * MANY);
        noise_apply(&r.pass, r.net, 0, &(struct pass_moment){.seed = 3}, NULL, 0, MANY);
        for (size_t e = 0; e < N * MANY; e++) {
            bool dropped = at->mask[e] == 0;

            double truth = factor * (dropped ? L : (double)at->h[e]) + shift;

            worst = fmax(worst, fabs((double)at->a[e] - truth));
            worst_mask = fmax(worst_mask, fabs((double)at->mask[e] - (dropped ? 0 : factor)));
            sum += (double)at->a[e];
            squares += (double)at->a[e] * (double)at->a[e];
        }
        ck_assert_double_le(worst, 2e-6);
        ck_assert_double_le(worst_mask, 2e-7);
        ck_assert_double_eq_tol(sum / n, 0, 0.012);
        ck_assert_double_eq_tol(squares / n - pow(sum / n, 2), 1, 0.02);
        rig_free(&r);
    }
}
END_TEST

/* What is asked to drop all but everything, or next to nothing, does so and stays finite. */
START_TEST(shares_at_the_edges)
{
    const uint32_t word[4] = {0, 1, 0x7fffffff, 0xffffffff};
    const float h[4] = {1, 2, 3, 4};
    float mask[4], a[4];
    const struct pass_moment moment = {.seed = 5};

    table(_i)->drop(&(struct kernel_drop){.below = 1, .factor = 1}, word, h, 4, mask, a);
    ck_assert(a[0] == 0 && a[1] == 2 && a[2] == 3 && a[3] == 4);
    table(_i)->drop(&(struct kernel_drop){.below = 0x80000000, .factor = 2}, word, h, 4, mask, a);
    ck_assert(a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] == 8);
    ck_assert(mask[2] == 0 && mask[3] == 2);
    for (int s = 0; s < 2; s++) {
        struct mlp_layer_spec hidden;
        struct mlp_spec spec = spec_of(&hidden, s == 0 ? 1e-30 : nextafter(1, 0), 0, MLP_RELU);
        struct rig r = rig_new(&spec, ROWS, (size_t)_i, 4);
        double kept = 0;

        fill_bell(r.pass.layer[0].h, WIDE * ROWS);
        noise_apply(&r.pass, r.net, 0, &moment, NULL, 0, ROWS);
        for (size_t e = 0; e < WIDE * ROWS; e++) {
            kept += r.pass.layer[0].mask[e] != 0 ? 1 : 0;
        }
        ck_assert_double_eq(kept, s == 0 ? WIDE * ROWS : 0);
        ck_assert(r.net->kernel->finite(r.pass.layer[0].a, WIDE * ROWS));
        rig_free(&r);
    }
}
END_TEST

/* The same net with and without: predictions are the same bits. */
START_TEST(predictions_have_no_chance)
{
    const struct mlp_layer_spec plain[1] = {{.units = 9, .activation = MLP_SELU}};
    const struct mlp_layer_spec noisy[1] = {
        {.units = 9, .activation = MLP_SELU, .dropout = 0.5, .noise = 1}};
    struct mlp_spec a = help_spec(4, 1, plain, 2, MLP_MSE), b = help_spec(4, 1, noisy, 2, MLP_MSE);

    b.input_dropout = 0.3;
    b.input_noise = 0.3;
    struct rig ra = rig_new(&a, 8, (size_t)_i, 4), rb = rig_new(&b, 8, (size_t)_i, 4);
    uint64_t seed = 8;
    float *x = help_floats(&seed, 8 * 4, 1), *za = NULL, *zb = NULL;

    ck_assert_mem_eq(ra.net->params, rb.net->params, ra.net->n_values * sizeof(float));
    ck_assert_int_eq(pass_predict(&ra.pass, ra.net, x, NULL, 8, NULL, &za), MLP_OK);
    ck_assert_int_eq(pass_predict(&rb.pass, rb.net, x, NULL, 8, NULL, &zb), MLP_OK);
    ck_assert_mem_eq(za, zb, 8 * 2 * sizeof(float));
    rig_free(&ra);
    rig_free(&rb);
    free(x);
}
END_TEST

int main(void)
{
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);
    Suite *s = suite_create("mlp_noise");
    TCase *c = tcase_create("noise");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, words_are_the_generators, 0, n);
    tcase_add_loop_test(c, normals_by_the_formula, 0, n);
    tcase_add_loop_test(c, layers_by_the_book, 0, n);
    tcase_add_loop_test(c, inputs_by_the_book, 0, n);
    tcase_add_loop_test(c, position_alone_matters, 0, n);
    tcase_add_loop_test(c, moments_have_masks_of_their_own, 0, n);
    tcase_add_loop_test(c, alpha_dropout_keeps_mean_and_variance, 0, n);
    tcase_add_loop_test(c, shares_at_the_edges, 0, n);
    tcase_add_loop_test(c, predictions_have_no_chance, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}

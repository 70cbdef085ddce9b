/* Gradients, for every activation x loss x number of hidden layers x batch size.
 *
 * Three witnesses: a naive forward pass written here in double, the library's own
 * sources compiled in double, and the library. The double build's loss must be the
 * naive one, its gradient the central difference of its loss, and the float32
 * gradient must agree with the double one tensor by tensor.
 */
#include "mlp_activation_help.h"
#include "mlp_gradient.h"
#include "mlp_help.h"

#include "mlp/pass.h"

#define STEP      1e-5
#define KINK      1e-3
#define MAX_UNITS 8

static const size_t batches[] = {1, 7, 32};

/* A problem: sizes, float32 parameters and data, and the same numbers in double. */
struct problem {
    struct mlp_layer_spec hidden[3];
    struct mlp_spec spec;
    size_t rows, n_params;
    double *params, *x, *targets;
    uint32_t *labels;
};

/* One row's last z, by the book; *near is the |z| closest to a kink. */
static void naive_row(const struct problem *p, const double *x, double *z, double *near)
{
    double a[MAX_UNITS];
    const double *w = p->params;
    size_t n_in = p->spec.n_inputs;

    memcpy(a, x, n_in * sizeof(*a));
    for (size_t k = 0; k <= p->spec.n_hidden; k++) {
        bool last = k == p->spec.n_hidden;
        size_t n_out = last ? p->spec.n_outputs : p->hidden[k].units;

        for (size_t j = 0; j < n_out; j++) {
            z[j] = w[n_in * n_out + j];
            for (size_t i = 0; i < n_in; i++) {
                z[j] += a[i] * w[i * n_out + j];
            }
        }
        for (size_t j = 0; j < n_out && !last; j++) {
            bool kinked = p->hidden[k].activation == MLP_RELU ||
                          p->hidden[k].activation == MLP_LEAKY_RELU;

            *near = kinked && fabs(z[j]) < *near ? fabs(z[j]) : *near;
            a[j] = help_activation(p->hidden[k].activation, z[j]);
        }
        w += n_in * n_out + n_out;
        n_in = n_out;
    }
}

static double naive_loss(const struct problem *p)
{
    size_t n = p->spec.n_outputs;
    double sum = 0, z[MAX_UNITS], near = 1;

    for (size_t r = 0; r < p->rows; r++) {
        double l = 0;

        naive_row(p, p->x + r * p->spec.n_inputs, z, &near);
        if (p->spec.loss == MLP_CROSS_ENTROPY) {
            for (size_t j = 0; j < n; j++) {
                l += exp(z[j]);
            }
            l = log(l) - z[p->labels[r]];
        } else {
            for (size_t j = 0; j < n; j++) {
                double y = p->targets[r * n + j], f = z[j];

                if (p->spec.output == MLP_OUT_SIGMOID) {
                    f = 1 / (1 + exp(-z[j]));
                }
                /* -log f = log(1 + exp(-z)), -log(1 - f) = log(1 + exp(z)) */
                l += p->spec.loss == MLP_MSE
                         ? (y - f) * (y - f)
                         : y * log1p(exp(-z[j])) + (1 - y) * log1p(exp(z[j]));
            }
            l /= (double)n;
        }
        sum += l;
    }
    return sum / (double)p->rows;
}

static void problem_init(struct problem *p, enum mlp_activation f, enum mlp_loss loss,
                         enum mlp_output output, size_t n_hidden, size_t rows)
{
    uint64_t seed = (uint64_t)f * 1000 + (uint64_t)loss * 100 + (uint64_t)output * 10000 +
                    n_hidden * 10 + rows;

    *p = (struct problem){.rows = rows};
    for (size_t i = 0; i < 3; i++) {
        p->hidden[i] = (struct mlp_layer_spec){.units = 7 - i, .activation = f};
    }
    p->spec = help_spec(5, n_hidden, p->hidden, 3, loss);
    p->spec.output = output;
    ck_assert_int_eq(mlp_spec_parameters(&p->spec, &p->n_params), MLP_OK);
    p->params = help_doubles(p->n_params);
    p->x = help_doubles(rows * 5);
    p->targets = help_doubles(rows * 3);
    p->labels = help_labels(&seed, rows, 3);
    for (size_t i = 0; i < p->n_params; i++) {
        p->params[i] = help_exact(0.8 * help_bell(&seed));
    }
    for (size_t i = 0; i < rows * 3; i++) { /* labels or shares for the binary loss */
        p->targets[i] = help_exact(loss == MLP_MSE ? help_bell(&seed) : help_unit(&seed));
    }
    for (size_t r = 0; r < rows; r++) {
        double z[MAX_UNITS], near = 0;

        while (near < KINK) { /* no unit of this row may be about to bend */
            near = 1;
            for (size_t i = 0; i < 5; i++) {
                p->x[r * 5 + i] = help_exact(help_bell(&seed));
            }
            naive_row(p, p->x + r * 5, z, &near);
        }
    }
}

static void problem_fini(struct problem *p)
{
    free(p->params);
    free(p->x);
    free(p->targets);
    free(p->labels);
}

static double loss_of(const struct problem *p)
{
    double loss = 0;

    ck_assert(double_gradient(&p->spec, p->params, p->x, p->targets, p->labels, p->rows, &loss,
                              NULL));
    return loss;
}

static void check_differences(struct problem *p, const double *gradient)
{
    for (size_t i = 0; i < p->n_params; i++) {
        double w = p->params[i];

        p->params[i] = w + STEP;
        double above = loss_of(p);
        p->params[i] = w - STEP;
        double below = loss_of(p);
        p->params[i] = w;
        double difference = (above - below) / (2 * STEP), g = gradient[i];

        ck_assert_msg(fabs(difference - g) <= 1e-7 * fmax(1, fabs(g)),
                      "parameter %zu: analytic %.12g, difference %.12g (activation %d, loss %d, "
                      "%zu hidden, %zu rows)",
                      i, g, difference, (int)p->hidden[0].activation, (int)p->spec.loss,
                      p->spec.n_hidden, p->rows);
    }
}

/* The library's gradient of a problem, by the given table of kernels. */
static void float_gradient(const struct problem *p, const struct kernel *kernel, float *gradient,
                           double *loss)
{
    struct arena arena = {0};
    struct pass pass;
    struct mlp_net *net = help_net(&p->spec, 0);
    float *w = help_narrowed(p->params, p->n_params), *x = help_narrowed(p->x, p->rows * 5);
    float *y = help_narrowed(p->targets, p->rows * 3);
    const struct mlp_data batch = {.rows = p->rows, .x = x, .targets = y, .labels = p->labels};

    net->kernel = kernel;
    memcpy(mlp_net_params(net), w, p->n_params * sizeof(*w));
    pass_layout(&pass, &p->spec, p->rows, true, &arena);
    arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(arena.base);
    void *memory = arena.base;
    arena.used = 0;
    pass_layout(&pass, &p->spec, p->rows, true, &arena);
    ck_assert_int_eq(pass_init(&pass, net), MLP_OK);
    ck_assert_int_eq(pass_gradient(&pass, net, &batch, &(struct pass_moment){.epoch = 1}, 0,
                                   gradient, loss),
                     MLP_OK);
    pass_fini(&pass);
    mlp_net_free(&net);
    free(memory);
    free(w);
    free(x);
    free(y);
}

/* The norm of the difference over the norm, weights and bias of each layer by themselves. */
static void check_tensors(const struct problem *p, const float *g, const double *truth)
{
    size_t at = 0;

    for (size_t k = 0; k <= p->spec.n_hidden; k++) {
        struct layer l;

        net_spec_layer(&p->spec, k, &l);
        const size_t lengths[2] = {l.n_in * l.n_out, l.n_out};
        for (int t = 0; t < 2; t++) {
            double difference = 0, norm = 0;

            for (size_t i = at; i < at + lengths[t]; i++) {
                difference += pow((double)g[i] - truth[i], 2);
                norm += truth[i] * truth[i];
            }
            ck_assert_msg(sqrt(difference) <= 1e-5 * sqrt(norm),
                          "layer %zu, %s: off by %g of %g", k, t == 0 ? "weights" : "bias",
                          sqrt(difference), sqrt(norm));
            at += lengths[t];
        }
    }
    ck_assert_uint_eq(at, p->n_params);
}

static void check_problem(enum mlp_activation f, enum mlp_loss loss, enum mlp_output output,
                          size_t n_hidden, size_t rows)
{
    const struct kernel *tables[KERNEL_MAX];
    struct problem p;
    double value = 0, float_value = 0;

    problem_init(&p, f, loss, output, n_hidden, rows);
    double *gradient = help_doubles(p.n_params);
    float *float_g = help_narrowed(gradient, p.n_params);

    ck_assert(double_gradient(&p.spec, p.params, p.x, p.targets, p.labels, rows, &value, gradient));
    ck_assert_double_eq_tol(value, naive_loss(&p), 1e-12 * fmax(1, value));
    check_differences(&p, gradient);
    for (size_t i = kernel_tables(tables); i-- > 0;) {
        float_gradient(&p, tables[i], float_g, &float_value);
        ck_assert_double_eq_tol(float_value, value, 2e-6 * fmax(1, value));
        check_tensors(&p, float_g, gradient);
    }
    free(gradient);
    free(float_g);
    problem_fini(&p);
}

/* _i is the activation */
static void check_loss(int activation, enum mlp_loss loss, enum mlp_output output)
{
    for (size_t n_hidden = 0; n_hidden <= 3; n_hidden++) {
        for (size_t b = 0; b < sizeof(batches) / sizeof(*batches); b++) {
            check_problem((enum mlp_activation)activation, loss, output, n_hidden, batches[b]);
        }
    }
}

START_TEST(gradient_of_cross_entropy)
{
    check_loss(_i, MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX);
}
END_TEST

START_TEST(gradient_of_binary_cross_entropy)
{
    check_loss(_i, MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID);
}
END_TEST

START_TEST(gradient_of_squared_error)
{
    check_loss(_i, MLP_MSE, MLP_OUT_IDENTITY);
}
END_TEST

START_TEST(gradient_of_squared_error_behind_sigmoid)
{
    check_loss(_i, MLP_MSE, MLP_OUT_SIGMOID);
}
END_TEST

/* relu'(0) = 0 by definition, and leaky_relu's is the slope below. With all parameters zero
 * every z is 0: the first layer's gradient is 0 anyway, so give the second one weights. */
START_TEST(derivative_at_the_kink)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 1, .activation = (enum mlp_activation)_i}};
    struct mlp_spec spec = help_spec(1, 1, hidden, 1, MLP_MSE);
    /* w1 = 0, b1 = 0: z = 0, a = 0; w2 = 1, b2 = 0: output 0, truth -1: dL/doutput = 2 */
    const double params[4] = {0, 0, 1, 0}, x[1] = {3}, y[1] = {-1};
    double loss = 0, g[4];

    ck_assert(double_gradient(&spec, params, x, y, NULL, 1, &loss, g));
    ck_assert_double_eq(loss, 1);
    ck_assert_double_eq_tol(g[0], _i == MLP_RELU ? 0 : 0.01 * 2 * 3, 1e-15);
    ck_assert_double_eq_tol(g[1], _i == MLP_RELU ? 0 : 0.01 * 2, 1e-15);
    ck_assert_double_eq(g[3], 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_gradient");
    TCase *c = tcase_create("gradients");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gradient_of_cross_entropy, MLP_IDENTITY, MLP_LEAKY_RELU + 1);
    tcase_add_loop_test(c, gradient_of_binary_cross_entropy, MLP_IDENTITY, MLP_LEAKY_RELU + 1);
    tcase_add_loop_test(c, gradient_of_squared_error, MLP_IDENTITY, MLP_LEAKY_RELU + 1);
    tcase_add_loop_test(c, gradient_of_squared_error_behind_sigmoid, MLP_IDENTITY,
                        MLP_LEAKY_RELU + 1);
    tcase_add_loop_test(c, derivative_at_the_kink, MLP_RELU, MLP_LEAKY_RELU + 1);
    suite_add_tcase(s, c);
    return help_run(s);
}

/* Changed pictures. Pixels that hold their own place show after a change where each came from:
 * means of four neighbours of such a picture are exact. Moves by whole pixels are in
 * check_mlp_batches.c. */
#include "mlp_help.h"

#include "mlp/augment.h"

enum { HEIGHT = 17, WIDTH = 13, PIXELS = HEIGHT * WIDTH, SIZE = 2 * PIXELS };
#define OUTSIDE (-1000.0F)
#define MIDDLE                                                                                     \
    {                                                                                              \
        (HEIGHT - 1) / 2.0, (WIDTH - 1) / 2.0                                                      \
    }

static const struct mlp_augment plain = {
    .height = HEIGHT, .width = WIDTH, .channels = 2, .fill = OUTSIDE};

static void places(float *x)
{
    for (size_t i = 0; i < PIXELS; i++) {
        x[2 * i] = (float)(i / WIDTH);
        x[2 * i + 1] = (float)(i % WIDTH);
    }
}

static void changed(const struct mlp_augment *g, uint32_t epoch, size_t row, float *out)
{
    const struct rng rng = rng_stream(7, RNG_AUGMENT);
    float x[SIZE];

    places(x);
    augment_row(g, &rng, epoch, row, x, out);
}

/* How the rows were changed, from one pixel right of the middle; every other pixel must agree, or
 * have something of the outside in it. */
struct turn {
    double degrees, larger;
};

static struct turn turn_of(const float *y)
{
    static const double middle[2] = MIDDLE;
    const float *beside = y + 2 * ((HEIGHT / 2) * WIDTH + WIDTH / 2 + 1);
    double down = (double)beside[0] - middle[0], right = (double)beside[1] - middle[1];
    size_t inside = 0;

    for (size_t p = 0; p < PIXELS; p++) {
        double i = (double)(p / WIDTH) - middle[0], j = (double)(p % WIDTH) - middle[1];
        double from_i = middle[0] + i * right + j * down;
        double from_j = middle[1] + j * right - i * down;
        double beyond = fmax(fmax(-from_i, from_i - (HEIGHT - 1)),
                             fmax(-from_j, from_j - (WIDTH - 1))); /* the picture's edge */

        if (beyond <= 0) {
            ck_assert_double_eq_tol((double)y[2 * p], from_i, 1e-4);
            ck_assert_double_eq_tol((double)y[2 * p + 1], from_j, 1e-4);
            inside++;
        } else if (beyond > 0.1) {
            ck_assert_float_lt(y[2 * p], 0);
        }
    }
    ck_assert_uint_gt(inside, PIXELS / 4);
    return (struct turn){.degrees = atan2(down, right) * 180 / M_PI,
                         .larger = 1 / hypot(down, right)};
}

START_TEST(pictures_turn_and_grow_about_their_middle)
{
    struct mlp_augment g = plain;
    double least[2] = {1e9, 1e9}, most[2] = {-1e9, -1e9}, together = 0;
    float y[SIZE];

    g.rotate = _i == 1 ? 0 : 30;
    g.zoom = _i == 0 ? 0 : 0.25;
    for (size_t row = 0; row < 400; row++) {
        changed(&g, 3, row, y);
        struct turn t = turn_of(y);

        least[0] = fmin(least[0], t.degrees);
        most[0] = fmax(most[0], t.degrees);
        least[1] = fmin(least[1], t.larger);
        most[1] = fmax(most[1], t.larger);
        together += t.degrees * (t.larger - 1);
    }
    if (g.rotate > 0) {
        ck_assert(least[0] >= -30.001 && least[0] < -28 && most[0] > 28 && most[0] <= 30.001);
    } else {
        ck_assert(least[0] > -1e-3 && most[0] < 1e-3);
    }
    if (g.zoom > 0) {
        ck_assert(least[1] >= 0.7499 && least[1] < 0.77 && most[1] > 1.23 && most[1] <= 1.2501);
    } else {
        ck_assert(least[1] > 0.9999 && most[1] < 1.0001);
    }
    ck_assert_double_lt(fabs(together / 400), 0.6); /* drawn apart: 2.5 if they were one */
}
END_TEST

START_TEST(every_other_picture_is_mirrored)
{
    struct mlp_augment g = plain;
    float x[SIZE], y[SIZE];
    size_t mirrored = 0;

    g.mirror = true;
    places(x);
    for (size_t row = 0; row < 400; row++) {
        changed(&g, 1, row, y);
        bool other = y[1] != 0;

        for (size_t p = 0; p < PIXELS; p++) {
            size_t from = other ? p - p % WIDTH + WIDTH - 1 - p % WIDTH : p;

            ck_assert_mem_eq(y + 2 * p, x + 2 * from, 2 * sizeof(*x));
        }
        mirrored += other;
    }
    ck_assert(mirrored > 160 && mirrored < 240);
}
END_TEST

START_TEST(shift_and_mirror_are_drawn_apart)
{
    struct mlp_augment g = plain;
    const size_t middle = (HEIGHT / 2) * WIDTH + WIDTH / 2;
    size_t seen[3][2] = {{0}};
    float y[SIZE];

    g.shift = 1;
    g.mirror = true;
    for (size_t row = 0; row < 400; row++) {
        changed(&g, 1, row, y);
        seen[(size_t)y[2 * middle] - HEIGHT / 2 + 1][y[2 * middle + 3] < y[2 * middle + 1]]++;
    }
    for (size_t i = 0; i < 6; i++) {
        ck_assert_uint_gt(seen[i / 2][i % 2], 40); /* 67 or so */
    }
}
END_TEST

/* A turn by next to nothing is none: shifts and mirrors are drawn as without it, and what comes in
 * from outside is the same. */
START_TEST(changes_do_not_disturb_each_other)
{
    struct mlp_augment g = plain, turned;
    float y[SIZE], z[SIZE];

    g.shift = 3;
    g.mirror = _i == 1;
    turned = g;
    turned.rotate = 1e-7;
    for (uint32_t epoch = 1; epoch <= 50; epoch++) {
        changed(&g, epoch, 11, y);
        changed(&turned, epoch, 11, z);
        for (size_t p = 0; p < SIZE; p++) {
            ck_assert_float_eq_tol(y[p], z[p], 1e-3F);
        }
    }
}
END_TEST

START_TEST(changes_are_of_epoch_and_row)
{
    struct mlp_augment g = plain;
    float y[SIZE], z[SIZE];

    g.rotate = 20;
    changed(&g, 2, 5, y);
    changed(&g, 2, 5, z);
    ck_assert_mem_eq(y, z, sizeof(y));
    changed(&g, 3, 5, z);
    ck_assert(memcmp(y, z, sizeof(y)) != 0);
    changed(&g, 2, 6, z);
    ck_assert(memcmp(y, z, sizeof(y)) != 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_augment");
    TCase *c = tcase_create("augment");

    tcase_add_loop_test(c, pictures_turn_and_grow_about_their_middle, 0, 3);
    tcase_add_test(c, every_other_picture_is_mirrored);
    tcase_add_test(c, shift_and_mirror_are_drawn_apart);
    tcase_add_loop_test(c, changes_do_not_disturb_each_other, 0, 2);
    tcase_add_test(c, changes_are_of_epoch_and_row);
    suite_add_tcase(s, c);
    return help_run(s);
}

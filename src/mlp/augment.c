/* Moves pictures about. See augment.h.
 *
 * Every pixel of the result asks for the place it comes from: about the middle of the picture,
 *
 *     source = middle + Z R M (target - middle - shift)
 *
 * with M the mirror, R a rotation and Z a stretch, the same in both directions. Without rotation
 * and zoom places are pixels, and the result has no number that the picture did not have (or
 * `fill`); otherwise it is a mean of four, weighted by their distance.
 *
 * A row's shift comes from the words of one random block, the rest from a second one, so that a
 * new kind of change leaves the others as they were for a given seed.
 */
#include "mlp/augment.h"

#include <math.h>

#define HALF_TURN 180.0 /* degrees */

struct change {
    ptrdiff_t down, right;
    bool mirror;
    double cosine, sine; /* of the rotation, times the stretch */
};

bool augment_makes_sense(const struct mlp_augment *g, const struct mlp_spec *net)
{
    size_t pixels = 0, all = 0;

    return !augment_on(g) ||
           (net->n_embeddings == 0 && g->shift < MLP_MAX_INPUTS && isfinite(g->fill) &&
            g->rotate >= 0 && g->rotate <= HALF_TURN && g->zoom >= 0 && g->zoom < 1 &&
            !__builtin_mul_overflow(g->height, g->width, &pixels) &&
            !__builtin_mul_overflow(pixels, g->channels, &all) && all == net->n_inputs);
}

/* A whole number from -most to most. */
static ptrdiff_t step_of(uint32_t word, size_t most)
{
    return (ptrdiff_t)(((uint64_t)word * (2 * most + 1)) >> 32) - (ptrdiff_t)most;
}

/* A number between -1 and 1. */
static double share_of(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-31 - 1;
}

static struct change draw(const struct mlp_augment *g, const struct rng *rng, uint32_t epoch,
                          size_t row)
{
    struct change c = {.cosine = 1};
    uint32_t word[4];

    if (g->shift > 0) {
        rng_block(rng, (struct rng_at){.epoch = epoch}, row, word);
        c.down = step_of(word[0], g->shift);
        c.right = step_of(word[1], g->shift);
    }
    if (g->mirror || g->rotate > 0 || g->zoom > 0) {
        rng_block(rng, (struct rng_at){.epoch = epoch, .layer = 1}, row, word);
        c.mirror = g->mirror && word[0] >> 31 != 0;
    }
    if (g->rotate > 0 || g->zoom > 0) {
        double angle = share_of(word[1]) * g->rotate * (M_PI / HALF_TURN);
        double stretch = 1 + share_of(word[2]) * g->zoom;

        c.cosine = cos(angle) / stretch;
        c.sine = sin(angle) / stretch;
    }
    return c;
}

/* By whole pixels. */
static void move(const struct mlp_augment *g, const struct change *c, const mlp_real *from,
                 mlp_real *to)
{
    ptrdiff_t height = (ptrdiff_t)g->height, width = (ptrdiff_t)g->width;

    for (ptrdiff_t i = 0; i < height; i++) {
        for (ptrdiff_t j = 0; j < width; j++) {
            ptrdiff_t si = i - c->down, sj = j - c->right;

            sj = c->mirror ? width - 1 - sj : sj;
            bool inside = si >= 0 && si < height && sj >= 0 && sj < width;
            const mlp_real *source = from + (size_t)(inside ? si * width + sj : 0) * g->channels;

            for (size_t k = 0; k < g->channels; k++) {
                *to++ = inside ? source[k] : g->fill;
            }
        }
    }
}

/* What lies at a pixel. */
static mlp_real pixel(const struct mlp_augment *g, const mlp_real *from, ptrdiff_t i, ptrdiff_t j,
                      size_t k)
{
    bool inside = i >= 0 && i < (ptrdiff_t)g->height && j >= 0 && j < (ptrdiff_t)g->width;

    return inside ? from[((size_t)i * g->width + (size_t)j) * g->channels + k] : g->fill;
}

/* To any place between pixels. */
static void warp(const struct mlp_augment *g, const struct change *c, const mlp_real *from,
                 mlp_real *to)
{
    const double middle_i = ((double)g->height - 1) / 2, middle_j = ((double)g->width - 1) / 2;
    const double side = c->mirror ? -1 : 1;

    for (size_t i = 0; i < g->height; i++) {
        double down = (double)i - middle_i - (double)c->down;

        for (size_t j = 0; j < g->width; j++) {
            double right = side * ((double)j - middle_j - (double)c->right);
            double at_i = middle_i + c->cosine * down - c->sine * right;
            double at_j = middle_j + c->sine * down + c->cosine * right;
            double low_i = floor(at_i), low_j = floor(at_j);
            mlp_real di = (mlp_real)(at_i - low_i), dj = (mlp_real)(at_j - low_j);
            ptrdiff_t si = (ptrdiff_t)low_i, sj = (ptrdiff_t)low_j;

            for (size_t k = 0; k < g->channels; k++) {
                mlp_real above =
                    (1 - dj) * pixel(g, from, si, sj, k) + dj * pixel(g, from, si, sj + 1, k);
                mlp_real below = (1 - dj) * pixel(g, from, si + 1, sj, k) +
                                 dj * pixel(g, from, si + 1, sj + 1, k);

                *to++ = (1 - di) * above + di * below;
            }
        }
    }
}

void augment_row(const struct mlp_augment *g, const struct rng *rng, uint32_t epoch, size_t row,
                 const mlp_real *from, mlp_real *to)
{
    const struct change c = draw(g, rng, epoch, row);

    if (g->rotate > 0 || g->zoom > 0) {
        warp(g, &c, from, to);
    } else {
        move(g, &c, from, to);
    }
}

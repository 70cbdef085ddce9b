/* Which kernel a layer's activation is: element by element for most, with a table of slopes for
 * prelu, from several columns to one for maxout. See activation.h.
 *
 * Nothing is kept here. What a backward pass needs is what the layer's buffers hold: f' is
 * written in z where activation_keeps_z says so, else in f(z).
 */
#include "mlp/activation.h"

void activation_forward(const struct mlp_net *net, const struct layer *l, const mlp_real *y,
                        size_t rows, mlp_real *h)
{
    if (l->pieces > 1) {
        net->kernel->maxout(y, rows, l->n_out, l->pieces, h);
    } else if (l->slope != NET_NONE) {
        net->kernel->prelu(y, net->params + l->slope, rows, l->n_out, h);
    } else {
        net->kernel->activate(l->activation, y, h, rows * l->n_out);
    }
}

void activation_backward(const struct mlp_net *net, const struct layer *l, mlp_real *y,
                         const mlp_real *h, const mlp_real *dh, size_t rows, mlp_real *dy)
{
    if (l->pieces > 1) {
        net->kernel->maxout_derive(y, h, dh, rows, l->n_out, l->pieces, dy);
    } else if (l->slope != NET_NONE) {
        net->kernel->prelu_derive(y, net->params + l->slope, rows, l->n_out, dy);
    } else {
        net->kernel->derive(l->activation, activation_keeps_z(l->activation) ? y : h, dy,
                            rows * l->n_out);
    }
}

void activation_gradient(const struct mlp_net *net, const struct layer *l, const mlp_real *y,
                         size_t rows, mlp_real *gradient)
{
    if (l->slope != NET_NONE) {
        net->kernel->column_sums(y, rows, l->n_out, gradient + l->slope);
    }
}

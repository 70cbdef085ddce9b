/* Forward passes for users of a net: mlp_predict and mlp_evaluate.
 *
 * A workspace is one block of memory and one thread's at a time; the net is only read. Rows
 * beyond the workspace's go in slices, which cannot be seen in the result: a row's bits
 * do not depend on the rows around it.
 */
#include "mlp/pass.h"

struct mlp_workspace {
    struct pass pass;
    size_t n_inputs, wide, n_outputs, n_layers;
};

static struct mlp_workspace *workspace_layout(struct pass *pass, const struct mlp_spec *spec,
                                              size_t max_rows, struct arena *arena)
{
    struct mlp_workspace *ws = arena_take(arena, 1, sizeof(*ws));

    pass_layout(pass, spec, max_rows, false, arena);
    return ws;
}

enum mlp_status mlp_workspace_new(const struct mlp_net *net, size_t max_rows,
                                  struct mlp_workspace **out)
{
    struct arena arena = {0};
    struct pass pass;

    if (max_rows == 0) {
        return MLP_E_ARGUMENT;
    }
    (void)workspace_layout(&pass, &net->spec, max_rows, &arena);
    enum mlp_status status = arena_begin(&arena);

    if (status != MLP_OK) {
        return status;
    }
    struct mlp_workspace *ws = workspace_layout(&pass, &net->spec, max_rows, &arena);

    *ws = (struct mlp_workspace){.pass = pass,
                                 .n_inputs = net->spec.n_inputs,
                                 .wide = net->layers[0].n_in,
                                 .n_outputs = net->spec.n_outputs,
                                 .n_layers = net->n_layers};
    status = pass_init(&ws->pass, net);
    if (status != MLP_OK) {
        mlp_workspace_free(&ws);
        return status;
    }
    *out = ws;
    return MLP_OK;
}

void mlp_workspace_free(struct mlp_workspace **ws)
{
    if (ws != NULL && *ws != NULL) {
        pass_fini(&(*ws)->pass);
        free(*ws);
        *ws = NULL;
    }
}

/* A cheap guard against a workspace made for another architecture. */
static bool matches(const struct mlp_workspace *ws, const struct mlp_net *net)
{
    return ws->n_inputs == net->spec.n_inputs && ws->wide == net->layers[0].n_in &&
           ws->n_outputs == net->spec.n_outputs && ws->n_layers == net->n_layers;
}

enum mlp_status mlp_predict(const struct mlp_net *net, struct mlp_workspace *ws, const mlp_real *x,
                            size_t rows, mlp_real *out)
{
    return mlp_predict_offset(net, ws, x, NULL, rows, out);
}

static enum mlp_status predict(const struct mlp_net *net, struct mlp_workspace *ws,
                               const mlp_real *x, const mlp_real *offset, size_t rows, bool linear,
                               mlp_real *out)
{
    struct pass *p = &ws->pass;

    if (!matches(ws, net)) {
        return MLP_E_ARGUMENT;
    }
    for (size_t i = 0; i < rows; i += p->max_rows) {
        size_t n = rows - i < p->max_rows ? rows - i : p->max_rows;
        mlp_real *z = out + i * ws->n_outputs;
        enum mlp_status status =
            pass_predict(p, net, x + i * ws->n_inputs, offset != NULL ? offset + i : NULL, n, z,
                         NULL);

        if (status != MLP_OK) {
            return status;
        }
        if (!linear) {
            loss_output(net, z, n);
        }
    }
    return MLP_OK;
}

enum mlp_status mlp_predict_offset(const struct mlp_net *net, struct mlp_workspace *ws,
                                   const mlp_real *x, const mlp_real *offset, size_t rows,
                                   mlp_real *out)
{
    return predict(net, ws, x, offset, rows, false, out);
}

enum mlp_status mlp_predict_linear(const struct mlp_net *net, struct mlp_workspace *ws,
                                   const mlp_real *x, const mlp_real *offset, size_t rows,
                                   mlp_real *out)
{
    return predict(net, ws, x, offset, rows, true, out);
}

enum mlp_status mlp_evaluate(const struct mlp_net *net, struct mlp_workspace *ws,
                             const struct mlp_data *data, struct mlp_score *out)
{
    if (!matches(ws, net) || data->rows == 0 || !loss_data_fits(&net->spec, data)) {
        return MLP_E_ARGUMENT;
    }
    return pass_score(&ws->pass, net, data, out);
}

/* /models: list, one, delete, weights. Predictions are in api_predict.c, what was measured of a
 * model in api_looks.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/api.h"
#include "http/input_names.h"
#include "http/model_view.h"
#include "http/respond.h"

#define WEIGHTS_PIECE (32u << 10)

static bool is_live(const struct server_context *c, const struct store_model *model,
                    struct servable **out)
{
    struct servable *servable = NULL;
    struct err err = ERR_INIT;

    /* without weights yet, or over in this moment: then it is not live */
    if (strcmp(model->state, "pending") != 0 ||
        predictor_get(c->predictor, model->id, &servable, &err) != 0) {
        err_fini(&err);
        return false;
    }
    err_fini(&err);
    if (!servable_training(servable)) {
        servable_put(&servable);
        return false;
    }
    if (out != NULL) {
        *out = servable;
    } else {
        servable_put(&servable);
    }
    return true;
}

void api_models_list(struct request *req)
{
    static const char *const known[] = {"name", "limit", "page_token", NULL};
    const struct server_context *c = req->context;
    const char *name = query_get(&req->query, "name");
    struct store_model *models = NULL;
    struct err err = ERR_INIT;
    struct api_page page;
    struct jw w = JW_INIT;
    size_t n = 0, i;
    bool more = false;

    if (query_only(&req->query, known, &err) != 0 || api_page_read(req, &page, &err) != 0 ||
        api_name_check(name, &err) != 0 ||
        c->store->ops->model_list(c->store, name, page.before_id, (size_t)page.limit, &models, &n,
                                  &more, &err) != 0) {
        respond_err(req, &err);
    } else {
        jw_object(&w, NULL);
        jw_array(&w, "models");
        for (i = 0; i < n; i++) {
            model_view_row(&w, &models[i], is_live(c, &models[i], NULL));
        }
        jw_end(&w);
        api_page_next(&w, more, n != 0 ? models[n - 1].id : 0);
        jw_end(&w);
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
    store_models_free(&models, n);
    err_fini(&err);
}

void api_models_get(struct request *req)
{
    const struct server_context *c = req->context;
    struct store_model model = {.id = 0};
    struct servable *live = NULL;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    int64_t id = 0;

    if (query_only(&req->query, NULL, &err) != 0 || api_model_id(req, &id, &err) != 0 ||
        c->store->ops->model_get(c->store, id, &model, &err) != 0) {
        respond_err(req, &err);
    } else {
        (void)is_live(c, &model, &live);
        if (model_view_write(&w, c, &model, live, &err) != 0) {
            respond_err(req, &err);
        } else {
            respond_json(req, MHD_HTTP_OK, &w);
        }
    }
    if (live != NULL) {
        servable_put(&live);
    }
    jw_fini(&w);
    store_model_fini(&model);
    err_fini(&err);
}

void api_models_delete(struct request *req)
{
    const struct server_context *c = req->context;
    struct err err = ERR_INIT;

    if (req->id == 0) {
        respond_problem(req, MHD_HTTP_CONFLICT,
                        "a name stands for many models; delete one by its id");
        return;
    }
    if (query_only(&req->query, NULL, &err) != 0 ||
        c->store->ops->model_delete(c->store, req->id, &err) != 0) {
        respond_err(req, &err);
    } else {
        predictor_forget(c->predictor, req->id);
        respond_empty(req, MHD_HTTP_NO_CONTENT);
    }
    err_fini(&err);
}

/* ---- weights: streamed, because a network may have hundreds of megabytes ---- */

struct weights {
    struct servable *servable;
    size_t layer, row; /* the next to write; row n_in is the bias */
    size_t table;      /* behind the layers; with its row */
};

static void put_row(struct buf *out, const float *values, size_t n)
{
    size_t i;

    buf_puts(out, "[");
    for (i = 0; i < n; i++) {
        if (i != 0) {
            buf_puts(out, ",");
        }
        jw_single(out, (double)values[i]);
    }
    buf_puts(out, "]");
}

/* What a layer has besides its weights. */
static void put_members(struct buf *out, const struct mlp_layer_view *layer)
{
    const struct {
        const char *name;
        const float *values;
        size_t n;
    } members[] = {
        {"bias", layer->bias, layer->n_out},     {"gain", layer->gain, layer->n_out},
        {"shift", layer->shift, layer->n_out},   {"slopes", layer->slope, layer->units},
        {"mean", layer->mean, layer->n_out},     {"variance", layer->variance, layer->n_out},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].values != NULL) {
            buf_printf(out, ",\"%s\":", members[i].name);
            put_row(out, members[i].values, members[i].n);
        }
    }
}

/* "embeddings": [[levels][width], ..]; false: there is more to come. */
static bool put_tables(struct weights *s, const struct mlp_spec *spec, const struct mlp_net *net,
                       struct buf *out)
{
    while (s->table < spec->n_embeddings && out->len < WEIGHTS_PIECE) {
        const struct mlp_embedding *e = &spec->embeddings[s->table];

        buf_puts(out, s->row != 0 ? "," : s->table != 0 ? ",[" : ",\"embeddings\":[[");
        put_row(out, mlp_net_embedding(net, s->table) + s->row * e->width, e->width);
        if (++s->row == e->levels) {
            s->row = 0;
            s->table++;
            buf_puts(out, s->table == spec->n_embeddings ? "]]" : "]");
        }
    }
    return s->table == spec->n_embeddings;
}

/* What comes before the layers: whose they are, and what the rows of the first are called. */
static bool put_head(const struct servable *servable, struct buf *out)
{
    struct jw names = JW_INIT;
    bool whole;

    input_names_write(&names, NULL, servable_encoder(servable), SIZE_MAX, false);
    whole = !names.failed;
    if (whole) {
        buf_printf(out, "{\"model_id\":%" PRId64 ",\"inputs\":", servable_model_id(servable));
        whole = buf_append(out, names.buf.data, names.buf.len) == 0;
        buf_puts(out, ",\"layers\":[");
    }
    jw_fini(&names);
    return whole;
}

static int weights_next(void *arg, struct buf *out)
{
    struct weights *s = arg;
    const struct mlp_net *net = servable_net(s->servable);
    const struct mlp_spec *spec = mlp_net_spec(net);
    size_t layers = spec->n_hidden + 1;
    struct mlp_layer_view layer;

    if (s->layer == 0 && s->row == 0 && !put_head(s->servable, out)) {
        return -1;
    }
    while (s->layer < layers && out->len < WEIGHTS_PIECE) {
        mlp_net_layer(net, s->layer, &layer);
        if (s->row < layer.n_in) {
            buf_puts(out, s->row != 0 ? "," : s->layer != 0 ? ",{\"weights\":[" : "{\"weights\":[");
            put_row(out, layer.weights + s->row * layer.n_out, layer.n_out);
            s->row++;
            continue;
        }
        buf_puts(out, "]");
        put_members(out, &layer);
        buf_puts(out, "}");
        s->row = 0;
        s->layer++;
        buf_puts(out, s->layer == layers ? "]" : "");
    }
    if (s->layer < layers || !put_tables(s, spec, net, out)) {
        return 1;
    }
    if (mlp_net_input_scale(net) != NULL) {
        buf_puts(out, ",\"input_scale\":");
        put_row(out, mlp_net_input_scale(net), mlp_spec_width(spec));
    }
    buf_puts(out, "}");
    return 0;
}

static void weights_done(void *arg)
{
    struct weights *s = arg;

    servable_put(&s->servable);
    free(s);
}

void api_models_weights(struct request *req)
{
    struct servable *servable = NULL;
    struct err err = ERR_INIT;
    struct weights *s;
    int64_t id = 0;

    if (query_only(&req->query, NULL, &err) != 0 || api_model_id(req, &id, &err) != 0 ||
        predictor_get(req->context->predictor, id, &servable, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    s = xcalloc(1, sizeof *s);
    s->servable = servable;
    respond_stream(req, MHD_HTTP_OK, "application/json",
                   &(struct respond_source){weights_next, weights_done, s});
}

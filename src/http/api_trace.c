/* POST /models/{key}/trace: one row's way through a model and back. On the request's thread: it is
 * the work of some predictions, whatever the model's size.
 *
 * The row comes as rows to evaluate do, but its truth may be left out; whether it is there is seen
 * before the row is read, because that decides what columns a row has.
 */
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "http/api.h"
#include "http/respond.h"
#include "http/rows_body.h"
#include "http/trace_json.h"
#include "jobs/model_json.h"

static bool object_has_truth(const struct encoder *e, const json_t *row)
{
    size_t i;

    for (i = 0; i < encoder_n_targets(e); i++) {
        if (json_object_get(row, encoder_target_name(e, i)) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_edge(char c)
{
    return c == '\0' || strchr(",;\t| \"\r\n", c) != NULL;
}

/* Whether the header of a table names a column. */
static bool header_has(const char *text, const char *name)
{
    size_t line, len = strlen(name);
    const char *p;

    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a mark */
    line = strcspn(text, "\r\n");
    p = text;
    while ((p = strstr(p, name)) != NULL && (size_t)(p - text) + len <= line) {
        if ((p == text || is_edge(p[-1])) && is_edge(p[len])) {
            return true;
        }
        p++;
    }
    return false;
}

static bool has_truth(const struct request *req, const struct encoder *e, const json_t *root)
{
    const json_t *row = json_array_get(json_object_get(root, "instances"), 0);
    size_t inputs = encoder_n_features(e) + (encoder_offset(e) != NULL);

    if (root == NULL) {
        return req->body.data != NULL && header_has(req->body.data, encoder_target_name(e, 0));
    }
    return json_is_array(row) ? json_array_size(row) > inputs : object_has_truth(e, row);
}

static int read_wish(struct request *req, struct trace_wish *out, struct err *err)
{
    static const char *const known[] = {"layer", "unit", "from", NULL};

    *out = (struct trace_wish){.layer = -1};
    if (query_only(&req->query, known, err) != 0 ||
        query_int(&req->query, "layer", 0, MLP_MAX_LAYERS, -1, &out->layer, err) != 0 ||
        query_int(&req->query, "unit", 0, MLP_MAX_UNITS, -1, &out->unit, err) != 0 ||
        query_int(&req->query, "from", 0, MLP_MAX_INPUTS, 0, &out->from, err) != 0) {
        return -1;
    }
    if ((out->layer < 0) != (out->unit < 0)) {
        (void)err_set(err, ERR_SYNTAX, "layer and unit go together");
        return err_add(err, out->layer < 0 ? "/layer" : "/unit", "is missing");
    }
    return 0;
}

/* Whether the network has that unit. */
static int check_wish(const struct trace_wish *wish, const struct mlp_net *net, struct err *err)
{
    size_t layers = mlp_net_spec(net)->n_hidden + 1;
    struct mlp_layer_view view;

    if (wish->layer < 0) {
        return 0;
    }
    if ((size_t)wish->layer >= layers) {
        (void)err_set(err, ERR_SYNTAX, "the model has no such layer");
        return err_add(err, "/layer", "must be from 0 to %zu", layers - 1);
    }
    mlp_net_layer(net, (size_t)wish->layer, &view);
    if ((size_t)wish->unit >= view.units) {
        (void)err_set(err, ERR_SYNTAX, "the layer has no such unit");
        return err_add(err, "/unit", "must be from 0 to %zu", view.units - 1);
    }
    return 0;
}

static void answer(struct request *req, const struct servable *servable, const struct rows *rows,
                   const struct mlp_trace *trace, const struct trace_wish *wish)
{
    struct jw w = JW_INIT;

    jw_object(&w, NULL);
    jw_int(&w, "model_id", servable_model_id(servable));
    if (servable_training(servable)) {
        jw_string(&w, "state", "training");
        jw_int(&w, "epoch", (int64_t)servable_epoch(servable));
    }
    trace_json_write(&w, servable, rows, trace, wish);
    jw_end(&w);
    respond_json(req, MHD_HTTP_OK, &w);
    jw_fini(&w);
}

static int trace_row(struct request *req, const struct servable *servable, const struct rows *rows,
                     const struct trace_wish *wish, struct err *err)
{
    const struct mlp_net *net = servable_net(servable);
    bool labels = encoder_is_classes(servable_encoder(servable)) &&
                  mlp_net_spec(net)->output == MLP_OUT_SOFTMAX;
    struct mlp_data row = {.rows = 1, .x = rows->x, .offset = rows->offset};
    struct mlp_trace *trace = NULL;
    enum mlp_status status;

    if (rows->n != 1) {
        return err_add(err, "/instances", "must be one row, there are %zu", rows->n);
    }
    if (rows->labelled) {
        row.labels = labels ? rows->labels : NULL;
        row.targets = labels ? NULL : rows->targets;
    }
    status = mlp_trace_new(net, &row, &trace);
    if (status != MLP_OK) {
        return model_json_status(err, status, "the row could not be traced");
    }
    counter_add(COUNTER_PREDICT_ROWS, 0, 1);
    answer(req, servable, rows, trace, wish);
    mlp_trace_free(&trace);
    return 0;
}

void api_models_trace(struct request *req)
{
    struct rows_request r = {.err = ERR_INIT};
    struct trace_wish wish;
    int64_t id = 0;

    if (read_wish(req, &wish, &r.err) == 0 && api_model_id(req, &id, &r.err) == 0 &&
        predictor_get(req->context->predictor, id, &r.servable, &r.err) == 0 &&
        check_wish(&wish, servable_net(r.servable), &r.err) == 0 &&
        rows_body_parse(req, &r.root, &r.err) == 0) {
        const struct encoder *e = servable_encoder(r.servable);

        rows_init(&r.rows, e, mlp_net_spec(servable_net(r.servable)), has_truth(req, e, r.root));
        if (rows_body_read(req, &r.rows, &r.root, "", &r.err) == 0) {
            (void)trace_row(req, r.servable, &r.rows, &wish, &r.err);
        }
    }
    rows_request_end(req, &r);
}

/* Predictions: GET with one row in the query, POST with many in the body; and evaluate, where
 * the rows carry their truth.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/api.h"
#include "http/media.h"
#include "http/respond.h"
#include "http/rows_body.h"
#include "jobs/config.h"
#include "jobs/json_util.h"
#include "jobs/judge.h"
#include "jobs/submit.h"

#define AT_ONCE 1000 /* more rows are answered as a stream */

int api_model_id(const struct request *req, int64_t *out, struct err *err)
{
    const struct server_context *c = req->context;
    struct store_model model = {.id = 0};

    if (req->id != 0) {
        *out = req->id;
        return 0;
    }
    if (req->arg[0] >= '0' && req->arg[0] <= '9') {
        return err_set(err, ERR_NOT_FOUND, "there is no model %s", req->arg);
    }
    if (c->store->ops->model_by_name(c->store, req->arg, &model, err) != 0) {
        return -1;
    }
    *out = model.id;
    store_model_fini(&model);
    return 0;
}

static int get_servable(const struct request *req, struct servable **out, struct err *err)
{
    int64_t id = 0;

    return api_model_id(req, &id, err) != 0 ? -1
                                            : predictor_get(req->context->predictor, id, out, err);
}

/* ---- answers ---- */

struct streaming {
    struct answer *answer;
};

static int stream_next(void *arg, struct buf *out)
{
    struct streaming *s = arg;
    struct err err = ERR_INIT;
    int rc = answer_next(s->answer, out, &err);

    err_fini(&err);
    return rc;
}

static void stream_done(void *arg)
{
    struct streaming *s = arg;

    answer_free(&s->answer);
    free(s);
}

/* Takes both over. */
static void answer_rows(struct request *req, struct servable **servable, struct rows *rows)
{
    bool csv = media_prefers_csv(request_header(req, "Accept"));
    const char *type = csv ? "text/csv; charset=utf-8" : "application/json";
    size_t n = rows->n;
    struct answer *answer = answer_new(servable, rows, csv);
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    int rc = 1;

    counter_add(COUNTER_PREDICT_ROWS, 0, n);
    histogram_add(HISTOGRAM_PREDICT_BATCH, 0, (double)n);
    respond_header(req, "Vary", "Accept");
    if (n > AT_ONCE) {
        struct streaming *s = xcalloc(1, sizeof *s);

        s->answer = answer;
        respond_stream(req, MHD_HTTP_OK, type,
                       &(struct respond_source){stream_next, stream_done, s});
        return;
    }
    while (rc == 1) {
        rc = answer_next(answer, &out, &err);
    }
    if (rc == 0) {
        respond_text(req, MHD_HTTP_OK, type, &out);
    } else {
        respond_err(req, &err);
    }
    buf_fini(&out);
    answer_free(&answer);
    err_fini(&err);
}

/* Makes room for rows without their truth. */
static void init_rows(struct rows_request *r)
{
    rows_init(&r->rows, servable_encoder(r->servable), mlp_net_spec(servable_net(r->servable)),
              false);
}

void api_models_predict(struct request *req)
{
    struct rows_request r = {.err = ERR_INIT};

    if (get_servable(req, &r.servable, &r.err) == 0) {
        init_rows(&r);
        if (rows_read_query(&r.rows, &req->query, &r.err) == 0) {
            answer_rows(req, &r.servable, &r.rows);
        }
    }
    rows_request_end(req, &r);
}

/* ---- many rows ---- */

void api_models_predict_rows(struct request *req)
{
    struct rows_request r = {.err = ERR_INIT};

    if (query_only(&req->query, NULL, &r.err) == 0 && get_servable(req, &r.servable, &r.err) == 0 &&
        rows_body_parse(req, &r.root, &r.err) == 0) {
        init_rows(&r);
        if (rows_body_read(req, &r.rows, &r.root, "", &r.err) == 0) {
            answer_rows(req, &r.servable, &r.rows);
        }
    }
    rows_request_end(req, &r);
}

/* ---- evaluate ---- */

static void evaluate_rows(struct request *req, struct rows_request *r)
{
    const struct servable *servable = r->servable;
    const struct mlp_net *net = servable_net(servable);
    struct judged judged = {.metrics_json = NULL};
    struct rows *rows = &r->rows;
    struct jw w = JW_INIT;

    rows_init(rows, servable_encoder(servable), mlp_net_spec(net), true);
    rows->limit = rows->limit < ROWS_MOST_EVALUATED ? rows->limit : ROWS_MOST_EVALUATED;
    if (rows_body_read(req, rows, &r->root, " or {\"dataset\": ...}", &r->err) == 0) {
        bool labels = encoder_is_classes(servable_encoder(servable)) &&
                      mlp_net_spec(net)->output == MLP_OUT_SOFTMAX;
        struct mlp_data data = {.rows = rows->n,
                                .x = rows->x,
                                .labels = labels ? rows->labels : NULL,
                                .targets = labels ? NULL : rows->targets,
                                .offset = rows->offset};

        if (judge(net, servable_encoder(servable), &data, "given", &judged, &r->err) == 0) {
            jw_object(&w, NULL);
            jw_int(&w, "model_id", servable_model_id(servable));
            if (servable_training(servable)) {
                jw_string(&w, "state", "training");
                jw_int(&w, "epoch", (int64_t)servable_epoch(servable));
            }
            jw_int(&w, "rows", (int64_t)rows->n);
            jw_raw(&w, "metrics", judged.metrics_json);
            jw_raw(&w, "evaluation", judged.evaluation_json);
            jw_end(&w);
            respond_json(req, MHD_HTTP_OK, &w);
        }
    }
    jw_fini(&w);
    judged_fini(&judged);
}

static void evaluate_dataset(struct request *req, int64_t model_id, const json_t *root,
                             struct err *err)
{
    const struct server_context *c = req->context;
    const json_t *dataset = json_object_get(root, "dataset"),
                 *wish = json_object_get(root, "notify");
    struct submitted submitted = {.job_id = 0};
    struct job_notify notify = {.url = NULL};
    char key[24];

    if (json_object_size(root) != 1 + (size_t)(wish != NULL)) {
        (void)err_add(err, "",
                      "send {\"dataset\": ...}, perhaps with \"notify\", or "
                      "{\"instances\": [...]}, "
                      "and nothing else");
        return;
    }
    (void)snprintf(key, sizeof key, "%" PRId64,
                   (int64_t)(json_is_integer(dataset) ? json_integer_value(dataset) : 0));
    if (!json_is_string(dataset) && !json_is_integer(dataset)) {
        (void)err_add(err, "/dataset", "must be a dataset's name, id or \"sha256:...\"");
        return;
    }
    if (wish != NULL && config_notify_read(wish, &notify, err) != 0) {
        return;
    }
    if (submit_evaluate(c->datasets, c->pool, &c->limits, model_id,
                        json_is_string(dataset) ? json_string_value(dataset) : key, &notify,
                        &submitted, err) == 0) {
        api_answer_submitted(req, &submitted, "evaluate");
    }
    job_notify_fini(&notify);
    submitted_fini(&submitted);
}

void api_models_evaluate(struct request *req)
{
    struct rows_request r = {.err = ERR_INIT};
    int64_t id = 0;

    if (query_only(&req->query, NULL, &r.err) == 0 && api_model_id(req, &id, &r.err) == 0 &&
        rows_body_parse(req, &r.root, &r.err) == 0) {
        if (json_object_get(r.root, "dataset") != NULL) {
            evaluate_dataset(req, id, r.root, &r.err);
        } else if (predictor_get(req->context->predictor, id, &r.servable, &r.err) == 0) {
            evaluate_rows(req, &r);
        }
    }
    rows_request_end(req, &r);
}

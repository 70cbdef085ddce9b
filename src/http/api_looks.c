/* /models/{key}/evaluation, /importance, /histograms: what was measured of a model when it was
 * made, and what its weights are like. On the request's thread; the first two are a row of the
 * store. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/api.h"
#include "http/histograms.h"
#include "http/model_view.h"
#include "http/respond.h"
#include "jobs/importance.h"

static bool is_split(const char *split)
{
    return strcmp(split, "training") == 0 || strcmp(split, "validation") == 0 ||
           strcmp(split, "test") == 0;
}

static int check_split(const struct request *req, struct err *err)
{
    static const char *const known[] = {"split", NULL};
    const char *split = query_get(&req->query, "split");

    if (query_only(&req->query, known, err) != 0) {
        return -1;
    }
    if (split != NULL && !is_split(split)) {
        (void)err_set(err, ERR_SYNTAX, "there is no split \"%.40s\"", split);
        return err_add(err, "/split", "one of training, validation, test");
    }
    return 0;
}

/* What was stored of a model: an object, to which its id is added in front. */
static void answer_stored(struct request *req, int64_t id, const char *json)
{
    struct buf out = BUF_INIT;

    buf_printf(&out, "{\"model_id\":%" PRId64 ",", id);
    buf_puts(&out, json + 1);
    respond_text(req, MHD_HTTP_OK, "application/json", &out);
    buf_fini(&out);
}

/* What there is in place of what is not. */
static void tell_splits(const struct server_context *c, int64_t id, struct err *err)
{
    struct store_model model = {.id = 0};
    struct err ignored = ERR_INIT;
    struct buf text = BUF_INIT;

    if (err->code == ERR_NOT_FOUND && id != 0 &&
        c->store->ops->model_get(c->store, id, &model, &ignored) == 0) {
        buf_printf(&text, "%s; there is one on: ", err->detail);
        model_view_splits(&text, model.splits);
        err_fini(err);
        (void)err_set(err, ERR_NOT_FOUND, "%s", text.data);
    }
    err_fini(&ignored);
    buf_fini(&text);
    store_model_fini(&model);
}

void api_models_evaluation(struct request *req)
{
    const struct server_context *c = req->context;
    const char *split = query_get(&req->query, "split");
    struct err err = ERR_INIT;
    char *json = NULL;
    int64_t id = 0;

    if (check_split(req, &err) != 0 || api_model_id(req, &id, &err) != 0 ||
        c->store->ops->model_evaluation(c->store, id, split != NULL ? split : "test", &json,
                                        &err) != 0) {
        tell_splits(c, id, &err);
        respond_err(req, &err);
    } else {
        answer_stored(req, id, json);
    }
    free(json);
    err_fini(&err);
}

/* The split that an importance was measured on; "" when it does not say. */
static void split_of(const char *json, char *out, size_t size)
{
    json_t *tree = json_loads(json, 0, NULL);
    const char *split = json_string_value(json_object_get(tree, "split"));

    (void)snprintf(out, size, "%s", split != NULL ? split : "");
    json_decref(tree);
}

void api_models_importance(struct request *req)
{
    const struct server_context *c = req->context;
    const char *wanted = query_get(&req->query, "split");
    struct err err = ERR_INIT;
    char *json = NULL, split[16] = "";
    int64_t id = 0;

    if (check_split(req, &err) == 0 && api_model_id(req, &id, &err) == 0 &&
        c->store->ops->model_evaluation(c->store, id, MODEL_IMPORTANCE, &json, &err) == 0) {
        split_of(json, split, sizeof split);
    } else if (err.code == ERR_NOT_FOUND && id != 0) {
        err_fini(&err);
        (void)err_set(&err, ERR_NOT_FOUND,
                      "no importance of features was measured for model %" PRId64, id);
    }
    if (!err_is(&err) && wanted != NULL && strcmp(wanted, split) != 0) {
        (void)err_set(&err, ERR_NOT_FOUND,
                      "the importance of model %" PRId64 "'s features was measured on %s rows", id,
                      split);
    }
    if (err_is(&err)) {
        respond_err(req, &err);
    } else {
        answer_stored(req, id, json);
    }
    free(json);
    err_fini(&err);
}

void api_models_histograms(struct request *req)
{
    static const char *const known[] = {"bins", NULL};
    struct servable *servable = NULL;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    int64_t id = 0, bins = 0;

    if (query_only(&req->query, known, &err) != 0 ||
        query_int(&req->query, "bins", 5, HISTOGRAMS_MOST_BINS, 30, &bins, &err) != 0 ||
        api_model_id(req, &id, &err) != 0 ||
        predictor_get(req->context->predictor, id, &servable, &err) != 0) {
        respond_err(req, &err);
    } else {
        jw_object(&w, NULL);
        jw_int(&w, "model_id", id);
        if (servable_training(servable)) {
            jw_string(&w, "state", "training");
            jw_int(&w, "epoch", (int64_t)servable_epoch(servable));
        }
        histograms_write(&w, servable, (size_t)bins);
        jw_end(&w);
        respond_json(req, MHD_HTTP_OK, &w);
        servable_put(&servable);
    }
    jw_fini(&w);
    err_fini(&err);
}

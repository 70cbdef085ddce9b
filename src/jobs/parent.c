/* The model a job starts from; see parent.h. Reads the store; any thread. */
#include "jobs/parent.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/predictor.h"

#define POINTER    "/start_from"
#define MAX_DIGITS 18 /* of an id: fits 64 bits */

static bool is_id(const char *key)
{
    size_t len = strlen(key);

    return len > 0 && len <= MAX_DIGITS && strspn(key, "0123456789") == len;
}

static int get(struct store *store, const char *key, struct store_model *out, struct err *err)
{
    struct err problem = ERR_INIT;
    int rc = is_id(key) ? store->ops->model_get(store, strtoll(key, NULL, 10), out, &problem)
                        : store->ops->model_by_name(store, key, out, &problem);

    if (rc == 0) {
        return 0;
    }
    if (problem.code == ERR_NOT_FOUND) {
        err_add(err, POINTER, "%s", problem.detail);
        err_fini(&problem);
    } else {
        err_move(err, &problem);
    }
    return -1;
}

int parent_load(struct store *store, const char *key, struct parent *out, struct err *err)
{
    *out = (struct parent){.encoder = NULL};
    if (get(store, key, &out->model, err) != 0) {
        return -1;
    }
    if (strcmp(out->model.state, "ready") != 0 || out->model.spec_json == NULL ||
        out->model.encoder_json == NULL) {
        return err_add(err, POINTER, "model %lld has no weights%s", (long long)out->model.id,
                       strcmp(out->model.state, "pending") == 0 ? " yet" : "");
    }
    if (predictor_spec_from_json(out->model.spec_json, strlen(out->model.spec_json), &out->spec,
                                 out->hidden, err) != 0 ||
        encoder_from_json(out->model.encoder_json, strlen(out->model.encoder_json), &out->encoder,
                          err) != 0) {
        return -1;
    }
    out->as = (struct config_parent){
        .id = out->model.id,
        .weights_sha256 = out->model.weights_sha256,
        .encoder = out->encoder,
        .spec = &out->spec,
        .info_json = out->model.info_json,
        .has_state = out->model.state_bytes > 0,
    };
    return 0;
}

void parent_fini(struct parent *parent)
{
    encoder_free(&parent->encoder);
    predictor_spec_fini(&parent->spec);
    store_model_fini(&parent->model);
}

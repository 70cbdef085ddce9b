/* One model at one moment; see predictor.h.
 *
 * A servable is an encoder, a network and a few idle workspaces. All but the workspaces is
 * written once, before anybody else can see it, so readers need no lock; the last reference
 * frees it, whether the model was replaced, evicted or deleted meanwhile.
 *
 * The second half makes servables of what the store has. Stored bytes are trusted no more
 * than a stranger's: the shape must pass mlp_spec_check, the encoder its own reader, and
 * the weights must have the store's hash and exactly the shape's length.
 *
 * Threads: any. Locks: servable.mtx guards the idle workspaces and is a leaf.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/model_json.h"
#include "jobs/predictor_priv.h"
#include "jobs/spec.h"

#define SERVABLE_MAGIC      0x73657276u
#define SERVABLE_WORK_BYTES (1u << 20) /* about what one workspace may take */
#define SERVABLE_MAX_ROWS   256
#define SERVABLE_OVERHEAD   (64u << 10) /* counted a model besides parameters and encoder */

/* ---- encoders shared by the servables of one job -------------------------------- */

struct encoder_box *encoder_box_new(struct encoder *encoder)
{
    struct encoder_box *box = xcalloc(1, sizeof *box);

    atomic_init(&box->refs, 1);
    box->encoder = encoder;
    return box;
}

struct encoder_box *encoder_box_ref(struct encoder_box *box)
{
    atomic_fetch_add(&box->refs, 1);
    return box;
}

void encoder_box_unref(struct encoder_box *box)
{
    if (box != NULL && atomic_fetch_sub(&box->refs, 1) == 1) {
        encoder_free(&box->encoder);
        free(box);
    }
}

/* ---- servables ------------------------------------------------------------------ */

/* Rows such that one pass's activations take about SERVABLE_WORK_BYTES. */
static size_t slice_rows(const struct mlp_spec *spec)
{
    size_t width = mlp_spec_width(spec) + spec->n_outputs, rows, i;

    for (i = 0; i < spec->n_hidden; i++) {
        width += spec->hidden[i].units * (spec->hidden[i].pieces > 0 ? spec->hidden[i].pieces : 1);
    }
    rows = SERVABLE_WORK_BYTES / sizeof(float) / width;
    return rows < 1 ? 1 : rows > SERVABLE_MAX_ROWS ? SERVABLE_MAX_ROWS : rows;
}

struct servable *servable_new(int64_t model_id, struct encoder_box *box,
                              const struct mlp_spec *spec, struct err *err)
{
    struct servable *s = xcalloc(1, sizeof *s);
    enum mlp_status status = mlp_net_new(spec, &s->net);

    if (status != MLP_OK) {
        (void)model_json_status(err, status, "the model does not fit into memory");
        free(s);
        return NULL;
    }
    s->magic = SERVABLE_MAGIC;
    atomic_init(&s->refs, 1);
    s->model_id = model_id;
    s->box = encoder_box_ref(box);
    s->bytes = mlp_net_values(s->net) * sizeof(float) + SERVABLE_OVERHEAD;
    s->slice = slice_rows(spec);
    PTOK(pthread_mutex_init(&s->mtx, NULL));
    return s;
}

struct servable *servable_ref(struct servable *s)
{
    CHK_OBJ(s, SERVABLE_MAGIC);
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void servable_put(struct servable **sp)
{
    struct servable *s = *sp;

    *sp = NULL;
    if (s == NULL) {
        return;
    }
    CHK_OBJ(s, SERVABLE_MAGIC);
    if (atomic_fetch_sub(&s->refs, 1) != 1) {
        return;
    }
    while (s->n_idle > 0) {
        mlp_workspace_free(&s->idle[--s->n_idle]);
    }
    mlp_net_free(&s->net);
    encoder_box_unref(s->box);
    PTOK(pthread_mutex_destroy(&s->mtx));
    s->magic = 0;
    free(s);
}

int64_t servable_model_id(const struct servable *s)
{
    CHK_OBJ(s, SERVABLE_MAGIC);
    return s->model_id;
}

const struct encoder *servable_encoder(const struct servable *s)
{
    CHK_OBJ(s, SERVABLE_MAGIC);
    return s->box->encoder;
}

const struct mlp_net *servable_net(const struct servable *s)
{
    CHK_OBJ(s, SERVABLE_MAGIC);
    return s->net;
}

bool servable_training(const struct servable *s)
{
    CHK_OBJ(s, SERVABLE_MAGIC);
    return s->training;
}

size_t servable_epoch(const struct servable *s)
{
    CHK_OBJ(s, SERVABLE_MAGIC);
    return s->epoch;
}

int servable_run(struct servable *s, const float *x, size_t rows, float *out, struct err *err)
{
    return servable_run_offset(s, x, NULL, rows, out, err);
}

int servable_run_offset(struct servable *s, const float *x, const float *offset, size_t rows,
                        float *out, struct err *err)
{
    struct mlp_workspace *ws = NULL;
    enum mlp_status status = MLP_OK;

    CHK_OBJ(s, SERVABLE_MAGIC);
    PTOK(pthread_mutex_lock(&s->mtx));
    if (s->n_idle > 0) {
        ws = s->idle[--s->n_idle];
    }
    PTOK(pthread_mutex_unlock(&s->mtx));
    if (ws == NULL) {
        status = mlp_workspace_new(s->net, s->slice, &ws);
    }
    if (status == MLP_OK) {
        status = mlp_predict_offset(s->net, ws, x, offset, rows, out);
    }
    if (ws != NULL) {
        PTOK(pthread_mutex_lock(&s->mtx));
        if (s->n_idle < SERVABLE_IDLE) {
            s->idle[s->n_idle++] = ws;
            ws = NULL;
        }
        PTOK(pthread_mutex_unlock(&s->mtx));
        mlp_workspace_free(&ws);
    }
    return status == MLP_OK ? 0 : model_json_status(err, status, "the prediction failed");
}

/* ---- from the store --------------------------------------------------------------- */

/* Numbers that are stored: what is trained, and the running statistics of batch norm. */
static enum mlp_status stored_values(const struct mlp_spec *spec, size_t *parameters, size_t *out)
{
    enum mlp_status status = mlp_spec_parameters(spec, parameters);
    size_t state = 0, i;

    for (i = 0; i < spec->n_hidden; i++) {
        const struct mlp_layer_spec *h = &spec->hidden[i];

        state += h->norm == MLP_NORM_BATCH ? 2 * h->units * (h->pieces > 0 ? h->pieces : 1) : 0;
    }
    return status == MLP_OK && !mem_add(*parameters, state, out) ? MLP_E_TOO_LARGE : status;
}

/* Whether the network's tables are those that the encoder's indexes are for. */
static bool same_tables(const struct mlp_spec *spec, const struct encoder *encoder)
{
    size_t n = 0, i;
    struct mlp_embedding *tables = job_spec_tables(encoder, &n);
    bool same = n == spec->n_embeddings;

    for (i = 0; i < n && same; i++) {
        same = tables[i].levels == spec->embeddings[i].levels &&
               tables[i].width == spec->embeddings[i].width;
    }
    free(tables);
    return same;
}

/* Whether the parts of a stored model belong together. */
static int check_parts(const struct store_model *model, const struct encoder *encoder,
                       const struct mlp_spec *spec, size_t weights_bytes, struct err *err)
{
    size_t n_classes = encoder_n_classes(encoder), parameters = 0, values = 0, bytes = 0;
    bool outputs_fit;

    if (encoder_is_classes(encoder)) {
        outputs_fit = spec->n_outputs == n_classes || (spec->n_outputs == 1 && n_classes == 2);
    } else {
        outputs_fit = spec->n_outputs == encoder_n_targets(encoder);
    }
    if (spec->n_inputs != encoder_n_inputs(encoder) || !same_tables(spec, encoder) ||
        !outputs_fit) {
        return err_set(err, ERR_CORRUPT, "model %lld is damaged: its encoder is of another width",
                       (long long)model->id);
    }
    if (stored_values(spec, &parameters, &values) != MLP_OK ||
        !mem_mul(values, sizeof(float), &bytes) || bytes != weights_bytes ||
        (int64_t)parameters != model->parameters) {
        return err_set(err, ERR_CORRUPT,
                       "model %lld is damaged: %zu bytes of weights do not fit its architecture",
                       (long long)model->id, weights_bytes);
    }
    return 0;
}

static void copy_weights(struct mlp_net *net, const void *bytes)
{
    size_t n = mlp_net_values(net), i;
    mlp_real *params = mlp_net_params(net);
    const unsigned char *from = bytes;
    uint32_t word;

    for (i = 0; i < n; i++) { /* a plain copy where floats are little-endian already */
        memcpy(&word, from + i * sizeof word, sizeof word);
        word = le32toh(word);
        memcpy(&params[i], &word, sizeof word);
    }
}

static int load_ready(struct store *store, const struct store_model *model, struct servable **out,
                      struct err *err)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];
    struct encoder *encoder = NULL;
    struct encoder_box *box = NULL;
    struct servable *s = NULL;
    void *weights = NULL;
    struct mlp_spec spec = {.n_inputs = 0};
    size_t len = 0;
    int rc = -1;

    if (model->spec_json == NULL || model->encoder_json == NULL) {
        return err_set(err, ERR_CORRUPT, "model %lld is damaged: parts of it are missing",
                       (long long)model->id);
    }
    if (predictor_spec_from_json(model->spec_json, strlen(model->spec_json), &spec, hidden,
                                 err) != 0) {
        goto out;
    }
    if (encoder_from_json(model->encoder_json, strlen(model->encoder_json), &encoder, err) != 0) {
        goto out;
    }
    box = encoder_box_new(encoder);
    if (store->ops->model_weights(store, model->id, &weights, &len, err) != 0 ||
        check_parts(model, encoder, &spec, len, err) != 0) {
        goto out;
    }
    s = servable_new(model->id, box, &spec, err);
    if (s == NULL) {
        goto out;
    }
    copy_weights(s->net, weights);
    s->bytes += strlen(model->encoder_json);
    *out = s;
    rc = 0;
out:
    predictor_spec_fini(&spec);
    encoder_box_unref(box);
    free(weights);
    return rc;
}

int servable_load(struct store *store, int64_t model_id, struct servable **out, struct err *err)
{
    struct store_model model = {.id = 0};
    int rc = -1;

    if (store->ops->model_get(store, model_id, &model, err) != 0) {
        return -1;
    }
    if (strcmp(model.state, "ready") == 0) {
        rc = load_ready(store, &model, out, err);
    } else if (strcmp(model.state, "failed") == 0) {
        (void)err_set(err, ERR_CONFLICT, "model %lld has no weights: its job ended without any",
                      (long long)model_id);
    } else {
        (void)err_set(err, ERR_CONFLICT, "model %lld has no weights yet", (long long)model_id);
    }
    store_model_fini(&model);
    return rc;
}

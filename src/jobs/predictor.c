/* Models that answer; see predictor.h.
 *
 * A servable is one model at one moment: its encoder, its network and a few idle
 * workspaces. All but the workspaces is written once, before anybody else can see it, so
 * readers need no lock; the last reference frees it, whether the model was replaced,
 * evicted or deleted meanwhile. The encoder of a training job is shared by all servables
 * that job publishes.
 *
 * Two tables by model id, both under predictor.mtx: `live` (a job is training it) and
 * `cached` (read from the store). uthash keeps insertion order, so a hit that re-inserts
 * its entry makes the table's front the least recently used one. The store is never read
 * under the lock: two threads that miss at once both load, and the first to come back
 * wins. A load that began before predictor_forget must not bring the deleted model back:
 * `forgotten` counts the calls and a load that saw it change is served but not kept.
 */
#include "jobs/predictor.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/model_json.h"

#define uthash_malloc(bytes)                xmalloc(bytes)
#define HASH_FUNCTION(key, len, hash_value) HASH_FNV(key, len, hash_value)
#include <uthash.h>

#define PREDICTOR_MAGIC 0x70726564u
#define SERVABLE_MAGIC  0x73657276u

#define SERVABLE_IDLE       4          /* workspaces kept for the next caller */
#define SERVABLE_WORK_BYTES (1u << 20) /* about what one workspace may take */
#define SERVABLE_MAX_ROWS   256
#define SERVABLE_OVERHEAD   (64u << 10) /* counted a model besides parameters and encoder */

struct encoder_box {
    atomic_size_t refs;
    struct encoder *encoder;
};

struct servable {
    unsigned magic;
    atomic_size_t refs;

    /* set once */
    int64_t model_id;
    bool training;
    size_t epoch;
    struct encoder_box *box;
    struct mlp_net *net;
    size_t bytes; /* what it counts in the cache */
    size_t slice; /* rows of a workspace */

    pthread_mutex_t mtx;
    struct mlp_workspace *idle[SERVABLE_IDLE]; /* guarded by mtx */
    size_t n_idle;                             /* guarded by mtx */
};

struct entry {
    int64_t id;
    struct encoder_box *box;   /* live only: of the servables to come */
    struct servable *servable; /* live: NULL until the first weights */
    bool closing;              /* live only: the store may have the model by now */
    UT_hash_handle hh;
};

struct predictor {
    unsigned magic;
    struct store *store;
    size_t cache_bytes;

    pthread_mutex_t mtx;
    struct entry *live;   /* guarded by mtx */
    struct entry *cached; /* guarded by mtx; front = least recently used */
    size_t cached_bytes;  /* guarded by mtx */
    uint64_t forgotten;   /* guarded by mtx */
};

/* ---- encoders shared by the servables of one job -------------------------------- */

static struct encoder_box *box_new(struct encoder *encoder)
{
    struct encoder_box *box = xcalloc(1, sizeof *box);

    atomic_init(&box->refs, 1);
    box->encoder = encoder;
    return box;
}

static struct encoder_box *box_ref(struct encoder_box *box)
{
    atomic_fetch_add(&box->refs, 1);
    return box;
}

static void box_unref(struct encoder_box *box)
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
    size_t width = spec->n_inputs + spec->n_outputs, rows, i;

    for (i = 0; i < spec->n_hidden; i++) {
        width += spec->hidden[i].units;
    }
    rows = SERVABLE_WORK_BYTES / sizeof(float) / width;
    return rows < 1 ? 1 : rows > SERVABLE_MAX_ROWS ? SERVABLE_MAX_ROWS : rows;
}

/* A network of this shape with parameters zero, not shared yet; takes one reference on
 * `box`. NULL and err without memory. */
static struct servable *servable_new(int64_t model_id, struct encoder_box *box,
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
    s->box = box_ref(box);
    s->bytes = mlp_net_parameters(s->net) * sizeof(float) + SERVABLE_OVERHEAD;
    s->slice = slice_rows(spec);
    PTOK(pthread_mutex_init(&s->mtx, NULL));
    return s;
}

static struct servable *servable_ref(struct servable *s)
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
    box_unref(s->box);
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
        status = mlp_predict(s->net, ws, x, rows, out);
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

/* Whether the parts of a stored model belong together. */
static int check_parts(const struct store_model *model, const struct encoder *encoder,
                       const struct mlp_spec *spec, size_t weights_bytes, struct err *err)
{
    size_t n_classes = encoder_n_classes(encoder), parameters = 0, bytes = 0;
    bool outputs_fit;

    if (encoder_is_classes(encoder)) {
        outputs_fit = spec->n_outputs == n_classes || (spec->n_outputs == 1 && n_classes == 2);
    } else {
        outputs_fit = spec->n_outputs == encoder_n_targets(encoder);
    }
    if (spec->n_inputs != encoder_n_inputs(encoder) || !outputs_fit) {
        return err_set(err, ERR_CORRUPT, "model %lld is damaged: its encoder is of another width",
                       (long long)model->id);
    }
    if (mlp_spec_parameters(spec, &parameters) != MLP_OK ||
        !mem_mul(parameters, sizeof(float), &bytes) || bytes != weights_bytes ||
        (int64_t)parameters != model->parameters) {
        return err_set(err, ERR_CORRUPT,
                       "model %lld is damaged: %zu bytes of weights do not fit its architecture",
                       (long long)model->id, weights_bytes);
    }
    return 0;
}

static void copy_weights(struct mlp_net *net, const void *bytes)
{
    size_t n = mlp_net_parameters(net), i;
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
    struct mlp_spec spec;
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
    box = box_new(encoder);
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
    box_unref(box);
    free(weights);
    return rc;
}

static int load(struct store *store, int64_t model_id, struct servable **out, struct err *err)
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

/* ---- the tables ------------------------------------------------------------------- */

static struct entry *find(struct entry *table, int64_t id)
{
    struct entry *e;

    HASH_FIND(hh, table, &id, sizeof id, e);
    return e;
}

static void insert(struct entry **table, struct entry *e)
{
    HASH_ADD(hh, *table, id, sizeof e->id, e);
}

/* Take the entry out; the caller drops its references after unlocking, see entry_drop. */
static void take_out(struct entry **table, struct entry *e)
{
    HASH_DEL(*table, e);
}

static void entry_drop(struct entry *e)
{
    if (e != NULL) {
        servable_put(&e->servable);
        box_unref(e->box);
        free(e);
    }
}

/* Evict from the front until the budget is met; the newest always stays, or a model
 * larger than the budget would be read from the store for every single row. Returns the
 * evicted, chained through a table of their own, to be dropped without the lock. */
static struct entry *evict_locked(struct predictor *p)
{
    struct entry *out = NULL, *e;

    while (p->cached_bytes > p->cache_bytes && HASH_COUNT(p->cached) > 1) {
        e = p->cached;
        take_out(&p->cached, e);
        p->cached_bytes -= e->servable->bytes;
        insert(&out, e);
    }
    return out;
}

static void drop_all(struct entry **table)
{
    struct entry *e;

    while ((e = *table) != NULL) {
        take_out(table, e);
        entry_drop(e);
    }
}

/* Keep what was loaded; when another thread was faster, answer with its copy. */
static void keep(struct predictor *p, struct servable **s, uint64_t forgotten)
{
    struct entry *evicted = NULL, *e;
    struct servable *mine = NULL;

    PTOK(pthread_mutex_lock(&p->mtx));
    e = find(p->cached, (*s)->model_id);
    if (e != NULL) {
        mine = *s;
        *s = servable_ref(e->servable);
    } else if (p->forgotten == forgotten) {
        e = xcalloc(1, sizeof *e);
        e->id = (*s)->model_id;
        e->servable = servable_ref(*s);
        insert(&p->cached, e);
        p->cached_bytes += (*s)->bytes;
        evicted = evict_locked(p);
    }
    PTOK(pthread_mutex_unlock(&p->mtx));
    servable_put(&mine);
    drop_all(&evicted);
}

int predictor_get(struct predictor *p, int64_t model_id, struct servable **out, struct err *err)
{
    struct servable *s = NULL, *before = NULL;
    uint64_t forgotten;
    struct entry *e;
    bool live, closing;

    CHK_OBJ(p, PREDICTOR_MAGIC);
    PTOK(pthread_mutex_lock(&p->mtx));
    forgotten = p->forgotten;
    e = find(p->live, model_id);
    live = e != NULL;
    closing = live && e->closing;
    if (!live) {
        e = find(p->cached, model_id);
        if (e != NULL) { /* now the most recently used */
            take_out(&p->cached, e);
            insert(&p->cached, e);
        }
    }
    if (e != NULL && e->servable != NULL) {
        s = servable_ref(e->servable);
    }
    PTOK(pthread_mutex_unlock(&p->mtx));

    if (closing) { /* what the job leaves, if it is there; else what it had until now */
        before = s;
        s = NULL;
        if (load(p->store, model_id, &s, err) == 0) {
            keep(p, &s, forgotten);
            servable_put(&before);
        } else if (before != NULL && err->code == ERR_CONFLICT) {
            err_fini(err);
            s = before;
        } else {
            servable_put(&before);
            return -1;
        }
    }
    if (s == NULL && live) {
        return err_set(err, ERR_CONFLICT,
                       "model %lld has no weights yet: its first epoch is not over",
                       (long long)model_id);
    }
    if (s == NULL) {
        if (load(p->store, model_id, &s, err) != 0) {
            return -1;
        }
        keep(p, &s, forgotten);
    }
    *out = s;
    return 0;
}

void predictor_forget(struct predictor *p, int64_t model_id)
{
    struct entry *e;

    CHK_OBJ(p, PREDICTOR_MAGIC);
    PTOK(pthread_mutex_lock(&p->mtx));
    p->forgotten++;
    e = find(p->cached, model_id);
    if (e != NULL) {
        take_out(&p->cached, e);
        p->cached_bytes -= e->servable->bytes;
    }
    PTOK(pthread_mutex_unlock(&p->mtx));
    entry_drop(e);
}

/* ---- the runner's side ------------------------------------------------------------- */

void predictor_live_begin(struct predictor *p, int64_t model_id, struct encoder *encoder)
{
    struct entry *e = xcalloc(1, sizeof *e), *old;

    CHK_OBJ(p, PREDICTOR_MAGIC);
    e->id = model_id;
    e->box = box_new(encoder);
    PTOK(pthread_mutex_lock(&p->mtx));
    old = find(p->live, model_id);
    CHK(old == NULL); /* a job is claimed once */
    insert(&p->live, e);
    PTOK(pthread_mutex_unlock(&p->mtx));
}

void predictor_live_publish(struct predictor *p, int64_t model_id, const struct mlp_spec *spec,
                            const float *params, size_t epoch)
{
    struct servable *s, *old = NULL;
    struct err err = ERR_INIT;
    struct encoder_box *box;
    struct entry *e;

    CHK_OBJ(p, PREDICTOR_MAGIC);
    PTOK(pthread_mutex_lock(&p->mtx));
    e = find(p->live, model_id);
    CHK(e != NULL);
    box = box_ref(e->box);
    PTOK(pthread_mutex_unlock(&p->mtx));

    s = servable_new(model_id, box, spec, &err);
    box_unref(box);
    if (s == NULL) { /* the weights of before go on answering */
        err_fini(&err);
        return;
    }
    memcpy(mlp_net_params(s->net), params, mlp_net_parameters(s->net) * sizeof *params);
    s->training = true;
    s->epoch = epoch;

    PTOK(pthread_mutex_lock(&p->mtx));
    e = find(p->live, model_id);
    CHK(e != NULL); /* begin, publish and end are one thread's */
    old = e->servable;
    e->servable = s;
    PTOK(pthread_mutex_unlock(&p->mtx));
    servable_put(&old);
}

void predictor_live_closing(struct predictor *p, int64_t model_id)
{
    struct entry *e;

    CHK_OBJ(p, PREDICTOR_MAGIC);
    PTOK(pthread_mutex_lock(&p->mtx));
    e = find(p->live, model_id);
    CHK(e != NULL);
    e->closing = true;
    PTOK(pthread_mutex_unlock(&p->mtx));
}

void predictor_live_end(struct predictor *p, int64_t model_id)
{
    struct entry *e;

    CHK_OBJ(p, PREDICTOR_MAGIC);
    PTOK(pthread_mutex_lock(&p->mtx));
    e = find(p->live, model_id);
    CHK(e != NULL);
    take_out(&p->live, e);
    PTOK(pthread_mutex_unlock(&p->mtx));
    entry_drop(e);
}

/* ---- life --------------------------------------------------------------------------- */

struct predictor *predictor_new(struct store *store, size_t cache_bytes)
{
    struct predictor *p = xcalloc(1, sizeof *p);

    p->magic = PREDICTOR_MAGIC;
    p->store = store;
    p->cache_bytes = cache_bytes;
    PTOK(pthread_mutex_init(&p->mtx, NULL));
    return p;
}

void predictor_free(struct predictor **pp)
{
    struct predictor *p = *pp;

    *pp = NULL;
    if (p == NULL) {
        return;
    }
    CHK_OBJ(p, PREDICTOR_MAGIC);
    drop_all(&p->live);
    drop_all(&p->cached);
    PTOK(pthread_mutex_destroy(&p->mtx));
    p->magic = 0;
    free(p);
}

/* Models that answer: who has which; see predictor.h. What they are is in servable.c.
 *
 * Two tables by model id, both under predictor.mtx: `live` (a job is training it) and
 * `cached` (read from the store). uthash keeps insertion order, so a hit that re-inserts
 * its entry makes the table's front the least recently used one. The store is never read
 * under the lock: two threads that miss at once both load, and the first to come back
 * wins. A load that began before predictor_forget must not bring the deleted model back:
 * `forgotten` counts the calls and a load that saw it change is served but not kept.
 */
#include "jobs/predictor.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/predictor_priv.h"

#define uthash_malloc(bytes)                xmalloc(bytes)
#define HASH_FUNCTION(key, len, hash_value) HASH_FNV(key, len, hash_value)
#include <uthash.h>

#define PREDICTOR_MAGIC 0x70726564u

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
        encoder_box_unref(e->box);
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
        if (servable_load(p->store, model_id, &s, err) == 0) {
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
        if (servable_load(p->store, model_id, &s, err) != 0) {
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
    e->box = encoder_box_new(encoder);
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
    box = encoder_box_ref(e->box);
    PTOK(pthread_mutex_unlock(&p->mtx));

    s = servable_new(model_id, box, spec, &err);
    encoder_box_unref(box);
    if (s == NULL) { /* the weights of before go on answering */
        err_fini(&err);
        return;
    }
    memcpy(mlp_net_params(s->net), params, mlp_net_values(s->net) * sizeof *params);
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

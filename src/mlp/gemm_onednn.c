/* Products by oneDNN 2.6: its matmul primitives, never dnnl_sgemm (whose bits change
 * with the number of rows).
 *
 * A primitive is made for one shape and kept: creating costs more than running a
 * small one. Each layer and product has a few slots keyed by the number of rows
 * (a full batch, the last one, validation slices); the oldest goes when they are full.
 * a^T delta sums over rows; over 512 of them its bits would depend on how
 * oneDNN blocks that sum, so it is cut into chunks of 512 that are added in order.
 *
 * Debian's library is an OpenMP build. The calling thread's number of threads is set
 * to one around each call and put back: a limit set in another thread does not
 * count. Only the AVX-512 implementation ("brg") keeps the promise about bits; on
 * processors without it our own kernel does all the work.
 */
#include "mlp/gemm.h"

#include <pthread.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

/* From libgomp; its header is not part of every compiler. */
extern void omp_set_num_threads(int n);
extern int omp_get_max_threads(void);

#define WAYS       8 /* slots of one layer's product */
#define CHUNK_ROWS 512

enum kind { FORWARD, BACK_DELTA, BACK_WEIGHTS, BACK_WEIGHTS_ADD, KINDS };

enum { SOURCE, WEIGHTS, TARGET, BIAS, ARGUMENTS };

struct slot {
    size_t rows;    /* 0 = free */
    size_t variant; /* forward: 1 without a bias, else 0; dW: rows of the piece */
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[ARGUMENTS];
    dnnl_memory_t scratch;
};

struct line {      /* the slots of one layer's product */
    unsigned next; /* the one to give up */
    struct slot slot[WAYS];
};

/* The library keeps compiled code in a cache of the whole process, and not all it does there is
 * ordered by locks that a race detector can see. So primitives are made and unmade one at a
 * time: seldom, as they are kept. This guards no data of ours. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

struct backend {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    void *scratch; /* shared by all primitives, as large as the largest wants */
    size_t scratch_bytes;
    struct line *lines; /* [n_layers * kinds] */
};

static size_t kinds_of(const struct gemm_ctx *ctx)
{
    return ctx->size.training ? KINDS : 1;
}

const char *gemm_backend_text(const struct kernel *kernel)
{
#define STRING_(x) #x
#define STRING(x)  STRING_(x)
#define NAME                                                                                       \
    "onednn " STRING(DNNL_VERSION_MAJOR) "." STRING(DNNL_VERSION_MINOR) "." STRING(                \
        DNNL_VERSION_PATCH)
    static const char *const text[] = {NAME ", baseline", NAME ", avx2", NAME ", avx512",
                                       NAME ", avx512, amx"};

    return text[gemm_set(kernel)];
}

bool gemm_backend_wants(size_t in, size_t out)
{
    /* measured: below this our own kernel is faster, or as fast */
    return in >= 32 && out >= 32 && in * out >= 32 * 256 &&
           dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
}

void gemm_backend_layout(struct gemm_ctx *ctx, struct arena *arena)
{
    struct backend *b = arena_take(arena, 1, sizeof(*b));
    struct line *lines = arena_take(arena, ctx->size.n_layers * kinds_of(ctx), sizeof(*lines));

    if (b != NULL) {
        *b = (struct backend){.lines = lines};
        memset(lines, 0, ctx->size.n_layers * kinds_of(ctx) * sizeof(*lines));
    }
    ctx->backend = b;
}

/* Neither can fail: the mutex is a plain one, and nobody holds it twice. */
static void library_lock(void)
{
    if (pthread_mutex_lock(&library) != 0) {
        abort();
    }
}

static void library_unlock(void)
{
    if (pthread_mutex_unlock(&library) != 0) {
        abort();
    }
}

static void slot_clear(struct slot *s)
{
    if (s->primitive != NULL) {
        dnnl_primitive_destroy(s->primitive);
    }
    for (int i = 0; i < ARGUMENTS; i++) {
        if (s->memory[i] != NULL) {
            dnnl_memory_destroy(s->memory[i]);
        }
    }
    if (s->scratch != NULL) {
        dnnl_memory_destroy(s->scratch);
    }
    *s = (struct slot){0};
}

/* A (rows, cols) matrix, or its transpose read in place; lines in memory are `line` long. */
static bool matrix_desc(dnnl_memory_desc_t *out, size_t rows, size_t cols, size_t line,
                        bool transposed)
{
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)cols};
    const dnnl_dims_t plain = {(dnnl_dim_t)line, 1}, turned = {1, (dnnl_dim_t)line};

    return dnnl_memory_desc_init_by_strides(out, 2, dims, dnnl_f32, transposed ? turned : plain) ==
           dnnl_success;
}

static bool slot_describe(enum kind kind, struct gemm_shape s, size_t variant,
                          dnnl_memory_desc_t md[ARGUMENTS])
{
    switch (kind) {
    case FORWARD:
        return matrix_desc(&md[SOURCE], s.rows, s.in, s.in, false) &&
               matrix_desc(&md[WEIGHTS], s.in, s.out, s.out, false) &&
               matrix_desc(&md[TARGET], s.rows, s.out, s.out, false) &&
               matrix_desc(&md[BIAS], 1, s.out, s.out, false);
    case BACK_DELTA:
        return matrix_desc(&md[SOURCE], s.rows, s.out, s.out, false) &&
               matrix_desc(&md[WEIGHTS], s.out, s.in, s.out, true) &&
               matrix_desc(&md[TARGET], s.rows, s.in, s.in, false);
    default:
        return matrix_desc(&md[SOURCE], variant, s.rows, s.in, true) &&
               matrix_desc(&md[WEIGHTS], s.rows, s.out, s.out, false) &&
               matrix_desc(&md[TARGET], variant, s.out, s.out, false);
    }
}

static bool scratch_reserve(struct backend *b, size_t bytes)
{
    if (bytes > b->scratch_bytes) {
        void *p = aligned_alloc(ARENA_ALIGN, (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN);

        if (p == NULL) {
            return false;
        }
        free(b->scratch);
        b->scratch = p;
        b->scratch_bytes = bytes;
    }
    return true;
}

/* The library's default scratch belongs to the thread that made the primitive; ours may be
 * used by another one, hence "user" mode. */
static bool attributes(dnnl_primitive_attr_t attr, enum kind kind)
{
    dnnl_post_ops_t add = NULL;
    bool ok =
        dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success;

    if (ok && kind == BACK_WEIGHTS_ADD) {
        ok = dnnl_post_ops_create(&add) == dnnl_success &&
             dnnl_post_ops_append_sum(add, 1.0F) == dnnl_success &&
             dnnl_primitive_attr_set_post_ops(attr, add) == dnnl_success;
        if (add != NULL) {
            dnnl_post_ops_destroy(add);
        }
    }
    return ok;
}

static bool slot_fill(struct backend *b, struct slot *slot, enum kind kind, struct gemm_shape s,
                      size_t variant)
{
    dnnl_memory_desc_t md[ARGUMENTS];
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t desc = NULL;
    const bool bias = kind == FORWARD && variant == 0;
    bool ok = false;

    if (!slot_describe(kind, s, variant, md) ||
        dnnl_matmul_desc_init(&matmul, &md[SOURCE], &md[WEIGHTS],
                              bias ? &md[BIAS] : NULL, &md[TARGET]) != dnnl_success ||
        dnnl_primitive_attr_create(&attr) != dnnl_success || !attributes(attr, kind) ||
        dnnl_primitive_desc_create(&desc, &matmul, attr, b->engine, NULL) != dnnl_success ||
        dnnl_primitive_create(&slot->primitive, desc) != dnnl_success) {
        goto out;
    }
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);

    if (!scratch_reserve(b, dnnl_memory_desc_get_size(scratch)) ||
        dnnl_memory_create(&slot->scratch, scratch, b->engine, DNNL_MEMORY_NONE) != dnnl_success) {
        goto out;
    }
    for (int i = 0; i < (bias ? ARGUMENTS : BIAS); i++) {
        if (dnnl_memory_create(&slot->memory[i], &md[i], b->engine, DNNL_MEMORY_NONE) !=
            dnnl_success) {
            goto out;
        }
    }
    slot->rows = s.rows;
    slot->variant = variant;
    ok = true;
out:
    if (desc != NULL) {
        dnnl_primitive_desc_destroy(desc);
    }
    if (attr != NULL) {
        dnnl_primitive_attr_destroy(attr);
    }
    if (!ok) {
        slot_clear(slot);
    }
    return ok;
}

/* The library takes pointers to data it only reads without const. */
static bool point(dnnl_memory_t memory, const void *data, dnnl_stream_t stream)
{
    union {
        const void *in;
        void *out;
    } p = {.in = data};

    return dnnl_memory_set_data_handle_v2(memory, p.out, stream) == dnnl_success;
}

static bool slot_run(const struct backend *b, const struct slot *slot, const mlp_real *source,
                     const mlp_real *weights, const mlp_real *bias, mlp_real *target)
{
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, slot->memory[SOURCE]}, {DNNL_ARG_WEIGHTS, slot->memory[WEIGHTS]},
        {DNNL_ARG_DST, slot->memory[TARGET]}, {DNNL_ARG_SCRATCHPAD, slot->scratch},
        {DNNL_ARG_BIAS, slot->memory[BIAS]},
    };

    return point(slot->memory[SOURCE], source, b->stream) &&
           point(slot->memory[WEIGHTS], weights, b->stream) &&
           point(slot->memory[TARGET], target, b->stream) &&
           point(slot->scratch, b->scratch, b->stream) &&
           (bias == NULL || point(slot->memory[BIAS], bias, b->stream)) &&
           dnnl_primitive_execute(slot->primitive, b->stream, bias != NULL ? 5 : 4, arguments) ==
               dnnl_success &&
           dnnl_stream_wait(b->stream) == dnnl_success;
}

static void backend_close(struct backend *b)
{
    if (b->stream != NULL) {
        dnnl_stream_destroy(b->stream);
    }
    if (b->engine != NULL) {
        dnnl_engine_destroy(b->engine);
    }
    free(b->scratch);
    *b = (struct backend){.lines = b->lines};
}

static bool backend_open(struct backend *b)
{
    return dnnl_engine_create(&b->engine, dnnl_cpu, 0) == dnnl_success &&
           dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags) == dnnl_success;
}

/* The library's first product sets up more than a cache, so it is done alone. */
static void wake_library(void)
{
    const struct gemm_shape s = {.rows = 16, .in = 16, .out = 16};
    mlp_real numbers[3][256] = {{0}};
    struct backend b = {0};
    struct slot slot = {0};
    int threads = omp_get_max_threads();

    omp_set_num_threads(1);
    library_lock();
    if (backend_open(&b) && slot_fill(&b, &slot, FORWARD, s, 0)) {
        /* should it fail, the first real product will say so */
        (void)slot_run(&b, &slot, numbers[0], numbers[1], numbers[0], numbers[2]);
    }
    slot_clear(&slot);
    library_unlock();
    backend_close(&b);
    omp_set_num_threads(threads);
}

enum mlp_status gemm_backend_init(struct gemm_ctx *ctx)
{
    static pthread_once_t awake = PTHREAD_ONCE_INIT;

    if (pthread_once(&awake, wake_library) != 0) {
        return MLP_E_BACKEND;
    }
    return backend_open(ctx->backend) ? MLP_OK : MLP_E_BACKEND;
}

void gemm_backend_fini(struct gemm_ctx *ctx)
{
    struct backend *b = ctx->backend;

    if (b == NULL) {
        return;
    }
    library_lock();
    for (size_t i = 0; i < ctx->size.n_layers * kinds_of(ctx); i++) {
        for (int way = 0; way < WAYS; way++) {
            slot_clear(&b->lines[i].slot[way]);
        }
    }
    library_unlock();
    backend_close(b);
}

static struct slot *slot_find(struct gemm_ctx *ctx, enum kind kind, struct gemm_shape s,
                              size_t variant)
{
    struct line *line = &((struct backend *)ctx->backend)->lines[s.layer * kinds_of(ctx) + kind];

    for (int way = 0; way < WAYS; way++) {
        if (line->slot[way].rows == s.rows && line->slot[way].variant == variant) {
            return &line->slot[way];
        }
    }
    struct slot *slot = &line->slot[line->next];

    line->next = (line->next + 1) % WAYS;
    library_lock();
    slot_clear(slot);
    bool ok = slot_fill(ctx->backend, slot, kind, s, variant);
    library_unlock();
    return ok ? slot : NULL;
}

static enum mlp_status multiply(struct gemm_ctx *ctx, enum kind kind, struct gemm_shape s,
                                size_t variant, const mlp_real *source,
                                const mlp_real *weights, const mlp_real *bias, mlp_real *target)
{
    int threads = omp_get_max_threads();

    omp_set_num_threads(1);
    const struct slot *slot = slot_find(ctx, kind, s, variant);
    bool ok = slot != NULL && slot_run(ctx->backend, slot, source, weights, bias, target);

    omp_set_num_threads(threads);
    return ok ? MLP_OK : MLP_E_BACKEND;
}

enum mlp_status gemm_backend_forward(struct gemm_ctx *ctx, struct gemm_shape s, const mlp_real *a,
                                     const mlp_real *w, const mlp_real *b, mlp_real *z)
{
    return multiply(ctx, FORWARD, s, b == NULL, a, w, b, z);
}

enum mlp_status gemm_backend_back_delta(struct gemm_ctx *ctx, struct gemm_shape s,
                                        const mlp_real *delta, const mlp_real *w,
                                        mlp_real *delta_prev)
{
    return multiply(ctx, BACK_DELTA, s, 0, delta, w, NULL, delta_prev);
}

enum mlp_status gemm_backend_back_weights(struct gemm_ctx *ctx, struct gemm_shape s, size_t first,
                                          size_t count, const mlp_real *a, const mlp_real *delta,
                                          mlp_real *dw)
{
    enum mlp_status status = MLP_OK;

    for (size_t i = 0; i < s.rows && status == MLP_OK; i += CHUNK_ROWS) {
        struct gemm_shape chunk = s;

        chunk.rows = s.rows - i < CHUNK_ROWS ? s.rows - i : CHUNK_ROWS;
        status = multiply(ctx, i == 0 ? BACK_WEIGHTS : BACK_WEIGHTS_ADD, chunk, count,
                          a + i * s.in + first,
                          delta + i * s.out, NULL, dw);
    }
    return status;
}

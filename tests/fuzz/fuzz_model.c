/* A stored model: a line with the network's shape, a line with the encoder, and weights. "!" before
 * the weights takes them as they are; else as many are made of them as the shape wants, so that the
 * shape can change. What loads answers, and its parts print and read back as they were.
 */
#include "fuzz.h"

#include "jobs/predictor_priv.h"
#include "store/store.h"

#define MAX_WEIGHTS ((size_t)256 << 10)

struct stored {
    struct store store; /* first: ops get it back */
    char *spec, *encoder;
    int64_t parameters;
    uint8_t *weights;
    size_t len;
};

static int get_model(struct store *store, int64_t id, struct store_model *out, struct err *err)
{
    const struct stored *s = (const struct stored *)store;

    (void)err;
    *out = (struct store_model){.id = id,
                                .state = xstrdup("ready"),
                                .spec_json = xstrdup(s->spec),
                                .encoder_json = xstrdup(s->encoder),
                                .parameters = s->parameters};
    return 0;
}

static int get_weights(struct store *store, int64_t id, void **bytes, size_t *len, struct err *err)
{
    const struct stored *s = (const struct stored *)store;

    (void)id;
    (void)err;
    *bytes = xmalloc(s->len + 1);
    memcpy(*bytes, s->weights, s->len);
    *len = s->len;
    return 0;
}

static const struct store_ops ops = {.model_get = get_model, .model_weights = get_weights};

/* The shape reads back as it was printed; *values: how many numbers it has, 0: it is none. */
static size_t look_at_shape(const char *text, int64_t *parameters)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS], again_hidden[MLP_MAX_LAYERS];
    struct mlp_spec spec, again;
    struct err err = ERR_INIT;
    char *printed, *twice;
    size_t n = 0, state = 0, i;
    int rc = predictor_spec_from_json(text, strlen(text), &spec, hidden, &err);

    fuzz_err(rc, &err);
    err_fini(&err);
    *parameters = 0;
    if (rc != 0) {
        return 0;
    }
    FUZZ_TRUE(mlp_spec_check(&spec) == MLP_OK);
    printed = predictor_spec_to_json(&spec);
    FUZZ_TRUE(predictor_spec_from_json(printed, strlen(printed), &again, again_hidden, &err) == 0);
    twice = predictor_spec_to_json(&again);
    FUZZ_TRUE(strcmp(printed, twice) == 0);
    free(printed);
    free(twice);
    predictor_spec_fini(&again);
    bool fits = mlp_spec_parameters(&spec, &n) == MLP_OK;
    predictor_spec_fini(&spec);
    if (!fits) {
        return 0;
    }
    *parameters = (int64_t)n;
    for (i = 0; i < spec.n_hidden; i++) {
        state += hidden[i].norm == MLP_NORM_BATCH
                     ? 2 * hidden[i].units * (hidden[i].pieces > 0 ? hidden[i].pieces : 1)
                     : 0;
    }
    return n + state;
}

static void look_at_encoder(const char *text)
{
    struct encoder *e = NULL, *again = NULL;
    struct err err = ERR_INIT;
    char *printed, *twice;
    int rc = encoder_from_json(text, strlen(text), &e, &err);

    fuzz_err(rc, &err);
    err_fini(&err);
    if (rc == 0) {
        printed = encoder_to_json(e);
        FUZZ_TRUE(encoder_from_json(printed, strlen(printed), &again, &err) == 0);
        twice = encoder_to_json(again);
        FUZZ_TRUE(strcmp(printed, twice) == 0);
        free(printed);
        free(twice);
        encoder_free(&e);
        encoder_free(&again);
    }
}

/* A row of cells: missing, numbers, texts that it knows and does not. */
static void encode(const struct encoder *e, unsigned turn, float *x)
{
    size_t n = encoder_n_features(e), i;
    struct encoder_cell *cells = xcalloc(n + 1, sizeof *cells);
    struct err err = ERR_INIT;

    for (i = 0; i < n; i++) {
        const char *const *texts = NULL;
        size_t n_texts = encoder_feature_categories(e, i, &texts);

        FUZZ_TRUE(encoder_feature_name(e, i) != NULL);
        cells[i].missing = turn == 0;
        cells[i].number = turn == 1 ? 1.5 : -1e30;
        cells[i].text = turn == 2 ? (n_texts > 0 ? texts[n_texts - 1] : "2") : NULL;
    }
    fuzz_err(encoder_encode_cells(e, cells, "/x", x, &err), &err);
    err_fini(&err);
    free(cells);
}

static void answer(struct servable *s)
{
    const struct mlp_spec *spec = mlp_net_spec(servable_net(s));
    const struct encoder *e = servable_encoder(s);
    enum { ROWS = 3 };
    float *x = xcalloc(ROWS * spec->n_inputs, sizeof *x);
    float *out = xcalloc(ROWS * spec->n_outputs, sizeof *out);
    struct err err = ERR_INIT;
    size_t i;

    FUZZ_TRUE(encoder_n_inputs(e) == spec->n_inputs);
    for (i = 0; i < ROWS; i++) {
        encode(e, (unsigned)i, x + i * spec->n_inputs);
    }
    fuzz_err(servable_run(s, x, ROWS, out, &err), &err);
    err_fini(&err);
    for (i = 0; i < encoder_n_classes(e); i++) {
        FUZZ_TRUE(encoder_class_find(e, encoder_class_name(e, i)) == (ptrdiff_t)i);
    }
    for (i = 0; i < encoder_n_targets(e); i++) {
        FUZZ_TRUE(encoder_target_name(e, i) != NULL);
        if (!encoder_is_classes(e)) {
            (void)encoder_decode_target(e, i, (double)out[i]);
            (void)encoder_target_scale(e, i);
        }
    }
    free(x);
    free(out);
}

static void take_weights(struct stored *s, size_t values, const uint8_t *data, size_t size)
{
    size_t i;

    if (size > 0 && data[0] == '!') {
        s->len = size - 1;
        s->weights = xmalloc(s->len + 1);
        memcpy(s->weights, data + 1, s->len);
        return;
    }
    s->len = values <= MAX_WEIGHTS / sizeof(float) ? values * sizeof(float) : 0;
    s->weights = xcalloc(s->len + 1, 1);
    for (i = 0; i < s->len && size > 0; i++) {
        s->weights[i] = data[i % size];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stored stored = {.store.ops = &ops};
    struct servable *servable = NULL;
    struct err err = ERR_INIT;
    size_t values;
    int rc;

    fuzz_start();
    stored.spec = fuzz_line(&data, &size);
    stored.encoder = fuzz_line(&data, &size);
    values = look_at_shape(stored.spec, &stored.parameters);
    look_at_encoder(stored.encoder);
    take_weights(&stored, values, data, size);
    rc = servable_load(&stored.store, 5, &servable, &err);
    fuzz_err(rc, &err);
    if (rc == 0) {
        answer(servable);
        servable_put(&servable);
    }
    FUZZ_TRUE(rc == 0 || err.code == ERR_CORRUPT || err.code == ERR_SYNTAX ||
              err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
    err_fini(&err);
    free(stored.spec);
    free(stored.encoder);
    free(stored.weights);
    return 0;
}

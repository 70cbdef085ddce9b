/* Rows for a model, labelled or not: the first byte says of what kind ("j" JSON instances, "c" CSV,
 * "n" NDJSON, "y" .npy, "z" .npz, "i" IDX, "l" libsvm, "a" ARFF, "q" a query; a capital one
 * labelled), the rest is the body. Rows that are taken are finite
 * numbers of the model's width and as many as the body has.
 */
#include "fuzz.h"

#include <ctype.h>
#include <math.h>

#include "http/rows.h"
#include "jobs/json_util.h"

static struct encoder *amounts, *kinds; /* a, kind -> y; a, kind -> label */
static const struct mlp_spec number_spec = {.n_outputs = 1, .loss = MLP_MSE};
static const struct mlp_spec class_spec = {
    .n_outputs = 3, .output = MLP_OUT_SOFTMAX, .loss = MLP_CROSS_ENTROPY};

static struct encoder *fitted(const struct dataset *ds, size_t target, bool is_classes)
{
    static const size_t features[] = {0, 1};
    static const uint64_t rows[] = {0, 1, 2, 3};
    struct encoder_options options = {.classes = is_classes,
                                      .n_features = 2,
                                      .features = features,
                                      .n_targets = 1,
                                      .targets = &target,
                                      .offset = is_classes ? NULL : "o"};
    struct encoder *e = NULL;
    struct err err = ERR_INIT;

    FUZZ_TRUE(encoder_fit(ds, &options, rows, 4, &e, NULL, &err) == 0);
    return e;
}

static void setup(void)
{
    struct dataset *ds = fuzz_dataset(
        "a,kind,y,label,o\n1,red,10,cat,1\n2,blue,20,dog,2\n3,red,30,eel,1\n4,blue,40,cat,2\n",
        NULL);

    amounts = fitted(ds, 2, false);
    kinds = fitted(ds, 3, true);
    dataset_free(&ds);
}

static void look_at(const struct rows *rows)
{
    size_t width = encoder_n_inputs(rows->encoder), i;

    FUZZ_TRUE(rows->n <= rows->limit);
    for (i = 0; i < rows->n * width; i++) {
        FUZZ_TRUE(isfinite(rows->x[i]));
    }
    for (i = 0; i < rows->n; i++) {
        FUZZ_TRUE(rows->offset == NULL || isfinite(rows->offset[i]));
        if (rows->labelled && rows->encoder == kinds) {
            FUZZ_TRUE(rows->labels[i] < 3);
        } else if (rows->labelled) {
            FUZZ_TRUE(isfinite(rows->targets[i]));
        }
    }
}

static int read_json(struct rows *rows, const char *text, size_t len, struct err *err)
{
    json_t *json = NULL;
    int rc = json_util_parse(text, len, JSON_UTIL_MANY, &json, err);

    if (rc == 0) {
        rc = rows_read_json(rows, json, err);
        FUZZ_TRUE(rc != 0 || rows->n == json_array_size(json));
        json_decref(json);
    }
    return rc;
}

static int read_csv(struct rows *rows, const uint8_t *data, size_t size, struct err *err)
{
    char *copy = xmalloc(size + 1);
    int rc;

    memcpy(copy, data, size);
    copy[size] = '\0';
    rc = rows_read_csv(rows, copy, size, err);
    free(copy);
    return rc;
}

static int read_query(struct rows *rows, const uint8_t *data, size_t size, struct err *err)
{
    char *text = fuzz_text(data, size);
    struct query query;
    int rc = query_parse(text, &query, err);

    if (rc == 0) {
        rc = rows_read_query(rows, &query, err);
        FUZZ_TRUE(rc != 0 || rows->n == 1);
        query_fini(&query);
    }
    free(text);
    return rc;
}

static int read_other(struct rows *rows, char kind, const uint8_t *data, size_t size,
                      struct err *err)
{
    static const char kinds_of[] = "nyzila";
    static const enum reader_format formats[] = {READER_NDJSON, READER_NPY,    READER_NPZ,
                                                 READER_IDX,    READER_LIBSVM, READER_ARFF};
    const char *at = strchr(kinds_of, tolower((unsigned char)kind));

    return at == NULL || *at == '\0'
               ? -1
               : rows_read_table(rows, formats[at - kinds_of], data, size, fuzz_folder(), 1 << 20,
                                 err);
}

static void try_rows(char kind, const uint8_t *data, size_t size, const struct encoder *encoder,
                     const struct mlp_spec *spec)
{
    struct err err = ERR_INIT;
    struct rows rows;
    int rc = -1;

    rows_init(&rows, encoder, spec, isupper((unsigned char)kind) != 0);
    switch (kind) {
    case 'j':
    case 'J':
        rc = read_json(&rows, (const char *)data, size, &err);
        break;
    case 'c':
    case 'C':
        rc = read_csv(&rows, data, size, &err);
        break;
    case 'q':
        rc = read_query(&rows, data, size, &err);
        break;
    default:
        rc = read_other(&rows, kind, data, size, &err);
        break;
    }
    if (rc == 0) {
        look_at(&rows);
    }
    if (rc == 0 || err_is(&err)) {
        fuzz_err(rc, &err);
    }
    err_fini(&err);
    rows_fini(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    if (kinds == NULL) {
        setup();
    }
    if (size > 0) {
        try_rows((char)data[0], data + 1, size - 1, kinds, &class_spec);
        try_rows((char)data[0], data + 1, size - 1, amounts, &number_spec);
    }
    return 0;
}

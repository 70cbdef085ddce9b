/* Makes those seeds that cannot be typed, with the code that writes such things: datasets, models,
 * checkpoints. To be run again when one of these formats changes:
 *
 *   make tests/fuzz/seeds && tests/fuzz/seeds ../tests/fuzz/corpus
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer.h"

#include "base/buf.h"
#include "jobs/checkpoint_priv.h"
#include "jobs/predictor.h"
#include "jobs/runner_priv.h"

static const char *corpus;

static void put(const char *target, const char *name, const void *bytes, size_t len)
{
    char *path = xasprintf("%s/%s/%s", corpus, target, name);
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    free(path);
}

static void put_file(const char *target, const char *name, const char *from)
{
    FILE *f = fopen(from, "rb");
    struct stat st;
    char *bytes;

    FUZZ_TRUE(f != NULL && fstat(fileno(f), &st) == 0);
    bytes = xmalloc((size_t)st.st_size);
    FUZZ_TRUE(fread(bytes, 1, (size_t)st.st_size, f) == (size_t)st.st_size);
    (void)fclose(f); /* only read */
    put(target, name, bytes, (size_t)st.st_size);
    free(bytes);
}

/* ---- datasets ---- */

static struct dataset *put_dataset(const char *name, const char *csv)
{
    char sha256[HASH_HEX_LEN], *path;
    struct dataset *ds = fuzz_dataset(csv, sha256);

    path = xasprintf("%s/%s", fuzz_folder(), sha256);
    put_file("dataset", name, path);
    free(path);
    return ds;
}

/* More rows than a group has. */
static void put_groups(void)
{
    struct buf csv = BUF_INIT;
    struct dataset *ds;
    size_t i;

    buf_puts(&csv, "a\n");
    for (i = 0; i < DATASET_GROUP + 100; i++) {
        buf_printf(&csv, "%zu\n", i % 3);
    }
    ds = put_dataset("groups", csv.data);
    dataset_free(&ds);
    buf_fini(&csv);
}

/* ---- models ---- */

static void put_model(const char *name, const struct dataset *ds, const struct mlp_spec *network,
                      struct encoder_options *options)
{
    static const uint64_t rows[] = {0, 1, 2, 3};
    struct mlp_spec spec = *network;
    struct encoder *e = NULL;
    struct err err = ERR_INIT;
    struct buf text = BUF_INIT;
    char *shape, *encoder;

    if (encoder_fit(ds, options, rows, 4, &e, NULL, &err) != 0) {
        (void)fprintf(stderr, "%s: %s\n", name, err.detail);
        exit(EXIT_FAILURE);
    }
    spec.n_inputs = encoder_n_inputs(e);
    shape = predictor_spec_to_json(&spec);
    encoder = encoder_to_json(e);
    buf_printf(&text, "%s\n%s\n%s", shape, encoder, "weights?");
    put("model", name, text.data, text.len);
    buf_fini(&text);
    free(shape);
    free(encoder);
    encoder_free(&e);
}

static void put_models(const struct dataset *ds)
{
    static const size_t features[] = {0, 1, 2}, two[] = {0, 1}, label = 4, y = 3,
                        numbers[] = {2, 3};
    static const struct mlp_layer_spec hidden[] = {
        {.units = 4,
         .activation = MLP_MAXOUT,
         .pieces = 2,
         .norm = MLP_NORM_BATCH,
         .init_scale = 1,
         .dropout = 0.1},
        {.units = 4,
         .activation = MLP_PRELU,
         .norm = MLP_NORM_LAYER,
         .residual = true,
         .init_scale = 1,
         .noise = 0.1},
    };
    const struct mlp_spec classes = {.n_outputs = 3,
                                     .n_hidden = 2,
                                     .hidden = hidden,
                                     .input_scale = true,
                                     .input_dropout = 0.2,
                                     .output_init_scale = 1,
                                     .output = MLP_OUT_SOFTMAX,
                                     .loss = MLP_CROSS_ENTROPY};
    const struct mlp_spec number = {.n_outputs = 1,
                                    .output_init_scale = 1,
                                    .output = MLP_OUT_IDENTITY,
                                    .loss = MLP_HUBER,
                                    .loss_parameter = 1.5};
    const struct mlp_spec pair = {.n_outputs = 2,
                                  .n_hidden = 1,
                                  .hidden = hidden,
                                  .output_init_scale = 1,
                                  .output = MLP_OUT_IDENTITY,
                                  .loss = MLP_MSE};

    put_model("classes", ds, &classes,
              &(struct encoder_options){.classes = true,
                                        .n_features = 3,
                                        .features = features,
                                        .n_targets = 1,
                                        .targets = &label});
    put_model("number", ds, &number,
              &(struct encoder_options){.plan = {.numeric = ENCODER_TOGETHER,
                                                 .missing = ENCODER_ERROR},
                                        .n_features = 1,
                                        .features = two,
                                        .n_targets = 1,
                                        .targets = &y,
                                        .offset = "a",
                                        .weight = "a"});
    put_model("pair", ds, &pair,
              &(struct encoder_options){.plan = {.numeric = ENCODER_NONE},
                                        .target = ENCODER_NONE,
                                        .n_features = 2,
                                        .features = two,
                                        .n_targets = 2,
                                        .targets = numbers});
}

/* ---- checkpoints ---- */

/* A config whose hash begins with what chooses this training. */
static char *config_of(unsigned kind)
{
    char hex[HASH_HEX_LEN], *text = NULL;
    unsigned i;

    for (i = 0;; i++) {
        free(text);
        text = xasprintf("{\"n\": %u}", i);
        hash_hex(text, strlen(text), hex);
        if ((unsigned char)hex[0] % TRAINERS == kind) {
            return text;
        }
    }
}

static void put_checkpoint(unsigned kind, size_t steps, const char *name)
{
    struct runner_notes notes = {.steps = steps, .batches = steps, .seconds = 1.5};
    struct store_checkpoint row = {.job_id = 7, .generation = 1, .epoch = 2};
    struct store_job job = {.id = 7, .resolved_json = config_of(kind)};
    struct checkpoint c = {.epoch = 2};
    struct mlp_result result;
    struct err err = ERR_INIT;
    struct trainer t;
    char *path;
    int folder;

    trainer_open(&t, kind, steps);
    FUZZ_TRUE(mlp_trainer_run(t.trainer, &result) == MLP_OK);
    c.state_bytes = mlp_trainer_state_size(t.trainer);
    c.state = xmalloc(c.state_bytes);
    mlp_trainer_save(t.trainer, c.state);
    notes.best.epoch = notes.last.epoch = kind == 0 ? 0 : 2;
    c.notes = runner_notes_write(&notes);
    folder = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_TRUE(checkpoint_file_write(folder, &job, &c, &row, &err) == 0);
    (void)close(folder); /* only looked into */
    path = xasprintf("%s/7.1", fuzz_folder());
    put_file("checkpoint", name, path);
    free(path);
    free(job.resolved_json);
    checkpoint_fini(&c);
    trainer_close(&t);
}

int main(int argc, char **argv)
{
    struct dataset *ds;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: seeds CORPUS\n");
        return EXIT_FAILURE;
    }
    corpus = argv[1];
    fuzz_start();
    ds = put_dataset("mixed",
                     "a,kind,b,y,label\n1,red,0.5,10,cat\n2,blue,1.5,20,dog\n3,,2.5,30,eel\n"
                     "4,blue,3.25,41,cat\n");
    put_models(ds);
    dataset_free(&ds);
    ds = put_dataset("widths", "a,b,c,d,e,f\n1,200,-300,70000,0.5,0.1\n-2,,300,-70000,1.5,1e300\n"
                               ",1,2,3,,\n");
    dataset_free(&ds);
    ds = put_dataset("one", "only\nx\n");
    dataset_free(&ds);
    put_groups();
    put_checkpoint(0, 5, "adam");
    put_checkpoint(1, 7, "sgd");
    put_checkpoint(2, 3, "lbfgs");
    put_checkpoint(3, 4, "rmsprop");
    put_checkpoint(0, 0, "begun");
    return EXIT_SUCCESS;
}

/* A checkpoint's file: read, its notes and its training's state taken up, and the training gone on
 * with. Hashes keep chance out; here they are made right again, and the row says what the head
 * says, so that what stands behind them is looked at. The first letter of the config's hash chooses
 * the training (trainer.h).
 */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "trainer.h"

#include "jobs/checkpoint_priv.h"
#include "jobs/runner_priv.h"

#define HEAD_LEN  112 /* magic, five integers, the config's hash */
#define CONFIG_AT 48
#define TAIL_LEN  (HASH_HEX_LEN - 1)

/* The row that would name this file, and the file's last hash. */
static void seal(uint8_t *bytes, size_t size, struct store_checkpoint *row)
{
    char hex[HASH_HEX_LEN];

    *row = (struct store_checkpoint){.job_id = 7, .generation = 1, .bytes = (int64_t)size};
    if (size >= HEAD_LEN + TAIL_LEN) {
        uint64_t id = htole64(7), generation = htole64(1), epoch;

        memcpy(bytes + 8, &id, sizeof id);
        memcpy(bytes + 16, &generation, sizeof generation);
        memcpy(&epoch, bytes + 24, sizeof epoch);
        row->epoch = (int64_t)le64toh(epoch);
        hash_hex(bytes, size - TAIL_LEN, hex);
        memcpy(bytes + size - TAIL_LEN, hex, TAIL_LEN);
    }
    hash_hex(bytes, size, row->sha256);
}

static int read_file(const uint8_t *bytes, size_t size, const struct store_checkpoint *row,
                     struct checkpoint *out, struct err *err)
{
    char config[HASH_HEX_LEN] = "", *path = xasprintf("%s/7.1", fuzz_folder());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), folder, rc;

    FUZZ_TRUE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
    if (size >= HEAD_LEN) {
        memcpy(config, bytes + CONFIG_AT, TAIL_LEN);
    }
    folder = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = checkpoint_file_read(folder, row, config, out, err);
    fuzz_err(rc, err);
    if (rc == 0) { /* without keeping it, the same */
        FUZZ_TRUE(checkpoint_file_read(folder, row, config, NULL, err) == 0);
    }
    (void)close(folder); /* only read from */
    FUZZ_TRUE(remove(path) == 0);
    free(path);
    return rc;
}

static void look_at_notes(const char *text)
{
    struct runner_notes notes = {.steps = 0}, again = {.steps = 0};
    struct err err = ERR_INIT;
    char *printed, *twice;

    if (runner_notes_read(text, &notes, &err) == 0) {
        printed = runner_notes_write(&notes);
        FUZZ_TRUE(runner_notes_read(printed, &again, &err) == 0);
        twice = runner_notes_write(&again);
        FUZZ_TRUE(strcmp(printed, twice) == 0);
        free(printed);
        free(twice);
        runner_notes_fini(&again);
        runner_notes_fini(&notes);
    }
    err_fini(&err);
}

/* Whatever the state says, what is taken up comes to an end, and is saved as long as it was. */
static void go_on(unsigned kind, const void *state, size_t size, bool extend)
{
    struct mlp_result result = {.epochs = 0};
    enum mlp_status status;
    struct trainer t;
    size_t epoch;
    void *out;

    trainer_open(&t, kind, 100);
    status = extend ? mlp_trainer_extend(t.trainer, state, size)
                    : mlp_trainer_load(t.trainer, state, size);
    if (status == MLP_OK) {
        out = xmalloc(mlp_trainer_state_size(t.trainer));
        mlp_trainer_save(t.trainer, out);
        FUZZ_TRUE(extend || mlp_trainer_load(t.trainer, out, size) == MLP_OK);
        free(out);
        FUZZ_TRUE(mlp_trainer_run(t.trainer, &result) == MLP_OK);
        FUZZ_TRUE(result.epochs <= t.spec.epochs && result.best_epoch <= result.epochs);
        (void)mlp_trainer_best(t.trainer, &epoch);
        mlp_trainer_publish(t.trainer);
    }
    trainer_close(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint c = {.notes = NULL};
    uint8_t *bytes = xmalloc(size + 1);
    struct store_checkpoint row;
    struct err err = ERR_INIT;
    unsigned kind;

    fuzz_start();
    memcpy(bytes, data, size);
    seal(bytes, size, &row);
    if (read_file(bytes, size, &row, &c, &err) == 0) {
        kind = bytes[CONFIG_AT] % TRAINERS;
        look_at_notes(c.notes);
        go_on(kind, c.state, c.state_bytes, false);
        go_on(kind, c.state, c.state_bytes, true);
        checkpoint_fini(&c);
    }
    FUZZ_TRUE(!err_is(&err) || err.code == ERR_CORRUPT);
    err_fini(&err);
    free(bytes);
    return 0;
}

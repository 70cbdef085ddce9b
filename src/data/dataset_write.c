/* Writing a dataset file; see dataset.h for the promise and dataset_priv.h for the layout.
 *
 * Cells arrive row by row and are kept so for one group; a full one is handed over to be turned
 * into chunks (dataset_write_group.c) while the next one fills (dataset_write_behind.c). Memory:
 * two groups (at most 8 MiB each), the dictionaries and sketches (bounded), 8 bytes a group. One
 * thread at a time per writer, beside its helper.
 *
 * Invariant: every byte that goes to the file goes through dataset_write_put(), in order, into the
 * hash.
 */
#include "data/dataset_write_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crashpoint.h"
#include "base/mem.h"
#include "data/cell.h"

#define FLUSH_BYTES (1u << 20)

int dataset_write_no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory for a table this wide");
}

int dataset_write_flush(struct dataset_writer *w, struct err *err)
{
    hash_update(&w->hash, w->out.data, w->out.len);
    if (file_write(&w->file, w->out.data, w->out.len, err) != 0) {
        return -1;
    }
    buf_clear(&w->out);
    return 0;
}

int dataset_write_put(struct dataset_writer *w, const void *bytes, size_t len, struct err *err)
{
    if (buf_append(&w->out, bytes, len) != 0) {
        return dataset_write_no_memory(err);
    }
    w->position += len;
    if (w->in_footer) {
        hash_update(&w->footer_hash, bytes, len);
    }
    return w->out.len >= FLUSH_BYTES ? dataset_write_flush(w, err) : 0;
}

/* ---- beginning and end of life ----------------------------------------------- */

int dataset_write_group_alloc(const struct dataset_writer *w, struct writer_group *out)
{
    *out = (struct writer_group){
        .cells = mem_try_alloc(w->n_columns * w->group_rows, sizeof *out->cells),
        .known = mem_try_alloc(w->n_columns, sizeof *out->known)};
    if (out->cells == NULL || out->known == NULL) {
        dataset_write_group_free(out);
        return -1;
    }
    return 0;
}

void dataset_write_group_free(struct writer_group *g)
{
    free(g->cells);
    free(g->known);
    *g = (struct writer_group){.cells = NULL};
}

int dataset_writer_new(const char *dir, size_t n_columns, const char *const *names,
                       const enum column_type *types, struct dataset_writer **out, struct err *err)
{
    static const char head[DATASET_HEAD_LEN] = DATASET_MAGIC "\2\0\0\0\0\0\0";
    char name[sizeof DATASET_TMP + 16] = DATASET_TMP;
    struct dataset_writer *w = NULL;
    size_t i;

    _Static_assert(DATASET_VERSION == 2, "the head says 2");
    if (n_columns == 0 || n_columns > DATASET_MAX_COLUMNS) {
        return err_add(err, NULL, "a table has 1 to %d columns, not %zu", DATASET_MAX_COLUMNS,
                       n_columns);
    }
    if (dataset_check_names(n_columns, names, 0, err) != 0) {
        return -1;
    }
    w = xcalloc(1, sizeof *w);
    w->magic = WRITER_MAGIC;
    w->folder = -1;
    w->file = (struct file)FILE_INIT;
    w->words = (struct missing)MISSING_INIT;
    w->n_columns = n_columns;
    w->columns = xcalloc(n_columns, sizeof *w->columns);
    w->numbers = xcalloc(n_columns, sizeof *w->numbers);
    for (i = 0; i < n_columns; i++) {
        w->columns[i].name = xstrdup(names[i]);
        w->columns[i].type = types[i];
        w->columns[i].integers = w->columns[i].rising = w->columns[i].falling = true;
        sketch_init(&w->columns[i].sketch, sketch_capacity(n_columns));
        stats_init(&w->columns[i].stats);
        distinct_init(&w->columns[i].distinct, DATASET_MAX_DISTINCT);
        w->numbers[i] = column_holds_numbers(types[i]);
        w->columns[i].dict = w->numbers[i] ? NULL : dict_new();
    }
    w->group_rows = dataset_group_rows(n_columns);
    w->tile = mem_try_alloc(TILE * w->group_rows, sizeof *w->tile);
    w->directory = mem_try_alloc(2 * n_columns, sizeof *w->directory);
    w->present = mem_try_alloc(w->group_rows, sizeof *w->present);
    w->packed = mem_try_alloc(w->group_rows, 8);
    if (dataset_write_group_alloc(w, &w->filling) != 0 || w->tile == NULL || w->directory == NULL ||
        w->present == NULL || w->packed == NULL) {
        dataset_write_no_memory(err);
        goto fail;
    }
    w->next = w->filling.cells;
    hash_random_hex(8, name + sizeof DATASET_TMP - 1);
    if (file_folder_open(dir, WHAT, &w->folder, err) != 0 ||
        file_create(&w->file, w->folder, name, WHAT, err) != 0) {
        goto fail;
    }
    hash_init(&w->hash);
    if (dataset_write_put(w, head, sizeof head, err) != 0) {
        goto fail;
    }
    *out = w;
    return 0;
fail:
    dataset_writer_abort(&w);
    return -1;
}

void dataset_writer_missing(struct dataset_writer *w, const struct missing *missing)
{
    CHK_OBJ(w, WRITER_MAGIC);
    missing_fini(&w->words);
    missing_copy(&w->words, missing);
}

void dataset_writer_about(struct dataset_writer *w, size_t column, bool declared,
                          const char *format)
{
    CHK_OBJ(w, WRITER_MAGIC);
    CHK(column < w->n_columns);
    w->columns[column].declared = declared;
    free(w->columns[column].format);
    w->columns[column].format = format != NULL ? xstrdup(format) : NULL;
}

static void writer_free(struct dataset_writer *w)
{
    size_t i;

    for (i = 0; i < w->n_columns; i++) {
        struct writer_column *c = &w->columns[i];

        free(c->name);
        free(c->format);
        distinct_fini(&c->distinct);
        sketch_fini(&c->sketch);
        dict_free(&c->dict);
        free(c->spelling[0]);
        free(c->spelling[1]);
    }
    missing_fini(&w->words);
    free(w->columns);
    free(w->numbers);
    dataset_write_group_free(&w->filling);
    free(w->tile);
    free(w->directory);
    free(w->present);
    free(w->packed);
    free(w->groups);
    buf_fini(&w->out);
    file_folder_close(&w->folder);
    w->magic = 0;
    free(w);
}

void dataset_writer_abort(struct dataset_writer **writer)
{
    struct dataset_writer *w = *writer;
    struct err nobody = ERR_INIT;

    if (w == NULL) {
        return;
    }
    CHK_OBJ(w, WRITER_MAGIC);
    if (dataset_write_settle(w, &nobody) != 0) { /* we give up anyway */
        err_fini(&nobody);
    }
    file_discard(&w->file); /* what is left all the same, dataset_clean_folder takes */
    writer_free(w);
    *writer = NULL;
}

/* ---- cells ------------------------------------------------------------------- */

static inline int end_cell(struct dataset_writer *w, struct err *err)
{
    w->next++;
    if (++w->column < w->n_columns) {
        return 0;
    }
    w->column = 0;
    return ++w->filling.rows < w->group_rows ? 0 : dataset_write_hand_over(w, err);
}

int dataset_writer_number(struct dataset_writer *w, double value, struct err *err)
{
    CHK_OBJ(w, WRITER_MAGIC);
    CHK(w->numbers[w->column] && !isinf(value));
    w->next->number = value;
    return end_cell(w, err);
}

/* The bytes a new text takes are counted over all columns, so that many columns of many
 * texts cannot fill the memory either. */
static int too_many_texts(struct dataset_writer *w, enum dict_result result, struct err *err)
{
    const char *name = w->columns[w->column].name;
    int64_t row = (int64_t)(w->filled + w->filling.rows + 1);

    switch (result) {
    case DICT_TOO_MANY:
        return err_add_cell(err, row, 0, name,
                            "column \"%s\" has more than %d different texts; leave it out", name,
                            DICT_MAX_TEXTS);
    case DICT_TOO_LONG:
        return err_add_cell(
            err, row, 0, name,
            "the different texts of column \"%s\" are more than %u MiB; leave it out", name,
            DICT_MAX_BYTES >> 20);
    case DICT_OK:
        return err_add_cell(err, row, 0, name,
                            "the different texts of all columns take more than %u MiB at column "
                            "\"%s\"; leave columns of free text out",
                            DATASET_MAX_TEXT_BYTES >> 20, name);
    default:
        return dataset_write_no_memory(err);
    }
}

int dataset_writer_text(struct dataset_writer *w, const char *text, size_t len, struct err *err)
{
    struct writer_column *c = &w->columns[w->column];
    uint32_t code = DATASET_MISSING;

    CHK_OBJ(w, WRITER_MAGIC);
    CHK(!column_holds_numbers(c->type));
    if (text != NULL && c->type == COLUMN_BOOLEAN) {
        int truth = cell_boolean(text, len, NULL);

        CHK(truth >= 0);
        if (c->spelling[truth] == NULL) {
            c->spelling[truth] = xstrndup(text, len);
        }
        text = c->spelling[truth];
        len = strlen(text);
    }
    if (text != NULL) {
        size_t known = dict_size(c->dict);
        enum dict_result result = dict_add(c->dict, text, len, &code);

        if (result != DICT_OK) {
            return too_many_texts(w, result, err);
        }
        if (dict_size(c->dict) != known) {
            w->dict_bytes += len + DICT_TEXT_OVERHEAD;
            if (w->dict_bytes > DATASET_MAX_TEXT_BYTES) {
                return too_many_texts(w, DICT_OK, err);
            }
        }
    }
    w->next->code = code;
    return end_cell(w, err);
}

/* ---- the end ----------------------------------------------------------------- */

static int writer_publish(struct dataset_writer *w, struct dataset_summary *out, struct err *err)
{
    CHK(w->column == 0); /* whole rows only */
    if (dataset_write_settle(w, err) != 0 ||
        (w->filling.rows > 0 && dataset_write_hand_over(w, err) != 0)) {
        return -1;
    }
    if (w->rows == 0) {
        return err_add(err, NULL, "there are no rows");
    }
    if (dataset_write_footer(w, err) != 0) {
        return -1;
    }
    hash_final_hex(&w->hash, out->sha256);
    out->rows = w->rows;
    out->bytes = w->position;
    CRASH_POINT("dataset-before-sync");
    if (file_sync(&w->file, err) != 0 || file_close(&w->file, err) != 0) {
        return -1;
    }
    CRASH_POINT("dataset-before-rename");
    if (file_rename(&w->file, out->sha256, err) != 0) {
        return -1;
    }
    CRASH_POINT("dataset-after-rename");
    return file_folder_sync(w->folder, WHAT, err);
}

int dataset_writer_finish(struct dataset_writer **writer, struct dataset_summary *out,
                          struct err *err)
{
    struct dataset_summary summary = {.rows = 0};
    int result;

    CHK_OBJ(*writer, WRITER_MAGIC);
    result = writer_publish(*writer, &summary, err);
    if (result == 0) {
        *out = summary;
    }
    dataset_writer_abort(writer); /* what is published has no temporary file any more */
    return result;
}

/* A table on its way into a dataset file; see intake.h.
 *
 * Bytes never lie in memory: they go from who brings them through unpack into the reader, which
 * writes a temporary file. Room on the disk is asked for at the start and again as the bytes come,
 * so that no table takes what jobs were promised.
 *
 * One thread at a time; it owns the reader.
 */
#include "jobs/intake.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/unpack.h"
#include "jobs/room.h"

#define LOOK_BYTES (4u << 20) /* of plain bytes between two looks at the disk */

struct intake {
    struct reader *reader;
    struct unpack *unpack;
    struct intake_limits limits;
    struct room room;
    uint64_t looked_at; /* bytes at the last look at the room */
    bool in_part;
};

static int look_again(struct intake *in, struct err *err)
{
    uint64_t bytes = unpack_bytes(in->unpack);

    if (in->limits.state == NULL || bytes - in->looked_at < LOOK_BYTES) {
        return 0;
    }
    in->looked_at = bytes;
    return room_look_again(in->limits.state, &in->room, err) != 0
               ? -1
               : room_for(&in->room, 0, "the rest of the dataset", err);
}

static int take_plain(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct intake *in = arg;

    return look_again(in, err) != 0 ? -1 : reader_feed(in->reader, bytes, len, err);
}

int intake_new(struct datasets *datasets, const struct reader_options *options,
               const struct intake_limits *limits, struct intake **out, struct err *err)
{
    struct reader_options with = *options;
    struct intake *in = xcalloc(1, sizeof *in);

    in->limits = *limits;
    with.max_bytes = limits->most_bytes;
    if ((limits->state != NULL && (room_look(datasets_store(datasets), limits->state,
                                             limits->reserve, &in->room, err) != 0 ||
                                   room_for(&in->room, limits->before, "a dataset", err) != 0)) ||
        reader_new(datasets_dir(datasets), &with, &in->reader, err) != 0) {
        free(in);
        return -1;
    }
    in->unpack = unpack_new(limits->most_bytes, take_plain, in);
    *out = in;
    return 0;
}

int intake_part(struct intake *in, const char *name, struct err *err)
{
    if (in->in_part && unpack_finish(in->unpack, err) != 0) {
        return -1;
    }
    in->in_part = true;
    return reader_part(in->reader, name, err);
}

int intake_feed(struct intake *in, const void *bytes, size_t len, struct err *err)
{
    return unpack_feed(in->unpack, bytes, len, err);
}

int intake_finish(struct intake *in, struct dataset_summary *out, struct err *err)
{
    return unpack_finish(in->unpack, err) != 0 ? -1 : reader_finish(in->reader, out, err);
}

void intake_free(struct intake **in)
{
    if (*in != NULL) {
        reader_free(&(*in)->reader);
        unpack_free(&(*in)->unpack);
        free(*in);
        *in = NULL;
    }
}

const struct reader *intake_reader(const struct intake *in)
{
    return in->reader;
}

uint64_t intake_bytes(const struct intake *in)
{
    return unpack_bytes(in->unpack);
}

/* Room on the disk; see room.h.
 *
 * One statvfs and one sum in the store: some microseconds, so that every submission can ask.
 * Nothing is remembered between two questions. Any thread.
 */
#include "jobs/room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

const char *room_text(double bytes, char out[ROOM_TEXT_LEN])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    size_t i = 0;

    while (bytes >= 999.5 && i + 1 < ARRAY_LEN(units)) {
        bytes /= 1000;
        i++;
    }
    (void)snprintf(out, ROOM_TEXT_LEN, i == 0 ? "%.0f %s" : "%.1f %s", bytes, units[i]);
    return out;
}

int room_look_again(const char *dir, struct room *room, struct err *err)
{
    if (access(dir, W_OK) != 0) { /* a file system may become read-only at any time */
        return err_set(err, ERR_IO, "the state folder may not be written: %s",
                       strerrordesc_np(errno));
    }
    return file_free_space(dir, &room->free, err);
}

int room_look(struct store *store, const char *dir, uint64_t reserve, struct room *out,
              struct err *err)
{
    struct room room = {.reserve = reserve};
    int64_t held = 0;

    if (room_look_again(dir, &room, err) != 0 || store->ops->job_disk(store, &held, err) != 0) {
        return -1;
    }
    room.held = held > 0 ? (uint64_t)held : 0;
    *out = room;
    return 0;
}

int room_for(const struct room *room, uint64_t bytes, const char *what, struct err *err)
{
    char need[ROOM_TEXT_LEN], free_now[ROOM_TEXT_LEN], held[ROOM_TEXT_LEN], reserve[ROOM_TEXT_LEN];
    uint64_t taken = room->held + room->reserve;

    if (taken >= room->held && room->free > taken && room->free - taken >= bytes) {
        return 0;
    }
    return err_set(err, ERR_NO_SPACE,
                   "there is no room on the disk for %s%s%s: %s are free, of which jobs that have "
                   "not ended hold %s and %s stay in reserve; delete jobs, models and datasets "
                   "that nobody needs, wait for jobs to end, or make room on the disk",
                   what, bytes > 0 ? ", which may take " : "",
                   bytes > 0 ? room_text((double)bytes, need) : "",
                   room_text((double)room->free, free_now), room_text((double)room->held, held),
                   room_text((double)room->reserve, reserve));
}

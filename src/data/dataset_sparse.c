/* Sparse chunks; see dataset_sparse.h. Pure packing; reading trusts nothing: places ascend and are
 * within the group, and the cells within the bytes that the chunk has.
 */
#include "data/dataset_sparse.h"

#include <string.h>

#include "data/dataset_read_priv.h"

#define HEAD_LEN 8
#define BLOCK    512 /* cells that are read at once */

_Static_assert(DATASET_GROUP <= UINT16_MAX + 1, "a place has 16 bits");

size_t dataset_sparse_pack(const unsigned char *dense, size_t n, uint32_t kind, unsigned char *out)
{
    static const unsigned char zero[8];
    size_t width = chunk_width(kind), i, len;
    uint32_t count = 0;
    unsigned char *cells;

    for (i = 0; i < n; i++) {
        count += memcmp(dense + i * width, zero, width) != 0;
    }
    len = HEAD_LEN + count * (sizeof(uint16_t) + width);
    if (len * (count == 0 ? 2 : 4) > n * width) {
        return 0;
    }
    memcpy(out, &kind, sizeof kind);
    memcpy(out + sizeof kind, &count, sizeof count);
    out += HEAD_LEN;
    cells = out + count * sizeof(uint16_t);
    for (i = 0; i < n; i++) {
        uint16_t place = (uint16_t)i;

        if (memcmp(dense + i * width, zero, width) != 0) {
            memcpy(out, &place, sizeof place);
            memcpy(cells, dense + i * width, width);
            out += sizeof place;
            cells += width;
        }
    }
    return len;
}

int dataset_sparse_read(int fd, uint64_t position, uint64_t room, size_t rows, size_t first,
                        size_t n, double *out, struct err *err)
{
    unsigned char cells[BLOCK * 8];
    uint16_t places[BLOCK];
    double values[BLOCK];
    uint32_t head[2] = {0, 0};
    size_t width, done, i;
    ptrdiff_t before = -1;

    if (room < HEAD_LEN || dataset_read_at(fd, head, sizeof head, position, err) != 0) {
        return room < HEAD_LEN ? dataset_read_corrupt(err) : -1;
    }
    width = head[0] < CHUNK_CODE8 ? chunk_width(head[0]) : 0;
    if (width == 0 || head[1] > rows || head[1] * (sizeof places[0] + width) > room - HEAD_LEN) {
        return dataset_read_corrupt(err);
    }
    for (i = 0; i < n; i++) {
        out[i] = 0.0;
    }
    position += HEAD_LEN;
    for (done = 0; done < head[1];) {
        size_t k = head[1] - done < BLOCK ? head[1] - done : BLOCK;

        if (dataset_read_at(fd, places, k * sizeof places[0], position + done * sizeof places[0],
                            err) != 0 ||
            dataset_read_at(fd, cells, k * width,
                            position + head[1] * sizeof places[0] + done * width, err) != 0) {
            return -1;
        }
        if (!dataset_read_unpack(cells, k, head[0], values)) {
            return dataset_read_corrupt(err);
        }
        for (i = 0; i < k; i++) {
            if (places[i] <= before || places[i] >= rows) {
                return dataset_read_corrupt(err);
            }
            before = places[i];
            if (places[i] >= first && places[i] - first < n) {
                out[places[i] - first] = values[i];
            }
        }
        done += k;
    }
    return 0;
}

/* NumPy's .npz, a zip of .npy files (or any zip of .npy and IDX files), unpacked as it arrives.
 *
 * Local heads are read one after the other, stored and deflated members go to arrays.c; then the
 * central directory must name as many, so that a cut file is never taken for a whole one. Sizes,
 * checksums and how much it may grow are checked on the way. Encrypted members, other methods
 * and stored members without a size are refused. Runs on the reader's thread.
 *
 * Invariant: `need` bytes of `in` make what comes next; nothing is kept beyond one head.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "data/gunzip.h"
#include "data/reader_priv.h"

#define LOCAL       0x04034b50u
#define CENTRAL     0x02014b50u
#define END         0x06054b50u
#define END64       0x06064b50u
#define LOCATOR     0x07064b50u
#define DESCRIPTOR  0x08074b50u
#define FREE_BYTES  (1u << 20)
#define BLOCK_BYTES (64u << 10)
#define MAX_HEAD    (128u << 10) /* a name and an extra field have 64 KiB each */

enum phase {
    PHASE_SIGNATURE,
    PHASE_HEAD,
    PHASE_STORED,
    PHASE_DEFLATED,
    PHASE_DESCRIPTOR,
    PHASE_END
};

struct npz {
    struct reader_env env;
    struct arrays *arrays;
    enum phase phase;
    struct buf in;      /* a head under way */
    uint64_t skip;      /* bytes that nobody needs */
    uint32_t signature; /* of the head under way */
    uint64_t total_in, total_out;
    uint64_t members, listed; /* in local heads, in the directory */

    /* the member under way */
    char *name;
    bool ignored; /* a folder, or what a Mac adds */
    bool described, zip64;
    uint64_t packed, plain; /* as the head says */
    uint64_t left;          /* stored: bytes to come */
    uint64_t got_packed, got_plain;
    uint32_t crc, crc_wanted;
    bool inflating;
    z_stream z;
    unsigned char block[BLOCK_BYTES];
};

static void *npz_make(const struct reader_env *env)
{
    struct npz *n = xcalloc(1, sizeof *n);

    n->env = *env;
    n->arrays = arrays_new(env, false);
    return n;
}

static void npz_free(void *state)
{
    struct npz *n = state;

    if (n == NULL) {
        return;
    }
    if (n->inflating) {
        (void)inflateEnd(&n->z); /* it only frees */
    }
    arrays_free(n->arrays);
    buf_fini(&n->in);
    free(n->name);
    free(n);
}

static uint64_t get(const char *p, size_t bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0) {
        value = value << 8 | (unsigned char)p[bytes];
    }
    return value;
}

static int damaged(struct err *err)
{
    return err_add(err, NULL, "the zip is damaged");
}

/* ---- members --------------------------------------------------------------------------- */

/* Sizes of more than 32 bits stand in an extra field; false when it is broken. */
static bool read_extra(struct npz *n, const char *p, size_t len)
{
    while (len >= 4) {
        size_t id = (size_t)get(p, 2), size = (size_t)get(p + 2, 2);

        p += 4;
        len -= 4;
        if (size > len) {
            return false;
        }
        if (id == 1) {
            const char *field = p;
            size_t left = size;

            n->zip64 = true;
            if (n->plain == UINT32_MAX && left >= 8) {
                n->plain = get(field, 8);
                field += 8;
                left -= 8;
            }
            if (n->packed == UINT32_MAX && left >= 8) {
                n->packed = get(field, 8);
            }
        }
        p += size;
        len -= size;
    }
    return true;
}

/* The array's name: the file's without its folders and its ".npy". */
static void name_member(struct npz *n, const char *p, size_t len)
{
    const char *slash = memrchr(p, '/', len);

    n->ignored = len == 0 || p[len - 1] == '/' || (len >= 8 && memcmp(p, "__MACOSX", 8) == 0);
    if (slash != NULL && !n->ignored) {
        len -= (size_t)(slash + 1 - p);
        p = slash + 1;
    }
    if (len > 4 && memcmp(p + len - 4, ".npy", 4) == 0) {
        len -= 4;
    }
    free(n->name);
    n->name = reader_show(p, len);
}

static int refuse_member(const struct npz *n, const char *why, struct err *err)
{
    return err_add(err, NULL, "\"%s\" in the zip %s", n->name, why);
}

static int begin_member(struct npz *n, struct err *err)
{
    const char *p = n->in.data;
    unsigned flags = (unsigned)get(p + 6, 2), method = (unsigned)get(p + 8, 2);
    size_t name_len = (size_t)get(p + 26, 2), extra_len = (size_t)get(p + 28, 2);

    name_member(n, p + 30, name_len);
    n->described = (flags & 8) != 0;
    n->crc_wanted = (uint32_t)get(p + 14, 4);
    n->packed = get(p + 18, 4);
    n->plain = get(p + 22, 4);
    n->zip64 = false;
    n->got_packed = n->got_plain = 0;
    n->crc = (uint32_t)crc32(0, NULL, 0);
    if (!read_extra(n, p + 30 + name_len, extra_len)) {
        return damaged(err);
    }
    if ((name_len == 19 && memcmp(p + 30, "[Content_Types].xml", 19) == 0) ||
        (name_len == 8 && memcmp(p + 30, "mimetype", 8) == 0)) {
        return err_add(err, NULL, "this is a spreadsheet or another document; save it as CSV");
    }
    if ((flags & 1) != 0) {
        return refuse_member(n, "is encrypted", err);
    }
    if (method != 0 && method != 8) {
        return refuse_member(n, "is packed in a way that is not taken; stored and deflated are",
                             err);
    }
    if (method == 0 && n->described && !(n->packed == 0 && n->ignored)) {
        return refuse_member(n, "does not say its size; write the file with numpy.savez to a disk",
                             err);
    }
    n->members++;
    if (!n->ignored && arrays_begin(n->arrays, n->name, err) != 0) {
        return -1;
    }
    if (method == 0) {
        if (n->packed != n->plain) {
            return damaged(err);
        }
        n->left = n->packed;
        n->phase = PHASE_STORED;
        return 0;
    }
    memset(&n->z, 0, sizeof n->z);
    if (inflateInit2(&n->z, -15) != Z_OK) { /* raw: the zip has its own head */
        return err_set(err, ERR_NO_MEMORY, "not enough memory to unpack the zip");
    }
    n->inflating = true;
    n->phase = PHASE_DEFLATED;
    return 0;
}

static int take_plain(struct npz *n, const void *bytes, size_t len, struct err *err)
{
    uint64_t most = n->env.options->max_bytes;

    n->crc = (uint32_t)crc32(n->crc, bytes, (unsigned)len);
    n->got_plain += len;
    n->total_out += len;
    if (n->total_out > FREE_BYTES + GUNZIP_RATIO * n->total_in) {
        return err_set(err, ERR_TOO_LARGE, "the zip grows more than %d times, which is the limit",
                       GUNZIP_RATIO);
    }
    if (most != 0 && n->total_out > most) {
        return err_set(err, ERR_TOO_LARGE,
                       "the zip holds more than %" PRIu64 " bytes, which is the limit", most);
    }
    return n->ignored ? 0 : arrays_feed(n->arrays, bytes, len, err);
}

static int end_member(struct npz *n, struct err *err)
{
    n->phase = PHASE_SIGNATURE;
    if (n->crc != n->crc_wanted || n->got_plain != n->plain || n->got_packed != n->packed) {
        return refuse_member(n, "is damaged: its checksum or its size is another", err);
    }
    return n->ignored ? 0 : arrays_end(n->arrays, err);
}

/* Deflated bytes; *used of them. */
static int inflate_some(struct npz *n, const char *bytes, size_t len, size_t *used, struct err *err)
{
    int rc;

    /* the library's field takes no const, and only reads */
    n->z.next_in = (unsigned char *)(uintptr_t)bytes;
    n->z.avail_in = (unsigned)len;
    do {
        n->z.next_out = n->block;
        n->z.avail_out = BLOCK_BYTES;
        rc = inflate(&n->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return refuse_member(n, "is damaged", err);
        }
        if (take_plain(n, n->block, BLOCK_BYTES - n->z.avail_out, err) != 0) {
            return -1;
        }
    } while (rc != Z_STREAM_END && (n->z.avail_in != 0 || n->z.avail_out == 0));
    *used = len - n->z.avail_in;
    n->got_packed += *used;
    if (rc != Z_STREAM_END) {
        return 0;
    }
    (void)inflateEnd(&n->z); /* it only frees */
    n->inflating = false;
    if (n->described) {
        n->phase = PHASE_DESCRIPTOR;
        return 0;
    }
    return end_member(n, err);
}

/* ---- heads ----------------------------------------------------------------------------- */

/* Bytes that the head in `in` has, as far as it tells by now; 0: it is none. */
static size_t head_size(const struct npz *n)
{
    const char *p = n->in.data;
    size_t have = n->in.len;

    switch (n->signature) {
    case LOCAL:
        return have < 30 ? 30 : 30 + (size_t)get(p + 26, 2) + (size_t)get(p + 28, 2);
    case CENTRAL:
        return have < 46
                   ? 46
                   : 46 + (size_t)get(p + 28, 2) + (size_t)get(p + 30, 2) + (size_t)get(p + 32, 2);
    case END:
        return have < 22 ? 22 : 22 + (size_t)get(p + 20, 2);
    case END64:
        return 56;
    case LOCATOR:
        return 20;
    default:
        return 0;
    }
}

static int whole_head(struct npz *n, struct err *err)
{
    const char *p = n->in.data;
    uint64_t size;

    n->phase = PHASE_SIGNATURE;
    switch (n->signature) {
    case LOCAL:
        return n->listed != 0 ? damaged(err) : begin_member(n, err);
    case CENTRAL:
        n->listed++;
        return 0;
    case END64:
        size = get(p + 4, 8);
        n->skip = size > 44 ? size - 44 : 0;
        return size < 44 || size > MAX_HEAD || get(p + 32, 8) != n->members ? damaged(err) : 0;
    case END:
        n->phase = PHASE_END;
        return n->listed != n->members ||
                       (get(p + 10, 2) != UINT16_MAX && get(p + 10, 2) != n->members)
                   ? damaged(err)
                   : 0;
    default:
        return 0;
    }
}

/* What stands behind a deflated member: maybe a signature, checksum, two sizes. */
static size_t descriptor_size(const struct npz *n)
{
    size_t fields = n->zip64 ? 20 : 12;

    return n->in.len < 4 ? 4 : get(n->in.data, 4) == DESCRIPTOR ? fields + 4 : fields;
}

static int whole_descriptor(struct npz *n, struct err *err)
{
    const char *p = n->in.data + (get(n->in.data, 4) == DESCRIPTOR ? 4 : 0);
    size_t width = n->zip64 ? 8 : 4;

    n->crc_wanted = (uint32_t)get(p, 4);
    n->packed = get(p + 4, width);
    n->plain = get(p + 4 + width, width);
    return end_member(n, err);
}

/* A piece of a head or a descriptor; *used of the bytes. */
static int feed_head(struct npz *n, const char *bytes, size_t len, size_t *used, struct err *err)
{
    size_t want = n->phase == PHASE_SIGNATURE    ? 4
                  : n->phase == PHASE_DESCRIPTOR ? descriptor_size(n)
                                                 : head_size(n);
    size_t more = want - n->in.len;
    int rc = 0;

    more = more < len ? more : len;
    if (buf_append(&n->in, bytes, more) != 0) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to unpack the zip");
    }
    *used = more;
    if (n->in.len < want) {
        return 0;
    }
    if (n->phase == PHASE_SIGNATURE) {
        n->signature = (uint32_t)get(n->in.data, 4);
        n->phase = PHASE_HEAD;
        return head_size(n) == 0 ? damaged(err) : 0;
    }
    if (n->phase == PHASE_DESCRIPTOR ? descriptor_size(n) > want : head_size(n) > want) {
        return 0; /* only now it tells how long it is */
    }
    rc = n->phase == PHASE_HEAD ? whole_head(n, err) : whole_descriptor(n, err);
    buf_clear(&n->in);
    return rc;
}

static int npz_feed(void *state, const char *bytes, size_t len, struct err *err)
{
    struct npz *n = state;
    int rc = 0;

    n->total_in += len;
    while (rc == 0 && (len > 0 || (n->phase == PHASE_STORED && n->left == 0))) {
        size_t used = 0;

        if (n->skip > 0) {
            used = n->skip < len ? (size_t)n->skip : len;
            n->skip -= used;
        } else if (n->phase == PHASE_STORED && n->left == 0) {
            rc = end_member(n, err);
        } else if (n->phase == PHASE_STORED) {
            used = n->left < len ? (size_t)n->left : len;
            n->left -= used;
            n->got_packed += used;
            rc = take_plain(n, bytes, used, err);
        } else if (n->phase == PHASE_DEFLATED) {
            rc = inflate_some(n, bytes, len, &used, err);
        } else if (n->phase == PHASE_END) {
            rc = err_add(err, NULL, "bytes follow the end of the zip");
        } else {
            rc = feed_head(n, bytes, len, &used, err);
        }
        bytes += used;
        len -= used;
    }
    return rc;
}

static int npz_finish(void *state, struct err *err)
{
    struct npz *n = state;

    if (n->phase != PHASE_END) {
        return err_add(err, NULL, "the zip ends early");
    }
    return arrays_finish(n->arrays, err);
}

const struct reader_impl reader_npz = {npz_make, npz_feed, npz_finish, npz_free};

/* What the readers' tests share: reading bytes whole and in pieces, and one small good table of
 * each format.
 */
#ifndef MLPD_TESTS_READER_HELP_H
#define MLPD_TESTS_READER_HELP_H

#include <zlib.h>

#include "base/buf.h"
#include "data/reader.h"
#include "data_help.h"

#include "../golden/npy_golden.h"

/* Feed in pieces of `piece` bytes (0 = at once). */
HELPER int read_try(const void *bytes, size_t len, const struct reader_options *options,
                    size_t piece, struct dataset_summary *out, struct err *err)
{
    struct reader *r = NULL;
    const char *p = bytes;
    size_t at, n;
    int rc = reader_new(folder, options, &r, err);

    for (at = 0; rc == 0 && at < len; at += n) {
        n = piece == 0 || len - at < piece ? len - at : piece;
        rc = reader_feed(r, p + at, n, err);
    }
    if (rc == 0) {
        rc = reader_finish(r, out, err);
    }
    if (rc == 0) {
        ck_assert_uint_eq(reader_rows(r), out->rows);
    }
    reader_free(&r);
    ck_assert_ptr_null(r);
    ck_assert((rc == 0) == !err_is(err));
    return rc;
}

HELPER struct dataset *read_bytes(const void *bytes, size_t len, enum reader_format format)
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;

    options.format = format;
    ck_assert_msg(read_try(bytes, len, &options, 0, &summary, &err) == 0, "%s", err.detail);
    return dataset_of(&summary);
}

HELPER struct dataset *read_text(const char *text, enum reader_format format)
{
    return read_bytes(text, strlen(text), format);
}

/* ---- a zip, written by hand ---- */

struct zip_member {
    const char *name;
    const void *bytes;
    size_t len;
    bool deflated, described, zip64;
};

HELPER void put_number(struct buf *out, uint64_t value, size_t bytes)
{
    for (; bytes > 0; bytes--, value >>= 8) {
        unsigned char c = (unsigned char)value;

        ck_assert_int_eq(buf_append(out, &c, 1), 0);
    }
}

HELPER void zip_write(const struct zip_member *members, size_t n, struct buf *out)
{
    struct buf central = BUF_INIT;
    size_t i;

    for (i = 0; i < n; i++) {
        const struct zip_member *m = &members[i];
        size_t start = out->len, packed_len = m->len, width = m->zip64 ? 8 : 4;
        unsigned char *packed = xmalloc(m->len + 100);
        uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), m->bytes, (unsigned)m->len);
        uint64_t plain32 = m->zip64 ? UINT32_MAX : m->len, packed32;

        memcpy(packed, m->bytes, m->len);
        if (m->deflated) {
            z_stream z = {.next_in = (unsigned char *)(uintptr_t)m->bytes,
                          .avail_in = (unsigned)m->len,
                          .next_out = packed,
                          .avail_out = (unsigned)m->len + 100};

            ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
            ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
            packed_len = z.total_out;
            ck_assert_int_eq(deflateEnd(&z), Z_OK);
        }
        packed32 = m->zip64 ? UINT32_MAX : packed_len;
        put_number(out, 0x04034b50, 4);
        put_number(out, 45, 2);
        put_number(out, m->described ? 8 : 0, 2);
        put_number(out, m->deflated ? 8 : 0, 2);
        put_number(out, 0, 4);
        put_number(out, m->described ? 0 : crc, 4);
        put_number(out, m->described ? 0 : packed32, 4);
        put_number(out, m->described ? 0 : plain32, 4);
        put_number(out, strlen(m->name), 2);
        put_number(out, m->zip64 ? 20 : 0, 2);
        ck_assert_int_eq(buf_append(out, m->name, strlen(m->name)), 0);
        if (m->zip64) {
            put_number(out, 1, 2);
            put_number(out, 16, 2);
            put_number(out, m->described ? 0 : m->len, 8);
            put_number(out, m->described ? 0 : packed_len, 8);
        }
        ck_assert_int_eq(buf_append(out, packed, packed_len), 0);
        free(packed);
        if (m->described) {
            put_number(out, 0x08074b50, 4);
            put_number(out, crc, 4);
            put_number(out, packed_len, width);
            put_number(out, m->len, width);
        }
        put_number(&central, 0x02014b50, 4);
        put_number(&central, 45, 2);
        put_number(&central, 45, 2);
        put_number(&central, m->described ? 8 : 0, 2);
        put_number(&central, m->deflated ? 8 : 0, 2);
        put_number(&central, 0, 4);
        put_number(&central, crc, 4);
        put_number(&central, packed_len, 4);
        put_number(&central, m->len, 4);
        put_number(&central, strlen(m->name), 2);
        put_number(&central, 0, 12);
        put_number(&central, start, 4);
        ck_assert_int_eq(buf_append(&central, m->name, strlen(m->name)), 0);
    }
    i = out->len;
    ck_assert_int_eq(buf_append(out, central.data, central.len), 0);
    put_number(out, 0x06054b50, 4);
    put_number(out, 0, 4);
    put_number(out, n, 2);
    put_number(out, n, 2);
    put_number(out, central.len, 4);
    put_number(out, i, 4);
    put_number(out, 0, 2);
    buf_fini(&central);
}

/* ---- the golden files, by name ---- */

HELPER const unsigned char *golden(const char *name, size_t *len)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(npy_golden); i++) {
        if (strcmp(npy_golden[i].name, name) == 0) {
            *len = npy_golden[i].len;
            return npy_golden[i].bytes;
        }
    }
    ck_abort_msg("no golden %s", name);
}

/* The head of an array of version 1. */
HELPER void npy_head(struct buf *out, const char *type, const char *shape)
{
    ck_assert_int_eq(buf_append(out, "\x93NUMPY\1\0\0\0", 10), 0);
    buf_printf(out, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", type, shape);
    out->data[8] = (char)(out->len - 10);
}

/* ---- one small good table a format ---- */

#define IDX_IMAGES                                                                                 \
    "\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02"                                                   \
    "\x00\x01\x02\x03"                                                                             \
    "\x04\x05\x06\x07"                                                                             \
    "\xfc\xfd\xfe\xff"
#define IDX_LABELS                                                                                 \
    "\0\0\x08\x01\0\0\0\x03"                                                                       \
    "\x07\x00\x09"

struct sample {
    const char *name;
    enum reader_format format;
    const char *bytes;
    size_t len;
    uint64_t rows;
    size_t columns;
    bool text; /* a piece of it may be a table too */
};
#define SAMPLE(name, format, bytes, rows, columns, text)                                           \
    {                                                                                              \
        name, format, bytes, sizeof bytes - 1, rows, columns, text                                 \
    }
static const struct sample samples[] = {
    SAMPLE("csv", READER_CSV, "a,b\n1,x\n2,\"y, z\"\n,x\n", 3, 2, true),
    SAMPLE("tsv", READER_CSV, "a\tb\r\n1\tx\r\n2\ty\r\n", 2, 2, true),
    SAMPLE("ndjson", READER_NDJSON,
           "{\"a\": 1.5, \"b\": \"x\"}\n\n{\"b\": \"\\u00e9\\n\", \"c\": true, \"a\": null}\r\n"
           "{\"a\": -2e3, \"c\": false}",
           3, 3, true),
    SAMPLE("idx", READER_IDX, IDX_IMAGES, 3, 4, false),
    SAMPLE("libsvm", READER_LIBSVM, "+1 1:0.5 3:2 # one\n-1 2:-1e-3\r\n\n0\n1 4:1", 4, 5, true),
    SAMPLE("arff", READER_ARFF,
           "% a comment\n@RELATION r\n\n@attribute a numeric\n@attribute 'b c' {x, 'y z'}\n"
           "@attribute d date \"yyyy-MM-dd\"\n@attribute s string\n@data\n"
           "1, x, 2020-02-29, 'it\\'s'\n?, 'y z', ?, ?\n% no\n{0 3, 2 1970-01-02}\n",
           3, 4, true),
};

#endif

/* Bodies of bytes for the tests of formats; see bodies.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bodies.h"

struct reply *body_post(const char *path, const char *type, const void *bytes, size_t len)
{
    return http_send(
        &(struct request){.method = "POST", .path = path, .type = type, .body = bytes, .len = len});
}

char *body_predict(int64_t model)
{
    return text("/models/%lld/predict", (long long)model);
}

char *body_gzip(const void *bytes, size_t len, size_t *out_len)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (unsigned)len};
    char *out = keep(malloc(len + 200));

    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)len + 200;
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_len = z.total_out;
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
    return out;
}

static void pack(z_stream *z, const void *bytes, size_t len)
{
    z->next_in = (unsigned char *)(uintptr_t)bytes;
    z->avail_in = (unsigned)len;
    ck_assert_int_eq(deflate(z, Z_NO_FLUSH), Z_OK);
}

char *body_bomb(const void *head, size_t head_len, const void *row, size_t row_len, size_t *len)
{
    const size_t block = 1 << 16;
    char *rows = keep(malloc(block)), *out = keep(malloc(1 << 20));
    z_stream z = {.next_out = (unsigned char *)out, .avail_out = 1 << 20};

    for (size_t i = 0; i < block; i++) {
        rows[i] = ((const char *)row)[i % row_len];
    }
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    pack(&z, head, head_len);
    for (int i = 0; i < 1024; i++) {
        pack(&z, rows, block - block % row_len);
    }
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *len = z.total_out;
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
    return out;
}

int64_t body_model(void)
{
    char *csv = keep(malloc(4000)), *p = csv;

    p += snprintf(p, 100, "x1,x2,y\n");
    for (int i = 0; i < 40; i++) {
        p += snprintf(p, 100, "%d,%d,%d\n", i % 7, i % 5, 2 * (i % 7) - i % 5);
    }
    ck_assert_int_lt(http_csv(csv, "/datasets?name=plane")->status, 300);
    return trained(train("{'data': {'dataset': 'plane', 'target': 'y', 'split': {'validation': 0, "
                         "'test': 0}}, 'architecture': {'hidden': [8]}, "
                         "'training': {'epochs': 3, 'seed': 1}}"));
}

struct body_state body_look(const struct daemon *d)
{
    struct body_state s = {.files = folder_entries(text("%s/datasets", d->state))};
    struct reply *r = want(http_get("/datasets"), 200);

    ck_assert_uint_eq(length(r, "/uploads"), 0);
    s.datasets = canonical(at(r, "/datasets"));
    return s;
}

void body_unchanged(const struct daemon *d, const struct body_state *before, const char *what)
{
    struct body_state now = body_look(d);

    ck_assert_msg(now.files == before->files, "%s: %zu files, %zu before", what, now.files,
                  before->files);
    ck_assert_msg(strcmp(now.datasets, before->datasets) == 0, "%s: %s", what, now.datasets);
    daemon_must_live(d);
}

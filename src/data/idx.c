/* The head of IDX, the format of MNIST's files; see docs/DATA.md.
 *
 * Two zero bytes, the element's type, the number of dimensions, each dimension in 32 bits; all
 * big-endian. A pure function.
 */
#include "data/reader_priv.h"

int idx_head(const char *bytes, size_t len, struct array_head *out, size_t *used, struct err *err)
{
    static const struct {
        unsigned char code, item;
        enum array_kind kind;
    } types[] = {{0x08, 1, ARRAY_UINT}, {0x09, 1, ARRAY_INT},   {0x0b, 2, ARRAY_INT},
                 {0x0c, 4, ARRAY_INT},  {0x0d, 4, ARRAY_FLOAT}, {0x0e, 8, ARRAY_FLOAT}};
    const unsigned char *u = (const unsigned char *)bytes;
    size_t i, k;

    if (u[0] != 0 || (len > 1 && u[1] != 0)) {
        return err_add(err, NULL, "this is no IDX: it does not begin with two zero bytes");
    }
    if (len < 4) {
        return 1;
    }
    for (i = 0; i < ARRAY_LEN(types) && types[i].code != u[2]; i++) {
    }
    if (i == ARRAY_LEN(types)) {
        return err_add(err, NULL,
                       "the IDX says that its elements are of type 0x%02x; known are 08, 09, 0b, "
                       "0c, 0d and 0e",
                       u[2]);
    }
    if (u[3] == 0 || u[3] > 4) {
        return err_add(err, NULL, "the IDX has %u dimensions; 1 to 4 are taken", u[3]);
    }
    if (len < 4 + 4 * (size_t)u[3]) {
        return 1;
    }
    *out = (struct array_head){
        .idx = true, .kind = types[i].kind, .item = types[i].item, .big_endian = true};
    out->n_dims = u[3];
    for (k = 0; k < out->n_dims; k++) {
        const unsigned char *d = u + 4 + 4 * k;

        out->dims[k] = (uint64_t)d[0] << 24 | (uint64_t)d[1] << 16 | (uint64_t)d[2] << 8 | d[3];
    }
    *used = 4 + 4 * out->n_dims;
    return 0;
}

/* NumPy's .npy: its head, and what an element is; see docs/DATA.md.
 *
 * The head is a Python dictionary as text: 'descr', 'fortran_order', 'shape', in any order. Only
 * what NumPy writes is taken. Pure functions; the reader of one array is at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/reader_priv.h"

#define MAGIC     "\x93NUMPY"
#define MAGIC_LEN 6

struct cursor {
    const char *p, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t')) {
        c->p++;
    }
}

static bool take(struct cursor *c, char want)
{
    skip_space(c);
    if (c->p < c->end && *c->p == want) {
        c->p++;
        return true;
    }
    return false;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);

    skip_space(c);
    if ((size_t)(c->end - c->p) >= len && memcmp(c->p, word, len) == 0) {
        c->p += len;
        return true;
    }
    return false;
}

/* A text in quotes; no escapes stand in what NumPy writes. */
static bool take_text(struct cursor *c, const char **s, size_t *len)
{
    const char *stop;
    char quote;

    skip_space(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) {
        return false;
    }
    quote = *c->p++;
    stop = memchr(c->p, quote, (size_t)(c->end - c->p));
    if (stop == NULL) {
        return false;
    }
    *s = c->p;
    *len = (size_t)(stop - c->p);
    c->p = stop + 1;
    return true;
}

static bool take_size(struct cursor *c, uint64_t *out)
{
    uint64_t value = 0;
    const char *start;

    skip_space(c);
    start = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c->p - '0'), &value)) {
            return false;
        }
    }
    if (c->p == start) {
        return false;
    }
    (void)take(c, 'L'); /* Python 2 wrote 3L */
    *out = value;
    return true;
}

static bool take_shape(struct cursor *c, struct array_head *out)
{
    if (!take(c, '(')) {
        return false;
    }
    out->n_dims = 0;
    while (!take(c, ')')) {
        if (out->n_dims == ARRAY_MAX_DIMS || !take_size(c, &out->dims[out->n_dims])) {
            return false;
        }
        out->n_dims++;
        if (!take(c, ',') && !(c->p < c->end && *c->p == ')')) {
            return false;
        }
    }
    return true;
}

/* Why a dtype is not taken, or NULL: "it is ..." */
static const char *why_not(char kind)
{
    switch (kind) {
    case 'O':
        return "an array of Python objects, which only Python can read (and which may run code); "
               "make it numbers or texts first: a.astype(float), a.astype(str)";
    case 'c':
        return "complex numbers; save real and imaginary parts as columns";
    case 'V':
        return "a structured or raw array; save its fields as arrays of an .npz";
    case 'M':
    case 'm':
        return "dates or times; save them as texts: a.astype(str)";
    default:
        return "of a type that is not known";
    }
}

static int read_type(const char *s, size_t len, struct array_head *out, struct err *err)
{
    struct cursor c = {s, s + len};
    char order = '|', kind, *shown;
    uint64_t size = 1;
    bool known;

    if (c.p < c.end && strchr("<>|=", *c.p) != NULL) {
        order = *c.p++;
    }
    kind = c.p < c.end ? *c.p++ : '\0';
    known = (kind == '?' && c.p == c.end) || (take_size(&c, &size) && c.p == c.end);
    out->big_endian = order == '>';
    switch (known ? kind : '\0') {
    case '?':
    case 'b':
        out->kind = ARRAY_BOOL;
        known = size == 1;
        break;
    case 'i':
    case 'u':
        out->kind = kind == 'i' ? ARRAY_INT : ARRAY_UINT;
        known = size == 1 || size == 2 || size == 4 || size == 8;
        break;
    case 'f':
        out->kind = ARRAY_FLOAT;
        known = size == 2 || size == 4 || size == 8;
        break;
    case 'S':
    case 'a':
    case 'U':
        out->kind = kind == 'U' ? ARRAY_UNICODE : ARRAY_BYTES;
        known = size > 0 && size <= CSV_MAX_FIELD / 4;
        size *= kind == 'U' ? 4 : 1;
        break;
    default:
        known = false;
        break;
    }
    if (known) {
        out->item = (size_t)size;
        return 0;
    }
    shown = reader_show(s, len);
    err_add(err, NULL, "the array is %s (dtype \"%s\")",
            kind == 'f' ? "of floats of a size that is not taken: astype(float)"
            : strchr("SU", kind) != NULL && kind != '\0' ? "of texts that are empty or too long"
                                                         : why_not(kind),
            shown);
    free(shown);
    return -1;
}

static int bad_head(struct err *err)
{
    return err_add(err, NULL, "the head of the .npy is damaged");
}

static int read_dict(const char *s, size_t len, struct array_head *out, struct err *err)
{
    struct cursor c = {s, s + len};
    unsigned seen = 0;

    if (!take(&c, '{')) {
        return bad_head(err);
    }
    while (!take(&c, '}')) {
        const char *key, *text;
        size_t key_len, text_len;

        if (!take_text(&c, &key, &key_len) || !take(&c, ':')) {
            return bad_head(err);
        }
        if (key_len == 5 && memcmp(key, "descr", 5) == 0) {
            skip_space(&c);
            if (c.p < c.end && *c.p == '[') {
                return err_add(err, NULL, "the array is %s", why_not('V'));
            }
            if (!take_text(&c, &text, &text_len)) {
                return bad_head(err);
            }
            if (read_type(text, text_len, out, err) != 0) {
                return -1;
            }
            seen |= 1;
        } else if (key_len == 13 && memcmp(key, "fortran_order", 13) == 0) {
            out->fortran = take_word(&c, "True");
            if (!out->fortran && !take_word(&c, "False")) {
                return bad_head(err);
            }
            seen |= 2;
        } else if (key_len == 5 && memcmp(key, "shape", 5) == 0) {
            if (!take_shape(&c, out)) {
                return bad_head(err);
            }
            seen |= 4;
        } else {
            return bad_head(err);
        }
        if (!take(&c, ',') && !(c.p < c.end && *c.p == '}')) {
            return bad_head(err);
        }
    }
    skip_space(&c);
    return seen == 7 && c.p == c.end ? 0 : bad_head(err);
}

int npy_head(const char *bytes, size_t len, struct array_head *out, size_t *used, struct err *err)
{
    const unsigned char *u = (const unsigned char *)bytes;
    size_t known = len < MAGIC_LEN ? len : MAGIC_LEN, start, n;

    if (memcmp(bytes, MAGIC, known) != 0) {
        return err_add(err, NULL, "this is no .npy: it does not begin with \\x93NUMPY");
    }
    if (len < 10) {
        return 1;
    }
    if (u[6] < 1 || u[6] > 3) {
        return err_add(err, NULL, "version %u.%u of .npy is not known; 1, 2 and 3 are", u[6], u[7]);
    }
    if (u[6] > 1 && len < 12) {
        return 1;
    }
    start = u[6] == 1 ? 10 : 12;
    n = (size_t)u[8] | (size_t)u[9] << 8;
    n |= u[6] == 1 ? 0 : (size_t)u[10] << 16 | (size_t)u[11] << 24;
    if (n > ARRAY_MAX_HEAD - 12) {
        return err_add(err, NULL, "the head of the .npy has %zu bytes, which is too much", n);
    }
    if (len < start + n) {
        return 1;
    }
    *out = (struct array_head){.idx = false};
    *used = start + n;
    return read_dict(bytes + start, n, out, err);
}

/* ---- elements ------------------------------------------------------------------------ */

static uint64_t take_bits(const struct array_head *h, const unsigned char *item)
{
    uint64_t bits = 0;
    size_t i;

    for (i = 0; i < h->item; i++) {
        bits |= (uint64_t)item[h->big_endian ? h->item - 1 - i : i] << (8 * i);
    }
    return bits;
}

static double half(uint64_t bits)
{
    unsigned exponent = (unsigned)(bits >> 10) & 31, mantissa = (unsigned)bits & 1023;
    double value = exponent == 31
                       ? (mantissa != 0 ? (double)__builtin_nanf("") : (double)__builtin_inff())
                   : exponent == 0 ? mantissa * 0x1p-24
                                   : (1024 + mantissa) * 0x1p-25 * (double)(1u << exponent);

    return bits >> 15 != 0 ? -value : value;
}

bool array_number(const struct array_head *h, const unsigned char *item, double *out)
{
    uint64_t bits = take_bits(h, item);
    float single;
    double value;

    switch (h->kind) {
    case ARRAY_BOOL:
        value = bits != 0;
        break;
    case ARRAY_UINT:
        value = (double)bits;
        break;
    case ARRAY_INT: {
        unsigned shift = 64 - 8 * (unsigned)h->item;

        value = (double)((int64_t)(bits << shift) >> shift);
        break;
    }
    default:
        if (h->item == 2) {
            value = half(bits);
        } else if (h->item == 4) {
            uint32_t low = (uint32_t)bits;

            memcpy(&single, &low, sizeof single);
            value = (double)single;
        } else {
            memcpy(&value, &bits, sizeof value);
        }
        break;
    }
    *out = value;
    return !__builtin_isinf(value);
}

bool array_text(const struct array_head *h, const unsigned char *item, struct buf *out)
{
    struct array_head one = {.item = 4, .big_endian = h->big_endian};
    size_t len = h->item;

    while (len > 0 && item[len - 1] == 0 && h->kind == ARRAY_BYTES) {
        len--;
    }
    buf_clear(out);
    if (h->kind == ARRAY_BYTES) {
        return buf_append(out, item, len) == 0;
    }
    for (len /= 4; len > 0 && take_bits(&one, item + 4 * (len - 1)) == 0;) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        char utf8[4];
        size_t n = reader_utf8((uint32_t)take_bits(&one, item + 4 * i), utf8);

        if (n == 0 || buf_append(out, utf8, n) != 0) {
            return false;
        }
    }
    return true;
}

char *array_column(const struct array_head *head, const char *array, size_t width, size_t k)
{
    size_t dims = head->n_dims, len = strlen(array), i, rest = width;
    const char *joint = len > 0 && array[len - 1] >= '0' && array[len - 1] <= '9' ? "_" : "";
    struct buf name = BUF_INIT;

    if (dims == 1) {
        return xstrdup(head->idx ? "label" : array);
    }
    if (dims == 2) {
        return xasprintf("%s%s%zu", head->idx ? "x" : array, head->idx ? "" : joint, k + 1);
    }
    buf_puts(&name, head->idx ? "pixel" : array);
    for (i = 1; i < dims; i++) {
        rest /= (size_t)head->dims[i];
        buf_printf(&name, "_%zu", k / rest);
        k %= rest;
    }
    return buf_take(&name);
}

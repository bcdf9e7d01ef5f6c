/* Borrowed bytes: comparing, searching, and taking from the front. */
#include "base/bytes.h"

#include "base/mem.h"

static uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool bytes_equal_str_nocase(struct bytes a, const char *s)
{
    /* header names are looked up again and again: most differ in the first letter */
    if (a.n == 0 || ascii_lower(a.p[0]) != ascii_lower((uint8_t)s[0])) {
        return a.n == 0 && s[0] == 0;
    }
    return bytes_equal_nocase(a, bytes_str(s));
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = MIN(a.n, b.n);
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool bytes_has_prefix(struct bytes a, struct bytes prefix)
{
    return a.n >= prefix.n && bytes_equal(bytes_of(a.p, prefix.n), prefix);
}

bool bytes_has_suffix(struct bytes a, struct bytes suffix)
{
    return a.n >= suffix.n &&
           (suffix.n == 0 || memcmp(a.p + (a.n - suffix.n), suffix.p, suffix.n) == 0);
}

size_t bytes_index(struct bytes a, uint8_t c)
{
    const uint8_t *at = a.n == 0 ? NULL : memchr(a.p, c, a.n);
    return at == NULL ? a.n : (size_t)(at - a.p);
}

size_t bytes_find(struct bytes a, struct bytes needle)
{
    if (needle.n == 0) {
        return 0;
    }
    const uint8_t *at = a.n == 0 ? NULL : memmem(a.p, a.n, needle.p, needle.n);
    return at == NULL ? a.n : (size_t)(at - a.p);
}

struct bytes bytes_slice(struct bytes a, size_t from, size_t to)
{
    to = MIN(to, a.n);
    from = MIN(from, to);
    return a.n == 0 ? a : bytes_of(a.p + from, to - from);
}

struct bytes bytes_trim(struct bytes a, const char *set)
{
    struct bytes chars = bytes_str(set);
    while (a.n > 0 && bytes_index(chars, a.p[0]) < chars.n) {
        a = bytes_of(a.p + 1, a.n - 1);
    }
    while (a.n > 0 && bytes_index(chars, a.p[a.n - 1]) < chars.n) {
        a.n--;
    }
    return a;
}

bool bytes_split(struct bytes *in, uint8_t c, struct bytes *ret_head)
{
    struct bytes whole = *in;
    size_t at = bytes_index(whole, c);
    *ret_head = bytes_slice(whole, 0, at);
    if (at == whole.n) {
        *in = bytes_slice(whole, whole.n, whole.n);
        return false;
    }
    *in = bytes_slice(whole, at + 1, whole.n);
    return true;
}

RESULT bytes_take(struct bytes *in, size_t n, struct bytes *ret)
{
    if (in->n < n) {
        return result_of(ERRC_FORMAT);
    }
    *ret = bytes_of(in->p, n);
    if (n != 0) {
        *in = bytes_of(in->p + n, in->n - n);
    }
    return RESULT_OK;
}

RESULT bytes_take_copy(struct bytes *in, void *dst, size_t n)
{
    struct bytes v;
    TRY(bytes_take(in, n, &v));
    if (n != 0) {
        memcpy(dst, v.p, n);
    }
    return RESULT_OK;
}

RESULT bytes_take_u8(struct bytes *in, uint8_t *ret)
{
    struct bytes v;
    TRY(bytes_take(in, 1, &v));
    *ret = v.p[0];
    return RESULT_OK;
}

RESULT bytes_take_be16(struct bytes *in, uint16_t *ret)
{
    struct bytes v;
    TRY(bytes_take(in, 2, &v));
    *ret = get_be16(v.p);
    return RESULT_OK;
}

RESULT bytes_take_be32(struct bytes *in, uint32_t *ret)
{
    struct bytes v;
    TRY(bytes_take(in, 4, &v));
    *ret = get_be32(v.p);
    return RESULT_OK;
}

RESULT bytes_take_be64(struct bytes *in, uint64_t *ret)
{
    struct bytes v;
    TRY(bytes_take(in, 8, &v));
    *ret = get_be64(v.p);
    return RESULT_OK;
}

RESULT bytes_take_be16_prefixed(struct bytes *in, struct bytes *ret)
{
    struct bytes rest = *in;
    uint16_t n;
    TRY(bytes_take_be16(&rest, &n));
    TRY(bytes_take(&rest, n, ret));
    *in = rest;
    return RESULT_OK;
}

RESULT bytes_take_be32_prefixed(struct bytes *in, struct bytes *ret)
{
    struct bytes rest = *in;
    uint32_t n;
    TRY(bytes_take_be32(&rest, &n));
    TRY(bytes_take(&rest, n, ret));
    *in = rest;
    return RESULT_OK;
}

RESULT bytes_take_end(struct bytes in)
{
    return result_of(in.n == 0 ? ERRC_OK : ERRC_FORMAT);
}

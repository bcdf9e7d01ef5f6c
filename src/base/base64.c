/* Hex and base64 (RFC 4648), strict. */
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(struct bytes in, char *dst)
{
    for (size_t i = 0; i < in.n; i++) {
        dst[2 * i] = hex_digits[in.p[i] >> 4];
        dst[2 * i + 1] = hex_digits[in.p[i] & 15];
    }
    dst[2 * in.n] = 0;
}

void buf_add_hex(struct buf *b, struct bytes in)
{
    if (in.n > SIZE_MAX / 2) {
        in.n = SIZE_MAX / 2; /* refused by the reservation */
    }
    uint8_t *dst = buf_reserve(b, 2 * in.n);
    if (dst == NULL) {
        return;
    }
    for (size_t i = 0; i < in.n; i++) {
        dst[2 * i] = (uint8_t)hex_digits[in.p[i] >> 4];
        dst[2 * i + 1] = (uint8_t)hex_digits[in.p[i] & 15];
    }
    buf_commit(b, 2 * in.n);
}

/* 0..15, or 16 for what is no digit. Without a table: indexes would follow the secret. */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    uint8_t low = (uint8_t)(c | 0x20);
    return low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10) : 16;
}

RESULT hex_decode(struct bytes in, uint8_t *ret, size_t ret_n)
{
    if (in.n / 2 != ret_n || in.n % 2 != 0) {
        return result_of(ERRC_FORMAT);
    }
    for (size_t i = 0; i < in.n; i++) {
        if (hex_value(in.p[i]) > 15) {
            return result_of(ERRC_FORMAT);
        }
    }
    for (size_t i = 0; i < ret_n; i++) {
        ret[i] = (uint8_t)(hex_value(in.p[2 * i]) << 4 | hex_value(in.p[2 * i + 1]));
    }
    return RESULT_OK;
}

static void base64_add(struct buf *b, struct bytes in, const char *set, bool is_padded)
{
    size_t groups = in.n / 3, rest = in.n % 3;
    size_t tail = rest == 0 ? 0 : is_padded ? 4 : rest + 1;
    size_t n = groups > (SIZE_MAX - 4) / 4 ? SIZE_MAX : groups * 4 + tail;
    uint8_t *dst = buf_reserve(b, n);
    if (dst == NULL) {
        return;
    }
    const uint8_t *p = in.p;
    for (size_t i = 0; i < groups; i++, p += 3, dst += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        dst[0] = (uint8_t)set[v >> 18];
        dst[1] = (uint8_t)set[v >> 12 & 63];
        dst[2] = (uint8_t)set[v >> 6 & 63];
        dst[3] = (uint8_t)set[v & 63];
    }
    if (rest != 0) {
        uint32_t v = (uint32_t)p[0] << 16 | (rest == 2 ? (uint32_t)p[1] << 8 : 0);
        uint8_t last[4] = { (uint8_t)set[v >> 18], (uint8_t)set[v >> 12 & 63],
                            rest == 2 ? (uint8_t)set[v >> 6 & 63] : (uint8_t)'=', '=' };
        memcpy(dst, last, tail);
    }
    buf_commit(b, n);
}

void buf_add_base64(struct buf *b, struct bytes in)
{
    base64_add(b, in, alphabet, true);
}

void buf_add_base64url(struct buf *b, struct bytes in)
{
    base64_add(b, in, alphabet_url, false);
}

/* 0..63, or 64 for what is not in the alphabet. Selections instead of branches: what is decoded may
 * be secret, and nothing predicts it. */
static uint32_t base64_value(uint8_t c, bool is_url)
{
    uint32_t v = 64;
    v = (uint8_t)(c - 'A') < 26 ? (uint32_t)(c - 'A') : v;
    v = (uint8_t)(c - 'a') < 26 ? (uint32_t)(c - 'a' + 26) : v;
    v = (uint8_t)(c - '0') < 10 ? (uint32_t)(c - '0' + 52) : v;
    v = c == (is_url ? '-' : '+') ? 62 : v;
    return c == (is_url ? '_' : '/') ? 63 : v;
}

/* `in` without padding: 4k, 4k+2 or 4k+3 characters, no stray bits in the last. */
static RESULT base64_take(struct bytes in, bool is_url, struct buf *out)
{
    size_t rest = in.n % 4, n = in.n / 4 * 3 + (rest == 0 ? 0 : rest - 1);
    if (rest == 1) {
        return result_of(ERRC_FORMAT);
    }
    uint8_t *dst = buf_reserve(out, n);
    if (dst == NULL) {
        return buf_result(out);
    }
    uint32_t v = 0;
    unsigned bits = 0;
    size_t done = 0, i = 0;
    for (; in.n - i >= 4; i += 4) {
        uint32_t x = base64_value(in.p[i], is_url), y = base64_value(in.p[i + 1], is_url);
        uint32_t z = base64_value(in.p[i + 2], is_url), u = base64_value(in.p[i + 3], is_url);
        if ((x | y | z | u) > 63) {
            return result_of(ERRC_FORMAT);
        }
        v = x << 18 | y << 12 | z << 6 | u;
        dst[done++] = (uint8_t)(v >> 16);
        dst[done++] = (uint8_t)(v >> 8);
        dst[done++] = (uint8_t)v;
    }
    for (; i < in.n; i++) {
        uint32_t six = base64_value(in.p[i], is_url);
        if (six > 63) {
            return result_of(ERRC_FORMAT);
        }
        v = v << 6 | six;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            dst[done++] = (uint8_t)(v >> bits);
        }
    }
    if ((v & ((1U << bits) - 1)) != 0) {
        return result_of(ERRC_FORMAT);
    }
    buf_commit(out, done);
    return RESULT_OK;
}

RESULT base64_decode(struct bytes in, struct buf *out)
{
    if (in.n % 4 != 0) {
        return result_of(ERRC_FORMAT);
    }
    for (int i = 0; i < 2 && in.n > 0 && in.p[in.n - 1] == '='; i++) {
        in.n--;
    }
    return base64_take(in, false, out);
}

RESULT base64url_decode(struct bytes in, struct buf *out)
{
    return base64_take(in, true, out);
}

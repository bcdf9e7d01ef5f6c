/* UTF-8 (RFC 3629) and text for people's eyes. */
#include "base/text.h"

static bool is_continuation(uint8_t c)
{
    return (c & 0xC0) == 0x80;
}

size_t utf8_next(struct bytes in, uint32_t *ret)
{
    if (in.n == 0) {
        return 0;
    }
    uint8_t c = in.p[0];
    size_t n;
    uint32_t v, least;
    if (c < 0x80) {
        *ret = c;
        return 1;
    } else if (c >= 0xC2 && c < 0xE0) {
        n = 2, v = c & 0x1FU, least = 0x80;
    } else if (c >= 0xE0 && c < 0xF0) {
        n = 3, v = c & 0x0FU, least = 0x800;
    } else if (c >= 0xF0 && c < 0xF5) {
        n = 4, v = c & 0x07U, least = 0x10000;
    } else {
        return 0;
    }
    if (in.n < n) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if (!is_continuation(in.p[i])) {
            return 0;
        }
        v = v << 6 | (in.p[i] & 0x3FU);
    }
    if (v < least || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000)) {
        return 0;
    }
    *ret = v;
    return n;
}

bool utf8_is_valid(struct bytes in)
{
    size_t i = 0;
    while (i < in.n) {
        uint64_t word;
        if (in.n - i >= sizeof(word)) {
            memcpy(&word, in.p + i, sizeof(word));
            if ((word & 0x8080808080808080ULL) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        uint32_t v;
        size_t n = utf8_next(bytes_of(in.p + i, in.n - i), &v);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

static bool is_control(uint32_t v)
{
    return v < 0x20 || (v >= 0x7F && v < 0xA0);
}

/* Characters that change how the line around them is shown: line and paragraph separators,
 * direction marks. */
static bool is_layout(uint32_t v)
{
    return v == 0x200E || v == 0x200F || (v >= 0x2028 && v <= 0x202E) ||
           (v >= 0x2066 && v <= 0x2069);
}

bool text_is_printable(struct bytes in)
{
    while (in.n > 0) {
        uint32_t v;
        size_t n = utf8_next(in, &v);
        if (n == 0 || is_control(v)) {
            return false;
        }
        in = bytes_of(in.p + n, in.n - n);
    }
    return true;
}

void text_add_escaped(struct buf *out, struct bytes in, size_t max)
{
    static const char digits[] = "0123456789abcdef";
    size_t done = 0;
    while (done < in.n) {
        struct bytes rest = bytes_of(in.p + done, in.n - done);
        uint32_t v;
        size_t n = utf8_next(rest, &v);
        bool is_shown = n != 0 && !is_control(v) && !is_layout(v);
        n = n == 0 ? 1 : n;
        if (n > max - done) {
            buf_add_str(out, "...");
            return;
        }
        if (is_shown) {
            buf_add_mem(out, rest.p, n);
        } else {
            for (size_t i = 0; i < n; i++) {
                char hex[4] = { '\\', 'x', digits[rest.p[i] >> 4], digits[rest.p[i] & 15] };
                buf_add_mem(out, hex, sizeof(hex));
            }
        }
        done += n;
    }
}

/* Percent-encoding (RFC 3986). */
#include "base/text.h"

static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

RESULT percent_decode(struct bytes in, bool plus_is_space, struct buf *out)
{
    uint8_t *dst = buf_reserve(out, 0);
    if (dst == NULL) {
        return buf_result(out);
    }
    size_t start = out->n;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        if (c == '%') {
            struct bytes pair = bytes_slice(in, i + 1, i + 3);
            if (!result_is_ok(hex_decode(pair, &c, 1))) {
                if (out->err == ERRC_OK) {
                    out->n = start;
                }
                return result_of(ERRC_FORMAT);
            }
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        buf_add_u8(out, c);
    }
    return buf_result(out);
}

void buf_add_percent(struct buf *b, struct bytes in, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t from = 0;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        if (is_unreserved(c) || (c == '/' && keep_slash)) {
            continue;
        }
        buf_add(b, bytes_slice(in, from, i));
        char code[3] = { '%', digits[c >> 4], digits[c & 15] };
        buf_add_mem(b, code, sizeof(code));
        from = i + 1;
    }
    buf_add(b, bytes_slice(in, from, in.n));
}

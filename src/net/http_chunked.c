/*
 * The chunked transfer coding, RFC 9112 7.1, read strictly and byte by byte:
 *
 *   chunk   := size(1-16 hex digits) *(";" name ["=" token | quoted-string]) CRLF data CRLF
 *   body    := *chunk 1*"0" [extensions] CRLF *(name ":" value CRLF) CRLF
 *
 * No blanks in the size line, no CR or LF but in CRLF. Extensions and trailers are checked and
 * dropped.
 */
#include "net/http_parse.h"

enum state {
    SIZE,
    EXT_NAME,
    EXT_VALUE,
    EXT_TOKEN,
    EXT_QUOTED,
    EXT_ESCAPE,
    EXT_QUOTED_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    END,
    BROKEN,
};

enum { EXT_MAX = 256, TRAILER_MAX = 8192, SIZE_DIGITS_MAX = 16 };

void http_chunked_init(struct http_chunked *c)
{
    *c = (struct http_chunked){ .state = SIZE };
}

static bool is_token(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_text(uint8_t c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that ends a size, or an extension's name or value. */
static enum state size_end(uint8_t c)
{
    return c == ';' ? EXT_NAME : c == '\r' ? SIZE_LF : BROKEN;
}

static enum state size_step(struct http_chunked *c, uint8_t b)
{
    int v = hex_value(b);
    if (v < 0) {
        return c->line_n == 0 ? BROKEN : size_end(b);
    }
    if (++c->line_n > SIZE_DIGITS_MAX || c->left > (uint64_t)INT64_MAX >> 4) {
        return BROKEN;
    }
    c->left = c->left << 4 | (uint64_t)v;
    return SIZE;
}

static enum state ext_step(struct http_chunked *c, enum state at, uint8_t b)
{
    if (++c->ext_n > EXT_MAX) {
        return BROKEN;
    }
    switch (at) {
    case EXT_NAME:
        if (is_token(b)) {
            c->ext_has_name = true;
            return EXT_NAME;
        }
        if (!c->ext_has_name) {
            return BROKEN;
        }
        c->ext_has_name = false;
        return b == '=' ? EXT_VALUE : size_end(b);
    case EXT_VALUE:
        return b == '"' ? EXT_QUOTED : is_token(b) ? EXT_TOKEN : BROKEN;
    case EXT_TOKEN:
        return is_token(b) ? EXT_TOKEN : size_end(b);
    case EXT_QUOTED:
        return b == '"'     ? EXT_QUOTED_END
               : b == '\\'  ? EXT_ESCAPE
               : is_text(b) ? EXT_QUOTED
                            : BROKEN;
    case EXT_ESCAPE:
        return is_text(b) ? EXT_QUOTED : BROKEN;
    default:
        return size_end(b);
    }
}

static enum state trailer_step(struct http_chunked *c, enum state at, uint8_t b)
{
    if (++c->trailer_n > TRAILER_MAX) {
        return BROKEN;
    }
    switch (at) {
    case TRAILER_START:
        return b == '\r' ? END_LF : is_token(b) ? TRAILER_NAME : BROKEN;
    case TRAILER_NAME:
        return b == ':' ? TRAILER_VALUE : is_token(b) ? TRAILER_NAME : BROKEN;
    case TRAILER_VALUE:
        return b == '\r' ? TRAILER_LF : is_text(b) ? TRAILER_VALUE : BROKEN;
    default:
        return b == '\n' ? TRAILER_START : BROKEN;
    }
}

/* One byte of framing. */
static enum state step(struct http_chunked *c, uint8_t b)
{
    enum state at = (enum state)c->state;
    switch (at) {
    case SIZE:
        return size_step(c, b);
    case EXT_NAME:
    case EXT_VALUE:
    case EXT_TOKEN:
    case EXT_QUOTED:
    case EXT_ESCAPE:
    case EXT_QUOTED_END:
        return ext_step(c, at, b);
    case SIZE_LF:
        return b != '\n' ? BROKEN : c->left == 0 ? TRAILER_START : DATA;
    case DATA_CR:
        return b == '\r' ? DATA_LF : BROKEN;
    case DATA_LF:
        c->line_n = c->ext_n = 0;
        return b == '\n' ? SIZE : BROKEN;
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
        return trailer_step(c, at, b);
    case END_LF:
        return b == '\n' ? END : BROKEN;
    default:
        return BROKEN;
    }
}

RESULT http_chunked_decode(struct http_chunked *c, struct bytes in, uint8_t *dst, size_t cap,
                           size_t *ret_in, size_t *ret_out, bool *ret_end, struct error *e)
{
    size_t i = 0, out = 0;
    while (c->state != END) {
        if (c->state == DATA) {
            size_t n = MIN(in.n - i, cap - out);
            n = (size_t)MIN((uint64_t)n, c->left);
            if (n == 0) {
                break;
            }
            memcpy(dst + out, in.p + i, n);
            i += n;
            out += n;
            c->left -= n;
            if (c->left == 0) {
                c->state = DATA_CR;
            }
            continue;
        }
        if (i == in.n) {
            break;
        }
        c->state = (int)step(c, in.p[i]);
        if (c->state == BROKEN) {
            FAIL(e, ERRC_FORMAT, "chunked body: malformed framing");
        }
        i++;
    }
    *ret_in = i;
    *ret_out = out;
    *ret_end = c->state == END;
    return RESULT_OK;
}

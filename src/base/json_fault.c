/*
 * Where a JSON text goes wrong. Runs only for texts that were refused, to name the place; a plain
 * RFC 8259 reader without a tree. It also serves as the second opinion of the fuzz harness: what it
 * refuses, the parser must refuse.
 */
#include "base/json_priv.h"
#include "base/text.h"

struct reader {
    struct bytes in;
    size_t at;
    const char *what; /* set: refused at `at` */
};

static bool refuse(struct reader *r, const char *what)
{
    if (r->what == NULL) {
        r->what = what;
    }
    return false;
}

/* The next byte; 0 at the end (a NUL is never allowed either). */
static uint8_t peek(const struct reader *r)
{
    return r->at < r->in.n ? r->in.p[r->at] : 0;
}

static void skip_space(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r') {
        r->at++;
    }
}

static bool read_word(struct reader *r, const char *word)
{
    for (; *word != 0; word++, r->at++) {
        if (peek(r) != (uint8_t)*word) {
            return refuse(r, "expected a value");
        }
    }
    return true;
}

static bool read_digits(struct reader *r)
{
    if (peek(r) < '0' || peek(r) > '9') {
        return refuse(r, "expected a digit");
    }
    while (peek(r) >= '0' && peek(r) <= '9') {
        r->at++;
    }
    return true;
}

static bool read_number(struct reader *r)
{
    if (peek(r) == '-') {
        r->at++;
    }
    if (peek(r) == '0') {
        r->at++;
        if (peek(r) >= '0' && peek(r) <= '9') {
            return refuse(r, "a number with a leading zero");
        }
    } else if (!read_digits(r)) {
        return false;
    }
    if (peek(r) == '.') {
        r->at++;
        if (!read_digits(r)) {
            return false;
        }
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-') {
            r->at++;
        }
        return read_digits(r);
    }
    return true;
}

static bool read_escape(struct reader *r)
{
    r->at++;
    uint8_t c = peek(r);
    if (c == 'u') {
        uint8_t raw[2];
        if (!result_is_ok(hex_decode(bytes_slice(r->in, r->at + 1, r->at + 5), raw, sizeof(raw)))) {
            return refuse(r, "expected four hex digits behind \\u");
        }
        r->at += 5;
        return true;
    }
    if (c == 0 || bytes_index(BYTES_LIT("\"\\/bfnrt"), c) == 8) {
        return refuse(r, "an unknown escape");
    }
    r->at++;
    return true;
}

static bool read_string(struct reader *r)
{
    if (peek(r) != '"') {
        return refuse(r, "expected a string");
    }
    r->at++;
    while (r->at < r->in.n) {
        uint32_t v;
        size_t n = utf8_next(bytes_slice(r->in, r->at, r->in.n), &v);
        if (n == 0) {
            return refuse(r, "invalid UTF-8");
        }
        if (v == '"') {
            r->at++;
            return true;
        }
        if (v < 0x20) {
            return refuse(r, "a control character in a string");
        }
        if (v == '\\') {
            if (!read_escape(r)) {
                return false;
            }
        } else {
            r->at += n;
        }
    }
    return refuse(r, "a string without an end");
}

static bool read_value(struct reader *r, unsigned depth);

/* Items between brackets; the opening one is next. */
static bool read_items(struct reader *r, bool is_object, unsigned depth)
{
    uint8_t close = is_object ? '}' : ']';
    r->at++;
    skip_space(r);
    if (peek(r) == close) {
        r->at++;
        return true;
    }
    for (;;) {
        if (is_object) {
            skip_space(r);
            if (!read_string(r)) {
                return false;
            }
            skip_space(r);
            if (peek(r) != ':') {
                return refuse(r, "expected ':'");
            }
            r->at++;
        }
        if (!read_value(r, depth)) {
            return false;
        }
        skip_space(r);
        if (peek(r) == close) {
            r->at++;
            return true;
        }
        if (peek(r) != ',') {
            return refuse(r, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        r->at++;
    }
}

static bool read_value(struct reader *r, unsigned depth)
{
    skip_space(r);
    uint8_t c = peek(r);
    switch (c) {
    case '{':
    case '[':
        return depth == JSON_DEPTH_MAX ? refuse(r, "too deep") : read_items(r, c == '{', depth + 1);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    case 'n':
        return read_word(r, "null");
    default:
        return c == '-' || (c >= '0' && c <= '9') ? read_number(r) : refuse(r, "expected a value");
    }
}

size_t json_fault_at(struct bytes in, const char **ret_what)
{
    struct reader r = { .in = in };
    if (read_value(&r, 0)) {
        skip_space(&r);
        if (r.at == in.n) {
            return in.n + 1;
        }
        (void)refuse(&r, "expected the end");
    }
    *ret_what = r.what;
    return r.at;
}

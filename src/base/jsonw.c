/*
 * The JSON emitter. Strings are scanned eight bytes at a time; runs that need no escape are copied
 * whole. Escapes are those of RFC 8785: the short forms, else \u00xx in lower case.
 */
#include "base/json.h"

#include "base/text.h"

#include <assert.h>

/* 0: as it is; 'u': \u00xx; '8': part of a UTF-8 sequence, to be checked; else the letter behind
 * the backslash. */
static const uint8_t escape[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u',          [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', [0x08] = 'b', [0x09] = 't',  [0x0A] = 'n',          [0x0B] = 'u',
    [0x0C] = 'f', [0x0D] = 'r', [0x0E] = 'u', [0x0F] = 'u',  [0x10] = 'u',          [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u',          [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1A] = 'u', [0x1B] = 'u',  [0x1C] = 'u',          [0x1D] = 'u',
    [0x1E] = 'u', [0x1F] = 'u', ['"'] = '"',  ['\\'] = '\\', [0x80 ... 0xFF] = '8',
};

#define ONES 0x0101010101010101ULL
#define TOPS 0x8080808080808080ULL

/* Some byte of `w` is below 0x20, a quote, a backslash or above 0x7F. */
static bool word_needs_care(uint64_t w)
{
    uint64_t quote = w ^ (ONES * '"'), slash = w ^ (ONES * '\\');
    uint64_t low = (w - ONES * 0x20) | (quote - ONES) | (slash - ONES) | w;
    return (low & TOPS) != 0;
}

/* Length of the front of `in` that can be copied as it is. */
static size_t plain_run(struct bytes in)
{
    size_t i = 0;
    while (i < in.n) {
        uint64_t w;
        if (in.n - i >= sizeof(w)) {
            memcpy(&w, in.p + i, sizeof(w));
            if (!word_needs_care(w)) {
                i += sizeof(w);
                continue;
            }
        }
        uint8_t class = escape[in.p[i]];
        uint32_t v;
        size_t n = class == 0 ? 1 : class == '8' ? utf8_next(bytes_of(in.p + i, in.n - i), &v) : 0;
        if (n == 0) {
            break;
        }
        i += n;
    }
    return i;
}

/* A byte in front (0: none), the string, a byte behind (0: none): one reservation where nothing
 * needs an escape. */
static void add_string(struct buf *out, uint8_t before, struct bytes in, uint8_t after)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = plain_run(in);
    size_t room = n + 2 + (before != 0) + (n == in.n && after != 0);
    uint8_t *dst = buf_reserve(out, room), *at = dst;
    if (dst == NULL) {
        return;
    }
    if (before != 0) {
        *at++ = before;
    }
    *at++ = '"';
    if (n != 0) {
        memcpy(at, in.p, n);
        at += n;
    }
    if (n == in.n) {
        *at++ = '"';
        if (after != 0) {
            *at = after;
        }
        buf_commit(out, room);
        return;
    }
    buf_commit(out, (size_t)(at - dst));
    while (n < in.n) {
        uint8_t c = in.p[n], class = escape[c];
        if (class == '8') {
            buf_add_mem(out, "\xEF\xBF\xBD", 3);
        } else if (class == 'u') {
            char code[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
            buf_add_mem(out, code, sizeof(code));
        } else {
            char code[2] = { '\\', (char)class };
            buf_add_mem(out, code, sizeof(code));
        }
        in = bytes_of(in.p + n + 1, in.n - n - 1);
        n = plain_run(in);
        buf_add_mem(out, in.p, n);
    }
    buf_add_u8(out, '"');
    if (after != 0) {
        buf_add_u8(out, after);
    }
}

/* The byte that must stand before the next value or key: a comma or 0 for none. */
static uint8_t next_separator(struct jsonw *w)
{
    if (w->after_key) {
        w->after_key = false;
        return 0;
    }
    if (w->depth == 0) {
        return 0;
    }
    uint64_t bit = 1ULL << (w->depth - 1);
    bool is_first = (w->has_item & bit) == 0;
    w->has_item |= bit;
    return is_first ? 0 : ',';
}

static void begin_item(struct jsonw *w)
{
    uint8_t separator = next_separator(w);
    if (separator != 0) {
        buf_add_u8(w->out, separator);
    }
}

static void open_level(struct jsonw *w, uint8_t c)
{
    begin_item(w);
    assert(w->depth < JSON_DEPTH_MAX);
    w->depth++;
    w->has_item &= ~(1ULL << (w->depth - 1));
    buf_add_u8(w->out, c);
}

static void close_level(struct jsonw *w, uint8_t c)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_add_u8(w->out, c);
}

void jsonw_init(struct jsonw *w, struct buf *out)
{
    *w = (struct jsonw){ .out = out };
}

void jsonw_object(struct jsonw *w)
{
    open_level(w, '{');
}

void jsonw_object_end(struct jsonw *w)
{
    close_level(w, '}');
}

void jsonw_array(struct jsonw *w)
{
    open_level(w, '[');
}

void jsonw_array_end(struct jsonw *w)
{
    close_level(w, ']');
}

void jsonw_key(struct jsonw *w, const char *key)
{
    jsonw_key_bytes(w, bytes_str(key));
}

void jsonw_key_bytes(struct jsonw *w, struct bytes key)
{
    assert(!w->after_key && w->depth > 0);
    add_string(w->out, next_separator(w), key, ':');
    w->after_key = true;
}

void jsonw_str(struct jsonw *w, struct bytes v)
{
    add_string(w->out, next_separator(w), v, 0);
}

void jsonw_cstr(struct jsonw *w, const char *v)
{
    jsonw_str(w, bytes_str(v));
}

void jsonw_u64(struct jsonw *w, uint64_t v)
{
    begin_item(w);
    buf_add_u64_dec(w->out, v);
}

void jsonw_i64(struct jsonw *w, int64_t v)
{
    begin_item(w);
    if (v < 0) {
        buf_add_u8(w->out, '-');
    }
    buf_add_u64_dec(w->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void jsonw_bool(struct jsonw *w, bool v)
{
    begin_item(w);
    buf_add(w->out, v ? BYTES_LIT("true") : BYTES_LIT("false"));
}

void jsonw_null(struct jsonw *w)
{
    begin_item(w);
    buf_add(w->out, BYTES_LIT("null"));
}

void jsonw_base64(struct jsonw *w, struct bytes v)
{
    begin_item(w);
    buf_add_u8(w->out, '"');
    buf_add_base64(w->out, v);
    buf_add_u8(w->out, '"');
}

void jsonw_hex(struct jsonw *w, struct bytes v)
{
    begin_item(w);
    buf_add_u8(w->out, '"');
    buf_add_hex(w->out, v);
    buf_add_u8(w->out, '"');
}

void jsonw_raw(struct jsonw *w, struct bytes json)
{
    begin_item(w);
    buf_add(w->out, json);
}

void jsonw_kv_str(struct jsonw *w, const char *key, struct bytes v)
{
    jsonw_key(w, key);
    jsonw_str(w, v);
}

void jsonw_kv_cstr(struct jsonw *w, const char *key, const char *v)
{
    jsonw_key(w, key);
    jsonw_cstr(w, v);
}

void jsonw_kv_u64(struct jsonw *w, const char *key, uint64_t v)
{
    jsonw_key(w, key);
    jsonw_u64(w, v);
}

void jsonw_kv_bool(struct jsonw *w, const char *key, bool v)
{
    jsonw_key(w, key);
    jsonw_bool(w, v);
}

void jsonw_kv_base64(struct jsonw *w, const char *key, struct bytes v)
{
    jsonw_key(w, key);
    jsonw_base64(w, v);
}

void jsonw_kv_hex(struct jsonw *w, const char *key, struct bytes v)
{
    jsonw_key(w, key);
    jsonw_hex(w, v);
}

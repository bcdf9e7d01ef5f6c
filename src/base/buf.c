/*
 * The growing buffer. Invariants, checked on every growth:
 *  1. n <= cap, n <= max; cap <= max + 1 (one byte for the terminator of buf_cstr and buf_take).
 *  2. once err is set, n is 0 and nothing is added until buf_reset or buf_done.
 *  3. a secret buffer never leaves a copy behind: moved by copy, wiped, freed.
 */
#include "base/buf.h"

#include "base/num_priv.h"

#include <assert.h>
#include <stdio.h>

#define BUF_FIRST_BYTES 64

static void buf_fail(struct buf *b, enum errc err)
{
    if (b->err == ERRC_OK) {
        b->err = err;
    }
    if (b->is_secret && b->p != NULL) {
        mem_wipe(b->p, b->n);
    }
    b->n = 0;
}

static bool buf_move(struct buf *b, size_t cap)
{
    void *p = NULL;
    if (!b->is_secret) {
        if (!result_is_ok(mem_try_realloc(b->p, cap, &p))) {
            return false;
        }
    } else {
        if (!result_is_ok(mem_try_alloc(cap, &p))) {
            return false;
        }
        if (b->p != NULL) {
            memcpy(p, b->p, b->n);
            mem_wipe(b->p, b->cap);
            mem_free(b->p);
        }
    }
    b->p = p;
    b->cap = cap;
    return true;
}

/* Makes room for `n` more bytes and, when with_nul, a terminator behind them. */
static bool buf_grow(struct buf *b, size_t n, bool with_nul)
{
    assert(b->n <= b->cap && b->n <= b->max);
    if (b->err != ERRC_OK) {
        return false;
    }
    if (n > b->max - b->n) {
        buf_fail(b, ERRC_LIMIT);
        return false;
    }
    size_t most = b->max == SIZE_MAX ? SIZE_MAX : b->max + 1;
    size_t need;
    if (__builtin_add_overflow(b->n + n, with_nul ? 1U : 0U, &need)) {
        buf_fail(b, ERRC_LIMIT);
        return false;
    }
    if (b->p != NULL && need <= b->cap) {
        return true;
    }
    size_t cap = MAX(need, BUF_FIRST_BYTES);
    cap = MAX(cap, b->cap > most / 2 ? most : 2 * b->cap);
    if (!buf_move(b, MIN(cap, most))) {
        buf_fail(b, ERRC_NOMEM);
        return false;
    }
    return true;
}

void buf_done(struct buf *b)
{
    if (b->p != NULL && b->is_secret) {
        mem_wipe(b->p, b->cap);
    }
    mem_free(b->p);
    b->p = NULL;
    b->n = b->cap = 0;
    b->err = ERRC_OK;
}

void buf_reset(struct buf *b)
{
    if (b->p != NULL && b->is_secret) {
        mem_wipe(b->p, b->n);
    }
    b->n = 0;
    b->err = ERRC_OK;
}

RESULT buf_result(const struct buf *b)
{
    return result_of(b->err);
}

struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->p, b->n);
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (__builtin_expect(
                b->p != NULL && n <= b->cap - b->n && n <= b->max - b->n && b->err == ERRC_OK, 1)) {
        return b->p + b->n;
    }
    return buf_grow(b, n, false) ? b->p + b->n : NULL;
}

void buf_commit(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->n && n <= b->max - b->n);
    b->n += n;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0) {
        return;
    }
    size_t rest = b->n - n;
    memmove(b->p, b->p + n, rest);
    if (b->is_secret) {
        mem_wipe(b->p + rest, n);
    }
    b->n = rest;
}

void buf_add_mem(struct buf *b, const void *p, size_t n)
{
    uint8_t *dst = buf_reserve(b, n);
    if (dst != NULL && n != 0) {
        memcpy(dst, p, n);
        b->n += n;
    }
}

void buf_add(struct buf *b, struct bytes v)
{
    buf_add_mem(b, v.p, v.n);
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add_mem(b, s, strlen(s));
}

void buf_add_u8(struct buf *b, uint8_t v)
{
    uint8_t *dst = buf_reserve(b, 1);
    if (dst != NULL) {
        *dst = v;
        b->n++;
    }
}

void buf_add_be16(struct buf *b, uint16_t v)
{
    uint8_t raw[2];
    put_be16(raw, v);
    buf_add_mem(b, raw, sizeof(raw));
}

void buf_add_be32(struct buf *b, uint32_t v)
{
    uint8_t raw[4];
    put_be32(raw, v);
    buf_add_mem(b, raw, sizeof(raw));
}

void buf_add_be64(struct buf *b, uint64_t v)
{
    uint8_t raw[8];
    put_be64(raw, v);
    buf_add_mem(b, raw, sizeof(raw));
}

void buf_add_be16_prefixed(struct buf *b, struct bytes v)
{
    if (v.n > UINT16_MAX) {
        buf_fail(b, ERRC_LIMIT);
        return;
    }
    buf_add_be16(b, (uint16_t)v.n);
    buf_add(b, v);
}

void buf_add_be32_prefixed(struct buf *b, struct bytes v)
{
    if (v.n > UINT32_MAX) {
        buf_fail(b, ERRC_LIMIT);
        return;
    }
    buf_add_be32(b, (uint32_t)v.n);
    buf_add(b, v);
}

void buf_add_u64_dec(struct buf *b, uint64_t v)
{
    char digits[NUM_DEC_MAX];
    char *from = num_dec(v, digits);
    buf_add_mem(b, from, (size_t)(digits + NUM_DEC_MAX - from));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_addfv(b, fmt, ap);
    va_end(ap);
}

void buf_addfv(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    char probe[1];
    int n = vsnprintf(probe, sizeof(probe), fmt, ap);
    if (n < 0) {
        buf_fail(b, ERRC_FORMAT);
    } else if (buf_grow(b, (size_t)n, true)) {
        (void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

const char *buf_cstr(struct buf *b)
{
    if (!buf_grow(b, 0, true)) {
        return NULL;
    }
    b->p[b->n] = 0;
    return (const char *)b->p;
}

RESULT buf_take(struct buf *b, char **ret, size_t *ret_n)
{
    if (buf_cstr(b) == NULL) {
        return result_of(b->err);
    }
    *ret = (char *)b->p;
    *ret_n = b->n;
    b->p = NULL;
    b->n = b->cap = 0;
    return RESULT_OK;
}

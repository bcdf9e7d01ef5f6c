/*
 * A growing buffer that defends itself: created with its greatest length, refuses to pass it.
 * Appends return nothing: the first failure (limit or memory) sticks, later appends do nothing, and
 * buf_result tells. Embedded object: BUF(n) or buf_init, then buf_done.
 */
#ifndef TROTH_BASE_BUF_H
#define TROTH_BASE_BUF_H

#include "base/bytes.h"
#include "base/mem.h"

struct buf {
    uint8_t *p;
    size_t n;       /* bytes used */
    size_t cap;     /* bytes allocated */
    size_t max;     /* greatest n */
    bool is_secret; /* wiped when moved and freed */
    enum errc err;  /* sticky */
};

#define BUF(max_bytes)        ((struct buf){ .max = (max_bytes) })
#define BUF_SECRET(max_bytes) ((struct buf){ .max = (max_bytes), .is_secret = true })

void buf_done(struct buf *b); /* frees; b may be used again */
DEFINE_CLEANUP_DONE(buf_done, struct buf)
void buf_reset(struct buf *b); /* n = 0, error cleared, memory kept */
RESULT buf_result(const struct buf *b);
/*
 * The contents; valid until the next change. Empty when an append failed: check buf_result first.
 */
struct bytes buf_bytes(const struct buf *b);
/* Room for n more bytes, contiguous; NULL when refused. Then buf_commit what was written. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
void buf_consume(struct buf *b, size_t n); /* drops from the front */
void buf_add(struct buf *b, struct bytes v);
void buf_add_mem(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_add_be16(struct buf *b, uint16_t v);
void buf_add_be32(struct buf *b, uint32_t v);
void buf_add_be64(struct buf *b, uint64_t v);
void buf_add_be16_prefixed(struct buf *b, struct bytes v); /* ERRC_LIMIT past 65,535 */
void buf_add_be32_prefixed(struct buf *b, struct bytes v);
void buf_add_u64_dec(struct buf *b, uint64_t v);
__attribute__((format(printf, 2, 3))) void buf_addf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void buf_addfv(struct buf *b, const char *fmt, va_list ap);
/* The contents with a terminating NUL that is not counted in n. NULL when an append failed. */
const char *buf_cstr(struct buf *b);
/* Hands the memory over (terminated by NUL); the buffer is empty afterwards. Free with mem_free. */
RESULT buf_take(struct buf *b, char **ret, size_t *ret_n);

#endif

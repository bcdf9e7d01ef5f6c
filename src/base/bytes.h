/*
 * Borrowed bytes: a pointer and a length, never terminated, never owned. Parsers consume a `struct
 * bytes` from the front and must end with nothing left. Integers are big-endian unless the name
 * says le.
 */
#ifndef TROTH_BASE_BYTES_H
#define TROTH_BASE_BYTES_H

#include "base/error.h"

#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p;
    size_t n;
};

#define BYTES_LIT(s)    ((struct bytes){ (const uint8_t *)("" s), sizeof(s) - 1 })
#define BYTES_OF(array) ((struct bytes){ (const uint8_t *)(array), sizeof(array) })
#define BYTES_NONE      ((struct bytes){ NULL, 0 })
/* For printf: "%.*s", BYTES_FMT(b) */
#define BYTES_FMT(b) (int)(b).n, (const char *)(b).p

static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){ (const uint8_t *)p, n };
}

static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, s == NULL ? 0 : strlen(s) };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool bytes_equal_str(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_str(s));
}

bool bytes_equal_nocase(struct bytes a, struct bytes b); /* ASCII only */
bool bytes_equal_str_nocase(struct bytes a, const char *s);
int bytes_compare(struct bytes a, struct bytes b); /* unsigned bytes, shorter first */
bool bytes_has_prefix(struct bytes a, struct bytes prefix);
bool bytes_has_suffix(struct bytes a, struct bytes suffix);
/* Index of the first `c`, or a.n. */
size_t bytes_index(struct bytes a, uint8_t c);
/* Index of the first occurrence of `needle`, or a.n. */
size_t bytes_find(struct bytes a, struct bytes needle);
struct bytes bytes_slice(struct bytes a, size_t from, size_t to); /* clamped */
struct bytes bytes_trim(struct bytes a, const char *set);
/*
 * Splits at the first `c`: *ret_head before it, returns true and leaves the rest in *in; false if
 * absent (all of it is head).
 */
bool bytes_split(struct bytes *in, uint8_t c, struct bytes *ret_head);

/* Taking from the front. ERRC_FORMAT when too short. */
RESULT bytes_take(struct bytes *in, size_t n, struct bytes *ret);
RESULT bytes_take_copy(struct bytes *in, void *dst, size_t n);
RESULT bytes_take_u8(struct bytes *in, uint8_t *ret);
RESULT bytes_take_be16(struct bytes *in, uint16_t *ret);
RESULT bytes_take_be32(struct bytes *in, uint32_t *ret);
RESULT bytes_take_be64(struct bytes *in, uint64_t *ret);
RESULT bytes_take_be16_prefixed(struct bytes *in, struct bytes *ret);
RESULT bytes_take_be32_prefixed(struct bytes *in, struct bytes *ret);
RESULT bytes_take_end(struct bytes in); /* ERRC_FORMAT unless nothing is left */

static inline void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, (uint16_t)(v >> 16));
    put_be16(p + 2, (uint16_t)v);
}
static inline void put_be64(uint8_t *p, uint64_t v)
{
    put_be32(p, (uint32_t)(v >> 32));
    put_be32(p + 4, (uint32_t)v);
}
static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}
static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}
static inline uint64_t get_be64(const uint8_t *p)
{
    return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

#endif

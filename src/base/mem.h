/*
 * Memory. Sizes that the code bounds abort on failure (mem_*); sizes that a client chose are
 * checked against a limit first and then taken with mem_try_*. Functions are opaque on purpose (see
 * style notes on analysers).
 */
#ifndef TROTH_BASE_MEM_H
#define TROTH_BASE_MEM_H

#include "base/error.h"

#include <stddef.h>

void *mem_alloc(size_t n);               /* n may be 0; never NULL */
void *mem_zalloc(size_t n);              /* zeroed */
void *mem_calloc(size_t n, size_t size); /* zeroed, overflow checked; aborts */
void *mem_realloc(void *p, size_t n);
void *mem_dup(const void *p, size_t n);
char *mem_strdup(const char *s);
__attribute__((format(printf, 1, 2))) char *mem_printf(const char *fmt, ...);
void mem_free(void *p); /* NULL allowed */

RESULT mem_try_alloc(size_t n, void **ret); /* ERRC_NOMEM */
RESULT mem_try_realloc(void *p, size_t n, void **ret);

/* Page-aligned memory for O_DIRECT. `n` is a multiple of 4096. Freed with mem_free. */
RESULT mem_try_aligned(size_t n, void **ret);

/* Overwrites; never optimised away. */
void mem_wipe(void *p, size_t n);

/* Constant time in the contents. */
bool mem_equal_ct(const void *a, const void *b, size_t n);

/*
 * Owning locals: CLEANUP(mem_free_p) char *s = ...;  Handing over: return TAKE(s).
 * DEFINE_CLEANUP(buf_free, struct buf *) defines buf_free_p(struct buf **).
 */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) take_p_ = (p);                                                               \
        (p) = NULL;                                                                                \
        take_p_;                                                                                   \
    })
#define DEFINE_CLEANUP(fn, type)                                                                   \
    static inline __attribute__((unused)) void fn##_p(type *p)                                     \
    {                                                                                              \
        fn(*p);                                                                                    \
    }
/*
 * For embedded objects: DEFINE_CLEANUP_DONE(buf_done, struct buf) defines buf_done_p(struct buf *).
 */
#define DEFINE_CLEANUP_DONE(fn, type)                                                              \
    static inline __attribute__((unused)) void fn##_p(type *p)                                     \
    {                                                                                              \
        fn(p);                                                                                     \
    }

static inline void mem_free_p(void *p)
{
    mem_free(*(void **)p);
}

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif

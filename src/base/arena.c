/* The arena: a chain of blocks, newest first; what is larger than a block gets one of its own. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_ALIGN     16
#define ARENA_BLOCK_MIN 256

struct arena_block {
    struct arena_block *older;
    size_t cap, used;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

struct arena {
    struct arena_block *newest;
    struct arena_block *first; /* the oldest; kept by arena_reset */
    size_t block_bytes;
    size_t used;
    bool is_secret;
};

static struct arena_block *block_new(size_t cap, struct arena_block *older)
{
    struct arena_block *b = mem_alloc(sizeof(*b) + cap);
    b->older = older;
    b->cap = cap;
    b->used = 0;
    return b;
}

static void block_free(const struct arena *a, struct arena_block *b)
{
    if (a->is_secret) {
        mem_wipe(b->data, b->used);
    }
    mem_free(b);
}

struct arena *arena_new(size_t block_bytes, bool is_secret)
{
    struct arena *a = mem_zalloc(sizeof(*a));
    a->block_bytes = MAX(block_bytes, ARENA_BLOCK_MIN);
    a->is_secret = is_secret;
    a->first = a->newest = block_new(a->block_bytes, NULL);
    return a;
}

void arena_reset(struct arena *a)
{
    while (a->newest != a->first) {
        struct arena_block *b = a->newest;
        a->newest = b->older;
        block_free(a, b);
    }
    if (a->is_secret) {
        mem_wipe(a->first->data, a->first->used);
    }
    a->first->used = 0;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    if (a == NULL) {
        return;
    }
    arena_reset(a);
    mem_free(a->first);
    mem_free(a);
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2) {
        abort();
    }
    size_t room = (MAX(n, 1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_block *b = a->newest;
    if (room > b->cap - b->used) {
        if (room > a->block_bytes / 2 && b != a->first) {
            /* A large piece goes behind the newest block, so that the rest of that one stays in
             * use. */
            struct arena_block *own = block_new(room, b->older);
            b->older = own;
            b = own;
        } else {
            b = a->newest = block_new(MAX(room, a->block_bytes), b);
        }
    }
    void *p = b->data + b->used;
    b->used += room;
    a->used += room;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    memset(p, 0, n);
    return p;
}

struct bytes arena_bytes(struct arena *a, struct bytes v)
{
    uint8_t *p = arena_alloc(a, v.n);
    if (v.n != 0) {
        memcpy(p, v.p, v.n);
    }
    return bytes_of(p, v.n);
}

char *arena_str(struct arena *a, struct bytes v)
{
    char *s = arena_alloc(a, v.n + 1);
    if (v.n != 0) {
        memcpy(s, v.p, v.n);
    }
    s[v.n] = 0;
    return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char probe[1];
    int n = vsnprintf(probe, sizeof(probe), fmt, ap);
    va_end(ap);
    char *s = arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
    s[0] = 0;
    if (n > 0) {
        (void)vsnprintf(s, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return s;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

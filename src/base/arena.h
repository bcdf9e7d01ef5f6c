/*
 * An arena: what belongs to one request, freed whole. Marked secret, it is wiped on reset and free.
 * Aborts on failure: its sizes are bounded by the request's own limits.
 */
#ifndef TROTH_BASE_ARENA_H
#define TROTH_BASE_ARENA_H

#include "base/bytes.h"
#include "base/mem.h"

struct arena;

struct arena *arena_new(size_t block_bytes, bool is_secret);
void arena_free(struct arena *a);
DEFINE_CLEANUP(arena_free, struct arena *)
void arena_reset(struct arena *a);            /* keeps the first block */
void *arena_alloc(struct arena *a, size_t n); /* aligned to 16 */
void *arena_zalloc(struct arena *a, size_t n);
struct bytes arena_bytes(struct arena *a, struct bytes v); /* a copy */
char *arena_str(struct arena *a, struct bytes v);          /* a terminated copy */
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);
size_t arena_used(const struct arena *a);

#endif

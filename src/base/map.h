/*
 * A hash table from bytes to pointers; SipHash with a random key per table, so that strangers can't
 * choose collisions. Keys are copied.
 */
#ifndef TROTH_BASE_MAP_H
#define TROTH_BASE_MAP_H

#include "base/bytes.h"
#include "base/mem.h"

struct map;

#define SIPHASH_KEY_BYTES 16
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_BYTES], struct bytes in);

struct map *map_new(void);
void map_free(struct map *m, void (*free_value)(void *)); /* free_value may be NULL */
void *map_get(const struct map *m, struct bytes key);     /* NULL when absent */
void *map_set(struct map *m, struct bytes key,
              void *value);                     /* returns the value it replaced; value not NULL */
void *map_del(struct map *m, struct bytes key); /* returns the value removed */
size_t map_count(const struct map *m);
/* Start with *it = 0; false at the end. Not across changes. */
bool map_next(const struct map *m, size_t *it, struct bytes *ret_key, void **ret_value);

#endif

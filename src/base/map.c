/*
 * The hash table: open addressing, linear probing, at most 3/4 full; deleting shifts back what
 * follows, so there are no tombstones. Hash: SipHash-2-4 (Aumasson and Bernstein 2012) under a
 * random key.
 */
#include "base/map.h"

#include "base/rng.h"

#include <assert.h>

#define MAP_FIRST_SLOTS 16

struct slot {
    uint8_t *key; /* NULL: free */
    size_t key_n;
    uint64_t hash;
    void *value;
};

struct map {
    struct slot *slots;
    size_t n_slots; /* a power of two */
    size_t count;
    uint8_t sip_key[SIPHASH_KEY_BYTES];
};

static uint64_t get_le64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) {
        v = v << 8 | p[i];
    }
    return v;
}

static uint64_t rotl(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_BYTES], struct bytes in)
{
    uint64_t k0 = get_le64(key), k1 = get_le64(key + 8);
    uint64_t v[4] = { k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
                      k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL };
    uint64_t last = (uint64_t)in.n << 56;
    size_t i = 0;
    for (; in.n - i >= 8; i += 8) {
        uint64_t m = get_le64(in.p + i);
        v[3] ^= m;
        sip_round(v);
        sip_round(v);
        v[0] ^= m;
    }
    for (unsigned shift = 0; i < in.n; i++, shift += 8) {
        last |= (uint64_t)in.p[i] << shift;
    }
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int round = 0; round < 4; round++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void)
{
    struct map *m = mem_zalloc(sizeof(*m));
    rng_fill(&rng_system, m->sip_key, sizeof(m->sip_key));
    m->n_slots = MAP_FIRST_SLOTS;
    m->slots = mem_calloc(m->n_slots, sizeof(*m->slots));
    return m;
}

void map_free(struct map *m, void (*free_value)(void *))
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->n_slots; i++) {
        if (m->slots[i].key != NULL) {
            mem_free(m->slots[i].key);
            if (free_value != NULL) {
                free_value(m->slots[i].value);
            }
        }
    }
    mem_free(m->slots);
    mem_free(m);
}

/* The slot of `key`, or the free one where it would stand. */
static size_t map_find(const struct map *m, struct bytes key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->n_slots - 1);
    while (m->slots[i].key != NULL) {
        const struct slot *s = &m->slots[i];
        if (s->hash == hash && bytes_equal(bytes_of(s->key, s->key_n), key)) {
            break;
        }
        i = (i + 1) & (m->n_slots - 1);
    }
    return i;
}

static void map_grow(struct map *m)
{
    struct slot *old = m->slots;
    size_t n_old = m->n_slots;
    m->n_slots = 2 * n_old;
    m->slots = mem_calloc(m->n_slots, sizeof(*m->slots));
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].key != NULL) {
            m->slots[map_find(m, bytes_of(old[i].key, old[i].key_n), old[i].hash)] = old[i];
        }
    }
    mem_free(old);
}

void *map_get(const struct map *m, struct bytes key)
{
    return m->slots[map_find(m, key, siphash24(m->sip_key, key))].value;
}

void *map_set(struct map *m, struct bytes key, void *value)
{
    assert(value != NULL);
    uint64_t hash = siphash24(m->sip_key, key);
    struct slot *s = &m->slots[map_find(m, key, hash)];
    if (s->key != NULL) {
        void *old = s->value;
        s->value = value;
        return old;
    }
    if (m->count + 1 > m->n_slots / 4 * 3) {
        map_grow(m);
        s = &m->slots[map_find(m, key, hash)];
    }
    *s = (struct slot){ mem_dup(key.p, key.n), key.n, hash, value };
    m->count++;
    return NULL;
}

void *map_del(struct map *m, struct bytes key)
{
    size_t mask = m->n_slots - 1, hole = map_find(m, key, siphash24(m->sip_key, key));
    void *value = m->slots[hole].value;
    if (m->slots[hole].key == NULL) {
        return NULL;
    }
    mem_free(m->slots[hole].key);
    for (size_t i = (hole + 1) & mask; m->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = (size_t)m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its probe path leads over the hole */
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct slot){ 0 };
    m->count--;
    return value;
}

size_t map_count(const struct map *m)
{
    return m->count;
}

bool map_next(const struct map *m, size_t *it, struct bytes *ret_key, void **ret_value)
{
    for (; *it < m->n_slots; (*it)++) {
        const struct slot *s = &m->slots[*it];
        if (s->key != NULL) {
            *ret_key = bytes_of(s->key, s->key_n);
            *ret_value = s->value;
            (*it)++;
            return true;
        }
    }
    return false;
}

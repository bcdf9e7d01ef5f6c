/*
 * Randomness as an argument. rng_system is getrandom(2), pooled per thread, fork-safe; a failure
 * aborts the process.
 */
#ifndef TROTH_BASE_RNG_H
#define TROTH_BASE_RNG_H

#include "base/bytes.h"

struct rng {
    void (*fill)(const struct rng *r, void *dst, size_t n);
};

extern const struct rng rng_system;

/* Deterministic (xoshiro256**), for tests only: never for keys. */
struct rng_test {
    struct rng base;
    uint64_t s[4];
};
void rng_test_init(struct rng_test *r, uint64_t seed);

static inline void rng_fill(const struct rng *r, void *dst, size_t n)
{
    r->fill(r, dst, n);
}
uint64_t rng_u64(const struct rng *r);
uint64_t rng_below(const struct rng *r, uint64_t limit); /* uniform, limit > 0 */

#endif

/*
 * Secrets: the only home of key material. Locked, left out of core dumps, guarded by inaccessible
 * pages where `struct secret` is allocated with secret_new; wiped when freed. No print function
 * exists.
 */
#ifndef TROTH_BASE_SECRET_H
#define TROTH_BASE_SECRET_H

#include "base/bytes.h"
#include "base/mem.h"

struct secret;

/*
 * About 10 us and at least one locked page each (RLIMIT_MEMLOCK counts them): for keys that stay. n
 * in 1..65536. ERRC_NOMEM when memory can't be locked.
 */
RESULT secret_new(size_t n, struct secret **ret);
RESULT secret_of(struct bytes v, struct secret **ret); /* copies; the caller wipes its own */
void secret_free(struct secret *s);
DEFINE_CLEANUP(secret_free, struct secret *)
uint8_t *secret_data(struct secret *s);
size_t secret_len(const struct secret *s);
struct bytes secret_bytes(const struct secret *s);
bool secret_equal(const struct secret *a, struct bytes b);

/* A 256-bit key on the stack or in an object that is wiped by its owner. */
#define KEY256_BYTES 32
struct key256 {
    uint8_t b[KEY256_BYTES];
};
static inline void key256_wipe(struct key256 *k)
{
    mem_wipe(k, sizeof(*k));
}
static inline struct bytes key256_bytes(const struct key256 *k)
{
    return bytes_of(k->b, sizeof(k->b));
}
/* CLEANUP(key256_wipe) struct key256 k; */

/* This process: not dumpable, core size 0. Called first in every process that holds secrets. */
RESULT secret_harden_process(struct error *e);

#endif

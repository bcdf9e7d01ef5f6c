/* A vault on a file system in memory, with the doubles of keeper and scribe, and short forms of its
 * acts. */
#ifndef TROTH_TESTS_VAULT_KIT_H
#define TROTH_TESTS_VAULT_KIT_H

#include "testkit.h"

#include "fakes.h"
#include "vault/vault.h"

#define DEFAULT_KEY "11111111-2222-4333-8444-555555555555"

struct kit {
    struct fs *fs;
    struct db *db;
    struct vault *vault;
    struct clock_fake clock;
    struct pool *pool;
    struct rpc_client *keeper, *scribe;
    struct arena *arena;
    struct vault_ctx cx;
    struct vault_bucket bucket; /* "data" */
    uint64_t buffer_bytes, reserve_bytes, pack_bytes;
};

void kit_open(struct kit *k, uint64_t capacity);
void kit_close(struct kit *k);
/* Closes db and vault, opens them again on the same files. */
void kit_start(struct kit *k);
struct result kit_try_start(struct kit *k, struct error *e);
void kit_stop(struct kit *k);
/* The power goes: all that was not synced is at risk. Then kit_start. */
void kit_power_loss(struct kit *k, uint64_t seed);

/* `n` bytes that depend on seed and place. */
void kit_fill(uint8_t *p, size_t n, uint64_t seed, uint64_t at);
struct result kit_put(struct kit *k, const char *key, struct bytes data, struct error *e);
struct result kit_put_unknown(struct kit *k, const char *key, struct bytes data, struct error *e);
/* The whole object; freed by the caller with mem_free. */
struct result kit_get(struct kit *k, const char *key, uint8_t **ret, size_t *ret_n,
                      struct error *e);
struct result kit_get_range(struct kit *k, const char *key, uint64_t from, uint64_t n,
                            uint8_t **ret, size_t *ret_n, struct error *e);
struct result kit_delete(struct kit *k, const char *key, struct error *e);
void kit_housekeep(struct kit *k); /* until there is nothing more to do, an hour later */
size_t kit_count_files(struct kit *k, const char *folder); /* and below */

#endif

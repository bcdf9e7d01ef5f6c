/* What the files of the vault share. */
#ifndef TROTH_VAULT_VAULT_PRIV_H
#define TROTH_VAULT_VAULT_PRIV_H

#include "base/map.h"
#include "vault/blob.h"
#include "vault/buffers.h"
#include "vault/pack.h"
#include "vault/payload.h"
#include "vault/vault.h"

#include <pthread.h>

#define MIB (1024 * 1024ull)

struct vault {
    struct vault_config config;
    struct buffers *buffers;
    struct packs *packs;
    pthread_mutex_t lock;            /* logs, pins */
    struct map *logs;                /* tenant -> struct log_state (act.c) */
    struct map *pins;                /* chain id, 8 bytes -> count, of chains being read */
    uint64_t settle_round;           /* from 1 */
    int64_t gc_cursor;               /* housekeeping's place in `gc` */
    _Atomic uint64_t reader_buffers; /* of large reads, in use (window.c) */
    _Atomic int64_t ample_until_ms;  /* monotonic: until then space need not be asked for */
};

/* One blob and where it lies, as its row says. */
struct extent {
    int64_t id;
    struct blob_uid uid;
    struct pack_place place; /* pack 0: a file; n is unused then */
    uint64_t size;           /* plain bytes */
    enum crypto_suite suite;
    struct key_ref ref;
    char custodian[KEY_CUSTODIAN_MAX];
    uint8_t prefix[STREAM_PREFIX];
    uint8_t wrapped[KEY_WRAPPED_MAX];
    size_t wrapped_n;
    int64_t chain; /* not 0: the object is a chain, and id is 0 */
};

/* ERRC_FULL when `bytes` more would reach the reserve. */
RESULT vault_check_space(struct vault *v, uint64_t bytes, struct error *e);
/* UTF-8, 1..1024 bytes: ERRC_RANGE, ERRC_LIMIT. */
RESULT vault_check_key(struct bytes key, struct error *e);
RESULT vault_unlink_blob(struct vault *v, const struct blob_uid *uid,
                         struct error *e); /* missing is fine; waits in the pool */

/* Readers of a chain, so that its files stay. */
void vault_pin_chain(struct vault *v, int64_t chain);
void vault_unpin_chain(struct vault *v, int64_t chain);
bool vault_chain_is_pinned(struct vault *v, int64_t chain);

#endif

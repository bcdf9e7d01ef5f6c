/*
 * The keyring: everything secret that the keeper keeps, in DIR/keeper (docs/formats/keyring.md):
 *
 *   keyring      records, each with its secret boxed under the wrapping key of the epoch; the whole
 *   authenticated.
 *                Written anew and atomically at every change: after a crash it is the old or the
 *                new one.
 *   epoch        the secret of the epoch, overwritten in place when a key is destroyed: older
 *   copies of the keyring can't be
 *                opened any more, even with the root key (but with a copy of this file as well)
 *   checkpoints  the newest checkpoint signed for each log (keys/checkpoints.h)
 *
 * Invariants: 1. what a function reports as done is durable. 2. A change whose write failed is
 * undone by reading the files again; while that fails too, every call gives ERRC_IO. 3. No secret
 * is in memory longer than a call, but the root key, the wrapping keys and the prepared keys of
 * versions in use.
 *
 * Single-threaded. Blocks in file functions when something changes.
 */
#ifndef TROTH_KEYS_KEYRING_H
#define TROTH_KEYS_KEYRING_H

#include "base/clock.h"
#include "base/rng.h"
#include "keys/client.h"
#include "sys/fs.h"

#define KEYRING_PLATFORM    "platform"
#define NAME_DEPLOYMENT_MAX 128

struct keyring;

struct keyring_env {
    struct fs *dir; /* DIR/keeper; outlives the keyring */
    const struct clock *clock;
    const struct rng *rng;
};

/* A new one, with the platform's log key, the metadata key and the statement key. ERRC_EXISTS. */
RESULT keyring_create(const struct keyring_env *env, const struct secret *root,
                      const char *deployment, struct error *e);
/*
 * ERRC_NOT_FOUND; ERRC_DENIED: another root key; ERRC_INTEGRITY: damaged, the message names the
 * place. Copies the root key.
 */
RESULT keyring_open(const struct keyring_env *env, const struct secret *root, struct keyring **ret,
                    struct error *e);
void keyring_close(struct keyring *kr); /* writes the exact wrap counts */
DEFINE_CLEANUP(keyring_close, struct keyring *)
const char *keyring_deployment(const struct keyring *kr);
/* SHA-256 of the file as it stands on the disk. */
void keyring_digest(const struct keyring *kr, uint8_t ret[32]);
/* Everything under another root key, in a new epoch. The old root no longer opens the keyring. */
RESULT keyring_change_root(struct keyring *kr, const struct secret *new_root, struct error *e);

/* --- life cycle (keyring_admin.c); errors as in keys/client.h --- */

RESULT keyring_tenant_create(struct keyring *kr, const char *tenant, enum crypto_suite suite,
                             struct key_info *ret, struct error *e);
RESULT keyring_create_key(struct keyring *kr, const char *tenant, enum crypto_suite suite,
                          const char *description, const char *custodian, struct key_info *ret,
                          struct error *e);
RESULT keyring_show(struct keyring *kr, const char *tenant, const char *key_id,
                    struct key_info *ret, struct error *e);
/* Keys of a tenant in the order of their making, from index `from`: ERRC_NOT_FOUND at the end. */
RESULT keyring_nth(struct keyring *kr, const char *tenant, size_t from, struct key_info *ret,
                   struct error *e);
RESULT keyring_rotate(struct keyring *kr, const char *tenant, const char *key_id,
                      struct key_info *ret, struct error *e);
RESULT keyring_set_enabled(struct keyring *kr, const char *tenant, const char *key_id, bool enabled,
                           struct key_info *ret, struct error *e);
RESULT keyring_schedule_destroy(struct keyring *kr, const char *tenant, const char *key_id,
                                int64_t wait_ms, const char *requested_by, struct key_info *ret,
                                struct error *e);
RESULT keyring_cancel_destroy(struct keyring *kr, const char *tenant, const char *key_id,
                              struct key_info *ret, struct error *e);

#define KEY_PERSON_MAX 224 /* an actor: realm, role and session name */

/* What a destruction certificate says. */
struct key_destruction {
    char tenant[64];
    char key_id[KEY_ID_BYTES]; /* empty: the tenant as a whole */
    enum crypto_suite suite;
    uint32_t versions; /* destroyed with it; for a tenant: log payload keys */
    int64_t requested_ms, due_ms, destroyed_ms;
    char requested_by[KEY_PERSON_MAX], confirmed_by[KEY_PERSON_MAX];
    uint8_t keyring_before[32], keyring_after[32];
};
RESULT keyring_destroy(struct keyring *kr, const char *tenant, const char *key_id,
                       const char *confirmed_by, bool two_person, struct key_destruction *ret,
                       struct error *e);
RESULT keyring_tenant_close(struct keyring *kr, const char *tenant, const char *confirmed_by,
                            struct key_destruction *ret, struct error *e);

/* --- use (keyring_use.c) --- */

/* As keys_data_key, keys_unwrap and keys_rewrap. */
RESULT keyring_data_key(struct keyring *kr, const char *tenant, const char *key_id,
                        struct bytes aad, struct data_key *ret, struct error *e);
RESULT keyring_unwrap(struct keyring *kr, const char *tenant, const struct key_ref *ref,
                      struct bytes aad, struct bytes wrapped, struct key256 *ret, struct error *e);
RESULT keyring_rewrap(struct keyring *kr, const char *tenant, const struct key_ref *ref,
                      struct bytes aad, struct bytes wrapped, struct data_key *ret,
                      struct error *e);
RESULT keyring_seal_secret(struct keyring *kr, const char *tenant, struct bytes aad,
                           struct bytes secret, struct buf *out, struct error *e);
RESULT keyring_open_secret(struct keyring *kr, const char *tenant, struct bytes aad,
                           struct bytes sealed, struct buf *out, struct error *e);
RESULT keyring_payload_key(struct keyring *kr, const char *log, const char *month,
                           struct key256 *ret, struct error *e);
/* The suite of a tenant: of its first key and of its log's payloads. */
RESULT keyring_suite(struct keyring *kr, const char *tenant, enum crypto_suite *ret,
                     struct error *e);
RESULT keyring_metadata_key(struct keyring *kr, struct key256 *ret, struct error *e);
RESULT keyring_statement_seed(struct keyring *kr, struct key256 *ret, struct error *e);
RESULT keyring_checkpoint_mac_key(struct keyring *kr, struct key256 *ret, struct error *e);
/* The signing seed of a log and its place in the checkpoints file. */
RESULT keyring_log_seed(struct keyring *kr, const char *log, struct key256 *ret, uint32_t *ret_slot,
                        struct error *e);
/* The place that the log of the next tenant will have in the checkpoints file. */
uint32_t keyring_next_slot(const struct keyring *kr);
/* Calls fn for every log. */
RESULT keyring_logs(struct keyring *kr,
                    struct result (*fn)(void *arg, const char *log, uint32_t slot, struct error *e),
                    void *arg, struct error *e);

#endif

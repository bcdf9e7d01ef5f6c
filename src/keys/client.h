/*
 * Keys as the other roles see them: requests to the keeper. Long-term keys never leave it. Blocks
 * like rpc_call.
 *
 * Hierarchy: root key -> tenant keys with versions (each wrapped under the root) -> one data key
 * per object (wrapped under a version of a tenant key, bound to `aad`). Wrapping is crypto/box.h
 * under the key's suite.
 */
#ifndef TROTH_KEYS_CLIENT_H
#define TROTH_KEYS_CLIENT_H

#include "base/secret.h"
#include "crypto/hash.h"
#include "crypto/suite.h"
#include "keys/root.h"
#include "sys/rpc.h"

#define KEY_ID_BYTES      37 /* UUID text and NUL */
#define KEY_WRAPPED_MAX   128
#define KEY_CUSTODIAN_MAX 64
#define KEY_AAD_MAX       4096  /* bytes of associated data of any request */
#define KEY_SECRET_MAX    4096  /* bytes of a secret to seal */
#define KEY_STATEMENT_MAX 49152 /* bytes of a statement to sign */

/*
 * Wraps under one version of a key. Boxes have extended nonces, so that the 2^32 of SP 800-38D
 * section 8.3 does not bind; they are counted all the same, and refused (ERRC_LIMIT) past this
 * bound.
 */
#define KEY_WRAPS_MAX    (1ull << 40)
#define KEY_WRAPS_ROTATE (1ull << 39)

enum key_state { KEY_ENABLED, KEY_DISABLED, KEY_PENDING_DESTRUCTION, KEY_DESTROYED };
const char *
key_state_name(enum key_state s); /* "enabled", "disabled", "pending_destruction", "destroyed" */

struct key_ref {
    char id[KEY_ID_BYTES];
    uint32_t version; /* from 1 */
};

struct key_info {
    char id[KEY_ID_BYTES];
    char tenant[64];
    enum key_state state;
    enum crypto_suite suite;
    bool is_default;
    uint32_t version; /* newest */
    int64_t created_ms, rotated_ms;
    int64_t destroy_at_ms; /* 0: none pending */
    uint64_t
            wraps; /* data keys wrapped under the newest version, at most (counted in blocks over crashes) */
    bool rotation_due; /* wraps reached KEY_WRAPS_ROTATE: to be rotated before KEY_WRAPS_MAX refuses */
    char custodian
            [KEY_CUSTODIAN_MAX]; /* who is responsible for the key: "provider" (乙方), "customer" (甲方), ... */
    char description[128];
};

/* A fresh data key under the newest version of a key. key_id "": the tenant's default key. */
struct data_key {
    struct key256 key; /* wiped by the owner: data_key_wipe */
    struct key_ref ref;
    enum crypto_suite suite;
    char custodian[KEY_CUSTODIAN_MAX];
    uint8_t wrapped[KEY_WRAPPED_MAX];
    size_t wrapped_n;
};
void data_key_wipe(struct data_key *k);
RESULT keys_data_key(struct rpc_client *keeper, const char *tenant, const char *key_id,
                     struct bytes aad, struct data_key *ret, struct error *e);
/* ERRC_DENIED "key ... is disabled", ERRC_EXPIRED "key ... is destroyed", ERRC_INTEGRITY */
RESULT keys_unwrap(struct rpc_client *keeper, const char *tenant, const struct key_ref *ref,
                   struct bytes aad, struct bytes wrapped, struct key256 *ret, struct error *e);
/* The same data key under the newest version (background re-wrapping after a rotation). */
RESULT keys_rewrap(struct rpc_client *keeper, const char *tenant, const struct key_ref *ref,
                   struct bytes aad, struct bytes wrapped, struct data_key *ret /* key not set */,
                   struct error *e);

/* --- administration; each is in the ledger (the caller writes intent and outcome) --- */
RESULT
keys_tenant_create(struct rpc_client *keeper, const char *tenant, enum crypto_suite suite,
                   struct key_info *ret,
                   struct error *e); /* with its default key, log secret and log signing key */
RESULT keys_create(struct rpc_client *keeper, const char *tenant, enum crypto_suite suite,
                   const char *description, const char *custodian, struct key_info *ret,
                   struct error *e);
RESULT keys_show(struct rpc_client *keeper, const char *tenant, const char *key_id,
                 struct key_info *ret, struct error *e);
RESULT keys_list(struct rpc_client *keeper, const char *tenant,
                 struct result (*fn)(void *arg, const struct key_info *k, struct error *e),
                 void *arg, struct error *e);
RESULT keys_rotate(struct rpc_client *keeper, const char *tenant, const char *key_id,
                   struct key_info *ret, struct error *e);
RESULT keys_set_enabled(struct rpc_client *keeper, const char *tenant, const char *key_id,
                        bool enabled, struct key_info *ret, struct error *e);
/*
 * Waiting period 7..30 days (a shorter one only where the configuration's floor allows it: tests).
 * wait_ms from now.
 */
RESULT keys_schedule_destroy(struct rpc_client *keeper, const char *tenant, const char *key_id,
                             int64_t wait_ms, const char *requested_by, struct key_info *ret,
                             struct error *e);
/* The key is disabled afterwards. */
RESULT keys_cancel_destroy(struct rpc_client *keeper, const char *tenant, const char *key_id,
                           struct key_info *ret, struct error *e);
/* Carries out what is due; `certificate` gets the signed destruction certificate: a note whose text
 * is "troth/key-destruction", a newline and JSON. ERRC_CONFLICT before its time; with two_person
 * (two administrators exist) also when confirmed_by is who requested it: when the same follows the
 * last '/' of both. For a key that is destroyed already: its certificate again. */
RESULT keys_destroy(struct rpc_client *keeper, const char *tenant, const char *key_id,
                    const char *confirmed_by, bool two_person, struct buf *certificate,
                    struct error *e);
/* The end of a tenant: once all its keys are destroyed (ERRC_CONFLICT before), its log payload keys
 * and the key of its sealed secrets go too. Its log signing key stays: what is published can still
 * be verified. `certificate` as for keys_destroy. */
RESULT keys_tenant_close(struct rpc_client *keeper, const char *tenant, const char *confirmed_by,
                         struct buf *certificate, struct error *e);

/* --- for other purposes --- */
/* Ed25519 over a checkpoint, by the key of the log (scribe only). The keeper refuses a smaller size
 * than it signed before, and another root for the same size. ret_note: the whole note. */
RESULT keys_sign_checkpoint(struct rpc_client *keeper, const char *log, const char *origin,
                            uint64_t size, const uint8_t root[32], struct buf *ret_note,
                            struct error *e);
RESULT keys_log_vkey(struct rpc_client *keeper, const char *log, const char *origin,
                     struct buf *ret_vkey, struct error *e);
/* The sealing key of a log's payloads for one month ("2026-11"), made when first asked for (scribe
 * only). ERRC_EXPIRED when the tenant is closed. */
RESULT keys_log_payload_key(struct rpc_client *keeper, const char *log, const char *month,
                            struct key256 *ret, enum crypto_suite *ret_suite, struct error *e);
/* How the root key is kept, as the keeper found it when it started. */
RESULT keys_root_info(struct rpc_client *keeper, struct root_info *ret, struct error *e);
/* The key of the metadata store (edge only). */
RESULT keys_metadata_key(struct rpc_client *keeper, struct key256 *ret, struct error *e);
/*
 * Seals a small secret (<= 4 KiB: an access key's secret, a TOTP seed) so that only the keeper
 * opens it again.
 */
RESULT keys_seal_secret(struct rpc_client *keeper, const char *tenant, struct bytes aad,
                        struct bytes secret, struct buf *ret, struct error *e);
/*
 * SigV4's signing key for a day, from a sealed secret access key: HMAC chain over date, region,
 * service, "aws4_request".
 */
RESULT keys_sigv4_key(struct rpc_client *keeper, const char *tenant, struct bytes aad,
                      struct bytes sealed, const char *date /* yyyymmdd */, const char *region,
                      const char *service, struct key256 *ret, struct error *e);
/*
 * Is `code` (6 to 8 digits) the one-time password of a sealed seed at one of `count` (1 to
 * KEY_TOTP_STEPS_MAX) steps from `first` on? *ret_step: the earliest it fits; ERRC_DENIED: none.
 * The seed stays with the keeper. alg: RFC 6238's HASH_SHA1, HASH_SHA256 or HASH_SHA512.
 */
#define KEY_TOTP_STEPS_MAX 16
RESULT keys_totp_check(struct rpc_client *keeper, const char *tenant, struct bytes aad,
                       struct bytes sealed, enum hash_alg alg, uint64_t first, unsigned count,
                       struct bytes code, uint64_t *ret_step, struct error *e);
/*
 * Ed25519 by the deployment's statement key over "troth/<context>\n" and text: for statements and
 * certificates; as a note.
 */
RESULT keys_sign_statement(struct rpc_client *keeper, const char *context, struct bytes text,
                           struct buf *ret_note, struct error *e);
RESULT keys_statement_vkey(struct rpc_client *keeper, struct buf *ret_vkey, struct error *e);

#endif

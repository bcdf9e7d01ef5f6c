/*
 * Second factors of a user: TOTP (RFC 6238), passkeys (WebAuthn level 3), recovery codes. Seeds are
 * sealed by the keeper, which also checks the codes: a seed leaves once, at enrolment.
 *
 * A recovery code has 50 bits: too few for a bare hash, which a graphics card searches in a day,
 * and Argon2id over ten codes at each try would be a burden on the server alone. So they are kept
 * as HMAC-SHA-256 under a key that is derived from the database's, which the keeper gives: rows
 * alone can't be searched.
 */
#ifndef TROTH_IDENTITY_FACTOR_H
#define TROTH_IDENTITY_FACTOR_H

#include "identity/user.h"

#define FACTORS_MAX     8 /* of one user */
#define FACTOR_ID_BYTES 33
#define RECOVERY_CODES  10
#define TOTP_STEP_S     30
#define TOTP_WINDOW     1 /* steps before and after now */

enum factor_kind { FACTOR_NONE, FACTOR_TOTP, FACTOR_PASSKEY, FACTOR_RECOVERY };
const char *factor_kind_name(enum factor_kind k); /* "none", "totp", "passkey", "recovery" */

struct factor {
    char id[FACTOR_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    char user_id[IDENTITY_ID_BYTES]; /* "" : a virtual device not enabled for anybody yet */
    enum factor_kind kind;
    const char *name;
    bool is_active;
    int64_t created_ms, used_ms;
    bool is_backed_up; /* passkey: synchronised among devices */
};
RESULT factor_list(struct directory *d, const char *user_id, struct arena *arena,
                   struct factor **ret, size_t *ret_n, struct error *e);
/* user_id "": a device nobody has enabled yet. ERRC_NOT_FOUND. The last active one of a person goes
 * too: the next sign-in enrols anew. */
RESULT factor_delete(struct directory *d, const char *user_id, const char *factor_id,
                     struct error *e);
/* By the person itself: ERRC_CONFLICT for the last active one. */
RESULT factor_delete_own(struct directory *d, const char *user_id, const char *factor_id,
                         struct error *e);

/* Where a person who may approve grants (troth:ApproveGrant, by a role it holds) has an active
 * factor, its realm is claimed (user.h). To be called when a factor became active, and when a role
 * was assigned. */
RESULT factor_claim_realm(struct directory *d, const char *user_id, struct error *e);

/* A TOTP seed (20 bytes, SHA-1, 6 digits, 30 s), not yet active. seed_base32, otpauth URI and a QR
 * code as PNG are given out here and never again. user_id "": a device for EnableMFADevice, of
 * another name than those of the realm (ERRC_EXISTS). An enrolment of this user that was begun and
 * not confirmed is void. */
struct totp_enrolment {
    char id[FACTOR_ID_BYTES];
    char seed_base32[33];
    const char *uri;
    struct bytes png;
};
RESULT factor_totp_begin(struct directory *d, struct rpc_client *keeper, const char *realm,
                         const char *user_id, const char *name, const char *issuer,
                         struct arena *arena, struct totp_enrolment *ret, struct error *e);
/* Makes it active by one code, or by two in sequence (code2 NULL: one). ERRC_DENIED; ERRC_NOT_FOUND
 * also for one of another user or realm, ERRC_CONFLICT when it is active already. A device without
 * a user becomes this user's. */
RESULT factor_totp_confirm(struct directory *d, struct rpc_client *keeper, const char *user_id,
                           const char *factor_id, const char *code, const char *code2,
                           struct error *e);
/* Any active TOTP device of the user. A step that was used, or an older one, is refused (replay):
 * ERRC_DENIED. factor_id NULL: any. Counts for the lockout (lockout.h) are the caller's. */
RESULT factor_totp_check(struct directory *d, struct rpc_client *keeper, const char *user_id,
                         const char *factor_id, const char *code, struct error *e);

/* Passkeys. The relying party: id (a domain) and origin, from the settings. JSON in and out as
 * PublicKeyCredential.toJSON() / parseCreationOptionsFromJSON have it. */
struct passkey_party {
    const char *id;     /* "troth.local", "localhost" */
    const char *origin; /* "https://localhost:8443" */
    const char *name;
};
RESULT factor_passkey_options(struct directory *d, const struct passkey_party *rp,
                              const struct user *u, const uint8_t challenge[32],
                              struct buf *ret_json, struct error *e);
RESULT factor_passkey_register(struct directory *d, const struct passkey_party *rp,
                               const char *user_id, const char *name, const uint8_t challenge[32],
                               struct bytes response_json, char ret_id[FACTOR_ID_BYTES],
                               struct error *e);
/* user_id NULL: any passkey of the realm (signing in by passkey alone). */
RESULT factor_passkey_request(struct directory *d, const struct passkey_party *rp,
                              const char *user_id, const uint8_t challenge[32],
                              struct buf *ret_json, struct error *e);
/* Origin, RP id, challenge, user presence and verification, signature, counter (one that does not
 * grow is refused: a clone). *ret_user_id: whose it is. */
RESULT factor_passkey_check(struct directory *d, const struct passkey_party *rp,
                            const char *user_id, const uint8_t challenge[32],
                            struct bytes response_json, char ret_user_id[IDENTITY_ID_BYTES],
                            struct error *e);

/* Ten fresh codes "xxxxx-xxxxx"; older ones are void. Shown once. Case, '-' and letters that look
 * like digits do not matter when one is typed. */
RESULT factor_recovery_new(struct directory *d, const char *user_id, struct arena *arena,
                           const char ***ret /* RECOVERY_CODES */, struct error *e);
RESULT factor_recovery_check(struct directory *d, const char *user_id, const char *code,
                             struct error *e); /* each once */
RESULT factor_recovery_left(struct directory *d, const char *user_id, unsigned *ret,
                            struct error *e);

#endif

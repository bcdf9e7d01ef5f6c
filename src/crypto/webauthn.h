/*
 * Passkeys: what a relying party checks of a registration and of an assertion (Web Authentication
 * level 3, 7.1 and 7.2), on the bytes the browser gave. Nothing is stored here.
 *
 * Client data: type, challenge, origin, crossOrigin. Authenticator data: hash of the RP id, user
 * present, user verified where asked for, backup state only with backup eligibility, no trailing
 * bytes. Public keys: ES256, ES384, ES512, EdDSA (Ed25519, Ed448), RS256 to RS512, PS256 to PS512.
 *
 * Attestation says what made the key. Its statement is verified in every format that is taken, but
 * not traced to a manufacturer's root: options ask for none, and no authenticator is preferred.
 *
 *   none          the statement is empty
 *   packed        signature by the certificate's key or (self) the credential's own; certificate:
 *   X.509
 *                 version 3, no CA, unit "Authenticator Attestation", the AAGUID where it names one
 *   fido-u2f      signature by the certificate's P-256 key
 *   tpm           certInfo and pubArea bind key and data; signature by the certificate, which is
 *   for
 *                 attestation of keys (2.23.133.8.3)
 *   android-key   signature by the credential's key, challenge in the certificate's extension, the
 *   key
 *                 made within, for this application alone
 *   apple         the nonce in the certificate's extension; the key is the certificate's
 *
 * libfido2 verifies assertions by ES256, ES384, Ed25519 and RS256 with 2048 bits, and the formats
 * packed and fido-u2f over such keys. libfido2 1.12 knows no other algorithm and format, TPM data
 * in one fixed layout only and at most 1,024 bytes for EdDSA: that is verified with OpenSSL.
 */
#ifndef TROTH_CRYPTO_WEBAUTHN_H
#define TROTH_CRYPTO_WEBAUTHN_H

#include "base/bytes.h"

#define WEBAUTHN_CLIENT_DATA_MAX 16384
#define WEBAUTHN_OBJECT_MAX      65536
#define WEBAUTHN_AUTH_DATA_MAX   8192
#define WEBAUTHN_ID_MAX          1023 /* credential id, bytes */
#define WEBAUTHN_KEY_MAX         1100 /* COSE_Key, bytes */
#define WEBAUTHN_AAGUID_BYTES    16

struct webauthn_party {
    const char *id;     /* a domain */
    const char *origin; /* compared byte for byte */
    struct bytes challenge;
    bool needs_uv;         /* the authenticator must have verified the user */
    bool may_cross_origin; /* from within another site's page */
};

enum webauthn_format {
    WEBAUTHN_NONE,
    WEBAUTHN_PACKED,
    WEBAUTHN_FIDO_U2F,
    WEBAUTHN_TPM,
    WEBAUTHN_ANDROID_KEY,
    WEBAUTHN_APPLE,
};
const char *webauthn_format_name(enum webauthn_format f);

/* Borrowed from the attestation object. */
struct webauthn_credential {
    struct bytes id;
    struct bytes key; /* COSE_Key, to be given to webauthn_assert */
    int alg;          /* COSE */
    uint8_t aaguid[WEBAUTHN_AAGUID_BYTES];
    uint32_t sign_count;
    bool is_verified, is_backup_eligible, is_backed_up;
    enum webauthn_format format;
};

/*
 * ERRC_FORMAT, ERRC_LIMIT: malformed or past the limits above. ERRC_DENIED: another type,
 * challenge, origin or RP id, or a flag is missing. ERRC_UNSUPPORTED: algorithm or format.
 * ERRC_INTEGRITY: the attestation does not verify.
 */
RESULT webauthn_register(const struct webauthn_party *rp, struct bytes client_data,
                         struct bytes attestation_object, struct webauthn_credential *ret,
                         struct error *e);

struct webauthn_assertion {
    uint32_t sign_count;
    bool is_verified, is_backup_eligible, is_backed_up;
};
/* By the key of the registration. Errors as above; ERRC_INTEGRITY: the signature does not
 * verify. */
RESULT webauthn_assert(const struct webauthn_party *rp, struct bytes key, struct bytes client_data,
                       struct bytes authenticator_data, struct bytes signature,
                       struct webauthn_assertion *ret, struct error *e);

#endif

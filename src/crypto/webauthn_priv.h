/* For the files of webauthn: authenticator data taken apart, and who verifies. */
#ifndef TROTH_CRYPTO_WEBAUTHN_PRIV_H
#define TROTH_CRYPTO_WEBAUTHN_PRIV_H

#include "crypto/pubkey_priv.h"
#include "crypto/webauthn.h"

/* A COSE_Key (RFC 9052, 7; RFC 9053). x, y: of a curve; n, exponent: of RSA. */
struct webauthn_key {
    struct bytes raw;
    const struct pubkey_alg *alg;
    struct bytes x, y, n, exponent;
    EVP_PKEY *pkey;
};
/* From the front of *in. ERRC_FORMAT, ERRC_RANGE, ERRC_UNSUPPORTED. The caller frees pkey. */
RESULT webauthn_key_take(struct bytes *in, struct webauthn_key *ret, struct error *e);

/* Authenticator data (WebAuthn 6.1); borrowed. */
struct webauthn_data {
    struct bytes raw, rp_hash;
    uint8_t flags;
    uint32_t sign_count;
    struct bytes aaguid, id; /* of a registration */
    struct webauthn_key key;
    bool has_extensions;
};
void webauthn_data_done(struct webauthn_data *d);
DEFINE_CLEANUP_DONE(webauthn_data_done, struct webauthn_data)

/* What an attestation statement is over. */
struct webauthn_made {
    const struct webauthn_party *rp;
    const struct webauthn_data *data;
    struct bytes client_hash; /* SHA-256 of the client data */
    struct bytes signed_data; /* authenticator data || client_hash */
    struct bytes statement;   /* CBOR */
};
RESULT webauthn_attest(const struct webauthn_made *m, enum webauthn_format format, struct error *e);

/* libfido2 knows such a key over such data. */
bool webauthn_fido_can(const struct webauthn_key *k, const struct webauthn_data *d);
/* ERRC_DENIED, ERRC_INTEGRITY, ERRC_FORMAT. */
RESULT webauthn_fido_assert(const struct webauthn_party *rp, const struct webauthn_key *k,
                            const struct webauthn_data *d, struct bytes client_hash,
                            struct bytes sig, struct error *e);
/* ... and an attestation by such a key over such data. */
bool webauthn_fido_can_attest(const struct pubkey_alg *alg, const struct webauthn_data *d);
/* Formats packed and fido-u2f; is_self: without a certificate. */
RESULT webauthn_fido_attest(const struct webauthn_made *m, enum webauthn_format format,
                            bool is_self, struct error *e);

#endif

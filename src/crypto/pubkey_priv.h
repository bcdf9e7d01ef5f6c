/*
 * For this folder: public keys of others, as JOSE and COSE have them, and the check of a signature
 * by them. One row per algorithm (pubkey.c); adding one adds a row.
 */
#ifndef TROTH_CRYPTO_PUBKEY_PRIV_H
#define TROTH_CRYPTO_PUBKEY_PRIV_H

#include "crypto/crypto_priv.h"

#define PUBKEY_RSA_MIN_BITS 2048
#define PUBKEY_RSA_MAX_BITS 8192

struct pubkey_alg {
    const char *jose;  /* RFC 7518, RFC 8037 */
    int cose;          /* RFC 9053, RFC 8812, RFC 9864 */
    const char *key;   /* OpenSSL's name of the type */
    const char *group; /* of "EC", else NULL */
    const char *curve; /* "crv" of a JWK, NULL for RSA */
    int cose_curve;
    const char *md; /* NULL: the signature has its own */
    size_t bytes;   /* of a coordinate, scalar or raw key; 0 for RSA */
    bool is_pss;
};
/* NULL when there is none. EdDSA stands there once for each curve: by key (below). */
const struct pubkey_alg *pubkey_alg_of_cose(int64_t cose);
/* The row of that name which the key can do; any row of that name when key is NULL. */
const struct pubkey_alg *pubkey_alg_of_jose(struct bytes name, EVP_PKEY *key);
/* The first row of that curve. */
const struct pubkey_alg *pubkey_alg_of_curve(struct bytes curve);
bool pubkey_fits(const struct pubkey_alg *alg, EVP_PKEY *key);

/* x and y of the full length, y empty for Ed25519 and Ed448. ERRC_FORMAT: no point of the curve. */
RESULT pubkey_of_curve(const struct pubkey_alg *alg, struct bytes x, struct bytes y, EVP_PKEY **ret,
                       struct error *e);
/* n of 2048 to 8192 bits, e odd and 3..2^32-1; keys of the ROCA family (CVE-2017-15361) are
 * refused. ERRC_FORMAT, ERRC_RANGE. */
RESULT pubkey_of_rsa(struct bytes n, struct bytes exponent, EVP_PKEY **ret, struct error *e);

enum pubkey_form { PUBKEY_DER, PUBKEY_RAW /* ECDSA as r || s (RFC 7518, 3.4) */ };
/* ERRC_INTEGRITY; ERRC_UNSUPPORTED when alg does not fit the key. */
RESULT pubkey_verify(const struct pubkey_alg *alg, EVP_PKEY *key, enum pubkey_form form,
                     struct bytes msg, struct bytes sig);

#endif

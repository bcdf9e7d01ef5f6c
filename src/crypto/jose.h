/*
 * Signed tokens of others: JWS in compact form (RFC 7515), public keys as JWK and JWK sets (RFC
 * 7517, 7518, 8037).
 *
 * Taken: RS256/384/512, PS256/384/512, ES256/384/512, EdDSA (Ed25519, Ed448). Never "none", never
 * HMAC: a symmetric key (kty "oct") is not even imported. The key says what it is for: the token's
 * "alg" must be one that its type and curve can do, and equal to its own "alg" where it has one;
 * "use" must be "sig" and "key_ops" hold "verify" where given. RSA keys have 2048 to 8192 bits;
 * such of the ROCA family are refused. Keys that a token brings along (jwk, jku, x5c, x5u) are
 * ignored; "crit" and "b64" are refused.
 */
#ifndef TROTH_CRYPTO_JOSE_H
#define TROTH_CRYPTO_JOSE_H

#include "base/json.h"

#define JWS_MAX      16384
#define JWK_SET_MAX  262144
#define JWK_KEYS_MAX 64
#define JWK_KID_MAX  256

/* A public key. Immutable: any thread. */
struct jwk;
/* ERRC_FORMAT, ERRC_RANGE (too short, no point of the curve), ERRC_UNSUPPORTED: type, curve or
 * algorithm is none of the above, or it is not for signatures. */
RESULT jwk_parse(struct json v, struct jwk **ret, struct error *e);
void jwk_free(struct jwk *k);
DEFINE_CLEANUP(jwk_free, struct jwk *)
const char *jwk_kid(const struct jwk *k); /* "" when it has none */

/* Keys of a set that jwk_parse refuses are left out. ERRC_FORMAT, ERRC_LIMIT. Immutable. */
struct jwk_set;
RESULT jwk_set_parse(struct bytes json, struct jwk_set **ret, struct error *e);
void jwk_set_free(struct jwk_set *s);
DEFINE_CLEANUP(jwk_set_free, struct jwk_set *)
size_t jwk_set_count(const struct jwk_set *s);
/* By kid; borrowed from s. ERRC_NOT_FOUND; ERRC_CONFLICT when several have it. An empty kid finds
 * the key of a set that has only one. */
RESULT jwk_set_find(const struct jwk_set *s, struct bytes kid, const struct jwk **ret,
                    struct error *e);

/* A token taken apart; nothing of it is true before jws_verify. */
struct jws {
    struct json_doc *header;
    struct bytes alg, kid; /* borrowed from header; kid may be empty */
    struct bytes input;    /* what is signed; borrowed from the token */
    struct buf payload, signature;
};
/* Exactly three parts, strict base64url, the header a JSON object without repeated names.
 * ERRC_FORMAT, ERRC_LIMIT past JWS_MAX, ERRC_UNSUPPORTED: crit, b64, or an alg that is not
 * taken. */
RESULT jws_parse(struct bytes token, struct jws *ret, struct error *e);
void jws_done(struct jws *t);
DEFINE_CLEANUP_DONE(jws_done, struct jws)
/* ERRC_INTEGRITY; ERRC_DENIED when the algorithm does not fit the key. */
RESULT jws_verify(const struct jws *t, const struct jwk *k, struct error *e);

#endif

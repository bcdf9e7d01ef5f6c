/*
 * HMAC (RFC 2104, FIPS 198-1) and HKDF (RFC 5869) over any hash of hash.h. Aborts as hash.h does.
 */
#ifndef TROTH_CRYPTO_HMAC_H
#define TROTH_CRYPTO_HMAC_H

#include "crypto/hash.h"

/* At one go; writes hash_len(alg) bytes and returns their number. */
size_t hmac_once(enum hash_alg alg, struct bytes key, struct bytes data, uint8_t *ret);
/* The same for the hot path of SigV4: no allocation. */
void hmac_sha256(struct bytes key, struct bytes data, uint8_t ret[SHA256_BYTES]);
/* Compares in constant time; ERRC_INTEGRITY when it differs. `mac` must have the full length. */
RESULT hmac_check(enum hash_alg alg, struct bytes key, struct bytes data, struct bytes mac);

/* A prepared key and a running computation. One thread at a time. Wiped by hmac_done. */
struct hmac {
    struct hash inner_, outer_, run_;
};
void hmac_init(struct hmac *h, enum hash_alg alg, struct bytes key);
void hmac_begin(struct hmac *h); /* starts a message, as often as wanted */
void hmac_update(struct hmac *h, struct bytes v);
size_t hmac_final(struct hmac *h, uint8_t *ret);
void hmac_done(struct hmac *h);
DEFINE_CLEANUP_DONE(hmac_done, struct hmac)

/*
 * Extract and expand. `salt` may be empty; `info` says what the key is for ("troth box sm4 v1").
 * n is 1..255 * hash_len(alg): ERRC_RANGE otherwise.
 */
RESULT hkdf(enum hash_alg alg, struct bytes key, struct bytes salt, struct bytes info, uint8_t *ret,
            size_t n);

#endif

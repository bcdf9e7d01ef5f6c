/* The modes that boxes and streams are made of. For this folder and its known-answer tests: here a
 * nonce may come twice. */
#ifndef TROTH_CRYPTO_AEAD_PRIV_H
#define TROTH_CRYPTO_AEAD_PRIV_H

#include "crypto/crypto_priv.h"
#include "crypto/hmac.h"

#define GCM_NONCE   12
#define GCM_TAG     16
#define SM4_KEY     16
#define SM4_COUNTER 16
#define SM_TAG      32

/* A context for AES-256-GCM, either direction. */
EVP_CIPHER_CTX *gcm_new(void);
/* `key`: 32 bytes, or NULL to keep the schedule of the last call. in.n bytes at `out`, which may be
 * in.p. */
void gcm_seal(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce, struct bytes aad,
              struct bytes in, uint8_t *out, uint8_t *tag);
/* False when the tag is another: then `out` is the caller's to wipe. */
bool gcm_open(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce, struct bytes aad,
              struct bytes in, const uint8_t *tag, uint8_t *out);

EVP_CIPHER_CTX *sm4_new(void);
/* Counter mode, the same both ways. `key` as above. */
void sm4_ctr(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *counter, struct bytes in,
             uint8_t *out);
/* HMAC-SM3(nonce || aad || ct || be64(aad bytes) || be64(ct bytes)); the nonce's length is fixed by
 * its user. */
void sm3_tag(struct hmac *h, struct bytes nonce, struct bytes aad, struct bytes ct, uint8_t *ret);

#endif

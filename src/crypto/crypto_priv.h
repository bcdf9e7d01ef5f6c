/* For this folder alone: algorithms fetched from OpenSSL once, and what to do when OpenSSL fails.
 */
#ifndef TROTH_CRYPTO_PRIV_H
#define TROTH_CRYPTO_PRIV_H

#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/openssl.h"

/* For calls that fail only for want of memory or a broken library: ends the process. */
void crypto_must(bool is_ok, const char *what);

/* Fetched at first use, kept for the life of the process. Any thread. */
const EVP_MD *crypto_md(enum hash_alg alg);

enum crypto_cipher { CIPHER_AES256_GCM, CIPHER_AES256_ECB, CIPHER_SM4_CTR, CIPHER_COUNT_ };
const EVP_CIPHER *crypto_cipher(enum crypto_cipher c);

/* Empties OpenSSL's error queue into `e` behind the text. */
__attribute__((format(printf, 3, 4))) struct result crypto_fail(struct error *e, enum errc code,
                                                                const char *fmt, ...);

DEFINE_CLEANUP(EVP_MD_CTX_free, EVP_MD_CTX *)
DEFINE_CLEANUP(EVP_CIPHER_CTX_free, EVP_CIPHER_CTX *)
DEFINE_CLEANUP(EVP_PKEY_free, EVP_PKEY *)
DEFINE_CLEANUP(EVP_PKEY_CTX_free, EVP_PKEY_CTX *)

#endif

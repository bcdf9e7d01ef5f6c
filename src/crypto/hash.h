/*
 * Hashes: incremental and at one go. Nothing here can fail but for want of memory or a broken
 * OpenSSL: then the process aborts. MD5 and SHA-1 are here for protocols that demand them
 * (Content-MD5, TOTP), never for integrity of our own.
 */
#ifndef TROTH_CRYPTO_HASH_H
#define TROTH_CRYPTO_HASH_H

#include "base/bytes.h"
#include "base/mem.h"

enum hash_alg { HASH_MD5 = 1, HASH_SHA1, HASH_SHA256, HASH_SHA512, HASH_SM3 };

#define HASH_MAX     64
#define SHA256_BYTES 32
#define SM3_BYTES    32
#define SHA1_BYTES   20
#define MD5_BYTES    16

size_t hash_len(enum hash_alg alg);       /* of the digest, in bytes */
size_t hash_block_len(enum hash_alg alg); /* 64 or 128 */
const char *hash_name(enum hash_alg alg); /* "SHA-256", "SM3", ... */

/* Embedded; SHA-256 allocates nothing. Not shared between threads. */
struct hash {
    enum hash_alg alg_;
    union {
        uint64_t sha256_[14];
        void *evp_;
    } u_;
};

void hash_init(struct hash *h, enum hash_alg alg);
void hash_update(struct hash *h, struct bytes v);
/* Writes hash_len(alg) bytes and returns their number. Then only hash_done or hash_init may follow.
 */
size_t hash_final(struct hash *h, uint8_t *ret);
void hash_done(struct hash *h); /* zeroed objects allowed; wipes */
DEFINE_CLEANUP_DONE(hash_done, struct hash)

/* At one go. `ret` takes hash_len(alg) bytes. */
size_t hash_once(enum hash_alg alg, struct bytes in, uint8_t *ret);
void sha256(struct bytes in, uint8_t ret[SHA256_BYTES]);
/* Of the concatenation of `count` parts. */
void sha256_parts(const struct bytes *parts, size_t count, uint8_t ret[SHA256_BYTES]);
void sm3(struct bytes in, uint8_t ret[SM3_BYTES]);

#endif

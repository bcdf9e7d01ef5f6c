/* HMAC and HKDF on the hashes of hash.h. */
#include "crypto/hmac.h"

#include "crypto/hash_priv.h"
#include "crypto/openssl.h"

#define BLOCK_MAX 128
#define IPAD      0x36
#define OPAD      0x5c

/* The key as one block: longer keys are hashed first. Returns the block's length. */
static size_t key_block(enum hash_alg alg, struct bytes key, uint8_t block[BLOCK_MAX])
{
    memset(block, 0, BLOCK_MAX);
    if (key.n > hash_block_len(alg)) {
        hash_once(alg, key, block);
    } else if (key.n > 0) {
        memcpy(block, key.p, key.n);
    }
    return hash_block_len(alg);
}

static void block_xor(uint8_t *block, size_t n, uint8_t pad)
{
    for (size_t i = 0; i < n; i++) {
        block[i] ^= pad;
    }
}

void hmac_init(struct hmac *h, enum hash_alg alg, struct bytes key)
{
    uint8_t block[BLOCK_MAX];
    size_t n = key_block(alg, key, block);

    *h = (struct hmac){ 0 };
    block_xor(block, n, IPAD);
    hash_init(&h->inner_, alg);
    hash_update(&h->inner_, bytes_of(block, n));
    block_xor(block, n, IPAD ^ OPAD);
    hash_init(&h->outer_, alg);
    hash_update(&h->outer_, bytes_of(block, n));
    mem_wipe(block, sizeof(block));
    hmac_begin(h);
}

void hmac_begin(struct hmac *h)
{
    hash_copy(&h->run_, &h->inner_);
}

void hmac_update(struct hmac *h, struct bytes v)
{
    hash_update(&h->run_, v);
}

size_t hmac_final(struct hmac *h, uint8_t *ret)
{
    uint8_t inner[HASH_MAX];
    size_t n = hash_finish(&h->run_, inner);

    hash_copy(&h->run_, &h->outer_);
    hash_update(&h->run_, bytes_of(inner, n));
    return hash_finish(&h->run_, ret);
}

void hmac_done(struct hmac *h)
{
    hash_done(&h->inner_);
    hash_done(&h->outer_);
    hash_done(&h->run_);
}

void hmac_sha256(struct bytes key, struct bytes data, uint8_t ret[SHA256_BYTES])
{
    uint8_t block[BLOCK_MAX], inner[SHA256_BYTES];
    SHA256_CTX c;

    key_block(HASH_SHA256, key, block);
    block_xor(block, SHA256_CBLOCK, IPAD);
    SHA256_Init(&c);
    SHA256_Update(&c, block, SHA256_CBLOCK);
    SHA256_Update(&c, data.p, data.n);
    SHA256_Final(inner, &c);
    block_xor(block, SHA256_CBLOCK, IPAD ^ OPAD);
    SHA256_Init(&c);
    SHA256_Update(&c, block, SHA256_CBLOCK);
    SHA256_Update(&c, inner, sizeof(inner));
    SHA256_Final(ret, &c);
    OPENSSL_cleanse(block, SHA256_CBLOCK);
}

size_t hmac_once(enum hash_alg alg, struct bytes key, struct bytes data, uint8_t *ret)
{
    if (alg == HASH_SHA256) {
        hmac_sha256(key, data, ret);
        return SHA256_BYTES;
    }
    CLEANUP(hmac_done_p) struct hmac h;

    hmac_init(&h, alg, key);
    hmac_update(&h, data);
    return hmac_final(&h, ret);
}

RESULT hmac_check(enum hash_alg alg, struct bytes key, struct bytes data, struct bytes mac)
{
    uint8_t want[HASH_MAX];
    size_t n = hmac_once(alg, key, data, want);
    bool is_same = mac.n == n && mem_equal_ct(mac.p, want, n);

    mem_wipe(want, sizeof(want));
    return is_same ? RESULT_OK : result_of(ERRC_INTEGRITY);
}

RESULT hkdf(enum hash_alg alg, struct bytes key, struct bytes salt, struct bytes info, uint8_t *ret,
            size_t n)
{
    size_t step = hash_len(alg);
    uint8_t prk[HASH_MAX], block[HASH_MAX];

    if (n == 0 || n > 255 * step) {
        return result_of(ERRC_RANGE);
    }
    hmac_once(alg, salt, key, prk);
    CLEANUP(hmac_done_p) struct hmac h;

    hmac_init(&h, alg, bytes_of(prk, step));
    for (size_t at = 0; at < n; at += step) {
        uint8_t counter = (uint8_t)(at / step + 1);
        if (at > 0) {
            hmac_begin(&h);
            hmac_update(&h, bytes_of(block, step));
        }
        hmac_update(&h, info);
        hmac_update(&h, bytes_of(&counter, 1));
        hmac_final(&h, block);
        memcpy(ret + at, block, MIN(step, n - at));
    }
    mem_wipe(prk, sizeof(prk));
    mem_wipe(block, sizeof(block));
    return RESULT_OK;
}

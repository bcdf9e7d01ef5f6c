/* Boxes: XAES-256-GCM, and SM4-CTR with HMAC-SM3. Formats in box.h. */
#include "crypto/box.h"

#include "crypto/aead_priv.h"

#define AES_NONCE 24
#define SM_NONCE  32
#define BLOCK     16

struct box_key {
    enum crypto_suite suite;
    struct key256 key;
    uint8_t k1[BLOCK];       /* AES: the CMAC subkey */
    EVP_CIPHER_CTX *derive;  /* AES: the key in ECB, for deriving message keys */
    EVP_CIPHER_CTX *message; /* gets a new key with every message */
};

size_t box_overhead(enum crypto_suite s)
{
    return s == SUITE_AES256_GCM         ? AES_NONCE + GCM_TAG
           : s == SUITE_SM4_CTR_HMAC_SM3 ? SM_NONCE + SM_TAG
                                         : 0;
}

/* --- AES ---------------------------------------------------------------------------------- */

/* K1 of CMAC (SP 800-38B): AES(key, 0) doubled. */
static void aes_prepare(struct box_key *k)
{
    uint8_t l[BLOCK] = { 0 };
    int n = 0;

    k->derive = EVP_CIPHER_CTX_new();
    crypto_must(k->derive != NULL &&
                        EVP_EncryptInit_ex2(k->derive, crypto_cipher(CIPHER_AES256_ECB), k->key.b,
                                            NULL, NULL) == 1 &&
                        EVP_CIPHER_CTX_set_padding(k->derive, 0) == 1 &&
                        EVP_EncryptUpdate(k->derive, l, &n, l, BLOCK) == 1 && n == BLOCK,
                "AES key");
    k->message = gcm_new();
    uint8_t carry = (uint8_t)(-(l[0] >> 7) & 0x87);
    for (size_t i = 0; i < BLOCK - 1; i++) {
        k->k1[i] = (uint8_t)(l[i] << 1 | l[i + 1] >> 7);
    }
    k->k1[BLOCK - 1] = (uint8_t)(l[BLOCK - 1] << 1 ^ carry);
    mem_wipe(l, sizeof(l));
}

/* The key of one message: two CMACs of one block each. */
static void aes_message_key(struct box_key *k, const uint8_t *nonce, struct key256 *ret)
{
    uint8_t m[2 * BLOCK] = { 0, 1, 'X', 0, [BLOCK] = 0, 2, 'X', 0 };
    int n = 0;

    memcpy(m + 4, nonce, 12);
    memcpy(m + BLOCK + 4, nonce, 12);
    for (size_t i = 0; i < BLOCK; i++) {
        m[i] ^= k->k1[i];
        m[BLOCK + i] ^= k->k1[i];
    }
    crypto_must(EVP_EncryptUpdate(k->derive, ret->b, &n, m, sizeof(m)) == 1 && n == (int)sizeof(m),
                "message key");
}

static void aes_seal(struct box_key *k, struct bytes aad, struct bytes plain, uint8_t *dst)
{
    CLEANUP(key256_wipe) struct key256 key;
    uint8_t *ct = dst + AES_NONCE;

    aes_message_key(k, dst, &key);
    gcm_seal(k->message, key.b, dst + 12, aad, plain, ct, ct + plain.n);
}

static bool aes_open(struct box_key *k, struct bytes aad, struct bytes box, uint8_t *dst)
{
    CLEANUP(key256_wipe) struct key256 key;
    struct bytes ct = bytes_of(box.p + AES_NONCE, box.n - AES_NONCE - GCM_TAG);

    aes_message_key(k, box.p, &key);
    return gcm_open(k->message, key.b, box.p + 12, aad, ct, ct.p + ct.n, dst);
}

/* --- SM4 and SM3 -------------------------------------------------------------------------- */

struct sm_keys {
    uint8_t enc[SM4_KEY], counter[SM4_COUNTER], mac[SM3_BYTES];
};

static void sm_derive(const struct box_key *k, const uint8_t *nonce, struct sm_keys *ret)
{
    struct result r =
            hkdf(HASH_SM3, key256_bytes(&k->key), bytes_of(nonce, SM_NONCE),
                 BYTES_LIT("troth box SM4-CTR-HMAC-SM3 v1"), (uint8_t *)ret, sizeof(*ret));
    crypto_must(result_is_ok(r), "HKDF-SM3");
}

static void sm_mac(const struct sm_keys *keys, struct bytes aad, struct bytes ct, uint8_t *ret)
{
    CLEANUP(hmac_done_p) struct hmac h;

    hmac_init(&h, HASH_SM3, BYTES_OF(keys->mac));
    sm3_tag(&h, BYTES_NONE, aad, ct, ret);
}

static void sm_seal(struct box_key *k, struct bytes aad, struct bytes plain, uint8_t *dst)
{
    struct sm_keys keys;
    uint8_t *ct = dst + SM_NONCE;

    sm_derive(k, dst, &keys);
    sm4_ctr(k->message, keys.enc, keys.counter, plain, ct);
    sm_mac(&keys, aad, bytes_of(ct, plain.n), ct + plain.n);
    mem_wipe(&keys, sizeof(keys));
}

static bool sm_open(struct box_key *k, struct bytes aad, struct bytes box, uint8_t *dst)
{
    struct bytes ct = bytes_of(box.p + SM_NONCE, box.n - SM_NONCE - SM_TAG);
    struct sm_keys keys;
    uint8_t tag[SM_TAG];

    sm_derive(k, box.p, &keys);
    sm_mac(&keys, aad, ct, tag);
    bool is_same = mem_equal_ct(tag, ct.p + ct.n, SM_TAG);
    if (is_same) {
        sm4_ctr(k->message, keys.enc, keys.counter, ct, dst);
    }
    mem_wipe(&keys, sizeof(keys));
    return is_same;
}

/* --- both --------------------------------------------------------------------------------- */

static const struct {
    size_t nonce_len;
    void (*seal)(struct box_key *k, struct bytes aad, struct bytes plain, uint8_t *dst);
    bool (*open)(struct box_key *k, struct bytes aad, struct bytes box, uint8_t *dst);
} kinds[] = {
    [SUITE_AES256_GCM] = { AES_NONCE, aes_seal, aes_open },
    [SUITE_SM4_CTR_HMAC_SM3] = { SM_NONCE, sm_seal, sm_open },
};

RESULT box_key_new(enum crypto_suite s, const struct key256 *key, struct box_key **ret)
{
    if (suite_name(s) == NULL) {
        return result_of(ERRC_UNSUPPORTED);
    }
    struct box_key *k = mem_zalloc(sizeof(*k));
    k->suite = s;
    k->key = *key;
    if (s == SUITE_AES256_GCM) {
        aes_prepare(k);
    } else {
        k->message = sm4_new();
    }
    *ret = k;
    return RESULT_OK;
}

void box_key_free(struct box_key *k)
{
    if (k == NULL) {
        return;
    }
    EVP_CIPHER_CTX_free(k->derive);
    EVP_CIPHER_CTX_free(k->message);
    mem_wipe(k, sizeof(*k));
    mem_free(k);
}

enum crypto_suite box_key_suite(const struct box_key *k)
{
    return k->suite;
}

RESULT box_key_seal_at(struct box_key *k, struct bytes aad, struct bytes plain,
                       const struct rng *rng, uint8_t *dst)
{
    if (plain.n > BOX_MAX || aad.n > BOX_MAX) {
        return result_of(ERRC_LIMIT);
    }
    rng_fill(rng, dst, kinds[k->suite].nonce_len);
    kinds[k->suite].seal(k, aad, plain, dst);
    return RESULT_OK;
}

RESULT box_key_open_at(struct box_key *k, struct bytes aad, struct bytes box, uint8_t *dst)
{
    size_t over = box_overhead(k->suite);

    if (box.n < over || box.n - over > BOX_MAX || aad.n > BOX_MAX) {
        return result_of(ERRC_INTEGRITY);
    }
    if (!kinds[k->suite].open(k, aad, box, dst)) {
        mem_wipe(dst, box.n - over);
        return result_of(ERRC_INTEGRITY);
    }
    return RESULT_OK;
}

RESULT box_key_seal(struct box_key *k, struct bytes aad, struct bytes plain, const struct rng *rng,
                    struct buf *out)
{
    if (plain.n > BOX_MAX) {
        return result_of(ERRC_LIMIT);
    }
    size_t n = plain.n + box_overhead(k->suite);
    uint8_t *dst = buf_reserve(out, n);
    TRY(buf_result(out));
    TRY(box_key_seal_at(k, aad, plain, rng, dst));
    buf_commit(out, n);
    return RESULT_OK;
}

RESULT box_key_open(struct box_key *k, struct bytes aad, struct bytes box, struct buf *out)
{
    size_t over = box_overhead(k->suite);

    if (box.n < over || box.n - over > BOX_MAX) {
        return result_of(ERRC_INTEGRITY);
    }
    uint8_t *dst = buf_reserve(out, box.n - over);
    TRY(buf_result(out));
    TRY(box_key_open_at(k, aad, box, dst));
    buf_commit(out, box.n - over);
    return RESULT_OK;
}

RESULT box_seal(enum crypto_suite s, const struct key256 *key, struct bytes aad, struct bytes plain,
                const struct rng *rng, struct buf *out)
{
    CLEANUP(box_key_free_p) struct box_key *k = NULL;

    TRY(box_key_new(s, key, &k));
    return box_key_seal(k, aad, plain, rng, out);
}

RESULT box_open(enum crypto_suite s, const struct key256 *key, struct bytes aad, struct bytes box,
                struct buf *out)
{
    CLEANUP(box_key_free_p) struct box_key *k = NULL;

    TRY(box_key_new(s, key, &k));
    return box_key_open(k, aad, box, out);
}

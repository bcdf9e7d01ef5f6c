/* AES-256-GCM (SP 800-38D), SM4-CTR (GB/T 17964) and the MAC over SM3, each in one place. */
#include "crypto/aead_priv.h"

EVP_CIPHER_CTX *gcm_new(void)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    crypto_must(c != NULL && EVP_CipherInit_ex2(c, crypto_cipher(CIPHER_AES256_GCM), NULL, NULL, 1,
                                                NULL) == 1,
                "AES-GCM");
    return c;
}

static void gcm_run(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce, bool is_seal,
                    struct bytes aad, struct bytes in, uint8_t *out)
{
    int n = 0;

    crypto_must(EVP_CipherInit_ex2(c, NULL, key, nonce, is_seal, NULL) == 1, "AES-GCM nonce");
    if (aad.n > 0) {
        crypto_must(EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1, "AES-GCM aad");
    }
    if (in.n > 0) {
        crypto_must(EVP_CipherUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n,
                    "AES-GCM update");
    }
}

void gcm_seal(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce, struct bytes aad,
              struct bytes in, uint8_t *out, uint8_t *tag)
{
    uint8_t none[GCM_TAG];
    int n = 0;

    gcm_run(c, key, nonce, true, aad, in, out);
    crypto_must(EVP_CipherFinal_ex(c, none, &n) == 1 &&
                        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1,
                "AES-GCM tag");
}

bool gcm_open(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce, struct bytes aad,
              struct bytes in, const uint8_t *tag, uint8_t *out)
{
    uint8_t none[GCM_TAG], want[GCM_TAG];
    int n = 0;

    memcpy(want, tag, GCM_TAG);
    gcm_run(c, key, nonce, false, aad, in, out);
    crypto_must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, want) == 1, "AES-GCM tag");
    return EVP_CipherFinal_ex(c, none, &n) == 1;
}

EVP_CIPHER_CTX *sm4_new(void)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    crypto_must(c != NULL && EVP_EncryptInit_ex2(c, crypto_cipher(CIPHER_SM4_CTR), NULL, NULL,
                                                 NULL) == 1,
                "SM4-CTR");
    return c;
}

void sm4_ctr(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *counter, struct bytes in,
             uint8_t *out)
{
    int n = 0;

    crypto_must(EVP_EncryptInit_ex2(c, NULL, key, counter, NULL) == 1, "SM4-CTR counter");
    if (in.n > 0) {
        crypto_must(EVP_EncryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n,
                    "SM4-CTR update");
    }
}

void sm3_tag(struct hmac *h, struct bytes nonce, struct bytes aad, struct bytes ct, uint8_t *ret)
{
    uint8_t lens[16];

    put_be64(lens, aad.n);
    put_be64(lens + 8, ct.n);
    hmac_begin(h);
    hmac_update(h, nonce);
    hmac_update(h, aad);
    hmac_update(h, ct);
    hmac_update(h, BYTES_OF(lens));
    hmac_final(h, ret);
}

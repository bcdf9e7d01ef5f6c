/*
 * Known answers of every primitive. The vectors are published ones, or (SM suite) were computed by
 * other programs: hmac and HKDF of Python over SM3, `openssl enc -sm4-ctr`. One row per primitive;
 * the table is the list of what is used.
 */
#include "crypto/selftest.h"

#include "base/text.h"
#include "crypto/box.h"
#include "crypto/crc.h"
#include "crypto/hmac.h"
#include "crypto/password.h"
#include "crypto/shamir.h"
#include "crypto/sign.h"
#include "crypto/stream.h"

/* "ABC...": the nonce of the published XAES vectors. */
static void letters_fill(const struct rng *r, void *dst, size_t n)
{
    (void)r;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)dst)[i] = (uint8_t)('A' + i);
    }
}
static const struct rng letters = { letters_fill };

static bool is_hex(const uint8_t *got, size_t n, const char *want)
{
    uint8_t bytes[128];

    return strlen(want) == 2 * n && n <= sizeof(bytes) &&
           result_is_ok(hex_decode(bytes_str(want), bytes, n)) && memcmp(got, bytes, n) == 0;
}

static bool hash_test(enum hash_alg alg, const char *want)
{
    uint8_t got[HASH_MAX];
    size_t n = hash_once(alg, BYTES_LIT("abc"), got);

    return is_hex(got, n, want);
}

static bool md5_test(void)
{
    return hash_test(HASH_MD5, "900150983cd24fb0d6963f7d28e17f72");
}

static bool sha1_test(void)
{
    return hash_test(HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static bool sha256_test(void)
{
    return hash_test(HASH_SHA256,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static bool sha512_test(void)
{
    return hash_test(HASH_SHA512,
                     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static bool sm3_test(void)
{
    return hash_test(HASH_SM3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
}

static bool hmac_test(enum hash_alg alg, const char *want)
{
    uint8_t got[HASH_MAX];
    size_t n = hmac_once(alg, BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), got);

    return is_hex(got, n, want);
}

static bool hmac_sha1_test(void)
{
    return hmac_test(HASH_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static bool hmac_sha256_test(void)
{
    return hmac_test(HASH_SHA256,
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static bool hmac_sm3_test(void)
{
    uint8_t got[SM3_BYTES];

    hmac_once(HASH_SM3, BYTES_LIT("key"), BYTES_LIT("The quick brown fox jumps over the lazy dog"),
              got);
    return is_hex(got, SM3_BYTES,
                  "bd4a34077888162b210645b8ebf74b9af357303789357a27c7fc457244ebd398");
}

static bool hkdf_test(enum hash_alg alg, const char *want)
{
    uint8_t key[22], salt[13], info[10], got[42];

    memset(key, 0x0b, sizeof(key));
    for (size_t i = 0; i < sizeof(salt); i++) {
        salt[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(info); i++) {
        info[i] = (uint8_t)(0xf0 + i);
    }
    return result_is_ok(
                   hkdf(alg, BYTES_OF(key), BYTES_OF(salt), BYTES_OF(info), got, sizeof(got))) &&
           is_hex(got, sizeof(got), want);
}

static bool hkdf_sha256_test(void)
{
    return hkdf_test(HASH_SHA256, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                                  "34007208d5b887185865");
}

static bool hkdf_sm3_test(void)
{
    return hkdf_test(HASH_SM3, "c69fe91b7aaee2dd5718d72dcaee0cce93f1b8e41f792da51261b6a517e68b36"
                               "ed2c595572b01dfa359b");
}

static bool crc_test(void)
{
    struct bytes digits = BYTES_LIT("123456789");

    return crc32_update(0, digits) == 0xcbf43926 && crc32c_update(0, digits) == 0xe3069283 &&
           crc64nvme_update(0, digits) == 0xae8b14860a799888u;
}

static bool box_test(enum crypto_suite s, const char *want)
{
    struct key256 key;
    uint8_t box[12 + BOX_OVERHEAD_MAX], plain[12];
    struct bytes aad = BYTES_LIT("c2sp.org/XAES-256-GCM"), text = BYTES_LIT("XAES-256-GCM");
    CLEANUP(box_key_free_p) struct box_key *k = NULL;

    memset(key.b, 3, sizeof(key.b));
    if (!result_is_ok(box_key_new(s, &key, &k)) ||
        !result_is_ok(box_key_seal_at(k, aad, text, &letters, box))) {
        return false;
    }
    size_t n = text.n + box_overhead(s), nonce_n = n - text.n - suite_tag_len(s);
    if (!is_hex(box + nonce_n, n - nonce_n, want) ||
        !result_is_ok(box_key_open_at(k, aad, bytes_of(box, n), plain)) ||
        memcmp(plain, text.p, text.n) != 0) {
        return false;
    }
    box[n - 1] ^= 1;
    return box_key_open_at(k, aad, bytes_of(box, n), plain).code == ERRC_INTEGRITY;
}

static bool box_aes_test(void)
{
    return box_test(SUITE_AES256_GCM, "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

static bool box_sm_test(void)
{
    return box_test(SUITE_SM4_CTR_HMAC_SM3, "01de7c327d911b63b3cdbc90dc60b2084f422cc2fb79291f1e561f"
                                            "0595b319dfa52c00cb298bffcfc76bbeda");
}

static bool stream_test(enum crypto_suite s, const char *want_ct, const char *want_tag)
{
    static const struct key256 key = { "a key that is thirty-two bytes." };
    static const uint8_t prefix[STREAM_PREFIX] = "prefix";
    struct bytes aad = BYTES_LIT("head"), text = BYTES_LIT("the only chunk");
    uint8_t ct[14], tag[SUITE_TAG_MAX];
    CLEANUP(stream_sealer_free_p) struct stream_sealer *w = NULL;
    CLEANUP(stream_opener_free_p) struct stream_opener *r = NULL;

    if (!result_is_ok(stream_sealer_new(s, &key, prefix, &w)) ||
        !result_is_ok(stream_opener_new(s, &key, prefix, &r)) ||
        !result_is_ok(stream_seal_chunk(w, true, aad, text, ct, tag)) ||
        !is_hex(ct, sizeof(ct), want_ct) || !is_hex(tag, suite_tag_len(s), want_tag)) {
        return false;
    }
    return result_is_ok(stream_open_chunk(r, 0, true, aad, BYTES_OF(ct), tag, ct)) &&
           memcmp(ct, text.p, text.n) == 0 &&
           stream_open_chunk(r, 0, true, aad, BYTES_OF(ct), tag, ct).code == ERRC_INTEGRITY;
}

static bool stream_aes_test(void)
{
    return stream_test(SUITE_AES256_GCM, "722f1d0fffd81839e6486da123a4",
                       "b4fc31f59d71827b97582d7824de4f0d");
}

static bool stream_sm_test(void)
{
    return stream_test(SUITE_SM4_CTR_HMAC_SM3, "58f9618607271cc08561bdd6d97a",
                       "f9e506e41ab96cf925ec12b775410f61600f785a6753343c8a267f45746e9652");
}

/* RFC 8032 7.1, TEST 2. */
static bool ed25519_test(void)
{
    uint8_t seed[32], sig[SIGN_MAX];
    size_t n = 0;
    CLEANUP(sign_key_free_p) struct sign_key *k = NULL;

    if (!result_is_ok(hex_decode(
                BYTES_LIT("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), seed,
                32)) ||
        !result_is_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k)) ||
        !result_is_ok(sign_bytes(k, BYTES_LIT("\x72"), sig, &n)) ||
        !is_hex(sig, n,
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00") ||
        !result_is_ok(verify_once(SIGN_ED25519, sign_key_public(k), BYTES_LIT("\x72"),
                                  bytes_of(sig, n)))) {
        return false;
    }
    return verify_once(SIGN_ED25519, sign_key_public(k), BYTES_LIT("\x73"), bytes_of(sig, n))
                   .code == ERRC_INTEGRITY;
}

/* RFC 6979 A.2.5. */
static bool p256_test(void)
{
    uint8_t pub[65], sig[72];

    return result_is_ok(hex_decode(
                   BYTES_LIT("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                             "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
                   pub, sizeof(pub))) &&
           result_is_ok(hex_decode(BYTES_LIT("3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56a"
                                             "af991c34d0ea84eaf3716"
                                             "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff40"
                                             "64dc4ab2f843acda8"),
                                   sig, sizeof(sig))) &&
           result_is_ok(verify_once(SIGN_ECDSA_P256, BYTES_OF(pub), BYTES_LIT("sample"),
                                    BYTES_OF(sig))) &&
           verify_once(SIGN_ECDSA_P256, BYTES_OF(pub), BYTES_LIT("simple"), BYTES_OF(sig)).code ==
                   ERRC_INTEGRITY;
}

/* A vector of the reference implementation's own tests; small, to be quick. */
static bool argon2_test(void)
{
    static const struct password_params small = { .m_kib = 256, .passes = 2, .lanes = 2 };
    uint8_t got[32];

    return result_is_ok(password_derive(&small, BYTES_LIT("password"), BYTES_LIT("somesalt"),
                                        BYTES_NONE, got, sizeof(got))) &&
           is_hex(got, sizeof(got),
                  "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037");
}

static bool shamir_test(void)
{
    struct shamir_share shares[3];
    struct bytes two[2];
    CLEANUP(secret_free_p) struct secret *s = NULL;

    if (!result_is_ok(shamir_split(BYTES_LIT("secret"), 2, 3, &letters, shares))) {
        return false;
    }
    two[0] = bytes_of(shares[2].b, shares[2].n);
    two[1] = bytes_of(shares[0].b, shares[0].n);
    return result_is_ok(shamir_combine(two, 2, &s, NULL)) && secret_equal(s, BYTES_LIT("secret"));
}

static const struct {
    const char *name;
    bool (*test)(void);
} tests[] = {
    { "MD5", md5_test },
    { "SHA-1", sha1_test },
    { "SHA-256", sha256_test },
    { "SHA-512", sha512_test },
    { "SM3", sm3_test },
    { "HMAC-SHA-1", hmac_sha1_test },
    { "HMAC-SHA-256", hmac_sha256_test },
    { "HMAC-SM3", hmac_sm3_test },
    { "HKDF-SHA-256", hkdf_sha256_test },
    { "HKDF-SM3", hkdf_sm3_test },
    { "CRC", crc_test },
    { "XAES-256-GCM box", box_aes_test },
    { "SM4-CTR-HMAC-SM3 box", box_sm_test },
    { "AES-256-GCM stream", stream_aes_test },
    { "SM4-CTR-HMAC-SM3 stream", stream_sm_test },
    { "Ed25519", ed25519_test },
    { "ECDSA P-256", p256_test },
    { "Argon2id", argon2_test },
    { "Shamir", shamir_test },
};

RESULT crypto_self_test(struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        if (!tests[i].test()) {
            FAIL(e, ERRC_INTEGRITY, "self-test: %s answers wrongly", tests[i].name);
        }
    }
    return RESULT_OK;
}

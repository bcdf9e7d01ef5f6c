/* Signatures: RFC 8032 and FIPS vectors, there and back, refusals. */
#include "testkit.h"

#include "base/text.h"
#include "crypto/sign.h"

/* RFC 8032 7.1, TEST 2. */
static void known_ed25519(void **state)
{
    uint8_t seed[32], want[64], got[SIGN_MAX], pub[32];
    size_t n = 0;
    CLEANUP(sign_key_free_p) struct sign_key *k = NULL;
    (void)state;
    assert_code(
            hex_decode(
                    BYTES_LIT("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
                    seed, 32),
            ERRC_OK);
    assert_code(
            hex_decode(
                    BYTES_LIT("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
                    pub, 32),
            ERRC_OK);
    assert_code(hex_decode(BYTES_LIT("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb6"
                                     "9da085ac1e4"
                                     "3e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
                           want, 64),
                ERRC_OK);
    assert_code(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k), ERRC_OK);
    assert_bytes(sign_key_public(k), BYTES_OF(pub));
    assert_code(sign_bytes(k, BYTES_LIT("\x72"), got, &n), ERRC_OK);
    assert_bytes(bytes_of(got, n), BYTES_OF(want));
}

/* RFC 6979 A.2.5: the key; any signature of it must verify, so the one printed there does. */
static void known_p256(void **state)
{
    uint8_t seed[32], pub[65], sig[72];
    CLEANUP(sign_key_free_p) struct sign_key *k = NULL;
    (void)state;
    assert_code(
            hex_decode(
                    BYTES_LIT("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
                    seed, 32),
            ERRC_OK);
    assert_code(hex_decode(BYTES_LIT("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f"
                                     "29fb67903fe1008b8"
                                     "bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
                           pub, 65),
                ERRC_OK);
    assert_code(
            hex_decode(
                    BYTES_LIT("3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84e"
                              "af3716022100"
                              "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
                    sig, 72),
            ERRC_OK);
    assert_code(sign_key_from_seed(SIGN_ECDSA_P256, BYTES_OF(seed), &k), ERRC_OK);
    assert_bytes(sign_key_public(k), BYTES_OF(pub));
    assert_code(verify_once(SIGN_ECDSA_P256, BYTES_OF(pub), BYTES_LIT("sample"), BYTES_OF(sig)),
                ERRC_OK);
    assert_code(verify_once(SIGN_ECDSA_P256, BYTES_OF(pub), BYTES_LIT("simple"), BYTES_OF(sig)),
                ERRC_INTEGRITY);
}

static void there_and_back_and_refusals(void **state)
{
    struct bytes msg = BYTES_LIT("what is signed");
    (void)state;
    for (enum sign_alg alg = SIGN_ED25519; alg <= SIGN_ECDSA_P256; alg++) {
        CLEANUP(sign_key_free_p) struct sign_key *k = NULL, *same = NULL, *other = NULL;
        CLEANUP(key256_wipe) struct key256 seed;
        uint8_t sig[SIGN_MAX + 1], pub[SIGN_PUBLIC_MAX];
        size_t n = 0;
        assert_code(sign_key_generate(alg, &rng_system, &k), ERRC_OK);
        assert_code(sign_key_generate(alg, &rng_system, &other), ERRC_OK);
        assert_int_equal(sign_key_alg(k), alg);
        sign_key_seed(k, &seed);
        assert_code(sign_key_from_seed(alg, key256_bytes(&seed), &same), ERRC_OK);
        assert_bytes(sign_key_public(same), sign_key_public(k));
        assert_code(sign_bytes(k, msg, sig, &n), ERRC_OK);
        struct bytes p = sign_key_public(k);
        assert_code(verify_once(alg, p, msg, bytes_of(sig, n)), ERRC_OK);
        assert_code(verify_once(alg, sign_key_public(other), msg, bytes_of(sig, n)),
                    ERRC_INTEGRITY);
        assert_code(verify_once(alg, p, BYTES_NONE, bytes_of(sig, n)), ERRC_INTEGRITY);
        CLEANUP(verify_key_free_p) struct verify_key *v = NULL;
        assert_code(verify_key_new(alg, p, &v), ERRC_OK);
        for (size_t i = 0; i < n; i++) {
            sig[i] ^= 1;
            assert_code(verify_bytes(v, msg, bytes_of(sig, n)), ERRC_INTEGRITY);
            sig[i] ^= 1;
            assert_code(verify_bytes(v, msg, bytes_of(sig, i)), ERRC_INTEGRITY);
        }
        sig[n] = 0;
        assert_code(verify_bytes(v, msg, bytes_of(sig, n + 1)), ERRC_INTEGRITY);
        memcpy(pub, p.p, p.n);
        for (size_t i = 0; i < p.n; i++) {
            pub[i] ^= 4;
            struct result r = verify_once(alg, bytes_of(pub, p.n), msg, bytes_of(sig, n));
            assert_true(r.code == ERRC_FORMAT || r.code == ERRC_INTEGRITY);
            pub[i] ^= 4;
            assert_code(verify_once(alg, bytes_of(pub, i), msg, bytes_of(sig, n)), ERRC_FORMAT);
        }
    }
}

static void bad_seeds(void **state)
{
    uint8_t seed[33];
    struct sign_key *k = NULL;
    (void)state;
    memset(seed, 0, sizeof(seed));
    assert_code(sign_key_from_seed(SIGN_ECDSA_P256, bytes_of(seed, 32), &k), ERRC_RANGE);
    memset(seed, 0xff, sizeof(seed));
    assert_code(sign_key_from_seed(SIGN_ECDSA_P256, bytes_of(seed, 32), &k), ERRC_RANGE);
    assert_code(sign_key_from_seed(SIGN_ED25519, bytes_of(seed, 31), &k), ERRC_RANGE);
    assert_code(sign_key_from_seed(SIGN_ED25519, bytes_of(seed, 33), &k), ERRC_RANGE);
    assert_code(sign_key_from_seed((enum sign_alg)3, bytes_of(seed, 32), &k), ERRC_UNSUPPORTED);
    assert_string_equal(sign_alg_name(SIGN_ED25519), "Ed25519");
    assert_null(sign_alg_name((enum sign_alg)3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_ed25519),
        cmocka_unit_test(known_p256),
        cmocka_unit_test(there_and_back_and_refusals),
        cmocka_unit_test(bad_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Hashes, HMAC, HKDF and checksums against known answers, and pieces against the whole. */
#include "testkit.h"

#include "base/text.h"
#include "crypto/crc.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
    char text[2 * HASH_MAX + 1];

    assert_true(n <= HASH_MAX);
    hex_encode(bytes_of(got, n), text);
    assert_string_equal(text, want);
}

static void known_hashes(void **state)
{
    static const struct {
        enum hash_alg alg;
        const char *in, *want;
    } cases[] = {
        { HASH_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
        { HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { HASH_SHA512, "abc",
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
          "a3fe"
          "ebbd454d4423643ce80e2a9ac94fa54ca49f" },
        { HASH_SM3, "abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" },
        { HASH_SM3, "", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t got[HASH_MAX];
        size_t n = hash_once(cases[i].alg, bytes_str(cases[i].in), got);
        assert_int_equal(n, hash_len(cases[i].alg));
        assert_hex(got, n, cases[i].want);
    }
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
    sha256(BYTES_LIT("abcdef"), a);
    struct bytes parts[] = { BYTES_LIT("ab"), BYTES_NONE, BYTES_LIT("cdef") };
    sha256_parts(parts, 3, b);
    assert_memory_equal(a, b, sizeof(a));
}

static void pieces_give_the_whole(void **state)
{
    uint8_t data[1000];
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + 3);
    }
    for (enum hash_alg alg = HASH_MD5; alg <= HASH_SM3; alg++) {
        uint8_t want[HASH_MAX], got[HASH_MAX];
        size_t n = hash_once(alg, BYTES_OF(data), want);
        for (size_t cut = 0; cut <= sizeof(data); cut += 37) {
            struct hash h;
            hash_init(&h, alg);
            hash_update(&h, bytes_of(data, cut));
            hash_update(&h, BYTES_NONE);
            hash_update(&h, bytes_of(data + cut, sizeof(data) - cut));
            assert_int_equal(hash_final(&h, got), n);
            assert_memory_equal(got, want, n);
        }
    }
    struct hash never = { 0 };
    hash_done(&never);
}

/* RFC 4231 cases 1, 2, 6 (a key longer than a block); RFC 2202; GM/T 0042 has the same construction
 * for SM3. */
static void known_hmacs(void **state)
{
    uint8_t k1[20], k6[131], got[HASH_MAX];
    (void)state;
    memset(k1, 0x0b, sizeof(k1));
    memset(k6, 0xaa, sizeof(k6));
    hmac_sha256(BYTES_OF(k1), BYTES_LIT("Hi There"), got);
    assert_hex(got, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_once(HASH_SHA256, BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), got);
    assert_hex(got, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    hmac_once(HASH_SHA256, BYTES_OF(k6),
              BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), got);
    assert_hex(got, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_once(HASH_SHA1, BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), got);
    assert_hex(got, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    hmac_once(HASH_SHA512, BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), got);
    assert_hex(got, 64,
               "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d0"
               "34f65f8f0"
               "e6fdcaeab1a34d4a6b4b636e070a38bce737");
    hmac_once(HASH_SM3, BYTES_LIT("key"), BYTES_LIT("The quick brown fox jumps over the lazy dog"),
              got);
    assert_hex(got, 32, "bd4a34077888162b210645b8ebf74b9af357303789357a27c7fc457244ebd398");
}

static void prepared_hmac_is_the_same(void **state)
{
    uint8_t want[HASH_MAX], got[HASH_MAX], long_key[200] = { 9 };
    (void)state;
    for (enum hash_alg alg = HASH_MD5; alg <= HASH_SM3; alg++) {
        for (size_t key_n = 0; key_n <= sizeof(long_key); key_n += 50) {
            struct bytes key = bytes_of(long_key, key_n);
            size_t n = hmac_once(alg, key, BYTES_LIT("one two"), want);
            CLEANUP(hmac_done_p) struct hmac h;
            hmac_init(&h, alg, key);
            for (int i = 0; i < 3; i++) {
                hmac_begin(&h);
                hmac_update(&h, BYTES_LIT("one "));
                hmac_update(&h, BYTES_LIT("two"));
                assert_int_equal(hmac_final(&h, got), n);
                assert_memory_equal(got, want, n);
            }
            assert_code(hmac_check(alg, key, BYTES_LIT("one two"), bytes_of(want, n)), ERRC_OK);
            assert_code(hmac_check(alg, key, BYTES_LIT("one two"), bytes_of(want, n - 1)),
                        ERRC_INTEGRITY);
            for (size_t i = 0; i < n; i++) {
                want[i] ^= 1;
                assert_code(hmac_check(alg, key, BYTES_LIT("one two"), bytes_of(want, n)),
                            ERRC_INTEGRITY);
                want[i] ^= 1;
            }
        }
    }
}

/* RFC 5869 cases 1 and 3, and the bounds. */
static void known_hkdf(void **state)
{
    uint8_t ikm[22], salt[13], info[10], got[255 * 32 + 1];
    (void)state;
    memset(ikm, 0x0b, sizeof(ikm));
    for (size_t i = 0; i < sizeof(salt); i++) {
        salt[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(info); i++) {
        info[i] = (uint8_t)(0xf0 + i);
    }
    assert_code(hkdf(HASH_SHA256, BYTES_OF(ikm), BYTES_OF(salt), BYTES_OF(info), got, 42), ERRC_OK);
    assert_hex(
            got, 42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    assert_code(hkdf(HASH_SHA256, BYTES_OF(ikm), BYTES_NONE, BYTES_NONE, got, 42), ERRC_OK);
    assert_hex(
            got, 42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    assert_code(hkdf(HASH_SM3, BYTES_OF(ikm), BYTES_NONE, BYTES_NONE, got, 255 * 32), ERRC_OK);
    assert_code(hkdf(HASH_SM3, BYTES_OF(ikm), BYTES_NONE, BYTES_NONE, got, 255 * 32 + 1),
                ERRC_RANGE);
    assert_code(hkdf(HASH_SM3, BYTES_OF(ikm), BYTES_NONE, BYTES_NONE, got, 0), ERRC_RANGE);
}

static uint64_t crc64_bitwise(struct bytes v)
{
    uint64_t c = ~(uint64_t)0;
    for (size_t i = 0; i < v.n; i++) {
        c ^= v.p[i];
        for (int b = 0; b < 8; b++) {
            c = (c >> 1) ^ ((c & 1) != 0 ? 0x9a6c9329ac4bc9b5u : 0);
        }
    }
    return ~c;
}

static void known_checksums(void **state)
{
    uint8_t data[1500];
    (void)state;
    assert_int_equal(crc32_update(0, BYTES_LIT("123456789")), 0xcbf43926);
    assert_int_equal(crc32c_update(0, BYTES_LIT("123456789")), 0xe3069283);
    assert_true(crc64nvme_update(0, BYTES_LIT("123456789")) == 0xae8b14860a799888u);
    assert_int_equal(crc32_update(7, BYTES_NONE), 7);
    assert_int_equal(crc32c_update(7, BYTES_NONE), 7);
    assert_true(crc64nvme_update(7, BYTES_NONE) == 7);
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * i + (i >> 3));
    }
    for (size_t n = 0; n <= sizeof(data); n += n < 300 ? 1 : 61) {
        struct bytes v = bytes_of(data, n);
        assert_true(crc64nvme_update(0, v) == crc64_bitwise(v));
        size_t cut = n / 3;
        struct bytes a = bytes_of(data, cut), b = bytes_of(data + cut, n - cut);
        assert_true(crc64nvme_update(crc64nvme_update(0, a), b) == crc64nvme_update(0, v));
        assert_int_equal(crc32_update(crc32_update(0, a), b), crc32_update(0, v));
        assert_int_equal(crc32c_update(crc32c_update(0, a), b), crc32c_update(0, v));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hashes), cmocka_unit_test(pieces_give_the_whole),
        cmocka_unit_test(known_hmacs),  cmocka_unit_test(prepared_hmac_is_the_same),
        cmocka_unit_test(known_hkdf),   cmocka_unit_test(known_checksums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

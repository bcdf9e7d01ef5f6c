/* Boxes: the published vectors of XAES-256-GCM, both suites there and back, and everything that
 * must be refused. */
#include "testkit.h"

#include "base/text.h"
#include "crypto/box.h"

static const enum crypto_suite suites[] = { SUITE_AES256_GCM, SUITE_SM4_CTR_HMAC_SM3 };

/* Gives "ABCDEFGHIJKLMNOPQRSTUVWX...": the nonce of the vectors. */
static void letters_fill(const struct rng *r, void *dst, size_t n)
{
    (void)r;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)dst)[i] = (uint8_t)('A' + i);
    }
}
static const struct rng letters = { letters_fill };

static struct key256 key_of(uint8_t b)
{
    struct key256 k;
    memset(k.b, b, sizeof(k.b));
    return k;
}

static void published_vectors(void **state)
{
    static const struct {
        uint8_t key;
        const char *aad, *want;
    } cases[] = {
        { 1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271" },
        { 3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct key256 key = key_of(cases[i].key);
        CLEANUP(buf_done_p) struct buf box = BUF(1000), plain = BUF(1000);
        char text[200];
        assert_code(box_seal(SUITE_AES256_GCM, &key, bytes_str(cases[i].aad),
                             BYTES_LIT("XAES-256-GCM"), &letters, &box),
                    ERRC_OK);
        assert_memory_equal(box.p, "ABCDEFGHIJKLMNOPQRSTUVWX", 24);
        hex_encode(bytes_of(box.p + 24, box.n - 24), text);
        assert_string_equal(text, cases[i].want);
        assert_code(
                box_open(SUITE_AES256_GCM, &key, bytes_str(cases[i].aad), buf_bytes(&box), &plain),
                ERRC_OK);
        assert_bytes(buf_bytes(&plain), BYTES_LIT("XAES-256-GCM"));
        buf_done(&plain);
    }
}

static void there_and_back(void **state)
{
    uint8_t data[5000], sealed[5064], opened[5000];
    struct key256 key = key_of(7);
    (void)state;
    rng_fill(&rng_system, data, sizeof(data));
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(box_key_free_p) struct box_key *k = NULL;
        assert_code(box_key_new(suites[s], &key, &k), ERRC_OK);
        assert_int_equal(box_key_suite(k), suites[s]);
        for (size_t n = 0; n <= sizeof(data); n += n < 70 ? 1 : 493) {
            struct bytes plain = bytes_of(data, n), aad = bytes_of(data, n % 40);
            struct bytes box = bytes_of(sealed, n + box_overhead(suites[s]));
            assert_code(box_key_seal_at(k, aad, plain, &rng_system, sealed), ERRC_OK);
            assert_code(box_key_open_at(k, aad, box, opened), ERRC_OK);
            assert_memory_equal(opened, data, n);
            CLEANUP(buf_done_p) struct buf out = BUF(sizeof(data));
            assert_code(box_open(suites[s], &key, aad, box, &out), ERRC_OK);
            assert_bytes(buf_bytes(&out), plain);
        }
    }
}

static void refuses_what_was_not_sealed_so(void **state)
{
    struct key256 key = key_of(7), other = key_of(8);
    struct bytes aad = BYTES_LIT("page 7"), plain = BYTES_LIT("a payload of some bytes");
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(buf_done_p) struct buf box = BUF(1000), out = BUF(1000), again = BUF(1000);
        assert_code(box_seal(suites[s], &key, aad, plain, &rng_system, &box), ERRC_OK);
        assert_code(box_seal(suites[s], &key, aad, plain, &rng_system, &again), ERRC_OK);
        assert_int_equal(box.n, plain.n + box_overhead(suites[s]));
        assert_memory_not_equal(box.p, again.p, 24);
        for (size_t i = 0; i < box.n; i++) {
            for (int bit = 0; bit < 8; bit++) {
                box.p[i] ^= (uint8_t)(1 << bit);
                assert_code(box_open(suites[s], &key, aad, buf_bytes(&box), &out), ERRC_INTEGRITY);
                box.p[i] ^= (uint8_t)(1 << bit);
            }
            assert_code(box_open(suites[s], &key, aad, bytes_of(box.p, i), &out), ERRC_INTEGRITY);
        }
        assert_code(box_open(suites[s], &other, aad, buf_bytes(&box), &out), ERRC_INTEGRITY);
        assert_code(box_open(suites[1 - s], &key, aad, buf_bytes(&box), &out), ERRC_INTEGRITY);
        assert_code(box_open(suites[s], &key, BYTES_LIT("page 8"), buf_bytes(&box), &out),
                    ERRC_INTEGRITY);
        assert_code(box_open(suites[s], &key, BYTES_NONE, buf_bytes(&box), &out), ERRC_INTEGRITY);
        buf_add_u8(&box, 0);
        assert_code(box_open(suites[s], &key, aad, buf_bytes(&box), &out), ERRC_INTEGRITY);
        assert_int_equal(out.n, 0);
        box.n--;
        assert_code(box_open(suites[s], &key, aad, buf_bytes(&box), &out), ERRC_OK);
        assert_bytes(buf_bytes(&out), plain);
    }
}

static void failed_open_wipes(void **state)
{
    struct key256 key = key_of(7);
    uint8_t sealed[164], opened[100], zero[100] = { 0 }, data[100];
    (void)state;
    memset(data, 0x55, sizeof(data));
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(box_key_free_p) struct box_key *k = NULL;
        struct bytes box = bytes_of(sealed, sizeof(data) + box_overhead(suites[s]));
        assert_code(box_key_new(suites[s], &key, &k), ERRC_OK);
        assert_code(box_key_seal_at(k, BYTES_NONE, BYTES_OF(data), &rng_system, sealed), ERRC_OK);
        sealed[box.n - 1] ^= 1;
        memset(opened, 0xee, sizeof(opened));
        assert_code(box_key_open_at(k, BYTES_NONE, box, opened), ERRC_INTEGRITY);
        assert_memory_equal(opened, zero, sizeof(zero));
    }
}

static void bounds(void **state)
{
    struct key256 key = key_of(7);
    struct box_key *k = NULL;
    CLEANUP(buf_done_p) struct buf small = BUF(50);
    (void)state;
    assert_code(box_key_new((enum crypto_suite)3, &key, &k), ERRC_UNSUPPORTED);
    assert_code(box_key_new((enum crypto_suite)0, &key, &k), ERRC_UNSUPPORTED);
    assert_int_equal(box_overhead((enum crypto_suite)3), 0);
    assert_code(box_seal(SUITE_AES256_GCM, &key, BYTES_NONE, BYTES_LIT("eleven byte"), &rng_system,
                         &small),
                ERRC_LIMIT);
    enum crypto_suite s;
    assert_code(suite_by_name(BYTES_LIT("AES-256-GCM"), &s), ERRC_OK);
    assert_int_equal(s, SUITE_AES256_GCM);
    assert_code(suite_by_name(BYTES_LIT("SM4-CTR-HMAC-SM3"), &s), ERRC_OK);
    assert_int_equal(s, SUITE_SM4_CTR_HMAC_SM3);
    assert_code(suite_by_name(BYTES_LIT("AES-128-GCM"), &s), ERRC_UNSUPPORTED);
    assert_code(suite_by_number(2, &s), ERRC_OK);
    assert_code(suite_by_number(0, &s), ERRC_UNSUPPORTED);
    assert_code(suite_by_number(3, &s), ERRC_UNSUPPORTED);
    assert_null(suite_name((enum crypto_suite)9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refuses_what_was_not_sealed_so),
        cmocka_unit_test(failed_open_wipes),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

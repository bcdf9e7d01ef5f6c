/* Secret sharing: every choice of k shares gives the secret back, fewer say nothing, wrong ones are
 * refused. */
#include "testkit.h"

#include "crypto/hash.h"
#include "crypto/shamir.h"

static struct bytes share(const struct shamir_share *s)
{
    return bytes_of(s->b, s->n);
}

static const uint8_t key[32] = "a key that is thirty-two bytes.";

/* All subsets of 5 shares with k = 3. */
static void every_subset(void **state)
{
    struct shamir_share s[5];
    struct error e;
    (void)state;
    assert_code(shamir_split(BYTES_OF(key), 3, 5, &rng_system, s), ERRC_OK);
    for (unsigned set = 0; set < 32; set++) {
        struct bytes given[5];
        size_t n = 0;
        CLEANUP(secret_free_p) struct secret *got = NULL;
        for (size_t i = 5; i-- > 0;) {
            if ((set >> i & 1) != 0) {
                given[n++] = share(&s[i]);
            }
        }
        struct result r = shamir_combine(given, n, &got, &e);
        if (n < 3) {
            assert_code(r, ERRC_RANGE);
        } else {
            assert_ok(r, e);
            assert_true(secret_equal(got, BYTES_OF(key)));
        }
    }
}

static void many_shapes(void **state)
{
    static const unsigned shapes[][2] = { { 1, 1 },   { 1, 3 },     { 2, 2 },
                                          { 2, 255 }, { 255, 255 }, { 7, 9 } };
    struct shamir_share *s = mem_alloc(255 * sizeof(*s));
    struct bytes given[255];
    struct error e;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        for (size_t len = 1; len <= 32; len += 31) {
            unsigned k = shapes[i][0], n = shapes[i][1];
            CLEANUP(secret_free_p) struct secret *got = NULL;
            assert_code(shamir_split(bytes_of(key, len), k, n, &rng_system, s), ERRC_OK);
            for (unsigned j = 0; j < k; j++) {
                given[j] = share(&s[n - 1 - j]);
            }
            assert_ok(shamir_combine(given, k, &got, &e), e);
            assert_true(secret_equal(got, bytes_of(key, len)));
            struct shamir_info info;
            assert_ok(shamir_share_info(share(&s[n - 1]), &info, &e), e);
            assert_int_equal(info.k, k);
            assert_int_equal(info.n, n);
            assert_int_equal(info.x, n);
            assert_int_equal(info.secret_bytes, len);
        }
    }
    assert_code(shamir_split(BYTES_OF(key), 0, 3, &rng_system, s), ERRC_RANGE);
    assert_code(shamir_split(BYTES_OF(key), 4, 3, &rng_system, s), ERRC_RANGE);
    assert_code(shamir_split(BYTES_OF(key), 3, 256, &rng_system, s), ERRC_RANGE);
    assert_code(shamir_split(BYTES_NONE, 2, 3, &rng_system, s), ERRC_RANGE);
    assert_code(shamir_split(bytes_of(s, SHAMIR_SECRET_MAX + 1), 2, 3, &rng_system, s), ERRC_RANGE);
    mem_free(s);
}

/* f(x) = a + bx with b known: 0x57 * 0x83 = 0xc1 in this field (FIPS 197 section 4.2). */
static void fill_83(const struct rng *r, void *dst, size_t n)
{
    (void)r;
    memset(dst, 0x83, n);
}

static void arithmetic_is_that_of_fips197(void **state)
{
    static const struct rng known = { fill_83 };
    struct shamir_share *s = mem_alloc(255 * sizeof(*s));
    (void)state;
    assert_code(shamir_split(BYTES_LIT("\x10"), 2, 255, &known, s), ERRC_OK);
    assert_int_equal(s[0x57 - 1].b[14], 0xc1 ^ 0x10);
    assert_int_equal(s[0].b[14], 0x83 ^ 0x10);
    mem_free(s);
}

static void flips_and_cuts(void **state)
{
    struct shamir_share s[3];
    struct error e;
    struct secret *got = NULL;
    (void)state;
    assert_code(shamir_split(BYTES_OF(key), 2, 3, &rng_system, s), ERRC_OK);
    struct bytes given[2] = { share(&s[0]), share(&s[1]) };
    for (size_t i = 0; i < s[0].n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            s[0].b[i] ^= (uint8_t)(1 << bit);
            assert_code(shamir_combine(given, 2, &got, &e), ERRC_FORMAT);
            s[0].b[i] ^= (uint8_t)(1 << bit);
        }
        given[0].n = i;
        assert_code(shamir_combine(given, 2, &got, &e), ERRC_FORMAT);
        given[0].n = s[0].n;
    }
    assert_null(got);
}

/* A share whose body was changed and its checksum made right again. */
static void forged_shares_do_not_fit(void **state)
{
    struct shamir_share s[4], t[4];
    struct error e;
    struct secret *got = NULL;
    (void)state;
    assert_code(shamir_split(BYTES_OF(key), 2, 4, &rng_system, s), ERRC_OK);
    assert_code(shamir_split(BYTES_OF(key), 2, 4, &rng_system, t), ERRC_OK);
    struct bytes mixed[2] = { share(&s[0]), share(&t[1]) };
    assert_code(shamir_combine(mixed, 2, &got, &e), ERRC_CONFLICT);
    struct bytes twice[2] = { share(&s[0]), share(&s[0]) };
    assert_code(shamir_combine(twice, 2, &got, &e), ERRC_CONFLICT);
    assert_code(shamir_combine(twice, 0, &got, &e), ERRC_RANGE);
    /* The body of t's share under the head of s: the checksum of such a share is right only if made
     * so. */
    uint8_t sum[32];
    memcpy(s[2].b + 14, t[2].b + 14, 40);
    sha256(bytes_of(s[2].b, 54), sum);
    memcpy(s[2].b + 54, sum, 4);
    struct bytes forged[3] = { share(&s[0]), share(&s[2]), share(&s[1]) };
    assert_code(shamir_combine(forged, 2, &got, &e), ERRC_INTEGRITY);
    struct bytes extra[3] = { share(&s[0]), share(&s[1]), share(&s[2]) };
    assert_code(shamir_combine(extra, 3, &got, &e), ERRC_INTEGRITY);
    assert_null(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset),
        cmocka_unit_test(many_shapes),
        cmocka_unit_test(arithmetic_is_that_of_fips197),
        cmocka_unit_test(flips_and_cuts),
        cmocka_unit_test(forged_shares_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The chunked seal: there and back, its construction computed independently, and every way of
 * tampering with order. */
#include "testkit.h"

#include "base/rng.h"
#include "crypto/aead_priv.h"
#include "crypto/gcm_wide.h"
#include "crypto/stream.h"

#include <openssl/evp.h>

static const enum crypto_suite suites[] = { SUITE_AES256_GCM, SUITE_SM4_CTR_HMAC_SM3 };
static const uint8_t prefix[STREAM_PREFIX] = "prefix";
static const struct key256 key = { "a key that is thirty-two bytes." };

#define CHUNKS 3
#define TAIL   100u

struct sealed {
    uint8_t plain[CHUNKS][STREAM_CHUNK], ct[CHUNKS][STREAM_CHUNK], tag[CHUNKS][SUITE_TAG_MAX];
};

static size_t chunk_len(size_t i)
{
    return i == CHUNKS - 1 ? TAIL : STREAM_CHUNK;
}

static struct sealed *seal_all(enum crypto_suite s, const struct key256 *k)
{
    struct sealed *out = mem_zalloc(sizeof(*out));
    CLEANUP(stream_sealer_free_p) struct stream_sealer *w = NULL;
    assert_code(stream_sealer_new(s, k, prefix, &w), ERRC_OK);
    rng_fill(&rng_system, out->plain, sizeof(out->plain));
    for (size_t i = 0; i < CHUNKS; i++) {
        assert_int_equal(stream_sealer_index(w), i);
        assert_code(stream_seal_chunk(w, i == CHUNKS - 1, BYTES_LIT("head"),
                                      bytes_of(out->plain[i], chunk_len(i)), out->ct[i],
                                      out->tag[i]),
                    ERRC_OK);
    }
    uint8_t none[1], tag[SUITE_TAG_MAX];
    assert_code(
            stream_seal_chunk(w, true, BYTES_LIT("head"), bytes_of(out->plain[0], 1), none, tag),
            ERRC_CONFLICT);
    return out;
}

static void there_and_back_in_any_order(void **state)
{
    static const size_t order[] = { 2, 0, 1, 1, 2 };
    uint8_t *plain = mem_alloc(STREAM_CHUNK);
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(mem_free_p) struct sealed *d = seal_all(suites[s], &key);
        CLEANUP(stream_opener_free_p) struct stream_opener *r = NULL;
        assert_code(stream_opener_new(suites[s], &key, prefix, &r), ERRC_OK);
        for (size_t o = 0; o < ARRAY_LEN(order); o++) {
            size_t i = order[o];
            assert_code(stream_open_chunk(r, (uint32_t)i, i == CHUNKS - 1, BYTES_LIT("head"),
                                          bytes_of(d->ct[i], chunk_len(i)), d->tag[i], plain),
                        ERRC_OK);
            assert_memory_equal(plain, d->plain[i], chunk_len(i));
        }
        /* In place. */
        assert_code(stream_open_chunk(r, 1, false, BYTES_LIT("head"),
                                      bytes_of(d->ct[1], STREAM_CHUNK), d->tag[1], d->ct[1]),
                    ERRC_OK);
        assert_memory_equal(d->ct[1], d->plain[1], STREAM_CHUNK);
    }
    mem_free(plain);
}

/* The second chunk by plain AES-256-GCM with the nonce written out. */
static void construction_is_as_written(void **state)
{
    static const uint8_t nonce[12] = { 'p', 'r', 'e', 'f', 'i', 'x', 0, 0, 0, 0, 1, 0 };
    (void)state;
    CLEANUP(mem_free_p) struct sealed *d = seal_all(SUITE_AES256_GCM, &key);
    CLEANUP(mem_free_p) uint8_t *ct = mem_alloc(STREAM_CHUNK);
    uint8_t tag[16];
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key.b, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)"head", 4), 1);
    assert_int_equal(EVP_EncryptUpdate(c, ct, &n, d->plain[1], STREAM_CHUNK), 1);
    assert_int_equal(EVP_EncryptFinal_ex(c, ct, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
    EVP_CIPHER_CTX_free(c);
    assert_memory_equal(ct, d->ct[1], STREAM_CHUNK);
    assert_memory_equal(tag, d->tag[1], 16);
}

static void refuses_flips_and_cuts(void **state)
{
    uint8_t plain[200], zero[200] = { 0 };
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(mem_free_p) struct sealed *d = seal_all(suites[s], &key);
        CLEANUP(stream_opener_free_p) struct stream_opener *r = NULL;
        size_t last = CHUNKS - 1;
        assert_code(stream_opener_new(suites[s], &key, prefix, &r), ERRC_OK);
        for (size_t i = 0; i < TAIL + suite_tag_len(suites[s]); i++) {
            uint8_t *p = i < TAIL ? &d->ct[last][i] : &d->tag[last][i - TAIL];
            for (int bit = 0; bit < 8; bit++) {
                *p ^= (uint8_t)(1 << bit);
                memset(plain, 0xee, sizeof(plain));
                assert_code(stream_open_chunk(r, (uint32_t)last, true, BYTES_LIT("head"),
                                              bytes_of(d->ct[last], TAIL), d->tag[last], plain),
                            ERRC_INTEGRITY);
                assert_memory_equal(plain, zero, TAIL);
                *p ^= (uint8_t)(1 << bit);
            }
        }
        for (size_t n = 0; n < TAIL; n++) {
            assert_code(stream_open_chunk(r, (uint32_t)last, true, BYTES_LIT("head"),
                                          bytes_of(d->ct[last], n), d->tag[last], plain),
                        ERRC_INTEGRITY);
        }
        assert_code(stream_open_chunk(r, (uint32_t)last, true, BYTES_LIT("head"),
                                      bytes_of(d->ct[last], TAIL + 1), d->tag[last], plain),
                    ERRC_INTEGRITY);
        assert_code(stream_open_chunk(r, (uint32_t)last, true, BYTES_LIT("heat"),
                                      bytes_of(d->ct[last], TAIL), d->tag[last], plain),
                    ERRC_INTEGRITY);
    }
}

static void refuses_truncation_reordering_splicing(void **state)
{
    struct key256 other = key;
    uint8_t *plain = mem_alloc(STREAM_CHUNK);
    uint8_t other_prefix[STREAM_PREFIX] = "prefiy";
    (void)state;
    other.b[0] ^= 1;
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(mem_free_p) struct sealed *d = seal_all(suites[s], &key);
        CLEANUP(mem_free_p) struct sealed *d2 = seal_all(suites[s], &other);
        CLEANUP(stream_opener_free_p) struct stream_opener *r = NULL, *r2 = NULL;
        struct bytes head = BYTES_LIT("head"), c1 = bytes_of(d->ct[1], STREAM_CHUNK);
        assert_code(stream_opener_new(suites[s], &key, prefix, &r), ERRC_OK);
        assert_code(stream_opener_new(suites[s], &key, other_prefix, &r2), ERRC_OK);
        assert_code(stream_open_chunk(r, 1, true, head, c1, d->tag[1], plain), ERRC_INTEGRITY);
        assert_code(
                stream_open_chunk(r, 2, false, head, bytes_of(d->ct[2], TAIL), d->tag[2], plain),
                ERRC_INTEGRITY);
        for (uint32_t i = 0; i < 10; i++) {
            if (i != 1) {
                assert_code(stream_open_chunk(r, i, false, head, c1, d->tag[1], plain),
                            ERRC_INTEGRITY);
            }
        }
        assert_code(stream_open_chunk(r, UINT32_MAX, false, head, c1, d->tag[1], plain),
                    ERRC_INTEGRITY);
        assert_code(stream_open_chunk(r, 1, false, head, c1, d->tag[0], plain), ERRC_INTEGRITY);
        assert_code(stream_open_chunk(r, 1, false, head, bytes_of(d2->ct[1], STREAM_CHUNK),
                                      d2->tag[1], plain),
                    ERRC_INTEGRITY);
        assert_code(stream_open_chunk(r2, 1, false, head, c1, d->tag[1], plain), ERRC_INTEGRITY);
        assert_code(stream_open_chunk(r, 1, false, head, c1, d->tag[1], plain), ERRC_OK);
    }
    mem_free(plain);
}

static void shape_is_enforced(void **state)
{
    uint8_t *chunk = mem_zalloc(STREAM_CHUNK + 1), tag[SUITE_TAG_MAX];
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        CLEANUP(stream_sealer_free_p) struct stream_sealer *w = NULL, *empty = NULL;
        CLEANUP(stream_opener_free_p) struct stream_opener *r = NULL;
        assert_code(stream_sealer_new(suites[s], &key, prefix, &w), ERRC_OK);
        assert_code(stream_seal_chunk(w, false, BYTES_NONE, bytes_of(chunk, STREAM_CHUNK - 1),
                                      chunk, tag),
                    ERRC_RANGE);
        assert_code(stream_seal_chunk(w, true, BYTES_NONE, bytes_of(chunk, STREAM_CHUNK + 1), chunk,
                                      tag),
                    ERRC_RANGE);
        assert_int_equal(stream_sealer_index(w), 0);
        assert_code(
                stream_seal_chunk(w, false, BYTES_NONE, bytes_of(chunk, STREAM_CHUNK), chunk, tag),
                ERRC_OK);
        assert_code(stream_seal_chunk(w, true, BYTES_NONE, bytes_of(chunk, 0), chunk, tag),
                    ERRC_RANGE);
        assert_code(
                stream_seal_chunk(w, true, BYTES_NONE, bytes_of(chunk, STREAM_CHUNK), chunk, tag),
                ERRC_OK);
        /* An empty object is one empty last chunk. */
        assert_code(stream_sealer_new(suites[s], &key, prefix, &empty), ERRC_OK);
        assert_code(stream_seal_chunk(empty, true, BYTES_NONE, bytes_of(chunk, 0), chunk, tag),
                    ERRC_OK);
        assert_code(stream_opener_new(suites[s], &key, prefix, &r), ERRC_OK);
        assert_code(stream_open_chunk(r, 0, true, BYTES_NONE, bytes_of(chunk, 0), tag, chunk),
                    ERRC_OK);
        tag[3] ^= 1;
        assert_code(stream_open_chunk(r, 0, true, BYTES_NONE, bytes_of(chunk, 0), tag, chunk),
                    ERRC_INTEGRITY);
    }
    struct stream_opener *none = NULL;
    assert_code(stream_opener_new((enum crypto_suite)3, &key, prefix, &none), ERRC_UNSUPPORTED);
    mem_free(chunk);
}

static void lengths(void **state)
{
    uint64_t n = 0;
    (void)state;
    assert_int_equal(stream_chunk_count(0), 1);
    assert_int_equal(stream_chunk_count(1), 1);
    assert_int_equal(stream_chunk_count(STREAM_CHUNK), 1);
    assert_int_equal(stream_chunk_count(STREAM_CHUNK + 1), 2);
    assert_code(stream_sealed_len(SUITE_AES256_GCM, 0, &n), ERRC_OK);
    assert_int_equal(n, 16);
    assert_code(stream_sealed_len(SUITE_SM4_CTR_HMAC_SM3, 65537, &n), ERRC_OK);
    assert_int_equal(n, 65537 + 64);
    assert_code(stream_sealed_len(SUITE_AES256_GCM, (uint64_t)UINT32_MAX * STREAM_CHUNK, &n),
                ERRC_OK);
    assert_code(stream_sealed_len(SUITE_AES256_GCM, (uint64_t)UINT32_MAX * STREAM_CHUNK + 1, &n),
                ERRC_LIMIT);
    assert_code(stream_sealed_len(SUITE_AES256_GCM, UINT64_MAX, &n), ERRC_LIMIT);
}

/* The other implementation of AES-GCM gives what OpenSSL gives, for every length up to some blocks
 * and around a chunk; and refuses what OpenSSL refuses. */
static void wide_equals_openssl(void **state)
{
    (void)state;
    CLEANUP(gcm_wide_free_p) struct gcm_wide *w = gcm_wide_new(key.b);
    CLEANUP(EVP_CIPHER_CTX_free_p) EVP_CIPHER_CTX *c = gcm_new();
    CLEANUP(mem_free_p) uint8_t *plain = mem_alloc(STREAM_CHUNK);
    CLEANUP(mem_free_p) uint8_t *want = mem_alloc(STREAM_CHUNK);
    CLEANUP(mem_free_p) uint8_t *got = mem_alloc(STREAM_CHUNK);
    uint8_t nonce[GCM_NONCE], aad[64], tag[GCM_TAG], tag2[GCM_TAG];
    if (w == NULL) {
        skip(); /* this CPU or this build has none */
    }
    gcm_seal(c, key.b, (const uint8_t *)"twelve bytes", BYTES_NONE, BYTES_NONE, want, tag);
    rng_fill(&rng_system, plain, STREAM_CHUNK);
    rng_fill(&rng_system, aad, sizeof(aad));
    for (size_t n = 0; n <= STREAM_CHUNK; n = n < 1100 ? n + 1 : n < 65530 ? n + 6443 : n + 1) {
        rng_fill(&rng_system, nonce, sizeof(nonce));
        struct bytes head = bytes_of(aad, n % sizeof(aad)), in = bytes_of(plain, n);
        gcm_seal(c, NULL, nonce, head, in, want, tag);
        memcpy(got, plain, n);
        gcm_wide_seal(w, nonce, head, bytes_of(got, n), got, tag2); /* in place */
        assert_memory_equal(got, want, n);
        assert_memory_equal(tag2, tag, GCM_TAG);
        assert_true(gcm_wide_open(w, nonce, head, bytes_of(got, n), tag, got));
        assert_memory_equal(got, plain, n);
        tag[n % GCM_TAG] ^= (uint8_t)(1u << n % 8);
        assert_false(gcm_wide_open(w, nonce, head, bytes_of(want, n), tag, got));
        tag[n % GCM_TAG] ^= (uint8_t)(1u << n % 8);
        nonce[n % GCM_NONCE] ^= 1;
        assert_false(gcm_wide_open(w, nonce, head, bytes_of(want, n), tag, got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_equals_openssl),
        cmocka_unit_test(there_and_back_in_any_order),
        cmocka_unit_test(construction_is_as_written),
        cmocka_unit_test(refuses_flips_and_cuts),
        cmocka_unit_test(refuses_truncation_reordering_splicing),
        cmocka_unit_test(shape_is_enforced),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

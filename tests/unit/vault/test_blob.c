/* Headers and records: round trip, every truncation, every flipped bit. */
#include "testkit.h"

#include "vault/record.h"

static struct blob_header sample(void)
{
    struct blob_header h = { .suite = SUITE_AES256_GCM,
                             .ref = { "11111111-2222-4333-8444-555555555555", 3 },
                             .wrapped_n = 72 };
    memset(h.uid.b, 0xab, sizeof(h.uid.b));
    memset(h.prefix, 0xcd, sizeof(h.prefix));
    memset(h.wrapped, 0xef, h.wrapped_n);
    return h;
}

static void check_header(size_t n)
{
    struct blob_header h = sample(), back;
    struct error e = { 0 };
    uint8_t b[BLOB_HEADER_MAX + 4];
    memset(b, 0x55, sizeof(b));
    blob_header_write(&h, b, n);
    struct bytes in = bytes_of(b, n + 4);
    assert_ok(blob_header_take(&in, &back, &e), e);
    assert_int_equal(in.n, 4);
    assert_memory_equal(back.uid.b, h.uid.b, sizeof(h.uid.b));
    assert_string_equal(back.ref.id, h.ref.id);
    assert_int_equal(back.ref.version, 3);
    assert_int_equal(back.wrapped_n, h.wrapped_n);
    assert_memory_equal(back.wrapped, h.wrapped, h.wrapped_n);
    for (size_t cut = 0; cut < n; cut++) {
        in = bytes_of(b, cut);
        assert_false(result_is_ok(blob_header_take(&in, &back, &e)));
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        in = bytes_of(b, n);
        assert_false(result_is_ok(blob_header_take(&in, &back, &e)));
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_header(void **state)
{
    (void)state;
    struct blob_header h = sample();
    check_header(blob_header_len(&h));
    check_header(BLOB_HEADER_FILE);
}

static void test_record(void **state)
{
    struct blob_header h = sample(), back;
    struct error e = { 0 };
    uint8_t b[1024];
    struct bytes chunks;
    (void)state;
    size_t n = RECORD_HEAD_BYTES + blob_header_len(&h) + 100;
    memset(b, 0x77, sizeof(b));
    blob_header_write(&h, b + RECORD_HEAD_BYTES, blob_header_len(&h));
    record_seal(b, n);
    assert_ok(record_open(bytes_of(b, n), &back, &chunks, &e), e);
    assert_int_equal(chunks.n, 100);
    for (size_t cut = 0; cut < n; cut++) {
        assert_code(record_open(bytes_of(b, cut), &back, &chunks, &e), ERRC_INTEGRITY);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_code(record_open(bytes_of(b, n), &back, &chunks, &e), ERRC_INTEGRITY);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* The associated data differ when anything that they bind does. */
static void test_aad(void **state)
{
    struct blob_header h = sample();
    uint8_t a[BLOB_AAD_MAX], b[BLOB_AAD_MAX];
    (void)state;
    size_t n = blob_chunk_aad(h.suite, h.prefix, &h.uid, "acme", a);
    assert_int_equal(blob_chunk_aad(SUITE_SM4_CTR_HMAC_SM3, h.prefix, &h.uid, "acme", b), n);
    assert_memory_not_equal(a, b, n);
    assert_int_equal(blob_chunk_aad(h.suite, h.prefix, &h.uid, "acmf", b), n);
    assert_memory_not_equal(a, b, n);
    h.uid.b[15] ^= 1;
    assert_int_equal(blob_chunk_aad(h.suite, h.prefix, &h.uid, "acme", b), n);
    assert_memory_not_equal(a, b, n);
    n = blob_key_aad(&h.uid, "acme", a);
    h.uid.b[0] ^= 1;
    assert_int_equal(blob_key_aad(&h.uid, "acme", b), n);
    assert_memory_not_equal(a, b, n);
    assert_true(blob_key_aad(&h.uid, "acme2", b) != n);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_header),
                                        cmocka_unit_test(test_record), cmocka_unit_test(test_aad) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* CRCs of concatenations against CRCs over the whole, composites, RFC 9110 conditions, attributes.
 */
#include "testkit.h"

#include "vault/attrs.h"
#include "vault/digest.h"

static void digest(unsigned wanted, struct bytes v, struct vault_checksums *ret)
{
    struct digests d;
    digests_init(&d, wanted);
    digests_update(&d, bytes_slice(v, 0, v.n / 3));
    digests_update(&d, bytes_slice(v, v.n / 3, v.n));
    *ret = *digests_final(&d);
    digests_done(&d);
}

static void test_known(void **state)
{
    struct vault_checksums c;
    (void)state;
    digest(VAULT_ALL_CHECKSUMS, BYTES_LIT("123456789"), &c);
    assert_int_equal(c.known, VAULT_ALL_CHECKSUMS);
    assert_memory_equal(c.value[VAULT_CRC32].b, "\xcb\xf4\x39\x26", 4);
    assert_memory_equal(c.value[VAULT_CRC32C].b, "\xe3\x06\x92\x83", 4);
    assert_memory_equal(c.value[VAULT_CRC64NVME].b, "\xae\x8b\x14\x86\x0a\x79\x98\x88", 8);
    assert_memory_equal(c.value[VAULT_MD5].b, "\x25\xf9\xe7\x94", 4);
    assert_memory_equal(c.value[VAULT_SHA1].b, "\xf7\xc3\xbc\x1d", 4);
    assert_memory_equal(c.value[VAULT_SHA256].b, "\x15\xe2\xb0\xd3", 4);
}

static void test_combine(void **state)
{
    uint8_t data[70000];
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 131 + i / 256);
    }
    static const size_t cuts[] = { 0, 1, 2, 63, 4096, 65535, 65536, 69999, 70000 };
    unsigned wanted =
            1u << VAULT_CRC32 | 1u << VAULT_CRC32C | 1u << VAULT_CRC64NVME | 1u << VAULT_SHA256;
    struct vault_checksums whole, out;
    digest(wanted, BYTES_OF(data), &whole);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        for (size_t j = i; j < ARRAY_LEN(cuts); j++) {
            struct vault_part parts[3] = { { .size = cuts[i] },
                                           { .size = cuts[j] - cuts[i] },
                                           { .size = sizeof(data) - cuts[j] } };
            digest(wanted, bytes_of(data, cuts[i]), &parts[0].checksums);
            digest(wanted, bytes_of(data + cuts[i], cuts[j] - cuts[i]), &parts[1].checksums);
            digest(wanted, bytes_of(data + cuts[j], sizeof(data) - cuts[j]), &parts[2].checksums);
            checksums_of_parts(parts, 3, wanted & ~(1u << VAULT_SHA256), true, &out);
            assert_false(out.is_composite);
            for (unsigned c = VAULT_CRC32; c <= VAULT_CRC64NVME; c++) {
                assert_memory_equal(out.value[c].b, whole.value[c].b, whole.value[c].n);
            }
            checksums_of_parts(parts, 3, 1u << VAULT_SHA256 | 1u << VAULT_CRC32C, false, &out);
            assert_true(out.is_composite);
            uint8_t cat[96], want[32];
            for (unsigned k = 0; k < 3; k++) {
                memcpy(cat + 32 * k, parts[k].checksums.value[VAULT_SHA256].b, 32);
            }
            sha256(BYTES_OF(cat), want);
            assert_memory_equal(out.value[VAULT_SHA256].b, want, 32);
            assert_memory_not_equal(out.value[VAULT_CRC32C].b, whole.value[VAULT_CRC32C].b, 4);
        }
    }
}

static void test_conditions(void **state)
{
    struct vault_object o = { .etag = "abc", .modified_ms = 5000500 };
    struct vault_conditions c = { 0 };
    (void)state;
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_PROCEED);
    assert_int_equal(vault_conditions_eval(&c, NULL), VAULT_PROCEED);
    c.if_match = BYTES_LIT("\"x\" ,\t\"abc\"");
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_PROCEED);
    assert_int_equal(vault_conditions_eval(&c, NULL), VAULT_PRECONDITION_FAILED);
    c.if_match = BYTES_LIT("\"x\"");
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_PRECONDITION_FAILED);
    c.if_match = BYTES_LIT("*");
    c.if_none_match = BYTES_LIT("W/\"abc\"");
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_NOT_MODIFIED);
    c = (struct vault_conditions){ .if_none_match = BYTES_LIT("*") };
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_NOT_MODIFIED);
    assert_int_equal(vault_conditions_eval(&c, NULL), VAULT_PROCEED);
    c = (struct vault_conditions){ .has_modified_since = true, .modified_since_ms = 5000000 };
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_NOT_MODIFIED);
    c.modified_since_ms = 4999000;
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_PROCEED);
    c = (struct vault_conditions){ .has_unmodified_since = true, .unmodified_since_ms = 4999000 };
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_PRECONDITION_FAILED);
    c.if_match = BYTES_LIT("\"abc\""); /* takes precedence over the date */
    assert_int_equal(vault_conditions_eval(&c, &o), VAULT_PROCEED);
}

static void test_attrs(void **state)
{
    struct error e = { 0 };
    struct vault_pair pairs[2] = { { BYTES_LIT("a"), BYTES_LIT("b") },
                                   { BYTES_LIT(""), BYTES_LIT("") } };
    struct vault_object o = { .content_type = BYTES_LIT("x"),
                              .metadata = pairs,
                              .metadata_count = 2,
                              .tags = pairs,
                              .tag_count = 1,
                              .has_sha256 = true },
                        back;
    struct buf out = BUF(ATTRS_MAX);
    (void)state;
    digest(1u << VAULT_CRC32 | 1u << VAULT_MD5, BYTES_LIT("1"), &o.checksums);
    o.checksums.is_composite = true;
    memset(o.sha256, 9, 32);
    attrs_encode(&o, &out);
    struct arena *a = arena_new(4096, false);
    for (size_t cut = 0; cut < out.n; cut++) {
        assert_code(attrs_decode(bytes_of(out.p, cut), false, a, &back, &e), ERRC_FORMAT);
    }
    memset(&back, 0, sizeof(back));
    assert_ok(attrs_decode(buf_bytes(&out), false, a, &back, &e), e);
    assert_bytes(back.metadata[0].value, BYTES_LIT("b"));
    assert_int_equal(back.metadata_count, 2);
    assert_int_equal(back.header_count, 0);
    assert_int_equal(back.tag_count, 1);
    assert_int_equal(back.checksums.known, o.checksums.known);
    assert_true(back.checksums.is_composite);
    assert_true(back.has_sha256);
    assert_int_equal(back.sha256[31], 9);
    buf_add_u8(&out, 0);
    assert_code(attrs_decode(buf_bytes(&out), false, a, &back, &e), ERRC_FORMAT);
    arena_free(a);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_known),
                                        cmocka_unit_test(test_combine),
                                        cmocka_unit_test(test_conditions),
                                        cmocka_unit_test(test_attrs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

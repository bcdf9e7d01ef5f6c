/* Receipts: good ones, every changed byte, objects. */
#include "proof_kit.h"

#include "crypto/crc.h"
#include "ledger/receipt.h"

static struct result check(struct bytes text, const struct receipt_options *o,
                           struct receipt_report *ret, struct error *e)
{
    CLEANUP(receipt_free_p) struct receipt *r = NULL;

    TRY(receipt_parse(text, &r, e));
    TRY(receipt_verify(r, o, ret, e));
    ret->origin = ret->entry_text = ret->payload = ret->checkpoint = BYTES_NONE; /* gone with r */
    return RESULT_OK;
}

static void test_good(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    CLEANUP(policy_free_p) struct policy *p = kit_policy(k, "group g all w1 w2\nquorum g\n");
    CLEANUP(policy_free_p) struct policy *unmet = kit_policy(k, "quorum w3\n");
    struct receipt_options by_policy = { p, NULL }, by_key = { NULL, &k->log },
                           both = { p, &k->log }, wrong = { NULL, &k->sealer },
                           none = { NULL, NULL }, more = { unmet, NULL };
    struct receipt_report r;

    kit_fill(k, 40);
    for (uint64_t i = 0; i < 40; i++) {
        CLEANUP(buf_done_p) struct buf text = BUF(RECEIPT_MAX);
        CLEANUP(buf_done_p) struct buf header = BUF(RECEIPT_MAX);
        kit_receipt(k, i, 40, &text);
        assert_ok(check(buf_bytes(&text), &by_policy, &r, &e), e);
        assert_int_equal(r.index, i);
        assert_int_equal(r.size, 40);
        assert_int_equal(r.witnesses.cosignatures, 2);
        assert_ok(check(buf_bytes(&text), &both, &r, &e), e);
        assert_code(check(buf_bytes(&text), &wrong, &r, &e), ERRC_NOT_FOUND);
        assert_code(check(buf_bytes(&text), &none, &r, &e), ERRC_NOT_FOUND);
        assert_code(check(buf_bytes(&text), &more, &r, &e), ERRC_DENIED);
        buf_add_base64url(&header, buf_bytes(&text));
        assert_ok(check(buf_bytes(&header), &by_key, &r, &e), e);
        buf_add_u8(&header, '\n');
        assert_ok(check(buf_bytes(&header), &by_key, &r, &e), e);
        buf_add_u8(&text, '\n');
        assert_ok(check(buf_bytes(&text), &by_key, &r, &e), e);
        buf_add_u8(&text, '\n');
        assert_code(check(buf_bytes(&text), &by_key, &r, &e), ERRC_FORMAT);
    }
    kit_free(k);
}

/*= 2.1.7-5 test */
static void test_flips(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    CLEANUP(policy_free_p) struct policy *p = kit_policy(k, "quorum w1\n");
    struct receipt_options o = { p, NULL };
    CLEANUP(buf_done_p) struct buf text = BUF(RECEIPT_MAX);
    struct receipt_report r;

    k->cosigned = 1;
    kit_fill(k, 21);
    kit_receipt(k, 9, 21, &text);
    assert_ok(check(buf_bytes(&text), &o, &r, &e), e);
    for (size_t at = 0; at < text.n; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text.p[at] ^= (uint8_t)(1u << bit);
            if (result_is_ok(check(buf_bytes(&text), &o, &r, &e))) {
                fail_msg("byte %zu, bit %u was accepted: %s", at, bit, buf_cstr(&text));
            }
            assert_int_equal(strncmp(e.msg, "receipt: ", 9), 0);
            text.p[at] ^= (uint8_t)(1u << bit);
        }
    }
    for (size_t n = 0; n < text.n; n++) {
        assert_false(result_is_ok(check(bytes_of(text.p, n), &o, &r, &e)));
    }
    /* another entry's receipt does not lend its proof */
    CLEANUP(buf_done_p) struct buf other = BUF(RECEIPT_MAX);
    kit_receipt(k, 8, 21, &other);
    struct bytes a = buf_bytes(&text), b = buf_bytes(&other);
    size_t from_a = bytes_find(a, BYTES_LIT("\"proof\"")),
           from_b = bytes_find(b, BYTES_LIT("\"proof\""));
    CLEANUP(buf_done_p) struct buf mixed = BUF(RECEIPT_MAX);
    buf_add(&mixed, bytes_slice(a, 0, from_a));
    buf_add(&mixed, bytes_slice(b, from_b, b.n));
    assert_code(check(buf_bytes(&mixed), &o, &r, &e), ERRC_INTEGRITY);
    kit_free(k);
}

/* --- objects --- */

static struct result check_object(struct fs *fs, const char *payload, struct receipt_object *ret,
                                  struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    TRY(fs_open(fs, "object", FS_READ, &f, e));
    return receipt_check_object(bytes_str(payload), f, ret, e);
}

static void test_object(void **state)
{
    (void)state;
    struct fs *fs = fs_fake_new(64u << 20);
    struct error e = { 0 };
    struct receipt_object r;
    size_t n = 600001;
    uint8_t *p = mem_alloc(n), digest[32], crc[8];
    char hex[65], payload[512];
    CLEANUP(buf_done_p) struct buf b64 = BUF(64);

    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 7 + i / 251);
    }
    assert_ok(fs_write_file(fs, "object", bytes_of(p, n), &e), e);
    sha256(bytes_of(p, n), digest);
    hex_encode(BYTES_OF(digest), hex);
    snprintf(payload, sizeof(payload), "{\"sha256\":\"%s\",\"size\":600001}", hex);
    assert_ok(check_object(fs, payload, &r, &e), e);
    assert_true(r.is_cryptographic && r.by == RECEIPT_OBJECT_SHA256 && r.size == n);
    snprintf(payload, sizeof(payload), "{\"sha256\":\"%s\",\"size\":600000}", hex);
    assert_code(check_object(fs, payload, &r, &e), ERRC_INTEGRITY);

    put_be64(crc, crc64nvme_update(0, bytes_of(p, n)));
    buf_add_base64(&b64, BYTES_OF(crc));
    snprintf(payload, sizeof(payload),
             "{\"checksum\":{\"crc64nvme\":\"%s\"},\"parts\":3,\"size\":600001}", buf_cstr(&b64));
    assert_ok(check_object(fs, payload, &r, &e), e);
    assert_false(r.is_cryptographic);
    assert_string_equal(r.algorithm, "crc64nvme");

    put_be32(crc, crc32c_update(0, bytes_of(p, n)));
    buf_reset(&b64);
    buf_add_base64(&b64, bytes_of(crc, 4));
    snprintf(payload, sizeof(payload), "{\"checksum\":{\"crc32c\":\"%s\"},\"size\":600001}",
             buf_cstr(&b64));
    assert_ok(check_object(fs, payload, &r, &e), e);
    snprintf(payload, sizeof(payload),
             "{\"checksum\":{\"crc32c\":\"%s\"},\"parts\":3,\"size\":600001}", buf_cstr(&b64));
    assert_code(check_object(fs, payload, &r, &e),
                ERRC_UNSUPPORTED); /* of the parts' checksums, perhaps */
    assert_code(check_object(fs, "{\"size\":600001}", &r, &e), ERRC_UNSUPPORTED);
    assert_code(check_object(fs, "{\"key\":\"a\"}", &r, &e), ERRC_NOT_FOUND);

    p[n / 2] ^= 1;
    assert_ok(fs_write_file(fs, "object", bytes_of(p, n), &e), e);
    snprintf(payload, sizeof(payload), "{\"sha256\":\"%s\",\"size\":600001}", hex);
    assert_code(check_object(fs, payload, &r, &e), ERRC_INTEGRITY);
    mem_free(p);
    fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_object),
    };
    return cmocka_run_group_tests_name("ledger/receipt", tests, NULL, NULL);
}

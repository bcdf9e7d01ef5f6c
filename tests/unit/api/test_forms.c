/* Small forms that a request carries: ranges, XML bodies, tags, checksum names; and the table of
 * errors. */
#include "testkit.h"

#include "api/s3/checksum.h"
#include "api/s3/error.h"
#include "api/s3/range.h"
#include "api/s3/xml_in.h"

/* --- ranges --- */

static void range(const char *text, uint64_t size, enum s3_range verdict, uint64_t from, uint64_t n)
{
    uint64_t got_from = 77, got_n = 77;
    enum s3_range got = s3_range_parse(bytes_str(text), size, &got_from, &got_n);
    if (got != verdict) {
        fail_msg("%s of %llu: %d, expected %d", text, (unsigned long long)size, got, verdict);
    }
    assert_int_equal(got_from, verdict == S3_RANGE_GOOD ? from : 77);
    assert_int_equal(got_n, verdict == S3_RANGE_GOOD ? n : 77);
}

static void test_ranges(void **state)
{
    static const char *const ignored[] = {
        "",           "bytes",       "bytes=",        "bytes=-",    "bytes=a-b",   "bytes=1",
        "bytes=2-1",  "bytes=0-1,2", "bytes=0-1,3-4", "bytes= 0-1", "bytes=0-1 ",  "bytes=+1-2",
        "bytes=1--2", "bytes=--1",   "items=0-1",     "bytes:0-1",  "bytes=0x1-2",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        range(ignored[i], 10, S3_RANGE_NONE, 0, 0);
    }
    range("bytes=0-0", 10, S3_RANGE_GOOD, 0, 1);
    range("bytes=0-9", 10, S3_RANGE_GOOD, 0, 10);
    range("bytes=0-10", 10, S3_RANGE_GOOD, 0, 10);
    range("bytes=9-", 10, S3_RANGE_GOOD, 9, 1);
    range("Bytes=9-", 10, S3_RANGE_GOOD, 9, 1);
    range("bytes=10-", 10, S3_RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=10-12", 10, S3_RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=-1", 10, S3_RANGE_GOOD, 9, 1);
    range("bytes=-10", 10, S3_RANGE_GOOD, 0, 10);
    range("bytes=-11", 10, S3_RANGE_GOOD, 0, 10);
    range("bytes=-0", 10, S3_RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=0-", 0, S3_RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=-5", 0, S3_RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=0-18446744073709551615", 10, S3_RANGE_GOOD, 0, 10);
    range("bytes=1-99999999999999999999999", 10, S3_RANGE_GOOD, 1, 9);
    range("bytes=-99999999999999999999999", 10, S3_RANGE_GOOD, 0, 10);
    range("bytes=99999999999999999999999-", 10, S3_RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=18446744073709551614-18446744073709551615", UINT64_MAX, S3_RANGE_GOOD,
          UINT64_MAX - 1, 1);
}

/* --- XML --- */

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(4096, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct xml_node *tree(const char *text)
{
    struct xml_node *root = NULL;
    struct error e = { 0 };
    assert_ok(xml_parse(bytes_str(text), 4u << 20, arena, &root, &e), e);
    return root;
}

static void test_delete(void **state)
{
    struct s3_delete_item *items = NULL;
    size_t n = 0;
    bool is_quiet = true;
    (void)state;
    assert_int_equal(s3_xml_delete(tree("<Delete xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
                                        "<Object><Key>a&amp;b</Key></Object>\n"
                                        "<Object><Key>&#x4f60; </Key><VersionId>null</VersionId>"
                                        "<ETag>x</ETag></Object></Delete>"),
                                   arena, &items, &n, &is_quiet),
                     S3_OK);
    assert_int_equal(n, 2);
    assert_false(is_quiet);
    assert_bytes(items[0].key, BYTES_LIT("a&b"));
    assert_int_equal(items[0].version.n, 0);
    assert_false(items[0].has_condition);
    assert_bytes(items[1].key, BYTES_LIT("\xe4\xbd\xa0 ")); /* blanks belong to keys */
    assert_bytes(items[1].version, BYTES_LIT("null"));
    assert_true(items[1].has_condition);
    assert_int_equal(s3_xml_delete(tree("<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object>"
                                        "</Delete>"),
                                   arena, &items, &n, &is_quiet),
                     S3_OK);
    assert_true(is_quiet);
    assert_int_equal(s3_xml_delete(tree("<Delete/>"), arena, &items, &n, &is_quiet),
                     S3_MALFORMED_XML);
    assert_int_equal(
            s3_xml_delete(tree("<Delete><Object/></Delete>"), arena, &items, &n, &is_quiet),
            S3_MALFORMED_XML);
    for (size_t count = S3_DELETE_MAX; count <= S3_DELETE_MAX + 1; count++) {
        CLEANUP(buf_done_p) struct buf text = BUF(1 << 20);
        buf_add_str(&text, "<Delete>");
        for (size_t i = 0; i < count; i++) {
            buf_addf(&text, "<Object><Key>k%zu</Key></Object>", i);
        }
        buf_add_str(&text, "</Delete>");
        assert_int_equal(s3_xml_delete(tree(buf_cstr(&text)), arena, &items, &n, &is_quiet),
                         count > S3_DELETE_MAX ? S3_MALFORMED_XML : S3_OK);
    }
}

static enum s3_error parts(const char *inner, struct vault_part **ret, size_t *ret_n)
{
    return s3_xml_parts(tree(arena_printf(arena,
                                          "<CompleteMultipartUpload>%s"
                                          "</CompleteMultipartUpload>",
                                          inner)),
                        arena, ret, ret_n);
}

#define PART(number, etag) "<Part><PartNumber>" number "</PartNumber><ETag>" etag "</ETag></Part>"

static void test_parts(void **state)
{
    struct vault_part *p = NULL;
    size_t n = 0;
    (void)state;
    assert_int_equal(parts(PART("1", "\"abc\"") PART("10000", "def"), &p, &n), S3_OK);
    assert_int_equal(n, 2);
    assert_int_equal(p[1].number, 10000);
    assert_string_equal(p[0].etag, "abc");
    assert_string_equal(p[1].etag, "def");
    assert_int_equal(parts("<Part><ETag>x</ETag><PartNumber>1</PartNumber>"
                           "<ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>",
                           &p, &n),
                     S3_OK);
    assert_int_equal(p[0].checksums.known, 1u << VAULT_CRC32);
    assert_memory_equal(p[0].checksums.value[VAULT_CRC32].b, "\x36\x10\xa6\x86", 4);
    static const char *const malformed[] = {
        "",
        "<Other/>",
        PART("0", "a"),
        PART("10001", "a"),
        PART("x", "a"),
        PART("1", ""),
        "<Part><PartNumber>1</PartNumber></Part>",
        "<Part><ETag>a</ETag></Part>",
        PART("1", "0123456789012345678901234567890123456789012345678901234567890123456789"),
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        assert_int_equal(parts(malformed[i], &p, &n), S3_MALFORMED_XML);
    }
    assert_int_equal(parts(PART("2", "a") PART("1", "b"), &p, &n), S3_INVALID_PART_ORDER);
    assert_int_equal(parts(PART("1", "a") PART("1", "b"), &p, &n), S3_INVALID_PART_ORDER);
    assert_int_equal(parts("<Part><ETag>x</ETag><PartNumber>1</PartNumber>"
                           "<ChecksumSHA1>NhCmhg==</ChecksumSHA1></Part>",
                           &p, &n),
                     S3_INVALID_PART);
}

static enum s3_error tags(const char *inner, size_t *ret_n)
{
    struct vault_pair *t = NULL;
    const char *why = NULL;
    enum s3_error err =
            s3_xml_tags(tree(arena_printf(arena, "<Tagging><TagSet>%s</TagSet></Tagging>", inner)),
                        arena, &t, ret_n, &why);
    assert_true((why != NULL) == (err == S3_INVALID_TAG));
    return err;
}

static const char *tag(size_t key_n, size_t value_n, const char *character)
{
    struct buf text = BUF(64 * 1024);
    buf_add_str(&text, "<Tag><Key>");
    for (size_t i = 0; i < key_n; i++) {
        buf_add_str(&text, character);
    }
    buf_add_str(&text, "</Key><Value>");
    for (size_t i = 0; i < value_n; i++) {
        buf_add_str(&text, character);
    }
    buf_add_str(&text, "</Value></Tag>");
    const char *v = arena_str(arena, buf_bytes(&text));
    buf_done(&text);
    return v;
}

static void test_tags(void **state)
{
    size_t n = 0;
    (void)state;
    assert_int_equal(tags("", &n), S3_OK);
    assert_int_equal(n, 0);
    assert_int_equal(tags(tag(128, 256, "a"), &n), S3_OK);
    assert_int_equal(tags(tag(128, 256, "\xe4\xbd\xa0"), &n), S3_OK); /* characters, not bytes */
    assert_int_equal(tags(tag(129, 1, "a"), &n), S3_INVALID_TAG);
    assert_int_equal(tags(tag(1, 257, "\xe4\xbd\xa0"), &n), S3_INVALID_TAG);
    assert_int_equal(tags(tag(0, 1, "a"), &n), S3_INVALID_TAG);
    assert_int_equal(tags(tag(1, 0, "a"), &n), S3_OK);
    assert_int_equal(tags(tag(1, 1, "&#9;"), &n), S3_INVALID_TAG);
    assert_int_equal(tags("<Tag><Key>aws:x</Key><Value/></Tag>", &n), S3_INVALID_TAG);
    assert_int_equal(tags("<Tag><Key>x</Key></Tag>", &n), S3_MALFORMED_XML);
    assert_int_equal(tags("<Other/>", &n), S3_MALFORMED_XML);
    assert_int_equal(tags("<Tag><Key>x</Key><Value>1</Value></Tag>"
                          "<Tag><Key>x</Key><Value>2</Value></Tag>",
                          &n),
                     S3_INVALID_TAG);
    for (size_t count = VAULT_TAGS_MAX; count <= VAULT_TAGS_MAX + 1; count++) {
        CLEANUP(buf_done_p) struct buf text = BUF(4096);
        for (size_t i = 0; i < count; i++) {
            buf_addf(&text, "<Tag><Key>k%zu</Key><Value>v</Value></Tag>", i);
        }
        assert_int_equal(tags(buf_cstr(&text), &n),
                         count > VAULT_TAGS_MAX ? S3_INVALID_TAG : S3_OK);
    }
}

static enum s3_error encryption(const char *inner, enum vault_sse *ret)
{
    struct bytes key;
    const char *why = NULL;
    return s3_xml_encryption(tree(arena_printf(arena, "<S>%s</S>", inner)), ret, &key, &why);
}

static void test_encryption(void **state)
{
    enum vault_sse sse = VAULT_SSE_KMS;
    (void)state;
#define RULE(inner)                                                                                \
    "<Rule><ApplyServerSideEncryptionByDefault>" inner                                             \
    "</ApplyServerSideEncryptionByDefault></Rule>"
    assert_int_equal(encryption(RULE("<SSEAlgorithm>AES256</SSEAlgorithm>"), &sse), S3_OK);
    assert_int_equal(sse, VAULT_SSE_AES256);
    assert_int_equal(encryption(RULE("<SSEAlgorithm>aws:kms</SSEAlgorithm>"
                                     "<KMSMasterKeyID>x</KMSMasterKeyID>"),
                                &sse),
                     S3_OK);
    assert_int_equal(sse, VAULT_SSE_KMS);
    assert_int_equal(encryption(RULE(""), &sse), S3_MALFORMED_XML);
    assert_int_equal(encryption("<Rule/>", &sse), S3_MALFORMED_XML);
    assert_int_equal(encryption("", &sse), S3_MALFORMED_XML);
    assert_int_equal(encryption(RULE("<SSEAlgorithm>none</SSEAlgorithm>"), &sse), S3_MALFORMED_XML);
    assert_int_equal(encryption(RULE("<SSEAlgorithm>AES256</SSEAlgorithm>")
                                        RULE("<SSEAlgorithm>AES256</SSEAlgorithm>"),
                                &sse),
                     S3_MALFORMED_XML);
    assert_int_equal(encryption(RULE("<SSEAlgorithm>AES256</SSEAlgorithm>"
                                     "<KMSMasterKeyID>x</KMSMasterKeyID>"),
                                &sse),
                     S3_INVALID_ARGUMENT);
#undef RULE
}

/* --- checksums --- */

static void test_checksums(void **state)
{
    enum vault_checksum c = VAULT_MD5;
    uint8_t raw[32];
    (void)state;
    assert_true(s3_checksum_by_name(BYTES_LIT("crc64nvme"), &c));
    assert_int_equal(c, VAULT_CRC64NVME);
    assert_true(s3_checksum_by_name(BYTES_LIT("SHA256"), &c));
    assert_int_equal(c, VAULT_SHA256);
    assert_false(s3_checksum_by_name(BYTES_LIT("MD5"), &c));
    assert_false(s3_checksum_by_name(BYTES_LIT(""), &c));
    for (unsigned i = 0; i < VAULT_MD5; i++) {
        char header[64] = "x-amz-checksum-";
        const char *name = s3_checksum_name((enum vault_checksum)i);
        for (size_t j = 0; name[j] != '\0'; j++) {
            header[15 + j] = (char)(name[j] | 0x20);
        }
        assert_string_equal(s3_checksum_header((enum vault_checksum)i), header);
    }
    assert_true(s3_checksum_parse(BYTES_LIT("NhCmhg=="), VAULT_CRC32, raw));
    assert_false(s3_checksum_parse(BYTES_LIT("NhCmhg=="), VAULT_SHA1, raw));
    assert_false(s3_checksum_parse(BYTES_LIT("NhCmhg"), VAULT_CRC32, raw));
    assert_false(s3_checksum_parse(BYTES_LIT(""), VAULT_CRC32, raw));
    assert_false(s3_checksum_parse(BYTES_LIT("NhCmhh=="), VAULT_CRC32, raw)); /* stray bits */
}

/* --- errors --- */

static void test_errors(void **state)
{
    (void)state;
    for (unsigned i = 0; i < S3_ERROR_COUNT_; i++) {
        const struct s3_error_info *info = s3_error_info((enum s3_error)i);
        assert_non_null(info->code);
        assert_true(info->status >= 200 && info->status < 600);
        assert_true(i == S3_OK || (info->status >= 400 && info->message[0] != '\0'));
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(info->code, s3_error_info((enum s3_error)j)->code);
        }
    }
    assert_string_equal(s3_error_info((enum s3_error)9999)->code, "InternalError");
    for (unsigned c = 0; c < ERRC_COUNT_; c++) {
        enum s3_error err = s3_error_of((enum errc)c, S3_NO_SUCH_KEY);
        assert_true((err == S3_OK) == (c == ERRC_OK));
        assert_true(err < S3_ERROR_COUNT_);
    }
    assert_int_equal(s3_error_of(ERRC_NOT_FOUND, S3_NO_SUCH_KEY), S3_NO_SUCH_KEY);
    assert_int_equal(s3_error_info(s3_error_of(ERRC_FULL, S3_OK))->status, 507);
    assert_int_equal(s3_error_info(s3_error_of(ERRC_AGAIN, S3_OK))->status, 503);
    assert_int_equal(s3_error_info(s3_error_of(ERRC_CONFLICT, S3_OK))->status, 412);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),     cmocka_unit_test(test_delete),
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_tags),
        cmocka_unit_test(test_encryption), cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

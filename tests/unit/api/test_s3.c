/* S3 as clients see it: the handlers with everything behind them. */
#include "house.h"

#include "api/s3/request.h"
#include "base/text.h"
#include "net/xml.h"

static struct house *house;
static struct credentials acme, other;
static const struct credentials *const me = &acme;

static int group_setup(void **state)
{
    (void)state;
    house = house_open();
    house_tenant(house, "acme", &acme);
    house_tenant(house, "other", &other);
    s3_expect(house, me, "PUT", "/data", BYTES_NONE, NULL, 200, NULL);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL);
    house_close(house);
    return 0;
}

#define GET(target, status, code)                                                                  \
    s3_expect(house, me, "GET", target, BYTES_NONE, NULL, status, code)
#define PUT(target, body, status, code)                                                            \
    s3_expect(house, me, "PUT", target, BYTES_LIT(body), NULL, status, code)
#define DELETE(target, status)                                                                     \
    s3_expect(house, me, "DELETE", target, BYTES_NONE, NULL, status, NULL)

static void assert_header(const struct answer *a, const char *name, const char *want)
{
    const char *got = answer_header(a, name);
    if (want == NULL ? got != NULL : got == NULL || strcmp(got, want) != 0) {
        fail_msg("%s: '%s', expected '%s'\n%s", name, got == NULL ? "absent" : got,
                 want == NULL ? "absent" : want, a->head);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct answer *a = s3(house, me, "PUT", "/data/a", BYTES_LIT("hello"), NULL);
    assert_int_equal(a->status, 200);
    assert_non_null(answer_header(a, "x-troth-receipt"));
    assert_header(a, "x-amz-server-side-encryption", "aws:kms");
    a = s3(house, me, "GET", "/data/a", BYTES_NONE, NULL);
    assert_int_equal(a->status, 200);
    assert_bytes(buf_bytes(&a->body), BYTES_LIT("hello"));
    assert_header(a, "content-type", "binary/octet-stream");
    assert_header(a, "accept-ranges", "bytes");
    a = s3(house, me, "HEAD", "/data/a", BYTES_NONE, NULL);
    assert_int_equal(a->status, 200);
    assert_header(a, "content-length", "5");
    assert_int_equal(a->body.n, 0);
    GET("/data/b", 404, "NoSuchKey");
    GET("/nowhere/b", 404, "NoSuchBucket");
    s3_expect(house, me, "HEAD", "/data/b", BYTES_NONE, NULL, 404, NULL);
    DELETE("/data/a", 204);
    DELETE("/data/a", 204);
    GET("/data/a", 404, "NoSuchKey");
}

/*= 2.1.3-8 test */
static void test_who_asks(void **state)
{
    (void)state;
    struct credentials wrong = acme;
    PUT("/data/mine", "x", 200, NULL);
    s3_expect(house, NULL, "GET", "/data/mine", BYTES_NONE, NULL, 403, "AccessDenied");
    wrong.secret[0] = wrong.secret[0] == 'A' ? 'B' : 'A';
    s3_expect(house, &wrong, "GET", "/data/mine", BYTES_NONE, NULL, 403, "SignatureDoesNotMatch");
    wrong = acme;
    wrong.id[5] = wrong.id[5] == 'A' ? 'B' : 'A';
    s3_expect(house, &wrong, "GET", "/data/mine", BYTES_NONE, NULL, 403, "InvalidAccessKeyId");
    /* bucket names live within a tenant: the other one sees nothing */
    s3_expect(house, &other, "GET", "/data/mine", BYTES_NONE, NULL, 404, "NoSuchBucket");
    s3_expect(house, &other, "PUT", "/data", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, &other, "GET", "/data/mine", BYTES_NONE, NULL, 404, "NoSuchKey");
    struct ask late = {
        .as = me, .method = "GET", .target = "/data/mine", .clock_off_ms = -16 * 60 * 1000
    };
    CLEANUP(answer_done_p) struct answer a = { 0 };
    house_ask(house, &late, &a);
    assert_string_equal(answer_element(&a, "Code"), "RequestTimeTooSkewed");
    s3_expect(house, NULL, "GET", "/data/mine", BYTES_NONE,
              HEADS({ "authorization", "AWS AKIA:xyz" }), 400, "InvalidRequest");
    s3_expect(house, NULL, "GET", "/data/mine", BYTES_NONE,
              HEADS({ "authorization", "AWS4-HMAC-SHA256 nonsense" }), 400,
              "AuthorizationHeaderMalformed");
}

static void test_expected_owner(void **state)
{
    (void)state;
    PUT("/data/owned", "x", 200, NULL);
    s3_expect(house, me, "GET", "/data/owned", BYTES_NONE,
              HEADS({ "x-amz-expected-bucket-owner", acme.account }), 200, NULL);
    s3_expect(house, me, "GET", "/data/owned", BYTES_NONE,
              HEADS({ "x-amz-expected-bucket-owner", other.account }), 403, "AccessDenied");
    s3_expect(house, me, "GET", "/data/owned", BYTES_NONE,
              HEADS({ "x-amz-expected-bucket-owner", "" }), 403, "AccessDenied");
    s3_expect(house, me, "PUT", "/data/owned2", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "data/owned" },
                    { "x-amz-source-expected-bucket-owner", other.account }),
              403, "AccessDenied");
}

static void test_conditions(void **state)
{
    char etag[64];
    (void)state;
    PUT("/data/c", "one", 200, NULL);
    snprintf(etag, sizeof(etag), "%s",
             answer_header(s3(house, me, "HEAD", "/data/c", BYTES_NONE, NULL), "etag"));
    s3_expect(house, me, "PUT", "/data/c", BYTES_LIT("two"), HEADS({ "if-none-match", "*" }), 412,
              "PreconditionFailed");
    s3_expect(house, me, "PUT", "/data/c-new", BYTES_LIT("two"), HEADS({ "if-none-match", "*" }),
              200, NULL);
    s3_expect(house, me, "PUT", "/data/c", BYTES_LIT("two"), HEADS({ "if-match", "\"0\"" }), 412,
              "PreconditionFailed");
    s3_expect(house, me, "GET", "/data/c", BYTES_NONE, HEADS({ "if-none-match", etag }), 304, NULL);
    assert_int_equal(s3(house, me, "GET", "/data/c", BYTES_NONE, NULL)->body.n, 3);
    s3_expect(house, me, "GET", "/data/c", BYTES_NONE, HEADS({ "if-match", "\"0\"" }), 412,
              "PreconditionFailed");
    s3_expect(house, me, "GET", "/data/c", BYTES_NONE, HEADS({ "if-match", etag }), 200, NULL);
    s3_expect(house, me, "GET", "/data/c", BYTES_NONE,
              HEADS({ "if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT" }), 412,
              "PreconditionFailed");
    s3_expect(house, me, "GET", "/data/c", BYTES_NONE, HEADS({ "if-modified-since", "not a date" }),
              200, NULL);
    s3_expect(house, me, "PUT", "/data/c", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "/data/c-new" }, { "if-none-match", "*" }), 412,
              "PreconditionFailed");
    s3_expect(house, me, "PUT", "/data/c-copy", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "/data/c" }, { "x-amz-copy-source-if-match", "\"0\"" }),
              412, "PreconditionFailed");
    s3_expect(house, me, "DELETE", "/data/c", BYTES_NONE, HEADS({ "if-match", "\"0\"" }), 501,
              "NotImplemented");
    GET("/data/c", 200, NULL);
}

static void test_ranges(void **state)
{
    static const struct {
        const char *range, *body, *content;
        unsigned status;
    } cases[] = {
        { "bytes=0-0", "0", "bytes 0-0/10", 206 },    { "bytes=2-4", "234", "bytes 2-4/10", 206 },
        { "bytes=7-", "789", "bytes 7-9/10", 206 },   { "bytes=-3", "789", "bytes 7-9/10", 206 },
        { "bytes=8-99", "89", "bytes 8-9/10", 206 },  { "bytes=4-2", "0123456789", NULL, 200 },
        { "bytes=0-1,3-4", "0123456789", NULL, 200 }, { "items=0-1", "0123456789", NULL, 200 },
    };
    char etag[64];
    (void)state;
    PUT("/data/digits", "0123456789", 200, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct answer *a = s3(house, me, "GET", "/data/digits", BYTES_NONE,
                                    HEADS({ "range", cases[i].range }));
        assert_int_equal(a->status, cases[i].status);
        assert_bytes(buf_bytes(&a->body), bytes_str(cases[i].body));
        assert_header(a, "content-range", cases[i].content);
    }
    const struct answer *a =
            s3(house, me, "GET", "/data/digits", BYTES_NONE, HEADS({ "range", "bytes=10-" }));
    assert_int_equal(a->status, 416);
    assert_header(a, "content-range", "bytes */10");
    snprintf(etag, sizeof(etag), "%s",
             answer_header(s3(house, me, "HEAD", "/data/digits", BYTES_NONE,
                              HEADS({ "range", "bytes=0-1" })),
                           "etag"));
    s3_expect(house, me, "GET", "/data/digits", BYTES_NONE,
              HEADS({ "range", "bytes=0-1" }, { "if-range", etag }), 206, NULL);
    s3_expect(house, me, "GET", "/data/digits", BYTES_NONE,
              HEADS({ "range", "bytes=0-1" }, { "if-range", "\"old\"" }), 200, NULL);
    PUT("/data/empty", "", 200, NULL);
    s3_expect(house, me, "GET", "/data/empty", BYTES_NONE, HEADS({ "range", "bytes=0-" }), 416,
              "InvalidRange");
    GET("/data/empty", 200, NULL);
}

/* Every header that was taken comes back; what would not fit is refused when it is put. */
static void test_metadata(void **state)
{
    struct head heads[96];
    char names[85][32], long_value[2100];
    (void)state;
    for (size_t i = 0; i < 85; i++) {
        snprintf(names[i], sizeof(names[i]), "x-amz-meta-n%zu", i);
        heads[i] = (struct head){ names[i], "v" };
    }
    heads[85] = (struct head){ NULL, NULL };
    s3_expect(house, me, "PUT", "/data/meta", BYTES_LIT("x"), heads, 200, NULL);
    const struct answer *a = s3(house, me, "GET", "/data/meta", BYTES_NONE, NULL);
    assert_int_equal(a->status, 200);
    for (size_t i = 0; i < 85; i++) {
        assert_header(a, names[i], "v");
    }
    s3_expect(house, me, "PUT", "/data/meta", BYTES_LIT("x"),
              HEADS({ "x-amz-meta-a.b!c", "1" }, { "content-type", "text/plain" },
                    { "cache-control", "no-store" }, { "content-encoding", "aws-chunked,gzip" },
                    { "x-amz-meta-twice", "1" }, { "x-amz-meta-twice", "2" }),
              200, NULL);
    a = s3(house, me, "HEAD", "/data/meta", BYTES_NONE, NULL);
    assert_header(a, "x-amz-meta-a.b!c", "1");
    assert_header(a, "x-amz-meta-twice", "1,2");
    assert_header(a, "content-type", "text/plain");
    assert_header(a, "cache-control", "no-store");
    assert_header(a, "content-encoding", "gzip");
    memset(long_value, 'v', sizeof(long_value));
    long_value[2047] = '\0'; /* with the name "m": 2,048 */
    s3_expect(house, me, "PUT", "/data/meta", BYTES_LIT("x"), HEADS({ "x-amz-meta-m", long_value }),
              200, NULL);
    long_value[2047] = 'v';
    long_value[2048] = '\0';
    s3_expect(house, me, "PUT", "/data/meta", BYTES_LIT("x"), HEADS({ "x-amz-meta-m", long_value }),
              400, "MetadataTooLarge");
    GET("/data/meta?response-content-type=text/css&response-cache-control=no-cache", 200, NULL);
    a = s3(house, me, "GET", "/data/meta?response-content-type=text%2Fcss%0Ax", BYTES_NONE, NULL);
    assert_header(a, "content-type", "binary/octet-stream"); /* no line break gets in */
}

static void test_tags(void **state)
{
    (void)state;
    PUT("/data/t", "x", 200, NULL);
    PUT("/data/t?tagging",
        "<Tagging><TagSet><Tag><Key>k&lt;</Key><Value>&amp;v</Value></Tag></TagSet></Tagging>", 200,
        NULL);
    const struct answer *a = s3(house, me, "GET", "/data/t?tagging", BYTES_NONE, NULL);
    assert_string_equal(answer_element(a, "Key"), "k&lt;");
    assert_string_equal(answer_element(a, "Value"), "&amp;v");
    a = s3(house, me, "HEAD", "/data/t", BYTES_NONE, NULL);
    assert_header(a, "x-amz-tagging-count", "1");
    PUT("/data/t?tagging",
        "<Tagging><TagSet><Tag><Key></Key><Value>v</Value></Tag></TagSet></Tagging>", 400,
        "InvalidTag");
    PUT("/data/t?tagging", "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>", 400,
        "MalformedXML");
    PUT("/data/t?tagging", "<Tagging/>", 400, "MalformedXML");
    PUT("/data/t?tagging", "<Other/>", 400, "MalformedXML");
    PUT("/data/t?tagging", "<Tagging>", 400, "MalformedXML");
    DELETE("/data/t?tagging", 204);
    a = s3(house, me, "HEAD", "/data/t", BYTES_NONE, NULL);
    assert_header(a, "x-amz-tagging-count", NULL);
    s3_expect(house, me, "PUT", "/data/t", BYTES_LIT("x"), HEADS({ "x-amz-tagging", "a=1&b=2&c" }),
              200, NULL);
    s3_expect(house, me, "PUT", "/data/t", BYTES_LIT("x"), HEADS({ "x-amz-tagging", "a=1&a=2" }),
              400, "InvalidTag");
    s3_expect(house, me, "PUT", "/data/t", BYTES_LIT("x"), HEADS({ "x-amz-tagging", "a=%ff" }), 400,
              "InvalidTag");
    s3_expect(house, me, "PUT", "/data/t", BYTES_LIT("x"), HEADS({ "x-amz-tagging", "aws:x=1" }),
              400, "InvalidTag");
    GET("/data/none?tagging", 404, "NoSuchKey");
}

/* Content-MD5 and the checksum headers bind bodies of objects and of XML alike. */
static void test_digests(void **state)
{
    (void)state;
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hello"),
              HEADS({ "content-md5", "XUFAKrxLKna5cZ2REBfFkg==" }), 200, NULL);
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hellO"),
              HEADS({ "content-md5", "XUFAKrxLKna5cZ2REBfFkg==" }), 400, "BadDigest");
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hello"), HEADS({ "content-md5", "short" }),
              400, "InvalidDigest");
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hello"),
              HEADS({ "x-amz-checksum-crc32", "NhCmhg==" }), 200, NULL);
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hellO"),
              HEADS({ "x-amz-checksum-crc32", "NhCmhg==" }), 400, "BadDigest");
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hello"),
              HEADS({ "x-amz-checksum-crc32", "NhCmhg==" },
                    { "x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=" }),
              400, "InvalidRequest");
    const struct answer *a = s3(house, me, "HEAD", "/data/d", BYTES_NONE,
                                HEADS({ "x-amz-checksum-mode", "ENABLED" }));
    assert_header(a, "x-amz-checksum-crc32", "NhCmhg==");
    assert_header(a, "x-amz-checksum-type", "FULL_OBJECT");
    s3_expect(house, me, "PUT", "/data/d?tagging", BYTES_LIT("<Tagging><TagSet/></Tagging>"),
              HEADS({ "content-md5", "XUFAKrxLKna5cZ2REBfFkg==" }), 400, "BadDigest");
    char wrong[65];
    memset(wrong, '0', 64);
    wrong[64] = '\0';
    s3_expect(house, me, "PUT", "/data/d", BYTES_LIT("hello"),
              HEADS({ "x-amz-content-sha256", wrong }), 400, "XAmzContentSHA256Mismatch");
    struct ask q = { .as = me, .method = "PUT", .target = "/data/d", .has_no_length = true };
    CLEANUP(answer_done_p) struct answer none = { 0 };
    house_ask(house, &q, &none);
    assert_int_equal(none.status, 411);
    s3_expect(house, me, "GET", "/data/d?attributes", BYTES_NONE,
              HEADS({ "x-amz-object-attributes", "ETag,Checksum, ObjectSize" }), 200, NULL);
    a = s3(house, me, "GET", "/data/d?attributes", BYTES_NONE,
           HEADS({ "x-amz-object-attributes", "Checksum,ObjectSize" }));
    assert_string_equal(answer_element(a, "ObjectSize"), "5");
    assert_string_equal(answer_element(a, "ChecksumCRC32"), "NhCmhg==");
    assert_null(answer_element(a, "ETag"));
    GET("/data/d?attributes", 400, "InvalidArgument");
}

static void test_not_offered(void **state)
{
    (void)state;
    PUT("/data/n", "x", 200, NULL);
    GET("/data?policy", 404, "NoSuchBucketPolicy");
    GET("/data?lifecycle", 501, "NotImplemented");
    GET("/data/n?torrent", 501, "NotImplemented");
    GET("/data/n?versionId=3", 404, "NoSuchVersion");
    GET("/data/n?versionId=null", 200, NULL);
    s3_expect(house, me, "PATCH", "/data/n", BYTES_NONE, NULL, 405, "MethodNotAllowed");
    s3_expect(house, me, "POST", "/data", BYTES_NONE, NULL, 501, "NotImplemented");
    s3_expect(house, me, "PUT", "/data/n", BYTES_LIT("x"), HEADS({ "x-amz-acl", "public-read" }),
              501, "NotImplemented");
    s3_expect(house, me, "PUT", "/data/n", BYTES_LIT("x"), HEADS({ "x-amz-acl", "private" }), 200,
              NULL);
    s3_expect(house, me, "PUT", "/data/n", BYTES_LIT("x"),
              HEADS({ "x-amz-server-side-encryption-customer-algorithm", "AES256" }), 501,
              "NotImplemented");
    s3_expect(house, me, "PUT", "/Bad_Name", BYTES_NONE, NULL, 400, "InvalidBucketName");
    s3_expect(house, me, "PUT", "/data", BYTES_NONE, NULL, 409, "BucketAlreadyOwnedByYou");
    s3_expect(house, me, "PUT", "/elsewhere",
              BYTES_LIT("<CreateBucketConfiguration><LocationConstraint>mars-1</LocationConstraint>"
                        "</CreateBucketConfiguration>"),
              NULL, 400, "InvalidLocationConstraint");
    s3_expect(house, me, "DELETE", "/data", BYTES_NONE, NULL, 409, "BucketNotEmpty");
}

static void test_encryption_of_buckets(void **state)
{
    (void)state;
    s3_expect(house, me, "PUT", "/sse", BYTES_NONE, NULL, 200, NULL);
#define RULE(inner)                                                                                \
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" inner          \
    "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    PUT("/sse?encryption", RULE("<SSEAlgorithm>AES256</SSEAlgorithm>"), 200, NULL);
    const struct answer *a = s3(house, me, "PUT", "/sse/md5", BYTES_LIT("hello"), NULL);
    assert_header(a, "etag", "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_header(a, "x-amz-server-side-encryption", "AES256");
    PUT("/sse?encryption", RULE("<SSEAlgorithm>rot13</SSEAlgorithm>"), 400, "MalformedXML");
    PUT("/sse?encryption",
        RULE("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>x</KMSMasterKeyID>"), 400,
        "InvalidArgument");
    PUT("/sse?encryption",
        RULE("<SSEAlgorithm>aws:kms</"
             "SSEAlgorithm><KMSMasterKeyID>11111111-2222-4333-8444-555555555555</KMSMasterKeyID>"),
        400, "KMS.NotFoundException");
    DELETE("/sse?encryption", 204);
    a = s3(house, me, "GET", "/sse?encryption", BYTES_NONE, NULL);
    assert_string_equal(answer_element(a, "SSEAlgorithm"), "aws:kms");
    DELETE("/sse/md5", 204);
    DELETE("/sse", 204);
    GET("/sse", 404, "NoSuchBucket");
#undef RULE
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_who_asks),
        cmocka_unit_test(test_expected_owner), cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_ranges),         cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_tags),           cmocka_unit_test(test_digests),
        cmocka_unit_test(test_not_offered),    cmocka_unit_test(test_encryption_of_buckets),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

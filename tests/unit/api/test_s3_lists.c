/*
 * S3: listings, many objects at once, multipart, copies, presigned requests, keys that fight back.
 */
#include "house.h"

#include "api/s3/request.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "net/xml.h"

static struct house *house;
static struct credentials acme;
static const struct credentials *const me = &acme;

static int group_setup(void **state)
{
    (void)state;
    house = house_open();
    house_tenant(house, "acme", &acme);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL);
    house_close(house);
    return 0;
}

static void put(const char *target, struct bytes body)
{
    s3_expect(house, me, "PUT", target, body, NULL, 200, NULL);
}

static const struct answer *get(const char *target)
{
    return s3(house, me, "GET", target, BYTES_NONE, NULL);
}

/* The answer is well-formed; all texts of elements `name` (anywhere), each behind a bar. */
static void collect(const struct xml_node *n, const char *name, struct buf *out)
{
    for (; n != NULL; n = n->next) {
        if (strcmp(n->name, name) == 0) {
            buf_add_u8(out, '|');
            buf_add(out, n->text);
        }
        collect(n->first, name, out);
    }
}

static void assert_all(const struct answer *a, const char *name, const char *want)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf got = BUF(1 << 20);
    struct xml_node *root = NULL;
    struct error e = { 0 };
    assert_int_equal(a->status, 200);
    assert_ok(xml_parse(buf_bytes(&a->body), 1 << 24, arena, &root, &e), e);
    collect(root, name, &got);
    if (!bytes_equal(buf_bytes(&got), bytes_str(want))) {
        fail_msg("<%s>: '%.*s', expected '%s'", name, BYTES_FMT(buf_bytes(&got)), want);
    }
}

static void test_listing(void **state)
{
    static const char *const keys[] = { "a", "b/1", "b/2", "b/c/3", "d" };
    (void)state;
    put("/list", BYTES_NONE);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char target[64];
        snprintf(target, sizeof(target), "/list/%s", keys[i]);
        put(target, BYTES_LIT("x"));
    }
    assert_all(get("/list"), "Key", "|a|b/1|b/2|b/c/3|d");
    assert_all(get("/list?list-type=2&delimiter=/"), "Key", "|a|d");
    assert_all(get("/list?list-type=2&delimiter=/"), "Prefix", "||b/");
    assert_all(get("/list?list-type=2&delimiter=/"), "KeyCount", "|3");
    assert_all(get("/list?list-type=2&prefix=b/&delimiter=/"), "Key", "|b/1|b/2");
    assert_all(get("/list?list-type=2&start-after=b/2"), "Key", "|b/c/3|d");
    assert_all(get("/list?marker=b/2"), "Key", "|b/c/3|d");
    assert_all(get("/list?versions"), "VersionId", "|null|null|null|null|null");
    char owner[32];
    snprintf(owner, sizeof(owner), "|%s", acme.account);
    assert_all(get("/list?list-type=2&fetch-owner=true&max-keys=1"), "ID", owner);
    assert_all(get("/list?list-type=2&max-keys=1"), "ID", "");
}

static void test_max_keys(void **state)
{
    (void)state;
    assert_all(get("/list?list-type=2&max-keys=0"), "IsTruncated", "|false");
    assert_all(get("/list?list-type=2&max-keys=0"), "KeyCount", "|0");
    assert_all(get("/list?list-type=2&max-keys=0"), "MaxKeys", "|0");
    assert_all(get("/list?list-type=2&max-keys=5000"), "MaxKeys", "|1000");
    assert_all(get("/list?max-keys=2"), "NextMarker", "|b/1");
    assert_string_equal(answer_element(get("/list?max-keys=-1"), "Code"), "InvalidArgument");
    assert_string_equal(answer_element(get("/list?max-keys=x"), "Code"), "InvalidArgument");
    assert_string_equal(answer_element(get("/list?encoding-type=xml"), "Code"), "InvalidArgument");
    assert_string_equal(answer_element(get("/list?list-type=2&continuation-token=%21"), "Code"),
                        "InvalidArgument");
}

/* Page by page, each key once, whatever the size of the pages. */
static void test_pages(void **state)
{
    (void)state;
    for (unsigned size = 1; size <= 6; size++) {
        CLEANUP(buf_done_p) struct buf all = BUF(4096);
        char token[256] = "";
        for (int pages = 0; pages < 10; pages++) {
            char target[512];
            snprintf(target, sizeof(target), "/list?list-type=2&max-keys=%u%s%s", size,
                     token[0] == '\0' ? "" : "&continuation-token=", token);
            const struct answer *a = get(target);
            CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
            struct xml_node *root = NULL;
            struct error e = { 0 };
            assert_ok(xml_parse(buf_bytes(&a->body), 1 << 20, arena, &root, &e), e);
            collect(root, "Key", &all);
            if (bytes_equal_str(xml_child_text(root, "IsTruncated"), "false")) {
                assert_null(answer_element(a, "NextContinuationToken"));
                break;
            }
            snprintf(token, sizeof(token), "%s", answer_element(a, "NextContinuationToken"));
        }
        assert_string_equal(buf_cstr(&all), "|a|b/1|b/2|b/c/3|d");
    }
}

static void test_buckets(void **state)
{
    (void)state;
    put("/page-a", BYTES_NONE);
    put("/page-b", BYTES_NONE);
    put("/page-c", BYTES_NONE);
    assert_all(get("/?prefix=page-"), "Name", "|page-a|page-b|page-c");
    assert_all(get("/?prefix=page-&max-buckets=2"), "Name", "|page-a|page-b");
    char target[256];
    snprintf(target, sizeof(target), "/?prefix=page-&max-buckets=2&continuation-token=%s",
             answer_element(get("/?prefix=page-&max-buckets=2"), "ContinuationToken"));
    assert_all(get(target), "Name", "|page-c");
    assert_null(answer_element(get(target), "ContinuationToken"));
    assert_all(get("/?prefix=page-&max-buckets=3"), "ContinuationToken", "");
    assert_string_equal(answer_element(get("/?max-buckets=0"), "Code"), "InvalidArgument");
    assert_string_equal(answer_element(get("/?max-buckets=10001"), "Code"), "InvalidArgument");
    assert_string_equal(answer_element(get("/?continuation-token=%21"), "Code"), "InvalidArgument");
}

/* Keys with every ASCII character and worse: each answer that names them is well-formed. */
static void test_hostile_keys(void **state)
{
    static const char *const keys[] = {
        "%3C%2FKey%3E%3Cscript%3E",
        "%22%27%26%5D%5D%3E",
        "a%0Ab%0D%09",
        "%01%02%1F%7F",
        "..%2F..%2Fetc",
        "%E2%80%AE",
        "%EF%BF%BF",
        "%F0%9F%98%80",
        "%00",
        "a%2Bb%20c",
        "%25%25",
    };
    (void)state;
    put("/hostile", BYTES_NONE);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char target[256];
        snprintf(target, sizeof(target), "/hostile/%s", keys[i]);
        put(target, BYTES_LIT("x"));
        assert_int_equal(get(target)->status, 200);
        snprintf(target, sizeof(target), "/hostile/%s-absent", keys[i]);
        const struct answer *a = get(target);
        assert_int_equal(a->status, 404);
        CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
        struct xml_node *root = NULL;
        struct error e = { 0 };
        assert_ok(xml_parse(buf_bytes(&a->body), 1 << 20, arena, &root, &e), e);
    }
    assert_all(get("/hostile"), "Name", "|hostile");
    assert_all(get("/hostile?encoding-type=url&prefix=%3C"), "Key", "|%3C/Key%3E%3Cscript%3E");
    assert_all(get("/hostile?encoding-type=url&prefix=%01"), "Key", "|%01%02%1F%7F");
    char longest[5000] = "/hostile?encoding-type=url&prefix=";
    for (int i = 0; i < 1024; i++) {
        strcat(longest, "%01");
    }
    const struct answer *a = get(longest);
    assert_int_equal(a->status, 200);
    assert_int_equal(strlen(answer_element(a, "Prefix")), 3072);
}

static void test_delete_objects(void **state)
{
    (void)state;
    put("/del", BYTES_NONE);
    for (int i = 0; i < 40; i++) {
        char target[64];
        snprintf(target, sizeof(target), "/del/k%02d", i);
        put(target, BYTES_LIT("x"));
    }
    CLEANUP(buf_done_p) struct buf body = BUF(65536);
    buf_add_str(&body, "<Delete>");
    for (int i = 0; i < 40; i++) {
        buf_addf(&body, "<Object><Key>k%02d</Key></Object>", i);
    }
    buf_add_str(&body, "<Object><Key>absent</Key></Object>"
                       "<Object><Key>k00</Key><VersionId>7</VersionId></Object>"
                       "<Object><Key>k01</Key><ETag>x</ETag></Object></Delete>");
    const struct answer *a = s3(house, me, "POST", "/del?delete", buf_bytes(&body), NULL);
    assert_all(a, "Code", "|NoSuchVersion|NotImplemented");
    assert_all(get("/del"), "Key", "");
    put("/del/one", BYTES_LIT("x"));
    a = s3(house, me, "POST", "/del?delete",
           BYTES_LIT("<Delete><Quiet>true</Quiet><Object><Key>one</Key></Object></Delete>"), NULL);
    assert_all(a, "Key", "");
    s3_expect(house, me, "POST", "/del?delete", BYTES_LIT("<Delete></Delete>"), NULL, 400,
              "MalformedXML");
}

/* --- multipart --- */

#define PART_BYTES (5u << 20)

static const char *upload_create(const char *target, const struct head *heads)
{
    static char id[64];
    char full[128];
    snprintf(full, sizeof(full), "%s?uploads", target);
    const struct answer *a = s3(house, me, "POST", full, BYTES_NONE, heads);
    assert_int_equal(a->status, 200);
    snprintf(id, sizeof(id), "%s", answer_element(a, "UploadId"));
    return id;
}

static void part_put(const char *target, const char *id, unsigned number, uint8_t fill, size_t n,
                     char *ret_etag)
{
    char full[256];
    uint8_t *p = malloc(n + 1);
    assert_non_null(p);
    memset(p, fill, n);
    snprintf(full, sizeof(full), "%s?partNumber=%u&uploadId=%s", target, number, id);
    const struct answer *a = s3(house, me, "PUT", full, bytes_of(p, n), NULL);
    free(p);
    assert_int_equal(a->status, 200);
    snprintf(ret_etag, 64, "%s", answer_header(a, "etag"));
}

static const struct answer *complete(const char *target, const char *id, const char *etags[],
                                     const unsigned *numbers, size_t n, const struct head *heads)
{
    CLEANUP(buf_done_p) struct buf body = BUF(65536);
    char full[256];
    buf_add_str(&body, "<CompleteMultipartUpload>");
    for (size_t i = 0; i < n; i++) {
        buf_addf(&body, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", numbers[i],
                 etags[i]);
    }
    buf_add_str(&body, "</CompleteMultipartUpload>");
    snprintf(full, sizeof(full), "%s?uploadId=%s", target, id);
    return s3(house, me, "POST", full, buf_bytes(&body), heads);
}

static void test_multipart(void **state)
{
    char e1[64], e3[64], id[64];
    const char *etags[2] = { e1, e3 };
    unsigned numbers[2] = { 1, 3 };
    (void)state;
    put("/mpu", BYTES_NONE);
    snprintf(id, sizeof(id), "%s", upload_create("/mpu/o", HEADS({ "x-amz-meta-a", "1" })));
    char listed[80];
    snprintf(listed, sizeof(listed), "|%s", id);
    assert_all(get("/mpu?uploads"), "UploadId", listed);
    part_put("/mpu/o", id, 1, 'a', PART_BYTES, e1);
    part_put("/mpu/o", id, 3, 'b', 10, e3);
    numbers[1] = 2;
    assert_string_equal(answer_element(complete("/mpu/o", id, etags, numbers, 2, NULL), "Code"),
                        "InvalidPart");
    numbers[0] = 3, numbers[1] = 1;
    assert_string_equal(answer_element(complete("/mpu/o", id, etags, numbers, 2, NULL), "Code"),
                        "InvalidPartOrder");
    numbers[0] = 1, numbers[1] = 3;
    s3_expect(house, me, "GET", "/mpu/o", BYTES_NONE, NULL, 404, "NoSuchKey");
    assert_string_equal(answer_element(complete("/mpu/o", id, etags, numbers, 2,
                                                HEADS({ "x-amz-checksum-crc32", "AAAAAA==" })),
                                       "Code"),
                        "BadDigest");
    const struct answer *a = complete("/mpu/o", id, etags, numbers, 2, NULL);
    assert_int_equal(a->status, 200);
    assert_non_null(answer_header(a, "x-troth-receipt"));
    a = get("/mpu/o?partNumber=2");
    assert_int_equal(a->status, 206);
    assert_bytes(buf_bytes(&a->body), BYTES_LIT("bbbbbbbbbb"));
    assert_string_equal(answer_header(a, "x-amz-mp-parts-count"), "2");
    assert_string_equal(answer_header(a, "content-range"), "bytes 5242880-5242889/5242890");
    a = s3(house, me, "HEAD", "/mpu/o?partNumber=1", BYTES_NONE, NULL);
    assert_int_equal(a->status, 206);
    assert_string_equal(answer_header(a, "content-length"), "5242880");
    assert_string_equal(answer_header(a, "x-amz-meta-a"), "1");
    s3_expect(house, me, "GET", "/mpu/o?partNumber=3", BYTES_NONE, NULL, 416, "InvalidPartNumber");
    s3_expect(house, me, "GET", "/mpu/o?partNumber=0", BYTES_NONE, NULL, 400, "InvalidArgument");
    s3_expect(house, me, "GET", "/mpu/o?partNumber=1", BYTES_NONE, HEADS({ "range", "bytes=0-1" }),
              400, "InvalidRequest");
    a = s3(house, me, "GET", "/mpu/o", BYTES_NONE, HEADS({ "range", "bytes=5242879-5242880" }));
    assert_bytes(buf_bytes(&a->body), BYTES_LIT("ab"));
    put("/mpu/single", BYTES_LIT("x"));
    assert_int_equal(get("/mpu/single?partNumber=1")->status, 206);
    s3_expect(house, me, "GET", "/mpu/single?partNumber=2", BYTES_NONE, NULL, 416,
              "InvalidPartNumber");
}

static void test_multipart_ends(void **state)
{
    char e1[64], e2[64], id[64], target[128];
    const char *etags[2] = { e1, e2 };
    const unsigned numbers[2] = { 1, 2 };
    (void)state;
    snprintf(id, sizeof(id), "%s", upload_create("/mpu/small", NULL));
    part_put("/mpu/small", id, 1, 'a', 10, e1);
    part_put("/mpu/small", id, 2, 'b', 10, e2);
    assert_string_equal(answer_element(complete("/mpu/small", id, etags, numbers, 2, NULL), "Code"),
                        "EntityTooSmall");
    snprintf(target, sizeof(target), "/mpu/small?uploadId=%s", id);
    assert_all(get(target), "PartNumber", "|1|2");
    snprintf(target, sizeof(target), "/mpu/other?uploadId=%s", id);
    assert_string_equal(answer_element(get(target), "Code"), "NoSuchUpload");
    snprintf(target, sizeof(target), "/mpu/small?uploadId=%s", id);
    s3_expect(house, me, "DELETE", target, BYTES_NONE, NULL, 204, NULL);
    assert_string_equal(answer_element(get(target), "Code"), "NoSuchUpload");
    assert_string_equal(answer_element(get("/mpu/small?uploadId=x"), "Code"), "NoSuchUpload");
    s3_expect(house, me, "PUT", "/mpu/small?partNumber=10001&uploadId=x", BYTES_LIT("x"), NULL, 400,
              "InvalidArgument");
}

/* A checksum of the whole is compared with the whole, not with the XML that completes it. */
static void test_full_checksum(void **state)
{
    char e1[64], id[64];
    const char *etags[1] = { e1 };
    const unsigned numbers[1] = { 1 };
    (void)state;
    snprintf(id, sizeof(id), "%s",
             upload_create("/mpu/sum", HEADS({ "x-amz-checksum-algorithm", "CRC32" },
                                             { "x-amz-checksum-type", "FULL_OBJECT" })));
    part_put("/mpu/sum", id, 1, 'a', 1, e1);
    const struct answer *a = complete("/mpu/sum", id, etags, numbers, 1,
                                      HEADS({ "x-amz-checksum-crc32", "6LfbQw==" }));
    assert_int_equal(a->status, 400);
    assert_string_equal(answer_element(a, "Code"), "BadDigest");
    a = complete("/mpu/sum", id, etags, numbers, 1, HEADS({ "x-amz-checksum-crc32", "6Le+Qw==" }));
    assert_int_equal(a->status, 200);
    assert_string_equal(answer_element(a, "ChecksumCRC32"), "6Le+Qw==");
}

static void test_copies(void **state)
{
    (void)state;
    put("/copy", BYTES_NONE);
    s3_expect(house, me, "PUT", "/copy/a%20b", BYTES_LIT("data"),
              HEADS({ "x-amz-meta-m", "1" }, { "x-amz-tagging", "t=1" }), 200, NULL);
    s3_expect(house, me, "PUT", "/copy/c", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "/copy/a%20b" }), 200, NULL);
    const struct answer *a = get("/copy/c");
    assert_bytes(buf_bytes(&a->body), BYTES_LIT("data"));
    assert_string_equal(answer_header(a, "x-amz-meta-m"), "1");
    assert_string_equal(answer_header(a, "x-amz-tagging-count"), "1");
    s3_expect(house, me, "PUT", "/copy/c", BYTES_NONE, HEADS({ "x-amz-copy-source", "copy/c" }),
              400, "InvalidRequest");
    s3_expect(house, me, "PUT", "/copy/c", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "copy/c" }, { "x-amz-metadata-directive", "REPLACE" },
                    { "x-amz-meta-n", "2" }),
              200, NULL);
    a = s3(house, me, "HEAD", "/copy/c", BYTES_NONE, NULL);
    assert_null(answer_header(a, "x-amz-meta-m"));
    assert_string_equal(answer_header(a, "x-amz-meta-n"), "2");
    static const struct {
        const char *source, *code;
        unsigned status;
    } bad[] = {
        { "copy", "InvalidArgument", 400 },     { "copy/", "InvalidArgument", 400 },
        { "", "InvalidArgument", 400 },         { "copy/%zz", "InvalidArgument", 400 },
        { "copy/%ff", "InvalidArgument", 400 }, { "copy/none", "NoSuchKey", 404 },
        { "none/a", "NoSuchBucket", 404 },      { "copy/c?versionId=1", "InvalidArgument", 400 },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        s3_expect(house, me, "PUT", "/copy/d", BYTES_NONE,
                  HEADS({ "x-amz-copy-source", bad[i].source }), bad[i].status, bad[i].code);
    }
    s3_expect(house, me, "PUT", "/copy/d", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "copy/c" }, { "x-amz-metadata-directive", "MOVE" }), 400,
              "InvalidArgument");
    char id[64], target[128];
    snprintf(id, sizeof(id), "%s", upload_create("/copy/p", NULL));
    snprintf(target, sizeof(target), "/copy/p?partNumber=1&uploadId=%s", id);
    s3_expect(house, me, "PUT", target, BYTES_NONE,
              HEADS({ "x-amz-copy-source", "copy/c" }, { "x-amz-copy-source-range", "bytes=1-2" }),
              200, NULL);
    s3_expect(house, me, "PUT", target, BYTES_NONE,
              HEADS({ "x-amz-copy-source", "copy/c" }, { "x-amz-copy-source-range", "bytes=1-4" }),
              400, "InvalidArgument");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),       cmocka_unit_test(test_max_keys),
        cmocka_unit_test(test_pages),         cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_hostile_keys),  cmocka_unit_test(test_delete_objects),
        cmocka_unit_test(test_multipart),     cmocka_unit_test(test_multipart_ends),
        cmocka_unit_test(test_full_checksum), cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

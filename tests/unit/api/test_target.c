/* The target of a request: both styles, percent-encoding, bounds; and the route it takes. */
#include "request_kit.h"

static enum s3_error parse(struct request_kit *k, struct bytes target)
{
    struct error e = { 0 };
    request_init(k);
    request_target(k, target);
    return s3_target_parse(&k->r, &e);
}

static void expect(const char *host, const char *target, enum s3_level level, const char *bucket,
                   const char *key)
{
    struct request_kit k;
    struct error e = { 0 };
    request_init(&k);
    k.http.host = bytes_str(host);
    request_target(&k, bytes_str(target));
    if (s3_target_parse(&k.r, &e) != S3_OK) {
        fail_msg("%s: %s", target, e.msg);
    }
    assert_int_equal(k.r.level, level);
    if (bucket == NULL) {
        assert_null(k.r.bucket_name.p);
    } else {
        assert_bytes(k.r.bucket_name, bytes_str(bucket));
    }
    assert_bytes(k.r.key, bytes_str(key));
    request_done(&k);
}

static void test_styles(void **state)
{
    (void)state;
    expect("localhost", "/", S3_SERVICE, NULL, "");
    expect("localhost", "/data", S3_BUCKET, "data", "");
    expect("localhost", "/data/", S3_BUCKET, "data", "");
    expect("localhost", "/data/a/b", S3_OBJECT, "data", "a/b");
    expect("localhost", "/data//", S3_OBJECT, "data", "/");
    expect("localhost", "/data/../x", S3_OBJECT, "data", "../x");
    expect("localhost", "/data/a%2Fb%20+%25", S3_OBJECT, "data", "a/b +%");
    expect("localhost", "/d%61ta/a", S3_OBJECT, "data", "a");
    expect("localhost", "/data/%E4%BD%A0", S3_OBJECT, "data", "\xe4\xbd\xa0");
    expect("data.s3.test", "/", S3_BUCKET, "data", "");
    expect("data.s3.test:8443", "/a/b", S3_OBJECT, "data", "a/b");
    expect("a.b.S3.Test", "/a", S3_OBJECT, "a.b", "a");
    expect("s3.test", "/data/a", S3_OBJECT, "data", "a");
    expect("datas3.test", "/data/a", S3_OBJECT, "data", "a");
    expect(".s3.test", "/data/a", S3_OBJECT, "data", "a");
    expect("s3.test.evil", "/data/a", S3_OBJECT, "data", "a");
}

static void test_no_domain(void **state)
{
    struct request_kit k;
    struct error e;
    (void)state;
    request_init(&k);
    k.settings.s3_domain[0] = '\0';
    k.http.host = BYTES_LIT("data.s3.test");
    request_target(&k, BYTES_LIT("/x/y"));
    assert_int_equal(s3_target_parse(&k.r, &e), S3_OK);
    assert_bytes(k.r.bucket_name, BYTES_LIT("x"));
    request_done(&k);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *target;
        enum s3_error err;
    } cases[] = {
        { "/data/%", S3_INVALID_URI },      { "/data/%2", S3_INVALID_URI },
        { "/data/%zz", S3_INVALID_URI },    { "/data/%ff", S3_INVALID_URI },
        { "/data/%c0%af", S3_INVALID_URI }, { "/data/%ed%a0%80", S3_INVALID_URI },
        { "/%ff/a", S3_INVALID_URI },       { "/data/a?x=%ff", S3_INVALID_URI },
        { "/data/a?%=1", S3_INVALID_URI },  { "/data/\xff", S3_INVALID_URI },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_kit k;
        assert_int_equal(parse(&k, bytes_str(cases[i].target)), cases[i].err);
        request_done(&k);
    }
}

static void test_key_length(void **state)
{
    (void)state;
    for (size_t n = VAULT_KEY_MAX - 1; n <= VAULT_KEY_MAX + 1; n++) {
        for (int encoded = 0; encoded < 2; encoded++) {
            CLEANUP(buf_done_p) struct buf target = BUF(8192);
            struct request_kit k;
            buf_add_str(&target, "/data/");
            for (size_t i = 0; i < n; i++) {
                buf_add_str(&target, encoded ? "%61" : "a");
            }
            enum s3_error want = n > VAULT_KEY_MAX ? S3_KEY_TOO_LONG : S3_OK;
            assert_int_equal(parse(&k, buf_bytes(&target)), want);
            request_done(&k);
        }
    }
}

static void test_params(void **state)
{
    struct request_kit k;
    struct bytes v;
    (void)state;
    assert_int_equal(parse(&k, BYTES_LIT("/data?a=1&b&%61=1")), S3_INVALID_ARGUMENT); /* twice */
    request_done(&k);
    assert_int_equal(parse(&k, BYTES_LIT("/data?a=1&&b&c=&d=x%26y+z=%3D&=7")), S3_OK);
    assert_true(s3_param(&k.r, "a", &v));
    assert_bytes(v, BYTES_LIT("1")); /* the first counts */
    assert_true(s3_param(&k.r, "b", &v));
    assert_int_equal(v.n, 0);
    assert_true(s3_param(&k.r, "c", &v));
    assert_int_equal(v.n, 0);
    assert_true(s3_param(&k.r, "d", &v));
    assert_bytes(v, BYTES_LIT("x&y z=="));
    assert_false(s3_param(&k.r, "e", &v));
    assert_bytes(s3_param_or(&k.r, "e", BYTES_LIT("none")), BYTES_LIT("none"));
    request_done(&k);
    for (size_t n = S3_PARAMS_MAX - 1; n <= S3_PARAMS_MAX + 1; n++) {
        CLEANUP(buf_done_p) struct buf target = BUF(8192);
        buf_add_str(&target, "/data?");
        for (size_t i = 0; i < n; i++) {
            buf_addf(&target, "%sp%zu=1", i == 0 ? "" : "&", i);
        }
        assert_int_equal(parse(&k, buf_bytes(&target)), n > S3_PARAMS_MAX ? S3_INVALID_URI : S3_OK);
        request_done(&k);
    }
}

/* --- routes --- */

static enum s3_error route(struct request_kit *k, const char *method, const char *target,
                           const char *header)
{
    assert_int_equal(parse(k, bytes_str(target)), S3_OK);
    k->http.method = bytes_str(method);
    if (header != NULL) {
        request_header(k, header, "x");
    }
    return s3_route(&k->r);
}

static const char *target_of(enum s3_level level)
{
    return level == S3_SERVICE ? "/" : level == S3_BUCKET ? "/data" : "/data/key";
}

/* Every line of the table is reached by what it says. */
static void test_every_operation(void **state)
{
    (void)state;
    for (size_t i = 0; i < s3_op_count; i++) {
        const struct s3_op *op = &s3_ops[i];
        struct request_kit k;
        char target[128];
        snprintf(target, sizeof(target), "%s%s%s", target_of(op->level),
                 op->query == NULL ? "" : "?", op->query == NULL ? "" : op->query);
        assert_int_equal(route(&k, op->method, target, op->header), S3_OK);
        assert_string_equal(k.r.op->name, op->name);
        request_done(&k);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(op->name, s3_ops[j].name);
        }
    }
}

/* No known sub-resource falls through to the plain operation of its method. */
static void test_subresources(void **state)
{
    static const char *const known[] = {
        "accelerate",
        "acl",
        "analytics",
        "append",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "session",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versioning",
        "versions",
        "website",
        "metadataTable",
        "metadataConfiguration",
        "abac",
    };
    static const char *const methods[] = { "GET", "HEAD", "PUT", "POST", "DELETE" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            for (unsigned level = S3_BUCKET; level <= S3_OBJECT; level++) {
                struct request_kit k;
                char target[128];
                snprintf(target, sizeof(target), "%s?%s", target_of((enum s3_level)level),
                         known[i]);
                enum s3_error err = route(&k, methods[m], target, NULL);
                if (err == S3_OK) {
                    assert_non_null(k.r.op->query);
                    assert_string_equal(k.r.op->query, known[i]);
                } else {
                    assert_int_equal(err, S3_NOT_IMPLEMENTED);
                }
                request_done(&k);
            }
        }
    }
}

static void test_other_routes(void **state)
{
    struct request_kit k;
    (void)state;
    assert_int_equal(route(&k, "PUT", "/data/k?partNumber=1&uploadId=x", NULL), S3_OK);
    assert_string_equal(k.r.op->name, "UploadPart");
    request_done(&k);
    assert_int_equal(route(&k, "PUT", "/data/k?partNumber=1&uploadId=x", "x-amz-copy-source"),
                     S3_OK);
    assert_string_equal(k.r.op->name, "UploadPartCopy");
    request_done(&k);
    assert_int_equal(route(&k, "PUT", "/data/k", "X-Amz-Copy-Source"), S3_OK);
    assert_string_equal(k.r.op->name, "CopyObject");
    request_done(&k);
    assert_int_equal(route(&k, "GET", "/data?list-type=2&prefix=x", NULL), S3_OK);
    assert_string_equal(k.r.op->name, "ListObjectsV2");
    request_done(&k);
    assert_int_equal(route(&k, "GET", "/data/k?x-id=GetObject", NULL), S3_OK);
    assert_string_equal(k.r.op->name, "GetObject");
    request_done(&k);
    assert_int_equal(route(&k, "PATCH", "/data/k", NULL), S3_METHOD_NOT_ALLOWED);
    request_done(&k);
    assert_int_equal(route(&k, "PUT", "/", NULL), S3_METHOD_NOT_ALLOWED);
    request_done(&k);
    assert_int_equal(route(&k, "POST", "/data", NULL), S3_NOT_IMPLEMENTED);
    request_done(&k);
    assert_int_equal(route(&k, "OPTIONS", "/data/k", NULL), S3_NOT_IMPLEMENTED);
    request_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_styles),       cmocka_unit_test(test_no_domain),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_key_length),
        cmocka_unit_test(test_params),       cmocka_unit_test(test_every_operation),
        cmocka_unit_test(test_subresources), cmocka_unit_test(test_other_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

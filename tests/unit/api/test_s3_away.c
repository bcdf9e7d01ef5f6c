/* S3 while keeper or scribe are away, and requests that carry their signature in the query. */
#include "house.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "identity/sigv4.h"

static struct house *house;
static struct credentials acme;
static const struct credentials *const me = &acme;

static int group_setup(void **state)
{
    (void)state;
    house = house_open();
    house_tenant(house, "acme", &acme);
    s3_expect(house, me, "PUT", "/data", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, me, "PUT", "/data/o", BYTES_LIT("kept"), NULL, 200, NULL);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL);
    house_close(house);
    return 0;
}

static void assert_away(const char *method, const char *target, const char *body)
{
    const struct answer *a = s3(house, me, method, target, bytes_str(body), NULL);
    if (a->status != 503) {
        fail_msg("%s %s: %u", method, target, a->status);
    }
    assert_string_equal(answer_header(a, "retry-after"), "1");
    if (strcmp(method, "HEAD") != 0) {
        assert_string_equal(answer_element(a, "Code"), "ServiceUnavailable");
    }
}

/*= 2.1.5-3 test */
static void test_without_scribe(void **state)
{
    (void)state;
    house_scribe_away(house, true);
    const struct answer *a = s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL);
    assert_int_equal(a->status, 503);
    assert_string_equal(answer_header(a, "retry-after"), "1");
    assert_away("PUT", "/data/new", "x");
    assert_away("GET", "/data/o", "");
    assert_away("HEAD", "/data/o", "");
    assert_away("GET", "/data?list-type=2", "");
    assert_away("GET", "/", "");
    assert_away("PUT", "/other", "");
    assert_away("DELETE", "/data/o", "");
    assert_away("DELETE", "/data", "");
    assert_away("POST", "/data/o?uploads", "");
    assert_away("PUT", "/data/o?tagging", "<Tagging><TagSet/></Tagging>");
    house_scribe_away(house, false);
    s3_expect(house, me, "GET", "/data/new", BYTES_NONE, NULL, 404, "NoSuchKey");
    a = s3(house, me, "GET", "/data/o", BYTES_NONE, NULL);
    assert_bytes(buf_bytes(&a->body), BYTES_LIT("kept"));
    s3_expect(house, me, "GET", "/other", BYTES_NONE, NULL, 404, "NoSuchBucket");
}

static void test_without_keeper(void **state)
{
    (void)state;
    house_keeper_away(house, true);
    assert_away("PUT", "/data/new", "x");
    assert_away("GET", "/data/o", "");
    s3_expect(house, me, "HEAD", "/data/o", BYTES_NONE, NULL, 200, NULL);
    house_keeper_away(house, false);
    s3_expect(house, me, "GET", "/data/o", BYTES_NONE, NULL, 200, NULL);
}

/* --- presigned --- */

static const char *presign(const char *method, const char *path, const char *more, int64_t off_ms,
                           unsigned expires)
{
    static char target[2048];
    char stamp[TIME_TEXT_MAX], date[9] = { 0 }, query[1024], text[4096], hex[65];
    uint8_t digest[SHA256_BYTES];
    struct key256 key;
    (void)time_iso8601_basic(clock_wall_ms(&clock_system) + off_ms, stamp);
    memcpy(date, stamp, 8);
    snprintf(query, sizeof(query),
             "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%s%%2F" REGION
             "%%2Fs3%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=%u&X-Amz-SignedHeaders=host%s",
             acme.id, date, stamp, expires, more);
    snprintf(text, sizeof(text), "%s\n%s\n%s\nhost:localhost\n\nhost\nUNSIGNED-PAYLOAD", method,
             path, query);
    sha256(bytes_str(text), digest);
    hex_encode(BYTES_OF(digest), hex);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/" REGION "/s3/aws4_request\n%s", stamp,
             date, hex);
    sigv4_signing_key(bytes_str(acme.secret), bytes_str(date), BYTES_LIT(REGION), BYTES_LIT("s3"),
                      &key);
    hmac_sha256(key256_bytes(&key), bytes_str(text), digest);
    hex_encode(BYTES_OF(digest), hex);
    snprintf(target, sizeof(target), "%s?%s&X-Amz-Signature=%s", path, query, hex);
    return target;
}

static void presigned(const char *method, const char *target, const char *body, unsigned status,
                      const char *code)
{
    s3_expect(house, NULL, method, target, bytes_str(body), NULL, status, code);
}

static void test_presigned(void **state)
{
    (void)state;
    presigned("GET", presign("GET", "/data/o", "", 0, 60), "", 200, NULL);
    presigned("PUT", presign("PUT", "/data/pre", "", 0, 60), "any body", 200, NULL);
    presigned("GET", presign("PUT", "/data/o", "", 0, 60), "", 403, "SignatureDoesNotMatch");
    presigned("GET", presign("GET", "/data/o", "", -61000, 60), "", 403, "AccessDenied");
    presigned("GET", presign("GET", "/data/o", "", 0, 604801), "", 400,
              "AuthorizationQueryParametersError");
    const char *styled = presign("GET", "/data/o", "&response-content-type=text%2Fcss", 0, 60);
    const struct answer *a = s3(house, NULL, "GET", styled, BYTES_NONE, NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(answer_header(a, "content-type"), "text/css");
    char target[2048];
    snprintf(target, sizeof(target), "%s&versionId=null", presign("GET", "/data/o", "", 0, 60));
    presigned("GET", target, "", 403, "SignatureDoesNotMatch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_scribe),
        cmocka_unit_test(test_without_keeper),
        cmocka_unit_test(test_presigned),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

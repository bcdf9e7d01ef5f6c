/* SigV4 against AWS's signing test suite (header and query form), the streaming examples of the S3
 * reference, and refusals. */
#include "testkit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "identity/sigv4.h"

#include <dirent.h>

#define SUITE "sigv4/tests/aws-signing-test-suite/v4"

struct parsed {
    struct sigv4_request rq;
    struct sigv4_header headers[32];
    struct bytes body;
};

/* The suite's plain requests: "Name:value", continuation lines begin with white space. */
static void request_split(struct bytes in, struct parsed *ret)
{
    struct bytes line, target;
    bool more = bytes_split(&in, '\n', &line);

    memset(ret, 0, sizeof(*ret));
    assert_true(bytes_split(&line, ' ', &ret->rq.method));
    size_t end = bytes_find(line, BYTES_LIT(" HTTP/1.1"));
    target = bytes_slice(line, 0, end);
    ret->rq.query = target;
    if (!bytes_split(&ret->rq.query, '?', &ret->rq.path)) {
        ret->rq.path = target;
        ret->rq.query = BYTES_NONE;
    }
    while (more) {
        more = bytes_split(&in, '\n', &line);
        if (line.n == 0) {
            break;
        }
        if (line.p[0] == ' ') {
            struct sigv4_header *last = &ret->headers[ret->rq.header_count - 1];
            last->value.n = (size_t)(line.p + line.n - last->value.p);
            continue;
        }
        struct sigv4_header *h = &ret->headers[ret->rq.header_count++];
        h->value = line;
        assert_true(bytes_split(&h->value, ':', &h->name));
    }
    ret->body = more ? in : BYTES_NONE;
    ret->rq.headers = ret->headers;
}

static struct bytes suite_read(const char *name, const char *file)
{
    char path[512];
    snprintf(path, sizeof(path), SUITE "/%s/%s", name, file);
    return vectors_read(path);
}

static void key_of(const char *secret, const struct sigv4_claim *c, struct key256 *ret)
{
    sigv4_signing_key(bytes_str(secret), c->date, c->region, c->service, ret);
}

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static int64_t at_ms(const char *text)
{
    int64_t ms;
    assert_int_equal(time_parse_iso8601_basic(bytes_str(text), &ms).code, ERRC_OK);
    return ms;
}

static void one_vector(const char *name, bool is_query)
{
    struct error e;
    struct parsed p;
    struct sigv4_claim claim;
    struct key256 key;
    uint8_t digest[32];
    bool is_token_unsigned = strcmp(name, "post-sts-header-after") == 0;
    bool is_normalised = strstr(name, "unnormalized") == NULL;
    struct arena *arena = arena_new(4096, false);
    struct bytes text =
            suite_read(name, is_query ? "query-signed-request.txt" : "header-signed-request.txt");
    struct bytes want = suite_read(name, is_query ? "query-canonical-request.txt"
                                                  : "header-canonical-request.txt");

    request_split(text, &p);
    enum sigv4_refusal r = sigv4_claim_parse(&p.rq, at_ms("20150830T123600Z"), arena, &claim, &e);
    if (is_token_unsigned) {
        /* The suite adds the token behind the signature; we want it under it. */
        if (!is_query) {
            assert_int_equal(r, SIGV4_UNSIGNED_HEADER);
        }
    } else {
        if (r != SIGV4_OK) {
            fail_msg("%s: %s", name, e.msg);
        }
        if (claim.payload_text.n == 0) {
            sha256(p.body, digest);
            sigv4_claim_set_digest(&claim, arena, digest);
        }
        CLEANUP(buf_done_p) struct buf got = BUF(65536);
        struct sigv4_claim shown = claim;
        if (!is_normalised) {
            shown.service = BYTES_LIT("s3");
        }
        assert_ok(sigv4_canonical_request(&p.rq, &shown, &got, &e), e);
        if (!bytes_equal(buf_bytes(&got), want)) {
            fail_msg("%s: got\n%s\nwanted\n%.*s", name, buf_cstr(&got), BYTES_FMT(want));
        }
        key_of(SECRET, &claim, &key);
        if (is_normalised) {
            assert_int_equal(sigv4_verify(&p.rq, &claim, &key, &e), SIGV4_OK);
        }
        key.b[0] ^= 1;
        assert_int_equal(sigv4_verify(&p.rq, &claim, &key, &e), SIGV4_MISMATCH);
    }
    arena_free(arena);
    free((void *)(uintptr_t)text.p);
    free((void *)(uintptr_t)want.p);
}

static void suite(bool is_query)
{
    char path[1024];
    unsigned count = 0;
    const char *root = getenv("TROTH_VECTORS");
    snprintf(path, sizeof(path), "%s/" SUITE, root == NULL ? "." : root);
    DIR *d = opendir(path);
    if (d == NULL) {
        print_message("# skipped: no vectors\n");
        skip();
    }
    for (struct dirent *en; (en = readdir(d)) != NULL;) {
        if (en->d_name[0] != '.') {
            one_vector(en->d_name, is_query);
            count++;
        }
    }
    closedir(d);
    assert_int_equal(count, 38);
}

static void suite_header_form(void **state)
{
    (void)state;
    suite(false);
}

static void suite_query_form(void **state)
{
    (void)state;
    suite(true);
}

/* The examples of "Authenticating Requests: Using the Authorization Header" and of presigned URLs.
 */
#define DOC_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define AUTH(sh, sig)                                                                              \
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"         \
    "SignedHeaders=" sh ",Signature=" sig
#define NOW     "20130524T000000Z"
#define EMPTY   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define GET_SIG "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"

static const struct sigv4_header get_headers[] = {
    { BYTES_LIT("Host"), BYTES_LIT("examplebucket.s3.amazonaws.com") },
    { BYTES_LIT("Range"), BYTES_LIT("bytes=0-9") },
    { BYTES_LIT("x-amz-content-sha256"), BYTES_LIT(EMPTY) },
    { BYTES_LIT("x-amz-date"), BYTES_LIT(NOW) },
    { BYTES_LIT("Authorization"),
      BYTES_LIT(AUTH("host;range;x-amz-content-sha256;x-amz-date", GET_SIG)) },
};

static struct sigv4_request get_request(struct sigv4_header *headers)
{
    memcpy(headers, get_headers, sizeof(get_headers));
    return (struct sigv4_request){ BYTES_LIT("GET"), BYTES_LIT("/test.txt"), BYTES_NONE, headers,
                                   ARRAY_LEN(get_headers) };
}

/* Parses and verifies at `now`. */
static enum sigv4_refusal judge(const struct sigv4_request *rq, int64_t now)
{
    struct error e;
    struct sigv4_claim claim;
    struct key256 key;
    struct arena *arena = arena_new(4096, false);
    enum sigv4_refusal r = sigv4_claim_parse(rq, now, arena, &claim, &e);
    if (r == SIGV4_OK) {
        key_of(DOC_SECRET, &claim, &key);
        r = sigv4_verify(rq, &claim, &key, &e);
    }
    arena_free(arena);
    return r;
}

static void s3_get(void **state)
{
    struct sigv4_header h[8];
    struct sigv4_request rq = get_request(h);

    (void)state;
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_OK);
    assert_int_equal(judge(&rq, at_ms(NOW) + SIGV4_SKEW_MS), SIGV4_OK);
    assert_int_equal(judge(&rq, at_ms(NOW) + SIGV4_SKEW_MS + 1), SIGV4_SKEWED);
    assert_int_equal(judge(&rq, at_ms(NOW) - SIGV4_SKEW_MS - 1), SIGV4_SKEWED);
    rq.path = BYTES_LIT("/test.txu");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MISMATCH);
    rq.path = BYTES_LIT("//test.txt"); /* not normalised */
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MISMATCH);
    rq.path = BYTES_LIT("/tes%74.txt"); /* the same path, spelt otherwise */
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_OK);
    rq.path = BYTES_LIT("/tes%7.txt");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MALFORMED);
    rq = get_request(h);
    rq.query = BYTES_LIT("acl");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MISMATCH);
    rq.query = BYTES_NONE;
    rq.method = BYTES_LIT("PUT");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MISMATCH);
}

#define PRESIGNED                                                                                  \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-" \
    "1"                                                                                            \
    "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders="    \
    "host"                                                                                         \
    "&X-Amz-Signature="
#define PRESIGNED_SIG "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

static void s3_presigned(void **state)
{
    struct sigv4_header h[2] = { get_headers[0] };
    struct sigv4_request rq = { BYTES_LIT("GET"), BYTES_LIT("/test.txt"),
                                BYTES_LIT(PRESIGNED PRESIGNED_SIG), h, 1 };
    (void)state;
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_OK);
    assert_int_equal(judge(&rq, at_ms(NOW) + 86400000), SIGV4_OK);
    assert_int_equal(judge(&rq, at_ms(NOW) + 86400001), SIGV4_EXPIRED);
    assert_int_equal(judge(&rq, at_ms(NOW) - SIGV4_SKEW_MS - 1), SIGV4_SKEWED);
    rq.query = BYTES_LIT(PRESIGNED PRESIGNED_SIG "&acl");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MISMATCH);
    rq.query = BYTES_LIT(PRESIGNED PRESIGNED_SIG "&X-Amz-Expires=5");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MALFORMED);
    rq.query = BYTES_LIT(PRESIGNED PRESIGNED_SIG);
    h[1] = (struct sigv4_header){ BYTES_LIT("X-Amz-Acl"), BYTES_LIT("public-read") };
    rq.header_count = 2; /* a header that the signer did not see */
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_UNSIGNED_HEADER);
    h[1] = get_headers[4];
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MALFORMED); /* both ways at once */
}

/* What the query means to its reader is what was signed: "+" is a space to both. */
static void query_spellings(void **state)
{
    static const struct {
        const char *query, *canonical;
    } cases[] = {
        { "prefix=a%2Bb", "prefix=a%2Bb" },
        { "prefix=a+b", "prefix=a%20b" },
        { "prefix=a%20b", "prefix=a%20b" },
        { "a+b=1", "a%20b=1" },
        { "acl", "acl=" },
        { "acl=", "acl=" },
        { "b=2&a=1", "a=1&b=2" },
        { "&&a=1&", "a=1" },
    };
    struct sigv4_header h[8];
    struct sigv4_request rq = get_request(h);
    struct sigv4_claim claim;
    struct error e;
    struct arena *arena = arena_new(4096, false);

    (void)state;
    assert_int_equal(sigv4_claim_parse(&rq, at_ms(NOW), arena, &claim, &e), SIGV4_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done_p) struct buf got = BUF(65536);
        CLEANUP(buf_done_p) struct buf want = BUF(65536);
        rq.query = bytes_str(cases[i].query);
        assert_ok(sigv4_canonical_request(&rq, &claim, &got, &e), e);
        buf_addf(&want, "GET\n/test.txt\n%s\nhost:", cases[i].canonical);
        if (!bytes_has_prefix(buf_bytes(&got), buf_bytes(&want))) {
            fail_msg("%s: got\n%s", cases[i].query, buf_cstr(&got));
        }
    }
    arena_free(arena);
}

static void presigned_flips(void **state)
{
    char query[sizeof(PRESIGNED PRESIGNED_SIG)];
    struct sigv4_header h[1] = { get_headers[0] };
    struct sigv4_request rq = { BYTES_LIT("GET"), BYTES_LIT("/test.txt"), BYTES_NONE, h, 1 };

    (void)state;
    memcpy(query, PRESIGNED PRESIGNED_SIG, sizeof(query));
    for (size_t i = 0; i + 1 < sizeof(query); i++) {
        for (int bit = 0; bit < 8; bit++) {
            query[i] = (char)(query[i] ^ (1 << bit));
            rq.query = bytes_of(query, sizeof(query) - 1);
            bool is_case =
                    bit == 5 && i > 0 &&
                    (i >= sizeof(PRESIGNED) - 1 || query[i - 1] == '2' || query[i - 1] == '3');
            if (!is_case) { /* hex digits have two cases */
                assert_int_not_equal(judge(&rq, at_ms(NOW)), SIGV4_OK);
            }
            query[i] = (char)(query[i] ^ (1 << bit));
        }
        rq.query = bytes_of(query, i);
        assert_int_not_equal(judge(&rq, at_ms(NOW)), SIGV4_OK);
    }
}

static void refuse_header(const char *authorization, enum sigv4_refusal want)
{
    struct sigv4_header h[8];
    struct sigv4_request rq = get_request(h);
    h[4].value = bytes_str(authorization);
    assert_int_equal(judge(&rq, at_ms(NOW)), want);
}

static void header_refusals(void **state)
{
    static const char good[] = AUTH("host;range;x-amz-content-sha256;x-amz-date", GET_SIG);
    char text[sizeof(good)];
    struct sigv4_header h[8];
    struct sigv4_request rq;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(good); i++) { /* every truncation */
        memcpy(text, good, sizeof(good));
        text[i] = 0;
        refuse_header(text, SIGV4_MALFORMED);
    }
    size_t key_at = sizeof("AWS4-HMAC-SHA256 Credential=") - 1;
    for (size_t i = 0; i + 1 < sizeof(good); i++) { /* every flipped byte */
        if (i >= key_at && i < key_at + 20) {
            continue; /* the access key names the secret, it is not signed itself */
        }
        memcpy(text, good, sizeof(good));
        text[i] ^= 1;
        rq = get_request(h);
        h[4].value = bytes_of(text, sizeof(good) - 1);
        assert_int_not_equal(judge(&rq, at_ms(NOW)), SIGV4_OK);
    }
    refuse_header(AUTH("range;x-amz-content-sha256;x-amz-date", GET_SIG), SIGV4_UNSIGNED_HEADER);
    refuse_header(AUTH("host;range;x-amz-date", GET_SIG), SIGV4_UNSIGNED_HEADER);
    refuse_header(AUTH("range;host;x-amz-content-sha256;x-amz-date", GET_SIG), SIGV4_MALFORMED);
    refuse_header(AUTH("host;host;range;x-amz-content-sha256;x-amz-date", GET_SIG),
                  SIGV4_MALFORMED);
    refuse_header(AUTH("host;other;range;x-amz-content-sha256;x-amz-date", GET_SIG),
                  SIGV4_MALFORMED);
    refuse_header(AUTH("Host;range;x-amz-content-sha256;x-amz-date", GET_SIG), SIGV4_MALFORMED);
    refuse_header("Basic Zm9vOmJhcg==", SIGV4_MALFORMED);
    refuse_header(AUTH("host;range;x-amz-content-sha256;x-amz-date", GET_SIG) ",Signature=" GET_SIG,
                  SIGV4_MALFORMED);
    rq = get_request(h);
    rq.header_count = 4;
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_ANONYMOUS);
    rq = get_request(h);
    h[2].value = BYTES_LIT("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD");
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MALFORMED);
    rq = get_request(h);
    h[3].value = BYTES_LIT("20130525T000000Z");
    assert_int_equal(judge(&rq, at_ms("20130525T000000Z")),
                     SIGV4_MALFORMED); /* scope of another day */
    rq = get_request(h);
    h[5] = h[3];
    rq.header_count = 6;
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MALFORMED);
    rq = get_request(h);
    h[5] = h[0];
    rq.header_count = 6;
    assert_int_equal(judge(&rq, at_ms(NOW)), SIGV4_MALFORMED);
}

/* "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" */
static void chain_of(struct sigv4_chain *chain, const char *payload, const char *seed,
                     bool has_trailer)
{
    struct error e;
    struct sigv4_claim claim;
    struct key256 key;
    char authorization[512];
    snprintf(authorization, sizeof(authorization),
             AUTH("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                  "x-amz-decoded-content-length;x-amz-storage-class%s",
                  "%s"),
             has_trailer ? ";x-amz-trailer" : "", seed);
    struct sigv4_header h[] = {
        { BYTES_LIT("Host"), BYTES_LIT("s3.amazonaws.com") },
        { BYTES_LIT("x-amz-date"), BYTES_LIT(NOW) },
        { BYTES_LIT("x-amz-storage-class"), BYTES_LIT("REDUCED_REDUNDANCY") },
        { BYTES_LIT("Authorization"), bytes_str(authorization) },
        { BYTES_LIT("x-amz-content-sha256"), bytes_str(payload) },
        { BYTES_LIT("Content-Encoding"), BYTES_LIT("aws-chunked") },
        { BYTES_LIT("x-amz-decoded-content-length"), BYTES_LIT("66560") },
        { BYTES_LIT("Content-Length"), BYTES_LIT("66824") },
        { BYTES_LIT("x-amz-trailer"), BYTES_LIT("x-amz-checksum-crc32c") },
    };
    struct sigv4_request rq = { BYTES_LIT("PUT"), BYTES_LIT("/examplebucket/chunkObject.txt"),
                                BYTES_NONE, h, has_trailer ? 9 : 8 };
    struct arena *arena = arena_new(4096, false);
    assert_int_equal(sigv4_claim_parse(&rq, at_ms(NOW), arena, &claim, &e), SIGV4_OK);
    key_of(DOC_SECRET, &claim, &key);
    if (!has_trailer) {
        assert_int_equal(sigv4_verify(&rq, &claim, &key, &e), SIGV4_OK);
        assert_int_equal(claim.payload, SIGV4_PAYLOAD_STREAMING_SIGNED);
    } else {
        assert_int_equal(claim.payload, SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER);
    }
    sigv4_chain_init(chain, &claim, &key);
    arena_free(arena);
}

static void digest_of_a(size_t n, uint8_t ret[32])
{
    uint8_t *p = malloc(n + 1);
    assert_non_null(p);
    memset(p, 'a', n);
    sha256(bytes_of(p, n), ret);
    free(p);
}

static void streaming(void **state)
{
    struct sigv4_chain chain;
    uint8_t first[32], second[32], last[32];

    (void)state;
    digest_of_a(65536, first);
    digest_of_a(1024, second);
    digest_of_a(0, last);
    chain_of(&chain, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
             "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", false);
    struct bytes s1 = BYTES_LIT("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
    struct bytes s2 = BYTES_LIT("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
    struct bytes s3 = BYTES_LIT("b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
    assert_code(sigv4_chain_chunk(&chain, second, s1), ERRC_INTEGRITY);
    assert_code(sigv4_chain_chunk(&chain, first, s2), ERRC_INTEGRITY);
    assert_code(sigv4_chain_chunk(&chain, first, bytes_slice(s1, 0, 63)), ERRC_INTEGRITY);
    assert_code(sigv4_chain_chunk(&chain, first, s1), ERRC_OK);
    assert_code(sigv4_chain_chunk(&chain, first, s1), ERRC_INTEGRITY); /* repeated */
    assert_code(sigv4_chain_chunk(&chain, second, s2), ERRC_OK);
    assert_code(sigv4_chain_chunk(&chain, last, s3), ERRC_OK);
    sigv4_chain_wipe(&chain);
}

static void streaming_trailer(void **state)
{
    struct sigv4_chain chain;
    uint8_t first[32], second[32], last[32], trailer[32];

    (void)state;
    digest_of_a(65536, first);
    digest_of_a(1024, second);
    digest_of_a(0, last);
    sha256(BYTES_LIT("x-amz-checksum-crc32c:sOO8/Q==\n"), trailer);
    chain_of(&chain, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
             "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", true);
    assert_code(
            sigv4_chain_chunk(
                    &chain, first,
                    BYTES_LIT("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2")),
            ERRC_OK);
    assert_code(
            sigv4_chain_chunk(
                    &chain, second,
                    BYTES_LIT("1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7")),
            ERRC_OK);
    assert_code(
            sigv4_chain_chunk(
                    &chain, last,
                    BYTES_LIT("2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992")),
            ERRC_OK);
    struct bytes sig =
            BYTES_LIT("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
    assert_code(sigv4_chain_trailer(&chain, last, sig), ERRC_INTEGRITY);
    assert_code(sigv4_chain_trailer(&chain, trailer, sig), ERRC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite_header_form),
        cmocka_unit_test(suite_query_form),
        cmocka_unit_test(s3_get),
        cmocka_unit_test(s3_presigned),
        cmocka_unit_test(query_spellings),
        cmocka_unit_test(presigned_flips),
        cmocka_unit_test(header_refusals),
        cmocka_unit_test(streaming),
        cmocka_unit_test(streaming_trailer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

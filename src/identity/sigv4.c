/*
 * The claim of a request and the check of its signature. What is signed is built in
 * sigv4_canonical.c.
 *
 * Source: AWS General Reference, "Signature Version 4"; S3 API Reference, "Authenticating
 * Requests".
 */
#include "identity/sigv4.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"

#define ALGORITHM      "AWS4-HMAC-SHA256"
#define EXPIRES_S_MAX  604800
#define REGION_MAX     64
#define SERVICE_MAX    32
#define ACCESS_KEY_MAX 128
#define SIGNED_MAX     100 /* headers in SignedHeaders */

__attribute__((format(printf, 3, 4))) static enum sigv4_refusal
refuse(struct error *e, enum sigv4_refusal why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    result_ignore(error_setv(e, why == SIGV4_MALFORMED ? ERRC_FORMAT : ERRC_DENIED, fmt, ap));
    va_end(ap);
    return why;
}

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        enum sigv4_refusal check_r_ = (expr);                                                      \
        if (check_r_ != SIGV4_OK) {                                                                \
            return check_r_;                                                                       \
        }                                                                                          \
    } while (0)

/* The only header of that name; `*ret_count` tells how many there are. */
static struct bytes header_find(const struct sigv4_request *rq, const char *name, size_t *ret_count)
{
    struct bytes found = BYTES_NONE;

    *ret_count = 0;
    for (size_t i = 0; i < rq->header_count; i++) {
        if (bytes_equal_str_nocase(rq->headers[i].name, name)) {
            found = bytes_trim(rq->headers[i].value, " \t");
            ++*ret_count;
        }
    }
    return found;
}

static bool is_name(struct bytes v, size_t max)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
        if (!is_fine) {
            return false;
        }
    }
    return v.n >= 1 && v.n <= max;
}

/* "<access key>/<yyyymmdd>/<region>/<service>/aws4_request" */
static enum sigv4_refusal credential_parse(struct bytes in, struct arena *arena,
                                           struct sigv4_claim *c, struct error *e)
{
    struct bytes key, date, region, service;
    uint64_t number;

    if (!bytes_split(&in, '/', &key) || !bytes_split(&in, '/', &date) ||
        !bytes_split(&in, '/', &region) || !bytes_split(&in, '/', &service)) {
        return refuse(e, SIGV4_MALFORMED,
                      "the credential is not KEY/DATE/REGION/SERVICE/aws4_request");
    }
    if (!bytes_equal_str(in, "aws4_request")) {
        return refuse(e, SIGV4_MALFORMED, "the credential does not end in aws4_request");
    }
    if (!is_name(key, ACCESS_KEY_MAX)) {
        return refuse(e, SIGV4_MALFORMED, "the credential's access key is malformed");
    }
    if (date.n != 8 || !result_is_ok(num_u64(date, 0, 99999999, &number))) {
        return refuse(e, SIGV4_MALFORMED, "the credential's date is not yyyymmdd");
    }
    if (!is_name(region, REGION_MAX) || !is_name(service, SERVICE_MAX)) {
        return refuse(e, SIGV4_MALFORMED, "the credential's region or service is malformed");
    }
    c->access_key = arena_bytes(arena, key);
    c->date = arena_bytes(arena, date);
    c->region = arena_bytes(arena, region);
    c->service = arena_bytes(arena, service);
    return SIGV4_OK;
}

static enum sigv4_refusal signature_parse(struct bytes in, struct sigv4_claim *c, struct error *e)
{
    if (!result_is_ok(hex_decode(in, c->signature, sizeof(c->signature)))) {
        return refuse(e, SIGV4_MALFORMED, "the signature is not 64 hex digits");
    }
    hex_encode(BYTES_OF(c->signature), c->signature_hex);
    return SIGV4_OK;
}

/* Lower-case names, sorted, each once; all in the request, "host" among them. */
static enum sigv4_refusal signed_headers_check(const struct sigv4_request *rq,
                                               const struct sigv4_claim *c, struct error *e)
{
    struct bytes rest = c->signed_headers, name, before = BYTES_NONE;
    bool has_host = false, more = true;

    for (size_t count = 1; more; count++) {
        more = bytes_split(&rest, ';', &name);
        if (count > SIGNED_MAX) {
            return refuse(e, SIGV4_MALFORMED, "more than %d signed headers", SIGNED_MAX);
        }
        if (name.n == 0 || (before.n != 0 && bytes_compare(before, name) >= 0)) {
            return refuse(e, SIGV4_MALFORMED, "SignedHeaders is not a sorted list of names");
        }
        size_t here = 0;
        for (size_t i = 0; i < rq->header_count; i++) {
            here += bytes_equal_nocase(rq->headers[i].name, name);
        }
        for (size_t i = 0; i < name.n; i++) {
            if (name.p[i] >= 'A' && name.p[i] <= 'Z') {
                return refuse(e, SIGV4_MALFORMED, "SignedHeaders has upper-case letters");
            }
        }
        if (here == 0) {
            return refuse(e, SIGV4_MALFORMED, "a signed header is missing from the request");
        }
        has_host = has_host || bytes_equal_str(name, "host");
        before = name;
    }
    if (!has_host) {
        return refuse(e, SIGV4_UNSIGNED_HEADER, "the host header must be signed");
    }
    return SIGV4_OK;
}

static bool list_has(struct bytes list, struct bytes name)
{
    struct bytes one;
    bool more = true;

    while (more) {
        more = bytes_split(&list, ';', &one);
        if (bytes_equal_nocase(one, name)) {
            return true;
        }
    }
    return false;
}

static enum sigv4_refusal amz_headers_check(const struct sigv4_request *rq,
                                            const struct sigv4_claim *c, struct error *e)
{
    for (size_t i = 0; i < rq->header_count; i++) {
        struct bytes name = rq->headers[i].name;
        if (bytes_equal_str_nocase(bytes_slice(name, 0, 6), "x-amz-") &&
            !list_has(c->signed_headers, name)) {
            return refuse(e, SIGV4_UNSIGNED_HEADER,
                          "there were headers present in the request which were "
                          "not signed: x-amz-...");
        }
    }
    return SIGV4_OK;
}

/* "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=..." */
static enum sigv4_refusal authorization_parse(struct bytes in, struct arena *arena,
                                              struct sigv4_claim *c, struct error *e)
{
    struct bytes part, scheme;
    unsigned seen = 0;
    bool more = bytes_split(&in, ' ', &scheme);

    if (!more || !bytes_equal_str(scheme, ALGORITHM)) {
        return refuse(e, SIGV4_MALFORMED, "the authorization is not " ALGORITHM);
    }
    while (more) {
        more = bytes_split(&in, ',', &part);
        part = bytes_trim(part, " ");
        struct bytes name;
        if (!bytes_split(&part, '=', &name)) {
            return refuse(e, SIGV4_MALFORMED, "the authorization has a part without '='");
        }
        unsigned bit = bytes_equal_str(name, "Credential")      ? 1
                       : bytes_equal_str(name, "SignedHeaders") ? 2
                       : bytes_equal_str(name, "Signature")     ? 4
                                                                : 0;
        if (bit == 0 || (seen & bit) != 0) {
            return refuse(e, SIGV4_MALFORMED, "the authorization has an unknown or repeated part");
        }
        seen |= bit;
        if (bit == 1) {
            CHECK(credential_parse(part, arena, c, e));
        } else if (bit == 2) {
            c->signed_headers = arena_bytes(arena, part);
        } else {
            CHECK(signature_parse(part, c, e));
        }
    }
    if (seen != 7) {
        return refuse(e, SIGV4_MALFORMED,
                      "the authorization lacks Credential, SignedHeaders or Signature");
    }
    return SIGV4_OK;
}

/* The decoded value of a query parameter, in the arena; `*ret_count` tells how many there are. */
static enum sigv4_refusal query_find(const struct sigv4_request *rq, const char *name,
                                     struct arena *arena, struct bytes *ret, size_t *ret_count,
                                     struct error *e)
{
    struct bytes rest = rq->query, pair, key;
    bool more = rest.n != 0;

    *ret = BYTES_NONE;
    *ret_count = 0;
    while (more) {
        more = bytes_split(&rest, '&', &pair);
        if (!bytes_split(&pair, '=', &key)) {
            pair = BYTES_NONE;
        }
        if (!bytes_equal_str(key, name)) {
            continue;
        }
        CLEANUP(buf_done_p) struct buf value = BUF(8192);
        if (!result_is_ok(percent_decode(pair, false, &value))) {
            return refuse(e, SIGV4_MALFORMED, "query parameter %s is malformed", name);
        }
        *ret = arena_bytes(arena, buf_bytes(&value));
        if (++*ret_count > 1) {
            return refuse(e, SIGV4_MALFORMED, "query parameter %s is given twice", name);
        }
    }
    return SIGV4_OK;
}

static enum sigv4_refusal query_need(const struct sigv4_request *rq, const char *name,
                                     struct arena *arena, struct bytes *ret, struct error *e)
{
    size_t count;

    CHECK(query_find(rq, name, arena, ret, &count, e));
    if (count == 0) {
        return refuse(e, SIGV4_MALFORMED, "query parameter %s is missing", name);
    }
    return SIGV4_OK;
}

static enum sigv4_refusal presigned_parse(const struct sigv4_request *rq, struct arena *arena,
                                          struct sigv4_claim *c, struct error *e)
{
    struct bytes v;
    uint64_t expires;
    size_t count;

    c->is_presigned = true;
    CHECK(query_need(rq, "X-Amz-Algorithm", arena, &v, e));
    if (!bytes_equal_str(v, ALGORITHM)) {
        return refuse(e, SIGV4_MALFORMED, "X-Amz-Algorithm is not " ALGORITHM);
    }
    CHECK(query_need(rq, "X-Amz-Credential", arena, &v, e));
    CHECK(credential_parse(v, arena, c, e));
    CHECK(query_need(rq, "X-Amz-SignedHeaders", arena, &c->signed_headers, e));
    CHECK(query_need(rq, "X-Amz-Signature", arena, &v, e));
    CHECK(signature_parse(v, c, e));
    CHECK(query_need(rq, "X-Amz-Date", arena, &c->timestamp, e));
    CHECK(query_need(rq, "X-Amz-Expires", arena, &v, e));
    if (!result_is_ok(num_u64(v, 1, EXPIRES_S_MAX, &expires))) {
        return refuse(e, SIGV4_MALFORMED, "X-Amz-Expires is not 1..%d", EXPIRES_S_MAX);
    }
    c->expires_s = (int64_t)expires;
    return query_find(rq, "X-Amz-Security-Token", arena, &c->session_token, &count, e);
}

static enum sigv4_refusal header_form_parse(const struct sigv4_request *rq,
                                            struct bytes authorization, struct arena *arena,
                                            struct sigv4_claim *c, struct error *e)
{
    size_t count;
    int64_t ms;

    CHECK(authorization_parse(authorization, arena, c, e));
    struct bytes date = header_find(rq, "x-amz-date", &count);
    if (count > 1) {
        return refuse(e, SIGV4_MALFORMED, "more than one x-amz-date");
    }
    if (count == 1) {
        c->timestamp = arena_bytes(arena, date);
    } else {
        date = header_find(rq, "date", &count);
        if (count != 1 || !result_is_ok(time_parse_http(date, &ms))) {
            return refuse(e, SIGV4_MALFORMED,
                          "neither x-amz-date nor a date header that can be read");
        }
        if (!list_has(c->signed_headers, BYTES_LIT("date"))) {
            return refuse(e, SIGV4_UNSIGNED_HEADER, "the date header must be signed");
        }
        char text[TIME_TEXT_MAX];
        c->timestamp = arena_bytes(arena, bytes_str(time_iso8601_basic(ms, text)));
    }
    struct bytes token = header_find(rq, "x-amz-security-token", &count);
    if (count > 1) {
        return refuse(e, SIGV4_MALFORMED, "more than one x-amz-security-token");
    }
    c->session_token = arena_bytes(arena, token);
    return SIGV4_OK;
}

static enum sigv4_refusal time_check(struct sigv4_claim *c, int64_t now_ms, struct error *e)
{
    if (!result_is_ok(time_parse_iso8601_basic(c->timestamp, &c->time_ms))) {
        return refuse(e, SIGV4_MALFORMED, "the request's date is not yyyymmddThhmmssZ");
    }
    if (!bytes_equal(bytes_slice(c->timestamp, 0, 8), c->date)) {
        return refuse(e, SIGV4_MALFORMED, "the credential's date is not the date of the request");
    }
    if (c->time_ms - now_ms > SIGV4_SKEW_MS) {
        return refuse(e, SIGV4_SKEWED, "the request's time lies in the future");
    }
    if (c->is_presigned) {
        if (now_ms - c->time_ms > c->expires_s * 1000) {
            return refuse(e, SIGV4_EXPIRED, "Request has expired");
        }
    } else if (now_ms - c->time_ms > SIGV4_SKEW_MS) {
        return refuse(e, SIGV4_SKEWED, "the request's time is too far from the server's");
    }
    return SIGV4_OK;
}

static const struct {
    const char *text;
    enum sigv4_payload payload;
} payload_names[] = {
    { "UNSIGNED-PAYLOAD", SIGV4_PAYLOAD_UNSIGNED },
    { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGV4_PAYLOAD_STREAMING_SIGNED },
    { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER },
    { "STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGV4_PAYLOAD_STREAMING_UNSIGNED_TRAILER },
};

static enum sigv4_refusal payload_parse(const struct sigv4_request *rq, struct arena *arena,
                                        struct sigv4_claim *c, struct error *e)
{
    bool is_s3 = bytes_equal_str(c->service, "s3");
    size_t count;
    struct bytes v = header_find(rq, "x-amz-content-sha256", &count);

    if (count > 1) {
        return refuse(e, SIGV4_MALFORMED, "more than one x-amz-content-sha256");
    }
    if (count == 0 && c->is_presigned) {
        CHECK(query_find(rq, "X-Amz-Content-Sha256", arena, &v, &count, e));
    }
    if (count == 0 && is_s3 && !c->is_presigned) {
        return refuse(e, SIGV4_MALFORMED,
                      "missing required header for this request: x-amz-content-sha256");
    }
    if (count == 0) {
        c->payload = is_s3 ? SIGV4_PAYLOAD_UNSIGNED : SIGV4_PAYLOAD_SHA256;
        c->payload_text = is_s3 ? BYTES_LIT("UNSIGNED-PAYLOAD") : BYTES_NONE;
        return SIGV4_OK;
    }
    c->payload_text = arena_bytes(arena, v);
    for (size_t i = 0; i < ARRAY_LEN(payload_names); i++) {
        if (bytes_equal_str(v, payload_names[i].text)) {
            c->payload = payload_names[i].payload;
            return SIGV4_OK;
        }
    }
    c->payload = SIGV4_PAYLOAD_SHA256;
    if (!result_is_ok(hex_decode(v, c->payload_sha256, sizeof(c->payload_sha256)))) {
        return refuse(e, SIGV4_MALFORMED,
                      "x-amz-content-sha256 is neither a digest nor a known word");
    }
    return SIGV4_OK;
}

enum sigv4_refusal sigv4_claim_parse(const struct sigv4_request *rq, int64_t now_ms,
                                     struct arena *arena, struct sigv4_claim *ret, struct error *e)
{
    struct sigv4_claim c = { 0 };
    struct bytes unused;
    size_t headers, params, signatures, hosts;

    struct bytes authorization = header_find(rq, "authorization", &headers);
    CHECK(query_find(rq, "X-Amz-Algorithm", arena, &unused, &params, e));
    CHECK(query_find(rq, "X-Amz-Signature", arena, &unused, &signatures, e));
    if (headers == 0 && params == 0 && signatures == 0) {
        return refuse(e, SIGV4_ANONYMOUS, "the request carries no credentials");
    }
    if (headers > 1 || (headers != 0 && params + signatures != 0)) {
        return refuse(e, SIGV4_MALFORMED, "only one way of authentication is allowed");
    }
    if (headers != 0) {
        CHECK(header_form_parse(rq, authorization, arena, &c, e));
    } else {
        CHECK(presigned_parse(rq, arena, &c, e));
    }
    (void)header_find(rq, "host", &hosts);
    if (hosts > 1) {
        return refuse(e, SIGV4_MALFORMED, "more than one host header");
    }
    CHECK(signed_headers_check(rq, &c, e));
    CHECK(amz_headers_check(rq, &c, e));
    CHECK(time_check(&c, now_ms, e));
    CHECK(payload_parse(rq, arena, &c, e));
    *ret = c;
    return SIGV4_OK;
}

void sigv4_claim_set_digest(struct sigv4_claim *claim, struct arena *arena,
                            const uint8_t sha256[32])
{
    char hex[65];

    memcpy(claim->payload_sha256, sha256, sizeof(claim->payload_sha256));
    hex_encode(bytes_of(sha256, 32), hex);
    claim->payload = SIGV4_PAYLOAD_SHA256;
    claim->payload_text = arena_bytes(arena, bytes_of(hex, 64));
}

static void add_hex_digest(struct buf *out, struct bytes v)
{
    uint8_t digest[SHA256_BYTES];

    sha256(v, digest);
    buf_add_hex(out, BYTES_OF(digest));
}

enum sigv4_refusal sigv4_verify(const struct sigv4_request *rq, const struct sigv4_claim *claim,
                                const struct key256 *signing_key, struct error *e)
{
    CLEANUP(buf_done_p) struct buf canonical = BUF(256 * 1024);
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    uint8_t want[SHA256_BYTES];

    if (!result_is_ok(sigv4_canonical_request(rq, claim, &canonical, e))) {
        return SIGV4_MALFORMED;
    }
    buf_add_str(&text, ALGORITHM "\n");
    buf_add(&text, claim->timestamp);
    buf_add_u8(&text, '\n');
    const struct bytes scope[] = { claim->date, claim->region, claim->service };
    for (size_t i = 0; i < ARRAY_LEN(scope); i++) {
        buf_add(&text, scope[i]);
        buf_add_u8(&text, '/');
    }
    buf_add_str(&text, "aws4_request\n");
    add_hex_digest(&text, buf_bytes(&canonical));
    if (!result_is_ok(buf_result(&text))) {
        return refuse(e, SIGV4_MALFORMED, "the scope is too long");
    }
    hmac_sha256(key256_bytes(signing_key), buf_bytes(&text), want);
    bool is_equal = mem_equal_ct(want, claim->signature, sizeof(want));
    mem_wipe(want, sizeof(want));
    if (!is_equal) {
        return refuse(e, SIGV4_MISMATCH, "the signature does not match");
    }
    return SIGV4_OK;
}

void sigv4_signing_key(struct bytes secret, struct bytes date, struct bytes region,
                       struct bytes service, struct key256 *ret)
{
    const struct bytes steps[] = { date, region, service, BYTES_LIT("aws4_request") };
    CLEANUP(buf_done_p) struct buf first = BUF_SECRET(4 + 4096);
    CLEANUP(key256_wipe) struct key256 key, next;

    buf_add_str(&first, "AWS4");
    buf_add(&first, secret);
    struct bytes with = buf_bytes(&first);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        hmac_sha256(with, steps[i], next.b);
        key = next;
        with = key256_bytes(&key);
    }
    *ret = key;
}

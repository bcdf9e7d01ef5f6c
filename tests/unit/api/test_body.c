/* The body of a request: aws-chunked with and without signatures and trailers, the examples of the
 * S3 reference, every truncation and every flipped byte, lengths, digests. */
#include "request_kit.h"

#include "base/text.h"
#include "crypto/crc.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"

/* "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" */
#define DOC_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define DOC_STAMP  "20130524T000000Z"
#define DOC_SEED   "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define DOC_SEED_T "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"

static void open_as(struct request_kit *k, enum sigv4_payload payload, const char *seed,
                    uint64_t length)
{
    static char decoded[32];
    request_init(k);
    k->r.claim = (struct sigv4_claim){ .date = BYTES_LIT("20130524"),
                                       .region = BYTES_LIT("us-east-1"),
                                       .service = BYTES_LIT("s3"),
                                       .timestamp = BYTES_LIT(DOC_STAMP),
                                       .payload = payload };
    memcpy(k->r.claim.signature_hex, seed, 65);
    sigv4_signing_key(BYTES_LIT(DOC_SECRET), k->r.claim.date, k->r.claim.region, k->r.claim.service,
                      &k->r.signing_key);
    snprintf(decoded, sizeof(decoded), "%llu", (unsigned long long)length);
    request_header(k, "x-amz-decoded-content-length", decoded);
}

/* Reads raw as the body. What came out is in *out, even when it was refused. */
static enum s3_error decode(struct request_kit *k, struct bytes raw, size_t step, size_t cap,
                            struct buf *out)
{
    struct source src = { raw, step };
    CLEANUP(s3_body_done_p) struct s3_body b = { 0 };
    enum s3_error err = S3_OK;
    struct error e;
    unsigned wanted = 0;
    uint8_t piece[4096];
    if (!s3_body_open(&k->r, &b, &err, &e)) {
        return err;
    }
    b.source = source_read;
    b.source_arg = &src;
    if (!s3_body_wanted(&b, &wanted, &err, &e)) {
        return err;
    }
    for (;;) {
        size_t n = 0;
        if (!s3_body_read(&b, piece, MIN(cap, sizeof(piece)), &n, &err, &e)) {
            assert_int_not_equal(err, S3_OK);
            return err;
        }
        if (n == 0) {
            break;
        }
        buf_add_mem(out, piece, n);
    }
    assert_int_equal(src.left.n, 0);
    struct vault_checksums have = { .known = 1u << VAULT_CRC32C | 1u << VAULT_SHA256 };
    put_be32(have.value[VAULT_CRC32C].b, crc32c_update(0, buf_bytes(out)));
    sha256(buf_bytes(out), have.value[VAULT_SHA256].b);
    have.known &= wanted;
    return s3_body_check(&b, &have, &err, &e) ? S3_OK : err;
}

static void fill_a(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_u8(out, 'a');
    }
}

static void doc_body(struct buf *raw, const char *s1, const char *s2, const char *s3)
{
    buf_addf(raw, "10000;chunk-signature=%s\r\n", s1);
    fill_a(raw, 65536);
    buf_addf(raw, "\r\n400;chunk-signature=%s\r\n", s2);
    fill_a(raw, 1024);
    buf_addf(raw, "\r\n0;chunk-signature=%s\r\n", s3);
}

static void test_documented(void **state)
{
    CLEANUP(buf_done_p) struct buf raw = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    struct request_kit k;
    (void)state;
    doc_body(&raw, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
             "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
             "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
    buf_add_str(&raw, "\r\n");
    assert_int_equal(raw.n, 66824); /* as the reference says */
    open_as(&k, SIGV4_PAYLOAD_STREAMING_SIGNED, DOC_SEED, 66560);
    assert_int_equal(decode(&k, buf_bytes(&raw), 1000, 4096, &out), S3_OK);
    assert_int_equal(out.n, 66560);
    request_done(&k);

    buf_reset(&raw);
    buf_reset(&out);
    doc_body(&raw, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
             "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
             "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
    buf_add_str(&raw, "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
                      "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n");
    open_as(&k, SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER, DOC_SEED_T, 66560);
    request_header(&k, "x-amz-trailer", "x-amz-checksum-crc32c");
    assert_int_equal(decode(&k, buf_bytes(&raw), 100000, 4096, &out), S3_OK);
    request_done(&k);
}

/* --- bodies of our own making --- */

struct maker {
    struct key256 key;
    char previous[65];
};

static void sign(struct maker *m, const char *kind, const char *middle, struct bytes what)
{
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    uint8_t digest[SHA256_BYTES];
    char hex[65];
    sha256(what, digest);
    hex_encode(BYTES_OF(digest), hex);
    buf_addf(&text, "%s\n" DOC_STAMP "\n20130524/us-east-1/s3/aws4_request\n%s\n%s%s", kind,
             m->previous, middle, hex);
    hmac_sha256(key256_bytes(&m->key), buf_bytes(&text), digest);
    hex_encode(BYTES_OF(digest), m->previous);
}

static void chunk(struct maker *m, bool is_signed, struct bytes data, struct buf *raw)
{
    buf_addf(raw, "%zx", data.n);
    if (is_signed) {
        sign(m, "AWS4-HMAC-SHA256-PAYLOAD",
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", data);
        buf_addf(raw, ";chunk-signature=%s", m->previous);
    }
    buf_add_str(raw, "\r\n");
    if (data.n > 0) {
        buf_add(raw, data);
        buf_add_str(raw, "\r\n");
    }
}

/* `data` in chunks of `size`; trailer "name:value" or NULL. */
static void make(bool is_signed, struct bytes data, size_t size, const char *trailer,
                 struct buf *raw)
{
    struct maker m;
    memcpy(m.previous, DOC_SEED, 65);
    sigv4_signing_key(BYTES_LIT(DOC_SECRET), BYTES_LIT("20130524"), BYTES_LIT("us-east-1"),
                      BYTES_LIT("s3"), &m.key);
    for (size_t at = 0; at < data.n; at += size) {
        chunk(&m, is_signed, bytes_slice(data, at, at + size), raw);
    }
    chunk(&m, is_signed, BYTES_NONE, raw);
    if (trailer != NULL) {
        buf_addf(raw, "%s\r\n", trailer);
        if (is_signed) {
            char line[256];
            snprintf(line, sizeof(line), "%s\n", trailer);
            sign(&m, "AWS4-HMAC-SHA256-TRAILER", "", bytes_str(line));
            buf_addf(raw, "x-amz-trailer-signature:%s\r\n", m.previous);
        }
    }
    buf_add_str(raw, "\r\n");
}

#define DATA BYTES_LIT("The quick brown fox jumps over the lazy dog")
#define CRC  "x-amz-checksum-crc32c:ImIEBA=="

static enum sigv4_payload form_of(bool is_signed, bool has_trailer)
{
    return !is_signed    ? SIGV4_PAYLOAD_STREAMING_UNSIGNED_TRAILER
           : has_trailer ? SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER
                         : SIGV4_PAYLOAD_STREAMING_SIGNED;
}

static enum s3_error decode_form(bool is_signed, bool has_trailer, struct bytes raw, size_t step,
                                 size_t cap, struct buf *out)
{
    struct request_kit k;
    open_as(&k, form_of(is_signed, has_trailer), DOC_SEED, DATA.n);
    if (has_trailer) {
        request_header(&k, "x-amz-trailer", "x-amz-checksum-crc32c");
    }
    enum s3_error err = decode(&k, raw, step, cap, out);
    request_done(&k);
    return err;
}

static void test_good_forms(void **state)
{
    static const size_t sizes[] = { 1, 2, 7, 42, 43, 44, 1000 }, steps[] = { 1, 3, 64, 100000 };
    (void)state;
    for (int form = 0; form < 3; form++) {
        bool is_signed = form != 0, has_trailer = form != 1;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            CLEANUP(buf_done_p) struct buf raw = BUF(1 << 20);
            make(is_signed, DATA, sizes[i], has_trailer ? CRC : NULL, &raw);
            for (size_t j = 0; j < ARRAY_LEN(steps); j++) {
                for (size_t cap = 1; cap < 64; cap += 21) {
                    CLEANUP(buf_done_p) struct buf out = BUF(4096);
                    assert_int_equal(decode_form(is_signed, has_trailer, buf_bytes(&raw), steps[j],
                                                 cap, &out),
                                     S3_OK);
                    assert_bytes(buf_bytes(&out), DATA);
                }
            }
        }
    }
}

static void test_empty(void **state)
{
    (void)state;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(4096);
        CLEANUP(buf_done_p) struct buf out = BUF(4096);
        struct request_kit k;
        make(is_signed != 0, BYTES_NONE, 1, "x-amz-checksum-crc32c:AAAAAA==", &raw);
        open_as(&k, form_of(is_signed != 0, true), DOC_SEED, 0);
        request_header(&k, "x-amz-trailer", "x-amz-checksum-crc32c");
        assert_int_equal(decode(&k, buf_bytes(&raw), 100, 100, &out), S3_OK);
        assert_int_equal(out.n, 0);
        request_done(&k);
    }
}

/*= 2.1.3-1 test */
static void test_truncations(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        bool is_signed = form != 0, has_trailer = form != 1;
        CLEANUP(buf_done_p) struct buf raw = BUF(1 << 20);
        make(is_signed, DATA, 20, has_trailer ? CRC : NULL, &raw);
        for (size_t n = 0; n < raw.n; n++) {
            CLEANUP(buf_done_p) struct buf out = BUF(4096);
            assert_int_not_equal(
                    decode_form(is_signed, has_trailer, bytes_of(raw.p, n), 100000, 4096, &out),
                    S3_OK);
        }
        CLEANUP(buf_done_p) struct buf out = BUF(4096);
        buf_add_u8(&raw, '\n');
        assert_int_not_equal(
                decode_form(is_signed, has_trailer, buf_bytes(&raw), 100000, 4096, &out), S3_OK);
    }
}

/* Of a signed body not one byte may be another. */
static void test_flips(void **state)
{
    (void)state;
    for (int has_trailer = 0; has_trailer < 2; has_trailer++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(1 << 20);
        make(true, DATA, 20, has_trailer != 0 ? CRC : NULL, &raw);
        size_t name = bytes_find(buf_bytes(&raw), BYTES_LIT("x-amz-trailer-signature"));
        for (size_t i = 0; i < raw.n; i++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                uint8_t was = raw.p[i];
                if (bit == 5 && (raw.p[i + 1] == ';' || (i >= name && i < name + 23))) {
                    continue; /* sizes and names are the same in upper case */
                }
                CLEANUP(buf_done_p) struct buf out = BUF(4096);
                raw.p[i] = (uint8_t)(was ^ 1u << bit);
                enum s3_error err =
                        decode_form(true, has_trailer != 0, buf_bytes(&raw), 100000, 4096, &out);
                if (err == S3_OK) {
                    fail_msg("byte %zu of %.*s", i, BYTES_FMT(buf_bytes(&raw)));
                }
                raw.p[i] = was;
            }
        }
    }
}

static void refused(bool is_signed, bool has_trailer, const char *raw, enum s3_error want)
{
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    enum s3_error err = decode_form(is_signed, has_trailer, bytes_str(raw), 100000, 4096, &out);
    if (err != want) {
        fail_msg("%s: %s, expected %s", raw, s3_error_info(err)->code, s3_error_info(want)->code);
    }
}

#define FOX "The quick brown fox jumps over the lazy dog"

static void test_refusals(void **state)
{
    char line[2048];
    (void)state;
    refused(false, true, "2b\r\n" FOX "\r\n0\r\n" CRC "\r\n\r\n", S3_OK);
    refused(false, true, "2B\r\n" FOX "\r\n0\r\n" CRC "\r\n\r\n", S3_OK);
    refused(false, true, "2b\r\n" FOX "\r\n0\r\n" CRC "\n\r\n\r\n",
            S3_OK); /* as Java's SDK sends */
    refused(false, true, "2b\r\n" FOX "\r\n0\r\n\r\n", S3_MALFORMED_TRAILER);
    refused(false, true, "2b\r\n" FOX "\r\n0\r\nx-other:1\r\n\r\n", S3_MALFORMED_TRAILER);
    refused(false, true, "2b\r\n" FOX "\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n",
            S3_BAD_DIGEST);
    refused(false, true, "2b\r\n" FOX "\r\n0\r\nx-amz-checksum-crc32c:AAAA\r\n\r\n",
            S3_INVALID_DIGEST);
    refused(false, true, "2b\r\n" FOX "\r\n0\r\nno colon\r\n\r\n", S3_INVALID_REQUEST);
    refused(false, true, "2b;chunk-signature=0\r\n" FOX "\r\n0\r\n" CRC "\r\n\r\n",
            S3_INVALID_REQUEST);
    refused(false, true, "2b\n" FOX "\n0\n" CRC "\n\n", S3_INCOMPLETE_BODY);
    refused(false, true, "2a\r\n" FOX "\r\n0\r\n" CRC "\r\n\r\n", S3_INVALID_REQUEST);
    refused(false, true, "2c\r\n" FOX "!\r\n0\r\n" CRC "\r\n\r\n", S3_INCOMPLETE_BODY);
    refused(false, true, "1\r\nT\r\n0\r\n" CRC "\r\n\r\n", S3_INCOMPLETE_BODY);
    refused(false, true, "\r\n", S3_INVALID_REQUEST);
    refused(false, true, "-1\r\n", S3_INVALID_REQUEST);
    refused(false, true, "0x2b\r\n", S3_INVALID_REQUEST);
    refused(false, true, "ffffffffffffffff\r\n", S3_INVALID_REQUEST);
    refused(false, true, "fffffffffffffffffffff\r\n", S3_INVALID_REQUEST);
    refused(true, false, "2b\r\n" FOX "\r\n0\r\n\r\n", S3_SIGNATURE_DOES_NOT_MATCH);
    refused(true, false, "2b;chunk-signature=00\r\n" FOX "\r\n0\r\n\r\n",
            S3_SIGNATURE_DOES_NOT_MATCH);
    memset(line, '1', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    refused(false, true, line, S3_INVALID_REQUEST);
    CLEANUP(buf_done_p) struct buf many = BUF(4096);
    buf_add_str(&many, "2b\r\n" FOX "\r\n0\r\n");
    for (int i = 0; i <= S3_TRAILERS_MAX; i++) {
        buf_addf(&many, "x-%d:1\r\n", i);
    }
    buf_add_str(&many, "\r\n");
    refused(false, true, buf_cstr(&many), S3_INVALID_REQUEST);
}

/* A trailer that the request did not announce by its form, or that is not signed. */
static void test_trailers_of_signed(void **state)
{
    CLEANUP(buf_done_p) struct buf raw = BUF(4096);
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    (void)state;
    make(true, DATA, 100, CRC, &raw);
    assert_int_equal(decode_form(true, false, buf_bytes(&raw), 1000, 1000, &out),
                     S3_INVALID_REQUEST);
    buf_reset(&raw);
    buf_reset(&out);
    make(true, DATA, 100, NULL, &raw);
    assert_int_equal(decode_form(true, true, buf_bytes(&raw), 1000, 1000, &out),
                     S3_SIGNATURE_DOES_NOT_MATCH);
    buf_reset(&raw);
    buf_reset(&out);
    make(true, DATA, 100, CRC, &raw);
    buf_consume(&raw, 0);
    raw.n -= 2;
    buf_add_str(&raw, "x-more:1\r\n\r\n"); /* behind the signature */
    assert_int_equal(decode_form(true, true, buf_bytes(&raw), 1000, 1000, &out),
                     S3_INVALID_REQUEST);
}

static enum s3_error opened(enum sigv4_payload payload, const char *decoded, const char *name,
                            const char *value)
{
    struct request_kit k;
    CLEANUP(s3_body_done_p) struct s3_body b = { 0 };
    enum s3_error err = S3_OK;
    struct error e;
    unsigned wanted = 0;
    open_as(&k, payload, DOC_SEED, 0);
    k.http.header_count = 0;
    if (decoded != NULL) {
        request_header(&k, "X-Amz-Decoded-Content-Length", decoded);
    }
    if (name != NULL) {
        request_header(&k, name, value);
    }
    bool is_open = s3_body_open(&k.r, &b, &err, &e) && s3_body_wanted(&b, &wanted, &err, &e);
    request_done(&k);
    return is_open ? S3_OK : err;
}

static void test_announcements(void **state)
{
    enum sigv4_payload chunked = SIGV4_PAYLOAD_STREAMING_UNSIGNED_TRAILER,
                       plain = SIGV4_PAYLOAD_UNSIGNED;
    (void)state;
    assert_int_equal(opened(chunked, "10", NULL, NULL), S3_OK);
    assert_int_equal(opened(chunked, NULL, NULL, NULL), S3_MISSING_CONTENT_LENGTH);
    assert_int_equal(opened(chunked, "x", NULL, NULL), S3_MISSING_CONTENT_LENGTH);
    assert_int_equal(opened(chunked, "-1", NULL, NULL), S3_MISSING_CONTENT_LENGTH);
    assert_int_equal(opened(plain, NULL, "x-amz-checksum-crc32", "NhCmhg=="), S3_OK);
    assert_int_equal(opened(plain, NULL, "x-amz-checksum-crc32", "NhCmhg"), S3_INVALID_DIGEST);
    assert_int_equal(opened(plain, NULL, "x-amz-checksum-sha256", "NhCmhg=="), S3_INVALID_DIGEST);
    assert_int_equal(opened(plain, NULL, "content-md5", "XUFAKrxLKna5cZ2REBfFkg=="), S3_OK);
    assert_int_equal(opened(plain, NULL, "content-md5", ""), S3_INVALID_DIGEST);
    assert_int_equal(opened(chunked, "10", "x-amz-trailer", "x-amz-checksum-sha1"), S3_OK);
    assert_int_equal(
            opened(chunked, "10", "x-amz-trailer", "x-amz-checksum-sha1, x-amz-checksum-crc32"),
            S3_INVALID_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented),
        cmocka_unit_test(test_good_forms),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_trailers_of_signed),
        cmocka_unit_test(test_announcements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* RFC 3161 against an authority made on the spot with OpenSSL: good answers, refusals, tampering,
 * wrong questions. */
#include "testkit.h"

#include "crypto/tsa.h"
#include "crypto/x509.h"

#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#define NOW INT64_C(1795340000000) /* 2026-11-22 */
#define DAY INT64_C(86400000)

static struct x509_pair ca, other_ca;
static uint8_t digest[SHA256_BYTES];

static X509 *cert_of(const struct x509_pair *p)
{
    BIO *b = BIO_new_mem_buf(p->cert_pem.p, (int)p->cert_pem.n);
    X509 *c = PEM_read_bio_X509(b, NULL, NULL, NULL);
    BIO_free(b);
    assert_non_null(c);
    return c;
}

static EVP_PKEY *key_of(const struct x509_pair *p)
{
    BIO *b = BIO_new_mem_buf(p->key_pem.p, (int)p->key_pem.n);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
    BIO_free(b);
    assert_non_null(k);
    return k;
}

static void add_ext(X509 *c, int nid, const char *value)
{
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(x);
    assert_int_equal(X509_add_ext(c, x, -1), 1);
    X509_EXTENSION_free(x);
}

/* A certificate under `ca` with the given extended key usage, valid from NOW for 100 days. */
static X509 *signer_new(EVP_PKEY *k, const char *usage)
{
    X509 *c = X509_new(), *issuer = cert_of(&ca);
    EVP_PKEY *issuer_key = key_of(&ca);
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 77);
    X509_set_pubkey(c, k);
    ASN1_TIME_set(X509_getm_notBefore(c), NOW / 1000);
    ASN1_TIME_set(X509_getm_notAfter(c), (NOW + 100 * DAY) / 1000);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                               (const unsigned char *)"stamps", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(issuer));
    add_ext(c, NID_key_usage, "critical,digitalSignature");
    add_ext(c, NID_ext_key_usage, usage);
    assert_true(X509_sign(c, issuer_key, EVP_sha256()) > 0);
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
    return c;
}

static ASN1_INTEGER *serial_cb(TS_RESP_CTX *c, void *arg)
{
    (void)c, (void)arg;
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_INTEGER_set(n, 0x1234);
    return n;
}

static int64_t stamp_at_ms;

static int time_cb(TS_RESP_CTX *c, void *arg, long *sec, long *usec)
{
    (void)c, (void)arg;
    *sec = (long)(stamp_at_ms / 1000);
    *usec = (long)(stamp_at_ms % 1000) * 1000;
    return 1;
}

/* The authority's answer to a request. `accepted` is the only digest it takes. */
static void answer(struct bytes request, const EVP_MD *accepted, struct buf *out)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *c = signer_new(k, "critical,timeStamping");
    TS_RESP_CTX *t = TS_RESP_CTX_new();
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.5", 1);
    BIO *in = BIO_new_mem_buf(request.p, (int)request.n);
    assert_int_equal(TS_RESP_CTX_set_signer_cert(t, c), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_key(t, k), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_digest(t, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_ess_cert_id_digest(t, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_def_policy(t, policy), 1);
    assert_int_equal(TS_RESP_CTX_add_md(t, accepted), 1);
    assert_int_equal(TS_RESP_CTX_set_clock_precision_digits(t, 3), 1);
    TS_RESP_CTX_set_serial_cb(t, serial_cb, NULL);
    TS_RESP_CTX_set_time_cb(t, time_cb, NULL);
    TS_RESP *r = TS_RESP_create_response(t, in);
    unsigned char *der = NULL;
    assert_non_null(r);
    int n = i2d_TS_RESP(r, &der);
    assert_true(n > 0);
    buf_add_mem(out, der, (size_t)n);
    OPENSSL_free(der);
    TS_RESP_free(r);
    BIO_free(in);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(t);
    X509_free(c);
    EVP_PKEY_free(k);
}

static int make_ca(void **state)
{
    struct error e;
    (void)state;
    stamp_at_ms = NOW + DAY + 250;
    sha256(BYTES_LIT("what is stamped"), digest);
    return x509_ca_new("stamp authority", NOW, &ca, &e).code == ERRC_OK &&
                           x509_ca_new("other", NOW, &other_ca, &e).code == ERRC_OK
                   ? 0
                   : -1;
}

static int drop_ca(void **state)
{
    (void)state;
    x509_pair_done(&ca);
    x509_pair_done(&other_ca);
    return 0;
}

static void good_answer(void **state)
{
    CLEANUP(buf_done_p) struct buf request = BUF(TSA_MAX), der = BUF(TSA_MAX), token = BUF(TSA_MAX);
    struct tsa_facts f, g;
    struct error e = { 0 };
    struct bytes trusted = buf_bytes(&ca.cert_pem);
    (void)state;
    assert_ok(tsa_request(digest, 0x1122334455667788u, &request, &e), e);
    answer(buf_bytes(&request), EVP_sha256(), &der);
    assert_ok(tsa_check_response(buf_bytes(&der), digest, 0x1122334455667788u, trusted, &f, &token,
                                 &e),
              e);
    assert_true(f.time_ms == stamp_at_ms);
    assert_string_equal(f.serial, "1234");
    assert_string_equal(f.policy, "1.2.3.4.5");
    assert_string_equal(f.authority, "CN=stamps");
    assert_ok(tsa_check_token(buf_bytes(&token), digest, trusted, &g, &e), e);
    assert_memory_equal(&f, &g, sizeof(f));
    /* Another digest, nonce, authority; the response as a token and the other way round. */
    uint8_t other[SHA256_BYTES];
    sha256(BYTES_LIT("something else"), other);
    assert_code(
            tsa_check_response(buf_bytes(&der), other, 0x1122334455667788u, trusted, &f, NULL, &e),
            ERRC_INTEGRITY);
    assert_code(tsa_check_response(buf_bytes(&der), digest, 1, trusted, &f, NULL, &e),
                ERRC_INTEGRITY);
    assert_code(tsa_check_response(buf_bytes(&der), digest, 0, trusted, &f, NULL, &e), ERRC_OK);
    assert_code(tsa_check_response(buf_bytes(&der), digest, 0, buf_bytes(&other_ca.cert_pem), &f,
                                   NULL, &e),
                ERRC_INTEGRITY);
    assert_code(tsa_check_token(buf_bytes(&token), other, trusted, &g, &e), ERRC_INTEGRITY);
    assert_code(tsa_check_token(buf_bytes(&der), digest, trusted, &g, &e), ERRC_FORMAT);
    assert_code(tsa_check_response(buf_bytes(&token), digest, 0, trusted, &f, NULL, &e),
                ERRC_FORMAT);
    assert_code(tsa_check_response(buf_bytes(&der), digest, 0, BYTES_LIT("no PEM"), &f, NULL, &e),
                ERRC_FORMAT);
}

/* The chain is judged at the time stamped, not now: kept tokens outlive their certificates. */
static void validity_is_at_the_stamped_time(void **state)
{
    static const struct {
        int64_t at_ms;
        enum errc want;
    } cases[] = { { NOW + 99 * DAY, ERRC_OK },
                  { NOW + 101 * DAY, ERRC_INTEGRITY },
                  { NOW - DAY, ERRC_INTEGRITY } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done_p) struct buf request = BUF(TSA_MAX), der = BUF(TSA_MAX);
        struct tsa_facts f;
        struct error e = { 0 };
        int64_t keep = stamp_at_ms;
        stamp_at_ms = cases[i].at_ms;
        assert_ok(tsa_request(digest, 0, &request, &e), e);
        answer(buf_bytes(&request), EVP_sha256(), &der);
        stamp_at_ms = keep;
        assert_code(tsa_check_response(buf_bytes(&der), digest, 0, buf_bytes(&ca.cert_pem), &f,
                                       NULL, &e),
                    cases[i].want);
    }
}

static void refusal_is_told(void **state)
{
    CLEANUP(buf_done_p) struct buf request = BUF(TSA_MAX), der = BUF(TSA_MAX);
    struct tsa_facts f;
    struct error e = { 0 };
    (void)state;
    assert_ok(tsa_request(digest, 5, &request, &e), e);
    answer(buf_bytes(&request), EVP_sha512(), &der);
    assert_code(
            tsa_check_response(buf_bytes(&der), digest, 5, buf_bytes(&ca.cert_pem), &f, NULL, &e),
            ERRC_DENIED);
    assert_non_null(strstr(e.msg, "status 2"));
}

/* Nothing changed in the signed part or the shape is accepted; what does verify says the same as
 * before. */
static void flips_and_cuts(void **state)
{
    CLEANUP(buf_done_p) struct buf request = BUF(TSA_MAX), der = BUF(TSA_MAX);
    struct tsa_facts want, got;
    struct error e = { 0 };
    struct bytes trusted = buf_bytes(&ca.cert_pem);
    size_t refused = 0;
    (void)state;
    assert_ok(tsa_request(digest, 5, &request, &e), e);
    answer(buf_bytes(&request), EVP_sha256(), &der);
    assert_ok(tsa_check_response(buf_bytes(&der), digest, 5, trusted, &want, NULL, &e), e);
    for (size_t i = 0; i < der.n; i++) {
        assert_code(tsa_check_response(bytes_of(der.p, i), digest, 5, trusted, &got, NULL, &e),
                    ERRC_FORMAT);
        der.p[i] ^= 0x10;
        struct result r = tsa_check_response(buf_bytes(&der), digest, 5, trusted, &got, NULL, &e);
        der.p[i] ^= 0x10;
        refused += r.code != ERRC_OK;
        if (r.code == ERRC_OK) {
            assert_memory_equal(&got, &want, sizeof(got));
        }
    }
    assert_true(refused > der.n * 9 / 10);
    buf_add_u8(&der, 0);
    assert_code(tsa_check_response(buf_bytes(&der), digest, 5, trusted, &got, NULL, &e),
                ERRC_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answer),
        cmocka_unit_test(validity_is_at_the_stamped_time),
        cmocka_unit_test(refusal_is_told),
        cmocka_unit_test(flips_and_cuts),
    };
    return cmocka_run_group_tests(tests, make_ca, drop_ca);
}

/* Certificates: an authority and its leaves, their facts, and what is refused. */
#include "testkit.h"

#include "crypto/x509.h"

#define NOW INT64_C(1795340000000) /* 2026-11-22 */
#define DAY INT64_C(86400000)

static struct x509_pair ca;

static int make_ca(void **state)
{
    struct error e;
    (void)state;
    return x509_ca_new("Troth test authority", NOW, &ca, &e).code == ERRC_OK ? 0 : -1;
}

static int drop_ca(void **state)
{
    (void)state;
    x509_pair_done(&ca);
    return 0;
}

static void facts_of_authority_and_leaf(void **state)
{
    static const char *const names[] = { "localhost", "s3.example.com", "127.0.0.1", "::1" };
    CLEANUP(x509_pair_done_p) struct x509_pair leaf = { 0 };
    struct x509_facts f, g;
    struct error e = { 0 };
    (void)state;
    assert_ok(x509_facts_of_pem(buf_bytes(&ca.cert_pem), &f, &e), e);
    assert_string_equal(f.subject, "CN=Troth test authority");
    assert_string_equal(f.issuer, f.subject);
    assert_true(f.is_ca);
    assert_string_equal(f.key, "EC P-256");
    assert_true(f.not_before_ms == NOW - 3600000);
    assert_true(f.not_after_ms == NOW + X509_CA_DAYS * DAY);
    assert_string_equal(f.sans, "");
    assert_ok(x509_leaf_new(&ca, X509_SERVER, "server \xe4\xb8\xad", names, 4, NOW, &leaf, &e), e);
    assert_ok(x509_facts_of_pem(buf_bytes(&leaf.cert_pem), &g, &e), e);
    assert_string_equal(g.subject, "CN=server \xe4\xb8\xad");
    assert_string_equal(g.issuer, f.subject);
    assert_false(g.is_ca);
    assert_string_equal(g.sans,
                        "DNS:localhost, DNS:s3.example.com, IP:127.0.0.1, IP:0:0:0:0:0:0:0:1");
    assert_true(g.not_after_ms == NOW + X509_LEAF_DAYS * DAY);
    assert_int_equal(strlen(g.serial), 32);
    assert_memory_not_equal(f.fingerprint, g.fingerprint, 32);
}

static void pairs_are_checked(void **state)
{
    static const char *const names[] = { "localhost" };
    CLEANUP(x509_pair_done_p) struct x509_pair leaf = { 0 };
    struct error e = { 0 };
    (void)state;
    assert_ok(x509_leaf_new(&ca, X509_SERVER, "server", names, 1, NOW, &leaf, &e), e);
    struct bytes cert = buf_bytes(&leaf.cert_pem), key = buf_bytes(&leaf.key_pem);
    assert_ok(x509_check_pair(cert, key, NOW, &e), e);
    assert_code(x509_check_pair(cert, buf_bytes(&ca.key_pem), NOW, &e), ERRC_CONFLICT);
    assert_code(x509_check_pair(cert, key, NOW - DAY, &e), ERRC_EXPIRED);
    assert_code(x509_check_pair(cert, key, NOW + (X509_LEAF_DAYS + 1) * DAY, &e), ERRC_EXPIRED);
    assert_code(x509_check_pair(key, key, NOW, &e), ERRC_FORMAT);
    assert_code(x509_check_pair(cert, cert, NOW, &e), ERRC_FORMAT);
    assert_code(x509_check_pair(BYTES_NONE, key, NOW, &e), ERRC_FORMAT);
}

static void bad_requests_are_refused(void **state)
{
    static const char *const bad[] = { "", "has space", "under\xc3\xbcml", "semi;colon", "a/b" };
    static const char *const good[] = { "localhost" };
    CLEANUP(x509_pair_done_p) struct x509_pair out = { 0 };
    struct error e = { 0 };
    char long_name[66];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(x509_leaf_new(&ca, X509_SERVER, "s", bad + i, 1, NOW, &out, &e), ERRC_RANGE);
    }
    assert_code(x509_leaf_new(&ca, X509_SERVER, "s", good, 0, NOW, &out, &e), ERRC_RANGE);
    assert_code(x509_leaf_new(&ca, X509_SERVER, "s", good, 65, NOW, &out, &e), ERRC_RANGE);
    memset(long_name, 'a', 65);
    long_name[65] = '\0';
    assert_code(x509_leaf_new(&ca, X509_SERVER, long_name, good, 1, NOW, &out, &e), ERRC_RANGE);
    assert_code(x509_leaf_new(&ca, X509_SERVER, "", good, 1, NOW, &out, &e), ERRC_RANGE);
    assert_null(out.cert_pem.p);
}

/* A changed PEM is refused or parses to something with another fingerprint; it never comes out as
 * the same. */
static void flips_and_cuts_of_the_pem(void **state)
{
    struct x509_facts want, got;
    struct error e = { 0 };
    struct bytes pem = buf_bytes(&ca.cert_pem);
    CLEANUP(mem_free_p) uint8_t *copy = mem_dup(pem.p, pem.n);
    size_t body = strlen("-----BEGIN CERTIFICATE-----\n"), refused = 0;
    (void)state;
    assert_ok(x509_facts_of_pem(pem, &want, &e), e);
    for (size_t i = 0; i < pem.n; i++) {
        copy[i] ^= 1;
        struct result r = x509_facts_of_pem(bytes_of(copy, pem.n), &got, &e);
        refused += r.code == ERRC_FORMAT;
        if (r.code == ERRC_OK && i >= body && copy[i] != '\n' && i < pem.n - body - 2) {
            assert_memory_not_equal(got.fingerprint, want.fingerprint, 32);
        }
        copy[i] ^= 1;
        if (i + 2 < pem.n) {
            assert_code(x509_facts_of_pem(bytes_of(copy, i), &got, &e), ERRC_FORMAT);
        }
    }
    assert_true(refused > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_authority_and_leaf),
        cmocka_unit_test(pairs_are_checked),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(flips_and_cuts_of_the_pem),
    };
    return cmocka_run_group_tests(tests, make_ca, drop_ca);
}

/* Making certificates: the local authority of a first start and what it signs. */
#include "crypto/x509_priv.h"

#include "base/rng.h"

#define PEM_MAX        (64u * 1024)
#define DAY_S          86400
#define CLOCK_SLACK_S  3600
#define SERIAL_BYTES   16
#define LEAF_NAMES_MAX 64

DEFINE_CLEANUP(BN_free, BIGNUM *)
DEFINE_CLEANUP(GENERAL_NAME_free, GENERAL_NAME *)
DEFINE_CLEANUP(X509_EXTENSION_free, X509_EXTENSION *)

void x509_pair_done(struct x509_pair *p)
{
    buf_done(&p->cert_pem);
    buf_done(&p->key_pem);
}

static void bio_to_buf(BIO *b, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(b, &p);

    buf_add_mem(out, p, n < 0 ? 0 : (size_t)n);
}

static RESULT pair_write(X509 *c, EVP_PKEY *k, struct x509_pair *ret)
{
    CLEANUP(BIO_free_p) BIO *cert = BIO_new(BIO_s_mem());
    CLEANUP(BIO_free_p) BIO *key = BIO_new(BIO_s_secmem());
    CLEANUP(x509_pair_done_p)
    struct x509_pair out = { .cert_pem = BUF(PEM_MAX), .key_pem = BUF_SECRET(PEM_MAX) };

    crypto_must(cert != NULL && key != NULL && PEM_write_bio_X509(cert, c) == 1 &&
                        PEM_write_bio_PKCS8PrivateKey(key, k, NULL, NULL, 0, NULL, NULL) == 1,
                "PEM");
    bio_to_buf(cert, &out.cert_pem);
    bio_to_buf(key, &out.key_pem);
    TRY(buf_result(&out.cert_pem));
    TRY(buf_result(&out.key_pem));
    *ret = out;
    out = (struct x509_pair){ 0 };
    return RESULT_OK;
}

static void add_ext(X509 *c, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    CLEANUP(X509_EXTENSION_free_p) X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    crypto_must(x != NULL && X509_add_ext(c, x, -1) == 1, value);
}

/* Version, serial, key, subject, validity; the issuer's name and extensions are the caller's. */
static RESULT cert_begin(EVP_PKEY *k, const char *common_name, int64_t now_ms, int64_t days,
                         X509 **ret, struct error *e)
{
    CLEANUP(X509_free_p) X509 *c = X509_new();
    uint8_t serial[SERIAL_BYTES];

    if (common_name[0] == '\0' || strlen(common_name) > 64) {
        FAIL(e, ERRC_RANGE, "a common name has 1 to 64 bytes");
    }
    rng_fill(&rng_system, serial, sizeof(serial));
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
    CLEANUP(BN_free_p) BIGNUM *bn = BN_bin2bn(serial, sizeof(serial), NULL);
    time_t now = (time_t)(now_ms / 1000);
    crypto_must(c != NULL && bn != NULL && X509_set_version(c, X509_VERSION_3) == 1 &&
                        BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c)) != NULL &&
                        X509_set_pubkey(c, k) == 1 &&
                        ASN1_TIME_set(X509_getm_notBefore(c), now - CLOCK_SLACK_S) != NULL &&
                        ASN1_TIME_set(X509_getm_notAfter(c), now + days * DAY_S) != NULL,
                "certificate");
    if (X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                   (const unsigned char *)common_name, -1, -1, 0) != 1) {
        return crypto_fail(e, ERRC_RANGE, "common name");
    }
    *ret = TAKE(c);
    return RESULT_OK;
}

RESULT x509_ca_new(const char *common_name, int64_t now_ms, struct x509_pair *ret, struct error *e)
{
    CLEANUP(EVP_PKEY_free_p) EVP_PKEY *k = EVP_EC_gen("P-256");
    CLEANUP(X509_free_p) X509 *c = NULL;

    crypto_must(k != NULL, "P-256 key");
    TRY(cert_begin(k, common_name, now_ms, X509_CA_DAYS, &c, e));
    crypto_must(X509_set_issuer_name(c, X509_get_subject_name(c)) == 1, "issuer");
    add_ext(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_ext(c, c, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_ext(c, c, NID_subject_key_identifier, "hash");
    crypto_must(X509_sign(c, k, crypto_md(HASH_SHA256)) > 0, "signature");
    return pair_write(c, k, ret);
}

static bool is_dns_name(const char *s)
{
    size_t n = strlen(s);

    return n >= 1 && n <= 253 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*") == n;
}

/* A DNS name or an IP address, by its form. */
static RESULT general_name_of(const char *text, GENERAL_NAME **ret, struct error *e)
{
    CLEANUP(GENERAL_NAME_free_p) GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(text);

    crypto_must(g != NULL, "name");
    if (ip != NULL) {
        GENERAL_NAME_set0_value(g, GEN_IPADD, ip);
    } else if (is_dns_name(text)) {
        ASN1_IA5STRING *dns = ASN1_IA5STRING_new();
        crypto_must(dns != NULL && ASN1_STRING_set(dns, text, -1) == 1, "name");
        GENERAL_NAME_set0_value(g, GEN_DNS, dns);
    } else {
        return crypto_fail(e, ERRC_RANGE, "\"%s\" is neither a DNS name nor an IP address", text);
    }
    ERR_clear_error();
    *ret = TAKE(g);
    return RESULT_OK;
}

static RESULT add_sans(X509 *c, const char *const *names, size_t count, struct error *e)
{
    CLEANUP(GENERAL_NAMES_free_p) GENERAL_NAMES *all = GENERAL_NAMES_new();

    crypto_must(all != NULL, "names");
    for (size_t i = 0; i < count; i++) {
        GENERAL_NAME *g = NULL;
        TRY(general_name_of(names[i], &g, e));
        crypto_must(sk_GENERAL_NAME_push(all, g) > 0, "names");
    }
    crypto_must(X509_add1_ext_i2d(c, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1,
                "names");
    return RESULT_OK;
}

RESULT x509_leaf_new(const struct x509_pair *ca, enum x509_use use, const char *common_name,
                     const char *const *names, size_t name_count, int64_t now_ms,
                     struct x509_pair *ret, struct error *e)
{
    CLEANUP(X509_free_p) X509 *issuer = NULL, *c = NULL;
    CLEANUP(EVP_PKEY_free_p) EVP_PKEY *issuer_key = NULL;
    CLEANUP(EVP_PKEY_free_p) EVP_PKEY *k = EVP_EC_gen("P-256");

    crypto_must(k != NULL, "P-256 key");
    if (name_count > LEAF_NAMES_MAX || (name_count == 0 && use == X509_SERVER)) {
        FAIL(e, ERRC_RANGE, "a server certificate bears 1 to %d names", LEAF_NAMES_MAX);
    }
    TRY_MSG(x509_cert_of_pem(buf_bytes(&ca->cert_pem), &issuer, e), e, "authority");
    TRY_MSG(x509_key_of_pem(buf_bytes(&ca->key_pem), &issuer_key, e), e, "authority");
    TRY(cert_begin(k, common_name, now_ms, X509_LEAF_DAYS, &c, e));
    crypto_must(X509_set_issuer_name(c, X509_get_subject_name(issuer)) == 1, "issuer");
    add_ext(c, issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_ext(c, issuer, NID_key_usage, "critical,digitalSignature");
    add_ext(c, issuer, NID_ext_key_usage, use == X509_SERVER ? "serverAuth" : "clientAuth");
    add_ext(c, issuer, NID_subject_key_identifier, "hash");
    add_ext(c, issuer, NID_authority_key_identifier, "keyid:always");
    if (name_count > 0) {
        TRY(add_sans(c, names, name_count, e));
    }
    if (X509_check_private_key(issuer, issuer_key) != 1 ||
        X509_sign(c, issuer_key, crypto_md(HASH_SHA256)) <= 0) {
        return crypto_fail(e, ERRC_CONFLICT,
                           "authority: certificate and key don't belong together");
    }
    return pair_write(c, k, ret);
}

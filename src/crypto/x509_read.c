/* Reading certificates and keys: PEM in, facts out. */
#include "crypto/x509_priv.h"

#include "base/text.h"

#define PEM_CERTS_MAX 64

static int no_password(char *dst, int cap, int is_write, void *arg)
{
    (void)dst, (void)cap, (void)is_write, (void)arg;
    return -1;
}

static RESULT bio_of(struct bytes v, BIO **ret, struct error *e)
{
    if (v.n == 0 || v.n > (1u << 20)) {
        FAIL(e, ERRC_FORMAT, "%zu bytes are no PEM", v.n);
    }
    *ret = BIO_new_mem_buf(v.p, (int)v.n);
    crypto_must(*ret != NULL, "memory BIO");
    return RESULT_OK;
}

RESULT x509_each_of_pem(struct bytes pem, void (*fn)(void *arg, size_t index, X509 *c), void *arg,
                        struct error *e)
{
    CLEANUP(BIO_free_p) BIO *b = NULL;
    size_t n = 0;

    TRY(bio_of(pem, &b, e));
    for (;; n++) {
        CLEANUP(X509_free_p) X509 *c = PEM_read_bio_X509(b, NULL, no_password, NULL);
        if (c == NULL) {
            break;
        }
        if (n == PEM_CERTS_MAX) {
            FAIL(e, ERRC_FORMAT, "more than %d certificates", PEM_CERTS_MAX);
        }
        fn(arg, n, c);
    }
    if (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return crypto_fail(e, ERRC_FORMAT, "certificate %zu in the PEM", n + 1);
    }
    ERR_clear_error();
    return RESULT_OK;
}

RESULT x509_cert_of_pem(struct bytes pem, X509 **ret, struct error *e)
{
    CLEANUP(BIO_free_p) BIO *b = NULL;

    TRY(bio_of(pem, &b, e));
    X509 *c = PEM_read_bio_X509(b, NULL, no_password, NULL);
    if (c == NULL) {
        return crypto_fail(e, ERRC_FORMAT, "no certificate in the PEM");
    }
    *ret = c;
    return RESULT_OK;
}

RESULT x509_key_of_pem(struct bytes pem, EVP_PKEY **ret, struct error *e)
{
    CLEANUP(BIO_free_p) BIO *b = NULL;

    TRY(bio_of(pem, &b, e));
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
    if (k == NULL) {
        return crypto_fail(e, ERRC_FORMAT, "no unencrypted private key in the PEM");
    }
    *ret = k;
    return RESULT_OK;
}

static void store_add(void *arg, size_t index, X509 *c)
{
    (void)index;
    crypto_must(X509_STORE_add_cert(arg, c) == 1, "certificate store");
}

RESULT x509_store_of_pem(struct bytes pem, X509_STORE **ret, struct error *e)
{
    CLEANUP(X509_STORE_free_p) X509_STORE *s = X509_STORE_new();

    crypto_must(s != NULL, "certificate store");
    TRY(x509_each_of_pem(pem, store_add, s, e));
    *ret = TAKE(s);
    return RESULT_OK;
}

/* What was written to a memory BIO, cut to cap - 1 bytes at a character's start, terminated. */
static void bio_text(BIO *b, char *ret, size_t cap)
{
    char *p = NULL;
    long got = BIO_get_mem_data(b, &p);
    size_t n = got < 0 ? 0 : (size_t)got;

    if (n > cap - 1) {
        n = cap - 1;
        while (n > 0 && ((uint8_t)p[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    if (n > 0) {
        memcpy(ret, p, n);
    }
    ret[n] = '\0';
}

void x509_name_text(const X509_NAME *name, char *ret, size_t cap)
{
    CLEANUP(BIO_free_p) BIO *b = BIO_new(BIO_s_mem());

    crypto_must(b != NULL, "memory BIO");
    X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    bio_text(b, ret, cap);
}

void x509_serial_text(const ASN1_INTEGER *serial, char *ret, size_t cap)
{
    int n = ASN1_STRING_length(serial);
    size_t fit = MIN(n < 0 ? 0 : (size_t)n, (cap - 1) / 2);

    hex_encode(bytes_of(ASN1_STRING_get0_data(serial), fit), ret);
}

int64_t x509_time_ms(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void add_ip(BIO *b, const ASN1_OCTET_STRING *ip)
{
    const uint8_t *p = ASN1_STRING_get0_data(ip);
    int n = ASN1_STRING_length(ip);

    if (n == 4) {
        BIO_printf(b, "IP:%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
    } else if (n == 16) {
        BIO_printf(b, "IP:");
        for (size_t i = 0; i < 16; i += 2) {
            BIO_printf(b, "%s%x", i == 0 ? "" : ":", get_be16(p + i));
        }
    }
}

static void sans_text(const X509 *c, char *ret, size_t cap)
{
    CLEANUP(BIO_free_p) BIO *b = BIO_new(BIO_s_mem());
    CLEANUP(GENERAL_NAMES_free_p)
    GENERAL_NAMES *names = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
    bool is_first = true;

    crypto_must(b != NULL, "memory BIO");
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type = 0;
        void *v = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != GEN_DNS && type != GEN_IPADD) {
            continue;
        }
        BIO_printf(b, "%s", is_first ? "" : ", ");
        is_first = false;
        if (type == GEN_IPADD) {
            add_ip(b, v);
        } else {
            BIO_printf(b, "DNS:");
            ASN1_STRING_print_ex(b, v, ASN1_STRFLGS_ESC_CTRL);
        }
    }
    bio_text(b, ret, cap);
}

static void key_text(const X509 *c, char *ret, size_t cap)
{
    EVP_PKEY *k = X509_get0_pubkey(c);
    char group[28] = "";

    if (k == NULL) {
        (void)snprintf(ret, cap, "unknown");
    } else if (EVP_PKEY_is_a(k, "EC") &&
               EVP_PKEY_get_group_name(k, group, sizeof(group), NULL) == 1) {
        const char *nist = EC_curve_nid2nist(OBJ_txt2nid(group));
        (void)snprintf(ret, cap, "EC %s", nist != NULL ? nist : group);
    } else if (EVP_PKEY_is_a(k, "ED25519")) {
        (void)snprintf(ret, cap, "Ed25519");
    } else {
        (void)snprintf(ret, cap, "%s %d", EVP_PKEY_get0_type_name(k), EVP_PKEY_get_bits(k));
    }
}

void x509_facts_of(const X509 *c, struct x509_facts *ret)
{
    unsigned n = 0;

    *ret = (struct x509_facts){ 0 };
    x509_name_text(X509_get_subject_name(c), ret->subject, sizeof(ret->subject));
    x509_name_text(X509_get_issuer_name(c), ret->issuer, sizeof(ret->issuer));
    x509_serial_text(X509_get0_serialNumber(c), ret->serial, sizeof(ret->serial));
    ret->not_before_ms = x509_time_ms(X509_get0_notBefore(c));
    ret->not_after_ms = x509_time_ms(X509_get0_notAfter(c));
    crypto_must(X509_digest(c, crypto_md(HASH_SHA256), ret->fingerprint, &n) == 1, "fingerprint");
    sans_text(c, ret->sans, sizeof(ret->sans));
    key_text(c, ret->key, sizeof(ret->key));
    ret->is_ca = X509_check_ca((X509 *)(uintptr_t)c) == 1;
    ERR_clear_error();
}

RESULT x509_facts_of_pem(struct bytes cert_pem, struct x509_facts *ret, struct error *e)
{
    CLEANUP(X509_free_p) X509 *c = NULL;

    TRY(x509_cert_of_pem(cert_pem, &c, e));
    x509_facts_of(c, ret);
    return RESULT_OK;
}

RESULT x509_check_pair(struct bytes cert_pem, struct bytes key_pem, int64_t now_ms, struct error *e)
{
    CLEANUP(X509_free_p) X509 *c = NULL;
    CLEANUP(EVP_PKEY_free_p) EVP_PKEY *k = NULL;

    TRY_MSG(x509_cert_of_pem(cert_pem, &c, e), e, "certificate");
    TRY_MSG(x509_key_of_pem(key_pem, &k, e), e, "key");
    if (X509_check_private_key(c, k) != 1) {
        return crypto_fail(e, ERRC_CONFLICT, "certificate and key don't belong together");
    }
    if (now_ms < x509_time_ms(X509_get0_notBefore(c)) ||
        now_ms > x509_time_ms(X509_get0_notAfter(c))) {
        FAIL(e, ERRC_EXPIRED, "the certificate is not valid now");
    }
    return RESULT_OK;
}

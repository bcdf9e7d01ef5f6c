/* RFC 3161 by OpenSSL's TS functions, which check ESSCertID and the timeStamping purpose; the rest
 * of the rules is here. */
#include "crypto/tsa.h"

#include "crypto/x509_priv.h"

DEFINE_CLEANUP(TS_REQ_free, TS_REQ *)
DEFINE_CLEANUP(TS_RESP_free, TS_RESP *)
DEFINE_CLEANUP(TS_TST_INFO_free, TS_TST_INFO *)
DEFINE_CLEANUP(TS_VERIFY_CTX_free, TS_VERIFY_CTX *)
DEFINE_CLEANUP(TS_MSG_IMPRINT_free, TS_MSG_IMPRINT *)
DEFINE_CLEANUP(X509_ALGOR_free, X509_ALGOR *)
DEFINE_CLEANUP(ASN1_INTEGER_free, ASN1_INTEGER *)
DEFINE_CLEANUP(PKCS7_free, PKCS7 *)
DEFINE_CLEANUP(sk_X509_free, STACK_OF(X509) *)

static TS_REQ *request_of(const uint8_t digest[SHA256_BYTES], uint64_t nonce)
{
    TS_REQ *r = TS_REQ_new();
    CLEANUP(TS_MSG_IMPRINT_free_p) TS_MSG_IMPRINT *m = TS_MSG_IMPRINT_new();
    CLEANUP(X509_ALGOR_free_p) X509_ALGOR *a = X509_ALGOR_new();
    CLEANUP(ASN1_INTEGER_free_p) ASN1_INTEGER *n = ASN1_INTEGER_new();
    uint8_t copy[SHA256_BYTES];

    memcpy(copy, digest, sizeof(copy));
    crypto_must(r != NULL && m != NULL && a != NULL && n != NULL && TS_REQ_set_version(r, 1) == 1 &&
                        X509_ALGOR_set0(a, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
                        TS_MSG_IMPRINT_set_algo(m, a) == 1 &&
                        TS_MSG_IMPRINT_set_msg(m, copy, sizeof(copy)) == 1 &&
                        TS_REQ_set_msg_imprint(r, m) == 1 && TS_REQ_set_cert_req(r, 1) == 1 &&
                        (nonce == 0 ||
                         (ASN1_INTEGER_set_uint64(n, nonce) == 1 && TS_REQ_set_nonce(r, n) == 1)),
                "time stamp request");
    return r;
}

RESULT tsa_request(const uint8_t digest[SHA256_BYTES], uint64_t nonce, struct buf *out,
                   struct error *e)
{
    CLEANUP(TS_REQ_free_p) TS_REQ *r = request_of(digest, nonce);
    unsigned char *der = NULL;
    int n = i2d_TS_REQ(r, &der);

    crypto_must(n > 0, "time stamp request");
    buf_add_mem(out, der, (size_t)n);
    OPENSSL_free(der);
    TRY_MSG(buf_result(out), e, "time stamp request");
    return RESULT_OK;
}

/* genTime with its fraction, which RFC 3161 allows and OpenSSL drops. */
static int64_t gen_time_ms(const ASN1_GENERALIZEDTIME *t)
{
    const uint8_t *p = ASN1_STRING_get0_data(t);
    int n = ASN1_STRING_length(t), scale = 100;
    int64_t ms = 0;

    for (int i = 15; i < n && p[14] == '.' && p[i] >= '0' && p[i] <= '9'; i++) {
        ms += (p[i] - '0') * scale;
        scale /= 10;
    }
    return x509_time_ms(t) + ms;
}

/* Everything but the status: imprint, nonce, signature, chain at genTime; then the facts. */
static RESULT token_check(PKCS7 *token, TS_TST_INFO *info, const uint8_t digest[SHA256_BYTES],
                          uint64_t nonce, struct bytes ca_pem, struct tsa_facts *ret,
                          struct error *e)
{
    CLEANUP(TS_REQ_free_p) TS_REQ *asked = request_of(digest, nonce);
    CLEANUP(TS_VERIFY_CTX_free_p) TS_VERIFY_CTX *c = TS_REQ_to_TS_VERIFY_CTX(asked, NULL);
    X509_STORE *trusted = NULL;

    crypto_must(c != NULL, "time stamp check");
    TRY_MSG(x509_store_of_pem(ca_pem, &trusted, e), e, "authority");
    int64_t at_ms = gen_time_ms(TS_TST_INFO_get_time(info));
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(trusted), (time_t)(at_ms / 1000));
    TS_VERIFY_CTX_set_store(c, trusted); /* takes it */
    TS_VERIFY_CTX_add_flags(c, TS_VFY_SIGNATURE);
    if (TS_RESP_verify_token(c, token) != 1) {
        return crypto_fail(e, ERRC_INTEGRITY, "time stamp");
    }
    struct tsa_facts out = { .time_ms = at_ms };
    x509_serial_text(TS_TST_INFO_get_serial(info), out.serial, sizeof(out.serial));
    OBJ_obj2txt(out.policy, sizeof(out.policy), TS_TST_INFO_get_policy_id(info), 1);
    CLEANUP(sk_X509_free_p) STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);
    if (sk_X509_num(signers) != 1) {
        return crypto_fail(e, ERRC_INTEGRITY, "time stamp without its signer's certificate");
    }
    x509_name_text(X509_get_subject_name(sk_X509_value(signers, 0)), out.authority,
                   sizeof(out.authority));
    *ret = out;
    return RESULT_OK;
}

/* 0 and 1 are "granted"; else the authority's own words. */
static RESULT status_check(TS_RESP *r, struct error *e)
{
    const TS_STATUS_INFO *s = TS_RESP_get_status_info(r);
    const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(s);
    int64_t code = -1;

    if (ASN1_INTEGER_get_int64(&code, TS_STATUS_INFO_get0_status(s)) == 1 &&
        (code == TS_STATUS_GRANTED || code == TS_STATUS_GRANTED_WITH_MODS)) {
        return RESULT_OK;
    }
    const ASN1_UTF8STRING *t =
            sk_ASN1_UTF8STRING_num(texts) > 0 ? sk_ASN1_UTF8STRING_value(texts, 0) : NULL;
    FAIL(e, ERRC_DENIED, "the time stamp authority refused (status %lld): %.*s", (long long)code,
         t == NULL ? 0 : ASN1_STRING_length(t),
         t == NULL ? "" : (const char *)ASN1_STRING_get0_data(t));
}

RESULT tsa_check_response(struct bytes der, const uint8_t digest[SHA256_BYTES], uint64_t nonce,
                          struct bytes ca_pem, struct tsa_facts *ret, struct buf *ret_token,
                          struct error *e)
{
    const unsigned char *p = der.p;
    CLEANUP(TS_RESP_free_p)
    TS_RESP *r = der.n == 0 || der.n > TSA_MAX ? NULL : d2i_TS_RESP(NULL, &p, (long)der.n);

    if (r == NULL || p != der.p + der.n) {
        return crypto_fail(e, ERRC_FORMAT, "not a time stamp response");
    }
    TRY(status_check(r, e));
    PKCS7 *token = TS_RESP_get_token(r);
    TS_TST_INFO *info = TS_RESP_get_tst_info(r);
    if (token == NULL || info == NULL) {
        return crypto_fail(e, ERRC_FORMAT, "a time stamp response without a token");
    }
    struct tsa_facts facts;
    TRY(token_check(token, info, digest, nonce, ca_pem, &facts, e));
    if (ret_token != NULL) {
        unsigned char *out = NULL;
        int n = i2d_PKCS7(token, &out);
        crypto_must(n > 0, "time stamp token");
        buf_add_mem(ret_token, out, (size_t)n);
        OPENSSL_free(out);
        TRY_MSG(buf_result(ret_token), e, "time stamp token");
    }
    *ret = facts;
    return RESULT_OK;
}

RESULT tsa_check_token(struct bytes der, const uint8_t digest[SHA256_BYTES], struct bytes ca_pem,
                       struct tsa_facts *ret, struct error *e)
{
    const unsigned char *p = der.p;
    CLEANUP(PKCS7_free_p)
    PKCS7 *token = der.n == 0 || der.n > TSA_MAX ? NULL : d2i_PKCS7(NULL, &p, (long)der.n);
    CLEANUP(TS_TST_INFO_free_p)
    TS_TST_INFO *info = token == NULL ? NULL : PKCS7_to_TS_TST_INFO(token);

    if (info == NULL || p != der.p + der.n) {
        return crypto_fail(e, ERRC_FORMAT, "not a time stamp token");
    }
    return token_check(token, info, digest, 0, ca_pem, ret, e);
}

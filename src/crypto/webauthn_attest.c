/* Attestation statements, format by format (WebAuthn 8): see webauthn.h. */
#include "crypto/cbor_priv.h"
#include "crypto/webauthn_priv.h"
#include "crypto/x509_priv.h"

DEFINE_CLEANUP(ASN1_OBJECT_free, ASN1_OBJECT *)
DEFINE_CLEANUP(EXTENDED_KEY_USAGE_free, EXTENDED_KEY_USAGE *)

#define CERTS_MAX 8
#define CERT_MAX  16384

#define OID_AAGUID    "1.3.6.1.4.1.45724.1.1.4"
#define OID_ANDROID   "1.3.6.1.4.1.11129.2.1.17"
#define OID_APPLE     "1.2.840.113635.100.8.2"
#define OID_TPM_USAGE "2.23.133.8.3"

/* Members a statement may have; those it must have are its format's. */
enum { HAS_ALG = 1, HAS_SIG = 2, HAS_X5C = 4, HAS_VER = 8, HAS_CERT_INFO = 16, HAS_PUB_AREA = 32 };
struct statement {
    unsigned seen;
    int64_t alg;
    struct bytes sig, leaf, ver, cert_info, pub_area;
    size_t certs;
};

static RESULT take_certs(struct bytes *in, struct statement *s)
{
    struct cbor_item list, v;

    TRY(cbor_take_kind(in, CBOR_ITEM_ARRAY, &list));
    if (list.count == 0 || list.count > CERTS_MAX) {
        return result_of(ERRC_FORMAT);
    }
    for (size_t i = 0; i < list.count; i++) {
        TRY(cbor_take_kind(in, CBOR_ITEM_BYTES, &v));
        if (i == 0) {
            s->leaf = v.value;
        }
    }
    s->certs = list.count;
    return RESULT_OK;
}

static RESULT statement_member(struct bytes *in, struct statement *s)
{
    static const struct {
        const char *name;
        enum cbor_kind kind;
        unsigned bit;
    } members[] = { { "alg", CBOR_ITEM_INT, HAS_ALG },
                    { "sig", CBOR_ITEM_BYTES, HAS_SIG },
                    { "x5c", CBOR_ITEM_ARRAY, HAS_X5C },
                    { "ver", CBOR_ITEM_TEXT, HAS_VER },
                    { "certInfo", CBOR_ITEM_BYTES, HAS_CERT_INFO },
                    { "pubArea", CBOR_ITEM_BYTES, HAS_PUB_AREA } };
    struct bytes *const values[] = { NULL, &s->sig, NULL, &s->ver, &s->cert_info, &s->pub_area };
    struct cbor_item key, v;

    TRY(cbor_take_kind(in, CBOR_ITEM_TEXT, &key));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!bytes_equal_str(key.value, members[i].name) || (s->seen & members[i].bit) != 0) {
            continue;
        }
        s->seen |= members[i].bit;
        if (members[i].bit == HAS_X5C) {
            return take_certs(in, s);
        }
        TRY(cbor_take_kind(in, members[i].kind, &v));
        if (values[i] != NULL) {
            *values[i] = v.value;
        } else {
            s->alg = v.number;
        }
        return RESULT_OK;
    }
    return result_of(ERRC_FORMAT);
}

static RESULT statement_parse(struct bytes in, struct statement *ret, struct error *e)
{
    struct cbor_item map;

    TRY_MSG(cbor_take_kind(&in, CBOR_ITEM_MAP, &map), e, "no map");
    for (size_t i = 0; i < map.count; i++) {
        TRY_MSG(statement_member(&in, ret), e, "member %zu", i + 1);
    }
    return RESULT_OK;
}

static RESULT alg_of(const struct statement *s, const struct pubkey_alg **ret, struct error *e)
{
    *ret = pubkey_alg_of_cose(s->alg);
    if (*ret == NULL) {
        FAIL(e, ERRC_UNSUPPORTED, "algorithm %lld is not taken", (long long)s->alg);
    }
    return RESULT_OK;
}

/* --- certificates --- */

static RESULT leaf_of(const struct statement *s, X509 **ret, struct error *e)
{
    const uint8_t *p = s->leaf.p;

    if (s->leaf.n == 0 || s->leaf.n > CERT_MAX) {
        FAIL(e, ERRC_FORMAT, "certificate of %zu bytes", s->leaf.n);
    }
    X509 *c = d2i_X509(NULL, &p, (long)s->leaf.n);
    if (c == NULL || p != s->leaf.p + s->leaf.n || X509_get0_pubkey(c) == NULL) {
        X509_free(c);
        return crypto_fail(e, ERRC_FORMAT, "certificate");
    }
    *ret = c;
    return RESULT_OK;
}

/* Contents of an extension; p NULL: not there. */
static struct bytes extension_of(const X509 *c, const char *oid)
{
    CLEANUP(ASN1_OBJECT_free_p) ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    crypto_must(o != NULL, oid);
    int at = X509_get_ext_by_OBJ(c, o, -1);
    if (at < 0) {
        return BYTES_NONE;
    }
    const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(X509_get_ext(c, at));
    return bytes_of(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
}

static bool is_plain_leaf(X509 *c)
{
    return X509_get_version(c) == X509_VERSION_3 &&
           X509_get_ext_by_NID(c, NID_basic_constraints, -1) >= 0 && X509_check_ca(c) == 0;
}

static bool is_own_key(X509 *c, const struct webauthn_made *m)
{
    return EVP_PKEY_eq(X509_get0_pubkey(c), m->data->key.pkey) == 1;
}

static RESULT signature_by(X509 *c, const struct pubkey_alg *alg, struct bytes message,
                           struct bytes sig, struct error *e)
{
    TRY_MSG(pubkey_verify(alg, X509_get0_pubkey(c), PUBKEY_DER, message, sig), e,
            "the signature does not verify");
    return RESULT_OK;
}

/* --- packed, fido-u2f --- */

static RESULT packed_leaf_check(X509 *c, const struct webauthn_made *m, struct error *e)
{
    char unit[64] = "";
    struct bytes aaguid = extension_of(c, OID_AAGUID);

    X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_organizationalUnitName, unit,
                              sizeof(unit));
    if (!is_plain_leaf(c) || strcmp(unit, "Authenticator Attestation") != 0) {
        FAIL(e, ERRC_FORMAT, "no certificate for attestation");
    }
    if (aaguid.p != NULL &&
        (aaguid.n != 2 + WEBAUTHN_AAGUID_BYTES || aaguid.p[0] != V_ASN1_OCTET_STRING ||
         !bytes_equal(bytes_slice(aaguid, 2, aaguid.n), m->data->aaguid))) {
        FAIL(e, ERRC_INTEGRITY, "the certificate is another authenticator's");
    }
    return RESULT_OK;
}

static RESULT packed(const struct webauthn_made *m, const struct statement *s, struct error *e)
{
    const struct pubkey_alg *alg = NULL, *own = m->data->key.alg;
    CLEANUP(X509_free_p) X509 *c = NULL;

    TRY(alg_of(s, &alg, e));
    bool is_self = (s->seen & HAS_X5C) == 0;
    if (is_self && alg != own) {
        FAIL(e, ERRC_FORMAT, "another algorithm than the key's");
    }
    if (!is_self) {
        TRY(leaf_of(s, &c, e));
        TRY(packed_leaf_check(c, m, e));
    }
    if (webauthn_fido_can_attest(alg, m->data)) {
        return webauthn_fido_attest(m, WEBAUTHN_PACKED, is_self, e);
    }
    if (!is_self) {
        return signature_by(c, alg, m->signed_data, s->sig, e);
    }
    TRY_MSG(pubkey_verify(own, m->data->key.pkey, PUBKEY_DER, m->signed_data, s->sig), e,
            "the signature does not verify");
    return RESULT_OK;
}

static RESULT fido_u2f(const struct webauthn_made *m, const struct statement *s, struct error *e)
{
    const struct pubkey_alg *es256 = pubkey_alg_of_jose(BYTES_LIT("ES256"), NULL);
    CLEANUP(X509_free_p) X509 *c = NULL;

    TRY(leaf_of(s, &c, e));
    if (s->certs != 1 || m->data->key.alg != es256 || m->data->has_extensions ||
        !pubkey_fits(es256, X509_get0_pubkey(c))) {
        FAIL(e, ERRC_FORMAT, "wants one certificate, keys of P-256 and no extensions");
    }
    return webauthn_fido_attest(m, WEBAUTHN_FIDO_U2F, false, e);
}

/* --- tpm (TPM 2.0 library, part 2) --- */

enum { TPM_RSA = 0x0001, TPM_SHA256 = 0x000b, TPM_NULL = 0x0010, TPM_ECC = 0x0023 };
enum { TPM_CERTIFY = 0x8017 };
#define TPM_MAGIC       0xff544347u
#define TPM_CLOCK_BYTES 25 /* TPMS_CLOCK_INFO, firmware version */

/* An algorithm and, unless it is TPM_ALG_NULL, its hash. */
static RESULT tpm_scheme(struct bytes *in)
{
    uint16_t scheme = 0, hash = 0;

    TRY(bytes_take_be16(in, &scheme));
    return scheme == TPM_NULL ? RESULT_OK : bytes_take_be16(in, &hash);
}

/* TPMT_PUBLIC holds the credential's key. */
static RESULT tpm_public_check(struct bytes in, const struct webauthn_key *k)
{
    static const uint8_t curves[] = { 0, 3, 4, 5 }; /* by COSE's: P-256, P-384, P-521 */
    uint16_t type = 0, hash = 0, symmetric = 0, what = 0;
    uint32_t attributes = 0, exponent = 0;
    struct bytes policy, a, b = BYTES_NONE;
    TRY(bytes_take_be16(&in, &type));
    TRY(bytes_take_be16(&in, &hash));
    TRY(bytes_take_be32(&in, &attributes));
    TRY(bytes_take_be16_prefixed(&in, &policy));
    TRY(bytes_take_be16(&in, &symmetric));
    TRY(tpm_scheme(&in));
    TRY(bytes_take_be16(&in, &what)); /* curve, or bits */
    if (hash != TPM_SHA256 || symmetric != TPM_NULL) {
        return result_of(ERRC_UNSUPPORTED);
    }
    if (type == TPM_RSA && k->alg->bytes == 0) {
        uint32_t own = 0;
        for (size_t i = 0; i < k->exponent.n; i++) {
            own = own << 8 | k->exponent.p[i];
        }
        TRY(bytes_take_be32(&in, &exponent));
        TRY(bytes_take_be16_prefixed(&in, &a));
        bool is_same = bytes_equal(a, k->n) && (exponent == 0 ? 65537 : exponent) == own;
        return is_same ? bytes_take_end(in) : result_of(ERRC_INTEGRITY);
    }
    if (type == TPM_ECC && k->alg->group != NULL) {
        TRY(tpm_scheme(&in)); /* key derivation */
        TRY(bytes_take_be16_prefixed(&in, &a));
        TRY(bytes_take_be16_prefixed(&in, &b));
        bool is_same =
                bytes_equal(a, k->x) && bytes_equal(b, k->y) && what == curves[k->alg->cose_curve];
        return is_same ? bytes_take_end(in) : result_of(ERRC_INTEGRITY);
    }
    return result_of(ERRC_INTEGRITY);
}

/* TPMS_ATTEST certifies that public area, over this data. */
static RESULT tpm_info_check(struct bytes in, struct bytes pub_area, struct bytes signed_data)
{
    uint32_t magic = 0;
    uint16_t type = 0;
    struct bytes signer, extra, clock, name, qualified;
    uint8_t want_extra[SHA256_BYTES], want_name[2 + SHA256_BYTES] = { 0, TPM_SHA256 };

    TRY(bytes_take_be32(&in, &magic));
    TRY(bytes_take_be16(&in, &type));
    TRY(bytes_take_be16_prefixed(&in, &signer));
    TRY(bytes_take_be16_prefixed(&in, &extra));
    TRY(bytes_take(&in, TPM_CLOCK_BYTES, &clock));
    TRY(bytes_take_be16_prefixed(&in, &name));
    TRY(bytes_take_be16_prefixed(&in, &qualified));
    TRY(bytes_take_end(in));
    sha256(signed_data, want_extra);
    sha256(pub_area, want_name + 2);
    return magic == TPM_MAGIC && type == TPM_CERTIFY && bytes_equal(extra, BYTES_OF(want_extra)) &&
                           bytes_equal(name, BYTES_OF(want_name))
                   ? RESULT_OK
                   : result_of(ERRC_INTEGRITY);
}

static bool is_for_tpm(X509 *c)
{
    CLEANUP(EXTENDED_KEY_USAGE_free_p)
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(c, NID_ext_key_usage, NULL, NULL);
    CLEANUP(ASN1_OBJECT_free_p) ASN1_OBJECT *want = OBJ_txt2obj(OID_TPM_USAGE, 1);

    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(usage, i), want) == 0) {
            return true;
        }
    }
    return false;
}

static RESULT tpm(const struct webauthn_made *m, const struct statement *s, struct error *e)
{
    const struct pubkey_alg *alg = NULL;
    CLEANUP(X509_free_p) X509 *c = NULL;

    TRY(alg_of(s, &alg, e));
    if (!bytes_equal_str(s->ver, "2.0") || alg->md == NULL || strcmp(alg->md, "SHA256") != 0) {
        FAIL(e, ERRC_UNSUPPORTED, "wants TPM 2.0 and SHA-256");
    }
    TRY_MSG(tpm_public_check(s->pub_area, &m->data->key), e, "pubArea");
    TRY_MSG(tpm_info_check(s->cert_info, s->pub_area, m->signed_data), e, "certInfo");
    TRY(leaf_of(s, &c, e));
    if (!is_plain_leaf(c) || X509_NAME_entry_count(X509_get_subject_name(c)) != 0 ||
        !is_for_tpm(c)) {
        FAIL(e, ERRC_FORMAT, "no certificate for attestation by a TPM");
    }
    return signature_by(c, alg, s->cert_info, s->sig, e);
}

/* --- android-key --- */

/* The next DER element; *ret_tag without its class. */
static RESULT der_take(struct bytes *in, int *ret_tag, struct bytes *ret)
{
    const uint8_t *p = in->p;
    long n = 0;
    int tag = 0, class = 0;

    if (in->n == 0) {
        return result_of(ERRC_FORMAT);
    }
    int flags = ASN1_get_object(&p, &n, &tag, &class, (long)in->n);
    if ((flags & 0x81) != 0 || n < 0 || (size_t)n > in->n - (size_t)(p - in->p)) {
        ERR_clear_error();
        return result_of(ERRC_FORMAT);
    }
    *ret_tag = tag;
    *ret = bytes_of(p, (size_t)n);
    *in = bytes_slice(*in, (size_t)(p - in->p) + (size_t)n, in->n);
    return RESULT_OK;
}

enum { KM_PURPOSE = 1, KM_ALL_APPLICATIONS = 600, KM_ORIGIN = 702, KM_SIGN = 2, KM_GENERATED = 0 };

/* INTEGERs of which one is `want`. */
static bool holds_number(struct bytes in, uint8_t want)
{
    struct bytes v;
    int tag = 0;

    while (in.n > 0 && result_is_ok(der_take(&in, &tag, &v))) {
        if (tag == V_ASN1_INTEGER && v.n == 1 && v.p[0] == want) {
            return true;
        }
    }
    return false;
}

/* AuthorizationList: not for all applications; made within and for signatures where it says. */
static RESULT authorizations_check(struct bytes in)
{
    struct bytes v, set;
    int tag = 0, inner = 0;

    while (in.n > 0) {
        TRY(der_take(&in, &tag, &v));
        if (tag == KM_ALL_APPLICATIONS || (tag == KM_ORIGIN && !holds_number(v, KM_GENERATED))) {
            return result_of(ERRC_INTEGRITY);
        }
        if (tag == KM_PURPOSE) {
            TRY(der_take(&v, &inner, &set));
            if (!holds_number(set, KM_SIGN)) {
                return result_of(ERRC_INTEGRITY);
            }
        }
    }
    return RESULT_OK;
}

/* KeyDescription: the fifth element is the challenge, the seventh and eighth are authorizations. */
static RESULT description_check(struct bytes in, struct bytes challenge)
{
    struct bytes seq, v;
    int tag = 0;

    TRY(der_take(&in, &tag, &seq));
    if (tag != V_ASN1_SEQUENCE || in.n != 0) {
        return result_of(ERRC_FORMAT);
    }
    for (int i = 1; i <= 8; i++) {
        TRY(der_take(&seq, &tag, &v));
        if (i == 5 && (tag != V_ASN1_OCTET_STRING || !bytes_equal(v, challenge))) {
            return result_of(ERRC_INTEGRITY);
        }
        if (i >= 7) {
            TRY(authorizations_check(v));
        }
    }
    return bytes_take_end(seq);
}

static RESULT android_key(const struct webauthn_made *m, const struct statement *s, struct error *e)
{
    const struct pubkey_alg *alg = NULL;
    CLEANUP(X509_free_p) X509 *c = NULL;

    TRY(alg_of(s, &alg, e));
    TRY(leaf_of(s, &c, e));
    if (!is_own_key(c, m)) {
        FAIL(e, ERRC_INTEGRITY, "the certificate is of another key");
    }
    TRY_MSG(description_check(extension_of(c, OID_ANDROID), m->client_hash), e, "key description");
    return signature_by(c, alg, m->signed_data, s->sig, e);
}

/* --- apple --- */

static RESULT apple(const struct webauthn_made *m, const struct statement *s, struct error *e)
{
    /* SEQUENCE of [1] of OCTET STRING */
    uint8_t want[6 + SHA256_BYTES] = { 0x30, 0x24, 0xa1, 0x22, 0x04, 0x20 };
    CLEANUP(X509_free_p) X509 *c = NULL;

    TRY(leaf_of(s, &c, e));
    sha256(m->signed_data, want + 6);
    if (!bytes_equal(extension_of(c, OID_APPLE), BYTES_OF(want)) || !is_own_key(c, m)) {
        FAIL(e, ERRC_INTEGRITY, "the certificate is of another key or registration");
    }
    return RESULT_OK;
}

/* --- */

static RESULT none(const struct webauthn_made *m, const struct statement *s, struct error *e)
{
    (void)m, (void)s, (void)e;
    return RESULT_OK;
}

RESULT webauthn_attest(const struct webauthn_made *m, enum webauthn_format format, struct error *e)
{
    static const struct {
        RESULT (*check)(const struct webauthn_made *m, const struct statement *s, struct error *e);
        unsigned must, may;
    } formats[] = {
        [WEBAUTHN_NONE] = { none, 0, 0 },
        [WEBAUTHN_PACKED] = { packed, HAS_ALG | HAS_SIG, HAS_X5C },
        [WEBAUTHN_FIDO_U2F] = { fido_u2f, HAS_SIG | HAS_X5C, 0 },
        [WEBAUTHN_TPM] = { tpm,
                           HAS_ALG | HAS_SIG | HAS_X5C | HAS_VER | HAS_CERT_INFO | HAS_PUB_AREA,
                           0 },
        [WEBAUTHN_ANDROID_KEY] = { android_key, HAS_ALG | HAS_SIG | HAS_X5C, 0 },
        [WEBAUTHN_APPLE] = { apple, HAS_X5C, 0 },
    };
    struct statement s = { 0 };
    struct result r = statement_parse(m->statement, &s, e);

    if (result_is_ok(r) && (s.seen & ~formats[format].may) != formats[format].must) {
        FAIL(e, ERRC_FORMAT, "not the members this format has");
    }
    if (result_is_ok(r)) {
        r = formats[format].check(m, &s, e);
        ERR_clear_error();
    }
    return r;
}

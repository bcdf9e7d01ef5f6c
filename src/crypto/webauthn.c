/* Registration and assertion: see webauthn.h. */
#include "crypto/webauthn.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/cbor_priv.h"
#include "crypto/webauthn_priv.h"

#define FLAG_UP 0x01u
#define FLAG_UV 0x04u
#define FLAG_BE 0x08u
#define FLAG_BS 0x10u
#define FLAG_AT 0x40u
#define FLAG_ED 0x80u

#define SIGNATURE_MAX (PUBKEY_RSA_MAX_BITS / 8)
#define CHALLENGE_MAX 1024

static const char *const format_names[] = {
    [WEBAUTHN_NONE] = "none",
    [WEBAUTHN_PACKED] = "packed",
    [WEBAUTHN_FIDO_U2F] = "fido-u2f",
    [WEBAUTHN_TPM] = "tpm",
    [WEBAUTHN_ANDROID_KEY] = "android-key",
    [WEBAUTHN_APPLE] = "apple",
};

const char *webauthn_format_name(enum webauthn_format f)
{
    return (size_t)f < ARRAY_LEN(format_names) ? format_names[f] : NULL;
}

/* --- client data --- */

static RESULT must_be(struct json v, const char *key, struct bytes want, struct error *e)
{
    struct bytes got;

    TRY(json_get_str(v, key, &got, e));
    if (!bytes_equal(got, want)) {
        FAIL(e, ERRC_DENIED, "another %s than asked for", key);
    }
    return RESULT_OK;
}

static RESULT client_data_check(const struct webauthn_party *rp, const char *type,
                                struct bytes client_data, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    CLEANUP(buf_done_p) struct buf challenge = BUF(2 * CHALLENGE_MAX);
    bool is_cross = false;

    if (rp->challenge.n < 16 || rp->challenge.n > CHALLENGE_MAX) {
        FAIL(e, ERRC_BUG, "challenge of %zu bytes", rp->challenge.n);
    }
    buf_add_base64url(&challenge, rp->challenge);
    TRY(json_parse(client_data, WEBAUTHN_CLIENT_DATA_MAX, &d, e));
    struct json v = json_root(d);
    if (json_type(v) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "no object");
    }
    TRY(must_be(v, "type", bytes_str(type), e));
    TRY(must_be(v, "challenge", buf_bytes(&challenge), e));
    TRY(must_be(v, "origin", bytes_str(rp->origin), e));
    if (json_has(v, "crossOrigin")) {
        TRY(json_get_bool(v, "crossOrigin", &is_cross, e));
    }
    if ((is_cross && !rp->may_cross_origin) || (json_has(v, "topOrigin") && !is_cross)) {
        FAIL(e, ERRC_DENIED, "from within a page of another origin");
    }
    return RESULT_OK;
}

/* --- COSE keys --- */

enum { COSE_KTY = 1, COSE_ALG = 3, COSE_CRV = -1, COSE_X = -2, COSE_Y = -3 };
enum { KTY_OKP = 1, KTY_EC2 = 2, KTY_RSA = 3 };

/* The members of a COSE_Key; which of -1, -2, -3 means what depends on the type. */
struct cose_map {
    int64_t kty, alg, curve;
    struct bytes values[3]; /* of -1, -2, -3 */
    unsigned seen;          /* bits: -1, -2, -3, kty, alg */
};

static RESULT cose_member(struct bytes *in, struct cose_map *m)
{
    struct cbor_item key, v;
    unsigned bit = 0;

    TRY(cbor_take_kind(in, CBOR_ITEM_INT, &key));
    TRY(cbor_take(in, &v));
    if (key.number >= -3 && key.number <= -1) {
        size_t i = (size_t)(-1 - key.number);
        bit = 1u << i;
        m->values[i] = v.value;
        if (v.kind == CBOR_ITEM_INT && key.number == COSE_CRV) {
            m->curve = v.number;
        } else if (v.kind != CBOR_ITEM_BYTES) {
            return result_of(ERRC_FORMAT);
        }
    } else if ((key.number == COSE_KTY || key.number == COSE_ALG) && v.kind == CBOR_ITEM_INT) {
        bit = key.number == COSE_KTY ? 8 : 16;
        *(key.number == COSE_KTY ? &m->kty : &m->alg) = v.number;
    } else {
        return result_of(ERRC_FORMAT);
    }
    if ((m->seen & bit) != 0) {
        return result_of(ERRC_FORMAT);
    }
    m->seen |= bit;
    return RESULT_OK;
}

static RESULT key_of_map(const struct cose_map *m, struct webauthn_key *k, struct error *e)
{
    const struct pubkey_alg *alg = k->alg;
    bool is_rsa = alg->bytes == 0;
    int64_t kty = is_rsa ? KTY_RSA : alg->group != NULL ? KTY_EC2 : KTY_OKP;
    unsigned want = kty == KTY_EC2 ? 31 : 27;

    if (m->kty != kty || m->seen != want || (!is_rsa && m->curve != alg->cose_curve)) {
        FAIL(e, ERRC_FORMAT, "members that don't fit %s", alg->jose);
    }
    if (is_rsa) {
        k->n = m->values[0];
        k->exponent = m->values[1];
        return pubkey_of_rsa(k->n, k->exponent, &k->pkey, e);
    }
    k->x = m->values[1];
    k->y = m->values[2];
    return pubkey_of_curve(alg, k->x, k->y, &k->pkey, e);
}

RESULT webauthn_key_take(struct bytes *in, struct webauthn_key *ret, struct error *e)
{
    struct webauthn_key k = { 0 };
    struct cose_map m = { 0 };
    struct cbor_item map;
    struct bytes at = *in;

    TRY_MSG(cbor_take_kind(in, CBOR_ITEM_MAP, &map), e, "public key");
    for (size_t i = 0; i < map.count; i++) {
        TRY_MSG(cose_member(in, &m), e, "public key");
    }
    k.raw = bytes_of(at.p, at.n - in->n);
    k.alg = pubkey_alg_of_cose(m.alg);
    if (k.alg == NULL || k.raw.n > WEBAUTHN_KEY_MAX) {
        FAIL(e, ERRC_UNSUPPORTED, "public key: algorithm %lld is not taken", (long long)m.alg);
    }
    TRY_MSG(key_of_map(&m, &k, e), e, "public key");
    *ret = k;
    return RESULT_OK;
}

/* --- authenticator data --- */

void webauthn_data_done(struct webauthn_data *d)
{
    EVP_PKEY_free(d->key.pkey);
    *d = (struct webauthn_data){ 0 };
}

static RESULT credential_take(struct bytes *in, struct webauthn_data *d, struct error *e)
{
    TRY_MSG(bytes_take(in, WEBAUTHN_AAGUID_BYTES, &d->aaguid), e, "AAGUID");
    TRY_MSG(bytes_take_be16_prefixed(in, &d->id), e, "credential id");
    if (d->id.n == 0 || d->id.n > WEBAUTHN_ID_MAX) {
        FAIL(e, ERRC_FORMAT, "credential id of %zu bytes", d->id.n);
    }
    return webauthn_key_take(in, &d->key, e);
}

static RESULT data_parse(struct bytes in, bool is_registration, struct webauthn_data *d,
                         struct error *e)
{
    struct cbor_item map;

    d->raw = in;
    if (in.n > WEBAUTHN_AUTH_DATA_MAX) {
        FAIL(e, ERRC_LIMIT, "longer than %d bytes", WEBAUTHN_AUTH_DATA_MAX);
    }
    TRY_MSG(bytes_take(&in, SHA256_BYTES, &d->rp_hash), e, "hash of the RP id");
    TRY_MSG(bytes_take_u8(&in, &d->flags), e, "flags");
    TRY_MSG(bytes_take_be32(&in, &d->sign_count), e, "counter");
    if (((d->flags & FLAG_AT) != 0) != is_registration) {
        FAIL(e, ERRC_FORMAT, "a credential where none belongs, or none where one does");
    }
    if (is_registration) {
        TRY(credential_take(&in, d, e));
    }
    d->has_extensions = (d->flags & FLAG_ED) != 0;
    if (d->has_extensions) {
        struct bytes at = in;
        TRY_MSG(cbor_take_kind(&at, CBOR_ITEM_MAP, &map), e, "extensions");
        TRY_MSG(cbor_skip(&in, NULL), e, "extensions");
    }
    if (in.n != 0) {
        FAIL(e, ERRC_FORMAT, "%zu bytes too many", in.n);
    }
    return RESULT_OK;
}

static RESULT data_check(const struct webauthn_party *rp, const struct webauthn_data *d,
                         struct error *e)
{
    uint8_t hash[SHA256_BYTES];

    sha256(bytes_str(rp->id), hash);
    if (!bytes_equal(d->rp_hash, BYTES_OF(hash))) {
        FAIL(e, ERRC_DENIED, "another RP id than asked for");
    }
    if ((d->flags & FLAG_UP) == 0) {
        FAIL(e, ERRC_DENIED, "the user was not present");
    }
    if (rp->needs_uv && (d->flags & FLAG_UV) == 0) {
        FAIL(e, ERRC_DENIED, "the user was not verified");
    }
    if ((d->flags & (FLAG_BE | FLAG_BS)) == FLAG_BS) {
        FAIL(e, ERRC_FORMAT, "backed up without being eligible for it");
    }
    return RESULT_OK;
}

/* Authenticator data || hash of the client data. */
static void signed_data(const struct webauthn_data *d, const uint8_t hash[SHA256_BYTES],
                        struct buf *out)
{
    buf_add(out, d->raw);
    buf_add_mem(out, hash, SHA256_BYTES);
}

/* --- the attestation object --- */

struct object {
    struct bytes format, statement, data;
};

static RESULT object_member(struct bytes *in, struct object *o)
{
    struct cbor_item key, v;

    TRY(cbor_take_kind(in, CBOR_ITEM_TEXT, &key));
    if (bytes_equal_str(key.value, "fmt") && o->format.p == NULL) {
        TRY(cbor_take_kind(in, CBOR_ITEM_TEXT, &v));
        o->format = v.value;
    } else if (bytes_equal_str(key.value, "attStmt") && o->statement.p == NULL) {
        struct bytes at = *in;
        TRY(cbor_take_kind(&at, CBOR_ITEM_MAP, &v));
        TRY(cbor_skip(in, &o->statement));
    } else if (bytes_equal_str(key.value, "authData") && o->data.p == NULL) {
        TRY(cbor_take_kind(in, CBOR_ITEM_BYTES, &v));
        o->data = v.value;
    } else {
        return result_of(ERRC_FORMAT);
    }
    return RESULT_OK;
}

static RESULT object_parse(struct bytes in, struct object *ret, enum webauthn_format *ret_format,
                           struct error *e)
{
    struct object o = { 0 };
    struct cbor_item map;

    if (in.n > WEBAUTHN_OBJECT_MAX) {
        FAIL(e, ERRC_LIMIT, "longer than %d bytes", WEBAUTHN_OBJECT_MAX);
    }
    TRY_MSG(cbor_take_kind(&in, CBOR_ITEM_MAP, &map), e, "no map");
    for (size_t i = 0; i < map.count; i++) {
        TRY_MSG(object_member(&in, &o), e, "member %zu", i + 1);
    }
    if (map.count != 3 || in.n != 0) {
        FAIL(e, ERRC_FORMAT, "wants fmt, attStmt and authData and nothing else");
    }
    for (size_t i = 0; i < ARRAY_LEN(format_names); i++) {
        if (bytes_equal_str(o.format, format_names[i])) {
            *ret_format = (enum webauthn_format)i;
            *ret = o;
            return RESULT_OK;
        }
    }
    FAIL(e, ERRC_UNSUPPORTED, "this attestation format is not taken");
}

RESULT webauthn_register(const struct webauthn_party *rp, struct bytes client_data,
                         struct bytes attestation_object, struct webauthn_credential *ret,
                         struct error *e)
{
    CLEANUP(webauthn_data_done_p) struct webauthn_data d = { 0 };
    CLEANUP(buf_done_p) struct buf message = BUF(WEBAUTHN_AUTH_DATA_MAX + SHA256_BYTES);
    struct object o;
    enum webauthn_format format = WEBAUTHN_NONE;
    uint8_t hash[SHA256_BYTES];

    TRY_MSG(client_data_check(rp, "webauthn.create", client_data, e), e, "client data");
    TRY_MSG(object_parse(attestation_object, &o, &format, e), e, "attestation object");
    TRY_MSG(data_parse(o.data, true, &d, e), e, "authenticator data");
    TRY_MSG(data_check(rp, &d, e), e, "authenticator data");
    sha256(client_data, hash);
    signed_data(&d, hash, &message);
    const struct webauthn_made made = { .rp = rp,
                                        .data = &d,
                                        .client_hash = BYTES_OF(hash),
                                        .signed_data = buf_bytes(&message),
                                        .statement = o.statement };
    TRY_MSG(webauthn_attest(&made, format, e), e, "attestation (%s)", webauthn_format_name(format));
    *ret = (struct webauthn_credential){
        .id = d.id,
        .key = d.key.raw,
        .alg = d.key.alg->cose,
        .sign_count = d.sign_count,
        .is_verified = (d.flags & FLAG_UV) != 0,
        .is_backup_eligible = (d.flags & FLAG_BE) != 0,
        .is_backed_up = (d.flags & FLAG_BS) != 0,
        .format = format,
    };
    memcpy(ret->aaguid, d.aaguid.p, sizeof(ret->aaguid));
    return RESULT_OK;
}

/* --- assertions --- */

static RESULT signature_check(const struct webauthn_party *rp, const struct webauthn_data *d,
                              struct bytes client_data, struct bytes sig, struct error *e)
{
    CLEANUP(buf_done_p) struct buf message = BUF(WEBAUTHN_AUTH_DATA_MAX + SHA256_BYTES);
    uint8_t hash[SHA256_BYTES];

    sha256(client_data, hash);
    if (webauthn_fido_can(&d->key, d)) {
        return webauthn_fido_assert(rp, &d->key, d, BYTES_OF(hash), sig, e);
    }
    signed_data(d, hash, &message);
    TRY_MSG(pubkey_verify(d->key.alg, d->key.pkey, PUBKEY_DER, buf_bytes(&message), sig), e,
            "the signature does not verify");
    return RESULT_OK;
}

RESULT webauthn_assert(const struct webauthn_party *rp, struct bytes key, struct bytes client_data,
                       struct bytes authenticator_data, struct bytes signature,
                       struct webauthn_assertion *ret, struct error *e)
{
    CLEANUP(webauthn_data_done_p) struct webauthn_data d = { 0 };

    TRY_MSG(client_data_check(rp, "webauthn.get", client_data, e), e, "client data");
    TRY_MSG(data_parse(authenticator_data, false, &d, e), e, "authenticator data");
    TRY_MSG(data_check(rp, &d, e), e, "authenticator data");
    TRY(webauthn_key_take(&key, &d.key, e));
    if (key.n != 0) {
        FAIL(e, ERRC_FORMAT, "public key: %zu bytes too many", key.n);
    }
    if (signature.n == 0 || signature.n > SIGNATURE_MAX) {
        FAIL(e, ERRC_FORMAT, "signature of %zu bytes", signature.n);
    }
    TRY(signature_check(rp, &d, client_data, signature, e));
    *ret = (struct webauthn_assertion){
        .sign_count = d.sign_count,
        .is_verified = (d.flags & FLAG_UV) != 0,
        .is_backup_eligible = (d.flags & FLAG_BE) != 0,
        .is_backed_up = (d.flags & FLAG_BS) != 0,
    };
    return RESULT_OK;
}

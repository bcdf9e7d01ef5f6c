/* What libfido2 verifies: see webauthn.h. */
#include "crypto/webauthn_priv.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/es384.h>
#include <fido/rs256.h>

#define FIDO_EDDSA_MAX 900 /* of authenticator data: libfido2 signs over at most 1,024 bytes */
#define FIDO_RSA_BYTES 256
#define FIDO_KEY_MAX   (FIDO_RSA_BYTES + 3)

static void assert_free(fido_assert_t **a)
{
    fido_assert_free(a);
}

static void cred_free(fido_cred_t **c)
{
    fido_cred_free(c);
}

static RESULT of_status(int status, struct error *e)
{
    switch (status) {
    case FIDO_OK:
        return RESULT_OK;
    case FIDO_ERR_INVALID_SIG:
        FAIL(e, ERRC_INTEGRITY, "the signature does not verify");
    case FIDO_ERR_INVALID_PARAM:
        FAIL(e, ERRC_DENIED, "RP id, user presence or user verification is not as asked for");
    default:
        FAIL(e, ERRC_FORMAT, "libfido2: %s", fido_strerr(status));
    }
}

bool webauthn_fido_can(const struct webauthn_key *k, const struct webauthn_data *d)
{
    if (d->has_extensions) {
        return false; /* libfido2 wants to know beforehand which ones */
    }
    switch (k->alg->cose) {
    case COSE_ES256:
    case COSE_ES384:
        return true;
    case COSE_EDDSA:
        return d->raw.n <= FIDO_EDDSA_MAX;
    case COSE_RS256:
        return k->n.n == FIDO_RSA_BYTES && k->exponent.n == 3;
    default:
        return false;
    }
}

bool webauthn_fido_can_attest(const struct pubkey_alg *alg, const struct webauthn_data *d)
{
    return webauthn_fido_can(&d->key, d) &&
           (alg->cose == COSE_ES256 || alg->cose == COSE_ES384 || alg->cose == COSE_RS256 ||
            (alg->cose == COSE_EDDSA && d->raw.n <= FIDO_EDDSA_MAX));
}

/* libfido2 has a type of its own for each kind of key. */
static int es256_verify(const fido_assert_t *a, const uint8_t *raw, size_t n)
{
    es256_pk_t *k = es256_pk_new();
    int status = FIDO_ERR_INTERNAL;

    if (k != NULL && (status = es256_pk_from_ptr(k, raw, n)) == FIDO_OK) {
        status = fido_assert_verify(a, 0, COSE_ES256, k);
    }
    es256_pk_free(&k);
    return status;
}

static int es384_verify(const fido_assert_t *a, const uint8_t *raw, size_t n)
{
    es384_pk_t *k = es384_pk_new();
    int status = FIDO_ERR_INTERNAL;

    if (k != NULL && (status = es384_pk_from_ptr(k, raw, n)) == FIDO_OK) {
        status = fido_assert_verify(a, 0, COSE_ES384, k);
    }
    es384_pk_free(&k);
    return status;
}

static int rs256_verify(const fido_assert_t *a, const uint8_t *raw, size_t n)
{
    rs256_pk_t *k = rs256_pk_new();
    int status = FIDO_ERR_INTERNAL;

    if (k != NULL && (status = rs256_pk_from_ptr(k, raw, n)) == FIDO_OK) {
        status = fido_assert_verify(a, 0, COSE_RS256, k);
    }
    rs256_pk_free(&k);
    return status;
}

static int eddsa_verify(const fido_assert_t *a, const uint8_t *raw, size_t n)
{
    eddsa_pk_t *k = eddsa_pk_new();
    int status = FIDO_ERR_INTERNAL;

    if (k != NULL && (status = eddsa_pk_from_ptr(k, raw, n)) == FIDO_OK) {
        status = fido_assert_verify(a, 0, COSE_EDDSA, k);
    }
    eddsa_pk_free(&k);
    return status;
}

static int verify(const fido_assert_t *a, const struct webauthn_key *k)
{
    uint8_t raw[FIDO_KEY_MAX];
    bool is_rsa = k->alg->bytes == 0;
    struct bytes first = is_rsa ? k->n : k->x, second = is_rsa ? k->exponent : k->y;
    size_t n = first.n + second.n;

    if (n > sizeof(raw)) {
        return FIDO_ERR_INTERNAL;
    }
    memcpy(raw, first.p, first.n);
    if (second.n > 0) {
        memcpy(raw + first.n, second.p, second.n);
    }
    switch (k->alg->cose) {
    case COSE_ES256:
        return es256_verify(a, raw, n);
    case COSE_ES384:
        return es384_verify(a, raw, n);
    case COSE_RS256:
        return rs256_verify(a, raw, n);
    case COSE_EDDSA:
        return eddsa_verify(a, raw, n);
    default:
        return FIDO_ERR_UNSUPPORTED_OPTION;
    }
}

RESULT webauthn_fido_assert(const struct webauthn_party *rp, const struct webauthn_key *k,
                            const struct webauthn_data *d, struct bytes client_hash,
                            struct bytes sig, struct error *e)
{
    CLEANUP(assert_free) fido_assert_t *a = fido_assert_new();
    int status = FIDO_OK;

    crypto_must(a != NULL, "libfido2");
    if ((status = fido_assert_set_clientdata_hash(a, client_hash.p, client_hash.n)) != FIDO_OK ||
        (status = fido_assert_set_rp(a, rp->id)) != FIDO_OK ||
        (status = fido_assert_set_count(a, 1)) != FIDO_OK ||
        (status = fido_assert_set_authdata_raw(a, 0, d->raw.p, d->raw.n)) != FIDO_OK ||
        (status = fido_assert_set_sig(a, 0, sig.p, sig.n)) != FIDO_OK ||
        (status = fido_assert_set_up(a, FIDO_OPT_TRUE)) != FIDO_OK ||
        (status = fido_assert_set_uv(a, rp->needs_uv ? FIDO_OPT_TRUE : FIDO_OPT_OMIT)) != FIDO_OK) {
        return of_status(status, e);
    }
    return of_status(verify(a, k), e);
}

RESULT webauthn_fido_attest(const struct webauthn_made *m, enum webauthn_format format,
                            bool is_self, struct error *e)
{
    CLEANUP(cred_free) fido_cred_t *c = fido_cred_new();
    int status = FIDO_OK;

    crypto_must(c != NULL, "libfido2");
    if ((status = fido_cred_set_type(c, m->data->key.alg->cose)) != FIDO_OK ||
        (status = fido_cred_set_clientdata_hash(c, m->client_hash.p, m->client_hash.n)) !=
                FIDO_OK ||
        (status = fido_cred_set_rp(c, m->rp->id, NULL)) != FIDO_OK ||
        (status = fido_cred_set_fmt(c, webauthn_format_name(format))) != FIDO_OK ||
        (status = fido_cred_set_authdata_raw(c, m->data->raw.p, m->data->raw.n)) != FIDO_OK ||
        (status = fido_cred_set_attstmt(c, m->statement.p, m->statement.n)) != FIDO_OK ||
        (status = fido_cred_set_uv(c, m->rp->needs_uv ? FIDO_OPT_TRUE : FIDO_OPT_OMIT)) !=
                FIDO_OK) {
        return of_status(status, e);
    }
    return of_status(is_self ? fido_cred_verify_self(c) : fido_cred_verify(c), e);
}

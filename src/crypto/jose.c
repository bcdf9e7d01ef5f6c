/* Signed tokens: see jose.h. */
#include "crypto/jose.h"

#include "base/text.h"
#include "crypto/pubkey_priv.h"

#define NUMBER_MAX (PUBKEY_RSA_MAX_BITS / 8 + 1)

struct jwk {
    EVP_PKEY *key;
    const struct pubkey_alg *alg; /* its own; NULL: any that fits */
    char kid[JWK_KID_MAX + 1];
};

struct jwk_set {
    struct jwk *keys[JWK_KEYS_MAX];
    size_t n;
};

void jwk_free(struct jwk *k)
{
    if (k != NULL) {
        EVP_PKEY_free(k->key);
        mem_free(k);
    }
}

const char *jwk_kid(const struct jwk *k)
{
    return k->kid;
}

/* base64url of 1 to NUMBER_MAX bytes. */
static RESULT get_number(struct json v, const char *key, struct buf *out, struct error *e)
{
    struct bytes text;

    TRY(json_get_str(v, key, &text, e));
    TRY_MSG(base64url_decode(text, out), e, "%s", key);
    if (out->n == 0) {
        FAIL(e, ERRC_FORMAT, "%s is empty", key);
    }
    return RESULT_OK;
}

/* An optional string. */
static RESULT get_text(struct json v, const char *key, struct bytes *ret, struct error *e)
{
    *ret = BYTES_NONE;
    return json_has(v, key) ? json_get_str(v, key, ret, e) : RESULT_OK;
}

static RESULT check_use(struct json v, struct error *e)
{
    struct bytes use;
    TRY(get_text(v, "use", &use, e));
    if (json_has(v, "use") && !bytes_equal_str(use, "sig")) {
        FAIL(e, ERRC_UNSUPPORTED, "the key is not for signatures");
    }
    if (!json_has(v, "key_ops")) {
        return RESULT_OK;
    }
    struct json ops, op;
    struct json_iter it = { 0 };
    TRY(json_get(v, "key_ops", &ops, e));
    while (json_next(ops, &it, &op)) {
        struct bytes name;
        if (result_is_ok(json_str(op, &name)) && bytes_equal_str(name, "verify")) {
            return RESULT_OK;
        }
    }
    FAIL(e, ERRC_UNSUPPORTED, "the key is not for checking signatures");
}

static RESULT curve_key(struct json v, bool is_point, EVP_PKEY **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf x = BUF(NUMBER_MAX), y = BUF(NUMBER_MAX);
    struct bytes curve;
    TRY(json_get_str(v, "crv", &curve, e));
    const struct pubkey_alg *alg = pubkey_alg_of_curve(curve);
    if (alg == NULL || (alg->group != NULL) != is_point) {
        FAIL(e, ERRC_UNSUPPORTED, "this curve is not taken");
    }
    TRY(get_number(v, "x", &x, e));
    if (is_point) {
        TRY(get_number(v, "y", &y, e));
    }
    return pubkey_of_curve(alg, buf_bytes(&x), buf_bytes(&y), ret, e);
}

static RESULT rsa_key(struct json v, EVP_PKEY **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf n = BUF(NUMBER_MAX), exponent = BUF(NUMBER_MAX);
    TRY(get_number(v, "n", &n, e));
    TRY(get_number(v, "e", &exponent, e));
    return pubkey_of_rsa(buf_bytes(&n), buf_bytes(&exponent), ret, e);
}

RESULT jwk_parse(struct json v, struct jwk **ret, struct error *e)
{
    CLEANUP(jwk_free_p) struct jwk *k = mem_zalloc(sizeof(*k));
    struct bytes type, alg, kid;

    TRY_MSG(json_get_str(v, "kty", &type, e), e, "key");
    TRY_MSG(get_text(v, "alg", &alg, e), e, "key");
    TRY_MSG(get_text(v, "kid", &kid, e), e, "key");
    if (kid.n > JWK_KID_MAX || bytes_index(kid, 0) < kid.n) {
        FAIL(e, ERRC_LIMIT, "key: kid of %zu bytes", kid.n);
    }
    TRY_MSG(check_use(v, e), e, "key");
    if (bytes_equal_str(type, "RSA")) {
        TRY_MSG(rsa_key(v, &k->key, e), e, "key");
    } else if (bytes_equal_str(type, "EC") || bytes_equal_str(type, "OKP")) {
        TRY_MSG(curve_key(v, bytes_equal_str(type, "EC"), &k->key, e), e, "key");
    } else {
        FAIL(e, ERRC_UNSUPPORTED, "key: this type is not taken");
    }
    if (json_has(v, "alg")) {
        k->alg = pubkey_alg_of_jose(alg, k->key);
        if (k->alg == NULL) {
            FAIL(e, ERRC_UNSUPPORTED, "key: its algorithm is unknown or of another type of key");
        }
    }
    if (kid.n > 0) {
        memcpy(k->kid, kid.p, kid.n);
    }
    *ret = TAKE(k);
    return RESULT_OK;
}

/* --- sets --- */

void jwk_set_free(struct jwk_set *s)
{
    for (size_t i = 0; s != NULL && i < s->n; i++) {
        jwk_free(s->keys[i]);
    }
    mem_free(s);
}

size_t jwk_set_count(const struct jwk_set *s)
{
    return s->n;
}

RESULT jwk_set_parse(struct bytes json, struct jwk_set **ret, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    CLEANUP(jwk_set_free_p) struct jwk_set *s = mem_zalloc(sizeof(*s));
    struct json keys, key;
    struct json_iter it = { 0 };

    TRY_MSG(json_parse(json, JWK_SET_MAX, &d, e), e, "key set");
    TRY_MSG(json_get(json_root(d), "keys", &keys, e), e, "key set");
    if (json_type(keys) != JSON_ARRAY || json_count(keys) > JWK_KEYS_MAX) {
        FAIL(e, ERRC_LIMIT, "key set: no list of at most %d keys", JWK_KEYS_MAX);
    }
    while (json_next(keys, &it, &key)) {
        if (result_is_ok(jwk_parse(key, &s->keys[s->n], NULL))) {
            s->n++;
        }
    }
    *ret = TAKE(s);
    return RESULT_OK;
}

RESULT jwk_set_find(const struct jwk_set *s, struct bytes kid, const struct jwk **ret,
                    struct error *e)
{
    const struct jwk *found = NULL;

    if (kid.n == 0 && s->n > 1) {
        FAIL(e, ERRC_CONFLICT, "the token names none of the %zu keys", s->n);
    }
    for (size_t i = 0; i < s->n; i++) {
        if (kid.n > 0 && !bytes_equal_str(kid, s->keys[i]->kid)) {
            continue;
        }
        if (found != NULL) {
            FAIL(e, ERRC_CONFLICT, "several keys of one kid");
        }
        found = s->keys[i];
    }
    if (found == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "no such key");
    }
    *ret = found;
    return RESULT_OK;
}

/* --- tokens --- */

void jws_done(struct jws *t)
{
    json_doc_free(t->header);
    buf_done(&t->payload);
    buf_done(&t->signature);
    *t = (struct jws){ 0 };
}

static RESULT header_parse(struct bytes text, struct jws *t, struct error *e)
{
    CLEANUP(buf_done_p) struct buf json = BUF(JWS_MAX);

    TRY_MSG(base64url_decode(text, &json), e, "header");
    TRY_MSG(json_parse(buf_bytes(&json), JWS_MAX, &t->header, e), e, "header");
    struct json h = json_root(t->header);
    if (json_type(h) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "header: no object");
    }
    if (json_has(h, "crit") || json_has(h, "b64")) {
        FAIL(e, ERRC_UNSUPPORTED, "header: crit and b64 are not taken");
    }
    TRY_MSG(json_get_str(h, "alg", &t->alg, e), e, "header");
    TRY_MSG(get_text(h, "kid", &t->kid, e), e, "header");
    if (pubkey_alg_of_jose(t->alg, NULL) == NULL) {
        FAIL(e, ERRC_UNSUPPORTED, "header: this algorithm is not taken");
    }
    return RESULT_OK;
}

RESULT jws_parse(struct bytes token, struct jws *ret, struct error *e)
{
    CLEANUP(jws_done_p) struct jws t = { .payload = BUF(JWS_MAX), .signature = BUF(JWS_MAX) };
    struct bytes rest = token, header, payload;

    if (token.n > JWS_MAX) {
        FAIL(e, ERRC_LIMIT, "token: longer than %d bytes", JWS_MAX);
    }
    if (!bytes_split(&rest, '.', &header) || !bytes_split(&rest, '.', &payload)) {
        FAIL(e, ERRC_FORMAT, "token: not of three parts");
    }
    TRY_MSG(header_parse(header, &t, e), e, "token");
    TRY_MSG(base64url_decode(payload, &t.payload), e, "token: payload");
    TRY_MSG(base64url_decode(rest, &t.signature), e, "token: signature");
    t.input = bytes_of(token.p, header.n + 1 + payload.n);
    *ret = t;
    t = (struct jws){ 0 };
    return RESULT_OK;
}

RESULT jws_verify(const struct jws *t, const struct jwk *k, struct error *e)
{
    const struct pubkey_alg *alg = pubkey_alg_of_jose(t->alg, k->key);

    if (alg == NULL || (k->alg != NULL && k->alg != alg)) {
        FAIL(e, ERRC_DENIED, "token: its algorithm is not that of the key");
    }
    TRY_MSG(pubkey_verify(alg, k->key, PUBKEY_RAW, t->input, buf_bytes(&t->signature)), e,
            "token: the signature does not verify");
    return RESULT_OK;
}

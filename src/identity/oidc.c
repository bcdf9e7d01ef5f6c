/* ID tokens: see oidc.h. */
#include "identity/directory_priv.h"
#include "identity/oidc_priv.h"

#include "base/text.h"

#define SUBJECT_MAX   255
#define AUDIENCES_MAX 32
#define SECONDS_MAX   253402300799 /* the end of the year 9999 */

struct oidc {
    struct directory *d;
    struct oidc_keys *keys;
};

struct oidc *oidc_new(struct directory *d, struct pool *pool, const struct oidc_source *source)
{
    struct oidc *o = mem_zalloc(sizeof(*o));
    o->d = d;
    o->keys = oidc_keys_new(d->clock, pool, source);
    return o;
}

void oidc_free(struct oidc *o)
{
    if (o != NULL) {
        oidc_keys_free(o->keys);
        mem_free(o);
    }
}

static bool is_client(const struct oidc_provider *p, struct bytes v)
{
    for (size_t i = 0; i < p->client_count; i++) {
        if (bytes_equal_str(v, p->clients[i])) {
            return true;
        }
    }
    return false;
}

/* The first of the audiences that is a client of ours. */
static RESULT audience_check(const struct oidc_provider *p, struct json claims, struct bytes *ret,
                             size_t *ret_count, struct error *e)
{
    struct json aud, v;
    struct json_iter it = { 0 };
    struct bytes one;
    *ret = BYTES_NONE;
    *ret_count = 1;
    TRY(json_get(claims, "aud", &aud, e));
    if (json_type(aud) == JSON_STRING) {
        TRY_MSG(json_str(aud, &one), e, "aud");
        *ret = is_client(p, one) ? one : BYTES_NONE;
    } else {
        *ret_count = json_count(aud);
        if (json_type(aud) != JSON_ARRAY || *ret_count > AUDIENCES_MAX) {
            FAIL(e, ERRC_FORMAT, "aud: no list of at most %d", AUDIENCES_MAX);
        }
        while (json_next(aud, &it, &v)) {
            TRY_MSG(json_str(v, &one), e, "aud");
            *ret = ret->p == NULL && is_client(p, one) ? one : *ret;
        }
    }
    if (ret->p == NULL) {
        FAIL(e, ERRC_DENIED, "it is meant for another audience");
    }
    return RESULT_OK;
}

static RESULT azp_check(const struct oidc_provider *p, struct json claims, size_t audiences,
                        struct bytes *ret, struct error *e)
{
    *ret = BYTES_NONE;
    if (!json_has(claims, "azp")) {
        if (audiences > 1) {
            FAIL(e, ERRC_DENIED, "of several audiences, and azp says not which one asked for it");
        }
        return RESULT_OK;
    }
    TRY(json_get_str(claims, "azp", ret, e));
    if (!is_client(p, *ret)) {
        FAIL(e, ERRC_DENIED, "it was made for another client");
    }
    return RESULT_OK;
}

static RESULT get_time(struct json claims, const char *key, int64_t *ret_ms, struct error *e)
{
    int64_t s = 0;
    TRY(json_get_i64(claims, key, &s, e));
    if (s < 0 || s > SECONDS_MAX) {
        FAIL(e, ERRC_FORMAT, "%s is out of range", key);
    }
    *ret_ms = s * 1000;
    return RESULT_OK;
}

static RESULT times_check(struct json claims, int64_t now_ms, struct oidc_claims *out,
                          struct error *e)
{
    int64_t not_before_ms = 0;
    TRY(get_time(claims, "exp", &out->expires_ms, e));
    TRY(get_time(claims, "iat", &out->issued_ms, e));
    if (json_has(claims, "nbf")) {
        TRY(get_time(claims, "nbf", &not_before_ms, e));
    }
    if (now_ms >= out->expires_ms + OIDC_SKEW_MS) {
        FAIL(e, ERRC_EXPIRED, "it has expired");
    }
    if (out->issued_ms > now_ms + OIDC_SKEW_MS || not_before_ms > now_ms + OIDC_SKEW_MS) {
        FAIL(e, ERRC_DENIED, "it is of the future");
    }
    return RESULT_OK;
}

static RESULT claims_check(const struct oidc_provider *p, struct json claims, int64_t now_ms,
                           struct arena *arena, struct oidc_claims *ret, struct error *e)
{
    struct oidc_claims out = { .issuer = p->url };
    struct bytes subject, audience, azp;
    size_t audiences = 0;
    TRY(audience_check(p, claims, &audience, &audiences, e));
    TRY(azp_check(p, claims, audiences, &azp, e));
    TRY(times_check(claims, now_ms, &out, e));
    TRY(json_get_str(claims, "sub", &subject, e));
    if (subject.n == 0 || subject.n > SUBJECT_MAX || !text_is_printable(subject)) {
        FAIL(e, ERRC_FORMAT, "sub: 1 to %d printable characters", SUBJECT_MAX);
    }
    out.subject = arena_str(arena, subject);
    out.audience = arena_str(arena, audience);
    out.azp = arena_str(arena, azp);
    *ret = out;
    return RESULT_OK;
}

/* Who it says issued it, if that is one of the realm's. */
static RESULT provider_find(struct oidc *o, const char *realm, struct json claims,
                            struct arena *arena, struct oidc_provider *ret, struct error *e)
{
    struct bytes issuer;
    TRY(json_get_str(claims, "iss", &issuer, e));
    if (issuer.n > OIDC_URL_MAX) {
        FAIL(e, ERRC_FORMAT, "iss: longer than %d bytes", OIDC_URL_MAX);
    }
    struct result r = oidc_provider_get(o->d, realm, issuer, arena, ret, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_DENIED, "its issuer is none of this account's OpenID Connect providers");
    }
    return r;
}

static RESULT verify(struct oidc *o, const char *realm, struct bytes token, struct arena *arena,
                     struct oidc_claims *ret, struct error *e)
{
    CLEANUP(jws_done_p) struct jws t = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct oidc_provider p;
    TRY(jws_parse(token, &t, e));
    TRY(json_parse(buf_bytes(&t.payload), JWS_MAX, &doc, e));
    struct json claims = json_root(doc);
    TRY(provider_find(o, realm, claims, arena, &p, e));
    TRY(oidc_keys_check(o->keys, p.url, &t, e));
    return claims_check(&p, claims, clock_wall_ms(o->d->clock), arena, ret, e);
}

RESULT oidc_verify(struct oidc *o, const char *realm, struct bytes token, struct arena *arena,
                   struct oidc_claims *ret, struct error *e)
{
    struct result r = verify(o, realm, token, arena, ret, e);
    enum errc code = r.code;
    if (code == ERRC_NOT_FOUND || code == ERRC_LIMIT || code == ERRC_RANGE) {
        code = ERRC_FORMAT; /* a claim is not there, or too large */
    } else if (code == ERRC_UNSUPPORTED) {
        code = ERRC_DENIED;
    }
    if (e != NULL && code != ERRC_OK) {
        e->code = code;
        error_prefix(e, "identity token");
    }
    return result_of(code);
}

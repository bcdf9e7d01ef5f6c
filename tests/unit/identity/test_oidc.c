/*
 * Web identities: tokens of an issuer of the test's own, with whatever a token can have wrong; the
 * keys of issuers, how often they are asked for and where.
 */
#include "testkit.h"

#include "identity_testkit.h"

#include "base/text.h"
#include "crypto/hmac.h"
#include "crypto/sign.h"
#include "identity/oidc.h"

#include <pthread.h>

#define ISSUER   "https://idp.example:8443/realms/one"
#define KEYS     "https://idp.example:8443/realms/one/keys"
#define CLIENT   "troth"
#define NOW_S    (T0 / 1000)
#define JSON_MAX 16384

/* A network of one issuer. */
struct idp {
    struct sign_key *key, *other;
    const char *issuer, *keys_url; /* as its document says */
    const char *kid;               /* of its key */
    const char *more;              /* further members of the document or keys of the set */
    bool is_down, is_garbage;
    unsigned calls;
};

static void put_jwk(struct buf *out, const struct sign_key *k, const char *kid)
{
    buf_add_str(out,
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\",\"x\":\"");
    buf_add_base64url(out, sign_key_public(k));
    buf_addf(out, "\",\"kid\":\"%s\"}", kid);
}

static struct result idp_get(void *arg, const char *url, struct buf *out, struct error *e)
{
    struct idp *i = arg;
    i->calls++;
    if (i->is_down) {
        FAIL(e, ERRC_AGAIN, "nobody listens");
    }
    if (i->is_garbage) {
        buf_add_str(out, "<html>");
    } else if (strcmp(url, ISSUER "/.well-known/openid-configuration") == 0) {
        buf_addf(out, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\"}", i->issuer, i->keys_url);
    } else if (strcmp(url, KEYS) == 0) {
        buf_add_str(out, "{\"keys\":[");
        put_jwk(out, i->key, i->kid);
        buf_addf(out, "%s]}", i->more);
    } else {
        FAIL(e, ERRC_NOT_FOUND, "status 404");
    }
    return buf_result(out);
}

struct stage {
    struct world *w;
    struct idp idp;
    struct oidc *o;
    struct arena *arena;
};

static struct stage *stage_new(void **state)
{
    struct stage *s = mem_zalloc(sizeof(*s));
    static const char *const clients[] = { "else", CLIENT };
    const struct oidc_provider p = { .url = ISSUER, .clients = clients, .client_count = 2 };
    struct error e;
    s->w = *state;
    s->idp = (struct idp){ .issuer = ISSUER, .keys_url = KEYS, .kid = "k1", .more = "" };
    s->arena = arena_new(4096, false);
    assert_code(sign_key_generate(SIGN_ED25519, &s->w->rng.base, &s->idp.key), ERRC_OK);
    assert_code(sign_key_generate(SIGN_ED25519, &s->w->rng.base, &s->idp.other), ERRC_OK);
    tenant_make(s->w, "acme");
    tenant_make(s->w, "other");
    assert_ok(oidc_provider_create(s->w->d, "acme", &p, &e), e);
    const struct oidc_source source = { idp_get, &s->idp };
    s->o = oidc_new(s->w->d, NULL, &source);
    return s;
}

static void stage_free(struct stage *s)
{
    oidc_free(s->o);
    sign_key_free(s->idp.key);
    sign_key_free(s->idp.other);
    arena_free(s->arena);
    mem_free(s);
}
DEFINE_CLEANUP(stage_free, struct stage *)

static void token_make(const struct sign_key *k, const char *header, const char *claims,
                       struct buf *out)
{
    uint8_t sig[SIGN_MAX];
    size_t n = 0;
    buf_add_base64url(out, bytes_str(header));
    buf_add_str(out, ".");
    buf_add_base64url(out, bytes_str(claims));
    assert_code(sign_bytes(k, buf_bytes(out), sig, &n), ERRC_OK);
    buf_add_str(out, ".");
    buf_add_base64url(out, bytes_of(sig, n));
}

#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"k1\"}"

static struct result check(struct stage *s, const char *realm, const char *header,
                           const char *claims, struct oidc_claims *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf token = BUF(JSON_MAX);
    token_make(s->idp.key, header, claims, &token);
    return oidc_verify(s->o, realm, buf_bytes(&token), s->arena, ret, e);
}

/* Good claims but for what is given: members that follow. */
static const char *claims_with(struct stage *s, const char *iss, const char *aud, int64_t iat,
                               int64_t exp, const char *more)
{
    return arena_printf(s->arena, "{\"iss\":\"%s\",\"aud\":%s,\"iat\":%lld,\"exp\":%lld%s%s}", iss,
                        aud, (long long)iat, (long long)exp, more[0] == '\0' ? "" : ",", more);
}

static const char *good(struct stage *s)
{
    return claims_with(s, ISSUER, "\"" CLIENT "\"", NOW_S - 10, NOW_S + 300, "\"sub\":\"repo:a\"");
}

static void taken(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    struct oidc_claims c;
    struct error e;
    assert_ok(check(s, "acme", HEADER, good(s), &c, &e), e);
    assert_string_equal(c.issuer, ISSUER);
    assert_string_equal(c.subject, "repo:a");
    assert_string_equal(c.audience, CLIENT);
    assert_string_equal(c.azp, "");
    assert_int_equal(c.expires_ms, (NOW_S + 300) * 1000);
    assert_int_equal(s->idp.calls, 2);
    assert_ok(check(s, "acme", HEADER,
                    claims_with(s, ISSUER, "[\"x\",\"" CLIENT "\"]", NOW_S, NOW_S + 60,
                                "\"sub\":\"a\",\"azp\":\"else\""),
                    &c, &e),
              e);
    assert_string_equal(c.azp, "else");
    /* one key in the set: the token need not name it */
    assert_ok(check(s, "acme", "{\"alg\":\"EdDSA\"}", good(s), &c, &e), e);
    assert_int_equal(s->idp.calls, 2);
}

/* Algorithms: none, and HMAC with what is public as the secret. */
static void algorithm_tricks(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    CLEANUP(buf_done_p) struct buf head = BUF(JSON_MAX), jwk = BUF(JSON_MAX);
    struct oidc_claims c;
    struct error e;
    static const char *const none[] = { "{\"alg\":\"none\"}", "{\"alg\":\"NONE\",\"kid\":\"k1\"}" };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        buf_reset(&head);
        buf_add_base64url(&head, bytes_str(none[i]));
        buf_add_str(&head, ".");
        buf_add_base64url(&head, bytes_str(good(s)));
        buf_add_str(&head, ".");
        assert_code(oidc_verify(s->o, "acme", buf_bytes(&head), s->arena, &c, &e), ERRC_DENIED);
    }
    put_jwk(&jwk, s->idp.key, "k1");
    const struct bytes secrets[] = { sign_key_public(s->idp.key), buf_bytes(&jwk) };
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        uint8_t mac[HASH_MAX];
        buf_reset(&head);
        buf_add_base64url(&head, BYTES_LIT("{\"alg\":\"HS256\",\"kid\":\"k1\"}"));
        buf_add_str(&head, ".");
        buf_add_base64url(&head, bytes_str(good(s)));
        size_t n = hmac_once(HASH_SHA256, secrets[i], buf_bytes(&head), mac);
        buf_add_str(&head, ".");
        buf_add_base64url(&head, bytes_of(mac, n));
        assert_code(oidc_verify(s->o, "acme", buf_bytes(&head), s->arena, &c, &e), ERRC_DENIED);
    }
    /* a good signature under another algorithm's name; a key that the token brings along */
    assert_code(check(s, "acme", "{\"alg\":\"RS256\",\"kid\":\"k1\"}", good(s), &c, &e),
                ERRC_DENIED);
    buf_reset(&head);
    buf_addf(&head, "{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"jwk\":");
    put_jwk(&head, s->idp.other, "k1");
    buf_add_str(&head, "}");
    CLEANUP(buf_done_p) struct buf token = BUF(JSON_MAX);
    token_make(s->idp.other, buf_cstr(&head), good(s), &token);
    assert_code(oidc_verify(s->o, "acme", buf_bytes(&token), s->arena, &c, &e), ERRC_DENIED);
    assert_code(check(s, "acme", "{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"crit\":[\"x\"]}", good(s), &c,
                      &e),
                ERRC_DENIED);
}

static void wrong_key(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    CLEANUP(buf_done_p) struct buf token = BUF(JSON_MAX);
    struct oidc_claims c;
    struct error e;
    token_make(s->idp.other, HEADER, good(s), &token);
    assert_code(oidc_verify(s->o, "acme", buf_bytes(&token), s->arena, &c, &e), ERRC_DENIED);
    assert_code(check(s, "acme", "{\"alg\":\"EdDSA\",\"kid\":\"k2\"}", good(s), &c, &e),
                ERRC_DENIED);
}

static void claims_refused(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    static const char sub[] = "\"sub\":\"a\"";
    static const char aud[] = "\"" CLIENT "\"";
    const struct {
        const char *claims;
        enum errc want;
    } cases[] = {
        { claims_with(s, "https://evil.example", aud, NOW_S, NOW_S + 60, sub), ERRC_DENIED },
        { claims_with(s, ISSUER "/", aud, NOW_S, NOW_S + 60, sub), ERRC_DENIED },
        { claims_with(s, ISSUER, "\"somebody\"", NOW_S, NOW_S + 60, sub), ERRC_DENIED },
        { claims_with(s, ISSUER, "[]", NOW_S, NOW_S + 60, sub), ERRC_DENIED },
        { claims_with(s, ISSUER, "[7]", NOW_S, NOW_S + 60, sub), ERRC_FORMAT },
        { claims_with(s, ISSUER, "{}", NOW_S, NOW_S + 60, sub), ERRC_FORMAT },
        { claims_with(s, ISSUER, "[\"x\",\"troth\"]", NOW_S, NOW_S + 60, sub), ERRC_DENIED },
        { claims_with(s, ISSUER, aud, NOW_S, NOW_S + 60, "\"sub\":\"a\",\"azp\":\"x\""),
          ERRC_DENIED },
        { claims_with(s, ISSUER, aud, NOW_S - 900, NOW_S - 60, sub), ERRC_EXPIRED },
        { claims_with(s, ISSUER, aud, NOW_S + 61, NOW_S + 600, sub), ERRC_DENIED },
        { claims_with(s, ISSUER, aud, NOW_S, NOW_S + 60,
                      arena_printf(s->arena, "%s,\"nbf\":%lld", sub, (long long)NOW_S + 61)),
          ERRC_DENIED },
        { claims_with(s, ISSUER, aud, NOW_S, NOW_S + 60, ""), ERRC_FORMAT },
        { claims_with(s, ISSUER, aud, NOW_S, NOW_S + 60, "\"sub\":\"\""), ERRC_FORMAT },
        { claims_with(s, ISSUER, aud, NOW_S, NOW_S + 60, "\"sub\":\"a\\nb\""), ERRC_FORMAT },
        { claims_with(s, ISSUER, aud, NOW_S, INT64_MAX, sub), ERRC_FORMAT },
        { claims_with(s, ISSUER, aud, -1, NOW_S, sub), ERRC_FORMAT },
        { "{\"iss\":\"" ISSUER "\",\"aud\":\"troth\",\"sub\":\"a\"}", ERRC_FORMAT },
        { "{\"iss\":\"" ISSUER "\",\"aud\":\"troth\",\"sub\":\"a\",\"iat\":1,\"exp\":\"9\"}",
          ERRC_FORMAT },
        { "{\"aud\":\"troth\"}", ERRC_FORMAT },
        { "[]", ERRC_FORMAT },
        { "", ERRC_FORMAT },
    };
    struct oidc_claims c;
    struct error e;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct result r = check(s, "acme", HEADER, cases[i].claims, &c, &e);
        if (r.code != cases[i].want) {
            fail_msg("case %zu: %s: %s", i, errc_name(r.code), e.msg);
        }
    }
    /* within the skew */
    assert_ok(check(s, "acme", HEADER, claims_with(s, ISSUER, aud, NOW_S + 59, NOW_S - 59, sub), &c,
                    &e),
              e);
    /* another realm does not trust this issuer */
    assert_code(check(s, "other", HEADER, good(s), &c, &e), ERRC_DENIED);
    assert_code(check(s, "", HEADER, good(s), &c, &e), ERRC_DENIED);
}

static void every_byte_counts(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    CLEANUP(buf_done_p) struct buf token = BUF(JSON_MAX);
    struct oidc_claims c;
    struct error e;
    token_make(s->idp.key, HEADER, good(s), &token);
    for (size_t i = 0; i < token.n; i++) {
        assert_false(result_is_ok(
                oidc_verify(s->o, "acme", bytes_slice(buf_bytes(&token), 0, i), s->arena, &c, &e)));
        token.p[i] ^= 0x01;
        assert_false(result_is_ok(oidc_verify(s->o, "acme", buf_bytes(&token), s->arena, &c, &e)));
        token.p[i] ^= 0x01;
    }
    assert_ok(oidc_verify(s->o, "acme", buf_bytes(&token), s->arena, &c, &e), e);
}

static const char *fresh(struct stage *s)
{
    int64_t now = clock_wall_ms(&s->w->clock.base) / 1000;
    return claims_with(s, ISSUER, "\"" CLIENT "\"", now, now + 300, "\"sub\":\"a\"");
}

/* An unknown key asks the issuer again, but at most once a minute. */
static void keys_roll(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    struct oidc_claims c;
    struct error e;
    assert_ok(check(s, "acme", HEADER, fresh(s), &c, &e), e);
    s->idp.kid = "k2";
    for (int i = 0; i < 20; i++) {
        assert_code(check(s, "acme", "{\"alg\":\"EdDSA\",\"kid\":\"k2\"}", fresh(s), &c, &e),
                    ERRC_DENIED);
    }
    assert_int_equal(s->idp.calls, 2);
    clock_fake_advance(&s->w->clock, 60000);
    assert_ok(check(s, "acme", "{\"alg\":\"EdDSA\",\"kid\":\"k2\"}", fresh(s), &c, &e), e);
    assert_int_equal(s->idp.calls, 4);
    assert_code(check(s, "acme", HEADER, fresh(s), &c, &e), ERRC_DENIED); /* withdrawn */
    assert_int_equal(s->idp.calls, 4);
    /* after a quarter of an hour without being asked to */
    clock_fake_advance(&s->w->clock, 16 * 60000);
    assert_ok(check(s, "acme", "{\"alg\":\"EdDSA\",\"kid\":\"k2\"}", fresh(s), &c, &e), e);
    assert_int_equal(s->idp.calls, 6);
}

/* While the issuer is away its keys serve for an hour; a first fetch that failed is tried again. */
static void issuer_away(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    struct oidc_claims c;
    struct error e;
    s->idp.is_down = true;
    assert_code(check(s, "acme", HEADER, fresh(s), &c, &e), ERRC_AGAIN);
    assert_null(strstr(e.msg, "nobody listens"));
    assert_code(check(s, "acme", HEADER, fresh(s), &c, &e), ERRC_AGAIN);
    assert_int_equal(s->idp.calls, 1);
    s->idp.is_down = false;
    clock_fake_advance(&s->w->clock, 10000);
    assert_ok(check(s, "acme", HEADER, fresh(s), &c, &e), e);
    s->idp.is_down = true;
    clock_fake_advance(&s->w->clock, 59 * 60000);
    assert_ok(check(s, "acme", HEADER, fresh(s), &c, &e), e);
    clock_fake_advance(&s->w->clock, 2 * 60000);
    assert_code(check(s, "acme", HEADER, fresh(s), &c, &e), ERRC_AGAIN);
}

/* Documents that say something else than they should. */
static void documents_refused(void **state)
{
    static const char *const issuers[] = { "https://idp.example:8443/realms/two",
                                           "https://idp.example:8443/realms/one/", "" };
    static const char *const urls[] = {
        "http://idp.example:8443/realms/one/keys",
        "https://idp.example/keys",
        "https://evil.example/keys",
        "https://idp.example:8443@evil.example/keys",
        "https://idp.example:8443/../keys",
        "file:///etc/passwd",
        "https://127.0.0.1/keys",
        "",
    };
    struct oidc_claims c;
    struct error e;
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    for (size_t i = 0; i < ARRAY_LEN(issuers) + ARRAY_LEN(urls) + 1; i++) {
        size_t u = i - ARRAY_LEN(issuers);
        s->idp.issuer = i < ARRAY_LEN(issuers) ? issuers[i] : ISSUER;
        s->idp.keys_url = i >= ARRAY_LEN(issuers) && u < ARRAY_LEN(urls) ? urls[u] : KEYS;
        s->idp.is_garbage = i == ARRAY_LEN(issuers) + ARRAY_LEN(urls);
        s->idp.calls = 0;
        clock_fake_advance(&s->w->clock, 10000);
        assert_code(check(s, "acme", HEADER, fresh(s), &c, &e), ERRC_AGAIN);
        assert_int_equal(s->idp.calls, 1);
    }
    s->idp.is_garbage = false;
    clock_fake_advance(&s->w->clock, 10000);
    assert_ok(check(s, "acme", HEADER, fresh(s), &c, &e), e);
}

static void two_keys(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    CLEANUP(buf_done_p) struct buf more = BUF(JSON_MAX);
    struct oidc_claims c;
    struct error e;
    buf_add_str(&more, ",");
    put_jwk(&more, s->idp.other, "k3");
    s->idp.more = buf_cstr(&more);
    assert_ok(check(s, "acme", HEADER, fresh(s), &c, &e), e);
    assert_code(check(s, "acme", "{\"alg\":\"EdDSA\"}", fresh(s), &c, &e), ERRC_DENIED);
    assert_code(check(s, "acme", "{\"alg\":\"EdDSA\",\"kid\":\"k3\"}", fresh(s), &c, &e),
                ERRC_DENIED);
}

/* Only what is meant to be reached from outside is called. */
static void addresses(void **state)
{
    static const char *const bad[] = { "http://idp.example",      "https://",
                                       "https://IDP.example",     "https://a@idp.example",
                                       "https://idp.example?x",   "https://idp.example/#",
                                       "https://idp.example:0",   "https://idp.example:99999",
                                       "https://idp.example:",    "https://[::1]/",
                                       "https://idp..example",    "https://.example",
                                       "https://idp.example./",   "https://idp.example/a/../b",
                                       "https://idp.example/a b", "https://idp.example/%2e%2e/",
                                       "https://-a.example",      "ldap://idp.example" };
    static const char *const within[] = { "https://localhost/",    "https://127.0.0.1/",
                                          "https://10.0.0.1:8443", "https://intranet/",
                                          "https://a.localhost",   "https://printer.local/x",
                                          "https://db.internal",   "https://2130706433/",
                                          "https://1.2.3.4.5/" };
    CLEANUP(buf_done_p) struct buf out = BUF(100);
    struct error e;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (oidc_url_check(bytes_str(bad[i]), &e).code != ERRC_FORMAT) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_code(oidc_get_https(NULL, bad[i], &out, &e), ERRC_FORMAT);
    }
    for (size_t i = 0; i < ARRAY_LEN(within); i++) {
        char none[] = "";
        assert_ok(oidc_url_check(bytes_str(within[i]), &e), e);
        assert_code(oidc_get_https(none, within[i], &out, &e), ERRC_DENIED);
    }
}

static void providers(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    struct directory *d = s->w->d;
    struct bytes url = BYTES_LIT(ISSUER);
    CLEANUP(buf_done_p) struct buf arn = BUF(1024), back = BUF(1024);
    struct oidc_provider p, *list = NULL;
    struct oidc_claims c;
    struct error e;
    size_t n = 0;
    assert_ok(oidc_provider_get(d, "acme", url, s->arena, &p, &e), e);
    assert_int_equal(p.client_count, 2);
    assert_string_equal(p.clients[1], CLIENT);
    assert_true(p.created_ms == T0);
    assert_code(oidc_provider_create(d, "acme", &p, &e), ERRC_EXISTS);
    assert_code(oidc_provider_create(d, "nobody", &p, &e), ERRC_NOT_FOUND);
    assert_ok(oidc_provider_create(d, "platform", &p, &e), e);
    assert_code(oidc_provider_get(d, "other", url, s->arena, &p, &e), ERRC_NOT_FOUND);
    assert_ok(oidc_provider_add_client(d, "acme", url, BYTES_LIT("new"), &e), e);
    assert_ok(oidc_provider_add_client(d, "acme", url, BYTES_LIT("new"), &e), e);
    assert_ok(oidc_provider_remove_client(d, "acme", url, BYTES_LIT(CLIENT), &e), e);
    assert_ok(oidc_provider_remove_client(d, "acme", url, BYTES_LIT("absent"), &e), e);
    assert_code(oidc_provider_add_client(d, "acme", url, BYTES_LIT(""), &e), ERRC_FORMAT);
    assert_code(oidc_provider_add_client(d, "other", url, BYTES_LIT("new"), &e), ERRC_NOT_FOUND);
    assert_ok(oidc_provider_list(d, "acme", s->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].client_count, 2);
    assert_string_equal(list[0].clients[0], "else");
    assert_string_equal(list[0].clients[1], "new");
    assert_code(check(s, "acme", HEADER, fresh(s), &c, &e), ERRC_DENIED); /* at once */
    const char *thumb[] = { "990f4193972f2becf12ddeda5237f9c952f20d9e", "short" };
    assert_ok(oidc_provider_set_thumbprints(d, "acme", url, thumb, 1, &e), e);
    assert_code(oidc_provider_set_thumbprints(d, "acme", url, thumb, 2, &e), ERRC_FORMAT);
    oidc_provider_arn(&arn, "123456789012", ISSUER);
    assert_true(
            bytes_equal_str(buf_bytes(&arn),
                            "arn:aws:iam::123456789012:oidc-provider/idp.example:8443/realms/one"));
    assert_ok(oidc_provider_url_of_arn(buf_bytes(&arn), "123456789012", &back, &e), e);
    assert_true(bytes_equal_str(buf_bytes(&back), ISSUER));
    assert_code(oidc_provider_url_of_arn(buf_bytes(&arn), "123456789013", &back, &e), ERRC_FORMAT);
    assert_ok(oidc_provider_delete(d, "acme", url, &e), e);
    assert_code(oidc_provider_delete(d, "acme", url, &e), ERRC_NOT_FOUND);
    for (int i = 0; i <= OIDC_PROVIDERS_MAX; i++) {
        const struct oidc_provider more = { .url = arena_printf(s->arena, "https://i%d.example",
                                                                i) };
        assert_code(oidc_provider_create(d, "acme", &more, &e),
                    i < OIDC_PROVIDERS_MAX ? ERRC_OK : ERRC_LIMIT);
    }
}

/* Many at once: one of them fetches, those that come meanwhile are told to come again. */
struct visitor {
    struct stage *s;
    struct bytes token;
    pthread_t thread;
    unsigned taken, again, wrong;
};

static void *visit(void *arg)
{
    struct visitor *v = arg;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct oidc_claims c;
    struct error e;
    for (int i = 0; i < 50; i++) {
        struct result r = oidc_verify(v->s->o, "acme", v->token, arena, &c, &e);
        v->taken += result_is_ok(r);
        v->again += r.code == ERRC_AGAIN;
        v->wrong += !result_is_ok(r) && r.code != ERRC_AGAIN;
        arena_reset(arena);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    CLEANUP(stage_free_p) struct stage *s = stage_new(state);
    CLEANUP(buf_done_p) struct buf token = BUF(JSON_MAX);
    struct visitor v[4] = { 0 };
    unsigned taken = 0;
    token_make(s->idp.key, HEADER, good(s), &token);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        v[i] = (struct visitor){ .s = s, .token = buf_bytes(&token) };
        assert_int_equal(pthread_create(&v[i].thread, NULL, visit, &v[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        pthread_join(v[i].thread, NULL);
        assert_int_equal(v[i].wrong, 0);
        taken += v[i].taken;
    }
    assert_true(taken > 0);
    assert_int_equal(s->idp.calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(taken),          TEST(algorithm_tricks),  TEST(wrong_key),
        TEST(claims_refused), TEST(every_byte_counts), TEST(keys_roll),
        TEST(issuer_away),    TEST(documents_refused), TEST(two_keys),
        TEST(addresses),      TEST(providers),         TEST(many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

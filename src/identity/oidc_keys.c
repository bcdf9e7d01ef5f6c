/*
 * Keys of issuers: fetched, kept, fetched anew. One entry for an issuer, whoever trusts it. Nobody
 * waits for another's fetch: while the first one is under way, others get ERRC_AGAIN.
 */
#include "base/log.h"
#include "base/map.h"
#include "identity/oidc_priv.h"
#include "net/client.h"

#include <pthread.h>
#include <stdatomic.h>

#define ISSUERS_MAX   1000
#define DISCOVERY_MAX (64u << 10)
#define CALL_MS       5000
#define REFRESH_MS    (15 * 60 * 1000) /* older keys are fetched anew */
#define AGE_MAX_MS    (60 * 60 * 1000) /* older ones are not used */
#define UNKNOWN_MS    60000            /* between two fetches because of an unknown key */
#define RETRY_MS      10000            /* ... after one that failed */
#define NEVER_MS      (-AGE_MAX_MS * 1000LL)

/* Counted: one may be in use while another takes its place. */
struct keys {
    _Atomic unsigned count;
    struct jwk_set *set;
    int64_t fetched_ms; /* monotonic */
};

struct issuer {
    struct keys *keys; /* NULL: none yet */
    int64_t tried_ms;
};

struct oidc_keys {
    const struct clock *clock;
    struct pool *pool;
    struct oidc_source source;
    pthread_mutex_t lock; /* over what follows */
    struct map *issuers;
};

static void keys_drop(struct keys *k)
{
    if (k != NULL && atomic_fetch_sub(&k->count, 1) == 1) {
        jwk_set_free(k->set);
        mem_free(k);
    }
}
DEFINE_CLEANUP(keys_drop, struct keys *)

static struct keys *keys_hold(struct keys *k)
{
    if (k != NULL) {
        atomic_fetch_add(&k->count, 1);
    }
    return k;
}

static void issuer_free(void *arg)
{
    struct issuer *i = arg;
    keys_drop(i->keys);
    mem_free(i);
}

struct oidc_keys *oidc_keys_new(const struct clock *clock, struct pool *pool,
                                const struct oidc_source *source)
{
    struct oidc_keys *k = mem_zalloc(sizeof(*k));
    k->clock = clock;
    k->pool = pool;
    k->source = *source;
    pthread_mutex_init(&k->lock, NULL);
    k->issuers = map_new();
    return k;
}

void oidc_keys_free(struct oidc_keys *k)
{
    if (k != NULL) {
        map_free(k->issuers, issuer_free);
        pthread_mutex_destroy(&k->lock);
        mem_free(k);
    }
}

/* --- fetching --- */

/* No address that is only of this machine or network: see oidc.h. */
static RESULT public_host_check(const char *url, struct error *e)
{
    static const char *const inside[] = { ".local", ".internal", ".localhost", ".home.arpa" };
    struct bytes host = oidc_url_authority(bytes_str(url));
    host = bytes_slice(host, 0, bytes_index(host, ':'));
    bool has_dot = bytes_index(host, '.') < host.n;
    size_t last = host.n;
    while (last > 0 && host.p[last - 1] != '.') {
        last--;
    }
    /* no number, in whatever way inet_aton() takes it: 127.0.0.0x1 */
    bool is_public = last < host.n && host.p[last] >= 'a' && host.p[last] <= 'z';
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        is_public = is_public && !bytes_has_suffix(host, bytes_str(inside[i]));
    }
    if (!is_public || !has_dot) {
        FAIL(e, ERRC_DENIED, "only issuers with a public name are called (identity.oidc_ca)");
    }
    return RESULT_OK;
}

RESULT oidc_get_https(void *arg, const char *url, struct buf *out, struct error *e)
{
    const char *ca_file = arg;
    unsigned status = 0;
    bool has_ca = ca_file != NULL && ca_file[0] != '\0';
    TRY(oidc_url_check(bytes_str(url), e));
    if (!has_ca) {
        TRY(public_host_check(url, e));
    }
    const struct http_call call = {
        .method = "GET", .url = url, .ca_file = has_ca ? ca_file : NULL, .timeout_ms = CALL_MS
    };
    TRY(http_client_call(&call, &status, out, e));
    if (status != 200) {
        FAIL(e, ERRC_AGAIN, "status %u", status);
    }
    return RESULT_OK;
}

/* The address of the keys, checked against the issuer. */
static RESULT discovery_parse(const char *issuer, struct bytes json, struct buf *ret_url,
                              struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    struct bytes name, url;
    TRY(json_parse(json, DISCOVERY_MAX, &d, e));
    TRY(json_get_str(json_root(d), "issuer", &name, e));
    TRY(json_get_str(json_root(d), "jwks_uri", &url, e));
    if (!bytes_equal_str(name, issuer)) {
        FAIL(e, ERRC_DENIED, "the document is another issuer's");
    }
    TRY(oidc_url_check(url, e));
    if (!bytes_equal(oidc_url_authority(url), oidc_url_authority(bytes_str(issuer)))) {
        FAIL(e, ERRC_DENIED, "its keys are on another host");
    }
    buf_add(ret_url, url);
    return buf_result(ret_url);
}

struct fetch {
    const struct oidc_source *source;
    const char *issuer;
    struct jwk_set *set; /* out */
    struct result r;
    struct error *e;
};

static RESULT fetch_keys(struct fetch *f, struct error *e)
{
    CLEANUP(buf_done_p) struct buf url = BUF(OIDC_URL_MAX + 64), keys_url = BUF(OIDC_URL_MAX + 1);
    CLEANUP(buf_done_p) struct buf discovery = BUF(DISCOVERY_MAX), json = BUF(JWK_SET_MAX);
    CLEANUP(jwk_set_free_p) struct jwk_set *set = NULL;
    struct bytes base = bytes_str(f->issuer);
    if (bytes_has_suffix(base, BYTES_LIT("/"))) {
        base.n--;
    }
    buf_add(&url, base);
    buf_add_str(&url, "/.well-known/openid-configuration");
    TRY(f->source->get(f->source->arg, buf_cstr(&url), &discovery, e));
    TRY_MSG(discovery_parse(f->issuer, buf_bytes(&discovery), &keys_url, e), e, "discovery");
    TRY(f->source->get(f->source->arg, buf_cstr(&keys_url), &json, e));
    TRY(jwk_set_parse(buf_bytes(&json), &set, e));
    if (jwk_set_count(set) == 0) {
        FAIL(e, ERRC_FORMAT, "no key that could be used");
    }
    f->set = TAKE(set);
    return RESULT_OK;
}

static void fetch_run(void *arg)
{
    struct fetch *f = arg;
    f->r = fetch_keys(f, f->e);
}

/* --- keeping --- */

/* What is known of an issuer now; *ret_may_fetch: this caller is to fetch. */
static struct keys *keys_known(struct oidc_keys *k, const char *issuer, bool is_unknown_kid,
                               bool *ret_may_fetch)
{
    int64_t now = clock_mono_ms(k->clock);
    pthread_mutex_lock(&k->lock);
    struct issuer *i = map_get(k->issuers, bytes_str(issuer));
    if (i == NULL) {
        if (map_count(k->issuers) >= ISSUERS_MAX) {
            map_free(k->issuers, issuer_free);
            k->issuers = map_new();
        }
        i = mem_zalloc(sizeof(*i));
        i->tried_ms = now + NEVER_MS;
        (void)map_set(k->issuers, bytes_str(issuer), i);
    }
    int64_t age = i->keys == NULL ? AGE_MAX_MS + 1 : now - i->keys->fetched_ms;
    int64_t pause = is_unknown_kid ? UNKNOWN_MS : RETRY_MS;
    *ret_may_fetch = (age > REFRESH_MS || is_unknown_kid) && now - i->tried_ms >= pause;
    if (*ret_may_fetch) {
        i->tried_ms = now;
    }
    struct keys *held = age > AGE_MAX_MS ? NULL : keys_hold(i->keys);
    pthread_mutex_unlock(&k->lock);
    return held;
}

static void keys_store(struct oidc_keys *k, const char *issuer, struct keys *fresh)
{
    pthread_mutex_lock(&k->lock);
    struct issuer *i = map_get(k->issuers, bytes_str(issuer));
    if (i != NULL) {
        keys_drop(i->keys);
        i->keys = keys_hold(fresh);
    }
    pthread_mutex_unlock(&k->lock);
}

/* Held by the caller. Old ones serve while fresh ones can't be had. */
static RESULT keys_get(struct oidc_keys *k, const char *issuer, bool is_unknown_kid,
                       struct keys **ret, struct error *e)
{
    bool may_fetch = false;
    CLEANUP(keys_drop_p) struct keys *held = keys_known(k, issuer, is_unknown_kid, &may_fetch);
    if (may_fetch) {
        struct error why = { .code = ERRC_OK };
        struct fetch f = { .source = &k->source, .issuer = issuer, .e = &why };
        co_call(k->pool, fetch_run, &f);
        if (result_is_ok(f.r)) {
            struct keys *fresh = mem_zalloc(sizeof(*fresh));
            atomic_init(&fresh->count, 1);
            fresh->set = f.set;
            fresh->fetched_ms = clock_mono_ms(k->clock);
            keys_store(k, issuer, fresh);
            *ret = fresh;
            return RESULT_OK;
        }
        log_warn("identity: keys of %s: %s", issuer, why.msg); /* not for the caller */
    }
    if (held == NULL) {
        FAIL(e, ERRC_AGAIN, "the keys of %s are not to be had now", issuer);
    }
    *ret = TAKE(held);
    return RESULT_OK;
}

RESULT oidc_keys_check(struct oidc_keys *k, const char *issuer, const struct jws *token,
                       struct error *e)
{
    const struct jwk *key = NULL;
    for (int round = 0; round < 2; round++) {
        CLEANUP(keys_drop_p) struct keys *held = NULL;
        TRY(keys_get(k, issuer, round == 1, &held, e));
        struct result r = jwk_set_find(held->set, token->kid, &key, e);
        if (result_is_ok(r)) {
            r = jws_verify(token, key, e);
            return result_is_ok(r) ? r : result_of(ERRC_DENIED);
        }
        if (r.code != ERRC_NOT_FOUND) {
            break;
        }
    }
    return result_of(ERRC_DENIED);
}

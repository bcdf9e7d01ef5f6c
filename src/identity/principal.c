/*
 * Principals, kept and handed out.
 *
 * 1. Kept by access key id, by "user/ID/factor", "operator/UID" and "realm/NAME", in the
 * directory's
 *    cache: every change empties it.
 * 2. Read and compiled without the lock. Kept only when nothing was changed since it was read; what
 *    is handed out was true when the request began.
 * 3. A date of its own (a grant begins or ends, the day of leaving) makes it old: read again.
 */
#include "identity/principal_priv.h"

#include <stdio.h>

#define BLOCK_BYTES 2048
#define NAME_BYTES  128

static struct principal_box *box_of(const struct principal *p)
{
    return (struct principal_box *)(uintptr_t)p;
}

const struct principal *principal_ref(const struct principal *p)
{
    atomic_fetch_add_explicit(&box_of(p)->refs, 1, memory_order_relaxed);
    return p;
}

void principal_unref(const struct principal *p)
{
    if (p == NULL) {
        return;
    }
    struct principal_box *b = box_of(p);
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < b->policy_n; i++) {
        policy_unref(b->policies[i]);
    }
    mem_free(b->policies);
    arena_free(b->arena);
    mem_free(b);
}

void principal_cached_free(void *box)
{
    principal_unref(&((struct principal_box *)box)->p);
}

static bool has_passed(int64_t at_ms, int64_t now_ms)
{
    return at_ms != 0 && at_ms <= now_ms;
}

bool principal_is_current(struct directory *d, const struct principal *p, int64_t now_ms)
{
    return p->generation == d->generation && !has_passed(p->next_change_ms, now_ms) &&
           !has_passed(p->expires_ms, now_ms);
}

/* --- the cache --- */

/* Counted for the caller; NULL when there is none that still holds. */
static const struct principal *cache_ref(struct directory *d, struct bytes name, int64_t now_ms,
                                         uint64_t *ret_generation)
{
    pthread_mutex_lock(&d->lock);
    struct principal_box *b = map_get(d->caches[DIRECTORY_CACHE_PRINCIPALS], name);
    if (b != NULL && has_passed(b->p.next_change_ms, now_ms)) {
        b = NULL;
    }
    const struct principal *p = b == NULL ? NULL : principal_ref(&b->p);
    *ret_generation = d->generation;
    pthread_mutex_unlock(&d->lock);
    return p;
}

static void cache_keep(struct directory *d, struct bytes name, struct principal_box *b)
{
    void *old = NULL;
    pthread_mutex_lock(&d->lock);
    if (d->generation == b->p.generation) {
        if (map_count(d->caches[DIRECTORY_CACHE_PRINCIPALS]) >= DIRECTORY_CACHE_MAX) {
            directory_cache_reset(d, DIRECTORY_CACHE_PRINCIPALS);
        }
        principal_ref(&b->p);
        old = map_set(d->caches[DIRECTORY_CACHE_PRINCIPALS], name, b);
    }
    pthread_mutex_unlock(&d->lock);
    if (old != NULL) {
        principal_cached_free(old);
    }
}

/* --- made anew --- */

/* What is asked for: one of them. */
struct wanted {
    struct bytes key; /* access key id */
    const char *user_id, *operator_id, *realm;
    bool has_mfa;
};

static RESULT load(struct directory *d, const struct wanted *w, struct principal_source *s,
                   enum principal_kind *ret_kind, struct error *e)
{
    if (w->user_id != NULL) {
        *ret_kind = PRINCIPAL_USER;
        return principal_load_user(d, w->user_id, s, e);
    }
    if (w->operator_id != NULL) {
        *ret_kind = PRINCIPAL_OPERATOR;
        s->operator_id = w->operator_id;
        return principal_load_operator(d, w->operator_id, s, e);
    }
    if (w->realm != NULL) {
        *ret_kind = PRINCIPAL_ANONYMOUS;
        return principal_load_realm(d, w->realm, s, e);
    }
    TRY(principal_load_key(d, w->key, s, e));
    *ret_kind = PRINCIPAL_USER;
    if (s->is_token) {
        *ret_kind = s->token.issuer[0] != '\0' ? PRINCIPAL_WEB : PRINCIPAL_SESSION;
    }
    return RESULT_OK;
}

static RESULT make(struct directory *d, const struct wanted *w, int64_t now_ms, uint64_t generation,
                   struct principal_box **ret, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct principal_source s = { .arena = arena, .now_ms = now_ms, .has_mfa = w->has_mfa };
    enum principal_kind kind = PRINCIPAL_ANONYMOUS;
    TRY(load(d, w, &s, &kind, e));
    struct principal_box *b = mem_zalloc(sizeof(*b));
    b->refs = 1;
    b->arena = arena_new(BLOCK_BYTES, false);
    b->p.generation = generation;
    principal_build(b, kind, d->builtins, &s);
    *ret = b;
    return RESULT_OK;
}

static RESULT get(struct directory *d, struct bytes name, const struct wanted *w, int64_t now_ms,
                  const struct principal **ret, struct error *e)
{
    uint64_t generation = 0;
    const struct principal *hit = cache_ref(d, name, now_ms, &generation);
    if (hit == NULL) {
        struct principal_box *b = NULL;
        TRY(make(d, w, now_ms, generation, &b, e));
        cache_keep(d, name, b);
        hit = &b->p;
    }
    *ret = hit;
    return RESULT_OK;
}

/* --- by access key --- */

/*= 2.1.4-5 "a credential is its owner's alone and for its time" */
static RESULT credential_check(const struct principal *p, struct bytes session_token,
                               int64_t now_ms, struct error *e)
{
    const struct principal_box *b = box_of(p);
    uint8_t hash[SHA256_BYTES];
    if (!b->is_token) {
        if (session_token.n != 0) {
            FAIL(e, ERRC_DENIED, "the session token is not valid: this access key has none");
        }
        if (!b->is_enabled) {
            FAIL(e, ERRC_DENIED, "the access key is disabled");
        }
        return RESULT_OK;
    }
    sha256(session_token, hash);
    if (!mem_equal_ct(hash, b->hash, sizeof(hash))) {
        FAIL(e, ERRC_DENIED, "the session token is not valid");
    }
    if (has_passed(p->expires_ms, now_ms)) {
        FAIL(e, ERRC_EXPIRED, "the session token has expired");
    }
    return RESULT_OK;
}

RESULT principal_of_key(struct directory *d, struct bytes access_key, struct bytes session_token,
                        const struct principal **ret, struct error *e)
{
    int64_t now_ms = clock_wall_ms(d->clock);
    struct wanted w = { .key = access_key };
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    if (access_key.n != ACCESS_KEY_BYTES - 1 || access_key.p[0] != 'A' ||
        (access_key.p[1] != 'K' && access_key.p[1] != 'S')) {
        FAIL(e, ERRC_NOT_FOUND, "no such access key");
    }
    TRY(get(d, access_key, &w, now_ms, &p, e));
    TRY(credential_check(p, session_token, now_ms, e));
    *ret = TAKE(p);
    return RESULT_OK;
}

/* --- others --- */

RESULT principal_of_user(struct directory *d, const char *user_id, bool has_mfa,
                         const struct principal **ret, struct error *e)
{
    char name[NAME_BYTES];
    struct wanted w = { .user_id = user_id, .has_mfa = has_mfa };
    int n = snprintf(name, sizeof(name), "user/%s/%d", user_id, has_mfa);
    if (n < 0 || (size_t)n >= sizeof(name)) {
        FAIL(e, ERRC_NOT_FOUND, "no user '%.32s'", user_id);
    }
    return get(d, bytes_of(name, (size_t)n), &w, clock_wall_ms(d->clock), ret, e);
}

RESULT principal_operator(struct directory *d, unsigned uid, const struct principal **ret,
                          struct error *e)
{
    char name[NAME_BYTES];
    struct wanted w = { .operator_id = name };
    (void)snprintf(name, sizeof(name), PRINCIPAL_OPERATOR_PREFIX "%u", uid);
    return get(d, bytes_str(name), &w, clock_wall_ms(d->clock), ret, e);
}

RESULT principal_anonymous(struct directory *d, const char *realm, const struct principal **ret,
                           struct error *e)
{
    char name[NAME_BYTES];
    struct wanted w = { .realm = realm };
    int n = snprintf(name, sizeof(name), "realm/%s", realm);
    if (n < 0 || (size_t)n >= sizeof(name)) {
        FAIL(e, ERRC_NOT_FOUND, "no tenant '%.64s'", realm);
    }
    return get(d, bytes_of(name, (size_t)n), &w, clock_wall_ms(d->clock), ret, e);
}

/* --- use --- */

/* To the second: within one, a loop that uses the same key again and again takes no lock here. */
void access_key_touch(struct directory *d, const struct principal *p, const char *from,
                      const char *service)
{
    int64_t now_ms = clock_wall_ms(d->clock);
    struct principal_box *b = box_of(p);
    if (p->access_key[0] == '\0' ||
        atomic_exchange_explicit(&b->touched_s, now_ms / 1000, memory_order_relaxed) ==
                now_ms / 1000) {
        return;
    }
    if (!b->is_token) {
        directory_key_used(d, bytes_str(p->access_key), now_ms, from, service);
    }
    if (p->user_id[0] != '\0') {
        user_touch(d, p->user_id);
    }
}

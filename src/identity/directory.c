/* The directory: its database, its tenants. Access keys: access_key.c. */
#include "base/log.h"
#include "base/text.h"
#include "identity/login_priv.h"
#include "identity/principal_priv.h"
#include "identity/rollback_priv.h"
#include "identity/tally.h"
#include "identity/user_priv.h"

#include <stdio.h>

const char *tenant_state_name(enum tenant_state s)
{
    static const char *const names[] = { "active", "suspended", "closed" };
    return (unsigned)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

RESULT directory_open(struct fs *fs, const struct key256 *key, const struct clock *clock,
                      const struct rng *rng, struct directory **ret, struct error *e)
{
    struct principal_builtin *builtins = NULL;
    struct db *db = NULL;
    TRY_MSG(principal_builtins_compile(&builtins, e), e, "built-in roles");
    struct result r = db_open(fs, "identity.db", key, directory_migrations,
                              directory_migration_count, &db, e);
    if (!result_is_ok(r)) {
        principal_builtins_free(builtins);
        error_prefix(e, "identity.db");
        return r;
    }
    struct directory *d = mem_zalloc(sizeof(*d));
    d->db = db;
    d->builtins = builtins;
    d->clock = clock;
    d->rng = rng;
    r = changes_new(db, &d->changes, e);
    if (!result_is_ok(r)) {
        db_close(db);
        principal_builtins_free(builtins);
        mem_free(d);
        error_prefix(e, "identity.db");
        return r;
    }
    for (enum directory_cache i = 0; i < DIRECTORY_CACHE_COUNT; i++) {
        d->caches[i] = map_new();
    }
    d->tally = tally_new();
    d->login = login_state_new(key, rng);
    d->uses = map_new();
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->uses_lock, NULL);
    *ret = d;
    return RESULT_OK;
}

static void signing_key_free(void *k)
{
    mem_wipe(k, sizeof(struct key256));
    mem_free(k);
}

static void cache_free(struct map *cache, enum directory_cache which)
{
    static void (*const frees[DIRECTORY_CACHE_COUNT])(void *) = {
        [DIRECTORY_CACHE_SIGNING] = signing_key_free,
        [DIRECTORY_CACHE_PRINCIPALS] = principal_cached_free,
        [DIRECTORY_CACHE_BUCKETS] = bucket_cached_free,
    };
    map_free(cache, frees[which] == NULL ? mem_free : frees[which]);
}

void directory_cache_reset(struct directory *d, enum directory_cache which)
{
    cache_free(d->caches[which], which);
    d->caches[which] = map_new();
}

/* What was in them is freed without the lock: nobody waits for ten thousand principals to go. */
void directory_caches_empty(struct directory *d)
{
    struct map *old[DIRECTORY_CACHE_COUNT], *empty[DIRECTORY_CACHE_COUNT];
    for (enum directory_cache i = 0; i < DIRECTORY_CACHE_COUNT; i++) {
        empty[i] = map_new();
    }
    pthread_mutex_lock(&d->lock);
    memcpy(old, d->caches, sizeof(old));
    memcpy(d->caches, empty, sizeof(empty));
    d->generation++;
    pthread_mutex_unlock(&d->lock);
    for (enum directory_cache i = 0; i < DIRECTORY_CACHE_COUNT; i++) {
        cache_free(old[i], i);
    }
}

void directory_close(struct directory *d)
{
    if (d == NULL) {
        return;
    }
    struct error e;
    if (!result_is_ok(tally_flush(d, &e)) || !result_is_ok(directory_key_uses_flush(d, &e))) {
        log_warn("identity: counts are lost: %s", e.msg);
    }
    tally_free(d->tally);
    mem_free(d->house);
    login_state_free(d->login);
    changes_free(d->changes);
    db_close(d->db);
    for (enum directory_cache i = 0; i < DIRECTORY_CACHE_COUNT; i++) {
        cache_free(d->caches[i], i);
    }
    map_free(d->uses, mem_free);
    principal_builtins_free(d->builtins);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->uses_lock);
    mem_free(d);
}

bool directory_cache_get(struct directory *d, enum directory_cache which, struct bytes name,
                         void *ret, size_t n, uint64_t *ret_generation)
{
    pthread_mutex_lock(&d->lock);
    const void *hit = map_get(d->caches[which], name);
    if (hit != NULL) {
        memcpy(ret, hit, n);
    }
    *ret_generation = d->generation;
    pthread_mutex_unlock(&d->lock);
    return hit != NULL;
}

void directory_cache_put(struct directory *d, enum directory_cache which, struct bytes name,
                         const void *v, size_t n, uint64_t generation)
{
    pthread_mutex_lock(&d->lock);
    if (d->generation == generation) {
        if (map_count(d->caches[which]) >= DIRECTORY_CACHE_MAX) {
            directory_cache_reset(d, which);
        }
        void *old = map_set(d->caches[which], name, mem_dup(v, n));
        if (old != NULL) {
            mem_wipe(old, n);
            mem_free(old);
        }
    }
    pthread_mutex_unlock(&d->lock);
}

void directory_random_text(struct directory *d, const char *alphabet, char *dst, size_t n)
{
    size_t letters = strlen(alphabet);
    for (size_t i = 0; i < n; i++) {
        dst[i] = alphabet[rng_below(d->rng, letters)];
    }
    dst[n] = '\0';
}

void directory_col_text(struct db_stmt *s, int i, char *dst, size_t cap)
{
    struct bytes v = db_col_bytes(s, i);
    size_t n = MIN(v.n, cap - 1);
    if (n > 0) {
        memcpy(dst, v.p, n);
    }
    dst[n] = '\0';
}

bool tenant_name_is_valid(struct bytes name)
{
    if (name.n < 2 || name.n > 63 || name.p[0] == '-' || bytes_equal_str(name, "platform")) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}

struct tenant_insert {
    const struct tenant *t;
    char root[IDENTITY_ID_BYTES];
};

static RESULT tenant_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct tenant_insert *in = arg;
    const struct tenant *t = in->t;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c,
                   "INSERT INTO tenants(name, account, state, suite, created_ms) VALUES(?1, ?2, "
                   "?3, ?4, ?5)",
                   &s, e));
    db_bind_text(s, 1, bytes_str(t->name));
    db_bind_text(s, 2, bytes_str(t->account));
    db_bind_i64(s, 3, t->state);
    db_bind_i64(s, 4, t->suite);
    db_bind_i64(s, 5, t->created_ms);
    struct result r = db_run(s, e);
    if (r.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "tenant %s exists already", t->name);
    }
    TRY(r);
    return user_root_insert(c, in->root, t->name, t->created_ms, e);
}

RESULT directory_tenant_create(struct directory *d, const char *name, enum crypto_suite suite,
                               struct tenant *ret, struct error *e)
{
    if (!tenant_name_is_valid(bytes_str(name))) {
        FAIL(e, ERRC_FORMAT,
             "tenant name '%.64s': 2 to 63 of a-z, 0-9 and '-', not starting with '-', not "
             "'platform'",
             name);
    }
    struct tenant t = { .state = TENANT_ACTIVE,
                        .suite = suite,
                        .created_ms = clock_wall_ms(d->clock) };
    memcpy(t.name, name, strlen(name) + 1);
    uint64_t account = 100000000000u + rng_below(d->rng, 900000000000u);
    (void)snprintf(t.account, sizeof(t.account), "%012llu",
                   (unsigned long long)(account % 1000000000000u));
    struct tenant_insert in = { .t = &t };
    identity_id_new(d, "AIDA", in.root);
    TRY(directory_change(d, tenant_insert, &in, e));
    *ret = t;
    return RESULT_OK;
}

static void tenant_of_row(struct db_stmt *s, struct tenant *t)
{
    directory_col_text(s, 0, t->name, sizeof(t->name));
    directory_col_text(s, 1, t->account, sizeof(t->account));
    t->state = (enum tenant_state)db_col_i64(s, 2);
    t->suite = (enum crypto_suite)db_col_i64(s, 3);
    t->created_ms = db_col_i64(s, 4);
}

RESULT directory_tenant_get(struct directory *d, const char *name, struct tenant *ret,
                            struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "SELECT name, account, state, suite, created_ms FROM tenants WHERE name = ?1",
                   &s, e));
    db_bind_text(s, 1, bytes_str(name));
    bool has_row = false;
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no tenant '%.64s'", name);
    }
    tenant_of_row(s, ret);
    db_reset(s);
    return RESULT_OK;
}

struct state_change {
    const char *name;
    enum tenant_state state;
};

static RESULT state_update(struct db_conn *c, void *arg, struct error *e)
{
    const struct state_change *change = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "UPDATE tenants SET state = ?2 WHERE name = ?1 AND state <> 2", &s, e));
    db_bind_text(s, 1, bytes_str(change->name));
    db_bind_i64(s, 2, change->state);
    TRY(db_run(s, e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_CONFLICT, "tenant '%.64s' is not there, or closed for good", change->name);
    }
    return RESULT_OK;
}

RESULT directory_tenant_set_state(struct directory *d, const char *name, enum tenant_state state,
                                  struct error *e)
{
    struct state_change change = { name, state };
    return directory_change(d, state_update, &change, e);
}

RESULT directory_tenant_list(struct directory *d,
                             struct result (*fn)(void *arg, const struct tenant *t,
                                                 struct error *e),
                             void *arg, struct error *e)
{
    struct tenant *list = NULL;
    size_t n = 0;
    CLEANUP(mem_free_p) struct tenant *owned = NULL;
    {
        CLEANUP(db_read_end_p) struct db_conn *c = NULL;
        TRY(db_read_begin(d->db, &c, e));
        struct db_stmt *s = NULL;
        TRY(db_prepare(c,
                       "SELECT name, account, state, suite, created_ms FROM tenants ORDER BY name",
                       &s, e));
        bool has_row = false;
        for (;;) {
            TRY(db_step(s, &has_row, e));
            if (!has_row) {
                break;
            }
            list = owned = mem_realloc(owned, (n + 1) * sizeof(*list));
            list[n] = (struct tenant){ 0 };
            tenant_of_row(s, &list[n++]);
        }
        db_reset(s);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(fn(arg, &list[i], e));
    }
    return RESULT_OK;
}

RESULT directory_check(struct directory *d, struct error *e)
{
    return db_check(d->db, NULL, NULL, e);
}

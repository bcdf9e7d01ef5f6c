/*
 * Counters. In memory one number for (realm, name, day); a flush adds them to the rows in one
 * transaction. A crash loses at most what was counted since the last flush: the ledger has each
 * event itself.
 */
#include "identity/counter.h"

#include "identity/directory_priv.h"
#include "identity/tally.h"

#include <stdio.h>

#define DAY_MS      ((int64_t)24 * 60 * 60 * 1000)
#define COUNTS_MAX  20000 /* numbers waiting; past it new ones go to the realm "" */
#define COUNTER_MAX 64    /* bytes of a name */

struct count {
    char realm[TENANT_NAME_BYTES], name[COUNTER_MAX];
    int64_t day;
    uint64_t n;
};
struct use {
    char id[32];
    uint64_t n;
    int64_t at_ms;
};
struct tally {
    pthread_mutex_t lock;
    struct map *counts, *uses;
};

struct tally *tally_new(void)
{
    struct tally *t = mem_zalloc(sizeof(*t));
    pthread_mutex_init(&t->lock, NULL);
    t->counts = map_new();
    t->uses = map_new();
    return t;
}

void tally_free(struct tally *t)
{
    if (t == NULL) {
        return;
    }
    map_free(t->counts, mem_free);
    map_free(t->uses, mem_free);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

/* Under the lock. */
static void count_add(struct tally *t, const char *realm, const char *name, int64_t day, uint64_t n)
{
    char key[TENANT_NAME_BYTES + COUNTER_MAX + 32];
    int len = snprintf(key, sizeof(key), "%s/%s/%lld", realm, name, (long long)day);
    struct bytes k = bytes_of(key, (size_t)len);
    struct count *c = map_get(t->counts, k);
    if (c == NULL && map_count(t->counts) >= COUNTS_MAX && realm[0] != '\0') {
        count_add(t, "", name, day, n);
        return;
    }
    if (c == NULL) {
        c = mem_zalloc(sizeof(*c));
        memcpy(c->realm, realm, strlen(realm) + 1);
        memcpy(c->name, name, strlen(name) + 1);
        c->day = day;
        (void)map_set(t->counts, k, c);
    }
    c->n += n;
}

void counter_add(struct directory *d, const char *realm, const char *name, uint64_t n)
{
    if (strlen(realm) >= TENANT_NAME_BYTES || strlen(name) >= COUNTER_MAX) {
        return;
    }
    pthread_mutex_lock(&d->tally->lock);
    count_add(d->tally, realm, name, clock_wall_ms(d->clock) / DAY_MS, n);
    pthread_mutex_unlock(&d->tally->lock);
}

/* Under the lock. */
static void use_add(struct tally *t, const char *id, uint64_t n, int64_t at_ms)
{
    struct use *u = map_get(t->uses, bytes_str(id));
    if (u == NULL) {
        u = mem_zalloc(sizeof(*u));
        memcpy(u->id, id, strlen(id) + 1);
        (void)map_set(t->uses, bytes_str(id), u);
    }
    u->n += n;
    u->at_ms = MAX(u->at_ms, at_ms);
}

void tally_use(struct tally *t, const char *id, int64_t at_ms)
{
    if (strlen(id) >= sizeof(((struct use *)NULL)->id)) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    use_add(t, id, 1, at_ms);
    pthread_mutex_unlock(&t->lock);
}

/* --- writing --- */

struct flush {
    struct map *counts, *uses;
};

static RESULT write_counts(struct db_conn *c, struct map *counts, struct error *e)
{
    size_t it = 0;
    struct bytes key;
    void *v = NULL;
    while (map_next(counts, &it, &key, &v)) {
        const struct count *n = v;
        struct db_stmt *s = NULL;
        TRY(db_prepare(c,
                       "INSERT INTO counters(realm, name, day, n) VALUES(?1, ?2, ?3, ?4)"
                       " ON CONFLICT(realm, name, day) DO UPDATE SET n = n + ?4",
                       &s, e));
        db_bind_text(s, 1, bytes_str(n->realm));
        db_bind_text(s, 2, bytes_str(n->name));
        db_bind_i64(s, 3, n->day);
        db_bind_i64(s, 4, (int64_t)n->n);
        TRY(db_run(s, e));
    }
    return RESULT_OK;
}

/* ?1 the id, ?2 how often, ?3 when last */
static RESULT use_prepare(struct db_conn *c, const char *id, struct db_stmt **ret, struct error *e)
{
    if (strncmp(id, "AIDA", 4) == 0) {
        return db_prepare(c, "UPDATE users SET active_ms = max(active_ms, ?3) WHERE id = ?1", ret,
                          e);
    }
    if (strncmp(id, "AROA", 4) == 0) {
        return db_prepare(c, "UPDATE roles SET used_ms = max(used_ms, ?3) WHERE id = ?1", ret, e);
    }
    return db_prepare(
            c, "UPDATE grants SET uses = uses + ?2, used_ms = max(used_ms, ?3) WHERE id = ?1", ret,
            e);
}

static RESULT write_uses(struct db_conn *c, struct map *uses, struct error *e)
{
    size_t it = 0;
    struct bytes key;
    void *v = NULL;
    while (map_next(uses, &it, &key, &v)) {
        const struct use *u = v;
        struct db_stmt *s = NULL;
        TRY(use_prepare(c, u->id, &s, e));
        db_bind_text(s, 1, bytes_str(u->id));
        db_bind_i64(s, 2, (int64_t)u->n);
        db_bind_i64(s, 3, u->at_ms);
        TRY(db_run(s, e));
    }
    return RESULT_OK;
}

static RESULT flush_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct flush *f = arg;
    TRY(write_counts(c, f->counts, e));
    return write_uses(c, f->uses, e);
}

static void put_back(struct tally *t, const struct flush *f)
{
    size_t it = 0;
    struct bytes key;
    void *v = NULL;
    pthread_mutex_lock(&t->lock);
    while (map_next(f->counts, &it, &key, &v)) {
        const struct count *c = v;
        count_add(t, c->realm, c->name, c->day, c->n);
    }
    it = 0;
    while (map_next(f->uses, &it, &key, &v)) {
        const struct use *u = v;
        use_add(t, u->id, u->n, u->at_ms);
    }
    pthread_mutex_unlock(&t->lock);
}

RESULT tally_flush(struct directory *d, struct error *e)
{
    struct tally *t = d->tally;
    pthread_mutex_lock(&t->lock);
    if (map_count(t->counts) + map_count(t->uses) == 0) {
        pthread_mutex_unlock(&t->lock);
        return RESULT_OK;
    }
    struct flush f = { t->counts, t->uses };
    t->counts = map_new();
    t->uses = map_new();
    pthread_mutex_unlock(&t->lock);
    struct result r = db_write(d->db, flush_write, &f, e);
    if (!result_is_ok(r)) {
        put_back(t, &f);
    }
    map_free(f.counts, mem_free);
    map_free(f.uses, mem_free);
    return r;
}

RESULT counter_sum(struct directory *d, const char *realm, const char *name, int64_t from_ms,
                   int64_t until_ms, uint64_t *ret, struct error *e)
{
    TRY(tally_flush(d, e));
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c,
                   "SELECT coalesce(sum(n), 0) FROM counters"
                   " WHERE realm = ?1 AND name = ?2 AND day >= ?3 AND day * 86400000 < ?4",
                   &s, e));
    db_bind_text(s, 1, bytes_str(realm));
    db_bind_text(s, 2, bytes_str(name));
    db_bind_i64(s, 3, from_ms / DAY_MS);
    db_bind_i64(s, 4, until_ms);
    TRY(db_step(s, &has_row, e));
    *ret = (uint64_t)db_col_i64(s, 0);
    db_reset(s);
    return RESULT_OK;
}

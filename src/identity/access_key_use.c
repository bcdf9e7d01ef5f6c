/*
 * Last use of access keys: kept in memory by key, newest only, and written in one job about once a
 * minute: a use must not cost a write.
 */
#include "identity/directory_priv.h"

struct key_use {
    int64_t ms;
    char from[ACCESS_KEY_FROM_BYTES], service[ACCESS_KEY_SERVICE_BYTES];
};

static void text_cut(char *dst, size_t cap, const char *src)
{
    size_t n = MIN(strlen(src), cap - 1);
    memcpy(dst, src, n);
    dst[n] = '\0';
}

void directory_key_used(struct directory *d, struct bytes id, int64_t now_ms, const char *from,
                        const char *service)
{
    pthread_mutex_lock(&d->uses_lock);
    struct key_use *use = map_get(d->uses, id);
    if (use == NULL && map_count(d->uses) < DIRECTORY_CACHE_MAX) {
        use = mem_zalloc(sizeof(*use));
        map_set(d->uses, id, use);
    }
    if (use != NULL && now_ms >= use->ms) {
        use->ms = now_ms;
        text_cut(use->from, sizeof(use->from), from);
        text_cut(use->service, sizeof(use->service), service);
    }
    pthread_mutex_unlock(&d->uses_lock);
}

void directory_key_use_get(struct directory *d, struct access_key *k)
{
    pthread_mutex_lock(&d->uses_lock);
    const struct key_use *use = map_get(d->uses, bytes_str(k->id));
    if (use != NULL && use->ms >= k->used_ms) {
        k->used_ms = use->ms;
        memcpy(k->used_from, use->from, sizeof(use->from));
        memcpy(k->used_service, use->service, sizeof(use->service));
    }
    pthread_mutex_unlock(&d->uses_lock);
}

static RESULT uses_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct map *uses = arg;
    struct db_stmt *s = NULL;
    size_t it = 0;
    struct bytes id;
    void *v = NULL;
    while (map_next(uses, &it, &id, &v)) {
        const struct key_use *use = v;
        TRY(db_prepare(c,
                       "UPDATE access_keys SET used_ms = ?2, used_from = ?3, used_service = ?4"
                       " WHERE id = ?1 AND used_ms <= ?2",
                       &s, e));
        db_bind_text(s, 1, id);
        db_bind_i64(s, 2, use->ms);
        db_bind_text(s, 3, bytes_str(use->from));
        db_bind_text(s, 4, bytes_str(use->service));
        TRY(db_run(s, e));
    }
    return RESULT_OK;
}

RESULT directory_key_uses_flush(struct directory *d, struct error *e)
{
    pthread_mutex_lock(&d->uses_lock);
    struct map *uses = d->uses;
    bool is_empty = map_count(uses) == 0;
    if (!is_empty) {
        d->uses = map_new();
    }
    pthread_mutex_unlock(&d->uses_lock);
    if (is_empty) {
        return RESULT_OK;
    }
    struct result r = db_write(d->db, uses_write, uses, e);
    size_t it = 0;
    struct bytes id;
    void *v = NULL;
    while (!result_is_ok(r) && map_next(uses, &it, &id, &v)) { /* again with the next flush */
        const struct key_use *use = v;
        directory_key_used(d, id, use->ms, use->from, use->service);
    }
    map_free(uses, mem_free);
    return r;
}

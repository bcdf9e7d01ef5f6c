/* Opening and closing, and what all acts share: space, keys, pins, figures. */
#include "vault/act.h"

#include "base/log.h"
#include "base/text.h"

#include <stdatomic.h>

#define BUFFER_DEFAULT  (128 * MIB)
#define RESERVE_DEFAULT (256 * MIB)
#define PACK_DEFAULT    (64 * MIB)
/* Where so much is free, it is not asked for each small request: nobody fills it in this time. */
#define SPACE_AMPLE    (1024 * MIB)
#define SPACE_AMPLE_MS 100

/* --- files that no row names: what was on its way when the power went --- */

struct orphans {
    struct vault *v;
    struct blob_uid *uids;
    size_t count, seen;
    char folder[16];
};

static RESULT is_named(struct vault *v, const struct blob_uid *uid, bool *ret, struct error *e)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    TRY(db_read_begin(v->config.db, &c, e));
    struct result r = db_prepare(c, "SELECT 1 FROM extent WHERE uid = ? AND pack = 0", &s, e);
    if (result_is_ok(r)) {
        db_bind_blob(s, 1, bytes_of(uid->b, sizeof(uid->b)));
        r = db_step(s, ret, e);
    }
    db_read_end(c);
    return r;
}

static struct result visit_blob(void *arg, const char *name)
{
    struct orphans *o = arg;
    struct blob_uid uid;
    bool named = false;
    if (!result_is_ok(hex_decode(bytes_str(name), uid.b, sizeof(uid.b)))) {
        return RESULT_OK;
    }
    o->seen++;
    TRY(is_named(o->v, &uid, &named, NULL));
    if (!named) {
        o->uids = mem_realloc(o->uids, (o->count + 1) * sizeof(*o->uids));
        o->uids[o->count++] = uid;
    }
    return RESULT_OK;
}

static RESULT prepare_blobs(struct vault *v, struct error *e)
{
    struct orphans o = { .v = v };
    struct result r = fs_mkdir(v->config.fs, "blobs", e);
    for (unsigned i = 0; i < 256 && result_is_ok(r); i++) {
        snprintf(o.folder, sizeof(o.folder), "blobs/%02x", i);
        r = fs_mkdir(v->config.fs, o.folder, e);
        r = result_is_ok(r) ? fs_list(v->config.fs, o.folder, visit_blob, &o, e) : r;
    }
    for (size_t i = 0; i < o.count && result_is_ok(r); i++) {
        r = vault_unlink_blob(v, &o.uids[i], e);
    }
    if (o.count > 0) {
        log_info("vault: %zu of %zu blob files belonged to nothing and were removed", o.count,
                 o.seen);
    }
    mem_free(o.uids);
    r = result_is_ok(r) ? fs_sync_dir(v->config.fs, "blobs", e) : r;
    return result_is_ok(r) ? fs_sync_dir(v->config.fs, "", e) : r;
}

RESULT vault_open(const struct vault_config *config, struct vault **ret, struct error *e)
{
    struct vault *v = mem_zalloc(sizeof(*v));
    v->config = *config;
    v->config.buffer_bytes = config->buffer_bytes == 0 ? BUFFER_DEFAULT : config->buffer_bytes;
    v->config.reserve_bytes = config->reserve_bytes == 0 ? RESERVE_DEFAULT : config->reserve_bytes;
    v->config.pack_bytes = config->pack_bytes == 0 ? PACK_DEFAULT : config->pack_bytes;
    pthread_mutex_init(&v->lock, NULL);
    v->settle_round = 1;
    v->logs = map_new();
    v->pins = map_new();
    v->buffers = buffers_new(v->config.buffer_bytes);
    struct result r = prepare_blobs(v, e);
    r = result_is_ok(r) ? packs_open(v->config.fs, v->config.db, v->config.pack_bytes, &v->packs, e)
                        : r;
    if (!result_is_ok(r)) {
        vault_close(v);
        error_prefix(e, "vault");
        return r;
    }
    *ret = v;
    return RESULT_OK;
}

void vault_close(struct vault *v)
{
    if (v == NULL) {
        return;
    }
    packs_close(v->packs);
    buffers_free(v->buffers);
    act_free_logs(v);
    map_free(v->pins, mem_free);
    pthread_mutex_destroy(&v->lock);
    mem_free(v);
}

RESULT vault_check_space(struct vault *v, uint64_t bytes, struct error *e)
{
    uint64_t left = 0, total = 0;
    int64_t now = clock_mono_ms(v->config.clock);
    if (bytes <= SPACE_AMPLE && now < atomic_load(&v->ample_until_ms)) {
        return RESULT_OK;
    }
    TRY_MSG(fs_space(v->config.fs, &left, &total, e), e, "free space");
    if (left >= v->config.reserve_bytes && left - v->config.reserve_bytes >= 2 * SPACE_AMPLE) {
        atomic_store(&v->ample_until_ms, now + SPACE_AMPLE_MS);
    }
    if (left < v->config.reserve_bytes || left - v->config.reserve_bytes < bytes) {
        FAIL(e, ERRC_FULL, "%llu MiB are free, %llu MiB of them kept in reserve",
             (unsigned long long)(left / MIB), (unsigned long long)(v->config.reserve_bytes / MIB));
    }
    return RESULT_OK;
}

RESULT vault_check_key(struct bytes key, struct error *e)
{
    if (key.n == 0) {
        FAIL(e, ERRC_RANGE, "an object key has at least 1 byte");
    }
    if (key.n > VAULT_KEY_MAX) {
        FAIL(e, ERRC_LIMIT, "an object key has at most %d bytes", VAULT_KEY_MAX);
    }
    if (!utf8_is_valid(key)) {
        FAIL(e, ERRC_RANGE, "an object key is UTF-8");
    }
    return RESULT_OK;
}

struct unlink_job {
    struct fs *fs;
    char path[BLOB_PATH_BYTES];
    struct result r;
    struct error *e;
};

static void unlink_now(void *arg)
{
    struct unlink_job *j = arg;
    j->r = fs_unlink(j->fs, j->path, j->e);
}

RESULT vault_unlink_blob(struct vault *v, const struct blob_uid *uid, struct error *e)
{
    struct unlink_job j = { .fs = v->config.fs, .e = e };
    blob_path(uid, j.path);
    co_call(v->config.pool, unlink_now, &j);
    return j.r.code == ERRC_NOT_FOUND ? RESULT_OK : j.r;
}

/* --- pins --- */

void vault_pin_chain(struct vault *v, int64_t chain)
{
    pthread_mutex_lock(&v->lock);
    uint64_t *count = map_get(v->pins, bytes_of(&chain, sizeof(chain)));
    if (count == NULL) {
        count = mem_zalloc(sizeof(*count));
        (void)map_set(v->pins, bytes_of(&chain, sizeof(chain)), count);
    }
    ++*count;
    pthread_mutex_unlock(&v->lock);
}

void vault_unpin_chain(struct vault *v, int64_t chain)
{
    pthread_mutex_lock(&v->lock);
    uint64_t *count = map_get(v->pins, bytes_of(&chain, sizeof(chain)));
    if (count != NULL && --*count == 0) {
        mem_free(map_del(v->pins, bytes_of(&chain, sizeof(chain))));
    }
    pthread_mutex_unlock(&v->lock);
}

bool vault_chain_is_pinned(struct vault *v, int64_t chain)
{
    pthread_mutex_lock(&v->lock);
    bool pinned = map_get(v->pins, bytes_of(&chain, sizeof(chain))) != NULL;
    pthread_mutex_unlock(&v->lock);
    return pinned;
}

/* --- figures --- */

static RESULT count_rows(struct vault *v, struct vault_stats *ret)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_read_begin(v->config.db, &c, NULL));
    struct result r = db_prepare(c,
                                 "SELECT coalesce(sum(objects), 0), coalesce(sum(bytes), 0), "
                                 "(SELECT count(*) FROM gc) FROM bucket",
                                 &s, NULL);
    r = result_is_ok(r) ? db_step(s, &has_row, NULL) : r;
    if (result_is_ok(r) && has_row) {
        ret->objects = (uint64_t)db_col_i64(s, 0);
        ret->bytes = (uint64_t)db_col_i64(s, 1);
        ret->blobs_pending_delete = (uint64_t)db_col_i64(s, 2);
    }
    db_read_end(c);
    return r;
}

void vault_get_stats(struct vault *v, struct vault_stats *ret)
{
    struct vault_stats out = { 0 };
    result_ignore(count_rows(v, &out));
    packs_stats(v->packs, &out.packs, &out.pack_bytes_free);
    buffers_count(v->buffers, &out.buffers_in_use, &out.buffers);
    *ret = out;
}

#include "vault/large.h"

#define PAGE 4096u

struct write {
    struct large *l;
    const uint8_t *p;
    size_t n;
    uint64_t at;
    struct result r;
    struct error e;
};

struct large {
    struct vault *v;
    struct buffers_share *share;
    struct blob_uid uid;
    char path[BLOB_PATH_BYTES];
    struct fs_file *file;
    uint8_t *filling, *writing; /* NULL: none */
    uint64_t at;                /* where `filling` goes to */
    size_t tail;
    struct write write;
    struct pool_job job;
    bool is_under_way; /* job */
};

static void run_create(void *arg)
{
    struct write *w = arg;
    unsigned flags = FS_WRITE | FS_CREATE | FS_EXCLUSIVE | FS_DIRECT;
    w->r = fs_open(w->l->v->config.fs, w->l->path, flags, &w->l->file, &w->e);
}

static void run_write(void *arg)
{
    struct write *w = arg;
    w->r = fs_pwrite(w->l->file, w->p, w->n, w->at, &w->e);
}

static struct result finish_file(struct large *l, struct error *e)
{
    char folder[] = "blobs/xx";
    memcpy(folder, l->path, sizeof(folder) - 1);
    if (l->tail > 0) {
        size_t padded = (l->tail + PAGE - 1) / PAGE * PAGE;
        memset(l->filling + l->tail, 0, padded - l->tail);
        TRY(fs_pwrite(l->file, l->filling, padded, l->at, e));
        TRY(fs_truncate(l->file, l->at + l->tail, e));
    }
    TRY(fs_datasync(l->file, e));
    return fs_sync_dir(l->v->config.fs, folder, e);
}

static void run_finish(void *arg)
{
    struct write *w = arg;
    w->r = finish_file(w->l, &w->e);
    fs_close(w->l->file);
    w->l->file = NULL;
}

static void start(struct large *l, void (*fn)(void *arg))
{
    struct pool *pool = l->v->config.pool;
    l->write.l = l;
    if (pool == NULL) {
        fn(&l->write);
        return;
    }
    l->job = (struct pool_job){ .fn = fn, .arg = &l->write };
    l->is_under_way = true;
    pool_submit(pool, &l->job);
}

static RESULT finished(struct large *l, struct error *e)
{
    if (l->is_under_way) {
        TRY(co_event_wait(&l->job.done, INT64_MAX));
        l->is_under_way = false;
    }
    if (!result_is_ok(l->write.r) && e != NULL) {
        *e = l->write.e;
    }
    return l->write.r;
}

RESULT large_open(struct vault *v, struct buffers_share *share, const struct blob_uid *uid,
                  struct large **ret, struct error *e)
{
    struct large *l = mem_zalloc(sizeof(*l));
    l->v = v;
    l->share = share;
    l->uid = *uid;
    blob_path(uid, l->path);
    start(l, run_create);
    struct result r = finished(l, e);
    if (!result_is_ok(r)) {
        large_free(l, false);
        return r;
    }
    *ret = l;
    return RESULT_OK;
}

RESULT large_buffer(struct large *l, uint8_t **ret, struct error *e)
{
    if (l->filling == NULL) {
        TRY_MSG(buffers_take(l->v->buffers, l->share, &l->filling), e, "write buffer");
    }
    *ret = l->filling;
    return RESULT_OK;
}

RESULT large_flush(struct large *l, size_t total, struct error *e)
{
    struct buffers *pool = l->v->buffers;
    size_t rest = total - BUFFER_WRITE_BYTES;
    TRY(finished(l, e));
    uint8_t *next = TAKE(l->writing);
    if (next != NULL && buffers_is_wanted(pool)) {
        buffers_give(pool, l->share, next);
        next = NULL;
    } else if (next == NULL) {
        next = buffers_take_spare(pool, l->share);
    }
    l->write.p = l->filling;
    l->write.n = BUFFER_WRITE_BYTES;
    l->write.at = l->at;
    l->at += BUFFER_WRITE_BYTES;
    if (next != NULL) {
        memcpy(next, l->filling + BUFFER_WRITE_BYTES, rest);
        l->writing = l->filling;
        l->filling = next;
        start(l, run_write);
        return RESULT_OK;
    }
    start(l, run_write);
    TRY(finished(l, e));
    memmove(l->filling, l->filling + BUFFER_WRITE_BYTES, rest);
    return RESULT_OK;
}

static void give_buffers(struct large *l)
{
    buffers_give(l->v->buffers, l->share, TAKE(l->filling));
    buffers_give(l->v->buffers, l->share, TAKE(l->writing));
}

RESULT large_finish(struct large *l, size_t n, struct error *e)
{
    TRY(finished(l, e));
    buffers_give(l->v->buffers, l->share, TAKE(l->writing));
    l->tail = n;
    start(l, run_finish);
    struct result r = finished(l, e);
    give_buffers(l);
    return r;
}

void large_free(struct large *l, bool keep)
{
    if (l == NULL) {
        return;
    }
    result_ignore(finished(l, NULL));
    give_buffers(l);
    fs_close(l->file);
    if (!keep) {
        result_ignore(vault_unlink_blob(l->v, &l->uid,
                                        NULL)); /* what stays is dropped at the next start */
    }
    mem_free(l);
}

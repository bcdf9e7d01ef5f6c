/* The writer of the packs, and what makes and recycles their segments. */
#include "vault/pack_priv.h"

#include "base/log.h"

#include <signal.h>

#define SPARES_MAX 2
#define ZERO_STEP  (1024 * 1024u)

/* --- segments --- */

static uint64_t take_number(struct packs *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t number = p->next_number++;
    pthread_mutex_unlock(&p->lock);
    return number;
}

static RESULT make_file(struct packs *p, struct segment *s, const char *path, struct error *e)
{
    TRY(fs_open(p->fs, path, FS_READ | FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &s->file, e));
    TRY(fs_preallocate(s->file, p->segment_bytes, e));
    TRY(fs_sync(s->file, e));
    return fs_sync_dir(p->fs, "packs", e);
}

static RESULT segment_create(struct packs *p, struct segment **ret, struct error *e)
{
    struct segment *s = mem_zalloc(sizeof(*s));
    char path[PACK_PATH_BYTES];
    list_init(&s->item);
    s->number = take_number(p);
    s->bytes = p->segment_bytes;
    pack_path(s->number, path);
    struct result r = make_file(p, s, path, e);
    if (!result_is_ok(r)) {
        result_ignore(fs_unlink(p->fs, path, NULL));
        segment_free(s);
        error_prefix(e, "new pack");
        return r;
    }
    *ret = s;
    return RESULT_OK;
}

/* Makes a segment with room the active one. */
static RESULT activate(struct packs *p, struct error *e)
{
    pthread_mutex_lock(&p->lock);
    struct list *item = list_pop_front(&p->spares);
    p->spare_count -= item != NULL;
    pthread_mutex_unlock(&p->lock);
    struct segment *s = item == NULL ? NULL : LIST_ITEM(item, struct segment, item);
    if (s == NULL) {
        TRY(segment_create(p, &s, e));
    }
    pthread_mutex_lock(&p->lock);
    (void)map_set(p->segments, pack_map_key(&s->number), s);
    pthread_mutex_unlock(&p->lock);
    p->active = s;
    return RESULT_OK;
}

static void retire_active(struct packs *p)
{
    pthread_mutex_lock(&p->lock);
    p->active->is_full = true;
    pthread_mutex_unlock(&p->lock);
    p->active = NULL;
}

/* --- the writer --- */

static bool has_room(const struct packs *p, size_t n)
{
    return p->active != NULL && p->active->bytes - p->active->used >= n;
}

/* Answers all of a batch. An append is gone as soon as its event is set. */
static void answer(struct packs *p, struct list *batch, struct result r, const struct error *e)
{
    for (struct list *item; (item = list_pop_front(batch)) != NULL;) {
        struct append *a = LIST_ITEM(item, struct append, item);
        a->result = r;
        if (!result_is_ok(r)) {
            a->error = *e;
            packs_drop(p, &a->place);
        }
        co_event_set(&a->done);
    }
}

/* Writes the batch behind what is used and makes it durable. The records stand one after another in
 * the group buffer. */
static void finish_batch(struct packs *p, struct list *batch, size_t n)
{
    struct error e = { 0 };
    if (n == 0) {
        return;
    }
    struct segment *s = p->active;
    struct result r = fs_pwrite(s->file, p->group, n, s->used, &e);
    r = result_is_ok(r) ? fs_datasync(s->file, &e) : r;
    if (result_is_ok(r)) {
        s->used += n;
    } else {
        log_error("vault: pack %llu: %s", (unsigned long long)s->number, e.msg);
        retire_active(p);
    }
    answer(p, batch, r, &e);
}

static void claim(struct packs *p, struct append *a, size_t offset)
{
    a->place = (struct pack_place){ p->active->number, p->active->used + offset,
                                    (uint32_t)a->record.n };
    pthread_mutex_lock(&p->lock);
    p->active->live += a->record.n;
    pthread_mutex_unlock(&p->lock);
    memcpy(p->group + offset, a->record.p, a->record.n);
}

static void write_group(struct packs *p, struct list *group)
{
    struct list batch;
    size_t n = 0;
    list_init(&batch);
    for (struct list *item; (item = list_pop_front(group)) != NULL;) {
        struct append *a = LIST_ITEM(item, struct append, item);
        if (n + a->record.n > PACK_GROUP_BYTES || !has_room(p, n + a->record.n)) {
            finish_batch(p, &batch, n);
            n = 0;
        }
        if (!has_room(p, a->record.n)) {
            struct error e = { 0 };
            if (p->active != NULL) {
                retire_active(p);
            }
            struct result r = activate(p, &e);
            if (!result_is_ok(r)) {
                list_push_back(&batch, item);
                a->place = (struct pack_place){ 0 };
                answer(p, &batch, r, &e);
                continue;
            }
        }
        claim(p, a, n);
        n += a->record.n;
        list_push_back(&batch, item);
    }
    finish_batch(p, &batch, n);
}

static void *writer_main(void *arg)
{
    struct packs *p = arg;
    struct list group;
    list_init(&group);
    pthread_mutex_lock(&p->lock);
    while (!p->is_stopping || !list_is_empty(&p->queue)) {
        if (list_is_empty(&p->queue)) {
            pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        list_splice(&group, &p->queue);
        pthread_mutex_unlock(&p->lock);
        write_group(p, &group);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

RESULT pack_writer_start(struct packs *p, struct error *e)
{
    sigset_t all, old; /* signals are the business of the thread that opened the vault */
    p->group = mem_alloc(PACK_GROUP_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&p->writer, NULL, writer_main, p);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        return error_set_sys(e, err, "pack writer");
    }
    p->has_writer = true;
    return RESULT_OK;
}

void pack_writer_stop(struct packs *p)
{
    if (p->has_writer) {
        pthread_mutex_lock(&p->lock);
        p->is_stopping = true;
        pthread_cond_signal(&p->wake);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->writer, NULL);
    }
    mem_free(p->group);
}

RESULT packs_append_many(struct packs *p, const struct bytes *records, size_t n,
                         struct pack_place *ret, struct error *e)
{
    struct append one = { 0 };
    CLEANUP(mem_free_p) struct append *many = n > 1 ? mem_calloc(n, sizeof(*many)) : NULL;
    struct append *all = n > 1 ? many : &one;
    for (size_t i = 0; i < n; i++) {
        if (records[i].n > RECORD_MAX) {
            FAIL(e, ERRC_BUG, "pack record of %zu bytes", records[i].n);
        }
        all[i].record = records[i];
        list_init(&all[i].item);
        co_event_init(&all[i].done);
    }
    pthread_mutex_lock(&p->lock);
    if (list_is_empty(&p->queue)) {
        pthread_cond_signal(&p->wake);
    }
    for (size_t i = 0; i < n; i++) {
        list_push_back(&p->queue, &all[i].item);
    }
    pthread_mutex_unlock(&p->lock);
    struct result r = RESULT_OK;
    for (size_t i = 0; i < n; i++) {
        result_ignore(
                co_event_wait(&all[i].done, INT64_MAX)); /* without a deadline it can't fail */
        if (!result_is_ok(all[i].result) && result_is_ok(r)) {
            r = all[i].result;
            if (e != NULL) {
                *e = all[i].error;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (result_is_ok(r)) {
            ret[i] = all[i].place;
        } else if (result_is_ok(all[i].result)) {
            packs_drop(p, &all[i].place);
        }
    }
    return r;
}

RESULT packs_append(struct packs *p, struct bytes record, struct pack_place *ret, struct error *e)
{
    return packs_append_many(p, &record, 1, ret, e);
}

/* --- upkeep --- */

/*= 2.1.3-10 "Residual data wiped before reuse" */
static RESULT zero(struct segment *s, struct error *e)
{
    static const uint8_t zeros[ZERO_STEP];
    for (uint64_t at = 0; at < s->used; at += ZERO_STEP) {
        TRY(fs_pwrite(s->file, zeros, MIN((uint64_t)ZERO_STEP, s->bytes - at), at, e));
    }
    return fs_datasync(s->file, e);
}

static RESULT recycle(struct packs *p, struct segment *s, bool keep, struct error *e)
{
    char old_path[PACK_PATH_BYTES], path[PACK_PATH_BYTES];
    pack_path(s->number, old_path);
    if (!keep || s->file == NULL || s->bytes != p->segment_bytes) {
        struct result r = fs_unlink(p->fs, old_path, e);
        segment_free(s);
        return r.code == ERRC_NOT_FOUND ? RESULT_OK : r;
    }
    struct result r = zero(s, e);
    s->number = take_number(p);
    pack_path(s->number, path);
    r = result_is_ok(r) ? fs_rename(p->fs, old_path, path, e) : r;
    r = result_is_ok(r) ? fs_sync_dir(p->fs, "packs", e) : r;
    if (!result_is_ok(r)) {
        segment_free(s); /* no row names it: removed at the next start */
        return r;
    }
    s->used = 0;
    s->is_full = false;
    pthread_mutex_lock(&p->lock);
    list_push_back(&p->spares, &s->item);
    p->spare_count++;
    pthread_mutex_unlock(&p->lock);
    return RESULT_OK;
}

/* Takes a dead segment out of the table: from here on nobody can pin it. */
static struct segment *take_dead(struct packs *p)
{
    struct segment *dead = NULL;
    size_t it = 0;
    struct bytes key;
    void *value = NULL;
    while (dead == NULL && map_next(p->segments, &it, &key, &value)) {
        struct segment *s = value;
        if (s->is_full && s->live == 0 && s->pins == 0) {
            dead = s;
        }
    }
    if (dead != NULL) {
        (void)map_del(p->segments, pack_map_key(&dead->number));
    }
    return dead;
}

RESULT packs_upkeep(struct packs *p, bool may_create, bool *ret_more, struct error *e)
{
    pthread_mutex_lock(&p->lock);
    struct segment *dead = take_dead(p);
    bool keep = p->spare_count<SPARES_MAX, has_spare = p->spare_count> 0;
    pthread_mutex_unlock(&p->lock);
    *ret_more = dead != NULL;
    if (dead != NULL) {
        TRY_MSG(recycle(p, dead, keep, e), e, "recycle pack");
    } else if (!has_spare && may_create) {
        struct segment *s = NULL;
        TRY(segment_create(p, &s, e));
        pthread_mutex_lock(&p->lock);
        list_push_back(&p->spares, &s->item);
        p->spare_count++;
        pthread_mutex_unlock(&p->lock);
    }
    return RESULT_OK;
}

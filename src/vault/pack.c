#include "vault/pack_priv.h"

#include "base/log.h"
#include "base/text.h"

struct bytes pack_map_key(const uint64_t *number)
{
    return bytes_of(number, sizeof(*number));
}

void pack_path(uint64_t number, char ret[PACK_PATH_BYTES])
{
    snprintf(ret, PACK_PATH_BYTES, "packs/%016llx", (unsigned long long)number);
}

void segment_free(struct segment *s)
{
    if (s != NULL) {
        fs_close(s->file);
        mem_free(s);
    }
}

static void segment_free_value(void *s)
{
    segment_free(s);
}

/* --- opening --- */

static RESULT load_segments(struct packs *p, struct db_conn *c, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(
            c,
            "SELECT pack, sum(length), max(at + length) FROM extent WHERE pack > 0 GROUP BY pack",
            &s, e));
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        struct segment *seg = mem_zalloc(sizeof(*seg));
        list_init(&seg->item);
        seg->number = (uint64_t)db_col_i64(s, 0);
        seg->live = (uint64_t)db_col_i64(s, 1);
        seg->used = (uint64_t)db_col_i64(s, 2);
        seg->is_full = true;
        (void)map_set(p->segments, pack_map_key(&seg->number), seg);
        p->next_number = MAX(p->next_number, seg->number + 1);
        TRY(db_step(s, &has_row, e));
    }
    return RESULT_OK;
}

static RESULT load_rows(struct packs *p, struct db *db, struct error *e)
{
    struct db_conn *c = NULL;
    TRY(db_read_begin(db, &c, e));
    struct result r = load_segments(p, c, e);
    db_read_end(c);
    return r;
}

struct found {
    struct packs *p;
    uint64_t *unnamed;
    size_t count;
};

static struct result visit_file(void *arg, const char *name)
{
    struct found *f = arg;
    uint64_t number = 0;
    if (!result_is_ok(num_hex64(bytes_str(name), UINT64_MAX - 1, &number)) || strlen(name) != 16) {
        return RESULT_OK;
    }
    f->p->next_number = MAX(f->p->next_number, number + 1);
    if (map_get(f->p->segments, pack_map_key(&number)) == NULL) {
        f->unnamed = mem_realloc(f->unnamed, (f->count + 1) * sizeof(*f->unnamed));
        f->unnamed[f->count++] = number;
    }
    return RESULT_OK;
}

/* Segments that no row names hold nothing that was acknowledged. */
static RESULT drop_unnamed(struct packs *p, struct error *e)
{
    struct found f = { .p = p };
    TRY_MSG(fs_list(p->fs, "packs", visit_file, &f, e), e, "packs");
    CLEANUP(mem_free_p) uint64_t *unnamed = f.unnamed;
    for (size_t i = 0; i < f.count; i++) {
        char path[PACK_PATH_BYTES];
        pack_path(unnamed[i], path);
        TRY(fs_unlink(p->fs, path, e));
    }
    return RESULT_OK;
}

static RESULT open_files(struct packs *p, struct error *e)
{
    size_t it = 0;
    struct bytes key;
    void *value = NULL;
    while (map_next(p->segments, &it, &key, &value)) {
        struct segment *s = value;
        char path[PACK_PATH_BYTES];
        pack_path(s->number, path);
        struct result r = fs_open(p->fs, path, FS_READ | FS_WRITE, &s->file, e);
        if (r.code == ERRC_NOT_FOUND) {
            log_error("vault: %s is missing: the objects in it cannot be read", path);
            continue;
        }
        TRY(r);
        TRY(fs_size(s->file, &s->bytes, e));
        bool has_room = s->bytes >= s->used + RECORD_MAX;
        if (has_room && (p->active == NULL || p->active->number < s->number)) {
            p->active = s;
        }
    }
    if (p->active != NULL) {
        p->active->is_full = false;
    }
    return RESULT_OK;
}

RESULT packs_open(struct fs *fs, struct db *db, uint64_t segment_bytes, struct packs **ret,
                  struct error *e)
{
    struct packs *p = mem_zalloc(sizeof(*p));
    p->fs = fs;
    p->segment_bytes = MAX(segment_bytes, (uint64_t)2 * RECORD_MAX);
    p->next_number = 1;
    p->segments = map_new();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    list_init(&p->spares);
    list_init(&p->queue);
    struct result r = fs_mkdir(fs, "packs", e);
    r = result_is_ok(r) ? load_rows(p, db, e) : r;
    r = result_is_ok(r) ? drop_unnamed(p, e) : r;
    r = result_is_ok(r) ? open_files(p, e) : r;
    r = result_is_ok(r) ? pack_writer_start(p, e) : r;
    if (!result_is_ok(r)) {
        packs_close(p);
        error_prefix(e, "packs");
        return r;
    }
    *ret = p;
    return RESULT_OK;
}

void packs_close(struct packs *p)
{
    if (p == NULL) {
        return;
    }
    pack_writer_stop(p);
    for (struct list *item; (item = list_pop_front(&p->spares)) != NULL;) {
        segment_free(LIST_ITEM(item, struct segment, item));
    }
    map_free(p->segments, segment_free_value);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

/* --- reading and accounting --- */

void packs_drop(struct packs *p, const struct pack_place *place)
{
    pthread_mutex_lock(&p->lock);
    struct segment *s = map_get(p->segments, pack_map_key(&place->pack));
    if (s != NULL) {
        s->live -= MIN(s->live, (uint64_t)place->n);
    }
    pthread_mutex_unlock(&p->lock);
}

bool packs_pin(struct packs *p, uint64_t pack)
{
    pthread_mutex_lock(&p->lock);
    struct segment *s = map_get(p->segments, pack_map_key(&pack));
    if (s != NULL) {
        s->pins++;
    }
    pthread_mutex_unlock(&p->lock);
    return s != NULL;
}

void packs_unpin(struct packs *p, uint64_t pack)
{
    pthread_mutex_lock(&p->lock);
    struct segment *s = map_get(p->segments, pack_map_key(&pack));
    if (s != NULL) {
        s->pins--;
    }
    pthread_mutex_unlock(&p->lock);
}

RESULT packs_read(struct packs *p, const struct pack_place *place, uint8_t *dst, struct error *e)
{
    pthread_mutex_lock(&p->lock);
    struct segment *s = map_get(p->segments, pack_map_key(&place->pack));
    pthread_mutex_unlock(&p->lock);
    if (s == NULL || s->file == NULL) {
        FAIL(e, ERRC_INTEGRITY, "pack %llu is missing", (unsigned long long)place->pack);
    }
    struct result r = fs_pread(s->file, dst, place->n, place->at, NULL, e);
    if (r.code == ERRC_CLOSED) {
        FAIL(e, ERRC_INTEGRITY, "pack %llu is too short", (unsigned long long)place->pack);
    }
    return r;
}

uint64_t packs_sparse(struct packs *p)
{
    uint64_t best = 0, best_live = UINT64_MAX;
    size_t it = 0;
    struct bytes key;
    void *value = NULL;
    pthread_mutex_lock(&p->lock);
    while (map_next(p->segments, &it, &key, &value)) {
        const struct segment *s = value;
        if (s->is_full && s->file != NULL && s->live > 0 && s->live < s->bytes / 2 &&
            s->live < best_live) {
            best = s->number;
            best_live = s->live;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return best;
}

void packs_stats(struct packs *p, uint64_t *ret_segments, uint64_t *ret_free_bytes)
{
    size_t it = 0;
    struct bytes key;
    void *value = NULL;
    pthread_mutex_lock(&p->lock);
    uint64_t count = p->spare_count, free_bytes = p->spare_count * p->segment_bytes;
    while (map_next(p->segments, &it, &key, &value)) {
        const struct segment *s = value;
        count++;
        free_bytes += s->bytes - MIN(s->bytes, s->live);
    }
    pthread_mutex_unlock(&p->lock);
    *ret_segments = count;
    *ret_free_bytes = free_bytes;
}

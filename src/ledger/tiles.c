/*
 * Published tiles as windows on the files of a log. Only what the newest checkpoint record covers
 * is given out; that never changes any more, so nothing here needs the scribe, or a lock against
 * it.
 */
#include "ledger/client.h"

#include "ledger/log_files.h"
#include "ledger/tile_path.h"

#include <pthread.h>

#define OPEN_LOGS 32 /* whose files are kept open */

struct ledger_tiles {
    struct fs *fs;
    char deployment[256];
    pthread_mutex_t lock; /* one request at a time: each is a few reads of cached pages */
    struct log_files logs[OPEN_LOGS];
    uint64_t used_at[OPEN_LOGS];
    uint64_t clock;
};

RESULT ledger_tiles_open(struct fs *ledger_dir, const char *deployment, struct ledger_tiles **ret,
                         struct error *e)
{
    if (strlen(deployment) >= sizeof(((struct ledger_tiles *)NULL)->deployment)) {
        FAIL(e, ERRC_LIMIT, "the deployment's name is too long");
    }
    struct ledger_tiles *t = mem_zalloc(sizeof(*t));
    t->fs = ledger_dir;
    snprintf(t->deployment, sizeof(t->deployment), "%s", deployment);
    pthread_mutex_init(&t->lock, NULL);
    *ret = t;
    return RESULT_OK;
}

void ledger_tiles_close(struct ledger_tiles *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < OPEN_LOGS; i++) {
        log_files_done(&t->logs[i]);
    }
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static struct log_files *files_of(struct ledger_tiles *t, const char *name)
{
    size_t oldest = 0;

    for (size_t i = 0; i < OPEN_LOGS; i++) {
        if (strcmp(t->logs[i].name, name) == 0) {
            t->used_at[i] = ++t->clock;
            return &t->logs[i];
        }
        oldest = t->used_at[i] < t->used_at[oldest] ? i : oldest;
    }
    log_files_done(&t->logs[oldest]);
    log_files_init(&t->logs[oldest], t->fs, name, false);
    t->used_at[oldest] = ++t->clock;
    return &t->logs[oldest];
}

/* n bytes of a file at a place; appended. */
static RESULT copy_out(struct log_files *lf, unsigned id, uint64_t at, uint64_t n, struct buf *out,
                       struct error *e)
{
    uint8_t *p = buf_reserve(out, (size_t)n);

    TRY_MSG(buf_result(out), e, "tile");
    TRY(log_files_read(lf, id, p, (size_t)n, at, e));
    buf_commit(out, (size_t)n);
    return RESULT_OK;
}

static RESULT entries_out(struct log_files *lf, const struct log_record *r, uint64_t first,
                          uint64_t count, struct buf *out, struct error *e)
{
    uint8_t raw[8];

    TRY(log_files_read(lf, LOG_OFFSETS, raw, sizeof(raw), first * 8, e));
    uint64_t from = get_be64(raw), to = r->entries_bytes;
    if (first + count < r->size) {
        TRY(log_files_read(lf, LOG_OFFSETS, raw, sizeof(raw), (first + count) * 8, e));
        to = get_be64(raw);
    }
    if (from > to || to > r->entries_bytes) {
        FAIL(e, ERRC_INTEGRITY, "log %s: the offsets are damaged", lf->name);
    }
    return copy_out(lf, LOG_ENTRIES, from, to - from, out, e);
}

static RESULT tile_out(struct log_files *lf, const struct tile_path *p, struct buf *out,
                       struct error *e)
{
    struct log_record r;
    uint64_t records = 0;

    TRY(log_record_last(lf, true, &records, &r, e));
    if (p->kind == TILE_CHECKPOINT) {
        buf_add(out, bytes_of(r.note, r.note_n));
        TRY(log_cosign_lines(lf, r.size, out, e));
        TRY_MSG(buf_result(out), e, "checkpoint");
        return RESULT_OK;
    }
    uint64_t there = r.size >> 8 * p->level, first = p->index * LOG_TILE_ENTRIES;
    if (first > there || p->width > there - first) {
        FAIL(e, ERRC_NOT_FOUND, "not published");
    }
    if (p->kind == TILE_ENTRIES) {
        return entries_out(lf, &r, first, p->width, out, e);
    }
    return copy_out(lf, LOG_HASHES + p->level, first * TREE_HASH_BYTES,
                    (uint64_t)p->width * TREE_HASH_BYTES, out, e);
}

RESULT ledger_tiles_get(struct ledger_tiles *t, struct bytes path, struct buf *out,
                        const char **ret_content_type, bool *ret_is_immutable, struct error *e)
{
    struct bytes deployment = bytes_str(t->deployment), rest, name;
    char name_text[LOG_NAME_MAX + 1] = { 0 };
    struct tile_path p;

    if (!bytes_has_prefix(path, deployment) || path.n == deployment.n ||
        path.p[deployment.n] != '/') {
        FAIL(e, ERRC_NOT_FOUND, "no such log");
    }
    rest = bytes_slice(path, deployment.n + 1, path.n);
    if (!bytes_split(&rest, '/', &name) || !log_name_is_valid(name)) {
        FAIL(e, ERRC_NOT_FOUND, "no such log");
    }
    TRY_MSG(tile_path_parse(rest, &p), e, "no such tile");
    memcpy(name_text, name.p, name.n);
    pthread_mutex_lock(&t->lock);
    struct result r = tile_out(files_of(t, name_text), &p, out, e);
    pthread_mutex_unlock(&t->lock);
    TRY(r);
    *ret_content_type =
            p.kind == TILE_CHECKPOINT ? "text/plain; charset=utf-8" : "application/octet-stream";
    *ret_is_immutable = p.kind != TILE_CHECKPOINT;
    return RESULT_OK;
}

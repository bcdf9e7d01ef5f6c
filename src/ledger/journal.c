/* Writing groups. Reading them at start is in journal_scan.c. */
#include "ledger/journal.h"

#include "crypto/hash.h"
#include "ledger/journal_priv.h"

#include <inttypes.h>

void journal_add_record(struct buf *body, const char *log, uint64_t index, struct bytes leaf,
                        struct bytes frame)
{
    struct bytes name = bytes_str(log);

    buf_add_u8(body, (uint8_t)name.n);
    buf_add(body, name);
    buf_add_be64(body, index);
    buf_add_be16_prefixed(body, leaf);
    buf_add_be32_prefixed(body, frame);
}

RESULT journal_take_record(struct bytes *body, struct journal_record *ret)
{
    uint8_t name_n = 0;
    struct journal_record r;

    TRY(bytes_take_u8(body, &name_n));
    TRY(bytes_take(body, name_n, &r.log));
    TRY(bytes_take_be64(body, &r.index));
    TRY(bytes_take_be16_prefixed(body, &r.leaf));
    TRY(bytes_take_be32_prefixed(body, &r.frame));
    *ret = r;
    return RESULT_OK;
}

void journal_checksum(const uint8_t *head, struct bytes body, uint8_t ret[SHA256_BYTES])
{
    const struct bytes parts[2] = { bytes_of(head, 32), body };

    sha256_parts(parts, 2, ret);
}

void journal_begin(struct buf *group)
{
    static const uint8_t head[JOURNAL_HEAD];

    buf_reset(group);
    buf_add(group, BYTES_OF(head));
}

size_t journal_body_size(const struct buf *group)
{
    return group->n - JOURNAL_HEAD;
}

uint64_t journal_next(const struct journal *j)
{
    return j->next;
}

size_t journal_body_max(const struct journal *j)
{
    return (size_t)j->config.segment_bytes - JOURNAL_BLOCK - JOURNAL_HEAD;
}

/* A segment with nothing from `settled` on; NULL. Under the lock. */
static struct segment *segment_free(struct journal *j, uint64_t settled)
{
    for (unsigned i = 0; i < j->count; i++) {
        if (&j->segments[i] != j->active && j->segments[i].newest < settled) {
            return &j->segments[i];
        }
    }
    return NULL;
}

RESULT journal_segment_open(struct journal *j, unsigned slot, bool is_new, struct error *e)
{
    char path[64];
    struct segment *s = &j->segments[slot];
    CLEANUP(fs_close_p) struct fs_file *f = NULL;

    snprintf(path, sizeof(path), JOURNAL_DIR "/%04u", slot);
    if (!is_new) {
        TRY(fs_open(j->fs, path, FS_READ | FS_WRITE, &f, e));
        TRY(fs_size(f, &s->bytes, e));
        s->file = TAKE(f);
        return RESULT_OK;
    }
    TRY(fs_open(j->fs, JOURNAL_DIR "/new", FS_READ | FS_WRITE | FS_CREATE | FS_TRUNCATE, &f, e));
    TRY(fs_preallocate(f, j->config.segment_bytes, e));
    TRY(fs_sync(f, e));
    TRY(fs_rename(j->fs, JOURNAL_DIR "/new", path, e));
    TRY(fs_sync_dir(j->fs, JOURNAL_DIR, e));
    *s = (struct segment){ .file = TAKE(f), .bytes = j->config.segment_bytes };
    return RESULT_OK;
}

RESULT journal_grow(struct journal *j, struct error *e)
{
    struct result r = RESULT_OK;

    pthread_mutex_lock(
            &j->grow_lock); /* one grows; the slot above count is its own until it is counted */
    pthread_mutex_lock(&j->lock);
    unsigned slot = j->count;
    bool is_needed = segment_free(j, j->settled) == NULL;
    pthread_mutex_unlock(&j->lock);
    if (is_needed && slot >= j->config.segments_max) {
        r = error_set(e, ERRC_FULL, "journal: all %u segments hold what is not published yet",
                      slot);
    } else if (is_needed) {
        r = journal_segment_open(j, slot, true, e);
        if (result_is_ok(r)) {
            pthread_mutex_lock(&j->lock);
            j->count++;
            pthread_mutex_unlock(&j->lock);
        }
    }
    pthread_mutex_unlock(&j->grow_lock);
    return r;
}

bool journal_wants_segment(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    bool is_wanted = segment_free(j, j->settled) == NULL && j->count < j->config.segments_max;
    pthread_mutex_unlock(&j->lock);
    return is_wanted;
}

void journal_settle(struct journal *j, uint64_t settled)
{
    pthread_mutex_lock(&j->lock);
    j->settled = MAX(j->settled, settled);
    pthread_mutex_unlock(&j->lock);
}

/* At j->at, where there is room. */
static RESULT group_write(struct journal *j, struct buf *group, struct error *e)
{
    static const uint8_t zeros[JOURNAL_BLOCK];
    struct bytes body = bytes_of(group->p + JOURNAL_HEAD, journal_body_size(group));
    uint64_t settled = j->settled;

    memcpy(group->p, JOURNAL_MAGIC, 4);
    put_be32(group->p + 4, (uint32_t)body.n);
    put_be64(group->p + 8, j->next);
    put_be64(group->p + 16, settled);
    journal_checksum(group->p, body, group->p + 32);
    buf_add(group, bytes_of(zeros, (JOURNAL_BLOCK - group->n % JOURNAL_BLOCK) % JOURNAL_BLOCK));
    TRY_MSG(buf_result(group), e, "group");
    j->is_broken = true; /* until proved otherwise */
    TRY(fs_pwrite(j->active->file, group->p, group->n, j->at, e));
    TRY(fs_datasync(j->active->file, e));
    j->is_broken = false;
    j->at += group->n;
    pthread_mutex_lock(&j->lock);
    j->recorded = settled;
    j->active->newest = j->next++;
    pthread_mutex_unlock(&j->lock);
    return RESULT_OK;
}

/* Makes a segment with room for n bytes, and a block behind them, the active one. */
static RESULT segment_choose(struct journal *j, size_t n, struct error *e)
{
    if (j->active != NULL && j->active->bytes - j->at >= n + JOURNAL_BLOCK) {
        return RESULT_OK;
    }
    for (;;) {
        pthread_mutex_lock(&j->lock);
        struct segment *s = segment_free(j, j->recorded);
        bool is_free_soon = segment_free(j, j->settled) != NULL;
        j->active = s != NULL ? s : j->active;
        pthread_mutex_unlock(&j->lock);
        if (s != NULL) {
            j->at = 0;
            return RESULT_OK;
        }
        if (is_free_soon) {
            CLEANUP(buf_done_p) struct buf marker = BUF(JOURNAL_BLOCK);
            journal_begin(&marker);
            TRY(group_write(j, &marker, e));
        } else {
            TRY(journal_grow(j, e));
        }
    }
}

RESULT journal_reserve(struct journal *j, size_t body_bytes, struct error *e)
{
    size_t blocks = (JOURNAL_HEAD + body_bytes + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK;

    if (body_bytes > journal_body_max(j)) {
        FAIL(e, ERRC_LIMIT, "journal: a group of %zu bytes", body_bytes);
    }
    if (j->active != NULL && j->active->bytes - j->at >= (blocks + 1) * JOURNAL_BLOCK) {
        return RESULT_OK;
    }
    pthread_mutex_lock(&j->lock);
    bool is_there = segment_free(j, j->settled) != NULL;
    pthread_mutex_unlock(&j->lock);
    return is_there ? RESULT_OK : journal_grow(j, e);
}

/*= 2.1.5-3 "what is acknowledged is on the disk" */
RESULT journal_write(struct journal *j, struct buf *group, struct error *e)
{
    if (j->is_broken) {
        FAIL(e, ERRC_IO, "journal: an earlier write failed; it must be opened anew");
    }
    TRY_MSG(buf_result(group), e, "journal: group");
    if (journal_body_size(group) > journal_body_max(j)) {
        FAIL(e, ERRC_LIMIT, "journal: a group of %zu bytes", journal_body_size(group));
    }
    size_t blocks = (group->n + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK;
    TRY_MSG(segment_choose(j, blocks * JOURNAL_BLOCK, e), e, "journal");
    TRY_MSG(group_write(j, group, e), e, "journal");
    return RESULT_OK;
}

void journal_close(struct journal *j)
{
    if (j == NULL) {
        return;
    }
    for (unsigned i = 0; i < JOURNAL_SLOTS_MAX; i++) {
        fs_close(j->segments[i].file);
    }
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->grow_lock);
    mem_free(j);
}

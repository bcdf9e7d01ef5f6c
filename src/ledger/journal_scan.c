/*
 * Opening a journal: find all sound groups, decide which are needed, hand them over in order. One
 * segment is in memory at a time.
 */
#include "ledger/journal_priv.h"

#include <inttypes.h>

struct group_place {
    uint64_t sequence, settled, at;
    unsigned slot;
    uint32_t body_n;
};

struct scan {
    struct journal *j;
    struct group_place *groups;
    size_t n, cap;
};

static void scan_done(struct scan *s)
{
    mem_free(s->groups);
}
DEFINE_CLEANUP_DONE(scan_done, struct scan)

/* A sound group at the front of `in`; its length in blocks, 0 when there is none. */
static size_t group_read(struct bytes in, struct group_place *ret)
{
    uint8_t sum[SHA256_BYTES];

    if (in.n < JOURNAL_HEAD || memcmp(in.p, JOURNAL_MAGIC, 4) != 0) {
        return 0;
    }
    uint32_t body_n = get_be32(in.p + 4);
    if (body_n > in.n - JOURNAL_HEAD) {
        return 0;
    }
    journal_checksum(in.p, bytes_of(in.p + JOURNAL_HEAD, body_n), sum);
    if (memcmp(sum, in.p + 32, sizeof(sum)) != 0) {
        return 0;
    }
    *ret = (struct group_place){ .sequence = get_be64(in.p + 8),
                                 .settled = get_be64(in.p + 16),
                                 .body_n = body_n };
    return (JOURNAL_HEAD + body_n + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK;
}

static void scan_add(struct scan *s, const struct group_place *g)
{
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 256 : 2 * s->cap;
        s->groups = mem_realloc(s->groups, s->cap * sizeof(s->groups[0]));
    }
    s->groups[s->n++] = *g;
}

static RESULT scan_segment(struct scan *s, unsigned slot, struct error *e)
{
    struct segment *seg = &s->j->segments[slot];
    void *memory;

    if (seg->bytes > (UINT64_C(1) << 30)) {
        FAIL(e, ERRC_FORMAT, "segment %04u has %" PRIu64 " bytes", slot, seg->bytes);
    }
    TRY_MSG(mem_try_alloc((size_t)seg->bytes, &memory), e, "segment %04u", slot);
    CLEANUP(mem_free_p) uint8_t *p = memory;
    TRY_MSG(fs_pread(seg->file, p, (size_t)seg->bytes, 0, NULL, e), e, "segment %04u", slot);
    for (size_t at = 0; at < seg->bytes;) {
        struct group_place g;
        size_t blocks = group_read(bytes_of(p + at, (size_t)seg->bytes - at), &g);
        if (blocks != 0) {
            g.slot = slot;
            g.at = at;
            scan_add(s, &g);
            seg->newest = MAX(seg->newest, g.sequence);
        }
        at += MAX(blocks, 1) * JOURNAL_BLOCK;
    }
    return RESULT_OK;
}

static int by_sequence(const void *a, const void *b)
{
    const struct group_place *x = a, *y = b;

    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static RESULT replay_group(const struct scan *s, const struct group_place *g,
                           struct result (*fn)(void *arg, const struct journal_record *r,
                                               struct error *e),
                           void *arg, struct error *e)
{
    void *memory;

    TRY_MSG(mem_try_alloc(g->body_n, &memory), e, "group");
    CLEANUP(mem_free_p) uint8_t *p = memory;
    TRY(fs_pread(s->j->segments[g->slot].file, p, g->body_n, g->at + JOURNAL_HEAD, NULL, e));
    for (struct bytes body = bytes_of(p, g->body_n); body.n > 0;) {
        struct journal_record r;
        TRY_MSG(journal_take_record(&body, &r), e, "record");
        TRY(fn(arg, &r, e));
    }
    return RESULT_OK;
}

/* All of settled..newest, as the newest group names it. */
static RESULT replay(struct scan *s,
                     struct result (*fn)(void *arg, const struct journal_record *r,
                                         struct error *e),
                     void *arg, struct error *e)
{
    if (s->n == 0) {
        s->j->next = s->j->settled = s->j->recorded = 1;
        return RESULT_OK;
    }
    qsort(s->groups, s->n, sizeof(s->groups[0]), by_sequence);
    const struct group_place *last = &s->groups[s->n - 1];
    if (last->settled > last->sequence || last->sequence == UINT64_MAX) {
        FAIL(e, ERRC_INTEGRITY, "group %" PRIu64 " contradicts itself", last->sequence);
    }
    size_t needed = (size_t)(last->sequence - last->settled + 1);
    for (size_t i = 0; i < needed; i++) {
        uint64_t want = last->sequence - i;
        if (i >= s->n || s->groups[s->n - 1 - i].sequence != want) {
            FAIL(e, ERRC_INTEGRITY, "group %" PRIu64 " is damaged or missing; newest is %" PRIu64,
                 want, last->sequence);
        }
    }
    for (size_t i = s->n - needed; i < s->n; i++) {
        TRY_MSG(replay_group(s, &s->groups[i], fn, arg, e), e, "group %" PRIu64,
                s->groups[i].sequence);
    }
    s->j->next = last->sequence + 1;
    s->j->settled = s->j->recorded = last->settled;
    s->j->active = &s->j->segments[last->slot];
    s->j->at = last->at +
               (JOURNAL_HEAD + last->body_n + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
    return RESULT_OK;
}

static RESULT journal_load(struct journal *j,
                           struct result (*fn)(void *arg, const struct journal_record *r,
                                               struct error *e),
                           void *arg, struct error *e)
{
    CLEANUP(scan_done_p) struct scan s = { .j = j };

    TRY(fs_mkdir(j->fs, JOURNAL_DIR, e));
    TRY(fs_sync_dir(j->fs, "", e));
    for (; j->count < JOURNAL_SLOTS_MAX; j->count++) {
        struct result r = journal_segment_open(j, j->count, false, e);
        if (r.code == ERRC_NOT_FOUND) {
            break;
        }
        TRY(r);
        TRY(scan_segment(&s, j->count, e));
    }
    TRY(replay(&s, fn, arg, e));
    while (j->count < j->config.segments_first) {
        TRY(journal_segment_open(j, j->count, true, e));
        j->count++;
    }
    return RESULT_OK;
}

RESULT journal_open(struct fs *fs, const struct journal_config *c,
                    struct result (*fn)(void *arg, const struct journal_record *r, struct error *e),
                    void *arg, struct journal **ret, struct error *e)
{
    CLEANUP(journal_close_p) struct journal *j = mem_zalloc(sizeof(*j));

    j->fs = fs;
    j->config = *c;
    j->config.segments_max = MIN(c->segments_max, JOURNAL_SLOTS_MAX);
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->grow_lock, NULL);
    TRY_MSG(journal_load(j, fn, arg, e), e, "journal");
    *ret = TAKE(j);
    return RESULT_OK;
}

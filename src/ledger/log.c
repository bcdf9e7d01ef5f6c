/* A log in memory: opening, appending, replaying. */
#include "ledger/log.h"

#include <inttypes.h>

#define TAIL_MAX ((size_t)1 << 32) /* the engine's bound is far below */

static void tail_init(struct log_tail *t, uint64_t first, uint64_t entries_at, uint64_t payloads_at)
{
    *t = (struct log_tail){ .first = first, .entries_at = entries_at, .payloads_at = payloads_at };
    t->entries = t->offsets = t->payloads = t->payload_offsets = BUF(TAIL_MAX);
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        t->hashes[i] = BUF(TAIL_MAX);
    }
}

static void tail_done(struct log_tail *t)
{
    buf_done(&t->entries);
    buf_done(&t->offsets);
    buf_done(&t->payloads);
    buf_done(&t->payload_offsets);
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        buf_done(&t->hashes[i]);
    }
    t->count = 0;
}

size_t log_memory(const struct log *l)
{
    const struct log_tail *a = &l->tail, *b = &l->publishing;

    return a->entries.n + a->payloads.n + b->entries.n + b->payloads.n +
           (size_t)(a->count + b->count) * 112;
}

/* --- creating and opening --- */

RESULT log_create(struct fs *fs, const char *name, const char *origin,
                  const struct ledger_keys *keys, int64_t now_ms, struct error *e)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    struct log_record r = { .published_ms = now_ms };
    struct tree_hash root = tree_empty_root();
    uint8_t raw[LOG_RECORD];
    char path[160];

    snprintf(path, sizeof(path), "logs/%s", name);
    TRY(fs_mkdir(fs, path, e));
    for (unsigned id = 0; id < LOG_FILES; id++) {
        CLEANUP(fs_close_p) struct fs_file *f = NULL;
        snprintf(path, sizeof(path), "logs/%s/%s", name, log_file_name(id));
        TRY(fs_open(fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &f, e));
        TRY(fs_sync(f, e));
    }
    snprintf(path, sizeof(path), "logs/%s/" LOG_TIMESTAMPS, name);
    TRY(fs_mkdir(fs, path, e));
    TRY_MSG(keys->sign_checkpoint(keys->ctx, name, origin, 0, &root, &note, e), e,
            "log %s: first checkpoint", name);
    if (note.n > LOG_NOTE_MAX) {
        FAIL(e, ERRC_LIMIT, "log %s: a checkpoint of %zu bytes", name, note.n);
    }
    r.note_n = note.n;
    memcpy(r.note, note.p, note.n);
    log_record_write(&r, raw);
    snprintf(path, sizeof(path), "logs/%s", name);
    TRY(fs_sync_dir(fs, path, e));
    TRY(fs_sync_dir(fs, "logs", e));
    snprintf(path, sizeof(path), "logs/%s/%s", name, log_file_name(LOG_CHECKPOINTS));
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    TRY(fs_open(fs, path, FS_WRITE, &f, e));
    TRY(fs_pwrite(f, raw, sizeof(raw), 0, e));
    return fs_sync(f, e);
}

/* The files end where the newest record says; what lies behind was not published. */
static RESULT cut_file(struct log *l, unsigned id, uint64_t want, struct error *e)
{
    struct fs_file *f;
    uint64_t bytes = 0;

    TRY(log_files_get(&l->writing, id, &f, e));
    TRY(fs_size(f, &bytes, e));
    if (bytes < want) {
        FAIL(e, ERRC_INTEGRITY, "log %s: %s has %" PRIu64 " bytes, %" PRIu64 " are published",
             l->name, log_file_name(id), bytes, want);
    }
    return bytes == want ? RESULT_OK : fs_truncate(f, want, e);
}

static RESULT load_published(struct log *l, struct error *e)
{
    const struct log_record *r = &l->published;
    struct tree_frontier frontier;
    struct checkpoint c;
    CLEANUP(mem_free_p) struct note *note = mem_alloc(sizeof(*note));

    TRY(log_record_last(&l->files, false, &l->record_count, &l->published, e));
    TRY(cut_file(l, LOG_ENTRIES, r->entries_bytes, e));
    TRY(cut_file(l, LOG_PAYLOADS, r->payloads_bytes, e));
    TRY(cut_file(l, LOG_OFFSETS, r->size * 8, e));
    TRY(cut_file(l, LOG_PAYLOAD_OFFSETS, r->size * 8, e));
    TRY(cut_file(l, LOG_CHECKPOINTS, l->record_count * LOG_RECORD, e));
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        TRY(cut_file(l, LOG_HASHES + i, (r->size >> 8 * i) * TREE_HASH_BYTES, e));
    }
    TRY_MSG(log_source_frontier(&l->source, r->size, &frontier, e), e, "log %s", l->name);
    struct tree_hash root = tree_frontier_root(&frontier);
    TRY_MSG(note_parse(bytes_of(r->note, r->note_n), note, e), e, "log %s: newest checkpoint",
            l->name);
    TRY_MSG(checkpoint_parse(note->text, &c, e), e, "log %s: newest checkpoint", l->name);
    if (!bytes_equal_str(c.origin, l->origin) || c.size != r->size ||
        !tree_hash_equal(&c.root, &root)) {
        FAIL(e, ERRC_INTEGRITY, "log %s: the hashes do not give the root of its newest checkpoint",
             l->name);
    }
    tree_recent_init(&l->recent, &frontier);
    l->size = l->durable = r->size;
    memcpy(l->counters, r->counters, sizeof(l->counters));
    l->last_ms = l->active_ms = r->last_ms;
    tail_init(&l->tail, r->size, r->entries_bytes, r->payloads_bytes);
    return RESULT_OK;
}

RESULT log_open(struct fs *fs, const char *name, const char *origin, const struct ledger_keys *keys,
                const struct clock *clock, struct log **ret, struct error *e)
{
    CLEANUP(log_close_p) struct log *l = mem_zalloc(sizeof(*l));

    snprintf(l->name, sizeof(l->name), "%s", name);
    snprintf(l->origin, sizeof(l->origin), "%s", origin);
    log_files_init(&l->files, fs, name, true);
    log_files_init(&l->writing, fs, name, true);
    log_source_init(&l->source, &l->files, NULL);
    payload_keys_init(&l->payload_keys, keys, clock, l->name);
    TRY(load_published(l, e));
    log_source_init(&l->source, &l->files, &l->recent);
    log_files_done(&l->files);
    log_files_done(&l->writing);
    *ret = TAKE(l);
    return RESULT_OK;
}

void log_close(struct log *l)
{
    if (l == NULL) {
        return;
    }
    tail_done(&l->tail);
    tail_done(&l->publishing);
    tree_recent_done(&l->recent);
    payload_keys_done(&l->payload_keys);
    log_files_done(&l->files);
    log_files_done(&l->writing);
    mem_free(l);
}

/* --- appending --- */

/* The tail's entries and payloads end with this entry's; the rest follows from them. */
static struct tree_hash tail_finish(struct log *l, struct bytes leaf, size_t entry_at,
                                    size_t frame_at)
{
    struct log_tail *t = &l->tail;
    struct tree_hash h = tree_leaf_hash(leaf), node;

    buf_add_be64(&t->offsets, t->entries_at + entry_at);
    buf_add_be64(&t->payload_offsets, t->payloads_at + frame_at);
    buf_add(&t->hashes[0], BYTES_OF(h.b));
    unsigned top = tree_recent_add(&l->recent, &h);
    l->size++;
    for (unsigned tile = 1; tile <= top / 8 && tile < LOG_LEVELS; tile++) {
        bool has = tree_recent_get(&l->recent, 8 * tile, (l->size >> 8 * tile) - 1, &node);
        if (has) {
            buf_add(&t->hashes[tile], BYTES_OF(node.b));
        }
    }
    t->count++;
    return h;
}

/*= 2.1.5-3 "record time, kind, source; no gap unnoticed" */
RESULT log_append(struct log *l, const struct log_append *a, const struct rng *rng,
                  struct buf *group, struct ledger_position *ret, struct error *e)
{
    struct log_tail *t = &l->tail;
    size_t entry_at = t->entries.n, frame_at = t->payloads.n;
    struct entry en = { .counter = l->counters[a->source] + 1,
                        .time_ms = MAX(a->now_ms, l->last_ms) };

    if (l->size >= LOG_SIZE_MAX) {
        FAIL(e, ERRC_LIMIT, "log %s: it can take no more entries", l->name);
    }
    memcpy(en.kind, a->kind, strlen(a->kind) + 1);
    snprintf(en.source, sizeof(en.source), "%s", role_name(a->source));
    en.commitment =
            entry_commitment(a->plain.p, bytes_slice(a->plain, LEDGER_SALT_BYTES, a->plain.n));
    buf_add_be16(&t->entries, 0);
    entry_encode(&en, &t->entries);
    TRY_MSG(buf_result(&t->entries), e, "log %s", l->name);
    size_t leaf_n = t->entries.n - entry_at - 2;
    put_be16(t->entries.p + entry_at, (uint16_t)leaf_n);
    struct result r =
            payload_seal(a->key, a->month, l->origin, l->size, a->plain, rng, &t->payloads);
    if (!result_is_ok(r)) {
        t->entries.n = entry_at;
        TRY_MSG(r, e, "log %s: seal", l->name);
    }
    struct bytes leaf = bytes_of(t->entries.p + entry_at + 2, leaf_n);
    journal_add_record(group, l->name, l->size, leaf,
                       bytes_of(t->payloads.p + frame_at, t->payloads.n - frame_at));
    ret->index = l->size;
    ret->time_ms = en.time_ms;
    l->counters[a->source] = en.counter;
    l->last_ms = en.time_ms;
    ret->leaf = tail_finish(l, leaf, entry_at, frame_at);
    return RESULT_OK;
}

static RESULT source_role(const char *name, enum role *ret)
{
    for (unsigned i = 0; i < ROLE_COUNT_; i++) {
        if (strcmp(role_name((enum role)i), name) == 0) {
            *ret = (enum role)i;
            return RESULT_OK;
        }
    }
    return result_of(ERRC_NOT_FOUND);
}

RESULT log_replay(struct log *l, uint64_t index, struct bytes leaf, struct bytes frame,
                  struct error *e)
{
    struct log_tail *t = &l->tail;
    size_t entry_at = t->entries.n, frame_at = t->payloads.n;
    enum role source = ROLE_EDGE;
    struct payload_frame parsed;
    struct entry en;

    if (index < l->size) {
        return RESULT_OK; /* published before */
    }
    if (index > l->size) {
        FAIL(e, ERRC_INTEGRITY, "log %s: entry %" PRIu64 " is missing", l->name, l->size);
    }
    TRY_MSG(entry_parse(leaf, &en, e), e, "log %s: entry %" PRIu64, l->name, index);
    TRY_MSG(payload_frame_parse(frame, &parsed, e), e, "log %s: entry %" PRIu64, l->name, index);
    TRY_MSG(source_role(en.source, &source), e, "log %s: entry %" PRIu64 ": source %s", l->name,
            index, en.source);
    if (en.counter != l->counters[source] + 1) {
        FAIL(e, ERRC_INTEGRITY,
             "log %s: entry %" PRIu64 ": counter %" PRIu64 " of %s after %" PRIu64, l->name, index,
             en.counter, en.source, l->counters[source]);
    }
    buf_add_be16_prefixed(&t->entries, leaf);
    buf_add(&t->payloads, frame);
    l->counters[source] = en.counter;
    l->last_ms = MAX(l->last_ms, en.time_ms);
    l->active_ms = l->last_ms;
    struct tree_hash h = tail_finish(l, leaf, entry_at, frame_at);
    (void)h;
    l->durable = l->size;
    return RESULT_OK;
}

/* --- publishing --- */

static RESULT sign_state(struct log *l, const struct ledger_keys *keys, int64_t now_ms,
                         struct error *e)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    struct tree_hash root = tree_frontier_root(&l->recent.head);
    struct log_record r = { .size = l->size, .published_ms = now_ms, .last_ms = l->last_ms };

    if (l->size != l->durable) {
        FAIL(e, ERRC_BUG, "entries that are not durable");
    }
    TRY_MSG(keys->sign_checkpoint(keys->ctx, l->name, l->origin, l->size, &root, &note, e), e,
            "sign");
    if (note.n > LOG_NOTE_MAX) {
        FAIL(e, ERRC_LIMIT, "a checkpoint of %zu bytes", note.n);
    }
    r.entries_bytes = l->tail.entries_at + l->tail.entries.n;
    r.payloads_bytes = l->tail.payloads_at + l->tail.payloads.n;
    memcpy(r.counters, l->counters, sizeof(r.counters));
    r.note_n = note.n;
    memcpy(r.note, note.p, note.n);
    l->publishing_state = r;
    l->publishing_frontier = l->recent.head;
    return RESULT_OK;
}

RESULT log_publish_begin(struct log *l, const struct ledger_keys *keys, int64_t now_ms,
                         struct log_publication *ret, struct error *e)
{
    struct log_tail *p = &l->publishing;

    if (p->count == 0) {
        TRY_MSG(sign_state(l, keys, now_ms, e), e, "log %s: publish", l->name);
        tail_done(p);
        *p = l->tail;
        tail_init(&l->tail, p->first + p->count, p->entries_at + p->entries.n,
                  p->payloads_at + p->payloads.n);
        l->publish_sequence = l->tail_sequence;
        l->tail_sequence = 0;
    }
    *ret = (struct log_publication){ .log = l,
                                     .frontier = l->publishing_frontier,
                                     .record = l->publishing_state,
                                     .record_at = l->record_count };
    return RESULT_OK;
}

static RESULT write_part(struct log *l, unsigned id, const struct buf *b, uint64_t at,
                         struct error *e)
{
    struct fs_file *f;

    if (b->n == 0) {
        return RESULT_OK;
    }
    TRY(log_files_get(&l->writing, id, &f, e));
    TRY_MSG(fs_pwrite(f, b->p, b->n, at, e), e, "%s", log_file_name(id));
    return RESULT_OK;
}

static RESULT sync_part(struct log *l, unsigned id, const struct buf *b, struct error *e)
{
    struct fs_file *f;

    if (b->n == 0) {
        return RESULT_OK;
    }
    TRY(log_files_get(&l->writing, id, &f, e));
    TRY_MSG(fs_datasync(f, e), e, "%s", log_file_name(id));
    return RESULT_OK;
}

static RESULT write_files(struct log *l, struct error *e)
{
    const struct log_tail *t = &l->publishing;
    const struct {
        unsigned id;
        const struct buf *b;
        uint64_t at;
    } parts[] = {
        { LOG_ENTRIES, &t->entries, t->entries_at },
        { LOG_PAYLOADS, &t->payloads, t->payloads_at },
        { LOG_OFFSETS, &t->offsets, t->first * 8 },
        { LOG_PAYLOAD_OFFSETS, &t->payload_offsets, t->first * 8 },
    };

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        TRY(write_part(l, parts[i].id, parts[i].b, parts[i].at, e));
    }
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        TRY(write_part(l, LOG_HASHES + i, &t->hashes[i], (t->first >> 8 * i) * TREE_HASH_BYTES, e));
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        TRY(sync_part(l, parts[i].id, parts[i].b, e));
    }
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        TRY(sync_part(l, LOG_HASHES + i, &t->hashes[i], e));
    }
    return RESULT_OK;
}

static RESULT write_record(struct log_publication *p, struct error *e)
{
    uint8_t raw[LOG_RECORD];
    struct fs_file *f;

    log_record_write(&p->record, raw);
    TRY(log_files_get(&p->log->writing, LOG_CHECKPOINTS, &f, e));
    TRY(fs_pwrite(f, raw, sizeof(raw), p->record_at * LOG_RECORD, e));
    return fs_datasync(f, e);
}

void log_publish_write(struct log_publication *p)
{
    p->result = write_files(p->log, &p->error);
    if (result_is_ok(p->result)) {
        p->result = write_record(p, &p->error);
    }
    if (!result_is_ok(p->result)) {
        error_prefix(&p->error, "log %s: publish", p->log->name);
    }
}

void log_publish_end(struct log_publication *p)
{
    struct log *l = p->log;

    if (!result_is_ok(p->result)) {
        return;
    }
    l->published = p->record;
    l->record_count++;
    tree_recent_rebase(&l->recent, &p->frontier);
    tail_done(&l->publishing);
    l->publish_sequence = 0;
}

/* The check of a log: one pass over all its files side by side. */
#include "ledger/log_check.h"

#include "ledger/log_files.h"
#include "ledger/payload.h"

#include <inttypes.h>

#define WINDOW_BYTES (256u * 1024)

/* A file read from front to back. */
struct stream {
    struct log_files *files;
    unsigned id;
    uint64_t at, end;
    uint8_t *p;     /* WINDOW_BYTES */
    size_t from, n; /* what is left of the window */
};

struct check {
    const struct log_check_options *o;
    struct log_files files;
    struct stream streams[LOG_FILES];
    struct payload_keys payload_keys;
    struct tree_recent tree; /* its base is moved along: only the newest nodes are held */
    uint64_t counters[ROLE_COUNT_];
    int64_t last_ms;
    uint64_t record_count, record_at;
    struct log_record record, last; /* the next to compare; the newest */
    struct buf leaf, frame, plain;
    struct log_check_report report;
};

static void check_done(struct check *c)
{
    for (unsigned i = 0; i < LOG_FILES; i++) {
        mem_free(c->streams[i].p);
    }
    payload_keys_done(&c->payload_keys);
    tree_recent_done(&c->tree);
    buf_done(&c->leaf);
    buf_done(&c->frame);
    buf_done(&c->plain);
    log_files_done(&c->files);
}
DEFINE_CLEANUP_DONE(check_done, struct check)

static RESULT damaged(struct error *e, const struct check *c, const char *what)
{
    FAIL(e, ERRC_INTEGRITY, "log %s: entry %" PRIu64 ": %s", c->files.name, c->tree.head.size,
         what);
}

/* n bytes more; at most WINDOW_BYTES at once. Borrowed until the next call on the stream. */
static RESULT stream_take(struct stream *s, size_t n, struct bytes *ret, struct error *e)
{
    if (s->n < n) {
        memmove(s->p, s->p + s->from, s->n);
        s->from = 0;
        size_t more = (size_t)MIN(WINDOW_BYTES - s->n, s->end - s->at);
        TRY(log_files_read(s->files, s->id, s->p + s->n, more, s->at, e));
        s->n += more;
        s->at += more;
        if (s->n < n) {
            FAIL(e, ERRC_INTEGRITY, "log %s: %s ends too early", s->files->name,
                 log_file_name(s->id));
        }
    }
    *ret = bytes_of(s->p + s->from, n);
    s->from += n;
    s->n -= n;
    return RESULT_OK;
}

/* Where the next byte of the stream lies in its file. */
static uint64_t stream_at(const struct stream *s)
{
    return s->at - s->n;
}

static RESULT stream_open(struct check *c, unsigned id, uint64_t want, struct error *e)
{
    struct fs_file *f;
    uint64_t bytes = 0;

    TRY(log_files_get(&c->files, id, &f, e));
    TRY(fs_size(f, &bytes, e));
    if (bytes < want || (bytes > want && !c->o->is_live)) {
        FAIL(e, ERRC_INTEGRITY, "log %s: %s has %" PRIu64 " bytes, %" PRIu64 " are published",
             c->files.name, log_file_name(id), bytes, want);
    }
    c->streams[id] = (struct stream){
        .files = &c->files, .id = id, .end = want, .p = mem_alloc(WINDOW_BYTES)
    };
    return RESULT_OK;
}

static RESULT check_begin(struct check *c, struct error *e)
{
    const struct tree_frontier empty = { 0 };
    struct log_record *last = &c->last;
    struct fs_file *f;
    uint64_t bytes = 0;

    tree_recent_init(&c->tree, &empty);
    c->leaf = BUF(LEDGER_ENTRY_MAX);
    c->frame = BUF(PAYLOAD_FRAME_MAX);
    c->plain = BUF_SECRET(LEDGER_SALT_BYTES + LEDGER_PAYLOAD_MAX);
    if (c->o->keys != NULL) {
        payload_keys_init(&c->payload_keys, c->o->keys, c->o->clock, c->files.name);
    }
    TRY(log_record_last(&c->files, c->o->is_live, &c->record_count, last, e));
    TRY(log_files_get(&c->files, LOG_CHECKPOINTS, &f, e));
    TRY(fs_size(f, &bytes, e));
    if (bytes != c->record_count * LOG_RECORD && !c->o->is_live) {
        FAIL(e, ERRC_INTEGRITY, "log %s: checkpoints has bytes behind its newest record",
             c->files.name);
    }
    TRY(stream_open(c, LOG_ENTRIES, last->entries_bytes, e));
    TRY(stream_open(c, LOG_PAYLOADS, last->payloads_bytes, e));
    TRY(stream_open(c, LOG_OFFSETS, last->size * 8, e));
    TRY(stream_open(c, LOG_PAYLOAD_OFFSETS, last->size * 8, e));
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        TRY(stream_open(c, LOG_HASHES + i, (last->size >> 8 * i) * TREE_HASH_BYTES, e));
    }
    return log_record_read(&c->files, 0, &c->record, e);
}

/* --- one entry --- */

static RESULT check_offset(struct check *c, unsigned offsets_id, unsigned data_id, struct error *e)
{
    struct bytes v;

    TRY(stream_take(&c->streams[offsets_id], 8, &v, e));
    if (get_be64(v.p) != stream_at(&c->streams[data_id])) {
        FAIL(e, ERRC_INTEGRITY, "log %s: entry %" PRIu64 ": its place in %s is wrong",
             c->files.name, c->tree.head.size, log_file_name(offsets_id));
    }
    return RESULT_OK;
}

static RESULT check_leaf(struct check *c, struct entry *ret, struct error *e)
{
    struct bytes v;

    TRY(check_offset(c, LOG_OFFSETS, LOG_ENTRIES, e));
    TRY(stream_take(&c->streams[LOG_ENTRIES], 2, &v, e));
    TRY(stream_take(&c->streams[LOG_ENTRIES], get_be16(v.p), &v, e));
    buf_reset(&c->leaf);
    buf_add(&c->leaf, v);
    TRY_MSG(buf_result(&c->leaf), e, "log %s", c->files.name);
    struct result r = entry_parse(v, ret, e);
    if (!result_is_ok(r)) {
        return damaged(e, c, "it is not an entry");
    }
    if (ret->time_ms < c->last_ms) {
        return damaged(e, c, "its time is before that of the entry before");
    }
    c->last_ms = ret->time_ms;
    for (unsigned i = 0; i < ROLE_COUNT_; i++) {
        if (strcmp(role_name((enum role)i), ret->source) == 0) {
            c->counters[i]++;
            return ret->counter == c->counters[i] ? RESULT_OK
                                                  : damaged(e, c, "its counter does not follow");
        }
    }
    return damaged(e, c, "its source is none");
}

static RESULT check_hashes(struct check *c, struct error *e)
{
    struct tree_hash leaf = tree_leaf_hash(buf_bytes(&c->leaf)), node;
    unsigned top = tree_recent_add(&c->tree, &leaf);

    for (unsigned tile = 0; tile <= top / 8 && tile < LOG_LEVELS; tile++) {
        struct bytes stored;
        TRY(stream_take(&c->streams[LOG_HASHES + tile], TREE_HASH_BYTES, &stored, e));
        uint64_t index = (c->tree.head.size >> 8 * tile) - 1;
        if (!tree_recent_get(&c->tree, 8 * tile, index, &node) ||
            memcmp(stored.p, node.b, TREE_HASH_BYTES) != 0) {
            FAIL(e, ERRC_INTEGRITY,
                 "log %s: entry %" PRIu64 ": hash %" PRIu64 " of %s is not that of the entries",
                 c->files.name, c->tree.head.size - 1, index, log_file_name(LOG_HASHES + tile));
        }
    }
    if (c->tree.head.size % 4096 == 0) {
        struct tree_frontier head = c->tree.head;
        tree_recent_rebase(&c->tree, &head);
    }
    return RESULT_OK;
}

static RESULT check_payload(struct check *c, const struct entry *en, struct error *e)
{
    struct bytes v;
    struct payload_frame f;

    TRY(check_offset(c, LOG_PAYLOAD_OFFSETS, LOG_PAYLOADS, e));
    TRY(stream_take(&c->streams[LOG_PAYLOADS], PAYLOAD_HEAD, &v, e));
    uint32_t n = get_be32(v.p);
    buf_reset(&c->frame);
    buf_add(&c->frame, v);
    if (n > PAYLOAD_FRAME_MAX - PAYLOAD_HEAD) {
        return damaged(e, c, "the length of its payload is damaged");
    }
    TRY(stream_take(&c->streams[LOG_PAYLOADS], n, &v, e));
    buf_add(&c->frame, v);
    TRY_MSG(buf_result(&c->frame), e, "log %s", c->files.name);
    if (!result_is_ok(payload_frame_parse(buf_bytes(&c->frame), &f, e))) {
        return damaged(e, c, "its payload is damaged");
    }
    if (f.month != payload_month(en->time_ms)) {
        return damaged(e, c, "its payload is of another month");
    }
    if (c->o->keys == NULL) {
        return RESULT_OK;
    }
    buf_reset(&c->plain);
    struct result r =
            payload_open(&c->payload_keys, &f, c->o->origin, c->tree.head.size, &c->plain, e);
    if (r.code == ERRC_EXPIRED) {
        c->report.erased++;
        return RESULT_OK;
    }
    if (r.code == ERRC_INTEGRITY) {
        return damaged(e, c, "its payload does not open");
    }
    TRY(r);
    struct bytes plain = buf_bytes(&c->plain);
    struct tree_hash commitment =
            entry_commitment(plain.p, bytes_slice(plain, LEDGER_SALT_BYTES, plain.n));
    return tree_hash_equal(&commitment, &en->commitment)
                   ? RESULT_OK
                   : damaged(e, c, "its payload is not what it commits to");
}

/* --- checkpoints --- */

static RESULT bad_record(struct error *e, const struct check *c, const char *what)
{
    FAIL(e, ERRC_INTEGRITY, "log %s: checkpoint record %" PRIu64 " (size %" PRIu64 "): %s",
         c->files.name, c->record_at, c->record.size, what);
}

static RESULT check_note(struct check *c, const struct tree_hash *root, struct error *e)
{
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));
    struct checkpoint cp;
    uint64_t time_s;
    const struct log_record *r = &c->record;

    if (!result_is_ok(note_parse(bytes_of(r->note, r->note_n), n, e)) ||
        !result_is_ok(checkpoint_parse(n->text, &cp, e)) || n->signature_count != 1) {
        return bad_record(e, c, "it holds no checkpoint");
    }
    if (!result_is_ok(note_verify(n, c->o->key, &time_s, e))) {
        return bad_record(e, c, "the signature does not verify");
    }
    if (!bytes_equal_str(cp.origin, c->o->origin) || cp.size != r->size ||
        !tree_hash_equal(&cp.root, root)) {
        return bad_record(e, c, "it is not of these entries");
    }
    return RESULT_OK;
}

/* All records of the size reached. */
static RESULT check_records(struct check *c, struct error *e)
{
    while (c->record_at < c->record_count && c->record.size == c->tree.head.size) {
        const struct log_record *r = &c->record;
        struct tree_hash root = tree_frontier_root(&c->tree.head);
        TRY(check_note(c, &root, e));
        if (memcmp(r->counters, c->counters, sizeof(r->counters)) != 0 ||
            r->last_ms != c->last_ms || r->entries_bytes != stream_at(&c->streams[LOG_ENTRIES]) ||
            r->payloads_bytes != stream_at(&c->streams[LOG_PAYLOADS])) {
            return bad_record(e, c, "its counters or places are not those of the entries");
        }
        uint64_t size = r->size;
        c->record_at++;
        if (c->record_at < c->record_count) {
            TRY(log_record_read(&c->files, c->record_at, &c->record, e));
            if (c->record.size <= size) {
                return bad_record(e, c, "it is not larger than the one before");
            }
        }
    }
    return RESULT_OK;
}

static RESULT check_all(struct check *c, struct error *e)
{
    TRY(check_begin(c, e));
    TRY(check_records(c, e));
    while (c->tree.head.size < c->last.size) {
        struct entry en;
        TRY(check_leaf(c, &en, e));
        TRY(check_payload(c, &en, e));
        TRY(check_hashes(c, e));
        TRY(check_records(c, e));
    }
    if (c->record_at != c->record_count) {
        return bad_record(e, c, "its size is not reached");
    }
    TRY(log_cosign_check(&c->files, c->o->witnesses, c->o->witness_count, e));
    TRY(log_timestamp_check(&c->files, e));
    c->report.size = c->last.size;
    c->report.checkpoints = c->record_count;
    return RESULT_OK;
}

/*= 2.1.5-3 "records are kept so that alteration is detectable; gap check" */
RESULT log_check(struct fs *ledger_dir, const char *name, const struct log_check_options *o,
                 struct log_check_report *ret, struct error *e)
{
    CLEANUP(check_done_p) struct check c = { .o = o };

    if (!log_name_is_valid(bytes_str(name))) {
        FAIL(e, ERRC_FORMAT, "'%.80s' is no name of a log", name);
    }
    log_files_init(&c.files, ledger_dir, name, false);
    TRY(check_all(&c, e));
    *ret = c.report;
    return RESULT_OK;
}

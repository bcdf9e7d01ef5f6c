/*
 * Re-wrapping: after a rotation the data keys of a key's older versions come under its newest one.
 * The data stay as they are. A file's header is one sector and is written before its row: both keys
 * open it while they differ. A pack record is moved with a new header.
 */
#include "vault/gc.h"
#include "vault/row.h"

#define STEP 32

struct step {
    const struct vault_ctx *cx;
    struct gc_move moves[STEP]; /* small ones in front */
    size_t n, small;
    bool moved;
};

static RESULT choose(struct step *st, struct db_conn *c, const char *key_id, uint32_t newest,
                     size_t max, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(
            c,
            "SELECT " EXTENT_COLUMNS " FROM keyref k JOIN extent e ON e.keyref = k.id"
            " WHERE k.tenant = ? AND k.key_id = ? AND k.version < ? ORDER BY e.pack DESC LIMIT ?",
            &s, e));
    db_bind_text(s, 1, bytes_str(st->cx->tenant));
    db_bind_text(s, 2, bytes_str(key_id));
    db_bind_i64(s, 3, newest);
    db_bind_i64(s, 4, (int64_t)MIN(max, (size_t)STEP));
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        struct gc_move *m = &st->moves[st->n++];
        TRY(row_get_extent(s, 0, &m->x, e));
        st->small += m->x.place.pack != 0;
        TRY(db_step(s, &has_row, e));
    }
    return RESULT_OK;
}

static RESULT rewrap_key(const struct step *st, struct gc_move *m, struct error *e)
{
    CLEANUP(data_key_wipe) struct data_key dk = { 0 };
    uint8_t aad[BLOB_AAD_MAX];
    size_t n = blob_key_aad(&m->x.uid, st->cx->tenant, aad);
    TRY_MSG(keys_rewrap(st->cx->keeper, st->cx->tenant, &m->x.ref, bytes_of(aad, n),
                        bytes_of(m->x.wrapped, m->x.wrapped_n), &dk, e),
            e, "rewrap");
    m->to = m->x;
    m->to.ref = dk.ref;
    m->to.wrapped_n = dk.wrapped_n;
    memcpy(m->to.wrapped, dk.wrapped, dk.wrapped_n);
    return RESULT_OK;
}

static struct blob_header header_of(const struct extent *x)
{
    struct blob_header h = {
        .suite = x->suite, .uid = x->uid, .ref = x->ref, .wrapped_n = x->wrapped_n
    };
    memcpy(h.prefix, x->prefix, sizeof(h.prefix));
    memcpy(h.wrapped, x->wrapped, x->wrapped_n);
    return h;
}

/* The record with its new header, in memory of its own. */
static RESULT remake_record(const struct step *st, struct gc_move *m, struct error *e)
{
    CLEANUP(mem_free_p) uint8_t *old = NULL;
    struct blob_header was, h = header_of(&m->to);
    struct bytes chunks;
    TRY(gc_read_record(st->cx->vault, &m->x, &old, e));
    TRY(record_open(bytes_of(old, m->x.place.n), &was, &chunks, e));
    size_t header_n = blob_header_len(&h), n = RECORD_HEAD_BYTES + header_n + chunks.n;
    uint8_t *record = mem_alloc(n);
    blob_header_write(&h, record + RECORD_HEAD_BYTES, header_n);
    memcpy(record + RECORD_HEAD_BYTES + header_n, chunks.p, chunks.n);
    record_seal(record, n);
    m->record = bytes_of(record, n);
    return RESULT_OK;
}

struct header_job {
    struct fs *fs;
    char path[BLOB_PATH_BYTES];
    uint8_t header[BLOB_HEADER_FILE];
    struct result r;
    struct error *e;
};

static struct result write_header(struct header_job *j)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    TRY(fs_open(j->fs, j->path, FS_WRITE, &f, j->e));
    TRY(fs_pwrite(f, j->header, sizeof(j->header), 0, j->e));
    return fs_datasync(f, j->e);
}

static void run_write_header(void *arg)
{
    struct header_job *j = arg;
    j->r = write_header(j);
}

static RESULT rewrap_file(const struct step *st, struct gc_move *m, struct error *e)
{
    struct vault *v = st->cx->vault;
    struct header_job j = { .fs = v->config.fs, .e = e };
    struct blob_header h = header_of(&m->to);
    blob_path(&m->x.uid, j.path);
    blob_header_write(&h, j.header, sizeof(j.header));
    co_call(v->config.pool, run_write_header, &j);
    return j.r;
}

static struct result update_files(struct db_conn *c, void *arg, struct error *e)
{
    const struct step *st = arg;
    bool moved = false;
    for (size_t i = st->small; i < st->n; i++) {
        TRY(row_move_extent(c, st->cx->tenant, &st->moves[i].x, &st->moves[i].to, &moved, e));
    }
    return RESULT_OK;
}

/* What was deleted or moved meanwhile has no part in it any more, or comes again. */
static bool is_gone(struct result r)
{
    return r.code == ERRC_NOT_FOUND;
}

static RESULT rewrap_step(struct step *st, struct error *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < st->n; i++) {
        struct gc_move *m = &st->moves[i];
        bool is_small = i < st->small;
        TRY(rewrap_key(st, m, e));
        struct result r = is_small ? remake_record(st, m, e) : rewrap_file(st, m, e);
        if (is_small && result_is_ok(r)) {
            struct gc_move move = *m;
            m->record = BYTES_NONE;
            st->moves[kept++] = move;
        }
        if (!result_is_ok(r) && !is_gone(r)) {
            return r;
        }
    }
    if (kept > 0) {
        TRY(gc_move_records(st->cx->vault, st->cx->tenant, st->moves, kept, e));
    }
    return st->n > st->small ? db_write(st->cx->vault->config.db, update_files, st, e) : RESULT_OK;
}

RESULT vault_rewrap(const struct vault_ctx *cx, const char *key_id, size_t max, size_t *ret_done,
                    struct error *e)
{
    struct key_info key;
    struct db_conn *c = NULL;
    CLEANUP(mem_free_p) struct step *st = mem_zalloc(sizeof(*st));
    st->cx = cx;
    TRY_MSG(keys_show(cx->keeper, cx->tenant, key_id, &key, e), e, "rewrap");
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = choose(st, c, key.id, key.version, max, e);
    db_read_end(c);
    r = result_is_ok(r) ? rewrap_step(st, e) : r;
    for (size_t i = 0; i < st->small; i++) {
        mem_free((void *)(uintptr_t)st->moves[i].record.p);
    }
    TRY(r);
    *ret_done = st->n;
    return RESULT_OK;
}

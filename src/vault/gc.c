/*
 * Housekeeping: data that was overwritten or deleted leaves the disk. The row in `gc` was written
 * with the change itself; here the file is unlinked first and the rows go after it, so that a crash
 * between leaves a row whose file is gone, never a file without a row.
 */
#include "vault/gc.h"

#include "vault/act.h"
#include "vault/row.h"

#define BATCH    256
#define GRACE_MS 1000 /* from look-up to opening, a reader has this long */

struct item {
    int64_t gc, extent, chain, start;
    bool is_file;
    struct blob_uid uid;
    struct pack_place place; /* set in the transaction */
};

struct batch {
    struct vault *v;
    struct item items[BATCH];
    size_t n;
    int64_t last_gc;
    bool is_full;
};

static RESULT add_chain(struct batch *b, struct db_conn *c, int64_t gc, int64_t chain,
                        struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(
            c,
            "SELECT h.start, h.extent, e.uid, e.pack FROM chain h JOIN extent e ON e.id = h.extent"
            " WHERE h.id = ? ORDER BY h.start LIMIT ?",
            &s, e));
    db_bind_i64(s, 1, chain);
    db_bind_i64(s, 2, (int64_t)(BATCH - b->n));
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        struct item *it = &b->items[b->n++];
        *it = (struct item){
            .gc = gc, .chain = chain, .start = db_col_i64(s, 0), .extent = db_col_i64(s, 1)
        };
        it->is_file = db_col_i64(s, 3) == 0;
        memcpy(it->uid.b, db_col_bytes(s, 2).p, MIN(db_col_bytes(s, 2).n, sizeof(it->uid.b)));
        TRY(db_step(s, &has_row, e));
    }
    db_reset(s);
    return RESULT_OK;
}

static RESULT add_extent(struct batch *b, struct db_conn *c, int64_t gc, int64_t extent,
                         struct error *e)
{
    struct extent x = { 0 };
    struct result r = row_extent(c, extent, &x, e);
    if (!result_is_ok(r) && r.code != ERRC_NOT_FOUND) {
        return r;
    }
    b->items[b->n++] = (struct item){
        .gc = gc, .extent = extent, .is_file = result_is_ok(r) && x.place.pack == 0, .uid = x.uid
    };
    return RESULT_OK;
}

static RESULT collect(struct batch *b, struct db_conn *c, int64_t until_ms, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(
            c, "SELECT id, extent, chain FROM gc WHERE id > ? AND at_ms <= ? ORDER BY id LIMIT ?",
            &s, e));
    db_bind_i64(s, 1, b->v->gc_cursor);
    db_bind_i64(s, 2, until_ms);
    db_bind_i64(s, 3, BATCH);
    TRY(db_step(s, &has_row, e));
    while (has_row && b->n < BATCH) {
        int64_t gc = db_col_i64(s, 0), extent = db_col_i64(s, 1), chain = db_col_i64(s, 2);
        if (chain == 0) {
            TRY(add_extent(b, c, gc, extent, e));
        } else if (!vault_chain_is_pinned(b->v, chain)) {
            TRY(add_chain(b, c, gc, chain, e));
        }
        b->last_gc = gc;
        TRY(db_step(s, &has_row, e));
    }
    b->is_full = has_row || b->n == BATCH;
    return RESULT_OK;
}

static RESULT run_id(struct db_conn *c, const char *sql, int64_t id, int64_t second,
                     struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, sql, &s, e));
    db_bind_i64(s, 1, id);
    if (second >= 0) {
        db_bind_i64(s, 2, second);
    }
    return db_run(s, e);
}

static RESULT remove_item(struct db_conn *c, struct item *it, struct error *e)
{
    struct extent x;
    struct result r = row_extent(c, it->extent, &x, e);
    it->place = result_is_ok(r) ? x.place : (struct pack_place){ 0 };
    TRY(run_id(c, "DELETE FROM extent WHERE id = ?", it->extent, -1, e));
    if (it->chain == 0) {
        return run_id(c, "DELETE FROM gc WHERE id = ?", it->gc, -1, e);
    }
    TRY(run_id(c, "DELETE FROM chain WHERE id = ? AND start = ?", it->chain, it->start, e));
    return run_id(
            c,
            "DELETE FROM gc WHERE id = ? AND NOT EXISTS (SELECT 1 FROM chain WHERE chain.id = ?)",
            it->gc, it->chain, e);
}

static struct result remove_rows(struct db_conn *c, void *arg, struct error *e)
{
    struct batch *b = arg;
    for (size_t i = 0; i < b->n; i++) {
        TRY(remove_item(c, &b->items[i], e));
    }
    return RESULT_OK;
}

static RESULT free_batch(struct batch *b, struct error *e)
{
    struct vault *v = b->v;
    struct db_conn *c = NULL;
    int64_t until_ms = clock_wall_ms(v->config.clock) - GRACE_MS;
    TRY(db_read_begin(v->config.db, &c, e));
    struct result r = collect(b, c, until_ms, e);
    db_read_end(c);
    TRY(r);
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].is_file) {
            TRY_MSG(vault_unlink_blob(v, &b->items[i].uid, e), e, "remove blob");
        }
    }
    if (b->n > 0) {
        TRY(db_write(v->config.db, remove_rows, b, e));
    }
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].place.pack != 0) {
            packs_drop(v->packs, &b->items[i].place);
        }
    }
    return RESULT_OK;
}

RESULT gc_free_extents(struct vault *v, bool *ret_more, struct error *e)
{
    CLEANUP(mem_free_p) struct batch *b = mem_zalloc(sizeof(*b));
    b->v = v;
    TRY(free_batch(b, e));
    v->gc_cursor = b->is_full ? b->last_gc - 1 : 0; /* a long chain is gone on with */
    *ret_more = b->is_full && b->n > 0;
    return RESULT_OK;
}

RESULT vault_housekeep(struct vault *v, struct rpc_client *scribe, bool *ret_more, struct error *e)
{
    bool more_blobs = false, more_moves = false, more_packs = false;
    TRY_MSG(gc_free_extents(v, &more_blobs, e), e, "housekeeping");
    TRY_MSG(gc_compact(v, &more_moves, e), e, "housekeeping");
    bool has_space = result_is_ok(vault_check_space(v, v->config.pack_bytes, NULL));
    TRY_MSG(packs_upkeep(v->packs, has_space, &more_packs, e), e, "housekeeping");
    TRY_MSG(gc_settle(v, scribe, e), e, "housekeeping");
    *ret_more = more_blobs || more_moves || more_packs;
    return RESULT_OK;
}

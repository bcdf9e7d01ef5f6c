/* Moving small records: out of sparse segments, and with a new header when their keys are
 * re-wrapped. */
#include "vault/gc.h"

#include "vault/row.h"

#define MOVES 32

RESULT gc_read_record(struct vault *v, const struct extent *x, uint8_t **ret, struct error *e)
{
    if (!packs_pin(v->packs, x->place.pack)) {
        FAIL(e, ERRC_NOT_FOUND, "the record has moved");
    }
    uint8_t *record = mem_alloc(x->place.n);
    struct result r = packs_read(v->packs, &x->place, record, e);
    packs_unpin(v->packs, x->place.pack);
    if (!result_is_ok(r)) {
        mem_free(record);
        return r;
    }
    *ret = record;
    return RESULT_OK;
}

struct moving {
    const char *tenant;
    struct gc_move *moves;
    size_t n;
    bool moved[MOVES];
};

static struct result update_rows(struct db_conn *c, void *arg, struct error *e)
{
    struct moving *m = arg;
    for (size_t i = 0; i < m->n; i++) {
        TRY(row_move_extent(c, m->tenant, &m->moves[i].x, &m->moves[i].to, &m->moved[i], e));
    }
    return RESULT_OK;
}

RESULT gc_move_records(struct vault *v, const char *tenant, struct gc_move *moves, size_t n,
                       struct error *e)
{
    struct moving m = { .tenant = tenant, .moves = moves, .n = n };
    struct bytes records[MOVES] = { 0 };
    struct pack_place places[MOVES] = { 0 };
    if (n > MOVES) {
        FAIL(e, ERRC_BUG, "%zu moves at once", n);
    }
    for (size_t i = 0; i < n; i++) {
        records[i] = moves[i].record;
    }
    TRY(packs_append_many(v->packs, records, n, places, e));
    for (size_t i = 0; i < n; i++) {
        moves[i].to.place = places[i];
    }
    struct result r = db_write(v->config.db, update_rows, &m, e);
    for (size_t i = 0; i < n; i++) {
        bool has_moved = result_is_ok(r) && m.moved[i];
        packs_drop(v->packs, has_moved ? &moves[i].x.place : &places[i]);
    }
    return r;
}

static RESULT choose(struct db_conn *c, uint64_t pack, struct gc_move *moves, size_t *ret_n,
                     struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    size_t n = 0;
    TRY(db_prepare(c,
                   "SELECT " EXTENT_COLUMNS " FROM extent e JOIN keyref k ON k.id = e.keyref"
                   " WHERE e.pack > 0 AND e.pack = ? ORDER BY e.at LIMIT ?",
                   &s, e));
    db_bind_i64(s, 1, (int64_t)pack);
    db_bind_i64(s, 2, MOVES);
    TRY(db_step(s, &has_row, e));
    while (has_row && n < MOVES) {
        TRY(row_get_extent(s, 0, &moves[n].x, e));
        moves[n].to = moves[n].x;
        n++;
        TRY(db_step(s, &has_row, e));
    }
    *ret_n = n;
    return RESULT_OK;
}

static RESULT compact(struct vault *v, uint64_t pack, struct gc_move *moves, size_t *ret_n,
                      struct error *e)
{
    struct db_conn *c = NULL;
    TRY(db_read_begin(v->config.db, &c, e));
    struct result r = choose(c, pack, moves, ret_n, e);
    db_read_end(c);
    TRY(r);
    for (size_t i = 0; i < *ret_n; i++) {
        uint8_t *record = NULL;
        TRY(gc_read_record(v, &moves[i].x, &record, e));
        moves[i].record = bytes_of(record, moves[i].x.place.n);
    }
    return *ret_n > 0 ? gc_move_records(v, NULL, moves, *ret_n, e) : RESULT_OK;
}

RESULT gc_compact(struct vault *v, bool *ret_more, struct error *e)
{
    uint64_t pack = packs_sparse(v->packs);
    size_t n = 0;
    *ret_more = false;
    if (pack == 0) {
        return RESULT_OK;
    }
    CLEANUP(mem_free_p) struct gc_move *moves = mem_calloc(MOVES, sizeof(*moves));
    struct result r = compact(v, pack, moves, &n, e);
    for (size_t i = 0; i < MOVES; i++) {
        mem_free((void *)(uintptr_t)moves[i].record.p);
    }
    *ret_more = result_is_ok(r) && n > 0;
    return r;
}

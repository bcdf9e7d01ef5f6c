#include "vault/row.h"

#include "vault/attrs.h"

static RESULT get_fixed(struct db_stmt *s, int i, void *dst, size_t n, struct error *e)
{
    struct bytes v = db_col_bytes(s, i);
    if (v.n != n) {
        FAIL(e, ERRC_FORMAT, "column %d of a row has %zu bytes", i, v.n);
    }
    memcpy(dst, v.p, n);
    return RESULT_OK;
}

static void get_text(struct db_stmt *s, int i, char *dst, size_t cap)
{
    struct bytes v = db_col_bytes(s, i);
    snprintf(dst, cap, "%.*s", BYTES_FMT(v));
}

RESULT row_get_extent(struct db_stmt *s, int i, struct extent *ret, struct error *e)
{
    struct extent x = { .id = db_col_i64(s, i) };
    TRY(get_fixed(s, i + 1, x.uid.b, sizeof(x.uid.b), e));
    x.place.pack = (uint64_t)db_col_i64(s, i + 2);
    x.place.at = (uint64_t)db_col_i64(s, i + 3);
    x.place.n = x.place.pack == 0 ? 0 : (uint32_t)db_col_i64(s, i + 4);
    x.size = (uint64_t)db_col_i64(s, i + 5);
    TRY(get_fixed(s, i + 6, x.prefix, sizeof(x.prefix), e));
    struct bytes wrapped = db_col_bytes(s, i + 7);
    if (wrapped.n > sizeof(x.wrapped)) {
        FAIL(e, ERRC_FORMAT, "wrapped key of a row has %zu bytes", wrapped.n);
    }
    memcpy(x.wrapped, wrapped.p, wrapped.n);
    x.wrapped_n = wrapped.n;
    get_text(s, i + 8, x.ref.id, sizeof(x.ref.id));
    x.ref.version = (uint32_t)db_col_i64(s, i + 9);
    TRY_MSG(suite_by_number((unsigned)db_col_i64(s, i + 10), &x.suite), e, "suite of a row");
    get_text(s, i + 11, x.custodian, sizeof(x.custodian));
    *ret = x;
    return RESULT_OK;
}

RESULT row_extent(struct db_conn *c, int64_t id, struct extent *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT " EXTENT_COLUMNS
                   " FROM extent e JOIN keyref k ON k.id = e.keyref WHERE e.id = ?",
                   &s, e));
    db_bind_i64(s, 1, id);
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "extent %lld", (long long)id);
    }
    return row_get_extent(s, 0, ret, e);
}

RESULT row_chain(struct db_conn *c, int64_t chain, uint64_t at, struct extent *ret,
                 uint64_t *ret_start, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT h.start, " EXTENT_COLUMNS
                   " FROM chain h JOIN extent e ON e.id = h.extent"
                   " JOIN keyref k ON k.id = e.keyref WHERE h.id = ? AND h.start <= ? ORDER BY "
                   "h.start DESC LIMIT 1",
                   &s, e));
    db_bind_i64(s, 1, chain);
    db_bind_i64(s, 2, (int64_t)at);
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "chain %lld", (long long)chain);
    }
    TRY(row_get_extent(s, 1, ret, e));
    *ret_start = (uint64_t)db_col_i64(s, 0);
    return RESULT_OK;
}

RESULT row_chain_part(struct db_conn *c, int64_t chain, uint32_t number, uint64_t *ret_start,
                      uint64_t *ret_n, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c, "SELECT start, size FROM chain WHERE id = ? ORDER BY start LIMIT 1 OFFSET ?",
                   &s, e));
    db_bind_i64(s, 1, chain);
    db_bind_i64(s, 2, (int64_t)number - 1);
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no such part");
    }
    *ret_start = (uint64_t)db_col_i64(s, 0);
    *ret_n = (uint64_t)db_col_i64(s, 1);
    db_reset(s);
    return RESULT_OK;
}

static RESULT fill_object(struct db_conn *c, struct db_stmt *s, struct arena *a,
                          struct vault_object *o, struct error *e)
{
    struct extent *x = arena_zalloc(a, sizeof(*x));
    o->size = (uint64_t)db_col_i64(s, 0);
    o->modified_ms = db_col_i64(s, 1);
    get_text(s, 2, o->etag, sizeof(o->etag));
    o->sse = (enum vault_sse)db_col_i64(s, 3);
    o->part_count = (uint32_t)db_col_i64(s, 4);
    o->log_index = (uint64_t)db_col_i64(s, 5);
    int64_t chain = db_col_i64(s, 6);
    TRY(attrs_decode(db_col_bytes(s, 7), false, a, o, e));
    if (chain == 0) {
        TRY(row_get_extent(s, 8, x, e));
    } else {
        uint64_t start = 0;
        TRY(row_chain(c, chain, 0, x, &start, e));
        x->id = 0;
        x->chain = chain;
        x->size = o->size;
    }
    o->suite = x->suite;
    o->key_ref = x->ref;
    memcpy(o->custodian, x->custodian, sizeof(o->custodian));
    o->extent_ = x;
    return RESULT_OK;
}

RESULT row_object(struct db_conn *c, int64_t bucket, struct bytes key, const char *version,
                  struct arena *a, struct vault_object *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    if (version[0] == 0 || strcmp(version, "null") == 0) {
        TRY(db_prepare(c,
                       "SELECT o.size, o.modified_ms, o.etag, o.sse, o.parts, o.log_index, "
                       "o.chain, o.attrs, " EXTENT_COLUMNS
                       " FROM object o LEFT JOIN extent e ON e.id = o.extent LEFT JOIN keyref k ON "
                       "k.id = e.keyref"
                       " WHERE o.bucket = ? AND o.key = ? AND o.version = 'null'",
                       &s, e));
        db_bind_i64(s, 1, bucket);
        db_bind_blob(s, 2, key);
        TRY(db_step(s, &has_row, e));
    }
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no such object");
    }
    struct vault_object o = { .version = "null" };
    TRY(fill_object(c, s, a, &o, e));
    o.key = arena_bytes(a, key);
    *ret = o;
    return RESULT_OK;
}

RESULT row_object_is(struct db_conn *c, int64_t bucket, struct bytes key, const struct extent *x,
                     bool *ret, struct error *e)
{
    struct row_old now;
    TRY(row_old(c, bucket, key, &now, e));
    *ret = now.exists && now.extent == x->id && now.chain == x->chain;
    return RESULT_OK;
}

RESULT row_old(struct db_conn *c, int64_t bucket, struct bytes key, struct row_old *ret,
               struct error *e)
{
    struct db_stmt *s = NULL;
    struct row_old old = { 0 };
    TRY(db_prepare(c,
                   "SELECT extent, chain, size, etag, modified_ms FROM object"
                   " WHERE bucket = ? AND key = ? AND version = 'null'",
                   &s, e));
    db_bind_i64(s, 1, bucket);
    db_bind_blob(s, 2, key);
    TRY(db_step(s, &old.exists, e));
    if (old.exists) {
        old.extent = db_col_i64(s, 0);
        old.chain = db_col_i64(s, 1);
        old.size = (uint64_t)db_col_i64(s, 2);
        get_text(s, 3, old.etag, sizeof(old.etag));
        old.modified_ms = db_col_i64(s, 4);
    }
    db_reset(s);
    *ret = old;
    return RESULT_OK;
}

RESULT row_count(struct db_conn *c, int64_t bucket, int64_t objects, int64_t bytes, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "UPDATE bucket SET objects = objects + ?, bytes = bytes + ? WHERE id = ?", &s,
                   e));
    db_bind_i64(s, 1, objects);
    db_bind_i64(s, 2, bytes);
    db_bind_i64(s, 3, bucket);
    TRY(db_run(s, e));
    if (db_changes(c) != 1) {
        FAIL(e, ERRC_NOT_FOUND, "the bucket is gone");
    }
    return RESULT_OK;
}

RESULT row_put_object(struct db_conn *c, int64_t bucket, const struct vault_object *o,
                      struct bytes attrs, int64_t extent, int64_t chain, const struct row_old *old,
                      struct error *e)
{
    struct db_stmt *s = NULL;
    int64_t more = (int64_t)o->size - (old->exists ? (int64_t)old->size : 0);
    TRY(row_count(c, bucket, old->exists ? 0 : 1, more, e));
    if (old->exists) {
        TRY(row_retire(c, old->extent, old->chain, o->modified_ms, e));
    }
    TRY(db_prepare(c,
                   "INSERT OR REPLACE INTO object (bucket, key, version, size, modified_ms, etag, "
                   "sse, parts, log_index,"
                   " extent, chain, attrs) VALUES (?, ?, 'null', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   &s, e));
    db_bind_i64(s, 1, bucket);
    db_bind_blob(s, 2, o->key);
    db_bind_i64(s, 3, (int64_t)o->size);
    db_bind_i64(s, 4, o->modified_ms);
    db_bind_text(s, 5, bytes_str(o->etag));
    db_bind_i64(s, 6, o->sse);
    db_bind_i64(s, 7, o->part_count);
    db_bind_i64(s, 8, (int64_t)o->log_index);
    db_bind_i64(s, 9, extent);
    db_bind_i64(s, 10, chain);
    db_bind_blob(s, 11, attrs);
    return db_run(s, e);
}

static RESULT keyref(struct db_conn *c, const char *tenant, const struct extent *x, int64_t *ret,
                     struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c, "SELECT id FROM keyref WHERE tenant = ? AND key_id = ? AND version = ?", &s,
                   e));
    db_bind_text(s, 1, bytes_str(tenant));
    db_bind_text(s, 2, bytes_str(x->ref.id));
    db_bind_i64(s, 3, x->ref.version);
    TRY(db_step(s, &has_row, e));
    if (has_row) {
        *ret = db_col_i64(s, 0);
        db_reset(s);
        return RESULT_OK;
    }
    TRY(db_prepare(
            c,
            "INSERT INTO keyref (tenant, key_id, version, suite, custodian) VALUES (?, ?, ?, ?, ?)",
            &s, e));
    db_bind_text(s, 1, bytes_str(tenant));
    db_bind_text(s, 2, bytes_str(x->ref.id));
    db_bind_i64(s, 3, x->ref.version);
    db_bind_i64(s, 4, x->suite);
    db_bind_text(s, 5, bytes_str(x->custodian));
    TRY(db_run(s, e));
    *ret = db_last_id(c);
    return RESULT_OK;
}

RESULT row_add_extent(struct db_conn *c, const char *tenant, struct extent *x, struct error *e)
{
    struct db_stmt *s = NULL;
    int64_t key = 0;
    TRY(keyref(c, tenant, x, &key, e));
    TRY(db_prepare(c,
                   "INSERT INTO extent (uid, pack, at, length, size, keyref, prefix, wrapped)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   &s, e));
    db_bind_blob(s, 1, bytes_of(x->uid.b, sizeof(x->uid.b)));
    db_bind_i64(s, 2, (int64_t)x->place.pack);
    db_bind_i64(s, 3, (int64_t)x->place.at);
    db_bind_i64(s, 4, x->place.n);
    db_bind_i64(s, 5, (int64_t)x->size);
    db_bind_i64(s, 6, key);
    db_bind_blob(s, 7, bytes_of(x->prefix, sizeof(x->prefix)));
    db_bind_blob(s, 8, bytes_of(x->wrapped, x->wrapped_n));
    TRY(db_run(s, e));
    x->id = db_last_id(c);
    return RESULT_OK;
}

RESULT row_move_extent(struct db_conn *c, const char *tenant, const struct extent *x,
                       const struct extent *to, bool *ret_moved, struct error *e)
{
    struct db_stmt *s = NULL;
    int64_t key = 0;
    if (tenant != NULL) {
        TRY(keyref(c, tenant, to, &key, e));
        TRY(db_prepare(c,
                       "UPDATE extent SET pack = ?, at = ?, length = ?, keyref = ?, wrapped = ?"
                       " WHERE id = ? AND uid = ? AND pack = ? AND at = ?",
                       &s, e));
        db_bind_i64(s, 4, key);
        db_bind_blob(s, 5, bytes_of(to->wrapped, to->wrapped_n));
    } else {
        TRY(db_prepare(c,
                       "UPDATE extent SET pack = ?, at = ?, length = ? WHERE id = ? AND uid = ? "
                       "AND pack = ? AND at = ?",
                       &s, e));
    }
    int i = tenant != NULL ? 5 : 3;
    db_bind_i64(s, 1, (int64_t)to->place.pack);
    db_bind_i64(s, 2, (int64_t)to->place.at);
    db_bind_i64(s, 3, to->place.n);
    db_bind_i64(s, i + 1, x->id);
    db_bind_blob(s, i + 2, bytes_of(x->uid.b, sizeof(x->uid.b)));
    db_bind_i64(s, i + 3, (int64_t)x->place.pack);
    db_bind_i64(s, i + 4, (int64_t)x->place.at);
    TRY(db_run(s, e));
    *ret_moved = db_changes(c) == 1;
    return RESULT_OK;
}

RESULT row_retire(struct db_conn *c, int64_t extent, int64_t chain, int64_t now_ms, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "INSERT INTO gc (extent, chain, at_ms) VALUES (?, ?, ?)", &s, e));
    db_bind_i64(s, 1, extent);
    db_bind_i64(s, 2, chain);
    db_bind_i64(s, 3, now_ms);
    return db_run(s, e);
}

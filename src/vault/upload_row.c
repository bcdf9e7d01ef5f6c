/* Rows of uploads and parts. */
#include "vault/attrs.h"
#include "vault/object.h"

RESULT object_find_upload(struct db_conn *c, int64_t bucket, struct bytes key,
                          const char *upload_id, struct upload_row *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    struct upload_row u = { 0 };
    TRY(db_prepare(c,
                   "SELECT id, created_ms, sse, key_id, wanted, is_full, attrs FROM upload"
                   " WHERE upload_id = ? AND bucket = ? AND key = ?",
                   &s, e));
    db_bind_text(s, 1, bytes_str(upload_id));
    db_bind_i64(s, 2, bucket);
    db_bind_blob(s, 3, key);
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no such upload");
    }
    u.id = db_col_i64(s, 0);
    u.created_ms = db_col_i64(s, 1);
    u.sse = (enum vault_sse)db_col_i64(s, 2);
    snprintf(u.key_id, sizeof(u.key_id), "%.*s", BYTES_FMT(db_col_bytes(s, 3)));
    u.wanted = (unsigned)db_col_i64(s, 4);
    u.is_full = db_col_i64(s, 5) != 0;
    u.attrs = db_col_bytes(s, 6);
    *ret = u;
    return RESULT_OK;
}

static RESULT get_part(struct db_stmt *s, struct arena *a, struct stored_part *ret, struct error *e)
{
    struct vault_object o = { 0 };
    struct stored_part p = { .part = { .number = (uint32_t)db_col_i64(s, 0),
                                       .size = (uint64_t)db_col_i64(s, 2),
                                       .modified_ms = db_col_i64(s, 4) },
                             .extent = db_col_i64(s, 1) };
    snprintf(p.part.etag, sizeof(p.part.etag), "%.*s", BYTES_FMT(db_col_bytes(s, 3)));
    TRY(attrs_decode(db_col_bytes(s, 5), true, a, &o, e));
    p.part.checksums = o.checksums;
    *ret = p;
    return RESULT_OK;
}

RESULT object_list_parts(struct db_conn *c, int64_t upload, uint32_t after, size_t max,
                         struct arena *a, struct stored_part **ret, size_t *ret_n, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    struct stored_part *parts = NULL;
    size_t n = 0, cap = 0;
    TRY(db_prepare(c,
                   "SELECT number, extent, size, etag, modified_ms, attrs FROM part"
                   " WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
                   &s, e));
    db_bind_i64(s, 1, upload);
    db_bind_i64(s, 2, after);
    db_bind_i64(s, 3, (int64_t)max);
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        if (n == cap) {
            cap = cap == 0 ? 16 : 2 * cap;
            struct stored_part *more = arena_alloc(a, cap * sizeof(*more));
            if (n > 0) {
                memcpy(more, parts, n * sizeof(*more));
            }
            parts = more;
        }
        TRY(get_part(s, a, &parts[n++], e));
        TRY(db_step(s, &has_row, e));
    }
    db_reset(s);
    *ret = parts;
    *ret_n = n;
    return RESULT_OK;
}

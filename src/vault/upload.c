/* Multipart uploads: beginning, looking, aborting. Their completion is in complete.c, their parts
 * are put.c's. */
#include "vault/act.h"
#include "vault/attrs.h"
#include "vault/object.h"
#include "vault/row.h"

struct creation {
    const struct vault_ctx *cx;
    const struct vault_put *put;
    struct vault_upload upload;
    enum vault_sse sse;
    struct buf attrs;
};

static struct result insert(struct db_conn *c, void *arg, const struct ledger_position *at,
                            struct error *e)
{
    struct creation *u = arg;
    const struct vault_put *p = u->put;
    struct db_stmt *s = NULL;
    TRY(row_count(c, p->bucket->id, 0, 0, e)); /* the bucket is still there */
    TRY(db_prepare(c,
                   "INSERT INTO upload (upload_id, bucket, key, created_ms, sse, key_id, wanted, "
                   "is_full, attrs)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   &s, e));
    u->upload.created_ms = at->time_ms;
    db_bind_text(s, 1, bytes_str(u->upload.id));
    db_bind_i64(s, 2, p->bucket->id);
    db_bind_blob(s, 3, p->key);
    db_bind_i64(s, 4, at->time_ms);
    db_bind_i64(s, 5, u->sse);
    db_bind_text(s, 6, bytes_str(p->key_id != NULL ? p->key_id : p->bucket->key_id));
    db_bind_i64(s, 7, p->checksums_wanted & ((1u << VAULT_CHECKSUM_COUNT) - 1));
    db_bind_i64(s, 8, p->is_checksum_full);
    db_bind_blob(s, 9, buf_bytes(&u->attrs));
    return db_run(s, e);
}

static RESULT create(struct creation *u, struct error *e)
{
    const struct vault_put *p = u->put;
    struct ledger_position at;
    struct vault_object o = { .content_type = p->content_type,
                              .headers = p->headers,
                              .header_count = p->header_count,
                              .metadata = p->metadata,
                              .metadata_count = p->metadata_count,
                              .tags = p->tags,
                              .tag_count = p->tag_count };
    TRY(vault_check_key(p->key, e));
    TRY(vault_check_space(u->cx->vault, 0, e));
    if (p->tag_count > VAULT_TAGS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d tags", VAULT_TAGS_MAX);
    }
    attrs_encode(&o, &u->attrs);
    TRY_MSG(buf_result(&u->attrs), e, "attributes");
    object_random_hex(u->cx->vault, u->upload.id);
    u->upload.key = arena_bytes(u->cx->arena, p->key);
    struct payload payload = { .bucket = p->bucket->name, .key = p->key, .upload = u->upload.id };
    return act_change(u->cx, "multipart.create", &payload, insert, u, &at, NULL, e);
}

RESULT vault_upload_create(const struct vault_ctx *cx, const struct vault_put *put,
                           struct vault_upload *ret, struct error *e)
{
    struct creation u = { .cx = cx,
                          .put = put,
                          .sse = put->sse != 0 ? put->sse : put->bucket->sse,
                          .attrs = BUF(ATTRS_MAX) };
    struct result r = create(&u, e);
    buf_done(&u.attrs);
    if (result_is_ok(r)) {
        *ret = u.upload;
    }
    return r;
}

/* --- looking --- */

static RESULT read_upload(struct db_conn *c, const struct vault_ctx *cx,
                          const struct vault_bucket *b, struct bytes key, const char *upload_id,
                          struct vault_put *ret, struct error *e)
{
    struct upload_row u;
    struct vault_object o = { 0 };
    TRY(object_find_upload(c, b->id, key, upload_id, &u, e));
    TRY(attrs_decode(u.attrs, false, cx->arena, &o, e));
    *ret = (struct vault_put){ .bucket = b,
                               .key = arena_bytes(cx->arena, key),
                               .content_type = o.content_type,
                               .headers = o.headers,
                               .header_count = o.header_count,
                               .metadata = o.metadata,
                               .metadata_count = o.metadata_count,
                               .tags = o.tags,
                               .tag_count = o.tag_count,
                               .checksums_wanted = u.wanted,
                               .is_checksum_full = u.is_full,
                               .sse = u.sse,
                               .key_id = arena_str(cx->arena, bytes_str(u.key_id)),
                               .upload_id = arena_str(cx->arena, bytes_str(upload_id)) };
    return RESULT_OK;
}

RESULT vault_upload_get(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                        const char *upload_id, struct vault_put *ret, struct error *e)
{
    struct db_conn *c = NULL;
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = read_upload(c, cx, b, key, upload_id, ret, e);
    db_read_end(c);
    return r;
}

RESULT vault_upload_parts(const struct vault_ctx *cx, const struct vault_bucket *b,
                          struct bytes key, const char *upload_id, uint32_t after, size_t max,
                          struct vault_part **ret, size_t *ret_n, bool *ret_truncated,
                          struct error *e)
{
    struct db_conn *c = NULL;
    struct upload_row u;
    struct stored_part *stored = NULL;
    size_t n = 0;
    struct ledger_position at;
    struct payload p = { .bucket = b->name, .key = key, .upload = upload_id };
    TRY(act_log(cx, "object.list", &p, &at, e));
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = object_find_upload(c, b->id, key, upload_id, &u, e);
    r = result_is_ok(r) ? object_list_parts(c, u.id, after, max + 1, cx->arena, &stored, &n, e) : r;
    db_read_end(c);
    TRY(r);
    *ret_truncated = n > max;
    *ret_n = MIN(n, max);
    *ret = arena_alloc(cx->arena, *ret_n * sizeof(**ret));
    for (size_t i = 0; i < *ret_n; i++) {
        (*ret)[i] = stored[i].part;
    }
    return RESULT_OK;
}

static RESULT collect_uploads(struct db_stmt *s, const struct vault_ctx *cx, struct bytes prefix,
                              size_t max, struct vault_upload *list, size_t *ret_n,
                              bool *ret_truncated, struct error *e)
{
    bool has_row = false;
    size_t n = 0;
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        struct bytes key = db_col_bytes(s, 0);
        if (!bytes_has_prefix(key, prefix)) {
            break; /* ordered, and it began at the prefix */
        }
        if (n == max) {
            *ret_truncated = true;
            break;
        }
        struct vault_upload *u = &list[n++];
        *u = (struct vault_upload){ .key = arena_bytes(cx->arena, key),
                                    .created_ms = db_col_i64(s, 2) };
        snprintf(u->id, sizeof(u->id), "%.*s", BYTES_FMT(db_col_bytes(s, 1)));
        TRY(db_step(s, &has_row, e));
    }
    *ret_n = n;
    return RESULT_OK;
}

RESULT vault_upload_list(const struct vault_ctx *cx, const struct vault_bucket *b,
                         struct bytes prefix, struct bytes key_after, const char *id_after,
                         size_t max, struct vault_upload **ret, size_t *ret_n, bool *ret_truncated,
                         struct error *e)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    struct ledger_position at;
    size_t n = 0;
    bool truncated = false;
    if (max > 1000) {
        FAIL(e, ERRC_RANGE, "a listing has at most 1000 uploads");
    }
    struct payload p = {
        .bucket = b->name, .prefix = prefix, .after = key_after, .upload = id_after
    };
    TRY(act_log(cx, "object.list", &p, &at, e));
    struct vault_upload *list = arena_alloc(cx->arena, max * sizeof(*list));
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    /* Without an id all uploads of key_after itself are passed: ids sort before "~". */
    struct result r =
            db_prepare(c,
                       "SELECT key, upload_id, created_ms FROM upload WHERE bucket = ? AND key >= ?"
                       " AND (key, upload_id) > (?, ?) ORDER BY key, upload_id",
                       &s, e);
    if (result_is_ok(r)) {
        db_bind_i64(s, 1, b->id);
        db_bind_blob(s, 2, prefix.p == NULL ? BYTES_LIT("") : prefix);
        db_bind_blob(s, 3, key_after.p == NULL ? BYTES_LIT("") : key_after);
        db_bind_text(s, 4,
                     bytes_str(id_after != NULL && id_after[0] != 0 ? id_after
                               : key_after.n > 0                    ? "~"
                                                                    : ""));
        r = collect_uploads(s, cx, prefix, max, list, &n, &truncated, e);
    }
    db_read_end(c);
    TRY(r);
    *ret = list;
    *ret_n = n;
    *ret_truncated = truncated;
    return RESULT_OK;
}

/* --- aborting --- */

RESULT object_drop_upload(struct db_conn *c, int64_t upload, int64_t now_ms, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(
            c,
            "INSERT INTO gc (extent, chain, at_ms) SELECT extent, 0, ? FROM part WHERE upload = ?",
            &s, e));
    db_bind_i64(s, 1, now_ms);
    db_bind_i64(s, 2, upload);
    TRY(db_run(s, e));
    TRY(db_prepare(c, "DELETE FROM part WHERE upload = ?", &s, e));
    db_bind_i64(s, 1, upload);
    TRY(db_run(s, e));
    TRY(db_prepare(c, "DELETE FROM upload WHERE id = ?", &s, e));
    db_bind_i64(s, 1, upload);
    return db_run(s, e);
}

struct abortion {
    int64_t bucket;
    struct bytes key;
    const char *upload_id;
};

static struct result abort_upload(struct db_conn *c, void *arg, const struct ledger_position *at,
                                  struct error *e)
{
    const struct abortion *a = arg;
    struct upload_row u;
    TRY(object_find_upload(c, a->bucket, a->key, a->upload_id, &u, e));
    return object_drop_upload(c, u.id, at->time_ms, e);
}

RESULT vault_upload_abort(const struct vault_ctx *cx, const struct vault_bucket *b,
                          struct bytes key, const char *upload_id, struct error *e)
{
    struct abortion a = { .bucket = b->id, .key = key, .upload_id = upload_id };
    struct vault_put there;
    struct ledger_position at;
    struct payload p = { .bucket = b->name, .key = key, .upload = upload_id };
    TRY(vault_upload_get(cx, b, key, upload_id, &there, e));
    return act_change(cx, "multipart.abort", &p, abort_upload, &a, &at, NULL, e);
}

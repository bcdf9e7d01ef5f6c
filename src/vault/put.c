/* Putting an object or a part: see the write path in vault.h. */
#include "vault/act.h"
#include "vault/attrs.h"
#include "vault/object.h"
#include "vault/row.h"
#include "vault/writer.h"

#include "base/text.h"

struct vault_writer {
    struct vault_ctx cx;
    struct vault_put put;
    enum vault_sse sse;
    unsigned wanted; /* checksums that the client asked for or sent */
    int64_t upload;  /* of a part: its upload's row */
    struct body body;
    struct vault_object object;
    struct buf attrs;
};

static bool is_part(const struct vault_writer *w)
{
    return w->put.upload_id != NULL;
}

/* --- begin --- */

static RESULT check_put(const struct vault_writer *w, uint64_t max, struct error *e)
{
    const struct vault_put *p = &w->put;
    TRY(vault_check_key(p->key, e));
    if (is_part(w) && (p->part_number < 1 || p->part_number > VAULT_PARTS_MAX)) {
        FAIL(e, ERRC_RANGE, "part numbers are 1 to %d", VAULT_PARTS_MAX);
    }
    if (p->has_size && p->size > max) {
        FAIL(e, ERRC_LIMIT, "%llu bytes are more than %llu", (unsigned long long)p->size,
             (unsigned long long)max);
    }
    if (p->tag_count > VAULT_TAGS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d tags", VAULT_TAGS_MAX);
    }
    return vault_check_space(w->cx.vault, p->has_size ? p->size : 0, e);
}

static bool has_conditions(const struct vault_conditions *c)
{
    return c->if_match.n != 0 || c->if_none_match.n != 0 || c->has_modified_since ||
           c->has_unmodified_since;
}

/*
 * PutObject knows If-None-Match and If-Match. A write is refused where a read would be answered
 * "not modified".
 */
RESULT object_check_conditions(struct db_conn *c, int64_t bucket, struct bytes key,
                               const struct vault_conditions *cond, struct error *e)
{
    struct row_old old;
    if (!has_conditions(cond)) {
        return RESULT_OK;
    }
    TRY(row_old(c, bucket, key, &old, e));
    struct vault_object o = { .modified_ms = old.modified_ms };
    memcpy(o.etag, old.etag, sizeof(o.etag));
    if (vault_conditions_eval(cond, old.exists ? &o : NULL) != VAULT_PROCEED) {
        FAIL(e, ERRC_CONFLICT, "a precondition is not met");
    }
    return RESULT_OK;
}

static RESULT check_rows(struct vault_writer *w, struct db_conn *c, struct error *e)
{
    const struct vault_put *p = &w->put;
    if (is_part(w)) {
        struct upload_row u;
        TRY(object_find_upload(c, p->bucket->id, p->key, p->upload_id, &u, e));
        w->upload = u.id;
        w->sse = u.sse;
        return RESULT_OK;
    }
    return object_check_conditions(c, p->bucket->id, p->key, &p->conditions, e);
}

static RESULT begin(struct vault_writer *w, struct error *e)
{
    const struct vault_put *p = &w->put;
    uint64_t max = is_part(w) ? VAULT_PART_MAX : VAULT_OBJECT_MAX;
    struct db_conn *c = NULL;

    TRY(check_put(w, max, e));
    w->sse = p->sse != 0 ? p->sse : p->bucket->sse;
    if (is_part(w) || has_conditions(&p->conditions)) { /* early; they count when it is written */
        TRY(db_read_begin(w->cx.vault->config.db, &c, e));
        struct result r = check_rows(w, c, e);
        db_read_end(c);
        TRY(r);
    }
    w->wanted = p->checksums_wanted & VAULT_ALL_CHECKSUMS;
    unsigned digests = w->wanted;
    digests |= p->bucket->digest == VAULT_DIGEST_ALWAYS ? 1u << VAULT_SHA256 : 0;
    digests |= w->sse == VAULT_SSE_AES256 ? 1u << VAULT_MD5 : 0;
    const char *key_id = p->key_id != NULL ? p->key_id : p->bucket->key_id;
    return body_begin(&w->body, &w->cx, key_id, p->has_size, p->size, max, digests, e);
}

RESULT vault_put_begin(const struct vault_ctx *cx, const struct vault_put *put,
                       struct vault_writer **ret, struct error *e)
{
    struct vault_writer *w = mem_zalloc(sizeof(*w));
    w->cx = *cx;
    w->put = *put;
    w->attrs = BUF(ATTRS_MAX);
    struct result r = begin(w, e);
    if (!result_is_ok(r)) {
        vault_put_abort(w);
        return r;
    }
    *ret = w;
    return RESULT_OK;
}

/* --- the body --- */

RESULT vault_put_space(struct vault_writer *w, uint8_t **ret, size_t *ret_n, struct error *e)
{
    return body_space(&w->body, ret, ret_n, e);
}

RESULT vault_put_wrote(struct vault_writer *w, size_t n, struct error *e)
{
    return body_wrote(&w->body, n, e);
}

RESULT vault_put_write(struct vault_writer *w, struct bytes data, struct error *e)
{
    while (data.n > 0) {
        uint8_t *p = NULL;
        size_t n = 0;
        TRY(body_space(&w->body, &p, &n, e));
        n = MIN(n, data.n);
        memcpy(p, data.p, n);
        TRY(body_wrote(&w->body, n, e));
        data = bytes_slice(data, n, data.n);
    }
    return RESULT_OK;
}

RESULT vault_put_digests(struct vault_writer *w, struct vault_checksums *ret, bool *ret_has_sha256,
                         uint8_t ret_sha256[32], struct error *e)
{
    if (w->body.is_failed) {
        FAIL(e, ERRC_BUG, "the body has failed");
    }
    const struct vault_checksums *c = body_digests(&w->body);
    *ret = *c;
    *ret_has_sha256 = (c->known & 1u << VAULT_SHA256) != 0;
    if (*ret_has_sha256) {
        memcpy(ret_sha256, c->value[VAULT_SHA256].b, SHA256_BYTES);
    }
    return RESULT_OK;
}

/* --- commit --- */

void object_random_hex(struct vault *v, char ret[33])
{
    uint8_t b[16];
    rng_fill(v->config.rng, b, sizeof(b));
    hex_encode(bytes_of(b, sizeof(b)), ret);
}

static void describe(struct vault_writer *w)
{
    const struct vault_put *p = &w->put;
    struct vault_object *o = &w->object;
    const struct extent *x = &w->body.x;
    const struct vault_checksums *c = body_digests(&w->body);

    *o = (struct vault_object){ .key = p->key,
                                .version = "null",
                                .size = w->body.written,
                                .content_type = p->content_type,
                                .headers = p->headers,
                                .header_count = p->header_count,
                                .metadata = p->metadata,
                                .metadata_count = p->metadata_count,
                                .tags = p->tags,
                                .tag_count = p->tag_count,
                                .checksums = *c,
                                .sse = w->sse,
                                .suite = x->suite,
                                .key_ref = x->ref };
    o->checksums.known &= w->wanted;
    o->has_sha256 = (c->known & 1u << VAULT_SHA256) != 0;
    memcpy(o->sha256, c->value[VAULT_SHA256].b, SHA256_BYTES);
    memcpy(o->custodian, x->custodian, sizeof(o->custodian));
    if (w->sse == VAULT_SSE_AES256) {
        hex_encode(bytes_of(c->value[VAULT_MD5].b, MD5_BYTES), o->etag);
    } else {
        /* Opaque. "-1" as of a multipart object of one part: clients do not take it for an MD5. */
        char hex[33];
        object_random_hex(w->cx.vault, hex);
        snprintf(o->etag, sizeof(o->etag), "%s-1", hex);
    }
}

static struct result write_object(struct db_conn *c, void *arg, const struct ledger_position *at,
                                  struct error *e)
{
    struct vault_writer *w = arg;
    struct row_old old;
    int64_t bucket = w->put.bucket->id;
    TRY(object_check_conditions(c, bucket, w->put.key, &w->put.conditions, e));
    TRY(row_old(c, bucket, w->put.key, &old, e));
    w->object.modified_ms = at->time_ms;
    w->object.log_index = at->index;
    TRY(row_add_extent(c, w->cx.tenant, &w->body.x, e));
    return row_put_object(c, bucket, &w->object, buf_bytes(&w->attrs), w->body.x.id, 0, &old, e);
}

static RESULT retire_part(struct db_conn *c, const struct vault_writer *w, int64_t now_ms,
                          struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c, "SELECT extent FROM part WHERE upload = ? AND number = ?", &s, e));
    db_bind_i64(s, 1, w->upload);
    db_bind_i64(s, 2, w->put.part_number);
    TRY(db_step(s, &has_row, e));
    int64_t extent = has_row ? db_col_i64(s, 0) : 0;
    db_reset(s);
    return has_row ? row_retire(c, extent, 0, now_ms, e) : RESULT_OK;
}

static struct result write_part(struct db_conn *c, void *arg, const struct ledger_position *at,
                                struct error *e)
{
    struct vault_writer *w = arg;
    struct db_stmt *s = NULL;
    struct upload_row u;
    TRY(object_find_upload(c, w->put.bucket->id, w->put.key, w->put.upload_id, &u, e));
    w->object.modified_ms = at->time_ms;
    w->object.log_index = at->index;
    TRY(retire_part(c, w, at->time_ms, e));
    TRY(row_add_extent(c, w->cx.tenant, &w->body.x, e));
    TRY(db_prepare(
            c,
            "INSERT OR REPLACE INTO part (upload, number, extent, size, etag, modified_ms, attrs)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            &s, e));
    db_bind_i64(s, 1, w->upload);
    db_bind_i64(s, 2, w->put.part_number);
    db_bind_i64(s, 3, w->body.x.id);
    db_bind_i64(s, 4, (int64_t)w->object.size);
    db_bind_text(s, 5, bytes_str(w->object.etag));
    db_bind_i64(s, 6, at->time_ms);
    db_bind_blob(s, 7, buf_bytes(&w->attrs));
    return db_run(s, e);
}

static RESULT commit(struct vault_writer *w, struct buf *receipt, struct error *e)
{
    const struct vault_put *p = &w->put;
    struct ledger_position at;
    TRY(body_finish(&w->body, e));
    describe(w);
    attrs_encode(&w->object, &w->attrs);
    TRY_MSG(buf_result(&w->attrs), e, "attributes");
    struct payload payload = { .bucket = p->bucket->name,
                               .key = p->key,
                               .source = p->copy_source,
                               .object = &w->object,
                               .upload = p->upload_id,
                               .part = p->part_number };
    const char *kind = is_part(w)              ? "multipart.part"
                       : p->copy_source.n != 0 ? "object.copy"
                                               : "object.put";
    TRY(act_change(&w->cx, kind, &payload, is_part(w) ? write_part : write_object, w, &at, receipt,
                   e));
    return RESULT_OK;
}

RESULT vault_put_commit(struct vault_writer *w, struct vault_object *ret, struct buf *receipt,
                        struct error *e)
{
    struct result r = commit(w, receipt, e);
    if (result_is_ok(r)) {
        struct extent *x = arena_alloc(w->cx.arena, sizeof(*x));
        *x = w->body.x;
        *ret = w->object;
        ret->extent_ = x;
    }
    body_done(&w->body, result_is_ok(r));
    buf_done(&w->attrs);
    mem_free(w);
    return r;
}

void vault_put_abort(struct vault_writer *w)
{
    if (w != NULL) {
        body_done(&w->body, false);
        buf_done(&w->attrs);
        mem_free(w);
    }
}

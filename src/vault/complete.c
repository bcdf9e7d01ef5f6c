/* Completing a multipart upload: the object becomes the chain of its parts' blobs; nothing is
 * copied. */
#include "vault/act.h"
#include "vault/attrs.h"
#include "vault/digest.h"
#include "vault/object.h"
#include "vault/row.h"

#include "base/text.h"

struct completion {
    const struct vault_ctx *cx;
    const struct vault_bucket *bucket;
    struct bytes key;
    const char *upload_id;
    const struct vault_part *asked;
    size_t n;
    const struct vault_conditions *conditions;
    struct stored_part *chosen; /* n of them */
    struct upload_row upload;
    struct extent first;
    struct vault_object object;
    struct buf attrs;
};

static RESULT choose(struct completion *m, const struct stored_part *stored, size_t stored_n,
                     struct error *e)
{
    m->chosen = arena_alloc(m->cx->arena, m->n * sizeof(*m->chosen));
    for (size_t i = 0, at = 0; i < m->n; i++) {
        const struct vault_part *asked = &m->asked[i];
        if (i > 0 && asked->number <= m->asked[i - 1].number) {
            FAIL(e, ERRC_FORMAT, "parts are not in order");
        }
        while (at < stored_n && stored[at].part.number < asked->number) {
            at++;
        }
        bool is_there = at < stored_n && stored[at].part.number == asked->number;
        if (!is_there || strcmp(stored[at].part.etag, asked->etag) != 0 ||
            !checksums_agree(&asked->checksums, &stored[at].part.checksums)) {
            FAIL(e, ERRC_INTEGRITY, "part %u is missing or another", asked->number);
        }
        m->chosen[i] = stored[at];
    }
    return RESULT_OK;
}

static RESULT add_up(struct completion *m, struct error *e)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct vault_part *p = &m->chosen[i].part;
        if (i + 1 < m->n && p->size < VAULT_PART_MIN) {
            FAIL(e, ERRC_RANGE, "part %u has less than 5 MiB", p->number);
        }
        m->object.size += p->size;
    }
    if (m->object.size > VAULT_OBJECT_MAX) {
        FAIL(e, ERRC_LIMIT, "the object is larger than 5 TiB");
    }
    return RESULT_OK;
}

/* AES256: the MD5 of the parts' MD5s; else random. Both with the number of parts behind. */
static void make_etag(struct completion *m)
{
    char hex[33];
    if (m->upload.sse == VAULT_SSE_AES256) {
        struct hash h;
        uint8_t md5[MD5_BYTES];
        hash_init(&h, HASH_MD5);
        for (size_t i = 0; i < m->n; i++) {
            result_ignore(hex_decode(bytes_str(m->chosen[i].part.etag), md5, sizeof(md5)));
            hash_update(&h, BYTES_OF(md5));
        }
        hash_final(&h, md5);
        hash_done(&h);
        hex_encode(BYTES_OF(md5), hex);
    } else {
        object_random_hex(m->cx->vault, hex);
    }
    snprintf(m->object.etag, sizeof(m->object.etag), "%s-%u", hex, (unsigned)m->n);
}

static RESULT read_rows(struct completion *m, struct db_conn *c, struct error *e)
{
    struct stored_part *stored = NULL;
    size_t n = 0;
    TRY(object_find_upload(c, m->bucket->id, m->key, m->upload_id, &m->upload, e));
    TRY(attrs_decode(m->upload.attrs, false, m->cx->arena, &m->object, e));
    TRY(object_list_parts(c, m->upload.id, 0, VAULT_PARTS_MAX, m->cx->arena, &stored, &n, e));
    TRY(choose(m, stored, n, e));
    TRY(row_extent(c, m->chosen[0].extent, &m->first, e));
    return object_check_conditions(c, m->bucket->id, m->key, m->conditions, e);
}

static RESULT prepare(struct completion *m, struct error *e)
{
    struct vault_object *o = &m->object;
    struct db_conn *c = NULL;
    if (m->n == 0 || m->n > VAULT_PARTS_MAX) {
        FAIL(e, ERRC_FORMAT, "an upload has 1 to %d parts", VAULT_PARTS_MAX);
    }
    TRY(vault_check_space(m->cx->vault, 0, e));
    TRY(db_read_begin(m->cx->vault->config.db, &c, e));
    struct result r = read_rows(m, c, e);
    db_read_end(c);
    TRY(r);
    TRY(add_up(m, e));
    struct vault_part *parts = arena_alloc(m->cx->arena, m->n * sizeof(*parts));
    for (size_t i = 0; i < m->n; i++) {
        parts[i] = m->chosen[i].part;
    }
    checksums_of_parts(parts, m->n, m->upload.wanted, m->upload.is_full, &o->checksums);
    if (m->conditions->checksums != NULL &&
        !checksums_agree(m->conditions->checksums, &o->checksums)) {
        FAIL(e, ERRC_FORMAT, "the object's checksum is another");
    }
    make_etag(m);
    o->key = arena_bytes(m->cx->arena, m->key);
    memcpy(o->version, "null", 5);
    o->sse = m->upload.sse;
    o->suite = m->first.suite;
    o->key_ref = m->first.ref;
    memcpy(o->custodian, m->first.custodian, sizeof(o->custodian));
    o->part_count = (uint32_t)m->n;
    attrs_encode(o, &m->attrs);
    TRY_MSG(buf_result(&m->attrs), e, "attributes");
    return RESULT_OK;
}

/* The part's blob becomes a link of the chain, if it is still the same. */
static RESULT link_part(struct db_conn *c, const struct completion *m, const struct stored_part *p,
                        uint64_t start, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "DELETE FROM part WHERE upload = ? AND number = ? AND extent = ?", &s, e));
    db_bind_i64(s, 1, m->upload.id);
    db_bind_i64(s, 2, p->part.number);
    db_bind_i64(s, 3, p->extent);
    TRY(db_run(s, e));
    if (db_changes(c) != 1) {
        FAIL(e, ERRC_INTEGRITY, "part %u was replaced", p->part.number);
    }
    if (p->part.size == 0) { /* only the last can be: no byte of the object lies in it */
        return m->n == 1 ? RESULT_OK : row_retire(c, p->extent, 0, m->object.modified_ms, e);
    }
    TRY(db_prepare(c, "INSERT INTO chain (id, start, size, extent) VALUES (?, ?, ?, ?)", &s, e));
    db_bind_i64(s, 1, m->upload.id);
    db_bind_i64(s, 2, (int64_t)start);
    db_bind_i64(s, 3, (int64_t)p->part.size);
    db_bind_i64(s, 4, p->extent);
    return db_run(s, e);
}

static struct result write_object(struct db_conn *c, void *arg, const struct ledger_position *at,
                                  struct error *e)
{
    struct completion *m = arg;
    struct upload_row again;
    struct row_old old;
    uint64_t start = 0;
    TRY(object_find_upload(c, m->bucket->id, m->key, m->upload_id, &again, e));
    TRY(object_check_conditions(c, m->bucket->id, m->key, m->conditions, e));
    TRY(row_old(c, m->bucket->id, m->key, &old, e));
    m->object.modified_ms = at->time_ms;
    m->object.log_index = at->index;
    for (size_t i = 0; i < m->n; i++) {
        TRY(link_part(c, m, &m->chosen[i], start, e));
        start += m->chosen[i].part.size;
    }
    TRY(object_drop_upload(c, m->upload.id, at->time_ms, e));
    bool is_empty = m->object.size == 0;
    return row_put_object(c, m->bucket->id, &m->object, buf_bytes(&m->attrs),
                          is_empty ? m->chosen[0].extent : 0, is_empty ? 0 : m->upload.id, &old, e);
}

RESULT vault_upload_complete(const struct vault_ctx *cx, const struct vault_bucket *b,
                             struct bytes key, const char *upload_id,
                             const struct vault_part *parts, size_t n,
                             const struct vault_conditions *conditions, struct vault_object *ret,
                             struct buf *receipt, struct error *e)
{
    static const struct vault_conditions none;
    CLEANUP(mem_free_p) struct completion *m = mem_zalloc(sizeof(*m));
    struct ledger_position at;
    *m = (struct completion){ .cx = cx,
                              .bucket = b,
                              .key = key,
                              .upload_id = upload_id,
                              .asked = parts,
                              .n = n,
                              .conditions = conditions == NULL ? &none : conditions };
    m->attrs = BUF(ATTRS_MAX);
    struct result r = prepare(m, e);
    if (result_is_ok(r)) {
        struct payload p = { .bucket = b->name,
                             .key = key,
                             .upload = upload_id,
                             .object = &m->object,
                             .parts = (uint32_t)n };
        r = act_change(cx, "multipart.complete", &p, write_object, m, &at, receipt, e);
    }
    buf_done(&m->attrs);
    TRY(r);
    struct extent *x = arena_alloc(cx->arena, sizeof(*x));
    *x = m->first;
    x->size = m->object.size;
    if (m->object.size > 0) {
        x->id = 0;
        x->chain = m->upload.id;
    }
    *ret = m->object;
    ret->extent_ = x;
    return RESULT_OK;
}

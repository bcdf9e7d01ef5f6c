/* Reading everything of a tenant, to see that it is what was put. */
#include "vault/reader.h"
#include "vault/row.h"

#include "base/text.h"

#define PAGE_ROWS 64

struct place {
    struct vault_bucket bucket;
    struct bytes key;
    uint32_t part;  /* 0: an object */
    int64_t extent; /* of a part */
};

struct checker {
    const struct vault_ctx *cx; /* with an arena of its own */
    struct place rows[PAGE_ROWS];
    size_t n;
    int64_t after_bucket;
    struct buf after_key;
    int64_t after_upload;
    uint32_t after_part;
    void (*found)(void *arg, const char *place, const char *what);
    void *arg;
    uint64_t objects, bytes;
};

static void get_place(struct checker *k, struct db_stmt *s)
{
    struct place *p = &k->rows[k->n++];
    *p = (struct place){ .bucket = { .id = db_col_i64(s, 0) },
                         .key = arena_bytes(k->cx->arena, db_col_bytes(s, 2)) };
    snprintf(p->bucket.name, sizeof(p->bucket.name), "%.*s", BYTES_FMT(db_col_bytes(s, 1)));
}

static RESULT object_page(struct checker *k, struct db_conn *c, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT b.id, b.name, o.key FROM bucket b JOIN object o ON o.bucket = b.id "
                   "WHERE b.tenant = ?"
                   " AND b.id >= ?2 AND (b.id > ?2 OR o.key > ?3) ORDER BY b.id, o.key LIMIT ?4",
                   &s, e));
    db_bind_text(s, 1, bytes_str(k->cx->tenant));
    db_bind_i64(s, 2, k->after_bucket);
    struct bytes after = buf_bytes(&k->after_key);
    db_bind_blob(s, 3, after.n == 0 ? BYTES_LIT("") : after);
    db_bind_i64(s, 4, PAGE_ROWS);
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        get_place(k, s);
        TRY(db_step(s, &has_row, e));
    }
    if (k->n > 0) {
        const struct place *last = &k->rows[k->n - 1];
        k->after_bucket = last->bucket.id;
        buf_reset(&k->after_key);
        buf_add(&k->after_key, last->key);
    }
    return RESULT_OK;
}

static RESULT part_page(struct checker *k, struct db_conn *c, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT b.id, b.name, u.key, u.id, p.number, p.extent FROM upload u JOIN bucket "
                   "b ON b.id = u.bucket"
                   " JOIN part p ON p.upload = u.id WHERE b.tenant = ? AND u.id >= ?2 AND (u.id > "
                   "?2 OR p.number > ?3)"
                   " ORDER BY u.id, p.number LIMIT ?4",
                   &s, e));
    db_bind_text(s, 1, bytes_str(k->cx->tenant));
    db_bind_i64(s, 2, k->after_upload);
    db_bind_i64(s, 3, k->after_part);
    db_bind_i64(s, 4, PAGE_ROWS);
    TRY(db_step(s, &has_row, e));
    while (has_row) {
        get_place(k, s);
        struct place *p = &k->rows[k->n - 1];
        k->after_upload = db_col_i64(s, 3);
        k->after_part = p->part = (uint32_t)db_col_i64(s, 4);
        p->extent = db_col_i64(s, 5);
        TRY(db_step(s, &has_row, e));
    }
    return RESULT_OK;
}

typedef struct result (*page_fn)(struct checker *k, struct db_conn *c, struct error *e);

static RESULT next_page(struct checker *k, page_fn page, struct error *e)
{
    struct db_conn *c = NULL;
    arena_reset(k->cx->arena);
    k->n = 0;
    TRY(db_read_begin(k->cx->vault->config.db, &c, e));
    struct result r = page(k, c, e);
    db_read_end(c);
    return r;
}

static RESULT find_part(struct checker *k, const struct place *p, struct vault_object *ret,
                        struct error *e)
{
    struct db_conn *c = NULL;
    struct extent *x = arena_zalloc(k->cx->arena, sizeof(*x));
    TRY(db_read_begin(k->cx->vault->config.db, &c, e));
    struct result r = row_extent(c, p->extent, x, e);
    db_read_end(c);
    TRY(r);
    *ret = (struct vault_object){ .key = p->key, .size = x->size, .extent_ = x };
    return RESULT_OK;
}

static RESULT read_all(struct checker *k, const struct place *p, struct error *e)
{
    CLEANUP(vault_get_close_p) struct vault_reader *r = NULL;
    CLEANUP(hash_done_p) struct hash h = { 0 };
    struct vault_object o;
    struct bytes data;
    uint8_t digest[SHA256_BYTES];
    if (p->part == 0) {
        TRY(reader_look_up(k->cx, p->bucket.id, p->key, "", &o, e));
    } else {
        TRY(find_part(k, p, &o, e));
    }
    k->objects += p->part == 0;
    hash_init(&h, HASH_SHA256);
    TRY(reader_open(k->cx, &p->bucket, &o, 0, o.size, &r, e));
    do {
        TRY(vault_get_read(r, &data, e));
        k->bytes += data.n;
        if (o.has_sha256) {
            hash_update(&h, data);
        }
    } while (data.n > 0);
    hash_final(&h, digest);
    if (o.has_sha256 && memcmp(digest, o.sha256, sizeof(digest)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "SHA-256 differs");
    }
    return RESULT_OK;
}

/* Errors of integrity are findings; the others end the check, but for what was replaced meanwhile.
 */
static RESULT check_one(struct checker *k, const struct place *p, struct error *e)
{
    struct error why = { 0 };
    struct result r = read_all(k, p, &why);
    if (result_is_ok(r) || r.code == ERRC_NOT_FOUND || r.code == ERRC_AGAIN) {
        if (r.code == ERRC_AGAIN && !rpc_client_is_up(k->cx->keeper)) {
            *e = why;
            return r;
        }
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf name = BUF(8192);
    buf_addf(&name, "%s/", p->bucket.name);
    text_add_escaped(&name, p->key, VAULT_KEY_MAX);
    if (p->part != 0) {
        buf_addf(&name, " part %u", p->part);
    }
    k->found(k->arg, buf_cstr(&name), why.msg);
    return RESULT_OK;
}

static RESULT check_pages(struct checker *k, page_fn page, struct error *e)
{
    do {
        TRY(next_page(k, page, e));
        for (size_t i = 0; i < k->n; i++) {
            TRY(check_one(k, &k->rows[i], e));
        }
    } while (k->n > 0);
    return RESULT_OK;
}

RESULT vault_check(const struct vault_ctx *cx,
                   void (*found)(void *arg, const char *place, const char *what), void *arg,
                   uint64_t *ret_objects, uint64_t *ret_bytes, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(64 * 1024, false);
    CLEANUP(mem_free_p) struct checker *k = mem_zalloc(sizeof(*k));
    struct vault_ctx own = *cx;
    own.arena = arena;
    *k = (struct checker){ .cx = &own, .found = found, .arg = arg };
    k->after_key = BUF(VAULT_KEY_MAX);
    struct error scratch;
    struct result r = check_pages(k, object_page, e == NULL ? &scratch : e);
    r = result_is_ok(r) ? check_pages(k, part_page, e == NULL ? &scratch : e) : r;
    buf_done(&k->after_key);
    TRY(r);
    *ret_objects = k->objects;
    *ret_bytes = k->bytes;
    return RESULT_OK;
}

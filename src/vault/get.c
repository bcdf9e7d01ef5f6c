/*
 * Looking up and reading objects. A reader goes from blob to blob of the object: for each it has
 * the data key unwrapped, then opens the chunks of the range one by one.
 */
#include "vault/act.h"
#include "vault/object.h"
#include "vault/reader.h"
#include "vault/row.h"
#include "vault/window.h"

#include "base/text.h"

struct vault_reader {
    struct vault_ctx cx;
    int64_t bucket;
    const char *bucket_name;
    struct bytes key;
    struct extent whole;    /* the object's */
    uint64_t position, end; /* in the object */

    bool is_open; /* a blob */
    struct extent x;
    uint64_t start; /* of the blob in the object */
    struct stream_opener *opener;
    uint8_t aad[BLOB_AAD_MAX];
    size_t aad_n;
    uint8_t *record;       /* of a small blob */
    struct bytes chunks;   /* in record, behind the header */
    struct window *window; /* of a large one */
};

/* --- look-up --- */

RESULT reader_look_up(const struct vault_ctx *cx, int64_t bucket, struct bytes key,
                      const char *version, struct vault_object *ret, struct error *e)
{
    struct db_conn *c = NULL;
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = row_object(c, bucket, key, version, cx->arena, ret, e);
    db_read_end(c);
    return r;
}

RESULT vault_head(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                  const char *version, bool log_it, struct vault_object *ret, struct error *e)
{
    struct vault_object o;
    struct ledger_position at;
    TRY(vault_check_key(key, e));
    struct result r = reader_look_up(cx, b->id, key, version, &o, e);
    if (r.code == ERRC_NOT_FOUND) {
        struct payload p = { .bucket = b->name, .key = key, .version = version, .status = 404 };
        TRY(act_log(cx, "object.head", &p, &at, e));
        FAIL(e, ERRC_NOT_FOUND, "no such object");
    }
    TRY(r);
    if (log_it) {
        struct payload p = { .bucket = b->name, .key = key, .object = &o };
        TRY(act_log(cx, "object.head", &p, &at, e));
    }
    *ret = o;
    return RESULT_OK;
}

RESULT vault_part_range(const struct vault_ctx *cx, const struct vault_object *o, uint32_t number,
                        uint64_t *ret_from, uint64_t *ret_n, struct error *e)
{
    if (o->extent_->chain == 0) {
        if (number != 1) {
            FAIL(e, ERRC_NOT_FOUND, "no such part");
        }
        *ret_from = 0;
        *ret_n = o->size;
        return RESULT_OK;
    }
    struct db_conn *c = NULL;
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = row_chain_part(c, o->extent_->chain, number, ret_from, ret_n, e);
    db_read_end(c);
    return r;
}

/* --- one blob --- */

static void close_blob(struct vault_reader *r)
{
    stream_opener_free(TAKE(r->opener));
    window_close(TAKE(r->window));
    mem_free(TAKE(r->record));
    r->is_open = false;
}

/* The blob is not where its row said. */
static RESULT moved(struct vault_reader *r, struct error *e)
{
    struct db_conn *c = NULL;
    bool is_same = false;
    TRY(db_read_begin(r->cx.vault->config.db, &c, e));
    struct result res = row_object_is(c, r->bucket, r->key, &r->whole, &is_same, e);
    db_read_end(c);
    TRY(res);
    if (is_same) {
        FAIL(e, ERRC_INTEGRITY, "the blob's file is missing");
    }
    FAIL(e, ERRC_AGAIN, "the object was replaced");
}

static RESULT find_again(struct vault_reader *r, struct error *e)
{
    struct db_conn *c = NULL;
    TRY(db_read_begin(r->cx.vault->config.db, &c, e));
    struct result res = row_extent(c, r->x.id, &r->x, e);
    db_read_end(c);
    return res.code == ERRC_NOT_FOUND ? error_set(e, ERRC_AGAIN, "the object was replaced") : res;
}

static RESULT check_header(const struct extent *x, const struct blob_header *h, struct error *e)
{
    if (memcmp(h->uid.b, x->uid.b, sizeof(h->uid.b)) != 0 || h->suite != x->suite ||
        memcmp(h->prefix, x->prefix, sizeof(h->prefix)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "pack record: of another blob");
    }
    return RESULT_OK;
}

/* A few pages at most, likely in the page cache: read right here. */
static RESULT read_record(struct vault_reader *r, struct error *e)
{
    struct packs *packs = r->cx.vault->packs;
    struct blob_header h;
    for (unsigned tries = 0; !packs_pin(packs, r->x.place.pack); tries++) {
        uint64_t before = r->x.place.pack;
        TRY(find_again(r, e));
        if (r->x.place.pack == before || tries == 8) {
            FAIL(e, ERRC_INTEGRITY, "pack %llu is missing", (unsigned long long)before);
        }
    }
    r->record = mem_alloc(r->x.place.n);
    struct result res = packs_read(packs, &r->x.place, r->record, e);
    packs_unpin(packs, r->x.place.pack);
    TRY(res);
    TRY(record_open(bytes_of(r->record, r->x.place.n), &h, &r->chunks, e));
    TRY(check_header(&r->x, &h, e));
    uint64_t sealed = 0;
    TRY_MSG(stream_sealed_len(r->x.suite, r->x.size, &sealed), e, "size");
    if (sealed != r->chunks.n) {
        FAIL(e, ERRC_INTEGRITY, "pack record: length");
    }
    return RESULT_OK;
}

static RESULT open_key(struct vault_reader *r, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 key;
    uint8_t aad[BLOB_AAD_MAX];
    struct extent *x = &r->x;
    size_t n = blob_key_aad(&x->uid, r->cx.tenant, aad);
    TRY_MSG(keys_unwrap(r->cx.keeper, r->cx.tenant, &x->ref, bytes_of(aad, n),
                        bytes_of(x->wrapped, x->wrapped_n), &key, e),
            e, "data key");
    TRY_MSG(stream_opener_new(x->suite, &key, x->prefix, &r->opener), e, "open");
    r->aad_n = blob_chunk_aad(x->suite, x->prefix, &x->uid, r->cx.tenant, r->aad);
    return RESULT_OK;
}

static RESULT find_blob(struct vault_reader *r, struct error *e)
{
    if (r->whole.chain == 0) {
        r->x = r->whole;
        r->start = 0;
        return RESULT_OK;
    }
    struct db_conn *c = NULL;
    TRY(db_read_begin(r->cx.vault->config.db, &c, e));
    struct result res = row_chain(c, r->whole.chain, r->position, &r->x, &r->start, e);
    db_read_end(c);
    return res.code == ERRC_NOT_FOUND ? error_set(e, ERRC_AGAIN, "the object was replaced") : res;
}

static RESULT open_blob(struct vault_reader *r, struct error *e)
{
    TRY(find_blob(r, e));
    if (r->x.place.pack == 0) {
        uint64_t from = r->position - r->start, until = MIN(r->end - r->start, r->x.size);
        uint64_t last = until == 0 ? 1 : (until + STREAM_CHUNK - 1) / STREAM_CHUNK;
        TRY(window_open(r->cx.vault, &r->x, from / STREAM_CHUNK, last, &r->window, e));
    } else {
        TRY(read_record(r, e));
    }
    TRY(open_key(r, e));
    r->is_open = true;
    return RESULT_OK;
}

/* The sealed chunk `index` of the open blob. */
static RESULT sealed_chunk(struct vault_reader *r, uint64_t index, uint8_t **ret, size_t *ret_n,
                           struct error *e)
{
    if (r->window != NULL) {
        return window_next(r->window, ret, ret_n, e);
    }
    size_t full = STREAM_CHUNK + suite_tag_len(r->x.suite), at = (size_t)index * full;
    *ret = r->record + (r->chunks.p - r->record) + at;
    *ret_n = MIN(full, r->chunks.n - at);
    return RESULT_OK;
}

static RESULT open_chunk(struct vault_reader *r, uint64_t index, struct bytes *ret, struct error *e)
{
    uint8_t *p = NULL;
    size_t n = 0;
    struct result res = sealed_chunk(r, index, &p, &n, e);
    if (res.code == ERRC_NOT_FOUND) {
        return moved(r, e);
    }
    TRY(res);
    n -= suite_tag_len(r->x.suite);
    bool is_last = index + 1 == stream_chunk_count(r->x.size);
    TRY_MSG(stream_open_chunk(r->opener, (uint32_t)index, is_last, bytes_of(r->aad, r->aad_n),
                              bytes_of(p, n), p + n, p),
            e, "chunk %llu", (unsigned long long)index);
    *ret = bytes_of(p, n);
    return RESULT_OK;
}

/* --- the reader --- */

/* Every failure names the object; what does not fit the row is a matter of integrity. */
static struct result named(const struct vault_reader *r, struct result res, struct error *e)
{
    if (!result_is_ok(res) && e != NULL) {
        struct buf name = BUF(400);
        text_add_escaped(&name, r->key, 200);
        error_prefix(e, "%s/%.*s", r->bucket_name, BYTES_FMT(buf_bytes(&name)));
        buf_done(&name);
    }
    return res;
}

static RESULT pin(struct vault_reader *r, struct error *e)
{
    struct vault *v = r->cx.vault;
    struct db_conn *c = NULL;
    bool is_same = false;
    if (r->whole.chain == 0) {
        return RESULT_OK;
    }
    vault_pin_chain(v, r->whole.chain);
    TRY(db_read_begin(v->config.db, &c, e));
    struct result res = row_object_is(c, r->bucket, r->key, &r->whole, &is_same, e);
    db_read_end(c);
    TRY(res);
    if (!is_same) {
        FAIL(e, ERRC_AGAIN, "the object was replaced");
    }
    return RESULT_OK;
}

RESULT reader_open(const struct vault_ctx *cx, const struct vault_bucket *b,
                   const struct vault_object *o, uint64_t from, uint64_t length,
                   struct vault_reader **ret, struct error *e)
{
    if (from > o->size || length > o->size - from) {
        FAIL(e, ERRC_RANGE, "the object has %llu bytes", (unsigned long long)o->size);
    }
    struct vault_reader *r = mem_zalloc(sizeof(*r));
    r->cx = *cx;
    r->bucket = b->id;
    r->bucket_name = b->name;
    r->key = o->key;
    r->whole = *o->extent_;
    r->position = from;
    r->end = from + length;
    struct result res = pin(r, e);
    if (result_is_ok(res) && (length > 0 || o->size == 0)) {
        res = open_blob(r, e);
    }
    if (result_is_ok(res) && o->size == 0) { /* nothing to give, but its tag holds */
        struct bytes none;
        res = open_chunk(r, 0, &none, e);
    }
    if (!result_is_ok(res)) {
        res = named(r, res, e);
        vault_get_close(r);
        return res;
    }
    *ret = r;
    return RESULT_OK;
}

RESULT vault_get_open(const struct vault_ctx *cx, const struct vault_bucket *b,
                      const struct vault_object *o, uint64_t from, uint64_t length,
                      struct vault_reader **ret, struct error *e)
{
    CLEANUP(vault_get_close_p) struct vault_reader *r = NULL;
    struct ledger_position at;
    struct payload p = { .bucket = b->name,
                         .key = o->key,
                         .object = o,
                         .has_range = true,
                         .from = from,
                         .length = length };
    TRY(reader_open(cx, b, o, from, length, &r, e));
    TRY(act_log(cx, "object.get", &p, &at, e));
    *ret = TAKE(r);
    return RESULT_OK;
}

static RESULT read_next(struct vault_reader *r, struct bytes *ret, struct error *e)
{
    struct bytes plain;
    if (r->is_open && r->position >= r->start + r->x.size) {
        close_blob(r);
    }
    if (!r->is_open) {
        TRY(open_blob(r, e));
    }
    uint64_t in_blob = r->position - r->start, index = in_blob / STREAM_CHUNK;
    TRY(open_chunk(r, index, &plain, e));
    size_t skip = (size_t)(in_blob % STREAM_CHUNK);
    plain = bytes_slice(plain, skip, plain.n);
    plain.n = (size_t)MIN((uint64_t)plain.n, r->end - r->position);
    if (plain.n == 0) {
        FAIL(e, ERRC_INTEGRITY, "the blob is shorter than its row says");
    }
    r->position += plain.n;
    *ret = plain;
    return RESULT_OK;
}

RESULT vault_get_read(struct vault_reader *r, struct bytes *ret, struct error *e)
{
    if (r->position == r->end) {
        *ret = BYTES_NONE;
        return RESULT_OK;
    }
    return named(r, read_next(r, ret, e), e);
}

void vault_get_close(struct vault_reader *r)
{
    if (r == NULL) {
        return;
    }
    close_blob(r);
    if (r->whole.chain != 0) {
        vault_unpin_chain(r->cx.vault, r->whole.chain);
    }
    mem_free(r);
}

#include "vault/writer.h"

#include "vault/act.h"

#define SMALL_CHUNKS (VAULT_SMALL_BYTES / STREAM_CHUNK)

static RESULT take_key(struct body *b, const struct vault_ctx *cx, const char *key_id,
                       struct error *e)
{
    CLEANUP(data_key_wipe) struct data_key dk = { 0 };
    uint8_t aad[BLOB_AAD_MAX];
    struct extent *x = &b->x;

    rng_fill(b->v->config.rng, x->uid.b, sizeof(x->uid.b));
    rng_fill(b->v->config.rng, x->prefix, sizeof(x->prefix));
    size_t n = blob_key_aad(&x->uid, cx->tenant, aad);
    TRY_MSG(keys_data_key(cx->keeper, cx->tenant, key_id, bytes_of(aad, n), &dk, e), e, "data key");
    x->ref = dk.ref;
    x->suite = dk.suite;
    x->wrapped_n = dk.wrapped_n;
    memcpy(x->wrapped, dk.wrapped, dk.wrapped_n);
    memcpy(x->custodian, dk.custodian, sizeof(x->custodian));
    TRY_MSG(stream_sealer_new(x->suite, &dk.key, x->prefix, &b->sealer), e, "seal");
    b->aad_n = blob_chunk_aad(x->suite, x->prefix, &x->uid, cx->tenant, b->aad);
    b->tag_n = suite_tag_len(x->suite);
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

RESULT body_begin(struct body *b, const struct vault_ctx *cx, const char *key_id, bool has_size,
                  uint64_t size, uint64_t max, unsigned digests, struct error *e)
{
    b->v = cx->vault;
    b->tenant = cx->tenant;
    b->has_size = has_size;
    b->size = size;
    b->max = max;
    digests_init(&b->digests, digests);
    return take_key(b, cx, key_id, e);
}

/* --- where it lies --- */

/* Room for a record of what is announced, or of the largest small blob. */
static RESULT open_stage(struct body *b, struct error *e)
{
    struct blob_header h = header_of(&b->x);
    size_t header_n = blob_header_len(&h);
    size_t plain = b->has_size ? (size_t)b->size : VAULT_SMALL_BYTES;
    void *p = NULL;
    b->stage_n = RECORD_HEAD_BYTES + header_n + plain + SMALL_CHUNKS * b->tag_n;
    TRY_MSG(mem_try_alloc(b->stage_n, &p), e, "memory for the body");
    b->stage = b->base = p;
    blob_header_write(&h, b->stage + RECORD_HEAD_BYTES, header_n);
    b->chunk_at = RECORD_HEAD_BYTES + header_n;
    return RESULT_OK;
}

static RESULT open_large(struct body *b, struct error *e)
{
    struct blob_header h = header_of(&b->x);
    TRY_MSG(large_open(b->v, &act_log_state(b->v, b->tenant)->share, &b->x.uid, &b->large, e), e,
            "blob file");
    TRY(large_buffer(b->large, &b->base, e));
    blob_header_write(&h, b->base, BLOB_HEADER_FILE);
    b->chunk_at = BLOB_HEADER_FILE;
    return RESULT_OK;
}

/* A body of unknown size has outgrown the stage: its chunks move to a file's buffer. */
static RESULT grow(struct body *b, struct error *e)
{
    struct blob_header h = header_of(&b->x);
    CLEANUP(mem_free_p) uint8_t *stage = TAKE(b->stage);
    size_t from = RECORD_HEAD_BYTES + blob_header_len(&h), n = b->chunk_at - from;
    b->base = NULL;
    TRY(vault_check_space(b->v, VAULT_SMALL_BYTES, e));
    TRY(open_large(b, e));
    memcpy(b->base + b->chunk_at, stage + from, n);
    b->chunk_at += n;
    return RESULT_OK;
}

static RESULT ensure_room(struct body *b, struct error *e)
{
    if (b->base == NULL) {
        return b->has_size && b->size > VAULT_SMALL_BYTES ? open_large(b, e) : open_stage(b, e);
    }
    bool is_outgrown =
            b->large == NULL && !b->has_size && b->chunk_at + STREAM_CHUNK + b->tag_n > b->stage_n;
    return is_outgrown ? grow(b, e) : RESULT_OK;
}

/* --- sealing --- */

static RESULT seal(struct body *b, size_t at, size_t n, bool is_last, struct error *e)
{
    uint8_t *p = b->base + at;
    TRY_MSG(stream_seal_chunk(b->sealer, is_last, bytes_of(b->aad, b->aad_n), bytes_of(p, n), p,
                              p + n),
            e, "seal");
    return RESULT_OK;
}

/* Everything before `sealed` is final; the data ends at `total`. Moves chunk_at along. */
static RESULT flush(struct body *b, size_t sealed, size_t total, struct error *e)
{
    if (b->large == NULL || sealed < BUFFER_WRITE_BYTES) {
        return RESULT_OK;
    }
    TRY_MSG(large_flush(b->large, total, e), e, "write blob");
    b->chunk_at -= BUFFER_WRITE_BYTES;
    return large_buffer(b->large, &b->base, e);
}

static RESULT seal_pending(struct body *b, bool is_last, size_t behind, struct error *e)
{
    b->has_pending = false;
    TRY(seal(b, b->chunk_at - STREAM_CHUNK - b->tag_n, STREAM_CHUNK, is_last, e));
    return flush(b, b->chunk_at, b->chunk_at + behind, e);
}

static RESULT check_open(const struct body *b, struct error *e)
{
    if (b->is_failed || b->digests.is_final_) {
        FAIL(e, ERRC_BUG, "the body has ended");
    }
    return RESULT_OK;
}

static RESULT space(struct body *b, uint8_t **ret, size_t *ret_n, struct error *e)
{
    if (b->has_size && b->written == b->size) {
        FAIL(e, ERRC_RANGE, "the body is longer than announced");
    }
    if (b->chunk_n ==
        STREAM_CHUNK) { /* only when the size is not known: it may have been the last */
        b->has_pending = true;
        b->chunk_at += STREAM_CHUNK + b->tag_n;
        b->chunk_n = b->hashed = 0;
    }
    TRY(ensure_room(b, e));
    size_t n = STREAM_CHUNK - b->chunk_n;
    if (b->has_size) {
        n = (size_t)MIN((uint64_t)n, b->size - b->written);
    }
    *ret = b->base + b->chunk_at + b->chunk_n;
    *ret_n = n;
    return RESULT_OK;
}

RESULT body_space(struct body *b, uint8_t **ret, size_t *ret_n, struct error *e)
{
    TRY(check_open(b, e));
    struct result r = space(b, ret, ret_n, e);
    b->is_failed = !result_is_ok(r);
    return r;
}

static void hash_chunk(struct body *b)
{
    if (b->chunk_n > b->hashed) {
        digests_update(&b->digests,
                       bytes_of(b->base + b->chunk_at + b->hashed, b->chunk_n - b->hashed));
        b->hashed = b->chunk_n;
    }
}

static RESULT wrote(struct body *b, size_t n, struct error *e)
{
    if (n > b->max - b->written) {
        FAIL(e, ERRC_LIMIT, "the body is longer than %llu bytes", (unsigned long long)b->max);
    }
    if (b->has_pending) {
        TRY(seal_pending(b, false, n, e));
    }
    b->chunk_n += n;
    b->written += n;
    if (b->chunk_n < STREAM_CHUNK) {
        return RESULT_OK;
    }
    hash_chunk(b);
    if (!b->has_size) {
        return RESULT_OK;
    }
    TRY(seal(b, b->chunk_at, STREAM_CHUNK, b->written == b->size, e));
    b->chunk_at += STREAM_CHUNK + b->tag_n;
    b->chunk_n = b->hashed = 0;
    return flush(b, b->chunk_at, b->chunk_at, e);
}

RESULT body_wrote(struct body *b, size_t n, struct error *e)
{
    TRY(check_open(b, e));
    if (n == 0) {
        return RESULT_OK;
    }
    struct result r = wrote(b, n, e);
    b->is_failed = !result_is_ok(r);
    return r;
}

const struct vault_checksums *body_digests(struct body *b)
{
    hash_chunk(b);
    return digests_final(&b->digests);
}

/* Seals what is left and sets *ret_n to where the sealed data ends in base. */
static RESULT seal_rest(struct body *b, size_t *ret_n, struct error *e)
{
    if (b->has_size && b->written != b->size) {
        FAIL(e, ERRC_FORMAT, "the body ended after %llu of %llu bytes",
             (unsigned long long)b->written, (unsigned long long)b->size);
    }
    if (b->base == NULL) {
        TRY(ensure_room(b, e));
    }
    if (b->has_pending) {
        TRY(seal_pending(b, true, 0, e));
    } else if (!(b->has_size && b->size > 0 && b->size % STREAM_CHUNK == 0)) {
        TRY(seal(b, b->chunk_at, b->chunk_n, true, e));
        b->chunk_at += b->chunk_n + b->tag_n;
        b->chunk_n = b->hashed = 0;
        TRY(flush(b, b->chunk_at, b->chunk_at, e));
    }
    *ret_n = b->chunk_at;
    return RESULT_OK;
}

static RESULT finish(struct body *b, struct error *e)
{
    size_t n = 0;
    hash_chunk(b);
    TRY(seal_rest(b, &n, e));
    b->x.size = b->written;
    if (b->large != NULL) {
        TRY_MSG(large_finish(b->large, n, e), e, "write blob");
        return RESULT_OK;
    }
    record_seal(b->stage, n);
    struct pack_place place;
    TRY_MSG(packs_append(b->v->packs, bytes_of(b->stage, n), &place, e), e, "write pack");
    b->x.place = place;
    return RESULT_OK;
}

RESULT body_finish(struct body *b, struct error *e)
{
    if (b->is_failed) {
        FAIL(e, ERRC_BUG, "the body has ended");
    }
    struct result r = finish(b, e);
    b->is_failed = !result_is_ok(r);
    return r;
}

void body_done(struct body *b, bool keep)
{
    if (b->x.place.pack != 0 && !keep) {
        packs_drop(b->v->packs, &b->x.place);
    }
    if (b->large != NULL) {
        large_free(b->large, keep);
    }
    mem_free(b->stage);
    stream_sealer_free(b->sealer);
    digests_done(&b->digests);
}

/* Idempotency keys: a row with status 0 while the request runs, then its answer. */
#include "identity/idempotency.h"

#include "base/text.h"
#include "identity/directory_priv.h"

#define STATUS_SECRET 1000 /* added to the status where the body was not kept */

struct taking {
    const struct idempotency *i;
    int64_t now_ms;
    unsigned status;
    bool is_taken, fits;
    struct buf *body;
};

static RESULT row_find(struct db_conn *c, struct taking *t, bool *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(c,
                   "SELECT digest, status, body, created_ms FROM idempotency WHERE principal = ?1 "
                   "AND key = ?2",
                   &s, e));
    db_bind_text(s, 1, bytes_str(t->i->principal));
    db_bind_text(s, 2, bytes_str(t->i->key));
    TRY(db_step(s, ret, e));
    if (*ret && db_col_i64(s, 3) + IDEMPOTENCY_LIFE_MS <= t->now_ms) {
        *ret = false; /* over: to be replaced */
    }
    if (*ret) {
        t->fits = bytes_equal(db_col_bytes(s, 0), BYTES_OF(t->i->digest));
        t->status = (unsigned)db_col_i64(s, 1);
        buf_reset(t->body);
        buf_add(t->body, db_col_bytes(s, 2));
    }
    db_reset(s);
    return RESULT_OK;
}

static RESULT take(struct db_conn *c, void *arg, struct error *e)
{
    struct taking *t = arg;
    struct db_stmt *s = NULL;
    TRY(row_find(c, t, &t->is_taken, e));
    if (t->is_taken) {
        return RESULT_OK;
    }
    TRY(db_prepare(
            c,
            "INSERT OR REPLACE INTO idempotency(realm, principal, key, digest, status, body, "
            "created_ms) VALUES(?1, ?2, ?3, ?4, 0, x'', ?5)",
            &s, e));
    db_bind_text(s, 1, bytes_str(t->i->realm));
    db_bind_text(s, 2, bytes_str(t->i->principal));
    db_bind_text(s, 3, bytes_str(t->i->key));
    db_bind_blob(s, 4, BYTES_OF(t->i->digest));
    db_bind_i64(s, 5, t->now_ms);
    return db_run(s, e);
}

RESULT idempotency_begin(struct directory *d, const struct idempotency *i, unsigned *ret_status,
                         bool *ret_is_secret, struct buf *body, struct error *e)
{
    struct taking t = { .i = i, .now_ms = clock_wall_ms(d->clock), .body = body };
    struct bytes key = bytes_str(i->key);
    if (key.n == 0 || key.n > IDEMPOTENCY_KEY_MAX || !text_is_printable(key)) {
        FAIL(e, ERRC_FORMAT, "Idempotency-Key: 1 to %d printable characters", IDEMPOTENCY_KEY_MAX);
    }
    TRY(db_write(d->db, take, &t, e));
    if (t.is_taken && !t.fits) {
        FAIL(e, ERRC_CONFLICT, "this Idempotency-Key came with another request before");
    }
    if (t.is_taken && t.status == 0) {
        FAIL(e, ERRC_CONFLICT,
             "a request with this Idempotency-Key is under way, or broke off: look whether it was "
             "done before trying with a new key");
    }
    *ret_is_secret = t.status >= STATUS_SECRET;
    *ret_status = t.is_taken ? t.status % STATUS_SECRET : 0;
    return buf_result(body);
}

struct ending {
    const struct idempotency *i;
    unsigned status;
    struct bytes body;
};

static RESULT end(struct db_conn *c, void *arg, struct error *e)
{
    const struct ending *n = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(
            c, "UPDATE idempotency SET status = ?3, body = ?4 WHERE principal = ?1 AND key = ?2",
            &s, e));
    db_bind_text(s, 1, bytes_str(n->i->principal));
    db_bind_text(s, 2, bytes_str(n->i->key));
    db_bind_i64(s, 3, n->status);
    db_bind_blob(s, 4, n->body.n > 0 ? n->body : BYTES_LIT(""));
    return db_run(s, e);
}

RESULT idempotency_end(struct directory *d, const struct idempotency *i, unsigned status,
                       bool is_secret, struct bytes body, struct error *e)
{
    bool is_left_out = is_secret || body.n > IDEMPOTENCY_BODY_MAX;
    struct ending n = { i, is_left_out ? status + STATUS_SECRET : status,
                        is_left_out ? BYTES_NONE : body };
    return db_write(d->db, end, &n, e);
}

static RESULT drop(struct db_conn *c, void *arg, struct error *e)
{
    const struct idempotency *i = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "DELETE FROM idempotency WHERE principal = ?1 AND key = ?2 AND status = 0",
                   &s, e));
    db_bind_text(s, 1, bytes_str(i->principal));
    db_bind_text(s, 2, bytes_str(i->key));
    return db_run(s, e);
}

RESULT idempotency_drop(struct directory *d, const struct idempotency *i, struct error *e)
{
    return db_write(d->db, drop, (void *)(uintptr_t)i, e);
}

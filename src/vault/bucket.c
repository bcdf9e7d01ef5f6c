/* Buckets. */
#include "vault/act.h"
#include "vault/row.h"

#include "base/text.h"

static bool is_low_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool looks_like_ipv4(struct bytes name)
{
    unsigned dots = 0;
    for (size_t i = 0; i < name.n; i++) {
        dots += name.p[i] == '.';
        if (name.p[i] != '.' && !(name.p[i] >= '0' && name.p[i] <= '9')) {
            return false;
        }
    }
    return dots == 3;
}

bool vault_bucket_name_is_valid(struct bytes name)
{
    if (name.n < 3 || name.n > 63 || !is_low_or_digit(name.p[0]) ||
        !is_low_or_digit(name.p[name.n - 1])) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool ok = is_low_or_digit(c) || c == '-' || (c == '.' && name.p[i + 1] != '.');
        if (!ok) {
            return false;
        }
    }
    return !looks_like_ipv4(name) && !bytes_has_prefix(name, BYTES_LIT("xn--")) &&
           !bytes_has_prefix(name, BYTES_LIT("sthree-")) &&
           !bytes_has_suffix(name, BYTES_LIT("-s3alias")) &&
           !bytes_has_suffix(name, BYTES_LIT("--ol-s3"));
}

static void get_row(struct db_stmt *s, struct vault_bucket *ret)
{
    struct vault_bucket b = { .id = db_col_i64(s, 0) };
    snprintf(b.name, sizeof(b.name), "%.*s", BYTES_FMT(db_col_bytes(s, 1)));
    b.created_ms = db_col_i64(s, 2);
    b.sse = (enum vault_sse)db_col_i64(s, 3);
    b.digest = (enum vault_digest)db_col_i64(s, 4);
    snprintf(b.key_id, sizeof(b.key_id), "%.*s", BYTES_FMT(db_col_bytes(s, 5)));
    *ret = b;
}

static RESULT find(struct db_conn *c, const char *tenant, struct bytes name,
                   struct vault_bucket *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT id, name, created_ms, sse, digest, key_id FROM bucket WHERE tenant = ? "
                   "AND name = ?",
                   &s, e));
    db_bind_text(s, 1, bytes_str(tenant));
    db_bind_text(s, 2, name);
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no such bucket");
    }
    get_row(s, ret);
    return RESULT_OK;
}

RESULT vault_bucket_get(const struct vault_ctx *cx, struct bytes name, struct vault_bucket *ret,
                        struct error *e)
{
    struct db_conn *c = NULL;
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = find(c, cx->tenant, name, ret, e);
    db_read_end(c);
    return r;
}

/*= 2.1.5-3 "a look at a bucket and its settings is a record too" */
RESULT vault_bucket_look(const struct vault_ctx *cx, const struct vault_bucket *b, struct error *e)
{
    struct ledger_position at;
    struct payload p = { .bucket = b->name };
    return act_log(cx, "bucket.head", &p, &at, e);
}

struct bucket_change {
    const struct vault_ctx *cx;
    struct vault_bucket b;
};

static struct result insert(struct db_conn *c, void *arg, const struct ledger_position *at,
                            struct error *e)
{
    struct bucket_change *ch = arg;
    struct db_stmt *s = NULL;
    ch->b.created_ms = at->time_ms;
    TRY(db_prepare(c,
                   "INSERT INTO bucket (tenant, name, created_ms, sse, digest, key_id) VALUES (?, "
                   "?, ?, ?, ?, ?)",
                   &s, e));
    db_bind_text(s, 1, bytes_str(ch->cx->tenant));
    db_bind_text(s, 2, bytes_str(ch->b.name));
    db_bind_i64(s, 3, at->time_ms);
    db_bind_i64(s, 4, ch->b.sse);
    db_bind_i64(s, 5, ch->b.digest);
    db_bind_text(s, 6, bytes_str(ch->b.key_id));
    TRY_MSG(db_run(s, e), e, "bucket");
    ch->b.id = db_last_id(c);
    return RESULT_OK;
}

RESULT vault_bucket_create(const struct vault_ctx *cx, struct bytes name, struct vault_bucket *ret,
                           struct error *e)
{
    struct bucket_change ch = { .cx = cx,
                                .b = { .sse = VAULT_SSE_KMS, .digest = VAULT_DIGEST_ALWAYS } };
    struct ledger_position at;
    if (!vault_bucket_name_is_valid(name)) {
        FAIL(e, ERRC_RANGE, "a bucket name has 3 to 63 of a-z, 0-9, '-' and '.'");
    }
    snprintf(ch.b.name, sizeof(ch.b.name), "%.*s", BYTES_FMT(name));
    struct vault_bucket there;
    struct result r = vault_bucket_get(cx, name, &there, e);
    if (result_is_ok(r)) {
        FAIL(e, ERRC_EXISTS, "the bucket exists already");
    }
    if (r.code != ERRC_NOT_FOUND) {
        return r;
    }
    TRY(vault_check_space(cx->vault, 0, e));
    struct payload p = { .bucket = ch.b.name };
    TRY(act_change(cx, "bucket.create", &p, insert, &ch, &at, NULL, e));
    *ret = ch.b;
    return RESULT_OK;
}

RESULT vault_bucket_list(const struct vault_ctx *cx, struct vault_bucket **ret, size_t *ret_n,
                         struct error *e)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    struct ledger_position at;
    struct payload p = { 0 };
    TRY(act_log(cx, "bucket.list", &p, &at, e));
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct vault_bucket *list = NULL;
    size_t n = 0, cap = 0;
    bool has_row = false;
    struct result r = db_prepare(c,
                                 "SELECT id, name, created_ms, sse, digest, key_id FROM bucket "
                                 "WHERE tenant = ? ORDER BY name",
                                 &s, e);
    if (result_is_ok(r)) {
        db_bind_text(s, 1, bytes_str(cx->tenant));
        r = db_step(s, &has_row, e);
    }
    while (result_is_ok(r) && has_row) {
        if (n == cap) {
            cap = cap == 0 ? 16 : 2 * cap;
            struct vault_bucket *more = arena_alloc(cx->arena, cap * sizeof(*more));
            if (n > 0) {
                memcpy(more, list, n * sizeof(*more));
            }
            list = more;
        }
        get_row(s, &list[n++]);
        r = db_step(s, &has_row, e);
    }
    db_read_end(c);
    TRY(r);
    *ret = list;
    *ret_n = n;
    return RESULT_OK;
}

static struct result update(struct db_conn *c, void *arg, const struct ledger_position *at,
                            struct error *e)
{
    struct bucket_change *ch = arg;
    struct db_stmt *s = NULL;
    (void)at;
    TRY(db_prepare(c,
                   "UPDATE bucket SET sse = ?, digest = ?, key_id = ? WHERE tenant = ? AND id = ?",
                   &s, e));
    db_bind_i64(s, 1, ch->b.sse);
    db_bind_i64(s, 2, ch->b.digest);
    db_bind_text(s, 3, bytes_str(ch->b.key_id));
    db_bind_text(s, 4, bytes_str(ch->cx->tenant));
    db_bind_i64(s, 5, ch->b.id);
    TRY(db_run(s, e));
    if (db_changes(c) != 1) {
        FAIL(e, ERRC_NOT_FOUND, "no such bucket");
    }
    return RESULT_OK;
}

RESULT vault_bucket_set(const struct vault_ctx *cx, const struct vault_bucket *b, struct error *e)
{
    struct bucket_change ch = { .cx = cx, .b = *b };
    struct ledger_position at;
    struct payload p = { .bucket = b->name, .settings = b };
    return act_change(cx, "bucket.set", &p, update, &ch, &at, NULL, e);
}

/* --- deletion: intent before, outcome after --- */

static RESULT is_empty(struct db_conn *c, int64_t bucket, bool *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT 1 WHERE EXISTS (SELECT 1 FROM object WHERE bucket = ?1)"
                   " OR EXISTS (SELECT 1 FROM upload WHERE bucket = ?1)",
                   &s, e));
    db_bind_i64(s, 1, bucket);
    TRY(db_step(s, &has_row, e));
    db_reset(s);
    *ret = !has_row;
    return RESULT_OK;
}

static struct result remove_bucket(struct db_conn *c, void *arg, const struct ledger_position *at,
                                   struct error *e)
{
    struct bucket_change *ch = arg;
    struct db_stmt *s = NULL;
    bool empty = false;
    (void)at;
    TRY(find(c, ch->cx->tenant, bytes_str(ch->b.name), &ch->b, e));
    TRY(is_empty(c, ch->b.id, &empty, e));
    if (!empty) {
        FAIL(e, ERRC_CONFLICT, "the bucket is not empty");
    }
    TRY(db_prepare(c, "DELETE FROM bucket WHERE id = ?", &s, e));
    db_bind_i64(s, 1, ch->b.id);
    return db_run(s, e);
}

RESULT vault_bucket_delete(const struct vault_ctx *cx, struct bytes name, struct error *e)
{
    struct bucket_change ch = { .cx = cx };
    struct ledger_position at = { 0 };
    TRY(vault_bucket_get(cx, name, &ch.b, e));
    struct payload p = { .bucket = ch.b.name, .phase = "intent" };
    return act_two_phase(cx, "bucket.delete", &p, remove_bucket, &ch, &at, e);
}

/* Deleting objects, and replacing their tags. */
#include "vault/act.h"
#include "vault/attrs.h"
#include "vault/row.h"

struct removal {
    int64_t bucket;
    struct bytes key;
    bool existed;
};

static struct result remove_object(struct db_conn *c, void *arg, const struct ledger_position *at,
                                   struct error *e)
{
    struct removal *d = arg;
    struct db_stmt *s = NULL;
    struct row_old old;
    TRY(row_old(c, d->bucket, d->key, &old, e));
    d->existed = old.exists;
    if (!old.exists) {
        return RESULT_OK;
    }
    TRY(row_retire(c, old.extent, old.chain, at->time_ms, e));
    TRY(db_prepare(c, "DELETE FROM object WHERE bucket = ? AND key = ? AND version = 'null'", &s,
                   e));
    db_bind_i64(s, 1, d->bucket);
    db_bind_blob(s, 2, d->key);
    TRY(db_run(s, e));
    return row_count(c, d->bucket, -1, -(int64_t)old.size, e);
}

RESULT vault_delete(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                    const char *version, bool *ret_existed, struct error *e)
{
    struct removal d = { .bucket = b->id, .key = key };
    struct ledger_position at;
    struct payload p = { .bucket = b->name, .key = key, .version = version };
    TRY(vault_check_key(key, e));
    if (version[0] != 0 && strcmp(version, "null") != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no such version");
    }
    TRY(act_change(cx, "object.delete", &p, remove_object, &d, &at, NULL, e));
    *ret_existed = d.existed;
    return RESULT_OK;
}

struct tagging {
    const struct vault_ctx *cx;
    int64_t bucket;
    struct bytes key;
    const struct vault_pair *tags;
    size_t n;
};

static struct result write_tags(struct db_conn *c, void *arg, const struct ledger_position *at,
                                struct error *e)
{
    struct tagging *t = arg;
    struct db_stmt *s = NULL;
    struct vault_object o;
    CLEANUP(buf_done_p) struct buf attrs = BUF(ATTRS_MAX);
    (void)at;
    CLEANUP(arena_free_p) struct arena *a = arena_new(4096, false);
    TRY(row_object(c, t->bucket, t->key, "", a, &o, e));
    o.tags = t->tags;
    o.tag_count = t->n;
    attrs_encode(&o, &attrs);
    TRY_MSG(buf_result(&attrs), e, "attributes");
    TRY(db_prepare(c,
                   "UPDATE object SET attrs = ? WHERE bucket = ? AND key = ? AND version = 'null'",
                   &s, e));
    db_bind_blob(s, 1, buf_bytes(&attrs));
    db_bind_i64(s, 2, t->bucket);
    db_bind_blob(s, 3, t->key);
    return db_run(s, e);
}

RESULT vault_set_tags(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                      const char *version, const struct vault_pair *tags, size_t n, struct error *e)
{
    struct tagging t = { .cx = cx, .bucket = b->id, .key = key, .tags = tags, .n = n };
    struct vault_object o;
    struct ledger_position at;
    if (n > VAULT_TAGS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d tags", VAULT_TAGS_MAX);
    }
    TRY(vault_head(cx, b, key, version, false, &o, e));
    struct payload p = { .bucket = b->name,
                         .key = key,
                         .version = o.version,
                         .tags = tags,
                         .tag_count = n,
                         .has_tags = n > 0 };
    return act_change(cx, n > 0 ? "object.tag" : "object.untag", &p, write_tags, &t, &at, NULL, e);
}

/*
 * Listing in byte order of keys. A common prefix is found by its first key and then passed by
 * seeking behind its last possible one, so a page costs as many seeks as it has items, whatever
 * lies below the prefixes.
 */
#include "vault/act.h"
#include "vault/attrs.h"

#define MAX_KEYS 1000

struct lister {
    const struct vault_ctx *cx;
    const struct vault_list *q;
    struct vault_listing out;
    struct bytes last; /* the item added last: key or common prefix */
    uint8_t from[VAULT_KEY_MAX + 1];
    size_t from_n; /* keys at or behind this are asked for */
    uint8_t until[VAULT_KEY_MAX];
    size_t until_n; /* and before this; 0: no end */
};

/* The first key behind all that begin with p: into dst. 0: there is none (p is all 0xff). */
static size_t successor(struct bytes p, uint8_t *dst)
{
    size_t n = p.n;
    while (n > 0 && p.p[n - 1] == 0xff) {
        n--;
    }
    if (n > 0) {
        memmove(dst, p.p, n);
        dst[n - 1]++;
    }
    return n;
}

/* The part of `key` up to and with the first delimiter behind the prefix; n 0 when there is none.
 */
static struct bytes common_prefix(const struct vault_list *q, struct bytes key)
{
    if (q->delimiter.n == 0 || !bytes_has_prefix(key, q->prefix)) {
        return BYTES_NONE;
    }
    struct bytes rest = bytes_slice(key, q->prefix.n, key.n);
    size_t at = bytes_find(rest, q->delimiter);
    return at == rest.n ? BYTES_NONE : bytes_slice(key, 0, q->prefix.n + at + q->delimiter.n);
}

static void set_from(struct lister *l, struct bytes key)
{
    memmove(l->from, key.p, key.n);
    l->from_n = key.n;
}

/* False: nothing can be behind it. */
static bool skip_prefix(struct lister *l, struct bytes p)
{
    l->from_n = successor(p, l->from);
    return l->from_n > 0;
}

/* Where to begin. False: the listing is empty. */
static bool set_start(struct lister *l)
{
    const struct vault_list *q = l->q;
    l->until_n = successor(q->prefix, l->until);
    if (bytes_compare(q->after, q->prefix) < 0 || q->after.n == 0) {
        set_from(l, q->prefix);
        return true;
    }
    struct bytes passed = common_prefix(q, q->after);
    if (passed.n > 0) {
        return skip_prefix(l, passed);
    }
    set_from(l, q->after);
    l->from[l->from_n++] = 0; /* the next possible key */
    return true;
}

static bool is_full(const struct lister *l)
{
    return l->out.object_count + l->out.prefix_count == l->q->max_keys;
}

static RESULT seek(struct lister *l, struct db_stmt *s, bool *ret_row, struct error *e)
{
    db_reset(s);
    db_bind_i64(s, 1, l->q->bucket->id);
    db_bind_blob(s, 2, bytes_of(l->from, l->from_n));
    if (l->until_n > 0) {
        db_bind_blob(s, 3, bytes_of(l->until, l->until_n));
    }
    return db_step(s, ret_row, e);
}

static RESULT add_object(struct lister *l, struct db_stmt *s, struct bytes key, struct error *e)
{
    struct vault_object *o = &l->out.objects[l->out.object_count];
    *o = (struct vault_object){ .key = arena_bytes(l->cx->arena, key), .version = "null" };
    o->size = (uint64_t)db_col_i64(s, 1);
    o->modified_ms = db_col_i64(s, 2);
    snprintf(o->etag, sizeof(o->etag), "%.*s", BYTES_FMT(db_col_bytes(s, 3)));
    o->sse = (enum vault_sse)db_col_i64(s, 4);
    o->part_count = (uint32_t)db_col_i64(s, 5);
    o->log_index = (uint64_t)db_col_i64(s, 6);
    TRY(attrs_decode(db_col_bytes(s, 7), true, l->cx->arena, o, e));
    l->out.object_count++;
    l->last = o->key;
    return RESULT_OK;
}

static RESULT walk(struct lister *l, struct db_stmt *s, struct error *e)
{
    bool has_row = false;
    TRY(seek(l, s, &has_row, e));
    while (has_row) {
        struct bytes key = db_col_bytes(s, 0);
        if (is_full(l)) {
            l->out.is_truncated = true;
            l->out.next = l->last;
            break;
        }
        struct bytes common = common_prefix(l->q, key);
        if (common.n == 0) {
            TRY(add_object(l, s, key, e));
            TRY(db_step(s, &has_row, e));
            continue;
        }
        l->last = l->out.prefixes[l->out.prefix_count++] = arena_bytes(l->cx->arena, common);
        if (!skip_prefix(l, l->last)) {
            break;
        }
        TRY(seek(l, s, &has_row, e));
    }
    db_reset(s);
    return RESULT_OK;
}

/* Two texts: statements are cached by text, and an absent end must not cost the index. */
static RESULT prepare(struct lister *l, struct db_conn *c, struct db_stmt **ret, struct error *e)
{
#define COLUMNS "SELECT key, size, modified_ms, etag, sse, parts, log_index, attrs FROM object"
    if (l->until_n > 0) {
        return db_prepare(c, COLUMNS " WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key", ret,
                          e);
    }
    return db_prepare(c, COLUMNS " WHERE bucket = ? AND key >= ? ORDER BY key", ret, e);
#undef COLUMNS
}

RESULT vault_list_objects(const struct vault_ctx *cx, const struct vault_list *q,
                          struct vault_listing *ret, struct error *e)
{
    struct lister *l = arena_zalloc(cx->arena, sizeof(*l));
    struct ledger_position at;
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;

    if (q->max_keys > MAX_KEYS || q->prefix.n > VAULT_KEY_MAX || q->after.n > VAULT_KEY_MAX ||
        q->delimiter.n > VAULT_KEY_MAX) {
        FAIL(e, ERRC_RANGE, "a listing has at most %d keys, its texts at most %d bytes", MAX_KEYS,
             VAULT_KEY_MAX);
    }
    struct payload p = {
        .bucket = q->bucket->name, .prefix = q->prefix, .delimiter = q->delimiter, .after = q->after
    };
    TRY(act_log(cx, "object.list", &p, &at, e));
    l->cx = cx;
    l->q = q;
    if (q->max_keys == 0 || !set_start(l)) {
        *ret = l->out;
        return RESULT_OK;
    }
    l->out.objects = arena_alloc(cx->arena, q->max_keys * sizeof(*l->out.objects));
    l->out.prefixes = arena_alloc(cx->arena, q->max_keys * sizeof(*l->out.prefixes));
    TRY(db_read_begin(cx->vault->config.db, &c, e));
    struct result r = prepare(l, c, &s, e);
    r = result_is_ok(r) ? walk(l, s, e) : r;
    db_read_end(c);
    TRY(r);
    *ret = l->out;
    return RESULT_OK;
}

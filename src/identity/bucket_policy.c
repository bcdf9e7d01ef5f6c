/* Policies of buckets, by the bucket's id. */
#include "identity/managed_priv.h"

static void bucket_policy_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct bucket_policy *p = item;
    p->document = sql_str(s, 0, arena);
    p->public_by = sql_str(s, 1, arena);
    p->changed_ms = db_col_i64(s, 2);
}

RESULT bucket_policy_get(struct directory *d, const char *realm, int64_t bucket,
                         struct arena *arena, struct bucket_policy *ret, struct error *e)
{
    struct result r = directory_one(d, "policy of bucket",
                                    "SELECT document, public_by, changed_ms FROM bucket_policies"
                                    " WHERE bucket = ?2 AND realm = ?1",
                                    SQL_IN(SQL_STR(realm), SQL_INT(bucket)), bucket_policy_of_row,
                                    arena, ret, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_NOT_FOUND, "the bucket has no policy");
    }
    return r;
}

struct bucket_job {
    const char *realm, *name, *public_by;
    int64_t bucket, now_ms;
    struct bytes document;
    const struct bucket_policy *was; /* or NULL */
};

/* Of two changes at once the later one was decided by what is no more: a policy that was let by a
 * public bucket must not open it again behind the block. */
static RESULT was_check(struct db_conn *c, const struct bucket_job *in, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(POLICY_MAX, false);
    struct bucket_policy now = { .document = "", .public_by = "" };
    if (in->was == NULL) {
        return RESULT_OK;
    }
    struct result r = sql_one(c, "policy of bucket",
                              "SELECT document, public_by, changed_ms FROM bucket_policies"
                              " WHERE bucket = ?2 AND realm = ?1",
                              SQL_IN(SQL_STR(in->realm), SQL_INT(in->bucket)), bucket_policy_of_row,
                              arena, &now, NULL);
    if (r.code != ERRC_NOT_FOUND) {
        TRY(r);
    }
    if (strcmp(now.document, in->was->document) != 0 ||
        strcmp(now.public_by, in->was->public_by) != 0) {
        FAIL(e, ERRC_CONFLICT, "the bucket's policy was changed meanwhile: try again");
    }
    return RESULT_OK;
}

/* Who comes without credentials names no realm: of public buckets there is one of a name. */
static RESULT public_name_is_free(struct db_conn *c, const struct bucket_job *in, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    if (in->public_by[0] == '\0') {
        return RESULT_OK;
    }
    TRY(db_prepare(c,
                   "SELECT 1 FROM bucket_policies WHERE name = ?1 AND public_by <> ''"
                   " AND NOT (realm = ?2 AND bucket = ?3)",
                   &s, e));
    db_bind_text(s, 1, bytes_str(in->name));
    db_bind_text(s, 2, bytes_str(in->realm));
    db_bind_i64(s, 3, in->bucket);
    TRY(db_step(s, &has_row, e));
    db_reset(s);
    if (has_row) {
        FAIL(e, ERRC_EXISTS, "another bucket '%s' is public in this deployment already", in->name);
    }
    return RESULT_OK;
}

static RESULT bucket_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct bucket_job *in = arg;
    TRY(realm_is_open(c, in->realm, e));
    TRY(was_check(c, in, e));
    TRY(public_name_is_free(c, in, e));
    return sql_run(c,
                   "INSERT INTO bucket_policies(realm, bucket, name, document, public_by,"
                   " changed_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                   " ON CONFLICT(realm, bucket) DO UPDATE SET name = ?3, document = ?4,"
                   " public_by = ?5, changed_ms = ?6",
                   SQL_IN(SQL_STR(in->realm), SQL_INT(in->bucket), SQL_STR(in->name),
                          SQL_BYTES(in->document), SQL_STR(in->public_by), SQL_INT(in->now_ms)),
                   e);
}

RESULT bucket_policy_put(struct directory *d, const char *realm, int64_t bucket, const char *name,
                         struct bytes document, const char *public_by,
                         const struct bucket_policy *was, struct error *e)
{
    struct bucket_job in = { .realm = realm,
                             .name = name,
                             .public_by = public_by,
                             .bucket = bucket,
                             .now_ms = clock_wall_ms(d->clock),
                             .document = document,
                             .was = was };
    if (document.n > 0) {
        TRY(document_check(document, POLICY_RESOURCE, "policy of bucket", name, e));
    }
    return directory_change(d, bucket_write, &in, e);
}

static RESULT bucket_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct bucket_job *in = arg;
    TRY(was_check(c, in, e));
    return sql_run(c, "DELETE FROM bucket_policies WHERE realm = ?1 AND bucket = ?2",
                   SQL_IN(SQL_STR(in->realm), SQL_INT(in->bucket)), e);
}

RESULT bucket_policy_delete(struct directory *d, const char *realm, int64_t bucket,
                            const struct bucket_policy *was, struct error *e)
{
    struct bucket_job in = { .realm = realm, .bucket = bucket, .was = was };
    return directory_change(d, bucket_erase, &in, e);
}

/* --- compiled --- */

struct bucket_box {
    struct policy *policy; /* counted; NULL: the bucket has none */
};

void bucket_cached_free(void *box)
{
    struct bucket_box *b = box;
    policy_unref(b->policy);
    mem_free(b);
}

static bool box_get(struct directory *d, struct bytes name, struct policy **ret,
                    uint64_t *ret_generation)
{
    pthread_mutex_lock(&d->lock);
    const struct bucket_box *hit = map_get(d->caches[DIRECTORY_CACHE_BUCKETS], name);
    if (hit != NULL) {
        *ret = hit->policy != NULL ? policy_ref(hit->policy) : NULL;
    }
    *ret_generation = d->generation;
    pthread_mutex_unlock(&d->lock);
    return hit != NULL;
}

static void box_put(struct directory *d, struct bytes name, struct policy *p, uint64_t generation)
{
    struct bucket_box *old = NULL;
    pthread_mutex_lock(&d->lock);
    if (d->generation == generation) {
        struct bucket_box *b = mem_zalloc(sizeof(*b));
        b->policy = p != NULL ? policy_ref(p) : NULL;
        if (map_count(d->caches[DIRECTORY_CACHE_BUCKETS]) >= DIRECTORY_CACHE_MAX) {
            directory_cache_reset(d, DIRECTORY_CACHE_BUCKETS);
        }
        old = map_set(d->caches[DIRECTORY_CACHE_BUCKETS], name, b);
    }
    pthread_mutex_unlock(&d->lock);
    if (old != NULL) {
        bucket_cached_free(old);
    }
}

/* A policy that is public without the leave for it (the block was put back) is as none. */
static RESULT bucket_compile(struct directory *d, const char *realm, int64_t bucket,
                             struct policy **ret, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(POLICY_MAX, false);
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    struct bucket_policy row;
    struct result r = bucket_policy_get(d, realm, bucket, arena, &row, e);
    *ret = NULL;
    if (r.code == ERRC_NOT_FOUND || (result_is_ok(r) && row.document[0] == '\0')) {
        return RESULT_OK;
    }
    TRY(r);
    TRY(policy_compile(bytes_str(row.document), POLICY_RESOURCE, "bucket policy", &p, e));
    if (!policy_is_public(p) || row.public_by[0] != '\0') {
        *ret = TAKE(p);
    }
    return RESULT_OK;
}

RESULT bucket_policy_compiled(struct directory *d, const char *realm, int64_t bucket,
                              struct policy **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf name = BUF(TENANT_NAME_BYTES + 32);
    uint64_t generation = 0;
    buf_addf(&name, "%s/%lld", realm, (long long)bucket);
    TRY(buf_result(&name));
    if (box_get(d, buf_bytes(&name), ret, &generation)) {
        return RESULT_OK;
    }
    struct policy *p = NULL;
    TRY(bucket_compile(d, realm, bucket, &p, e));
    box_put(d, buf_bytes(&name), p, generation);
    *ret = p;
    return RESULT_OK;
}

static void realm_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    directory_col_text(s, 0, item, TENANT_NAME_BYTES);
}

RESULT bucket_public_find(struct directory *d, struct bytes name, char ret_realm[TENANT_NAME_BYTES],
                          struct error *e)
{
    return directory_one(d, "public bucket",
                         "SELECT realm FROM bucket_policies WHERE name = ?1 AND public_by <> ''",
                         SQL_IN(SQL_BYTES(name)), realm_of_row, NULL, ret_realm, e);
}

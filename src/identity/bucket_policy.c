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
};

static RESULT bucket_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct bucket_job *in = arg;
    TRY(realm_is_open(c, in->realm, e));
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
                         struct bytes document, const char *public_by, struct error *e)
{
    bool is_public = false;
    struct bucket_job in = { realm, name, "", bucket, clock_wall_ms(d->clock), document };
    TRY(document_check(document, POLICY_RESOURCE, "policy of bucket", name, &is_public, e));
    if (is_public && public_by[0] == '\0') {
        FAIL(e, ERRC_DENIED,
             "the policy lets in everybody: an administrator of the tenant with a second factor "
             "must allow it by the bucket's name");
    }
    in.public_by = is_public ? public_by : "";
    return directory_change(d, bucket_write, &in, e);
}

static RESULT bucket_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct bucket_job *in = arg;
    return sql_run(c, "DELETE FROM bucket_policies WHERE realm = ?1 AND bucket = ?2",
                   SQL_IN(SQL_STR(in->realm), SQL_INT(in->bucket)), e);
}

RESULT bucket_policy_delete(struct directory *d, const char *realm, int64_t bucket, struct error *e)
{
    struct bucket_job in = { .realm = realm, .bucket = bucket };
    return directory_change(d, bucket_erase, &in, e);
}

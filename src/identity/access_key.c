/* Access keys of the directory: made, found, turned into SigV4 signing keys. */
#include "identity/directory_priv.h"

#include "base/text.h"

/* Binds a sealed secret to its access key: a sealed secret moved to another row does not open. */
static void seal_aad(struct buf *out, const char *tenant, const char *id)
{
    buf_addf(out, "access-key/%s/%s", tenant, id);
}

struct key_insert {
    const struct access_key *key;
    struct bytes sealed;
};

static RESULT key_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct key_insert *in = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "SELECT count(*) FROM access_keys WHERE tenant = ?1 AND owner = ?2", &s, e));
    db_bind_text(s, 1, bytes_str(in->key->tenant));
    db_bind_text(s, 2, bytes_str(in->key->owner));
    bool has_row = false;
    TRY(db_step(s, &has_row, e));
    int64_t count = db_col_i64(s, 0);
    db_reset(s);
    if (count >= ACCESS_KEYS_PER_OWNER) {
        FAIL(e, ERRC_LIMIT, "%s has %d access keys already: delete one first", in->key->owner,
             ACCESS_KEYS_PER_OWNER);
    }
    TRY(db_prepare(c,
                   "INSERT INTO access_keys(id, tenant, owner, is_enabled, created_ms, sealed)"
                   " VALUES(?1, ?2, ?3, 1, ?4, ?5)",
                   &s, e));
    db_bind_text(s, 1, bytes_str(in->key->id));
    db_bind_text(s, 2, bytes_str(in->key->tenant));
    db_bind_text(s, 3, bytes_str(in->key->owner));
    db_bind_i64(s, 4, in->key->created_ms);
    db_bind_blob(s, 5, in->sealed);
    return db_run(s, e);
}

/*= 2.1.3-7 "Credentials are sealed by the keeper and shown once" */
RESULT directory_key_create(struct directory *d, struct rpc_client *keeper, const char *tenant,
                            const char *owner, struct access_key *ret, char *ret_secret,
                            struct error *e)
{
    struct tenant t;
    TRY(directory_tenant_get(d, tenant, &t, e));
    if (t.state == TENANT_CLOSED) {
        FAIL(e, ERRC_CONFLICT, "tenant %s is closed", t.name);
    }
    if (strlen(owner) >= sizeof(ret->owner)) {
        FAIL(e, ERRC_LIMIT, "owner: at most %zu bytes", sizeof(ret->owner) - 1);
    }
    struct access_key k = { .is_enabled = true,
                            .created_ms = clock_wall_ms(d->clock),
                            .tenant_state = t.state };
    memcpy(k.tenant, t.name, sizeof(k.tenant));
    memcpy(k.account, t.account, sizeof(k.account));
    memcpy(k.owner, owner, strlen(owner) + 1);
    k.id[0] = 'A';
    k.id[1] = 'K';
    directory_random_text(d, DIRECTORY_ID_ALPHABET, k.id + 2, ACCESS_KEY_BYTES - 3);
    char secret[SECRET_KEY_BYTES];
    directory_random_text(d, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                          secret, SECRET_KEY_BYTES - 1);
    CLEANUP(buf_done_p) struct buf aad = BUF(256);
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    seal_aad(&aad, k.tenant, k.id);
    struct result r =
            keys_seal_secret(keeper, k.tenant, buf_bytes(&aad), bytes_str(secret), &sealed, e);
    if (result_is_ok(r)) {
        struct key_insert in = { &k, buf_bytes(&sealed) };
        r = db_write(d->db, key_insert, &in, e);
    }
    if (result_is_ok(r)) {
        directory_caches_empty(d);
        memcpy(ret_secret, secret, sizeof(secret));
        *ret = k;
    }
    mem_wipe(secret, sizeof(secret));
    return r;
}

static void key_of_row(struct db_stmt *s, struct access_key *k)
{
    directory_col_text(s, 0, k->id, sizeof(k->id));
    directory_col_text(s, 1, k->tenant, sizeof(k->tenant));
    directory_col_text(s, 2, k->owner, sizeof(k->owner));
    k->is_enabled = db_col_i64(s, 3) != 0;
    k->created_ms = db_col_i64(s, 4);
    k->tenant_state = (enum tenant_state)db_col_i64(s, 5);
    directory_col_text(s, 6, k->account, sizeof(k->account));
}

#define KEY_COLUMNS "k.id, k.tenant, k.owner, k.is_enabled, k.created_ms, t.state, t.account"

RESULT directory_key_list(struct directory *d, const char *tenant,
                          struct result (*fn)(void *arg, const struct access_key *k,
                                              struct error *e),
                          void *arg, struct error *e)
{
    CLEANUP(mem_free_p) struct access_key *list = NULL;
    size_t n = 0;
    {
        CLEANUP(db_read_end_p) struct db_conn *c = NULL;
        TRY(db_read_begin(d->db, &c, e));
        struct db_stmt *s = NULL;
        TRY(db_prepare(c,
                       "SELECT " KEY_COLUMNS
                       " FROM access_keys k JOIN tenants t ON t.name = k.tenant"
                       " WHERE k.tenant = ?1 ORDER BY k.id",
                       &s, e));
        db_bind_text(s, 1, bytes_str(tenant));
        bool has_row = false;
        for (;;) {
            TRY(db_step(s, &has_row, e));
            if (!has_row) {
                break;
            }
            list = mem_realloc(list, (n + 1) * sizeof(*list));
            list[n] = (struct access_key){ 0 };
            key_of_row(s, &list[n++]);
        }
        db_reset(s);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(fn(arg, &list[i], e));
    }
    return RESULT_OK;
}

struct key_delete {
    const char *tenant, *id;
};

static RESULT key_delete(struct db_conn *c, void *arg, struct error *e)
{
    const struct key_delete *del = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "DELETE FROM access_keys WHERE tenant = ?1 AND id = ?2", &s, e));
    db_bind_text(s, 1, bytes_str(del->tenant));
    db_bind_text(s, 2, bytes_str(del->id));
    TRY(db_run(s, e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "tenant '%.64s' has no access key '%.32s'", del->tenant, del->id);
    }
    return RESULT_OK;
}

RESULT directory_key_delete(struct directory *d, const char *tenant, const char *id,
                            struct error *e)
{
    struct key_delete del = { tenant, id };
    TRY(db_write(d->db, key_delete, &del, e));
    directory_caches_empty(d);
    return RESULT_OK;
}

RESULT directory_key_find(struct directory *d, struct bytes id, struct access_key *ret,
                          struct error *e)
{
    uint64_t generation = 0;
    if (directory_cache_get(d, DIRECTORY_CACHE_KEYS, id, ret, sizeof(*ret), &generation)) {
        return RESULT_OK;
    }
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    TRY(db_prepare(c,
                   "SELECT " KEY_COLUMNS
                   " FROM access_keys k JOIN tenants t ON t.name = k.tenant WHERE k.id = ?1",
                   &s, e));
    db_bind_text(s, 1, id);
    bool has_row = false;
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no such access key");
    }
    struct access_key k = { 0 };
    key_of_row(s, &k);
    db_reset(s);
    directory_cache_put(d, DIRECTORY_CACHE_KEYS, id, &k, sizeof(k), generation);
    *ret = k;
    return RESULT_OK;
}

static RESULT sealed_load(struct directory *d, const char *id, struct buf *out, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "SELECT sealed FROM access_keys WHERE id = ?1", &s, e));
    db_bind_text(s, 1, bytes_str(id));
    bool has_row = false;
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no such access key");
    }
    buf_add(out, db_col_bytes(s, 0));
    db_reset(s);
    return buf_result(out);
}

RESULT directory_signing_key(struct directory *d, struct rpc_client *keeper,
                             const struct access_key *k, struct bytes date, struct bytes region,
                             struct bytes service, struct key256 *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf name = BUF(512);
    buf_addf(&name, "%s/%.*s/%.*s/%.*s", k->id, BYTES_FMT(date), BYTES_FMT(region),
             BYTES_FMT(service));
    TRY(buf_result(&name));
    uint64_t generation = 0;
    if (directory_cache_get(d, DIRECTORY_CACHE_SIGNING, buf_bytes(&name), ret, sizeof(*ret),
                            &generation)) {
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf aad = BUF(256);
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    CLEANUP(buf_done_p) struct buf scope = BUF(512);
    seal_aad(&aad, k->tenant, k->id);
    TRY(sealed_load(d, k->id, &sealed, e));
    buf_addf(&scope, "%.*s%c%.*s%c%.*s", BYTES_FMT(date), 0, BYTES_FMT(region), 0,
             BYTES_FMT(service));
    const char *date_z = buf_cstr(&scope);
    if (date_z == NULL) {
        FAIL(e, ERRC_LIMIT, "credential scope is too long");
    }
    const char *region_z = date_z + date.n + 1, *service_z = region_z + region.n + 1;
    TRY(keys_sigv4_key(keeper, k->tenant, buf_bytes(&aad), buf_bytes(&sealed), date_z, region_z,
                       service_z, ret, e));
    directory_cache_put(d, DIRECTORY_CACHE_SIGNING, buf_bytes(&name), ret, sizeof(*ret),
                        generation);
    return RESULT_OK;
}

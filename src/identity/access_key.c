/* Access keys of the directory: made, found, switched off, removed. Their signing keys:
 * signing_key.c. */
#include "identity/directory_priv.h"
#include "identity/user.h"

/* --- making --- */

struct key_insert {
    struct access_key *key;
    struct bytes sealed;
};

/* The user of that id, of that realm. */
static RESULT owner_check(struct db_conn *c, const struct access_key *k, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c, "SELECT state FROM users WHERE id = ?1 AND realm = ?2", &s, e));
    db_bind_text(s, 1, bytes_str(k->user_id));
    db_bind_text(s, 2, bytes_str(k->tenant));
    TRY(db_step(s, &has_row, e));
    int64_t state = has_row ? db_col_i64(s, 0) : 0;
    db_reset(s);
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "%s has no user %s", k->tenant, k->user_id);
    }
    if (state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s has ended", k->user_name);
    }
    return RESULT_OK;
}

static RESULT key_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct key_insert *in = arg;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(owner_check(c, in->key, e));
    TRY(db_prepare(c, "SELECT count(*) FROM access_keys WHERE tenant = ?1 AND owner = ?2", &s, e));
    db_bind_text(s, 1, bytes_str(in->key->tenant));
    db_bind_text(s, 2, bytes_str(in->key->user_id));
    TRY(db_step(s, &has_row, e));
    int64_t count = db_col_i64(s, 0);
    db_reset(s);
    if (count >= ACCESS_KEYS_PER_USER) {
        FAIL(e, ERRC_LIMIT, "%s has %d access keys already: delete one first", in->key->user_name,
             ACCESS_KEYS_PER_USER);
    }
    TRY(db_prepare(c,
                   "INSERT INTO access_keys(id, tenant, owner, is_enabled, created_ms, sealed)"
                   " VALUES(?1, ?2, ?3, 1, ?4, ?5)",
                   &s, e));
    db_bind_text(s, 1, bytes_str(in->key->id));
    db_bind_text(s, 2, bytes_str(in->key->tenant));
    db_bind_text(s, 3, bytes_str(in->key->user_id));
    db_bind_i64(s, 4, in->key->created_ms);
    db_bind_blob(s, 5, in->sealed);
    return db_run(s, e);
}

/* The realm's state and account, and the user: by id, or by name where none is given. */
static RESULT owner_load(struct directory *d, const char *realm, const char *user_id,
                         struct access_key *k, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT u.id, u.name, u.realm, r.state, r.account"
                   " FROM users u JOIN realms r ON r.name = u.realm"
                   " WHERE u.realm = ?1 AND CASE WHEN ?2 = ''"
                   " THEN u.name = '" IDENTITY_ROOT_NAME "' ELSE u.id = ?2 END",
                   &s, e));
    db_bind_text(s, 1, bytes_str(realm));
    db_bind_text(s, 2, bytes_str(user_id));
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        db_reset(s);
        FAIL(e, ERRC_NOT_FOUND, "'%.64s' has no such user", realm);
    }
    directory_col_text(s, 0, k->user_id, sizeof(k->user_id));
    directory_col_text(s, 1, k->user_name, sizeof(k->user_name));
    directory_col_text(s, 2, k->tenant, sizeof(k->tenant));
    k->tenant_state = (enum tenant_state)db_col_i64(s, 3);
    directory_col_text(s, 4, k->account, sizeof(k->account));
    db_reset(s);
    if (k->tenant_state == TENANT_CLOSED) {
        FAIL(e, ERRC_CONFLICT, "tenant %s is closed", k->tenant);
    }
    return RESULT_OK;
}

/*= 2.1.3-7 "Credentials are sealed by the keeper and shown once" */
RESULT directory_key_create(struct directory *d, struct rpc_client *keeper, const char *realm,
                            const char *user_id, struct access_key *ret, char *ret_secret,
                            struct error *e)
{
    struct access_key k = { .is_enabled = true, .created_ms = clock_wall_ms(d->clock) };
    TRY(owner_load(d, realm, user_id, &k, e));
    char secret[SECRET_KEY_BYTES];
    directory_credential_make(d, "AK", k.id, secret);
    CLEANUP(buf_done_p) struct buf aad = BUF(256);
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    directory_credential_aad(&aad, k.tenant, k.id);
    struct result r =
            keys_seal_secret(keeper, k.tenant, buf_bytes(&aad), bytes_str(secret), &sealed, e);
    if (result_is_ok(r)) {
        struct key_insert in = { &k, buf_bytes(&sealed) };
        r = directory_write(d, key_insert, &in, e);
    }
    if (result_is_ok(r)) {
        directory_caches_empty(d);
        memcpy(ret_secret, secret, sizeof(secret));
        *ret = k;
    }
    mem_wipe(secret, sizeof(secret));
    return r;
}

/* --- reading --- */

#define KEY_COLUMNS                                                                                \
    "k.id, k.tenant, k.owner, coalesce(u.name, ''), k.is_enabled, k.created_ms, k.used_ms,"        \
    " k.used_from, k.used_service, r.state, r.account FROM access_keys k"                          \
    " JOIN realms r ON r.name = k.tenant LEFT JOIN users u ON u.id = k.owner"

static void key_of_row(struct db_stmt *s, struct access_key *k)
{
    directory_col_text(s, 0, k->id, sizeof(k->id));
    directory_col_text(s, 1, k->tenant, sizeof(k->tenant));
    directory_col_text(s, 2, k->user_id, sizeof(k->user_id));
    directory_col_text(s, 3, k->user_name, sizeof(k->user_name));
    k->is_enabled = db_col_i64(s, 4) != 0;
    k->created_ms = db_col_i64(s, 5);
    k->used_ms = db_col_i64(s, 6);
    directory_col_text(s, 7, k->used_from, sizeof(k->used_from));
    directory_col_text(s, 8, k->used_service, sizeof(k->used_service));
    k->tenant_state = (enum tenant_state)db_col_i64(s, 9);
    directory_col_text(s, 10, k->account, sizeof(k->account));
}

struct key_rows {
    struct access_key *p;
    size_t n, room;
};

static RESULT keys_read(struct directory *d, const char *realm, const char *user_id,
                        struct key_rows *out, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    TRY(db_prepare(c,
                   "SELECT " KEY_COLUMNS " WHERE k.tenant = ?1 AND (?2 IS NULL OR k.owner = ?2)"
                   " ORDER BY k.id",
                   &s, e));
    db_bind_text(s, 1, bytes_str(realm));
    db_bind_text(s, 2, bytes_str(user_id));
    for (;;) {
        bool has_row = false;
        TRY(db_step(s, &has_row, e));
        if (!has_row) {
            break;
        }
        if (out->n == out->room) {
            out->room = MAX(2 * out->room, (size_t)8);
            out->p = mem_realloc(out->p, out->room * sizeof(*out->p));
        }
        out->p[out->n] = (struct access_key){ 0 };
        key_of_row(s, &out->p[out->n++]);
    }
    db_reset(s);
    return RESULT_OK;
}

RESULT directory_key_list(struct directory *d, const char *realm, const char *user_id,
                          struct result (*fn)(void *arg, const struct access_key *k,
                                              struct error *e),
                          void *arg, struct error *e)
{
    struct key_rows rows = { NULL, 0, 0 };
    struct result r = keys_read(d, realm, user_id, &rows, e);
    for (size_t i = 0; i < rows.n && result_is_ok(r); i++) {
        directory_key_use_get(d, &rows.p[i]);
        r = fn(arg, &rows.p[i], e);
    }
    mem_free(rows.p);
    return r;
}

RESULT directory_key_find(struct directory *d, struct bytes id, struct access_key *ret,
                          struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "SELECT " KEY_COLUMNS " WHERE k.id = ?1", &s, e));
    db_bind_text(s, 1, id);
    bool has_row = false;
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        db_reset(s);
        FAIL(e, ERRC_NOT_FOUND, "no such access key");
    }
    *ret = (struct access_key){ 0 };
    key_of_row(s, ret);
    db_reset(s);
    directory_key_use_get(d, ret);
    return RESULT_OK;
}

/* --- changing --- */

struct key_change {
    const char *realm, *id;
    bool is_enabled;
};

static RESULT key_found(struct db_conn *c, const struct key_change *change, struct error *e)
{
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "'%.64s' has no access key '%.32s'", change->realm, change->id);
    }
    return RESULT_OK;
}

static RESULT key_delete(struct db_conn *c, void *arg, struct error *e)
{
    const struct key_change *change = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "DELETE FROM access_keys WHERE tenant = ?1 AND id = ?2", &s, e));
    db_bind_text(s, 1, bytes_str(change->realm));
    db_bind_text(s, 2, bytes_str(change->id));
    TRY(db_run(s, e));
    return key_found(c, change, e);
}

RESULT directory_key_delete(struct directory *d, const char *realm, const char *id, struct error *e)
{
    struct key_change change = { realm, id, false };
    TRY(directory_write(d, key_delete, &change, e));
    directory_caches_empty(d);
    return RESULT_OK;
}

static RESULT key_update(struct db_conn *c, void *arg, struct error *e)
{
    const struct key_change *change = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "UPDATE access_keys SET is_enabled = ?3 WHERE tenant = ?1 AND id = ?2", &s,
                   e));
    db_bind_text(s, 1, bytes_str(change->realm));
    db_bind_text(s, 2, bytes_str(change->id));
    db_bind_i64(s, 3, change->is_enabled);
    TRY(db_run(s, e));
    return key_found(c, change, e);
}

RESULT directory_key_set_enabled(struct directory *d, const char *realm, const char *id,
                                 bool enabled, struct error *e)
{
    struct key_change change = { realm, id, enabled };
    TRY(directory_write(d, key_update, &change, e));
    directory_caches_empty(d);
    return RESULT_OK;
}

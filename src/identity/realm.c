/* Realms: the tenants and the provider's own, each with its account number, freeze and claim. */
#include "identity/user_priv.h"

struct realm_row {
    char account[ACCOUNT_BYTES];
    int64_t frozen_ms, claimed_ms, rolled_back;
};

static void realm_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct realm_row *r = item;
    (void)arena;
    directory_col_text(s, 0, r->account, sizeof(r->account));
    r->frozen_ms = db_col_i64(s, 1);
    r->claimed_ms = db_col_i64(s, 2);
    r->rolled_back = db_col_i64(s, 3);
}

static RESULT realm_find(struct directory *d, const char *realm, struct realm_row *ret,
                         struct error *e)
{
    uint64_t generation = 0;
    struct realm_row r = { .frozen_ms = 0 };
    if (!directory_cache_get(d, DIRECTORY_CACHE_REALMS, bytes_str(realm), &r, sizeof(r),
                             &generation)) {
        TRY(directory_one(d, "tenant",
                          "SELECT account, frozen_ms, claimed_ms, rolled_back FROM realms"
                          " WHERE name = ?1",
                          SQL_IN(SQL_STR(realm)), realm_of_row, NULL, &r, e));
        directory_cache_put(d, DIRECTORY_CACHE_REALMS, bytes_str(realm), &r, sizeof(r), generation);
    }
    *ret = r;
    return RESULT_OK;
}

RESULT realm_account(struct directory *d, const char *realm, char ret[ACCOUNT_BYTES],
                     struct error *e)
{
    struct realm_row r;
    TRY(realm_find(d, realm, &r, e));
    memcpy(ret, r.account, sizeof(r.account));
    return RESULT_OK;
}

static void name_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    directory_col_text(s, 0, item, TENANT_NAME_BYTES);
}

RESULT realm_of_account(struct directory *d, struct bytes account, char ret[TENANT_NAME_BYTES],
                        struct error *e)
{
    return directory_one(d, "account", "SELECT name FROM realms WHERE account = ?1",
                         SQL_IN(SQL_BYTES(account)), name_of_row, NULL, ret, e);
}

RESULT realm_is_claimed(struct directory *d, const char *realm, bool *ret, struct error *e)
{
    struct realm_row r;
    TRY(realm_find(d, realm, &r, e));
    *ret = r.claimed_ms != 0;
    return RESULT_OK;
}

RESULT realm_is_frozen(struct directory *d, const char *realm, bool *ret, struct error *e)
{
    struct realm_row r;
    TRY(realm_find(d, realm, &r, e));
    *ret = r.frozen_ms != 0;
    return RESULT_OK;
}

RESULT realm_is_rolled_back(struct directory *d, const char *realm, bool *ret, struct error *e)
{
    struct realm_row r;
    TRY(realm_find(d, realm, &r, e));
    *ret = r.frozen_ms != 0 && r.rolled_back != 0;
    return RESULT_OK;
}

struct realm_mark {
    const char *realm;
    int64_t ms;
};

static RESULT claim_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct realm_mark *m = arg;
    TRY(sql_run(c, "UPDATE tenants SET claimed_ms = ?2 WHERE name = ?1 AND claimed_ms = 0",
                SQL_IN(SQL_STR(m->realm), SQL_INT(m->ms)), e));
    return sql_run(c,
                   "UPDATE platform SET claimed_ms = ?2 WHERE ?1 = 'platform' AND claimed_ms = 0",
                   SQL_IN(SQL_STR(m->realm), SQL_INT(m->ms)), e);
}

RESULT realm_claim(struct directory *d, const char *realm, struct error *e)
{
    struct realm_row r;
    TRY(realm_find(d, realm, &r, e));
    if (r.claimed_ms != 0) {
        return RESULT_OK;
    }
    struct realm_mark m = { realm, clock_wall_ms(d->clock) };
    return directory_change(d, claim_write, &m, e);
}

static RESULT freeze_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct realm_mark *m = arg;
    TRY(sql_run(c, "UPDATE tenants SET frozen_ms = ?2, rolled_back = 0 WHERE name = ?1",
                SQL_IN(SQL_STR(m->realm), SQL_INT(m->ms)), e));
    return sql_run(c, "UPDATE platform SET frozen_ms = ?2, rolled_back = 0 WHERE ?1 = 'platform'",
                   SQL_IN(SQL_STR(m->realm), SQL_INT(m->ms)), e);
}

/*= 2.2.2-5 "a whole tenant is frozen in one step" */
RESULT realm_set_frozen(struct directory *d, const char *realm, bool frozen, struct error *e)
{
    struct realm_row r;
    TRY(realm_find(d, realm, &r, e));
    if ((r.frozen_ms != 0) == frozen) {
        return RESULT_OK; /* the date of the first freeze stays */
    }
    struct realm_mark m = { realm, frozen ? clock_wall_ms(d->clock) : 0 };
    return directory_change(d, freeze_write, &m, e);
}

RESULT realm_copy(const char *realm, char ret[TENANT_NAME_BYTES], struct error *e)
{
    size_t n = strlen(realm);
    if (n >= TENANT_NAME_BYTES) {
        FAIL(e, ERRC_NOT_FOUND, "no tenant '%.64s...'", realm);
    }
    memcpy(ret, realm, n + 1);
    return RESULT_OK;
}

RESULT subject_realm(struct db_conn *c, const char *id, char ret[TENANT_NAME_BYTES],
                     struct error *e)
{
    return sql_one(c, "account, group or role",
                   "SELECT realm FROM users WHERE id = ?1 AND state <> 2 UNION ALL"
                   " SELECT realm FROM groups WHERE id = ?1 UNION ALL"
                   " SELECT realm FROM roles WHERE id = ?1",
                   SQL_IN(SQL_STR(id)), name_of_row, NULL, ret, e);
}

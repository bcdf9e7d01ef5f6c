/* TOTP devices of a realm. */
#include "identity/factor_device.h"

#include "identity/factor_priv.h"

static void device_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct factor *f = item;
    directory_col_text(s, 0, f->id, sizeof(f->id));
    directory_col_text(s, 1, f->user_id, sizeof(f->user_id));
    f->kind = FACTOR_TOTP;
    f->name = sql_str(s, 2, arena);
    f->is_active = db_col_i64(s, 3) != 0;
    f->created_ms = db_col_i64(s, 4);
    f->used_ms = db_col_i64(s, 5);
}

RESULT factor_devices(struct directory *d, const char *realm, struct arena *arena,
                      struct factor **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT id, user, name, is_active, created_ms, used_ms FROM factors"
                       " WHERE realm = ?1 AND kind = ?2 ORDER BY name, id",
                       SQL_IN(SQL_STR(realm), SQL_INT(FACTOR_TOTP)), sizeof(struct factor),
                       device_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

struct release {
    const char *user_id, *factor_id;
    bool is_own;
};

static RESULT release_run(struct db_conn *c, void *arg, struct error *e)
{
    const struct release *r = arg;
    if (r->is_own) {
        TRY(factor_other_check(c, r->user_id, r->factor_id, e));
    }
    TRY(sql_run(c,
                "UPDATE factors SET user = '', is_active = 0"
                " WHERE id = ?1 AND user = ?2 AND kind = ?3",
                SQL_IN(SQL_STR(r->factor_id), SQL_STR(r->user_id), SQL_INT(FACTOR_TOTP)), e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "the user has no such device");
    }
    return RESULT_OK;
}

RESULT factor_device_release(struct directory *d, const char *user_id, const char *factor_id,
                             bool is_own, struct error *e)
{
    struct release r = { user_id, factor_id, is_own };
    return directory_change(d, release_run, &r, e);
}

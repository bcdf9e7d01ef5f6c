/* What is due by the clock: accounts and keys whose time has come, rows that are over. */
#include "identity/house_priv.h"
#include "identity/param.h"
#include "identity/sql_priv.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

/* ?1 now, ?2 the parameter's id, ?3 its default, ?4 a realm or NULL for all, ?5 at most. */
#define PARAM_OF(realm)                                                                            \
    "CAST(coalesce((SELECT value FROM params p WHERE p.realm = " realm                             \
    " AND p.id = ?2), ?3) AS INTEGER)"
#define LAST_ACT                                                                                   \
    "max(u.active_ms, u.created_ms, coalesce((SELECT max(k.used_ms) FROM access_keys k"            \
    " WHERE k.tenant = u.realm AND k.owner = u.id), 0))"
#define OF_REALM                                                                                   \
    " JOIN realms r ON r.name = u.realm AND r.state <> 2 WHERE (?4 IS NULL OR u.realm = ?4)"
#define ARN "'arn:aws:iam::' || r.account || ':user' || u.path || u.name"

static const struct {
    const char *select, *count;
    enum param_id param;
} lists[] = {
    [HOUSE_LEAVERS] = { "SELECT u.id, u.realm, u.name, " ARN ", u.ends_ms FROM users u" OF_REALM
                        " AND u.state <> 2 AND u.ends_ms <> 0 AND u.ends_ms <= ?1"
                        " AND ?2 <> ?3 LIMIT ?5",
                        "SELECT count(*) FROM users u" OF_REALM
                        " AND u.state <> 2 AND u.ends_ms <> 0 AND u.ends_ms <= ?1 AND ?2 <> ?3",
                        PARAM_LEAVER },
    /* not the tenant's root, which is nobody's: its keys' age stands for it */
    [HOUSE_DORMANT] = { "SELECT u.id, u.realm, u.name, " ARN ", " LAST_ACT " FROM users u" OF_REALM
                        " AND u.state = 0 AND u.kind <> 3"
                        " AND " LAST_ACT " + 86400000 * " PARAM_OF("u.realm") " <= ?1 LIMIT ?5",
                        "SELECT count(*) FROM users u" OF_REALM " AND u.state = 0 AND u.kind <> 3"
                        " AND " LAST_ACT " + 86400000 * " PARAM_OF("u.realm") " <= ?1",
                        PARAM_DORMANT },
    [HOUSE_OLD_KEYS] = { "SELECT x.id, u.realm, u.name, " ARN ", x.created_ms FROM access_keys x"
                         " JOIN users u ON u.id = x.owner" OF_REALM " AND x.is_enabled <> 0"
                         " AND x.created_ms + 86400000 * " PARAM_OF("u.realm") " <= ?1 LIMIT ?5",
                         "SELECT count(*) FROM access_keys x JOIN users u ON u.id = "
                         "x.owner" OF_REALM " AND x.is_enabled <> 0"
                         " AND x.created_ms + 86400000 * " PARAM_OF("u.realm") " <= ?1",
                         PARAM_KEY_AGE },
};

static void due_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct house_due *h = item;
    *h = (struct house_due){ 0 };
    directory_col_text(s, 0, h->id, sizeof(h->id));
    directory_col_text(s, 1, h->realm, sizeof(h->realm));
    h->name = sql_str(s, 2, arena);
    h->arn = sql_str(s, 3, arena);
    h->since_ms = db_col_i64(s, 4);
}

RESULT house_due_list(struct directory *d, enum house_list which, struct arena *arena,
                      struct house_due **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    const struct param *p = &params[lists[which].param];
    TRY(directory_rows(d, lists[which].select,
                       SQL_IN(SQL_INT(clock_wall_ms(d->clock)), SQL_STR(p->id),
                              SQL_STR(p->fallback), SQL_STR(NULL), SQL_INT(HOUSE_BATCH)),
                       sizeof(struct house_due), due_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

RESULT house_due_count(struct directory *d, enum house_list which, const char *realm, uint64_t *ret,
                       struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    const struct param *p = &params[lists[which].param];
    int64_t n = 0;
    TRY(db_read_begin(d->db, &c, e));
    TRY(sql_i64(c, lists[which].count,
                SQL_IN(SQL_INT(clock_wall_ms(d->clock)), SQL_STR(p->id), SQL_STR(p->fallback),
                       SQL_STR(realm)),
                &n, e));
    *ret = (uint64_t)n;
    return RESULT_OK;
}

/* --- rows that are over --- */

/* A failure is remembered for a day at the longest (lockout.h). */
#define LOCKOUT_OVER "until_ms <= ?1 AND last_ms + failures * 86400000 <= ?1"

static const char *const over[] = {
    "DELETE FROM tokens WHERE expires_ms <= ?1 AND ?2 > 0",
    "DELETE FROM sessions WHERE expires_ms <= ?1 OR seen_ms <= ?2",
    "DELETE FROM enrolments WHERE expires_ms <= ?1 AND ?2 > 0",
    "DELETE FROM idempotency WHERE created_ms <= ?2 AND ?1 > 0",
    "DELETE FROM lockouts WHERE " LOCKOUT_OVER " AND ?2 > 0",
};

static RESULT clean_write(struct db_conn *c, void *arg, struct error *e)
{
    int64_t now = *(const int64_t *)arg;
    for (size_t i = 0; i < ARRAY_LEN(over); i++) {
        TRY(sql_run(c, over[i], SQL_IN(SQL_INT(now), SQL_INT(now - DAY_MS)), e));
    }
    return RESULT_OK;
}

static RESULT has_over(struct directory *d, int64_t now, int64_t *ret, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    return sql_i64(c,
                   "SELECT EXISTS(SELECT 1 FROM tokens WHERE expires_ms <= ?1)"
                   " OR EXISTS(SELECT 1 FROM sessions WHERE expires_ms <= ?1 OR seen_ms <= ?2)"
                   " OR EXISTS(SELECT 1 FROM enrolments WHERE expires_ms <= ?1)"
                   " OR EXISTS(SELECT 1 FROM idempotency WHERE created_ms <= ?2)"
                   " OR EXISTS(SELECT 1 FROM lockouts WHERE " LOCKOUT_OVER ")",
                   SQL_IN(SQL_INT(now), SQL_INT(now - DAY_MS)), ret, e);
}

RESULT house_clean(struct directory *d, struct error *e)
{
    int64_t now = clock_wall_ms(d->clock), any = 0;
    TRY(has_over(d, now, &any, e));
    return any == 0 ? RESULT_OK : db_write(d->db, clean_write, &now, e);
}

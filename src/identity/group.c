/* Groups of users. */
#include "identity/factor.h"
#include "identity/role_priv.h"

#define GROUPS_OF_USER 10

#define GROUP_COLUMNS "g.id, g.realm, g.name, g.path, g.created_ms, g.version"

static void group_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct group *g = item;
    directory_col_text(s, 0, g->id, sizeof(g->id));
    directory_col_text(s, 1, g->realm, sizeof(g->realm));
    g->name = sql_str(s, 2, arena);
    g->path = sql_str(s, 3, arena);
    g->created_ms = db_col_i64(s, 4);
    g->version = (uint64_t)db_col_i64(s, 5);
}

static RESULT group_of_id(struct db_conn *c, const char *id, struct arena *arena, struct group *ret,
                          struct error *e)
{
    return sql_one(c, "group", "SELECT " GROUP_COLUMNS " FROM groups g WHERE g.id = ?1",
                   SQL_IN(SQL_STR(id)), group_of_row, arena, ret, e);
}

static RESULT group_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct group *g = arg;
    TRY(realm_is_open(c, g->realm, e));
    struct result r = sql_run(c,
                              "INSERT INTO groups(id, realm, name, path, created_ms, version)"
                              " VALUES(?1, ?2, ?3, ?4, ?5, 1)",
                              SQL_IN(SQL_STR(g->id), SQL_STR(g->realm), SQL_STR(g->name),
                                     SQL_STR(g->path), SQL_INT(g->created_ms)),
                              e);
    if (r.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "group %s exists already", g->name);
    }
    return r;
}

RESULT group_create(struct directory *d, const char *realm, const char *name, const char *path,
                    struct arena *arena, struct group *ret, struct error *e)
{
    struct group g = { .created_ms = clock_wall_ms(d->clock), .version = 1 };
    TRY(name_check("group name", name, NAME_MAX_POLICY, e));
    TRY(path_check(path, &g.path, e));
    TRY(realm_copy(realm, g.realm, e));
    identity_id_new(d, "AGPA", g.id);
    g.name = arena_str(arena, bytes_str(name));
    g.path = arena_str(arena, bytes_str(g.path));
    TRY(directory_change(d, group_insert, &g, e));
    *ret = g;
    return RESULT_OK;
}

RESULT group_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                 struct group *ret, struct error *e)
{
    return directory_one(d, "group",
                         "SELECT " GROUP_COLUMNS " FROM groups g WHERE g.realm = ?1 AND g.name = ?2"
                         " AND g.name = ?2 COLLATE BINARY",
                         SQL_IN(SQL_STR(realm), SQL_BYTES(name)), group_of_row, arena, ret, e);
}

static RESULT groups_read(struct directory *d, const char *sql, struct sql_in in,
                          struct arena *arena, struct group **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d, sql, in, sizeof(struct group), group_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

RESULT group_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                  size_t max, struct arena *arena, struct group **ret, size_t *ret_n,
                  struct error *e)
{
    return groups_read(
            d,
            "SELECT " GROUP_COLUMNS " FROM groups g WHERE g.realm = ?1 AND g.name > ?2"
            " AND substr(g.path, 1, length(?3)) = ?3 ORDER BY g.name LIMIT ?4",
            SQL_IN(SQL_STR(realm), SQL_BYTES(after), SQL_BYTES(path), SQL_INT((int64_t)max)), arena,
            ret, ret_n, e);
}

RESULT user_groups(struct directory *d, const char *user_id, struct arena *arena,
                   struct group **ret, size_t *ret_n, struct error *e)
{
    return groups_read(d,
                       "SELECT " GROUP_COLUMNS " FROM groups g JOIN members m ON m.group_id = g.id"
                       " WHERE m.user = ?1 ORDER BY g.name",
                       SQL_IN(SQL_STR(user_id)), arena, ret, ret_n, e);
}

RESULT group_members(struct directory *d, const char *group_id, struct arena *arena,
                     struct user **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT " USER_COLUMNS " FROM users u JOIN members m ON m.user = u.id"
                       " WHERE m.group_id = ?1 ORDER BY u.name",
                       SQL_IN(SQL_STR(group_id)), sizeof(struct user), user_of_row, arena, &rows,
                       e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

struct membership {
    const char *group, *user;
    struct arena *arena;
};

static const struct sql_hang hangs[] = {
    { "SELECT count(*) FROM members WHERE group_id = ?1", "members" },
    { "SELECT count(*) FROM attachments WHERE subject = ?1", "attached policies" },
    { "SELECT count(*) FROM inlines WHERE subject = ?1", "inline policies" },
    { "SELECT count(*) FROM holders WHERE subject = ?1", "roles" },
};

static RESULT group_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct membership *m = arg;
    struct group g;
    TRY(group_of_id(c, m->group, m->arena, &g, e));
    TRY(sql_hangs_check(c, hangs, ARRAY_LEN(hangs), g.id, "group", g.name, e));
    return sql_run(c, "DELETE FROM groups WHERE id = ?1", SQL_IN(SQL_STR(g.id)), e);
}

RESULT group_delete(struct directory *d, const char *id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct membership m = { id, NULL, arena };
    return directory_change(d, group_erase, &m, e);
}

static RESULT member_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct membership *m = arg;
    struct group g;
    struct user u;
    int64_t n = 0;
    TRY(group_of_id(c, m->group, m->arena, &g, e));
    TRY(user_of_id(c, m->user, m->arena, &u, e));
    if (strcmp(g.realm, u.realm) != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no user '%s' beside group %s", m->user, g.name);
    }
    if (u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s has ended", u.name);
    }
    TRY(sql_run(c, "INSERT OR IGNORE INTO members(group_id, user) VALUES(?1, ?2)",
                SQL_IN(SQL_STR(g.id), SQL_STR(u.id)), e));
    TRY(sql_i64(c, "SELECT count(*) FROM members WHERE user = ?1", SQL_IN(SQL_STR(u.id)), &n, e));
    if (n > GROUPS_OF_USER) {
        FAIL(e, ERRC_LIMIT, "user %s is in %d groups already", u.name, GROUPS_OF_USER);
    }
    return administrators_check(c, u.id, m->arena, e);
}

RESULT group_add(struct directory *d, const char *group_id, const char *user_id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct membership m = { group_id, user_id, arena };
    TRY(directory_change(d, member_insert, &m, e));
    return factor_claim_realm(d, user_id, e);
}

static RESULT member_delete(struct db_conn *c, void *arg, struct error *e)
{
    const struct membership *m = arg;
    TRY(sql_run(c, "DELETE FROM members WHERE group_id = ?1 AND user = ?2",
                SQL_IN(SQL_STR(m->group), SQL_STR(m->user)), e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "user '%.32s' is not in this group", m->user);
    }
    return RESULT_OK;
}

RESULT group_remove(struct directory *d, const char *group_id, const char *user_id, struct error *e)
{
    struct membership m = { group_id, user_id, NULL };
    return directory_change(d, member_delete, &m, e);
}

void group_json(struct jsonw *w, const struct group *g, const char *account)
{
    identity_arn_json(w, "group", account, g->path, g->name);
    identity_time_json(w, "created", g->created_ms);
    jsonw_kv_cstr(w, "id", g->id);
    jsonw_kv_cstr(w, "name", g->name);
    jsonw_kv_cstr(w, "path", g->path);
    jsonw_kv_cstr(w, "realm", g->realm);
    jsonw_kv_u64(w, "version", g->version);
}

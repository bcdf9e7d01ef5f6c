/* Roles: built in and made by a realm. Who holds them: role_assign.c. */
#include "identity/role_priv.h"

#include "identity/policy/policy.h"
#include "identity/tally.h"

#include <strings.h>

#define ROLE_COLUMNS                                                                               \
    "r.id, r.realm, r.name, r.path, r.description, r.is_privileged, r.needs_mfa, r.trust,"         \
    " r.max_session_s, r.boundary, r.tags, r.created_ms, r.used_ms, r.version"
#define SESSION_MIN_S     900
#define SESSION_DEFAULT_S 3600
#define SESSION_MAX_S     43200

static void role_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct access_role *r = item;
    *r = (struct access_role){ .is_builtin = false };
    directory_col_text(s, 0, r->id, sizeof(r->id));
    directory_col_text(s, 1, r->realm, sizeof(r->realm));
    r->name = sql_str(s, 2, arena);
    r->path = sql_str(s, 3, arena);
    r->description = sql_str(s, 4, arena);
    r->is_privileged = db_col_i64(s, 5) != 0;
    r->needs_mfa = db_col_i64(s, 6) != 0;
    r->trust = sql_str(s, 7, arena);
    r->max_session_s = (uint64_t)db_col_i64(s, 8);
    r->boundary = sql_str(s, 9, arena);
    r->tags = sql_str(s, 10, arena);
    r->created_ms = db_col_i64(s, 11);
    r->used_ms = db_col_i64(s, 12);
    r->version = (uint64_t)db_col_i64(s, 13);
}

bool role_builtin_is_of(const struct role_builtin *b, const char *realm)
{
    return (b->place == ROLE_OF_PLATFORM) == (strcmp(realm, IDENTITY_PLATFORM) == 0);
}

static void role_of_builtin(const struct role_builtin *b, const char *realm,
                            struct access_role *ret)
{
    *ret = (struct access_role){ .name = b->name,
                                 .path = "/",
                                 .description = b->en,
                                 .is_builtin = true,
                                 .is_privileged = b->is_privileged,
                                 .needs_mfa = b->needs_mfa,
                                 .trust = "",
                                 .max_session_s = SESSION_MAX_S,
                                 .boundary = "",
                                 .tags = "{}",
                                 .version = 1 };
    memcpy(ret->realm, realm, strlen(realm) + 1);
}

static bool is_builtin_name(struct bytes name)
{
    for (const struct role_builtin *b = role_builtins; b->name != NULL; b++) {
        if (bytes_equal_str_nocase(name, b->name)) {
            return true;
        }
    }
    return false;
}

RESULT role_of_name(struct db_conn *c, const char *realm, struct bytes name, struct arena *arena,
                    struct access_role *ret, struct error *e)
{
    int64_t there = 0;
    TRY(sql_i64(c, "SELECT count(*) FROM realms WHERE name = ?1", SQL_IN(SQL_STR(realm)), &there,
                e));
    for (const struct role_builtin *b = role_builtins; there != 0 && b->name != NULL; b++) {
        if (role_builtin_is_of(b, realm) && bytes_equal_str(name, b->name)) {
            role_of_builtin(b, realm, ret);
            return RESULT_OK;
        }
    }
    return sql_one(c, "role",
                   "SELECT " ROLE_COLUMNS " FROM roles r WHERE r.realm = ?1 AND r.name = ?2"
                   " AND r.name = ?2 COLLATE BINARY",
                   SQL_IN(SQL_STR(realm), SQL_BYTES(name)), role_of_row, arena, ret, e);
}

RESULT role_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                struct access_role *ret, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    return role_of_name(c, realm, name, arena, ret, e);
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct access_role *)a)->name, ((const struct access_role *)b)->name);
}

/* The built-in ones are part of the same pages. */
RESULT role_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                 size_t max, struct arena *arena, struct access_role **ret, size_t *ret_n,
                 struct error *e)
{
    struct sql_rows rows;
    char account[ACCOUNT_BYTES];
    TRY(realm_account(d, realm, account, e));
    TRY(directory_rows(
            d,
            "SELECT " ROLE_COLUMNS " FROM roles r WHERE r.realm = ?1 AND r.name > ?2"
            " AND substr(r.path, 1, length(?3)) = ?3 ORDER BY r.name LIMIT ?4",
            SQL_IN(SQL_STR(realm), SQL_BYTES(after), SQL_BYTES(path), SQL_INT((int64_t)max)),
            sizeof(struct access_role), role_of_row, arena, &rows, e));
    size_t n = rows.n, builtin = 0;
    while (role_builtins[builtin].name != NULL) {
        builtin++;
    }
    struct access_role *all = arena_zalloc(arena, (n + builtin) * sizeof(*all));
    if (n > 0) {
        memcpy(all, rows.p, n * sizeof(*all));
    }
    const char *from = arena_str(arena, after);
    bool is_there = path.n == 0 || bytes_equal_str(path, "/");
    for (const struct role_builtin *b = role_builtins; is_there && b->name != NULL; b++) {
        if (role_builtin_is_of(b, realm) && strcasecmp(b->name, from) > 0) {
            role_of_builtin(b, realm, &all[n++]);
        }
    }
    qsort(all, n, sizeof(*all), by_name);
    *ret = all;
    *ret_n = MIN(n, max);
    return RESULT_OK;
}

static RESULT trust_check(const char *trust, const char *name, struct error *e)
{
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    CLEANUP(buf_done_p) struct buf label = BUF(256);
    if (trust[0] == '\0') {
        return RESULT_OK; /* nobody assumes it: it is held by assignment or grant alone */
    }
    buf_addf(&label, "trust of role %s", name);
    return policy_compile(bytes_str(trust), POLICY_TRUST, buf_cstr(&label), &p, e);
}

static RESULT session_check(uint64_t seconds, struct error *e)
{
    if (seconds < SESSION_MIN_S || seconds > SESSION_MAX_S) {
        FAIL(e, ERRC_RANGE, "longest session: %d to %d seconds", SESSION_MIN_S, SESSION_MAX_S);
    }
    return RESULT_OK;
}

static RESULT role_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct access_role *r = arg;
    TRY(realm_is_open(c, r->realm, e));
    TRY(boundary_check(c, r->realm, r->boundary, e));
    struct result done = sql_run(
            c,
            "INSERT INTO roles(id, realm, name, path, description, is_privileged,"
            " needs_mfa, trust, max_session_s, boundary, tags, created_ms, used_ms,"
            " version) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, 1)",
            SQL_IN(SQL_STR(r->id), SQL_STR(r->realm), SQL_STR(r->name), SQL_STR(r->path),
                   SQL_STR(r->description), SQL_INT(r->is_privileged), SQL_INT(r->needs_mfa),
                   SQL_STR(r->trust), SQL_INT((int64_t)r->max_session_s), SQL_STR(r->boundary),
                   SQL_STR(r->tags), SQL_INT(r->created_ms)),
            e);
    if (done.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "role %s exists already", r->name);
    }
    return done;
}

/* NULL is the empty text. */
static const char *copied(struct arena *arena, const char *text)
{
    return arena_str(arena, bytes_str(text == NULL ? "" : text));
}

RESULT role_create(struct directory *d, const char *realm, const struct role_new *r,
                   struct arena *arena, struct access_role *ret, struct error *e)
{
    struct access_role out = { .description = copied(arena, r->description),
                               .is_privileged = r->is_privileged,
                               .needs_mfa = r->needs_mfa,
                               .trust = copied(arena, r->trust),
                               .max_session_s = r->max_session_s,
                               .boundary = copied(arena, r->boundary),
                               .created_ms = clock_wall_ms(d->clock),
                               .version = 1 };
    TRY(name_check("role name", r->name, NAME_MAX_USER, e));
    if (is_builtin_name(bytes_str(r->name))) {
        FAIL(e, ERRC_EXISTS, "role %s is built in", r->name);
    }
    if (out.max_session_s == 0) {
        out.max_session_s = SESSION_DEFAULT_S;
    }
    out.name = copied(arena, r->name);
    TRY(path_check(r->path, &out.path, e));
    out.path = copied(arena, out.path);
    TRY(text_check("description", out.description, DESCRIPTION_MAX, e));
    TRY(trust_check(out.trust, out.name, e));
    TRY(session_check(out.max_session_s, e));
    TRY(tags_check(r->tags, arena, &out.tags, e));
    TRY(realm_copy(realm, out.realm, e));
    identity_id_new(d, "AROA", out.id);
    TRY(directory_change(d, role_insert, &out, e));
    *ret = out;
    return RESULT_OK;
}

struct role_job {
    const char *id;
    struct role_change c;
    struct arena *arena;
};

static RESULT role_of_id(struct db_conn *c, const char *id, struct arena *arena,
                         struct access_role *ret, struct error *e)
{
    return sql_one(c, "role", "SELECT " ROLE_COLUMNS " FROM roles r WHERE r.id = ?1",
                   SQL_IN(SQL_STR(id)), role_of_row, arena, ret, e);
}

static RESULT role_update(struct db_conn *c, void *arg, struct error *e)
{
    const struct role_job *in = arg;
    struct access_role r;
    TRY(role_of_id(c, in->id, in->arena, &r, e));
    TRY(version_check(in->c.version, r.version, e));
    TRY(boundary_check(c, r.realm, in->c.boundary, e));
    return sql_run(c,
                   "UPDATE roles SET description = coalesce(?2, description),"
                   " trust = coalesce(?3, trust), boundary = coalesce(?4, boundary),"
                   " tags = coalesce(?5, tags), max_session_s = iif(?6 = 0, max_session_s, ?6),"
                   " version = version + 1 WHERE id = ?1",
                   SQL_IN(SQL_STR(in->id), SQL_STR(in->c.description), SQL_STR(in->c.trust),
                          SQL_STR(in->c.boundary), SQL_STR(in->c.tags),
                          SQL_INT((int64_t)in->c.max_session_s)),
                   e);
}

RESULT role_change(struct directory *d, const char *id, const struct role_change *c,
                   struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct role_job in = { id, *c, arena };
    if (c->description != NULL) {
        TRY(text_check("description", c->description, DESCRIPTION_MAX, e));
    }
    if (c->trust != NULL) {
        TRY(trust_check(c->trust, id, e));
    }
    if (c->tags != NULL) {
        TRY(tags_check(c->tags, arena, &in.c.tags, e));
    }
    if (c->max_session_s != 0) {
        TRY(session_check(c->max_session_s, e));
    }
    return directory_change(d, role_update, &in, e);
}

static const struct sql_hang hangs[] = {
    { "SELECT count(*) FROM attachments WHERE subject = ?1", "attached policies" },
    { "SELECT count(*) FROM inlines WHERE subject = ?1", "inline policies" },
    { "SELECT count(*) FROM holders h JOIN roles r ON h.role = r.name WHERE r.id = ?1 AND h.subject"
      " IN (SELECT id FROM users WHERE realm = r.realm UNION ALL SELECT id FROM groups WHERE"
      " realm = r.realm)",
      "holders" },
    { "SELECT count(*) FROM grants g JOIN roles r ON g.realm = r.realm AND g.role = r.name"
      " WHERE r.id = ?1 AND g.state IN (1, 2)",
      "open grants" },
};

static RESULT role_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct role_job *in = arg;
    struct access_role r;
    TRY(role_of_id(c, in->id, in->arena, &r, e));
    TRY(sql_hangs_check(c, hangs, ARRAY_LEN(hangs), r.id, "role", r.name, e));
    TRY(sql_run(c, "DELETE FROM tokens WHERE realm = ?1 AND role = ?2",
                SQL_IN(SQL_STR(r.realm), SQL_STR(r.name)), e));
    return sql_run(c, "DELETE FROM roles WHERE id = ?1", SQL_IN(SQL_STR(r.id)), e);
}

RESULT role_delete(struct directory *d, const char *id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct role_job in = { .id = id, .arena = arena };
    return directory_change(d, role_erase, &in, e);
}

void role_touch(struct directory *d, const char *id)
{
    tally_use(d->tally, id, clock_wall_ms(d->clock));
}

void role_arn(struct buf *out, const struct access_role *r, const char *account)
{
    identity_arn(out, "role", account, r->path, r->name);
}

void role_json(struct jsonw *w, const struct access_role *r, const char *account)
{
    identity_arn_json(w, "role", account, r->path, r->name);
    jsonw_kv_cstr(w, "boundary", r->boundary);
    jsonw_kv_bool(w, "builtin", r->is_builtin);
    identity_time_json(w, "created", r->created_ms);
    jsonw_kv_cstr(w, "description", r->description);
    jsonw_kv_cstr(w, "id", r->id);
    jsonw_kv_u64(w, "max_session_s", r->max_session_s);
    jsonw_kv_cstr(w, "name", r->name);
    jsonw_kv_bool(w, "needs_mfa", r->needs_mfa);
    jsonw_kv_cstr(w, "path", r->path);
    jsonw_kv_bool(w, "privileged", r->is_privileged);
    jsonw_kv_cstr(w, "realm", r->realm);
    jsonw_key(w, "tags");
    jsonw_raw(w, bytes_str(r->tags));
    jsonw_kv_cstr(w, "trust", r->trust);
    identity_time_json(w, "used", r->used_ms);
    jsonw_kv_u64(w, "version", r->version);
}

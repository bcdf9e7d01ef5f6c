/* Users: made, found, changed. Their states and end: user_state.c. */
#include "identity/user_priv.h"

#include "identity/managed.h"

#define USER_INSERT                                                                                \
    "INSERT INTO users(id, realm, name, path, kind, owner, display, email, state, created_ms,"     \
    " changed_ms, active_ms, ends_ms, frozen_ms, boundary, tags, version)"                         \
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?9, ?9, ?10, 0, ?11, ?12, 1)"

const char *user_kind_name(enum user_kind k)
{
    static const char *const names[] = { "unknown", "person", "service", "root" };
    return (unsigned)k < ARRAY_LEN(names) ? names[k] : names[0];
}

const char *user_state_name(enum user_state s)
{
    static const char *const names[] = { "active", "suspended", "ended" };
    return (unsigned)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

void user_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct user *u = item;
    directory_col_text(s, 0, u->id, sizeof(u->id));
    directory_col_text(s, 1, u->realm, sizeof(u->realm));
    u->name = sql_str(s, 2, arena);
    u->path = sql_str(s, 3, arena);
    u->kind = (enum user_kind)db_col_i64(s, 4);
    u->owner = sql_str(s, 5, arena);
    u->display = sql_str(s, 6, arena);
    u->email = sql_str(s, 7, arena);
    u->state = (enum user_state)db_col_i64(s, 8);
    u->created_ms = db_col_i64(s, 9);
    u->changed_ms = db_col_i64(s, 10);
    u->active_ms = db_col_i64(s, 11);
    u->ends_ms = db_col_i64(s, 12);
    u->frozen_ms = db_col_i64(s, 13);
    u->boundary = sql_str(s, 14, arena);
    u->tags = sql_str(s, 15, arena);
    u->version = (uint64_t)db_col_i64(s, 16);
}

RESULT realm_is_open(struct db_conn *c, const char *realm, struct error *e)
{
    int64_t there = 0, open = 0;
    TRY(sql_i64(c, "SELECT count(*) FROM realms WHERE name = ?1", SQL_IN(SQL_STR(realm)), &there,
                e));
    TRY(sql_i64(c, "SELECT count(*) FROM realms WHERE name = ?1 AND state <> ?2",
                SQL_IN(SQL_STR(realm), SQL_INT(TENANT_CLOSED)), &open, e));
    if (there == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no tenant '%.64s'", realm);
    }
    if (open == 0) {
        FAIL(e, ERRC_CONFLICT, "tenant %s is closed", realm);
    }
    return RESULT_OK;
}

RESULT version_check(uint64_t want, uint64_t is, struct error *e)
{
    if (want != 0 && want != is) {
        FAIL(e, ERRC_CONFLICT, "changed meanwhile: version %llu, not %llu", (unsigned long long)is,
             (unsigned long long)want);
    }
    return RESULT_OK;
}

RESULT boundary_check(struct db_conn *c, const char *realm, const char *boundary, struct error *e)
{
    int64_t n = 0;
    if (boundary == NULL || boundary[0] == '\0') {
        return RESULT_OK;
    }
    TRY(sql_i64(c,
                "SELECT count(*) FROM policies p JOIN realms r ON r.name = p.realm WHERE"
                " p.realm = ?1 AND 'arn:aws:iam::' || r.account || ':policy' || p.path || p.name"
                " = ?2",
                SQL_IN(SQL_STR(realm), SQL_STR(boundary)), &n, e));
    if (n == 0) {
        FAIL(e, ERRC_NOT_FOUND, "boundary: no managed policy '%.256s' here", boundary);
    }
    return RESULT_OK;
}

/* Who answers for a service account: a person of the realm that has not ended, or before there are
 * persons the tenant's root. */
static RESULT owner_check(struct db_conn *c, const char *realm, const char *owner, struct error *e)
{
    int64_t n = 0;
    TRY(sql_i64(c,
                "SELECT count(*) FROM users WHERE realm = ?1 AND name = ?2 COLLATE BINARY"
                " AND kind IN (?3, ?4) AND state <> ?5",
                SQL_IN(SQL_STR(realm), SQL_STR(owner), SQL_INT(USER_PERSON), SQL_INT(USER_ROOT),
                       SQL_INT(USER_ENDED)),
                &n, e));
    if (n == 0) {
        FAIL(e, ERRC_CONFLICT, "owner: no person '%.64s' here to answer for the account", owner);
    }
    return RESULT_OK;
}

static RESULT taken(struct result r, const char *name, struct error *e)
{
    if (r.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "user %s exists already", name);
    }
    return r;
}

RESULT user_root_insert(struct db_conn *c, const char *id, const char *realm, int64_t now_ms,
                        struct error *e)
{
    return sql_run(c, USER_INSERT,
                   SQL_IN(SQL_STR(id), SQL_STR(realm), SQL_STR(IDENTITY_ROOT_NAME), SQL_STR("/"),
                          SQL_INT(USER_ROOT), SQL_STR(realm), SQL_STR(""), SQL_STR(""),
                          SQL_INT(now_ms), SQL_INT(0), SQL_STR(""), SQL_STR("{}")),
                   e);
}

struct creation {
    struct user_new u; /* checked, nothing NULL */
    const char *realm;
    char id[IDENTITY_ID_BYTES];
    int64_t now_ms;
};

static RESULT user_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct creation *in = arg;
    const struct user_new *u = &in->u;
    TRY(realm_is_open(c, in->realm, e));
    TRY(boundary_check(c, in->realm, u->boundary, e));
    if (u->kind == USER_SERVICE) {
        TRY(owner_check(c, in->realm, u->owner, e));
    }
    return taken(sql_run(c, USER_INSERT,
                         SQL_IN(SQL_STR(in->id), SQL_STR(in->realm), SQL_STR(u->name),
                                SQL_STR(u->path), SQL_INT(u->kind), SQL_STR(u->owner),
                                SQL_STR(u->display), SQL_STR(u->email), SQL_INT(in->now_ms),
                                SQL_INT(u->ends_ms), SQL_STR(u->boundary), SQL_STR(u->tags)),
                         e),
                 u->name, e);
}

/*= 2.2.2-1 "every account has a named owner" */
static RESULT texts_check(const char *owner, const char *display, const char *email,
                          struct error *e)
{
    if (bytes_trim(bytes_str(owner), " ").n == 0) {
        FAIL(e, ERRC_FORMAT,
             "owner: the full name of the person, or for a service account the user name of the "
             "person who answers for it");
    }
    TRY(text_check("owner", owner, TEXT_MAX, e));
    TRY(text_check("display", display, TEXT_MAX, e));
    return email_check(email, e);
}

RESULT user_create(struct directory *d, const char *realm, const struct user_new *u,
                   struct arena *arena, struct user *ret, struct error *e)
{
    struct creation in = { .u = *u, .realm = realm, .now_ms = clock_wall_ms(d->clock) };
    TRY(name_check("user name", u->name, NAME_MAX_USER, e));
    if (u->kind != USER_PERSON && u->kind != USER_SERVICE) {
        FAIL(e, ERRC_RANGE, "kind: person or service");
    }
    if (bytes_equal_str_nocase(bytes_str(u->name), IDENTITY_ROOT_NAME)) {
        FAIL(e, ERRC_EXISTS, "the name root belongs to the tenant's first keys");
    }
    if (u->ends_ms < 0) {
        FAIL(e, ERRC_RANGE, "date of leaving: before 1970");
    }
    in.u.owner = u->owner == NULL ? "" : u->owner;
    in.u.display = u->display == NULL ? "" : u->display;
    in.u.email = u->email == NULL ? "" : u->email;
    in.u.boundary = u->boundary == NULL ? "" : u->boundary;
    TRY(texts_check(in.u.owner, in.u.display, in.u.email, e));
    TRY(path_check(u->path, &in.u.path, e));
    TRY(tags_check(u->tags, arena, &in.u.tags, e));
    identity_id_new(d, "AIDA", in.id);
    TRY(directory_change(d, user_insert, &in, e));
    return user_get_by_id(d, bytes_str(in.id), arena, ret, e);
}

/* Two ways of writing a name are not the same account to a policy: found as it is written alone. */
RESULT user_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                struct user *ret, struct error *e)
{
    return directory_one(d, "user",
                         "SELECT " USER_COLUMNS " FROM users u WHERE u.realm = ?1 AND u.name = ?2"
                         " AND u.name = ?2 COLLATE BINARY",
                         SQL_IN(SQL_STR(realm), SQL_BYTES(name)), user_of_row, arena, ret, e);
}

#define USER_OF_ID "SELECT " USER_COLUMNS " FROM users u WHERE u.id = ?1"

RESULT user_of_id(struct db_conn *c, const char *id, struct arena *arena, struct user *ret,
                  struct error *e)
{
    return sql_one(c, "user", USER_OF_ID, SQL_IN(SQL_STR(id)), user_of_row, arena, ret, e);
}

RESULT user_get_by_id(struct directory *d, struct bytes id, struct arena *arena, struct user *ret,
                      struct error *e)
{
    return directory_one(d, "user", USER_OF_ID, SQL_IN(SQL_BYTES(id)), user_of_row, arena, ret, e);
}

RESULT user_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                 size_t max, struct arena *arena, struct user **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(
            d,
            "SELECT " USER_COLUMNS " FROM users u WHERE u.realm = ?1 AND u.name > ?2"
            " AND substr(u.path, 1, length(?3)) = ?3 ORDER BY u.name LIMIT ?4",
            SQL_IN(SQL_STR(realm), SQL_BYTES(after), SQL_BYTES(path), SQL_INT((int64_t)max)),
            sizeof(struct user), user_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

struct change {
    const char *id;
    struct user_change c;
    struct arena *arena; /* of the job */
    int64_t now_ms;
};

/* Service accounts name the person who answers for them. */
static RESULT rename_owner(struct db_conn *c, const struct user *u, const char *name,
                           struct error *e)
{
    if (u->kind == USER_ROOT || bytes_equal_str_nocase(bytes_str(name), IDENTITY_ROOT_NAME)) {
        FAIL(e, ERRC_CONFLICT, "the name root belongs to the tenant's first keys");
    }
    if (u->kind != USER_PERSON) {
        return RESULT_OK;
    }
    return sql_run(c,
                   "UPDATE users SET owner = ?3, version = version + 1 WHERE realm = ?1 AND"
                   " kind = 2 AND owner = ?2",
                   SQL_IN(SQL_STR(u->realm), SQL_STR(u->name), SQL_STR(name)), e);
}

static RESULT user_update(struct db_conn *c, void *arg, struct error *e)
{
    const struct change *in = arg;
    const struct user_change *ch = &in->c;
    struct user u;
    TRY(user_of_id(c, in->id, in->arena, &u, e));
    TRY(version_check(ch->version, u.version, e));
    if (u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s has ended", u.name);
    }
    TRY(boundary_check(c, u.realm, ch->boundary, e));
    if (ch->owner != NULL && u.kind == USER_SERVICE) {
        TRY(owner_check(c, u.realm, ch->owner, e));
    }
    if (ch->name != NULL) {
        TRY(rename_owner(c, &u, ch->name, e));
    }
    return taken(sql_run(c,
                         "UPDATE users SET name = coalesce(?2, name), path = coalesce(?3, path),"
                         " owner = coalesce(?4, owner), display = coalesce(?5, display),"
                         " email = coalesce(?6, email), boundary = coalesce(?7, boundary),"
                         " tags = coalesce(?8, tags), ends_ms = iif(?9 < 0, ends_ms, ?9),"
                         " changed_ms = ?10, version = version + 1 WHERE id = ?1",
                         SQL_IN(SQL_STR(in->id), SQL_STR(ch->name), SQL_STR(ch->path),
                                SQL_STR(ch->owner), SQL_STR(ch->display), SQL_STR(ch->email),
                                SQL_STR(ch->boundary), SQL_STR(ch->tags), SQL_INT(ch->ends_ms),
                                SQL_INT(in->now_ms)),
                         e),
                 ch->name, e);
}

RESULT user_change(struct directory *d, const char *id, const struct user_change *c,
                   struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct change in = { id, *c, arena, clock_wall_ms(d->clock) };
    if (c->name != NULL) {
        TRY(name_check("user name", c->name, NAME_MAX_USER, e));
    }
    if (c->path != NULL) {
        TRY(path_check(c->path, &in.c.path, e));
    }
    if (c->tags != NULL) {
        TRY(tags_check(c->tags, arena, &in.c.tags, e));
    }
    TRY(texts_check(c->owner == NULL ? "-" : c->owner, c->display == NULL ? "" : c->display,
                    c->email == NULL ? "" : c->email, e));
    return directory_change(d, user_update, &in, e);
}

void user_arn(struct buf *out, const struct user *u, const char *account)
{
    identity_arn(out, "user", account, u->path, u->name);
}

void user_json(struct jsonw *w, const struct user *u, const char *account)
{
    identity_time_json(w, "active", u->active_ms);
    identity_arn_json(w, "user", account, u->path, u->name);
    jsonw_kv_cstr(w, "boundary", u->boundary);
    identity_time_json(w, "changed", u->changed_ms);
    identity_time_json(w, "created", u->created_ms);
    jsonw_kv_cstr(w, "display", u->display);
    jsonw_kv_cstr(w, "email", u->email);
    identity_time_json(w, "ends", u->ends_ms);
    identity_time_json(w, "frozen", u->frozen_ms);
    jsonw_kv_cstr(w, "id", u->id);
    jsonw_kv_cstr(w, "kind", user_kind_name(u->kind));
    jsonw_kv_cstr(w, "name", u->name);
    jsonw_kv_cstr(w, "owner", u->owner);
    jsonw_kv_cstr(w, "path", u->path);
    jsonw_kv_cstr(w, "realm", u->realm);
    jsonw_kv_cstr(w, "state", user_state_name(u->state));
    jsonw_key(w, "tags");
    jsonw_raw(w, bytes_str(u->tags));
    jsonw_kv_u64(w, "version", u->version);
}

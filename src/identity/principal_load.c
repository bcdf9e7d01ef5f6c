/*
 * Everything that decides for a principal, read from the directory in one snapshot (the grants in
 * one before it: what changed between moves the directory's generation on).
 */
#include "identity/principal_priv.h"
#include "identity/user_priv.h"

/* A boundary that is named and is not there allows nothing. */
#define BOUNDARY_GONE                                                                              \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"BoundaryIsGone\",\"Effect\":\"Deny\","  \
    "\"Action\":\"*\",\"Resource\":\"*\"}]}"

static void document_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct source_document *doc = item;
    doc->name = sql_str(s, 0, arena);
    doc->json = sql_str(s, 1, arena);
}

static void realm_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct source_realm *r = item;
    (void)arena;
    directory_col_text(s, 0, r->name, sizeof(r->name));
    directory_col_text(s, 1, r->account, sizeof(r->account));
    r->state = (enum tenant_state)db_col_i64(s, 2);
    r->frozen_ms = db_col_i64(s, 3);
}

static RESULT realm_load(struct db_conn *c, const char *name, struct source_realm *ret,
                         struct error *e)
{
    return sql_one(c, "tenant",
                   "SELECT name, account, state, frozen_ms FROM realms WHERE name = ?1",
                   SQL_IN(SQL_STR(name)), realm_of_row, NULL, ret, e);
}

static RESULT boundary_load(struct db_conn *c, const char *realm, const char *arn,
                            struct arena *arena, const char **ret, struct error *e)
{
    struct sql_rows rows;
    if (arn[0] == '\0') {
        *ret = NULL;
        return RESULT_OK;
    }
    TRY(sql_rows(c,
                 "SELECT v.document FROM policies p JOIN realms r ON r.name = p.realm"
                 " JOIN policy_versions v ON v.policy = p.id AND v.version = p.default_version"
                 " WHERE p.realm = ?1"
                 " AND 'arn:aws:iam::' || r.account || ':policy' || p.path || p.name = ?2",
                 SQL_IN(SQL_STR(realm), SQL_STR(arn)), sizeof(const char *), sql_row_text, arena,
                 &rows, e));
    *ret = rows.n > 0 ? *(const char **)rows.p : BOUNDARY_GONE;
    return RESULT_OK;
}

/* --- roles --- */

static void role_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct source_role *r = item;
    directory_col_text(s, 0, r->id, sizeof(r->id));
    r->name = sql_str(s, 1, arena);
    r->path = sql_str(s, 2, arena);
    r->tags = sql_str(s, 3, arena);
    r->boundary = sql_str(s, 4, arena); /* the ARN, for now */
    r->is_privileged = db_col_i64(s, 5) != 0;
    r->needs_mfa = db_col_i64(s, 6) != 0;
    r->created_ms = db_col_i64(s, 7);
    r->is_there = true;
}

static RESULT role_own_load(struct db_conn *c, const char *realm, struct arena *arena,
                            struct source_role *r, struct error *e)
{
    struct sql_rows rows;
    TRY(sql_rows(c,
                 "SELECT id, name, path, tags, boundary, is_privileged, needs_mfa, created_ms"
                 " FROM roles WHERE realm = ?1 AND name = ?2",
                 SQL_IN(SQL_STR(realm), SQL_STR(r->name)), sizeof(*r), role_of_row, arena, &rows,
                 e));
    if (rows.n == 0) {
        return RESULT_OK;
    }
    *r = *(const struct source_role *)rows.p;
    TRY(boundary_load(c, realm, r->boundary, arena, &r->boundary, e));
    TRY(sql_rows(c,
                 "SELECT 'role/' || r.name || ' inline ' || i.name, i.document"
                 " FROM roles r JOIN inlines i ON i.subject = r.id WHERE r.id = ?1"
                 " UNION ALL SELECT 'role/' || r.name || ' policy ' || p.name, v.document"
                 " FROM roles r JOIN attachments a ON a.subject = r.id"
                 " JOIN policies p ON p.id = a.policy AND p.realm = r.realm"
                 " JOIN policy_versions v ON v.policy = p.id AND v.version = p.default_version"
                 " WHERE r.id = ?1",
                 SQL_IN(SQL_STR(r->id)), sizeof(*r->documents.v), document_of_row, arena, &rows,
                 e));
    r->documents = (struct source_documents){ rows.p, rows.n };
    return RESULT_OK;
}

/* A role by its name: built in at that place, else made by the realm. */
static RESULT role_load(struct db_conn *c, enum role_place place, const char *realm,
                        const char *name, struct arena *arena, struct source_role *ret,
                        struct error *e)
{
    struct source_role r = { .name = name, .path = "/", .tags = "{}" };
    r.builtin = role_builtin_find(place, bytes_str(name));
    if (r.builtin != NULL) {
        r.is_there = true;
        r.is_privileged = r.builtin->is_privileged;
        r.needs_mfa = r.builtin->needs_mfa;
    } else {
        TRY(role_own_load(c, realm, arena, &r, e));
    }
    *ret = r;
    return RESULT_OK;
}

static enum role_place place_of(const char *realm)
{
    return strcmp(realm, IDENTITY_PLATFORM) == 0 ? ROLE_OF_PLATFORM : ROLE_OF_TENANT;
}

static RESULT held_load(struct db_conn *c, struct principal_source *s, struct error *e)
{
    struct sql_rows rows;
    bool is_root = s->user.kind == USER_ROOT;
    TRY(sql_rows(c,
                 "SELECT DISTINCT role FROM holders WHERE subject = ?1 OR subject IN"
                 " (SELECT group_id FROM members WHERE user = ?1) ORDER BY role",
                 SQL_IN(SQL_STR(s->user.id)), sizeof(const char *), sql_row_text, s->arena, &rows,
                 e));
    const char **names = rows.p;
    s->roles = arena_zalloc(s->arena, (rows.n + 1) * sizeof(*s->roles));
    for (size_t i = 0; i < rows.n; i++) {
        TRY(role_load(c, place_of(s->user.realm), s->user.realm, names[i], s->arena, &s->roles[i],
                      e));
    }
    s->role_n = rows.n;
    if (is_root) { /* held by what it is */
        TRY(role_load(c, ROLE_OF_TENANT, s->user.realm, IDENTITY_ROOT_NAME, s->arena,
                      &s->roles[s->role_n++], e));
    }
    return RESULT_OK;
}

static RESULT grant_roles_load(struct db_conn *c, struct principal_source *s, struct error *e)
{
    s->grant_roles = arena_zalloc(s->arena, s->grant_n * sizeof(*s->grant_roles));
    for (size_t i = 0; i < s->grant_n; i++) {
        const struct grant *g = &s->grants[i];
        enum role_place place = ROLE_IN_TENANT;
        if (strcmp(g->realm, g->home) == 0) {
            place = place_of(g->realm);
        }
        TRY(role_load(c, place, g->realm, g->role, s->arena, &s->grant_roles[i], e));
    }
    return RESULT_OK;
}

/* --- the user --- */

static RESULT documents_load(struct db_conn *c, struct principal_source *s, struct error *e)
{
    struct sql_rows rows;
    TRY(sql_rows(c,
                 "WITH subjects(id, label, realm) AS ("
                 " SELECT id, 'user/' || name, realm FROM users WHERE id = ?1 UNION ALL"
                 " SELECT g.id, 'group/' || g.name, g.realm FROM members m"
                 "  JOIN groups g ON g.id = m.group_id JOIN users u ON u.id = m.user"
                 "  AND u.realm = g.realm WHERE m.user = ?1)"
                 " SELECT s.label || ' inline ' || i.name, i.document FROM subjects s"
                 "  JOIN inlines i ON i.subject = s.id"
                 " UNION ALL SELECT s.label || ' policy ' || p.name, v.document FROM subjects s"
                 "  JOIN attachments a ON a.subject = s.id"
                 "  JOIN policies p ON p.id = a.policy AND p.realm = s.realm"
                 "  JOIN policy_versions v ON v.policy = p.id AND v.version = p.default_version",
                 SQL_IN(SQL_STR(s->user.id)), sizeof(*s->documents.v), document_of_row, s->arena,
                 &rows, e));
    s->documents = (struct source_documents){ rows.p, rows.n };
    return RESULT_OK;
}

/* A user that is not there is left out: a token whose account is gone says so (principal_build). */
static RESULT user_load(struct db_conn *c, const char *id, struct principal_source *s,
                        struct error *e)
{
    struct sql_rows rows;
    if (id[0] == '\0') {
        return RESULT_OK;
    }
    TRY(sql_rows(c, "SELECT " USER_COLUMNS " FROM users u WHERE id = ?1", SQL_IN(SQL_STR(id)),
                 sizeof(s->user), user_of_row, s->arena, &rows, e));
    if (rows.n == 0) {
        return RESULT_OK;
    }
    s->user = *(const struct user *)rows.p;
    s->has_user = true;
    TRY(realm_load(c, s->user.realm, &s->home, e));
    if (s->user.kind == USER_PERSON) {
        TRY(origin_rule_load(c, s->user.realm, s->arena, &s->origin, e));
    }
    TRY(boundary_load(c, s->user.realm, s->user.boundary, s->arena, &s->boundary, e));
    TRY(documents_load(c, s, e));
    return held_load(c, s, e);
}

/* --- by what it is asked for --- */

struct key_row {
    char realm[TENANT_NAME_BYTES], user_id[IDENTITY_ID_BYTES];
    bool is_enabled;
};

static void key_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct key_row *k = item;
    (void)arena;
    directory_col_text(s, 0, k->realm, sizeof(k->realm));
    directory_col_text(s, 1, k->user_id, sizeof(k->user_id));
    k->is_enabled = db_col_i64(s, 2) != 0;
}

static void token_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct source_token *t = item;
    struct bytes hash = db_col_bytes(s, 0);
    memcpy(t->hash, hash.p, MIN(hash.n, sizeof(t->hash)));
    directory_col_text(s, 1, t->realm, sizeof(t->realm));
    directory_col_text(s, 2, t->home, sizeof(t->home));
    directory_col_text(s, 3, t->user_id, sizeof(t->user_id));
    t->role = sql_str(s, 4, arena);
    t->name = sql_str(s, 5, arena);
    t->issuer = sql_str(s, 6, arena);
    t->policy = sql_str(s, 7, arena);
    t->tags = sql_str(s, 8, arena);
    t->grant = sql_str(s, 9, arena);
    t->mfa_ms = db_col_i64(s, 10);
    t->created_ms = db_col_i64(s, 11);
    t->expires_ms = db_col_i64(s, 12);
}

/* The user's id and, of a token, all of it: in a snapshot of its own. */
static RESULT credential_load(struct directory *d, struct bytes key, struct key_row *ret,
                              struct principal_source *s, struct error *e)
{
    s->key = arena_str(s->arena, key);
    s->is_token = directory_is_token(s->key);
    if (!s->is_token) {
        TRY(directory_one(d, "access key",
                          "SELECT tenant, owner, is_enabled FROM access_keys WHERE id = ?1",
                          SQL_IN(SQL_BYTES(key)), key_of_row, s->arena, ret, e));
        s->is_enabled = ret->is_enabled;
        return RESULT_OK;
    }
    TRY(directory_one(d, "access key",
                      "SELECT hash, realm, home, user, role, name, issuer, policy, tags, grant_id,"
                      " mfa_ms, created_ms, expires_ms FROM tokens WHERE id = ?1",
                      SQL_IN(SQL_BYTES(key)), token_of_row, s->arena, &s->token, e));
    s->is_enabled = true;
    s->has_mfa = s->token.mfa_ms != 0;
    memcpy(ret->realm, s->token.realm, sizeof(ret->realm));
    memcpy(ret->user_id, s->token.user_id, sizeof(ret->user_id));
    return RESULT_OK;
}

static RESULT grants_load(struct directory *d, const char *user_id, struct principal_source *s,
                          struct error *e)
{
    if (user_id[0] == '\0') {
        return RESULT_OK;
    }
    return grants_running(d, user_id, s->now_ms, s->arena, &s->grants, &s->grant_n, &s->next_ms, e);
}

static RESULT token_role_load(struct db_conn *c, struct principal_source *s, struct error *e)
{
    const struct source_token *t = &s->token;
    if (!s->is_token || t->role[0] == '\0') {
        return RESULT_OK;
    }
    enum role_place place = strcmp(t->realm, t->home) == 0 ? place_of(t->realm) : ROLE_IN_TENANT;
    return role_load(c, place, t->realm, t->role, s->arena, &s->role, e);
}

RESULT principal_load_key(struct directory *d, struct bytes key, struct principal_source *s,
                          struct error *e)
{
    struct key_row k = { .is_enabled = false };
    TRY(credential_load(d, key, &k, s, e));
    TRY(grants_load(d, k.user_id, s, e));
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    TRY(realm_load(c, k.realm, &s->realm, e));
    s->home = s->realm;
    TRY(user_load(c, k.user_id, s, e));
    TRY(grant_roles_load(c, s, e));
    return token_role_load(c, s, e);
}

RESULT principal_load_user(struct directory *d, const char *user_id, struct principal_source *s,
                           struct error *e)
{
    s->key = "";
    s->is_enabled = true;
    TRY(grants_load(d, user_id, s, e));
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    TRY(user_load(c, user_id, s, e));
    if (!s->has_user) {
        FAIL(e, ERRC_NOT_FOUND, "no user '%.32s'", user_id);
    }
    s->realm = s->home;
    return grant_roles_load(c, s, e);
}

RESULT principal_load_operator(struct directory *d, const char *operator_id,
                               struct principal_source *s, struct error *e)
{
    s->key = "";
    s->is_enabled = true;
    TRY(grants_load(d, operator_id, s, e));
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    TRY(realm_load(c, IDENTITY_PLATFORM, &s->realm, e));
    s->home = s->realm;
    return grant_roles_load(c, s, e);
}

RESULT principal_load_realm(struct directory *d, const char *realm, struct principal_source *s,
                            struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    s->key = "";
    s->is_enabled = true;
    TRY(db_read_begin(d->db, &c, e));
    TRY(realm_load(c, realm, &s->realm, e));
    s->home = s->realm;
    return RESULT_OK;
}

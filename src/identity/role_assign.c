/* Who holds which role standing, and that no person gets two of the three administrators so. */
#include "identity/role_priv.h"

#include "identity/factor.h"
#include "identity/policy/admins.h"

/* Whose policies are in force for a user: its own id, its groups, and the roles of its realm that
 * it or a group of it holds. */
#define HOLDERS_OF_USER                                                                            \
    "WITH u AS (SELECT id, realm FROM users WHERE id = ?1),"                                       \
    " h AS (SELECT id FROM u UNION SELECT group_id FROM members WHERE user = ?1),"                 \
    " n AS (SELECT role FROM holders WHERE subject IN (SELECT id FROM h)),"                        \
    " s AS (SELECT id FROM h UNION SELECT r.id FROM roles r JOIN u ON r.realm = u.realm"           \
    "  WHERE r.name IN (SELECT role FROM n))"

/* Item: const char *, the text of a policy. */
static RESULT documents(struct db_conn *c, const char *user_id, struct arena *arena,
                        struct sql_rows *ret, struct error *e)
{
    return sql_rows(c,
                    HOLDERS_OF_USER
                    " SELECT document FROM inlines WHERE subject IN (SELECT id FROM s)"
                    " UNION ALL SELECT v.document FROM attachments a JOIN policies p"
                    " ON p.id = a.policy JOIN policy_versions v ON v.policy = p.id"
                    " AND v.version = p.default_version WHERE a.subject IN (SELECT id FROM s)",
                    SQL_IN(SQL_STR(user_id)), sizeof(const char *), sql_row_text, arena, ret, e);
}

static RESULT builtin_admins(struct db_conn *c, const struct user *u, struct arena *arena,
                             unsigned *bits, struct error *e)
{
    struct sql_rows names;
    TRY(sql_rows(c, HOLDERS_OF_USER " SELECT role FROM n", SQL_IN(SQL_STR(u->id)),
                 sizeof(const char *), sql_row_text, arena, &names, e));
    for (size_t i = 0; i < names.n; i++) {
        for (const struct role_builtin *b = role_builtins; b->name != NULL; b++) {
            if (role_builtin_is_of(b, u->realm) &&
                strcmp(b->name, ((const char *const *)names.p)[i]) == 0) {
                *bits |= b->admin;
            }
        }
    }
    return RESULT_OK;
}

/*= 2.1.4-2 "the three administrators are separated: nobody holds two" */
RESULT administrators_check(struct db_conn *c, const char *user_id, struct arena *arena,
                            struct error *e)
{
    struct sql_rows policies;
    struct user u;
    unsigned bits = 0;
    TRY(user_of_id(c, user_id, arena, &u, e));
    if (u.kind != USER_PERSON) {
        return RESULT_OK;
    }
    TRY(builtin_admins(c, &u, arena, &bits, e));
    TRY(documents(c, user_id, arena, &policies, e));
    for (size_t i = 0; i < policies.n; i++) {
        TRY(policy_document_admins(bytes_str(((const char *const *)policies.p)[i]), &bits, e));
    }
    if (admins_are_two(bits)) {
        FAIL(e, ERRC_DENIED,
             "%s would be two of the three administrators (system, security, audit)", u.name);
    }
    return RESULT_OK;
}

struct assignment {
    const char *realm, *subject;
    struct bytes role;
    int64_t now_ms;
    struct arena *arena;
    struct sql_rows users; /* const char *: whom it reaches */
};

/* The persons a role of this subject reaches. */
static RESULT reached_check(struct db_conn *c, struct assignment *in, struct error *e)
{
    TRY(sql_rows(c,
                 "SELECT id FROM users WHERE id = ?1 UNION ALL"
                 " SELECT user FROM members WHERE group_id = ?1",
                 SQL_IN(SQL_STR(in->subject)), sizeof(const char *), sql_row_text, in->arena,
                 &in->users, e));
    for (size_t i = 0; i < in->users.n; i++) {
        TRY(administrators_check(c, ((const char *const *)in->users.p)[i], in->arena, e));
    }
    return RESULT_OK;
}

static RESULT holder_insert(struct db_conn *c, void *arg, struct error *e)
{
    struct assignment *in = arg;
    struct access_role r;
    char realm[TENANT_NAME_BYTES];
    TRY(role_of_name(c, in->realm, in->role, in->arena, &r, e));
    TRY(subject_realm(c, in->subject, realm, e));
    if (strcmp(realm, in->realm) != 0 ||
        bytes_has_prefix(bytes_str(in->subject), BYTES_LIT("AROA"))) {
        FAIL(e, ERRC_NOT_FOUND, "no account or group '%.32s' in %s", in->subject, in->realm);
    }
    if (r.is_privileged) {
        FAIL(e, ERRC_DENIED,
             "role %s is privileged: it is held through a grant, for a time, never standing",
             r.name);
    }
    if (r.is_builtin && strcmp(r.name, "root") == 0) {
        FAIL(e, ERRC_DENIED, "role root is held by the tenant's first keys alone");
    }
    TRY(sql_run(c, "INSERT OR IGNORE INTO holders(subject, role, created_ms) VALUES(?1, ?2, ?3)",
                SQL_IN(SQL_STR(in->subject), SQL_STR(r.name), SQL_INT(in->now_ms)), e));
    return reached_check(c, in, e);
}

RESULT role_assign(struct directory *d, const char *realm, const char *subject_id,
                   struct bytes role, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct assignment in = { realm, subject_id, role, clock_wall_ms(d->clock), arena, { NULL, 0 } };
    TRY(directory_change(d, holder_insert, &in, e));
    for (size_t i = 0; i < in.users.n; i++) {
        TRY(factor_claim_realm(d, ((const char *const *)in.users.p)[i], e));
    }
    return RESULT_OK;
}

/* What was assumed by it ends too. */
static RESULT holder_delete(struct db_conn *c, void *arg, struct error *e)
{
    const struct assignment *in = arg;
    struct sql_in values = SQL_IN(SQL_STR(in->subject), SQL_BYTES(in->role));
    TRY(sql_run(c, "DELETE FROM holders WHERE subject = ?1 AND role = ?2 COLLATE BINARY", values,
                e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "role '%.*s' is not assigned to it",
             BYTES_FMT(bytes_slice(in->role, 0, NAME_MAX_USER)));
    }
    return sql_run(c,
                   "DELETE FROM tokens WHERE role = ?2 AND realm = home AND (user = ?1 OR user IN"
                   " (SELECT user FROM members WHERE group_id = ?1))",
                   values, e);
}

RESULT role_unassign(struct directory *d, const char *subject_id, struct bytes role,
                     struct error *e)
{
    struct assignment in = { .subject = subject_id, .role = role };
    return directory_change(d, holder_delete, &in, e);
}

RESULT role_assigned(struct directory *d, const char *subject_id, struct arena *arena,
                     const char ***ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d, "SELECT role FROM holders WHERE subject = ?1 ORDER BY role",
                       SQL_IN(SQL_STR(subject_id)), sizeof(const char *), sql_row_text, arena,
                       &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

RESULT rights_reach(struct directory *d, const char *user_id, const char *id, bool *ret,
                    struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    int64_t reaches = 0;
    TRY(db_read_begin(d->db, &c, e));
    TRY(sql_i64(c,
                HOLDERS_OF_USER
                " SELECT ?2 IN (SELECT id FROM s) OR EXISTS(SELECT 1 FROM attachments"
                " WHERE policy = ?2 AND subject IN (SELECT id FROM s)) OR EXISTS(SELECT 1"
                " FROM users x JOIN realms y ON y.name = x.realm JOIN policies p ON p.id = ?2"
                " WHERE x.id = ?1 AND x.boundary ="
                " 'arn:aws:iam::' || y.account || ':policy' || p.path || p.name)",
                SQL_IN(SQL_STR(user_id), SQL_STR(id)), &reaches, e));
    *ret = reaches != 0;
    return RESULT_OK;
}

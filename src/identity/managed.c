/* Managed policies of a realm, their versions, and what they hang on. */
#include "identity/managed_priv.h"

#define MANAGED_COLUMNS                                                                            \
    "p.id, p.realm, p.name, p.path, p.description, p.default_version, p.created_ms,"               \
    " p.changed_ms, (SELECT count(*) FROM attachments a WHERE a.policy = p.id)"

static void managed_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct managed *m = item;
    directory_col_text(s, 0, m->id, sizeof(m->id));
    directory_col_text(s, 1, m->realm, sizeof(m->realm));
    m->name = sql_str(s, 2, arena);
    m->path = sql_str(s, 3, arena);
    m->description = sql_str(s, 4, arena);
    m->default_version = (uint32_t)db_col_i64(s, 5);
    m->created_ms = db_col_i64(s, 6);
    m->changed_ms = db_col_i64(s, 7);
    m->attachments = (uint64_t)db_col_i64(s, 8);
}

RESULT document_check(struct bytes document, enum policy_form form, const char *kind,
                      const char *name, struct error *e)
{
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    CLEANUP(buf_done_p) struct buf label = BUF(256);
    buf_addf(&label, "%s %s", kind, name);
    return policy_compile(document, form, buf_cstr(&label), &p, e);
}

struct managed_job {
    struct managed m;
    struct bytes document;
    bool is_default;
    uint32_t version;
    int64_t now_ms;
    struct arena *arena;
};

static RESULT version_insert(struct db_conn *c, const struct managed_job *in, struct error *e)
{
    return sql_run(c,
                   "INSERT INTO policy_versions(policy, version, document, created_ms)"
                   " VALUES(?1, ?2, ?3, ?4)",
                   SQL_IN(SQL_STR(in->m.id), SQL_INT(in->version), SQL_BYTES(in->document),
                          SQL_INT(in->now_ms)),
                   e);
}

static RESULT managed_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct managed_job *in = arg;
    const struct managed *m = &in->m;
    TRY(realm_is_open(c, m->realm, e));
    struct result r = sql_run(
            c,
            "INSERT INTO policies(id, realm, name, path, description, default_version,"
            " next_version, created_ms, changed_ms) VALUES(?1, ?2, ?3, ?4, ?5, 1, 2, ?6, ?6)",
            SQL_IN(SQL_STR(m->id), SQL_STR(m->realm), SQL_STR(m->name), SQL_STR(m->path),
                   SQL_STR(m->description), SQL_INT(in->now_ms)),
            e);
    if (r.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "policy %s exists already", m->name);
    }
    TRY(r);
    return version_insert(c, in, e);
}

RESULT managed_create(struct directory *d, const char *realm, const char *name, const char *path,
                      const char *description, struct bytes document, struct arena *arena,
                      struct managed *ret, struct error *e)
{
    int64_t now = clock_wall_ms(d->clock);
    struct managed_job in = { .m = { .default_version = 1, .created_ms = now, .changed_ms = now },
                              .document = document,
                              .version = 1,
                              .now_ms = now };
    TRY(name_check("policy name", name, NAME_MAX_POLICY, e));
    TRY(path_check(path, &in.m.path, e));
    in.m.name = arena_str(arena, bytes_str(name));
    in.m.path = arena_str(arena, bytes_str(in.m.path));
    in.m.description = arena_str(arena, bytes_str(description == NULL ? "" : description));
    TRY(text_check("description", in.m.description, DESCRIPTION_MAX, e));
    TRY(document_check(document, POLICY_IDENTITY, "policy", name, e));
    TRY(realm_copy(realm, in.m.realm, e));
    identity_id_new(d, "ANPA", in.m.id);
    TRY(directory_change(d, managed_insert, &in, e));
    *ret = in.m;
    return RESULT_OK;
}

RESULT managed_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                   struct managed *ret, struct error *e)
{
    return directory_one(d, "policy",
                         "SELECT " MANAGED_COLUMNS " FROM policies p WHERE p.realm = ?1"
                         " AND p.name = ?2 AND p.name = ?2 COLLATE BINARY",
                         SQL_IN(SQL_STR(realm), SQL_BYTES(name)), managed_of_row, arena, ret, e);
}

static RESULT managed_of_id(struct db_conn *c, const char *id, struct arena *arena,
                            struct managed *ret, struct error *e)
{
    return sql_one(c, "policy", "SELECT " MANAGED_COLUMNS " FROM policies p WHERE p.id = ?1",
                   SQL_IN(SQL_STR(id)), managed_of_row, arena, ret, e);
}

static RESULT managed_read(struct directory *d, const char *sql, struct sql_in in,
                           struct arena *arena, struct managed **ret, size_t *ret_n,
                           struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d, sql, in, sizeof(struct managed), managed_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

RESULT managed_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                    size_t max, struct arena *arena, struct managed **ret, size_t *ret_n,
                    struct error *e)
{
    return managed_read(
            d,
            "SELECT " MANAGED_COLUMNS " FROM policies p WHERE p.realm = ?1 AND"
            " p.name > ?2 AND substr(p.path, 1, length(?3)) = ?3 ORDER BY p.name"
            " LIMIT ?4",
            SQL_IN(SQL_STR(realm), SQL_BYTES(after), SQL_BYTES(path), SQL_INT((int64_t)max)), arena,
            ret, ret_n, e);
}

RESULT policy_attached(struct directory *d, const char *subject_id, struct arena *arena,
                       struct managed **ret, size_t *ret_n, struct error *e)
{
    return managed_read(d,
                        "SELECT " MANAGED_COLUMNS " FROM policies p JOIN attachments h"
                        " ON h.policy = p.id WHERE h.subject = ?1 ORDER BY p.name",
                        SQL_IN(SQL_STR(subject_id)), arena, ret, ret_n, e);
}

RESULT policy_subjects(struct directory *d, const char *policy_id, struct arena *arena,
                       const char ***ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d, "SELECT subject FROM attachments WHERE policy = ?1 ORDER BY subject",
                       SQL_IN(SQL_STR(policy_id)), sizeof(const char *), sql_row_text, arena, &rows,
                       e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

#define HAS_BOUNDARY(table)                                                                        \
    "SELECT count(*) FROM policies p JOIN realms r ON r.name = p.realm JOIN " table                \
    " s ON s.realm = p.realm AND s.boundary = 'arn:aws:iam::' || r.account || ':policy' ||"        \
    " p.path || p.name WHERE p.id = ?1"

static const struct sql_hang hangs[] = {
    { "SELECT count(*) FROM attachments WHERE policy = ?1", "users, groups or roles it hangs on" },
    { HAS_BOUNDARY("users"), "users it is the boundary of" },
    { HAS_BOUNDARY("roles"), "roles it is the boundary of" },
};

static RESULT managed_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct managed_job *in = arg;
    struct managed m;
    TRY(managed_of_id(c, in->m.id, in->arena, &m, e));
    TRY(sql_hangs_check(c, hangs, ARRAY_LEN(hangs), m.id, "policy", m.name, e));
    TRY(sql_run(c, "DELETE FROM policy_versions WHERE policy = ?1", SQL_IN(SQL_STR(m.id)), e));
    return sql_run(c, "DELETE FROM policies WHERE id = ?1", SQL_IN(SQL_STR(m.id)), e);
}

static RESULT id_copy(const char *id, char ret[IDENTITY_ID_BYTES], struct error *e)
{
    size_t n = strlen(id);
    if (n >= IDENTITY_ID_BYTES) {
        FAIL(e, ERRC_NOT_FOUND, "no policy '%.32s...'", id);
    }
    memcpy(ret, id, n + 1);
    return RESULT_OK;
}

/* A change of the policy with this id, with an arena of its own. */
static RESULT managed_run(struct directory *d, const char *id, struct managed_job *in,
                          RESULT (*fn)(struct db_conn *c, void *arg, struct error *e),
                          struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    in->arena = arena;
    in->now_ms = clock_wall_ms(d->clock);
    TRY(id_copy(id, in->m.id, e));
    return directory_change(d, fn, in, e);
}

RESULT managed_delete(struct directory *d, const char *id, struct error *e)
{
    struct managed_job in = { .version = 0 };
    return managed_run(d, id, &in, managed_erase, e);
}

/* --- versions --- */

static RESULT default_write(struct db_conn *c, const struct managed_job *in, struct error *e)
{
    return sql_run(c, "UPDATE policies SET default_version = ?2, changed_ms = ?3 WHERE id = ?1",
                   SQL_IN(SQL_STR(in->m.id), SQL_INT(in->version), SQL_INT(in->now_ms)), e);
}

static RESULT version_add(struct db_conn *c, void *arg, struct error *e)
{
    struct managed_job *in = arg;
    struct managed m;
    struct sql_in id = SQL_IN(SQL_STR(in->m.id));
    int64_t n = 0, next = 0;
    TRY(managed_of_id(c, in->m.id, in->arena, &m, e));
    TRY(sql_i64(c, "SELECT count(*) FROM policy_versions WHERE policy = ?1", id, &n, e));
    if (n >= MANAGED_VERSIONS_MAX) {
        FAIL(e, ERRC_LIMIT, "policy %s has %d versions already: delete one first", m.name,
             MANAGED_VERSIONS_MAX);
    }
    TRY(sql_i64(c, "SELECT next_version FROM policies WHERE id = ?1", id, &next, e));
    in->version = (uint32_t)next;
    TRY(version_insert(c, in, e));
    TRY(sql_run(c,
                "UPDATE policies SET next_version = next_version + 1, changed_ms = ?2"
                " WHERE id = ?1",
                SQL_IN(SQL_STR(in->m.id), SQL_INT(in->now_ms)), e));
    return in->is_default ? default_write(c, in, e) : RESULT_OK;
}

RESULT managed_version_create(struct directory *d, const char *id, struct bytes document,
                              bool is_default, uint32_t *ret, struct error *e)
{
    struct managed_job in = { .document = document, .is_default = is_default };
    TRY(document_check(document, POLICY_IDENTITY, "policy", id, e));
    TRY(managed_run(d, id, &in, version_add, e));
    *ret = in.version;
    return RESULT_OK;
}

static RESULT version_is_there(struct db_conn *c, const struct managed_job *in, struct managed *ret,
                               struct error *e)
{
    int64_t n = 0;
    TRY(managed_of_id(c, in->m.id, in->arena, ret, e));
    TRY(sql_i64(c, "SELECT count(*) FROM policy_versions WHERE policy = ?1 AND version = ?2",
                SQL_IN(SQL_STR(in->m.id), SQL_INT(in->version)), &n, e));
    if (n == 0) {
        FAIL(e, ERRC_NOT_FOUND, "policy %s has no version v%u", ret->name, in->version);
    }
    return RESULT_OK;
}

static RESULT version_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct managed_job *in = arg;
    struct managed m;
    TRY(version_is_there(c, in, &m, e));
    if (m.default_version == in->version) {
        FAIL(e, ERRC_CONFLICT, "v%u is the default version of policy %s", in->version, m.name);
    }
    return sql_run(c, "DELETE FROM policy_versions WHERE policy = ?1 AND version = ?2",
                   SQL_IN(SQL_STR(m.id), SQL_INT(in->version)), e);
}

RESULT managed_version_delete(struct directory *d, const char *id, uint32_t version,
                              struct error *e)
{
    struct managed_job in = { .version = version };
    return managed_run(d, id, &in, version_erase, e);
}

static RESULT default_set(struct db_conn *c, void *arg, struct error *e)
{
    const struct managed_job *in = arg;
    struct managed m;
    TRY(version_is_there(c, in, &m, e));
    return default_write(c, in, e);
}

RESULT managed_set_default(struct directory *d, const char *id, uint32_t version, struct error *e)
{
    struct managed_job in = { .version = version };
    return managed_run(d, id, &in, default_set, e);
}

static void version_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct managed_version *v = item;
    v->version = (uint32_t)db_col_i64(s, 0);
    v->document = sql_str(s, 1, arena);
    v->created_ms = db_col_i64(s, 2);
    v->is_default = db_col_i64(s, 3) != 0;
}

RESULT managed_versions(struct directory *d, const char *id, struct arena *arena,
                        struct managed_version **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT v.version, v.document, v.created_ms, v.version = p.default_version"
                       " FROM policy_versions v JOIN policies p ON p.id = v.policy"
                       " WHERE v.policy = ?1 ORDER BY v.version",
                       SQL_IN(SQL_STR(id)), sizeof(struct managed_version), version_of_row, arena,
                       &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

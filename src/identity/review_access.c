/*
 * The access that a review looks at: who has what in a realm, which of it is privileged, and how it
 * is taken away. A line's access is "<kind>/<name>".
 */
#include "identity/grant_priv.h"
#include "identity/managed.h"
#include "identity/policy/admins.h"
#include "identity/review_priv.h"
#include "identity/role.h"
#include "identity/sql_priv.h"

/* One access: the line, and what tells whether it is privileged. */
struct held {
    struct review_item line;
    enum user_kind kind;  /* of the subject; 0: a group */
    const char *document; /* of a policy, else "" */
    bool is_privileged;
};

static void held_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct held *h = item;
    *h = (struct held){ 0 };
    directory_col_text(s, 0, h->line.subject, sizeof(h->line.subject));
    h->line.subject_name = sql_str(s, 1, arena);
    h->kind = (enum user_kind)db_col_i64(s, 2);
    h->line.access = sql_str(s, 3, arena);
    h->document = sql_str(s, 4, arena);
    h->line.decided_by = h->line.note = "";
}

static const char holdings[] =
        "WITH subjects(id, name, kind) AS ("
        "  SELECT id, name, kind FROM users WHERE realm = ?1 AND state <> 2"
        "  UNION ALL SELECT id, 'group/' || name, 0 FROM groups WHERE realm = ?1)"
        " SELECT s.id, s.name, s.kind, 'role/' || h.role, '' FROM subjects s"
        "  JOIN holders h ON h.subject = s.id"
        " UNION ALL SELECT s.id, s.name, s.kind, 'policy/' || p.name, v.document FROM subjects s"
        "  JOIN attachments a ON a.subject = s.id JOIN policies p ON p.id = a.policy"
        "  JOIN policy_versions v ON v.policy = p.id AND v.version = p.default_version"
        " UNION ALL SELECT s.id, s.name, s.kind, 'inline/' || i.name, i.document FROM subjects s"
        "  JOIN inlines i ON i.subject = s.id"
        " UNION ALL SELECT s.id, s.name, s.kind, 'group/' || g.name, '' FROM subjects s"
        "  JOIN members m ON m.user = s.id JOIN groups g ON g.id = m.group_id"
        " UNION ALL SELECT s.id, s.name, s.kind, 'access-key/' || k.id, '' FROM subjects s"
        "  JOIN access_keys k ON k.owner = s.id WHERE k.is_enabled <> 0"
        " UNION ALL SELECT s.id, s.name, s.kind, 'grant/' || g.id, '' FROM subjects s"
        "  JOIN grants g ON g.user = s.id"
        "  WHERE g.state = 2 AND (g.until_ms = 0 OR g.until_ms > ?2)"
        " ORDER BY 2, 1, 4";

static bool name_of(const char *access, const char *kind, const char **ret)
{
    size_t n = strlen(kind);
    if (strncmp(access, kind, n) != 0 || access[n] != '/') {
        return false;
    }
    *ret = access + n + 1;
    return true;
}

/* What stands for itself: roles, policies, grants, the root's keys. */
static RESULT judge(struct directory *d, const char *realm, struct held *h, struct arena *arena,
                    struct error *e)
{
    const char *name = NULL;
    unsigned bits = 0;
    if (name_of(h->line.access, "role", &name)) {
        TRY(grant_role_admins(d, realm, realm, name, arena, &bits, e));
        h->is_privileged = bits != 0 || strcmp(name, "approver") == 0;
    } else if (name_of(h->line.access, "policy", &name) ||
               name_of(h->line.access, "inline", &name)) {
        TRY(policy_document_admins(bytes_str(h->document), &bits, e));
        h->is_privileged = bits != 0;
    } else if (name_of(h->line.access, "grant", &name)) {
        h->is_privileged = true;
    } else {
        h->is_privileged = h->kind == USER_ROOT;
    }
    return RESULT_OK;
}

/* Then what leads there: membership of groups that have something privileged, keys of who has. */
static void follow(struct held *all, size_t n)
{
    struct map *groups = map_new(), *subjects = map_new();
    const char *name = NULL;
    for (size_t i = 0; i < n; i++) {
        if (all[i].is_privileged) {
            (void)map_set(groups, bytes_str(all[i].line.subject_name), &all[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (name_of(all[i].line.access, "group", &name)) {
            all[i].is_privileged = map_get(groups, bytes_str(all[i].line.access)) != NULL;
        }
        if (all[i].is_privileged) {
            (void)map_set(subjects, bytes_str(all[i].line.subject), &all[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (name_of(all[i].line.access, "access-key", &name)) {
            all[i].is_privileged |= map_get(subjects, bytes_str(all[i].line.subject)) != NULL;
        }
    }
    map_free(groups, NULL);
    map_free(subjects, NULL);
}

RESULT review_collect(struct directory *d, const char *realm, bool is_privileged,
                      struct arena *arena, struct review_item **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    size_t n = 0;
    TRY(directory_rows(d, holdings, SQL_IN(SQL_STR(realm), SQL_INT(clock_wall_ms(d->clock))),
                       sizeof(struct held), held_of_row, arena, &rows, e));
    struct held *all = rows.p;
    for (size_t i = 0; i < rows.n && is_privileged; i++) {
        TRY_MSG(judge(d, realm, &all[i], arena, e), e, "%s of %s", all[i].line.access,
                all[i].line.subject_name);
    }
    follow(all, rows.n);
    struct review_item *items = arena_zalloc(arena, rows.n * sizeof(*items));
    for (size_t i = 0; i < rows.n; i++) {
        if (!is_privileged || all[i].is_privileged) {
            items[n++] = all[i].line;
        }
    }
    *ret = items;
    *ret_n = n;
    return RESULT_OK;
}

/* --- taken away --- */

static RESULT revoke(struct directory *d, const char *realm, const char *subject,
                     const char *access, const char *by_user_id, const char *by_name,
                     struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    const char *name = NULL;
    if (name_of(access, "role", &name)) {
        return role_unassign(d, subject, bytes_str(name), e);
    }
    if (name_of(access, "policy", &name)) {
        struct managed m;
        TRY(managed_get(d, realm, bytes_str(name), arena, &m, e));
        return policy_detach(d, subject, m.id, e);
    }
    if (name_of(access, "inline", &name)) {
        return inline_delete(d, subject, name, e);
    }
    if (name_of(access, "group", &name)) {
        struct group g;
        TRY(group_get(d, realm, bytes_str(name), arena, &g, e));
        return group_remove(d, g.id, subject, e);
    }
    if (name_of(access, "access-key", &name)) {
        return directory_key_set_enabled(d, realm, name, false, e);
    }
    if (name_of(access, "grant", &name)) {
        struct grant g;
        return grant_end(d, name, by_user_id, by_name, arena, &g, e);
    }
    FAIL(e, ERRC_BUG, "review: access '%.64s'", access);
}

RESULT review_revoke(struct directory *d, const char *realm, const char *subject,
                     const char *access, const char *by_user_id, const char *by_name,
                     struct error *e)
{
    const char *name = NULL;
    struct result r = revoke(d, realm, subject, access, by_user_id, by_name, e);
    bool is_over = r.code == ERRC_CONFLICT && name_of(access, "grant", &name);
    return r.code == ERRC_NOT_FOUND || is_over ? RESULT_OK : r;
}

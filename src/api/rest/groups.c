/* Groups, roles, and who holds them. */
#include "api/rest/rest_priv.h"

/* --- groups --- */

struct group_answer {
    struct rest *r;
    struct group group;
    struct group *list;
    struct user *members;
    size_t member_count;
};

static void group_write(void *arg, struct jsonw *w)
{
    const struct group_answer *a = arg;
    group_json(w, &a->group, a->r->account);
    jsonw_key(w, "members");
    jsonw_array(w);
    for (size_t i = 0; i < a->member_count; i++) {
        jsonw_cstr(w, a->members[i].name);
    }
    jsonw_array_end(w);
}

static void group_item(void *arg, size_t i, struct jsonw *w)
{
    const struct group_answer *a = arg;
    group_json(w, &a->list[i], a->r->account);
}

RESULT rest_groups_list(struct rest *r, struct error *e)
{
    struct group_answer a = { .r = r };
    const char *after = NULL, *path = rest_query(r, "path");
    size_t max = 0, n = 0;
    TRY(rest_page(r, &max, &after, e));
    TRY(group_list(r->l->api->directory, r->realm, bytes_str(path != NULL ? path : "/"),
                   bytes_str(after), max + 1, r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, group_item, &a, has_more ? a.list[n - 1].name : NULL, e);
}

RESULT rest_groups_create(struct rest *r, struct error *e)
{
    struct group_answer a = { .r = r };
    struct iam_cx c;
    const char *name = NULL, *path = NULL;
    TRY(rest_body_only(r, REST_ONLY("name", "path"), e));
    TRY(rest_body_need(r, "name", &name, e));
    TRY(rest_body_text(r, "path", NULL, &path, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_group_create(&c, name, path, &a.group, e));
    return rest_reply(r, 201, a.group.version, group_write, &a, e);
}

RESULT rest_groups_show(struct rest *r, struct error *e)
{
    struct group_answer a = { .r = r };
    struct directory *d = r->l->api->directory;
    TRY(group_get(d, r->realm, bytes_str(r->params[1]), r->arena, &a.group, e));
    TRY(group_members(d, a.group.id, r->arena, &a.members, &a.member_count, e));
    return rest_reply(r, 200, a.group.version, group_write, &a, e);
}

RESULT rest_groups_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_group_delete(&c, r->params[1], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

static RESULT member(struct rest *r, bool is_add, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_group_member(&c, is_add, r->params[1], r->params[2], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_members_add(struct rest *r, struct error *e)
{
    return member(r, true, e);
}

RESULT rest_members_remove(struct rest *r, struct error *e)
{
    return member(r, false, e);
}

RESULT rest_user_groups(struct rest *r, struct error *e)
{
    struct group_answer a = { .r = r };
    struct user u;
    size_t n = 0;
    struct directory *d = r->l->api->directory;
    TRY(user_get(d, r->realm, bytes_str(r->params[1]), r->arena, &u, e));
    TRY(user_groups(d, u.id, r->arena, &a.list, &n, e));
    return rest_reply_list(r, n, group_item, &a, NULL, e);
}

/* --- roles --- */

struct role_answer {
    struct rest *r;
    struct access_role role;
    struct access_role *list;
    const char **names;
};

static void role_write(void *arg, struct jsonw *w)
{
    const struct role_answer *a = arg;
    role_json(w, &a->role, a->r->account);
}

static void role_item(void *arg, size_t i, struct jsonw *w)
{
    const struct role_answer *a = arg;
    role_json(w, &a->list[i], a->r->account);
}

RESULT rest_roles_list(struct rest *r, struct error *e)
{
    struct role_answer a = { .r = r };
    const char *after = NULL, *path = rest_query(r, "path");
    size_t max = 0, n = 0;
    TRY(rest_page(r, &max, &after, e));
    TRY(role_list(r->l->api->directory, r->realm, bytes_str(path != NULL ? path : "/"),
                  bytes_str(after), max + 1, r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, role_item, &a, has_more ? a.list[n - 1].name : NULL, e);
}

RESULT rest_roles_create(struct rest *r, struct error *e)
{
    struct role_answer a = { .r = r };
    struct role_new n = { 0 };
    struct bytes trust, tags;
    struct iam_cx c;
    TRY(rest_body_only(r,
                       REST_ONLY("boundary", "description", "max_session_s", "name", "needs_mfa",
                                 "path", "privileged", "tags", "trust"),
                       e));
    TRY(rest_body_need(r, "name", &n.name, e));
    TRY(rest_body_text(r, "path", NULL, &n.path, e));
    TRY(rest_body_text(r, "description", NULL, &n.description, e));
    TRY(rest_body_text(r, "boundary", NULL, &n.boundary, e));
    TRY(rest_body_u64(r, "max_session_s", 43200, 0, &n.max_session_s, e));
    TRY(rest_body_bool(r, "privileged", false, &n.is_privileged, e));
    TRY(rest_body_bool(r, "needs_mfa", false, &n.needs_mfa, e));
    TRY(rest_body_object(r, "trust", &trust, e));
    TRY(rest_body_object(r, "tags", &tags, e));
    n.trust = trust.n > 0 ? arena_str(r->arena, trust) : NULL;
    n.tags = tags.n > 0 ? arena_str(r->arena, tags) : NULL;
    TRY(rest_iam(r, &c, e));
    TRY(iam_role_create(&c, &n, &a.role, e));
    return rest_reply(r, 201, a.role.version, role_write, &a, e);
}

RESULT rest_roles_show(struct rest *r, struct error *e)
{
    struct role_answer a = { .r = r };
    TRY(role_get(r->l->api->directory, r->realm, bytes_str(r->params[1]), r->arena, &a.role, e));
    return rest_reply(r, 200, a.role.version, role_write, &a, e);
}

/* What has a right of its own in IAM is an act of its own. */
static RESULT role_change_parts(struct rest *r, struct iam_cx *c, const struct role_change *all,
                                struct access_role *ret, struct error *e)
{
    const char *name = r->params[1];
    struct role_change part = { .description = all->description,
                                .max_session_s = all->max_session_s,
                                .version = all->version };
    TRY(iam_role_change(c, "iam:UpdateRole", name, &part, ret, e));
    part = (struct role_change){ .trust = all->trust };
    if (part.trust != NULL) {
        TRY(iam_role_change(c, "iam:UpdateAssumeRolePolicy", name, &part, ret, e));
    }
    part = (struct role_change){ .tags = all->tags };
    if (part.tags != NULL) {
        TRY(iam_role_change(c, "iam:TagRole", name, &part, ret, e));
    }
    part = (struct role_change){ .boundary = all->boundary };
    if (part.boundary != NULL) {
        TRY(iam_role_change(c,
                            part.boundary[0] != '\0' ? "iam:PutRolePermissionsBoundary"
                                                     : "iam:DeleteRolePermissionsBoundary",
                            name, &part, ret, e));
    }
    return RESULT_OK;
}

RESULT rest_roles_change(struct rest *r, struct error *e)
{
    struct role_answer a = { .r = r };
    struct role_change ch = { 0 };
    struct bytes trust, tags;
    struct iam_cx c;
    TRY(rest_body_only(r, REST_ONLY("boundary", "description", "max_session_s", "tags", "trust"),
                       e));
    TRY(role_get(r->l->api->directory, r->realm, bytes_str(r->params[1]), r->arena, &a.role, e));
    TRY(rest_fits(r, a.role.version, &ch.version, e));
    TRY(rest_body_text(r, "description", NULL, &ch.description, e));
    TRY(rest_body_text(r, "boundary", NULL, &ch.boundary, e));
    TRY(rest_body_u64(r, "max_session_s", 43200, 0, &ch.max_session_s, e));
    TRY(rest_body_object(r, "trust", &trust, e));
    TRY(rest_body_object(r, "tags", &tags, e));
    ch.trust = trust.n > 0 ? arena_str(r->arena, trust) : NULL;
    ch.tags = tags.n > 0 ? arena_str(r->arena, tags) : NULL;
    TRY(rest_iam(r, &c, e));
    TRY(role_change_parts(r, &c, &ch, &a.role, e));
    return rest_reply(r, 200, a.role.version, role_write, &a, e);
}

RESULT rest_roles_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_role_delete(&c, r->params[1], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

/* --- who holds a role --- */

static RESULT assign(struct rest *r, bool is_add, struct error *e)
{
    struct iam_cx c;
    enum iam_kind kind = rest_subject_kind(r);
    TRY(rest_iam(r, &c, e));
    TRY(iam_role_assign(&c, is_add, kind, r->params[1], r->params[2], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

/*= 2.1.4-2 "roles are held by assignment; nobody holds two of the three administrators" */
RESULT rest_roles_assign(struct rest *r, struct error *e)
{
    return assign(r, true, e);
}

RESULT rest_roles_unassign(struct rest *r, struct error *e)
{
    return assign(r, false, e);
}

static void name_item(void *arg, size_t i, struct jsonw *w)
{
    const char *const *names = arg;
    jsonw_kv_cstr(w, "name", names[i]);
}

RESULT rest_names_reply(struct rest *r, const char **names, size_t n, struct error *e)
{
    return rest_reply_list(r, n, name_item, names, NULL, e);
}

RESULT rest_roles_assigned(struct rest *r, struct error *e)
{
    struct iam_cx c;
    struct iam_subject s;
    const char **names = NULL;
    size_t n = 0;
    TRY(rest_iam(r, &c, e));
    TRY(iam_find(&c, rest_subject_kind(r), r->params[1], &s, e));
    TRY(role_assigned(r->l->api->directory, s.id, r->arena, &names, &n, e));
    return rest_names_reply(r, names, n, e);
}

/* IAM: roles. */
#include "api/query/query_priv.h"

#include "identity/role_builtin.h"
#include "net/xml.h"

static void role_write(struct query *q, const char *element, const struct access_role *r,
                       bool is_whole)
{
    char id[IDENTITY_ID_BYTES];
    memcpy(id, r->id, sizeof(id));
    if (r->is_builtin) {
        role_builtin_id(q->iam.realm, r->name, id);
    }
    xml_open(q->out, element);
    xml_element_str(q->out, "Path", r->path);
    xml_element_str(q->out, "RoleName", r->name);
    xml_element_str(q->out, "RoleId", id);
    xml_element_str(q->out, "Arn", iam_arn(&q->iam, IAM_ROLE, r->path, r->name));
    query_time(q, "CreateDate", r->created_ms);
    if (!r->is_builtin) {
        query_document(q, "AssumeRolePolicyDocument", r->trust);
    }
    xml_element_str(q->out, "Description", r->description);
    xml_element_u64(q->out, "MaxSessionDuration", r->max_session_s);
    if (is_whole) {
        query_write_boundary(q, r->boundary);
        query_write_tags(q, r->tags);
        xml_open(q->out, "RoleLastUsed");
        if (r->used_ms != 0) {
            query_time(q, "LastUsedDate", r->used_ms);
        }
        xml_close(q->out, "RoleLastUsed");
    }
    xml_close(q->out, element);
}

static RESULT session_max(struct query *q, uint64_t *ret, struct error *e)
{
    return query_u64(q, "MaxSessionDuration", 3600, 43200, 0, ret, e);
}

RESULT role_create_run(struct query *q, struct error *e)
{
    struct role_new n = { .name = query_text(q, "RoleName"),
                          .path = query_text(q, "Path"),
                          .description = query_text(q, "Description"),
                          .boundary = query_text(q, "PermissionsBoundary") };
    struct access_role r;
    struct bytes trust;
    TRY(query_tags(q, "Tags", &n.tags, e));
    TRY(session_max(q, &n.max_session_s, e));
    TRY(query_policy(q, "AssumeRolePolicyDocument", POLICY_TRUST, &trust, e));
    n.trust = query_text(q, "AssumeRolePolicyDocument");
    TRY(iam_role_create(&q->iam, &n, &r, e));
    role_write(q, "Role", &r, true);
    return RESULT_OK;
}

RESULT role_get_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(&q->iam, IAM_ROLE, "iam:GetRole", query_text(q, "RoleName"), &s, e));
    role_write(q, "Role", &s.role, true);
    return RESULT_OK;
}

RESULT role_list_run(struct query *q, struct error *e)
{
    struct query_page p;
    struct access_role *list;
    size_t n;
    const char *path = query_text_or(q, "PathPrefix", "/");
    TRY(query_page(q, &p, e));
    TRY(iam_decide(&q->iam, "iam:ListRoles", iam_arn(&q->iam, IAM_ROLE, path, ""), e));
    TRY(role_list(q->l->api->directory, q->iam.realm, bytes_str(path), p.after, p.max + 1, q->arena,
                  &list, &n, e));
    xml_open(q->out, "Roles");
    for (size_t i = 0; i < n && i < p.max; i++) {
        role_write(q, "member", &list[i], false);
    }
    xml_close(q->out, "Roles");
    query_page_end(q, &p, n, n > p.max ? list[p.max - 1].name : NULL);
    return RESULT_OK;
}

RESULT role_delete_run(struct query *q, struct error *e)
{
    return iam_role_delete(&q->iam, query_text(q, "RoleName"), e);
}

RESULT role_update_run(struct query *q, struct error *e)
{
    struct role_change ch = { .description = query_text(q, "Description") };
    struct access_role r;
    TRY(session_max(q, &ch.max_session_s, e));
    return iam_role_change(&q->iam, "iam:UpdateRole", query_text(q, "RoleName"), &ch, &r, e);
}

RESULT role_trust_run(struct query *q, struct error *e)
{
    struct bytes trust;
    struct access_role r;
    TRY(query_policy(q, "PolicyDocument", POLICY_TRUST, &trust, e));
    struct role_change ch = { .trust = query_text(q, "PolicyDocument") };
    return iam_role_change(&q->iam, "iam:UpdateAssumeRolePolicy", query_text(q, "RoleName"), &ch,
                           &r, e);
}

static RESULT tags_set(struct query *q, const char *action, const char *add,
                       const struct bytes *remove, size_t remove_count, struct error *e)
{
    struct role_change ch = { 0 };
    struct iam_subject s;
    struct access_role r;
    const char *name = query_text(q, "RoleName");
    TRY(iam_open(&q->iam, IAM_ROLE, action, name, &s, e));
    TRY(iam_tags_merge(&q->iam, s.tags, add, remove, remove_count, &ch.tags, e));
    ch.version = s.version;
    return iam_role_change(&q->iam, action, name, &ch, &r, e);
}

RESULT role_tag_run(struct query *q, struct error *e)
{
    const char *tags;
    TRY(query_tags(q, "Tags", &tags, e));
    return tags_set(q, "iam:TagRole", tags != NULL ? tags : "{}", NULL, 0, e);
}

RESULT role_untag_run(struct query *q, struct error *e)
{
    struct bytes keys[IDENTITY_TAGS_MAX];
    size_t n = query_members(q, "TagKeys", keys, IDENTITY_TAGS_MAX);
    return tags_set(q, "iam:UntagRole", "{}", keys, n, e);
}

RESULT role_tags_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(&q->iam, IAM_ROLE, "iam:ListRoleTags", query_text(q, "RoleName"), &s, e));
    query_write_tags(q, s.tags);
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

RESULT role_boundary_run(struct query *q, struct error *e)
{
    const char *arn = query_text(q, "PermissionsBoundary");
    struct role_change ch = { .boundary = arn != NULL ? arn : "" };
    struct access_role r;
    return iam_role_change(&q->iam,
                           arn != NULL ? "iam:PutRolePermissionsBoundary"
                                       : "iam:DeleteRolePermissionsBoundary",
                           query_text(q, "RoleName"), &ch, &r, e);
}

/* IAM: managed policies, where they hang, and inline ones. */
#include "api/query/query_priv.h"

#include "base/text.h"
#include "net/xml.h"

#include <stdio.h>

/* --- managed --- */

static const char *policy_arn(struct query *q, const struct managed *m)
{
    return iam_arn(&q->iam, IAM_POLICY, m->path, m->name);
}

static void policy_write(struct query *q, const char *element, const struct managed *m,
                         bool is_whole)
{
    char version[16];
    snprintf(version, sizeof(version), "v%u", (unsigned)m->default_version);
    xml_open(q->out, element);
    xml_element_str(q->out, "PolicyName", m->name);
    xml_element_str(q->out, "PolicyId", m->id);
    xml_element_str(q->out, "Arn", policy_arn(q, m));
    xml_element_str(q->out, "Path", m->path);
    xml_element_str(q->out, "DefaultVersionId", version);
    xml_element_u64(q->out, "AttachmentCount", m->attachments);
    xml_element_str(q->out, "IsAttachable", "true");
    if (is_whole) {
        xml_element_str(q->out, "Description", m->description);
    }
    query_time(q, "CreateDate", m->created_ms);
    query_time(q, "UpdateDate", m->changed_ms);
    xml_close(q->out, element);
}

/* The policy that PolicyArn names, decided on. */
static RESULT policy_open(struct query *q, const char *action, struct iam_subject *ret,
                          struct error *e)
{
    const char *name;
    TRY(query_arn_name(q, "PolicyArn", "policy", &name, e));
    return iam_open(&q->iam, IAM_POLICY, action, name, ret, e);
}

static RESULT version_number(struct query *q, uint32_t *ret, struct error *e)
{
    const char *v = query_text(q, "VersionId");
    uint64_t n = 0;
    if (v[0] != 'v' || !result_is_ok(num_u64(bytes_str(v + 1), 1, UINT32_MAX, &n))) {
        FAIL(e, ERRC_FORMAT, "VersionId: v1, v2, ...");
    }
    *ret = (uint32_t)n;
    return RESULT_OK;
}

RESULT policy_create_run(struct query *q, struct error *e)
{
    struct iam_policy_new n = { .name = query_text(q, "PolicyName"),
                                .path = query_text(q, "Path"),
                                .description = query_text_or(q, "Description", "") };
    struct managed m;
    TRY(query_policy(q, "PolicyDocument", POLICY_IDENTITY, &n.document, e));
    TRY(iam_policy_create(&q->iam, &n, &m, e));
    policy_write(q, "Policy", &m, true);
    return RESULT_OK;
}

RESULT policy_get_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    TRY(policy_open(q, "iam:GetPolicy", &s, e));
    policy_write(q, "Policy", &s.policy, true);
    return RESULT_OK;
}

RESULT policy_list_run(struct query *q, struct error *e)
{
    struct query_page p;
    struct managed *list = NULL;
    size_t n = 0;
    bool only_attached;
    const char *path = query_text_or(q, "PathPrefix", "/");
    TRY(query_page(q, &p, e));
    TRY(query_bool(q, "OnlyAttached", false, &only_attached, e));
    TRY(iam_decide(&q->iam, "iam:ListPolicies", iam_arn(&q->iam, IAM_POLICY, path, ""), e));
    if (strcmp(query_text_or(q, "Scope", "All"), "AWS") != 0) { /* none of those is here */
        TRY(managed_list(q->l->api->directory, q->iam.realm, bytes_str(path), p.after, p.max + 1,
                         q->arena, &list, &n, e));
    }
    xml_open(q->out, "Policies");
    for (size_t i = 0; i < n && i < p.max; i++) {
        if (!only_attached || list[i].attachments > 0) {
            policy_write(q, "member", &list[i], false);
        }
    }
    xml_close(q->out, "Policies");
    query_page_end(q, &p, n, n > p.max ? list[p.max - 1].name : NULL);
    return RESULT_OK;
}

RESULT policy_delete_run(struct query *q, struct error *e)
{
    const char *name;
    TRY(query_arn_name(q, "PolicyArn", "policy", &name, e));
    return iam_policy_delete(&q->iam, name, e);
}

/* --- versions --- */

static void version_write(struct query *q, const char *element, const struct managed_version *v,
                          bool has_document)
{
    char text[16];
    snprintf(text, sizeof(text), "v%u", (unsigned)v->version);
    xml_open(q->out, element);
    if (has_document) {
        query_document(q, "Document", v->document);
    }
    xml_element_str(q->out, "VersionId", text);
    xml_element_str(q->out, "IsDefaultVersion", v->is_default ? "true" : "false");
    query_time(q, "CreateDate", v->created_ms);
    xml_close(q->out, element);
}

RESULT policy_version_create_run(struct query *q, struct error *e)
{
    const char *name;
    struct bytes document;
    struct managed_version v = { .created_ms = clock_wall_ms(q->l->api->clock) };
    TRY(query_arn_name(q, "PolicyArn", "policy", &name, e));
    TRY(query_bool(q, "SetAsDefault", false, &v.is_default, e));
    TRY(query_policy(q, "PolicyDocument", POLICY_IDENTITY, &document, e));
    TRY(iam_policy_version_create(&q->iam, name, document, v.is_default, &v.version, e));
    version_write(q, "PolicyVersion", &v, false);
    return RESULT_OK;
}

RESULT policy_version_get_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    struct managed_version *list;
    size_t n;
    uint32_t number;
    TRY(version_number(q, &number, e));
    TRY(policy_open(q, "iam:GetPolicyVersion", &s, e));
    TRY(managed_versions(q->l->api->directory, s.id, q->arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (list[i].version == number) {
            version_write(q, "PolicyVersion", &list[i], true);
            return RESULT_OK;
        }
    }
    FAIL(e, ERRC_NOT_FOUND, "Policy %.256s version v%u does not exist or is not attachable.", s.arn,
         (unsigned)number);
}

RESULT policy_version_list_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    struct managed_version *list;
    size_t n;
    TRY(policy_open(q, "iam:ListPolicyVersions", &s, e));
    TRY(managed_versions(q->l->api->directory, s.id, q->arena, &list, &n, e));
    xml_open(q->out, "Versions");
    for (size_t i = 0; i < n; i++) {
        version_write(q, "member", &list[i], false);
    }
    xml_close(q->out, "Versions");
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

RESULT policy_version_delete_run(struct query *q, struct error *e)
{
    const char *name;
    uint32_t number;
    TRY(version_number(q, &number, e));
    TRY(query_arn_name(q, "PolicyArn", "policy", &name, e));
    return iam_policy_version_delete(&q->iam, name, number, e);
}

RESULT policy_version_default_run(struct query *q, struct error *e)
{
    const char *name;
    uint32_t number;
    TRY(version_number(q, &number, e));
    TRY(query_arn_name(q, "PolicyArn", "policy", &name, e));
    return iam_policy_set_default(&q->iam, name, number, e);
}

/* --- where they hang --- */

RESULT policy_attach_run(struct query *q, struct error *e)
{
    const char *name;
    TRY(query_arn_name(q, "PolicyArn", "policy", &name, e));
    return iam_attach(&q->iam, q->action->name[0] == 'A', q->action->kind, query_subject_name(q),
                      name, e);
}

static RESULT subject_open(struct query *q, struct iam_subject *ret, struct error *e)
{
    const char *action = arena_printf(q->arena, "iam:%s", q->action->name);
    return iam_open(&q->iam, q->action->kind, action, query_subject_name(q), ret, e);
}

RESULT policy_attached_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    struct managed *list;
    size_t n, from, until;
    TRY(subject_open(q, &s, e));
    TRY(policy_attached(q->l->api->directory, s.id, q->arena, &list, &n, e));
    TRY(query_slice(q, n, &from, &until, e));
    xml_open(q->out, "AttachedPolicies");
    for (size_t i = from; i < until; i++) {
        if (bytes_has_prefix(bytes_str(list[i].path),
                             bytes_str(query_text_or(q, "PathPrefix", "/")))) {
            xml_open(q->out, "member");
            xml_element_str(q->out, "PolicyName", list[i].name);
            xml_element_str(q->out, "PolicyArn", policy_arn(q, &list[i]));
            xml_close(q->out, "member");
        }
    }
    xml_close(q->out, "AttachedPolicies");
    query_slice_end(q, n, until);
    return RESULT_OK;
}

/* --- which users, groups and roles --- */

static void entity_write(struct query *q, const char *kind, const char *name, const char *id)
{
    char element[16];
    xml_open(q->out, "member");
    snprintf(element, sizeof(element), "%sName", kind);
    xml_element_str(q->out, element, name);
    snprintf(element, sizeof(element), "%sId", kind);
    xml_element_str(q->out, element, id);
    xml_close(q->out, "member");
}

static bool is_wanted(struct query *q, const char *filter)
{
    const char *want = query_text(q, "EntityFilter");
    return want == NULL || strcmp(want, filter) == 0;
}

/* Groups and roles have no look-up by id: they are gone through by name. */
static RESULT entities_of_groups(struct query *q, const char *const *ids, size_t n, struct error *e)
{
    struct directory *d = q->l->api->directory;
    struct group *list;
    struct bytes after = BYTES_NONE;
    size_t got = 1;
    while (got > 0 && is_wanted(q, "Group")) {
        TRY(group_list(d, q->iam.realm, BYTES_LIT("/"), after, QUERY_PAGE_MAX, q->arena, &list,
                       &got, e));
        for (size_t i = 0; i < got; i++) {
            for (size_t k = 0; k < n; k++) {
                if (strcmp(ids[k], list[i].id) == 0) {
                    entity_write(q, "Group", list[i].name, list[i].id);
                }
            }
            after = bytes_str(list[i].name);
        }
    }
    return RESULT_OK;
}

static RESULT entities_of_roles(struct query *q, const char *const *ids, size_t n, struct error *e)
{
    struct directory *d = q->l->api->directory;
    struct access_role *list;
    struct bytes after = BYTES_NONE;
    size_t got = 1;
    while (got > 0 && is_wanted(q, "Role")) {
        TRY(role_list(d, q->iam.realm, BYTES_LIT("/"), after, QUERY_PAGE_MAX, q->arena, &list, &got,
                      e));
        for (size_t i = 0; i < got; i++) {
            for (size_t k = 0; k < n; k++) {
                if (!list[i].is_builtin && strcmp(ids[k], list[i].id) == 0) {
                    entity_write(q, "Role", list[i].name, list[i].id);
                }
            }
            after = bytes_str(list[i].name);
        }
    }
    return RESULT_OK;
}

RESULT policy_entities_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    const char **ids;
    size_t n;
    struct user u;
    TRY(policy_open(q, "iam:ListEntitiesForPolicy", &s, e));
    TRY(policy_subjects(q->l->api->directory, s.id, q->arena, &ids, &n, e));
    xml_open(q->out, "PolicyGroups");
    TRY(entities_of_groups(q, ids, n, e));
    xml_close(q->out, "PolicyGroups");
    xml_open(q->out, "PolicyUsers");
    for (size_t i = 0; i < n && is_wanted(q, "User"); i++) {
        if (result_is_ok(
                    user_get_by_id(q->l->api->directory, bytes_str(ids[i]), q->arena, &u, NULL))) {
            entity_write(q, "User", u.name, u.id);
        }
    }
    xml_close(q->out, "PolicyUsers");
    xml_open(q->out, "PolicyRoles");
    TRY(entities_of_roles(q, ids, n, e));
    xml_close(q->out, "PolicyRoles");
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

/* --- inline --- */

RESULT inline_put_run(struct query *q, struct error *e)
{
    struct bytes document;
    TRY(query_policy(q, "PolicyDocument", POLICY_IDENTITY, &document, e));
    return iam_inline_put(&q->iam, q->action->kind, query_subject_name(q),
                          query_text(q, "PolicyName"), document, e);
}

RESULT inline_get_run(struct query *q, struct error *e)
{
    static const char *const names[] = { "UserName", "GroupName", "RoleName" };
    struct iam_subject s;
    const char *document, *name = query_text(q, "PolicyName");
    TRY(subject_open(q, &s, e));
    TRY(inline_get(q->l->api->directory, s.id, name, q->arena, &document, e));
    xml_element_str(q->out, names[q->action->kind], s.name);
    xml_element_str(q->out, "PolicyName", name);
    query_document(q, "PolicyDocument", document);
    return RESULT_OK;
}

RESULT inline_delete_run(struct query *q, struct error *e)
{
    return iam_inline_delete(&q->iam, q->action->kind, query_subject_name(q),
                             query_text(q, "PolicyName"), e);
}

RESULT inline_list_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    const char **names;
    size_t n, from, until;
    TRY(subject_open(q, &s, e));
    TRY(inline_list(q->l->api->directory, s.id, q->arena, &names, &n, e));
    TRY(query_slice(q, n, &from, &until, e));
    xml_open(q->out, "PolicyNames");
    for (size_t i = from; i < until; i++) {
        xml_element_str(q->out, "member", names[i]);
    }
    xml_close(q->out, "PolicyNames");
    query_slice_end(q, n, until);
    return RESULT_OK;
}

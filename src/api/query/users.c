/* IAM: users and their access keys. */
#include "api/query/query_priv.h"

#include "net/xml.h"

/* --- users --- */

void query_write_user(struct query *q, const char *element, const struct user *u, bool is_whole)
{
    xml_open(q->out, element);
    xml_element_str(q->out, "Path", u->path);
    xml_element_str(q->out, "UserName", u->name);
    xml_element_str(q->out, "UserId", u->id);
    xml_element_str(q->out, "Arn", iam_arn(&q->iam, IAM_USER, u->path, u->name));
    query_time(q, "CreateDate", u->created_ms);
    if (is_whole) {
        query_write_boundary(q, u->boundary);
        query_write_tags(q, u->tags);
    }
    xml_close(q->out, element);
}

RESULT user_create_run(struct query *q, struct error *e)
{
    struct user_new n = { .name = query_text(q, "UserName"),
                          .path = query_text(q, "Path"),
                          .boundary = query_text(q, "PermissionsBoundary"),
                          .kind = USER_SERVICE };
    struct user u;
    TRY(query_tags(q, "Tags", &n.tags, e));
    TRY(iam_user_create(&q->iam, &n, &u, e));
    query_write_user(q, "User", &u, true);
    return RESULT_OK;
}

RESULT user_get_run(struct query *q, struct error *e)
{
    const char *name;
    struct iam_subject s;
    TRY(query_user_name(q, &name, e));
    TRY(iam_open(&q->iam, IAM_USER, "iam:GetUser", name, &s, e));
    query_write_user(q, "User", &s.user, true);
    return RESULT_OK;
}

RESULT user_list_run(struct query *q, struct error *e)
{
    struct query_page p;
    struct user *list;
    size_t n;
    const char *path = query_text_or(q, "PathPrefix", "/");
    TRY(query_page(q, &p, e));
    TRY(iam_decide(&q->iam, "iam:ListUsers", iam_arn(&q->iam, IAM_USER, path, ""), e));
    TRY(user_list(q->l->api->directory, q->iam.realm, bytes_str(path), p.after, p.max + 1, q->arena,
                  &list, &n, e));
    xml_open(q->out, "Users");
    for (size_t i = 0; i < n && i < p.max; i++) {
        query_write_user(q, "member", &list[i], false);
    }
    xml_close(q->out, "Users");
    query_page_end(q, &p, n, n > p.max ? list[p.max - 1].name : NULL);
    return RESULT_OK;
}

RESULT user_update_run(struct query *q, struct error *e)
{
    struct user_change ch = { .name = query_text(q, "NewUserName"),
                              .path = query_text(q, "NewPath"),
                              .ends_ms = -1 };
    struct user u;
    return iam_user_change(&q->iam, "iam:UpdateUser", query_text(q, "UserName"), &ch, &u, e);
}

RESULT user_delete_run(struct query *q, struct error *e)
{
    return iam_user_delete(&q->iam, query_text(q, "UserName"), e);
}

static RESULT tags_set(struct query *q, const char *action, const char *add,
                       const struct bytes *remove, size_t remove_count, struct error *e)
{
    struct user_change ch = { .ends_ms = -1 };
    struct iam_subject s;
    struct user u;
    const char *name = query_text(q, "UserName");
    TRY(iam_open(&q->iam, IAM_USER, action, name, &s, e));
    TRY(iam_tags_merge(&q->iam, s.tags, add, remove, remove_count, &ch.tags, e));
    ch.version = s.version;
    return iam_user_change(&q->iam, action, name, &ch, &u, e);
}

RESULT user_tag_run(struct query *q, struct error *e)
{
    const char *tags;
    TRY(query_tags(q, "Tags", &tags, e));
    return tags_set(q, "iam:TagUser", tags != NULL ? tags : "{}", NULL, 0, e);
}

RESULT user_untag_run(struct query *q, struct error *e)
{
    struct bytes keys[IDENTITY_TAGS_MAX];
    size_t n = query_members(q, "TagKeys", keys, IDENTITY_TAGS_MAX);
    return tags_set(q, "iam:UntagUser", "{}", keys, n, e);
}

RESULT user_tags_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(&q->iam, IAM_USER, "iam:ListUserTags", query_text(q, "UserName"), &s, e));
    query_write_tags(q, s.tags);
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

/* Put and Delete: without the parameter it is taken off. */
RESULT user_boundary_run(struct query *q, struct error *e)
{
    const char *arn = query_text(q, "PermissionsBoundary");
    struct user_change ch = { .boundary = arn != NULL ? arn : "", .ends_ms = -1 };
    struct user u;
    return iam_user_change(&q->iam,
                           arn != NULL ? "iam:PutUserPermissionsBoundary"
                                       : "iam:DeleteUserPermissionsBoundary",
                           query_text(q, "UserName"), &ch, &u, e);
}

/* --- access keys --- */

static const char *key_status(const struct access_key *k)
{
    return k->is_enabled ? "Active" : "Inactive";
}

RESULT key_create_run(struct query *q, struct error *e)
{
    const char *name;
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    TRY(query_user_name(q, &name, e));
    struct result r = iam_key_create(&q->iam, name, &k, secret, e);
    if (!result_is_ok(r)) {
        mem_wipe(secret, sizeof(secret)); /* made, and its outcome could not be written */
        return r;
    }
    xml_open(q->out, "AccessKey");
    xml_element_str(q->out, "UserName", k.user_name);
    xml_element_str(q->out, "AccessKeyId", k.id);
    xml_element_str(q->out, "Status", key_status(&k));
    xml_element_str(q->out, "SecretAccessKey", secret);
    query_time(q, "CreateDate", k.created_ms);
    xml_close(q->out, "AccessKey");
    mem_wipe(secret, sizeof(secret));
    return RESULT_OK;
}

static RESULT key_write(void *arg, const struct access_key *k, struct error *e)
{
    struct query *q = arg;
    (void)e;
    xml_open(q->out, "member");
    xml_element_str(q->out, "UserName", k->user_name);
    xml_element_str(q->out, "AccessKeyId", k->id);
    xml_element_str(q->out, "Status", key_status(k));
    query_time(q, "CreateDate", k->created_ms);
    xml_close(q->out, "member");
    return RESULT_OK;
}

RESULT key_list_run(struct query *q, struct error *e)
{
    const char *name;
    struct iam_subject s;
    TRY(query_user_name(q, &name, e));
    TRY(iam_open(&q->iam, IAM_USER, "iam:ListAccessKeys", name, &s, e));
    xml_open(q->out, "AccessKeyMetadata");
    TRY(directory_key_list(q->l->api->directory, q->iam.realm, s.id, key_write, q, e));
    xml_close(q->out, "AccessKeyMetadata");
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

RESULT key_update_run(struct query *q, struct error *e)
{
    const char *name, *status = query_text(q, "Status");
    bool is_active = strcmp(status, "Active") == 0;
    TRY(query_user_name(q, &name, e));
    if (!is_active && strcmp(status, "Inactive") != 0) {
        FAIL(e, ERRC_FORMAT, "Status: Active or Inactive");
    }
    return iam_key_enable(&q->iam, name, query_text(q, "AccessKeyId"), is_active, e);
}

RESULT key_delete_run(struct query *q, struct error *e)
{
    const char *name;
    TRY(query_user_name(q, &name, e));
    return iam_key_delete(&q->iam, name, query_text(q, "AccessKeyId"), e);
}

RESULT key_used_run(struct query *q, struct error *e)
{
    struct access_key k;
    struct iam_subject s;
    struct result r = directory_key_find(q->l->api->directory,
                                         bytes_str(query_text(q, "AccessKeyId")), &k, e);
    bool is_here = result_is_ok(r) && strcmp(k.tenant, q->iam.realm) == 0;
    if (!is_here) {
        TRY(iam_decide(&q->iam, "iam:GetAccessKeyLastUsed", iam_arn(&q->iam, IAM_USER, NULL, "*"),
                       e));
        FAIL(e, ERRC_NOT_FOUND, "The Access Key cannot be found.");
    }
    TRY(iam_open(&q->iam, IAM_USER, "iam:GetAccessKeyLastUsed", k.user_name, &s, e));
    xml_element_str(q->out, "UserName", k.user_name);
    xml_open(q->out, "AccessKeyLastUsed");
    if (k.used_ms != 0) {
        query_time(q, "LastUsedDate", k.used_ms);
    }
    xml_element_str(q->out, "ServiceName", k.used_ms != 0 ? k.used_service : "N/A");
    xml_element_str(q->out, "Region", k.used_ms != 0 ? api_settings(q->l)->region : "N/A");
    xml_close(q->out, "AccessKeyLastUsed");
    return RESULT_OK;
}

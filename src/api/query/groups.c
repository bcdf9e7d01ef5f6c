/* IAM: groups. */
#include "api/query/query_priv.h"

#include "net/xml.h"

static void group_write(struct query *q, const char *element, const struct group *g)
{
    xml_open(q->out, element);
    xml_element_str(q->out, "Path", g->path);
    xml_element_str(q->out, "GroupName", g->name);
    xml_element_str(q->out, "GroupId", g->id);
    xml_element_str(q->out, "Arn", iam_arn(&q->iam, IAM_GROUP, g->path, g->name));
    query_time(q, "CreateDate", g->created_ms);
    xml_close(q->out, element);
}

RESULT group_create_run(struct query *q, struct error *e)
{
    struct group g;
    TRY(iam_group_create(&q->iam, query_text(q, "GroupName"), query_text(q, "Path"), &g, e));
    group_write(q, "Group", &g);
    return RESULT_OK;
}

RESULT group_get_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    struct user *list;
    size_t n, from, until;
    TRY(iam_open(&q->iam, IAM_GROUP, "iam:GetGroup", query_text(q, "GroupName"), &s, e));
    TRY(group_members(q->l->api->directory, s.id, q->arena, &list, &n, e));
    TRY(query_slice(q, n, &from, &until, e));
    group_write(q, "Group", &s.group);
    xml_open(q->out, "Users");
    for (size_t i = from; i < until; i++) {
        query_write_user(q, "member", &list[i], false);
    }
    xml_close(q->out, "Users");
    query_slice_end(q, n, until);
    return RESULT_OK;
}

RESULT group_list_run(struct query *q, struct error *e)
{
    struct query_page p;
    struct group *list;
    size_t n;
    const char *path = query_text_or(q, "PathPrefix", "/");
    TRY(query_page(q, &p, e));
    TRY(iam_decide(&q->iam, "iam:ListGroups", iam_arn(&q->iam, IAM_GROUP, path, ""), e));
    TRY(group_list(q->l->api->directory, q->iam.realm, bytes_str(path), p.after, p.max + 1,
                   q->arena, &list, &n, e));
    xml_open(q->out, "Groups");
    for (size_t i = 0; i < n && i < p.max; i++) {
        group_write(q, "member", &list[i]);
    }
    xml_close(q->out, "Groups");
    query_page_end(q, &p, n, n > p.max ? list[p.max - 1].name : NULL);
    return RESULT_OK;
}

RESULT group_delete_run(struct query *q, struct error *e)
{
    return iam_group_delete(&q->iam, query_text(q, "GroupName"), e);
}

RESULT group_member_run(struct query *q, struct error *e)
{
    return iam_group_member(&q->iam, q->action->name[0] == 'A', query_text(q, "GroupName"),
                            query_text(q, "UserName"), e);
}

RESULT group_of_user_run(struct query *q, struct error *e)
{
    struct iam_subject s;
    struct group *list;
    size_t n, from, until;
    TRY(iam_open(&q->iam, IAM_USER, "iam:ListGroupsForUser", query_text(q, "UserName"), &s, e));
    TRY(user_groups(q->l->api->directory, s.id, q->arena, &list, &n, e));
    TRY(query_slice(q, n, &from, &until, e));
    xml_open(q->out, "Groups");
    for (size_t i = from; i < until; i++) {
        group_write(q, "member", &list[i]);
    }
    xml_close(q->out, "Groups");
    query_slice_end(q, n, until);
    return RESULT_OK;
}

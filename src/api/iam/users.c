/* Users and groups. */
#include "api/iam/iam_priv.h"

/* --- users --- */

static const char *tag_owner(struct iam_cx *c, const char *tags)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes v;
    if (tags == NULL || !result_is_ok(json_parse(bytes_str(tags), IAM_TAGS_BYTES, &doc, NULL)) ||
        !result_is_ok(json_get_str(json_root(doc), "owner", &v, NULL)) || v.n == 0) {
        return NULL;
    }
    return arena_str(c->arena, v);
}

/* Who asks answers for it; of a service account who answers for that one. */
static RESULT caller_owner(struct iam_cx *c, const char **ret, struct error *e)
{
    const struct principal *p = c->who->p;
    struct user u;
    *ret = p->user_name;
    if (p->user_id[0] != '\0' && !p->is_person) {
        TRY(user_get_by_id(c->l->api->directory, bytes_str(p->user_id), c->arena, &u, e));
        *ret = u.kind == USER_SERVICE ? u.owner : u.name;
    }
    return RESULT_OK;
}

struct creation {
    struct iam_cx *c;
    const struct user_new *u;
    struct user *ret;
};

static RESULT user_make(void *arg, struct buf *after, struct error *e)
{
    struct creation *cr = arg;
    struct iam_cx *c = cr->c;
    struct iam_subject s;
    TRY(user_create(c->l->api->directory, c->realm, cr->u, c->arena, cr->ret, e));
    iam_subject_user(c, cr->ret, &s);
    buf_add(after, iam_picture(c, &s));
    return RESULT_OK;
}

/*= 2.2.2-1 "every account has a named owner" */
RESULT iam_user_create(struct iam_cx *c, const struct user_new *u, struct user *ret,
                       struct error *e)
{
    struct user_new n = *u;
    const char *arn = iam_arn(c, IAM_USER, u->path, u->name);
    iam_key_tags(c, "aws:RequestTag/", u->tags);
    if (u->boundary != NULL) {
        iam_key(c, "iam:PermissionsBoundary", bytes_str(u->boundary));
    }
    TRY(iam_decide(c, "iam:CreateUser", arn, e));
    if (n.owner == NULL || n.owner[0] == '\0') {
        n.owner = tag_owner(c, u->tags);
    }
    if (n.owner == NULL) {
        TRY(caller_owner(c, &n.owner, e));
    }
    struct creation cr = { c, &n, ret };
    return iam_act(c, "user.create", arn, NULL, BYTES_NONE, user_make, &cr, e);
}

static RESULT user_change_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                              struct error *e)
{
    return user_change(c->l->api->directory, s->id, arg, e);
}

RESULT iam_user_change(struct iam_cx *c, const char *action, const char *name,
                       const struct user_change *change, struct user *ret, struct error *e)
{
    struct iam_subject s, after;
    struct user_change ch = *change;
    iam_key_tags(c, "aws:RequestTag/", change->tags);
    if (change->boundary != NULL) {
        iam_key(c, "iam:PermissionsBoundary", bytes_str(change->boundary));
    }
    TRY(iam_open(c, IAM_USER, action, name, &s, e));
    /* policies may speak of tags, and the date of leaving ends every right */
    if (change->boundary != NULL || change->tags != NULL || change->ends_ms >= 0) {
        TRY(iam_not_own(c, &s, e));
    }
    TRY(iam_change(c, "user.change", &s, user_change_run, &ch, &after, e));
    *ret = after.user;
    return RESULT_OK;
}

static RESULT user_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                              struct error *e)
{
    (void)arg;
    return user_delete(c->l->api->directory, s->id, e);
}

RESULT iam_user_delete(struct iam_cx *c, const char *name, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(c, IAM_USER, "iam:DeleteUser", name, &s, e));
    if (s.user.kind == USER_ROOT) {
        FAIL(e, ERRC_DENIED, "the user %s came with the tenant: delete its access keys instead",
             s.name);
    }
    return iam_end(c, "user.delete", &s, user_delete_run, NULL, e);
}

static const struct {
    const char *action, *kind;
    enum user_state state;
} user_acts[] = {
    [IAM_USER_SUSPEND] = { "iam:SuspendUser", "user.suspend", USER_SUSPENDED },
    [IAM_USER_RESUME] = { "iam:ResumeUser", "user.resume", USER_ACTIVE },
    [IAM_USER_END] = { "iam:EndUser", "user.end", USER_ENDED },
    [IAM_USER_FREEZE] = { "iam:Freeze", "user.freeze", USER_ACTIVE },
    [IAM_USER_UNFREEZE] = { "iam:Unfreeze", "user.unfreeze", USER_ACTIVE },
};

static RESULT user_set_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                           struct error *e)
{
    enum iam_user_act act = *(enum iam_user_act *)arg;
    struct directory *d = c->l->api->directory;
    if (act == IAM_USER_FREEZE || act == IAM_USER_UNFREEZE) {
        return user_set_frozen(d, s->id, act == IAM_USER_FREEZE, e);
    }
    return user_set_state(d, s->id, user_acts[act].state, e);
}

/*= 2.2.2-5 "an account is frozen in one step" */
RESULT iam_user_set(struct iam_cx *c, enum iam_user_act act, const char *name, struct user *ret,
                    struct error *e)
{
    struct iam_subject s, after;
    TRY(iam_open(c, IAM_USER, user_acts[act].action, name, &s, e));
    TRY(iam_change(c, user_acts[act].kind, &s, user_set_run, &act, &after, e));
    *ret = after.user;
    return RESULT_OK;
}

/* --- groups --- */

struct group_creation {
    struct iam_cx *c;
    const char *name, *path;
    struct group *ret;
};

static RESULT group_make(void *arg, struct buf *after, struct error *e)
{
    struct group_creation *cr = arg;
    struct iam_cx *c = cr->c;
    TRY(group_create(c->l->api->directory, c->realm, cr->name, cr->path, c->arena, cr->ret, e));
    struct iam_subject s = { .kind = IAM_GROUP, .group = *cr->ret };
    buf_add(after, iam_picture(c, &s));
    return RESULT_OK;
}

RESULT iam_group_create(struct iam_cx *c, const char *name, const char *path, struct group *ret,
                        struct error *e)
{
    struct group_creation cr = { c, name, path, ret };
    const char *arn = iam_arn(c, IAM_GROUP, path, name);
    TRY(iam_decide(c, "iam:CreateGroup", arn, e));
    return iam_act(c, "group.create", arn, NULL, BYTES_NONE, group_make, &cr, e);
}

static RESULT group_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                               struct error *e)
{
    (void)arg;
    return group_delete(c->l->api->directory, s->id, e);
}

RESULT iam_group_delete(struct iam_cx *c, const char *name, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(c, IAM_GROUP, "iam:DeleteGroup", name, &s, e));
    return iam_end(c, "group.delete", &s, group_delete_run, NULL, e);
}

struct membership {
    bool is_add;
    const struct iam_subject *user;
};

static RESULT member_run(struct iam_cx *c, const struct iam_subject *s, void *arg, struct error *e)
{
    const struct membership *m = arg;
    struct directory *d = c->l->api->directory;
    return m->is_add ? group_add(d, s->id, m->user->id, e) : group_remove(d, s->id, m->user->id, e);
}

RESULT iam_group_member(struct iam_cx *c, bool is_add, const char *group, const char *user,
                        struct error *e)
{
    struct iam_subject g, u;
    TRY(iam_open(c, IAM_GROUP, is_add ? "iam:AddUserToGroup" : "iam:RemoveUserFromGroup", group, &g,
                 e));
    TRY(iam_find(c, IAM_USER, user, &u, e));
    TRY(iam_not_own(c, &u, e));
    struct membership m = { is_add, &u };
    bool was_claimed = false;
    TRY(realm_is_claimed(c->l->api->directory, c->realm, &was_claimed, e));
    TRY(iam_link(c, is_add ? "group.add-user" : "group.remove-user", &g, u.arn, BYTES_NONE,
                 BYTES_NONE, member_run, &m, e));
    return api_claim_note(c->l, c->who, c->realm, was_claimed, e);
}

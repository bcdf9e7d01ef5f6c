/* Roles and who holds them. */
#include "api/iam/iam_priv.h"

struct creation {
    struct iam_cx *c;
    const struct role_new *r;
    struct access_role *ret;
};

static RESULT role_make(void *arg, struct buf *after, struct error *e)
{
    struct creation *cr = arg;
    struct iam_cx *c = cr->c;
    TRY(role_create(c->l->api->directory, c->realm, cr->r, c->arena, cr->ret, e));
    struct iam_subject s = { .kind = IAM_ROLE, .role = *cr->ret };
    buf_add(after, iam_picture(c, &s));
    return RESULT_OK;
}

RESULT iam_role_create(struct iam_cx *c, const struct role_new *r, struct access_role *ret,
                       struct error *e)
{
    struct creation cr = { c, r, ret };
    const char *arn = iam_arn(c, IAM_ROLE, r->path, r->name);
    iam_key_tags(c, "aws:RequestTag/", r->tags);
    if (r->boundary != NULL) {
        iam_key(c, "iam:PermissionsBoundary", bytes_str(r->boundary));
    }
    TRY(iam_decide(c, "iam:CreateRole", arn, e));
    return iam_act(c, "role.create", arn, NULL, BYTES_NONE, role_make, &cr, e);
}

static RESULT role_change_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                              struct error *e)
{
    return role_change(c->l->api->directory, s->id, arg, e);
}

RESULT iam_role_change(struct iam_cx *c, const char *action, const char *name,
                       const struct role_change *change, struct access_role *ret, struct error *e)
{
    struct iam_subject s, after;
    struct role_change ch = *change;
    iam_key_tags(c, "aws:RequestTag/", change->tags);
    if (change->boundary != NULL) {
        iam_key(c, "iam:PermissionsBoundary", bytes_str(change->boundary));
    }
    TRY(iam_open_own(c, IAM_ROLE, action, name, &s, e));
    if (change->trust != NULL || change->boundary != NULL || change->tags != NULL) {
        TRY(iam_not_own(c, &s, e));
    }
    TRY(iam_change(c, "role.change", &s, role_change_run, &ch, &after, e));
    *ret = after.role;
    return RESULT_OK;
}

static RESULT role_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                              struct error *e)
{
    (void)arg;
    return role_delete(c->l->api->directory, s->id, e);
}

RESULT iam_role_delete(struct iam_cx *c, const char *name, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open_own(c, IAM_ROLE, "iam:DeleteRole", name, &s, e));
    return iam_end(c, "role.delete", &s, role_delete_run, NULL, e);
}

struct assignment {
    bool is_add;
    const char *role;
};

static RESULT assign_run(struct iam_cx *c, const struct iam_subject *s, void *arg, struct error *e)
{
    const struct assignment *a = arg;
    struct directory *d = c->l->api->directory;
    return a->is_add ? role_assign(d, c->realm, s->id, bytes_str(a->role), e)
                     : role_unassign(d, s->id, bytes_str(a->role), e);
}

RESULT iam_role_assign(struct iam_cx *c, bool is_add, enum iam_kind kind, const char *subject,
                       const char *role, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(c, kind, "iam:AssignRole", subject, &s, e));
    struct assignment a = { is_add, role };
    bool was_claimed = false;
    TRY(realm_is_claimed(c->l->api->directory, c->realm, &was_claimed, e));
    TRY(iam_link(c, is_add ? "role.assign" : "role.unassign", &s, role, BYTES_NONE, BYTES_NONE,
                 assign_run, &a, e));
    return api_claim_note(c->l, c->who, c->realm, was_claimed, e);
}

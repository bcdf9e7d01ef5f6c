/* Accounts of a realm: people and programs, from their making to their end. */
#include "api/rest/rest_priv.h"

struct user_answer {
    struct rest *r;
    struct user user;
    struct user *list;
};

static void user_write(void *arg, struct jsonw *w)
{
    const struct user_answer *a = arg;
    user_json(w, &a->user, a->r->account);
}

static void user_item(void *arg, size_t i, struct jsonw *w)
{
    const struct user_answer *a = arg;
    user_json(w, &a->list[i], a->r->account);
}

static RESULT user_reply(struct user_answer *a, unsigned status, struct error *e)
{
    return rest_reply(a->r, status, a->user.version, user_write, a, e);
}

RESULT rest_users_list(struct rest *r, struct error *e)
{
    struct user_answer a = { .r = r };
    const char *after = NULL, *path = rest_query(r, "path");
    size_t max = 0, n = 0;
    TRY(rest_page(r, &max, &after, e));
    TRY(user_list(r->l->api->directory, r->realm, bytes_str(path != NULL ? path : "/"),
                  bytes_str(after), max + 1, r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, user_item, &a, has_more ? a.list[n - 1].name : NULL, e);
}

/* "person" or "service": an account is for one human being, or for one program. */
static RESULT kind_of(struct rest *r, enum user_kind *ret, struct error *e)
{
    const char *kind = NULL;
    TRY(rest_body_text(r, "kind", "person", &kind, e));
    *ret = strcmp(kind, "service") == 0 ? USER_SERVICE : USER_PERSON;
    if (*ret == USER_PERSON && strcmp(kind, "person") != 0) {
        FAIL(e, ERRC_FORMAT, "kind: person or service");
    }
    return RESULT_OK;
}

static const char *text_of(struct rest *r, struct bytes json)
{
    return json.n > 0 ? arena_str(r->arena, json) : NULL;
}

/*= 2.1.4-4 "every account has a named owner, and ends" */
RESULT rest_users_create(struct rest *r, struct error *e)
{
    struct user_answer a = { .r = r };
    struct user_new u = { 0 };
    struct bytes tags;
    struct iam_cx c;
    TRY(rest_body_only(r,
                       REST_ONLY("boundary", "display", "email", "ends", "kind", "name", "owner",
                                 "path", "tags"),
                       e));
    TRY(rest_body_need(r, "name", &u.name, e));
    TRY(rest_body_text(r, "path", NULL, &u.path, e));
    TRY(rest_body_text(r, "owner", NULL, &u.owner, e));
    TRY(rest_body_text(r, "display", NULL, &u.display, e));
    TRY(rest_body_text(r, "email", NULL, &u.email, e));
    TRY(rest_body_text(r, "boundary", NULL, &u.boundary, e));
    TRY(rest_body_object(r, "tags", &tags, e));
    TRY(rest_body_time(r, "ends", 0, &u.ends_ms, e));
    TRY(kind_of(r, &u.kind, e));
    u.tags = text_of(r, tags);
    TRY(rest_iam(r, &c, e));
    TRY(iam_user_create(&c, &u, &a.user, e));
    return user_reply(&a, 201, e);
}

static RESULT user_of_path(struct rest *r, struct user *ret, struct error *e)
{
    return user_get(r->l->api->directory, r->realm, bytes_str(r->params[1]), r->arena, ret, e);
}

RESULT rest_users_show(struct rest *r, struct error *e)
{
    struct user_answer a = { .r = r };
    TRY(user_of_path(r, &a.user, e));
    return user_reply(&a, 200, e);
}

/* Tags and boundary are rights of their own. */
static RESULT change_apart(struct iam_cx *c, const char *name, const char *tags,
                           const char *boundary, struct user *ret, struct error *e)
{
    struct user_change change = { .tags = tags, .ends_ms = -1 };
    if (tags != NULL) {
        TRY(iam_user_change(c, "iam:TagUser", name, &change, ret, e));
    }
    change = (struct user_change){ .boundary = boundary, .ends_ms = -1 };
    if (boundary != NULL) {
        TRY(iam_user_change(c,
                            boundary[0] != '\0' ? "iam:PutUserPermissionsBoundary"
                                                : "iam:DeleteUserPermissionsBoundary",
                            name, &change, ret, e));
    }
    return RESULT_OK;
}

RESULT rest_users_change(struct rest *r, struct error *e)
{
    struct user_answer a = { .r = r };
    struct user_change u = { .ends_ms = -1 };
    struct bytes tags;
    struct iam_cx c;
    const char *boundary = NULL;
    TRY(rest_body_only(
            r, REST_ONLY("boundary", "display", "email", "ends", "name", "owner", "path", "tags"),
            e));
    TRY(user_of_path(r, &a.user, e));
    TRY(rest_fits(r, a.user.version, &u.version, e));
    TRY(rest_body_text(r, "name", NULL, &u.name, e));
    TRY(rest_body_text(r, "path", NULL, &u.path, e));
    TRY(rest_body_text(r, "owner", NULL, &u.owner, e));
    TRY(rest_body_text(r, "display", NULL, &u.display, e));
    TRY(rest_body_text(r, "email", NULL, &u.email, e));
    TRY(rest_body_text(r, "boundary", NULL, &boundary, e));
    TRY(rest_body_object(r, "tags", &tags, e));
    TRY(rest_body_time(r, "ends", -1, &u.ends_ms, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_user_change(&c, "iam:UpdateUser", r->params[1], &u, &a.user, e));
    TRY(change_apart(&c, a.user.name, text_of(r, tags), boundary, &a.user, e));
    return user_reply(&a, 200, e);
}

RESULT rest_users_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    struct user u;
    uint64_t version = 0;
    TRY(user_of_path(r, &u, e));
    TRY(rest_fits(r, u.version, &version, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_user_delete(&c, r->params[1], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

static RESULT set(struct rest *r, enum iam_user_act act, struct error *e)
{
    struct user_answer a = { .r = r };
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_user_set(&c, act, r->params[1], &a.user, e));
    return user_reply(&a, 200, e);
}

RESULT rest_users_suspend(struct rest *r, struct error *e)
{
    return set(r, IAM_USER_SUSPEND, e);
}

RESULT rest_users_resume(struct rest *r, struct error *e)
{
    return set(r, IAM_USER_RESUME, e);
}

RESULT rest_users_end(struct rest *r, struct error *e)
{
    return set(r, IAM_USER_END, e);
}

/*= 2.2.2-5 "an account is frozen in one step, with all its sessions, keys and tokens" */
RESULT rest_users_freeze(struct rest *r, struct error *e)
{
    return set(r, IAM_USER_FREEZE, e);
}

RESULT rest_users_unfreeze(struct rest *r, struct error *e)
{
    return set(r, IAM_USER_UNFREEZE, e);
}

/* --- the enrolment code: for a new person, or after a loss --- */

struct reset {
    struct rest *r;
    struct user user;
    char code[ENROLMENT_CODE_BYTES];
};

static RESULT do_reset(void *arg, struct buf *after, struct error *e)
{
    struct reset *x = arg;
    (void)after;
    return credentials_reset(x->r->l->api->directory, x->user.id, x->code, e);
}

static void reset_write(void *arg, struct jsonw *w)
{
    const struct reset *x = arg;
    jsonw_kv_cstr(w, "code", x->code);
    jsonw_kv_cstr(w, "realm", x->user.realm);
    jsonw_kv_cstr(w, "user", x->user.name);
}

RESULT rest_users_reset(struct rest *r, struct error *e)
{
    struct reset x = { .r = r };
    TRY(user_of_path(r, &x.user, e));
    if (x.user.kind != USER_PERSON) {
        FAIL(e, ERRC_CONFLICT, "%s is not a person: programs have access keys", x.user.name);
    }
    /*= 2.1.4-1 "nobody takes away their own last second factor" */
    if (r->who.p->is_person && strcmp(x.user.id, r->who.p->user_id) == 0) {
        FAIL(e, ERRC_DENIED,
             "nobody resets their own account: another administrator can do it; a password is "
             "changed by 'troth password', a second factor added by 'troth factor add'");
    }
    struct result res = rest_act(r, "credentials.reset", x.user.name, BYTES_NONE, do_reset, &x, e);
    if (result_is_ok(res)) {
        res = rest_reply(r, 201, 0, reset_write, &x, e);
    }
    mem_wipe(x.code, sizeof(x.code));
    return res;
}

/* --- what an account has: factors, sessions --- */

RESULT rest_user_factors(struct rest *r, struct error *e)
{
    struct user u;
    TRY(user_of_path(r, &u, e));
    return rest_factors_reply(r, u.id, e);
}

RESULT rest_user_sessions(struct rest *r, struct error *e)
{
    struct user u;
    TRY(user_of_path(r, &u, e));
    return rest_sessions_reply(r, u.id, e);
}

RESULT rest_user_sessions_end(struct rest *r, struct error *e)
{
    struct user u;
    TRY(user_of_path(r, &u, e));
    return rest_session_end(r, u.id, u.name, NULL, e);
}

/* --- a whole realm --- */

struct realm_freeze {
    struct rest *r;
    bool is_frozen;
};

static RESULT do_freeze(void *arg, struct buf *after, struct error *e)
{
    const struct realm_freeze *f = arg;
    (void)after;
    return realm_set_frozen(f->r->l->api->directory, f->r->realm, f->is_frozen, e);
}

/*= 2.2.2-5 "a whole tenant is frozen in one step" */
RESULT rest_realm_freeze(struct rest *r, struct error *e)
{
    struct realm_freeze f = { r, true };
    TRY(rest_act(r, "realm.freeze", r->realm, BYTES_NONE, do_freeze, &f, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_realm_unfreeze(struct rest *r, struct error *e)
{
    struct realm_freeze f = { r, false };
    TRY(rest_act(r, "realm.unfreeze", r->realm, BYTES_NONE, do_freeze, &f, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

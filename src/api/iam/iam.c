/* What every operation on accounts begins with: whose accounts, on what, may they; and its
 * entries. */
#include "api/iam/iam.h"

#include "api/iam/iam_priv.h"

RESULT iam_init(struct iam_cx *c, struct api_loop *l, const struct api_who *who,
                struct arena *arena, const char *realm, struct error *e)
{
    *c = (struct iam_cx){ .l = l, .who = who, .arena = arena, .realm = realm };
    return realm_account(l->api->directory, realm, c->account, e);
}

/* --- deciding --- */

void iam_key(struct iam_cx *c, const char *name, struct bytes value)
{
    if ((c->key_count & (c->key_count - 1)) == 0) {
        size_t room = c->key_count == 0 ? 1 : 2 * c->key_count;
        struct policy_key *keys = arena_alloc(c->arena, room * sizeof(*keys));
        if (c->key_count > 0) {
            memcpy(keys, c->keys, c->key_count * sizeof(*keys));
        }
        c->keys = keys;
    }
    struct bytes *v = arena_alloc(c->arena, sizeof(*v));
    *v = value;
    c->keys[c->key_count++] =
            (struct policy_key){ bytes_str(arena_str(c->arena, bytes_str(name))), v, 1 };
}

void iam_key_tags(struct iam_cx *c, const char *prefix, const char *tags)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json_iter it = { 0 };
    struct bytes key, text;
    struct json v;
    if (tags == NULL || !result_is_ok(json_parse(bytes_str(tags), IAM_TAGS_BYTES, &doc, NULL))) {
        return;
    }
    while (json_next_member(json_root(doc), &it, &key, &v)) {
        if (result_is_ok(json_str(v, &text))) {
            iam_key(c, arena_printf(c->arena, "%s%.*s", prefix, BYTES_FMT(key)),
                    arena_bytes(c->arena, text));
        }
    }
}

RESULT iam_decide(struct iam_cx *c, const char *action, const char *resource, struct error *e)
{
    struct access_answer a;
    struct result r = api_decide(c->l, c->who, c->realm, action, bytes_str(resource), c->keys,
                                 c->key_count, &a, e);
    c->keys = NULL;
    c->key_count = 0;
    if (result_is_ok(r)) {
        c->grant = a.reason == ACCESS_BY_GRANT ? a.grant : c->who->p->grant;
    } else if (r.code == ERRC_DENIED) {
        error_prefix(e, "User: %s is not authorized to perform: %s on resource: %s",
                     c->who->p->arn[0] != '\0' ? c->who->p->arn : c->who->p->actor, action,
                     resource);
    }
    return r;
}

RESULT iam_act(struct iam_cx *c, const char *kind, const char *target, const char *detail,
               struct bytes before, RESULT (*fn)(void *arg, struct buf *after, struct error *e),
               void *arg, struct error *e)
{
    struct api_act act = { .kind = kind,
                           .realm = c->realm,
                           .target = target,
                           .tenant = c->realm,
                           .detail = detail,
                           .reason = c->reason,
                           .before = before,
                           .grant = c->grant };
    return api_act_run(c->l, c->who, &act, fn, arg, e);
}

/* --- what is acted on --- */

static const char *const kind_names[] = { "user", "group", "role", "policy" };

const char *iam_arn(struct iam_cx *c, enum iam_kind kind, const char *path, const char *name)
{
    return arena_printf(c->arena, "arn:aws:iam::%s:%s%s%s", c->account, kind_names[kind],
                        path == NULL ? "/" : path, name);
}

void iam_subject_user(struct iam_cx *c, const struct user *u, struct iam_subject *ret)
{
    *ret = (struct iam_subject){ .kind = IAM_USER,
                                 .id = u->id,
                                 .name = u->name,
                                 .arn = iam_arn(c, IAM_USER, u->path, u->name),
                                 .boundary = u->boundary,
                                 .tags = u->tags,
                                 .version = u->version,
                                 .user = *u };
    ret->id = ret->user.id;
}

static RESULT find_role(struct iam_cx *c, struct bytes name, struct iam_subject *ret,
                        struct error *e)
{
    TRY(role_get(c->l->api->directory, c->realm, name, c->arena, &ret->role, e));
    const struct access_role *r = &ret->role;
    ret->id = r->id;
    ret->name = r->name;
    ret->boundary = r->boundary;
    ret->tags = r->tags;
    ret->version = r->version;
    ret->arn = iam_arn(c, IAM_ROLE, r->path, r->name);
    return RESULT_OK;
}

/* ret->id points into ret: it is filled in place. */
RESULT iam_find(struct iam_cx *c, enum iam_kind kind, const char *name, struct iam_subject *ret,
                struct error *e)
{
    struct directory *d = c->l->api->directory;
    struct bytes n = bytes_str(name);
    *ret = (struct iam_subject){ .kind = kind, .boundary = "", .tags = "{}" };
    switch (kind) {
    case IAM_USER:
        TRY(user_get(d, c->realm, n, c->arena, &ret->user, e));
        struct user u = ret->user;
        iam_subject_user(c, &u, ret);
        return RESULT_OK;
    case IAM_GROUP:
        TRY(group_get(d, c->realm, n, c->arena, &ret->group, e));
        ret->id = ret->group.id;
        ret->name = ret->group.name;
        ret->version = ret->group.version;
        ret->arn = iam_arn(c, kind, ret->group.path, ret->name);
        return RESULT_OK;
    case IAM_ROLE:
        return find_role(c, n, ret, e);
    case IAM_POLICY:
        TRY(managed_get(d, c->realm, n, c->arena, &ret->policy, e));
        ret->id = ret->policy.id;
        ret->name = ret->policy.name;
        ret->arn = iam_arn(c, kind, ret->policy.path, ret->name);
        return RESULT_OK;
    }
    FAIL(e, ERRC_BUG, "kind");
}

RESULT iam_open(struct iam_cx *c, enum iam_kind kind, const char *action, const char *name,
                struct iam_subject *ret, struct error *e)
{
    struct error missing;
    struct result found = iam_find(c, kind, name, ret, &missing);
    if (!result_is_ok(found) && found.code != ERRC_NOT_FOUND) {
        *e = missing;
        return found;
    }
    bool is_there = result_is_ok(found);
    if (is_there) {
        iam_key_tags(c, "aws:ResourceTag/", ret->tags);
        iam_key_tags(c, "iam:ResourceTag/", ret->tags);
    }
    TRY(iam_decide(c, action, is_there ? ret->arn : iam_arn(c, kind, NULL, name), e));
    if (!is_there) {
        *e = missing;
    }
    return found;
}

RESULT iam_open_own(struct iam_cx *c, enum iam_kind kind, const char *action, const char *name,
                    struct iam_subject *ret, struct error *e)
{
    TRY(iam_open(c, kind, action, name, ret, e));
    if (kind == IAM_ROLE && ret->role.is_builtin) {
        FAIL(e, ERRC_DENIED, "role %s is built in: it can't be changed", ret->name);
    }
    return RESULT_OK;
}

struct bytes iam_picture(struct iam_cx *c, const struct iam_subject *s)
{
    CLEANUP(buf_done_p) struct buf out = BUF(LEDGER_PAYLOAD_MAX);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    switch (s->kind) {
    case IAM_USER:
        user_json(&w, &s->user, c->account);
        break;
    case IAM_GROUP:
        group_json(&w, &s->group, c->account);
        break;
    case IAM_ROLE:
        role_json(&w, &s->role, c->account);
        break;
    case IAM_POLICY:
        jsonw_kv_cstr(&w, "arn", s->arn);
        jsonw_kv_u64(&w, "default_version", s->policy.default_version);
        jsonw_kv_cstr(&w, "description", s->policy.description);
        jsonw_kv_cstr(&w, "name", s->name);
        break;
    }
    jsonw_object_end(&w);
    return arena_bytes(c->arena, buf_bytes(&out));
}

struct bytes iam_picture_text(struct iam_cx *c, const char *key, struct bytes text)
{
    CLEANUP(buf_done_p) struct buf out = BUF(LEDGER_PAYLOAD_MAX);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_str(&w, key, text);
    jsonw_object_end(&w);
    return arena_bytes(c->arena, buf_bytes(&out));
}

/* --- a change of one thing --- */

struct change {
    struct iam_cx *c;
    const struct iam_subject *s;
    iam_run *run;
    void *arg;
    bool is_end;
    struct iam_subject *after;
};

static RESULT change_run(void *arg, struct buf *after, struct error *e)
{
    struct change *ch = arg;
    TRY(ch->run(ch->c, ch->s, ch->arg, e));
    if (ch->is_end) {
        return RESULT_OK;
    }
    if (ch->s->kind == IAM_USER) { /* it may have another name now */
        struct user u;
        TRY(user_get_by_id(ch->c->l->api->directory, bytes_str(ch->s->id), ch->c->arena, &u, e));
        iam_subject_user(ch->c, &u, ch->after);
    } else {
        TRY(iam_find(ch->c, ch->s->kind, ch->s->name, ch->after, e));
    }
    buf_add(after, iam_picture(ch->c, ch->after));
    return RESULT_OK;
}

RESULT iam_change(struct iam_cx *c, const char *kind, const struct iam_subject *s, iam_run *run,
                  void *arg, struct iam_subject *ret, struct error *e)
{
    struct iam_subject after;
    struct change ch = { c, s, run, arg, false, ret != NULL ? ret : &after };
    return iam_act(c, kind, s->arn, NULL, iam_picture(c, s), change_run, &ch, e);
}

RESULT iam_end(struct iam_cx *c, const char *kind, const struct iam_subject *s, iam_run *run,
               void *arg, struct error *e)
{
    struct change ch = { c, s, run, arg, true, NULL };
    return iam_act(c, kind, s->arn, NULL, iam_picture(c, s), change_run, &ch, e);
}

struct link {
    struct iam_cx *c;
    const struct iam_subject *s;
    iam_run *run;
    void *arg;
    struct bytes after;
};

static RESULT link_run(void *arg, struct buf *after, struct error *e)
{
    struct link *li = arg;
    TRY(li->run(li->c, li->s, li->arg, e));
    buf_add(after, li->after);
    return RESULT_OK;
}

/*= 2.1.4-2 "who may do what is decided by another person than the one it is for" */
RESULT iam_not_own(struct iam_cx *c, const struct iam_subject *s, struct error *e)
{
    const struct principal *p = c->who->p;
    bool is_own = false;
    if (!p->is_person) {
        return RESULT_OK;
    }
    TRY(rights_reach(c->l->api->directory, p->user_id, s->id, &is_own, e));
    is_own |= s->kind == IAM_ROLE && strcmp(c->realm, p->realm) == 0 &&
              bytes_equal_str_nocase(bytes_str(p->role), s->name); /* acting as it */
    if (is_own) {
        FAIL(e, ERRC_DENIED, "nobody changes their own rights: another administrator can do it");
    }
    return RESULT_OK;
}

RESULT iam_link_any(struct iam_cx *c, const char *kind, const struct iam_subject *s,
                    const char *detail, struct bytes before, struct bytes after, iam_run *run,
                    void *arg, struct error *e)
{
    struct link li = { c, s, run, arg, after };
    return iam_act(c, kind, s->arn, detail, before, link_run, &li, e);
}

RESULT iam_link(struct iam_cx *c, const char *kind, const struct iam_subject *s, const char *detail,
                struct bytes before, struct bytes after, iam_run *run, void *arg, struct error *e)
{
    TRY(iam_not_own(c, s, e));
    return iam_link_any(c, kind, s, detail, before, after, run, arg, e);
}

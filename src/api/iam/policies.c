/* Policies: managed, attached, inline. And the merging of tags. */
#include "api/iam/iam_priv.h"

/* --- managed --- */

struct creation {
    struct iam_cx *c;
    const struct iam_policy_new *p;
    struct managed *ret;
};

/* Before and after of policies are their documents: what they allow is what matters. */
static struct bytes document_picture(struct iam_cx *c, struct bytes document)
{
    return iam_picture_text(c, "document", document);
}

static RESULT policy_make(void *arg, struct buf *after, struct error *e)
{
    struct creation *cr = arg;
    struct iam_cx *c = cr->c;
    TRY(managed_create(c->l->api->directory, c->realm, cr->p->name, cr->p->path, cr->p->description,
                       cr->p->document, c->arena, cr->ret, e));
    buf_add(after, document_picture(c, cr->p->document));
    return RESULT_OK;
}

RESULT iam_policy_create(struct iam_cx *c, const struct iam_policy_new *p, struct managed *ret,
                         struct error *e)
{
    struct creation cr = { c, p, ret };
    const char *arn = iam_arn(c, IAM_POLICY, p->path, p->name);
    TRY(iam_decide(c, "iam:CreatePolicy", arn, e));
    return iam_act(c, "policy.create", arn, NULL, BYTES_NONE, policy_make, &cr, e);
}

static RESULT policy_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                                struct error *e)
{
    (void)arg;
    return managed_delete(c->l->api->directory, s->id, e);
}

RESULT iam_policy_delete(struct iam_cx *c, const char *name, struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(c, IAM_POLICY, "iam:DeletePolicy", name, &s, e));
    return iam_end(c, "policy.delete", &s, policy_delete_run, NULL, e);
}

struct version {
    struct bytes document;
    bool is_default;
    uint32_t number;
};

static RESULT version_make(struct iam_cx *c, const struct iam_subject *s, void *arg,
                           struct error *e)
{
    struct version *v = arg;
    return managed_version_create(c->l->api->directory, s->id, v->document, v->is_default,
                                  &v->number, e);
}

RESULT iam_policy_version_create(struct iam_cx *c, const char *name, struct bytes document,
                                 bool is_default, uint32_t *ret, struct error *e)
{
    struct iam_subject s;
    struct version v = { document, is_default, 0 };
    TRY(iam_open(c, IAM_POLICY, "iam:CreatePolicyVersion", name, &s, e));
    TRY(iam_link(c, "policy.version", &s, is_default ? "default" : "not default",
                 iam_picture(c, &s), document_picture(c, document), version_make, &v, e));
    *ret = v.number;
    return RESULT_OK;
}

static RESULT version_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                                 struct error *e)
{
    const struct version *v = arg;
    return managed_version_delete(c->l->api->directory, s->id, v->number, e);
}

static RESULT set_default_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                              struct error *e)
{
    const struct version *v = arg;
    return managed_set_default(c->l->api->directory, s->id, v->number, e);
}

static const char *version_text(struct iam_cx *c, uint32_t version)
{
    return arena_printf(c->arena, "v%u", (unsigned)version);
}

RESULT iam_policy_version_delete(struct iam_cx *c, const char *name, uint32_t version,
                                 struct error *e)
{
    struct iam_subject s;
    struct version v = { .number = version };
    TRY(iam_open(c, IAM_POLICY, "iam:DeletePolicyVersion", name, &s, e));
    if (s.policy.default_version == version) {
        FAIL(e, ERRC_CONFLICT, "v%u is the default version of %s", (unsigned)version, s.name);
    }
    return iam_link(c, "policy.version-delete", &s, version_text(c, version), BYTES_NONE,
                    BYTES_NONE, version_delete_run, &v, e);
}

RESULT iam_policy_set_default(struct iam_cx *c, const char *name, uint32_t version, struct error *e)
{
    struct iam_subject s;
    struct version v = { .number = version };
    TRY(iam_open(c, IAM_POLICY, "iam:SetDefaultPolicyVersion", name, &s, e));
    TRY(iam_not_own(c, &s, e));
    return iam_change(c, "policy.version-default", &s, set_default_run, &v, NULL, e);
}

/* --- attached --- */

static const char *const attach_actions[][2] = {
    [IAM_USER] = { "iam:DetachUserPolicy", "iam:AttachUserPolicy" },
    [IAM_GROUP] = { "iam:DetachGroupPolicy", "iam:AttachGroupPolicy" },
    [IAM_ROLE] = { "iam:DetachRolePolicy", "iam:AttachRolePolicy" },
};

struct attachment {
    bool is_add;
    const struct iam_subject *policy;
};

static RESULT attach_run(struct iam_cx *c, const struct iam_subject *s, void *arg, struct error *e)
{
    const struct attachment *a = arg;
    struct directory *d = c->l->api->directory;
    return a->is_add ? policy_attach(d, s->id, a->policy->id, e)
                     : policy_detach(d, s->id, a->policy->id, e);
}

RESULT iam_attach(struct iam_cx *c, bool is_add, enum iam_kind kind, const char *subject,
                  const char *policy, struct error *e)
{
    struct iam_subject s, p;
    struct error missing;
    struct result found = iam_find(c, IAM_POLICY, policy, &p, &missing);
    if (result_is_ok(found)) {
        iam_key(c, "iam:PolicyARN", bytes_str(p.arn));
    }
    TRY(iam_open_own(c, kind, attach_actions[kind][is_add], subject, &s, e));
    if (!result_is_ok(found)) {
        *e = missing;
        return found;
    }
    struct attachment a = { is_add, &p };
    return iam_link(c, is_add ? "policy.attach" : "policy.detach", &s, p.arn, BYTES_NONE,
                    BYTES_NONE, attach_run, &a, e);
}

/* --- inline --- */

static const char *const inline_actions[][2] = {
    [IAM_USER] = { "iam:DeleteUserPolicy", "iam:PutUserPolicy" },
    [IAM_GROUP] = { "iam:DeleteGroupPolicy", "iam:PutGroupPolicy" },
    [IAM_ROLE] = { "iam:DeleteRolePolicy", "iam:PutRolePolicy" },
};

struct inlined {
    const char *name;
    struct bytes document;
};

static struct bytes inline_before(struct iam_cx *c, const struct iam_subject *s, const char *name)
{
    const char *document = NULL;
    if (!result_is_ok(inline_get(c->l->api->directory, s->id, name, c->arena, &document, NULL))) {
        return BYTES_NONE;
    }
    return document_picture(c, bytes_str(document));
}

static RESULT inline_put_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                             struct error *e)
{
    const struct inlined *in = arg;
    return inline_put(c->l->api->directory, s->id, in->name, in->document, e);
}

RESULT iam_inline_put(struct iam_cx *c, enum iam_kind kind, const char *subject, const char *name,
                      struct bytes document, struct error *e)
{
    struct iam_subject s;
    struct inlined in = { name, document };
    TRY(iam_open_own(c, kind, inline_actions[kind][1], subject, &s, e));
    return iam_link(c, "policy.put-inline", &s, name, inline_before(c, &s, name),
                    document_picture(c, document), inline_put_run, &in, e);
}

static RESULT inline_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                                struct error *e)
{
    const struct inlined *in = arg;
    return inline_delete(c->l->api->directory, s->id, in->name, e);
}

RESULT iam_inline_delete(struct iam_cx *c, enum iam_kind kind, const char *subject,
                         const char *name, struct error *e)
{
    struct iam_subject s;
    struct inlined in = { name, BYTES_NONE };
    TRY(iam_open_own(c, kind, inline_actions[kind][0], subject, &s, e));
    return iam_link(c, "policy.delete-inline", &s, name, inline_before(c, &s, name), BYTES_NONE,
                    inline_delete_run, &in, e);
}

/* --- tags --- */

static bool is_among(struct bytes key, const struct bytes *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(key, names[i])) {
            return true;
        }
    }
    return false;
}

RESULT iam_tags_merge(struct iam_cx *c, const char *tags, const char *add,
                      const struct bytes *remove, size_t remove_count, const char **ret,
                      struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *old = NULL;
    CLEANUP(json_doc_free_p) struct json_doc *more = NULL;
    CLEANUP(json_doc_free_p) struct json_doc *merged = NULL;
    CLEANUP(buf_done_p) struct buf out = BUF(IAM_TAGS_BYTES), sorted = BUF(IAM_TAGS_BYTES);
    struct json_iter it = { 0 }, it_more = { 0 };
    struct bytes key, text;
    struct json v;
    struct jsonw w;
    TRY_MSG(json_parse(bytes_str(tags), IAM_TAGS_BYTES, &old, e), e, "tags");
    TRY_MSG(json_parse(bytes_str(add), IAM_TAGS_BYTES, &more, e), e, "tags");
    jsonw_init(&w, &out);
    jsonw_object(&w);
    size_t n = 0;
    while (json_next_member(json_root(old), &it, &key, &v)) {
        const char *name = arena_str(c->arena, key);
        if (!json_has(json_root(more), name) && !is_among(key, remove, remove_count) &&
            result_is_ok(json_str(v, &text))) {
            jsonw_kv_str(&w, name, text);
            n++;
        }
    }
    while (json_next_member(json_root(more), &it_more, &key, &v)) {
        TRY_MSG(json_str(v, &text), e, "tags: texts");
        jsonw_key_bytes(&w, key);
        jsonw_str(&w, text);
        n++;
    }
    jsonw_object_end(&w);
    if (n > IDENTITY_TAGS_MAX) {
        FAIL(e, ERRC_LIMIT, "at most %d tags", IDENTITY_TAGS_MAX);
    }
    TRY_MSG(json_parse(buf_bytes(&out), IAM_TAGS_BYTES, &merged, e), e, "tags");
    TRY_MSG(json_canonical(json_root(merged), &sorted, e), e, "tags");
    *ret = arena_str(c->arena, buf_bytes(&sorted));
    return RESULT_OK;
}

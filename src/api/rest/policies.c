/* Policies: managed ones with their versions, what they hang on, and inline ones. */
#include "api/rest/rest_priv.h"

#include "base/text.h"

struct policy_answer {
    struct rest *r;
    struct managed policy;
    struct managed *list;
    struct managed_version *versions;
    size_t version_count;
    uint32_t version; /* 0: the default one is shown */
    const char *document;
};

static void managed_write(struct rest *r, const struct managed *m, struct jsonw *w)
{
    CLEANUP(buf_done_p) struct buf arn = BUF(1024);
    managed_arn(&arn, m, r->account);
    jsonw_kv_str(w, "arn", buf_bytes(&arn));
    jsonw_kv_u64(w, "attachments", m->attachments);
    rest_kv_time(w, "changed", m->changed_ms);
    rest_kv_time(w, "created", m->created_ms);
    jsonw_kv_u64(w, "default_version", m->default_version);
    jsonw_kv_cstr(w, "description", m->description);
    jsonw_kv_cstr(w, "id", m->id);
    jsonw_kv_cstr(w, "name", m->name);
    jsonw_kv_cstr(w, "path", m->path);
    jsonw_kv_cstr(w, "realm", m->realm);
}

static void policy_item(void *arg, size_t i, struct jsonw *w)
{
    const struct policy_answer *a = arg;
    managed_write(a->r, &a->list[i], w);
}

static void policy_write(void *arg, struct jsonw *w)
{
    const struct policy_answer *a = arg;
    managed_write(a->r, &a->policy, w);
    if (a->document != NULL) {
        jsonw_kv_cstr(w, "document", a->document);
    }
}

RESULT rest_policies_list(struct rest *r, struct error *e)
{
    struct policy_answer a = { .r = r };
    const char *after = NULL, *path = rest_query(r, "path");
    size_t max = 0, n = 0;
    TRY(rest_page(r, &max, &after, e));
    TRY(managed_list(r->l->api->directory, r->realm, bytes_str(path != NULL ? path : "/"),
                     bytes_str(after), max + 1, r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, policy_item, &a, has_more ? a.list[n - 1].name : NULL, e);
}

static RESULT document_need(struct rest *r, struct bytes *ret, struct error *e)
{
    TRY(rest_body_object(r, "document", ret, e));
    if (ret->n == 0) {
        FAIL(e, ERRC_FORMAT, "document: missing");
    }
    return RESULT_OK;
}

RESULT rest_policies_create(struct rest *r, struct error *e)
{
    struct policy_answer a = { .r = r };
    struct iam_policy_new p = { 0 };
    struct iam_cx c;
    TRY(rest_body_only(r, REST_ONLY("description", "document", "name", "path"), e));
    TRY(rest_body_need(r, "name", &p.name, e));
    TRY(rest_body_text(r, "path", NULL, &p.path, e));
    TRY(rest_body_text(r, "description", NULL, &p.description, e));
    TRY(document_need(r, &p.document, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_policy_create(&c, &p, &a.policy, e));
    return rest_reply(r, 201, 0, policy_write, &a, e);
}

static RESULT versions_load(struct policy_answer *a, struct error *e)
{
    struct rest *r = a->r;
    struct directory *d = r->l->api->directory;
    TRY(managed_get(d, r->realm, bytes_str(r->params[1]), r->arena, &a->policy, e));
    return managed_versions(d, a->policy.id, r->arena, &a->versions, &a->version_count, e);
}

RESULT rest_policies_show(struct rest *r, struct error *e)
{
    struct policy_answer a = { .r = r };
    TRY(versions_load(&a, e));
    for (size_t i = 0; i < a.version_count; i++) {
        if (a.versions[i].is_default) {
            a.document = a.versions[i].document;
        }
    }
    return rest_reply(r, 200, a.policy.default_version, policy_write, &a, e);
}

RESULT rest_policies_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_policy_delete(&c, r->params[1], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

/* --- versions --- */

static void version_item(void *arg, size_t i, struct jsonw *w)
{
    const struct policy_answer *a = arg;
    const struct managed_version *v = &a->versions[i];
    rest_kv_time(w, "created", v->created_ms);
    jsonw_kv_bool(w, "default", v->is_default);
    jsonw_kv_cstr(w, "document", v->document);
    jsonw_kv_u64(w, "version", v->version);
}

RESULT rest_versions_list(struct rest *r, struct error *e)
{
    struct policy_answer a = { .r = r };
    TRY(versions_load(&a, e));
    return rest_reply_list(r, a.version_count, version_item, &a, NULL, e);
}

static void version_write(void *arg, struct jsonw *w)
{
    const struct policy_answer *a = arg;
    jsonw_kv_u64(w, "version", a->version);
}

RESULT rest_versions_create(struct rest *r, struct error *e)
{
    struct policy_answer a = { .r = r };
    struct bytes document;
    struct iam_cx c;
    bool is_default = false;
    TRY(rest_body_only(r, REST_ONLY("default", "document"), e));
    TRY(rest_body_bool(r, "default", false, &is_default, e));
    TRY(document_need(r, &document, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_policy_version_create(&c, r->params[1], document, is_default, &a.version, e));
    return rest_reply(r, 201, 0, version_write, &a, e);
}

static RESULT version_of_path(struct rest *r, uint32_t *ret, struct error *e)
{
    uint64_t v = 0;
    if (!result_is_ok(num_u64(bytes_str(r->params[2]), 1, UINT32_MAX, &v))) {
        FAIL(e, ERRC_NOT_FOUND, "no version '%.32s'", r->params[2]);
    }
    *ret = (uint32_t)v;
    return RESULT_OK;
}

RESULT rest_versions_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    uint32_t version = 0;
    TRY(version_of_path(r, &version, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_policy_version_delete(&c, r->params[1], version, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_versions_default(struct rest *r, struct error *e)
{
    struct iam_cx c;
    uint32_t version = 0;
    TRY(version_of_path(r, &version, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_policy_set_default(&c, r->params[1], version, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

/* --- what they hang on --- */

static RESULT attach(struct rest *r, bool is_add, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_attach(&c, is_add, rest_subject_kind(r), r->params[1], r->params[2], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_attach(struct rest *r, struct error *e)
{
    return attach(r, true, e);
}

RESULT rest_detach(struct rest *r, struct error *e)
{
    return attach(r, false, e);
}

RESULT rest_attached(struct rest *r, struct error *e)
{
    struct policy_answer a = { .r = r };
    struct iam_cx c;
    struct iam_subject s;
    size_t n = 0;
    TRY(rest_iam(r, &c, e));
    TRY(iam_find(&c, rest_subject_kind(r), r->params[1], &s, e));
    TRY(policy_attached(r->l->api->directory, s.id, r->arena, &a.list, &n, e));
    return rest_reply_list(r, n, policy_item, &a, NULL, e);
}

/* --- inline --- */

static RESULT subject(struct rest *r, struct iam_subject *ret, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    return iam_find(&c, rest_subject_kind(r), r->params[1], ret, e);
}

RESULT rest_inline_list(struct rest *r, struct error *e)
{
    struct iam_subject s;
    const char **names = NULL;
    size_t n = 0;
    TRY(subject(r, &s, e));
    TRY(inline_list(r->l->api->directory, s.id, r->arena, &names, &n, e));
    return rest_names_reply(r, names, n, e);
}

struct inline_answer {
    const char *name, *document;
};

static void inline_write(void *arg, struct jsonw *w)
{
    const struct inline_answer *a = arg;
    jsonw_kv_cstr(w, "document", a->document);
    jsonw_kv_cstr(w, "name", a->name);
}

RESULT rest_inline_show(struct rest *r, struct error *e)
{
    struct inline_answer a = { .name = r->params[2] };
    struct iam_subject s;
    TRY(subject(r, &s, e));
    TRY(inline_get(r->l->api->directory, s.id, a.name, r->arena, &a.document, e));
    return rest_reply(r, 200, 0, inline_write, &a, e);
}

RESULT rest_inline_put(struct rest *r, struct error *e)
{
    struct bytes document;
    struct iam_cx c;
    TRY(rest_body_only(r, REST_ONLY("document"), e));
    TRY(document_need(r, &document, e));
    TRY(rest_iam(r, &c, e));
    TRY(iam_inline_put(&c, rest_subject_kind(r), r->params[1], r->params[2], document, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_inline_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_inline_delete(&c, rest_subject_kind(r), r->params[1], r->params[2], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

/* Parameters of a query and the pieces that many answers are made of. */
#include "api/query/query_priv.h"

#include "base/text.h"
#include "net/xml.h"

#include <stdio.h>

const char *query_text(const struct query *q, const char *name)
{
    return form_get(&q->form, name);
}

const char *query_text_or(const struct query *q, const char *name, const char *fallback)
{
    const char *v = query_text(q, name);
    return v != NULL ? v : fallback;
}

RESULT query_u64(struct query *q, const char *name, uint64_t min, uint64_t max, uint64_t fallback,
                 uint64_t *ret, struct error *e)
{
    const char *v = query_text(q, name);
    *ret = fallback;
    if (v != NULL && !result_is_ok(num_u64(bytes_str(v), min, max, ret))) {
        FAIL(e, ERRC_FORMAT, "%s: a number from %llu to %llu", name, (unsigned long long)min,
             (unsigned long long)max);
    }
    return RESULT_OK;
}

RESULT query_bool(struct query *q, const char *name, bool fallback, bool *ret, struct error *e)
{
    const char *v = query_text(q, name);
    *ret = v == NULL ? fallback : bytes_equal_str_nocase(bytes_str(v), "true");
    if (v != NULL && !*ret && !bytes_equal_str_nocase(bytes_str(v), "false")) {
        FAIL(e, ERRC_FORMAT, "%s: true or false", name);
    }
    return RESULT_OK;
}

const char *query_member(const struct query *q, const char *list, size_t i, const char *key)
{
    char name[256];
    int n = snprintf(name, sizeof(name), "%s.member.%zu%s%s", list, i + 1, key != NULL ? "." : "",
                     key != NULL ? key : "");
    return n > 0 && (size_t)n < sizeof(name) ? query_text(q, name) : NULL;
}

size_t query_members(const struct query *q, const char *list, struct bytes *ret, size_t max)
{
    size_t n = 0;
    for (const char *v; n < max && (v = query_member(q, list, n, NULL)) != NULL; n++) {
        ret[n] = bytes_str(v);
    }
    return n;
}

RESULT query_tags(struct query *q, const char *list, const char **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(QUERY_BODY_MAX), sorted = BUF(QUERY_BODY_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct jsonw w;
    size_t n = 0;
    *ret = NULL;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    for (const char *key; (key = query_member(q, list, n, "Key")) != NULL; n++) {
        const char *value = query_member(q, list, n, "Value");
        if (key[0] == '\0' || value == NULL) {
            FAIL(e, ERRC_FORMAT, "%s.member.%zu: Key and Value", list, n + 1);
        }
        jsonw_kv_cstr(&w, key, value);
    }
    jsonw_object_end(&w);
    if (n > IDENTITY_TAGS_MAX) {
        FAIL(e, ERRC_LIMIT, "at most %d tags", IDENTITY_TAGS_MAX);
    }
    if (n > 0) {
        TRY_MSG(json_parse(buf_bytes(&out), QUERY_BODY_MAX, &doc, e), e, "%s", list);
        TRY_MSG(json_canonical(json_root(doc), &sorted, e), e, "%s", list);
        *ret = arena_str(q->arena, buf_bytes(&sorted));
    }
    return RESULT_OK;
}

RESULT query_user_name(struct query *q, const char **ret, struct error *e)
{
    const struct principal *p = q->who.p;
    *ret = query_text_or(q, "UserName", strcmp(p->home, p->realm) == 0 ? p->user_name : "");
    if (**ret == '\0') {
        FAIL(e, ERRC_FORMAT, "Must specify userName when calling with non-User credentials");
    }
    return RESULT_OK;
}

RESULT query_arn_name(struct query *q, const char *param, const char *kind, const char **ret,
                      struct error *e)
{
    const char *arn = query_text_or(q, param, "");
    struct bytes name;
    if (!result_is_ok(arn_name(bytes_str(arn), kind, q->iam.account, &name, NULL))) {
        bool is_policy = strcmp(kind, "policy") == 0;
        if (is_policy && strncmp(arn, "arn:aws:iam::aws:", 17) == 0) {
            FAIL(e, ERRC_NOT_FOUND,
                 "Policy %.256s does not exist or is not attachable: AWS's own policies are not "
                 "here. Assign a built-in role (troth role list), or make a policy "
                 "(create-policy, put-user-policy).",
                 arn);
        }
        if (strncmp(arn, "arn:aws:iam::", 13) == 0) {
            FAIL(e, ERRC_NOT_FOUND, "%s %.256s does not exist%s.", kind, arn,
                 is_policy ? " or is not attachable" : "");
        }
        FAIL(e, ERRC_FORMAT, "%s: ARN %.256s is not valid.", param, arn);
    }
    *ret = arena_str(q->arena, name);
    return RESULT_OK;
}

const char *query_subject_name(const struct query *q)
{
    static const char *const names[] = { "UserName", "GroupName", "RoleName" };
    return query_text_or(q, names[q->action->kind], "");
}

RESULT query_policy(struct query *q, const char *param, enum policy_form form, struct bytes *ret,
                    struct error *e)
{
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    *ret = bytes_str(query_text_or(q, param, ""));
    struct result r = policy_compile(*ret, form, param, &p, e);
    if (r.code == ERRC_FORMAT || r.code == ERRC_LIMIT) {
        q->status = 400;
        q->code = "MalformedPolicyDocument";
    }
    return r;
}

/* --- answers --- */

void query_time(struct query *q, const char *element, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    xml_element_str(q->out, element, time_rfc3339(ms - ms % 1000, text));
}

void query_document(struct query *q, const char *element, const char *document)
{
    CLEANUP(buf_done_p) struct buf encoded = BUF(QUERY_BODY_MAX);
    buf_add_percent(&encoded, bytes_str(document), false);
    xml_element(q->out, element, buf_bytes(&encoded));
}

void query_write_boundary(struct query *q, const char *boundary)
{
    if (boundary != NULL && boundary[0] != '\0') {
        xml_open(q->out, "PermissionsBoundary");
        xml_element_str(q->out, "PermissionsBoundaryType", "Policy");
        xml_element_str(q->out, "PermissionsBoundaryArn", boundary);
        xml_close(q->out, "PermissionsBoundary");
    }
}

void query_write_tags(struct query *q, const char *tags)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json_iter it = { 0 };
    struct bytes key, text;
    struct json v;
    xml_open(q->out, "Tags");
    if (tags != NULL && result_is_ok(json_parse(bytes_str(tags), QUERY_BODY_MAX, &doc, NULL))) {
        while (json_next_member(json_root(doc), &it, &key, &v)) {
            if (result_is_ok(json_str(v, &text))) {
                xml_open(q->out, "member");
                xml_element(q->out, "Key", key);
                xml_element(q->out, "Value", text);
                xml_close(q->out, "member");
            }
        }
    }
    xml_close(q->out, "Tags");
}

RESULT query_page(struct query *q, struct query_page *ret, struct error *e)
{
    uint64_t max = QUERY_PAGE;
    TRY(query_u64(q, "MaxItems", 1, QUERY_PAGE_MAX, QUERY_PAGE, &max, e));
    *ret = (struct query_page){ bytes_str(query_text_or(q, "Marker", "")), (size_t)max };
    return RESULT_OK;
}

void query_page_end(struct query *q, const struct query_page *p, size_t n, const char *last)
{
    bool is_truncated = n > p->max;
    xml_element_str(q->out, "IsTruncated", is_truncated ? "true" : "false");
    if (is_truncated) {
        xml_element_str(q->out, "Marker", last);
    }
}

RESULT query_slice(struct query *q, size_t n, size_t *from, size_t *until, struct error *e)
{
    uint64_t max = QUERY_PAGE, first = 0;
    TRY(query_u64(q, "MaxItems", 1, QUERY_PAGE_MAX, QUERY_PAGE, &max, e));
    TRY(query_u64(q, "Marker", 0, UINT32_MAX, 0, &first, e));
    *from = first > n ? n : (size_t)first;
    *until = max > n - *from ? n : *from + (size_t)max;
    return RESULT_OK;
}

void query_slice_end(struct query *q, size_t n, size_t until)
{
    xml_element_str(q->out, "IsTruncated", until < n ? "true" : "false");
    if (until < n) {
        xml_element_u64(q->out, "Marker", until);
    }
}

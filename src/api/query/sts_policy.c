/* Session policies of STS, and the names of roles. */
#include "api/query/sts_priv.h"

#define SESSION_POLICIES_MAX 10

/* Statements of one document, written behind those before. Their Sids go: they could be doubled. */
static RESULT statement_add(struct jsonw *w, struct json st, struct error *e)
{
    CLEANUP(buf_done_p) struct buf value = BUF(POLICY_MAX);
    struct json_iter it = { 0 };
    struct bytes key;
    struct json v;
    if (json_type(st) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "a statement is an object");
    }
    jsonw_object(w);
    while (json_next_member(st, &it, &key, &v)) {
        if (!bytes_equal_str(key, "Sid")) {
            buf_reset(&value);
            TRY_MSG(json_canonical(v, &value, e), e, "session policy");
            jsonw_key_bytes(w, key);
            jsonw_raw(w, buf_bytes(&value));
        }
    }
    jsonw_object_end(w);
    return RESULT_OK;
}

static RESULT document_add(struct jsonw *w, struct bytes document, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json statements, one;
    struct json_iter it = { 0 };
    struct bytes version;
    TRY_MSG(json_parse(document, POLICY_MAX, &doc, e), e, "session policy");
    if (!result_is_ok(json_get_str(json_root(doc), "Version", &version, NULL)) ||
        !bytes_equal_str(version, "2012-10-17")) {
        FAIL(e, ERRC_FORMAT, "session policy: Version 2012-10-17");
    }
    TRY(json_get(json_root(doc), "Statement", &statements, e));
    if (json_type(statements) == JSON_OBJECT) {
        return statement_add(w, statements, e);
    }
    while (json_next(statements, &it, &one)) {
        TRY(statement_add(w, one, e));
    }
    return RESULT_OK;
}

static RESULT managed_add(struct query *q, struct iam_cx *c, struct jsonw *w, const char *arn,
                          struct error *e)
{
    struct bytes name;
    struct iam_subject s;
    struct managed_version *list;
    size_t n;
    if (!result_is_ok(arn_name(bytes_str(arn), "policy", c->account, &name, NULL))) {
        FAIL(e, ERRC_NOT_FOUND, "PolicyArns: %.256s is not a policy of this account", arn);
    }
    TRY(iam_find(c, IAM_POLICY, arena_str(q->arena, name), &s, e));
    TRY(managed_versions(q->l->api->directory, s.id, q->arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (list[i].is_default) {
            return document_add(w, bytes_str(list[i].document), e);
        }
    }
    FAIL(e, ERRC_NOT_FOUND, "PolicyArns: %.256s has no default version", arn);
}

RESULT sts_session_policy(struct query *q, struct iam_cx *c, const char **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(POLICY_MAX);
    const char *own = query_text(q, "Policy"), *arn = query_member(q, "PolicyArns", 0, "arn");
    struct bytes document;
    struct jsonw w;
    *ret = "";
    if (own != NULL) {
        TRY(query_policy(q, "Policy", POLICY_IDENTITY, &document, e));
    }
    if (arn == NULL) {
        *ret = own != NULL ? own : "";
        return RESULT_OK;
    }
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "Statement");
    jsonw_array(&w);
    if (own != NULL) {
        TRY(document_add(&w, document, e));
    }
    for (size_t i = 0; (arn = query_member(q, "PolicyArns", i, "arn")) != NULL; i++) {
        if (i == SESSION_POLICIES_MAX) {
            FAIL(e, ERRC_LIMIT, "at most %d PolicyArns", SESSION_POLICIES_MAX);
        }
        TRY(managed_add(q, c, &w, arn, e));
    }
    jsonw_array_end(&w);
    jsonw_kv_cstr(&w, "Version", "2012-10-17");
    jsonw_object_end(&w);
    if (!result_is_ok(buf_result(&out))) {
        QUERY_FAIL(q, e, 400, "PackedPolicyTooLarge", ERRC_LIMIT,
                   "session policies: at most %d bytes together", POLICY_MAX);
    }
    *ret = arena_str(q->arena, buf_bytes(&out));
    return RESULT_OK;
}

RESULT sts_role_arn(struct query *q, const char *arn, char ret_realm[TENANT_NAME_BYTES],
                    const char **ret_name, struct error *e)
{
    struct bytes rest = bytes_str(arn), account, name;
    struct bytes prefix = BYTES_LIT("arn:aws:iam::");
    if (!bytes_has_prefix(rest, prefix)) {
        FAIL(e, ERRC_FORMAT, "RoleArn: %.256s is invalid", arn);
    }
    account = bytes_slice(rest, prefix.n, prefix.n + ACCOUNT_BYTES - 1);
    const char *text = arena_str(q->arena, account);
    if (!result_is_ok(arn_name(rest, "role", text, &name, NULL))) {
        FAIL(e, ERRC_FORMAT, "RoleArn: %.256s is invalid", arn);
    }
    if (!result_is_ok(realm_of_account(q->l->api->directory, account, ret_realm, NULL))) {
        return sts_refuse(q, q->who.p != NULL ? q->who.p->realm : NULL, "sts:AssumeRole", arn,
                          "no such role for this caller", e);
    }
    *ret_name = arena_str(q->arena, name);
    return RESULT_OK;
}

/*
 * Bucket policies, and the block that keeps them from letting the world in.
 *
 * A policy that lets anybody in is refused unless the bucket's public access was allowed by name
 * before: PutPublicAccessBlock with BlockPublicPolicy and RestrictPublicBuckets false, by a person
 * with a second factor who may s3:PutBucketPublicAccessBlock. The name of such a bucket is unique
 * in the deployment, since who comes without credentials names no tenant. Blocking again, or
 * deleting the configuration, shuts the world out at once, whatever the policy says.
 */
#include "api/s3/access.h"
#include "api/s3/body.h"
#include "api/s3/bucket.h"
#include "net/xml.h"

/* The bucket's row; NOT_FOUND leaves an empty one. False: answered. */
static bool row_find(struct s3_request *r, struct bucket_policy *ret)
{
    struct error e;
    struct result res =
            bucket_policy_get(r->l->api->directory, r->p->realm, r->bucket.id, r->arena, ret, &e);
    if (res.code == ERRC_NOT_FOUND) {
        *ret = (struct bucket_policy){ .document = "", .public_by = "" };
        return true;
    }
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
    }
    return result_is_ok(res);
}

static bool has_policy(struct s3_request *r, struct bucket_policy *ret)
{
    if (!row_find(r, ret)) {
        return false;
    }
    if (ret->document[0] == '\0') {
        s3_fail(r, S3_NO_SUCH_BUCKET_POLICY, NULL);
        return false;
    }
    return true;
}

static bool look_log(struct s3_request *r)
{
    struct error e;
    if (!result_is_ok(vault_bucket_look(&r->cx, &r->bucket, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return false;
    }
    return true;
}

void s3_get_bucket_policy(struct s3_request *r)
{
    struct bucket_policy row;
    if (!look_log(r) || !has_policy(r, &row)) {
        return;
    }
    s3_common_headers(r);
    result_ignore(http_respond(r->x, 200, "application/json", bytes_str(row.document), NULL));
}

void s3_get_bucket_policy_status(struct s3_request *r)
{
    struct bucket_policy row;
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    if (!look_log(r) || !has_policy(r, &row)) {
        return;
    }
    bool is_public = row.public_by[0] != '\0' &&
                     (!result_is_ok(policy_compile(bytes_str(row.document), POLICY_RESOURCE, "", &p,
                                                   NULL)) ||
                      policy_is_public(p));
    CLEANUP(buf_done_p) struct buf xml = BUF(1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "PolicyStatus", S3_XMLNS);
    xml_element_str(&xml, "IsPublic", is_public ? "true" : "false");
    xml_close(&xml, "PolicyStatus");
    s3_reply_xml(r, &xml);
}

/* --- changes --- */

struct change {
    struct s3_request *r;
    const struct bucket_policy *was; /* what it was decided by */
    struct bytes document;
    const char *public_by;
};

static void row_out(struct buf *out, const char *bucket, struct bytes document,
                    const char *public_by)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "bucket", bucket);
    jsonw_kv_str(&w, "policy", document);
    jsonw_kv_cstr(&w, "public_by", public_by);
    jsonw_object_end(&w);
}

static RESULT row_save(void *arg, struct buf *after, struct error *e)
{
    struct change *c = arg;
    struct s3_request *r = c->r;
    struct directory *d = r->l->api->directory;
    if (c->document.n == 0 && c->public_by[0] == '\0') {
        struct result res = bucket_policy_delete(d, r->p->realm, r->bucket.id, c->was, e);
        return res.code == ERRC_NOT_FOUND ? RESULT_OK : res;
    }
    TRY(bucket_policy_put(d, r->p->realm, r->bucket.id, r->bucket.name, c->document, c->public_by,
                          c->was, e));
    row_out(after, r->bucket.name, c->document, c->public_by);
    return RESULT_OK;
}

static bool row_change(struct s3_request *r, const char *kind, const struct bucket_policy *before,
                       struct change *c)
{
    CLEANUP(buf_done_p) struct buf old = BUF(4 * POLICY_MAX);
    struct error e;
    struct api_who who = {
        .p = r->p,
        .ip = r->http->peer_host,
        .agent = r->cx.agent,
        .request_id = r->id,
        .is_tls = r->http->is_tls,
        .has_certificate = r->http->client_certificate != NULL,
        .mfa_ms = r->p->token_mfa_ms,
    };
    c->r = r;
    c->was = before;
    row_out(&old, r->bucket.name, bytes_str(before->document), before->public_by);
    struct api_act act = {
        .kind = kind,
        .realm = r->p->realm,
        .target = arena_printf(r->arena, "arn:aws:s3:::%s", r->bucket.name),
        .before = buf_bytes(&old),
        .grant = r->p->grant[0] != '\0' ? r->p->grant : NULL,
    };
    struct result res = api_act_run(r->l, &who, &act, row_save, c, &e);
    if (res.code == ERRC_EXISTS) {
        s3_fail(r, S3_ACCESS_DENIED,
                "A public bucket of that name exists in this deployment already.");
    } else if (res.code == ERRC_CONFLICT) {
        s3_fail(r, S3_CONDITIONAL_REQUEST_CONFLICT, NULL);
    } else if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
    }
    return result_is_ok(res);
}

static bool is_of_bucket(const struct s3_request *r, struct json resource)
{
    struct bytes v, prefix = BYTES_LIT("arn:aws:s3:::"), rest;
    if (!result_is_ok(json_str(resource, &v)) || !bytes_has_prefix(v, prefix)) {
        return false;
    }
    rest = bytes_slice(v, prefix.n, v.n);
    size_t n = strlen(r->bucket.name);
    return bytes_has_prefix(rest, bytes_str(r->bucket.name)) && (rest.n == n || rest.p[n] == '/');
}

/* A statement speaks of this bucket and its objects: of others it would have no effect. */
static bool statement_is_of_bucket(const struct s3_request *r, struct json statement)
{
    struct json resource, one;
    struct json_iter it = { 0 };
    if (!result_is_ok(json_get(statement, "Resource", &resource, NULL))) {
        return true; /* NotResource */
    }
    if (json_type(resource) != JSON_ARRAY) {
        return is_of_bucket(r, resource);
    }
    while (json_next(resource, &it, &one)) {
        if (!is_of_bucket(r, one)) {
            return false;
        }
    }
    return true;
}

static bool document_is_of_bucket(const struct s3_request *r, struct bytes document)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json statements, one;
    struct json_iter it = { 0 };
    if (!result_is_ok(json_parse(document, POLICY_MAX, &doc, NULL)) ||
        !result_is_ok(json_get(json_root(doc), "Statement", &statements, NULL))) {
        return false;
    }
    if (json_type(statements) == JSON_OBJECT) {
        return statement_is_of_bucket(r, statements);
    }
    while (json_next(statements, &it, &one)) {
        if (!statement_is_of_bucket(r, one)) {
            return false;
        }
    }
    return true;
}

void s3_put_bucket_policy(struct s3_request *r)
{
    CLEANUP(buf_done_p) struct buf body = BUF(POLICY_MAX);
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    struct bucket_policy row;
    enum s3_error err = S3_OK;
    struct error e;
    if (!s3_body_read_all(r, &body, &err, &e)) {
        s3_fail(r, err, e.msg);
        return;
    }
    if (!result_is_ok(policy_compile(buf_bytes(&body), POLICY_RESOURCE, "bucket policy", &p, &e))) {
        s3_fail(r, S3_MALFORMED_POLICY, e.msg);
        return;
    }
    if (!document_is_of_bucket(r, buf_bytes(&body))) {
        s3_fail(r, S3_MALFORMED_POLICY, "Policy has invalid resource");
        return;
    }
    if (!row_find(r, &row)) {
        return;
    }
    if (policy_is_public(p) && row.public_by[0] == '\0') {
        r->denied_action = "s3:PutBucketPolicy";
        s3_refusal_log(r, S3_ACCESS_DENIED);
        s3_fail(r, S3_ACCESS_DENIED,
                "User is not authorized to perform: s3:PutBucketPolicy because public policies are "
                "prevented by the BlockPublicPolicy setting in S3 Block Public Access.");
        return;
    }
    struct change c = { .document = buf_bytes(&body), .public_by = row.public_by };
    if (row_change(r, "bucket.policy.put", &row, &c)) {
        s3_reply(r, 204);
    }
}

void s3_delete_bucket_policy(struct s3_request *r)
{
    struct bucket_policy row;
    if (!row_find(r, &row)) {
        return;
    }
    struct change c = { .document = BYTES_LIT(""), .public_by = row.public_by };
    if (row.document[0] == '\0' || row_change(r, "bucket.policy.delete", &row, &c)) {
        s3_reply(r, 204);
    }
}

/* --- the block --- */

void s3_get_public_access_block(struct s3_request *r)
{
    struct bucket_policy row;
    if (!look_log(r) || !row_find(r, &row)) {
        return;
    }
    const char *is_blocked = row.public_by[0] == '\0' ? "true" : "false";
    CLEANUP(buf_done_p) struct buf xml = BUF(1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "PublicAccessBlockConfiguration", S3_XMLNS);
    xml_element_str(&xml, "BlockPublicAcls", "true"); /* there are none */
    xml_element_str(&xml, "IgnorePublicAcls", "true");
    xml_element_str(&xml, "BlockPublicPolicy", is_blocked);
    xml_element_str(&xml, "RestrictPublicBuckets", is_blocked);
    xml_close(&xml, "PublicAccessBlockConfiguration");
    s3_reply_xml(r, &xml);
}

static void block_set(struct s3_request *r, bool is_blocked, unsigned status)
{
    struct bucket_policy row;
    if (!row_find(r, &row)) {
        return;
    }
    if (!is_blocked && (!r->p->is_person || r->p->token_mfa_ms == 0)) {
        r->denied_action = "s3:PutBucketPublicAccessBlock";
        s3_refusal_log(r, S3_ACCESS_DENIED);
        s3_fail(r, S3_ACCESS_DENIED,
                "Only a person with a second factor may allow public access: use the credentials "
                "of sts get-session-token with --serial-number and --token-code.");
        return;
    }
    const char *public_by = is_blocked ? "" : r->p->actor;
    struct change c = { .document = bytes_str(row.document), .public_by = public_by };
    if (strcmp(public_by, row.public_by) == 0 || row_change(r, "bucket.public", &row, &c)) {
        s3_reply(r, status);
    }
}

void s3_put_public_access_block(struct s3_request *r)
{
    const struct xml_node *root = s3_read_xml(r, "PublicAccessBlockConfiguration");
    if (root == NULL) {
        return;
    }
    bool blocks = bytes_equal_str(xml_child_text(root, "BlockPublicPolicy"), "true");
    bool restricts = bytes_equal_str(xml_child_text(root, "RestrictPublicBuckets"), "true");
    block_set(r, blocks || restricts, 200);
}

/* Without a configuration of its own a bucket is blocked. */
void s3_delete_public_access_block(struct s3_request *r)
{
    block_set(r, true, 204);
}

/* Buckets: listing, creating, deleting, and what they answer about themselves. */
#include "api/s3/bucket.h"

#include "api/s3/headers.h"
#include "api/s3/object.h"
#include "api/s3/xml_in.h"
#include "base/text.h"
#include "net/xml.h"

void s3_xml_owner(struct s3_request *r, struct buf *xml, const char *element)
{
    xml_open(xml, element);
    xml_element_str(xml, "ID", r->p->account);
    xml_element_str(xml, "DisplayName", r->p->realm);
    xml_close(xml, element);
}

#define BUCKETS_PAGE_MAX 10000

/* Where the page begins: continuation-token is the base64url of the last name given. False:
 * answered. */
static bool buckets_after(struct s3_request *r, struct bytes *ret)
{
    struct bytes token;
    *ret = BYTES_LIT("");
    if (!s3_param(r, "continuation-token", &token) || token.n == 0) {
        return true;
    }
    CLEANUP(buf_done_p) struct buf name = BUF(64);
    if (!result_is_ok(base64url_decode(token, &name))) {
        s3_fail(r, S3_INVALID_ARGUMENT, "The continuation token provided is incorrect");
        return false;
    }
    *ret = arena_bytes(r->arena, buf_bytes(&name));
    return true;
}

static void buckets_out(struct s3_request *r, struct buf *xml, const struct vault_bucket *list,
                        size_t n, struct bytes after, uint64_t max)
{
    struct bytes prefix = s3_param_or(r, "prefix", BYTES_LIT("")), last = BYTES_NONE;
    uint64_t given = 0;
    bool more = false;
    xml_open(xml, "Buckets");
    for (size_t i = 0; i < n && !more; i++) {
        struct bytes name = bytes_str(list[i].name);
        char date[TIME_TEXT_MAX];
        if (!bytes_has_prefix(name, prefix) || bytes_compare(name, after) <= 0) {
            continue;
        }
        if (given == max) {
            more = true;
            continue;
        }
        xml_open(xml, "Bucket");
        xml_element(xml, "Name", name);
        xml_element_str(xml, "CreationDate", time_rfc3339(list[i].created_ms, date));
        xml_element_str(xml, "BucketRegion", r->settings->region);
        xml_close(xml, "Bucket");
        last = name;
        given++;
    }
    xml_close(xml, "Buckets");
    if (more) {
        CLEANUP(buf_done_p) struct buf token = BUF(128);
        buf_add_base64url(&token, last);
        xml_element(xml, "ContinuationToken", buf_bytes(&token));
    }
    if (prefix.n > 0) {
        xml_element(xml, "Prefix", prefix);
    }
}

void s3_list_buckets(struct s3_request *r)
{
    struct vault_bucket *list = NULL;
    size_t n = 0;
    uint64_t max = 0;
    struct bytes after;
    struct error e;
    if (!s3_param_u64(r, "max-buckets", 1, BUCKETS_PAGE_MAX, BUCKETS_PAGE_MAX, &max) ||
        !buckets_after(r, &after)) {
        return;
    }
    if (!result_is_ok(vault_bucket_list(&r->cx, &list, &n, &e))) {
        s3_fail_with(r, S3_INTERNAL_ERROR, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(64u * 1024 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "ListAllMyBucketsResult", S3_XMLNS);
    s3_xml_owner(r, &xml, "Owner");
    buckets_out(r, &xml, list, n, after, max);
    xml_close(&xml, "ListAllMyBucketsResult");
    s3_reply_xml(r, &xml);
}

/* An optional <CreateBucketConfiguration><LocationConstraint>region. False: answered. */
static bool location_in(struct s3_request *r)
{
    if (!r->http->is_chunked && (!r->http->has_length || r->http->length == 0)) {
        return true;
    }
    const struct xml_node *root = s3_read_xml(r, "CreateBucketConfiguration");
    if (root == NULL) {
        return false;
    }
    struct bytes location = xml_child_text(root, "LocationConstraint");
    if (location.n > 0 && !bytes_equal_str(location, r->settings->region)) {
        s3_fail(r, S3_INVALID_LOCATION_CONSTRAINT,
                arena_printf(r->arena, "The location constraint must be %s here.",
                             r->settings->region));
        return false;
    }
    return true;
}

void s3_create_bucket(struct s3_request *r)
{
    struct error e;
    if (!s3_unsupported_in(r)) {
        return;
    }
    if (!vault_bucket_name_is_valid(r->bucket_name)) {
        s3_fail(r, S3_INVALID_BUCKET_NAME, NULL);
        return;
    }
    if (!location_in(r)) {
        return;
    }
    if (!result_is_ok(vault_bucket_create(&r->cx, r->bucket_name, &r->bucket, &e))) {
        s3_fail_with(r, S3_INTERNAL_ERROR, &e);
        return;
    }
    http_set_header_str(r->x, "Location", arena_printf(r->arena, "/%s", r->bucket.name));
    s3_reply(r, 200);
}

/* A look at what is known of the bucket is an act. False: answered. */
static bool look_log(struct s3_request *r)
{
    struct error e;
    struct result res = vault_bucket_look(&r->cx, &r->bucket, &e);
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
    }
    return result_is_ok(res);
}

void s3_head_bucket(struct s3_request *r)
{
    if (!look_log(r)) {
        return;
    }
    http_set_header_str(r->x, "x-amz-bucket-region", r->settings->region);
    s3_reply(r, 200);
}

void s3_delete_bucket(struct s3_request *r)
{
    struct error e;
    struct result res = vault_bucket_delete(&r->cx, r->bucket_name, &e);
    if (res.code == ERRC_CONFLICT) {
        s3_fail(r, S3_BUCKET_NOT_EMPTY, NULL);
    } else if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
    } else {
        s3_reply(r, 204);
    }
}

void s3_get_bucket_location(struct s3_request *r)
{
    if (!look_log(r)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(1024);
    bool is_default =
            strcmp(r->settings->region, "us-east-1") == 0; /* S3 answers it with an empty element */
    xml_begin(&xml);
    xml_open_ns(&xml, "LocationConstraint", S3_XMLNS);
    xml_text(&xml, bytes_str(is_default ? "" : r->settings->region));
    xml_close(&xml, "LocationConstraint");
    s3_reply_xml(r, &xml);
}

void s3_get_bucket_versioning(struct s3_request *r)
{
    if (!look_log(r)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "VersioningConfiguration", S3_XMLNS);
    xml_close(&xml, "VersioningConfiguration");
    s3_reply_xml(r, &xml);
}

void s3_acl_out(struct s3_request *r)
{
    CLEANUP(buf_done_p) struct buf xml = BUF(4096);
    xml_begin(&xml);
    xml_open_ns(&xml, "AccessControlPolicy", S3_XMLNS);
    s3_xml_owner(r, &xml, "Owner");
    xml_open(&xml, "AccessControlList");
    xml_open(&xml, "Grant");
    buf_add_str(&xml, "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                      "xsi:type=\"CanonicalUser\">");
    xml_element_str(&xml, "ID", r->p->account);
    xml_element_str(&xml, "DisplayName", r->p->realm);
    buf_add_str(&xml, "</Grantee>");
    xml_element_str(&xml, "Permission", "FULL_CONTROL");
    xml_close(&xml, "Grant");
    xml_close(&xml, "AccessControlList");
    xml_close(&xml, "AccessControlPolicy");
    s3_reply_xml(r, &xml);
}

void s3_get_bucket_acl(struct s3_request *r)
{
    if (!look_log(r)) {
        return;
    }
    s3_acl_out(r);
}

void s3_get_object_acl(struct s3_request *r)
{
    struct vault_object o;
    struct error e;
    if (!s3_version_in(r)) {
        return;
    }
    if (!result_is_ok(vault_head(&r->cx, &r->bucket, r->key, "", true, &o, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return;
    }
    s3_acl_out(r);
}

/*= 2.1.3-4 "encryption is on by default, the customer chooses algorithm and key per bucket" */
void s3_get_bucket_encryption(struct s3_request *r)
{
    if (!look_log(r)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(4096);
    bool is_kms = r->bucket.sse == VAULT_SSE_KMS;
    xml_begin(&xml);
    xml_open_ns(&xml, "ServerSideEncryptionConfiguration", S3_XMLNS);
    xml_open(&xml, "Rule");
    xml_open(&xml, "ApplyServerSideEncryptionByDefault");
    xml_element_str(&xml, "SSEAlgorithm", is_kms ? "aws:kms" : "AES256");
    if (is_kms && r->bucket.key_id[0] != '\0') {
        xml_element_str(&xml, "KMSMasterKeyID", s3_key_arn(r, r->bucket.key_id));
    }
    xml_close(&xml, "ApplyServerSideEncryptionByDefault");
    xml_element_str(&xml, "BucketKeyEnabled", "false");
    xml_close(&xml, "Rule");
    xml_close(&xml, "ServerSideEncryptionConfiguration");
    s3_reply_xml(r, &xml);
}

static void bucket_save(struct s3_request *r, const struct vault_bucket *b, unsigned status)
{
    struct error e;
    if (!result_is_ok(vault_bucket_set(&r->cx, b, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    s3_reply(r, status);
}

void s3_put_bucket_encryption(struct s3_request *r)
{
    const struct xml_node *root = s3_read_xml(r, "ServerSideEncryptionConfiguration");
    if (root == NULL) {
        return;
    }
    struct vault_bucket b = r->bucket;
    struct bytes key = BYTES_NONE;
    const char *why = NULL;
    enum s3_error err = s3_xml_encryption(root, &b.sse, &key, &why);
    if (err != S3_OK) {
        s3_fail(r, err, why);
        return;
    }
    b.key_id[0] = '\0';
    if (key.n > 0) {
        const char *id = NULL;
        struct key_info info;
        struct error e;
        if (!s3_key_id_in(r, key, &id)) {
            return;
        }
        if (!result_is_ok(keys_show(r->cx.keeper, r->cx.tenant, id, &info, &e))) {
            s3_fail_with(r, S3_KMS_NOT_FOUND, &e);
            return;
        }
        memcpy(b.key_id, info.id, sizeof(b.key_id));
    }
    bucket_save(r, &b, 200);
}

/* Back to the default, which is aws:kms under the tenant's default key: there is no unencrypted
 * state. */
void s3_delete_bucket_encryption(struct s3_request *r)
{
    struct vault_bucket b = r->bucket;
    b.sse = VAULT_SSE_KMS;
    b.key_id[0] = '\0';
    bucket_save(r, &b, 204);
}

/* ListObjects, ListObjectsV2, ListObjectVersions. */
#include "api/s3/bucket.h"

#include "api/s3/body.h"
#include "base/text.h"
#include "net/xml.h"

#define LISTING_XML_MAX (16u * 1024 * 1024)

static bool listing_run(struct s3_request *r, struct bytes after, uint64_t max_keys,
                        struct vault_listing *ret)
{
    struct error e;
    struct bytes encoding;
    struct vault_list q = {
        .bucket = &r->bucket,
        .prefix = s3_param_or(r, "prefix", BYTES_LIT("")),
        .delimiter = s3_param_or(r, "delimiter", BYTES_LIT("")),
        .after = after,
        .max_keys = (size_t)MIN(max_keys, 1000u),
    };
    if (s3_param(r, "encoding-type", &encoding) && encoding.n > 0 &&
        !bytes_equal_str(encoding, "url")) {
        s3_fail(r, S3_INVALID_ARGUMENT, "Invalid Encoding Method specified in Request");
        return false;
    }
    if (!result_is_ok(vault_list_objects(&r->cx, &q, ret, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return false;
    }
    return true;
}

static void head_out(struct s3_request *r, struct buf *xml, const char *root, uint64_t max_keys,
                     bool is_truncated)
{
    struct bytes delimiter, encoding;
    xml_begin(xml);
    xml_open_ns(xml, root, S3_XMLNS);
    xml_element_str(xml, "Name", r->bucket.name);
    s3_xml_key(r, xml, "Prefix", s3_param_or(r, "prefix", BYTES_LIT("")));
    if (s3_param(r, "delimiter", &delimiter) && delimiter.n > 0) {
        s3_xml_key(r, xml, "Delimiter", delimiter);
    }
    xml_element_u64(xml, "MaxKeys", MIN(max_keys, 1000u));
    if (s3_param(r, "encoding-type", &encoding) && encoding.n > 0) {
        xml_element(xml, "EncodingType", encoding);
    }
    xml_element_str(xml, "IsTruncated", is_truncated ? "true" : "false");
}

static void object_out(struct s3_request *r, struct buf *xml, const struct vault_object *o,
                       bool is_version, bool has_owner)
{
    char date[TIME_TEXT_MAX];
    const char *element = is_version ? "Version" : "Contents";
    xml_open(xml, element);
    s3_xml_key(r, xml, "Key", o->key);
    if (is_version) {
        xml_element_str(xml, "VersionId", o->version);
        xml_element_str(xml, "IsLatest", "true");
    }
    xml_element_str(xml, "LastModified", time_rfc3339(o->modified_ms, date));
    buf_add_str(xml, "<ETag>&quot;");
    xml_text(xml, bytes_str(o->etag));
    buf_add_str(xml, "&quot;</ETag>");
    for (unsigned c = 0; c < VAULT_MD5; c++) {
        if ((o->checksums.known & 1u << c) != 0) {
            xml_element_str(xml, "ChecksumAlgorithm", s3_checksum_name((enum vault_checksum)c));
        }
    }
    xml_element_u64(xml, "Size", o->size);
    xml_element_str(xml, "StorageClass", "STANDARD");
    if (has_owner) {
        s3_xml_owner(r, xml, "Owner");
    }
    xml_close(xml, element);
}

static void body_out(struct s3_request *r, struct buf *xml, const struct vault_listing *l,
                     bool is_version, bool has_owner)
{
    for (size_t i = 0; i < l->object_count; i++) {
        object_out(r, xml, &l->objects[i], is_version, has_owner);
    }
    for (size_t i = 0; i < l->prefix_count; i++) {
        xml_open(xml, "CommonPrefixes");
        s3_xml_key(r, xml, "Prefix", l->prefixes[i]);
        xml_close(xml, "CommonPrefixes");
    }
}

void s3_list_objects(struct s3_request *r)
{
    uint64_t max_keys = 0;
    struct vault_listing l;
    struct bytes marker = s3_param_or(r, "marker", BYTES_LIT(""));
    if (!s3_param_u64(r, "max-keys", 0, INT32_MAX, 1000, &max_keys) ||
        !listing_run(r, marker, max_keys, &l)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(LISTING_XML_MAX);
    head_out(r, &xml, "ListBucketResult", max_keys, l.is_truncated);
    s3_xml_key(r, &xml, "Marker", marker);
    if (l.is_truncated) {
        s3_xml_key(r, &xml, "NextMarker", l.next);
    }
    body_out(r, &xml, &l, false, true);
    xml_close(&xml, "ListBucketResult");
    s3_reply_xml(r, &xml);
}

/* Where a page of V2 begins: the token (base64url of a key) or start-after. False: answered. */
static bool after_of_v2(struct s3_request *r, struct bytes *ret)
{
    struct bytes token;
    *ret = s3_param_or(r, "start-after", BYTES_LIT(""));
    if (!s3_param(r, "continuation-token", &token)) {
        return true;
    }
    CLEANUP(buf_done_p) struct buf key = BUF(4 * VAULT_KEY_MAX);
    if (token.n == 0 || !result_is_ok(base64url_decode(token, &key))) {
        s3_fail(r, S3_INVALID_ARGUMENT, "The continuation token provided is incorrect");
        return false;
    }
    *ret = arena_bytes(r->arena, buf_bytes(&key));
    return true;
}

void s3_list_objects_v2(struct s3_request *r)
{
    uint64_t max_keys = 0;
    struct vault_listing l;
    struct bytes after, token, start;
    if (!s3_param_u64(r, "max-keys", 0, INT32_MAX, 1000, &max_keys) || !after_of_v2(r, &after) ||
        !listing_run(r, after, max_keys, &l)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(LISTING_XML_MAX);
    head_out(r, &xml, "ListBucketResult", max_keys, l.is_truncated);
    xml_element_u64(&xml, "KeyCount", l.object_count + l.prefix_count);
    if (s3_param(r, "start-after", &start)) {
        s3_xml_key(r, &xml, "StartAfter", start);
    }
    if (s3_param(r, "continuation-token", &token)) {
        xml_element(&xml, "ContinuationToken", token);
    }
    if (l.is_truncated) {
        CLEANUP(buf_done_p) struct buf next = BUF(8 * VAULT_KEY_MAX);
        buf_add_base64url(&next, l.next);
        xml_element(&xml, "NextContinuationToken", buf_bytes(&next));
    }
    body_out(r, &xml, &l, false,
             bytes_equal_str(s3_param_or(r, "fetch-owner", BYTES_LIT("")), "true"));
    xml_close(&xml, "ListBucketResult");
    s3_reply_xml(r, &xml);
}

/* A bucket that was never versioned: each object is its one version, "null". */
void s3_list_object_versions(struct s3_request *r)
{
    uint64_t max_keys = 0;
    struct vault_listing l;
    struct bytes marker = s3_param_or(r, "key-marker", BYTES_LIT(""));
    if (!s3_param_u64(r, "max-keys", 0, INT32_MAX, 1000, &max_keys) ||
        !listing_run(r, marker, max_keys, &l)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(LISTING_XML_MAX);
    head_out(r, &xml, "ListVersionsResult", max_keys, l.is_truncated);
    s3_xml_key(r, &xml, "KeyMarker", marker);
    xml_element(&xml, "VersionIdMarker", s3_param_or(r, "version-id-marker", BYTES_LIT("")));
    if (l.is_truncated) {
        s3_xml_key(r, &xml, "NextKeyMarker", l.next);
        xml_element_str(&xml, "NextVersionIdMarker", "null");
    }
    body_out(r, &xml, &l, true, true);
    xml_close(&xml, "ListVersionsResult");
    s3_reply_xml(r, &xml);
}

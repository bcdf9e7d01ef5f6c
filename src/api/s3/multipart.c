/* Multipart uploads: create, complete, abort, list parts, list uploads. UploadPart is in object.c,
 * its copy in copy.c. */
#include "api/s3/access.h"
#include "api/s3/body.h"
#include "api/s3/bucket.h"
#include "api/s3/headers.h"
#include "api/s3/object.h"
#include "api/s3/xml_in.h"
#include "base/text.h"
#include "net/xml.h"

#define RECEIPT_MAX (128 * 1024)

static bool checksum_in(struct s3_request *r, struct vault_put *put)
{
    struct bytes algorithm = s3_header(r, "x-amz-checksum-algorithm"),
                 type = s3_header(r, "x-amz-checksum-type");
    enum vault_checksum which;
    if (algorithm.p == NULL) {
        return true;
    }
    if (!s3_checksum_by_name(algorithm, &which)) {
        s3_fail(r, S3_INVALID_REQUEST, "Checksum algorithm provided is unsupported.");
        return false;
    }
    put->checksums_wanted = 1u << which;
    put->is_checksum_full = which == VAULT_CRC64NVME || bytes_equal_str(type, "FULL_OBJECT");
    if ((put->is_checksum_full && (which == VAULT_SHA1 || which == VAULT_SHA256)) ||
        (which == VAULT_CRC64NVME && bytes_equal_str(type, "COMPOSITE"))) {
        s3_fail(r, S3_INVALID_REQUEST,
                "The checksum type is not possible with this checksum algorithm.");
        return false;
    }
    return true;
}

void s3_create_upload(struct s3_request *r)
{
    struct vault_put put = { .bucket = &r->bucket, .key = r->key };
    struct vault_upload up;
    struct error e;
    if (!s3_unsupported_in(r) || !s3_metadata_in(r, &put) || !s3_encryption_in(r, &put) ||
        !s3_tagging_in(r, &put) || !s3_allow_tags(r, &put) || !checksum_in(r, &put)) {
        return;
    }
    if (!result_is_ok(vault_upload_create(&r->cx, &put, &up, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(64 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "InitiateMultipartUploadResult", S3_XMLNS);
    xml_element_str(&xml, "Bucket", r->bucket.name);
    xml_element(&xml, "Key", r->key);
    xml_element_str(&xml, "UploadId", up.id);
    xml_close(&xml, "InitiateMultipartUploadResult");
    enum vault_sse sse = put.sse != 0 ? put.sse : r->bucket.sse;
    http_set_header_str(r->x, "x-amz-server-side-encryption",
                        sse == VAULT_SSE_KMS ? "aws:kms" : "AES256");
    struct bytes algorithm = s3_header(r, "x-amz-checksum-algorithm");
    if (algorithm.p != NULL) {
        http_set_header(r->x, "x-amz-checksum-algorithm", algorithm);
        http_set_header_str(r->x, "x-amz-checksum-type",
                            put.is_checksum_full ? "FULL_OBJECT" : "COMPOSITE");
    }
    s3_reply_xml(r, &xml);
}

/* The x-amz-checksum headers as the finished object's. False: answered. */
static bool checksums_in(struct s3_request *r, struct vault_checksums *ret)
{
    r->checksums_are_of_object = true;
    for (unsigned c = 0; c < VAULT_MD5; c++) {
        enum vault_checksum which = (enum vault_checksum)c;
        struct bytes v = s3_header(r, s3_checksum_header(which)), suffix = v;
        if (v.p == NULL) {
            continue;
        }
        (void)bytes_split(&suffix, '-', &v); /* "-N" of a composite one */
        if (!s3_checksum_parse(v, which, ret->value[c].b)) {
            s3_fail(r, S3_INVALID_DIGEST, NULL);
            return false;
        }
        ret->value[c].n = (uint8_t)s3_checksum_len(which);
        ret->known |= 1u << c;
    }
    return true;
}

static bool parts_in(struct s3_request *r, struct vault_part **ret, size_t *ret_n)
{
    const struct xml_node *root = s3_read_xml(r, "CompleteMultipartUpload");
    if (root == NULL) {
        return false;
    }
    enum s3_error err = s3_xml_parts(root, r->arena, ret, ret_n);
    if (err != S3_OK) {
        s3_fail(r, err, NULL);
    }
    return err == S3_OK;
}

static void complete_fail(struct s3_request *r, struct result res, const struct error *e)
{
    switch (res.code) {
    case ERRC_FORMAT: /* the order was checked before */
        s3_fail(r, S3_BAD_DIGEST, "The checksum of the object is not the one you specified.");
        break;
    case ERRC_RANGE:
        s3_fail(r, S3_ENTITY_TOO_SMALL, NULL);
        break;
    case ERRC_INTEGRITY:
        s3_fail(r, S3_INVALID_PART, NULL);
        break;
    default:
        s3_fail_with(r, S3_NO_SUCH_UPLOAD, e);
    }
}

void s3_complete_upload(struct s3_request *r)
{
    struct vault_put settings;
    struct vault_part *parts = NULL;
    const char *id = NULL;
    size_t n = 0;
    struct error e;
    struct vault_conditions conditions = { 0 };
    struct vault_checksums announced = { 0 };
    if (!s3_upload_settings(r, &id, &settings) || !checksums_in(r, &announced) ||
        !parts_in(r, &parts, &n)) {
        return;
    }
    s3_conditions_in(r, "", &conditions);
    conditions.has_modified_since = conditions.has_unmodified_since = false;
    conditions.checksums = &announced;
    CLEANUP(buf_done_p) struct buf receipt = BUF(RECEIPT_MAX);
    struct vault_object o;
    struct result res = vault_upload_complete(&r->cx, &r->bucket, r->key, id, parts, n, &conditions,
                                              &o, &receipt, &e);
    if (!result_is_ok(res)) {
        complete_fail(r, res, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(64 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "CompleteMultipartUploadResult", S3_XMLNS);
    xml_element(&xml, "Location",
                bytes_str(arena_printf(r->arena, "https://%.*s%.*s", BYTES_FMT(r->http->host),
                                       BYTES_FMT(r->http->path))));
    xml_element_str(&xml, "Bucket", r->bucket.name);
    xml_element(&xml, "Key", r->key);
    xml_element_str(&xml, "ETag", arena_printf(r->arena, "\"%s\"", o.etag));
    s3_xml_checksums(r, &xml, &o.checksums, o.part_count);
    xml_close(&xml, "CompleteMultipartUploadResult");
    s3_encryption_headers(r, &o);
    s3_receipt_header(r, &receipt);
    s3_reply_xml(r, &xml);
}

void s3_abort_upload(struct s3_request *r)
{
    struct vault_put settings;
    const char *id = NULL;
    struct error e;
    if (!s3_upload_settings(r, &id, &settings)) {
        return;
    }
    if (!result_is_ok(vault_upload_abort(&r->cx, &r->bucket, r->key, id, &e))) {
        s3_fail_with(r, S3_NO_SUCH_UPLOAD, &e);
        return;
    }
    s3_reply(r, 204);
}

static void part_out(struct s3_request *r, struct buf *xml, const struct vault_part *p)
{
    char date[TIME_TEXT_MAX];
    xml_open(xml, "Part");
    xml_element_u64(xml, "PartNumber", p->number);
    xml_element_str(xml, "LastModified", time_rfc3339(p->modified_ms, date));
    xml_element_str(xml, "ETag", arena_printf(r->arena, "\"%s\"", p->etag));
    xml_element_u64(xml, "Size", p->size);
    s3_xml_checksums(r, xml, &p->checksums, 0);
    xml_close(xml, "Part");
}

void s3_list_parts(struct s3_request *r)
{
    struct vault_put settings;
    struct vault_part *parts = NULL;
    const char *id = NULL;
    size_t n = 0;
    uint64_t after = 0, max = 0;
    bool is_truncated = false;
    struct error e;
    if (!s3_param_u64(r, "part-number-marker", 0, VAULT_PARTS_MAX, 0, &after) ||
        !s3_param_u64(r, "max-parts", 0, INT32_MAX, 1000, &max) ||
        !s3_upload_settings(r, &id, &settings)) {
        return;
    }
    if (!result_is_ok(vault_upload_parts(&r->cx, &r->bucket, r->key, id, (uint32_t)after,
                                         (size_t)MIN(max, 1000u), &parts, &n, &is_truncated, &e))) {
        s3_fail_with(r, S3_NO_SUCH_UPLOAD, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(4u * 1024 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "ListPartsResult", S3_XMLNS);
    xml_element_str(&xml, "Bucket", r->bucket.name);
    s3_xml_key(r, &xml, "Key", r->key);
    xml_element_str(&xml, "UploadId", id);
    s3_xml_owner(r, &xml, "Initiator");
    s3_xml_owner(r, &xml, "Owner");
    xml_element_str(&xml, "StorageClass", "STANDARD");
    xml_element_u64(&xml, "PartNumberMarker", after);
    if (n > 0) {
        xml_element_u64(&xml, "NextPartNumberMarker", parts[n - 1].number);
    }
    xml_element_u64(&xml, "MaxParts", max);
    xml_element_str(&xml, "IsTruncated", is_truncated ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        part_out(r, &xml, &parts[i]);
    }
    xml_close(&xml, "ListPartsResult");
    s3_reply_xml(r, &xml);
}

void s3_list_uploads(struct s3_request *r)
{
    struct vault_upload *list = NULL;
    size_t n = 0;
    uint64_t max = 0;
    bool is_truncated = false;
    struct error e;
    struct bytes prefix = s3_param_or(r, "prefix", BYTES_LIT("")),
                 marker = s3_param_or(r, "key-marker", BYTES_LIT(""));
    struct bytes id_marker = s3_param_or(r, "upload-id-marker", BYTES_LIT("")), delimiter;
    if (s3_param(r, "delimiter", &delimiter) && delimiter.n > 0) {
        s3_fail(r, S3_NOT_IMPLEMENTED, "A delimiter in ListMultipartUploads is not implemented.");
        return;
    }
    if (!s3_param_u64(r, "max-uploads", 0, INT32_MAX, 1000, &max)) {
        return;
    }
    if (!result_is_ok(vault_upload_list(&r->cx, &r->bucket, prefix, marker,
                                        arena_str(r->arena, id_marker), (size_t)MIN(max, 1000u),
                                        &list, &n, &is_truncated, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(16u * 1024 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "ListMultipartUploadsResult", S3_XMLNS);
    xml_element_str(&xml, "Bucket", r->bucket.name);
    s3_xml_key(r, &xml, "KeyMarker", marker);
    xml_element(&xml, "UploadIdMarker", id_marker);
    if (is_truncated && n > 0) {
        s3_xml_key(r, &xml, "NextKeyMarker", list[n - 1].key);
        xml_element_str(&xml, "NextUploadIdMarker", list[n - 1].id);
    }
    s3_xml_key(r, &xml, "Prefix", prefix);
    xml_element_u64(&xml, "MaxUploads", max);
    xml_element_str(&xml, "IsTruncated", is_truncated ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        char date[TIME_TEXT_MAX];
        xml_open(&xml, "Upload");
        s3_xml_key(r, &xml, "Key", list[i].key);
        xml_element_str(&xml, "UploadId", list[i].id);
        s3_xml_owner(r, &xml, "Initiator");
        s3_xml_owner(r, &xml, "Owner");
        xml_element_str(&xml, "StorageClass", "STANDARD");
        xml_element_str(&xml, "Initiated", time_rfc3339(list[i].created_ms, date));
        xml_close(&xml, "Upload");
    }
    xml_close(&xml, "ListMultipartUploadsResult");
    s3_reply_xml(r, &xml);
}

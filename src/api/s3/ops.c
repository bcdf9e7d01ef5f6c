/*
 * The table of operations. The first line that fits is taken: sub-resources stand before the plain
 * form. Sub-resources that S3 knows and this table lacks answer NotImplemented.
 */
#include "api/s3/bucket.h"
#include "api/s3/object.h"

const struct s3_op s3_ops[] = {
    { "ListBuckets", "GET", S3_SERVICE, NULL, NULL, false, s3_list_buckets },

    { "GetBucketLocation", "GET", S3_BUCKET, "location", NULL, true, s3_get_bucket_location },
    { "GetBucketVersioning", "GET", S3_BUCKET, "versioning", NULL, true, s3_get_bucket_versioning },
    { "GetBucketAcl", "GET", S3_BUCKET, "acl", NULL, true, s3_get_bucket_acl },
    { "GetBucketEncryption", "GET", S3_BUCKET, "encryption", NULL, true, s3_get_bucket_encryption },
    { "PutBucketEncryption", "PUT", S3_BUCKET, "encryption", NULL, true, s3_put_bucket_encryption },
    { "DeleteBucketEncryption", "DELETE", S3_BUCKET, "encryption", NULL, true,
      s3_delete_bucket_encryption },
    { "ListMultipartUploads", "GET", S3_BUCKET, "uploads", NULL, true, s3_list_uploads },
    { "ListObjectVersions", "GET", S3_BUCKET, "versions", NULL, true, s3_list_object_versions },
    { "ListObjectsV2", "GET", S3_BUCKET, "list-type", NULL, true, s3_list_objects_v2 },
    { "DeleteObjects", "POST", S3_BUCKET, "delete", NULL, true, s3_delete_objects },
    { "CreateBucket", "PUT", S3_BUCKET, NULL, NULL, false, s3_create_bucket },
    { "HeadBucket", "HEAD", S3_BUCKET, NULL, NULL, true, s3_head_bucket },
    { "DeleteBucket", "DELETE", S3_BUCKET, NULL, NULL, true, s3_delete_bucket },
    { "ListObjects", "GET", S3_BUCKET, NULL, NULL, true, s3_list_objects },

    { "GetObjectTagging", "GET", S3_OBJECT, "tagging", NULL, true, s3_get_object_tagging },
    { "PutObjectTagging", "PUT", S3_OBJECT, "tagging", NULL, true, s3_put_object_tagging },
    { "DeleteObjectTagging", "DELETE", S3_OBJECT, "tagging", NULL, true, s3_delete_object_tagging },
    { "GetObjectAttributes", "GET", S3_OBJECT, "attributes", NULL, true, s3_get_object_attributes },
    { "GetObjectAcl", "GET", S3_OBJECT, "acl", NULL, true, s3_get_object_acl },
    { "CreateMultipartUpload", "POST", S3_OBJECT, "uploads", NULL, true, s3_create_upload },
    { "UploadPartCopy", "PUT", S3_OBJECT, "uploadId", "x-amz-copy-source", true,
      s3_upload_part_copy },
    { "UploadPart", "PUT", S3_OBJECT, "uploadId", NULL, true, s3_upload_part },
    { "CompleteMultipartUpload", "POST", S3_OBJECT, "uploadId", NULL, true, s3_complete_upload },
    { "AbortMultipartUpload", "DELETE", S3_OBJECT, "uploadId", NULL, true, s3_abort_upload },
    { "ListParts", "GET", S3_OBJECT, "uploadId", NULL, true, s3_list_parts },
    { "CopyObject", "PUT", S3_OBJECT, NULL, "x-amz-copy-source", true, s3_copy_object },
    { "PutObject", "PUT", S3_OBJECT, NULL, NULL, true, s3_put_object },
    { "GetObject", "GET", S3_OBJECT, NULL, NULL, true, s3_get_object },
    { "HeadObject", "HEAD", S3_OBJECT, NULL, NULL, true, s3_head_object },
    { "DeleteObject", "DELETE", S3_OBJECT, NULL, NULL, true, s3_delete_object },
};
const size_t s3_op_count = ARRAY_LEN(s3_ops);

/* Sub-resources of S3: one of these in the query never falls through to a plain operation. */
static const char *const subresources[] = {
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "append",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
};

static bool fits(const struct s3_request *r, const struct s3_op *op)
{
    struct bytes v;
    return op->level == r->level && bytes_equal_str(r->http->method, op->method) &&
           (op->query == NULL || s3_param(r, op->query, &v)) &&
           (op->header == NULL || s3_header(r, op->header).p != NULL);
}

static const char *subresource_of(const struct s3_request *r)
{
    struct bytes v;
    for (size_t i = 0; i < ARRAY_LEN(subresources); i++) {
        if (s3_param(r, subresources[i], &v)) {
            return subresources[i];
        }
    }
    return NULL;
}

enum s3_error s3_route(struct s3_request *r)
{
    const char *sub = subresource_of(r);
    for (size_t i = 0; i < s3_op_count; i++) {
        const struct s3_op *op = &s3_ops[i];
        if (fits(r, op) && (sub == NULL || (op->query != NULL && strcmp(op->query, sub) == 0))) {
            r->op = op;
            return S3_OK;
        }
    }
    if (sub != NULL || bytes_equal_str(r->http->method, "POST") ||
        bytes_equal_str(r->http->method, "OPTIONS")) {
        return S3_NOT_IMPLEMENTED;
    }
    return S3_METHOD_NOT_ALLOWED;
}

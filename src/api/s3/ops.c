/*
 * The table of operations. The first line that fits is taken: sub-resources stand before the plain
 * form. Sub-resources that S3 knows and this table lacks answer NotImplemented.
 */
#include "api/s3/bucket.h"
#include "api/s3/object.h"

const struct s3_op s3_ops[] = {
    { "ListBuckets", "s3:ListAllMyBuckets", "GET", S3_SERVICE, NULL, NULL, false, s3_list_buckets },

    { "GetBucketLocation", "s3:GetBucketLocation", "GET", S3_BUCKET, "location", NULL, true,
      s3_get_bucket_location },
    { "GetBucketVersioning", "s3:GetBucketVersioning", "GET", S3_BUCKET, "versioning", NULL, true,
      s3_get_bucket_versioning },
    { "GetBucketAcl", "s3:GetBucketAcl", "GET", S3_BUCKET, "acl", NULL, true, s3_get_bucket_acl },
    { "GetBucketEncryption", "s3:GetEncryptionConfiguration", "GET", S3_BUCKET, "encryption", NULL,
      true, s3_get_bucket_encryption },
    { "PutBucketEncryption", "s3:PutEncryptionConfiguration", "PUT", S3_BUCKET, "encryption", NULL,
      true, s3_put_bucket_encryption },
    { "DeleteBucketEncryption", "s3:PutEncryptionConfiguration", "DELETE", S3_BUCKET, "encryption",
      NULL, true, s3_delete_bucket_encryption },
    { "GetBucketPolicy", "s3:GetBucketPolicy", "GET", S3_BUCKET, "policy", NULL, true,
      s3_get_bucket_policy },
    { "PutBucketPolicy", "s3:PutBucketPolicy", "PUT", S3_BUCKET, "policy", NULL, true,
      s3_put_bucket_policy },
    { "DeleteBucketPolicy", "s3:DeleteBucketPolicy", "DELETE", S3_BUCKET, "policy", NULL, true,
      s3_delete_bucket_policy },
    { "GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", "GET", S3_BUCKET, "policyStatus", NULL,
      true, s3_get_bucket_policy_status },
    { "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "GET", S3_BUCKET,
      "publicAccessBlock", NULL, true, s3_get_public_access_block },
    { "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "PUT", S3_BUCKET,
      "publicAccessBlock", NULL, true, s3_put_public_access_block },
    { "DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", "DELETE", S3_BUCKET,
      "publicAccessBlock", NULL, true, s3_delete_public_access_block },
    { "ListMultipartUploads", "s3:ListBucketMultipartUploads", "GET", S3_BUCKET, "uploads", NULL,
      true, s3_list_uploads },
    { "ListObjectVersions", "s3:ListBucketVersions", "GET", S3_BUCKET, "versions", NULL, true,
      s3_list_object_versions },
    { "ListObjectsV2", "s3:ListBucket", "GET", S3_BUCKET, "list-type", NULL, true,
      s3_list_objects_v2 },
    { "DeleteObjects", NULL, "POST", S3_BUCKET, "delete", NULL, true, s3_delete_objects },
    { "CreateBucket", "s3:CreateBucket", "PUT", S3_BUCKET, NULL, NULL, false, s3_create_bucket },
    { "HeadBucket", "s3:ListBucket", "HEAD", S3_BUCKET, NULL, NULL, true, s3_head_bucket },
    { "DeleteBucket", "s3:DeleteBucket", "DELETE", S3_BUCKET, NULL, NULL, true, s3_delete_bucket },
    { "ListObjects", "s3:ListBucket", "GET", S3_BUCKET, NULL, NULL, true, s3_list_objects },

    { "GetObjectTagging", "s3:GetObjectTagging", "GET", S3_OBJECT, "tagging", NULL, true,
      s3_get_object_tagging },
    { "PutObjectTagging", "s3:PutObjectTagging", "PUT", S3_OBJECT, "tagging", NULL, true,
      s3_put_object_tagging },
    { "DeleteObjectTagging", "s3:DeleteObjectTagging", "DELETE", S3_OBJECT, "tagging", NULL, true,
      s3_delete_object_tagging },
    { "GetObjectAttributes", "s3:GetObjectAttributes", "GET", S3_OBJECT, "attributes", NULL, true,
      s3_get_object_attributes },
    { "GetObjectAcl", "s3:GetObjectAcl", "GET", S3_OBJECT, "acl", NULL, true, s3_get_object_acl },
    { "CreateMultipartUpload", "s3:PutObject", "POST", S3_OBJECT, "uploads", NULL, true,
      s3_create_upload },
    { "UploadPartCopy", "s3:PutObject", "PUT", S3_OBJECT, "uploadId", "x-amz-copy-source", true,
      s3_upload_part_copy },
    { "UploadPart", "s3:PutObject", "PUT", S3_OBJECT, "uploadId", NULL, true, s3_upload_part },
    { "CompleteMultipartUpload", "s3:PutObject", "POST", S3_OBJECT, "uploadId", NULL, true,
      s3_complete_upload },
    { "AbortMultipartUpload", "s3:AbortMultipartUpload", "DELETE", S3_OBJECT, "uploadId", NULL,
      true, s3_abort_upload },
    { "ListParts", "s3:ListMultipartUploadParts", "GET", S3_OBJECT, "uploadId", NULL, true,
      s3_list_parts },
    { "CopyObject", "s3:PutObject", "PUT", S3_OBJECT, NULL, "x-amz-copy-source", true,
      s3_copy_object },
    { "PutObject", "s3:PutObject", "PUT", S3_OBJECT, NULL, NULL, true, s3_put_object },
    { "GetObject", "s3:GetObject", "GET", S3_OBJECT, NULL, NULL, true, s3_get_object },
    { "HeadObject", "s3:GetObject", "HEAD", S3_OBJECT, NULL, NULL, true, s3_head_object },
    { "DeleteObject", "s3:DeleteObject", "DELETE", S3_OBJECT, NULL, NULL, true, s3_delete_object },
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

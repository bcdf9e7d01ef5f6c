/* Headers of object requests: metadata in, metadata out, conditions, encryption, tags. */
#ifndef TROTH_API_S3_HEADERS_H
#define TROTH_API_S3_HEADERS_H

#include "api/s3/request.h"

#define S3_METADATA_MAX 2048 /* bytes of x-amz-meta- names and values */
#define S3_HEADERS_MAX  8192 /* bytes of the other headers that are kept */

/* content-type, cache-control..., x-amz-meta-*: into put. False: answered. */
bool s3_metadata_in(struct s3_request *r, struct vault_put *put);
/* x-amz-server-side-encryption and its key id. False: answered. */
bool s3_encryption_in(struct s3_request *r, struct vault_put *put);
/* x-amz-tagging. False: answered. */
bool s3_tagging_in(struct s3_request *r, struct vault_put *put);
/* Headers that promise something we do not do (ACLs but private, object lock, storage classes,
 * SSE-C, ...). False: answered. */
bool s3_unsupported_in(struct s3_request *r);
/* If-Match and kin; `prefix` "" or "x-amz-copy-source-". Malformed dates are ignored (RFC 9110). */
void s3_conditions_in(struct s3_request *r, const char *prefix, struct vault_conditions *ret);

void s3_etag_header(struct s3_request *r, const char *etag);
void s3_encryption_headers(struct s3_request *r, const struct vault_object *o);
void s3_checksum_headers(struct s3_request *r, const struct vault_object *o);
void s3_object_headers(struct s3_request *r, const struct vault_object *o);
void s3_receipt_header(struct s3_request *r, const struct buf *receipt);
const char *s3_key_arn(struct s3_request *r, const char *key_id);
void s3_checksum_text(const struct vault_checksums *c, enum vault_checksum which, uint32_t parts,
                      struct buf *out);
/* <ChecksumCRC32> and so on, for each that is known. */
void s3_xml_checksums(struct s3_request *r, struct buf *xml, const struct vault_checksums *c,
                      uint32_t parts);
/* "a=b&c=d" */
bool s3_tags_parse(struct s3_request *r, struct bytes in, struct vault_pair **ret, size_t *ret_n);
/* Accepts an id, or an ARN of this deployment and tenant. */
bool s3_key_id_in(struct s3_request *r, struct bytes v, const char **ret);

#endif

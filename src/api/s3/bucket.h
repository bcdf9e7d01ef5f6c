/* Operations on the service and on buckets; each answers the request. */
#ifndef TROTH_API_S3_BUCKET_H
#define TROTH_API_S3_BUCKET_H

#include "api/s3/request.h"

void s3_list_buckets(struct s3_request *r);
void s3_create_bucket(struct s3_request *r);
void s3_head_bucket(struct s3_request *r);
void s3_delete_bucket(struct s3_request *r);
void s3_get_bucket_location(struct s3_request *r);
void s3_get_bucket_versioning(struct s3_request *r);
void s3_get_bucket_acl(struct s3_request *r);
void s3_get_bucket_encryption(struct s3_request *r);
void s3_put_bucket_encryption(struct s3_request *r);
void s3_delete_bucket_encryption(struct s3_request *r);
void s3_list_objects(struct s3_request *r);
void s3_list_objects_v2(struct s3_request *r);
void s3_list_object_versions(struct s3_request *r);
void s3_list_uploads(struct s3_request *r);

/* <Owner> or <Initiator> ... of the tenant. */
void s3_xml_owner(struct s3_request *r, struct buf *xml, const char *element);
/* The access control policy that holds: the tenant, full control. */
void s3_acl_out(struct s3_request *r);

/* policy.c */
void s3_get_bucket_policy(struct s3_request *r);
void s3_put_bucket_policy(struct s3_request *r);
void s3_delete_bucket_policy(struct s3_request *r);
void s3_get_bucket_policy_status(struct s3_request *r);
void s3_get_public_access_block(struct s3_request *r);
void s3_put_public_access_block(struct s3_request *r);
void s3_delete_public_access_block(struct s3_request *r);

#endif

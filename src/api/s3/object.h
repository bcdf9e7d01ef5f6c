/* Operations on objects; each answers the request. */
#ifndef TROTH_API_S3_OBJECT_H
#define TROTH_API_S3_OBJECT_H

#include "api/s3/request.h"

void s3_put_object(struct s3_request *r);
void s3_get_object(struct s3_request *r);
void s3_head_object(struct s3_request *r);
void s3_delete_object(struct s3_request *r);
void s3_delete_objects(struct s3_request *r);
void s3_copy_object(struct s3_request *r);
void s3_get_object_tagging(struct s3_request *r);
void s3_put_object_tagging(struct s3_request *r);
void s3_delete_object_tagging(struct s3_request *r);
void s3_get_object_acl(struct s3_request *r);
void s3_get_object_attributes(struct s3_request *r);

void s3_create_upload(struct s3_request *r);
void s3_upload_part(struct s3_request *r);
void s3_upload_part_copy(struct s3_request *r);
void s3_complete_upload(struct s3_request *r);
void s3_abort_upload(struct s3_request *r);
void s3_list_parts(struct s3_request *r);

/* partNumber, the upload's settings, versionId (only "null" exists). False: answered. */
bool s3_part_number(struct s3_request *r, uint32_t *ret);
bool s3_upload_settings(struct s3_request *r, const char **ret_id, struct vault_put *ret);
bool s3_version_in(struct s3_request *r);

#endif

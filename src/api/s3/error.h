/* S3's error codes with their statuses, as clients know them ("Error Responses" of the S3 API
 * reference). */
#ifndef TROTH_API_S3_ERROR_H
#define TROTH_API_S3_ERROR_H

#include "base/error.h"

enum s3_error {
    S3_OK,
    S3_ACCESS_DENIED,
    S3_AUTHORIZATION_HEADER_MALFORMED,
    S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR,
    S3_BAD_DIGEST,
    S3_BUCKET_ALREADY_OWNED_BY_YOU,
    S3_BUCKET_NOT_EMPTY,
    S3_CONDITIONAL_REQUEST_CONFLICT,
    S3_ENTITY_TOO_LARGE,
    S3_ENTITY_TOO_SMALL,
    S3_EXPIRED_TOKEN,
    S3_INCOMPLETE_BODY,
    S3_INSUFFICIENT_STORAGE,
    S3_INTERNAL_ERROR,
    S3_INVALID_ACCESS_KEY_ID,
    S3_INVALID_ARGUMENT,
    S3_INVALID_BUCKET_NAME,
    S3_INVALID_DIGEST,
    S3_INVALID_LOCATION_CONSTRAINT,
    S3_INVALID_PART,
    S3_INVALID_PART_NUMBER,
    S3_INVALID_PART_ORDER,
    S3_INVALID_RANGE,
    S3_INVALID_REQUEST,
    S3_INVALID_TAG,
    S3_INVALID_TOKEN,
    S3_INVALID_URI,
    S3_KEY_TOO_LONG,
    S3_KMS_DISABLED,
    S3_KMS_NOT_FOUND,
    S3_MALFORMED_POLICY,
    S3_MALFORMED_TRAILER,
    S3_MALFORMED_XML,
    S3_METADATA_TOO_LARGE,
    S3_METHOD_NOT_ALLOWED,
    S3_MISSING_CONTENT_LENGTH,
    S3_NO_SUCH_BUCKET,
    S3_NO_SUCH_BUCKET_POLICY,
    S3_NO_SUCH_KEY,
    S3_NO_SUCH_TAG_SET,
    S3_NO_SUCH_UPLOAD,
    S3_NO_SUCH_VERSION,
    S3_NOT_IMPLEMENTED,
    S3_PRECONDITION_FAILED,
    S3_REQUEST_TIMEOUT,
    S3_REQUEST_TIME_TOO_SKEWED,
    S3_SERVICE_UNAVAILABLE,
    S3_SIGNATURE_DOES_NOT_MATCH,
    S3_CONTENT_SHA256_MISMATCH,
    S3_ERROR_COUNT_,
};

struct s3_error_info {
    const char *code;
    unsigned status;
    const char *message;
};
const struct s3_error_info *s3_error_info(enum s3_error err);

/* The S3 error for a code of the vault; not_found says what the thing looked for was. */
enum s3_error s3_error_of(enum errc code, enum s3_error not_found);

#endif

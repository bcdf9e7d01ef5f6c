/* The one table that maps errors to S3's codes, statuses and words. */
#include "api/s3/error.h"

static const struct s3_error_info table[S3_ERROR_COUNT_] = {
    [S3_OK] = { "OK", 200, "" },
    [S3_ACCESS_DENIED] = { "AccessDenied", 403, "Access Denied" },
    [S3_AUTHORIZATION_HEADER_MALFORMED] = { "AuthorizationHeaderMalformed", 400,
                                            "The authorization header that you provided is not "
                                            "valid." },
    [S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR] = { "AuthorizationQueryParametersError", 400,
                                                  "The authorization query parameters are not "
                                                  "valid." },
    [S3_BAD_DIGEST] = { "BadDigest", 400,
                        "The checksum you specified did not match what we received." },
    [S3_BUCKET_ALREADY_OWNED_BY_YOU] = { "BucketAlreadyOwnedByYou", 409,
                                         "Your previous request to create the named bucket "
                                         "succeeded and you already own it." },
    [S3_BUCKET_NOT_EMPTY] = { "BucketNotEmpty", 409,
                              "The bucket you tried to delete is not empty" },
    [S3_CONDITIONAL_REQUEST_CONFLICT] = { "ConditionalRequestConflict", 409,
                                          "A conflicting operation happened during this request. "
                                          "Try again." },
    [S3_ENTITY_TOO_LARGE] = { "EntityTooLarge", 400,
                              "Your proposed upload exceeds the maximum allowed object size." },
    [S3_ENTITY_TOO_SMALL] = { "EntityTooSmall", 400,
                              "Your proposed upload is smaller than the minimum allowed object "
                              "size." },
    [S3_EXPIRED_TOKEN] = { "ExpiredToken", 400, "The provided token has expired." },
    [S3_INCOMPLETE_BODY] = { "IncompleteBody", 400,
                             "You did not provide the number of bytes specified by the "
                             "Content-Length HTTP header." },
    [S3_INSUFFICIENT_STORAGE] = { "InsufficientStorage", 507,
                                  "The disk is full: reads go on, changes are refused until space "
                                  "is freed." },
    [S3_INTERNAL_ERROR] = { "InternalError", 500,
                            "We encountered an internal error. Please try again." },
    [S3_INVALID_ACCESS_KEY_ID] = { "InvalidAccessKeyId", 403,
                                   "The AWS Access Key Id you provided does not exist in our "
                                   "records." },
    [S3_INVALID_ARGUMENT] = { "InvalidArgument", 400, "Invalid Argument" },
    [S3_INVALID_BUCKET_NAME] = { "InvalidBucketName", 400, "The specified bucket is not valid." },
    [S3_INVALID_DIGEST] = { "InvalidDigest", 400,
                            "The Content-MD5 or checksum value you specified is not valid." },
    [S3_INVALID_PART] = { "InvalidPart", 400,
                          "One or more of the specified parts could not be found, or its entity "
                          "tag did not match." },
    [S3_INVALID_LOCATION_CONSTRAINT] = { "InvalidLocationConstraint", 400,
                                         "The specified location constraint is not valid." },
    [S3_INVALID_PART_NUMBER] = { "InvalidPartNumber", 416,
                                 "The requested partnumber is not satisfiable" },
    [S3_INVALID_PART_ORDER] = { "InvalidPartOrder", 400,
                                "The list of parts was not in ascending order. Parts must be "
                                "ordered by part number." },
    [S3_INVALID_RANGE] = { "InvalidRange", 416, "The requested range is not satisfiable" },
    [S3_INVALID_REQUEST] = { "InvalidRequest", 400, "Invalid Request" },
    [S3_INVALID_TAG] = { "InvalidTag", 400, "The tag provided was not a valid tag." },
    [S3_INVALID_TOKEN] = { "InvalidToken", 400,
                           "The provided token is malformed or otherwise not valid." },
    [S3_INVALID_URI] = { "InvalidURI", 400, "Could not parse the specified URI." },
    [S3_KEY_TOO_LONG] = { "KeyTooLongError", 400, "Your key is too long" },
    [S3_KMS_DISABLED] = { "KMS.DisabledException", 400, "The key is not usable." },
    [S3_KMS_NOT_FOUND] = { "KMS.NotFoundException", 400, "The key does not exist." },
    [S3_MALFORMED_POLICY] = { "MalformedPolicy", 400, "The policy is not valid." },
    [S3_MALFORMED_TRAILER] = { "MalformedTrailerError", 400,
                               "The request contained trailing data that was not well-formed or "
                               "did not conform to our published schema." },
    [S3_MALFORMED_XML] = { "MalformedXML", 400,
                           "The XML you provided was not well-formed or did not validate against "
                           "our published schema" },
    [S3_METADATA_TOO_LARGE] = { "MetadataTooLarge", 400,
                                "Your metadata headers exceed the maximum allowed metadata size" },
    [S3_METHOD_NOT_ALLOWED] = { "MethodNotAllowed", 405,
                                "The specified method is not allowed against this resource." },
    [S3_MISSING_CONTENT_LENGTH] = { "MissingContentLength", 411,
                                    "You must provide the Content-Length HTTP header." },
    [S3_NO_SUCH_BUCKET] = { "NoSuchBucket", 404, "The specified bucket does not exist" },
    [S3_NO_SUCH_BUCKET_POLICY] = { "NoSuchBucketPolicy", 404, "The bucket policy does not exist" },
    [S3_NO_SUCH_KEY] = { "NoSuchKey", 404, "The specified key does not exist." },
    [S3_NO_SUCH_TAG_SET] = { "NoSuchTagSet", 404, "The TagSet does not exist" },
    [S3_NO_SUCH_UPLOAD] = { "NoSuchUpload", 404,
                            "The specified upload does not exist. It may have been aborted or "
                            "completed." },
    [S3_NO_SUCH_VERSION] = { "NoSuchVersion", 404, "The specified version does not exist." },
    [S3_NOT_IMPLEMENTED] = { "NotImplemented", 501,
                             "A header or query you provided implies functionality that is not "
                             "implemented" },
    [S3_PRECONDITION_FAILED] = { "PreconditionFailed", 412,
                                 "At least one of the pre-conditions you specified did not hold" },
    [S3_REQUEST_TIMEOUT] = { "RequestTimeout", 400,
                             "Your socket connection to the server was not read from or written to "
                             "within the timeout period." },
    [S3_REQUEST_TIME_TOO_SKEWED] = { "RequestTimeTooSkewed", 403,
                                     "The difference between the request time and the current time "
                                     "is too large." },
    [S3_SERVICE_UNAVAILABLE] = { "ServiceUnavailable", 503,
                                 "A part of the service is restarting. Please try again." },
    [S3_SIGNATURE_DOES_NOT_MATCH] = { "SignatureDoesNotMatch", 403,
                                      "The request signature we calculated does not match the "
                                      "signature you provided." },
    [S3_CONTENT_SHA256_MISMATCH] = { "XAmzContentSHA256Mismatch", 400,
                                     "The provided 'x-amz-content-sha256' header does not match "
                                     "what was computed." },
};

const struct s3_error_info *s3_error_info(enum s3_error err)
{
    return (unsigned)err < S3_ERROR_COUNT_ ? &table[err] : &table[S3_INTERNAL_ERROR];
}

enum s3_error s3_error_of(enum errc code, enum s3_error not_found)
{
    switch (code) {
    case ERRC_OK:
        return S3_OK;
    case ERRC_NOT_FOUND:
        return not_found;
    case ERRC_FORMAT:
    case ERRC_RANGE:
        return S3_INVALID_ARGUMENT;
    case ERRC_LIMIT:
        return S3_ENTITY_TOO_LARGE;
    case ERRC_EXISTS:
        return S3_BUCKET_ALREADY_OWNED_BY_YOU;
    case ERRC_CONFLICT:
        return S3_PRECONDITION_FAILED;
    case ERRC_DENIED:
    case ERRC_EXPIRED:
        return S3_KMS_DISABLED;
    case ERRC_CLOSED:
        return S3_INCOMPLETE_BODY;
    case ERRC_UNSUPPORTED:
        return S3_NOT_IMPLEMENTED;
    case ERRC_FULL:
        return S3_INSUFFICIENT_STORAGE;
    case ERRC_AGAIN:
    case ERRC_TIMEOUT: /* of another role */
    case ERRC_NOMEM:
        return S3_SERVICE_UNAVAILABLE;
    case ERRC_IO:
    case ERRC_INTEGRITY:
    case ERRC_BUG:
    case ERRC_COUNT_:
        break;
    }
    return S3_INTERNAL_ERROR;
}

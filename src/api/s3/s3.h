/*
 * The S3 side: REST over HTTPS with SigV4. One file per group of operations, one table (s3_ops.c)
 * that routes to them. Requests for other AWS services that come to the same address (scope service
 * sts, iam, kms) are told apart here.
 */
#ifndef TROTH_API_S3_S3_H
#define TROTH_API_S3_S3_H

#include "api/api.h"

/* Answers any request that is not one of the service's own paths. */
void s3_handle(struct api_loop *l, struct http_exchange *x);

/*
 * True when the request carries S3 credentials (Authorization: AWS4-..., or X-Amz-Signature in the
 * query): then /healthz, /metrics and /log/ are bucket names like any other.
 */
bool s3_is_signed(const struct http_exchange *x);

#endif

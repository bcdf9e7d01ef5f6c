/*
 * AWS's query protocol, for STS and IAM at the same address as S3: POST / with a form body (Action,
 * Version), SigV4 with the scope's service "sts" or "iam", answers in XML. One table of actions;
 * the ones that AWS has and this table lacks answer NotImplemented.
 *
 * Thin: parameters -> one function of api/iam/ or of identity -> XML.
 */
#ifndef TROTH_API_QUERY_QUERY_H
#define TROTH_API_QUERY_QUERY_H

#include "api/act.h"

#define QUERY_BODY_MAX (256 * 1024)

/* At "/", with SigV4 in the header or presigned, whose scope names "sts" or "iam". */
bool query_is_signed(const struct http_exchange *x);
void query_handle(struct api_loop *l, struct http_exchange *x);
/* POST / without a signature, with a form body: AssumeRoleWithWebIdentity alone. */
bool query_is_unsigned(const struct http_exchange *x);
void query_handle_unsigned(struct api_loop *l, struct http_exchange *x);

#endif

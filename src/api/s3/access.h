/*
 * What S3 asks of the decision (identity/access.h): the action of each operation on its bucket or
 * object, with the condition keys of S3, and asked again while a long body runs.
 */
#ifndef TROTH_API_S3_ACCESS_H
#define TROTH_API_S3_ACCESS_H

#include "api/s3/request.h"

/*
 * May this request do `action` on `key` of the bucket (key.p NULL: on the bucket; bucket NULL: on
 * none of them, "*")? With the bucket's policy, where it has one. Nothing is answered.
 */
bool s3_may(struct s3_request *r, const char *action, const struct vault_bucket *bucket,
            struct bytes key);
/* The same, and AccessDenied is answered and recorded when it may not. */
bool s3_allow(struct s3_request *r, const char *action, const struct vault_bucket *bucket,
              struct bytes key);
/* Tags that come with a new object are a right of their own. False: answered. */
bool s3_allow_tags(struct s3_request *r, const struct vault_put *put);
/* The operation's own action, by its level and table line. A bucket that is not there is decided
 * without a policy, so that who may not ask does not learn whether it is. False: answered. */
bool s3_allow_op(struct s3_request *r, bool bucket_is_there);
/*
 * Still: to be asked between parts of a body. Cheap while nothing was changed; after a freeze, the
 * end of a token or grant, a change of policies, decides anew.
 */
bool s3_may_still(struct s3_request *r);

/* Condition keys of the request, in its arena; made at the first decision. */
const struct policy_key *s3_condition_keys(struct s3_request *r, size_t *ret_n);

#endif

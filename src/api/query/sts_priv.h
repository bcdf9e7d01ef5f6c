/* What the calls of STS share. */
#ifndef TROTH_API_QUERY_STS_PRIV_H
#define TROTH_API_QUERY_STS_PRIV_H

#include "api/query/query_priv.h"
#include "identity/grant.h"
#include "identity/token.h"

#define STS_CHAIN_MAX_S 3600 /* a role assumed by a session of a role */

/* A session that is being made. */
struct sts_session {
    struct iam_cx cx; /* of the realm it will act in; cx.grant: by which grant */
    struct token_new token;
    const char *kind;    /* of the entry */
    const char *target;  /* ARN of the role or user */
    const char *role_id; /* of a role of the realm's own; "" or NULL: none */
    size_t policy_bytes;
};

/* Makes it (two entries) and writes Credentials; AssumedRoleUser too where there is a role. */
RESULT sts_session_make(struct query *q, struct sts_session *s, struct error *e);

/* Policy and PolicyArns as one document: what one of them allows. NULL: none were sent. */
RESULT sts_session_policy(struct query *q, struct iam_cx *c, const char **ret, struct error *e);

/* "arn:aws:iam::ACCOUNT:role/PATH/NAME": whose, and its name. */
RESULT sts_role_arn(struct query *q, const char *arn, char ret_realm[TENANT_NAME_BYTES],
                    const char **ret_name, struct error *e);
/* RoleSessionName, checked. */
RESULT sts_session_name(struct query *q, const char **ret, struct error *e);
/* DurationSeconds up to max, as an end; not past `limit_ms` where that is not 0. */
RESULT sts_end(struct query *q, uint64_t fallback_s, uint64_t max_s, int64_t limit_ms,
               int64_t *ret_ms, struct error *e);

/* AccessDenied in AWS's words, with an entry in `realm`'s log. */
RESULT sts_refuse(struct query *q, const char *realm, const char *action, const char *resource,
                  const char *why, struct error *e);

#endif

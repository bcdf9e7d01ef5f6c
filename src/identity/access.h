/*
 * The decision: may this principal do this action on this resource of this realm, now, from here.
 * Pure: what it needs is in the query. Order:
 *
 *   1. frozen, suspended, ended or expired                       -> denied
 *      a frozen realm: whoever asks, no object is touched and nothing changed but to thaw it
 *   2. an administrative action of a person from outside the networks of its home, or without the
 *      client certificate that its home asks for (origin.h)     -> denied
 *   3. another realm than its own: of the provider's staff a running grant of that realm decides
 *      (by its role, and the grant's limits), anything else      -> denied
 *   4. an administrative action, by a person whose policies reach two of the three administrators
 *      (own ones, roles, a running grant and the assumed role together)         -> denied
 *   5. the policies in force (policy.h), with the bucket's policy where there is one; where they
 *      only do not allow it, a running grant over the own realm
 *      nobody without credentials does an administrative action, whatever they say
 *   6. the local operator (management socket): platform things by the built-in table, a tenant's
 *   only
 *      while that tenant is not claimed, or with a running break-glass grant of operator/UID; and
 *      the thaw of what nobody froze, but an older copy that was put back
 */
#ifndef TROTH_IDENTITY_ACCESS_H
#define TROTH_IDENTITY_ACCESS_H

#include "identity/principal.h"

struct access_query {
    const struct principal *p;
    const char *realm; /* that the resource belongs to; "" matches nothing */
    struct bytes action, resource;
    int64_t now_ms;
    int64_t mfa_ms; /* when the second factor was given; 0: none */
    const char *ip; /* "unix" on the management socket */
    bool is_tls;
    bool has_certificate; /* the client's was verified */
    bool any_origin;      /* whence is not asked: to explain */
    bool realm_is_claimed, realm_is_frozen;
    bool realm_is_rolled_back;          /* frozen because an older copy was put back (rollback.h) */
    const struct policy *bucket_policy; /* or NULL */
    const struct policy_key *keys;      /* further condition keys: s3:prefix, aws:ResourceTag/... */
    size_t key_count;
};

enum access_reason {
    ACCESS_BY_POLICY, /* decision.* says which statement, or that none does */
    ACCESS_BY_GRANT,  /* `grant` let it in or did not: decision.* as above */
    ACCESS_FROZEN,
    ACCESS_EXPIRED,
    ACCESS_OTHER_REALM, /* not its realm, and no grant could be: a customer's account elsewhere */
    ACCESS_NEEDS_GRANT, /* the provider's staff without a running grant of that realm */
    ACCESS_TWO_ADMINISTRATORS,
    ACCESS_UNKNOWN_ACTION,
    ACCESS_OUTSIDE,        /* from outside the networks of P-IAM-6 */
    ACCESS_NO_CERTIFICATE, /* without the client certificate of P-IAM-7 */
    ACCESS_BY_OPERATOR,    /* local operator: allowed by the built-in table */
};
struct access_answer {
    enum policy_verdict verdict;
    enum access_reason reason;
    struct policy_decision decision;
    const char *grant; /* of ACCESS_BY_GRANT; borrowed from the principal */
    const char *realm; /* of the query; borrowed */
    const char *why;   /* of ACCESS_FROZEN: principal.why_frozen */
};
void access_decide(const struct access_query *q, struct access_answer *ret);
/* One sentence for people, in English: "denied: statement \"NoDelete\" of bucket policy
 * contracts". */
void access_text(const struct access_answer *a, struct buf *out);
void access_text_zh(const struct access_answer *a, struct buf *out);
const char *access_reason_name(enum access_reason r);

/* Condition keys that every query has, and its own; in the arena: aws:CurrentTime, aws:EpochTime,
 * aws:SourceIp, aws:SecureTransport, aws:MultiFactorAuthPresent, aws:MultiFactorAuthAge, ... Given
 * apart for `explain`. */
struct policy_key *access_keys_of(const struct access_query *q, struct arena *arena, size_t *ret_n);

#endif

/*
 * Policies in the language of AWS IAM (version 2012-10-17), compiled once and evaluated purely: a
 * request and the policies in force go in, a verdict and its reason come out. Nothing here reads a
 * clock, a store or a network.
 *
 * Refused, never guessed: unknown elements, operators and partitions, wildcards where the grammar
 * has none (vendor of an action, type of an IAM resource), a Principal in an identity policy or
 * none in a resource policy, doubled Sids, doubled JSON keys, more than POLICY_MAX bytes. The
 * language as it is taken: docs/formats/access-policy.md.
 */
#ifndef TROTH_IDENTITY_POLICY_POLICY_H
#define TROTH_IDENTITY_POLICY_POLICY_H

#include "base/buf.h"

#define POLICY_MAX           20480 /* bytes of a document */
#define POLICY_STATEMENT_MAX 128   /* statements of one document */

enum policy_form {
    POLICY_IDENTITY, /* of a user, group, role; boundaries and session policies too: no Principal */
    POLICY_RESOURCE, /* of a bucket: with Principal and Resource */
    POLICY_TRUST,    /* of a role: with Principal, without Resource */
};

/* Immutable once compiled; counted; any thread. */
struct policy;
/* `name` is what the reason calls it ("user/lin inline s3-read"); copied. ERRC_FORMAT says which
 * statement and element, in AWS's words where AWS has some; ERRC_LIMIT. */
RESULT policy_compile(struct bytes json, enum policy_form form, const char *name,
                      struct policy **ret, struct error *e);
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);
DEFINE_CLEANUP(policy_unref, struct policy *)
const char *policy_name(const struct policy *p);
size_t policy_statements(const struct policy *p);
/* Does a statement allow this action on anything, under any condition: for what a policy could
 * ever do. */
bool policy_may_allow(const struct policy *p, struct bytes action);
/* A resource policy that lets in anybody: Principal "*" allowed without a condition that holds for
 * certain accounts, principals or source addresses (/8, IPv6 /32 or narrower) alone. */
bool policy_is_public(const struct policy *p);
/* Does a condition, resource or value ask for a condition key whose name begins with `prefix`: so
 * that what is dear to find out is found out only then. */
bool policy_mentions(const struct policy *p, struct bytes prefix);

/* --- the request --- */

/* A condition key and its values, as they were sent or are known. Names are compared without regard
 * to case. Absent and empty are the same: the key is not in the request. */
struct policy_key {
    struct bytes name; /* "aws:SourceIp", "s3:prefix", "aws:PrincipalTag/team" */
    const struct bytes *values;
    size_t count;
};

struct policy_request {
    struct bytes action;   /* "s3:GetObject" */
    struct bytes resource; /* ARN, or "*" for an action without one */
    /* Who asks, as resource and trust policies name it: */
    struct bytes principal_arn;       /* "arn:aws:iam::123456789012:user/lin", of a session:
                                       "arn:aws:sts::123456789012:assumed-role/R/S"; empty: anonymous */
    struct bytes principal_role;      /* of a session: the role's ARN, else empty */
    struct bytes principal_account;   /* 12 digits; empty: anonymous */
    struct bytes principal_federated; /* the issuer of a web identity, else empty */
    const struct policy_key *keys;    /* of two with one name the first counts */
    size_t key_count;
};

/* --- the decision --- */

enum policy_layer {
    POLICY_LAYER_IDENTITY, /* any of them may allow */
    POLICY_LAYER_RESOURCE, /* may allow too */
    POLICY_LAYER_BOUNDARY, /* every one must allow as well */
    POLICY_LAYER_SESSION,  /* every one must allow as well */
};
struct policy_in_force {
    const struct policy *policy;
    enum policy_layer layer;
};

enum policy_verdict {
    POLICY_ALLOWED,
    POLICY_DENIED,      /* a statement denies it */
    POLICY_NOT_ALLOWED, /* no statement allows it, or a boundary or session policy does not */
};
const char *policy_verdict_name(enum policy_verdict v); /* "allowed", "denied", "not allowed" */

struct policy_decision {
    enum policy_verdict verdict;
    /* The statement that made it; for NOT_ALLOWED the boundary or session policy that lacks it, or
     * NULL: no identity or resource policy allows it. Borrowed from the policies. */
    const struct policy *policy;
    size_t statement; /* from 0; SIZE_MAX: none */
    struct bytes sid; /* empty: none */
    enum policy_layer layer;
};
/*
 * Explicit deny over allow over nothing:
 *   any Deny that matches, in any layer                                  -> DENIED
 *   (IDENTITY or RESOURCE allows) and every BOUNDARY and SESSION allows  -> ALLOWED
 *   else                                                                 -> NOT_ALLOWED
 * Stricter than AWS in one point: a resource policy does not reach past a boundary or session
 * policy. As in AWS, an Allow of a resource policy for a whole account ("...:root") hands the
 * decision to that account's identity policies and allows nothing by itself.
 */
void policy_evaluate(const struct policy_in_force *in, size_t count,
                     const struct policy_request *rq, struct policy_decision *ret);
/* A trust policy alone: does it let this principal do rq->action (sts:AssumeRole ...). A whole
 * account counts here: whether its own policies allow the action is the caller's to ask. */
void policy_evaluate_trust(const struct policy *trust, const struct policy_request *rq,
                           struct policy_decision *ret);

/* Text with * and ? against a pattern, in time linear in practice and bounded always. */
bool policy_glob(struct bytes pattern, struct bytes text);

#endif

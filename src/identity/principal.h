/*
 * Who asks: an immutable picture of a principal and of everything that decides for it, compiled
 * once and shared until something changes. Counted; any thread.
 *
 * Every change in the directory moves its generation on; a picture of an older generation is not
 * used for a new request, and a running one asks again (principal_is_current, and
 * principal_expires_ms) at the latest every second: a freeze or the end of a grant reaches it.
 */
#ifndef TROTH_IDENTITY_PRINCIPAL_H
#define TROTH_IDENTITY_PRINCIPAL_H

#include "identity/origin.h"
#include "identity/policy/action.h"
#include "identity/policy/policy.h"
#include "identity/user.h"

enum principal_kind {
    PRINCIPAL_ANONYMOUS, /* no credentials: public buckets alone */
    PRINCIPAL_OPERATOR,  /* on the management socket, known by Unix user only */
    PRINCIPAL_USER,      /* a user's own credentials: access key or login session */
    PRINCIPAL_SESSION,   /* STS: an assumed role, or GetSessionToken of a user (role "") */
    PRINCIPAL_WEB,       /* an assumed role by a web identity: no user behind it */
};

/* A running grant of a user over a realm (grant.h), with its role compiled. */
struct principal_grant {
    const char *id, *realm, *role;
    enum admin_kind admin;
    int64_t from_ms, until_ms;
    const struct policy_in_force
            *policies; /* identity: the role; boundary: the role's; session: the
                                               grant's own limits. The principal's boundary and session
                                               policies hold beside them */
    size_t policy_count;
};

struct principal {
    enum principal_kind kind;
    const char *realm; /* where it acts without further leave: its own, or of a token the token's */
    const char *home;  /* where its user lives; "platform" for the provider's staff */
    const char *account; /* of `realm` */
    const char *actor;   /* as entries name it: "acme/user/lin", "acme/role/reader/s1",
                            "platform/user/wang", "operator/0", "anonymous" */
    const char *arn, *role_arn, *issuer; /* as struct policy_request has them; "" when none */
    const char *user_id, *user_name;     /* "" when no user is behind it */
    const char *role;                    /* of a session, else "" */
    const char *unique_id;               /* aws:userid: "AIDA...", "AROA...:session" */
    const char *grant;                   /* a token made from a grant: its id, else "" */
    const char *access_key;              /* "" for login sessions and operators */
    bool is_person;
    struct origin_rule origin; /* of a person: whence it administers, by its home's parameters */
    bool has_mfa;              /* what it was resolved with: roles that need it are in force */
    int64_t token_mfa_ms;      /* of an STS token made with a second factor: when; else 0 */
    bool is_frozen; /* account or realm frozen, suspended, ended, closed: nothing is allowed */
    const char *why_frozen;
    unsigned admins; /* bits enum admin_kind: whose administrative actions its policies could ever
                        allow. A person with two of them is refused both */
    int64_t expires_ms; /* of a token; 0: none */
    const struct policy_in_force *policies;
    size_t policy_count;
    const struct principal_grant *grants; /* running, over its own realm and others */
    size_t grant_count;
    int64_t next_change_ms; /* the clock changes it then (a grant begins or ends); 0: never */
    const struct policy_key *keys; /* aws:username, aws:userid, aws:PrincipalArn,
                                      aws:PrincipalAccount, aws:PrincipalType, aws:PrincipalTag/...,
                                      troth:Realm, troth:Grant */
    size_t key_count;
    uint64_t generation;
};

const struct principal *principal_ref(const struct principal *p);
void principal_unref(const struct principal *p);
DEFINE_CLEANUP(principal_unref, const struct principal *)

/* By access key id, of either kind; cached. ERRC_NOT_FOUND. A token's session_token must fit
 * (ERRC_DENIED), an own key must have none; an expired token: ERRC_EXPIRED. The signature is still
 * to be checked. A disabled key gives ERRC_DENIED; a frozen owner gives a principal that says
 * so. */
RESULT principal_of_key(struct directory *d, struct bytes access_key, struct bytes session_token,
                        const struct principal **ret, struct error *e);
/* The picture of a user with or without a second factor: of a login session, and for `explain`. */
RESULT principal_of_user(struct directory *d, const char *user_id, bool has_mfa,
                         const struct principal **ret, struct error *e);
RESULT principal_operator(struct directory *d, unsigned uid, const struct principal **ret,
                          struct error *e);
RESULT principal_anonymous(struct directory *d, const char *realm, const struct principal **ret,
                           struct error *e);
/* Nothing was changed since, and no date has passed. */
bool principal_is_current(struct directory *d, const struct principal *p, int64_t now_ms);

/* Last use of an access key: kept in memory, written about once a minute by identity_house(). */
void access_key_touch(struct directory *d, const struct principal *p, const char *from,
                      const char *service);

#endif

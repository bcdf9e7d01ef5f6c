/*
 * Acts: what is decided, done and recorded in one way by every interface (S3, the AWS query calls,
 * REST). Who asks, the decision, and the two phases of a change.
 */
#ifndef TROTH_API_ACT_H
#define TROTH_API_ACT_H

#include "api/api.h"
#include "base/json.h"
#include "identity/access.h"

/* Who asks, for the life of a request. */
struct api_who {
    const struct principal *p; /* counted: api_who_done */
    const char *ip, *agent, *request_id;
    bool is_tls, has_certificate; /* the latter: of the client, verified */
    int64_t mfa_ms;               /* of the session or token; 0: none */
    bool *ret_is_recorded;        /* set where api_decide wrote a refusal; NULL: nobody asks */
};
void api_who_done(struct api_who *w);

/*
 * The decision for an action on a resource of a realm. ERRC_DENIED with the reason as people read
 * it; the refusal is an entry "access.denied" (api_refused) and is counted. On success a grant that
 * let it in is counted as used.
 */
RESULT api_decide(struct api_loop *l, const struct api_who *who, const char *realm,
                  const char *action, struct bytes resource, const struct policy_key *keys,
                  size_t key_count, struct access_answer *ret /* may be NULL */, struct error *e);
/* The decision alone: nothing is written or counted. */
RESULT api_weigh(struct api_loop *l, const struct api_who *who, const char *realm,
                 const char *action, struct bytes resource, const struct policy_key *keys,
                 size_t key_count, struct access_answer *ret, struct error *e);

/*
 * What was refused, with who, whence and why: to the realm's log, to the platform's where the realm
 * is unknown ("" or NULL) or closed. At most API_REFUSALS_PER_S entries a second and loop; the next
 * one says how many were left out. Texts NULL: left out. Never fails.
 */
#define API_REFUSALS_PER_S 50
struct api_refusal {
    const char *kind; /* "access.denied", or "auth.failed" when it is not known who asks */
    const char *realm;
    const char *error; /* why */
    const char *action;
    struct bytes resource, method, path, access_key;
    const char *actor, *ip, *agent, *request_id;
    unsigned status;
};
void api_refused(struct api_loop *l, const struct api_refusal *r);

/* A change. Texts NULL: left out of the entry. */
struct api_act {
    const char *kind;   /* "user.create" */
    const char *realm;  /* whose log: a tenant or "platform" */
    const char *target; /* ARN or name of what is changed */
    const char *tenant, *key, *detail, *reason;
    struct bytes before; /* JSON object, or empty */
    const char *grant;   /* by which grant, or NULL */
    bool is_change;      /* of one phase: it tells of a change of the directory */
};
/*
 * Writes the intent (with `before`); runs fn; writes the outcome (with what fn wrote into `after`,
 * a JSON object; empty: none; with `before` again where both fit). fn does not run when the intent
 * can't be written. fn's error is returned. Secrets never go into before or after.
 */
RESULT api_act_run(struct api_loop *l, const struct api_who *who, const struct api_act *act,
                   RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                   struct error *e);
/* An act of one phase (a read, a login): written before anything is given out. */
RESULT api_act_note(struct api_loop *l, const struct api_who *who, const struct api_act *act,
                    struct error *e);
/* After an act that may have claimed a realm (user.h): an entry "realm.claim", when it did. */
RESULT api_claim_note(struct api_loop *l, const struct api_who *who, const char *realm,
                      bool was_claimed, struct error *e);

#endif

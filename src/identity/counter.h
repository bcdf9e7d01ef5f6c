/*
 * Counts for evidence (2.1.4, 2.2.2): what happened, by realm, name and day (UTC), in memory first,
 * written about once a minute and at the end; and the state of accounts, counted when asked.
 */
#ifndef TROTH_IDENTITY_COUNTER_H
#define TROTH_IDENTITY_COUNTER_H

#include "identity/user.h"

void counter_add(struct directory *d, const char *realm, const char *name, uint64_t n);
/* Names used: "login", "login.certificate", "login.failed", "login.privileged",
 * "login.privileged.no-mfa", "lockout", "login.outside-range", "login.no-certificate",
 * "access.denied", "grant.asked", "grant.approved", "grant.refused", "grant.break-glass",
 * "grant.seconds", "root.use", "leaver.late", "token", "freeze". */
RESULT counter_sum(struct directory *d, const char *realm, const char *name, int64_t from_ms,
                   int64_t until_ms, uint64_t *ret, struct error *e);

/* The state of a realm's accounts now. Each figure stands beside its denominator. */
struct identity_state {
    uint64_t persons, services, persons_with_mfa; /* active ones */
    uint64_t administrators,
            administrators_with_mfa; /* active persons who hold one of the three, or
                                                         approve, or hold a grant now */
    uint64_t without_owner;          /* nobody of the realm answers for it */
    uint64_t shared;                 /* an account of a program that somebody signs in with */
    uint64_t dormant, leavers_open;  /* enabled past P-IAM-3; past their date */
    uint64_t two_administrators;     /* persons who hold two of the three */
    uint64_t direct_policies;        /* policies attached to persons outside roles and groups */
    uint64_t access_keys, access_keys_old; /* enabled ones; past P-IAM-4 */
    int64_t oldest_key_ms;                 /* when the oldest of them was made */
    uint64_t grants_running, grants_standing;
    int64_t longest_grant_ms; /* of the last 90 days */
    uint64_t break_glass;     /* of the last 90 days */
    uint64_t reviews_open, reviews_overdue;
    int64_t last_review_ms; /* of privileged access, closed */
    uint64_t frozen, suspended, ended;
    bool is_claimed, is_frozen;
};
RESULT identity_state(struct directory *d, const char *realm, struct identity_state *ret,
                      struct error *e);
/* Members of an object. */
void identity_state_json(struct jsonw *w, const struct identity_state *s);

#endif

/*
 * Growing delays after failed logins, per account and per source, so that guessing is slow and a
 * stranger can't lock a person out for long:
 *
 *   account+source: past P-IAM-5 failures from one source, that source waits for this account
 *   source:         past 10 times as many over all accounts, it waits for all (spraying)
 *   account:        past 10 times as many from everywhere, each try waits at most 30 s: slowed, not
 *                   closed; a source from which this person signed in before is not held up by it
 *
 * The wait doubles from 1 s to P-IAM-5a's time. A failure is forgotten after that time, of the two
 * wider counts ten. Kept in the database: a restart forgives nothing.
 *
 * account: "realm/name" as given, known or not, regardless of case. ip: an address; of IPv6 its /64
 * counts. The source's bounds are those of the provider's realm.
 *
 * A try is counted before it is judged, so that a burst of tries at once does not slip through:
 *
 *     lockout_try, then lockout_clear when all of the sign-in succeeded, lockout_undo when this
 *     step of it did, nothing when it failed.
 */
#ifndef TROTH_IDENTITY_LOCKOUT_H
#define TROTH_IDENTITY_LOCKOUT_H

#include "identity/directory.h"

/* ERRC_AGAIN "try again in 12 s" while one of them waits; else one failure more. *ret_is_new: it
 * began a wait, should it stay (a lockout that is to be an entry). */
RESULT lockout_try(struct directory *d, const char *account, const char *ip, bool *ret_is_new,
                   struct error *e);
/* Takes one failure back. */
RESULT lockout_undo(struct directory *d, const char *account, const char *ip, struct error *e);
/* Takes one failure back, forgets those of this account from this source, and knows the source from
 * now on (90 days). An account of one's own forgives no failures at others. */
RESULT lockout_clear(struct directory *d, const char *account, const char *ip, struct error *e);

/* As lockout_try, without counting. */
RESULT lockout_check(struct directory *d, const char *account, const char *ip, struct error *e);

#endif

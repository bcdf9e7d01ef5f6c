/*
 * Growing delays after failed logins, per account and per source, so that guessing is slow and a
 * stranger can't lock a person out for long:
 *
 *   account+source: past P-IAM-5 failures from one source, that source waits for this account
 *   source:         past 10 times as many over all accounts, it waits for all (spraying)
 *   account:        past 10 times as many from everywhere, each try waits at most 30 s: slowed, not
 *                   closed; a source from which this person signed in before is not held up by it
 *
 * The wait doubles from 1 s to P-IAM-5's time. Kept in the database: a restart forgives nothing.
 */
#ifndef TROTH_IDENTITY_LOCKOUT_H
#define TROTH_IDENTITY_LOCKOUT_H

#include "identity/directory.h"

/* ERRC_AGAIN "try again in 12 s" while one of them waits. account: "realm/name" as given. */
RESULT lockout_check(struct directory *d, const char *account, const char *ip, struct error *e);
/* *ret_is_new: this failure began a wait (a lockout that is to be an entry). */
RESULT lockout_fail(struct directory *d, const char *account, const char *ip, bool *ret_is_new,
                    struct error *e);
RESULT lockout_clear(struct directory *d, const char *account, const char *ip, struct error *e);

#endif

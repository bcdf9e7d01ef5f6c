/*
 * An older copy of identity.db that is put back does not go unnoticed.
 *
 * 1. The database counts its changes: the counter grows in the transaction of each change of
 * accounts
 *    and what they may do. The entry that tells of a change (its outcome) carries the counter
 *    ("changes"), and where a log is otherwise quiet or full of other things an entry
 *    "identity.mark" repeats it: in the platform log at most 10 s after a change, in every log
 *    again before ROLLBACK_TAIL entries are behind it. So the newest counter of a log stands in its
 *    tail.
 * 2. At a start the tails are read. A counter above the database's means that an older copy was put
 *    back: an entry "identity.rollback" {had, has} to the platform log and to the log of each realm
 *    concerned, all sessions, tokens and enrolment codes ended, each realm concerned frozen. The
 *    thaw of such a freeze is in the local operator's power too (access.h).
 */
#ifndef TROTH_IDENTITY_ROLLBACK_H
#define TROTH_IDENTITY_ROLLBACK_H

#include "identity/directory.h"

/* A mark follows when MARK entries are behind the last one; what comes until the turn in which that
 * is seen must fit into the rest. */
#define ROLLBACK_TAIL         250000
#define ROLLBACK_MARK_ENTRIES 10000
#define ROLLBACK_MARK_MS      10000

/* Changes so far; each of them is durable. Any thread. */
uint64_t directory_changes(struct directory *d);
/* What the entry after an act says in this log: the counter, or 0 when nothing changed since it was
 * `before`. Any thread. */
uint64_t directory_changes_tell(struct directory *d, const char *log, uint64_t before);

/* At a start, before anything is served. ERRC_AGAIN: the scribe is away; asked again it begins
 * anew. */
RESULT rollback_check(struct directory *d, struct rpc_client *scribe, struct error *e);
/* Writes the marks that are due; about every second, after rollback_check, by one caller. */
RESULT rollback_mark(struct directory *d, struct rpc_client *scribe, struct error *e);

#endif

/*
 * The scribe's second thread: writes what is to be published, so that appends do not wait for it.
 * One batch at a time: submit, later take. Also makes journal segments ready ahead of need.
 */
#ifndef TROTH_LEDGER_PUBLISHER_H
#define TROTH_LEDGER_PUBLISHER_H

#include "ledger/journal.h"
#include "ledger/log.h"

struct publisher;

/* is_inline: no thread; submit does the work (tests with fixed order of events). Borrows keys and
 * journal. */
RESULT publisher_new(struct journal *j, bool is_inline, struct publisher **ret, struct error *e);
void publisher_free(struct publisher *p); /* waits for the batch under way */
DEFINE_CLEANUP(publisher_free, struct publisher *)
bool publisher_is_idle(const struct publisher *p); /* no batch under way and none to take */
/* Takes the array (mem_free). Only when idle. */
void publisher_submit(struct publisher *p, struct log_publication *items, size_t count);
bool publisher_is_done(struct publisher *p); /* a batch is to be taken */
/* NULL when none is done. The caller frees. */
struct log_publication *publisher_take(struct publisher *p, size_t *ret_count);
void publisher_wait(struct publisher *p);    /* until the batch under way is done */
int publisher_fd(const struct publisher *p); /* readable when a batch is done; -1 inline */

#endif

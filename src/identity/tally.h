/*
 * What is counted in memory first: counters (counter.h), the uses of grants, the last acts of
 * users, the last uses of roles. Written by tally_flush.
 */
#ifndef TROTH_IDENTITY_TALLY_H
#define TROTH_IDENTITY_TALLY_H

#include "identity/directory.h"

struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *t);
/* Of a grant, or an act of a user, by its id; `at_ms` is the last use. */
void tally_use(struct tally *t, const char *id, int64_t at_ms);
/* Writes both; what can't be written stays for the next time. */
RESULT tally_flush(struct directory *d, struct error *e);

#endif

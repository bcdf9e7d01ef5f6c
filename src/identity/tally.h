/*
 * What is counted in memory first: counters (counter.h) and the uses of grants; and when the house
 * looked at what. Written by tally_flush.
 */
#ifndef TROTH_IDENTITY_TALLY_H
#define TROTH_IDENTITY_TALLY_H

#include "identity/directory.h"

struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *t);
/* `at_ms` is the last use. */
void tally_use(struct tally *t, const char *grant_id, int64_t at_ms);
/* Writes both; what can't be written stays for the next time. */
RESULT tally_flush(struct directory *d, struct error *e);

#endif

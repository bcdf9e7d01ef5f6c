/* The parts of a round of housekeeping. One caller at a time. */
#ifndef TROTH_VAULT_GC_H
#define TROTH_VAULT_GC_H

#include "vault/vault_priv.h"

/* Frees what has been in `gc` for more than a second and is not being read. */
RESULT gc_free_extents(struct vault *v, bool *ret_more, struct error *e);
/* Moves live records out of the emptiest segment that is more than half empty. */
RESULT gc_compact(struct vault *v, bool *ret_more, struct error *e);
/* Advances `settled` and trims `applied` of all logs that changed; see recover.c. */
RESULT gc_settle(struct vault *v, struct rpc_client *scribe, struct error *e);

/* Appends copies of records and points their rows to them. records[i] is what x[i] names, perhaps
 * with a new header. */
struct gc_move {
    struct extent x;  /* as it was read */
    struct extent to; /* key and wrapped key that the row shall have; place is set here */
    struct bytes record;
};
RESULT gc_move_records(struct vault *v, const char *tenant, struct gc_move *moves, size_t n,
                       struct error *e);
/* Reads a small blob's raw record, in memory of its own. NOT_FOUND: it is no longer there. */
RESULT gc_read_record(struct vault *v, const struct extent *x, uint8_t **ret, struct error *e);

#endif

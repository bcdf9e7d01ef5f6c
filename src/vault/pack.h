/*
 * Packs: small sealed records in preallocated segments, docs/formats/blob.md. One thread appends,
 * in groups with one fdatasync each. Rows of the metadata store say which records live; here is
 * only counted how many bytes of a segment they take.
 *
 *   active     is appended to
 *   full       is read; becomes dead when no live byte and no pin is left
 *   spare      zeroed, waits to become active
 *
 * Thread-safe but for packs_upkeep, which one caller at a time runs.
 */
#ifndef TROTH_VAULT_PACK_H
#define TROTH_VAULT_PACK_H

#include "store/db.h"
#include "sys/co.h"
#include "vault/record.h"

struct packs;
struct pack_place {
    uint64_t pack; /* from 1; never used again for other bytes */
    uint64_t at;
    uint32_t n;
};

/* Counts live bytes from the rows of `extent`; segments without rows are removed. */
RESULT packs_open(struct fs *fs, struct db *db, uint64_t segment_bytes, struct packs **ret,
                  struct error *e);
void packs_close(struct packs *p);

/*
 * Appends a sealed record (record_seal) and waits until it is durable. It counts as live from then
 * on: packs_drop when no row will name it or does any longer. ERRC_FULL, ERRC_IO.
 */
RESULT packs_append(struct packs *p, struct bytes record, struct pack_place *ret, struct error *e);
/* Several at once: all or, on an error, none. */
RESULT packs_append_many(struct packs *p, const struct bytes *records, size_t n,
                         struct pack_place *ret, struct error *e);
void packs_drop(struct packs *p, const struct pack_place *place);

/* While pinned a segment is not recycled. False: it is gone, look up the row again. */
bool packs_pin(struct packs *p, uint64_t pack);
void packs_unpin(struct packs *p, uint64_t pack);
/* The raw record, of a pinned segment, into place->n bytes at dst. */
RESULT packs_read(struct packs *p, const struct pack_place *place, uint8_t *dst, struct error *e);

/* A full segment with less than half of it alive: *ret its number, 0 for none. */
uint64_t packs_sparse(struct packs *p);
/* Recycles one dead segment or (may_create) prepares a spare; blocks for as long as zeroing takes.
 * *ret_more: there is more to do. */
RESULT packs_upkeep(struct packs *p, bool may_create, bool *ret_more, struct error *e);

void packs_stats(struct packs *p, uint64_t *ret_segments, uint64_t *ret_free_bytes);

#endif

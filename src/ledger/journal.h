/*
 * The journal: what makes appends durable before they are published. Segment files, preallocated
 * and written with zeros so that a write changes no metadata, shared by all logs and used again
 * when what they hold is published.
 *
 * A group is what one write and one fdatasync make durable:
 *
 *   group   := magic "TRJ1" | body bytes (4) | sequence (8) | settled (8) | zero (8) | SHA-256 of
 * these 32 bytes and body (32) | body | zeros up to a multiple of 4096 body    := record ... record
 * := name bytes (1) | log name | index (8) | leaf bytes (2) | leaf | frame bytes (4) | sealed
 * payload (payload.h)
 *
 *  1. A group begins at a multiple of 4096, so that writing one never touches the blocks of
 * another.
 *  2. Sequences count groups from 1 without gaps. Group n+1 is written only when n is durable: so
 * only the newest can be torn, and it was not acknowledged.
 *  3. `settled` is the sequence from which groups were still needed when this one was written. Of
 * settled..newest all must be there: one that is missing was damaged, and the journal is refused.
 *  4. Groups below the `settled` of the newest durable group are leftovers. Only segments that hold
 * nothing else are used again: so a torn write destroys nothing that is needed. The last block of a
 * segment is kept for an empty group that does nothing but raise `settled` where that is what
 * stands between the journal and a free segment.
 *  5. After a failed write or sync nothing is known of the device: the journal takes no more groups
 * until it is opened anew.
 */
#ifndef TROTH_LEDGER_JOURNAL_H
#define TROTH_LEDGER_JOURNAL_H

#include "base/buf.h"
#include "sys/fs.h"

#define JOURNAL_BLOCK     4096u
#define JOURNAL_HEAD      64u
#define JOURNAL_SLOTS_MAX 256u

struct journal_config {
    uint64_t segment_bytes;  /* a multiple of 4096 */
    unsigned segments_first; /* made at once */
    unsigned segments_max;   /* at most JOURNAL_SLOTS_MAX */
};

struct journal;

/* One record of a group body; borrowed from it. */
struct journal_record {
    struct bytes log, leaf, frame;
    uint64_t index;
};
void journal_add_record(struct buf *body, const char *log, uint64_t index, struct bytes leaf,
                        struct bytes frame);
RESULT journal_take_record(struct bytes *body, struct journal_record *ret); /* ERRC_FORMAT */

/*
 * Opens the folder `journal` below fs (made when absent) and gives each needed record to fn, oldest
 * first. ERRC_INTEGRITY when a needed group is damaged.
 */
RESULT journal_open(struct fs *fs, const struct journal_config *c,
                    struct result (*fn)(void *arg, const struct journal_record *r, struct error *e),
                    void *arg, struct journal **ret, struct error *e);
void journal_close(struct journal *j);
DEFINE_CLEANUP(journal_close, struct journal *)

uint64_t journal_next(const struct journal *j); /* sequence of the next group */
size_t journal_body_max(const struct journal *j);
/* An empty group to add records to; again after each write. */
void journal_begin(struct buf *group);
size_t journal_body_size(const struct buf *group);
/*
 * Makes sure that a group with a body of that size can be written next; may make another segment.
 * ERRC_FULL: no segment is free and there may be no more, ERRC_LIMIT: past journal_body_max.
 */
RESULT journal_reserve(struct journal *j, size_t body_bytes, struct error *e);
/*
 * Makes the group durable. ERRC_FULL: no segment is free and there may be no more (the group was
 * not written: try again after journal_settle). Any other error is final (5).
 */
RESULT journal_write(struct journal *j, struct buf *group, struct error *e);
/* Groups below `settled` are no longer needed; settled <= journal_next(). */
void journal_settle(struct journal *j, uint64_t settled);
/* Whether another segment should be made ready, and making it; journal_grow may run on another
 * thread. */
bool journal_wants_segment(struct journal *j);
RESULT journal_grow(struct journal *j, struct error *e);

#endif

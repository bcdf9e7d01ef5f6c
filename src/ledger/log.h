/*
 * One log: what is published lies in its files (log_files.h); what is not yet is in memory, and
 * durable in the journal once its group is written. An entry passes through
 *
 *   tail (being appended to) -> publishing (being written to the files) -> files
 *
 *  1. tail and publishing hold exactly the bytes that go to the files, at known places: publishing
 * again after a failure writes the same bytes to the same places.
 *  2. While a publication is under way, `publishing` is read by both threads and changed by none.
 *  3. `recent` reaches back to the published size, so that every hash is either in it or in the
 * files.
 *
 * Memory: about 10 KiB per log, and 1.2 times the bytes of what is not published.
 */
#ifndef TROTH_LEDGER_LOG_H
#define TROTH_LEDGER_LOG_H

#include "ledger/client.h"
#include "ledger/journal.h"
#include "ledger/log_files.h"
#include "ledger/payload.h"

struct log_tail {
    uint64_t first, count;            /* entries */
    uint64_t entries_at, payloads_at; /* where it begins in the files */
    struct buf entries, offsets, payloads, payload_offsets, hashes[LOG_LEVELS];
};

struct log {
    char name[LOG_NAME_MAX + 1];
    char origin[LEDGER_ORIGIN_MAX + 1];
    uint64_t size;    /* with what is staged */
    uint64_t durable; /* in the journal or published: what may be shown */
    uint64_t counters[ROLE_COUNT_];
    int64_t last_ms;   /* time of the last entry */
    int64_t active_ms; /* time of the last entry that was no heartbeat */
    struct tree_recent recent;
    struct log_tail tail, publishing;
    bool is_dirty, is_staged;           /* in the engine's lists */
    int64_t dirty_mono_ms;              /* since when the oldest entry of the tail waits */
    int64_t heartbeat_mono_ms;          /* when the next heartbeat is due */
    uint64_t tail_sequence;             /* first journal group with entries of the tail; 0: empty */
    uint64_t publish_sequence;          /* the same of `publishing` */
    struct log_record publishing_state; /* what the record of `publishing` will say */
    struct tree_frontier publishing_frontier;
    struct log_record published; /* newest record */
    uint64_t record_count;
    struct log_files files;   /* this thread's */
    struct log_files writing; /* the publisher's */
    struct log_source source;
    struct payload_keys payload_keys;
};

/* The folder and files of a new log with a signed checkpoint of size 0. Also finishes a creation a
 * crash cut short. */
RESULT log_create(struct fs *fs, const char *name, const char *origin,
                  const struct ledger_keys *keys, int64_t now_ms, struct error *e);
/* ERRC_NOT_FOUND when its creation was not finished. */
RESULT log_open(struct fs *fs, const char *name, const char *origin, const struct ledger_keys *keys,
                const struct clock *clock, struct log **ret, struct error *e);
void log_close(struct log *l);
DEFINE_CLEANUP(log_close, struct log *)

/* --- appending --- */

struct log_append {
    const char *kind;
    enum role source;
    int64_t now_ms;
    struct bytes plain; /* salt and payload */
    struct box_key *key;
    uint32_t month;
};
/* Stages an entry at the end and appends its record to the journal group. */
RESULT log_append(struct log *l, const struct log_append *a, const struct rng *rng,
                  struct buf *group, struct ledger_position *ret, struct error *e);
/* An entry from the journal: ignored when the log has it, ERRC_INTEGRITY when it does not follow.
 */
RESULT log_replay(struct log *l, uint64_t index, struct bytes leaf, struct bytes frame,
                  struct error *e);
/* Bytes held for what is not published. */
size_t log_memory(const struct log *l);

/* --- reading --- */

/* Entries from..from+count-1, all below l->durable; leaf and frame for each. */
RESULT log_read(struct log *l, uint64_t from, uint64_t count,
                struct result (*fn)(void *arg, uint64_t index, struct bytes leaf,
                                    struct bytes frame, struct error *e),
                void *arg, struct error *e);
/* Opens the payload of one entry (salt and payload) and gives its leaf. ERRC_EXPIRED when erased.
 */
RESULT log_read_one(struct log *l, uint64_t index, struct buf *leaf, struct buf *plain,
                    struct error *e);

/* --- publishing --- */

struct log_publication {
    struct log *log;
    struct tree_frontier frontier;
    struct log_record record;
    uint64_t record_at;
    struct result result;
    struct error error;
};
/*
 * On the log's thread: signs a checkpoint over all entries, which must be durable, and moves the
 * tail to `publishing`; where one that failed is still there, takes that up again. Signed here, not
 * later: the keeper signs no smaller size after a receipt's larger one.
 */
RESULT log_publish_begin(struct log *l, const struct ledger_keys *keys, int64_t now_ms,
                         struct log_publication *ret, struct error *e);
/* On any one thread: files, sync, record, sync. Idempotent. Sets p->result. */
void log_publish_write(struct log_publication *p);
/* On the log's thread: takes note of it. */
void log_publish_end(struct log_publication *p);

#endif

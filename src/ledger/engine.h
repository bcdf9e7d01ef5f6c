/*
 * The ledger proper: all logs of a folder, their journal, publication. One thread calls it (the
 * scribe's; tests and benchmarks their own); a second one of its own writes the files. No messages
 * here: scribe.h puts those on top.
 *
 *   engine_append  stages entries in memory and in the open journal group: they have their index,
 * time, counter, hash engine_commit  one write and one fdatasync for everything staged in all logs:
 * only now may anyone be told engine_tick    publishes what has waited long enough, writes
 * heartbeats, watches the disk
 *
 * Memory: config.memory_max_bytes for what is not published (then appends wait for the
 * publication), about twice that while buffers grow; about 10 KiB per log; one journal group.
 */
#ifndef TROTH_LEDGER_ENGINE_H
#define TROTH_LEDGER_ENGINE_H

#include "base/map.h"
#include "ledger/log.h"

struct ledger_config {
    const char *deployment; /* origins are <deployment>/<log> */
    const struct clock *clock;
    const struct rng *rng;
    struct ledger_keys keys;
    const struct note_key *witnesses; /* whose cosignatures are kept */
    size_t witness_count;
    int64_t publish_ms;   /* greatest age of an entry when its publication begins: 500 */
    int64_t heartbeat_ms; /* 60,000 */
    int64_t active_ms;    /* logs without other entries for longer get no heartbeats: 24 h */
    uint64_t low_water_bytes, reserve_bytes;
    struct journal_config journal;
    size_t memory_max_bytes;
    bool is_inline; /* no second thread */
};
/* All but deployment, keys and witnesses. */
void ledger_config_default(struct ledger_config *c);

struct engine;
/*
 * Opens DIR/ledger: replays the journal, publishes what it held, creates the platform log when
 * absent and writes "log.start" into it. Borrows fs and what the configuration points at.
 * ERRC_INTEGRITY names what is damaged.
 */
RESULT engine_open(struct fs *fs, const struct ledger_config *c, struct engine **ret,
                   struct error *e);
/* Publishes what is durable and waits for that; then frees. */
void engine_close(struct engine *en);
/* Frees without another write, as a crash would; for tests. */
void engine_abandon(struct engine *en);

/* --- writing --- */

RESULT engine_create_log(struct engine *en, const char *name,
                         struct error *e); /* ERRC_EXISTS, ERRC_FORMAT (name) */
/*
 * Stages items in order, all or none. ERRC_NOT_FOUND (log), ERRC_FORMAT, ERRC_LIMIT (payload,
 * kind), ERRC_DENIED (a kind that is the ledger's own), ERRC_EXPIRED (the log's keys are
 * destroyed), ERRC_FULL, ERRC_AGAIN (it can't be published, or the journal failed: see
 * engine_is_broken).
 */
RESULT engine_append(struct engine *en, enum role source, const struct ledger_item *items,
                     size_t count, struct ledger_position *ret, struct error *e);
/* Nothing staged: does nothing. An error means that nothing is known about what was staged: then
 * the engine is broken. */
RESULT engine_commit(struct engine *en, struct error *e);
bool engine_has_staged(const struct engine *en);
/* The journal failed: everything is refused until the process starts again and reads what is really
 * there. */
bool engine_is_broken(const struct engine *en);
/*
 * To be called when nothing is staged, often, and at the latest at engine_wake_ms (monotonic).
 * Commits what it stages itself.
 */
void engine_tick(struct engine *en);
int64_t engine_wake_ms(struct engine *en);
int engine_fd(
        const struct engine *en); /* readable when engine_tick has something to take; -1: none */
/* Publishes all that is durable and waits. For tests and the end. */
RESULT engine_publish_all(struct engine *en, struct error *e);

/* --- reading; durable entries only --- */

RESULT engine_log(struct engine *en, const char *name, struct log **ret,
                  struct error *e); /* ERRC_NOT_FOUND */
bool engine_is_full(const struct engine *en);
/* A checkpoint for the durable size, signed now. */
RESULT engine_sign(struct engine *en, struct log *l, struct buf *ret_note, struct error *e);
/* Receipt of an entry against that checkpoint (of the durable size). */
RESULT engine_receipt(struct engine *en, struct log *l, uint64_t index, struct bytes note,
                      uint64_t size, struct buf *out, struct error *e);
/* Against a published checkpoint that covers it: cosigned if there is one, else the newest, else
 * one signed now. */
RESULT engine_prove(struct engine *en, struct log *l, uint64_t index, struct buf *out,
                    struct error *e);
RESULT engine_consistency(struct log *l, uint64_t old_size, uint64_t size, struct tree_proof *ret,
                          struct error *e);
/* Newest published note with its cosignatures. */
RESULT engine_checkpoint(struct log *l, struct buf *ret_note, struct error *e);
/* Up to `max` notes with size > from_size, each ended by NUL. */
RESULT engine_checkpoints(struct log *l, uint64_t from_size, size_t max, struct buf *ret,
                          struct error *e);
RESULT engine_cosign(struct engine *en, struct log *l, uint64_t size, struct bytes lines,
                     struct error *e);
RESULT engine_timestamp(struct log *l, uint64_t size, struct bytes token, struct error *e);

#endif

/*
 * The ledger as the other roles see it: requests to the scribe. Blocks like rpc_call (coroutine or
 * thread). `log` is a tenant's name or "platform".
 */
#ifndef TROTH_LEDGER_CLIENT_H
#define TROTH_LEDGER_CLIENT_H

#include "ledger/entry.h"
#include "ledger/note.h"
#include "sys/rpc.h"

#define LEDGER_PLATFORM "platform"

struct ledger_position {
    uint64_t index;
    int64_t time_ms;
    struct tree_hash leaf;
};

/*
 * Appends and waits until it is durable. ERRC_FULL: the reserve is reached (the log itself goes on
 * writing what must be); ERRC_AGAIN: the scribe is away: what had to be logged must not happen.
 */
RESULT ledger_append(struct rpc_client *scribe, const char *log, const char *kind,
                     struct bytes payload, struct ledger_position *ret, struct error *e);
/*
 * As ledger_append, and gives a receipt: RFC 8785 JSON with entry, salt, payload, inclusion proof
 * and a checkpoint that covers it, signed by the log's key (docs/formats/receipt.md).
 */
RESULT ledger_append_receipt(struct rpc_client *scribe, const char *log, const char *kind,
                             struct bytes payload, struct ledger_position *ret,
                             struct buf *ret_receipt, struct error *e);

/* Several entries in one message, in order; all or none. */
struct ledger_item {
    const char *log, *kind;
    struct bytes payload;
};
RESULT ledger_append_many(struct rpc_client *scribe, const struct ledger_item *items, size_t count,
                          struct ledger_position *ret /* count */, struct error *e);

RESULT ledger_create(struct rpc_client *scribe, const char *log, struct error *e); /* ERRC_EXISTS */

/* Entries from..from+count-1 (fewer at the end): calls fn with the leaf, salt and opened payload
 * (payload empty and is_erased when its key is destroyed). */
struct ledger_record {
    uint64_t index;
    struct bytes leaf;
    const uint8_t *salt; /* NULL when erased */
    struct bytes payload;
    bool is_erased;
};
RESULT ledger_read(struct rpc_client *scribe, const char *log, uint64_t from, uint64_t count,
                   struct result (*fn)(void *arg, const struct ledger_record *r, struct error *e),
                   void *arg, struct error *e);

/*
 * Receipt of an entry already there, against a published checkpoint with its cosignatures: the
 * newest one that was cosigned if it covers the entry, else the newest. ERRC_EXPIRED: the payload's
 * key is destroyed.
 */
RESULT ledger_prove(struct rpc_client *scribe, const char *log, uint64_t index,
                    struct buf *ret_receipt, struct error *e);
RESULT ledger_consistency(struct rpc_client *scribe, const char *log, uint64_t old_size,
                          uint64_t size, struct tree_proof *ret, struct error *e);
/* The newest published checkpoint: a signed note with cosignatures; covers every entry acknowledged
 * more than a second ago. */
RESULT ledger_checkpoint(struct rpc_client *scribe, const char *log, struct buf *ret_note,
                         struct error *e);
/* All published checkpoints that were kept for this log with size > from_size, oldest first, as
 * notes separated by NUL. */
RESULT ledger_checkpoints(struct rpc_client *scribe, const char *log, uint64_t from_size,
                          struct buf *ret, struct error *e);
/* Adds a witness's signature lines to the published checkpoint of that size; verified against the
 * configured witness keys. */
RESULT ledger_cosign(struct rpc_client *scribe, const char *log, uint64_t size,
                     struct bytes signature_lines, struct error *e);
/* Keeps an RFC 3161 token beside the checkpoint of that size. */
RESULT ledger_timestamp(struct rpc_client *scribe, const char *log, uint64_t size,
                        struct bytes token, struct error *e);

/* That token; ERRC_NOT_FOUND. */
RESULT ledger_get_timestamp(struct rpc_client *scribe, const char *log, uint64_t size,
                            struct buf *ret_token, struct error *e);

struct ledger_status {
    uint64_t size;           /* durable entries */
    uint64_t published_size; /* of the newest checkpoint */
    int64_t published_ms;
    bool is_full;
};
RESULT ledger_get_status(struct rpc_client *scribe, const char *log, struct ledger_status *ret,
                         struct error *e);

/* --- published tiles, read straight from the files (read-only) --- */

struct ledger_tiles; /* over DIR/ledger */
struct fs;
RESULT ledger_tiles_open(struct fs *ledger_dir, const char *deployment, struct ledger_tiles **ret,
                         struct error *e);
void ledger_tiles_close(struct ledger_tiles *t);
/*
 * What a C2SP tlog-tiles client asks below /log/<origin>/: "checkpoint", "tile/<L>/<N>[.p/<W>]",
 * "tile/entries/<N>[.p/<W>]". `path` is "<origin>/<rest>". ERRC_NOT_FOUND for what is not
 * published. *ret_is_immutable: may be cached for ever.
 */
RESULT ledger_tiles_get(struct ledger_tiles *t, struct bytes path, struct buf *out,
                        const char **ret_content_type, bool *ret_is_immutable, struct error *e);

#endif

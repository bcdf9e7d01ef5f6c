/*
 * What the ledger needs of the keeper, as functions: the ledger lies below keys. The daemon fills
 * this in; tests have their own. Called on the scribe's main thread alone; a call may block, and
 * appends wait meanwhile.
 */
#ifndef TROTH_LEDGER_KEYS_H
#define TROTH_LEDGER_KEYS_H

#include "base/buf.h"
#include "base/secret.h"
#include "crypto/suite.h"
#include "ledger/tree.h"

struct ledger_keys {
    /* The whole signed note. Refuses a smaller size than before, and another root for the same
     * size. */
    RESULT(*sign_checkpoint)
    (void *ctx, const char *log, const char *origin, uint64_t size, const struct tree_hash *root,
     struct buf *ret_note, struct error *e);
    /* Sealing key of a log's payloads for a month, "2026-11". ERRC_EXPIRED: destroyed. */
    RESULT(*payload_key)
    (void *ctx, const char *log, const char *month, struct key256 *ret,
     enum crypto_suite *ret_suite, struct error *e);
    /* The key that the log's checkpoints verify under, as a verifier key (note.h). */
    RESULT(*log_vkey)
    (void *ctx, const char *log, const char *origin, struct buf *ret_vkey, struct error *e);
    void *ctx;
};

#endif

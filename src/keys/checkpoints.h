/*
 * The newest checkpoint (size and root) that was signed for each log, in DIR/keeper/checkpoints: so
 * that a restarted keeper still refuses a smaller tree, or another root for the same size.
 *
 * One place of 128 bytes per log, overwritten in place (docs/formats/keyring.md). What is
 * guaranteed:
 *   - a place is written before its signature leaves: a keeper that dies, however, forgets nothing;
 *   - it is made durable within a second of that, not before: after a loss of power the last second
 *   may be forgotten. Then the
 *     ledger's own journal, which is durable before anything is signed, and the witnesses stand
 *     against a rollback;
 *   - a changed or exchanged byte is found when the file is opened (HMAC-SHA-256 over place, log,
 *   size and root);
 *   - the file put back whole from an older copy is not found out.
 */
#ifndef TROTH_KEYS_CHECKPOINTS_H
#define TROTH_KEYS_CHECKPOINTS_H

#include "base/clock.h"
#include "base/secret.h"
#include "sys/fs.h"

#define CHECKPOINTS_FILE "checkpoints"

struct checkpoints;

RESULT checkpoints_create(struct fs *dir, struct error *e); /* ERRC_EXISTS */
/* dir and clock outlive it. ERRC_NOT_FOUND. */
RESULT checkpoints_open(struct fs *dir, const struct clock *clock, const struct key256 *mac_key,
                        struct checkpoints **ret, struct error *e);
void checkpoints_close(struct checkpoints *c); /* makes all durable */
DEFINE_CLEANUP(checkpoints_close, struct checkpoints *)

/* A log that has nothing signed yet: its place is made durable before the log comes to be. */
RESULT checkpoints_prepare(struct checkpoints *c, const char *log, uint32_t slot, struct error *e);
/* Reads the place of a log. ERRC_INTEGRITY when it is damaged or another's. */
RESULT checkpoints_add(struct checkpoints *c, const char *log, uint32_t slot, struct error *e);
/*
 * To be called before signing. ERRC_CONFLICT: smaller than what was signed. ERRC_INTEGRITY: another
 * root for the same size. The same again is fine.
 */
RESULT checkpoints_advance(struct checkpoints *c, const char *log, uint64_t size,
                           const uint8_t root[32], struct error *e);
/*
 * Makes durable what is due; the monotonic time at which it is to be called again (INT64_MAX:
 * never).
 */
void checkpoints_sync(struct checkpoints *c);
int64_t checkpoints_next_sync_ms(const struct checkpoints *c);

#endif

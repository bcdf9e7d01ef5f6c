/*
 * A large blob on its way into its file. The writer seals straight into the aligned buffer; what is
 * final goes to the disk in pieces of 1 MiB with O_DIRECT, by the pool, while the next piece fills
 * a second buffer if one is free.
 */
#ifndef TROTH_VAULT_LARGE_H
#define TROTH_VAULT_LARGE_H

#include "vault/vault_priv.h"

struct large;
/* Creates the file. */
RESULT large_open(struct vault *v, struct buffers_share *share, const struct blob_uid *uid,
                  struct large **ret, struct error *e);
/* The buffer being filled, BUFFER_BYTES long; waits for one when there is none yet. May move with
 * large_flush. */
RESULT large_buffer(struct large *l, uint8_t **ret, struct error *e);
/* The first BUFFER_WRITE_BYTES are final and go out; what stands behind them, up to `total`, moves
 * to the front. */
RESULT large_flush(struct large *l, size_t total, struct error *e);
/* The last n bytes; the file and its name are durable then. Gives the buffers back. */
RESULT large_finish(struct large *l, size_t n, struct error *e);
/* Frees l; the file stays only if `keep`. Waits. NULL allowed. */
void large_free(struct large *l, bool keep);

#endif

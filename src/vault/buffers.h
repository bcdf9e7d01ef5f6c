/*
 * The write buffers of large objects: a fixed number, aligned for O_DIRECT, allocated when first
 * needed. A writer holds one while it has data, and a second one only while nobody waits for a
 * first. Thread-safe.
 */
#ifndef TROTH_VAULT_BUFFERS_H
#define TROTH_VAULT_BUFFERS_H

#include "crypto/stream.h"
#include "sys/co.h"

#define BUFFER_WRITE_BYTES (1024 * 1024u)
/* A chunk over the edge, one more behind it, their tags; whole pages. */
#define BUFFER_BYTES (BUFFER_WRITE_BYTES + 2 * STREAM_CHUNK + 4096)

struct buffers;
struct buffers *buffers_new(uint64_t budget_bytes);
void buffers_free(struct buffers *b);
/*
 * What one tenant holds; zeros at first. At most three quarters of all, so that one whose uploads
 * stand still leaves room for the others.
 */
struct buffers_share {
    size_t held; /* the pool's to write */
};
/* Waits for its turn. ERRC_NOMEM. */
RESULT buffers_take(struct buffers *b, struct buffers_share *share, uint8_t **ret);
/* NULL when none is free for this share. */
uint8_t *buffers_take_spare(struct buffers *b, struct buffers_share *share);
bool buffers_is_wanted(struct buffers *b); /* someone waits who may have one */
void buffers_give(struct buffers *b, struct buffers_share *share, uint8_t *p); /* NULL allowed */
void buffers_count(struct buffers *b, uint64_t *ret_in_use, uint64_t *ret_all);

#endif

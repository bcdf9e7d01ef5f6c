/*
 * The body of a blob on its way in: where it lies while it is sealed, in a record in memory or in
 * the buffers of a large file. Plain bytes are read to the very place where their sealed form will
 * stand.
 */
#ifndef TROTH_VAULT_WRITER_H
#define TROTH_VAULT_WRITER_H

#include "vault/digest.h"
#include "vault/large.h"

struct body {
    struct vault *v;
    const char *tenant;
    struct extent x; /* uid, prefix, key as given; place and size once finished */
    bool has_size;
    uint64_t size; /* announced */
    uint64_t written;
    uint64_t max;
    struct digests digests;

    struct stream_sealer *sealer;
    uint8_t aad[BLOB_AAD_MAX];
    size_t aad_n, tag_n;
    uint8_t *stage; /* the record of a small blob */
    size_t stage_n;
    struct large *large;
    uint8_t *base;   /* stage or the large blob's buffer */
    size_t chunk_at; /* in base: the chunk being filled */
    size_t chunk_n, hashed;
    bool has_pending; /* a full chunk before it, not sealed: it may be the last */
    bool is_failed;
};

/* Takes a fresh data key from the keeper. b is zeroed. has_size: exactly `size` bytes will come. */
RESULT body_begin(struct body *b, const struct vault_ctx *cx, const char *key_id, bool has_size,
                  uint64_t size, uint64_t max, unsigned digests, struct error *e);
RESULT body_space(struct body *b, uint8_t **ret, size_t *ret_n, struct error *e);
RESULT body_wrote(struct body *b, size_t n, struct error *e);
/* Over all that was written so far. Nothing may be written after it. */
const struct vault_checksums *body_digests(struct body *b);
/* Seals the last chunk and makes the blob durable: b->x names it. ERRC_FORMAT: fewer bytes than
 * announced. */
RESULT body_finish(struct body *b, struct error *e);
/* keep: a row names the blob now; else nothing of it remains. */
void body_done(struct body *b, bool keep);

#endif

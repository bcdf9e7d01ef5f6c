/* A record of a pack: docs/formats/blob.md. */
#ifndef TROTH_VAULT_RECORD_H
#define TROTH_VAULT_RECORD_H

#include "vault/blob.h"

#define RECORD_HEAD_BYTES 12
#define RECORD_MAX        (RECORD_HEAD_BYTES + BLOB_HEADER_MAX + 2 * (STREAM_CHUNK + SUITE_TAG_MAX))

/* Fills the head of a record of n bytes whose blob stands behind it already. */
void record_seal(uint8_t *record, size_t n);
/* Checks all of it. *ret_chunks: what stands behind the header. ERRC_INTEGRITY or ERRC_UNSUPPORTED.
 */
RESULT record_open(struct bytes record, struct blob_header *ret, struct bytes *ret_chunks,
                   struct error *e);

#endif

/* The payload of an entry about an act of the vault: RFC 8785 JSON, members as in DESIGN's list,
 * absent when empty. */
#ifndef TROTH_VAULT_PAYLOAD_H
#define TROTH_VAULT_PAYLOAD_H

#include "vault/vault.h"

struct payload {
    const char *bucket;
    struct bytes key, prefix, delimiter, after, source;
    const char *version, *upload;
    const char *phase, *result, *error;
    const struct vault_object *object;   /* size, checksums, suite, key, custodian, version */
    const struct vault_bucket *settings; /* sse, digest, key */
    const struct vault_pair *tags;
    size_t tag_count;
    bool has_tags;
    bool has_range;
    uint64_t from, length;
    bool has_intent;
    uint64_t intent;
    uint32_t part, status, parts;
};

/* Writes it to `out` (its max: LEDGER_PAYLOAD_MAX). */
RESULT payload_write(const struct vault_ctx *cx, const struct payload *p, struct buf *out,
                     struct error *e);

#endif

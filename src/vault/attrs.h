/*
 * The attributes of an object as one sealed-away column: checksums, content type, headers,
 * metadata, tags.
 *
 *   attrs     := version(1) = 1, flags(1), checksums, bytes16 content type, pairs headers, pairs
 * metadata, pairs tags flags     := 1 checksums are composite, 2 the SHA-256 of the data stands
 * behind the checksums checksums := known(1), then for each known one in order: its raw value pairs
 * := count(2) (bytes16 name, bytes16 value)*
 */
#ifndef TROTH_VAULT_ATTRS_H
#define TROTH_VAULT_ATTRS_H

#include "vault/vault.h"

#define ATTRS_MAX (64 * 1024)

/* Of o: checksums, sha256, content_type, headers, metadata, tags. */
void attrs_encode(const struct vault_object *o, struct buf *out);
/* Sets the same, pointing to copies in `a`; with only_checksums the rest is left alone.
 * ERRC_FORMAT. */
RESULT attrs_decode(struct bytes in, bool only_checksums, struct arena *a, struct vault_object *ret,
                    struct error *e);

#endif

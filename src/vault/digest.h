/*
 * Digests of a body while it streams, and of a multipart object from those of its parts.
 */
#ifndef TROTH_VAULT_DIGEST_H
#define TROTH_VAULT_DIGEST_H

#include "vault/vault.h"

#define VAULT_ALL_CHECKSUMS ((1u << VAULT_CHECKSUM_COUNT) - 1)

/* Embedded; one thread at a time. */
struct digests {
    unsigned wanted_;
    bool is_final_;
    struct hash md5_, sha1_, sha256_;
    uint32_t crc32_, crc32c_;
    uint64_t crc64_;
    struct vault_checksums out_;
};
/* wanted: bits of enum vault_checksum. */
void digests_init(struct digests *d, unsigned wanted);
void digests_update(struct digests *d, struct bytes v);
/* Ends it; may be asked again. Borrowed from d. */
const struct vault_checksums *digests_final(struct digests *d);
void digests_done(struct digests *d);

/* Bytes of a checksum's raw value, and the name it has in entries ("crc32c"). */
size_t checksum_len(enum vault_checksum c);
const char *checksum_name(enum vault_checksum c);
void checksum_set(struct vault_checksums *c, enum vault_checksum which, const void *value);
/* Every checksum that `want` knows is known to `have` with the same value. */
bool checksums_agree(const struct vault_checksums *want, const struct vault_checksums *have);

/* The CRC of A followed by B, from those of A and of B and the length of B: raw big-endian values.
 */
void crc_combine(enum vault_checksum which, uint8_t *a, const uint8_t *b, uint64_t b_bytes);

/*
 * The checksums of a completed upload: those in `wanted` that all parts know. CRC64NVME, and with
 * is_full CRC32 and CRC32C, are of the whole object; the others the checksum of the parts' raw
 * values one after another.
 */
void checksums_of_parts(const struct vault_part *parts, size_t n, unsigned wanted, bool is_full,
                        struct vault_checksums *ret);

#endif

/* The checksums that S3 knows: their names, headers and lengths. */
#ifndef TROTH_API_S3_CHECKSUM_H
#define TROTH_API_S3_CHECKSUM_H

#include "vault/vault.h"

/* "x-amz-checksum-crc32" and so on; NULL for MD5, which is Content-MD5. */
const char *s3_checksum_header(enum vault_checksum c);
const char *s3_checksum_name(enum vault_checksum c); /* "CRC32", "CRC64NVME", ... */
size_t s3_checksum_len(enum vault_checksum c);
bool s3_checksum_by_name(struct bytes name, enum vault_checksum *ret); /* any case; not MD5 */
/* Base64 of exactly s3_checksum_len(c) bytes. */
bool s3_checksum_parse(struct bytes v, enum vault_checksum c, uint8_t *ret);

#endif

/*
 * Checksums against accidents, as S3 names them. Incremental: start with 0, pass the result on.
 *   CRC32      ISO 3309 (zlib)            "123456789" -> cbf43926
 *   CRC32C     Castagnoli, RFC 3720       "123456789" -> e3069283
 *   CRC64NVME  NVM Express, reflected     "123456789" -> ae8b14860a799888
 */
#ifndef TROTH_CRYPTO_CRC_H
#define TROTH_CRYPTO_CRC_H

#include "base/bytes.h"

uint32_t crc32_update(uint32_t crc, struct bytes v);
uint32_t crc32c_update(uint32_t crc, struct bytes v);
uint64_t crc64nvme_update(uint64_t crc, struct bytes v);

#endif

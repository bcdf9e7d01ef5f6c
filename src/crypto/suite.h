/*
 * The two suites that data is sealed with. Both take one 32-byte key and nothing else: whatever
 * keys they need inside are derived from it. The numbers are written on disk and never change their
 * meaning.
 *
 *   1  AES-256-GCM        NIST SP 800-38D; boxes extend the nonce (XAES-256-GCM of C2SP). Tag 16
 * bytes. 2  SM4-CTR-HMAC-SM3   GB/T 32907, GB/T 17964, GB/T 32905: encrypt-then-MAC, keys by
 * HKDF-SM3. Tag 32 bytes.
 */
#ifndef TROTH_CRYPTO_SUITE_H
#define TROTH_CRYPTO_SUITE_H

#include "base/bytes.h"

enum crypto_suite { SUITE_AES256_GCM = 1, SUITE_SM4_CTR_HMAC_SM3 = 2 };

#define SUITE_TAG_MAX 32

/* "AES-256-GCM", "SM4-CTR-HMAC-SM3"; NULL for a number that is none. */
const char *suite_name(enum crypto_suite s);
/* ERRC_UNSUPPORTED for a name that is none. */
RESULT suite_by_name(struct bytes name, enum crypto_suite *ret);
/* A number from disk or wire; ERRC_UNSUPPORTED when it is none. */
RESULT suite_by_number(unsigned number, enum crypto_suite *ret);
/* 16 or 32 bytes; 0 for a number that is none. */
size_t suite_tag_len(enum crypto_suite s);

#endif

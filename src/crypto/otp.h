/* One-time passwords: HOTP (RFC 4226), which TOTP (RFC 6238) takes with a step of time. */
#ifndef TROTH_CRYPTO_OTP_H
#define TROTH_CRYPTO_OTP_H

#include "crypto/hash.h"

#define OTP_DIGITS_MIN 6
#define OTP_DIGITS_MAX 8

/* RFC 4226 section 5.3 under HASH_SHA1, HASH_SHA256 or HASH_SHA512 (RFC 6238 section 1.2). Writes
 * `digits` (6..8) digits and NUL: a secret for as long as it is good. */
void otp_hotp(enum hash_alg alg, struct bytes key, uint64_t counter, unsigned digits,
              char ret[OTP_DIGITS_MAX + 1]);

#endif

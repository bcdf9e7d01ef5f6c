/*
 * Argon2id (RFC 9106, version 19) for passwords and passphrases. Computed on the calling thread
 * alone, whatever the lanes; takes m KiB of memory and tens of milliseconds: not on a loop's
 * thread, use co_call.
 */
#ifndef TROTH_CRYPTO_PASSWORD_H
#define TROTH_CRYPTO_PASSWORD_H

#include "base/bytes.h"
#include "base/rng.h"

struct password_params {
    uint32_t m_kib;  /* 8 * lanes .. 1 GiB */
    uint32_t passes; /* 1..64 */
    uint32_t lanes;  /* 1..16 */
};
/* RFC 9106 section 4, second recommendation: 64 MiB, 3 passes, 4 lanes. */
extern const struct password_params password_params_default;

#define PASSWORD_PHC_MAX 128
#define PASSWORD_MAX     1024 /* bytes of a password */

/* "$argon2id$v=19$m=65536,t=3,p=4$salt$hash", 16-byte salt, 32-byte hash. ERRC_RANGE, ERRC_NOMEM.
 */
RESULT password_hash(const struct password_params *p, struct bytes password, const struct rng *rng,
                     char ret[PASSWORD_PHC_MAX]);
/* ERRC_DENIED when it is another password, ERRC_FORMAT for a string that is none, ERRC_RANGE for
 * parameters past the bounds. */
RESULT password_check(struct bytes phc, struct bytes password);
/* True when the string was made with other parameters than these: hash anew at the next login. */
bool password_is_outdated(struct bytes phc, const struct password_params *p);
/* The raw key: salt 8..64 bytes, n 16..64. `aad` may be empty. */
RESULT password_derive(const struct password_params *p, struct bytes password, struct bytes salt,
                       struct bytes aad, uint8_t *ret, size_t n);

#endif

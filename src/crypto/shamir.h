/*
 * Shamir's secret sharing over GF(2^8) (polynomial 0x11b), byte by byte, without tables or
 * secret-dependent branches.
 *
 *   share := 'T' 'S' version(1) k(1) n(1) x(1) set(8) y(secret bytes + 8) checksum(4)
 *
 * What is shared is secret || first 8 bytes of SHA-256("troth shamir" || secret): a wrong set of
 * shares is found out after combining, and nothing about the secret can be tested before. `set` is
 * random and the same for all shares of a split; checksum is the first 4 bytes of SHA-256 of all
 * before it, against slips of the pen.
 */
#ifndef TROTH_CRYPTO_SHAMIR_H
#define TROTH_CRYPTO_SHAMIR_H

#include "base/rng.h"
#include "base/secret.h"

#define SHAMIR_SECRET_MAX 64
#define SHAMIR_SHARE_MAX  (14 + SHAMIR_SECRET_MAX + 8 + 4)

struct shamir_share {
    uint8_t b[SHAMIR_SHARE_MAX];
    size_t n;
};

/* 1 <= k <= n <= 255 (k = 1: each share is the secret), secret 1..SHAMIR_SECRET_MAX bytes:
 * ERRC_RANGE. The caller wipes the shares. */
RESULT shamir_split(struct bytes secret, unsigned k, unsigned n, const struct rng *rng,
                    struct shamir_share *ret);

struct shamir_info {
    unsigned k, n, x;
    uint8_t set[8];
    size_t secret_bytes;
};
/* ERRC_FORMAT: no share, or its checksum is wrong. */
RESULT shamir_share_info(struct bytes share, struct shamir_info *ret, struct error *e);
/*
 * From k or more shares. ERRC_FORMAT for a bad one, ERRC_CONFLICT for shares of different sets or
 * one given twice, ERRC_RANGE for too few, ERRC_INTEGRITY when they don't fit together.
 */
RESULT shamir_combine(const struct bytes *shares, size_t count, struct secret **ret,
                      struct error *e);

#endif

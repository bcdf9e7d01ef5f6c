/*
 * A box: one message sealed under a long-lived key, with a random nonce so long that any number of
 * messages may share the key (the 2^32 bound of SP 800-38D section 8.3 for random 96-bit nonces
 * does not bind).
 *
 *   AES-256-GCM       XAES-256-GCM (c2sp.org/XAES-256-GCM): nonce(24) ct tag(16)
 *   SM4-CTR-HMAC-SM3  nonce(32) ct tag(32); enc key(16), counter block(16), mac key(32) =
 *                     HKDF-SM3(key, salt nonce, info "troth box SM4-CTR-HMAC-SM3 v1");
 *                     tag = HMAC-SM3(mac key, aad || ct || be64(aad bytes) || be64(ct bytes))
 *
 * The associated data says what the message is and where it belongs; it must be given again to
 * open. Messages are at most BOX_MAX bytes.
 */
#ifndef TROTH_CRYPTO_BOX_H
#define TROTH_CRYPTO_BOX_H

#include "base/buf.h"
#include "base/rng.h"
#include "base/secret.h"
#include "crypto/suite.h"

#define BOX_MAX          ((size_t)1 << 30)
#define BOX_OVERHEAD_MAX 64

/* What a box is longer than its message: 40 or 64 bytes. */
size_t box_overhead(enum crypto_suite s);

/* Appends the box to `out`. ERRC_UNSUPPORTED (suite), ERRC_LIMIT (too long, also for `out`). */
RESULT box_seal(enum crypto_suite s, const struct key256 *key, struct bytes aad, struct bytes plain,
                const struct rng *rng, struct buf *out);
/* Appends the message to `out`. ERRC_INTEGRITY for anything that was not sealed so: nothing is
 * appended then. */
RESULT box_open(enum crypto_suite s, const struct key256 *key, struct bytes aad, struct bytes box,
                struct buf *out);

/*
 * A key prepared for many messages (pages, payloads). Its contexts are changed by every call: one
 * thread at a time; give each thread its own. The key is wiped with it.
 */
struct box_key;
RESULT box_key_new(enum crypto_suite s, const struct key256 *key, struct box_key **ret);
void box_key_free(struct box_key *k);
DEFINE_CLEANUP(box_key_free, struct box_key *)
enum crypto_suite box_key_suite(const struct box_key *k);
RESULT box_key_seal(struct box_key *k, struct bytes aad, struct bytes plain, const struct rng *rng,
                    struct buf *out);
RESULT box_key_open(struct box_key *k, struct bytes aad, struct bytes box, struct buf *out);
/* Into the caller's memory: plain.n + box_overhead bytes at dst, which does not overlap plain.
 * Allocates nothing (AES). */
RESULT box_key_seal_at(struct box_key *k, struct bytes aad, struct bytes plain,
                       const struct rng *rng, uint8_t *dst);
/*
 * box.n - box_overhead bytes at dst, which does not overlap the box. On ERRC_INTEGRITY dst is
 * wiped.
 */
RESULT box_key_open_at(struct box_key *k, struct bytes aad, struct bytes box, uint8_t *dst);

#endif

/*
 * Signatures. Kinds of keys stand in one table (sign.c); adding one adds a row.
 *
 *   Ed25519      RFC 8032. Seed 32, public 32, signature 64 bytes.
 *   ECDSA P-256  FIPS 186-5 with SHA-256. Private scalar 32, public point 65 (uncompressed),
 * signature DER, at most 72.
 */
#ifndef TROTH_CRYPTO_SIGN_H
#define TROTH_CRYPTO_SIGN_H

#include "base/rng.h"
#include "base/secret.h"

enum sign_alg { SIGN_ED25519 = 1, SIGN_ECDSA_P256 = 2 };

#define SIGN_SEED_BYTES      32
#define SIGN_PUBLIC_MAX      65
#define SIGN_MAX             72
#define ED25519_PUBLIC_BYTES 32
#define ED25519_BYTES        64

const char *sign_alg_name(enum sign_alg alg); /* "Ed25519", "ECDSA-P256-SHA256"; NULL when none */

/* A private key. Immutable: may be used by several threads at once. */
struct sign_key;
RESULT sign_key_generate(enum sign_alg alg, const struct rng *rng, struct sign_key **ret);
/* The same seed gives the same key. ERRC_RANGE when it is none (P-256 scalar 0 or >= n; wrong
 * length). */
RESULT sign_key_from_seed(enum sign_alg alg, struct bytes seed, struct sign_key **ret);
void sign_key_free(struct sign_key *k);
DEFINE_CLEANUP(sign_key_free, struct sign_key *)
enum sign_alg sign_key_alg(const struct sign_key *k);
void sign_key_seed(const struct sign_key *k,
                   struct key256 *ret);                 /* to be sealed; the caller wipes */
struct bytes sign_key_public(const struct sign_key *k); /* borrowed from k */
/* `ret` takes SIGN_MAX bytes. */
RESULT sign_bytes(const struct sign_key *k, struct bytes msg, uint8_t *ret, size_t *ret_n);

/* A public key prepared for many checks. Immutable: may be used by several threads at once. */
struct verify_key;
RESULT verify_key_new(enum sign_alg alg, struct bytes pub,
                      struct verify_key **ret); /* ERRC_FORMAT */
void verify_key_free(struct verify_key *k);
DEFINE_CLEANUP(verify_key_free, struct verify_key *)
RESULT verify_bytes(const struct verify_key *k, struct bytes msg,
                    struct bytes sig); /* ERRC_INTEGRITY */
/* At one go. ERRC_FORMAT for a public key that is none, ERRC_INTEGRITY. */
RESULT verify_once(enum sign_alg alg, struct bytes pub, struct bytes msg, struct bytes sig);

#endif

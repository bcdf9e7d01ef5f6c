/*
 * The chunked seal of blobs: STREAM (Hoang, Reyhanitabar, Rogaway, Vizar, CRYPTO 2015). The message
 * is cut into chunks of STREAM_CHUNK bytes, each sealed by itself with the nonce
 *
 *   prefix(7) chunk index(4, big-endian) last flag(1: 0 or 1)
 *
 * so that chunks can be opened one by one for range reads, while truncation, reordering, repetition
 * and splicing fail. The key is fresh for every object and seals it once; the prefix stands in the
 * object's header.
 *
 *   AES-256-GCM       tag 16
 *   SM4-CTR-HMAC-SM3  enc key(16), mac key(32) = HKDF-SM3(key, salt prefix, info "troth stream
 * SM4-CTR-HMAC-SM3 v1"); counter block = nonce || be32(0); tag(32) = HMAC-SM3(mac key, nonce || aad
 * || ct || be64(aad bytes) || be64(ct bytes))
 *
 * Shape, enforced on both sides: every chunk but the last has exactly STREAM_CHUNK bytes; the last
 * has 1..STREAM_CHUNK, and 0 only if it is the only one. At most 2^32 - 1 chunks. Objects here are
 * used by one thread at a time.
 */
#ifndef TROTH_CRYPTO_STREAM_H
#define TROTH_CRYPTO_STREAM_H

#include "base/secret.h"
#include "crypto/suite.h"

#define STREAM_CHUNK  65536u
#define STREAM_PREFIX 7

/* Chunks of a message of so many bytes; 1 for an empty one. */
uint64_t stream_chunk_count(uint64_t plain_bytes);
/* Bytes of all chunks with their tags behind each. ERRC_LIMIT past 2^32 - 1 chunks. */
RESULT stream_sealed_len(enum crypto_suite s, uint64_t plain_bytes, uint64_t *ret);

/* Seals one object from its first chunk to its last, each once, in order: so no nonce comes twice.
 */
struct stream_sealer;
RESULT stream_sealer_new(enum crypto_suite s, const struct key256 *key,
                         const uint8_t prefix[STREAM_PREFIX], struct stream_sealer **ret);
void stream_sealer_free(struct stream_sealer *s);
DEFINE_CLEANUP(stream_sealer_free, struct stream_sealer *)
/*
 * Seals the next chunk: in.n bytes at `out` (may be in.p itself, else no overlap), suite_tag_len
 * bytes at `tag`. ERRC_RANGE for a length against the shape, ERRC_CONFLICT after the last chunk,
 * ERRC_LIMIT past 2^32 - 1 chunks.
 */
RESULT stream_seal_chunk(struct stream_sealer *s, bool is_last, struct bytes aad, struct bytes in,
                         uint8_t *out, uint8_t *tag);
uint32_t stream_sealer_index(const struct stream_sealer *s); /* of the next chunk */

/* Opens chunks in any order. */
struct stream_opener;
RESULT stream_opener_new(enum crypto_suite s, const struct key256 *key,
                         const uint8_t prefix[STREAM_PREFIX], struct stream_opener **ret);
void stream_opener_free(struct stream_opener *s);
DEFINE_CLEANUP(stream_opener_free, struct stream_opener *)
/*
 * in.n bytes at `out` (may be in.p itself). ERRC_INTEGRITY, with `out` wiped, for anything that was
 * not sealed as this chunk of this object with this flag and aad.
 */
RESULT stream_open_chunk(struct stream_opener *s, uint32_t index, bool is_last, struct bytes aad,
                         struct bytes in, const uint8_t *tag, uint8_t *out);

#endif

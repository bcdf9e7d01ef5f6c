/* For hmac.c: states that are copied and finished without being torn down. */
#ifndef TROTH_CRYPTO_HASH_PRIV_H
#define TROTH_CRYPTO_HASH_PRIV_H

#include "crypto/hash.h"

/* `to` is zeroed or was used with the same algorithm before. */
void hash_copy(struct hash *to, const struct hash *from);
/* As hash_final, but the object keeps its memory: hash_copy or hash_done follow. */
size_t hash_finish(struct hash *h, uint8_t *ret);

#endif

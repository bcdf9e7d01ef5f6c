/*
 * Idempotency keys of creating calls: the same key with the same request gives the same answer, and
 * the thing is made once. Kept a day (house.h removes them).
 */
#ifndef TROTH_IDENTITY_IDEMPOTENCY_H
#define TROTH_IDENTITY_IDEMPOTENCY_H

#include "base/buf.h"
#include "identity/directory.h"

#define IDEMPOTENCY_KEY_MAX  128
#define IDEMPOTENCY_BODY_MAX (256u * 1024)
#define IDEMPOTENCY_LIFE_MS  (24ll * 3600 * 1000)

struct idempotency {
    const char *realm, *principal; /* whose key it is: keys of others never meet */
    const char *key;               /* 1..IDEMPOTENCY_KEY_MAX printable characters */
    uint8_t digest[32];            /* of the request: method, path, body */
};
/*
 * Takes the key. *ret_status 0: it is fresh, go on, and then idempotency_end or idempotency_drop;
 * else the answer that was given, its body in `body` (*ret_is_secret: it held a secret and was not
 * kept). ERRC_CONFLICT: taken by another request, or by one that has not ended.
 */
RESULT idempotency_begin(struct directory *d, const struct idempotency *i, unsigned *ret_status,
                         bool *ret_is_secret, struct buf *body, struct error *e);
/* Keeps the answer; a secret one without its body. */
RESULT idempotency_end(struct directory *d, const struct idempotency *i, unsigned status,
                       bool is_secret, struct bytes body, struct error *e);
/* Nothing was made: the key may be used again. */
RESULT idempotency_drop(struct directory *d, const struct idempotency *i, struct error *e);

#endif

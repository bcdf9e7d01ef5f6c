/*
 * Sealed payloads, as they lie in the journal and in a log's file `payloads`:
 *
 *   frame := box bytes (4) | month, 202611 (4) | suite (1) | CRC32C of these 9 bytes and the box
 * (4) | box box   := crypto/box.h of salt (32) | payload, under the log's key of that month;
 *            associated data: origin | 0x00 | index (8)
 *
 * The checksum finds accidents where the key is destroyed and the box can't be opened any more.
 */
#ifndef TROTH_LEDGER_PAYLOAD_H
#define TROTH_LEDGER_PAYLOAD_H

#include "base/clock.h"
#include "base/rng.h"
#include "crypto/box.h"
#include "ledger/entry.h"
#include "ledger/keys.h"

#define PAYLOAD_HEAD      13u
#define PAYLOAD_FRAME_MAX (PAYLOAD_HEAD + LEDGER_SALT_BYTES + LEDGER_PAYLOAD_MAX + BOX_OVERHEAD_MAX)
#define LEDGER_ORIGIN_MAX 127

/* An RFC 8785 object of at most LEDGER_PAYLOAD_MAX bytes. ERRC_FORMAT, ERRC_LIMIT */
RESULT payload_check(struct bytes payload, struct error *e);

uint32_t payload_month(int64_t wall_ms); /* 202611 */

/* The keys of one log's months, fetched from the keeper and forgotten after a while: a destroyed
 * key is then gone here too. */
#define PAYLOAD_KEY_KEEP_MS 1000
struct payload_keys {
    const struct ledger_keys *keys;
    const struct clock *clock;
    const char *log;
    struct {
        uint32_t month;
        int64_t fetched_ms;
        struct box_key *key;
    } slots[2];
};
void payload_keys_init(struct payload_keys *k, const struct ledger_keys *keys,
                       const struct clock *clock, const char *log /* borrowed */);
void payload_keys_done(struct payload_keys *k);
/* Borrowed until the next call. */
RESULT payload_keys_get(struct payload_keys *k, uint32_t month, struct box_key **ret,
                        struct error *e);

/* Appends the frame to `out`. `plain` is salt and payload. */
RESULT payload_seal(struct box_key *key, uint32_t month, const char *origin, uint64_t index,
                    struct bytes plain, const struct rng *rng, struct buf *out);
struct payload_frame {
    uint32_t month;
    enum crypto_suite suite;
    struct bytes box;
};
/* The whole of `in` is one frame with the right checksum. */
RESULT payload_frame_parse(struct bytes in, struct payload_frame *ret, struct error *e);
/* Opens it: `out` gets salt and payload. ERRC_EXPIRED when the key is destroyed, ERRC_INTEGRITY. */
RESULT payload_open(struct payload_keys *k, const struct payload_frame *f, const char *origin,
                    uint64_t index, struct buf *out, struct error *e);

#endif

/*
 * A ledger entry: the leaf of the log, RFC 8785 JSON with exactly these members
 * (docs/formats/ledger.md):
 *   {"commitment":base64,"counter":n,"kind":text,"source":text,"time":RFC 3339 with milliseconds in
 * UTC,"v":1} commitment = SHA-256(salt || payload); salt 32 bytes; payload an RFC 8785 object of at
 * most LEDGER_PAYLOAD_MAX bytes.
 */
#ifndef TROTH_LEDGER_ENTRY_H
#define TROTH_LEDGER_ENTRY_H

#include "base/buf.h"
#include "ledger/tree.h"

#define LEDGER_PAYLOAD_MAX 61440u
#define LEDGER_ENTRY_MAX   65535u
#define LEDGER_SALT_BYTES  32
#define LEDGER_NAME_MAX    64 /* kind, source: [a-z0-9._/-], 1..63 */

struct entry {
    uint64_t counter; /* dense per log and source, from 1 */
    int64_t time_ms;
    char kind[LEDGER_NAME_MAX];
    char source[LEDGER_NAME_MAX];
    struct tree_hash commitment;
};

/* [a-z0-9._/-], 1..63 bytes: what kind and source are made of. */
bool entry_name_is_valid(struct bytes name);
/* kind and source valid, counter 1..2^53-1, time in the years 1970..9999: the caller's duty. Uses
 * no printf. */
void entry_encode(const struct entry *en, struct buf *out);
/* Strict: re-encoding gives the same bytes, else ERRC_FORMAT. */
RESULT entry_parse(struct bytes in, struct entry *ret, struct error *e);
struct tree_hash entry_commitment(const uint8_t salt[LEDGER_SALT_BYTES], struct bytes payload);

#endif

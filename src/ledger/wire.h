/*
 * Messages between the scribe and its callers: the bodies of sys/rpc.h frames. Shared by client.c
 * and scribe.c. text := bytes (1) | bytes. Integers big-endian.
 *
 *   append       request: flags (1) | count (2) | count of (log text | kind text | payload bytes
 * (4) | payload) answer:  count of (index (8) | time (8) | leaf hash (32)) | receipt bytes (4) |
 * receipt, if asked for create       request: log text read         request: log text | from (8) |
 * count (8) answer:  (index (8) | leaf bytes (2) | leaf | erased (1) | salt and payload bytes (4) |
 * salt | payload) ... prove        request: log text | index (8)                  answer: receipt
 *   consistency  request: log text | old size (8) | size (8)    answer: hashes
 *   checkpoint   request: log text                              answer: note
 *   checkpoints  request: log text | from size (8)              answer: (note | NUL) ...
 *   cosign       request: log text | size (8) | lines
 *   timestamp    request: log text | size (8) | token
 *   stamped      request: log text | size (8)                   answer: token
 *   status       request: log text       answer: size (8) | published size (8) | published ms (8) |
 * full (1)
 */
#ifndef TROTH_LEDGER_WIRE_H
#define TROTH_LEDGER_WIRE_H

#include "base/buf.h"
#include "sys/rpc.h"

enum wire_op {
    WIRE_APPEND = 1,
    WIRE_CREATE,
    WIRE_READ,
    WIRE_PROVE,
    WIRE_CONSISTENCY,
    WIRE_CHECKPOINT,
    WIRE_CHECKPOINTS,
    WIRE_COSIGN,
    WIRE_TIMESTAMP,
    WIRE_STAMPED,
    WIRE_STATUS
};

#define WIRE_FLAG_RECEIPT   1u
#define WIRE_ITEMS_MAX      1024u
#define WIRE_POSITION_BYTES 48u
#define WIRE_READ_BYTES                                                                            \
    (1024u * 1024) /* an answer to `read` ends after the entry that passes this */
#define WIRE_PAGE_NOTES 512u
#define WIRE_NAME_MAX   64

void wire_add_text(struct buf *b, const char *s);
/* Copies it, terminated; ERRC_FORMAT when it has NULs or is longer than WIRE_NAME_MAX - 1. */
RESULT wire_take_text(struct bytes *in, char dst[WIRE_NAME_MAX]);

#endif

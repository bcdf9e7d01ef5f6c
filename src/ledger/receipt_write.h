/* Writing receipts (docs/formats/receipt.md). Checking them is elsewhere: it needs nothing of the
 * scribe. */
#ifndef TROTH_LEDGER_RECEIPT_WRITE_H
#define TROTH_LEDGER_RECEIPT_WRITE_H

#include "base/buf.h"
#include "ledger/tree.h"

struct receipt_parts {
    struct bytes checkpoint; /* signed note */
    struct bytes leaf;
    uint64_t index;
    const char *origin;
    struct bytes plain; /* salt and payload */
    const struct tree_proof *proof;
};
void receipt_write(const struct receipt_parts *r, struct buf *out);

#endif

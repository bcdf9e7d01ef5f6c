/* Checking receipts (docs/formats/receipt.md) offline, and an object against one. */
#ifndef TROTH_LEDGER_RECEIPT_H
#define TROTH_LEDGER_RECEIPT_H

#include "ledger/entry.h"
#include "ledger/policy.h"
#include "sys/fs.h"

#define RECEIPT_MAX (256u * 1024)

struct receipt; /* parsed, not yet verified */

/* The text itself, or (when it does not begin with '{') its base64url as in the header
 * x-troth-receipt; one LF at the end is allowed. Strict: canonical, the members of version 1 alone.
 * ERRC_FORMAT, ERRC_LIMIT. */
RESULT receipt_parse(struct bytes text, struct receipt **ret, struct error *e);
void receipt_free(struct receipt *r);
DEFINE_CLEANUP(receipt_free, struct receipt *)

struct receipt_options {
    const struct policy *policy;    /* or NULL: cosignatures are not looked at */
    const struct note_key *log_key; /* or NULL; beside a policy: both must agree */
};
struct receipt_report { /* borrowed from the receipt */
    struct bytes origin, entry_text, payload, checkpoint;
    uint64_t index, size; /* of the checkpoint */
    struct entry entry;
    struct note_key log_key;
    struct policy_result witnesses;
};
/*
 * Steps 2 to 6 of receipt.md; the message names the member that is wrong. One of policy and log_key
 * is needed: a receipt has no key of its own (ERRC_NOT_FOUND without one for its log). ERRC_DENIED:
 * the policy's quorum is not met. ERRC_INTEGRITY, ERRC_FORMAT.
 */
RESULT receipt_verify(const struct receipt *r, const struct receipt_options *o,
                      struct receipt_report *ret, struct error *e);

/* What of a payload speaks of an object's bytes. */
enum receipt_object_proof { RECEIPT_OBJECT_SHA256, RECEIPT_OBJECT_CHECKSUM };
struct receipt_object {
    enum receipt_object_proof by;
    const char *algorithm; /* "SHA-256", "crc64nvme", ... */
    bool is_cryptographic; /* false: a checksum finds accidents, not forgery */
    uint64_t size;
};
/*
 * Streams a file: its size and SHA-256, or the checksum that the payload names where it has no
 * SHA-256. ERRC_INTEGRITY: another size or digest. ERRC_UNSUPPORTED: the payload names nothing that
 * can be checked over the whole object.
 */
RESULT receipt_check_object(struct bytes payload, struct fs_file *object,
                            struct receipt_object *ret, struct error *e);

#endif

/* Outgoing calls of the provider's side: checkpoints to witnesses (C2SP tlog-witness), digests to
 * time-stamping authorities. They block. */
#ifndef TROTH_LEDGER_COURIER_H
#define TROTH_LEDGER_COURIER_H

#include "base/rng.h"
#include "crypto/tsa.h"
#include "ledger/note.h"

struct witness_call {
    const char *url;            /* submission prefix: "/add-checkpoint" is put behind it */
    const char *ca_file;        /* or NULL: the system's */
    const struct note_key *key; /* of the witness: what it gives is verified */
    struct bytes note;          /* the checkpoint as signed by the log */
    uint64_t old_size;
    const struct tree_proof *proof; /* from old_size to the note's size */
    int64_t timeout_ms;
};
/*
 * OK: ret_lines has the verified cosignature line. ERRC_CONFLICT: the witness is at *ret_size (set
 * then alone). ERRC_NOT_FOUND (404), ERRC_DENIED (403), ERRC_INTEGRITY (422, or a cosignature that
 * does not verify), ERRC_FORMAT, and those of http_client_call.
 */
RESULT witness_submit(const struct witness_call *c, struct buf *ret_lines, uint64_t *ret_size,
                      struct error *e);
/* The body of an add-checkpoint request. */
void witness_request(struct bytes note, uint64_t old_size, const struct tree_proof *proof,
                     struct buf *out);

/* RFC 3161 over HTTPS; the answer is verified under the CA in `tsa_ca_pem`. ret_token:
 * TimeStampToken. */
RESULT tsa_stamp(const char *url, const char *ca_file, struct bytes tsa_ca_pem,
                 const uint8_t digest[SHA256_BYTES], const struct rng *rng, int64_t timeout_ms,
                 struct tsa_facts *ret, struct buf *ret_token, struct error *e);

#endif

/*
 * A trust policy: which logs, which witnesses, how many of them (docs/formats/policy.md, C2SP
 * tlog-policy). Immutable once parsed: may be used by several threads.
 */
#ifndef TROTH_LEDGER_POLICY_H
#define TROTH_LEDGER_POLICY_H

#include "ledger/note.h"

#define POLICY_MAX_BYTES (64u * 1024)
#define POLICY_ITEMS_MAX 32 /* logs, witnesses, groups: of each */

struct policy;

/* ERRC_FORMAT, ERRC_LIMIT, ERRC_NOT_FOUND, ERRC_EXISTS; the message begins with "line <n>: ". */
RESULT policy_parse(struct bytes text, struct policy **ret, struct error *e);
void policy_free(struct policy *p);
DEFINE_CLEANUP(policy_free, struct policy *)

/* Borrowed; NULL when there is none. */
const struct note_key *policy_log(const struct policy *p, struct bytes origin);
const struct note_key *policy_statement(const struct policy *p);
const char *policy_tsa(const struct policy *p); /* as written */
size_t policy_witness_count(const struct policy *p);
bool policy_has_quorum(const struct policy *p); /* false: "quorum none" */

struct policy_result {
    uint32_t witnesses;    /* a bit for each that cosigned, in the order of the file */
    unsigned cosignatures; /* how many */
    uint64_t newest_s;     /* greatest time of a cosignature; 0: none */
    bool is_met;           /* the quorum */
};
/*
 * The cosignatures of a note. ERRC_INTEGRITY when one under a key of the policy does not verify.
 * An unmet quorum is no error here: see ret->is_met. Does not look at the log's signature.
 */
RESULT policy_cosignatures(const struct policy *p, const struct note *n, struct policy_result *ret,
                           struct error *e);
/* For people: "2 of w1 w2 w3" as it stands in the file; the name of the quorum. */
const char *policy_quorum_name(const struct policy *p);

#endif

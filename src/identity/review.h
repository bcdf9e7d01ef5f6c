/*
 * Access reviews (2.1.4-6): a campaign holds a line for each access that somebody has (user x role,
 * policy or key) at its beginning; the reviewer keeps or revokes each until the due date. A
 * decision is signed: a statement under the deployment's statement key that names reviewer, factor
 * and decision, in the ledger. Lines undecided when it is due: listed; in a strict campaign the
 * access is revoked by the clock. Nobody decides their own lines: the reviewer's are decided by
 * another person of the realm. With its last line decided a campaign is closed.
 */
#ifndef TROTH_IDENTITY_REVIEW_H
#define TROTH_IDENTITY_REVIEW_H

#include "identity/user.h"

#define REVIEW_ID_BYTES 23 /* "r-" ... */

enum review_decision { REVIEW_OPEN, REVIEW_KEEP, REVIEW_REVOKE, REVIEW_LAPSED };
const char *review_decision_name(enum review_decision d);

struct review {
    char id[REVIEW_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    const char *name;
    char reviewer[IDENTITY_ID_BYTES];
    bool is_privileged; /* administrators and privileged roles alone (90 days), else all (180 days) */
    bool is_strict;
    int64_t created_ms, due_ms, closed_ms;
    size_t items, decided;
};
struct review_item {
    char subject[IDENTITY_ID_BYTES];
    const char *subject_name; /* of a group "group/dev" */
    const char *access;       /* "role/storage-owner", "policy/read", "inline/x", "group/dev",
                                 "access-key/AK...", "grant/g-..." */
    enum review_decision decision;
    int64_t decided_ms;
    const char *decided_by, *note;
};
RESULT review_create(struct directory *d, const char *realm, const char *name,
                     const char *reviewer_id, bool is_privileged, bool is_strict, int64_t due_ms,
                     struct arena *arena, struct review *ret, struct error *e);
RESULT review_get(struct directory *d, const char *id, struct arena *arena, struct review *ret,
                  struct error *e);
RESULT review_list(struct directory *d, const char *realm, const char *after, size_t max,
                   struct arena *arena, struct review **ret, size_t *ret_n, struct error *e);
RESULT review_items(struct directory *d, const char *id, struct arena *arena,
                    struct review_item **ret, size_t *ret_n, struct error *e);
RESULT review_item_get(struct directory *d, const char *id, const char *subject, const char *access,
                       struct arena *arena, struct review_item *ret, struct error *e);
/* KEEP or REVOKE, which takes the access away, by the reviewer; ERRC_DENIED otherwise (see above),
 * ERRC_CONFLICT when it is decided already. */
RESULT review_decide(struct directory *d, const char *id, const char *subject, const char *access,
                     enum review_decision decision, const char *by_user_id, const char *by_name,
                     const char *note, struct error *e);
/* What is signed (keys_sign_statement, context "access-review") and kept in the ledger: RFC 8785
 * JSON of the decided line, with the second factor that was given ("totp", "passkey") and when. */
RESULT review_statement(const struct review *r, const struct review_item *i, const char *factor,
                        int64_t mfa_ms, struct buf *out);
/* Members of an object. */
void review_json(struct jsonw *w, const struct review *r);
void review_item_json(struct jsonw *w, const struct review_item *i);

#endif

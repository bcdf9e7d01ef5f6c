/* What the files of reviews and the house share. */
#ifndef TROTH_IDENTITY_REVIEW_PRIV_H
#define TROTH_IDENTITY_REVIEW_PRIV_H

#include "identity/review.h"

/* Every access that somebody of the realm has now; of privileged ones alone: what administrators,
 * approvers and privileged roles have. */
RESULT review_collect(struct directory *d, const char *realm, bool is_privileged,
                      struct arena *arena, struct review_item **ret, size_t *ret_n,
                      struct error *e);
/* Takes an access away; what is gone already is no error. by_name: who ends a grant. */
RESULT review_revoke(struct directory *d, const char *realm, const char *subject,
                     const char *access, const char *by_user_id, const char *by_name,
                     struct error *e);

/* Lines of strict campaigns that nobody decided in time (at most 1000). */
struct review_late {
    char id[REVIEW_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    char subject[IDENTITY_ID_BYTES];
    const char *subject_name, *access;
};
RESULT reviews_late(struct directory *d, struct arena *arena, struct review_late **ret,
                    size_t *ret_n, struct error *e);
/* By the clock: the access is taken away, the line is LAPSED; the last one closes the campaign. */
RESULT review_lapse(struct directory *d, const struct review_late *l, struct error *e);

#endif

/* Inside of the decision: the condition keys of a query. */
#ifndef TROTH_IDENTITY_ACCESS_PRIV_H
#define TROTH_IDENTITY_ACCESS_PRIV_H

#include "identity/access.h"

#define ACCESS_KEYS_OWN       6  /* those that access_keys.c makes */
#define ACCESS_KEYS_USUAL     64 /* as many need no memory */
#define ACCESS_POLICIES_USUAL 32

/* Keys with the texts that they borrow; stays where it is. The first of a name counts: what the
 * server knows itself, what is known of the principal, what the request says. */
struct access_keys {
    const struct policy_key *keys;
    size_t count;
    struct policy_key few[ACCESS_KEYS_USUAL];
    struct policy_key *many; /* owned, or NULL */
    struct bytes values[ACCESS_KEYS_OWN];
    char time[32], epoch[24], age[24];
};
void access_keys_fill(const struct access_query *q, struct access_keys *ret);
void access_keys_done(struct access_keys *k);

#endif

/* The three administrators as policies reach them: admins.h. */
#include "identity/policy/admins.h"

unsigned policy_admins(const struct policy *p)
{
    unsigned bits = 0;
    for (const struct action *a = actions; a->name != NULL; a++) {
        bool counts = a->is_write || a->admin == ADMIN_AUDIT;
        if (a->admin != ADMIN_NONE && counts && (bits & a->admin) == 0 &&
            policy_may_allow(p, bytes_str(a->name))) {
            bits |= a->admin;
        }
    }
    return bits;
}

RESULT policy_document_admins(struct bytes document, unsigned *bits, struct error *e)
{
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    TRY(policy_compile(document, POLICY_IDENTITY, "policy", &p, e));
    *bits |= policy_admins(p);
    return RESULT_OK;
}

/*
 * Which of the three administrators' business a policy could ever allow: bits of enum admin_kind.
 * Writes count, and of audit the reads too; everybody may look at how access is arranged.
 */
#ifndef TROTH_IDENTITY_POLICY_ADMINS_H
#define TROTH_IDENTITY_POLICY_ADMINS_H

#include "identity/policy/action.h"
#include "identity/policy/policy.h"

unsigned policy_admins(const struct policy *p);
/* Of an identity policy's text, added to *bits. ERRC_FORMAT. */
RESULT policy_document_admins(struct bytes document, unsigned *bits, struct error *e);
/* More than one of them: what a person can't have at once. */
static inline bool admins_are_two(unsigned bits)
{
    return (bits & (bits - 1)) != 0;
}

#endif

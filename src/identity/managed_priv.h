/* What the files of policies share. */
#ifndef TROTH_IDENTITY_MANAGED_PRIV_H
#define TROTH_IDENTITY_MANAGED_PRIV_H

#include "identity/managed.h"
#include "identity/policy/policy.h"
#include "identity/user_priv.h"

/* Compiles it: ERRC_FORMAT in the compiler's words. The reason calls it "<kind> <name>". */
RESULT document_check(struct bytes document, enum policy_form form, const char *kind,
                      const char *name, struct error *e);

#endif

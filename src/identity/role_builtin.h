/*
 * The built-in roles: one table. Their documents are policies like any other (policy.h).
 *
 * Standing ones can be assigned; privileged ones are held through a running grant alone. Roles "of
 * the provider's staff in a tenant" are granted by that tenant's approver.
 */
#ifndef TROTH_IDENTITY_ROLE_BUILTIN_H
#define TROTH_IDENTITY_ROLE_BUILTIN_H

#include "identity/directory.h"
#include "identity/policy/action.h"

enum role_place {
    ROLE_OF_PLATFORM, /* the provider's staff, in the provider's realm */
    ROLE_OF_TENANT,   /* a tenant's people and programs, in their tenant */
    ROLE_IN_TENANT,   /* the provider's staff within a tenant, by its leave */
};
struct role_builtin {
    const char *name;
    enum role_place place;
    enum admin_kind admin;
    bool is_privileged, needs_mfa;
    const char *en, *zh; /* what it is for */
    const char *document;
};
extern const struct role_builtin role_builtins[]; /* ended by a NULL name */
const struct role_builtin *role_builtin_find(enum role_place place, struct bytes name);
/* Its id in a realm: made from the names, so that aws:userid of its sessions is the same every
 * time. */
void role_builtin_id(const char *realm, const char *name, char ret[IDENTITY_ID_BYTES]);

#endif

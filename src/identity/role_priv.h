/* Roles within jobs, and the rule of the three administrators, for the files of roles and
 * groups. */
#ifndef TROTH_IDENTITY_ROLE_PRIV_H
#define TROTH_IDENTITY_ROLE_PRIV_H

#include "identity/role.h"
#include "identity/role_builtin.h"
#include "identity/user_priv.h"

/* Does this built-in role belong to that realm. */
bool role_builtin_is_of(const struct role_builtin *b, const char *realm);
/* By name, built in or made by the realm: ERRC_NOT_FOUND. */
RESULT role_of_name(struct db_conn *c, const char *realm, struct bytes name, struct arena *arena,
                    struct access_role *ret, struct error *e);
/* ERRC_DENIED when this user is a person whose standing roles and policies, own ones and those of
 * groups, now reach two of the three administrators. Within the job that made it so. */
RESULT administrators_check(struct db_conn *c, const char *user_id, struct arena *arena,
                            struct error *e);

#endif

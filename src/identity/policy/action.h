/*
 * The actions that exist, each in one line of one table (action.c): what policies speak of, what
 * the matrix of roles is made over, and whose business an administrative action is.
 */
#ifndef TROTH_IDENTITY_POLICY_ACTION_H
#define TROTH_IDENTITY_POLICY_ACTION_H

#include "base/bytes.h"

/* The three administrators (GB/T 22239 8.1.5: 系统管理员, 审计管理员, 安全管理员). */
enum admin_kind {
    ADMIN_NONE = 0,
    ADMIN_SYSTEM = 1,   /* runs it: tenants, keys, settings */
    ADMIN_SECURITY = 2, /* who may do what: accounts, roles, policies, grants */
    ADMIN_AUDIT = 4,    /* the records: reading, exporting, evidence */
};

struct action {
    const char *name; /* "s3:GetObject" */
    enum admin_kind admin;
    bool is_write;
};
extern const struct action actions[]; /* by name; ended by NULL */
extern const size_t action_count;
/* NULL when there is no such action. Regards no case, as AWS. */
const struct action *action_find(struct bytes name);

#endif

/*
 * Roles of a realm: built in (role_builtin.h) or made by it; held by assignment or by a running
 * grant (grant.h), or assumed for a session (token.h). The callers write the ledger entries.
 */
#ifndef TROTH_IDENTITY_ROLE_H
#define TROTH_IDENTITY_ROLE_H

#include "identity/user.h"

/* Built in (role_builtin.c) or made by the realm. */
struct access_role {
    char id[IDENTITY_ID_BYTES]; /* of a built-in one: "" */
    char realm[TENANT_NAME_BYTES];
    const char *name, *path, *description;
    bool is_builtin;
    bool is_privileged; /* held through a running grant alone, never standing */
    bool needs_mfa;     /* its permissions are in force only in a session with a second factor */
    const char *trust;  /* who may assume it; of a built-in one: "" (who holds it) */
    uint64_t max_session_s; /* 900..43200 */
    const char *boundary, *tags;
    int64_t created_ms, used_ms;
    uint64_t version;
};
struct role_new {
    const char *name, *path, *description, *trust, *boundary, *tags;
    uint64_t max_session_s; /* 0: 3600 */
    bool is_privileged, needs_mfa;
};
RESULT role_create(struct directory *d, const char *realm, const struct role_new *r,
                   struct arena *arena, struct access_role *ret,
                   struct error *e); /* EXISTS also for a name of any built-in role */
RESULT role_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                struct access_role *ret, struct error *e); /* built-in ones of that realm too */
RESULT role_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                 size_t max, struct arena *arena, struct access_role **ret, size_t *ret_n,
                 struct error *e);
struct role_change {
    const char *description, *trust, *boundary, *tags; /* NULL: stays */
    uint64_t max_session_s;                            /* 0: stays */
    uint64_t version;
};
RESULT role_change(struct directory *d, const char *id, const struct role_change *c,
                   struct error *e);
/* With the tokens made by it: ERRC_CONFLICT while somebody holds it or policies hang on it. */
RESULT role_delete(struct directory *d, const char *id, struct error *e);
/* It was assumed or used now; kept to about a minute. */
void role_touch(struct directory *d, const char *id);
void role_json(struct jsonw *w, const struct access_role *r, const char *account);
void role_arn(struct buf *out, const struct access_role *r, const char *account);

/* A standing assignment to a user or group of that realm (by id). ERRC_DENIED for a privileged role
 * (grant.h is the way), for root, and where it would give a person, by itself or as a member of
 * that group, two of the three administrators. Taken back, tokens made by it end. */
RESULT role_assign(struct directory *d, const char *realm, const char *subject_id,
                   struct bytes role, struct error *e);
RESULT role_unassign(struct directory *d, const char *subject_id, struct bytes role,
                     struct error *e);
/* Names of the roles assigned to this subject itself (not by groups or grants). */
RESULT role_assigned(struct directory *d, const char *subject_id, struct arena *arena,
                     const char ***ret, size_t *ret_n, struct error *e);
/* Whether what a user, a group, a role of the realm's own or a managed policy (`id`) is or allows
 * reaches this user: itself, its groups, the roles held by it or them, policies that hang on any of
 * these, its boundary. */
RESULT rights_reach(struct directory *d, const char *user_id, const char *id, bool *ret,
                    struct error *e);

#endif

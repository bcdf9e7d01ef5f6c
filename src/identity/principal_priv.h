/*
 * How a principal comes to be: read in one snapshot (principal_load.c), compiled and put together
 * (principal_build.c), kept and handed out (principal.c).
 */
#ifndef TROTH_IDENTITY_PRINCIPAL_PRIV_H
#define TROTH_IDENTITY_PRINCIPAL_PRIV_H

#include "crypto/hash.h"
#include "identity/grant.h"
#include "identity/principal.h"
#include "identity/role_builtin.h"
#include "identity/sql_priv.h"

#include <stdatomic.h>

#define PRINCIPAL_OPERATOR_PREFIX "operator/"

/* --- what was read; texts in the arena, "" where there is none --- */

struct source_document {
    const char *name; /* "user/lin inline read", "group/ops policy read" */
    const char *json;
};
struct source_documents {
    struct source_document *v;
    size_t n;
};
/* A role that is named somewhere. */
struct source_role {
    const char *name;
    bool is_there;
    const struct role_builtin *builtin; /* or NULL: of the realm */
    char id[IDENTITY_ID_BYTES];
    const char *path, *tags, *boundary; /* of the realm's own; boundary: see source_boundary */
    bool is_privileged, needs_mfa;
    int64_t created_ms;
    struct source_documents documents;
};
struct source_realm {
    char name[TENANT_NAME_BYTES];
    char account[ACCOUNT_BYTES];
    enum tenant_state state;
    int64_t frozen_ms;
};
struct source_token {
    char realm[TENANT_NAME_BYTES], home[TENANT_NAME_BYTES], user_id[IDENTITY_ID_BYTES];
    const char *role, *name, *issuer, *policy, *tags, *grant;
    uint8_t hash[SHA256_BYTES];
    int64_t mfa_ms, created_ms, expires_ms;
};
struct principal_source {
    /* set by the caller: */
    struct arena *arena;
    int64_t now_ms;
    bool has_mfa; /* of a token: read from it */
    /* read: */
    const char *key; /* access key id or "" */
    bool is_enabled; /* of an access key */
    bool is_token;
    struct source_token token;
    struct source_realm home, realm;
    bool has_user;
    struct user user;
    struct origin_rule origin;         /* of a person */
    const char *boundary;              /* document; NULL: none */
    struct source_documents documents; /* of the user and its groups */
    struct source_role *roles;         /* held: assigned to the user or a group of it */
    size_t role_n;
    struct source_role role; /* of a token */
    struct grant *grants;    /* running; roles beside them */
    struct source_role *grant_roles;
    size_t grant_n;
    int64_t next_ms;         /* a grant begins or ends; 0: none */
    const char *operator_id; /* "operator/0", of the local operator */
};
/* ERRC_NOT_FOUND: no such key. */
RESULT principal_load_key(struct directory *d, struct bytes key, struct principal_source *s,
                          struct error *e);
RESULT principal_load_user(struct directory *d, const char *user_id, struct principal_source *s,
                           struct error *e);
/* "operator/0": its grants alone. */
RESULT principal_load_operator(struct directory *d, const char *operator_id,
                               struct principal_source *s, struct error *e);
RESULT principal_load_realm(struct directory *d, const char *realm, struct principal_source *s,
                            struct error *e);

/* --- the built-in roles, compiled when the directory is opened --- */

struct principal_builtin {
    const struct role_builtin *role;
    struct policy *policy;
};
RESULT principal_builtins_compile(struct principal_builtin **ret, struct error *e);
void principal_builtins_free(struct principal_builtin *b);

/* --- what comes of it --- */

struct principal_box {
    struct principal p; /* first: a principal is its box */
    _Atomic unsigned refs;
    _Atomic int64_t touched_s; /* second of the last use that was told */
    struct arena *arena;
    struct policy **policies; /* counted; compiled for it or shared */
    size_t policy_n, policy_room;
    bool is_token, is_enabled;
    uint8_t hash[SHA256_BYTES]; /* of a token's session token */
};
/* Under way. */
struct principal_make {
    struct principal_box *b;
    const struct principal_builtin *builtins;
    const struct principal_source *s;
    const char *broken; /* what can't be read, or NULL */
};
/* Sets policies, grants and admins of m->b->p, whose kind is set. */
void principal_rules_make(struct principal_make *m);
/* The running grant a token was made from; NULL: none. */
const struct grant *principal_token_grant(const struct principal_source *s);

/* Everything of b but its count. Strings are copied: the source may go. */
void principal_build(struct principal_box *b, enum principal_kind kind,
                     const struct principal_builtin *builtins, const struct principal_source *s);
/* The value of the directory's cache. */
void principal_cached_free(void *box);

#endif

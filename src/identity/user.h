/*
 * People, service accounts and groups of a realm. A realm is a
 * tenant's name or IDENTITY_PLATFORM, the provider's own; a name is looked up within one realm
 * only.
 *
 * Names: 1..64 (of groups and policies 1..128) of [A-Za-z0-9_+=,.@-], unique in the realm without
 * regard to case: letters of other scripts, which could look like another account, are refused.
 * Looked up as they are written: "LIN" does not find lin, which a policy may speak of. Paths: "/"
 * or "/team/part/", at most 512 bytes of the same characters. `display` may be any printable text.
 * Results live in the arena. The callers write the ledger entries (api/act.h).
 */
#ifndef TROTH_IDENTITY_USER_H
#define TROTH_IDENTITY_USER_H

#include "base/arena.h"
#include "base/json.h"
#include "identity/directory.h"

#define IDENTITY_TAGS_MAX 50

enum user_kind { USER_PERSON = 1, USER_SERVICE = 2, USER_ROOT = 3 /* the tenant's first keys */ };
enum user_state { USER_ACTIVE, USER_SUSPENDED, USER_ENDED };
const char *user_kind_name(enum user_kind k);   /* "person", "service", "root" */
const char *user_state_name(enum user_state s); /* "active", "suspended", "ended" */

struct user {
    char id[IDENTITY_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    const char *name, *path; /* path "/" or "/team/" as in IAM */
    enum user_kind kind;
    const char *owner; /* 2.2.2-1: of a person the full name, of a service account the name of the
                            person of the same realm who answers for it (or "root", before there are
                            persons), of root the tenant. Never empty */
    const char *display, *email;
    enum user_state state;
    int64_t created_ms, changed_ms;
    int64_t active_ms;    /* last act; for P-IAM-3; kept to about a minute */
    int64_t ends_ms;      /* date of leaving, 0: none; ended by the clock then */
    int64_t frozen_ms;    /* 0: not frozen */
    const char *boundary; /* policy ARN or "" */
    const char *tags;     /* canonical JSON object of strings */
    uint64_t version;     /* ETag: grows with every change */
};

bool identity_name_is_valid(struct bytes name);
bool identity_path_is_valid(struct bytes path);
/* Account number of a realm; ERRC_NOT_FOUND. And back. */
RESULT realm_account(struct directory *d, const char *realm, char ret[ACCOUNT_BYTES],
                     struct error *e);
RESULT realm_of_account(struct directory *d, struct bytes account, char ret[TENANT_NAME_BYTES],
                        struct error *e);
/* A realm is claimed once a person of it who may approve has a second factor; from then on nobody
 * acts for it without its leave (docs/identity.md). */
RESULT realm_is_claimed(struct directory *d, const char *realm, bool *ret, struct error *e);
RESULT realm_claim(struct directory *d, const char *realm, struct error *e);
/* Freeze of a whole tenant (2.2.2-5): no session, key or token of it works until it is thawed. */
RESULT realm_set_frozen(struct directory *d, const char *realm, bool frozen, struct error *e);
RESULT realm_is_frozen(struct directory *d, const char *realm, bool *ret, struct error *e);
/* Frozen by nobody, but because the accounts were put back to an older copy (rollback.h). */
RESULT realm_is_rolled_back(struct directory *d, const char *realm, bool *ret, struct error *e);

struct user_new {
    const char *name, *path, *owner, *display, *email, *boundary, *tags; /* NULL: none */
    enum user_kind kind;
    int64_t ends_ms;
};
/* ERRC_FORMAT, ERRC_LIMIT, ERRC_RANGE; ERRC_EXISTS: the name is taken, by an ended account too;
 * ERRC_CONFLICT: nobody of that name can be its owner, or the tenant is closed; ERRC_NOT_FOUND: no
 * such realm, or no policy of it as boundary. */
RESULT user_create(struct directory *d, const char *realm, const struct user_new *u,
                   struct arena *arena, struct user *ret, struct error *e);
RESULT user_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                struct user *ret, struct error *e);
RESULT user_get_by_id(struct directory *d, struct bytes id, struct arena *arena, struct user *ret,
                      struct error *e);
/* In order of the names, after `after` (empty: from the start), at most max whose path starts with
 * `path`. */
RESULT user_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                 size_t max, struct arena *arena, struct user **ret, size_t *ret_n,
                 struct error *e);
/* What of it changes; NULL / -1: stays. version 0: whatever it is, else ERRC_CONFLICT when it is
 * another. Every change empties the caches: it holds for the next request. */
struct user_change {
    const char *name, *path, *owner, *display, *email, *boundary, *tags;
    int64_t ends_ms; /* -1: stays */
    uint64_t version;
};
RESULT user_change(struct directory *d, const char *id, const struct user_change *c,
                   struct error *e);
/* Suspended and active go to and fro; ENDED is final and takes sessions, tokens, keys, factors,
 * roles and grants with it: the row stays, so that the name is never another person's. */
RESULT user_set_state(struct directory *d, const char *id, enum user_state s, struct error *e);
RESULT user_set_frozen(struct directory *d, const char *id, bool frozen, struct error *e);
/* Removes the row (iam:DeleteUser) with password and sessions: ERRC_CONFLICT while keys, factors,
 * policies, groups, roles or open grants hang on it, while it answers for service accounts, for
 * root and for who has ended. */
RESULT user_delete(struct directory *d, const char *id, struct error *e);
/* Marks it active now: in memory, written about once a minute (tally.h). */
void user_touch(struct directory *d, const char *id);
void user_json(struct jsonw *w, const struct user *u,
               const char *account); /* members of an object */
void user_arn(struct buf *out, const struct user *u, const char *account);

/* --- groups --- */

struct group {
    char id[IDENTITY_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    const char *name, *path;
    int64_t created_ms;
    uint64_t version;
};
RESULT group_create(struct directory *d, const char *realm, const char *name, const char *path,
                    struct arena *arena, struct group *ret, struct error *e);
RESULT group_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                 struct group *ret, struct error *e);
RESULT group_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                  size_t max, struct arena *arena, struct group **ret, size_t *ret_n,
                  struct error *e);
RESULT group_delete(struct directory *d, const char *id,
                    struct error *e); /* CONFLICT: members, policies */
/* ERRC_LIMIT past ten groups of one user; ERRC_DENIED where the group's roles would make a person
 * two of the three administrators; ERRC_NOT_FOUND for one of another realm. */
RESULT group_add(struct directory *d, const char *group_id, const char *user_id, struct error *e);
RESULT group_remove(struct directory *d, const char *group_id, const char *user_id,
                    struct error *e);
RESULT group_members(struct directory *d, const char *group_id, struct arena *arena,
                     struct user **ret, size_t *ret_n, struct error *e);
RESULT user_groups(struct directory *d, const char *user_id, struct arena *arena,
                   struct group **ret, size_t *ret_n, struct error *e);
void group_json(struct jsonw *w, const struct group *g, const char *account);

#endif

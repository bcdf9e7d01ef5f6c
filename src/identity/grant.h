/*
 * Privilege just in time: who, what role, over which realm, why, ticket, from, until; asked,
 * approved by another person, used, and ended by itself.
 *
 * 1. Over "platform": a person of the provider asks for a privileged platform role; another person
 *    with troth:ApproveGrant approves.
 * 2. Over a tenant: the provider's staff ask for a ROLE_IN_TENANT role; a person of that tenant
 * with
 *    troth:ApproveGrant approves, with a second factor given at most 5 minutes ago.
 * 3. Within a tenant: its own people ask for a custom privileged role of the tenant; approved by
 *    another person of it.
 * 4. Nobody approves what they asked for. Longer than P-PAM-2 is refused, at asking and at
 * approving.
 * 5. Break-glass (over a tenant, or the platform): begins at once, at most an hour (P-PAM-3), needs
 * a
 *    reason; a notice to the realm with a clock goes with it (notice.h).
 * 6. Standing grants: none, but P-PAM-1 break-glass accounts over the platform.
 * The callers write the ledger entries, to the log of `realm`.
 */
#ifndef TROTH_IDENTITY_GRANT_H
#define TROTH_IDENTITY_GRANT_H

#include "identity/user.h"

#define GRANT_ID_BYTES     23 /* "g-" and 20 of [a-z2-7], NUL */
#define GRANT_FRESH_MFA_MS (5 * 60 * 1000)

enum grant_kind { GRANT_ORDINARY = 1, GRANT_BREAK_GLASS = 2, GRANT_STANDING = 3 };
enum grant_state {
    GRANT_ASKED = 1,
    GRANT_APPROVED, /* running from from_ms to until_ms */
    GRANT_REFUSED,
    GRANT_WITHDRAWN, /* by who asked */
    GRANT_ENDED,     /* before its time: by who holds it, an approver, a freeze */
    GRANT_PAST,      /* by the clock */
    GRANT_LAPSED,    /* asked, not decided in time */
};
const char *grant_kind_name(enum grant_kind k);   /* "ordinary", "break-glass", "standing" */
const char *grant_state_name(enum grant_state s); /* "asked", "approved", ... */

struct grant {
    char id[GRANT_ID_BYTES];
    char realm[TENANT_NAME_BYTES];   /* over which */
    char home[TENANT_NAME_BYTES];    /* of who asked */
    char user_id[IDENTITY_ID_BYTES]; /* of a local operator: "operator/0" */
    const char *user_name, *role;
    const char *policy; /* further limits: an identity policy, or "" */
    const char *reason, *ticket;
    enum grant_kind kind;
    enum grant_state state;
    int64_t asked_ms, from_ms, until_ms; /* until 0: standing */
    int64_t decided_ms;
    char decided_by[IDENTITY_ID_BYTES];
    const char *decided_name, *note;
    int64_t ended_ms;
    const char *ended_by; /* actor, or "clock" */
    uint64_t uses;
    int64_t used_ms;
};
struct grant_ask {
    const char *realm, *home, *user_id, *user_name, *role, *policy, *reason, *ticket;
    enum grant_kind kind;
    int64_t from_ms, length_ms; /* from 0: now */
};
RESULT grant_create(struct directory *d, const struct grant_ask *ask, struct arena *arena,
                    struct grant *ret, struct error *e);
/* `mfa_ms`: when the approver gave the second factor. ERRC_DENIED: own, or not fresh;
 * ERRC_CONFLICT: not asked any more. length_ms 0: as asked; shorter is possible. */
RESULT grant_approve(struct directory *d, const char *id, const struct user *approver,
                     int64_t mfa_ms, int64_t length_ms, const char *note, struct arena *arena,
                     struct grant *ret, struct error *e);
RESULT grant_refuse(struct directory *d, const char *id, const struct user *approver,
                    const char *note, struct arena *arena, struct grant *ret, struct error *e);
/* Withdrawn when only asked, else ended. By who holds it, a person of `realm` or of `home`, or
 * "clock" itself; ERRC_DENIED otherwise. */
RESULT grant_end(struct directory *d, const char *id, const char *by_user_id, const char *by_name,
                 struct arena *arena, struct grant *ret, struct error *e);
RESULT grant_get(struct directory *d, const char *id, struct arena *arena, struct grant *ret,
                 struct error *e);
struct grant_filter {
    const char *realm;   /* over it; NULL: any */
    const char *home;    /* asked from there; NULL: any */
    const char *user_id; /* NULL: any */
    int state;           /* enum grant_state, 0: any */
    const char *after;   /* id: pages, newest first */
};
RESULT grant_list(struct directory *d, const struct grant_filter *f, size_t max,
                  struct arena *arena, struct grant **ret, size_t *ret_n, struct error *e);
/* Those of a user that run at now_ms; and when the next one begins or ends (0: none). */
RESULT grants_running(struct directory *d, const char *user_id, int64_t now_ms, struct arena *arena,
                      struct grant **ret, size_t *ret_n, int64_t *ret_next_ms, struct error *e);
/* The use of a grant is counted, in memory first. */
void grant_touch(struct directory *d, const char *id);
void grant_json(struct jsonw *w, const struct grant *g); /* members of an object */

/* --- what the other party is told (to be acknowledged) --- */

struct notice {
    char id[GRANT_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    const char *kind;    /* "break-glass" */
    const char *subject; /* grant id */
    const char *detail;
    int64_t created_ms, due_ms, acked_ms;
    const char *acked_by;
};
RESULT notice_ack(struct directory *d, const char *realm, const char *id, const char *by,
                  struct error *e);
RESULT notice_list(struct directory *d, const char *realm, bool open_only, const char *after,
                   size_t max, struct arena *arena, struct notice **ret, size_t *ret_n,
                   struct error *e);
void notice_json(struct jsonw *w, const struct notice *n); /* members of an object */

#endif

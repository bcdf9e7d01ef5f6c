/* Who may hold which role over which realm, for how long: the rules of grants, asked when a grant
 * is asked for and again when it is approved. */
#include "identity/grant_priv.h"

#include "base/text.h"
#include "identity/param.h"
#include "identity/policy/admins.h"
#include "identity/principal.h"
#include "identity/role.h"
#include "identity/role_builtin.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)
#define AHEAD_MS  (30 * 24 * HOUR_MS) /* a grant begins within */

bool grant_is_operator(const char *user_id)
{
    return bytes_has_prefix(bytes_str(user_id), BYTES_LIT("operator/"));
}

RESULT grant_realm_check(struct directory *d, const char *realm, const char *home,
                         enum grant_kind kind, struct error *e)
{
    struct tenant t;
    bool is_platform = strcmp(realm, IDENTITY_PLATFORM) == 0, is_claimed = false;
    if (!is_platform) {
        TRY(directory_tenant_get(d, realm, &t, e));
        if (t.state == TENANT_CLOSED) {
            FAIL(e, ERRC_CONFLICT, "tenant %s is closed", realm);
        }
    }
    if (strcmp(home, IDENTITY_PLATFORM) != 0 && strcmp(home, realm) != 0) {
        FAIL(e, ERRC_DENIED, "only the provider's staff can be let in by tenant %s", realm);
    }
    if (kind == GRANT_BREAK_GLASS) {
        if (strcmp(home, IDENTITY_PLATFORM) != 0) {
            FAIL(e, ERRC_DENIED, "break-glass is for the provider's staff");
        }
        return RESULT_OK;
    }
    if (kind == GRANT_STANDING && !is_platform) {
        FAIL(e, ERRC_DENIED, "standing grants: over the platform alone");
    }
    TRY(realm_is_claimed(d, realm, &is_claimed, e));
    if (!is_claimed && is_platform) {
        FAIL(e, ERRC_CONFLICT, "the platform has no approver yet");
    }
    if (!is_claimed) {
        FAIL(e, ERRC_CONFLICT, "tenant %s has no approver yet", realm);
    }
    return RESULT_OK;
}

/* --- roles --- */

RESULT grant_role_check(struct directory *d, const char *realm, const char *home, const char *role,
                        struct arena *arena, struct error *e)
{
    bool is_platform = strcmp(realm, IDENTITY_PLATFORM) == 0;
    if (!is_platform && strcmp(home, IDENTITY_PLATFORM) == 0) {
        if (role_builtin_find(ROLE_IN_TENANT, bytes_str(role)) == NULL) {
            FAIL(e, ERRC_NOT_FOUND,
                 "role '%.64s' is not one of the provider's staff in a tenant (support-...)", role);
        }
        return RESULT_OK;
    }
    struct access_role r;
    TRY(role_get(d, realm, bytes_str(role), arena, &r, e));
    if (!is_platform && r.is_builtin && r.is_privileged) {
        FAIL(e, ERRC_DENIED, "role %s is for the provider's staff", r.name);
    }
    if (!r.is_privileged) {
        FAIL(e, ERRC_CONFLICT, "role %s is not privileged: it is assigned, not granted", r.name);
    }
    return RESULT_OK;
}

/* The policies of a role of the realm itself. */
static RESULT custom_admins(struct directory *d, const char *role_id, unsigned *bits,
                            struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c,
                   "SELECT document FROM inlines WHERE subject = ?1 UNION ALL"
                   " SELECT v.document FROM attachments a JOIN policies p ON p.id = a.policy"
                   " JOIN policy_versions v ON v.policy = p.id AND v.version = p.default_version"
                   " WHERE a.subject = ?1",
                   &s, e));
    db_bind_text(s, 1, bytes_str(role_id));
    for (;;) {
        TRY(db_step(s, &has_row, e));
        if (!has_row) {
            break;
        }
        TRY(policy_document_admins(db_col_bytes(s, 0), bits, e));
    }
    db_reset(s);
    return RESULT_OK;
}

RESULT grant_role_admins(struct directory *d, const char *realm, const char *home, const char *role,
                         struct arena *arena, unsigned *bits, struct error *e)
{
    bool is_platform = strcmp(realm, IDENTITY_PLATFORM) == 0;
    enum role_place place = is_platform                            ? ROLE_OF_PLATFORM
                            : strcmp(home, IDENTITY_PLATFORM) == 0 ? ROLE_IN_TENANT
                                                                   : ROLE_OF_TENANT;
    const struct role_builtin *b = role_builtin_find(place, bytes_str(role));
    if (b != NULL) {
        return policy_document_admins(bytes_str(b->document), bits, e);
    }
    struct access_role r;
    TRY(role_get(d, realm, bytes_str(role), arena, &r, e));
    return custom_admins(d, r.id, bits, e);
}

/* Of the grants of this user over this realm, or at home, that run or will. */
static RESULT granted_admins(struct directory *d, const struct grant *g, struct arena *arena,
                             unsigned *bits, struct error *e)
{
    struct grant_filter f = { .user_id = g->user_id, .state = GRANT_APPROVED };
    struct grant *list = NULL;
    size_t n = 0;
    int64_t now = clock_wall_ms(d->clock);
    TRY(grant_list(d, &f, SIZE_MAX, arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool is_over = list[i].until_ms != 0 && list[i].until_ms <= now;
        bool is_near = strcmp(list[i].realm, g->realm) == 0 || strcmp(list[i].realm, g->home) == 0;
        if (is_over || !is_near || strcmp(list[i].id, g->id) == 0) {
            continue;
        }
        TRY(grant_role_admins(d, list[i].realm, list[i].home, list[i].role, arena, bits, e));
    }
    return RESULT_OK;
}

/*= 2.1.4-2 "the three administrators exclude each other, a granted role included" */
static RESULT admins_check(struct directory *d, const struct grant *g, const struct principal *p,
                           struct arena *arena, struct error *e)
{
    unsigned bits = 0;
    TRY(grant_role_admins(d, g->realm, g->home, g->role, arena, &bits, e));
    if (bits == 0) {
        return RESULT_OK; /* no administrator's role: what the others are does not matter */
    }
    bits |= p->admins;
    TRY(granted_admins(d, g, arena, &bits, e));
    if (admins_are_two(bits)) {
        FAIL(e, ERRC_DENIED,
             "role %s would make %s two of the three administrators (system, security, audit)",
             g->role, g->user_name);
    }
    return RESULT_OK;
}

RESULT grant_asker_check(struct directory *d, const struct grant *g, struct arena *arena,
                         struct error *e)
{
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    struct user u;
    if (grant_is_operator(g->user_id)) {
        if (g->kind != GRANT_BREAK_GLASS) {
            FAIL(e, ERRC_DENIED, "the local operator has break-glass alone: sign in and ask");
        }
        return RESULT_OK;
    }
    TRY(user_get_by_id(d, bytes_str(g->user_id), arena, &u, e));
    if (strcmp(u.realm, g->home) != 0 || u.kind != USER_PERSON) {
        FAIL(e, ERRC_DENIED, "privilege is granted to persons, each of their own realm");
    }
    TRY(principal_of_user(d, u.id, true, &p, e));
    if (u.state != USER_ACTIVE || u.frozen_ms != 0 || p->is_frozen) {
        FAIL(e, ERRC_DENIED, "account %s is suspended, frozen or ended", u.name);
    }
    return admins_check(d, g, p, arena, e);
}

/* --- length --- */

/*= 2.1.4-3 "no grant is longer than P-PAM-2, break-glass not longer than P-PAM-3" */
RESULT grant_length_check(struct directory *d, const char *realm, enum grant_kind kind,
                          int64_t length_ms, struct error *e)
{
    if (kind == GRANT_STANDING) {
        if (length_ms != 0) {
            FAIL(e, ERRC_RANGE, "a standing grant has no length");
        }
        return RESULT_OK;
    }
    bool is_ordinary = kind == GRANT_ORDINARY;
    uint64_t max = param_u64(d, realm, is_ordinary ? PARAM_GRANT : PARAM_BREAK_GLASS);
    int64_t max_ms = (int64_t)max * (is_ordinary ? HOUR_MS : MINUTE_MS);
    if (length_ms < MINUTE_MS || length_ms > max_ms) {
        FAIL(e, ERRC_RANGE, "length: from a minute to %llu %s (%s)", (unsigned long long)max,
             is_ordinary ? "hours" : "minutes",
             params[is_ordinary ? PARAM_GRANT : PARAM_BREAK_GLASS].id);
    }
    return RESULT_OK;
}

RESULT grant_begin_check(enum grant_kind kind, int64_t from_ms, int64_t now_ms, struct error *e)
{
    if (from_ms == 0) {
        return RESULT_OK;
    }
    if (kind != GRANT_ORDINARY) {
        FAIL(e, ERRC_RANGE, "from: a %s grant begins at once", grant_kind_name(kind));
    }
    if (from_ms < now_ms || from_ms > now_ms + AHEAD_MS) {
        FAIL(e, ERRC_RANGE, "from: within the next 30 days");
    }
    return RESULT_OK;
}

/*= 2.1.4-3 "standing privileged grants: at most P-PAM-1" */
RESULT grant_standing_check(struct db_conn *c, uint64_t max, const char *but_id, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c, "SELECT count(*) FROM grants WHERE kind = 3 AND state IN (1, 2) AND id <> ?1",
                   &s, e));
    db_bind_text(s, 1, bytes_str(but_id));
    TRY(db_step(s, &has_row, e));
    uint64_t n = (uint64_t)db_col_i64(s, 0);
    db_reset(s);
    if (n >= max) {
        FAIL(e, ERRC_LIMIT, "standing grants: at most %llu (%s)", (unsigned long long)max,
             params[PARAM_STANDING].id);
    }
    return RESULT_OK;
}

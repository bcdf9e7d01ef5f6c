/*
 * What happens to a grant: asked -> approved | refused | withdrawn | lapsed; approved -> ended |
 * past. Each step is one transaction that looks at the state first: of two at once one wins, the
 * other gets ERRC_CONFLICT. The rules: grant_rules.c.
 */
#include "identity/counter.h"
#include "identity/grant_priv.h"
#include "identity/param.h"
#include "identity/policy/policy.h"

#define OPEN_MAX 50 /* asks of one user that wait */

struct create {
    const struct grant *g;
    const struct notice *notice; /* or NULL */
    uint64_t standing_max;
};

static RESULT open_check(struct db_conn *c, const struct grant *g, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c,
                   "SELECT count(*), coalesce(sum(realm = ?2 AND role = ?3), 0) FROM grants"
                   " WHERE user = ?1 AND state = 1",
                   &s, e));
    db_bind_text(s, 1, bytes_str(g->user_id));
    db_bind_text(s, 2, bytes_str(g->realm));
    db_bind_text(s, 3, bytes_str(g->role));
    TRY(db_step(s, &has_row, e));
    int64_t open = db_col_i64(s, 0), same = db_col_i64(s, 1);
    db_reset(s);
    if (same > 0) {
        FAIL(e, ERRC_EXISTS, "%s asked for role %s over %s already: it waits for a decision",
             g->user_name, g->role, g->realm);
    }
    if (open >= OPEN_MAX) {
        FAIL(e, ERRC_LIMIT, "%s has %d asks that wait: withdraw some", g->user_name, OPEN_MAX);
    }
    return RESULT_OK;
}

static RESULT create_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct create *in = arg;
    const struct grant *g = in->g;
    struct db_stmt *s = NULL;
    if (g->kind != GRANT_BREAK_GLASS) {
        TRY(open_check(c, g, e));
    }
    if (g->kind == GRANT_STANDING) {
        TRY(grant_standing_check(c, in->standing_max, g->id, e));
    }
    TRY(db_prepare(c,
                   "INSERT INTO grants(" GRANT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                   " ?9, ?10, ?11, ?12, ?13, ?14, ?15, '', '', '', 0, '', 0, 0)",
                   &s, e));
    const char *const texts[] = { g->id,   g->realm,  g->home,   g->user_id, g->user_name,
                                  g->role, g->policy, g->reason, g->ticket };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_text(s, (int)i + 1, bytes_str(texts[i]));
    }
    db_bind_i64(s, 10, g->kind);
    db_bind_i64(s, 11, g->state);
    db_bind_i64(s, 12, g->asked_ms);
    db_bind_i64(s, 13, g->from_ms);
    db_bind_i64(s, 14, g->until_ms);
    db_bind_i64(s, 15, g->decided_ms);
    TRY(db_run(s, e));
    return in->notice == NULL ? RESULT_OK : notice_insert(c, in->notice, e);
}

static const char *text_of(struct arena *arena, const char *v)
{
    return arena_str(arena, bytes_str(v == NULL ? "" : v));
}

static RESULT ask_check(const struct grant_ask *ask, struct error *e)
{
    if (ask->kind < GRANT_ORDINARY || ask->kind > GRANT_STANDING) {
        FAIL(e, ERRC_FORMAT, "kind: ordinary, break-glass or standing");
    }
    if (strlen(ask->realm) >= TENANT_NAME_BYTES || strlen(ask->home) >= TENANT_NAME_BYTES ||
        strlen(ask->user_id) >= IDENTITY_ID_BYTES) {
        FAIL(e, ERRC_FORMAT, "realm or user: too long");
    }
    TRY(grant_text_check("role", ask->role, 1, 64, e));
    TRY(grant_text_check("reason", ask->reason == NULL ? "" : ask->reason, 1, 1024, e));
    TRY(grant_text_check("ticket", ask->ticket == NULL ? "" : ask->ticket, 0, 128, e));
    if (ask->policy != NULL && ask->policy[0] != '\0') {
        CLEANUP(policy_unref_p) struct policy *p = NULL;
        TRY_MSG(policy_compile(bytes_str(ask->policy), POLICY_IDENTITY, "grant", &p, e), e,
                "policy");
    }
    return RESULT_OK;
}

static RESULT name_of(struct directory *d, const char *user_id, struct arena *arena,
                      const char **ret, struct error *e)
{
    struct user u;
    if (grant_is_operator(user_id)) {
        *ret = text_of(arena, user_id);
        return RESULT_OK;
    }
    TRY(user_get_by_id(d, bytes_str(user_id), arena, &u, e));
    *ret = u.name;
    return RESULT_OK;
}

static RESULT grant_of_ask(struct directory *d, const struct grant_ask *ask, struct arena *arena,
                           struct grant *g, struct error *e)
{
    int64_t now = clock_wall_ms(d->clock);
    *g = (struct grant){ .kind = ask->kind, .state = GRANT_ASKED, .asked_ms = now };
    grant_id_new(d, 'g', g->id);
    memcpy(g->realm, ask->realm, strlen(ask->realm) + 1);
    memcpy(g->home, ask->home, strlen(ask->home) + 1);
    memcpy(g->user_id, ask->user_id, strlen(ask->user_id) + 1);
    TRY(name_of(d, g->user_id, arena, &g->user_name, e));
    g->role = text_of(arena, ask->role);
    g->policy = text_of(arena, ask->policy);
    g->reason = text_of(arena, ask->reason);
    g->ticket = text_of(arena, ask->ticket);
    g->decided_name = g->note = g->ended_by = "";
    g->from_ms = ask->from_ms == 0 ? now : ask->from_ms;
    g->until_ms = ask->kind == GRANT_STANDING ? 0 : g->from_ms + ask->length_ms;
    if (ask->kind == GRANT_BREAK_GLASS) {
        g->state = GRANT_APPROVED;
        g->decided_ms = now;
    }
    return RESULT_OK;
}

/*= 2.1.3-9 "break-glass raises a notice to the customer by itself and starts a clock" */
static struct notice notice_of(struct directory *d, const struct grant *g, struct arena *arena)
{
    struct notice n = { .kind = "break-glass",
                        .subject = g->id,
                        .created_ms = g->asked_ms,
                        .due_ms = g->asked_ms + NOTICE_DUE_MS,
                        .acked_by = "" };
    char until[TIME_TEXT_MAX];
    grant_id_new(d, 'n', n.id);
    memcpy(n.realm, g->realm, sizeof(n.realm));
    n.detail =
            arena_printf(arena, "%s took role %s over %s without leave until %s: %s", g->user_name,
                         g->role, g->realm, time_rfc3339(g->until_ms, until), g->reason);
    return n;
}

/*= 2.1.4-3 "privilege just in time: who, what, why, from, until" */
RESULT grant_create(struct directory *d, const struct grant_ask *ask, struct arena *arena,
                    struct grant *ret, struct error *e)
{
    struct grant g;
    struct notice n;
    TRY(ask_check(ask, e));
    TRY(grant_length_check(d, ask->realm, ask->kind, ask->length_ms, e));
    TRY(grant_begin_check(ask->kind, ask->from_ms, clock_wall_ms(d->clock), e));
    TRY(grant_realm_check(d, ask->realm, ask->home, ask->kind, e));
    TRY(grant_of_ask(d, ask, arena, &g, e));
    TRY(grant_role_check(d, g.realm, g.home, g.role, arena, e));
    TRY(grant_asker_check(d, &g, arena, e));
    bool is_break_glass = g.kind == GRANT_BREAK_GLASS;
    struct create in = { .g = &g, .standing_max = param_u64(d, IDENTITY_PLATFORM, PARAM_STANDING) };
    if (is_break_glass) {
        n = notice_of(d, &g, arena);
        in.notice = &n;
    }
    TRY(directory_write(d, create_write, &in, e));
    if (is_break_glass) {
        directory_caches_empty(d);
    }
    counter_add(d, g.realm, is_break_glass ? "grant.break-glass" : "grant.asked", 1);
    *ret = g;
    return RESULT_OK;
}

/* --- steps: from one state to the next --- */

struct step {
    struct grant *g; /* as it shall be */
    enum grant_state from;
    uint64_t standing_max;
    bool ends_tokens;
};

static RESULT step_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct step *t = arg;
    const struct grant *g = t->g;
    struct db_stmt *s = NULL;
    if (g->kind == GRANT_STANDING && g->state == GRANT_APPROVED) {
        TRY(grant_standing_check(c, t->standing_max, g->id, e));
    }
    TRY(db_prepare(c,
                   "UPDATE grants SET state = ?3, from_ms = ?4, until_ms = ?5, decided_ms = ?6,"
                   " decided_by = ?7, decided_name = ?8, note = ?9, ended_ms = ?10, ended_by = ?11"
                   " WHERE id = ?1 AND state = ?2",
                   &s, e));
    db_bind_text(s, 1, bytes_str(g->id));
    db_bind_i64(s, 2, t->from);
    db_bind_i64(s, 3, g->state);
    db_bind_i64(s, 4, g->from_ms);
    db_bind_i64(s, 5, g->until_ms);
    db_bind_i64(s, 6, g->decided_ms);
    db_bind_text(s, 7, bytes_str(g->decided_by));
    db_bind_text(s, 8, bytes_str(g->decided_name));
    db_bind_text(s, 9, bytes_str(g->note));
    db_bind_i64(s, 10, g->ended_ms);
    db_bind_text(s, 11, bytes_str(g->ended_by));
    TRY(db_run(s, e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_CONFLICT, "grant %s is not %s any more", g->id, grant_state_name(t->from));
    }
    if (t->ends_tokens) {
        TRY(db_prepare(c, "DELETE FROM tokens WHERE grant_id = ?1", &s, e));
        db_bind_text(s, 1, bytes_str(g->id));
        TRY(db_run(s, e));
    }
    return RESULT_OK;
}

int64_t grant_lapses_ms(const struct grant *g)
{
    return MAX(g->asked_ms + GRANT_DECIDE_MS, g->until_ms);
}

/* An ask that waits, and somebody of its realm who did not ask for it. */
static RESULT open_get(struct directory *d, const char *id, const struct user *approver,
                       struct arena *arena, struct grant *g, struct error *e)
{
    TRY(grant_get(d, id, arena, g, e));
    if (strcmp(approver->realm, g->realm) != 0) {
        FAIL(e, ERRC_DENIED, "grant %s is decided by a person of %s", g->id, g->realm);
    }
    if (approver->kind != USER_PERSON || approver->state != USER_ACTIVE ||
        approver->frozen_ms != 0) {
        FAIL(e, ERRC_DENIED, "grants are decided by persons whose account is active");
    }
    if (strcmp(approver->id, g->user_id) == 0) {
        FAIL(e, ERRC_DENIED, "nobody decides what they asked for: another person must");
    }
    if (g->state != GRANT_ASKED) {
        FAIL(e, ERRC_CONFLICT, "grant %s is %s", g->id, grant_state_name(g->state));
    }
    if (grant_lapses_ms(g) <= clock_wall_ms(d->clock)) {
        FAIL(e, ERRC_EXPIRED, "grant %s was not decided in time: ask again", g->id);
    }
    return RESULT_OK;
}

static RESULT decide(struct grant *g, const struct user *by, const char *note, int64_t now,
                     struct arena *arena, struct error *e)
{
    TRY(grant_text_check("note", note == NULL ? "" : note, 0, 1024, e));
    g->decided_ms = now;
    memcpy(g->decided_by, by->id, sizeof(g->decided_by));
    g->decided_name = text_of(arena, by->name);
    g->note = text_of(arena, note);
    return RESULT_OK;
}

/* The length runs from the approval, or from the beginning that was asked for. */
static RESULT set_length(struct directory *d, struct grant *g, int64_t length_ms, int64_t now,
                         struct error *e)
{
    if (g->kind == GRANT_STANDING) {
        g->from_ms = now;
        return grant_length_check(d, g->realm, g->kind, length_ms, e);
    }
    int64_t asked = g->until_ms - g->from_ms;
    int64_t length = length_ms == 0 ? asked : length_ms;
    if (length > asked) {
        FAIL(e, ERRC_RANGE, "length: longer than was asked for");
    }
    TRY(grant_length_check(d, g->realm, g->kind, length, e));
    g->from_ms = MAX(g->from_ms, now);
    g->until_ms = g->from_ms + length;
    return RESULT_OK;
}

/*= 2.1.4-3 "approved by another person, with a second factor given just now" */
/*= 2.1.3-9 "the customer's approver lets the provider's staff in" */
RESULT grant_approve(struct directory *d, const char *id, const struct user *approver,
                     int64_t mfa_ms, int64_t length_ms, const char *note, struct arena *arena,
                     struct grant *ret, struct error *e)
{
    struct grant g;
    int64_t now = clock_wall_ms(d->clock);
    TRY(open_get(d, id, approver, arena, &g, e));
    if (mfa_ms == 0 || mfa_ms > now || now - mfa_ms > GRANT_FRESH_MFA_MS) {
        FAIL(e, ERRC_DENIED,
             "an approval needs a second factor given within the last 5 minutes: troth session "
             "step-up");
    }
    TRY(grant_realm_check(d, g.realm, g.home, g.kind, e));
    TRY(grant_role_check(d, g.realm, g.home, g.role, arena, e));
    TRY(grant_asker_check(d, &g, arena, e));
    TRY(decide(&g, approver, note, now, arena, e));
    TRY(set_length(d, &g, length_ms, now, e));
    g.state = GRANT_APPROVED;
    struct step t = { .g = &g,
                      .from = GRANT_ASKED,
                      .standing_max = param_u64(d, IDENTITY_PLATFORM, PARAM_STANDING) };
    TRY(directory_write(d, step_write, &t, e));
    directory_caches_empty(d);
    counter_add(d, g.realm, "grant.approved", 1);
    *ret = g;
    return RESULT_OK;
}

RESULT grant_refuse(struct directory *d, const char *id, const struct user *approver,
                    const char *note, struct arena *arena, struct grant *ret, struct error *e)
{
    struct grant g;
    TRY(open_get(d, id, approver, arena, &g, e));
    TRY(decide(&g, approver, note, clock_wall_ms(d->clock), arena, e));
    g.state = GRANT_REFUSED;
    struct step t = { .g = &g, .from = GRANT_ASKED };
    TRY(directory_write(d, step_write, &t, e));
    counter_add(d, g.realm, "grant.refused", 1);
    *ret = g;
    return RESULT_OK;
}

static void count_seconds(struct directory *d, const struct grant *g)
{
    if (g->state != GRANT_LAPSED && g->ended_ms > g->from_ms) {
        counter_add(d, g->realm, "grant.seconds", (uint64_t)(g->ended_ms - g->from_ms) / 1000);
    }
}

static RESULT may_end(struct directory *d, const struct grant *g, const char *by_user_id,
                      struct arena *arena, struct error *e)
{
    struct user by;
    if (strcmp(by_user_id, "clock") == 0 || strcmp(by_user_id, g->user_id) == 0) {
        return RESULT_OK;
    }
    TRY(user_get_by_id(d, bytes_str(by_user_id), arena, &by, e));
    if (strcmp(by.realm, g->realm) != 0 && strcmp(by.realm, g->home) != 0) {
        FAIL(e, ERRC_DENIED, "grant %s is ended by who holds it or by %s", g->id, g->realm);
    }
    return RESULT_OK;
}

RESULT grant_end(struct directory *d, const char *id, const char *by_user_id, const char *by_name,
                 struct arena *arena, struct grant *ret, struct error *e)
{
    struct grant g;
    int64_t now = clock_wall_ms(d->clock);
    TRY(grant_get(d, id, arena, &g, e));
    TRY(may_end(d, &g, by_user_id, arena, e));
    struct step t = { .g = &g, .from = g.state, .ends_tokens = true };
    bool is_over = g.until_ms != 0 && g.until_ms <= now;
    if (g.state != GRANT_ASKED && (g.state != GRANT_APPROVED || is_over)) {
        FAIL(e, ERRC_CONFLICT, "grant %s is %s", g.id,
             g.state == GRANT_APPROVED ? "past" : grant_state_name(g.state));
    }
    bool was_asked = g.state == GRANT_ASKED;
    g.state = was_asked ? GRANT_WITHDRAWN : GRANT_ENDED;
    g.ended_ms = now;
    g.ended_by = text_of(arena, by_name);
    TRY(directory_write(d, step_write, &t, e));
    directory_caches_empty(d);
    if (!was_asked) {
        count_seconds(d, &g);
    }
    *ret = g;
    return RESULT_OK;
}

/* --- by the clock --- */

/*= 2.1.4-3 "a grant ends by itself" */
RESULT grant_clock(struct directory *d, struct grant *g, struct error *e)
{
    bool was_asked = g->state == GRANT_ASKED;
    if (!was_asked && g->state != GRANT_APPROVED) {
        FAIL(e, ERRC_CONFLICT, "grant %s is %s", g->id, grant_state_name(g->state));
    }
    struct step t = { .g = g, .from = g->state, .ends_tokens = true };
    g->state = was_asked ? GRANT_LAPSED : GRANT_PAST;
    g->ended_ms = was_asked ? grant_lapses_ms(g) : g->until_ms;
    g->ended_by = "clock";
    TRY(directory_write(d, step_write, &t, e));
    directory_caches_empty(d);
    count_seconds(d, g);
    return RESULT_OK;
}

RESULT grants_over(struct directory *d, struct arena *arena, struct grant **ret, size_t *ret_n,
                   struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c,
                   "SELECT " GRANT_COLUMNS " FROM grants WHERE"
                   " ((state = 2 AND until_ms <> 0 AND until_ms <= ?1)"
                   " OR (state = 1 AND until_ms <= ?1 AND asked_ms + ?2 <= ?1))"
                   " AND EXISTS (SELECT 1 FROM realms r WHERE r.name = grants.realm AND"
                   " r.state <> 2)"
                   " ORDER BY until_ms, id LIMIT 1000",
                   &s, e));
    db_bind_i64(s, 1, clock_wall_ms(d->clock));
    db_bind_i64(s, 2, GRANT_DECIDE_MS);
    return grant_rows(s, SIZE_MAX, arena, ret, ret_n, e);
}

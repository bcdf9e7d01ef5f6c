/* Users: suspended, frozen, ended, removed; when they were last active. */
#include "identity/user_priv.h"

#include "identity/grant.h"
#include "identity/tally.h"

/* What hangs on a user and goes with it. */
static const char *const ends[] = {
    "DELETE FROM sessions WHERE user = ?1",       "DELETE FROM tokens WHERE user = ?1",
    "DELETE FROM access_keys WHERE owner = ?1",   "DELETE FROM factors WHERE user = ?1",
    "DELETE FROM recovery_codes WHERE user = ?1", "DELETE FROM passwords WHERE user = ?1",
    "DELETE FROM enrolments WHERE user = ?1",     "DELETE FROM holders WHERE subject = ?1",
    "DELETE FROM members WHERE user = ?1",        "DELETE FROM attachments WHERE subject = ?1",
    "DELETE FROM inlines WHERE subject = ?1",
};

static RESULT run_each(struct db_conn *c, const char *const *sql, size_t n, const char *id,
                       struct error *e)
{
    for (size_t i = 0; i < n; i++) {
        TRY(sql_run(c, sql[i], SQL_IN(SQL_STR(id)), e));
    }
    return RESULT_OK;
}

static RESULT grants_end(struct db_conn *c, const char *id, int64_t now_ms, struct error *e)
{
    return sql_run(c,
                   "UPDATE grants SET state = iif(state = ?3, ?4, ?5), ended_ms = ?2,"
                   " ended_by = 'end of the account' WHERE user = ?1 AND state IN (?3, ?6)",
                   SQL_IN(SQL_STR(id), SQL_INT(now_ms), SQL_INT(GRANT_ASKED),
                          SQL_INT(GRANT_WITHDRAWN), SQL_INT(GRANT_ENDED), SQL_INT(GRANT_APPROVED)),
                   e);
}

struct mark {
    const char *id;
    enum user_state state;
    bool is_frozen;
    struct arena *arena;
    int64_t now_ms;
};

/*= 2.1.4-4 "the end of an account takes all its access with it" */
static RESULT state_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct mark *m = arg;
    struct user u;
    TRY(user_of_id(c, m->id, m->arena, &u, e));
    if (u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s has ended", u.name);
    }
    if (m->state == USER_ENDED) {
        TRY(run_each(c, ends, ARRAY_LEN(ends), m->id, e));
        TRY(grants_end(c, m->id, m->now_ms, e));
    }
    return sql_run(c,
                   "UPDATE users SET state = ?2, changed_ms = ?3, version = version + 1,"
                   " active_ms = iif(?2 = 0, max(active_ms, ?3), active_ms) WHERE id = ?1",
                   SQL_IN(SQL_STR(m->id), SQL_INT(m->state), SQL_INT(m->now_ms)), e);
}

RESULT user_set_state(struct directory *d, const char *id, enum user_state s, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct mark m = { .id = id, .state = s, .arena = arena, .now_ms = clock_wall_ms(d->clock) };
    if (s != USER_ACTIVE && s != USER_SUSPENDED && s != USER_ENDED) {
        FAIL(e, ERRC_RANGE, "state: active, suspended or ended");
    }
    return directory_change(d, state_write, &m, e);
}

static RESULT frozen_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct mark *m = arg;
    struct user u;
    TRY(user_of_id(c, m->id, m->arena, &u, e));
    if (u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s has ended", u.name);
    }
    if ((u.frozen_ms != 0) == m->is_frozen) {
        return RESULT_OK; /* the date of the first freeze stays */
    }
    return sql_run(
            c,
            "UPDATE users SET frozen_ms = ?2, changed_ms = ?3, version = version + 1 WHERE id = ?1",
            SQL_IN(SQL_STR(m->id), SQL_INT(m->is_frozen ? m->now_ms : 0), SQL_INT(m->now_ms)), e);
}

/*= 2.2.2-5 "an account is frozen in one step" */
RESULT user_set_frozen(struct directory *d, const char *id, bool frozen, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct mark m = {
        .id = id, .is_frozen = frozen, .arena = arena, .now_ms = clock_wall_ms(d->clock)
    };
    return directory_change(d, frozen_write, &m, e);
}

static const struct sql_hang hangs[] = {
    { "SELECT count(*) FROM access_keys WHERE owner = ?1", "access keys" },
    { "SELECT count(*) FROM factors WHERE user = ?1", "second factors" },
    { "SELECT count(*) FROM attachments WHERE subject = ?1", "attached policies" },
    { "SELECT count(*) FROM inlines WHERE subject = ?1", "inline policies" },
    { "SELECT count(*) FROM members WHERE user = ?1", "groups" },
    { "SELECT count(*) FROM holders WHERE subject = ?1", "roles" },
    { "SELECT count(*) FROM grants WHERE user = ?1 AND state IN (1, 2)", "open grants" },
    { "SELECT count(*) FROM users s JOIN users u ON s.realm = u.realm AND s.kind = 2 AND"
      " s.owner = u.name AND s.state <> 2 WHERE u.id = ?1 AND u.kind = 1",
      "service accounts to answer for" },
};

static RESULT user_remove(struct db_conn *c, void *arg, struct error *e)
{
    const struct mark *m = arg;
    struct user u;
    TRY(user_of_id(c, m->id, m->arena, &u, e));
    if (u.kind == USER_ROOT || u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s stays: %s", u.name,
             u.kind == USER_ROOT ? "it owns the tenant's first keys"
                                 : "it has ended, and its name is never another's");
    }
    TRY(sql_hangs_check(c, hangs, ARRAY_LEN(hangs), m->id, "user", u.name, e));
    TRY(run_each(c, ends, ARRAY_LEN(ends), m->id, e));
    return sql_run(c, "DELETE FROM users WHERE id = ?1", SQL_IN(SQL_STR(m->id)), e);
}

RESULT user_delete(struct directory *d, const char *id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct mark m = { .id = id, .arena = arena };
    return directory_change(d, user_remove, &m, e);
}

/* Written with the other counts (tally.h). Decides nothing: the caches stay. */
void user_touch(struct directory *d, const char *id)
{
    tally_use(d->tally, id, clock_wall_ms(d->clock));
}

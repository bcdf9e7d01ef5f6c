/* Passwords of users: rows, what profile they follow, the work of hashing. */
#include "identity/login_priv.h"
#include "identity/param.h"
#include "identity/user_priv.h"

#define HISTORY_MAX 5 /* the most that any profile asks for */

static void password_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct password_row *p = item;
    p->phc = sql_str(s, 0, arena);
    p->set_ms = db_col_i64(s, 1);
    p->must_change = db_col_i64(s, 2) != 0;
    p->history = sql_str(s, 3, arena);
}

RESULT password_load(struct directory *d, const char *user_id, struct arena *arena,
                     struct password_row *ret, struct error *e)
{
    struct password_row p = { .phc = "", .history = "" };
    struct result r =
            directory_one(d, "password",
                          "SELECT phc, set_ms, must_change, history FROM passwords WHERE user = ?1",
                          SQL_IN(SQL_STR(user_id)), password_of_row, arena, &p, e);
    if (r.code != ERRC_NOT_FOUND) {
        TRY(r);
    }
    *ret = p;
    return RESULT_OK;
}

const struct password_profile *password_profile_of(struct directory *d, const char *realm)
{
    char name[PARAM_TEXT_BYTES];
    param_text(d, realm, PARAM_PROFILE, name);
    const struct password_profile *p = password_profile_find(bytes_str(name));
    return p != NULL ? p : &password_profiles[0];
}

bool password_is_due(struct directory *d, const char *realm, const struct password_row *p)
{
    const struct password_profile *profile = password_profile_of(d, realm);
    return p->phc[0] != '\0' &&
           (p->must_change || (profile->max_age_ms != 0 &&
                               clock_wall_ms(d->clock) - p->set_ms >= profile->max_age_ms));
}

const char *const *password_words(const struct user *u, struct arena *arena)
{
    const char *const all[] = { u->name, u->owner, u->display, u->email, u->realm, NULL };
    const char **words = arena_alloc(arena, sizeof(all));
    memcpy(words, all, sizeof(all));
    return words;
}

RESULT password_work(struct directory *d, struct pool *pool, void (*fn)(void *arg), void *arg,
                     struct error *e)
{
    TRY(login_gate_enter(&d->login->gate, e));
    co_call(pool, fn, arg);
    login_gate_leave(&d->login->gate);
    return RESULT_OK;
}

/* The former ones with `phc` in front, cut to HISTORY_MAX lines. */
static void history_add(const struct password_row *was, struct buf *out)
{
    struct bytes in = bytes_str(was->history), line;
    buf_add_str(out, was->phc);
    for (int i = 1; i < HISTORY_MAX && in.n > 0; i++) {
        (void)bytes_split(&in, '\n', &line);
        buf_add_str(out, "\n");
        buf_add(out, line);
    }
}

RESULT password_write(struct db_conn *c, const char *user_id, const struct password_row *was,
                      const char *phc, int64_t now_ms, struct error *e)
{
    CLEANUP(buf_done_p) struct buf history = BUF((HISTORY_MAX + 1) * (PASSWORD_PHC_MAX + 1));
    if (was->phc[0] == '\0') {
        return sql_run(c,
                       "INSERT INTO passwords(user, phc, set_ms, must_change, history)"
                       " VALUES(?1, ?2, ?3, 0, '')",
                       SQL_IN(SQL_STR(user_id), SQL_STR(phc), SQL_INT(now_ms)), e);
    }
    history_add(was, &history);
    TRY_MSG(buf_result(&history), e, "former passwords");
    TRY(sql_run(c,
                "UPDATE passwords SET phc = ?2, set_ms = ?3, must_change = 0, history = ?4"
                " WHERE user = ?1 AND phc = ?5",
                SQL_IN(SQL_STR(user_id), SQL_STR(phc), SQL_INT(now_ms),
                       SQL_BYTES(buf_bytes(&history)), SQL_STR(was->phc)),
                e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_CONFLICT, "the password was changed meanwhile");
    }
    return RESULT_OK;
}

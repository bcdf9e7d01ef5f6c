/*
 * Sessions as they are kept: rows of `sessions`, named by the SHA-256 of their tokens, and a cache
 * of what session_find read.
 *
 * 1. What is cached was read at a generation of the directory; another generation reads it anew, so
 *    a freeze, a suspension or an end holds for the next request.
 * 2. The end of a session moves `epoch`: what was read before it is not put into the cache after.
 * 3. seen_ms of a cached session may be up to a minute newer than its row: after a crash a session
 *    ends up to a minute early, never late.
 */
#include "base/text.h"
#include "identity/login_priv.h"
#include "identity/param.h"
#include "identity/sql_priv.h"

#define TOKEN_BYTES     32
#define CACHED_MAX      10000
#define PER_USER_MAX    50
#define SEEN_WRITE_MS   60000
#define MINUTE_MS       60000
#define HOUR_MS         (60 * (int64_t)MINUTE_MS)
#define STEP_MS         (10 * (int64_t)MINUTE_MS) /* to give the factor, to change the password */
#define ENROL_MS        (30 * (int64_t)MINUTE_MS)
#define CHALLENGE_MS    (5 * (int64_t)MINUTE_MS)
#define CHALLENGE_BYTES 32
#define SESSION_ID_RAW  16
#define SESSION_COLUMNS                                                                            \
    "s.id, s.user, s.realm, s.stage, s.created_ms, s.seen_ms, s.expires_ms, s.mfa_ms, s.mfa_kind," \
    " s.ip, s.csrf, s.agent"

struct session_cached {
    struct session s;
    uint8_t agent[SHA256_BYTES];
    bool is_off; /* user or realm suspended, ended, frozen, closed */
    int64_t written_ms;
    uint64_t generation;
};

const char *session_stage_name(enum session_stage s)
{
    static const char *const names[] = { "none", "factor", "change-password", "enrol", "full" };
    return (unsigned)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

RESULT session_stage_check(const struct session *s, enum session_stage want, struct error *e)
{
    if (s->stage != want) {
        FAIL(e, ERRC_CONFLICT, "this session is at the stage '%s', not '%s'",
             session_stage_name(s->stage), session_stage_name(want));
    }
    return RESULT_OK;
}

static void copy_text(char *dst, size_t cap, const char *src)
{
    size_t n = MIN(strlen(src), cap - 1);
    memcpy(dst, src, n);
    dst[n] = '\0';
}

static void base64url_of(struct bytes in, char *dst, size_t cap)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(128);
    buf_add_base64url(&b, in);
    copy_text(dst, cap, buf_cstr(&b));
}

/* --- making --- */

static int64_t length_ms(struct directory *d, const struct session_start *in)
{
    switch (in->stage) {
    case SESSION_FULL:
        return (int64_t)param_u64(d, in->realm, PARAM_SESSION) * HOUR_MS;
    case SESSION_ENROL:
        return ENROL_MS;
    default:
        return STEP_MS;
    }
}

void session_prepare(struct directory *d, const struct session_start *in, struct session_make *ret)
{
    struct session_make m = { .old = in->old };
    struct session *s = &m.out.s;
    uint8_t token[TOKEN_BYTES], id[SESSION_ID_RAW];

    rng_fill(d->rng, token, sizeof(token));
    rng_fill(d->rng, id, sizeof(id));
    rng_fill(d->rng, s->csrf, sizeof(s->csrf));
    base64url_of(BYTES_OF(token), m.out.token, sizeof(m.out.token));
    base64url_of(BYTES_OF(s->csrf), m.out.csrf, sizeof(m.out.csrf));
    base64url_of(BYTES_OF(id), s->id, sizeof(s->id));
    mem_wipe(token, sizeof(token));
    copy_text(s->user_id, sizeof(s->user_id), in->user_id);
    copy_text(s->realm, sizeof(s->realm), in->realm);
    copy_text(s->ip, sizeof(s->ip), in->client->ip);
    s->stage = in->stage;
    s->created_ms = s->seen_ms = clock_wall_ms(d->clock);
    s->expires_ms = s->created_ms + length_ms(d, in);
    s->mfa_ms = in->mfa_ms;
    s->mfa_kind = in->mfa_kind;
    sha256(bytes_str(m.out.token), m.hash);
    sha256(bytes_str(in->client->agent), m.agent);
    *ret = m;
}

/*= 2.1.4-7 "each step of signing in has a token of its own, the one before is void" */
RESULT session_insert(struct db_conn *c, const struct session_make *m, struct error *e)
{
    const struct session *s = &m->out.s;
    if (m->old != NULL) {
        TRY(sql_run(c, "DELETE FROM sessions WHERE id = ?1 AND user = ?2 AND stage = ?3",
                    SQL_IN(SQL_STR(m->old->id), SQL_STR(m->old->user_id), SQL_INT(m->old->stage)),
                    e));
        if (db_changes(c) == 0) {
            FAIL(e, ERRC_CONFLICT, "this session went on or ended meanwhile");
        }
    }
    TRY(sql_run(
            c,
            "INSERT INTO sessions(hash, id, user, realm, stage, created_ms, seen_ms, expires_ms,"
            " ip, agent, mfa_ms, mfa_kind, csrf)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            SQL_IN(SQL_BLOB(BYTES_OF(m->hash)), SQL_STR(s->id), SQL_STR(s->user_id),
                   SQL_STR(s->realm), SQL_INT(s->stage), SQL_INT(s->created_ms),
                   SQL_INT(s->expires_ms), SQL_STR(s->ip), SQL_BLOB(BYTES_OF(m->agent)),
                   SQL_INT(s->mfa_ms), SQL_INT(s->mfa_kind), SQL_BLOB(BYTES_OF(s->csrf))),
            e));
    return sql_run(c,
                   "DELETE FROM sessions WHERE user = ?1 AND id <> ?2 AND id NOT IN"
                   " (SELECT id FROM sessions WHERE user = ?1 ORDER BY seen_ms DESC LIMIT ?3)",
                   SQL_IN(SQL_STR(s->user_id), SQL_STR(s->id), SQL_INT(PER_USER_MAX)), e);
}

static RESULT start_write(struct db_conn *c, void *arg, struct error *e)
{
    return session_insert(c, arg, e);
}

RESULT session_start(struct directory *d, const struct session_start *in,
                     struct session_opened *ret, struct error *e)
{
    struct session_make m;
    session_prepare(d, in, &m);
    struct result r = db_write(d->db, start_write, &m, e);
    if (result_is_ok(r)) {
        session_forget(d, in->user_id, NULL);
        *ret = m.out;
    }
    mem_wipe(&m, sizeof(m));
    return r;
}

/* --- the cache --- */

static bool forget_one(struct login_state *l, const char *user_id, const char *session_id)
{
    size_t it = 0;
    struct bytes key;
    void *value;
    while (map_next(l->sessions, &it, &key, &value)) {
        const struct session_cached *k = value;
        if (strcmp(k->s.user_id, user_id) == 0 &&
            (session_id == NULL || strcmp(k->s.id, session_id) == 0)) {
            uint8_t hash[SHA256_BYTES];
            memcpy(hash, key.p, sizeof(hash));
            mem_free(map_del(l->sessions, BYTES_OF(hash)));
            return true;
        }
    }
    return false;
}

void session_forget(struct directory *d, const char *user_id, const char *session_id)
{
    struct login_state *l = d->login;
    pthread_mutex_lock(&l->lock);
    l->epoch++;
    while (forget_one(l, user_id, session_id)) {
    }
    pthread_mutex_unlock(&l->lock);
}

static void cache_put(struct login_state *l, struct bytes hash, const struct session_cached *k,
                      uint64_t epoch)
{
    pthread_mutex_lock(&l->lock);
    if (l->epoch == epoch) {
        if (map_count(l->sessions) >= CACHED_MAX) {
            map_free(l->sessions, mem_free);
            l->sessions = map_new();
        }
        mem_free(map_set(l->sessions, hash, mem_dup(k, sizeof(*k))));
    }
    pthread_mutex_unlock(&l->lock);
}

static void session_of_row(struct db_stmt *st, struct arena *arena, void *item)
{
    struct session *s = item;
    (void)arena;
    directory_col_text(st, 0, s->id, sizeof(s->id));
    directory_col_text(st, 1, s->user_id, sizeof(s->user_id));
    directory_col_text(st, 2, s->realm, sizeof(s->realm));
    s->stage = (enum session_stage)db_col_i64(st, 3);
    s->created_ms = db_col_i64(st, 4);
    s->seen_ms = db_col_i64(st, 5);
    s->expires_ms = db_col_i64(st, 6);
    s->mfa_ms = db_col_i64(st, 7);
    s->mfa_kind = (enum factor_kind)db_col_i64(st, 8);
    directory_col_text(st, 9, s->ip, sizeof(s->ip));
    struct bytes csrf = db_col_bytes(st, 10);
    memcpy(s->csrf, csrf.p, MIN(csrf.n, sizeof(s->csrf)));
}

static void cached_of_row(struct db_stmt *st, struct arena *arena, void *item)
{
    struct session_cached *k = item;
    session_of_row(st, arena, &k->s);
    struct bytes agent = db_col_bytes(st, 11);
    memcpy(k->agent, agent.p, MIN(agent.n, sizeof(k->agent)));
    k->is_off = db_col_i64(st, 12) != 0;
    k->written_ms = k->s.seen_ms;
}

/* --- finding --- */

/* From the cache, or the row; *ret_epoch is for the put. */
static RESULT cached_get(struct directory *d, struct bytes hash, struct session_cached *ret,
                         struct error *e)
{
    struct login_state *l = d->login;
    uint64_t generation = d->generation, epoch;
    int64_t seen_ms = 0;

    pthread_mutex_lock(&l->lock);
    const struct session_cached *hit = map_get(l->sessions, hash);
    bool is_fresh = hit != NULL && hit->generation == generation;
    if (hit != NULL) {
        *ret = *hit;
        seen_ms = hit->s.seen_ms;
    }
    epoch = l->epoch;
    pthread_mutex_unlock(&l->lock);
    if (is_fresh) {
        return RESULT_OK;
    }
    struct session_cached k = { .generation = generation };
    struct result r = directory_one(
            d, "session",
            "SELECT " SESSION_COLUMNS ", u.state <> 0 OR u.frozen_ms <> 0 OR r.state <> 0 OR"
            " r.frozen_ms <> 0 FROM sessions s JOIN users u ON u.id = s.user"
            " JOIN realms r ON r.name = s.realm WHERE s.hash = ?1",
            SQL_IN(SQL_BLOB(hash)), cached_of_row, NULL, &k, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_DENIED, "no such session");
    }
    TRY(r);
    k.s.seen_ms = MAX(k.s.seen_ms, seen_ms);
    cache_put(l, hash, &k, epoch);
    *ret = k;
    return RESULT_OK;
}

/*= 2.1.4-7 "sessions end by idleness and absolutely, and are bound to their client" */
static RESULT session_is_good(struct directory *d, const struct session_cached *k,
                              const struct session_client *client, int64_t now_ms, struct error *e)
{
    uint8_t agent[SHA256_BYTES];
    int64_t idle_ms = (int64_t)param_u64(d, k->s.realm, PARAM_IDLE) * MINUTE_MS;

    sha256(bytes_str(client->agent), agent);
    if (k->is_off || strcmp(k->s.ip, client->ip) != 0 ||
        !mem_equal_ct(agent, k->agent, sizeof(agent))) {
        FAIL(e, ERRC_DENIED, "no such session");
    }
    if (now_ms >= k->s.expires_ms) {
        FAIL(e, ERRC_EXPIRED, "the session is over: sign in anew");
    }
    if (now_ms - k->s.seen_ms >= idle_ms) {
        FAIL(e, ERRC_EXPIRED, "the session was idle for too long: sign in anew");
    }
    return RESULT_OK;
}

struct seen {
    struct bytes hash;
    int64_t now_ms;
};

static RESULT seen_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct seen *s = arg;
    return sql_run(c, "UPDATE sessions SET seen_ms = max(seen_ms, ?2) WHERE hash = ?1",
                   SQL_IN(SQL_BLOB(s->hash), SQL_INT(s->now_ms)), e);
}

/* Moves seen_ms; true when it is to be written, which one of several at once does. */
static bool seen_move(struct login_state *l, struct bytes hash, int64_t now_ms)
{
    bool is_due = false;
    pthread_mutex_lock(&l->lock);
    struct session_cached *k = map_get(l->sessions, hash);
    if (k != NULL) {
        k->s.seen_ms = MAX(k->s.seen_ms, now_ms);
        is_due = now_ms - k->written_ms >= SEEN_WRITE_MS;
        k->written_ms = is_due ? now_ms : k->written_ms;
    }
    pthread_mutex_unlock(&l->lock);
    return is_due;
}

RESULT session_find(struct directory *d, struct bytes token, const struct session_client *client,
                    struct session *ret, struct error *e)
{
    struct session_cached k;
    uint8_t hash[SHA256_BYTES];
    int64_t now_ms = clock_wall_ms(d->clock);

    sha256(token, hash);
    TRY(cached_get(d, BYTES_OF(hash), &k, e));
    TRY(session_is_good(d, &k, client, now_ms, e));
    if (seen_move(d->login, BYTES_OF(hash), now_ms)) {
        struct seen s = { BYTES_OF(hash), now_ms };
        /* where it can't be written the session ends early */
        result_ignore(db_write_repeatable(d->db, seen_write, &s, NULL));
        user_touch(d, k.s.user_id);
    }
    k.s.seen_ms = MAX(k.s.seen_ms, now_ms);
    *ret = k.s;
    return RESULT_OK;
}

/* --- lists and ends --- */

RESULT session_list(struct directory *d, const char *user_id, struct arena *arena,
                    struct session **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT " SESSION_COLUMNS " FROM sessions s"
                       " WHERE s.user = ?1 AND s.expires_ms > ?2 ORDER BY s.created_ms, s.id",
                       SQL_IN(SQL_STR(user_id), SQL_INT(clock_wall_ms(d->clock))), sizeof(**ret),
                       session_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

struct which {
    const char *user_id, *id; /* id NULL: all */
    uint8_t *challenge;
    int64_t now_ms;
};

static RESULT revoke_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct which *w = arg;
    if (w->id == NULL) {
        return sql_run(c, "DELETE FROM sessions WHERE user = ?1", SQL_IN(SQL_STR(w->user_id)), e);
    }
    TRY(sql_run(c, "DELETE FROM sessions WHERE user = ?1 AND id = ?2",
                SQL_IN(SQL_STR(w->user_id), SQL_STR(w->id)), e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no session '%.32s' of this user", w->id);
    }
    return RESULT_OK;
}

RESULT session_revoke(struct directory *d, const char *user_id, const char *session_id,
                      struct error *e)
{
    struct which w = { .user_id = user_id, .id = session_id };
    TRY(directory_write(d, revoke_write, &w, e));
    session_forget(d, user_id, session_id);
    return RESULT_OK;
}

RESULT sessions_revoke(struct directory *d, const char *user_id, struct error *e)
{
    struct which w = { .user_id = user_id };
    TRY(directory_write(d, revoke_write, &w, e));
    session_forget(d, user_id, NULL);
    return RESULT_OK;
}

/* --- challenges: 32 bytes and the time of their making --- */

static RESULT challenge_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct which *w = arg;
    uint8_t blob[CHALLENGE_BYTES + 8];
    memcpy(blob, w->challenge, CHALLENGE_BYTES);
    put_be64(blob + CHALLENGE_BYTES, (uint64_t)w->now_ms);
    TRY(sql_run(c, "UPDATE sessions SET challenge = ?3 WHERE user = ?1 AND id = ?2",
                SQL_IN(SQL_STR(w->user_id), SQL_STR(w->id), SQL_BLOB(BYTES_OF(blob))), e));
    return db_changes(c) == 1 ? RESULT_OK : error_set(e, ERRC_DENIED, "no such session");
}

RESULT session_challenge(struct directory *d, const struct session *s, uint8_t ret[CHALLENGE_BYTES],
                         struct error *e)
{
    struct which w = {
        .user_id = s->user_id, .id = s->id, .challenge = ret, .now_ms = clock_wall_ms(d->clock)
    };
    rng_fill(d->rng, ret, CHALLENGE_BYTES);
    return db_write(d->db, challenge_write, &w, e);
}

static void challenge_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct bytes v = db_col_bytes(s, 0);
    (void)arena;
    memcpy(item, v.p, MIN(v.n, (size_t)CHALLENGE_BYTES + 8));
}

static RESULT challenge_take(struct db_conn *c, void *arg, struct error *e)
{
    const struct which *w = arg;
    uint8_t blob[CHALLENGE_BYTES + 8];
    struct sql_in of = SQL_IN(SQL_STR(w->user_id), SQL_STR(w->id));
    struct result r = sql_one(c, "challenge",
                              "SELECT challenge FROM sessions WHERE user = ?1 AND id = ?2"
                              " AND length(challenge) = 40",
                              of, challenge_of_row, NULL, blob, NULL);
    if (!result_is_ok(r)) {
        FAIL(e, ERRC_DENIED, "no challenge is open in this session");
    }
    TRY(sql_run(c, "UPDATE sessions SET challenge = NULL WHERE user = ?1 AND id = ?2", of, e));
    int64_t age_ms = w->now_ms - (int64_t)(get_be64(blob + CHALLENGE_BYTES));
    memset(w->challenge, 0, CHALLENGE_BYTES); /* fits nothing */
    if (age_ms < CHALLENGE_MS) {
        memcpy(w->challenge, blob, CHALLENGE_BYTES);
    }
    return RESULT_OK;
}

RESULT session_challenge_take(struct directory *d, const struct session *s,
                              uint8_t ret[CHALLENGE_BYTES], struct error *e)
{
    static const uint8_t late[CHALLENGE_BYTES];
    struct which w = {
        .user_id = s->user_id, .id = s->id, .challenge = ret, .now_ms = clock_wall_ms(d->clock)
    };
    TRY(db_write(d->db, challenge_take, &w, e));
    if (memcmp(ret, late, sizeof(late)) == 0) {
        FAIL(e, ERRC_EXPIRED, "the challenge is older than five minutes");
    }
    return RESULT_OK;
}

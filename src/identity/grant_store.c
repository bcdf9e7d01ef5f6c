/* Grants as they are kept: read, listed, counted as used, written as JSON. What happens to them:
 * grant.c. Whether one runs is always the clock's answer, not its state's alone. */
#include "identity/grant_priv.h"

#include "base/text.h"
#include "identity/tally.h"

const char *grant_kind_name(enum grant_kind k)
{
    static const char *const names[] = { "unknown", "ordinary", "break-glass", "standing" };
    return (unsigned)k < ARRAY_LEN(names) ? names[k] : names[0];
}

const char *grant_state_name(enum grant_state s)
{
    static const char *const names[] = { "unknown",   "asked", "approved", "refused",
                                         "withdrawn", "ended", "past",     "lapsed" };
    return (unsigned)s < ARRAY_LEN(names) ? names[s] : names[0];
}

void grant_id_new(struct directory *d, char prefix, char ret[GRANT_ID_BYTES])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    ret[0] = prefix;
    ret[1] = '-';
    for (size_t i = 2; i < GRANT_ID_BYTES - 1; i++) {
        ret[i] = alphabet[rng_below(d->rng, 32)];
    }
    ret[GRANT_ID_BYTES - 1] = '\0';
}

RESULT grant_text_check(const char *what, const char *v, size_t min, size_t max, struct error *e)
{
    size_t n = strlen(v);
    if (n < min || n > max || !text_is_printable(bytes_str(v))) {
        FAIL(e, ERRC_FORMAT, "%s: %zu to %zu bytes of text without control characters", what, min,
             max);
    }
    return RESULT_OK;
}

void grant_of_row(struct db_stmt *s, struct arena *arena, struct grant *g)
{
    *g = (struct grant){ 0 };
    directory_col_text(s, 0, g->id, sizeof(g->id));
    directory_col_text(s, 1, g->realm, sizeof(g->realm));
    directory_col_text(s, 2, g->home, sizeof(g->home));
    directory_col_text(s, 3, g->user_id, sizeof(g->user_id));
    g->user_name = arena_str(arena, db_col_bytes(s, 4));
    g->role = arena_str(arena, db_col_bytes(s, 5));
    g->policy = arena_str(arena, db_col_bytes(s, 6));
    g->reason = arena_str(arena, db_col_bytes(s, 7));
    g->ticket = arena_str(arena, db_col_bytes(s, 8));
    g->kind = (enum grant_kind)db_col_i64(s, 9);
    g->state = (enum grant_state)db_col_i64(s, 10);
    g->asked_ms = db_col_i64(s, 11);
    g->from_ms = db_col_i64(s, 12);
    g->until_ms = db_col_i64(s, 13);
    g->decided_ms = db_col_i64(s, 14);
    directory_col_text(s, 15, g->decided_by, sizeof(g->decided_by));
    g->decided_name = arena_str(arena, db_col_bytes(s, 16));
    g->note = arena_str(arena, db_col_bytes(s, 17));
    g->ended_ms = db_col_i64(s, 18);
    g->ended_by = arena_str(arena, db_col_bytes(s, 19));
    g->uses = (uint64_t)db_col_i64(s, 20);
    g->used_ms = db_col_i64(s, 21);
}

RESULT grant_get(struct directory *d, const char *id, struct arena *arena, struct grant *ret,
                 struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c, "SELECT " GRANT_COLUMNS " FROM grants WHERE id = ?1", &s, e));
    db_bind_text(s, 1, bytes_str(id));
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no grant '%.32s'", id);
    }
    grant_of_row(s, arena, ret);
    db_reset(s);
    return RESULT_OK;
}

/* All rows of a statement, at most max. */
RESULT grant_rows(struct db_stmt *s, size_t max, struct arena *arena, struct grant **ret,
                  size_t *ret_n, struct error *e)
{
    CLEANUP(mem_free_p) struct grant *list = NULL;
    size_t n = 0, cap = 0;
    bool has_row = false;
    while (n < max) {
        TRY(db_step(s, &has_row, e));
        if (!has_row) {
            break;
        }
        if (n == cap) {
            cap = cap == 0 ? 16 : 2 * cap;
            list = mem_realloc(list, cap * sizeof(*list));
        }
        grant_of_row(s, arena, &list[n++]);
    }
    db_reset(s);
    *ret = arena_alloc(arena, n * sizeof(*list));
    if (n > 0) {
        memcpy(*ret, list, n * sizeof(*list));
    }
    *ret_n = n;
    return RESULT_OK;
}

static void bind_or_null(struct db_stmt *s, int i, const char *v)
{
    if (v == NULL) {
        db_bind_null(s, i);
    } else {
        db_bind_text(s, i, bytes_str(v));
    }
}

RESULT grant_list(struct directory *d, const struct grant_filter *f, size_t max,
                  struct arena *arena, struct grant **ret, size_t *ret_n, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c,
                   "SELECT " GRANT_COLUMNS " FROM grants"
                   " WHERE (?1 IS NULL OR realm = ?1) AND (?2 IS NULL OR home = ?2)"
                   " AND (?3 IS NULL OR user = ?3) AND (?4 = 0 OR state = ?4)"
                   " AND (?5 IS NULL OR (asked_ms, id) <"
                   "   (SELECT asked_ms, id FROM grants WHERE id = ?5))"
                   " ORDER BY asked_ms DESC, id DESC LIMIT ?6",
                   &s, e));
    bind_or_null(s, 1, f->realm);
    bind_or_null(s, 2, f->home);
    bind_or_null(s, 3, f->user_id);
    db_bind_i64(s, 4, f->state);
    bind_or_null(s, 5, f->after != NULL && f->after[0] != '\0' ? f->after : NULL);
    db_bind_i64(s, 6, (int64_t)MIN(max, (size_t)INT32_MAX));
    return grant_rows(s, max, arena, ret, ret_n, e);
}

/*= 2.1.4-3 "a grant holds from its beginning to its end, by the clock" */
RESULT grants_running(struct directory *d, const char *user_id, int64_t now_ms, struct arena *arena,
                      struct grant **ret, size_t *ret_n, int64_t *ret_next_ms, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    struct grant *all = NULL;
    size_t n = 0, running = 0;
    int64_t next_ms = 0;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c,
                   "SELECT " GRANT_COLUMNS " FROM grants WHERE user = ?1 AND state = 2"
                   " AND (until_ms = 0 OR until_ms > ?2) ORDER BY from_ms, id",
                   &s, e));
    db_bind_text(s, 1, bytes_str(user_id));
    db_bind_i64(s, 2, now_ms);
    TRY(grant_rows(s, SIZE_MAX, arena, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        int64_t change = all[i].from_ms > now_ms ? all[i].from_ms : all[i].until_ms;
        if (change != 0 && (next_ms == 0 || change < next_ms)) {
            next_ms = change;
        }
        if (all[i].from_ms <= now_ms) {
            all[running++] = all[i];
        }
    }
    *ret = all;
    *ret_n = running;
    *ret_next_ms = next_ms;
    return RESULT_OK;
}

void grant_touch(struct directory *d, const char *id)
{
    tally_use(d->tally, id, clock_wall_ms(d->clock));
}

void grant_json(struct jsonw *w, const struct grant *g)
{
    identity_time_json(w, "asked", g->asked_ms);
    identity_time_json(w, "decided", g->decided_ms);
    jsonw_kv_cstr(w, "decided_by", g->decided_name);
    identity_time_json(w, "ended", g->ended_ms);
    jsonw_kv_cstr(w, "ended_by", g->ended_by);
    identity_time_json(w, "from", g->from_ms);
    jsonw_kv_cstr(w, "home", g->home);
    jsonw_kv_cstr(w, "id", g->id);
    jsonw_kv_cstr(w, "kind", grant_kind_name(g->kind));
    jsonw_kv_cstr(w, "note", g->note);
    jsonw_kv_cstr(w, "policy", g->policy);
    jsonw_kv_cstr(w, "realm", g->realm);
    jsonw_kv_cstr(w, "reason", g->reason);
    jsonw_kv_cstr(w, "role", g->role);
    jsonw_kv_cstr(w, "state", grant_state_name(g->state));
    jsonw_kv_cstr(w, "ticket", g->ticket);
    identity_time_json(w, "until", g->until_ms);
    identity_time_json(w, "used", g->used_ms);
    jsonw_kv_cstr(w, "user", g->user_name);
    jsonw_kv_cstr(w, "user_id", g->user_id);
    jsonw_kv_u64(w, "uses", g->uses);
}

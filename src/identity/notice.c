/* Notices: what the other party is told and has to acknowledge before the clock runs out. */
#include "identity/grant_priv.h"

#define NOTICE_COLUMNS "id, realm, kind, subject, detail, created_ms, due_ms, acked_ms, acked_by"

RESULT notice_insert(struct db_conn *c, const struct notice *n, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(db_prepare(
            c, "INSERT INTO notices(" NOTICE_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, '')",
            &s, e));
    db_bind_text(s, 1, bytes_str(n->id));
    db_bind_text(s, 2, bytes_str(n->realm));
    db_bind_text(s, 3, bytes_str(n->kind));
    db_bind_text(s, 4, bytes_str(n->subject));
    db_bind_text(s, 5, bytes_str(n->detail));
    db_bind_i64(s, 6, n->created_ms);
    db_bind_i64(s, 7, n->due_ms);
    return db_run(s, e);
}

struct ack {
    const char *realm, *id, *by;
    int64_t now_ms;
};

static RESULT ack_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct ack *a = arg;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_prepare(c, "SELECT acked_ms FROM notices WHERE id = ?1 AND realm = ?2", &s, e));
    db_bind_text(s, 1, bytes_str(a->id));
    db_bind_text(s, 2, bytes_str(a->realm));
    TRY(db_step(s, &has_row, e));
    bool is_acked = has_row && db_col_i64(s, 0) != 0;
    db_reset(s);
    if (!has_row) {
        FAIL(e, ERRC_NOT_FOUND, "no notice '%.32s'", a->id);
    }
    if (is_acked) {
        FAIL(e, ERRC_CONFLICT, "notice %s is acknowledged already", a->id);
    }
    TRY(db_prepare(c, "UPDATE notices SET acked_ms = ?2, acked_by = ?3 WHERE id = ?1", &s, e));
    db_bind_text(s, 1, bytes_str(a->id));
    db_bind_i64(s, 2, a->now_ms);
    db_bind_text(s, 3, bytes_str(a->by));
    return db_run(s, e);
}

RESULT notice_ack(struct directory *d, const char *realm, const char *id, const char *by,
                  struct error *e)
{
    struct ack a = { realm, id, by, clock_wall_ms(d->clock) };
    return directory_write(d, ack_write, &a, e);
}

static void notice_of_row(struct db_stmt *s, struct arena *arena, struct notice *n)
{
    *n = (struct notice){ 0 };
    directory_col_text(s, 0, n->id, sizeof(n->id));
    directory_col_text(s, 1, n->realm, sizeof(n->realm));
    n->kind = arena_str(arena, db_col_bytes(s, 2));
    n->subject = arena_str(arena, db_col_bytes(s, 3));
    n->detail = arena_str(arena, db_col_bytes(s, 4));
    n->created_ms = db_col_i64(s, 5);
    n->due_ms = db_col_i64(s, 6);
    n->acked_ms = db_col_i64(s, 7);
    n->acked_by = arena_str(arena, db_col_bytes(s, 8));
}

RESULT notice_list(struct directory *d, const char *realm, bool open_only, const char *after,
                   size_t max, struct arena *arena, struct notice **ret, size_t *ret_n,
                   struct error *e)
{
    CLEANUP(mem_free_p) struct notice *list = NULL;
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    size_t n = 0;
    bool has_row = false;
    TRY(db_read_begin(d->db, &c, e));
    TRY(db_prepare(c,
                   "SELECT " NOTICE_COLUMNS " FROM notices WHERE realm = ?1"
                   " AND (?2 = 0 OR acked_ms = 0) AND (?3 = '' OR (created_ms, id) <"
                   "   (SELECT created_ms, id FROM notices WHERE id = ?3))"
                   " ORDER BY created_ms DESC, id DESC LIMIT ?4",
                   &s, e));
    db_bind_text(s, 1, bytes_str(realm));
    db_bind_i64(s, 2, open_only);
    db_bind_text(s, 3, bytes_str(after == NULL ? "" : after));
    db_bind_i64(s, 4, (int64_t)MIN(max, (size_t)INT32_MAX));
    for (;;) {
        TRY(db_step(s, &has_row, e));
        if (!has_row) {
            break;
        }
        list = mem_realloc(list, (n + 1) * sizeof(*list));
        notice_of_row(s, arena, &list[n++]);
    }
    db_reset(s);
    *ret = arena_alloc(arena, n * sizeof(*list));
    if (n > 0) {
        memcpy(*ret, list, n * sizeof(*list));
    }
    *ret_n = n;
    return RESULT_OK;
}

void notice_json(struct jsonw *w, const struct notice *n)
{
    identity_time_json(w, "acked", n->acked_ms);
    jsonw_kv_cstr(w, "acked_by", n->acked_by);
    identity_time_json(w, "created", n->created_ms);
    jsonw_kv_cstr(w, "detail", n->detail);
    identity_time_json(w, "due", n->due_ms);
    jsonw_kv_cstr(w, "id", n->id);
    jsonw_kv_cstr(w, "kind", n->kind);
    jsonw_kv_cstr(w, "realm", n->realm);
    jsonw_kv_cstr(w, "subject", n->subject);
}

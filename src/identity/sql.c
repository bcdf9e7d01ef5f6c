/* Binding, rows into an arena, changes: sql_priv.h. */
#include "identity/sql_priv.h"

#include "base/text.h"

#define SHOWN_MAX 128 /* bytes of a name in a message */

static RESULT prepare(struct db_conn *c, const char *sql, struct sql_in in, struct db_stmt **ret,
                      struct error *e)
{
    TRY(db_prepare(c, sql, ret, e));
    for (size_t i = 0; i < in.n; i++) {
        if (in.v[i].is_int) {
            db_bind_i64(*ret, (int)i + 1, in.v[i].i);
        } else if (in.v[i].is_blob) {
            db_bind_blob(*ret, (int)i + 1, in.v[i].text);
        } else {
            db_bind_text(*ret, (int)i + 1, in.v[i].text);
        }
    }
    return RESULT_OK;
}

RESULT sql_run(struct db_conn *c, const char *sql, struct sql_in in, struct error *e)
{
    struct db_stmt *s = NULL;
    TRY(prepare(c, sql, in, &s, e));
    return db_run(s, e);
}

static void row_i64(struct db_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    *(int64_t *)item = db_col_i64(s, 0);
}

RESULT sql_i64(struct db_conn *c, const char *sql, struct sql_in in, int64_t *ret, struct error *e)
{
    int64_t v = 0;
    struct result r = sql_one(c, "row", sql, in, row_i64, NULL, &v, e);
    if (!result_is_ok(r) && r.code != ERRC_NOT_FOUND) {
        return r;
    }
    *ret = v;
    return RESULT_OK;
}

static struct result not_found(const char *kind, struct sql_in in, struct error *e)
{
    CLEANUP(buf_done_p) struct buf shown = BUF(4 * SHOWN_MAX + 8);
    if (in.n > 0 && !in.v[in.n - 1].is_int && !in.v[in.n - 1].is_blob) {
        text_add_escaped(&shown, in.v[in.n - 1].text, SHOWN_MAX);
    }
    FAIL(e, ERRC_NOT_FOUND, "no %s '%.*s'", kind, BYTES_FMT(buf_bytes(&shown)));
}

RESULT sql_one(struct db_conn *c, const char *kind, const char *sql, struct sql_in in, sql_row *row,
               struct arena *arena, void *item, struct error *e)
{
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(prepare(c, sql, in, &s, e));
    TRY(db_step(s, &has_row, e));
    if (has_row) {
        row(s, arena, item);
    }
    db_reset(s);
    return has_row ? RESULT_OK : not_found(kind, in, e);
}

RESULT sql_rows(struct db_conn *c, const char *sql, struct sql_in in, size_t item_bytes,
                sql_row *row, struct arena *arena, struct sql_rows *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    struct sql_rows out = { NULL, 0 };
    size_t room = 0;
    TRY(prepare(c, sql, in, &s, e));
    for (;;) {
        bool has_row = false;
        TRY(db_step(s, &has_row, e));
        if (!has_row) {
            break;
        }
        if (out.n == room) {
            room = room == 0 ? 8 : room * 2;
            void *wider = arena_zalloc(arena, room * item_bytes);
            if (out.n > 0) {
                memcpy(wider, out.p, out.n * item_bytes);
            }
            out.p = wider;
        }
        row(s, arena, (uint8_t *)out.p + out.n++ * item_bytes);
    }
    db_reset(s);
    *ret = out;
    return RESULT_OK;
}

RESULT directory_rows(struct directory *d, const char *sql, struct sql_in in, size_t item_bytes,
                      sql_row *row, struct arena *arena, struct sql_rows *ret, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    return sql_rows(c, sql, in, item_bytes, row, arena, ret, e);
}

RESULT directory_one(struct directory *d, const char *kind, const char *sql, struct sql_in in,
                     sql_row *row, struct arena *arena, void *item, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    return sql_one(c, kind, sql, in, row, arena, item, e);
}

RESULT directory_change(struct directory *d,
                        RESULT (*fn)(struct db_conn *c, void *arg, struct error *e), void *arg,
                        struct error *e)
{
    TRY(directory_write(d, fn, arg, e));
    directory_caches_empty(d);
    return RESULT_OK;
}

RESULT sql_hangs_check(struct db_conn *c, const struct sql_hang *hangs, size_t n, const char *id,
                       const char *kind, const char *name, struct error *e)
{
    for (size_t i = 0; i < n; i++) {
        int64_t count = 0;
        TRY(sql_i64(c, hangs[i].sql, SQL_IN(SQL_STR(id)), &count, e));
        if (count > 0) {
            FAIL(e, ERRC_CONFLICT, "%s %s has %s: take them away first", kind, name, hangs[i].what);
        }
    }
    return RESULT_OK;
}

char *sql_str(struct db_stmt *s, int i, struct arena *arena)
{
    return arena_str(arena, db_col_bytes(s, i));
}

void sql_row_text(struct db_stmt *s, struct arena *arena, void *item)
{
    *(const char **)item = sql_str(s, 0, arena);
}

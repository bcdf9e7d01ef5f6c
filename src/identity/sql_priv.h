/*
 * SQL of identity with its values in one expression, rows into an arena, and the way of every
 * change: one job of the writer, then empty caches. SQL texts are literals (store/db.h).
 *
 *     sql_run(c, "DELETE FROM members WHERE user = ?1", SQL_IN(SQL_STR(id)), e)
 */
#ifndef TROTH_IDENTITY_SQL_PRIV_H
#define TROTH_IDENTITY_SQL_PRIV_H

#include "base/arena.h"
#include "identity/directory_priv.h"

struct sql_value {
    struct bytes text;
    int64_t i;
    bool is_int, is_blob;
};
#define SQL_INT(v)   ((struct sql_value){ .i = (v), .is_int = true })
#define SQL_STR(s)   ((struct sql_value){ .text = bytes_str(s) }) /* NULL: SQL NULL */
#define SQL_BYTES(b) ((struct sql_value){ .text = sql_text(b) })  /* none: the empty text */

/* For columns of type BLOB: a text never equals one. */
#define SQL_BLOB(b) ((struct sql_value){ .text = (b), .is_blob = true })

struct sql_in {
    const struct sql_value *v; /* ?1, ?2 ... */
    size_t n;
};
#define SQL_IN(...)                                                                                \
    ((struct sql_in){ (const struct sql_value[]){ __VA_ARGS__ },                                   \
                      ARRAY_LEN(((const struct sql_value[]){ __VA_ARGS__ })) })

static inline struct bytes sql_text(struct bytes b)
{
    return b.p == NULL ? BYTES_LIT("") : b;
}

/* Reads a row into item, texts into the arena. */
typedef void sql_row(struct db_stmt *s, struct arena *arena, void *item);
struct sql_rows {
    void *p; /* items, in the arena */
    size_t n;
};

RESULT sql_run(struct db_conn *c, const char *sql, struct sql_in in, struct error *e);
/* The first column of the first row; 0 when there is none. */
RESULT sql_i64(struct db_conn *c, const char *sql, struct sql_in in, int64_t *ret, struct error *e);
RESULT sql_rows(struct db_conn *c, const char *sql, struct sql_in in, size_t item_bytes,
                sql_row *row, struct arena *arena, struct sql_rows *ret, struct error *e);
/* One row. ERRC_NOT_FOUND: "no <kind> '<the last value>'". */
RESULT sql_one(struct db_conn *c, const char *kind, const char *sql, struct sql_in in, sql_row *row,
               struct arena *arena, void *item, struct error *e);

/* The same within a snapshot of their own. */
RESULT directory_rows(struct directory *d, const char *sql, struct sql_in in, size_t item_bytes,
                      sql_row *row, struct arena *arena, struct sql_rows *ret, struct error *e);
RESULT directory_one(struct directory *d, const char *kind, const char *sql, struct sql_in in,
                     sql_row *row, struct arena *arena, void *item, struct error *e);
/* directory_write, and the caches are empty when it returns OK. */
RESULT directory_change(struct directory *d,
                        RESULT (*fn)(struct db_conn *c, void *arg, struct error *e), void *arg,
                        struct error *e);

/* What must be taken away by itself before a row goes, as AWS has it: a count by ?1, its id. */
struct sql_hang {
    const char *sql, *what;
};
/* ERRC_CONFLICT: "group dev has members: take them away first". */
RESULT sql_hangs_check(struct db_conn *c, const struct sql_hang *hangs, size_t n, const char *id,
                       const char *kind, const char *name, struct error *e);

char *sql_str(struct db_stmt *s, int i, struct arena *arena);
/* sql_row of one text: item is a const char *. */
void sql_row_text(struct db_stmt *s, struct arena *arena, void *item);

#endif

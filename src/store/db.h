/*
 * The metadata store: SQLite in WAL mode, synchronous=FULL, every page sealed on its way to the
 * disk (vfs.h), one writer thread with group commit, readers on any thread.
 *
 * 1. One key for one database. One process opens it (the caller holds the state folder's lock).
 * 2. db_write returns OK only when its group is durable. When it returns an error, nothing of it is
 *    visible: not when it was the job's own error, not when the group's commit failed (ERRC_FULL,
 *    ERRC_IO).
 * 3. Fails closed: after a failed sync every write is refused with ERRC_IO until the database has
 * been
 *    closed and opened again. Reading goes on.
 * 4. A page that is not what was written there fails the call that needs it with ERRC_INTEGRITY,
 * which
 *    names it. What that covers and what only the ledger can tell: vfs.h, docs/formats/metadata.md.
 * 5. The WAL holds at most DB_WAL_PAGES (20,000: 82 MB) and one group, when snapshots are short.
 * While
 *    one snapshot is held longer, the WAL grows by what is written meanwhile.
 * 6. Checkpoints run on the writer's thread between groups: once in 20,000 pages a group waits for
 * one.
 *
 * SQL text given to db_prepare is a string literal: statements are cached per connection by its
 * address.
 */
#ifndef TROTH_STORE_DB_H
#define TROTH_STORE_DB_H

#include "base/bytes.h"
#include "base/secret.h"
#include "sys/fs.h"

struct db;
struct db_conn;
struct db_stmt;

/* Applied in order, each once, in one transaction; user_version holds the last. */
struct db_migration {
    unsigned version; /* 1, 2, 3 ... */
    const char *sql;
};

/*
 * Opens or creates `name` on `fs` under `key`. ERRC_INTEGRITY when a page does not open under the
 * key, ERRC_UNSUPPORTED when the file's version is newer than the migrations.
 */
RESULT db_open(struct fs *fs, const char *name, const struct key256 *key,
               const struct db_migration *migrations, size_t count, struct db **ret,
               struct error *e);
/*
 * Commits what waits, checkpoints and removes the WAL. No snapshot is held, no db_write under way.
 */
void db_close(struct db *db);
DEFINE_CLEANUP(db_close, struct db *)

/* --- reading --- */

/*
 * A snapshot from db_read_begin to db_read_end, within one thread and without waiting on others
 * between. db_read_begin may wait a moment (normally under 20 ms) while a checkpoint empties the
 * WAL. So never hold one snapshot and begin another on the same thread.
 */
RESULT db_read_begin(struct db *db, struct db_conn **ret, struct error *e);
void db_read_end(struct db_conn *c);
DEFINE_CLEANUP(db_read_end, struct db_conn *)

/*
 * A cached statement, reset and unbound; borrowed until the next db_prepare of the same text or the
 * end of the snapshot.
 */
RESULT db_prepare(struct db_conn *c, const char *sql, struct db_stmt **ret, struct error *e);
/* Parameters count from 1. Values are copied. */
void db_bind_i64(struct db_stmt *s, int i, int64_t v);
void db_bind_text(struct db_stmt *s, int i, struct bytes v); /* p NULL: SQL NULL */
void db_bind_blob(struct db_stmt *s, int i, struct bytes v);
void db_bind_null(struct db_stmt *s, int i);
/* *ret_row: a row is there. Constraint violations: ERRC_EXISTS (unique) or ERRC_CONFLICT. */
RESULT db_step(struct db_stmt *s, bool *ret_row, struct error *e);
/* For statements without rows. */
RESULT db_run(struct db_stmt *s, struct error *e);
int64_t db_col_i64(struct db_stmt *s, int i); /* from 0; valid until the next step or reset */
struct bytes db_col_bytes(struct db_stmt *s, int i);
bool db_col_is_null(struct db_stmt *s, int i);
void db_reset(struct db_stmt *s);
int64_t db_last_id(struct db_conn *c);
int64_t db_changes(struct db_conn *c);

/* --- writing --- */

/*
 * Runs fn on the writer's connection within its own savepoint of the group's transaction and waits
 * (coroutine or thread) until the group is durable. An error from fn undoes what fn did, and
 * nothing else. fn runs on the writer thread and must not wait.
 */
RESULT db_write(struct db *db, RESULT (*fn)(struct db_conn *c, void *arg, struct error *e),
                void *arg, struct error *e);
/*
 * The same for a fn that may run again from the start: it sets what it leaves in arg and adds
 * nothing up there. A group of such jobs alone needs no savepoints, a fourth of the cost of a small
 * row; when one of them fails all run again with them.
 */
RESULT db_write_repeatable(struct db *db,
                           RESULT (*fn)(struct db_conn *c, void *arg, struct error *e), void *arg,
                           struct error *e);

/*
 * A write or sync of the database's files failed: what was committed last is in doubt, and writes
 * are refused until the file is opened anew, best by a new process. Any thread.
 */
bool db_is_broken(const struct db *db);

struct db_stats {
    uint64_t groups, writes, failed;
    uint64_t wal_pages; /* after the last commit */
};
void db_stats(struct db *db, struct db_stats *ret);

/*
 * Reads every page and runs SQLite's own integrity check, beside readers and the writer.
 * ERRC_INTEGRITY says which page is bad. Calls progress(arg, done, total) now and then (may be
 * NULL).
 */
RESULT db_check(struct db *db, void (*progress)(void *arg, uint64_t done, uint64_t total),
                void *arg, struct error *e);

#endif

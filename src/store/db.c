/* Opening, creating, migrating, checking, closing. */
#include "store/db.h"

#include "store/db_priv.h"
#include "store/page.h"

#include <inttypes.h>

/* The file is made under another name and renamed when it is whole: an unfinished one is never
 * opened. */
static struct result create_at(struct db *db, const char *draft, struct error *e)
{
    int reserve = PAGE_RESERVED;
    struct db_conn c = { .db = db };

    TRY(vfs_connect(db->vfs, draft, true, &c.sql, e));
    sqlite3_file_control(c.sql, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
    struct result r =
            conn_exec(&c,
                      "PRAGMA page_size=4096; PRAGMA journal_mode=MEMORY; PRAGMA auto_vacuum=NONE;"
                      "PRAGMA encoding='UTF-8'; PRAGMA journal_mode=WAL; PRAGMA user_version=0",
                      e);
    if (sqlite3_close(c.sql) != SQLITE_OK && result_is_ok(r)) {
        r = error_set(e, ERRC_BUG, "%s: close", draft);
    }
    return r;
}

static struct result sync_file(struct fs *fs, const char *name, struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;

    TRY(fs_open(fs, name, FS_READ | FS_WRITE, &f, e));
    return fs_sync(f, e);
}

static struct result create(struct db *db, struct error *e)
{
    CLEANUP(mem_free_p) char *draft = mem_printf("%s.new", db->name);
    CLEANUP(mem_free_p) char *draft_wal = mem_printf("%s.new-wal", db->name);
    CLEANUP(mem_free_p) char *wal = mem_printf("%s-wal", db->name);
    struct fs_stat st;

    if (result_is_ok(fs_stat(db->fs, wal, &st, NULL))) {
        FAIL(e, ERRC_INTEGRITY, "%s: missing, though its WAL is there", db->name);
    }
    result_ignore(fs_unlink(db->fs, draft, NULL));
    result_ignore(fs_unlink(db->fs, draft_wal, NULL));
    TRY_MSG(create_at(db, draft, e), e, "create");
    TRY(sync_file(db->fs, draft, e));
    TRY(fs_rename(db->fs, draft, db->name, e));
    const char *slash = strrchr(db->name, '/');
    CLEANUP(mem_free_p)
    char *dir = mem_printf("%.*s", slash == NULL ? 0 : (int)(slash - db->name), db->name);
    return fs_sync_dir(db->fs, dir, e);
}

static struct result query_i64(struct db_conn *c, const char *sql, int64_t *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool row = false;

    TRY(db_prepare(c, sql, &s, e));
    TRY(db_step(s, &row, e));
    if (!row) {
        FAIL(e, ERRC_INTEGRITY, "no answer to %s", sql);
    }
    *ret = db_col_i64(s, 0);
    conn_reset_all(c);
    return RESULT_OK;
}

static struct result apply(struct db_conn *c, const struct db_migration *m, size_t count,
                           int64_t from, struct error *e)
{
    char set[64];

    for (size_t i = (size_t)from; i < count; i++) {
        TRY_MSG(conn_exec(c, m[i].sql, e), e, "migration %u", m[i].version);
    }
    snprintf(set, sizeof(set), "PRAGMA user_version=%zu", count);
    TRY(conn_exec(c, set, e));
    return conn_exec(c, "RELEASE migration; COMMIT", e);
}

static struct result migrate(struct db *db, const struct db_migration *m, size_t count,
                             struct error *e)
{
    struct db_conn *c = db->writer.c;
    int64_t version = 0;

    for (size_t i = 0; i < count; i++) {
        if (m[i].version != i + 1) {
            FAIL(e, ERRC_BUG, "migrations are not numbered 1, 2, 3 ...");
        }
    }
    TRY(query_i64(c, "PRAGMA user_version", &version, e));
    if (version < 0 || (size_t)version > count) {
        FAIL(e, ERRC_UNSUPPORTED, "%s: version %" PRId64 " is newer than this program's %zu",
             db->name, version, count);
    }
    if ((size_t)version == count) {
        return RESULT_OK;
    }
    TRY(conn_exec(c, "BEGIN IMMEDIATE; SAVEPOINT migration", e));
    struct result r = apply(c, m, count, version, e);
    if (!result_is_ok(r)) {
        result_ignore(conn_exec(c, "ROLLBACK", NULL));
    }
    return r;
}

/* What a crash left in the WAL goes into the file at once: a torn tail must not lie under later
 * groups. */
static struct result settle(struct db_conn *c, struct error *e)
{
    int64_t unused = 0;

    TRY(query_i64(c, "SELECT count(*) FROM sqlite_schema", &unused, e));
    int rc = sqlite3_wal_checkpoint_v2(c->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? RESULT_OK : conn_error(c, rc, e);
}

static struct result open_file(struct db *db, struct error *e)
{
    struct fs_stat st;
    struct result r = fs_stat(db->fs, db->name, &st, e);

    if (r.code == ERRC_NOT_FOUND) {
        r = create(db, e);
    } else if (result_is_ok(r) && st.size == 0) {
        FAIL(e, ERRC_INTEGRITY, "%s: page 1 is missing", db->name);
    }
    TRY(r);
    TRY(vfs_verify_wal(db->vfs, e));
    TRY(conn_open(db, true, &db->writer.c, e));
    return settle(db->writer.c, e);
}

RESULT db_open(struct fs *fs, const char *name, const struct key256 *key,
               const struct db_migration *migrations, size_t count, struct db **ret,
               struct error *e)
{
    CLEANUP(db_close_p) struct db *db = mem_zalloc(sizeof(*db));

    db->fs = fs;
    db->name = mem_strdup(name);
    gate_init(&db->gate);
    TRY(vfs_new(fs, name, key, &db->vfs, e));
    TRY(open_file(db, e));
    TRY(migrate(db, migrations, count, e));
    TRY(writer_start(db, e));
    *ret = TAKE(db);
    return RESULT_OK;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    writer_stop(db);
    gate_done(&db->gate);
    conn_free(db->writer.c); /* the last one: checkpoints and removes the WAL */
    vfs_free(db->vfs);
    mem_free(db->name);
    mem_free(db);
}

static struct result integrity(struct db_conn *c, struct error *e)
{
    struct db_stmt *s = NULL;
    bool row = false;

    TRY(db_prepare(c, "PRAGMA integrity_check(1)", &s, e));
    TRY(db_step(s, &row, e));
    struct bytes text = row ? db_col_bytes(s, 0) : BYTES_NONE;
    if (!bytes_equal_str(text, "ok")) {
        struct error why = { 0 };
        if (vfs_conn_error(c->sql, &why)) {
            if (e != NULL) {
                *e = why;
            }
            return result_of(why.code);
        }
        FAIL(e, ERRC_INTEGRITY, "%s: %.*s", c->db->name, (int)MIN(text.n, 200u),
             (const char *)text.p);
    }
    return RESULT_OK;
}

/* On the writer's thread: no checkpoint writes meanwhile. */
static struct result verify_page_fn(struct db_conn *c, void *arg, struct error *e)
{
    return vfs_verify_page(c->db->vfs, *(uint64_t *)arg, e);
}

RESULT db_check(struct db *db, void (*progress)(void *arg, uint64_t done, uint64_t total),
                void *arg, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    uint64_t bad = 0;

    /* So that the file holds as much as it can; on a full disk what is there is checked. */
    struct result r = writer_checkpoint(db, e);
    if (r.code != ERRC_FULL) {
        TRY(r);
    }
    do {
        TRY(vfs_find_bad_page(db->vfs, bad + 1, progress, arg, &bad, e));
        if (bad != 0) {
            TRY(db_write(db, verify_page_fn, &bad, e));
        }
    } while (bad != 0);
    TRY(db_read_begin(db, &c, e));
    return integrity(c, e);
}

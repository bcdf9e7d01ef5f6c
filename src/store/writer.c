/*
 * The writer: one thread that takes all waiting jobs as a group, runs each in a savepoint of one
 * transaction, commits, and only then lets them go on.
 *
 * 1. A job's error undoes that job (ROLLBACK TO). A group of repeatable jobs runs without
 * savepoints first (they copy each page that a job touches); the first error undoes the group,
 * which then runs again with them. When SQLite itself gave up the transaction (disk full, I/O,
 * memory), the jobs of the group so far fail with that error, and the rest of the group goes on in
 * a new transaction.
 * 2. A failed COMMIT fails all its jobs, and nothing of them is visible. After a failed sync all
 * writes are refused until the database is opened again.
 * 3. Between groups the WAL is checkpointed once it has DB_WAL_PAGES. Then new snapshots wait until
 * those under way have ended (at most GATE_WAIT_MS) and the WAL starts again at its beginning. So
 * the WAL is bounded by DB_WAL_PAGES, one group, and what is written while a single snapshot
 * outlives several tries, which are GATE_RETRY_PAGES apart.
 */
#include "base/log.h"
#include "store/db_priv.h"

#include <stdatomic.h>

#define GROUP_MAX        1024
#define GATE_WAIT_MS     20
#define GATE_RETRY_PAGES 2000

static struct result refused(struct db *db, struct error *e)
{
    return error_set(e, ERRC_IO, "%s: a sync has failed: no writes until it is opened again",
                     db->name);
}

static struct result run_literal(struct db_conn *c, const char *sql, struct error *e)
{
    struct db_stmt *s = NULL;

    TRY(db_prepare(c, sql, &s, e));
    return db_run(s, e);
}

static struct result begin_group(struct db *db, struct error *e)
{
    if (vfs_is_broken(db->vfs)) {
        return refused(db, e);
    }
    return run_literal(db->writer.c, "BEGIN IMMEDIATE", e);
}

static void abort_group(struct db_conn *c)
{
    conn_reset_all(c);
    if (!sqlite3_get_autocommit(c->sql)) {
        result_ignore(run_literal(c, "ROLLBACK", NULL)); /* what can fail here has failed before */
        conn_reset_all(c);
    }
}

/* False: the transaction is gone. */
static bool call_job(struct db_conn *c, struct job *j)
{
    j->r = j->fn(c, j->arg, &j->e);
    conn_reset_all(c);
    if (!sqlite3_get_autocommit(c->sql)) {
        return true;
    }
    if (result_is_ok(j->r)) {
        j->r = error_set(&j->e, ERRC_BUG, "%s: a job ended the transaction", c->db->name);
    }
    return false;
}

static void run_job(struct db_conn *c, struct job *j)
{
    struct error e = { 0 };

    j->r = run_literal(c, "SAVEPOINT job", &j->e);
    if (!result_is_ok(j->r) || !call_job(c, j)) {
        return;
    }
    if (!result_is_ok(j->r)) {
        struct result undo = run_literal(c, "ROLLBACK TO job", &e);
        if (!result_is_ok(undo)) {
            abort_group(c);
            return;
        }
    }
    struct result release = run_literal(c, "RELEASE job", &e);
    if (!result_is_ok(release)) {
        abort_group(c);
        j->r = release;
        j->e = e;
    }
}

static void finish_jobs(struct writer *w, struct list *jobs)
{
    for (struct list *i; (i = list_pop_front(jobs)) != NULL;) {
        struct job *j = LIST_ITEM(i, struct job, item);
        atomic_fetch_add_explicit(result_is_ok(j->r) ? &w->writes : &w->failed, 1,
                                  memory_order_relaxed);
        co_event_set(&j->done);
    }
}

static void fail_jobs(struct writer *w, struct list *jobs, struct result r, const struct error *e)
{
    LIST_EACH(i, jobs)
    {
        struct job *j = LIST_ITEM(i, struct job, item);
        if (result_is_ok(j->r)) {
            j->r = r;
            j->e = *e;
        }
    }
    finish_jobs(w, jobs);
}

static void checkpoint(struct db *db);

static bool is_all_repeatable(const struct list *jobs)
{
    LIST_EACH(i, jobs)
    {
        if (!LIST_ITEM(i, struct job, item)->is_repeatable) {
            return false;
        }
    }
    return true;
}

/* All of `jobs` in one transaction without savepoints. False: one failed, nothing is done. */
static bool run_plain(struct db *db, struct list *jobs)
{
    struct db_conn *c = db->writer.c;

    if (!result_is_ok(begin_group(db, NULL))) {
        return false;
    }
    conn_reset_all(c);
    LIST_EACH(i, jobs)
    {
        struct job *j = LIST_ITEM(i, struct job, item);
        if (!call_job(c, j) || !result_is_ok(j->r)) {
            abort_group(c);
            return false;
        }
    }
    return true;
}

static struct result commit_group(struct db_conn *c, struct error *e)
{
    TRY(run_literal(c, "COMMIT", e));
    conn_reset_all(c);
    return RESULT_OK;
}

/* Runs jobs of `waiting` in one transaction and moves them to `done` (with their results, not yet
 * told). */
static struct result run_group(struct db *db, struct list *waiting, struct list *done,
                               struct error *e)
{
    struct db_conn *c = db->writer.c;

    if (is_all_repeatable(waiting) && run_plain(db, waiting)) {
        list_splice(done, waiting);
        return commit_group(c, e);
    }
    TRY(begin_group(db, e));
    conn_reset_all(c);
    while (!list_is_empty(waiting)) {
        struct job *j = LIST_ITEM(list_pop_front(waiting), struct job, item);
        list_push_back(done, &j->item);
        run_job(c, j);
        if (sqlite3_get_autocommit(c->sql)) {
            if (e != NULL) {
                *e = j->e;
            }
            return result_is_ok(j->r) ? error_set(e, ERRC_BUG, "transaction lost") : j->r;
        }
    }
    return commit_group(c, e);
}

static void write_group(struct db *db, struct list *waiting)
{
    struct writer *w = &db->writer;

    while (!list_is_empty(waiting)) {
        struct list done;
        struct error e = { 0 };
        list_init(&done);
        struct result r = run_group(db, waiting, &done, &e);
        if (result_is_ok(r)) {
            atomic_fetch_add_explicit(&w->groups, 1, memory_order_relaxed);
            finish_jobs(w, &done);
            continue;
        }
        abort_group(w->c);
        if (list_is_empty(&done)) {
            list_splice(&done, waiting); /* BEGIN failed: nothing can be written now */
        }
        fail_jobs(w, &done, r, &e);
        if (r.code == ERRC_FULL) {
            checkpoint(db); /* an emptied WAL gives room to delete something */
        }
    }
}

static int note_wal_pages(void *arg, sqlite3 *sql, const char *name, int pages)
{
    struct writer *w = arg;

    (void)sql;
    (void)name;
    atomic_store_explicit(&w->wal_pages, (uint64_t)pages, memory_order_relaxed);
    return SQLITE_OK;
}

static struct result run_checkpoint(struct db *db, struct error *e)
{
    struct db_conn *c = db->writer.c;
    int rc = SQLITE_OK;

    if (vfs_is_broken(db->vfs)) {
        return refused(db, e);
    }
    /* The bulk while readers go on; the rest, and the start from the front, without them. */
    rc = sqlite3_wal_checkpoint_v2(c->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK && gate_shut(&db->gate, GATE_WAIT_MS)) {
        rc = sqlite3_wal_checkpoint_v2(c->sql, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        gate_open(&db->gate);
        if (rc == SQLITE_OK) {
            atomic_store_explicit(&db->writer.wal_pages, 0, memory_order_relaxed);
        }
    }
    return rc == SQLITE_OK ? RESULT_OK : conn_error(c, rc, e);
}

/* Logged once until one succeeds: on a full disk each group tries. */
static void checkpoint(struct db *db)
{
    struct error e = { 0 };
    bool failed = !result_is_ok(run_checkpoint(db, &e));

    if (failed && !db->writer.is_checkpoint_failing) {
        log_error("%s: checkpoint: %s", db->name, e.msg);
    }
    db->writer.is_checkpoint_failing = failed;
}

/* Moves what waits to `ret`, at most GROUP_MAX jobs; waits for the first. False: closing and
 * nothing left. */
static bool take_group(struct writer *w, struct list *ret)
{
    pthread_mutex_lock(&w->lock);
    while (list_is_empty(&w->queue) && !w->is_closing) {
        w->is_waiting = true;
        pthread_cond_wait(&w->wake, &w->lock);
        w->is_waiting = false;
    }
    for (size_t n = 0; n < GROUP_MAX && !list_is_empty(&w->queue); n++) {
        list_push_back(ret, list_pop_front(&w->queue));
    }
    pthread_mutex_unlock(&w->lock);
    return !list_is_empty(ret);
}

/* Jobs that are checkpoints run between groups. */
static void run_checkpoints(struct db *db, struct list *group)
{
    struct list jobs;

    list_init(&jobs);
    LIST_EACH(i, group)
    {
        struct job *j = LIST_ITEM(i, struct job, item);
        if (j->fn == NULL) {
            list_remove(i);
            j->r = run_checkpoint(db, &j->e);
            list_push_back(&jobs, i);
        }
    }
    for (struct list *i; (i = list_pop_front(&jobs)) != NULL;) {
        co_event_set(&LIST_ITEM(i, struct job, item)->done);
    }
}

static void *writer_main(void *arg)
{
    struct db *db = arg;
    struct writer *w = &db->writer;
    uint64_t next_checkpoint = DB_WAL_PAGES;
    struct list group;

    list_init(&group);
    while (take_group(w, &group)) {
        run_checkpoints(db, &group);
        write_group(db, &group);
        uint64_t pages = atomic_load_explicit(&w->wal_pages, memory_order_relaxed);
        if (pages < DB_WAL_PAGES) {
            next_checkpoint = DB_WAL_PAGES;
        } else if (pages >= next_checkpoint) {
            checkpoint(db);
            next_checkpoint = pages + GATE_RETRY_PAGES;
        }
    }
    return NULL;
}

RESULT writer_start(struct db *db, struct error *e)
{
    struct writer *w = &db->writer;

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    list_init(&w->queue);
    sqlite3_wal_hook(w->c->sql, note_wal_pages, w);
    int err = pthread_create(&w->thread, NULL, writer_main, db);
    if (err != 0) {
        return error_set_sys(e, err, "%s: writer thread", db->name);
    }
    w->is_started = true;
    return RESULT_OK;
}

void writer_stop(struct db *db)
{
    struct writer *w = &db->writer;

    if (w->is_started) {
        pthread_mutex_lock(&w->lock);
        w->is_closing = true;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
    }
}

static struct result submit(struct db *db, struct job *j, struct error *e)
{
    struct writer *w = &db->writer;

    co_event_init(&j->done);
    pthread_mutex_lock(&w->lock);
    list_push_back(&w->queue, &j->item);
    if (w->is_waiting) {
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    TRY(co_event_wait(&j->done, INT64_MAX));
    if (!result_is_ok(j->r) && e != NULL) {
        *e = j->e;
        e->code = j->r.code;
    }
    return j->r;
}

RESULT db_write(struct db *db, RESULT (*fn)(struct db_conn *c, void *arg, struct error *e),
                void *arg, struct error *e)
{
    struct job j = { .fn = fn, .arg = arg };

    return submit(db, &j, e);
}

RESULT db_write_repeatable(struct db *db,
                           RESULT (*fn)(struct db_conn *c, void *arg, struct error *e), void *arg,
                           struct error *e)
{
    struct job j = { .fn = fn, .arg = arg, .is_repeatable = true };

    return submit(db, &j, e);
}

RESULT writer_checkpoint(struct db *db, struct error *e)
{
    struct job j = { .fn = NULL };

    return submit(db, &j, e);
}

bool db_is_broken(const struct db *db)
{
    return vfs_is_broken(db->vfs);
}

void db_stats(struct db *db, struct db_stats *ret)
{
    struct writer *w = &db->writer;

    *ret = (struct db_stats){
        .groups = atomic_load_explicit(&w->groups, memory_order_relaxed),
        .writes = atomic_load_explicit(&w->writes, memory_order_relaxed),
        .failed = atomic_load_explicit(&w->failed, memory_order_relaxed),
        .wal_pages = atomic_load_explicit(&w->wal_pages, memory_order_relaxed),
    };
}

/* Of the store's own files. */
#ifndef TROTH_STORE_DB_PRIV_H
#define TROTH_STORE_DB_PRIV_H

#include "base/list.h"
#include "store/db.h"
#include "store/vfs.h"
#include "sys/co.h"

#include <pthread.h>

/* Checkpointed when the WAL has grown to so many pages (about 82 MB). */
#define DB_WAL_PAGES        20000
#define DB_CACHE_WRITER_KIB 65536
#define DB_CACHE_READER_KIB 8192

struct db_conn {
    struct db *db;
    sqlite3 *sql;
    struct db_stmt *
            *slots; /* open addressing by the literal's address; slot_count is a power of two */
    size_t slot_count, stmt_count;
    struct list active; /* statements prepared since the last conn_reset_all */
    struct list item;   /* among the idle ones */
};

struct db_stmt {
    struct db_conn *c;
    sqlite3_stmt *s;
    const char *text;
    struct list active_item;
    int bind_rc; /* the first bind that failed */
};

/* A checkpoint empties the WAL only while no snapshot is held: then new ones wait here, shortly. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list idle;
    unsigned snapshots;
    bool is_shut;
};

struct job {
    struct list item;
    RESULT (*fn)(struct db_conn *c, void *arg, struct error *e); /* NULL: a checkpoint */
    void *arg;
    bool is_repeatable;
    struct result r;
    struct error e;
    struct co_event done;
};

struct writer {
    pthread_t thread;
    bool is_started;
    struct db_conn *c;
    pthread_mutex_t lock; /* of queue, is_closing, is_waiting */
    pthread_cond_t wake;
    struct list queue;
    bool is_closing;
    bool is_waiting;
    bool is_checkpoint_failing; /* the writer's own */
    _Atomic uint64_t groups, writes, failed, wal_pages;
};

struct db {
    struct fs *fs;
    char *name;
    struct vfs *vfs;
    struct gate gate;
    struct writer writer;
};

/* conn.c */
RESULT conn_open(struct db *db, bool is_writer, struct db_conn **ret, struct error *e);
void conn_free(struct db_conn *c);
DEFINE_CLEANUP(conn_free, struct db_conn *)
RESULT conn_exec(struct db_conn *c, const char *sql, struct error *e);
void conn_reset_all(struct db_conn *c);
/* Turns a SQLite result into ours, with the VFS's reason where it has one. */
struct result conn_error(struct db_conn *c, int rc, struct error *e);

/* writer.c */
RESULT writer_start(struct db *db, struct error *e);
void writer_stop(struct db *db);                          /* after what is queued has run */
RESULT writer_checkpoint(struct db *db, struct error *e); /* from another thread: queued, waits */

/* gate.c: snapshots and their connections. */
void gate_init(struct gate *g);
void gate_done(struct gate *g);
/* Shuts and waits up to wait_ms for the snapshots under way to end; false when they did not (it is
 * open again then). */
bool gate_shut(struct gate *g, int64_t wait_ms);
void gate_open(struct gate *g);

#endif

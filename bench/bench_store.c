/*
 * Durable row inserts per second: 64 coroutines on two loops through db_write (sealed pages, group
 * commit), beside plain SQLite (its own VFS, nothing sealed) that commits ideal groups of 64 rows
 * without any waiter. Same settings, same rows, interleaved in one run.
 *
 *   bench_store DIR [seconds per round] [rounds] [waiters]
 */
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "store/db.h"
#include "sys/co.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOOPS     2
#define GROUP     64
#define ROW_BYTES 300
#define SCHEMA                                                                                     \
    "CREATE TABLE object(id INTEGER PRIMARY KEY, key TEXT NOT NULL, body BLOB NOT NULL);"          \
    "CREATE UNIQUE INDEX object_key ON object(key);"
#define INSERT "INSERT INTO object(key, body) VALUES(?1, ?2)"

static const struct db_migration migrations[] = { { 1, SCHEMA } };

struct run {
    struct db *db;
    int64_t until_ns;
    unsigned waiters;
    _Atomic uint64_t rows;
    _Atomic int left;
    double reads_per_s;
};

struct row {
    char key[49]; /* 24 random bytes as hex */
    uint8_t body[ROW_BYTES - 48];
};

static void die(const char *what, const struct error *e)
{
    fprintf(stderr, "%s: %s\n", what, e->msg);
    exit(1);
}

static int64_t cpu_ns(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ll +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ll;
}

static void make_row(struct row *r)
{
    uint8_t raw[24];

    rng_fill(&rng_system, raw, sizeof(raw));
    hex_encode(BYTES_OF(raw), r->key);
    memset(r->body, raw[0], sizeof(r->body));
}

static RESULT insert_fn(struct db_conn *c, void *arg, struct error *e)
{
    struct row *r = arg;
    struct db_stmt *s = NULL;

    TRY(db_prepare(c, INSERT, &s, e));
    db_bind_text(s, 1, bytes_of(r->key, 48));
    db_bind_blob(s, 2, BYTES_OF(r->body));
    return db_run(s, e);
}

static void writer(void *arg)
{
    struct run *run = arg;
    struct error e = { 0 };
    struct row r;

    while (clock_mono_ns() < run->until_ns) {
        make_row(&r);
        if (!result_is_ok(db_write_repeatable(run->db, insert_fn, &r, &e))) {
            die("insert", &e);
        }
        atomic_fetch_add(&run->rows, 1);
    }
    if (atomic_fetch_sub(&run->left, 1) <= 0) {
        die("count", &e);
    }
}

static void wait_all(void *arg)
{
    struct run *run = arg;

    while (atomic_load(&run->left) > 0) {
        co_sleep_ms(2);
    }
    loop_stop(loop_current());
}

static void *loop_main(void *arg)
{
    struct run *run = arg;
    struct loop *l = NULL;
    struct error e = { 0 };

    if (!result_is_ok(loop_new(&l, &e))) {
        die("loop", &e);
    }
    for (unsigned i = 0; i < MAX(run->waiters / LOOPS, 1u); i++) {
        if (!result_is_ok(co_spawn(l, writer, run, &e))) {
            die("spawn", &e);
        }
    }
    if (!result_is_ok(co_spawn(l, wait_all, run, &e)) || !result_is_ok(loop_run(l, &e))) {
        die("loop", &e);
    }
    loop_free(l);
    return NULL;
}

static RESULT read_one(struct db *db, int64_t id, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    char key[49] = "";
    bool row = false;

    TRY(db_read_begin(db, &c, e));
    TRY(db_prepare(c, "SELECT key FROM object WHERE id = ?1", &s, e));
    db_bind_i64(s, 1, id);
    TRY(db_step(s, &row, e));
    if (!row) {
        FAIL(e, ERRC_NOT_FOUND, "row %lld", (long long)id);
    }
    memcpy(key, db_col_bytes(s, 0).p, 48);
    TRY(db_prepare(c, "SELECT body FROM object WHERE key = ?1", &s, e));
    db_bind_text(s, 1, bytes_of(key, 48));
    return db_step(s, &row, e);
}

/* Snapshots per second of one thread, two lookups each, of rows that were there when it began. */
static void *read_rows(void *arg)
{
    struct run *run = arg;
    struct error e = { 0 };
    uint64_t there = MAX(atomic_load(&run->rows), 1u), n = 0;
    int64_t start = clock_mono_ns();

    while (clock_mono_ns() < run->until_ns) {
        if (!result_is_ok(read_one(run->db, (int64_t)rng_below(&rng_system, there) + 1, &e)) &&
            e.code != ERRC_NOT_FOUND) {
            die("read", &e);
        }
        n++;
    }
    run->reads_per_s = (double)n * 1e9 / (double)(clock_mono_ns() - start);
    return NULL;
}

static void read_rounds(struct run *run)
{
    pthread_t reader, threads[LOOPS];

    run->until_ns = clock_mono_ns() + 1000000000;
    read_rows(run);
    printf("sealed, reads         %8.0f snapshots/s alone", run->reads_per_s);
    run->until_ns = clock_mono_ns() + 1000000000;
    atomic_store(&run->left, (int)(MAX(run->waiters / LOOPS, 1u) * LOOPS));
    pthread_create(&reader, NULL, read_rows, run);
    for (int i = 0; i < LOOPS; i++) {
        pthread_create(&threads[i], NULL, loop_main, run);
    }
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_join(reader, NULL);
    printf(", %.0f beside the writers\n", run->reads_per_s);
}

static double sealed_round(const char *dir, int64_t seconds, unsigned waiters)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    struct key256 key;
    struct run run = { .waiters = waiters, .left = (int)(MAX(waiters / LOOPS, 1u) * LOOPS) };
    pthread_t threads[LOOPS];
    struct db_stats stats;
    struct error e = { 0 };

    rng_fill(&rng_system, key.b, sizeof(key.b));
    if (!result_is_ok(fs_open_dir(dir, &fs, &e)) ||
        !result_is_ok(db_open(fs, "sealed.db", &key, migrations, 1, &run.db, &e))) {
        die("open", &e);
    }
    int64_t start = clock_mono_ns(), cpu = cpu_ns();
    run.until_ns = start + seconds * 1000000000;
    for (int i = 0; i < LOOPS; i++) {
        pthread_create(&threads[i], NULL, loop_main, &run);
    }
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], NULL);
    }
    double took = (double)(clock_mono_ns() - start) / 1e9;
    double rows = (double)atomic_load(&run.rows);
    db_stats(run.db, &stats);
    printf("sealed, %u waiters   %8.0f rows/s  %6.1f us CPU/row  %5.1f rows/group  WAL %llu "
           "pages\n",
           waiters, rows / took, (double)(cpu_ns() - cpu) / 1e3 / rows, rows / (double)stats.groups,
           (unsigned long long)stats.wal_pages);
    read_rounds(&run);
    db_close(run.db);
    result_ignore(fs_unlink(fs, "sealed.db", NULL));
    return rows / took;
}

static void check(sqlite3 *db, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        fprintf(stderr, "plain: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static void plain_group(sqlite3 *db, sqlite3_stmt *s)
{
    struct row r;

    check(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    for (int i = 0; i < GROUP; i++) {
        make_row(&r);
        sqlite3_bind_text(s, 1, r.key, 48, SQLITE_TRANSIENT);
        sqlite3_bind_blob(s, 2, r.body, sizeof(r.body), SQLITE_TRANSIENT);
        check(db, sqlite3_step(s));
        sqlite3_reset(s);
    }
    check(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
}

static double plain_round(const char *dir, int64_t seconds)
{
    char name[4096];
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    uint64_t rows = 0;

    snprintf(name, sizeof(name), "%s/plain.db", dir);
    check(db, sqlite3_open(name, &db));
    check(db,
          sqlite3_exec(db,
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
                       "PRAGMA wal_autocheckpoint=20000; PRAGMA secure_delete=ON;" SCHEMA,
                       NULL, NULL, NULL));
    check(db, sqlite3_prepare_v2(db, INSERT, -1, &s, NULL));
    int64_t start = clock_mono_ns(), cpu = cpu_ns();
    while (clock_mono_ns() < start + seconds * 1000000000) {
        plain_group(db, s);
        rows += GROUP;
    }
    double took = (double)(clock_mono_ns() - start) / 1e9;
    printf("plain, groups of %d  %8.0f rows/s  %6.1f us CPU/row\n", GROUP, (double)rows / took,
           (double)(cpu_ns() - cpu) / 1e3 / (double)rows);
    sqlite3_finalize(s);
    sqlite3_close(db);
    unlink(name);
    return (double)rows / took;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_store DIR [seconds] [rounds] [waiters]\n");
        return 2;
    }
    int64_t seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 3;
    long rounds = argc > 3 ? strtol(argv[3], NULL, 10) : 3;
    unsigned waiters = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 64;
    double sealed = 0, plain = 0;

    for (long i = 0; i < rounds; i++) {
        plain += plain_round(argv[1], seconds);
        sealed += sealed_round(argv[1], seconds, waiters);
    }
    printf("sealed/plain         %8.2f\n", sealed / plain);
    return 0;
}

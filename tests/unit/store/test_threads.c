/* Writers and readers at once: groups, snapshots that hold together, a WAL that stays bounded;
 * faults that hit a group. */
#include "storekit.h"

#include "sys/co.h"
#include "sys/fault.h"

#include <pthread.h>
#include <stdatomic.h>

#define WRITERS 4
#define READERS 2
#define PUTS    2500 /* per writer; about 4 pages each: twice the checkpoint's threshold */
/* 20,000, and what is written while a reader that holds a snapshot waits for a core: without
 * checkpoints 40,000. */
#define WAL_BOUND 30000

/* SQLite reads its WAL index while others write it and checks what it read: races by design, within
 * libsqlite3. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libsqlite3.so.0\n";
}

struct run {
    struct db *db;
    _Atomic bool is_over;
    _Atomic int failed;
    _Atomic uint64_t wal_most;
};

struct writer_arg {
    struct run *run;
    int id;
};

/* Two rows or none: a reader must never see an odd number. */
static struct result put_pair(struct db_conn *c, void *arg, struct error *e)
{
    static const uint8_t body[4000];
    struct kit_put p = { arg, BYTES_OF(body), false };
    char name[64];

    TRY(kit_put_fn(c, &p, e));
    snprintf(name, sizeof(name), "%s twin", p.name);
    p.name = name;
    return kit_put_fn(c, &p, e);
}

static void *write_pairs(void *arg)
{
    struct writer_arg *w = arg;
    char name[32];

    for (int i = 0; i < PUTS; i++) {
        struct error e = { 0 };
        snprintf(name, sizeof(name), "w%d %d", w->id, i * 7919 % PUTS);
        if (!result_is_ok(db_write(w->run->db, put_pair, name, &e))) {
            atomic_fetch_add(&w->run->failed, 1);
        }
    }
    return NULL;
}

static struct result count_in(struct db_conn *c, int64_t *ret, struct error *e)
{
    struct db_stmt *s = NULL;
    bool row = false;

    TRY(db_prepare(c, "SELECT count(*) FROM item", &s, e));
    TRY(db_step(s, &row, e));
    *ret = db_col_i64(s, 0);
    return RESULT_OK;
}

static void *read_counts(void *arg)
{
    struct run *run = arg;
    struct db_stats stats;
    int64_t before = 0;

    while (!atomic_load(&run->is_over)) {
        struct db_conn *c = NULL;
        struct error e = { 0 };
        int64_t first = 0, second = 0;
        if (!result_is_ok(db_read_begin(run->db, &c, &e)) ||
            !result_is_ok(count_in(c, &first, &e)) || !result_is_ok(count_in(c, &second, &e)) ||
            first != second || first % 2 != 0 || first < before) {
            atomic_fetch_add(&run->failed, 1);
        }
        before = first;
        db_read_end(c);
        db_stats(run->db, &stats);
        if (stats.wal_pages > atomic_load(&run->wal_most)) {
            atomic_store(&run->wal_most, stats.wal_pages);
        }
    }
    return NULL;
}

static void test_writers_and_readers(void **state)
{
    struct fs *fs = fs_fake_new((uint64_t)1 << 30);
    struct run run = { 0 };
    pthread_t writers[WRITERS], readers[READERS];
    struct writer_arg args[WRITERS];
    struct db_stats stats;
    struct error e = { 0 };

    (void)state;
    assert_ok(kit_open(fs, &run.db, &e), e);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_counts, &run), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        args[i] = (struct writer_arg){ &run, i };
        assert_int_equal(pthread_create(&writers[i], NULL, write_pairs, &args[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], NULL);
    }
    atomic_store(&run.is_over, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    assert_int_equal(atomic_load(&run.failed), 0);
    assert_int_equal(kit_count(run.db), WRITERS * PUTS * 2);
    db_stats(run.db, &stats);
    assert_int_equal(stats.writes, WRITERS * PUTS);
    print_message("# %llu groups, at most %llu pages of WAL\n", (unsigned long long)stats.groups,
                  (unsigned long long)atomic_load(&run.wal_most));
    assert_true(stats.groups < stats.writes);
    assert_in_range(atomic_load(&run.wal_most), 1, WAL_BOUND);
    assert_ok(db_check(run.db, NULL, NULL, &e), e);
    db_close(run.db);
    fs_free(fs);
}

/* A failed sync: the group is gone, now and after reopening; nothing is written until then; reading
 * goes on. */
static void test_failed_sync(void **state)
{
    struct fs *fs = fs_fake_new(KIT_CAPACITY);
    struct db *db = NULL;
    struct error e = { 0 };

    (void)state;
    assert_ok(kit_open(fs, &db, &e), e);
    assert_ok(kit_put(db, "a", BYTES_LIT("x"), &e), e);
    fault_arm("fs.sync", FAULT_EIO, 0, 1);
    assert_code(kit_put(db, "b", BYTES_LIT("x"), &e), ERRC_IO);
    fault_disarm_all();
    assert_code(kit_put(db, "c", BYTES_LIT("x"), &e), ERRC_IO);
    assert_non_null(strstr(e.msg, "opened again"));
    assert_int_equal(kit_count(db), 1);
    db_close(db);
    assert_ok(kit_open(fs, &db, &e), e);
    assert_int_equal(kit_count(db), 1);
    assert_ok(kit_put(db, "b", BYTES_LIT("x"), &e), e);
    assert_ok(db_check(db, NULL, NULL, &e), e);
    db_close(db);
    fs_free(fs);
}

/* Each write of the file system fails once, in turn: the write says so or is there; the database
 * stays whole. */
static void test_failed_writes(void **state)
{
    static const enum fault_kind kinds[] = { FAULT_ENOSPC, FAULT_EIO, FAULT_SHORT };

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct fs *fs = fs_fake_new(KIT_CAPACITY);
        struct db *db = NULL;
        struct error e = { 0 };
        int64_t there = 0;
        char name[32];
        assert_ok(kit_open(fs, &db, &e), e);
        for (unsigned i = 0; i < 40; i++) {
            snprintf(name, sizeof(name), "item %u", i);
            fault_arm("fs.write", kinds[k], i % 4, 1);
            struct result r = kit_put(db, name, BYTES_LIT("x"), &e);
            fault_disarm_all();
            there += result_is_ok(r);
            assert_int_equal(kit_count(db), there);
        }
        assert_true(there < 40);
        assert_ok(db_check(db, NULL, NULL, &e), e);
        db_close(db);
        assert_ok(kit_open(fs, &db, &e), e);
        assert_int_equal(kit_count(db), there);
        db_close(db);
        fs_free(fs);
    }
}

/* Reading and writing in coroutines: new connection, parser, sort, all on a coroutine's stack. */
static void use_in_coroutine(void *arg)
{
    struct run *run = arg;
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    struct error e = { 0 };
    bool row = false;

    if (!result_is_ok(db_write(run->db, put_pair, (void *)(uintptr_t) "one", &e)) ||
        !result_is_ok(db_read_begin(run->db, &c, &e)) ||
        !result_is_ok(db_prepare(c,
                                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                 " WHERE i < 500) SELECT group_concat(a.name || n.i, ',') FROM n"
                                 " JOIN item a ON a.id > 0 GROUP BY n.i % 7 ORDER BY 1 DESC",
                                 &s, &e)) ||
        !result_is_ok(db_step(s, &row, &e)) || !row) {
        atomic_fetch_add(&run->failed, 1);
    }
    loop_stop(loop_current());
}

static void test_in_coroutine(void **state)
{
    struct fs *fs = fs_fake_new(KIT_CAPACITY);
    struct run run = { 0 };
    struct loop *l = NULL;
    struct error e = { 0 };

    (void)state;
    assert_ok(kit_open(fs, &run.db, &e), e);
    assert_ok(loop_new(&l, &e), e);
    assert_ok(co_spawn(l, use_in_coroutine, &run, &e), e);
    assert_ok(loop_run(l, &e), e);
    assert_int_equal(atomic_load(&run.failed), 0);
    assert_int_equal(kit_count(run.db), 2);
    loop_free(l);
    db_close(run.db);
    fs_free(fs);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writers_and_readers),
        cmocka_unit_test(test_in_coroutine),
        cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_failed_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The store's contract: migrations, snapshots, jobs that fail alone, constraint codes, full disk,
 * wrong key. */
#include "storekit.h"

#include "store/db_priv.h"
#include "sys/fault.h"

#include <sched.h>
#include <stdatomic.h>

static int setup(void **state)
{
    *state = fs_fake_new(KIT_CAPACITY);
    return *state == NULL;
}

static int teardown(void **state)
{
    fault_disarm_all();
    fs_free(*state);
    return 0;
}

static void test_write_and_read(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    struct db_conn *c = NULL;
    struct error e = { 0 };

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(kit_put(db, "a", BYTES_LIT("first"), &e), e);
    assert_ok(db_read_begin(db, &c, &e), e);
    assert_ok(kit_get(c, "a", &out, &e), e);
    assert_bytes(buf_bytes(&out), BYTES_LIT("first"));
    assert_code(kit_get(c, "b", &out, &e), ERRC_NOT_FOUND);
    db_read_end(c);
}

static void test_content_stays_after_close(void **state)
{
    struct db *db = NULL;
    struct fs_stat st;
    struct error e = { 0 };

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(kit_put(db, "a", BYTES_LIT("first"), &e), e);
    db_close(db);
    assert_code(fs_stat(*state, "meta.db-wal", &st, NULL), ERRC_NOT_FOUND);
    assert_ok(kit_open(*state, &db, &e), e);
    assert_int_equal(kit_count(db), 1);
    db_close(db);
}

/*= 2.1.3-4 test */
static void test_nothing_readable_on_disk(void **state)
{
    CLEANUP(buf_done_p) struct buf raw = BUF(16 << 20);
    struct db *db = NULL;
    struct error e = { 0 };
    struct bytes secret = BYTES_LIT("a name nobody may read");

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(kit_put(db, "a name nobody may read", secret, &e), e);
    assert_ok(fs_read_file(*state, "meta.db-wal", 16 << 20, &raw, &e), e);
    assert_int_equal(bytes_find(buf_bytes(&raw), secret), buf_bytes(&raw).n);
    db_close(db);
    buf_reset(&raw);
    assert_ok(fs_read_file(*state, "meta.db", 16 << 20, &raw, &e), e);
    assert_int_equal(bytes_find(buf_bytes(&raw), secret), buf_bytes(&raw).n);
    assert_int_equal(bytes_find(buf_bytes(&raw), BYTES_LIT("CREATE TABLE")), buf_bytes(&raw).n);
}

static void test_snapshot_is_stable(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    struct db_conn *c = NULL;
    struct error e = { 0 };

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(db_read_begin(db, &c, &e), e);
    assert_ok(kit_put(db, "a", BYTES_LIT("later"), &e), e);
    assert_code(kit_get(c, "a", &out, &e), ERRC_NOT_FOUND);
    db_read_end(c);
    assert_int_equal(kit_count(db), 1);
}

static void test_failed_job_undoes_only_itself(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    struct kit_put bad = { "b", BYTES_LIT("x"), true };
    struct db_stats stats;
    struct error e = { 0 };

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(kit_put(db, "a", BYTES_LIT("x"), &e), e);
    assert_code(db_write(db, kit_put_fn, &bad, &e), ERRC_CONFLICT);
    assert_string_equal(e.msg, "as asked");
    assert_code(kit_put(db, "a", BYTES_LIT("again"), &e), ERRC_EXISTS);
    assert_int_equal(kit_count(db), 1);
    db_stats(db, &stats);
    assert_int_equal(stats.writes, 1);
    assert_int_equal(stats.failed, 2);
}

/* --- a group of repeatable jobs, one of which fails --- */

#define GROUP_JOBS 8

struct grouped {
    struct db *db;
    struct kit_put put;
    char name[8];
    struct result r;
    unsigned runs;
    pthread_t thread;
};

static struct result counted_put(struct db_conn *c, void *arg, struct error *e)
{
    struct grouped *g = arg;
    g->runs++;
    return kit_put_fn(c, &g->put, e);
}

static void *grouped_main(void *arg)
{
    struct grouped *g = arg;
    g->r = db_write_repeatable(g->db, counted_put, g, NULL);
    return NULL;
}

static size_t queued(struct db *db)
{
    size_t n = 0;
    pthread_mutex_lock(&db->writer.lock);
    LIST_EACH(i, &db->writer.queue)
    {
        n++;
    }
    pthread_mutex_unlock(&db->writer.lock);
    return n;
}

static atomic_bool is_held;

/* Holds the writer until the others wait as one group. */
static struct result wait_for_group(struct db_conn *c, void *arg, struct error *e)
{
    (void)c;
    (void)e;
    atomic_store(&is_held, true);
    while (queued(arg) < GROUP_JOBS) {
        sched_yield();
    }
    return RESULT_OK;
}

static void *holder_main(void *db)
{
    result_ignore(db_write(db, wait_for_group, db, NULL)); /* the counts below tell */
    return NULL;
}

static void test_group_runs_again(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    static struct grouped jobs[GROUP_JOBS];
    struct db_stats before, after;
    struct error e = { 0 };
    pthread_t holder;

    assert_ok(kit_open(*state, &db, &e), e);
    db_stats(db, &before);
    assert_int_equal(pthread_create(&holder, NULL, holder_main, db), 0);
    while (!atomic_load(&is_held)) {
        sched_yield();
    }
    for (unsigned i = 0; i < GROUP_JOBS; i++) {
        struct grouped *g = &jobs[i];
        *g = (struct grouped){ .db = db };
        snprintf(g->name, sizeof(g->name), "row %u", i);
        g->put = (struct kit_put){ g->name, BYTES_LIT("x"), i == 3 };
        assert_int_equal(pthread_create(&g->thread, NULL, grouped_main, g), 0);
    }
    assert_int_equal(pthread_join(holder, NULL), 0);
    unsigned runs = 0;
    for (unsigned i = 0; i < GROUP_JOBS; i++) {
        assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
        assert_int_equal(jobs[i].r.code, i == 3 ? ERRC_CONFLICT : ERRC_OK);
        runs += jobs[i].runs;
    }
    db_stats(db, &after);
    assert_int_equal(kit_count(db), GROUP_JOBS - 1);
    assert_int_equal(after.groups - before.groups, 2);
    assert_int_equal(after.failed - before.failed, 1);
    assert_in_range(runs, GROUP_JOBS + 1, 2 * GROUP_JOBS); /* up to the failure, then all of them */
}

static void test_reader_cannot_write(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    struct db_conn *c = NULL;
    struct kit_put p = { "a", BYTES_LIT("x"), false };
    struct error e = { 0 };

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(db_read_begin(db, &c, &e), e);
    assert_false(result_is_ok(kit_put_fn(c, &p, &e)));
    db_read_end(c);
    assert_int_equal(kit_count(db), 0);
}

static void test_literals_only(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    struct error e = { 0 };
    char sql[] = "SELECT 1";

    assert_ok(kit_open(*state, &db, &e), e);
    assert_ok(db_read_begin(db, &c, &e), e);
    assert_ok(db_prepare(c, sql, &s, &e), e);
    sql[7] = '2';
    assert_code(db_prepare(c, sql, &s, &e), ERRC_BUG);
    db_read_end(c);
}

static void test_migrations(void **state)
{
    static const struct db_migration bad[] = { { 1, "CREATE TABLE t(a)" },
                                               { 2, "CREATE TABLE t(a)" } };
    static const struct db_migration gap[] = { { 1, "CREATE TABLE t(a)" },
                                               { 3, "CREATE TABLE u(a)" } };
    struct fs *fs = *state;
    struct db *db = NULL;
    struct error e = { 0 };

    assert_code(db_open(fs, "m.db", &kit_key, bad, 2, &db, &e), ERRC_BUG);
    assert_non_null(strstr(e.msg, "migration 2"));
    assert_code(db_open(fs, "m.db", &kit_key, gap, 2, &db, &e), ERRC_BUG);
    assert_ok(db_open(fs, "m.db", &kit_key, bad, 1, &db, &e),
              e); /* nothing of the failed one was left */
    db_close(db);
    assert_ok(db_open(fs, "meta.db", &kit_key, kit_migrations, 1, &db, &e), e);
    assert_ok(kit_put(db, "a", BYTES_LIT("x"), &e), e);
    db_close(db);
    assert_ok(db_open(fs, "meta.db", &kit_key, kit_migrations, 2, &db, &e), e);
    assert_int_equal(kit_count(db), 1);
    db_close(db);
    assert_code(db_open(fs, "meta.db", &kit_key, kit_migrations, 1, &db, &e), ERRC_UNSUPPORTED);
}

static void test_wrong_key(void **state)
{
    struct key256 other = kit_key;
    struct db *db = NULL;
    struct error e = { 0 };

    assert_ok(kit_open(*state, &db, &e), e);
    db_close(db);
    other.b[31] ^= 1;
    assert_code(db_open(*state, "meta.db", &other, kit_migrations, 2, &db, &e), ERRC_INTEGRITY);
    assert_non_null(strstr(e.msg, "page 1"));
}

static void test_missing_file_with_wal(void **state)
{
    struct db *db = NULL;
    struct error e = { 0 };

    assert_ok(fs_write_file(*state, "meta.db-wal", BYTES_LIT("x"), &e), e);
    assert_code(kit_open(*state, &db, &e), ERRC_INTEGRITY);
    assert_ok(fs_unlink(*state, "meta.db-wal", &e), e);
    assert_ok(fs_write_file(*state, "meta.db", BYTES_NONE, &e), e);
    assert_code(kit_open(*state, &db, &e), ERRC_INTEGRITY);
}

static void test_full_disk(void **state)
{
    CLEANUP(db_close_p) struct db *db = NULL;
    struct fs *fs = *state;
    struct error e = { 0 };
    static uint8_t body[64 << 10];
    int done = 0;
    char name[32];
    struct result r = RESULT_OK;

    assert_ok(kit_open(fs, &db, &e), e);
    fs_fake_set_capacity(fs, 4 << 20);
    while (result_is_ok(r)) {
        snprintf(name, sizeof(name), "item %d", done);
        r = kit_put(db, name, BYTES_OF(body), &e);
        done += result_is_ok(r);
        assert_true(done < 1000);
    }
    assert_int_equal(r.code, ERRC_FULL);
    assert_int_equal(kit_count(db), done);
    assert_code(db_write(db, kit_delete_fn, (void *)(uintptr_t) "item 0", &e), ERRC_FULL);
    fs_fake_set_capacity(fs, 8 << 20); /* room for a checkpoint, then for all the rest */
    assert_ok(db_write(db, kit_delete_fn, (void *)(uintptr_t) "item 0", &e), e);
    assert_ok(kit_put(db, "after", BYTES_OF(body), &e), e);
    assert_int_equal(kit_count(db), done);
    assert_ok(db_check(db, NULL, NULL, &e), e);
}

#define LARGE_ROWS  30
#define LARGE_BYTES ((size_t)3 << 20)

/* More than the writer's cache holds: SQLite writes frames before the commit, and writes some of
 * them again. */
static struct result large_fn(struct db_conn *c, void *arg, struct error *e)
{
    uint8_t *body = arg;
    char name[32];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < LARGE_ROWS; i++) {
            struct kit_put p = { name, bytes_of(body, LARGE_BYTES), false };
            snprintf(name, sizeof(name), "item %d", i);
            memset(body, round * 100 + i, LARGE_BYTES);
            TRY(round == 0 ? kit_put_fn(c, &p, e) : kit_replace_fn(c, &p, e));
        }
    }
    return RESULT_OK;
}

static void test_large_group_spills(void **state)
{
    struct fs *fs = *state;
    CLEANUP(db_close_p) struct db *db = NULL;
    CLEANUP(mem_free_p) uint8_t *body = mem_alloc(LARGE_BYTES);
    CLEANUP(buf_done_p) struct buf out = BUF(LARGE_BYTES);
    struct db_conn *c = NULL;
    struct error e = { 0 };
    char name[32];

    fs_fake_set_capacity(fs, (uint64_t)1 << 30);
    assert_ok(kit_open(fs, &db, &e), e);
    assert_ok(db_write(db, large_fn, body, &e), e);
    assert_ok(db_read_begin(db, &c, &e), e);
    for (int i = 0; i < LARGE_ROWS; i++) {
        snprintf(name, sizeof(name), "item %d", i);
        assert_ok(kit_get(c, name, &out, &e), e);
        memset(body, 100 + i, LARGE_BYTES);
        assert_bytes(buf_bytes(&out), bytes_of(body, LARGE_BYTES));
    }
    db_read_end(c);
    assert_ok(db_check(db, NULL, NULL, &e), e);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_write_and_read),
        T(test_content_stays_after_close),
        T(test_nothing_readable_on_disk),
        T(test_snapshot_is_stable),
        T(test_failed_job_undoes_only_itself),
        T(test_group_runs_again),
        T(test_reader_cannot_write),
        T(test_literals_only),
        T(test_migrations),
        T(test_wrong_key),
        T(test_missing_file_with_wal),
        T(test_full_disk),
        T(test_large_group_spills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

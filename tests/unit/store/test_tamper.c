/* Tampering: flipped bytes, swapped pages, cut files; in the database file and in a WAL left by a
 * crash. */
#include "storekit.h"

#define PAGE 4096u

/* A small database with several pages: items, both indexes, an overflow page. */
static struct fs *small_db(void)
{
    struct fs *fs = fs_fake_new(KIT_CAPACITY);
    struct db *db = NULL;
    struct error e = { 0 };
    static uint8_t body[9000];
    char name[32];

    assert_ok(kit_open(fs, &db, &e), e);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "item %d", i);
        assert_ok(kit_put(db, name, bytes_of(body, i == 0 ? sizeof(body) : 200), &e), e);
    }
    db_close(db);
    return fs;
}

/* Opens and checks; the error of whichever fails. */
static struct result open_and_check(struct fs *fs, struct error *e)
{
    CLEANUP(db_close_p) struct db *db = NULL;

    TRY(kit_open(fs, &db, e));
    return db_check(db, NULL, NULL, e);
}

static void expect_page(struct fs *fs, uint64_t at)
{
    struct error e = { 0 };
    char want[32];

    snprintf(want, sizeof(want), "page %u ", (unsigned)(at / PAGE + 1));
    assert_ok(fs_fake_flip(fs, "meta.db", at, 0x10), e);
    assert_code(open_and_check(fs, &e), ERRC_INTEGRITY);
    if (strstr(e.msg, want) == NULL) {
        fail_msg("byte %llu: \"%s\" does not name %s", (unsigned long long)at, e.msg, want);
    }
    assert_ok(fs_fake_flip(fs, "meta.db", at, 0x10), e);
}

/* Each byte of the first and last 100 of each page, every 13th between. */
static void test_each_byte(void **state)
{
    struct fs *fs = small_db();
    struct fs_stat st;
    struct error e = { 0 };

    (void)state;
    assert_ok(fs_stat(fs, "meta.db", &st, &e), e);
    assert_true(st.size >= 8 * PAGE);
    for (uint64_t at = 0; at < st.size;) {
        expect_page(fs, at);
        uint64_t in_page = at % PAGE;
        at += in_page < 100 || in_page >= PAGE - 100 ? 1 : 13;
    }
    assert_ok(open_and_check(fs, &e), e);
    fs_free(fs);
}

static void write_raw(struct fs *fs, const char *name, const void *p, size_t n, uint64_t at)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    struct error e = { 0 };

    assert_ok(fs_open(fs, name, FS_READ | FS_WRITE, &f, &e), e);
    assert_ok(fs_pwrite(f, p, n, at, &e), e);
    assert_ok(fs_sync(f, &e), e);
}

static void test_moved_and_zeroed_pages(void **state)
{
    struct fs *fs = small_db();
    CLEANUP(buf_done_p) struct buf raw = BUF(16 << 20);
    static const uint8_t zeros[PAGE];
    struct error e = { 0 };

    (void)state;
    assert_ok(fs_read_file(fs, "meta.db", 16 << 20, &raw, &e), e);
    const uint8_t *p = buf_bytes(&raw).p;
    for (uint64_t page = 1; page <= raw.n / PAGE; page++) {
        uint64_t at = (page - 1) * PAGE, other = page == 3 ? 3 * PAGE : 2 * PAGE;
        write_raw(fs, "meta.db", p + other, PAGE, at);
        assert_code(open_and_check(fs, &e), ERRC_INTEGRITY);
        write_raw(fs, "meta.db", zeros, PAGE, at);
        assert_code(open_and_check(fs, &e), ERRC_INTEGRITY);
        write_raw(fs, "meta.db", p + at, PAGE, at);
    }
    assert_ok(open_and_check(fs, &e), e);
    fs_free(fs);
}

static void test_cut_file(void **state)
{
    struct error e = { 0 };

    (void)state;
    for (uint64_t pages = 1; pages < 8; pages++) {
        struct fs *fs = small_db();
        struct fs_file *f = NULL;
        assert_ok(fs_open(fs, "meta.db", FS_READ | FS_WRITE, &f, &e), e);
        assert_ok(fs_truncate(f, pages * PAGE, &e), e);
        fs_close(f);
        assert_code(open_and_check(fs, &e), ERRC_INTEGRITY);
        fs_free(fs);
    }
}

/* Copies meta.db and its WAL as they are now, as a crash of the process would leave them. */
static struct fs *crashed_copy(struct fs *from)
{
    struct fs *to = fs_fake_new(KIT_CAPACITY);
    static const char *const names[] = { "meta.db", "meta.db-wal" };
    struct error e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(64 << 20);
        assert_ok(fs_read_file(from, names[i], 64 << 20, &raw, &e), e);
        assert_ok(fs_write_file(to, names[i], buf_bytes(&raw), &e), e);
    }
    return to;
}

#define WAL_FRAME (24u + PAGE)

/*
 * A WAL of 30 groups. A flip in any frame but those of the last two groups is found at open; in the
 * last two, either it is found or the database is as it was before that group.
 */
static void test_wal_frames(void **state)
{
    struct fs *origin = fs_fake_new(KIT_CAPACITY);
    struct db *db = NULL;
    struct error e = { 0 };
    struct fs_stat st;
    uint64_t safe_end = 0;
    char name[32];

    (void)state;
    assert_ok(kit_open(origin, &db, &e), e);
    for (int i = 0; i < 30; i++) {
        if (i == 28) {
            assert_ok(fs_stat(origin, "meta.db-wal", &st, &e), e);
            safe_end = st.size;
        }
        snprintf(name, sizeof(name), "item %d", i);
        assert_ok(kit_put(db, name, BYTES_LIT("body"), &e), e);
    }
    struct fs *fs = crashed_copy(origin);
    db_close(db);
    fs_free(origin);
    assert_ok(fs_stat(fs, "meta.db-wal", &st, &e), e);
    uint64_t seen = 0;
    for (uint64_t at = 0; at < st.size; at += at < 32 || at % WAL_FRAME < 60 ? 1 : 97) {
        struct fs *copy = crashed_copy(fs);
        assert_ok(fs_fake_flip(copy, "meta.db-wal", at, 0x04), e);
        struct result r = open_and_check(copy, &e);
        if (at < safe_end && r.code != ERRC_INTEGRITY) {
            fail_msg("flip of byte %llu of the WAL: %s", (unsigned long long)at, errc_name(r.code));
        }
        if (at >= 32 && at < safe_end) {
            snprintf(name, sizeof(name), "frame %u ", (unsigned)((at - 32) / WAL_FRAME + 1));
            assert_non_null(strstr(e.msg, name));
        }
        if (result_is_ok(r)) {
            assert_ok(kit_open(copy, &db, &e), e);
            assert_in_range(kit_count(db), 28, 30);
            db_close(db);
            seen++;
        }
        fs_free(copy);
    }
    assert_true(seen > 0);
    assert_ok(open_and_check(fs, &e), e);
    fs_free(fs);
}

/* A page damaged while the database is open: the read says so, other pages go on. */
static void test_damage_while_open(void **state)
{
    struct fs *fs = small_db();
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    struct db *db = NULL;
    struct db_conn *c = NULL;
    struct error e = { 0 };

    (void)state;
    assert_ok(kit_open(fs, &db, &e), e);
    assert_ok(kit_put(db, "fresh", BYTES_LIT("body"), &e), e);
    assert_ok(fs_fake_flip(fs, "meta.db-wal", 32 + 24 + 100, 1), e);
    struct result r = db_read_begin(db, &c, &e);
    if (result_is_ok(r)) {
        r = kit_get(c, "fresh", &out, &e);
        db_read_end(c);
    }
    assert_int_equal(r.code, ERRC_INTEGRITY);
    assert_non_null(strstr(e.msg, "meta.db-wal: frame 1 (page "));
    db_close(db);
    fs_free(fs);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_byte),         cmocka_unit_test(test_moved_and_zeroed_pages),
        cmocka_unit_test(test_cut_file),          cmocka_unit_test(test_wal_frames),
        cmocka_unit_test(test_damage_while_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

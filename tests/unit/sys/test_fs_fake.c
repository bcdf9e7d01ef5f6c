/* The fake file system: as good as the real one, and as bad at power loss as a real one may be. */
#include "base/rng.h"
#include "fs_cases.h"

static void test_all_cases(void **state)
{
    (void)state;
    struct fs *fs = fs_fake_new(100 << 20);
    fs_all_cases(fs);
    fs_free(fs);
}

static void test_capacity(void **state)
{
    (void)state;
    struct error e;
    struct fs *fs = fs_fake_new(10 * 4096);
    struct fs_file *f = file_open(fs, "f", FS_READ | FS_WRITE | FS_CREATE);
    static const uint8_t block[4096] = { 1 };
    for (uint64_t i = 0; i < 10; i++) {
        assert_ok(fs_pwrite(f, block, sizeof(block), i * sizeof(block), &e), e);
    }
    assert_code(fs_pwrite(f, block, 1, 10 * sizeof(block), &e), ERRC_FULL);
    assert_code(fs_preallocate(f, 11 * sizeof(block), &e), ERRC_FULL);
    assert_ok(fs_pwrite(f, block, sizeof(block), 0, &e), e); /* overwriting needs none */
    uint64_t free_bytes = 1, total = 0;
    assert_ok(fs_space(fs, &free_bytes, &total, &e), e);
    assert_int_equal(free_bytes, 0);
    assert_int_equal(total, 10 * 4096);
    fs_fake_set_capacity(fs, 11 * 4096);
    assert_ok(fs_pwrite(f, block, 1, 10 * sizeof(block), &e), e);
    fs_close(f);
    fs_free(fs);
}

/* What was synced is there; open files are dead; the same seed gives the same loss. */
static void test_synced_survives(void **state)
{
    (void)state;
    struct error e;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct fs *fs = fs_fake_new(1 << 20);
        assert_ok(fs_mkdir(fs, "d", &e), e);
        file_make(fs, "d/f", "durable");
        assert_ok(fs_sync_dir(fs, "", &e), e);
        struct fs_file *f = file_open(fs, "d/f", FS_READ | FS_WRITE);
        assert_ok(fs_lock(f, &e), e);
        fs_fake_power_loss(fs, seed);
        uint8_t c;
        assert_code(fs_pread(f, &c, 1, 0, NULL, &e), ERRC_IO);
        assert_code(fs_pwrite(f, "x", 1, 0, &e), ERRC_IO);
        assert_code(fs_datasync(f, &e), ERRC_IO);
        file_expect(fs, "d/f", "durable");
        struct fs_file *g = file_open(fs, "d/f", FS_READ);
        assert_ok(fs_lock(g, &e), e);
        fs_close(f);
        fs_close(g);
        fs_free(fs);
    }
}

/* Every outcome of an unsynced overwrite occurs: none of it, all of it, some sectors; and nothing
 * else. */
static void test_unsynced_data_is_torn_by_sectors(void **state)
{
    (void)state;
    struct error e;
    unsigned none = 0, all = 0, some = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct fs *fs = fs_fake_new(1 << 20);
        uint8_t block[8192], got[8192];
        memset(block, 'o', sizeof(block));
        struct fs_file *f = file_open(fs, "f", FS_READ | FS_WRITE | FS_CREATE);
        assert_ok(fs_pwrite(f, block, sizeof(block), 0, &e), e);
        assert_ok(fs_datasync(f, &e), e);
        assert_ok(fs_sync_dir(fs, "", &e), e);
        memset(block, 'n', sizeof(block));
        assert_ok(fs_pwrite(f, block, 6000, 1000, &e), e);
        assert_ok(fs_pwrite(f, block, 6000, 1000, &e), e); /* twice: old stays what was synced */
        fs_close(f);
        fs_fake_power_loss(fs, seed);
        f = file_open(fs, "f", FS_READ);
        assert_ok(fs_pread(f, got, sizeof(got), 0, NULL, &e), e);
        fs_close(f);
        unsigned news = 0;
        for (size_t i = 0; i < sizeof(got); i++) {
            assert_true(got[i] == 'o' || (got[i] == 'n' && i >= 1000 && i < 7000));
            bool is_first = i % 512 == 0 || i == 1000 || i == 7000;
            assert_true(is_first || got[i] == got[i - 1]); /* changes only between sectors */
            news += got[i] == 'n';
        }
        none += news == 0;
        all += news == 6000;
        some += news > 0 && news < 6000;
        fs_free(fs);
    }
    assert_true(none > 20 && all > 20 && some > 20);
}

static void test_unsynced_growth(void **state)
{
    (void)state;
    struct error e;
    unsigned olds = 0, news = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct fs *fs = fs_fake_new(1 << 20);
        file_make(fs, "f", "four");
        struct fs_file *f = file_open(fs, "f", FS_WRITE);
        assert_ok(fs_pwrite(f, "more", 4, 4, &e), e);
        fs_close(f);
        fs_fake_power_loss(fs, seed);
        CLEANUP(buf_done_p) struct buf b = BUF(100);
        assert_ok(fs_read_file(fs, "f", 100, &b, &e), e);
        assert_true(b.n == 4 || b.n == 8);
        assert_memory_equal(b.p, "four", 4);
        assert_true(b.n == 4 || memcmp(b.p + 4, "more", 4) == 0 ||
                    memcmp(b.p + 4, "\0\0\0\0", 4) == 0);
        olds += b.n == 4;
        news += b.n == 8;
        /* nothing of what was lost comes back when the file grows again */
        f = file_open(fs, "f", FS_READ | FS_WRITE);
        assert_ok(fs_truncate(f, 8, &e), e);
        uint8_t tail[4];
        assert_ok(fs_pread(f, tail, 4, 4, NULL, &e), e);
        assert_true(b.n == 8 || memcmp(tail, "\0\0\0\0", 4) == 0);
        fs_close(f);
        fs_free(fs);
    }
    assert_true(olds > 10 && news > 10);
}

static bool is_there(struct fs *fs, const char *path)
{
    struct fs_stat st;
    return result_is_ok(fs_stat(fs, path, &st, NULL));
}

/* Changes of names survive in order; a rename is whole or not at all. */
static void test_unsynced_names(void **state)
{
    (void)state;
    struct error e;
    unsigned outcomes[5] = { 0 };
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct fs *fs = fs_fake_new(1 << 20);
        file_make(fs, "a", "a");
        assert_ok(fs_mkdir(fs, "one", &e), e);
        assert_ok(fs_rename(fs, "a", "b", &e), e);
        assert_ok(fs_mkdir(fs, "two", &e), e);
        assert_ok(fs_unlink(fs, "b", &e), e);
        fs_fake_power_loss(fs, seed);
        bool one = is_there(fs, "one"), two = is_there(fs, "two");
        bool a = is_there(fs, "a"), b = is_there(fs, "b");
        unsigned outcome = two ? (b ? 3 : 4) : b ? 2 : one ? 1 : 0;
        outcomes[outcome]++;
        assert_true(one == (outcome >= 1) && a == (outcome <= 1) &&
                    b == (outcome == 2 || outcome == 3));
        if (a || b) {
            file_expect(fs, a ? "a" : "b", "a");
        }
        fs_free(fs);
    }
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        assert_true(outcomes[i] > 20);
    }
}

static void test_sync_of_a_directory_keeps_its_names(void **state)
{
    (void)state;
    struct error e;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct fs *fs = fs_fake_new(1 << 20);
        assert_ok(fs_mkdir(fs, "d", &e), e);
        assert_ok(fs_mkdir(fs, "d/x", &e), e);
        assert_ok(fs_rename(fs, "d/x", "y", &e), e);
        assert_ok(fs_mkdir(fs, "later", &e), e);
        assert_ok(fs_sync_dir(fs, "d", &e), e);
        fs_fake_power_loss(fs, seed);
        assert_true(is_there(fs, "y"));
        assert_false(is_there(fs, "d/x"));
        fs_free(fs);
    }
}

static void test_flip(void **state)
{
    (void)state;
    struct fs *fs = fs_fake_new(1 << 20);
    file_make(fs, "f", "abc");
    assert_code(fs_fake_flip(fs, "f", 1, 'b' ^ 'X'), ERRC_OK);
    file_expect(fs, "f", "aXc");
    assert_code(fs_fake_flip(fs, "f", 3, 1), ERRC_RANGE);
    assert_code(fs_fake_flip(fs, "g", 0, 1), ERRC_NOT_FOUND);
    assert_code(fs_fake_flip(fs, "", 0, 1), ERRC_NOT_FOUND);
    fs_free(fs);
}

/* Random writes, truncations and syncs against a plain array; at power loss each byte is new or
 * synced. */
static void test_model(void **state)
{
    (void)state;
    struct rng_test rng;
    rng_test_init(&rng, 11);
    struct error e;
    enum { SPAN = 40000 };
    static uint8_t now[SPAN], synced[SPAN], got[SPAN], src[SPAN];
    struct fs *fs = fs_fake_new(1 << 20);
    file_make(fs, "f", "");
    struct fs_file *f = file_open(fs, "f", FS_READ | FS_WRITE);
    uint64_t size = 0, synced_size = 0;
    for (unsigned step = 0; step < 3000; step++) {
        uint64_t at = rng_below(&rng.base, SPAN),
                 n = rng_below(&rng.base, MIN(SPAN - at, 9000u) + 1);
        uint64_t what = rng_below(&rng.base, 20);
        if (what < 14) {
            rng_fill(&rng.base, src, n);
            assert_ok(fs_pwrite(f, src, n, at, &e), e);
            memcpy(now + at, src, n);
            size = n > 0 ? MAX(size, at + n) : size;
        } else if (what < 16) {
            assert_ok(fs_truncate(f, at, &e), e);
            memset(now + at, 0, SPAN - at);
            size = at;
        } else if (what < 19) {
            assert_ok(fs_datasync(f, &e), e);
            memcpy(synced, now, SPAN);
            synced_size = size;
        } else {
            fs_close(f);
            fs_fake_power_loss(fs, step);
            f = file_open(fs, "f", FS_READ | FS_WRITE);
            uint64_t after = 0;
            assert_ok(fs_size(f, &after, &e), e);
            assert_true(after == size || after == synced_size);
            assert_ok(fs_pread(f, got, after, 0, NULL, &e), e);
            for (uint64_t i = 0; i < after; i++) {
                assert_true(got[i] == now[i] || got[i] == synced[i]);
            }
            memset(got + after, 0, SPAN - after);
            memcpy(now, got, SPAN);
            memcpy(synced, got, SPAN);
            size = synced_size = after;
        }
        if (step % 50 == 0) {
            assert_ok(fs_pread(f, got, size, 0, NULL, &e), e);
            assert_memory_equal(got, now, size);
        }
    }
    fs_close(f);
    fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_cases),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_synced_survives),
        cmocka_unit_test(test_unsynced_data_is_torn_by_sectors),
        cmocka_unit_test(test_unsynced_growth),
        cmocka_unit_test(test_unsynced_names),
        cmocka_unit_test(test_sync_of_a_directory_keeps_its_names),
        cmocka_unit_test(test_flip),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests_name("fs_fake", tests, NULL, NULL);
}

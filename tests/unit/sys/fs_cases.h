/* What holds for every file system, the real one and the fake: run by test_fs and test_fs_fake. */
#ifndef TROTH_TESTS_FS_CASES_H
#define TROTH_TESTS_FS_CASES_H

#include "sys/fault.h"
#include "sys/fs.h"
#include "testkit.h"

static inline struct fs_file *file_open(struct fs *fs, const char *path, unsigned flags)
{
    struct fs_file *f = NULL;
    struct error e;
    assert_ok(fs_open(fs, path, flags, &f, &e), e);
    return f;
}

static inline void file_make(struct fs *fs, const char *path, const char *text)
{
    struct error e;
    assert_ok(fs_write_file(fs, path, bytes_str(text), &e), e);
}

static inline void file_expect(struct fs *fs, const char *path, const char *text)
{
    CLEANUP(buf_done_p) struct buf b = BUF(1000);
    struct error e;
    assert_ok(fs_read_file(fs, path, 1000, &b, &e), e);
    assert_bytes(buf_bytes(&b), bytes_str(text));
}

static inline void fs_case_paths(struct fs *fs)
{
    static const char *const bad[] = { "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/",
                                       "/",           ".",  "./a",  "a/.",    "a/..", "" };
    struct fs_file *f = NULL;
    struct fs_stat st;
    struct error e;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(fs_open(fs, bad[i], FS_READ | FS_WRITE | FS_CREATE, &f, &e), ERRC_RANGE);
        assert_code(fs_mkdir(fs, bad[i], &e), ERRC_RANGE);
        assert_code(fs_unlink(fs, bad[i], &e), ERRC_RANGE);
        assert_code(fs_rename(fs, "x", bad[i], &e), ERRC_RANGE);
        assert_code(fs_rename(fs, bad[i], "x", &e), ERRC_RANGE);
    }
    char longest[300];
    memset(longest, 'n', sizeof(longest));
    longest[256] = 0;
    assert_code(fs_stat(fs, longest, &st, &e), ERRC_RANGE);
    longest[255] = 0;
    assert_code(fs_stat(fs, longest, &st, &e), ERRC_NOT_FOUND);
    assert_ok(fs_stat(fs, "", &st, &e), e);
    assert_true(st.is_dir);
}

static inline void fs_case_files(struct fs *fs)
{
    struct error e;
    struct fs_file *f = NULL;
    uint8_t got[64];
    size_t n = 99;
    uint64_t size = 99;
    assert_code(fs_open(fs, "one", FS_READ, &f, &e), ERRC_NOT_FOUND);
    f = file_open(fs, "one", FS_READ | FS_WRITE | FS_CREATE | FS_EXCLUSIVE);
    struct fs_file *again = NULL;
    assert_code(fs_open(fs, "one", FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &again, &e), ERRC_EXISTS);
    assert_ok(fs_pwrite(f, "hello world", 11, 0, &e), e);
    assert_ok(fs_pwrite(f, "W", 1, 6, &e), e);
    assert_ok(fs_pwrite(f, "far", 3, 10000, &e), e); /* a hole reads as zeros */
    assert_ok(fs_size(f, &size, &e), e);
    assert_int_equal(size, 10003);
    assert_ok(fs_pread(f, got, 11, 0, &n, &e), e);
    assert_memory_equal(got, "hello World", 11);
    assert_int_equal(n, 11);
    assert_ok(fs_pread(f, got, 4, 9999, NULL, &e), e);
    assert_memory_equal(got, "\0far", 4);
    assert_code(fs_pread(f, got, 10, 10000, &n, &e), ERRC_CLOSED);
    assert_int_equal(n, 3);
    assert_code(fs_pread(f, got, 10, 20000, &n, &e), ERRC_CLOSED);
    assert_int_equal(n, 0);
    assert_ok(fs_datasync(f, &e), e);
    assert_ok(fs_sync(f, &e), e);
    assert_ok(fs_truncate(f, 5, &e), e);
    assert_ok(fs_truncate(f, 8, &e), e);
    assert_ok(fs_pread(f, got, 8, 0, NULL, &e), e);
    assert_memory_equal(got, "hello\0\0\0", 8);
    assert_ok(fs_preallocate(f, 1000000, &e), e);
    assert_ok(fs_preallocate(f, 10, &e), e); /* never smaller */
    assert_ok(fs_size(f, &size, &e), e);
    assert_int_equal(size, 1000000);
    assert_ok(fs_pread(f, got, 8, 0, NULL, &e), e);
    assert_memory_equal(got, "hello\0\0\0", 8);
    fs_close(f);
    f = file_open(fs, "one", FS_READ);
    struct result r = fs_pwrite(f, "x", 1, 0, &e);
    assert_false(result_is_ok(r)); /* opened for reading */
    fs_close(f);
    f = file_open(fs, "one", FS_WRITE | FS_TRUNCATE);
    assert_ok(fs_size(f, &size, &e), e);
    assert_int_equal(size, 0);
    fs_close(f);
}

static inline void fs_case_direct(struct fs *fs)
{
    struct error e;
    struct fs_file *f = file_open(fs, "direct", FS_READ | FS_WRITE | FS_CREATE | FS_DIRECT);
    CLEANUP(mem_free_p) void *block = NULL;
    assert_code(mem_try_aligned(8192, &block), ERRC_OK);
    memset(block, 7, 8192);
    assert_ok(fs_preallocate(f, 65536, &e), e);
    assert_ok(fs_pwrite(f, block, 8192, 4096, &e), e);
    memset(block, 0, 8192);
    assert_ok(fs_pread(f, block, 8192, 4096, NULL, &e), e);
    assert_int_equal(((uint8_t *)block)[8191], 7);
    fs_close(f);
}

static inline struct result count_name(void *arg, const char *name)
{
    unsigned *seen = arg;
    *seen += 1;
    *seen |= strcmp(name, "b") == 0 ? 0x100u : 0;
    return strcmp(name, "stop") == 0 ? result_of(ERRC_LIMIT) : RESULT_OK;
}

static inline void fs_case_names(struct fs *fs)
{
    struct error e;
    struct fs_stat st;
    assert_ok(fs_mkdir(fs, "d", &e), e);
    assert_ok(fs_mkdir(fs, "d", &e), e); /* existing is fine */
    assert_ok(fs_mkdir(fs, "d/e", &e), e);
    assert_code(fs_mkdir(fs, "no/e", &e), ERRC_NOT_FOUND);
    file_make(fs, "d/a", "aaa");
    file_make(fs, "d/b", "bb");
    assert_false(result_is_ok(fs_mkdir(fs, "d/a", &e)));
    assert_ok(fs_stat(fs, "d/b", &st, &e), e);
    assert_int_equal(st.size, 2);
    assert_int_equal(st.mode, 0600);
    assert_false(st.is_dir);
    assert_ok(fs_stat(fs, "d/e", &st, &e), e);
    assert_int_equal(st.mode, 0700);
    assert_true(st.is_dir);
    unsigned seen = 0;
    assert_ok(fs_list(fs, "d", count_name, &seen, &e), e);
    assert_int_equal(seen, 0x103);
    assert_ok(fs_rename(fs, "d/a", "d/b", &e), e); /* takes its place */
    file_expect(fs, "d/b", "aaa");
    assert_code(fs_unlink(fs, "d/a", &e), ERRC_NOT_FOUND);
    assert_ok(fs_rename(fs, "d/b", "d/e/stop", &e), e);
    assert_code(fs_list(fs, "d/e", count_name, &seen, &e), ERRC_LIMIT);
    assert_code(fs_rmdir(fs, "d/e", &e), ERRC_EXISTS); /* not empty */

    struct fs *sub = NULL;
    assert_ok(fs_sub(fs, "d/e", &sub, &e), e);
    file_expect(sub, "stop", "aaa");
    assert_code(fs_stat(sub, "../b", &st, &e), ERRC_RANGE);
    file_make(sub, "new", "n");
    assert_ok(fs_sync_dir(sub, "", &e), e);
    fs_free(sub);
    file_expect(fs, "d/e/new", "n");
    assert_ok(fs_unlink(fs, "d/e/new", &e), e);
    assert_ok(fs_unlink(fs, "d/e/stop", &e), e);
    assert_ok(fs_rmdir(fs, "d/e", &e), e);
    assert_code(fs_sub(fs, "d/e", &sub, &e), ERRC_NOT_FOUND);
    assert_code(fs_list(fs, "d/e", count_name, &seen, &e), ERRC_NOT_FOUND);
    assert_code(fs_stat(fs, "d/e", &st, &e), ERRC_NOT_FOUND);
    uint64_t free_bytes = 0, total = 0;
    assert_ok(fs_space(fs, &free_bytes, &total, &e), e);
    assert_true(free_bytes > 0 && free_bytes <= total);
}

static inline void fs_case_lock(struct fs *fs)
{
    struct error e;
    struct fs_file *a = file_open(fs, "lock", FS_READ | FS_WRITE | FS_CREATE);
    struct fs_file *b = file_open(fs, "lock", FS_READ | FS_WRITE);
    assert_ok(fs_lock(a, &e), e);
    assert_code(fs_lock(b, &e), ERRC_CONFLICT);
    fs_close(a);
    assert_ok(fs_lock(b, &e), e);
    fs_close(b);
}

/* The old content stays when writing the new one fails, whatever fails. */
static inline void fs_case_faults(struct fs *fs)
{
    static const char *const points[] = { "fs.open", "fs.write", "fs.sync", "fs.rename" };
    static const struct {
        enum fault_kind kind;
        enum errc code;
    } kinds[] = { { FAULT_EIO, ERRC_IO },
                  { FAULT_ENOSPC, ERRC_FULL },
                  { FAULT_EAGAIN, ERRC_AGAIN },
                  { FAULT_SHORT, ERRC_IO },
                  { FAULT_NOMEM, ERRC_NOMEM } };
    struct error e;
    file_make(fs, "kept", "old");
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            fault_arm(points[i], kinds[k].kind, 0, 1);
            assert_code(fs_write_file(fs, "kept", BYTES_LIT("new"), &e), kinds[k].code);
            assert_code(result_of(e.code), kinds[k].code);
            file_expect(fs, "kept", "old");
            fault_disarm_all();
        }
    }
    fault_arm("fs.write", FAULT_EIO, 2, 1); /* the third time */
    file_make(fs, "kept", "1");
    file_make(fs, "kept", "2");
    assert_code(fs_write_file(fs, "kept", BYTES_LIT("3"), &e), ERRC_IO);
    file_make(fs, "kept", "4");
    fault_disarm_all();
    fault_arm("fs.read", FAULT_SHORT, 0, 1);
    CLEANUP(buf_done_p) struct buf b = BUF(100);
    assert_code(fs_read_file(fs, "kept", 100, &b, &e), ERRC_CLOSED);
    fault_disarm_all();
    file_make(fs, "kept", "");
    file_expect(fs, "kept", "");
    file_make(fs, "kept", "more than ten bytes");
    assert_code(fs_read_file(fs, "kept", 10, &b, &e), ERRC_LIMIT);
}

static inline void fs_all_cases(struct fs *fs)
{
    fs_case_paths(fs);
    fs_case_files(fs);
    fs_case_direct(fs);
    fs_case_names(fs);
    fs_case_lock(fs);
    fs_case_faults(fs);
}

#endif

/* The real file system, in a folder of its own. */
#include "fs_cases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "test_fs.XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int drop_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf -- %s", root);
    return system(command);
}

static struct fs *fs_make(void)
{
    struct fs *fs = NULL;
    struct error e;
    assert_ok(fs_open_dir(root, &fs, &e), e);
    return fs;
}

static void test_all_cases(void **state)
{
    (void)state;
    struct fs *fs = fs_make();
    fs_all_cases(fs);
    struct fs_file *f = file_open(fs, "direct", FS_READ);
    assert_true(fs_fd(f) >= 0);
    fs_close(f);
    fs_free(fs);
}

/* Neither a link as the file nor a link on the way is followed; a fifo does not block. */
static void test_links_lead_nowhere(void **state)
{
    (void)state;
    struct fs *fs = fs_make();
    struct error e;
    struct fs_file *f = NULL;
    struct fs *sub = NULL;
    int dir = open(root, O_RDONLY | O_DIRECTORY);
    assert_ok(fs_mkdir(fs, "real", &e), e);
    file_make(fs, "real/file", "x");
    assert_int_equal(symlinkat("real", dir, "dirlink"), 0);
    assert_int_equal(symlinkat("real/file", dir, "filelink"), 0);
    assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
    assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
    assert_false(result_is_ok(fs_open(fs, "filelink", FS_READ, &f, &e)));
    assert_false(result_is_ok(fs_open(fs, "dangling", FS_WRITE | FS_CREATE, &f, &e)));
    assert_false(result_is_ok(fs_open(fs, "dirlink/file", FS_READ, &f, &e)));
    assert_false(result_is_ok(fs_open(fs, "real", FS_READ, &f, &e)));
    assert_false(result_is_ok(fs_open(fs, "fifo", FS_READ, &f, &e)));
    assert_false(result_is_ok(fs_mkdir(fs, "dirlink/new", &e)));
    assert_false(result_is_ok(fs_mkdir(fs, "dirlink", &e)));
    assert_false(result_is_ok(fs_unlink(fs, "dirlink/file", &e)));
    assert_false(result_is_ok(fs_rename(fs, "dirlink/file", "stolen", &e)));
    assert_false(result_is_ok(fs_sub(fs, "dirlink", &sub, &e)));
    file_expect(fs, "real/file", "x");
    close(dir);
    fs_free(fs);
    assert_code(fs_open_dir("nowhere/at/all", &fs, &e), ERRC_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_cases, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_links_lead_nowhere, make_root, drop_root),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}

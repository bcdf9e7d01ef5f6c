/* The state folder: made, finished when half-made, refused when it is another's; opened, locked. */
#include "testkit.h"

#include "daemon/state.h"
#include "keys/root.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
    char base[64];
    char dir[128];
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    snprintf(w->base, sizeof(w->base), "/tmp/troth-state-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    snprintf(w->dir, sizeof(w->dir), "%s/state", w->base);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    nftw(w->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static const char *path_of(const struct world *w, const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    return path;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void file_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct result init_as(const struct world *w, const char *form, struct error *e)
{
    struct state_init in = { .dir = w->dir, .form = form };
    return state_init(&in, e);
}

static void root_opens(const struct world *w, const struct root_opening *with)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(secret_free_p) struct secret *root = NULL;
    struct error e = { 0 };
    assert_ok(fs_open_dir(w->dir, &fs, &e), e);
    assert_ok(root_open(fs, "root.key", with, &root, &e), e);
    assert_non_null(root);
}

static void test_init(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    static const char *const folders[] = { "tls", "keeper", "ledger", "vault", "identity" };
    static const char *const secrets[] = { "root.key", "ca.key", "tls/server.key" };
    struct root_opening nothing = { 0 };
    assert_ok(init_as(w, "file", &e), e);
    assert_int_equal(mode_of(w->dir), 0700);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        assert_int_equal(mode_of(path_of(w, folders[i])) & 077, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        assert_int_equal(mode_of(path_of(w, secrets[i])), 0600);
    }
    root_opens(w, &nothing);
    assert_code(init_as(w, "file", &e), ERRC_EXISTS);
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    assert_ok(state_open(w->dir, &path, &e), e);
    assert_true(buf_cstr(&path)[0] == '/');
}

static void test_forms(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    struct shamir_share shares[5] = { 0 };
    struct config c;
    struct state_init in = { .dir = w->dir,
                             .origin = "logs.example",
                             .listen = "127.0.0.1:0",
                             .form = "shares",
                             .shares_k = 3,
                             .shares_n = 5,
                             .ret_shares = shares };
    assert_ok(state_init(&in, &e), e);
    assert_ok(config_load(w->dir, &c, &e), e);
    assert_string_equal(c.origin, "logs.example");
    assert_string_equal(c.listen, "127.0.0.1:0");
    assert_string_equal(c.root_form, "shares");
    struct bytes three[3];
    for (size_t i = 0; i < 3; i++) {
        three[i] = bytes_of(shares[i + 1].b, shares[i + 1].n);
    }
    struct root_opening with = { .shares = three, .share_count = 3 };
    root_opens(w, &with);
}

static void test_bad_settings_make_nothing(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    struct state_init in = { .dir = w->dir, .form = "file", .origin = "a b" };
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    assert_code(state_init(&in, &e), ERRC_RANGE);
    assert_code(state_open(w->dir, &path, &e), ERRC_NOT_FOUND);
    in.origin = "ab";
    assert_ok(state_init(&in, &e), e);
}

/* Broken off after each step: calling again finishes it. */
static void test_half_made(void **state)
{
    struct world *w = *state;
    static const char *const lost[] = { "VERSION", "root.key", "tls/server.crt", "troth.yaml" };
    struct root_opening nothing = { 0 };
    struct error e = { 0 };
    assert_ok(init_as(w, "file", &e), e);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        CLEANUP(buf_done_p) struct buf path = BUF(4096);
        assert_int_equal(unlink(path_of(w, "VERSION")), 0);
        (void)unlink(path_of(w, lost[i]));
        assert_code(state_open(w->dir, &path, &e), ERRC_NOT_FOUND);
        assert_non_null(strstr(e.msg, "troth init"));
        assert_ok(init_as(w, "file", &e), e);
        assert_ok(state_open(w->dir, &path, &e), e);
        root_opens(w, &nothing);
    }
    assert_int_equal(unlink(path_of(w, "VERSION")), 0);
    struct state_init in = { .dir = w->dir, .form = "passphrase", .passphrase = BYTES_LIT("x") };
    assert_code(state_init(&in, &e), ERRC_CONFLICT); /* troth.yaml says file */
}

static void test_early_configuration(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    struct config c;
    assert_int_equal(mkdir(w->dir, 0755), 0);
    file_write(path_of(w, "troth.yaml"), "region: cn-north-1\n");
    assert_ok(init_as(w, "file", &e), e);
    assert_ok(config_load(w->dir, &c, &e), e);
    assert_string_equal(c.region, "cn-north-1");
    assert_int_equal(mode_of(w->dir), 0700);
}

static void test_foreign_folder(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    assert_int_equal(mkdir(w->dir, 0755), 0);
    file_write(path_of(w, "letter.txt"), "x");
    assert_code(init_as(w, "file", &e), ERRC_EXISTS);
    assert_int_equal(mode_of(w->dir), 0755);
    assert_int_equal(access(path_of(w, "tls"), F_OK), -1);
    assert_int_equal(unlink(path_of(w, "letter.txt")), 0);
    assert_int_equal(rmdir(w->dir), 0);
    file_write(w->dir, "a file");
    assert_code(init_as(w, "file", &e), ERRC_EXISTS);
}

static void test_versions(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    static const struct {
        const char *text;
        enum errc code;
    } cases[] = {
        { "troth-state 1\n", ERRC_OK },
        { "troth-state 2\n", ERRC_UNSUPPORTED },
        { "troth-state 99\n", ERRC_UNSUPPORTED },
        { "troth-state 0\n", ERRC_FORMAT },
        { "troth-state x\n", ERRC_FORMAT },
        { "troth-state\n", ERRC_FORMAT },
        { "", ERRC_FORMAT },
        { "other 1\n", ERRC_FORMAT },
    };
    assert_ok(init_as(w, "file", &e), e);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done_p) struct buf path = BUF(4096);
        file_write(path_of(w, "VERSION"), cases[i].text);
        assert_code(state_open(w->dir, &path, &e), cases[i].code);
    }
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    assert_code(state_open("/nowhere/at/all", &path, &e), ERRC_NOT_FOUND);
}

static void test_lock(void **state)
{
    struct world *w = *state;
    struct error e = { 0 };
    assert_ok(init_as(w, "file", &e), e);
    struct fs *fs = NULL;
    struct fs_file *lock = NULL;
    assert_ok(state_lock(w->dir, &fs, &lock, &e), e);
    pid_t pid = fork();
    if (pid == 0) { /* another process */
        struct fs *fs2 = NULL;
        struct fs_file *lock2 = NULL;
        _exit(state_lock(w->dir, &fs2, &lock2, &e).code == ERRC_CONFLICT ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fs_close(lock);
    fs_free(fs);
    assert_ok(state_lock(w->dir, &fs, &lock, &e), e);
    fs_close(lock);
    fs_free(fs);
}

static void test_paths(void **state)
{
    CLEANUP(buf_done_p) struct buf a = BUF(100);
    CLEANUP(buf_done_p) struct buf b = BUF(100);
    (void)state;
    state_path("/srv/t", "tls/server.crt", &a);
    state_path("/srv/t", "/etc/x.pem", &b);
    assert_string_equal(buf_cstr(&a), "/srv/t/tls/server.crt");
    assert_string_equal(buf_cstr(&b), "/etc/x.pem");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_init),
        TEST(test_forms),
        TEST(test_bad_settings_make_nothing),
        TEST(test_half_made),
        TEST(test_early_configuration),
        TEST(test_foreign_folder),
        TEST(test_versions),
        TEST(test_lock),
        TEST(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

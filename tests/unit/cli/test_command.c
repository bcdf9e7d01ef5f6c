/* The command line as a person meets it: options, exit statuses, help in both languages, errors. */
#include "testkit.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"

#include <ftw.h>
#include <unistd.h>

struct ran {
    int status;
    char out[256 * 1024], err[64 * 1024];
};
static struct ran ran;

static void slurp(FILE *f, char *dst, size_t cap)
{
    rewind(f);
    size_t n = fread(dst, 1, cap - 1, f);
    dst[n] = '\0';
    fclose(f);
}

/* Runs "troth WORDS", words separated by single blanks. */
static void run(const char *line)
{
    char text[1024], *argv[64] = { (char *)"troth" };
    int argc = 1;
    snprintf(text, sizeof(text), "%s", line);
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    fflush(stdout);
    fflush(stderr);
    int keep_out = dup(1), keep_err = dup(2);
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    ran.status = cli_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(keep_out, 1);
    dup2(keep_err, 2);
    close(keep_out);
    close(keep_err);
    slurp(out, ran.out, sizeof(ran.out));
    slurp(err, ran.err, sizeof(ran.err));
}

static void assert_says(const char *where, const char *words)
{
    if (strstr(where, words) == NULL) {
        fail_msg("'%s' is not in:\n%s", words, where);
    }
}

/* Standard error is one JSON object {"error":{"code","message"}}. */
static void assert_json_error(const char *code)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json err;
    struct bytes v;
    struct error e = { 0 };
    assert_ok(json_parse(bytes_str(ran.err), 65536, &doc, &e), e);
    assert_ok(json_get(json_root(doc), "error", &err, &e), e);
    assert_ok(json_get_str(err, "code", &v, &e), e);
    assert_true(bytes_equal_str(v, code));
    assert_ok(json_get_str(err, "message", &v, &e), e);
    assert_true(v.n > 0);
}

static int setup(void **state)
{
    (void)state;
    unsetenv("TROTH_DIR");
    unsetenv("LC_ALL");
    unsetenv("LC_MESSAGES");
    setenv("LANG", "C", 1);
    return 0;
}

static void test_overview(void **state)
{
    (void)state;
    run("");
    assert_int_equal(ran.status, CLI_USAGE);
    assert_says(ran.out, "troth COMMAND");
    run("--help");
    assert_int_equal(ran.status, CLI_OK);
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        assert_says(ran.out, cli_command_at(i)->name);
        assert_says(ran.out, cli_command_at(i)->en);
    }
    run("--help --lang zh");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        assert_says(ran.out, cli_command_at(i)->zh);
    }
    run("--version");
    assert_int_equal(ran.status, CLI_OK);
    assert_says(ran.out, TROTH_VERSION);
}

static void test_help_of_every_command(void **state)
{
    (void)state;
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        const struct cli_command *cmd = cli_command_at(i);
        char line[256];
        for (int zh = 0; zh < 2; zh++) {
            snprintf(line, sizeof(line), "%s --help --lang %s", cmd->name, zh ? "zh" : "en");
            run(line);
            assert_int_equal(ran.status, CLI_OK);
            assert_string_equal(ran.err, "");
            assert_true(utf8_is_valid(bytes_str(ran.out)));
            assert_says(ran.out, zh ? cmd->zh : cmd->en);
            assert_says(ran.out, "--dir");
            for (const struct cli_option *o = cmd->options; o != NULL && o->name != NULL; o++) {
                assert_says(ran.out, o->name);
                assert_says(ran.out, zh ? o->zh : o->en);
            }
        }
    }
}

/* The table itself: unique names, options within bounds and none that hides a common one. */
static void test_table(void **state)
{
    static const char *const common[] = { "dir", "json", "lang", "help" };
    (void)state;
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        const struct cli_command *cmd = cli_command_at(i);
        size_t n = 0;
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(cmd->name, cli_command_at(j)->name);
        }
        assert_true(cmd->min_args <= cmd->max_args && cmd->max_args <= CLI_ARGS_MAX);
        assert_true((cmd->args != NULL) == (cmd->max_args > 0));
        for (const struct cli_option *o = cmd->options; o != NULL && o->name != NULL; o++, n++) {
            for (size_t k = 0; k < ARRAY_LEN(common); k++) {
                assert_string_not_equal(o->name, common[k]);
            }
            assert_false(o->is_required && o->value == NULL);
        }
        assert_true(n <= CLI_OPTIONS_MAX);
    }
}

static void test_usage(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        { "frobnicate", "no command 'frobnicate'" },
        { "tenant", "no command 'tenant'" },
        { "tenant craete", "no command 'tenant craete'; did you mean 'tenant create'?" },
        { "usr list", "did you mean 'user list'?" },
        { "user create a --ower x", "no option --ower; did you mean --owner?" },
        { "tenant create", "needs NAME" },
        { "tenant create a b", "unexpected 'b'" },
        { "tenant create a --colour red", "no option --colour" },
        { "tenant create a --suite", "--suite needs a value" },
        { "tenant create a --suite x --suite y", "given too often" },
        { "tenant create a --lang fr", "--lang en|zh" },
        { "tenant list --json=yes", "--json takes no value" },
        { "tenant list", "--dir DIR (TROTH_DIR) or --server URL" },
        { "key list", "--tenant is required" },
        { "key list --dir /nowhere", "--tenant is required" },
        { "init --shares 3/2 --dir /nowhere", "--shares K/N" },
        { "init --shares 1/5 --dir /nowhere", "--shares K/N" },
        { "init --shares five --dir /nowhere", "--shares K/N" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char line[256];
        run(cases[i].line);
        assert_int_equal(ran.status, CLI_USAGE);
        assert_says(ran.err, cases[i].words);
        assert_string_equal(ran.out, "");
        if (strstr(cases[i].line, "--json") != NULL) {
            continue;
        }
        snprintf(line, sizeof(line), "%s --json", cases[i].line);
        run(line);
        assert_int_equal(ran.status, CLI_USAGE);
        if (strstr(cases[i].words, "needs a value") == NULL) { /* there it is the value */
            assert_json_error("usage");
        }
    }
}

static void test_language(void **state)
{
    (void)state;
    run("tenant create --lang zh");
    assert_says(ran.err, "需要");
    run("tenant create --lang=zh");
    assert_says(ran.err, "需要");
    setenv("LANG", "zh_CN.UTF-8", 1);
    run("tenant create");
    assert_says(ran.err, "需要");
    setenv("LC_ALL", "en_US.UTF-8", 1);
    run("tenant create");
    assert_says(ran.err, "needs");
    run("tenant create --lang zh");
    assert_says(ran.err, "需要");
}

static void test_refused(void **state)
{
    (void)state;
    run("tenant list --dir /nowhere");
    assert_int_equal(ran.status, CLI_REFUSED);
    assert_says(ran.err, "no server runs on /nowhere");
    run("tenant list --dir=/nowhere --json");
    assert_int_equal(ran.status, CLI_REFUSED);
    assert_json_error("again");
    setenv("TROTH_DIR", "/nowhere", 1);
    run("serve");
    assert_int_equal(ran.status, CLI_REFUSED);
    assert_says(ran.err, "troth init");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void test_init_and_config(void **state)
{
    char base[] = "/tmp/troth-cli-XXXXXX", line[256];
    (void)state;
    assert_non_null(mkdtemp(base));
    snprintf(line, sizeof(line), "init --dir %s/s --origin logs.example --json", base);
    run(line);
    assert_int_equal(ran.status, CLI_OK);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct error e = { 0 };
    struct bytes v;
    assert_ok(json_parse(bytes_str(ran.out), 65536, &doc, &e), e);
    assert_ok(json_get_str(json_root(doc), "root", &v, &e), e);
    assert_true(bytes_equal_str(v, "file"));
    run(line);
    assert_int_equal(ran.status, CLI_REFUSED);
    assert_json_error("exists");
    snprintf(line, sizeof(line), "config --dir %s/s", base);
    run(line);
    assert_int_equal(ran.status, CLI_OK);
    snprintf(line, sizeof(line), "config --dump --dir %s/s", base);
    run(line);
    assert_says(ran.out, "origin: \"logs.example\"");
    snprintf(line, sizeof(line), "%s/s/troth.yaml", base);
    FILE *f = fopen(line, "a");
    assert_non_null(f);
    fputs("colour: red\n", f);
    fclose(f);
    snprintf(line, sizeof(line), "config --dir %s/s", base);
    run(line);
    assert_int_equal(ran.status, CLI_REFUSED);
    assert_says(ran.err, "unknown setting 'colour'");
    snprintf(line, sizeof(line), "init --dir %s/p --passphrase-file %s/none", base, base);
    run(line);
    assert_int_equal(ran.status, CLI_REFUSED);
    nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The reading of options by itself, through a command of the test's own. */
static void test_options(void **state)
{
    static const struct cli_option options[] = {
        { "count", "N", "n", "n", false, false },
        { "name", "X", "x", "x", false, true },
        { "flag", NULL, "f", "f", false, false },
        { NULL, NULL, NULL, NULL, false, false },
    };
    static const struct cli_command cmd = { "x", NULL, 0, 0, "x", "x", options, NULL };
    struct cli c = { .command = &cmd };
    uint64_t n = 0;
    const char *const *all = NULL;
    (void)state;
    assert_true(cli_get_u64(&c, "count", 1, 10, 7, &n));
    assert_int_equal(n, 7);
    assert_false(cli_has(&c, "flag"));
    assert_int_equal(cli_get_all(&c, "name", &all), 0);
    c.given[0].values[c.given[0].count++] = "10";
    c.given[1].values[c.given[1].count++] = "a";
    c.given[1].values[c.given[1].count++] = "b";
    c.given[2].values[c.given[2].count++] = "";
    assert_true(cli_get_u64(&c, "count", 1, 10, 7, &n));
    assert_int_equal(n, 10);
    assert_true(cli_has(&c, "flag"));
    assert_int_equal(cli_get_all(&c, "name", &all), 2);
    assert_string_equal(all[0], "a");
    assert_string_equal(cli_get(&c, "name"), "b");
    assert_null(cli_get(&c, "unknown"));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_overview),        TEST(test_help_of_every_command),
        TEST(test_table),           TEST(test_usage),
        TEST(test_language),        TEST(test_refused),
        TEST(test_init_and_config), TEST(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

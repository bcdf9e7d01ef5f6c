/* The command line: finding a command, reading its options, helping, reporting. */
#include "cli/command.h"

#include "base/text.h"
#include "cli/session.h"
#include "cli/suggest.h"
#include "cli/zh.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct cli_option common[] = {
    { "dir", "DIR", "state folder (or TROTH_DIR)", "状态目录（或环境变量 TROTH_DIR）", false,
      false },
    { "server", "URL", "a server elsewhere, by HTTPS (or TROTH_SERVER)",
      "远程服务器，经 HTTPS（或环境变量 TROTH_SERVER）", false, false },
    { "ca", "FILE", "its certificate authority, PEM (or TROTH_CA)",
      "其 CA 证书，PEM（或环境变量 TROTH_CA）", false, false },
    { "json", NULL, "print data as JSON", "以 JSON 输出", false, false },
    { "lang", "en|zh", "language of what people read (default: by LANG)", "界面语言（默认按 LANG）",
      false, false },
    { "help", NULL, "this help", "本帮助", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};

const char *cli_say(const struct cli *c, const char *en, const char *zh)
{
    return c->is_zh ? zh : en;
}

static size_t option_count(const struct cli_command *cmd)
{
    size_t n = 0;
    while (cmd->options != NULL && cmd->options[n].name != NULL) {
        n++;
    }
    return n;
}

static int option_find(const struct cli_command *cmd, const char *name)
{
    for (size_t i = 0; i < option_count(cmd); i++) {
        if (strcmp(cmd->options[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *cli_get(const struct cli *c, const char *name)
{
    int i = option_find(c->command, name);
    return i >= 0 && c->given[i].count > 0 ? c->given[i].values[c->given[i].count - 1] : NULL;
}

bool cli_has(const struct cli *c, const char *name)
{
    return cli_get(c, name) != NULL;
}

size_t cli_get_all(const struct cli *c, const char *name, const char *const **ret)
{
    int i = option_find(c->command, name);
    if (i < 0) {
        return 0;
    }
    *ret = c->given[i].values;
    return c->given[i].count;
}

bool cli_get_u64(const struct cli *c, const char *name, uint64_t min, uint64_t max,
                 uint64_t fallback, uint64_t *ret)
{
    const char *v = cli_get(c, name);
    *ret = fallback;
    if (v == NULL || result_is_ok(num_u64(bytes_str(v), min, max, ret))) {
        return true;
    }
    (void)cli_usage(c,
                    cli_say(c, "--%s: a number from %llu to %llu", "--%s：%llu 到 %llu 之间的数"),
                    name, (unsigned long long)min, (unsigned long long)max);
    return false;
}

/* --- help --- */

static void option_help(const struct cli *c, FILE *f, const struct cli_option *o)
{
    char left[64];
    (void)snprintf(left, sizeof(left), "%s%s%s%s", o->name[1] == '\0' ? "-" : "--", o->name,
                   o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
    const char *more = !o->is_required ? ""
                       : strcmp(o->name, "tenant") == 0
                               ? cli_say(c, " (default: where you signed in)", "（默认：登录所在）")
                               : cli_say(c, " (required)", "（必填）");
    (void)fprintf(f, "  %-24s %s%s\n", left, cli_say(c, o->en, o->zh), more);
}

static void command_help(const struct cli *c, FILE *f)
{
    const struct cli_command *cmd = c->command;
    (void)fprintf(f, "troth %s%s%s%s\n\n%s\n\n", cmd->name, cmd->args != NULL ? " " : "",
                  cmd->args != NULL ? cmd->args : "", cli_say(c, " [options]", " [选项]"),
                  cli_say(c, cmd->en, cmd->zh));
    for (size_t i = 0; i < option_count(cmd); i++) {
        option_help(c, f, &cmd->options[i]);
    }
    for (size_t i = 0; common[i].name != NULL; i++) {
        option_help(c, f, &common[i]);
    }
}

/* Is it the first word of the command? */
static bool is_word(const char *name, const char *word)
{
    size_t n = strlen(word);
    return strncmp(name, word, n) == 0 && (name[n] == ' ' || name[n] == '\0');
}

/* Does any command begin with it? */
static bool is_group(const char *word)
{
    const struct cli_command *cmd;
    for (size_t i = 0; (cmd = cli_command_at(i)) != NULL; i++) {
        if (is_word(cmd->name, word)) {
            return true;
        }
    }
    return false;
}

/* All commands, or those whose first word it is. */
static void overview(const struct cli *c, FILE *f, const char *word)
{
    (void)fprintf(f, "%s",
                  cli_say(c,
                          "troth COMMAND [options]: the security work of a cloud agreement, with "
                          "proof\n\n",
                          "troth 命令 [选项]：守约——履行云服务安全协议并留下可验证的证据\n\n"));
    const struct cli_command *cmd;
    for (size_t i = 0; (cmd = cli_command_at(i)) != NULL; i++) {
        char left[64];
        if (word != NULL && !is_word(cmd->name, word)) {
            continue;
        }
        (void)snprintf(left, sizeof(left), "%s %s", cmd->name, cmd->args != NULL ? cmd->args : "");
        (void)fprintf(f, "  %-34s %s\n", left, cli_say(c, cmd->en, cmd->zh));
    }
    (void)fprintf(f, "%s",
                  cli_say(c,
                          "\n'troth COMMAND --help' tells more. Exit status: 0 done, 1 refused, 2 "
                          "usage.\n",
                          "\n“troth 命令 --help”查看详情。退出码：0 成功，1 被拒绝或失败，2 "
                          "用法错误。\n"));
}

/* --- reports --- */

static void report(const struct cli *c, const char *code, const char *message)
{
    if (!c->is_json) {
        (void)fprintf(stderr, "troth: %s\n", message);
        return;
    }
    CLEANUP(buf_done_p) struct buf out = BUF(8192);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "error");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "code", code);
    jsonw_kv_cstr(&w, "message", message);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    (void)fprintf(stderr, "%s\n", buf_cstr(&out));
}

int cli_refuse(const struct cli *c, const struct error *e)
{
    char text[ERROR_MAX + 64];
    bool is_told = c->is_json || !c->is_zh || zh_is_in(e->msg);
    (void)snprintf(text, sizeof(text), "%s%s%s", is_told ? "" : zh_of_code(e->code),
                   is_told ? "" : "：", e->msg);
    report(c, errc_name(e->code), text);
    return CLI_REFUSED;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
    char text[ERROR_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    report(c, "usage", text);
    return CLI_USAGE;
}

int cli_print(const struct cli *c, struct buf *out)
{
    struct error e;
    if (!result_is_ok(buf_result(out))) {
        result_ignore(error_set(&e, ERRC_LIMIT, "the output is too long"));
        return cli_refuse(c, &e);
    }
    struct bytes v = buf_bytes(out);
    if (fwrite(v.p, 1, v.n, stdout) != v.n || fflush(stdout) != 0) {
        result_ignore(error_set_sys(&e, errno, "standard output"));
        return cli_refuse(c, &e);
    }
    return CLI_OK;
}

const char *cli_dir(const struct cli *c)
{
    if (c->dir == NULL) {
        (void)cli_usage(c, "%s",
                        cli_say(c, "name the state folder: --dir DIR or TROTH_DIR",
                                "请指明状态目录：--dir DIR 或环境变量 TROTH_DIR"));
    }
    return c->dir;
}

void cli_progress(const struct cli *c, const char *label, uint64_t done, uint64_t total)
{
    if (c->is_json || isatty(STDERR_FILENO) != 1) {
        return;
    }
    CLEANUP(buf_done_p) struct buf size = BUF(64);
    buf_add_size(&size, done);
    (void)fprintf(stderr, "\r%s %u %% (%s)  %s", label,
                  total == 0 ? 100u : (unsigned)(done * 100 / total), buf_cstr(&size),
                  done >= total ? "\n" : "");
}

/* --- reading the line --- */

/* How many words of argv name this command; 0: another one. */
static int words_matched(const struct cli_command *cmd, int argc, char **argv)
{
    struct bytes rest = bytes_str(cmd->name), word;
    int n = 0;
    bool more = true;
    while (more) {
        more = bytes_split(&rest, ' ', &word);
        if (1 + n >= argc || !bytes_equal_str(word, argv[1 + n])) {
            return 0;
        }
        n++;
    }
    return n;
}

static int command_find(struct cli *c, int argc, char **argv)
{
    int best = 0;
    const struct cli_command *cmd;
    for (size_t i = 0; (cmd = cli_command_at(i)) != NULL; i++) {
        int n = words_matched(cmd, argc, argv);
        if (n > best) {
            best = n;
            c->command = cmd;
        }
    }
    return best;
}

static bool common_take(struct cli *c, const char *name, const char *value)
{
    if (strcmp(name, "dir") == 0) { /* what the line says counts before the environment */
        c->dir = value;
        c->server = NULL;
    } else if (strcmp(name, "server") == 0) {
        c->server = value;
    } else if (strcmp(name, "ca") == 0) {
        c->ca = value;
    } else if (strcmp(name, "json") == 0) {
        c->is_json = true;
    } else if (strcmp(name, "lang") == 0) {
        if (strcmp(value, "en") != 0 && strcmp(value, "zh") != 0) {
            return false;
        }
        c->is_zh = strcmp(value, "zh") == 0;
    }
    return true;
}

static const struct cli_option *common_find(const char *name)
{
    for (size_t i = 0; common[i].name != NULL; i++) {
        if (strcmp(common[i].name, name) == 0) {
            return &common[i];
        }
    }
    return NULL;
}

static const char *option_near(const struct cli_command *cmd, const char *name)
{
    for (const struct cli_option *o = cmd->options; o != NULL && o->name != NULL; o++) {
        if (suggest_is_near(name, o->name)) {
            return o->name;
        }
    }
    for (size_t i = 0; common[i].name != NULL; i++) {
        if (suggest_is_near(name, common[i].name)) {
            return common[i].name;
        }
    }
    return NULL;
}

/* One option at argv[*i]. 0, or the exit status of a usage error. */
static int option_take(struct cli *c, int argc, char **argv, int *i)
{
    char name[64];
    const char *text = argv[*i] + (argv[*i][1] == '-' ? 2 : 1), *value = strchr(text, '=');
    size_t n = value != NULL ? (size_t)(value - text) : strlen(text);
    (void)snprintf(name, sizeof(name), "%.*s", (int)MIN(n, sizeof(name) - 1), text);
    int at = option_find(c->command, name);
    if (at < 0 &&
        strcmp(name, "realm") == 0) { /* two words for where one is: a realm is a tenant */
        at = option_find(c->command, "tenant");
    } else if (at < 0 && strcmp(name, "tenant") == 0) {
        at = option_find(c->command, "realm");
    }
    const struct cli_option *o = at >= 0 ? &c->command->options[at] : common_find(name);
    if (o == NULL) {
        const char *near = option_near(c->command, name);
        return near != NULL
                       ? cli_usage(c,
                                   cli_say(c, "'troth %s' has no option --%s; did you mean --%s?",
                                           "“troth %s”没有选项 --%s；是否指 --%s？"),
                                   c->command->name, name, near)
                       : cli_usage(c,
                                   cli_say(c, "'troth %s' has no option %s (see --help)",
                                           "“troth %s”没有选项 %s（见 --help）"),
                                   c->command->name, argv[*i]);
    }
    if (value != NULL && o->value == NULL) {
        return cli_usage(c, cli_say(c, "--%s takes no value", "--%s 不带值"), name);
    }
    if (value != NULL) {
        value++;
    } else if (o->value != NULL) {
        value = *i + 1 < argc ? argv[++*i] : NULL;
    }
    if (o->value != NULL && value == NULL) {
        return cli_usage(c, cli_say(c, "--%s needs a value", "--%s 需要一个值"), name);
    }
    if (o->value == NULL) {
        value = "";
    }
    if (at < 0) {
        return common_take(c, name, value) ? 0 : cli_usage(c, "--lang en|zh");
    }
    if (c->given[at].count >= (o->is_repeated ? CLI_REPEAT_MAX : 1)) {
        return cli_usage(c, cli_say(c, "--%s was given too often", "--%s 给出次数过多"), name);
    }
    c->given[at].values[c->given[at].count++] = value;
    return 0;
}

/* A tenant that is not named is the one that somebody signed in to. */
static bool tenant_fill(struct cli *c, size_t option)
{
    CLEANUP(cli_session_wipe) struct cli_session s = { 0 };
    if (strcmp(c->command->options[option].name, "tenant") != 0 ||
        (c->server == NULL && c->dir == NULL) || !result_is_ok(cli_session_find(c, &s, NULL)) ||
        s.realm[0] == '\0') {
        return false;
    }
    (void)snprintf(c->realm, sizeof(c->realm), "%s", s.realm);
    c->given[option].values[c->given[option].count++] = c->realm;
    return true;
}

static int line_read(struct cli *c, int argc, char **argv, int from)
{
    bool is_options = true;
    for (int i = from; i < argc; i++) {
        if (is_options && strcmp(argv[i], "--") == 0) {
            is_options = false;
        } else if (is_options && argv[i][0] == '-' && argv[i][1] != '\0') {
            int status = option_take(c, argc, argv, &i);
            if (status != 0) {
                return status;
            }
        } else if (c->arg_count == CLI_ARGS_MAX || c->arg_count == c->command->max_args) {
            return cli_usage(
                    c, cli_say(c, "unexpected '%s' (see --help)", "多余的参数“%s”（见 --help）"),
                    argv[i]);
        } else {
            c->args[c->arg_count++] = argv[i];
        }
    }
    if (c->arg_count < c->command->min_args) {
        return cli_usage(c, cli_say(c, "'troth %s' needs %s", "“troth %s”需要 %s"),
                         c->command->name, c->command->args);
    }
    for (size_t i = 0; i < option_count(c->command); i++) {
        if (c->command->options[i].is_required && c->given[i].count == 0 && !tenant_fill(c, i)) {
            return cli_usage(c, cli_say(c, "--%s is required", "缺少 --%s"),
                             c->command->options[i].name);
        }
    }
    return 0;
}

static bool wants_help(int argc, char **argv, int from)
{
    for (int i = from; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* The language is needed before the line is read, for what is wrong with it. */
static bool is_chinese(int argc, char **argv)
{
    static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--lang=", 7) == 0) {
            return strcmp(argv[i] + 7, "zh") == 0;
        }
        if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc) {
            return strcmp(argv[i + 1], "zh") == 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = getenv(names[i]);
        if (v != NULL && v[0] != '\0') {
            return strncmp(v, "zh", 2) == 0;
        }
    }
    return false;
}

static const char *environment(const char *name)
{
    const char *v = getenv(name);
    return v != NULL && v[0] != '\0' ? v : NULL;
}

/* So is --json. */
static bool has_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

/* The command that may have been meant; NULL: none is near. */
static const char *command_near(const char *said)
{
    const struct cli_command *cmd;
    const char *best = NULL;
    for (size_t i = 0; (cmd = cli_command_at(i)) != NULL; i++) {
        if (suggest_is_near(said, cmd->name) &&
            (best == NULL || suggest_distance(said, cmd->name) < suggest_distance(said, best))) {
            best = cmd->name;
        }
    }
    return best;
}

static int no_command(const struct cli *c, int argc, char **argv)
{
    bool is_help = argc < 2 || wants_help(argc, argv, 1);
    bool is_of_group = argc >= 2 && is_group(argv[1]);
    char said[64];
    if (is_help || (is_of_group && !c->is_json)) {
        overview(c, is_help ? stdout : stderr, is_of_group ? argv[1] : NULL);
    }
    if (is_help) {
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    bool has_more = argc > 2 && argv[2][0] != '-';
    (void)snprintf(said, sizeof(said), "%s%s%s", argv[1], has_more ? " " : "",
                   has_more ? argv[2] : "");
    const char *near = command_near(said);
    if (near != NULL) {
        return cli_usage(
                c, cli_say(c, "no command '%s'; did you mean '%s'?", "没有命令“%s”；是否指“%s”？"),
                said, near);
    }
    return cli_usage(
            c, cli_say(c, "no command '%s' (troth --help)", "没有命令“%s”（troth --help）"), said);
}

int cli_main(int argc, char **argv)
{
    struct cli c = { .dir = environment("TROTH_DIR"),
                     .server = environment("TROTH_SERVER"),
                     .ca = environment("TROTH_CA"),
                     .is_json = has_json(argc, argv),
                     .is_zh = is_chinese(argc, argv) };
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("troth %s\n", TROTH_VERSION);
        return CLI_OK;
    }
    int words = command_find(&c, argc, argv);
    if (words == 0) {
        return no_command(&c, argc, argv);
    }
    if (wants_help(argc, argv, 1 + words)) {
        command_help(&c, stdout);
        return CLI_OK;
    }
    int status = line_read(&c, argc, argv, 1 + words);
    return status != 0 ? status : c.command->run(&c);
}

/* troth login, troth logout, troth whoami, troth password, troth factor add. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/manage.h"
#include "cli/session.h"
#include "identity/qr.h"

#include <stdio.h>

#define ANSWER_MAX (256 * 1024)

/* Signing in, step by step: the newest answer and the token that goes with it. */
struct signing {
    struct cli *c;
    struct cli_session s;
    struct json_doc *doc;
    struct buf line;
};

static void signing_done(struct signing *g)
{
    cli_session_wipe(&g->s);
    json_doc_free(g->doc);
    buf_done(&g->line);
}

static struct bytes stage_of(const struct signing *g)
{
    return manage_text(json_root(g->doc), "stage");
}

/* Sends up to two members; keeps the answer's token where it has one. */
static RESULT step(struct signing *g, const char *path, const char *a, struct bytes a_value,
                   const char *b, struct bytes b_value, struct error *e)
{
    CLEANUP(buf_done_p) struct buf body = BUF_SECRET(64 * 1024);
    CLEANUP(buf_done_p) struct buf answer = BUF_SECRET(ANSWER_MAX);
    struct json_doc *doc = NULL;
    struct jsonw w;
    jsonw_init(&w, &body);
    jsonw_object(&w);
    if (strcmp(path, "/api/v1/login") == 0) {
        jsonw_kv_cstr(&w, "realm", g->s.realm);
    }
    if (a != NULL) {
        jsonw_kv_str(&w, a, a_value);
    }
    if (b != NULL) {
        jsonw_kv_str(&w, b, b_value);
    }
    jsonw_object_end(&w);
    TRY(manage_call_as(g->c, g->s.token, "POST", path, buf_bytes(&body), &answer, e));
    if (answer.n == 0) {
        return RESULT_OK;
    }
    TRY(json_parse(buf_bytes(&answer), ANSWER_MAX, &doc, e));
    json_doc_free(g->doc);
    g->doc = doc;
    struct bytes token = manage_text(json_root(doc), "token"),
                 realm = manage_text(json_root(doc), "realm"),
                 user = manage_text(json_root(doc), "user");
    if (token.n > 0) {
        (void)snprintf(g->s.token, sizeof(g->s.token), "%.*s", BYTES_FMT(token));
        (void)snprintf(g->s.realm, sizeof(g->s.realm), "%.*s", BYTES_FMT(realm));
        (void)snprintf(g->s.user, sizeof(g->s.user), "%.*s", BYTES_FMT(user));
    }
    return RESULT_OK;
}

/* --- the steps --- */

static RESULT factor(struct signing *g, struct error *e)
{
    const struct cli *c = g->c;
    TRY(ask_line(cli_say(c, "Code of your second factor (or a recovery code)",
                         "第二因子验证码（或恢复码）"),
                 true, &g->line, e));
    bool is_code = g->line.n <= 8 && bytes_index(buf_bytes(&g->line), '-') == g->line.n;
    return step(g, is_code ? "/api/v1/session/totp" : "/api/v1/session/recovery", "code",
                buf_bytes(&g->line), NULL, BYTES_NONE, e);
}

static RESULT new_password(struct signing *g, struct buf *out, struct error *e)
{
    const struct cli *c = g->c;
    CLEANUP(buf_done_p) struct buf again = BUF_SECRET(ASK_MAX);
    TRY(ask_line(cli_say(c, "New password", "新密码"), true, out, e));
    if (!ask_is_terminal()) {
        return RESULT_OK;
    }
    TRY(ask_line(cli_say(c, "New password again", "再次输入新密码"), true, &again, e));
    if (!bytes_equal(buf_bytes(out), buf_bytes(&again))) {
        FAIL(e, ERRC_FORMAT, "%s", cli_say(c, "the two differ", "两次输入不一致"));
    }
    return RESULT_OK;
}

static RESULT ask_passwords(struct signing *g, struct error *e)
{
    const struct cli *c = g->c;
    CLEANUP(buf_done_p) struct buf fresh = BUF_SECRET(ASK_MAX);
    TRY(ask_line(cli_say(c, "Old password", "旧密码"), true, &g->line, e));
    TRY(new_password(g, &fresh, e));
    return step(g, "/api/v1/self/password", "old", buf_bytes(&g->line), "password",
                buf_bytes(&fresh), e);
}

static RESULT change_password(struct signing *g, struct error *e)
{
    const struct cli *c = g->c;
    (void)fprintf(stderr, "%s\n", cli_say(c, "Your password is to be changed.", "需要更改密码。"));
    return ask_passwords(g, e);
}

static void seed_show(const struct signing *g)
{
    const struct cli *c = g->c;
    struct json v = json_root(g->doc);
    struct bytes uri = manage_text(v, "uri"), seed = manage_text(v, "seed");
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(4096);
    CLEANUP(buf_done_p) struct buf picture = BUF_SECRET(64 * 1024);
    buf_add(&text, uri);
    if (ask_is_terminal() && result_is_ok(qr_text(buf_cstr(&text), &picture, NULL))) {
        (void)fprintf(stderr, "%s", buf_cstr(&picture));
    }
    (void)fprintf(
            stderr, "%s\n%.*s\n%s %.*s\n",
            cli_say(c, "Add this second factor to your authenticator app; it is shown this once:",
                    "请将此第二因子加入身份验证器应用；仅显示这一次："),
            BYTES_FMT(uri), cli_say(c, "Key:", "密钥："), BYTES_FMT(seed));
}

static RESULT enrol(struct signing *g, struct error *e)
{
    const struct cli *c = g->c;
    CLEANUP(buf_done_p) struct buf path = BUF(1024);
    char id[64];
    TRY(step(g, "/api/v1/self/factors/totp", NULL, BYTES_NONE, NULL, BYTES_NONE, e));
    (void)snprintf(id, sizeof(id), "%.*s", BYTES_FMT(manage_text(json_root(g->doc), "id")));
    seed_show(g);
    TRY(ask_line(cli_say(c, "Code that the app shows", "应用显示的验证码"), false, &g->line, e));
    return step(g, manage_path(&path, "/api/v1/self/factors/totp/", id), "code",
                buf_bytes(&g->line), NULL, BYTES_NONE, e);
}

static RESULT first(struct signing *g, struct error *e)
{
    const struct cli *c = g->c;
    CLEANUP(buf_done_p) struct buf password = BUF_SECRET(ASK_MAX);
    if (cli_has(c, "enrol")) {
        TRY(ask_line(cli_say(c, "Enrolment code", "注册码"), true, &g->line, e));
        TRY(new_password(g, &password, e));
        return step(g, "/api/v1/login/enrol", "code", buf_bytes(&g->line), "password",
                    buf_bytes(&password), e);
    }
    TRY(ask_line(cli_say(c, "Password", "密码"), true, &password, e));
    return step(g, "/api/v1/login", "password", buf_bytes(&password), "user", bytes_str(c->args[0]),
                e);
}

static RESULT sign_in(struct signing *g, struct error *e)
{
    TRY(first(g, e));
    while (!bytes_equal_str(stage_of(g), "full")) {
        if (bytes_equal_str(stage_of(g), "factor")) {
            TRY(factor(g, e));
        } else if (bytes_equal_str(stage_of(g), "change-password")) {
            TRY(change_password(g, e));
        } else if (bytes_equal_str(stage_of(g), "enrol")) {
            TRY(enrol(g, e));
        } else {
            FAIL(e, ERRC_UNSUPPORTED, "stage '%.*s'", BYTES_FMT(stage_of(g)));
        }
    }
    return RESULT_OK;
}

/* --- commands --- */

static int login_run(struct cli *c)
{
    struct error e;
    const char *realm = cli_get(c, "tenant");
    struct signing g = { .c = c, .line = BUF_SECRET(ASK_MAX) };
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    if (c->arg_count == 0 && !cli_has(c, "enrol")) {
        return cli_usage(c, "%s",
                         cli_say(c, "name the user, or give --enrol", "请给出用户名或 --enrol"));
    }
    (void)snprintf(g.s.realm, sizeof(g.s.realm), "%s", realm != NULL ? realm : "platform");
    struct result r = sign_in(&g, &e);
    if (result_is_ok(r)) {
        r = cli_session_put(c, &g.s, &e);
    }
    if (result_is_ok(r)) {
        CLEANUP(buf_done_p) struct buf out = BUF(4096);
        if (c->is_json) {
            buf_addf(&out, "{\"realm\":\"%s\",\"user\":\"%s\"}\n", g.s.realm, g.s.user);
        } else {
            buf_addf(&out, cli_say(c, "signed in as %s of %s\n", "已登录：%s（%s）\n"), g.s.user,
                     g.s.realm);
        }
        signing_done(&g);
        return cli_print(c, &out);
    }
    signing_done(&g);
    return cli_refuse(c, &e);
}

/* The file forgets the session also when the server does not know it any more. */
static int logout_run(struct cli *c)
{
    struct error e, local;
    CLEANUP(buf_done_p) struct buf answer = BUF(ANSWER_MAX);
    CLEANUP(cli_session_wipe) struct cli_session s;
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    if (!result_is_ok(cli_session_find(c, &s, &e))) {
        return cli_refuse(c, &e);
    }
    if (s.token[0] == '\0') {
        return cli_usage(c, "%s", cli_say(c, "nobody is signed in here", "此处没有登录会话"));
    }
    const char *path = cli_has(c, "everywhere") ? "/api/v1/self/sessions" : "/api/v1/session";
    struct result r = manage_call(c, "DELETE", path, BYTES_NONE, &answer, &e);
    if (!result_is_ok(cli_session_forget(c, &local))) {
        return cli_refuse(c, &local);
    }
    if (!result_is_ok(r) && r.code != ERRC_DENIED && r.code != ERRC_EXPIRED) {
        return cli_refuse(c, &e);
    }
    buf_reset(&answer);
    buf_add_str(&answer, c->is_json ? "{}\n" : cli_say(c, "signed out\n", "已退出登录\n"));
    return cli_print(c, &answer);
}

/* What is done with the session that is there. */
static int signed_in_run(struct cli *c, RESULT (*fn)(struct signing *g, struct error *e))
{
    struct error e;
    struct signing g = { .c = c, .line = BUF_SECRET(ASK_MAX) };
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    struct result r = cli_session_find(c, &g.s, &e);
    if (result_is_ok(r) && g.s.token[0] == '\0') {
        r = error_set(&e, ERRC_DENIED, "%s",
                      cli_say(c, "sign in first: troth login", "请先登录：troth login"));
    }
    if (result_is_ok(r)) {
        r = fn(&g, &e);
    }
    if (result_is_ok(r)) {
        r = cli_session_put(c, &g.s, &e);
    }
    signing_done(&g);
    if (!result_is_ok(r)) {
        return cli_refuse(c, &e);
    }
    CLEANUP(buf_done_p) struct buf out = BUF(64);
    buf_add_str(&out, c->is_json ? "{}\n" : cli_say(c, "done\n", "完成\n"));
    return cli_print(c, &out);
}

static int password_run(struct cli *c)
{
    return signed_in_run(c, ask_passwords);
}

static int factor_add_run(struct cli *c)
{
    return signed_in_run(c, enrol);
}

static int whoami_run(struct cli *c)
{
    return manage_print(c, "GET", "/api/v1/self", BYTES_NONE, manage_members);
}

static const struct cli_option login_options[] = {
    { "tenant", "T", "the tenant (default: platform, the provider's own)",
      "租户（默认 platform，即服务商自身）", false, false },
    { "enrol", NULL, "with an enrolment code: sets the first password and second factor",
      "使用注册码：设置首个密码和第二因子", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_login = {
    "login",
    "[USER]",
    0,
    1,
    "sign in; further commands are yours then",
    "登录；此后的命令以该身份执行",
    login_options,
    login_run,
};
static const struct cli_option logout_options[] = {
    { "everywhere", NULL, "end all your sessions", "结束自己的全部会话", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_logout = {
    "logout", NULL, 0, 0, "sign out", "退出登录", logout_options, logout_run,
};
const struct cli_command cli_whoami = {
    "whoami", NULL,       0, 0, "who acts, since when, with which grants", "当前身份、会话与授权",
    NULL,     whoami_run,
};
const struct cli_command cli_password = {
    "password", NULL, 0, 0, "change your password", "更改自己的密码", NULL, password_run,
};
const struct cli_command cli_factor_add = {
    "factor add",
    NULL,
    0,
    0,
    "a further second factor (TOTP), asked for its first code",
    "添加第二因子（TOTP），并输入其首个验证码",
    NULL,
    factor_add_run,
};

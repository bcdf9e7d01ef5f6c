/* troth user ..., group ..., role ..., factor ..., session ..., oidc ..., tenant freeze:
 * accounts. */
#include "cli/call.h"

#include "base/text.h"

#define REALM "realms/{realm}"
#define USER  REALM "/users/{1}"
#define GROUP REALM "/groups/{1}"
#define ROLE  REALM "/roles/{1}"

/* --- users --- */

/* What comes next: a new person has no password yet. */
static void user_created_show(const struct cli *c, struct json v, struct buf *out)
{
    manage_members(c, v, out);
    if (bytes_equal_str(manage_text(v, "kind"), "person")) {
        const char *realm = cli_get(c, "realm"), *option = realm != NULL ? " --realm " : "";
        struct bytes name = manage_text(v, "name");
        realm = realm != NULL ? realm : "";
        buf_addf(out,
                 cli_say(c,
                         "\nnext: 'troth user reset %.*s%s%s' gives the code for the first login; "
                         "'troth role assign ROLE --user %.*s%s%s' what it may do\n",
                         "\n接下来：“troth user reset %.*s%s%s”生成首次登录用的注册码；“troth role "
                         "assign 角色 --user %.*s%s%s”授予角色\n"),
                 BYTES_FMT(name), option, realm, BYTES_FMT(name), option, realm);
    }
}

static void code_show(const struct cli *c, struct json v, struct buf *out)
{
    buf_addf(out,
             cli_say(c, "# for %.*s of %.*s; shown this once. First login: troth login --enrol\n",
                     "# 供 %.*s（%.*s）使用，仅显示这一次。首次登录：troth login --enrol\n"),
             BYTES_FMT(manage_text(v, "user")), BYTES_FMT(manage_text(v, "realm")));
    buf_addf(out, "%.*s\n", BYTES_FMT(manage_text(v, "code")));
}

#define USER_OPTIONS                                                                               \
    OPTION_REALM,                                                                                  \
            { "owner",                                                                             \
              "TEXT",                                                                              \
              "of a person the full name, of a program who answers for it",                        \
              "人员填姓名；程序填负责人账户",                                                      \
              false,                                                                               \
              false },                                                                             \
            { "display", "TEXT", "name to be shown", "显示名称", false, false },                   \
            { "email", "ADDRESS", "mail address", "电子邮件", false, false },                      \
            { "ends",                                                                              \
              "TIME",                                                                              \
              "when the account ends, as 2026-11-22T00:00:00Z",                                    \
              "账户终止时间，如 2026-11-22T00:00:00Z",                                             \
              false,                                                                               \
              false },                                                                             \
            { "path", "/P/", "path in its ARN", "ARN 中的路径", false, false },                    \
            { "boundary",                                                                          \
              "ARN",                                                                               \
              "policy that bounds what it may ever do ('': none)",                                 \
              "权限边界策略（空为无）",                                                            \
              false,                                                                               \
              false },                                                                             \
    {                                                                                              \
        "tag", "NAME=VALUE", "a tag; may be repeated", "标签，可重复", false, true                 \
    }
#define USER_FIELDS                                                                                \
    { "boundary", "boundary", MANAGE_TEXT }, { "display", "display", MANAGE_TEXT },                \
            { "email", "email", MANAGE_TEXT }, { "ends", "ends", MANAGE_TEXT },                    \
            { "owner", "owner", MANAGE_TEXT }, { "path", "path", MANAGE_TEXT },                    \
    {                                                                                              \
        "tag", "tags", MANAGE_PAIRS                                                                \
    }

static const struct cli_option list_options[] = {
    OPTION_REALM,
    { "path", "/P/", "those below this path alone", "仅此路径之下", false, false },
    OPTIONS_END,
};
static const struct cli_option user_create_options[] = {
    USER_OPTIONS,
    { "kind", "person|service", "a human being (default), or a program", "人员（默认）或程序",
      false, false },
    OPTIONS_END,
};
static const struct manage_field user_create_fields[] = {
    USER_FIELDS,
    { "kind", "kind", MANAGE_TEXT },
    { "1", "name", MANAGE_TEXT },
    FIELDS_END,
};
static const struct cli_option user_change_options[] = {
    USER_OPTIONS,
    { "name", "NEW", "a new name", "新名称", false, false },
    OPTIONS_END,
};
static const struct manage_field user_change_fields[] = {
    USER_FIELDS,
    { "name", "name", MANAGE_TEXT },
    FIELDS_END,
};
static const struct manage_column user_columns[] = {
    { "name", 24 },  { "kind", 8 },   { "state", 10 }, { "frozen", 24 },
    { "owner", 20 }, { "active", 0 }, COLUMNS_END,
};
static const struct manage_column name_columns[] = { { "name", 0 }, COLUMNS_END };

/* --- groups, roles --- */

static const struct cli_option path_options[] = {
    OPTION_REALM,
    { "path", "/P/", "path in its ARN", "ARN 中的路径", false, false },
    OPTIONS_END,
};
static const struct manage_field group_fields[] = {
    { "1", "name", MANAGE_TEXT },
    { "path", "path", MANAGE_TEXT },
    FIELDS_END,
};
static const struct manage_column group_columns[] = { { "name", 32 }, { "arn", 0 }, COLUMNS_END };

#define ROLE_OPTIONS                                                                               \
    OPTION_REALM, { "description", "TEXT", "what it is for", "用途", false, false },               \
            { "trust", "JSON|@FILE", "who may assume it (AssumeRole)", "信任策略（谁可承担）",     \
              false,   false },                                                                    \
            { "max-session",  "SECONDS", "longest session of AssumeRole",                          \
              "会话最长秒数", false,     false },                                                  \
            { "boundary", "ARN", "policy that bounds it ('': none)", "权限边界策略（空为无）",     \
              false,      false },                                                                 \
    {                                                                                              \
        "tag", "NAME=VALUE", "a tag; may be repeated", "标签，可重复", false, true                 \
    }
#define ROLE_FIELDS                                                                                \
    { "boundary", "boundary", MANAGE_TEXT }, { "description", "description", MANAGE_TEXT },        \
            { "max-session", "max_session_s", MANAGE_NUMBER }, { "tag", "tags", MANAGE_PAIRS },    \
    {                                                                                              \
        "trust", "trust", MANAGE_JSON                                                              \
    }
static const struct cli_option role_create_options[] = {
    ROLE_OPTIONS,
    { "path", "/P/", "path in its ARN", "ARN 中的路径", false, false },
    { "privileged", NULL, "held through a grant alone (troth access ask)",
      "特权角色：只能经授权持有（troth access ask）", false, false },
    { "needs-mfa", NULL, "in force with a second factor alone", "须有第二因子方可生效", false,
      false },
    OPTIONS_END,
};
static const struct manage_field role_create_fields[] = {
    ROLE_FIELDS,
    { "1", "name", MANAGE_TEXT },
    { "needs-mfa", "needs_mfa", MANAGE_FLAG },
    { "path", "path", MANAGE_TEXT },
    { "privileged", "privileged", MANAGE_FLAG },
    FIELDS_END,
};
static const struct cli_option role_change_options[] = { ROLE_OPTIONS, OPTIONS_END };
static const struct manage_field role_change_fields[] = { ROLE_FIELDS, FIELDS_END };

static void role_show(const struct cli *c, struct json v, struct buf *out)
{
    static const struct {
        const char *member, *en, *zh;
    } marks[] = { { "builtin", "built in", "内置" },
                  { "privileged", "by grant alone", "仅凭授权" },
                  { "needs_mfa", "with MFA", "须 MFA" } };
    CLEANUP(buf_done_p) struct buf text = BUF(256);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        bool is = false;
        if (result_is_ok(json_get_bool(v, marks[i].member, &is, NULL)) && is) {
            buf_addf(&text, "%s%s", text.n > 0 ? ", " : "", cli_say(c, marks[i].en, marks[i].zh));
        }
    }
    buf_addf(out, "%-24.*s ", BYTES_FMT(manage_text(v, "name")));
    size_t from = out->n;
    buf_add(out, buf_bytes(&text));
    manage_pad(out, from, 34);
    buf_addf(out, " %.*s\n", BYTES_FMT(manage_text(v, "description")));
}

static const struct cli_option holder_options[] = {
    OPTION_REALM,
    { "user", "NAME", "of a user", "用户", false, false },
    { "group", "NAME", "of a group", "组", false, false },
    OPTIONS_END,
};

/* --- what is one's own, or a user's --- */

static void codes_show(const struct cli *c, struct json v, struct buf *out)
{
    struct json list, one;
    struct json_iter it = { 0 };
    struct bytes code;
    buf_add_str(out, cli_say(c, "# each works once; shown this once; older ones are void\n",
                             "# 每个仅可用一次；仅显示这一次；旧的恢复码已作废\n"));
    if (result_is_ok(json_get(v, "codes", &list, NULL))) {
        while (json_next(list, &it, &one)) {
            result_ignore(json_str(one, &code));
            buf_addf(out, "%.*s\n", BYTES_FMT(code));
        }
    }
}

static const struct cli_option whose_options[] = {
    OPTION_REALM,
    { "user", "NAME", "of this user (default: your own)", "该用户的（默认为自己的）", false,
      false },
    OPTIONS_END,
};
static const struct manage_column factor_columns[] = {
    { "id", 24 },      { "kind", 10 }, { "active", 4 }, { "name", 20 },
    { "created", 24 }, { "used", 0 },  COLUMNS_END,
};
static const struct manage_column session_columns[] = {
    { "id", 24 },      { "current", 4 }, { "stage", 8 },    { "ip", 24 },
    { "created", 24 }, { "seen", 24 },   { "mfa_kind", 0 }, COLUMNS_END,
};

/* --- token issuers --- */

static const struct cli_option oidc_options[] = {
    OPTION_REALM,
    { "client", "ID", "a client (aud) whose tokens are taken; may be repeated",
      "接受其令牌的客户端（aud），可重复", true, true },
    OPTIONS_END,
};
static const struct manage_field oidc_fields[] = {
    { "client", "clients", MANAGE_LIST },
    { "1", "url", MANAGE_TEXT },
    FIELDS_END,
};
static const struct manage_column oidc_columns[] = {
    { "url", 40 },
    { "created", 24 },
    { "clients", 0 },
    COLUMNS_END,
};

/* --- the table --- */

const struct cli_call cli_account_calls[] = {
    { CALL("user list", NULL, 0, "people and programs", "列出账户", list_options), "GET",
      REALM "/users?path={path}", .columns = user_columns, .flags = CALL_LIST },
    { CALL("user show", "NAME", 1, "one account", "显示账户", call_realm_options), "GET", USER },
    { CALL("user create", "NAME", 1, "an account for one person, or for one program",
           "为一人或一个程序建立账户", user_create_options),
      "POST", REALM "/users", .fields = user_create_fields, .show = user_created_show },
    { CALL("user change", "NAME", 1, "owner, end, boundary and so on", "更改负责人、期限、边界等",
           user_change_options),
      "PATCH", USER, .fields = user_change_fields },
    { CALL("user suspend", "NAME", 1, "refuse all of its requests", "暂停账户", call_realm_options),
      "POST", USER "/suspend", .columns = user_columns },
    { CALL("user resume", "NAME", 1, "end a suspension", "恢复账户", call_realm_options), "POST",
      USER "/resume", .columns = user_columns },
    { CALL("user end", "NAME", 1, "the person left: keys, sessions, roles and grants end for good",
           "人员离职：密钥、会话、角色与授权永久终止", call_realm_options),
      "POST", USER "/end", .columns = user_columns, .flags = CALL_FINAL },
    { CALL("user freeze", "NAME", 1, "stop everything of it within a second: an emergency",
           "应急：一秒内冻结其全部访问", call_realm_options),
      "POST", USER "/freeze", .columns = user_columns },
    { CALL("user unfreeze", "NAME", 1, "end a freeze", "解除冻结", call_realm_options), "POST",
      USER "/unfreeze", .columns = user_columns },
    { CALL("user reset", "NAME", 1,
           "a new enrolment code; password and second factors are void at once",
           "生成新的注册码；原密码与第二因子立即作废", call_realm_options),
      "POST", USER "/reset", .show = code_show },
    { CALL("user delete", "NAME", 1, "delete an account", "删除账户", call_realm_options), "DELETE",
      USER, .flags = CALL_FINAL },

    { CALL("group list", NULL, 0, "groups", "列出组", list_options), "GET",
      REALM "/groups?path={path}", .columns = group_columns, .flags = CALL_LIST },
    { CALL("group show", "NAME", 1, "one group and its members", "显示组及其成员",
           call_realm_options),
      "GET", GROUP },
    { CALL("group create", "NAME", 1, "a group", "新建组", path_options), "POST", REALM "/groups",
      .fields = group_fields },
    { CALL("group delete", "NAME", 1, "delete an empty group", "删除空组", call_realm_options),
      "DELETE", GROUP, .flags = CALL_FINAL },
    { CALL("group add", "NAME USER", 2, "a further member", "添加成员", call_realm_options), "PUT",
      GROUP "/members/{2}" },
    { CALL("group remove", "NAME USER", 2, "take a member out", "移除成员", call_realm_options),
      "DELETE", GROUP "/members/{2}" },
    { CALL("group of", "USER", 1, "the groups of a user", "用户所属的组", call_realm_options),
      "GET", USER "/groups", .columns = group_columns, .flags = CALL_LIST },

    { CALL("role list", NULL, 0, "roles: built in, and of one's own making", "列出角色",
           list_options),
      "GET", REALM "/roles?path={path}", .show = role_show, .flags = CALL_LIST },
    { CALL("role show", "NAME", 1, "one role", "显示角色", call_realm_options), "GET", ROLE },
    { CALL("role create", "NAME", 1, "a role of one's own making", "新建角色", role_create_options),
      "POST", REALM "/roles", .fields = role_create_fields },
    { CALL("role change", "NAME", 1, "description, trust, boundary and so on",
           "更改说明、信任策略、边界等", role_change_options),
      "PATCH", ROLE, .fields = role_change_fields },
    { CALL("role delete", "NAME", 1, "delete a role that nobody holds", "删除无人持有的角色",
           call_realm_options),
      "DELETE", ROLE, .flags = CALL_FINAL },
    { CALL("role assign", "ROLE", 1, "give a role to a user or a group", "将角色授予用户或组",
           holder_options),
      "PUT", REALM "/{subject}/roles/{1}" },
    { CALL("role unassign", "ROLE", 1, "take a role back", "收回角色", holder_options), "DELETE",
      REALM "/{subject}/roles/{1}" },
    { CALL("role held", NULL, 0, "the roles of a user or a group", "用户或组持有的角色",
           holder_options),
      "GET", REALM "/{subject}/roles", .columns = name_columns, .flags = CALL_LIST },

    { CALL("factor list", NULL, 0, "second factors", "列出第二因子", whose_options), "GET",
      "{whose}/factors", .columns = factor_columns, .flags = CALL_LIST },
    { CALL("factor remove", "ID", 1, "one of your own, while another one is left",
           "删除自己的一个第二因子（须另有其他）", NULL),
      "DELETE", "self/factors/{1}" },
    { CALL("factor recovery-codes", NULL, 0, "new one-time codes for the loss of a second factor",
           "生成新的一次性恢复码", NULL),
      "POST", "self/recovery-codes", .show = codes_show },

    { CALL("session step-up", NULL, 0, "give your second factor again, for what needs it fresh",
           "再次给出第二因子（部分操作要求刚刚给出）", NULL),
      "POST", "session/step-up", .flags = CALL_CODE },
    { CALL("session list", NULL, 0, "who is signed in, from where", "列出登录会话", whose_options),
      "GET", "{whose}/sessions", .columns = session_columns, .flags = CALL_LIST },
    { CALL("session revoke", "ID", 1, "end one of your own sessions", "终止自己的一个会话", NULL),
      "DELETE", "self/sessions/{1}" },
    { CALL("session revoke-all", NULL, 0, "end all sessions, this one too", "终止全部会话",
           whose_options),
      "DELETE", "{whose}/sessions" },

    { CALL("tenant freeze", "NAME", 1,
           "stop all of a tenant's people, keys and tokens: an emergency",
           "应急：冻结整个租户的人员、密钥与令牌", NULL),
      "POST", "realms/{1}/freeze" },
    { CALL("tenant unfreeze", "NAME", 1, "end a freeze", "解除冻结", NULL), "POST",
      "realms/{1}/unfreeze" },

    { CALL("oidc list", NULL, 0, "issuers whose tokens AssumeRoleWithWebIdentity takes",
           "列出受信的令牌签发方（AssumeRoleWithWebIdentity）", call_realm_options),
      "GET", REALM "/oidc-providers", .columns = oidc_columns, .flags = CALL_LIST },
    { CALL("oidc create", "URL", 1, "trust an issuer of tokens", "信任一个令牌签发方",
           oidc_options),
      "POST", REALM "/oidc-providers", .fields = oidc_fields },
    { CALL("oidc delete", "URL", 1, "trust it no longer", "不再信任", call_realm_options), "DELETE",
      REALM "/oidc-providers/{1}" },
    { .method = NULL },
};

/* troth policy ..., troth param ...: what is allowed, and the contract's parameters. */
#include "cli/call.h"

#include "base/text.h"

#define REALM  "realms/{realm}"
#define POLICY REALM "/policies/{1}"

#define OPTION_DOCUMENT                                                                            \
    {                                                                                              \
        "document", "JSON|@FILE", "the policy, in IAM's language", "IAM 语言的策略文本", true,     \
                false                                                                              \
    }
#define OPTIONS_SUBJECT                                                                            \
    OPTION_REALM, { "user", "NAME", "of a user", "用户", false, false },                           \
            { "group", "NAME", "of a group", "组", false, false },                                 \
    {                                                                                              \
        "role", "NAME", "of a role", "角色", false, false                                          \
    }

static const struct cli_option list_options[] = {
    OPTION_REALM,
    { "path", "/P/", "those below this path alone", "仅此路径之下", false, false },
    OPTIONS_END,
};
static const struct cli_option create_options[] = {
    OPTION_REALM,
    OPTION_DOCUMENT,
    { "description", "TEXT", "what it is for", "用途", false, false },
    { "path", "/P/", "path in its ARN", "ARN 中的路径", false, false },
    OPTIONS_END,
};
static const struct manage_field create_fields[] = {
    { "description", "description", MANAGE_TEXT },
    { "document", "document", MANAGE_JSON },
    { "1", "name", MANAGE_TEXT },
    { "path", "path", MANAGE_TEXT },
    FIELDS_END,
};
static const struct cli_option update_options[] = {
    OPTION_REALM,
    OPTION_DOCUMENT,
    { "default", NULL, "in force at once", "立即生效", false, false },
    OPTIONS_END,
};
static const struct manage_field update_fields[] = {
    { "default", "default", MANAGE_FLAG },
    { "document", "document", MANAGE_JSON },
    FIELDS_END,
};
static const struct cli_option subject_options[] = { OPTIONS_SUBJECT, OPTIONS_END };
static const struct cli_option put_options[] = { OPTIONS_SUBJECT, OPTION_DOCUMENT, OPTIONS_END };
static const struct manage_field put_fields[] = {
    { "document", "document", MANAGE_JSON },
    FIELDS_END,
};
static const struct manage_column columns[] = {
    { "name", 32 }, { "attachments", 4 }, { "default_version", 3 }, { "arn", 0 }, COLUMNS_END,
};
static const struct manage_column version_columns[] = {
    { "version", 4 }, { "default", 4 }, { "created", 24 }, { "document", 0 }, COLUMNS_END,
};
static const struct manage_column name_columns[] = { { "name", 0 }, COLUMNS_END };

/* The text alone, so that it can be changed and put back. */
static void document_show(const struct cli *c, struct json v, struct buf *out)
{
    (void)c;
    buf_addf(out, "%.*s\n", BYTES_FMT(manage_text(v, "document")));
}

/* --- parameters --- */

static void param_show(const struct cli *c, struct json v, struct buf *out)
{
    static const struct manage_column line[] = {
        { "id", 10 },
        { "value", 16 },
        { "unit", 4 },
        COLUMNS_END,
    };
    size_t from = out->n;
    manage_line(c, v, line, out);
    out->n -= out->n > from ? 1 : 0;
    buf_addf(out, "  %.*s (%.*s)\n", BYTES_FMT(manage_text(v, c->is_zh ? "text_zh" : "text")),
             BYTES_FMT(manage_text(v, "source")));
}

static const struct manage_field param_fields[] = {
    { "2", "value", MANAGE_TEXT },
    FIELDS_END,
};

const struct cli_call cli_policy_calls[] = {
    { CALL("policy list", NULL, 0, "managed policies", "列出托管策略", list_options), "GET",
      REALM "/policies?path={path}", .columns = columns, .flags = CALL_LIST },
    { CALL("policy show", "NAME", 1, "one policy, with the text in force", "显示策略及生效文本",
           call_realm_options),
      "GET", POLICY },
    { CALL("policy create", "NAME", 1, "a policy that can be attached", "新建托管策略",
           create_options),
      "POST", REALM "/policies", .fields = create_fields },
    { CALL("policy update", "NAME", 1, "a further version of it", "新增策略版本", update_options),
      "POST", POLICY "/versions", .fields = update_fields },
    { CALL("policy versions", "NAME", 1, "its versions", "列出策略版本", call_realm_options), "GET",
      POLICY "/versions", .columns = version_columns, .flags = CALL_LIST },
    { CALL("policy default", "NAME VERSION", 2, "the version that is in force", "指定生效版本",
           call_realm_options),
      "PUT", POLICY "/default/{2}" },
    { CALL("policy delete-version", "NAME VERSION", 2, "delete a version that is not in force",
           "删除未生效的版本", call_realm_options),
      "DELETE", POLICY "/versions/{2}" },
    { CALL("policy delete", "NAME", 1, "delete a policy that is attached nowhere",
           "删除未附加的策略", call_realm_options),
      "DELETE", POLICY, .flags = CALL_FINAL },
    { CALL("policy attach", "NAME", 1, "attach it to a user, a group or a role",
           "附加到用户、组或角色", subject_options),
      "PUT", REALM "/{subject}/policies/{1}" },
    { CALL("policy detach", "NAME", 1, "take it off", "分离策略", subject_options), "DELETE",
      REALM "/{subject}/policies/{1}" },
    { CALL("policy attached", NULL, 0, "what is attached there", "列出已附加的策略",
           subject_options),
      "GET", REALM "/{subject}/policies", .columns = columns, .flags = CALL_LIST },
    { CALL("policy put-inline", "NAME", 1, "a policy of this user, group or role alone",
           "写入内联策略", put_options),
      "PUT", REALM "/{subject}/inline/{1}", .fields = put_fields },
    { CALL("policy get-inline", "NAME", 1, "its text", "显示内联策略", subject_options), "GET",
      REALM "/{subject}/inline/{1}", .show = document_show },
    { CALL("policy list-inline", NULL, 0, "inline policies there", "列出内联策略", subject_options),
      "GET", REALM "/{subject}/inline", .columns = name_columns, .flags = CALL_LIST },
    { CALL("policy delete-inline", "NAME", 1, "delete it", "删除内联策略", subject_options),
      "DELETE", REALM "/{subject}/inline/{1}" },

    { CALL("param list", NULL, 0, "the contract's parameters of identity, with their sources",
           "列出身份相关的合同参数及其依据", call_realm_options),
      "GET", REALM "/parameters", .show = param_show, .flags = CALL_LIST },
    { CALL("param set", "ID VALUE", 2, "set one, within the bounds of its source",
           "在依据允许的范围内设置参数", call_realm_options),
      "PUT", REALM "/parameters/{1}", .fields = param_fields, .show = param_show },
    { .method = NULL },
};

/* troth access ..., notice ..., review ...: why, privilege just in time, and who still needs it. */
#include "cli/call.h"

#include "base/text.h"

#define REALM  "realms/{realm}"
#define GRANT  REALM "/grants/{1}"
#define REVIEW REALM "/reviews/{1}"

/* --- why, and who --- */

/*= 2.1.4-5 "the decision, the statement that made it, and whether it was denied or merely not
 * allowed" */
static void explain_show(const struct cli *c, struct json v, struct buf *out)
{
    static const char *const members[] = { "principal", "action", "resource", "reason",
                                           "layer",     "policy", "sid",      "grant" };
    buf_addf(out, "%.*s\n", BYTES_FMT(manage_text(v, c->is_zh ? "text_zh" : "text")));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (json_has(v, members[i])) {
            buf_addf(out, "  %-12s ", members[i]);
            manage_value(c, v, members[i], out);
            buf_add_u8(out, '\n');
        }
    }
}

static void who_can_show(const struct cli *c, struct json v, struct buf *out)
{
    struct json list, one;
    struct json_iter it = { 0 };
    bool flag = false;
    if (result_is_ok(json_get(v, "items", &list, NULL))) {
        if (json_count(list) == 0) {
            buf_add_str(out, cli_say(c, "nobody\n", "无人\n"));
        }
        while (json_next(list, &it, &one)) {
            bool needs_mfa = false;
            result_ignore(json_get_bool(one, "needs_mfa", &needs_mfa, NULL));
            buf_addf(out, "%-40.*s %-12s %.*s\n", BYTES_FMT(manage_text(one, "principal")),
                     needs_mfa ? cli_say(c, "with MFA", "须 MFA") : "-",
                     BYTES_FMT(manage_text(one, c->is_zh ? "text_zh" : "text")));
        }
    }
    if (result_is_ok(json_get_bool(v, "public", &flag, NULL)) && flag) {
        buf_add_str(out, cli_say(c, "and everybody: the bucket is public\n",
                                 "以及任何人：该桶为公开桶\n"));
    }
    if (result_is_ok(json_get_bool(v, "truncated", &flag, NULL)) && flag) {
        buf_add_str(out, cli_say(c, "(there are more)\n", "（还有更多）\n"));
    }
}

static const struct cli_option explain_options[] = {
    OPTION_REALM,
    { "principal", "NAME|ARN|anonymous", "who; platform/NAME of the provider's staff",
      "主体；服务商人员写作 platform/名称", true, false },
    { "action", "s3:GetObject", "what", "操作", true, false },
    { "resource", "ARN", "on what (default *)", "资源（默认 *）", false, false },
    { "mfa", NULL, "as if a second factor was just given", "视为刚刚给出第二因子", false, false },
    { "context", "KEY=VALUE", "a condition key, as aws:SourceIp=192.0.2.1; may be repeated",
      "条件键，如 aws:SourceIp=192.0.2.1，可重复", false, true },
    OPTIONS_END,
};
static const struct manage_field explain_fields[] = {
    { "action", "action", MANAGE_TEXT },     { "context", "context", MANAGE_PAIRS },
    { "mfa", "mfa", MANAGE_FLAG },           { "principal", "principal", MANAGE_TEXT },
    { "resource", "resource", MANAGE_TEXT }, FIELDS_END,
};

/* --- grants --- */

static const struct cli_option credentials_options[] = {
    OPTION_REALM,
    { "process", NULL, "as aws wants them of a credential_process",
      "供 aws 的 credential_process 使用", false, false },
    OPTIONS_END,
};

/* What a `credential_process` of aws and the SDKs prints. */
static void process_show(struct json v, struct buf *out)
{
    static const char *const members[][2] = { { "AccessKeyId", "access_key_id" },
                                              { "Expiration", "expires" },
                                              { "SecretAccessKey", "secret_access_key" },
                                              { "SessionToken", "session_token" } };
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        jsonw_kv_str(&w, members[i][0], manage_text(v, members[i][1]));
    }
    jsonw_kv_u64(&w, "Version", 1);
    jsonw_object_end(&w);
    buf_add_u8(out, '\n');
}

static void credentials_show(const struct cli *c, struct json v, struct buf *out)
{
    if (cli_has(c, "process")) {
        process_show(v, out);
        return;
    }
    buf_addf(out, cli_say(c, "# until %.*s; shown this once\n", "# 有效至 %.*s；仅显示这一次\n"),
             BYTES_FMT(manage_text(v, "expires")));
    buf_addf(out,
             "export AWS_ACCESS_KEY_ID=%.*s\nexport AWS_SECRET_ACCESS_KEY=%.*s\nexport "
             "AWS_SESSION_TOKEN=%.*s\nexport AWS_DEFAULT_REGION=%.*s\n",
             BYTES_FMT(manage_text(v, "access_key_id")),
             BYTES_FMT(manage_text(v, "secret_access_key")),
             BYTES_FMT(manage_text(v, "session_token")), BYTES_FMT(manage_text(v, "region")));
}

#define ASK_OPTIONS                                                                                     \
    {                                                                                                   \
        "realm", "NAME", "over which: a tenant, or 'platform'", "范围：租户或 platform", true, false    \
    },                                                                                                  \
            { "role", "ROLE", "which role (troth role list)", "角色（troth role list）", true, false }, \
            { "reason", "TEXT", "why", "理由", true, false },                                           \
            { "ticket", "ID", "its ticket", "工单号", false, false },                                   \
            { "length", "30m|2h", "for how long, from the approval", "时长，自批准起计", true, false }, \
    {                                                                                                   \
        "policy", "JSON|@FILE", "further limits: a policy", "进一步限制：策略", false, false            \
    }
#define ASK_FIELDS                                                                                 \
    { "length", "length_s", MANAGE_SECONDS }, { "policy", "policy", MANAGE_JSON },                 \
            { "reason", "reason", MANAGE_TEXT }, { "role", "role", MANAGE_TEXT },                  \
    {                                                                                              \
        "ticket", "ticket", MANAGE_TEXT                                                            \
    }
static const struct cli_option ask_options[] = {
    ASK_OPTIONS,
    { "from", "TIME", "from when, as 2026-11-22T08:00:00Z (default: once approved)",
      "起始时间，如 2026-11-22T08:00:00Z（默认批准后）", false, false },
    OPTIONS_END,
};
static const struct manage_field ask_fields[] = {
    ASK_FIELDS,
    { "from", "from", MANAGE_TEXT },
    FIELDS_END,
};
static const struct cli_option break_glass_options[] = { ASK_OPTIONS, OPTIONS_END };
static const struct manage_field break_glass_fields[] = { ASK_FIELDS, FIELDS_END };
static const struct cli_option approve_options[] = {
    OPTION_REALM,
    { "note", "TEXT", "a word to it", "说明", false, false },
    { "length", "30m|2h", "shorter than asked for", "缩短时长", false, false },
    OPTIONS_END,
};
static const struct manage_field approve_fields[] = {
    { "length", "length_s", MANAGE_SECONDS },
    { "note", "note", MANAGE_TEXT },
    FIELDS_END,
};
static const struct cli_option refuse_options[] = {
    OPTION_REALM,
    { "note", "TEXT", "why", "理由", false, false },
    OPTIONS_END,
};
static const struct manage_field refuse_fields[] = {
    { "note", "note", MANAGE_TEXT },
    FIELDS_END,
};
static const struct cli_option grants_options[] = {
    OPTION_REALM,
    { "state", "STATE", "asked, approved, refused, withdrawn, ended, past or lapsed alone",
      "仅 asked、approved、refused、withdrawn、ended、past 或 lapsed", false, false },
    OPTIONS_END,
};
static const struct manage_column grant_columns[] = {
    { "id", 22 },   { "state", 9 },  { "kind", 11 },   { "user", 16 },  { "realm", 12 },
    { "role", 20 }, { "until", 24 }, { "ticket", 10 }, { "reason", 0 }, COLUMNS_END,
};

/* --- notices --- */

static const struct cli_option notices_options[] = {
    OPTION_REALM,
    { "open", NULL, "those not acknowledged alone", "仅未确认的", false, false },
    OPTIONS_END,
};
static const struct manage_column notice_columns[] = {
    { "id", 22 },       { "kind", 12 },    { "created", 24 }, { "due", 24 },
    { "acked_by", 16 }, { "subject", 22 }, { "detail", 0 },   COLUMNS_END,
};

/* --- reviews --- */

static const struct cli_option review_options[] = {
    OPTION_REALM,
    { "reviewer", "USER", "who decides", "审阅人", true, false },
    { "due", "TIME", "until when, as 2026-12-31T00:00:00Z", "截止时间，如 2026-12-31T00:00:00Z",
      true, false },
    { "privileged", NULL, "privileged access alone", "仅特权", false, false },
    { "strict", NULL, "what is undecided at the end loses its access", "逾期未决者失去权限", false,
      false },
    OPTIONS_END,
};
static const struct manage_field review_fields[] = {
    { "due", "due", MANAGE_TEXT },
    { "1", "name", MANAGE_TEXT },
    { "privileged", "privileged", MANAGE_FLAG },
    { "reviewer", "reviewer", MANAGE_TEXT },
    { "strict", "strict", MANAGE_FLAG },
    FIELDS_END,
};
static const struct manage_column review_columns[] = {
    { "id", 22 },     { "name", 24 }, { "reviewer", 16 }, { "due", 24 },
    { "decided", 4 }, { "items", 4 }, { "closed", 0 },    COLUMNS_END,
};
static const struct manage_column item_columns[] = {
    { "subject", 24 }, { "subject_name", 20 }, { "access", 40 },
    { "decision", 8 }, { "decided_by", 0 },    COLUMNS_END,
};
static const struct cli_option decide_options[] = {
    OPTION_REALM,
    { "subject", "ID", "whose (troth review items)", "对象（troth review items）", true, false },
    { "access", "ACCESS", "which", "权限", true, false },
    { "decision", "keep|revoke", "what is to be", "保留或收回", true, false },
    { "note", "TEXT", "why", "理由", false, false },
    OPTIONS_END,
};
static const struct manage_field decide_fields[] = {
    { "access", "access", MANAGE_TEXT },
    { "decision", "decision", MANAGE_TEXT },
    { "note", "note", MANAGE_TEXT },
    { "subject", "subject", MANAGE_TEXT },
    FIELDS_END,
};

/* --- the report --- */

static uint64_t number(struct json v, const char *object, const char *member)
{
    struct json o;
    uint64_t n = 0;
    if (result_is_ok(json_get(v, object, &o, NULL))) {
        result_ignore(json_get_u64(o, member, UINT64_MAX, &n, NULL));
    }
    return n;
}

/* Every figure with what it is out of. */
static const struct {
    const char *en, *zh, *object, *member, *of_object, *of_member; /* of_*: NULL: none */
} figures[] = {
    { "persons with a second factor", "已启用第二因子的人员", "state", "persons_with_mfa", "state",
      "persons" },
    { "administrators with a second factor", "已启用第二因子的管理员", "state",
      "administrators_with_mfa", "state", "administrators" },
    { "persons holding two administrators", "同时持有两种管理员的人员", "state",
      "two_administrators", "state", "persons" },
    { "shared accounts", "共用账户", "state", "shared", "state", "persons" },
    { "accounts without an owner", "无负责人的账户", "state", "without_owner", NULL, NULL },
    { "programs", "程序账户", "state", "services", NULL, NULL },
    { "accounts suspended", "已暂停的账户", "state", "suspended", NULL, NULL },
    { "accounts frozen", "已冻结的账户", "state", "frozen", NULL, NULL },
    { "dormant accounts", "休眠账户", "state", "dormant", "state", "persons" },
    { "people who left, still in force", "离职未停用", "state", "leavers_open", NULL, NULL },
    { "policies on persons themselves", "直接附加于人员的策略", "state", "direct_policies", NULL,
      NULL },
    { "access keys past their age", "超龄访问密钥", "state", "access_keys_old", "state",
      "access_keys" },
    { "grants running", "生效中的授权", "state", "grants_running", NULL, NULL },
    { "grants standing", "常设授权", "state", "grants_standing", NULL, NULL },
    { "longest grant running, seconds", "最长生效授权（秒）", "state", "longest_grant_s", NULL,
      NULL },
    { "reviews overdue", "逾期审阅", "state", "reviews_overdue", "state", "reviews_open" },
    { "privileged logins", "特权登录", "counters", "login.privileged", "counters", "login" },
    { "privileged logins without a second factor", "无第二因子的特权登录", "counters",
      "login.privileged.no-mfa", "counters", "login.privileged" },
    { "logins with a client certificate", "出示客户端证书的登录", "counters", "login.certificate",
      "counters", "login" },
    { "logins refused: outside the networks", "因来源网络被拒绝的登录", "counters",
      "login.outside-range", "counters", "login" },
    { "logins refused: no client certificate", "因无客户端证书被拒绝的登录", "counters",
      "login.no-certificate", "counters", "login" },
    { "failed logins", "登录失败", "counters", "login.failed", NULL, NULL },
    { "waits after failed logins", "登录锁定", "counters", "lockout", NULL, NULL },
    { "grants approved", "批准的授权", "counters", "grant.approved", "counters", "grant.asked" },
    { "grants refused", "拒绝的授权", "counters", "grant.refused", "counters", "grant.asked" },
    { "break-glass", "应急访问", "counters", "grant.break-glass", NULL, NULL },
    { "freezes", "冻结次数", "counters", "freeze", NULL, NULL },
    { "requests refused", "被拒绝的请求", "counters", "access.denied", NULL, NULL },
};

/*= 2.1.4-6 "who may what, and what happened, is counted and can be read at any time" */
static void report_show(const struct cli *c, struct json v, struct buf *out)
{
    buf_addf(out, cli_say(c, "%.*s, %.*s to %.*s\n", "%.*s，%.*s 至 %.*s\n"),
             BYTES_FMT(manage_text(v, "realm")), BYTES_FMT(manage_text(v, "from")),
             BYTES_FMT(manage_text(v, "until")));
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        buf_addf(out, "  %6llu",
                 (unsigned long long)number(v, figures[i].object, figures[i].member));
        if (figures[i].of_member != NULL) {
            buf_addf(out, " / %-6llu",
                     (unsigned long long)number(v, figures[i].of_object, figures[i].of_member));
        } else {
            buf_add_str(out, "         ");
        }
        buf_addf(out, "  %s\n", cli_say(c, figures[i].en, figures[i].zh));
    }
}

static const struct cli_option report_options[] = {
    OPTION_REALM,
    { "from", "TIME", "from when (default: 30 days ago)", "起始时间（默认 30 天前）", false,
      false },
    { "until", "TIME", "until when (default: now)", "终止时间（默认现在）", false, false },
    OPTIONS_END,
};

/* --- the table --- */

const struct cli_call cli_access_calls[] = {
    { CALL("access explain", NULL, 0, "why somebody may do something, or may not",
           "解释为何允许或不允许", explain_options),
      "POST", REALM "/access/explain", .fields = explain_fields, .show = explain_show },
    { CALL("access who-can", "ACTION RESOURCE", 2, "everybody who may do this", "谁可以执行该操作",
           call_realm_options),
      "GET", REALM "/access/who-can?action={1}&resource={2}", .show = who_can_show },
    { CALL("access ask", NULL, 0, "ask for a privilege, for a time", "申请限时特权", ask_options),
      "POST", REALM "/grants", .fields = ask_fields },
    { CALL("access approve", "ID", 1, "approve what another person asked for", "批准他人的申请",
           approve_options),
      "POST", GRANT "/approve", .fields = approve_fields, .columns = grant_columns },
    { CALL("access refuse", "ID", 1, "refuse it", "拒绝申请", refuse_options), "POST",
      GRANT "/refuse", .fields = refuse_fields, .columns = grant_columns },
    { CALL("access end", "ID", 1, "end a grant before its time, or withdraw the request",
           "提前终止授权或撤回申请", call_realm_options),
      "POST", GRANT "/end", .columns = grant_columns },
    { CALL("access list", NULL, 0, "grants over a realm, newest first", "列出授权（新的在前）",
           grants_options),
      "GET", REALM "/grants?state={state}", .columns = grant_columns, .flags = CALL_LIST },
    { CALL("access mine", NULL, 0, "your own grants", "列出自己的授权", NULL), "GET", "self/grants",
      .columns = grant_columns, .flags = CALL_LIST },
    { CALL("access show", "ID", 1, "one grant", "显示授权", call_realm_options), "GET", GRANT },
    { CALL("access credentials", "ID", 1, "temporary keys for S3 that end with your grant",
           "生成随授权终止的 S3 临时密钥", credentials_options),
      "POST", GRANT "/credentials", .show = credentials_show },
    { CALL("access break-glass", NULL, 0,
           "at once and without leave: the other side is told by itself",
           "应急访问：立即生效、无须批准，并自动告知对方", break_glass_options),
      "POST", REALM "/break-glass", .fields = break_glass_fields },
    { CALL("access report", NULL, 0, "figures of the contract: counts with what they are out of",
           "合同指标：计数及其分母", report_options),
      "GET", REALM "/evidence/identity?from={from}&until={until}", .show = report_show },

    { CALL("notice list", NULL, 0, "what this side is to know, newest first", "列出通知",
           notices_options),
      "GET", REALM "/notices?open={open}", .columns = notice_columns, .flags = CALL_LIST },
    { CALL("notice ack", "ID", 1, "it was read", "确认通知", call_realm_options), "POST",
      REALM "/notices/{1}/ack" },

    { CALL("review create", "NAME", 1, "have all access looked through until a date",
           "发起限期的权限审阅", review_options),
      "POST", REALM "/reviews", .fields = review_fields },
    { CALL("review list", NULL, 0, "reviews, newest first", "列出审阅", call_realm_options), "GET",
      REALM "/reviews", .columns = review_columns, .flags = CALL_LIST },
    { CALL("review show", "ID", 1, "one review", "显示审阅", call_realm_options), "GET", REVIEW },
    { CALL("review items", "ID", 1, "whose access it is about, and what was decided",
           "列出审阅项及其决定", call_realm_options),
      "GET", REVIEW "/items", .columns = item_columns, .flags = CALL_LIST },
    { CALL("review decide", "ID", 1, "decide one item; signed and kept in the log",
           "对一项作出决定；签名并记入日志", decide_options),
      "POST", REVIEW "/decide", .fields = decide_fields, .columns = item_columns },
    { .method = NULL },
};

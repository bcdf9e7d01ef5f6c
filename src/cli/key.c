/* troth key ... */
#include "cli/commands.h"
#include "cli/manage.h"

static const struct cli_option tenant_option[] = {
    { "tenant", "T", "the tenant", "租户", true, false },
    { NULL, NULL, NULL, NULL, false, false },
};

static void key_show(const struct cli *c, struct json v, struct buf *out)
{
    uint64_t version = 0, wraps = 0;
    struct bytes id = manage_text(v, "key_id"), state = manage_text(v, "state"),
                 suite = manage_text(v, "suite"), custodian = manage_text(v, "custodian"),
                 at = manage_text(v, "destroy_at");
    result_ignore(json_get_u64(v, "version", UINT64_MAX, &version, NULL));
    result_ignore(json_get_u64(v, "wraps", UINT64_MAX, &wraps, NULL));
    buf_addf(out, "%.*s  v%-4llu %-20.*s %-20.*s %-10.*s %llu", BYTES_FMT(id),
             (unsigned long long)version, BYTES_FMT(state), BYTES_FMT(suite), BYTES_FMT(custodian),
             (unsigned long long)wraps);
    if (at.n > 0) {
        buf_addf(out, cli_say(c, "  destroyed from %.*s", "  %.*s 起可销毁"), BYTES_FMT(at));
    }
    buf_add_u8(out, '\n');
}

static int key_list_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_list(c, manage_path(&path, "/api/v1/tenants/", cli_get(c, "tenant"), "/keys"),
                       key_show);
}

static int key_act(struct cli *c, const char *method, const char *act,
                   void (*show)(const struct cli *c, struct json v, struct buf *out))
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(
            c, method,
            manage_path(&path, "/api/v1/tenants/", cli_get(c, "tenant"), "/keys/", c->args[0], act),
            BYTES_NONE, show);
}

static int key_show_run(struct cli *c)
{
    return key_act(c, "GET", "", key_show);
}

static int key_create_run(struct cli *c)
{
    static const struct manage_field fields[] = {
        { "custodian", "custodian", MANAGE_TEXT },
        { "description", "description", MANAGE_TEXT },
        { "suite", "suite", MANAGE_TEXT },
        { NULL, NULL, MANAGE_TEXT },
    };
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_send(c, "POST",
                       manage_path(&path, "/api/v1/tenants/", cli_get(c, "tenant"), "/keys"),
                       fields, key_show);
}

static int key_rotate_run(struct cli *c)
{
    return key_act(c, "POST", "/rotate", key_show);
}

static void rewrap_show(const struct cli *c, struct json v, struct buf *out)
{
    uint64_t n = 0;
    result_ignore(json_get_u64(v, "rewrapped", UINT64_MAX, &n, NULL));
    buf_addf(out,
             cli_say(c, "%llu data keys are under the newest version now\n",
                     "已有 %llu 个数据密钥改由最新版本封装\n"),
             (unsigned long long)n);
}

static int key_rewrap_run(struct cli *c)
{
    return key_act(c, "POST", "/rewrap", rewrap_show);
}

static int key_enable_run(struct cli *c)
{
    return key_act(c, "POST", "/enable", key_show);
}

static int key_disable_run(struct cli *c)
{
    return key_act(c, "POST", "/disable", key_show);
}

static void certificate_show(const struct cli *c, struct json v, struct buf *out)
{
    (void)c;
    buf_add(out, manage_text(v, "certificate"));
}

/* Without a flag: schedules; --cancel takes that back; --confirm carries it out when its time has
 * come. */
static int key_destroy_run(struct cli *c)
{
    if (cli_has(c, "cancel")) {
        return key_act(c, "POST", "/cancel-destroy", key_show);
    }
    if (cli_has(c, "confirm")) {
        return key_act(c, "POST", "/destroy", certificate_show);
    }
    return key_act(c, "POST", "/schedule-destroy", key_show);
}

static void statement_show(const struct cli *c, struct json v, struct buf *out)
{
    (void)c;
    buf_add(out, manage_text(v, "note"));
}

static int key_statement_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(c, "GET",
                        manage_path(&path, "/api/v1/tenants/", cli_get(c, "tenant"), "/statement"),
                        BYTES_NONE, statement_show);
}

const struct cli_command cli_key_list = {
    "key list", NULL, 0, 0, "a tenant's keys", "列出密钥", tenant_option, key_list_run,
};
const struct cli_command cli_key_show = {
    "key show", "ID", 1, 1, "one key", "显示密钥", tenant_option, key_show_run,
};
static const struct cli_option create_options[] = {
    { "tenant", "T", "the tenant", "租户", true, false },
    { "suite", "SUITE", "AES-256-GCM or SM4-CTR-HMAC-SM3", "AES-256-GCM 或 SM4-CTR-HMAC-SM3", false,
      false },
    { "custodian", "WHO", "who is responsible for the key (default: provider)",
      "密钥管理责任方（默认 provider）", false, false },
    { "description", "TEXT", "what it is for", "用途", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_key_create = {
    "key create", NULL, 0, 0, "a further key", "新建密钥", create_options, key_create_run,
};
const struct cli_command cli_key_rotate = {
    "key rotate",
    "ID",
    1,
    1,
    "a new version; older ones go on reading",
    "轮换：新版本用于写入，旧版本仍可读取",
    tenant_option,
    key_rotate_run,
};
const struct cli_command cli_key_rewrap = {
    "key rewrap",
    "ID",
    1,
    1,
    "wrap data keys of older versions under the newest",
    "将旧版本封装的数据密钥改由最新版本封装",
    tenant_option,
    key_rewrap_run,
};
const struct cli_command cli_key_enable = {
    "key enable", "ID", 1, 1, "allow use again", "启用密钥", tenant_option, key_enable_run,
};
const struct cli_command cli_key_disable = {
    "key disable",   "ID", 1, 1, "refuse any use at once", "立即停用密钥", tenant_option,
    key_disable_run,
};
static const struct cli_option destroy_options[] = {
    { "tenant", "T", "the tenant", "租户", true, false },
    { "confirm", NULL, "carry out what was scheduled; prints the certificate",
      "执行已到期的销毁并输出证书", false, false },
    { "cancel", NULL, "take the schedule back", "取消销毁计划", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_key_destroy = {
    "key destroy",
    "ID",
    1,
    1,
    "schedule, cancel or carry out a destruction",
    "计划、取消或执行密钥销毁",
    destroy_options,
    key_destroy_run,
};
const struct cli_command cli_key_statement = {
    "key statement",
    NULL,
    0,
    0,
    "the signed statement of key management responsibility",
    "输出已签名的密钥管理责任说明",
    tenant_option,
    key_statement_run,
};

/* troth tenant ..., troth access-key ..., troth bucket ... */
#include "cli/commands.h"
#include "cli/manage.h"

#include "base/clock.h"
#include "base/text.h"

#define DAY_MS (24ll * 3600 * 1000)

static const struct cli_option tenant_option[] = {
    { "tenant", "T", "the tenant", "租户", true, false },
    { NULL, NULL, NULL, NULL, false, false },
};

/* --- tenants --- */

static void tenant_show(const struct cli *c, struct json v, struct buf *out)
{
    (void)c;
    struct bytes name = manage_text(v, "tenant"), state = manage_text(v, "state"),
                 account = manage_text(v, "account"), suite = manage_text(v, "suite"),
                 created = manage_text(v, "created");
    buf_addf(out, "%-24.*s %-10.*s %.*s  %-20.*s %.*s\n", BYTES_FMT(name), BYTES_FMT(state),
             BYTES_FMT(account), BYTES_FMT(suite), BYTES_FMT(created));
}

static void credentials_show(const struct cli *c, struct json v, struct buf *out)
{
    struct bytes id = manage_text(v, "access_key_id"), secret = manage_text(v, "secret_access_key"),
                 region = manage_text(v, "region"), tenant = manage_text(v, "tenant");
    buf_addf(out,
             cli_say(c, "# tenant %.*s; the secret is shown this once\n",
                     "# 租户 %.*s；密钥仅显示这一次\n"),
             BYTES_FMT(tenant));
    buf_addf(out,
             "export AWS_ACCESS_KEY_ID=%.*s\nexport AWS_SECRET_ACCESS_KEY=%.*s\nexport "
             "AWS_DEFAULT_REGION=%.*s\n",
             BYTES_FMT(id), BYTES_FMT(secret), BYTES_FMT(region));
}

static int tenant_create_run(struct cli *c)
{
    static const struct manage_field fields[] = {
        { "1", "name", MANAGE_TEXT },
        { "suite", "suite", MANAGE_TEXT },
        { NULL, NULL, MANAGE_TEXT },
    };
    return manage_send(c, "POST", "/api/v1/tenants", fields, credentials_show);
}

static int tenant_list_run(struct cli *c)
{
    return manage_list(c, "/api/v1/tenants", tenant_show);
}

static int tenant_act(struct cli *c, const char *method, const char *act)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(c, method, manage_path(&path, "/api/v1/tenants/", c->args[0], act),
                        BYTES_NONE, tenant_show);
}

static int tenant_show_run(struct cli *c)
{
    return tenant_act(c, "GET", "");
}

static int tenant_suspend_run(struct cli *c)
{
    return tenant_act(c, "POST", "/suspend");
}

static int tenant_resume_run(struct cli *c)
{
    return tenant_act(c, "POST", "/resume");
}

static int tenant_close_run(struct cli *c)
{
    return tenant_act(c, "POST", "/close");
}

static const struct cli_option create_options[] = {
    { "suite", "SUITE", "AES-256-GCM (default) or SM4-CTR-HMAC-SM3",
      "AES-256-GCM（默认）或 SM4-CTR-HMAC-SM3", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_tenant_create = {
    "tenant create",
    "NAME",
    1,
    1,
    "make a tenant with its key, its log and a first access key",
    "建立租户：密钥、日志和首个访问密钥",
    create_options,
    tenant_create_run,
};
const struct cli_command cli_tenant_list = {
    "tenant list", NULL, 0, 0, "all tenants", "列出租户", NULL, tenant_list_run,
};
const struct cli_command cli_tenant_show = {
    "tenant show", "NAME", 1, 1, "one tenant", "显示租户", NULL, tenant_show_run,
};
const struct cli_command cli_tenant_suspend = {
    "tenant suspend",
    "NAME",
    1,
    1,
    "refuse all of a tenant's requests",
    "暂停租户的全部访问",
    NULL,
    tenant_suspend_run,
};
const struct cli_command cli_tenant_resume = {
    "tenant resume", "NAME", 1, 1, "end a suspension", "恢复租户访问", NULL, tenant_resume_run,
};
const struct cli_command cli_tenant_close = {
    "tenant close", "NAME", 1, 1, "close a tenant for good", "永久关闭租户", NULL, tenant_close_run,
};

/* --- access keys --- */

static void access_key_show(const struct cli *c, struct json v, struct buf *out)
{
    static const struct manage_column columns[] = {
        { "access_key_id", 20 }, { "owner", 20 },    { "enabled", 4 }, { "used", 24 },
        { "used_service", 6 },   { "used_from", 0 }, { NULL, 0 },
    };
    int64_t created = 0;
    if (result_is_ok(time_parse_rfc3339(manage_text(v, "created"), &created))) {
        buf_addf(out, cli_say(c, "%4lld d  ", "%4lld 天  "),
                 (long long)((clock_wall_ms(&clock_system) - created) / DAY_MS));
    }
    manage_line(c, v, columns, out);
}

static int access_key_create_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    const char *user = cli_get(c, "user"), *realm = manage_realm(c);
    if (realm == NULL) {
        return CLI_USAGE;
    }
    return manage_print(c, "POST",
                        manage_path(&path, "/api/v1/realms/", realm, "/users/",
                                    user != NULL ? user : "root", "/access-keys"),
                        BYTES_NONE, credentials_show);
}

static int access_key_list_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    const char *user = cli_get(c, "user"), *realm = manage_realm(c);
    if (realm == NULL) {
        return CLI_USAGE;
    }
    if (user == NULL) {
        manage_path(&path, "/api/v1/realms/", realm, "/access-keys");
    } else {
        manage_path(&path, "/api/v1/realms/", realm, "/users/", user, "/access-keys");
    }
    return manage_list(c, buf_cstr(&path), access_key_show);
}

static int access_key_act(struct cli *c, const char *method, struct bytes body)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    const char *realm = manage_realm(c);
    if (realm == NULL) {
        return CLI_USAGE;
    }
    return manage_print(c, method,
                        manage_path(&path, "/api/v1/realms/", realm, "/access-keys/", c->args[0]),
                        body, access_key_show);
}

static int access_key_enable_run(struct cli *c)
{
    return access_key_act(c, "PATCH", BYTES_LIT("{\"enabled\":true}"));
}

static int access_key_disable_run(struct cli *c)
{
    return access_key_act(c, "PATCH", BYTES_LIT("{\"enabled\":false}"));
}

static int access_key_delete_run(struct cli *c)
{
    return access_key_act(c, "DELETE", BYTES_NONE);
}

static const struct cli_option realm_option[] = {
    { "tenant", "T", "the tenant, or 'platform' (default: where you signed in)",
      "租户，或 platform（默认为登录所在）", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
static const struct cli_option user_options[] = {
    { "tenant", "T", "the tenant, or 'platform' (default: where you signed in)",
      "租户，或 platform（默认为登录所在）", false, false },
    { "user", "NAME", "whose (to create: root by default)", "所属用户（新建时默认 root）", false,
      false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_access_key_create = {
    "access-key create",
    NULL,
    0,
    0,
    "a further access key (at most two for a user)",
    "新建访问密钥（每个用户最多两个）",
    user_options,
    access_key_create_run,
};
const struct cli_command cli_access_key_list = {
    "access-key list",
    NULL,
    0,
    0,
    "access keys: age, whose, last use",
    "列出访问密钥：天数、所属、最近使用",
    user_options,
    access_key_list_run,
};
const struct cli_command cli_access_key_enable = {
    "access-key enable",   "ID", 1, 1, "allow its use again", "启用访问密钥", realm_option,
    access_key_enable_run,
};
const struct cli_command cli_access_key_disable = {
    "access-key disable",   "ID", 1, 1, "refuse its use", "停用访问密钥", realm_option,
    access_key_disable_run,
};
const struct cli_command cli_access_key_delete = {
    "access-key delete",   "ID", 1, 1, "delete an access key", "删除访问密钥", realm_option,
    access_key_delete_run,
};

/* --- buckets --- */

static void bucket_show(const struct cli *c, struct json v, struct buf *out)
{
    struct bytes name = manage_text(v, "bucket"), sse = manage_text(v, "sse"),
                 digest = manage_text(v, "digest"), key = manage_text(v, "key_id");
    if (key.n == 0) {
        key = bytes_str(cli_say(c, "(default key)", "（默认密钥）"));
    }
    buf_addf(out, "%-40.*s %-8.*s %-7.*s %.*s\n", BYTES_FMT(name), BYTES_FMT(sse),
             BYTES_FMT(digest), BYTES_FMT(key));
}

static int bucket_list_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_list(c, manage_path(&path, "/api/v1/tenants/", cli_get(c, "tenant"), "/buckets"),
                       bucket_show);
}

static int bucket_set_run(struct cli *c)
{
    static const struct manage_field fields[] = {
        { "digest", "digest", MANAGE_TEXT },
        { "key", "key_id", MANAGE_TEXT },
        { "sse", "sse", MANAGE_TEXT },
        { NULL, NULL, MANAGE_TEXT },
    };
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_send(
            c, "POST",
            manage_path(&path, "/api/v1/tenants/", cli_get(c, "tenant"), "/buckets/", c->args[0]),
            fields, bucket_show);
}

const struct cli_command cli_bucket_list = {
    "bucket list",
    NULL,
    0,
    0,
    "a tenant's buckets and their settings",
    "列出桶及其设置",
    tenant_option,
    bucket_list_run,
};
static const struct cli_option bucket_options[] = {
    { "tenant", "T", "the tenant", "租户", true, false },
    { "digest", "always|client", "SHA-256 of every object, or only what the client sends",
      "总是计算 SHA-256，或只用客户端提供的摘要", false, false },
    { "sse", "aws:kms|AES256", "AES256 gives MD5 ETags", "AES256 时 ETag 为 MD5", false, false },
    { "key", "ID", "key of new objects; empty: the default", "新对象所用密钥；空为默认", false,
      false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_bucket_set = {
    "bucket set",   "NAME",         1, 1, "change a bucket's settings", "更改桶的设置",
    bucket_options, bucket_set_run,
};

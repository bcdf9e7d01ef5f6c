/* troth tenant ..., troth access-key ..., troth bucket ... */
#include "cli/commands.h"
#include "cli/manage.h"

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

static void tenants_show(const struct cli *c, struct json v, struct buf *out)
{
    struct json list, one;
    struct json_iter it = { 0 };
    if (result_is_ok(json_get(v, "tenants", &list, NULL))) {
        while (json_next(list, &it, &one)) {
            tenant_show(c, one, out);
        }
    }
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
    CLEANUP(buf_done_p) struct buf body = BUF(4096);
    struct jsonw w;
    jsonw_init(&w, &body);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "name", c->args[0]);
    if (cli_has(c, "suite")) {
        jsonw_kv_cstr(&w, "suite", cli_get(c, "suite"));
    }
    jsonw_object_end(&w);
    return manage_print(c, "POST", "/v1/tenants", buf_bytes(&body), credentials_show);
}

static int tenant_list_run(struct cli *c)
{
    return manage_print(c, "GET", "/v1/tenants", BYTES_NONE, tenants_show);
}

static int tenant_act(struct cli *c, const char *method, const char *act)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(c, method, manage_path(&path, "/v1/tenants/", c->args[0], act), BYTES_NONE,
                        tenant_show);
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

static void access_keys_show(const struct cli *c, struct json v, struct buf *out)
{
    struct json list, one;
    struct json_iter it = { 0 };
    (void)c;
    if (!result_is_ok(json_get(v, "access_keys", &list, NULL))) {
        return;
    }
    while (json_next(list, &it, &one)) {
        struct bytes id = manage_text(one, "access_key_id"), owner = manage_text(one, "owner"),
                     created = manage_text(one, "created");
        buf_addf(out, "%.*s  %-16.*s %.*s\n", BYTES_FMT(id), BYTES_FMT(owner), BYTES_FMT(created));
    }
}

static int access_key_create_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(c, "POST",
                        manage_path(&path, "/v1/tenants/", cli_get(c, "tenant"), "/access-keys"),
                        BYTES_NONE, credentials_show);
}

static int access_key_list_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(c, "GET",
                        manage_path(&path, "/v1/tenants/", cli_get(c, "tenant"), "/access-keys"),
                        BYTES_NONE, access_keys_show);
}

static void done_show(const struct cli *c, struct json v, struct buf *out)
{
    (void)v;
    buf_add_str(out, cli_say(c, "done\n", "完成\n"));
}

static int access_key_delete_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(
            c, "DELETE",
            manage_path(&path, "/v1/tenants/", cli_get(c, "tenant"), "/access-keys/", c->args[0]),
            BYTES_NONE, done_show);
}

const struct cli_command cli_access_key_create = {
    "access-key create",
    NULL,
    0,
    0,
    "a further access key (at most two)",
    "新建访问密钥（最多两个）",
    tenant_option,
    access_key_create_run,
};
const struct cli_command cli_access_key_list = {
    "access-key list",   NULL, 0, 0, "a tenant's access keys", "列出访问密钥", tenant_option,
    access_key_list_run,
};
const struct cli_command cli_access_key_delete = {
    "access-key delete",   "ID", 1, 1, "delete an access key", "删除访问密钥", tenant_option,
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

static void buckets_show(const struct cli *c, struct json v, struct buf *out)
{
    struct json list, one;
    struct json_iter it = { 0 };
    if (result_is_ok(json_get(v, "buckets", &list, NULL))) {
        while (json_next(list, &it, &one)) {
            bucket_show(c, one, out);
        }
    }
}

static int bucket_list_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return manage_print(c, "GET",
                        manage_path(&path, "/v1/tenants/", cli_get(c, "tenant"), "/buckets"),
                        BYTES_NONE, buckets_show);
}

static int bucket_set_run(struct cli *c)
{
    static const struct {
        const char *option, *member;
    } settings[] = { { "digest", "digest" }, { "key", "key_id" }, { "sse", "sse" } };
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    CLEANUP(buf_done_p) struct buf body = BUF(4096);
    struct jsonw w;
    jsonw_init(&w, &body);
    jsonw_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (cli_has(c, settings[i].option)) {
            jsonw_kv_cstr(&w, settings[i].member, cli_get(c, settings[i].option));
        }
    }
    jsonw_object_end(&w);
    return manage_print(
            c, "POST",
            manage_path(&path, "/v1/tenants/", cli_get(c, "tenant"), "/buckets/", c->args[0]),
            buf_bytes(&body), bucket_show);
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

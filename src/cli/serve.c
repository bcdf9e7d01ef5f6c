/* troth init, troth serve, troth config. */
#include "base/log.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "daemon/state.h"
#include "daemon/supervisor.h"
#include "keys/root.h"
#include "sys/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PASSPHRASE_MAX 1024

/* --- reading secrets: from a file, or from the terminal without echo --- */

/* The first line of a file. */
static RESULT secret_from_file(const char *path, struct secret **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(PASSPHRASE_MAX + 2);
    struct bytes rest, line;
    TRY(path_read(path, &text, e));
    rest = buf_bytes(&text);
    (void)bytes_split(&rest, '\n', &line);
    line = bytes_trim(line, "\r");
    if (line.n == 0) {
        FAIL(e, ERRC_FORMAT, "%s: empty", path);
    }
    return secret_of(line, ret);
}

static RESULT secret_from_terminal(const char *prompt, struct secret **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf line = BUF_SECRET(ASK_MAX);
    if (!ask_is_terminal()) {
        FAIL(e, ERRC_UNSUPPORTED, "no terminal to ask on: use --passphrase-file");
    }
    TRY(ask_line(prompt, true, &line, e));
    return secret_of(buf_bytes(&line), ret);
}

static RESULT passphrase_get(const struct cli *c, struct secret **ret, struct error *e)
{
    const char *file = cli_get(c, "passphrase-file");
    if (file != NULL) {
        return secret_from_file(file, ret, e);
    }
    return secret_from_terminal(cli_say(c, "Passphrase of the root key", "根密钥口令"), ret, e);
}

/* --- init --- */

/* "3/5" */
static bool shares_parse(const char *text, struct state_init *in)
{
    uint64_t k = 0, n = 0;
    struct bytes rest = bytes_str(text), head;
    if (!bytes_split(&rest, '/', &head) || !result_is_ok(num_u64(head, 2, 16, &k)) ||
        !result_is_ok(num_u64(rest, k, 16, &n))) {
        return false;
    }
    in->shares_k = (unsigned)k;
    in->shares_n = (unsigned)n;
    return true;
}

static void shares_print(const struct cli *c, struct jsonw *w, const struct state_init *in)
{
    for (unsigned i = 0; i < in->shares_n; i++) {
        CLEANUP(buf_done_p) struct buf text = BUF_SECRET(1024);
        buf_add_base64url(&text, bytes_of(in->ret_shares[i].b, in->ret_shares[i].n));
        if (c->is_json) {
            jsonw_cstr(w, buf_cstr(&text));
        } else {
            (void)printf(cli_say(c, "share %u of %u (any %u open): %s\n",
                                 "第 %u 份（共 %u 份，任意 %u 份可开启）：%s\n"),
                         i + 1, in->shares_n, in->shares_k, buf_cstr(&text));
        }
    }
}

static int init_report(const struct cli *c, const struct state_init *in)
{
    CLEANUP(buf_done_p) struct buf out = BUF_SECRET(64 * 1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "dir", in->dir);
    jsonw_kv_cstr(&w, "root", in->form);
    jsonw_key(&w, "shares");
    jsonw_array(&w);
    shares_print(c, &w, in);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_add_u8(&out, '\n');
    if (c->is_json) {
        return cli_print(c, &out);
    }
    (void)printf(cli_say(c, "state made in %s (root key: %s)\nnext: troth serve --dir %s\n",
                         "状态目录已建立：%s（根密钥形式：%s）\n下一步：troth serve --dir %s\n"),
                 in->dir, in->form, in->dir);
    return CLI_OK;
}

static int init_run(struct cli *c)
{
    struct error e;
    const char *dir = cli_dir(c), *shares = cli_get(c, "shares");
    struct shamir_share list[16] = { 0 };
    CLEANUP(secret_free_p) struct secret *passphrase = NULL;
    struct state_init in = { .dir = dir,
                             .origin = cli_get(c, "origin"),
                             .listen = cli_get(c, "listen") };
    if (dir == NULL) {
        return CLI_USAGE;
    }
    in.form = shares != NULL                                              ? "shares"
              : cli_has(c, "passphrase") || cli_has(c, "passphrase-file") ? "passphrase"
                                                                          : "file";
    in.name_count = cli_get_all(c, "name", &in.names);
    in.ret_shares = list;
    if (shares != NULL && !shares_parse(shares, &in)) {
        return cli_usage(
                c, "%s",
                cli_say(c, "--shares K/N, 2 <= K <= N <= 16", "--shares K/N，2 <= K <= N <= 16"));
    }
    if (strcmp(in.form, "passphrase") == 0) {
        if (!result_is_ok(passphrase_get(c, &passphrase, &e))) {
            return cli_refuse(c, &e);
        }
        in.passphrase = secret_bytes(passphrase);
    }
    struct result r = state_init(&in, &e);
    int status = result_is_ok(r) ? init_report(c, &in) : cli_refuse(c, &e);
    mem_wipe(list, sizeof(list));
    return status;
}

static const struct cli_option init_options[] = {
    { "origin", "NAME", "name of this deployment; logs are <origin>/<tenant>",
      "本部署名称；日志名为 <origin>/<租户>", false, false },
    { "listen", "ADDR:PORT", "address of the HTTPS service", "HTTPS 服务地址", false, false },
    { "name", "NAME", "host name or address for the server certificate",
      "写入服务器证书的主机名或地址", false, true },
    { "passphrase", NULL, "seal the root key by a passphrase (asked for)",
      "以口令密封根密钥（将提示输入）", false, false },
    { "passphrase-file", "FILE", "the same, first line of FILE", "同上，取文件首行", false, false },
    { "shares", "K/N", "split the root key: any K of N shares open it",
      "拆分根密钥：N 份中任意 K 份可开启", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_init = {
    "init",
    NULL,
    0,
    0,
    "make a state folder: root key, local CA, server certificate",
    "建立状态目录：根密钥、本地 CA、服务器证书",
    init_options,
    init_run,
};

/* --- serve --- */

static RESULT share_read(const char *path, struct secret **ret, struct error *e)
{
    CLEANUP(secret_free_p) struct secret *line = NULL;
    CLEANUP(buf_done_p) struct buf raw = BUF_SECRET(1024);
    TRY(secret_from_file(path, &line, e));
    TRY_MSG(base64url_decode(secret_bytes(line), &raw), e, "%s: no share", path);
    return secret_of(buf_bytes(&raw), ret);
}

static RESULT unseal_get(const struct cli *c, const struct config *conf,
                         struct supervisor_options *o, struct error *e)
{
    if (strcmp(conf->root_form, "passphrase") == 0) {
        TRY(passphrase_get(c, &o->unseal[0], e));
        o->unseal_count = 1;
    } else if (strcmp(conf->root_form, "shares") == 0) {
        const char *const *files = NULL;
        size_t n = cli_get_all(c, "share-file", &files);
        if (n == 0) {
            FAIL(e, ERRC_NOT_FOUND,
                 "the root key is split: give --share-file FILE as often as needed");
        }
        for (size_t i = 0; i < n && i < UNSEAL_MAX; i++) {
            TRY(share_read(files[i], &o->unseal[o->unseal_count], e));
            o->unseal_count++;
        }
    }
    return RESULT_OK;
}

static RESULT serve(struct cli *c, const char *dir, struct supervisor_options *o, struct error *e)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(fs_close_p) struct fs_file *lock = NULL;
    struct config conf;
    TRY(state_open(dir, &path, e));
    TRY(config_load(buf_cstr(&path), &conf, e));
    TRY(state_lock(buf_cstr(&path), &fs, &lock, e));
    TRY(secret_harden_process(e));
    TRY(unseal_get(c, &conf, o, e));
    log_init("supervisor", log_level_by_name(conf.log_level), conf.log_json);
    o->dir = buf_cstr(&path);
    o->listen = cli_get(c, "listen");
    return supervisor_run(o, &conf, e);
}

static int serve_run(struct cli *c)
{
    struct error e;
    const char *dir = cli_dir(c);
    if (dir == NULL) {
        return CLI_USAGE;
    }
    struct supervisor_options o = { 0 };
    struct result r = serve(c, dir, &o, &e);
    for (size_t i = 0; i < o.unseal_count; i++) {
        secret_free(o.unseal[i]);
    }
    return result_is_ok(r) ? CLI_OK : cli_refuse(c, &e);
}

static const struct cli_option serve_options[] = {
    { "listen", "ADDR:PORT", "instead of the setting; port 0: any", "覆盖设置；端口 0 表示任意",
      false, false },
    { "passphrase-file", "FILE", "passphrase of the root key, first line", "根密钥口令文件（首行）",
      false, false },
    { "share-file", "FILE", "a share of the root key", "根密钥的一份", false, true },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_serve = {
    "serve",
    NULL,
    0,
    0,
    "run the server in the foreground; prints 'ready https://ADDR:PORT'",
    "在前台运行服务器；就绪时输出 'ready https://地址:端口'",
    serve_options,
    serve_run,
};

/* --- config --- */

static int config_run(struct cli *c)
{
    struct error e;
    struct config conf;
    CLEANUP(buf_done_p) struct buf out = BUF(256 * 1024);
    if (c->dir == NULL) {
        config_defaults(&conf);
    } else if (!result_is_ok(config_load(c->dir, &conf, &e))) {
        return cli_refuse(c, &e);
    }
    if (!cli_has(c, "dump")) {
        buf_add_str(&out, cli_say(c, "the configuration is valid\n", "配置有效\n"));
        return cli_print(c, &out);
    }
    config_dump(&conf, c->is_zh, &out);
    return cli_print(c, &out);
}

static const struct cli_option config_options[] = {
    { "dump", NULL, "print every setting with its documentation", "输出全部设置及说明", false,
      false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_config = {
    "config",
    NULL,
    0,
    0,
    "check the configuration, or print all of it",
    "检查配置，或输出全部配置",
    config_options,
    config_run,
};

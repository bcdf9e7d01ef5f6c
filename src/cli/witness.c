/*
 * troth witness ...: the customer's witness. The folder is --dir; it stands on the customer's side
 * and needs nothing of the provider's.
 */
#include "cli/witness_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/selftest.h"
#include "crypto/x509.h"
#include "sys/path.h"

#define OUTPUT_MAX (1u << 20)

void witness_folder_done(struct witness_folder *o)
{
    witness_free(o->w);
    fs_free(o->fs);
}

RESULT witness_folder_open(const struct cli *c, struct witness_folder *ret, struct error *e)
{
    TRY(crypto_self_test(e));
    TRY(fs_open_dir(c->dir, &ret->fs, e));
    TRY_MSG(witness_open(ret->fs, &clock_system, &ret->w, e), e, "%s", c->dir);
    return RESULT_OK;
}

void witness_log_start(const struct cli *c)
{
    log_init("witness", LOG_INFO, c->is_json);
}

/* An absolute path of what was named on the command line. */
RESULT witness_absolute(const char *path, char *dst, size_t cap, struct error *e)
{
    CLEANUP(buf_done_p) struct buf full = BUF(cap - 1);
    TRY_MSG(path_absolute(path, &full, e), e, "%s", path);
    memcpy(dst, buf_cstr(&full), full.n + 1);
    return RESULT_OK;
}

/* --- init, add --- */

static RESULT log_of_options(const struct cli *c, const char *vkey, struct witness_log *ret,
                             struct error *e)
{
    const char *url = cli_get(c, "url"), *ca = cli_get(c, "ca");
    *ret = (struct witness_log){ .url = "" };
    TRY(note_key_parse(bytes_str(vkey), &ret->key, e));
    if (url != NULL) {
        size_t n = strlen(url);
        n -= n > 0 && url[n - 1] == '/';
        if (!bytes_has_prefix(bytes_str(url), BYTES_LIT("https://")) || n >= sizeof(ret->url)) {
            FAIL(e, ERRC_RANGE, "--url: https://... of at most %zu bytes", sizeof(ret->url) - 1);
        }
        memcpy(ret->url, url, n);
        ret->url[n] = '\0';
    }
    return ca == NULL ? RESULT_OK : witness_absolute(ca, ret->ca, sizeof(ret->ca), e);
}

static RESULT tls_make(struct fs *fs, const char *const *names, size_t count, struct error *e)
{
    static const char *const local[] = { "localhost", "127.0.0.1", "::1" };
    CLEANUP(x509_pair_done_p) struct x509_pair ca = { 0 };
    CLEANUP(x509_pair_done_p) struct x509_pair server = { 0 };
    int64_t now = clock_wall_ms(&clock_system);
    TRY(fs_mkdir(fs, "tls", e));
    TRY(x509_ca_new("Troth witness CA", now, &ca, e));
    TRY(x509_leaf_new(&ca, X509_SERVER, "Troth witness", count > 0 ? names : local,
                      count > 0 ? count : ARRAY_LEN(local), now, &server, e));
    TRY(fs_write_file(fs, "tls/ca.key", buf_bytes(&ca.key_pem), e));
    TRY(fs_write_file(fs, "tls/ca.crt", buf_bytes(&ca.cert_pem), e));
    TRY(fs_write_file(fs, "tls/server.key", buf_bytes(&server.key_pem), e));
    return fs_write_file(fs, "tls/server.crt", buf_bytes(&server.cert_pem), e);
}

static RESULT init_all(const struct cli *c, struct witness_folder *o, struct error *e)
{
    const char *const *hosts = NULL;
    const char *vkey = cli_get(c, "log");
    size_t count = cli_get_all(c, "host", &hosts);
    struct witness_log log;
    if (vkey != NULL) {
        TRY_MSG(log_of_options(c, vkey, &log, e), e, "--log");
    }
    TRY(path_make_folder(c->dir, e));
    TRY(crypto_self_test(e));
    TRY(fs_open_dir(c->dir, &o->fs, e));
    TRY(witness_init(o->fs, cli_get(c, "name"), &rng_system, e));
    TRY(tls_make(o->fs, hosts, count, e));
    TRY(witness_open(o->fs, &clock_system, &o->w, e));
    return vkey == NULL ? RESULT_OK : witness_add_log(o->w, &log, e);
}

static int init_run(struct cli *c)
{
    CLEANUP(witness_folder_done_p) struct witness_folder o = { NULL, NULL };
    CLEANUP(buf_done_p) struct buf out = BUF(OUTPUT_MAX);
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    struct error e = { .code = ERRC_OK };
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    if (!result_is_ok(init_all(c, &o, &e))) {
        return cli_refuse(c, &e);
    }
    note_key_text(witness_key(o.w), &vkey);
    if (c->is_json) {
        struct jsonw w;
        jsonw_init(&w, &out);
        jsonw_object(&w);
        jsonw_kv_cstr(&w, "dir", c->dir);
        jsonw_kv_str(&w, "vkey", buf_bytes(&vkey));
        jsonw_object_end(&w);
        buf_add_u8(&out, '\n');
    } else {
        buf_addf(&out,
                 cli_say(c,
                         "witness made in %s\nits key, for the policy and for the provider's "
                         "setting "
                         "ledger.witnesses:\n%s\n",
                         "见证者已建立：%s\n其公钥（写入信任策略，并提供给服务方设置 "
                         "ledger.witnesses）：\n%s\n"),
                 c->dir, buf_cstr(&vkey));
    }
    return cli_print(c, &out);
}

static const struct cli_option init_options[] = {
    { "name", "NAME", "name of the witness, as in its key (for example witness.example)",
      "见证者名称，如 witness.example", true, false },
    { "host", "HOST", "name or address in its certificate (default: this machine)",
      "证书中的主机名或地址（默认本机）", false, true },
    { "log", "VKEY", "a log to follow (more: troth witness add)",
      "要跟踪的日志公钥（更多：troth witness add）", false, false },
    { "url", "URL", "where that log is read: https://HOST/log/ORIGIN",
      "该日志的读取地址：https://主机/log/日志名", false, false },
    { "ca", "FILE", "CA of that address", "该地址的 CA 证书", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_witness_init = {
    "witness init",       NULL,         0,        0, "make a witness on the customer's side",
    "在客户侧建立见证者", init_options, init_run,
};

static int add_run(struct cli *c)
{
    CLEANUP(witness_folder_done_p) struct witness_folder o = { NULL, NULL };
    struct error e = { .code = ERRC_OK };
    struct witness_log log;
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    if (!result_is_ok(log_of_options(c, c->args[0], &log, &e))) {
        return cli_usage(c, "%s", e.msg);
    }
    if (!result_is_ok(witness_folder_open(c, &o, &e)) ||
        !result_is_ok(witness_add_log(o.w, &log, &e))) {
        return cli_refuse(c, &e);
    }
    return CLI_OK;
}

static const struct cli_option add_options[] = {
    { "url", "URL", "where the log is read: https://HOST/log/ORIGIN; without it the log submits",
      "日志的读取地址；省略时由日志方提交", false, false },
    { "ca", "FILE", "CA of that address", "该地址的 CA 证书", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_witness_add = {
    "witness add",
    "VKEY",
    1,
    1,
    "follow a log, or change where it is read",
    "跟踪一个日志，或更改其读取地址",
    add_options,
    add_run,
};

/* --- status --- */

struct status_out {
    const struct cli *c;
    struct buf *out;
    struct jsonw w;
    uint64_t alarms;
};

static struct result status_one(void *arg, const struct witness_status *s, struct error *e)
{
    struct status_out *o = arg;
    char time[TIME_TEXT_MAX];
    (void)e;
    o->alarms += s->alarms;
    if (!o->c->is_json) {
        buf_addf(o->out,
                 cli_say(o->c, "%s  size %llu  cosigned %s  copied %llu  alarms %llu\n",
                         "%s  大小 %llu  联署于 %s  副本 %llu  告警 %llu\n"),
                 s->log.key.name, (unsigned long long)s->size,
                 s->cosigned_ms == 0
                         ? "-"
                         : (o->c->is_zh ? time_beijing : time_rfc3339)(s->cosigned_ms, time),
                 (unsigned long long)s->copied, (unsigned long long)s->alarms);
        return buf_result(o->out);
    }
    jsonw_object(&o->w);
    jsonw_kv_u64(&o->w, "alarms", s->alarms);
    jsonw_kv_u64(&o->w, "copied", s->copied);
    if (s->cosigned_ms != 0) {
        jsonw_kv_cstr(&o->w, "cosigned", time_rfc3339(s->cosigned_ms, time));
    }
    jsonw_kv_cstr(&o->w, "log", s->log.key.name);
    jsonw_kv_base64(&o->w, "root", BYTES_OF(s->root.b));
    jsonw_kv_u64(&o->w, "size", s->size);
    jsonw_kv_cstr(&o->w, "url", s->log.url);
    jsonw_object_end(&o->w);
    return buf_result(o->out);
}

/* Exit 1 when there are alarms: for scripts that watch. */
static int status_run(struct cli *c)
{
    CLEANUP(witness_folder_done_p) struct witness_folder o = { NULL, NULL };
    CLEANUP(buf_done_p) struct buf out = BUF(4 * OUTPUT_MAX);
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    struct status_out s = { .c = c, .out = &out };
    struct error e = { .code = ERRC_OK };
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    if (!result_is_ok(witness_folder_open(c, &o, &e))) {
        return cli_refuse(c, &e);
    }
    note_key_text(witness_key(o.w), &vkey);
    if (c->is_json) {
        jsonw_init(&s.w, &out);
        jsonw_object(&s.w);
        jsonw_key(&s.w, "logs");
        jsonw_array(&s.w);
    } else {
        buf_addf(&out, cli_say(c, "witness %s\n", "见证者 %s\n"), buf_cstr(&vkey));
    }
    if (!result_is_ok(witness_each(o.w, status_one, &s, &e))) {
        return cli_refuse(c, &e);
    }
    if (c->is_json) {
        jsonw_array_end(&s.w);
        jsonw_kv_str(&s.w, "vkey", buf_bytes(&vkey));
        jsonw_object_end(&s.w);
        buf_add_u8(&out, '\n');
    }
    int status = cli_print(c, &out);
    return s.alarms > 0 ? CLI_REFUSED : status;
}

const struct cli_command cli_witness_status = {
    "witness status",
    NULL,
    0,
    0,
    "logs followed, last size, alarms (exit 1 when there are some)",
    "跟踪的日志、最近大小、告警（有告警时退出码为 1）",
    NULL,
    status_run,
};

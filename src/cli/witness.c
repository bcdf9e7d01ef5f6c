/*
 * troth witness ...: the customer's witness. The folder is --dir; it stands on the customer's side
 * and needs nothing of the provider's.
 */
#include "ledger/witness.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/commands.h"
#include "crypto/selftest.h"
#include "crypto/x509.h"
#include "net/http.h"
#include "sys/path.h"
#include "sys/proc.h"
#include "sys/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define OUTPUT_MAX   (1u << 20)
#define PEM_MAX      (256u * 1024)
#define POOL_THREADS 4
#define PATH_CAP     8192
#define END_MS       5000

/* The folder as a file system, and the witness in it. */
struct opened {
    struct fs *fs;
    struct witness *w;
};

static void opened_done(struct opened *o)
{
    witness_free(o->w);
    fs_free(o->fs);
}
DEFINE_CLEANUP_DONE(opened_done, struct opened)

static RESULT witness_dir_open(const struct cli *c, struct opened *ret, struct error *e)
{
    TRY(crypto_self_test(e));
    TRY(fs_open_dir(c->dir, &ret->fs, e));
    TRY_MSG(witness_open(ret->fs, &clock_system, &ret->w, e), e, "%s", c->dir);
    return RESULT_OK;
}

static void log_start(const struct cli *c)
{
    log_init("witness", LOG_INFO, c->is_json);
}

/* An absolute path of what was named on the command line. */
static RESULT absolute(const char *path, char *dst, size_t cap, struct error *e)
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
    return ca == NULL ? RESULT_OK : absolute(ca, ret->ca, sizeof(ret->ca), e);
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

static RESULT init_all(const struct cli *c, struct opened *o, struct error *e)
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
    CLEANUP(opened_done_p) struct opened o = { NULL, NULL };
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
    CLEANUP(opened_done_p) struct opened o = { NULL, NULL };
    struct error e = { .code = ERRC_OK };
    struct witness_log log;
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    if (!result_is_ok(log_of_options(c, c->args[0], &log, &e))) {
        return cli_usage(c, "%s", e.msg);
    }
    if (!result_is_ok(witness_dir_open(c, &o, &e)) ||
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
    CLEANUP(opened_done_p) struct opened o = { NULL, NULL };
    CLEANUP(buf_done_p) struct buf out = BUF(4 * OUTPUT_MAX);
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    struct status_out s = { .c = c, .out = &out };
    struct error e = { .code = ERRC_OK };
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    if (!result_is_ok(witness_dir_open(c, &o, &e))) {
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

/* --- pull --- */

struct pull_list {
    const char *only;
    struct witness_log *logs;
    size_t count;
};

static struct result pull_collect(void *arg, const struct witness_status *s, struct error *e)
{
    struct pull_list *l = arg;
    (void)e;
    if (s->log.url[0] != '\0' && (l->only == NULL || strcmp(l->only, s->log.key.name) == 0)) {
        l->logs = mem_realloc(l->logs, (l->count + 1) * sizeof(*l->logs));
        l->logs[l->count++] = s->log;
    }
    return RESULT_OK;
}

/* All once. False: one failed. */
static bool pull_round(struct witness *w, const struct pull_list *l)
{
    bool is_well = true;
    for (size_t i = 0; i < l->count; i++) {
        enum witness_pull_result got = WITNESS_UNCHANGED;
        uint64_t size = 0;
        struct error e = { .code = ERRC_OK };
        if (!result_is_ok(witness_pull_http(w, &l->logs[i], &got, &size, &e))) {
            log_error("pull: %s", e.msg);
            is_well = false;
        } else if (got == WITNESS_ADVANCED) {
            log_info("pull: %s: cosigned at size %llu", l->logs[i].key.name,
                     (unsigned long long)size);
        }
    }
    return is_well;
}

static int pull_run(struct cli *c)
{
    CLEANUP(opened_done_p) struct opened o = { NULL, NULL };
    struct pull_list l = { .only = cli_get(c, "log") };
    const char *every = cli_get(c, "every");
    struct error e = { .code = ERRC_OK };
    uint64_t every_ms = 0;
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    if (every != NULL &&
        !result_is_ok(num_duration_ms(bytes_str(every), 1000, 86400000, &every_ms))) {
        return cli_usage(c, "%s", cli_say(c, "--every: 1s to 24h", "--every：1s 到 24h"));
    }
    log_start(c);
    if (!result_is_ok(witness_dir_open(c, &o, &e)) ||
        !result_is_ok(witness_each(o.w, pull_collect, &l, &e))) {
        return cli_refuse(c, &e);
    }
    if (l.count == 0) {
        result_ignore(error_set(&e, ERRC_NOT_FOUND, "no log with an address to pull from"));
        return cli_refuse(c, &e);
    }
    bool is_well = pull_round(o.w, &l);
    while (every_ms > 0) {
        co_sleep_ms((int64_t)every_ms);
        is_well = pull_round(o.w, &l);
    }
    mem_free(l.logs);
    return is_well ? CLI_OK : CLI_REFUSED;
}

static const struct cli_option pull_options[] = {
    { "log", "ORIGIN", "this log alone", "仅此日志", false, false },
    { "every", "30s", "go on, at this interval", "按此间隔持续进行", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_witness_pull = {
    "witness pull",
    NULL,
    0,
    0,
    "fetch checkpoints and entries, check, copy and cosign them",
    "拉取检查点与条目，核对、留存副本并联署",
    pull_options,
    pull_run,
};

/* --- serve --- */

struct server {
    struct witness *w;
    struct pool *pool;
    struct loop *loop;
    struct http_server *http;
    struct loop_fd signals;
};

struct add_call {
    struct witness *w;
    struct bytes body;
    struct buf *out;
    unsigned status;
    const char *type;
    struct result r;
    struct error e;
};

static void add_call(void *arg)
{
    struct add_call *a = arg;
    a->r = witness_add_checkpoint(a->w, a->body, &a->status, &a->type, a->out, &a->e);
}

static void handle(void *ctx, struct http_exchange *x)
{
    struct server *s = ctx;
    const struct http_request *rq = http_request(x);
    CLEANUP(buf_done_p) struct buf body = BUF(WITNESS_BODY_MAX);
    CLEANUP(buf_done_p) struct buf out = BUF(16 * 1024);
    struct add_call a = { .w = s->w, .out = &out };
    if (!bytes_equal_str(rq->path, "/add-checkpoint")) {
        result_ignore(http_respond(x, 404, "text/plain", BYTES_LIT("not here\n"), NULL));
        return;
    }
    if (!bytes_equal_str(rq->method, "POST")) {
        http_set_header_str(x, "Allow", "POST");
        result_ignore(http_respond(x, 405, NULL, BYTES_NONE, NULL));
        return;
    }
    struct result r = http_read_all(x, &body, &a.e);
    if (!result_is_ok(r)) {
        result_ignore(http_respond(x, r.code == ERRC_LIMIT ? 413 : 400, "text/plain",
                                   BYTES_LIT("body\n"), NULL));
        return;
    }
    a.body = buf_bytes(&body);
    co_call(s->pool, add_call, &a);
    if (!result_is_ok(a.r)) {
        log_error("add-checkpoint: %s", a.e.msg);
        result_ignore(
                http_respond(x, 500, "text/plain", BYTES_LIT("the witness can't answer\n"), NULL));
        return;
    }
    log_info("add-checkpoint from %s: %u", rq->peer_host, a.status);
    result_ignore(http_respond(x, a.status, a.type, buf_bytes(&out), NULL));
}

/* What runs may finish. */
static void serving_end(void *arg)
{
    struct server *s = arg;
    http_server_drain(s->http);
    for (int waited = 0; http_server_active(s->http) > 0 && waited < END_MS; waited += 20) {
        co_sleep_ms(20);
    }
    http_server_close_all(s->http);
    while (http_server_active(s->http) > 0) {
        co_sleep_ms(5);
    }
    loop_stop(s->loop);
}

static void on_signal(struct loop_fd *f, uint32_t events)
{
    struct server *s = CONTAINER_OF(f, struct server, signals);
    (void)events;
    struct error e;
    loop_fd_del(s->loop, &s->signals);
    if (!result_is_ok(co_spawn(s->loop, serving_end, s, &e))) {
        loop_stop(s->loop);
    }
}

static RESULT tls_of_folder(const struct cli *c, struct fs *fs, struct tls_ctx **ret,
                            struct error *e)
{
    CLEANUP(buf_done_p) struct buf cert = BUF(PEM_MAX);
    CLEANUP(buf_done_p) struct buf key = BUF_SECRET(PEM_MAX);
    (void)c;
    TRY(fs_read_file(fs, "tls/server.crt", PEM_MAX, &cert, e));
    TRY(fs_read_file(fs, "tls/server.key", PEM_MAX, &key, e));
    return tls_server_ctx_new(buf_bytes(&cert), buf_bytes(&key), BYTES_NONE, TLS_CLIENT_NONE, ret,
                              e);
}

/*= 2.1.3-8 "what parses strangers' bytes reaches nothing but its own folder" */
static RESULT cage(const char *dir, struct error *e)
{
    CLEANUP(buf_done_p) struct buf report = BUF(4096);
    char full[PATH_CAP];
    TRY(absolute(dir, full, sizeof(full), e));
    const struct sandbox_path paths[] = { { full, true } };
    TRY_MSG(sandbox_enter(SANDBOX_WITNESS, paths, 1, &report, e), e, "sandbox");
    log_info("sandbox: %s", buf_cstr(&report));
    return RESULT_OK;
}

/* Everything that comes from outside the folder is opened before the cage closes. */
static RESULT serve(struct cli *c, struct opened *o, struct error *e)
{
    CLEANUP(tls_ctx_unref_p) struct tls_ctx *tls = NULL;
    CLEANUP(pool_free_p) struct pool *pool = NULL;
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    const char *listen = cli_get(c, "listen");
    char addr[SOCK_ADDR_TEXT_MAX];
    int fd = -1;
    struct server s = { .w = o->w };
    TRY(tls_of_folder(c, o->fs, &tls, e));
    TRY(sock_listen_tcp(listen == NULL ? "127.0.0.1:8460" : listen, 128, &fd, addr, e));
    static const int stops[] = { SIGTERM, SIGINT };
    s.signals = (struct loop_fd){ .fn = on_signal };
    TRY(proc_signals_open(stops, ARRAY_LEN(stops), &s.signals.fd, e));
    TRY(cage(c->dir, e));
    TRY(loop_new(&loop, e));
    TRY(pool_new(POOL_THREADS, &pool, e));
    s.loop = loop;
    s.pool = pool;
    struct http_shared *shared = http_shared_new(&http_limits_default);
    TRY(http_server_new(loop, shared, handle, &s, &s.http, e));
    TRY(http_server_listen(s.http, fd, tls, e));
    TRY(loop_fd_add(loop, &s.signals, EPOLLIN, e));
    (void)printf(cli_say(c, "witness serves https://%s/add-checkpoint\n",
                         "见证者服务地址 https://%s/add-checkpoint\n"),
                 addr);
    (void)fflush(stdout);
    struct result r = loop_run(loop, e);
    http_server_free(s.http);
    http_shared_free(shared);
    (void)close(s.signals.fd);
    sock_close(fd);
    return r;
}

static int serve_run(struct cli *c)
{
    CLEANUP(opened_done_p) struct opened o = { NULL, NULL };
    struct error e = { .code = ERRC_OK };
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    log_start(c);
    if (!result_is_ok(witness_dir_open(c, &o, &e)) || !result_is_ok(serve(c, &o, &e))) {
        return cli_refuse(c, &e);
    }
    return CLI_OK;
}

static const struct cli_option serve_options[] = {
    { "listen", "ADDR", "address (default 127.0.0.1:8460)", "监听地址（默认 127.0.0.1:8460）",
      false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_witness_serve = {
    "witness serve",
    NULL,
    0,
    0,
    "take checkpoints over HTTPS (C2SP tlog-witness) and cosign them",
    "通过 HTTPS 接收检查点（C2SP tlog-witness）并联署",
    serve_options,
    serve_run,
};

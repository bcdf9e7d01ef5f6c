/* troth witness pull, troth witness serve: what runs on. */
#include "cli/witness_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "net/http.h"
#include "sys/proc.h"
#include "sys/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PEM_MAX      (256u * 1024)
#define POOL_THREADS 4
#define PATH_CAP     8192
#define END_MS       5000

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
    CLEANUP(witness_folder_done_p) struct witness_folder o = { NULL, NULL };
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
    witness_log_start(c);
    if (!result_is_ok(witness_folder_open(c, &o, &e)) ||
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
    TRY(witness_absolute(dir, full, sizeof(full), e));
    const struct sandbox_path paths[] = { { full, true } };
    TRY_MSG(sandbox_enter(SANDBOX_WITNESS, paths, 1, &report, e), e, "sandbox");
    log_info("sandbox: %s", buf_cstr(&report));
    return RESULT_OK;
}

/* Everything that comes from outside the folder is opened before the cage closes. */
static RESULT serve(struct cli *c, struct witness_folder *o, struct error *e)
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
    CLEANUP(witness_folder_done_p) struct witness_folder o = { NULL, NULL };
    struct error e = { .code = ERRC_OK };
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    witness_log_start(c);
    if (!result_is_ok(witness_folder_open(c, &o, &e)) || !result_is_ok(serve(c, &o, &e))) {
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
